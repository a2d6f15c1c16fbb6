package index

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"suyuan/trace"
)

// Gather returns the positions of all events that can matter to the trail of an
// item, ascending by chain and seq, each once:
//
//   - those that name the item;
//   - those that name its product as a whole and, for a code, the record of its
//     run;
//   - those that name its lot, if an event says which one it is;
//   - those that name a unit in which it is or was, or a unit in which that one
//     is or was, and so on.
//
// Events that put other things into those units are left out, but not those that
// put something into the item itself. Which events hold at which time is for
// [trace.Fold] to say. Events outside cut do not exist: those whose seq is not
// less than cut gives for their chain. A nil cut leaves out none; one beyond what
// has been applied is refused with ErrBehind.
//
// Units in more than [trace.MaxNesting] units are not followed further, as the
// fold does not.
//
// Where there is more than the limits of this package allow, Gather leaves out
// later events of the chain that has the most, so that a member which floods an
// item takes nothing from the others. It then returns what is left, which is the
// same for everybody with the same cut, and a [*LeftOut].
func (x *Index) Gather(item trace.Item, cut map[uint32]uint64) ([]trace.Position, error) {
	return x.collect(item, cut, "of", (*gathering).gather)
}

// Naming returns the positions of the events that name an item in any way,
// ascending; nothing is followed from there. Cut and limits are those of Gather.
func (x *Index) Naming(item trace.Item, cut map[uint32]uint64) ([]trace.Position, error) {
	return x.collect(item, cut, "naming", func(g *gathering) error {
		return g.r.named(item, func(pos trace.Position, _ mark) error { return g.take(pos) })
	})
}

// collect runs a look-up and sorts what it found. At a limit it runs it again
// without some of the events of the chain that has the most of them.
func (x *Index) collect(item trace.Item, cut map[uint32]uint64, how string, f func(*gathering) error) ([]trace.Position, error) {
	var met *LeftOut // at the first limit
	for range maxSheds {
		g := gathering{item: item, seen: map[trace.Item]bool{item: true}}
		err := x.view(cut, func(r *reader) error {
			g.r = r
			return f(&g)
		})
		if err == nil {
			err = g.limit
		}
		switch {
		case err == nil:
			return g.found.sorted(), met.asError()
		case !errors.Is(err, ErrTooMany):
			return nil, fmt.Errorf("events %s %v: %w", how, item, err)
		case met == nil:
			met = &LeftOut{err: fmt.Errorf("events %s %v: %w", how, item, err)}
		}
		var most uint32
		cut, most = g.shed(cut, x.Applied)
		met.add(most)
	}
	return nil, met
}

func (e *LeftOut) add(chain uint32) {
	if at, there := slices.BinarySearch(e.Chains, chain); !there {
		e.Chains = slices.Insert(e.Chains, at, chain)
	}
}

// asError returns no error for nil.
func (e *LeftOut) asError() error {
	if e == nil {
		return nil
	}
	return e
}

// shed returns a smaller cut. The chain of which the most keys were read keeps
// three quarters of the events found, the earliest ones; where none was found,
// half of its entries. It returns that chain too.
func (g *gathering) shed(cut map[uint32]uint64, applied func() map[uint32]uint64) (smaller map[uint32]uint64, most uint32) {
	if cut == nil {
		cut = applied()
	}
	for chain, n := range g.r.keys {
		if n > g.r.keys[most] || n == g.r.keys[most] && chain < most {
			most = chain
		}
	}
	smaller = maps.Clone(cut)
	smaller[most] = cut[most] / 2
	found := slices.DeleteFunc(g.found.sorted(), func(pos trace.Position) bool { return pos.Chain != most })
	if len(found) > 0 {
		smaller[most] = found[len(found)*3/4].Seq
	}
	return smaller, most
}

// A positionSet is positions, each once in the end. Of most items they are few, and
// come nearly in order: to sort them costs less than to look for each.
type positionSet struct {
	list []trace.Position            // perhaps twice, as long as there is no map
	many map[trace.Position]struct{} // nil for fewPositions and less
}

