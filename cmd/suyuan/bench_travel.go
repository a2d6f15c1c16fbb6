package main

import (
	"context"
	"fmt"

	"suyuan/node"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// A benchTravel is one product whose items lie in boxes, these in cases and these
// on pallets, and one pallet of which travels to and fro until the trail of what
// is on it has so many events.
type benchTravel struct {
	w      *benchWorld
	n      *node.Node
	events int

	levels []gs1.GTIN // of items, boxes, cases and pallets, once it is filled
}

// What is packed.
const (
	travelPer     = 10                                // of one level in one of the next
	travelPallets = 100                               // pallets
	travelItems   = travelPer * travelPer * travelPer // on one pallet
	travelPallet  = 7                                 // the one that travels

	// travelPacked is how many events an item has before its pallet travels: its
	// run, its activation and three packings.
	travelPacked = 5
)

// fill writes the history and returns links of so many items on the pallet that
// travels.
func (s *benchTravel) fill(ctx context.Context, number int, looked uint32) ([]string, error) {
	if err := s.pack(ctx, number); err != nil {
		return nil, err
	}
	if err := s.tour(ctx, travelPallet); err != nil {
		return nil, err
	}
	return s.links(ctx, travelPallet*travelItems, looked)
}

// pack issues the codes, activates the items and packs everything.
func (s *benchTravel) pack(ctx context.Context, number int) error {
	count := uint32(travelPallets * travelItems)
	for i, indicator := range []string{"1", "2", "3", "4"} {
		g, err := s.w.addProduct(ctx, s.n, indicator, number)
		if err != nil {
			return err
		}
		if _, err := s.n.IssueRun(ctx, node.IssueRun{GTIN: g, Count: count}, nil); err != nil {
			return fmt.Errorf("level %d: %w", i, err)
		}
		s.levels, count = append(s.levels, g), count/travelPer
	}
	levels := s.levels
	drafts := []draftOf{activateDraft(benchRange{levels[0], 0, 0, travelPallets*travelItems - 1}, "L1")}
	count = uint32(travelPallets * travelItems)
	for i := 1; i < len(levels); i++ {
		count /= travelPer
		drafts = append(drafts, draftOf{kind: "pack", subjects: []trace.DraftSubject{{Pattern: &trace.DraftPattern{
			GTIN: levels[i-1], Per: travelPer, UnitGTIN: levels[i], Count: count}}}})
	}
	_, err := s.w.submit(ctx, s.n, drafts...)
	return err
}

// tour has a pallet travel until what is on it has all its events.
func (s *benchTravel) tour(ctx context.Context, number uint32) error {
	pallet := benchRange{s.levels[3], 0, number, number}
	for left := s.events - travelPacked; left > 0; {
		n, err := s.travel(ctx, pallet, left)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// links waits until all is final and returns the links of so many items from an
// index on.
func (s *benchTravel) links(ctx context.Context, first, looked uint32) ([]string, error) {
	serials, uri, err := s.n.Codes(s.levels[0], 0, first, first+looked)
	if err != nil {
		return nil, err
	}
	var uris []string
	for _, serial := range serials {
		uris = append(uris, uri(serial))
	}
	stock := &benchStock{w: s.w, n: s.n, product: s.levels[0]}
	return uris, stock.waitFinal(ctx)
}

// travel has a pallet go to the dealer and come back, as far as there are events
// left, and returns how many there were.
func (s *benchTravel) travel(ctx context.Context, pallet benchRange, left int) (n int, err error) {
	there := shipDraft(pallet)
	back := shipDraft(pallet)
	back.party, back.fields = benchDealer, fields{"purpose": "return", "to": benchMember}
	for _, ship := range []draftOf{there, back} {
		if n == left {
			return n, nil
		}
		sent, err := s.w.submit(ctx, s.n, ship)
		if err != nil {
			return n, err
		}
		if n++; n == left {
			return n, nil
		}
		got := receiveDraft(pallet, sent[0])
		if ship.party != "" {
			got.party = ""
		}
		if _, err := s.w.submit(ctx, s.n, got); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// travelRows measures the answer about items with more and more events.
func (b *bench) travelRows(ctx context.Context, w *benchWorld, n *node.Node) error {
	for i, events := range []int{travelPacked, 50, 500} {
		b.e.say("writing the history of a pallet with %d events …", events)
		uris, err := (&benchTravel{w: w, n: n, events: events}).fill(ctx, 10+i, stockLooked)
		if err != nil {
			return fmt.Errorf("fill: %w", err)
		}
		what := fmt.Sprintf("look a code up that has %d events through three levels of packing, warm", events)
		row, err := b.lookUps(ctx, n, fmt.Sprintf("trail-%d-events", events), what, uris, events)
		if err != nil {
			return err
		}
		if events == 50 {
			row.aim(row.Median < targetTrail, "under %.0f ms", targetTrail)
		}
	}
	return nil
}
