package node

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
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
	"suyuan/trace/index"
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
	One      bool                      // the document has to be one event; see CodeOneEvent
}

// CodeOneEvent is the code of a document of several events where one was asked for.
const CodeOneEvent = "one-event"

// Capture makes records of the events of an EPCIS document, as [Node.Submit] does of
// drafts, all of them or none: where one is refused, others have ErrNotAlone of the
// store. Events that have been recorded already, here or wherever they come from, are
// answered with the place of their record and Again: an eventID gets one record of
// each party that uses it, an event without one is known by what it says. What is the
// record of another is refused with code event-of-another. An error is about the
// document, or a node that does not write now (not-signing, disk-full).
func (n *Node) Capture(ctx context.Context, who Signer, doc []byte, opt CaptureOptions) ([]Captured, error) {
	c := &capture{node: n, ctx: ctx, who: who, ids: make(map[string]ledger.Hash), first: make(map[ledger.Hash]int), places: make(map[numberedBy][]string)}
	var err error
	if c.party, err = n.actingParty(who); err != nil {
		return nil, err
	}
	c.reader = epcis.NewReader(epcis.Options{
		Network: n.Network().Newest().Charter.Name, Member: n.member.Member, Party: who.Party, Defaults: opt.Defaults,
		Resolve: c.resolve, Place: c.place, PartyOf: c.partyOf, Record: c.record,
	})
	items, err := c.reader.Read(doc)
	if err != nil {
		return nil, err
	}
	if opt.One && (len(items) != 1 || len(items[0].Events) != 1) {
		return nil, refuse(400, CodeOneEvent, "this takes one event; send several as a document to be captured")
	}
	if err := c.prepare(items); err != nil {
		return nil, err
	}
	n.keyed.Lock()
	defer n.keyed.Unlock()
	if c.env, err = n.draftEnv(ctx); err != nil {
		return nil, err
	}
	c.env.Record = c.event
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
	party  string // for which it acts, as in Actor: the member, or a party of it
	env    trace.Env
	reader *epcis.Reader

	keys  []ledger.Hash          // of the items
	known map[ledger.Hash]Placed // by key: recorded before
	first map[ledger.Hash]int    // by key: the item of this document that has it first
	ids   map[string]ledger.Hash // record of an event of this document, by its eventID
	subs  []*store.Submission    // of the items; nil where there is nothing to store

	places map[numberedBy][]string // that were asked for
}

// actingParty is for whom a signer acts, as in the Actor of an event: the party that
// it names, the only one for which the grants of its key are, or else the member.
func (n *Node) actingParty(who Signer) (string, error) {
	own := n.member.Member
	if who.Party != "" {
		return own + "/" + who.Party, nil
	}
	address := who.Address
	if who.Operator != "" {
		n.mu.Lock()
		if key := n.operators[who.Operator]; key != nil {
			address = ledger.AddressOf(key)
		}
		n.mu.Unlock()
	}
	c, err := n.store.Chain(n.chain)
	if err != nil {
		return "", err
	}
	party := ""
	for _, g := range c.Rights().Of(address) {
		if g.Party == "" || party != "" && party != g.Party {
			return own, nil
		}
		party = g.Party
	}
	if party == "" {
		return own, nil
	}
	return own + "/" + party, nil
}

// prepare gives each item its key. That of one without a name follows from its
// draft, which is made again when its turn comes; what cannot be made has none yet.
// Nothing of it needs a lock.
func (c *capture) prepare(items []*epcis.Item) error {
	c.keys = make([]ledger.Hash, len(items))
	for i, it := range items {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if it.EventID != "" {
			c.keys[i] = eventKey(c.party, it.EventID, it.Declares)
			continue
		}
		if raw, err := c.draft(it); err == nil {
			c.keys[i] = contentKey(c.party, raw)
		}
	}
	return nil
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
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
		out[i].Events, out[i].EventID = it.Events, it.EventID
		c.subs[i], out[i].Placed = c.one(i, it)
		keys[i].Key = c.keys[i]
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
			return nil, storeRefusal(err)
		}
		if err := c.store(out); err != nil {
			return nil, err
		}
	}
	for i := range out { // what stands in the document again has the answer of the first
		if first, ok := c.first[keys[i].Key]; ok && first != i {
			out[i].Placed = out[first].twin()
		}
	}
	return out, nil
}

