package trace

import (
	"cmp"
	"math"
	"slices"

	"suyuan/ledger"
)

// A load is shipments of one lot without serials that were received together.
type load struct {
	shipments []*Event // by position
	receipts  []*Event // by position

	refused   map[*Event]*Event // cancellations by whom a shipment was sent to
	withdrawn map[*Event]*Event // by its sender
	reduced   map[*Event]*taken // the most that a shipment was when its recipient received it, if that is more
}

// A taken is a shipment that its sender replaced by another.
type taken struct{ shipment, by *Event }

// freight is the shipments of a trail's lot that count.
type freight struct {
	named    map[ledger.Hash]*Event // by the leaf hashes that name them: their own, and those of what they stand for
	replaced map[*Event][]taken     // what each stands for
}

// freight finds the shipments.
func (t *Trail) freight() *freight {
	f := &freight{map[ledger.Hash]*Event{}, map[*Event][]taken{}}
	byID := make(map[ledger.Hash]*Event)
	for _, e := range t.Events {
		byID[e.ID] = e
		if e.Kind == ledger.KindShip && t.Counts(e) {
			f.named[e.Hash] = e
		}
	}
	for _, e := range t.Events {
		if e.Kind != ledger.KindShip {
			continue
		}
		first := byID[t.corrected[e.ID]]
		by := first
		for range maxReceipts {
			if by == nil {
				break
			}
			s := byID[by.Fields.Hash("replacement")]
			if s == nil || s.Kind != ledger.KindShip {
				break
			}
			if t.Counts(s) {
				f.named[e.Hash] = s
				f.replaced[s] = append(f.replaced[s], taken{e, first})
				break
			}
			by = byID[t.corrected[s.ID]]
		}
	}
	return f
}

// loads returns what was shipped and received of the trail's lot, taken together
// where a receipt names several shipments. What others than their sides say of
// shipments neither accuses nor clears these.
func (t *Trail) loads() []*load {
	f := t.freight()
	of := make(map[*Event]*load)
	for _, s := range f.named {
		of[s] = &load{shipments: []*Event{s}, refused: map[*Event]*Event{}, withdrawn: map[*Event]*Event{}, reduced: map[*Event]*taken{}}
	}
	for _, e := range t.Events {
		if e.Kind == ledger.KindReceive && t.Counts(e) {
			t.unload(e, f, of)
		}
	}
	for _, e := range t.Events {
		if e.Kind != ledger.KindCancel || !t.Counts(e) {
			continue
		}
		for _, ref := range e.Refs {
			if s := f.named[ref]; s != nil && e.settles(s) {
				of[s].cancel(e, s)
			}
		}
	}
	return loadsOf(of)
}

// unload adds a receipt to the load that it names, and makes one of several.
func (t *Trail) unload(e *Event, f *freight, of map[*Event]*load) {
	var all *load
	for _, ref := range e.Refs {
		s := f.named[ref]
		x := of[s]
		if x == nil || !e.settles(s) {
			continue
		}
		for _, r := range f.replaced[s] {
			if r.shipment.Hash == ref && !t.saw(e, r.by) && r.exceeds(x.most(s)) {
				x.reduced[s] = &r
			}
		}
		switch {
		case all == nil:
			all = x
		case all != x:
			all.join(x)
			for _, s := range x.shipments {
				of[s] = all
			}
		}
	}
	if all != nil {
		all.receipts = append(all.receipts, e)
	}
}

// join adds another load, of which nothing was cancelled yet.
func (x *load) join(other *load) {
	x.shipments, x.receipts = append(x.shipments, other.shipments...), append(x.receipts, other.receipts...)
	for s, r := range other.reduced {
		x.reduced[s] = r
	}
}

// cancel notes the first cancellation of each side.
func (x *load) cancel(e, shipment *Event) {
	side := x.refused
	if sameHand(e.Actor(), shipment.Actor()) && !(&Leg{Shipment: shipment}).isFor(e.Actor()) {
		side = x.withdrawn
	}
	if side[shipment] == nil {
		side[shipment] = e
	}
}

// exceeds reports whether more of the lot was sent first than a shipment tells of.
func (r *taken) exceeds(shipment *Event) bool {
	was, known := r.shipment.Fields["quantity"].(Quantity)
	is, now := shipment.Fields["quantity"].(Quantity)
	return known && now && was.Unit == is.Unit && was.Value > is.Value
}

