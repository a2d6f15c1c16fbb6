package node

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"suyuan/node/replica"
	"suyuan/node/wire"
	"suyuan/trace"
	"suyuan/trace/scan"
)

// exchange has one node take over what another counted, as the replica does,
// and returns how many counts came.
func exchange(t testing.TB, to, from *testNode) (n int) {
	t.Helper()
	for {
		journal, after, err := scanExchange{to.Node}.Cursor(from.chain)
		if err != nil {
			t.Fatal(err)
		}
		m, err := scanExchange{from.Node}.Changes(journal, after)
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			return n
		}
		mergeScans(t, to, from.chain, m)
		n += len(m.Counts)
	}
}

func mergeScans(t testing.TB, to *testNode, node uint32, m *wire.Scans) {
	t.Helper()
	if err := (scanExchange{to.Node}).Merge(node, m); err != nil {
		t.Fatal(err)
	}
}

// scannedNetwork is a brand with an item sold a day ago, and a distributor, both
// of which count scans.
func scannedNetwork(t *testing.T) (brand, dist *testNode, code string) {
	t.Helper()
	nodes := newNetwork(t, 2)
	brand, dist = nodes[0], nodes[1]
	brand.addOperator(t)
	product := productDraft(toner)
	product.Fields["scan_threshold"] = 4
	brand.mustSubmit(t, product)
	brand.issue(t, toner, 10)
	brand.mustSubmit(t, activateDraft(0, 9), sellDraft(0))
	move(t, brand, dist, brand.chain)
	brand.put(t, brand.checkpoint(t, dist))
	for _, n := range nodes {
		n.clock.at = n.clock.at.Add(24 * time.Hour)
	}
	return brand, dist, link(toner, brand.serial(t, toner, 0, 0))
}

// visitAs has a page of the brand's code loaded at another node.
func (s *Scans) visitAs(t testing.TB, a *trace.Answer, at byte) {
	t.Helper()
	place := func(string) string { return "CN;330100;30.3,120.2" }
	s.visit(t, a, Visitor{Addr: addr(at), Proxy: place})
}

