package proof

import (
	"fmt"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
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
	run    *record    // that has the code, or would have it
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

// checkCode holds the code against the root of the run that issued it. The runs
// of sources are shown beside it.
func (v *verifier) checkCode() error {
	var runs []*record
	for _, r := range v.shown.records {
		if r.event.Kind == ledger.KindRun && r.event.Fields.GTIN("gtin") == v.name.gtin {
			runs = append(runs, r)
		}
	}
	if len(runs) == 0 {
		return wrong(CodeCode, "no run of GTIN %s is shown", v.name.gtin)
	}
	var first error
	for _, run := range runs {
		err := v.checkProof(run.event)
		switch {
		case err != nil && first == nil:
			first = err
		case err == nil && v.run != nil:
			return wrong(CodeCode, "two runs shown have the code")
		case err == nil:
			v.run = run
		}
	}
	if v.run == nil {
		return first
	}
	v.item = v.itemOf(v.run.event)
	return v.checkIssuer(v.run)
}

// itemOf is the item that the code is, in the run that has it.
func (v *verifier) itemOf(run *trace.Event) trace.Item {
	item := trace.Code(v.name.gtin, uint16(run.Fields.Uint("run")), 0)
	if issued := v.bundle.Code.Issued; issued != nil {
		item.Index = issued.Element.Index()
	}
	return item
}

// checkIssuer holds that a run is written on the chain that a product record
// names, both signed for the member that has the GTIN.
func (v *verifier) checkIssuer(run *record) error {
	gtin := run.event.Fields.GTIN("gtin")
	issuing := false
	for _, r := range append(v.products(gtin), run) {
		charter, err := v.shown.inForce(r.ProvenEntry)
		if err != nil {
			return err
		}
		if a := charter.GTINAuthority(gtin.Uint64()); a == nil || a.Slug != r.event.Member {
			return wrong(CodeAuthority, "the charter does not give GTIN %s to %s, which signed its %s", gtin, r.event.Member, r.event.Kind)
		}
		issuing = issuing || r.event.Fields.Uint("issuing_chain") == uint64(run.Chain)
	}
	if !issuing {
		return wrong(CodeAuthority, "no product record shown lets chain %d issue codes of GTIN %s", run.Chain, gtin)
	}
	return nil
}

// products returns the records of a product.
func (v *verifier) products(gtin gs1.GTIN) []*record {
	var list []*record
	for _, r := range v.shown.records {
		if r.event.Kind == ledger.KindProduct && r.event.Fields.GTIN("gtin") == gtin {
			list = append(list, r)
		}
	}
	return list
}

// checkProof verifies the code proof under a run's root.
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
	c := v.bundle.Code
	if c.Issued != nil {
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

// checkEvents holds that every event shown is one of the item or of what it was
// made of: about it, its product, its lot, a unit that held it, its run, or a place
// where something happened.
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
	for _, r := range v.shown.records {
		if err := v.checkEvent(r, about, places); err != nil {
			return fmt.Errorf("entry %d of chain %d: %w", r.Seq, r.Chain, err)
		}
	}
	return nil
}

func (v *verifier) checkEvent(r *record, about things, places map[string]bool) error {
	e := r.event
	switch e.Kind {
	case ledger.KindRun:
		return v.checkSourceRun(r, about)
	case ledger.KindProduct:
		if gtin := e.Fields.GTIN("gtin"); gtin != v.name.gtin && !about[trace.Product(gtin)] {
			return wrong(CodeEvent, "the product shown has GTIN %s", gtin)
		}
		return nil
	case ledger.KindErase:
		return nil // of an event shown, see entries.erase
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

// checkSourceRun holds that a run beside the item's own issued something of which
// the item was made.
func (v *verifier) checkSourceRun(r *record, about things) error {
	gtin, number := r.event.Fields.GTIN("gtin"), uint16(r.event.Fields.Uint("run"))
	switch {
	case r == v.run:
		return nil
	case gtin == v.item.GTIN && number == v.item.Run, !about.run(gtin, number):
		return wrong(CodeCode, "two runs are shown, of which run %d of GTIN %s issued nothing that is in the item", number, gtin)
	}
	return v.checkIssuer(r)
}
