package trace

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"suyuan/ledger"
)

// Of the items on one pallet each has a trail of its own, and yet they are told of
// in the same words: the same events, one unit around each, those in the same
// unit, and so on. A fold looks at codes and units through nothing but what events
// say of them ([touch]), so that what it found out about one item holds for all
// whose likeness is the same.

// maxLikeThings bounds the item and the units around it that a likeness has. An
// item has been in some dozens; to compare those of one that somebody floods costs
// more than it saves.
const maxLikeThings = 64

// A Likeness is what some events say of a code and of the units around it, with
// numbers in the place of these.
type Likeness struct {
	Key    [sha256.Size]byte // the same for those that are the same
	things []Item            // by number, the code first
}

// LikenessOf works the likeness of a code out from its events, in the order of
// their positions. Not ok are codes that are like themselves only, because
// something was made of them or of others.
func LikenessOf(item Item, events []*Event) (l Likeness, ok bool) {
	if item.Kind != ItemCode || slices.ContainsFunc(events, func(e *Event) bool { return e.Kind == ledger.KindTransform }) {
		return l, false
	}
	v := newSieve(thingsOf(item, events))
	if len(v.things) > maxLikeThings {
		return l, false
	}
	key := binary.BigEndian.AppendUint64(make([]byte, 0, 32*len(events)), item.GTIN.Uint64())
	key = binary.BigEndian.AppendUint16(key, item.Run)
	var t touched
	for _, e := range events {
		t.be(e, v)
		key = binary.BigEndian.AppendUint32(key, e.Chain)
		key = binary.BigEndian.AppendUint64(key, e.Seq)
		if key, ok = t.appendLikeness(key, v); !ok {
			return l, false
		}
	}
	return Likeness{sha256.Sum256(key), v.things}, true
}

// appendLikeness appends what an event says of the things, by number. It is not
// ok if the event puts something into a unit that is none of them.
func (t *touched) appendLikeness(key []byte, v *sieve) ([]byte, bool) {
	if len(t.packings) > maxLikeThings {
		return nil, false
	}
	fills := byte(0)
	if t.fills {
		fills = 1
	}
	key = append(key, fills, byte(len(t.moves.list)), byte(len(t.named.list)), byte(len(t.packings)))
	for _, s := range []*itemSet{&t.moves, &t.named} {
		for _, i := range s.list {
			key = append(key, byte(v.at[i]))
		}
	}
	for _, p := range t.packings {
		unit, ok := v.at[p.unit]
		if !ok {
			return nil, false
		}
		key = append(key, byte(v.at[p.thing]), byte(unit))
	}
	return key, true
}

// Of returns the trail, which was folded for a code with a likeness, for another
// with the same.
func (t *Trail) Of(was, is Likeness, uri, serial string) *Trail {
	of := *t
	of.Item, of.URI, of.Serial = is.things[0], uri, serial
	of.units = make([]Item, len(t.units))
	for i, u := range t.units {
		of.units[i] = is.things[slices.Index(was.things, u)]
	}
	return &of
}
