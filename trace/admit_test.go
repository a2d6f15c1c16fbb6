package trace

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// ownView is a member's node in a world: it has stored what is in the world.
type ownView struct {
	w      *world
	member string
}

func (v ownView) own(keep func(*Event) bool) []*Event {
	var list []*Event
	for _, e := range v.w.events {
		if e.Member == v.member && keep(e) {
			list = append(list, e)
		}
	}
	return list
}

func (v ownView) Overlapping(s Subject) ([]*Event, error) {
	return v.own(func(e *Event) bool {
		return slices.ContainsFunc(e.Subjects, func(x Subject) bool {
			return slices.ContainsFunc(x.simple(), func(y Subject) bool { return overlap(s, y) })
		})
	}), nil
}

func (v ownView) Charters() ([]*ledger.Charter, error) { return []*ledger.Charter{v.w.charter}, nil }

func (v ownView) Products(gtin gs1.GTIN) ([]*Event, error) {
	var list []*Event
	for _, e := range v.w.events {
		if e.Kind == ledger.KindProduct && e.Fields.GTIN("gtin") == gtin {
			list = append(list, e)
		}
	}
	return list, nil
}

func (v ownView) About(gtin gs1.GTIN) ([]*Event, error) {
	var list []*Event
	for _, e := range v.w.events {
		if slices.ContainsFunc(IndexKeys(e), func(k Key) bool { return k.Kind == KeyGTIN && k.GTIN == gtin }) {
			list = append(list, e)
		}
	}
	return list, nil
}

func (v ownView) Run(gtin gs1.GTIN, run uint16) (*Event, error) {
	for _, e := range v.w.events {
		if e.Kind == ledger.KindRun && e.Fields.GTIN("gtin") == gtin && e.Fields.Uint("run") == uint64(run) {
			return e, nil
		}
	}
	return nil, nil
}

func (v ownView) Registered(kind ledger.Kind, slug string) (bool, error) {
	name := map[ledger.Kind]string{ledger.KindPlace: "id", ledger.KindParty: "slug"}[kind]
	return len(v.own(func(e *Event) bool { return e.Kind == kind && e.Fields.Text(name) == slug })) > 0, nil
}

func (v ownView) Registrations(kind ledger.Kind, slug string) ([]*Event, error) {
	name := map[ledger.Kind]string{ledger.KindPlace: "id", ledger.KindParty: "slug"}[kind]
	return v.own(func(e *Event) bool { return e.Kind == kind && e.Fields.Text(name) == slug }), nil
}

func (v ownView) Record(id ledger.Hash) (*Event, error) {
	if list := v.own(func(e *Event) bool { return e.ID == id }); len(list) > 0 {
		return list[0], nil
	}
	return nil, nil
}

// Stored pretends that each field of a record is a disclosure whose digest is its
// number.
func (v ownView) Stored(id ledger.Hash) (*Stored, error) {
	i := slices.IndexFunc(v.w.events, func(e *Event) bool { return e.ID == id })
	if i < 0 {
		return nil, nil
	}
	e := v.w.events[i]
	spec, _ := Spec(e.Kind)
	st := &Stored{Member: e.Member, Chain: e.Chain, Kind: e.Kind, Disclosures: map[ledger.Hash]uint64{}, Files: map[ledger.Hash][]string{}, Erased: map[ledger.Hash]bool{{99}: true}}
	for name := range e.Fields {
		f, _ := spec.Field(name)
		st.Disclosures[ledger.Hash{byte(f.Number)}] = f.Number
	}
	for _, a := range e.NamedFiles() {
		st.Files[a.Digest] = append(st.Files[a.Digest], a.Field)
	}
	return st, nil
}

func (v ownView) Entry(leaf ledger.Hash) (*Event, error) {
	for _, e := range v.w.events {
		if e.Hash == leaf {
			return e, nil
		}
	}
	return nil, nil
}

// try asks whether an event may be appended, and leaves the world as it was.
func (w *world) try(party string, kind ledger.Kind, opts ...option) error {
	e := w.do(party, kind, opts...)
	w.events = w.events[:len(w.events)-1]
	w.size[e.Chain]--
	return Admit(e, w.charter, ownView{w, e.Member})
}

// tryLimited asks the same for an operator who may act for the party only.
func (w *world) tryLimited(party string, kind ledger.Kind, opts ...option) error {
	e := w.do(party, kind, opts...)
	w.events = w.events[:len(w.events)-1]
	w.size[e.Chain]--
	return AdmitLimited(e, w.charter, ownView{w, e.Member})
}

// tryErase erases a field of an activation of lanzhi's.
func (w *world) tryErase(member string, number byte) error {
	w.product()
	e := w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"), field("co_approval", "Ms Li"), field("line", "line-2"))
	return w.try(member, ledger.KindErase, field("record", e.ID), field("digests", []ledger.Hash{{number}}))
}

