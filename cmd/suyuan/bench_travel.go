package main

import (
	"context"
	"fmt"

	"suyuan/ledger"
	"suyuan/node"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// A benchTravel is one product whose items lie in boxes, these in cases and these
// on pallets, and pallets of which some travel to and fro until the trail of what
// is on them has so many events.
type benchTravel struct {
	w       *benchWorld
	n       *node.Node
	events  int
	pallets uint32 // 0 is travelPallets

	levels []gs1.GTIN // of items, boxes, cases and pallets, once it is packed
}

// What is packed.
const (
	travelPer     = 10                                // of one level in one of the next
	travelPallets = 100                               // pallets
	travelItems   = travelPer * travelPer * travelPer // on one pallet

	// travelPacked is how many events an item has before its pallet travels: its
	// run, its activation and three packings.
	travelPacked = 5
)

// items is how many items there are.
func (s *benchTravel) items() uint32 {
	if s.pallets == 0 {
		s.pallets = travelPallets
	}
	return s.pallets * travelItems
}

// pack issues the codes, activates the items and packs everything.
func (s *benchTravel) pack(ctx context.Context, number int) error {
	count := s.items()
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
	drafts := []draftOf{activateDraft(benchRange{levels[0], 0, 0, s.items() - 1}, "L1")}
	count = s.items()
	for i := 1; i < len(levels); i++ {
		count /= travelPer
		drafts = append(drafts, draftOf{kind: "pack", subjects: []trace.DraftSubject{{Pattern: &trace.DraftPattern{
			GTIN: levels[i-1], Per: travelPer, UnitGTIN: levels[i], Count: count}}}})
	}
	_, err := s.w.submit(ctx, s.n, drafts...)
	return err
}

// tour has pallets go to the dealer and come back, each by records of its own,
// until what is on them has all its events.
func (s *benchTravel) tour(ctx context.Context, pallets ...uint32) error {
	var sent []ledger.Hash
	for i := range s.events - travelPacked {
		var err error
		if sent, err = s.move(ctx, pallets, i%4, sent); err != nil {
			return err
		}
	}
	return nil
}

// move makes one of four steps: sent there, received there, sent back, received. It
// returns the records.
func (s *benchTravel) move(ctx context.Context, pallets []uint32, step int, before []ledger.Hash) (all []ledger.Hash, err error) {
	for from := 0; from < len(pallets); from += stockAtOnce {
		var list []draftOf
		for i, number := range pallets[from:min(from+stockAtOnce, len(pallets))] {
			pallet := benchRange{s.levels[3], 0, number, number}
			d := shipDraft(pallet)
			if step%2 == 1 {
				d = receiveDraft(pallet, before[from+i])
			}
			switch step {
			case 2:
				d.party, d.fields = benchDealer, fields{"purpose": "return", "to": benchMember}
			case 3:
				d.party = ""
			}
			list = append(list, d)
		}
		done, err := s.w.submit(ctx, s.n, list...)
		if err != nil {
			return nil, err
		}
		all = append(all, done...)
	}
	return all, nil
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

// An asking is a way to ask for the items of a benchTravel one after the other, again
// and again. What a node has in memory of an answer depends on it.
type asking struct {
	name string
	uris []string
}

const (
	askKept  = "kept"  // few items: their trails are in memory
	askAlike = "alike" // ever others, on pallets of which others were asked for
	askFresh = "fresh" // on ever other pallets: each trail is read and folded
)

// askedHow is for people.
var askedHow = map[string]string{
	askKept: "whose trail is in memory", askAlike: "of another item than before, beside which it travelled", askFresh: "with no trail in memory, warm",
}

// askedKept is how many items are asked for again and again.
const askedKept = 500

// travelMost is the most pallets that are made: each has a thousand codes.
const travelMost = 1000

// askings writes the history and returns ways to ask. Trails of few events are
// "fresh" on more pallets than are made.
func (s *benchTravel) askings(ctx context.Context, number int) ([]asking, error) {
	s.pallets = uint32(node.MaxKeptEvents/s.events) + 1
	fresh := s.pallets <= travelMost
	if !fresh {
		s.pallets = travelPallets
	}
	if err := s.pack(ctx, number); err != nil {
		return nil, err
	}
	pallets := make([]uint32, s.pallets)
	for i := range pallets {
		pallets[i] = uint32(i)
	}
	if err := s.tour(ctx, pallets...); err != nil {
		return nil, err
	}
	all, err := s.links(ctx, 0, s.items())
	if err != nil {
		return nil, err
	}
	near := s.pallets
	if fresh {
		near = min(travelPallets, s.pallets/2) // so few are sure to be kept
	}
	list := []asking{{askKept, all[:askedKept]}, {askAlike, all[:near*travelItems]}}
	if fresh {
		list = append(list, asking{askFresh, oneOfEach(all, int(s.pallets))})
	}
	return list, nil
}

// oneOfEach orders the links of items so that each is on another pallet than those
// before it, as long as there are others.
func oneOfEach(all []string, pallets int) []string {
	const each = 16
	list := make([]string, 0, pallets*each)
	for item := range each {
		for p := range pallets {
			list = append(list, all[p*travelItems+item])
		}
	}
	return list
}

// travelRows measures the answer about items with more and more events.
func (b *bench) travelRows(ctx context.Context, w *benchWorld, n *node.Node) error {
	for i, events := range []int{travelPacked, 50, 500} {
		b.e.say("writing the history of pallets with %d events …", events)
		askings, err := (&benchTravel{w: w, n: n, events: events}).askings(ctx, 10+i)
		if err != nil {
			return fmt.Errorf("fill: %w", err)
		}
		for _, a := range askings {
			what := fmt.Sprintf("look a code up that has %d events through three levels of packing, %s", events, askedHow[a.name])
			row, err := b.lookUps(ctx, n, fmt.Sprintf("trail-%d-events-%s", events, a.name), what, a.uris, events)
			if err != nil {
				return err
			}
			if events == 50 && a.name == askFresh {
				row.aim(row.Median < targetTrail, "under %.0f ms", targetTrail)
			}
		}
	}
	return nil
}
