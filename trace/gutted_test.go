package trace

import (
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// TestGuttedRecordsStay has an author erase what no honest one can: every field
// of each kind that stands beside the record, also those that trails depend on.
// The event stays, for members and in proofs, and only what stands in the record's
// bytes can make it none.
func TestGuttedRecordsStay(t *testing.T) {
	net := ledgertest.New()
	for _, draft := range drafts {
		o, sc := opened(t, net, draft)
		gutted := sc.Without(func(ledger.Hash) bool { return true })
		e, err := DecodeEvent(Position{Chain: 1, Seq: 7}, o, gutted)
		if err != nil {
			t.Errorf("%s: %v", o.Record.Record.Kind, err)
			continue
		}
		shown, err := DecodeShown(e.Position, o, gutted, ledger.Item, true)
		if err != nil || shown.ID != e.ID {
			t.Errorf("%s in a proof: %v", e.Kind, err)
		}
		in := Input{Item: Code(wine, 3, 5), Events: []*Event{e}, AsOf: map[uint32]uint64{1: 8}, Charters: []*ledger.Charter{net.Charter()}}
		tr := Fold(in)
		for _, v := range []Viewer{{}, {Code: true}, {Member: "dist"}} {
			tr.For(v)
		}
		if _, err := CheckEvent(e.Position, o, gutted); err == nil && len(o.Record.Record.SDM) > 0 {
			spec, _ := Spec(e.Kind)
			for _, f := range spec.Fields {
				if f.Required && f.Folded && !f.InRecord {
					t.Errorf("%s: the author's door takes it without %s", e.Kind, f.Name)
				}
			}
		}
	}
}
