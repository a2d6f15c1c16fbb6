package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/time/rate"

	"suyuan/ledger"
	"suyuan/node/wire"
)

// A session is one admitted peer: its ctl stream and what it has told us.
type session struct {
	*remote
	stream   network.Stream
	ours     bool // we opened the stream
	instance uint64
	since    time.Time
	out      *outbox
	over     chan struct{} // closed when the session ends

	requests  *rate.Limiter // what the peer may ask of us
	traffic   *rate.Limiter
	cosigning sync.Mutex    // held while a proposal of the peer is answered
	serving   chan struct{} // a token per request of the peer being served from the disk

	mu      sync.Mutex // guards what follows
	rtt     time.Duration
	pinged  time.Time
	token   uint64
	theirs  map[uint32]*holding
	told    map[uint32]wire.Holding // what we told last, to tell nothing twice
	fetches int                     // requests of ours under way
}

// A holding is what a peer says it has stored of one chain.
type holding struct {
	size      uint64
	finalSize uint64
	signed    []byte // notes not yet looked at, or ahead of what we have stored
	final     []byte
	passed    time.Time // the peer is not asked for this chain before
}

var (
	errReplaced = errors.New("replaced by another stream")
	errSilent   = errors.New("nothing heard for too long")

	// What a peer says in its BYE follows.
	errTurnedAway = errors.New("refused by peer")
	errLeft       = errors.New("closed by peer")
)

// talk runs one ctl stream from HELLO to its end.
func (r *Replica) talk(ctx context.Context, stream network.Stream, p *remote, ours bool) error {
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	defer stop()
	defer func() { _ = stream.Reset() }()
	in, out := wire.Ctl.NewReader(stream), wire.Ctl.NewWriter(stream)
	hello, err := r.greet(stream, in, out, p)
	if err != nil {
		return err
	}
	s := &session{
		remote: p, stream: stream, ours: ours, instance: hello.Instance, since: r.now(), out: newOutbox(),
		over: make(chan struct{}), serving: make(chan struct{}, maxFetchesPerPeer),
		requests: rate.NewLimiter(requestsPerSecond, requestBurst),
		traffic:  rate.NewLimiter(bytesPerSecond, bytesBurst),
		theirs:   make(map[uint32]*holding), told: make(map[uint32]wire.Holding),
	}
	if err := r.admit(s); err != nil {
		r.sayBye(stream, out, err.Error())
		return err
	}
	r.welcome(s, hello)
	var beside sync.WaitGroup
	beside.Go(func() { r.write(s, out) })
	during, end := context.WithCancel(ctx)
	beside.Go(func() { r.followScans(during, s) })
	err = r.read(ctx, s, in)
	end()
	r.dismiss(s)
	_ = stream.Reset()
	beside.Wait()
	return err
}

// greet exchanges HELLO. A peer that does not fit is told why.
func (r *Replica) greet(stream network.Stream, in *wire.Reader, out *wire.Writer, p *remote) (*wire.Hello, error) {
	_ = stream.SetDeadline(time.Now().Add(helloTimeout))
	newest := r.cfg.Store.Network().Newest()
	if err := out.Send(&wire.Hello{
		Version: wire.Version, Network: r.network, Number: r.cfg.Number,
		Charter: newest.Charter.Version, CharterHash: newest.Hash, Instance: r.instance,
	}); err != nil {
		return nil, fmt.Errorf("send hello: %w", err)
	}
	m, err := in.Next()
	if err != nil {
		return nil, fmt.Errorf("receive hello: %w", err)
	}
	if bye, ok := m.(*wire.Bye); ok {
		return nil, fmt.Errorf("%w: %q", errTurnedAway, bye.Reason)
	}
	hello, ok := m.(*wire.Hello)
	if !ok {
		return nil, fmt.Errorf("%w: message type %d before hello", wire.ErrFrame, m.Type())
	}
	if err := r.checkHello(hello, p); err != nil {
		r.sayBye(stream, out, err.Error())
		return nil, err
	}
	return hello, nil
}

