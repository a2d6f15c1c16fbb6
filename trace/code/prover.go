package code

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

// A Prover makes proofs from a pack and its file of block roots. It may be used
// concurrently and holds some kilobytes.
type Prover struct {
	pack   *Pack
	root   [32]byte
	blocks *os.File
	top    []node // roots of each 256 block roots
}

// OpenProver opens a pack and its block roots for proofs under root, the root
// of the run. Where the file of block roots is missing, damaged or of another
// pack it is written anew from a check of the whole pack, which takes seconds
// for millions of codes and returns a [*BadPackError] if the pack is not the
// one of the root. The caller closes the prover.
func OpenProver(ctx context.Context, packPath, blocksPath string, root [32]byte) (*Prover, error) {
	pack, err := Open(packPath)
	if err != nil {
		return nil, err
	}
	p := &Prover{pack: pack, root: root}
	err = p.openBlocks(blocksPath)
	if errors.Is(err, ErrBlockRoots) || errors.Is(err, os.ErrNotExist) {
		err = p.rebuildBlocks(ctx, blocksPath)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open prover: %w", err), p.Close())
	}
	return p, nil
}

// rebuildBlocks writes the file of block roots from the pack and opens it.
func (p *Prover) rebuildBlocks(ctx context.Context, path string) error {
	blocks, err := p.pack.Check(ctx, p.root, 0)
	if err != nil {
		return err
	}
	if err := blocks.WriteFile(path); err != nil {
		return err
	}
	return p.openBlocks(path)
}

// openBlocks opens the file of block roots if it leads to the root of the run.
func (p *Prover) openBlocks(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	top, err := p.readTop(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	p.blocks, p.top = f, top
	return nil
}

func (p *Prover) readTop(f *os.File) ([]node, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	n := blocks(int(p.pack.Len()))
	if info.Size() != int64(n)*sha256.Size {
		return nil, ErrBlockRoots
	}
	roots, err := readNodes(f, 0, n)
	if err != nil {
		return nil, err
	}
	top := blockRootsOf(roots)
	if rootOf(top) != p.root {
		return nil, ErrBlockRoots
	}
	return top, nil
}

// readNodes reads n hashes from number first on.
func readNodes(r io.ReaderAt, first, n int) ([]node, error) {
	raw := make([]byte, n*sha256.Size)
	if got, err := r.ReadAt(raw, int64(first)*sha256.Size); got < len(raw) {
		return nil, fmt.Errorf("read block roots %d to %d: %w", first, first+n, err)
	}
	nodes := make([]node, n)
	for i := range nodes {
		nodes[i] = node(raw[i*sha256.Size:])
	}
	return nodes, nil
}

// Close closes the pack and the block roots.
func (p *Prover) Close() error {
	err := p.pack.Close()
	if p.blocks != nil {
		err = errors.Join(err, p.blocks.Close())
	}
	return err
}

// Pack returns the pack, which Close closes.
func (p *Prover) Pack() *Pack { return p.pack }

// ProveInclusion proves that the code with this hash was issued. The error is
// [ErrNotIssued] if it was not.
func (p *Prover) ProveInclusion(h Hash) (Inclusion, error) {
	pos, _, found, err := p.pack.search(h)
	if err != nil {
		return Inclusion{}, fmt.Errorf("prove inclusion: %w", err)
	}
	if !found {
		return Inclusion{}, ErrNotIssued
	}
	proof, err := p.prove(pos)
	if err != nil {
		return Inclusion{}, fmt.Errorf("prove inclusion: %w", err)
	}
	return proof, proof.Verify(p.root, h)
}

// ProveAbsence proves that the code with this hash was not issued. The error is
// [ErrIssued] if it was. Each proof reveals two elements of the pack: whoever
// answers strangers limits their rate.
func (p *Prover) ProveAbsence(h Hash) (Absence, error) {
	pos, _, found, err := p.pack.search(h)
	if err != nil {
		return Absence{}, fmt.Errorf("prove absence: %w", err)
	}
	if found {
		return Absence{}, ErrIssued
	}
	var a Absence
	if pos > 0 {
		before, err := p.prove(pos - 1)
		if err != nil {
			return Absence{}, fmt.Errorf("prove absence: %w", err)
		}
		a.Before = &before
	}
	if pos < p.pack.Len() {
		after, err := p.prove(pos)
		if err != nil {
			return Absence{}, fmt.Errorf("prove absence: %w", err)
		}
		a.After = &after
	}
	return a, a.Verify(p.root, h)
}

// prove returns the proof for the element at pos. Its path goes through three
// trees: the elements of the block, 256 block roots, and the top.
func (p *Prover) prove(pos uint32) (Inclusion, error) {
	block := int(pos) / blockLen
	start := uint32(block) * blockLen
	elements, err := readElements(p.pack.r, start, int(min(blockLen, p.pack.len-start)))
	if err != nil {
		return Inclusion{}, err
	}
	leaves := make([]node, len(elements))
	for i := range elements {
		leaves[i] = leafNode(&elements[i])
	}

	first := block / blockLen * blockLen
	siblings, err := readNodes(p.blocks, first, min(blockLen, blocks(int(p.pack.len))-first))
	if err != nil {
		return Inclusion{}, err
	}

	path := pathOf(leaves, int(pos-start))
	path = append(path, pathOf(siblings, block-first)...)
	path = append(path, pathOf(p.top, first/blockLen)...)
	proof := Inclusion{Index: uint64(pos), Size: uint64(p.pack.len), Element: elements[pos-start], Proof: path}
	if proof.verifyPath(p.root) != nil {
		return Inclusion{}, ErrBlockRoots
	}
	return proof, nil
}
