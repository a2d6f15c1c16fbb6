package trace

import (
	"maps"
	"slices"
	"strings"

	"suyuan/ledger"
)

// A State says where an item is in its life. Names are stable.
type State string

// The states. The holder of a shipment is its sender until the receipt.
const (
	Issued    State = "issued"     // the code exists
	Active    State = "active"     // it is on goods, which have not moved yet
	InTransit State = "in-transit" // shipped, not received
	Held      State = "held"       // received
	Sold      State = "sold"       // left the tracked chain; nobody in it holds it
	Used      State = "used"       // something else was made of it
	Void      State = "void"       // must not be used any more
)

// Custody is who holds an item: possession, never title.
type Custody struct {
	State  State  // "" where nothing is known
	Holder string // <member>[/<slug>]; "" where nobody in the network holds it
}

// A problem is a finding before it is put into words: its code, the event that
// bears it, and the earlier event that it does not fit, if there is one. A quiet
// one is a notice for members, whatever the code's own severity: its event is by
// a stranger, and moves nothing.
type problem struct {
	code  string
	event *Event
	other *Event
	quiet bool
}

// A machine moves one item and the units around it from event to event.
type machine struct {
	rules    *rules
	item     Item
	problems []problem

	custody   Custody
	activated bool
	active    *Event // the activation that counts
	since     *Event // what made custody as it is
	made      *Event // the transform of which it came
	claimed   *Event // the first use of the hidden code

	// In transit: where to, by which shipment, and the state before it.
	to       string
	shipment *Event
	before   Custody

	known     map[string]bool   // parties that have held the item or were sent it
	without   *machine          // how things stand without what is believed for now; see [machine.apply]
	strict    bool              // believes nothing for now
	steps     []Step            // how custody came to be as it is
	legs      []Leg             // what became of it in each shipment
	filled    bool              // it is a unit with contents, of which nobody has said that all were taken out
	stopped   []*Event          // holds that no release has ended
	displaced map[string]*Event // parties whom another's receipt put out of possession
	units     map[Item]Item     // the unit in which an item or unit is; see setUnit
	nest      []Item            // those around the item, if nested; see around
	nested    bool              // nest is what units says
	gone      map[Item]bool     // units in which the item is not, and which somebody known to it has sent away
	said      map[saying]Item   // the same by strangers of units in which the item is not
}

// A saying is what a party says of a unit.
type saying struct {
	thing Item
	by    string
}

// rules is what a machine has to know besides the events.
type rules struct {
	authority func(member string, item Item) bool // has the charter given it the item's GTIN?
	examines  func(member string, item Item) bool // may it inspect what it does not hold?
	appointed func(e *Event) bool                 // has the brand let its actor sign it?
	missing   func(ref ledger.Hash) bool          // does the ref lead outside what is known?
	issues    func(e *Event) bool                 // does its chain issue the item's run?
	recalls   func(e *Event) bool                 // do a recall's filters let the item through?
	replaced  func(ref ledger.Hash) ledger.Hash   // what a correction puts in an entry's place
	partial   bool                                // only one member's records are at hand: nobody is a stranger
}

// entitles reports whether the event's member may sign it for the item, whoever
// holds it: the brand and whom it has appointed.
func (r *rules) entitles(e *Event, item Item) bool {
	return r.authority(e.Member, item) || r.appointed(e)
}

func newMachine(r *rules, item Item, start Custody, since *Event) *machine {
	m := &machine{rules: r, item: item, custody: start, since: since, displaced: map[string]*Event{}, units: map[Item]Item{}, said: map[saying]Item{}, known: map[string]bool{}}
	m.know(start.Holder)
	return m
}

func (m *machine) report(code string, e, other *Event) {
	m.problems = append(m.problems, problem{code, e, other, !m.stands(e)})
}

// inside reports whether the item is in the unit, at any depth.
func (m *machine) inside(unit Item) bool {
	return slices.Contains(m.around(), unit)
}

// around returns the units in which the item is, innermost first, in a slice that
// must not be changed.
func (m *machine) around() []Item {
	if !m.nested {
		m.nest, m.nested = nil, true
		u, ok := m.units[m.item]
		for ok && len(m.nest) < MaxNesting {
			m.nest = append(m.nest, u)
			u, ok = m.units[u]
		}
	}
	return m.nest
}

// setUnit notes that a thing is in a unit.
func (m *machine) setUnit(thing, unit Item) {
	m.units[thing], m.nested = unit, false
}

// takeOut notes that a thing is in no unit.
func (m *machine) takeOut(thing Item) {
	if _, in := m.units[thing]; in {
		delete(m.units, thing)
		m.nested = false
	}
}

