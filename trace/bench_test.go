package trace

import (
	"fmt"
	"testing"
)

// BenchmarkTravel folds the trail of a bottle in a case on a pallet that travels to
// and fro, and works its likeness out.
func BenchmarkTravel(b *testing.B) {
	for _, events := range []int{50, 500} {
		w := newWorld(b)
		w.product()
		w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
		w.do("lanzhi", pack, about(cases(0, 10, 10)))
		w.do("lanzhi", pack, about(Contents(Unit(pallet), OfRange(Range{boxes, 1, 0, 9}))))
		for i := 0; len(w.events) < events; i++ {
			from, dest := "lanzhi", "wh"
			if i%2 == 1 {
				from, dest = dest, from
			}
			s := w.do(from, ship, about(Of(Unit(pallet))), to(dest))
			w.sees(dest)
			w.do(dest, receive, about(Of(Unit(pallet))), refs(s))
			w.sees(from)
		}
		in := w.input(bottle(7))
		if tr := Fold(in); len(tr.Events) < events-3 || tr.Verdict != Consistent {
			b.Fatalf("%d events, %s: %v", len(tr.Events), tr.Verdict, codesOf(tr))
		}
		b.Run(fmt.Sprintf("%d/fold", events), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Fold(in)
			}
		})
		b.Run(fmt.Sprintf("%d/show", events), func(b *testing.B) {
			tr := Fold(in)
			b.ReportAllocs()
			for b.Loop() {
				if err := tr.For(Viewer{Code: true}).Keep(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%d/likeness", events), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := LikenessOf(bottle(7), w.events); !ok {
					b.Fatal("like none")
				}
			}
		})
	}
}
