package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"suyuan/trace"
	"suyuan/trace/stock"
)

// Whoever counts at past cuts, for however long, keeps nobody from figures of now.
func TestPastFiguresHoldUpNoCurrentOnes(t *testing.T) {
	t.Parallel()
	brand, _ := newStocked(t)
	if err := brand.books.past.line.take(t.Context(), "dealer"); err != nil {
		t.Fatal(err)
	}
	if a := brand.inventory(t, stock.Question{}); a.Total != 200 {
		t.Errorf("counted %d, want 200", a.Total)
	}
	// And who waits for the past is told so when his time is over.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := brand.Inventory(ctx, stock.Question{Time: brand.clock.at.UnixMilli(), Limit: 1})
	wantCode(t, err, "still-counting")
	brand.books.past.line.pass()
	if a := brand.inventory(t, stock.Question{Time: brand.clock.at.UnixMilli()}); a.Total != 200 {
		t.Errorf("counted %d of the past, want 200", a.Total)
	}
}

// Questions that take turns after every single event are answered as those are
// that nobody interrupts, while somebody asks about one past cut after the other
// without end.
func TestFiguresByTurnsAreWhole(t *testing.T) {
	t.Parallel()
	brand, dist := newTroubled(t)
	dist.books.turn = 1
	sizes, now := brand.inventory(t, stock.Question{}).AsOf, brand.clock.at
	if dist.clock.at.After(now) {
		now = dist.clock.at
	}
	past := func(n uint64) map[string]uint64 {
		cut := map[string]uint64{}
		for chain, size := range sizes {
			cut[chain] = max(1, size-min(size, n))
		}
		return cut
	}
	ask := func(n *testNode, who string, i int) (any, error) {
		ctx, member := context.Background(), trace.Viewer{Member: "brand"}
		q := stock.Question{By: []stock.Dim{stock.ByState, stock.ByParty, stock.ByRecord}, Limit: 100, Who: who, Time: now.UnixMilli()}
		if i%2 > 0 {
			q.Time, q.AsOf = 0, past(uint64(i%5))
		}
		switch i / 2 % 4 {
		case 0:
			return n.Inventory(ctx, q)
		case 1:
			q.Units = true
			return n.Inventory(ctx, q)
		case 2:
			q.By = []stock.Dim{stock.ByRecord}
			return n.Lots(ctx, q, member)
		}
		return n.Findings(ctx, stock.FindingQuestion{AsOf: q.AsOf, Time: q.Time, Limit: 100, Who: who}, member)
	}
	var done atomic.Bool
	var greedy sync.WaitGroup
	for g := range maxAsked {
		greedy.Go(func() {
			for i := g; !done.Load(); i++ {
				if _, err := ask(dist, "greedy", i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var g errgroup.Group
	for i := range 24 {
		g.Go(func() error {
			got, err := ask(dist, fmt.Sprint("clerk", i%3), i)
			if err != nil {
				return err
			}
			want, err := ask(brand, fmt.Sprint("clerk", i%3), i) // all 24 would be more than one may ask
			if err == nil && !sameFigures(got, want) {
				err = fmt.Errorf("question %d: got %+v, want %+v", i, got, want)
			}
			return err
		})
	}
	err := g.Wait()
	done.Store(true)
	greedy.Wait()
	if err != nil {
		t.Error(err)
	}
}

// sameFigures compares answers of two nodes but for when they were given.
func sameFigures(a, b any) bool {
	if x, ok := a.(*stock.Inventory); ok {
		y := b.(*stock.Inventory)
		return reflect.DeepEqual(x.Rows, y.Rows) && x.Total == y.Total && reflect.DeepEqual(x.AsOf, y.AsOf)
	}
	return reflect.DeepEqual(a, b)
}

// A context that ends after so many questions whether it has.
type shortContext struct {
	context.Context
	left int
}

func (c *shortContext) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// A count that nobody waits for any more ends at once, and what was counted by
// then is there for the next question.
func TestCountingThatNobodyWaitsForEnds(t *testing.T) {
	t.Parallel()
	brand, _ := newStocked(t)
	q := stock.Question{Limit: 1, Time: brand.clock.at.UnixMilli()}
	folded := 0
	for n := range 20 {
		_, err := brand.Inventory(&shortContext{t.Context(), n}, q)
		books := brand.books.past.books
		if len(books) != 1 {
			t.Fatalf("%d books", len(books))
		}
		now := books[0].cells
		if now < folded {
			t.Fatalf("what was folded got lost: %d, then %d", folded, now)
		}
		folded = now
		if err == nil {
			if n < 2 || folded < 4 {
				t.Errorf("counted in %d steps, with %d outcomes", n, folded)
			}
			return
		}
		wantCode(t, err, "still-counting")
	}
	t.Error("not counted after twenty questions that each got one step farther")
}

// While what has arrived is still being read, every question is answered with a code
// that says so, and is answered once it is.
func TestFiguresOfAnIndexThatIsBehind(t *testing.T) {
	t.Parallel()
	brand, _ := newStocked(t)
	if err := brand.index.Drop(); err != nil {
		t.Fatal(err)
	}
	viewer := trace.Viewer{Member: "brand"}
	ask := map[string]func() error{
		"inventory": func() error { _, err := brand.Inventory(t.Context(), stock.Question{Limit: 1}); return err },
		"units": func() error {
			_, err := brand.Inventory(t.Context(), stock.Question{Limit: 1, Units: true})
			return err
		},
		"moves": func() error {
			_, err := brand.Inventory(t.Context(), stock.Question{Limit: 1, Moves: true})
			return err
		},
		"runs": func() error { _, err := brand.Prints(t.Context(), stock.Question{Limit: 1}); return err },
		"lots": func() error { _, err := brand.Lots(t.Context(), stock.Question{Limit: 1}, viewer); return err },
		"findings": func() error {
			_, err := brand.Findings(t.Context(), stock.FindingQuestion{Limit: 1}, viewer)
			return err
		},
	}
	for name, question := range ask {
		err := question()
		if err == nil {
			t.Errorf("%s: answered", name)
			continue
		}
		wantCode(t, err, "not-ready")
	}
	if err := brand.indexAll(); err != nil {
		t.Fatal(err)
	}
	for name, question := range ask {
		if err := question(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whoever asks about ever new cuts loses books of his own and nobody else's; and
// together they have a bound.
func TestShelfOfPastBooks(t *testing.T) {
	d := &desk{keeps: maxPastBooks}
	open := func(who string, cut uint64, cells int) *book {
		b := d.open(map[uint32]uint64{1: cut}, who, 0)
		b.cells = cells
		d.tidy()
		return b
	}
	kept := func(who string) (n int) {
		for _, b := range d.books {
			if b.who == who {
				n++
			}
		}
		return n
	}
	mine := open("clerk", 1, 10)
	for cut := range uint64(100) {
		open("greedy", 100+cut, 10)
	}
	if kept("greedy") != maxPastBooksEach || open("clerk", 1, 10) != mine {
		t.Errorf("%d books of who asks without end, %d of who asked once", kept("greedy"), kept("clerk"))
	}
	open("heavy", 7, maxBookCells-100) // fits
	open("heavy", 8, maxBookCells/2)   // does not beside the other
	if kept("heavy") != 1 || kept("clerk") != 1 || kept("greedy") != maxPastBooksEach {
		t.Errorf("books after a heavy one: %d, %d, %d", kept("heavy"), kept("clerk"), kept("greedy"))
	}
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		b := open(fmt.Sprint(rnd.IntN(40)), rnd.Uint64N(200), rnd.IntN(maxBookCells/4))
		total := 0
		for _, b := range d.books {
			total += b.size()
		}
		if d.books[len(d.books)-1] != b || len(d.books) > maxPastBooks || total > maxBookCells {
			t.Fatalf("seed %d: %d books with %d outcomes", seed, len(d.books), total)
		}
	}
}
