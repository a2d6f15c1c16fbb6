package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"

	"suyuan/ledger/store/badgerdb"
)

// badgerOptions are the settings of the store's directory. Every read checks the
// check sum of its block: a flipped bit becomes an error or an absent key, never
// a wrong value.
func badgerOptions(dir string, log *badgerLog) badger.Options {
	opt := badger.DefaultOptions(dir)
	opt.InMemory = dir == ""
	opt.SyncWrites = true
	opt.Logger = log
	opt.DetectConflicts = false // each key has one writer, under the lock of its chain
	opt.MetricsEnabled = false
	opt.NumCompactors = 2
	opt.NumMemtables = memTables
	opt.MemTableSize = memTableBytes
	opt.ValueThreshold = inlineBytes
	opt.ValueLogFileSize = valueLogBytes
	opt.VerifyValueChecksum = true
	opt.ChecksumVerificationMode = options.OnBlockRead
	opt.BlockCacheSize = blockCache()
	return opt
}

// blockCache follows the memory limit of the process, if it has one.
func blockCache() int64 {
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return blockCacheBytes
	}
	return min(blockCacheBytes, max(minBlockCacheBytes, limit/16))
}

// openBadger opens the directory and refuses it where Badger would go on without
// a part of it.
func openBadger(dir string, log *slog.Logger) (*badger.DB, error) {
	if err := checkTables(dir); err != nil {
		return nil, err
	}
	lines := &badgerLog{log: log, opening: true}
	db, err := callBadger(func() (*badger.DB, error) { return badgerdb.Open(badgerOptions(dir, lines)) })
	if err != nil {
		return nil, openError(dir, err)
	}
	if found := lines.opened(); len(found) > 0 {
		return nil, errors.Join(damaged(dir, nil, "%s", strings.Join(found, "; ")), db.Close())
	}
	return db, nil
}

// callBadger turns a panic of Badger over damaged files into an error.
func callBadger[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("badger: %v", r)
		}
	}()
	return f()
}

func openError(dir string, err error) error {
	switch {
	case strings.Contains(err.Error(), "Cannot acquire directory lock"):
		return fmt.Errorf("%w in %s: is `suyuan run` running there?", ErrLocked, dir)
	case errors.Is(err, os.ErrPermission), errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("open store: %w", err)
	}
	return damaged(dir, err, "open badger")
}

// hasTables reports whether the directory holds files with data.
func hasTables(dir string) bool {
	if dir == "" {
		return false
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	return err == nil && len(names) > 0
}

// checkTables reads the footer and index of each table. Badger ends the process
// over a table that was cut short, and this is how to refuse it instead.
func checkTables(dir string) error {
	if dir == "" {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	listed := listedTables(dir)
	for _, name := range names {
		if listed != nil && !listed[filepath.Base(name)] {
			continue // being written when the process was killed; Badger takes it away
		}
		if err := checkTable(name); err != nil {
			return damaged(dir, err, "table %s", filepath.Base(name))
		}
	}
	return nil
}

// listedTables returns the names of the tables in Badger's manifest: one that is
// not there was never finished, and its entries are in a write buffer still. nil
// if the manifest cannot be read, which Badger will say better.
func listedTables(dir string) map[string]bool {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if err != nil {
		return nil
	}
	defer f.Close()
	m, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir))
	if err != nil {
		return nil
	}
	listed := make(map[string]bool, len(m.Tables))
	for id := range m.Tables {
		listed[fmt.Sprintf("%06d.sst", id)] = true
	}
	return listed
}

var errTable = errors.New("the index does not fit the file")

// checkTable checks the end of a table file, read backwards: uint32 length of
// the check sum, check sum (a protobuf message), uint32 length of the index,
// index.
func checkTable(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	end := fi.Size()
	before := func(n int64) ([]byte, error) {
		if n > end {
			return nil, errTable
		}
		buf := make([]byte, n)
		end -= n
		_, err := f.ReadAt(buf, end)
		return buf, err
	}
	number := func() (int64, error) {
		b, err := before(4)
		if err != nil {
			return 0, err
		}
		return int64(binary.BigEndian.Uint32(b)), nil
	}

	n, err := number()
	if err != nil || n > maxTableFooter {
		return errors.Join(errTable, err)
	}
	raw, err := before(n)
	if err != nil {
		return err
	}
	var sum pb.Checksum
	if err := proto.Unmarshal(raw, &sum); err != nil {
		return errors.Join(errTable, err)
	}
	if n, err = number(); err != nil {
		return err
	}
	index, err := before(n)
	if err != nil {
		return err
	}
	return y.VerifyChecksum(index, &sum)
}
