package trace

import (
	"cmp"
	"slices"
	"strconv"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// Rules is the version of the fold. It grows whenever the same input may give
// another trail, and stands in each trail.
const Rules = 7

// Input is all that a trail depends on. Equal inputs give equal trails, in
// whatever order the events come and whatever else is among them.
type Input struct {
	Item   Item
	URI    string // the canonical link of the item: gs1.Link.Canonical, not the address that was asked
	Serial string // of a code, as printed

	// Absent says that the code of URI is proven not to be in the pack of its
	// run: Item then has the GTIN and Run, and its Index does not count.
	Absent bool
	// BadPack says that the pack of the item's run does not match its record.
	BadPack bool

	// Events holds what an index gathers for the item: the events that cover it
	// and the units around it, runs, products, what is about its lot and product,
	// the places and parties that these name, and the same of what went into it
	// ([WithSources]).
	Events []*Event
	// AsOf is the size of each chain up to which entries count.
	AsOf map[uint32]uint64
	// Charters are the versions that AsOf covers, from 1 on.
	Charters []*ledger.Charter

	// Seen returns the size of a chain that the frontier entries of pos.Chain
	// before pos had named last, 0 for none.
	Seen func(pos Position, chain uint32) uint64
	// Known reports whether an entry with that leaf hash stands within AsOf;
	// the events about the item itself are known in any case.
	Known func(leaf ledger.Hash) bool
	// Revoked returns where on a chain a signer's right to sign there ended, if it
	// did; nil knows of none.
	Revoked func(chain uint32, signer ledger.Address) (seq uint64, ok bool)
	// Appointed reports whether a brand has let an event's actor sign it, for a
	// reader who is not shown appointments; nil looks for them among Events.
	Appointed func(e *Event) bool
	// Bracket returns the times between which an entry was made according to
	// the frontiers of others, 0 where there is no bound, or where the entry time is
	// within it by [MaxClockError]; nil knows no bounds.
	Bracket func(pos Position) (notBefore, notAfter int64)
}

// A Trail is what the final records say about one item. [Trail.For] shows it to
// somebody.
type Trail struct {
	Item     Item
	URI      string
	Serial   string
	Verdict  Verdict
	Product  *Event // the version that applies to the item, or nil
	Run      *Event // the run record that counts, or nil
	Active   *Event // the activation that counts, or nil
	Custody  Custody
	Steps    []Step   // how custody came to be so, in order
	Legs     []Leg    // what became of it in each shipment, in order
	Events   []*Event // in order
	Findings []Finding
	Sources  []*Trail // of what went into the item, as far as trails follow
	AsOf     map[uint32]uint64

	names    *directory
	rules    *rules
	saw      func(e, other *Event) bool // had the author of an event seen another?
	known    map[string]bool            // parties that have held the item or were sent it
	doubtful bool                       // nobody known to the item has confirmed who holds it
	units    []Item                     // in which the item is in the end, innermost first

	appoints  appointments                // for the item's product
	corrected map[ledger.Hash]ledger.Hash // ids of records and of what corrected them
	ignored   map[ledger.Hash]bool        // ids of records that do not count, because of who made them
}

// Lot is the item's batch or lot, or "".
func (t *Trail) Lot() string {
	if t.Item.Kind == ItemLot {
		return t.Item.Lot
	}
	if t.Active == nil {
		return ""
	}
	return t.Active.Fields.Text("lot")
}

// Fold makes the trail of an item.
func Fold(in Input) *Trail { return fold(in, 0) }

// fold makes the trail of what is depth times removed from the item asked about.
func fold(in Input, depth int) *Trail {
	f := newFolder(in)
	f.depth = depth
	if in.Item.Kind == ItemCode {
		f.findRun()
	}
	if !in.Absent {
		f.findCustody()
	}
	f.conclude()
	return f.trail
}

// A folder is one fold under way.
type folder struct {
	in       Input
	trail    *Trail
	events   []*Event // within AsOf, by position
	depth    int
	things   *sieve // the item and all units that ever held it
	fixes    *corrections
	rules    *rules
	timeline []placed
	misdated []*Event  // put behind what their authors had seen, because of a contradiction
	other    []Finding // findings that no event of the timeline bears

	touches map[*Event]*touched // see touch
	last    followed            // see run
}

// followed is what came of following the item through a timeline.
type followed struct {
	timeline []placed
	machine  *machine // nil before the first
	about    []bool   // which events were about the item
}

// placed is an event with its place in time.
type placed struct {
	*touched
	when int64 // At, or later where the event was put after others
}

func newFolder(in Input) *folder {
	f := &folder{in: in, events: within(in.Events, in.AsOf), touches: make(map[*Event]*touched, len(in.Events))}
	f.trail = &Trail{Item: in.Item, URI: in.URI, Serial: in.Serial, AsOf: in.AsOf,
		names: newDirectory(in.Charters, f.events), corrected: map[ledger.Hash]ledger.Hash{}}
	f.rules = &rules{
		authority: authorityOn(in.Charters, in.Item.GTIN),
		examines:  func(member string, i Item) bool { return examines(in.Charters, member, i.GTIN) },
		missing:   func(ref ledger.Hash) bool { return in.Known == nil || !in.Known(ref) },
		recalls:   f.trail.recalls,
		issues:    func(e *Event) bool { return ChecksSeconds(in.Charters, f.trail.Run, e.Member, e.Chain) },
	}
	f.trail.rules, f.trail.saw = f.rules, f.saw
	f.things = newSieve(thingsOf(in.Item, f.events))
	f.fixes = f.corrections()
	f.trail.appoints = appointmentsOf(f.fixes.counting, in.Item.GTIN, func(member string, gtin gs1.GTIN) bool {
		return authority(in.Charters, member, gtin)
	})
	f.rules.appointed = f.trail.appoints.allow
	if in.Appointed != nil {
		f.rules.appointed = in.Appointed
	}
	f.rules.replaced = func(h ledger.Hash) ledger.Hash { return f.fixes.replaced[h] }
	return f
}

// within returns the events that count, by position, none twice.
func within(events []*Event, asOf map[uint32]uint64) []*Event {
	list := make([]*Event, 0, len(events))
	for _, e := range events {
		if e.Seq < asOf[e.Chain] {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *Event) int { return a.Position.Compare(b.Position) })
	return slices.CompactFunc(list, func(a, b *Event) bool { return a.Position == b.Position })
}

// authority reports whether any version of the charter gives the member the
// GTIN: what it recorded under an earlier version stays its own.
func authority(charters []*ledger.Charter, member string, gtin gs1.GTIN) bool {
	return !gtin.IsZero() && slices.ContainsFunc(charters, func(c *ledger.Charter) bool {
		m := c.GTINAuthority(gtin.Uint64())
		return m != nil && m.Slug == member
	})
}

// authorityOn is authority, prepared for the goods of one GTIN: every event asks.
func authorityOn(charters []*ledger.Charter, gtin gs1.GTIN) func(member string, i Item) bool {
	var owners []string // of the GTIN
	for _, c := range charters {
		if m := c.GTINAuthority(gtin.Uint64()); m != nil && !gtin.IsZero() {
			owners = append(owners, m.Slug)
		}
	}
	return func(member string, i Item) bool {
		if i.GTIN != gtin {
			return authority(charters, member, i.GTIN)
		}
		return slices.Contains(owners, member)
	}
}

// examines reports whether the member may inspect goods of the GTIN that it
// does not hold: the brand and the auditors may.
func examines(charters []*ledger.Charter, member string, gtin gs1.GTIN) bool {
	return authority(charters, member, gtin) || slices.ContainsFunc(charters, func(c *ledger.Charter) bool {
		m := c.Member(member)
		return m != nil && m.Role == ledger.Auditor
	})
}

// products returns the product records of the item's GTIN that count, by
// version; of two with one version the first recorded.
func (f *folder) products() []*Event {
	var list []*Event
	for _, e := range f.fixes.counting {
		if e.Kind == ledger.KindProduct && e.Fields.GTIN("gtin") == f.in.Item.GTIN && f.rules.authority(e.Member, f.in.Item) {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b *Event) int {
		return cmp.Or(cmp.Compare(a.Fields.Uint("version"), b.Fields.Uint("version")), earlier(a, b))
	})
	return slices.CompactFunc(list, func(a, b *Event) bool { return a.Fields.Uint("version") == b.Fields.Uint("version") })
}

// earlier orders by entry time, chain, position.
func earlier(a, b *Event) int {
	return cmp.Or(cmp.Compare(a.Recorded, b.Recorded), a.Position.Compare(b.Position))
}

// productOn returns the version that applies to goods of a day (yyyy-mm-dd).
func productOn(versions []*Event, day string) *Event {
	type version struct {
		from  string
		event *Event
	}
	byNumber := make(map[uint64]version)
	for _, e := range versions {
		v := version{e.Fields.Text("applies_from"), e}
		if c := e.Fields.Uint("corrects"); c > 0 {
			if old, ok := byNumber[c]; ok {
				v.from = old.from
				delete(byNumber, c)
			}
		}
		byNumber[e.Fields.Uint("version")] = v
	}
	var best, first *version
	for _, e := range versions { // ascending, so that ties go to the higher version
		v, ok := byNumber[e.Fields.Uint("version")]
		if !ok {
			continue
		}
		if v.from <= day && (best == nil || v.from >= best.from) {
			best = &v
		}
		if first == nil || v.from < first.from {
			first = &v
		}
	}
	switch {
	case best != nil:
		return best.event
	case first != nil:
		return first.event
	}
	return nil
}

// findRun takes the first run record with the item's run number on a chain that
// the product names.
func (f *folder) findRun() {
	issuing := make(map[uint32]bool)
	for _, p := range f.products() {
		issuing[uint32(p.Fields.Uint("issuing_chain"))] = true
	}
	var list []*Event
	for _, e := range f.events {
		if e.Kind == ledger.KindRun && e.Fields.GTIN("gtin") == f.in.Item.GTIN && e.Fields.Uint("run") == uint64(f.in.Item.Run) {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, earlier)
	for _, e := range list {
		if f.trail.Run == nil && issuing[e.Chain] && f.rules.authority(e.Member, f.in.Item) {
			f.trail.Run = e
		}
	}
	for _, e := range list {
		if run := f.trail.Run; run != nil && e != run {
			f.other = append(f.other, newFinding(RunConflict, e).with(run))
		}
	}
}

// findCustody puts the events in order and follows the item through them.
func (f *folder) findCustody() {
	byEvent := make(map[*Event]*touched, len(f.events))
	about := make(map[ledger.Hash]bool, len(f.events))
	candidates := make([]*Event, 0, len(f.events))
	for _, e := range f.events {
		about[e.Hash] = f.touch(e).any()
	}
	for _, e := range f.fixes.counting {
		if t := f.touch(e); t.any() {
			t.inert = f.premature(t)
			byEvent[e] = t
			candidates = append(candidates, e)
		}
	}
	elsewhere := f.rules.missing
	f.rules.missing = func(ref ledger.Hash) bool { return !about[ref] && elsewhere(ref) }
	f.arrange(newOrder(candidates, f.in.Seen), byEvent)
	m, _ := f.run(f.timeline)
	f.trail.Active, f.trail.units = f.fixes.shown(m.active), m.sure().around()
	f.addScoped()
	f.addCorrected()
	if slices.ContainsFunc(f.timeline, func(p placed) bool { return p.event.Kind == ledger.KindRecall || p.event.Kind == ledger.KindWithdraw }) {
		f.last = followed{} // whether they are about the item depends on its activation
	}
	m, concerned := f.run(f.timeline)
	f.trail.known = m.known
	f.trail.Custody, f.trail.doubtful = m.custody, m.without != nil
	f.trail.Steps, f.trail.Legs = f.stepsOf(m), f.legsOf(m)
	if f.trail.Run != nil {
		f.trail.Events = append(f.trail.Events, f.trail.Run)
	}
	f.keep(concerned)
	for _, p := range m.problems {
		x := newFinding(p.code, p.event).with(p.other)
		if p.quiet {
			x = x.quieted()
		}
		f.other = append(f.other, x)
	}
	f.addMisdated(m)
	f.finalState(m.sure())
	f.addSources(m)
}

// addMisdated adds a finding for each event that was put behind what its author had
// seen because of a contradiction, and that bears none there.
func (f *folder) addMisdated(m *machine) {
	borne := contradictions(m, nil)
	for _, e := range f.misdated {
		if len(borne[e]) == 0 && slices.ContainsFunc(f.timeline, func(p placed) bool { return p.event == e }) {
			f.other = append(f.other, newFinding(Misdated, e))
		}
	}
}

// touch works out what an event says about the things, once. The timeline shares
// it, so that what is said there of the event's place must be said of a copy.
func (f *folder) touch(e *Event) *touched {
	t := f.touches[e]
	if t == nil {
		t = touch(e, f.things)
		f.touches[e] = t
	}
	return t
}

// premature reports whether a stranger said something of the item before its code
// was issued: that counts for nothing.
func (f *folder) premature(t *touched) bool {
	run, e := f.trail.Run, t.event
	names := t.fills || t.moves.has(f.in.Item) || slices.ContainsFunc(t.packings, func(p packing) bool { return p.thing == f.in.Item })
	if run == nil || !names || e.Recorded >= run.Recorded || f.rules.entitles(e, f.in.Item) {
		return false
	}
	f.other = append(f.other, newFinding(NotAuthority, e))
	return true
}

// keep leaves in the timeline what is about the item, and the corrections of
// that.
func (f *folder) keep(concerned []bool) {
	shown := make(map[ledger.Hash]bool, len(f.timeline))
	for i, p := range f.timeline {
		shown[p.event.ID] = concerned[i]
	}
	kept := make([]placed, 0, len(f.timeline))
	for i, p := range f.timeline {
		if concerned[i] || p.event.Kind == ledger.KindCorrect && shown[p.event.Fields.Hash("target")] {
			kept = append(kept, p)
		}
	}
	f.timeline = kept
}

// addCorrected puts into the timeline, by their time, what was corrected and
// what corrected it. Both are shown; neither moves anything.
func (f *folder) addCorrected() {
	show := func(e *Event) {
		t := *f.touch(e)
		t.inert, t.scoped = true, f.trail.scoped(e)
		at := f.after(e.At)
		// What stands in its place has its position, and comes behind it.
		if i := slices.IndexFunc(f.timeline[:at], func(p placed) bool { return p.event.Position == e.Position }); i >= 0 {
			at = i
		}
		f.timeline = slices.Insert(f.timeline, at, placed{&t, e.At})
	}
	for _, e := range f.events {
		x := f.fixes.of[e.ID]
		if x == nil {
			continue
		}
		show(e)
		f.trail.corrected[e.ID] = x.by.ID
	}
	for _, e := range f.events {
		if e.Kind == ledger.KindCorrect && f.fixes.of[e.Fields.Hash("target")] != nil {
			show(e)
		}
	}
	for _, e := range f.fixes.invalid {
		show(e)
		f.other = append(f.other, newFinding(NotAuthority, e))
	}
	for _, e := range f.fixes.all {
		if receipt := f.fixes.refuted(e); receipt != nil {
			show(e)
			f.other = append(f.other, newFinding(CorrectionNoEffect, e).with(receipt))
		}
	}
}

// arrange puts the events into the timeline: by the time at which they are said
// to have happened, except for those that would make an event contradictory
// which their author had seen.
func (f *folder) arrange(o *order, byEvent map[*Event]*touched) {
	entering := o.entering()
	if len(entering) > MaxEvents {
		f.other = append(f.other, newFinding(TooLong, entering[MaxEvents]))
		entering = entering[:MaxEvents]
	}
	for _, e := range entering {
		f.timeline = slices.Insert(f.timeline, f.after(e.At), placed{byEvent[e], e.At})
	}
	f.setClocksRight(o)
	suspects := f.suspects(o)
	if len(suspects) == 0 {
		return // as always when everybody is honest, however late
	}
	f.timeline = slices.DeleteFunc(f.timeline, func(p placed) bool { return suspects[p.event] })
	tried := 0
	for _, e := range entering {
		if suspects[e] {
			f.place(byEvent[e], o, tried < maxSuspicions)
			tried++
		}
	}
}

// suspects returns the events that may be back-dated: they stand before an
// event that bears a contradiction, though their author had seen it, and
// without them it would bear none. Several are looked at together, because one
// late record may only fit with the next.
func (f *folder) suspects(o *order) map[*Event]bool {
	suspects := make(map[*Event]bool)
	m, _ := f.run(f.timeline)
	borne := contradictions(m, nil)
	for _, q := range m.problems {
		if q.quiet && f.early(q.event, o) {
			suspects[q.event] = true
		}
	}
	looked := 0
	for i, x := range f.timeline {
		if len(borne[x.event]) == 0 || looked == maxSuspicions {
			continue
		}
		looked++
		knowing, rest := f.knowing(i, o)
		if len(knowing) == 0 {
			continue
		}
		without, _ := f.run(rest)
		if fewer(contradictions(without, nil)[x.event], borne[x.event]) {
			for _, p := range knowing {
				suspects[p.event] = true
			}
		}
	}
	return suspects
}

// early reports whether an event stands before another that its author had seen.
func (f *folder) early(e *Event, o *order) bool {
	i := slices.IndexFunc(f.timeline, func(p placed) bool { return p.event == e })
	return i >= 0 && slices.ContainsFunc(f.timeline[i+1:], func(p placed) bool { return o.covers(e, p.event) })
}

// knowing splits the timeline into the events that stand before number i though
// their author had seen it, and the rest.
func (f *folder) knowing(i int, o *order) (knowing, rest []placed) {
	for j, p := range f.timeline {
		if j < i && o.covers(p.event, f.timeline[i].event) {
			knowing = append(knowing, p)
		} else {
			rest = append(rest, p)
		}
	}
	return knowing, rest
}

// fewer reports whether a lacks some of the contradictions of b.
func fewer(a, b map[string]int) bool {
	for code, n := range b {
		if a[code] < n {
			return true
		}
	}
	return false
}

// contradictions counts what a machine has reported by event and code; of the
// events, those that keep admits, or all.
func contradictions(m *machine, keep func(*Event) bool) map[*Event]map[string]int {
	count := make(map[*Event]map[string]int)
	for _, q := range m.problems {
		if q.quiet || !contradiction(q.code) || keep != nil && !keep(q.event) {
			continue
		}
		if count[q.event] == nil {
			count[q.event] = make(map[string]int)
		}
		count[q.event][q.code]++
	}
	return count
}

// place puts a suspect into the timeline: by its time, unless that makes an
// event contradictory which its author had seen. Then it goes after all that
// its author had seen, and bears the contradiction itself, or a finding that says
// so where nothing contradicts it there, so that back-dating gains nothing.
// Untried, it goes there at once.
//
// A record that is a stranger's at its time goes there too, where it is not: a
// clock that is wrong by minutes makes nobody a stranger.
func (f *folder) place(t *touched, o *order, try bool) {
	at := f.after(t.event.At)
	p := placed{t, t.event.At}
	if behind := f.behind(t.event, o); behind > at {
		burdens := try && f.burdens(p, at, o)
		if burdens {
			f.misdated = append(f.misdated, t.event)
		}
		if burdens || !try || f.fits(p, at, behind) {
			at, p.when = behind, f.timeline[behind-1].when
		}
	}
	f.timeline = slices.Insert(f.timeline, at, p)
}

// behind returns the place after all that the event's author had seen.
func (f *folder) behind(e *Event, o *order) int {
	for i := len(f.timeline) - 1; i >= 0; i-- {
		if o.covers(e, f.timeline[i].event) {
			return i + 1
		}
	}
	return 0
}

// fits reports whether p is a stranger's record at one place and not at a later
// one.
func (f *folder) fits(p placed, at, later int) bool {
	strange := func(at int) bool {
		m, _ := f.run(slices.Insert(slices.Clone(f.timeline), at, p))
		return slices.ContainsFunc(m.problems, func(q problem) bool { return q.quiet && q.event == p.event })
	}
	return strange(at) && !strange(later)
}

// after returns the place behind everything up to a time.
func (f *folder) after(when int64) int {
	at := len(f.timeline)
	for at > 0 && f.timeline[at-1].when > when {
		at--
	}
	return at
}

// burdens reports whether p at that place makes an event contradictory that p's
// author had seen, and that is not so without p.
func (f *folder) burdens(p placed, at int, o *order) bool {
	seen := func(e *Event) bool { return o.covers(p.event, e) }
	m, _ := f.run(f.timeline)
	before := contradictions(m, seen)
	m, _ = f.run(slices.Insert(slices.Clone(f.timeline), at, p))
	for e, codes := range contradictions(m, seen) {
		if fewer(before[e], codes) {
			return true
		}
	}
	return false
}

// contradiction reports whether a finding says that records contradict each
// other, and not merely that something is worth noting.
func contradiction(code string) bool {
	return findingSpecs[code].severity.rank() >= Warning.rank() && !notices[code]
}

// run follows the item through a timeline and says which events were about it.
// Most timelines are asked for again at once, since most records fit together: the
// last result is kept, and nobody may change it.
func (f *folder) run(timeline []placed) (*machine, []bool) {
	same := func(a, b placed) bool { return a.touched == b.touched }
	if f.last.machine == nil || !slices.EqualFunc(timeline, f.last.timeline, same) {
		f.last.machine, f.last.about = f.follow(timeline)
		f.last.timeline = slices.Clone(timeline)
	}
	return f.last.machine, f.last.about
}

func (f *folder) follow(timeline []placed) (*machine, []bool) {
	start := Custody{}
	if run := f.trail.Run; run != nil {
		start = Custody{Issued, run.Actor()}
	}
	m := newMachine(f.rules, f.in.Item, start, f.trail.Run)
	about := make([]bool, len(timeline))
	for i, p := range timeline {
		about[i] = m.apply(p.touched)
	}
	return m, about
}

// finalState adds the findings about how things stand in the end.
func (f *folder) finalState(m *machine) {
	run := f.trail.Run
	if m.custody.State == Void {
		f.other = append(f.other, newFinding(VoidCode, m.since))
	}
	if used := m.custody.State == Used; used && m.since.Fields.Text("type") == "kit" {
		f.other = append(f.other, newFinding(PartOfSet, m.since))
	} else if used {
		f.other = append(f.other, newFinding(Relabelled, m.since))
	}
	for _, hold := range m.stopped {
		f.other = append(f.other, newFinding(OnHold, hold))
	}
	if run == nil {
		return
	}
	if !m.activated && (m.custody.State == Issued || m.custody.State == Active || m.custody.State == InTransit || m.custody.State == Held) {
		f.other = append(f.other, newFinding(NotActive, run))
	}
	if run.Fields.Bool("guessable") {
		f.other = append(f.other, newFinding(Guessable, run))
	}
	if f.in.BadPack {
		f.other = append(f.other, newFinding(BadPack, run))
	}
}

// addScoped puts into the timeline, by their time, events about the item's lot
// and product. Which lot it is follows from the item's own events, so these come
// second, and custody does not depend on them.
func (f *folder) addScoped() {
	for _, e := range f.fixes.counting {
		if !f.trail.scoped(e) || slices.ContainsFunc(f.timeline, func(p placed) bool { return p.event == e }) {
			continue
		}
		f.timeline = slices.Insert(f.timeline, f.after(e.At), placed{&touched{event: e, scoped: true}, e.At})
	}
}

// conclude takes what the parts have found together.
func (f *folder) conclude() {
	t := f.trail
	for _, p := range f.timeline {
		t.Events = append(t.Events, f.fixes.shown(p.event))
	}
	t.Product = productOn(f.products(), f.day())
	var all []Finding
	for _, e := range t.Events {
		all = append(all, f.about(e)...)
	}
	for _, x := range append(f.other, all...) {
		if !slices.ContainsFunc(t.Findings, func(y Finding) bool { return sameFinding(x, y) }) {
			t.Findings = append(t.Findings, x)
		}
	}
	t.ignored = ignoredOf(t.Findings)
	if t.Item.Kind == ItemLot {
		t.Findings = append(t.Findings, t.strangeToLot()...)
	}
	sortFindings(t.Findings)
	t.Verdict = f.verdict()
}

// day is the day whose product version applies: of production, else of
// activation, else of issue.
func (f *folder) day() string {
	t := f.trail
	switch {
	case t.Active != nil && t.Active.Fields.Text("produced") != "":
		return t.Active.Fields.Text("produced")
	case t.Active != nil:
		return dayOf(t.Active.At, t.Active.Zone)
	case t.Run != nil:
		return dayOf(t.Run.At, t.Run.Zone)
	}
	return "9999-12-31" // no item: the newest version
}

// about returns the findings about when and by which key an event was recorded.
func (f *folder) about(e *Event) []Finding {
	var list []Finding
	newest := newestOf(f.in.Charters)
	if newest != nil && newest.Settings.LateHours > 0 {
		if hours := (e.Recorded - e.At) / hour; hours >= int64(newest.Settings.LateHours) && hours > 0 {
			late := newFinding(Late, e)
			late.n = uint64(hours)
			late.Parties = partiesOf(newest, e, f.in.Item.GTIN)
			list = append(list, late)
		}
	}
	if f.in.Bracket != nil {
		notBefore, notAfter := f.in.Bracket(e.Position)
		if e.Recorded < notBefore-MaxClockError || notAfter > 0 && e.Recorded > notAfter+MaxClockError {
			list = append(list, newFinding(ClockOutside, e))
		}
	}
	if f.in.Revoked != nil {
		if seq, ok := f.in.Revoked(e.Chain, e.Signer); ok && seq > e.Seq && seq < f.in.AsOf[e.Chain] {
			list = append(list, newFinding(RevokedLater, e))
		}
	}
	return list
}

func newestOf(charters []*ledger.Charter) *ledger.Charter {
	if len(charters) == 0 {
		return nil
	}
	return charters[len(charters)-1]
}

func (f *folder) verdict() Verdict {
	t := f.trail
	switch {
	case f.in.Absent && t.Run != nil && !t.Run.Fields.Bool("guessable"):
		return NeverIssued
	case f.in.Absent,
		f.in.Item.Kind == ItemCode && t.Run == nil,
		f.in.Item.Kind == ItemSSCC && len(t.Events) == 0,
		(f.in.Item.Kind == ItemLot || f.in.Item.Kind == ItemGTIN) && t.Product == nil:
		return Unknown
	}
	v := VerdictOf(t.Findings)
	if f.in.Item.Kind == ItemLot && v != Recalled && !slices.ContainsFunc(f.fixes.counting, f.namesLot) {
		return Unknown // anybody can print a lot
	}
	return v
}

// namesLot reports whether the event is about the item, which is a lot, and by
// one who may say that there is such a lot.
func (f *folder) namesLot(e *Event) bool {
	item := f.in.Item
	return f.rules.entitles(e, item) && (e.Covers(item) ||
		e.Lot() == item.Lot && slices.ContainsFunc(e.Subjects, func(s Subject) bool { return s.simple()[len(s.simple())-1].Range.GTIN == item.GTIN }) ||
		slices.Contains(e.Fields.Texts("lots"), item.Lot))
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
