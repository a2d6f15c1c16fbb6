package protocol

import (
	"bytes"
	"log/slog"
	"maps"
	"math"
	"slices"
	"time"
)

// A chain is what is stored of one, and what is being done about the rest. There
// is never more than one request or write for a chain.
type chain struct {
	Chain
	stirred bool      // there may be something to do
	busy    bool      // a task is under way
	keeping bool      // that is a Keep, which may find a contradiction
	hungry  bool      // somebody has more, and no request fitted in
	retry   time.Time // when somebody who is passed over may be asked again
	spans   []span
	gap     gap

	claimed      uint64 // of the own chain: the newest checkpoint that was given to the disk before its entries are stored
	back         lookBack
	overruled    uint64    // of a forked chain: the newest final size that was given to the disk and is not stored
	strife       time.Time // when to look again at notes, after one that contradicts
	disputed     []byte    // a note that contradicts what is stored, without proof so far
	disputedSize uint64    // LatestSize when that was tried last
}

func (c *Core) stir(ch *chain) { ch.stirred = true }

// grown takes note of what has changed on disk.
func (c *Core) grown(ch *chain, before *Chain) {
	c.stir(ch)
	if ch.Number != c.cfg.Number {
		return
	}
	if ch.Size != before.Size || ch.LatestSize != before.LatestSize || !bytes.Equal(ch.Final, before.Final) {
		c.ownNews()
		c.rounds.stir()
	}
}

// followChains goes on with the chains about which there is news.
func (c *Core) followChains() {
	freed := c.requests.freed
	c.requests.freed = false
	if len(c.chains) == 0 {
		return
	}
	// Each time another chain comes first, so that none goes hungry.
	c.turn++
	for i := range c.chains {
		ch := c.chains[(i+c.turn)%len(c.chains)]
		if (ch.stirred || ch.hungry && freed) && !ch.busy {
			ch.stirred, ch.hungry, ch.retry = false, false, time.Time{}
			c.goOn(ch)
		}
	}
}

// goOn begins the next thing to do for a chain, if there is one: checkpoints
// whose entries are stored first, because they may be proof of a fork; then
// entries; then disclosures.
func (c *Core) goOn(ch *chain) {
	if c.keepNext(ch) || c.claimNext(ch) || c.overruleNext(ch) || c.lookBackNext(ch) || c.fetchNext(ch) || c.fillNext(ch) {
		return
	}
	c.discloseNext(ch)
}

func (c *Core) ringChains() {
	for _, ch := range c.chains {
		if due(ch.retry, c.now) {
			c.stir(ch)
		}
	}
}

func (c *Core) nextChains(at *alarmClock) {
	for _, ch := range c.chains {
		if !ch.busy {
			at.set(ch.retry)
		}
	}
}

// keepNext has one checkpoint stored that a peer has named and whose entries are
// stored by now.
func (c *Core) keepNext(ch *chain) bool {
	if ch.disputed != nil && max(ch.LatestSize, ch.FinalSize) > ch.disputedSize {
		raw := ch.disputed
		ch.disputed = nil
		c.keep(ch, nil, note{raw: raw}, func(Result) {})
		return true
	}
	if c.now.Before(ch.strife) {
		ch.retry = sooner(ch.retry, ch.strife)
		return false
	}
	for _, s := range c.sessions() {
		h := s.theirs[ch.Number]
		if h == nil || h.early {
			continue
		}
		for _, slot := range []*note{&h.signed, &h.final} {
			n := *slot
			if n.raw == nil || n.size > ch.Size {
				continue
			}
			*slot = note{}
			if bytes.Equal(n.raw, ch.Latest) || bytes.Equal(n.raw, ch.Final) {
				continue
			}
			c.keep(ch, s.peer, n, func(r Result) {
				if h.early = h.early || r == Early; r == Early && slot.raw == nil { // nothing newer has come meanwhile
					*slot = n
				}
			})
			return true
		}
	}
	return false
}

