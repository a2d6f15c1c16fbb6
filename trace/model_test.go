package trace

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run the model tests with this seed only")
	seedsFlag = flag.Uint64("seeds", 0, "run the model tests with so many seeds")
)

// seeds yields the seeds of a model test: n, or what the flags say.
func seeds(t *testing.T, n uint64, run func(t *testing.T, seed uint64)) {
	if *seedFlag != 0 {
		run(t, *seedFlag)
		return
	}
	for seed := uint64(1); seed <= cmp.Or(*seedsFlag, n) && !t.Failed(); seed++ {
		run(t, seed)
		if t.Failed() {
			t.Logf("repeat with -seed=%d", seed)
		}
	}
}

// allSeeds reports whether no flag keeps a model test to few seeds, which show little.
func allSeeds() bool { return *seedFlag == 0 && *seedsFlag == 0 }

// A plant is a small honest world in which we see everything: where each thing
// really is. It is written without a thought for how the fold works.
type plant struct {
	w         *world
	rnd       *rand.Rand
	clock     int64
	slow      bool             // devices may be offline for days
	attentive bool             // whoever records something has seen all that was recorded before
	skew      map[string]int64 // how far the clocks of a party's devices are off at most

	things  []Item // bottles, labels for new ones, cases, pallets, containers
	parent  map[Item]Item
	holder  map[Item]string
	state   map[Item]State // "" for a label that is on nothing yet
	was     map[Item]State // before the shipment
	flow    map[Item]*Event
	stopped map[Item][]*Event // holds
	failed  map[Item][]*Event // inspections
	made    map[Item][]Item   // of what
	how     map[Item]string   // the type of the transform that used it up
	blanks  map[Item]int      // receipts that nobody recorded
	known   map[Item][]string // who has had it or was sent it
	history map[Item][]*Event
	records []record
	recall  *Event

	cargo   map[*Event]map[Item]fate // of shipments
	filled  map[Item]bool            // cases and pallets that are more than a thing by themselves
	victims map[Item]*trouble        // of crimes: nobody touches them after that
	here    map[ledger.Hash]bool     // all entries, once they are on their chains
}

// A fate is what became of a thing in a shipment.
type fate struct {
	end  string // "" while it is on its way
	by   *Event
	unit bool // a unit with contents
}

// A record is an event before it is on its chain.
type record struct {
	event    *Event
	recorded int64
	needs    []*Event          // whose hashes its refs would have
	names    map[string]*Event // whose ids its fields have
}

const plantBottles, plantLabels, plantCases, plantPallets, plantContainers = 24, 8, 4, 2, 1

const (
	plantGoods      = plantBottles + plantLabels
	plantCased      = plantGoods + plantCases
	plantLoaded     = plantCased + plantPallets
	plantEverything = plantLoaded + plantContainers
)

var palletCodes = []string{"069012340000000016", "069012340000000023", "069012340000000030"}

func newPlant(t *testing.T, seed uint64) *plant { return newPlantOf(t, seed, true) }

func newPlantOf(t *testing.T, seed uint64, slow bool) *plant {
	p := &plant{w: newWorld(t), rnd: rand.New(rand.NewPCG(seed, 2)), clock: day0, slow: slow,
		parent: map[Item]Item{}, holder: map[Item]string{}, state: map[Item]State{}, was: map[Item]State{},
		flow: map[Item]*Event{}, stopped: map[Item][]*Event{}, failed: map[Item][]*Event{}, made: map[Item][]Item{}, how: map[Item]string{},
		blanks: map[Item]int{}, known: map[Item][]string{}, history: map[Item][]*Event{},
		cargo: map[*Event]map[Item]fate{}, filled: map[Item]bool{}, victims: map[Item]*trouble{}}
	p.w.charter.Settings.LateHours = 0
	for i := range uint32(plantBottles) {
		p.things = append(p.things, bottle(i))
	}
	for i := range uint32(plantLabels) {
		p.things = append(p.things, Code(wine, 2, i))
	}
	for i := range uint32(plantCases) {
		p.things = append(p.things, Code(boxes, 1, i))
	}
	for _, s := range palletCodes {
		p.things = append(p.things, Unit(mustSSCC(s)))
	}
	for _, i := range p.things {
		p.holder[i], p.state[i], p.known[i] = "lanzhi", Issued, []string{"lanzhi"}
	}
	for _, i := range p.things[plantBottles:plantGoods] {
		p.holder[i], p.state[i] = "", ""
	}
	const half = plantBottles / 2
	p.record("lanzhi", activate, p.things[:half], subjectsOf(p.things[:half]), field("lot", "L1"))
	p.record("lanzhi", activate, p.things[half:plantBottles], subjectsOf(p.things[half:plantBottles]), field("lot", "L2"))
	for _, i := range p.things[:plantBottles] {
		p.state[i] = Active
	}
	return p
}