// tryEraseFile erases a file of an activation of lanzhi's that names one.
func (w *world) tryEraseFile(file ledger.Hash) error {
	w.product()
	e := w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"), field("documents", []ledger.Hash{{55}}))
	return w.try("lanzhi", ledger.KindErase, field("record", e.ID), field("files", []ledger.Hash{file}))
}

// party registers a hosted party.
func (w *world) party(name string) {
	w.do(memberOf(name), ledger.KindParty, field("slug", name[len(memberOf(name))+1:]), field("name", Names{Zh: name}))
}

func TestAdmit(t *testing.T) {
	all, some := about(codes(0, 99)), about(codes(40, 59))
	lot := field("lot", "L1")
	pal := Unit(pallet)
	second := mustSSCC("069012340000000023")
	box := func(n uint32) Subject { return OfRange(Range{boxes, 1, n, n}) }
	ready := func(w *world) *Event {
		w.product()
		return w.do("lanzhi", activate, all, lot)
	}
	productV := func(n, chain uint64) []option {
		return []option{field("gtin", wine), field("version", n), field("issuing_chain", chain)}
	}
	for _, c := range []struct {
		name   string
		try    func(w *world) error
		reason string // "" is admitted
	}{
		{"product of the GTIN's member", func(w *world) error { return w.try("lanzhi", ledger.KindProduct, productV(1, 3)...) }, ""},
		{"product of another's GTIN", func(w *world) error { return w.try("dist", ledger.KindProduct, productV(1, 2)...) }, RefusedNoAuthority},
		{"product issued on a chain of another", func(w *world) error { return w.try("lanzhi", ledger.KindProduct, productV(1, 4)...) }, RefusedNoChain},
		{"version again", func(w *world) error { w.product(); return w.try("lanzhi", ledger.KindProduct, productV(1, 3)...) }, RefusedVersion},
		{"corrects nothing", func(w *world) error {
			w.product()
			return w.try("lanzhi", ledger.KindProduct, append(productV(2, 3), field("corrects", uint64(7)))...)
		}, RefusedNoVersion},
		{"run without a product", func(w *world) error {
			return w.try("lanzhi", ledger.KindRun, field("gtin", wine), field("run", uint64(1)), field("count", uint64(5)))
		}, RefusedNoProduct},
		{"run taken", func(w *world) error {
			w.product()
			return w.try("lanzhi", ledger.KindRun, field("gtin", wine), field("run", uint64(1)), field("count", uint64(5)))
		}, RefusedRunTaken},
		{"next run", func(w *world) error {
			w.product()
			return w.try("lanzhi", ledger.KindRun, field("gtin", wine), field("run", uint64(2)), field("count", uint64(5)))
		}, ""},
		{"run on another chain", func(w *world) error {
			w.product()
			e := w.do("lanzhi", ledger.KindRun, field("gtin", wine), field("run", uint64(2)), field("count", uint64(5)))
			e.Chain = 9
			w.events = w.events[:len(w.events)-1]
			return Admit(e, w.charter, ownView{w, "lanzhi"})
		}, RefusedNotIssuer},
		{"run of another's GTIN", func(w *world) error {
			w.product()
			return w.try("dist", ledger.KindRun, field("gtin", wine), field("run", uint64(2)), field("count", uint64(5)))
		}, RefusedNoAuthority},
		{"activate", func(w *world) error { w.product(); return w.try("lanzhi", activate, all, lot) }, ""},
		{"activate what is not issued", func(w *world) error { return w.try("lanzhi", activate, all, lot) }, RefusedUnknownRun},
		{"activate beyond the run", func(w *world) error { w.product(); return w.try("lanzhi", activate, about(codes(99, 100)), lot) }, RefusedOutsideRun},
		{"activate another's", func(w *world) error { w.product(); return w.try("dist", activate, all, lot) }, RefusedNoAuthority},
		{"activate in part again", func(w *world) error { ready(w); return w.try("lanzhi", activate, some, lot) }, RefusedActive},
		{"a party that is not registered", func(w *world) error { return w.try("dist/store1", receive, all) }, RefusedNoParty},
		{"a party that is", func(w *world) error { w.party("dist/store1"); return w.try("dist/store1", receive, all) }, ""},
		{"a place that is not registered", func(w *world) error {
			return w.try("wh", receive, all, func(e *Event) { e.Place = "hz9" })
		}, RefusedNoPlace},
		{"ship to a stranger", func(w *world) error { ready(w); return w.try("lanzhi", ship, all, to("acme")) }, RefusedNoParty},
		{"ship what came without a record", func(w *world) error { return w.try("dist", ship, all, to("wh")) }, ""},
		{"ship twice", func(w *world) error {
			ready(w)
			w.do("lanzhi", ship, all, to("wh"))
			return w.try("lanzhi", ship, some, to("dist"))
		}, RefusedNotHolder},
		{"ship the rest", func(w *world) error {
			ready(w)
			w.do("lanzhi", ship, some, to("wh"))
			return w.try("lanzhi", ship, about(codes(0, 39), codes(60, 99)), to("dist"))
		}, ""},
		{"ship a range with shipped codes in its middle", func(w *world) error {
			ready(w)
			w.do("lanzhi", ship, some, to("wh"))
			return w.try("lanzhi", ship, about(codes(30, 99)), to("dist"))
		}, RefusedNotHolder},
		{"ship again after cancelling", func(w *world) error {
			ready(w)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("lanzhi", cancel, all, refs(s))
			return w.try("lanzhi", ship, all, to("dist"))
		}, ""},
		{"ship again what has come back", func(w *world) error {
			ready(w)
			w.do("lanzhi", ship, all, to("wh"))
			w.do("lanzhi", receive, all)
			return w.try("lanzhi", ship, all, to("dist"))
		}, ""},
		{"sell what is sold", func(w *world) error { w.do("dist", sell, some); return w.try("dist", sell, all) }, RefusedSold},
		{"receive what one has sold", func(w *world) error { w.do("dist", sell, some); return w.try("dist", receive, all) }, RefusedSold},
		{"sell what another has sold", func(w *world) error { w.do("wh", sell, some); return w.try("dist", sell, all) }, ""},
		{"sell what another party of the house holds", func(w *world) error {
			w.party("dist/store1")
			w.party("dist/store2")
			w.do("dist/store1", receive, all)
			return w.try("dist/store2", sell, all)
		}, RefusedNotHolder},
		{"ship what is void", func(w *world) error {
			ready(w)
			w.do("lanzhi", void, some)
			return w.try("lanzhi", ship, all, to("wh"))
		}, RefusedVoid},
		{"activate and pack a roll with scrapped labels", func(w *world) error {
			w.product()
			for i := uint32(0); i < 100; i += 7 {
				w.do("lanzhi", void, about(codes(i, i)))
			}
			if err := w.try("lanzhi", activate, all, lot); err != nil {
				return err
			}
			w.do("lanzhi", activate, all, lot)
			return w.try("lanzhi", pack, about(cases(0, 10, 10)))
		}, ""},
		{"activate a scrapped label by itself", func(w *world) error {
			w.product()
			w.do("lanzhi", void, about(codes(3, 3)))
			return w.try("lanzhi", activate, about(codes(3, 3)), lot)
		}, RefusedVoid},
		{"activate again what is scrapped since", func(w *world) error {
			w.product()
			w.do("lanzhi", activate, about(codes(3, 4)), lot)
			w.do("lanzhi", void, about(codes(3, 3)))
			w.do("lanzhi", void, about(codes(4, 4)))
			return w.try("lanzhi", activate, all, lot)
		}, ""},
		{"activate again with scrap beside it", func(w *world) error {
			w.product()
			w.do("lanzhi", activate, about(codes(3, 4)), lot)
			w.do("lanzhi", void, about(codes(3, 3)))
			return w.try("lanzhi", activate, all, lot)
		}, RefusedActive},
		{"void what another holds, by the brand", func(w *world) error {
			ready(w)
			w.do("lanzhi", ship, all, to("wh"))
			return w.try("lanzhi", void, all)
		}, ""},
		{"void what one has shipped", func(w *world) error {
			w.do("wh", ship, all, to("dist"))
			return w.try("wh", void, all)
		}, RefusedNotHolder},
		{"void what one holds", func(w *world) error { w.do("wh", receive, all); return w.try("wh", void, some) }, ""},
		{"receive what is addressed to another", func(w *world) error {
			s := w.do("lanzhi", ship, all, to("wh"))
			return w.try("dist", receive, all, refs(s))
		}, RefusedNotRecipient},
		{"receive from what is no shipment", func(w *world) error {
			return w.try("dist", receive, all, refs(ready(w)))
		}, RefusedNoShipment},
		{"receive before the shipment arrives here", func(w *world) error {
			return w.try("dist", receive, all, refs(&Event{Hash: ledger.Hash{9}}))
		}, ""},
		{"cancel by a stranger", func(w *world) error {
			s := w.do("lanzhi", ship, all, to("wh"))
			return w.try("dist", cancel, all, refs(s))
		}, RefusedNotSide},
		{"cancel by the recipient", func(w *world) error {
			s := w.do("lanzhi", ship, all, to("wh"))
			return w.try("wh", cancel, some, refs(s))
		}, ""},
		{"cancel what one has received", func(w *world) error {
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("wh", receive, all, refs(s))
			return w.try("wh", cancel, some, refs(s))
		}, RefusedNotOpen},
		{"cancel twice", func(w *world) error {
			ready(w)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("lanzhi", cancel, all, refs(s))
			return w.try("lanzhi", cancel, some, refs(s))
		}, RefusedNotOpen},
		{"unpack a pallet that was shipped away", func(w *world) error {
			w.do("wh", pack, about(Contents(pal, codes(0, 9))))
			w.do("wh", ship, about(Of(pal)), to("dist"))
			return w.try("wh", unpack, about(Of(pal)))
		}, RefusedNotHolder},
		{"name what is in a pallet that was shipped away", func(w *world) error {
			w.do("wh", pack, about(Contents(pal, codes(0, 9))))
			w.do("wh", ship, about(Of(pal)), to("dist"))
			return w.try("wh", unpack, about(Contents(pal, Of(Unit(second)))))
		}, RefusedNotHolder},
		{"unpack a pallet that came back", func(w *world) error {
			w.do("wh", pack, about(Contents(pal, codes(0, 9))))
			w.do("wh", ship, about(Of(pal)), to("dist"))
			w.do("wh", receive, about(Of(pal)))
			return w.try("wh", unpack, about(Of(pal)))
		}, ""},
		{"pack a code into two units", func(w *world) error {
			return w.try("wh", pack, about(Contents(pal, codes(0, 9)), Contents(Unit(second), codes(9, 9))))
		}, RefusedOverlap},
		{"pack into a unit with another's number", func(w *world) error {
			ready(w)
			return w.try("lanzhi", pack, about(Contents(Unit(mustSSCC("095012340000000015")), codes(0, 5))))
		}, RefusedForeignSSCC},
		{"pack into a unit that came with another's number", func(w *world) error {
			ready(w)
			theirs := mustSSCC("095012340000000015")
			w.do("lanzhi", receive, about(Of(Unit(theirs))))
			return w.try("lanzhi", pack, about(Contents(Unit(theirs), codes(0, 5))))
		}, ""},
		{"pack a pallet into what stands on it", func(w *world) error {
			w.do("wh", pack, about(Contents(pal, Of(Unit(second)))))
			return w.try("wh", pack, about(Contents(Unit(second), Of(pal))))
		}, RefusedCycle},
		{"pack into a pallet that has left", func(w *world) error {
			w.do("wh", ship, about(Of(pal)), to("dist"))
			return w.try("wh", pack, about(Contents(pal, codes(0, 9))))
		}, RefusedNotHolder},
		{"sell from a pallet that has left", func(w *world) error {
			ready(w)
			w.do("lanzhi", pack, about(cases(0, 10, 10)))
			w.do("lanzhi", pack, about(Contents(pal, OfRange(Range{boxes, 1, 0, 4}))))
			w.do("lanzhi", ship, about(Of(pal)), to("wh"))
			return w.try("lanzhi", sell, about(codes(49, 49)))
		}, RefusedNotHolder},
		{"sell from a case that has not", func(w *world) error {
			ready(w)
			w.do("lanzhi", pack, about(cases(0, 10, 10)))
			w.do("lanzhi", pack, about(Contents(pal, OfRange(Range{boxes, 1, 0, 4}))))
			w.do("lanzhi", ship, about(Of(pal)), to("wh"))
			return w.try("lanzhi", sell, about(codes(50, 99)))
		}, ""},
		{"sell a range of which one case has left", func(w *world) error {
			ready(w)
			w.do("lanzhi", pack, about(cases(0, 10, 10)))
			w.do("lanzhi", ship, about(box(7)), to("wh"))
			return w.try("lanzhi", sell, all)
		}, RefusedNotHolder},
		{"sell an exception of a case that has left", func(w *world) error {
			ready(w)
			w.do("lanzhi", pack, about(cases(0, 10, 10, Span{From: 35, To: 36})))
			w.do("lanzhi", ship, about(box(3)), to("wh"))
			return w.try("lanzhi", sell, about(codes(35, 36)))
		}, ""},
		{"take back what one has sold", func(w *world) error { w.do("dist", sell, all); return w.try("dist", takeBack, some) }, ""},
		{"sell again what one has taken back", func(w *world) error {
			w.do("dist", sell, all)
			w.do("dist", takeBack, some)
			return w.try("dist", sell, some)
		}, ""},
		{"take back what one has declared void", func(w *world) error { ready(w); w.do("lanzhi", void, all); return w.try("lanzhi", takeBack, some) }, RefusedVoid},
		{"hold what one has shipped", func(w *world) error {
			w.do("wh", ship, all, to("dist"))
			return w.try("wh", hold, some)
		}, ""}, // the sender holds it until the receipt
		{"hold what one has sold", func(w *world) error { w.do("wh", sell, all); return w.try("wh", hold, some) }, RefusedNotHolder},
		{"hold another's lot", func(w *world) error { return w.try("wh", hold, about(Of(Lot(wine, "L1")))) }, RefusedNoAuthority},
		{"sell what one has put on hold", func(w *world) error { w.do("wh", hold, some); return w.try("wh", sell, all) }, RefusedOnHold},
		{"release what one has not put on hold", func(w *world) error { return w.try("wh", release, some) }, RefusedNoHold},
		{"release and sell", func(w *world) error {
			w.do("wh", hold, all)
			if err := w.try("wh", release, some); err != nil {
				return err
			}
			w.do("wh", release, some)
			return w.try("wh", sell, some)
		}, ""},
		{"recall one's lot", func(w *world) error { return w.try("lanzhi", recall, about(Of(Lot(wine, "L1")))) }, ""},
		{"recall another's codes", func(w *world) error { return w.try("dist", recall, some) }, RefusedNoAuthority},
		{"correct one's own", func(w *world) error { return w.try("lanzhi", correct, all, target(ready(w))) }, ""},
		{"correct another's", func(w *world) error { return w.try("dist", correct, all, target(ready(w))) }, RefusedNoRecord},
		{"correct a run", func(w *world) error { return w.try("lanzhi", correct, all, target(w.product())) }, RefusedUncorrected},
		{"correct twice", func(w *world) error {
			e := ready(w)
			w.do("lanzhi", correct, all, target(e))
			return w.try("lanzhi", correct, all, target(e))
		}, RefusedCorrected},
		{"activate again what was corrected, and name it", func(w *world) error {
			e := ready(w)
			w.do("lanzhi", correct, all, target(e))
			if err := w.try("lanzhi", activate, all, lot); err != nil {
				return err
			}
			again := w.do("lanzhi", activate, all, lot)
			return w.try("lanzhi", correct, all, target(e), replacement(again))
		}, ""},
		{"replace by another kind", func(w *world) error {
			e := ready(w)
			return w.try("lanzhi", correct, all, target(e), replacement(w.do("lanzhi", ship, all, to("wh"))))
		}, RefusedUncorrected},
		{"sell what was shipped by mistake", func(w *world) error {
			ready(w)
			s := w.do("lanzhi", ship, all, to("wh"))
			w.do("lanzhi", correct, all, target(s))
			return w.try("lanzhi", sell, some)
		}, ""},
		{"activate what was scrapped by mistake, and active before", func(w *world) error {
			ready(w)
			v := w.do("lanzhi", void, all)
			w.do("lanzhi", correct, all, target(v))
			return w.try("lanzhi", activate, some, lot)
		}, RefusedActive},
		{"activate as an appointed factory", func(w *world) error {
			w.product()
			w.do("lanzhi", appoint, append(appointed("dist/oem"), field("kinds", []string{"activate"}))...)
			w.party("dist/oem")
			return w.try("dist/oem", activate, all, lot)
		}, ""},
		{"activate as another party of its host", func(w *world) error {
			w.product()
			w.do("lanzhi", appoint, append(appointed("dist/oem"), field("kinds", []string{"activate"}))...)
			return w.try("dist", activate, all, lot)
		}, RefusedNoAuthority},
		{"activate after the appointment", func(w *world) error {
			w.product()
			w.do("lanzhi", appoint, append(appointed("dist"), field("kinds", []string{"activate"}), field("to", "2026-02-28"))...)
			return w.try("dist", activate, all, lot)
		}, RefusedNoAuthority},
		{"activate when the appointment is taken back", func(w *world) error {
			w.product()
			e := w.do("lanzhi", appoint, append(appointed("dist"), field("kinds", []string{"activate"}))...)
			w.do("lanzhi", correct, about(Of(Product(wine))), target(e))
			return w.try("dist", activate, all, lot)
		}, RefusedNoAuthority},
		{"inspect a lot as an appointed laboratory", func(w *world) error {
			w.do("lanzhi", appoint, append(appointed("dist"), field("kinds", []string{"inspect"}))...)
			return w.try("dist", inspect, about(Of(Lot(wine, "L1"))))
		}, ""},
		{"appoint for another's product", func(w *world) error { return w.try("dist", appoint, appointed("wh")...) }, RefusedNoAuthority},
		{"make sets of what one holds", func(w *world) error {
			ready(w)
			return w.try("lanzhi", making, about(Made(OfRange(Range{boxes, 1, 0, 9}), codes(0, 59))), field("type", "kit"))
		}, ""},
		{"make sets of what is in sets", func(w *world) error {
			w.set()
			return w.try("lanzhi", making, about(Made(OfRange(Range{boxes, 1, 0, 9}), codes(40, 49))), field("type", "kit"))
		}, RefusedUsed},
		{"sell what is in a set", func(w *world) error { w.set(); return w.try("lanzhi", sell, all) }, RefusedUsed},
		{"sell the rest", func(w *world) error { w.set(); return w.try("lanzhi", sell, about(codes(60, 99))) }, ""},
		{"make what one has no right to", func(w *world) error {
			w.do("dist", receive, all)
			return w.try("dist", making, about(Made(OfRange(Range{boxes, 1, 0, 9}), codes(0, 9))), field("type", "relabel"))
		}, RefusedNoAuthority},
		{"sell some of a lot", func(w *world) error { return w.try("dist", sell, about(Of(Lot(wine, "B1")))) }, ""},
		{"begin another's lot", func(w *world) error { return w.try("dist", activate, about(Of(Lot(wine, "B1"))), field("lot", "B1")) }, RefusedNoAuthority},
		{"erase what no trail reads", func(w *world) error { return w.tryErase("lanzhi", 5) }, ""},
		{"erase what the fold reads", func(w *world) error { return w.tryErase("lanzhi", 1) }, RefusedNotErasable},
		{"erase what is not there", func(w *world) error { return w.tryErase("lanzhi", 77) }, RefusedNoDisclosure},
		{"erase what is erased", func(w *world) error { return w.tryErase("lanzhi", 99) }, RefusedErased},
		{"erase of another's record", func(w *world) error { return w.tryErase("dist", 5) }, RefusedNotAuthor},
		{"erase of an unknown record", func(w *world) error {
			return w.try("lanzhi", ledger.KindErase, field("record", ledger.Hash{1}), field("digests", []ledger.Hash{{5}}))
		}, RefusedNoRecord},
		{"erase of a record on another chain", func(w *world) error {
			w.product()
			e := w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"), field("co_approval", "Ms Li"))
			e.Chain = 9
			return w.try("lanzhi", ledger.KindErase, field("record", e.ID), field("digests", []ledger.Hash{{5}}))
		}, RefusedOtherChain},
		{"erase a file", func(w *world) error { return w.tryEraseFile(ledger.Hash{55}) }, ""},
		{"erase a file that is erased", func(w *world) error { return w.tryEraseFile(ledger.Hash{99}) }, RefusedErased},
		{"erase a file that the record does not name", func(w *world) error { return w.tryEraseFile(ledger.Hash{56}) }, RefusedNoDisclosure},
		{"erase the pack of a run", func(w *world) error {
			run := w.do("lanzhi", ledger.KindRun, field("gtin", wine), field("run", uint64(2)), field("count", uint64(5)), field("pack", ledger.Hash{8}))
			return w.try("lanzhi", ledger.KindErase, field("record", run.ID), field("files", []ledger.Hash{run.Fields.Hash("pack")}))
		}, RefusedNotErasable},
		{"claim a code", func(w *world) error { ready(w); return w.try("lanzhi", claim, about(codes(5, 5))) }, ""},
		{"claim again", func(w *world) error {
			ready(w)
			w.do("lanzhi", claim, about(codes(5, 5)))
			return w.try("lanzhi", claim, about(codes(5, 5)))
		}, ""},
		{"claim another's", func(w *world) error { ready(w); return w.try("dist", claim, about(codes(5, 5))) }, RefusedNotIssuer},
		{"link one's product", func(w *world) error { return w.try("lanzhi", link, about(Of(Product(wine)))) }, ""},
		{"link another's", func(w *world) error { return w.try("dist", link, about(codes(0, 9))) }, RefusedNoAuthority},
		{"inspect one's product", func(w *world) error { return w.try("lanzhi", inspect, about(Of(Product(wine)))) }, ""},
		{"inspect another's lot", func(w *world) error { return w.try("dist", inspect, about(Of(Lot(wine, "L1")))) }, RefusedNoAuthority},
		{"inspect as an auditor", func(w *world) error { return w.try("audit", inspect, about(Of(Lot(wine, "L1")))) }, ""},
		{"inspect what one has sold", func(w *world) error {
			w.do("wh", sell, all)
			return w.try("wh", inspect, all)
		}, RefusedNotHolder},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.try(newWorld(t))
			if c.reason == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var r *Refusal
			if !errors.As(err, &r) || r.Reason != c.reason {
				t.Errorf("got %v, want %s", err, c.reason)
			}
		})
	}
}

