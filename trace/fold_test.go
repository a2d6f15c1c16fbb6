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

const (
	activate = ledger.KindActivate
	ship     = ledger.KindShip
	receive  = ledger.KindReceive
	sell     = ledger.KindSell
	pack     = ledger.KindPack
	unpack   = ledger.KindUnpack
	void     = ledger.KindVoid
	cancel   = ledger.KindCancel
	inspect  = ledger.KindInspect
	takeBack = ledger.KindReturn
	hold     = ledger.KindHold
	release  = ledger.KindRelease
	recall   = ledger.KindRecall
	withdraw = ledger.KindWithdraw
	correct  = ledger.KindCorrect
	appoint  = ledger.KindAppoint
	making   = ledger.KindTransform
	claim    = ledger.KindClaim
	link     = ledger.KindLink
)

func TestFold(t *testing.T) {
	all := about(codes(0, 99))
	lot := field("lot", "L1")
	pal := Unit(pallet)
	for _, c := range []struct {
		name     string
		do       func(w *world)
		item     Item
		verdict  Verdict
		state    State
		holder   string
		findings []string
	}{
		{"run not known", func(w *world) {}, bottle(5), Unknown, "", "", nil},
		{"issued only", func(w *world) { w.product() }, bottle(5), Warn, Issued, "lanzhi", []string{NotActive}},
		{"activated", func(w *world) { w.product(); w.do("lanzhi", activate, all, lot) }, bottle(5), Consistent, Active, "lanzhi", nil},
		{"in transit", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", ship, all, to("wh"))
		}, bottle(5), Consistent, InTransit, "lanzhi", nil},
		{"partial receipt, what came", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("wh", receive, about(codes(0, 49)), refs(s))
		}, bottle(5), Consistent, Held, "wh", nil},
		{"partial receipt, what did not", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("wh", receive, about(codes(0, 49)), refs(s))
		}, bottle(50), Consistent, InTransit, "lanzhi", nil},
		{"sold through a hosted party", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("dist/store1"))
			w.do("dist/store1", receive, all, refs(s))
			w.do("dist/store1", sell, all)
		}, bottle(5), Consistent, Sold, "", nil},
		{"another hosted party of the same host sells", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("dist/store1"))
			w.do("dist/store1", receive, all, refs(s))
			w.do("dist/store2", sell, all)
		}, bottle(5), Consistent, Held, "dist/store1", []string{SoldByNonHolder}},
		{"in a pallet", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", pack, about(Contents(pal, codes(0, 9))))
			s := w.do("lanzhi", ship, about(Of(pal)), to("wh"))
			w.do("wh", receive, about(Of(pal)), refs(s))
			w.do("wh", unpack, about(Of(pal)))
			w.do("wh", ship, about(Of(pal)), to("dist")) // empty by now
		}, bottle(5), Consistent, Held, "wh", nil},
		{"not in the pallet", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", pack, about(Contents(pal, codes(0, 9))))
			w.do("lanzhi", ship, about(Of(pal)), to("wh"))
		}, bottle(10), Consistent, Active, "lanzhi", nil},
		{"in a case of a pattern", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", pack, about(cases(0, 10, 10)))
			w.do("lanzhi", pack, about(Contents(pal, OfRange(Range{boxes, 1, 0, 4}))))
			s := w.do("lanzhi", ship, about(Of(pal)), to("wh"))
			w.do("wh", receive, about(Of(pal)), refs(s))
			s = w.do("wh", ship, about(OfRange(Range{boxes, 1, 3, 3})), to("dist"))
			w.do("dist", receive, about(OfRange(Range{boxes, 1, 3, 3})), refs(s))
		}, bottle(35), Consistent, Held, "dist", nil},
		{"an exception of a pattern", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", pack, about(cases(0, 10, 10, Span{From: 35, To: 36})))
			w.do("lanzhi", ship, about(OfRange(Range{boxes, 1, 3, 3})), to("wh"))
		}, bottle(35), Consistent, Active, "lanzhi", nil},
		{"shipped by itself out of a case", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", pack, about(cases(0, 10, 10)))
			s := w.do("lanzhi", ship, about(codes(5, 5)), to("wh"))
			w.do("wh", receive, about(codes(5, 5)), refs(s))
			w.do("lanzhi", ship, about(OfRange(Range{boxes, 1, 0, 0})), to("dist"))
		}, bottle(5), Consistent, Held, "wh", nil},
		{"shipped twice, the second cancelled", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", ship, all, to("wh"))
			s := w.do("lanzhi", ship, all, to("dist"))
			w.do("lanzhi", cancel, all, refs(s))
		}, bottle(5), Consistent, Active, "lanzhi", []string{ShipmentOpen}},
		{"held by two no more after it came back", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.through("dist")
			w.do("dist", receive, all) // a claim
			s := w.do("dist", ship, all, to("lanzhi"))
			w.do("lanzhi", receive, all, refs(s))
			s = w.do("lanzhi", ship, all, to("wh"))
			w.do("wh", receive, all, refs(s))
			w.do("lanzhi", sell, all)
		}, bottle(5), Warn, Sold, "", []string{ReceivedNotShipped, SoldByNonHolder}},
		{"at one time, in the order of recording", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("wh"))
			r := w.do("wh", receive, all, refs(s), at(s.At))
			w.do("wh", sell, all, at(r.At))
		}, bottle(5), Consistent, Sold, "", nil},
		{"packed again by the same holder", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", pack, about(cases(0, 10, 10)))
			w.do("lanzhi", pack, about(Contents(pal, codes(5, 5))))
			w.do("lanzhi", ship, about(OfRange(Range{boxes, 1, 0, 0})), to("wh"))
		}, bottle(5), Consistent, Active, "lanzhi", nil},
		{"shipped by one who does not hold it moves nothing", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", ship, all, to("wh"))
		}, bottle(5), Consistent, Active, "lanzhi", []string{ShippedByNonHolder}},
		{"shipped by one who held it before", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.through("dist")
			w.do("dist", ship, all, to("wh"))
		}, bottle(5), Warn, Held, "lanzhi", []string{ShippedByNonHolder}},
		{"received, never shipped", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", receive, all)
		}, bottle(5), Consistent, Active, "lanzhi", []string{ReceivedNotShipped}},
		{"received again by one who held it before, never shipped", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.through("dist")
			w.do("dist", receive, all)
		}, bottle(5), Warn, Held, "dist", []string{ReceivedNotShipped}},
		{"received, shipment not here yet", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", receive, all, refs(&Event{Hash: ledger.Hash{9}}))
		}, bottle(5), Consistent, Active, "lanzhi", []string{RefMissing}},
		{"received from the holder, shipment not here yet", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", receive, all, refs(&Event{Hash: ledger.Hash{9}}), field("from", "lanzhi"))
		}, bottle(5), Consistent, Held, "dist", []string{RefMissing}},
		{"received by a shipment that never was", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", receive, all, refs(&Event{Hash: ledger.Hash{9}}))
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("wh", receive, all, refs(s))
		}, bottle(5), Consistent, Held, "wh", []string{RefMissing}},
		{"received from the holder by a shipment that never was", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", receive, all, refs(&Event{Hash: ledger.Hash{9}}), field("from", "lanzhi"))
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("wh", receive, all, refs(s))
		}, bottle(5), Consistent, Held, "wh", []string{RefMissing}},
		{"held by two", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.through("dist")
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("wh", receive, all, refs(s))
			w.do("dist", receive, all)
			w.do("wh", sell, all)
		}, bottle(5), Suspicious, Sold, "", []string{HeldByTwo, ReceivedNotShipped}},
		{"held by one, and a stranger says so too", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("wh", receive, all, refs(s))
			w.do("dist", receive, all)
			w.do("wh", sell, all)
		}, bottle(5), Consistent, Sold, "", []string{ReceivedNotShipped}},
		{"sold twice", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.through("dist")
			w.do("lanzhi", sell, all)
			w.do("dist", sell, all)
		}, bottle(5), Suspicious, Sold, "", []string{SoldTwice}},
		{"sold, and a stranger says so too", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", sell, all)
			w.do("dist", sell, all)
		}, bottle(5), Consistent, Sold, "", []string{MovedAfterSold}},
		{"sold before activation", func(w *world) { w.product(); w.do("lanzhi", sell, all) },
			bottle(5), Warn, Sold, "", []string{SoldNotActive}},
		{"moved after the sale", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.through("dist")
			w.do("lanzhi", sell, all)
			w.do("dist", receive, all)
		}, bottle(5), Warn, Sold, "", []string{MovedAfterSold}},
		{"in transit, received by one whose own shipment is not here yet", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", ship, all, to("wh"))
			w.do("dist", receive, all, refs(&Event{Hash: ledger.Hash{9}}))
			w.do("dist", sell, all)
		}, bottle(5), Consistent, Sold, "", []string{RefMissing}},
		{"in transit, an invented shipment against the real receipt", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("dist", receive, all, refs(&Event{Hash: ledger.Hash{9}}))
			w.do("dist", void, all)
			w.do("dist", hold, all)
			w.do("dist", inspect, all, field("result", "fail"))
			w.do("dist", sell, all)
			w.do("wh", receive, all, refs(s))
		}, bottle(5), Consistent, Held, "wh", []string{RefMissing, NotAuthority, NotAuthority, NotAuthority, SoldByNonHolder}},
		{"in transit, an invented shipment against the sender's cancellation", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("dist", receive, all, refs(&Event{Hash: ledger.Hash{9}}))
			w.do("lanzhi", cancel, all, refs(s))
		}, bottle(5), Consistent, Active, "lanzhi", []string{RefMissing}},
		{"taken back by a shop that is new to it, and sent to where it was", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", sell, all)
			w.do("dist/store1", takeBack, all, field("disposition", "send-back"))
			s := w.do("dist/store1", ship, all, to("lanzhi"))
			w.do("lanzhi", receive, all, refs(s))
		}, bottle(5), Consistent, Held, "lanzhi", nil},
		{"taken back by a stranger's word, and by the seller", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", sell, all)
			w.do("dist", takeBack, all, field("disposition", "destroy"))
			w.do("lanzhi", takeBack, all, field("disposition", "restock"))
		}, bottle(5), Consistent, Held, "lanzhi", []string{ReturnedByOther}},
		{"named by a stranger before it was issued", func(w *world) {
			w.do("dist", receive, all)
			w.product()
			w.do("lanzhi", activate, all, lot)
		}, bottle(5), Consistent, Active, "lanzhi", []string{NotAuthority}},
		{"its case put by a stranger into what holds the case", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", pack, about(Contents(Code(boxes, 1, 0), Of(pal))))
			w.do("lanzhi", pack, about(Contents(Code(boxes, 1, 0), codes(0, 9))))
			w.do("lanzhi", pack, about(Contents(pal, Of(Code(boxes, 1, 0)))))
			s := w.do("lanzhi", ship, about(Of(pal)), to("wh"))
			w.do("wh", receive, about(Of(pal)), refs(s))
		}, bottle(5), Consistent, Held, "wh", nil},
		{"moved after the sale by a stranger", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", sell, all)
			w.do("dist", receive, all)
		}, bottle(5), Consistent, Sold, "", []string{MovedAfterSold}},
		{"void and then moved", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", void, all)
			w.do("lanzhi", sell, all)
		}, bottle(5), Suspicious, Void, "", []string{EventOnVoid, VoidCode}},
		{"labels scrapped before the roll is used", func(w *world) {
			w.product()
			w.do("lanzhi", void, about(codes(5, 5)))
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", pack, about(cases(0, 10, 10)))
		}, bottle(5), Warn, Void, "", []string{VoidCode}},
		{"their neighbours", func(w *world) {
			w.product()
			w.do("lanzhi", void, about(codes(5, 5)))
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", pack, about(cases(0, 10, 10)))
			w.do("lanzhi", ship, about(OfRange(Range{boxes, 1, 0, 0})), to("wh"))
		}, bottle(6), Consistent, InTransit, "lanzhi", nil},
		{"activated by itself though void", func(w *world) {
			w.product()
			w.do("lanzhi", void, about(codes(5, 5)))
			w.do("lanzhi", activate, about(codes(5, 5)), lot)
		}, bottle(5), Suspicious, Void, "", []string{EventOnVoid, VoidCode}},
		{"packed by itself though void", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", void, about(codes(5, 5)))
			w.do("lanzhi", pack, about(Contents(pal, codes(0, 9))))
		}, bottle(5), Suspicious, Void, "", []string{EventOnVoid, VoidCode}},
		{"shipped on before what went before is final", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("wh", ship, all, to("dist"), refs(&Event{Hash: ledger.Hash{9}}))
			w.do("dist", sell, all)
		}, bottle(5), Consistent, Active, "lanzhi", []string{RefMissing, SoldByNonHolder}},
		{"sold again after a return that is not here yet", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", sell, all)
			w.do("dist", receive, all, refs(&Event{Hash: ledger.Hash{9}}))
			w.do("dist", sell, all)
		}, bottle(5), Consistent, Sold, "", []string{RefMissing, MovedAfterSold}},
		{"taken back and sold again", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", sell, all)
			w.do("dist/store1", takeBack, about(codes(5, 5)), field("disposition", "restock"))
			w.do("dist/store1", sell, all)
		}, bottle(5), Consistent, Sold, "", nil},
		{"taken back", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", sell, all)
			w.do("wh", takeBack, about(codes(5, 5)), field("disposition", "quarantine"))
		}, bottle(5), Consistent, Held, "wh", nil},
		{"taken back and destroyed", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", sell, all)
			w.do("lanzhi", takeBack, all, field("disposition", "destroy"))
		}, bottle(5), Warn, Void, "", []string{VoidCode}},
		{"taken back and destroyed by a stranger", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", sell, all)
			w.do("wh", takeBack, all, field("disposition", "destroy"))
		}, bottle(5), Consistent, Held, "wh", nil},
		{"taken back without a record of the sale", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", takeBack, all, field("disposition", "restock"))
		}, bottle(5), Consistent, Held, "lanzhi", []string{SaleMissing}},
		{"taken back while another holds it", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.through("dist")
			w.do("dist", takeBack, all, field("disposition", "restock"))
			w.do("lanzhi", sell, all)
		}, bottle(5), Suspicious, Sold, "", []string{ReturnedByOther, HeldByTwo}},
		{"taken back by a stranger while another holds it", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", takeBack, all, field("disposition", "restock"))
			w.do("lanzhi", sell, all)
		}, bottle(5), Consistent, Sold, "", []string{ReturnedByOther}},
		{"on hold by the holder", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("wh", receive, all, refs(s))
			w.do("wh", hold, about(codes(0, 9)))
		}, bottle(5), Warn, Held, "wh", []string{OnHold}},
		{"not on hold beside it", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", hold, about(codes(0, 9)))
		}, bottle(10), Consistent, Active, "lanzhi", nil},
		{"on hold by a stranger", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("wh", hold, all)
			w.do("dist", hold, about(Of(Lot(wine, "L1"))))
		}, bottle(5), Consistent, Active, "lanzhi", []string{NotAuthority, NotAuthority}},
		{"released by the brand", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("wh", receive, all, refs(s))
			w.do("wh", hold, all)
			w.do("lanzhi", hold, about(Of(Lot(wine, "L1"))))
			w.do("lanzhi", release, about(codes(5, 5)))
		}, bottle(5), Consistent, Held, "wh", nil},
		{"the lot on hold", func(w *world) {
			w.product()
			w.do("lanzhi", hold, about(Of(Lot(wine, "L1"))))
			w.do("lanzhi", hold, about(Of(Lot(wine, "L2"))))
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", sell, all)
		}, bottle(5), Warn, Sold, "", []string{OnHold, SoldOnHold}},
		{"released by one who has not put it on hold", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", hold, all)
			w.do("wh", release, all)
		}, bottle(5), Warn, Active, "lanzhi", []string{OnHold, ReleaseNoEffect}},
		{"the lot recalled", func(w *world) {
			w.product()
			w.do("lanzhi", activate, about(codes(0, 49)), lot)
			w.do("lanzhi", sell, about(codes(0, 49)))
			w.do("lanzhi", recall, about(Of(Product(wine))), field("lots", []string{"L0", "L1"}))
		}, bottle(5), Recalled, Sold, "", []string{IsRecalled}},
		{"another lot recalled", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", recall, about(Of(Product(wine))), field("lots", []string{"L2"}))
			w.do("lanzhi", recall, about(Of(Lot(wine, "L2"))))
			w.do("lanzhi", recall, about(codes(6, 99)))
		}, bottle(5), Consistent, Active, "lanzhi", nil},
		{"what was made on a line at a time withdrawn", func(w *world) {
			w.product()
			a := w.do("lanzhi", activate, all, lot, field("line", "line-2"))
			w.do("lanzhi", withdraw, about(codes(0, 49)), field("line", "line-2"), field("activated_from", Instant(a.At)), field("activated_to", Instant(a.At)))
		}, bottle(5), Warn, Active, "lanzhi", []string{IsWithdrawn}},
		{"what was made before or elsewhere is not", func(w *world) {
			w.product()
			a := w.do("lanzhi", activate, all, lot, field("line", "line-2"))
			w.do("lanzhi", withdraw, all, field("activated_from", Instant(a.At+1)))
			w.do("lanzhi", withdraw, all, field("activated_to", Instant(a.At-1)))
			w.do("lanzhi", withdraw, all, field("line", "line-3"))
		}, bottle(5), Consistent, Active, "lanzhi", nil},
		{"recalled by a stranger", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", recall, about(Of(Product(wine))))
		}, bottle(5), Consistent, Active, "lanzhi", []string{NotAuthority}},
		{"a lot recalled, asked by its number", func(w *world) {
			w.product()
			w.do("lanzhi", recall, about(Of(Product(wine))), field("lots", []string{"L1"}))
		}, Lot(wine, "L1"), Recalled, "", "", []string{IsRecalled}},
		{"a shipment to the wrong party, corrected", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			wrong := w.do("lanzhi", ship, all, to("dist"))
			w.do("lanzhi", correct, all, target(wrong))
			w.do("lanzhi", ship, all, to("wh"), at(wrong.At))
			w.do("wh", receive, all)
		}, bottle(5), Consistent, Held, "wh", nil},
		{"a shipment replaced after its receipt", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			wrong := w.do("lanzhi", ship, all, to("dist"))
			w.do("wh", receive, all, refs(wrong))
			w.do("wh", sell, all)
			right := w.do("lanzhi", ship, all, to("wh"))
			w.do("lanzhi", correct, all, target(wrong), replacement(right))
		}, bottle(5), Consistent, Sold, "", nil},
		{"cancelled by the name of what was replaced", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			wrong := w.do("lanzhi", ship, all, to("dist"))
			w.do("lanzhi", correct, all, target(wrong))
			right := w.do("lanzhi", ship, all, to("wh"), at(wrong.At))
			w.do("lanzhi", correct, all, target(wrong), replacement(right))
			w.do("wh", cancel, all, refs(wrong))
		}, bottle(5), Consistent, Active, "lanzhi", nil},
		{"replaced, and that replaced", func(w *world) {
			w.product()
			one := w.do("lanzhi", activate, all, lot)
			two := w.do("lanzhi", activate, all, field("lot", "L2"))
			three := w.do("lanzhi", activate, all, field("lot", "L3"))
			w.do("lanzhi", correct, all, target(one), replacement(two))
			w.do("lanzhi", correct, all, target(two), replacement(three))
			w.do("lanzhi", recall, about(Of(Lot(wine, "L3"))))
		}, bottle(5), Recalled, Active, "lanzhi", []string{IsRecalled}},
		{"replacements in a circle", func(w *world) {
			w.product()
			one := w.do("lanzhi", activate, all, lot)
			two := w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", correct, all, target(one), replacement(two))
			w.do("lanzhi", correct, all, target(two), replacement(one))
		}, bottle(5), Warn, Issued, "lanzhi", []string{NotActive}},
		{"corrected by a stranger", func(w *world) {
			w.product()
			w.do("dist", correct, all, target(w.do("lanzhi", activate, all, lot)))
		}, bottle(5), Consistent, Active, "lanzhi", []string{NotAuthority}},
		{"scrap that was none", func(w *world) {
			w.product()
			w.do("lanzhi", correct, all, target(w.do("lanzhi", void, all)))
			w.do("lanzhi", activate, all, lot)
		}, bottle(5), Consistent, Active, "lanzhi", nil},
		{"a recall called off", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			r := w.do("lanzhi", recall, about(Of(Lot(wine, "L1"))))
			w.do("lanzhi", correct, about(Of(Lot(wine, "L1"))), target(r))
		}, bottle(5), Consistent, Active, "lanzhi", nil},
		{"activated by an appointed factory", func(w *world) {
			w.product()
			w.do("lanzhi", appoint, append(appointed("dist/oem"), field("kinds", []string{"activate"}))...)
			w.do("dist/oem", activate, all, lot)
		}, bottle(5), Consistent, Active, "dist/oem", nil},
		{"activated by one appointed for other things", func(w *world) {
			w.product()
			w.do("lanzhi", appoint, append(appointed("dist"), field("kinds", []string{"inspect"}))...)
			w.do("dist", activate, all, lot)
		}, bottle(5), Warn, Issued, "lanzhi", []string{NotAuthority, NotActive}},
		{"appointed by a stranger", func(w *world) {
			w.product()
			w.do("wh", appoint, append(appointed("dist"), field("kinds", []string{"activate"}))...)
			w.do("dist", activate, all, lot)
		}, bottle(5), Warn, Issued, "lanzhi", []string{NotAuthority, NotActive}},
		{"failed by an appointed laboratory", func(w *world) {
			w.product()
			w.do("lanzhi", appoint, append(appointed("dist/lab"), field("kinds", []string{"inspect"}))...)
			w.do("lanzhi", activate, all, lot)
			w.do("dist/lab", inspect, about(Of(Product(wine))), field("result", "fail"))
		}, bottle(5), Warn, Active, "lanzhi", []string{InspectionFailed}},
		{"made into a set", func(w *world) {
			w.set()
		}, bottle(5), Consistent, Used, "", []string{PartOfSet}},
		{"not made into a set", func(w *world) { w.set() }, bottle(60), Consistent, Active, "lanzhi", nil},
		{"a set", func(w *world) {
			w.set()
			s := w.do("lanzhi", ship, about(OfRange(Range{boxes, 1, 0, 0})), to("wh"))
			w.do("wh", receive, about(OfRange(Range{boxes, 1, 0, 0})), refs(s))
		}, Code(boxes, 1, 0), Consistent, Held, "wh", nil},
		{"a set of recalled bottles", func(w *world) {
			w.set()
			w.do("lanzhi", recall, about(codes(5, 5)))
		}, Code(boxes, 1, 0), Recalled, Active, "lanzhi", []string{SourceRecalled}},
		{"a set beside it", func(w *world) {
			w.set()
			w.do("lanzhi", recall, about(codes(5, 5)))
		}, Code(boxes, 1, 1), Consistent, Active, "lanzhi", nil},
		{"a set of bottles whose records have something to note", func(w *world) {
			w.set()
			w.do("lanzhi", inspect, about(codes(7, 7)), field("result", "fail"))
		}, Code(boxes, 1, 1), Warn, Active, "lanzhi", []string{SourceWarning}},
		{"sold out of a set", func(w *world) {
			w.set()
			w.do("lanzhi", sell, about(codes(5, 5)))
		}, bottle(5), Warn, Used, "", []string{MovedAfterUse, PartOfSet}},
		{"made into a set by one who does not hold it", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", making, about(Made(OfRange(Range{boxes, 1, 0, 0}), codes(0, 5))), field("type", "kit"))
		}, bottle(5), Consistent, Active, "lanzhi", []string{UsedByNonHolder}},
		{"a set by one without the right to its code", func(w *world) {
			w.set()
			w.do("dist", making, about(Made(OfRange(Range{boxes, 1, 15, 15}), codes(60, 65))), field("type", "kit"))
		}, Code(boxes, 1, 15), Warn, Issued, "lanzhi", []string{NotAuthority, NotActive}},
		{"relabelled by an appointed importer", func(w *world) {
			w.product()
			w.do("lanzhi", appoint, append(appointed("dist"), field("kinds", []string{"transform"}))...)
			w.do("lanzhi", activate, about(codes(0, 49)), lot)
			s := w.do("lanzhi", ship, about(codes(0, 49)), to("dist"))
			w.do("dist", receive, about(codes(0, 49)), refs(s))
			w.do("dist", making, about(Made(codes(50, 99), codes(0, 49))), field("type", "relabel"), field("lot", "L1"))
		}, bottle(55), Consistent, Active, "dist", nil},
		{"the old label", func(w *world) {
			w.product()
			w.do("lanzhi", activate, about(codes(0, 49)), lot)
			w.do("lanzhi", making, about(Made(codes(50, 99), codes(0, 49))), field("type", "relabel"))
		}, bottle(5), Warn, Used, "", []string{Relabelled}},
		{"a lot without serials", func(w *world) {
			w.product()
			w.do("lanzhi", activate, about(Of(Lot(wine, "B1"))), field("lot", "B1"))
			w.do("dist", ship, about(Of(Lot(wine, "B1"))), to("wh"))
			w.do("wh", sell, about(Of(Lot(wine, "B1"))))
		}, Lot(wine, "B1"), Consistent, "", "", nil},
		{"a lot that nobody named", func(w *world) {
			w.product()
			w.do("lanzhi", inspect, about(Of(Product(wine))), field("result", "pass"))
			w.do("dist", ship, about(Of(Lot(wine, "B2"))), to("wh"))
		}, Lot(wine, "B2"), Unknown, "", "", nil},
		{"a lot of a product that is recalled as a whole", func(w *world) {
			w.product()
			w.do("lanzhi", recall, about(Of(Product(wine))))
		}, Lot(wine, "B2"), Recalled, "", "", []string{IsRecalled}},
		{"hidden code used", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", claim, about(codes(5, 5)))
			w.do("lanzhi", link, all)
		}, bottle(5), Consistent, Active, "lanzhi", nil},
		{"hidden code used again", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", claim, about(codes(5, 5)))
			w.do("lanzhi", claim, about(codes(5, 5)))
			w.do("lanzhi", claim, about(codes(5, 5)))
		}, bottle(5), Warn, Active, "lanzhi", []string{ClaimedTwice, ClaimedTwice}},
		{"hidden code used, by one who cannot know", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", claim, about(codes(5, 5)))
		}, bottle(5), Consistent, Active, "lanzhi", []string{NotAuthority}},
		{"void by a stranger counts for nothing", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", void, all)
		}, bottle(5), Consistent, Active, "lanzhi", []string{NotAuthority}},
		{"activated by a stranger", func(w *world) { w.product(); w.do("dist", activate, all, lot) },
			bottle(5), Warn, Issued, "lanzhi", []string{NotAuthority, NotActive}},
		{"activated twice", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", activate, all, field("lot", "L2"))
		}, bottle(5), Warn, Active, "lanzhi", []string{ActivatedTwice}},
		{"cancelled by the sender", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("lanzhi", cancel, all, refs(s))
		}, bottle(5), Consistent, Active, "lanzhi", nil},
		{"cancelled by the recipient after receipt", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("wh", receive, all, refs(s))
			w.do("wh", cancel, all, refs(s))
		}, bottle(5), Consistent, Held, "wh", []string{CancelNoEffect}},
		{"cancelled by a stranger", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("dist", cancel, all, refs(s))
		}, bottle(5), Consistent, InTransit, "lanzhi", []string{CancelNoEffect}},
		{"sold on without recording the receipt", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", ship, all, to("wh"))
			w.do("wh", sell, all)
		}, bottle(5), Consistent, Sold, "", []string{ReceiptMissing}},
		{"sent back unopened", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("lanzhi", receive, all, refs(s))
		}, bottle(5), Consistent, Held, "lanzhi", []string{ReceivedByOther}},
		{"packed by one who does not hold it", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", pack, about(Contents(pal, codes(5, 5))))
			w.do("dist", sell, about(Of(pal)))
		}, bottle(5), Consistent, Active, "lanzhi", []string{PackedByNonHolder}},
		{"packed twice", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", pack, about(cases(0, 10, 10)))
			w.do("dist", pack, about(Contents(pal, codes(5, 5))))
		}, bottle(5), Consistent, Active, "lanzhi", []string{PackedTwice}},
		{"late", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot, recorded(day0+100*3_600_000))
		}, bottle(5), Consistent, Active, "lanzhi", []string{Late}},
		{"a run of another chain", func(w *world) {
			w.do("dist", ledger.KindRun, field("gtin", wine), field("run", uint64(1)), field("count", uint64(5)))
			w.product()
			w.do("lanzhi", activate, all, lot)
		}, bottle(5), Consistent, Active, "lanzhi", []string{RunConflict}},
		{"guessable serials", func(w *world) {
			w.product().Fields["guessable"] = true
			w.do("lanzhi", activate, all, lot)
		}, bottle(5), Warn, Active, "lanzhi", []string{Guessable}},
		{"the lot failed an inspection", func(w *world) {
			w.product()
			w.do("audit", inspect, about(Of(Lot(wine, "L1"))), field("result", "fail"))
			w.do("audit", inspect, about(Of(Lot(wine, "L2"))), field("result", "fail"))
			w.do("lanzhi", activate, all, lot)
		}, bottle(5), Warn, Active, "lanzhi", []string{InspectionFailed}},
		{"a stranger's inspection counts for nothing", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("dist", inspect, about(Of(Product(wine))), field("result", "fail"))
			w.do("wh", inspect, all, field("result", "fail"))
		}, bottle(5), Consistent, Active, "lanzhi", []string{NotAuthority, NotAuthority}},
		{"a pallet", func(w *world) {
			w.product()
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", pack, about(Contents(pal, codes(0, 9))))
			s := w.do("lanzhi", ship, about(Of(pal)), to("wh"))
			w.do("wh", receive, about(Of(pal)), refs(s))
		}, pal, Consistent, Held, "wh", nil},
		{"a case code", func(w *world) {
			w.product()
			w.do("lanzhi", ledger.KindProduct, field("gtin", boxes), field("version", uint64(1)), field("issuing_chain", uint64(3)))
			w.do("lanzhi", ledger.KindRun, field("gtin", boxes), field("run", uint64(1)), field("count", uint64(10)))
			w.do("lanzhi", activate, all, lot)
			w.do("lanzhi", pack, about(cases(0, 10, 10)))
		}, Code(boxes, 1, 3), Consistent, Active, "lanzhi", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.do(w)
			w.check(c.item, c.verdict, c.state, c.holder, c.findings...)
		})
	}
}

