package trace

import (
	"cmp"
	"maps"
	"slices"

	"suyuan/ledger"
)

// What another company has received is no longer its sender's alone to take back:
// whoever could do that would make the buyer a stranger to the goods, and might sell
// something else with their codes. A correction of a shipment counts for nothing
// where the recipient recorded his receipt without having seen it, unless what stands
// in the shipment's place was sent to the recipient too. Who receives what he knows to
// have been taken back contradicts the sender himself.

// corrections finds what counts of the folder's events.
func (f *folder) corrections() *corrections {
	relevant := f.relevant(f.things)
	c := findCorrections(f.events, relevant)
	c.uphold(receiptsOf(f.events, relevant, c), relevant, f.saw)
	c.count(f.events)
	return c
}

// saw reports whether the author of an event had seen another as far as his chain
// says by itself.
func (f *folder) saw(e, other *Event) bool {
	if e.Chain == other.Chain {
		return e.Seq > other.Seq
	}
	return f.in.Seen != nil && f.in.Seen(e.Position, other.Chain) > other.Seq
}

// A receiptBook finds who says that a shipment has come.
type receiptBook struct {
	naming map[ledger.Hash][]*Event // by what they name
	bare   map[string][]*Event      // those that name nothing, by member and time
	ships  map[string][]*Event      // shipments that were not corrected, by the recipient's member and time
}

// receiptsOf collects the relevant receipts that were not corrected, and the
// shipments of which those that name nothing may tell.
func receiptsOf(events []*Event, relevant func(*Event) bool, c *corrections) *receiptBook {
	b := &receiptBook{map[ledger.Hash][]*Event{}, map[string][]*Event{}, map[string][]*Event{}}
	if !slices.ContainsFunc(slices.Collect(maps.Values(c.of)), func(x *correction) bool { return x.target.Kind == ledger.KindShip }) {
		return b // as nearly always
	}
	for _, e := range events {
		if c.of[e.ID] != nil || e.Kind != ledger.KindReceive && e.Kind != ledger.KindShip || !relevant(e) {
			continue
		}
		switch {
		case e.Kind == ledger.KindShip:
			to := memberOf(e.Fields.Text("to"))
			b.ships[to] = append(b.ships[to], e)
		case len(e.Refs) == 0:
			b.bare[e.Member] = append(b.bare[e.Member], e)
		}
		for _, ref := range e.Refs {
			if e.Kind == ledger.KindReceive {
				b.naming[ref] = append(b.naming[ref], e)
			}
		}
	}
	for _, lists := range []map[string][]*Event{b.bare, b.ships} {
		for _, list := range lists {
			slices.SortStableFunc(list, func(a, b *Event) int { return cmp.Compare(a.At, b.At) })
		}
	}
	return b
}

// from is the place in a list by time of the first event that is not before one.
func from(list []*Event, at int64) int {
	i, _ := slices.BinarySearchFunc(list, at, func(e *Event, at int64) int { return cmp.Compare(e.At, at) })
	return i
}

// of returns the receipts of other members that may be of a shipment, which is known
// by those names: they name it, or nothing, and nothing else was sent there in
// between.
func (b *receiptBook) of(shipment *Event, names []ledger.Hash) []*Event {
	var list []*Event
	for _, name := range names {
		list = append(list, b.naming[name]...)
	}
	if to := memberOf(shipment.Fields.Text("to")); to != "" {
		bare, until := b.bare[to], int64(1<<63-1)
		if later := b.ships[to][from(b.ships[to], shipment.At):]; len(later) > 0 {
			until = later[0].At
		}
		for _, e := range bare[from(bare, shipment.At-ledger.MaxAhead):] {
			if e.At >= until || len(list) > maxReceipts {
				break
			}
			list = append(list, e)
		}
	}
	leg := Leg{Shipment: shipment}
	return slices.DeleteFunc(list, func(e *Event) bool { return e.Member == shipment.Member || !leg.isFor(e.Actor()) })
}

// uphold drops the corrections of shipments that a receipt refutes.
func (c *corrections) uphold(b *receiptBook, relevant func(*Event) bool, saw func(e, other *Event) bool) {
	c.upheld = make(map[ledger.Hash]*Event)
	var list []*correction
	before := make(map[ledger.Hash]*Event) // what each replacement replaces
	for _, x := range c.of {
		if x.with != nil {
			before[x.with.ID] = x.target
		}
		if x.target.Kind == ledger.KindShip {
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(a, b *correction) int { return earlier(a.target, b.target) })
	refuted := func(x *correction, stands func(receipt *Event) bool) bool {
		for _, r := range b.of(x.target, namesOf(x.target, before)) {
			if saw(r, x.by) || stands(r) {
				continue
			}
			c.upheld[x.target.ID] = r
			delete(c.of, x.target.ID)
			if x.with != nil {
				delete(before, x.with.ID)
			}
			return true
		}
		return false
	}
	for _, x := range list {
		refuted(x, func(r *Event) bool {
			return x.with != nil && relevant(x.with) && (&Leg{Shipment: x.with}).isFor(r.Actor())
		})
	}
	for _, x := range list { // replacements in a circle take back all of it
		if x.with != nil && c.of[x.target.ID] != nil && c.last(x.target) == nil {
			refuted(x, func(*Event) bool { return false })
		}
	}
}

// namesOf returns the leaf hashes of an event and of what it has replaced.
func namesOf(e *Event, before map[ledger.Hash]*Event) []ledger.Hash {
	names := []ledger.Hash{e.Hash}
	for len(names) <= maxReceipts {
		if e = before[e.ID]; e == nil || e.Hash == names[0] {
			break
		}
		names = append(names, e.Hash)
	}
	return names
}

// refuted returns the receipt by which a correction counts for nothing, nil if there
// is none.
func (c *corrections) refuted(e *Event) *Event {
	if slices.Contains(c.invalid, e) {
		return nil
	}
	return c.upheld[e.Fields.Hash("target")]
}
