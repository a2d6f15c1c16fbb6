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

func TestAppendStoresAndReopens(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi", func(c *store.Config) { c.Strict = true }).begin(t)
	rec, sc := n.record(ledgertest.Disclose(ledger.Members, 3, "crate 7"), ledgertest.Subjects([]uint64{1, 2, 3, 4, 5}))
	p := mustAppend(t, n, rec, sc)
	hash, err := n.LeafHash(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if p != (store.Place{Chain: 1, Seq: 2, Hash: hash}) {
		t.Fatalf("place %+v", p)
	}
	head := n.Head(1)
	n.reopen(t)
	if got := n.Head(1); got != head {
		t.Errorf("head after reopening %+v, want %+v", got, head)
	}
	raw, err := n.Entry(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ledger.OpenEntry(raw)
	if err != nil || o.Record.ID != rec.ID {
		t.Fatalf("entry: %v", err)
	}
	if side, err := n.Sidecar(1, 2); err != nil || len(side) == 0 {
		t.Errorf("sidecar: %x, %v", side, err)
	}
	again := mustAppend(t, n, rec, sc)
	if again != (store.Place{Chain: 1, Seq: 2, Hash: hash, Existing: true}) {
		t.Errorf("second time: %+v", again)
	}
	if rep := checkClean(t, n); rep.Chains[0].Records != 2 {
		t.Errorf("report: %+v", rep)
	}
}

func TestAppendFromManyGoroutines(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
	const callers, each = 64, 8
	places := make([]map[uint64]ledger.Hash, callers)
	var wg sync.WaitGroup
	for i := range callers {
		places[i] = make(map[uint64]ledger.Hash)
		wg.Go(func() {
			for range each {
				rec, sc := n.record()
				p, err := n.Append(context.Background(), rec, sc)
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				places[i][p.Seq] = rec.ID
			}
		})
	}
	wg.Wait()
	all := make(map[uint64]ledger.Hash)
	for _, m := range places {
		for seq, id := range m {
			if _, twice := all[seq]; twice {
				t.Fatalf("position %d was given twice", seq)
			}
			all[seq] = id
		}
	}
	if len(all) != callers*each || n.Size(1) != 2+callers*each {
		t.Fatalf("%d places, size %d", len(all), n.Size(1))
	}
	for seq, id := range all {
		if _, at, ok, err := n.Find(id); err != nil || !ok || at != seq {
			t.Fatalf("record at %d found at %d, %v, %v", seq, at, ok, err)
		}
	}
	checkClean(t, n)
}

func TestAppendSameRecordConcurrently(t *testing.T) {
	t.Parallel()
	n := inMemory(t, ledgertest.New(), "lanzhi").begin(t)
	rec, sc := n.record()
	var wg sync.WaitGroup
	var mu sync.Mutex
	first := 0
	for range 64 {
		wg.Go(func() {
			p, err := n.Append(context.Background(), rec, sc)
			if err != nil || p.Seq != 2 {
				t.Errorf("place %+v, %v", p, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if !p.Existing {
				first++
			}
		})
	}
	wg.Wait()
	if first != 1 || n.Size(1) != 3 {
		t.Errorf("%d callers were the first, size %d", first, n.Size(1))
	}
	twice := n.AppendBatch(context.Background(), []store.Submission{{Record: rec}, {Record: rec}})
	for _, r := range twice {
		if r.Err != nil || !r.Place.Existing {
			t.Errorf("in one batch: %+v", r)
		}
	}
}

func TestAppendRefusesWhatMayNotStand(t *testing.T) {
	t.Parallel()
	n := inMemory(t, ledgertest.New(), "lanzhi")
	rec, sc := n.record()
	if _, err := n.Append(context.Background(), rec, sc); ledger.CodeOf(err) != ledger.CodeCharter {
		t.Errorf("before the charter entry: %v", err)
	}
	n.begin(t)
	wrong, wsc := n.net.Record("wh", ledger.KindShip, ledgertest.Start)
	rs := n.AppendBatch(context.Background(), []store.Submission{{rec, sc}, {wrong, wsc}})
	if rs[0].Err != nil || rs[0].Place.Seq != 2 {
		t.Errorf("good record beside a bad one: %+v", rs[0])
	}
	if ledger.CodeOf(rs[1].Err) != ledger.CodeChain {
		t.Errorf("record of another chain: %v", rs[1].Err)
	}
	n.Close()
	if _, err := n.Append(context.Background(), rec, sc); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after closing: %v", err)
	}
}
