package epcis

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// Options say how a Reader understands what documents name.
type Options struct {
	Network string // the network's name
	Member  string // who records the events: its own parties and places only
	Party   string // slug of its party that acts where an event does not say, or ""

	// Defaults are values of fields for which an event has no attribute, by kind and
	// name. Nothing is invented: a required field that is in neither is an error.
	Defaults map[string]map[string]any

	// Resolve finds the code that a link names. It may be nil; then links are left
	// for whoever makes the record.
	Resolve func(link string) (trace.Item, error)

	// Place returns the place with a number, "" if there is none. It may be nil.
	Place func(gs1.GLN) (string, error)

	// PartyOf returns the party for which a number stands, "" if for none. It may be nil.
	PartyOf func(gs1.GLN) (string, error)

	// Record returns the id of the record that an event's id names, zero if there is
	// none. Without it nothing can be declared an error.
	Record func(eventID string) (ledger.Hash, error)
}

// A Reader reads documents into drafts.
type Reader struct {
	opt    Options
	space  space
	writer *Writer // tells codes by class, to compare
}

// NewReader makes a Reader.
func NewReader(opt Options) *Reader {
	return &Reader{opt, newSpace(opt.Network), NewWriter(opt.Network, nameless{})}
}

// An Item is what becomes one record: an event, or all events of one record.
type Item struct {
	Events []int // where they stand in the document, from 0

	// EventID names the event, "" if it has no name; all parts of a record have one.
	EventID string

	// Declares says that it declares the event of that name an error. Record is then
	// the id of the correction from which it was written, zero if it does not say.
	Declares bool
	Record   ledger.Hash

	events []*event
	err    error
}

// An event is one event of a document, read as far as its form goes.
type event struct {
	at     int
	object *object
	kind   string // that it names itself, or ""
	typ    string
	id     string
	part   *partOf
	err    error

	correction ledger.Hash // id of the record that its declaration comes from
}

// Read reads an EPCISDocument, an EPCISQueryDocument or a single event. What is
// wrong with one event is told by [Reader.Draft].
func (r *Reader) Read(data []byte) ([]*Item, error) {
	if err := wellFormed(data); err != nil {
		return nil, err
	}
	list, names, err := eventsOf(data)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, refuse(CodeForm, "eventList", "has no events")
	}
	if len(list) > MaxEvents {
		return nil, refuse(CodeTooMany, "eventList", "has %d events, and a document at most %d; send several", len(list), MaxEvents)
	}
	events := make([]*event, len(list))
	for i, raw := range list {
		events[i] = readEvent(raw, names)
		events[i].at = i
	}
	return grouped(events), nil
}

// eventsOf returns the events of a document, and the prefixes of its context.
func eventsOf(data []byte) ([]json.RawMessage, prefixes, error) {
	o, err := newObject("", data)
	if err != nil {
		return nil, nil, err
	}
	typ := ""
	if raw, ok := o.have["type"]; ok && json.Unmarshal(raw, &typ) != nil {
		return nil, nil, refuse(CodeForm, "type", "is no text")
	}
	if typ != typeDocument && typ != typeQueryDocument {
		return []json.RawMessage{data}, nil, nil // a single event has its own context
	}
	names, err := o.context(nil)
	if err != nil {
		return nil, nil, err
	}
	if !names.standard() {
		return nil, nil, refuse(CodeForm, "@context", "does not have %s", ContextURL)
	}
	version, err := o.text("schemaVersion")
	if err != nil {
		return nil, nil, err
	}
	if !strings.HasPrefix(version, "2.") {
		return nil, nil, refuse(CodeForm, "schemaVersion", "is %q; this reads 2.0 in JSON, and neither XML nor older versions", version)
	}
	list, err := o.body(typ)
	if err != nil {
		return nil, nil, err
	}
	// Who sent the document, and when, is not about the goods.
	for _, name := range []string{"type", "id", "creationDate", "instanceIdentifier", "sender", "receiver"} {
		delete(o.have, name)
	}
	if left := o.left(); len(left) > 0 {
		return nil, nil, unmapped(left)
	}
	return list, names, nil
}

// body takes the list of events.
func (o *object) body(typ string) ([]json.RawMessage, error) {
	type events struct {
		List []json.RawMessage `json:"eventList"`
	}
	if typ == typeDocument {
		var b events
		_, err := o.take("epcisBody", &b)
		return b.List, err
	}
	var b struct {
		Results struct {
			Name         string `json:"queryName"`
			Subscription string `json:"subscriptionID"`
			Body         events `json:"resultsBody"`
		} `json:"queryResults"`
	}
	_, err := o.take("epcisBody", &b)
	return b.Results.Body.List, err
}

