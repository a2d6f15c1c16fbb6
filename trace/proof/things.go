package proof

import (
	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// things are all that the shown events are about: the item, its product and
// lots, and the units that held it, directly or in other units, at any time; and
// the same of what the item was made of.
type things map[trace.Item]bool

// thingsOf gathers the things around an item and its sources.
func thingsOf(item trace.Item, events []*trace.Event) (things, error) {
	set := make(things)
	for _, i := range append([]trace.Item{item}, trace.SourcesOf(item, events)...) {
		if err := set.follow(i, events); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// follow adds an item and what is around it: it follows pack and unpack events
// upwards.
func (set things) follow(item trace.Item, events []*trace.Event) error {
	fresh := set.add(nil, item)
	if len(fresh) == 0 {
		return nil // it was met on the way of another
	}
	if item.Kind == trace.ItemCode {
		fresh = set.add(fresh, trace.Product(item.GTIN))
		fresh = append(fresh, set.lots(item, events)...)
	}
	for range trace.MaxNesting {
		var units []trace.Item
		for _, e := range events {
			for _, t := range fresh {
				units = set.add(units, e.Units(t)...)
			}
			if len(set) > maxThings {
				return wrong(ledger.CodeTooLarge, "the events tie the item to over %d units", maxThings)
			}
		}
		fresh = units
	}
	return nil
}

// run reports whether one of the things is a code of that run.
func (set things) run(gtin gs1.GTIN, number uint16) bool {
	for t := range set {
		if t.Kind == trace.ItemCode && t.GTIN == gtin && t.Run == number {
			return true
		}
	}
	return false
}

// lots returns the lots that activations give the item.
func (set things) lots(item trace.Item, events []*trace.Event) []trace.Item {
	var lots []trace.Item
	for _, e := range events {
		if lot := e.Lot(); lot != "" && e.Covers(item) {
			lots = set.add(lots, trace.Lot(item.GTIN, lot))
		}
	}
	return lots
}

// add puts items into the set and appends those that are new to list.
func (set things) add(list []trace.Item, items ...trace.Item) []trace.Item {
	for _, i := range items {
		if !set[i] {
			set[i] = true
			list = append(list, i)
		}
	}
	return list
}

// about reports whether a subject is about one of the things as such. That it
// names a unit with other contents is not enough: that tells of other items.
func (set things) about(s trace.Subject) bool {
	for t := range set {
		if s.Moves(t) {
			return true
		}
	}
	return false
}
