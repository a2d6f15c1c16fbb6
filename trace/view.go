package trace

import (
	"slices"
	"time"

	"suyuan/ledger"
)

const hour = int64(time.Hour / time.Millisecond)

// A Viewer is who reads an answer. The zero value is the public.
type Viewer struct {
	Member string // slug of the member for which the reader acts, or ""
	Code   bool   // the reader presents a code of the item

	// Party is <member>/<slug> of the hosted party for which the reader acts, if
	// it is limited to one: Member is "" then. It sees what the public sees, and of
	// the events that it is a party of what its host sees.
	Party string
}

// of returns who the viewer is where an event is concerned.
func (v Viewer) of(e *Event) Viewer {
	if v.Party != "" && (e.Actor() == v.Party || slices.Contains(e.parties(), v.Party)) {
		return Viewer{Member: memberOf(v.Party), Code: v.Code}
	}
	return v
}

// audience is the widest audience whose fields the viewer sees. What is for
// some members only is no part of a trail, since not every node holds it.
func (v Viewer) audience() ledger.Audience {
	switch {
	case v.Member != "":
		return ledger.Members
	case v.Code:
		return ledger.Item
	}
	return ledger.Public
}

// sees reports whether the viewer is told of a finding.
func (v Viewer) sees(f *Finding) bool {
	switch f.Audience {
	case ledger.Public:
		return true
	case ledger.Members:
		return v.Member != "" || v.names(f)
	}
	return slices.Contains(f.Parties, v.Member) || v.names(f)
}

// names reports whether a finding is about the one party of the viewer.
func (v Viewer) names(f *Finding) bool {
	return v.Party != "" && (f.a == v.Party || f.b == v.Party)
}

// An Answer is the answer about a code, in JSON as DESIGN.md section 9 has it.
// Only trail is the same on every node.
type Answer struct {
	URI       string      `json:"uri"`     // as asked
	Verdict   Verdict     `json:"verdict"` // the worst of trail, now and pending recalls
	Trail     *TrailView  `json:"trail"`
	Pending   []EventView `json:"pending"` // stored here, not final yet
	Assurance []Assurance `json:"assurance"`
	Now       Now         `json:"now"`
}

// An Assurance says how many members have stored a chain that the trail's
// events stand on.
type Assurance struct {
	Chain    string   `json:"chain"`    // <member>/<number>
	Size     uint64   `json:"size"`     // of the newest final checkpoint
	Cosigned int      `json:"cosigned"` // members that have cosigned it
	Of       int      `json:"of"`       // cosigning members of the charter
	Quorum   int      `json:"quorum"`
	Members  []string `json:"members"` // who has, ascending
	Forked   bool     `json:"forked"`
}

// Now is what holds at the moment of asking, on the node that answers.
type Now struct {
	Time     string        `json:"time"`
	Expires  string        `json:"expires,omitempty"` // last day, by the records
	Expired  bool          `json:"expired"`
	Findings []FindingView `json:"findings"`
}

// A TrailView is a trail as one viewer sees it. For one viewer its JSON is the
// same, byte by byte, on every node that holds the same final entries.
type TrailView struct {
	URI      string            `json:"uri"`
	GTIN     string            `json:"gtin"`
	Serial   string            `json:"serial"`
	Lot      string            `json:"lot"`
	SSCC     string            `json:"sscc,omitempty"`
	Verdict  Verdict           `json:"verdict"`
	Product  *ProductView      `json:"product"`
	Custody  *CustodyView      `json:"custody"`
	Events   []EventView       `json:"events"`
	Findings []FindingView     `json:"findings"`
	Sources  []*TrailView      `json:"sources,omitempty"` // of what went into the item
	AsOf     map[string]uint64 `json:"as_of"`             // <member>/<number> to size
	Rules    int               `json:"rules"`

	kept *keptJSON // nil unless it is kept
}