func (r *Replica) checkHello(h *wire.Hello, p *remote) error {
	switch {
	case h.Version != wire.Version:
		return fmt.Errorf("%w: protocol version %d, not %d", ErrRefused, h.Version, wire.Version)
	case h.Network != r.network:
		return fmt.Errorf("%w: of network %s, not %s", ErrRefused, h.Network, r.network)
	case h.Number != p.number:
		return fmt.Errorf("%w: the charter gives its key to node %d, not %d", ErrRefused, p.number, h.Number)
	}
	if v := r.cfg.Store.Network().Version(h.Charter); v != nil && v.Hash != h.CharterHash {
		return fmt.Errorf("%w: it has another charter version %d", ErrRefused, h.Charter)
	}
	return nil
}

// sayBye tells the peer why, and gives it a moment to read that: a reset would
// throw away what is still on its way.
func (r *Replica) sayBye(stream network.Stream, out *wire.Writer, reason string) {
	_ = stream.SetDeadline(time.Now().Add(closeTimeout))
	reason = reason[:min(len(reason), wire.MaxReason)]
	if out.Send(&wire.Bye{Reason: reason}) == nil && stream.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(stream, wire.MaxCtl))
	}
}

// welcome queues what a newly admitted peer has to know.
func (r *Replica) welcome(s *session, hello *wire.Hello) {
	newest := r.cfg.Store.Network().Newest()
	switch {
	case hello.Charter < newest.Charter.Version:
		s.out.sendCharter(&wire.Charter{Version: newest.Charter.Version, Hash: newest.Hash})
	case hello.Charter > newest.Charter.Version:
		r.wantCharter(hello.Charter)
	}
	r.tellAddrs(s)
	r.tellEvidence(s)
	r.tell(s, r.chains(), true)
	s.out.sendPing(s.startPing(time.Now()))
}

// write sends what the outbox holds until the stream breaks.
func (r *Replica) write(s *session, out *wire.Writer) {
	ping := time.NewTicker(r.iv.Ping)
	defer ping.Stop()
	for {
		select {
		case <-s.over:
			return
		case now := <-ping.C:
			s.out.sendPing(s.startPing(now))
			continue
		case <-s.out.ready:
		}
		for _, m := range s.out.take() {
			_ = s.stream.SetWriteDeadline(time.Now().Add(frameTimeout))
			if err := out.Write(m); err != nil {
				_ = s.stream.Reset() // the reader sees it and ends the session
				return
			}
			if m.Type() == wire.TypeBye {
				r.part(s, out)
				return
			}
		}
		if err := out.Flush(); err != nil {
			_ = s.stream.Reset()
			return
		}
	}
}

// part ends a session after BYE: the peer has a moment to read it and to end the
// stream itself.
func (r *Replica) part(s *session, out *wire.Writer) {
	_ = out.Flush()
	_ = s.stream.CloseWrite()
	patience := time.NewTimer(closeTimeout)
	defer patience.Stop()
	select {
	case <-s.over:
	case <-patience.C:
		_ = s.stream.Reset()
	}
}

// read handles the peer's messages until the stream ends.
func (r *Replica) read(ctx context.Context, s *session, in *wire.Reader) error {
	for {
		_ = s.stream.SetReadDeadline(time.Now().Add(r.iv.Dead))
		m, err := in.Next()
		if err != nil {
			if isTimeout(err) {
				return errSilent
			}
			return fmt.Errorf("receive: %w", err)
		}
		if err := r.handle(ctx, s, m); err != nil {
			return err
		}
	}
}

