package node

import (
	"context"
	"io"

	"suyuan/ledger"
	"suyuan/ledger/store"
)

// Checkpoint returns the newest quorum checkpoint of a chain as a signed note,
// nothing if there is none.
func (n *Node) Checkpoint(chain uint32) []byte {
	if cp := n.store.Final(chain); cp != nil {
		return cp.Note
	}
	return nil
}

// Tile returns the first width hashes of a hash tile.
func (n *Node) Tile(chain uint32, tile ledger.TileID, width int) ([]byte, error) {
	return n.store.Tile(chain, tile, width)
}

// Entries returns the bytes of width entries from a position on.
func (n *Node) Entries(chain uint32, from uint64, width int) ([][]byte, error) {
	entries := make([][]byte, 0, width)
	for item, err := range n.store.Entries(chain, from, from+uint64(width)) {
		if err != nil {
			return nil, err
		}
		entries = append(entries, item.Entry)
	}
	return entries, nil
}

// AddDocument stores a file that records can then name.
func (n *Node) AddDocument(ctx context.Context, r io.Reader, audience store.Audience) (ledger.Hash, error) {
	return n.blobs.Put(ctx, r, audience)
}

// Document opens a stored file for a member, "" being the public. The error
// wraps store.ErrNotFound if it is not held or not for that member.
func (n *Node) Document(digest ledger.Hash, member string) (io.ReadCloser, int64, error) {
	info, err := n.blobs.Stat(digest)
	if err != nil {
		return nil, 0, err
	}
	if info.Audience.Of != ledger.Public && (member == "" || !info.Audience.VisibleTo(member, n.member.Member)) {
		return nil, 0, store.ErrNotFound
	}
	f, err := n.blobs.Open(digest)
	return f, info.Size, err
}
