package trace

import (
	"maps"
	"slices"

	"suyuan/ledger"
)

// A transition is a row of the custody table: what an event does to an item that
// is in one of the states, if all the conditions hold, and what finding it bears.
//
// The rows of a kind are tried from the top, and the first that fits decides; the
// last fits always. Findings refuse a record at its author's door where the
// author's own records lead to them (see refusals), and else say what does not
// fit between companies. An act that does not count moves nothing, so that a
// false claim burdens its author and not those who come after.
//
// What moving means for a kind is said by the method of [machine] that is named
// after it; testdata/custody.txt shows what comes of the table.
type transition struct {
	in      states
	when    condition
	effect  effect
	finding string
}

// An effect is what an event does.
type effect uint8

const (
	stays    effect = iota // nothing
	moves                  // what events of its kind do
	begins                 // moves; nothing was known before, so that its actor counts as known
	receives               // its actor receives the item, and then it moves
	follows                // moves if the entry that it names, which is not at hand, may have given the item to its actor
	doubted                // moves for now, if anybody is believed for now: see belief.go
)

// states is a set of states.
type states uint8

const (
	nowUnknown states = 1 << iota
	nowIssued
	nowActive
	nowInTransit
	nowHeld
	nowSold
	nowUsed
	nowVoid

	nowAtRest = nowIssued | nowActive | nowHeld
	anyState  = nowUnknown | nowAtRest | nowInTransit | nowSold | nowUsed | nowVoid
)

var setOf = map[State]states{
	"": nowUnknown, Issued: nowIssued, Active: nowActive, InTransit: nowInTransit, Held: nowHeld, Sold: nowSold, Used: nowUsed, Void: nowVoid,
}

// A condition is a set of things that are so between an event, its actor and the
// item. All of them have to hold.
type condition uint16

const (
	always condition = 0

	isHolder    condition = 1 << (iota - 1) // the item is with the actor
	isAddressee                             // the item is on its way to the actor
	isDisplaced                             // the actor had it when another's receipt put him out of possession
	isKnown                                 // the actor has held it, was sent it, or may sign the event in any case
	isStranger                              // he is not known: see belief.go
	isEntitled                              // the brand, or whom it has appointed for events of the kind
	isBrand                                 // the charter gives its member the item's GTIN
	isExaminer                              // may inspect what it does not hold
	isIssuer                                // its chain issues the item's run
	namesAbsent                             // the event names an entry that is not at hand
	namesOpen                               // it names the shipment under way, or none
	namesItem                               // it names the item or a unit around it, not just its lot or product
	endsHold                                // it releases a hold that its actor may release
	wasActive                               // the item was activated before
	wasClaimed                              // its hidden code was used before
	isUnit                                  // the item is no serial number of a product
)

