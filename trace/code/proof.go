package code

import (
	"crypto/sha256"
	"fmt"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// An Inclusion proves that an element is in the pack with a given root.
type Inclusion struct {
	Index   uint64   // position of the element in the pack; the code's own index is in Element
	Size    uint64   // elements in the pack, as the prover says: the root does not fix it
	Element Element  // the leaf
	Proof   [][]byte // RFC 6962 audit path, lowest first, 32 bytes each
}

// Verify returns an error wrapping [ErrProof] unless the pack with this root
// holds the code with this hash.
func (p Inclusion) Verify(root [32]byte, h Hash) error {
	if p.Element.Hash() != h {
		return fmt.Errorf("%w: it is about code %v and not %v", ErrProof, p.Element.Hash(), h)
	}
	return p.verifyPath(root)
}

// verifyPath checks everything but which code the proof is about.
func (p Inclusion) verifyPath(root [32]byte) error {
	if p.Size > MaxRunCodes {
		return fmt.Errorf("%w: %d elements are more than a pack can have", ErrProof, p.Size)
	}
	if uint64(p.Element.Index()) >= p.Size {
		return fmt.Errorf("%w: code %d of a pack of %d", ErrProof, p.Element.Index(), p.Size)
	}
	for i, sibling := range p.Proof {
		if len(sibling) != sha256.Size {
			return fmt.Errorf("%w: node %d of the path has %d bytes", ErrProof, i, len(sibling))
		}
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(p.Element[:])
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, p.Size, leaf, p.Proof, root[:]); err != nil {
		// The library's text spills both roots; what counts is that it fails.
		return fmt.Errorf("%w: path of element %d of %d does not lead to the root", ErrProof, p.Index, p.Size)
	}
	return nil
}

// An Absence proves that a code is not in the pack with a given root: the
// elements next to where it would stand are neighbours. At the start of the
// pack there is no Before, at its end no After.
//
// A prover cannot cheat with Size: it only says where the paths turn left and
// right, and the hashes allow no other turns than the true ones.
type Absence struct {
	Before *Inclusion
	After  *Inclusion
}

// Verify returns an error wrapping [ErrProof] unless the pack with this root,
// in proper order, cannot hold the code with this hash.
func (a Absence) Verify(root [32]byte, h Hash) error {
	if err := a.verifyPlace(h); err != nil {
		return err
	}
	for _, neighbour := range []*Inclusion{a.Before, a.After} {
		if neighbour == nil {
			continue
		}
		if err := neighbour.verifyPath(root); err != nil {
			return err
		}
	}
	return nil
}

// verifyPlace checks that there is no room for the code between the two
// neighbours, or between the one and the end of the pack.
func (a Absence) verifyPlace(h Hash) error {
	if a.Before != nil && a.Before.Element.Hash().Compare(h) >= 0 {
		return fmt.Errorf("%w: code %v does not come after %v", ErrProof, h, a.Before.Element.Hash())
	}
	if a.After != nil && a.After.Element.Hash().Compare(h) <= 0 {
		return fmt.Errorf("%w: code %v does not come before %v", ErrProof, h, a.After.Element.Hash())
	}
	switch {
	case a.Before == nil && a.After == nil:
		return fmt.Errorf("%w: no neighbour", ErrProof)
	case a.Before == nil && a.After.Index != 0:
		return fmt.Errorf("%w: element %d is not the first", ErrProof, a.After.Index)
	case a.After == nil && a.Before.Index+1 != a.Before.Size:
		return fmt.Errorf("%w: element %d of %d is not the last", ErrProof, a.Before.Index, a.Before.Size)
	case a.Before != nil && a.After != nil &&
		(a.Before.Size != a.After.Size || a.Before.Index+1 != a.After.Index):
		return fmt.Errorf("%w: elements %d of %d and %d of %d are not neighbours",
			ErrProof, a.Before.Index, a.Before.Size, a.After.Index, a.After.Size)
	}
	return nil
}
