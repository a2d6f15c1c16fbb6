package node

import (
	"context"
	"fmt"

	"suyuan/ledger"
)

// A Rebuilt says what came of making the index again.
type Rebuilt struct {
	Entries uint64      `json:"entries"` // that were read
	Keys    uint64      `json:"keys"`
	Before  ledger.Hash `json:"before"` // over all keys and values, in order
	After   ledger.Hash `json:"after"`
}

// Same reports whether the index is what it was.
func (r *Rebuilt) Same() bool { return r.Before == r.After }

// RebuildIndex drops the index and makes it again from the log. Nothing else may
// use the node meanwhile. When ctx ends the index is left incomplete, and is
// brought up to the log when the node is opened again.
func (n *Node) RebuildIndex(ctx context.Context, progress func(done, total uint64)) (*Rebuilt, error) {
	n.indexing.Lock()
	defer n.indexing.Unlock()
	r := new(Rebuilt)
	before, _, err := n.index.Digest(ctx)
	if err != nil {
		return nil, err
	}
	if err := n.index.Drop(); err != nil {
		return nil, err
	}
	if err := n.indexWith(ctx, progress); err != nil {
		return nil, err
	}
	for _, size := range n.index.Applied() {
		r.Entries += size
	}
	after, keys, err := n.index.Digest(ctx)
	r.Keys, r.Before, r.After = keys, before, after
	return r, err
}

// indexWith brings the index up to the store and tells how far it is.
func (n *Node) indexWith(ctx context.Context, progress func(done, total uint64)) error {
	chains := n.store.Chains()
	var total uint64
	for _, chain := range chains {
		total += n.store.Size(chain)
	}
	for _, chain := range chains {
		for more := true; more; {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			if more, err = n.indexNext(chain); err != nil {
				return fmt.Errorf("index chain %d: %w", chain, err)
			}
			var done uint64
			for _, size := range n.index.Applied() {
				done += size
			}
			progress(done, total)
		}
	}
	return nil
}

// OwnBytes is what the entries of the node's own chain have in bytes, with what
// stands beside them.
func (n *Node) OwnBytes() (sum int64, err error) {
	for item, err := range n.store.Entries(n.chain, 0, n.store.Size(n.chain)) {
		if err != nil {
			return 0, err
		}
		sum += int64(len(item.Entry) + len(item.Sidecar))
	}
	return sum, nil
}
