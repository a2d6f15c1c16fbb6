package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node/protocol"
	"suyuan/node/wire"
)

// errInvalid is wrapped when a holder sent what it should not have: it, and
// nobody else, is to blame.
var errInvalid = errors.New("invalid answer")

// A busyError is BUSY: ask again later.
type busyError struct{ wait time.Duration }

func (e *busyError) Error() string { return fmt.Sprintf("busy for %s", e.wait) }

// errNotHeld is NOT_FOUND.
var errNotHeld = errors.New("the peer does not have it")

// errLine is wrapped when a request or its answer did not get through.
var errLine = errors.New("the line broke")

// A resultError is what the keeper made of an answer.
type resultError struct {
	result protocol.Result
	err    error
}

func (e *resultError) Error() string { return e.err.Error() }
func (e *resultError) Unwrap() error { return e.err }

// judged makes an error of what the keeper says; nil if it says Done.
func judged(result protocol.Result, err error) error {
	if err == nil {
		return nil
	}
	return &resultError{result, err}
}

// A request is one open stream of fetch, on the client's side.
type request struct {
	stream network.Stream
	in     *wire.Reader
	stop   func() bool
}

// A paced stream is one from which an answer is read. It may stand still for
// frameTimeout, and what comes may not come more slowly than at some rate: a holder
// that sends now and then something would otherwise keep us from asking another.
type paced struct {
	network.Stream
	began time.Time
	least int // bytes per second
	bytes int // that have come
}

// Read implements [io.Reader].
func (p *paced) Read(b []byte) (int, error) {
	n, err := p.Stream.Read(b)
	p.bytes += n
	frame, slowest := time.Now().Add(frameTimeout), p.began.Add(allowance(p.bytes, p.least))
	if slowest.Before(frame) {
		frame = slowest
	}
	_ = p.SetReadDeadline(frame)
	return n, err
}

// allowance is how long so many bytes of an answer may take.
func allowance(bytes, least int) time.Duration {
	return requestTimeout + frameTimeout + time.Duration(bytes)*time.Second/time.Duration(least)
}

// leastRate is how slowly an answer to a request may come, in bytes per second. One
// that cannot be had in pieces may take its time.
func leastRate(m wire.Message) int {
	q, ok := m.(*wire.GetRange)
	_, charter := m.(*wire.GetCharter)
	if charter || ok && q.To-q.From == 1 {
		return minWholeBytesPerSecond
	}
	return minBytesPerSecond
}

// ask opens a stream to an admitted peer and sends a request.
func (r *Replica) ask(ctx context.Context, s *session, p wire.Protocol, m wire.Message) (*request, error) {
	stream, err := r.open(ctx, s.id, p)
	if err != nil {
		return nil, err
	}
	q := &request{stream: stream, in: p.NewReader(&paced{Stream: stream, began: time.Now(), least: leastRate(m)})}
	q.stop = context.AfterFunc(ctx, func() { _ = stream.Reset() })
	_ = stream.SetDeadline(time.Now().Add(requestTimeout))
	if err := p.NewWriter(stream).Send(m); err != nil {
		q.abort()
		return nil, fmt.Errorf("send request: %w: %w", errLine, err)
	}
	if err := stream.CloseWrite(); err != nil {
		q.abort()
		return nil, fmt.Errorf("send request: %w: %w", errLine, err)
	}
	return q, nil
}

// next reads one frame of the answer.
func (q *request) next() (wire.Message, error) {
	m, err := q.in.Next()
	if errors.Is(err, wire.ErrFrame) {
		return nil, fmt.Errorf("%w: %w", errInvalid, err)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // every answer closes with END
	}
	if err != nil {
		return nil, fmt.Errorf("receive: %w: %w", errLine, err)
	}
	return m, nil
}

// close ends a stream whose answer has been read to its end.
func (q *request) close() { q.stop(); _ = q.stream.Close() }

// abort ends a stream in any other state.
func (q *request) abort() { q.stop(); _ = q.stream.Reset() }

// statusError turns the status of an END into an error.
func statusError(e *wire.End) error {
	switch e.Status {
	case wire.StatusOK:
		return nil
	case wire.StatusBusy:
		return &busyError{time.Duration(e.Wait) * time.Millisecond}
	case wire.StatusNotFound:
		return errNotHeld
	}
	return fmt.Errorf("%w: request %s", errInvalid, e.Status)
}

// unexpected is a frame that does not belong where it stands.
func unexpected(m wire.Message) error {
	return fmt.Errorf("%w: message type %d", errInvalid, m.Type())
}

// slot waits for one of the places for requests that the core does not plan; free
// gives it back. ok is false when ctx ends.
func (r *Replica) slot(ctx context.Context) (free func(), ok bool) {
	select {
	case r.aside <- struct{}{}:
		return func() { <-r.aside }, true
	case <-ctx.Done():
		return nil, false
	}
}

