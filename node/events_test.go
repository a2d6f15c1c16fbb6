package node

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"suyuan/trace"
)

// readEvents reads a stream to its end, starting again from each event's sizes.
func readStream(t testing.TB, n *testNode, from map[uint32]uint64, final bool, v trace.Viewer) (list []StreamedEvent) {
	t.Helper()
	for {
		events, at, more, err := n.EventsAfter(context.Background(), from, final, v)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, events...)
		if !more {
			return list
		}
		from = at
	}
}

func places(list []StreamedEvent) string {
	text := ""
	for _, e := range list {
		text += fmt.Sprintf("%s/%d %s, ", e.Chain, e.Seq, e.Kind)
	}
	return text
}

// Whoever goes on from any event gets the rest: each once, in the order of its
// chain.
func TestEventsGoOnFromAnyEvent(t *testing.T) {
	t.Parallel()
	brand, dist := newStocked(t)
	member := trace.Viewer{Member: "dist"}
	all := readStream(t, dist, nil, true, member)
	const want = "brand/1/2 product, brand/1/3 run, brand/1/4 activate, brand/1/5 ship, brand/1/6 void, "
	if got := places(all); got[:len(want)] != want || len(all) != 8 {
		t.Fatalf("got %s", got)
	}
	for i, e := range all {
		if rest := readStream(t, dist, e.At, true, member); places(rest) != places(all[i+1:]) {
			t.Errorf("after %s/%d: %s, want %s", e.Chain, e.Seq, places(rest), places(all[i+1:]))
		}
	}
	if len(all[3].Subjects) != 1 || *all[3].Subjects[0].To != 79 || all[3].Fields["to"] != "dist" || all[3].Party.En == "" {
		t.Errorf("the shipment is shown as %+v", all[3])
	}
	sizes, err := dist.EventSizes(true)
	if err != nil || !maps.Equal(sizes, all[len(all)-1].At) {
		t.Errorf("sizes %v, %v, want %v", sizes, err, all[len(all)-1].At)
	}
	brand.mustSubmit(t, trace.Draft{Kind: "hold", Subjects: []trace.DraftSubject{codesOf(toner, 100, 101)}, Fields: fields{"reason": "check"}})
	if got := places(readStream(t, brand, sizes, true, member)); got != "" {
		t.Errorf("streamed as final: %s", got)
	}
	if got := readStream(t, brand, sizes, false, member); len(got) != 1 || got[0].State != "stored" || got[0].Kind != "hold" {
		t.Errorf("streamed as stored: %s", places(got))
	}
}

// Who acts for one party gets what it did and what names it.
func TestEventsOfOneParty(t *testing.T) {
	t.Parallel()
	_, dist := newStocked(t)
	if got := readStream(t, dist, nil, true, trace.Viewer{Party: "dist/shop"}); len(got) != 0 {
		t.Errorf("a shop gets %s", places(got))
	}
	party := trace.Draft{Kind: "party", Fields: fields{"slug": "shop", "kind": "store"}}
	dist.mustSubmit(t, party, trace.Draft{Kind: "ship", Subjects: []trace.DraftSubject{codesOf(toner, 10, 12)}, Fields: fields{"purpose": "sale", "to": "dist/shop"}})
	got := readStream(t, dist, nil, false, trace.Viewer{Party: "dist/shop"})
	if len(got) != 1 || got[0].Kind != "ship" {
		t.Errorf("the shop gets %s", places(got))
	}
}
