package trace

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
)

// lotWorld has the operations on a lot without serials, in kilograms.
type lotWorld struct {
	*world
	lot Subject
}

func newLotWorld(t *testing.T) *lotWorld {
	w := &lotWorld{newWorld(t), Of(Lot(wine, "B1"))}
	w.product()
	return w
}

// of records an event about so much of the lot.
func (w *lotWorld) of(party string, kind ledger.Kind, kg uint64, opts ...option) *Event {
	s := w.lot
	if kind == making {
		s = Made(OfRange(Range{boxes, 1, 0, 9}), w.lot)
	}
	return w.do(party, kind, append(opts, about(s), field("lot", "B1"), field("quantity", Quantity{kg, "KGM"}))...)
}

// What a party has of a lot, and what it has sent on without having it, over
// everything that can become of such goods.
func TestStockOfALot(t *testing.T) {
	destroyed, restocked := field("disposition", "destroy"), field("disposition", "restock")
	for _, c := range []struct {
		name     string
		do       func(w *lotWorld)
		balances string
		short    string
	}{
		{"made and shipped", func(w *lotWorld) {
			w.of("lanzhi", ship, 60, to("wh"))
			w.of("wh", receive, 60)
		}, "lanzhi 40, wh 60", ""},
		{"shipped more than made", func(w *lotWorld) { w.of("lanzhi", ship, 130, to("wh")) }, "lanzhi -30", "lanzhi 30"},
		{"sold, and back on the shelf", func(w *lotWorld) {
			w.of("lanzhi", sell, 50)
			w.of("lanzhi", takeBack, 20, restocked)
		}, "lanzhi 70", ""},
		{"sold, and back to be destroyed", func(w *lotWorld) {
			w.of("lanzhi", sell, 50)
			w.of("lanzhi", takeBack, 20, destroyed)
		}, "lanzhi 50", ""},
		{"packed for the shelf", func(w *lotWorld) { w.of("lanzhi", making, 30, field("type", "repackage")) }, "lanzhi 70", ""},
		{"packed more than there was", func(w *lotWorld) { w.of("lanzhi", making, 104, field("type", "repackage")) }, "lanzhi -4", "lanzhi 4"},
		{"packed for the shelf, nobody says how much", func(w *lotWorld) {
			w.do("lanzhi", making, about(Made(OfRange(Range{boxes, 1, 0, 9}), w.lot)), field("type", "repackage"))
			w.of("lanzhi", sell, 200)
		}, "", ""},
		{"received by the host and shipped by its party", func(w *lotWorld) {
			w.of("lanzhi", ship, 80, to("wh"))
			w.of("wh", receive, 80)
			w.of("wh/dc", ship, 70, to("dist"))
		}, "lanzhi 20, wh 80, wh/dc -70", ""},
		{"received by the party and shipped by its host", func(w *lotWorld) {
			w.of("lanzhi", ship, 80, to("wh/dc"))
			w.of("wh/dc", receive, 80)
			w.of("wh", ship, 90, to("dist"))
		}, "lanzhi 20, wh -90, wh/dc 80", "wh 10"},
		{"two parties ship what their host has once", func(w *lotWorld) {
			w.of("lanzhi", ship, 80, to("wh"))
			w.of("wh", receive, 80)
			w.of("wh/a", ship, 50, to("dist"))
			w.of("wh/b", ship, 50, to("dist"))
		}, "lanzhi 20, wh 80, wh/a -50, wh/b -50", "wh/b 20"},
		{"one party ships what another one has", func(w *lotWorld) {
			w.of("lanzhi", ship, 80, to("wh/a"))
			w.of("wh/a", receive, 80)
			w.of("wh/b", ship, 50, to("dist"))
		}, "lanzhi 20, wh/a 80, wh/b -50", "wh/b 50"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newLotWorld(t)
			w.of("lanzhi", activate, 100)
			c.do(w)
			tr := w.fold(Lot(wine, "B1"))
			var balances []string
			for _, b := range tr.Balances() {
				balances = append(balances, fmt.Sprint(b.Party, " ", b.Value))
			}
			if got := strings.Join(balances, ", "); got != c.balances {
				t.Errorf("balances %q, want %q", got, c.balances)
			}
			_, list := NowOf(tr, time.UnixMilli(w.now))
			var short []string
			for _, f := range list {
				if f.Code == NegativeStock {
					short = append(short, fmt.Sprint(f.a, " ", f.n))
				}
			}
			if got := strings.Join(short, ", "); got != c.short {
				t.Errorf("short %q, want %q", got, c.short)
			}
		})
	}
}