// A ProductView is the version of a product that applies to an item.
type ProductView struct {
	GTIN    string    `json:"gtin"`
	Version uint64    `json:"version"`
	Brand   PartyView `json:"brand"`
	Fields  Values    `json:"fields"` // the record's other fields
}

// A CustodyView is the state of an item and who holds it.
type CustodyView struct {
	State  State  `json:"state"`
	Holder string `json:"holder"` // <member>[/<slug>], or "" if nobody in the network does
}

// An EventView is one event.
type EventView struct {
	ID       ledger.Hash `json:"id"`
	Kind     string      `json:"kind"`
	At       string      `json:"at"`       // when it happened, in local time
	Recorded string      `json:"recorded"` // when its entry was made, in UTC
	Party    PartyView   `json:"party"`    // who acted
	Place    *PlaceView  `json:"place"`    // where, or null
	Chain    string      `json:"chain"`    // <member>/<number>
	Seq      uint64      `json:"seq"`
	Hash     ledger.Hash `json:"hash"` // leaf hash, the name that refs use
	Fields   Values      `json:"fields"`

	// Erased says what is gone of the event. A field vanishes where the erase
	// record is stored, and so may be gone on one node a moment before another.
	Erased []ErasureView `json:"erased,omitempty"`

	// Corrected is the id of the correction by which the event counts for
	// nothing.
	Corrected ledger.Hash `json:"corrected,omitzero"`

	told *telling // with the JSON of all this, if that is kept: nobody changes it then
}

// A PartyView names a party. Anyone but members sees a hosted party only under
// its public name; where it has none, its host stands for it.
type PartyView struct {
	Member string `json:"member"`
	Party  string `json:"party,omitempty"` // slug of the hosted party
	Zh     string `json:"zh"`
	En     string `json:"en"`
}

// A PlaceView names a place: to members by its name, to others by its region.
type PlaceView struct {
	ID      string `json:"id"` // <member>/<slug>
	Kind    string `json:"kind"`
	Country string `json:"country"`
	Region  string `json:"region"`
	Zh      string `json:"zh"`
	En      string `json:"en"`
}

// A FindingView is one finding in words.
type FindingView struct {
	Code     string        `json:"code"`
	Severity Severity      `json:"severity"`
	Audience string        `json:"audience"` // who is told: public, members or parties
	Zh       string        `json:"zh"`
	En       string        `json:"en"`
	Records  []ledger.Hash `json:"records"`
}

// For shows the trail to a viewer.
func (t *Trail) For(v Viewer) *TrailView {
	view := &TrailView{
		URI: t.URI, Serial: t.Serial, Verdict: t.Verdict, Rules: Rules,
		Events: make([]EventView, 0, len(t.Events)), Findings: []FindingView{}, AsOf: make(map[string]uint64, len(t.AsOf)),
	}
	if !t.Item.GTIN.IsZero() {
		view.GTIN = t.Item.GTIN.String()
	}
	if t.Item.Kind == ItemSSCC {
		view.SSCC = t.Item.SSCC.String()
	}
	if v.audience() >= ledger.Item || t.Item.Kind == ItemLot {
		view.Lot = t.Lot()
	}
	if t.Product != nil {
		view.Product = t.product(v)
	}
	if t.Custody.State != "" {
		view.Custody = &CustodyView{t.Custody.State, t.names.shown(t.Custody.Holder, v)}
	}
	for _, e := range t.Events {
		if v.of(e).Member == "" && t.disregarded(e) {
			continue // shown to members, who can judge it
		}
		view.Events = append(view.Events, t.View(e, v))
	}
	view.Findings = t.Words(t.Findings, v)
	for _, source := range t.Sources {
		view.Sources = append(view.Sources, source.For(v))
	}
	for chain, size := range t.AsOf {
		view.AsOf[ledger.ChainName(t.names.memberOf(chain), chain)] = size
	}
	return view
}

