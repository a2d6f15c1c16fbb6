package ledger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// forkAt grows two histories of one chain that share their first entries.
func forkAt(net *ledgertest.Net, shared, more int) (a, b *ledgertest.Builder) {
	a = net.NewChain("wh")
	for a.Size() < uint64(shared) {
		a.Record(ledger.KindReceive)
	}
	b = a.Clone()
	for range more {
		a.Record(ledger.KindReceive)
		b.Record(ledger.KindShip)
	}
	return a, b
}

func TestEvidenceOfOneSize(t *testing.T) {
	net := ledgertest.New()
	b, fork := forkAt(net, 2, 1)
	x, y := b.Checkpoint(), fork.Checkpoint()
	b.Record(ledger.KindReceive)
	forged := split(y.Note)
	forged.sigs[0] = forge(forged.sigs[0])
	root := x.Root

	tests := []struct {
		name string
		e    ledger.Evidence
		want ledger.Code
	}{
		{"two roots for one size", ledger.Evidence{A: x.Note, B: y.Note}, ""},
		{"with cosignatures", ledger.Evidence{A: b.Cosign(x, "dist").Note, B: b.Cosign(y, "audit").Note}, ""},
		{"the same twice", ledger.Evidence{A: x.Note, B: x.Note}, ledger.CodeForm},
		{"the same with other cosignatures", ledger.Evidence{A: x.Note, B: b.Cosign(x, "dist").Note}, ledger.CodeForm},
		{"two sizes without a proof", ledger.Evidence{A: x.Note, B: b.Checkpoint().Note}, ledger.CodeForm},
		{"two roots and a prefix", ledger.Evidence{A: x.Note, B: y.Note, Prefix: &root}, ledger.CodeForm},
		{"two chains", ledger.Evidence{A: x.Note, B: net.NewChain("dist").Checkpoint().Note}, ledger.CodeForm},
		{"one forged", ledger.Evidence{A: x.Note, B: forged.join()}, ledger.CodeCheckpoint},
		{"one only", ledger.Evidence{A: x.Note}, ledger.CodeForm},
		{"a proof of nothing", ledger.Evidence{A: x.Note, B: y.Note, Proof: []ledger.Hash{{1}}}, ledger.CodeForm},
	}
	for _, tt := range tests {
		chain, err := tt.e.Open(net.Network)
		wantCode(t, tt.name, err, tt.want)
		if err == nil && chain != 2 {
			t.Errorf("%s: chain %d has forked, want 2", tt.name, chain)
		}
	}
}

// The sizes of the two checkpoints are any; a fork deep below both is proven, and
// nothing proves that a chain forked which did not.
func TestEvidenceOfTwoSizes(t *testing.T) {
	net := ledgertest.New()
	for _, shared := range []int{2, 3, 8, 13} {
		for _, sizes := range [][2]uint64{{1, 1}, {1, 2}, {2, 7}, {3, 8}, {5, 6}} {
			name := fmt.Sprintf("%d shared, then %d and %d", shared, sizes[0], sizes[1])
			a, b := forkAt(net, shared, 8)
			small, large := a.At(uint64(shared)+sizes[0]), b.At(uint64(shared)+sizes[1])
			e, err := ledger.MakeEvidence(net.Network, large.Checkpoint(), small.Checkpoint(), large.TileSource())
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			again, err := ledger.DecodeEvidence(must(e.Encode()))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if chain, err := again.Open(net.Network); err != nil || chain != 2 {
				t.Errorf("%s: opened as chain %d, %v", name, chain, err)
			}
			same := b.At(uint64(shared) + sizes[0])
			if e, err := ledger.MakeEvidence(net.Network, same.Checkpoint(), large.Checkpoint(), large.TileSource()); err == nil {
				t.Errorf("%s: evidence against an honest author: %+v", name, e)
			}
			if e.Prefix == nil {
				continue
			}
			lies := *e
			lies.Prefix = &ledger.Hash{7}
			if _, err := lies.Open(net.Network); ledger.CodeOf(err) != ledger.CodeTree {
				t.Errorf("%s: with an invented prefix: %v", name, err)
			}
			lies = *e
			lies.A, lies.B = e.B, e.A
			_, err = lies.Open(net.Network)
			wantCode(t, name+": the larger one first", err, ledger.CodeForm)
		}
	}
}

