package store

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// replaceFile writes data so that after a crash the file has either its old or
// its new content: a temporary file is fsynced, renamed over path, and the
// directory is fsynced.
func replaceFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// A disk watches over the directory of a store: the room left on it, and the
// names of its files. It is used by one writer at a time or more; the worst that
// a race does is to fsync the directory once too often.
type disk struct {
	dir     string // "" for a store in memory
	minFree uint64
	free    func(dir string) (uint64, error)
	fail    error          // set by tests: what syncNames returns
	names   chan time.Time // holds the change time of the directory that is durable
}

func newDisk(dir string, minFree uint64) *disk {
	d := &disk{dir: dir, minFree: minFree, free: freeBytes, names: make(chan time.Time, 1)}
	d.names <- time.Time{}
	return d
}

// room fails with ErrFull when the disk is too full to be written to.
func (d *disk) room() error {
	if d.dir == "" {
		return nil
	}
	free, err := d.free(d.dir)
	if err != nil {
		return fmt.Errorf("free space of %s: %w", d.dir, err)
	}
	if free < d.minFree {
		return fmt.Errorf("%w: %d MiB are free in %s and %d MiB are kept in reserve", ErrFull, free>>20, d.dir, d.minFree>>20)
	}
	return nil
}

// Room fails with ErrFull while the store does not write for want of room. It is for
// who writes beside the store what it can do without.
func (s *Store) Room() error { return s.disk.room() }

// settles is longer than the step in which file systems count change times.
const settles = 100 * time.Millisecond

// syncNames makes the names of Badger's files durable. Badger fsyncs what it
// writes to a new write buffer, but not the directory entry of that file,
// without which the file may be gone after a power cut. The directory is fsynced
// only when its change time says that there may be a new name: an fsync more per
// batch would halve the speed.
func (d *disk) syncNames() error {
	if d.fail != nil || d.dir == "" {
		return d.fail
	}
	fi, err := os.Stat(d.dir)
	if err != nil {
		return fmt.Errorf("look at %s: %w", d.dir, err)
	}
	durable := <-d.names
	defer func() { d.names <- durable }()
	changed := fi.ModTime()
	if changed.Equal(durable) {
		return nil
	}
	if err := syncDir(d.dir); err != nil {
		return fmt.Errorf("sync %s: %w", d.dir, err)
	}
	// A name made within the same step of the clock would show no new time.
	if time.Since(changed) > settles {
		durable = changed
	}
	return nil
}

// FreeBytes is the space on the disk of a directory that the node can write.
func FreeBytes(dir string) (uint64, error) { return freeBytes(dir) }
