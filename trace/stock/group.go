package stock

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"suyuan/trace"
)

// A Dim is one thing by which figures are told apart. Its name is stable.
type Dim string

// The dimensions. Those of the record are about the one that made custody as it
// is, or that moved the goods.
const (
	ByParty    Dim = "party"    // who holds it: <member>[/<slug>]; of a sale who sold it
	ByMember   Dim = "member"   // the member that holds it, or that hosts who does
	ByState    Dim = "state"    // see trace.State
	ByPlace    Dim = "place"    // <member>/<slug>
	ByProduct  Dim = "product"  // GTIN
	ByRun      Dim = "run"      // GTIN/run
	ByLot      Dim = "lot"      //
	ByTo       Dim = "to"       // on its way to
	ByRegion   Dim = "region"   // of a sale
	ByChannel  Dim = "channel"  // of a sale
	ByDay      Dim = "day"      // of the record, where it happened: yyyy-mm-dd
	ByMonth    Dim = "month"    // yyyy-mm
	ByAge      Dim = "age"      // days since the record: see Ages
	ByExpires  Dim = "expires"  // last day of use
	ByExpired  Dim = "expired"  // yes, no, or "" where it is not known
	ByVerdict  Dim = "verdict"  // see trace.Verdict
	ByPrinted  Dim = "printed"  // see Printing
	ByRecord   Dim = "record"   // id
	ByKind     Dim = "kind"     // of the record
	ByFrom     Dim = "from"     // moves: who had it before
	ByReceived Dim = "received" // moves: who got it
)

// Dims are the dimensions of stock, MoveDims those of moves.
var (
	Dims = []Dim{ByParty, ByMember, ByState, ByPlace, ByProduct, ByRun, ByLot, ByTo, ByRegion, ByChannel, ByDay, ByMonth, ByAge,
		ByExpires, ByExpired, ByVerdict, ByPrinted, ByRecord, ByKind}
	MoveDims = []Dim{ByFrom, ByReceived, ByProduct, ByRun, ByLot, ByRegion, ByDay, ByMonth, ByRecord, ByKind}
)

// Ages are the bounds of the age groups, in days: up to 30, 31 to 60, and so on.
var Ages = []int{30, 60, 90, 180, 365}

// A Filter says which items count: those that have one of the values of each
// dimension named. Whose empty means everybody.
type Filter struct {
	Values map[Dim][]string
	// Party keeps to what a party holds, or what is on its way to it; "" does not.
	Party string
	// Now is the time from which ages are counted, ms since 1970 UTC.
	Now int64
}

// A Row is one figure: so many codes with these values.
type Row struct {
	Key            []string // a value for each dimension asked for
	Count          uint64
	Oldest, Newest int64 // times of the records behind it, ms since 1970 UTC
}

// Groups adds cells up.
type Groups struct {
	dims  []Dim
	moves bool
	rows  map[string]*Row
}

// NewGroups adds up how things stand, by some dimensions.
func NewGroups(dims []Dim) *Groups { return &Groups{dims: dims, rows: map[string]*Row{}} }

// NewMoveGroups adds up how goods moved.
func NewMoveGroups(dims []Dim) *Groups {
	return &Groups{dims: dims, moves: true, rows: map[string]*Row{}}
}

// Add adds a tally. Codes of which nobody has said anything that counts are no
// stock.
func (g *Groups) Add(t *Tally, f Filter) {
	for i := range t.Cells {
		c := &t.Cells[i]
		if !g.moves {
			g.add(c, nil, f)
			continue
		}
		for n := range c.Moves {
			g.add(c, c.Moves[n], f)
		}
	}
}

func (g *Groups) add(c *Cell, m *Move, f Filter) {
	if c.State == "" || c.Since == nil || !f.lets(c, m) {
		return
	}
	key := make([]string, len(g.dims))
	for i, d := range g.dims {
		key[i] = value(c, m, d, f.Now)
	}
	name := strings.Join(key, "\x00")
	r := g.rows[name]
	at := c.Since.At
	if m != nil {
		at = m.At
	}
	if r == nil {
		r = &Row{Key: key, Oldest: at, Newest: at}
		g.rows[name] = r
	}
	r.Count += c.Count
	r.Oldest, r.Newest = min(r.Oldest, at), max(r.Newest, at)
}

// lets reports whether the filter lets a cell, or a move of it, through.
func (f *Filter) lets(c *Cell, m *Move) bool {
	if f.Party != "" && !f.concerns(c, m) {
		return false
	}
	for d, wanted := range f.Values {
		if !slices.Contains(wanted, value(c, m, d, f.Now)) {
			return false
		}
	}
	return true
}

func (f *Filter) concerns(c *Cell, m *Move) bool {
	if m != nil {
		return m.From == f.Party || m.To == f.Party
	}
	return party(c) == f.Party || c.To == f.Party
}

// party is who holds it, and of a sale who sold it.
func party(c *Cell) string {
	if c.State == trace.Sold && len(c.Moves) > 0 {
		return c.Moves[len(c.Moves)-1].From
	}
	return c.Holder
}

