package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

// Records that belong together are all stored or none, whoever refuses one of
// them, and whoever else writes meanwhile.
func TestAppendAllStoresAllOrNone(t *testing.T) {
	t.Parallel()
	d := &door{sizes: make(map[uint64]int)}
	n := inMemory(t, ledgertest.New(), "lanzhi", func(c *store.Config) { c.Admit, c.Applied = d.admit, d.applied }).begin(t)
	wrong, wsc := n.net.Record("wh", ledger.KindShip, ledgertest.Start)
	known, ksc := n.record()
	fresh, _ := n.record()
	other := &ledger.Sidecar{Leaves: [][]byte{{1}}}
	mustAppend(t, n, known, ksc)
	group := func(size int) []store.Submission {
		var subs []store.Submission
		for range size {
			rec, sc := n.record(ledgertest.Place("good"))
			subs = append(subs, store.Submission{Record: rec, Sidecar: sc})
		}
		return subs
	}
	forbidden := func(subs []store.Submission) []store.Submission {
		rec, sc := n.record(ledgertest.Place("forbidden"))
		return append(subs, store.Submission{Record: rec, Sidecar: sc})
	}
	for _, c := range []struct {
		name string
		subs []store.Submission
		bad  int // index of what is refused itself, -1: nothing
		is   func(error) bool
	}{
		{"all good", group(30), -1, nil},
		{"one alone", group(1), -1, nil},
		{"one that is stored already", append(group(3), store.Submission{Record: known, Sidecar: ksc}), -1, nil},
		{"refused by the application", append(forbidden(group(5)), group(5)...), 5, func(err error) bool { return errors.Is(err, errUnwanted) }},
		{"refused by the chain", append(append(group(2), store.Submission{Record: wrong, Sidecar: wsc}), group(4)...), 2,
			func(err error) bool { return ledger.CodeOf(err) == ledger.CodeChain }},
		{"sidecar of another", append(group(2), store.Submission{Record: fresh, Sidecar: other}), 2, func(err error) bool { return err != nil && !errors.Is(err, store.ErrNotAlone) }},
	} {
		before := n.Size(1)
		results := n.AppendAll(context.Background(), c.subs)
		for i, r := range results {
			_, _, stored, err := n.Find(c.subs[i].Record.ID)
			switch {
			case err != nil:
				t.Fatal(err)
			case c.bad < 0 && (r.Err != nil || !stored):
				t.Errorf("%s: %d: %v, stored %v", c.name, i, r.Err, stored)
			case c.bad == i && !c.is(r.Err):
				t.Errorf("%s: %d: refused with %v", c.name, i, r.Err)
			case c.bad >= 0 && c.bad != i && !errors.Is(r.Err, store.ErrNotAlone):
				t.Errorf("%s: %d: %v beside a refused one", c.name, i, r.Err)
			}
		}
		if c.bad >= 0 && n.Size(1) != before {
			t.Errorf("%s: the chain grew from %d to %d", c.name, before, n.Size(1))
		}
	}
	if r := n.AppendAll(context.Background(), make([]store.Submission, store.MaxTogether+1)); !errors.Is(r[0].Err, store.ErrTogether) {
		t.Errorf("more than the limit: %v", r[0].Err)
	}
}

func TestAppendAllAmongOthers(t *testing.T) {
	t.Parallel()
	d := &door{sizes: make(map[uint64]int)}
	n := inMemory(t, ledgertest.New(), "lanzhi", func(c *store.Config) { c.Admit, c.Applied = d.admit, d.applied }).begin(t)
	// Signing is done before, so that the callers meet in the queue.
	const callers, size = 24, 40
	groups := make([][]store.Submission, callers)
	for c := range groups {
		for i := range size {
			place := "good"
			if c%3 == 0 && i == c {
				place = "forbidden"
			}
			rec, sc := n.record(ledgertest.Place(place))
			groups[c] = append(groups[c], store.Submission{Record: rec, Sidecar: sc})
		}
	}
	var wg sync.WaitGroup
	for c := range groups {
		wg.Go(func() {
			all := c%2 == 0
			submit := n.AppendBatch
			if all {
				submit = n.AppendAll
			}
			stored := 0
			for _, r := range submit(context.Background(), groups[c]) {
				if r.Err == nil {
					stored++
				}
			}
			want := size
			switch {
			case c%3 == 0 && all:
				want = 0
			case c%3 == 0:
				want = size - 1
			}
			if stored != want {
				t.Errorf("caller %d: %d of %d stored, want %d", c, stored, size, want)
			}
		})
	}
	wg.Wait()
}
