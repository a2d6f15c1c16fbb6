package node

import (
	"bytes"
	"errors"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"suyuan/ledger/store"
	"suyuan/trace"
)

const (
	// maxCachedEvents bounds the events in memory by the bytes of their entries
	// and sidecars; decoded they take some three times as much, and what is kept of
	// how they are shown as much again: 96 MB.
	maxCachedEvents = 16 << 20

	// maxCachedEvent is the largest that is kept: a few records with lists of
	// thousands of subjects must not push out what every trail has.
	maxCachedEvent = 64 << 10
)

// A cache keeps what was used last, up to a weight in all. The zero value is
// empty and keeps nothing that weighs more than its share. It is safe for
// concurrent use.
type cache[K comparable, V any] struct {
	mu     sync.Mutex // guards what follows
	list   *simplelru.LRU[K, weighed[V]]
	weight int // of all in list
}

type weighed[V any] struct {
	value  V
	weight int
}

func (c *cache[K, V]) get(key K) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list == nil {
		return v, false
	}
	w, ok := c.list.Get(key)
	return w.value, ok
}

// put keeps a value in the place of another, and drops others until all weigh
// most at most. What weighs more than a share of that is not kept.
func (c *cache[K, V]) put(key K, v V, weight, share, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list == nil {
		// It has no bound of its own, since the weight is one. The error is about a
		// size that is not positive.
		c.list, _ = simplelru.NewLRU(most, func(_ K, w weighed[V]) { c.weight -= w.weight })
	}
	c.list.Remove(key)
	if weight > share {
		return
	}
	c.list.Add(key, weighed[V]{v, weight})
	for c.weight += weight; c.weight > most; {
		c.list.RemoveOldest()
	}
}

// An eventCache keeps events that were decoded, since most events of a trail are
// those of many others: its runs, its pallets, its product. Whoever gets an event
// from it must not change it.
type eventCache = cache[trace.Position, cachedEvent]

// A cachedEvent is an event with the sidecar of which it was made. An entry
// never changes; a sidecar grows when disclosures arrive late, and shrinks when
// some are erased.
type cachedEvent struct {
	alone *trace.Event // without what was erased of it; nil for an entry that is no event
	event *trace.Event // with it: another each time that this is looked up, if there is anything
	size  int          // as decodeSized counts
	side  []byte
	at    int64 // store.Rewritten, before all this was read

	weight int // bytes of the entry and the sidecar
}

// event reads one stored event, nil if there is none at the position. It is
// shared: nobody may change it.
func (n *Node) event(pos trace.Position) (*trace.Event, error) {
	e, _, err := n.eventSized(pos)
	return e, err
}

// eventSized is event with the bytes that decodeSized counts.
func (n *Node) eventSized(pos trace.Position) (*trace.Event, int, error) {
	at := n.store.Rewritten()
	c, ok := n.events.get(pos)
	if ok && c.at == at {
		return c.event, c.size, nil
	}
	side, err := n.store.Sidecar(pos.Chain, pos.Seq)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, 0, err
	}
	if !ok || !bytes.Equal(c.side, side) {
		raw, err := n.store.Entry(pos.Chain, pos.Seq)
		if err != nil {
			return nil, 0, err
		}
		if c.alone, c.size, err = n.decodeSized(pos, store.Item{Entry: raw, Sidecar: side}); err != nil {
			return nil, 0, err
		}
		if c.weight = len(raw) + len(side); c.alone != nil && c.weight <= maxCachedEvent {
			c.alone.Share()
		}
	}
	if c.event, err = n.withErasures(c.alone); err != nil {
		return nil, 0, err
	}
	c.side, c.at = side, at
	n.events.put(pos, c, c.weight, maxCachedEvent, maxCachedEvents)
	return c.event, c.size, nil
}
