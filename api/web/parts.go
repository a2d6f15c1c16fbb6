package web

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// The page of a code is these templates, a shared one and one of the item's own in
// turn. Each begins and ends outside of any tag: what html/template escapes in one
// does not depend on the others.
//
// The shared ones say what items with one history have in common, such as all of
// a shipment. They are rendered once for all of these, and kept. They are rendered
// of an [Item] from which all that is the item's own was taken away, so that
// nothing of one item stands on the page of another. The last event is kept apart:
// a case has some, and each bottle in it one more when it is sold. The item's own
// parts are kept with blanks for its names.
//
// What is kept cannot be out of date: it is found by all that it says.
var (
	sharedParts = [...]string{"item-opening", "item-goods", "item-history", "item-notes", "item-bundle", "item-network", "item-end"}
	ownParts    = [...]string{"item-scans", "item-code", "item-mirrors", "item-proof", "item-chains"}
)

const (
	eventsAt  = 2       // the shared part after which the events stand
	partEvent = "event" // for each
)

// shared is the item without what is its own, without its events, and without how
// far chains have come, which changes with each entry.
func (v *Item) shared() *Item {
	s := *v
	s.Serial, s.SSCC, s.ClaimURL, s.Scans, s.Beacon = "", "", "", nil, ""
	s.Mirrors, s.TrailURL, s.ProofURL, s.Chains = nil, "", "", nil
	s.Events = nil
	return &s
}

// An own is what the item's own parts show.
type own struct {
	Scans  string
	Beacon string

	SSCC, Serial string
	ClaimURL     string

	Mirrors            []ownMirror
	TrailURL, ProofURL string
	Chains             []string
}

type ownMirror struct{ Name, URL string }

func newOwn(p *itemPage) *own {
	v := p.Item
	o := &own{
		Scans: p.Scans(), Beacon: v.Beacon, SSCC: v.SSCC, Serial: grouped(v.Serial), ClaimURL: v.ClaimURL,
		TrailURL: v.TrailURL, ProofURL: v.ProofURL,
	}
	for _, m := range v.Mirrors {
		o.Mirrors = append(o.Mirrors, ownMirror{p.T(m.Name), m.URL})
	}
	for _, c := range v.Chains {
		o.Chains = append(o.Chains, p.chain(c))
	}
	return o
}

// links are the links to what is known of the item.
func (o *own) links() []*string {
	list := []*string{&o.ClaimURL, &o.TrailURL, &o.ProofURL}
	for i := range o.Mirrors {
		list = append(list, &o.Mirrors[i].URL)
	}
	return list
}

// Item writes the page of a code, or nothing unless all of it could be made.
func (p *Pages) Item(w io.Writer, l Lang, v *Item) error {
	page, err := p.item(l, v)
	if err != nil {
		return err
	}
	return page.write(w)
}

// PackedItem is Item for who takes gzip.
func (p *Pages) PackedItem(w io.Writer, l Lang, v *Item) error {
	page, err := p.item(l, v)
	if err != nil {
		return err
	}
	return page.pack(w)
}

// item makes the page of a code.
func (p *Pages) item(l Lang, v *Item) (*document, error) {
	t := timelineOf(v)
	shared, err := p.sharedOf(l, v.shared(), t)
	if err != nil {
		return nil, err
	}
	own, names, err := p.ownOf(l, v)
	if err != nil {
		return nil, err
	}
	d := &document{names: names, pieces: make([]*piece, 0, usualPieces)}
	for i, part := range shared {
		d.pieces = append(d.pieces, part...)
		switch {
		case i == eventsAt:
			err = p.addEvents(d, l, v, t)
		case len(own) > 0:
			d.pieces, own = append(d.pieces, own[0]...), own[1:]
		}
	}
	return d, err
}

// usualPieces is of how many pieces most pages are.
const usualPieces = 32

// A historyKey is what shared parts depend on.
type historyKey struct {
	Lang     Lang
	Timeline timeline
	Item     *Item
}

// sharedOf renders the shared parts of an item's page, or finds them.
func (p *Pages) sharedOf(l Lang, v *Item, t timeline) (kept, error) {
	key := historyKey{l, t, v}
	return p.kept.of(fingerprint(&key), func() (kept, error) {
		return p.execute(newItemPage(p.frame(l), v, t), sharedParts[:]...)
	})
}

