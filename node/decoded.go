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
	// and sidecars; decoded they take some three times as much.
	maxCachedEvents = 32 << 20

	// maxCachedEvent is the largest that is kept: a few records with lists of
	// thousands of subjects must not push out what every trail has.
	maxCachedEvent = 64 << 10
)

// An eventCache keeps events that were decoded, since most events of a trail are
// those of many others: its runs, its pallets, its product. The zero value is
// empty. Whoever gets an event from it must not change it.
type eventCache struct {
	mu     sync.Mutex // guards what follows
	list   *simplelru.LRU[trace.Position, cachedEvent]
	weight int // of all in list
}

// A cachedEvent is an event with the sidecar of which it was made. An entry
// never changes; a sidecar grows when disclosures arrive late, and shrinks when
// some are erased.
type cachedEvent struct {
	event  *trace.Event // nil for an entry that is no event
	size   int          // as decodeSized counts
	side   []byte
	weight int
}

// get returns what is kept for a position, if it is of that sidecar.
func (c *eventCache) get(pos trace.Position, side []byte) (cachedEvent, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list == nil {
		return cachedEvent{}, false
	}
	e, ok := c.list.Get(pos)
	return e, ok && bytes.Equal(e.side, side)
}

func (c *eventCache) put(pos trace.Position, e cachedEvent) {
	if e.weight > maxCachedEvent {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list == nil {
		// It has no bound of its own: the weight is one. The error is of a size
		// that is not positive.
		c.list, _ = simplelru.NewLRU(maxCachedEvents, func(_ trace.Position, e cachedEvent) { c.weight -= e.weight })
	}
	c.list.Remove(pos)
	c.list.Add(pos, e)
	for c.weight += e.weight; c.weight > maxCachedEvents; {
		c.list.RemoveOldest()
	}
}

// event reads one stored event, nil if there is none at the position. It is
// shared: nobody may change it.
func (n *Node) event(pos trace.Position) (*trace.Event, error) {
	e, _, err := n.eventSized(pos)
	return e, err
}

// eventSized is event with the bytes that decodeSized counts.
func (n *Node) eventSized(pos trace.Position) (*trace.Event, int, error) {
	side, err := n.store.Sidecar(pos.Chain, pos.Seq)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, 0, err
	}
	if c, ok := n.events.get(pos, side); ok {
		e, err := n.withErasures(c.event)
		return e, c.size, err
	}
	raw, err := n.store.Entry(pos.Chain, pos.Seq)
	if err != nil {
		return nil, 0, err
	}
	e, size, err := n.decodeSized(pos, store.Item{Entry: raw, Sidecar: side})
	if err != nil {
		return nil, 0, err
	}
	n.events.put(pos, cachedEvent{event: e, size: size, side: side, weight: len(raw) + len(side)})
	e, err = n.withErasures(e)
	return e, size, err
}
