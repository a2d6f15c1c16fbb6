package node

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/epcis"
	"suyuan/trace/gs1"
)

// A Captured is what became of one event of a document, or of all events of one
// record.
type Captured struct {
	Events  []int  // where they stand in the document, from 0
	EventID string // as given, "" without
	Placed
}

// CaptureOptions say how a document is captured.
type CaptureOptions struct {
	Defaults map[string]map[string]any // see [epcis.Options]
	DryRun   bool                      // tell what would be refused for its form, and store nothing
}

// Capture makes records of the events of an EPCIS document, as [Node.Submit] does of
// drafts, all of them or none: where one is refused, others have ErrNotAlone of the
// store. Events that have been recorded already, here or wherever they come from, are
// answered with the place of their record and Again: an eventID gets one record, an
// event without one is known by what it says. An error is about the document.
func (n *Node) Capture(ctx context.Context, who Signer, doc []byte, opt CaptureOptions) ([]Captured, error) {
	c := &capture{node: n, ctx: ctx, who: who, ids: make(map[string]ledger.Hash), first: make(map[ledger.Hash]int)}
	c.reader = epcis.NewReader(epcis.Options{
		Network: n.Network().Newest().Charter.Name, Member: n.member.Member, Party: who.Party, Defaults: opt.Defaults,
		Resolve: c.resolve, Place: c.place, Record: c.record,
	})
	items, err := c.reader.Read(doc)
	if err != nil {
		return nil, err
	}
	n.keyed.Lock()
	defer n.keyed.Unlock()
	if c.env, err = n.draftEnv(ctx); err != nil {
		return nil, err
	}
	c.env.Record = c.event
	c.prepare(items)
	if err := c.recorded(items); err != nil {
		return nil, err
	}
	return c.all(items, opt.DryRun)
}

// capture is the work on one document.
type capture struct {
	node   *Node
	ctx    context.Context
	who    Signer
	env    trace.Env
	reader *epcis.Reader

	keys  []ledger.Hash          // of the items
	known map[ledger.Hash]Placed // by key: recorded before
	first map[ledger.Hash]int    // by key: the item of this document that has it first
	ids   map[string]ledger.Hash // record of an event of this document, by its eventID
	subs  []*store.Submission    // of the items; nil where there is nothing to store
	glns  map[gs1.GLN][]string   // places, once they were asked for
}

// prepare gives each item its key. That of one without a name follows from its
// draft, which is made again when its turn comes; what cannot be made has none.
func (c *capture) prepare(items []*epcis.Item) {
	c.keys = make([]ledger.Hash, len(items))
	for i, it := range items {
		if it.EventID != "" {
			c.keys[i] = eventKey(it.EventID, it.Declares)
			continue
		}
		if raw, err := c.draft(it); err == nil {
			c.keys[i] = contentKey(raw)
		}
	}
}

func (c *capture) draft(it *epcis.Item) ([]byte, error) {
	draft, err := c.reader.Draft(it)
	if err != nil {
		return nil, err
	}
	return json.Marshal(draft)
}

// all signs what is new and stores it.
func (c *capture) all(items []*epcis.Item, dry bool) ([]Captured, error) {
	out := make([]Captured, len(items))
	c.subs = make([]*store.Submission, len(items))
	keys := make([]Keyed, len(items))
	refused := false
	for i, it := range items {
		out[i].Events, out[i].EventID, keys[i].Key = it.Events, it.EventID, c.keys[i]
		c.subs[i], out[i].Placed = c.one(i, it)
		refused = refused || out[i].Err != nil
	}
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	switch {
	case refused:
		for i := range out {
			if out[i].Err == nil && !out[i].Again {
				out[i].Placed = Placed{Err: store.ErrNotAlone}
			}
		}
	case !dry:
		if err := c.node.noteKeys(keys, c.subs); err != nil {
			return nil, err
		}
		c.store(out)
	}
	for i := range out { // what stands in the document again has the answer of the first
		if first, ok := c.first[keys[i].Key]; ok && first != i {
			out[i].Placed = out[first].Placed
			out[i].Again = out[i].Err == nil
		}
	}
	return out, nil
}

