package proof

import (
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// Units are followed upwards, however they were packed, and not without end.
func TestThingsAreFollowedAndBounded(t *testing.T) {
	gtin := func(s string) gs1.GTIN {
		g, err := gs1.ParseGTIN(s)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	wine, cases := gtin("06901234567892"), gtin("16901234567899")
	item := trace.Code(wine, 1, 7)
	unit := func(i int) trace.Item { return trace.Code(cases, 1, uint32(i)) }
	packing := func(into, what trace.Item) *trace.Event {
		return &trace.Event{Kind: ledger.KindPack, Subjects: []trace.Subject{trace.Contents(into, trace.Of(what))}}
	}

	// Each unit in the next, told from the outermost to the innermost.
	var nested []*trace.Event
	for i := trace.MaxNesting; i > 0; i-- {
		nested = append(nested, packing(unit(i+1), unit(i)))
	}
	nested = append(nested, packing(unit(1), item))
	set, err := thingsOf(item, nested)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= trace.MaxNesting; i++ {
		if !set[unit(i)] {
			t.Errorf("unit %d is not found", i)
		}
	}
	if set[unit(trace.MaxNesting+1)] || len(set) != trace.MaxNesting+2 { // the item and its product
		t.Errorf("%d things", len(set))
	}

	var many []*trace.Event
	for i := range maxThings {
		many = append(many, packing(unit(i), item))
	}
	if _, err := thingsOf(item, many); ledger.CodeOf(err) != ledger.CodeTooLarge {
		t.Errorf("%d units: %v", maxThings, err)
	}
}
