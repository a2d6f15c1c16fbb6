package trace

import (
	"fmt"
	"slices"

	"suyuan/ledger"
)

// correct holds that a correction is of the member's own, about the same things,
// and the first, or the first to name a replacement.
func (a *admission) correct() error {
	target, err := a.ownRecord("target")
	if err != nil {
		return err
	}
	if err := a.ownWork(target.ID, target); err != nil {
		return err
	}
	if !correctable(target.Kind) {
		return refuse(RefusedUncorrected, "a %s record cannot be corrected. Record what holds instead.", target.Kind)
	}
	if !sameSubjects(a.event.Subjects, target.CorrectedSubjects()) {
		return badField("subjects", "a correction is about what the record is about that it corrects")
	}
	replacement := a.event.Fields.Hash("replacement")
	if !replacement.IsZero() {
		with, err := a.ownRecord("replacement")
		if err != nil {
			return err
		}
		if err := a.ownWork(with.ID, with); err != nil {
			return err
		}
		if with.Kind != target.Kind || with.ID == target.ID {
			return refuse(RefusedUncorrected, "a %s record is replaced by another %s record.", target.Kind, target.Kind)
		}
	}
	return a.notCorrected(target, !replacement.IsZero())
}

func (a *admission) ownRecord(field string) (*Event, error) {
	id := a.event.Fields.Hash(field)
	e, err := a.view.Record(id)
	if err != nil {
		return nil, fmt.Errorf("look up record %s: %w", id, err)
	}
	if e == nil || e.Member != a.event.Member {
		return nil, refuse(RefusedNoRecord, "%s: %s has no record %s. Correct the id, or record it first.", field, a.event.Member, id)
	}
	return e, nil
}

// notCorrected looks among the events about the first thing that the target is
// about, as a correction is about all of them.
func (a *admission) notCorrected(target *Event, replaced bool) error {
	first := a.event.Subjects[0].simple()[0]
	if first.Kind != SubjectRange && first.Kind != SubjectSSCC {
		return nil
	}
	events, err := a.view.Overlapping(first)
	if err != nil {
		return fmt.Errorf("look up %s: %w", first, err)
	}
	for _, e := range events {
		if e.Kind == ledger.KindCorrect && e.Fields.Hash("target") == target.ID && (!replaced || !e.Fields.Hash("replacement").IsZero()) {
			return refuse(RefusedCorrected, "the record is corrected by your record %s already.", e.ID)
		}
	}
	return nil
}

// sameSubjects compares without regard to order.
func sameSubjects(a, b []Subject) bool {
	names := func(list []Subject) []string {
		var out []string
		for _, s := range list {
			raw, _ := EncodeSubject(s) // both have been decoded
			out = append(out, string(raw))
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(names(a), names(b))
}
