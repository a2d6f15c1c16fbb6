package trace

import (
	"cmp"
	"slices"

	"suyuan/ledger"
)

// touched is an event with what it says about the item and the units that may
// ever hold it, worked out once.
type touched struct {
	event    *Event
	things   []Item    // all that may matter, the item first
	moves    itemSet   // named by themselves
	named    itemSet   // named in any way but by a subject that passes over void codes
	consumed itemSet   // named as inputs of a transform
	packings []packing // named as contents, in the order of the leaves
	fills    bool      // the item is named as a unit with contents
	scoped   bool      // about the item's lot or product as such
	inert    bool      // corrected, or a correction: to be shown only
}

// any reports whether the event names any of the things.
func (t *touched) any() bool { return t.fills || len(t.moves.list) > 0 || len(t.packings) > 0 }

// An itemSet is some items, nearly always one. To hash an item costs more than to
// compare it with some others.
type itemSet struct {
	list []Item
	many map[Item]bool // nil for fewItems and less
}

const fewItems = 8

func (s *itemSet) has(i Item) bool {
	if s.many != nil {
		return s.many[i]
	}
	return slices.Contains(s.list, i)
}

// hasAny reports whether one of the items is in the set.
func (s *itemSet) hasAny(list []Item) bool {
	return len(s.list) > 0 && slices.ContainsFunc(list, s.has)
}

func (s *itemSet) add(i Item) {
	if s.has(i) {
		return
	}
	s.list = append(s.list, i)
	switch {
	case s.many != nil:
		s.many[i] = true
	case len(s.list) > fewItems:
		s.many = make(map[Item]bool)
		for _, i := range s.list {
			s.many[i] = true
		}
	}
}

type packing struct{ thing, unit Item }

// touch works out what the event says about the things.
func touch(e *Event, v *sieve) *touched {
	t := new(touched)
	t.be(e, v)
	return t
}

// be makes what may have been of another event one of this.
func (t *touched) be(e *Event, v *sieve) {
	*t = touched{event: e, things: v.things, packings: t.packings[:0],
		moves: itemSet{list: t.moves.list[:0]}, named: itemSet{list: t.named.list[:0]}, consumed: itemSet{list: t.consumed.list[:0]}}
	var few [fewItems]int
	named := few[:0]
	for i := range e.Subjects {
		s := &e.Subjects[i]
		t.fills = t.fills || s.Fills(v.things[0])
		named = v.named(named, s)
		for _, at := range named {
			thing := v.things[at]
			if s.Covers(thing) && !passesOver(e.Kind, s) {
				t.named.add(thing)
			}
			if u, ok := s.UnitOf(thing); ok {
				t.packings = append(t.packings, packing{thing, u})
			} else if s.Moves(thing) {
				t.moves.add(thing)
				if s.consumes(thing) {
					t.consumed.add(thing)
				}
			}
		}
	}
}

// passesOver reports whether the subject of an event passes over void codes:
// labels scrapped at the printer stay void when the rest of their roll is
// activated in one range, packed by one pattern or stuck over others by one
// transform. What names a code or unit
// by itself does not.
func passesOver(kind ledger.Kind, s *Subject) bool {
	if s.Kind == SubjectMade {
		return s.Output.Kind == SubjectRange && s.Output.Range.From < s.Output.Range.To
	}
	return s.Kind == SubjectPattern || kind == ledger.KindActivate && s.Kind == SubjectRange && s.Range.From < s.Range.To
}

// thingsOf returns the item and all units that the events ever put around it,
// the item first.
func thingsOf(item Item, events []*Event) []Item {
	things := []Item{item}
	seen := map[Item]bool{item: true}
	done := 0
	for level := 0; level < MaxNesting && done < len(things); level++ {
		fresh := newSieve(slices.Clone(things[done:]))
		done = len(things)
		for _, e := range events {
			for _, u := range e.unitsOf(fresh) {
				if !seen[u] {
					seen[u] = true
					things = append(things, u)
				}
			}
		}
	}
	return things
}

// unitsOf returns the units of which the event says that things are or were in
// them, in the order of the things.
func (e *Event) unitsOf(v *sieve) []Item {
	type found struct {
		at   int
		unit Item
	}
	var list []found
	var named []int
	for i := range e.Subjects {
		s := &e.Subjects[i]
		if s.Kind != SubjectContent && s.Kind != SubjectPattern {
			continue
		}
		named = v.named(named, s)
		for _, at := range named {
			if u, ok := s.UnitOf(v.things[at]); ok {
				list = append(list, found{at, u})
			}
		}
	}
	if len(list) == 0 {
		return nil // as of most events
	}
	slices.SortStableFunc(list, func(a, b found) int { return cmp.Compare(a.at, b.at) })
	units := make([]Item, len(list))
	for i := range list {
		units[i] = list[i].unit
	}
	return units
}
