package store

import (
	"context"
	"errors"
	"fmt"

	"suyuan/ledger"
)

// StopAt promises that nothing beyond the first size entries of a chain is signed
// or cosigned here any more: the guard names it on disk before StopAt returns.
// Whoever signs a charter that ends a chain makes this promise first. So among
// the signers of the charter is an honest one of every quorum that a checkpoint
// beyond the end would need, and none can come to be.
//
// ErrBehind: the entries up to there are not all stored. ErrConflict: they have
// another root here, or something has been signed that lies beyond or differs:
// then the charter needs a report, see [Store.Stop]. ErrNotSigning: the guard is
// lost, so that nobody knows what was signed.
func (s *Store) StopAt(ctx context.Context, end ledger.Ended) error {
	if err := s.life.enter(); err != nil {
		return err
	}
	defer s.life.leave()
	c, err := s.chain(end.Chain)
	if err != nil {
		return err
	}
	if err := s.unclear(end.Chain); err != nil {
		return err
	}
	if m, ok := s.Signed(end.Chain); ok && m.Size == 0 {
		_, err := s.stop(ctx, c) // nothing was signed, whatever is stored here
		return err
	}
	root, err := s.storedRoot(c, end.Size)
	if err != nil {
		return err
	}
	if root != end.Root {
		return fmt.Errorf("%w: the first %d entries of chain %d have the root %s here, not %s", ErrConflict, end.Size, end.Chain, root, end.Root)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.signMu.Lock()
	defer s.signMu.Unlock()
	c.cosign.Lock()
	defer c.cosign.Unlock()
	if m, _ := s.Signed(end.Chain); m.Size > 0 && m.Size <= end.Size {
		if root, err := s.storedRoot(c, m.Size); err != nil || root != m.Root {
			return errors.Join(fmt.Errorf("%w: what was signed of chain %d at size %d is not what is stored", ErrConflict, end.Chain, m.Size), err)
		}
	}
	if err := s.guard.stop(Mark{end.Chain, end.Size, end.Root}); err != nil {
		return fmt.Errorf("stop signing for chain %d: %w", end.Chain, err)
	}
	s.judge()
	return nil
}

// Stop promises that nothing more of a chain is signed or cosigned here, and
// returns what was signed last, the zero Mark if nothing was: for the report of
// this member in a charter that ends the chain where it had split. The guard names
// it on disk before Stop returns. ErrNotSigning: the guard is lost.
func (s *Store) Stop(ctx context.Context, chain uint32) (Mark, error) {
	if err := s.life.enter(); err != nil {
		return Mark{}, err
	}
	defer s.life.leave()
	c, err := s.chain(chain)
	if err != nil {
		return Mark{}, err
	}
	return s.stop(ctx, c)
}

func (s *Store) stop(ctx context.Context, c *chainLog) (Mark, error) {
	if err := ctx.Err(); err != nil {
		return Mark{}, err
	}
	s.signMu.Lock()
	defer s.signMu.Unlock()
	c.cosign.Lock()
	defer c.cosign.Unlock()
	if err := s.unclear(c.number); err != nil {
		return Mark{}, err
	}
	m, ok := s.Signed(c.number)
	if !ok {
		return m, fmt.Errorf("stop signing for chain %d: %w: %w", c.number, ErrNotSigning, s.guard.lostBecause())
	}
	if err := s.guard.stop(Mark{c.number, m.Size, m.Root}); err != nil {
		return m, fmt.Errorf("stop signing for chain %d: %w", c.number, err)
	}
	s.judge()
	return m, nil
}

// Signed returns the newest size and root of a chain that was signed or cosigned
// here, the zero Mark if nothing was; ok is false if the guard is lost and nobody
// knows.
func (s *Store) Signed(chain uint32) (m Mark, ok bool) {
	if s.guard.lostBecause() != nil {
		return Mark{}, false
	}
	m, _ = s.guard.cosignedMark(chain)
	if own, has := s.guard.ownMark(); has && own.Chain == chain && own.Size > m.Size {
		m = own
	}
	return m, true
}

// unclear says that nobody can tell yet what was signed here of a chain: a note
// under the own key claims more than is stored, and no proof says that it is
// another's.
func (s *Store) unclear(chain uint32) error {
	m, ok := s.guard.claimedMark()
	if !ok || chain != m.Chain || s.Forked(chain) || s.Size(chain) >= m.Size {
		return nil
	}
	return fmt.Errorf("stop signing for chain %d: %d entries are said to have been signed here, and %d are stored: %w", chain, m.Size, s.Size(chain), ErrBehind)
}

// Due returns a size and root that the entries of a chain have to lead to, whatever
// checkpoints of it there are. Where a charter has ended the chain, that is its end.
// Otherwise it is what was signed or cosigned here, while the store is short of that,
// and then what a note under the own log key claims; until that key is proven to have
// signed two histories. ok is false if there is nothing of the kind.
func (s *Store) Due(chain uint32) (m Mark, ok bool) {
	if end := s.Network().Ended(chain); end != nil {
		return Mark{chain, end.Size, end.Root}, true
	}
	size := s.Size(chain)
	if chain != s.cfg.Own {
		m, ok := s.guard.cosignedMark(chain)
		return m, ok && m.Size > size
	}
	if m, ok := s.guard.ownMark(); ok && m.Size > size {
		return m, true
	}
	m, ok = s.guard.claimedMark()
	return m, ok && m.Size > size && !s.Forked(chain)
}

// GuardState says whether the guard is there, and if not why.
func (s *Store) GuardState() error { return s.guard.lostBecause() }

// AtEnd compares what is stored of an ended chain with its end: how many entries
// beyond it are kept here, and whether those up to it are the ones that count. Of
// fewer entries than that the evidence of a fork may tell.
func (s *Store) AtEnd(chain uint32) (beyond uint64, same bool, err error) {
	end := s.Network().Ended(chain)
	size := s.Size(chain)
	switch {
	case end == nil:
		return 0, true, nil
	case size < end.Size:
		other, err := s.provenOther(chain, end)
		return 0, !other, err
	}
	root, err := s.RootAt(chain, end.Size)
	return size - end.Size, root == end.Root, err
}

// provenOther reports whether the evidence held shows that the entries stored of
// a chain are not the first of those up to its end.
func (s *Store) provenOther(chain uint32, end *ledger.Ended) (bool, error) {
	e := s.Evidence(chain)
	if e == nil || e.Prefix == nil {
		return false, nil
	}
	short, err := s.Network().OpenCheckpoint(e.A)
	if err != nil {
		return false, err
	}
	whole, err := s.Network().OpenCheckpoint(e.B)
	if err != nil || whole.Size != end.Size || whole.Root != end.Root || short.Size > s.Size(chain) {
		return false, err
	}
	root, err := s.RootAt(chain, short.Size)
	return err == nil && root != *e.Prefix, err
}

// WitnessWaits reports whether the witness cosigns nothing, because its guard is
// not the one that names what it has cosigned.
func (s *Store) WitnessWaits() bool { return s.guard.witnessWaits() }

// ReleaseWitness lets a witness that waits cosign again. The caller has seen to
// it that everything is stored which any other cosigner holds a checkpoint of:
// so the witness signs nothing smaller than what it may have signed before.
func (s *Store) ReleaseWitness() error {
	if err := s.life.enter(); err != nil {
		return err
	}
	defer s.life.leave()
	var marks []Mark
	for _, number := range s.Chains() {
		if cp := s.Latest(number); cp != nil {
			marks = append(marks, Mark{number, cp.Size, cp.Root})
		}
	}
	if err := s.guard.release(marks); err != nil {
		return fmt.Errorf("release witness: %w", err)
	}
	s.cfg.Log.Info("witness cosigns again", "chains", len(marks))
	return nil
}
