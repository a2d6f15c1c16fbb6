package store

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"

	"suyuan/ledger"
)

// Cosign makes the witness's cosignature line on a verified checkpoint: a promise
// that everything under it is stored here. It is made only if the stored entries
// have the checkpoint's root and all shared disclosures but those that are erased
// within it, if everything that frontiers under it name is stored too, with the same
// roots and covered as the rule asks, but for forked chains of which the history is
// stored that does not count (overruled.go), and if no other root was cosigned for
// the size and no greater size before; and after the guard names it on disk.
//
// ErrBehind: more has to be fetched first. ErrConflict: the checkpoint
// contradicts what is stored, or a cosignature given before; ErrForked as well if
// that proves a fork. ErrOldCharter: the author has to take over the newest
// charter first. ErrEnded: the witness has stopped for the chain at a smaller
// size. ErrNotSigning: the guard is lost.
func (s *Store) Cosign(ctx context.Context, cp *ledger.Checkpoint, witness string, key ed25519.PrivateKey) (line []byte, err error) {
	if err := s.life.enter(); err != nil {
		return nil, err
	}
	defer s.life.leave()
	line, err = s.cosign(ctx, cp, witness, key)
	if err != nil {
		return nil, fmt.Errorf("cosign chain %d at size %d: %w", cp.Chain, cp.Size, err)
	}
	return line, nil
}

func (s *Store) cosign(ctx context.Context, cp *ledger.Checkpoint, witness string, key ed25519.PrivateKey) ([]byte, error) {
	c, err := s.chain(cp.Chain)
	if err != nil {
		return nil, err
	}
	if err := s.Damage(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSigning, err)
	}
	if s.Forked(cp.Chain) {
		return nil, ErrForked
	}
	if err := errors.Join(s.fits(c, cp), ctx.Err()); err != nil {
		return nil, err
	}
	if err := s.checkVersion(c, cp.Size); err != nil {
		return nil, err
	}
	c.cosign.Lock()
	defer c.cosign.Unlock()
	if err := s.checkMark(c); err != nil {
		return nil, err
	}
	if err := s.checkClosed(c, cp.Size); err != nil {
		return nil, err
	}
	if err := s.checkWhole(c.number, cp.Size); err != nil {
		return nil, err
	}
	if err := s.guard.raiseCosigned(Mark{cp.Chain, cp.Size, cp.Root}); err != nil {
		return nil, err
	}
	return ledger.Cosign(cp, witness, key, s.cfg.Now())
}

// checkVersion holds what keeps the quorums of two charter versions from speaking
// for two histories: nothing is cosigned under a version older than the newest
// held, and nothing beyond a crossing before that is final.
func (s *Store) checkVersion(c *chainLog, size uint64) error {
	fold, newest := c.folded(), s.Network().Newest().Charter.Version
	if in := fold.InForce(size); in.To < newest {
		return fmt.Errorf("%w: the chain is on version %d at that size, and version %d is held", ErrOldCharter, in.To, newest)
	}
	final := uint64(0)
	if cp := s.Final(c.number); cp != nil {
		final = cp.Size
	}
	if crossing, ok := fold.Crossing(final); ok && size > crossing {
		return fmt.Errorf("no final checkpoint of size %d or more, where the chain crosses into another charter: %w", crossing, ErrBehind)
	}
	return nil
}

// checkMark holds the stored tree against what the guard says was cosigned of the
// chain. Nothing is cosigned on a chain whose store is short of that or differs.
func (s *Store) checkMark(c *chainLog) error {
	m, ok := s.guard.cosignedMark(c.number)
	if !ok {
		return nil
	}
	root, err := s.storedRoot(c, m.Size)
	if err != nil {
		return err
	}
	if root != m.Root {
		return fmt.Errorf("%w: the stored entries are not those that were cosigned at size %d", ErrConflict, m.Size)
	}
	if m.Size > c.closed {
		c.closed = m.Size // it was checked before it was cosigned
	}
	return nil
}

// checkClosed holds that everything that the first size entries of a chain name
// is stored, but for what is overruled: each size with the root named, and covered
// where it is named, so that what the named entries name in turn is among it.
// Entries checked once are not checked again.
func (s *Store) checkClosed(c *chainLog, size uint64) error {
	covered, err := s.seenBefore(c.number, c.closed, s.Chains())
	if err != nil {
		return err
	}
	for about, n := range covered {
		if have := s.Size(about); have < n && !s.overruled(about, n) { // a backup was put back, for instance
			return fmt.Errorf("chain %d is named up to %d and stored up to %d: %w", about, n, have, ErrBehind)
		}
	}
	for f, err := range s.Frontiers(c.number, c.closed, size) {
		if err != nil {
			return err
		}
		if err := s.checkNamed(c.number, f, covered); err != nil {
			return fmt.Errorf("frontier at %d: %w", f.Seq, err)
		}
		c.closed = f.Seq + 1 // also if one after it fails: an author may ask as often as it likes
	}
	c.closed = max(c.closed, size)
	return nil
}

// checkNamed checks one frontier entry, given what those before it cover, and
// adds to that.
func (s *Store) checkNamed(chain uint32, f FrontierEntry, covered map[uint32]uint64) error {
	from := make(map[uint32]uint64, len(f.Seen))
	for _, seen := range f.Seen {
		had := covered[seen.Chain]
		covered[seen.Chain] = seen.Size
		switch err := s.checkSeen(seen); {
		case err == nil:
			from[seen.Chain] = had
		case !s.passesOver(seen, err):
			return err
		}
	}
	for _, seen := range f.Seen {
		if _, stored := from[seen.Chain]; !stored {
			continue
		}
		for inner, err := range s.Frontiers(seen.Chain, from[seen.Chain], seen.Size) {
			if err != nil {
				return err
			}
			for _, named := range inner.Seen {
				have := covered[named.Chain]
				if named.Chain == chain {
					have = f.Seq
				}
				if named.Size > have {
					return fmt.Errorf("%w: it names entry %d/%d, which names chain %d up to %d, but covers it up to %d",
						ErrConflict, seen.Chain, inner.Seq, named.Chain, named.Size, have)
				}
			}
		}
	}
	return nil
}

// checkSeen holds that the entries that a frontier names of one chain are stored.
func (s *Store) checkSeen(seen ledger.Seen) error {
	root, err := s.rootAt(seen.Chain, seen.Size)
	if err != nil {
		return err
	}
	if root != seen.Root {
		return fmt.Errorf("%w: chain %d has another root at size %d", ErrConflict, seen.Chain, seen.Size)
	}
	return nil
}
