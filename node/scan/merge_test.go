package scan

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"suyuan/trace/scan"
)

// pull has one recorder take over what another counted, with answers of a size,
// and returns how many changes came.
func pull(t testing.TB, to, from *Recorder, node uint32, size int) (n int) {
	t.Helper()
	for {
		journal, after, err := to.Cursor(node)
		if err != nil {
			t.Fatal(err)
		}
		own, next, list, err := from.Changes(journal, after, size)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return n
		}
		n += len(list)
		if err := to.Merge(node, own, next, list); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *clock) scan(r *Recorder, item scan.Key, d int) {
	place := scan.NewPlace("CN", "杭州", "Hangzhou")
	r.Take(item, 0, scan.Scan{At: c.now().UnixMilli(), Device: device(d), Place: place}, from(d))
}

func mustOthers(t testing.TB, r *Recorder, item scan.Key) *scan.Tally {
	t.Helper()
	tally, err := r.Others(item, 0)
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

func TestCountsReachOtherNodes(t *testing.T) {
	c := newClock()
	dirs := [2]string{t.TempDir(), t.TempDir()}
	brand, wh := newTestRecorder(t, dirs[0], c), newTestRecorder(t, dirs[1], c)
	for i := range 10 {
		c.scan(brand, scan.Key{byte(i)}, i)
	}
	mustFlush(t, brand)
	if n := pull(t, wh, brand, 1, 3); n != 10 {
		t.Fatalf("took over %d changes, want 10", n)
	}
	if n := pull(t, wh, brand, 1, 3); n != 0 {
		t.Errorf("took over %d changes that it has", n)
	}
	c.advance(time.Hour)
	c.scan(brand, scan.Key{4}, 77)
	c.scan(wh, scan.Key{4}, 78)
	mustFlush(t, brand)
	mustFlush(t, wh)

	// Both go on where they were after a restart.
	for i, r := range []**Recorder{&brand, &wh} {
		if err := (*r).Close(); err != nil {
			t.Fatal(err)
		}
		*r = newTestRecorder(t, dirs[i], c)
	}
	if n := pull(t, wh, brand, 1, 3); n != 1 {
		t.Errorf("took over %d changes, want 1", n)
	}
	want := []scan.Share{{Node: 1, Count: 2, First: c.now().Add(-time.Hour).UnixMilli(), Place: scan.NewPlace("CN", "杭州", "Hangzhou")}}
	if got := mustOthers(t, wh, scan.Key{4}); !reflect.DeepEqual(got.Shares, want) {
		t.Errorf("got %+v, want %+v", got.Shares, want)
	}
	// What it took over is not its own to tell.
	if _, _, list, err := wh.Changes(0, 0, 100); err != nil || len(list) != 1 || list[0].Share.Count != 1 {
		t.Errorf("tells %+v, %v", list, err)
	}
	if got := wh.Stats(); got.Merged != 1 || got.Overfull != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestCrashedMergeGoesOn copies the directory in the middle of taking over, as
// a crash leaves it.
func TestCrashedMergeGoesOn(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	brand, wh := newTestRecorder(t, "", c), newTestRecorder(t, dir, c)
	for i := range 20 {
		c.scan(brand, scan.Key{byte(i)}, i)
	}
	mustFlush(t, brand)
	own, next, list, err := brand.Changes(0, 0, 12)
	if err != nil {
		t.Fatal(err)
	}
	if err := wh.Merge(1, own, next, list); err != nil {
		t.Fatal(err)
	}
	crashed := t.TempDir()
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	again := newTestRecorder(t, crashed, c)
	if n := pull(t, again, brand, 1, 12); n != 8 {
		t.Errorf("took over %d changes, want the 8 that were left", n)
	}
	for i := range 20 {
		if got := mustOthers(t, again, scan.Key{byte(i)}).Count(); got != 1 {
			t.Errorf("item %d has %d scans", i, got)
		}
	}
}

// TestLostDirectoryKeepsNothingSmall holds that what others have of a node whose
// directory is gone stays, and that its new journal is taken over whole.
func TestLostDirectoryKeepsNothingSmall(t *testing.T) {
	c := newClock()
	brand, wh := newTestRecorder(t, "", c), newTestRecorder(t, "", c)
	for d := range 5 {
		c.scan(brand, item, d)
	}
	mustFlush(t, brand)
	pull(t, wh, brand, 1, 100)
	fresh := newTestRecorder(t, "", c)
	c.scan(fresh, item, 9)
	c.scan(fresh, scan.Key{8}, 9)
	mustFlush(t, fresh)
	if n := pull(t, wh, fresh, 1, 100); n != 2 {
		t.Errorf("took over %d changes, want 2", n)
	}
	if got := mustOthers(t, wh, item).Count(); got != 5 {
		t.Errorf("got %d scans, want the 5 from before", got)
	}
}

// TestNodeThatMakesItemsUp holds that what one node may have here is bounded,
// and that others go on.
func TestNodeThatMakesItemsUp(t *testing.T) {
	c := newClock()
	r, err := Open(Config{Now: c.now, maxShares: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	change := func(i int) Change {
		return Change{Item: scan.Key{byte(i)}, Share: scan.Share{Count: 1, First: c.now().UnixMilli()}}
	}
	for i := range 30 {
		if err := r.Merge(66, 1, uint64(i+1), []Change{change(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Merge(1, 5, 1, []Change{change(25)}); err != nil {
		t.Fatal(err)
	}
	more := change(3)
	more.Share.Count = 7
	if err := r.Merge(66, 1, 31, []Change{more}); err != nil {
		t.Fatal(err)
	}
	kept := 0
	for i := range 30 {
		kept += len(mustOthers(t, r, scan.Key{byte(i)}).Shares)
	}
	if st := r.Stats(); kept != 11 || st.Overfull != 20 || mustOthers(t, r, scan.Key{3}).Count() != 7 {
		t.Errorf("kept %d shares with %+v", kept, st)
	}
	// What is dropped makes room.
	c.advance(DefaultMergedRetention + 48*time.Hour)
	if err := r.Prune(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := mustOthers(t, r, scan.Key{3}); len(got.Shares) != 0 {
		t.Errorf("kept %+v beyond the retention", got)
	}
	if err := r.Merge(66, 1, 32, []Change{change(28)}); err != nil || mustOthers(t, r, scan.Key{28}).Count() != 1 {
		t.Errorf("no room after the retention: %v", err)
	}
}

func TestMergedRetentionKeepsWhatChanges(t *testing.T) {
	c := newClock()
	r := newTestRecorder(t, "", c)
	put := func(n uint64, k scan.Key) {
		t.Helper()
		if err := r.Merge(1, 1, n, []Change{{Item: k, Share: scan.Share{Count: n, First: 1}}}); err != nil {
			t.Fatal(err)
		}
	}
	const items = 2*pruneBatch + 3
	for i := range items {
		put(1, scan.Key(binary.BigEndian.AppendUint64(make([]byte, 8), uint64(i))))
	}
	c.advance(DefaultMergedRetention - 24*time.Hour)
	put(2, scan.Key{15: 1})
	c.advance(72 * time.Hour)
	if err := r.Prune(context.Background()); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := r.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{tagTally}})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			n++
		}
		return nil
	})
	if err != nil || n != 1 || mustOthers(t, r, scan.Key{15: 1}).Count() != 2 {
		t.Errorf("%d tallies are left, want the one that changed: %v", n, err)
	}
}

// TestJournalAgainstModel has scans, pulls and restarts happen at random, and
// holds that in the end everybody has what was counted.
func TestJournalAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	c := newClock()
	dir := t.TempDir()
	a, b := newTestRecorder(t, dir, c), newTestRecorder(t, "", c)
	want := make(map[scan.Key]uint64)
	for step := range 300 {
		switch k := (scan.Key{byte(rnd.IntN(20))}); rnd.IntN(12) {
		case 0:
			pull(t, b, a, 1, 1+rnd.IntN(7))
		case 1:
			if rnd.IntN(4) > 0 {
				mustFlush(t, a)
				continue
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			a = newTestRecorder(t, dir, c)
		case 2:
			if err := a.Prune(context.Background()); err != nil {
				t.Fatal(err)
			}
		default:
			c.scan(a, k, step)
			want[k]++
		}
		c.advance(time.Minute)
	}
	mustFlush(t, a)
	pull(t, b, a, 1, 5)
	for k, n := range want {
		if got := mustOthers(t, b, k).Count(); got != n {
			t.Fatalf("seed %d: item %x has %d scans, want %d", seed, k[0], got, n)
		}
	}
	if _, _, list, err := a.Changes(0, 0, 1000); err != nil || len(list) != len(want) {
		t.Errorf("seed %d: the journal tells %d changes of %d items, %v", seed, len(list), len(want), err)
	}
}

func TestClosedRecorderMergesNothing(t *testing.T) {
	r := newTestRecorder(t, "", newClock())
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, _, err1 := r.Changes(0, 0, 1)
	_, _, err2 := r.Cursor(1)
	_, err3 := r.Others(item, 0)
	for _, err := range []error{err1, err2, err3, r.Merge(1, 1, 1, nil)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	r := newTestRecorder(b, b.TempDir(), newClock())
	n := uint64(0)
	for b.Loop() {
		list := make([]Change, 1024)
		for i := range list {
			n++
			list[i] = Change{Item: scan.Key(binary.BigEndian.AppendUint64(make([]byte, 8), n*0x9e3779b97f4a7c15)), Share: scan.Share{Count: 1, First: 1}}
		}
		if err := r.Merge(1, 1, n, list); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "counts/s")
}
