package proof

import (
	"fmt"
	"slices"

	"suyuan/ledger"
	"suyuan/trace"
)

// A Finals reads the final part of chains. Reads of one bundle may meet chains
// that grow meanwhile.
type Finals interface {
	// Final returns the newest quorum checkpoint held of a chain, nil if none.
	Final(chain uint32) *ledger.Checkpoint
	// TileSource reads the hash tiles of a chain.
	TileSource(chain uint32) ledger.TileSource
	// Entry returns the bytes of an entry. An absent one is an error.
	Entry(chain uint32, seq uint64) ([]byte, error)
	// Sidecar returns the bytes of an entry's sidecar; none are no error.
	Sidecar(chain uint32, seq uint64) ([]byte, error)
}

// A Warrants finds the entries that make an entry of a chain valid.
type Warrants interface {
	// CharterEntry returns the position of the newest charter entry of the
	// chain before position seq.
	CharterEntry(chain uint32, seq uint64) (at uint64, ok bool, err error)
	// GrantEntry returns the position of a grant record before position seq
	// that lets signer sign records of the kind there and is not revoked
	// there.
	GrantEntry(chain uint32, signer ledger.Address, kind ledger.Kind, seq uint64) (at uint64, ok bool, err error)
}

// An Input is what a bundle is made from.
type Input struct {
	URI     string // link of the item, under any domain, with its serial as issued
	Network *ledger.Network
	Code    Code

	// Item is the item that the code is. It is not read if Code shows absence.
	Item trace.Item

	// Events are where the records stand that the bundle is to show: the
	// records of the product and its run, the events of the item's trail and
	// the places where they happened, in any order. All must be final.
	Events []trace.Position

	Finals   Finals
	Warrants Warrants
}

// Build makes a bundle and verifies it, so that none leaves that would be
// refused. Disclosures of the audiences public and item are shown, and of the
// subjects those that cover the item, its lot, or a unit that held it, and the same
// of what it was made of.
func Build(in Input) (*Bundle, error) {
	item, err := parseName(in.URI)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Format: Format, Code: in.Code}
	if b.URI, err = item.canonical(); err != nil {
		return nil, err
	}
	for _, v := range in.Network.Versions() {
		b.Charters = append(b.Charters, v.Signed)
	}
	w := &builder{in: in, chains: make(map[uint32]*source), pieces: make(map[trace.Position]*piece)}
	if b.Entries, err = w.build(item); err != nil {
		return nil, fmt.Errorf("build bundle: %w", err)
	}
	if _, err := b.Verify(in.Network.ID); err != nil {
		return nil, fmt.Errorf("verify the bundle just built: %w", err)
	}
	return b, nil
}

// A builder gathers the entries of one bundle.
type builder struct {
	in     Input
	chains map[uint32]*source
	pieces map[trace.Position]*piece
}

// A source is where the entries of one chain come from. The checkpoint is read
// once, so that all entries are shown under the same.
type source struct {
	cp    *ledger.Checkpoint
	tiles ledger.TileSource
}

// A piece is an entry to be shown, with the part of its sidecar that may be.
type piece struct {
	entry   *ledger.OpenedEntry
	sidecar *ledger.Sidecar
	erased  bool         // disclosures for members are absent
	event   *trace.Event // nil for charter and grant entries
	leaves  []int        // indexes of the subjects to be shown
}

func (w *builder) build(item name) ([]ledger.EntryProof, error) {
	for _, pos := range w.in.Events {
		if err := w.addEvent(pos); err != nil {
			return nil, err
		}
	}
	if err := w.chooseLeaves(item); err != nil {
		return nil, err
	}
	for _, pos := range w.in.Events {
		if err := w.addWarrants(pos); err != nil {
			return nil, err
		}
	}
	for _, pos := range w.in.Events {
		// The charter entry by which the checkpoint counts.
		src, err := w.source(pos.Chain)
		if err != nil {
			return nil, err
		}
		if err := w.addCharter(trace.Position{Chain: pos.Chain, Seq: src.cp.Size}); err != nil {
			return nil, err
		}
	}
	return w.prove()
}

// add reads an entry. It returns nil if the entry has been added before.
func (w *builder) add(pos trace.Position) (*piece, error) {
	if w.pieces[pos] != nil {
		return nil, nil
	}
	raw, err := w.in.Finals.Entry(pos.Chain, pos.Seq)
	if err != nil {
		return nil, fmt.Errorf("read entry %d of chain %d: %w", pos.Seq, pos.Chain, err)
	}
	side, err := w.in.Finals.Sidecar(pos.Chain, pos.Seq)
	if err != nil {
		return nil, fmt.Errorf("read sidecar %d of chain %d: %w", pos.Seq, pos.Chain, err)
	}
	p := &piece{}
	if p.entry, err = ledger.ReadEntry(raw); err != nil {
		return nil, fmt.Errorf("entry %d of chain %d: %w", pos.Seq, pos.Chain, err)
	}
	all, err := ledger.DecodeSidecar(side)
	if err != nil {
		return nil, fmt.Errorf("sidecar %d of chain %d: %w", pos.Seq, pos.Chain, err)
	}
	if p.entry.Record != nil {
		missing, err := all.Missing(&p.entry.Record.Record)
		if err != nil {
			return nil, fmt.Errorf("sidecar %d of chain %d: %w", pos.Seq, pos.Chain, err)
		}
		p.erased = len(missing) > 0
	}
	if p.sidecar, err = all.Audience(ledger.Item); err != nil {
		return nil, fmt.Errorf("sidecar %d of chain %d: %w", pos.Seq, pos.Chain, err)
	}
	w.pieces[pos] = p
	return p, nil
}

