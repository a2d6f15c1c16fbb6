package node

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"suyuan/ledger/store"
)

// Source returns a snapshot of what the node stores, for verification while it
// runs. The caller closes it.
func (n *Node) Source() (*store.Source, error) { return n.store.Source(n.blobs) }

// OpenForVerify opens the store in a node's directory for verification only,
// also one that cannot be opened to run. The node must not be running.
func OpenForVerify(dir string) (*store.Source, error) {
	if _, err := os.Stat(filepath.Join(dir, dirLedger)); err != nil {
		return nil, fmt.Errorf("no node has run here: %w", err)
	}
	blobs, err := store.OpenBlobs(filepath.Join(dir, dirBlobs))
	if err != nil {
		return nil, err
	}
	return store.OpenSource(filepath.Join(dir, dirLedger), blobs, slog.New(slog.DiscardHandler))
}
