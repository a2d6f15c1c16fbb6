package trace

import (
	"math/rand/v2"
	"slices"
	"testing"

	"suyuan/ledger"
)

// TestWhatWasToldIsToldAgain holds that events which keep what the public was shown
// of them are shown as others are, whatever else is at hand: names change, records
// are taken back, and things are erased.
func TestWhatWasToldIsToldAgain(t *testing.T) {
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "<L&1>"))
	w.do("lanzhi/east", ship, about(codes(0, 9)), to("wh"), at(w.now), func(e *Event) { e.Place = "gate" })
	wrong := w.do("wh", receive, about(codes(0, 9)), field("note", "x"))
	first := len(w.events)
	w.do("lanzhi", ledger.KindParty, field("slug", "east"), field("public_name", Names{"东店", "East"}))
	w.do("lanzhi", ledger.KindPlace, field("id", "gate"), field("kind", "warehouse"), field("country", "CN"), field("region", "330000"))
	w.do("lanzhi", ledger.KindParty, field("slug", "east"), field("public_name", Names{"东区店", "Far East"}))
	w.do("lanzhi", ledger.KindPlace, field("id", "gate"), field("kind", "plant"), field("country", "CN"), field("region", "110000"))
	w.do("wh", ledger.KindCorrect, target(wrong), about(codes(0, 9)))
	renamed := *w.charter
	renamed.Members = slices.Clone(renamed.Members)
	for i := range renamed.Members {
		renamed.Members[i].NameZh += "二"
	}
	input := func(size int, charters ...*ledger.Charter) Input {
		in := w.input(bottle(3))
		in.Events, in.Charters = slices.Clone(w.events[:size]), charters
		return in
	}
	alone := *wrong
	alone.Erased = []Erasure{{Record: ledger.Hash{7}, Recorded: w.now}}

	inputs := []Input{input(len(w.events), w.charter), input(len(w.events), w.charter, &renamed)}
	for size := first; size < len(w.events); size++ {
		inputs = append(inputs, input(size, w.charter))
	}
	erased := input(first, w.charter)
	erased.Events[slices.Index(erased.Events, wrong)] = &alone
	inputs = append(inputs, erased)

	viewers := []Viewer{{Code: true}, {}, {Member: "wh", Code: true}, {Party: "lanzhi/east", Code: true}}
	tell := func(i int, v Viewer) string { return mustJSON(t, Fold(inputs[i]).For(v)) }
	want := make([][]string, len(inputs))
	for i := range inputs {
		for _, v := range viewers {
			want[i] = append(want[i], tell(i, v))
		}
		if i > 0 && i < len(inputs)-1 && want[i][0] == want[i-1][0] {
			t.Errorf("inputs %d and %d are told of in the same words", i-1, i)
		}
	}
	for _, e := range w.events {
		e.Share()
	}
	alone.told = wrong.told // as a copy has it
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		i, v := rnd.IntN(len(inputs)), rnd.IntN(len(viewers))
		if got := tell(i, viewers[v]); got != want[i][v] {
			t.Fatalf("seed %d: input %d to %+v:\n%s\nwant\n%s", seed, i, viewers[v], got, want[i][v])
		}
	}
	tr := Fold(inputs[0])
	if a, b := tr.For(viewers[0]), tr.For(viewers[0]); a.Events[0].told == nil || a.Events[0].told != b.Events[0].told {
		t.Error("what was told is not kept")
	}
}

// TestJSONInPiecesIsTheSame holds that the JSON of a trail of which some events keep
// theirs is that of one of which none does, with and without events.
func TestJSONInPiecesIsTheSame(t *testing.T) {
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", `"events":null`))
	tr := w.fold(bottle(1))
	want := mustJSON(t, tr.For(Viewer{Code: true}))
	for i, e := range slices.Backward(w.events) {
		e.Share()
		if got := mustJSON(t, tr.For(Viewer{Code: true})); got != want {
			t.Errorf("events from %d on kept: %s\nwant %s", i, got, want)
		}
	}
	if got := mustJSON(t, Fold(Input{Item: bottle(1)}).For(Viewer{Code: true}).Events); got != "[]" {
		t.Errorf("no events: %s", got)
	}
}
