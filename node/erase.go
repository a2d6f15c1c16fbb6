package node

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
)

// eraseRetry is how long the removal of erased bytes waits for what is in its
// way: a verification of the whole store that reads them, or a full disk.
const eraseRetry = time.Minute

// An Erase says what of a record is to be erased: fields by their names, files by
// their SHA-256.
type Erase struct {
	Record   ledger.Hash
	Fields   []string
	Files    []ledger.Hash
	Ground   string // reason code, for members
	Note     string // for the own files only
	Operator string // who signs; "" is one with a grant
	DryRun   bool   // say what would go, and erase nothing
}

// An Erasing is what there is to erase of a record, or was erased.
type Erasing struct {
	Record ledger.Hash   `json:"record"`
	Kind   string        `json:"kind"`
	Chain  string        `json:"chain"`
	Seq    uint64        `json:"seq"`
	Fields []ErasedField `json:"fields"`
	Files  []ErasedFile  `json:"files"`
	DryRun bool          `json:"dry_run"`
	// Erasure is the erase record; nil in a dry run.
	Erasure *ErasureMade `json:"erasure,omitempty"`
}

// An ErasureMade is an erase record that was written.
type ErasureMade struct {
	ID    ledger.Hash `json:"id"`
	Seq   uint64      `json:"seq"`
	Final bool        `json:"final"`
	// Gone says that this node's files hold the bytes no more; if not, the node
	// removes them as soon as nobody reads them.
	Gone bool `json:"gone"`
}

// An ErasedField is a field of a record. Code and Why are set if it cannot be
// erased; one that is gone has no more than these and its name.
type ErasedField struct {
	Name     string      `json:"field"`
	Audience string      `json:"audience,omitempty"`
	Digest   ledger.Hash `json:"digest,omitzero"`
	Bytes    int         `json:"bytes,omitempty"`
	Code     string      `json:"code,omitempty"`
	Why      string      `json:"why,omitempty"`
}

// An ErasedFile is a file that a record names. It stays if other records do too.
type ErasedFile struct {
	Digest ledger.Hash `json:"digest"`
	Field  string      `json:"field"`
	Bytes  int64       `json:"bytes"`           // 0 if it is not held
	Stays  bool        `json:"stays,omitempty"` // another record names it
	Code   string      `json:"code,omitempty"`
	Why    string      `json:"why,omitempty"`
}

// Erase appends the record that erases parts of a record of the own chain, and
// removes their bytes from this node; the others do so when they store it.
// Without fields and files it says what there is and erases nothing, as a dry run
// does.
func (n *Node) Erase(ctx context.Context, e Erase) (*Erasing, error) {
	all, err := n.erasable(e.Record)
	if err != nil {
		return nil, err
	}
	e.DryRun = e.DryRun || len(e.Fields)+len(e.Files) == 0
	if len(e.Fields)+len(e.Files) > 0 {
		if err := all.choose(e); err != nil {
			return nil, err
		}
	}
	for i := range all.Files {
		f := &all.Files[i]
		if f.Stays, err = n.namedByOthers(ctx, f.Digest, e.Record); err != nil {
			return nil, err
		}
	}
	if all.DryRun = e.DryRun; e.DryRun {
		return all, nil
	}
	draft, err := all.draft(e)
	if err != nil {
		return nil, err
	}
	placed := n.Submit(ctx, Signer{Operator: e.Operator}, [][]byte{draft})[0]
	if placed.Err != nil {
		return nil, placed.Err
	}
	err = n.forget(ctx)
	if err != nil && !errors.Is(err, store.ErrBusy) {
		n.log.Warn("erased bytes not removed yet", "err", err)
	}
	all.Erasure = &ErasureMade{ID: placed.ID, Seq: placed.Seq, Final: placed.Final, Gone: err == nil}
	return all, nil
}