// Cutting a range into pieces decides as looking at each of its codes does.
// An operator of a hosted dealer acts on what the dealer holds or was sent, and
// not on the goods of its host or of another dealer; its host's own operators may
// act for all of them.
func TestAdmitLimited(t *testing.T) {
	some := about(codes(40, 59))
	sale := field("purpose", "sale")
	stocked := func(w *world) *Event { // the host has all, and has sent some to its dealer
		w.product()
		w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
		s := w.do("lanzhi", ship, about(codes(0, 99)), sale, to("dist"))
		w.do("dist", receive, about(codes(0, 99)), refs(s))
		w.party("dist/a")
		w.party("dist/b")
		return w.do("dist", ship, some, sale, to("dist/a"))
	}
	received := func(w *world) { w.do("dist/a", receive, some, refs(stocked(w))) }
	for _, c := range []struct {
		name   string
		ready  func(w *world)
		party  string
		kind   ledger.Kind
		opts   []option
		reason string // "" is admitted
	}{
		{"sell one's own", received, "dist/a", sell, []option{about(codes(41, 41))}, ""},
		{"sell the host's", received, "dist/a", sell, []option{about(codes(5, 5))}, RefusedNotHolder},
		{"sell another dealer's", received, "dist/b", sell, []option{about(codes(41, 41))}, RefusedNotHolder},
		{"sell what has just arrived", func(w *world) { stocked(w) }, "dist/a", sell, []option{about(codes(41, 41))}, ""},
		{"ship one's own on", received, "dist/a", ship, []option{some, sale, to("dist/b")}, ""},
		{"ship the host's", received, "dist/a", ship, []option{about(codes(5, 5)), sale, to("dist/b")}, RefusedNotHolder},
		{"void the host's", received, "dist/a", void, []option{about(codes(5, 5)), field("reason", "lost")}, RefusedNotHolder},
		{"receive what was sent", func(w *world) { stocked(w) }, "dist/a", receive, []option{some}, ""},
		{"receive what was sent to another", func(w *world) { stocked(w) }, "dist/b", receive, []option{some}, RefusedNotHolder},
		{"take back from a customer", received, "dist/a", takeBack, []option{about(codes(41, 41)), field("condition", "opened"), field("disposition", "quarantine")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.ready(w)
			if c.name == "take back from a customer" {
				w.do("dist/a", sell, about(codes(41, 41)))
			}
			err := w.tryLimited(c.party, c.kind, c.opts...)
			r, refused := AsRefusal(err)
			switch {
			case c.reason == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.reason != "" && (!refused || r.Reason != c.reason):
				t.Errorf("%v, want %s", err, c.reason)
			}
			if err := w.try(c.party, c.kind, c.opts...); err != nil && c.name != "sell another dealer's" && c.name != "receive what was sent to another" {
				t.Errorf("its host's operator: %v", err)
			}
		})
	}
	t.Run("receive by a shipment to another", func(t *testing.T) {
		w := newWorld(t)
		s := stocked(w)
		if r, ok := AsRefusal(w.tryLimited("dist/b", receive, some, refs(s))); !ok || r.Reason != RefusedNotRecipient {
			t.Errorf("%v, want %s", r, RefusedNotRecipient)
		}
	})
}

