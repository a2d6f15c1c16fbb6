package node

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/epcis"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
)

// An EPCISReader says for whom events are written.
type EPCISReader struct {
	trace.Viewer

	// Serials tells the links of codes that this node has issued: for whoever may
	// open the node's directory, and print them too. Others are told the links that
	// they name themselves.
	Serials bool
}

// An EPCISPage is some of the events that a query asks for.
type EPCISPage struct {
	Events []*epcis.Event
	Next   string // token of the next page, "" if there is none
}

// EPCISEvents answers a query with events of final records that the reader may
// see, as [trace.Trail.View] shows them to it; a member sees of its own records, and
// of those that name it as a party, all fields. The token of a page is the place in
// the order after which it goes on: a page may be short, and even empty, without
// being the last.
func (n *Node) EPCISEvents(ctx context.Context, q *epcis.Query, reader EPCISReader) (*EPCISPage, error) {
	cut, err := n.finalCut()
	if err != nil {
		return nil, err
	}
	w := &epcisWork{node: n, ctx: ctx, cut: cut, query: q, reader: reader, told: map[trace.Item]string{}, state: stateFinal, glns: map[string]gs1.GLN{}}
	if w.after, err = parseMark(q); err != nil {
		return nil, err
	}
	if err := w.things(); err != nil {
		return nil, err
	}
	w.writer = epcis.NewWriter(n.Network().Newest().Charter.Name, w)
	if w.wanted != nil {
		return w.page(w.listed)
	}
	if len(q.IDs) > 0 {
		return w.page(w.named)
	}
	return w.page(w.scanned)
}

const (
	stateFinal  = "final"
	stateStored = "stored"
)

// EPCISEvent returns the event with an id: one of ours, or, of records that were
// captured here, that of the event of which they were made. It need not be final. ok
// is false if there is none that the reader may see.
func (n *Node) EPCISEvent(ctx context.Context, id string, reader EPCISReader) (e *epcis.Event, ok bool, err error) {
	pos, part, ok, err := n.epcisPosition(id, reader.Viewer)
	if err != nil || !ok {
		return nil, false, err
	}
	w := &epcisWork{node: n, ctx: ctx, cut: n.index.Applied(), query: &epcis.Query{}, reader: reader, glns: map[string]gs1.GLN{}, state: stateStored}
	if pos.Seq < n.store.FinalSizes()[pos.Chain] {
		w.state = stateFinal
	}
	w.writer = epcis.NewWriter(n.Network().Newest().Charter.Name, w)
	event, err := n.event(pos)
	if err != nil || event == nil || !reader.Concerns(event) {
		return nil, false, err
	}
	r, err := w.record(event)
	if err != nil || part >= max(r.Count(), 1) || r.Count() == 0 {
		return nil, false, err
	}
	e = w.writer.Event(r, part)
	return e, e != nil, w.failed
}

// epcisPosition finds the record and the part, from 0, that an event's id names for a
// reader.
func (n *Node) epcisPosition(id string, reader trace.Viewer) (pos trace.Position, part int, ok bool, err error) {
	if name, ours := epcis.ParseEventID(id); ours {
		if name.Seq >= n.store.Size(name.Chain) {
			return pos, 0, false, nil
		}
		hash, err := n.store.LeafHash(name.Chain, name.Seq)
		return name.Position, max(name.Part-1, 0), err == nil && hash == name.Hash, err
	}
	record, err := n.captured(id, reader)
	if err != nil || record.IsZero() {
		return pos, 0, false, err
	}
	chain, seq, ok, err := n.store.Find(record)
	return trace.Position{Chain: chain, Seq: seq}, 0, ok, err
}

