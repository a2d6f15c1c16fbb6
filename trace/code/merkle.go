package code

import (
	"crypto/sha256"
	"math/bits"
)

// blockLen is the number of elements under one block root, and of block roots
// under one node held in memory: a proof hashes at most 2·256 of them. It must
// be a power of two for the trees to fit together.
const blockLen = 256

// A node is a hash of the Merkle tree of RFC 6962 section 2.1.
type node [sha256.Size]byte

func leafNode(e *Element) node {
	var input [1 + elementLen]byte
	copy(input[1:], e[:])
	return sha256.Sum256(input[:])
}

func innerNode(left, right node) node {
	var input [1 + 2*sha256.Size]byte
	input[0] = 1
	copy(input[1:], left[:])
	copy(input[1+sha256.Size:], right[:])
	return sha256.Sum256(input[:])
}

// splitPoint is the largest power of two under n; n must be at least 2.
func splitPoint(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) }

// rootOf returns the root over nodes, of which there must be at least one.
// They may themselves be roots of equally large blocks, the last one smaller.
func rootOf(nodes []node) node {
	if len(nodes) == 1 {
		return nodes[0]
	}
	k := splitPoint(len(nodes))
	return innerNode(rootOf(nodes[:k]), rootOf(nodes[k:]))
}

// pathOf returns the nodes that lead from nodes[i] to the root, lowest first.
func pathOf(nodes []node, i int) [][]byte {
	if len(nodes) == 1 {
		return nil
	}
	k := splitPoint(len(nodes))
	path, sibling := [][]byte(nil), node{}
	if i < k {
		path, sibling = pathOf(nodes[:k], i), rootOf(nodes[k:])
	} else {
		path, sibling = pathOf(nodes[k:], i-k), rootOf(nodes[:k])
	}
	return append(path, sibling[:])
}

// blockRootsOf returns the root of each 256 nodes.
func blockRootsOf(nodes []node) []node {
	roots := make([]node, 0, blocks(len(nodes)))
	for start := 0; start < len(nodes); start += blockLen {
		roots = append(roots, rootOf(nodes[start:min(start+blockLen, len(nodes))]))
	}
	return roots
}

// blocks is the number of blocks that n nodes fill, the last one maybe partly.
func blocks(n int) int { return (n + blockLen - 1) / blockLen }

// A blockHasher makes the block roots of elements that arrive in order.
type blockHasher struct {
	block []node
	roots []node
}

func (b *blockHasher) add(e *Element) {
	b.block = append(b.block, leafNode(e))
	if len(b.block) == blockLen {
		b.close()
	}
}

func (b *blockHasher) close() {
	if len(b.block) > 0 {
		b.roots = append(b.roots, rootOf(b.block))
		b.block = b.block[:0]
	}
}
