package trace

import (
	"cmp"
	"maps"
	"slices"
	"sort"

	"suyuan/ledger"
)

// An order tells which of some events come after which, by what their authors
// had seen: their own chain's earlier entries, the entries that their chain's
// frontier covered, what refs name, and all that these had seen.
type order struct {
	chains map[uint32][]*Event // ascending by position
	sorted []uint32            // the numbers of chains
	byHash map[ledger.Hash]*Event
	seen   func(pos Position, chain uint32) uint64
	clocks map[*Event]clock
}

// A clock says how much of each chain an event's author had seen: a size, in the
// order of [order.sorted].
type clock []uint64

func (c clock) raise(chain int, size uint64) bool {
	if size <= c[chain] {
		return false
	}
	c[chain] = size
	return true
}

func newOrder(events []*Event, seen func(Position, uint32) uint64) *order {
	o := &order{chains: map[uint32][]*Event{}, byHash: make(map[ledger.Hash]*Event, len(events)), seen: seen, clocks: make(map[*Event]clock, len(events))}
	for _, e := range events {
		o.chains[e.Chain] = append(o.chains[e.Chain], e)
		o.byHash[e.Hash] = e
	}
	for _, list := range o.chains {
		slices.SortFunc(list, func(a, b *Event) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	o.sorted = slices.Sorted(maps.Keys(o.chains))
	return o
}

// covers reports whether later's author had seen earlier. Both are of the order.
func (o *order) covers(later, earlier *Event) bool {
	return later != earlier && earlier.Seq < o.clock(later)[o.at(earlier.Chain)]
}

// at is where a chain stands in sorted.
func (o *order) at(chain uint32) int {
	i, _ := slices.BinarySearch(o.sorted, chain)
	return i
}

// clock computes what e's author had seen. Hashes make cycles impossible; an
// input that pretends one ends here because e's clock is entered first.
func (o *order) clock(e *Event) clock {
	if c, ok := o.clocks[e]; ok {
		return c
	}
	c := make(clock, len(o.sorted))
	c[o.at(e.Chain)] = e.Seq
	o.clocks[e] = c
	if o.seen != nil {
		for i, chain := range o.sorted {
			if chain != e.Chain {
				c.raise(i, o.seen(e.Position, chain))
			}
		}
	}
	for _, ref := range e.Refs {
		if t := o.byHash[ref]; t != nil && t != e {
			c.raise(o.at(t.Chain), t.Seq+1)
		}
	}
	// The newest event seen of each chain had seen more in its turn. What it
	// adds may make newer events of other chains seen, hence the repetition.
	for grew := true; grew; {
		grew = false
		for i, chain := range o.sorted {
			t := o.newestBelow(chain, c[i])
			if t == nil || t == e {
				continue
			}
			for chain, size := range o.clock(t) {
				grew = c.raise(chain, size) || grew
			}
		}
	}
	return c
}

func (o *order) newestBelow(chain uint32, size uint64) *Event {
	list := o.chains[chain]
	n := sort.Search(len(list), func(i int) bool { return list[i].Seq >= size })
	if n == 0 {
		return nil
	}
	return list[n-1]
}

// entering returns the events in the order in which they enter a trail: each
// after all that its author had seen, ties by entry time, chain, position.
func (o *order) entering() []*Event {
	next := make(map[uint32]int, len(o.chains))
	out := make([]*Event, 0, len(o.byHash))
	for {
		var best, fallback *Event
		for _, chain := range o.sorted {
			if next[chain] == len(o.chains[chain]) {
				continue
			}
			e := o.chains[chain][next[chain]]
			if fallback == nil || entersBefore(e, fallback) {
				fallback = e
			}
			if o.ready(e, next) && (best == nil || entersBefore(e, best)) {
				best = e
			}
		}
		if fallback == nil {
			return out
		}
		if best == nil {
			best = fallback // only an input that pretends a cycle gets here
		}
		out = append(out, best)
		next[best.Chain]++
	}
}

// ready reports whether all that e's author had seen has entered.
func (o *order) ready(e *Event, next map[uint32]int) bool {
	c := o.clock(e)
	for i, chain := range o.sorted {
		if chain == e.Chain {
			continue
		}
		if list, n := o.chains[chain], next[chain]; n < len(list) && list[n].Seq < c[i] {
			return false
		}
	}
	return true
}

func entersBefore(a, b *Event) bool {
	return cmp.Or(cmp.Compare(a.Recorded, b.Recorded), a.Position.Compare(b.Position)) < 0
}
