package trace

import (
	"fmt"
	"slices"
	"strings"

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
	for _, gtin := range gtins {
		if err := a.dealer(gtin); err != nil {
			return err
		}
	}
	return nil
}

// dealer holds that a dealer's place among the dealers of a product fits the
// records of the one above it.
func (a *admission) dealer(gtin gs1.GTIN) error {
	f := a.event.Fields
	party, parent, level := f.Text("party"), f.Text("parent"), f.Uint("level")
	switch {
	case parent == "" && level > 1:
		return badField("fields.parent", "is missing: a dealer of level %d has one above it", level)
	case parent == "":
		return nil
	case parent == party:
		return badField("fields.parent", "is the dealer itself")
	case level == 1:
		return badField("fields.parent", "does not go with level 1, which buys from the brand")
	}
	events, err := a.view.About(gtin)
	if err != nil {
		return fmt.Errorf("look up appointments for %s: %w", gtin, err)
	}
	counting := applyCorrections(events, func(*Event) bool { return true }).counting
	list := appointmentsOf(counting, gtin, func(member string, gtin gs1.GTIN) bool {
		return authority([]*ledger.Charter{a.charter}, member, gtin)
	})
	above := list.nearest(parent, f.Text("from"))
	if len(above) == 0 {
		return refuse(RefusedNoParty, "no record appoints %s for GTIN %s on %s. Appoint the upper dealer first.", parent, gtin, f.Text("from"))
	}
	if level > 0 && !slices.ContainsFunc(above, func(e *Event) bool { return e.Fields.Uint("level") == level-1 || e.Fields.Uint("level") == 0 }) {
		return badField("fields.level", "does not follow that of %s, which is %d", parent, above[0].Fields.Uint("level"))
	}
	wide := list.territory(parent, f.Text("from"))
	for _, r := range f.Texts("territory") {
		if len(wide) > 0 && !slices.ContainsFunc(wide, func(w string) bool { return strings.HasPrefix(area(r), area(w)) }) {
			return badField("fields.territory", "has %s, which is outside that of %s", r, parent)
		}
	}
	return nil
}