// prefixes are what JSON-LD contexts define, and under "" that the standard's is
// among them.
type prefixes map[string]string

func (p prefixes) standard() bool { return p[""] != "" }

// context takes @context, whose prefixes add to those around it.
func (o *object) context(around prefixes) (prefixes, error) {
	var raw json.RawMessage
	ok, err := o.take("@context", &raw)
	if err != nil || !ok {
		return around, err
	}
	names := prefixes{}
	for k, v := range around {
		names[k] = v
	}
	list := []json.RawMessage{raw}
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, refuse(CodeForm, "@context", "%v", err)
		}
	}
	for _, one := range list {
		var url string
		var defined map[string]any
		switch {
		case json.Unmarshal(one, &url) == nil:
			if strings.HasPrefix(url, contextStem) {
				names[""] = url
			}
		case json.Unmarshal(one, &defined) == nil:
			for name, v := range defined {
				if ns, ok := v.(string); ok {
					names[name] = ns
				}
			}
		default:
			return nil, refuse(CodeForm, "@context", "is made of URLs and objects")
		}
	}
	if len(names) > maxContext {
		return nil, refuse(CodeForm, "@context", "defines more than %d prefixes", maxContext)
	}
	return names, nil
}

// expand writes an attribute's name with our prefix, or that of master data, if it
// is of that namespace, however the document abbreviates it.
func (p prefixes) expand(name string) string {
	full := name
	if prefix, local, ok := strings.Cut(name, ":"); ok {
		if ns, known := p[prefix]; known {
			full = ns + local
		}
	}
	if local, ok := strings.CutPrefix(full, Namespace); ok {
		return Prefix + local
	}
	if local, ok := strings.CutPrefix(full, masterData); ok {
		return masterPrefix + strings.TrimLeft(local, ":#")
	}
	return name
}

// rename gives all attributes of an object their usual names.
func (o *object) rename(names prefixes) error {
	for _, name := range o.left() {
		name = strings.TrimPrefix(name, o.path)
		to := names.expand(name)
		if to == name {
			continue
		}
		if _, twice := o.have[to]; twice {
			return refuse(CodeForm, o.path+name, "stands twice")
		}
		o.have[to] = o.have[name]
		delete(o.have, name)
	}
	return nil
}

// readEvent reads what is needed to know which events belong together.
func readEvent(raw json.RawMessage, around prefixes) *event {
	e := &event{}
	e.err = e.read(raw, around)
	return e
}

func (e *event) read(raw json.RawMessage, around prefixes) (err error) {
	if e.object, err = newObject("", raw); err != nil {
		return err
	}
	names, err := e.object.context(around)
	if err != nil {
		return err
	}
	if !names.standard() {
		return refuse(CodeForm, "@context", "does not have %s", ContextURL)
	}
	if err := e.object.rename(names); err != nil {
		return err
	}
	if e.typ, err = e.object.text("type"); err != nil {
		return err
	}
	if e.id, err = e.object.text("eventID"); err != nil {
		return err
	}
	if len(e.id) > maxURI {
		return refuse(CodeForm, "eventID", "%d bytes are over the limit of %d", len(e.id), maxURI)
	}
	if e.kind, err = e.object.text(extKind); err != nil {
		return err
	}
	if _, err = e.object.take(extPart, &e.part); err != nil {
		return err
	}
	for _, name := range []string{"ilmd", "errorDeclaration"} {
		if err := e.inner(name, names); err != nil {
			return err
		}
	}
	return nil
}

// inner gives the attributes of an inner object their usual names.
func (e *event) inner(name string, names prefixes) error {
	raw, ok := e.object.have[name]
	if !ok {
		return nil
	}
	o, err := newObject(name, raw)
	if err != nil {
		return err
	}
	if err := o.rename(names); err != nil {
		return err
	}
	if name == "errorDeclaration" {
		if _, err := o.take(extRecord, &e.correction); err != nil {
			return err
		}
	}
	e.object.have[name], err = json.Marshal(o.have)
	return err
}

func (e *event) declares() bool { return e.object != nil && e.object.have["errorDeclaration"] != nil }

