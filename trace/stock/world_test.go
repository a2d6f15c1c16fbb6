package stock

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run the model tests with this seed only")
	seedsFlag = flag.Uint64("seeds", 40, "run the model tests with so many seeds")
)

// The goods of the tests: bottles, what is made of them, and cases.
var (
	wine  = mustGTIN(6901234567892)
	boxes = mustGTIN(16901234567899)
	units = []gs1.SSCC{mustSSCC(69012340000000016), mustSSCC(69012340000000023)}
)

func mustGTIN(n uint64) gs1.GTIN {
	g, err := gs1.GTINFromUint64(n)
	if err != nil {
		panic(err)
	}
	return g
}

func mustSSCC(n uint64) gs1.SSCC {
	s, err := gs1.SSCCFromUint64(n)
	if err != nil {
		panic(err)
	}
	return s
}

// Runs of the tests, with their numbers of codes.
const (
	bottles, bottleCodes = 1, 48
	sets, setCodes       = 2, 16
	caseRun, caseCodes   = 1, 12
)

var chainOf = map[string]uint32{"audit": 1, "dist": 2, "lanzhi": 3, "wh": 4}

func testCharter() *ledger.Charter {
	c := &ledger.Charter{Version: 1, Name: "lanzhi.example", Settings: ledger.Settings{LateHours: 30}}
	for _, m := range []ledger.Member{
		{Slug: "audit", Role: ledger.Auditor},
		{Slug: "dist", Role: ledger.Distributor},
		{Slug: "lanzhi", Role: ledger.Brand, Prefixes: []string{"6901234"}},
		{Slug: "wh", Role: ledger.Warehouse},
	} {
		c.Members = append(c.Members, m)
		c.Nodes = append(c.Nodes, ledger.Node{Number: chainOf[m.Slug], Member: m.Slug})
	}
	return c
}

// A world is some chains of events, and a Source of them.
type world struct {
	charter *ledger.Charter
	now     int64
	size    map[uint32]uint64
	events  map[trace.Position]*trace.Event
	list    []*trace.Event
	named   map[trace.Item][]Mention // by run or unit
	told    map[trace.Item][]trace.Position
	hashes  map[ledger.Hash]bool
	folds   int
}

func newWorld() *world {
	w := &world{charter: testCharter(), now: 1_772_323_200_000, size: map[uint32]uint64{}, events: map[trace.Position]*trace.Event{},
		named: map[trace.Item][]Mention{}, told: map[trace.Item][]trace.Position{}, hashes: map[ledger.Hash]bool{}}
	w.do("lanzhi", ledger.KindProduct, nil, trace.Values{"gtin": wine, "version": uint64(1), "issuing_chain": uint64(3), "shelf_life_days": uint64(30)})
	w.do("lanzhi", ledger.KindProduct, nil, trace.Values{"gtin": boxes, "version": uint64(1), "issuing_chain": uint64(3)})
	return w
}

func (w *world) run(gtin gs1.GTIN, number, count uint64) {
	w.do("lanzhi", ledger.KindRun, nil, trace.Values{"gtin": gtin, "run": number, "count": count})
}

// do appends an event of a party to its member's chain.
func (w *world) do(party string, kind ledger.Kind, subjects []trace.Subject, fields trace.Values, refs ...ledger.Hash) *trace.Event {
	w.now += 1_800_000
	e := &trace.Event{Kind: kind, Member: party, At: w.now, Zone: 480, Recorded: w.now, Fields: fields, Subjects: subjects, Refs: refs}
	for i := range party {
		if party[i] == '/' {
			e.Member, e.Party = party[:i], party[i+1:]
		}
	}
	if e.Fields == nil {
		e.Fields = trace.Values{}
	}
	e.Chain = chainOf[e.Member]
	e.Seq = w.size[e.Chain]
	w.size[e.Chain]++
	e.Hash = sha256.Sum256(fmt.Append(nil, "entry", e.Chain, e.Seq))
	e.ID = sha256.Sum256(fmt.Append(nil, "record", e.Chain, e.Seq))
	w.add(e)
	return e
}

