package node

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/stock"
)

// moveWithout moves what one node has written to another, which is not shown what is
// for parties, and returns that by position.
func moveWithout(t testing.TB, from, to *testNode) map[uint64]*ledger.Sidecar {
	t.Helper()
	held := make(map[uint64]*ledger.Sidecar)
	at := to.store.Size(from.chain)
	var items []store.Item
	for item, err := range from.store.Entries(from.chain, at, from.store.Size(from.chain)) {
		if err != nil {
			t.Fatal(err)
		}
		whole, err := ledger.DecodeSidecar(item.Sidecar)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := whole.For("nobody", from.Member())
		if err != nil {
			t.Fatal(err)
		}
		raw, err := shown.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if string(raw) != string(item.Sidecar) {
			held[at+uint64(len(items))], item.Sidecar = whole, raw
		}
		items = append(items, item)
	}
	if _, err := to.store.Extend(t.Context(), from.chain, at, items); err != nil {
		t.Fatal(err)
	}
	if err := to.indexAll(); err != nil {
		t.Fatal(err)
	}
	cp := from.checkpoint(t, to)
	from.put(t, cp)
	to.put(t, cp)
	return held
}

// newDealt is brand and a dealer who sells where it may not, says so in a sale or by
// where its shop is, and receives less than was sent; and what of brand's chain the
// dealer does not know yet, by position.
func newDealt(t testing.TB) (dist, brand *testNode, held map[uint64]*ledger.Sidecar) {
	t.Helper()
	brand, dist = newBrandAndDist(t)
	brand.issue(t, toner, 200)
	bulk := []trace.DraftSubject{{GTIN: toner, Lot: "BULK"}}
	litres := func(n int) fields { return fields{"value": n, "unit": "LTR"} }
	sent := brand.mustSubmit(t, activateDraft(0, 149),
		trace.Draft{Kind: "appoint", Fields: fields{"party": "dist", "gtins": []string{toner.String()}, "from": "2020-01-01", "level": 1, "territory": []string{"330000"}}},
		trace.Draft{Kind: "ship", Subjects: []trace.DraftSubject{codesOf(toner, 0, 79)}, Fields: fields{"purpose": "sale", "to": "dist", "lines": []fields{{"gtin": toner, "count": 90}}}},
		trace.Draft{Kind: "activate", Subjects: bulk, Fields: fields{"lot": "BULK", "quantity": litres(100)}},
		trace.Draft{Kind: "ship", Subjects: bulk, Fields: fields{"purpose": "sale", "to": "dist", "quantity": litres(50)}})
	held = moveWithout(t, brand, dist)
	abroad, shop := sellDraft(3), sellDraft(4)
	abroad.Fields["region"] = "440100"
	delete(shop.Fields, "region")
	shop.Place = "shop"
	dist.mustSubmit(t,
		trace.Draft{Kind: "place", Fields: fields{"id": "shop", "kind": "store", "country": "CN", "region": "310000"}},
		trace.Draft{Kind: "receive", Subjects: []trace.DraftSubject{codesOf(toner, 0, 49)}, Refs: []ledger.Hash{sent[2].Hash}},
		trace.Draft{Kind: "receive", Subjects: bulk, Refs: []ledger.Hash{sent[4].Hash}, Fields: fields{"quantity": litres(60)}},
		abroad, shop)
	finish(t, dist, brand)
	return dist, brand, held
}

// A figure is what counting everything anew would give, whenever fields for parties
// come: findings of trails, of shipments and of lots, now and of the past.
func TestFiguresFollowWhatComesLate(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 5))
		dist, brand, held := newDealt(t)
		member := trace.Viewer{Member: "dist"}
		past := stock.FindingQuestion{AsOf: dist.findings(t, stock.FindingQuestion{}, member).AsOf}
		told := func() string {
			var all []any
			for _, q := range []stock.FindingQuestion{{}, past} {
				all = append(all, dist.findings(t, q, member).Findings)
			}
			lots, err := dist.Lots(t.Context(), stock.Question{Limit: 100}, member)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, lots.Lots,
				dist.inventory(t, stock.Question{By: []stock.Dim{stock.ByParty, stock.ByState, stock.ByVerdict}}).Rows)
			raw, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			return string(raw)
		}
		late := make([]uint64, 0, len(held))
		for seq := range held {
			late = append(late, seq)
		}
		slices.Sort(late)
		r.Shuffle(len(late), reflect.Swapper(late))
		for i, seq := range late {
			if i%2 == int(seed)%2 {
				told()
			}
			if err := dist.store.AddDisclosures(t.Context(), brand.chain, seq, held[seq]); err != nil {
				t.Fatal(err)
			}
			got := told()
			dist.books = newBooks()
			if want := told(); got != want {
				t.Fatalf("seed %d, after the fields of %d: figures lag\ngot  %s\nwant %s", seed, seq, got, want)
			}
		}
		codes := codesIn(dist.findings(t, past, member))
		for _, want := range []string{trace.Diverted, trace.OverReceipt, trace.LinesDiffer} {
			if !slices.Contains(codes, want) {
				t.Errorf("seed %d: findings %v lack %s", seed, codes, want)
			}
		}
		diverted := slices.DeleteFunc(codes, func(c string) bool { return c != trace.Diverted })
		if len(diverted) != 2 {
			t.Errorf("seed %d: %d sales outside the territory, want one that says where it was and one by its place", seed, len(diverted))
		}
	}
}

// Where a shop is may be recorded anew: then its sales were there.
func TestFiguresFollowPlaces(t *testing.T) {
	t.Parallel()
	dist, brand, held := newDealt(t)
	for seq, sc := range held {
		if err := dist.store.AddDisclosures(t.Context(), brand.chain, seq, sc); err != nil {
			t.Fatal(err)
		}
	}
	count := func() int {
		codes := codesIn(dist.findings(t, stock.FindingQuestion{}, trace.Viewer{Member: "dist"}))
		return len(slices.DeleteFunc(codes, func(c string) bool { return c != trace.Diverted }))
	}
	if n := count(); n != 2 {
		t.Fatalf("%d sales outside the territory, want 2", n)
	}
	dist.mustSubmit(t, trace.Draft{Kind: "place", Fields: fields{"id": "shop", "kind": "store", "country": "CN", "region": "330100"}})
	finish(t, dist, brand)
	if n := count(); n != 1 {
		t.Errorf("%d sales outside the territory after the shop was said to be within it, want 1", n)
	}
}
