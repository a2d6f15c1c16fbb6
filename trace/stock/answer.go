package stock

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"suyuan/trace"
)

// A Question is what somebody wants to know of items.
type Question struct {
	By     []Dim            // in this order; none asks for one sum
	Values map[Dim][]string // keeps to items with one of the values
	Party  string           // keeps to what this party holds, or is to get; "" does not
	Moves  bool             // asks how goods moved, not how they stand
	Units  bool             // asks about logistic units, not about codes

	// The cut at which it is asked: what was final at a time (ms since 1970 UTC),
	// or the sizes of chains by <member>/<number>, others being left out. Zero
	// and nil ask for what is final now.
	Time int64
	AsOf map[string]uint64

	After string // the Next of the answer before
	Limit int    // rows, from 1

	Who string // asks: those who ask take turns; "" is the node's own company
}

// Now reports whether the question is about what is final now.
func (q *Question) Now() bool { return q.Time == 0 && q.AsOf == nil }

// ErrQuestion is wrapped by the errors about questions that have no answer.
var ErrQuestion = errors.New("not a question")

// Check holds that the dimensions are those of stock, or of moves, and none is
// named twice: what is added up grows with their number.
func (q *Question) Check() error {
	allowed := Dims
	if q.Moves {
		allowed = MoveDims
	}
	for i, d := range q.By {
		if !slices.Contains(allowed, d) {
			return fmt.Errorf("%w: %q is none of the dimensions %s", ErrQuestion, d, Names(allowed))
		}
		if slices.Contains(q.By[:i], d) {
			return fmt.Errorf("%w: the dimension %s is named twice", ErrQuestion, d)
		}
	}
	for d := range q.Values {
		if !slices.Contains(allowed, d) {
			return fmt.Errorf("%w: %q is none of the dimensions %s", ErrQuestion, d, Names(allowed))
		}
	}
	if _, err := parseNext(q.After, len(q.By)); err != nil {
		return err
	}
	return nil
}

// Names lists dimensions for people.
func Names(dims []Dim) string {
	names := make([]string, len(dims))
	for i, d := range dims {
		names[i] = string(d)
	}
	return strings.Join(names, ", ")
}

// An Inventory is the answer to a question.
type Inventory struct {
	By    []Dim                  `json:"by"`
	Rows  []Figure               `json:"rows"`
	Total uint64                 `json:"total"` // of all rows, those on other pages too
	Next  string                 `json:"next"`  // where the next page begins
	Names map[string]trace.Names `json:"names"` // of parties, places, products and regions in rows

	AsOf map[string]uint64 `json:"as_of"` // <member>/<number> to size
	Time string            `json:"time"`  // from which ages are counted

	// Uncounted names the runs that records cut into more pieces than are looked
	// at: they are missing in every figure.
	Uncounted []string `json:"uncounted"`
}

// A Figure is one row: how many codes have these values, and from when to when
// the records behind it are.
type Figure struct {
	Values map[Dim]string `json:"values"`
	Count  uint64         `json:"count"`
	Oldest string         `json:"oldest"`
	Newest string         `json:"newest"`
}

// Answer fills in the rows that a question asks for.
func (g *Groups) Answer(q *Question, a *Inventory) error {
	after, err := parseNext(q.After, len(q.By))
	if err != nil {
		return err
	}
	a.By, a.Rows = q.By, []Figure{}
	if a.By == nil {
		a.By = []Dim{}
	}
	var last *Row
	for _, r := range g.Rows() {
		a.Total += r.Count
		if after != nil && slices.Compare(r.Key, after) <= 0 {
			continue
		}
		if len(a.Rows) == q.Limit {
			a.Next = nextOf(last.Key)
			continue
		}
		last = r
		f := Figure{Values: make(map[Dim]string, len(q.By)), Count: r.Count, Oldest: Time(r.Oldest), Newest: Time(r.Newest)}
		for i, d := range q.By {
			f.Values[d] = r.Key[i]
		}
		a.Rows = append(a.Rows, f)
	}
	return nil
}

