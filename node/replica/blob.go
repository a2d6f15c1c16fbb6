package replica

import (
	"context"
	"errors"
	"fmt"
	"io"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node/protocol"
	"suyuan/node/wire"
)

// An Attachment is a document or pack that a record names. Which ones a node
// should have is for its caller to say: the replica does not know what records
// mean.
type Attachment struct {
	Digest   ledger.Hash
	Audience store.Audience // as the record says; kept with the file
	Chain    uint32         // where the record stands: its node is asked first
}

// Want asks for attachments in the background until they are held. What is
// wanted is not remembered over a restart.
func (r *Replica) Want(list ...Attachment) {
	if r.cfg.Blobs == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range list {
		if !r.cfg.Blobs.Has(a.Digest) {
			r.audiences[a.Digest] = a
			r.tell(protocol.Want{Digest: a.Digest, Chain: a.Chain})
		}
	}
}

// FetchBlob gets an attachment from whoever has it, the author of the record
// that names it first, and stores it. It goes on with another holder where one
// breaks off. It returns nil at once if the attachment is held, and an error
// wrapping [ErrNoHolder] if nobody gives it.
func (r *Replica) FetchBlob(ctx context.Context, a Attachment) error {
	if r.cfg.Blobs == nil {
		return errors.New("fetch attachment: the node keeps none")
	}
	if r.cfg.Blobs.Has(a.Digest) {
		return nil
	}
	done := make(chan error, 1)
	r.mu.Lock()
	attempt := r.nextID()
	r.attempts[attempt] = waiting{a.Digest, done}
	r.audiences[a.Digest] = a
	r.tell(protocol.Want{Digest: a.Digest, Chain: a.Chain, Attempt: attempt})
	r.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waiting is a FetchBlob that waits for the core.
type waiting struct {
	digest ledger.Hash
	done   chan<- error
}

// attached ends a FetchBlob.
func (r *Replica) attached(a protocol.Attached) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.attempts[a.Attempt]
	delete(r.attempts, a.Attempt)
	if !r.core.Wanted(w.digest) {
		delete(r.audiences, w.digest)
	}
	w.done <- a.Err
}

// takeBlob gets an attachment from the peers that the core has named, in order.
func (r *Replica) takeBlob(ctx context.Context, b protocol.FetchBlob) error {
	r.mu.Lock()
	a := r.audiences[b.Digest]
	r.mu.Unlock()
	var holders []*session
	for _, number := range b.Peers {
		if s := r.sessionOf(number); s != nil {
			holders = append(holders, s)
		}
	}
	err := r.fetchBlob(ctx, a, holders)
	if !errors.Is(err, store.ErrConflict) || len(holders) < 2 {
		return err
	}
	// Somebody gave other bytes, and pieces of several may be mixed: take it
	// from one at a time.
	for _, s := range holders {
		if err = r.fetchBlob(ctx, a, []*session{s}); err == nil || ctx.Err() != nil {
			return err
		}
		r.log.Warn("attachment not taken", "hash", a.Digest, "peer", s.number, "err", err)
	}
	return err
}

func (r *Replica) fetchBlob(ctx context.Context, a Attachment, holders []*session) error {
	in := &blobReader{ctx: ctx, replica: r, digest: a.Digest, holders: holders}
	defer in.close()
	if err := r.cfg.Blobs.PutDigest(ctx, a.Digest, in, a.Audience); err != nil {
		return fmt.Errorf("fetch attachment: %w", err)
	}
	return nil
}

// A blobReader reads an attachment from several holders as if it were one file:
// where one ends or fails the next goes on at the same offset.
type blobReader struct {
	ctx     context.Context // of one FetchBlob, in which the reader lives
	replica *Replica
	digest  ledger.Hash
	holders []*session // not asked yet; the first is the present one
	offset  uint64
	size    uint64 // as the present holder says
	asked   uint64 // offset of the present request
	rest    []byte // of the newest chunk
	request *request
	err     error // why the last holder was given up
}

