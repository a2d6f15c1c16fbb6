package sheet

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"suyuan/trace"
	"suyuan/trace/gs1"
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
		parts = append(parts, SubjectText(&r.Draft.Subjects[i]))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Draft.Fields)) {
		parts = append(parts, name+"="+fieldText(r.Draft.Fields[name]))
	}
	return strings.Join(parts, "  ")
}

// SubjectText writes a subject as [ParseSubject] reads it.
func SubjectText(s *trace.DraftSubject) string {
	switch {
	case s.URI != "":
		return s.URI
	case !s.SSCC.IsZero():
		return "(00)" + s.SSCC.String()
	case s.Pattern != nil:
		p := s.Pattern
		return fmt.Sprintf("%d units of %d: %s/%d/%d in %s/%d/%d", p.Count, p.Per, p.GTIN, p.Run, p.Start, p.UnitGTIN, p.UnitRun, p.UnitStart)
	case s.Unit != nil && s.Content != nil:
		return SubjectText(s.Content) + " in " + SubjectText(s.Unit)
	case s.Output != nil && s.Input != nil:
		return SubjectText(s.Output) + " of " + SubjectText(s.Input)
	case s.Lot != "":
		return fmt.Sprintf("%s lot %s", s.GTIN, s.Lot)
	case s.Run != nil && s.From != nil && s.To != nil:
		return fmt.Sprintf("%s/%d/%d-%d", s.GTIN, *s.Run, *s.From, *s.To)
	}
	return s.GTIN.String()
}

// patternForm is what SubjectText writes of a pattern.
var patternForm = regexp.MustCompile(`^(\d{1,8}) units of (\d{1,8}): (\d{8,14})/(\d{1,5})/(\d{1,8}) in (\d{8,14})/(\d{1,5})/(\d{1,8})$`)

// ParseSubject reads a subject as people write it, and as summaries show it: a link
// or element string, (00) and an SSCC, GTIN/RUN/FROM-TO, a GTIN, "GTIN lot LOT",
// "CONTENT in UNIT", "OUTPUT of INPUT", or "UNITS units of PER: GTIN/RUN/FIRST in
// UNIT-GTIN/RUN/FIRST" for cases that are filled one after the other.
func ParseSubject(text string) (*trace.DraftSubject, error) {
	s, fault := parseSubject(strings.TrimSpace(text))
	if fault != nil {
		return nil, fmt.Errorf("subject %q: %s", text, fault.en)
	}
	return s, nil
}

func parseSubject(text string) (*trace.DraftSubject, *misplaced) {
	if m := patternForm.FindStringSubmatch(text); m != nil {
		cells := make(subjectCells)
		for i, key := range []string{"units", "per unit", "gtin", "run", "first", "unit gtin", "unit run", "unit first"} {
			cells[key] = Cell{Text: m[i+1]}
		}
		return patternOf(cells)
	}
	if content, unit, ok := strings.Cut(text, " in "); ok {
		c, u, fault := parseBoth(content, unit)
		return &trace.DraftSubject{Content: c, Unit: u}, fault
	}
	if output, input, ok := strings.Cut(text, " of "); ok {
		o, i, fault := parseBoth(output, input)
		return &trace.DraftSubject{Output: o, Input: i}, fault
	}
	if gtin, lot, ok := strings.Cut(text, " lot "); ok {
		s, _, _, fault := readItem(subjectCells{"gtin": {Text: gtin}, "lot": {Text: lot}})
		return s, fault
	}
	if gtin, err := gs1.ParseGTIN(text); err == nil {
		return &trace.DraftSubject{GTIN: gtin}, nil
	}
	return codeOf("code", Cell{Text: text}, gs1.GTIN{})
}

func parseBoth(a, b string) (x, y *trace.DraftSubject, fault *misplaced) {
	if x, fault = parseSubject(a); fault == nil {
		y, fault = parseSubject(b)
	}
	return x, y, fault
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