// record notes that a party did something to things; all things inside are part
// of it. It reaches the party's chain now or much later.
func (p *plant) record(party string, kind ledger.Kind, things []Item, subjects []Subject, opts ...option) *Event {
	p.clock += 60_000 + p.rnd.Int64N(3_600_000)
	e := &Event{Kind: kind, Member: memberOf(party), At: p.clock, Fields: Values{}, Subjects: subjects}
	if party != e.Member {
		e.Party = party[len(e.Member)+1:]
	}
	for _, o := range opts {
		o(e)
	}
	delay := p.rnd.Int64N(1000)
	if p.slow && p.rnd.IntN(3) == 0 {
		delay = p.rnd.Int64N(40 * 3_600_000) // a device that was offline
	}
	if off := p.skew[party]; off > 0 {
		e.At += p.rnd.Int64N(2*off+1) - off
	}
	p.records = append(p.records, record{event: e, recorded: p.clock + delay})
	for _, i := range p.closure(things) {
		p.history[i] = append(p.history[i], e)
	}
	return e
}

// closure is the things and all that is in them.
func (p *plant) closure(things []Item) []Item {
	out := slices.Clone(things)
	for n := 0; n < len(out); n++ {
		for _, i := range p.things {
			if u, in := p.parent[i]; in && u == out[n] {
				out = append(out, i)
			}
		}
	}
	return out
}

// has is what a party has, of the given things, also what is in others.
func (p *plant) has(things []Item, party string) []Item {
	return slices.DeleteFunc(slices.Clone(things), func(i Item) bool {
		return p.holder[i] != party || slices.Contains([]State{InTransit, Sold, Void, Used, ""}, p.state[i]) || p.victims[i] != nil
	})
}

// loose is what a party has and what is in nothing, of the given things.
func (p *plant) loose(things []Item, party string) []Item {
	return slices.DeleteFunc(p.has(things, party), func(i Item) bool { _, in := p.parent[i]; return in })
}

// handy is some of what a party has: mostly what is in nothing, now and then
// what it takes out of a unit without a word.
func (p *plant) handy(things []Item, party string) []Item {
	if p.rnd.IntN(4) > 0 {
		return p.some(p.loose(things, party))
	}
	list := p.some(p.has(things, party))
	return slices.DeleteFunc(slices.Clone(list), func(i Item) bool {
		return slices.ContainsFunc(list, func(u Item) bool { return p.inside(i, u) })
	})
}

// inside reports whether a thing is in a unit, at any depth.
func (p *plant) inside(i, unit Item) bool {
	for u, in := p.parent[i]; in; u, in = p.parent[u] {
		if u == unit {
			return true
		}
	}
	return false
}

// out takes things out of the units in which they are.
func (p *plant) out(things []Item) {
	for _, i := range things {
		delete(p.parent, i)
	}
}

// some picks a few of the things.
func (p *plant) some(things []Item) []Item {
	p.rnd.Shuffle(len(things), func(i, j int) { things[i], things[j] = things[j], things[i] })
	return things[:min(len(things), 1+p.rnd.IntN(6))]
}

func subjectsOf(things []Item) []Subject {
	var list []Subject
	for _, i := range things {
		list = append(list, Of(i))
	}
	list, err := joined(list)
	if err != nil {
		panic(err)
	}
	return list
}

var plantParties = []string{"lanzhi", "wh", "dist/store1", "dist/store2", "dist"}

// somebody is a party; in a world of wrong clocks not a member with parties, whose
// hand is theirs: what happens between them fits in any order.
func (p *plant) somebody() string {
	n := len(plantParties)
	if len(p.skew) > 0 {
		n--
	}
	return plantParties[p.rnd.IntN(n)]
}

// step lets something happen.
func (p *plant) step() {
	party := p.somebody()
	goods, cases := p.things[:plantGoods], p.things[plantGoods:plantCased]
	switch p.rnd.IntN(18) {
	case 0, 1:
		p.pack(party, cases, goods)
	case 2:
		p.pack(party, p.things[plantCased:plantLoaded], p.things[:plantCased]) // mixed pallets too
	case 3:
		p.pack(party, p.things[plantLoaded:], p.things[:plantLoaded])
	case 4:
		p.unpack(party)
	case 5, 6:
		p.ship(party)
	case 7, 8, 9:
		p.receive()
	case 10, 11:
		p.end(party)
	case 12:
		p.takeBack(party)
	case 13:
		if len(p.skew) == 0 { // on a unit, what was in it minutes before or after is anybody's guess
			p.hold(party)
		}
	case 14:
		if p.recall == nil && p.rnd.IntN(4) == 0 {
			p.recall = p.record("lanzhi", recall, p.things[plantBottles/2:plantBottles], []Subject{Of(Product(wine))}, field("lots", []string{"L2"}))
		}
	case 15:
		p.make([]string{"lanzhi", "wh"}[p.rnd.IntN(2)])
	case 16:
		p.crossDock(party)
	case 17:
		if len(p.skew) == 0 {
			p.inspect(party)
		}
	}
}

