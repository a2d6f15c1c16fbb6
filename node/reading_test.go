package node

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"suyuan/trace"
)

func TestFairShare(t *testing.T) {
	at := func(chain uint32, seq uint64) trace.Position { return trace.Position{Chain: chain, Seq: seq} }
	all := []trace.Position{at(1, 1), at(1, 2), at(1, 3), at(2, 1), at(2, 9), at(3, 4)}
	for _, tt := range []struct {
		sizes  []int
		budget int
		want   []trace.Position
	}{
		{[]int{10, 10, 10, 10, 10, 10}, 60, all},
		{[]int{10, 10, 10, 10, 10, 10}, 59, []trace.Position{at(1, 1), at(1, 2), at(2, 1), at(2, 9), at(3, 4)}},
		{[]int{100, 1, 1, 10, 10, 10}, 60, []trace.Position{at(2, 1), at(2, 9), at(3, 4)}}, // nothing after what was too large
		{[]int{10, 10, 10, 500, 10, 10}, 60, []trace.Position{at(1, 1), at(1, 2), at(3, 4)}},
		{[]int{10, 10, 10, 10, 10, 10}, 0, nil},
	} {
		if got := fairShare(all, tt.sizes, tt.budget); !slices.Equal(got, tt.want) {
			t.Errorf("%v within %d: %v, want %v", tt.sizes, tt.budget, got, tt.want)
		}
	}
}

// A member that writes large records about somebody else's codes uses up its own
// share of what a look-up reads. What others tell stays, and the answer says that
// something was left out, the same wherever it is asked.
func TestLargeRecordsAreNotInTheWayOfReading(t *testing.T) {
	t.Parallel()
	brand, dist := twoCompanies(t, 30)
	serial := brand.serial(t, toner, 0, 7)
	large := trace.Draft{Kind: "inspect", Fields: fields{"type": "quality", "result": "fail"}, Subjects: []trace.DraftSubject{codesOf(toner, 0, 29)}}
	for i := range uint32(3_000) { // some 130 kB
		large.Subjects = append(large.Subjects, codesOf(carton, 2*i, 2*i))
	}
	dist.flood(t, slices.Repeat([]trace.Draft{large}, 4))
	settle(t, brand, dist)

	cut, err := brand.finalCut()
	if err != nil {
		t.Fatal(err)
	}
	found, err := brand.resolve(context.Background(), link(toner, serial), cut)
	if err != nil {
		t.Fatal(err)
	}
	positions, err := brand.positions(found, cut)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		budget, dist int
		whole        bool
	}{{maxLookUpBytes, 4, true}, {320_000, 2, false}, {10_000, 0, false}} {
		r := brand.newReading()
		r.left = tt.budget
		events, err := r.load(positions)
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]int{}
		for _, e := range events {
			told[e.Member]++
		}
		if got := fmt.Sprint(told["brand"], told["dist"], r.whole); got != fmt.Sprint(3, tt.dist, tt.whole) {
			t.Errorf("within %d bytes: brand's, dist's, all of it: %s", tt.budget, got)
		}
		if again, err := r.load(positions); err != nil || len(again) != 0 {
			t.Errorf("read again: %d events, %v", len(again), err)
		}
	}
}
