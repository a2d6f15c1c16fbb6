package trace

import (
	"cmp"
	"slices"
	"sort"

	"suyuan/trace/gs1"
)

// A sieve finds which of some things a subject may name, without comparing each
// with each: a record has up to 32,768 subjects, and anybody may write one about
// any code.
type sieve struct {
	things []Item
	at     map[Item]int        // number of each
	codes  map[sieveRun][]Item // those that are codes, by index
}

type sieveRun struct {
	gtin gs1.GTIN
	run  uint16
}

func newSieve(things []Item) *sieve {
	v := &sieve{things: things, at: make(map[Item]int, len(things)), codes: make(map[sieveRun][]Item)}
	for i, thing := range things {
		v.at[thing] = i
		if thing.Kind == ItemCode {
			r := sieveRun{thing.GTIN, thing.Run}
			v.codes[r] = append(v.codes[r], thing)
		}
	}
	for _, list := range v.codes {
		slices.SortFunc(list, func(a, b Item) int { return cmp.Compare(a.Index, b.Index) })
	}
	return v
}

// named returns the numbers of the things that a subject may name in any way,
// ascending, in the place of list.
func (v *sieve) named(list []int, s *Subject) []int {
	list = list[:0]
	switch s.Kind {
	case SubjectContent:
		list = v.simple(v.simple(list, s.Content), s.Unit)
	case SubjectPattern:
		list = v.inRange(v.inRange(list, s.Pattern.Range()), s.Pattern.UnitRange())
	case SubjectMade:
		list = v.simple(v.simple(list, s.Input), s.Output)
	default:
		list = v.simple(list, s)
	}
	if len(list) < 2 {
		return list
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// simple adds what a range, unit, lot or product names.
func (v *sieve) simple(list []int, s *Subject) []int {
	if s.Kind == SubjectRange {
		return v.inRange(list, s.Range)
	}
	if thing, ok := s.item(); ok {
		if i, there := v.at[thing]; there {
			list = append(list, i)
		}
	}
	return list
}

func (v *sieve) inRange(list []int, r Range) []int {
	codes := v.codes[sieveRun{r.GTIN, r.Run}]
	if len(codes) == 0 {
		return list
	}
	for _, thing := range codes[sort.Search(len(codes), func(i int) bool { return codes[i].Index >= r.From }):] {
		if thing.Index > r.To {
			break
		}
		list = append(list, v.at[thing])
	}
	return list
}