const fewPositions = 256

// add returns how many there are at most.
func (s *positionSet) add(pos trace.Position) int {
	switch {
	case s.many == nil && len(s.list) < fewPositions:
		s.list = append(s.list, pos)
		return len(s.list)
	case s.many == nil:
		s.many = make(map[trace.Position]struct{}, 2*fewPositions)
		for _, pos := range s.list {
			s.many[pos] = struct{}{}
		}
		s.list = nil
	}
	s.many[pos] = struct{}{}
	return len(s.many)
}

// sorted returns the positions, ascending.
func (s *positionSet) sorted() []trace.Position {
	if s.many != nil {
		return sorted(s.many)
	}
	slices.SortFunc(s.list, trace.Position.Compare)
	return slices.Compact(s.list)
}

func sorted(set map[trace.Position]struct{}) []trace.Position {
	return slices.SortedFunc(maps.Keys(set), trace.Position.Compare)
}

// A gathering is the work on one look-up.
type gathering struct {
	item  trace.Item
	r     *reader
	found positionSet
	lots  []string // of the item, as events say

	// Units are followed breadth first, so that the near ones are done when a
	// limit is met.
	queue []reached
	seen  map[trace.Item]bool
	limit error // a limit that left units out
}

// reached is a unit and how many units up from the item it is.
type reached struct {
	unit  trace.Item
	depth int
}

func (g *gathering) gather() error {
	if err := g.product(); err != nil {
		return err
	}
	if err := g.events(reached{g.item, 0}); err != nil {
		return err
	}
	for _, lot := range g.lots {
		if err := g.lot(lot); err != nil {
			return err
		}
	}
	for len(g.queue) > 0 {
		next := g.queue[0]
		g.queue = g.queue[1:]
		if err := g.events(next); err != nil {
			return err
		}
	}
	return nil
}

// product takes what is said of the item's run and product.
func (g *gathering) product() error {
	if g.item.Kind == trace.ItemCode {
		if err := g.r.scan(runRecordPrefix(runOf(g.item)), g.takeAny); err != nil {
			return err
		}
	}
	if g.item.Kind == trace.ItemCode || g.item.Kind == trace.ItemLot {
		return g.r.scan(gtinPrefix(g.item.GTIN), g.takeAny)
	}
	return nil
}

// lot takes what is said of the lot as such. That some of a lot is in a unit
// does not say that the item is.
func (g *gathering) lot(lot string) error {
	return g.r.named(trace.Lot(g.item.GTIN, lot), func(pos trace.Position, m mark) error {
		if m.role != roleAbout {
			return nil
		}
		return g.take(pos)
	})
}

// events takes the events that name the item or a unit above it.
func (g *gathering) events(at reached) error {
	return g.r.named(at.unit, func(pos trace.Position, m mark) error { return g.takeMark(at, pos, m) })
}

func (g *gathering) takeMark(at reached, pos trace.Position, m mark) error {
	switch m.role {
	case roleUnit:
		if at.depth > 0 {
			return nil // of other contents
		}
	case roleContent, rolePattern:
		g.follow(reached{m.unit, at.depth + 1})
	case roleLot, roleMade:
		if at.depth == 0 && m.lot != "" && !slices.Contains(g.lots, m.lot) {
			g.lots = append(g.lots, m.lot)
		}
	}
	return g.take(pos)
}

func (g *gathering) follow(up reached) {
	switch {
	case g.seen[up.unit], up.depth > trace.MaxNesting:
	case len(g.seen) > MaxUnits:
		g.limit = fmt.Errorf("%w: %d units", ErrTooMany, MaxUnits)
	default:
		g.seen[up.unit] = true
		g.queue = append(g.queue, up)
	}
}

func (g *gathering) takeAny(pos trace.Position, _ []byte) error { return g.take(pos) }

func (g *gathering) take(pos trace.Position) error {
	if g.found.add(pos) > MaxPositions {
		return fmt.Errorf("%w: %d events", ErrTooMany, MaxPositions)
	}
	return nil
}