// store appends all at once.
func (c *capture) store(out []Captured) {
	var list []store.Submission
	var at []int
	for i, s := range c.subs {
		if s != nil {
			list, at = append(list, *s), append(at, i)
			out[i].ID = s.Record.ID
		}
	}
	if len(list) == 0 {
		return
	}
	// Keys are noted: the answer has to be waited for, as in SubmitOnce.
	for i, r := range c.node.store.AppendAll(context.WithoutCancel(c.ctx), list) {
		p := &out[at[i]].Placed
		if p.Err = storeRefusal(r.Err); r.Err == nil {
			c.node.locate(p, r.Place)
		}
		if errors.Is(r.Err, store.ErrTogether) {
			p.Err = &Refusal{code: "too-much-at-once", status: 413, text: "send the events in several documents", err: r.Err}
		}
	}
}

// one makes the record of the i-th item, unless it has one.
func (c *capture) one(i int, it *epcis.Item) (sub *store.Submission, placed Placed) {
	if p, ok := c.known[c.keys[i]]; ok {
		return nil, p
	}
	if _, twin := c.first[c.keys[i]]; twin {
		return nil, Placed{}
	}
	raw, err := c.draft(it)
	if err == nil {
		sub, err = c.node.signDraft(c.env, c.who, raw)
	}
	if err != nil {
		return nil, Placed{Err: err}
	}
	placed.ID, c.first[c.keys[i]] = sub.Record.ID, i
	if it.EventID != "" && !it.Declares {
		c.ids[it.EventID] = sub.Record.ID
	}
	return sub, placed
}

// eventKey is what the journal knows an event by; that it is declared an error is an
// event of its own.
func eventKey(id string, declares bool) ledger.Hash {
	kind := "event\n"
	if declares {
		kind = "error\n"
	}
	return ledger.Hash(sha256.Sum256([]byte("suyuan/epcis/v1\n" + kind + epcis.BaseID(id))))
}

// contentKey is what it knows an event without a name by.
func contentKey(draft []byte) ledger.Hash {
	return ledger.Hash(sha256.Sum256(append([]byte("suyuan/epcis/v1\ndraft\n"), draft...)))
}

// recorded finds which of the items have records: by the journal, and of our own
// events by the ledger.
func (c *capture) recorded(items []*epcis.Item) error {
	c.known = make(map[ledger.Hash]Placed)
	wanted := make(map[ledger.Hash]bool)
	for i, it := range items {
		wanted[c.keys[i]] = true
		if it.Declares {
			p, stored, err := c.node.Find(it.Record)
			if err != nil {
				return err
			}
			if p.Again = true; stored {
				c.known[c.keys[i]] = p
			}
		} else if name, ours := epcis.ParseEventID(it.EventID); ours {
			if err := c.own(c.keys[i], name); err != nil {
				return err
			}
		}
	}
	delete(wanted, ledger.Hash{})
	err := c.node.readJournal(func(key, id ledger.Hash) error {
		if !wanted[key] {
			return nil
		}
		p, stored, err := c.node.Find(id)
		if stored {
			p.Again = true
			c.known[key] = p
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("look events up: %w", err)
	}
	return nil
}

// own notes an event that is a record here.
func (c *capture) own(key ledger.Hash, name epcis.EventName) error {
	pos, _, ok, err := c.node.epcisPosition(name.String())
	if err != nil || !ok {
		return err
	}
	e, err := c.node.event(pos)
	if err != nil || e == nil {
		return err
	}
	p, stored, err := c.node.Find(e.ID)
	if stored {
		p.Again = true
		c.known[key] = p
		c.ids[name.String()] = e.ID
	}
	return err
}

// captured returns the record of a key, zero if there is none.
func (n *Node) captured(key ledger.Hash) (record ledger.Hash, err error) {
	err = n.readJournal(func(k, id ledger.Hash) error {
		if k != key {
			return nil
		}
		_, _, ok, err := n.store.Find(id)
		if ok {
			record = id
		}
		return err
	})
	return record, err
}

// resolve finds the code of a link.
func (c *capture) resolve(link string) (trace.Item, error) {
	r, err := c.node.resolveItem(c.ctx, link)
	if err != nil {
		return trace.Item{}, err
	}
	return r.Item, nil
}

// record finds the record of an event, for corrections: of this document, of one
// before, or one of ours.
func (c *capture) record(id string) (ledger.Hash, error) {
	if record, ok := c.ids[id]; ok {
		return record, nil
	}
	pos, _, ok, err := c.node.epcisPosition(id)
	if err != nil || !ok {
		return ledger.Hash{}, err
	}
	e, err := c.node.event(pos)
	if err != nil || e == nil {
		return ledger.Hash{}, err
	}
	return e.ID, nil
}

// event returns the event of an own record, also of one of this document.
func (c *capture) event(id ledger.Hash) (*trace.Event, error) {
	for _, s := range c.subs {
		if s != nil && s.Record.ID == id {
			return c.node.pendingEvent(&store.Pending{Record: s.Record, Sidecar: s.Sidecar, Time: c.env.Now.UnixMilli()})
		}
	}
	return c.node.ownRecord(id)
}

// place finds the place with a number, the member's own first.
func (c *capture) place(g gs1.GLN) (string, error) {
	if c.glns == nil {
		if err := c.readPlaces(); err != nil {
			return "", err
		}
	}
	names := c.glns[g]
	own := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, c.node.member.Member+"/") })
	if len(own) > 0 {
		names = own
	}
	if len(names) > 1 {
		return "", refuse(422, "ambiguous-place", "the GLN %s is that of several places: %s; name the one that is meant", g, strings.Join(names, ", "))
	}
	return strings.Join(names, ""), nil
}