// What was corrected stays in the trail beside what corrected it, at its own
// time, and the replacement has its place.
func TestCorrectionsAreShown(t *testing.T) {
	w := newWorld(t)
	w.product()
	all := about(codes(0, 99))
	w.do("lanzhi", activate, all, field("lot", "L1"))
	w.do("lanzhi", pack, about(Contents(Unit(pallet), codes(0, 9))))
	wrong := w.do("lanzhi", ship, about(Of(Unit(pallet))), to("dist"))
	w.do("wh", receive, about(Of(Unit(pallet))), refs(wrong))
	right := w.do("lanzhi", ship, about(Of(Unit(pallet))), to("wh"))
	c := w.do("lanzhi", correct, about(Of(Unit(pallet))), target(wrong), replacement(right))
	tr := w.check(bottle(5), Consistent, Held, "wh")
	if got, want := kindsOf(tr.Events), []string{"run lanzhi", "activate lanzhi", "pack lanzhi", "ship lanzhi", "ship lanzhi", "receive wh", "correct lanzhi"}; !slices.Equal(got, want) {
		t.Fatalf("got %v", got)
	}
	for _, e := range tr.For(Viewer{}).Events {
		if want := e.ID == wrong.ID; (e.Corrected == c.ID) != want {
			t.Errorf("%s %d: corrected by %s", e.Kind, e.Seq, e.Corrected)
		}
		if e.ID == right.ID && e.Seq != right.Seq {
			t.Errorf("the replacement stands at %d", e.Seq)
		}
	}
	if other := w.fold(bottle(50)); len(other.Events) != 2 {
		t.Errorf("another bottle's trail has %v", kindsOf(other.Events))
	}
}

