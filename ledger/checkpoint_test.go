package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// noteParts are the lines of a checkpoint note, to put wrong.
type noteParts struct {
	text []string // origin, size, root
	sigs []string
}

func split(raw []byte) noteParts {
	text, sigs, _ := strings.Cut(string(raw), "\n\n")
	return noteParts{strings.Split(text, "\n"), strings.Split(strings.TrimSuffix(sigs, "\n"), "\n")}
}

func (p noteParts) join() []byte {
	return []byte(strings.Join(p.text, "\n") + "\n\n" + strings.Join(p.sigs, "\n") + "\n")
}

// signText signs any text as the log of a builder's chain would.
func signText(b *ledgertest.Builder, origin, text string) []byte {
	pub := b.Member.Log.Public().(ed25519.PublicKey)
	vkey := must(note.NewEd25519VerifierKey(origin, pub))
	sig := binary.BigEndian.AppendUint32(nil, must(note.NewVerifier(vkey)).KeyHash())
	sig = append(sig, ed25519.Sign(b.Member.Log, []byte(text))...)
	return fmt.Appendf(nil, "%s\n— %s %s\n", text, origin, base64.StdEncoding.EncodeToString(sig))
}

// loosen sets an unused bit at the end of base64, which a loose decoder ignores.
func loosen(b64 string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	at := len(strings.TrimRight(b64, "=")) - 1
	return b64[:at] + string(alphabet[strings.IndexByte(alphabet, b64[at])|1]) + b64[at+1:]
}

// changeSig changes the bytes behind the key id of a signature line.
func changeSig(line string, edit func(sig []byte)) string {
	name, b64, _ := strings.Cut(strings.TrimPrefix(line, "— "), " ")
	sig := must(base64.StdEncoding.DecodeString(b64))
	edit(sig[4:])
	return "— " + name + " " + base64.StdEncoding.EncodeToString(sig)
}

func forge(line string) string      { return changeSig(line, func(sig []byte) { sig[len(sig)-1] ^= 1 }) }
func changeTime(line string) string { return changeSig(line, func(sig []byte) { sig[7] ^= 1 }) }

func TestCheckpointCountsCosigners(t *testing.T) {
	net := ledgertest.New(ledgertest.WithSecondNode("wh"), ledgertest.WithCharter(func(c *ledger.Charter) {
		c.Cosigners = slices.DeleteFunc(c.Cosigners, func(w ledger.Cosigner) bool { return w.Member == "audit" })
	}))
	v := net.Network.Newest().Verifiers
	if q := net.Charter().Quorum(); q != 2 {
		t.Fatalf("quorum %d of three, want 2", q)
	}
	first, audit := net.NewChain("wh"), net.NewChain("audit")
	second := net.EmptyChain(net.Member("wh").Second.Number)
	second.Charter()

	tests := []struct {
		name    string
		b       *ledgertest.Builder
		cosign  []string
		want    []string
		isFinal bool
	}{
		{"the witness's node alone counts for its member", first, nil, []string{"wh"}, false},
		{"with its own cosignature it counts once", first, []string{"wh"}, []string{"wh"}, false},
		{"with another it is a quorum", first, []string{"dist"}, []string{"dist", "wh"}, true},
		{"with all", first, []string{"lanzhi", "dist", "wh"}, []string{"dist", "lanzhi", "wh"}, true},
		{"a second node counts for nobody", second, nil, nil, false},
		{"a second node with its member's witness", second, []string{"wh"}, []string{"wh"}, false},
		{"a second node with one other", second, []string{"dist"}, []string{"dist"}, false},
		{"a second node with two", second, []string{"wh", "dist"}, []string{"dist", "wh"}, true},
		{"a member that is no cosigner", audit, []string{"dist"}, []string{"dist"}, false},
		{"a member that is no cosigner, with two", audit, []string{"dist", "lanzhi"}, []string{"dist", "lanzhi"}, true},
		{"a member that is no cosigner cosigns", audit, []string{"audit", "dist"}, []string{"dist"}, false},
	}
	for _, tt := range tests {
		cp := tt.b.Cosign(tt.b.Checkpoint(), tt.cosign...)
		if !slices.Equal(cp.Cosigners, tt.want) || cp.Final != tt.isFinal {
			t.Errorf("%s: cosigners %v, final %v, want %v, %v", tt.name, cp.Cosigners, cp.Final, tt.want, tt.isFinal)
		}
		again, err := v.Open(cp.Note)
		if err != nil || again.Chain != tt.b.Number || again.Size != tt.b.Size() || again.Root != must(tt.b.Chain.Root()) {
			t.Errorf("%s: opened %+v (%v)", tt.name, again, err)
		}
	}
}

