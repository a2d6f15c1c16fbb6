package ledger_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// grownTree is a tree with its tiles and what it was at each size.
type grownTree struct {
	tree   *ledger.Tree
	tiles  map[ledger.TileID][]byte
	leaves []ledger.Hash
	roots  map[uint64]ledger.Hash
	states map[uint64][]ledger.Hash
}

// growTree appends leaves and notes root and state at the sizes that note
// picks.
func growTree(t testing.TB, size uint64, note func(uint64) bool) *grownTree {
	g := &grownTree{
		tree: ledger.NewTree(), tiles: make(map[ledger.TileID][]byte),
		roots: make(map[uint64]ledger.Hash), states: make(map[uint64][]ledger.Hash),
	}
	visit := func(tile ledger.TileID, at int, h ledger.Hash) {
		if len(g.tiles[tile]) != at*32 {
			t.Fatalf("tile %v gets hash %d when it has %d bytes", tile, at, len(g.tiles[tile]))
		}
		g.tiles[tile] = append(g.tiles[tile], h[:]...)
	}
	for n := range size + 1 {
		if note(n) {
			g.roots[n], g.states[n] = must(g.tree.Root()), g.tree.State()
		}
		if n == size {
			return g
		}
		leaf := ledger.LeafHash(binary.BigEndian.AppendUint64(nil, n))
		g.leaves = append(g.leaves, leaf)
		if err := g.tree.Append(leaf, visit); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func (g *grownTree) source(tile ledger.TileID, width int) ([]byte, error) { return g.tiles[tile], nil }

func always(uint64) bool { return true }

// borders are the sizes at which tiles fill.
func borders(n uint64) bool {
	for _, b := range []uint64{0, 2, 256, 512, 65_536} {
		if n+1 >= b && n <= b+1 {
			return true
		}
	}
	return n == 65_536+256 || n == 65_536+257
}

func TestTreeIsRFC6962(t *testing.T) {
	g := growTree(t, 70, always)
	for n := range uint64(71) {
		if got, want := g.roots[n], naiveRoot(g.leaves[:n]); got != want {
			t.Errorf("root of %d leaves is %s, want %s", n, got, want)
		}
	}
}

// naiveRoot is the definition of RFC 6962 section 2.1, word for word.
func naiveRoot(leaves []ledger.Hash) ledger.Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	left, right := naiveRoot(leaves[:k]), naiveRoot(leaves[k:])
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

func TestTreeGoesOnFromItsState(t *testing.T) {
	g := growTree(t, 70, always)
	for n := range uint64(71) {
		tree, err := ledger.RestoreTree(n, g.states[n])
		if err != nil {
			t.Fatalf("restore %d: %v", n, err)
		}
		for _, leaf := range g.leaves[n:] {
			if err := tree.Append(leaf, nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := must(tree.Root()); got != g.roots[70] || !slices.Equal(tree.State(), g.states[70]) {
			t.Errorf("restored at %d it grows to root %s, want %s", n, got, g.roots[70])
		}
	}
}

func TestTreeCloneIsIndependent(t *testing.T) {
	for n := range uint64(20) {
		g := growTree(t, n, always)
		a, b := g.tree.Clone(), g.tree.Clone()
		for i := range byte(9) {
			a.Append(fill(i), nil)
			b.Append(fill(0xff-i), nil)
		}
		if got := must(g.tree.Root()); got != g.roots[n] || g.tree.Size() != n {
			t.Errorf("the tree of %d changed with its clones", n)
		}
		if must(a.Root()) == must(b.Root()) {
			t.Errorf("two clones of the tree of %d share their leaves", n)
		}
	}
}

func TestRestoreTreeRefusesWhatDoesNotFit(t *testing.T) {
	g := growTree(t, 7, always)
	for n := range uint64(8) {
		_, err := ledger.RestoreTree(n, g.states[7])
		want := ledger.CodeTree
		if n == 7 {
			want = ""
		}
		wantCode(t, fmt.Sprintf("the state of 7 for %d", n), err, want)
	}
}

// Tiles of a larger tree must give root and state of every smaller one.
func TestTileSourceAgreesWithTheTree(t *testing.T) {
	g := growTree(t, 65_536+257, borders)
	src := ledger.TileSource(g.source)
	for _, n := range slices.Sorted(maps.Keys(g.roots)) {
		if got, err := src.RootAt(n); err != nil || got != g.roots[n] {
			t.Errorf("root at %d: %s (%v), want %s", n, got, err, g.roots[n])
		}
		if got, err := src.StateAt(n); err != nil || !slices.Equal(got, g.states[n]) {
			t.Errorf("state at %d: %v (%v), want %v", n, got, err, g.states[n])
		}
	}
	want := map[ledger.TileID]int{{Level: 1, Index: 0}: 256, {Level: 1, Index: 1}: 1, {Level: 2, Index: 0}: 1, {Level: 0, Index: 255}: 256, {Level: 0, Index: 256}: 256, {Level: 0, Index: 257}: 1}
	for id, hashes := range want {
		if got := len(g.tiles[id]) / 32; got != hashes {
			t.Errorf("tile %d/%d has %d hashes, want %d", id.Level, id.Index, got, hashes)
		}
	}
	if got, want := len(g.tiles), 258+2+1; got != want {
		t.Errorf("%d tiles, want %d", got, want)
	}
}

// tileReader serves a tree's tiles as tlog asks for them.
type tileReader struct{ *grownTree }

func (r tileReader) Height() int                     { return ledger.TileHeight }
func (r tileReader) SaveTiles([]tlog.Tile, [][]byte) {}
func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, t := range tiles {
		data := r.tiles[ledger.TileID{Level: uint8(t.L), Index: uint64(t.N)}]
		if len(data) < t.W*32 {
			return nil, fmt.Errorf("tile %v has %d bytes", t, len(data))
		}
		out = append(out, data[:t.W*32])
	}
	return out, nil
}

// A client that knows nothing but x/mod reads our tiles, checks them against our
// root and makes the same proofs.
func TestTilesInterop(t *testing.T) {
	g := growTree(t, 65_536+257, borders)
	src := ledger.TileSource(g.source)
	for _, size := range []uint64{1, 2, 255, 256, 257, 512, 65_535, 65_536, 65_537, 65_536 + 257} {
		root := tlog.Hash(g.roots[size])
		reader := tlog.TileHashReader(tlog.Tree{N: int64(size), Hash: root}, tileReader{g})
		for _, seq := range []uint64{0, size / 2, size - 1} {
			theirs, err := tlog.ProveRecord(int64(size), int64(seq), reader)
			if err != nil {
				t.Fatalf("x/mod proves entry %d of %d: %v", seq, size, err)
			}
			ours := must(src.ProveEntry(size, seq))
			if !slices.EqualFunc(ours, theirs, func(a ledger.Hash, b tlog.Hash) bool { return a == ledger.Hash(b) }) {
				t.Errorf("entry %d of %d: two proofs", seq, size)
			}
			if err := tlog.CheckRecord(theirs, int64(size), root, int64(seq), tlog.Hash(g.leaves[seq])); err != nil {
				t.Errorf("x/mod refuses the proof of entry %d of %d: %v", seq, size, err)
			}
			wantCode(t, "our check", ledger.VerifyEntry(ours, size, g.roots[size], seq, g.leaves[seq]), "")
		}
		for old := range g.roots {
			if old == 0 || old > size {
				continue
			}
			ours := must(src.ProveConsistency(size, old))
			theirs := make(tlog.TreeProof, len(ours))
			for i := range ours {
				theirs[i] = tlog.Hash(ours[i])
			}
			if err := tlog.CheckTree(theirs, int64(size), root, int64(old), tlog.Hash(g.roots[old])); err != nil {
				t.Errorf("x/mod refuses the consistency of %d with %d: %v", old, size, err)
			}
		}
	}
}

func TestEntryProofsOfAllSizes(t *testing.T) {
	g := growTree(t, 70, always)
	src := ledger.TileSource(g.source)
	for size := uint64(1); size <= 70; size++ {
		root := g.roots[size]
		for seq := range size {
			path := must(src.ProveEntry(size, seq))
			where := fmt.Sprintf("entry %d of %d", seq, size)
			wantCode(t, where, ledger.VerifyEntry(path, size, root, seq, g.leaves[seq]), "")
			bad := map[string]error{
				"another leaf":        ledger.VerifyEntry(path, size, root, seq, fill(1)),
				"another root":        ledger.VerifyEntry(path, size, fill(1), seq, g.leaves[seq]),
				"a position outside":  ledger.VerifyEntry(path, size, root, size, g.leaves[seq]),
				"no size":             ledger.VerifyEntry(path, 0, root, seq, g.leaves[seq]),
				"a size over 63 bits": ledger.VerifyEntry(path, 1<<63, root, seq, g.leaves[seq]),
				"a hash more":         ledger.VerifyEntry(append(slices.Clone(path), fill(2)), size, root, seq, g.leaves[seq]),
			}
			if len(path) > 0 {
				bad["a hash less"] = ledger.VerifyEntry(path[1:], size, root, seq, g.leaves[seq])
			}
			for name, err := range bad {
				if err == nil {
					t.Errorf("%s: verifies with %s", where, name)
				}
			}
		}
	}
}

func TestProofsOutsideTheTreeAreErrors(t *testing.T) {
	g := growTree(t, 9, always)
	src := ledger.TileSource(g.source)
	for _, at := range [][2]uint64{{9, 9}, {0, 0}, {1 << 63, 0}, {9, 1 << 63}, {1<<64 - 1, 1<<64 - 1}} {
		_, err := src.ProveEntry(at[0], at[1])
		wantCode(t, fmt.Sprintf("entry %d of %d", at[1], at[0]), err, ledger.CodeTree)
	}
	for _, at := range [][2]uint64{{9, 10}, {9, 0}, {1 << 63, 1}, {9, 1 << 63}} {
		_, err := src.ProveConsistency(at[0], at[1])
		wantCode(t, fmt.Sprintf("%d within %d", at[1], at[0]), err, ledger.CodeTree)
	}
	for _, size := range []uint64{10, 257, 1 << 40, 1 << 63, 1<<64 - 1} {
		if _, err := src.RootAt(size); err == nil {
			t.Errorf("a root at %d, which is not there", size)
		}
		if _, err := src.StateAt(size); err == nil {
			t.Errorf("a state at %d, which is not there", size)
		}
	}
}

func TestTileSourcePassesErrorsOn(t *testing.T) {
	broken := errors.New("disk on fire")
	src := ledger.TileSource(func(ledger.TileID, int) ([]byte, error) { return nil, broken })
	if _, err := src.RootAt(3); !errors.Is(err, broken) {
		t.Errorf("root: %v", err)
	}
	if _, err := src.StateAt(3); !errors.Is(err, broken) {
		t.Errorf("state: %v", err)
	}
	if _, err := src.ProveEntry(3, 1); !errors.Is(err, broken) {
		t.Errorf("proof: %v", err)
	}
}

func TestBuilderTilesFitItsChain(t *testing.T) {
	b := ledgertest.New().NewChain("wh")
	for b.Size() < 10 {
		b.Record(31)
	}
	if got, want := must(b.TileSource().RootAt(10)), must(b.Chain.Root()); got != want {
		t.Errorf("root from tiles %s, want %s", got, want)
	}
}
