package trace

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// counted are the kinds that tell of a quantity of a lot, and which way it goes
// for the party that acts.
var counted = map[ledger.Kind]int64{
	ledger.KindActivate: +1, ledger.KindReceive: +1, ledger.KindReturn: +1,
	ledger.KindShip: -1, ledger.KindSell: -1, ledger.KindVoid: -1, ledger.KindTransform: -1,
}

// signOf says which way the quantity of an event goes for the party that acts.
// What comes back to be destroyed is nobody's stock.
func signOf(e *Event) int64 {
	if e.Kind == ledger.KindReturn && e.Fields.Text("disposition") == "destroy" {
		return 0
	}
	return counted[e.Kind]
}

// checkQuantities holds that a record which counts says of which lot: it has one
// lot and its quantity, or neither. What is made may be made of codes and units
// besides.
func checkQuantities(kind ledger.Kind, subjects []Subject, fields Values) error {
	if counted[kind] == 0 {
		return nil
	}
	lots := lotsIn(subjects)
	lot := len(lots) > 0
	_, quantity := fields["quantity"]
	switch {
	case lot && len(subjects) > 1 && kind != ledger.KindTransform:
		return badField("subjects", "a lot without serials stands alone, with its quantity")
	case len(lots) > 1:
		return badField("subjects", "a record has one lot without serials at most, whose quantity it tells; record the others apart")
	case lot && !quantity:
		return badField("fields.quantity", "is required for a lot without serials")
	case quantity && !lot:
		return badField("fields.quantity", "is for a lot without serials")
	}
	return nil
}

// lotsIn returns the lots without serials that subjects name, or what was made was
// made of, each once.
func lotsIn(subjects []Subject) []Item {
	var list []Item
	for _, s := range subjects {
		if s.Kind == SubjectMade {
			s = *s.Input
		}
		if i := Lot(s.GTIN, s.Lot); s.Kind == SubjectLot && !slices.Contains(list, i) {
			list = append(list, i)
		}
	}
	return list
}

// A Balance is how much of a lot without serials a party has by the records, in
// one unit of measure. Nobody holds such goods exclusively: a negative balance
// says that records are missing or wrong, not whose.
type Balance struct {
	Party string // <member>[/<slug>]
	Unit  string // UN/ECE Recommendation 20
	Value int64
	Last  *Event // the newest event that counts for it
	Parts []Part // of which it is the sum, in the trail's order
}

// A Part of a balance is what one record adds to it, or takes off.
type Part struct {
	ID    ledger.Hash
	Kind  ledger.Kind
	At    int64 // when it happened, ms since 1970 UTC
	Value int64
}

// For reports whether a viewer may see the balance, under the newest charter:
// quantities are for both sides, the brand and the auditors.
func (b *Balance) For(c *ledger.Charter, gtin gs1.GTIN, v Viewer) bool {
	if v.Party != "" {
		return b.Party == v.Party
	}
	return slices.Contains(partiesOf(c, b.Last, gtin), v.Member)
}

// Balances adds up what the events say of the trail's lot, by party and unit. Of
// a party for which a quantity is not at hand it says nothing: quantities are
// fields for parties.
func (t *Trail) Balances() []Balance {
	list, _ := t.balances()
	return list
}

// balances is Balances with the parties of which nothing can be said.
func (t *Trail) balances() (list []Balance, unknown map[string]bool) {
	type account struct{ party, unit string }
	sums := make(map[account]*Balance)
	unknown = make(map[string]bool)
	book := func(e *Event, party string, q Quantity, ok bool, sign int64) {
		if !ok {
			unknown[party] = true
			return
		}
		b := sums[account{party, q.Unit}]
		if b == nil {
			b = &Balance{Party: party, Unit: q.Unit}
			sums[account{party, q.Unit}] = b
		}
		v := sign * int64(q.Value)
		b.Value, b.Last = addSaturating(b.Value, v), e
		b.Parts = append(b.Parts, Part{e.ID, e.Kind, e.At, v})
	}
	shipments, backs := t.freight().named, t.backs()
	for _, e := range t.Events {
		if !t.Counts(e) || e.misdirected(shipments) {
			continue
		}
		for _, b := range backs[e] {
			book(e, b.shipment.Actor(), b.quantity, b.known, +1)
		}
		if sign := signOf(e); sign != 0 {
			q, ok := e.Fields["quantity"].(Quantity)
			book(e, e.Actor(), q, ok, sign)
		}
	}
	for _, b := range sums {
		if !unknown[b.Party] {
			list = append(list, *b)
		}
	}
	slices.SortFunc(list, func(a, b Balance) int { return cmp.Or(cmp.Compare(a.Party, b.Party), cmp.Compare(a.Unit, b.Unit)) })
	return list, unknown
}

// misdirected reports whether an event is a receipt of shipments of a lot, by the
// leaf hashes that name them, all of which were sent to others. What came without a
// shipment stands for itself.
func (e *Event) misdirected(shipments map[ledger.Hash]*Event) bool {
	others := false
	for _, ref := range e.Refs {
		s := shipments[ref]
		if s != nil && e.settles(s) {
			return false
		}
		others = others || s != nil
	}
	return others && e.Kind == ledger.KindReceive
}

// shortfalls returns the balances that are negative, as far as no other of the
// same hand makes up for it: what a member received, a party that it hosts may
// ship, and the other way round. Where a hand's quantities are not all known,
// nothing is said of it.
func (t *Trail) shortfalls() []Balance {
	all, unknown := t.balances()
	var list []Balance
	for _, b := range all {
		for i := range all {
			other := &all[i]
			if b.Value >= 0 || other.Value <= 0 || other.Unit != b.Unit || !sameHand(other.Party, b.Party) {
				continue
			}
			cover := min(other.Value, -b.Value)
			b.Value += cover
			other.Value -= cover
		}
		hidden := slices.ContainsFunc(slices.Collect(maps.Keys(unknown)), func(p string) bool { return sameHand(p, b.Party) })
		if b.Value < 0 && !hidden {
			list = append(list, b)
		}
	}
	return list
}

// addSaturating adds, and stays at the limits: nobody has that much.
func addSaturating(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

// stock returns the findings about a lot's balances and its shipments, for the
// parties.
func (t *Trail) stock() []Finding {
	c := newestOf(t.names.charters)
	if t.Item.Kind != ItemLot || c == nil {
		return nil
	}
	var list []Finding
	for _, b := range t.shortfalls() {
		f := newFinding(NegativeStock, b.Last)
		f.a, f.n, f.unit, f.Parties = b.Party, uint64(-b.Value), b.Unit, partiesOf(c, b.Last, t.Item.GTIN)
		list = append(list, f)
	}
	return append(list, t.quantities(c)...)
}
