package epcis

import (
	"maps"
	"slices"
	"strings"

	"suyuan/trace"
)

const (
	// ContextURL is the JSON-LD context of the standard.
	ContextURL = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"
	// contextStem begins the contexts of all its versions.
	contextStem = "https://ref.gs1.org/standards/epcis/"

	// Namespace is where our extension attributes are; Prefix is how documents that
	// we write abbreviate it.
	Namespace = "urn:suyuan:epcis:"
	Prefix    = "suyuan:"

	masterPrefix = "cbvmda:"
	masterData   = "urn:epcglobal:cbv:mda"

	// SchemaVersion is the version of the standard.
	SchemaVersion = "2.0"
)

// The names of our extension attributes besides those of fields.
const (
	extKind     = Prefix + "kind"
	extParty    = Prefix + "party"    // who acted, <member>[/<slug>]
	extRefs     = Prefix + "refs"     // leaf hashes of entries
	extSubjects = Prefix + "subjects" // what the record is about, as drafts write it
	extPart     = Prefix + "part"     // which of the events of one record this is
	extPlace    = Prefix + "place"    // in an errorDeclaration: where it was made
	extRecord   = Prefix + "record"   // id of the record
	extChain    = Prefix + "chain"    // the chain on which it stands
	extSeq      = Prefix + "seq"      // and where
	extState    = Prefix + "state"    // stored or final
	extErased   = Prefix + "erased"   // names of fields that were erased
)

// provenance are the attributes that say where a record came from. They are no part of
// what it says.
var provenance = []string{extRecord, extChain, extSeq, extState, extErased}

// A list is one list of the core business vocabulary: how its words begin in the
// two long spellings.
type list struct{ urn, curie string }

var (
	bizSteps     = list{"urn:epcglobal:cbv:bizstep:", "BizStep-"}
	dispositions = list{"urn:epcglobal:cbv:disp:", "Disp-"}
	transactions = list{"urn:epcglobal:cbv:btt:", "BTT-"}
	endpoints    = list{"urn:epcglobal:cbv:sdt:", "SDT-"}
	errorReasons = list{"urn:epcglobal:cbv:er:", "ER-"}
)

// short returns the short name of a word that is written in any of the ways in
// which documents write it.
func (l list) short(word string) string {
	for _, stem := range []string{l.urn, "https://ref.gs1.org/cbv/" + l.curie, "https://ns.gs1.org/cbv/" + l.curie, "cbv:" + l.curie} {
		if s, ok := strings.CutPrefix(word, stem); ok {
			return s
		}
	}
	return word
}

// Context is the JSON-LD context of what we write. Values that are more than text
// or a number are kept as they are.
func Context() []any {
	terms := map[string]any{strings.TrimSuffix(Prefix, ":"): Namespace}
	keep := func(name string) {
		terms[name] = map[string]string{"@id": Namespace + strings.TrimPrefix(name, Prefix), "@type": "@json"}
	}
	for _, name := range []string{extRefs, extSubjects, extPart, extErased} {
		keep(name)
	}
	for spec := range trace.Kinds() {
		if spec.EPCIS.Type == "" {
			continue
		}
		for i := range spec.Fields {
			if home := spec.Fields[i].EPCIS; home != "" && home != trace.HomeInDeclaration {
				continue
			}
			switch spec.Fields[i].Type {
			case trace.TypeNames, trace.TypeTexts, trace.TypeHashes, trace.TypeLines, trace.TypeCounts, trace.TypeTokens,
				trace.TypeLots, trace.TypeGTINs, trace.TypeRegions, trace.TypeQuantity:
				keep(Prefix + spec.Fields[i].Name)
			}
		}
	}
	keep(Prefix + "documents")
	return []any{ContextURL, terms}
}

// EventTypes returns the types of the events that records become, ascending.
func EventTypes() []string {
	types := make(map[string]bool)
	for spec := range trace.Kinds() {
		if t := spec.EPCIS.Type; t != "" && t != trace.EPCISDeclaration {
			types[t] = true
		}
	}
	return slices.Sorted(maps.Keys(types))
}

// words returns the steps, or the dispositions, of all kinds, ascending.
func words(of func(trace.EPCISStep) string) []string {
	seen := make(map[string]bool)
	for spec := range trace.Kinds() {
		seen[of(trace.EPCISStep{Step: spec.EPCIS.Step, Disposition: spec.EPCIS.Disposition})] = true
		for _, s := range spec.EPCIS.Instead {
			seen[of(s)] = true
		}
	}
	delete(seen, "")
	return slices.Sorted(maps.Keys(seen))
}

// BizSteps returns the business steps of the events that records become.
func BizSteps() []string { return words(func(s trace.EPCISStep) string { return s.Step }) }

// Dispositions returns their dispositions.
func Dispositions() []string { return words(func(s trace.EPCISStep) string { return s.Disposition }) }
