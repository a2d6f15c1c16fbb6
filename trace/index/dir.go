package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tagFile makes the directory one that programs may empty, and that backup
// programs pass over (bford.info/cachedir). Open empties no other.
const (
	tagFile   = "CACHEDIR.TAG"
	tagHeader = "Signature: 8a477f597d28d172789f06886806bc55"
	tagText   = tagHeader + "\n# An index of package trace/index. It can be deleted; it is filled again from the log.\n"
)

// claim makes the directory ours if it is empty, and fails with ErrForeign if
// it holds anything but an index.
func claim(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tag, err := os.ReadFile(filepath.Join(dir, tagFile))
	if err == nil && strings.HasPrefix(string(tag), tagHeader) {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%w: %s", ErrForeign, dir)
	}
	return writeFile(dir, tagFile, tagText)
}

// empty deletes all but the tag.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != tagFile {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// While an index is open, openFile holds the id of the machine's boot. A crash
// of the process leaves the file behind, but loses nothing: what was written is
// with the kernel. If the machine stops, some of it may be lost and later writes
// kept, because Badger does not sync a full write-ahead log before it begins the
// next one. The size in Applied would then count events that cannot be found. So
// an index is given up that was open under another boot than the present one.
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
	return writeFile(dir, openFile, boot)
}

// markClosed removes the file. Badger has written and synced all tables before.
func markClosed(dir string) error {
	if dir == "" {
		return nil
	}
	return os.Remove(filepath.Join(dir, openFile))
}

// writeFile writes a file and its directory through to the disk.
func writeFile(dir, name, text string) error {
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
