package trace

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// Codes of refusals. They are stable.
const (
	RefusedNoAuthority  = "not-authority"
	RefusedNotHolder    = "not-holder"
	RefusedSold         = "already-sold"
	RefusedVoid         = "void"
	RefusedUsed         = "already-used"
	RefusedActive       = "already-active"
	RefusedUnknownRun   = "unknown-run"
	RefusedOutsideRun   = "outside-run"
	RefusedRunTaken     = "run-taken"
	RefusedNotIssuer    = "not-issuing-chain"
	RefusedNoProduct    = "unknown-product"
	RefusedVersion      = "version-taken"
	RefusedNoVersion    = "unknown-version"
	RefusedNoChain      = "unknown-chain"
	RefusedNoPlace      = "unknown-place"
	RefusedNoParty      = "unknown-party"
	RefusedNotRecipient = "not-recipient"
	RefusedNotSide      = "not-a-side"
	RefusedNoShipment   = "not-a-shipment"
	RefusedNotOpen      = "not-open"
	RefusedOverlap      = "overlapping-subjects"
	RefusedCycle        = "unit-cycle"
	RefusedTooManyParts = "too-many-pieces"
	RefusedOnHold       = "on-hold"
	RefusedNoHold       = "not-on-hold"
	RefusedNoRecord     = "unknown-record"
	RefusedUncorrected  = "not-correctable"
	RefusedCorrected    = "already-corrected"
	RefusedNoDisclosure = "unknown-disclosure"
	RefusedNotErasable  = "not-erasable"
	RefusedErased       = "already-erased"
	RefusedNotAuthor    = "not-author"
	RefusedOtherChain   = "other-chain"
	RefusedForeignSSCC  = "foreign-sscc"
)

// A Refusal says why a record is not accepted at its author's door and what to
// do about it. Nothing is said about records that others have written.
type Refusal struct {
	Reason string // one of the codes
	Detail string // one or two sentences
}

func (r *Refusal) Error() string { return r.Detail }

// Code is the refusal's stable code.
func (r *Refusal) Code() string { return r.Reason }

