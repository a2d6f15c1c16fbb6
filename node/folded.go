package node

import (
	"maps"
	"sync"

	"suyuan/trace"
)

const (
	// maxFolded bounds the trails in memory by their events, some three KB each
	// with what is shown of them: 96 MB.
	maxFolded = 32 << 10

	// maxFoldedTrail is the most events that a trail may have to be kept.
	maxFoldedTrail = 1 << 10
)

// A folded is the trail of an item at a cut, with what it was made of. Many ask
// for the same item in turn: who scans a code looks at the page, its picture and
// the records, and a code that was copied is scanned again and again.
type folded struct {
	cut    map[uint32]uint64
	events []*trace.Event // all that were looked at

	mu     sync.Mutex // held by whoever reads the trail
	trail  *trace.Trail
	public *trace.TrailView // nil until it was asked for
}

// A foldKey says of what a trail is, besides the cut.
type foldKey struct {
	item        trace.Item
	uri, serial string
}

// foldOnce is fold for answers: a trail that is there already is taken, if it is
// of this cut and each of its events is what the store gives now. Nothing else
// goes into it that may change.
func (n *Node) foldOnce(r *resolved, cut map[uint32]uint64) (*folded, error) {
	if r.Item.Kind != trace.ItemCode || r.BadPack {
		t, _, err := n.foldWith(r, cut)
		return &folded{trail: t}, err
	}
	key := foldKey{r.Item, r.URI, r.Serial}
	if f, ok := n.folds.get(key); ok && maps.Equal(f.cut, cut) {
		same, err := n.unchanged(f.events)
		if err != nil {
			return nil, err
		}
		if same {
			return f, nil
		}
	}
	t, g, err := n.foldWith(r, cut)
	if err != nil {
		return nil, err
	}
	f := &folded{cut: cut, events: g.events, trail: t}
	if g.whole {
		n.folds.put(key, f, len(g.events)+1, maxFoldedTrail, maxFolded)
	}
	return f, nil
}

// unchanged reports whether events are what the store gives at their positions.
// One of which something was erased is another each time.
func (n *Node) unchanged(events []*trace.Event) (bool, error) {
	for _, e := range events {
		now, err := n.event(e.Position)
		if err != nil || now != e {
			return false, err
		}
	}
	return true, nil
}

// view is what a viewer sees of the trail, which must not be changed: it may be
// given to others. f.mu is held.
func (f *folded) view(v trace.Viewer) *trace.TrailView {
	if v != (trace.Viewer{Code: true}) {
		return f.trail.For(v) // what one company or dealer sees is for nobody else
	}
	if f.public == nil {
		view := f.trail.For(v)
		if f.events == nil || view.Keep() != nil { // it is told when it is encoded
			return view
		}
		f.public = view
	}
	return f.public
}