// erasable lists what is held of an own record, and what of it can be erased.
func (n *Node) erasable(id ledger.Hash) (*Erasing, error) {
	st, err := n.stored(id)
	switch {
	case err != nil:
		return nil, err
	case st == nil:
		return nil, refuse(404, trace.RefusedNoRecord, "this node has no record %s", id)
	case st.Member != n.member.Member:
		return nil, refuse(403, trace.RefusedNotAuthor, "record %s is one of %s, which alone can erase of it", id, st.Member)
	case st.Chain != n.chain:
		return nil, refuse(409, trace.RefusedOtherChain, "record %s stands on chain %s: erase on the node that writes it", id, ledger.ChainName(st.Member, st.Chain))
	}
	_, seq, _, err := n.store.Find(id)
	if err != nil {
		return nil, err
	}
	list := &Erasing{Record: id, Kind: st.Kind.String(), Chain: ledger.ChainName(st.Member, st.Chain), Seq: seq, Fields: []ErasedField{}, Files: []ErasedFile{}}
	if err := n.eachDisclosure(st.Chain, seq, func(raw []byte, d *ledger.Disclosure) {
		f := ErasedField{
			Name: trace.FieldName(st.Kind, d.Path), Audience: d.Audience.String(), Digest: ledger.DisclosureDigest(raw), Bytes: len(raw),
		}
		f.Code, f.Why = whyNot(trace.Erasable(st.Kind, f.Name))
		list.Fields = append(list.Fields, f)
	}); err != nil {
		return nil, err
	}
	erased, err := n.erasures(trace.Position{Chain: st.Chain, Seq: seq})
	if err != nil {
		return nil, err
	}
	for _, x := range erased {
		list.addErased(x.Fields)
	}
	slices.SortFunc(list.Fields, func(a, b ErasedField) int { return cmp.Compare(a.Name, b.Name) })
	for digest, fields := range st.Files {
		f := ErasedFile{Digest: digest, Field: fields[0]}
		for _, name := range fields {
			if err := trace.Erasable(st.Kind, name); err != nil {
				f.Code, f.Why = whyNot(err)
			}
		}
		if st.Erased[digest] {
			f.Code, f.Why = trace.RefusedErased, "it is erased already"
		}
		if info, err := n.blobs.Stat(digest); err == nil {
			f.Bytes = info.Size
		}
		list.Files = append(list.Files, f)
	}
	slices.SortFunc(list.Files, func(a, b ErasedFile) int { return bytes.Compare(a.Digest[:], b.Digest[:]) })
	return list, nil
}

// addErased lists fields that an erase record says are gone, and that are.
func (l *Erasing) addErased(names []string) {
	kind, _ := ledger.KindByName(l.Kind)
	for _, name := range names {
		listed := slices.ContainsFunc(l.Fields, func(f ErasedField) bool { return f.Name == name })
		if !listed && trace.Erasable(kind, name) == nil {
			l.Fields = append(l.Fields, ErasedField{Name: name, Code: trace.RefusedErased, Why: "it is erased already"})
		}
	}
}

func whyNot(err error) (code, why string) {
	if r, ok := trace.AsRefusal(err); ok {
		return r.Code(), r.Detail
	}
	return "", ""
}

// choose leaves what is to be erased, and refuses what cannot be.
func (l *Erasing) choose(e Erase) error {
	for _, name := range e.Fields {
		i := slices.IndexFunc(l.Fields, func(f ErasedField) bool { return f.Name == name })
		if i < 0 {
			return l.unknownField(name)
		}
		if f := l.Fields[i]; f.Code != "" {
			return refuse(409, f.Code, "%s: %s", name, f.Why)
		}
	}
	for _, digest := range e.Files {
		i := slices.IndexFunc(l.Files, func(f ErasedFile) bool { return f.Digest == digest })
		if i < 0 {
			return refuse(404, trace.RefusedNoDisclosure, "record %s names no file %s", l.Record, digest)
		}
		if f := l.Files[i]; f.Code != "" {
			return refuse(409, f.Code, "file %s: %s", digest, f.Why)
		}
	}
	l.Fields = slices.DeleteFunc(l.Fields, func(f ErasedField) bool { return !slices.Contains(e.Fields, f.Name) })
	l.Files = slices.DeleteFunc(l.Files, func(f ErasedFile) bool { return !slices.Contains(e.Files, f.Digest) })
	return nil
}

// unknownField tells a field that cannot be erased from one that is not there.
func (l *Erasing) unknownField(name string) error {
	kind, _ := ledger.KindByName(l.Kind)
	if err := trace.Erasable(kind, name); err != nil {
		code, why := whyNot(err)
		return refuse(409, code, "%s", why)
	}
	return refuse(404, trace.RefusedNoDisclosure, "record %s has no field %s", l.Record, name)
}

