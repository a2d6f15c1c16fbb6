package node

import (
	"context"
	"testing"

	"suyuan/trace/code"
)

// The code that several phones have scanned is named, with its address where it
// was issued; one that was scanned once is only counted.
func TestScanReport(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 10)
	n.mustSubmit(t, activateDraft(0, 9))
	n.final(t)
	s := n.openScans(t, "")
	often, once := link(toner, n.serial(t, toner, 0, 7)), link(toner, n.serial(t, toner, 0, 3))
	for i := range byte(3) {
		s.visit(t, n.mustAnswer(t, often, ""), Visitor{Addr: addr(i), Cookie: string(rune('a' + i))})
	}
	s.visit(t, n.mustAnswer(t, once, ""), Visitor{Addr: addr(9), Cookie: "z"})
	r, err := s.Report(context.Background(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Places) != 1 || r.Places[0].Codes != 2 || r.Places[0].Scans != 4 {
		t.Errorf("places %+v", r.Places)
	}
	if len(r.Codes) != 1 || r.Codes[0].GTIN != toner.String() || r.Codes[0].Index != 7 || r.Codes[0].Devices != 3 || r.Codes[0].Count != 3 || r.Codes[0].URI == "" {
		t.Fatalf("codes %+v", r.Codes)
	}
	var stranger ScanSuspect
	if err := n.nameSuspect(context.Background(), &stranger, code.Hash{1}, nil); err != nil || stranger.GTIN != "" {
		t.Errorf("a code of no pack is %+v, %v", stranger, err)
	}
}
