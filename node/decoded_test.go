package node

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"suyuan/ledger/store"
	"suyuan/trace"
)

func TestCacheIsBounded(t *testing.T) {
	var c cache[int, string]
	if _, ok := c.get(1); ok {
		t.Error("an empty cache has something")
	}
	const most, share = 100, 10
	for i := range 25 {
		c.put(i, "x", share, share, most)
	}
	if c.weight != most || c.list.Len() != most/share {
		t.Errorf("%d values of weight %d are kept", c.list.Len(), c.weight)
	}
	if _, ok := c.get(0); ok {
		t.Error("the oldest is kept")
	}
	c.put(24, "y", 3, share, most)
	if v, ok := c.get(24); !ok || v != "y" || c.weight != most-share+3 {
		t.Errorf("got %q, %t with weight %d", v, ok, c.weight)
	}
	c.put(24, "z", share+1, share, most)
	if _, ok := c.get(24); ok || c.weight != most-share {
		t.Errorf("one that is too heavy is kept, or what it was before; weight %d", c.weight)
	}
}

// TestAnswersLeaveCachedEventsAlone holds that events which many share are what
// the store says after they were folded and shown to everybody.
func TestAnswersLeaveCachedEventsAlone(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 10)
	n.mustSubmit(t, activateDraft(0, 9), sellDraft(0), sellDraft(1))
	n.final(t)
	code := link(toner, n.serial(t, toner, 0, 0))
	want := n.mustAnswer(t, code, "brand")
	for _, member := range []string{"", "brand", "dist"} {
		n.mustAnswer(t, code, member)
	}
	if got := n.mustAnswer(t, code, "brand"); !reflect.DeepEqual(got.Trail, want.Trail) {
		t.Errorf("the trail changed from %+v to %+v", want.Trail, got.Trail)
	}
	cached := 0
	for seq := range n.store.Size(n.chain) {
		pos := trace.Position{Chain: n.chain, Seq: seq}
		raw, err := n.store.Entry(pos.Chain, pos.Seq)
		if err != nil {
			t.Fatal(err)
		}
		side, err := n.store.Sidecar(pos.Chain, pos.Seq)
		if err != nil {
			t.Fatal(err)
		}
		c, ok := n.events.get(pos)
		if !ok {
			continue
		}
		cached++
		fresh, size, err := n.decodeSized(pos, store.Item{Entry: raw, Sidecar: side})
		if err != nil || size != c.size || !sameEvent(fresh, c.alone) {
			t.Errorf("entry %d is kept as %+v, and is %+v: %v", seq, c.alone, fresh, err)
		}
	}
	if cached < 4 {
		t.Errorf("%d events are kept", cached)
	}
}

// sameEvent compares all of two events but what one keeps of how it was shown.
func sameEvent(a, b *trace.Event) bool {
	if a == nil || b == nil {
		return a == b
	}
	return !slices.ContainsFunc(reflect.VisibleFields(reflect.TypeFor[trace.Event]()), func(f reflect.StructField) bool {
		of := func(e *trace.Event) any { return reflect.ValueOf(e).Elem().FieldByIndex(f.Index).Interface() }
		return f.IsExported() && !reflect.DeepEqual(of(a), of(b))
	})
}

// TestTrailsAreFoldedAgain holds that a trail which was kept is given only as
// long as nothing has changed of what it was made of.
func TestTrailsAreFoldedAgain(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 10)
	noted := trace.Draft{Kind: "inspect", Subjects: []trace.DraftSubject{codesOf(toner, 0, 0)},
		Fields: fields{"type": "quality", "result": "pass", "issuer": consent}}
	note := n.mustSubmit(t, activateDraft(0, 9), noted)[1].ID
	n.final(t)
	code := link(toner, n.serial(t, toner, 0, 0))
	kept := func() *folded {
		t.Helper()
		n.mustAnswer(t, code, "")
		l, ok := n.lookedUp.get(code)
		if !ok {
			t.Fatal("the link is not remembered")
		}
		f, ok := n.folds.get(l.like.Key)
		if !ok {
			t.Fatal("the trail is not kept")
		}
		return f
	}
	first := kept()
	if kept() != first {
		t.Error("the trail is folded again for nothing")
	}
	public, member := n.mustAnswer(t, code, ""), n.mustAnswer(t, code, "brand")
	if kept() != first || len(public.Trail.Events) != len(member.Trail.Events) {
		t.Error("the public and the member see other trails")
	}

	// Another event, stored and then final.
	n.mustSubmit(t, sellDraft(0))
	if a := n.mustAnswer(t, code, ""); len(a.Pending) != 1 || kept() != first {
		t.Errorf("pending: %+v", a.Pending)
	}
	n.final(t)
	if a := n.mustAnswer(t, code, ""); len(a.Pending) != 0 || len(a.Trail.Events) != len(member.Trail.Events)+1 || kept() == first {
		t.Errorf("after the sale: %d events, %d pending", len(a.Trail.Events), len(a.Pending))
	}

	// An event that is not the one that the store gives any more.
	second := kept()
	if _, err := n.Erase(t.Context(), Erase{Record: note, Fields: []string{"issuer"}, Ground: "consent-withdrawn"}); err != nil {
		t.Fatal(err)
	}
	if raw, err := json.Marshal(n.mustAnswer(t, code, "brand")); err != nil || bytes.Contains(raw, []byte(consent)) {
		t.Errorf("what was erased is told: %s, %v", raw, err)
	}
	if kept() == second {
		t.Error("a trail is kept whose events have changed")
	}
	fresh, err := n.mustFold(t, code)
	if err != nil {
		t.Fatal(err)
	}
	want, err1 := json.Marshal(fresh.For(trace.Viewer{Code: true}))
	got, err2 := json.Marshal(n.mustAnswer(t, code, "").Trail)
	if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
		t.Errorf("the trail that is kept is not the trail: %s, want %s", got, want)
	}
}

// mustFold folds a code's trail anew.
func (n *testNode) mustFold(t *testing.T, code string) (*trace.Trail, error) {
	t.Helper()
	cut, err := n.finalCut()
	if err != nil {
		return nil, err
	}
	r, err := n.resolve(t.Context(), code, cut)
	if err != nil {
		return nil, err
	}
	return n.fold(r, cut)
}
