package stock

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
)

// TestCountsAreFolds holds in random worlds, in which anybody records anything,
// that what a count says of each code is what a fold of that code over all events
// says; so too at a past cut.
func TestCountsAreFolds(t *testing.T) {
	first, last := uint64(1), *seedsFlag
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	for seed := first; seed <= last && !t.Failed(); seed++ {
		r := rand.New(rand.NewPCG(seed, 7))
		w := newWorld()
		w.run(wine, bottles, bottleCodes)
		w.run(wine, sets, setCodes)
		w.run(boxes, caseRun, caseCodes)
		for range 5 + r.IntN(40) {
			w.random(r)
		}
		past := w.all()
		for chain := range past.cut {
			past.cut[chain] = r.Uint64N(past.cut[chain] + 1)
		}
		for _, world := range []at{w.all(), past} {
			for _, run := range []trace.Range{
				{GTIN: wine, Run: bottles, To: bottleCodes - 1}, {GTIN: wine, Run: sets, To: setCodes - 1}, {GTIN: boxes, Run: caseRun, To: caseCodes - 1},
			} {
				checkRun(t, world, run)
			}
		}
		if t.Failed() {
			t.Logf("repeat with -seed=%d", seed)
		}
	}
}

// checkRun compares each code of a run with its fold.
func checkRun(t *testing.T, w at, run trace.Range) {
	t.Helper()
	tally, err := Count(context.Background(), w, run, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]uint64)
	a := newAtlas(w)
	for i := run.From; i <= run.To; i++ {
		item := trace.Code(run.GTIN, run.Run, i)
		trail, _ := w.fold(item, w.list)
		whole := say(newCounting(context.Background(), w, nil).outcomeOf(trail))
		s, err := a.tell(item, 0)
		if err != nil {
			t.Fatal(err)
		}
		if o := tally.Memo[s.signature()]; o == nil {
			t.Errorf("%s: was not counted", item)
		} else if got := say(o); got != whole {
			t.Errorf("%s:\n%s\nits fold:\n%s", item, got, whole)
			for _, p := range s.positions() {
				e := w.events[p]
				t.Logf("%v %s by %s of %v %v", p, e.Kind, e.Actor(), e.Subjects, e.Refs)
			}
			return
		}
		if c := tally.At(i); c == nil || say(c.Outcome) != whole {
			t.Errorf("%s: is found in another cell", item)
		}
		want[whole]++
	}
	if tally.At(run.To+1) != nil {
		t.Errorf("run %v: a code beyond it has a cell", run)
	}
	got := make(map[string]uint64)
	for _, c := range tally.Cells {
		got[say(c.Outcome)] += c.Count
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("run %v: counted %v, want %v", run, got, want)
	}
}

// say writes an outcome down.
func say(o *Outcome) string {
	var b strings.Builder
	since := o.Since
	if since == nil {
		since = new(Record)
	}
	fmt.Fprintf(&b, "%s %q to %q at %q since %v lot %q expires %q %s %s %s\n", o.State, o.Holder, o.To, o.Place, since.Position, o.Lot, o.Expires, o.Region, o.Verdict, o.Printed())
	var findings []string
	for _, f := range o.Findings {
		findings = append(findings, fmt.Sprintf("%s %s %v %v\n", f.Code, f.Severity, f.Records, f.By))
	}
	slices.Sort(findings)
	fmt.Fprintln(&b, findings)
	for _, m := range o.Moves {
		fmt.Fprintf(&b, "%s>%s %v\n", m.From, m.To, m.Position)
	}
	fmt.Fprintln(&b, o.Legs)
	return b.String()
}

// TestMemo holds that counting again folds what new records touch, and no more.
func TestMemo(t *testing.T) {
	w := newWorld()
	run := trace.Range{GTIN: wine, Run: bottles, To: 9_999}
	w.run(wine, bottles, 10_000)
	w.do("lanzhi", ledger.KindActivate, []trace.Subject{trace.OfRange(run)}, trace.Values{"lot": "A"})
	ctx := context.Background()
	first, err := Count(ctx, w.all(), run, nil)
	if err != nil || len(first.Cells) != 1 || first.Cells[0].Count != 10_000 || w.folds != 1 {
		t.Fatalf("cells %v after %d folds, %v", first, w.folds, err)
	}
	e := w.do("lanzhi", ledger.KindSell, []trace.Subject{trace.Of(trace.Code(wine, bottles, 77))}, trace.Values{"channel": "store"})
	if !first.Deps.On(Touched(e)) {
		t.Error("a sale changes nothing")
	}
	second, err := Count(ctx, w.all(), run, first.Memo)
	if err != nil || len(second.Cells) != 2 || w.folds != 2 {
		t.Fatalf("cells %v after %d folds, %v", second, w.folds, err)
	}
	if e := w.do("lanzhi", ledger.KindSell, []trace.Subject{trace.Of(trace.Code(boxes, 7, 1))}, nil); second.Deps.On(Touched(e)) {
		t.Error("a sale of something else changes the run")
	}
}

// TestHauls holds that what a tally says of shipments is what the folds of its codes
// say, added up.
func TestHauls(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 9))
	hauls := 0
	for range 10 {
		w := newWorld()
		w.run(wine, bottles, bottleCodes)
		w.run(boxes, caseRun, caseCodes)
		for range 60 {
			w.random(r)
		}
		run := trace.Range{GTIN: wine, Run: bottles, To: bottleCodes - 1}
		tally, err := Count(context.Background(), w.all(), run, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := make(map[trace.Haul]uint64)
		for i := range uint32(bottleCodes) {
			trail, _ := w.all().fold(trace.Code(wine, bottles, i), w.list)
			for _, l := range legsOf(trail) {
				want[trace.Haul{Shipment: l.Shipment, By: l.By, End: l.End, Unit: l.Unit}]++
			}
		}
		for _, h := range tally.Hauls() {
			n := h.Count
			h.Count, h.First = 0, trace.Item{}
			if want[h] != n {
				t.Errorf("%+v: %d codes, want %d", h, n, want[h])
			}
			delete(want, h)
			hauls++
		}
		if len(want) > 0 {
			t.Errorf("missing: %v", want)
		}
	}
	if hauls < 30 {
		t.Errorf("only %d hauls: the test shows little", hauls)
	}
}
