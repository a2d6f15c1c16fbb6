package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/index"
	"suyuan/trace/stock"
)

func (n *testNode) findings(t testing.TB, q stock.FindingQuestion, v trace.Viewer) *stock.Findings {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	a, err := n.Findings(context.Background(), q, v)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func codesIn(a *stock.Findings) []string {
	var list []string
	for _, f := range a.Findings {
		list = append(list, f.Code)
	}
	slices.Sort(list)
	return list
}

// newTroubled is newStocked with a receipt that counts less than was expected, a
// sale by somebody who had shipped the goods, and a recall.
func newTroubled(t testing.TB) (brand, dist *testNode) {
	t.Helper()
	brand, dist = newStocked(t)
	ship := brand.mustSubmit(t, sendDraft(80, 99, "dist"))[0]
	finish(t, brand, dist)
	dist.mustSubmit(t, trace.Draft{Kind: "receive", Subjects: []trace.DraftSubject{codesOf(toner, 80, 97)}, Refs: []ledger.Hash{ship.Hash},
		Fields: fields{"lines": []fields{{"gtin": toner, "expected": 20, "counted": 18, "damaged": 0}}}},
		sellDraft(110))
	finish(t, dist, brand)
	brand.mustSubmit(t, trace.Draft{Kind: "recall", Subjects: []trace.DraftSubject{codesOf(toner, 140, 149)}, Fields: fields{
		"class": "class-1", "scope": trace.Names{En: "some"}, "reason": trace.Names{En: "glass"}, "advice": trace.Names{En: "bring it back"}, "contact": "400"}})
	finish(t, brand, dist)
	return brand, dist
}

// Findings are those of the trails, once each, with how many codes bear them;
// those about quantities are told to their parties.
func TestFindingsOfTheNetwork(t *testing.T) {
	t.Parallel()
	brand, _ := newTroubled(t)
	member := trace.Viewer{Member: "brand"}
	a := brand.findings(t, stock.FindingQuestion{}, member)
	want := map[string]uint64{"not-active": 40, "void": 10, "recalled": 10, "quantity-differs": 0, "short-receipt": 2, "sold-by-non-holder": 1}
	for _, f := range a.Findings {
		n, ok := want[f.Code]
		if !ok || f.Count != n || f.Zh == "" || f.En == "" || len(f.Records) == 0 || f.Member == "" {
			t.Errorf("finding %+v, want %d codes", f, n)
		}
		delete(want, f.Code)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if !slices.IsSortedFunc(a.Findings, func(a, b stock.FindingRow) int { return -cmpText(a.Recorded, b.Recorded) }) {
		t.Error("the newest does not come first")
	}
	if got := codesIn(brand.findings(t, stock.FindingQuestion{Severities: []string{"critical"}}, member)); !slices.Equal(got, []string{"recalled"}) {
		t.Errorf("critical: %q", got)
	}
	if got := codesIn(brand.findings(t, stock.FindingQuestion{Members: []string{"dist"}, Codes: []string{"quantity-differs", "void"}}, member)); !slices.Equal(got, []string{"quantity-differs"}) {
		t.Errorf("of dist: %q", got)
	}
	public := codesIn(brand.findings(t, stock.FindingQuestion{}, trace.Viewer{}))
	if slices.Contains(public, "quantity-differs") || slices.Contains(public, "short-receipt") || !slices.Contains(public, "recalled") {
		t.Errorf("the public is told %q", public)
	}
	if got := codesIn(brand.findings(t, stock.FindingQuestion{}, trace.Viewer{Party: "dist/agent"})); len(got) > 0 {
		t.Errorf("a dealer that had none of the goods is told %q", got)
	}
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Pages of findings follow each other without hole or overlap.
func TestFindingsPages(t *testing.T) {
	t.Parallel()
	brand, _ := newTroubled(t)
	member := trace.Viewer{Member: "brand"}
	whole := codesIn(brand.findings(t, stock.FindingQuestion{}, member))
	var got []string
	q := stock.FindingQuestion{Limit: 2}
	for {
		a := brand.findings(t, q, member)
		got = append(got, codesIn(a)...)
		if q.After = a.Next; q.After == "" {
			break
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, whole) {
		t.Errorf("pages with %q, want %q", got, whole)
	}
}

// Who names more lots than are listed keeps no findings about codes from anybody.
func TestFindingsAmongTooManyLots(t *testing.T) {
	t.Parallel()
	brand, dist := newTroubled(t)
	const each = 8_000
	for from := 0; from <= index.MaxLots; from += each {
		made := trace.Draft{Kind: "inspect", Fields: fields{"type": "visual", "result": "pass"}}
		for i := range each {
			made.Subjects = append(made.Subjects, trace.DraftSubject{GTIN: toner, Lot: fmt.Sprint("L", from+i)})
		}
		brand.mustSubmit(t, made)
	}
	finish(t, brand, dist)
	a := brand.findings(t, stock.FindingQuestion{}, trace.Viewer{Member: "brand"})
	if !slices.Contains(codesIn(a), "recalled") || !slices.Contains(a.Uncounted, "lot") {
		t.Errorf("findings %q, not counted %q", codesIn(a), a.Uncounted)
	}
	_, err := brand.Lots(context.Background(), stock.Question{Limit: 5}, trace.Viewer{Member: "brand"})
	var r *Refusal
	if !errors.As(err, &r) || r.Code() != "too-many-records" {
		t.Errorf("lots: %v", err)
	}
}

// How much of a lot without serials is where is told to the parties.
func TestLots(t *testing.T) {
	t.Parallel()
	brand, dist := newStocked(t)
	lot := []trace.DraftSubject{{GTIN: toner, Lot: "BULK"}}
	litres := func(n int) fields { return fields{"quantity": fields{"value": n, "unit": "LTR"}} }
	made, sent := litres(100), litres(130)
	made["lot"], sent["purpose"], sent["to"] = "BULK", "sale", "dist"
	brand.mustSubmit(t, trace.Draft{Kind: "activate", Subjects: lot, Fields: made}, trace.Draft{Kind: "ship", Subjects: lot, Fields: sent})
	finish(t, brand, dist)
	a, err := brand.Lots(context.Background(), stock.Question{Limit: 5}, trace.Viewer{Member: "brand"})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Lots) != 1 || a.Lots[0] != (stock.LotRow{GTIN: toner.String(), Lot: "BULK", Party: "brand", Quantity: -30, Unit: "LTR"}) {
		t.Errorf("lots %+v", a.Lots)
	}
	if got := codesIn(brand.findings(t, stock.FindingQuestion{Codes: []string{"negative-stock"}}, trace.Viewer{Member: "brand"})); len(got) != 1 {
		t.Errorf("findings %q", got)
	}
	behind, err := brand.Lots(context.Background(), stock.Question{Limit: 5, By: []stock.Dim{stock.ByRecord}}, trace.Viewer{Member: "brand"})
	if err != nil || len(behind.Lots) != 2 || behind.Lots[0].Quantity != 100 || behind.Lots[0].Kind != "activate" || behind.Lots[1].Quantity != -130 || behind.Lots[1].Record == "" {
		t.Errorf("records behind %+v, %v", behind, err)
	}
	for _, by := range [][]stock.Dim{{stock.ByParty}, {stock.ByRecord, stock.ByRecord}} {
		_, err := brand.Lots(context.Background(), stock.Question{Limit: 5, By: by}, trace.Viewer{Member: "brand"})
		wantCode(t, err, "bad-question")
	}
	none, err := brand.Lots(context.Background(), stock.Question{Limit: 5}, trace.Viewer{Member: "other"})
	if err != nil || len(none.Lots) != 0 {
		t.Errorf("others are told %+v, %v", none, err)
	}
}

// Pages of lots follow each other without hole or overlap, whatever their names are,
// and are kept to what is asked for.
func TestLotPages(t *testing.T) {
	t.Parallel()
	brand, dist := newStocked(t)
	member := trace.Viewer{Member: "brand"}
	names := []string{"B2", "B10", "a", "_x", "A-1", "Zz9"}
	for i, name := range names {
		brand.mustSubmit(t, trace.Draft{Kind: "activate", Subjects: []trace.DraftSubject{{GTIN: toner, Lot: name}},
			Fields: fields{"lot": name, "quantity": fields{"value": 10 + i, "unit": "LTR"}}})
	}
	finish(t, brand, dist)
	for _, by := range [][]stock.Dim{nil, {stock.ByRecord}} {
		var got []string
		q := stock.Question{Limit: 1, By: by}
		for {
			a, err := brand.Lots(context.Background(), q, member)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range a.Lots {
				got = append(got, l.Lot)
			}
			if q.After = a.Next; q.After == "" || len(got) > len(names) {
				break
			}
		}
		if want := slices.Sorted(slices.Values(names)); !slices.Equal(got, want) {
			t.Errorf("by %v: pages with %q, want %q", by, got, want)
		}
	}
	q := stock.Question{Limit: 9, Values: map[stock.Dim][]string{stock.ByLot: {"B10", "a"}, stock.ByParty: {"brand"}}}
	if a, err := brand.Lots(context.Background(), q, member); err != nil || len(a.Lots) != 2 || a.Lots[0].Quantity != 11 || a.Names["brand"].Zh == "" {
		t.Errorf("kept to two lots: %+v, %v", a, err)
	}
	q.Values[stock.ByParty] = []string{"dist"}
	if a, err := brand.Lots(context.Background(), q, member); err != nil || len(a.Lots) != 0 {
		t.Errorf("of another party: %+v, %v", a, err)
	}
}

// Fields for parties that come late, or go, change the findings of now and of the
// past alike.
func TestFindingsFollowTheFields(t *testing.T) {
	t.Parallel()
	brand, dist := newStocked(t)
	ship := brand.mustSubmit(t, sendDraft(80, 99, "dist"))[0]
	finish(t, brand, dist)
	got := dist.mustSubmit(t, trace.Draft{Kind: "receive", Subjects: []trace.DraftSubject{codesOf(toner, 80, 99)}, Refs: []ledger.Hash{ship.Hash},
		Fields: fields{"lines": []fields{{"gtin": toner, "expected": 20, "counted": 20, "damaged": 1}}}})[0]
	var items []store.Item
	at := brand.store.Size(dist.chain)
	var whole *ledger.Sidecar
	for item, err := range dist.store.Entries(dist.chain, at, dist.store.Size(dist.chain)) {
		if err != nil {
			t.Fatal(err)
		}
		if uint64(len(items))+at == got.Seq { // as one who is no party has it
			if whole, err = ledger.DecodeSidecar(item.Sidecar); err != nil {
				t.Fatal(err)
			}
			shared, err := whole.For("wh", "dist")
			if err != nil {
				t.Fatal(err)
			}
			if item.Sidecar, err = shared.Encode(); err != nil {
				t.Fatal(err)
			}
		}
		items = append(items, item)
	}
	if _, err := brand.store.Extend(t.Context(), dist.chain, at, items); err != nil {
		t.Fatal(err)
	}
	finish(t, dist, brand)
	then := stock.FindingQuestion{AsOf: brand.findings(t, stock.FindingQuestion{}, trace.Viewer{Member: "brand"}).AsOf}
	damaged := func(q stock.FindingQuestion) bool {
		return slices.Contains(codesIn(brand.findings(t, q, trace.Viewer{Member: "brand"})), trace.ReceivedDamaged)
	}
	if damaged(stock.FindingQuestion{}) || damaged(then) {
		t.Fatal("the test proves nothing: the lines were there")
	}
	if err := brand.store.AddDisclosures(t.Context(), dist.chain, got.Seq, whole); err != nil {
		t.Fatal(err)
	}
	if !damaged(stock.FindingQuestion{}) || !damaged(then) {
		t.Errorf("the lines are there; now %v, then %v", damaged(stock.FindingQuestion{}), damaged(then))
	}
}