// custodyTable says for each kind of event what it does to an item.
var custodyTable = map[ledger.Kind][]transition{
	ledger.KindActivate: {
		{nowVoid, isEntitled, stays, EventOnVoid},
		{anyState, isEntitled | wasActive, stays, ActivatedTwice},
		{anyState, isEntitled, moves, ""},
		{anyState, always, stays, NotAuthority},
	},
	ledger.KindVoid: slices.Concat([]transition{
		{nowVoid, always, stays, ""},
		{anyState, isEntitled, moves, ""},
		{nowSold | nowUsed, always, stays, NotAuthority},
		{anyState, isStranger, stays, NotAuthority},
	}, goods(transition{anyState, always, stays, NotAuthority})),

	ledger.KindPack:      goods(transition{anyState, always, stays, PackedByNonHolder}),
	ledger.KindUnpack:    goods(transition{anyState, always, stays, PackedByNonHolder}),
	ledger.KindTransform: using, // of what goes into it; see also producing
	ledger.KindShip:      goods(transition{anyState, always, stays, ShippedByNonHolder}),
	ledger.KindReceive: {
		{nowUnknown, always, moves, ""},
		{nowVoid, always, stays, EventOnVoid},
		{nowSold, namesAbsent, follows, RefMissing},
		{nowSold, always, stays, MovedAfterSold},
		{nowUsed, always, stays, MovedAfterUse},
		{nowInTransit, isAddressee, moves, ""},
		{nowAtRest, isHolder, stays, ReceivedAgain},
		{anyState, namesAbsent, follows, RefMissing},
		{nowInTransit, isKnown, moves, ReceivedByOther},
		{nowInTransit, always, stays, ReceivedByOther},
		{anyState, isKnown, moves, ReceivedNotShipped},
		{anyState, always, stays, ReceivedNotShipped},
	},
	ledger.KindCancel: {
		{anyState, namesAbsent, stays, RefMissing},
		{nowInTransit, isHolder | namesOpen, moves, ""},
		{nowInTransit, isAddressee | namesOpen, moves, ""},
		{anyState, always, stays, CancelNoEffect},
	},
	// A sale counts also where the seller held the item only before: that
	// something with this code was sold is what matters to the next buyer. A sale
	// by a stranger is no more than a claim.
	ledger.KindSell: slices.Concat([]transition{
		{nowSold, namesAbsent, follows, RefMissing},
		{nowSold, isKnown, stays, SoldTwice},
	}, goods(
		transition{anyState, isKnown, moves, SoldByNonHolder},
		transition{anyState, always, stays, SoldByNonHolder},
	)),
	// Consumers bring things back to whomever they like: a stranger is believed
	// for now.
	ledger.KindReturn: {
		{nowUnknown, always, moves, ""},
		{nowSold, isKnown, moves, ""},
		{nowSold, always, doubted, ReturnedByOther},
		{nowVoid, always, stays, EventOnVoid},
		{nowUsed, always, stays, MovedAfterUse},
		{anyState, isHolder, moves, SaleMissing},
		{nowInTransit, isAddressee, moves, SaleMissing},
		{anyState, isKnown | namesAbsent, moves, RefMissing},
		{anyState, namesAbsent, stays, RefMissing},
		{anyState, isKnown, moves, ReturnedByOther},
		{anyState, always, stays, ReturnedByOther},
	},

	ledger.KindInspect: slices.Concat([]transition{{anyState, isExaminer, moves, ""}}, overseeing),
	ledger.KindHold:    slices.Concat([]transition{{anyState, isEntitled, moves, ""}}, overseeing),
	ledger.KindRelease: {
		{anyState, endsHold, moves, ""},
		{anyState, always, stays, ReleaseNoEffect},
	},
	ledger.KindRecall: {
		{anyState, isBrand, stays, IsRecalled},
		{anyState, always, stays, NotAuthority},
	},
	ledger.KindWithdraw: {
		{anyState, isBrand, stays, IsWithdrawn},
		{anyState, always, stays, NotAuthority},
	},
	// The hidden code is told of by the chain that alone can check it.
	ledger.KindClaim: {
		{anyState, isIssuer | wasClaimed, stays, ClaimedTwice},
		{anyState, isIssuer, moves, ""},
		{anyState, always, stays, NotAuthority},
	},
}

var (
	// repacking is packing of what is in another unit.
	repacking = goods(transition{anyState, always, stays, PackedTwice})

	// using is a transform of what goes into it.
	using = slices.Concat([]transition{
		{anyState, isStranger, stays, UsedByNonHolder},
	}, goods(transition{anyState, always, stays, UsedByNonHolder}))

	// producing is a transform of what comes out of it.
	producing = slices.Concat([]transition{
		{nowUnknown | nowIssued, isEntitled, moves, ""},
		{nowUnknown | nowIssued, isUnit, moves, ""},
		{nowUnknown | nowIssued, always, stays, NotAuthority},
	}, using)

	// overseeing is saying something of goods without moving them. A failed
	// inspection or a hold that anybody could record would be a weapon: the holder
	// may say so of what he holds, and of a whole lot or product only who is
	// entitled to it.
	overseeing = []transition{
		{nowUnknown, namesItem, moves, ""},
		{anyState, namesItem | isHolder | isKnown, moves, ""},
		{nowInTransit, namesItem | isAddressee | isKnown, moves, ""},
		{anyState, always, stays, NotAuthority},
	}
)

// goods are the rows of what only the holder can do, and others for whoever is
// none.
func goods(others ...transition) []transition {
	return append([]transition{
		{nowUnknown, always, begins, ""},
		{nowVoid, always, stays, EventOnVoid},
		{nowSold, namesAbsent, follows, RefMissing},
		{nowSold, always, stays, MovedAfterSold},
		{nowUsed, always, stays, MovedAfterUse},
		{nowInTransit, isAddressee, receives, ReceiptMissing},
		{nowInTransit, isHolder, moves, ShipmentOpen},
		{nowAtRest, isHolder, moves, ""},
		{anyState, isDisplaced, moves, HeldByTwo}, // both have goods with this code in their hands: both lines go on
		{anyState, namesAbsent, follows, RefMissing},
	}, others...)
}

