package stock

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
)

const (
	benchCodes  = 9_999_984 // whole cases
	benchCase   = 24
	benchLot    = 100_008 // whole cases
	benchSales  = 100_000
	benchRegion = 8
)

// BenchmarkCount counts a run of ten million codes: activated in lots, packed
// into cases by one pattern, shipped and received lot by lot, and a hundred
// thousand of them sold one by one. "first" folds whatever differs; "again" is
// after one more sale; "nothing new" after none.
func BenchmarkCount(b *testing.B) {
	w, run := benchWorld()
	ctx := context.Background()
	var tally *Tally
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			var err error
			if tally, err = Count(ctx, w.all(), run, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(tally.Cells)), "cells")
		b.ReportMetric(float64(len(w.list)), "records")
	})
	if tally == nil {
		return
	}
	b.Run("again", func(b *testing.B) {
		rnd := rand.New(rand.NewPCG(5, 6))
		for b.Loop() {
			b.StopTimer()
			w.sell(rnd)
			b.StartTimer()
			var err error
			if tally, err = Count(ctx, w.all(), run, tally.Memo); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("group", func(b *testing.B) {
		for b.Loop() {
			g := NewGroups([]Dim{ByParty, ByState, ByLot})
			g.Add(tally, Filter{})
			if len(g.Rows()) == 0 {
				b.Fatal("no rows")
			}
		}
	})
}

func benchWorld() (*world, trace.Range) {
	w := newWorld()
	w.run(wine, bottles, benchCodes)
	w.run(boxes, caseRun, benchCodes/benchCase)
	run := trace.Range{GTIN: wine, Run: bottles, To: benchCodes - 1}
	of := func(from, n uint32) []trace.Subject {
		return []trace.Subject{trace.OfRange(trace.Range{GTIN: wine, Run: bottles, From: from, To: min(from+n, benchCodes) - 1})}
	}
	for from := uint32(0); from < benchCodes; from += benchLot {
		w.do("lanzhi", ledger.KindActivate, of(from, benchLot), trace.Values{"lot": fmt.Sprint("L", from/benchLot), "produced": "2026-03-01"})
	}
	w.do("lanzhi", ledger.KindPack, []trace.Subject{{Kind: trace.SubjectPattern, Pattern: &trace.Pattern{
		GTIN: wine, Run: bottles, Per: benchCase, UnitGTIN: boxes, UnitRun: caseRun, Units: benchCodes / benchCase}}}, nil)
	for from := uint32(0); from < benchCodes; from += benchLot {
		first := from / benchCase
		cases := []trace.Subject{trace.OfRange(trace.Range{GTIN: boxes, Run: caseRun, From: first, To: min(first+benchLot/benchCase, benchCodes/benchCase) - 1})}
		s := w.do("lanzhi", ledger.KindShip, cases, trace.Values{"purpose": "sale", "to": "wh"})
		w.do("wh", ledger.KindReceive, cases, nil, s.Hash)
		s = w.do("wh", ledger.KindShip, cases, trace.Values{"purpose": "sale", "to": "dist/store"})
		w.do("dist/store", ledger.KindReceive, cases, nil, s.Hash)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range benchSales {
		w.sell(rnd)
	}
	return w, run
}

// sell sells a code in some region.
func (w *world) sell(rnd *rand.Rand) {
	w.do("dist/store", ledger.KindSell, []trace.Subject{trace.Of(trace.Code(wine, bottles, rnd.Uint32N(benchCodes)))},
		trace.Values{"channel": "store", "region": fmt.Sprintf("4401%02d", rnd.IntN(benchRegion))})
}
