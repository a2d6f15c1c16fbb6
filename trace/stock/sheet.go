package stock

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sort"

	"suyuan/ledger"
	"suyuan/trace"
)

// ErrTooMany is wrapped by the error for a run whose records cut it into more
// pieces than are looked at.
var ErrTooMany = errors.New("records cut the run into too many pieces")

// A sheet is one run, cut where the codes of a mention begin or end.
type sheet struct {
	mentions []Mention // in order
	starts   []uint32  // first code of each piece, ascending; the first is 0
	ends     []int     // of each piece's part of active
	active   []uint32  // numbers of the mentions that cover a piece, ascending
}

// newSheet cuts a run by the mentions of its codes.
func newSheet(mentions []Mention) (*sheet, error) {
	slices.SortFunc(mentions, compareMentions)
	s := &sheet{mentions: mentions, starts: []uint32{0}}
	byStart := make([]uint32, len(mentions))
	for i := range mentions {
		byStart[i] = uint32(i)
		s.starts = append(s.starts, mentions[i].From, mentions[i].To+1)
	}
	slices.Sort(s.starts)
	s.starts = slices.Compact(s.starts)
	slices.SortFunc(byStart, func(a, b uint32) int { return int(mentions[a].From) - int(mentions[b].From) })
	var open []uint32
	for _, start := range s.starts {
		open = slices.DeleteFunc(open, func(i uint32) bool { return mentions[i].To < start })
		for len(byStart) > 0 && mentions[byStart[0]].From == start {
			at, _ := slices.BinarySearch(open, byStart[0])
			open, byStart = slices.Insert(open, at, byStart[0]), byStart[1:]
		}
		s.active = append(s.active, open...)
		s.ends = append(s.ends, len(s.active))
		if len(s.active) > maxActive {
			return nil, fmt.Errorf("%w: over %d", ErrTooMany, maxActive)
		}
	}
	return s, nil
}

// piece returns the number of the piece with a code.
func (s *sheet) piece(code uint32) int {
	return sort.Search(len(s.starts), func(i int) bool { return s.starts[i] > code }) - 1
}

// cover returns the numbers of the mentions that cover a piece.
func (s *sheet) cover(piece int) []uint32 {
	from := 0
	if piece > 0 {
		from = s.ends[piece-1]
	}
	return s.active[from:s.ends[piece]]
}

// last returns the last code of a piece.
func (s *sheet) last(piece int) uint32 {
	if piece+1 < len(s.starts) {
		return s.starts[piece+1] - 1
	}
	return ^uint32(0)
}

// An atlas has the sheets of the runs at which a count looks.
type atlas struct {
	src    Source
	sheets map[trace.Item]*sheet           // by the run's code 0
	units  map[trace.Item][]Mention        // logistic units, some
	heard  map[trace.Item]struct{}         // all logistic units that were looked at
	events map[trace.Position]*trace.Event // packings and transforms, some
	about  map[trace.Item]*told
	pieces int
	story  story // the one that is told
}

func newAtlas(src Source) *atlas {
	return &atlas{src: src, sheets: map[trace.Item]*sheet{}, units: map[trace.Item][]Mention{}, heard: map[trace.Item]struct{}{},
		events: map[trace.Position]*trace.Event{}, about: map[trace.Item]*told{}}
}

func runOf(i trace.Item) trace.Item {
	i.Index = 0
	return i
}

// sheet returns the sheet of the run of a code.
func (a *atlas) sheet(code trace.Item) (*sheet, error) {
	run := runOf(code)
	if s := a.sheets[run]; s != nil {
		return s, nil
	}
	list, err := a.src.Mentions(run)
	if err != nil {
		return nil, err
	}
	var mentions []Mention
	for _, m := range list {
		if m.Role != Packed {
			mentions = append(mentions, m)
			continue
		}
		parts, err := a.packed(run, m)
		if err != nil {
			return nil, err
		}
		mentions = append(mentions, parts...)
	}
	s, err := newSheet(mentions)
	if err != nil {
		return nil, fmt.Errorf("%s run %d: %w", run.GTIN, run.Run, err)
	}
	a.sheets[run] = s
	return s, nil
}

