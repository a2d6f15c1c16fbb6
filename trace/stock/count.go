package stock

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// An Outcome is what one story comes to.
type Outcome struct {
	trace.Custody
	To     string  // the party to which it is on its way
	Place  string  // where the record that made it so says that it happened; "" on the way
	Since  *Record // that made it so; nil where nothing is known
	Active bool    // it was activated; [Outcome.Printed] says what counts

	Lot     string
	Expires string // last day of use (yyyy-mm-dd), or ""
	Region  string // of a sale
	Channel string // of a sale

	Verdict  trace.Verdict
	Findings []Finding
	Moves    []*Move         // in order
	Legs     []Leg           // in order
	Balances []trace.Balance // of a lot without serials

	// Places are those of sales that do not say in which region they were: what is
	// recorded of them says it.
	Places []string // <member>/<slug>

	lasting bool // see [Source]
}

// A Record is what figures say of the record behind them.
type Record struct {
	trace.Position
	ID       ledger.Hash
	Kind     ledger.Kind
	Member   string
	At       int64 // when it happened, ms since 1970 UTC
	Zone     int   // minutes east of UTC where it happened
	Recorded int64 // entry time, ms since 1970 UTC
}

// A Finding is a finding with the record that bears it.
type Finding struct {
	trace.Finding
	By *Record // nil if no record bears it
}

// A Move is goods that went from one party to another, or out of the chain and
// into it.
type Move struct {
	From, To string // "" is outside the tracked chain
	Region   string // of a sale
	*Record
}

// A Leg is what became of goods in one shipment: see [trace.Leg].
type Leg struct {
	Shipment, By trace.Position
	End          trace.End
	Unit         bool
}

// A State of printing is where a code is between printer and goods.
type Printing string

// The states of printing: each code of a run is in one.
const (
	Activated Printing = "activated" // put on goods, and not void
	Voided    Printing = "void"
	Open      Printing = "open" // neither
)

// Printed says where the code is between printer and goods.
func (o *Outcome) Printed() Printing {
	switch {
	case o.State == trace.Void:
		return Voided
	case o.Active || o.State != trace.Issued && o.State != "":
		return Activated
	}
	return Open
}

// A Cell is codes of a run with one story.
type Cell struct {
	*Outcome
	Count uint64
	First trace.Item // one of them
}

// A Memo keeps the outcomes of a run from one count to the next.
type Memo map[Signature]*Outcome

// A Tally is a run counted at a cut.
type Tally struct {
	Run   trace.Range // all of its codes
	Cells []Cell      // none twice, in the order of their first codes
	Memo  Memo        // for the next count
	Deps  Deps

	passing bool // some outcome is not lasting

	// The codes from pieces[i].from on, up to the next piece, are of a cell.
	pieces []piece
}

type piece struct {
	from uint32
	cell int
}

// At returns the cell of a code of the run by its index, nil if the tally has none.
func (t *Tally) At(index uint32) *Cell {
	after, _ := slices.BinarySearchFunc(t.pieces, index, func(p piece, index uint32) int {
		if p.from <= index {
			return -1
		}
		return 1
	})
	if after == 0 || index > t.Run.To {
		return nil
	}
	return &t.Cells[t.pieces[after-1].cell]
}

// Lasting reports whether the tally holds until an event comes on which it
// depends.
func (t *Tally) Lasting() bool { return !t.passing }

// Hauls says what became of the codes in shipments.
func (t *Tally) Hauls() []trace.Haul {
	type kind struct {
		Leg
		gtin gs1.GTIN
	}
	var list []trace.Haul
	at := make(map[kind]int)
	for i := range t.Cells {
		c := &t.Cells[i]
		for _, l := range c.Legs {
			k := kind{l, c.First.GTIN}
			n, known := at[k]
			if !known {
				n, at[k] = len(list), len(list)
				list = append(list, trace.Haul{Shipment: l.Shipment, By: l.By, End: l.End, Unit: l.Unit, First: c.First})
			}
			list[n].Count += c.Count
		}
	}
	return list
}

// Deps is what a tally depends on: whatever an event may name that changes it.
type Deps struct {
	on map[trace.Item]struct{}

	// every says that there are too many logistic units to list: all count.
	every bool
}

