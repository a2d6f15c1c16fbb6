package node

import (
	"context"
	"fmt"
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
	r, err := s.Report(context.Background(), 5, nil)
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

// Counts of all companies that tell of theirs are in the report, named; and it can
// be kept to some.
func TestScanReportOfSeveralCompanies(t *testing.T) {
	t.Parallel()
	brand, dist, code := scannedNetwork(t)
	s, others := brand.openScans(t, "place_header = \"X-Place\""), dist.openScans(t, "place_header = \"X-Place\"")
	other := link(toner, brand.serial(t, toner, 0, 5)) // that nobody scans at the brand's
	for i := range byte(5) {
		others.visitAs(t, brand.mustAnswer(t, code, ""), i)
	}
	others.visitAs(t, brand.mustAnswer(t, other, ""), 9)
	if n := exchange(t, brand, dist); n != 2 {
		t.Fatalf("took over %d counts, want 2", n)
	}
	s.visitAs(t, brand.mustAnswer(t, code, ""), 7)
	for _, tt := range []struct {
		members       []string
		places, nodes string
		suspect       uint64 // scans of the only one
	}{
		{nil, "杭州 2 codes 7 scans", "brand/1 own 1 1, dist/2 2 6", 6},
		{[]string{"dist"}, "杭州 2 codes 6 scans", "dist/2 2 6", 5},
		{[]string{"brand"}, "杭州 1 codes 1 scans", "brand/1 own 1 1", 0},
		{[]string{"nobody"}, "", "", 0},
	} {
		r, err := s.Report(context.Background(), 5, tt.members)
		if err != nil {
			t.Fatal(err)
		}
		var places, nodes string
		for _, p := range r.Places {
			places += fmt.Sprintf("%s %d codes %d scans", p.Zh[len("浙江"):], p.Codes, p.Scans)
		}
		for i, n := range r.Nodes {
			if i > 0 {
				nodes += ", "
			}
			nodes += n.Chain
			if n.Own {
				nodes += " own"
			}
			nodes += fmt.Sprintf(" %d %d", n.Codes, n.Scans)
		}
		if places != tt.places || nodes != tt.nodes {
			t.Errorf("of %v: %s; %s", tt.members, places, nodes)
		}
		if tt.suspect == 0 != (len(r.Codes) == 0) || len(r.Codes) > 0 && (r.Codes[0].Count != tt.suspect || r.Codes[0].Index != 0) {
			t.Errorf("of %v: suspects %+v", tt.members, r.Codes)
		}
	}
}
