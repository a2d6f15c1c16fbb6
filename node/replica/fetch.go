package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/mod/sumdb/tlog"

	"suyuan/ledger"
	"suyuan/ledger/store"
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

// A request is one open stream of fetch, on the client's side.
type request struct {
	stream network.Stream
	in     *wire.Reader
	stop   func() bool
}

// ask opens a stream to an admitted peer and sends a request.
func (r *Replica) ask(ctx context.Context, s *session, p wire.Protocol, m wire.Message) (*request, error) {
	stream, err := r.open(ctx, s.id, p)
	if err != nil {
		return nil, err
	}
	q := &request{stream: stream, in: p.NewReader(stream)}
	q.stop = context.AfterFunc(ctx, func() { _ = stream.Reset() })
	_ = stream.SetDeadline(time.Now().Add(requestTimeout))
	if err := p.NewWriter(stream).Send(m); err != nil {
		q.abort()
		return nil, fmt.Errorf("send request: %w", err)
	}
	if err := stream.CloseWrite(); err != nil {
		q.abort()
		return nil, fmt.Errorf("send request: %w", err)
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
		return nil, fmt.Errorf("receive: %w", err)
	}
	_ = q.stream.SetReadDeadline(time.Now().Add(frameTimeout))
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

// slot takes one of the tokens for requests under way, ours in all and those to
// one peer; free gives it back. ok is false when ctx ends.
func (r *Replica) slot(ctx context.Context, s *session) (free func(), ok bool) {
	select {
	case r.fetching <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	s.mu.Lock()
	s.fetches++
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		s.fetches--
		s.mu.Unlock()
		<-r.fetching
	}, true
}

// fetchRange gets entries of a chain from position from on, as many as one
// request gives, and proves that they belong to the checkpoint.
func (r *Replica) fetchRange(ctx context.Context, s *session, cp *ledger.Checkpoint, from uint64) ([]store.Item, error) {
	req := &wire.GetRange{Chain: cp.Chain, From: from, To: rangeEnd(from, cp.Size), Size: cp.Size}
	items, end, err := r.readRange(ctx, s, req)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, errNotHeld
	}
	return items, r.prove(cp, from, items, end.Proof)
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

// prove checks that the stored entries and then items are what the checkpoint's
// tree begins with: their root must be consistent with it, RFC 6962 section
// 2.1.2.
func (r *Replica) prove(cp *ledger.Checkpoint, from uint64, items []store.Item, proof []ledger.Hash) error {
	state, err := r.cfg.Store.TileSource(cp.Chain).StateAt(from)
	if err != nil {
		return fmt.Errorf("read own tree: %w", err)
	}
	tree, err := ledger.RestoreTree(from, state)
	if err != nil {
		return fmt.Errorf("read own tree: %w", err)
	}
	for _, it := range items {
		if err := tree.Append(ledger.LeafHash(it.Entry), nil); err != nil {
			return err
		}
	}
	root, err := tree.Root()
	if err != nil {
		return err
	}
	if tree.Size() == cp.Size {
		if root != cp.Root || len(proof) > 0 {
			return fmt.Errorf("%w: the entries do not lead to the checkpoint of size %d", errInvalid, cp.Size)
		}
		return nil
	}
	hashes := make(tlog.TreeProof, len(proof))
	for i, h := range proof {
		hashes[i] = tlog.Hash(h)
	}
	err = tlog.CheckTree(hashes, int64(cp.Size), tlog.Hash(cp.Root), int64(tree.Size()), tlog.Hash(root))
	if err != nil {
		return fmt.Errorf("%w: entries %d to %d are not proven by the checkpoint of size %d: %w", errInvalid, from, tree.Size(), cp.Size, err)
	}
	return nil
}

// fetchCharter gets one charter version.
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
		return nil, errors.Join(errNotHeld, statusError(end))
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
