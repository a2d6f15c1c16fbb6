package node

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/node/wire"
	"suyuan/trace"
	"suyuan/trace/index"
	"suyuan/trace/scan"
	"suyuan/trace/stock"
)

// strayed is a brand that has sent codes 0 to 49 of a hundred to a dealer in
// Zhejiang, of which those to 39 have arrived.
func strayed(t *testing.T) (brand, dist *testNode) {
	t.Helper()
	brand, dist = newBrandAndDist(t)
	run := brand.issue(t, toner, 100)
	copyBlob(t, brand, dist, run.Pack)
	brand.mustSubmit(t,
		trace.Draft{Kind: "appoint", Fields: fields{"party": "dist", "gtins": []string{toner.String()}, "from": "2020-01-01", "level": 1, "territory": []string{"330000"}}},
		activateDraft(0, 99))
	ship := brand.mustSubmit(t, sendDraft(0, 49, "dist"))[0]
	finish(t, brand, dist)
	dist.mustSubmit(t, trace.Draft{Kind: "receive", Subjects: []trace.DraftSubject{codesOf(toner, 0, 39)}, Refs: []ledger.Hash{ship.Hash}})
	finish(t, dist, brand)
	for _, n := range []*testNode{brand, dist} {
		n.clock.at = n.clock.at.Add(time.Hour)
	}
	return brand, dist
}

// lookUp has phones at a place look codes of the brand up on a node's pages.
func (s *Scans) lookUpCodes(t testing.TB, brand *testNode, place string, first, last uint32) {
	t.Helper()
	for i := first; i <= last; i++ {
		a := s.node.answerTo(t, link(toner, brand.serial(t, toner, 0, i)))
		s.visit(t, a, Visitor{Addr: addr(byte(i)), Proxy: func(string) string { return place }})
	}
}

