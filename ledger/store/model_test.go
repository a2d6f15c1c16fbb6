package store_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

var (
	modelSeed  = flag.String("model.seed", "", "seed of the model test; empty runs fixed ones")
	modelSteps = flag.Int("model.steps", 60, "steps of the model test")
)

// A model is what a store should hold, in plain slices and maps.
type model struct {
	places map[ledger.Hash]uint64 // own records
	copied uint64                 // entries held of chain 2
	signed map[uint64]ledger.Hash
}

// TestModel does random things to a store on disk and to a map, and compares.
func TestModel(t *testing.T) {
	t.Parallel()
	seeds := []string{"one", "two", "three"}
	if *modelSeed != "" {
		seeds = []string{*modelSeed}
	}
	for _, seed := range seeds {
		t.Run(seed, func(t *testing.T) {
			t.Logf("go test -run TestModel -model.seed=%s -model.steps=%d", seed, *modelSteps)
			runModel(t, seed, *modelSteps)
		})
	}
}

func runModel(t *testing.T, seed string, steps int) {
	net, clock, rnd := ledgertest.New(), newClock(), ledgertest.Rand("model "+seed)
	n := onDisk(t, net, "lanzhi", func(c *store.Config) { c.Now = clock.now }).begin(t)
	wh := chainOf(net, "wh", 3)
	m := &model{places: make(map[ledger.Hash]uint64), signed: make(map[uint64]ledger.Hash)}
	var known []*ledger.SignedRecord
	for step := range steps {
		what := ""
		switch clock.wait(int64(rnd.IntN(900))); rnd.IntN(8) {
		case 0, 1, 2:
			what = "append"
			var subs []store.Submission
			for range 1 + rnd.IntN(80) {
				if len(known) > 0 && rnd.IntN(5) == 0 {
					subs = append(subs, store.Submission{Record: known[rnd.IntN(len(known))]})
					continue
				}
				rec, _ := n.record()
				known = append(known, rec)
				subs = append(subs, store.Submission{Record: rec})
			}
			for i, r := range n.AppendBatch(context.Background(), subs) {
				id := subs[i].Record.ID
				at, had := m.places[id]
				if r.Err != nil || r.Place.Existing != had || had && r.Place.Seq != at {
					t.Fatalf("step %d: append: %+v, %v; the model has it at %d, %v", step, r.Place, r.Err, at, had)
				}
				m.places[id] = r.Place.Seq
			}
		case 3:
			what = "extend"
			for range rnd.IntN(20) {
				wh.Record(ledger.KindShip)
			}
			from := uint64(rnd.IntN(int(m.copied) + 1))
			to := from + uint64(rnd.IntN(int(wh.Size()-from)+1))
			size, err := n.Extend(context.Background(), 2, from, itemsOf(wh)[from:to])
			if m.copied = max(m.copied, to); err != nil || size != m.copied {
				t.Fatalf("step %d: extend to %d: %d, %v", step, m.copied, size, err)
			}
		case 4:
			what = "final"
			cp := wh.Final()
			err := n.PutCheckpoint(context.Background(), cp)
			if behind := cp.Size > m.copied; errors.Is(err, store.ErrBehind) != behind || err != nil && !behind {
				t.Fatalf("step %d: checkpoint of %d with %d held: %v", step, cp.Size, m.copied, err)
			}
		case 5:
			what = "sign"
			cp := n.sign(t)
			m.signed[cp.Size] = cp.Root
		case 6:
			what = "reopen"
			n.reopen(t)
		case 7:
			what = "cosign"
			cp := wh.Checkpoint()
			if _, err := n.cosign(cp); errors.Is(err, store.ErrBehind) != (cp.Size > m.copied) {
				t.Fatalf("step %d: cosign %d with %d held: %v", step, cp.Size, m.copied, err)
			}
		}
		if err := m.compare(n, wh); err != nil {
			t.Fatalf("step %d, %s: %v", step, what, err)
		}
	}
	checkClean(t, n)
}

// compare holds the store against the model.
func (m *model) compare(n *node, wh *ledgertest.Builder) error {
	if got := n.Size(2); got != m.copied {
		return fmt.Errorf("%d copied entries, want %d", got, m.copied)
	}
	seq := 0
	for it, err := range n.Entries(2, 0, m.copied) {
		if err != nil || !bytes.Equal(it.Entry, wh.Entries[seq]) || !bytes.Equal(it.Sidecar, wh.Sidecars[seq]) {
			return fmt.Errorf("copied entry %d: %v", seq, err)
		}
		seq++
	}
	frontiers := 0
	for _, err := range n.Frontiers(1, 0, n.Size(1)) {
		if err != nil {
			return err
		}
		frontiers++
	}
	if got, want := n.Size(1), 2+len(m.places)+frontiers; got != uint64(want) {
		return fmt.Errorf("%d own entries, want %d", got, want)
	}
	for id, want := range m.places {
		if chain, seq, ok, err := n.Find(id); chain != 1 || seq != want || !ok || err != nil {
			return fmt.Errorf("record %s found at %d, want %d: %v", id, seq, want, err)
		}
	}
	for size, want := range m.signed {
		if root, err := n.RootAt(1, size); err != nil || root != want {
			return fmt.Errorf("root at %d is %s, signed was %s: %v", size, root, want, err)
		}
	}
	if ok, reason := n.SigningState(); !ok {
		return errors.New(reason)
	}
	return nil
}