// store appends all at once. An error is about the node and no event: nothing was
// stored.
func (c *capture) store(out []Captured) error {
	var list []store.Submission
	var at []int
	for i, s := range c.subs {
		if s != nil {
			list, at = append(list, *s), append(at, i)
			out[i].ID = s.Record.ID
		}
	}
	if len(list) == 0 {
		return nil
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
		if errors.Is(r.Err, store.ErrFull) || errors.Is(r.Err, store.ErrNotSigning) {
			return p.Err
		}
	}
	return nil
}

// one makes the record of the i-th item, unless it has one.
func (c *capture) one(i int, it *epcis.Item) (sub *store.Submission, at Placed) {
	raw, err := []byte(nil), error(nil)
	if c.keys[i].IsZero() { // what could not be drafted before may be by now
		if raw, err = c.draft(it); err == nil {
			c.keys[i] = contentKey(c.party, raw)
			err = c.lookUp(c.keys[i])
		}
		if err != nil {
			return nil, Placed{Err: err}
		}
	}
	if p, ok := c.known[c.keys[i]]; ok {
		return nil, p
	}
	if _, twin := c.first[c.keys[i]]; twin {
		return nil, Placed{}
	}
	if raw == nil {
		raw, err = c.draft(it)
	}
	if err == nil {
		sub, err = c.node.signDraft(c.env, c.who, raw)
	}
	if err != nil {
		return nil, Placed{Err: err}
	}
	at.ID, c.first[c.keys[i]] = sub.Record.ID, i
	if it.EventID != "" && !it.Declares {
		c.ids[it.EventID] = sub.Record.ID
	}
	return sub, at
}

// eventKey is what the journal knows an event of an acting party by: names of events
// are given by whoever writes them, so that nobody takes another's. That an event is
// declared an error is one of its own.
func eventKey(party, id string, declares bool) ledger.Hash {
	kind := "event\n"
	if declares {
		kind = "error\n"
	}
	return ledger.Hash(sha256.Sum256([]byte("suyuan/epcis/v2\n" + kind + party + "\n" + epcis.BaseID(id))))
}

// contentKey is what it knows an event without a name by.
func contentKey(party string, draft []byte) ledger.Hash {
	return ledger.Hash(sha256.Sum256(append([]byte("suyuan/epcis/v2\ndraft\n"+party+"\n"), draft...)))
}

// recorded finds which of the items have records: by the journal, and of our own
// events by the ledger.
func (c *capture) recorded(items []*epcis.Item) error {
	c.known = make(map[ledger.Hash]Placed)
	wanted := make(map[ledger.Hash]bool)
	for i, it := range items {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		wanted[c.keys[i]] = true
		if it.Declares {
			if err := c.know(c.keys[i], it.Record); err != nil {
				return err
			}
		} else if name, ours := epcis.ParseEventID(it.EventID); ours {
			if err := c.own(c.keys[i], name); err != nil {
				return err
			}
		}
	}
	delete(wanted, ledger.Hash{})
	delete(c.known, ledger.Hash{})
	return c.readJournal(func(key ledger.Hash) bool { return wanted[key] })
}

// lookUp does for one key what recorded does for all.
func (c *capture) lookUp(key ledger.Hash) error {
	return c.readJournal(func(k ledger.Hash) bool { return k == key })
}

func (c *capture) readJournal(wanted func(ledger.Hash) bool) error {
	err := c.node.readJournal(func(key, id ledger.Hash) error {
		if !wanted(key) {
			return nil
		}
		return c.know(key, id)
	})
	if err != nil {
		return fmt.Errorf("look events up: %w", err)
	}
	return nil
}

// know notes a record as that of a key, if it is stored. Whoever acts for one party
// is answered only with records that concern it, and refused others.
func (c *capture) know(key, id ledger.Hash) error {
	p, stored, err := c.node.Find(id)
	if err != nil || !stored {
		return err
	}
	e, err := c.node.event(trace.Position{Chain: p.Chain, Seq: p.Seq})
	if err != nil || e == nil {
		return err
	}
	if p.Again = true; !c.viewer().Concerns(e) {
		p = Placed{Err: refuse(409, "event-of-another", "the event is a record in which %s does not act; give the event an eventID of its own", c.party)}
	}
	c.known[key] = p
	return nil
}