// claimNext has the disk take note of a checkpoint under the own log key of entries
// that are not stored, before anything is done about them: if our key has signed it,
// entries have been lost or somebody else has the key, and nothing may be signed
// before that is settled. It goes before fetching back, at the end of which the node
// may sign again.
func (c *Core) claimNext(ch *chain) bool {
	if ch.Number != c.cfg.Number || ch.Evidence != nil || ch.Ended {
		return false
	}
	for _, s := range c.sessions() {
		h := s.theirs[ch.Number]
		if h == nil || h.early {
			continue
		}
		n := h.best()
		if n.raw == nil || n.size <= max(ch.Size, ch.claimed) {
			continue
		}
		c.keep(ch, s.peer, n, func(r Result) {
			switch r {
			case Early:
				h.early = true
			case Behind:
				ch.claimed = max(ch.claimed, n.size)
			default:
				h.drop(n)
			}
		})
		return true
	}
	return false
}

// overruleNext has the disk take note of a final checkpoint of a forked chain whose
// entries are not stored. They may never be, if those of the other history are; and
// the witness has to know that they count.
func (c *Core) overruleNext(ch *chain) bool {
	if ch.Evidence == nil {
		return false
	}
	for _, s := range c.sessions() {
		h := s.theirs[ch.Number]
		if h == nil || h.early || h.final.raw == nil || h.final.size <= max(ch.Size, ch.overruled) {
			continue
		}
		n := h.final
		c.keep(ch, s.peer, n, func(r Result) {
			switch {
			case r == Early:
				h.early = true
			case r == Behind:
				ch.overruled = n.size
			case bytes.Equal(h.final.raw, n.raw):
				h.final = note{}
			}
		})
		return true
	}
	return false
}

// keep gives a checkpoint to the disk. then is called with what became of it: Early
// if it rests on a charter that is not held yet.
func (c *Core) keep(ch *chain, p *peer, n note, then func(Result)) {
	ch.busy, ch.keeping = true, true
	number := uint32(0)
	if p != nil {
		number = p.Number
	}
	c.do(Keep{Task: c.begin(func(e Event) {
		ch.busy, ch.keeping = false, false
		c.kept(ch, number, n, e.(Ended), then)
		c.stir(ch)
		c.witness.stirred = true
	}), Peer: number, Chain: ch.Number, Note: n.raw})
}

func (c *Core) kept(ch *chain, from uint32, n note, e Ended, then func(Result)) {
	if e.Result == Invalid && c.charterBehind() {
		e.Result = Early
	}
	then(e.Result)
	switch e.Result {
	case Done:
		ch.Size = max(ch.Size, n.size) // Stored is on its way
	case Early:
	case Invalid:
		c.offend(from, ch.Number, e.Err)
	case Behind:
		if ch.Number == c.cfg.Number && ch.Evidence == nil {
			c.log(slog.LevelWarn, "own entries are fetched back", "chain", ch.Number, "size", ch.Size, "n", n.size)
		}
	case Forked:
		ch.strife = c.now.Add(keepEvery)
		c.log(slog.LevelDebug, "another checkpoint of a forked chain", "chain", ch.Number, "peer", from)
	case Conflict:
		ch.strife = c.now.Add(keepEvery)
		// Somebody has signed what we cannot have both. Another checkpoint of the
		// history that is stored will prove it.
		level := slog.LevelError
		if ch.disputed != nil {
			level = slog.LevelDebug
		}
		ch.disputed, ch.disputedSize = n.raw, max(ch.LatestSize, ch.FinalSize)
		c.log(level, "a checkpoint contradicts what is stored", "chain", ch.Number, "peer", from, "err", e.Err)
	default:
		c.log(slog.LevelWarn, "checkpoint not kept", "chain", ch.Number, "peer", from, "err", e.Err)
	}
}

// retryEarly looks again at what a newer charter may explain.
func (c *Core) retryEarly() {
	for _, s := range c.sessions() {
		for _, h := range s.theirs {
			h.early = false
		}
	}
	for _, ch := range c.chains {
		c.stir(ch)
	}
}

