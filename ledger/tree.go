package ledger

import (
	"cmp"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

// treeFactory makes RFC 6962 compact ranges.
var treeFactory = &compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

func rangeRoot(r *compact.Range) (Hash, error) {
	if r.End() == 0 {
		return Hash(rfc6962.DefaultHasher.EmptyRoot()), nil
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		return Hash{}, because(CodeTree, err, "root")
	}
	return Hash(root), nil
}

// EmptyRoot is the root of a tree of no leaves.
func EmptyRoot() Hash { return Hash(rfc6962.DefaultHasher.EmptyRoot()) }

// A TileID names one hash tile of a chain's tree: level in tiles (0 holds leaf
// hashes) and index in that level, as in C2SP tlog-tiles.
type TileID struct {
	Level uint8
	Index uint64
}

func compareTiles(a, b TileID) int {
	return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Index, b.Index))
}

// A Tree is the growing RFC 6962 tree of one chain. The zero value is not
// usable; make one with [NewTree] or [RestoreTree]. It is not safe for
// concurrent use.
type Tree struct{ rng *compact.Range }

// NewTree returns the empty tree.
func NewTree() *Tree { return &Tree{rng: treeFactory.NewEmptyRange(0)} }

// RestoreTree returns the tree of the given size from what [Tree.State] gave.
func RestoreTree(size uint64, state []Hash) (*Tree, error) {
	hashes := make([][]byte, len(state))
	for i := range state {
		hashes[i] = append([]byte(nil), state[i][:]...)
	}
	rng, err := treeFactory.NewRange(0, size, hashes)
	if err != nil {
		return nil, because(CodeTree, err, "restore tree of size %d", size)
	}
	return &Tree{rng: rng}, nil
}

// Size is the number of leaves.
func (t *Tree) Size() uint64 { return t.rng.End() }

// State is the hashes from which [RestoreTree] goes on: at most 64.
func (t *Tree) State() []Hash {
	hashes := t.rng.Hashes()
	state := make([]Hash, len(hashes))
	for i := range hashes {
		state[i] = Hash(hashes[i])
	}
	return state
}

// Root is the Merkle tree hash.
func (t *Tree) Root() (Hash, error) { return rangeRoot(t.rng) }

// Clone returns an independent copy.
func (t *Tree) Clone() *Tree {
	c, err := RestoreTree(t.Size(), t.State())
	if err != nil {
		panic("ledger: clone of a valid tree failed: " + err.Error())
	}
	return c
}

// Append adds a leaf hash. visit, which may be nil, is called for each hash
// that a tile holds and that the leaf completes: tile, place in the tile, hash.
func (t *Tree) Append(leaf Hash, visit func(tile TileID, at int, h Hash)) error {
	var each compact.VisitFn
	if visit != nil {
		each = func(id compact.NodeID, hash []byte) {
			if id.Level%TileHeight == 0 {
				tile := TileID{Level: uint8(id.Level / TileHeight), Index: id.Index / TileWidth}
				visit(tile, int(id.Index%TileWidth), Hash(hash))
			}
		}
	}
	if err := t.rng.Append(append([]byte(nil), leaf[:]...), each); err != nil {
		return because(CodeTree, err, "append leaf")
	}
	return nil
}

// TileSource reads the stored hashes of one tile of a chain: width hashes of 32
// bytes, from the start of the tile. It may return more.
type TileSource func(tile TileID, width int) ([]byte, error)

// ReadHashes implements [tlog.HashReader] for stored tiles, so that package
// tlog can make roots and proofs from them.
func (src TileSource) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		t := tlog.TileForIndex(TileHeight, index)
		data, err := src(TileID{Level: uint8(t.L), Index: uint64(t.N)}, t.W)
		if err != nil {
			return nil, err
		}
		if len(data) < t.W*tlog.HashSize {
			return nil, wrong(CodeTree, "tile %d/%d has %d bytes, not %d", t.L, t.N, len(data), t.W*tlog.HashSize)
		}
		if out[i], err = tlog.HashFromTile(t, data[:t.W*tlog.HashSize], index); err != nil {
			return nil, because(CodeTree, err, "tile %d/%d", t.L, t.N)
		}
	}
	return out, nil
}

