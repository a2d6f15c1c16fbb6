package trace

import (
	"slices"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// Quantities compares a shipment with the receipts that name it and returns the
// findings for its parties: codes that nobody has received, and counts that
// differ. It needs the fields for parties, so these findings stand in now and
// in lists for members, never in a trail.
func Quantities(c *ledger.Charter, shipment *Event, receipts []*Event) []Finding {
	var gtin gs1.GTIN
	if list := gtinsOf(shipment.Subjects, nil); len(list) > 0 {
		gtin = list[0]
	}
	parties := partiesOf(c, shipment, gtin)
	var list []Finding
	for _, r := range receipts {
		counts, _ := r.Fields["lines"].([]Count)
		for _, line := range counts {
			if line.Expected == line.Counted {
				continue
			}
			f := newFinding(QuantityDiffers, r).with(shipment)
			f.n, f.m, f.Parties = line.Expected, line.Counted, parties
			list = append(list, f)
		}
	}
	if n := unreceived(shipment, receipts); n > 0 && len(receipts) > 0 {
		f := newFinding(ShortReceipt, shipment).with(receipts[0])
		f.n, f.Parties = n, parties
		list = append(list, f)
	}
	return list
}

// unreceived counts the codes that a shipment names by ranges and that no
// receipt names.
func unreceived(shipment *Event, receipts []*Event) uint64 {
	var left []Range
	for _, s := range shipment.Subjects {
		if s.Kind == SubjectRange {
			left = append(left, s.Range)
		}
	}
	for _, r := range receipts {
		for _, s := range r.Subjects {
			if s.Kind == SubjectRange {
				left = without(left, s.Range)
			}
		}
	}
	var n uint64
	for _, r := range left {
		n += uint64(r.Count())
	}
	return n
}

// without cuts a range out of others.
func without(list []Range, cut Range) []Range {
	var out []Range
	for _, r := range list {
		if !r.Overlaps(cut) {
			out = append(out, r)
			continue
		}
		if r.From < cut.From {
			out = append(out, Range{r.GTIN, r.Run, r.From, cut.From - 1})
		}
		if r.To > cut.To {
			out = append(out, Range{r.GTIN, r.Run, cut.To + 1, r.To})
		}
	}
	return out
}

// partiesOf lists who may see a finding about an event's lateness or
// quantities: both sides, the product's brand and the auditors.
func partiesOf(c *ledger.Charter, e *Event, gtin gs1.GTIN) []string {
	members := []string{e.Member}
	for _, p := range e.parties() {
		members = append(members, memberOf(p))
	}
	if m := c.GTINAuthority(gtin.Uint64()); m != nil && !gtin.IsZero() {
		members = append(members, m.Slug)
	}
	for _, m := range c.Members {
		if m.Role == ledger.Auditor {
			members = append(members, m.Slug)
		}
	}
	slices.Sort(members)
	return slices.Compact(members)
}
