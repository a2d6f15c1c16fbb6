package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
	lru "github.com/hashicorp/golang-lru/v2"

	"suyuan/ledger/store/badgerdb"
	"suyuan/trace/scan"
)

// Config says where scans are kept, and for how long.
type Config struct {
	Dir       string           // made if it does not exist; "" keeps scans in memory
	Retention time.Duration    // of devices; 0 is DefaultRetention
	Now       func() time.Time // nil is time.Now
	Log       *slog.Logger     // nil discards

	// MergedRetention is how long what other nodes counted of an item is kept
	// after it changed last; 0 is DefaultMergedRetention.
	MergedRetention time.Duration

	maxShares uint64 // of one other node; tests lower it
}

// Errors that callers decide on.
var (
	// ErrClosed is returned by a recorder that has been closed.
	ErrClosed = errors.New("the recorder of scans is closed")
	// ErrDamaged is wrapped by errors about what stands in the directory.
	ErrDamaged = errors.New("the directory of scans is damaged")
)

// Stats count what became of scans since the recorder was opened.
type Stats struct {
	Counted  uint64 // written
	Repeated uint64 // of a device that had counted within the window
	Crowded  uint64 // of too many devices from one network for one item
	Dropped  uint64 // the queue was full
	Failed   uint64 // could not be written

	Merged   uint64 // counts of other nodes that were taken over
	Overfull uint64 // those passed over, of a node that has too many
}

// A Recorder writes scans down. Make it with [Open]; it is safe for concurrent
// use.
type Recorder struct {
	cfg  Config
	db   *badger.DB
	done chan struct{} // closed when the writer has ended

	// sending is held shared by whoever puts something into a channel of the
	// writer, alone by Close; it guards closed.
	sending sync.RWMutex
	closed  bool
	queue   chan entry
	asked   chan request

	journal uint64     // names the journal
	seq     uint64     // its last position; of the writer's goroutine
	merging sync.Mutex // held while what other nodes counted is changed

	recent  *lru.Cache[visit, int64] // when a device counted for an item, ms
	crowds  *lru.Cache[crowd, tally] // how many did from one network
	crowded sync.Mutex               // guards changes of what crowds holds

	counted, repeated, overrun, dropped, failed atomic.Uint64
	merged, overfull                            atomic.Uint64
}

type entry struct {
	itemCycle
	scan scan.Scan
}

type visit struct {
	itemCycle
	device scan.Device
}

type crowd struct {
	itemCycle
	network Network
}

type tally struct {
	since int64 // ms
	n     int
}

// A request asks the writer for something besides scans.
type request struct {
	prune  bool
	answer chan error
}