// make makes one thing of some: the brand, and the warehouse that it has
// appointed.
func (p *plant) make(party string) {
	things := slices.DeleteFunc(p.handy(p.things[:plantBottles], party), func(i Item) bool { return len(p.stopped[i]) > 0 })
	labels := slices.DeleteFunc(slices.Clone(p.things[plantBottles:plantGoods]), func(i Item) bool { return p.state[i] != "" })
	if len(things) == 0 || len(labels) == 0 {
		return
	}
	label, how := labels[0], []string{"relabel", "repackage", "kit"}[p.rnd.IntN(3)]
	if how != "kit" {
		things = things[:1]
	}
	var subjects []Subject
	for _, i := range things {
		subjects = append(subjects, Made(Of(label), Of(i)))
	}
	p.record(party, making, append([]Item{label}, things...), subjects, field("type", how))
	for _, i := range things {
		p.state[i], p.holder[i], p.how[i] = Used, "", how
	}
	p.out(things)
	p.state[label], p.holder[label], p.made[label] = Active, party, things
	p.known[label] = append(p.known[label], party)
}

// crossDock sends on what is on its way to a party, which never records that it
// came. Between a member and its own parties such steps fit in any order, so that
// nobody can say which is missing.
func (p *plant) crossDock(party string) {
	var coming []Item
	for _, i := range p.things {
		if _, in := p.parent[i]; !in && p.coming(i) && p.flow[i].Fields.Text("to") == party && !sameHand(p.flow[i].Actor(), party) {
			coming = append(coming, i)
		}
	}
	things, recipient := p.some(coming), p.somebody()
	if len(things) == 0 || sameHand(recipient, party) {
		return
	}
	e := p.record(party, ship, things, subjectsOf(things), to(recipient))
	p.comesTo("received", e, things)
	p.load(e, things)
	for _, i := range p.closure(things) {
		p.holder[i], p.was[i], p.flow[i] = party, Held, e
		p.known[i] = append(p.known[i], recipient)
		p.blanks[i]++
	}
}

// coming reports whether a thing is on its way, and nobody has laid hands on it.
func (p *plant) coming(i Item) bool { return p.state[i] == InTransit && p.victims[i] == nil }

// load puts things on a truck.
func (p *plant) load(shipment *Event, things []Item) {
	p.cargo[shipment] = map[Item]fate{}
	for _, i := range p.closure(things) {
		p.cargo[shipment][i] = fate{unit: p.filled[i]}
	}
}

// comesTo notes what becomes of things on their way.
func (p *plant) comesTo(end string, by *Event, things []Item) {
	for _, i := range p.closure(things) {
		f := p.cargo[p.flow[i]][i]
		f.end, f.by = end, by
		p.cargo[p.flow[i]][i] = f
	}
}

// inspect looks at what a party has, or the auditor at anything.
func (p *plant) inspect(party string) {
	things := p.some(p.loose(p.things, party))
	if p.rnd.IntN(3) == 0 {
		party = "audit"
		things = p.some(slices.DeleteFunc(slices.Clone(p.things[:plantGoods]), func(i Item) bool { return p.state[i] == "" || p.state[i] == Void || p.victims[i] != nil }))
	}
	if len(things) == 0 {
		return
	}
	result := []string{"pass", "fail", "conditional"}[p.rnd.IntN(3)]
	e := p.record(party, inspect, things, subjectsOf(things), field("result", result))
	for _, i := range p.closure(things) {
		if result == "fail" {
			p.failed[i] = append(p.failed[i], e)
		}
	}
}

// takeBack is what consumers bring back, to somebody through whose hands it went.
// Others are believed for now only.
func (p *plant) takeBack(party string) {
	things := p.some(slices.DeleteFunc(slices.Clone(p.things), func(i Item) bool {
		return p.state[i] != Sold || !slices.Contains(p.known[i], party) || p.victims[i] != nil
	}))
	if len(things) == 0 {
		return
	}
	defer p.out(things)
	disposition, state, holder := "restock", Held, party
	if p.rnd.IntN(4) == 0 {
		disposition, state, holder = "destroy", Void, ""
	}
	p.record(party, takeBack, things, subjectsOf(things), field("disposition", disposition))
	for _, i := range things {
		p.state[i], p.holder[i] = state, holder
	}
}