// fetchNext makes one request if a peer names a checkpoint beyond what is stored.
func (c *Core) fetchNext(ch *chain) bool {
	var list []candidate
	var wait alarmClock
	for _, s := range c.sessions() {
		h := s.theirs[ch.Number]
		if h == nil || h.early || c.provable(ch, h).size <= ch.Size {
			continue
		}
		if until := c.blame.until(c.now, s.Number, ch.Number); !until.IsZero() {
			wait.set(until)
			continue
		}
		if !c.mayAsk(s.peer) {
			ch.hungry = true
			continue
		}
		list = append(list, c.candidate(ch, s))
	}
	ch.retry = sooner(ch.retry, wait.at)
	i := choose(list, c.rnd)
	if i < 0 {
		return false
	}
	c.fetch(ch, list[i].session)
	return true
}

func (c *Core) candidate(ch *chain, s *session) candidate {
	return candidate{
		session: s, author: s.Number == ch.Number, own: s.Member == c.cfg.Member, running: c.requests.byMember[s.Member],
	}
}

// A lookBack holds what is stored against what a peer gives of it, from the final
// entries on, after it has given something that does not continue that: either what it
// gave was wrong, or what is stored is of another history than the checkpoint. The one
// is an offence; the other is nobody's but the author's, and if the checkpoint is final
// it is known then which history counts, also if nobody ever proves the fork.
type lookBack struct {
	peer uint32 // 0: nobody is held against anything
	from uint64
	note note
	why  error
}

// lookBackNext makes one request of a look back.
func (c *Core) lookBackNext(ch *chain) bool {
	b := &ch.back
	if b.peer == 0 {
		return false
	}
	s := c.sessionOf(b.peer)
	if s == nil || ch.Evidence != nil || b.note.size < ch.Size {
		*b = lookBack{} // it has left, or the fork is proven, or more is stored
		return false
	}
	if !c.mayAsk(s.peer) {
		ch.hungry = true
		return true
	}
	ch.busy = true
	to := s.pieceEnd(b.from, ch.Size)
	q := c.ask(s.peer, ch.Number, to-b.from)
	c.do(Fetch{Task: c.begin(func(e Event) {
		ch.busy = false
		c.requests.answered(q)
		c.lookedBack(ch, q, to, e.(Ended))
		c.stir(ch)
	}), Peer: q.Number, Chain: ch.Number, From: b.from, To: to, Note: b.note.raw})
	return true
}

// lookedBack goes on until something differs, or nothing does.
func (c *Core) lookedBack(ch *chain, q *request, to uint64, e Ended) {
	b := &ch.back
	switch {
	case e.Result == Conflict:
		c.log(slog.LevelError, "there is another history than is stored", "chain", ch.Number, "peer", q.Number, "err", e.Err)
		c.blame.doubt(c.now, q.Number, ch.Number)
		c.witness.stirred = true
	case e.Result == Done && to < ch.Size:
		b.from = to
		return
	case e.Result == Done:
		c.offend(q.Number, ch.Number, b.why)
	default:
		c.punish(q, e)
	}
	*b = lookBack{}
}

// provable is what a peer can prove of a chain, and is fetched. What is stored is
// never taken back, so that of a forked chain only what is final is, and of one of
// which the store is short of what was signed here only that, or what is final: see
// keeper. To what is due no checkpoint need lead: its holder may have died between
// entries and the checkpoint that came with them, and of an end there need not be one.
func (c *Core) provable(ch *chain, h *holding) note {
	due, short := note{size: ch.Due}, ch.Size < ch.Due
	switch {
	case ch.Number == c.cfg.Number && c.signing:
		return note{} // it is written here
	case ch.Ended && (!short || h.size >= ch.Due):
		return due
	case short && !ch.Ended && h.size >= ch.Due && h.final.size <= ch.Size:
		return due
	case short && !ch.Ended, ch.Evidence != nil:
		return h.final
	}
	return h.best()
}

// fetch asks a peer for the next entries of a chain.
func (c *Core) fetch(ch *chain, s *session) {
	n, from := c.provable(ch, s.theirs[ch.Number]), ch.Size
	ch.busy = true
	to := s.pieceEnd(from, n.size)
	q := c.ask(s.peer, ch.Number, to-from)
	c.do(Fetch{Task: c.begin(func(e Event) {
		ch.busy = false
		c.requests.answered(q)
		c.fetched(ch, q, from, n, e.(Ended))
		c.stir(ch)
	}), Peer: q.Number, Chain: ch.Number, From: from, To: to, Note: n.raw})
}