// Count says how things stand with every code of a range, which is a run or a
// part of one. Outcomes of the memo that still hold are not folded again; it may
// be nil. Count stops with the context's error: what it had folded by then is in
// the memo, so that a further call goes on.
func Count(ctx context.Context, src Source, r trace.Range, memo Memo) (*Tally, error) {
	c := newCounting(ctx, src, memo)
	cuts, err := c.atlas.cuts(r, 0, 0)
	if err != nil {
		return nil, err
	}
	t := &Tally{Run: r, Memo: make(Memo)}
	from := r.From
	for _, next := range append(cuts, r.To+1) {
		if err := c.add(t, trace.Code(r.GTIN, r.Run, from), uint64(next-from)); err != nil {
			return nil, err
		}
		from = next
	}
	t.Deps = c.atlas.deps()
	return t, nil
}

// CountUnits says how things stand with logistic units, as Count does with codes.
// Where one is in another both count, and what is in them is no part of it.
func CountUnits(ctx context.Context, src Source, units []trace.Item, memo Memo) (*Tally, error) {
	c := newCounting(ctx, src, memo)
	t := &Tally{Memo: make(Memo)}
	for _, unit := range units {
		if err := c.add(t, unit, 1); err != nil {
			return nil, err
		}
	}
	t.Deps = c.atlas.deps()
	return t, nil
}

// CountOne says how things stand with a logistic unit, or with a lot. An outcome
// of the memo that still holds is not folded again.
func CountOne(src Source, i trace.Item, memo Memo) (*Outcome, error) {
	c := newCounting(context.Background(), src, memo)
	s, err := c.atlas.tell(i, 0)
	if err != nil {
		return nil, err
	}
	sig := s.signature()
	if o := memo[sig]; o != nil && o.lasting {
		return o, nil
	}
	o, err := c.fold(s)
	if err == nil && memo != nil {
		memo[sig] = o
	}
	return o, err
}

// A counting is one count under way.
type counting struct {
	ctx   context.Context
	atlas *atlas
	old   Memo
	cells map[Signature]int

	// One record stands behind many outcomes, and many codes went the same ways.
	records map[trace.Position]*Record
	moves   map[Move]*Move
}

func newCounting(ctx context.Context, src Source, memo Memo) *counting {
	return &counting{ctx: ctx, atlas: newAtlas(src), old: memo, cells: map[Signature]int{},
		records: map[trace.Position]*Record{}, moves: map[Move]*Move{}}
}

// add counts codes that are alike.
func (c *counting) add(t *Tally, first trace.Item, n uint64) error {
	s, err := c.atlas.tell(first, 0)
	if err != nil {
		return err
	}
	sig := s.signature()
	at, known := c.cells[sig]
	if !known {
		at = len(t.Cells)
	}
	if first.Kind == trace.ItemCode {
		t.pieces = append(t.pieces, piece{first.Index, at})
	}
	if known {
		t.Cells[at].Count += n
		return nil
	}
	o := c.old[sig]
	if o == nil || !o.lasting {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if o, err = c.fold(s); err != nil {
			return err
		}
		if c.old != nil {
			c.old[sig] = o
		}
	}
	t.Memo[sig] = o
	t.passing = t.passing || !o.lasting
	c.cells[sig] = len(t.Cells)
	t.Cells = append(t.Cells, Cell{Outcome: o, Count: n, First: first})
	return nil
}

func (c *counting) fold(s *story) (*Outcome, error) {
	t, lasting, err := c.atlas.src.Fold(s.item, s.positions())
	if err != nil {
		return nil, fmt.Errorf("fold %s: %w", s.item, err)
	}
	o := c.outcomeOf(t)
	o.lasting = lasting
	return o, nil
}

// deps lists what the count has looked at.
func (a *atlas) deps() Deps {
	d := Deps{on: make(map[trace.Item]struct{}), every: len(a.heard) > maxDeps}
	for i := range a.sheets {
		d.on[i] = struct{}{}
	}
	for i := range a.about {
		d.on[i] = struct{}{}
	}
	if !d.every {
		maps.Copy(d.on, a.heard)
	}
	return d
}

// Touched returns what an event names, as tallies depend on it.
func Touched(e *trace.Event) []trace.Item {
	var list []trace.Item
	for _, k := range trace.IndexKeys(e) {
		switch k.Kind {
		case trace.KeyRange:
			list = append(list, trace.Code(k.Range.GTIN, k.Range.Run, 0))
		case trace.KeyRun:
			list = append(list, trace.Code(k.GTIN, k.Run, 0))
		case trace.KeySSCC:
			list = append(list, trace.Unit(k.SSCC))
		case trace.KeyLot:
			list = append(list, trace.Lot(k.GTIN, k.Lot))
		case trace.KeyGTIN:
			list = append(list, trace.Product(k.GTIN))
		}
	}
	return list
}

