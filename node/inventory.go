package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
	"suyuan/trace/stock"
)

// Limits of counting.
const (
	// maxBookCells bounds the outcomes that are kept from one question to the next,
	// and with it those of one question: some 600 bytes each. Runs whose items were
	// sold one by one have most: ten of them, with a hundred thousand sales each,
	// have room.
	maxBookCells = 1 << 20

	// recountAfter is how long a run whose records cut it into too many pieces is not
	// tried again: finding that out takes seconds.
	recountAfter = 10 * time.Minute

	// maxCatchUp bounds the new entries that are read to see which runs they
	// touch, some 20 µs each; beyond it everything is counted anew.
	maxCatchUp = 100_000

	// countedEvents is how many decoded events are kept while counting, and
	// countedSubjects up to how many subjects such an event may have.
	countedEvents   = 8_192
	countedSubjects = 64
)

// books keeps what was counted. One question is counted at a time: all others
// wait, and mostly find that the work is done.
type books struct {
	busy   chan struct{} // holds one token for whoever counts
	final  *book         // guarded by busy, as all that follows
	past   *book         // at the past cut that was asked about last
	recent *simplelru.LRU[trace.Position, *trace.Event]
}

func newBooks() *books {
	recent, err := simplelru.NewLRU[trace.Position, *trace.Event](countedEvents, nil)
	if err != nil {
		panic(fmt.Sprintf("node: %v", err)) // the size is a positive constant
	}
	return &books{busy: make(chan struct{}, 1), recent: recent}
}

// take waits for its turn to count.
func (b *books) take(ctx context.Context) (release func(), err error) {
	select {
	case b.busy <- struct{}{}:
		return func() { <-b.busy }, nil
	case <-ctx.Done():
		return nil, stillCounting(ctx.Err())
	}
}

// A book is the runs that were counted at one cut.
type book struct {
	cut      map[uint32]uint64
	accounts map[index.Run]*account
	cells    int     // of all accounts
	units    account // the logistic units
	lots     stock.Memo
	compared map[trace.Position]*comparison // by shipment
}

// An account is one run.
type account struct {
	tally *stock.Tally // nil, or of an earlier cut, if stale
	memo  stock.Memo   // also what was folded by a count that was broken off
	stale bool
	again time.Time // not to be tried before: it has too many pieces
}

func newBook(cut map[uint32]uint64) *book {
	return &book{cut: cut, accounts: make(map[index.Run]*account), units: account{memo: make(stock.Memo)}, lots: make(stock.Memo), compared: make(map[trace.Position]*comparison)}
}