// hold stops what a party has, or lets go what its member has stopped; the brand
// lets go everything.
func (p *plant) hold(party string) {
	mine := func(h *Event) bool { return memberOf(party) == "lanzhi" || h.Member == memberOf(party) }
	stopped := slices.DeleteFunc(slices.Clone(p.things), func(i Item) bool { return !slices.ContainsFunc(p.stopped[i], mine) })
	if len(stopped) > 0 && p.rnd.IntN(2) == 0 {
		// Bottles only: not all that is in a unit by now was stopped with it.
		things := p.some(slices.DeleteFunc(stopped, func(i Item) bool { return i.Kind != ItemCode || i.GTIN != wine || p.victims[i] != nil }))
		if len(things) == 0 {
			return
		}
		p.record(party, release, things, subjectsOf(things))
		for _, i := range things {
			p.stopped[i] = slices.DeleteFunc(slices.Clone(p.stopped[i]), mine)
		}
		return
	}
	things := p.some(p.loose(p.things, party)) // with all that is in it
	if len(things) == 0 {
		return
	}
	e := p.record(party, hold, things, subjectsOf(things))
	for _, i := range p.closure(things) {
		p.stopped[i] = append(p.stopped[i], e)
	}
}

func (p *plant) pack(party string, units, contents []Item) {
	u, in := p.loose(units, party), p.some(p.loose(contents, party))
	if len(u) == 0 || len(in) == 0 {
		return
	}
	unit := u[p.rnd.IntN(len(u))]
	var subjects []Subject
	for _, s := range subjectsOf(in) {
		subjects = append(subjects, Contents(unit, s))
	}
	p.record(party, pack, in, subjects)
	p.filled[unit] = true
	for _, i := range in {
		p.parent[i] = unit
	}
}

func (p *plant) unpack(party string) {
	u := p.loose(p.things[plantGoods:], party)
	if len(u) == 0 {
		return
	}
	unit := u[p.rnd.IntN(len(u))]
	inside := slices.DeleteFunc(slices.Clone(p.things), func(i Item) bool { u, in := p.parent[i]; return !in || u != unit })
	if len(inside) == 0 {
		return
	}
	if p.rnd.IntN(2) == 0 {
		p.record(party, unpack, []Item{unit}, []Subject{Of(unit)})
		p.filled[unit] = false
	} else {
		inside = p.some(inside)
		var subjects []Subject
		for _, s := range subjectsOf(inside) {
			subjects = append(subjects, Contents(unit, s))
		}
		p.record(party, unpack, inside, subjects)
	}
	for _, i := range inside {
		delete(p.parent, i)
	}
}

func (p *plant) ship(party string) {
	things := p.handy(p.things, party)
	if len(things) == 0 {
		return
	}
	recipient := p.somebody()
	if recipient == party {
		return
	}
	e := p.send(party, things, recipient)
	p.note(e, things)
	p.load(e, things)
	for _, i := range p.closure(things) {
		p.known[i] = append(p.known[i], recipient)
		p.was[i] = p.state[i]
		p.state[i], p.flow[i] = InTransit, e
	}
	p.out(things)
}

// send records a shipment, now and then to the wrong party first.
func (p *plant) send(party string, things []Item, recipient string) *Event {
	if p.rnd.IntN(4) > 0 {
		return p.record(party, ship, things, subjectsOf(things), to(recipient))
	}
	wrong := p.record(party, ship, things, subjectsOf(things), to("dist"))
	names := map[string]*Event{"target": wrong}
	if p.rnd.IntN(2) == 0 {
		p.record(party, correct, things, subjectsOf(things))
		p.records[len(p.records)-1].names = names
		return p.record(party, ship, things, subjectsOf(things), to(recipient))
	}
	right := p.record(party, ship, things, subjectsOf(things), to(recipient))
	p.record(party, correct, things, subjectsOf(things))
	names["replacement"] = right
	p.records[len(p.records)-1].names = names
	return right
}