// Dealers stand on levels below each other, each within the territory of the one
// above.
func TestAdmitDealers(t *testing.T) {
	base := func(party string, level uint64, parent string, territory ...string) []option {
		opts := []option{field("party", party), field("gtins", []gs1.GTIN{wine}), field("from", "2026-03-01"), field("territory", territory)}
		if level > 0 {
			opts = append(opts, field("level", level))
		}
		if parent != "" {
			opts = append(opts, field("parent", parent))
		}
		return opts
	}
	for _, c := range []struct {
		name  string
		opts  []option
		field string // or reason; "" is admitted
	}{
		{"level 1", base("wh", 1, "", "310000"), ""},
		{"level 2", base("dist/a", 2, "dist", "330100"), ""},
		{"level 3", base("dist/c", 3, "dist/b", "330106"), ""},
		{"level 2 without a parent", base("dist/a", 2, "", "330100"), "fields.parent"},
		{"level 1 with a parent", base("wh", 1, "dist", "330100"), "fields.parent"},
		{"its own parent", base("dist/a", 2, "dist/a", "330100"), "fields.parent"},
		{"a level left out", base("dist/c", 3, "dist", "330100"), "fields.level"},
		{"under one not appointed", base("dist/a", 2, "wh", "330100"), RefusedNoParty},
		{"outside the territory above", base("dist/c", 3, "dist/b", "320100"), "fields.territory"},
		{"wider than the territory above", base("dist/c", 3, "dist/b", "330000"), "fields.territory"},
	} {
		w := newWorld(t)
		w.product()
		w.do("lanzhi", appoint, base("dist", 1, "", "330000")...)
		w.do("lanzhi", appoint, base("dist/b", 2, "dist", "330100")...)
		err := w.try("lanzhi", appoint, c.opts...)
		var bad *FieldError
		r, refused := AsRefusal(err)
		switch {
		case c.field == "":
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		case refused && r.Reason == c.field, errors.As(err, &bad) && bad.Field == c.field:
		default:
			t.Errorf("%s: %v, want %s", c.name, err, c.field)
		}
	}
}

