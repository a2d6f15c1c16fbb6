package ledger

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// A Leaf is one subject of a record: the CBOR array [salt, subject]. The salt
// keeps a leaf's hash from telling what is in it. What a subject means is the
// application's affair; here it is one CBOR item. The leaves of a record ascend
// by the bytes of their subjects, and no subject stands twice.
type Leaf struct {
	_       struct{} `cbor:",toarray"`
	Salt    [16]byte
	Subject cbor.RawMessage
}

// Encode returns the leaf's bytes.
func (l *Leaf) Encode() ([]byte, error) {
	if err := CheckValue(l.Subject); err != nil {
		return nil, err
	}
	return Marshal(l)
}

// DecodeLeaf parses leaf bytes strictly.
func DecodeLeaf(raw []byte) (*Leaf, error) {
	var l Leaf
	if err := Unmarshal(raw, &l); err != nil {
		return nil, err
	}
	return &l, CheckValue(l.Subject)
}

// SubjectsRoot is the RFC 6962 Merkle tree hash over leaf bytes.
func SubjectsRoot(leaves [][]byte) (Hash, error) {
	rng := treeFactory.NewEmptyRange(0)
	for _, l := range leaves {
		if err := rng.Append(rfc6962.DefaultHasher.HashLeaf(l), nil); err != nil {
			return Hash{}, because(CodeTree, err, "hash subjects")
		}
	}
	return rangeRoot(rng)
}

// A LeafProof shows that one leaf is among the subjects of a record, and
// reveals nothing of the others.
type LeafProof struct {
	Leaf  []byte `json:"leaf"`
	Index uint64 `json:"index"`
	Size  uint64 `json:"size"`
	Path  []Hash `json:"path"` // RFC 6962 audit path, from the leaf up
}

// ProveLeaf makes the proof for leaves[index].
func ProveLeaf(leaves [][]byte, index int) (*LeafProof, error) {
	if index < 0 || index >= len(leaves) {
		return nil, wrong(CodeForm, "no leaf %d among %d", index, len(leaves))
	}
	nodes, err := proof.Inclusion(uint64(index), uint64(len(leaves)))
	if err != nil {
		return nil, because(CodeTree, err, "plan proof")
	}
	want := make(map[compact.NodeID][]byte, len(nodes.IDs))
	for _, id := range nodes.IDs {
		want[id] = nil
	}
	rng := treeFactory.NewEmptyRange(0)
	visit := func(id compact.NodeID, hash []byte) {
		if _, ok := want[id]; ok {
			want[id] = hash
		}
	}
	for _, l := range leaves {
		if err := rng.Append(rfc6962.DefaultHasher.HashLeaf(l), visit); err != nil {
			return nil, because(CodeTree, err, "hash subjects")
		}
	}
	hashes := make([][]byte, len(nodes.IDs))
	for i, id := range nodes.IDs {
		hashes[i] = want[id]
	}
	path, err := nodes.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		return nil, because(CodeTree, err, "make proof")
	}
	p := &LeafProof{Leaf: leaves[index], Index: uint64(index), Size: uint64(len(leaves))}
	for _, h := range path {
		p.Path = append(p.Path, Hash(h))
	}
	return p, nil
}

// Verify checks the proof against a record's subjects root.
func (p *LeafProof) Verify(root Hash) error {
	if p.Size > MaxLeaves {
		return wrong(CodeTooLarge, "%d leaves are over the limit of %d", p.Size, MaxLeaves)
	}
	path := make([][]byte, len(p.Path))
	for i := range p.Path {
		path[i] = p.Path[i][:]
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(p.Leaf)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, p.Size, leaf, path, root[:]); err != nil {
		return because(CodeSidecar, err, "subject leaf")
	}
	return nil
}

// checkLeaves holds the rules about the leaves of one record.
func checkLeaves(leaves [][]byte) error {
	if len(leaves) > MaxLeaves {
		return wrong(CodeTooLarge, "%d leaves are over the limit of %d", len(leaves), MaxLeaves)
	}
	var before []byte
	for i, raw := range leaves {
		l, err := DecodeLeaf(raw)
		if err != nil {
			return fmt.Errorf("subject %d: %w", i, err)
		}
		if i > 0 && bytes.Compare(before, l.Subject) >= 0 {
			return wrong(CodeForm, "subject %d does not ascend", i)
		}
		before = l.Subject
	}
	return nil
}
