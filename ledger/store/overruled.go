package store

import (
	"errors"

	"suyuan/ledger"
)

// Of a forked chain a node may have stored the history that did not become final.
// What is stored is never taken back, so that this node can store nothing more of
// the chain, and were each cosignature to need all that frontiers name, its
// witness could not cosign any chain that has named the other history, although
// the authors of these have done nothing wrong: the forker would have taken a
// vote from everybody until a charter ends the chain and the node has begun anew.
//
// So the witness passes over what frontiers name of such a chain, up to the size
// of a quorum checkpoint that it has seen of the other history. What a quorum of
// cosigners stands for is the same nonetheless. Of n cosigners at least q have
// cosigned that checkpoint, and q−f of them are honest, have stored all that it
// covers, and pass over nothing: theirs is the history that counts. At most n−q
// honest ones are left that may. A quorum without the f who may lie has q−f
// honest members, and q−f > n−q, which is what 2q > n+f says by which two quorums
// meet in somebody honest. Hence behind each final checkpoint is at least one
// honest cosigner that has held everything against its own copy, and what is
// named is stored by q−f of them. What is weaker is only this: the cosignature of
// a node that is known to hold another history does not say that it stores the
// one that is named.
//
// There may never be a proof of the fork, when whoever had the checkpoint of the other
// history is gone before all that it covers was fetched. Nothing above rests on the
// proof: what is stored was proven, when it came, by a checkpoint under the author's
// key, so that a node which holds other entries than a quorum checkpoint names knows
// that there are two histories, and on which side it is. Where its entries are fewer
// they may be the beginning of those that count: then it needs the proof, or to be
// given those, see [Store.Parted].
//
// That node cannot show trails for which the other history is needed before it
// has begun anew: see [Store.AtEnd].

// overrule takes note of a verified checkpoint that the stored entries do not have,
// because they are fewer or others, if it has a quorum of the cosigners of today: two
// quorums of different charters need not meet. It is not kept on disk: peers tell it
// in each session.
func (c *chainLog) overrule(net *ledger.Network, cp *ledger.Checkpoint) (counts bool) {
	today, err := net.Newest().Verifiers.Open(cp.Note)
	if err != nil || !today.Final || !cp.Final {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.overruling == nil || cp.Size > c.overruling.Size {
		c.overruling = cp
	}
	return true
}

// Parted takes note, if a verified checkpoint is final, that the entries stored of a
// chain are not the first of those that it covers: the caller has been given these, and
// proven them.
func (s *Store) Parted(cp *ledger.Checkpoint) {
	c, err := s.chain(cp.Chain)
	if err != nil {
		return
	}
	if c.overrule(s.Network(), cp) {
		c.mu.Lock()
		c.parted = true
		c.mu.Unlock()
	}
}

// overruled reports whether a quorum checkpoint of size entries or more is known of
// a chain of which another history is stored here, or, of one that is known to be
// forked, fewer entries.
//
// A witness that does not store what it has cosigned itself may be one of those by
// whom that checkpoint has its quorum. It passes over nothing until the entries
// are back; and it stores none until then that do not lead there, or are final.
func (s *Store) overruled(number uint32, size uint64) bool {
	c, err := s.chain(number)
	if err != nil {
		return false
	}
	c.mu.Lock()
	by, forked := c.overruling, c.evidence != nil || c.parted
	c.mu.Unlock()
	if by == nil || size > by.Size {
		return false
	}
	if m, ok := s.guard.cosignedMark(number); ok && !s.contains(m) {
		return false
	}
	if by.Size > c.head.Load().Size {
		return forked
	}
	root, err := s.storedRoot(c, by.Size)
	return err == nil && root != by.Root
}

// Overruled reports whether the entries stored of a chain are known not to be those
// that a quorum has cosigned: of this run of the process, since peers tell of the
// checkpoint again after each start.
func (s *Store) Overruled(number uint32) bool {
	c, err := s.chain(number)
	if err != nil {
		return false
	}
	c.mu.Lock()
	by, parted := c.overruling, c.parted
	c.mu.Unlock()
	if by == nil || by.Size > s.Size(number) {
		return parted
	}
	root, err := s.RootAt(number, by.Size)
	return err == nil && root != by.Root
}

// passesOver reports whether the witness passes over what a frontier names although
// it is not stored here, as err says.
func (s *Store) passesOver(seen ledger.Seen, err error) bool {
	return (errors.Is(err, ErrBehind) || errors.Is(err, ErrConflict)) && s.overruled(seen.Chain, seen.Size)
}
