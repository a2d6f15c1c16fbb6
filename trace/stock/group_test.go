package stock

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"suyuan/trace"
)

const noon = int64(1_772_366_400_000) // 2026-03-01T12:00:00Z

// testTally is some cells of the wine.
func testTally() *Tally {
	cell := func(n uint64, c trace.Custody, at int64, edit func(*Outcome)) Cell {
		o := &Outcome{Custody: c, Since: &Record{At: at, Zone: 480, Member: "wh"}}
		if edit != nil {
			edit(o)
		}
		return Cell{Outcome: o, Count: n, First: trace.Code(wine, 3, 7)}
	}
	sale := &Move{From: "dist/store", Region: "440100", Record: &Record{At: noon}}
	return &Tally{Cells: []Cell{
		cell(5, trace.Custody{State: trace.Held, Holder: "wh"}, noon-40*dayMillis, func(o *Outcome) { o.Expires, o.Active = "2026-02-28", true }),
		cell(4, trace.Custody{State: trace.Held, Holder: "wh"}, noon-40*dayMillis, func(o *Outcome) { o.Expires = "2026-03-01" }),
		cell(3, trace.Custody{State: trace.InTransit, Holder: "wh"}, noon, func(o *Outcome) { o.To = "dist/store" }),
		cell(2, trace.Custody{State: trace.Sold}, noon, func(o *Outcome) { o.Moves = []*Move{sale} }),
		cell(7, trace.Custody{State: trace.Issued, Holder: "lanzhi"}, noon, nil),
		cell(6, trace.Custody{State: trace.Void}, noon, nil),
		{Outcome: &Outcome{}, Count: 100, First: trace.Code(wine, 3, 9)}, // of which nobody has said anything
	}}
}

func rowsOf(g *Groups) string {
	text := ""
	for _, r := range g.Rows() {
		text += fmt.Sprintf("%q %d ", r.Key, r.Count)
	}
	return text
}

func TestGroups(t *testing.T) {
	for _, c := range []struct {
		by   []Dim
		f    Filter
		want string
	}{
		{nil, Filter{}, `[] 27 `},
		{[]Dim{ByParty}, Filter{}, `[""] 6 ["dist/store"] 2 ["lanzhi"] 7 ["wh"] 12 `},
		{[]Dim{ByMember, ByState}, Filter{Values: map[Dim][]string{ByState: {"held", "sold"}}}, `["dist" "sold"] 2 ["wh" "held"] 9 `},
		{[]Dim{ByParty, ByTo}, Filter{Party: "dist/store"}, `["dist/store" ""] 2 ["wh" "dist/store"] 3 `},
		{[]Dim{ByAge}, Filter{Values: map[Dim][]string{ByParty: {"wh"}}, Now: noon}, `["0-30"] 3 ["31-60"] 9 `},
		{[]Dim{ByExpired}, Filter{Values: map[Dim][]string{ByState: {"held"}}, Now: noon}, `["no"] 4 ["yes"] 5 `},
		{[]Dim{ByPrinted}, Filter{}, `["activated"] 14 ["open"] 7 ["void"] 6 `},
		{[]Dim{ByRun, ByDay, ByMonth}, Filter{Values: map[Dim][]string{ByState: {"void"}}}, `["06901234567892/3" "2026-03-01" "2026-03"] 6 `},
		{[]Dim{ByProduct}, Filter{Values: map[Dim][]string{ByLot: {"none"}}}, ``},
	} {
		g := NewGroups(c.by)
		g.Add(testTally(), c.f)
		if got := rowsOf(g); got != c.want {
			t.Errorf("by %v of %+v: got %s, want %s", c.by, c.f, got, c.want)
		}
	}
	g := NewMoveGroups([]Dim{ByFrom, ByReceived, ByRegion})
	g.Add(testTally(), Filter{})
	if got, want := rowsOf(g), `["dist/store" "" "440100"] 2 `; got != want {
		t.Errorf("moves: got %s, want %s", got, want)
	}
}

func TestAges(t *testing.T) {
	for days, want := range map[int64]string{-1: "0-30", 0: "0-30", 30: "0-30", 31: "31-60", 90: "61-90", 180: "91-180", 365: "181-365", 366: "366-", 9999: "366-"} {
		if got := age(days*dayMillis + 1); got != want {
			t.Errorf("%d days: %s, want %s", days, got, want)
		}
	}
}

func TestQuestions(t *testing.T) {
	for _, q := range []Question{
		{By: []Dim{ByFrom}},
		{By: []Dim{ByRecord, ByParty, ByRecord}},
		{By: []Dim{ByParty}, Moves: true},
		{Values: map[Dim][]string{"colour": nil}},
		{By: []Dim{ByParty}, After: nextOf([]string{"a", "b"})},
	} {
		if err := q.Check(); !errors.Is(err, ErrQuestion) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if err := (&Question{By: Dims, After: nextOf(make([]string, len(Dims)))}).Check(); err != nil {
		t.Error(err)
	}
}

// FuzzNext holds that the place where a page begins is read strictly.
func FuzzNext(f *testing.F) {
	f.Add("", 0)
	f.Add(nextOf([]string{"wh", ""}), 2)
	f.Add("AA", 1)
	f.Add("\n", 0)
	f.Add("QQ", 1)
	f.Fuzz(func(t *testing.T, next string, values int) {
		if values < 0 || values > len(Dims) {
			return
		}
		key, err := parseNext(next, values)
		if err == nil && next != "" && (nextOf(key) != next || len(key) != values) {
			t.Fatalf("%q is read as %q, written %q", next, key, nextOf(key))
		}
	})
}

// A finding about many codes is one, wherever it stands in the tallies.
func TestTroubles(t *testing.T) {
	one := Finding{Finding: trace.Finding{Code: trace.VoidCode}}
	all := make(Troubles)
	all.Add([]Finding{one}, trace.Code(wine, 1, 1), 3)
	all.Add([]Finding{one, one}, trace.Code(wine, 1, 9), 4)
	q := FindingQuestion{Limit: 1}
	page, next := q.Page(all, func(*trace.Finding) bool { return true })
	if len(page) != 1 || page[0].Count != 11 || page[0].First.Index != 1 || next != "" {
		t.Errorf("got %+v, next %q", page, next)
	}
	if hidden, _ := q.Page(all, func(*trace.Finding) bool { return false }); len(hidden) != 0 {
		t.Error("shown to whom it is not for")
	}
	if !slices.Equal(Ages, []int{30, 60, 90, 180, 365}) {
		t.Error("the age groups are part of the surface")
	}
}