// Open opens the directory, which one process may have open at a time, and
// starts the writer. Close ends it.
func Open(cfg Config) (*Recorder, error) {
	if cfg.Retention == 0 {
		cfg.Retention = DefaultRetention
	}
	if cfg.MergedRetention == 0 {
		cfg.MergedRetention = DefaultMergedRetention
	}
	if cfg.maxShares == 0 {
		cfg.maxShares = maxShares
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &Recorder{cfg: cfg, done: make(chan struct{}), queue: make(chan entry, queueLen), asked: make(chan request)}
	var err error
	if r.recent, err = lru.New[visit, int64](maxRecent); err != nil {
		return nil, err
	}
	if r.crowds, err = lru.New[crowd, tally](maxRecent); err != nil {
		return nil, err
	}
	if r.db, err = badgerdb.Open(badgerOptions(cfg)); err != nil {
		return nil, fmt.Errorf("open scans: %w", err)
	}
	if err := r.openLayout(); err != nil {
		return nil, errors.Join(fmt.Errorf("open scans: %w", err), r.db.Close())
	}
	go r.write()
	return r, nil
}

// badgerOptions: little memory, since the ledger and its index come first.
func badgerOptions(cfg Config) badger.Options {
	return badger.DefaultOptions(cfg.Dir).
		WithInMemory(cfg.Dir == "").
		WithLogger(badgerLog{cfg.Log}).
		WithSyncWrites(true).
		WithDetectConflicts(false). // there is one writer
		WithMetricsEnabled(false).
		WithNumCompactors(2).
		WithMemTableSize(16 << 20).
		WithNumMemtables(2).
		WithBlockCacheSize(8 << 20).
		WithValueLogFileSize(16 << 20)
}

// openLayout checks the directory's layout and opens its journal.
func (r *Recorder) openLayout() error {
	if err := r.checkVersion(); err != nil {
		return err
	}
	return r.openJournal()
}

// checkVersion holds that the layout is this one; a new directory gets it.
func (r *Recorder) checkVersion() error {
	return r.db.Update(func(txn *badger.Txn) error {
		item, err := txn.Get(versionKey())
		if errors.Is(err, badger.ErrKeyNotFound) {
			return txn.Set(versionKey(), versionValue())
		}
		if err != nil {
			return err
		}
		return item.Value(func(b []byte) error {
			if !bytes.Equal(b, versionValue()) {
				return fmt.Errorf("%w: version %x", ErrDamaged, b)
			}
			return nil
		})
	})
}

// Take takes a scan down unless it is a repeated one. It does not wait: what
// becomes of the scan is in Stats.
func (r *Recorder) Take(item scan.Key, cycle uint16, s scan.Scan, from Network) {
	id := itemCycle{item, cycle}
	v := visit{id, s.Device}
	if last, ok := r.recent.Get(v); ok && s.At-last < scan.Window.Milliseconds() {
		r.repeated.Add(1)
		return
	}
	if !r.admit(crowd{id, from}, s.At) {
		r.overrun.Add(1)
		return
	}
	r.recent.Add(v, s.At)
	if !r.send(entry{id, s}) {
		r.recent.Remove(v) // it may count when it comes again
		r.dropped.Add(1)
	}
}

// admit counts a device of a network and reports whether there were few enough.
func (r *Recorder) admit(c crowd, at int64) bool {
	r.crowded.Lock()
	defer r.crowded.Unlock()
	t, ok := r.crowds.Get(c)
	if !ok || at-t.since >= scan.Window.Milliseconds() {
		t = tally{since: at}
	}
	t.n++
	r.crowds.Add(c, t)
	return t.n <= maxPerNetwork
}

// send puts a scan into the queue, if there is room.
func (r *Recorder) send(e entry) bool {
	r.sending.RLock()
	defer r.sending.RUnlock()
	if r.closed {
		return false
	}
	select {
	case r.queue <- e:
		return true
	default:
		return false
	}
}

// Lookup returns what has been written about an item in a cycle; an item that
// nobody scanned has an empty record.
func (r *Recorder) Lookup(item scan.Key, cycle uint16) (rec *scan.Record, err error) {
	r.sending.RLock()
	defer r.sending.RUnlock()
	if r.closed {
		return nil, ErrClosed
	}
	var s stored
	err = r.db.View(func(txn *badger.Txn) error {
		s, err = read(txn, itemCycle{item, cycle})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look scans up: %w", err)
	}
	return s.rec, nil
}

func read(txn *badger.Txn, id itemCycle) (stored, error) {
	item, err := txn.Get(recordKey(id))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return stored{rec: new(scan.Record)}, nil
	}
	if err != nil {
		return stored{}, err
	}
	return decode(item)
}

func decode(item *badger.Item) (s stored, err error) {
	err = item.Value(func(b []byte) error {
		s, err = decodeStored(b)
		return err
	})
	if err != nil {
		return stored{}, fmt.Errorf("%w: key %x: %v", ErrDamaged, item.Key(), err)
	}
	return s, nil
}

// Flush returns when all scans that were taken before are on disk.
func (r *Recorder) Flush(ctx context.Context) error { return r.ask(ctx, request{}) }

// Prune forgets the devices that did not count within the retention. The
// writer does so daily by itself.
func (r *Recorder) Prune(ctx context.Context) error { return r.ask(ctx, request{prune: true}) }

func (r *Recorder) ask(ctx context.Context, q request) error {
	q.answer = make(chan error, 1)
	r.sending.RLock()
	if r.closed {
		r.sending.RUnlock()
		return ErrClosed
	}
	var err error
	select {
	case r.asked <- q:
	case <-ctx.Done():
		err = ctx.Err()
	}
	r.sending.RUnlock()
	if err != nil {
		return err
	}
	select {
	case err = <-q.answer:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return err
}

// Stats returns what became of scans.
func (r *Recorder) Stats() Stats {
	return Stats{
		Counted: r.counted.Load(), Repeated: r.repeated.Load(), Crowded: r.overrun.Load(),
		Dropped: r.dropped.Load(), Failed: r.failed.Load(), Merged: r.merged.Load(), Overfull: r.overfull.Load(),
	}
}

// Close writes what waits and ends the writer. A second Close does nothing.
func (r *Recorder) Close() error {
	r.sending.Lock()
	if r.closed {
		r.sending.Unlock()
		return nil
	}
	r.closed = true
	close(r.queue)
	r.sending.Unlock()
	<-r.done
	if err := r.db.Close(); err != nil {
		return fmt.Errorf("close scans: %w", err)
	}
	return nil
}

// badgerLog gives Badger's messages one level less than it does: its Info is
// our Debug.
type badgerLog struct{ log *slog.Logger }

func (l badgerLog) Errorf(format string, args ...any)   { l.log.Error(line(format, args)) }
func (l badgerLog) Warningf(format string, args ...any) { l.log.Warn(line(format, args)) }
func (l badgerLog) Infof(format string, args ...any)    { l.log.Debug(line(format, args)) }
func (l badgerLog) Debugf(string, ...any)               {}

func line(format string, args []any) string {
	return "badger: " + strings.TrimSpace(fmt.Sprintf(format, args...))
}
