package ledger

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// An Audience says who may see a disclosure.
type Audience uint8

// The audiences. Digests of the first three stand in a record's SDM and their
// bytes are held by every member's node; digests of the others stand in SDX.
const (
	Public  Audience = 1 // anyone
	Item    Audience = 2 // members, and whoever presents a code that the record covers
	Members Audience = 3 // every member of the network
	Parties Audience = 4 // the members that the disclosure lists
	Own     Audience = 5 // the author's member only
)

// Shared reports whether every member's node holds disclosures of a.
func (a Audience) Shared() bool { return a <= Members }

func (a Audience) String() string {
	switch a {
	case Public:
		return "public"
	case Item:
		return "item"
	case Members:
		return "members"
	case Parties:
		return "parties"
	case Own:
		return "own"
	}
	return "unknown"
}

// A Disclosure is one salted field of a record, kept beside the log so that it
// can be shown by audience and erased (the idea is SD-JWT's, RFC 9901). Its
// bytes are the CBOR array [salt, audience, path, value]; salt is 16 random
// bytes, audience the number, or for Parties the ascending array of member
// slugs, path the field's number in the kind's table, value the field's value.
type Disclosure struct {
	Salt     [16]byte
	Audience Audience
	Parties  []string // ascending; Parties only
	Path     uint64
	Value    cbor.RawMessage
}

// wireDisclosure is the CBOR form.
type wireDisclosure struct {
	_        struct{} `cbor:",toarray"`
	Salt     [16]byte
	Audience cbor.RawMessage
	Path     uint64
	Value    cbor.RawMessage
}

// Encode returns the disclosure's bytes.
func (d *Disclosure) Encode() ([]byte, error) {
	if err := d.checkForm(); err != nil {
		return nil, err
	}
	var audience any = uint64(d.Audience)
	if d.Audience == Parties {
		audience = d.Parties
	}
	a, err := Marshal(audience)
	if err != nil {
		return nil, err
	}
	return Marshal(wireDisclosure{Salt: d.Salt, Audience: a, Path: d.Path, Value: d.Value})
}

// DecodeDisclosure parses disclosure bytes strictly.
func DecodeDisclosure(raw []byte) (*Disclosure, error) {
	var w wireDisclosure
	if err := Unmarshal(raw, &w); err != nil {
		return nil, err
	}
	d := &Disclosure{Salt: w.Salt, Path: w.Path, Value: w.Value}
	if len(w.Audience) > 0 && w.Audience[0]>>5 == 4 { // CBOR major type 4: array
		d.Audience = Parties
		if err := Unmarshal(w.Audience, &d.Parties); err != nil {
			return nil, err
		}
	} else {
		var n uint64
		if err := Unmarshal(w.Audience, &n); err != nil {
			return nil, err
		}
		if n == 0 || n > uint64(Own) || n == uint64(Parties) {
			return nil, wrong(CodeForm, "audience %d does not exist", n)
		}
		d.Audience = Audience(n)
	}
	return d, d.checkForm()
}

func (d *Disclosure) checkForm() error {
	if d.Audience < Public || d.Audience > Own {
		return wrong(CodeForm, "audience %d does not exist", d.Audience)
	}
	if (d.Audience == Parties) != (len(d.Parties) > 0) {
		return wrong(CodeForm, "members are listed for the audience parties, and only there")
	}
	for i, p := range d.Parties {
		if err := CheckSlug(p); err != nil {
			return err
		}
		if i > 0 && d.Parties[i-1] >= p {
			return wrong(CodeForm, "the members of an audience do not ascend")
		}
	}
	if err := CheckValue(d.Value); err != nil {
		return because(CodeOf(err), err, "value of field %d", d.Path)
	}
	return nil
}

// VisibleTo reports whether a node or operator of the given member, on a chain
// of author, may see the disclosure.
func (d *Disclosure) VisibleTo(member, author string) bool {
	switch d.Audience {
	case Parties:
		return member == author || slices.Contains(d.Parties, member)
	case Own:
		return member == author
	}
	return true
}

// DisclosureDigest names disclosure bytes: their SHA-256.
func DisclosureDigest(raw []byte) Hash { return sha256.Sum256(raw) }

// sortHashes sorts in place.
func sortHashes(list []Hash) {
	slices.SortFunc(list, func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })
}