// epcisWork is the work on one answer. It gives names to the writer.
type epcisWork struct {
	node   *Node
	ctx    context.Context
	cut    map[uint32]uint64
	query  *epcis.Query
	reader EPCISReader
	writer *epcis.Writer
	state  string

	wanted    func(trace.Subject) bool // of the goods that are asked for; nil: any
	items     []trace.Item             // these, if they are all single
	positions []trace.Position         // of records that may name them
	told      map[trace.Item]string    // codes that the reader has named, with their links
	glns      map[string]gs1.GLN
	runs      map[codeRun]serials
	speakers  map[string]*trace.Speaker // by the hosted party that they know, or ""
	failed    error                     // of storage, while names were looked up

	after  mark
	looked int // records, and units of records of many
	bytes  int // of the page
	read   int // bytes of the records from which the page is made
	sorted int // bytes that were read to know which records may tell, and their order
}

type codeRun struct {
	gtin gs1.GTIN
	run  uint16
}

// serials yields the links of some codes of a run.
type serials func(from, to uint32) []string

// Links implements epcis.Names.
func (w *epcisWork) Links(r trace.Range, most int) []string {
	var list []string
	for item, link := range w.told {
		if r.Has(item) && len(list) < most {
			list = append(list, link)
		}
	}
	if !w.reader.Serials || r.Count() > uint32(max(most, 0)) {
		return list
	}
	if all := w.issued(codeRun{r.GTIN, r.Run}); all != nil {
		return all(r.From, r.To)
	}
	return list
}

// issued returns what tells the links of a run that this node has issued, nil if it
// is another's or of foreign serials.
func (w *epcisWork) issued(key codeRun) serials {
	if w.runs == nil {
		w.runs = make(map[codeRun]serials)
	}
	all, known := w.runs[key]
	if known {
		return all
	}
	if s, err := w.node.openRun(key.gtin, key.run); err == nil {
		run := code.Run{GTIN: key.gtin.Uint64(), Number: key.run, Count: s.Count, Secret: code.Secret(s.Secret)}
		all = func(from, to uint32) []string {
			var list []string
			for _, serial := range run.Serials(from, to+1) {
				link, err := itemURI(key.gtin, serial.String())
				if err != nil {
					return nil
				}
				list = append(list, link)
			}
			return list
		}
	}
	w.runs[key] = all
	return all
}

// GLN implements epcis.Names.
func (w *epcisWork) GLN(place string) gs1.GLN {
	if g, ok := w.glns[place]; ok {
		return g
	}
	member, id, _ := strings.Cut(place, "/")
	newest, err := w.node.newestPlace(member, id, w.cut)
	if err != nil {
		w.failed = cmp.Or(w.failed, err)
		return gs1.GLN{}
	}
	var g gs1.GLN
	if newest != nil {
		g, _ = newest.Fields["gln"].(gs1.GLN)
	}
	w.glns[place] = g
	return g
}

// things finds what the query names: which records may tell of it, and which of
// their subjects do.
func (w *epcisWork) things() error {
	if len(w.query.Things) == 0 {
		return nil
	}
	var tests []func(trace.Subject) bool
	single := true
	found := make(map[trace.Position]bool)
	for _, uri := range w.query.Things {
		thing, err := epcis.ParseThing(w.node.Network().Newest().Charter.Name, uri)
		if err != nil {
			return err
		}
		if thing.Link != "" {
			r, err := w.node.resolve(w.ctx, thing.Link, w.cut)
			if unknown := new(Refusal); errors.As(err, &unknown) && unknown.code == "unknown-product" {
				continue
			}
			if err != nil {
				return err
			}
			if thing.Item = r.Item; r.Item.Kind == 0 {
				continue // nobody has recorded anything of it
			}
			w.told[r.Item] = r.URI
		}
		test, positions, err := w.about(thing.Item)
		if err != nil {
			return err
		}
		tests, w.items = append(tests, test), append(w.items, thing.Item)
		single = single && (thing.Item.Kind == trace.ItemCode || thing.Item.Kind == trace.ItemSSCC)
		for _, pos := range positions {
			found[pos] = true
		}
		if len(found) > maxEPCISRecords {
			return tooManyEvents(theseGoods)
		}
	}
	if !single {
		w.items = nil
	}
	w.wanted = func(s trace.Subject) bool {
		return slices.ContainsFunc(tests, func(test func(trace.Subject) bool) bool { return test(s) })
	}
	for pos := range found {
		w.positions = append(w.positions, pos)
	}
	slices.SortFunc(w.positions, trace.Position.Compare)
	return nil
}

