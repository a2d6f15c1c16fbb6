package trace

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// haulsOf is what the trails of things say of shipments, one haul for each leg.
func (w *world) haulsOf(things []Item) []Haul {
	var list []Haul
	here := map[ledger.Hash]bool{}
	for _, e := range w.events {
		here[e.Hash] = true
	}
	for _, i := range things {
		in := w.input(i)
		in.Known = func(h ledger.Hash) bool { return here[h] }
		for _, l := range Fold(in).Legs {
			h := Haul{End: l.End, Unit: l.Unit, First: i, Count: 1}
			if l.Shipment != nil {
				h.Shipment = l.Shipment.Position
			}
			if l.By != nil {
				h.By = l.By.Position
			}
			list = append(list, h)
		}
	}
	return list
}

// discrepancies is what does not add up in shipments of things.
func (w *world) discrepancies(things []Item) []Discrepancy {
	byPosition := map[Position]*Event{}
	for _, e := range w.events {
		byPosition[e.Position] = e.Paper()
	}
	return Quantities(w.charter, w.haulsOf(things), func(p Position) *Event { return byPosition[p] })
}

// product names in the tests' words.
var goodsNames = map[gs1.GTIN]string{wine: "wine", boxes: "boxes", {}: "units"}

// tellQuantities writes discrepancies down: "(later)" for those that begin to hold
// after the newest entry.
func tellQuantities(list []Discrepancy, now int64) []string {
	var words []string
	for _, d := range list {
		s := fmt.Sprintf("%s %s %d", d.Code, goodsNames[d.gtin], d.n)
		if d.m > 0 {
			s += fmt.Sprintf("/%d", d.m)
		}
		if d.Due() > now {
			s += " (later)"
		}
		words = append(words, s)
	}
	slices.Sort(words)
	return words
}

var otherPallet, thirdPallet = mustSSCC("069012340000000030"), mustSSCC("069012340000000023")

// quantityThings are bottles, their cases and pallets.
func quantityThings() []Item {
	things := []Item{Unit(pallet), Unit(otherPallet), Unit(thirdPallet)}
	for i := range uint32(24) {
		things = append(things, bottle(i))
	}
	for i := range uint32(4) {
		things = append(things, Code(boxes, 1, i))
	}
	return things
}

// packed records 24 bottles in four cases, of which two stand on a pallet.
func (w *world) packed() {
	w.product()
	w.do("lanzhi", ledger.KindProduct, field("gtin", boxes), field("version", uint64(1)), field("issuing_chain", uint64(3)))
	w.do("lanzhi", ledger.KindRun, field("gtin", boxes), field("run", uint64(1)), field("count", uint64(4)))
	w.do("lanzhi", activate, about(codes(0, 23)), field("lot", "L1"))
	w.do("lanzhi", pack, about(Subject{Kind: SubjectPattern, Pattern: &Pattern{GTIN: wine, Run: 1, Per: 6, UnitGTIN: boxes, UnitRun: 1, Units: 4}}))
	w.do("lanzhi", pack, about(Contents(Unit(pallet), boxesOf(0, 1))))
}

func boxesOf(from, to uint32) Subject { return OfRange(Range{boxes, 1, from, to}) }

func noted(lines ...Line) option    { return field("lines", lines) }
func checked(lines ...Count) option { return field("lines", lines) }

