package node

import (
	"context"
	"slices"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/stock"
)

// Findings lists the findings of the network that a viewer may see, the newest
// records first: about codes, about shipments and their receipts, and about lots
// without serials. One finding about many codes is one. It counts as Inventory
// does, and what it costs is the same: nothing is folded that was folded before.
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
		all.AddTally(t)
		t.AddShipments(shipments)
	})
	if err != nil {
		return nil, err
	}
	if err := n.compareReceipts(ctx, all, shipments, cut); err != nil {
		return nil, err
	}
	if err := n.addLots(ctx, q.Products, cut, func(l *lotAccount) { all.Add(l.outcome.Findings, l.item, 0) }); err != nil {
		return nil, err
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

// compareReceipts adds what the receipts of a shipment say of quantities, as far
// as the fields for parties are here.
func (n *Node) compareReceipts(ctx context.Context, all stock.Troubles, shipments map[trace.Position][]trace.Position, cut map[uint32]uint64) error {
	newest, err := n.newestWithin(cut)
	if err != nil || newest == nil {
		return err
	}
	for at, got := range shipments {
		if err := ctx.Err(); err != nil {
			return stillCounting(err)
		}
		slices.SortFunc(got, trace.Position.Compare)
		events, err := n.load(nil, append([]trace.Position{at}, slices.Compact(got)...))
		if err != nil {
			return err
		}
		if len(events) < 2 || events[0].Kind != ledger.KindShip {
			continue
		}
		for _, f := range trace.Quantities(newest, events[0], events[1:]) {
			by := events[slices.IndexFunc(events, func(e *trace.Event) bool { return e.ID == f.Records[0] })]
			all.Add([]stock.Finding{{Finding: f, By: stock.RecordOf(by)}}, firstOf(by), 0)
		}
	}
	return nil
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
func (n *Node) addLots(ctx context.Context, products []string, cut map[uint32]uint64, f func(*lotAccount)) error {
	lots, err := n.lotsAt(products, cut)
	if err != nil {
		return err
	}
	src, err := n.counted(cut)
	if err != nil {
		return err
	}
	for _, lot := range lots {
		if err := ctx.Err(); err != nil {
			return stillCounting(err)
		}
		o, err := stock.CountOne(src, lot)
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
	err = n.addLots(ctx, q.Values[stock.ByProduct], cut, func(l *lotAccount) {
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
	return a, err
}

func (n *Node) newestWithin(cut map[uint32]uint64) (*ledger.Charter, error) {
	charters, err := n.chartersWithin(cut)
	if err != nil || len(charters) == 0 {
		return nil, err
	}
	return charters[len(charters)-1], nil
}
