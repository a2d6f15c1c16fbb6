package replica

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"suyuan/node/protocol"
	"suyuan/node/wire"
)

// propose asks one witness for its cosignature and verifies it.
func (r *Replica) propose(ctx context.Context, a protocol.Propose) protocol.Event {
	e := protocol.Answered{Task: a.Task}
	m, err := r.askWitness(ctx, a)
	if err != nil {
		e.Err = err
		return e
	}
	switch m := m.(type) {
	case *wire.Cosigned:
		if e.Err = r.keeper.CheckLine(a.Note, a.Member, m.Line); e.Err == nil {
			e.Line = m.Line
		} else {
			r.log.Warn("cosignature not taken", "member", a.Member, "size", a.Size, "err", e.Err)
		}
	case *wire.Refused:
		e.Refused = m
	default:
		e.Err = unexpected(m)
	}
	return e
}

func (r *Replica) askWitness(ctx context.Context, a protocol.Propose) (wire.Message, error) {
	s, err := r.sessionFor(a.Peer)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout+requestTimeout)
	defer cancel()
	q, err := r.ask(ctx, s, wire.Cosign, &wire.Propose{Note: a.Note})
	if err != nil {
		return nil, err
	}
	defer q.abort()
	m, err := q.next()
	if err == nil {
		q.close()
	}
	return m, err
}

// answerProposal handles one stream of cosign, on the witness's side.
func (r *Replica) answerProposal(ctx context.Context, stream network.Stream) {
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	defer stop()
	s, m, err := r.receive(ctx, stream, wire.Cosign)
	if err == nil {
		a := newAnswer(stream, wire.Cosign)
		a.began = time.Now().Add(r.iv.Wait) // the answer may take that long
		switch p, ok := m.(*wire.Propose); {
		case !ok:
			err = unexpected(m)
		case !r.shareOf(s.member).proposals.Allow():
			err = a.finish(&wire.Refused{Reason: wire.ReasonBusy})
		default:
			err = r.consider(ctx, s, p.Note, a)
		}
	}
	if err != nil {
		_ = stream.Reset()
		r.log.Debug("proposal not answered", "peer", stream.Conn().RemotePeer(), "err", err)
	}
}

// consider lets the core decide about one proposal and sends its answer.
func (r *Replica) consider(ctx context.Context, s *session, note []byte, a *answer) error {
	e := protocol.Proposal{Peer: s.number, Note: note}
	if cp, err := r.cfg.Store.Network().OpenCheckpoint(note); err == nil {
		e.Chain, e.Size = cp.Chain, cp.Size
	}
	reply := make(chan wire.Message, 1)
	r.mu.Lock()
	e.Request = r.nextID()
	r.proposals[e.Request] = reply
	r.mu.Unlock()
	r.post(ctx, e)
	select {
	case m := <-reply:
		return a.finish(m)
	case <-ctx.Done():
		return fmt.Errorf("no answer: %w", ctx.Err())
	}
}