// packed returns the parts of a pattern's mention that its exceptions leave.
func (a *atlas) packed(run trace.Item, m Mention) ([]Mention, error) {
	e, err := a.event(m.Position)
	if err != nil {
		return nil, err
	}
	m.base = m.From
	parts := []Mention{m}
	for i := range e.Subjects {
		p := e.Subjects[i].Pattern
		if p == nil || p.Range() != (trace.Range{GTIN: run.GTIN, Run: run.Run, From: m.From, To: m.To}) {
			continue
		}
		for _, x := range p.Except {
			rest := parts[len(parts)-1]
			parts = parts[:len(parts)-1]
			if rest.From < x.From {
				left := rest
				left.To = x.From - 1
				parts = append(parts, left)
			}
			if x.To < rest.To {
				rest.From = x.To + 1
				parts = append(parts, rest)
			}
			if x.To >= m.To {
				break // exceptions ascend
			}
		}
	}
	return parts, nil
}

// ofUnit returns how events name a logistic unit, in order.
func (a *atlas) ofUnit(i trace.Item) ([]Mention, error) {
	if list, ok := a.units[i]; ok {
		return list, nil
	}
	list, err := a.src.Mentions(i)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, compareMentions)
	if len(a.units) >= maxKept {
		clear(a.units)
	}
	a.units[i] = list
	if len(a.heard) <= maxDeps {
		a.heard[i] = struct{}{}
	}
	return list, nil
}

// event reads an event that says more than its mentions.
func (a *atlas) event(pos trace.Position) (*trace.Event, error) {
	if e := a.events[pos]; e != nil {
		return e, nil
	}
	e, err := a.src.Event(pos)
	if err != nil {
		return nil, err
	}
	if len(a.events) >= maxKept {
		clear(a.events)
	}
	a.events[pos] = e
	return e, nil
}

// A told is what is told of a product, lot or run as such.
type told struct {
	at  []trace.Position
	sum [sha256.Size]byte // over whom and where
}

func (a *atlas) told(i trace.Item) (*told, error) {
	if t := a.about[i]; t != nil {
		return t, nil
	}
	at, err := a.src.About(i)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(at, trace.Position.Compare)
	b := append([]byte{byte(i.Kind)}, i.String()...)
	for _, p := range at {
		b = a.appendPosition(b, p)
	}
	a.about[i] = &told{at, sha256.Sum256(b)}
	return a.about[i], nil
}

