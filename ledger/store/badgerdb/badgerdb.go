// Package badgerdb opens Badger directories, also after a kill -9 that fell
// between the two steps in which Badger begins or ends a file.
package badgerdb

import (
	"errors"
	"fmt"
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
// "Create a new file". Open removes it. Badger ends older value logs without values
// in the same way when it opens them; Open has removed those before, at once. So an
// older value log that is empty has lost what it held, and stays for Badger to
// complain of. A directory opened for reading is mended too, since Badger cannot read
// it otherwise.
func Open(opts badger.Options) (*badger.DB, error) {
	if !opts.InMemory {
		if err := removeEmpty(opts); err != nil {
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

// headerBytes is the size of a value log without values.
const headerBytes = 20

// removeEmpty removes the logs that were being begun or ended, and those that Badger
// would end. It does nothing while another process has the directory, which may just
// be doing so: badger.Open says then who has it.
func removeEmpty(opts badger.Options) error {
	lock, err := lockDir(opts.Dir)
	if lock == nil {
		return err
	}
	for _, path := range logs(opts.Dir, bufferLogs) {
		err = errors.Join(err, removeIfSized(path, 0))
	}
	last := newest(opts.Dir, valueLogs)
	for _, path := range logs(opts.Dir, valueLogs) {
		switch {
		case path == last:
			err = errors.Join(err, removeIfSized(path, 0))
		case !opts.ReadOnly:
			err = errors.Join(err, removeIfSized(path, headerBytes))
		}
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

func removeIfSized(path string, size int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() != size {
		return nil
	}
	return os.Remove(path)
}
