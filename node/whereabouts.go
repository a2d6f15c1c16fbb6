package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	keep "suyuan/node/scan"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
	"suyuan/trace/scan"
	"suyuan/trace/stock"
)

const (
	// maxScanned bounds the first scans of codes, by each node, that are held against
	// shipments, some 150 bytes each. Of a national brand's codes few are looked up
	// before they have been for long in the hands of a consumer.
	maxScanned = 1 << 18

	// maxLocated bounds the codes that are remembered with where they were found, or
	// that they are in none of the packs that were asked, some 100 bytes each: those
	// of all first scans, and as many of earlier ones.
	maxLocated = 2 * maxScanned

	// maxLocating bounds the packs that are asked for a code in one question: a
	// second or two. The next question goes on.
	maxLocating = 1 << 20

	// packsPerEvent is how many packs are asked for a code in about the time in which
	// one event is folded.
	packsPerEvent = 16

	// scannedFor is how long the scans that were gone through are good for. Who
	// watches for goods that stray does so by the day.
	scannedFor = time.Minute
)

// uncountedScans says that not all scans were held against the records yet.
const uncountedScans = "scans"

// whereabouts keeps where codes were first looked up, and which codes those are: scans
// are kept under a hash, to which only the packs know the code. The packs asked are
// those of all who ask, so that they do not undo each other's work.
type whereabouts struct {
	mu    sync.Mutex
	at    time.Time   // when the scans were read
	runs  []index.Run // whose packs are asked
	codes *lru.Cache[scan.Key, located]
	left  map[sightID]firstScan // of the scans that were read, whose codes are not located yet
	list  []firstSight          // of the others
	whole bool                  // all scans were read
}

// A located is a code of a run, or of none of the first so many that are asked.
type located struct {
	run   index.Run
	index uint32
	found bool
	asked int
}

// A firstSight is the first scan of a code in a cycle that a node counted, where its
// place is known.
type firstSight struct {
	located
	node   uint32
	first  int64
	region string
}

// addScansOutside adds to the findings of now the shipments whose codes were looked
// up outside the territory of whom they were sent to. It reports whether all scans
// were taken in.
func (n *Node) addScansOutside(ctx context.Context, t *turn, all stock.Troubles, tallies []*stock.Tally, viewer trace.Viewer) (whole bool, err error) {
	s := n.scans.Load()
	if s == nil {
		return true, nil
	}
	watched, appoints, err := n.watched(tallies, t.cut)
	if err != nil || len(watched) == 0 {
		return true, err
	}
	c := s.counter()
	newest, err := n.newestWithin(t.cut)
	if c == nil || err != nil || newest == nil {
		return true, err
	}
	list, whole, err := n.seen.of(ctx, t, s, c, watched)
	if err != nil {
		return false, err
	}
	b := &strays{n: n, member: n.Network().MemberOf, shipments: make(map[trace.Position]*stray)}
	for i := range list {
		if err := b.add(watched[list[i].run], &list[i]); err != nil {
			return false, err
		}
	}
	for _, at := range slices.SortedFunc(maps.Keys(b.shipments), trace.Position.Compare) {
		x := b.shipments[at]
		if x.shipment == nil {
			continue
		}
		var found []stock.Finding
		for _, f := range trace.ScansOutside(newest, x.shipment, x.sightings(), appoints) {
			found = append(found, stock.Finding{Finding: f, By: stock.RecordOf(x.shipment)})
		}
		all.Add(naming(found, viewer.Party), x.first, 0)
	}
	return whole, nil
}

// watched returns the tallies of runs of products some dealer of which has a
// territory, and the appointments that say so.
func (n *Node) watched(tallies []*stock.Tally, cut map[uint32]uint64) (map[index.Run]*stock.Tally, []*trace.Event, error) {
	watched := make(map[index.Run]*stock.Tally)
	asked := make(map[gs1.GTIN]bool) // whether it has territories
	var appoints []*trace.Event
	for _, t := range tallies {
		gtin := t.Run.GTIN
		if gtin.IsZero() {
			continue // units
		}
		has, known := asked[gtin]
		if !known {
			list, err := n.territories(gtin, cut)
			if err != nil {
				return nil, nil, err
			}
			has = slices.ContainsFunc(list, func(e *trace.Event) bool { return len(e.Fields.Texts("territory")) > 0 })
			asked[gtin], appoints = has, append(appoints, list...)
		}
		if has {
			watched[index.Run{GTIN: gtin, Number: t.Run.Run}] = t
		}
	}
	return watched, appoints, nil
}

