package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

func openTest(t testing.TB, cfg Config) *Index {
	t.Helper()
	x, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func mustApply(t testing.TB, x *Index, chain uint32, from uint64, events ...*trace.Event) {
	t.Helper()
	if err := x.Apply(chain, from, events); err != nil {
		t.Fatal(err)
	}
}

// codes is the range from..to of run 0 of the test product.
func codes(from, to uint32) trace.Subject {
	return trace.OfRange(trace.Range{GTIN: product, From: from, To: to})
}

func item(index uint32) trace.Item { return trace.Code(product, 0, index) }

func at(chain uint32, seq uint64) trace.Position { return trace.Position{Chain: chain, Seq: seq} }

func event(kind ledger.Kind, pos trace.Position, subjects ...trace.Subject) *trace.Event {
	return &trace.Event{Kind: kind, Position: pos, Subjects: subjects, Hash: ledger.LeafHash(fmt.Append(nil, pos))}
}

func ship(pos trace.Position, subjects ...trace.Subject) *trace.Event {
	return event(ledger.KindShip, pos, subjects...)
}

func checkGather(t *testing.T, x *Index, i trace.Item, want ...trace.Position) {
	t.Helper()
	if got, err := x.Gather(i, nil); err != nil || !slices.Equal(got, want) {
		t.Errorf("gather %v: got %v, %v, want %v", i, got, err, want)
	}
}

func checkApplied(t *testing.T, x *Index, want map[uint32]uint64) {
	t.Helper()
	if got := x.Applied(); !maps.Equal(got, want) {
		t.Errorf("applied: got %v, want %v", got, want)
	}
}

func TestApplyCountsEveryEntry(t *testing.T) {
	x := openTest(t, Config{})
	checkApplied(t, x, map[uint32]uint64{})
	mustApply(t, x, 1, 0, nil, nil)
	mustApply(t, x, 2, 0, nil, ship(at(2, 1), codes(5, 5)), nil)
	checkApplied(t, x, map[uint32]uint64{1: 2, 2: 3})
	checkGather(t, x, item(5), at(2, 1))
}

func TestApplyRefusesHoles(t *testing.T) {
	x := openTest(t, Config{})
	mustApply(t, x, 1, 0, nil)
	if err := x.Apply(1, 2, []*trace.Event{nil}); !errors.Is(err, ErrGap) {
		t.Errorf("got %v, want ErrGap", err)
	}
	checkApplied(t, x, map[uint32]uint64{1: 1})
}

func TestApplyRefusesEventsInTheWrongPlace(t *testing.T) {
	x := openTest(t, Config{})
	for _, e := range []*trace.Event{ship(at(1, 1), codes(5, 5)), ship(at(2, 0), codes(5, 5))} {
		if err := x.Apply(1, 0, []*trace.Event{e}); err == nil {
			t.Errorf("an event of %v was applied at chain 1, seq 0", e.Position)
		}
	}
	checkGather(t, x, item(5))
	mustApply(t, x, 1, 0, ship(at(1, 0), codes(5, 5)))
	checkGather(t, x, item(5), at(1, 0))
}

func TestApplyAgainChangesNothing(t *testing.T) {
	x := openTest(t, Config{})
	events := []*trace.Event{ship(at(1, 0), codes(0, 99)), nil, ship(at(1, 2), codes(7, 7))}
	for range 2 {
		for from := range events {
			mustApply(t, x, 1, uint64(from), events[from:]...)
			mustApply(t, x, 1, 0, events...)
		}
	}
	checkApplied(t, x, map[uint32]uint64{1: 3})
	checkGather(t, x, item(7), at(1, 0), at(1, 2))
}

func TestReopenKeepsWhatWasApplied(t *testing.T) {
	dir := t.TempDir()
	x := openTest(t, Config{Dir: dir})
	mustApply(t, x, 1, 0, ship(at(1, 0), codes(0, 99)))
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := x.Gather(item(1), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("gather after close: got %v, want ErrClosed", err)
	}
	if err := x.Apply(1, 1, []*trace.Event{nil}); !errors.Is(err, ErrClosed) {
		t.Errorf("apply after close: got %v, want ErrClosed", err)
	}
	if err := x.Drop(); !errors.Is(err, ErrClosed) {
		t.Errorf("drop after close: got %v, want ErrClosed", err)
	}

	x = openTest(t, Config{Dir: dir})
	checkApplied(t, x, map[uint32]uint64{1: 1})
	// The levels of the run come from the disk now.
	mustApply(t, x, 1, 1, ship(at(1, 1), codes(3, 3)))
	checkGather(t, x, item(3), at(1, 0), at(1, 1))
}

func TestDropEmpties(t *testing.T) {
	x := openTest(t, Config{Dir: t.TempDir()})
	mustApply(t, x, 1, 0, ship(at(1, 0), codes(0, 99)), ship(at(1, 1), codes(3, 3)))
	if err := x.Drop(); err != nil {
		t.Fatal(err)
	}
	checkApplied(t, x, map[uint32]uint64{})
	checkGather(t, x, item(3))
	// Another history in the place of the first, at the same level.
	mustApply(t, x, 1, 0, nil, ship(at(1, 1), codes(2, 2)))
	checkGather(t, x, item(2), at(1, 1))
	checkGather(t, x, item(3))
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	x := openTest(t, Config{Dir: dir})
	mustApply(t, x, 1, 0, ship(at(1, 0), codes(3, 3)))
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
	checkGather(t, x, item(3), at(1, 0))
}

func TestOpenLeavesOtherDirectoriesAlone(t *testing.T) {
	for _, tag := range []string{"", "something else"} {
		dir := t.TempDir()
		truth := filepath.Join(dir, "000001.sst")
		if err := os.WriteFile(truth, []byte("truth"), 0o600); err != nil {
			t.Fatal(err)
		}
		if tag != "" {
			if err := os.WriteFile(filepath.Join(dir, tagFile), []byte(tag), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrForeign) {
			t.Errorf("got %v, want ErrForeign", err)
		}
		if got, err := os.ReadFile(truth); err != nil || string(got) != "truth" {
			t.Errorf("file holds %q, %v", got, err)
		}
	}
}

func TestLookupsRefuseWhatIsNotApplied(t *testing.T) {
	x := openTest(t, Config{})
	mustApply(t, x, 1, 0, ship(at(1, 0), codes(3, 3)))
	for _, cut := range []map[uint32]uint64{{1: 2}, {1: 1, 2: 1}} {
		if got, err := x.Gather(item(3), cut); !errors.Is(err, ErrBehind) || got != nil {
			t.Errorf("gather at %v: got %v, %v, want ErrBehind", cut, got, err)
		}
		if _, err := x.Run(product, 0, cut); !errors.Is(err, ErrBehind) {
			t.Errorf("run at %v: got %v, want ErrBehind", cut, err)
		}
	}
	if _, err := x.Gather(item(3), map[uint32]uint64{1: 1, 2: 0}); err != nil {
		t.Errorf("at what is applied: %v", err)
	}
}

// TestCrash copies the directory of an open index, which is what a crash leaves.
func TestCrash(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		want                map[uint32]uint64
	}{
		{"of the process", "boot 1", "boot 1", map[uint32]uint64{1: 1}},
		{"of the machine", "boot 1", "boot 2", map[uint32]uint64{}},
		{"of one of them", "", "", map[uint32]uint64{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, left := t.TempDir(), filepath.Join(t.TempDir(), "left")
			x, err := open(Config{Dir: dir}, c.before)
			if err != nil {
				t.Fatal(err)
			}
			mustApply(t, x, 1, 0, ship(at(1, 0), codes(3, 3)))
			if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			y, err := open(Config{Dir: left}, c.after)
			if err != nil {
				t.Fatal(err)
			}
			checkApplied(t, y, c.want)
			mustApply(t, y, 1, 0, ship(at(1, 0), codes(3, 3)))
			checkGather(t, y, item(3), at(1, 0))
			if err := y.Close(); err != nil {
				t.Fatal(err)
			}
			// Closed in order, it outlives any boot.
			z, err := open(Config{Dir: left}, "boot 3")
			if err != nil {
				t.Fatal(err)
			}
			checkApplied(t, z, map[uint32]uint64{1: 1})
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestOpenBeginsAnewWhenDamaged(t *testing.T) {
	for _, suffix := range []string{".sst", "MANIFEST"} {
		t.Run(suffix, func(t *testing.T) {
			dir := t.TempDir()
			x := openTest(t, Config{Dir: dir})
			mustApply(t, x, 1, 0, ship(at(1, 0), codes(3, 3)))
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, dir, suffix)
			x = openTest(t, Config{Dir: dir})
			checkApplied(t, x, map[uint32]uint64{})
			mustApply(t, x, 1, 0, ship(at(1, 0), codes(3, 3)))
			checkGather(t, x, item(3), at(1, 0))
		})
	}
}

// damage turns over a bit in each file with the suffix.
func damage(t *testing.T, dir, suffix string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s in %s: %v", suffix, dir, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/4] ^= 1
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenBeginsAnewForAnotherVersion(t *testing.T) {
	for _, other := range []uint64{version + 1, version + 1<<32, version - 1} {
		dir := t.TempDir()
		x := openTest(t, Config{Dir: dir})
		mustApply(t, x, 1, 0, ship(at(1, 0), codes(3, 3)))
		setRaw(t, x, versionKey(), binary.BigEndian.AppendUint64(nil, other))
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = openTest(t, Config{Dir: dir})
		checkApplied(t, x, map[uint32]uint64{})
		checkGather(t, x, item(3))
	}
}

func setRaw(t *testing.T, x *Index, key, value []byte) {
	t.Helper()
	if err := x.db.Update(func(txn *badger.Txn) error { return txn.Set(key, value) }); err != nil {
		t.Fatal(err)
	}
}

func TestLookupsSayWhatIsDamaged(t *testing.T) {
	run := runID{gtin: product}
	good := appendSuffix(appendBlockKey(nil, run, 0, 3), at(1, 0), 0)
	for _, c := range []struct {
		name       string
		key, value []byte
	}{
		{"range without a mark", good, []byte{0, 0, 3, 0, 0, 3}},
		{"short range", good, []byte{0, 0, 3}},
		{"range from back to front", good, []byte{0, 0, 3, 0, 0, 2, 1}},
		{"unknown role", good, []byte{0, 0, 3, 0, 0, 3, 99}},
		{"long key", append(slices.Clone(good), 0), []byte{0, 0, 3, 0, 0, 3, 1}},
		{"levels", levelsKey(run), []byte{0xff, 0, 0, 0, 0, 0, 0, 1}},
		{"short number", levelsKey(run), []byte{1}},
		{"run record", append(runRecordPrefix(run), 1), []byte{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := openTest(t, Config{})
			mustApply(t, x, 1, 0, ship(at(1, 0), codes(3, 3)))
			setRaw(t, x, c.key, c.value)
			if got, err := x.Gather(item(3), nil); !errors.Is(err, ErrDamaged) || got != nil {
				t.Errorf("gather: got %v, %v, want ErrDamaged", got, err)
			}
		})
	}
}

// TestLargeBatches writes more than one Badger transaction holds.
func TestLargeBatches(t *testing.T) {
	x := openTest(t, Config{})
	const perEvent = 20_000
	events := make([]*trace.Event, 6)
	for i := range events {
		e := ship(at(1, uint64(i)))
		for k := range uint32(perEvent) {
			e.Subjects = append(e.Subjects, codes(2*k, 2*k))
		}
		events[i] = e
	}
	mustApply(t, x, 1, 0, events...)
	checkApplied(t, x, map[uint32]uint64{1: 6})
	want := []trace.Position{at(1, 0), at(1, 1), at(1, 2), at(1, 3), at(1, 4), at(1, 5)}
	checkGather(t, x, item(0), want...)
	checkGather(t, x, item(2*perEvent-2), want...)
	checkGather(t, x, item(1))
}

// TestOverlappingPages reads more than a page, with ranges at several levels
// that stand in two blocks, and wants each event once.
func TestOverlappingPages(t *testing.T) {
	x := openTest(t, Config{})
	var events []*trace.Event
	for i := range uint32(MaxPage) {
		events = append(events, ship(at(1, uint64(len(events))), codes(i, i)))
		events = append(events, ship(at(1, uint64(len(events))), codes(24*i, 24*i+23)))
	}
	mustApply(t, x, 1, 0, events...)
	mustApply(t, x, 2, 0, ship(at(2, 0), codes(0, 0)))

	cut := map[uint32]uint64{1: uint64(len(events))}
	seen := make(map[trace.Position]int)
	pages := 0
	for next := (Cursor{}); ; {
		page, cursor, err := x.Overlapping(trace.Range{GTIN: product, From: 0, To: 9_999_999}, cut, next)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > MaxPage || !slices.IsSortedFunc(page, trace.Position.Compare) {
			t.Fatalf("page %d has %d positions, or is not sorted", pages, len(page))
		}
		for _, p := range page {
			seen[p]++
		}
		pages++
		if next = cursor; next.Done() {
			break
		}
	}
	if pages < 2 {
		t.Errorf("got %d pages, want several", pages)
	}
	for _, e := range events {
		if seen[e.Position] != 1 {
			t.Fatalf("%v stands on %d pages", e.Position, seen[e.Position])
		}
	}
	if len(seen) != len(events) {
		t.Errorf("got %d events, want %d", len(seen), len(events))
	}
}

func TestLimitOfEvents(t *testing.T) {
	x := openTest(t, Config{})
	events := make([]*trace.Event, MaxPositions+10)
	for i := range events {
		events[i] = ship(at(1, uint64(i)), codes(3, 3))
	}
	mustApply(t, x, 1, 0, events...)
	if _, err := x.Gather(item(3), map[uint32]uint64{1: MaxPositions}); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if got, err := x.Gather(item(3), nil); !errors.Is(err, ErrTooMany) || len(got) < MaxPositions*3/4 {
		t.Errorf("beyond the limit: got %d positions, %v", len(got), err)
	}
}

// TestLimitOfKeys has more neighbours than a look-up reads, and none of the item.
func TestLimitOfKeys(t *testing.T) {
	x := openTest(t, Config{})
	events := make([]*trace.Event, MaxScanned+1)
	for i := range events {
		events[i] = event(ledger.KindReceive, at(1, uint64(i)), codes(0, 4))
	}
	mustApply(t, x, 1, 0, events...)
	if got, err := x.Gather(item(6), map[uint32]uint64{1: MaxScanned}); err != nil || len(got) != 0 {
		t.Errorf("at the limit: got %d positions, %v", len(got), err)
	}
	if _, err := x.Gather(item(6), nil); !errors.Is(err, ErrTooMany) {
		t.Errorf("beyond the limit: got %v", err)
	}
}

func TestLimitOfUnits(t *testing.T) {
	x := openTest(t, Config{})
	wide := event(ledger.KindPack, at(1, 0))
	for i := range uint32(MaxUnits + 1) {
		wide.Subjects = append(wide.Subjects, trace.Contents(trace.Code(caseOf, 0, i), codes(3, 3)))
	}
	deep := event(ledger.KindPack, at(1, 1), trace.Contents(trace.Code(caseOf, 1, 0), codes(4, 4)))
	for i := range uint32(trace.MaxNesting) {
		deep.Subjects = append(deep.Subjects, trace.Contents(trace.Code(caseOf, 1, i+1), trace.Of(trace.Code(caseOf, 1, i))))
	}
	round := event(ledger.KindPack, at(1, 2),
		trace.Contents(trace.Unit(pallet), codes(5, 5)),
		trace.Contents(trace.Code(caseOf, 2, 0), trace.Of(trace.Unit(pallet))),
		trace.Contents(trace.Unit(pallet), trace.Of(trace.Code(caseOf, 2, 0))))
	mustApply(t, x, 1, 0, wide, deep, round)
	if got, err := x.Gather(item(3), nil); !errors.Is(err, ErrTooMany) || len(got) != 0 {
		t.Errorf("in too many units: got %v, %v", got, err)
	}
	checkGather(t, x, item(4), at(1, 1)) // units in units end where the fold ends
	checkGather(t, x, item(5), at(1, 2)) // units in a circle end
}

// TestUnitsAreFollowed is the worked example: an item by a pattern in a case, the
// case on a pallet, and events on each.
func TestUnitsAreFollowed(t *testing.T) {
	x := openTest(t, Config{})
	box := func(i uint32) trace.Item { return trace.Code(caseOf, 1, i) }
	pattern := trace.Subject{Kind: trace.SubjectPattern, Pattern: &trace.Pattern{
		GTIN: product, Start: 100, Per: 24, UnitGTIN: caseOf, UnitRun: 1, UnitStart: 10, Units: 50}}
	activate := event(ledger.KindActivate, at(1, 0), codes(100, 1299))
	activate.Fields = trace.Values{"lot": "L7"}
	mustApply(t, x, 1, 0,
		activate,
		event(ledger.KindPack, at(1, 1), pattern),
		event(ledger.KindPack, at(1, 2), trace.Contents(trace.Unit(pallet), trace.Of(box(11)))),
		event(ledger.KindPack, at(1, 3), trace.Contents(trace.Unit(pallet), trace.Of(box(12)))), // not on the item's trail
		ship(at(1, 4), trace.Of(trace.Unit(pallet))),
		ship(at(1, 5), trace.Of(box(12))), // not on the item's trail
		event(ledger.KindInspect, at(1, 6), trace.Of(trace.Lot(product, "L7"))),
		event(ledger.KindInspect, at(1, 7), trace.Of(trace.Lot(product, "L8"))), // not on the item's trail
	)
	checkGather(t, x, item(124), at(1, 0), at(1, 1), at(1, 2), at(1, 4), at(1, 6))
	checkGather(t, x, item(147), at(1, 0), at(1, 1), at(1, 2), at(1, 4), at(1, 6))
	checkGather(t, x, item(148), at(1, 0), at(1, 1), at(1, 3), at(1, 4), at(1, 5), at(1, 6))
	checkGather(t, x, box(11), at(1, 1), at(1, 2), at(1, 4))
	checkGather(t, x, trace.Unit(pallet), at(1, 2), at(1, 3), at(1, 4))
	if got, err := x.Gather(item(124), map[uint32]uint64{1: 2}); err != nil || !slices.Equal(got, []trace.Position{at(1, 0), at(1, 1)}) {
		t.Errorf("before the pallet was packed: got %v, %v", got, err)
	}
}

// TestReadersSeeWholeBatches reads while a writer writes: of the two events of
// each batch a reader sees both or none.
func TestReadersSeeWholeBatches(t *testing.T) {
	x := openTest(t, Config{})
	const batches = 100
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for last := 0; ; {
				select {
				case <-done:
					return
				default:
				}
				got, err := x.Gather(item(3), nil)
				if err != nil || len(got)%2 != 0 || len(got) < last {
					t.Errorf("got %d events after %d, %v", len(got), last, err)
					return
				}
				last = len(got)
				if a := x.Applied()[1]; a%2 != 0 {
					t.Errorf("applied %d", a)
					return
				}
			}
		})
	}
	for i := range uint64(batches) {
		mustApply(t, x, 1, 2*i, ship(at(1, 2*i), codes(3, 3)), ship(at(1, 2*i+1), codes(0, 9)))
	}
	close(done)
	wg.Wait()
}

// TestDropBesideReaders holds that readers come through while the index is
// dropped and filled again.
func TestDropBesideReaders(t *testing.T) {
	x := openTest(t, Config{Dir: t.TempDir()})
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if _, err := x.Gather(item(3), nil); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for range 3 {
		mustApply(t, x, 1, 0, ship(at(1, 0), codes(3, 3)))
		if err := x.Drop(); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wg.Wait()
}

func TestErrorsNameTheItem(t *testing.T) {
	x := openTest(t, Config{})
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := x.Gather(trace.Lot(product, "L7"), nil)
	if err == nil || !strings.Contains(err.Error(), product.String()+" lot L7") {
		t.Errorf("got %v", err)
	}
	if _, err := x.Run(gs1.GTIN{}, 1, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}
