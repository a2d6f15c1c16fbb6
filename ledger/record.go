package ledger

import (
	"bytes"
	"crypto/ecdsa"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// A Record is one business event as an operator signs it. Its bytes are a
// deterministic CBOR map with the integer keys below. Keys are never reused; a
// key that a later version adds is optional and absent where it says nothing.
type Record struct {
	Kind    Kind     `cbor:"1,keyasint"`
	Network Hash     `cbor:"2,keyasint"` // network id
	Chain   uint32   `cbor:"3,keyasint"` // number of the chain on which it may stand
	Member  string   `cbor:"4,keyasint"` // slug of the chain's member
	Signer  Address  `cbor:"5,keyasint"` // operator, or admin for grant and revoke
	At      int64    `cbor:"6,keyasint"` // when it happened, ms since 1970 UTC
	Zone    int      `cbor:"7,keyasint"` // minutes east of UTC where it happened, −720 to 840
	Nonce   [16]byte `cbor:"8,keyasint"` // random: two alike events are two records

	// Party is the slug of the party hosted by Member that acts; empty when the
	// member itself does. Place is the id of the member's place where it
	// happens; empty when it happens at none.
	Party string `cbor:"9,keyasint,omitempty"`
	Place string `cbor:"10,keyasint,omitempty"`

	// Fields is the CBOR map of the kind's public fields, by field number.
	Fields cbor.RawMessage `cbor:"11,keyasint,omitempty"`

	// Subjects is the RFC 6962 root over the sidecar's subject leaves, absent
	// when there are none.
	Subjects *Hash `cbor:"12,keyasint,omitempty"`

	// SDM and SDX are the digests of the record's disclosures, ascending: in
	// SDM those that every member's node holds (audiences public, item and
	// members), in SDX the others.
	SDM []Hash `cbor:"13,keyasint,omitempty"`
	SDX []Hash `cbor:"14,keyasint,omitempty"`

	// Name names a kind that is not in the format's table; see [Kind].
	Name string `cbor:"15,keyasint,omitempty"`
}

// KindName is the name that the signed message shows.
func (r *Record) KindName() string {
	if r.Name != "" {
		return r.Name
	}
	return r.Kind.String()
}

// Encode returns the record's bytes, or what is wrong with its form.
func (r *Record) Encode() ([]byte, error) {
	if err := r.checkForm(); err != nil {
		return nil, err
	}
	b, err := Marshal(r)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxRecordBytes {
		return nil, wrong(CodeTooLarge, "a record of %d bytes is over the limit of %d", len(b), MaxRecordBytes)
	}
	return b, nil
}

// DecodeRecord parses record bytes strictly.
func DecodeRecord(raw []byte) (*Record, error) {
	if len(raw) > MaxRecordBytes {
		return nil, wrong(CodeTooLarge, "a record of %d bytes is over the limit of %d", len(raw), MaxRecordBytes)
	}
	var r Record
	if err := Unmarshal(raw, &r); err != nil {
		return nil, err
	}
	if err := r.checkForm(); err != nil {
		return nil, err
	}
	return &r, nil
}

// checkForm holds every rule about a record that needs nothing but the record.
func (r *Record) checkForm() error {
	if err := r.checkKind(); err != nil {
		return err
	}
	if r.Chain == 0 {
		return wrong(CodeForm, "chain numbers begin at 1")
	}
	if err := CheckSlug(r.Member); err != nil {
		return because(CodeForm, err, "member")
	}
	if r.At <= 0 || r.At > maxTime {
		return wrong(CodeForm, "at is not from 1970 to 9999")
	}
	if r.Zone < -720 || r.Zone > 840 {
		return wrong(CodeForm, "zone %d is not between −720 and 840 minutes", r.Zone)
	}
	for _, s := range []string{r.Party, r.Place} {
		if s == "" {
			continue
		}
		if err := CheckSlug(s); err != nil {
			return because(CodeForm, err, "party or place")
		}
	}
	if err := r.checkFields(); err != nil {
		return err
	}
	if err := checkDigests(r.SDM); err != nil {
		return because(CodeForm, err, "sdm")
	}
	if err := checkDigests(r.SDX); err != nil {
		return because(CodeForm, err, "sdx")
	}
	return nil
}

func (r *Record) checkKind() error {
	_, named := kindNames[r.Kind]
	switch {
	case r.Kind == 0:
		return wrong(CodeForm, "kind 0 does not exist")
	case named && r.Name != "":
		return wrong(CodeForm, "kind %s carries a name", r.Kind)
	case !named && r.Kind < KindProduct:
		return wrong(CodeForm, "kind %d is reserved", uint16(r.Kind))
	case !named:
		if _, taken := kindsByName[r.Name]; taken {
			return wrong(CodeForm, "kind %d has the name of another kind", uint16(r.Kind))
		}
		return CheckSlug(r.Name)
	}
	return nil
}

func (r *Record) checkFields() error {
	if len(r.Fields) == 0 {
		return nil
	}
	if r.Fields[0]>>5 != 5 || r.Fields[0] == 0xa0 { // CBOR major type 5: map
		return wrong(CodeForm, "fields is not a map, or an empty one")
	}
	if err := CheckValue(r.Fields); err != nil {
		return because(CodeOf(err), err, "fields")
	}
	return nil
}

func checkDigests(list []Hash) error {
	if len(list) > MaxDigests {
		return wrong(CodeTooLarge, "%d digests are over the limit of %d", len(list), MaxDigests)
	}
	for i := 1; i < len(list); i++ {
		if bytes.Compare(list[i-1][:], list[i][:]) >= 0 {
			return wrong(CodeForm, "digests do not ascend")
		}
	}
	return nil
}

// A SignedRecord is a record whose form and signature have been checked: the
// recovered address is the record's signer. Make one with [OpenRecord] or
// [SignRecord] only. Whether the signer may write it is for [Chain.Check].
type SignedRecord struct {
	Record Record
	Raw    []byte // the record's bytes, as signed
	Sig    []byte // r ‖ s ‖ v
	ID     Hash   // Keccak-256 of Raw
}

// Message is what the signer of a record sees and signs.
func (r *Record) message(id Hash) string {
	return fmt.Sprintf("Suyuan record\nnetwork: %s\nkind: %s\nrecord: 0x%s", r.Network, r.KindName(), id)
}

// OpenRecord checks form, limits and signature of foreign record bytes. It is
// the expensive step of verification (some 50 µs) and needs no state, so that
// callers can run it on all cores.
func OpenRecord(raw, sig []byte) (*SignedRecord, error) {
	r, err := DecodeRecord(raw)
	if err != nil {
		return nil, err
	}
	s := &SignedRecord{Record: *r, Raw: raw, Sig: sig, ID: Keccak(raw)}
	signer, err := RecoverMessage(r.message(s.ID), sig)
	if err != nil {
		return nil, err
	}
	if signer != r.Signer {
		return nil, wrong(CodeSigner, "signed by %s, but the record names %s", signer, r.Signer)
	}
	return s, nil
}

// SignRecord signs r with the key of r.Signer.
func SignRecord(r *Record, key *ecdsa.PrivateKey) (*SignedRecord, error) {
	if a := AddressOf(key); a != r.Signer {
		return nil, wrong(CodeSigner, "the key belongs to %s, but the record names %s", a, r.Signer)
	}
	raw, err := r.Encode()
	if err != nil {
		return nil, err
	}
	id := Keccak(raw)
	sig, err := SignMessage(r.message(id), key)
	if err != nil {
		return nil, err
	}
	return &SignedRecord{Record: *r, Raw: raw, Sig: sig, ID: id}, nil
}