// What a recall advises is in its words, and a recall that is not final counts
// in the answer.
func TestRecallWords(t *testing.T) {
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	before := w.fold(bottle(5))
	r := w.do("lanzhi", recall, about(Of(Lot(wine, "L1"))), field("reason", Names{"瓶口有碎屑。", "Chips at the mouth."}),
		field("advice", Names{Zh: "请勿饮用"}), field("contact", "400-000-0000"))
	words := w.fold(bottle(5)).For(Viewer{}).Findings
	if len(words) != 1 || words[0].Zh != "兰芷正在召回此商品。原因：瓶口有碎屑。处理办法：请勿饮用。联系方式：400-000-0000。" ||
		words[0].En != "Lanzhi is recalling this item. Reason: Chips at the mouth. What to do: 请勿饮用. Contact: 400-000-0000." {
		t.Errorf("words: %+v", words)
	}
	stranger := w.do("dist", recall, about(Of(Lot(wine, "L1"))))
	h := w.do("lanzhi", hold, about(codes(0, 9)))
	aside := w.do("lanzhi", hold, about(codes(6, 9)))
	for _, c := range []struct {
		event *Event
		want  Verdict
	}{{r, Recalled}, {stranger, Consistent}, {h, Warn}, {aside, Consistent}} {
		if got := VerdictOf(before.PendingFindings([]*Event{c.event})); got != c.want {
			t.Errorf("a pending %s of %s: %s, want %s", c.event.Kind, c.event.Member, got, c.want)
		}
	}
}

