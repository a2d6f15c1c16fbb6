//go:build linux || darwin || freebsd

package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// lockGuard keeps other processes from signing under the same guard, until it
// is closed: a copy of a node's directory that runs beside the original would
// make it sign two histories, of which neither knows. The lock has a file of its
// own, because the guard is replaced by each write. Without a directory there
// is no guard and nothing is signed.
func lockGuard(path string) (io.Closer, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return io.NopCloser(nil), nil
	}
	if err != nil {
		return nil, fmt.Errorf("lock guard: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s: %w", ErrGuardInUse, path, err), f.Close())
	}
	return f, nil
}