// A record that counts says how much, and of which one lot.
func TestQuantityOfOneLot(t *testing.T) {
	lot, other, box := Of(Lot(wine, "B1")), Of(Lot(wine, "B2")), OfRange(Range{boxes, 1, 0, 9})
	kg := Values{"quantity": Quantity{5, "KGM"}}
	for _, c := range []struct {
		kind     ledger.Kind
		subjects []Subject
		fields   Values
		ok       bool
	}{
		{ship, []Subject{lot}, kg, true},
		{ship, []Subject{lot}, nil, false},
		{ship, []Subject{lot, codes(0, 9)}, kg, false},
		{ship, []Subject{codes(0, 9)}, kg, false},
		{making, []Subject{Made(box, lot)}, kg, true},
		{making, []Subject{Made(box, lot)}, nil, false},
		{making, []Subject{Made(box, lot), Made(box, codes(0, 9))}, kg, true},
		{making, []Subject{Made(box, lot), Made(box, other)}, kg, false},
		{making, []Subject{Made(box, codes(0, 9))}, kg, false},
		{making, []Subject{Made(box, codes(0, 9))}, nil, true},
		{inspect, []Subject{lot, other}, nil, true},
	} {
		if err := checkQuantities(c.kind, c.subjects, c.fields); (err == nil) != c.ok {
			t.Errorf("%s about %v with %v: %v", c.kind, slices.Clone(c.subjects), c.fields, err)
		}
	}
}

// What strangers say of a shipment of a lot neither accuses its sides, nor hides what
// did not come, nor gives anybody stock.
func TestStrangersToAShipmentOfALot(t *testing.T) {
	for _, c := range []struct {
		name     string
		do       func(w *lotWorld, s *Event)
		balances string
		findings string
	}{
		{"receives of what has come", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 50, refs(s))
			w.of("dist", receive, 5, refs(s))
		}, "lanzhi 50, wh 50", ""},
		{"receives what did not come", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 40, refs(s))
			w.of("dist", receive, 10, refs(s))
		}, "lanzhi 50, wh 40", "short-receipt 10"},
		{"does not say how much", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 40, refs(s))
			w.do("dist", receive, about(w.lot), refs(s))
		}, "lanzhi 50, wh 40", "short-receipt 10"},
		{"cancels", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 40, refs(s))
			w.do("dist", cancel, about(w.lot), refs(s))
		}, "lanzhi 50, wh 40", "short-receipt 10"},
		{"names it with one to himself", func(w *lotWorld, s *Event) {
			own := w.of("lanzhi", ship, 10, to("dist"))
			w.of("wh", receive, 40, refs(s))
			w.of("dist", receive, 10, refs(s, own))
		}, "dist 10, lanzhi 40, wh 40", "short-receipt 10"},
		{"its receiver's party receives", func(w *lotWorld, s *Event) {
			w.of("wh/dc", receive, 60, refs(s))
		}, "lanzhi 50, wh/dc 60", "over-receipt 10"},
		{"its sender cancels, and its receiver", func(w *lotWorld, s *Event) {
			w.do("wh", cancel, about(w.lot), refs(s))
			w.do("lanzhi", cancel, about(w.lot), refs(s))
		}, "lanzhi 100", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newLotWorld(t)
			w.of("lanzhi", activate, 100)
			c.do(w, w.of("lanzhi", ship, 50, to("wh")))
			tr := w.fold(Lot(wine, "B1"))
			var balances, findings []string
			for _, b := range tr.Balances() {
				balances = append(balances, fmt.Sprint(b.Party, " ", b.Value))
			}
			if got := strings.Join(balances, ", "); got != c.balances {
				t.Errorf("balances %q, want %q", got, c.balances)
			}
			for _, f := range tr.PartyFindings() {
				findings = append(findings, fmt.Sprint(f.Code, " ", f.n))
			}
			if got := strings.Join(findings, ", "); got != c.findings {
				t.Errorf("findings %q, want %q", got, c.findings)
			}
		})
	}
}
