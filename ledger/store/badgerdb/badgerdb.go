// Package badgerdb opens Badger directories, also after a kill -9 that fell
// between the two steps in which Badger begins a file.
package badgerdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

// Open is [badger.Open] for a directory whose owner may have been killed.
//
// Badger creates the next log empty and then gives it its size. A process killed
// in between leaves an empty file, which nothing was written to and over which
// the next badger.Open fails with "Create a new file". Open removes it. Only the
// newest log can be such a file: an older empty one has lost what it held, and
// stays for Badger to complain of. A directory opened for reading is mended too,
// since Badger cannot read it otherwise.
func Open(opts badger.Options) (*badger.DB, error) {
	if !opts.InMemory {
		if err := removeUnbegun(opts.Dir); err != nil {
			return nil, fmt.Errorf("open badger: %w", err)
		}
	}
	return badger.Open(opts)
}

// logSuffixes are those of the files that Badger appends to: value logs and the
// logs of its write buffers. They are named by numbers that ascend.
var logSuffixes = []string{".vlog", ".mem"}

// removeUnbegun removes the newest log of each kind if it is empty. It does
// nothing while another process has the directory, whose newest log may just be
// getting its size: badger.Open says then who has it.
func removeUnbegun(dir string) error {
	lock, err := lockDir(dir)
	if lock == nil {
		return err
	}
	for _, suffix := range logSuffixes {
		err = errors.Join(err, removeIfEmpty(newest(dir, suffix)))
	}
	return errors.Join(err, lock.Close())
}

// newest is the path of the log with the highest number, "" if there is none.
func newest(dir, suffix string) string {
	names, _ := filepath.Glob(filepath.Join(dir, "*"+suffix)) // fails over bad patterns only
	var path string
	var highest uint64
	for _, name := range names {
		n, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(name), suffix), 10, 64)
		if err == nil && n >= highest {
			path, highest = name, n
		}
	}
	return path
}

func removeIfEmpty(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Remove(path)
}
