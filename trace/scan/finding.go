package scan

import (
	"strconv"
	"strings"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
)

// Codes of findings. They are stable.
const (
	ManyScans               = "many-scans"
	ManyDevices             = "many-devices"
	ImpossibleTravel        = "impossible-travel"
	ScannedBeforeActivation = "scanned-before-activation"
	ScannedInWarehouse      = "scanned-in-warehouse"
)

// A findingSpec is one row of the table of findings. All are public.
type findingSpec struct {
	severity trace.Severity
	zh, en   string
}

// findingSpecs says facts and draws no conclusion from them. Where they rest on a
// record, the finding names it; that a page was loaded stands in none. {n} is a number,
// {a} and {b} are places or a holder, {at} and {then} are times, {by} says which
// nodes counted how much, if several did or another one.
var findingSpecs = map[string]findingSpec{
	ManyScans: {trace.Warning,
		"此码已被查询{n}次{by}，多于同一件商品通常的次数。",
		"This code has been looked up {n} times{by}, more often than one item usually is."},
	ManyDevices: {trace.Warning,
		"此码已在至少{n}台设备上被查询过。",
		"This code has been looked up on at least {n} devices."},
	ImpossibleTravel: {trace.Warning,
		"此码{at}在{a}被查询，{then}又在{b}被查询，两地相距约{n}公里，同一件商品来不及到达。",
		"This code was looked up in {a} at {at} and in {b} at {then}, about {n} km away: too far for one item in that time."},
	ScannedBeforeActivation: {trace.Warning,
		"此码在{at}被查询，早于它的启用。",
		"This code was looked up at {at}, before it was put to use."},
	ScannedInWarehouse: {trace.Warning,
		"此码在{at}被查询，而按记录，商品当时还在{a}手中。",
		"This code was looked up at {at}, while by the records {a} still held the item."},
}

// Codes lists the codes of findings in the order in which they are given.
func Codes() []string {
	return []string{ImpossibleTravel, ManyDevices, ManyScans, ScannedBeforeActivation, ScannedInWarehouse}
}

// FindingKinds returns the table of findings in the order of Codes.
func FindingKinds() []trace.FindingKind {
	var list []trace.FindingKind
	for _, code := range Codes() {
		s := findingSpecs[code]
		list = append(list, trace.FindingKind{Code: code, Severity: s.severity, Audience: ledger.Public.String(), Zh: s.zh, En: s.en})
	}
	return list
}

// Thresholds are from how many scans and devices on an item is looked at.
type Thresholds struct{ Scans, Devices uint64 }

// ThresholdsOf reads what the brand set for the product, for nil fields the
// default. Half as many devices as scans say the same: one owner looks twice.
func ThresholdsOf(product trace.Values) Thresholds {
	n := product.Uint("scan_threshold")
	if n == 0 {
		n = DefaultThreshold
	}
	return Thresholds{Scans: n, Devices: max(minDeviceThreshold, (n+1)/2)}
}

// Findings says what the scans of an item in its cycle show beside its records:
// what this node remembers, and the tally of all nodes, which name names.
// Nothing but facts, none of them critical.
func Findings(r *Record, all *Tally, l *Timeline, th Thresholds, name func(node uint32) string) []trace.FindingView {
	list := []trace.FindingView{}
	add := func(code string, values ...string) *trace.FindingView {
		spec := findingSpecs[code]
		fill := func(text string, names []string) string {
			return strings.NewReplacer(names...).Replace(text)
		}
		zh, en := split(values)
		list = append(list, trace.FindingView{Code: code, Severity: spec.severity, Audience: ledger.Public.String(), Zh: fill(spec.zh, zh), En: fill(spec.en, en), Records: []ledger.Hash{}})
		return &list[len(list)-1]
	}
	if t := r.Travel; t != nil {
		from, to, left, arrived := t.From.Names(), t.To.Names(), t.Left, t.Arrived
		if arrived < left {
			from, to, left, arrived = to, from, arrived, left
		}
		n := strconv.Itoa(t.Kilometres() / 10 * 10)
		add(ImpossibleTravel, "{a}", from.Zh, from.En, "{b}", to.Zh, to.En, "{n}", n, n,
			"{at}", l.zh(left), l.en(left), "{then}", l.zh(arrived), l.en(arrived))
	}
	if r.Devices >= th.Devices {
		n := strconv.FormatUint(r.Devices, 10)
		add(ManyDevices, "{n}", n, n)
	}
	if count := all.Count(); count >= th.Scans {
		n := strconv.FormatUint(count, 10)
		zh, en := all.by(r, name)
		add(ManyScans, "{n}", n, n, "{by}", zh, en)
	}
	if at, ok := r.beforeActivation(l); ok {
		f := add(ScannedBeforeActivation, "{at}", l.zh(at), l.en(at))
		f.Records = append(f.Records, l.Record)
	}
	if at, n, s := r.inWarehouse(l); n > 0 {
		f := add(ScannedInWarehouse, "{at}", l.zh(at), l.en(at), "{a}", s.Holder.Zh, s.Holder.En)
		f.Records = append(f.Records, s.Record)
		if n < habit {
			f.Severity = trace.Notice
		}
	}
	return list
}

// by says who counted how much, or nothing if it was this node alone: what
// others say is theirs to answer for.
func (t *Tally) by(r *Record, name func(node uint32) string) (zh, en string) {
	if len(t.Shares) == 1 && t.Shares[0].Count == r.Count {
		return "", ""
	}
	var zhs, ens []string
	for _, s := range t.Shares {
		n := strconv.FormatUint(min(s.Count, MaxShare), 10)
		zhs, ens = append(zhs, name(s.Node)+"："+n+"次"), append(ens, name(s.Node)+": "+n)
	}
	return "（" + strings.Join(zhs, "，") + "）", " (" + strings.Join(ens, ", ") + ")"
}

// split parts {name}, zh, en triples into the pairs of each language.
func split(values []string) (zh, en []string) {
	for i := 0; i+2 < len(values); i += 3 {
		zh = append(zh, values[i], values[i+1])
		en = append(en, values[i], values[i+2])
	}
	return zh, en
}

// beforeActivation returns the first scan if the code was put to use later. A
// code that was never put to use has a finding in the trail.
func (r *Record) beforeActivation(l *Timeline) (int64, bool) {
	early := l.cycle == 0 && l.Activated != 0 && r.First != 0 && r.First+slack.Milliseconds() < l.Activated
	return r.First, early
}

// inWarehouse returns the first scan while brand or warehouse held the item, how
// many of the first scans were made then, and while who had it.
func (r *Record) inWarehouse(l *Timeline) (first int64, n int, while *Span) {
	for _, at := range r.Early {
		s := l.inside(at)
		if s == nil {
			continue
		}
		if n == 0 {
			first, while = at, s
		}
		n++
	}
	return first, n, while
}

func (l *Timeline) zh(ms int64) string { return l.time(ms).Format("2006年1月2日15:04") }
func (l *Timeline) en(ms int64) string { return l.time(ms).Format("15:04 on 2 Jan 2006") }

func (l *Timeline) time(ms int64) time.Time {
	t := time.UnixMilli(ms).UTC()
	if l.Zone != nil {
		t = t.In(l.Zone)
	}
	return t
}
