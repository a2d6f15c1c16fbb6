package node

import "suyuan/ledger"

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
