package index

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// While an index is open, a file in its directory holds the id of the machine's
// boot. A crash of the process leaves the file behind, but loses nothing: what
// was written is with the kernel. If the machine stops, some of it may be lost
// and later writes kept, because Badger does not sync a full write-ahead log
// before it begins the next one. The size in Applied would then count events
// that cannot be found. So an index is given up that was open under another boot
// than the present one.
const openFile = "OPEN"

// bootID is different after every start of the machine, and "" where the system
// does not say; then any crash counts as one of the machine.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// stoppedOpen reports whether the index was open when the machine stopped.
func stoppedOpen(dir, boot string) (bool, error) {
	if dir == "" {
		return false, nil
	}
	then, err := os.ReadFile(filepath.Join(dir, openFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return boot == "" || string(then) != boot, err
}

// markOpen writes the file durably.
func markOpen(dir, boot string) error {
	if dir == "" {
		return nil
	}
	f, err := os.Create(filepath.Join(dir, openFile))
	if err != nil {
		return err
	}
	_, err = f.WriteString(boot)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncDir(dir)
}

// markClosed removes the file. Badger has written and synced all tables before.
func markClosed(dir string) error {
	if dir == "" {
		return nil
	}
	return os.Remove(filepath.Join(dir, openFile))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
