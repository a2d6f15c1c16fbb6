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

// TestReadersBesideWriters reads everything that a head promises while the own
// chain and a copy grow, and verifies the store meanwhile.
func TestReadersBesideWriters(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)
	wh := chainOf(net, "wh", 400)
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	writers.Go(func() {
		for range 40 {
			n.grow(t, 10)
			n.sign(t)
		}
	})
	writers.Go(func() {
		items := itemsOf(wh)
		for at := 0; at < len(items); at += 10 {
			if _, err := n.Extend(context.Background(), 2, uint64(at), items[at:min(at+10, len(items))]); err != nil {
				t.Error(err)
			}
		}
	})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				for _, chain := range []uint32{1, 2} {
					readAll(t, n, chain)
				}
			}
		})
	}
	readers.Go(func() {
		for range 3 {
			if _, problems := n.verify(t); len(problems) > 0 {
				t.Errorf("verified while growing: %v", problems)
			}
		}
	})
	writers.Wait()
	close(done)
	readers.Wait()
	if n.Size(1) != 402 || n.Size(2) != wh.Size() {
		t.Errorf("sizes %d and %d", n.Size(1), n.Size(2))
	}
}

// readAll reads the newest part of a chain, as its head has it.
func readAll(t *testing.T, n *node, chain uint32) {
	head := n.Head(chain)
	root, err := n.RootAt(chain, head.Size)
	if err != nil || head.Size > 0 && root != head.Root {
		t.Errorf("root of chain %d at %d: %s, %v", chain, head.Size, root, err)
	}
	if root, err = n.TileSource(chain).RootAt(head.Size); err != nil || head.Size > 0 && root != head.Root {
		t.Errorf("tiles of chain %d at %d: %s, %v", chain, head.Size, root, err)
	}
	for it, err := range n.Entries(chain, head.Size-min(head.Size, 20), head.Size) {
		if err != nil {
			t.Errorf("entries of chain %d at %d: %v", chain, head.Size, err)
			return
		}
		if o, err := ledger.DecodeEntry(it.Entry); err != nil || o.Kind == 0 {
			t.Error(err)
		}
	}
}

func TestCloseWaitsAndThenRefuses(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
	src, err := n.Source(nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				rec, sc := n.record()
				if _, err := n.Append(context.Background(), rec, sc); err != nil {
					if !errors.Is(err, store.ErrClosed) {
						t.Errorf("append: %v", err)
					}
					return
				}
				if _, err := n.Entry(1, 0); err != nil && !errors.Is(err, store.ErrClosed) {
					t.Errorf("entry: %v", err)
				}
			}
		})
	}
	n.grow(t, 5)
	if err := errors.Join(n.Close(), n.Close()); err != nil {
		t.Errorf("close, twice: %v", err)
	}
	wg.Wait()
	_, entryErr := n.Entry(1, 0)
	_, tileErr := n.Tile(1, ledger.TileID{}, 1)
	_, sourceErr := src.Charters()
	_, _, signErr := n.Sign(context.Background(), "", nil)
	for _, err := range []error{entryErr, tileErr, sourceErr, signErr, n.AdoptCharter(nil), n.PutCheckpoint(context.Background(), nil)} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("after closing: %v", err)
		}
	}
	if err := src.Close(); err != nil {
		t.Errorf("close source: %v", err)
	}
}

func TestFullBatchFitsOneTransaction(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b := net.NewChain("lanzhi")
	for range 4094 {
		b.Record(ledger.KindShip, ledgertest.Disclose(ledger.Members, 3, make([]byte, 400)))
	}
	n := inMemory(t, net, "wh")
	changed, stop := n.Watch()
	defer stop()
	size, err := n.Extend(context.Background(), 1, 0, itemsOf(b))
	if err != nil || size != 4096 {
		t.Fatalf("extend: %d, %v", size, err)
	}
	<-changed
	if h := n.Head(1); h.Root != rootOf(t, b) {
		t.Errorf("root %s", h.Root)
	}
}

func rootOf(t *testing.T, b *ledgertest.Builder) ledger.Hash {
	t.Helper()
	root, err := b.Chain.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}
