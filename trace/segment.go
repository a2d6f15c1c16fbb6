package trace

import (
	"fmt"
	"slices"

	"suyuan/ledger"
)

// A gathering collects own events about goods and the units around them.
type gathering struct {
	view     OwnView
	events   map[Position]*Event
	followed map[Item]bool // units
	pieces   int

	// Of ten million labels some hundred thousand are scrapped. What passes
	// over them need not be cut into pieces there.
	passing  bool
	scrapped []*Event
}

var errTooManyPieces = refuse(RefusedTooManyParts,
	"your records tell over %d pieces of these goods apart. Split the record.", maxSegments)

// collect gathers the events about a range or unit and returns where pieces of
// the range begin that the events treat differently.
func (g *gathering) collect(s Subject, depth int) ([]uint32, error) {
	if depth > MaxNesting || s.Kind != SubjectRange && s.Kind != SubjectSSCC {
		return nil, nil
	}
	events, err := g.view.Overlapping(s)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", s, err)
	}
	var cuts []uint32
	for _, e := range events {
		if g.passing && depth == 0 && scraps(s, e) {
			g.scrapped = append(g.scrapped, e)
			continue
		}
		g.events[e.Position] = e
		if e.Kind == ledger.KindCorrect {
			continue // it cuts where what it corrects does
		}
		for i := range e.Subjects {
			c, err := g.cut(s, &e.Subjects[i], depth)
			if err != nil {
				return nil, err
			}
			cuts = append(cuts, c...)
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	g.pieces += len(cuts)
	if g.pieces > maxSegments || len(g.events) > maxSegments {
		return nil, errTooManyPieces
	}
	return cuts, nil
}

// scraps reports whether all that an event does to s is to declare codes void.
func scraps(s Subject, e *Event) bool {
	return e.Kind == ledger.KindVoid && s.Kind == SubjectRange && !slices.ContainsFunc(e.Subjects, func(x Subject) bool { return x.Kind != SubjectRange })
}

// sift returns the events that do not merely scrap codes, and keeps of the others
// those that count.
func (g *gathering) sift(counting []*Event) []*Event {
	scrap := make(map[ledger.Hash]bool, len(g.scrapped))
	for _, e := range g.scrapped {
		scrap[e.ID] = true
	}
	g.scrapped = nil
	return slices.DeleteFunc(counting, func(e *Event) bool {
		if scrap[e.ID] {
			g.scrapped = append(g.scrapped, e)
		}
		return scrap[e.ID]
	})
}

// allVoid reports whether all codes of a range are scrapped.
func (g *gathering) allVoid(r Range) bool {
	var voids []Range
	for _, e := range g.scrapped {
		for i := range e.Subjects {
			if v := e.Subjects[i].Range; v.Overlaps(r) {
				voids = append(voids, v)
			}
		}
	}
	return len(voids) > 0 && slices.ContainsFunc(union(voids), func(v Range) bool { return v.From <= r.From && r.To <= v.To })
}

// cut returns where one subject of an event cuts s, and follows the unit into
// which it puts something of s upwards, once.
func (g *gathering) cut(s Subject, by *Subject, depth int) ([]uint32, error) {
	switch by.Kind {
	case SubjectRange:
		return ends(s, by.Range), nil
	case SubjectContent:
		cuts := append(g.ends(s, by.Content), g.ends(s, by.Unit)...)
		unit, _ := by.Unit.item()
		if !overlap(s, *by.Content) || g.followed[unit] {
			return cuts, nil
		}
		g.followed[unit] = true
		_, err := g.collect(*by.Unit, depth+1)
		return cuts, err
	case SubjectPattern:
		cuts := append(ends(s, by.Pattern.Range()), ends(s, by.Pattern.UnitRange())...)
		up, err := g.cutPattern(s, by.Pattern, depth)
		return append(cuts, up...), err
	case SubjectMade:
		return append(g.ends(s, by.Output), g.ends(s, by.Input)...), nil
	}
	return nil, nil
}

func (g *gathering) ends(s Subject, by *Subject) []uint32 {
	if by.Kind != SubjectRange {
		return nil
	}
	return ends(s, by.Range)
}

// cutPattern follows the units of the pattern that hold codes of s upwards and
// returns their pieces in terms of their contents.
func (g *gathering) cutPattern(s Subject, p *Pattern, depth int) ([]uint32, error) {
	contents := p.Range()
	if s.Kind != SubjectRange || !s.Range.Overlaps(contents) {
		return nil, nil
	}
	var cuts []uint32
	for _, x := range p.Except {
		cuts = append(cuts, ends(s, Range{p.GTIN, p.Run, x.From, x.To})...)
	}
	first := (max(s.Range.From, contents.From) - p.Start) / p.Per
	last := (min(s.Range.To, contents.To) - p.Start) / p.Per
	units := Range{p.UnitGTIN, p.UnitRun, p.UnitStart + first, p.UnitStart + last}
	above, err := g.collect(OfRange(units), depth+1)
	if err != nil {
		return nil, err
	}
	for _, u := range above {
		at := p.Start + (u-p.UnitStart)*p.Per
		if s.Range.From < at && at <= s.Range.To {
			cuts = append(cuts, at)
		}
	}
	return cuts, nil
}

// ends returns where a range begins and where it is over, as far as that is
// inside s.
func ends(s Subject, r Range) []uint32 {
	if s.Kind != SubjectRange || !s.Range.Overlaps(r) {
		return nil
	}
	var list []uint32
	if r.From > s.Range.From {
		list = append(list, r.From)
	}
	if r.To < s.Range.To {
		list = append(list, r.To+1)
	}
	return list
}

// overlap reports whether two simple subjects have something in common.
func overlap(a, b Subject) bool {
	if a.Kind == SubjectRange && b.Kind == SubjectRange {
		return a.Range.Overlaps(b.Range)
	}
	return a.Kind == SubjectSSCC && b.Kind == SubjectSSCC && a.SSCC == b.SSCC
}

// sorted returns the events and those that refs name, by entry time.
func (g *gathering) sorted(named map[ledger.Hash]*Event) []*Event {
	for _, e := range named {
		g.events[e.Position] = e
	}
	var list []*Event
	for _, e := range g.events {
		list = append(list, e)
	}
	slices.SortFunc(list, earlier)
	return list
}

// pieces returns one item for each piece of a subject.
func pieces(s Subject, cuts []uint32) []Item {
	if s.Kind != SubjectRange {
		i, _ := s.item()
		return []Item{i}
	}
	items := []Item{Code(s.Range.GTIN, s.Range.Run, s.Range.From)}
	for _, c := range cuts {
		items = append(items, Code(s.Range.GTIN, s.Range.Run, c))
	}
	return items
}

// extent returns the codes for which the i-th of the pieces stands.
func extent(s Subject, cuts []uint32, i int) Range {
	r := s.Range
	if i > 0 {
		r.From = cuts[i-1]
	}
	if i < len(cuts) {
		r.To = cuts[i] - 1
	}
	return r
}
