package protocol

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"suyuan/ledger"
	"suyuan/node/wire"
)

// A peer is another node of the newest charter.
type peer struct {
	Node
	dialling  bool
	again     bool      // a reason to dial came meanwhile
	due       time.Time // when to dial; zero: not before something happens
	attempt   int       // dials and short sessions since the last long one
	session   *session  // nil unless admitted
	lastErr   error
	narrow    uint       // how often the size of what is asked for is halved
	passed    int        // answers since that changed
	statement *wire.Addr // the newest that it has said of where it listens
	told      bool       // it has been passed on
	disputed  uint64     // the newest version of which its other charter has been asked for

	streams    pace      // that it opens
	statements pace      // that are passed on
	left       time.Time // when the last session ended
}

// A session is one ctl stream, from its beginning to our end of it.
type session struct {
	*peer
	stream   Stream
	ours     bool // we opened it
	admitted bool
	instance uint64    // of the peer's process
	since    time.Time // of the stream, then of the admission
	heard    time.Time

	out     *outbox
	queued  bool // in Core.outgoing
	sending bool

	ping    time.Time // when to send the next
	pinged  time.Time // when the last was sent, zero once it was answered
	token   uint64
	rtt     time.Duration
	told    map[uint32]wire.Holding // what we told last, to tell nothing twice
	theirs  map[uint32]*holding
	strange int         // of these, chains that no charter held has
	all     bool        // the peer has told everything that it held when it was admitted
	charter uint64      // the newest version that it says it has
	claimed ledger.Hash // the hash that it said of that; zero if it said none

	alerts   []*wire.Alert         // evidence that waits to be judged
	judging  bool                  // one is being judged
	judge    time.Time             // when to judge the next
	addrs    map[uint32]*wire.Addr // statements that wait to be checked
	checking bool
	checks   pace
	stated   map[uint32]uint64 // by node: the newest statement that the peer has sent
}

// members brings the peers in line with the newest charter.
func (c *Core) members(nodes []Node) {
	for _, p := range slices.Clone(c.peers) {
		if !slices.ContainsFunc(nodes, func(n Node) bool { return n.Number == p.Number && n.ID == p.ID }) {
			c.expel(p)
		}
	}
	for _, n := range nodes {
		if p := c.peer(n.Number); p != nil {
			p.Node = n
			continue
		}
		p := &peer{Node: n, streams: pace{every: streamEvery, burst: streamBurst}, statements: pace{every: statementEvery, burst: statementBurst}}
		p.due = c.now.Add(c.yield(p))
		c.peers = append(c.peers, p)
	}
	slices.SortFunc(c.peers, func(a, b *peer) int { return int(a.Number) - int(b.Number) })
}

// expel ends everything with a node that the charter does not have any more.
func (c *Core) expel(p *peer) {
	for _, s := range c.sessionsWith(p) {
		c.drop(s, "", fmt.Errorf("%w: it is not in the charter any more", ErrRefused))
	}
	c.peers = slices.DeleteFunc(c.peers, func(other *peer) bool { return other == p })
	c.blame.forget(p.Number)
	c.do(Cut{ID: p.ID})
}

func (c *Core) peer(number uint32) *peer {
	i, ok := slices.BinarySearchFunc(c.peers, number, func(p *peer, n uint32) int { return int(p.Number) - int(n) })
	if !ok {
		return nil
	}
	return c.peers[i]
}

// sessionOf is the session with a node, nil if it is not admitted.
func (c *Core) sessionOf(number uint32) *session {
	if p := c.peer(number); p != nil {
		return p.session
	}
	return nil
}

// sessionsWith are the streams with a peer that go on, admitted or not.
func (c *Core) sessionsWith(p *peer) (list []*session) {
	for _, id := range slices.Sorted(maps.Keys(c.streams)) {
		if s := c.streams[id]; s.peer == p {
			list = append(list, s)
		}
	}
	return list
}

// yield is how long p is left to dial first. Two nodes that dial each other at
// one moment end with two connections.
func (c *Core) yield(p *peer) time.Duration {
	if p.First {
		return 0
	}
	return c.iv.Yield
}

// reached dials at once, as if nothing had failed before.
func (c *Core) reached(number uint32) {
	p := c.peer(number)
	if p == nil || p.session != nil {
		return
	}
	p.again = p.dialling
	p.attempt, p.due = 0, c.now
	c.dial(p)
}

