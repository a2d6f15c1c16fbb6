package trace

import "time"

// NowOf says what holds for the item of a trail at a moment. Its findings may
// rest on fields for parties, which not every node holds.
func NowOf(t *Trail, now time.Time) (Now, []Finding) {
	n := Now{Time: localTime(now.UnixMilli(), 0), Expires: t.expires(), Findings: []FindingView{}}
	var list []Finding
	if n.Expires != "" && dayOf(now.UnixMilli(), t.Active.Zone) > n.Expires {
		n.Expired = true
		f := newFinding(Expired, t.Active)
		f.at = n.Expires
		list = append(list, f)
	}
	for _, f := range t.PartyFindings() {
		if f.due <= now.UnixMilli() {
			list = append(list, f)
		}
	}
	return n, list
}

// expires is the last day of use: as recorded, else production and shelf life.
func (t *Trail) expires() string {
	if t.Active == nil {
		return ""
	}
	if day := t.Active.Fields.Text("expires"); day != "" {
		return day
	}
	produced := t.Active.Fields.Text("produced")
	if produced == "" || t.Product == nil {
		return ""
	}
	days := t.Product.Fields.Uint("shelf_life_days")
	day, err := time.Parse(time.DateOnly, produced)
	if err != nil || days == 0 || days > maxShelfLife {
		return ""
	}
	return day.AddDate(0, 0, int(days)).Format(time.DateOnly)
}