// receive is what comes in of one shipment or more to one party: all, a part, or by
// a cancellation nothing. What never comes is lost: nobody records that.
func (p *plant) receive() {
	var open []Item
	for _, i := range p.things {
		if _, in := p.parent[i]; !in && p.coming(i) {
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return
	}
	shipment := p.flow[open[p.rnd.IntN(len(open))]]
	party, several := shipment.Fields.Text("to"), p.rnd.IntN(3) == 0
	things := p.some(slices.DeleteFunc(open, func(i Item) bool {
		return p.flow[i] != shipment && !(several && p.flow[i].Fields.Text("to") == party)
	}))
	if p.rnd.IntN(3) == 0 {
		things = p.unloaded(things)
	}
	shipments := p.shipmentsOf(things)
	if len(shipments) == 1 && p.rnd.IntN(6) == 0 {
		p.callOff(shipments[0], things)
		return
	}
	e := p.record(party, receive, things, subjectsOf(things))
	p.records[len(p.records)-1].needs = shipments
	p.inventory(e, shipments, things)
	p.comesTo("received", e, things)
	for _, i := range p.closure(things) {
		p.state[i], p.holder[i] = Held, party
	}
	p.out(things)
}

// callOff is what one side of a shipment does not want to happen.
func (p *plant) callOff(shipment *Event, things []Item) {
	party, end := shipment.Actor(), "kept"
	if p.rnd.IntN(2) == 0 {
		party, end = shipment.Fields.Text("to"), "refused"
	}
	e := p.record(party, cancel, things, subjectsOf(things))
	p.records[len(p.records)-1].needs = []*Event{shipment}
	p.comesTo(end, e, things)
	for _, i := range p.closure(things) {
		p.state[i] = p.was[i]
	}
	p.out(things)
}

// shipmentsOf lists the shipments in which things are, in the order of sending.
func (p *plant) shipmentsOf(things []Item) []*Event {
	var list []*Event
	for _, i := range things {
		if !slices.Contains(list, p.flow[i]) {
			list = append(list, p.flow[i])
		}
	}
	slices.SortFunc(list, func(a, b *Event) int { return cmp.Compare(a.At, b.At) })
	return list
}

// unloaded is things, some of which were taken off the pallets and out of the
// cases on which they came, without a word.
func (p *plant) unloaded(things []Item) []Item {
	var out []Item
	for _, i := range things {
		inside := slices.DeleteFunc(slices.Clone(p.things), func(x Item) bool { u, in := p.parent[x]; return !in || u != i })
		if len(inside) == 0 || p.rnd.IntN(3) == 0 {
			out = append(out, i)
		} else {
			out = append(out, p.unloaded(p.some(inside))...)
		}
	}
	return out
}

// end sells something or declares it void.
func (p *plant) end(party string) {
	if party == "lanzhi" && p.rnd.IntN(8) == 0 {
		p.writeOff()
		return
	}
	things := slices.DeleteFunc(p.handy(p.things[:plantGoods], party), func(i Item) bool { return len(p.stopped[i]) > 0 })
	if len(things) == 0 || p.rnd.IntN(2) == 0 {
		return
	}
	kind, state := sell, Sold
	if p.rnd.IntN(4) == 0 {
		kind, state = void, Void
	}
	p.record(party, kind, things, subjectsOf(things))
	for _, i := range things {
		p.state[i], p.holder[i] = state, ""
	}
	p.out(things)
}

// writeOff has the brand declare void what is on its way.
func (p *plant) writeOff() {
	things := p.some(slices.DeleteFunc(slices.Clone(p.things[:plantGoods]), func(i Item) bool { return !p.coming(i) }))
	things = things[:min(len(things), 2)]
	if len(things) == 0 {
		return
	}
	e := p.record("lanzhi", void, things, subjectsOf(things))
	p.comesTo("void", e, things)
	for _, i := range things {
		p.state[i], p.holder[i] = Void, ""
	}
	p.out(things)
}

// publish puts the records on their chains in the order of recording, with
// frontiers that see more and more of the others, late and unevenly.
func (p *plant) publish() {
	at := map[*Event]int64{}
	for i := range p.records { // nobody names a record of his own that is not there
		r := &p.records[i]
		for _, e := range r.names {
			r.recorded = max(r.recorded, at[e]+1)
		}
		at[r.event] = r.recorded
	}
	slices.SortStableFunc(p.records, func(a, b record) int { return cmp.Compare(a.recorded, b.recorded) })
	w := p.w
	w.do("lanzhi", ledger.KindProduct, field("gtin", wine), field("version", uint64(1)), field("issuing_chain", uint64(3)), recorded(1))
	w.do("lanzhi", ledger.KindRun, field("gtin", wine), field("run", uint64(1)), field("count", uint64(plantBottles)), recorded(1))
	w.do("lanzhi", ledger.KindRun, field("gtin", wine), field("run", uint64(2)), field("count", uint64(plantLabels)), recorded(1))
	w.do("lanzhi", appoint, append(appointed("wh"), field("kinds", []string{"transform"}), recorded(1))...)
	on := map[*Event]bool{}
	for _, r := range p.records {
		if p.attentive || p.rnd.IntN(2) == 0 {
			w.sees(r.event.Member)
		}
		event := *r.event
		placedEvent := w.do(r.event.Member, event.Kind, recorded(r.recorded))
		pos, hash, id := placedEvent.Position, placedEvent.Hash, placedEvent.ID
		*r.event = event
		r.event.Position, r.event.Hash, r.event.ID, r.event.Recorded = pos, hash, id, r.recorded
		w.events[len(w.events)-1] = r.event
		on[r.event] = true
		for _, n := range r.needs {
			// Without the shipment's hash the record was made blind; a
			// cancellation cannot be, so it waits for it.
			if on[n] {
				r.event.Refs = append(r.event.Refs, n.Hash)
			}
		}
	}
	for _, r := range p.records {
		for name, e := range r.names {
			r.event.Fields[name] = e.ID
		}
	}
}

// input is all that is recorded.
func (p *plant) input(i Item) Input {
	if p.here == nil {
		p.here = make(map[ledger.Hash]bool)
		for _, e := range p.w.events {
			p.here[e.Hash] = true
		}
	}
	in := p.w.input(i)
	in.Known = func(h ledger.Hash) bool { return p.here[h] }
	return in
}

func (p *plant) fold(i Item) *Trail { return Fold(p.input(i)) }

// blind reports whether a cancellation was recorded before its shipment: such
// worlds cannot happen.
func (p *plant) blind() bool {
	return slices.ContainsFunc(p.records, func(r record) bool { return r.event.Kind == cancel && len(r.event.Refs) == 0 })
}

// In an honest world, however late and in whatever order records come, the fold
// says of every item where it is, tells just the events that were about it, and
// finds nothing to complain of, but for what was lost, broken or counted wrongly.
func TestFoldAgreesWithTheTruth(t *testing.T) {
	worlds, moved, told := 0, 0, map[string]bool{}
	seeds(t, 80, func(t *testing.T, seed uint64) {
		agrees(t, 60, func(steps int) (*plant, []string) {
			p := newPlant(t, seed)
			p.live(steps)
			p.publish()
			if p.blind() {
				return p, nil
			}
			worlds++
			return p, append(p.disagreements(&moved), p.miscounted(told)...)
		})
	})
	if allSeeds() && !t.Failed() && (worlds < 50 || moved < 500 || len(told) < 5) {
		t.Errorf("only %d worlds and %d moved items, and of quantities only %v: the test shows little", worlds, moved, told)
	}
}

// Hand-held devices whose clocks are off by minutes, each time by another amount,
// accuse nobody: who records a step has seen the one before. Where nothing
// contradicts a wrong date, the trail may miss for the moment what befell a unit.
func TestWrongClocksAccuseNobody(t *testing.T) {
	items, missed := 0, 0
	seeds(t, 80, func(t *testing.T, seed uint64) {
		agrees(t, 60, func(steps int) (*plant, []string) {
			p := newPlantOf(t, seed, false)
			p.wrongClocks()
			p.live(steps)
			p.publish()
			var wrong []string
			for _, i := range p.things[:plantGoods] {
				if p.state[i] == "" {
					continue
				}
				tr := p.w.fold(i)
				items++
				if !sameEvents(tr.Events[1:], p.history[i]) {
					missed++
				} else if want := (Custody{p.state[i], p.holder[i]}); tr.Custody != want {
					wrong = append(wrong, fmt.Sprintf("%s: custody is %v, want %v\n%s", i, tr.Custody, want, p.story(i, tr)))
				}
				want := p.findings(i)
				if slices.ContainsFunc(codesOf(tr), func(code string) bool { return !slices.Contains(want, code) }) {
					wrong = append(wrong, fmt.Sprintf("%s: findings %v, want %v\n%s", i, codesOf(tr), want, p.story(i, tr)))
				}
			}
			return p, wrong
		})
	})
	if missed*100 > items*2 {
		t.Errorf("of %d trails %d miss an event", items, missed)
	}
}

// wrongClocks gives everybody devices whose clocks are off, and who have seen all
// that was recorded before.
func (p *plant) wrongClocks() {
	p.skew, p.attentive = map[string]int64{}, true
	for _, party := range plantParties {
		p.skew[party] = ledger.MaxAhead - 1000
	}
}

func sameEvents(a, b []*Event) bool {
	byPosition := func(list []*Event) []*Event {
		return slices.SortedFunc(slices.Values(list), func(a, b *Event) int { return a.Position.Compare(b.Position) })
	}
	return slices.Equal(byPosition(a), byPosition(b))
}

// agrees runs a world, and where it disagrees with the fold the shortest
// beginning of its story that does.
func agrees(t *testing.T, steps int, world func(steps int) (*plant, []string)) {
	t.Helper()
	if _, wrong := world(steps); len(wrong) == 0 {
		return
	}
	for n := range steps + 1 {
		if _, wrong := world(n); len(wrong) > 0 {
			t.Errorf("after %d steps:\n%s", n, strings.Join(wrong, "\n"))
			return
		}
	}
}

func (p *plant) live(steps int) {
	for range steps {
		p.step()
	}
}

// disagreements says where the fold and the truth differ about any item.
func (p *plant) disagreements(moved *int) (wrong []string) {
	for _, i := range p.things[:plantGoods] {
		if p.state[i] == "" {
			continue
		}
		tr := p.fold(i)
		var list []string
		if want := (Custody{p.state[i], p.holder[i]}); tr.Custody != want {
			list = append(list, fmt.Sprintf("custody is %v, want %v", tr.Custody, want))
		}
		if got, want := codesOf(tr), p.findings(i); !slices.Equal(got, want) {
			list = append(list, fmt.Sprintf("findings %v, want %v", got, want))
		}
		if got, want := tr.Events[1:], p.history[i]; !slices.Equal(got, want) { // [0] is the run
			list = append(list, "the events differ")
		}
		if moved != nil && tr.Custody.State != Active {
			*moved++
		}
		if len(list) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s: %s\n%s", i, strings.Join(list, "; "), p.story(i, tr)))
		}
	}
	return wrong
}

