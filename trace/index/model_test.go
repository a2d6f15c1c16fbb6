package index

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
	"suyuan/trace/stock"
)

var (
	seed   = flag.Uint64("seed", 0, "seed of the model test; 0 takes some")
	worlds = flag.Int("worlds", 6, "worlds of the model test")
)

// TestModel compares every look-up with a slice of all events that is searched
// from end to end.
func TestModel(t *testing.T) {
	first := *seed
	n := *worlds
	if first == 0 {
		first = rand.Uint64N(1 << 32)
	} else {
		n = 1
	}
	for i := range n {
		s := first + uint64(i)
		t.Run(fmt.Sprint("seed=", s), func(t *testing.T) { testWorld(t, rand.New(rand.NewPCG(s, 0))) })
	}
}

func testWorld(t *testing.T, rnd *rand.Rand) {
	w := newWorld(rnd)
	x := openTest(t, Config{})
	w.apply(t, x)
	cuts := []map[uint32]uint64{nil, {}, w.randomCut(), w.randomCut()}
	for _, item := range w.items() {
		for _, cut := range cuts {
			w.checkGather(t, x, item, cut)
			w.checkNaming(t, x, item, cut)
		}
	}
	for range 60 {
		w.checkOverlapping(t, x, w.rng(), w.randomCut())
	}
	w.checkLookups(t, x)
	for _, cut := range cuts {
		w.checkMentions(t, x, cut)
	}
}

// A world is a network in little: few codes, units and lots, so that events meet.
type world struct {
	rnd    *rand.Rand
	runs   []runID
	sscc   []gs1.SSCC
	lots   []string
	chains map[uint32][]*trace.Event // nil for entries that are no events
}

func newWorld(rnd *rand.Rand) *world {
	w := &world{rnd: rnd, lots: []string{"A", "AB", "B"}, chains: map[uint32][]*trace.Event{}}
	w.runs = []runID{{product, 0}, {product, 1}, {caseOf, 0}, {caseOf, 7}}
	for n := uint64(100000000000000000); len(w.sscc) < 5; n++ {
		if s, err := gs1.SSCCFromUint64(n); err == nil {
			w.sscc = append(w.sscc, s)
		}
	}
	for range 20 + rnd.IntN(200) {
		chain := uint32(1 + rnd.IntN(3))
		w.chains[chain] = append(w.chains[chain], w.event(trace.Position{Chain: chain, Seq: uint64(len(w.chains[chain]))}))
	}
	return w
}

func pick[T any](w *world, list []T) T { return list[w.rnd.IntN(len(list))] }

func (w *world) event(pos trace.Position) *trace.Event {
	e := &trace.Event{Position: pos, Member: "wh", Fields: trace.Values{}}
	e.Hash = ledger.LeafHash(fmt.Append(nil, pos))
	switch w.rnd.IntN(16) {
	case 0:
		return nil
	case 1:
		e.Kind, e.Fields["gtin"] = ledger.KindProduct, pick(w, w.runs).gtin
		return e
	case 2:
		r := pick(w, w.runs)
		e.Kind, e.Fields["gtin"], e.Fields["run"] = ledger.KindRun, r.gtin, uint64(r.number)
		return e
	case 3:
		e.Kind, e.Fields["id"] = ledger.KindPlace, pick(w, w.lots)
		return e
	case 4:
		e.Kind, e.Fields["slug"] = ledger.KindParty, pick(w, w.lots)
		return e
	case 5:
		e.Kind, e.Subjects = ledger.KindInspect, []trace.Subject{trace.Of(trace.Product(product)), trace.Of(trace.Lot(product, pick(w, w.lots)))}
		return e
	case 6, 7:
		e.Kind, e.Fields["lot"] = ledger.KindActivate, pick(w, w.lots)
		e.Subjects = []trace.Subject{trace.OfRange(w.rng())}
		return e
	case 8:
		e.Kind, e.Subjects = ledger.KindPack, []trace.Subject{{Kind: trace.SubjectPattern, Pattern: w.pattern()}}
		return e
	case 11:
		e.Kind, e.Subjects = ledger.KindTransform, []trace.Subject{trace.Made(w.thing(), w.thing())}
		if w.rnd.IntN(2) == 0 {
			e.Fields["lot"] = pick(w, w.lots)
		}
		return e
	case 9, 10:
		e.Kind = ledger.KindUnpack
		for range 1 + w.rnd.IntN(3) {
			e.Subjects = append(e.Subjects, trace.Contents(w.unit(), w.content()))
		}
		return e
	}
	e.Kind = ledger.KindShip
	for range 1 + w.rnd.IntN(3) {
		e.Subjects = append(e.Subjects, w.thing())
	}
	return e
}

