package node

import (
	"errors"
	"slices"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
)

// admitBatch is the author's door: the sequencer calls it before each batch. It
// refuses records that do not have the form of their kind, whose attachments are
// not stored, or that this member's own records contradict. The events of those
// it takes are kept for appliedBatch, so that nothing is decoded twice.
func (n *Node) admitBatch(pending []*store.Pending) []error {
	errs := make([]error, len(pending))
	n.door.begin()
	charter, err := n.ownCharter()
	for i, p := range pending {
		if errs[i] = err; err == nil {
			errs[i] = n.admitPending(p, charter, n.door)
		}
	}
	return errs
}

// ownCharter returns the charter in force on the own chain.
func (n *Node) ownCharter() (*ledger.Charter, error) {
	c, err := n.store.Chain(n.chain)
	if err != nil {
		return nil, err
	}
	if c.Charter() == nil {
		return nil, refuse(503, "not-signing", "the node has not written its charter entry yet")
	}
	return c.Charter().Charter, nil
}

// admitPending admits a record through a door, which then has its event.
func (n *Node) admitPending(p *store.Pending, charter *ledger.Charter, d *door) error {
	e, err := n.pendingEvent(p)
	if err != nil || e == nil {
		return err
	}
	limited, err := n.limited(&p.Record.Record)
	if err != nil {
		return err
	}
	if err := n.admitEvent(e, charter, limited, ownView{n, d}); err != nil {
		return err
	}
	d.admit(e)
	return nil
}

// pendingEvent reads the event in a record that is about to be appended; nil
// for grants and revocations, which are no events.
func (n *Node) pendingEvent(p *store.Pending) (*trace.Event, error) {
	if kind := p.Record.Record.Kind; kind == ledger.KindGrant || kind == ledger.KindRevoke {
		return nil, nil
	}
	o := &ledger.OpenedEntry{Entry: ledger.Entry{Kind: ledger.EntryRecord, Time: p.Time}, Hash: p.Hash, Record: p.Record}
	e, err := trace.CheckEvent(trace.Position{Chain: n.chain, Seq: p.Seq}, o, p.Sidecar)
	if errors.Is(err, trace.ErrKind) {
		return nil, refuse(422, "unknown-kind", "this node does not know records of kind %s", p.Record.Record.KindName())
	}
	return e, fieldRefusal(err)
}

// limited reports whether the signer of a record may sign its kind for one party
// only.
func (n *Node) limited(r *ledger.Record) (bool, error) {
	c, err := n.store.Chain(n.chain)
	if err != nil {
		return false, err
	}
	return r.Party != "" && !slices.ContainsFunc(c.Rights().Of(r.Signer), func(g ledger.Grant) bool {
		return g.Party == "" && slices.Contains(g.Kinds, r.Kind)
	}), nil
}

func (n *Node) admitEvent(e *trace.Event, charter *ledger.Charter, limited bool, view ownView) error {
	if err := n.checkAttachments(e, limited); err != nil {
		return err
	}
	if err := n.checkForeign(e); err != nil {
		return err
	}
	admit := trace.Admit
	if limited {
		admit = trace.AdmitLimited
	}
	err := admit(e, charter, view)
	if err == nil {
		err = n.checkApproval(e, view)
	}
	if r, ok := trace.AsRefusal(err); ok {
		return &Refusal{code: r.Code(), status: 409, text: r.Detail}
	}
	return fieldRefusal(err)
}

// ownView is what admission reads: the index over the stored entries, and the
// records admitted earlier in the same batch.
type ownView struct {
	n    *Node
	door *door
}

// Overlapping implements trace.OwnView.
func (v ownView) Overlapping(s trace.Subject) ([]*trace.Event, error) {
	own, err := v.overlapping(s)
	if err != nil {
		return nil, err
	}
	events, err := v.load(own)
	if err != nil {
		return nil, err
	}
	return append(events, v.door.overlapping(s)...), nil
}

// overlapping looks at the member's own chains only: however much others have
// written about the goods, it must not be in the way of writing.
func (v ownView) overlapping(s trace.Subject) ([]trace.Position, error) {
	own := make(map[uint32]uint64)
	v.n.addChains(own, v.n.member.Member, v.n.index.Applied())
	if s.Kind == trace.SubjectSSCC {
		return v.n.index.Naming(trace.Unit(s.SSCC), own)
	}
	var all []trace.Position
	var at index.Cursor
	for {
		page, next, err := v.n.index.Overlapping(s.Range, own, at)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if at = next; at.Done() {
			break
		}
	}
	slices.SortFunc(all, trace.Position.Compare)
	return slices.Compact(all), nil
}

