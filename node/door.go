package node

import (
	"fmt"
	"slices"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

const (
	// rememberedEvents is how many decoded events admission keeps at hand: what
	// is shipped was activated a while ago, and what is activated is of few runs.
	rememberedEvents = 8_192

	// rememberedSubjects is up to how many subjects an event may have to be kept,
	// so that memory is bounded: some kilobytes each.
	rememberedSubjects = 16

	// doorBlock is how many codes are one block, and doorBlocks up to how many
	// blocks a range is found by; wider ranges are few.
	doorBlock  = 256
	doorBlocks = 16
)

// A door is what admission keeps between records: the events that it has taken
// into the present batch, which no index has yet, and those that it has read
// lately. It belongs to one goroutine: the node's to the sequencer's.
type door struct {
	admitted []*trace.Event // of the batch, in order
	byID     map[ledger.Hash]*trace.Event
	runs     map[runKey]*doorRun
	units    map[gs1.SSCC][]*trace.Event

	products   map[gs1.GTIN][]*trace.Event     // product records
	about      map[gs1.GTIN][]*trace.Event     // what names a product as a whole
	issued     map[runKey]*trace.Event         // the first run record of a number
	registered map[registration][]*trace.Event // of places and parties

	// recent has events as they were when they were read. What admission looks at
	// never changes in them: fields that the fold reads are not erased, and are
	// there from the beginning.
	recent *simplelru.LRU[trace.Position, *trace.Event]
}

type runKey struct {
	gtin gs1.GTIN
	run  uint16
}

// A registration is a place or party of the own member.
type registration struct {
	kind ledger.Kind
	slug string
}

// A doorRun finds the events of a batch about one run.
type doorRun struct {
	all    []*trace.Event
	wide   []*trace.Event // with a range of many blocks
	blocks map[uint32][]*trace.Event
}

func newDoor() *door {
	recent, err := simplelru.NewLRU[trace.Position, *trace.Event](rememberedEvents, nil)
	if err != nil {
		panic(fmt.Sprintf("node: %v", err)) // the size is a positive constant
	}
	return &door{
		recent: recent, byID: make(map[ledger.Hash]*trace.Event), runs: make(map[runKey]*doorRun), units: make(map[gs1.SSCC][]*trace.Event),
		products: make(map[gs1.GTIN][]*trace.Event), about: make(map[gs1.GTIN][]*trace.Event),
		issued: make(map[runKey]*trace.Event), registered: make(map[registration][]*trace.Event),
	}
}

// begin forgets the last batch.
func (d *door) begin() {
	d.admitted = d.admitted[:0]
	clear(d.byID)
	clear(d.runs)
	clear(d.units)
	clear(d.products)
	clear(d.about)
	clear(d.issued)
	clear(d.registered)
}

// admit notes an event of the batch.
func (d *door) admit(e *trace.Event) {
	d.admitted = append(d.admitted, e)
	d.byID[e.ID] = e
	d.enter(e)
	for _, k := range trace.IndexKeys(e) {
		switch k.Kind {
		case trace.KeyGTIN:
			d.about[k.GTIN] = with(d.about[k.GTIN], e)
		case trace.KeySSCC:
			d.units[k.SSCC] = with(d.units[k.SSCC], e)
		case trace.KeyRange:
			d.run(runKey{k.Range.GTIN, k.Range.Run}).add(k.Range, e)
		}
	}
}

// enter notes what others may refer to by name.
func (d *door) enter(e *trace.Event) {
	gtin := e.Fields.GTIN("gtin")
	switch e.Kind {
	case ledger.KindProduct:
		d.products[gtin] = append(d.products[gtin], e)
	case ledger.KindRun:
		if k := (runKey{gtin, uint16(e.Fields.Uint("run"))}); d.issued[k] == nil {
			d.issued[k] = e
		}
	case ledger.KindPlace:
		d.register(registration{e.Kind, e.Fields.Text("id")}, e)
	case ledger.KindParty:
		d.register(registration{e.Kind, e.Fields.Text("slug")}, e)
	}
}

func (d *door) register(what registration, e *trace.Event) {
	d.registered[what] = append(d.registered[what], e)
}

func (d *door) run(k runKey) *doorRun {
	r := d.runs[k]
	if r == nil {
		r = &doorRun{blocks: make(map[uint32][]*trace.Event)}
		d.runs[k] = r
	}
	return r
}

func (r *doorRun) add(codes trace.Range, e *trace.Event) {
	r.all = with(r.all, e)
	first, last := codes.From/doorBlock, codes.To/doorBlock
	if last-first >= doorBlocks {
		r.wide = with(r.wide, e)
		return
	}
	for b := first; b <= last; b++ {
		r.blocks[b] = with(r.blocks[b], e)
	}
}

// with appends the event that is being added, once.
func with(list []*trace.Event, e *trace.Event) []*trace.Event {
	if len(list) > 0 && list[len(list)-1] == e {
		return list
	}
	return append(list, e)
}

// overlapping returns the events of the batch that name anything in a range or
// unit.
func (d *door) overlapping(s trace.Subject) []*trace.Event {
	if s.Kind == trace.SubjectSSCC {
		return d.units[s.SSCC]
	}
	r := d.runs[runKey{s.Range.GTIN, s.Range.Run}]
	if r == nil {
		return nil
	}
	first, last := s.Range.From/doorBlock, s.Range.To/doorBlock
	if last-first >= doorBlocks {
		return overlappingIn(r.all, s)
	}
	found := overlappingIn(r.wide, s)
	for b := first; b <= last; b++ {
		for _, e := range overlappingIn(r.blocks[b], s) {
			if !slices.Contains(found, e) { // an event may stand in several blocks
				found = append(found, e)
			}
		}
	}
	return found
}

func overlappingIn(list []*trace.Event, s trace.Subject) []*trace.Event {
	var found []*trace.Event
	for _, e := range list {
		if e.Overlaps(s) {
			found = append(found, e)
		}
	}
	return found
}

// remember keeps a stored event at hand.
func (d *door) remember(e *trace.Event) {
	if len(e.Subjects) <= rememberedSubjects {
		d.recent.Add(e.Position, e)
	}
}

// recall returns a stored event that is at hand.
func (d *door) recall(pos trace.Position) (*trace.Event, bool) { return d.recent.Get(pos) }