// rng returns a range of any length, most of them short and near the beginning.
func (w *world) rng() trace.Range {
	r := pick(w, w.runs)
	switch w.rnd.IntN(8) {
	case 0:
		return trace.Range{GTIN: r.gtin, Run: r.number, From: 0, To: 9_999_999}
	case 1:
		from := w.rnd.Uint32N(9_000_000)
		return trace.Range{GTIN: r.gtin, Run: r.number, From: from, To: from + w.rnd.Uint32N(1_000_000)}
	}
	from := w.rnd.Uint32N(60)
	return trace.Range{GTIN: r.gtin, Run: r.number, From: from, To: from + w.rnd.Uint32N(1<<w.rnd.IntN(6))}
}

func (w *world) pattern() *trace.Pattern {
	from, to := pick(w, w.runs[:2]), pick(w, w.runs[2:])
	p := &trace.Pattern{GTIN: from.gtin, Run: from.number, Start: w.rnd.Uint32N(30), Per: 1 + w.rnd.Uint32N(7),
		UnitGTIN: to.gtin, UnitRun: to.number, UnitStart: w.rnd.Uint32N(20), Units: 1 + w.rnd.Uint32N(9)}
	if w.rnd.IntN(2) == 0 {
		p.Except = []trace.Span{{From: p.Start, To: p.Start + w.rnd.Uint32N(p.Per*p.Units)}}
	}
	return p
}

func (w *world) unit() trace.Item {
	if w.rnd.IntN(2) == 0 {
		return trace.Unit(pick(w, w.sscc))
	}
	r := pick(w, w.runs[2:])
	return trace.Code(r.gtin, r.number, w.rnd.Uint32N(30))
}

func (w *world) content() trace.Subject {
	if w.rnd.IntN(6) == 0 {
		return trace.Of(trace.Lot(product, pick(w, w.lots)))
	}
	return w.thing()
}

func (w *world) thing() trace.Subject {
	if w.rnd.IntN(3) == 0 {
		return trace.Of(trace.Unit(pick(w, w.sscc)))
	}
	return trace.OfRange(w.rng())
}

// items returns all things in reach of the short ranges, and some others.
func (w *world) items() []trace.Item {
	list := []trace.Item{trace.Product(product), trace.Product(caseOf), trace.Code(product, 9, 0), {}}
	for _, r := range w.runs {
		for i := range uint32(95) {
			list = append(list, trace.Code(r.gtin, r.number, i))
		}
		list = append(list, trace.Code(r.gtin, r.number, w.rnd.Uint32N(10_000_000)))
	}
	for _, s := range w.sscc {
		list = append(list, trace.Unit(s))
	}
	for _, l := range w.lots {
		list = append(list, trace.Lot(product, l))
	}
	return list
}

func (w *world) randomCut() map[uint32]uint64 {
	cut := make(map[uint32]uint64)
	for chain, events := range w.chains {
		if w.rnd.IntN(4) > 0 {
			cut[chain] = w.rnd.Uint64N(uint64(len(events)) + 1)
		}
	}
	return cut
}

// apply hands the chains over in pieces that overlap.
func (w *world) apply(t *testing.T, x *Index) {
	t.Helper()
	for chain, events := range w.chains {
		for done := 0; done < len(events); {
			from := w.rnd.IntN(done + 1)
			to := from + w.rnd.IntN(len(events)-from+1)
			if err := x.Apply(chain, uint64(from), events[from:to]); err != nil {
				t.Fatal(err)
			}
			done = max(done, to)
		}
	}
}

// visible yields the events within a cut, patterns without their exceptions.
func (w *world) visible(cut map[uint32]uint64) []*trace.Event {
	var list []*trace.Event
	for chain, events := range w.chains {
		for seq, e := range events {
			if e != nil && (cut == nil || uint64(seq) < cut[chain]) {
				list = append(list, withoutExceptions(e))
			}
		}
	}
	return list
}

func withoutExceptions(e *trace.Event) *trace.Event {
	c := *e
	c.Subjects = slices.Clone(e.Subjects)
	for i, s := range c.Subjects {
		if s.Pattern != nil {
			p := *s.Pattern
			p.Except = nil
			c.Subjects[i].Pattern = &p
		}
	}
	return &c
}

func moves(e *trace.Event, i trace.Item) bool {
	return slices.ContainsFunc(e.Subjects, func(s trace.Subject) bool { return s.Moves(i) })
}