// step moves the item past one event in one line of the story.
func (m *machine) step(t *touched) bool {
	if m.item.Kind == ItemLot || m.item.Kind == ItemGTIN {
		return m.loose(t)
	}
	if t.inert {
		return t.scoped || m.mentioned(t)
	}
	if m.custody.State == Void && !t.scoped && !m.named(t) {
		return false // passed over
	}
	switch t.event.Kind {
	case ledger.KindPack:
		return m.pack(t)
	case ledger.KindUnpack:
		return m.unpack(t)
	}
	m.part(t)
	if !t.scoped && !t.moves.has(m.item) && !t.moves.hasAny(m.around()) {
		m.endInUnit(t)
		return false
	}
	switch t.event.Kind {
	case ledger.KindTransform:
		m.transform(t)
	case ledger.KindActivate:
		m.activate(t)
	case ledger.KindVoid:
		m.void(t)
	case ledger.KindShip:
		m.ship(t)
	case ledger.KindReceive:
		m.receive(t)
	case ledger.KindCancel:
		m.cancel(t)
	case ledger.KindSell:
		m.sell(t)
	case ledger.KindReturn:
		m.takeBack(t)
	default:
		return m.observe(t)
	}
	return true
}

// mentioned reports whether the event is about the item or a unit in which it
// is.
func (m *machine) mentioned(t *touched) bool {
	if t.fills {
		return true
	}
	for _, i := range append([]Item{m.item}, m.around()...) {
		if t.moves.has(i) || slices.ContainsFunc(t.packings, func(p packing) bool { return p.thing == i }) {
			return true
		}
	}
	return false
}

// named reports whether the event names the item, or a unit around it, other
// than by passing over it: see [passesOver].
func (m *machine) named(t *touched) bool {
	return t.named.has(m.item) || t.named.hasAny(m.around())
}

// become sets custody.
func (m *machine) become(s State, holder string, e *Event) {
	m.endAs(s, e)
	m.custody, m.since = Custody{s, holder}, e
	m.stepped(e)
	m.know(holder)
	maps.DeleteFunc(m.displaced, func(p string, _ *Event) bool { return sameHand(p, holder) })
}

// sameHand reports whether goods that one of the parties holds are the other's
// too: the same party, or a member and a party that it hosts.
func sameHand(a, b string) bool {
	return a == b || memberOf(a) == memberOf(b) && (!strings.Contains(a, "/") || !strings.Contains(b, "/"))
}

// take makes the actor the holder, and puts another holder out of possession.
func (m *machine) take(s State, e *Event) {
	if h := m.custody.Holder; h != "" && !sameHand(h, e.Actor()) && m.custody.State != InTransit {
		m.displaced[h] = e
	}
	m.become(s, e.Actor(), e)
}

// activate puts the code on goods, which may be on their way already.
func (m *machine) activate(t *touched) {
	if !m.lets(t) {
		return
	}
	m.activated, m.active = true, t.event
	switch m.custody.State {
	case "", Issued:
		m.become(Active, t.event.Actor(), t.event)
	case InTransit:
		if m.before.State == Issued {
			m.before.State = Active // should the shipment be cancelled
		}
	}
}

func (m *machine) void(t *touched) {
	if m.lets(t) {
		m.become(Void, "", t.event)
		m.leave(t)
	}
}

// pack puts the item, or a unit, into a unit.
func (m *machine) pack(t *touched) bool {
	about := m.fill(t)
	for _, p := range t.packings {
		mine := p.thing == m.item || m.inside(p.thing)
		if !mine && !m.stands(t.event) {
			m.said[saying{p.thing, t.event.Actor()}] = p.unit
			continue
		}
		if mine {
			about = true
			table := custodyTable[ledger.KindPack]
			if old, in := m.units[p.thing]; in && old != p.unit {
				table = repacking
			}
			if _, ok := m.decide(table, t); !ok {
				continue
			}
			m.take(m.stateAtRest(), t.event)
		}
		// Units in which the item may be put later are followed too.
		m.put(p.thing, p.unit)
		if mine {
			m.adopt(p.unit, t.event.Actor())
			m.stayed(p.unit)
		}
	}
	return about
}

// put notes that a thing is in a unit, unless that is in the thing itself.
func (m *machine) put(thing, unit Item) {
	if !m.leadsTo(unit, thing) {
		m.setUnit(thing, unit)
	}
}

