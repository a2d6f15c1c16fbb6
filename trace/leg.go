package trace

import (
	"slices"

	"suyuan/ledger"
)

// An End says what became of goods that were sent.
type End uint8

// The ends. The last two are of goods of whose shipment nothing is known.
const (
	EndOpen      End = iota // on its way
	EndReceived             // with whom it was sent to
	EndRefused              // cancelled by whom it was sent to
	EndKept                 // cancelled, handled or sent again by its sender
	EndElsewhere            // with somebody else
	EndVoid                 // declared void on the way
	EndOver                 // came to somebody to whom nobody had sent it
	EndFollowed             // came by a record that is not here yet
)

// A Leg is the part of an item's way that one shipment tells of.
type Leg struct {
	Shipment *Event // nil for EndOver and EndFollowed
	End      End
	By       *Event // the record that says so; nil for EndOpen
	Unit     bool   // it is a unit that somebody has filled: what is in it counts, see the package comment

	left []Item // the units out of which the shipment took it
}

// open returns the leg that has not ended, or nil.
func (m *machine) open() *Leg {
	for i := len(m.legs) - 1; i >= 0; i-- {
		if m.legs[i].End == EndOpen {
			return &m.legs[i]
		}
	}
	return nil
}

// depart begins a leg with what is being shipped, and takes it out of the units
// that the shipment does not name.
func (m *machine) depart(t *touched) {
	around := m.around()
	m.leave(t)
	left := slices.DeleteFunc(slices.Clone(around[len(m.around()):]), t.moves.has)
	m.legs = append(m.legs, Leg{Shipment: t.event, Unit: m.filled, left: left})
}

// end ends the open leg, if there is one and it has not gone on.
func (m *machine) end(end End, by *Event) {
	if l := m.open(); l != nil {
		l.End, l.By = end, by
	}
}

// endAs ends the open leg because an event makes the item something else than
// goods on their way by that shipment.
func (m *machine) endAs(s State, e *Event) {
	l := m.open()
	if l == nil || s == InTransit && e.Kind != ledger.KindShip {
		return // it is packed on the way
	}
	switch {
	case s == Void:
		m.end(EndVoid, e)
	case l.isFor(e.Actor()):
		m.end(EndReceived, e)
	case sameHand(e.Actor(), l.Shipment.Actor()):
		m.end(EndKept, e)
	default:
		m.end(EndElsewhere, e)
	}
}

// isFor reports whether the goods were sent to a party; see [machine.addressed].
func (l *Leg) isFor(party string) bool {
	to := l.Shipment.Fields.Text("to")
	if to == "" {
		return party != l.Shipment.Actor()
	}
	return sameHand(party, to)
}

// endBack ends the open leg with a cancellation.
func (m *machine) endBack(e *Event) {
	if l := m.open(); l != nil && e.Actor() != l.Shipment.Actor() && l.isFor(e.Actor()) {
		m.end(EndRefused, e)
	} else {
		m.end(EndKept, e)
	}
}

// endInUnit ends the open leg of what was sent by itself, where a receipt names its
// shipment and the unit in which it was: custody waits for a record that names the
// item or a unit in which it still is by the records, while for the count it came.
func (m *machine) endInUnit(t *touched) {
	l, e := m.open(), t.event
	if l == nil || e.Kind != ledger.KindReceive || !l.isFor(e.Actor()) || !m.refersTo(e, l.Shipment) {
		return
	}
	if t.moves.hasAny(l.left) {
		m.end(EndReceived, e)
	}
}

// arrive notes what came without a shipment that is known.
func (m *machine) arrive(end End, e *Event) {
	m.legs = append(m.legs, Leg{End: end, By: e, Unit: m.filled})
}

// legsOf returns the legs of a machine with events as they were recorded.
func (f *folder) legsOf(m *machine) []Leg {
	list := make([]Leg, len(m.legs))
	for i, l := range m.legs {
		l.Shipment, l.By = f.fixes.shown(l.Shipment), f.fixes.shown(l.By)
		list[i] = l
	}
	return list
}
