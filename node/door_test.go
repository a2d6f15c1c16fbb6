package node

import (
	"math/rand/v2"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// The door finds the same events of a batch as a look at all of them does.
func TestDoorFindsWhatOverlaps(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	pallet, err := gs1.ParseSSCC("106141412345678908")
	if err != nil {
		t.Fatal(err)
	}
	subject := func() trace.Subject {
		if rnd.IntN(8) == 0 {
			return trace.Of(trace.Unit(pallet))
		}
		width := []uint32{1, 24, 300, 5_000, 100_000}[rnd.IntN(5)]
		from := rnd.Uint32N(200_000)
		return trace.OfRange(trace.Range{GTIN: toner, Run: uint16(rnd.IntN(2)), From: from, To: from + rnd.Uint32N(width)})
	}
	for round := range 20 {
		d := newDoor()
		for seq := range uint64(200) {
			e := &trace.Event{Position: trace.Position{Chain: 1, Seq: seq}, Kind: ledger.KindShip}
			for range 1 + rnd.IntN(3) {
				s := subject()
				if rnd.IntN(3) == 0 {
					s = trace.Contents(trace.Code(carton, 0, rnd.Uint32N(100)), s)
				}
				e.Subjects = append(e.Subjects, s)
			}
			d.admit(e)
		}
		for range 50 {
			s := subject()
			if rnd.IntN(5) == 0 {
				i := rnd.Uint32N(100)
				s = trace.OfRange(trace.Range{GTIN: carton, From: i, To: i})
			}
			got, want := seqs(d.overlapping(s)), []uint64{}
			for _, e := range d.admitted {
				if e.Overlaps(s) {
					want = append(want, e.Seq)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, round %d: %s overlaps with %v, not %v", seed, round, s, want, got)
			}
		}
		if d.begin(); len(d.overlapping(subject())) > 0 {
			t.Fatalf("seed %d: a new batch begins with events of the last", seed)
		}
	}
}

func seqs(events []*trace.Event) []uint64 {
	list := []uint64{}
	for _, e := range events {
		list = append(list, e.Seq)
	}
	slices.Sort(list)
	return list
}

// An event with very many subjects is not kept, so that memory stays bounded.
func TestDoorRemembersSmallEvents(t *testing.T) {
	t.Parallel()
	d := newDoor()
	small := &trace.Event{Position: trace.Position{Chain: 1, Seq: 1}, Subjects: make([]trace.Subject, rememberedSubjects)}
	large := &trace.Event{Position: trace.Position{Chain: 1, Seq: 2}, Subjects: make([]trace.Subject, rememberedSubjects+1)}
	d.remember(small)
	d.remember(large)
	if e, ok := d.recall(small.Position); !ok || e != small {
		t.Error("a small event is not kept")
	}
	if _, ok := d.recall(large.Position); ok {
		t.Error("a large event is kept")
	}
}