// adopt believes what the holder, when he was a stranger, said of the unit into
// which he puts the item.
func (m *machine) adopt(unit Item, holder string) {
	for range MaxNesting {
		around, ok := m.said[saying{unit, holder}]
		if !ok {
			return
		}
		m.put(unit, around)
		unit = around
	}
}

// stayed takes the unit into which the holder puts the item out of units that have
// gone since: who has it taken out, or brought back, may be a stranger to the item,
// and crates come back.
func (m *machine) stayed(unit Item) {
	around, in := m.units[unit]
	for range MaxNesting {
		if !in {
			return
		}
		if m.gone[around] {
			m.takeOut(unit)
			return
		}
		around, in = m.units[around]
	}
}

// leadsTo reports whether thing is unit itself or somewhere around it: unit
// must then not be put around thing.
func (m *machine) leadsTo(unit, thing Item) bool {
	for range MaxNesting {
		if unit == thing {
			return true
		}
		around, ok := m.units[unit]
		if !ok {
			return false
		}
		unit = around
	}
	return true
}

// stateAtRest is the state of goods that their holder handles without moving
// them on.
func (m *machine) stateAtRest() State {
	switch m.custody.State {
	case Issued, Active, InTransit:
		return m.custody.State
	}
	return Held
}

// fill handles the item as the unit of a packing: a case whose code is put to
// use needs no activation.
func (m *machine) fill(t *touched) bool {
	if !t.fills {
		return false
	}
	if t.event.Kind != ledger.KindPack || !m.lets(t) {
		return true
	}
	m.filled = true
	if m.custody.State == "" || m.custody.State == Issued {
		m.activated = true
		m.active = t.event
		m.become(Active, t.event.Actor(), t.event)
	}
	return true
}

// unpack takes the item, or a unit, out of its unit, or everything out of it.
func (m *machine) unpack(t *touched) bool {
	about := t.fills || t.moves.has(m.item)
	if t.moves.has(m.item) && m.stands(t.event) {
		m.filled = false
	}
	for _, p := range t.packings {
		mine := p.thing == m.item || m.inside(p.thing)
		about = about || mine
		if !mine && !m.stands(t.event) {
			m.unsay(p.thing, p.unit, t.event)
			continue
		}
		if m.units[p.thing] != p.unit {
			if mine {
				m.report(UnpackedNotIn, t.event, nil)
			}
			continue
		}
		if !mine || m.lets(t) {
			m.takeOut(p.thing)
		}
	}
	for _, thing := range t.things {
		if u, in := m.said[saying{thing, t.event.Actor()}]; in && t.moves.has(u) {
			m.unsay(thing, u, t.event)
		}
		u, in := m.units[thing]
		if !in || !t.moves.has(u) {
			continue
		}
		mine := thing == m.item || m.inside(thing)
		about = about || mine
		if !mine && !m.stands(t.event) {
			continue
		}
		if !mine || m.lets(t) {
			m.takeOut(thing)
		}
	}
	return about
}

// unsay takes back what a stranger said of a unit.
func (m *machine) unsay(thing, unit Item, e *Event) {
	key := saying{thing, e.Actor()}
	if m.said[key] == unit {
		delete(m.said, key)
	}
}

// parting are the kinds of event by which a thing that is named by itself, and
// not through its unit, leaves that.
var parting = []ledger.Kind{ledger.KindShip, ledger.KindReceive, ledger.KindCancel, ledger.KindSell, ledger.KindReturn, ledger.KindVoid, ledger.KindTransform}

// remains reports whether a thing stays in its unit where an event of a kind names
// both.
func remains(k ledger.Kind) bool { return k == ledger.KindReceive || k == ledger.KindCancel }

// goes reports whether after a parting event a thing is no longer with its holder.
func goes(k ledger.Kind) bool { return !remains(k) && k != ledger.KindReturn }

// note notes whether a unit is gone.
func (m *machine) note(unit Item, gone bool) {
	switch {
	case !gone:
		delete(m.gone, unit)
	case m.gone == nil:
		m.gone = map[Item]bool{unit: true}
	default:
		m.gone[unit] = true
	}
}

// part takes units in which the item is not, and may be put later, out of those
// around them.
func (m *machine) part(t *touched) {
	if !slices.Contains(parting, t.event.Kind) {
		return
	}
	stands := m.stands(t.event)
	for _, thing := range t.moves.list {
		switch {
		case thing == m.item, m.inside(thing), remains(t.event.Kind) && m.outermost(t, thing) != thing:
		case stands:
			m.takeOut(thing)
			m.note(thing, goes(t.event.Kind))
		default:
			delete(m.said, saying{thing, t.event.Actor()})
		}
	}
}

