package epcis

import (
	"maps"
	"slices"
	"sort"

	"suyuan/trace"
)

// EPCIS has one event for each unit that is filled or emptied, where a record
// tells of many: by its contents, or all at once by a pattern.

// pieces are the units of a record's subjects, in an order that follows from them.
type pieces struct {
	segments []segment
	count    int
}

// A segment is one unit, or those of one pattern or range.
type segment struct {
	first    int // its first unit among those of the record
	units    int
	subjects []trace.Subject // that tell of it
}

// A piece is one unit.
type piece struct {
	unit     trace.Item
	contents []trace.Subject
	bare     bool            // a unit emptied as a whole
	of       []trace.Subject // the subjects that tell of it
	first    int             // the first piece of the same subjects
}

// piecesOf gathers the contents of each unit. Units come in the order of the
// subjects.
func piecesOf(subjects []trace.Subject) pieces {
	var p pieces
	at := make(map[trace.Item]int) // segment of a unit with contents
	for _, s := range subjects {
		units := 1
		switch s.Kind {
		case trace.SubjectContent:
			unit := itemOf(s.Unit)
			if i, ok := at[unit]; ok {
				p.segments[i].subjects = append(p.segments[i].subjects, s)
				continue
			}
			at[unit] = len(p.segments)
		case trace.SubjectPattern:
			units = int(s.Pattern.Units)
		case trace.SubjectRange:
			units = int(s.Range.Count())
		}
		p.segments = append(p.segments, segment{p.count, units, []trace.Subject{s}})
		p.count += units
	}
	return p
}

// itemOf is the one thing that a simple subject names.
func itemOf(s *trace.Subject) trace.Item {
	if s.Kind == trace.SubjectSSCC {
		return trace.Unit(s.SSCC)
	}
	return trace.Code(s.Range.GTIN, s.Range.Run, s.Range.From)
}

// at returns a piece, counted from 0.
func (p *pieces) at(n int) piece {
	i := sort.Search(len(p.segments), func(i int) bool { return p.segments[i].first+p.segments[i].units > n })
	g := &p.segments[i]
	s := &g.subjects[0]
	out := piece{of: g.subjects, first: g.first}
	switch s.Kind {
	case trace.SubjectContent:
		out.unit = itemOf(s.Unit)
		for _, x := range g.subjects {
			out.contents = append(out.contents, *x.Content)
		}
	case trace.SubjectPattern:
		out.unit, out.contents = inPattern(s.Pattern, uint32(n-g.first))
	case trace.SubjectRange:
		out.unit, out.bare = trace.Code(s.Range.GTIN, s.Range.Run, s.Range.From+uint32(n-g.first)), true
	default:
		out.unit, out.bare = trace.Unit(s.SSCC), true
	}
	return out
}

// empty reports whether there is nothing to tell of a piece. Only what is taken out
// may go without contents: that is all that is in the unit.
func (p *piece) empty() bool { return len(p.contents) == 0 && !p.bare }

// filled counts the pieces that are not empty, without looking at each.
func (p *pieces) filled() int {
	n := p.count
	for i := range p.segments {
		if s := &p.segments[i].subjects[0]; s.Kind == trace.SubjectPattern {
			n -= emptyIn(s.Pattern)
		}
	}
	return n
}

// emptyIn counts the units of a pattern that are all exceptions. Exceptions do not
// touch, so one alone covers a unit.
func emptyIn(p *trace.Pattern) int {
	n := 0
	for _, x := range p.Except {
		from, after := (x.From-p.Start+p.Per-1)/p.Per, (x.To+1-p.Start)/p.Per
		n += max(0, int(after)-int(from))
	}
	return n
}

// inPattern returns the i-th unit of a pattern with what is in it.
func inPattern(p *trace.Pattern, i uint32) (trace.Item, []trace.Subject) {
	from := p.Start + i*p.Per
	to := from + p.Per - 1
	var list []trace.Subject
	add := func(from, to uint32) {
		if from <= to {
			list = append(list, trace.OfRange(trace.Range{GTIN: p.GTIN, Run: p.Run, From: from, To: to}))
		}
	}
	first := sort.Search(len(p.Except), func(i int) bool { return p.Except[i].To >= from })
	for _, x := range p.Except[first:] {
		if x.From > to {
			break
		}
		if x.From > from {
			add(from, x.From-1)
		}
		from = x.To + 1
	}
	add(from, to)
	return trace.Code(p.UnitGTIN, p.UnitRun, p.UnitStart+i), list
}

func sortedNames(values trace.Values) []string { return slices.Sorted(maps.Keys(values)) }
