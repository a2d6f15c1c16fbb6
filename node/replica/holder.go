package replica

import (
	"math/rand/v2"
	"time"

	"suyuan/ledger"
)

// A candidate is an admitted peer that says it holds more of a chain than we do.
type candidate struct {
	session *session
	member  string
	author  bool // the peer writes the chain
	size    uint64
	running int // requests to it under way
}

// choose picks whom to ask for the entries after size: the author, who alone
// holds every disclosure meant for us; then a node of our own member, which is
// likely near; then the least busy of the others. −1 if nobody can be asked.
func choose(list []candidate, size uint64, ownMember string, rnd *rand.Rand) int {
	best, bestRank := -1, 0
	for _, i := range rnd.Perm(len(list)) {
		c := &list[i]
		if c.size <= size || c.running >= maxFetchesPerPeer {
			continue
		}
		rank := 1 + maxFetchesPerPeer - c.running
		switch {
		case c.author:
			rank += 20
		case c.member == ownMember:
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
	const tiles = 16
	return min(size, (from/ledger.TileWidth+tiles)*ledger.TileWidth)
}

// backoff returns the wait before attempt n+1: a random part of a time that
// doubles from first to most ("full jitter"), so that nodes which lost each
// other at one moment do not come back at one moment.
func backoff(n int, first, most time.Duration, rnd func() float64) time.Duration {
	d := most
	if n < 20 && first<<n < most {
		d = first << n
	}
	return time.Duration(rnd() * float64(d))
}
