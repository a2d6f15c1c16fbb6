package epcis

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"suyuan/trace"
)

// A Query asks for events. Lists that are empty ask for any.
type Query struct {
	Types, Actions, Steps, Dispositions []string
	IDs                                 []string // of events
	From, Before                        int64    // eventTime, ms since 1970 UTC; 0 is no bound
	RecordedFrom, RecordedBefore        int64
	Places                              []string // readPoint
	Locations                           []string // bizLocation
	Declared                            *bool    // errorDeclarations only, or none

	// Things are links of goods (see [ParseThing]), any of which an event names;
	// Role is how.
	Things []string
	Role   Role

	OldestFirst bool
	ByEventTime bool // else by the time at which events were recorded
	PerPage     int
	Token       string
}

// A Role is how an event names goods.
type Role int

// The roles.
const (
	AnyRole    Role = iota
	AsGoods         // not as the unit of an aggregation
	AsParent        // as that
	AsAnyClass      // as a class: a lot, or a product
)

// The parameters of a query. The standard has more; those are refused, because an
// answer to another question would be worse than none.
const (
	DefaultPerPage = 30
	MaxPerPage     = 500
)

// roles are the parameters that name goods.
var roles = map[string]Role{
	"MATCH_anyEPC": AnyRole, "MATCH_epc": AsGoods, "MATCH_parentID": AsParent,
	"MATCH_anyEPCClass": AsAnyClass, "MATCH_epcClass": AsAnyClass,
}

// Parameters lists what ParseQuery takes, with what it means.
func Parameters() [][2]string {
	return [][2]string{
		{"eventType", "ObjectEvent, AggregationEvent or TransformationEvent; several with commas between, as for others"},
		{"EQ_action", "ADD, OBSERVE or DELETE"},
		{"EQ_bizStep", "business step of the CBV"},
		{"EQ_disposition", "disposition of the CBV"},
		{"EQ_eventID", "id of an event"},
		{"EQ_readPoint", "place of the event"},
		{"EQ_bizLocation", "place where the goods are thereafter"},
		{"MATCH_anyEPC", "goods that the event names: Digital Link or EPC URN"},
		{"MATCH_epc", "the same, not as the unit of an aggregation"},
		{"MATCH_parentID", "the unit of an aggregation"},
		{"MATCH_anyEPCClass", "lot or product whose goods the event names"},
		{"MATCH_epcClass", "the same"},
		{"GE_eventTime", "happened not before (RFC 3339)"},
		{"LT_eventTime", "happened before"},
		{"GE_recordTime", "recorded not before"},
		{"LT_recordTime", "recorded before"},
		{"EXISTS_errorDeclaration", "true: only events declared errors"},
		{"orderBy", "recordTime (as without), or eventTime together with goods"},
		{"orderDirection", "DESC (as without) or ASC"},
		{"perPage", "events in one answer, 30 as without; more than 500 are never in one"},
		{"nextPageToken", "from the Link header of the answer before"},
	}
}

// ParseQuery reads parameters. Errors are [*Error] with the code of form, and name
// the parameter.
func ParseQuery(params map[string][]string) (*Query, error) {
	q := &Query{PerPage: DefaultPerPage}
	for name, values := range params {
		if err := q.set(name, split(name, values)); err != nil {
			return nil, err
		}
	}
	if q.ByEventTime && len(q.Things) == 0 {
		return nil, refuse(CodeForm, "orderBy", "eventTime orders the events of goods that are named; without, they come by recordTime")
	}
	return q, nil
}

// uris are the parameters whose values are identifiers.
var uris = []string{"EQ_eventID", "EQ_readPoint", "EQ_bizLocation", "MATCH_anyEPC", "MATCH_epc", "MATCH_parentID", "MATCH_anyEPCClass", "MATCH_epcClass"}

// split takes lists apart. Between identifiers a comma is one that another one
// follows: serial numbers have commas, too.
func split(name string, values []string) []string {
	var list []string
	for _, v := range values {
		start := 0
		for i, r := range v {
			if r == ',' && (!slices.Contains(uris, name) || begins(v[i+1:])) {
				list = append(list, v[start:i])
				start = i + 1
			}
		}
		list = append(list, v[start:])
	}
	return list
}

func begins(rest string) bool {
	for _, scheme := range []string{"http:", "https:", "urn:", "ni:"} {
		if strings.HasPrefix(strings.ToLower(rest), scheme) {
			return true
		}
	}
	return false
}

