package trace

import (
	"maps"
	"slices"

	"suyuan/ledger"
)

// Any member may write about any code, so that somebody says that he has an item
// is no reason to doubt who has it by the records. Parties that have held the
// item or were sent it, and the brand, are known to it; all others are strangers.
// What a stranger records moves nothing, and is for members to see.
//
// A stranger is believed for now where the records that would make him known may
// be on their way, or a consumer may have come to him. The machine then follows
// two lines, with him and without him, until a known party acts. If that fits
// what went before only in the first, it stands; else it never was.

// know notes that a party has held the item or was sent it.
func (m *machine) know(party string) {
	if party != "" {
		m.known[party] = true
	}
}

// stands reports whether the event's actor is known to the item, or may sign the
// event for it in any case.
func (m *machine) stands(e *Event) bool {
	if m.without != nil {
		return m.without.stands(e)
	}
	if m.rules.partial || len(m.known) == 0 || m.rules.entitles(e, m.item) ||
		e.Kind == ledger.KindInspect && m.rules.examines(e.Member, m.item) ||
		m.custody.State == InTransit && m.to == "" { // sent to somebody whom the reader is not shown
		return true
	}
	for p := range m.known {
		if sameHand(p, e.Actor()) {
			return true
		}
	}
	return false
}

// likely reports whether an entry that is not at hand may well have given the
// item to a stranger: it is in transit, or who is said to have sent it holds it.
// Then he is believed for now.
func (m *machine) likely(e *Event) bool {
	from := e.Fields.Text("from")
	if m.strict || m.custody.State != InTransit && (from == "" || !sameHand(from, m.custody.Holder)) {
		return false
	}
	m.doubt("", e)
	return true
}

// doubt begins a second line of the story, in which the event bears the finding
// and moves nothing.
func (m *machine) doubt(code string, e *Event) {
	if m.without != nil {
		return
	}
	other := m.clone()
	other.strict = true
	if code != "" {
		other.report(code, e, m.since)
	}
	m.without = other
}

func (m *machine) clone() *machine {
	c := *m
	c.problems, c.stopped, c.steps, c.legs = slices.Clone(m.problems), slices.Clone(m.stopped), slices.Clone(m.steps), slices.Clone(m.legs)
	c.displaced, c.units, c.said, c.gone, c.known = maps.Clone(m.displaced), maps.Clone(m.units), maps.Clone(m.said), maps.Clone(m.gone), maps.Clone(m.known)
	return &c
}

// apply moves the item past one event and reports whether the event was about
// it: named it, or a unit in which it was.
func (m *machine) apply(t *touched) bool {
	without := m.without
	if without == nil {
		return m.step(t)
	}
	with, since, known := len(m.problems), without.since, without.stands(t.event)
	old := len(without.problems)
	about := m.step(t)
	about = without.step(t) || about
	if !known {
		return about
	}
	a, b := worst(m.problems[with:]), worst(without.problems[old:])
	switch {
	case a > b, a == b && without.since != since:
		*m = *without
		m.strict = false
	case a < b && b >= Warning.rank() && sameHand(t.event.Actor(), m.custody.Holder):
		m.without = nil
	}
	return about
}

// sure is the line without what is believed for now: what the public is told of
// how things stand comes from there.
func (m *machine) sure() *machine {
	if m.without != nil {
		return m.without
	}
	return m
}

// worst is the rank of the worst of problems that are not quiet.
func worst(list []problem) int {
	rank := -1
	for _, p := range list {
		if !p.quiet {
			rank = max(rank, findingSpecs[p.code].severity.rank())
		}
	}
	return rank
}
