package proof_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/trace"
	"suyuan/trace/proof"
)

// TestErasedFieldsInProofs takes the channel of a sale out of the sidecar. A proof
// made before goes on verifying; one made after shows the erase record instead.
func TestErasedFieldsInProofs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := build(t, w.input(sold))
	sale := w.at["sell"]
	o, sc := w.dist.Opened(sale.Seq)
	channel := func(raw []byte) bool {
		d, err := ledger.DecodeDisclosure(raw)
		return err == nil && d.Path == 1
	}
	digest := ledger.DisclosureDigest(sc.Disclosures[slices.IndexFunc(sc.Disclosures, channel)])
	w.note("erase", w.dist, ledger.KindErase,
		ledgertest.Fields(ledger.EraseFields{Record: o.Record.ID, Digests: []ledger.Hash{digest}}), disclose(ledger.Members, 2, "court-order"))
	less, err := sc.Without(func(d ledger.Hash) bool { return d == digest }).Encode()
	if err != nil {
		t.Fatal(err)
	}
	w.dist.Sidecars[sale.Seq] = less
	w.finals = map[uint32]*ledger.Checkpoint{}

	if _, err := before.Verify(w.Network.ID); err != nil {
		t.Errorf("a proof made before: %v", err)
	}
	in := w.input(sold)
	in.Events = append(in.Events, w.positions("erase")...)
	after := build(t, in)
	res, err := after.Verify(w.Network.ID)
	if err != nil {
		t.Fatal(err)
	}
	last := res.Trail.Events[len(res.Trail.Events)-1]
	if _, ok := last.Fields["channel"]; ok || last.Kind != "sell" || len(last.Erased) != 1 {
		t.Errorf("the sale as shown: %+v", last)
	}
	if !slices.ContainsFunc(res.Events, func(e proof.Event) bool { return e.Kind == "erase" }) {
		t.Error("the erase record is not among those shown")
	}
	if !slices.ContainsFunc(res.Limits, func(l string) bool { return strings.Contains(l, "erased") }) {
		t.Errorf("limits %q", res.Limits)
	}
	text, err := json.Marshal(after)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "court-order") {
		t.Error("the ground is for members")
	}

	// An erase record about nothing that is shown has no place in a proof.
	in.Events = slices.DeleteFunc(in.Events, func(pos trace.Position) bool { return pos == sale })
	if _, err := proof.Build(in); err == nil {
		t.Error("an erase record about something else passes")
	}
}
