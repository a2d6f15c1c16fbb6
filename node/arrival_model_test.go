package node

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
)

// Four nodes write about the same pallets and hear of each other in pieces, each
// in an order of its own. When all have everything, they tell the same, byte for
// byte, to the public and to members; and so does a node whose index is made anew.
func TestTrailsAreTheSameInAnyOrderOfArrival(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 7))
			nodes := newNetwork(t, 4)
			for _, n := range nodes {
				n.addOperator(t)
			}
			var pallets []string
			for i := range 6 {
				digits := fmt.Sprintf("0690123400000000%d", i)
				pallets = append(pallets, digits+checkDigit(digits))
			}
			now, accepted := time.Now(), 0
			var shipments []ledger.Hash
			for range 50 {
				now = now.Add(time.Duration(rnd.IntN(90)) * time.Minute)
				n := nodes[rnd.IntN(4)]
				n.clock.at = now
				if d, ok := anything(rnd, nodes, pallets, shipments); ok {
					p := n.submit(t, d)[0]
					if p.Err == nil {
						accepted++
						if d.Kind == "ship" {
							shipments = append(shipments, p.Hash)
						}
					}
				}
				if from, to := nodes[rnd.IntN(4)], nodes[rnd.IntN(4)]; from != to {
					of := nodes[rnd.IntN(4)]
					if of != to && from.store.Size(of.chain) > to.store.Size(of.chain) {
						move(t, from, to, of.chain)
					}
				}
				if rnd.IntN(12) == 0 { // something becomes final, and is seen in frontiers
					syncAll(t, nodes[:4])
				}
			}
			now = now.Add(time.Hour)
			for _, n := range nodes {
				n.clock.at = now
			}
			syncAll(t, nodes)
			if accepted < 20 {
				t.Errorf("only %d records were taken: the test shows little", accepted)
			}
			for _, viewer := range []string{"", "wh"} {
				for _, pallet := range pallets {
					want := nodes[0].trailJSON(t, pallet, viewer)
					for _, n := range nodes[1:] {
						if got := n.trailJSON(t, pallet, viewer); got != want {
							t.Errorf("pallet %s, to %q: %s tells\n%s\n%s tells\n%s", pallet, viewer, n.Member(), got, nodes[0].Member(), want)
						}
					}
				}
			}
			last := nodes[3]
			before := last.trailJSON(t, pallets[0], "wh")
			if err := last.index.Drop(); err != nil {
				t.Fatal(err)
			}
			if err := last.indexAll(); err != nil {
				t.Fatal(err)
			}
			if after := last.trailJSON(t, pallets[0], "wh"); after != before {
				t.Errorf("from a new index: %s\nnot %s", after, before)
			}
		})
	}
}

func (n *testNode) trailJSON(t *testing.T, pallet, viewer string) string {
	t.Helper()
	a, err := n.Answer(context.Background(), "https://lanzhi.example/00/"+pallet, viewer)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(a.Trail)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// anything is something that somebody may want to record about a pallet, true or
// not, now or late.
func anything(rnd *rand.Rand, nodes []*testNode, pallets []string, shipments []ledger.Hash) (trace.Draft, bool) {
	one := func() *trace.DraftSubject {
		return &trace.DraftSubject{SSCC: mustSSCC(pallets[rnd.IntN(len(pallets))])}
	}
	age := rnd.Int64N(int64(3 * time.Hour / time.Millisecond))
	d := trace.Draft{AgeMs: &age, Subjects: []trace.DraftSubject{*one()}, Fields: fields{}}
	switch rnd.IntN(9) {
	case 0, 1, 2:
		d.Kind, d.Fields = "ship", fields{"purpose": "sale", "to": nodes[rnd.IntN(4)].Member()}
	case 3, 4:
		d.Kind = "receive"
		if len(shipments) > 0 && rnd.IntN(2) == 0 {
			d.Refs = shipments[len(shipments)-1:]
		}
	case 5:
		unit, content := one(), one()
		if unit.SSCC == content.SSCC {
			return d, false
		}
		d.Kind, d.Subjects = "pack", []trace.DraftSubject{{Unit: unit, Content: content}}
	case 6:
		d.Kind = "unpack"
	case 7:
		d.Kind, d.Fields = "sell", fields{"channel": "store"}
	case 8:
		d.Kind, d.Fields = "hold", fields{"reason": "quality"}
	}
	return d, true
}