func TestOpenRefusesCheckpoints(t *testing.T) {
	net := ledgertest.New()
	v := net.Network.Newest().Verifiers
	for _, tt := range checkpointForms(net) {
		cp, err := v.Open(tt.raw)
		wantCode(t, tt.name, err, tt.want)
		if err == nil && strings.HasPrefix(tt.name, "the cosignature of one") && slices.Contains(cp.Cosigners, "lanzhi") {
			t.Errorf("%s counts for lanzhi", tt.name)
		}
	}
}

// checkpointForms is right and wrong checkpoints of wh's chain.
func checkpointForms(net *ledgertest.Net) []form {
	other := ledgertest.New(ledgertest.WithSeed("other"))
	wh := net.NewChain("wh")
	v := net.Network.Newest().Verifiers
	good := wh.Cosign(wh.Checkpoint(), "dist", "audit").Note
	origin := v.Origin(2)
	root := base64.StdEncoding.EncodeToString(func() []byte { h := must(wh.Chain.Root()); return h[:] }())
	strangers := split(other.NewChain("wh").Final().Note).sigs
	edit := func(edit func(p *noteParts)) []byte {
		p := split(good)
		edit(&p)
		return p.join()
	}
	manyStrangers := func(n int) func(p *noteParts) {
		return func(p *noteParts) {
			for i := range n {
				p.sigs = append(p.sigs, fmt.Sprintf("— stranger%d AAAAAAAA", i))
			}
		}
	}

	return []form{
		{"the good one", good, ""},
		{"cosignatures in another order", edit(func(p *noteParts) { slices.Reverse(p.sigs) }), ""},
		{"lines of strangers", edit(func(p *noteParts) { p.sigs = append(p.sigs, strangers...) }), ""},
		{"as many lines as a note may have", edit(manyStrangers(97)), ""},
		{"a line more", edit(manyStrangers(98)), ledger.CodeCheckpoint},
		{"a cosignature twice", edit(func(p *noteParts) { p.sigs = append(p.sigs, p.sigs[1]) }), ""},
		{"a forged cosignature", edit(func(p *noteParts) { p.sigs[1] = forge(p.sigs[1]) }), ledger.CodeCheckpoint},
		{"the cosignature of one under the name of another", edit(func(p *noteParts) { p.sigs[1] = strings.Replace(p.sigs[1], "/dist ", "/lanzhi ", 1) }), ""},
		{"a cosignature with a changed time", edit(func(p *noteParts) { p.sigs[1] = changeTime(p.sigs[1]) }), ledger.CodeCheckpoint},
		{"no log signature", edit(func(p *noteParts) { p.sigs = p.sigs[1:] }), ledger.CodeCheckpoint},
		{"a forged log signature", edit(func(p *noteParts) { p.sigs[0] = forge(p.sigs[0]) }), ledger.CodeCheckpoint},
		{"no signatures", []byte(origin + "\n2\n" + root + "\n"), ledger.CodeCheckpoint},
		{"another size", edit(func(p *noteParts) { p.text[1] = "3" }), ledger.CodeCheckpoint},
		{"another root", edit(func(p *noteParts) { p.text[2] = base64.StdEncoding.EncodeToString(make([]byte, 32)) }), ledger.CodeCheckpoint},
		{"another chain's origin", edit(func(p *noteParts) { p.text[0] = v.Origin(3) }), ledger.CodeCheckpoint},
		{"an unknown origin", edit(func(p *noteParts) { p.text[0] = "lanzhi-test/e1a73fcc/wh/9" }), ledger.CodeUnknownChain},
		{"another network", other.NewChain("wh").Final().Note, ledger.CodeUnknownChain},
		{"nothing", nil, ledger.CodeCheckpoint},
		{"no note", []byte("hello"), ledger.CodeCheckpoint},
		{"a carriage return", bytes.Replace(good, []byte("\n"), []byte("\r\n"), 1), ledger.CodeUnknownChain},
		{"no line feed at the end", good[:len(good)-1], ledger.CodeCheckpoint},
		{"an unused bit set in a cosignature", edit(func(p *noteParts) { p.sigs[2] = loosen(p.sigs[2]) }), ledger.CodeNotCanonical},
		{"an unused bit set in a signature", edit(func(p *noteParts) { p.sigs[0] = loosen(p.sigs[0]) }), ledger.CodeNotCanonical},
		{"too many bytes", append(slices.Clone(good), make([]byte, ledger.MaxCheckpointBytes)...), ledger.CodeTooLarge},

		// Signed by the log, and still refused.
		{"signed: as it should be", signText(wh, origin, origin+"\n2\n"+root+"\n"), ""},
		{"signed: an extension line", signText(wh, origin, origin+"\n2\n"+root+"\nextension\n"), ledger.CodeCheckpoint},
		{"signed: an empty extension line", signText(wh, origin, origin+"\n2\n"+root+"\n\n"), ledger.CodeCheckpoint},
		{"signed: a size with a leading zero", signText(wh, origin, origin+"\n02\n"+root+"\n"), ledger.CodeNotCanonical},
		{"signed: a size with a plus", signText(wh, origin, origin+"\n+2\n"+root+"\n"), ledger.CodeCheckpoint},
		{"signed: a negative size", signText(wh, origin, origin+"\n-2\n"+root+"\n"), ledger.CodeCheckpoint},
		{"signed: a size beyond 64 bits", signText(wh, origin, origin+"\n18446744073709551616\n"+root+"\n"), ledger.CodeCheckpoint},
		{"signed: a root of 31 bytes", signText(wh, origin, origin+"\n2\n"+base64.StdEncoding.EncodeToString(make([]byte, 31))+"\n"), ledger.CodeCheckpoint},
		{"signed: a root with an unused bit set", signText(wh, origin, origin+"\n2\n"+loosen(root)+"\n"), ledger.CodeNotCanonical},
		{"signed: for another chain", signText(wh, v.Origin(3), v.Origin(3)+"\n2\n"+root+"\n"), ledger.CodeCheckpoint},
		{"signed: no root", signText(wh, origin, origin+"\n2\n"), ledger.CodeCheckpoint},
	}
}

