package node

import (
	"context"
	"maps"
	"testing"

	"suyuan/trace"
)

// The public answer is made of final entries; what is not final yet stands
// apart.
func TestAnswerSetsPendingApart(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 200)
	n.mustSubmit(t, activateDraft(0, 99))
	n.put(t, n.checkpoint(t))
	n.mustSubmit(t, sellDraft(7))
	uri := link(toner, n.serial(t, toner, 0, 7))
	a := n.answer(t, uri)
	if got := kindsOf(a.Trail.Events); got != "run activate" || kindsOf(a.Pending) != "sell" {
		t.Errorf("events %q, pending %q; want run activate and sell", got, kindsOf(a.Pending))
	}
	if len(a.Trail.AsOf) != 1 {
		t.Errorf("the trail does not say as of when it is: %v", a.Trail.AsOf)
	}
	n.put(t, n.checkpoint(t))
	a = n.answer(t, uri)
	if got := kindsOf(a.Trail.Events); got != "run activate sell" || len(a.Pending) != 0 {
		t.Errorf("when final: events %q, pending %q", got, kindsOf(a.Pending))
	}
	if len(a.Assurance) != 1 || a.Assurance[0].Cosigned != 1 || a.Assurance[0].Quorum != 1 {
		t.Errorf("assurance %+v", a.Assurance)
	}
}

// Before anything is final nobody is told of a product.
func TestAnswerShowsNothingThatIsNotFinal(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 200)
	_, err := n.Answer(context.Background(), link(toner, n.serial(t, toner, 0, 7)), "")
	wantCode(t, err, "unknown-product")
}

func (n *testNode) answer(t testing.TB, uri string) *trace.Answer {
	t.Helper()
	a, err := n.Answer(context.Background(), uri, "")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func kindsOf(list []trace.EventView) string {
	names := ""
	for i, e := range list {
		if i > 0 {
			names += " "
		}
		names += e.Kind
	}
	return names
}

// A chain that is final here may have seen entries of another that are not
// final here yet. The cut leaves out what had seen them, so that every answer is
// closed: whoever asks another node about the same sizes gets the same trail.
func TestFinalCutIsClosedUnderFrontiers(t *testing.T) {
	t.Parallel()
	nodes := newNetwork(t, 2)
	brand, dist := nodes[0], nodes[1]
	for _, n := range nodes {
		n.addOperator(t)
	}
	brand.mustSubmit(t, productDraft(toner))
	move(t, brand, dist, brand.chain)
	brandFinal := brand.checkpoint(t, dist)
	dist.put(t, brandFinal) // brand itself has not heard of it
	placed := dist.mustSubmit(t, trace.Draft{Kind: "place", Fields: fields{"id": "hub", "kind": "warehouse", "country": "CN"}})
	move(t, dist, brand, dist.chain)
	brand.put(t, dist.checkpoint(t, brand))

	seq := placed[0].Seq
	if seen, err := dist.store.FrontierAt(dist.chain, seq, brand.chain); err != nil || seen != brandFinal.Size {
		t.Fatalf("the place record had seen %d of brand's entries, want %d; %v", seen, brandFinal.Size, err)
	}
	for _, c := range []struct {
		name string
		want map[uint32]uint64
	}{
		{"before brand's checkpoint", map[uint32]uint64{brand.chain: 0, dist.chain: seq - 1}}, // without frontier and record
		{"after it", map[uint32]uint64{brand.chain: brandFinal.Size, dist.chain: seq + 1}},
	} {
		cut, err := brand.finalCut()
		if err != nil || !maps.Equal(cut, c.want) {
			t.Errorf("%s the cut is %v, want %v; %v", c.name, cut, c.want, err)
		}
		brand.put(t, brandFinal)
	}
}
