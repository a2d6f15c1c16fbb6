package protocol

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"time"

	"suyuan/node/wire"
)

// rounds is the part of an author: which checkpoint is proposed to which witness,
// and when one has its quorum.
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
type rounds struct {
	offers  []*offer  // ascending by size; the last is the round's
	opened  time.Time // when the newest offer was made
	quorums []Quorum  // what the offers need
	voters  map[string]*voter

	signing    bool
	publishing bool
	notBefore  time.Time // nothing is signed before: the disk did not want to
	joined     time.Time // when a cosignature joined that one; zero if none did
	retry      time.Time // when to try again to publish
}

// An offer is a checkpoint of the own chain that is proposed.
type offer struct {
	size    uint64
	note    []byte
	members map[string]bool   // who has cosigned it, the author's member if that counts
	lines   map[string][]byte // by member; not in note yet
	final   bool              // the disk holds it with a quorum
	tried   int               // members when it was published without becoming final
}

// A voter is a cosigning member that is asked.
type voter struct {
	Voter
	busy      bool      // a proposal is on its way
	signed    uint64    // newest size that it has cosigned
	fails     int       // refusals and failures since the last cosignature
	notBefore time.Time // when it may be asked again
}

// stir has the next round looked at once more.
func (r *rounds) stir() { r.notBefore = time.Time{} }

// newest is the offer of the current round, nil before the first.
func (r *rounds) newest() *offer {
	if len(r.offers) == 0 {
		return nil
	}
	return r.offers[len(r.offers)-1]
}

// connected notes that a witness's node can, or can no longer, be reached.
func (r *rounds) connected(node uint32) {
	for _, v := range r.voters {
		if v.Node == node {
			v.fails, v.notBefore = 0, time.Time{}
		}
	}
}

// followRounds opens a round, publishes and proposes, as far as each is due.
func (c *Core) followRounds() {
	c.openRound()
	c.publish()
	c.propose()
}

// roundAt returns when the next round may begin; ok is false if there is nothing
// to propose or to wait for.
func (c *Core) roundAt() (at time.Time, ok bool) {
	r, own := &c.rounds, c.chain(c.cfg.Number)
	if own == nil || own.Size == 0 || !c.signing || c.net.Ended || r.signing || r.publishing {
		return time.Time{}, false
	}
	newest := r.newest()
	switch {
	case newest == nil:
		at = r.notBefore
	case own.Size <= newest.size:
		return time.Time{}, false
	case newest.final:
		at = r.opened.Add(c.iv.Round)
	default:
		at = r.opened.Add(c.iv.Timeout)
	}
	if at.Before(r.notBefore) {
		at = r.notBefore
	}
	return at, true
}

// openRound signs the head if the next round is due.
func (c *Core) openRound() {
	at, ok := c.roundAt()
	if !ok || c.now.Before(at) {
		return
	}
	r := &c.rounds
	r.signing = true
	c.do(Sign{Task: c.begin(func(e Event) {
		r.signing = false
		c.signed(e.(Signed))
	})})
}

func (c *Core) signed(e Signed) {
	r := &c.rounds
	if e.Err != nil {
		r.notBefore = c.now.Add(c.iv.Timeout)
		c.log(slog.LevelError, "checkpoint not signed", "chain", c.cfg.Number, "err", e.Err)
		return
	}
	if !sameQuorums(r.quorums, e.Quorums) {
		r.offers, r.quorums = nil, e.Quorums
		r.ask(e.Quorums, c.cfg.Number)
	}
	if newest := r.newest(); newest != nil && e.Size <= newest.size {
		// What is to be signed next has to become final first, or nothing has
		// come yet of what Stored has told.
		r.notBefore = c.now.Add(c.iv.Timeout)
		if !newest.final {
			r.opened = c.now
		}
		return
	}
	r.open(c.now, e)
}

func sameQuorums(a, b []Quorum) bool {
	return slices.EqualFunc(a, b, func(x, y Quorum) bool { return x.Need == y.Need && slices.Equal(x.Voters, y.Voters) })
}

// ask takes over whom to ask. The witness of the node itself is not asked: its log
// signature counts.
func (r *rounds) ask(quorums []Quorum, own uint32) {
	before := r.voters
	r.voters = make(map[string]*voter)
	for _, q := range quorums {
		for _, v := range q.Voters {
			if v.Node == own || r.voters[v.Member] != nil {
				continue
			}
			if old := before[v.Member]; old != nil && old.Voter == v {
				r.voters[v.Member] = old
			} else {
				r.voters[v.Member] = &voter{Voter: v}
			}
		}
	}
}

// open begins a round with a checkpoint that has just been signed; it may carry
// cosignatures of before a restart.
func (r *rounds) open(now time.Time, e Signed) {
	r.opened = now
	o := &offer{size: e.Size, note: e.Note, final: e.Final, members: make(map[string]bool), lines: make(map[string][]byte)}
	for _, member := range e.Members {
		o.members[member] = true
		if v := r.voters[member]; v != nil {
			v.signed = max(v.signed, e.Size)
		}
	}
	r.offers = append(r.offers, o)
	switch {
	case o.final: // the author's own signature is enough, or it was final before a restart
		r.offers = []*offer{o}
	case len(r.offers) > maxOffers:
		r.offers = slices.Delete(r.offers, 0, 1)
	}
}

// reached reports whether different members enough have cosigned an offer, of
// every charter whose quorum it needs.
func (r *rounds) reached(o *offer) bool {
	for _, q := range r.quorums {
		n := 0
		for _, v := range q.Voters {
			if o.members[v.Member] {
				n++
			}
		}
		if n < q.Need {
			return false
		}
	}
	return len(r.quorums) > 0
}

