package ledger_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

type entryProofForm struct {
	name  string
	proof *ledger.EntryProof
	want  ledger.Code
}

// entryProofForms is right and wrong proofs of entries of wh's chain: a charter,
// a grant and a record with three disclosures and three subjects.
func entryProofForms(net *ledgertest.Net) []entryProofForm {
	b := net.NewChain("wh")
	b.Record(ledger.KindReceive, ledgertest.Disclose(ledger.Public, 1, "公开"), ledgertest.Disclose(ledger.Members, 2, "m"),
		ledgertest.Disclose(ledger.Own, 3, "o"), ledgertest.Subjects(10, 20, 30))
	b.Record(ledger.KindShip, ledgertest.Disclose(ledger.Public, 1, "other"))
	cp := b.Final()
	_, full := b.Opened(2)
	_, other := b.Opened(3)
	public := must(full.Audience(ledger.Public))
	prove := func(cp *ledger.Checkpoint, seq uint64, sc *ledger.Sidecar, subject int) *ledger.EntryProof {
		return must(ledger.ProveEntry(b.TileSource(), cp, seq, b.Entries[seq], sc, subject))
	}
	edit := func(edit func(p *ledger.EntryProof)) *ledger.EntryProof {
		p := prove(cp, 2, public, 1)
		p.Disclosures = slices.Clone(p.Disclosures)
		edit(p)
		return p
	}
	line := func(n int, text func(string) string) *ledger.EntryProof {
		return edit(func(p *ledger.EntryProof) {
			lines := strings.Split(p.Proof, "\n")
			lines[n] = text(lines[n])
			p.Proof = strings.Join(lines, "\n")
		})
	}
	is := func(s string) func(string) string { return func(string) string { return s } }
	fork := b.At(2)
	fork.Record(ledger.KindReceive)

	return []entryProofForm{
		{"a record, what is public and one subject", edit(func(*ledger.EntryProof) {}), ""},
		{"a record, nothing shown", prove(cp, 2, nil, -1), ""},
		{"a record, all shown", prove(cp, 2, full, 2), ""},
		{"a charter entry", prove(cp, 0, nil, -1), ""},
		{"a grant", prove(cp, 1, nil, -1), ""},
		{"a quorum and no more", prove(b.Cosign(b.Checkpoint(), "audit", "dist"), 2, nil, -1), ""},
		{"no quorum", prove(b.Cosign(b.Checkpoint(), "audit"), 2, nil, -1), ledger.CodeQuorum},
		{"another position", line(1, is("index 1")), ledger.CodeTree},
		{"a position outside", line(1, is("index 4")), ledger.CodeTree},
		{"a position with a leading zero", line(1, is("index 02")), ledger.CodeNotCanonical},
		{"another format", line(0, is("c2sp.org/tlog-proof@v2")), ledger.CodeForm},
		{"a path with a hash less", edit(func(p *ledger.EntryProof) {
			lines := strings.Split(p.Proof, "\n")
			p.Proof = strings.Join(slices.Delete(lines, 2, 3), "\n")
		}), ledger.CodeTree},
		{"a changed path", line(2, is(base64.StdEncoding.EncodeToString(make([]byte, 32)))), ledger.CodeTree},
		{"loose base64 in the path", line(2, loosen), ledger.CodeNotCanonical},
		{"another entry", edit(func(p *ledger.EntryProof) { p.Entry = b.Entries[3] }), ledger.CodeTree},
		{"an entry of another history", edit(func(p *ledger.EntryProof) { p.Entry = fork.Entries[2] }), ledger.CodeTree},
		{"no entry", edit(func(p *ledger.EntryProof) { p.Entry = nil }), ledger.CodeForm},
		{"no proof", edit(func(p *ledger.EntryProof) { p.Proof = "" }), ledger.CodeForm},
		{"a proof over its limit", edit(func(p *ledger.EntryProof) { p.Proof += strings.Repeat("a", 2*ledger.MaxCheckpointBytes) }), ledger.CodeTooLarge},
		{"a disclosure of another record", edit(func(p *ledger.EntryProof) { p.Disclosures = other.Disclosures }), ledger.CodeSidecar},
		{"a disclosure twice", edit(func(p *ledger.EntryProof) { p.Disclosures = append(p.Disclosures, p.Disclosures[0]) }), ledger.CodeSidecar},
		{"a changed disclosure", edit(func(p *ledger.EntryProof) {
			p.Disclosures[0] = slices.Clone(p.Disclosures[0])
			p.Disclosures[0][5] ^= 1
		}), ledger.CodeSidecar},
		{"another subject", edit(func(p *ledger.EntryProof) { p.Subject.Leaf = full.Leaves[0] }), ledger.CodeSidecar},
		{"a subject that is no leaf", edit(func(p *ledger.EntryProof) { p.Subject.Leaf = []byte{1} }), ledger.CodeSidecar},
		{"a subject for a record without", func() *ledger.EntryProof {
			p := prove(cp, 3, nil, -1)
			p.Subject = must(ledger.ProveLeaf(full.Leaves, 0))
			return p
		}(), ledger.CodeSidecar},
		{"a disclosure for a charter entry", func() *ledger.EntryProof {
			p := prove(cp, 0, nil, -1)
			p.Disclosures = public.Disclosures
			return p
		}(), ledger.CodeSidecar},
		{"another network's checkpoint", func() *ledger.EntryProof {
			o := ledgertest.New(ledgertest.WithSeed("other")).NewChain("wh")
			return must(ledger.ProveEntry(o.TileSource(), o.Final(), 1, o.Entries[1], nil, -1))
		}(), ledger.CodeUnknownChain},
	}
}

