package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

var errUnwanted = errors.New("unwanted")

// A door admits records by their place field and notes what it was shown.
type door struct {
	mu    sync.Mutex
	last  []*store.Pending
	calls int
	sizes map[uint64]int // first → n, as Applied said
}

func (d *door) admit(pending []*store.Pending) []error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	d.last = slices.Clone(pending)
	errs := make([]error, len(pending))
	for i, p := range pending {
		if p.Record.Record.Place == "forbidden" {
			errs[i] = errUnwanted
		}
	}
	return errs
}

func (d *door) applied(first uint64, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sizes[first] = n
}

func TestAdmitSeesTheFinalPositions(t *testing.T) {
	t.Parallel()
	d := &door{sizes: make(map[uint64]int)}
	n := inMemory(t, ledgertest.New(), "lanzhi", func(c *store.Config) { c.Admit, c.Applied = d.admit, d.applied }).begin(t)
	var subs []store.Submission
	for i := range 20 {
		place := "good"
		if i%5 == 0 {
			place = "forbidden"
		}
		rec, sc := n.record(ledgertest.Place(place))
		subs = append(subs, store.Submission{Record: rec, Sidecar: sc})
	}
	wrong, wsc := n.net.Record("wh", ledger.KindShip, ledgertest.Start)
	subs = append(subs, store.Submission{Record: wrong, Sidecar: wsc}, subs[1], subs[0])
	results := n.AppendBatch(context.Background(), subs)
	for i, r := range results {
		switch {
		case i < 20 && i%5 == 0, i == 22:
			if !errors.Is(r.Err, errUnwanted) {
				t.Errorf("%d: %+v", i, r)
			}
		case i == 20:
			if ledger.CodeOf(r.Err) != ledger.CodeChain {
				t.Errorf("%d: %+v", i, r)
			}
		case i == 21:
			if r.Err != nil || !r.Place.Existing || r.Place.Seq != results[1].Place.Seq {
				t.Errorf("%d: %+v", i, r)
			}
		default:
			id := subs[i].Record.ID
			if _, seq, ok, err := n.Find(id); r.Err != nil || !ok || seq != r.Place.Seq || err != nil {
				t.Errorf("%d: %+v, found at %d", i, r, seq)
			}
		}
	}
	for _, p := range d.last {
		if _, seq, _, _ := n.Find(p.Record.ID); seq != p.Seq {
			t.Errorf("admitted for %d, stands at %d", p.Seq, seq)
		}
	}
	total := 0
	for _, count := range d.sizes {
		total += count
	}
	if n.Size(1) != 18 || total != 18 {
		t.Errorf("size %d, %d applied", n.Size(1), total)
	}
	checkClean(t, n)
}

func TestAppliedComesBeforeTheAnswerAndTheNextAdmit(t *testing.T) {
	t.Parallel()
	var applied, shown uint64
	n := inMemory(t, ledgertest.New(), "lanzhi", func(c *store.Config) {
		c.Applied = func(first uint64, n int) { applied = first + uint64(n) }
		c.Admit = func(p []*store.Pending) []error {
			if p[0].Seq != applied {
				t.Errorf("admit for %d after applying %d", p[0].Seq, applied)
			}
			shown++
			return nil
		}
	}).begin(t)
	for range 5 {
		n.grow(t, 3)
		if applied != n.Size(1) {
			t.Errorf("answered with %d of %d applied", applied, n.Size(1))
		}
	}
	if shown < 5 {
		t.Errorf("admit was called %d times", shown)
	}
}

func TestFullDiskRefusesAndLosesNothing(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi", func(c *store.Config) { c.MinFree = 1 << 20 }).begin(t)
	kept := n.grow(t, 3)
	free := uint64(1<<20 - 1)
	n.SetFree(func() uint64 { return free })
	rec, sc := n.record()
	if _, err := n.Append(context.Background(), rec, sc); !errors.Is(err, store.ErrFull) {
		t.Errorf("append: %v", err)
	}
	if n.Size(1) != 5 {
		t.Errorf("size %d", n.Size(1))
	}
	free++
	if p := mustAppend(t, n, rec, sc); p.Seq != 5 || p.Existing {
		t.Errorf("with room again: %+v", p)
	}
	n.reopen(t)
	for i, r := range append(kept, rec) {
		if _, seq, ok, err := n.Find(r.ID); !ok || seq != uint64(2+i) || err != nil {
			t.Errorf("record %d: at %d, %v, %v", i, seq, ok, err)
		}
	}
	checkClean(t, n)
}

func TestUnknownOutcomeStopsTheSequencer(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
	n.FailCommits(errors.New("the disk went away"))
	rec, sc := n.record()
	if _, err := n.Append(context.Background(), rec, sc); !errors.Is(err, store.ErrFailed) {
		t.Errorf("append: %v", err)
	}
	n.FailCommits(nil)
	if _, err := n.Append(context.Background(), rec, sc); !errors.Is(err, store.ErrFailed) {
		t.Errorf("append after the failure: %v", err)
	}
	n.reopen(t)
	if p := mustAppend(t, n, rec, sc); p.Seq != 2 || !p.Existing {
		t.Errorf("it was on disk: %+v", p)
	}
	checkClean(t, n)
}

