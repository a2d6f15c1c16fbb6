package replica

import (
	"context"
	"errors"
	"fmt"
	"time"

	"suyuan/node/wire"
)

// Scans is what a node knows of scans. Its methods are safe for concurrent use.
// What it has nothing to say to it answers with an error wrapping [ErrNoScans].
type Scans interface {
	// Changes returns what this node counted that changed after a position of its
	// journal, at most wire.MaxScans counts; nil if there is nothing more.
	Changes(journal, after uint64) (*wire.Scans, error)

	// Cursor says how far the counts of another node have been taken over.
	Cursor(node uint32) (journal, after uint64, err error)

	// Merge takes over what another node counted, durably. An error wrapping
	// [ErrScans] says that the node is to blame.
	Merge(node uint32, s *wire.Scans) error
}

var (
	// ErrNoScans is returned where scans are not counted.
	ErrNoScans = errors.New("scans are not counted here")
	// ErrScans is wrapped by errors about what another node said of scans.
	ErrScans = errors.New("impossible scans")
)

// followScans takes over what a peer counted, when its session begins and then
// every Intervals.Scans, until ctx ends with the session.
func (r *Replica) followScans(ctx context.Context, s *session) {
	if r.cfg.Scans == nil {
		return
	}
	for ctx.Err() == nil {
		if wait := r.claimScans(s); wait > 0 {
			// Not longer: the round of a session before this one may turn out broken.
			sleep(ctx, min(wait, scansRetry))
			continue
		}
		err := r.takeScans(ctx, s)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			r.retryScans(s) // the next session goes on
		case errors.Is(err, errInvalid):
			r.postponeScans(s, blockTime)
			r.log.Warn("scans of a peer refused", "peer", s.number, "err", err)
		default:
			r.retryScans(s)
			r.log.Debug("scans not taken over", "peer", s.number, "err", err)
		}
	}
}

// claimScans returns how long to wait for the next round with a peer, or 0 and
// books it: sessions that follow each other get no more rounds than one.
func (r *Replica) claimScans(s *session) (wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if wait := s.remote.scans.Sub(now); wait > 0 {
		return wait
	}
	s.remote.scans = now.Add(jitter(r.iv.Scans))
	return 0
}

func (r *Replica) postponeScans(s *session, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.remote.scans = time.Now().Add(max(d, r.iv.Scans))
}

// retryScans has a round that a broken line has ended begin again soon.
func (r *Replica) retryScans(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.remote.scans = time.Now().Add(jitter(min(scansRetry, r.iv.Scans)))
}

// takeScans asks a peer until it has nothing more, or for so long as one round
// may take: the rest is for the next.
func (r *Replica) takeScans(ctx context.Context, s *session) error {
	for asked, deferred := 0, 0; asked < maxScanRequests && deferred < maxScanRequests; {
		more, err := r.askScans(ctx, s)
		var busy *busyError
		if errors.As(err, &busy) {
			deferred++
			if !sleep(ctx, max(busy.wait, busyWait)) {
				return ctx.Err()
			}
			continue
		}
		if err != nil || !more {
			return err
		}
		asked++
	}
	return nil
}

// askScans makes one request and reports whether something came.
func (r *Replica) askScans(ctx context.Context, s *session) (more bool, err error) {
	journal, after, err := r.cfg.Scans.Cursor(s.number)
	if err != nil {
		return false, err
	}
	free, ok := r.slot(ctx)
	if !ok {
		return false, ctx.Err()
	}
	defer free()
	ctx, cancel := context.WithTimeout(ctx, scansTimeout)
	defer cancel()
	q, err := r.ask(ctx, s, wire.Fetch, &wire.GetScans{Journal: journal, After: after})
	if err != nil {
		return false, err
	}
	defer q.abort()
	for range maxScanFrames + 1 {
		m, err := q.next()
		if err != nil {
			return more, err
		}
		switch m := m.(type) {
		case *wire.Scans:
			if m.Journal == journal && m.Next <= after {
				return more, fmt.Errorf("%w: scans that do not go on", errInvalid)
			}
			if err := r.mergeScans(s, m); err != nil {
				return more, err
			}
			journal, after, more = m.Journal, m.Next, true
		case *wire.End:
			q.close()
			if m.Status == wire.StatusNotFound {
				return false, nil // it counts none
			}
			return more, statusError(m)
		default:
			return more, unexpected(m)
		}
	}
	return more, fmt.Errorf("%w: more scans than one answer has", errInvalid)
}

func (r *Replica) mergeScans(s *session, m *wire.Scans) error {
	err := r.cfg.Scans.Merge(s.number, m)
	if errors.Is(err, ErrScans) {
		return fmt.Errorf("%w: %w", errInvalid, err)
	}
	return err
}

// answerScans sends what this node counted. Members alone are admitted, and all
// of them may know.
func (r *Replica) answerScans(q *wire.GetScans, a *answer) (*wire.End, error) {
	missing := &wire.End{Status: wire.StatusNotFound}
	if r.cfg.Scans == nil {
		return missing, nil
	}
	journal, after := q.Journal, q.After
	for range maxScanFrames {
		m, err := r.cfg.Scans.Changes(journal, after)
		if errors.Is(err, ErrNoScans) {
			return missing, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read scans: %w", err)
		}
		if m == nil {
			break
		}
		if err := a.write(m, len(m.Counts)*scanBytes); err != nil {
			return nil, fmt.Errorf("send: %w", err)
		}
		journal, after = m.Journal, m.Next
	}
	return &wire.End{}, nil
}
