package proof

import (
	"bytes"
	"fmt"
	"slices"

	"suyuan/ledger"
	"suyuan/trace"
)

// entries are the proven entries of a bundle, sorted out.
type entries struct {
	net     *ledger.Network
	chains  map[uint32]*chain
	records []*record // what is neither charter nor grant, by chain and position

	erasures int // how many of records say that something of another is gone
}

// A chain is what a bundle shows of one chain beside its records.
type chain struct {
	note     []byte // the one checkpoint under which all its entries are shown
	size     uint64
	version  *ledger.Version    // of the newest charter entry shown, under which the note counts
	final    *ledger.Checkpoint // the note, counted so
	charters []*ledger.ProvenEntry
	grants   []*ledger.ProvenEntry
}

// A record is one event as shown. Several proofs of one entry show several of
// its subjects.
type record struct {
	*ledger.ProvenEntry
	disclosures [][]byte
	leaves      [][]byte
	lastLeaf    uint64 // index of the last of leaves among the record's
	event       *trace.Event
}

func (r *record) position() trace.Position { return trace.Position{Chain: r.Chain, Seq: r.Seq} }

// openEntries verifies each entry by itself: form, signature, path, quorum, and
// that what is shown of its sidecar belongs to it.
func openEntries(net *ledger.Network, proofs []ledger.EntryProof) (*entries, error) {
	s := &entries{net: net, chains: make(map[uint32]*chain)}
	var before *ledger.ProvenEntry
	for i := range proofs {
		e, err := proofs[i].Verify(net)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		if err := s.add(e, &proofs[i], before); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		before = e
	}
	for number, c := range s.chains {
		if err := s.count(number, c); err != nil {
			return nil, fmt.Errorf("chain %d: %w", number, err)
		}
	}
	return s, nil
}

// count holds that a chain's checkpoint has the quorum of the charter that the
// newest charter entry shown puts in force, and no line beside. Under another
// charter it may have a quorum of companies that this chain has never answered
// to.
func (s *entries) count(number uint32, c *chain) error {
	if len(c.charters) == 0 {
		return wrong(CodeCharter, "no charter entry is shown of chain %d", number)
	}
	c.version = s.net.Version(c.charters[len(c.charters)-1].Entry.Charter.Version)
	var err error
	if c.final, err = tidy(s.net, c.version, c.note); err != nil {
		return err
	}
	if !bytes.Equal(c.final.Note, c.note) {
		return wrong(CodeCheckpoint, "the checkpoint has signature lines that do not count")
	}
	if !c.final.Final {
		return wrong(ledger.CodeQuorum, "the checkpoint is cosigned by %v, fewer than the quorum of charter version %d", c.final.Cosigners, c.final.Version)
	}
	return nil
}

func (s *entries) add(e *ledger.ProvenEntry, p *ledger.EntryProof, before *ledger.ProvenEntry) error {
	if before != nil && (before.Chain > e.Chain || before.Chain == e.Chain && before.Seq > e.Seq) {
		return wrong(CodeFormat, "entries do not ascend by chain and position")
	}
	c, err := s.chain(e)
	if err != nil {
		return err
	}
	if before != nil && before.Chain == e.Chain && before.Seq == e.Seq {
		return s.addLeaf(e, p)
	}
	switch {
	case e.Entry.Entry.Kind == ledger.EntryCharter:
		c.charters = append(c.charters, e)
		return s.checkHeld(e.Entry.Charter)
	case e.Entry.Entry.Kind != ledger.EntryRecord:
		return wrong(CodeEvent, "a %s entry has no place in a bundle", e.Entry.Entry.Kind)
	}
	for _, d := range e.Disclosures {
		if d.Audience > ledger.Item {
			return wrong(CodeAudience, "field %d is for %s", d.Path, d.Audience)
		}
	}
	if e.Entry.Record.Record.Kind == ledger.KindGrant {
		c.grants = append(c.grants, e)
		return nil
	}
	r := &record{ProvenEntry: e, disclosures: p.Disclosures}
	if p.Subject != nil {
		r.leaves, r.lastLeaf = [][]byte{p.Subject.Leaf}, p.Subject.Index
	}
	s.records = append(s.records, r)
	return nil
}

// checkHeld holds that a charter entry names a charter of the bundle.
func (s *entries) checkHeld(ref *ledger.CharterRef) error {
	if v := s.net.Version(ref.Version); v == nil || v.Hash != ref.Hash {
		return wrong(CodeCharter, "the bundle does not have the charter version %d that the entry names", ref.Version)
	}
	return nil
}

// chain returns the chain of an entry after holding that all its entries are
// shown under one checkpoint.
func (s *entries) chain(e *ledger.ProvenEntry) (*chain, error) {
	if c := s.chains[e.Chain]; c != nil {
		if !bytes.Equal(c.note, e.Checkpoint.Note) {
			return nil, wrong(CodeCheckpoint, "the entries of chain %d are shown under two checkpoints", e.Chain)
		}
		return c, nil
	}
	c := &chain{note: e.Checkpoint.Note, size: e.Checkpoint.Size}
	s.chains[e.Chain] = c
	return c, nil
}