// cases is a pattern of units of the case run with per bottles each.
func cases(start, per, units uint32, except ...Span) Subject {
	return Subject{Kind: SubjectPattern, Pattern: &Pattern{GTIN: wine, Run: 1, Start: start, Per: per,
		UnitGTIN: boxes, UnitRun: 1, UnitStart: start / per, Units: units, Except: except}}
}

// Somebody who has seen a sale cannot make it look wrong by an earlier date.
func TestBackDatingGainsNothing(t *testing.T) {
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	w.through("dist")
	sale := w.do("lanzhi", sell, about(codes(0, 99)))
	w.sees("dist")
	claim := w.do("dist", sell, about(codes(0, 99)), at(sale.At-1))
	tr := w.check(bottle(5), Suspicious, Sold, "", SoldTwice)
	if got := tr.Findings[0].Records; !slices.Equal(got, []ledger.Hash{claim.ID, sale.ID}) {
		t.Errorf("the finding names %v, want the later claim first", got)
	}

	// One who had not seen it may be right: then the finding stays with the sale.
	w = newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	w.through("dist")
	sale = w.do("lanzhi", sell, about(codes(0, 99)))
	claim = w.do("dist", sell, about(codes(0, 99)), at(sale.At-1))
	tr = w.check(bottle(5), Suspicious, Sold, "", SoldTwice, SoldByNonHolder)
	if got := tr.Findings[0].Records; !slices.Equal(got, []ledger.Hash{sale.ID, claim.ID}) {
		t.Errorf("the finding names %v, want the sale first", got)
	}
}

