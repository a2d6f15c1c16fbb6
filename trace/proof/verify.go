package proof

import (
	"fmt"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/code"
)

// Verify checks everything that a bundle can prove and returns it. want is the
// network id that the verifier knows from elsewhere; zero compares none, which
// the result says. The error's code tells which promise is broken: one of this
// package or of package ledger.
func (b *Bundle) Verify(want ledger.Hash) (*Result, error) {
	if err := b.checkForm(); err != nil {
		return nil, err
	}
	item, err := parseName(b.URI)
	if err != nil {
		return nil, err
	}
	if err := item.checkCanonical(b.URI); err != nil {
		return nil, err
	}
	net, err := ledger.VerifyNetwork(b.Charters)
	if err != nil {
		return nil, fmt.Errorf("charters: %w", err)
	}
	if !want.IsZero() && net.ID != want {
		return nil, wrong(ledger.CodeNetwork, "the bundle is of network %s, not %s", net.ID, want)
	}
	v := &verifier{bundle: b, net: net, name: item}
	if err := v.openEntries(); err != nil {
		return nil, err
	}
	if err := v.checkCode(); err != nil {
		return nil, err
	}
	if err := v.checkEvents(); err != nil {
		return nil, err
	}
	return v.result(!want.IsZero()), nil
}

// A verifier goes through a bundle once.
type verifier struct {
	bundle *Bundle
	net    *ledger.Network
	name   name

	shown  *entries
	events []*trace.Event
	item   trace.Item // its index does not count for a code that was never issued
}

// absent reports whether the bundle is to prove that the code was not issued.
func (v *verifier) absent() bool { return v.bundle.Code.Absent != nil }

func (v *verifier) openEntries() error {
	var err error
	if v.shown, err = openEntries(v.net, v.bundle.Entries); err != nil {
		return err
	}
	if err = v.shown.checkRights(); err != nil {
		return err
	}
	v.events, err = v.shown.decode()
	return err
}

// checkCode holds the code against the root of the one run shown.
func (v *verifier) checkCode() error {
	var run *record
	for _, r := range v.shown.records {
		if r.event.Kind != ledger.KindRun {
			continue
		}
		if run != nil {
			return wrong(CodeCode, "two runs are shown")
		}
		run = r
	}
	if run == nil {
		return wrong(CodeCode, "no run is shown")
	}
	if err := v.checkRun(run); err != nil {
		return err
	}
	return v.checkProof(run.event)
}

// checkRun holds that the run is of the item's product, written on the chain
// that a product record names and signed for the member that has the GTIN.
func (v *verifier) checkRun(run *record) error {
	if run.event.Fields.GTIN("gtin") != v.name.gtin {
		return wrong(CodeCode, "the run shown is of GTIN %s", run.event.Fields.GTIN("gtin"))
	}
	issuing := false
	for _, r := range append(v.products(), run) {
		charter, err := v.shown.inForce(r.ProvenEntry)
		if err != nil {
			return err
		}
		if a := charter.GTINAuthority(v.name.gtin.Uint64()); a == nil || a.Slug != r.event.Member {
			return wrong(CodeAuthority, "the charter does not give GTIN %s to %s, which signed its %s", v.name.gtin, r.event.Member, r.event.Kind)
		}
		issuing = issuing || r.event.Fields.Uint("issuing_chain") == uint64(run.Chain)
	}
	if !issuing {
		return wrong(CodeAuthority, "no product record shown lets chain %d issue codes of GTIN %s", run.Chain, v.name.gtin)
	}
	return nil
}

// products returns the records of the item's product.
func (v *verifier) products() []*record {
	var list []*record
	for _, r := range v.shown.records {
		if r.event.Kind == ledger.KindProduct && r.event.Fields.GTIN("gtin") == v.name.gtin {
			list = append(list, r)
		}
	}
	return list
}

// checkProof verifies the code proof under the run's root and learns from it
// which item the code is.
func (v *verifier) checkProof(run *trace.Event) error {
	number, root := uint16(run.Fields.Uint("run")), run.Fields.Hash("root")
	foreign := run.Fields.Bool("foreign")
	if !foreign {
		serial, err := code.Parse(v.name.serial)
		if err != nil {
			return because(CodeCode, err, "serial %s", v.name.serial)
		}
		if serial.String() != v.name.serial || serial.Run() != number {
			return wrong(CodeCode, "serial %s is not of run %d", v.name.serial, number)
		}
	}
	v.item = trace.Code(v.name.gtin, number, 0)
	c := v.bundle.Code
	if c.Issued != nil {
		v.item.Index = c.Issued.Element.Index()
		if err := c.Issued.proof().Verify(root, v.name.hash()); err != nil {
			return because(CodeCode, err, "code")
		}
		return checkSize(run, c.Issued)
	}
	if foreign || run.Fields.Bool("guessable") {
		// A list from elsewhere may be followed by another that has the serial.
		return wrong(CodeCode, "the absence of a code from a run of foreign serials proves nothing")
	}
	absence := code.Absence{Before: c.Absent.Before.proof(), After: c.Absent.After.proof()}
	if err := absence.Verify(root, v.name.hash()); err != nil {
		return because(CodeCode, err, "code")
	}
	return checkSize(run, c.Absent.Before, c.Absent.After)
}

// checkSize holds the size of the pack, which paths do not fix, against the
// run's own count.
func checkSize(run *trace.Event, proofs ...*Inclusion) error {
	for _, p := range proofs {
		if p != nil && p.Size != run.Fields.Uint("count") {
			return wrong(CodeCode, "the pack has %d codes and the run %d", p.Size, run.Fields.Uint("count"))
		}
	}
	return nil
}

// checkEvents holds that every event shown is one of the item: about it, its
// product, its lot, a unit that held it, or a place where something happened.
func (v *verifier) checkEvents() error {
	item := v.item
	if v.absent() {
		item = trace.Product(v.name.gtin)
	}
	about, err := thingsOf(item, v.events)
	if err != nil {
		return err
	}
	places := make(map[string]bool)
	for _, e := range v.events {
		places[e.PlaceName()] = true
	}
	for _, e := range v.events {
		if err := v.checkEvent(e, about, places); err != nil {
			return fmt.Errorf("entry %d of chain %d: %w", e.Seq, e.Chain, err)
		}
	}
	return nil
}

func (v *verifier) checkEvent(e *trace.Event, about things, places map[string]bool) error {
	switch e.Kind {
	case ledger.KindRun: // checkRun has
		return nil
	case ledger.KindProduct:
		if e.Fields.GTIN("gtin") != v.name.gtin {
			return wrong(CodeEvent, "the product shown has GTIN %s", e.Fields.GTIN("gtin"))
		}
		return nil
	case ledger.KindPlace:
		if !places[e.Member+"/"+e.Fields.Text("id")] {
			return wrong(CodeEvent, "nothing shown happened at place %s/%s", e.Member, e.Fields.Text("id"))
		}
		return nil
	}
	if len(e.Subjects) == 0 {
		return wrong(CodeEvent, "a %s record is no event of an item", e.Kind)
	}
	for _, s := range e.Subjects {
		if !about.about(s) && !s.Fills(v.item) {
			return wrong(CodeSubject, "the subject shown, %s, does not cover the item", s)
		}
	}
	return nil
}
