package trace

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
)

// The roles in which somebody may record something about wh's bottle.
var roles = map[string]string{
	"brand":     "lanzhi", // the charter gives it the GTIN, and the product names its chain
	"appointed": "oem",    // for every kind that can be
	"holder":    "wh",     // by unbroken records
	"hosted":    "wh/bay", // a party that the holder hosts
	"former":    "dist",   // held it and shipped it away
	"recipient": "shop",   // a shipment is on its way to it
	"auditor":   "audit",
	"stranger":  "rival",
}

// mayRecord is the column "who may" of the table of kinds, as roles. Everybody
// means that the kind is about the author's own data.
var mayRecord = map[ledger.Kind][]string{
	ledger.KindErase:     {"holder", "hosted"}, // of the holder's own record
	ledger.KindProduct:   {"brand"},
	ledger.KindPlace:     everybody,
	ledger.KindParty:     everybody,
	ledger.KindAppoint:   {"brand"},
	ledger.KindRun:       {"brand"},
	ledger.KindActivate:  {"brand", "appointed"},
	ledger.KindVoid:      {"brand", "appointed", "holder", "hosted"},
	ledger.KindPack:      {"holder", "hosted"},
	ledger.KindUnpack:    {"holder", "hosted"},
	ledger.KindTransform: {"brand", "appointed"}, // of what they hold
	ledger.KindShip:      {"holder", "hosted"},
	ledger.KindReceive:   {"recipient", "holder", "hosted"}, // to its sender it comes back
	ledger.KindCancel:    {"recipient", "holder", "hosted"},
	ledger.KindSell:      {"holder", "hosted"},
	ledger.KindReturn:    everybody, // consumers take it where they like
	ledger.KindInspect:   {"brand", "appointed", "holder", "hosted", "auditor"},
	ledger.KindHold:      {"brand", "appointed", "holder", "hosted"},
	ledger.KindRelease:   {"brand", "appointed", "holder", "hosted"}, // of the holder's hold
	ledger.KindRecall:    {"brand"},
	ledger.KindWithdraw:  {"brand"},
	ledger.KindCorrect:   {"holder", "hosted"}, // of the holder's own record
	ledger.KindClaim:     {"brand"},
	ledger.KindLink:      {"brand"},
}

var everybody = []string{"brand", "appointed", "holder", "hosted", "former", "recipient", "auditor", "stranger"}

// The bottles of the test, by what has become of them.
const (
	inHand, onItsWay, soldByHolder, brands, oems, onHold, packedUp = 5, 6, 7, 8, 9, 10, 11
)

// rightsWorld is a world in which each role is somebody's.
func rightsWorld(t *testing.T) (w *world, shipment, report, stop *Event) {
	w = newWorld(t)
	for i, slug := range []string{"rival", "oem", "shop"} {
		w.charter.Members = append(w.charter.Members, ledger.Member{Slug: slug, NameZh: slug, NameEn: slug, Role: ledger.Distributor})
		w.charter.Nodes = append(w.charter.Nodes, ledger.Node{Number: uint32(5 + i), Member: slug})
	}
	w.product()
	w.do("lanzhi", ledger.KindRun, field("gtin", wine), field("run", uint64(2)), field("count", uint64(100)))
	w.do("lanzhi", appoint, append(appointed("oem"), field("kinds", delegable))...)
	w.party("wh/bay")
	some := func(list ...uint32) option {
		return func(e *Event) {
			for _, i := range list {
				e.Subjects = append(e.Subjects, codes(i, i))
			}
		}
	}
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	pass := func(from, to string, list ...uint32) {
		s := w.do(from, ship, some(list...), field("to", to))
		w.do(to, receive, some(list...), refs(s))
	}
	pass("lanzhi", "oem", oems)
	pass("lanzhi", "dist", inHand, onItsWay, soldByHolder, onHold, packedUp)
	pass("dist", "wh", inHand, onItsWay, soldByHolder, onHold, packedUp)
	w.do("wh", pack, about(Contents(Unit(pallet), codes(packedUp, packedUp))))
	report = w.do("wh", inspect, some(inHand), field("result", "pass"), field("issuer", "x"))
	stop = w.do("wh", hold, some(onHold), field("reason", "quality"))
	w.do("wh", sell, some(soldByHolder), field("channel", "store"))
	shipment = w.do("wh", ship, some(onItsWay), field("to", "shop"))
	for chain := range w.size {
		w.seen[chain] = map[uint32]uint64{}
		for other, size := range w.size {
			w.seen[chain][other] = size
		}
	}
	return w, shipment, report, stop
}