// about finds the records that may tell of one thing.
func (w *epcisWork) about(item trace.Item) (func(trace.Subject) bool, []trace.Position, error) {
	if item.Kind == trace.ItemLot || item.Kind == trace.ItemGTIN {
		test, positions, err := w.aboutClass(item)
		if errors.Is(err, index.ErrTooMany) {
			err = tooManyEvents(item.String())
		}
		return test, positions, lookUpRefusal(err)
	}
	positions, err := w.node.index.Naming(item, w.cut)
	role := w.query.Role
	return func(s trace.Subject) bool {
		switch role {
		case epcis.AsGoods:
			return s.Moves(item)
		case epcis.AsParent:
			return s.Fills(item)
		}
		return s.Covers(item)
	}, positions, lookUpRefusal(err)
}

func tooManyEvents(what string) error {
	return refuse(413, "too-many-events", "too many or too large records may tell of %s, the limits are %d and %d MiB; ask for times instead", what, maxEPCISRecords, maxEPCISSorted>>20)
}

// aboutClass finds the records that tell of a lot or a product, or of codes that are
// of it. Runs of a product are few; what overlaps them is read once.
func (w *epcisWork) aboutClass(item trace.Item) (func(trace.Subject) bool, []trace.Position, error) {
	product, err := w.node.index.Naming(trace.Product(item.GTIN), w.cut)
	if err != nil {
		return nil, nil, err
	}
	positions := slices.Clone(product)
	if item.Kind == trace.ItemLot {
		lot, err := w.node.index.Naming(item, w.cut)
		if err != nil {
			return nil, nil, err
		}
		positions = append(positions, lot...)
	}
	runs, err := w.node.index.Runs(item.GTIN, w.cut)
	if err != nil {
		return nil, nil, err
	}
	for _, run := range runs {
		more, err := w.overlapping(trace.Range{GTIN: item.GTIN, Run: run.Number, From: 0, To: math.MaxInt32})
		if err != nil {
			return nil, nil, err
		}
		if positions = append(positions, more...); len(positions) > maxEPCISRecords {
			return nil, nil, tooManyEvents(item.String())
		}
	}
	slices.SortFunc(positions, trace.Position.Compare)
	positions = slices.Compact(positions) // who tells of several things of it is read once
	if item.Kind == trace.ItemGTIN {
		return func(s trace.Subject) bool { return s.OfProduct(item.GTIN) }, positions, nil
	}
	codes, err := w.codesOf(item, positions)
	return func(s trace.Subject) bool { return s.Covers(item) || codes.Overlaps(&s) }, positions, err
}

// overlapping reads all pages of what overlaps a range.
func (w *epcisWork) overlapping(r trace.Range) (all []trace.Position, err error) {
	var at index.Cursor
	for {
		if err := w.ctx.Err(); err != nil {
			return nil, err
		}
		page, next, err := w.node.index.Overlapping(r, w.cut, at)
		if err != nil {
			return nil, err
		}
		if all = append(all, page...); len(all) > maxEPCISRecords {
			return nil, tooManyEvents(trace.OfRange(r).String())
		}
		if at = next; at.Done() {
			return all, nil
		}
	}
}

