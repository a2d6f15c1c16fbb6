package index

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

const (
	benchEvents = 1_000_000 // events of single items
	benchCase   = 24        // items in a case
	benchPallet = 40        // cases on a pallet
	benchMoves  = 40        // events of each pallet
	benchLot    = 10_000    // items of a lot
)

// BenchmarkGather looks random items up among a million events of single items
// and those of their cases, pallets and lots. With ten times the items a look-up
// should take no longer. The time of a trail is this and reading the positions.
func BenchmarkGather(b *testing.B) {
	for _, items := range []uint32{1_000_000, 9_999_360} { // whole pallets
		b.Run(fmt.Sprint("items=", items), func(b *testing.B) {
			x := openTest(b, Config{Dir: b.TempDir()})
			fillBench(b, x, items)
			cut := x.Applied()
			rnd := rand.New(rand.NewPCG(1, 2))
			positions := 0
			b.ReportAllocs()
			for b.Loop() {
				found, err := x.Gather(item(rnd.Uint32N(items)), cut)
				if err != nil {
					b.Fatal(err)
				}
				positions += len(found)
			}
			b.ReportMetric(float64(positions)/float64(b.N), "events/op")
		})
	}
}

// fillBench writes the history of a run: activations by lot, one pattern into
// cases, pallets that are packed and move, and events of items in random order.
func fillBench(b *testing.B, x *Index, items uint32) {
	a := applier{b: b, x: x}
	a.add(&trace.Event{Kind: ledger.KindProduct, Fields: trace.Values{"gtin": product}})
	a.add(&trace.Event{Kind: ledger.KindRun, Fields: trace.Values{"gtin": product, "run": uint64(0)}})
	for from := uint32(0); from < items; from += benchLot {
		lot := fmt.Sprint("L", from)
		a.add(&trace.Event{Kind: ledger.KindActivate, Fields: trace.Values{"lot": lot},
			Subjects: []trace.Subject{codes(from, min(items, from+benchLot)-1)}})
		a.add(&trace.Event{Kind: ledger.KindInspect, Subjects: []trace.Subject{trace.Of(trace.Lot(product, lot))}})
	}
	cases := items / benchCase
	a.add(&trace.Event{Kind: ledger.KindPack, Subjects: []trace.Subject{{Kind: trace.SubjectPattern,
		Pattern: &trace.Pattern{GTIN: product, Per: benchCase, UnitGTIN: caseOf, Units: cases}}}})
	for i := range cases / benchPallet {
		pallet := trace.Unit(ssccOf(uint64(i)))
		packed := trace.Range{GTIN: caseOf, From: i * benchPallet, To: (i+1)*benchPallet - 1}
		a.add(&trace.Event{Kind: ledger.KindPack, Subjects: []trace.Subject{trace.Contents(pallet, trace.OfRange(packed))}})
		for range benchMoves / 2 {
			a.add(&trace.Event{Kind: ledger.KindShip, Subjects: []trace.Subject{trace.Of(pallet)}})
			a.add(&trace.Event{Kind: ledger.KindReceive, Subjects: []trace.Subject{trace.Of(pallet)}})
		}
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range benchEvents {
		i := rnd.Uint32N(items)
		a.add(&trace.Event{Kind: ledger.KindSell, Subjects: []trace.Subject{codes(i, i)}})
	}
	a.flush()
}

// ssccOf returns the n-th SSCC of a company prefix.
func ssccOf(n uint64) gs1.SSCC {
	for digit := range uint64(10) {
		if s, err := gs1.SSCCFromUint64(360000000000000000 + n*10 + digit); err == nil {
			return s
		}
	}
	panic("no check digit fits")
}

// An applier numbers events and applies them in batches of the largest size.
type applier struct {
	b     *testing.B
	x     *Index
	next  uint64
	batch []*trace.Event
}

func (a *applier) add(e *trace.Event) {
	e.Position = trace.Position{Chain: 1, Seq: a.next + uint64(len(a.batch))}
	e.Hash = ledger.LeafHash(fmt.Append(nil, e.Seq))
	if a.batch = append(a.batch, e); len(a.batch) == 4096 {
		a.flush()
	}
}

func (a *applier) flush() {
	mustApply(a.b, a.x, 1, a.next, a.batch...)
	a.next += uint64(len(a.batch))
	a.batch = a.batch[:0]
}

// BenchmarkApply adds events of single items and of cases, 256 to a batch.
func BenchmarkApply(b *testing.B) {
	for _, c := range []struct {
		name string
		n    uint32
	}{{"items", 1}, {"cases", benchCase}} {
		b.Run(c.name, func(b *testing.B) {
			x := openTest(b, Config{Dir: b.TempDir()})
			a := applier{b: b, x: x}
			rnd := rand.New(rand.NewPCG(5, 6))
			for b.Loop() {
				from := c.n * rnd.Uint32N(10_000_000/c.n)
				a.add(&trace.Event{Kind: ledger.KindReceive, Subjects: []trace.Subject{codes(from, from+c.n-1)}})
				if len(a.batch) == 256 {
					a.flush()
				}
			}
			a.flush()
		})
	}
}

// BenchmarkMentions reads what package stock counts a run by: a million events of
// single items, and those of their cases.
func BenchmarkMentions(b *testing.B) {
	x := openTest(b, Config{Dir: b.TempDir()})
	fillBench(b, x, 9_999_360)
	cut := x.Applied()
	for b.Loop() {
		list, err := x.Mentions(trace.Code(product, 0, 0), cut)
		if err != nil || len(list) < benchEvents {
			b.Fatalf("%d mentions, %v", len(list), err)
		}
	}
}
