package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
)

// Answer says what is known of whatever a link names, as far as a member may
// know it, "" being the public. A code that was never issued, or is not known,
// is an answer; errors are those of resolve.
func (n *Node) Answer(ctx context.Context, uri, member string) (*trace.Answer, error) {
	return n.AnswerTo(ctx, uri, trace.Viewer{Member: member})
}

// AnswerTo is Answer for anybody. Whether the viewer presents a code follows from
// the link.
func (n *Node) AnswerTo(ctx context.Context, uri string, viewer trace.Viewer) (*trace.Answer, error) {
	k, err := n.Know(ctx, uri, viewer)
	if err != nil {
		return nil, err
	}
	return k.Answer, nil
}

// Know is AnswerTo with what a page shows beside an answer.
func (n *Node) Know(ctx context.Context, uri string, viewer trace.Viewer) (*Known, error) {
	cut, err := n.finalCut()
	if err != nil {
		return nil, err
	}
	t, err := n.lookUp(ctx, uri, cut)
	if err != nil {
		return nil, err
	}
	r := t.what
	viewer.Code = r.Serial != "" || r.Item.Kind == trace.ItemSSCC
	now, findings := trace.NowOf(t.Trail, n.now())
	now.Findings = t.Words(findings, viewer)
	view, err := t.view(viewer)
	if err != nil {
		return nil, err
	}
	a := &trace.Answer{URI: uri, Verdict: t.Verdict, Trail: view, Pending: []trace.EventView{}, Assurance: n.assurance(t.Trail), Now: now}
	if now.Expired {
		a.Verdict = trace.Worse(a.Verdict, trace.Warn)
	}
	events, err := n.pending(r, cut)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		a.Pending = append(a.Pending, t.View(e, viewer))
	}
	// A recall or hold must not wait for a quorum.
	urgent := t.PendingFindings(events)
	a.Now.Findings = append(a.Now.Findings, t.Words(urgent, viewer)...)
	a.Verdict = trace.Worse(a.Verdict, trace.VerdictOf(urgent))
	return &Known{Answer: a, node: n, cut: cut, item: r, trail: t.from}, nil
}

// finalCut returns the final size of every chain, closed under the frontiers
// inside: what the entries within it had seen is within it too.
func (n *Node) finalCut() (map[uint32]uint64, error) {
	final := n.store.FinalSizes()
	cut := make(map[uint32]uint64)
	for _, c := range n.Network().Chains() {
		cut[c] = final[c]
	}
	if known := n.cuts.of(cut); known != nil {
		return known, nil
	}
	closed, err := n.closed(maps.Clone(cut))
	if err == nil {
		n.cuts.keep(cut, closed)
	}
	return closed, err
}

// closed makes a cut smaller, until what the entries within it had seen is within
// it too. The cut names every chain.
func (n *Node) closed(cut map[uint32]uint64) (map[uint32]uint64, error) {
	chains := slices.Sorted(maps.Keys(cut))
	// A node may have got a quorum checkpoint before that of a chain which its
	// entries had seen. The cut only shrinks, so that this ends.
	for shrunk := true; shrunk; {
		shrunk = false
		for _, c := range chains {
			size, err := n.closedSize(c, cut)
			if err != nil {
				return nil, err
			}
			shrunk = shrunk || size < cut[c]
			cut[c] = size
		}
	}
	return cut, nil
}

// closedSize returns the longest prefix of a chain, up to its cut, whose
// entries had seen nothing beyond the cut.
func (n *Node) closedSize(chain uint32, cut map[uint32]uint64) (uint64, error) {
	size := cut[chain]
	for about, limit := range cut {
		if about == chain {
			continue
		}
		// What the entries below a size had seen grows with the size: look for
		// the largest that fits, the whole prefix first, as it nearly always does.
		low, high := uint64(0), size
		for mid := high; low < high; mid = (low + high + 1) / 2 {
			seen, err := n.store.FrontierAt(chain, mid-1, about)
			if err != nil {
				return 0, fmt.Errorf("frontier of chain %d: %w", chain, err)
			}
			if seen <= limit {
				low = mid
			} else {
				high = mid - 1
			}
		}
		size = low
	}
	return size, nil
}

