package ledger_test

import (
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

func TestEraseFieldsForm(t *testing.T) {
	net := ledgertest.New()
	one, two := ledger.Hash{1}, ledger.Hash{2}
	many := make([]ledger.Hash, ledger.MaxDigests+1)
	for i := range many {
		many[i] = ledger.Hash{byte(i >> 8), byte(i), 1}
	}
	for _, tt := range []struct {
		name   string
		fields any
		want   ledger.Code
	}{
		{"a disclosure", ledger.EraseFields{Record: one, Digests: []ledger.Hash{two}}, ""},
		{"a file", ledger.EraseFields{Record: one, Files: []ledger.Hash{two}}, ""},
		{"nothing", ledger.EraseFields{Record: one}, ledger.CodeForm},
		{"no record", map[uint64]any{1: []ledger.Hash{two}}, ledger.CodeNotCanonical},
		{"not ascending", ledger.EraseFields{Record: one, Digests: []ledger.Hash{two, one}}, ledger.CodeForm},
		{"a file twice", ledger.EraseFields{Record: one, Files: []ledger.Hash{two, two}}, ledger.CodeForm},
		{"too many", ledger.EraseFields{Record: one, Digests: many}, ledger.CodeTooLarge},
		{"another field", map[uint64]any{1: []ledger.Hash{two}, 2: "ground", 3: one}, ledger.CodeForm},
	} {
		b := net.NewChain("lanzhi")
		r, sc := net.Record("lanzhi", ledger.KindErase, b.Now(), ledgertest.Fields(tt.fields))
		wantCode(t, tt.name, b.Try(r, sc), tt.want)
	}
}

// TestVerifyKnowsWhatWasErased takes disclosures out of sidecars: an absent one is
// a problem unless an erase record that stands behind names it.
func TestVerifyKnowsWhatWasErased(t *testing.T) {
	net := ledgertest.New()
	for _, tt := range []struct {
		name  string
		erase bool // there is an erase record
		early bool // it stands before the record that it names
		other bool // it names another digest
		want  int
	}{
		{"withheld", false, false, false, 1},
		{"erased", true, false, false, 0},
		{"erased before it was written", true, true, false, 1},
		{"another one erased", true, false, true, 1},
	} {
		b := net.NewChain("lanzhi")
		r, sc := net.Record("lanzhi", ledger.KindShip, b.Now(), ledgertest.Disclose(ledger.Members, 5, "gone"), ledgertest.Disclose(ledger.Item, 1, "stays"))
		digest := r.Record.SDM[slices.IndexFunc(sc.Disclosures, func(raw []byte) bool {
			d, err := ledger.DecodeDisclosure(raw)
			return err == nil && d.Path == 5
		})]
		named := digest
		if tt.other {
			named = ledger.Hash{7}
		}
		erase := func() {
			b.Record(ledger.KindErase, ledgertest.Fields(ledger.EraseFields{Record: r.ID, Digests: []ledger.Hash{named}}))
		}
		if tt.erase && tt.early {
			erase()
		}
		b.Append(r, sc)
		at := b.Size() - 1
		if tt.erase && !tt.early {
			erase()
		}
		less, err := sc.Without(func(d ledger.Hash) bool { return d == digest }).Encode()
		if err != nil {
			t.Fatal(err)
		}
		b.Sidecars[at] = less
		_, found := verify(t, sourceOf(net, b))
		if len(found) != tt.want {
			t.Errorf("%s: %d problems, want %d: %v", tt.name, len(found), tt.want, found)
		}
		for _, p := range found {
			if p.Code != ledger.CodeMissing || p.Seq == nil || *p.Seq != at {
				t.Errorf("%s: %s", tt.name, p)
			}
		}
	}
}

func FuzzErases(f *testing.F) {
	one := ledger.Hash{1}
	for _, fields := range []ledger.EraseFields{{Record: one, Digests: []ledger.Hash{one}}, {Record: one, Files: []ledger.Hash{one}}} {
		f.Add(must(ledger.Marshal(fields)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := ledger.Record{Kind: ledger.KindErase, Fields: raw}
		fields, err := r.Erases()
		if err != nil {
			return
		}
		if again := must(ledger.Marshal(fields)); string(again) != string(raw) {
			t.Errorf("read %x, wrote %x", raw, again)
		}
	})
}