func refuse(reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// An OwnView reads what the author's node has stored, final or not, the records
// admitted earlier in the same batch included. Methods return nothing and no
// error for what is not there.
type OwnView interface {
	// Overlapping returns the events of the author's member that name anything
	// in the subject, which is a range or an SSCC: as such, as content or as
	// unit. The order does not matter.
	Overlapping(s Subject) ([]*Event, error)
	// Products returns all product records of a GTIN, whoever wrote them.
	Products(gtin gs1.GTIN) ([]*Event, error)
	// About returns the events of the members to which a charter gives a GTIN that
	// name it as a whole: appointments and corrections among them.
	About(gtin gs1.GTIN) ([]*Event, error)
	// Run returns the first run record of that number, whoever wrote it.
	Run(gtin gs1.GTIN, run uint16) (*Event, error)
	// Registered reports whether the member has a place or party (the kind of
	// record tells which) of that id or slug.
	Registered(kind ledger.Kind, slug string) (bool, error)
	// Registrations returns the records that say what the member's place or party of
	// that id or slug is.
	Registrations(kind ledger.Kind, slug string) ([]*Event, error)
	// Record returns the member's own event whose record has that id.
	Record(id ledger.Hash) (*Event, error)
	// Stored returns what is stored of a record besides its bytes, whoever wrote it.
	Stored(id ledger.Hash) (*Stored, error)
	// Charters returns the versions of the charter up to the one in force on the
	// author's chain, oldest first.
	Charters() ([]*ledger.Charter, error)
	// Entry returns the event whose entry has that leaf hash, whoever wrote it.
	Entry(leaf ledger.Hash) (*Event, error)
}

// Admit decides whether an event may be appended to its author's chain under
// the charter in force. e is what [CheckEvent] returned, with the position and
// time that it would have. The error is a *Refusal, or an error of the view.
//
// Refused is what the author has no right to, and what the author's own records
// contradict; never what depends on records that others may not have delivered.
func Admit(e *Event, charter *ledger.Charter, view OwnView) error {
	return admit(&admission{event: e, charter: charter, view: view, named: map[ledger.Hash]*Event{}})
}

// AdmitLimited is [Admit] for an operator who may act for the event's party only:
// what its host or another party of the host holds, or was sent, is not its own, nor
// is what they have recorded. Where the brand may act on goods wherever they are, the
// operator of a party that the brand hosts may not.
func AdmitLimited(e *Event, charter *ledger.Charter, view OwnView) error {
	return admit(&admission{event: e, charter: charter, view: view, named: map[ledger.Hash]*Event{}, limited: true})
}

func admit(a *admission) error {
	e := a.event
	if err := a.registered(); err != nil {
		return err
	}
	if err := a.readRefs(); err != nil {
		return err
	}
	switch e.Kind {
	case ledger.KindProduct:
		return a.product()
	case ledger.KindRun:
		return a.run()
	case ledger.KindPlace, ledger.KindParty:
		return a.register()
	case ledger.KindErase:
		return a.erase()
	case ledger.KindAppoint:
		return a.appoint()
	case ledger.KindCorrect:
		return a.correct()
	}
	return a.aboutGoods()
}

// An admission is one decision under way.
type admission struct {
	event   *Event
	charter *ledger.Charter
	view    OwnView
	named   map[ledger.Hash]*Event // what refs name and is stored
	mayAct  bool                   // the event's member was found entitled to it
	limited bool                   // its operator may act for its party only
}

// hand reports whether what a party holds is the other's too, as far as the
// event's operator may dispose of it.
func (a *admission) hand(x, y string) bool { return x == y || !a.limited && sameHand(x, y) }

// registered holds that the acting party and the place are the member's.
func (a *admission) registered() error {
	for _, x := range []struct {
		kind         ledger.Kind
		slug, reason string
	}{
		{ledger.KindParty, a.event.Party, RefusedNoParty},
		{ledger.KindPlace, a.event.Place, RefusedNoPlace},
	} {
		if x.slug == "" {
			continue
		}
		ok, err := a.view.Registered(x.kind, x.slug)
		if err != nil {
			return fmt.Errorf("look up %s %s: %w", x.kind, x.slug, err)
		}
		if !ok {
			return refuse(x.reason, "%s has no %s %q. Record it first, or correct the name.", a.event.Member, x.kind, x.slug)
		}
	}
	for _, p := range a.event.parties() {
		if a.charter.Member(memberOf(p)) == nil {
			return refuse(RefusedNoParty, "%s: %q is no member of the network. A party that is none has a member that hosts it: <member>/<slug>.", p, memberOf(p))
		}
	}
	return nil
}

// register holds that an operator limited to a party says nothing of other parties,
// nor of the places that these or the host have recorded.
func (a *admission) register() error {
	e := a.event
	if !a.limited {
		return nil
	}
	if e.Kind == ledger.KindParty {
		if slug := e.Fields.Text("slug"); slug != e.Party {
			return a.notOwn("party " + slug)
		}
		return nil
	}
	id := e.Fields.Text("id")
	list, err := a.view.Registrations(e.Kind, id)
	if err != nil {
		return fmt.Errorf("look up place %s: %w", id, err)
	}
	if slices.ContainsFunc(list, func(known *Event) bool { return known.Actor() != e.Actor() }) {
		return a.notOwn("place " + id)
	}
	return nil
}

// ownWork holds that an operator limited to a party corrects and erases what was
// recorded for this party. target is nil for what is no event, such as a grant.
func (a *admission) ownWork(id ledger.Hash, target *Event) error {
	if !a.limited || target != nil && target.Actor() == a.event.Actor() {
		return nil
	}
	return a.notOwn("record " + id.String())
}

func (a *admission) notOwn(what string) error {
	return refuse(RefusedNotAuthor, "%s is not of %s, and this operator acts for %[2]s only.", what, a.event.Actor())
}

// readRefs looks up what refs name and checks shipments.
func (a *admission) readRefs() error {
	e := a.event
	if e.Kind == ledger.KindCancel && len(e.Refs) == 0 {
		return badField("refs", "a cancellation names the shipment")
	}
	for _, ref := range e.Refs {
		t, err := a.view.Entry(ref)
		if err != nil {
			return fmt.Errorf("look up entry %s: %w", ref, err)
		}
		if t == nil {
			continue // not delivered yet
		}
		a.named[ref] = t
		if e.Kind != ledger.KindReceive && e.Kind != ledger.KindCancel {
			continue
		}
		if err := a.side(t); err != nil {
			return err
		}
	}
	return nil
}

// side holds that the actor is the recipient of a shipment, or for a
// cancellation one of its sides.
func (a *admission) side(shipment *Event) error {
	if shipment.Kind != ledger.KindShip {
		return refuse(RefusedNoShipment, "refs names a %s record where a shipment is needed.", shipment.Kind)
	}
	actor, to := a.event.Actor(), shipment.Fields.Text("to")
	switch {
	case a.hand(actor, to):
		return nil
	case a.event.Kind == ledger.KindReceive && a.hand(actor, shipment.Actor()):
		return nil // came back undelivered
	case a.event.Kind == ledger.KindReceive:
		return refuse(RefusedNotRecipient, "the shipment is addressed to %s, not to %s. If the goods are here, record the receipt without naming it.", to, actor)
	case a.hand(actor, shipment.Actor()):
		return nil
	}
	return refuse(RefusedNotSide, "only %s and %s can cancel this shipment.", shipment.Actor(), to)
}

func (a *admission) authority(gtin gs1.GTIN) bool {
	return authority([]*ledger.Charter{a.charter}, a.event.Member, gtin)
}

func (a *admission) needAuthority(gtin gs1.GTIN) error {
	if a.authority(gtin) {
		return nil
	}
	return refuse(RefusedNoAuthority, "the charter does not give GTIN %s to %s. The member that has it records this; a new charter can change that.", gtin, a.event.Member)
}

func (a *admission) product() error {
	f := a.event.Fields
	gtin := f.GTIN("gtin")
	if err := a.needAuthority(gtin); err != nil {
		return err
	}
	if n := a.charter.Node(uint32(f.Uint("issuing_chain"))); n == nil || n.Member != a.event.Member {
		return refuse(RefusedNoChain, "chain %d is no chain of %s. Name one of its own to issue codes.", f.Uint("issuing_chain"), a.event.Member)
	}
	versions, err := a.view.Products(gtin)
	if err != nil {
		return fmt.Errorf("look up product %s: %w", gtin, err)
	}
	has := func(version uint64) bool {
		return slices.ContainsFunc(versions, func(p *Event) bool { return p.Fields.Uint("version") == version })
	}
	if v := f.Uint("version"); has(v) {
		return refuse(RefusedVersion, "version %d of product %s exists. Use the next number.", v, gtin)
	}
	corrected := f.Uint("corrects")
	switch {
	case corrected == 0:
		return nil
	case !has(corrected):
		return refuse(RefusedNoVersion, "product %s has no version %d to correct.", gtin, corrected)
	case corrected > f.Uint("version"):
		return badField("fields.corrects", "names version %d, which comes after this one", corrected)
	}
	return a.stillStands(gtin, corrected, versions)
}

// stillStands holds that no version of a product that counts corrects one already:
// items have the version that corrects last, which would pass over a second
// correction of what it corrects.
func (a *admission) stillStands(gtin gs1.GTIN, version uint64, versions []*Event) error {
	about, err := a.view.About(gtin)
	if err != nil {
		return fmt.Errorf("look up corrections of product %s: %w", gtin, err)
	}
	for _, p := range applyCorrections(slices.Concat(versions, about), func(*Event) bool { return true }).counting {
		if p.Kind == ledger.KindProduct && p.Fields.GTIN("gtin") == gtin && p.Fields.Uint("corrects") == version && authority([]*ledger.Charter{a.charter}, p.Member, gtin) {
			return refuse(RefusedCorrected, "version %d of product %s is corrected by version %d. Correct that one.", version, gtin, p.Fields.Uint("version"))
		}
	}
	return nil
}

func (a *admission) run() error {
	f := a.event.Fields
	gtin, number := f.GTIN("gtin"), f.Uint("run")
	if err := a.needAuthority(gtin); err != nil {
		return err
	}
	versions, err := a.view.Products(gtin)
	if err != nil {
		return fmt.Errorf("look up product %s: %w", gtin, err)
	}
	var newest *Event
	for _, p := range versions {
		if authority([]*ledger.Charter{a.charter}, p.Member, gtin) && (newest == nil || p.Fields.Uint("version") > newest.Fields.Uint("version")) {
			newest = p
		}
	}
	if newest == nil {
		return refuse(RefusedNoProduct, "product %s is not recorded. Record the product first.", gtin)
	}
	if chain := newest.Fields.Uint("issuing_chain"); chain != uint64(a.event.Chain) {
		return refuse(RefusedNotIssuer, "the product names chain %d to issue its codes, and this is chain %d. Issue them there, or record a new version of the product.", chain, a.event.Chain)
	}
	taken, err := a.view.Run(gtin, uint16(number))
	if err != nil {
		return fmt.Errorf("look up run %d of %s: %w", number, gtin, err)
	}
	if taken != nil {
		return refuse(RefusedRunTaken, "run %d of product %s exists. Use the next number.", number, gtin)
	}
	return nil
}

// aboutGoods holds the rules for events with subjects.
func (a *admission) aboutGoods() error {
	if err := a.overlaps(); err != nil {
		return err
	}
	for i := range a.event.Subjects {
		s := &a.event.Subjects[i]
		if err := a.unitNumber(s); err != nil {
			return err
		}
		for _, simple := range s.simple() {
			if err := a.subject(simple, passesOver(a.event.Kind, s)); err != nil {
				return err
			}
		}
	}
	return nil
}

// unitNumber holds that a member which has GS1 company prefixes of its own numbers
// the units that it packs with one of these. It may go on packing units that came
// to it under another's number. Hosted parties may have prefixes that no charter
// lists.
func (a *admission) unitNumber(s *Subject) error {
	if a.event.Kind != ledger.KindPack || a.event.Party != "" || s.Kind != SubjectContent || s.Unit.Kind != SubjectSSCC {
		return nil
	}
	m := a.charter.Member(a.event.Member)
	if m == nil || len(m.Prefixes) == 0 {
		return nil
	}
	number := s.Unit.SSCC.String()[1:] // behind the extension digit
	if slices.ContainsFunc(m.Prefixes, func(prefix string) bool { return strings.HasPrefix(number, prefix) }) {
		return nil
	}
	known, err := a.view.Overlapping(*s.Unit)
	if err != nil || len(known) > 0 {
		return err
	}
	return refuse(RefusedForeignSSCC, "SSCC %s has none of the GS1 company prefixes of %s (%s). Number the unit with one of them.",
		s.Unit.SSCC, a.event.Member, strings.Join(m.Prefixes, ", "))
}

// simple returns the ranges, units, lots and products that a subject names.
func (s *Subject) simple() []Subject {
	switch s.Kind {
	case SubjectContent:
		return []Subject{*s.Content, *s.Unit}
	case SubjectPattern:
		return []Subject{OfRange(s.Pattern.Range()), OfRange(s.Pattern.UnitRange())}
	case SubjectMade:
		return []Subject{*s.Input, *s.Output}
	}
	return []Subject{*s}
}

// overlaps refuses events that name a thing twice: as a content of two units,
// for example. Units may stand many times, once for each content.
func (a *admission) overlaps() error {
	if err := a.event.namedOnce(); err != nil {
		return refuse(RefusedOverlap, "%v. Name each code or unit once.", err)
	}
	return nil
}

// subject holds the rules for one range, unit, lot or product; passing says
// that it passes over void codes.
func (a *admission) subject(s Subject, passing bool) error {
	switch s.Kind {
	case SubjectLot, SubjectGTIN:
		switch a.event.Kind {
		case ledger.KindActivate, ledger.KindHold, ledger.KindRelease:
			return a.needEntitled(s.GTIN)
		case ledger.KindRecall, ledger.KindWithdraw, ledger.KindLink:
			return a.needAuthority(s.GTIN)
		case ledger.KindInspect:
			ok, err := a.entitled(s.GTIN)
			if err == nil && !ok && !examines([]*ledger.Charter{a.charter}, a.event.Member, s.GTIN) {
				err = refuse(RefusedNoAuthority, "only the company that has GTIN %s, whom it has appointed, and auditors inspect a whole lot or product. Name the goods that you hold.", s.GTIN)
			}
			return err
		}
		return nil
	case SubjectRange:
		if err := a.insideRun(s.Range); err != nil {
			return err
		}
		switch a.event.Kind {
		case ledger.KindRecall, ledger.KindWithdraw, ledger.KindLink:
			return a.needAuthority(s.Range.GTIN)
		case ledger.KindClaim:
			return a.claim(s.Range)
		case ledger.KindActivate:
			if err := a.needEntitled(s.Range.GTIN); err != nil {
				return err
			}
			a.mayAct = true
		case ledger.KindTransform:
			var err error
			if a.mayAct, err = a.entitled(s.Range.GTIN); err != nil {
				return err
			}
		case ledger.KindVoid, ledger.KindInspect, ledger.KindHold, ledger.KindRelease:
			if ok, err := a.entitled(s.Range.GTIN); err != nil || ok && !a.limited {
				return err // wherever the goods are
			}
		}
	}
	return a.custody(s, passing)
}

// claim holds that a claim is of one code and on a chain that checks it. That
// it is the first is not asked: a second one is what everybody is to learn of.
func (a *admission) claim(r Range) error {
	if len(a.event.Subjects) != 1 || r.Count() != 1 {
		return badField("subjects", "a claim is about one code")
	}
	run, err := a.view.Run(r.GTIN, r.Run)
	if err != nil {
		return fmt.Errorf("look up run %d of %s: %w", r.Run, r.GTIN, err)
	}
	charters, err := a.view.Charters()
	if err != nil {
		return fmt.Errorf("read the charters: %w", err)
	}
	if run != nil && run.Member == a.event.Member {
		if chain, _, _ := CheckerOf(charters, run); chain == a.event.Chain {
			return nil
		}
	}
	return refuse(RefusedNotIssuer, "only the chain that issued run %d of product %s, or goes on with it after that has ended, can check its hidden codes.", r.Run, r.GTIN)
}

// insideRun holds that a run is known to who issues or activates it, and that a
// known run is long enough.
func (a *admission) insideRun(r Range) error {
	run, err := a.view.Run(r.GTIN, r.Run)
	if err != nil {
		return fmt.Errorf("look up run %d of %s: %w", r.Run, r.GTIN, err)
	}
	if run == nil {
		if a.event.Kind == ledger.KindActivate {
			return refuse(RefusedUnknownRun, "run %d of product %s is not recorded. Issue the codes first.", r.Run, r.GTIN)
		}
		return nil // not delivered yet
	}
	if count := run.Fields.Uint("count"); uint64(r.To) >= count {
		return refuse(RefusedOutsideRun, "run %d of product %s has the codes 0 to %d, and %d is not among them.", r.Run, r.GTIN, count-1, r.To)
	}
	return nil
}

// refusals says which findings that the event would bear, seen from the
// author's own records alone, refuse it.
var refusals = map[string]string{
	EventOnVoid:        RefusedVoid,
	SoldTwice:          RefusedSold,
	MovedAfterSold:     RefusedSold,
	ShippedByNonHolder: RefusedNotHolder,
	SoldByNonHolder:    RefusedNotHolder,
	PackedByNonHolder:  RefusedNotHolder,
	PackedTwice:        RefusedNotHolder,
	UsedByNonHolder:    RefusedNotHolder,
	MovedAfterUse:      RefusedUsed,
	ShipmentOpen:       RefusedNotHolder,
	HeldByTwo:          RefusedNotHolder,
	NotAuthority:       RefusedNotHolder, // of void and inspect: neither authority nor holder
	ActivatedTwice:     RefusedActive,
	CancelNoEffect:     RefusedNotOpen,
	SoldOnHold:         RefusedOnHold,
	ReleaseNoEffect:    RefusedNoHold, // whoever is not the brand ends his own holds only
}

// custody follows each piece of the subject through the author's own records
// and refuses the event where these contradict it. A piece is codes that no own
// record tells apart, so the work does not grow with the number of codes.
func (a *admission) custody(s Subject, passing bool) error {
	g := &gathering{view: a.view, events: map[Position]*Event{}, followed: map[Item]bool{}, passing: passing}
	cuts, err := g.collect(s, 0)
	if err != nil {
		return err
	}
	events := g.sorted(a.named)
	stored := make(map[ledger.Hash]bool, len(events))
	for _, e := range events {
		stored[e.Hash] = true
	}
	fixes := applyCorrections(append(events, g.scrapped...), func(*Event) bool { return true })
	events = g.sift(fixes.counting)
	r := &rules{
		authority: func(member string, i Item) bool { return authority([]*ledger.Charter{a.charter}, member, i.GTIN) },
		examines:  func(member string, i Item) bool { return examines([]*ledger.Charter{a.charter}, member, i.GTIN) },
		missing:   func(ref ledger.Hash) bool { return !stored[ref] },
		appointed: func(e *Event) bool { return a.mayAct || e != a.event }, // what was admitted once is right
		issues:    func(*Event) bool { return true },                       // checked before
		recalls:   func(*Event) bool { return false },                      // checked before
		replaced:  func(ref ledger.Hash) ledger.Hash { return fixes.replaced[ref] },
		partial:   true,
	}
	for i, piece := range pieces(s, cuts) {
		err := a.piece(piece, events, r)
		if err != nil && !(passing && g.allVoid(extent(s, cuts, i))) {
			return err
		}
	}
	return nil
}

// piece follows one item that stands for a piece.
func (a *admission) piece(item Item, events []*Event, r *rules) error {
	with := append(slices.Clone(events), a.event)
	things := newSieve(thingsOf(item, with))
	m := newMachine(r, item, Custody{}, nil)
	for _, e := range events {
		m.apply(touch(e, things))
	}
	last := touch(a.event, things)
	for _, p := range last.packings {
		if a.event.Kind == ledger.KindPack && p.thing == item && m.leadsTo(p.unit, item) {
			return refuse(RefusedCycle, "%s is in %s already, and cannot hold it.", p.unit, item)
		}
	}
	m.problems = nil
	if err := a.ownParty(m, item); err != nil {
		return err
	}
	if a.event.Kind == ledger.KindUnpack && (last.fills || last.moves.has(item)) {
		if err := a.mayOpen(m, last, item); err != nil {
			return err
		}
	}
	m.apply(last)
	for _, p := range m.problems {
		if p.code == NotAuthority && a.event.Kind == ledger.KindTransform {
			return a.needEntitled(item.GTIN)
		}
		if reason, ok := refusals[p.code]; ok {
			return refusal(reason, a.event, item, p.other)
		}
	}
	return nil
}

// ownParty refuses an operator limited to a party what another party of its member
// holds, or was sent, by the member's own records.
func (a *admission) ownParty(m *machine, item Item) error {
	if !a.limited || m.custody.State == InTransit && m.to == a.event.Actor() {
		return nil
	}
	whose := m.custody.Holder
	switch {
	case a.event.Kind == ledger.KindReceive && m.custody.State == InTransit:
		whose = m.to
	case a.event.Kind == ledger.KindReceive, a.event.Kind == ledger.KindReturn:
		return nil // from outside: the records of custody judge it
	}
	if whose == "" || whose == a.event.Actor() || memberOf(whose) != a.event.Member && !ofOthersGoods(a.event.Kind) {
		return nil
	}
	return refuse(RefusedNotHolder, "%s: by your records it is with %s, and this operator acts for %s only.", item, whose, a.event.Actor())
}

// ofOthersGoods reports whether a kind can be about goods that others hold: the
// records of custody do not judge then who signs it.
func ofOthersGoods(kind ledger.Kind) bool {
	return kind == ledger.KindVoid || kind == ledger.KindInspect || kind == ledger.KindHold || kind == ledger.KindRelease
}

// mayOpen refuses to take something out of a unit that the author's own records
// say is elsewhere.
func (a *admission) mayOpen(m *machine, last *touched, unit Item) error {
	probe := m.clone()
	probe.lets(last)
	for _, p := range probe.problems {
		if refusals[p.code] == RefusedNotHolder {
			return refusal(RefusedNotHolder, a.event, unit, p.other)
		}
	}
	return nil
}

func refusal(reason string, e *Event, item Item, other *Event) *Refusal {
	because := "your records"
	if other != nil {
		because = fmt.Sprintf("your %s record %s", other.Kind, other.ID)
	}
	switch reason {
	case RefusedVoid:
		return refuse(reason, "%s: the code is void by %s. Take the goods out of use.", item, because)
	case RefusedSold:
		return refuse(reason, "%s: it was sold by %s. Goods that come back are recorded as a return.", item, because)
	case RefusedUsed:
		return refuse(reason, "%s: something else was made of it by %s. Name that instead.", item, because)
	case RefusedActive:
		return refuse(reason, "%s: it is active by %s.", item, because)
	case RefusedOnHold:
		return refuse(reason, "%s: it is on hold by %s. Record its release first.", item, because)
	case RefusedNoHold:
		return refuse(reason, "%s: you have not put it on hold. Whoever did, or the brand, releases it.", item)
	case RefusedNotOpen:
		return refuse(reason, "%s: no shipment of it is open that the record names. It was received, cancelled or never shipped.", item)
	}
	return refuse(reason, "%s: by %s, %s does not hold it. Cancel the shipment or record the receipt first.", item, because, e.Actor())
}

// AsRefusal returns the refusal in an error's chain, if there is one.
func AsRefusal(err error) (*Refusal, bool) {
	var r *Refusal
	ok := errors.As(err, &r)
	return r, ok
}