// Among records that are looked at for being back-dated, one that does no harm
// stays where its time puts it.
func TestHarmlessRecordStaysInPlace(t *testing.T) {
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	w.through("dist")
	early := w.now + 1
	sale := w.do("lanzhi", sell, about(codes(0, 99)))
	w.sees("dist")
	w.sees("audit")
	w.do("audit", inspect, about(codes(0, 99)), field("result", "pass"), at(early))
	w.do("dist", sell, about(codes(0, 99)), at(sale.At-1))
	tr := w.check(bottle(5), Suspicious, Sold, "", SoldTwice)
	if got := kindsOf(tr.Events); !slices.Equal(got, []string{"run lanzhi", "activate lanzhi", "ship lanzhi", "receive dist", "ship dist", "receive lanzhi", "inspect audit", "sell lanzhi", "sell dist"}) {
		t.Errorf("got %v", got)
	}
}

// A hand-held clock that goes wrong by minutes does not make a receipt precede
// its shipment.
func TestReceiptAfterItsShipment(t *testing.T) {
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	s := w.do("lanzhi", ship, about(codes(0, 99)), to("wh"))
	w.do("wh", receive, about(codes(0, 99)), refs(s), at(s.At-120_000))
	tr := w.check(bottle(5), Consistent, Held, "wh")
	if last := tr.Events[len(tr.Events)-1]; last.Kind != receive {
		t.Errorf("the trail ends with %s", last.Kind)
	}
}

