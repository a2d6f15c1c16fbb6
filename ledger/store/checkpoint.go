package store

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"

	"suyuan/ledger"
)

// loadNotes reads the checkpoints and the evidence held of a chain.
func (s *Store) loadNotes(c *chainLog) error {
	net := s.Network()
	for _, n := range []struct {
		prefix byte
		into   **ledger.Checkpoint
		open   func([]byte) (*ledger.Checkpoint, error)
	}{
		{prefixLatest, &c.latest, net.OpenCheckpoint},
		{prefixFinal, &c.final, func(raw []byte) (*ledger.Checkpoint, error) { return openFinal(net, raw) }},
	} {
		raw, err := s.get(chainKey(n.prefix, c.number))
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		cp, err := n.open(raw)
		if err != nil {
			return err
		}
		root, err := s.storedRoot(c, cp.Size)
		if err != nil || root != cp.Root || cp.Chain != c.number {
			return errors.Join(fmt.Errorf("the checkpoint of size %d does not fit the entries", cp.Size), err)
		}
		*n.into = cp
	}
	if c.final != nil {
		seen, err := s.seenBefore(c.number, c.final.Size, net.Chains())
		if err != nil {
			return err
		}
		c.finalSeen = seen
	}
	var err error
	c.evidence, err = readEvidence(s.view, c.number)
	return err
}

// openFinal opens a quorum checkpoint under the newest charter version under
// which it has its quorum: later versions may have other cosigners.
func openFinal(net *ledger.Network, raw []byte) (*ledger.Checkpoint, error) {
	for _, v := range slices.Backward(net.Versions()) {
		if cp, err := v.Verifiers.Open(raw); err == nil && cp.Final {
			return cp, nil
		}
	}
	return nil, errors.New("the stored quorum checkpoint has no quorum under any charter version")
}

// storedRoot is rootAt for a chain that is not yet, or no longer surely, among
// those of the store.
func (s *Store) storedRoot(c *chainLog, size uint64) (ledger.Hash, error) {
	head := c.head.Load()
	switch {
	case size > head.Size:
		return ledger.Hash{}, fmt.Errorf("chain %d has %d of %d entries: %w", c.number, head.Size, size, ErrBehind)
	case size == head.Size:
		return head.Root, nil
	}
	return s.tileSource(c.number).RootAt(size)
}

// Latest returns the newest checkpoint of a chain that its author signed and
// that is stored here, nil if there is none. It must not be changed.
func (s *Store) Latest(chain uint32) *ledger.Checkpoint {
	c, err := s.chain(chain)
	if err != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest
}

// Final returns the newest stored checkpoint of a chain with a quorum of
// cosigners, nil if there is none. It must not be changed.
func (s *Store) Final(chain uint32) *ledger.Checkpoint {
	c, err := s.chain(chain)
	if err != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.final
}

// FinalSizes returns the final size of every chain that has one.
func (s *Store) FinalSizes() map[uint32]uint64 {
	sizes := make(map[uint32]uint64)
	for number := range *s.chains.Load() {
		if cp := s.Final(number); cp != nil {
			sizes[number] = cp.Size
		}
	}
	return sizes
}

// Sign returns the author's checkpoint of the own chain's head: the one signed
// before if the chain has not grown since. A new one is signed after the guard
// names it on disk, and returned after it is stored. ErrNotSigning says that the
// node must not sign, ErrNotFound that the chain is empty.
func (s *Store) Sign(ctx context.Context, origin string, key ed25519.PrivateKey) (note []byte, size uint64, err error) {
	if err := s.life.enter(); err != nil {
		return nil, 0, err
	}
	defer s.life.leave()
	s.signMu.Lock()
	defer s.signMu.Unlock()
	if err := errors.Join(s.mayWrite(), ctx.Err()); err != nil {
		return nil, 0, fmt.Errorf("sign checkpoint: %w", err)
	}
	c, err := s.chain(s.cfg.Own)
	if err != nil {
		return nil, 0, err
	}
	head := *c.head.Load()
	if head.Size == 0 {
		return nil, 0, fmt.Errorf("sign checkpoint: the chain has no entries: %w", ErrNotFound)
	}
	if cp := s.Latest(c.number); cp != nil && cp.Size == head.Size {
		return cp.Note, cp.Size, nil
	}
	if err := s.guard.raiseOwn(Mark{c.number, head.Size, head.Root}); err != nil {
		return nil, 0, fmt.Errorf("sign checkpoint: %w", err)
	}
	note, err = ledger.SignCheckpoint(origin, head.Size, head.Root, key)
	if err != nil {
		return nil, 0, err
	}
	cp, err := s.Network().OpenCheckpoint(note)
	if err != nil || cp.Chain != c.number {
		return nil, 0, errors.Join(fmt.Errorf("sign checkpoint: origin or key is not that of chain %d", c.number), err)
	}
	if err := s.storeCheckpoint(c, cp); err != nil {
		return nil, 0, err
	}
	return note, head.Size, nil
}