// gather is Gather by searching.
func (w *world) gather(item trace.Item, cut map[uint32]uint64) []trace.Position {
	set := make(map[trace.Position]struct{})
	events := w.visible(cut)
	depth := map[trace.Item]int{item: 0}
	queue := []trace.Item{item}
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, e := range events {
			if moves(e, at) || at == item && e.Covers(at) {
				set[e.Position] = struct{}{}
			}
			for _, up := range e.Units(at) {
				if _, seen := depth[up]; seen || depth[at] == trace.MaxNesting {
					continue
				}
				depth[up] = depth[at] + 1
				queue = append(queue, up)
			}
		}
	}
	for _, e := range events {
		if w.ofProduct(item, e) || w.ofLot(item, e, events) {
			set[e.Position] = struct{}{}
		}
	}
	return sorted(set)
}

func (w *world) ofProduct(item trace.Item, e *trace.Event) bool {
	if item.Kind == trace.ItemSSCC {
		return false
	}
	switch e.Kind {
	case ledger.KindProduct:
		return e.Fields.GTIN("gtin") == item.GTIN
	case ledger.KindRun:
		return item.Kind == trace.ItemCode && e.Fields.GTIN("gtin") == item.GTIN && e.Fields.Uint("run") == uint64(item.Run)
	}
	return moves(e, trace.Product(item.GTIN))
}

func (w *world) ofLot(item trace.Item, e *trace.Event, events []*trace.Event) bool {
	if item.Kind != trace.ItemCode {
		return false
	}
	for _, a := range events {
		if a.Lot() == "" || !moves(a, item) {
			continue
		}
		lot := trace.Of(trace.Lot(item.GTIN, a.Fields.Text("lot")))
		if slices.ContainsFunc(e.Subjects, func(s trace.Subject) bool { return s.Kind == lot.Kind && s.GTIN == lot.GTIN && s.Lot == lot.Lot }) {
			return true
		}
	}
	return false
}

func (w *world) checkGather(t *testing.T, x *Index, item trace.Item, cut map[uint32]uint64) {
	t.Helper()
	want := w.gather(item, cut)
	got, err := x.Gather(item, cut)
	if err != nil {
		t.Fatalf("gather %v at %v: %v", item, cut, err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("gather %v at %v:\n got %v\nwant %v", item, cut, got, want)
	}
}

func (w *world) checkNaming(t *testing.T, x *Index, item trace.Item, cut map[uint32]uint64) {
	t.Helper()
	set := make(map[trace.Position]struct{})
	for _, e := range w.visible(cut) {
		if e.Covers(item) || item.Kind == trace.ItemGTIN && w.ofProduct(item, e) {
			set[e.Position] = struct{}{}
		}
	}
	if got, err := x.Naming(item, cut); err != nil || !slices.Equal(got, sorted(set)) {
		t.Fatalf("naming %v at %v:\n got %v, %v\nwant %v", item, cut, got, err, sorted(set))
	}
}

func (w *world) checkOverlapping(t *testing.T, x *Index, rng trace.Range, cut map[uint32]uint64) {
	t.Helper()
	set := make(map[trace.Position]struct{})
	for _, e := range w.visible(cut) {
		for _, k := range trace.IndexKeys(e) {
			if k.Kind == trace.KeyRange && k.Range.Overlaps(rng) {
				set[e.Position] = struct{}{}
			}
		}
	}
	got, next, err := x.Overlapping(rng, cut, Cursor{})
	if err != nil || !next.Done() || !slices.Equal(got, sorted(set)) {
		t.Fatalf("overlapping %v at %v:\n got %v, %v\nwant %v", trace.OfRange(rng), cut, got, err, sorted(set))
	}
}

func (w *world) checkLookups(t *testing.T, x *Index) {
	t.Helper()
	cut := w.randomCut()
	matching := func(match func(e *trace.Event) bool) []trace.Position {
		set := make(map[trace.Position]struct{})
		for _, e := range w.visible(cut) {
			if match(e) {
				set[e.Position] = struct{}{}
			}
		}
		return sorted(set)
	}
	same := func(what string, got []trace.Position, err error, want []trace.Position) {
		t.Helper()
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%s at %v:\n got %v, %v\nwant %v", what, cut, got, err, want)
		}
	}
	for _, r := range w.runs {
		got, err := x.Run(r.gtin, r.number, cut)
		same("run", got, err, matching(func(e *trace.Event) bool {
			return e.Kind == ledger.KindRun && e.Fields.GTIN("gtin") == r.gtin && e.Fields.Uint("run") == uint64(r.number)
		}))
	}
	for _, slug := range w.lots {
		got, err := x.Place("wh", slug, cut)
		same("place", got, err, matching(func(e *trace.Event) bool { return e.Kind == ledger.KindPlace && e.Fields.Text("id") == slug }))
		got, err = x.Party("wh", slug, cut)
		same("party", got, err, matching(func(e *trace.Event) bool { return e.Kind == ledger.KindParty && e.Fields.Text("slug") == slug }))
	}
	for _, e := range w.visible(nil) {
		got, ok, err := x.Entry(e.Hash, cut)
		want := e.Kind == ledger.KindShip && e.Seq < cut[e.Chain]
		if err != nil || ok != want || ok && got != e.Position {
			t.Fatalf("entry at %v with cut %v: got %v, %t, %v", e.Position, cut, got, ok, err)
		}
	}
}

