package node

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/stock"
)

// newStocked is brand and dist with two hundred codes: activated, shipped in
// part, received in part, some sold, some void. All of it is final on brand.
func newStocked(t testing.TB) (brand, dist *testNode) {
	t.Helper()
	brand, dist = newBrandAndDist(t)
	brand.issue(t, toner, 200)
	brand.mustSubmit(t, activateDraft(0, 149))
	ship := brand.mustSubmit(t, sendDraft(0, 79, "dist"))[0]
	brand.mustSubmit(t, trace.Draft{Kind: "void", Subjects: []trace.DraftSubject{codesOf(toner, 190, 199)}, Fields: fields{"reason": "misprint"}})
	finish(t, brand, dist)
	receive := trace.Draft{Kind: "receive", Subjects: []trace.DraftSubject{codesOf(toner, 0, 49)}, Refs: []ledger.Hash{ship.Hash}}
	dist.mustSubmit(t, receive, sellDraft(3), sellDraft(40))
	finish(t, dist, brand)
	return brand, dist
}

func sendDraft(from, to uint32, party string) trace.Draft {
	return trace.Draft{Kind: "ship", Subjects: []trace.DraftSubject{codesOf(toner, from, to)}, Fields: fields{"purpose": "sale", "to": party}}
}

// finish makes what one node has written final on both.
func finish(t testing.TB, from, to *testNode) {
	t.Helper()
	move(t, from, to, from.chain)
	cp := from.checkpoint(t, to)
	from.put(t, cp)
	to.put(t, cp)
}