// addLeaf adds the subject of another proof of the newest record.
func (s *entries) addLeaf(e *ledger.ProvenEntry, p *ledger.EntryProof) error {
	twice := wrong(CodeFormat, "the entry stands twice")
	if len(s.records) == 0 || p.Subject == nil {
		return twice
	}
	r := s.records[len(s.records)-1]
	if r.Chain != e.Chain || r.Seq != e.Seq || len(r.leaves) == 0 || p.Subject.Index <= r.lastLeaf {
		return twice
	}
	if !slices.EqualFunc(r.disclosures, p.Disclosures, bytes.Equal) {
		return wrong(CodeFormat, "the entry stands twice and shows different fields")
	}
	r.leaves, r.lastLeaf = append(r.leaves, p.Subject.Leaf), p.Subject.Index
	return nil
}

// checkRights holds that every record was signed by one who had the right to,
// as far as the bundle can show it.
func (s *entries) checkRights() error {
	for _, c := range s.chains {
		for _, g := range c.grants {
			if err := s.checkSigner(g); err != nil {
				return err
			}
		}
	}
	for _, r := range s.records {
		if err := s.checkSigner(r.ProvenEntry); err != nil {
			return err
		}
	}
	return nil
}

func (s *entries) checkSigner(e *ledger.ProvenEntry) error {
	if err := s.checkSignerOf(e); err != nil {
		return fmt.Errorf("entry %d of chain %d: %w", e.Seq, e.Chain, err)
	}
	return nil
}

func (s *entries) checkSignerOf(e *ledger.ProvenEntry) error {
	r := &e.Entry.Record.Record
	charter, err := s.inForce(e)
	if err != nil {
		return err
	}
	m := charter.Member(r.Member)
	if m == nil {
		return wrong(ledger.CodeCharter, "charter version %d has no member %s", charter.Version, r.Member)
	}
	if slices.Contains(m.Revoked, r.Signer) {
		return wrong(ledger.CodeRevoked, "charter version %d has revoked %s", charter.Version, r.Signer)
	}
	// An admin may have left since it signed the grant, so that each grant is
	// held against the charter of its own position.
	for _, g := range s.chains[e.Chain].grants {
		then, err := s.inForce(g)
		if err != nil {
			return err
		}
		if e.GrantedBy([]*ledger.ProvenEntry{g}, then) == nil {
			return nil
		}
	}
	return e.GrantedBy(nil, charter)
}

// inForce returns the charter that governs an entry: that of the newest charter
// entry shown before it.
func (s *entries) inForce(e *ledger.ProvenEntry) (*ledger.Charter, error) {
	for _, c := range slices.Backward(s.chains[e.Chain].charters) {
		if c.Seq < e.Seq {
			return s.net.Version(c.Entry.Charter.Version).Charter, nil
		}
	}
	return nil, wrong(CodeCharter, "no charter entry is shown before entry %d of chain %d", e.Seq, e.Chain)
}

// decode reads the events of all records. An erase record is no event of the item:
// it says of one shown that something of it is gone.
func (s *entries) decode() ([]*trace.Event, error) {
	erased := make(map[ledger.Hash]bool)
	for _, r := range s.records {
		if !r.erases() {
			continue
		}
		if err := r.decode(false); err != nil {
			return nil, err
		}
		erased[r.event.Fields.Hash("record")] = true
	}
	var events []*trace.Event
	for _, r := range s.records {
		if r.erases() {
			continue
		}
		if err := r.decode(erased[r.Entry.Record.ID]); err != nil {
			return nil, err
		}
		events = append(events, r.event)
	}
	for _, r := range s.records {
		if !r.erases() {
			continue
		}
		if err := s.erase(r.event); err != nil {
			return nil, fmt.Errorf("entry %d of chain %d: %w", r.Seq, r.Chain, err)
		}
		s.erasures++
	}
	return events, nil
}

func (r *record) erases() bool { return r.Entry.Record.Record.Kind == ledger.KindErase }

// decode reads the event of a record, of which something may have been erased.
func (r *record) decode(erased bool) (err error) {
	sc := &ledger.Sidecar{Disclosures: r.disclosures, Leaves: r.leaves}
	if r.event, err = trace.DecodeShown(r.position(), r.Entry, sc, ledger.Item, erased); err != nil {
		return because(CodeEvent, err, "entry %d of chain %d", r.Seq, r.Chain)
	}
	return nil
}

// erase notes an erasure at the record that it names, which stands before it on
// its chain.
func (s *entries) erase(e *trace.Event) error {
	for _, r := range s.records {
		if r.Chain == e.Chain && r.Seq < e.Seq && r.event.ID == e.Fields.Hash("record") {
			r.event.Erased = append(r.event.Erased, trace.ErasureOf(e))
			return nil
		}
	}
	return wrong(CodeEvent, "it erases nothing of what is shown")
}
