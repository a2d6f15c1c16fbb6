package ledger

import (
	"bytes"

	"github.com/fxamacker/cbor/v2"
)

// An EntryKind tells the three kinds of entry apart.
type EntryKind uint8

// The kinds of entry.
const (
	EntryRecord   EntryKind = 1
	EntryFrontier EntryKind = 2
	EntryCharter  EntryKind = 3
)

func (k EntryKind) String() string {
	switch k {
	case EntryRecord:
		return "record"
	case EntryFrontier:
		return "frontier"
	case EntryCharter:
		return "charter"
	}
	return "unknown"
}

// An Entry is one element of a chain. Its bytes are a deterministic CBOR map
// with the integer keys below; its hash is [LeafHash] of the bytes. Each chain
// is a hash chain (Prev) and an RFC 6962 Merkle tree over the same hashes.
type Entry struct {
	Kind EntryKind `cbor:"1,keyasint"`
	Prev Hash      `cbor:"2,keyasint"` // leaf hash of the entry before; zero for the first
	Time int64     `cbor:"3,keyasint"` // node clock, ms since 1970 UTC, never going back

	// Payload is the bytes of a record, of a frontier or of a charter reference.
	Payload []byte `cbor:"4,keyasint"`
	// Sig is a record's signature. The checkpoint signs the other kinds.
	Sig []byte `cbor:"5,keyasint,omitempty"`
}

// Encode returns the entry's bytes.
func (e *Entry) Encode() ([]byte, error) {
	b, err := Marshal(e)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxEntryBytes {
		return nil, wrong(CodeTooLarge, "an entry of %d bytes is over the limit of %d", len(b), MaxEntryBytes)
	}
	return b, nil
}

// DecodeEntry parses entry bytes strictly, without looking into the payload.
func DecodeEntry(raw []byte) (*Entry, error) {
	if len(raw) > MaxEntryBytes {
		return nil, wrong(CodeTooLarge, "an entry of %d bytes is over the limit of %d", len(raw), MaxEntryBytes)
	}
	var e Entry
	if err := Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	if (e.Kind == EntryRecord) != (len(e.Sig) > 0) {
		return nil, wrong(CodeForm, "a record entry has a signature, and only a record entry")
	}
	if e.Time <= 0 || e.Time > maxTime {
		return nil, wrong(CodeForm, "entry time is not from 1970 to 9999")
	}
	return &e, nil
}

// An OpenedEntry is an entry whose payload has been decoded and, for a record,
// whose signature has been checked. Make one with [OpenEntry] or with the
// builders [RecordEntry], [FrontierEntry] and [CharterEntry] only. Whether it
// may stand where it stands is for [Chain.Check].
type OpenedEntry struct {
	Entry Entry
	Raw   []byte // the entry's bytes
	Hash  Hash   // LeafHash of Raw

	// One of these is set, by Entry.Kind.
	Record   *SignedRecord
	Frontier Frontier
	Charter  *CharterRef
}

// OpenEntry checks form, limits and signature of foreign entry bytes. It needs
// no state, so that callers can run it on all cores.
func OpenEntry(raw []byte) (*OpenedEntry, error) { return openEntry(raw, OpenRecord) }

