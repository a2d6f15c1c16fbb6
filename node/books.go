package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/index"
	"suyuan/trace/stock"
)

// books keeps what was counted. What is final now and what was at past cuts is
// counted at desks of their own: who looks back never keeps those waiting who
// look at what there is. At each desk one counts at a time; the others wait in its
// line, and mostly find that the work is done.
type books struct {
	now, past desk
	recent    *lru.Cache[trace.Position, *trace.Event]
	rewritten atomic.Int64 // [store.Store.Rewritten] up to which recent holds
	turn      int          // events that are folded in one turn: turnEvents
}

// A desk is a place to count at. Whoever has the turn reads and writes its books.
type desk struct {
	line  line
	books []*book // the one that was used last at the end
	keeps int     // how many books
}

func newBooks() *books {
	recent, err := lru.New[trace.Position, *trace.Event](countedEvents)
	if err != nil {
		panic(fmt.Sprintf("node: %v", err)) // the size is a positive constant
	}
	return &books{now: desk{keeps: 1}, past: desk{keeps: maxPastBooks}, recent: recent, turn: turnEvents}
}

// A book is the runs that were counted at one cut.
type book struct {
	cut      map[uint32]uint64
	who      string // asked about it last
	accounts map[index.Run]*account
	cells    int     // of all accounts
	units    account // the logistic units
	lots     stock.Memo
	papers   map[trace.Position]*trace.Event // shipments and receipts: see [trace.Event.Paper]

	at        int64                     // [store.Store.Rewritten] up to which all that holds
	rewritten map[trace.Position]uint64 // how often events have become others since the book was begun
}

// An account is one run.
type account struct {
	tally *stock.Tally // nil, or of an earlier cut, if stale
	memo  stock.Memo   // also what was folded by a count that was broken off
	cells int          // of the memo, as the book counts them
	stale bool
	again time.Time // not to be tried before: it has too many pieces
}

func newBook(cut map[uint32]uint64, who string, rewritten int64) *book {
	return &book{
		cut: cut, who: who, accounts: make(map[index.Run]*account), units: account{memo: make(stock.Memo)},
		lots: make(stock.Memo), papers: make(map[trace.Position]*trace.Event),
		at: rewritten, rewritten: make(map[trace.Position]uint64),
	}
}

// newBook begins a book of what the store holds now.
func (n *Node) newBook(cut map[uint32]uint64, who string) *book {
	return newBook(cut, who, n.store.Rewritten())
}

// A turn is somebody's time at a desk, with the book of the question.
type turn struct {
	*book
	who    string
	line   *line
	left   int  // events to fold before others come first
	gained bool // something was counted that the next turn finds in the book
}

// errTurnOver says that others are to come first: what was counted is in the book,
// and the next turn goes on from there.
var errTurnOver = errors.New("the turn is over")

// over returns errTurnOver where others are to come first. Each turn gets on: it
// does not end before something was counted in it.
func (t *turn) over() error {
	if t.gained && t.left <= 0 && t.line.othersWait(t.who) {
		return errTurnOver
	}
	return nil
}

// spent notes that as much was counted as so many events take to fold.
func (t *turn) spent(events int) { t.left, t.gained = t.left-events, true }

// inTurns has work done with the book of a question, by turns with what others ask.
// Work that returns errTurnOver is done anew in the next turn, with a book that may
// have grown since; its turns grow longer, as not all that is counted holds when
// the ledger goes on. Where all of it takes longer than ctx allows, the Refusal has
// code still-counting, and not-ready where the index has not read all that is final.
func (n *Node) inTurns(ctx context.Context, q *stock.Question, work func(*turn) error) error {
	d := &n.books.past
	if q.Now() {
		d = &n.books.now
	}
	leave, err := d.line.enter(q.Who)
	if err != nil {
		return err
	}
	defer leave()
	for long := n.books.turn; ; long += n.books.turn {
		if err = d.line.take(ctx, q.Who); err == nil {
			err = n.oneTurn(ctx, d, q, long, work)
		}
		switch {
		case err != nil && ctx.Err() != nil:
			return stillCounting(ctx.Err())
		case !errors.Is(err, errTurnOver):
			return lookUpRefusal(err)
		}
	}
}

// oneTurn does what it can in a turn of so many events that was taken, and passes
// it on.
func (n *Node) oneTurn(ctx context.Context, d *desk, q *stock.Question, long int, work func(*turn) error) error {
	defer d.line.pass()
	final, err := n.finalCut()
	if err != nil {
		return err
	}
	cut, err := n.cutOf(q, final)
	if err != nil {
		return err
	}
	b, err := n.bookAt(ctx, d, cut, q)
	if err != nil {
		return err
	}
	defer d.tidy()
	return work(&turn{book: b, who: q.Who, line: &d.line, left: long})
}

func stillCounting(err error) error {
	return &Refusal{code: "still-counting", status: 503, text: "the records are still being counted; ask again", err: err}
}

