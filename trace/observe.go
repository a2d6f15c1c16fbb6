package trace

import (
	"slices"

	"suyuan/ledger"
)

// observe handles what is said about the item and moves nothing.
func (m *machine) observe(e *Event, scoped bool) bool {
	switch e.Kind {
	case ledger.KindInspect:
		m.inspect(e, scoped)
	case ledger.KindHold:
		m.hold(e, scoped)
	case ledger.KindRelease:
		m.release(e)
	case ledger.KindRecall:
		return m.recall(e, IsRecalled)
	case ledger.KindWithdraw:
		return m.recall(e, IsWithdrawn)
	case ledger.KindClaim:
		m.claim(e)
	case ledger.KindLink:
		return false // see [Links]
	}
	return true
}

// claim counts uses of the hidden code, as the chain tells that alone can check
// it.
func (m *machine) claim(e *Event) {
	switch {
	case !m.rules.issues(e):
		m.report(NotAuthority, e, nil)
	case m.claimed != nil:
		m.report(ClaimedTwice, e, m.claimed)
	default:
		m.claimed = e
	}
}

// loose handles an event about a lot or product, of which nobody has exclusive
// custody. See [Trail.Balances].
func (m *machine) loose(t *touched) bool {
	e := t.event
	switch {
	case t.inert:
	case e.Kind != ledger.KindActivate:
		return m.observe(e, true)
	case !m.rules.entitles(e, m.item):
		m.report(NotAuthority, e, nil)
	case m.active == nil:
		m.active = e
	}
	return true
}

// oversees reports whether the event's actor may say something about goods
// without moving them: who is entitled to it, and the holder
// about what he holds. A failed inspection or a hold that anybody could record
// would be a weapon.
func (m *machine) oversees(e *Event, scoped, entitled bool) bool {
	if entitled || !scoped && (m.custody.State == "" || m.inHandOf(e) && m.stands(e)) {
		return true
	}
	m.report(NotAuthority, e, nil)
	return false
}

func (m *machine) inspect(e *Event, scoped bool) {
	if m.oversees(e, scoped, m.rules.examines(e.Member, m.item) || m.rules.appointed(e)) && e.Fields.Text("result") == "fail" {
		m.report(InspectionFailed, e, nil)
	}
}

func (m *machine) hold(e *Event, scoped bool) {
	if m.oversees(e, scoped, m.rules.entitles(e, m.item)) {
		m.stopped = append(m.stopped, e)
	}
}

// release ends the holds of its member; the brand, and whom it has appointed for
// that, end all.
func (m *machine) release(e *Event) {
	all := m.rules.entitles(e, m.item)
	left := slices.DeleteFunc(slices.Clone(m.stopped), func(hold *Event) bool { return all || hold.Member == e.Member })
	if len(left) == len(m.stopped) {
		m.report(ReleaseNoEffect, e, nil)
	}
	m.stopped = left
}

// recall reports whether a recall or withdrawal is about the item.
func (m *machine) recall(e *Event, code string) bool {
	switch {
	case !m.rules.recalls(e):
		return false
	case !m.rules.authority(e.Member, m.item):
		m.report(NotAuthority, e, nil)
	default:
		m.report(code, e, nil)
	}
	return true
}