// leave takes the item, and the units in which it is, out of those around them
// where the event names them by themselves.
func (m *machine) leave(t *touched) {
	around := m.around()
	if t.moves.has(m.item) {
		m.takeOut(m.item)
	}
	for _, thing := range around {
		if t.moves.has(thing) {
			m.takeOut(thing)
		}
	}
}

// ship sends the item.
func (m *machine) ship(t *touched) {
	e := t.event
	if !m.lets(t) {
		return
	}
	before := m.custody
	if before.State == InTransit {
		before = m.before
	}
	if before.State == "" {
		before.State = Held
	}
	m.before = Custody{before.State, e.Actor()}
	m.to, m.shipment = e.Fields.Text("to"), e
	m.take(InTransit, e)
	m.know(m.to)
	m.depart(t)
}

// receive gives the item to who says that it came to him.
func (m *machine) receive(t *touched) {
	before := m.custody.State
	row, ok := m.decide(custodyTable[ledger.KindReceive], t)
	switch {
	case row.effect == follows:
		if ok {
			m.arrive(EndFollowed, t.event)
		}
		return
	case ok:
		m.unload(t)
	}
	switch {
	case before == "" && m.namesAbsent(t.event):
		m.arrive(EndFollowed, t.event)
	case before == "", row.finding == ReceivedByOther, row.finding == ReceivedNotShipped:
		m.arrive(EndOver, t.event)
	}
}

// unload gives the item to who has received it. What a receipt names without the
// units around it is no longer in these: pallets come in pieces, and what is still
// on its way is the rest.
func (m *machine) unload(t *touched) {
	m.take(Held, t.event)
	m.takeOut(m.outermost(t, m.item))
}

// outermost returns the thing itself or the outermost unit around it that the event
// names by itself, none if it names neither.
func (m *machine) outermost(t *touched, thing Item) (last Item) {
	for range MaxNesting {
		if t.moves.has(thing) {
			last = thing
		}
		around, ok := m.units[thing]
		if !ok {
			break
		}
		thing = around
	}
	return last
}

// namesAbsent reports whether the event names an entry that is not at hand: it
// counts as taken that it is the missing link.
func (m *machine) namesAbsent(e *Event) bool {
	return slices.ContainsFunc(e.Refs, m.rules.missing)
}

// refersTo reports whether the event names the other, or what that replaces.
func (m *machine) refersTo(e, other *Event) bool {
	return slices.ContainsFunc(e.Refs, func(ref ledger.Hash) bool { return ref == other.Hash || m.rules.replaced(ref) == other.Hash })
}

// cancel takes back what is left of the open shipment.
func (m *machine) cancel(t *touched) {
	if !m.lets(t) {
		return
	}
	m.endBack(t.event)
	m.become(m.before.State, m.before.Holder, m.shipment)
	m.takeOut(m.outermost(t, m.item))
}

// sell takes the item out of the chain.
func (m *machine) sell(t *touched) {
	e := t.event
	if !m.lets(t) {
		return
	}
	if len(m.stopped) > 0 {
		m.report(SoldOnHold, e, m.stopped[0])
	}
	if !m.activated && m.custody.State != "" && m.item.Kind == ItemCode {
		m.report(SoldNotActive, e, nil)
	}
	m.become(Sold, "", e)
	m.leave(t)
}

// transform ends an input and begins an output.
func (m *machine) transform(t *touched) {
	e := t.event
	if t.consumed.has(m.item) || t.consumed.hasAny(m.around()) {
		if m.lets(t) {
			m.become(Used, "", e)
			m.leave(t)
		}
		return
	}
	before := m.custody.State
	if _, ok := m.decide(producing, t); !ok {
		return
	}
	if before == "" || before == Issued {
		m.activated, m.active = true, e
		m.become(Active, e.Actor(), e)
	}
	m.made = e
}

// takeBack brings the item back into the chain, for good or only to be destroyed:
// that a stranger cannot do.
func (m *machine) takeBack(t *touched) {
	if !m.lets(t) {
		return
	}
	m.leave(t)
	ends := m.stands(t.event) && t.event.Fields.Text("disposition") == "destroy"
	m.take(Held, t.event)
	if ends {
		m.become(Void, "", t.event)
	}
}

// addressed reports whether the shipment on its way is for the party. To whom it
// is stands in every record, but readers of a bundle are not shown it: to them it
// is for whoever receives it.
func (m *machine) addressed(party string) bool {
	if m.to == "" {
		return party != m.custody.Holder
	}
	return sameHand(party, m.to)
}
