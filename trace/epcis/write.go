package epcis

import (
	"slices"
	"strings"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// Names says how goods and places are called outside of the ledger.
type Names interface {
	// Links returns the links of codes in the range that may be told, at most so
	// many.
	Links(r trace.Range, most int) []string

	// GLN returns the number of a place, none if it has no record with one.
	GLN(place string) gs1.GLN
}

// A Record is what becomes events. The fields of Event are those that the reader
// may see.
type Record struct {
	Event  *trace.Event
	Actor  string // who acted, as far as the reader may know
	Chain  string // <member>/<number>
	State  string // stored or final
	Erased []string

	// Of a correction: the record that it takes back, with what the reader may see,
	// and what stands in its place, nil if nothing does.
	Target *Record
	With   *trace.Event

	units *pieces // of Event, once they were asked for
}

// pieces returns the units of an aggregation.
func (r *Record) pieces() *pieces {
	if r.units == nil {
		p := piecesOf(r.Event.Subjects)
		r.units = &p
	}
	return r.units
}

// A Writer writes events of one network.
type Writer struct {
	space space
	names Names
}

// NewWriter makes a Writer for the network of that name.
func NewWriter(network string, names Names) *Writer { return &Writer{newSpace(network), names} }

// Count returns how many parts a record has, 0 if it is no event. A part may turn
// out to be empty.
func (r *Record) Count() int {
	t := r.telling()
	switch {
	case t == nil:
		return 0
	case t.aggregates():
		return t.pieces().count
	}
	return 1
}

// telling is the record whose goods the EPCIS event tells of: a correction's is what
// it takes back. It is nil if there is none.
func (r *Record) telling() *Record {
	spec, ok := trace.Spec(r.Event.Kind)
	switch {
	case !ok || spec.EPCIS.Type == "":
		return nil
	case spec.EPCIS.Type != trace.EPCISDeclaration:
		return r
	case r.Target == nil:
		return nil
	}
	return r.Target.telling()
}

func (r *Record) aggregates() bool {
	spec, _ := trace.Spec(r.Event.Kind)
	return spec.EPCIS.Type == trace.EPCISAggregation
}

// Position is that of the record whose events these are; ok is false if it has none.
func (r *Record) Position() (pos trace.Position, ok bool) {
	if t := r.telling(); t != nil {
		return t.Event.Position, true
	}
	return pos, false
}

// Frame writes what all events of a record have in common, without goods and without
// the id of one; nil if it has no events.
func (w *Writer) Frame(r *Record) *Event {
	t := r.telling()
	if t == nil {
		return nil
	}
	spec, _ := trace.Spec(t.Event.Kind)
	e := w.head(t, spec)
	if r.Event.Kind == ledger.KindCorrect {
		e.Declaration = w.declaration(r)
	}
	return e
}

// Event writes one part of a record, counted from 0; nil if it is empty.
func (w *Writer) Event(r *Record, part int) *Event {
	if r.Event.Kind == ledger.KindCorrect {
		e := w.Event(r.Target, part)
		if e != nil {
			e.Declaration = w.declaration(r)
		}
		return e
	}
	spec, _ := trace.Spec(r.Event.Kind)
	e := w.head(r, spec)
	switch spec.EPCIS.Type {
	case trace.EPCISObject:
		e.EPCs, e.Quantities = w.lists(r.Event.Subjects, r.Event.Fields)
		w.exact(e, r.Event.Subjects)
	case trace.EPCISTransformation:
		w.transformation(e, r.Event)
	case trace.EPCISAggregation:
		if !w.aggregation(e, r, part) {
			return nil
		}
	}
	return e
}

// head writes all but the goods.
func (w *Writer) head(r *Record, spec *trace.KindSpec) *Event {
	step := spec.EPCIS.At(r.Event.Fields)
	e := &Event{
		Type: spec.EPCIS.Type, Action: spec.EPCIS.Action, BizStep: step.Step, Disposition: step.Disposition,
		EventID: nameOf(r.Event).String(), EventTime: local(r.Event.At, r.Event.Zone), Zone: offset(r.Event.Zone),
		RecordTime: local(r.Event.Recorded, 0),
		Extensions: map[string]any{extKind: r.Event.Kind.String()},
	}
	w.envelope(r, e.Extensions)
	if name := r.Event.PlaceName(); name != "" {
		e.ReadPoint = &Location{w.place(name)}
		if spec.EPCIS.Stays {
			e.BizLocation = e.ReadPoint
		}
	}
	w.fields(e, spec, r.Event.Fields)
	return e
}

// envelope writes who recorded something, and where it stands.
func (w *Writer) envelope(r *Record, to map[string]any) {
	to[extParty] = r.Actor
	to[extRecord] = r.Event.ID
	if r.Chain != "" {
		to[extChain], to[extSeq] = r.Chain, r.Event.Seq
	}
	if r.State != "" {
		to[extState] = r.State
	}
	if len(r.Event.Refs) > 0 {
		to[extRefs] = r.Event.Refs
	}
	if len(r.Erased) > 0 {
		to[extErased] = r.Erased
	}
}

// fields puts each field where the table says.
func (w *Writer) fields(e *Event, spec *trace.KindSpec, values trace.Values) {
	for _, name := range sortedNames(values) {
		f, ok := spec.Field(name)
		if !ok {
			continue
		}
		text, _ := values[name].(string)
		switch f.EPCIS {
		case "":
			e.Extensions[Prefix+name] = values[name]
		case trace.HomeQuantity: // with the goods
		case trace.HomeLot, trace.HomeProduced, trace.HomeExpires:
			if e.ILMD == nil {
				e.ILMD = map[string]string{}
			}
			e.ILMD[attribute(f.EPCIS)] = text
		case trace.HomeTo:
			e.Destinations = append([]Destination{{attribute(f.EPCIS), w.space.party(text)}}, e.Destinations...)
		case trace.HomeToPlace:
			e.Destinations = append(e.Destinations, Destination{attribute(f.EPCIS), w.place(text)})
		case trace.HomeFrom:
			e.Sources = append(e.Sources, Source{attribute(f.EPCIS), w.space.party(text)})
		case trace.HomeNotice, trace.HomeWaybill, trace.HomeOrder:
			list := values.Texts(name)
			if text != "" {
				list = []string{text}
			}
			for _, number := range list {
				e.Transactions = append(e.Transactions, Transaction{attribute(f.EPCIS), w.space.transaction(number)})
			}
		case trace.HomeCertificate:
			e.Certificates = append(e.Certificates, certificate(values.Hash(name)))
		}
	}
}

// attribute is the last word of a home.
func attribute(home trace.EPCISHome) string {
	_, name, _ := strings.Cut(string(home), " ")
	return name
}

// place names a place by its GLN, if it has one.
func (w *Writer) place(name string) string {
	if g := w.names.GLN(name); !g.IsZero() {
		return glnLink(g)
	}
	return w.space.place(name)
}

// declaration writes what a correction says of what it takes back.
func (w *Writer) declaration(r *Record) *Declaration {
	spec, _ := trace.Spec(r.Event.Kind)
	d := &Declaration{Time: local(r.Event.At, r.Event.Zone), Reason: "did_not_occur", Extensions: map[string]any{}}
	if r.With != nil {
		d.Reason, d.Corrective = "incorrect_data", []string{nameOf(r.With).String()}
	}
	w.envelope(r, d.Extensions)
	if name := r.Event.PlaceName(); name != "" {
		d.Extensions[extPlace] = w.place(name)
	}
	for name, v := range r.Event.Fields {
		if f, ok := spec.Field(name); ok && (f.EPCIS == trace.HomeInDeclaration || f.EPCIS == "") {
			d.Extensions[Prefix+name] = v
		}
	}
	return d
}

// lists tells goods one by one, as far as their names may be told and are few,
// and else by class.
func (w *Writer) lists(subjects []trace.Subject, fields trace.Values) (ids []string, classes []Quantity) {
	counts := make(map[string]int) // class to its index in classes
	for _, s := range subjects {
		switch s.Kind {
		case trace.SubjectSSCC:
			ids = append(ids, ssccLink(s.SSCC))
		case trace.SubjectGTIN:
			classes = append(classes, Quantity{Class: classLink(s.GTIN, "")})
		case trace.SubjectLot:
			q, _ := fields["quantity"].(trace.Quantity)
			classes = append(classes, Quantity{classLink(s.GTIN, s.Lot), q.Value, unit(q.Unit), s.Lot})
		case trace.SubjectRange:
			links := w.names.Links(s.Range, MaxListed-len(ids))
			ids = append(ids, links...)
			left := uint64(s.Range.Count()) - uint64(len(links))
			if left == 0 {
				continue
			}
			class := classLink(s.Range.GTIN, fields.Text("lot"))
			at, known := counts[class]
			if !known {
				at, counts[class] = len(classes), len(classes)
				classes = append(classes, Quantity{Class: class, lot: fields.Text("lot")})
			}
			classes[at].Quantity += left
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), classes
}

// each is the unit of pieces, which EPCIS leaves out.
const each = "EA"

func unit(u string) string {
	if u == each {
		return ""
	}
	return u
}

// exact adds the subjects as the record has them where the standard's lists do not
// say as much.
func (w *Writer) exact(e *Event, subjects []trace.Subject) {
	if !slices.ContainsFunc(subjects, inexact) {
		return
	}
	drafts := make([]trace.DraftSubject, len(subjects))
	for i, s := range subjects {
		drafts[i] = s.Draft()
	}
	e.Extensions[extSubjects] = drafts
}

// inexact reports whether lists of EPCs and classes do not say all of a subject.
func inexact(s trace.Subject) bool {
	switch s.Kind {
	case trace.SubjectSSCC, trace.SubjectLot, trace.SubjectGTIN:
		return false
	case trace.SubjectContent:
		return inexact(*s.Unit) || inexact(*s.Content)
	}
	return true
}

// transformation writes what was made of what. Which output has which inputs says
// the extension alone.
func (w *Writer) transformation(e *Event, of *trace.Event) {
	inputs, outputs := madeOf(of.Subjects)
	e.Inputs, e.InputClasses = w.lists(inputs, nil)
	e.Outputs, e.OutClasses = w.lists(outputs, of.Fields)
	w.exact(e, of.Subjects)
}

// madeOf returns inputs and outputs, each once: several things are made of one
// pallet, and one set of several things.
func madeOf(subjects []trace.Subject) (inputs, outputs []trace.Subject) {
	seen := make(map[string]bool)
	add := func(list []trace.Subject, side string, s *trace.Subject) []trace.Subject {
		key := side + s.String()
		if seen[key] {
			return list
		}
		seen[key] = true
		return append(list, *s)
	}
	for _, s := range subjects {
		inputs = add(inputs, "in ", s.Input)
		outputs = add(outputs, "out ", s.Output)
	}
	return inputs, outputs
}

// aggregation writes one unit with its contents and reports whether it has any.
func (w *Writer) aggregation(e *Event, r *Record, part int) bool {
	all := r.pieces()
	p := all.at(part)
	if p.empty() {
		return false
	}
	e.Parent = w.unit(p.unit)
	e.Children, e.ChildClasses = w.lists(p.contents, nil)
	w.exact(e, p.of)
	if all.count > 1 {
		e.EventID = EventName{r.Event.Hash, r.Event.Position, part + 1}.String()
		e.Extensions[extPart] = partOf{Number: part + 1, Of: all.count, First: p.first + 1}
	}
	return true
}

// partOf says which of the events of a record one is, from 1, and which is the
// first that is about the same subjects.
type partOf struct {
	Number int `json:"number"`
	Of     int `json:"of"`
	First  int `json:"first"`
}

// unit names a unit.
func (w *Writer) unit(u trace.Item) string {
	if u.Kind == trace.ItemSSCC {
		return ssccLink(u.SSCC)
	}
	if links := w.names.Links(trace.Range{GTIN: u.GTIN, Run: u.Run, From: u.Index, To: u.Index}, 1); len(links) == 1 {
		return links[0]
	}
	return w.space.object(u)
}

// local writes milliseconds since 1970 UTC with the offset of a zone in minutes.
func local(ms int64, zone int) string {
	t := time.UnixMilli(ms).UTC()
	if zone != 0 {
		t = t.In(time.FixedZone("", zone*60))
	}
	return t.Format(timeForm)
}

// offset writes a zone in minutes as +08:00.
func offset(zone int) string {
	return time.Unix(0, 0).In(time.FixedZone("", zone*60)).Format("-07:00")
}
