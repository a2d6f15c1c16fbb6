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
		{prefixFinal, &c.final, func(raw []byte) (*ledger.Checkpoint, error) { return openFinal(net, c.fold, raw) }},
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
	if c.evidence, err = readEvidence(s.view, c.number); err == nil && c.evidence == nil {
		c.evidence = evidenceOf(net, c.number)
	}
	return err
}

// openFinal opens a stored quorum checkpoint under the charters in force at its
// size.
func openFinal(net *ledger.Network, fold *ledger.Chain, raw []byte) (*ledger.Checkpoint, error) {
	cp, err := net.OpenCheckpoint(raw)
	if err != nil {
		return nil, err
	}
	cp, err = counted(net, fold, cp)
	if err == nil && !cp.Final {
		err = errors.New("the stored quorum checkpoint has no quorum under the charters in force at its size")
	}
	return cp, err
}

// counted returns a checkpoint with its cosigners counted under the charters in
// force at its size, which the folded state covers.
func counted(net *ledger.Network, fold *ledger.Chain, cp *ledger.Checkpoint) (*ledger.Checkpoint, error) {
	in := fold.InForce(cp.Size)
	if in.To == 0 || len(net.Versions()) == 1 {
		return cp, nil // there is one way to count
	}
	return net.OpenCheckpointAt(cp.Note, in)
}

// folded returns the state that readers of a chain see. It must not be changed.
func (c *chainLog) folded() *ledger.Chain {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fold
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
// before if the chain has not grown since. Where a charter entry stands that no
// final checkpoint covers, it is that of the entries up to there: it must be final
// before anything beyond it is signed. A new one is signed after the guard
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
	size, root, err := s.toSign(c)
	if err != nil {
		return nil, 0, fmt.Errorf("sign checkpoint: %w", err)
	}
	if cp := s.Latest(c.number); cp != nil && cp.Size >= size {
		return cp.Note, cp.Size, nil
	}
	if err := s.guard.raiseOwn(Mark{c.number, size, root}); err != nil {
		return nil, 0, fmt.Errorf("sign checkpoint: %w", err)
	}
	note, err = ledger.SignCheckpoint(origin, size, root, key)
	if err != nil {
		return nil, 0, err
	}
	cp, err := s.Network().OpenCheckpoint(note)
	if err != nil || cp.Chain != c.number {
		return nil, 0, errors.Join(fmt.Errorf("sign checkpoint: origin or key is not that of chain %d", c.number), err)
	}
	if cp, err = counted(s.Network(), c.folded(), cp); err != nil {
		return nil, 0, err
	}
	if err := s.storeCheckpoint(c, cp); err != nil {
		return nil, 0, err
	}
	return note, size, nil
}

// toSign is what the next checkpoint of the own chain covers: everything, or what
// leads to the next charter entry if no final checkpoint covers that yet.
func (s *Store) toSign(c *chainLog) (size uint64, root ledger.Hash, err error) {
	head := *c.head.Load()
	if head.Size == 0 {
		return 0, root, fmt.Errorf("the chain has no entries: %w", ErrNotFound)
	}
	final := uint64(0)
	if cp := s.Final(c.number); cp != nil {
		final = cp.Size
	}
	crossing, ok := c.folded().Crossing(final)
	if !ok || crossing >= head.Size {
		return head.Size, head.Root, nil
	}
	root, err = s.tileSource(c.number).RootAt(crossing)
	return crossing, root, err
}

