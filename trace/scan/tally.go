package scan

import (
	"cmp"
	"slices"

	"suyuan/ledger"
)

// A Share is what one node counted of an item's scans.
type Share struct {
	_     struct{} `cbor:",toarray"`
	Node  uint32   // number of the node's chain
	Count uint64
	First int64
	Place Place // of the first
}

// A Tally is what nodes counted of the scans of an item in one cycle: what
// companies tell each other. It has no devices.
type Tally struct {
	Item   Key
	Cycle  uint16
	Shares []Share // ascending by node
}

// Merge adds the shares of another tally of the same item and cycle. A node's
// count only grows and its first scan only moves back, so that the order, and
// how often something is merged, do not matter.
func (t *Tally) Merge(shares []Share) {
	for _, s := range shares {
		i, found := slices.BinarySearchFunc(t.Shares, s.Node, func(s Share, node uint32) int { return cmp.Compare(s.Node, node) })
		if !found {
			t.Shares = slices.Insert(t.Shares, i, s)
			continue
		}
		mine := &t.Shares[i]
		mine.Count = max(mine.Count, s.Count)
		if s.before(mine) {
			mine.First, mine.Place = s.First, s.Place
		}
	}
}

// Check holds a share that another node gave against what can be: it counted
// something, and not first in the future. now is in ms since 1970 UTC. Its error
// wraps ErrMalformed.
func (s *Share) Check(now int64) error {
	if !s.sound() || s.Count == 0 {
		return malformed("a share that is none")
	}
	if s.First > now+maxAhead {
		return malformed("a first scan in the future")
	}
	return nil
}

func (s *Share) sound() bool { return s.Place.sound() && s.Count > 0 == (s.First > 0) }

// before orders first scans; the place decides between two at one time.
func (s *Share) before(o *Share) bool {
	if s.First == 0 || o.First == 0 {
		return s.First != 0
	}
	return cmp.Or(cmp.Compare(s.First, o.First), s.Place.compare(o.Place)) < 0
}

// Count is how many scans there were, at most MaxShare for each node.
func (t *Tally) Count() uint64 {
	var n uint64
	for _, s := range t.Shares {
		n += min(s.Count, MaxShare)
	}
	return n
}

// Only drops the shares of nodes that do not count.
func (t *Tally) Only(counts func(node uint32) bool) {
	t.Shares = slices.DeleteFunc(t.Shares, func(s Share) bool { return !counts(s.Node) })
}

// Doubt passes over what shares say of first scans before a time, when there was
// nothing to scan. What they counted stays.
func (t *Tally) Doubt(before int64) {
	for i := range t.Shares {
		if s := &t.Shares[i]; s.First < before {
			s.First, s.Place = 0, Place{}
		}
	}
}

// First is the first scan, or nil.
func (t *Tally) First() *Share {
	var first *Share
	for i := range t.Shares {
		if s := &t.Shares[i]; s.First != 0 && (first == nil || s.before(first)) {
			first = s
		}
	}
	return first
}

type wireTally struct {
	_       struct{} `cbor:",toarray"`
	Version uint64
	Item    Key
	Cycle   uint16
	Shares  []Share
}

const tallyVersion = 1

// Encode writes the tally.
func (t *Tally) Encode() ([]byte, error) {
	return ledger.Marshal(&wireTally{Version: tallyVersion, Item: t.Item, Cycle: t.Cycle, Shares: t.Shares})
}

// DecodeTally reads what Encode wrote. Its error wraps ErrMalformed.
func DecodeTally(data []byte) (*Tally, error) {
	if len(data) > maxEncoded {
		return nil, malformed("%d bytes", len(data))
	}
	var w wireTally
	if err := ledger.Unmarshal(data, &w); err != nil {
		return nil, malformed("tally: %v", err)
	}
	if w.Version != tallyVersion || len(w.Shares) > maxNodes {
		return nil, malformed("tally of version %d with %d shares", w.Version, len(w.Shares))
	}
	for i, s := range w.Shares {
		if i > 0 && w.Shares[i-1].Node >= s.Node {
			return nil, malformed("tally with nodes out of order")
		}
		if !s.sound() {
			return nil, malformed("tally with a share that is none")
		}
	}
	return &Tally{Item: w.Item, Cycle: w.Cycle, Shares: w.Shares}, nil
}
