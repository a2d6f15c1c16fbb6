package node

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"suyuan/trace"
)

// TestItemsShareTrails holds that codes which are alike are answered from one
// trail, and each with what a node says that has kept nothing, whatever happens to
// one of them meanwhile.
func TestItemsShareTrails(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 100)
	n.issue(t, carton, 4)
	n.mustSubmit(t, activateDraft(0, 99), packDraft(4))
	n.mustSubmit(t, trace.Draft{Kind: "party", Fields: fields{"slug": "dealer", "kind": "dealer"}})
	n.mustSubmit(t, trace.Draft{Kind: "ship", Subjects: []trace.DraftSubject{codesOf(carton, 0, 3)}, Fields: fields{"purpose": "sale", "to": "brand/dealer"}})
	n.final(t)
	var links []string
	const apart = 4
	for i := uint32(0); i < 48; i += apart { // in two cases
		links = append(links, link(toner, n.serial(t, toner, 0, i)))
	}
	check := func(trails int) {
		t.Helper()
		for _, member := range []string{"", "brand"} {
			for _, uri := range append(links, links...) {
				got := n.mustAnswer(t, uri, member)
				fresh, err := n.mustFold(t, uri)
				if err != nil {
					t.Fatal(err)
				}
				want := fresh.For(trace.Viewer{Member: member, Code: true})
				if g, w := encodeTrail(t, got.Trail), encodeTrail(t, want); g != w {
					t.Fatalf("to %q the trail of %s is\n%s\nwant\n%s", member, uri, g, w)
				}
			}
		}
		if n.folds.list.Len() != trails {
			t.Errorf("%d trails are kept, want %d", n.folds.list.Len(), trails)
		}
	}
	check(1)

	// One of them is sold: at once it stands apart, and the others do not.
	n.mustSubmit(t, trace.Draft{Kind: "sell", Party: "dealer", Subjects: []trace.DraftSubject{codesOf(toner, 3*apart, 3*apart)}, Fields: fields{"channel": "store"}})
	for i, uri := range links {
		if got := len(n.mustAnswer(t, uri, "").Pending); (got == 1) != (i == 3) || got > 1 {
			t.Errorf("code %d has %d pending events", i, got)
		}
	}
	n.final(t)
	check(2)

	// A recall shows before it is final, for all that it is about.
	n.mustSubmit(t, trace.Draft{Kind: "recall", Subjects: []trace.DraftSubject{codesOf(toner, 20, 30)}, Fields: fields{
		"class": "class-1", "scope": trace.Names{En: "some"}, "reason": trace.Names{En: "it leaks"}, "advice": trace.Names{En: "bring it back"}, "contact": "400"}})
	for i, uri := range links {
		want := trace.Consistent
		if i*apart >= 20 && i*apart <= 30 {
			want = trace.Recalled
		}
		if got := n.mustAnswer(t, uri, "").Verdict; (got == trace.Recalled) != (want == trace.Recalled) {
			t.Errorf("code %d is %s", i, got)
		}
	}
	n.final(t)
	check(3)
}

// TestManyAskForSharedTrails has many ask for codes that are alike while records
// come, under the race detector above all.
func TestManyAskForSharedTrails(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 100)
	n.mustSubmit(t, activateDraft(0, 99))
	n.final(t)
	var links []string
	for i := range uint32(100) {
		links = append(links, link(toner, n.serial(t, toner, 0, i)))
	}
	sold := make(chan uint32)
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(c), 1))
			for range sold {
				for range 20 {
					i := rnd.IntN(len(links))
					a, err := n.Answer(t.Context(), links[i], []string{"", "brand"}[c%2])
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := json.Marshal(a); err != nil || a.Trail.URI == "" || len(a.Trail.Events)+len(a.Pending) > 3 {
						t.Errorf("code %d: %+v, %v", i, a, err)
					}
				}
			}
		})
	}
	for i := range uint32(30) {
		n.mustSubmit(t, sellDraft(i))
		if i%3 == 0 {
			n.final(t)
		}
		sold <- i
		a := n.mustAnswer(t, links[i], "")
		if seen := append(slices.Clone(a.Trail.Events), a.Pending...); seen[len(seen)-1].Kind != "sell" {
			t.Errorf("code %d was sold, and the answer does not tell", i)
		}
	}
	close(sold)
	wg.Wait()
}

// TestNothingIsRememberedOfABehindIndex holds that an answer is not given from
// memory while the index is made again: recalls that are not final would be
// missing.
func TestNothingIsRememberedOfABehindIndex(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 10)
	n.mustSubmit(t, activateDraft(0, 9))
	n.final(t)
	uri := link(toner, n.serial(t, toner, 0, 1))
	n.mustAnswer(t, uri, "")
	if err := n.index.Drop(); err != nil {
		t.Fatal(err)
	}
	if a, err := n.Answer(t.Context(), uri, ""); err == nil {
		t.Errorf("answered with %+v", a)
	}
}

func encodeTrail(t *testing.T, v *trace.TrailView) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
