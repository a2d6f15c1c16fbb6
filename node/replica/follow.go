package replica

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/store"
)

// A follower keeps the copy of one chain complete. It has one goroutine, so that
// there is never more than one request for a chain.
type follower struct {
	replica *Replica
	chain   uint32
	wake    chan struct{} // holds a token when a peer has told something

	spans []span // owned by run: what came from others than the author
}

// run works whenever there is something to do and ends with ctx.
func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		f.keepNotes(ctx)
		more, wait := f.catchUp(ctx)
		if !more {
			more, wait = f.complete(ctx, wait)
		}
		if more {
			continue
		}
		var again <-chan time.Time
		if wait > 0 {
			again = time.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-f.wake:
		case <-again:
		}
	}
}

// keepNotes gives the store the checkpoints that peers have named and whose
// entries are stored by now.
func (f *follower) keepNotes(ctx context.Context) {
	r := f.replica
	for _, s := range r.sessions() {
		size := r.cfg.Store.Size(f.chain)
		for _, note := range s.settled(f.chain, size) {
			if err := f.keep(ctx, note); err != nil && ctx.Err() == nil {
				r.log.Warn("checkpoint not kept", "chain", f.chain, "peer", s.number, "err", err)
			}
		}
	}
}

// settled takes out the notes of a peer's holding that concern no more than the
// first size entries.
func (s *session) settled(chain uint32, size uint64) (notes [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.theirs[chain]
	if h == nil {
		return nil
	}
	for _, slot := range []*[]byte{&h.signed, &h.final} {
		if *slot == nil {
			continue
		}
		if _, n, ok := ledger.PeekCheckpoint(*slot); !ok || n <= size {
			notes = append(notes, *slot)
			*slot = nil
		}
	}
	return notes
}

// keep gives one note to the store if it says something new: a newer or more
// cosigned checkpoint, or another root than ours.
func (f *follower) keep(ctx context.Context, note []byte) error {
	r := f.replica
	_, size, ok := ledger.PeekCheckpoint(note)
	if !ok {
		return fmt.Errorf("%w: not a checkpoint", errInvalid)
	}
	latest, final := r.cfg.Store.Latest(f.chain), r.cfg.Store.Final(f.chain)
	known := func(cp *ledger.Checkpoint) bool { return cp != nil && bytes.Equal(cp.Note, note) }
	if known(latest) || known(final) {
		return nil
	}
	if final != nil && size < final.Size {
		if root, err := r.cfg.Store.RootAt(f.chain, size); err == nil && namesRoot(note, root) {
			return nil // old and true
		}
	}
	cp, err := r.cfg.Store.Network().OpenCheckpoint(note)
	if err != nil {
		return fmt.Errorf("%w: %w", errInvalid, err)
	}
	if cp.Chain != f.chain {
		return fmt.Errorf("%w: a checkpoint of chain %d", errInvalid, cp.Chain)
	}
	return r.cfg.Store.PutCheckpoint(ctx, cp)
}

// namesRoot reports whether the third line of an unverified note is that root.
func namesRoot(note []byte, root ledger.Hash) bool {
	lines := bytes.SplitN(note, []byte("\n"), 4)
	return len(lines) == 4 && string(lines[2]) == base64.StdEncoding.EncodeToString(root[:])
}

// catchUp makes one request if a peer has more than we do. It returns whether
// to go on at once, and else when to look again; 0 is only when woken.
func (f *follower) catchUp(ctx context.Context) (more bool, wait time.Duration) {
	r := f.replica
	size := r.cfg.Store.Size(f.chain)
	list, wait := f.candidates(size)
	i := choose(list, size, r.cfg.Member, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	if i < 0 {
		return false, wait
	}
	s := list[i].session
	err := f.fetchFrom(ctx, s, size)
	if err == nil || ctx.Err() != nil {
		return err == nil, 0
	}
	block := blockFor(err)
	s.passOver(f.chain, time.Now().Add(block))
	level := r.log.Debug
	if errors.Is(err, errInvalid) {
		level = r.log.Warn
	}
	level("catch-up failed", "chain", f.chain, "peer", s.number, "size", size, "err", err)
	return true, 0 // another holder, or the wait until this one may be asked again
}

// blockFor is how long a holder is not asked for the chain after an error.
func blockFor(err error) time.Duration {
	var busy *busyError
	switch {
	case errors.Is(err, errInvalid):
		return blockTime
	case errors.As(err, &busy):
		return max(busy.wait, busyWait)
	}
	return failWait
}

// candidates are the peers that name a checkpoint beyond size, and the time
// after which a passed-over one comes back.
func (f *follower) candidates(size uint64) (list []candidate, wait time.Duration) {
	now := time.Now()
	for _, s := range f.replica.sessions() {
		s.mu.Lock()
		if h := s.theirs[f.chain]; h != nil {
			_, n, ok := ledger.PeekCheckpoint(h.note())
			switch left := h.passed.Sub(now); {
			case !ok || n <= size:
			case left > 0:
				if wait == 0 || left < wait {
					wait = left
				}
			default:
				list = append(list, candidate{
					session: s, member: s.member, author: s.number == f.chain, size: n, running: s.fetches,
				})
			}
		}
		s.mu.Unlock()
	}
	if len(list) > 0 && wait == 0 {
		wait = busyWait // all may have their share of requests under way
	}
	return list, wait
}

// note is the checkpoint against which the peer can prove the most.
func (h *holding) note() []byte {
	_, signed, ok1 := ledger.PeekCheckpoint(h.signed)
	_, final, ok2 := ledger.PeekCheckpoint(h.final)
	if ok1 && (!ok2 || signed > final) {
		return h.signed
	}
	return h.final
}

func (s *session) passOver(chain uint32, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.theirs[chain]; h != nil {
		h.passed = until
	}
}

// fetchFrom gets the next entries from one peer and stores them.
func (f *follower) fetchFrom(ctx context.Context, s *session, size uint64) error {
	r := f.replica
	s.mu.Lock()
	note := s.theirs[f.chain].note()
	s.mu.Unlock()
	cp, err := r.cfg.Store.Network().OpenCheckpoint(note)
	if err != nil {
		if ledger.CodeOf(err) == ledger.CodeUnknownChain || r.charterBehind() {
			return fmt.Errorf("checkpoint: %w", err) // perhaps under the charter that is on its way
		}
		return fmt.Errorf("%w: checkpoint: %w", errInvalid, err)
	}
	if cp.Chain != f.chain {
		return fmt.Errorf("%w: a checkpoint of chain %d", errInvalid, cp.Chain)
	}
	if f.chain == r.cfg.Number {
		if err := f.beyondOwn(ctx, cp); err != nil {
			return err
		}
	}
	free, ok := r.slot(ctx, s)
	if !ok {
		return ctx.Err()
	}
	defer free()
	items, err := r.fetchRange(ctx, s, cp, size)
	if err != nil {
		return err
	}
	if _, err := r.cfg.Store.Extend(ctx, f.chain, size, items); err != nil {
		return f.refused(err)
	}
	f.noteSpan(s.number, size, size+uint64(len(items)))
	return nil
}

// beyondOwn handles a checkpoint under our own log key that covers more than we
// have: entries that were signed and have been lost. The store stops signing when
// it hears of it, and takes them back.
func (f *follower) beyondOwn(ctx context.Context, cp *ledger.Checkpoint) error {
	r := f.replica
	if err := r.cfg.Store.PutCheckpoint(ctx, cp); err != nil && !errors.Is(err, store.ErrBehind) {
		return fmt.Errorf("a checkpoint of the own chain: %w", err)
	}
	if signing, _ := r.cfg.Store.SigningState(); signing {
		return errNotHeld // it was stored meanwhile
	}
	r.log.Warn("own entries are fetched back", "chain", f.chain, "size", r.cfg.Store.Size(f.chain), "n", cp.Size)
	return nil
}

// refused sorts out who is to blame for entries that the store refuses. The
// author signed their hashes; sidecars are the holder's, and a charter that is
// not held may only be late.
func (f *follower) refused(err error) error {
	switch ledger.CodeOf(err) {
	case ledger.CodeSidecar, ledger.CodeMissing:
		return fmt.Errorf("%w: %w", errInvalid, err)
	case ledger.CodeNoCharter:
		f.replica.wantCharter(f.replica.cfg.Store.Network().Newest().Charter.Version + 1)
	}
	return fmt.Errorf("store: %w", err)
}