func (q *Query) set(name string, values []string) error {
	if len(values) > MaxValues {
		return refuse(CodeForm, name, "%d values are over the limit of %d", len(values), MaxValues)
	}
	if role, ok := roles[name]; ok {
		if len(q.Things) > 0 {
			return refuse(CodeForm, name, "goods are named by one parameter")
		}
		q.Things, q.Role = values, role
		return nil
	}
	lists := map[string]*[]string{
		"eventType": &q.Types, "EQ_action": &q.Actions, "EQ_bizStep": &q.Steps, "EQ_disposition": &q.Dispositions,
		"EQ_eventID": &q.IDs, "EQ_readPoint": &q.Places, "EQ_bizLocation": &q.Locations,
	}
	times := map[string]*int64{
		"GE_eventTime": &q.From, "LT_eventTime": &q.Before, "GE_recordTime": &q.RecordedFrom, "LT_recordTime": &q.RecordedBefore,
	}
	if list := lists[name]; list != nil {
		*list = values
		normalize(name, values)
		return nil
	}
	if len(values) != 1 || values[0] == "" {
		return refuse(CodeForm, name, "has one value")
	}
	if at := times[name]; at != nil {
		t, err := time.Parse(time.RFC3339Nano, values[0])
		if err != nil || t.UnixMilli() <= 0 {
			return refuse(CodeForm, name, "%q is no time such as 2026-03-01T08:00:00+08:00", values[0])
		}
		*at = t.UnixMilli()
		return nil
	}
	return q.setOne(name, values[0])
}

// normalize writes words and places as events have them.
func normalize(name string, values []string) {
	for i := range values {
		switch name {
		case "EQ_bizStep":
			values[i] = bizSteps.short(values[i])
		case "EQ_disposition":
			values[i] = dispositions.short(values[i])
		case "EQ_readPoint", "EQ_bizLocation":
			if g, ok := parseGLN(values[i]); ok {
				values[i] = glnLink(g)
			}
		}
	}
}

func (q *Query) setOne(name, value string) error {
	pick := func(words ...string) (int, error) {
		if i := slices.Index(words, value); i >= 0 {
			return i, nil
		}
		return 0, refuse(CodeForm, name, "is one of %s, not %q", strings.Join(words, ", "), value)
	}
	switch name {
	case "EXISTS_errorDeclaration":
		i, err := pick("false", "true")
		declared := i == 1
		q.Declared = &declared
		return err
	case "orderBy":
		i, err := pick("recordTime", "eventTime")
		q.ByEventTime = i == 1
		return err
	case "orderDirection":
		i, err := pick("DESC", "ASC")
		q.OldestFirst = i == 1
		return err
	case "perPage":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return refuse(CodeForm, name, "is a number from 1")
		}
		q.PerPage = min(n, MaxPerPage) // a page may always be shorter
		return nil
	case "nextPageToken":
		q.Token = value
		return nil
	}
	return refuse(CodeForm, name, "is no parameter that this answers")
}

// WantsKind reports whether records of a kind can be what is asked for. Those that
// take others back can be what their target is.
func (q *Query) WantsKind(spec *trace.KindSpec) bool {
	x := &spec.EPCIS
	switch x.Type {
	case "":
		return false
	case trace.EPCISDeclaration:
		return q.Declared == nil || *q.Declared
	}
	if q.Declared != nil && *q.Declared || !wants(q.Types, x.Type) || !wants(q.Actions, x.Action) {
		return false
	}
	return slices.ContainsFunc(stepsOf(x), func(s trace.EPCISStep) bool {
		return wants(q.Steps, s.Step) && wants(q.Dispositions, s.Disposition)
	})
}

// WantsFrame reports whether events with such a frame ([Writer.Frame]) can be what is
// asked for: it knows all but their goods, their ids, and what [Query.WantsKind] and
// the times of their record say.
func (q *Query) WantsFrame(e *Event) bool {
	if q.Declared != nil && *q.Declared != (e.Declaration != nil) {
		return false
	}
	return wants(q.Types, e.Type) && wants(q.Actions, e.Action) && wants(q.Steps, e.BizStep) && wants(q.Dispositions, e.Disposition) &&
		wantsPlace(q.Places, e.ReadPoint) && wantsPlace(q.Locations, e.BizLocation)
}

// WantsID reports whether an event has an id that is asked for.
func (q *Query) WantsID(e *Event) bool { return wants(q.IDs, e.EventID) }

