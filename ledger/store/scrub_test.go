package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

func TestScrubFindsDamage(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	net := ledgertest.New()
	b := chainOf(net, "dist", 3)
	n := onDisk(t, net, "lanzhi").begin(t)
	n.hold(t, b)
	n.grow(t, 300)
	n.reopen(t)
	for range 2 {
		if err := n.Scrub(ctx, 0); err != nil {
			t.Fatalf("a sound store: %v", err)
		}
	}
	n.grow(t, 1)
	names, err := filepath.Glob(filepath.Join(n.cfg.Dir, "*.sst"))
	if err != nil || len(names) == 0 {
		t.Fatalf("tables %v, %v", names, err)
	}
	f, err := os.OpenFile(names[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	one := make([]byte, 1)
	for _, at := range []int64{100, 5000} {
		if _, err := f.ReadAt(one, at); err != nil {
			t.Fatal(err)
		}
		one[0] ^= 0x40
		if _, err := f.WriteAt(one, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Scrub(ctx, 1<<40); !errors.Is(err, store.ErrDamaged) {
		t.Fatalf("a damaged table: %v", err)
	}
	if err := n.Damage(); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("damage: %v", err)
	}
	rec, sc := n.record()
	if _, err := n.Append(ctx, rec, sc); !errors.Is(err, store.ErrNotSigning) || !errors.Is(err, store.ErrDamaged) {
		t.Errorf("append: %v", err)
	}
	if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("cosign: %v", err)
	}
	if ok, reason := n.SigningState(); ok {
		t.Errorf("signing: %s", reason)
	}
}

// TestScrubWhileWriting compacts under a scrub.
func TestScrubWhileWriting(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
	for range 3 {
		n.grow(t, 100)
		n.reopen(t)
	}
	done := make(chan error)
	go func() {
		var err error
		for range 20 {
			err = errors.Join(err, n.Scrub(context.Background(), 0))
		}
		done <- err
	}()
	if err := n.Flatten(); err != nil {
		t.Error(err)
	}
	n.grow(t, 100)
	if err := <-done; err != nil {
		t.Errorf("scrub beside a compaction: %v", err)
	}
	checkClean(t, n)
}