func (w *world) add(e *trace.Event) {
	w.events[e.Position], w.hashes[e.Hash] = e, true
	w.list = append(w.list, e)
	for _, k := range trace.IndexKeys(e) {
		switch k.Kind {
		case trace.KeyGTIN:
			w.tell(trace.Product(k.GTIN), e)
		case trace.KeyLot:
			w.tell(trace.Lot(k.GTIN, k.Lot), e)
		case trace.KeyRun:
			w.tell(trace.Code(k.GTIN, k.Run, 0), e)
		}
	}
	for i := range e.Subjects {
		w.mention(e, uint16(i), &e.Subjects[i])
	}
}

func (w *world) tell(i trace.Item, e *trace.Event) { w.told[i] = append(w.told[i], e.Position) }

func (w *world) mention(e *trace.Event, n uint16, s *trace.Subject) {
	m := Mention{Position: e.Position, N: n, Lot: e.Lot()}
	switch s.Kind {
	case trace.SubjectContent:
		m.Role = Filled
		w.name(s.Unit, m)
		m.Role, m.Unit = Content, trace.Code(s.Unit.Range.GTIN, s.Unit.Range.Run, s.Unit.Range.From)
		if s.Unit.Kind == trace.SubjectSSCC {
			m.Unit = trace.Unit(s.Unit.SSCC)
		}
		w.name(s.Content, m)
	case trace.SubjectPattern:
		p := s.Pattern
		of := trace.OfRange(p.UnitRange())
		m.Role = Filled
		w.name(&of, m)
		of = trace.OfRange(p.Range())
		m.Role, m.Unit, m.Per = Packed, trace.Code(p.UnitGTIN, p.UnitRun, p.UnitStart), p.Per
		w.name(&of, m)
	case trace.SubjectMade:
		m.Role = Made
		w.name(s.Output, m)
		w.name(s.Input, m)
	default:
		m.Role = About
		w.name(s, m)
	}
}

func (w *world) name(s *trace.Subject, m Mention) {
	var i trace.Item
	switch s.Kind {
	case trace.SubjectRange:
		i, m.From, m.To = trace.Code(s.Range.GTIN, s.Range.Run, 0), s.Range.From, s.Range.To
	case trace.SubjectSSCC:
		i = trace.Unit(s.SSCC)
	default:
		return
	}
	w.named[i] = append(w.named[i], m)
}

// at is the world as it was when its chains had some sizes.
type at struct {
	*world
	cut map[uint32]uint64
}

func (w *world) all() at { return at{w, maps.Clone(w.size)} }

func (a at) within(p trace.Position) bool { return p.Seq < a.cut[p.Chain] }

func (a at) Mentions(i trace.Item) ([]Mention, error) {
	return slices.DeleteFunc(slices.Clone(a.named[i]), func(m Mention) bool { return !a.within(m.Position) }), nil
}

func (a at) About(i trace.Item) ([]trace.Position, error) {
	return slices.DeleteFunc(slices.Clone(a.told[i]), func(p trace.Position) bool { return !a.within(p) }), nil
}

func (a at) Rewritten(trace.Position) uint64 { return 0 }

func (a at) Event(p trace.Position) (*trace.Event, error) { return a.events[p], nil }

func (a at) Fold(i trace.Item, list []trace.Position) (*trace.Trail, bool, error) {
	var events []*trace.Event
	for _, p := range list {
		events = append(events, a.events[p])
	}
	a.folds++
	t, lasting := a.fold(i, events)
	return t, lasting, nil
}

