package store

import (
	"context"
	"errors"
	"fmt"

	"suyuan/ledger"
)

func readEvidence(view viewer, chain uint32) (*ledger.Evidence, error) {
	raw, err := getValue(view, chainKey(prefixEvidence, chain))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ledger.DecodeEvidence(raw)
}

// evidenceOf is the evidence that the charter carries which has ended a chain, nil if
// it carries none. Whoever holds the charter holds it, too.
func evidenceOf(net *ledger.Network, chain uint32) *ledger.Evidence {
	end := net.Ended(chain)
	if end == nil || len(end.Evidence) == 0 {
		return nil
	}
	e, err := ledger.DecodeEvidence(end.Evidence)
	if err != nil {
		return nil // a charter that is held has been verified with it
	}
	return e
}

// PutEvidence verifies and stores evidence of a fork. It stops cosigning on that
// chain for good; if the chain is the own one, it stops everything. Evidence
// against a chain that has some already is accepted and not kept.
func (s *Store) PutEvidence(ctx context.Context, e *ledger.Evidence) error {
	if err := s.life.enter(); err != nil {
		return err
	}
	defer s.life.leave()
	return s.putEvidence(e)
}

func (s *Store) putEvidence(e *ledger.Evidence) error {
	number, err := e.Open(s.Network())
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	c, err := s.chain(number)
	if err != nil {
		return err
	}
	c.notes.Lock()
	defer c.notes.Unlock()
	if s.Forked(number) {
		return nil
	}
	err = s.update(func(w *writer) error {
		w.cbor(chainKey(prefixEvidence, number), e)
		return nil
	})
	if err != nil {
		return fmt.Errorf("store evidence: %w", err)
	}
	c.mu.Lock()
	c.evidence = e
	c.mu.Unlock()
	s.cfg.Log.Warn("fork proven", "chain", number)
	if number == s.cfg.Own {
		s.judge()
	}
	s.watch.signal()
	return nil
}

// charge has a chain known for forked by evidence that is stored elsewhere, if there
// is any.
func (c *chainLog) charge(e *ledger.Evidence) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.evidence == nil {
		c.evidence = e
	}
}

// Evidence returns the evidence held against the author of a chain, nil if there
// is none. It must not be changed.
func (s *Store) Evidence(chain uint32) *ledger.Evidence {
	c, err := s.chain(chain)
	if err != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.evidence
}

// Forked reports whether there is evidence against the author of a chain.
func (s *Store) Forked(chain uint32) bool { return s.Evidence(chain) != nil }
