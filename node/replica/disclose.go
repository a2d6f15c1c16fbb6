package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node/wire"
)

// A span is a range of a chain that was fetched from a node other than its
// author. Disclosures for parties may be missing in it: the holder was not among
// them, while we may be. Those of the own chain, fetched back after a loss, lie
// scattered over the nodes of the parties.
type span struct {
	from, to uint64
	asked    map[uint32]bool // nodes that have given what they have
}

// noteSpan remembers where entries came from. It is forgotten when the node
// stops.
func (f *follower) noteSpan(holder uint32, from, to uint64) {
	if holder == f.chain {
		return
	}
	if n := len(f.spans); n > 0 && f.spans[n-1].to == from && (f.chain != f.replica.cfg.Number || f.spans[n-1].asked[holder]) {
		f.spans[n-1].to = to
		return
	}
	f.spans = append(f.spans, span{from: from, to: to, asked: map[uint32]bool{holder: true}})
}

// complete asks one node that may have more for the disclosures of one span. It
// returns whether it got on, and else how long to wait at most, given the wait
// that the follower has anyway.
func (f *follower) complete(ctx context.Context, wait time.Duration) (more bool, atMost time.Duration) {
	for i := range f.spans {
		sp := &f.spans[i]
		s := f.mayDisclose(sp)
		if s == nil {
			continue
		}
		if err := f.askDisclosures(ctx, s, sp); err != nil {
			if ctx.Err() == nil {
				f.replica.log.Debug("disclosures not completed", "chain", f.chain, "peer", s.number, "err", err)
				s.passOver(f.chain, time.Now().Add(max(failWait, blockFor(err))))
			}
			if wait == 0 || failWait < wait {
				wait = failWait
			}
			return false, wait
		}
		if f.chain != f.replica.cfg.Number { // only the author has all, and it has been asked
			f.spans = slices.Delete(f.spans, i, i+1)
		}
		return true, 0
	}
	return false, wait
}

// mayDisclose returns an admitted node that has not been asked about the span:
// the author, or for the own chain any that holds the range.
func (f *follower) mayDisclose(sp *span) *session {
	now := time.Now()
	for _, s := range f.replica.sessions() {
		s.mu.Lock()
		h := s.theirs[f.chain]
		ready := h != nil && h.size >= sp.to && now.After(h.passed)
		s.mu.Unlock()
		if ready && !sp.asked[s.number] && (f.chain == f.replica.cfg.Number || s.number == f.chain) {
			return s
		}
	}
	return nil
}

// askDisclosures gets the sidecars of a span and adds what is new in them.
func (f *follower) askDisclosures(ctx context.Context, s *session, sp *span) error {
	r := f.replica
	free, ok := r.slot(ctx, s)
	if !ok {
		return ctx.Err()
	}
	defer free()
	for from := sp.from; from < sp.to; {
		items, _, err := r.readRange(ctx, s, &wire.GetRange{
			Chain: f.chain, From: from, To: rangeEnd(from, sp.to), Size: sp.to, Disclosures: true,
		})
		if err != nil {
			return err
		}
		if len(items) == 0 {
			return errNotHeld
		}
		for i, it := range items {
			if err := f.addDisclosures(ctx, from+uint64(i), it.Sidecar); err != nil {
				return err
			}
		}
		from += uint64(len(items))
	}
	sp.asked[s.number] = true
	return nil
}

func (f *follower) addDisclosures(ctx context.Context, seq uint64, raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	sc, err := ledger.DecodeSidecar(raw)
	if err != nil {
		return fmt.Errorf("%w: sidecar: %w", errInvalid, err)
	}
	have, err := f.replica.cfg.Store.Sidecar(f.chain, seq)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	held, err := ledger.DecodeSidecar(have)
	if err != nil {
		return err
	}
	if len(held.Merge(sc).Disclosures) == len(held.Disclosures) {
		return nil
	}
	return f.replica.cfg.Store.AddDisclosures(ctx, f.chain, seq, sc)
}