// fold gathers the events about what was resolved and makes their trail.
func (n *Node) fold(r *resolved, cut map[uint32]uint64) (*trace.Trail, error) {
	g, err := n.gatherFirst(r, cut)
	if err != nil {
		return nil, err
	}
	return n.foldFrom(r, cut, g)
}

// gathered are the events of which a trail is made.
type gathered struct {
	events  []*trace.Event
	whole   bool // they are all that there are
	reading *reading
}

// foldFrom is fold with what gatherFirst gave, to which it adds the rest.
func (n *Node) foldFrom(r *resolved, cut map[uint32]uint64, g *gathered) (*trace.Trail, error) {
	if err := n.gatherRest(r, cut, g); err != nil {
		return nil, err
	}
	f, err := n.folding(cut)
	if err != nil {
		return nil, err
	}
	f.Item, f.URI, f.Serial, f.Absent, f.BadPack, f.Events = n.itemOf(r), r.URI, r.Serial, r.neverIssued(), r.BadPack, g.events
	t := trace.Fold(f.Input)
	if !g.whole {
		var members []string
		for chain := range g.reading.lost {
			members = append(members, n.Network().MemberOf(chain))
		}
		t.LeaveOut(members)
	}
	return t, f.err
}

// A folding is what all trails at one cut have in common. It is for one goroutine.
type folding struct {
	trace.Input
	err error // what could not be read while something was folded
}

func (n *Node) folding(cut map[uint32]uint64) (*folding, error) {
	f := &folding{Input: trace.Input{AsOf: cut, Revoked: n.revocations(cut)}}
	f.Known = func(leaf ledger.Hash) bool {
		_, ok, err := n.index.Entry(leaf, cut)
		if err != nil {
			f.err = err
		}
		return ok
	}
	f.Seen = func(pos trace.Position, chain uint32) uint64 {
		size, err := n.store.FrontierAt(pos.Chain, pos.Seq, chain)
		if err != nil {
			f.err = fmt.Errorf("frontier of chain %d: %w", pos.Chain, err)
		}
		return size
	}
	var err error
	if f.Charters, err = n.chartersWithin(cut); err != nil {
		return nil, err
	}
	f.Bracket, err = n.brackets(cut, f.Charters, &f.err)
	return f, err
}

// revocations returns a look-up of where the right of a signer ended on a chain,
// within the cut.
func (n *Node) revocations(cut map[uint32]uint64) func(uint32, ledger.Address) (uint64, bool) {
	rights := make(map[uint32]ledger.Rights)
	return func(chain uint32, signer ledger.Address) (uint64, bool) {
		r, ok := rights[chain]
		if !ok {
			c, err := n.store.Chain(chain)
			if err != nil {
				return 0, false // no charter has it: none of its events is here either
			}
			r = c.Rights()
			rights[chain] = r
		}
		ended, revoked := uint64(0), false
		for _, g := range r.Granted(signer) {
			if g.Seq >= cut[chain] {
				continue
			}
			if g.Until == 0 || g.Until >= cut[chain] {
				return 0, false // it may still sign
			}
			ended, revoked = max(ended, g.Until), true
		}
		return ended, revoked
	}
}

// chartersWithin returns the charter versions up to the newest that a charter
// entry within the cut puts in force: what other nodes with the same entries
// return, whatever newer versions they hold.
func (n *Node) chartersWithin(cut map[uint32]uint64) ([]*ledger.Charter, error) {
	versions := n.Network().Versions()
	newest := uint64(1)
	for chain, size := range cut {
		if len(versions) == 1 {
			break
		}
		c, err := n.store.Chain(chain)
		if err != nil {
			return nil, err
		}
		at, ok := c.CharterEntry(size)
		if !ok {
			continue
		}
		raw, err := n.store.Entry(chain, at)
		if err != nil {
			return nil, err
		}
		o, err := ledger.ReadEntry(raw)
		if err != nil {
			return nil, err
		}
		newest = max(newest, o.Charter.Version)
	}
	var charters []*ledger.Charter
	for _, v := range versions[:newest] {
		charters = append(charters, v.Charter)
	}
	return charters, nil
}

