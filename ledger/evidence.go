package ledger

import "encoding/json"

// Evidence is two checkpoint notes of one chain, both signed with its log key,
// that cannot both be true: proof that its author signed two histories. Nothing
// else is needed to check it but the network's charters.
//
// Either both notes have one size and different roots. Or A has the smaller size
// and Prefix is the root that the first entries of B's tree have at that size,
// which Proof shows (the consistency proof of RFC 6962, section 2.1.2); it is not
// A's. Such evidence can be made by whoever holds the entries under B.
//
// Its bytes are the CBOR map with the keys below.
type Evidence struct {
	A      []byte `cbor:"1,keyasint" json:"a"`
	B      []byte `cbor:"2,keyasint" json:"b"`
	Prefix *Hash  `cbor:"3,keyasint,omitempty" json:"prefix,omitempty"`
	Proof  []Hash `cbor:"4,keyasint,omitempty" json:"proof,omitempty"`
}

// MakeEvidence makes evidence of two opened checkpoints of one chain. src has
// the tiles under the one with more entries; it is not read if the sizes are
// equal. The result is verified.
func MakeEvidence(net *Network, a, b *Checkpoint, src TileSource) (*Evidence, error) {
	if a.Size > b.Size {
		a, b = b, a
	}
	e := &Evidence{A: a.Note, B: b.Note}
	if a.Size < b.Size {
		prefix, err := src.RootAt(a.Size)
		if err != nil {
			return nil, err
		}
		if e.Proof, err = src.ProveConsistency(b.Size, a.Size); err != nil {
			return nil, err
		}
		e.Prefix = &prefix
	}
	_, err := e.Open(net)
	return e, err
}

// Encode returns the evidence's bytes.
func (e *Evidence) Encode() ([]byte, error) { return Marshal(e) }

// DecodeEvidence parses evidence strictly and within its limits; what it proves
// is for [Evidence.Open].
func DecodeEvidence(raw []byte) (*Evidence, error) {
	var e Evidence
	if err := Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	return &e, e.checkForm()
}

func (e *Evidence) checkForm() error {
	for _, note := range [][]byte{e.A, e.B} {
		if len(note) == 0 || len(note) > MaxCheckpointBytes {
			return wrong(CodeForm, "evidence holds two checkpoints of 1 to %d bytes", MaxCheckpointBytes)
		}
	}
	if len(e.Proof) > MaxConsistencyProof {
		return wrong(CodeTooLarge, "a consistency proof has at most %d hashes", MaxConsistencyProof)
	}
	if e.Prefix == nil && len(e.Proof) > 0 {
		return wrong(CodeForm, "a consistency proof without the root that it shows")
	}
	return nil
}

// Open verifies the evidence and returns the forked chain.
func (e *Evidence) Open(net *Network) (chain uint32, err error) {
	if err := e.checkForm(); err != nil {
		return 0, err
	}
	a, err := net.OpenCheckpoint(e.A)
	if err != nil {
		return 0, err
	}
	b, err := net.OpenCheckpoint(e.B)
	if err != nil {
		return 0, err
	}
	switch {
	case a.Chain != b.Chain:
		return 0, wrong(CodeForm, "the checkpoints are of two chains")
	case a.Size == b.Size:
		if a.Root == b.Root || e.Prefix != nil {
			return 0, wrong(CodeForm, "the two checkpoints can both be true")
		}
		return a.Chain, nil
	case a.Size > b.Size || a.Size == 0 || e.Prefix == nil:
		return 0, wrong(CodeForm, "evidence of two sizes names the smaller checkpoint first and the root that it should have")
	case *e.Prefix == a.Root:
		return 0, wrong(CodeForm, "the two checkpoints can both be true")
	}
	return a.Chain, VerifyConsistency(e.Proof, b.Size, b.Root, a.Size, *e.Prefix)
}

// An EvidenceFile is evidence with the charters under which it counts, so that
// anybody can check it: of a fork, or of two complete charters of one version.
type EvidenceFile struct {
	Charters []*SignedCharter `json:"charters"` // from version 1 on
	Fork     *Evidence        `json:"fork,omitempty"`
	Charter  *SignedCharter   `json:"charter,omitempty"` // contradicts the last of Charters
}

// Verify checks the file and returns the network and the chain whose author
// signed two histories; 0 if it is the charter that there are two of.
func (f *EvidenceFile) Verify() (net *Network, chain uint32, err error) {
	if net, err = VerifyNetwork(f.Charters); err != nil {
		return nil, 0, err
	}
	if (f.Fork == nil) == (f.Charter == nil) {
		return nil, 0, wrong(CodeForm, "an evidence file holds evidence of a fork or a second charter")
	}
	if f.Fork != nil {
		chain, err = f.Fork.Open(net)
		return net, chain, err
	}
	twice, err := net.Conflicts(f.Charter)
	if err == nil && !twice {
		err = wrong(CodeForm, "the charter is not a second one of a version")
	}
	return net, 0, err
}

// ReadEvidenceFile reads an evidence file; ok is false for JSON that is something
// else, such as a proof bundle or a charter.
func ReadEvidenceFile(data []byte) (f *EvidenceFile, ok bool, err error) {
	var what struct{ Charters, Fork, Charter json.RawMessage }
	if json.Unmarshal(data, &what) != nil || what.Charters == nil || what.Fork == nil && what.Charter == nil {
		return nil, false, nil
	}
	f = new(EvidenceFile)
	if err := json.Unmarshal(data, f); err != nil {
		return nil, true, because(CodeForm, err, "read evidence")
	}
	return f, true, nil
}