func TestScansOfAnotherNodeCount(t *testing.T) {
	t.Parallel()
	brand, dist, code := scannedNetwork(t)
	s, others := brand.openScans(t, ""), dist.openScans(t, "place_header = \"X-Place\"")
	a := brand.mustAnswer(t, code, "")
	for i := range byte(3) {
		others.visitAs(t, a, i)
	}
	if n := exchange(t, brand, dist); n != 1 {
		t.Fatalf("took over %d counts, want 1", n)
	}
	if n := exchange(t, brand, dist); n != 0 {
		t.Errorf("took %d counts over again", n)
	}
	seen := s.seen(a)
	if seen.Count != 3 || seen.Devices != 0 || len(seen.Nodes) != 1 || seen.Nodes[0].Chain != "dist/2" || seen.Nodes[0].Count != 3 {
		t.Fatalf("got %+v", seen)
	}
	if seen.First.City.Zh != "浙江杭州" {
		t.Errorf("first in %+v", seen.First.City)
	}
	s.Annotate(context.Background(), a, "")
	if len(a.Now.Findings) != 0 || a.Verdict != trace.Consistent {
		t.Errorf("three scans: %s with %+v", a.Verdict, a.Now.Findings)
	}

	// One here makes the four at which the brand wants to be told.
	s.visit(t, brand.mustAnswer(t, code, ""), Visitor{Addr: addr(9)})
	a = brand.mustAnswer(t, code, "")
	s.Annotate(context.Background(), a, "")
	i := slices.IndexFunc(a.Now.Findings, func(f trace.FindingView) bool { return f.Code == scan.ManyScans })
	if i < 0 || a.Verdict != trace.Warn {
		t.Fatalf("four scans: %s with %+v", a.Verdict, a.Now.Findings)
	}
	if en := a.Now.Findings[i].En; !strings.Contains(en, "4 times (brand/1: 1, dist/2: 3)") {
		t.Errorf("the finding does not say who counted: %s", en)
	}

	// What the brand tells is its own, and what is there survives a restart.
	if n := exchange(t, dist, brand); n != 1 {
		t.Errorf("the distributor took over %d counts, want 1", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	brand.reopen(t)
	s = brand.openScans(t, "")
	if seen := s.seen(a); seen.Count != 4 {
		t.Errorf("after a restart: %+v", seen)
	}
}

// TestLyingNode holds that a member who makes scans up warns at worst, about
// what it is named with, and hides nothing that others counted.
func TestLyingNode(t *testing.T) {
	t.Parallel()
	brand, dist, code := scannedNetwork(t)
	s := brand.openScans(t, "")
	dist.openScans(t, "")
	a := brand.mustAnswer(t, code, "")
	item, ok := scannedItem(a)
	if !ok {
		t.Fatal("scans of the item do not count")
	}
	tell := func(n wire.ScanCount) error {
		n.Item = item
		_, after, err := scanExchange{brand.Node}.Cursor(dist.chain)
		if err != nil {
			t.Fatal(err)
		}
		return scanExchange{brand.Node}.Merge(dist.chain, &wire.Scans{Journal: 6, Next: after + 1, Counts: []wire.ScanCount{n}})
	}
	now := brand.now().UnixMilli()
	for name, n := range map[string]wire.ScanCount{
		"the future": {Count: 1, First: now + 3_600_000},
		"no place":   {Count: 1, First: now, Country: "cn"},
		"no name":    {Count: 1, First: now, Zh: "a\u202eb"},
	} {
		if err := tell(n); !errors.Is(err, replica.ErrScans) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.visit(t, a, Visitor{Addr: addr(1)})
	if err := tell(wire.ScanCount{Count: 1 << 63, First: 1, Country: "FR", Zh: "退款请拨打400 800 1234", En: "call 400 800 1234"}); err != nil {
		t.Fatal(err)
	}
	others, err := s.counter().Others(item, 0)
	if err != nil || len(others.Shares) != 1 || others.Shares[0].Place != scan.NewPlace("FR", "法国", "France") {
		t.Errorf("a place that another node names stands here as %+v, %v", others, err)
	}
	if err := tell(wire.ScanCount{Count: 1, First: now}); err != nil { // and takes it back
		t.Fatal(err)
	}
	a = brand.mustAnswer(t, code, "")
	s.Annotate(context.Background(), a, "")
	if a.Verdict != trace.Warn || a.Trail.Verdict != trace.Consistent {
		t.Errorf("verdict %s, of the trail %s", a.Verdict, a.Trail.Verdict)
	}
	for _, f := range a.Now.Findings {
		if f.Severity == trace.Critical || f.Code != scan.ManyScans || !strings.Contains(f.En, "dist/2: 1000000") {
			t.Errorf("found %+v", f)
		}
	}
	seen := s.seen(a)
	if seen.First.At.UnixMilli() != brand.now().UnixMilli() || seen.First.City != nil || !seen.Nodes[1].First.IsZero() {
		t.Errorf("a first scan before there was a code counts: %+v", seen)
	}
	if seen.Count != scan.MaxShare+1 || len(seen.Nodes) != 2 || seen.Nodes[0].Count != 1 || seen.Devices != 1 {
		t.Errorf("got %+v", seen)
	}

	// A number that no node of the charter has counts for nothing.
	if err := (scanExchange{brand.Node}).Merge(77, &wire.Scans{Journal: 6, Next: 1, Counts: []wire.ScanCount{{Item: item, Count: 9, First: now}}}); err != nil {
		t.Fatal(err)
	}
	if seen := s.seen(a); len(seen.Nodes) != 2 {
		t.Errorf("a stranger counts: %+v", seen)
	}
}

func TestNodeThatKeepsScansToItself(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	check := func(why string) {
		t.Helper()
		x := scanExchange{n.Node}
		_, err1 := x.Changes(0, 0)
		_, _, err2 := x.Cursor(2)
		for _, err := range []error{err1, err2, x.Merge(2, &wire.Scans{})} {
			if !errors.Is(err, replica.ErrNoScans) {
				t.Errorf("%s: %v", why, err)
			}
		}
	}
	check("before scans are opened")
	s := n.openScans(t, "alone = true")
	check("alone")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	n.openScans(t, "off = true")
	check("off")
}
