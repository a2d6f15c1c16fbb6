package replica

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/time/rate"

	"suyuan/node/wire"
)

// A Claims checks second codes of this node's runs for other nodes, whose users
// have typed them in. from is the chain of the asking node. It must not log the
// second code.
type Claims func(ctx context.Context, from uint32, c *wire.Claim) *wire.Claimed

// askers bounds what each node may ask, and what is asked of each at one time.
type askers struct {
	mu    sync.Mutex // guards of and slots
	of    map[uint32]*rate.Limiter
	slots map[uint32]chan struct{} // a token per claim under way, by the node asked
}

// slot waits until a claim may be asked of a node; free gives the slot back.
func (a *askers) slot(ctx context.Context, number uint32) (free func(), err error) {
	a.mu.Lock()
	if a.slots == nil {
		a.slots = make(map[uint32]chan struct{})
	}
	slots := a.slots[number]
	if slots == nil {
		slots = make(chan struct{}, maxAsksPerPeer)
		a.slots[number] = slots
	}
	a.mu.Unlock()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// allow counts one question of a node and reports whether it is within its rate.
func (a *askers) allow(number uint32, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = make(map[uint32]*rate.Limiter)
	}
	l := a.of[number]
	if l == nil {
		l = rate.NewLimiter(claimsPerSecond, claimsBurst)
		a.of[number] = l
	}
	return l.AllowN(now, 1)
}

// Claim asks the node that writes a chain about a second code. The error wraps
// ErrNoHolder if that node is not connected; whatever it is, asking again with
// the same token does no harm.
func (r *Replica) Claim(ctx context.Context, chain uint32, c *wire.Claim) (*wire.Claimed, error) {
	s := r.sessionOf(chain)
	if s == nil {
		return nil, fmt.Errorf("%w: node %d is not connected", ErrNoHolder, chain)
	}
	free, err := r.askers.slot(ctx, chain)
	if err != nil {
		return nil, err
	}
	defer free()
	q, err := r.ask(ctx, s, wire.Ask, c)
	if err != nil {
		return nil, err
	}
	defer q.abort()
	m, err := q.next()
	if err != nil {
		return nil, err
	}
	claimed, ok := m.(*wire.Claimed)
	if !ok {
		return nil, unexpected(m)
	}
	q.close()
	return claimed, nil
}

// answerAsk handles one stream of ask.
func (r *Replica) answerAsk(ctx context.Context, stream network.Stream) {
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	defer stop()
	s, m, err := r.receive(ctx, stream, wire.Ask)
	if err == nil {
		err = r.answerClaim(ctx, s, m, newAnswer(stream, wire.Ask))
	}
	if err != nil {
		_ = stream.Reset()
		r.log.Debug("claim not answered", "peer", stream.Conn().RemotePeer(), "err", err)
	}
}

var errNoClaim = errors.New("a question that is no claim")

func (r *Replica) answerClaim(ctx context.Context, s *session, m wire.Message, a *answer) error {
	c, ok := m.(*wire.Claim)
	if !ok {
		return errNoClaim
	}
	if !r.askers.allow(s.number, time.Now()) {
		return a.finish(&wire.Claimed{Outcome: wire.OutcomeUnable, Wait: uint32(busyWait.Milliseconds())})
	}
	if r.cfg.Claims == nil {
		return a.finish(&wire.Claimed{Outcome: wire.OutcomeAlien})
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout-busyWait)
	defer cancel()
	return a.finish(r.cfg.Claims(ctx, s.number, c))
}
