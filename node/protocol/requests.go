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

// A request is something that a peer is being asked for.
type request struct {
	*peer
	chain uint32
	n     uint64 // entries
	began time.Time
}

// ask notes that a request begins.
func (c *Core) ask(p *peer, chain uint32, n uint64) *request {
	c.requests.running++
	c.requests.byMember[p.Member]++
	return &request{p, chain, n, c.now}
}

// answered notes that a request has ended.
func (r *requests) answered(q *request) {
	r.running--
	if r.byMember[q.Member]--; r.byMember[q.Member] == 0 {
		delete(r.byMember, q.Member)
	}
	r.freed = true
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

// rangeEnd returns where a request that begins at from ends: at the end of a
// tile, so that requests of different nodes ask for the same ranges, and at most
// at size.
func rangeEnd(from, size uint64) uint64 {
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
	return min(rangeEnd(from, size), from+maxPiece>>p.narrow)
}

// served notes that a request got what it was for.
func (c *Core) served(q *request) {
	c.blame.done(q.Number, q.chain)
	if q.narrow == 0 {
		return
	}
	if q.passed++; q.passed == widenAfter {
		q.narrow, q.passed = q.narrow-1, 0
	}
}

// broke has the peer asked for less, if the request may have been for more than its
// line can carry in the time that there is.
func (c *Core) broke(q *request) {
	if c.now.Sub(q.began) < slowAnswer {
		return
	}
	for maxPiece>>q.narrow > max(q.n/2, 1) {
		q.narrow, q.passed = q.narrow+1, 0
	}
}

// punish sorts out what a failed request means for who was asked. While a newer
// charter is on its way, what does not verify may be right under that; and of a
// forked chain, where another history is stored than the peer's.
func (c *Core) punish(q *request, e Ended) {
	switch {
	case e.Result == Forked, e.Result == Invalid && c.forked(q.chain):
		c.blame.doubt(c.now, q.Number, q.chain)
		c.log(slog.LevelDebug, "of a forked chain nothing that fits", "chain", q.chain, "peer", q.Number, "err", e.Err)
	case e.Result == Invalid && !c.charterBehind():
		c.offend(q.Number, q.chain, e.Err)
	case e.Result == Busy:
		c.blame.passOver(c.now, q.Number, q.chain, max(BusyWait, time.Duration(e.Wait)*time.Millisecond))
	default:
		if e.Result == Broken {
			c.broke(q)
		}
		c.blame.fail(c.now, q.Number, q.chain)
		c.log(slog.LevelDebug, "request failed", "chain", q.chain, "peer", q.Number, "result", e.Result.String(), "err", e.Err)
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