// territories returns the appointments for a product that count.
func (n *Node) territories(gtin gs1.GTIN, cut map[uint32]uint64) ([]*trace.Event, error) {
	ours, err := n.authorityCut(gtin, cut)
	if err != nil {
		return nil, err
	}
	at, err := n.index.Naming(trace.Product(gtin), ours)
	if err != nil && !errors.Is(err, index.ErrTooMany) {
		return nil, err
	}
	events, err := n.load(nil, at)
	if err != nil {
		return nil, err
	}
	return trace.Appointments(events), nil
}

// strays gathers first scans by the shipment that brought the goods to where the
// records have them last. Nodes speak for themselves, and one that lies must not hide
// what others saw: of each code it counts the first scan since the shipment, and what
// nodes of the company that received it say only where no other has seen the code.
type strays struct {
	n         *Node
	member    func(node uint32) string
	shipments map[trace.Position]*stray
}

type stray struct {
	shipment *trace.Event // nil if it cannot be read
	to       string       // the member that received it, or hosts who did
	first    trace.Item
	seen     map[runIndex]sight
}

// A runIndex names a code.
type runIndex struct {
	run   index.Run
	index uint32
}

// A sight is where a code was first looked up, by somebody's word.
type sight struct {
	firstSight
	ownWord bool // of the company that received the code
}

// add notes the first scan of a code that has arrived somewhere before.
func (b *strays) add(t *stock.Tally, x *firstSight) error {
	cell := t.At(x.index)
	if cell == nil || len(cell.Legs) == 0 {
		return nil
	}
	last := cell.Legs[len(cell.Legs)-1]
	if last.End != trace.EndReceived {
		return nil
	}
	s := b.shipments[last.Shipment]
	if s == nil {
		e, err := b.n.event(last.Shipment)
		if err != nil {
			return err
		}
		s = &stray{shipment: e, first: trace.Code(x.run.GTIN, x.run.Number, x.index), seen: make(map[runIndex]sight)}
		if e != nil {
			s.to, _, _ = strings.Cut(e.Fields.Text("to"), "/")
		}
		b.shipments[last.Shipment] = s
	}
	if s.shipment != nil && x.first >= s.shipment.At {
		s.see(sight{*x, b.member(x.node) == s.to})
	}
	return nil
}

// see takes a sight for a better one of its code.
func (s *stray) see(x sight) {
	code := runIndex{x.run, x.index}
	if old, ok := s.seen[code]; !ok || compareSights(x, old) < 0 {
		s.seen[code] = x
	}
}

// compareSights puts first what others say, then what was earlier.
func compareSights(a, b sight) int {
	switch {
	case a.ownWord != b.ownWord && a.ownWord:
		return 1
	case a.ownWord != b.ownWord:
		return -1
	}
	return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.node, b.node), cmp.Compare(a.region, b.region))
}

// sightings returns what is held against territories, in the order of the codes.
func (s *stray) sightings() []trace.Sighting {
	codes := slices.SortedFunc(maps.Keys(s.seen), func(a, b runIndex) int {
		return cmp.Or(compareRuns(a.run, b.run), cmp.Compare(a.index, b.index))
	})
	list := make([]trace.Sighting, len(codes))
	for i, code := range codes {
		list[i] = trace.Sighting{GTIN: code.run.GTIN, Region: s.seen[code].region}
	}
	return list
}

func compareRuns(a, b index.Run) int {
	return cmp.Or(cmp.Compare(a.GTIN.Uint64(), b.GTIN.Uint64()), cmp.Compare(a.Number, b.Number))
}

// of returns where codes of some runs were first looked up, and whether these are all.
// Where the turn is over before, the next one goes on from there.
func (g *whereabouts) of(ctx context.Context, t *turn, s *Scans, c *counter, watched map[index.Run]*stock.Tally) ([]firstSight, bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	packs, more, err := g.packs(ctx, s.node, watched)
	if err != nil {
		return nil, false, err
	}
	if more || s.node.now().Sub(g.at) >= scannedFor {
		if err := g.read(ctx, t, s, c); err != nil {
			return nil, false, err
		}
	}
	for _, p := range packs[len(g.runs):] {
		g.runs = append(g.runs, p.run)
	}
	if err := g.locateLeft(ctx, t, packs); err != nil {
		return nil, false, err
	}
	var list []firstSight
	for _, x := range g.list {
		if watched[x.run] != nil {
			list = append(list, x)
		}
	}
	return list, g.whole && len(g.left) == 0, nil
}

