package trace

import (
	"fmt"
	"slices"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// entitled reports whether the member may sign the event for a GTIN, whoever
// holds the goods.
func (a *admission) entitled(gtin gs1.GTIN) (bool, error) {
	if a.authority(gtin) {
		return true, nil
	}
	if !slices.Contains(delegable, a.event.Kind.String()) {
		return false, nil
	}
	events, err := a.view.About(gtin)
	if err != nil {
		return false, fmt.Errorf("look up appointments for %s: %w", gtin, err)
	}
	counting := applyCorrections(events, func(*Event) bool { return true }).counting
	list := appointmentsOf(counting, gtin, func(member string, gtin gs1.GTIN) bool {
		return authority([]*ledger.Charter{a.charter}, member, gtin)
	})
	return list.allow(a.event), nil
}

func (a *admission) needEntitled(gtin gs1.GTIN) error {
	ok, err := a.entitled(gtin)
	if err != nil || ok {
		return err
	}
	return refuse(RefusedNoAuthority, "the charter does not give GTIN %s to %s, and no record appoints %s for this on that day. The member that has it records this, or an appointment.", gtin, a.event.Member, a.event.Actor())
}

func (a *admission) appoint() error {
	f := a.event.Fields
	gtins, _ := f["gtins"].([]gs1.GTIN)
	for _, gtin := range gtins {
		if err := a.needAuthority(gtin); err != nil {
			return err
		}
	}
	if to := f.Text("to"); to != "" && to < f.Text("from") {
		return badField("fields.to", "is before from")
	}
	return nil
}