// Two records made offline long ago come late, and only the second explains
// the first: nobody is accused.
func TestLateRecordsThatFitTogether(t *testing.T) {
	w := newWorld(t)
	all := about(codes(0, 99))
	w.product()
	w.do("lanzhi", activate, all, field("lot", "L1"))
	out := w.do("lanzhi", ship, all, to("wh"))
	w.sees("wh")
	back := w.now + 10*3_600_000
	w.now = back
	w.do("lanzhi", receive, all)
	w.do("lanzhi", sell, all)
	w.sees("wh")
	w.do("wh", receive, all, refs(out), at(out.At+3_600_000))
	w.do("wh", ship, all, to("lanzhi"), at(out.At+7_200_000))
	w.check(bottle(5), Consistent, Sold, "")
}

func TestNeverIssued(t *testing.T) {
	w := newWorld(t)
	run := w.product()
	in := w.input(bottle(0))
	in.Absent = true
	tr := Fold(in)
	if tr.Verdict != NeverIssued || len(tr.Events) > 0 || tr.Custody.State != "" {
		t.Errorf("got %s with %d events and custody %v", tr.Verdict, len(tr.Events), tr.Custody)
	}
	run.Fields["guessable"] = true
	if tr := Fold(in); tr.Verdict != Unknown {
		t.Errorf("guessable serials give %s, want unknown", tr.Verdict)
	}
}

func TestAsOfCuts(t *testing.T) {
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	w.do("lanzhi", ship, about(codes(0, 99)), to("wh"))
	in := w.input(bottle(5))
	in.AsOf = map[uint32]uint64{3: 3}
	if tr := Fold(in); tr.Custody.State != Active || len(tr.Events) != 2 {
		t.Errorf("got %v with %d events", tr.Custody, len(tr.Events))
	}
}