// viewer is what the signer may see.
func (c *capture) viewer() trace.Viewer {
	if own := c.node.member.Member; c.party == own {
		return trace.Viewer{Member: own}
	}
	return trace.Viewer{Party: c.party}
}

// own notes an event that is a record here.
func (c *capture) own(key ledger.Hash, name epcis.EventName) error {
	pos, _, ok, err := c.node.epcisPosition(name.String(), c.viewer())
	if err != nil || !ok {
		return err
	}
	e, err := c.node.event(pos)
	if err != nil || e == nil {
		return err
	}
	if err := c.know(key, e.ID); err == nil && c.known[key].Again {
		c.ids[name.String()] = e.ID
	}
	return err
}

// captured returns the record of the event with an id: that which a reader's party
// has captured, or else the member; zero if there is none.
func (n *Node) captured(id string, reader trace.Viewer) (record ledger.Hash, err error) {
	own := eventKey(n.member.Member, id, false)
	theirs := own
	if reader.Party != "" {
		theirs = eventKey(reader.Party, id, false)
	}
	found := make(map[ledger.Hash]ledger.Hash)
	err = n.readJournal(func(k, id ledger.Hash) error {
		if k != own && k != theirs {
			return nil
		}
		_, _, ok, err := n.store.Find(id)
		if ok {
			found[k] = id
		}
		return err
	})
	if record = found[theirs]; record.IsZero() {
		record = found[own]
	}
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
	pos, _, ok, err := c.node.epcisPosition(id, c.viewer())
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

// place finds the place with a number: one of the member, those of the acting party
// before those of others, or one of the member to which the charter gives the
// number's company prefix. Anybody can record a place with anybody's number.
func (c *capture) place(g gs1.GLN) (string, error) {
	names, err := c.placesOf(c.node.member.Member, g)
	if err == nil && len(names) == 0 {
		owner := c.owner(g)
		if owner == "" {
			return "", unproven(g, "/loc/<member>/<id>")
		}
		names, err = c.placesOf(owner, g)
	}
	if err != nil {
		return "", err
	}
	if len(names) > 1 {
		return "", refuse(422, "ambiguous-place", "the GLN %s is that of several places, among them %s; name the one that is meant", g, strings.Join(names, ", "))
	}
	return strings.Join(names, ""), nil
}

// partyOf finds the member for which a number stands: that to which the charter
// gives its company prefix, or our own where the number is one of our places' and no
// other member's.
func (c *capture) partyOf(g gs1.GLN) (string, error) {
	if owner := c.owner(g); owner != "" {
		return owner, nil
	}
	own := c.node.member.Member
	names, err := c.numbered(own, g, own)
	if err == nil && len(names) == 0 {
		return "", unproven(g, "/party/<member>[/<slug>]")
	}
	return own, err
}

func unproven(g gs1.GLN, form string) error {
	return refuse(422, "unproven-gln", "the charter gives the company prefix of the GLN %s to no member, or to several, so that anybody could claim it; name what is meant in the form …%s", g, form)
}

// owner is the one member to which the charter gives the company prefix of a number,
// "" if it is none or several.
func (c *capture) owner(g gs1.GLN) (owner string) {
	number := g.String()
	for _, m := range c.node.Network().Newest().Charter.Members {
		if !slices.ContainsFunc(m.Prefixes, func(prefix string) bool { return strings.HasPrefix(number, prefix) }) {
			continue
		}
		if owner != "" {
			return ""
		}
		owner = m.Slug
	}
	return owner
}

// placesOf names the places of a member with a number: those that the acting party has
// recorded, or else the member itself, or else any party.
func (c *capture) placesOf(member string, g gs1.GLN) ([]string, error) {
	for _, actor := range []string{c.party, member, anyActor} {
		names, err := c.numbered(member, g, actor)
		if err != nil || len(names) > 0 {
			return names, err
		}
	}
	return nil, nil
}

// anyActor stands for whoever has recorded a place.
const anyActor = ""

// A numberedBy is a question for places, whose answer is kept for a document.
type numberedBy struct {
	member string
	gln    gs1.GLN
	actor  string
}

// numbered names places of a member that have a number by their newest record, of
// those that an actor has recorded: all where that is one, else some of them. Records
// of others count as far as they are final.
func (c *capture) numbered(member string, g gs1.GLN, actor string) ([]string, error) {
	of := numberedBy{member, g, actor}
	if names, asked := c.places[of]; asked {
		return names, nil
	}
	host, slug, _ := strings.Cut(actor, "/")
	if actor != anyActor && host != member {
		return nil, nil
	}
	var cut map[uint32]uint64 // all that is stored
	if member != c.node.member.Member {
		var err error
		if cut, err = c.node.finalCut(); err != nil {
			return nil, err
		}
	}
	var names []string
	for at := (index.Named{Slug: slug}); len(names) < maxPlacesNamed; {
		next, ok, err := c.node.index.Numbered(g, member, cut, at)
		if err = cmp.Or(c.ctx.Err(), lookUpRefusal(err)); err != nil {
			return nil, err
		}
		if !ok || actor != anyActor && next.Slug != slug {
			break
		}
		newest, err := c.node.newestPlace(member, next.Place, cut)
		if err != nil {
			return nil, err
		}
		if newest != nil && newest.Party == next.Slug && newest.Fields["gln"] == g {
			names = append(names, member+"/"+next.Place)
		}
		at = next
	}
	c.places[of] = names
	return names, nil
}

// newestPlace returns the newest record of a member's place, nil if there is none.
func (n *Node) newestPlace(member, id string, cut map[uint32]uint64) (*trace.Event, error) {
	list, err := n.index.LastOfPlace(member, id, cut)
	if err != nil {
		return nil, lookUpRefusal(err)
	}
	events, err := n.load(nil, list)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	return slices.MaxFunc(events, func(a, b *trace.Event) int {
		return cmp.Or(cmp.Compare(a.Recorded, b.Recorded), a.Position.Compare(b.Position))
	}), nil
}

// Captures are remembered as files below imports/captures in the node's directory,
// the newest of them: what was asked, and what became of it, as the API answers.

func (n *Node) capturesDir() string { return filepath.Join(n.dir, dirImports, dirCaptures) }

// KeepCapture remembers a capture under a new id, which put is told first. Where the
// disk is full the Refusal has code disk-full: what was recorded is there without it.
func (n *Node) KeepCapture(put func(id string) ([]byte, error)) (id string, err error) {
	if err := n.store.Room(); err != nil {
		return "", storeRefusal(err)
	}
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

// KeptCaptures yields what was remembered, the newest first: all of it, or what comes
// after an id. ok is false if there is nothing under the id, or not any more.
func (n *Node) KeptCaptures(after string) (list iter.Seq2[[]byte, error], ok bool, err error) {
	files, err := newestFirst(n.capturesDir())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, false, err
	}
	if after != "" {
		i := slices.IndexFunc(files, func(f fs.FileInfo) bool { return f.Name() == after+".json" })
		if i < 0 {
			return nil, false, nil
		}
		files = files[i+1:]
	}
	return func(yield func([]byte, error) bool) {
		for _, f := range files {
			id, _ := strings.CutSuffix(f.Name(), ".json")
			data, err := n.KeptCapture(id)
			if data == nil && err == nil {
				continue // forgotten meanwhile, or still being written
			}
			if !yield(data, err) {
				return
			}
		}
	}, true, nil
}

// forgetCaptures removes the oldest beyond the limits of their number and their bytes.
func (n *Node) forgetCaptures(dir string) error {
	return forgetOldest(dir, maxCaptures, maxCaptureBytes)
}

// forgetOldest leaves the newest files of a directory, as many and as large, together,
// as the limits say, and always the last one.
func forgetOldest(dir string, most int, mostBytes int64) error {
	files, err := newestFirst(dir)
	if err != nil {
		return err
	}
	kept := int64(0)
	for i, f := range files {
		if kept += f.Size(); i == 0 || i < most && kept <= mostBytes {
			continue
		}
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// newestFirst lists the files of a directory by when they were written.
func newestFirst(dir string) (files []fs.FileInfo, err error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		info, err := f.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue // another has removed it
		}
		if err != nil {
			return nil, err
		}
		files = append(files, info)
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), strings.Compare(b.Name(), a.Name()))
	})
	return files, nil
}