// On reports whether an event that touches these may change what depends on them.
func (d Deps) On(touched []trace.Item) bool {
	for _, i := range touched {
		if _, ok := d.on[i]; ok || d.every && i.Kind == trace.ItemSSCC {
			return true
		}
	}
	return false
}

// outcomeOf reads a trail.
func (c *counting) outcomeOf(t *trace.Trail) *Outcome {
	o := &Outcome{Custody: t.Custody, Lot: t.Lot(), Expires: t.Expires(), Active: t.Active != nil, Verdict: t.Verdict}
	since := t.Run
	if n := len(t.Steps); n > 0 {
		since, o.To = t.Steps[n-1].Event, t.Steps[n-1].To
	}
	if since != nil {
		o.Since = c.record(since)
		if o.State != trace.InTransit {
			o.Place = since.PlaceName()
		}
		if o.State == trace.Sold {
			o.Region, o.Channel = since.Fields.Text("region"), since.Fields.Text("channel")
		}
	}
	for _, e := range t.Events {
		if p := PlaceOfSale(e); p != "" && !slices.Contains(o.Places, p) {
			o.Places = append(o.Places, p)
		}
	}
	o.Moves = c.movesOf(t)
	o.Legs = legsOf(t)
	o.Findings = c.findingsOf(t)
	if t.Item.Kind == trace.ItemLot {
		o.Balances = t.Balances()
	}
	return o
}

// PlaceOfSale is the place of a sale that does not say in which region it was, else "".
func PlaceOfSale(e *trace.Event) string {
	if e.Kind != ledger.KindSell || e.Fields.Text("region") != "" {
		return ""
	}
	return e.PlaceName()
}

// RecordOf returns what figures say of an event.
func RecordOf(e *trace.Event) *Record {
	return &Record{Position: e.Position, ID: e.ID, Kind: e.Kind, Member: e.Member, At: e.At, Zone: e.Zone, Recorded: e.Recorded}
}

// record is RecordOf, once for each event.
func (c *counting) record(e *trace.Event) *Record {
	r := c.records[e.Position]
	if r == nil {
		r = RecordOf(e)
		c.records[e.Position] = r
	}
	return r
}

// move returns the one copy of a move.
func (c *counting) move(m Move) *Move {
	if known := c.moves[m]; known != nil {
		return known
	}
	c.moves[m] = &m
	return &m
}

// movesOf returns the steps at which somebody else got the item.
func (c *counting) movesOf(t *trace.Trail) []*Move {
	var list []*Move
	holder := ""
	if t.Run != nil {
		holder = t.Run.Actor()
	}
	for i, s := range t.Steps {
		if s.Holder == holder || i == 0 && t.Run == nil {
			holder = s.Holder
			continue
		}
		if s.State != trace.Void && s.State != trace.Used && !begins(s.Event.Kind) {
			list = append(list, c.move(Move{From: holder, To: s.Holder, Region: s.Event.Fields.Text("region"), Record: c.record(s.Event)}))
		}
		holder = s.Holder
	}
	return list
}

// begins reports whether records of a kind put codes to use: whoever does that
// holds them from then on, but no goods went to him.
func begins(k ledger.Kind) bool { return k == ledger.KindActivate || k == ledger.KindTransform }

// legsOf returns the legs of a trail.
func legsOf(t *trace.Trail) []Leg {
	var list []Leg
	for _, x := range t.Legs {
		l := Leg{End: x.End, Unit: x.Unit}
		if x.Shipment != nil {
			l.Shipment = x.Shipment.Position
		}
		if x.By != nil {
			l.By = x.By.Position
		}
		list = append(list, l)
	}
	return list
}

// findingsOf returns the findings of a trail, and those that rest on fields for
// parties, each with the record that bears it. Expiry is left out, as it depends
// on the day.
func (c *counting) findingsOf(t *trace.Trail) []Finding {
	all := append(slices.Clone(t.Findings), t.PartyFindings()...)
	if len(all) == 0 {
		return nil
	}
	byID := make(map[ledger.Hash]*trace.Event, len(t.Events)+1)
	if t.Run != nil {
		byID[t.Run.ID] = t.Run
	}
	for _, e := range t.Events {
		byID[e.ID] = e
	}
	list := make([]Finding, len(all))
	for i, f := range all {
		list[i].Finding = f
		if len(f.Records) > 0 && byID[f.Records[0]] != nil {
			list[i].By = c.record(byID[f.Records[0]])
		} else if t.Run != nil {
			list[i].By = c.record(t.Run)
		}
	}
	return list
}