// checkSizes keeps sizes away from package tlog that it cannot compute with.
func checkSizes(sizes ...uint64) error {
	for _, n := range sizes {
		if n > maxTreeSize {
			return wrong(CodeTree, "no tree has %d leaves", n)
		}
	}
	return nil
}

// RootAt computes the root of the first size leaves.
func (src TileSource) RootAt(size uint64) (Hash, error) {
	if err := checkSizes(size); err != nil {
		return Hash{}, err
	}
	if size == 0 {
		return EmptyRoot(), nil
	}
	h, err := tlog.TreeHash(int64(size), src)
	if err != nil {
		return Hash{}, because(CodeTree, err, "root at %d", size)
	}
	return Hash(h), nil
}

// StateAt returns the state of [RestoreTree] for the first size leaves.
func (src TileSource) StateAt(size uint64) ([]Hash, error) {
	if err := checkSizes(size); err != nil {
		return nil, err
	}
	ids := compact.RangeNodes(0, size, nil)
	indexes := make([]int64, len(ids))
	for i, id := range ids {
		indexes[i] = tlog.StoredHashIndex(int(id.Level), int64(id.Index))
	}
	hashes, err := src.ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	state := make([]Hash, len(hashes))
	for i := range hashes {
		state[i] = Hash(hashes[i])
	}
	return state, nil
}

// ProveEntry makes the RFC 6962 audit path of leaf seq in the tree of size.
func (src TileSource) ProveEntry(size, seq uint64) ([]Hash, error) {
	if err := checkSizes(size, seq); err != nil {
		return nil, err
	}
	p, err := tlog.ProveRecord(int64(size), int64(seq), src)
	if err != nil {
		return nil, because(CodeTree, err, "prove entry %d of %d", seq, size)
	}
	return fromTlog(p), nil
}

// ProveConsistency makes the RFC 6962 consistency proof from size old to size.
func (src TileSource) ProveConsistency(size, old uint64) ([]Hash, error) {
	if err := checkSizes(size, old); err != nil {
		return nil, err
	}
	p, err := tlog.ProveTree(int64(size), int64(old), src)
	if err != nil {
		return nil, because(CodeTree, err, "prove %d within %d", old, size)
	}
	return fromTlog(p), nil
}

// VerifyEntry checks an audit path.
func VerifyEntry(path []Hash, size uint64, root Hash, seq uint64, leaf Hash) error {
	if err := checkSizes(size, seq); err != nil {
		return err
	}
	p := make(tlog.RecordProof, len(path))
	for i := range path {
		p[i] = tlog.Hash(path[i])
	}
	if err := tlog.CheckRecord(p, int64(size), tlog.Hash(root), int64(seq), tlog.Hash(leaf)); err != nil {
		return because(CodeTree, err, "inclusion of entry %d", seq)
	}
	return nil
}

// VerifyConsistency checks that a tree of size old with one root is what the
// tree of size with another root begins with.
func VerifyConsistency(path []Hash, size uint64, root Hash, old uint64, oldRoot Hash) error {
	if err := checkSizes(size, old); err != nil {
		return err
	}
	if old == 0 || old > size {
		return wrong(CodeTree, "a tree of %d leaves does not begin with %d", size, old)
	}
	p := make(tlog.TreeProof, len(path))
	for i := range path {
		p[i] = tlog.Hash(path[i])
	}
	if err := tlog.CheckTree(p, int64(size), tlog.Hash(root), int64(old), tlog.Hash(oldRoot)); err != nil {
		return because(CodeTree, err, "%d entries within %d", old, size)
	}
	return nil
}

func fromTlog(p []tlog.Hash) []Hash {
	out := make([]Hash, len(p))
	for i := range p {
		out[i] = Hash(p[i])
	}
	return out
}
