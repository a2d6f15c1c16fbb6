package trace

import (
	"slices"
	"testing"

	"suyuan/ledger"
)

// TestLikenessesHaveOneTrail holds, in worlds full of lies, that the trail of a
// code is the trail of another with the same likeness, word for word and to
// everybody, also of what is not final yet.
func TestLikenessesHaveOneTrail(t *testing.T) {
	shared, alone := 0, 0
	seeds(t, 60, func(t *testing.T, seed uint64) {
		p := newPlant(t, seed)
		p.live(int(seed % 30))
		p.lie(int(seed % 7))
		p.publish()
		first := map[[32]byte]*Trail{}
		of := map[[32]byte]Likeness{}
		for _, i := range p.things[:plantCased] {
			if i.Kind != ItemCode {
				continue
			}
			in := p.w.input(i)
			in.URI, in.Serial = "https://id.gs1.org/01/06901234567892/21/"+i.String(), i.String()
			in.Events = p.gathered(in)
			slices.SortFunc(in.Events, func(a, b *Event) int { return a.Compare(b.Position) })
			like, ok := LikenessOf(i, in.Events)
			if !ok {
				alone++
				continue
			}
			tr := Fold(in)
			like0, known := of[like.Key]
			if !known {
				first[like.Key], of[like.Key] = tr, like
				continue
			}
			shared++
			got := first[like.Key].Of(like0, like, in.URI, in.Serial)
			for _, v := range []Viewer{{}, {Code: true}, {Member: "wh"}, {Member: "lanzhi", Code: true}, {Party: "dist/store"}} {
				if g, w := mustJSON(t, got.For(v)), mustJSON(t, tr.For(v)); g != w {
					t.Errorf("seed %d: to %+v the trail of %s is\n%s\nwant\n%s", seed, v, i, g, w)
				}
				urgent := mustJSON(t, got.Words(got.PendingFindings(p.w.events), v))
				if want := mustJSON(t, tr.Words(tr.PendingFindings(p.w.events), v)); urgent != want {
					t.Errorf("seed %d: to %+v what is pending of %s is %s, want %s", seed, v, i, urgent, want)
				}
			}
			if !slices.Equal(got.units, tr.units) || got.Item != tr.Item || !slices.Equal(got.Steps, tr.Steps) {
				t.Errorf("seed %d: %s is in %v, want %v", seed, i, got.units, tr.units)
			}
		}
	})
	if shared < 100 || alone == 0 {
		t.Errorf("the test proves little: %d trails are shared, %d codes are like none", shared, alone)
	}
}

// TestWhatMakesACodeUnlike names the differences that a likeness tells.
func TestWhatMakesACodeUnlike(t *testing.T) {
	first, second := Unit(pallet), Unit(mustSSCC("069012340000000023"))
	for _, c := range []struct {
		name  string
		alike bool
		do    func(w *world)
	}{
		{"one range", true, func(w *world) { w.do("lanzhi", ship, about(codes(0, 9)), to("wh")) }},
		{"one of two ranges", true, func(w *world) { w.do("lanzhi", ship, about(codes(0, 3), codes(5, 9)), to("wh")) }},
		{"a case each, by one pattern", true, func(w *world) {
			w.do("lanzhi", pack, about(cases(0, 5, 4)))
			w.do("lanzhi", ship, about(OfRange(Range{boxes, 1, 0, 3})), to("wh"))
		}},
		{"a unit each, both shipped by one record", true, func(w *world) {
			w.do("lanzhi", pack, about(Contents(first, codes(0, 4)), Contents(second, codes(5, 9))))
			w.do("lanzhi", ship, about(Of(first), Of(second)), to("wh"))
		}},
		{"a unit each, one of them shipped", false, func(w *world) {
			w.do("lanzhi", pack, about(Contents(first, codes(0, 4)), Contents(second, codes(5, 9))))
			w.do("lanzhi", ship, about(Of(second)), to("wh"))
		}},
		{"one shipped by its case, the other by its pallet", false, func(w *world) {
			w.do("lanzhi", pack, about(cases(0, 5, 4)))
			w.do("lanzhi", pack, about(Contents(first, Of(Code(boxes, 1, 0))), Contents(second, Of(Code(boxes, 1, 1)))))
			w.do("lanzhi", ship, about(Of(Code(boxes, 1, 0)), Of(second)), to("wh"))
		}},
		{"another record", false, func(w *world) { w.do("lanzhi", sell, about(codes(7, 7))) }},
		{"left out of a pattern", false, func(w *world) { w.do("lanzhi", pack, about(cases(0, 10, 1, Span{From: 7, To: 7}))) }},
		{"named by itself, where others are in a range", false, func(w *world) { w.do("lanzhi", activate, about(codes(0, 5), codes(7, 7))) }},
		{"something was made of them", false, func(w *world) { w.do("lanzhi", making, about(Made(Of(first), codes(0, 9)))) }},
	} {
		w := newWorld(t)
		c.do(w)
		events := func(i Item) []*Event {
			in := w.input(i)
			f := newFolder(in)
			return slices.DeleteFunc(f.events, func(e *Event) bool { return !f.relevant(f.things)(e) })
		}
		a, aok := LikenessOf(bottle(2), events(bottle(2)))
		b, bok := LikenessOf(bottle(7), events(bottle(7)))
		if alike := aok && bok && a.Key == b.Key; alike != c.alike {
			t.Errorf("%s: alike is %t", c.name, alike)
		}
	}
	w := newWorld(t)
	var many []Subject
	for i := range uint32(maxLikeThings + 1) {
		many = append(many, Contents(Code(boxes, 1, i), Of(bottle(2))))
	}
	for _, s := range many {
		w.do("lanzhi", pack, about(s))
	}
	if _, ok := LikenessOf(bottle(2), w.events); ok {
		t.Error("a code with too many units around it is like others")
	}
	if _, ok := LikenessOf(first, []*Event{{Kind: ledger.KindShip}}); ok {
		t.Error("a unit is like others")
	}
}
