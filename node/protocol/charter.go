package protocol

import (
	"log/slog"
	"time"

	"suyuan/ledger"
	"suyuan/node/wire"
)

// charters is the pursuit of newer charter versions: one request at a time, one
// version after the other, because each is verified against the one before it.
type charters struct {
	busy  bool
	retry time.Time // when somebody who is passed over may be asked again
}

// aboutCharters is the chain number under which blame keeps who fails to give
// charters that it says it has.
const aboutCharters = 0

func (c *Core) charterNews() *wire.Charter {
	return &wire.Charter{Version: c.net.Version(), Hash: c.net.Hashes[c.net.Version()-1]}
}

func (c *Core) tellCharter() {
	for _, s := range c.sessions() {
		s.out.charter = c.charterNews()
		c.queue(s)
	}
}

// heardCharter notes what a peer says of its newest charter.
func (c *Core) heardCharter(s *session, m *wire.Charter) {
	if m.Version <= c.net.Version() && c.net.Hashes[m.Version-1] != m.Hash {
		c.dispute(s.peer, m.Version)
		return
	}
	if m.Version >= s.charter {
		s.charter, s.claimed = m.Version, m.Hash
	}
}

// compareCharters looks whether a version that has just been adopted is the one
// that peers hold.
func (c *Core) compareCharters() {
	for _, s := range c.sessions() {
		if s.charter <= c.net.Version() && s.claimed != (ledger.Hash{}) && c.net.Hashes[s.charter-1] != s.claimed {
			c.dispute(s.peer, s.charter)
		}
	}
}

// dispute has another charter of a version fetched that is held: if it is
// complete, the disk keeps both as proof that there are two, and takes no further
// one. It is asked for once, whether the peer is admitted or not: two nodes with
// different charters do not admit each other, and yet have to learn of both.
func (c *Core) dispute(p *peer, version uint64) {
	if p.disputed >= version {
		return
	}
	p.disputed = version
	q := c.ask(p, aboutCharters, 0)
	c.do(FetchCharter{Task: c.begin(func(e Event) {
		c.requests.answered(q)
		if r := e.(Ended); r.Result == Broken || r.Result == Busy {
			p.disputed = 0
		} else {
			c.log(slog.LevelError, "a peer has another charter", "version", version, "peer", p.Number, "err", r.Err)
		}
	}), Peer: p.Number, Version: version})
}

// wantCharter notes that a peer has a version that may be lacking here.
func (c *Core) wantCharter(s *session, version uint64) {
	if s != nil && version > s.charter {
		s.charter, s.claimed = version, ledger.Hash{}
	}
}

// charterBehind reports whether an admitted peer claims a charter that is not
// held here and that it has not yet failed to give.
func (c *Core) charterBehind() bool {
	for _, s := range c.sessions() {
		if s.charter > c.net.Version() && c.blame.until(c.now, s.Number, aboutCharters).IsZero() {
			return true
		}
	}
	return false
}

// followCharters asks one of those that claim a newer version for the next.
func (c *Core) followCharters() {
	c.charters.retry = time.Time{}
	if c.charters.busy {
		return
	}
	var list []*session
	var wait alarmClock
	for _, s := range c.sessions() {
		if s.charter <= c.net.Version() || !c.mayAsk(s.peer) {
			continue
		}
		if until := c.blame.until(c.now, s.Number, aboutCharters); !until.IsZero() {
			wait.set(until)
			continue
		}
		list = append(list, s)
	}
	c.charters.retry = wait.at
	if len(list) == 0 {
		return
	}
	s := list[c.rnd.IntN(len(list))]
	c.charters.busy = true
	q := c.ask(s.peer, aboutCharters, 0)
	c.do(FetchCharter{Task: c.begin(func(e Event) {
		c.charters.busy = false
		c.requests.answered(q)
		c.charterCame(q, e.(Ended))
	}), Peer: s.Number, Version: c.net.Version() + 1})
}

// charterCame blames who does not give what it says it has.
func (c *Core) charterCame(q *request, e Ended) {
	switch e.Result {
	case Done:
	case NotHeld, Invalid:
		c.offend(q.Number, aboutCharters, e.Err)
	default:
		c.punish(q, e)
	}
}

func (c *Core) nextCharter(at *alarmClock) {
	if !c.charters.busy {
		at.set(c.charters.retry)
	}
}
