package proof_test

import (
	"bytes"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/trace/proof"
)

// decoded is everything that a bundle says, without base64 around it.
func decoded(t testing.TB, b *proof.Bundle) []byte {
	t.Helper()
	raw, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range b.Entries {
		raw = append(raw, e.Entry...)
		for _, d := range e.Disclosures {
			raw = append(raw, d...)
		}
		if e.Subject != nil {
			raw = append(raw, e.Subject.Leaf...)
		}
	}
	return raw
}

// leafSalt is the salt of a leaf of a record.
func (w *world) leafSalt(name string, leaf int) []byte {
	pos := w.at[name]
	_, sc := w.builder(pos.Chain).Opened(pos.Seq)
	l := must(ledger.DecodeLeaf(sc.Leaves[leaf]))
	return l.Salt[:]
}

// TestBundleShowsWhatItMayAndNothingElse looks for the salt of every disclosure
// and leaf of every chain in the bundle's bytes. Without its salt neither can be
// guessed from its hash.
func TestBundleShowsWhatItMayAndNothingElse(t *testing.T) {
	w := newWorld(t)
	for _, index := range []uint32{sold, held, moving} {
		b := build(t, w.input(index))
		all := decoded(t, b)
		shown := make(map[string]bool)
		for _, name := range trails[index] {
			shown[name] = true
		}
		leaves := 0
		for name, pos := range w.at {
			_, sc := w.builder(pos.Chain).Opened(pos.Seq)
			for _, raw := range sc.Disclosures {
				d := must(ledger.DecodeDisclosure(raw))
				want := shown[name] && d.Audience <= ledger.Item
				if bytes.Contains(all, d.Salt[:]) != want {
					t.Errorf("item %d: field %d of %s, for %s: shown %v, want %v", index, d.Path, name, d.Audience, !want, want)
				}
			}
			for i := range sc.Leaves {
				if bytes.Contains(all, w.leafSalt(name, i)) {
					leaves++
				}
			}
		}
		want := 0 // one leaf of each record that has any
		for _, name := range trails[index] {
			if _, sc := w.builder(w.at[name].Chain).Opened(w.at[name].Seq); len(sc.Leaves) > 0 {
				want++
			}
		}
		if leaves != want {
			t.Errorf("item %d: %d leaves are shown, want %d", index, leaves, want)
		}
		for _, secret := range []string{"waybill", "order of", "sku of", "line-seven", "a street", "inside name", "内部名称", "printer's"} {
			if bytes.Contains(all, []byte(secret)) {
				t.Errorf("item %d: the bundle holds %q", index, secret)
			}
		}
	}
}

func TestBundleWithFieldsForMembersIsRefused(t *testing.T) {
	w := newWorld(t)
	b := build(t, w.input(held))
	pos := w.at["ship 0"]
	_, sc := w.builder(pos.Chain).Opened(pos.Seq)
	for i := range b.Entries {
		if len(b.Entries[i].Disclosures) > 0 && bytes.Equal(b.Entries[i].Entry, w.builder(pos.Chain).Entries[pos.Seq]) {
			b.Entries[i].Disclosures = sc.Disclosures
		}
	}
	if _, err := b.Verify(w.Network.ID); ledger.CodeOf(err) != proof.CodeAudience {
		t.Errorf("%v", err)
	}
}

func TestWorldHidesSomething(t *testing.T) {
	w := newWorld(t)
	count := make(map[ledger.Audience]int)
	for _, b := range []*ledgertest.Builder{w.brand, w.wh, w.dist} {
		for seq := range b.Size() {
			_, sc := b.Opened(seq)
			for _, raw := range sc.Disclosures {
				count[must(ledger.DecodeDisclosure(raw)).Audience]++
			}
		}
	}
	for a := ledger.Public; a <= ledger.Own; a++ {
		if count[a] == 0 {
			t.Errorf("no disclosure for %s: the test of what is shown claims nothing about it", a)
		}
	}
}
