package node

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/stock"
)

var seedsFlag = flag.Uint64("seeds", 2, "run the model of arrivals with so many seeds")

// Four nodes write about the same pallets and items and hear of each other in pieces,
// each in an order of its own. When all have everything, they tell the same, byte
// for byte, to the public and to members, and list the same findings, of quantities
// too; and so does a node whose index is made anew.
func TestTrailsAreTheSameInAnyOrderOfArrival(t *testing.T) {
	t.Parallel()
	var quantities atomic.Int64
	t.Cleanup(func() {
		if !t.Failed() && quantities.Load() == 0 {
			t.Error("nothing is short or over: the test shows little")
		}
	})
	for seed := range *seedsFlag {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 7))
			nodes := newNetwork(t, 4)
			for _, n := range nodes {
				n.addOperator(t)
			}
			nodes[0].mustSubmit(t, productDraft(toner))
			nodes[0].issue(t, toner, arrivalCodes)
			nodes[0].mustSubmit(t, activateDraft(0, arrivalCodes-1))
			syncAll(t, nodes)
			var pallets []string
			for i := range 6 {
				digits := fmt.Sprintf("0690123400000000%d", i)
				pallets = append(pallets, digits+checkDigit(digits))
			}
			now, accepted := time.Now(), 0
			var sent []shipped
			for range 70 {
				now = now.Add(time.Duration(rnd.IntN(90)) * time.Minute)
				n := nodes[rnd.IntN(4)]
				n.clock.at = now
				if d, ok := anything(rnd, nodes, n.Member(), pallets, sent); ok {
					p := n.submit(t, d)[0]
					if p.Err == nil {
						accepted++
						if d.Kind == "ship" {
							sent = append(sent, shipped{p.Hash, d})
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
			now = now.Add(100 * time.Hour) // what has not come is short
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
			for _, viewer := range []string{"", "brand", "wh"} {
				want, n := nodes[0].findingsJSON(t, viewer)
				quantities.Add(int64(n))
				for _, n := range nodes[1:] {
					if got, _ := n.findingsJSON(t, viewer); got != want {
						t.Errorf("to %q: %s finds\n%s\n%s finds\n%s", viewer, n.Member(), got, nodes[0].Member(), want)
					}
				}
			}
			last := nodes[3]
			before, found := last.trailJSON(t, pallets[0], "wh"), ""
			if found, _ = last.findingsJSON(t, "wh"); found == "" {
				t.Fatal("no findings")
			}
			if err := last.index.Drop(); err != nil {
				t.Fatal(err)
			}
			if err := last.indexAll(); err != nil {
				t.Fatal(err)
			}
			if after := last.trailJSON(t, pallets[0], "wh"); after != before {
				t.Errorf("from a new index: %s\nnot %s", after, before)
			}
			last.books = newBooks() // what was counted is forgotten, too
			if after, _ := last.findingsJSON(t, "wh"); after != found {
				t.Errorf("from a new index: %s\nnot %s", after, found)
			}
		})
	}
}

// shipped is a shipment in the test of arrival.
type shipped struct {
	hash  ledger.Hash
	draft trace.Draft
}

// arrivalCodes are issued in the test of arrival.
const arrivalCodes = 24

// findingsJSON lists what a viewer is told, and how much of it is about quantities.
func (n *testNode) findingsJSON(t *testing.T, viewer string) (list string, quantities int) {
	t.Helper()
	a := n.findings(t, stock.FindingQuestion{Limit: 500}, trace.Viewer{Member: viewer})
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range codesIn(a) {
		if code == trace.ShortReceipt || code == trace.OverReceipt {
			quantities++
		}
	}
	return string(raw), quantities
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

// anything is something that somebody may want to record about a pallet or items,
// true or not, now or late.
func anything(rnd *rand.Rand, nodes []*testNode, member string, pallets []string, sent []shipped) (trace.Draft, bool) {
	one := func() *trace.DraftSubject {
		if rnd.IntN(3) == 0 {
			from := rnd.Uint32N(arrivalCodes)
			items := codesOf(toner, from, min(arrivalCodes-1, from+rnd.Uint32N(6)))
			return &items
		}
		return &trace.DraftSubject{SSCC: mustSSCC(pallets[rnd.IntN(len(pallets))])}
	}
	age := rnd.Int64N(int64(3 * time.Hour / time.Millisecond))
	d := trace.Draft{AgeMs: &age, Subjects: []trace.DraftSubject{*one()}, Fields: fields{}}
	switch rnd.IntN(9) {
	case 0, 1, 2:
		d.Kind, d.Fields = "ship", fields{"purpose": "sale", "to": nodes[rnd.IntN(4)].Member()}
		if more := one(); more.SSCC != d.Subjects[0].SSCC {
			d.Subjects = append(d.Subjects, *more)
		}
	case 3, 4:
		d.Kind = "receive"
		mine := slices.DeleteFunc(slices.Clone(sent), func(s shipped) bool { return s.draft.Fields["to"] != member })
		if len(mine) > 0 && rnd.IntN(4) > 0 { // the first that was sent, and perhaps something else
			s := mine[rnd.IntN(len(mine))]
			d.Refs = []ledger.Hash{s.hash}
			if first := s.draft.Subjects[0]; rnd.IntN(3) > 0 || first.SSCC == d.Subjects[0].SSCC {
				d.Subjects = []trace.DraftSubject{first}
			} else {
				d.Subjects = append(d.Subjects, first)
			}
		}
	case 5:
		unit, content := one(), one()
		if unit.SSCC.IsZero() || unit.SSCC == content.SSCC {
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