func TestProductVersionOfTheItemsDay(t *testing.T) {
	w := newWorld(t)
	w.product()
	version := func(n uint64, name string, opts ...option) {
		w.do("lanzhi", ledger.KindProduct, append(opts, field("gtin", wine), field("version", n), field("issuing_chain", uint64(3)), field("names", Names{Zh: name}))...)
	}
	version(2, "夏", field("applies_from", "2026-06-01"))
	version(3, "秋", field("applies_from", "2026-09-01"))
	version(4, "夏，改", field("corrects", uint64(2)))
	w.do("dist", ledger.KindProduct, field("gtin", wine), field("version", uint64(9)), field("issuing_chain", uint64(2)), field("names", Names{Zh: "假"}))
	for day, want := range map[string]string{"2026-05-31": "兰芷干红", "2026-06-01": "夏，改", "2026-09-01": "秋"} {
		v := newWorld(t)
		v.events, v.size = slices.Clone(w.events), w.size
		v.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"), field("produced", day))
		if got := v.fold(bottle(5)).Product.Fields.Names("names").Zh; got != want {
			t.Errorf("produced %s: version %q, want %q", day, got, want)
		}
	}
}

func TestExpiry(t *testing.T) {
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"), field("produced", "2026-03-01"))
	tr := w.fold(bottle(5))
	for _, c := range []struct {
		now  string
		want bool
	}{{"2026-03-31T15:59:59Z", false}, {"2026-03-31T16:00:00Z", true}} { // midnight in Beijing
		n, findings := NowOf(tr, mustTime(t, c.now))
		if n.Expires != "2026-03-31" || n.Expired != c.want || len(findings) > 0 != c.want {
			t.Errorf("at %s: %+v, %v", c.now, n, findings)
		}
	}
}

// Sales outside a dealer's territory are told to the brand, the dealer and the
// auditors, and change no verdict.
func TestDiversion(t *testing.T) {
	for _, c := range []struct {
		name   string
		seller string
		region string
		want   bool
	}{
		{"in its city", "dist/store1", "330106", false},
		{"in its province, which may be its city", "dist/store1", "CN-ZJ", false},
		{"in another city of the province", "dist/store1", "330203", true},
		{"in another province", "dist/store1", "440100", true},
		{"where nobody knows", "dist/store1", "", false},
		{"in the territory of the dealer above it", "dist/store2", "310115", false},
		{"outside that", "dist/store2", "330106", true},
		{"by one without a territory", "wh", "440100", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.product()
			w.do("lanzhi", appoint, append(appointed("dist/store1"), field("territory", []string{"330100"}))...)
			w.do("lanzhi", appoint, append(appointed("dist/store2"), field("parent", "dist/agent"))...)
			w.do("lanzhi", appoint, append(appointed("dist/agent"), field("territory", []string{"CN-SH"}))...)
			w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
			s := w.do("lanzhi", ship, about(codes(0, 99)), to(c.seller))
			w.do(c.seller, receive, about(codes(0, 99)), refs(s))
			w.do(c.seller, sell, about(codes(5, 5)), field("region", c.region))
			tr := w.check(bottle(5), Consistent, Sold, "")
			_, list := NowOf(tr, time.UnixMilli(w.now))
			if (len(list) > 0) != c.want {
				t.Fatalf("findings %+v", list)
			}
			if !c.want {
				return
			}
			for viewer, want := range map[Viewer]int{{}: 0, {Code: true}: 0, {Member: "wh"}: 0, {Member: "lanzhi"}: 1, {Member: "dist"}: 1, {Member: "audit"}: 1} {
				if got := tr.Words(list, viewer); len(got) != want {
					t.Errorf("%+v is told %v", viewer, got)
				}
			}
		})
	}
}

// set records a hundred bottles, of which the first sixty are made into ten sets
// of six.
func (w *world) set() {
	w.product()
	w.do("lanzhi", ledger.KindProduct, field("gtin", boxes), field("version", uint64(1)), field("issuing_chain", uint64(3)))
	w.do("lanzhi", ledger.KindRun, field("gtin", boxes), field("run", uint64(1)), field("count", uint64(20)))
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	w.do("lanzhi", making, about(Made(OfRange(Range{boxes, 1, 0, 9}), codes(0, 59))), field("type", "kit"), field("lot", "K1"))
}

// The trail of a set has those of its bottles, and those of what the bottles
// were made of.
func TestSources(t *testing.T) {
	w := newWorld(t)
	w.set()
	w.do("lanzhi", making, about(Made(Of(Unit(pallet)), OfRange(Range{boxes, 1, 2, 3}))), field("type", "repackage"))
	tr := w.fold(Unit(pallet))
	if len(tr.Sources) != 2 || len(tr.Sources[1].Sources) != 6 || tr.Sources[1].Sources[5].Item != bottle(23) || tr.Sources[1].Lot() != "K1" {
		t.Fatalf("sources %+v", tr.Sources)
	}
	if v := tr.For(Viewer{Code: true}); len(v.Sources) != 2 || v.Sources[0].Sources[0].Lot != "L1" {
		t.Errorf("shown: %+v", v.Sources)
	}
	// What an index gathers for each of them makes the same trail.
	gather := func(i Item) ([]*Event, error) {
		return slices.DeleteFunc(slices.Clone(w.events), func(e *Event) bool { return len(e.Subjects) > 0 && !e.Covers(i) }), nil
	}
	own, _ := gather(Unit(pallet))
	in := w.input(Unit(pallet))
	events, err := WithSources(Unit(pallet), own, gather)
	if err != nil {
		t.Fatal(err)
	}
	in.Events = events
	if got, want := mustJSON(t, Fold(in).For(Viewer{})), mustJSON(t, tr.For(Viewer{})); got != want {
		t.Errorf("gathered:\n got %s\nwant %s", got, want)
	}
}

func TestMadeFrom(t *testing.T) {
	out, lotL1 := OfRange(Range{boxes, 1, 10, 19}), Of(Lot(wine, "L1"))
	for _, c := range []struct {
		name string
		made Subject
		item Item
		want Subject
	}{
		{"one of one", Made(out, codes(0, 9)), Code(boxes, 1, 12), codes(2, 2)},
		{"one of six", Made(out, codes(0, 59)), Code(boxes, 1, 12), codes(12, 17)},
		{"five of one", Made(out, codes(0, 1)), Code(boxes, 1, 15), codes(1, 1)},
		{"of a lot", Made(out, lotL1), Code(boxes, 1, 15), lotL1},
		{"a pallet of codes", Made(Of(Unit(pallet)), codes(0, 9)), Unit(pallet), codes(0, 9)},
	} {
		if got, ok := c.made.madeFrom(c.item); !ok || got != c.want {
			t.Errorf("%s: %v, %v", c.name, got, ok)
		}
	}
	if _, ok := Made(out, codes(0, 9)).madeFrom(bottle(3)); ok {
		t.Error("an input was made of something")
	}
}

