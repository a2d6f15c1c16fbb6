package replica

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"suyuan/node/protocol"
	"suyuan/node/wire"
)

// A session is one ctl stream: the peer's messages on their way to the core, and
// the core's on their way to the peer.
type session struct {
	*remote
	stream  network.Stream
	no      protocol.Stream
	batches chan []wire.Message // at most one is under way
	bye     chan string         // the last thing to say
	over    chan struct{}       // closed when the stream has ended
}

// acceptStream handles a ctl stream that a peer opened.
func (r *Replica) acceptStream(ctx context.Context, stream network.Stream) {
	r.mu.Lock()
	p := r.byID[stream.Conn().RemotePeer()]
	r.mu.Unlock()
	if p == nil {
		_ = stream.Reset()
		return
	}
	r.converse(ctx, stream, p, false)
}

// converse carries messages between a ctl stream and the core until it ends.
func (r *Replica) converse(ctx context.Context, stream network.Stream, p *remote, ours bool) {
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	defer stop()
	s := &session{
		remote: p, stream: stream,
		batches: make(chan []wire.Message, 1), bye: make(chan string, 1), over: make(chan struct{}),
	}
	r.mu.Lock()
	s.no = protocol.Stream(r.nextID())
	r.streams[s.no] = s
	r.mu.Unlock()
	r.post(ctx, protocol.Opened{Stream: s.no, Peer: p.number, Ours: ours})
	var writer sync.WaitGroup
	writer.Go(func() { r.write(ctx, s) })
	err := r.read(ctx, s)
	close(s.over)
	_ = stream.Reset()
	writer.Wait()
	r.mu.Lock()
	delete(r.streams, s.no)
	if p.beside != nil && (p.session == nil || p.session == s) {
		p.beside()
		p.beside = nil
	}
	r.mu.Unlock()
	r.post(ctx, protocol.Closed{Stream: s.no, Err: err})
}

// stream is the ctl stream of that number, nil if it has ended.
func (r *Replica) stream(no protocol.Stream) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.streams[no]
}

// read gives the peer's messages to the core until the stream ends. The core has
// a clock for peers that say nothing.
func (r *Replica) read(ctx context.Context, s *session) error {
	in := wire.Ctl.NewReader(s.stream)
	for {
		m, err := in.Next()
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		r.post(ctx, protocol.Received{Stream: s.no, Message: m})
	}
}

// write sends what the core says until the stream breaks.
func (r *Replica) write(ctx context.Context, s *session) {
	out := wire.Ctl.NewWriter(s.stream)
	for {
		select {
		case <-s.over:
			return
		case list := <-s.batches:
			if err := s.send(out, list); err != nil {
				_ = s.stream.Reset() // the reader sees it
				return
			}
			r.post(ctx, protocol.Sent{Stream: s.no})
		case reason := <-s.bye:
			s.part(out, reason)
			return
		}
	}
}

func (s *session) send(out *wire.Writer, list []wire.Message) error {
	for _, m := range list {
		_ = s.stream.SetWriteDeadline(time.Now().Add(frameTimeout))
		if err := out.Write(m); err != nil {
			return err
		}
	}
	return out.Flush()
}

// hangUp ends a stream, with a reason or at once.
func (s *session) hangUp(reason string) {
	if reason == "" {
		_ = s.stream.Reset()
		return
	}
	select {
	case s.bye <- reason:
	default: // it has been said
	}
}

// part says BYE and gives the peer a moment to read it and to end the stream
// itself: a reset would throw away what is still on its way.
func (s *session) part(out *wire.Writer, reason string) {
	defer func() { _ = s.stream.Reset() }()
	_ = s.stream.SetWriteDeadline(time.Now().Add(closeTimeout))
	if out.Send(&wire.Bye{Reason: reason}) != nil || s.stream.CloseWrite() != nil {
		return
	}
	patience := time.NewTimer(closeTimeout)
	defer patience.Stop()
	select {
	case <-s.over:
	case <-patience.C:
	}
}

// admit makes a stream the session with its peer, whose requests are served from
// here on. What goes on beside a session does not mind if another stream takes
// its place.
func (r *Replica) admit(ctx context.Context, a protocol.Admit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.streams[a.Stream]
	if s == nil {
		return // it has ended, and the core will hear of it
	}
	s.remote.session = s
	r.sessionsChanged()
	if s.remote.beside == nil {
		during, end := context.WithCancel(ctx)
		s.remote.beside = end
		r.spawn(func() { r.followScans(during, s) })
	}
}

// dismiss ends a session; its stream ends by itself.
func (r *Replica) dismiss(a protocol.Dismiss) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.remotes[a.Peer]
	if p == nil || p.session == nil || p.session.no != a.Stream {
		return
	}
	p.session = nil
	r.sessionsChanged()
}

// sessionsChanged wakes who waits for sessions to begin or end. r.mu is held.
func (r *Replica) sessionsChanged() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// sessions returns the admitted peers.
func (r *Replica) sessions() []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*session, 0, len(r.remotes))
	for _, p := range r.remotes {
		if p.session != nil {
			list = append(list, p.session)
		}
	}
	return list
}

// sessionOf returns the session with a node, or nil.
func (r *Replica) sessionOf(number uint32) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.remotes[number]; p != nil {
		return p.session
	}
	return nil
}

// admitted returns the session with the peer of a stream. A client may be
// admitted a moment before its server knows: the two HELLOs cross.
func (r *Replica) admitted(ctx context.Context, stream network.Stream) *session {
	ctx, cancel := context.WithTimeout(ctx, admitTimeout)
	defer cancel()
	for {
		r.mu.Lock()
		p, changed := r.byID[stream.Conn().RemotePeer()], r.changed
		var s *session
		if p != nil {
			s = p.session
		}
		r.mu.Unlock()
		if s != nil || p == nil {
			return s
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