// attempt is what somebody tries to record, and about which bottle.
func attempt(kind ledger.Kind, role string, shipment, report *Event) (opts []option, bottle uint32) {
	one := func(i uint32) []option { return []option{about(codes(i, i))} }
	switch kind {
	case ledger.KindErase:
		return []option{field("record", report.ID), field("digests", []ledger.Hash{{4}}), field("ground", "error")}, inHand
	case ledger.KindProduct:
		return []option{field("gtin", wine), field("version", uint64(2)), field("issuing_chain", uint64(chainOf[memberOf(roles[role])]))}, inHand
	case ledger.KindPlace:
		return []option{field("id", "x"), field("kind", "store"), field("country", "CN")}, inHand
	case ledger.KindParty:
		return []option{field("slug", "x"), field("kind", "store")}, inHand
	case ledger.KindAppoint:
		return append(appointed("audit"), field("kinds", []string{"void"})), inHand
	case ledger.KindRun:
		return []option{field("gtin", wine), field("run", uint64(3)), field("count", uint64(9))}, inHand
	case ledger.KindActivate:
		return []option{about(OfRange(Range{wine, 2, 0, 9})), field("lot", "L2")}, inHand
	case ledger.KindPack:
		return []option{about(Contents(Unit(pallet), codes(inHand, inHand)))}, inHand
	case ledger.KindUnpack:
		return []option{about(Contents(Unit(pallet), codes(packedUp, packedUp)))}, packedUp
	case ledger.KindTransform:
		from := map[string]uint32{"brand": brands, "appointed": oems}[role]
		if from == 0 {
			from = inHand
		}
		return []option{about(Made(OfRange(Range{wine, 2, 50, 50}), codes(from, from))), field("type", "relabel")}, from
	case ledger.KindReceive, ledger.KindCancel:
		return append(one(onItsWay), refs(shipment), field("reason", "x")), onItsWay
	case ledger.KindReturn:
		return append(one(soldByHolder), field("condition", "opened"), field("disposition", "restock")), soldByHolder
	case ledger.KindRelease:
		return append(one(onHold), field("reason", "cleared")), onHold
	case ledger.KindRecall, ledger.KindWithdraw, ledger.KindLink:
		return []option{about(Of(Product(wine)))}, inHand
	case ledger.KindCorrect:
		return append(one(inHand), target(report)), inHand
	}
	return append(one(inHand), field("to", "dist"), field("result", "fail"), field("channel", "store"), field("reason", "x")), inHand
}

// TestRights holds that a record counts if and only if its author has the right
// that the table names: else it is refused at the author's own door, or, as the
// author's node may have none of the records that show it, moves nothing and bears
// a finding everywhere.
func TestRights(t *testing.T) {
	for spec := range Kinds() {
		may, ok := mayRecord[spec.Kind]
		if !ok {
			t.Errorf("who may record %s?", spec.Kind)
		}
		for role, party := range roles {
			w, shipment, report, _ := rightsWorld(t)
			opts, index := attempt(spec.Kind, role, shipment, report)
			item := bottle(index)
			if spec.Kind == ledger.KindActivate {
				item = Code(wine, 2, 5)
			}
			before := w.fold(item)
			door := w.try(party, spec.Kind, opts...)
			e := w.do(party, spec.Kind, opts...)
			after := w.fold(item)
			why := complaintsAbout(after, e)
			counts := door == nil && why == ""
			if slices.Contains(may, role) != counts {
				t.Errorf("%s by the %s (%s): counts %v; at the door: %v; in the trail: %s", spec.Kind, role, party, counts, door, why)
			}
			if !counts && why != "" && (after.Custody != before.Custody || after.Verdict != before.Verdict) && !contradicts(after, e) {
				t.Errorf("%s by the %s (%s) does not count, and changes %v, %s to %v, %s", spec.Kind, role, party, before.Custody, before.Verdict, after.Custody, after.Verdict)
			}
		}
	}
}

// complaintsAbout is the findings that say that an event does not count.
func complaintsAbout(t *Trail, e *Event) string {
	var list []string
	for _, f := range t.Findings {
		if f.Records != nil && f.Records[0] == e.ID && (f.Code == NotAuthority || f.Code == RunConflict || f.Code == CancelNoEffect ||
			f.Code == ReleaseNoEffect || strings.HasSuffix(f.Code, "-by-non-holder") || f.Code == ReceivedNotShipped) {
			list = append(list, fmt.Sprintf("%s (%s)", f.Code, f.Audience))
		}
	}
	return strings.Join(list, ", ")
}

// contradicts reports whether a public finding of the event is about one who once
// held the item: claims of such are told to the public.
func contradicts(t *Trail, e *Event) bool {
	return slices.ContainsFunc(t.Findings, func(f Finding) bool {
		return f.Audience == ledger.Public && len(f.Records) > 0 && f.Records[0] == e.ID
	})
}
