package node

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"suyuan/trace"
	"suyuan/trace/index"
)

// A reading reads the events of one look-up within a budget of bytes: anybody in
// the network may write records of a megabyte about any item. What it leaves out
// where that is not enough depends on nothing that differs between nodes with the
// same cut, so that trails are the same: entries and subjects are counted, and
// not the disclosures, of which nodes hold different ones.
type reading struct {
	node  *Node
	left  int                     // bytes
	whole bool                    // nothing was left out
	lost  map[uint32]bool         // chains of which something was
	first []trace.Position        // what was read first
	have  map[trace.Position]bool // what was read, nil before the second load
}

func (n *Node) newReading() *reading {
	return &reading{node: n, left: maxLookUpBytes, whole: true, lost: map[uint32]bool{}}
}

// load reads the events at positions that were not read yet, leaving out those
// that are no event. Where the budget does not do, each chain has an equal share
// of it and keeps its earliest events; what one does not use goes to the others.
func (r *reading) load(positions []trace.Position) ([]*trace.Event, error) {
	fresh := r.unread(positions)
	sizes := make([]int, len(fresh))
	var events []*trace.Event
	total := 0
	for i, pos := range fresh {
		e, size, err := r.node.eventSized(pos)
		if err != nil {
			return nil, err
		}
		sizes[i], total = size, total+size
		switch {
		case total > r.left:
			events = nil // from here on they are only measured
		case e != nil:
			events = append(events, e)
		}
	}
	if total <= r.left {
		r.left -= total
		return events, nil
	}
	r.whole = false
	kept := fairShare(fresh, sizes, r.left)
	for _, pos := range fresh {
		if _, there := slices.BinarySearchFunc(kept, pos, trace.Position.Compare); !there {
			r.lost[pos.Chain] = true
		}
	}
	r.left = 0
	return r.node.load(nil, kept)
}

// unread returns the positions that were not read yet, each once, and notes that
// they are. Most look-ups read once, what an index gave in order.
func (r *reading) unread(positions []trace.Position) []trace.Position {
	if r.first == nil && r.have == nil && ascending(positions) {
		r.first = positions
		return positions
	}
	if r.have == nil {
		r.have = make(map[trace.Position]bool)
		for _, pos := range r.first {
			r.have[pos] = true
		}
	}
	var fresh []trace.Position
	for _, pos := range positions {
		if !r.have[pos] {
			r.have[pos] = true
			fresh = append(fresh, pos)
		}
	}
	return fresh
}

// ascending reports whether positions are in order, each once.
func ascending(positions []trace.Position) bool {
	for i := 1; i < len(positions); i++ {
		if positions[i-1].Compare(positions[i]) >= 0 {
			return false
		}
	}
	return true
}

// about reads the events about something of which an item was made.
func (r *reading) about(item trace.Item, cut map[uint32]uint64) ([]*trace.Event, error) {
	positions, err := r.node.index.Gather(item, cut)
	if errors.Is(err, index.ErrTooMany) {
		r.lose(err)
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return r.load(positions)
}

// lose notes what a look-up has left out.
func (r *reading) lose(err error) {
	r.whole = false
	var left *index.LeftOut
	if errors.As(err, &left) {
		for _, chain := range left.Chains {
			r.lost[chain] = true
		}
	}
}

// fairShare returns which of some positions, ascending, fit into a budget of bytes
// when each chain has the same share of it.
func fairShare(positions []trace.Position, sizes []int, budget int) []trace.Position {
	totals := make(map[uint32]int)
	for i, pos := range positions {
		totals[pos.Chain] += sizes[i]
	}
	chains := slices.SortedFunc(maps.Keys(totals), func(a, b uint32) int {
		return cmp.Or(cmp.Compare(totals[a], totals[b]), cmp.Compare(a, b))
	})
	share := make(map[uint32]int)
	for i, chain := range chains { // the smallest first: what they leave is for the others
		share[chain] = min(totals[chain], budget/(len(chains)-i))
		budget -= share[chain]
	}
	var kept []trace.Position
	for i, pos := range positions {
		if share[pos.Chain] -= sizes[i]; share[pos.Chain] >= 0 {
			kept = append(kept, pos)
		}
	}
	return kept
}