// itemOf is the item that a trail is about: for a code that was not found, one
// that has the product and run only.
func (n *Node) itemOf(r *resolved) trace.Item {
	if r.Item.Kind != 0 {
		return r.Item
	}
	return trace.Code(r.GTIN, r.RunNumber, 0)
}

// gatherFirst reads the events that name what the trail is about, or a unit around
// it, within a cut; nil cuts nothing off.
func (n *Node) gatherFirst(found *resolved, cut map[uint32]uint64) (*gathered, error) {
	r := n.newReading()
	positions, err := n.positions(found, cut)
	if errors.Is(err, index.ErrTooMany) {
		r.lose(err)
		err = nil
	}
	if err != nil {
		return nil, lookUpRefusal(err)
	}
	events, err := r.load(positions)
	return &gathered{events, r.whole, r}, err
}

// gatherRest adds the events about what went into the item, and the records of
// places and parties that all these name.
func (n *Node) gatherRest(found *resolved, cut map[uint32]uint64, g *gathered) (err error) {
	about := func(i trace.Item) ([]*trace.Event, error) { return g.reading.about(i, cut) }
	if g.events, err = trace.WithSources(found.Item, g.events, about); err != nil {
		return err
	}
	places, err := n.places(g.events, cut)
	if err != nil {
		return err
	}
	parties, err := n.parties(g.events, cut)
	if err != nil {
		return err
	}
	g.events, err = n.load(g.events, append(places, parties...))
	g.whole = g.whole && g.reading.whole
	return err
}

// positions returns where the events stand that a trail may depend on. What is
// left out where there are too many is the same on every node with the same cut; the
// error, which comes with the others, says so.
func (n *Node) positions(r *resolved, cut map[uint32]uint64) ([]trace.Position, error) {
	if r.Item.Kind == 0 {
		return n.productPositions(r, cut)
	}
	return n.index.Gather(r.Item, cut)
}

// lookUpRefusal gives errors of look-ups in the index that the caller can do
// something about a code: wait, or ask for less. The error itself stays within.
func lookUpRefusal(err error) error {
	var told *Refusal
	switch {
	case errors.As(err, &told):
		return err
	case errors.Is(err, index.ErrBehind):
		return &Refusal{code: "not-ready", status: 503, text: "this node is still reading what has arrived", err: err}
	case errors.Is(err, index.ErrTooMany):
		return &Refusal{code: "too-many-events", status: 413, text: "more records tell of it than are read for one question", err: err}
	}
	return err
}

// productPositions is positions for a code that was not found.
func (n *Node) productPositions(r *resolved, cut map[uint32]uint64) ([]trace.Position, error) {
	ours, err := n.authorityCut(r.GTIN, cut)
	if err != nil {
		return nil, err
	}
	products, err := n.index.Naming(trace.Product(r.GTIN), ours)
	if err != nil {
		return nil, err
	}
	runs, err := n.index.Run(r.GTIN, r.RunNumber, ours)
	return append(products, runs...), err
}

// load reads the events at positions, leaving out those that are no event.
func (n *Node) load(events []*trace.Event, positions []trace.Position) ([]*trace.Event, error) {
	return appendEvents(events, positions, n.event)
}

// appendEvents appends what is read at positions, without those at which nothing is
// told of goods.
func appendEvents(events []*trace.Event, positions []trace.Position, read func(trace.Position) (*trace.Event, error)) ([]*trace.Event, error) {
	for _, pos := range positions {
		e, err := read(pos)
		if err != nil {
			return nil, err
		}
		if e != nil {
			events = append(events, e)
		}
	}
	return events, nil
}

