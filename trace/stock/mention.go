package stock

import (
	"cmp"

	"suyuan/trace"
)

// A Role says in which way an event names a code or unit.
type Role uint8

// The roles.
const (
	About   Role = 1 // the event is about it
	Content Role = 2 // it is, or was, content of a unit
	Packed  Role = 3 // as Content, for each code of a pattern
	Filled  Role = 4 // it is a unit, and the event tells of its content
	Made    Role = 5 // something was made of it, or it of something: the event says which
)

// A Mention is one way in which an event names codes of a run, or a unit.
type Mention struct {
	trace.Position
	N        uint16     // orders the contents of one event as its subjects do
	Role     Role       //
	From, To uint32     // the codes, both included; 0 for a logistic unit
	Unit     trace.Item // Content: the unit; Packed: that of the code From
	Per      uint32     // Packed: codes in a unit
	Lot      string     // that the event gives to what it is about, or ""

	base uint32 // Packed: the code of which Unit is the unit
}

// unitOf returns the unit that the mention puts around a code.
func (m *Mention) unitOf(code uint32) trace.Item {
	u := m.Unit
	if m.Role == Packed {
		u.Index += (code - m.base) / m.Per
	}
	return u
}

// several reports whether the mention is of a range, which for some kinds passes
// over void codes.
func (m *Mention) several() bool { return m.From < m.To }

func (m *Mention) contains() bool { return m.Role == Content || m.Role == Packed }

func compareMentions(a, b Mention) int {
	return cmp.Or(a.Position.Compare(b.Position), cmp.Compare(a.N, b.N), cmp.Compare(a.From, b.From))
}

// A Source is what is known up to a cut. All that it returns lies within it.
type Source interface {
	// Mentions returns how events name any code of the run of an ItemCode, or an
	// ItemSSCC, in any order.
	Mentions(i trace.Item) ([]Mention, error)

	// About returns the positions of the events about a product as such (ItemGTIN),
	// about a lot as such (ItemLot), and of the records of a run (ItemCode).
	About(i trace.Item) ([]trace.Position, error)

	// Event returns an event of which there is a mention.
	Event(pos trace.Position) (*trace.Event, error)

	// Rewritten returns how often what an event says has become another since the memo
	// was begun, as when disclosures come late or are erased: 0 for nearly all.
	Rewritten(pos trace.Position) uint64

	// Fold returns the trail of an item, given the positions of all events on which
	// it may depend, each once, but for places and the names of parties: see
	// [Outcome.Places]. lasting
	// reports whether the trail stays as it is when the cut grows without an event
	// among those positions.
	Fold(i trace.Item, at []trace.Position) (t *trace.Trail, lasting bool, err error)
}
