package trace

import (
	"slices"

	"suyuan/ledger"
)

// observe handles what is said about the item and moves nothing.
func (m *machine) observe(t *touched) bool {
	e := t.event
	switch e.Kind {
	case ledger.KindInspect:
		if m.lets(t) && e.Fields.Text("result") == "fail" {
			m.report(InspectionFailed, e, nil)
		}
	case ledger.KindHold:
		if m.lets(t) {
			m.stopped = append(m.stopped, e)
		}
	case ledger.KindRelease:
		if m.lets(t) {
			m.stopped = slices.DeleteFunc(slices.Clone(m.stopped), m.mayRelease(e))
		}
	case ledger.KindRecall, ledger.KindWithdraw:
		if !m.rules.recalls(e) {
			return false
		}
		m.lets(t)
	case ledger.KindClaim:
		if m.lets(t) {
			m.claimed = e
		}
	case ledger.KindLink:
		return false // see [Links]
	}
	return true
}

// loose handles an event about a lot or product, of which nobody has exclusive
// custody. See [Trail.Balances].
func (m *machine) loose(t *touched) bool {
	e := t.event
	switch {
	case t.inert:
	case e.Kind != ledger.KindActivate:
		return m.observe(t)
	case !m.rules.entitles(e, m.item):
		m.report(NotAuthority, e, nil)
	case m.active == nil:
		m.active = e
	}
	return true
}