func openEntry(raw []byte, openRecord func(raw, sig []byte) (*SignedRecord, error)) (*OpenedEntry, error) {
	e, err := DecodeEntry(raw)
	if err != nil {
		return nil, err
	}
	o := &OpenedEntry{Entry: *e, Raw: raw, Hash: LeafHash(raw)}
	switch e.Kind {
	case EntryRecord:
		o.Record, err = openRecord(e.Payload, e.Sig)
	case EntryFrontier:
		o.Frontier, err = DecodeFrontier(e.Payload)
	case EntryCharter:
		o.Charter, err = decodeCharterRef(e.Payload)
	default:
		err = wrong(CodeForm, "entry kind %d does not exist", e.Kind)
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// ReadEntry decodes entry bytes that come out of a store of verified entries.
// It does what OpenEntry does but for the signature, which was checked when the
// entry was stored and costs more than all the rest. Never give it foreign
// bytes.
func ReadEntry(raw []byte) (*OpenedEntry, error) {
	return openEntry(raw, func(raw, sig []byte) (*SignedRecord, error) {
		r, err := DecodeRecord(raw)
		if err != nil {
			return nil, err
		}
		return &SignedRecord{Record: *r, Raw: raw, Sig: sig, ID: Keccak(raw)}, nil
	})
}

// RecordEntry builds the entry that carries r after prev.
func RecordEntry(prev Hash, time int64, r *SignedRecord) (*OpenedEntry, error) {
	o := &OpenedEntry{Entry: Entry{Kind: EntryRecord, Prev: prev, Time: time, Payload: r.Raw, Sig: r.Sig}, Record: r}
	return o.seal()
}

// FrontierEntry builds the entry that carries f after prev.
func FrontierEntry(prev Hash, time int64, f Frontier) (*OpenedEntry, error) {
	payload, err := f.Encode()
	if err != nil {
		return nil, err
	}
	o := &OpenedEntry{Entry: Entry{Kind: EntryFrontier, Prev: prev, Time: time, Payload: payload}, Frontier: f}
	return o.seal()
}

// CharterEntry builds the entry that puts a charter version in force after prev.
func CharterEntry(prev Hash, time int64, ref CharterRef) (*OpenedEntry, error) {
	payload, err := Marshal(ref)
	if err != nil {
		return nil, err
	}
	o := &OpenedEntry{Entry: Entry{Kind: EntryCharter, Prev: prev, Time: time, Payload: payload}, Charter: &ref}
	return o.seal()
}

func (o *OpenedEntry) seal() (*OpenedEntry, error) {
	raw, err := o.Entry.Encode()
	if err != nil {
		return nil, err
	}
	o.Raw, o.Hash = raw, LeafHash(raw)
	return o, nil
}

// A CharterRef is the payload of a charter entry: CBOR {1: version, 2: hash}.
type CharterRef struct {
	Version uint64 `cbor:"1,keyasint"`
	Hash    Hash   `cbor:"2,keyasint"` // Keccak-256 of the charter body
}

func decodeCharterRef(raw []byte) (*CharterRef, error) {
	var c CharterRef
	if err := Unmarshal(raw, &c); err != nil {
		return nil, err
	}
	if c.Version == 0 {
		return nil, wrong(CodeForm, "charter versions begin at 1")
	}
	return &c, nil
}

// A Seen names the final size and root of a chain, as another chain's frontier
// entry had seen it.
type Seen struct {
	_     struct{} `cbor:",toarray"`
	Chain uint32
	Size  uint64
	Root  Hash
}

// A Frontier is the payload of a frontier entry: the chains whose final size
// grew since the chain's last frontier entry, ascending by number. Its bytes
// are the CBOR array of [chain, size, root].
type Frontier []Seen

// Encode returns the frontier's bytes.
func (f Frontier) Encode() ([]byte, error) {
	if err := f.checkForm(); err != nil {
		return nil, err
	}
	return Marshal([]Seen(f))
}

// DecodeFrontier parses frontier bytes strictly.
func DecodeFrontier(raw []byte) (Frontier, error) {
	var f []Seen
	if err := Unmarshal(raw, &f); err != nil {
		return nil, err
	}
	return f, Frontier(f).checkForm()
}

func (f Frontier) checkForm() error {
	if len(f) == 0 || len(f) > MaxFrontier {
		return wrong(CodeForm, "a frontier names 1 to %d chains, not %d", MaxFrontier, len(f))
	}
	for i, s := range f {
		if s.Chain == 0 || s.Size == 0 {
			return wrong(CodeForm, "a frontier names chains and sizes from 1")
		}
		if i > 0 && f[i-1].Chain >= s.Chain {
			return wrong(CodeForm, "the chains of a frontier do not ascend")
		}
	}
	return nil
}

// EntryBundle joins entries as C2SP tlog-tiles stores them: each as its
// big-endian 16-bit length and its bytes.
func EntryBundle(entries [][]byte) []byte {
	var b bytes.Buffer
	for _, e := range entries {
		b.WriteByte(byte(len(e) >> 8))
		b.WriteByte(byte(len(e)))
		b.Write(e)
	}
	return b.Bytes()
}

// SplitBundle parses an entry bundle of at most TileWidth entries.
func SplitBundle(data []byte) ([][]byte, error) {
	var out [][]byte
	for len(data) > 0 {
		if len(out) == TileWidth {
			return nil, wrong(CodeTooLarge, "an entry bundle has over %d entries", TileWidth)
		}
		if len(data) < 2 {
			return nil, wrong(CodeForm, "an entry bundle ends within a length")
		}
		n := int(data[0])<<8 | int(data[1])
		if len(data) < 2+n {
			return nil, wrong(CodeForm, "an entry bundle ends within an entry")
		}
		out = append(out, data[2:2+n:2+n])
		data = data[2+n:]
	}
	return out, nil
}

// encodedFields reads the CBOR map of a record's public fields into values of
// type T's fields; see Unmarshal.
func encodedFields(raw cbor.RawMessage, v any) error {
	if len(raw) == 0 {
		return wrong(CodeForm, "the record has no fields")
	}
	return Unmarshal(raw, v)
}
