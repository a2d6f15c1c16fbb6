package sheet

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"suyuan/trace"
)

// maxSummed is how many subjects a summary names.
const maxSummed = 5

// Summary says in one line what the record says: number, time, subjects,
// fields.
func (r *Record) Summary() string {
	var parts []string
	if r.Document != "" {
		parts = append(parts, "document "+r.Document)
	}
	if r.Draft.At != nil {
		parts = append(parts, r.Draft.At.Format(time.RFC3339))
	}
	for _, who := range []struct{ name, value string }{{"party", r.Draft.Party}, {"place", r.Draft.Place}} {
		if who.value != "" {
			parts = append(parts, who.name+"="+who.value)
		}
	}
	for i := range r.Draft.Subjects {
		if i == maxSummed {
			parts = append(parts, fmt.Sprintf("and %d subjects more", len(r.Draft.Subjects)-i))
			break
		}
		parts = append(parts, subjectText(&r.Draft.Subjects[i]))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Draft.Fields)) {
		parts = append(parts, name+"="+fieldText(r.Draft.Fields[name]))
	}
	return strings.Join(parts, "  ")
}

func subjectText(s *trace.DraftSubject) string {
	switch {
	case s.URI != "":
		return s.URI
	case !s.SSCC.IsZero():
		return "(00)" + s.SSCC.String()
	case s.Pattern != nil:
		p := s.Pattern
		return fmt.Sprintf("%d units of %d: %s/%d/%d in %s/%d/%d", p.Count, p.Per, p.GTIN, p.Run, p.Start, p.UnitGTIN, p.UnitRun, p.UnitStart)
	case s.Unit != nil && s.Content != nil:
		return subjectText(s.Content) + " in " + subjectText(s.Unit)
	case s.Output != nil && s.Input != nil:
		return subjectText(s.Output) + " of " + subjectText(s.Input)
	case s.Lot != "":
		return fmt.Sprintf("%s lot %s", s.GTIN, s.Lot)
	case s.Run != nil && s.From != nil && s.To != nil:
		return fmt.Sprintf("%s/%d/%d-%d", s.GTIN, *s.Run, *s.From, *s.To)
	}
	return s.GTIN.String()
}

func fieldText(v any) string {
	if s, ok := v.(string); ok && !strings.ContainsAny(s, " \n") {
		return s
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "?" // what has no JSON was refused before
	}
	return string(raw)
}
