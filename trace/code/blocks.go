package code

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// BlockRoots are the roots of each 256 elements of a pack. They come from
// [Issue] and [Pack.Check] and make proofs fast.
type BlockRoots struct{ roots []node }

// Root returns the root of the pack.
func (b BlockRoots) Root() [32]byte {
	if len(b.roots) == 0 {
		return sha256.Sum256(nil) // the empty tree of RFC 6962
	}
	return rootOf(b.roots)
}

// WriteFile puts the block roots where [OpenProver] will look for them. The
// file is replaced at once but not synced: it can be made again.
func (b BlockRoots) WriteFile(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".blocks-")
	if err != nil {
		return fmt.Errorf("write block roots: %w", err)
	}
	defer os.Remove(f.Name()) // after an error; gone otherwise

	raw := make([]byte, 0, len(b.roots)*sha256.Size)
	for _, root := range b.roots {
		raw = append(raw, root[:]...)
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write block roots: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write block roots: %w", err)
	}
	return nil
}
