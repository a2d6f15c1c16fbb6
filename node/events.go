package node

import (
	"context"
	"maps"
	"slices"
	"strings"

	"suyuan/ledger"
	"suyuan/trace"
)

// maxEventsRead bounds the entries that one step of a stream looks at, and with
// it the memory that it takes: an entry has up to 64 KiB and its sidecar 1 MiB.
const maxEventsRead = 128

// A StreamedEvent is a record as a stream shows it.
type StreamedEvent struct {
	trace.EventView
	State    string               `json:"state"` // stored or final
	Subjects []trace.DraftSubject `json:"subjects"`

	// At is the sizes of all chains up to which the stream has come with this
	// event: whoever goes on from there misses none and gets none twice.
	At map[uint32]uint64 `json:"-"`
}

// WatchEvents returns a channel on which a value stands whenever something may
// have been stored or have become final. stop ends it.
func (n *Node) WatchEvents() (changed <-chan struct{}, stop func()) { return n.store.Watch() }

// EventSizes returns the sizes of all chains: what is stored, or of that what is
// final.
func (n *Node) EventSizes(final bool) (map[uint32]uint64, error) {
	if final {
		return n.finalCut()
	}
	sizes := make(map[uint32]uint64)
	for _, chain := range n.store.Chains() {
		sizes[chain] = n.store.Size(chain)
	}
	return sizes, nil
}

// EventsAfter returns the next events that a viewer may see, chain by chain in
// the order of the chain, after some sizes; a chain that these do not name counts
// from its beginning. It looks at some entries only and says how far it has come
// at the end; more says that there are others.
func (n *Node) EventsAfter(ctx context.Context, after map[uint32]uint64, final bool, viewer trace.Viewer) (list []StreamedEvent, at map[uint32]uint64, more bool, err error) {
	sizes, err := n.EventSizes(final)
	if err != nil {
		return nil, nil, false, err
	}
	at = make(map[uint32]uint64, len(sizes))
	for chain := range sizes {
		at[chain] = after[chain]
	}
	left := uint64(maxEventsRead)
	var events []*trace.Event
	var come []map[uint32]uint64
	for _, chain := range slices.Sorted(maps.Keys(sizes)) {
		from, to := at[chain], sizes[chain]
		if to <= from {
			continue
		}
		if more = to-from > left; more {
			to = from + left
		}
		left -= to - from
		pos := trace.Position{Chain: chain, Seq: from}
		for item, err := range n.store.Entries(chain, from, to) {
			if err != nil {
				return nil, nil, false, err
			}
			e, err := n.decode(pos, item)
			if err != nil {
				return nil, nil, false, err
			}
			pos.Seq++
			at[chain] = pos.Seq
			if e != nil && viewer.Concerns(e) {
				events, come = append(events, e), append(come, maps.Clone(at))
			}
		}
		if more {
			break
		}
	}
	list, err = n.streamed(events, final, viewer)
	for i := range list {
		list[i].At = come[i]
	}
	return list, at, more, err
}

// Show returns a record as a stream shows it; ok is false if it is not stored here,
// is no event, or does not concern the viewer.
func (n *Node) Show(id ledger.Hash, viewer trace.Viewer) (shown *StreamedEvent, ok bool, err error) {
	chain, seq, ok, err := n.store.Find(id)
	if err != nil || !ok {
		return nil, false, err
	}
	e, err := n.event(trace.Position{Chain: chain, Seq: seq})
	if err != nil || e == nil || !viewer.Concerns(e) {
		return nil, false, err
	}
	list, err := n.streamed([]*trace.Event{e}, seq < n.store.FinalSizes()[chain], viewer)
	if err != nil {
		return nil, false, err
	}
	return &list[0], true, nil
}

// streamed shows events.
func (n *Node) streamed(events []*trace.Event, final bool, viewer trace.Viewer) ([]StreamedEvent, error) {
	if len(events) == 0 {
		return nil, nil
	}
	state := "stored"
	if final {
		state = "final"
	}
	var parties, places []string
	for _, e := range events {
		parties = append(parties, e.Actor())
		if strings.Contains(e.PlaceName(), "/") {
			places = append(places, e.PlaceName())
		}
	}
	speaker, err := n.speaker(parties, places, n.index.Applied())
	if err != nil {
		return nil, err
	}
	list := make([]StreamedEvent, len(events))
	for i, e := range events {
		list[i] = StreamedEvent{EventView: speaker.Event(e, viewer), State: state, Subjects: make([]trace.DraftSubject, len(e.Subjects))}
		for n := range e.Subjects {
			list[i].Subjects[n] = e.Subjects[n].Draft()
		}
	}
	return list, nil
}