// propose sends the newest offer to those who have not cosigned it.
func (c *Core) propose() {
	r := &c.rounds
	o := r.newest()
	if o == nil {
		return
	}
	var open []*voter
	for _, v := range r.voters {
		if !v.busy && v.signed < o.size && !c.now.Before(v.notBefore) && c.sessionOf(v.Node) != nil {
			open = append(open, v)
		}
	}
	slices.SortFunc(open, func(a, b *voter) int { return cmp.Compare(a.Member, b.Member) })
	for _, v := range open {
		v.busy = true
		c.do(Propose{Task: c.begin(func(e Event) {
			v.busy = false
			c.answered(v, o.size, e.(Answered))
		}), Peer: v.Node, Member: v.Member, Size: o.size, Note: o.note})
	}
}

// answered takes what became of one proposal.
func (c *Core) answered(v *voter, size uint64, e Answered) {
	switch {
	case e.Line != nil:
		c.rounds.cosigned(c.now, v, size, e.Line)
		return
	case e.Refused == nil:
		c.log(slog.LevelDebug, "proposal not answered", "member", v.Member, "size", size, "err", e.Err)
	case e.Refused.Reason == wire.ReasonBusy:
		v.notBefore = c.now.Add(BusyWait)
		return
	default:
		c.refused(v, size, e.Refused)
	}
	v.notBefore = c.now.Add(doubled(v.fails, c.iv.Have, maxRetryProposal))
	v.fails++
}

func (c *Core) refused(v *voter, size uint64, m *wire.Refused) {
	switch own := c.chain(c.cfg.Number); {
	case m.Reason == wire.ReasonConflict && len(m.Note) > 0 && own != nil:
		// If our own key has signed that note, nothing may be signed any more.
		c.log(slog.LevelWarn, "a witness says that it holds another history of the own chain", "member", v.Member, "size", size)
		if !own.busy && !c.blame.barred(c.now, v.Node, own.Number) {
			c.keep(own, c.peer(v.Node), note{raw: m.Note}, func(Result) {})
		}
	case m.Reason == wire.ReasonBehind:
		if s := c.sessionOf(v.Node); s != nil {
			c.tellAll(s, false) // perhaps it lacks a chain that our frontiers name
		}
		fallthrough
	default:
		c.log(slog.LevelDebug, "proposal refused", "member", v.Member, "size", size, "reason", m.Reason.String())
	}
}

// cosigned takes a cosignature that has been verified.
func (r *rounds) cosigned(now time.Time, v *voter, size uint64, line []byte) {
	v.signed, v.fails, v.notBefore = max(v.signed, size), 0, time.Time{}
	i := slices.IndexFunc(r.offers, func(o *offer) bool { return o.size == size })
	if i < 0 || r.offers[i].members[v.Member] {
		return // a newer one became final meanwhile
	}
	o := r.offers[i]
	o.members[v.Member] = true
	o.lines[v.Member] = line
	if o.final && r.joined.IsZero() {
		r.joined = now
	}
}

// publish has a checkpoint stored that has its quorum, or one that more members
// have joined since; that it is stored makes it known to all.
func (c *Core) publish() {
	r := &c.rounds
	if r.publishing || c.now.Before(r.retry) {
		return
	}
	for _, o := range slices.Backward(r.offers) {
		fresh := !o.final && len(o.members) > o.tried && r.reached(o)
		more := o.final && len(o.lines) > 0 && !c.now.Before(r.joined.Add(joinDelay))
		if fresh || more {
			c.publishOffer(o)
			return
		}
	}
	if due(r.joined, c.now.Add(-joinDelay)) {
		r.joined = time.Time{} // a newer one is final
	}
}

func (c *Core) publishOffer(o *offer) {
	r := &c.rounds
	r.publishing = true
	members := slices.Sorted(maps.Keys(o.lines))
	var lines [][]byte
	for _, m := range members {
		lines = append(lines, o.lines[m])
	}
	count := len(o.members)
	c.do(Publish{Task: c.begin(func(e Event) {
		r.publishing = false
		if e := e.(Published); e.Err != nil {
			r.retry = c.now.Add(c.iv.Timeout)
			c.log(slog.LevelError, "checkpoint not published", "chain", c.cfg.Number, "size", o.size, "err", e.Err)
		} else {
			o.note = e.Note
			for _, m := range members {
				delete(o.lines, m)
			}
			o.tried = count
			c.published(o, e.Final)
		}
	}), Size: o.size, Note: o.note, Lines: lines})
}

func (c *Core) published(o *offer, final bool) {
	r := &c.rounds
	r.joined = time.Time{}
	if len(o.lines) > 0 {
		r.joined = c.now // they came meanwhile
	}
	if !final || o.final {
		return
	}
	o.final = true
	r.notBefore = time.Time{}
	if i := slices.Index(r.offers, o); i > 0 {
		r.offers = slices.Delete(r.offers, 0, i) // what is older is covered
	}
	c.log(slog.LevelDebug, "checkpoint final", "chain", c.cfg.Number, "size", o.size, "n", len(o.members))
}

func (c *Core) nextRounds(at *alarmClock) {
	r := &c.rounds
	if when, ok := c.roundAt(); ok {
		at.set(later(when, c.now))
	}
	if !r.joined.IsZero() && !r.publishing {
		at.set(later(r.joined.Add(joinDelay), r.retry))
	}
	if !r.publishing && c.now.Before(r.retry) {
		at.set(r.retry)
	}
	o := r.newest()
	if o == nil {
		return
	}
	for _, v := range r.voters {
		if !v.busy && v.signed < o.size && c.sessionOf(v.Node) != nil {
			at.set(v.notBefore)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