func (n *Node) answerTo(t testing.TB, uri string) *trace.Answer {
	t.Helper()
	a, err := n.Answer(t.Context(), uri, "")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (n *testNode) outside(t testing.TB, v trace.Viewer) []stock.FindingRow {
	t.Helper()
	a := n.findings(t, stock.FindingQuestion{}, v)
	if len(a.Uncounted) > 0 {
		t.Errorf("uncounted: %v", a.Uncounted)
	}
	return slices.DeleteFunc(a.Findings, func(f stock.FindingRow) bool { return f.Code != trace.ScannedOutside })
}

// Codes of one shipment that turn up outside the dealer's territory are a finding
// from a number of them on, on whichever node they were looked up, for the parties.
func TestShipmentThatStrays(t *testing.T) {
	t.Parallel()
	brand, dist := strayed(t)
	const header = "place_header = \"X-Place\""
	here, there := brand.openScans(t, header), dist.openScans(t, header)
	member := trace.Viewer{Member: "brand"}

	here.lookUpCodes(t, brand, "CN;330200;29.9,121.5", 0, 9)   // Ningbo, at home
	here.lookUpCodes(t, brand, "CN;440100;23.1,113.3", 10, 12) // Guangzhou
	here.lookUpCodes(t, brand, "CN;440100;23.1,113.3", 40, 49) // not arrived
	here.lookUpCodes(t, brand, "CN;440100;23.1,113.3", 60, 69) // never sent
	here.lookUpCodes(t, brand, "CN", 13, 20)                   // who knows where
	if got := brand.outside(t, member); len(got) > 0 {
		t.Fatalf("three of a shipment are told of: %+v", got)
	}
	there.lookUpCodes(t, brand, "CN;440300;22.5,114.1", 20, 20)
	there.lookUpCodes(t, brand, "CN;440100;23.1,113.3", 21, 22)
	if exchange(t, brand, dist) != 3 || exchange(t, dist, brand) == 0 {
		t.Fatal("the nodes do not tell each other of scans")
	}
	if got := brand.outside(t, member); len(got) > 0 {
		t.Errorf("the scans were gone through again at once: %+v", got)
	}
	brand.clock.at = brand.clock.at.Add(scannedFor)
	dist.clock.at = dist.clock.at.Add(scannedFor)
	for _, n := range []*testNode{brand, dist} {
		for viewer, want := range map[trace.Viewer]int{{Member: "brand"}: 1, {Member: "dist"}: 1, {}: 0, {Member: "wh"}: 0, {Party: "dist/agent"}: 0} {
			got := n.outside(t, viewer)
			if len(got) != want {
				t.Errorf("%s tells %+v: %+v", n.member.Member, viewer, got)
				continue
			}
			if want > 0 && (!strings.Contains(got[0].Zh, "有16件已被查询，其中6件首次查询不在") || !strings.Contains(got[0].Zh, "最多的在广东广州") ||
				len(got[0].Records) != 2 || got[0].Severity != trace.Notice) {
				t.Errorf("%s tells %+v: %+v", n.member.Member, viewer, got[0])
			}
		}
	}
	past := brand.findings(t, stock.FindingQuestion{Time: brand.clock.at.UnixMilli()}, member)
	if slices.Contains(codesIn(past), trace.ScannedOutside) {
		t.Error("a question about the past is answered with the scans of now")
	}
	// What moves on within the records strays no more.
	back := dist.mustSubmit(t, sendDraft(0, 39, "brand"))[0]
	finish(t, dist, brand)
	brand.mustSubmit(t, trace.Draft{Kind: "receive", Subjects: []trace.DraftSubject{codesOf(toner, 0, 39)}, Refs: []ledger.Hash{back.Hash}})
	finish(t, brand, dist)
	if got := brand.outside(t, member); len(got) > 0 {
		t.Errorf("the goods are with the brand again: %+v", got)
	}
}

// A company whose dealer lets goods stray hides nothing by what it says of scans,
// neither that they were looked up at home, nor that they were before they were sent.
func TestRecipientDoesNotClearItself(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(sent, now int64) int64{
		"at once":          func(sent, _ int64) int64 { return sent + 1 },
		"before it was":    func(int64, int64) int64 { return 1 },
		"when it was seen": func(_, now int64) int64 { return now },
	} {
		brand, dist := strayed(t)
		s := brand.openScans(t, "place_header = \"X-Place\"")
		dist.openScans(t, "")
		m := &wire.Scans{Journal: 6, Next: 1}
		sent := brand.clock.at.Add(-time.Hour).UnixMilli()
		for i := range uint32(20) {
			item, ok := scannedItem(brand.answerTo(t, link(toner, brand.serial(t, toner, 0, i))))
			if !ok {
				t.Fatal("scans do not count")
			}
			m.Counts = append(m.Counts, wire.ScanCount{Item: item, Count: 1, First: first(sent, brand.clock.at.UnixMilli()), Country: "CN", Zh: "浙江宁波", En: "Ningbo, Zhejiang"})
		}
		mergeScans(t, brand, dist.chain, m)
		if got := brand.outside(t, trace.Viewer{Member: "brand"}); len(got) > 0 {
			t.Fatalf("%s: goods that nobody else has seen stray: %+v", name, got)
		}
		s.lookUpCodes(t, brand, "CN;440100;23.1,113.3", 3, 9)
		brand.clock.at = brand.clock.at.Add(scannedFor)
		got := brand.outside(t, trace.Viewer{Member: "brand"})
		if len(got) != 1 || !strings.Contains(got[0].Zh, "其中7件首次查询不在") {
			t.Errorf("%s: the word of the recipient hides where goods were seen: %+v", name, got)
		}
	}
}

// Codes are found in the packs that are asked, and in these alone.
func TestLocateScannedCodes(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 30)
	n.issue(t, carton, 30)
	runs, err := n.runsAt(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	packs, err := n.packsOf(t.Context(), runs)
	if err != nil || len(packs) != 2 {
		t.Fatal(packs, err)
	}
	hash := func(i uint32) scan.Key {
		item, _ := scannedItem(n.answerTo(t, link(carton, n.serial(t, carton, 0, i))))
		return item
	}
	n.mustSubmit(t, trace.Draft{Kind: "activate", Subjects: []trace.DraftSubject{codesOf(carton, 0, 29)}, Fields: fields{"lot": "K1"}})
	n.final(t)
	for i := range uint32(30) {
		x, err := locate(packs, hash(i))
		if err != nil || !x.found || x.index != i || x.run.GTIN != carton {
			t.Fatalf("code %d is located at %+v, %v", i, x, err)
		}
	}
	for _, some := range [][]runPack{packs[:1], nil} {
		if x, err := locate(some, hash(3)); err != nil || x.found {
			t.Errorf("a code of another run is located at %+v, %v", x, err)
		}
	}
	if x, err := locate(packs, scan.Key{1}); err != nil || x.found {
		t.Errorf("no code is located at %+v, %v", x, err)
	}
}

// Those who ask for other products do not undo each other's work, and a turn that is
// over is gone on with in the next.
func TestWhereaboutsGoOn(t *testing.T) {
	t.Parallel()
	brand, dist := strayed(t)
	brand.mustSubmit(t, productDraft(carton))
	brand.issue(t, carton, 10)
	finish(t, brand, dist)
	s := brand.openScans(t, "place_header = \"X-Place\"")
	s.lookUpCodes(t, brand, "CN;440100;23.1,113.3", 0, 9)
	c, g := s.counter(), &brand.seen
	bottles, cases := index.Run{GTIN: toner}, index.Run{GTIN: carton}
	of := func(t *turn, runs ...index.Run) (int, bool, error) {
		watched := make(map[index.Run]*stock.Tally)
		for _, r := range runs {
			watched[r] = &stock.Tally{}
		}
		list, whole, err := g.of(context.Background(), t, s, c, watched)
		return len(list), whole, err
	}
	busy := &line{round: []string{"another"}}
	turns, err := 0, errTurnOver
	for ; errors.Is(err, errTurnOver); turns++ {
		var n int
		var whole bool
		if n, whole, err = of(&turn{who: "one", line: busy}, bottles); err == nil && (n != 10 || !whole) {
			t.Fatalf("%d codes, all: %v", n, whole)
		}
	}
	if err != nil || turns != 11 {
		t.Fatalf("%d turns, %v; want one to read the scans and one for each code but the last", turns, err)
	}
	quiet := &turn{who: "one", line: &line{}}
	if n, whole, err := of(quiet, cases); n != 0 || !whole || err != nil {
		t.Errorf("of cases: %d, %v, %v", n, whole, err)
	}
	read := g.at
	brand.clock.at = brand.clock.at.Add(scannedFor / 2)
	for range 3 {
		if n, whole, err := of(quiet, bottles); n != 10 || !whole || err != nil {
			t.Errorf("of bottles: %d, %v, %v", n, whole, err)
		}
		if n, _, err := of(quiet, cases); n != 0 || err != nil {
			t.Errorf("of cases: %d, %v", n, err)
		}
	}
	if !g.at.Equal(read) || len(g.runs) != 2 || g.codes.Len() != 10 {
		t.Errorf("read at %v, again at %v; %d runs, %d codes", read, g.at, len(g.runs), g.codes.Len())
	}
}
