package trace

import (
	"slices"

	"suyuan/ledger"
)

// madeFrom returns what of the subject's inputs went into the item, if the item
// is among its outputs. Codes go to codes by arithmetic: of six inputs for each
// output, output 2 has the inputs 12 to 17.
func (s Subject) madeFrom(i Item) (Subject, bool) {
	if s.Kind != SubjectMade || !s.Output.names(i) {
		return Subject{}, false
	}
	if s.Output.Kind != SubjectRange || s.Input.Kind != SubjectRange {
		return *s.Input, true
	}
	out, in := s.Output.Range, s.Input.Range
	at := i.Index - out.From
	if per := in.Count() / out.Count(); per > 0 {
		from := in.From + at*per
		return OfRange(Range{in.GTIN, in.Run, from, from + per - 1}), true
	}
	from := in.From + at/(out.Count()/in.Count())
	return OfRange(Range{in.GTIN, in.Run, from, from}), true
}

// consumes reports whether the item is among the subject's inputs.
func (s Subject) consumes(i Item) bool { return s.Kind == SubjectMade && s.Input.names(i) }

// sources returns the first things that the event says went into the item.
func (e *Event) sources(i Item) []Item {
	var list []Item
	for _, s := range e.Subjects {
		in, ok := s.madeFrom(i)
		if !ok {
			continue
		}
		if in.Kind != SubjectRange {
			one, _ := in.item()
			list = append(list, one)
			continue
		}
		for n := range min(in.Range.Count(), MaxSources) {
			list = append(list, Code(in.Range.GTIN, in.Range.Run, in.Range.From+n))
		}
	}
	return list[:min(len(list), MaxSources)]
}

// SourcesOf returns what the events say went into an item, and into that, as deep
// as a trail follows: each once, the nearest first.
func SourcesOf(item Item, events []*Event) []Item {
	all := []Item{item}
	for depth, from := 0, 0; depth < MaxSourceDepth; depth++ {
		fresh := all[from:]
		from = len(all)
		for _, i := range fresh {
			for _, e := range events {
				if e.Kind != ledger.KindTransform {
					continue
				}
				for _, source := range e.sources(i) {
					if !slices.Contains(all, source) && len(all) <= maxSourcesInAll {
						all = append(all, source)
					}
				}
			}
		}
	}
	return all[1:]
}

// WithSources adds to the events gathered for an item those of what went into
// it, and so on as deep as a trail follows. gather returns what an index has for
// an item; what it cannot find is no error.
func WithSources(item Item, events []*Event, gather func(Item) ([]*Event, error)) ([]*Event, error) {
	seen := map[Item]bool{item: true}
	fresh := []Item{item}
	for range MaxSourceDepth {
		var next []Item
		for _, i := range fresh {
			for _, e := range events {
				if e.Kind != ledger.KindTransform {
					continue
				}
				for _, source := range e.sources(i) {
					if !seen[source] && len(seen) <= maxSourcesInAll {
						seen[source] = true
						next = append(next, source)
					}
				}
			}
		}
		for _, i := range next {
			more, err := gather(i)
			if err != nil {
				return nil, err
			}
			events = append(events, more...)
		}
		fresh = next
	}
	return events, nil
}

// addSources folds what went into the item, and takes over what the public must
// know of that.
func (f *folder) addSources(m *machine) {
	if m.made == nil || f.depth == MaxSourceDepth {
		return
	}
	made := f.fixes.shown(m.made)
	for _, item := range made.sources(f.in.Item) {
		in := f.in
		in.Item, in.URI, in.Serial, in.Absent, in.BadPack = item, "", "", false, false
		source := fold(in, f.depth+1)
		f.trail.Sources = append(f.trail.Sources, source)
		for i := range source.Findings {
			f.takeOver(made, &source.Findings[i])
		}
	}
}

// takeOver makes a finding about a source one about the item.
func (f *folder) takeOver(made *Event, x *Finding) {
	switch {
	case x.Code == IsRecalled, x.Code == SourceRecalled:
		y := *x
		y.Code = SourceRecalled
		f.other = append(f.other, y)
	case x.Audience != ledger.Public || x.Severity.rank() < Warning.rank(),
		slices.Contains([]string{Relabelled, NotActive, Guessable, BadPack}, x.Code):
	default:
		y := newFinding(SourceWarning, made)
		y.Records = append(y.Records, x.Records...)
		f.other = append(f.other, y)
	}
}
