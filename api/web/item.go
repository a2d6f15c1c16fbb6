package web

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// itemPage is the data of the item template.
type itemPage struct {
	entryPage
	Item     *Item
	Timeline timeline
	Verdict  VerdictWords
}

func newItemPage(f frame, v *Item, t timeline) *itemPage {
	p := &itemPage{entryPage: entryPage{frame: f}, Item: v, Timeline: t, Verdict: f.Words.Verdict[string(v.Verdict)]}
	if v.Level == LevelProduct {
		p.Form = &Entry{GTIN: v.GTIN, Filings: v.Filings}
	}
	p.Title = p.Headline() + " · " + p.Words.Site
	return p
}

// Mark names the banner's colour and icon.
func (p *itemPage) Mark() string {
	if p.Item.Verdict == None {
		return "none"
	}
	return string(p.Item.Verdict)
}

// Headline is the verdict's, or says what kind of code this is.
func (p *itemPage) Headline() string {
	if !p.Item.Headline.IsZero() {
		return p.T(p.Item.Headline)
	}
	return p.Words.Levels[string(p.Item.Level)].Headline
}

// Lead is the part of the headline up to its colon, and Note what follows: in a
// warning, which may be long.
func (p *itemPage) Lead() string {
	lead, _ := p.splitHeadline()
	return lead
}

// LeadWords are the lead in parts between which a line may end. Chinese lines of a
// headline end at its marks alone; where it has none, after the brand's name.
func (p *itemPage) LeadWords() []string {
	lead, brand := p.Lead(), p.T(p.Item.Brand)
	if p.Lang != Zh || brand == "" || strings.Contains(lead, "，") {
		return []string{lead}
	}
	before, after, ok := strings.Cut(lead, brand)
	if !ok || after == "" {
		return []string{lead}
	}
	return []string{before + brand, after}
}

// Note is what follows Lead in the headline.
func (p *itemPage) Note() string {
	_, note := p.splitHeadline()
	return note
}

func (p *itemPage) splitHeadline() (lead, note string) {
	headline := p.Headline()
	if p.Item.Verdict != Warning {
		return headline, ""
	}
	for _, colon := range []string{"：", ": "} {
		if lead, note, ok := strings.Cut(headline, colon); ok {
			return lead + colon, note
		}
	}
	return headline, ""
}

// ShowsFindings reports whether the findings have a section of their own: a
// single one that the headline tells in full needs none.
func (p *itemPage) ShowsFindings() bool {
	list := p.Item.Findings
	if len(list) == 1 && p.Item.Verdict == Warning {
		said := strings.TrimRight(p.T(list[0].Text), "。.")
		return !strings.HasSuffix(strings.ToLower(p.Headline()), strings.ToLower(said))
	}
	return len(list) > 0
}

// Advice says what to do about the verdict.
func (p *itemPage) Advice() string {
	switch {
	case p.Item.Verdict == None:
		return p.Words.Levels[string(p.Item.Level)].Advice
	case p.Item.Verdict == Warning && slices.ContainsFunc(p.Item.Findings, func(f Finding) bool { return f.OfScans }):
		return p.Words.Scans.Advice
	}
	return cmp.Or(p.Verdict.Advice, p.findingAdvice())
}

// findingAdvice says what to do about the warning that the headline tells of.
func (p *itemPage) findingAdvice() string {
	if i := slices.IndexFunc(p.Item.Findings, isWarning); i >= 0 && p.Item.Verdict == Warning {
		return p.Words.Advice[p.Item.Findings[i].Code]
	}
	return ""
}

func isWarning(f Finding) bool { return f.Severity == "warning" || f.Severity == "critical" }

// Ask says in the banner whom to ask, where its words send people to the brand. A
// recall names somebody of its own.
func (p *itemPage) Ask() string {
	contact := p.T(p.Item.Contact)
	if contact == "" || !slices.Contains([]Verdict{Warning, Suspicious, NeverIssued}, p.Item.Verdict) {
		return ""
	}
	return fill(p.Words.Timeline.Fact, "label", p.Words.Sections.Contact, "value", contact)
}

// Dots has one element for each company that is named, true for each that has
// stored; none where there would be too many for a row.
func (p *itemPage) Dots() []bool {
	if p.Item.Stored.Of > maxDots {
		return nil
	}
	dots := make([]bool, p.Item.Stored.Of)
	for i := range min(p.Item.Stored.Companies, len(dots)) {
		dots[i] = true
	}
	return dots
}

// Scans says how often the code was looked up before, or nothing if that is not
// known. Days are those where the item is, and numbers alone, since they are
// compared with a receipt.
func (p *itemPage) Scans() string {
	v := p.Item.Scans
	if v == nil {
		return ""
	}
	if v.First.IsZero() {
		return p.Words.Scans.None
	}
	phrase := p.Words.Scans.First
	if !v.City.IsZero() {
		phrase = p.Words.Scans.Where
	}
	said := fill(phrase, "date", v.First.Format(time.DateOnly), "n", v.Count, "place", p.T(v.City))
	if p.Item.Verdict == Suspicious {
		said += p.Words.Scans.Yours
	}
	return said
}

