package replica

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node/wire"
)

// An author is the loop that proposes the own chain's checkpoints.
type author struct {
	wake    chan struct{} // holds a token when sessions or the charter changed
	answers chan reply
}

// A reply is what became of one proposal.
type reply struct {
	member  string
	size    uint64
	line    []byte
	refused *wire.Refused
	err     error
}

func newAuthor() *author {
	return &author{wake: make(chan struct{}, 1), answers: make(chan reply, ledger.MaxCosigners)}
}

// runAuthor opens rounds as the chain grows, sends proposals and publishes what
// has become final. It waits for its proposals before it returns.
func (r *Replica) runAuthor(ctx context.Context) {
	changed, stop := r.cfg.Store.Watch()
	defer stop()
	var p *proposer
	var underway tasks
	defer underway.wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if v := r.signingVerifiers(); p == nil || p.verifiers != v {
			p = newProposer(v, r.cfg.Number, r.iv)
		}
		r.noteWitnesses(p)
		again := r.openRound(ctx, p)
		r.publish(ctx, p)
		cp, members := p.next(time.Now())
		for _, member := range members {
			r.sendProposal(ctx, p, &underway, member, cp)
		}
		if at := p.wake(); again.IsZero() || !at.IsZero() && at.Before(again) {
			again = at
		}
		timer.Stop()
		if !again.IsZero() {
			timer.Reset(max(time.Until(again), 0))
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-r.author.wake:
		case <-timer.C:
		case a := <-r.author.answers:
			r.settle(ctx, p, a)
		}
	}
}

// signingVerifiers is what decides about our next checkpoint: the charter in
// force, or that and the one from which the chain is crossing.
func (r *Replica) signingVerifiers() *ledger.Verifiers {
	v, err := r.cfg.Store.SigningVerifiers()
	if err != nil {
		return r.cfg.Store.Network().Newest().Verifiers
	}
	return v
}

// noteWitnesses tells the proposer who can be reached.
func (r *Replica) noteWitnesses(p *proposer) {
	for member, w := range p.witnesses {
		p.connected(member, r.sessionOf(w.node) != nil)
	}
}

// openRound signs the head if the next round is due, and returns when to look
// again; the zero time if only a change can make it due.
func (r *Replica) openRound(ctx context.Context, p *proposer) time.Time {
	at, ok := p.roundAt(r.cfg.Store.Size(r.cfg.Number))
	if !ok {
		return time.Time{}
	}
	now := time.Now()
	if now.Before(at) {
		return at
	}
	if r.cfg.Store.Network().Ended(r.cfg.Number) != nil {
		return time.Time{}
	}
	if signing, _ := r.cfg.Store.SigningState(); !signing {
		return now.Add(r.iv.Timeout)
	}
	cp, err := r.sign(ctx, p.verifiers)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Error("checkpoint not signed", "chain", r.cfg.Number, "err", err)
		}
		return now.Add(r.iv.Timeout)
	}
	p.open(now, cp)
	return time.Time{}
}

// sign makes the checkpoint of the head. One that was signed before a restart
// comes with the cosignatures that it has gathered.
func (r *Replica) sign(ctx context.Context, v *ledger.Verifiers) (*ledger.Checkpoint, error) {
	note, _, err := r.cfg.Store.Sign(ctx, v.Origin(r.cfg.Number), r.cfg.Log)
	if err != nil {
		return nil, err
	}
	return v.Open(note)
}

// publish stores a checkpoint that became final, or that more members joined;
// that the store changed makes it known to all.
func (r *Replica) publish(ctx context.Context, p *proposer) {
	cp := p.publish(time.Now())
	if cp == nil {
		return
	}
	if err := r.cfg.Store.PutCheckpoint(ctx, cp); err != nil {
		if ctx.Err() == nil {
			r.log.Error("checkpoint not published", "chain", cp.Chain, "size", cp.Size, "err", err)
		}
		return
	}
	r.log.Debug("checkpoint final", "chain", cp.Chain, "size", cp.Size, "n", len(cp.Cosigners))
}

// sendProposal asks one witness in a goroutine of its own.
func (r *Replica) sendProposal(ctx context.Context, p *proposer, underway *tasks, member string, cp *ledger.Checkpoint) {
	s := r.sessionOf(p.witnesses[member].node)
	if s == nil || !underway.enter() {
		p.failed(time.Now(), member, 0)
		return
	}
	go func() {
		defer underway.leave()
		a := r.propose(ctx, s, cp.Note)
		a.member, a.size = member, cp.Size
		select {
		case r.author.answers <- a:
		case <-ctx.Done():
		}
	}()
}