// checkMentions compares what package stock counts by with the subjects of all
// events.
func (w *world) checkMentions(t *testing.T, x *Index, cut map[uint32]uint64) {
	t.Helper()
	var runs []Run
	for _, r := range w.runs {
		w.checkMentionsOf(t, x, trace.Code(r.gtin, r.number, 0), cut)
		if slices.ContainsFunc(w.visible(cut), func(e *trace.Event) bool {
			return e.Kind == ledger.KindRun && e.Fields.GTIN("gtin") == r.gtin && e.Fields.Uint("run") == uint64(r.number)
		}) {
			runs = append(runs, Run{r.gtin, r.number})
		}
	}
	for _, s := range w.sscc {
		w.checkMentionsOf(t, x, trace.Unit(s), cut)
	}
	var lots []trace.Item
	for _, l := range []string{"A", "B", "AB"} { // by length, then text
		lot := trace.Lot(product, l)
		names := func(e *trace.Event) bool {
			return slices.ContainsFunc(trace.IndexKeys(e), func(k trace.Key) bool { return k.Kind == trace.KeyLot && k.Lot == l }) ||
				slices.ContainsFunc(e.Subjects, func(s trace.Subject) bool { return s.Moves(lot) })
		}
		if slices.ContainsFunc(w.visible(cut), names) {
			lots = append(lots, lot)
		}
	}
	if got, err := x.Lots(product, cut); err != nil || !slices.Equal(got, lots) {
		t.Errorf("lots at %v: got %v, %v, want %v", cut, got, err, lots)
	}
	var units []trace.Item
	for _, c := range w.sscc {
		if slices.ContainsFunc(w.visible(cut), func(e *trace.Event) bool { return e.Covers(trace.Unit(c)) }) {
			units = append(units, trace.Unit(c))
		}
	}
	if got, err := x.Units(cut); err != nil || !slices.Equal(got, units) {
		t.Errorf("units at %v: got %v, %v, want %v", cut, got, err, units)
	}
	got, err := x.Runs(gs1.GTIN{}, cut)
	if err != nil || !slices.Equal(got, runs) {
		t.Errorf("runs at %v: got %v, %v, want %v", cut, got, err, runs)
	}
}

func (w *world) checkMentionsOf(t *testing.T, x *Index, i trace.Item, cut map[uint32]uint64) {
	t.Helper()
	list, err := x.Mentions(i, cut)
	if err != nil {
		t.Fatal(err)
	}
	got, want := make(map[string]int), make(map[string]int)
	last := make(map[trace.Position]uint16)
	slices.SortStableFunc(list, func(a, b stock.Mention) int { return int(a.N) - int(b.N) })
	for _, m := range list {
		got[fmt.Sprint(m.Position, m.From, m.To, m.Role, m.Unit, m.Lot)] = 1
		last[m.Position] = m.N
	}
	name := func(e *trace.Event, s *trace.Subject, role stock.Role, unit trace.Item) {
		switch {
		case s.Kind == trace.SubjectRange && i.Kind == trace.ItemCode && s.Range.GTIN == i.GTIN && s.Range.Run == i.Run:
			want[fmt.Sprint(e.Position, s.Range.From, s.Range.To, role, unit, e.Lot())] = 1
		case s.Kind == trace.SubjectSSCC && i == trace.Unit(s.SSCC):
			want[fmt.Sprint(e.Position, 0, 0, role, unit, e.Lot())] = 1
		}
	}
	for _, e := range w.visible(cut) {
		for n := range e.Subjects {
			switch s := &e.Subjects[n]; s.Kind {
			case trace.SubjectContent:
				name(e, s.Unit, stock.Filled, trace.Item{})
				name(e, s.Content, stock.Content, unitItem(s.Unit))
			case trace.SubjectPattern:
				of, in := trace.OfRange(s.Pattern.UnitRange()), trace.OfRange(s.Pattern.Range())
				name(e, &of, stock.Filled, trace.Item{})
				name(e, &in, stock.Packed, trace.Code(s.Pattern.UnitGTIN, s.Pattern.UnitRun, s.Pattern.UnitStart))
			case trace.SubjectMade:
				name(e, s.Output, stock.Made, trace.Item{})
				name(e, s.Input, stock.Made, trace.Item{})
			default:
				name(e, s, stock.About, trace.Item{})
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("mentions of %v at %v:\n got %v\nwant %v", i, cut, got, want)
	}
}
