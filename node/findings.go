package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/index"
	"suyuan/trace/stock"
)

// Findings lists the findings of the network that a viewer may see, the newest
// records first: about codes, about shipments and their receipts, and about lots
// without serials. One finding about many codes is one. It counts as Inventory
// does, and what it costs is the same: nothing is folded that was folded before.
// Whoever acts for one party is told of the codes that the party had or is to get.
func (n *Node) Findings(ctx context.Context, q stock.FindingQuestion, viewer trace.Viewer) (*stock.Findings, error) {
	question := stock.Question{Time: q.Time, AsOf: q.AsOf, Who: q.Who, Values: map[stock.Dim][]string{stock.ByProduct: q.Products}}
	answer, now := &stock.Findings{}, cmp.Or(q.Time, n.now().UnixMilli())
	err := n.inTurns(ctx, &question, func(t *turn) error {
		all, uncounted, err := n.troubles(ctx, t, &question, viewer)
		if err != nil {
			return err
		}
		page, next := q.Page(all, func(f *trace.Finding) bool { return f.For(viewer) && f.Due() <= now })
		answer.Next, answer.AsOf, answer.Uncounted = next, n.asOf(t.cut), uncounted
		answer.Findings, err = n.findingRows(page, viewer, t.cut)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// troubles gathers the findings of which a viewer may be told, each once.
func (n *Node) troubles(ctx context.Context, t *turn, q *stock.Question, viewer trace.Viewer) (all stock.Troubles, uncounted []string, err error) {
	tallies, uncounted, err := n.count(ctx, t, q)
	if err != nil {
		return nil, nil, err
	}
	all = make(stock.Troubles)
	for _, tally := range tallies {
		all.AddTally(tally, viewer.Party)
	}
	if len(q.Values[stock.ByProduct]) == 0 { // pieces too, where nobody has said what is in them
		units, missing, err := n.countUnits(ctx, t)
		if err != nil {
			return nil, nil, err
		}
		tallies, uncounted = append(tallies, units...), append(uncounted, missing...)
	}
	if err := n.addQuantities(ctx, t, all, tallies); err != nil {
		return nil, nil, err
	}
	if q.Now() {
		whole, err := n.addScansOutside(ctx, t, all, tallies, viewer)
		if err != nil {
			return nil, nil, err
		}
		if !whole {
			uncounted = append(uncounted, uncountedScans)
		}
	}
	err = n.addLots(ctx, t, q.Values[stock.ByProduct], func(l *lotAccount) { all.Add(naming(l.outcome.Findings, viewer.Party), l.item, 0) })
	if errors.Is(err, index.ErrTooMany) {
		uncounted, err = append(uncounted, "lot"), nil
	}
	if err == nil && viewer.Party == "" { // who acts for one party is told of its goods
		err = n.addForks(all)
	}
	return all, uncounted, err
}

// findingRows words findings for a viewer.
func (n *Node) findingRows(page []*stock.Trouble, viewer trace.Viewer, cut map[uint32]uint64) ([]stock.FindingRow, error) {
	var names []string
	for _, t := range page {
		names = append(names, t.Names()...)
	}
	speaker, err := n.speaker(names, nil, cut)
	if err != nil {
		return nil, err
	}
	rows := []stock.FindingRow{}
	for _, t := range page {
		view, _ := speaker.Finding(t.Finding.Finding, viewer)
		rows = append(rows, findingRow(t, view))
	}
	return rows, nil
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

// addQuantities adds what does not add up in shipments and their receipts, as far
// as the fields for parties are here.
func (n *Node) addQuantities(ctx context.Context, t *turn, all stock.Troubles, tallies []*stock.Tally) error {
	newest, err := n.newestWithin(t.cut)
	if err != nil || newest == nil {
		return err
	}
	var hauls []trace.Haul
	for _, tally := range tallies {
		hauls = append(hauls, tally.Hauls()...)
	}
	if len(t.papers) > max(maxPapers, 4*len(hauls)) { // of these each is kept
		clear(t.papers)
	}
	for _, h := range hauls {
		for _, at := range []trace.Position{h.Shipment, h.By} {
			if err := n.keepPaper(ctx, t, at); err != nil {
				return err
			}
		}
	}
	for _, d := range trace.Quantities(newest, hauls, func(at trace.Position) *trace.Event { return t.papers[at] }) {
		all.Add([]stock.Finding{{Finding: d.Finding, By: stock.RecordOf(d.By)}}, d.First, d.Count)
	}
	return nil
}

// keepPaper reads a shipment or receipt, once.
func (n *Node) keepPaper(ctx context.Context, t *turn, at trace.Position) error {
	if _, known := t.papers[at]; known || at == (trace.Position{}) {
		return nil
	}
	if err := cmp.Or(ctx.Err(), t.over()); err != nil {
		return err
	}
	e, err := n.event(at)
	if err != nil || e == nil {
		return err
	}
	t.papers[at] = e.Paper()
	t.spent(1)
	return nil
}

// A lotAccount is how things stand with a lot.
type lotAccount struct {
	item    trace.Item
	outcome *stock.Outcome
}

// addLots calls f for each lot, of some products or all, that somebody with the
// right to has named.
func (n *Node) addLots(ctx context.Context, b *turn, products []string, f func(*lotAccount)) error {
	lots, err := n.lotsAt(products, b.cut)
	if err != nil {
		return err
	}
	src, err := n.counted(b)
	if err != nil {
		return err
	}
	if len(b.lots) > max(maxLotMemo, 2*len(lots)) { // of these each is kept
		clear(b.lots)
	}
	for _, lot := range lots {
		if err := ctx.Err(); err != nil {
			return err
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
	if err := q.CheckLots(); err != nil {
		return nil, questionRefusal(err)
	}
	a := &stock.Lots{}
	err := n.inTurns(ctx, &q, func(t *turn) error {
		a.Lots, a.Next, a.AsOf = []stock.LotRow{}, "", n.asOf(t.cut)
		a.Names = map[string]trace.Names{}
		newest, err := n.newestWithin(t.cut)
		if err != nil || newest == nil {
			return err
		}
		rows := []stock.LotRow{}
		err = n.addLots(ctx, t, q.Values[stock.ByProduct], func(l *lotAccount) { rows = append(rows, lotRows(&q, l, newest, viewer)...) })
		if err != nil {
			return err
		}
		if a.Lots, a.Next, err = q.PageLots(rows); err != nil {
			return questionRefusal(err)
		}
		return n.nameLots(a, t.cut)
	})
	if errors.Is(err, index.ErrTooMany) {
		return nil, &Refusal{code: "too-many-records", status: 422, text: "too many lots are named for one question; keep to a product", err: err}
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// lotRows returns the rows of a lot that a question asks for and the viewer may
// know.
func lotRows(q *stock.Question, l *lotAccount, newest *ledger.Charter, viewer trace.Viewer) (rows []stock.LotRow) {
	for i := range l.outcome.Balances {
		b := &l.outcome.Balances[i]
		if q.Lets(l.item, b.Party) && b.For(newest, l.item.GTIN, viewer) {
			rows = append(rows, stock.LotRows(l.item, b, len(q.By) > 0)...)
		}
	}
	return rows
}

// nameLots names the products and parties of lots.
func (n *Node) nameLots(a *stock.Lots, cut map[uint32]uint64) error {
	var parties []string
	for _, l := range a.Lots {
		parties = append(parties, l.Party)
		if _, known := a.Names[l.GTIN]; !known {
			if err := n.nameProduct(a.Names, l.GTIN, cut); err != nil {
				return err
			}
		}
	}
	slices.Sort(parties)
	parties = slices.Compact(parties)
	speaker, err := n.speaker(parties, nil, cut)
	if err != nil {
		return err
	}
	for _, p := range parties {
		v := speaker.Party(p, trace.Viewer{Member: n.member.Member})
		a.Names[p] = trace.Names{Zh: v.Zh, En: v.En}
	}
	return nil
}

func (n *Node) newestWithin(cut map[uint32]uint64) (*ledger.Charter, error) {
	charters, err := n.chartersWithin(cut)
	if err != nil || len(charters) == 0 {
		return nil, err
	}
	return charters[len(charters)-1], nil
}