// chain says up to where a log was read.
func (p *itemPage) chain(c Chain) string {
	said := c.Name + ": " + fill(p.Words.Check.Chain, "size", c.Size, "n", c.Stored.Companies, "of", c.Stored.Of)
	if c.Forked {
		said += " · " + p.Words.Check.Forked
	}
	return said
}

// maxDots is how many dots stand beside the sentence on a narrow phone.
const maxDots = 7

// State is the state of custody in words.
func (p *itemPage) State() string { return p.Words.Custody[p.Item.Custody] }

// grouped splits a serial of 20 characters into groups of four, as people read
// it aloud.
func grouped(serial string) string {
	if len(serial) != 20 {
		return serial
	}
	var groups []string
	for part := range slices.Chunk([]byte(serial), 4) {
		groups = append(groups, string(part))
	}
	return strings.Join(groups, " ")
}

// Label names a fact.
func (p *itemPage) Label(f Fact) string {
	if label, ok := p.Words.Fields[f.Key]; ok {
		return label
	}
	return strings.ReplaceAll(f.Key, "_", " ")
}

// Value says a fact's value, in words where it is a code and as a date where it
// is one.
func (p *itemPage) Value(f Fact) string {
	value := p.T(f.Value)
	if f.Key == "shelf_life_days" {
		return fill(p.Words.Product.Days, "n", value)
	}
	if words, ok := p.Words.Values[f.Key+"."+value]; ok {
		return words
	}
	if date, err := time.Parse(time.DateOnly, value); err == nil {
		return day(p.Lang, date)
	}
	return value
}

// Route says through which places the item came, or nothing if that is one.
func (p *itemPage) Route() string {
	var names []string
	for _, r := range p.Item.Route {
		names = append(names, p.T(r))
	}
	if len(names) < 2 {
		return ""
	}
	return strings.Join(names, " → ")
}

// LinkTitle is what people call a page of the brand's.
func (p *itemPage) LinkTitle(l Link) string {
	if title := p.T(l.Title); title != "" {
		return title
	}
	return lookUp(p.Words.Links.Types, l.Type)
}

// A sourcePage is one source with the page on which it is shown.
type sourcePage struct {
	*itemPage
	Source Source
}

// SourcePages are the sources as their template takes them.
func (p *itemPage) SourcePages(list []Source) []sourcePage {
	var pages []sourcePage
	for _, s := range list {
		pages = append(pages, sourcePage{p, s})
	}
	return pages
}

// About tells sources of one product from each other: lot and state.
func (p sourcePage) About() string {
	var parts []string
	for _, part := range []struct{ label, value string }{
		{p.Words.Fields["lot"], p.Source.Lot}, {"SSCC", p.Source.SSCC}, {"", p.Words.Custody[p.Source.Custody]},
	} {
		if part.value != "" {
			parts = append(parts, strings.TrimSpace(part.label+" "+part.value))
		}
	}
	return strings.Join(parts, " · ")
}

// Title is the source's name.
func (p sourcePage) Title() string {
	if name := p.T(p.Source.Name); name != "" {
		return name
	}
	if p.Source.GTIN != "" {
		return "GTIN " + p.Source.GTIN
	}
	return p.Words.Sources.Unknown
}

// A timeline is what is to be known of all events for showing one.
type timeline struct {
	Shown   bool // that of a product is its brand's business, not a journey
	Any     bool // there are events
	OneZone bool // all are at one offset from UTC
	Offset  int  // which, in seconds
}

func timelineOf(v *Item) timeline {
	t := timeline{Any: len(v.Events) > 0}
	t.Shown = t.Any || v.Verdict != NeverIssued && v.Verdict != Unknown && v.Level != LevelProduct
	if !t.Any {
		return t
	}
	local := v.Events[0]
	if i := slices.IndexFunc(v.Events, Event.placed); i >= 0 {
		local = v.Events[i]
	}
	_, t.Offset = local.At.Zone()
	elsewhere := func(e Event) bool {
		_, offset := e.At.Zone()
		return offset != t.Offset && (e.placed() || !local.placed())
	}
	t.OneZone = !slices.ContainsFunc(v.Events, elsewhere) && !slices.ContainsFunc(v.Pending, elsewhere)
	return t
}

// placed reports whether the event's clock is that of a place. What a node records
// by itself, such as the use of a second code, has the clock of a machine, which
// tells nobody anything: it is shown at the offset of all places, if that is one.
func (e Event) placed() bool { return !e.Place.IsZero() || e.PlaceIs != "" }

// Zone names the offset that all events share, or nothing.
func (p *itemPage) Zone() string {
	if !p.Timeline.OneZone {
		return ""
	}
	at := time.Unix(0, 0).In(time.FixedZone("", p.Timeline.Offset))
	return fill(p.Words.Timeline.Zone, "zone", zone(at))
}

