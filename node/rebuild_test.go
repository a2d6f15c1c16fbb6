package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/dgraph-io/badger/v4"
)

// indexKeys reads the directory of the index of a node that is closed, with
// nothing of ours in between.
func (n *testNode) indexKeys(t *testing.T) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(n.dir, dirIndex, dirEvents))); err != nil {
		t.Fatal(err)
	}
	db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	err = db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.DefaultIteratorOptions)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			v, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			all[string(it.Item().Key())] = string(v)
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRebuiltIndexIsTheSame holds that an index that grew with its log is, key
// by key, what is made of the whole log at once, also after an attempt that
// broke off.
func TestRebuiltIndexIsTheSame(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 100)
	n.issue(t, carton, 10)
	n.mustSubmit(t, activateDraft(0, 49))
	n.mustSubmit(t, packDraft(4))
	for i := range uint32(30) {
		n.mustSubmit(t, activateDraft(50+i, 50+i))
	}
	n.final(t)
	code := link(toner, n.serial(t, toner, 0, 3))
	before := n.mustAnswer(t, code, "brand")
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	want := n.indexKeys(t)

	n.open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := n.RebuildIndex(ctx, func(uint64, uint64) {}); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	n.reopen(t)
	told := uint64(0)
	r, err := n.RebuildIndex(context.Background(), func(done, total uint64) {
		if done < told || done > total {
			t.Errorf("progress %d of %d after %d", done, total, told)
		}
		told = done
	})
	if err != nil || !r.Same() || r.Entries != n.store.Size(n.chain) || told != r.Entries {
		t.Fatalf("got %+v and progress to %d of %d entries, %v", r, told, n.store.Size(n.chain), err)
	}
	if after := n.mustAnswer(t, code, "brand"); !reflect.DeepEqual(after.Trail, before.Trail) {
		t.Error("the trail is another one")
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	got := n.indexKeys(t)
	if len(got) < 30 || uint64(len(got)) != r.Keys || !reflect.DeepEqual(got, want) {
		t.Errorf("%d keys, %d before, %d counted", len(got), len(want), r.Keys)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("key %x has %x, not %x", k, got[k], v)
		}
	}
}