// Inventory answers a question about items. The work depends on the records that
// are new since the last question and on the runs that they touch; the first
// question reads everything. Where that takes longer than ctx allows, the Refusal
// has code still-counting, and the next question goes on from there.
func (n *Node) Inventory(ctx context.Context, q stock.Question) (*stock.Inventory, error) {
	if err := q.Check(); err != nil {
		return nil, questionRefusal(err)
	}
	now := n.now().UnixMilli()
	groups := stock.NewGroups(q.By)
	if q.Moves {
		groups = stock.NewMoveGroups(q.By)
	}
	filter := stock.Filter{Values: q.Values, Party: q.Party, Now: cmp.Or(q.Time, now)}
	release, err := n.books.take(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	cut, uncounted, err := n.count(ctx, &q, func(t *stock.Tally) { groups.Add(t, filter) })
	if err != nil {
		return nil, err
	}
	a := &stock.Inventory{AsOf: n.asOf(cut), Time: stock.Time(filter.Now), Uncounted: uncounted}
	if err := groups.Answer(&q, a); err != nil {
		return nil, questionRefusal(err)
	}
	a.Names, err = n.namesIn(a, cut)
	return a, err
}

// Prints says of each run, of some products or all, where its codes are.
func (n *Node) Prints(ctx context.Context, q stock.Question) (*stock.Prints, error) {
	p := &stock.Prints{Runs: []stock.PrintRun{}}
	names := map[gs1.GTIN]bool{}
	release, err := n.books.take(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	cut, uncounted, err := n.count(ctx, &q, func(t *stock.Tally) {
		x := stock.PrintOf(t)
		row := stock.PrintRun{GTIN: t.Run.GTIN.String(), Run: t.Run.Run, Printed: x.Printed, Activated: x.Activated, Void: x.Voided, Open: x.Open}
		switch name := printName(&row); {
		case name <= q.After || p.Next != "":
		case len(p.Runs) == q.Limit:
			p.Next = printName(&p.Runs[len(p.Runs)-1])
		default:
			p.Runs = append(p.Runs, row)
			names[t.Run.GTIN] = true
		}
	})
	if err != nil {
		return nil, err
	}
	p.AsOf, p.Uncounted, p.Names = n.asOf(cut), uncounted, map[string]trace.Names{}
	for gtin := range names {
		if err := n.nameProduct(p.Names, gtin.String(), cut); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// printName orders runs as they are counted.
func printName(r *stock.PrintRun) string { return fmt.Sprintf("%s-%05d", r.GTIN, r.Run) }

func questionRefusal(err error) error {
	if errors.Is(err, stock.ErrQuestion) {
		return &Refusal{code: "bad-question", status: 400, err: err}
	}
	return err
}

// count calls f with the tally of every run that a question is about, ascending
// by GTIN and run, and returns the cut at which they were counted. The caller has
// taken the books.
func (n *Node) count(ctx context.Context, q *stock.Question, f func(*stock.Tally)) (cut map[uint32]uint64, uncounted []string, err error) {
	final, err := n.finalCut()
	if err != nil {
		return nil, nil, err
	}
	if cut, err = n.cutOf(q, final); err != nil {
		return nil, nil, err
	}
	b, err := n.bookAt(ctx, cut, q.Now())
	if err != nil {
		return nil, nil, err
	}
	if q.Units {
		uncounted, err = n.countUnits(ctx, b, f)
	} else {
		uncounted, err = n.countRuns(ctx, b, q, f)
	}
	return cut, uncounted, err
}

// countUnits brings the account of all logistic units up to the book's cut. Those
// that are new have been named by an event, and so touched it.
func (n *Node) countUnits(ctx context.Context, b *book, f func(*stock.Tally)) (uncounted []string, err error) {
	a := &b.units
	if a.tally == nil || a.stale || !a.tally.Lasting() {
		units, err := n.index.Units(b.cut)
		if errors.Is(err, index.ErrTooMany) {
			return []string{"sscc"}, nil
		}
		if err != nil {
			return nil, err
		}
		src, err := n.counted(b.cut)
		if err != nil {
			return nil, err
		}
		t, err := stock.CountUnits(ctx, src, units, a.memo)
		switch {
		case errors.Is(err, stock.ErrTooMany):
			return []string{"sscc"}, nil
		case err != nil && ctx.Err() != nil:
			return nil, stillCounting(ctx.Err())
		case err != nil:
			return nil, err
		}
		a.tally, a.memo, a.stale = t, t.Memo, false
	}
	f(a.tally)
	return []string{}, nil
}

func stillCounting(err error) error {
	return &Refusal{code: "still-counting", status: 503, text: "the records are still being counted; ask again", err: err}
}

// cutOf returns the cut of a question: within what is final, and closed under
// the frontiers inside.
func (n *Node) cutOf(q *stock.Question, final map[uint32]uint64) (map[uint32]uint64, error) {
	switch {
	case q.AsOf != nil:
		return n.cutNamed(q.AsOf, final)
	case q.Time == 0:
		return final, nil
	}
	cut := maps.Clone(final)
	for chain, size := range final {
		var err error
		// Entry times of a chain never go back.
		past := sort.Search(int(size), func(i int) bool {
			at, terr := n.clocks.entryTime(chain, uint64(i))
			err = cmp.Or(err, terr)
			return at > q.Time
		})
		if err != nil {
			return nil, err
		}
		cut[chain] = uint64(past)
	}
	return n.closed(cut)
}

// cutNamed reads the sizes of chains as an earlier answer gave them.
func (n *Node) cutNamed(asOf map[string]uint64, final map[uint32]uint64) (map[uint32]uint64, error) {
	cut := make(map[uint32]uint64, len(final))
	left := len(asOf)
	for chain, size := range final {
		want, named := asOf[ledger.ChainName(n.Network().MemberOf(chain), chain)]
		if named {
			left--
		}
		if want > size {
			return nil, refuse(400, "not-final", "chain %d is final up to %d only", chain, size)
		}
		cut[chain] = want
	}
	if left > 0 {
		return nil, refuse(400, "bad-question", "as_of names a chain that is none of this network")
	}
	return n.closed(cut)
}

// asOf names the chains of a cut.
func (n *Node) asOf(cut map[uint32]uint64) map[string]uint64 {
	named := make(map[string]uint64, len(cut))
	for chain, size := range cut {
		named[ledger.ChainName(n.Network().MemberOf(chain), chain)] = size
	}
	return named
}

// bookAt returns the book at a cut, with accounts that what is new has touched
// marked stale.
func (n *Node) bookAt(ctx context.Context, cut map[uint32]uint64, final bool) (*book, error) {
	if !final {
		if n.books.past == nil || !maps.Equal(n.books.past.cut, cut) {
			n.books.past = newBook(cut)
		}
		return n.books.past, nil
	}
	old := n.books.final
	if old == nil || !within(old.cut, cut) {
		n.books.final = newBook(cut)
		return n.books.final, nil
	}
	if err := n.advance(ctx, old, cut); err != nil {
		return nil, err
	}
	return old, nil
}

// within reports whether a cut has grown into another.
func within(old, cut map[uint32]uint64) bool {
	for chain, size := range old {
		if cut[chain] < size {
			return false
		}
	}
	return true
}

// advance takes a book to a later cut.
func (n *Node) advance(ctx context.Context, b *book, cut map[uint32]uint64) error {
	fresh := uint64(0)
	for chain, size := range cut {
		fresh += size - b.cut[chain]
	}
	if fresh > maxCatchUp {
		*b = *newBook(cut)
		return nil
	}
	for chain, size := range cut {
		if b.cut[chain] == size {
			continue
		}
		if err := n.touch(ctx, b, chain, b.cut[chain], size); err != nil {
			return err
		}
	}
	b.cut = cut
	return nil
}

// touch marks the accounts stale on which entries of a chain bear.
func (n *Node) touch(ctx context.Context, b *book, chain uint32, from, to uint64) error {
	pos := trace.Position{Chain: chain, Seq: from}
	for item, err := range n.store.Entries(chain, from, to) {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		o, err := ledger.ReadEntry(item.Entry)
		if err != nil {
			return fmt.Errorf("entry %d of chain %d: %w", pos.Seq, chain, err)
		}
		if o.Entry.Kind == ledger.EntryCharter || o.Record != nil && (o.Record.Record.Kind == ledger.KindGrant || o.Record.Record.Kind == ledger.KindRevoke) {
			// Whose records count may have changed, and which keys are told of.
			*b = *newBook(b.cut)
			return nil
		}
		e, err := n.decode(pos, item)
		if err != nil {
			return err
		}
		if e == nil {
			pos.Seq++
			continue
		}
		touched := stock.Touched(e)
		for _, a := range b.accounts {
			if !a.stale && a.tally != nil && a.tally.Deps.On(touched) {
				a.stale = true
			}
		}
		b.units.stale = b.units.stale || slices.ContainsFunc(touched, isUnit) || b.units.tally != nil && b.units.tally.Deps.On(touched)
		pos.Seq++
	}
	return nil
}

func isUnit(i trace.Item) bool { return i.Kind == trace.ItemSSCC }

// countRuns brings the accounts of all runs, or of those of some products, up to
// the book's cut.
func (n *Node) countRuns(ctx context.Context, b *book, q *stock.Question, f func(*stock.Tally)) (uncounted []string, err error) {
	runs, err := n.runsAt(q.Values[stock.ByProduct], b.cut)
	if err != nil {
		return nil, err
	}
	if only := q.Values[stock.ByRun]; len(only) > 0 {
		runs = slices.DeleteFunc(runs, func(r index.Run) bool { return !slices.Contains(only, runName(r)) })
	}
	uncounted = []string{}
	var src *counted
	cells := 0
	for _, run := range runs {
		a := b.accounts[run]
		if a == nil {
			a = &account{memo: make(stock.Memo), stale: true}
			b.accounts[run] = a
		}
		if n.now().Before(a.again) {
			uncounted = append(uncounted, runName(run))
			continue
		}
		if a.stale || a.tally != nil && !a.tally.Lasting() {
			if src == nil {
				if src, err = n.counted(b.cut); err != nil {
					return nil, err
				}
			}
			err := n.countRun(ctx, b, run, a, src)
			switch {
			case errors.Is(err, stock.ErrTooMany), errors.Is(err, index.ErrTooMany):
				n.log.Warn("run not counted", "gtin", run.GTIN, "run", run.Number, "err", err)
				b.forget(a)
				a.again = n.now().Add(recountAfter)
				uncounted = append(uncounted, runName(run))
				continue
			case err != nil && ctx.Err() != nil:
				return nil, stillCounting(ctx.Err())
			case err != nil:
				return nil, err
			}
		}
		if a.tally == nil {
			continue
		}
		// Those of this question are kept, so that one that is asked again goes on
		// where it was.
		if cells += len(a.tally.Cells); cells > maxBookCells {
			return nil, refuse(422, "too-many-records", "over %d kinds of history are too many for one question; keep to a product or a run", maxBookCells)
		}
		b.makeRoom(runs)
		f(a.tally)
	}
	return uncounted, nil
}

// runName names a run as figures by run do.
func runName(r index.Run) string { return fmt.Sprintf("%s/%d", r.GTIN, r.Number) }

// makeRoom drops accounts of other runs than those while there are too many cells.
func (b *book) makeRoom(keep []index.Run) {
	if b.cells <= maxBookCells {
		return
	}
	for run, a := range b.accounts {
		if a.tally != nil && !slices.Contains(keep, run) {
			b.forget(a)
			delete(b.accounts, run)
		}
	}
}

// forget drops what was counted of a run.
func (b *book) forget(a *account) {
	if a.tally != nil {
		b.cells -= len(a.tally.Cells)
	}
	a.tally, a.memo, a.stale = nil, make(stock.Memo), true
}

// runsAt returns the runs of which there is a record within a cut, ascending.
func (n *Node) runsAt(products []string, cut map[uint32]uint64) ([]index.Run, error) {
	gtins, err := parseProducts(products)
	if err != nil {
		return nil, err
	}
	var list []index.Run
	for _, gtin := range gtins {
		runs, err := n.index.Runs(gtin, cut)
		if err != nil {
			return nil, err
		}
		list = append(list, runs...)
	}
	return list, nil
}

// parseProducts reads the GTINs of a question, ascending; the zero GTIN alone
// stands for all products.
func parseProducts(products []string) ([]gs1.GTIN, error) {
	if len(products) == 0 {
		return []gs1.GTIN{{}}, nil
	}
	var list []gs1.GTIN
	for _, p := range products {
		gtin, err := gs1.ParseGTIN(p)
		if err != nil {
			return nil, &Refusal{code: "bad-question", status: 400, text: fmt.Sprintf("product %q", p), err: err}
		}
		list = append(list, gtin)
	}
	slices.SortFunc(list, func(a, b gs1.GTIN) int { return cmp.Compare(a.Uint64(), b.Uint64()) })
	return slices.Compact(list), nil
}

// countRun counts one run.
func (n *Node) countRun(ctx context.Context, b *book, run index.Run, a *account, src *counted) error {
	record, err := n.runOf(run.GTIN, run.Number, b.cut)
	if err != nil {
		return err
	}
	if record == nil || record.Fields.Uint("count") == 0 {
		a.tally, a.stale = nil, false // somebody else's record of it, which does not count
		return nil
	}
	codes := trace.Range{GTIN: run.GTIN, Run: run.Number, To: uint32(record.Fields.Uint("count")) - 1}
	t, err := stock.Count(ctx, src, codes, a.memo)
	if err == nil {
		err = src.f.err
	}
	if err != nil {
		return err
	}
	b.forget(a)
	a.tally, a.memo, a.stale = t, t.Memo, false
	b.cells += len(t.Cells)
	return nil
}

// counted is a node at a cut, as package stock reads it.
type counted struct {
	n   *Node
	cut map[uint32]uint64
	f   *folding

	lasting bool // of the trail that is folded: see stock.Source
}

func (n *Node) counted(cut map[uint32]uint64) (*counted, error) {
	f, err := n.folding(cut)
	if err != nil {
		return nil, err
	}
	c := &counted{n: n, cut: cut, f: f}
	known, bracket := f.Known, f.Bracket
	f.Known = func(leaf ledger.Hash) bool {
		ok := known(leaf)
		c.lasting = c.lasting && ok
		return ok
	}
	f.Bracket = func(pos trace.Position) (int64, int64) {
		notBefore, notAfter := bracket(pos)
		c.lasting = c.lasting && notBefore == 0 && notAfter == 0
		return notBefore, notAfter
	}
	return c, nil
}

// Mentions implements stock.Source.
func (c *counted) Mentions(i trace.Item) ([]stock.Mention, error) {
	return c.n.index.Mentions(i, c.cut)
}

// About implements stock.Source. Of more than a look-up takes in, it is what the
// look-up leaves.
func (c *counted) About(i trace.Item) ([]trace.Position, error) {
	if i.Kind == trace.ItemCode {
		return c.n.index.Run(i.GTIN, i.Run, c.cut)
	}
	list, err := c.n.index.Naming(i, c.cut)
	if errors.Is(err, index.ErrTooMany) {
		err = nil
	}
	return list, err
}

// Event implements stock.Source.
func (c *counted) Event(pos trace.Position) (*trace.Event, error) {
	if e, ok := c.n.books.recent.Get(pos); ok {
		return e, nil
	}
	e, err := c.n.event(pos)
	if err == nil && e != nil && len(e.Subjects) <= countedSubjects {
		c.n.books.recent.Add(pos, e)
	}
	return e, err
}

// Fold implements stock.Source. Where there are more events than a trail looks
// at, those are taken that the trail takes.
func (c *counted) Fold(i trace.Item, at []trace.Position) (*trace.Trail, bool, error) {
	c.lasting = true
	if len(at) > index.MaxPositions {
		t, err := c.n.fold(&resolved{Item: i, GTIN: i.GTIN}, c.cut)
		return t, false, err
	}
	c.f.Item, c.f.Events = i, c.f.Events[:0]
	for _, pos := range at {
		e, err := c.Event(pos)
		if err != nil {
			return nil, false, err
		}
		if e != nil {
			c.f.Events = append(c.f.Events, e)
		}
	}
	t := trace.Fold(c.f.Input)
	return t, c.lasting, c.f.err
}

// namesIn names the parties, places, products and regions of an answer.
func (n *Node) namesIn(a *stock.Inventory, cut map[uint32]uint64) (map[string]trace.Names, error) {
	names := make(map[string]trace.Names)
	values := func(dims ...stock.Dim) []string {
		var list []string
		for _, r := range a.Rows {
			for _, d := range dims {
				if v := r.Values[d]; v != "" {
					list = append(list, v)
				}
			}
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	parties := values(stock.ByParty, stock.ByMember, stock.ByTo, stock.ByFrom, stock.ByReceived)
	places := values(stock.ByPlace)
	speaker, err := n.speaker(parties, places, cut)
	if err != nil {
		return nil, err
	}
	member := trace.Viewer{Member: n.member.Member}
	for _, p := range parties {
		v := speaker.Party(p, member)
		names[p] = trace.Names{Zh: v.Zh, En: v.En}
	}
	for _, p := range places {
		v := speaker.Place(p, member)
		names[p] = trace.Names{Zh: v.Zh, En: v.En}
	}
	for _, r := range values(stock.ByRegion) {
		names[r] = trace.RegionName("", r)
	}
	for _, p := range values(stock.ByProduct) {
		if err := n.nameProduct(names, p, cut); err != nil {
			return nil, err
		}
	}
	maps.DeleteFunc(names, func(_ string, v trace.Names) bool { return v == trace.Names{} })
	return names, nil
}

// nameProduct adds the name of a product's newest version.
func (n *Node) nameProduct(names map[string]trace.Names, product string, cut map[uint32]uint64) error {
	gtin, err := gs1.ParseGTIN(product)
	if err != nil {
		return err
	}
	versions, err := n.products(gtin, cut)
	if err != nil && !errors.Is(err, index.ErrTooMany) {
		return err
	}
	newest := uint64(0)
	for _, p := range versions {
		if v := p.Fields.Uint("version"); v > newest {
			newest, names[product] = v, p.Fields.Names("names")
		}
	}
	return nil
}

// speaker knows the names of some parties and places.
func (n *Node) speaker(parties, places []string, cut map[uint32]uint64) (*trace.Speaker, error) {
	hosted := slices.DeleteFunc(slices.Clone(parties), func(p string) bool { return !strings.Contains(p, "/") })
	at, err := lookUpAll(hosted, cut, n.index.Party)
	if err != nil {
		return nil, err
	}
	more, err := lookUpAll(slices.Clone(places), cut, n.index.Place)
	if err != nil {
		return nil, err
	}
	events, err := n.load(nil, append(at, more...))
	if err != nil {
		return nil, err
	}
	charters, err := n.chartersWithin(cut)
	if err != nil {
		return nil, err
	}
	return trace.NewSpeaker(charters, events), nil
}