func (w *builder) addEvent(pos trace.Position) error {
	p, err := w.add(pos)
	if err != nil || p == nil {
		return err
	}
	p.event, err = trace.DecodeShown(pos, p.entry, p.sidecar, ledger.Item, p.erased)
	if err != nil {
		return fmt.Errorf("entry %d of chain %d: %w", pos.Seq, pos.Chain, err)
	}
	return nil
}

// chooseLeaves picks, for each event with subjects, those that cover the item.
func (w *builder) chooseLeaves(item name) error {
	about := trace.Product(item.gtin)
	if w.in.Code.Issued != nil {
		about = w.in.Item
	}
	var events []*trace.Event
	for _, p := range w.pieces {
		events = append(events, p.event)
	}
	set, err := thingsOf(about, events)
	if err != nil {
		return err
	}
	for pos, p := range w.pieces {
		p.leaves = leavesAbout(p.event, about, set)
		if len(p.event.Subjects) > 0 && len(p.leaves) == 0 {
			return wrong(CodeSubject, "entry %d of chain %d does not cover the item", pos.Seq, pos.Chain)
		}
	}
	return nil
}

// leavesAbout returns the indexes of the subjects to be shown of an event. For
// a case into which something was packed one of its contents will do.
func leavesAbout(e *trace.Event, item trace.Item, set things) []int {
	var leaves []int
	for i, s := range e.Subjects {
		if set.about(s) {
			leaves = append(leaves, i)
		}
	}
	if len(leaves) > 0 {
		return leaves
	}
	if i := slices.IndexFunc(e.Subjects, func(s trace.Subject) bool { return s.Fills(item) }); i >= 0 {
		return []int{i}
	}
	return nil
}

// addWarrants adds the charter entry and the grant under which an event stands,
// and the charter entry under which that grant does.
func (w *builder) addWarrants(pos trace.Position) error {
	if err := w.addCharter(pos); err != nil {
		return err
	}
	r := &w.pieces[pos].entry.Record.Record
	at, ok, err := w.in.Warrants.GrantEntry(pos.Chain, r.Signer, r.Kind, pos.Seq)
	if err != nil {
		return fmt.Errorf("find grant of entry %d of chain %d: %w", pos.Seq, pos.Chain, err)
	}
	if !ok {
		return wrong(ledger.CodeNoGrant, "no grant for entry %d of chain %d", pos.Seq, pos.Chain)
	}
	grant := trace.Position{Chain: pos.Chain, Seq: at}
	if _, err := w.add(grant); err != nil {
		return err
	}
	return w.addCharter(grant)
}

func (w *builder) addCharter(pos trace.Position) error {
	at, ok, err := w.in.Warrants.CharterEntry(pos.Chain, pos.Seq)
	if err != nil {
		return fmt.Errorf("find charter entry before %d of chain %d: %w", pos.Seq, pos.Chain, err)
	}
	if !ok {
		return wrong(CodeCharter, "no charter entry before %d of chain %d", pos.Seq, pos.Chain)
	}
	_, err = w.add(trace.Position{Chain: pos.Chain, Seq: at})
	return err
}

// prove proves all pieces in the order of a bundle.
func (w *builder) prove() ([]ledger.EntryProof, error) {
	positions := make([]trace.Position, 0, len(w.pieces))
	for pos := range w.pieces {
		positions = append(positions, pos)
	}
	slices.SortFunc(positions, trace.Position.Compare)
	var proofs []ledger.EntryProof
	for _, pos := range positions {
		leaves := w.pieces[pos].leaves
		if len(leaves) == 0 {
			leaves = []int{-1} // shows none
		}
		for _, leaf := range leaves {
			p, err := w.proveEntry(pos, leaf)
			if err != nil {
				return nil, fmt.Errorf("prove entry %d of chain %d: %w", pos.Seq, pos.Chain, err)
			}
			proofs = append(proofs, *p)
		}
	}
	return proofs, nil
}

func (w *builder) proveEntry(pos trace.Position, leaf int) (*ledger.EntryProof, error) {
	src, err := w.source(pos.Chain)
	if err != nil {
		return nil, err
	}
	if pos.Seq >= src.cp.Size {
		return nil, wrong(ledger.CodeQuorum, "the entry is not final: the newest quorum checkpoint has size %d", src.cp.Size)
	}
	p := w.pieces[pos]
	return ledger.ProveEntry(src.tiles, src.cp, pos.Seq, p.entry.Raw, p.sidecar, leaf)
}

func (w *builder) source(chain uint32) (*source, error) {
	if src := w.chains[chain]; src != nil {
		return src, nil
	}
	final := w.in.Finals.Final(chain)
	if final == nil {
		return nil, wrong(ledger.CodeQuorum, "chain %d has no quorum checkpoint", chain)
	}
	version := w.in.Network.Version(final.Version)
	if version == nil {
		return nil, wrong(CodeCharter, "the checkpoint of chain %d counts under charter version %d, which is not held", chain, final.Version)
	}
	cp, err := tidy(w.in.Network, version, final.Note)
	if err != nil {
		return nil, err
	}
	src := &source{cp: cp, tiles: w.in.Finals.TileSource(chain)}
	w.chains[chain] = src
	return src, nil
}
