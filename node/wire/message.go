package wire

import (
	"errors"
	"fmt"

	"suyuan/ledger"
)

// A Type says what the body of a frame is. Numbers are never reused.
type Type uint8

// The types; see the package comment.
const (
	TypeHello   Type = 1
	TypeHave    Type = 2
	TypeAddr    Type = 3
	TypeCharter Type = 4
	TypeAlert   Type = 5
	TypePing    Type = 6
	TypeBye     Type = 7

	TypeGetRange    Type = 16
	TypeItem        Type = 17
	TypeGetCharter  Type = 18
	TypeFullCharter Type = 19
	TypeGetBlob     Type = 20
	TypeBlob        Type = 21
	TypeChunk       Type = 22
	TypeGetScans    Type = 26
	TypeScans       Type = 27
	TypeEnd         Type = 31

	TypePropose  Type = 32
	TypeCosigned Type = 33
	TypeRefused  Type = 34

	TypeClaim   Type = 48
	TypeClaimed Type = 49
)

// A Message is the body of one frame. The concrete types are those of this
// package, as pointers.
type Message interface {
	Type() Type
	check() error // form that CBOR alone does not hold
}

// Hello is the first message of either side on ctl.
type Hello struct {
	Version     uint64      `cbor:"1,keyasint"`
	Network     ledger.Hash `cbor:"2,keyasint"`
	Number      uint32      `cbor:"3,keyasint"`
	Charter     uint64      `cbor:"4,keyasint"`
	CharterHash ledger.Hash `cbor:"5,keyasint"`
	Instance    uint64      `cbor:"6,keyasint"`
}

// Have tells what the sender has stored of some chains.
type Have struct {
	Chains []Holding `cbor:"1,keyasint"`
}

// A Holding is what a node has stored of one chain. Signed and Final are
// checkpoint notes, to be verified by whoever relies on them; Size is a claim.
type Holding struct {
	Chain  uint32 `cbor:"1,keyasint"`
	Size   uint64 `cbor:"2,keyasint"`
	Signed []byte `cbor:"3,keyasint,omitempty"`
	Final  []byte `cbor:"4,keyasint,omitempty"`
}

// Addr says where a node listens now.
type Addr struct {
	Number uint32   `cbor:"1,keyasint"`
	Seq    uint64   `cbor:"2,keyasint"` // ms since 1970 at signing; the higher one wins
	Addrs  []string `cbor:"3,keyasint,omitempty"`
	Sig    []byte   `cbor:"4,keyasint"` // Ed25519 over Message, by the transport key
}

// Charter announces a charter version.
type Charter struct {
	Version uint64      `cbor:"1,keyasint"`
	Hash    ledger.Hash `cbor:"2,keyasint"`
}

// Alert carries evidence of a fork.
type Alert ledger.Evidence

// Ping keeps a ctl stream alive and measures the round trip.
type Ping struct {
	Token  uint64 `cbor:"1,keyasint"`
	Answer bool   `cbor:"2,keyasint,omitempty"`
}

// Bye says why the sender closes the stream.
type Bye struct {
	Reason string `cbor:"1,keyasint"`
}

// GetRange asks for entries From ≤ seq < To, proven against the author's
// checkpoint of Size.
type GetRange struct {
	Chain       uint32 `cbor:"1,keyasint"`
	From        uint64 `cbor:"2,keyasint"`
	To          uint64 `cbor:"3,keyasint"`
	Size        uint64 `cbor:"4,keyasint"`
	Disclosures bool   `cbor:"5,keyasint,omitempty"` // only the sidecars, for entries already stored
}

// Item is one entry with the part of its sidecar that the asker may hold.
type Item struct {
	Entry   []byte `cbor:"1,keyasint,omitempty"`
	Sidecar []byte `cbor:"2,keyasint,omitempty"`
}

// GetCharter asks for a charter version.
type GetCharter struct {
	Version uint64 `cbor:"1,keyasint"`
}

// FullCharter is a charter with its signatures.
type FullCharter struct {
	Body       []byte                    `cbor:"1,keyasint"`
	Signatures []ledger.CharterSignature `cbor:"2,keyasint,omitempty"`
}