func (c *Core) fetched(ch *chain, q *request, from uint64, n note, e Ended) {
	if e.Size > ch.Size {
		ch.Size = e.Size
	}
	if e.Size > from {
		ch.noteSpan(q.Number, from, e.Size, ch.Number == c.cfg.Number)
	}
	switch {
	case e.Result == Done:
		c.served(q)
	case e.Result == Invalid && n.raw != nil && from > ch.FinalSize && ch.Number != c.cfg.Number && ch.Evidence == nil && !c.charterBehind():
		ch.back = lookBack{q.Number, ch.FinalSize, n, e.Err}
	case e.Result == Early:
		c.wantCharter(q.session, c.net.Version()+1)
		c.blame.passOver(c.now, q.Number, ch.Number, failWait)
	default:
		c.punish(q, e)
	}
}

// A span is a range of a chain that was fetched from a node other than its
// author. Disclosures for parties may be missing in it: the holder was not among
// them, while we may be. Those of the own chain, fetched back after a loss, lie
// scattered over the nodes of the parties. Spans are forgotten when the node
// stops.
type span struct {
	from, to uint64
	asked    map[uint32]uint64 // by node: it has given what it has of the entries before
}

// noteSpan remembers where entries came from.
func (ch *chain) noteSpan(holder uint32, from, to uint64, own bool) {
	if holder == ch.Number {
		return
	}
	if n := len(ch.spans); n > 0 && ch.spans[n-1].to == from {
		sp := &ch.spans[n-1]
		if !own || sp.asked[holder] == from && len(sp.asked) == 1 {
			sp.to, sp.asked[holder] = to, to
			return
		}
	}
	ch.spans = append(ch.spans, span{from: from, to: to, asked: map[uint32]uint64{holder: to}})
}

// discloseNext asks one node that may have more for the disclosures of one span.
func (c *Core) discloseNext(ch *chain) {
	for _, sp := range ch.spans {
		sp.to = min(sp.to, ch.counted())
		if sp.to <= sp.from {
			continue
		}
		if s := c.mayDisclose(ch, &sp); s != nil {
			c.disclose(ch, s, sp)
			return
		}
	}
}

// counted is how many entries of a chain others are asked about. Where there are two
// histories they may hold another one: what they gave for the rest would fit nothing.
func (ch *chain) counted() uint64 {
	switch {
	case ch.Ended:
		return ch.Due
	case ch.Evidence != nil:
		return ch.FinalSize
	}
	return math.MaxUint64
}

// lacking is which of the records that others are asked about lack disclosures.
func (ch *chain) lacking() []uint64 {
	n, _ := slices.BinarySearch(ch.Lacks, ch.counted())
	return ch.Lacks[:n]
}

// A gap is records whose disclosures the one who gave them did not give. They may
// have been erased, which a later record will say, or held back: nobody can be
// blamed, and all who hold the chain are asked.
type gap struct {
	asked map[uint32]uint64 // by node: it has given what it has of the entries before
	again time.Time         // when to ask those anew that have given all they have
}

// next is the range of the records for whose disclosures a peer is to be asked next,
// of those that are lacking and of which it holds so many entries. ok is false if
// there is none.
func (g *gap) next(p *peer, lacks []uint64, size uint64) (from, to uint64, ok bool) {
	i, _ := slices.BinarySearch(lacks, g.asked[p.Number])
	if i == len(lacks) || lacks[i] >= size {
		return 0, 0, false
	}
	from = lacks[i]
	j, _ := slices.BinarySearch(lacks, p.pieceEnd(from, size))
	return from, lacks[j-1] + 1, true
}

// renew lets those be asked again that have given all they have.
func (g *gap) renew(lacks []uint64) {
	g.again = time.Time{}
	maps.DeleteFunc(g.asked, func(_ uint32, before uint64) bool { return before > lacks[len(lacks)-1] })
}

