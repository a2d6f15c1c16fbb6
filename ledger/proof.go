package ledger

import (
	"bytes"
	"slices"

	"github.com/transparency-dev/formats/proof"
)

// An EntryProof shows that an entry stands at a position of a chain and is
// final, and shows as much of its sidecar as the reader may see. It needs
// nothing but the network's charters to be checked.
type EntryProof struct {
	Entry []byte `json:"entry"` // entry bytes
	Proof string `json:"proof"` // C2SP tlog-proof: index, audit path, quorum checkpoint

	Disclosures [][]byte   `json:"disclosures,omitempty"`
	Subject     *LeafProof `json:"subject,omitempty"`
}

// A ProvenEntry is what an EntryProof proves.
type ProvenEntry struct {
	Chain       uint32
	Seq         uint64
	Entry       *OpenedEntry
	Checkpoint  *Checkpoint
	Disclosures []*Disclosure
	Subject     []byte // the subject's CBOR item, nil if none is shown
}

// ProveEntry makes the proof of entry seq under a quorum checkpoint. sidecar is
// the part that may be shown; subject is the index of the leaf to show among
// its leaves, −1 for none.
func ProveEntry(src TileSource, cp *Checkpoint, seq uint64, entry []byte, sidecar *Sidecar, subject int) (*EntryProof, error) {
	path, err := src.ProveEntry(cp.Size, seq)
	if err != nil {
		return nil, err
	}
	text := proof.TLogProof{Index: seq, Hashes: make([][32]byte, len(path)), Checkpoint: cp.Note}
	for i, h := range path {
		text.Hashes[i] = h
	}
	p := &EntryProof{Entry: entry, Proof: string(text.Marshal())}
	if sidecar != nil {
		p.Disclosures = sidecar.Disclosures
	}
	if subject >= 0 {
		if p.Subject, err = ProveLeaf(sidecar.Leaves, subject); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Verify checks the proof under the charters of net: the entry's form and
// signature, its place in the checkpoint's tree, the quorum of cosigners, and
// that every disclosure and the subject belong to the record. It does not check
// grants; see [ProvenEntry.GrantedBy].
func (p *EntryProof) Verify(net *Network) (*ProvenEntry, error) {
	if len(p.Proof) > 2*MaxCheckpointBytes {
		return nil, wrong(CodeTooLarge, "a proof of %d bytes is over the limit of %d", len(p.Proof), 2*MaxCheckpointBytes)
	}
	var text proof.TLogProof
	if err := text.Unmarshal([]byte(p.Proof)); err != nil {
		return nil, because(CodeForm, err, "tlog-proof")
	}
	if !bytes.Equal(text.Marshal(), []byte(p.Proof)) {
		return nil, wrong(CodeNotCanonical, "the tlog-proof is not in its canonical form")
	}
	cp, err := net.OpenCheckpoint(text.Checkpoint)
	if err != nil {
		return nil, err
	}
	if end := net.Ended(cp.Chain); end != nil && cp.Size > end.Size {
		return nil, wrong(CodeCheckpoint, "the charter ended chain %d at size %d, and the checkpoint has %d", cp.Chain, end.Size, cp.Size)
	}
	if !cp.Final {
		return nil, wrong(CodeQuorum, "the checkpoint is cosigned by %v, fewer than the quorum", cp.Cosigners)
	}
	o, err := OpenEntry(p.Entry)
	if err != nil {
		return nil, err
	}
	path := make([]Hash, len(text.Hashes))
	for i := range text.Hashes {
		path[i] = text.Hashes[i]
	}
	if err := VerifyEntry(path, cp.Size, cp.Root, text.Index, o.Hash); err != nil {
		return nil, err
	}
	out := &ProvenEntry{Chain: cp.Chain, Seq: text.Index, Entry: o, Checkpoint: cp}
	return out, p.openSidecar(net, out)
}

// openSidecar checks the shown parts of the sidecar against the record.
func (p *EntryProof) openSidecar(net *Network, out *ProvenEntry) error {
	if out.Entry.Entry.Kind != EntryRecord {
		if len(p.Disclosures) > 0 || p.Subject != nil {
			return wrong(CodeSidecar, "only a record has a sidecar")
		}
		return nil
	}
	r := &out.Entry.Record.Record
	if r.Network != net.ID || r.Chain != out.Chain || r.Member != net.MemberOf(out.Chain) {
		return wrong(CodeChain, "the record is for chain %s of network %s", ChainName(r.Member, r.Chain), r.Network)
	}
	shown := &Sidecar{Disclosures: p.Disclosures}
	if _, err := shown.checkDisclosures(r); err != nil {
		return err
	}
	for _, raw := range p.Disclosures {
		d, err := DecodeDisclosure(raw)
		if err != nil {
			return err
		}
		out.Disclosures = append(out.Disclosures, d)
	}
	if p.Subject == nil {
		return nil
	}
	if r.Subjects == nil {
		return wrong(CodeSidecar, "a subject for a record that has none")
	}
	if err := p.Subject.Verify(*r.Subjects); err != nil {
		return err
	}
	leaf, err := DecodeLeaf(p.Subject.Leaf)
	if err != nil {
		return err
	}
	out.Subject = leaf.Subject
	return nil
}

// GrantedBy checks that one of the proven grant entries gives the record's
// signer its kind on this chain, at an earlier position, and was signed by an
// admin of the member under the charter version in force there. Limits of the
// grant are for members and are not checked; nor is that no revocation stands
// between: that rests on the quorum that cosigned.
func (e *ProvenEntry) GrantedBy(grants []*ProvenEntry, charter *Charter) error {
	r := &e.Entry.Record.Record
	m := charter.Member(r.Member)
	if m == nil {
		return wrong(CodeCharter, "the charter has no member %s", r.Member)
	}
	if r.Kind.byAdmin() {
		if !slices.Contains(m.Admins, r.Signer) {
			return wrong(CodeNotAdmin, "%s is no admin of %s", r.Signer, r.Member)
		}
		return nil
	}
	for _, g := range grants {
		if g.Chain != e.Chain || g.Seq >= e.Seq || g.Entry.Entry.Kind != EntryRecord {
			continue
		}
		gr := &g.Entry.Record.Record
		if gr.Kind != KindGrant || !slices.Contains(m.Admins, gr.Signer) {
			continue
		}
		grant, err := readGrant(gr, nil, g.Seq)
		if err == nil && grant.Address == r.Signer && slices.Contains(grant.Kinds, r.Kind) {
			return nil
		}
	}
	return wrong(CodeNoGrant, "no grant shown gives %s the right to sign %s on chain %d", r.Signer, r.KindName(), e.Chain)
}
