package badgerdb_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"suyuan/ledger/store/badgerdb"
)

func options(dir string) badger.Options {
	return badger.DefaultOptions(dir).WithLogger(nil).WithValueThreshold(16)
}

// written is a directory with one value in a value log, closed.
func written(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	db, err := badgerdb.Open(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(txn *badger.Txn) error {
		return txn.Set([]byte("key"), []byte(strings.Repeat("value", 10)))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func create(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// The files are what a kill leaves between creating the next log and sizing it.
func TestOpenAfterKillWhileBeginningALog(t *testing.T) {
	for _, name := range []string{"000099.vlog", "00099.mem"} {
		t.Run(name, func(t *testing.T) {
			dir := written(t)
			create(t, dir, name)
			for range 2 {
				db, err := badgerdb.Open(options(dir))
				if err != nil {
					t.Fatal(err)
				}
				err = db.View(func(txn *badger.Txn) error {
					item, err := txn.Get([]byte("key"))
					if err != nil {
						return err
					}
					_, err = item.ValueCopy(nil)
					return err
				})
				if err != nil {
					t.Errorf("read back: %v", err)
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Badger empties the log of a write buffer before it removes it: killed in between it
// leaves an older one that is empty, beside the newest, which holds what it holds.
func TestOpenAfterKillWhileEndingALog(t *testing.T) {
	small := func(dir string) badger.Options {
		return options(dir).WithMemTableSize(1 << 20).WithValueLogFileSize(1 << 20)
	}
	from, dir := t.TempDir(), filepath.Join(t.TempDir(), "killed")
	db, err := badgerdb.Open(small(from))
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(txn *badger.Txn) error { return txn.Set([]byte("key"), []byte("value")) })
	// The copy is what a kill leaves: nothing is closed.
	if err = errors.Join(err, db.Sync(), os.CopyFS(dir, os.DirFS(from)), db.Close()); err != nil {
		t.Fatal(err)
	}
	create(t, dir, "00000.mem")
	db, err = badgerdb.Open(small(dir))
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(txn *badger.Txn) error {
		_, err := txn.Get([]byte("key"))
		return err
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Error(err)
	}
}

// Value logs without values are gone before Badger looks for them, which would empty
// each first; the newest, and what has values, stays.
func TestOlderLogsWithoutValuesAreRemovedAtOnce(t *testing.T) {
	dir := written(t)
	for _, name := range []string{"000098.vlog", "000099.vlog"} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "MANIFEST"), []byte("which Badger reads first"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil {
		t.Fatal(err)
	}
	if db, err := badgerdb.Open(options(dir)); err == nil {
		t.Fatal("opened without a manifest", db.Close())
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil || !slices.Equal(left, slices.DeleteFunc(before, func(path string) bool { return filepath.Base(path) == "000098.vlog" })) {
		t.Errorf("of the value logs %q are left %q, %v", before, left, err)
	}
}

func TestOlderEmptyLogStays(t *testing.T) {
	dir := written(t)
	logs, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	if err := os.Truncate(logs[0], 0); err != nil {
		t.Fatal(err)
	}
	create(t, dir, "000099.vlog")
	db, err := badgerdb.Open(options(dir))
	if err == nil {
		t.Fatal("opened without the values of an emptied log", db.Close())
	}
}

func TestLeavesADirectoryInUseAlone(t *testing.T) {
	dir := written(t)
	db, err := badgerdb.Open(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	create(t, dir, "000099.vlog")
	if second, err := badgerdb.Open(options(dir)); err == nil {
		t.Fatal("two have the directory open", second.Close())
	}
	if _, err := os.Stat(filepath.Join(dir, "000099.vlog")); err != nil {
		t.Errorf("a log of a directory in use is gone: %v", err)
	}
}