// story tells what happened to an item, and what the trail has of it.
func (p *plant) story(i Item, tr *Trail) string {
	var b strings.Builder
	line := func(e *Event) {
		fmt.Fprintf(&b, "  %s  %-9s %-11s to %-11s recorded %+7ds as %d/%d, seen %v, %v\n", localTime(e.At, 0)[5:19], e.Kind, e.Actor(),
			e.Fields.Text("to"), (e.Recorded-e.At)/1000, e.Chain, e.Seq, p.w.seenAt[e.Position], e.Subjects)
	}
	b.WriteString(" what happened:\n")
	for _, e := range p.history[i] {
		line(e)
	}
	b.WriteString(" what the trail tells:\n")
	for _, e := range tr.Events {
		line(e)
	}
	return b.String()
}

// findings is what there is to say about an item in an honest world.
func (p *plant) findings(i Item) []string {
	var list []string
	for range p.stopped[i] {
		list = append(list, OnHold)
	}
	for range p.failed[i] {
		list = append(list, InspectionFailed)
	}
	for range p.blanks[i] {
		list = append(list, ReceiptMissing)
	}
	if p.recall != nil && i.Run == 1 && i.Index >= plantBottles/2 {
		list = append(list, IsRecalled)
	}
	switch {
	case p.state[i] == Void:
		list = append(list, VoidCode)
	case p.state[i] == Used && p.how[i] == "kit":
		list = append(list, PartOfSet)
	case p.state[i] == Used:
		list = append(list, Relabelled)
	}
	list = append(list, p.inherited(i)...)
	slices.Sort(list)
	return list
}

