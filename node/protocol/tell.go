package protocol

import (
	"bytes"
	"time"

	"suyuan/ledger"
	"suyuan/node/wire"
)

// A holding is what a peer says it has stored of one chain.
type holding struct {
	size      uint64
	finalSize uint64 // as it said last, also when the note has been dealt with
	signed    note   // not yet looked at, or ahead of what is stored here
	final     note
	early     bool // they rest on a charter that is not held here yet
}

// A note is a checkpoint that somebody has named, with the size that it claims.
type note struct {
	size uint64
	raw  []byte // nil: none
}

// best is the note against which the peer can prove the most.
func (h *holding) best() note {
	if h.signed.raw != nil && (h.final.raw == nil || h.signed.size > h.final.size) {
		return h.signed
	}
	return h.final
}

// drop forgets a note, unless a newer one has come.
func (h *holding) drop(n note) {
	for _, slot := range []*note{&h.signed, &h.final} {
		if bytes.Equal(slot.raw, n.raw) {
			*slot = note{}
		}
	}
}

// gossip is when to tell what.
type gossip struct {
	own  time.Time // the own chain, to all; zero if all know it
	last time.Time // when it was told
	some time.Time // other nodes' chains, to some
	all  time.Time // everything, to all
}

// welcome queues what a newly admitted peer has to know.
func (c *Core) welcome(s *session) {
	c.sendPing(s)
	if s.charter < c.net.Version() {
		s.out.charter = c.charterNews()
	}
	if c.ownAddress != nil {
		s.out.addrs[c.cfg.Number] = c.ownAddress
	}
	for _, p := range c.peers {
		if p.statement != nil && p != s.peer {
			s.out.addrs[p.Number] = p.statement
		}
	}
	for _, ch := range c.chains {
		if ch.Evidence != nil {
			s.out.alerts[ch.Number] = ch.Evidence
		}
		c.tell(s, ch, true)
	}
}

// listen takes what an admitted peer says.
func (c *Core) listen(s *session, m wire.Message) {
	switch m := m.(type) {
	case *wire.Have:
		c.heard(s, m.Chains)
	case *wire.Addr:
		c.heardAddress(s, m)
	case *wire.Charter:
		c.heardCharter(s, m)
	case *wire.Alert:
		c.heardAlert(s, m)
	case *wire.Ping:
		if m.Answer {
			c.ponged(s, m.Token)
		} else {
			s.out.pong = &wire.Ping{Token: m.Token, Answer: true}
			c.queue(s)
		}
	}
}

// heard takes over what a peer has stored.
func (c *Core) heard(s *session, list []wire.Holding) {
	for i := range list {
		c.heardOf(s, &list[i])
	}
}

func (c *Core) heardOf(s *session, said *wire.Holding) {
	h := s.holding(said.Chain, c.chain(said.Chain) != nil)
	if h == nil {
		return
	}
	h.size, h.early = said.Size, false
	if c.blame.barred(c.now, s.Number, said.Chain) {
		return
	}
	for _, part := range []struct {
		raw  []byte
		slot *note
	}{{said.Signed, &h.signed}, {said.Final, &h.final}} {
		if len(part.raw) == 0 {
			continue
		}
		_, size, ok := ledger.PeekCheckpoint(part.raw)
		if !ok {
			if c.chain(said.Chain) != nil { // others can be named without end, and each would be remembered
				c.offend(s.Number, said.Chain, "a checkpoint that is none")
			}
			continue
		}
		*part.slot = note{size, part.raw}
	}
	if h.final.raw != nil {
		h.finalSize = h.final.size
	}
	if ch := c.chain(said.Chain); ch != nil {
		c.stir(ch)
	}
	c.witness.stirred = true
}

// holding is what the peer says of a chain, nil if it speaks of too many that are not
// known here.
func (s *session) holding(chain uint32, known bool) *holding {
	h := s.theirs[chain]
	if h != nil {
		return h
	}
	if !known {
		if s.strange == maxStrange {
			return nil
		}
		s.strange++
	}
	h = &holding{}
	s.theirs[chain] = h
	return h
}

// tell queues what is stored of a chain for a peer, if it has not been told that
// and, as far as we know, lacks it; or in any case if full.
func (c *Core) tell(s *session, ch *chain, full bool) {
	if ch.Size == 0 {
		return
	}
	h := ch.holding()
	theirs := s.theirs[ch.Number]
	news := !same(s.told[ch.Number], h) && (ch.Number == c.cfg.Number || theirs == nil || theirs.lacks(ch))
	if full || news {
		s.told[ch.Number] = h
		s.out.holdings[ch.Number] = h
		c.queue(s)
	}
}

// holding is what is announced of a chain. The notes never claim more than the
// size: the peer would ask for what is not there.
func (ch *chain) holding() wire.Holding {
	h := wire.Holding{Chain: ch.Number, Size: ch.Size}
	if ch.Final != nil && ch.FinalSize <= ch.Size {
		h.Final = ch.Final
	}
	if ch.Latest != nil && ch.LatestSize <= ch.Size && (ch.Final == nil || ch.LatestSize > ch.FinalSize) {
		h.Signed = ch.Latest
	}
	return h
}

func same(a, b wire.Holding) bool {
	return a.Size == b.Size && bytes.Equal(a.Signed, b.Signed) && bytes.Equal(a.Final, b.Final)
}

