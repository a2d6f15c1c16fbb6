package protocol

import (
	"log/slog"
	"time"

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

// heardCharter notes what a peer says of its newest charter. One that is held
// with another body may be proof that there are two: once per session it is
// fetched, and the disk keeps both if it is complete.
func (c *Core) heardCharter(s *session, m *wire.Charter) {
	if m.Version > c.net.Version() || c.net.Hashes[m.Version-1] == m.Hash {
		c.wantCharter(s, m.Version)
		return
	}
	if s.disputed {
		return
	}
	s.disputed = true
	c.charters.busy = true
	c.fetchCharter(s, m.Version, func(e Ended) {
		c.log(slog.LevelError, "a peer has another charter", "version", m.Version, "peer", s.Number, "err", e.Err)
	})
}

// wantCharter notes that a peer has a version that may be lacking here.
func (c *Core) wantCharter(s *session, version uint64) {
	if s != nil {
		s.charter = max(s.charter, version)
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
	c.fetchCharter(s, c.net.Version()+1, func(e Ended) {
		if e.Result == NotHeld { // and yet it claims it
			e.Result = Invalid
		}
		switch e.Result {
		case Done:
		case Invalid:
			c.offend(s.Number, aboutCharters, e.Err)
		default:
			c.punish(s.peer, aboutCharters, e)
		}
	})
}

func (c *Core) fetchCharter(s *session, version uint64, then func(Ended)) {
	ended := c.ask(s.peer)
	c.do(FetchCharter{Task: c.begin(func(e Event) {
		c.charters.busy = false
		ended()
		then(e.(Ended))
	}), Peer: s.Number, Version: version})
}

func (c *Core) nextCharter(at *alarmClock) {
	if !c.charters.busy {
		at.set(c.charters.retry)
	}
}