func (a at) fold(i trace.Item, events []*trace.Event) (*trace.Trail, bool) {
	lasting := true
	return trace.Fold(trace.Input{
		Item: i, Events: events, AsOf: a.cut, Charters: []*ledger.Charter{a.charter},
		Seen: func(p trace.Position, chain uint32) uint64 {
			if p.Seq%3 == 0 {
				return 0 // what a chain had seen last, of a few entries
			}
			return min(p.Seq/2, a.cut[chain])
		},
		Known: func(h ledger.Hash) bool {
			for p, e := range a.events {
				if e.Hash == h && a.within(p) {
					return true
				}
			}
			lasting = false
			return false
		},
	}), lasting
}

// random appends a random event by a random party: nobody asks whether it makes
// sense.
func (w *world) random(r *rand.Rand) {
	party := []string{"lanzhi", "lanzhi", "wh", "dist", "dist/store", "audit"}[r.IntN(6)]
	var refs []ledger.Hash
	if r.IntN(2) == 0 {
		refs = append(refs, w.list[r.IntN(len(w.list))].Hash)
	} else if r.IntN(12) == 0 {
		refs = append(refs, ledger.Hash{1, byte(r.IntN(3))}) // not here
	}
	lot := []string{"A", "B"}[r.IntN(2)]
	switch r.IntN(19) {
	case 0, 1:
		w.do("lanzhi", ledger.KindActivate, w.ranges(r), trace.Values{"lot": lot, "produced": "2026-03-01"})
	case 2:
		w.do(party, ledger.KindVoid, w.ranges(r), trace.Values{"reason": "damaged"})
	case 3, 4:
		w.do(party, ledger.KindPack, w.packing(r), nil)
	case 5:
		w.do(party, ledger.KindPack, w.pattern(r), nil)
	case 6:
		w.do(party, ledger.KindUnpack, w.packing(r), nil)
	case 7:
		w.do(party, ledger.KindUnpack, w.things(r), nil)
	case 8, 9, 10:
		w.do(party, ledger.KindShip, w.things(r), trace.Values{"purpose": "sale", "to": []string{"wh", "dist", "dist/store", "lanzhi"}[r.IntN(4)]})
	case 11, 12, 13:
		w.do(party, ledger.KindReceive, w.things(r), nil, refs...)
	case 14:
		w.do(party, ledger.KindSell, w.things(r), trace.Values{"channel": "store", "region": "440100"}, refs...)
	case 15:
		w.do(party, ledger.KindReturn, w.things(r), trace.Values{"condition": "unopened", "disposition": []string{"restock", "destroy"}[r.IntN(2)]})
	case 16:
		w.other(r, party, lot, refs)
	case 17:
		w.do([]string{"lanzhi", party}[r.IntN(2)], ledger.KindTransform, w.making(r), trace.Values{"type": "kit", "lot": "S"})
	case 18:
		old := w.list[r.IntN(len(w.list))]
		if old.Kind == ledger.KindRun || old.Kind == ledger.KindProduct || old.Kind == ledger.KindCorrect {
			return
		}
		fields := trace.Values{"target": old.ID, "reason": "typing"}
		if with := w.list[r.IntN(len(w.list))]; with.Kind == old.Kind {
			fields["replacement"] = with.ID
		}
		w.do(old.Actor(), ledger.KindCorrect, old.CorrectedSubjects(), fields)
	}
	e := w.list[len(w.list)-1]
	if r.IntN(4) == 0 {
		e.At -= r.Int64N(60 * 3_600_000) // a device that was offline
	}
}

func (w *world) other(r *rand.Rand, party, lot string, refs []ledger.Hash) {
	switch r.IntN(6) {
	case 0:
		w.do(party, ledger.KindHold, w.things(r), trace.Values{"reason": "check"})
	case 1:
		w.do("lanzhi", ledger.KindRelease, w.things(r), trace.Values{"reason": "checked"})
	case 2:
		w.do("lanzhi", ledger.KindHold, []trace.Subject{trace.Of(trace.Lot(wine, lot))}, trace.Values{"reason": "check"})
	case 3:
		w.do("lanzhi", ledger.KindRecall, []trace.Subject{trace.Of(trace.Product(wine))}, trace.Values{"lots": []string{lot}})
	case 4:
		w.do(party, ledger.KindInspect, w.things(r), trace.Values{"type": "quality", "result": "fail"})
	case 5:
		w.do(party, ledger.KindCancel, w.things(r), trace.Values{"reason": "mistake"}, refs...)
	}
}