func (c *Core) dial(p *peer) {
	if p.dialling || p.session != nil || p.due.IsZero() || c.now.Before(p.due) {
		return
	}
	p.dialling, p.due = true, time.Time{}
	c.do(Dial{Peer: p.Number})
}

func (c *Core) notOpened(e NotOpened) {
	if p := c.peer(e.Peer); p != nil {
		p.dialling = false
		c.failed(p, e.Err)
		if p.again {
			c.reached(p.Number)
		}
	}
}

// failed notes why there is no session with p, and when to try again.
func (c *Core) failed(p *peer, err error) {
	p.lastErr = err
	c.log(slog.LevelDebug, "session ended", "peer", p.Number, "member", p.Member, "err", err)
	if p.session == nil && !p.dialling {
		p.due = c.now.Add(backoff(p.attempt, c.iv.Retry, MaxRetry, c.rnd) + c.yield(p))
		p.attempt++
	}
}

// opened greets the peer of a new stream.
func (c *Core) opened(e Opened) {
	p := c.peer(e.Peer)
	if p == nil {
		c.do(HangUp{Stream: e.Stream})
		return
	}
	if e.Ours {
		p.dialling = false
	} else if !p.streams.take(c.now) {
		c.log(slog.LevelDebug, "too many streams", "peer", p.Number, "member", p.Member)
		c.do(HangUp{Stream: e.Stream})
		return
	}
	s := &session{peer: p, stream: e.Stream, ours: e.Ours, since: c.now, heard: c.now, out: newOutbox()}
	c.streams[e.Stream] = s
	s.out.hello = c.hello()
	c.queue(s)
}

func (c *Core) received(e Received) {
	s := c.streams[e.Stream]
	if s == nil {
		return // we have ended it
	}
	s.heard = c.now
	if bye, ok := e.Message.(*wire.Bye); ok {
		why := ErrLeft
		if !s.admitted {
			why = ErrTurnedAway
		}
		c.drop(s, "", fmt.Errorf("%w: %q", why, bye.Reason))
		return
	}
	hello, ok := e.Message.(*wire.Hello)
	switch {
	case ok == s.admitted:
		c.drop(s, "", fmt.Errorf("%w: message type %d", ErrProtocol, e.Message.Type()))
	case ok:
		c.greeted(s, hello)
	default:
		c.listen(s, e.Message)
	}
}

// greeted admits the peer of a stream, or says why not.
func (c *Core) greeted(s *session, h *wire.Hello) {
	err := c.checkHello(s, h)
	if errors.Is(err, errTwoCharters) {
		c.dispute(s.peer, h.Charter)
	}
	if err == nil {
		s.instance = h.Instance
		err = c.makeRoom(s)
	}
	if err != nil {
		c.drop(s, err.Error(), err)
		return
	}
	s.admitted, s.since, s.charter, s.claimed = true, c.now, h.Charter, h.CharterHash
	s.told, s.theirs, s.addrs = make(map[uint32]wire.Holding), make(map[uint32]*holding), make(map[uint32]*wire.Addr)
	s.stated = make(map[uint32]uint64)
	s.checks = pace{every: checkEvery, burst: len(c.peers) + statementBurst}
	s.peer.session, s.peer.due = s, time.Time{}
	c.do(Admit{Stream: s.stream, Peer: s.Number})
	c.log(slog.LevelInfo, "peer admitted", "peer", s.Number, "member", s.Member)
	c.welcome(s)
	c.sessionsChanged(s.Number)
	if c.now.Sub(s.left) > c.iv.Full {
		c.attach.retry()
	}
}

var errTwoCharters = errors.New("another charter version")

func (c *Core) checkHello(s *session, h *wire.Hello) error {
	switch {
	case h.Version != wire.Version:
		return fmt.Errorf("%w: protocol version %d, not %d", ErrRefused, h.Version, wire.Version)
	case h.Network != c.cfg.Network:
		return fmt.Errorf("%w: of network %s, not %s", ErrRefused, h.Network, c.cfg.Network)
	case h.Number != s.Number:
		return fmt.Errorf("%w: the charter gives its key to node %d, not %d", ErrRefused, s.Number, h.Number)
	case h.Charter >= 1 && h.Charter <= c.net.Version() && c.net.Hashes[h.Charter-1] != h.CharterHash:
		return fmt.Errorf("%w: it has %w %d", ErrRefused, errTwoCharters, h.Charter)
	}
	return nil
}