func TestEntryProof(t *testing.T) {
	net := ledgertest.New()
	for _, tt := range entryProofForms(net) {
		// As a file or over HTTP.
		var p ledger.EntryProof
		if err := json.Unmarshal(must(json.Marshal(tt.proof)), &p); err != nil {
			t.Fatal(err)
		}
		got, err := p.Verify(net.Network)
		wantCode(t, tt.name, err, tt.want)
		if err == nil && (got.Chain != 2 || got.Seq > 2 || len(got.Disclosures) != len(tt.proof.Disclosures) || (got.Subject == nil) != (tt.proof.Subject == nil)) {
			t.Errorf("%s: proves %+v", tt.name, got)
		}
	}
}

func TestEntryProofRevealsOneSubject(t *testing.T) {
	net := ledgertest.New()
	p := entryProofForms(net)[0].proof
	got := must(p.Verify(net.Network))
	if string(got.Subject) != string(cborUint(20)) {
		t.Errorf("subject %x, want %x", got.Subject, cborUint(20))
	}
	file := string(must(json.Marshal(p)))
	for name, secret := range map[string][]byte{
		"another subject": cborArray(cborUint(10)), "a members' disclosure": cborText("m"), "an own disclosure": cborText("o"),
	} {
		if strings.Contains(file, base64.StdEncoding.EncodeToString(secret)) {
			t.Errorf("the proof shows %s", name)
		}
	}
	if len(got.Disclosures) != 1 || got.Disclosures[0].Audience != ledger.Public {
		t.Errorf("disclosures %+v, want the public one", got.Disclosures)
	}
}

func TestGrantedBy(t *testing.T) {
	net := ledgertest.New()
	stranger := ledgertest.OperatorKey("stranger")
	b := net.NewChain("wh")
	b.Append(net.GrantTo("wh", ledger.AddressOf(stranger), []ledger.Kind{ledger.KindShip}))
	b.Append(net.Record("wh", ledger.KindShip, b.Now(), ledgertest.SignedBy(stranger)))
	b.Append(net.GrantTo("wh", ledger.AddressOf(stranger), []ledger.Kind{ledger.KindReceive}))
	dist := net.NewChain("dist")
	proven := func(b *ledgertest.Builder, seq uint64) *ledger.ProvenEntry {
		p := must(ledger.ProveEntry(b.TileSource(), b.Final(), seq, b.Entries[seq], nil, -1))
		return must(p.Verify(net.Network))
	}
	list := func(e ...*ledger.ProvenEntry) []*ledger.ProvenEntry { return e }
	rec := proven(b, 3)
	tests := []struct {
		name   string
		entry  *ledger.ProvenEntry
		grants []*ledger.ProvenEntry
		want   ledger.Code
	}{
		{"its grant", rec, list(proven(b, 2)), ""},
		{"its grant among others", rec, list(proven(b, 0), proven(b, 1), rec, proven(b, 2)), ""},
		{"none", rec, nil, ledger.CodeNoGrant},
		{"a grant to another", rec, list(proven(b, 1)), ledger.CodeNoGrant},
		{"a later grant of another kind", rec, list(proven(b, 4)), ledger.CodeNoGrant},
		{"a grant on another chain", rec, list(proven(dist, 1)), ledger.CodeNoGrant},
		{"a grant itself", proven(b, 2), nil, ""},
	}
	for _, tt := range tests {
		wantCode(t, tt.name, tt.entry.GrantedBy(tt.grants, net.Charter()), tt.want)
	}
	edited := *net.Charter()
	edited.Members = slices.DeleteFunc(slices.Clone(edited.Members), func(m ledger.Member) bool { return m.Slug == "wh" })
	wantCode(t, "a charter without the member", rec.GrantedBy(nil, &edited), ledger.CodeCharter)
}

func TestProveEntryOutsideTheCheckpoint(t *testing.T) {
	net := ledgertest.New()
	b := net.NewChain("wh")
	cp := b.Final()
	b.Record(ledger.KindReceive)
	for _, seq := range []uint64{2, 3, 1 << 40} {
		_, err := ledger.ProveEntry(b.TileSource(), cp, seq, b.Entries[0], nil, -1)
		wantCode(t, fmt.Sprintf("entry %d of %d", seq, cp.Size), err, ledger.CodeTree)
	}
	_, sc := b.Opened(2)
	_, err := ledger.ProveEntry(b.TileSource(), b.Final(), 2, b.Entries[2], sc, 0)
	wantCode(t, "a subject that is not there", err, ledger.CodeForm)
}