// products returns the product records of a GTIN that count: those of the member
// to which the charter gives it.
func (n *Node) products(gtin gs1.GTIN, cut map[uint32]uint64) ([]*trace.Event, error) {
	ours, err := n.authorityCut(gtin, cut)
	if err != nil {
		return nil, err
	}
	positions, err := n.index.Naming(trace.Product(gtin), ours)
	if err != nil {
		return nil, lookUpRefusal(err)
	}
	events, err := n.load(nil, positions)
	return slices.DeleteFunc(events, func(e *trace.Event) bool { return e.Kind != ledger.KindProduct }), err
}

// places returns the positions of the records of places where events happened.
func (n *Node) places(events []*trace.Event, cut map[uint32]uint64) ([]trace.Position, error) {
	var names []string
	for _, e := range events {
		names = append(names, e.PlaceName())
	}
	return lookUpAll(names, cut, n.place)
}

// parties returns the positions of the records of parties that events name.
func (n *Node) parties(events []*trace.Event, cut map[uint32]uint64) ([]trace.Position, error) {
	names := make(map[string]bool) // most are those of many events
	for _, e := range events {
		names[e.Actor()] = true
		for _, field := range []string{"to", "from", "via", "producer"} {
			if name := e.Fields.Text(field); name != "" {
				names[name] = true
			}
		}
	}
	return lookUpAll(slices.Collect(maps.Keys(names)), cut, n.party)
}

// lookUpAll looks up each name of the form <member>/<slug> once and returns the
// newest record of it on each chain. A name with more records than a look-up
// reads stays a bare name.
func lookUpAll(names []string, cut map[uint32]uint64, find func(member, slug string, cut map[uint32]uint64) ([]trace.Position, error)) ([]trace.Position, error) {
	var out []trace.Position
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		member, slug, ok := strings.Cut(name, "/")
		if !ok {
			continue
		}
		list, err := find(member, slug, cut)
		if errors.Is(err, index.ErrTooMany) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for i, pos := range list {
			if i+1 == len(list) || list[i+1].Chain != pos.Chain {
				out = append(out, pos)
			}
		}
	}
	return out, nil
}

// assurance says how many members have stored the chains on which a trail's
// events stand.
func (n *Node) assurance(t *trace.Trail) []trace.Assurance {
	net := n.Network()
	c := net.Newest().Charter
	var chains []uint32
	for _, e := range t.Events {
		if !slices.Contains(chains, e.Chain) {
			chains = append(chains, e.Chain)
		}
	}
	slices.Sort(chains)
	list := []trace.Assurance{}
	for _, number := range chains {
		a := trace.Assurance{
			Chain: ledger.ChainName(net.MemberOf(number), number), Of: len(c.Cosigners), Quorum: c.Quorum(),
			Members: []string{}, Forked: n.store.Forked(number),
		}
		if cp := n.store.Final(number); cp != nil {
			a.Size, a.Cosigned, a.Members = cp.Size, len(cp.Cosigners), cp.Cosigners
		}
		list = append(list, a)
	}
	return list
}

// pending returns the events about the item that are stored here and not final,
// by time.
func (n *Node) pending(r *resolved, cut map[uint32]uint64) ([]*trace.Event, error) {
	for chain, stored := range n.index.Applied() {
		if stored > cut[chain] {
			return n.pendingBeyond(r, cut)
		}
	}
	return nil, nil // all is final, as it nearly always is
}

func (n *Node) pendingBeyond(r *resolved, cut map[uint32]uint64) ([]*trace.Event, error) {
	positions, err := n.positions(r, nil)
	if err != nil && !errors.Is(err, index.ErrTooMany) {
		return nil, lookUpRefusal(err)
	}
	var later []trace.Position
	for _, pos := range positions {
		if pos.Seq >= cut[pos.Chain] {
			later = append(later, pos)
		}
	}
	events, err := n.newReading().load(later)
	slices.SortFunc(events, func(a, b *trace.Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), a.Position.Compare(b.Position))
	})
	return events, err
}