// most is the shipment or what it stands for: what its recipient could go by.
func (x *load) most(shipment *Event) *Event {
	if r := x.reduced[shipment]; r != nil {
		return r.shipment
	}
	return shipment
}

// settles reports whether a receipt or cancellation of a lot that names a shipment is
// by whom it is up to: what came says to whom it was sent, and that it did not go its
// sender too.
func (e *Event) settles(shipment *Event) bool {
	l := Leg{Shipment: shipment}
	return l.isFor(e.Actor()) || e.Kind == ledger.KindCancel && sameHand(e.Actor(), shipment.Actor())
}

// loadsOf returns each load once, with its records by position.
func loadsOf(of map[*Event]*load) []*load {
	seen := make(map[*load]bool)
	var list []*load
	byPosition := func(a, b *Event) int { return a.Compare(b.Position) }
	for _, x := range of {
		if !seen[x] {
			seen[x] = true
			slices.SortFunc(x.shipments, byPosition)
			slices.SortFunc(x.receipts, byPosition)
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(a, b *load) int { return byPosition(a.shipments[0], b.shipments[0]) })
	return list
}

// compare returns how much was sent, as far as its recipients could know, and how
// much came; not ok where that is not known here or cannot be compared.
func (x *load) compare() (sent, came Quantity, ok bool) {
	var list []*Event
	for _, s := range x.shipments {
		list = append(list, x.most(s))
	}
	sent, ok = total(list)
	came, known := total(x.receipts)
	return sent, came, ok && known && sent.Unit == came.Unit
}

// quantities returns the findings about shipments of the trail's lot and their
// receipts.
func (t *Trail) quantities(c *ledger.Charter) []Finding {
	var list []Finding
	for _, x := range t.loads() {
		sent, came, ok := x.compare()
		if !ok {
			continue // nothing came, it is not known here, or cannot be compared
		}
		list = append(list, t.takenBack(c, x, came)...)
		refused := x.refusedOf()
		switch {
		case came.Value > sent.Value:
			f := newFinding(OverReceipt, x.receipts[0])
			f.b, f.n = x.shipments[0].Actor(), came.Value-sent.Value
			list = append(list, t.ofLot(f, c, sent.Unit, slices.Concat(x.receipts, x.shipments)))
		case sent.Value-came.Value > refused:
			f := newFinding(ShortReceipt, x.shipments[0])
			last := slices.MaxFunc(x.receipts, func(a, b *Event) int { return cmp.Compare(a.Recorded, b.Recorded) })
			f.b, f.n, f.due = x.shipments[0].Fields.Text("to"), sent.Value-came.Value-refused, last.Recorded+shortAfter(c)
			list = append(list, t.ofLot(f, c, sent.Unit, slices.Concat(x.shipments, x.receipts)))
		}
	}
	return list
}

// refusedOf is how much was sent in shipments of which their recipient does not want
// the rest.
func (x *load) refusedOf() (n uint64) {
	for s := range x.refused {
		q, _ := x.most(s).Fields["quantity"].(Quantity)
		n += min(q.Value, math.MaxUint64-n)
	}
	return n
}

// takenBack returns the findings about shipments of a load that their sender took
// back, or made less of, though they had been received.
func (t *Trail) takenBack(c *ledger.Charter, x *load, came Quantity) []Finding {
	var list []Finding
	tell := func(by, shipment *Event, n uint64) {
		f := newFinding(TakenBack, by)
		f.b, f.n = shipment.Fields.Text("to"), n
		list = append(list, t.ofLot(f, c, came.Unit, slices.Concat([]*Event{by, shipment}, x.receipts)))
	}
	now, _ := total(x.shipments)
	for _, s := range x.shipments {
		q, _ := s.Fields["quantity"].(Quantity)
		if by := x.withdrawn[s]; by != nil && x.refused[s] == nil && min(q.Value, came.Value) > 0 {
			tell(by, s, min(q.Value, came.Value))
		}
		if r := x.reduced[s]; r != nil && came.Value > now.Value {
			was, _ := r.shipment.Fields["quantity"].(Quantity)
			tell(r.by, r.shipment, min(was.Value-q.Value, came.Value-now.Value))
		}
	}
	return list
}

// ofLot adds to a finding what it is about, and the records that belong to it, of
// which the first bears it.
func (t *Trail) ofLot(f Finding, c *ledger.Charter, unit string, records []*Event) Finding {
	f.gtin, f.lot, f.unit = t.Item.GTIN, t.Item.Lot, unit
	f.addRecords(c, records[0], records[1:])
	return f
}

// A back is what a cancellation gives back to the sender of a shipment of a lot.
type back struct {
	shipment *Event
	quantity Quantity
	known    bool
}

// backs returns by cancellation what it gives back: what of the shipment has not
// come, and where it came in another unit of measure only what its recipient refuses.
func (t *Trail) backs() map[*Event][]back {
	all := make(map[*Event][]back)
	for _, x := range t.loads() {
		left := make(map[string]uint64) // by unit of measure
		sent, _ := sumsOf(x.shipments)
		came, known := sumsOf(x.receipts)
		for unit, n := range sent {
			left[unit] = n - min(n, came[unit])
		}
		for _, cancelled := range []map[*Event]*Event{x.refused, x.withdrawn} {
			for _, s := range x.shipments {
				e, q := cancelled[s], Quantity{}
				if e == nil || e == x.withdrawn[s] && x.refused[s] != nil {
					continue
				}
				b := back{shipment: s}
				if q, b.known = s.Fields["quantity"].(Quantity); b.known {
					b.quantity = Quantity{min(q.Value, left[q.Unit]), q.Unit}
					left[q.Unit] -= b.quantity.Value
				}
				if _, same := came[q.Unit]; e == x.withdrawn[s] && len(came) > 0 && (!same || len(came) > 1) {
					b.quantity.Value = 0
				}
				b.known = b.known && known
				all[e] = append(all[e], b)
			}
		}
	}
	return all
}

// sumsOf adds up the quantities of events by unit of measure; known reports whether
// all are at hand.
func sumsOf(events []*Event) (sums map[string]uint64, known bool) {
	sums, known = make(map[string]uint64), true
	for _, e := range events {
		q, ok := e.Fields["quantity"].(Quantity)
		if known = known && ok; ok {
			sums[q.Unit] += min(q.Value, math.MaxUint64-sums[q.Unit])
		}
	}
	return sums, known
}

// total adds up the quantities of events; not ok, if there is none, one is not at hand
// or they have several units of measure.
func total(events []*Event) (sum Quantity, ok bool) {
	sums, known := sumsOf(events)
	for unit, n := range sums {
		sum = Quantity{n, unit}
	}
	return sum, known && len(sums) == 1
}

// strangeToLot returns the findings about what the trail's lot was not sent for: they
// say who meddles, without quantities, to all members.
func (t *Trail) strangeToLot() []Finding {
	shipments := t.freight().named
	var list []Finding
	for _, e := range t.Events {
		if (e.Kind != ledger.KindReceive && e.Kind != ledger.KindCancel) || !t.Counts(e) {
			continue
		}
		code, other := t.strangeness(e, shipments)
		if code != "" {
			list = append(list, newFinding(code, e).with(other).quieted())
		}
	}
	return list
}

// strangeness is what is strange about a receipt or cancellation of a lot, and the
// record that shows it: "" if it is of a shipment to or by its author.
func (t *Trail) strangeness(e *Event, shipments map[ledger.Hash]*Event) (code string, other *Event) {
	for _, ref := range e.Refs {
		s := shipments[ref]
		switch {
		case s != nil && e.settles(s):
			return "", nil
		case s != nil && other == nil:
			other = s
		case s == nil && t.rules.missing(ref):
			code = RefMissing
		}
	}
	switch {
	case e.Kind == ledger.KindCancel && code == "":
		return CancelNoEffect, nil
	case other != nil:
		return ReceivedByOther, other
	case code != "" || e.Kind == ledger.KindCancel:
		return code, nil
	case t.Active == nil || t.rules.entitles(e, t.Item) || t.sentTo(e.Actor(), shipments):
		return "", nil // nobody has said where the lot comes from, or it may well have come
	}
	return ReceivedNotShipped, t.Active
}

// sentTo reports whether anybody has sent of the lot to a party.
func (t *Trail) sentTo(party string, shipments map[ledger.Hash]*Event) bool {
	for _, s := range shipments {
		if (&Leg{Shipment: s}).isFor(party) {
			return true
		}
	}
	return false
}