// draft is the erase record as JSON.
func (l *Erasing) draft(e Erase) ([]byte, error) {
	fields := map[string]any{"record": l.Record, "ground": e.Ground}
	var digests, files []ledger.Hash
	var names []string
	for _, f := range l.Fields {
		digests, names = append(digests, f.Digest), append(names, f.Name)
	}
	for _, f := range l.Files {
		files, names = append(files, f.Digest), append(names, f.Field)
	}
	slices.SortFunc(digests, func(a, b ledger.Hash) int { return bytes.Compare(a[:], b[:]) })
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > 0 {
		fields["fields"] = names
	}
	if len(digests) > 0 {
		fields["digests"] = digests
	}
	if len(files) > 0 {
		fields["files"] = files
	}
	if e.Note != "" {
		fields["note"] = e.Note
	}
	return json.Marshal(map[string]any{"kind": ledger.KindErase.String(), "age_ms": 0, "fields": fields})
}

// stored says what this node holds of a record besides its bytes, nil if it does
// not have the record.
func (n *Node) stored(id ledger.Hash) (*trace.Stored, error) {
	chain, seq, ok, err := n.store.Find(id)
	if err != nil || !ok {
		return nil, err
	}
	pos := trace.Position{Chain: chain, Seq: seq}
	raw, err := n.store.Entry(chain, seq)
	if err != nil {
		return nil, err
	}
	o, err := ledger.ReadEntry(raw)
	if err != nil {
		return nil, err
	}
	s := &trace.Stored{
		Member: n.Network().MemberOf(chain), Chain: chain, Kind: o.Record.Record.Kind,
		Disclosures: make(map[ledger.Hash]uint64), Files: make(map[ledger.Hash][]string), Erased: make(map[ledger.Hash]bool),
	}
	if err := n.eachDisclosure(chain, seq, func(raw []byte, d *ledger.Disclosure) {
		s.Disclosures[ledger.DisclosureDigest(raw)] = d.Path
	}); err != nil {
		return nil, err
	}
	e, err := n.event(pos)
	if err != nil {
		return nil, err
	}
	if e != nil {
		for _, a := range e.NamedFiles() {
			s.Files[a.Digest] = append(s.Files[a.Digest], a.Field)
		}
	}
	list, err := n.store.Erasures(chain, seq)
	for _, x := range list {
		for _, d := range slices.Concat(x.Fields.Digests, x.Fields.Files) {
			s.Erased[d] = true
		}
	}
	return s, err
}

// eachDisclosure calls do with the disclosures that are held of a record.
func (n *Node) eachDisclosure(chain uint32, seq uint64, do func(raw []byte, d *ledger.Disclosure)) error {
	side, err := n.store.Sidecar(chain, seq)
	if err != nil {
		return err
	}
	sc, err := ledger.DecodeSidecar(side)
	if err != nil {
		return err
	}
	for _, raw := range sc.Disclosures {
		d, err := ledger.DecodeDisclosure(raw)
		if err != nil {
			return err
		}
		do(raw, d)
	}
	return nil
}

// withErasures returns an event with what was erased of it. The event itself,
// which others may be reading, stays as it is.
func (n *Node) withErasures(e *trace.Event) (*trace.Event, error) {
	if e == nil {
		return nil, nil
	}
	list, err := n.erasures(e.Position)
	if err != nil || len(list) == 0 {
		return e, err
	}
	full := *e
	full.Erased = list
	return &full, nil
}

// eventAlone reads an event without what was erased of it.
func (n *Node) eventAlone(pos trace.Position) (*trace.Event, error) {
	raw, err := n.store.Entry(pos.Chain, pos.Seq)
	if err != nil {
		return nil, err
	}
	side, err := n.store.Sidecar(pos.Chain, pos.Seq)
	if err != nil {
		return nil, err
	}
	return n.decodeAlone(pos, store.Item{Entry: raw, Sidecar: side})
}

// erasures reads what erase records say of the event at a position.
func (n *Node) erasures(pos trace.Position) ([]trace.Erasure, error) {
	list, err := n.store.Erasures(pos.Chain, pos.Seq)
	var out []trace.Erasure
	for _, x := range list {
		at := trace.Position{Chain: x.Chain, Seq: x.At}
		e, err := n.eventAlone(at)
		if err != nil {
			return nil, err
		}
		if e != nil {
			out = append(out, trace.ErasureOf(e))
		}
	}
	return out, err
}