// A row's key travels as the values with a zero byte after each, in base64url.
func nextOf(key []string) string {
	var b []byte
	for _, v := range key {
		b = append(append(b, v...), 0)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseNext(next string, values int) ([]string, error) {
	if next == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(next)
	parts := strings.Split(string(raw), "\x00")
	// The decoder passes over line feeds.
	if err != nil || len(parts) != values+1 || len(raw) > maxNext || nextOf(parts[:values]) != next {
		return nil, fmt.Errorf("%w: after is not the next of an answer by these dimensions", ErrQuestion)
	}
	return parts[:values], nil
}

// Time writes milliseconds as RFC 3339 in UTC.
func Time(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// Prints says of runs where their codes are.
type Prints struct {
	Runs      []PrintRun             `json:"runs"`
	Next      string                 `json:"next"`
	Names     map[string]trace.Names `json:"names"`
	AsOf      map[string]uint64      `json:"as_of"`
	Uncounted []string               `json:"uncounted"`
}

// A PrintRun is one run: printed = activated + void + open.
type PrintRun struct {
	GTIN      string `json:"gtin"`
	Run       uint16 `json:"run"`
	Printed   uint64 `json:"printed"`
	Activated uint64 `json:"activated"`
	Void      uint64 `json:"void"`
	Open      uint64 `json:"open"`
}

// A FindingQuestion asks for findings. Empty lists keep nothing out.
type FindingQuestion struct {
	Codes, Severities, Members []string
	Products                   []string // GTINs
	From, To                   int64    // entry times of what bears them, ms since 1970 UTC; 0 is no bound

	Time int64 // the cut, as in Question
	AsOf map[string]uint64

	After string
	Limit int

	Who string // as in Question
}

// lets reports whether a trouble is asked for.
func (q *FindingQuestion) lets(t *Trouble) bool {
	among := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	gtin := ""
	if !t.First.GTIN.IsZero() {
		gtin = t.First.GTIN.String()
	}
	by := t.By
	if by == nil {
		by = new(Record)
	}
	return among(q.Codes, t.Code) && among(q.Severities, string(t.Severity)) && among(q.Members, by.Member) && among(q.Products, gtin) &&
		by.Recorded >= q.From && (q.To == 0 || by.Recorded <= q.To)
}

// Page returns the page asked for, of the findings that seen admits, and where
// the next one begins.
func (q *FindingQuestion) Page(all Troubles, seen func(*trace.Finding) bool) (page []*Trouble, next string) {
	byPlace := make(map[string]*Trouble, len(all))
	for _, t := range all {
		if place := t.Place(); place > q.After && q.lets(t) && seen(&t.Finding.Finding) {
			byPlace[place] = t
		}
	}
	places := slices.Sorted(maps.Keys(byPlace))
	if len(places) > q.Limit {
		places = places[:q.Limit]
		next = places[q.Limit-1]
	}
	for _, place := range places {
		page = append(page, byPlace[place])
	}
	return page, next
}

// Findings is a list of findings, newest record first.
type Findings struct {
	Findings  []FindingRow      `json:"findings"`
	Next      string            `json:"next"`
	AsOf      map[string]uint64 `json:"as_of"`
	Uncounted []string          `json:"uncounted"`
}

// A FindingRow is one finding with what it is about.
type FindingRow struct {
	trace.FindingView
	Member   string  `json:"member"`          // who recorded what bears it
	At       string  `json:"at"`              // when that happened
	Recorded string  `json:"recorded"`        // when its entry was made
	GTIN     string  `json:"gtin,omitempty"`  // the product
	Lot      string  `json:"lot,omitempty"`   // without serials
	Run      *uint16 `json:"run,omitempty"`   //
	Index    *uint32 `json:"index,omitempty"` // of one of the codes that bear it
	Count    uint64  `json:"count,omitempty"` // how many do
}

// Lots says how much of lots without serials the parties have, by the records.
type Lots struct {
	Lots  []LotRow               `json:"lots"`
	Next  string                 `json:"next"`
	Names map[string]trace.Names `json:"names"` // of products and parties in rows
	AsOf  map[string]uint64      `json:"as_of"`
}

// A LotRow is what one party has of a lot, in one unit of measure. A negative
// quantity says that records are missing or wrong.
type LotRow struct {
	GTIN     string `json:"gtin"`
	Lot      string `json:"lot"`
	Party    string `json:"party"`
	Quantity int64  `json:"quantity"`
	Unit     string `json:"unit"` // UN/ECE Recommendation 20

	// By record: what of it the record adds or, below zero, takes off.
	Record string `json:"record,omitempty"` // id
	Kind   string `json:"kind,omitempty"`
	At     string `json:"at,omitempty"` // when that happened

	n int // among those of its balance
}

// key orders rows.
func (r *LotRow) key() []string {
	return []string{r.GTIN, r.Lot, r.Party, r.Unit, fmt.Sprintf("%06d", r.n)}
}

// PageLots returns the page of rows, in any order, that a question asks for, and
// where the next one begins.
func (q *Question) PageLots(rows []LotRow) (page []LotRow, next string, err error) {
	after, err := parseNext(q.After, 5)
	if err != nil {
		return nil, "", err
	}
	rows = slices.DeleteFunc(rows, func(r LotRow) bool { return after != nil && slices.Compare(r.key(), after) <= 0 })
	slices.SortFunc(rows, func(a, b LotRow) int { return slices.Compare(a.key(), b.key()) })
	if len(rows) > q.Limit {
		rows = rows[:q.Limit]
		next = nextOf(rows[q.Limit-1].key())
	}
	return rows, next, nil
}

// LotRows returns the rows of a balance of a lot: one, or one for each record
// behind it.
func LotRows(lot trace.Item, b *trace.Balance, byRecord bool) []LotRow {
	row := LotRow{GTIN: lot.GTIN.String(), Lot: lot.Lot, Party: b.Party, Quantity: b.Value, Unit: b.Unit}
	if !byRecord {
		return []LotRow{row}
	}
	list := make([]LotRow, len(b.Parts))
	for i, p := range b.Parts {
		list[i] = row
		list[i].Quantity, list[i].Record, list[i].Kind, list[i].At, list[i].n = p.Value, p.ID.String(), p.Kind.String(), Time(p.At), i
	}
	return list
}

// CheckLots holds that a question about lots can be answered: by nothing or by
// record, of some products, lots and parties.
func (q *Question) CheckLots() error {
	if len(q.By) > 1 || len(q.By) == 1 && q.By[0] != ByRecord {
		return fmt.Errorf("%w: lots are told apart by record, or by nothing more", ErrQuestion)
	}
	_, err := parseNext(q.After, 5)
	return err
}

// Lets reports whether a question about lots asks for those of a party.
func (q *Question) Lets(lot trace.Item, party string) bool {
	among := func(d Dim, v string) bool { return len(q.Values[d]) == 0 || slices.Contains(q.Values[d], v) }
	return among(ByLot, lot.Lot) && among(ByParty, party)
}