func TestEvidenceFile(t *testing.T) {
	net := ledgertest.New()
	a, b := forkAt(net, 2, 3)
	e := must(ledger.MakeEvidence(net.Network, a.At(3).Checkpoint(), b.Checkpoint(), b.TileSource()))
	open := func(f *ledger.EvidenceFile) (uint32, error) {
		t.Helper()
		read, ok, err := ledger.ReadEvidenceFile(must(json.Marshal(f)))
		if err != nil || !ok {
			t.Fatalf("an evidence file is not read: %v, %v", ok, err)
		}
		_, chain, err := read.Verify()
		return chain, err
	}
	if chain, err := open(&ledger.EvidenceFile{Charters: net.Signed(), Fork: e}); err != nil || chain != 2 {
		t.Errorf("evidence of a fork: chain %d, %v", chain, err)
	}
	other := ledgertest.New(ledgertest.WithSeed("other"))
	if _, err := open(&ledger.EvidenceFile{Charters: other.Signed(), Fork: e}); err == nil {
		t.Error("evidence counts under another network")
	}
	if _, ok, err := ledger.ReadEvidenceFile([]byte(`{"format": "bundle", "charters": []}`)); ok || err != nil {
		t.Errorf("a bundle is taken for evidence: %v", err)
	}

	// Two complete versions 2.
	quiet := net.Next(func(c *ledger.Charter) { c.Settings.LateHours = 24 })
	loud := net.Next(func(c *ledger.Charter) { c.Settings.LateHours = 48 })
	first, second := signedBy(net, quiet, "lanzhi", "wh", "audit"), signedBy(net, loud, "lanzhi", "wh", "dist")
	long := must(net.Network.Adopt(first))
	if twice, err := long.Conflicts(second); !twice || err != nil {
		t.Errorf("two complete versions 2: %v, %v", twice, err)
	}
	if twice, err := long.Conflicts(signedBy(net, loud, "lanzhi", "wh")); twice || err == nil {
		t.Errorf("a second version 2 that is not complete: %v, %v", twice, err)
	}
	if twice, err := long.Conflicts(signedBy(net, quiet, "dist", "wh", "audit")); twice || err != nil {
		t.Errorf("the same version under other signatures: %v, %v", twice, err)
	}
	charters := []*ledger.SignedCharter{net.Signed()[0], first}
	if chain, err := open(&ledger.EvidenceFile{Charters: charters, Charter: second}); err != nil || chain != 0 {
		t.Errorf("evidence of two charters: chain %d, %v", chain, err)
	}
	if _, err := open(&ledger.EvidenceFile{Charters: charters, Charter: first}); err == nil {
		t.Error("one charter twice is evidence")
	}
}

func FuzzEvidence(f *testing.F) {
	net := ledgertest.New()
	a, b := forkAt(net, 2, 2)
	e := must(ledger.MakeEvidence(net.Network, a.At(3).Checkpoint(), b.Checkpoint(), b.TileSource()))
	f.Add(must(e.Encode()))
	f.Add(must((&ledger.Evidence{A: []byte("a"), B: []byte("b")}).Encode()))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := ledger.DecodeEvidence(raw)
		if err != nil {
			return
		}
		if again, err := e.Encode(); err != nil || string(again) != string(raw) {
			t.Errorf("%x becomes %x: %v", raw, again, err)
		}
		_, _ = e.Open(net.Network)
	})
}

// A golden form: the notes are short because decoding does not look into them.
func TestEvidenceBytes(t *testing.T) {
	h := fill(5)
	for _, tt := range []struct {
		name string
		e    ledger.Evidence
		want string
	}{
		{"of one size", ledger.Evidence{A: []byte("a"), B: []byte("b")}, "a2 01 4161 02 4162"},
		{"of two", ledger.Evidence{A: []byte("a"), B: []byte("b"), Prefix: &h, Proof: []ledger.Hash{h}},
			"a4 01 4161 02 4162 03 5820" + strings.Repeat("05", 32) + " 04 81 5820" + strings.Repeat("05", 32)},
	} {
		raw := must(tt.e.Encode())
		wantBytes(t, tt.name, raw, unhex(t, tt.want))
		if _, err := ledger.DecodeEvidence(raw); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