func TestPiecesDecideAsSingleCodes(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t)
		w.product()
		w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
		span := func() Subject { from := rnd.Uint32N(100); return codes(from, from+rnd.Uint32N(100-from)) }
		for range 1 + rnd.IntN(8) {
			kind, subject := ship, span()
			switch rnd.IntN(7) {
			case 0:
				subject = OfRange(Range{boxes, 1, rnd.Uint32N(10), 9})
			case 1:
				kind, subject = pack, cases(10*rnd.Uint32N(10), 10, 1)
			case 2:
				kind, subject = pack, Contents(Unit(pallet), span())
			case 3:
				subject = Of(Unit(pallet))
			case 4:
				kind = receive
			case 5:
				kind, subject = pack, cases(0, 10, 10, Span{From: 35, To: 36})
			}
			if w.try("lanzhi", kind, about(subject), to("wh")) == nil {
				w.do("lanzhi", kind, about(subject), to("wh"))
			}
		}
		s := span()
		want := ""
		for i := s.Range.From; i <= s.Range.To; i++ {
			if err := w.try("lanzhi", sell, about(codes(i, i))); err != nil {
				want = fmt.Sprintf("code %d: %v", i, err)
				break
			}
		}
		if err := w.try("lanzhi", sell, about(s)); (err != nil) != (want != "") {
			t.Fatalf("seed %d: %v decided as %v, but %s", seed, s, err, want)
		}
	}
}

