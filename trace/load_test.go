package trace

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
)

// What its recipient has received of a lot its sender cannot take back alone, nor hide
// what did not come; and what strangers say of it changes nothing and is found.
func TestShipmentsOfLotsTakenBack(t *testing.T) {
	for _, c := range []struct {
		name     string
		do       func(w *lotWorld, s *Event) // lanzhi made 100 and sent 50 to wh
		balances string
		parties  string // findings for the parties
		members  string // findings of the trail
	}{
		{"cancelled after all has come", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 50, refs(s))
			w.do("lanzhi", cancel, about(w.lot), refs(s))
		}, "lanzhi 50, wh 50", "taken-back 50", ""},
		{"cancelled before, and it comes all the same", func(w *lotWorld, s *Event) {
			w.do("lanzhi", cancel, about(w.lot), refs(s))
			w.of("wh", receive, 50, refs(s))
		}, "lanzhi 50, wh 50", "taken-back 50", ""},
		{"cancelled after a part has come", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 40, refs(s))
			w.do("lanzhi", cancel, about(w.lot), refs(s))
		}, "lanzhi 60, wh 40", "short-receipt 10, taken-back 40", ""},
		{"cancelled twice", func(w *lotWorld, s *Event) {
			w.do("lanzhi", cancel, about(w.lot), refs(s))
			w.do("lanzhi", cancel, about(w.lot), refs(s))
		}, "lanzhi 100", "", ""},
		{"cancelled, more has come", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 60, refs(s))
			w.do("lanzhi", cancel, about(w.lot), refs(s))
		}, "lanzhi 50, wh 60", "over-receipt 10, taken-back 50", ""},
		{"the rest is refused", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 40, refs(s))
			w.do("wh", cancel, about(w.lot), refs(s))
		}, "lanzhi 60, wh 40", "", ""},
		{"the rest is cancelled by both", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 40, refs(s))
			w.do("lanzhi", cancel, about(w.lot), refs(s))
			w.do("wh", cancel, about(w.lot), refs(s))
		}, "lanzhi 60, wh 40", "", ""},
		{"of two that came together one is cancelled", func(w *lotWorld, s *Event) {
			b := w.of("lanzhi", ship, 30, to("wh"))
			w.of("wh", receive, 70, refs(s, b))
			w.do("lanzhi", cancel, about(w.lot), refs(b))
		}, "lanzhi 30, wh 70", "short-receipt 10, taken-back 30", ""},
		{"of two that came together one is refused, as far as it did not", func(w *lotWorld, s *Event) {
			b := w.of("lanzhi", ship, 30, to("wh"))
			w.do("wh", cancel, about(w.lot), refs(b))
			w.of("wh", receive, 70, refs(s, b))
		}, "lanzhi 30, wh 70", "", ""},
		{"cancelled after it came in another unit of measure", func(w *lotWorld, s *Event) {
			w.do("wh", receive, about(w.lot), field("quantity", Quantity{4, "BX"}), refs(s))
			w.do("lanzhi", cancel, about(w.lot), refs(s))
		}, "lanzhi 50, wh 4", "", ""},
		{"cancelled, nobody says how much has come", func(w *lotWorld, s *Event) {
			w.do("wh", receive, about(w.lot), refs(s))
			w.do("lanzhi", cancel, about(w.lot), refs(s))
		}, "", "", ""},
		{"corrected away", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 40, refs(s))
			w.do("lanzhi", correct, about(w.lot), target(s))
		}, "lanzhi 50, wh 40", "short-receipt 10", "correction-no-effect"},
		{"corrected to another recipient", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 50, refs(s))
			w.do("lanzhi", correct, about(w.lot), target(s), replacement(w.of("lanzhi", ship, 50, to("dist"))))
		}, "lanzhi 0, wh 50", "", "correction-no-effect"},
		{"corrected to less than has come", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 50, refs(s))
			w.do("lanzhi", correct, about(w.lot), target(s), replacement(w.of("lanzhi", ship, 20, to("wh"))))
		}, "lanzhi 80, wh 50", "taken-back 30", ""},
		{"corrected to what has come", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 40, refs(s))
			w.do("lanzhi", correct, about(w.lot), target(s), replacement(w.of("lanzhi", ship, 40, to("wh"))))
		}, "lanzhi 60, wh 40", "short-receipt 10", ""},
		{"corrected twice, to what has come", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 40, refs(s))
			a, b := w.of("lanzhi", ship, 45, to("wh")), w.of("lanzhi", ship, 40, to("wh"))
			w.do("lanzhi", correct, about(w.lot), target(s), replacement(a))
			w.do("lanzhi", correct, about(w.lot), target(a), replacement(b))
		}, "lanzhi 60, wh 40", "short-receipt 10", ""},
		{"corrected to what has come, and the recipient agrees", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 40, refs(s))
			w.do("lanzhi", correct, about(w.lot), target(s), replacement(w.of("lanzhi", ship, 40, to("wh"))))
			w.do("wh", cancel, about(w.lot), refs(s))
		}, "lanzhi 60, wh 40", "", ""},
		{"corrected before it came, as its recipient knew", func(w *lotWorld, s *Event) {
			w.do("lanzhi", correct, about(w.lot), target(s), replacement(w.of("lanzhi", ship, 40, to("wh"))))
			w.sees("wh")
			w.of("wh", receive, 40, refs(s))
		}, "lanzhi 60, wh 40", "", ""},
		{"corrected to more", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 60, refs(s))
			w.do("lanzhi", correct, about(w.lot), target(s), replacement(w.of("lanzhi", ship, 60, to("wh"))))
		}, "lanzhi 40, wh 60", "", ""},
		{"a stranger receives", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 40, refs(s))
			w.of("dist", receive, 10, refs(s))
		}, "lanzhi 50, wh 40", "short-receipt 10", "received-by-other"},
		{"a stranger cancels", func(w *lotWorld, s *Event) {
			w.do("dist", cancel, about(w.lot), refs(s))
		}, "lanzhi 50", "", "cancel-no-effect"},
		{"a stranger cancels what is not here", func(w *lotWorld, s *Event) {
			w.do("dist", cancel, about(w.lot), func(e *Event) { e.Refs = append(e.Refs, ledger.Hash{9}) })
		}, "lanzhi 50", "", "ref-missing"},
		{"a stranger has some from nowhere", func(w *lotWorld, s *Event) {
			w.of("dist", receive, 10)
		}, "dist 10, lanzhi 50", "", "received-not-shipped"},
		{"received without naming the shipment", func(w *lotWorld, s *Event) {
			w.of("wh", receive, 50)
		}, "lanzhi 50, wh 50", "", ""},
		{"received by a shipment that is not here yet", func(w *lotWorld, s *Event) {
			w.of("dist", receive, 10, func(e *Event) { e.Refs = append(e.Refs, ledger.Hash{9}) })
		}, "dist 10, lanzhi 50", "", "ref-missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newLotWorld(t)
			w.of("lanzhi", activate, 100)
			c.do(w, w.of("lanzhi", ship, 50, to("wh")))
			in := w.input(Lot(wine, "B1"))
			in.Known = func(leaf ledger.Hash) bool { return leaf != ledger.Hash{9} }
			tr := Fold(in)
			var balances, parties []string
			for _, b := range tr.Balances() {
				balances = append(balances, fmt.Sprint(b.Party, " ", b.Value))
			}
			for _, f := range tr.PartyFindings() {
				parties = append(parties, fmt.Sprint(f.Code, " ", f.n))
				for _, v := range []string{"lanzhi", "wh", "audit"} {
					if !f.For(Viewer{Member: v}) {
						t.Errorf("%s is not told of %s", v, f.Code)
					}
				}
				if f.For(Viewer{Member: "dist"}) || f.For(Viewer{Code: true}) {
					t.Errorf("others are told of %s", f.Code)
				}
			}
			slices.Sort(parties)
			if got := strings.Join(balances, ", "); got != c.balances {
				t.Errorf("balances %q, want %q", got, c.balances)
			}
			if got := strings.Join(parties, ", "); got != c.parties {
				t.Errorf("the parties are told %q, want %q", got, c.parties)
			}
			if got := strings.Join(codesOf(tr), ", "); got != c.members || tr.Verdict != Consistent {
				t.Errorf("the trail tells %q, %s; want %q", got, tr.Verdict, c.members)
			}
			if len(tr.For(Viewer{Code: true}).Findings) > 0 {
				t.Errorf("the public is told %+v", tr.For(Viewer{Code: true}).Findings)
			}
		})
	}
}
