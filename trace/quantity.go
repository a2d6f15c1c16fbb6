package trace

import (
	"cmp"
	"maps"
	"slices"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// A Haul is pieces of one product, or logistic units, that went alike: all their
// legs say the same. Hauls are what the trails of all goods say of shipments.
type Haul struct {
	Shipment Position // none for [EndOver] and [EndFollowed]
	End      End
	By       Position // what ended it; none for [EndOpen]
	Unit     bool     // units with contents
	First    Item     // one of them
	Count    uint64
}

// sums are numbers of pieces by product, the zero GTIN being logistic units. A
// shipment has few products.
type sums []sum

type sum struct {
	gtin  gs1.GTIN
	n     uint64
	first Item
}

func (s *sums) add(gtin gs1.GTIN, n uint64, first Item) {
	i := slices.IndexFunc(*s, func(x sum) bool { return x.gtin == gtin })
	if i < 0 {
		*s = append(*s, sum{gtin, n, first})
		return
	}
	(*s)[i].n += n
}

func (s sums) of(gtin gs1.GTIN) uint64 {
	for i := range s {
		if s[i].gtin == gtin {
			return s[i].n
		}
	}
	return 0
}

// some returns those that are not zero, by product.
func (s sums) some() sums {
	list := slices.DeleteFunc(slices.Clone(s), func(x sum) bool { return x.n == 0 })
	slices.SortFunc(list, func(a, b sum) int { return cmp.Compare(a.gtin.Uint64(), b.gtin.Uint64()) })
	return list
}

// A Discrepancy is something about a shipment and its receipts that does not add
// up.
type Discrepancy struct {
	Finding
	By    *Event // the record that bears it
	First Item   // one of the codes, or the product
	Count uint64 // how many codes it is about; 0 where records count differently
}

// Quantities says what does not add up in shipments and what was received of
// them, as the package comment defines it. event gives the records at which the
// hauls happened, or nil; their subjects are not looked at. Each finding holds from
// its [Finding.Due] on. It needs the fields for parties, so these findings stand in
// lists for members, never in a trail.
func Quantities(c *ledger.Charter, hauls []Haul, event func(Position) *Event) []Discrepancy {
	t := &traffic{charter: c, deliveries: map[Position]*delivery{}, receipts: map[Position]*receipt{}, named: map[ledger.Hash]*delivery{}}
	for i := range hauls {
		t.add(&hauls[i], event)
	}
	t.join()
	for _, at := range slices.SortedFunc(maps.Keys(t.deliveries), Position.Compare) {
		t.compareShipment(t.deliveries[at])
	}
	for _, at := range slices.SortedFunc(maps.Keys(t.receipts), Position.Compare) {
		t.compareReceipt(t.receipts[at])
	}
	return t.found
}

// Paper returns of a shipment or receipt what [Quantities] looks at, for keeping.
func (e *Event) Paper() *Event {
	paper := *e
	paper.Subjects, paper.Erased, paper.Fields = nil, nil, Values{}
	for name, v := range e.Fields {
		if party, _ := v.(string); name == "lines" || slices.Contains(e.parties(), party) {
			paper.Fields[name] = v
		}
	}
	return &paper
}

// traffic is all shipments and receipts, and what was found.
type traffic struct {
	charter    *ledger.Charter
	deliveries map[Position]*delivery
	receipts   map[Position]*receipt
	named      map[ledger.Hash]*delivery // by the shipment's leaf hash
	found      []Discrepancy
}

// A delivery is a shipment and what has become of it.
type delivery struct {
	shipment *Event
	sent     sums       // pieces
	codes    sums       // pieces, and units with contents
	open     sums       // pieces on their way
	noted    sums       // what its delivery notes count
	got      []*receipt // that name it, or brought something of it
	answered int64      // when the recipient last recorded something of it, 0 if never
}

// A receipt is a record of goods that came in.
type receipt struct {
	event                      *Event
	codes                      sums // that it brought: pieces, and units with contents
	over                       sums // pieces that nobody had sent
	expected, counted, damaged sums // by its lines
	of                         []*delivery
}

// add books a haul with its shipment and with its receipt.
func (t *traffic) add(h *Haul, event func(Position) *Event) {
	gtin, d := h.First.GTIN, t.delivery(h.Shipment, event)
	if d != nil {
		d.book(h)
	}
	if h.By == (Position{}) {
		return
	}
	by := event(h.By)
	if by == nil {
		return
	}
	if d != nil && (h.End == EndReceived || h.End == EndRefused) {
		d.answered = max(d.answered, by.Recorded)
	}
	if by.Kind != ledger.KindReceive || h.End != EndReceived && h.End != EndOver && h.End != EndFollowed {
		return
	}
	r := t.receipt(by)
	r.codes.add(gtin, h.Count, h.First)
	if h.End == EndOver && !h.Unit {
		r.over.add(gtin, h.Count, h.First)
	}
	if d != nil {
		tie(d, r)
	}
}

func (d *delivery) book(h *Haul) {
	gtin := h.First.GTIN
	d.codes.add(gtin, h.Count, h.First)
	if h.Unit {
		return
	}
	d.sent.add(gtin, h.Count, h.First)
	if h.End == EndOpen {
		d.open.add(gtin, h.Count, h.First)
	}
}

func (t *traffic) delivery(at Position, event func(Position) *Event) *delivery {
	if d := t.deliveries[at]; d != nil || at == (Position{}) {
		return d
	}
	e := event(at)
	if e == nil {
		return nil
	}
	d := &delivery{shipment: e}
	lines, _ := e.Fields["lines"].([]Line)
	for _, l := range lines {
		d.noted.add(l.GTIN, l.Count, Product(l.GTIN))
	}
	t.deliveries[at], t.named[e.Hash] = d, d
	return d
}

func (t *traffic) receipt(e *Event) *receipt {
	r := t.receipts[e.Position]
	if r != nil {
		return r
	}
	r = &receipt{event: e}
	lines, _ := e.Fields["lines"].([]Count)
	for _, l := range lines {
		r.expected.add(l.GTIN, l.Expected, Product(l.GTIN))
		r.counted.add(l.GTIN, l.Counted, Product(l.GTIN))
		r.damaged.add(l.GTIN, l.Damaged, Product(l.GTIN))
	}
	t.receipts[e.Position] = r
	return r
}

// tie notes that a receipt belongs to a shipment.
func tie(d *delivery, r *receipt) {
	if !slices.Contains(r.of, d) {
		r.of, d.got = append(r.of, d), append(d.got, r)
	}
}

// join ties receipts to the shipments to their authors that they name, also where
// they brought nothing of them, and puts all in the order of their positions.
func (t *traffic) join() {
	for _, r := range t.receipts {
		for _, ref := range r.event.Refs {
			if d := t.named[ref]; d != nil && d.isFor(r) {
				tie(d, r)
				d.answered = max(d.answered, r.event.Recorded)
			}
		}
		slices.SortFunc(r.of, func(a, b *delivery) int { return a.shipment.Compare(b.shipment.Position) })
	}
	for _, d := range t.deliveries {
		slices.SortFunc(d.got, func(a, b *receipt) int { return a.event.Compare(b.event.Position) })
	}
}

// isFor reports whether a shipment was sent to the author of a receipt.
func (d *delivery) isFor(r *receipt) bool {
	return sameHand(r.event.Actor(), d.shipment.Fields.Text("to"))
}

// compareShipment finds what of a shipment did not come, and where its delivery
// notes count something else than its codes.
func (t *traffic) compareShipment(d *delivery) {
	t.compareLines(d.shipment, d.noted, d.codes, nil)
	if d.answered == 0 {
		return // all of it is still on its way
	}
	for _, x := range d.open.some() {
		f := newFinding(ShortReceipt, d.shipment)
		f.b, f.n, f.gtin = d.shipment.Fields.Text("to"), x.n, x.gtin
		if !d.countedThrough(x.gtin) {
			f.due = d.answered + shortAfter(t.charter)
		}
		t.tell(f, d.shipment, x.first, x.n, d.receipts())
	}
}

func (d *delivery) receipts() []*Event {
	list := make([]*Event, len(d.got))
	for i, r := range d.got {
		list[i] = r.event
	}
	return list
}

// countedThrough reports whether the recipients have looked for all of a product
// in the shipment: what the lines of its receipts expect is no less than what its
// delivery notes, or without these its codes, count. One receipt may expect pieces
// of several shipments.
func (d *delivery) countedThrough(gtin gs1.GTIN) bool {
	var expected, need sums
	together, looked := map[*delivery]bool{d: true}, 0
	for _, r := range d.got {
		if looked += len(r.of) + len(r.expected); looked > maxTogether {
			return false // time will tell
		}
		for _, x := range r.expected {
			expected.add(x.gtin, x.n, x.first)
		}
		for _, other := range r.of {
			together[other] = true
		}
	}
	for other := range together {
		if len(other.noted) == 0 {
			need.add(gtin, other.sent.of(gtin), Item{})
		}
		for _, x := range other.noted {
			need.add(x.gtin, x.n, x.first)
		}
	}
	return !slices.ContainsFunc(need, func(x sum) bool { return expected.of(x.gtin) < x.n })
}

// compareReceipt finds where a receipt counts something else than was expected, or
// than its codes, what was damaged, and what it brought too much.
func (t *traffic) compareReceipt(r *receipt) {
	t.compareLines(r.event, r.counted, r.codes, r.shipments())
	for _, x := range r.expected {
		t.count(r, QuantityDiffers, x, r.counted.of(x.gtin), x.n != r.counted.of(x.gtin))
	}
	for _, x := range r.damaged {
		t.count(r, ReceivedDamaged, x, r.counted.of(x.gtin), x.n > 0)
	}
	if !slices.ContainsFunc(r.of, func(d *delivery) bool { return d.isFor(r) }) {
		return // it is about no shipment to its author
	}
	for _, x := range r.over.some() {
		f := newFinding(OverReceipt, r.event)
		f.b, f.n, f.gtin = r.of[0].shipment.Actor(), x.n, x.gtin
		t.tell(f, r.event, x.first, x.n, r.shipments())
	}
}

// count tells of two numbers in a receipt's lines, if there is something to tell.
func (t *traffic) count(r *receipt, code string, x sum, m uint64, odd bool) {
	if !odd {
		return
	}
	f := newFinding(code, r.event)
	f.n, f.m, f.gtin = x.n, m, x.gtin
	if len(r.of) > 0 {
		f.b = r.of[0].shipment.Actor()
	}
	t.tell(f, r.event, x.first, 0, r.shipments())
}

func (r *receipt) shipments() []*Event {
	list := make([]*Event, len(r.of))
	for i, d := range r.of {
		list[i] = d.shipment
	}
	return list
}

// compareLines finds where the lines of a record count something else than its
// codes. Of a product without codes in it, lines are all that there is.
func (t *traffic) compareLines(e *Event, lines, codes sums, others []*Event) {
	for _, x := range lines {
		if m := codes.of(x.gtin); m > 0 && x.n != m {
			f := newFinding(LinesDiffer, e)
			f.n, f.m, f.gtin = x.n, m, x.gtin
			t.tell(f, e, x.first, 0, others)
		}
	}
}

// tell adds a finding with the first of the records that belong to it, for all
// their parties.
func (t *traffic) tell(f Finding, by *Event, first Item, n uint64, others []*Event) {
	f.addRecords(t.charter, by, others)
	t.found = append(t.found, Discrepancy{Finding: f, By: by, First: first, Count: n})
}

// addRecords adds the records that belong to a finding about quantities, and the
// parties of all.
func (f *Finding) addRecords(c *ledger.Charter, by *Event, others []*Event) {
	f.Parties = partiesOf(c, by, f.gtin)
	for _, e := range others[:min(len(others), maxBelonging)] {
		f.Records = append(f.Records, e.ID)
		f.Parties = append(f.Parties, partiesOf(c, e, f.gtin)...)
	}
	slices.Sort(f.Parties)
	f.Parties = slices.Compact(f.Parties)
}

// shortAfter is how long after the last word from its recipient what is missing
// of a shipment counts as short, in milliseconds.
func shortAfter(c *ledger.Charter) int64 {
	return int64(cmp.Or(c.Settings.LateHours, shortHours)) * hour
}

// partiesOf lists who may see a finding about an event's lateness or
// quantities: both sides, the product's brand and the auditors.
func partiesOf(c *ledger.Charter, e *Event, gtin gs1.GTIN) []string {
	members := []string{e.Member}
	for _, p := range e.parties() {
		members = append(members, memberOf(p))
	}
	if m := c.GTINAuthority(gtin.Uint64()); m != nil && !gtin.IsZero() {
		members = append(members, m.Slug)
	}
	for _, m := range c.Members {
		if m.Role == ledger.Auditor {
			members = append(members, m.Slug)
		}
	}
	slices.Sort(members)
	return slices.Compact(members)
}
