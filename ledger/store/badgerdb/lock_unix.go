//go:build linux || darwin || freebsd

package badgerdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// lockDir takes the lock that Badger takes of a directory it has open; closing
// gives it back. It is nil without an error if there is no directory yet or
// another process has the lock.
func lockDir(dir string) (io.Closer, error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lock directory: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, f.Close()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock directory: %w", err), f.Close())
	}
	return f, nil
}