// propose makes one request on cosign.
func (r *Replica) propose(ctx context.Context, s *session, note []byte) reply {
	ctx, cancel := context.WithTimeout(ctx, openTimeout+requestTimeout)
	defer cancel()
	q, err := r.ask(ctx, s, wire.Cosign, &wire.Propose{Note: note})
	if err != nil {
		return reply{err: err}
	}
	defer q.abort()
	m, err := q.next()
	if err != nil {
		return reply{err: err}
	}
	q.close()
	switch m := m.(type) {
	case *wire.Cosigned:
		return reply{line: m.Line}
	case *wire.Refused:
		return reply{refused: m}
	}
	return reply{err: unexpected(m)}
}

// settle takes over one reply.
func (r *Replica) settle(ctx context.Context, p *proposer, a reply) {
	now := time.Now()
	switch {
	case a.line != nil:
		if err := p.cosigned(now, a.member, a.size, a.line); err != nil {
			r.log.Warn("cosignature not taken", "member", a.member, "size", a.size, "err", err)
		}
		return
	case a.refused == nil:
		r.log.Debug("proposal not answered", "member", a.member, "size", a.size, "err", a.err)
	case a.refused.Reason == wire.ReasonBusy:
		p.failed(now, a.member, busyWait)
		return
	case a.refused.Reason == wire.ReasonConflict && len(a.refused.Note) > 0:
		r.log.Error("witness holds another history of the own chain", "member", a.member, "size", a.size)
		r.confront(ctx, a)
	default:
		r.log.Debug("proposal refused", "member", a.member, "size", a.size, "reason", a.refused.Reason.String())
		if w := p.witnesses[a.member]; w != nil && a.refused.Reason == wire.ReasonBehind {
			if s := r.sessionOf(w.node); s != nil {
				r.tell(s, r.chains(), false) // perhaps it lacks a chain that our frontiers name
			}
		}
	}
	p.failed(now, a.member, 0)
}

// confront gives the store a checkpoint of the own chain that a witness holds
// against our proposal. If our log key has signed it, the store stops signing.
func (r *Replica) confront(ctx context.Context, a reply) {
	cp, err := r.cfg.Store.Network().OpenCheckpoint(a.refused.Note)
	if err == nil && cp.Chain == r.cfg.Number {
		err = r.cfg.Store.PutCheckpoint(ctx, cp)
	}
	if err != nil && ctx.Err() == nil {
		r.log.Error("contradicting checkpoint", "member", a.member, "err", err)
	}
}

// answerProposal handles one stream of cosign, on the witness's side.
func (r *Replica) answerProposal(ctx context.Context, stream network.Stream) {
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	defer stop()
	s, m, err := r.receive(ctx, stream, wire.Cosign)
	if err == nil {
		a := newAnswer(stream, wire.Cosign)
		a.began = time.Now().Add(r.iv.Wait) // the answer may take that long
		if p, ok := m.(*wire.Propose); ok {
			err = a.finish(r.consider(ctx, s, p.Note))
		} else {
			err = unexpected(m)
		}
	}
	if err != nil {
		_ = stream.Reset()
		r.log.Debug("proposal not answered", "peer", stream.Conn().RemotePeer(), "err", err)
	}
}

// consider decides about one proposal. It waits up to Intervals.Wait for what
// the checkpoint covers, which it makes the followers fetch.
func (r *Replica) consider(ctx context.Context, s *session, note []byte) wire.Message {
	if !s.cosigning.TryLock() {
		return &wire.Refused{Reason: wire.ReasonBusy}
	}
	defer s.cosigning.Unlock()
	net := r.cfg.Store.Network()
	if !r.isWitness(net) {
		return &wire.Refused{Reason: wire.ReasonNoWitness}
	}
	cp, err := net.OpenCheckpoint(note)
	if err != nil || cp.Chain != s.number {
		r.log.Warn("proposal does not verify", "peer", s.number, "err", err)
		return &wire.Refused{Reason: wire.ReasonInvalid}
	}
	r.heard(s, []wire.Holding{{Chain: cp.Chain, Size: cp.Size, Signed: note}})
	if !r.witnessReady(net) {
		return &wire.Refused{Reason: wire.ReasonBehind, Size: r.cfg.Store.Size(cp.Chain)}
	}
	ctx, cancel := context.WithTimeout(ctx, r.iv.Wait)
	defer cancel()
	line, err := r.cosignWhenStored(ctx, cp, ledger.WitnessName(net.Name, net.ID, r.cfg.Member))
	if err != nil {
		return r.refusal(cp, err)
	}
	return &wire.Cosigned{Line: line}
}