// Read implements [io.Reader].
func (b *blobReader) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if len(b.holders) == 0 {
			return 0, errors.Join(fmt.Errorf("attachment %s: %w", b.digest, ErrNoHolder), b.err)
		}
		err := b.advance()
		if err == nil {
			continue
		}
		b.close()
		if errors.Is(err, io.EOF) || b.ctx.Err() != nil {
			return 0, err
		}
		b.giveUp(err)
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	b.offset += uint64(n)
	return n, nil
}

// giveUp turns to the next holder. On a narrow line each answer is cut before its
// end: a holder that has given something has its turn again.
func (b *blobReader) giveUp(err error) {
	present := b.holders[0]
	b.holders, b.err = b.holders[1:], err
	if errors.Is(err, errLine) && b.offset > b.asked {
		b.holders = append(b.holders[:len(b.holders):len(b.holders)], present)
	}
}

// advance gets the next chunk from the present holder, with a new request if
// there is none. io.EOF says that the attachment is complete; another error that
// the holder is of no more use.
func (b *blobReader) advance() error {
	if b.request == nil {
		return b.ask()
	}
	m, err := b.request.next()
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *wire.Chunk:
		if b.offset+uint64(len(m.Data)) > b.size {
			return fmt.Errorf("%w: more than %d bytes", errInvalid, b.size)
		}
		b.rest = m.Data
		return nil
	case *wire.End:
		if err := statusError(m); err != nil {
			return err
		}
		b.close()
		switch b.offset {
		case b.size:
			return io.EOF
		case b.asked:
			return fmt.Errorf("%w: nothing from offset %d on", errInvalid, b.offset)
		}
		return nil // the holder has given its share; ask for the next
	}
	return unexpected(m)
}

// ask opens a request at the present offset, when the holder is not busy.
func (b *blobReader) ask() error {
	for {
		err := b.askOnce()
		var busy *busyError
		if !errors.As(err, &busy) {
			return err
		}
		b.close()
		if !sleep(b.ctx, max(busy.wait, busyWait)) {
			return b.ctx.Err()
		}
	}
}

func (b *blobReader) askOnce() error {
	q, err := b.replica.ask(b.ctx, b.holders[0], wire.Fetch, &wire.GetBlob{Digest: b.digest, Offset: b.offset})
	if err != nil {
		return err
	}
	b.request, b.asked = q, b.offset
	m, err := q.next()
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *wire.Blob:
		if m.Size > store.MaxBlobBytes || m.Size < b.offset {
			return fmt.Errorf("%w: an attachment of %d bytes", errInvalid, m.Size)
		}
		b.size = m.Size
		return nil
	case *wire.End:
		if err := statusError(m); err != nil {
			return err
		}
	}
	return unexpected(m)
}

// close ends the present request.
func (b *blobReader) close() {
	if b.request != nil {
		b.request.abort()
	}
	b.request = nil
}

// answerBlob sends an attachment to a member of its audience, at most a share of
// it at a time. To others it does not exist.
func (r *Replica) answerBlob(s *session, q *wire.GetBlob, a *answer) (*wire.End, error) {
	missing := &wire.End{Status: wire.StatusNotFound}
	if r.cfg.Blobs == nil {
		return missing, nil
	}
	info, err := r.cfg.Blobs.Stat(q.Digest)
	if errors.Is(err, store.ErrNotFound) {
		return missing, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Audience.VisibleTo(s.member, r.cfg.Member) {
		return missing, nil
	}
	if q.Offset > uint64(info.Size) {
		return &wire.End{Status: wire.StatusRefused}, nil
	}
	f, err := r.cfg.Blobs.Open(q.Digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := a.write(&wire.Blob{Size: uint64(info.Size)}, 0); err != nil {
		return nil, err
	}
	part := io.NewSectionReader(f, int64(q.Offset), min(info.Size-int64(q.Offset), maxBlobAnswer))
	if err := a.copyChunks(part); err != nil {
		return nil, fmt.Errorf("send attachment %s: %w", q.Digest, err)
	}
	return &wire.End{}, nil
}

func (a *answer) copyChunks(from io.Reader) error {
	buf := make([]byte, wire.MaxChunk)
	for {
		n, err := io.ReadFull(from, buf)
		if n > 0 {
			if err := a.write(&wire.Chunk{Data: buf[:n]}, n); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