func TestNetworkOpensUnderTheNewestVersionThatFits(t *testing.T) {
	net := ledgertest.New()
	dist, wh := net.NewChain("dist"), net.NewChain("wh")
	old, other := dist.Final(), wh.Final()
	net.Adopt(leave("dist"))
	if got, err := net.Network.OpenCheckpoint(old.Note); err != nil || got.Chain != 3 || !got.Final {
		t.Errorf("checkpoint of a chain that has left: %+v, %v", got, err)
	}
	got, err := net.Network.OpenCheckpoint(other.Note)
	if err != nil || slices.Contains(got.Cosigners, "dist") {
		t.Errorf("a cosigner that has left counts under the newest version: %+v, %v", got, err)
	}
	_, err = net.Network.OpenCheckpoint([]byte("x\n\n— a AAAAAAAA\n"))
	wantCode(t, "a stranger's", err, ledger.CodeUnknownChain)
}

func TestMerge(t *testing.T) {
	net := ledgertest.New()
	b := net.NewChain("wh")
	v := net.Network.Newest().Verifiers
	cp := b.Checkpoint()
	dist, audit := net.Cosignature(cp, "dist", b.Now()), net.Cosignature(cp, "audit", b.Now())

	both := must(v.Merge(cp, dist, audit))
	if !both.Final || !slices.Equal(both.Cosigners, []string{"audit", "dist", "wh"}) {
		t.Errorf("merged: %v", both.Cosigners)
	}
	wantBytes(t, "merging the same again", must(v.Merge(both, dist, audit)).Note, both.Note)
	wantBytes(t, "merging nothing", must(v.Merge(cp)).Note, cp.Note)
	wantBytes(t, "the checkpoint merged into", cp.Note, b.Checkpoint().Note)
	if got := v.Cosignatures(both.Note); len(got) != 2 || !bytes.Equal(got[0], dist) || !bytes.Equal(got[1], audit) {
		t.Errorf("cosignatures of the merged note: %q", got)
	}
	if got := v.Cosignatures(cp.Note); got != nil {
		t.Errorf("cosignatures of a note without: %q", got)
	}
	later := net.Cosignature(cp, "dist", b.Now()+5000)
	if again := must(v.Merge(both, later)); len(again.Cosigners) != 3 {
		t.Errorf("a second cosignature of one member: %v", again.Cosigners)
	}

	b.Record(ledger.KindReceive)
	for name, line := range map[string][]byte{
		"of another size": net.Cosignature(b.Checkpoint(), "dist", b.Now()),
		"forged":          []byte(forge(strings.TrimSuffix(string(dist), "\n")) + "\n"),
		"no line":         []byte("hello\n"),
		"another text":    []byte("\nmore\n\n" + string(dist)),
	} {
		if _, err := v.Merge(cp, line); err == nil {
			t.Errorf("a cosignature %s is merged", name)
		}
	}
}

func TestVerifyCosignature(t *testing.T) {
	net := ledgertest.New()
	b := net.NewChain("wh")
	v := net.Network.Newest().Verifiers
	cp := b.Checkpoint()
	for _, tt := range cosignatureForms(net, b) {
		sig, err := v.VerifyCosignature(cp, tt.member, tt.line)
		wantCode(t, tt.name, err, tt.want)
		if err != nil {
			continue
		}
		if at := must(fnote.CoSigV1Timestamp(sig)); at.Unix() != ledgertest.Start/1000+2 {
			t.Errorf("%s: cosigned at %s", tt.name, at)
		}
	}
}

type cosignatureForm struct {
	name, member string
	line         []byte
	want         ledger.Code
}

