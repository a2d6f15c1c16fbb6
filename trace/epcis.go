package trace

import (
	"cmp"
	"maps"
	"slices"
	"sort"

	"suyuan/trace/gs1"
)

// What follows says how the kinds of the table stand in EPCIS 2.0 events (GS1
// EPCIS 2.0 and CBV 2.0). Package trace/epcis reads and writes such events by
// these columns and has no list of kinds of its own.

// An EPCISEvent is the column of a kind. Step and Disposition are the short
// names of the Core Business Vocabulary.
type EPCISEvent struct {
	// Type is the type of event, or "" where None says why there is none.
	Type   string
	Action string // ADD, OBSERVE or DELETE; transformations have none

	Step, Disposition string

	// By names the field whose values in Instead have a step and a disposition of
	// their own.
	By      string
	Instead map[string]EPCISStep

	// Stays says that the goods are at the place afterwards: it is the event's
	// bizLocation besides its readPoint.
	Stays bool

	None Names // why records of the kind are no event of EPCIS
}

// Why some kinds have no event.
var (
	aboutRecords  = Names{Zh: "针对的是记录，不是货物", En: "it is about a record, not about goods"}
	masterData    = Names{Zh: "属于主数据，在 EPCIS 中写在文件头", En: "master data; EPCIS has it in headers"}
	networkRights = Names{Zh: "是本网络内的授权", En: "rights of this network"}
	codesOnly     = Names{Zh: "码还没有赋到货物上，而且只有发码节点能生成", En: "codes are not on goods yet, and only their issuing node can make them"}
	byConsumers   = Names{Zh: "暗码由消费者使用，不涉及上下游企业", En: "a second code is used by a consumer, who is nobody's partner"}
	pagesOnly     = Names{Zh: "是介绍货物的网页，由解析器写入链接集", En: "a page about goods; resolvers have it in link sets"}
)

// An EPCISStep is what was done, and what the goods are thereafter.
type EPCISStep struct{ Step, Disposition string }

// The types of EPCIS events that records become.
const (
	EPCISObject         = "ObjectEvent"
	EPCISAggregation    = "AggregationEvent"
	EPCISTransformation = "TransformationEvent"

	// EPCISDeclaration stands for the event that is declared an error, again, with
	// an errorDeclaration.
	EPCISDeclaration = "errorDeclaration"
)

// An EPCISHome is the column of a field: where in an event it stands. The zero
// value is an extension of our own namespace with the field's name.
type EPCISHome string

// The homes that the standard has.
const (
	HomeLot           EPCISHome = "ilmd cbvmda:lotNumber"
	HomeProduced      EPCISHome = "ilmd cbvmda:productionDate"
	HomeExpires       EPCISHome = "ilmd cbvmda:itemExpirationDate"
	HomeTo            EPCISHome = "destinationList possessing_party"
	HomeToPlace       EPCISHome = "destinationList location"
	HomeFrom          EPCISHome = "sourceList possessing_party"
	HomeNotice        EPCISHome = "bizTransactionList desadv"
	HomeWaybill       EPCISHome = "bizTransactionList bol"
	HomeOrder         EPCISHome = "bizTransactionList po"
	HomeCertificate   EPCISHome = "certificationInfo"
	HomeQuantity      EPCISHome = "quantityList"
	HomeDeclared      EPCISHome = "eventID"
	HomeCorrective    EPCISHome = "errorDeclaration correctiveEventIDs"
	HomeInDeclaration EPCISHome = "errorDeclaration"
)

// Steps lists all steps and dispositions that records of the kind have, each once,
// with the values of By for which they stand; that of all other values comes first.
func (e *EPCISEvent) Steps() []EPCISChoice {
	list := []EPCISChoice{{EPCISStep: EPCISStep{e.Step, e.Disposition}}}
	for _, v := range slices.Sorted(maps.Keys(e.Instead)) {
		list = append(list, EPCISChoice{v, e.Instead[v]})
	}
	return list
}

// An EPCISChoice is the step and disposition of one value of a field, or of all
// values that have none of their own.
type EPCISChoice struct {
	Value string
	EPCISStep
}

// Attribute is where a field stands, in words: the attribute of the standard, or our
// extension.
func (f *Field) Attribute() string { return cmp.Or(string(f.EPCIS), "suyuan:"+f.Name) }

// At returns step and disposition of records with these fields.
func (e *EPCISEvent) At(fields Values) EPCISStep {
	if s, ok := e.Instead[fields.Text(e.By)]; ok && e.By != "" {
		return s
	}
	return EPCISStep{e.Step, e.Disposition}
}

// Subject reads one of the JSON forms. resolve finds what a link names; without
// it links are refused. Errors wrap [ErrForm].
func (s *DraftSubject) Subject(resolve func(uri string) (Item, error)) (Subject, error) {
	subject, err := s.subject(resolve, 0)
	if err == nil {
		err = subject.Check()
	}
	return subject, err
}

// A RangeSet is codes of runs. The zero value has none.
type RangeSet struct {
	runs map[Range][]Range // by GTIN and run; ascending, without codes in common
}

// NewRangeSet returns the codes of some ranges.
func NewRangeSet(list []Range) *RangeSet {
	s := &RangeSet{runs: make(map[Range][]Range)}
	for _, r := range list {
		run := Range{GTIN: r.GTIN, Run: r.Run}
		s.runs[run] = append(s.runs[run], r)
	}
	for run, list := range s.runs {
		s.runs[run] = union(list)
	}
	return s
}

// Overlaps reports whether a subject names, in any way, a code of the set. It takes
// as many steps as the set has binary digits.
func (s *RangeSet) Overlaps(x *Subject) bool {
	switch x.Kind {
	case SubjectRange:
		return s.has(x.Range)
	case SubjectContent:
		return s.Overlaps(x.Content) || s.Overlaps(x.Unit)
	case SubjectPattern:
		return s.has(x.Pattern.Range()) || s.has(x.Pattern.UnitRange())
	case SubjectMade:
		return s.Overlaps(x.Input) || s.Overlaps(x.Output)
	}
	return false
}

func (s *RangeSet) has(r Range) bool {
	list := s.runs[Range{GTIN: r.GTIN, Run: r.Run}]
	i := sort.Search(len(list), func(i int) bool { return list[i].To >= r.From })
	return i < len(list) && list[i].From <= r.To
}

// OfProduct reports whether the subject names the product, goods of it by codes or
// lots, or units that have its codes.
func (s *Subject) OfProduct(g gs1.GTIN) bool {
	return slices.ContainsFunc(s.simple(), func(x Subject) bool {
		switch x.Kind {
		case SubjectRange:
			return x.Range.GTIN == g
		case SubjectLot, SubjectGTIN:
			return x.GTIN == g
		}
		return false
	})
}
