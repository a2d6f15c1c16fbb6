package trace

import (
	"maps"
	"slices"
	"testing"

	"suyuan/ledger"
)

// closed returns a random cut of a world that holds whatever its entries had seen:
// what is final at some moment while records are still on their way.
func (p *plant) closed() map[uint32]uint64 {
	cut := maps.Clone(p.w.size)
	for chain, size := range cut {
		if p.rnd.IntN(2) == 0 {
			cut[chain] = size - p.rnd.Uint64N(size/2+1)
		}
	}
	for shrunk := true; shrunk; {
		shrunk = false
		for _, e := range p.w.events {
			for chain, size := range p.w.seenAt[e.Position] {
				if chain != e.Chain && e.Seq < cut[e.Chain] && size > cut[chain] {
					cut[e.Chain], shrunk = e.Seq, true
				}
			}
		}
	}
	return cut
}

// While records are on their way, an honest world's trails may lack something and
// say so; they never say that a code may have been copied, unless it was sold again
// after a return of which nobody has heard. When everything is there, nothing of it is left (see [TestFoldAgreesWithTheTruth]).
func TestLateDeliveriesResolveThemselves(t *testing.T) {
	partial, wanting := 0, 0
	seeds(t, 80, func(t *testing.T, seed uint64) {
		p := newPlant(t, seed)
		p.live(60)
		p.publish()
		if p.blind() {
			return
		}
		cut := p.closed()
		known := map[ledger.Hash]bool{}
		for _, e := range within(p.w.events, cut) {
			known[e.Hash] = true
		}
		for _, i := range p.things[:plantBottles] {
			in := p.w.input(i)
			in.AsOf, in.Known = cut, func(h ledger.Hash) bool { return known[h] }
			tr := Fold(in)
			partial++
			if len(tr.Events) > 0 && !slices.Equal(tr.Events[1:], p.history[i]) {
				wanting++
			}
			returning := slices.ContainsFunc(p.history[i], func(e *Event) bool { return e.Kind == takeBack && !known[e.Hash] })
			if tr.Verdict == Suspicious && !returning {
				t.Errorf("seed %d: %s is suspicious: %v\n%s", seed, i, told(tr), p.story(i, tr))
			}
		}
	})
	if allSeeds() && !t.Failed() && wanting*10 < partial {
		t.Errorf("only %d of %d trails lack anything: the test shows little", wanting, partial)
	}
}

// Each event says when it happened, in the zone where it did, and when it was
// known; how late that is, only its parties are told.
func TestEventsSayWhenTheyWereKnown(t *testing.T) {
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	happened := w.now + 1
	late := w.do("lanzhi", ship, about(codes(0, 99)), to("wh"), at(happened), recorded(happened+72*3_600_000))
	tr := w.fold(bottle(5))
	for _, v := range []Viewer{{Code: true}, {Member: "dist"}, {Member: "wh"}} {
		view := tr.For(v)
		i := slices.IndexFunc(view.Events, func(e EventView) bool { return e.ID == late.ID })
		if e := view.Events[i]; !mustTime(t, e.Recorded).After(mustTime(t, e.At)) || mustTime(t, e.Recorded).Sub(mustTime(t, e.At)).Hours() != 72 || e.At[len(e.At)-6:] != "+08:00" {
			t.Errorf("%+v is told %s, known %s", v, e.At, e.Recorded)
		}
		told := slices.ContainsFunc(view.Findings, func(f FindingView) bool { return f.Code == Late })
		if told != (v.Member == "wh") {
			t.Errorf("%+v is told that it is late: %v", v, told)
		}
	}
}

// Who dates a record back behind others that he knew, so that these contradict each
// other, bears that himself, also where nothing contradicts his record then.
func TestMisdatedRecords(t *testing.T) {
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	when := w.now + 1
	w.do("dist", receive, about(codes(5, 5)))
	w.do("lanzhi", receive, about(codes(5, 5))) // a lie: dist has it
	w.do("dist", sell, about(codes(5, 5)))
	w.check(bottle(5), Consistent, Active, "lanzhi", ReceivedAgain, ReceivedNotShipped, SoldByNonHolder) // a stranger's
	w.sees("lanzhi")
	w.do("lanzhi", ship, about(codes(5, 5)), to("dist"), at(when))
	w.check(bottle(5), Warn, InTransit, "lanzhi", Misdated, ReceivedAgain, ReceivedNotShipped, SoldByNonHolder)
}