// codesOf returns the codes that records say are of a lot.
func (w *epcisWork) codesOf(lot trace.Item, positions []trace.Position) (*trace.RangeSet, error) {
	var list []trace.Range
	for _, pos := range positions {
		e, err := w.glance(pos, lot.String())
		if err != nil {
			return nil, err
		}
		if e == nil || e.Lot() != lot.Lot {
			continue
		}
		for _, s := range e.Subjects {
			if s.Kind == trace.SubjectMade {
				s = *s.Output
			}
			if s.Kind == trace.SubjectRange && s.Range.GTIN == lot.GTIN {
				list = append(list, s.Range)
			}
		}
	}
	return trace.NewRangeSet(list), nil
}

// A mark is a place in the order of events: after the time, by position and part.
type mark struct {
	at int64
	trace.Position
	part int
}

func (m mark) compare(o mark) int {
	return cmp.Or(cmp.Compare(m.at, o.at), m.Position.Compare(o.Position), cmp.Compare(m.part, o.part))
}

func (m mark) String() string { return fmt.Sprintf("%d.%d.%d.%d", m.at, m.Chain, m.Seq, m.part) }

// Beyond all parts of a record, and before them.
const (
	allParts = math.MaxInt
	noPart   = -1
)

// parseMark reads the token of a query; without one the mark is before all events in
// its order.
func parseMark(q *epcis.Query) (m mark, err error) {
	if q.Token == "" {
		if !q.OldestFirst {
			m = mark{at: math.MaxInt64, Position: trace.Position{Chain: math.MaxUint32, Seq: math.MaxUint64}, part: allParts}
		}
		return m, nil
	}
	if _, err := fmt.Sscanf(q.Token, "%d.%d.%d.%d", &m.at, &m.Chain, &m.Seq, &m.part); err != nil || m.String() != q.Token {
		return m, refuse(400, "bad-parameter", "nextPageToken is not one of this node's")
	}
	return m, nil
}

// beyond reports whether a place comes after the token in the query's order.
func (w *epcisWork) beyond(m mark) bool {
	if w.query.OldestFirst {
		return m.compare(w.after) > 0
	}
	return m.compare(w.after) < 0
}

// page fills a page with what source gives it, event by event in the query's order;
// source ends when add says that the page is full.
func (w *epcisWork) page(source func(add func(*trace.Event) (full bool, err error)) error) (*EPCISPage, error) {
	p := &EPCISPage{Events: []*epcis.Event{}}
	err := source(func(e *trace.Event) (bool, error) { return w.add(p, e) })
	return p, cmp.Or(err, w.failed)
}

// add adds the events of one record. What does not depend on the unit that an event
// is about is looked at once.
func (w *epcisWork) add(p *EPCISPage, e *trace.Event) (full bool, err error) {
	if err := w.ctx.Err(); err != nil {
		return true, err
	}
	place := mark{at: w.timeOf(e), Position: e.Position}
	if spec, ok := trace.Spec(e.Kind); !ok || !w.query.WantsKind(spec) || !w.query.WantsTime(e.At, e.Recorded) || !w.reader.Concerns(e) {
		return w.pass(p, place), nil
	}
	r, err := w.record(e)
	if err != nil {
		return true, err
	}
	if frame := w.writer.Frame(r); frame == nil || !w.query.WantsFrame(frame) {
		return w.pass(p, place), nil
	}
	for part, wanted := range r.Parts(w.pick(r, place)) {
		place.part = part
		if full, err = w.addPart(p, r, place, wanted); full || err != nil {
			return full, err
		}
	}
	return w.pass(p, place), nil
}

// addPart adds the event of one part, if it is wanted.
func (w *epcisWork) addPart(p *EPCISPage, r *epcis.Record, place mark, wanted bool) (full bool, err error) {
	if err := w.ctx.Err(); err != nil {
		return true, err
	}
	if wanted {
		if full, err = w.tell(p, r, place); full || err != nil {
			return full, err
		}
	}
	w.after = place
	return w.look(p), nil
}

