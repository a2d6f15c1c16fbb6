package trace

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// The sieve lets through whatever a subject names, and little else.
func TestSieveMissesNothing(t *testing.T) {
	seeds(t, 40, func(t *testing.T, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		var things []Item
		for range 30 {
			things = append(things, Code(wine, uint16(rnd.IntN(2)), rnd.Uint32N(60)), Code(boxes, 1, rnd.Uint32N(10)))
		}
		things = append(things, Unit(pallet), Lot(wine, "L1"), Product(wine))
		rnd.Shuffle(len(things), func(i, j int) { things[i], things[j] = things[j], things[i] })
		v := newSieve(unique(things))
		for _, s := range []Subject{codes(3, 40), OfRange(Range{boxes, 1, 2, 5}), cases(10, 5, 4, Span{From: 12, To: 13}), Of(Unit(pallet)),
			Contents(Unit(pallet), codes(7, 9)), Contents(Code(boxes, 1, 4), codes(0, 20)), Made(codes(0, 9), codes(20, 39)),
			Made(Of(Unit(pallet)), Of(Lot(wine, "L1"))), Of(Lot(wine, "L1")), Of(Product(wine))} {
			through := v.named(nil, &s)
			for at, thing := range v.things {
				if s.Covers(thing) && !slices.Contains(through, at) {
					t.Errorf("seed %d: %s names %s, and the sieve keeps it back", seed, s, thing)
				}
			}
			if !slices.IsSorted(through) {
				t.Errorf("seed %d: %v", seed, through)
			}
		}
	})
}

func unique(things []Item) []Item {
	var list []Item
	for _, i := range things {
		if !slices.Contains(list, i) {
			list = append(list, i)
		}
	}
	return list
}

// What others have written must not name a code twice, nor have patterns without
// end: such a record has no place in any trail.
func TestRecordsThatNameTooMuch(t *testing.T) {
	many := func(n uint32) []Subject {
		var list []Subject
		for i := range n {
			list = append(list, cases(i*10, 10, 1))
		}
		return list
	}
	pal, second := Unit(pallet), Unit(mustSSCC("069012340000000023"))
	for _, c := range []struct {
		name     string
		kind     ledger.Kind
		subjects []Subject
		broken   bool
	}{
		{"a code twice", receive, []Subject{codes(0, 5), codes(5, 9)}, true},
		{"codes that touch", receive, []Subject{codes(0, 4), codes(5, 9)}, false},
		{"a unit by itself and in a unit", unpack, []Subject{Of(pal), Contents(second, Of(pal))}, true},
		{"a unit with two contents", pack, []Subject{Contents(pal, codes(0, 4)), Contents(pal, codes(5, 9))}, false},
		{"a content of two units", pack, []Subject{Contents(pal, codes(0, 4)), Contents(second, codes(4, 9))}, true},
		{"a unit in two units", pack, []Subject{Contents(pal, Of(second)), Contents(Code(boxes, 1, 3), Of(second))}, true},
		{"as many patterns as there may be", pack, many(MaxPatterns), false},
		{"a pattern too many", pack, many(MaxPatterns + 1), true},
	} {
		o, sc := withSubjects(t, c.kind, c.subjects)
		_, err := DecodeEvent(Position{}, o, sc)
		if c.broken != errors.Is(err, ErrForm) || !c.broken && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// withSubjects is a record without fields that its kind's draft could not have.
func withSubjects(t *testing.T, kind ledger.Kind, subjects []Subject) (*ledger.OpenedEntry, *ledger.Sidecar) {
	t.Helper()
	net := ledgertest.New()
	m := net.Member("lanzhi")
	var leaves [][]byte
	for _, s := range subjects {
		raw, err := EncodeSubject(s)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, raw)
	}
	slices.SortFunc(leaves, bytes.Compare)
	r := &ledger.Record{Kind: kind, Network: net.Network.ID, Chain: 1, Member: "lanzhi", Signer: m.OperatorAddress(), At: day0}
	sc, err := ledger.Seal(r, nil, leaves, net)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := ledger.SignRecord(r, m.Operator)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ledger.RecordEntry(ledger.Hash{}, day0, signed)
	if err != nil {
		t.Fatal(err)
	}
	return o, sc
}

// Whoever floods a code hides nothing silently, even with records that are dated
// before all that he had seen.
func TestTooManyRecords(t *testing.T) {
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	w.do("lanzhi", sell, about(codes(0, 99)))
	w.sees("dist")
	for range MaxEvents {
		w.do("dist", receive, about(codes(5, 5)), at(day0))
	}
	tr := w.fold(bottle(5))
	if tr.Verdict != Warn || tr.Findings[0].Code != TooLong || tr.Custody != (Custody{State: Sold}) {
		t.Errorf("%s, %v, %v", tr.Verdict, tr.Custody, tr.Findings[0])
	}
}