// Ten million labels of which every fiftieth is scrapped are one activation and
// one pattern.
func TestScrapOfTenMillion(t *testing.T) {
	const n = 10_000_000
	w := newWorld(t)
	w.do("lanzhi", ledger.KindProduct, field("gtin", wine), field("version", uint64(1)), field("issuing_chain", uint64(3)))
	w.do("lanzhi", ledger.KindRun, field("gtin", wine), field("run", uint64(1)), field("count", uint64(n)))
	var scrap []Subject
	for i := uint32(7); i < n; i += 50 {
		scrap = append(scrap, codes(i, i))
	}
	for list := range slices.Chunk(scrap, 20_000) {
		w.do("lanzhi", void, about(list...))
	}
	all := about(codes(0, n-1))
	if err := w.try("lanzhi", activate, all, field("lot", "L1")); err != nil {
		t.Fatal(err)
	}
	w.do("lanzhi", activate, all, field("lot", "L1"))
	rolls := about(cases(0, 10, n/10))
	if err := w.try("lanzhi", pack, rolls); err != nil {
		t.Fatal(err)
	}
	w.do("lanzhi", pack, rolls)
	w.check(bottle(7), Warn, Void, "", VoidCode)
	w.check(bottle(8), Consistent, Active, "lanzhi")
}