// makeRoom decides between two streams of one peer. Both sides keep the one that
// the lower peer id opened, and the newer of two with the same opener. A stream
// of a new process replaces any of the old one's.
func (c *Core) makeRoom(s *session) error {
	old := s.peer.session
	if old == nil {
		return nil
	}
	if old.instance == s.instance && old.ours != s.ours && s.ours != s.Lower {
		return fmt.Errorf("%w: there is a session already", ErrRefused)
	}
	c.drop(old, ErrReplaced.Error(), ErrReplaced)
	return nil
}

// drop ends a stream, with a reason for the peer or without.
func (c *Core) drop(s *session, bye string, err error) {
	c.do(HangUp{Stream: s.stream, Bye: bye[:min(len(bye), wire.MaxReason)]})
	c.over(s, err)
}

func (c *Core) closed(e Closed) {
	if s := c.streams[e.Stream]; s != nil {
		c.over(s, e.Err)
	}
}

// over forgets a stream.
func (c *Core) over(s *session, err error) {
	delete(c.streams, s.stream)
	if s.peer.session == s {
		s.peer.session, s.left = nil, c.now
		if c.now.Sub(s.since) > c.iv.Dead { // it was a session, not an attempt
			s.peer.attempt = 0
		}
		c.do(Dismiss{Stream: s.stream, Peer: s.Number})
		c.log(slog.LevelInfo, "peer left", "peer", s.Number, "member", s.Member)
		c.sessionsChanged(s.Number)
	}
	c.failed(s.peer, err)
}

// sessionsChanged tells the parts that a node came or went.
func (c *Core) sessionsChanged(number uint32) {
	c.listSessions()
	c.rounds.connected(number)
	c.witness.stirred = true
}

// queue has what is in a session's outbox sent.
func (c *Core) queue(s *session) {
	if !s.queued {
		s.queued = true
		c.outgoing = append(c.outgoing, s)
	}
}

// sent writes on, if there is something.
func (c *Core) sent(id Stream) {
	if s := c.streams[id]; s != nil {
		s.sending = false
		c.queue(s)
	}
}

// flush sends what has been queued. Where a Send is under way, Sent will come.
func (c *Core) flush() {
	for _, s := range c.outgoing {
		s.queued = false
		if s.sending || c.streams[s.stream] != s {
			continue
		}
		if list := s.out.take(); len(list) > 0 {
			s.sending = true
			c.do(Send{Stream: s.stream, Messages: list})
		}
	}
	c.outgoing = c.outgoing[:0]
}

// ringLinks dials, pings, and gives up who is silent.
func (c *Core) ringLinks() {
	for _, id := range slices.Sorted(maps.Keys(c.streams)) {
		s := c.streams[id]
		switch {
		case !s.admitted && !c.now.Before(s.since.Add(helloTimeout)), s.admitted && !c.now.Before(s.heard.Add(c.iv.Dead)):
			c.drop(s, "", ErrSilent)
		case s.admitted && !c.now.Before(s.ping):
			c.sendPing(s)
		}
	}
	for _, s := range c.sessions() {
		c.judge(s)
		c.checkAddress(s)
	}
	for _, p := range c.peers {
		c.spread(p)
		c.dial(p)
	}
}

func (c *Core) nextLinks(at *alarmClock) {
	for _, s := range c.admitted {
		at.set(s.heard.Add(c.iv.Dead))
		at.set(s.ping)
		if len(s.alerts) > 0 && !s.judging {
			at.set(s.judge)
		}
		if len(s.addrs) > 0 && !s.checking {
			at.set(s.checks.next())
		}
	}
	if len(c.streams) > len(c.admitted) {
		for _, s := range c.streams {
			if !s.admitted {
				at.set(s.since.Add(helloTimeout))
			}
		}
	}
	for _, p := range c.peers {
		if !p.dialling && p.session == nil {
			at.set(p.due)
		}
		if p.statement != nil && !p.told {
			at.set(p.statements.next())
		}
	}
}

func (c *Core) sendPing(s *session) {
	s.token++
	s.ping, s.pinged = c.now.Add(c.iv.Ping), c.now
	s.out.ping = &wire.Ping{Token: s.token}
	c.queue(s)
}

// ponged takes the answer to our PING; everything that the peer had to tell has
// come before the first.
func (c *Core) ponged(s *session, token uint64) {
	if token == s.token && !s.pinged.IsZero() {
		s.rtt, s.pinged = c.now.Sub(s.pinged), time.Time{}
	}
	s.all = true
	c.witness.stirred = true
}