// sessionFor is the session with a peer that the core has named. It may have
// ended since.
func (r *Replica) sessionFor(number uint32) (*session, error) {
	if s := r.sessionOf(number); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("%w: node %d is gone", errLine, number)
}

// fetch gets entries, proves and stores them.
func (r *Replica) fetch(ctx context.Context, a protocol.Fetch) protocol.Event {
	size, err := r.fetchEntries(ctx, a)
	e := ended(a.Task, err)
	e.Size = size
	return e
}

func (r *Replica) fetchEntries(ctx context.Context, a protocol.Fetch) (size uint64, err error) {
	s, err := r.sessionFor(a.Peer)
	if err != nil {
		return 0, err
	}
	cp, result, err := r.keeper.Open(a.Chain, a.Note)
	if err != nil {
		return 0, judged(result, fmt.Errorf("checkpoint: %w", err))
	}
	items, end, err := r.readRange(ctx, s, &wire.GetRange{Chain: a.Chain, From: a.From, To: a.To, Size: cp.Size})
	if err != nil {
		return 0, err
	}
	if len(items) == 0 {
		return 0, errNotHeld
	}
	size, result, err = r.keeper.Extend(ctx, cp, a.From, items, end.Proof)
	return size, judged(result, err)
}

func (r *Replica) readRange(ctx context.Context, s *session, req *wire.GetRange) ([]store.Item, *wire.End, error) {
	q, err := r.ask(ctx, s, wire.Fetch, req)
	if err != nil {
		return nil, nil, err
	}
	defer q.abort()
	var items []store.Item
	size := 0
	for {
		m, err := q.next()
		if err != nil {
			return nil, nil, err
		}
		switch m := m.(type) {
		case *wire.Item:
			if uint64(len(items)) == req.To-req.From || size >= maxBatchBytes {
				return nil, nil, fmt.Errorf("%w: more items than asked for", errInvalid)
			}
			size += len(m.Entry) + len(m.Sidecar)
			items = append(items, store.Item{Entry: m.Entry, Sidecar: m.Sidecar})
		case *wire.End:
			if err := statusError(m); err != nil {
				return nil, nil, err
			}
			q.close()
			return items, m, nil
		default:
			return nil, nil, unexpected(m)
		}
	}
}

// disclose gets the sidecars of entries that are stored and adds what is new in
// them. It says where the answer ended.
func (r *Replica) disclose(ctx context.Context, a protocol.Disclose) protocol.Event {
	end, err := r.fetchDisclosures(ctx, a)
	e := ended(a.Task, err)
	e.Size = end
	return e
}

func (r *Replica) fetchDisclosures(ctx context.Context, a protocol.Disclose) (end uint64, err error) {
	s, err := r.sessionFor(a.Peer)
	if err != nil {
		return 0, err
	}
	items, _, err := r.readRange(ctx, s, &wire.GetRange{Chain: a.Chain, From: a.From, To: a.To, Size: a.Size, Disclosures: true})
	if err != nil {
		return 0, err
	}
	if len(items) == 0 {
		return 0, errNotHeld
	}
	for i, it := range items {
		if result, err := r.keeper.AddDisclosures(ctx, a.Chain, a.From+uint64(i), it.Sidecar); err != nil {
			return 0, judged(result, err)
		}
	}
	return a.From + uint64(len(items)), nil
}

// takeCharter gets one charter version and adopts it. The peer may be one that is
// not admitted, because it has another charter than this node.
func (r *Replica) takeCharter(ctx context.Context, a protocol.FetchCharter) error {
	r.mu.Lock()
	p := r.remotes[a.Peer]
	r.mu.Unlock()
	if p == nil {
		return fmt.Errorf("%w: node %d is gone", errLine, a.Peer)
	}
	s := &session{remote: p}
	signed, err := r.fetchCharter(ctx, s, a.Version)
	if err != nil {
		return err
	}
	if err := r.cfg.Store.AdoptCharter(signed); err != nil {
		return fmt.Errorf("adopt version %d: %w", a.Version, err)
	}
	return nil
}

func (r *Replica) fetchCharter(ctx context.Context, s *session, version uint64) (*ledger.SignedCharter, error) {
	q, err := r.ask(ctx, s, wire.Fetch, &wire.GetCharter{Version: version})
	if err != nil {
		return nil, err
	}
	defer q.abort()
	m, err := q.next()
	if err != nil {
		return nil, err
	}
	if end, ok := m.(*wire.End); ok {
		if err := statusError(end); err != nil {
			return nil, err
		}
		return nil, errNotHeld
	}
	full, ok := m.(*wire.FullCharter)
	if !ok {
		return nil, unexpected(m)
	}
	if m, err = q.next(); err != nil {
		return nil, err
	}
	if _, ok := m.(*wire.End); !ok {
		return nil, unexpected(m)
	}
	q.close()
	return &ledger.SignedCharter{Body: full.Body, Signatures: full.Signatures}, nil
}