// fillNext asks one node for the disclosures of a gap.
func (c *Core) fillNext(ch *chain) bool {
	g, lacks := &ch.gap, ch.lacking()
	if len(lacks) == 0 {
		return false
	}
	if g.asked == nil {
		g.asked = make(map[uint32]uint64)
	}
	if due(g.again, c.now) {
		g.renew(lacks)
	}
	var list []candidate
	for _, s := range c.sessions() {
		h := s.theirs[ch.Number]
		if h == nil {
			continue
		}
		if _, _, ok := g.next(s.peer, lacks, h.size); !ok {
			continue
		}
		if until := c.blame.until(c.now, s.Number, ch.Number); !until.IsZero() {
			ch.retry = sooner(ch.retry, until)
		} else if c.mayAsk(s.peer) {
			list = append(list, c.candidate(ch, s))
		} else {
			ch.hungry = true
		}
	}
	ch.retry = sooner(ch.retry, g.again)
	i := choose(list, c.rnd)
	if i < 0 {
		return false
	}
	c.fill(ch, list[i].session)
	return true
}

func (c *Core) fill(ch *chain, s *session) {
	ch.busy = true
	from, to, _ := ch.gap.next(s.peer, ch.lacking(), s.theirs[ch.Number].size)
	q := c.ask(s.peer, ch.Number, to-from)
	c.do(Disclose{Task: c.begin(func(e Event) {
		ch.busy = false
		c.requests.answered(q)
		c.filled(ch, q, from, e.(Ended))
		c.stir(ch)
	}), Peer: q.Number, Chain: ch.Number, From: from, To: to, Size: to})
}

// filled notes how far a node has answered. One that cannot answer has nothing to
// give, for now.
func (c *Core) filled(ch *chain, q *request, from uint64, e Ended) {
	g := &ch.gap
	switch {
	case e.Result == Done && e.Size > from:
		c.served(q)
		g.asked[q.Number] = e.Size
	default:
		c.punish(q, e)
		if e.Result != Broken && e.Result != Busy {
			g.asked[q.Number] = math.MaxUint64
		}
	}
	if lacks := ch.lacking(); len(lacks) > 0 && g.asked[q.Number] > lacks[len(lacks)-1] && g.again.IsZero() {
		g.again = c.now.Add(c.iv.Fill)
	}
}

// mayDisclose returns an admitted node that has not answered about the whole span:
// the author, or for the own chain any that holds the range.
func (c *Core) mayDisclose(ch *chain, sp *span) *session {
	for _, s := range c.sessions() {
		h := s.theirs[ch.Number]
		if h == nil || h.size < sp.to || sp.asked[s.Number] >= sp.to || ch.Number != c.cfg.Number && s.Number != ch.Number {
			continue
		}
		if until := c.blame.until(c.now, s.Number, ch.Number); !until.IsZero() {
			ch.retry = sooner(ch.retry, until)
			continue
		}
		if c.mayAsk(s.peer) {
			return s
		}
		ch.hungry = true
	}
	return nil
}

func sooner(a, b time.Time) time.Time {
	clock := alarmClock{a}
	clock.set(b)
	return clock.at
}

func (c *Core) disclose(ch *chain, s *session, sp span) {
	ch.busy = true
	from := max(sp.from, sp.asked[s.Number])
	to := s.pieceEnd(from, sp.to)
	q := c.ask(s.peer, ch.Number, to-from)
	c.do(Disclose{Task: c.begin(func(e Event) {
		ch.busy = false
		c.requests.answered(q)
		c.disclosed(ch, q, sp.from, e.(Ended))
		c.stir(ch)
	}), Peer: q.Number, Chain: ch.Number, From: from, To: to, Size: sp.to})
}

// disclosed notes how far a node has answered about the span that begins at from.
func (c *Core) disclosed(ch *chain, q *request, from uint64, e Ended) {
	i := slices.IndexFunc(ch.spans, func(sp span) bool { return sp.from == from })
	if i < 0 {
		return
	}
	sp := &ch.spans[i]
	if e.Result != Done || e.Size <= max(sp.from, sp.asked[q.Number]) {
		c.punish(q, e)
		return
	}
	c.served(q)
	sp.asked[q.Number] = e.Size
	if e.Size >= sp.to && ch.Number != c.cfg.Number { // only the author has all
		ch.spans = slices.Delete(ch.spans, i, i+1)
	}
}
