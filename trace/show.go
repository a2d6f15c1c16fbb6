package trace

import "slices"

// Draft returns the subject in its JSON form: a draft that has it is about the
// same.
func (s Subject) Draft() DraftSubject {
	switch s.Kind {
	case SubjectRange:
		r := s.Range
		return DraftSubject{GTIN: r.GTIN, Run: &r.Run, From: &r.From, To: &r.To}
	case SubjectSSCC:
		return DraftSubject{SSCC: s.SSCC}
	case SubjectLot:
		return DraftSubject{GTIN: s.GTIN, Lot: s.Lot}
	case SubjectContent:
		unit, content := s.Unit.Draft(), s.Content.Draft()
		return DraftSubject{Unit: &unit, Content: &content}
	case SubjectPattern:
		return DraftSubject{Pattern: s.Pattern.draft()}
	case SubjectMade:
		output, input := s.Output.Draft(), s.Input.Draft()
		return DraftSubject{Output: &output, Input: &input}
	}
	return DraftSubject{GTIN: s.GTIN}
}

func (p *Pattern) draft() *DraftPattern {
	d := &DraftPattern{GTIN: p.GTIN, Run: p.Run, Start: p.Start, Per: p.Per,
		UnitGTIN: p.UnitGTIN, UnitRun: p.UnitRun, UnitStart: p.UnitStart, Count: p.Units}
	for _, x := range p.Except {
		d.Except = append(d.Except, [2]uint32{x.From, x.To})
	}
	return d
}

// Concerns reports whether an event is the viewer's to see: members see all, who
// acts for one party what it did and what names it.
func (v Viewer) Concerns(e *Event) bool {
	return v.Member != "" || v.Party != "" && (e.Actor() == v.Party || slices.Contains(e.parties(), v.Party))
}
