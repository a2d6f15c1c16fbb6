package trace

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A set of ranges overlaps a subject just where one of the ranges does.
func TestRangeSet(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	some := func() Range {
		from := r.Uint32N(200)
		return Range{wine, uint16(1 + r.Uint32N(2)), from, from + r.Uint32N(8)}
	}
	for range 2_000 {
		list := make([]Range, r.IntN(12))
		for i := range list {
			list[i] = some()
		}
		a, b := some(), some()
		subjects := []Subject{OfRange(a), Contents(Unit(pallet), OfRange(a)), Contents(Code(boxes, 1, b.From), OfRange(a)),
			{Kind: SubjectPattern, Pattern: &Pattern{GTIN: a.GTIN, Run: a.Run, Start: a.From, Per: 2, UnitGTIN: b.GTIN, UnitRun: b.Run, UnitStart: b.From, Units: 3}},
			Of(Unit(pallet)), Of(Lot(wine, "L1"))}
		out, in := OfRange(a), OfRange(b)
		subjects = append(subjects, Subject{Kind: SubjectMade, Output: &out, Input: &in})
		set := NewRangeSet(slices.Clone(list))
		for _, s := range subjects {
			want := slices.ContainsFunc(list, func(x Range) bool {
				return slices.ContainsFunc(s.simple(), func(y Subject) bool { return overlap(y, OfRange(x)) })
			})
			if got := set.Overlaps(&s); got != want {
				t.Fatalf("seed %d: %v and %v: %t, want %t", seed, list, s, got, want)
			}
		}
	}
	if s := OfRange(codes(0, 1).Range); new(RangeSet).Overlaps(&s) {
		t.Error("a set of nothing overlaps something")
	}
}

// BenchmarkRangeSet holds as many subjects against ranges as there are ranges: its
// time for one of them hardly grows with their number.
func BenchmarkRangeSet(b *testing.B) {
	for _, n := range []uint32{1_000, 32_000} {
		b.Run(map[uint32]string{1_000: "1k", 32_000: "32k"}[n], func(b *testing.B) {
			list := make([]Range, n)
			for i := range list {
				list[i] = Range{wine, 1, uint32(i) * 4, uint32(i)*4 + 1}
			}
			for b.Loop() {
				set := NewRangeSet(slices.Clone(list))
				for i := range n {
					if s := OfRange(Range{wine, 1, i*4 + 2, i*4 + 3}); set.Overlaps(&s) {
						b.Fatal("ranges that have nothing in common overlap")
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/range")
		})
	}
}