// inherited is what there is to say because of what went into an item.
func (p *plant) inherited(i Item) []string {
	var list []string
	told := map[*Event]bool{}
	for _, source := range p.made[i] {
		for _, e := range append(slices.Clone(p.stopped[source]), p.failed[source]...) {
			if !told[e] {
				told[e] = true
				list = append(list, SourceWarning)
			}
		}
		if p.recall != nil && source.Index >= plantBottles/2 && !told[p.recall] {
			told[p.recall] = true
			list = append(list, SourceRecalled)
		}
	}
	return list
}

func kindsOf(events []*Event) []string {
	var list []string
	for _, e := range events {
		list = append(list, e.Kind.String()+" "+e.Actor())
	}
	return list
}

// Whatever is recorded, by liars too, and whatever part of it is final: the
// order in which events arrive, and events about other things, change nothing.
func TestArrivalOrderChangesNothing(t *testing.T) {
	seeds(t, 60, func(t *testing.T, seed uint64) {
		p := newPlant(t, seed)
		for range 40 {
			p.step()
		}
		p.lie(20)
		p.publish()
		in := p.w.input(bottle(p.rnd.Uint32N(plantBottles)))
		if p.rnd.IntN(2) == 0 {
			for chain := range in.AsOf {
				in.AsOf[chain] = p.rnd.Uint64N(in.AsOf[chain] + 1)
			}
		}
		if p.rnd.IntN(2) == 0 {
			final := map[ledger.Hash]bool{}
			for _, e := range within(in.Events, in.AsOf) {
				final[e.Hash] = true
			}
			in.Known = func(h ledger.Hash) bool { return final[h] }
		}
		want := mustJSON(t, Fold(in).For(Viewer{Member: "audit"}))
		for range 6 {
			again := in
			again.Events = slices.Clone(in.Events)
			p.rnd.Shuffle(len(again.Events), func(i, j int) { again.Events[i], again.Events[j] = again.Events[j], again.Events[i] })
			again.Events = append(again.Events, again.Events[:p.rnd.IntN(len(again.Events))]...) // some twice
			if p.rnd.IntN(2) == 0 {
				again.Events = p.gathered(again)
			}
			again.AsOf = maps.Clone(in.AsOf)
			if got := mustJSON(t, Fold(again).For(Viewer{Member: "audit"})); got != want {
				t.Fatalf("seed %d:\n got %s\nwant %s", seed, got, want)
			}
		}
	})
}