// cosignatureForms is right and wrong cosignature lines for the checkpoint of b.
func cosignatureForms(net *ledgertest.Net, b *ledgertest.Builder) []cosignatureForm {
	cp := b.Checkpoint()
	line := net.Cosignature(cp, "dist", b.Now())
	log := split(cp.Note).sigs[0] + "\n"
	longer := b.Clone()
	longer.Record(ledger.KindReceive)
	larger := net.Cosignature(longer.Checkpoint(), "dist", b.Now())
	loose := loosen(strings.TrimSuffix(string(line), "\n")) + "\n"

	return []cosignatureForm{
		{"its own", "dist", line, ""},
		{"under another name", "audit", line, ledger.CodeSignature},
		{"of another size", "dist", larger, ledger.CodeSignature},
		{"of the log", "wh", []byte(log), ledger.CodeSignature},
		{"two lines", "dist", append(slices.Clone(line), net.Cosignature(cp, "audit", b.Now())...), ledger.CodeForm},
		{"a stranger's line behind it", "dist", append(slices.Clone(line), "— x AAAAAAAA\n"...), ledger.CodeForm},
		{"no line feed", "dist", line[:len(line)-1], ledger.CodeForm},
		{"in loose base64", "dist", []byte(loose), ledger.CodeNotCanonical},
		{"nothing", "dist", nil, ledger.CodeForm},
	}
}

func TestPeekCheckpoint(t *testing.T) {
	net := ledgertest.New()
	cp := net.NewChain("wh").Checkpoint()
	if origin, size, ok := ledger.PeekCheckpoint(cp.Note); !ok || size != 2 || origin != net.Network.Newest().Verifiers.Origin(2) {
		t.Errorf("peeked %q, %d, %v", origin, size, ok)
	}
	for _, bad := range []string{"", "a", "a\n1", "a\nx\nb", strings.Repeat("a", 2000) + "\n1\nb"} {
		if _, _, ok := ledger.PeekCheckpoint([]byte(bad)); ok {
			t.Errorf("peeked into %.20q", bad)
		}
	}
}

// The checkpoint and the cosignature must be readable by the tools that exist.
func TestCheckpointInterop(t *testing.T) {
	net := ledgertest.New()
	b := net.NewChain("lanzhi")
	cp := b.Cosign(b.Checkpoint(), "audit")
	origin := fmt.Sprintf("lanzhi-test/%s/lanzhi/1", net.Network.ID.String()[:8])
	witness := fmt.Sprintf("lanzhi-test/%s/audit", net.Network.ID.String()[:8])
	lanzhi, audit := net.Member("lanzhi"), net.Member("audit")

	logVerifier := must(note.NewVerifier(must(note.NewEd25519VerifierKey(origin, lanzhi.Log.Public().(ed25519.PublicKey)))))
	opened, err := note.Open(cp.Note, note.VerifierList(logVerifier))
	if err != nil || len(opened.Sigs) != 1 || len(opened.UnverifiedSigs) != 1 {
		t.Fatalf("x/mod note: %+v, %v", opened, err)
	}
	cosigner := must(fnote.NewVerifierForCosignatureV1(must(note.NewEd25519VerifierKey(witness, audit.Witness.Public().(ed25519.PublicKey)))))
	parsed, rest, n, err := log.ParseCheckpoint(cp.Note, origin, logVerifier, cosigner)
	if err != nil || len(rest) != 0 || len(n.Sigs) != 2 {
		t.Fatalf("formats: rest %q, %v", rest, err)
	}
	if parsed.Size != cp.Size || !bytes.Equal(parsed.Hash, cp.Root[:]) {
		t.Errorf("formats reads size %d and root %x", parsed.Size, parsed.Hash)
	}

	// A cosignature made by the other implementation counts here.
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", witness, cosignKeyHash(t, witness, audit.Witness), base64.StdEncoding.EncodeToString(append([]byte{4}, audit.Witness.Seed()...)))
	signer, err := fnote.NewSignerForCosignatureV1(skey)
	if err != nil {
		t.Fatal(err)
	}
	theirs := must(note.Sign(&note.Note{Text: opened.Text}, signer))
	line := []byte(split(theirs).sigs[0] + "\n")
	merged, err := net.Network.Newest().Verifiers.Merge(b.Checkpoint(), line)
	if err != nil || !slices.Equal(merged.Cosigners, []string{"audit", "lanzhi"}) {
		t.Errorf("a cosignature of formats: %+v, %v", merged, err)
	}
}

func cosignKeyHash(t *testing.T, name string, key ed25519.PrivateKey) uint32 {
	t.Helper()
	return must(fnote.NewVerifierForCosignatureV1(must(note.NewEd25519VerifierKey(name, key.Public().(ed25519.PublicKey))))).KeyHash()
}