// grouped puts the events of one record together, where the first stands.
func grouped(events []*event) []*Item {
	type key struct {
		id       string
		declares bool
	}
	var list []*Item
	at := make(map[key]*Item)
	for _, e := range events {
		k := key{BaseID(e.id), e.declares()}
		if e.err == nil && e.part != nil && e.id != "" && at[k] != nil {
			at[k].events, at[k].Events = append(at[k].events, e), append(at[k].Events, e.at)
			continue
		}
		it := &Item{Events: []int{e.at}, EventID: k.id, Declares: k.declares, Record: e.correction, events: []*event{e}, err: e.err}
		if e.part != nil && e.id != "" {
			at[k] = it
		}
		list = append(list, it)
	}
	return list
}

// Draft makes the draft of an item. Errors are [*Error], or those of the options.
func (r *Reader) Draft(it *Item) (*trace.Draft, error) {
	if it.err != nil {
		return nil, it.err
	}
	if it.Declares {
		return r.correction(it)
	}
	var whole *trace.Draft
	var told []partTold
	for _, e := range it.events {
		c := conversion{reader: r, event: e, object: e.object.clone(), draft: &trace.Draft{Fields: map[string]any{}}}
		if err := c.convert(); err != nil {
			return nil, err
		}
		told = append(told, partTold{e.part, c.draft.Subjects, e.at})
		if whole == nil {
			whole = c.draft
			continue
		}
		if !sameBut(whole, c.draft) {
			return nil, refuse(CodeParts, extPart, "event %d says something else than the others of its record", e.at)
		}
	}
	if it.events[0].part == nil {
		return whole, nil
	}
	subjects, err := r.allParts(told)
	whole.Subjects = subjects
	return whole, err
}

// sameBut compares drafts of two parts of one record, but for their subjects.
func sameBut(a, b *trace.Draft) bool {
	x, y := *a, *b
	x.Subjects, y.Subjects = nil, nil
	first, err := json.Marshal(x)
	second, err2 := json.Marshal(y)
	return err == nil && err2 == nil && bytes.Equal(first, second)
}

// partTold is what one part tells.
type partTold struct {
	part     *partOf
	subjects []trace.DraftSubject
	at       int
}

// allParts holds that all events of a record are there and returns its subjects.
// It looks at the parts that there are, however many they claim to be.
func (r *Reader) allParts(list []partTold) ([]trace.DraftSubject, error) {
	slices.SortFunc(list, func(a, b partTold) int { return cmp.Compare(a.part.Number, b.part.Number) })
	of := list[0].part.Of
	if of > maxParts {
		return nil, refuse(CodeParts, extPart, "%d parts are over the limit of %d", of, maxParts)
	}
	for i := range list {
		p := list[i].part
		if p.Of != of || p.Number < 1 || p.Number > of || p.First < 1 || p.First > p.Number || i > 0 && p.Number == list[i-1].part.Number {
			return nil, refuse(CodeParts, extPart, "event %d is not one of %d, once", list[i].at, of)
		}
	}
	var subjects []trace.DraftSubject
	next := 1
	for len(list) > 0 {
		numbers, events, err := r.segment(list, next)
		if err != nil {
			return nil, err
		}
		subjects, next, list = append(subjects, list[0].subjects...), next+numbers, list[events:]
	}
	if next <= of {
		return nil, refuse(CodeParts, extPart, "part %d of %d is missing", next, of)
	}
	return subjects, nil
}

// segment holds that the parts about the same subjects as the first of a list are
// there, and returns how many numbers and how many events they have. Units into which
// a pattern put nothing have a number and no event.
func (r *Reader) segment(list []partTold, first int) (numbers, events int, err error) {
	t := &list[0]
	plain, err := r.plain(t.subjects)
	if err != nil {
		return 0, 0, err
	}
	p := piecesOf(plain)
	if t.part.First != first || p.count == 0 || p.count > t.part.Of-first+1 {
		return 0, 0, refuse(CodeParts, extPart, "event %d does not say which parts come before it", t.at)
	}
	want, err := json.Marshal(t.subjects)
	if err != nil {
		return 0, 0, err
	}
	for events < len(list) && list[events].part.Number < first+p.count {
		if err := partLike(&list[events], t, &p, want); err != nil {
			return 0, 0, err
		}
		events++
	}
	if filled := p.filled(); events != filled {
		return 0, 0, refuse(CodeParts, extPart, "of parts %d to %d there are %d, and not %d", first, first+p.count-1, events, filled)
	}
	return p.count, events, nil
}