// A lot's balances are by party and unit; a negative one is told to the parties.
func TestBalances(t *testing.T) {
	b1 := about(Of(Lot(wine, "B1")))
	kg := func(n uint64) option { return field("quantity", Quantity{n, "KGM"}) }
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, b1, field("lot", "B1"), kg(1000))
	w.do("dist", activate, b1, field("lot", "B1"), kg(5000)) // without the right to
	s := w.do("lanzhi", ship, b1, to("wh"), kg(600))
	w.do("wh", receive, b1, refs(s), kg(590))
	w.do("wh", sell, b1, kg(700))
	wrong := w.do("wh", sell, b1, kg(9))
	w.do("wh", correct, b1, target(wrong))
	s = w.do("lanzhi", ship, b1, to("wh"), kg(100))
	w.do("lanzhi", cancel, b1, refs(s))
	w.do("dist", sell, b1, field("quantity", Quantity{3, "EA"}))
	w.do("dist", ship, b1, to("wh")) // of which we may not see how much it was
	tr := w.check(Lot(wine, "B1"), Consistent, "", "", NotAuthority)
	var got []string
	for _, b := range tr.Balances() {
		got = append(got, fmt.Sprint(b.Party, " ", b.Value, " ", b.Unit))
	}
	if want := []string{"lanzhi 400 KGM", "wh -110 KGM"}; !slices.Equal(got, want) {
		t.Errorf("balances %v, want %v", got, want)
	}
	_, list := NowOf(tr, time.UnixMilli(w.now))
	words := tr.Words(list, Viewer{Member: "wh"})
	if len(words) != 1 || words[0].Zh != "按记录，华东仓发出和售出的此批次多于收到和生产的：差110 KGM。" {
		t.Errorf("words %+v", words)
	}
	if got := tr.Words(list, Viewer{Code: true}); len(got) > 0 {
		t.Errorf("the public is told %v", got)
	}
}

// Links are the brand's, the narrowest first, and end with a correction.
func TestLinks(t *testing.T) {
	w := newWorld(t)
	w.product()
	page := func(member, kind, href string, s Subject) *Event {
		return w.do(member, link, about(s), field("type", kind), field("href", "https://lanzhi.example/"+href))
	}
	page("lanzhi", "gs1:pip", "wine", Of(Product(wine)))
	page("lanzhi", "gs1:certificationInfo", "lab", Of(Product(wine)))
	page("dist", "gs1:pip", "phish", Of(Product(wine)))
	page("lanzhi", "gs1:pip", "L1", Of(Lot(wine, "L1")))
	page("lanzhi", "gs1:pip", "L2", Of(Lot(wine, "L2")))
	old := page("lanzhi", "gs1:pip", "old", codes(0, 9))
	page("lanzhi", "gs1:pip", "mine", codes(5, 5))
	w.do("lanzhi", correct, about(codes(0, 9)), target(old))
	var got []string
	for _, l := range Links([]*ledger.Charter{w.charter}, w.events, bottle(5), "L1") {
		got = append(got, strings.TrimPrefix(l.Href, "https://lanzhi.example/"))
	}
	if want := []string{"mine", "L1", "lab", "wine"}; !slices.Equal(got, want) {
		t.Errorf("links %v, want %v", got, want)
	}
}

// Members learn that a key was revoked after it had signed, within what is
// final.
func TestRevokedLater(t *testing.T) {
	w := newWorld(t)
	w.product()
	e := w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	w.do("lanzhi", ledger.KindPlace, field("id", "x"))
	e.Signer = ledger.Address{7}
	in := w.input(bottle(5))
	for seq, want := range map[uint64][]string{e.Seq - 1: nil, e.Seq + 1: {RevokedLater}, in.AsOf[3]: nil} {
		in.Revoked = func(chain uint32, signer ledger.Address) (uint64, bool) { return seq, chain == 3 && signer == e.Signer }
		if got := codesOf(Fold(in)); !slices.Equal(got, want) {
			t.Errorf("revoked at %d: findings %v, want %v", seq, got, want)
		}
	}
}

// The table of findings is complete, and no sentence promises what nobody can.
func TestFindingTable(t *testing.T) {
	for code, spec := range findingSpecs {
		if spec.severity.rank() < 0 || spec.zh == "" || spec.en == "" {
			t.Errorf("%s: the row is not complete", code)
		}
		if spec.audience != pub && spec.severity.rank() >= Warning.rank() {
			t.Errorf("%s: contradicts, but the public is not told", code)
		}
		for _, banned := range []string{"正品", "保真", "不可篡改", "genuine", "authentic", "tamper"} {
			if strings.Contains(spec.zh+spec.en, banned) {
				t.Errorf("%s says %q", code, banned)
			}
		}
	}
	if _, err := gs1.ParseGTIN(boxes.String()); err != nil {
		t.Error(err)
	}
}

func TestHeadlines(t *testing.T) {
	brand := Names{"兰芷", "Lanzhi"}
	note := Names{"某事。", "Something."}
	for v, want := range map[Verdict][2]string{
		Consistent:  {"此码由兰芷签发，流通记录一致", "Issued by Lanzhi; the records agree"},
		Warn:        {"此码由兰芷签发，有一项请留意：某事。", "Issued by Lanzhi; please note: Something."},
		Suspicious:  {"请谨慎：此码可能被复制", "Caution: this code may have been copied"},
		Recalled:    {"该产品正在召回，请停止使用", "This product is being recalled; stop using it"},
		NeverIssued: {"兰芷没有签发过此码", "Lanzhi has never issued this code"},
		Unknown:     {"暂未查到此码，请稍后再试", "Not found yet, please try again"},
	} {
		if zh, en := v.Headline(brand, note); zh != want[0] || en != want[1] {
			t.Errorf("%s: %q, %q", v, zh, en)
		}
	}
}

// However many records contradict each other, folding them stays bounded.
func BenchmarkFoldLies(b *testing.B) {
	w := newWorld(b)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	for i := range MaxEvents {
		w.sees("dist")
		w.do([]string{"dist", "wh"}[i%2], sell, about(codes(0, 99)), at(day0+int64(MaxEvents-i)))
		w.sees("wh")
	}
	in := w.input(bottle(5))
	for b.Loop() {
		if tr := Fold(in); tr.Verdict != Suspicious {
			b.Fatal(tr.Verdict)
		}
	}
}