// One decision about ten million codes takes no longer than about one.
func BenchmarkAdmit(b *testing.B) {
	for _, n := range []uint32{1, 10_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b)
			w.do("lanzhi", ledger.KindProduct, field("gtin", wine), field("version", uint64(1)), field("issuing_chain", uint64(3)))
			w.do("lanzhi", ledger.KindRun, field("gtin", wine), field("run", uint64(1)), field("count", uint64(n)))
			w.do("lanzhi", activate, about(codes(0, n-1)), field("lot", "L1"))
			e := w.do("lanzhi", ship, about(codes(0, n-1)), to("wh"))
			w.events = w.events[:len(w.events)-1]
			for b.Loop() {
				if err := Admit(e, w.charter, ownView{w, "lanzhi"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A version corrects an older one that still stands, so that of two corrections
// the later is not passed over.
func TestAdmitCorrectedVersions(t *testing.T) {
	version := func(n uint64, opts ...option) []option {
		return append(opts, field("gtin", wine), field("version", n), field("issuing_chain", uint64(3)), field("names", Names{Zh: "酒"}))
	}
	corrects := func(n uint64) option { return field("corrects", n) }
	for _, c := range []struct {
		name string
		do   func(w *world)
		try  []option
		ok   bool
	}{
		{"the first", func(*world) {}, version(2, corrects(1)), true},
		{"a corrected one", func(w *world) { w.do("lanzhi", ledger.KindProduct, version(2, corrects(1))...) }, version(3, corrects(1)), false},
		{"what corrected it", func(w *world) { w.do("lanzhi", ledger.KindProduct, version(2, corrects(1))...) }, version(3, corrects(2)), true},
		{"one whose correction was taken back", func(w *world) {
			wrong := w.do("lanzhi", ledger.KindProduct, version(2, corrects(1))...)
			w.do("lanzhi", correct, target(wrong), about(wrong.CorrectedSubjects()...))
		}, version(3, corrects(1)), true},
		{"one that a stranger says to correct", func(w *world) { w.do("dist", ledger.KindProduct, version(2, corrects(1))...) }, version(3, corrects(1)), true},
		{"a later one", func(w *world) { w.do("lanzhi", ledger.KindProduct, version(5)...) }, version(3, corrects(5)), false},
		{"itself", func(*world) {}, version(2, corrects(2)), false},
	} {
		w := newWorld(t)
		w.product()
		c.do(w)
		if err := w.try("lanzhi", ledger.KindProduct, c.try...); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
