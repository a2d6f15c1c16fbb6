package node

import (
	"context"
	"crypto/sha256"
	"maps"
	"sync"
	"sync/atomic"

	"suyuan/trace"
)

const (
	// MaxKeptEvents bounds the trails in memory by their events, some three KB each
	// with what is shown of them: 96 MB.
	MaxKeptEvents = 32 << 10

	// maxFoldedTrail is the most events that a trail may have to be kept.
	maxFoldedTrail = 1 << 10

	// maxLookedUp bounds the links that are remembered, some KB each: 16 MB.
	maxLookedUp = 16 << 10

	// maxLookedUpLink is the longest link that is remembered, in bytes: a code with
	// its lot has a hundred.
	maxLookedUpLink = 256
)

// A folded is the trail of an item at a cut, with what it was made of, for all
// items that are like it: what is on one pallet was mostly made, packed and moved
// together. Many ask for the same item in turn, too: who scans a code looks at the
// page, its picture and the records, and a code that was copied is scanned again
// and again.
type folded struct {
	cut    map[uint32]uint64
	events []*trace.Event // that were looked at
	whole  bool           // these are all that there are
	at     atomic.Int64   // store.Rewritten, before they were found to be so
	trail  *trace.Trail
	like   trace.Likeness

	mu      sync.Mutex       // guards what follows
	public  *trace.TrailView // nil until it was asked for
	encoded bool             // it was asked for twice
}

// A likeKey is the key of a [trace.Likeness].
type likeKey = [sha256.Size]byte

// A lookedUp is what a link names at a cut, and which trail is its.
type lookedUp struct {
	cut  map[uint32]uint64
	at   int64     // store.Rewritten, before it was found out
	what *resolved // without the pack, which would stay open
	like trace.Likeness
}

// An itemTrail is the trail of one item, which is that of all that are like it but
// for its names.
type itemTrail struct {
	*trace.Trail
	what *resolved
	from *folded
}

// lookUp resolves a link and folds the trail of what it names. What is there
// already is taken, if it is of this cut and each of its events is what the store
// gives now. Nothing else goes into it that may change.
func (n *Node) lookUp(ctx context.Context, uri string, cut map[uint32]uint64) (*itemTrail, error) {
	at := n.store.Rewritten()
	if t := n.lookedUpTrail(uri, cut, at); t != nil {
		return t, nil
	}
	r, err := n.resolve(ctx, uri, cut)
	if err != nil {
		return nil, err
	}
	g, err := n.gatherFirst(r, cut)
	if err != nil {
		return nil, err
	}
	like, alike := trace.Likeness{}, false
	if g.whole && r.Item.Kind == trace.ItemCode && !r.BadPack {
		like, alike = trace.LikenessOf(r.Item, g.events)
	}
	if !alike {
		t, err := n.foldFrom(r, cut, g)
		return &itemTrail{t, r, &folded{events: g.events, whole: g.whole, trail: t}}, err
	}
	f, err := n.foldOnce(r, cut, g, like, at)
	if err != nil {
		return nil, err
	}
	if r.fixed() && len(uri) <= maxLookedUpLink {
		what := *r
		what.Prover = nil
		n.lookedUp.put(uri, lookedUp{cut, at, &what, like}, 1, 1, maxLookedUp)
	}
	return f.of(r, like), nil
}

// lookedUpTrail returns the trail of what a link was found to name, nil if that is
// not remembered. An index that is being made again is waited for: it knows of no
// record that is not final yet.
func (n *Node) lookedUpTrail(uri string, cut map[uint32]uint64, rewritten int64) *itemTrail {
	l, ok := n.lookedUp.get(uri)
	if !ok || l.at != rewritten || !maps.Equal(l.cut, cut) {
		return nil
	}
	f, ok := n.folds.get(l.like.Key)
	if !ok || f.at.Load() != rewritten || !maps.Equal(f.cut, cut) {
		return nil
	}
	applied := n.index.Applied()
	for chain, size := range cut {
		if applied[chain] < size {
			return nil
		}
	}
	return f.of(l.what, l.like)
}

// foldOnce returns the trail of the items with a likeness.
func (n *Node) foldOnce(r *resolved, cut map[uint32]uint64, g *gathered, like trace.Likeness, at int64) (*folded, error) {
	if f, ok := n.folds.get(like.Key); ok && maps.Equal(f.cut, cut) {
		same, err := n.unchanged(f, at)
		if err != nil || same {
			return f, err
		}
	}
	t, err := n.foldFrom(r, cut, g)
	if err != nil {
		return nil, err
	}
	f := &folded{cut: cut, events: g.events, whole: g.whole, trail: t, like: like}
	f.at.Store(at)
	if g.whole {
		n.folds.put(like.Key, f, len(g.events)+1, maxFoldedTrail, MaxKeptEvents)
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

// of returns the trail for an item that has the same likeness.
func (f *folded) of(r *resolved, like trace.Likeness) *itemTrail {
	t := f.trail
	if t.Item != r.Item || t.URI != r.URI || t.Serial != r.Serial {
		t = t.Of(f.like, like, r.URI, r.Serial)
	}
	return &itemTrail{t, r, f}
}

// view is what a viewer sees of the trail, which must not be changed: parts of it
// may be given to others.
func (t *itemTrail) view(v trace.Viewer) (*trace.TrailView, error) {
	if v != (trace.Viewer{Code: true}) {
		return t.For(v), nil // what one company or dealer sees is for nobody else
	}
	public := t.from.view(v)
	if t.Trail == t.from.trail {
		return public, nil
	}
	return public.Of(t.URI, t.Serial)
}

// view is what the public sees of the trail of the item for which it was folded.
func (f *folded) view(public trace.Viewer) *trace.TrailView {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.public == nil:
		f.public = f.trail.For(public) // most are asked for once, for a page
	case !f.encoded:
		f.encoded = true
		view := *f.public       // which others may be reading
		if view.Keep() == nil { // else it is told when it is encoded
			f.public = &view
		}
	}
	return f.public
}
