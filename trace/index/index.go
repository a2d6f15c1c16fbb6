package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"suyuan/ledger/store/badgerdb"
)

// Config says where an index is.
type Config struct {
	Dir string       // made if it does not exist, holds nothing else; "" keeps the index in memory
	Log *slog.Logger // nil discards
}

// An Index is an open index. Look-ups may run concurrently with each other and
// with Apply; each sees the state at some instant.
type Index struct {
	dir string
	log *slog.Logger

	// use is held shared by whoever works with db, alone by Close and Drop:
	// Badger cannot drop under readers.
	use sync.RWMutex
	db  *badger.DB // nil after Close

	// writing is held by Apply and guards runs.
	writing sync.Mutex
	runs    map[runID]levels // what is stored, for runs written lately

	mu      sync.Mutex
	applied map[uint32]uint64 // guarded by mu
}

// Open opens the index, and makes an empty one if there is none, or one that
// cannot be relied on: of another format, damaged, or not closed before the
// machine stopped. Applied says what is in it; the owner applies the rest, and
// calls Drop if it holds more than the log. Open fails with ErrInUse if another
// process has the directory open, with ErrForeign if it is no index's.
func Open(cfg Config) (*Index, error) { return open(cfg, bootID()) }

func open(cfg Config, boot string) (*Index, error) {
	x := &Index{dir: cfg.Dir, log: cfg.Log}
	if x.log == nil {
		x.log = slog.New(slog.DiscardHandler)
	}
	if err := x.openDB(); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	if err := x.begin(boot); err != nil {
		return nil, errors.Join(fmt.Errorf("open index: %w", err), x.db.Close())
	}
	return x, nil
}

// openDB opens the directory, and empties it first if Badger cannot read it.
func (x *Index) openDB() error {
	if err := claim(x.dir); err != nil {
		return err
	}
	opts := badgerOptions(x.dir, x.log)
	db, err := badgerdb.Open(opts)
	switch {
	case err == nil:
		x.db = db
		return nil
	case inUse(err):
		return fmt.Errorf("%w: %v", ErrInUse, err)
	case x.dir == "":
		return err
	}
	x.log.Warn("index is not readable and is made again", "err", err)
	if err := empty(x.dir); err != nil {
		return err
	}
	x.db, err = badgerdb.Open(opts)
	return err
}

// inUse recognises the error of Badger's directory lock, which hides its cause.
func inUse(err error) bool { return strings.Contains(err.Error(), "Cannot acquire directory lock") }

// badgerOptions: values are small and stand with their keys; all can be written
// again, so nothing waits for the disk. Blocks are read in place, uncompressed,
// through the page cache, which leaves the Go heap to others. Badger's iterators
// pass over blocks that they cannot read without an error, and a look-up must
// not lose events, so that tables are checked whole when they are opened.
func badgerOptions(dir string, log *slog.Logger) badger.Options {
	return badger.DefaultOptions(dir).
		WithInMemory(dir == "").
		WithLogger(badgerLog{log}).
		WithSyncWrites(false).
		WithDetectConflicts(false). // there is one writer
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithChecksumVerificationMode(options.OnTableRead).
		WithMetricsEnabled(false).
		WithNumCompactors(2).
		WithMemTableSize(32 << 20). // two to be written out besides
		WithNumMemtables(3).
		WithValueLogFileSize(1 << 20) // nothing is that large: it stays empty
}

// begin drops what cannot be relied on, marks the directory as open and reads
// how far chains have been applied.
func (x *Index) begin(boot string) error {
	usable, err := x.usable(boot)
	if err != nil {
		return err
	}
	if !usable {
		if err := x.db.DropAll(); err != nil {
			return err
		}
	}
	if err := markOpen(x.dir, boot); err != nil {
		return err
	}
	return x.load()
}

func (x *Index) usable(boot string) (bool, error) {
	if stopped, err := stoppedOpen(x.dir, boot); err != nil {
		return false, err
	} else if stopped {
		x.log.Warn("index was open when the machine stopped and is made again")
		return false, nil
	}
	have, err := x.storedVersion()
	if err != nil {
		return false, err
	}
	if have != version && have != 0 {
		x.log.Info("index has another version and is made again", "have", have, "want", version)
	}
	return have == version, nil
}

// storedVersion returns 0 for an index without a version.
func (x *Index) storedVersion() (v uint64, err error) {
	err = x.db.View(func(txn *badger.Txn) error {
		v, err = getUint64(txn, versionKey())
		return err
	})
	return v, err
}

// load reads the small things that are kept in memory, and writes the version
// of an empty index.
func (x *Index) load() error {
	x.runs, x.applied = make(map[runID]levels), make(map[uint32]uint64)
	if err := x.db.View(x.loadApplied); err != nil {
		return err
	}
	return x.db.Update(func(txn *badger.Txn) error {
		return txn.Set(versionKey(), binary.BigEndian.AppendUint64(nil, version))
	})
}

func (x *Index) loadApplied(txn *badger.Txn) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{tagApplied}})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		chain, ok := parseAppliedKey(it.Item().Key())
		if !ok {
			return fmt.Errorf("%w: key %x", ErrDamaged, it.Item().Key())
		}
		size, err := itemUint64(it.Item())
		if err != nil {
			return err
		}
		x.applied[chain] = size
	}
	return nil
}

// Applied returns for each chain how many of its entries, from the first, are in
// the index.
func (x *Index) Applied() map[uint32]uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return maps.Clone(x.applied)
}

// Drop empties the index. It waits for the look-ups that are running.
func (x *Index) Drop() error {
	x.use.Lock()
	defer x.use.Unlock()
	if x.db == nil {
		return ErrClosed
	}
	if err := x.db.DropAll(); err != nil {
		return fmt.Errorf("drop index: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.load(); err != nil {
		return fmt.Errorf("drop index: %w", err)
	}
	x.log.Info("index dropped")
	return nil
}

// Close waits for the look-ups that are running. A second Close does nothing.
func (x *Index) Close() error {
	x.use.Lock()
	defer x.use.Unlock()
	if x.db == nil {
		return nil
	}
	db := x.db
	x.db = nil
	if err := db.Close(); err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	return markClosed(x.dir)
}

func getUint64(txn *badger.Txn, key []byte) (uint64, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return itemUint64(item)
}

func itemUint64(item *badger.Item) (v uint64, err error) {
	err = item.Value(func(b []byte) error {
		if len(b) != 8 {
			return fmt.Errorf("%w: number %x", ErrDamaged, b)
		}
		v = binary.BigEndian.Uint64(b)
		return nil
	})
	return v, err
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