// PutCheckpoint stores a checkpoint that [ledger.Network.OpenCheckpoint] or
// [ledger.Verifiers.Open] has verified: as the newest of the author if it is, and
// as the newest final one if it has a quorum; of two of one size the one with
// more cosigners stays. ErrBehind if its entries are not all stored yet,
// ErrConflict if they are and have another root; where that proves a fork, the
// evidence is stored too.
func (s *Store) PutCheckpoint(ctx context.Context, cp *ledger.Checkpoint) error {
	if err := s.life.enter(); err != nil {
		return err
	}
	defer s.life.leave()
	c, err := s.chain(cp.Chain)
	if err != nil {
		return err
	}
	if err := s.fits(c, cp); err != nil {
		return fmt.Errorf("checkpoint of chain %d at size %d: %w", cp.Chain, cp.Size, err)
	}
	return s.storeCheckpoint(c, cp)
}

// fits holds a verified checkpoint against the stored tree.
func (s *Store) fits(c *chainLog, cp *ledger.Checkpoint) error {
	root, err := s.storedRoot(c, cp.Size)
	if errors.Is(err, ErrBehind) {
		if c.number == s.cfg.Own {
			s.noteLost(cp)
		}
		return err
	}
	if err != nil {
		return err
	}
	if root == cp.Root {
		return nil
	}
	return s.contradicted(c, cp)
}

// noteLost handles a checkpoint under the own log key of entries that are not
// here: they were signed and have been lost. The guard is raised to it, so that
// nothing is signed or appended before they have been fetched again.
func (s *Store) noteLost(cp *ledger.Checkpoint) {
	if err := s.guard.raiseOwn(Mark{cp.Chain, cp.Size, cp.Root}); err != nil {
		s.cfg.Log.Error("raise guard", "err", err)
	}
	s.judge()
}

// contradicted handles a signed checkpoint that the stored tree contradicts.
func (s *Store) contradicted(c *chainLog, cp *ledger.Checkpoint) error {
	err := fmt.Errorf("%w: the stored entries have another root", ErrConflict)
	for _, held := range []*ledger.Checkpoint{s.Latest(c.number), s.Final(c.number)} {
		if held == nil || held.Size != cp.Size || held.Root == cp.Root {
			continue
		}
		e := &ledger.Evidence{A: held.Note, B: cp.Note}
		return errors.Join(fmt.Errorf("%w: %w", ErrForked, err), s.putEvidence(e))
	}
	if c.number != s.cfg.Own {
		return err
	}
	// There is no second note to prove it with, but somebody has signed with our
	// key what we do not have: this must survive a restart.
	put := s.update(func(w *writer) error {
		w.set(chainKey(prefixContradict, c.number), cp.Note)
		return nil
	})
	s.judge()
	return errors.Join(err, put)
}

// contradiction returns the stored note that contradicts the own chain, if any.
func (s *Store) contradiction() ([]byte, error) {
	note, err := s.get(chainKey(prefixContradict, s.cfg.Own))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return note, err
}

// better reports whether cp replaces old.
func better(cp, old *ledger.Checkpoint) bool {
	return old == nil || cp.Size > old.Size || cp.Size == old.Size && len(cp.Cosigners) > len(old.Cosigners)
}

// storeCheckpoint keeps a checkpoint that fits the stored tree.
func (s *Store) storeCheckpoint(c *chainLog, cp *ledger.Checkpoint) error {
	c.notes.Lock()
	defer c.notes.Unlock()
	newest := better(cp, s.Latest(c.number))
	final := cp.Final && better(cp, s.Final(c.number))
	if !newest && !final {
		return nil
	}
	var seen map[uint32]uint64
	if final {
		var err error
		if seen, err = s.seenBefore(c.number, cp.Size, slices.Sorted(maps.Keys(*s.chains.Load()))); err != nil {
			return err
		}
	}
	err := s.update(func(w *writer) error {
		if newest {
			w.set(chainKey(prefixLatest, c.number), cp.Note)
		}
		if final {
			w.set(chainKey(prefixFinal, c.number), cp.Note)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store checkpoint: %w", err)
	}
	c.mu.Lock()
	if newest {
		c.latest = cp
	}
	if final {
		c.final, c.finalSeen = cp, seen
	}
	c.mu.Unlock()
	s.watch.signal()
	return s.strictCheck()
}
