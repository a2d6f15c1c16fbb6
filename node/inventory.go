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
	"sync"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
	"suyuan/trace/stock"
)

// Inventory answers a question about items. The work depends on the records that
// are new since the last question and on the runs that they touch; the first
// question reads everything. Where that takes longer than ctx allows, the Refusal
// has code still-counting, and the next question goes on from there. Whoever has
// too many questions under way is refused with too-many-questions.
func (n *Node) Inventory(ctx context.Context, q stock.Question) (*stock.Inventory, error) {
	if err := q.Check(); err != nil {
		return nil, questionRefusal(err)
	}
	now := n.now().UnixMilli()
	filter := stock.Filter{Values: q.Values, Party: q.Party, Now: cmp.Or(q.Time, now)}
	a := &stock.Inventory{Time: stock.Time(filter.Now)}
	err := n.inTurns(ctx, &q, func(t *turn) error {
		tallies, uncounted, err := n.count(ctx, t, &q)
		if err != nil {
			return err
		}
		groups := stock.NewGroups(q.By)
		if q.Moves {
			groups = stock.NewMoveGroups(q.By)
		}
		for _, tally := range tallies {
			groups.Add(tally, filter)
		}
		a.AsOf, a.Uncounted = n.asOf(t.cut), uncounted
		if err := groups.Answer(&q, a); err != nil {
			return questionRefusal(err)
		}
		a.Names, err = n.namesIn(a, t.cut)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Prints says of each run, of some products or all, where its codes are.
func (n *Node) Prints(ctx context.Context, q stock.Question) (*stock.Prints, error) {
	p := &stock.Prints{Names: map[string]trace.Names{}}
	err := n.inTurns(ctx, &q, func(t *turn) error {
		tallies, uncounted, err := n.count(ctx, t, &q)
		if err != nil {
			return err
		}
		p.Runs, p.Next = printRows(tallies, &q)
		p.AsOf, p.Uncounted = n.asOf(t.cut), uncounted
		for _, r := range p.Runs {
			if err := n.nameProduct(p.Names, r.GTIN, t.cut); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// printRows returns the page of runs that a question asks for, and where the next
// one begins.
func printRows(tallies []*stock.Tally, q *stock.Question) (rows []stock.PrintRun, next string) {
	rows = []stock.PrintRun{}
	for _, t := range tallies {
		x := stock.PrintOf(t)
		row := stock.PrintRun{GTIN: t.Run.GTIN.String(), Run: t.Run.Run, Printed: x.Printed, Activated: x.Activated, Void: x.Voided, Open: x.Open}
		switch {
		case printName(&row) <= q.After:
		case len(rows) == q.Limit:
			return rows, printName(&rows[len(rows)-1])
		default:
			rows = append(rows, row)
		}
	}
	return rows, ""
}

// printName orders runs as they are counted.
func printName(r *stock.PrintRun) string { return fmt.Sprintf("%s-%05d", r.GTIN, r.Run) }

func questionRefusal(err error) error {
	if errors.Is(err, stock.ErrQuestion) {
		return &Refusal{code: "bad-question", status: 400, err: err}
	}
	return err
}

// count brings what a question is about up to the cut of its book, and returns the
// tally of every run, ascending by GTIN and run, or that of all logistic units.
func (n *Node) count(ctx context.Context, t *turn, q *stock.Question) (tallies []*stock.Tally, uncounted []string, err error) {
	if q.Units {
		return n.countUnits(ctx, t)
	}
	return n.countRuns(ctx, t, q)
}

// countUnits brings the account of all logistic units up to the book's cut. Those
// that are new have been named by an event, and so touched it.
func (n *Node) countUnits(ctx context.Context, t *turn) (tallies []*stock.Tally, uncounted []string, err error) {
	a := &t.units
	if a.tally != nil && !a.stale && a.tally.Lasting() {
		return []*stock.Tally{a.tally}, []string{}, nil
	}
	units, err := n.index.Units(t.cut)
	if errors.Is(err, index.ErrTooMany) {
		return nil, []string{"sscc"}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	src, err := n.counted(t)
	if err != nil {
		return nil, nil, err
	}
	tally, err := stock.CountUnits(ctx, src, units, a.memo)
	if errors.Is(err, stock.ErrTooMany) {
		return nil, []string{"sscc"}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	a.tally, a.memo, a.stale = tally, tally.Memo, false
	return []*stock.Tally{tally}, []string{}, nil
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

// countRuns brings the accounts of all runs, or of those of some products, up to
// the book's cut.
func (n *Node) countRuns(ctx context.Context, t *turn, q *stock.Question) (tallies []*stock.Tally, uncounted []string, err error) {
	runs, err := n.runsAt(q.Values[stock.ByProduct], t.cut)
	if err != nil {
		return nil, nil, err
	}
	if only := q.Values[stock.ByRun]; len(only) > 0 {
		runs = slices.DeleteFunc(runs, func(r index.Run) bool { return !slices.Contains(only, runName(r)) })
	}
	src := sync.OnceValues(func() (*counted, error) { return n.counted(t) }) // most questions need none
	uncounted = []string{}
	cells := 0
	for _, run := range runs {
		a, err := n.account(ctx, t, run, src)
		switch {
		case err != nil:
			return nil, nil, err
		case n.now().Before(a.again):
			uncounted = append(uncounted, runName(run))
			continue
		case a.tally == nil:
			continue
		}
		// Those of this question are kept, so that one that is asked again goes on
		// where it was.
		if cells += len(a.tally.Cells); cells > maxBookCells {
			return nil, nil, refuse(422, "too-many-records", "over %d kinds of history are too many for one question; keep to a product or a run", maxBookCells)
		}
		t.makeRoom(runs)
		tallies = append(tallies, a.tally)
	}
	return tallies, uncounted, nil
}

// account returns the account of a run, up to the book's cut. One with too many
// pieces has no tally, and is not tried again for some time.
func (n *Node) account(ctx context.Context, t *turn, run index.Run, source func() (*counted, error)) (*account, error) {
	a := t.accounts[run]
	if a == nil {
		a = &account{memo: make(stock.Memo), stale: true}
		t.accounts[run] = a
	}
	if n.now().Before(a.again) || !a.stale && (a.tally == nil || a.tally.Lasting()) {
		return a, nil
	}
	if err := cmp.Or(ctx.Err(), t.over()); err != nil {
		return nil, err
	}
	src, err := source()
	if err != nil {
		return nil, err
	}
	err = n.countRun(ctx, t.book, run, a, src)
	t.left -= runEvents
	if errors.Is(err, stock.ErrTooMany) || errors.Is(err, index.ErrTooMany) {
		n.log.Warn("run not counted", "gtin", run.GTIN, "run", run.Number, "err", err)
		t.forget(a)
		a.again = n.now().Add(recountAfter)
		return a, nil
	}
	return a, err
}

// runName names a run as figures by run do.
func runName(r index.Run) string { return fmt.Sprintf("%s/%d", r.GTIN, r.Number) }

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
	defer b.weigh(a)
	t, err := stock.Count(ctx, src, codes, a.memo)
	if err == nil {
		err = src.f.err
	}
	if err != nil {
		return err
	}
	a.tally, a.memo, a.stale = t, t.Memo, false
	return nil
}

// counted is a node at the cut of a turn's book, as package stock reads it.
type counted struct {
	n   *Node
	t   *turn
	cut map[uint32]uint64
	f   *folding

	places map[string][]*trace.Event // what is recorded of the places of sales

	lasting bool // of the trail that is folded: see stock.Source
}

func (n *Node) counted(t *turn) (*counted, error) {
	f, err := n.folding(t.cut)
	if err != nil {
		return nil, err
	}
	c := &counted{n: n, t: t, cut: t.cut, f: f, places: map[string][]*trace.Event{}}
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
	if err := c.t.over(); err != nil {
		return nil, false, err
	}
	defer c.t.spent(1 + len(at))
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
	if err := c.addPlaces(); err != nil {
		return nil, false, err
	}
	t := trace.Fold(c.f.Input)
	return t, c.lasting, c.f.err
}

// addPlaces adds what is recorded of the places of sales, where these do not say
// themselves in which region they were.
func (c *counted) addPlaces() error {
	var done []string
	for _, e := range c.f.Events {
		name := stock.PlaceOfSale(e)
		if name == "" || slices.Contains(done, name) {
			continue
		}
		done = append(done, name)
		known, ok := c.places[name]
		if !ok {
			at, err := lookUpAll([]string{name}, c.cut, c.n.place)
			if err != nil {
				return err
			}
			if known, err = c.n.load(nil, at); err != nil {
				return err
			}
			c.places[name] = known
		}
		c.f.Events = append(c.f.Events, known...)
	}
	return nil
}

// Rewritten implements stock.Source.
func (c *counted) Rewritten(pos trace.Position) uint64 { return c.t.rewritten[pos] }

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