// FindingIcon chooses the icon of a finding.
func (p *itemPage) FindingIcon(f Finding) string {
	if f.Severity == "critical" {
		return "suspicious"
	}
	return "warning"
}

// ReportTitle names an inspection by its type.
func (p *itemPage) ReportTitle(r Report) string {
	return p.Value(Fact{Key: "type", Value: Text{r.Type, r.Type}})
}

// ReportLine says what an inspection found, who says so and for how long.
func (p *itemPage) ReportLine(r Report) string {
	var parts []string
	if r.Result != "" {
		parts = append(parts, p.Value(Fact{Key: "result", Value: Text{r.Result, r.Result}}))
	}
	for _, part := range []string{p.T(r.Issuer), r.Standard} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if r.ValidUntil != "" {
		until := Fact{Key: "valid_until", Value: Text{r.ValidUntil, r.ValidUntil}}
		parts = append(parts, p.Label(until)+" "+p.Value(until))
	}
	return strings.Join(parts, " · ")
}

// A step is an event in words.
type step struct {
	Name, Text, Icon string
	Who, When, Where string
	Facts            []string
	Marked           bool
	Minor            bool     // a step inside a company: of little weight
	Void             bool     // taken back
	Flags            []string // what else is to be known about it
}

// Step puts an event into words.
func (p *itemPage) Step(e Event) step {
	words := lookUp(p.Words.Kinds, e.Kind)
	s := step{
		Name: words.Name, Text: words.Text, Icon: eventIcon(e.Kind),
		Who: p.T(e.Party), When: p.when(e), Where: p.where(e),
		Marked: e.Marked, Void: e.Corrected != nil,
		Minor: e.Kind == "pack" || e.Kind == "unpack" || e.Kind == "correct",
	}
	if e.Kind == "activate" && p.Item.Level == LevelLot {
		s.Text = p.Words.Timeline.Made // a lot may have no codes
	}
	for _, f := range e.Facts {
		s.Facts = append(s.Facts, fill(p.Words.Timeline.Fact, "label", p.Label(f), "value", p.Value(f)))
	}
	if e.Marked {
		s.Flags = append(s.Flags, p.Words.Timeline.Marked)
	}
	if e.Corrected != nil {
		s.Flags = append(s.Flags, p.correction(e.Corrected))
	}
	if !e.Erased.IsZero() {
		s.Flags = append(s.Flags, fill(p.Words.Timeline.Erased, "date", day(p.Lang, e.Erased)))
	}
	if e.Corrects != nil {
		s.Text = fill(p.Words.Timeline.Corrects, "what", p.reference(e.Corrects))
	}
	return s
}

// Class is what the style sheet calls the step.
func (s step) Class() string {
	var names []string
	for _, c := range []struct {
		name string
		is   bool
	}{{"marked", s.Marked}, {"void", s.Void}, {"minor", s.Minor}} {
		if c.is {
			names = append(names, c.name)
		}
	}
	return strings.Join(names, " ")
}

// correction says why a step does not count.
func (p *itemPage) correction(c *Correction) string {
	text := p.Words.Timeline.Corrected
	if c.Reason != "" {
		text += fill(p.Words.Timeline.Because, "reason", p.Value(Fact{Key: "reason", Value: Text{c.Reason, c.Reason}}))
	}
	if c.With != nil {
		text += fill(p.Words.Timeline.Instead, "what", p.reference(c.With))
	}
	return text
}

// reference names another step.
func (p *itemPage) reference(r *Reference) string {
	return fill(p.Words.Timeline.Reference, "name", lookUp(p.Words.Kinds, r.Kind).Name, "date", day(p.Lang, r.At))
}

func (p *itemPage) when(e Event) string {
	if p.Timeline.OneZone {
		return instant(p.Lang, e.At.In(time.FixedZone("", p.Timeline.Offset)))
	}
	return instant(p.Lang, e.At) + " (" + zone(e.At) + ")"
}

// where names the place or its region, and what sort of place it is.
func (p *itemPage) where(e Event) string {
	var parts []string
	if name := p.T(e.Place); name != "" {
		parts = append(parts, name)
	}
	if kind := p.Words.Places[e.PlaceIs]; kind != "" {
		parts = append(parts, kind)
	}
	if p.Lang == En {
		return strings.Join(parts, ", ")
	}
	return strings.Join(parts, " ")
}

// eventIcon names the picture of a kind.
func eventIcon(kind string) string {
	switch kind {
	case "run", "activate", "pack", "ship", "receive", "sell", "inspect":
		return kind
	case "unpack", "transform":
		return "pack"
	case "return":
		return "receive"
	case "void", "hold", "recall", "withdraw", "cancel":
		return "stop"
	case "release":
		return "yes"
	}
	return "other"
}
