package trace

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// delegable are the kinds that a brand may let others sign for its GTINs.
var delegable = []string{"activate", "void", "transform", "inspect", "hold", "release"}

// An appointment is an appoint record that counts.
type appointments []*Event

// appointmentsOf returns the records by which members appointed others for their
// own GTIN.
func appointmentsOf(events []*Event, gtin gs1.GTIN, authority func(member string, gtin gs1.GTIN) bool) appointments {
	var list appointments
	for _, e := range events {
		gtins, _ := e.Fields["gtins"].([]gs1.GTIN)
		if e.Kind == ledger.KindAppoint && slices.Contains(gtins, gtin) && authority(e.Member, gtin) {
			list = append(list, e)
		}
	}
	return list
}

// Appointments returns the appoint records among events that count: not those that
// were corrected.
func Appointments(events []*Event) []*Event {
	counting := applyCorrections(events, func(*Event) bool { return true }).counting
	return slices.DeleteFunc(slices.Clone(counting), func(e *Event) bool { return e.Kind != ledger.KindAppoint })
}

// of returns the appointments of a party, or of the member that hosts it as a
// whole, on a day.
func (list appointments) of(party, day string) appointments {
	var out appointments
	for _, a := range list {
		to := a.Fields.Text("to")
		p := a.Fields.Text("party")
		if (p == party || p == memberOf(party)) && a.Fields.Text("from") <= day && (to == "" || day <= to) {
			out = append(out, a)
		}
	}
	return out
}

// nearest returns the appointments of a party on a day, or, where it has none of
// its own, those of the member that hosts it.
func (list appointments) nearest(party, day string) appointments {
	all := list.of(party, day)
	var own appointments
	for _, a := range all {
		if a.Fields.Text("party") == party {
			own = append(own, a)
		}
	}
	if len(own) > 0 {
		return own
	}
	return all
}

// allow reports whether the event's actor was appointed to sign such an event
// on its day.
func (list appointments) allow(e *Event) bool {
	return slices.Contains(delegable, e.Kind.String()) &&
		slices.ContainsFunc(list.of(e.Actor(), dayOf(e.At, e.Zone)), func(a *Event) bool {
			return slices.Contains(a.Fields.Texts("kinds"), e.Kind.String())
		})
}

// territory returns the regions of a party on a day: its own, else those of the
// dealer above it.
func (list appointments) territory(party, day string) []string {
	regions, _ := list.granted(party, day)
	return regions
}

// granted is territory with the first appointment that says so.
func (list appointments) granted(party, day string) (regions []string, by *Event) {
	for range MaxNesting {
		parent := ""
		for _, a := range list.nearest(party, day) {
			if more := a.Fields.Texts("territory"); len(more) > 0 {
				regions, by = append(regions, more...), cmp.Or(by, a)
			}
			if p := a.Fields.Text("parent"); p != "" {
				parent = p
			}
		}
		if len(regions) > 0 || parent == "" {
			return regions, by
		}
		party = parent
	}
	return nil, nil
}

// Diversion says whether a sale of a GTIN was outside the territory of its
// seller (窜货), for the brand, the seller and the auditors. region is where it
// was sold, "" if that is not known. Territories are fields for parties: the
// finding stands in now, on nodes that hold them, and in lists for members,
// never in a trail.
func Diversion(c *ledger.Charter, gtin gs1.GTIN, sale *Event, region string, appoints []*Event) []Finding {
	list := appointmentsOf(appoints, gtin, func(member string, gtin gs1.GTIN) bool {
		return authority([]*ledger.Charter{c}, member, gtin)
	})
	regions, by := list.granted(sale.Actor(), dayOf(sale.At, sale.Zone))
	if region == "" || len(regions) == 0 || slices.ContainsFunc(regions, func(r string) bool { return sameArea(r, region) }) {
		return nil
	}
	f := newFinding(Diverted, sale)
	f.where, f.Parties = RegionName(countryOf(region), region), partiesOf(c, sale, gtin)
	f.Records = append(f.Records, by.ID)
	return []Finding{f}
}

// diversions returns the findings about the sales of a trail.
func (t *Trail) diversions() []Finding {
	c := newestOf(t.names.charters)
	if c == nil || len(t.appoints) == 0 {
		return nil
	}
	var list []Finding
	for _, e := range t.Events {
		if e.Kind != ledger.KindSell || !t.corrected[e.ID].IsZero() {
			continue
		}
		region := e.Fields.Text("region")
		if p := t.names.places[slugs{e.Member, e.Place}]; region == "" && p != nil {
			region = p.Fields.Text("region")
		}
		list = append(list, Diversion(c, t.Item.GTIN, e, region, t.appoints)...)
	}
	return list
}

// A Sighting is where an item was first looked up after it had been shipped.
type Sighting struct {
	GTIN   gs1.GTIN
	Region string // see [RegionOf]; "" is not known and counts for nothing
}

// ScansOutside says whether the items of a shipment to a dealer turned up outside
// the dealer's territory (窜货): from minElsewhere items on, of which any one may
// have been given away or taken along. sightings has the items that went no
// further by the records, each once. As with [Diversion], it is for the brand, both
// sides and the auditors, and never stands in a trail.
func ScansOutside(c *ledger.Charter, shipment *Event, sightings []Sighting, appoints []*Event) []Finding {
	to := shipment.Fields.Text("to")
	outside := make(map[string]uint64) // by region
	var known, n uint64
	var gtin gs1.GTIN
	var shown []*Event // appointments that say so
	for _, s := range sightings {
		list := appointmentsOf(appoints, s.GTIN, func(member string, gtin gs1.GTIN) bool {
			return authority([]*ledger.Charter{c}, member, gtin)
		})
		regions, by := list.granted(to, dayOf(shipment.At, shipment.Zone))
		if s.Region == "" || len(regions) == 0 {
			continue
		}
		known++
		if slices.ContainsFunc(regions, func(r string) bool { return sameArea(r, s.Region) }) {
			continue
		}
		n++
		outside[s.Region]++
		gtin = s.GTIN
		shown = append(shown, by)
	}
	if n < minElsewhere {
		return nil
	}
	most := slices.MaxFunc(slices.Sorted(maps.Keys(outside)), func(a, b string) int { return cmp.Compare(outside[a], outside[b]) })
	f := newFinding(ScannedOutside, shipment)
	f.a, f.b, f.n, f.m = to, shipment.Actor(), n, known
	f.where, f.Parties = RegionName(countryOf(most), most), partiesOf(c, shipment, gtin)
	for _, by := range shown {
		if !slices.Contains(f.Records, by.ID) {
			f.Records = append(f.Records, by.ID)
		}
	}
	return []Finding{f}
}

// sameArea reports whether one region is within the other. A sale known to be in
// the province of a territory may be in it.
func sameArea(a, b string) bool {
	a, b = area(a), area(b)
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}

// area is a region's code without the digits that say nothing: 33 for Zhejiang,
// whether it is written 330000 or CN-ZJ.
func area(region string) string {
	if iso, ok := strings.CutPrefix(region, "CN-"); ok {
		for i := range provinces {
			if provinces[i].iso == iso {
				return provinces[i].code
			}
		}
	}
	if len(region) != 6 {
		return region
	}
	for strings.HasSuffix(region, "00") {
		region = region[:len(region)-2]
	}
	return region
}

// countryOf is the country of a region: GB/T 2260 has no prefix.
func countryOf(region string) string {
	country, _, _ := strings.Cut(region, "-")
	if len(country) == 2 {
		return country
	}
	return "CN"
}