// forgetAtDoor has admission read the record anew of which an own erase record
// erases something.
func (n *Node) forgetAtDoor(e *trace.Event) {
	if e.Kind != ledger.KindErase {
		return
	}
	chain, seq, ok, err := n.store.Find(e.Fields.Hash("record"))
	if err == nil && ok {
		n.door.recent.Remove(trace.Position{Chain: chain, Seq: seq})
	}
}

// forgetErased removes from this node's files what erase records name, now and
// whenever there are more, until ctx ends.
func (n *Node) forgetErased(ctx context.Context) error {
	changed, stop := n.store.Watch()
	defer stop()
	done := int64(0)
	retry := time.NewTicker(eraseRetry)
	defer retry.Stop()
	for {
		if now := n.store.Erased(); now != done {
			switch err := n.forget(ctx); {
			case err == nil:
				done = now
			case ctx.Err() == nil:
				n.log.Warn("erased bytes not removed yet", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-retry.C:
		}
	}
}

// forget removes the files and the bytes of sidecars that were erased.
func (n *Node) forget(ctx context.Context) error {
	n.erasing.Lock()
	defer n.erasing.Unlock()
	list, err := n.store.FilesToErase()
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := n.forgetFiles(ctx, e); err != nil {
			return err
		}
	}
	done, err := n.store.Purge(ctx)
	if done > 0 {
		n.log.Info("erased bytes removed", "n", done)
	}
	return err
}

// forgetFiles removes the files that an erase record names. One that the erased
// record does not name, or that another record names too, stays.
func (n *Node) forgetFiles(ctx context.Context, e store.Erasure) error {
	ev, err := n.event(trace.Position{Chain: e.Chain, Seq: e.Seq})
	if err != nil {
		return err
	}
	all, err := n.store.Erasures(e.Chain, e.Seq)
	if err != nil {
		return err
	}
	before := slices.DeleteFunc(all, func(x store.Erasure) bool { return x.At >= e.At })
	for _, digest := range e.Fields.Files {
		// Reading all chains must not be what anybody has everybody do by erasing
		// again and again what is gone, or stays.
		again := slices.ContainsFunc(before, func(x store.Erasure) bool { return slices.Contains(x.Fields.Files, digest) })
		if ev == nil || again || !mayForget(ev, digest) || !n.blobs.Has(digest) && !n.wanted.has(digest) {
			continue
		}
		named, err := n.namedByOthers(ctx, digest, ev.ID)
		if err != nil {
			return err
		}
		if named {
			continue
		}
		if err := errors.Join(n.blobs.Erase(digest), n.wanted.done(digest)); err != nil {
			return err
		}
		n.log.Info("attachment erased", "hash", digest)
	}
	return n.store.FilesErased(e)
}

// mayForget reports whether an event names a file in a field on which no trail
// depends.
func mayForget(e *trace.Event, digest ledger.Hash) bool {
	named := false
	for _, a := range e.NamedFiles() {
		if a.Digest == digest {
			if trace.Erasable(e.Kind, a.Field) != nil {
				return false
			}
			named = true
		}
	}
	return named
}

// namedByOthers reports whether a stored record besides the given one names a
// file and has not erased it. It reads all chains: erasing a file is rare, and
// nothing else needs to know who names it.
func (n *Node) namedByOthers(ctx context.Context, digest, but ledger.Hash) (bool, error) {
	for _, chain := range n.store.Chains() {
		seq := uint64(0)
		for item, err := range n.store.Entries(chain, 0, n.store.Size(chain)) {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return false, err
			}
			pos := trace.Position{Chain: chain, Seq: seq}
			seq++
			if !bytes.Contains(item.Entry, digest[:]) && !bytes.Contains(item.Sidecar, digest[:]) {
				continue
			}
			e, err := n.decode(pos, item)
			if err != nil {
				return false, err
			}
			if e != nil && e.ID != but && slices.ContainsFunc(e.Attachments(), func(a trace.Attachment) bool { return a.Digest == digest }) {
				return true, nil
			}
		}
	}
	return false, nil
}
