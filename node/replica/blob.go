package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/store"
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

// A want is an attachment that is not held yet.
type want struct {
	Attachment
	fails     int
	notBefore time.Time
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
		if r.wanted[a.Digest] == nil && !r.cfg.Blobs.Has(a.Digest) {
			r.wanted[a.Digest] = &want{Attachment: a}
		}
	}
	signal(r.collect)
}

// collectBlobs fetches what is wanted, one attachment at a time.
func (r *Replica) collectBlobs(ctx context.Context) {
	for ctx.Err() == nil {
		w, wait, changed := r.nextWant()
		if w != nil {
			r.collectOne(ctx, w)
			continue
		}
		var again <-chan time.Time
		if wait > 0 {
			again = time.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-r.collect:
		case <-again:
		case <-changed: // a new peer may have it
			r.retryWants()
		}
	}
}

// nextWant returns a want that is due, or how long to wait for one.
func (r *Replica) nextWant() (w *want, wait time.Duration, changed <-chan struct{}) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.wanted {
		left := w.notBefore.Sub(now)
		if left <= 0 {
			return w, 0, nil
		}
		if wait == 0 || left < wait {
			wait = left
		}
	}
	return nil, wait, r.changed
}

func (r *Replica) retryWants() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.wanted {
		w.fails, w.notBefore = 0, time.Time{}
	}
}

func (r *Replica) collectOne(ctx context.Context, w *want) {
	err := r.FetchBlob(ctx, w.Attachment)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		delete(r.wanted, w.Digest)
		return
	}
	w.notBefore = time.Now().Add(max(failWait, backoff(w.fails, r.iv.Retry, maxRetry, rand.Float64)))
	w.fails++
	if ctx.Err() == nil {
		r.log.Debug("attachment not fetched", "hash", w.Digest, "err", err)
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
	holders := r.holdersOf(a)
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

// holdersOf returns the peers in the order in which they are asked.
func (r *Replica) holdersOf(a Attachment) []*session {
	list := r.sessions()
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for i, s := range list {
		if s.number == a.Chain {
			list[0], list[i] = list[i], list[0]
		}
	}
	return list
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
	free    func()
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
		b.holders, b.err = b.holders[1:], err
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	b.offset += uint64(n)
	return n, nil
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
	s := b.holders[0]
	free, ok := b.replica.slot(b.ctx, s)
	if !ok {
		return b.ctx.Err()
	}
	b.free = free
	q, err := b.replica.ask(b.ctx, s, wire.Fetch, &wire.GetBlob{Digest: b.digest, Offset: b.offset})
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
	if b.free != nil {
		b.free()
	}
	b.request, b.free = nil, nil
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