// partLike holds that a part is of the same subjects as the first of them, which are
// wanted, and of a unit with contents.
func partLike(one, first *partTold, p *pieces, want []byte) error {
	if one.part.First != first.part.First {
		return refuse(CodeParts, extPart, "event %d does not say which parts come before it", one.at)
	}
	if x := p.at(one.part.Number - one.part.First); x.empty() {
		return refuse(CodeParts, extPart, "event %d is about a unit in which there is nothing", one.at)
	}
	got, err := json.Marshal(one.subjects)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return refuse(CodeParts, extSubjects, "event %d tells of other goods than the parts beside it", one.at)
	}
	return nil
}

// plain reads subjects that name codes by their index, and links as far as they
// can be resolved.
func (r *Reader) plain(list []trace.DraftSubject) ([]trace.Subject, error) {
	out := make([]trace.Subject, len(list))
	for i := range list {
		s, err := list[i].Subject(r.opt.Resolve)
		if err != nil {
			return nil, refuse(CodeForm, fmt.Sprintf("%s[%d]", extSubjects, i), "%v", err)
		}
		out[i] = s
	}
	return out, nil
}

// readTime reads an instant.
func readTime(field, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, refuse(CodeForm, field, "%q is no time such as 2026-03-01T08:00:00.000+08:00", text)
	}
	return t, nil
}

// nameless tells no code by its link.
type nameless struct{}

func (nameless) Links(trace.Range, int) []string { return nil }
func (nameless) GLN(string) gs1.GLN              { return gs1.GLN{} }

// kindOf finds the kind for which an event stands.
func kindOf(e *event, action, step, disposition string) (*trace.KindSpec, error) {
	if e.kind != "" {
		kind, ok := ledger.KindByName(e.kind)
		spec, known := trace.Spec(kind)
		if !ok || !known || spec.EPCIS.Type == "" || spec.EPCIS.Type != e.typ {
			return nil, refuse(CodeNoKind, extKind, "a record of kind %q is no %s", e.kind, e.typ)
		}
		return spec, nil
	}
	var fit []*trace.KindSpec
	var near []string
	for spec := range trace.Kinds() {
		x := &spec.EPCIS
		if x.Type != e.typ || x.Action != action {
			continue
		}
		for _, s := range stepsOf(x) {
			if s.Step == step {
				near = append(near, fmt.Sprintf("%s with the disposition %s", spec.Kind, s.Disposition))
			}
			if s.Step == step && (s.Disposition == disposition || disposition == "") && !slices.Contains(fit, spec) {
				fit = append(fit, spec)
			}
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case len(near) > 0:
		return nil, refuse(CodeNoKind, "disposition", "%q does not tell what the event is: %s", disposition, strings.Join(near, ", or "))
	}
	return nil, refuse(CodeNoKind, "bizStep", "no kind of record stands for %s %s %s; see suyuan record kinds", e.typ, action, step)
}

// stepsOf lists the steps and dispositions that records of a kind have.
func stepsOf(x *trace.EPCISEvent) []trace.EPCISStep {
	list := []trace.EPCISStep{{Step: x.Step, Disposition: x.Disposition}}
	for _, s := range x.Instead {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b trace.EPCISStep) int {
		return strings.Compare(a.Step+" "+a.Disposition, b.Step+" "+b.Disposition)
	})
	return slices.Compact(list)
}

// ParseDefaults reads defaults of fields, each "<kind>.<field>:<value>"; a value is
// text, or JSON where the field has another type.
func ParseDefaults(list []string) (map[string]map[string]any, error) {
	defaults := make(map[string]map[string]any)
	for _, one := range list {
		path, text, ok := strings.Cut(one, ":")
		name, field, dotted := strings.Cut(path, ".")
		kind, _ := ledger.KindByName(name)
		spec, known := trace.Spec(kind)
		if !ok || !dotted || !known {
			return nil, refuse(CodeForm, "default", "%q is not of the form sell.channel:store", one)
		}
		f, known := spec.Field(field)
		if !known {
			return nil, refuse(CodeForm, "default", "a %s has no field %q", name, field)
		}
		var v any = text
		switch f.Type {
		case trace.TypeUint, trace.TypeBool, trace.TypeNames, trace.TypeTexts, trace.TypeHashes, trace.TypeLines, trace.TypeCounts,
			trace.TypeTokens, trace.TypeLots, trace.TypeGTINs, trace.TypeRegions, trace.TypeQuantity:
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				return nil, refuse(CodeForm, "default", "%s.%s is no JSON: %v", name, field, err)
			}
		}
		if defaults[name] == nil {
			defaults[name] = make(map[string]any)
		}
		defaults[name][field] = v
	}
	return defaults, nil
}