func wants(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }

func wantsPlace(list []string, l *Location) bool {
	return len(list) == 0 || l != nil && slices.Contains(list, l.ID)
}

// WantsTime reports whether an event happened and was recorded when that is asked
// for.
func (q *Query) WantsTime(at, recorded int64) bool {
	return at >= q.From && (q.Before == 0 || at < q.Before) && recorded >= q.RecordedFrom && (q.RecordedBefore == 0 || recorded < q.RecordedBefore)
}

// A Pick says which parts of a record are asked for.
type Pick struct {
	From, To int  // from this one on, and before that one
	Back     bool // the last one first

	Only []int // these alone, ascending; nil: any

	// Wanted tells subjects that name goods that are asked for; nil: any. Where single
	// items are asked for, they are in Items, so that not every unit of a pattern has
	// to be looked at.
	Wanted func(trace.Subject) bool
	Items  []trace.Item
}

// Parts yields parts of a record one by one, and whether they are what is asked for:
// of those that are not, whoever asks decides how many to look at.
func (r *Record) Parts(p Pick) iter.Seq2[int, bool] {
	return func(yield func(int, bool) bool) {
		t := r.telling()
		if t == nil {
			return
		}
		all := &pieces{[]segment{{0, 1, t.Event.Subjects}}, 1}
		if t.aggregates() {
			all = t.pieces()
		}
		p.From, p.To = max(p.From, 0), min(p.To, all.count)
		for i := range p.order(len(all.segments)) {
			g := &all.segments[i]
			if p.To <= g.first || g.first+g.units <= p.From || p.Wanted != nil && !slices.ContainsFunc(g.subjects, p.Wanted) {
				continue
			}
			for n := range p.within(g) {
				if !yield(n, p.Wanted == nil || g.units == 1 || p.about(all, n)) {
					return
				}
			}
		}
	}
}

// about reports whether a unit of many tells of what is wanted.
func (p *Pick) about(all *pieces, n int) bool {
	one := all.at(n)
	return slices.ContainsFunc(one.told(), p.Wanted)
}

// order yields the numbers below n.
func (p *Pick) order(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if p.Back {
				i = n - 1 - i
			}
			if !yield(i) {
				return
			}
		}
	}
}

// within yields the pieces of a segment that may be asked for.
func (p *Pick) within(g *segment) iter.Seq[int] {
	from, to := max(p.From, g.first), min(p.To, g.first+g.units)
	list := p.Only
	if list == nil && g.units > 1 && len(p.Items) > 0 {
		list = g.about(p.Items)
	}
	return func(yield func(int) bool) {
		if list == nil {
			for i := range p.order(max(0, to-from)) {
				if !yield(from + i) {
					return
				}
			}
			return
		}
		for i := range p.order(len(list)) {
			if n := list[i]; from <= n && n < to && !yield(n) {
				return
			}
		}
	}
}

// about returns the pieces of a pattern or range that may name one of the items,
// ascending.
func (g *segment) about(items []trace.Item) []int {
	list := []int{}
	s := &g.subjects[0]
	for _, i := range items {
		switch {
		case s.Kind == trace.SubjectRange && s.Range.Has(i):
			list = append(list, g.first+int(i.Index-s.Range.From))
		case s.Kind == trace.SubjectPattern && s.Pattern.UnitRange().Has(i):
			list = append(list, g.first+int(i.Index-s.Pattern.UnitStart))
		case s.Kind == trace.SubjectPattern && s.Pattern.Range().Has(i):
			list = append(list, g.first+int((i.Index-s.Pattern.Start)/s.Pattern.Per))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// told are the subjects that say just what the piece does.
func (p *piece) told() []trace.Subject {
	if p.bare {
		return []trace.Subject{trace.Of(p.unit)}
	}
	list := make([]trace.Subject, len(p.contents))
	for i, c := range p.contents {
		list[i] = trace.Contents(p.unit, c)
	}
	return list
}

// A Thing is what an identifier in a question names.
type Thing struct {
	Link string     // of a code, to be resolved; then Item is empty
	Item trace.Item // otherwise
}

// ParseThing reads an EPC or class: a Digital Link, an EPC URN, or a private
// identifier of the network.
func ParseThing(network, uri string) (Thing, error) {
	t, err := newSpace(network).parseThing("epc", uri)
	return Thing{t.link, t.item}, err
}