// An ownKey is what an item's own parts depend on, and an ownPage what they are
// rendered of.
type (
	ownKey struct {
		Lang Lang
		Own  *own
	}
	ownPage struct {
		Words *Words
		*own
	}
)

// ownOf renders the parts that are the item's own, or finds them, and the names in
// their blanks.
func (p *Pages) ownOf(l Lang, v *Item) (kept, names, error) {
	f := p.frame(l)
	o := newOwn(&itemPage{entryPage: entryPage{frame: f}, Item: v})
	names := p.blanks.leave(o, v.Serial)
	parts, err := p.kept.of(fingerprint(&ownKey{l, o}), func() (kept, error) {
		return p.execute(ownPage{f.Words, o}, ownParts[:]...)
	})
	return parts, names, err
}

// An eventsKey is what rendered events depend on.
type eventsKey struct {
	Lang     Lang
	Timeline timeline
	Level    Level
	Events   []Event
}

// addEvents renders an item's events, or finds them: the last, which is often its
// own sale, and those before it, which it shares with others.
func (p *Pages) addEvents(d *document, l Lang, v *Item, t timeline) error {
	last := max(len(v.Events)-1, 0)
	for _, list := range [][]Event{v.Events[:last], v.Events[last:]} {
		if len(list) == 0 {
			continue
		}
		part, err := p.events(eventsKey{l, t, v.Level, list})
		if err != nil {
			return err
		}
		d.pieces = append(d.pieces, part[0]...)
	}
	return nil
}

// events renders events in a row, or finds them. Several are one text, which packs
// better, and are made of those that are kept one by one.
func (p *Pages) events(key eventsKey) (kept, error) {
	return p.kept.of(fingerprint(&key), func() (kept, error) {
		if len(key.Events) == 1 {
			page := &itemPage{entryPage: entryPage{frame: p.frame(key.Lang)}, Item: &Item{Level: key.Level}, Timeline: key.Timeline}
			return p.execute(page.Step(key.Events[0]), partEvent)
		}
		var text []byte
		for i := range key.Events {
			one := key
			one.Events = key.Events[i : i+1]
			part, err := p.events(one)
			if err != nil {
				return nil, err
			}
			text = append(text, part[0][0].text...)
		}
		return kept{{&piece{text: slices.Clip(text), then: blankNone}}}, nil
	})
}

// execute renders templates with the same data.
func (p *Pages) execute(data any, names ...string) (kept, error) {
	list := make(kept, len(names))
	var buf bytes.Buffer
	for i, name := range names {
		buf.Reset()
		if err := p.tmpl.ExecuteTemplate(&buf, name, data); err != nil {
			return nil, fmt.Errorf("render %s: %w", name, err)
		}
		list[i] = p.blanks.split(buf.Bytes())
	}
	return list, nil
}

// A kept is what was rendered for some templates, each in pieces.
type kept [][]*piece

// size is what it takes in memory, about.
func (k kept) size() int {
	n := 200 // for the list and its key
	for _, part := range k {
		for _, piece := range part {
			n += piece.size()
		}
	}
	return n
}

// A keeper keeps what was rendered and used last, up to a size. It is safe for
// concurrent use.
type keeper struct {
	most int // of all in list, in bytes

	mu   sync.Mutex // guards what follows
	list *simplelru.LRU[[sha256.Size]byte, kept]
	size int // of all in list
}

func newKeeper(most int) (*keeper, error) {
	k := &keeper{most: most}
	var err error
	// The bound is the size: there are fewer elements than bytes.
	k.list, err = simplelru.NewLRU(most, func(_ [sha256.Size]byte, v kept) { k.size -= v.size() })
	return k, err
}

// of returns what is kept under a key, or makes it.
func (k *keeper) of(key [sha256.Size]byte, make func() (kept, error)) (kept, error) {
	if v, ok := k.get(key); ok {
		return v, nil
	}
	v, err := make()
	if err == nil {
		k.put(key, v)
	}
	return v, err
}

func (k *keeper) get(key [sha256.Size]byte) (kept, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.list.Get(key)
}

// put keeps something and drops what was not used for longest. What is larger than
// a hundredth of all is not kept.
func (k *keeper) put(key [sha256.Size]byte, v kept) {
	if v.size() > k.most/100 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.list.Contains(key) {
		return // two had to make it at the same time
	}
	k.list.Add(key, v)
	for k.size += v.size(); k.size > k.most; {
		k.list.RemoveOldest()
	}
}
