package node

import (
	"reflect"
	"testing"

	"suyuan/ledger/store"
	"suyuan/trace"
)

func TestEventCacheIsOfOneSidecar(t *testing.T) {
	var c eventCache
	pos := trace.Position{Chain: 1, Seq: 7}
	if _, ok := c.get(pos, nil); ok {
		t.Error("an empty cache has something")
	}
	e := &trace.Event{Position: pos}
	c.put(pos, cachedEvent{event: e, side: []byte("all of it"), weight: 10})
	if got, ok := c.get(pos, []byte("all of it")); !ok || got.event != e {
		t.Errorf("got %+v, %t", got, ok)
	}
	if _, ok := c.get(pos, []byte("a part")); ok {
		t.Error("what was erased is given out")
	}
	c.put(pos, cachedEvent{side: []byte("a part"), weight: 20})
	if got, ok := c.get(pos, []byte("a part")); !ok || got.event != nil || c.weight != 20 {
		t.Errorf("got %+v, %t with weight %d", got, ok, c.weight)
	}
}

func TestEventCacheIsBounded(t *testing.T) {
	var c eventCache
	const each = maxCachedEvent
	for i := range uint64(2 * maxCachedEvents / each) {
		c.put(trace.Position{Chain: 1, Seq: i}, cachedEvent{weight: each})
	}
	if c.weight > maxCachedEvents || c.list.Len() != maxCachedEvents/each {
		t.Errorf("%d events of %d bytes are kept", c.list.Len(), c.weight)
	}
	if _, ok := c.get(trace.Position{Chain: 1, Seq: 0}, nil); ok {
		t.Error("the oldest is kept")
	}
	c.put(trace.Position{Chain: 2}, cachedEvent{weight: maxCachedEvent + 1})
	if _, ok := c.get(trace.Position{Chain: 2}, nil); ok {
		t.Error("one that is too large is kept")
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
		c, ok := n.events.get(pos, side)
		if !ok {
			continue
		}
		cached++
		fresh, size, err := n.decodeSized(pos, store.Item{Entry: raw, Sidecar: side})
		if err != nil || size != c.size || !reflect.DeepEqual(fresh, c.event) {
			t.Errorf("entry %d is kept as %+v, and is %+v: %v", seq, c.event, fresh, err)
		}
	}
	if cached < 4 {
		t.Errorf("%d events are kept", cached)
	}
}