// packs opens the packs of the runs that are asked already, in their order, with nil
// for those that are not here just now, then those of runs that are watched besides.
func (g *whereabouts) packs(ctx context.Context, n *Node, watched map[index.Run]*stock.Tally) (packs []runPack, more bool, err error) {
	added := maps.Clone(watched)
	for _, run := range g.runs {
		delete(added, run)
	}
	runs := slices.SortedFunc(maps.Keys(added), compareRuns)
	fresh, err := n.packsOf(ctx, runs)
	if err != nil {
		return nil, false, err
	}
	old, err := n.packsOf(ctx, g.runs)
	if err != nil {
		return nil, false, err
	}
	for _, run := range g.runs {
		p := runPack{run: run}
		if len(old) > 0 && old[0].run == run {
			p, old = old[0], old[1:]
		}
		packs = append(packs, p)
	}
	return append(packs, fresh...), len(fresh) > 0, nil
}

// read reads all scans, in a turn of which something is left.
func (g *whereabouts) read(ctx context.Context, t *turn, s *Scans, c *counter) error {
	if err := t.over(); err != nil {
		return err
	}
	if g.codes == nil {
		codes, err := lru.New[scan.Key, located](maxLocated)
		if err != nil {
			return fmt.Errorf("keep scanned codes: %w", err)
		}
		g.codes = codes
	}
	firsts, whole, err := firstScans(ctx, s, c)
	if err != nil {
		return err
	}
	g.left, g.whole, g.list, g.at = firsts, whole, nil, s.node.now()
	t.spent(1 + len(firsts)/packsPerEvent)
	return nil
}

// locateLeft asks the packs for the codes that are left, as many as one question may.
func (g *whereabouts) locateLeft(ctx context.Context, t *turn, packs []runPack) error {
	asked := 0
	for id, f := range g.left {
		x, _ := g.codes.Get(id.item)
		if rest := packs[x.asked:]; !x.found && len(rest) > 0 {
			if asked > maxLocating {
				continue
			}
			if err := cmp.Or(ctx.Err(), t.over()); err != nil {
				return err
			}
			var err error
			if x, err = locate(rest, id.item); err != nil {
				return err
			}
			x.asked = len(packs)
			g.codes.Add(id.item, x)
			asked += len(rest)
			t.spent(1 + len(rest)/packsPerEvent)
		}
		if delete(g.left, id); x.found {
			g.list = append(g.list, firstSight{x, id.node, f.at, f.region})
		}
	}
	return nil
}

// A sightID names what one node counted of a code in a cycle.
type sightID struct {
	item  scan.Key
	cycle uint16
	node  uint32
}

type firstScan struct {
	at     int64
	region string
}

// firstScans returns of each code and cycle, and each node of the charter, the first
// scan that the node counted, where its place is known.
func firstScans(ctx context.Context, s *Scans, c *counter) (firsts map[sightID]firstScan, whole bool, err error) {
	firsts, whole = make(map[sightID]firstScan), true
	err = c.Firsts(ctx, s.node.chain, func(item scan.Key, cycle uint16, x scan.Share) {
		region := trace.RegionOf(x.Place.Country, trace.Names{Zh: x.Place.Zh, En: x.Place.En})
		switch {
		case region == "", x.Node != s.node.chain && !s.counts(x.Node):
		case len(firsts) == maxScanned:
			whole = false
		default:
			firsts[sightID{item, cycle, x.Node}] = firstScan{x.First, region}
		}
	})
	if errors.Is(err, keep.ErrClosed) {
		return nil, true, nil
	}
	return firsts, whole, err
}

// A runPack is a pack with its run.
type runPack struct {
	run  index.Run
	pack *code.Pack
}

// packsOf opens the packs of runs that are here and good: codes of others cannot be
// named.
func (n *Node) packsOf(ctx context.Context, runs []index.Run) ([]runPack, error) {
	var list []runPack
	for _, run := range runs {
		record, err := n.runOf(run.GTIN, run.Number, nil)
		if err != nil {
			return nil, err
		}
		if record == nil {
			continue
		}
		prover, err := n.packs.get(ctx, record.Fields.Hash("pack"), record.Fields.Hash("root"))
		if err == nil {
			list = append(list, runPack{run, prover.Pack()})
		}
	}
	return list, ctx.Err()
}

// locate finds the code with a hash in those packs that are here.
func locate(packs []runPack, item scan.Key) (located, error) {
	for _, p := range packs {
		if p.pack == nil {
			continue
		}
		at, found, err := p.pack.Lookup(code.Hash(item))
		if err != nil {
			return located{}, fmt.Errorf("look a scanned code up in run %d of %s: %w", p.run.Number, p.run.GTIN, err)
		}
		if found {
			return located{run: p.run, index: at, found: true}, nil
		}
	}
	return located{}, nil
}