// SigningVerifiers returns what decides about the checkpoint that Sign returns
// next: whose cosignatures it needs. It is the same value until that changes.
func (s *Store) SigningVerifiers() (*ledger.Verifiers, error) {
	if err := s.life.enter(); err != nil {
		return nil, err
	}
	defer s.life.leave()
	c, err := s.chain(s.cfg.Own)
	if err != nil {
		return nil, err
	}
	size, _, err := s.toSign(c)
	if errors.Is(err, ErrNotFound) {
		return s.Network().Newest().Verifiers, nil
	}
	if err != nil {
		return nil, err
	}
	in := c.folded().InForce(size)
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	if s.signing == nil || s.signingIn != in {
		if s.signing, err = s.Network().Verifiers(in); err != nil {
			return nil, err
		}
		s.signingIn = in
	}
	return s.signing, nil
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
		if errors.Is(err, ErrBehind) || errors.Is(err, ErrConflict) {
			c.overrule(s.Network(), cp)
		}
		return fmt.Errorf("checkpoint of chain %d at size %d: %w", cp.Chain, cp.Size, err)
	}
	if c.number == s.cfg.Own {
		s.noteFound(cp)
	}
	if cp, err = counted(s.Network(), c.folded(), cp); err != nil {
		return fmt.Errorf("checkpoint of chain %d: %w", c.number, err)
	}
	return s.storeCheckpoint(c, cp)
}

// fits holds a verified checkpoint against the stored tree.
func (s *Store) fits(c *chainLog, cp *ledger.Checkpoint) error {
	root, err := s.storedRoot(c, cp.Size)
	switch {
	case errors.Is(err, ErrBehind) && c.number == s.cfg.Own:
		return s.noteLost(c, cp, err)
	case err != nil:
		return err
	case root == cp.Root:
		return nil
	}
	return s.contradicted(c, cp)
}

// noteLost handles a checkpoint under the own log key of entries that are not
// here: see the package comment. Once it is proven that the key has signed two
// histories, one that is longer says nothing any more.
//
// The chain may have grown beyond it since somebody looked, and have been signed
// there. Signing raises the own mark after its entries are stored, and a claim
// refuses that: so either the claim is noted first, and nothing more is signed
// before it is settled, or the entries are here by now, and can be compared.
func (s *Store) noteLost(c *chainLog, cp *ledger.Checkpoint, behind error) error {
	if s.Forked(cp.Chain) {
		return behind
	}
	if err := s.guard.claim(Mark{cp.Chain, cp.Size, cp.Root}); err != nil && s.guard.lostBecause() == nil {
		s.cfg.Log.Error("raise guard", "err", err)
	}
	s.judge()
	if c.head.Load().Size >= cp.Size {
		return s.fits(c, cp)
	}
	return behind
}

// noteFound has the guard cover a checkpoint under the own log key whose entries
// are here. Sign sees to that; but this may be one of before a loss. A guard that
// is not the right one stays what it is.
func (s *Store) noteFound(cp *ledger.Checkpoint) {
	if m, ok := s.guard.ownMark(); ok && m.Size >= cp.Size || s.mayWrite() != nil {
		return
	}
	if err := s.guard.raiseOwn(Mark{cp.Chain, cp.Size, cp.Root}); err != nil {
		s.cfg.Log.Warn("raise guard", "err", err)
	}
}

// settle makes a claim the own mark when the entries up to there have come back, if
// they are a continuation of what this machine has signed itself. If they are not,
// the claim stays, and with it the refusal to sign.
func (s *Store) settle() {
	m, ok := s.guard.claimedMark()
	if !ok || !s.contains(m) {
		return
	}
	if own, ok := s.guard.ownMark(); ok && !s.contains(own) {
		return
	}
	if err := s.guard.settle(m); err != nil {
		s.cfg.Log.Error("raise guard", "err", err)
	}
}

// contains reports whether the stored entries begin with what a mark names.
func (s *Store) contains(m Mark) bool {
	root, err := s.rootAt(m.Chain, m.Size)
	return err == nil && root == m.Root
}

// contradicted handles a signed checkpoint that the stored tree contradicts.
func (s *Store) contradicted(c *chainLog, cp *ledger.Checkpoint) error {
	err := fmt.Errorf("%w: the stored entries have another root", ErrConflict)
	for _, held := range []*ledger.Checkpoint{s.Latest(c.number), s.Final(c.number)} {
		if held == nil || held.Size < cp.Size {
			continue
		}
		e, bad := ledger.MakeEvidence(s.Network(), held, cp, s.tileSource(c.number))
		if bad != nil {
			s.cfg.Log.Error("evidence not made", "chain", c.number, "err", bad)
			continue
		}
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
