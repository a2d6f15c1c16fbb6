package trace

import (
	"slices"
	"testing"
)

// What its recipient has received the sender cannot take back: else whoever sold on
// what he had sent away would make the buyer a stranger to it, and a copy could be
// sold as if it were the first.
func TestReceivedShipmentsStand(t *testing.T) {
	some := about(codes(0, 9))
	for _, c := range []struct {
		name     string
		do       func(w *world, s *Event) // after wh has sent the codes to dist
		verdict  Verdict
		state    State
		holder   string
		findings []string
	}{
		{"and sold on by both", func(w *world, s *Event) {
			w.do("dist", receive, some, refs(s))
			w.do("dist", sell, some)
			w.do("wh", correct, some, target(s))
			w.do("wh", sell, some)
		}, Suspicious, Sold, "", []string{CorrectionNoEffect, SoldTwice}},
		{"received without naming it", func(w *world, s *Event) {
			w.do("dist", receive, some)
			w.do("wh", correct, some, target(s))
			w.do("wh", sell, some)
		}, Warn, Sold, "", []string{CorrectionNoEffect, SoldByNonHolder}},
		{"received by a party of the recipient", func(w *world, s *Event) {
			w.do("dist/shop", receive, some, refs(s))
			w.do("wh", correct, some, target(s))
		}, Consistent, Held, "dist/shop", []string{CorrectionNoEffect}},
		{"taken back twice", func(w *world, s *Event) {
			w.do("dist", receive, some, refs(s))
			w.do("wh", correct, some, target(s))
			w.do("wh", correct, some, target(s), replacement(w.do("wh", ship, some, to("audit"))))
		}, Warn, Held, "dist", []string{CorrectionNoEffect, CorrectionNoEffect, ShippedByNonHolder}},
		{"replaced by one to another", func(w *world, s *Event) {
			w.do("dist", receive, some, refs(s))
			w.do("wh", correct, some, target(s), replacement(w.do("wh", ship, some, to("audit"), at(s.At))))
		}, Consistent, Held, "dist", []string{CorrectionNoEffect, ReceivedByOther, ShipmentOpen}},
		{"replaced by one of other goods", func(w *world, s *Event) {
			w.do("dist", receive, some, refs(s))
			w.do("wh", correct, some, target(s), replacement(w.do("wh", ship, about(codes(50, 59)), to("dist"))))
		}, Consistent, Held, "dist", []string{CorrectionNoEffect}},
		{"replaced in a circle", func(w *world, s *Event) {
			w.do("dist", receive, some, refs(s))
			other := w.do("wh", ship, some, to("dist"))
			w.do("wh", correct, some, target(s), replacement(other))
			w.do("wh", correct, some, target(other), replacement(s))
		}, Consistent, Held, "dist", []string{CorrectionNoEffect}},
		{"replaced, and that taken back", func(w *world, s *Event) {
			w.do("dist", receive, some, refs(s))
			other := w.do("wh", ship, some, to("dist"))
			w.do("wh", correct, some, target(s), replacement(other))
			w.do("wh", correct, some, target(other))
		}, Consistent, Held, "dist", []string{CorrectionNoEffect}},
		{"replaced by one to the same", func(w *world, s *Event) {
			w.do("dist", receive, some, refs(s))
			w.do("wh", correct, some, target(s), replacement(w.do("wh", ship, about(codes(0, 19)), to("dist"))))
		}, Consistent, Held, "dist", nil},
		{"and the recipient agrees", func(w *world, s *Event) {
			r := w.do("dist", receive, some, refs(s))
			w.do("wh", correct, some, target(s))
			w.do("dist", correct, some, target(r))
		}, Consistent, Held, "wh", nil},
		{"another part was received", func(w *world, s *Event) {
			w.do("dist", receive, about(codes(0, 4)), refs(s))
			w.do("wh", correct, some, target(s))
		}, Consistent, Held, "wh", nil},
		{"received only after it was known to be taken back", func(w *world, s *Event) {
			w.do("wh", correct, some, target(s))
			w.sees("dist")
			w.do("dist", receive, some, refs(s))
		}, Consistent, Held, "wh", []string{ReceivedNotShipped}},
		{"received by another", func(w *world, s *Event) {
			w.do("audit", receive, some, refs(s))
			w.do("wh", correct, some, target(s))
		}, Consistent, Held, "wh", []string{ReceivedNotShipped}},
		{"what came later came by another shipment", func(w *world, s *Event) {
			w.do("wh", correct, some, target(s))
			w.do("wh", ship, some, to("dist"))
			w.do("dist", receive, some)
		}, Consistent, Held, "dist", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.product()
			w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "B1"))
			s := w.do("lanzhi", ship, about(codes(0, 99)), to("wh"))
			w.do("wh", receive, about(codes(0, 99)), refs(s))
			c.do(w, w.do("wh", ship, some, to("dist")))
			tr := w.check(bottle(5), c.verdict, c.state, c.holder, c.findings...)
			for _, f := range tr.Findings {
				shown := func(e EventView) bool { return e.ID == f.Records[0] }
				if f.Code == CorrectionNoEffect && slices.ContainsFunc(tr.For(Viewer{Code: true}).Events, shown) {
					t.Errorf("consumers are shown a correction that counts for nothing")
				}
			}
		})
	}
}