func (c *capture) readPlaces() error {
	positions, err := c.node.index.Places(nil)
	if err != nil {
		return err
	}
	events, err := c.node.load(nil, positions)
	if err != nil {
		return err
	}
	byName := make(map[string][]*trace.Event)
	for _, e := range events {
		name := e.Member + "/" + e.Fields.Text("id")
		byName[name] = append(byName[name], e)
	}
	c.glns = make(map[gs1.GLN][]string)
	for name, list := range byName {
		if g := newestGLN(list); !g.IsZero() {
			c.glns[g] = append(c.glns[g], name)
		}
	}
	for _, names := range c.glns {
		slices.Sort(names)
	}
	return nil
}

// Captures are remembered as files below imports/captures in the node's directory,
// the newest of them: what was asked, and what became of it, as the API answers.

func (n *Node) capturesDir() string { return filepath.Join(n.dir, dirImports, dirCaptures) }

// KeepCapture remembers a capture under a new id, which put is told first.
func (n *Node) KeepCapture(put func(id string) ([]byte, error)) (id string, err error) {
	id = uuid.NewString()
	data, err := put(id)
	if err != nil {
		return "", err
	}
	dir := n.capturesDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := writeFile(filepath.Join(dir, id+".json"), data, 0o600); err != nil {
		return "", err
	}
	return id, n.forgetCaptures(dir)
}

// KeptCapture returns what was remembered under an id, nil if there is nothing.
func (n *Node) KeptCapture(id string) ([]byte, error) {
	u, err := uuid.Parse(id)
	if err != nil || u.String() != id {
		return nil, nil
	}
	data, err := os.ReadFile(filepath.Join(n.capturesDir(), id+".json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// forgetCaptures removes the oldest beyond the limit.
func (n *Node) forgetCaptures(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil || len(list) <= maxCaptures {
		return err
	}
	type file struct {
		name string
		at   int64
	}
	var files []file
	for _, f := range list {
		info, err := f.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue // another has removed it
		}
		if err != nil {
			return err
		}
		files = append(files, file{f.Name(), info.ModTime().UnixNano()})
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.name, b.name)) })
	for _, f := range files[:max(0, len(files)-maxCaptures)] {
		if err := os.Remove(filepath.Join(dir, f.name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
