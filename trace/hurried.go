package trace

import (
	"slices"

	"suyuan/ledger"
)

// Hand-held devices have clocks that are wrong by minutes, each by another
// amount, so that a shipment may be dated before the packing of what it ships.
// Nothing accuses anybody of that. An event that stands before another which its
// author had seen, and which is minutes away, is hurried. Where records do not fit
// together, hurried events are tried behind what their authors had seen, one by
// one, and stay there if records then complain less.

// nearby reports whether wrong clocks alone may have put the first event before
// the second.
func nearby(first, second *Event) bool { return second.At-first.At <= 2*ledger.MaxAhead }

// disorders are notices that another order of the same records would spare their
// events.
var disorders = map[string]bool{ReceivedByOther: true, UnpackedNotIn: true, ReceiptMissing: true, ShipmentOpen: true,
	ReceivedAgain: true, CancelNoEffect: true, SaleMissing: true, SoldOnHold: true, ReleaseNoEffect: true}

// complaints says how badly events do not fit those before them, by the worst that
// each bears: a disorder least, then that it is a stranger's, then contradictions.
func complaints(m *machine) map[*Event]int {
	worst := make(map[*Event]int)
	for _, q := range m.problems {
		rank := 0
		switch {
		case q.quiet:
			rank = 2
		case contradiction(q.code):
			rank = 1 + findingSpecs[q.code].severity.rank()
		case disorders[q.code]:
			rank = 1
		}
		if rank > 0 {
			worst[q.event] = max(worst[q.event], rank)
		}
	}
	return worst
}

// milder reports whether the complaints are less in all than others, and no event
// bears more but a disorder, which the next event in another place may take away.
func milder(is, was map[*Event]int) bool {
	less := 0
	for e, rank := range is {
		if rank > was[e] && rank > 1 {
			return false
		}
		less -= rank
	}
	for _, rank := range was {
		less += rank
	}
	return less > 0
}

// setClocksRight moves hurried events where that makes records fit.
func (f *folder) setClocksRight(o *order) {
	m, _ := f.run(f.timeline)
	was := complaints(m)
	if len(was) > maxHurried {
		return // no clocks are so wrong
	}
	for tries := 0; len(was) > 0; {
		better := false
		for _, i := range f.hurried(o) {
			if tries == maxHurried {
				return
			}
			tries++
			moved := f.waiting(i, o)
			m, _ := f.run(moved)
			if is := complaints(m); milder(is, was) {
				f.timeline, was, better = moved, is, true
				break
			}
		}
		if !better {
			return
		}
	}
}

// hurried returns the places of events that stand before others which their
// authors had seen, and which are minutes away.
func (f *folder) hurried(o *order) []int {
	var list []int
	for i := range f.timeline {
		if f.lastSeen(i, o) > i {
			list = append(list, i)
		}
	}
	return list
}

// lastSeen returns the last place of what an event's author had seen and is minutes
// away, or the event's own.
func (f *folder) lastSeen(i int, o *order) int {
	last, e := i, f.timeline[i].event
	for j := i + 1; j < len(f.timeline); j++ {
		x := f.timeline[j].event
		if f.timeline[j].when > e.At+2*ledger.MaxAhead {
			break
		}
		if nearby(e, x) && o.covers(e, x) {
			last = j
		}
	}
	return last
}

// waiting returns the timeline with a hurried event behind what its author had
// seen.
func (f *folder) waiting(i int, o *order) []placed {
	last := f.lastSeen(i, o)
	p := placed{f.timeline[i].touched, f.timeline[last].when}
	moved := slices.Insert(slices.Clone(f.timeline), last+1, p)
	return slices.Delete(moved, i, i+1)
}