// Receipts compare like with like, however goods were packed when they were sent and
// when they came.
func TestQuantities(t *testing.T) {
	onPallet := about(Of(Unit(pallet)))
	for _, c := range []struct {
		name string
		do   func(w *world)
		want []string
	}{
		{"a pallet is received as a pallet", func(w *world) {
			s := w.do("lanzhi", ship, onPallet, to("wh"))
			w.do("wh", receive, onPallet, refs(s))
		}, nil},
		{"its cases are received", func(w *world) {
			s := w.do("lanzhi", ship, onPallet, to("wh"))
			w.do("wh", receive, about(boxesOf(0, 1)), refs(s))
		}, nil},
		{"its bottles are received", func(w *world) {
			s := w.do("lanzhi", ship, onPallet, to("wh"))
			w.do("wh", receive, about(codes(0, 11)), refs(s))
		}, nil},
		{"a case and some bottles are received", func(w *world) {
			s := w.do("lanzhi", ship, onPallet, to("wh"))
			w.do("wh", receive, about(boxesOf(0, 0), codes(6, 9)), refs(s))
		}, []string{"short-receipt wine 2 (later)"}},
		{"what was sent by itself comes in its cases", func(w *world) {
			s := w.do("lanzhi", ship, about(codes(0, 11)), to("wh"))
			w.do("wh", receive, about(boxesOf(0, 1)), refs(s))
		}, nil},
		{"cases of which only one comes, out of the pallet that they left", func(w *world) {
			s := w.do("lanzhi", ship, about(boxesOf(0, 0), boxesOf(2, 2)), to("wh"))
			w.do("wh", receive, about(boxesOf(2, 2)), refs(s))
		}, []string{"short-receipt wine 6 (later)"}},
		{"nothing has come so far", func(w *world) {
			w.do("lanzhi", ship, onPallet, to("wh"))
		}, nil},
		{"the rest has days to come", func(w *world) {
			s := w.do("lanzhi", ship, onPallet, to("wh"))
			w.do("wh", receive, about(boxesOf(0, 0)), refs(s))
			w.now += 46 * hour
			w.do("wh", ledger.KindPlace)
		}, []string{"short-receipt wine 6 (later)"}},
		{"and is short when they are over", func(w *world) {
			s := w.do("lanzhi", ship, onPallet, to("wh"))
			w.do("wh", receive, about(boxesOf(0, 0)), refs(s))
			w.now += 48 * hour
			w.do("wh", ledger.KindPlace)
		}, []string{"short-receipt wine 6"}},
		{"a second receipt gives it more days", func(w *world) {
			s := w.do("lanzhi", ship, about(codes(0, 11)), to("wh"))
			w.do("wh", receive, about(codes(0, 3)), refs(s))
			w.now += 40 * hour
			w.do("wh", receive, about(codes(4, 7)), refs(s))
			w.now += 40 * hour
			w.do("wh", ledger.KindPlace)
		}, []string{"short-receipt wine 4 (later)"}},
		{"who counts it through leaves nothing to come", func(w *world) {
			s := w.do("lanzhi", ship, onPallet, to("wh"), noted(Line{boxes, 2}))
			w.do("wh", receive, about(boxesOf(0, 0)), refs(s), checked(Count{boxes, 2, 1, 0}))
		}, []string{"quantity-differs boxes 2/1", "short-receipt wine 6"}},
		{"who counts a part of it does not", func(w *world) {
			s := w.do("lanzhi", ship, about(boxesOf(0, 3)), to("wh"), noted(Line{boxes, 4}))
			w.do("wh", receive, about(boxesOf(0, 0)), refs(s), checked(Count{boxes, 2, 1, 0}))
		}, []string{"quantity-differs boxes 2/1", "short-receipt wine 18 (later)"}},
		{"two receipts count it through together", func(w *world) {
			s := w.do("lanzhi", ship, about(boxesOf(0, 3)), to("wh"), noted(Line{boxes, 4}))
			w.do("wh", receive, about(boxesOf(0, 1)), refs(s), checked(Count{boxes, 2, 2, 0}))
			w.do("wh", receive, about(boxesOf(2, 2)), refs(s), checked(Count{boxes, 2, 1, 0}))
		}, []string{"quantity-differs boxes 2/1", "short-receipt wine 6"}},
		{"one receipt counts two shipments through", func(w *world) {
			s1 := w.do("lanzhi", ship, about(boxesOf(0, 1)), to("wh"))
			s2 := w.do("lanzhi", ship, about(boxesOf(2, 3)), to("wh"))
			w.do("wh", receive, about(boxesOf(0, 0), boxesOf(2, 3)), refs(s1, s2), checked(Count{wine, 24, 18, 0}))
		}, []string{"quantity-differs wine 24/18", "short-receipt wine 6"}},
		{"lines of several delivery notes are added up", func(w *world) {
			s := w.do("lanzhi", ship, about(codes(0, 11)), to("wh"), noted(Line{wine, 5}, Line{wine, 7}), field("delivery_notes", []string{"A", "B"}))
			w.do("wh", receive, about(codes(0, 11)), refs(s), checked(Count{wine, 5, 5, 1}, Count{wine, 7, 7, 0}))
		}, []string{"received-damaged wine 1/12"}},
		{"a delivery note that is wrong", func(w *world) {
			w.do("lanzhi", ship, onPallet, to("wh"), noted(Line{wine, 13}, Line{boxes, 2}))
		}, []string{"lines-differ wine 13/12"}},
		{"a count that the codes belie", func(w *world) {
			s := w.do("lanzhi", ship, onPallet, to("wh"))
			w.do("wh", receive, onPallet, refs(s), checked(Count{wine, 12, 11, 0}))
		}, []string{"lines-differ wine 11/12", "quantity-differs wine 12/11"}},
		{"more comes than was sent", func(w *world) {
			s := w.do("lanzhi", ship, about(codes(0, 5)), to("wh"))
			w.do("wh", receive, about(codes(0, 7)), refs(s))
		}, []string{"over-receipt wine 2"}},
		{"it names what was sent to another", func(w *world) {
			s := w.do("lanzhi", ship, about(codes(0, 5)), to("wh"))
			w.do("dist", receive, about(codes(0, 7)), refs(s))
		}, nil},
		{"it names no shipment, which is a story of its own", func(w *world) {
			w.do("wh", receive, about(codes(0, 7)))
		}, nil},
		{"the shipment is not here yet", func(w *world) {
			w.do("lanzhi", ship, about(codes(10, 10)), to("wh"))
			w.do("wh", receive, about(codes(0, 7)), func(e *Event) { e.Refs = []ledger.Hash{{9}} })
		}, nil},
		{"the recipient refuses a part, and the rest comes", func(w *world) {
			s := w.do("lanzhi", ship, about(boxesOf(0, 1)), to("wh"))
			w.do("wh", cancel, about(boxesOf(0, 0)), refs(s))
			w.do("wh", receive, about(boxesOf(1, 1)), refs(s))
		}, nil},
		{"the sender keeps a part", func(w *world) {
			s := w.do("lanzhi", ship, about(boxesOf(0, 1)), to("wh"))
			w.do("lanzhi", cancel, about(boxesOf(0, 0)), refs(s))
			w.do("wh", receive, about(codes(6, 11)), refs(s))
		}, nil},
		{"the sender sells what he sent", func(w *world) {
			s := w.do("lanzhi", ship, about(codes(0, 5)), to("wh"))
			w.do("lanzhi", sell, about(codes(0, 0)))
			w.do("wh", receive, about(codes(1, 5)), refs(s))
		}, nil},
		{"sent on without a word", func(w *world) {
			w.do("lanzhi", ship, onPallet, to("wh"))
			s := w.do("wh", ship, onPallet, to("dist"))
			w.do("dist", receive, about(boxesOf(0, 0)), refs(s))
		}, []string{"short-receipt wine 6 (later)"}},
		{"cross-docked case by case", func(w *world) {
			s := w.do("lanzhi", ship, onPallet, to("wh"))
			w.do("wh", receive, onPallet, refs(s))
			a := w.do("wh", ship, about(boxesOf(0, 0)), to("dist"), field("purpose", "cross-dock"))
			b := w.do("wh", ship, about(boxesOf(1, 1)), to("dist/store1"), field("purpose", "cross-dock"))
			w.do("dist", receive, about(codes(0, 5)), refs(a))
			w.do("dist/store1", receive, about(boxesOf(1, 1)), refs(b))
		}, nil},
		{"a mixed pallet with a case, bottles and a pallet", func(w *world) {
			w.do("lanzhi", pack, about(Contents(Unit(otherPallet), Of(Unit(pallet))), Contents(Unit(otherPallet), boxesOf(2, 2)), Contents(Unit(otherPallet), codes(18, 20))))
			s := w.do("lanzhi", ship, about(Of(Unit(otherPallet))), to("wh"))
			w.do("wh", receive, about(boxesOf(0, 0), codes(6, 11), boxesOf(2, 2), codes(18, 19)), refs(s))
		}, []string{"short-receipt wine 1 (later)"}},
		{"emptied cases are pieces again", func(w *world) {
			w.do("lanzhi", unpack, about(boxesOf(0, 1)))
			s := w.do("lanzhi", ship, about(boxesOf(0, 1)), to("wh"))
			w.do("wh", receive, about(boxesOf(0, 0)), refs(s))
		}, []string{"short-receipt boxes 1 (later)"}},
		{"pallets of which nobody has said what is on them", func(w *world) {
			s := w.do("wh", ship, about(Of(Unit(otherPallet)), Of(Unit(thirdPallet))), to("dist"))
			w.do("dist", receive, about(Of(Unit(thirdPallet))), refs(s))
		}, []string{"short-receipt units 1 (later)"}},
		{"received by another", func(w *world) {
			s := w.do("lanzhi", ship, about(codes(0, 5)), to("wh"))
			w.do("wh", receive, about(codes(0, 3)), refs(s))
			w.do("wh", ship, about(codes(0, 1)), to("lanzhi"))
			w.do("lanzhi", void, about(codes(4, 4)))
		}, []string{"short-receipt wine 1 (later)"}},
		{"corrected to fewer", func(w *world) {
			s := w.do("lanzhi", ship, about(codes(0, 11)), to("wh"))
			w.do("wh", receive, about(codes(0, 5)), refs(s))
			right := w.do("lanzhi", ship, about(codes(0, 5)), to("wh"))
			w.do("lanzhi", correct, about(codes(0, 11)), target(s), replacement(right))
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.packed()
			c.do(w)
			if got := tellQuantities(w.discrepancies(quantityThings()), w.now); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// Quantities are told to both sides, the brand of the product and the auditors, in
// words with the product in them.
func TestQuantitiesAreForParties(t *testing.T) {
	w := newWorld(t)
	w.packed()
	s := w.do("lanzhi", ship, about(codes(0, 11)), to("wh"))
	r := w.do("wh", receive, about(codes(0, 9), codes(20, 20)), refs(s), checked(Count{wine, 13, 12, 1}))
	tr := w.fold(bottle(5))
	want := map[string][2]string{
		QuantityDiffers: {"华东仓收货清点商品06901234567892：应有13件，实有12件。", "East DC counted product 06901234567892 on receipt: 13 expected, 12 there."},
		ReceivedDamaged: {"华东仓收货清点商品06901234567892：12件中有1件破损。", "East DC counted product 06901234567892 on receipt: 1 of 12 damaged."},
		ShortReceipt:    {"兰芷的发货中，2件商品06901234567892没有收货记录。", "Of a shipment by Lanzhi, 2 pieces of product 06901234567892 have no record of receipt."},
		LinesDiffer:     {"华东仓在单据中将商品06901234567892计为12件，而同一记录所含的码为11件。", "The lines of a record by East DC count 12 of product 06901234567892, and its codes are 11."},
		OverReceipt:     {"华东仓收到1件商品06901234567892，而兰芷的发货中没有。", "East DC received 1 piece of product 06901234567892 that the shipment by Lanzhi did not have."},
	}
	for _, d := range w.discrepancies(quantityThings()) {
		list := []Finding{d.Finding}
		for viewer, told := range map[Viewer]bool{{}: false, {Code: true}: false, {Member: "dist"}: false, {Member: "wh"}: true, {Member: "lanzhi"}: true, {Member: "audit"}: true, {Party: "dist/store1"}: false} {
			if got := tr.Words(list, viewer); (len(got) > 0) != told {
				t.Errorf("%s: %+v is told %v", d.Code, viewer, got)
			}
		}
		words := tr.Words(list, Viewer{Member: "wh"})
		if got := [2]string{words[0].Zh, words[0].En}; got != want[d.Code] {
			t.Errorf("%s: %q\nwant %q", d.Code, got, want[d.Code])
		}
		bearer, other := s, r
		if strings.HasPrefix(d.Code, "over") || d.By.ID == r.ID {
			bearer, other = r, s
		}
		if !slices.Equal(d.Records, []ledger.Hash{bearer.ID, other.ID}) {
			t.Errorf("%s: records %v", d.Code, d.Records)
		}
		delete(want, d.Code)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

// Of two brands on one pallet each is told of its own goods only.
func TestQuantitiesOfTwoBrands(t *testing.T) {
	w := newWorld(t)
	w.charter.Members[3].Prefixes = []string{"6909999"}
	other := mustGTIN("06909999000012")
	w.product()
	w.do("wh", ledger.KindProduct, field("gtin", other), field("version", uint64(1)), field("issuing_chain", uint64(4)))
	w.do("wh", ledger.KindRun, field("gtin", other), field("run", uint64(1)), field("count", uint64(10)))
	w.do("wh", activate, about(OfRange(Range{other, 1, 0, 9})), field("lot", "O"))
	w.do("lanzhi", activate, about(codes(0, 9)), field("lot", "L"))
	in := w.do("lanzhi", ship, about(codes(0, 9)), to("dist"))
	w.do("dist", receive, about(codes(0, 9)), refs(in))
	in = w.do("wh", ship, about(OfRange(Range{other, 1, 0, 9})), to("dist"))
	w.do("dist", receive, about(OfRange(Range{other, 1, 0, 9})), refs(in))
	s := w.do("dist", ship, about(codes(0, 9), OfRange(Range{other, 1, 0, 9})), to("dist/store1"))
	w.do("dist/store1", receive, about(codes(0, 8), OfRange(Range{other, 1, 0, 4})), refs(s))
	var things []Item
	for i := range uint32(10) {
		things = append(things, bottle(i), Code(other, 1, i))
	}
	told := map[string]uint64{}
	for _, d := range w.discrepancies(things) {
		for _, m := range []string{"lanzhi", "wh", "dist", "audit"} {
			if d.For(Viewer{Member: m}) {
				told[m] += d.Count
			}
		}
		if !d.For(Viewer{Party: "dist/store1"}) || d.For(Viewer{Party: "dist/store2"}) {
			t.Errorf("%s: the store is not told, or another", d.Code)
		}
	}
	for m, want := range map[string]uint64{"lanzhi": 1, "wh": 5, "dist": 6, "audit": 6} {
		if told[m] != want {
			t.Errorf("%s is told of %d pieces, want %d", m, told[m], want)
		}
	}
}

// Lots without serials are compared by shipment, in one unit of measure.
func TestQuantitiesOfLots(t *testing.T) {
	lot := about(Of(Lot(wine, "B1")))
	kg := func(n uint64) option { return field("quantity", Quantity{n, "KGM"}) }
	for _, c := range []struct {
		name string
		do   func(w *world) *Event // the last shipment
		want string
	}{
		{"all came", func(w *world) *Event {
			s := w.do("lanzhi", ship, lot, kg(50), to("wh"))
			w.do("wh", receive, lot, kg(50), refs(s))
			return s
		}, ""},
		{"nothing came so far", func(w *world) *Event { return w.do("lanzhi", ship, lot, kg(50), to("wh")) }, ""},
		{"some came", func(w *world) *Event {
			s := w.do("lanzhi", ship, lot, kg(50), to("wh"))
			w.do("wh", receive, lot, kg(45), refs(s))
			return s
		}, "short-receipt 5 later"},
		{"some came long ago", func(w *world) *Event {
			s := w.do("lanzhi", ship, lot, kg(50), to("wh"))
			w.do("wh", receive, lot, kg(45), refs(s))
			w.now += 48 * hour
			return s
		}, "short-receipt 5"},
		{"in two receipts", func(w *world) *Event {
			s := w.do("lanzhi", ship, lot, kg(50), to("wh"))
			w.do("wh", receive, lot, kg(20), refs(s))
			w.do("wh", receive, lot, kg(30), refs(s))
			return s
		}, ""},
		{"two shipments in one receipt, too much", func(w *world) *Event {
			a := w.do("lanzhi", ship, lot, kg(50), to("wh"))
			b := w.do("lanzhi", ship, lot, kg(40), to("wh"))
			w.do("wh", receive, lot, kg(91), refs(a, b))
			return b
		}, "over-receipt 1"},
		{"two of three shipments together by way of one receipt", func(w *world) *Event {
			a := w.do("lanzhi", ship, lot, kg(50), to("wh"))
			b := w.do("lanzhi", ship, lot, kg(40), to("wh"))
			w.do("wh", receive, lot, kg(10), refs(a))
			w.do("wh", receive, lot, kg(20), refs(b))
			w.do("wh", receive, lot, kg(60), refs(a, b))
			return w.do("lanzhi", ship, lot, kg(7), to("wh"))
		}, ""},
		{"cancelled", func(w *world) *Event {
			s := w.do("lanzhi", ship, lot, kg(50), to("wh"))
			w.do("lanzhi", cancel, lot, refs(s))
			return s
		}, ""},
		{"in another unit of measure", func(w *world) *Event {
			s := w.do("lanzhi", ship, lot, kg(50), to("wh"))
			w.do("wh", receive, lot, field("quantity", Quantity{4, "BX"}), refs(s))
			return s
		}, ""},
		{"not known here", func(w *world) *Event {
			s := w.do("lanzhi", ship, lot, kg(50), to("wh"))
			w.do("wh", receive, lot, refs(s))
			return s
		}, ""},
		{"corrected", func(w *world) *Event {
			s := w.do("lanzhi", ship, lot, kg(50), to("wh"))
			w.do("wh", receive, lot, kg(45), refs(s))
			right := w.do("lanzhi", ship, lot, kg(45), to("wh"))
			w.do("lanzhi", correct, lot, target(s), replacement(right))
			return right
		}, "short-receipt 5 later"},
		{"corrected, and still too little", func(w *world) *Event {
			s := w.do("lanzhi", ship, lot, kg(50), to("wh"))
			w.do("wh", receive, lot, kg(40), refs(s))
			right := w.do("lanzhi", ship, lot, kg(45), to("wh"))
			w.do("lanzhi", correct, lot, target(s), replacement(right))
			return right
		}, "short-receipt 10 later"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.product()
			w.do("lanzhi", activate, lot, kg(1000), field("lot", "B1"))
			c.do(w)
			tr := w.fold(Lot(wine, "B1"))
			var got []string
			for _, f := range tr.PartyFindings() {
				words := fmt.Sprintf("%s %d", f.Code, f.n)
				if f.Due() > w.now {
					words += " later"
				}
				got = append(got, words)
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			_, now := NowOf(tr, time.UnixMilli(w.now))
			if held := c.want != "" && !strings.HasSuffix(c.want, "later"); (len(now) > 0) != held {
				t.Errorf("now: %+v", now)
			}
		})
	}
}

// What was received by itself is no longer on the pallet on which it was sent: what
// becomes of the rest is no matter of his who has it.
func TestPartialReceiptsTakeOut(t *testing.T) {
	onPallet := about(Of(Unit(pallet)))
	for _, c := range []struct {
		name string
		do   func(w *world, s *Event)
	}{
		{"the rest is received", func(w *world, s *Event) { w.do("wh", receive, onPallet, refs(s)) }},
		{"the rest is cancelled, and sent to another", func(w *world, s *Event) {
			w.do("lanzhi", cancel, onPallet, refs(s))
			w.do("lanzhi", ship, onPallet, to("dist"))
		}},
		{"the rest is sold on the way", func(w *world, _ *Event) { w.do("lanzhi", sell, onPallet) }},
		{"and handled unit by unit", func(w *world, s *Event) {
			w.do("lanzhi", cancel, about(boxesOf(1, 1)), refs(s))
			w.do("lanzhi", unpack, onPallet)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.packed()
			s := w.do("lanzhi", ship, onPallet, to("wh"))
			w.do("wh", receive, about(boxesOf(0, 0)), refs(s))
			c.do(w, s)
			w.check(bottle(2), Consistent, Held, "wh")
		})
	}
	t.Run("a part is refused, and the rest received", func(t *testing.T) {
		w := newWorld(t)
		w.packed()
		s := w.do("lanzhi", ship, onPallet, to("wh"))
		w.do("wh", cancel, about(boxesOf(0, 0)), refs(s))
		w.do("wh", receive, onPallet, refs(s))
		w.check(bottle(2), Consistent, Active, "lanzhi")
		w.check(bottle(7), Consistent, Held, "wh")
	})
	t.Run("scanned piece by piece, and as a pallet", func(t *testing.T) {
		w := newWorld(t)
		w.packed()
		s := w.do("lanzhi", ship, onPallet, to("wh"))
		w.do("wh", receive, onPallet, about(boxesOf(0, 0), codes(7, 7)), refs(s))
		w.do("wh", ship, onPallet, to("dist"))
		w.check(bottle(2), Consistent, InTransit, "wh")
		w.check(bottle(7), Consistent, InTransit, "wh")
	})
}

// A crate that came back is no longer on the pallet on which it went, though who
// unloaded it never had what is put into it now.
func TestCratesComeBack(t *testing.T) {
	w := newWorld(t)
	w.product()
	crate := Unit(otherPallet)
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	w.do("lanzhi", pack, about(Contents(crate, codes(0, 5))))
	w.do("lanzhi", pack, about(Contents(Unit(pallet), Of(crate))))
	s := w.do("lanzhi", ship, about(Of(Unit(pallet))), to("dist"))
	w.do("dist", receive, about(Of(Unit(pallet))), refs(s))
	w.do("dist", unpack, about(Of(Unit(pallet))))
	w.do("dist", unpack, about(Of(crate)))
	w.do("dist", pack, about(Contents(Unit(thirdPallet), Of(crate))))
	s = w.do("dist", ship, about(Of(Unit(thirdPallet))), to("lanzhi"))
	w.do("lanzhi", receive, about(Of(Unit(thirdPallet))), refs(s))
	w.do("lanzhi", pack, about(Contents(crate, codes(10, 15))))
	s = w.do("dist", ship, about(Of(Unit(pallet))), to("wh"))
	w.do("wh", receive, about(Of(Unit(pallet))), refs(s))
	w.check(bottle(10), Consistent, Active, "lanzhi")
	s = w.do("lanzhi", ship, about(Of(crate)), to("wh"))
	w.do("wh", receive, about(Of(crate)), refs(s))
	w.check(bottle(10), Consistent, Held, "wh")
}