func (n *testNode) inventory(t testing.TB, q stock.Question) *stock.Inventory {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	a, err := n.Inventory(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// figures are the rows of an answer: values, then the number.
func figures(a *stock.Inventory) map[string]uint64 {
	m := make(map[string]uint64)
	for _, r := range a.Rows {
		key := ""
		for _, d := range a.By {
			key += r.Values[d] + " "
		}
		m[key] = r.Count
	}
	return m
}

func wantFigures(t testing.TB, what string, got *stock.Inventory, want map[string]uint64) {
	t.Helper()
	if f := figures(got); !maps.Equal(f, want) {
		t.Errorf("%s: got %v, want %v", what, f, want)
	}
}

// Inventory says of all codes together what trails say of each.
func TestInventoryIsTheSumOfTrails(t *testing.T) {
	t.Parallel()
	brand, dist := newStocked(t)
	want := make(map[string]uint64)
	for i := range uint32(200) {
		a, err := brand.AnswerTo(context.Background(), link(toner, brand.serial(t, toner, 0, i)), trace.Viewer{Member: "brand"})
		if err != nil {
			t.Fatal(err)
		}
		want[fmt.Sprintf("%s %s %s ", a.Trail.Custody.State, a.Trail.Custody.Holder, a.Trail.Lot)]++
	}
	q := stock.Question{By: []stock.Dim{stock.ByState, stock.ByParty, stock.ByLot}}
	a := brand.inventory(t, q)
	got := figures(a)
	// Who sold it is not who holds it: nobody does.
	got["sold  B1 "] = got["sold dist B1 "]
	delete(got, "sold dist B1 ")
	if !maps.Equal(got, want) || a.Total != 200 {
		t.Errorf("got %v of %d, want %v", got, a.Total, want)
	}
	if a.Names["dist"].Zh == "" || len(a.AsOf) != 2 {
		t.Errorf("names %v, as of %v", a.Names, a.AsOf)
	}
	q.By = []stock.Dim{stock.ByState}
	wantFigures(t, "on dist", dist.inventory(t, q), map[string]uint64{"held ": 48, "in-transit ": 30, "active ": 70, "issued ": 40, "void ": 10, "sold ": 2})
}

// At the same sizes of chains every node has the same figures.
func TestInventoryIsTheSameOnEveryNode(t *testing.T) {
	t.Parallel()
	brand, dist := newTroubled(t)
	q := stock.Question{Limit: 500}
	for _, d := range stock.Dims {
		if d != stock.ByAge && d != stock.ByExpired { // these depend on the clock
			q.By = append(q.By, d)
		}
	}
	a := brand.inventory(t, q)
	q.AsOf = a.AsOf
	if b := dist.inventory(t, q); a.Total != 200 || len(a.Rows) < 8 || !reflect.DeepEqual(a.Rows, b.Rows) || !maps.Equal(a.AsOf, b.AsOf) {
		t.Errorf("brand has %v, dist %v", a.Rows, b.Rows)
	}
}

// What is new changes the next answer, and an answer at an earlier cut stays.
func TestInventoryAtAPastCut(t *testing.T) {
	t.Parallel()
	brand, dist := newStocked(t)
	sold := stock.Question{Values: map[stock.Dim][]string{stock.ByState: {"sold"}}}
	before := dist.inventory(t, sold)
	then := dist.clock.now()
	dist.clock.at = then.Add(time.Hour)
	dist.mustSubmit(t, sellDraft(5))
	finish(t, dist, brand)
	after := dist.inventory(t, sold)
	if before.Total != 2 || after.Total != 3 {
		t.Errorf("sold %d, then %d; want 2, then 3", before.Total, after.Total)
	}
	past := sold
	past.AsOf = before.AsOf
	if a := dist.inventory(t, past); a.Total != 2 || !maps.Equal(a.AsOf, before.AsOf) {
		t.Errorf("at %v: %d, want 2; answered as of %v", past.AsOf, a.Total, a.AsOf)
	}
	past = sold
	past.Time = then.UnixMilli()
	if a := dist.inventory(t, past); a.Total != 2 {
		t.Errorf("at the time before: %d, want 2; as of %v", a.Total, a.AsOf)
	}
	past.AsOf, past.Time = map[string]uint64{"dist/2": 1 << 40}, 0
	_, err := dist.Inventory(context.Background(), past)
	wantCode(t, err, "not-final")
	past.AsOf = map[string]uint64{"nobody/77": 1}
	_, err = dist.Inventory(context.Background(), past)
	wantCode(t, err, "bad-question")
}

// Pages of an answer follow each other without hole or overlap.
func TestInventoryPages(t *testing.T) {
	t.Parallel()
	brand, _ := newStocked(t)
	q := stock.Question{By: []stock.Dim{stock.ByState, stock.ByRecord}, Limit: 1}
	whole := brand.inventory(t, stock.Question{By: q.By, Limit: 100})
	got, pages := make(map[string]uint64), 0
	for {
		a := brand.inventory(t, q)
		maps.Copy(got, figures(a))
		pages++
		if a.Total != 200 || len(a.Rows) > 1 {
			t.Fatalf("page of %d rows, total %d", len(a.Rows), a.Total)
		}
		if q.After = a.Next; q.After == "" {
			break
		}
	}
	if !maps.Equal(got, figures(whole)) || pages != len(whole.Rows) {
		t.Errorf("%d pages with %v, want %v", pages, got, figures(whole))
	}
	q.After = "!"
	_, err := brand.Inventory(context.Background(), q)
	wantCode(t, err, "bad-question")
	_, err = brand.Inventory(context.Background(), stock.Question{By: []stock.Dim{"colour"}, Limit: 1})
	wantCode(t, err, "bad-question")
}

func TestPrintsAndMoves(t *testing.T) {
	t.Parallel()
	brand, _ := newStocked(t)
	p, err := brand.Prints(context.Background(), stock.Question{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	want := stock.PrintRun{GTIN: toner.String(), Run: 0, Printed: 200, Activated: 150, Void: 10, Open: 40}
	if len(p.Runs) != 1 || p.Runs[0] != want {
		t.Errorf("runs %+v, want %+v", p.Runs, want)
	}
	moves := brand.inventory(t, stock.Question{Moves: true, By: []stock.Dim{stock.ByFrom, stock.ByReceived, stock.ByKind}})
	wantFigures(t, "moves", moves, map[string]uint64{"brand dist receive ": 50, "dist  sell ": 2})
}

// Logistic units are counted by themselves, and again when one moves.
func TestInventoryOfUnits(t *testing.T) {
	t.Parallel()
	brand, dist := newStocked(t)
	pallet := func(s string) trace.DraftSubject { return trace.DraftSubject{SSCC: mustSSCC(s)} }
	bottles := codesOf(toner, 110, 119)
	one, two := pallet("069012340000000016"), pallet("069012340000000023")
	brand.mustSubmit(t, trace.Draft{Kind: "pack", Subjects: []trace.DraftSubject{{Unit: &one, Content: &bottles}}})
	finish(t, brand, dist)
	q := stock.Question{Units: true, By: []stock.Dim{stock.ByParty, stock.ByState}}
	wantFigures(t, "packed", brand.inventory(t, q), map[string]uint64{"brand active ": 1})
	wantFigures(t, "nothing new", brand.inventory(t, q), map[string]uint64{"brand active ": 1})
	send := sendDraft(0, 0, "dist")
	send.Subjects = []trace.DraftSubject{one, two}
	brand.mustSubmit(t, send)
	finish(t, brand, dist)
	wantFigures(t, "sent", brand.inventory(t, q), map[string]uint64{"brand in-transit ": 2})
	codes := brand.inventory(t, stock.Question{By: []stock.Dim{stock.ByState}, Values: map[stock.Dim][]string{stock.ByState: {"in-transit"}}})
	wantFigures(t, "what is in them", codes, map[string]uint64{"in-transit ": 40})
}

// A count that takes too long is broken off, and the next one goes on.
func TestInventoryStillCounting(t *testing.T) {
	t.Parallel()
	brand, _ := newStocked(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := brand.Inventory(ctx, stock.Question{Limit: 1})
	wantCode(t, err, "still-counting")
	if a := brand.inventory(t, stock.Question{}); a.Total != 200 {
		t.Errorf("counted %d, want 200", a.Total)
	}
}

// Questions that come at once wait for each other, and all are answered.
func TestFiguresAtOnce(t *testing.T) {
	t.Parallel()
	brand, _ := newTroubled(t)
	var g errgroup.Group
	for i := range 12 {
		g.Go(func() error {
			ctx, member := context.Background(), trace.Viewer{Member: "brand"}
			var err error
			switch i % 4 {
			case 0:
				_, err = brand.Inventory(ctx, stock.Question{By: stock.Dims, Limit: 9})
			case 1:
				_, err = brand.Findings(ctx, stock.FindingQuestion{Limit: 9}, member)
			case 2:
				_, err = brand.Lots(ctx, stock.Question{Limit: 9}, member)
			case 3:
				_, err = brand.Inventory(ctx, stock.Question{By: stock.MoveDims, Moves: true, Limit: 9, Time: int64(1_800_000_000_000 + i)})
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}