// isWitness reports whether a charter version has given our witness its key. Also
// a member that is no cosigner any more is asked: a chain that crosses into the
// newer charter needs the quorum of the older one too.
func (r *Replica) isWitness(net *ledger.Network) bool {
	if r.cfg.Witness == nil {
		return false
	}
	key := ledger.Hash(r.cfg.Witness.Public().(ed25519.PublicKey))
	return slices.ContainsFunc(net.Versions(), func(v *ledger.Version) bool {
		w := v.Charter.Cosigner(r.cfg.Member)
		return w != nil && w.Key == key
	})
}

// witnessReady reports whether our witness may cosign. One that does not know
// what it has cosigned waits until it holds a session with every other cosigner
// and has stored everything of which these have told a checkpoint.
func (r *Replica) witnessReady(net *ledger.Network) bool {
	if !r.cfg.Store.WitnessWaits() {
		return true
	}
	for _, w := range net.Newest().Charter.Cosigners {
		if w.Member == r.cfg.Member {
			continue
		}
		s := r.sessionOf(w.Node)
		if s == nil || !s.toldAndStored(r.latestSize) {
			return false
		}
	}
	if err := r.cfg.Store.ReleaseWitness(); err != nil {
		r.log.Error("witness not released", "err", err)
		return false
	}
	return true
}

// latestSize is the size of the newest checkpoint that is stored of a chain.
func (r *Replica) latestSize(chain uint32) uint64 {
	if cp := r.cfg.Store.Latest(chain); cp != nil {
		return cp.Size
	}
	return 0
}

// toldAndStored reports whether the peer has told what it holds, its own chain
// among it, and every checkpoint that it has told, or a newer one, is stored here.
func (s *session) toldAndStored(stored func(chain uint32) uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.theirs[s.number] == nil {
		return false
	}
	for chain, h := range s.theirs {
		for _, note := range [][]byte{h.signed, h.final} {
			if note == nil {
				continue
			}
			if _, n, ok := ledger.PeekCheckpoint(note); ok && n > stored(chain) {
				return false
			}
		}
	}
	return true
}

// cosignWhenStored tries again with each change of the store until the
// checkpoint and all that it covers is there.
func (r *Replica) cosignWhenStored(ctx context.Context, cp *ledger.Checkpoint, witness string) ([]byte, error) {
	changed, stop := r.cfg.Store.Watch()
	defer stop()
	for {
		err := fmt.Errorf("%d of %d entries: %w", r.cfg.Store.Size(cp.Chain), cp.Size, store.ErrBehind)
		if r.cfg.Store.Size(cp.Chain) >= cp.Size {
			var line []byte
			if line, err = r.cosign(ctx, cp, witness); err == nil {
				return line, nil
			}
		}
		if !errors.Is(err, store.ErrBehind) {
			return nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, err
		}
	}
}

// cosign keeps the author's checkpoint before it cosigns it: should the author
// ever sign another history of that size, the two notes are the proof.
func (r *Replica) cosign(ctx context.Context, cp *ledger.Checkpoint, witness string) ([]byte, error) {
	if err := r.cfg.Store.PutCheckpoint(ctx, cp); err != nil {
		return nil, err
	}
	return r.cfg.Store.Cosign(ctx, cp, witness, r.cfg.Witness)
}

// refusal says why the store did not cosign.
func (r *Replica) refusal(cp *ledger.Checkpoint, err error) *wire.Refused {
	switch {
	case errors.Is(err, store.ErrConflict):
		r.log.Error("proposal contradicts what is stored", "chain", cp.Chain, "size", cp.Size, "err", err)
		return &wire.Refused{Reason: wire.ReasonConflict, Note: r.contradicting(cp)}
	case errors.Is(err, store.ErrForked):
		return &wire.Refused{Reason: wire.ReasonForked}
	case errors.Is(err, store.ErrEnded):
		return &wire.Refused{Reason: wire.ReasonEnded}
	case errors.Is(err, store.ErrOldCharter):
		return &wire.Refused{Reason: wire.ReasonCharter}
	case errors.Is(err, store.ErrBehind):
		return &wire.Refused{Reason: wire.ReasonBehind, Size: r.cfg.Store.Size(cp.Chain)}
	}
	r.log.Error("not cosigned", "chain", cp.Chain, "size", cp.Size, "err", err)
	return &wire.Refused{Reason: wire.ReasonBusy}
}

// contradicting returns a checkpoint note that cannot be true if cp is, if we
// hold one.
func (r *Replica) contradicting(cp *ledger.Checkpoint) []byte {
	for _, held := range []*ledger.Checkpoint{r.cfg.Store.Latest(cp.Chain), r.cfg.Store.Final(cp.Chain)} {
		if held != nil && held.Size == cp.Size && held.Root != cp.Root {
			return held.Note
		}
	}
	return nil
}