// tell writes the event of one part, unless the page is full.
func (w *epcisWork) tell(p *EPCISPage, r *epcis.Record, place mark) (full bool, err error) {
	written := w.writer.Event(r, place.part)
	if written == nil || !w.query.WantsID(written) {
		return false, nil
	}
	if len(p.Events) == w.query.PerPage || w.bytes > maxEPCISPage {
		p.Next = w.after.String()
		return true, nil
	}
	size, err := json.Marshal(written)
	if err != nil {
		return true, err
	}
	p.Events, w.bytes = append(p.Events, written), w.bytes+len(size)
	return false, nil
}

// pass notes that a record has been looked at.
func (w *epcisWork) pass(p *EPCISPage, place mark) (full bool) {
	if place.part = allParts; !w.query.OldestFirst {
		place.part = noPart
	}
	if w.beyond(place) {
		w.after = place
	}
	return w.look(p)
}

// look counts a record or a unit, and ends the page after enough of them.
func (w *epcisWork) look(p *EPCISPage) (full bool) {
	if w.looked++; w.looked < maxEPCISLooked && w.read < maxEPCISRead {
		return false
	}
	p.Next = w.after.String()
	return true
}

// pick says which parts of a record the page may have: those beyond the token, and
// of those the ones that are asked for.
func (w *epcisWork) pick(r *epcis.Record, place mark) epcis.Pick {
	pick := epcis.Pick{To: r.Count(), Back: !w.query.OldestFirst, Wanted: w.wanted, Items: w.items}
	place.part = w.after.part
	switch {
	case place == w.after && w.query.OldestFirst:
		pick.From = min(w.after.part, allParts-1) + 1
	case place == w.after:
		pick.To = w.after.part
	case !w.beyond(place):
		pick.To = 0
	}
	if len(w.query.IDs) > 0 {
		pick.Only = w.partsNamed(r)
	}
	return pick
}