// lets decides by the rows of the event's kind.
func (m *machine) lets(t *touched) bool {
	_, ok := m.decide(custodyTable[t.event.Kind], t)
	return ok
}

// decide finds the row for an event, bears its finding, and reports whether the
// event moves the item.
func (m *machine) decide(table []transition, t *touched) (row transition, ok bool) {
	row = m.row(table, t)
	e := t.event
	if row.effect == doubted {
		if !m.strict {
			m.doubt(row.finding, e)
			return row, true
		}
		m.report(row.finding, e, m.opposite(row.finding, e))
		return row, false
	}
	if row.finding != "" {
		m.report(row.finding, e, m.opposite(row.finding, e))
	}
	switch row.effect {
	case stays:
		return row, false
	case begins:
		m.know(e.Actor())
	case receives:
		m.become(Held, e.Actor(), e)
	case follows:
		if !m.stands(e) && !m.likely(e) {
			return row, false
		}
		m.take(Held, e)
	}
	return row, true
}

// row is the first that fits; the last row of a table is for all that is left.
func (m *machine) row(table []transition, t *touched) transition {
	now := setOf[m.custody.State]
	for _, r := range table {
		if r.in&now != 0 && m.meets(r.when, t) {
			return r
		}
	}
	return transition{}
}

// meets reports whether all of the conditions hold.
func (m *machine) meets(c condition, t *touched) bool {
	for c != always {
		one := c & -c
		if !m.isSo(one, t) {
			return false
		}
		c &^= one
	}
	return true
}

// isSo reports whether one condition holds.
func (m *machine) isSo(c condition, t *touched) bool {
	e := t.event
	switch c {
	case isHolder:
		return sameHand(e.Actor(), m.custody.Holder)
	case isAddressee:
		return m.addressed(e.Actor())
	case isDisplaced:
		return m.displacing(e.Actor()) != nil
	case isKnown:
		return m.stands(e)
	case isStranger:
		return !m.stands(e)
	case isEntitled:
		return m.rules.entitles(e, m.item)
	case isBrand:
		return m.rules.authority(e.Member, m.item)
	case isExaminer:
		return m.rules.examines(e.Member, m.item) || m.rules.appointed(e)
	case isIssuer:
		return m.rules.issues(e)
	case namesAbsent:
		return m.namesAbsent(e)
	case namesOpen:
		// Readers of a bundle are not shown what it names, and no author's door lets
		// a cancellation pass that names none.
		return len(e.Refs) == 0 || m.refersTo(e, m.shipment)
	case namesItem:
		return !t.scoped && m.item.Kind != ItemLot && m.item.Kind != ItemGTIN
	case endsHold:
		return slices.ContainsFunc(m.stopped, m.mayRelease(e))
	case wasActive:
		return m.activated
	case wasClaimed:
		return m.claimed != nil
	case isUnit:
		return m.item.Kind != ItemCode
	}
	return false
}

// opposite is the earlier event that one with a finding does not fit.
func (m *machine) opposite(finding string, e *Event) *Event {
	switch finding {
	case RefMissing, NotAuthority, CancelNoEffect, ReleaseNoEffect, IsRecalled, IsWithdrawn:
		return nil
	case ReceiptMissing, ShipmentOpen:
		return m.shipment
	case HeldByTwo:
		return m.displacing(e.Actor())
	case ActivatedTwice:
		return m.active
	case ClaimedTwice:
		return m.claimed
	}
	return m.since
}

// displacing is the receipt that put a party out of possession, nil if none did.
func (m *machine) displacing(party string) *Event {
	for _, p := range slices.Sorted(maps.Keys(m.displaced)) {
		if sameHand(party, p) {
			return m.displaced[p]
		}
	}
	return nil
}

// mayRelease reports which holds an event ends: those of its member; the brand,
// and whom it has appointed for that, end all.
func (m *machine) mayRelease(e *Event) func(hold *Event) bool {
	all := m.rules.entitles(e, m.item)
	return func(hold *Event) bool { return all || hold.Member == e.Member }
}
