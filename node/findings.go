package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/index"
	"suyuan/trace/stock"
)

// Limits of what findings keep from one question to the next.
const (
	// maxCompared bounds the shipments of which the receipts were compared, some 200
	// bytes each.
	maxCompared = 1 << 18

	// maxLotMemo bounds the outcomes of lots, some kilobytes each.
	maxLotMemo = 1 << 15
)

// Findings lists the findings of the network that a viewer may see, the newest
// records first: about codes, about shipments and their receipts, and about lots
// without serials. One finding about many codes is one. It counts as Inventory
// does, and what it costs is the same: nothing is folded that was folded before.
// Whoever acts for one party is told of the codes that the party had or is to get.
func (n *Node) Findings(ctx context.Context, q stock.FindingQuestion, viewer trace.Viewer) (*stock.Findings, error) {
	all := make(stock.Troubles)
	shipments := make(map[trace.Position][]trace.Position)
	question := stock.Question{Time: q.Time, AsOf: q.AsOf, Values: map[stock.Dim][]string{stock.ByProduct: q.Products}}
	release, err := n.books.take(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	cut, uncounted, err := n.count(ctx, &question, func(t *stock.Tally) {
		all.AddTally(t, viewer.Party)
		t.AddShipments(shipments)
	})
	if err != nil {
		return nil, err
	}
	b, err := n.bookAt(ctx, cut, question.Now())
	if err != nil {
		return nil, err
	}
	if err := n.compareReceipts(ctx, b, all, shipments); err != nil {
		return nil, err
	}
	err = n.addLots(ctx, b, q.Products, func(l *lotAccount) { all.Add(naming(l.outcome.Findings, viewer.Party), l.item, 0) })
	switch {
	case errors.Is(err, index.ErrTooMany):
		uncounted = append(uncounted, "lot")
	case err != nil:
		return nil, err
	}
	if viewer.Party == "" { // who acts for one party is told of its goods
		if err := n.addForks(all); err != nil {
			return nil, err
		}
	}
	page, next := q.Page(all, func(f *trace.Finding) bool { return f.For(viewer) })
	answer := &stock.Findings{Findings: []stock.FindingRow{}, Next: next, AsOf: n.asOf(cut), Uncounted: uncounted}
	var names []string
	for _, t := range page {
		names = append(names, t.Names()...)
	}
	speaker, err := n.speaker(names, nil, cut)
	if err != nil {
		return nil, err
	}
	for _, t := range page {
		view, _ := speaker.Finding(t.Finding.Finding, viewer)
		answer.Findings = append(answer.Findings, findingRow(t, view))
	}
	return answer, nil
}

// addForks adds the chains with two histories that no charter has ended yet, as of
// their newest entries.
func (n *Node) addForks(all stock.Troubles) error {
	net := n.store.Network()
	for _, number := range net.Chains() {
		if !n.store.Forked(number) || net.Ended(number) != nil {
			continue
		}
		last := n.store.Size(number) - 1
		raw, err := n.store.Entry(number, last)
		if err != nil {
			return fmt.Errorf("head of chain %d: %w", number, err)
		}
		e, err := ledger.DecodeEntry(raw)
		if err != nil {
			return fmt.Errorf("head of chain %d: %w", number, err)
		}
		member := net.MemberOf(number)
		by := &stock.Record{Position: trace.Position{Chain: number, Seq: last}, Member: member, At: e.Time, Recorded: e.Time}
		all.Add([]stock.Finding{{Finding: trace.Forked(member), By: by}}, trace.Item{}, 0)
	}
	return nil
}

// naming returns the findings that name a party, or all for "".
func naming(list []stock.Finding, party string) []stock.Finding {
	if party == "" {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(f stock.Finding) bool { return !slices.Contains(f.Names(), party) })
}

func findingRow(t *stock.Trouble, view trace.FindingView) stock.FindingRow {
	row := stock.FindingRow{FindingView: view, Count: t.Count, Lot: t.First.Lot}
	if t.By != nil {
		row.Member, row.At, row.Recorded = t.By.Member, stock.Time(t.By.At), stock.Time(t.By.Recorded)
	}
	if !t.First.GTIN.IsZero() {
		row.GTIN = t.First.GTIN.String()
	}
	if t.First.Kind == trace.ItemCode {
		row.Run, row.Index = &t.First.Run, &t.First.Index
	}
	return row
}

// A comparison is what the receipts of a shipment say of quantities.
type comparison struct {
	got   []trace.Position // the receipts
	found []stock.Finding
	first trace.Item
}

// compareReceipts adds what the receipts of shipments say of quantities, as far
// as the fields for parties are here. Each is read once.
func (n *Node) compareReceipts(ctx context.Context, b *book, all stock.Troubles, shipments map[trace.Position][]trace.Position) error {
	newest, err := n.newestWithin(b.cut)
	if err != nil || newest == nil {
		return err
	}
	if len(b.compared) > maxCompared {
		clear(b.compared)
	}
	for at, got := range shipments {
		slices.SortFunc(got, trace.Position.Compare)
		c := b.compared[at]
		if c == nil || !slices.Equal(c.got, got) {
			if err := ctx.Err(); err != nil {
				return stillCounting(err)
			}
			if c, err = n.compare(newest, at, got); err != nil {
				return err
			}
			b.compared[at] = c
		}
		all.Add(c.found, c.first, 0)
	}
	return nil
}

func (n *Node) compare(newest *ledger.Charter, at trace.Position, got []trace.Position) (*comparison, error) {
	events, err := n.load(nil, append([]trace.Position{at}, got...))
	if err != nil {
		return nil, err
	}
	c := &comparison{got: got}
	if len(events) < 2 || events[0].Kind != ledger.KindShip {
		return c, nil
	}
	c.first = firstOf(events[0])
	for _, f := range trace.Quantities(newest, events[0], events[1:]) {
		by := events[slices.IndexFunc(events, func(e *trace.Event) bool { return e.ID == f.Records[0] })]
		c.found = append(c.found, stock.Finding{Finding: f, By: stock.RecordOf(by)})
	}
	return c, nil
}

// firstOf is the first thing that an event names, if it is a code.
func firstOf(e *trace.Event) trace.Item {
	for _, s := range e.Subjects {
		if s.Kind == trace.SubjectRange {
			return trace.Code(s.Range.GTIN, s.Range.Run, s.Range.From)
		}
	}
	return trace.Item{}
}

// A lotAccount is how things stand with a lot.
type lotAccount struct {
	item    trace.Item
	outcome *stock.Outcome
}

// addLots calls f for each lot, of some products or all, that somebody with the
// right to has named.
func (n *Node) addLots(ctx context.Context, b *book, products []string, f func(*lotAccount)) error {
	lots, err := n.lotsAt(products, b.cut)
	if err != nil {
		return err
	}
	src, err := n.counted(b.cut)
	if err != nil {
		return err
	}
	if len(b.lots) > maxLotMemo {
		clear(b.lots)
	}
	for _, lot := range lots {
		if err := ctx.Err(); err != nil {
			return stillCounting(err)
		}
		o, err := stock.CountOne(src, lot, b.lots)
		if err != nil {
			return err
		}
		if o.Verdict != trace.Unknown {
			f(&lotAccount{lot, o})
		}
	}
	return nil
}

// lotsAt returns the lots of which an event tells by name, ascending.
func (n *Node) lotsAt(products []string, cut map[uint32]uint64) ([]trace.Item, error) {
	gtins, err := parseProducts(products)
	if err != nil {
		return nil, err
	}
	var list []trace.Item
	for _, gtin := range gtins {
		lots, err := n.index.Lots(gtin, cut)
		if err != nil {
			return nil, err
		}
		list = append(list, lots...)
	}
	return list, nil
}

// Lots says how much of lots without serials the parties have, by the records
// that the viewer may see.
func (n *Node) Lots(ctx context.Context, q stock.Question, viewer trace.Viewer) (*stock.Lots, error) {
	final, err := n.finalCut()
	if err != nil {
		return nil, err
	}
	cut, err := n.cutOf(&q, final)
	if err != nil {
		return nil, err
	}
	release, err := n.books.take(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	a := &stock.Lots{Lots: []stock.LotRow{}, AsOf: n.asOf(cut)}
	newest, err := n.newestWithin(cut)
	if err != nil || newest == nil {
		return a, err
	}
	book, err := n.bookAt(ctx, cut, q.Now())
	if err != nil {
		return nil, err
	}
	err = n.addLots(ctx, book, q.Values[stock.ByProduct], func(l *lotAccount) {
		for _, b := range l.outcome.Balances {
			row := stock.LotRow{GTIN: l.item.GTIN.String(), Lot: l.item.Lot, Party: b.Party, Quantity: b.Value, Unit: b.Unit}
			switch {
			case !b.For(newest, l.item.GTIN, viewer) || row.Place() <= q.After || a.Next != "":
			case len(a.Lots) == q.Limit:
				a.Next = a.Lots[len(a.Lots)-1].Place()
			default:
				a.Lots = append(a.Lots, row)
			}
		}
	})
	if errors.Is(err, index.ErrTooMany) {
		return nil, &Refusal{code: "too-many-records", status: 422, text: "too many lots are named for one question; keep to a product", err: err}
	}
	return a, err
}

func (n *Node) newestWithin(cut map[uint32]uint64) (*ledger.Charter, error) {
	charters, err := n.chartersWithin(cut)
	if err != nil || len(charters) == 0 {
		return nil, err
	}
	return charters[len(charters)-1], nil
}