// Whatever strangers record about an item, its own people, its brand and its
// public findings are as if they had recorded nothing.
func TestStrangersSpoilNothing(t *testing.T) {
	told := 0
	seeds(t, 80, func(t *testing.T, seed uint64) {
		p := newPlant(t, seed)
		c := p.w.charter
		c.Members = append(c.Members, ledger.Member{Slug: "rival", NameZh: "对手", NameEn: "Rival", Role: ledger.Distributor})
		c.Nodes = append(c.Nodes, ledger.Node{Number: 5, Member: "rival"})
		for range 40 {
			p.step()
		}
		truth := len(p.records)
		liar := []string{"rival", "rival/shop", "dist/store1", "dist/store2"}[p.rnd.IntN(4)]
		p.lieAs(12, liar)
		lies := map[*Event]bool{}
		for _, r := range p.records[truth:] {
			lies[r.event] = true
		}
		p.publish()
		if p.blind() {
			return
		}
		for e := range lies {
			if e.Seq%2 == 0 {
				e.Refs = append(e.Refs, ledger.Hash{9}) // invented
			}
		}
		for _, i := range p.things[:plantBottles] {
			if slices.ContainsFunc(p.known[i], func(k string) bool { return memberOf(k) == memberOf(liar) }) {
				continue
			}
			in := p.w.input(i)
			all := in.Events
			in.Events = slices.DeleteFunc(slices.Clone(all), func(e *Event) bool { return lies[e] })
			want := Fold(in)
			in.Events = all
			got := Fold(in)
			if got.Verdict != want.Verdict || !slices.Equal(publicOf(got), publicOf(want)) {
				t.Errorf("seed %d: %s, %s lies: %s %v, want %s %v\n%v", seed, i, liar, got.Verdict, publicOf(got), want.Verdict, publicOf(want), kindsOf(got.Events))
			}
			if len(got.Findings) > len(want.Findings) {
				told++
			}
		}
	})
	if allSeeds() && !t.Failed() && told < 100 {
		t.Errorf("only %d items were lied about: the test shows little", told)
	}
}

func publicOf(t *Trail) []string {
	var list []string
	for _, f := range t.Findings {
		if f.Audience == ledger.Public {
			list = append(list, f.Code)
		}
	}
	return list
}

// lie adds records that nobody's goods are behind, with dates of all kinds.
func (p *plant) lie(n int) {
	p.lieAs(n, "")
}

// lieAs adds lies of one party, or of anybody.
func (p *plant) lieAs(n int, only string) {
	kinds := []ledger.Kind{inspect, activate, ship, receive, sell, void, pack, unpack, cancel, takeBack, hold, release, recall, withdraw, correct, correct, claim, making}
	for range n {
		kind := kinds[p.rnd.IntN(len(kinds))]
		thing := p.things[p.rnd.IntN(len(p.things))]
		subject := Of(thing)
		if kind == pack || kind == unpack {
			unit := p.things[plantGoods+p.rnd.IntN(plantEverything-plantGoods)]
			if unit == thing {
				continue
			}
			subject = Contents(unit, subject)
		}
		other := p.records[p.rnd.IntN(len(p.records))].event
		subjects := []Subject{subject}
		names := map[string]*Event{}
		switch kind {
		case recall, withdraw:
			subjects = []Subject{[]Subject{Of(Product(wine)), Of(Lot(wine, "L1")), subject}[p.rnd.IntN(3)]}
		case making:
			from := p.things[p.rnd.IntN(len(p.things))]
			if from == thing {
				continue
			}
			subjects = []Subject{Made(subject, Of(from))}
		case correct:
			subjects = other.CorrectedSubjects()
			names["target"] = other
			if p.rnd.IntN(2) == 0 {
				names["replacement"] = p.records[p.rnd.IntN(len(p.records))].event
			}
		}
		liar := cmp.Or(only, plantParties[p.rnd.IntN(len(plantParties))])
		if only == "" && kind == correct && p.rnd.IntN(2) == 0 {
			liar = other.Actor()
		}
		opts := []option{at(day0 + p.rnd.Int64N(p.clock-day0)), to(plantParties[p.rnd.IntN(len(plantParties))]),
			field("from", p.holder[thing]), field("result", "fail"), field("disposition", []string{"restock", "destroy"}[p.rnd.IntN(2)])}
		if p.rnd.IntN(2) == 0 {
			opts = append(opts, field("lot", "L2"), field("lots", []string{"L2"}))
		}
		p.record(liar, kind, nil, subjects, opts...)
		last := &p.records[len(p.records)-1]
		last.needs, last.names = []*Event{other}, names
	}
}

// gathered keeps what an index would give for the item and for what went into it:
// events that name it, its lots, its product, or units around it.
func (p *plant) gathered(in Input) []*Event {
	gather := func(i Item) ([]*Event, error) {
		about := in
		about.Item = i
		f := newFolder(about)
		relevant := f.relevant(f.things)
		return slices.DeleteFunc(slices.Clone(f.events), func(e *Event) bool { return len(e.Subjects) > 0 && !relevant(e) }), nil
	}
	own, _ := gather(in.Item)
	all, _ := WithSources(in.Item, own, gather)
	return all
}