// partsNamed are the parts of a record that the query has ids of, ascending.
func (w *epcisWork) partsNamed(r *epcis.Record) []int {
	list := []int{}
	at, ok := r.Position()
	for _, id := range w.query.IDs {
		if name, ours := epcis.ParseEventID(id); ok && ours && name.Position == at {
			list = append(list, max(name.Part-1, 0))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// timeOf is the time by which events are ordered.
func (w *epcisWork) timeOf(e *trace.Event) int64 {
	if w.query.ByEventTime {
		return e.At
	}
	return e.Recorded
}

// record is what the writer needs of an event.
func (w *epcisWork) record(e *trace.Event) (*epcis.Record, error) {
	r, err := w.shown(e)
	if err != nil || e.Kind != ledger.KindCorrect {
		return r, err
	}
	target, err := w.byID(e.Fields.Hash("target"))
	if err != nil || target == nil || target.Member != e.Member || !w.reader.Concerns(target) {
		return r, err
	}
	if r.Target, err = w.shown(target); err != nil {
		return nil, err
	}
	with, err := w.byID(e.Fields.Hash("replacement"))
	if err == nil && with != nil && w.reader.Concerns(with) {
		r.With = with
	}
	return r, err
}

// byID returns the event of a record within the cut, nil if there is none.
func (w *epcisWork) byID(id ledger.Hash) (*trace.Event, error) {
	if id.IsZero() {
		return nil, nil
	}
	chain, seq, ok, err := w.node.store.Find(id)
	if err != nil || !ok || seq >= w.cut[chain] {
		return nil, err
	}
	return w.node.event(trace.Position{Chain: chain, Seq: seq})
}

// shown is an event with what the reader may see of it.
func (w *epcisWork) shown(e *trace.Event) (*epcis.Record, error) {
	speaker, err := w.speaker(e)
	if err != nil {
		return nil, err
	}
	view := speaker.Event(e, w.reader.Viewer)
	copied := *e
	if w.reader.Member != w.node.member.Member {
		copied.Fields = view.Fields
	}
	r := &epcis.Record{Event: &copied, Actor: view.Party.Member, Chain: view.Chain, State: w.state}
	if view.Party.Party != "" {
		r.Actor += "/" + view.Party.Party
	}
	for _, x := range view.Erased {
		r.Erased = append(r.Erased, x.Fields...)
	}
	return r, nil
}

// speaker is what names who has acted.
func (w *epcisWork) speaker(e *trace.Event) (*trace.Speaker, error) {
	var hosted []string
	if e.Party != "" {
		hosted = []string{e.Actor()}
	}
	key := strings.Join(hosted, "")
	if s := w.speakers[key]; s != nil {
		return s, nil
	}
	s, err := w.node.speaker(hosted, nil, w.cut)
	if err == nil {
		if w.speakers == nil {
			w.speakers = make(map[string]*trace.Speaker)
		}
		w.speakers[key] = s
	}
	return s, err
}

// listed gives the records that may tell of what the query names, in its order, one
// by one: of the others only their places in it are held.
func (w *epcisWork) listed(add func(*trace.Event) (bool, error)) error {
	marks, err := w.order()
	if err != nil {
		return err
	}
	for _, m := range marks {
		e, err := w.load(m.Position)
		if err != nil {
			return err
		}
		if e == nil {
			continue
		}
		if full, err := add(e); full || err != nil {
			return err
		}
	}
	return nil
}

// order sorts the positions, without those that the page before has had all parts of.
func (w *epcisWork) order() ([]mark, error) {
	marks := make([]mark, 0, len(w.positions))
	for _, pos := range w.positions {
		m := mark{Position: pos}
		var err error
		if m.at, err = w.timeAt(pos); err != nil {
			return nil, err
		}
		last := m
		if last.part = allParts; !w.query.OldestFirst {
			last.part = noPart
		}
		if w.beyond(last) {
			marks = append(marks, m)
		}
	}
	slices.SortFunc(marks, func(a, b mark) int {
		if w.query.OldestFirst {
			return a.compare(b)
		}
		return b.compare(a)
	})
	return marks, nil
}

// timeAt is the time by which the record at a position is ordered.
func (w *epcisWork) timeAt(pos trace.Position) (int64, error) {
	if !w.query.ByEventTime {
		at, size, err := w.node.entryTime(pos.Chain, pos.Seq)
		return at, cmp.Or(err, w.sort(size, theseGoods))
	}
	e, err := w.glance(pos, theseGoods)
	if err != nil || e == nil {
		return 0, err
	}
	return e.At, nil
}

// glance reads an event before there is a page, as many as a question may cost.
func (w *epcisWork) glance(pos trace.Position, of string) (*trace.Event, error) {
	e, size, err := w.node.eventSized(pos)
	return e, cmp.Or(err, w.sort(size, of))
}

// sort counts what is read before there is a page.
func (w *epcisWork) sort(size int, of string) error {
	if w.sorted += size; w.sorted > maxEPCISSorted {
		return tooManyEvents(of)
	}
	return w.ctx.Err()
}

const theseGoods = "these goods"

// load reads an event for the page.
func (w *epcisWork) load(pos trace.Position) (*trace.Event, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	e, size, err := w.node.eventSized(pos)
	w.read += size
	return e, err
}

// named gives the records of the ids that the query has.
func (w *epcisWork) named(add func(*trace.Event) (bool, error)) error {
	for i, id := range w.query.IDs {
		pos, _, ok, err := w.node.epcisPosition(id, w.reader.Viewer)
		if err != nil {
			return err
		}
		if !ok || pos.Seq >= w.cut[pos.Chain] {
			continue
		}
		if _, ours := epcis.ParseEventID(id); !ours { // its event has our own id
			leaf, err := w.node.store.LeafHash(pos.Chain, pos.Seq)
			if err != nil {
				return err
			}
			w.query.IDs[i] = epcis.EventName{Hash: leaf, Position: pos}.String()
		}
		w.positions = append(w.positions, pos)
	}
	slices.SortFunc(w.positions, trace.Position.Compare)
	w.positions = slices.Compact(w.positions)
	return w.listed(add)
}

// scanned gives all records in the order in which they were recorded, from the token
// on: the chains are merged, and in each of them time never goes back.
func (w *epcisWork) scanned(add func(*trace.Event) (bool, error)) error {
	var heads []*head
	for chain, size := range w.cut {
		h := &head{work: w, chain: chain, size: size}
		if err := h.begin(); err != nil {
			return err
		}
		if h.event != nil {
			heads = append(heads, h)
		}
	}
	for len(heads) > 0 {
		i := 0
		for j := range heads {
			if order := heads[j].mark().compare(heads[i].mark()); order != 0 && (order < 0) == w.query.OldestFirst {
				i = j
			}
		}
		e := heads[i].event
		if w.over(e) {
			return nil
		}
		if full, err := add(e); full || err != nil {
			return err
		}
		if err := heads[i].next(); err != nil {
			return err
		}
		if heads[i].event == nil {
			heads = slices.Delete(heads, i, i+1)
		}
	}
	return nil
}

// over reports whether all that follows was recorded outside of what is asked for.
func (w *epcisWork) over(e *trace.Event) bool {
	if w.query.OldestFirst {
		return w.query.RecordedBefore > 0 && e.Recorded >= w.query.RecordedBefore
	}
	return e.Recorded < w.query.RecordedFrom
}

// A head is the next event of a chain in the query's order.
type head struct {
	work  *epcisWork
	chain uint32
	size  uint64
	seq   uint64 // of event
	event *trace.Event
}

func (h *head) mark() mark {
	return mark{at: h.event.Recorded, Position: h.event.Position}
}

// begin finds the first event that the page may have: that of the token itself is
// one, since it may have further parts.
func (h *head) begin() error {
	var failed error
	after := mark{h.work.after.at, h.work.after.Position, 0}
	first := sort.Search(int(h.size), func(i int) bool {
		t, _, err := h.work.node.entryTime(h.chain, uint64(i))
		failed = cmp.Or(failed, err)
		pos := trace.Position{Chain: h.chain, Seq: uint64(i)}
		if h.work.query.OldestFirst {
			return mark{at: t, Position: pos}.compare(after) >= 0 && t >= h.work.query.RecordedFrom
		}
		return mark{at: t, Position: pos}.compare(after) > 0 || h.work.query.RecordedBefore > 0 && t >= h.work.query.RecordedBefore
	})
	if failed != nil {
		return failed
	}
	if h.work.query.OldestFirst {
		h.seq = uint64(first)
		return h.find(+1)
	}
	if first == 0 {
		return nil
	}
	h.seq = uint64(first) - 1
	return h.find(-1)
}

// next goes to the next event.
func (h *head) next() error {
	h.event = nil
	if h.work.query.OldestFirst {
		h.seq++
		return h.find(+1)
	}
	if h.seq == 0 {
		return nil
	}
	h.seq--
	return h.find(-1)
}

// find goes on until there is an event.
func (h *head) find(step int) error {
	for h.seq < h.size {
		e, err := h.work.load(trace.Position{Chain: h.chain, Seq: h.seq})
		if err != nil || e != nil {
			h.event = e
			return err
		}
		if step < 0 && h.seq == 0 {
			return nil
		}
		h.seq += uint64(step)
	}
	return nil
}

// entryTime returns the time of an entry, and its size.
func (n *Node) entryTime(chain uint32, seq uint64) (at int64, size int, err error) {
	raw, err := n.store.Entry(chain, seq)
	if err != nil {
		return 0, 0, err
	}
	e, err := ledger.DecodeEntry(raw)
	if err != nil {
		return 0, 0, err
	}
	return e.Time, len(raw), nil
}