// cuts returns the codes of a range, after its first, at which what records say
// may change. depth counts units, and made how often something was made.
func (a *atlas) cuts(r trace.Range, depth, made int) ([]uint32, error) {
	s, err := a.sheet(trace.Code(r.GTIN, r.Run, r.From))
	if err != nil {
		return nil, err
	}
	var list []uint32
	for piece := s.piece(r.From); piece < len(s.starts) && s.starts[piece] <= r.To; piece++ {
		part := r
		part.From, part.To = max(r.From, s.starts[piece]), min(r.To, s.last(piece))
		if part.From > r.From {
			list = append(list, part.From)
		}
		if a.pieces++; a.pieces > maxCells {
			return nil, fmt.Errorf("%s run %d: %w: over %d", r.GTIN, r.Run, ErrTooMany, maxCells)
		}
		if part.From == part.To {
			continue
		}
		for _, n := range s.cover(piece) {
			more, err := a.within(part, &s.mentions[n], depth, made)
			if err != nil {
				return nil, err
			}
			list = append(list, more...)
		}
		more, err := a.apart(part, s, piece, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// apart returns the cuts of a part whose codes were packed by several patterns
// that may lead to one unit: for some codes they do and for others not, so that
// each unit stands alone.
func (a *atlas) apart(part trace.Range, s *sheet, piece, depth int) ([]uint32, error) {
	var packed []*Mention
	for _, n := range s.cover(piece) {
		if s.mentions[n].Role == Packed {
			packed = append(packed, &s.mentions[n])
		}
	}
	if len(packed) < 2 || depth >= trace.MaxNesting {
		return nil, nil
	}
	reached := make([]map[trace.Item]bool, len(packed))
	for i, m := range packed {
		reached[i] = make(map[trace.Item]bool)
		if err := a.reach(part, m, depth, reached[i]); err != nil {
			return nil, err
		}
	}
	var list []uint32
	for i, m := range packed {
		meets := func(other map[trace.Item]bool) bool {
			for run := range other {
				if reached[i][run] {
					return true
				}
			}
			return false
		}
		if !slices.ContainsFunc(reached[:i], meets) && !slices.ContainsFunc(reached[i+1:], meets) {
			continue
		}
		for at := m.base + ((part.From-m.base)/m.Per+1)*m.Per; at <= part.To; at += m.Per {
			list = append(list, at)
		}
	}
	a.pieces += len(list)
	return list, nil
}

// reach adds the runs of the units that hold codes of a part by a pattern, and
// of those around these.
func (a *atlas) reach(part trace.Range, m *Mention, depth int, runs map[trace.Item]bool) error {
	first := m.unitOf(part.From)
	runs[runOf(first)] = true
	if depth+1 >= trace.MaxNesting {
		return nil
	}
	s, err := a.sheet(first)
	if err != nil {
		return err
	}
	units := trace.Range{GTIN: first.GTIN, Run: first.Run, From: first.Index, To: m.unitOf(part.To).Index}
	for piece := s.piece(units.From); piece < len(s.starts) && s.starts[piece] <= units.To; piece++ {
		if a.pieces++; a.pieces > maxCells {
			return fmt.Errorf("%s run %d: %w: over %d", units.GTIN, units.Run, ErrTooMany, maxCells)
		}
		above := units
		above.From, above.To = max(units.From, s.starts[piece]), min(units.To, s.last(piece))
		for _, n := range s.cover(piece) {
			if s.mentions[n].Role != Packed {
				continue
			}
			if err := a.reach(above, &s.mentions[n], depth+1, runs); err != nil {
				return err
			}
		}
	}
	return nil
}

// within returns the cuts of a part of a run that a mention brings in from
// elsewhere.
func (a *atlas) within(part trace.Range, m *Mention, depth, made int) ([]uint32, error) {
	switch {
	case m.Role == Packed && depth < trace.MaxNesting:
		return a.cutsOfUnits(part, m, depth, made)
	case m.Role == Made && made < trace.MaxSourceDepth && depth == 0:
		return a.cutsOfSources(part, m, made)
	}
	return nil, nil
}

func (a *atlas) cutsOfUnits(part trace.Range, m *Mention, depth, made int) ([]uint32, error) {
	first := m.unitOf(part.From)
	units := trace.Range{GTIN: first.GTIN, Run: first.Run, From: first.Index, To: m.unitOf(part.To).Index}
	above, err := a.cuts(units, depth+1, made)
	for i, u := range above {
		above[i] = m.base + (u-m.Unit.Index)*m.Per
	}
	return above, err
}

// cutsOfSources returns where what went into the codes of a part changes.
func (a *atlas) cutsOfSources(part trace.Range, m *Mention, made int) ([]uint32, error) {
	e, err := a.event(m.Position)
	if err != nil || e.Kind != ledger.KindTransform {
		return nil, err
	}
	var list []uint32
	for i := range e.Subjects {
		s := &e.Subjects[i]
		if s.Kind != trace.SubjectMade || s.Output.Kind != trace.SubjectRange || s.Input.Kind != trace.SubjectRange || !s.Output.Range.Overlaps(part) {
			continue
		}
		cuts, err := a.cuts(s.Input.Range, 0, made+1)
		if err != nil {
			return nil, err
		}
		for _, c := range cuts {
			for _, at := range outputsAt(s.Output.Range, s.Input.Range, c) {
				if part.From < at && at <= part.To {
					list = append(list, at)
				}
			}
		}
	}
	return list, nil
}

// outputsAt returns where outputs are cut if their inputs are cut at a code. An
// output whose inputs are on both sides stands alone.
func outputsAt(out, in trace.Range, cut uint32) []uint32 {
	at := cut - in.From
	per := in.Count() / out.Count()
	switch {
	case per == 0:
		return []uint32{out.From + at*(out.Count()/in.Count())}
	case at%per == 0:
		return []uint32{out.From + at/per}
	}
	return []uint32{out.From + at/per, out.From + at/per + 1}
}
