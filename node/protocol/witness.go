package protocol

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"suyuan/node/wire"
)

// witness is the part that answers proposals: one of each author at a time.
type witness struct {
	petitions map[uint32]*petition // by author
	pauses    map[uint32]time.Time // by author: nothing is considered before
	warnings  pace                 // of proposals that do not verify
	stirred   bool                 // something is stored or told that they may wait for
	releasing bool
}

// A petition is a proposal that waits for what it covers, and then for the disk.
type petition struct {
	Proposal
	deadline time.Time
	busy     bool      // the disk is asked
	began    time.Time // when it was
	rest     time.Time // when it may be asked again
	again    bool      // something was stored meanwhile
}

// proposed takes a proposal. A newer one of the same author replaces one that is
// still waiting: witnesses answer the newest that they can satisfy.
func (c *Core) proposed(e Proposal) {
	s := c.sessionOf(e.Peer)
	switch {
	case s == nil:
		c.refuse(e, wire.ReasonBusy)
		return
	case !c.net.Witness:
		c.refuse(e, wire.ReasonNoWitness)
		return
	case e.Chain == 0 || e.Chain != e.Peer:
		if c.witness.warnings.take(c.now) {
			c.log(slog.LevelWarn, "proposal does not verify", "peer", e.Peer)
		}
		c.refuse(e, wire.ReasonInvalid)
		return
	case c.now.Before(c.witness.pauses[e.Peer]):
		c.refuse(e, wire.ReasonBusy)
		return
	}
	if old := c.witness.petitions[e.Peer]; old != nil {
		if old.busy || old.Size > e.Size {
			c.refuse(e, wire.ReasonBusy)
			return
		}
		c.refuse(old.Proposal, wire.ReasonBusy)
	}
	c.heard(s, []wire.Holding{{Chain: e.Chain, Size: e.Size, Signed: e.Note}})
	c.witness.petitions[e.Peer] = &petition{Proposal: e, deadline: c.now.Add(c.iv.Wait)}
}

func (c *Core) refuse(e Proposal, why wire.Reason) {
	c.do(Answer{Request: e.Request, Message: &wire.Refused{Reason: why}})
}

// followWitness asks the disk about what may be satisfied now.
func (c *Core) followWitness() {
	if !c.witness.stirred || len(c.witness.petitions) == 0 {
		return
	}
	c.witness.stirred = false
	for _, author := range slices.Sorted(maps.Keys(c.witness.petitions)) {
		c.consider(c.witness.petitions[author])
	}
}

func (c *Core) consider(p *petition) {
	ch := c.chain(p.Chain)
	if p.again = p.busy || c.now.Before(p.rest); p.again {
		return
	}
	switch {
	case ch == nil:
	case ch.Evidence != nil:
		c.settle(p, &wire.Refused{Reason: wire.ReasonForked})
	case ch.disputed != nil:
		c.settle(p, &wire.Refused{Reason: wire.ReasonConflict, Note: ch.disputed})
	case c.waits && !c.mayRelease():
		c.settle(p, &wire.Refused{Reason: wire.ReasonBehind, Size: ch.Size})
	case c.waits:
		c.release()
	case ch.Size >= p.Size:
		p.busy, p.began = true, c.now
		c.do(Cosign{Task: c.begin(func(e Event) {
			p.busy = false
			c.considered(p, e.(Cosigned))
		}), Peer: p.Peer, Size: p.Size, Note: p.Note})
	}
}

// considered takes the disk's answer.
func (c *Core) considered(p *petition, e Cosigned) {
	switch e.Result {
	case Done:
		c.settle(p, &wire.Cosigned{Line: e.Line})
	case Behind:
		if c.now.Before(p.deadline) {
			// To find out may have taken long: half of the time is for others.
			p.rest = c.now.Add(c.now.Sub(p.began))
			c.witness.stirred = c.witness.stirred || p.again
			return
		}
		c.settle(p, &wire.Refused{Reason: wire.ReasonBehind, Size: e.Size})
	case Conflict:
		if e.Note == nil { // no second root of that size, but something further down
			c.witness.pauses[p.Peer] = c.now.Add(refusedPause)
		}
		c.log(slog.LevelError, "proposal contradicts what is stored", "chain", p.Chain, "size", p.Size, "err", e.Err)
		c.settle(p, &wire.Refused{Reason: wire.ReasonConflict, Note: e.Note})
	case Forked:
		c.settle(p, &wire.Refused{Reason: wire.ReasonForked})
	case Over:
		c.settle(p, &wire.Refused{Reason: wire.ReasonEnded})
	case Old:
		c.settle(p, &wire.Refused{Reason: wire.ReasonCharter})
	default:
		c.log(slog.LevelError, "not cosigned", "chain", p.Chain, "size", p.Size, "err", e.Err)
		c.settle(p, &wire.Refused{Reason: wire.ReasonBusy})
	}
}

func (c *Core) settle(p *petition, m wire.Message) {
	delete(c.witness.petitions, p.Peer)
	c.do(Answer{Request: p.Request, Message: m})
}

// mayRelease reports whether a witness that does not know what it has cosigned
// may go on: every other cosigner has told everything that it holds, and of each
// checkpoint that one has told, that or a newer one is stored here.
func (c *Core) mayRelease() bool {
	for _, v := range c.net.Cosigners {
		if v.Member == c.cfg.Member {
			continue
		}
		s := c.sessionOf(v.Node)
		if s == nil || !s.all || !c.holdsAllOf(s) {
			return false
		}
	}
	return true
}

func (c *Core) holdsAllOf(s *session) bool {
	if s.theirs[s.Number] == nil {
		return false
	}
	for number, h := range s.theirs {
		newest := uint64(0)
		if ch := c.chain(number); ch != nil {
			if ch.keeping {
				return false // it may contradict what is stored
			}
			newest = max(ch.LatestSize, ch.FinalSize)
		}
		for _, n := range []note{h.signed, h.final} {
			if n.raw != nil && n.size > newest {
				return false
			}
		}
	}
	return true
}

func (c *Core) release() {
	if c.witness.releasing {
		return
	}
	c.witness.releasing = true
	c.do(Release{Task: c.begin(func(e Event) {
		c.witness.releasing = false
		if e := e.(Ended); e.Result == Done {
			c.waits = false
		} else {
			c.log(slog.LevelError, "witness not released", "err", e.Err)
		}
		c.witness.stirred = true
	})})
}

// ringWitness refuses what has waited long enough.
func (c *Core) ringWitness() {
	for _, author := range slices.Sorted(maps.Keys(c.witness.petitions)) {
		p := c.witness.petitions[author]
		if p.again && due(p.rest, c.now) {
			c.witness.stirred = true
		}
		if p.busy || c.now.Before(p.deadline) {
			continue
		}
		var size uint64
		if ch := c.chain(p.Chain); ch != nil {
			size = ch.Size
		}
		c.settle(p, &wire.Refused{Reason: wire.ReasonBehind, Size: size})
	}
}

func (c *Core) nextWitness(at *alarmClock) {
	for _, p := range c.witness.petitions {
		if !p.busy {
			at.set(p.deadline)
		}
		if !p.busy && p.again {
			at.set(p.rest)
		}
	}
}
