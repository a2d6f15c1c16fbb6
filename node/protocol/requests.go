package protocol

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"suyuan/ledger"
)

// requests counts what is being asked for. The nodes of one member share its
// part.
type requests struct {
	running  int
	byMember map[string]int
	freed    bool // one has ended since chains and charters were looked at
}

// ask notes that a request to a peer begins; the returned function, that it has
// ended.
func (c *Core) ask(p *peer) (ended func()) {
	member := p.Member
	c.requests.running++
	c.requests.byMember[member]++
	return func() {
		c.requests.running--
		if c.requests.byMember[member]--; c.requests.byMember[member] == 0 {
			delete(c.requests.byMember, member)
		}
		c.requests.freed = true
	}
}

// mayAsk reports whether a request to p fits in.
func (c *Core) mayAsk(p *peer) bool {
	return c.requests.running < maxFetches && c.requests.byMember[p.Member] < maxFetchesPerMember
}

// A candidate is an admitted peer that says it holds more of a chain than we do.
type candidate struct {
	session *session
	author  bool // the peer writes the chain
	own     bool // it is another node of our member
	running int  // requests to its member under way
}

// choose picks whom to ask for more of a chain: the author, who alone holds every
// disclosure meant for us; then a node of our own member, which is likely near;
// then the least busy of the others. −1 if nobody can be asked.
func choose(list []candidate, rnd *rand.Rand) int {
	best, bestRank := -1, 0
	for _, i := range rnd.Perm(len(list)) {
		rank := 1 + maxFetchesPerMember - list[i].running
		switch {
		case list[i].author:
			rank += 20
		case list[i].own:
			rank += 10
		}
		if rank > bestRank {
			best, bestRank = i, rank
		}
	}
	return best
}

// RangeEnd returns where a request that begins at from ends: at the end of a
// tile, so that requests of different nodes ask for the same ranges, and at most
// at size.
func RangeEnd(from, size uint64) uint64 {
	return min(size, (from/ledger.TileWidth+rangeTiles)*ledger.TileWidth)
}

// maxPiece is how many entries a request asks for at most.
const maxPiece = rangeTiles * ledger.TileWidth

// rangeTiles is how many tiles a request reaches.
const rangeTiles = 16

// pieceEnd returns where a request to p that begins at from ends. A holder cuts an
// answer that is taken too slowly, and of a cut answer nothing is kept: on a narrow
// line smaller ones pass.
func (p *peer) pieceEnd(from, size uint64) uint64 {
	return min(RangeEnd(from, size), from+maxPiece>>p.narrow)
}

// served notes that a request was answered.
func (c *Core) served(p *peer, chain uint32) {
	c.blame.done(p.Number, chain)
	if p.narrow == 0 {
		return
	}
	if p.passed++; p.passed == widenAfter {
		p.narrow, p.passed = p.narrow-1, 0
	}
}

// punish sorts out what a failed request means for who was asked. While a newer
// charter is on its way, what does not verify may be right under that; and of a
// forked chain, where another history is stored than the peer's.
func (c *Core) punish(p *peer, chain uint32, e Ended) {
	switch {
	case e.Result == Invalid && c.forked(chain):
		c.blame.doubt(c.now, p.Number, chain)
		c.log(slog.LevelDebug, "of a forked chain nothing that fits", "chain", chain, "peer", p.Number, "err", e.Err)
	case e.Result == Invalid && !c.charterBehind():
		c.offend(p.Number, chain, e.Err)
	case e.Result == Busy:
		c.blame.passOver(c.now, p.Number, chain, max(BusyWait, time.Duration(e.Wait)*time.Millisecond))
	default:
		if e.Result == Broken && maxPiece>>p.narrow > 1 {
			p.narrow, p.passed = p.narrow+1, 0
		}
		c.blame.fail(c.now, p.Number, chain)
		c.log(slog.LevelDebug, "request failed", "chain", chain, "peer", p.Number, "result", e.Result.String(), "err", e.Err)
	}
}

func (c *Core) forked(chain uint32) bool {
	ch := c.chain(chain)
	return ch != nil && ch.Evidence != nil
}

// offend notes that a node sent invalid data about a chain.
func (c *Core) offend(number, chain uint32, why any) {
	c.log(slog.LevelWarn, "invalid data", "chain", chain, "peer", number, "err", why)
	c.blame.offend(c.now, number, chain)
	c.do(Remember{Offences: c.blame.list()})
}
