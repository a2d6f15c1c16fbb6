package proof

import (
	"suyuan/ledger"
	"suyuan/trace"
)

// things are all that the shown events are about: the item, its product and
// lots, and the units that held it, directly or in other units, at any time.
type things map[trace.Item]bool

// thingsOf follows pack and unpack events from the item upwards.
func thingsOf(item trace.Item, events []*trace.Event) (things, error) {
	set := things{item: true}
	fresh := []trace.Item{item}
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
				return nil, wrong(ledger.CodeTooLarge, "the events tie the item to over %d units", maxThings)
			}
		}
		fresh = units
	}
	return set, nil
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