// value is the value of one dimension.
func value(c *Cell, m *Move, d Dim, now int64) string {
	r, region := c.Since, c.Region
	if m != nil {
		r, region = m.Record, m.Region
	}
	switch d {
	case ByParty:
		return party(c)
	case ByMember:
		member, _, _ := strings.Cut(party(c), "/")
		return member
	case ByState:
		return string(c.State)
	case ByPlace:
		return c.Place
	case ByProduct, ByRun:
		if c.First.Kind != trace.ItemCode {
			return ""
		}
		if d == ByProduct {
			return c.First.GTIN.String()
		}
		return fmt.Sprintf("%s/%d", c.First.GTIN, c.First.Run)
	case ByLot:
		return c.Lot
	case ByTo:
		return c.To
	case ByRegion:
		return region
	case ByChannel:
		return c.Channel
	case ByDay:
		return day(r)
	case ByMonth:
		return day(r)[:len("2006-01")]
	case ByAge:
		return age(now - r.At)
	case ByExpires:
		return c.Expires
	case ByExpired:
		return expired(c, now)
	case ByVerdict:
		return string(c.Verdict)
	case ByPrinted:
		return string(c.Printed())
	case ByRecord:
		return r.ID.String()
	case ByKind:
		return r.Kind.String()
	case ByFrom:
		return m.From
	case ByReceived:
		return m.To
	}
	return ""
}

// day is the calendar day of a record where it happened.
func day(r *Record) string {
	return time.UnixMilli(r.At).In(time.FixedZone("", r.Zone*60)).Format(time.DateOnly)
}

const dayMillis = int64(24 * time.Hour / time.Millisecond)

// age names the group of an age in milliseconds: "0-30", "31-60", "366-".
func age(ms int64) string {
	days := int(max(ms, 0) / dayMillis)
	from := 0
	for _, to := range Ages {
		if days <= to {
			return fmt.Sprintf("%d-%d", from, to)
		}
		from = to + 1
	}
	return fmt.Sprintf("%d-", from)
}

func expired(c *Cell, now int64) string {
	switch {
	case c.Expires == "":
		return ""
	case time.UnixMilli(now).In(time.FixedZone("", c.Since.Zone*60)).Format(time.DateOnly) > c.Expires:
		return "yes"
	}
	return "no"
}

// Rows returns what was added up, by the values of the dimensions in their order.
func (g *Groups) Rows() []*Row {
	return slices.SortedFunc(maps.Values(g.rows), func(a, b *Row) int { return slices.Compare(a.Key, b.Key) })
}

// A Print is where the codes of one run are: Printed is the sum of the others.
type Print struct {
	Run                              trace.Range
	Printed, Activated, Voided, Open uint64
}

// PrintOf adds up where the codes of a run are.
func PrintOf(t *Tally) Print {
	p := Print{Run: t.Run}
	for i := range t.Cells {
		c := &t.Cells[i]
		p.Printed += c.Count
		switch c.Printed() {
		case Activated:
			p.Activated += c.Count
		case Voided:
			p.Voided += c.Count
		default:
			p.Open += c.Count
		}
	}
	return p
}

// A Trouble is a finding with how many codes bear it, and one of them.
type Trouble struct {
	Finding
	Count uint64     // codes
	First trace.Item // what bears it: a code, or a lot
}

// Key tells troubles apart: one finding about many items is one, but for quantities,
// which are told by product.
func (t *Trouble) Key() string {
	var b strings.Builder
	b.WriteString(t.Code)
	b.WriteString(t.About())
	for _, id := range t.Records {
		b.Write(id[:])
	}
	if len(t.Records) == 0 && t.By != nil { // about a whole chain
		fmt.Fprint(&b, t.By.Chain)
	}
	return b.String()
}

// Troubles are findings, each once, by their keys.
type Troubles map[string]*Trouble

// Add adds findings that so many codes bear.
func (all Troubles) Add(list []Finding, first trace.Item, n uint64) {
	for _, f := range list {
		x := &Trouble{Finding: f, Count: n, First: first}
		key := x.Key()
		if old := all[key]; old != nil {
			old.Count += n
			continue
		}
		all[key] = x
	}
}

// AddTally adds the findings about the codes of a tally, or, if party is not
// empty, about those that this party had or is to get.
func (all Troubles) AddTally(t *Tally, party string) {
	for i := range t.Cells {
		if c := &t.Cells[i]; party == "" || c.reached(party) {
			all.Add(c.Findings, c.First, c.Count)
		}
	}
}

// reached reports whether codes were with a party, or are on their way to it.
func (c *Cell) reached(party string) bool {
	return c.Holder == party || c.To == party ||
		slices.ContainsFunc(c.Moves, func(m *Move) bool { return m.From == party || m.To == party })
}

// Place says where the trouble stands in a list that begins with the newest
// records: a text that is greater for what comes later.
func (t *Trouble) Place() string {
	sum := sha256.Sum256([]byte(t.Key()))
	recorded := int64(0)
	if t.By != nil {
		recorded = t.By.Recorded
	}
	return fmt.Sprintf("%016x-%x", uint64(1<<63-1-recorded), sum[:8])
}