// Products implements trace.OwnView.
func (v ownView) Products(gtin gs1.GTIN) ([]*trace.Event, error) {
	products, err := v.n.products(gtin, nil)
	return append(products, v.door.products[gtin]...), err
}

// About implements trace.OwnView.
func (v ownView) About(gtin gs1.GTIN) ([]*trace.Event, error) {
	ours, err := v.n.authorityCut(gtin, nil)
	if err != nil {
		return nil, err
	}
	positions, err := v.n.index.Naming(trace.Product(gtin), ours)
	if err != nil {
		return nil, err
	}
	events, err := v.load(positions)
	return append(events, v.door.about[gtin]...), err
}

// Run implements trace.OwnView.
func (v ownView) Run(gtin gs1.GTIN, run uint16) (*trace.Event, error) {
	if e, err := v.n.firstRun(gtin, run, nil, v.event); err != nil || e != nil {
		return e, err
	}
	return v.door.issued[runKey{gtin, run}], nil
}

// Charters implements trace.OwnView.
func (v ownView) Charters() ([]*ledger.Charter, error) {
	own, err := v.n.ownCharter()
	if err != nil {
		return nil, err
	}
	var list []*ledger.Charter
	for _, x := range v.n.Network().Versions() {
		if x.Charter.Version <= own.Version {
			list = append(list, x.Charter)
		}
	}
	return list, nil
}

// Registered implements trace.OwnView.
func (v ownView) Registered(kind ledger.Kind, slug string) (bool, error) {
	list, err := v.registered(kind, slug)
	if err != nil || len(list) > 0 {
		return len(list) > 0, err
	}
	return len(v.door.registered[registration{kind, slug}]) > 0, nil
}

// Registrations implements trace.OwnView.
func (v ownView) Registrations(kind ledger.Kind, slug string) ([]*trace.Event, error) {
	list, err := v.registered(kind, slug)
	if err != nil {
		return nil, err
	}
	events, err := v.load(list)
	return append(events, v.door.registered[registration{kind, slug}]...), err
}

// registered returns where the member's stored records say what a place or party is.
func (v ownView) registered(kind ledger.Kind, slug string) ([]trace.Position, error) {
	find := v.n.index.Place
	if kind == ledger.KindParty {
		find = v.n.index.Party
	}
	return find(v.n.member.Member, slug, nil)
}

// Record implements trace.OwnView.
func (v ownView) Record(id ledger.Hash) (*trace.Event, error) {
	if e := v.door.byID[id]; e != nil {
		return e, nil
	}
	return v.n.ownRecord(id)
}

// Stored implements trace.OwnView.
func (v ownView) Stored(id ledger.Hash) (*trace.Stored, error) { return v.n.stored(id) }

// ownRecord returns the event in a stored record of this member, nil if there is
// none.
func (n *Node) ownRecord(id ledger.Hash) (*trace.Event, error) {
	chain, seq, ok, err := n.store.Find(id)
	if err != nil || !ok || n.Network().MemberOf(chain) != n.member.Member {
		return nil, err
	}
	return n.event(trace.Position{Chain: chain, Seq: seq})
}

// Entry implements trace.OwnView.
func (v ownView) Entry(leaf ledger.Hash) (*trace.Event, error) {
	pos, ok, err := v.n.index.Entry(leaf, nil)
	if err != nil || !ok {
		return nil, err
	}
	return v.event(pos)
}

// load reads the events at positions, leaving out those that are no event.
func (v ownView) load(positions []trace.Position) ([]*trace.Event, error) {
	return appendEvents(nil, positions, v.event)
}

// event reads one stored event, nil if there is none at the position.
func (v ownView) event(pos trace.Position) (*trace.Event, error) {
	if e, ok := v.door.recall(pos); ok {
		return e, nil
	}
	e, err := v.n.event(pos)
	if err == nil && e != nil {
		v.door.remember(e)
	}
	return e, err
}

// appliedBatch puts what was just appended into the index, before the next
// batch is admitted.
func (n *Node) appliedBatch(first uint64, count int) {
	events := make([]*trace.Event, count)
	for _, e := range n.door.admitted {
		if e.Seq >= first && e.Seq < first+uint64(count) {
			events[e.Seq-first] = e
		}
	}
	if err := n.indexOwn(first, events); err != nil {
		// The log is the truth; the index is brought up to it before the node
		// answers again, and at the latest when it is opened.
		n.log.Error("own entries not indexed", "seq", first, "n", count, "err", err)
	}
}

func (n *Node) indexOwn(first uint64, events []*trace.Event) error {
	for _, e := range events {
		if e != nil {
			n.door.remember(e)
			n.forgetAtDoor(e)
		}
	}
	n.indexing.Lock()
	defer n.indexing.Unlock()
	return n.index.Apply(n.chain, first, events)
}