func (r *Replica) handle(ctx context.Context, s *session, m wire.Message) error {
	switch m := m.(type) {
	case *wire.Have:
		r.heard(s, m.Chains)
	case *wire.Addr:
		r.moved(m)
	case *wire.Charter:
		r.heardCharter(s, m)
	case *wire.Alert:
		return r.accused(ctx, s, m)
	case *wire.Ping:
		if m.Answer {
			s.endPing(m.Token, time.Now())
		} else {
			s.out.sendPong(m.Token)
		}
	case *wire.Bye:
		return fmt.Errorf("%w: %q", errLeft, m.Reason)
	default:
		return fmt.Errorf("%w: message type %d within a session", wire.ErrFrame, m.Type())
	}
	return nil
}

// heard takes over what a peer has stored and wakes the followers concerned.
func (r *Replica) heard(s *session, list []wire.Holding) {
	s.mu.Lock()
	for _, h := range list {
		old := s.theirs[h.Chain]
		if old == nil {
			if len(s.theirs) == ledger.MaxNodes {
				continue // no charter has so many chains
			}
			old = &holding{}
			s.theirs[h.Chain] = old
		}
		old.size = h.Size
		if len(h.Signed) > 0 {
			old.signed = h.Signed
		}
		if len(h.Final) > 0 {
			old.final = h.Final
			_, old.finalSize, _ = ledger.PeekCheckpoint(h.Final)
		}
	}
	s.mu.Unlock()
	for _, h := range list {
		r.wakeFollower(h.Chain)
	}
}

// accused stores evidence against the author of a chain; its announcement to
// all others follows from the store's change.
func (r *Replica) accused(ctx context.Context, s *session, m *wire.Alert) error {
	e := (*ledger.Evidence)(m)
	chain, err := e.Open(r.cfg.Store.Network())
	if err != nil {
		return fmt.Errorf("evidence does not verify: %w", err)
	}
	if r.cfg.Store.Forked(chain) {
		return nil
	}
	r.log.Error("fork proven", "chain", chain, "peer", s.number)
	if err := r.cfg.Store.PutEvidence(ctx, e); err != nil {
		r.log.Error("evidence not stored", "chain", chain, "err", err)
	}
	return nil
}

func (s *session) startPing(now time.Time) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token++
	s.pinged = now
	return s.token
}

func (s *session) endPing(token uint64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token == s.token && !s.pinged.IsZero() {
		s.rtt, s.pinged = now.Sub(s.pinged), time.Time{}
	}
}

// tell puts what we hold of chains into a peer's outbox: what it has not been
// told and, as far as we know, lacks; or all of it if full.
func (r *Replica) tell(s *session, chains []uint32, full bool) {
	var list []wire.Holding
	for _, chain := range chains {
		h := r.holding(chain)
		if h.Size == 0 {
			continue
		}
		s.mu.Lock()
		told, theirs := s.told[chain], s.theirs[chain]
		news := !sameHolding(told, h) && (chain == r.cfg.Number || theirs == nil || theirs.lacks(&h))
		if full || news {
			s.told[chain] = h
			list = append(list, h)
		}
		s.mu.Unlock()
	}
	s.out.have(list...)
}

// holding is what we announce of a chain.
func (r *Replica) holding(chain uint32) wire.Holding {
	h := wire.Holding{Chain: chain, Size: r.cfg.Store.Size(chain)}
	var finalSize uint64
	if cp := r.cfg.Store.Final(chain); cp != nil {
		h.Final, finalSize = cp.Note, cp.Size
	}
	if cp := r.cfg.Store.Latest(chain); cp != nil && cp.Size > finalSize {
		h.Signed = cp.Note
	}
	return h
}

func sameHolding(a, b wire.Holding) bool {
	return a.Size == b.Size && bytes.Equal(a.Signed, b.Signed) && bytes.Equal(a.Final, b.Final)
}

// lacks reports whether the peer's holding is older than h, by its own word.
func (t *holding) lacks(h *wire.Holding) bool {
	_, final, _ := ledger.PeekCheckpoint(h.Final)
	return h.Size > t.size || final > t.finalSize
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