// bookAt returns the book at a cut, without what rests on fields that have come or
// gone since.
func (n *Node) bookAt(ctx context.Context, d *desk, cut map[uint32]uint64, q *stock.Question) (*book, error) {
	at := n.store.Rewritten()
	b, err := n.bookWith(ctx, d, cut, q)
	if err != nil {
		return nil, err
	}
	if n.books.rewritten.Swap(at) != at {
		n.books.recent.Purge()
	}
	if b.at != at {
		if err := n.rewrite(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// rewrite has a book know which events have become others: accounts that name what
// these name are stale. Of too many, all that was counted goes.
func (n *Node) rewrite(b *book) error {
	list, at, ok := n.store.RewrittenSince(b.at)
	if !ok || len(b.rewritten)+len(list) > maxRewritten {
		*b = *n.newBook(b.cut, b.who)
		return nil
	}
	for _, x := range list {
		pos := trace.Position(x)
		b.rewritten[pos]++
		delete(b.papers, pos)
		if pos.Seq >= b.cut[pos.Chain] {
			continue
		}
		e, err := n.event(pos)
		if err != nil {
			return err
		}
		if e != nil {
			b.touch(stock.Touched(e))
		}
	}
	b.at = at
	return nil
}

// bookWith is bookAt but for that. The book of what is final now goes on with the
// ledger: accounts that what is new has touched are marked stale.
func (n *Node) bookWith(ctx context.Context, d *desk, cut map[uint32]uint64, q *stock.Question) (*book, error) {
	if !q.Now() {
		return d.open(cut, q.Who, n.store.Rewritten()), nil
	}
	if len(d.books) == 0 || !within(d.books[0].cut, cut) {
		d.books = []*book{n.newBook(cut, q.Who)}
		return d.books[0], nil
	}
	b := d.books[0]
	return b, n.advance(ctx, b, cut)
}

// open returns the book at a cut, and remembers that it was used last.
func (d *desk) open(cut map[uint32]uint64, who string, rewritten int64) *book {
	b := newBook(cut, who, rewritten)
	if i := slices.IndexFunc(d.books, func(b *book) bool { return maps.Equal(b.cut, cut) }); i >= 0 {
		b = d.books[i]
		b.who = who
		d.books = slices.Delete(d.books, i, i+1)
	}
	d.books = append(d.books, b)
	return b
}

// tidy drops books beyond what is kept, never the one that was used last. Whoever
// has most loses the one that it used longest ago, so that nobody makes others lose
// theirs.
func (d *desk) tidy() {
	for len(d.books) > 1 {
		who, tooMuch := d.heaviest()
		if !tooMuch {
			return
		}
		older := d.books[:len(d.books)-1]
		i := max(0, slices.IndexFunc(older, func(b *book) bool { return b.who == who }))
		d.books = slices.Delete(d.books, i, i+1)
	}
}

// heaviest returns who has most at the desk, and whether that, or all that is
// there, is too much.
func (d *desk) heaviest() (who string, tooMuch bool) {
	type share struct{ beyond, cells int } // books beyond those that one may have, outcomes
	shares := make(map[string]share)
	total := 0
	for _, b := range d.books {
		s, known := shares[b.who]
		if !known {
			s.beyond = -maxPastBooksEach
		}
		shares[b.who] = share{s.beyond + 1, s.cells + b.size()}
		total += b.size()
	}
	who = slices.MaxFunc(slices.Sorted(maps.Keys(shares)), func(a, b string) int {
		x, y := shares[a], shares[b]
		return cmp.Or(cmp.Compare(max(x.beyond, 0), max(y.beyond, 0)), cmp.Compare(x.cells, y.cells), cmp.Compare(x.beyond, y.beyond))
	})
	return who, shares[who].beyond > 0 || len(d.books) > d.keeps || total > maxBookCells
}

// size is about how much memory the book takes, in outcomes.
func (b *book) size() int { return b.cells + len(b.units.memo) + 4*len(b.lots) + len(b.papers) }

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
		*b = *n.newBook(cut, b.who)
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
	places := make(map[string]bool) // of which something is recorded
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
			*b = *n.newBook(b.cut, b.who)
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
		b.touch(stock.Touched(e))
		if e.Kind == ledger.KindPlace {
			places[e.Member+"/"+e.Fields.Text("id")] = true
		}
		pos.Seq++
	}
	b.moved(places)
	return nil
}

// touch marks the accounts stale that depend on what an event names.
func (b *book) touch(touched []trace.Item) {
	for _, a := range b.accounts {
		if !a.stale && a.tally != nil && a.tally.Deps.On(touched) {
			a.stale = true
		}
	}
	b.units.stale = b.units.stale || slices.ContainsFunc(touched, isUnit) || b.units.tally != nil && b.units.tally.Deps.On(touched)
}

// moved drops the outcomes that rest on where places are of which something new is
// recorded.
func (b *book) moved(places map[string]bool) {
	if len(places) == 0 {
		return
	}
	rests := func(_ stock.Signature, o *stock.Outcome) bool {
		return slices.ContainsFunc(o.Places, func(p string) bool { return places[p] })
	}
	for _, a := range b.accounts {
		was := len(a.memo)
		if maps.DeleteFunc(a.memo, rests); len(a.memo) < was {
			a.stale = true
		}
	}
}

func isUnit(i trace.Item) bool { return i.Kind == trace.ItemSSCC }

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
	a.tally, a.memo, a.stale = nil, make(stock.Memo), true
	b.weigh(a)
}

// weigh has the book know how much an account keeps.
func (b *book) weigh(a *account) {
	b.cells += len(a.memo) - a.cells
	a.cells = len(a.memo)
}