// span is a random range of a run.
func span(r *rand.Rand, gtin gs1.GTIN, run uint16, count uint32) trace.Range {
	from := r.Uint32N(count)
	return trace.Range{GTIN: gtin, Run: run, From: from, To: min(count-1, from+r.Uint32N(1+r.Uint32N(count)))}
}

// ranges is one or two ranges of bottles, or of sets.
func (w *world) ranges(r *rand.Rand) []trace.Subject {
	if r.IntN(5) == 0 {
		return []trace.Subject{trace.OfRange(span(r, wine, sets, setCodes))}
	}
	a := span(r, wine, bottles, bottleCodes)
	list := []trace.Subject{trace.OfRange(a)}
	if a.To+2 < bottleCodes && r.IntN(2) == 0 {
		b := trace.Range{GTIN: wine, Run: bottles, From: a.To + 2, To: a.To + 2 + r.Uint32N(bottleCodes-a.To-2)}
		list = append(list, trace.OfRange(b))
	}
	return list
}

// things is bottles, sets, cases or a pallet.
func (w *world) things(r *rand.Rand) []trace.Subject {
	switch r.IntN(4) {
	case 0:
		return []trace.Subject{trace.OfRange(span(r, boxes, caseRun, caseCodes))}
	case 1:
		return []trace.Subject{trace.Of(trace.Unit(units[r.IntN(2)]))}
	}
	return w.ranges(r)
}

// packing is bottles in a case or on a pallet, or cases on a pallet, or both.
func (w *world) packing(r *rand.Rand) []trace.Subject {
	pallet, box := trace.Unit(units[r.IntN(2)]), trace.Code(boxes, caseRun, r.Uint32N(caseCodes))
	var list []trace.Subject
	if r.IntN(2) == 0 {
		list = append(list, trace.Contents(pallet, trace.OfRange(span(r, boxes, caseRun, caseCodes))))
	}
	if r.IntN(2) == 0 || len(list) == 0 {
		list = append(list, trace.Contents([]trace.Item{box, pallet}[r.IntN(2)], trace.OfRange(span(r, wine, bottles, bottleCodes))))
	}
	if r.IntN(2) == 0 {
		slices.Reverse(list)
	}
	return list
}

// pattern is cases of bottles.
func (w *world) pattern(r *rand.Rand) []trace.Subject {
	p := &trace.Pattern{GTIN: wine, Run: bottles, Per: 2 + r.Uint32N(3), UnitGTIN: boxes, UnitRun: caseRun, UnitStart: r.Uint32N(4), Units: 2 + r.Uint32N(6)}
	p.Start = r.Uint32N(bottleCodes - p.Per*p.Units)
	at := p.Start
	for range r.IntN(3) {
		from := at + r.Uint32N(5)
		to := from + r.Uint32N(3)
		if to > p.Range().To {
			break
		}
		p.Except = append(p.Except, trace.Span{From: from, To: to})
		at = to + 2
	}
	return []trace.Subject{{Kind: trace.SubjectPattern, Pattern: p}}
}

// making is sets made of bottles.
func (w *world) making(r *rand.Rand) []trace.Subject {
	n, k := 1+r.Uint32N(4), 1+r.Uint32N(3)
	out := trace.Range{GTIN: wine, Run: sets, From: r.Uint32N(setCodes - n*k)}
	in := trace.Range{GTIN: wine, Run: bottles, From: r.Uint32N(bottleCodes - n*k)}
	out.To, in.To = out.From+n-1, in.From+n*k-1
	if r.IntN(4) == 0 {
		out.To, in.To = out.From+n*k-1, in.From+n-1
	}
	return []trace.Subject{trace.Made(trace.OfRange(out), trace.OfRange(in))}
}