// lacks reports whether the peer's holding is older than ours, by its own word.
func (h *holding) lacks(ch *chain) bool {
	return ch.Size > h.size || ch.Final != nil && ch.FinalSize > h.finalSize
}

// tellAll tells a peer of every chain what it lacks, or everything.
func (c *Core) tellAll(s *session, full bool) {
	for _, ch := range c.chains {
		c.tell(s, ch, full)
	}
}

// acknowledge says how much is stored of the chains of which the peer has as much
// or more: without notes, which it does not need, so that status can tell who has
// what.
func (c *Core) acknowledge(s *session) {
	for _, ch := range c.chains {
		_, pending := s.out.holdings[ch.Number]
		if told := s.told[ch.Number]; !pending && ch.Size > told.Size {
			h := wire.Holding{Chain: ch.Number, Size: ch.Size}
			s.told[ch.Number], s.out.holdings[ch.Number] = h, h
			c.queue(s)
		}
	}
}

// ownNews has the own chain told to everybody, soon.
func (c *Core) ownNews() {
	if c.gossip.own.IsZero() {
		c.gossip.own = c.gossip.last.Add(c.iv.Have)
	}
}

// ringGossip tells the own chain to all when it has grown, now and then some
// random peers of other nodes' chains, so that what one node has reaches those
// that its author cannot reach, and everybody everything once in a while, so that
// whatever was missed is repaired.
func (c *Core) ringGossip() {
	g := &c.gossip
	if due(g.own, c.now) {
		g.own, g.last = time.Time{}, c.now
		for _, p := range c.peers {
			if own := c.chain(c.cfg.Number); p.session != nil && own != nil {
				c.tell(p.session, own, false)
			}
		}
	}
	if due(g.some, c.now) {
		list := c.sessions()
		for _, i := range c.rnd.Perm(len(list))[:min(len(list), gossipPeers)] {
			c.tellAll(list[i], false)
			c.acknowledge(list[i])
		}
	}
	if due(g.all, c.now) {
		for _, s := range c.sessions() {
			c.tellAll(s, true)
		}
	}
	if g.some.IsZero() || due(g.some, c.now) {
		g.some = c.now.Add(c.iv.Gossip)
	}
	if g.all.IsZero() || due(g.all, c.now) {
		g.all = c.now.Add(jitter(c.iv.Full, c.rnd))
	}
}

func due(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

func (c *Core) nextGossip(at *alarmClock) {
	at.set(c.gossip.own)
	if c.gossip.some.IsZero() {
		at.set(c.now) // the first time: sets both
		return
	}
	at.set(c.gossip.some)
	at.set(c.gossip.all)
}

// sessions are the admitted peers by number. The list is not changed any more:
// when sessions change there is another.
func (c *Core) sessions() []*session { return c.admitted }

func (c *Core) listSessions() {
	c.admitted = nil
	for _, p := range c.peers {
		if p.session != nil {
			c.admitted = append(c.admitted, p.session)
		}
	}
}

// moved takes a new statement of our own.
func (c *Core) moved(a *wire.Addr) {
	c.ownAddress = a
	for _, s := range c.sessions() {
		s.out.addrs[c.cfg.Number] = a
		c.queue(s)
	}
}

// heardAddress has a statement checked, if it is new.
func (c *Core) heardAddress(s *session, a *wire.Addr) {
	p := c.peer(a.Number)
	if p == nil {
		return
	}
	s.stated[a.Number] = max(s.stated[a.Number], a.Seq)
	if p.statement != nil && p.statement.Seq >= a.Seq {
		return
	}
	if old := s.addrs[a.Number]; old == nil || old.Seq < a.Seq {
		s.addrs[a.Number] = a
	}
	c.checkAddress(s)
}

// checkAddress checks one of the statements of a session that wait for it.
func (c *Core) checkAddress(s *session) {
	if s.checking || c.streams[s.stream] != s || c.now.Before(s.checks.next()) {
		return
	}
	for _, p := range c.peers {
		a := s.addrs[p.Number]
		if a == nil {
			continue
		}
		delete(s.addrs, p.Number)
		if p.statement != nil && p.statement.Seq >= a.Seq {
			continue // another peer was faster
		}
		s.checking = true
		s.checks.take(c.now)
		c.do(CheckAddress{Task: c.begin(func(e Event) {
			s.checking = false
			c.addressChecked(a, e.(AddressChecked).OK)
			c.checkAddress(s)
		}), Statement: a})
		return
	}
}

// addressChecked takes over what is new and true.
func (c *Core) addressChecked(a *wire.Addr, ok bool) {
	p := c.peer(a.Number)
	if ok && p != nil && (p.statement == nil || p.statement.Seq < a.Seq) {
		p.statement, p.told = a, false
		c.spread(p)
	}
}

// spread passes on where a node says that it listens to those who are not known to
// have it, and dials.
func (c *Core) spread(p *peer) {
	if p.statement == nil || p.told || !p.statements.take(c.now) {
		return
	}
	p.told = true
	for _, s := range c.sessions() {
		if s.peer != p && s.stated[p.Number] < p.statement.Seq {
			s.out.addrs[p.Number] = p.statement
			c.queue(s)
		}
	}
	c.reached(p.Number)
}