// Public returns the events of the trail that anybody is shown who presents a code.
func (t *Trail) Public() []*Event {
	return slices.DeleteFunc(slices.Clone(t.Events), t.disregarded)
}

// disregarded reports whether an event was recorded by one without the right
// to, so that it does not count.
func (t *Trail) disregarded(e *Event) bool { return t.ignored[e.ID] }

// ignoredOf returns the ids of the records that do not count.
func ignoredOf(findings []Finding) map[ledger.Hash]bool {
	ignored := make(map[ledger.Hash]bool)
	for _, f := range findings {
		if f.Code == NotAuthority || f.Code == CorrectionNoEffect {
			ignored[f.Records[0]] = true
		}
	}
	return ignored
}

// View shows an event to a viewer, with the names that the trail knows. It is
// also for events that are not part of the trail, such as pending ones. It may be
// given to others too and must not be changed.
func (t *Trail) View(e *Event, v Viewer) EventView {
	v = v.of(e)
	if e.told != nil && v == (Viewer{Code: true}) {
		return t.tell(e)
	}
	return t.show(e, v)
}

func (t *Trail) show(e *Event, v Viewer) EventView {
	return EventView{
		ID: e.ID, Kind: e.Kind.String(), At: localTime(e.At, e.Zone), Recorded: localTime(e.Recorded, 0),
		Party: t.names.party(e.Actor(), v), Place: t.names.place(e.PlaceName(), v),
		Chain: ledger.ChainName(e.Member, e.Chain), Seq: e.Seq, Hash: e.Hash, Fields: visible(e, v.audience()),
		Erased: e.Erasures(v), Corrected: t.corrected[e.ID],
	}
}

// Words puts findings into words for a viewer, without those it may not see.
func (t *Trail) Words(list []Finding, v Viewer) []FindingView {
	out := []FindingView{}
	for i := range list {
		f := &list[i]
		if !v.sees(f) {
			continue
		}
		zh, en := f.sentences(func(party string) Names {
			p := t.names.party(party, v)
			return Names{Zh: p.Zh, En: p.En}
		})
		records := f.Records
		if records == nil {
			records = []ledger.Hash{}
		}
		out = append(out, FindingView{f.Code, f.Severity, f.Audience.String(), zh, en, records})
	}
	return out
}

// Brand names the member that issues the product's codes.
func (t *Trail) Brand() Names {
	p := t.brand()
	return Names{Zh: p.Zh, En: p.En}
}

func (t *Trail) brand() PartyView {
	if m := newestOf(t.names.charters); m != nil && !t.Item.GTIN.IsZero() {
		if a := m.GTINAuthority(t.Item.GTIN.Uint64()); a != nil {
			return t.names.party(a.Slug, Viewer{})
		}
	}
	return PartyView{}
}

func (t *Trail) product(v Viewer) *ProductView {
	fields := visible(t.Product, v.audience())
	delete(fields, "gtin")
	delete(fields, "version")
	return &ProductView{GTIN: t.Item.GTIN.String(), Version: t.Product.Fields.Uint("version"), Brand: t.brand(), Fields: fields}
}

// visible returns the fields of an event for an audience.
func visible(e *Event, a ledger.Audience) Values {
	out := Values{}
	spec, ok := Spec(e.Kind)
	if !ok {
		return out
	}
	for name, v := range e.Fields {
		if f, ok := spec.Field(name); ok && f.Audience <= a {
			out[name] = v
		}
	}
	return out
}

// localTime writes milliseconds as RFC 3339 in a zone given in minutes.
func localTime(ms int64, zone int) string {
	t := time.UnixMilli(ms).UTC()
	if zone != 0 {
		t = t.In(time.FixedZone("", zone*60))
	}
	return t.Format("2006-01-02T15:04:05.000Z07:00")
}

// dayOf is the calendar day of an instant in a zone.
func dayOf(ms int64, zone int) string {
	return time.UnixMilli(ms).In(time.FixedZone("", zone*60)).Format(time.DateOnly)
}