// GetBlob asks for an attachment from an offset on.
type GetBlob struct {
	Digest ledger.Hash `cbor:"1,keyasint"`
	Offset uint64      `cbor:"2,keyasint"`
}

// Blob announces the whole size of an attachment.
type Blob struct {
	Size uint64 `cbor:"1,keyasint"`
}

// Chunk is a piece of an attachment; its frame's body is the bytes themselves.
type Chunk struct{ Data []byte }

// A Status says how a request ended.
type Status uint8

// The statuses.
const (
	StatusOK       Status = 0
	StatusNotFound Status = 1
	StatusBusy     Status = 2
	StatusRefused  Status = 3
)

func (s Status) String() string {
	switch s {
	case StatusOK:
		return "ok"
	case StatusNotFound:
		return "not found"
	case StatusBusy:
		return "busy"
	case StatusRefused:
		return "refused"
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// End closes every answer on fetch.
type End struct {
	Status Status        `cbor:"1,keyasint"`
	Wait   uint32        `cbor:"2,keyasint,omitempty"` // ms; BUSY only
	Proof  []ledger.Hash `cbor:"3,keyasint,omitempty"` // GET_RANGE only
}

// Propose asks a witness to cosign a checkpoint.
type Propose struct {
	Note []byte `cbor:"1,keyasint"`
}

// Cosigned is a witness's cosignature line, with its line feed.
type Cosigned struct {
	Line []byte `cbor:"1,keyasint"`
}

// A Reason says why a witness does not cosign.
type Reason uint8

// The reasons.
const (
	ReasonBehind    Reason = 1
	ReasonConflict  Reason = 2
	ReasonForked    Reason = 3
	ReasonNoWitness Reason = 4
	ReasonInvalid   Reason = 5
	ReasonBusy      Reason = 6
	ReasonCharter   Reason = 7 // the chain is on an older charter than the witness
	ReasonEnded     Reason = 8
)

func (r Reason) String() string {
	switch r {
	case ReasonBehind:
		return "behind"
	case ReasonConflict:
		return "conflict"
	case ReasonForked:
		return "forked"
	case ReasonNoWitness:
		return "no witness"
	case ReasonInvalid:
		return "invalid"
	case ReasonBusy:
		return "busy"
	case ReasonCharter:
		return "old charter"
	case ReasonEnded:
		return "ended"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Refused says why a witness does not cosign.
type Refused struct {
	Reason Reason `cbor:"1,keyasint"`
	Note   []byte `cbor:"2,keyasint,omitempty"` // CONFLICT: a signed checkpoint that contradicts the proposal
	Size   uint64 `cbor:"3,keyasint,omitempty"` // BEHIND: entries stored
}

// Type implements [Message].
func (*Hello) Type() Type       { return TypeHello }
func (*Have) Type() Type        { return TypeHave }
func (*Addr) Type() Type        { return TypeAddr }
func (*Charter) Type() Type     { return TypeCharter }
func (*Alert) Type() Type       { return TypeAlert }
func (*Ping) Type() Type        { return TypePing }
func (*Bye) Type() Type         { return TypeBye }
func (*GetRange) Type() Type    { return TypeGetRange }
func (*Item) Type() Type        { return TypeItem }
func (*GetCharter) Type() Type  { return TypeGetCharter }
func (*FullCharter) Type() Type { return TypeFullCharter }
func (*GetBlob) Type() Type     { return TypeGetBlob }
func (*Blob) Type() Type        { return TypeBlob }
func (*Chunk) Type() Type       { return TypeChunk }
func (*End) Type() Type         { return TypeEnd }
func (*Propose) Type() Type     { return TypePropose }
func (*Cosigned) Type() Type    { return TypeCosigned }
func (*Refused) Type() Type     { return TypeRefused }

// newMessage returns an empty message of a type, nil if there is no such type.
func newMessage(t Type) Message {
	switch t {
	case TypeHello:
		return &Hello{}
	case TypeHave:
		return &Have{}
	case TypeAddr:
		return &Addr{}
	case TypeCharter:
		return &Charter{}
	case TypeAlert:
		return &Alert{}
	case TypePing:
		return &Ping{}
	case TypeBye:
		return &Bye{}
	case TypeGetRange:
		return &GetRange{}
	case TypeItem:
		return &Item{}
	case TypeGetCharter:
		return &GetCharter{}
	case TypeFullCharter:
		return &FullCharter{}
	case TypeGetBlob:
		return &GetBlob{}
	case TypeBlob:
		return &Blob{}
	case TypeChunk:
		return &Chunk{}
	case TypeGetScans:
		return &GetScans{}
	case TypeScans:
		return &Scans{}
	case TypeEnd:
		return &End{}
	case TypePropose:
		return &Propose{}
	case TypeCosigned:
		return &Cosigned{}
	case TypeRefused:
		return &Refused{}
	case TypeClaim:
		return &Claim{}
	case TypeClaimed:
		return &Claimed{}
	}
	return nil
}

// Message is what the transport key of a node signs: a line of domain
// separation and the CBOR array [network, number, seq, addrs].
func (a *Addr) Message(network ledger.Hash) ([]byte, error) {
	body, err := ledger.Marshal([]any{network, a.Number, a.Seq, a.Addrs})
	if err != nil {
		return nil, err
	}
	return append([]byte("suyuan/addr/v1\n"), body...), nil
}

// errForm is what check methods report; [Reader] adds the type.
var errForm = errors.New("a value is outside its limits")

func holds(ok bool) error {
	if !ok {
		return errForm
	}
	return nil
}

func note(raw []byte) bool { return len(raw) > 0 && len(raw) <= ledger.MaxCheckpointBytes }

func (m *Hello) check() error {
	return holds(m.Version > 0 && m.Number > 0 && m.Charter > 0)
}

func (m *Have) check() error {
	if len(m.Chains) == 0 || len(m.Chains) > MaxHaves {
		return errForm
	}
	for i, h := range m.Chains {
		ascending := h.Chain > 0 && (i == 0 || m.Chains[i-1].Chain < h.Chain)
		if !ascending || len(h.Signed) > ledger.MaxCheckpointBytes || len(h.Final) > ledger.MaxCheckpointBytes {
			return errForm
		}
	}
	return nil
}

func (m *Addr) check() error {
	for _, a := range m.Addrs {
		if a == "" || len(a) > MaxAddrBytes {
			return errForm
		}
	}
	return holds(m.Number > 0 && m.Seq > 0 && len(m.Addrs) <= MaxAddrs && len(m.Sig) == 64)
}

func (m *Charter) check() error { return holds(m.Version > 0) }
func (m *Alert) check() error {
	return holds(note(m.A) && note(m.B) && len(m.Proof) <= ledger.MaxConsistencyProof)
}
func (m *Ping) check() error { return nil }
func (m *Bye) check() error  { return holds(len(m.Reason) <= MaxReason) }

func (m *GetRange) check() error {
	return holds(m.Chain > 0 && m.From < m.To && m.To <= m.Size && m.To-m.From <= MaxRange && m.Size < 1<<62)
}

func (m *Item) check() error {
	return holds(len(m.Entry) <= ledger.MaxEntryBytes && len(m.Sidecar) <= ledger.MaxSidecarBytes)
}

func (m *GetCharter) check() error { return holds(m.Version > 0) }

func (m *FullCharter) check() error {
	return holds(len(m.Body) > 0 && len(m.Body) <= ledger.MaxCharterBytes && len(m.Signatures) <= ledger.MaxCharterSignatures)
}

func (m *GetBlob) check() error { return nil }
func (m *Blob) check() error    { return nil }
func (m *Chunk) check() error   { return holds(len(m.Data) > 0 && len(m.Data) <= MaxChunk) }

func (m *End) check() error {
	return holds(m.Status <= StatusRefused && len(m.Proof) <= MaxProof)
}

func (m *Propose) check() error  { return holds(note(m.Note)) }
func (m *Cosigned) check() error { return holds(note(m.Line)) }

func (m *Refused) check() error {
	return holds(m.Reason >= ReasonBehind && m.Reason <= ReasonEnded && len(m.Note) <= ledger.MaxCheckpointBytes)
}
