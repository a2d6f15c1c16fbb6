// Package badgerdb opens Badger directories, also after a kill -9 that fell
// between the two steps in which Badger begins or ends a file.
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
// Badger creates the next log empty and then gives it its size, and it empties the
// log of a write buffer whose content is in a table before it removes it. A process
// killed in between leaves an empty file, over which the next badger.Open fails with
// "Create a new file". Open removes it. Of value logs only the newest can be such a
// file: an older empty one has lost what it held, and stays for Badger to complain
// of. A directory opened for reading is mended too, since Badger cannot read it
// otherwise.
func Open(opts badger.Options) (*badger.DB, error) {
	if !opts.InMemory {
		if err := removeEmpty(opts.Dir); err != nil {
			return nil, fmt.Errorf("open badger: %w", err)
		}
	}
	return badger.Open(opts)
}

// The suffixes of the files that Badger appends to. They are named by numbers that
// ascend.
const (
	valueLogs  = ".vlog"
	bufferLogs = ".mem" // of write buffers
)

// removeEmpty removes the logs that were being begun or ended. It does nothing while
// another process has the directory, which may just be doing so: badger.Open says
// then who has it.
func removeEmpty(dir string) error {
	lock, err := lockDir(dir)
	if lock == nil {
		return err
	}
	err = removeIfEmpty(newest(dir, valueLogs))
	for _, path := range logs(dir, bufferLogs) {
		err = errors.Join(err, removeIfEmpty(path))
	}
	return errors.Join(err, lock.Close())
}

// logs are the paths of the logs of a kind.
func logs(dir, suffix string) []string {
	paths, _ := filepath.Glob(filepath.Join(dir, "*"+suffix)) // fails over bad patterns only
	return paths
}

// newest is the path of the log with the highest number, "" if there is none.
func newest(dir, suffix string) string {
	var path string
	var highest uint64
	for _, name := range logs(dir, suffix) {
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
