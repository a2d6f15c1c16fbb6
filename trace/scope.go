package trace

import (
	"slices"

	"suyuan/ledger"
)

// scoped reports whether the event is about the item's lot or product as such.
func (t *Trail) scoped(e *Event) bool {
	switch e.Kind {
	case ledger.KindInspect, ledger.KindHold, ledger.KindRelease, ledger.KindRecall, ledger.KindWithdraw:
	default:
		return false
	}
	lot := t.Lot()
	return slices.ContainsFunc(e.Subjects, func(s Subject) bool {
		switch s.Kind {
		case SubjectLot:
			return s.GTIN == t.Item.GTIN && s.Lot == lot
		case SubjectGTIN:
			return s.GTIN == t.Item.GTIN
		}
		return false
	})
}

// recalls reports whether the filters of a recall or withdrawal let the item
// through. What is not known of the item fits no filter.
func (t *Trail) recalls(e *Event) bool {
	lots, from, to, line := e.Fields.Texts("lots"), e.Fields.Time("activated_from"), e.Fields.Time("activated_to"), e.Fields.Text("line")
	if len(lots) > 0 && !slices.Contains(lots, t.Lot()) {
		return false
	}
	if from == 0 && to == 0 && line == "" {
		return true
	}
	a := t.Active
	return a != nil && a.At >= from && (to == 0 || a.At <= to) && (line == "" || a.Fields.Text("line") == line)
}

// PendingFindings returns what recalls, withdrawals and holds that are stored
// and not final say of the item: a warning must not wait for a quorum. They are
// no part of the trail.
func (t *Trail) PendingFindings(events []*Event) []Finding {
	var list []Finding
	for _, e := range events {
		if !t.covered(e) && !t.scoped(e) {
			continue
		}
		entitled := t.rules.authority(e.Member, t.Item)
		switch {
		case e.Kind == ledger.KindRecall && entitled && t.recalls(e):
			list = append(list, newFinding(IsRecalled, e))
		case e.Kind == ledger.KindWithdraw && entitled && t.recalls(e):
			list = append(list, newFinding(IsWithdrawn, e))
		case e.Kind == ledger.KindHold && (t.rules.entitles(e, t.Item) || !t.scoped(e) && !t.doubtful && sameHand(e.Actor(), t.Custody.Holder)):
			list = append(list, newFinding(OnHold, e))
		}
	}
	return list
}

// covered reports whether the event names the item, or a unit in which it is.
func (t *Trail) covered(e *Event) bool {
	for _, i := range append([]Item{t.Item}, t.units...) {
		if slices.ContainsFunc(e.Subjects, func(s Subject) bool { return s.Moves(i) }) {
			return true
		}
	}
	return false
}
