package replica

import (
	"fmt"
	"slices"
	"time"

	"suyuan/ledger"
)

// A proposer decides, for the author of a chain, which checkpoint is proposed to
// which witness, and when one has its quorum. It is a plain state machine: the
// author's loop tells it what happened and does what next says. It has no clock,
// no goroutine and no I/O.
//
// One checkpoint is open per round and goes to every witness; the next round
// begins when that one is final, or after a time-out. Were the newest head
// proposed to each witness as it becomes idle instead, then under constant load
// no two witnesses would ever sign the same size:
//
//	A  ──12──┐ ┌──15──┐        sizes 12, 13, 15, 16:
//	B    ──13──┐ ┌──16──┐      one cosignature each, never a quorum
//
// Proposals of older rounds stay open until a newer one is final, because a slow
// witness may still complete them.
type proposer struct {
	verifiers *ledger.Verifiers
	interval  time.Duration // least time between rounds
	timeout   time.Duration // most time that a round without a quorum lasts
	retry     time.Duration // wait after a refusal or failure, doubled to maxRetryProposal

	offers    []*ledger.Checkpoint // ascending by size, with what was gathered; the last is the round's
	opened    time.Time            // when the newest offer was made
	published *ledger.Checkpoint   // newest final checkpoint given out, or nil
	joined    time.Time            // when a cosignature joined the published one; zero if none did
	witnesses map[string]*witness  // by member
}

// maxRetryProposal bounds the wait before a witness that refuses is asked again.
const maxRetryProposal = 30 * time.Second

// A witness is what the proposer knows of one cosigning member.
type witness struct {
	node      uint32 // which holds its key
	connected bool
	busy      bool      // a proposal is on its way
	signed    uint64    // newest size that it has cosigned
	fails     int       // refusals and failures since the last cosignature
	notBefore time.Time // when it may be asked again
}

// newProposer prepares for the chain of number. The author's own witness is not
// asked: its log signature counts.
func newProposer(v *ledger.Verifiers, number uint32, iv Intervals) *proposer {
	p := &proposer{
		verifiers: v, interval: iv.Round, timeout: iv.Timeout, retry: iv.Have,
		witnesses: make(map[string]*witness),
	}
	for _, w := range v.Witnesses() {
		if w.Node != number {
			p.witnesses[w.Member] = &witness{node: w.Node}
		}
	}
	return p
}

// newest is the offer of the current round, nil before the first.
func (p *proposer) newest() *ledger.Checkpoint {
	if len(p.offers) == 0 {
		return nil
	}
	return p.offers[len(p.offers)-1]
}

// roundAt returns when the next round may begin for a chain of the given size;
// ok is false if there is nothing to propose.
func (p *proposer) roundAt(size uint64) (at time.Time, ok bool) {
	newest := p.newest()
	switch {
	case newest == nil:
		return time.Time{}, size > 0
	case size <= newest.Size:
		return time.Time{}, false
	case newest.Final:
		return p.opened.Add(p.interval), true
	}
	return p.opened.Add(p.timeout), true
}

// open begins a round with a checkpoint that the author has just signed; it may
// carry cosignatures of before a restart.
func (p *proposer) open(now time.Time, cp *ledger.Checkpoint) {
	if newest := p.newest(); newest != nil && cp.Size <= newest.Size {
		return
	}
	p.opened = now
	p.offers = append(p.offers, cp)
	switch {
	case cp.Final: // the author's own signature is enough, or was joined before a restart
		p.offers = p.offers[len(p.offers)-1:]
	case len(p.offers) > maxOffers:
		p.offers = slices.Delete(p.offers, 0, 1)
	}
	for member, w := range p.witnesses {
		if slices.Contains(cp.Cosigners, member) {
			w.signed = max(w.signed, cp.Size)
		}
	}
}

// connected notes that a witness's node can, or can no longer, be reached.
func (p *proposer) connected(member string, yes bool) {
	if w := p.witnesses[member]; w != nil && w.connected != yes {
		w.connected = yes
		w.fails, w.notBefore = 0, time.Time{}
	}
}

// cosigned takes a witness's answer to the proposal of a size. A line that does
// not verify is an error and counts as a failure.
func (p *proposer) cosigned(now time.Time, member string, size uint64, line []byte) error {
	w := p.witnesses[member]
	if w == nil {
		return nil
	}
	w.busy = false
	i := slices.IndexFunc(p.offers, func(cp *ledger.Checkpoint) bool { return cp.Size == size })
	if i < 0 { // a newer one became final meanwhile
		w.signed, w.fails = max(w.signed, size), 0
		return nil
	}
	merged, err := p.merge(p.offers[i], member, line)
	if err != nil {
		p.failed(now, member, 0)
		return err
	}
	w.signed, w.fails, w.notBefore = max(w.signed, size), 0, time.Time{}
	p.offers[i] = merged
	if merged.Final {
		p.offers = slices.Delete(p.offers, 0, i) // what is older is covered
		if p.published != nil && p.published.Size == size && p.joined.IsZero() {
			p.joined = now
		}
	}
	return nil
}

func (p *proposer) merge(cp *ledger.Checkpoint, member string, line []byte) (*ledger.Checkpoint, error) {
	if _, err := p.verifiers.VerifyCosignature(cp, member, line); err != nil {
		return nil, err
	}
	merged, err := p.verifiers.Merge(cp, line)
	if err != nil {
		return nil, fmt.Errorf("merge cosignature of %s: %w", member, err)
	}
	return merged, nil
}

// failed notes that a witness refused or could not be asked. It is asked again
// after wait, or after a growing time if wait is 0.
func (p *proposer) failed(now time.Time, member string, wait time.Duration) {
	w := p.witnesses[member]
	if w == nil {
		return
	}
	w.busy = false
	if wait == 0 {
		wait = min(p.retry<<min(w.fails, 10), maxRetryProposal)
		w.fails++
	}
	w.notBefore = now.Add(wait)
}

// publish returns the checkpoint that is to be given out now: one that has just
// become final, or the published one after more members have joined it.
func (p *proposer) publish(now time.Time) *ledger.Checkpoint {
	i := slices.IndexFunc(p.offers, func(cp *ledger.Checkpoint) bool { return cp.Final })
	if i < 0 {
		return nil
	}
	cp := p.offers[i]
	fresh := p.published == nil || cp.Size > p.published.Size
	more := !p.joined.IsZero() && !now.Before(p.joined.Add(joinDelay))
	if !fresh && !more {
		return nil
	}
	p.published, p.joined = cp, time.Time{}
	return cp
}

// next returns the members to which the newest offer is to be sent now, and
// marks them busy.
func (p *proposer) next(now time.Time) (cp *ledger.Checkpoint, members []string) {
	cp = p.newest()
	if cp == nil {
		return nil, nil
	}
	for member, w := range p.witnesses {
		if w.connected && !w.busy && w.signed < cp.Size && !now.Before(w.notBefore) {
			w.busy = true
			members = append(members, member)
		}
	}
	slices.Sort(members)
	return cp, members
}

// wake returns when next or publish will have something to do if nothing else
// happens; zero is never.
func (p *proposer) wake() time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if !p.joined.IsZero() {
		sooner(p.joined.Add(joinDelay))
	}
	if cp := p.newest(); cp != nil {
		for _, w := range p.witnesses {
			if w.connected && !w.busy && w.signed < cp.Size {
				sooner(w.notBefore)
			}
		}
	}
	return at
}