func TestUnknownOutcomeStopsACopy(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)
	items := itemsOf(chainOf(net, "wh", 3))
	n.FailCommits(errors.New("the disk went away"))
	if _, err := n.Extend(context.Background(), 2, 0, items[:2]); !errors.Is(err, store.ErrFailed) {
		t.Errorf("extend: %v", err)
	}
	n.FailCommits(nil)
	if size, err := n.Extend(context.Background(), 2, 0, items); !errors.Is(err, store.ErrFailed) || size != 0 {
		t.Errorf("extend after the failure: %d, %v", size, err)
	}
	n.grow(t, 1) // other chains go on
	n.reopen(t)
	if got := n.Size(2); got != 2 {
		t.Errorf("it was on disk: %d entries", got)
	}
	n.hold(t, chainFrom(t, net, items))
	checkClean(t, n)
}

// chainFrom is a builder with the given entries of the chain of wh.
func chainFrom(t *testing.T, net *ledgertest.Net, items []store.Item) *ledgertest.Builder {
	t.Helper()
	b := net.Empty("wh")
	for _, it := range items {
		if err := b.TryEntry(it.Entry, it.Sidecar); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func TestBatchesKeepTheirLimits(t *testing.T) {
	t.Parallel()
	most := 0
	n := inMemory(t, ledgertest.New(), "lanzhi", func(c *store.Config) {
		c.Applied = func(_ uint64, n int) { most = max(most, n) }
	}).begin(t)
	var subs []store.Submission
	big := make([]byte, 900<<10)
	for range 12 { // 10.8 MiB of sidecars
		rec, sc := n.record(ledgertest.Disclose(ledger.Members, 3, big))
		subs = append(subs, store.Submission{Record: rec, Sidecar: sc})
	}
	for i, r := range n.AppendBatch(context.Background(), subs) {
		if r.Err != nil || r.Place.Seq != uint64(2+i) {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if most > 4 {
		t.Errorf("%d sidecars of 900 KiB in one batch", most)
	}
	for it, err := range n.Entries(1, 2, 14) {
		if err != nil || len(it.Sidecar) < len(big) {
			t.Errorf("sidecar of %d bytes, %v", len(it.Sidecar), err)
		}
	}
}

func TestLargestSidecarIsStored(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
	size := ledger.MaxSidecarBytes
	var rec *ledger.SignedRecord
	var sc *ledger.Sidecar
	for over := 100; ; over-- { // the value that makes it exactly the limit
		rec, sc = n.record(ledgertest.Disclose(ledger.Members, 3, make([]byte, size-over)))
		if raw, err := sc.Encode(); err == nil && len(raw) == size {
			break
		} else if err != nil {
			t.Fatal("no value makes a sidecar of the limit")
		}
	}
	mustAppend(t, n, rec, sc)
	n.reopen(t)
	if raw, err := n.Sidecar(1, 2); err != nil || len(raw) != size {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
	checkClean(t, n)
}

func TestAppendEndsWithItsContext(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	n := inMemory(t, ledgertest.New(), "lanzhi", func(c *store.Config) {
		c.Admit = func(p []*store.Pending) []error {
			if p[0].Record.Record.Place == "slow" {
				<-hold
			}
			return nil
		}
	}).begin(t)
	ctx, cancel := context.WithCancel(context.Background())
	rec, sc := n.record(ledgertest.Place("slow"))
	done := make(chan error)
	go func() {
		_, err := n.Append(ctx, rec, sc)
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v", err)
	}
	close(hold)
	if p := mustAppend(t, n, rec, sc); p.Seq != 2 {
		t.Errorf("asked again: %+v", p)
	}
}

func TestCharterEntries(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := inMemory(t, net, "lanzhi", func(c *store.Config) { c.Strict = true }).begin(t)
	first := n.Network().Newest()
	ref := ledger.CharterRef{Version: 2, Hash: ledger.Hash{1}}
	if err := n.AppendCharter(context.Background(), ref); ledger.CodeOf(err) != ledger.CodeNoCharter {
		t.Errorf("a charter that is not held: %v", err)
	}
	next := net.Adopt(nil)
	if err := n.AdoptCharter(next); err != nil {
		t.Fatal(err)
	}
	if err := n.AppendCharter(context.Background(), ledger.CharterRef{Version: 2, Hash: next.Hash()}); err != nil {
		t.Errorf("the next version: %v", err)
	}
	if err := n.AppendCharter(context.Background(), ledger.CharterRef{Version: 1, Hash: first.Hash}); ledger.CodeOf(err) != ledger.CodeCharter {
		t.Errorf("an old version: %v", err)
	}
	c, err := n.Chain(1)
	if err != nil || c.Charter().Charter.Version != 2 {
		t.Errorf("in force: %v", err)
	}
}

func ExampleStore_Append() {
	net := ledgertest.New()
	s, err := store.Open(store.Config{Network: net.Network, Own: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	v := net.Network.Newest()
	if err := s.AppendCharter(context.Background(), ledger.CharterRef{Version: 1, Hash: v.Hash}); err != nil {
		fmt.Println(err)
		return
	}
	rec, sidecar := net.Grant("lanzhi", ledger.KindShip)
	place, err := s.Append(context.Background(), rec, sidecar)
	fmt.Println(place.Chain, place.Seq, place.Existing, err)
	place, err = s.Append(context.Background(), rec, sidecar)
	fmt.Println(place.Chain, place.Seq, place.Existing, err)
	// Output:
	// 1 1 false <nil>
	// 1 1 true <nil>
}
