package node

import (
	"maps"
	"sync"
	"sync/atomic"

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
	events []*trace.Event // that were looked at
	whole  bool           // these are all that there are
	at     atomic.Int64   // store.Rewritten, before they were found to be so

	mu      sync.Mutex // held by whoever reads the trail
	trail   *trace.Trail
	public  *trace.TrailView // nil until it was asked for
	encoded bool             // it was asked for twice
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
	at := n.store.Rewritten()
	if f, ok := n.folds.get(key); ok && maps.Equal(f.cut, cut) {
		same, err := n.unchanged(f, at)
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
	f := &folded{cut: cut, events: g.events, whole: g.whole, trail: t}
	f.at.Store(at)
	if g.whole {
		n.folds.put(key, f, len(g.events)+1, maxFoldedTrail, maxFolded)
	}
	return f, nil
}

// unchanged reports whether the events of a trail are what the store gives at
// their positions, which has rewritten things so often. One of which something was
// erased is another each time that this number changes.
func (n *Node) unchanged(f *folded, rewritten int64) (bool, error) {
	if f.at.Load() == rewritten {
		return true, nil
	}
	for _, e := range f.events {
		now, err := n.event(e.Position)
		if err != nil || now != e {
			return false, err
		}
	}
	f.at.Store(rewritten)
	return true, nil
}

// view is what a viewer sees of the trail, which must not be changed: it may be
// given to others. f.mu is held.
func (f *folded) view(v trace.Viewer) *trace.TrailView {
	if v != (trace.Viewer{Code: true}) {
		return f.trail.For(v) // what one company or dealer sees is for nobody else
	}
	switch {
	case f.public == nil:
		f.public = f.trail.For(v) // most are asked for once, for a page
	case !f.encoded:
		f.encoded = true
		view := *f.public       // which others may be reading
		if view.Keep() == nil { // else it is told when it is encoded
			f.public = &view
		}
	}
	return f.public
}
