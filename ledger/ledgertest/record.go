package ledgertest

import (
	"crypto/ecdsa"
	"slices"

	"suyuan/ledger"
)

// draft is a record before it is sealed and signed.
type draft struct {
	record      ledger.Record
	disclosures []ledger.Disclosure
	subjects    [][]byte
	key         *ecdsa.PrivateKey
	edit        []func(*ledger.Record)
}

// A RecordOption adds to a record before it is signed.
type RecordOption func(*draft)

// Fields sets the public fields: a map with integer keys or a struct.
func Fields(v any) RecordOption {
	return func(d *draft) { d.record.Fields = must(ledger.Marshal(v)) }
}

// Disclose adds a disclosure of any audience but parties.
func Disclose(a ledger.Audience, path uint64, value any) RecordOption {
	return func(d *draft) {
		d.disclosures = append(d.disclosures, ledger.Disclosure{Audience: a, Path: path, Value: must(ledger.Marshal(value))})
	}
}

// DiscloseTo adds a disclosure for the listed members.
func DiscloseTo(members []string, path uint64, value any) RecordOption {
	members = slices.Sorted(slices.Values(members))
	return func(d *draft) {
		d.disclosures = append(d.disclosures, ledger.Disclosure{
			Audience: ledger.Parties, Parties: members, Path: path, Value: must(ledger.Marshal(value)),
		})
	}
}

// Subjects adds subjects, each a value that becomes one CBOR item.
func Subjects(subjects ...any) RecordOption {
	return func(d *draft) {
		for _, s := range subjects {
			d.subjects = append(d.subjects, must(ledger.Marshal(s)))
		}
	}
}

// Party says that a party hosted by the member acts.
func Party(slug string) RecordOption { return func(d *draft) { d.record.Party = slug } }

// Place says where it happens.
func Place(id string) RecordOption { return func(d *draft) { d.record.Place = id } }

// Name names a kind that the format's table does not.
func Name(name string) RecordOption { return func(d *draft) { d.record.Name = name } }

// SignedBy signs with another key than the operator's.
func SignedBy(key *ecdsa.PrivateKey) RecordOption { return func(d *draft) { d.key = key } }

// OnSecond writes for the chain of the member's second node.
func OnSecond(m *Member) RecordOption {
	return func(d *draft) { d.record.Chain = m.Second.Number }
}

// Edit changes the sealed record just before it is encoded and signed.
func Edit(edit func(*ledger.Record)) RecordOption {
	return func(d *draft) { d.edit = append(d.edit, edit) }
}

// Record makes a record of a member for the chain of its first node, happening
// at a time in ms, signed by the member's operator. Its zone is Beijing's.
func (n *Net) Record(member string, kind ledger.Kind, at int64, opts ...RecordOption) (*ledger.SignedRecord, *ledger.Sidecar) {
	m := n.Member(member)
	d := draft{
		record: ledger.Record{Kind: kind, Network: n.Network.ID, Chain: m.Number, Member: member, At: at, Zone: 480},
		key:    m.Operator,
	}
	if kind == ledger.KindGrant || kind == ledger.KindRevoke {
		d.key = m.Admin
	}
	must(n.Read(d.record.Nonce[:]))
	for _, o := range opts {
		o(&d)
	}
	d.record.Signer = ledger.AddressOf(d.key)
	sc := must(ledger.Seal(&d.record, d.disclosures, d.subjects, n))
	for _, edit := range d.edit {
		edit(&d.record)
	}
	return must(ledger.SignRecord(&d.record, d.key)), sc
}

// EveryKind is all kinds of the format that a grant can give, ascending.
func EveryKind() []ledger.Kind {
	kinds := []ledger.Kind{ledger.KindErase}
	for k := ledger.KindProduct; k <= ledger.KindLink; k++ {
		kinds = append(kinds, k)
	}
	return kinds
}

// Grant makes the record with which the member's admin grants kinds, or every
// kind if none is given, to its operator.
func (n *Net) Grant(member string, kinds ...ledger.Kind) (*ledger.SignedRecord, *ledger.Sidecar) {
	return n.GrantTo(member, n.Member(member).OperatorAddress(), kinds)
}

// GrantTo makes a grant to any address; opts can limit it:
//
//	Disclose(ledger.Members, ledger.GrantParty, "store-1")
//	Disclose(ledger.Members, ledger.GrantPlaces, []string{"dock-1"})
func (n *Net) GrantTo(member string, to ledger.Address, kinds []ledger.Kind, opts ...RecordOption) (*ledger.SignedRecord, *ledger.Sidecar) {
	if len(kinds) == 0 {
		kinds = EveryKind()
	}
	fields := Fields(ledger.GrantFields{Address: to, Kinds: slices.Sorted(slices.Values(kinds))})
	return n.Record(member, ledger.KindGrant, Start, append([]RecordOption{fields}, opts...)...)
}

// Revoke makes the record with which the member's admin ends all grants of an
// address.
func (n *Net) Revoke(member string, address ledger.Address, opts ...RecordOption) (*ledger.SignedRecord, *ledger.Sidecar) {
	fields := Fields(ledger.RevokeFields{Address: address})
	return n.Record(member, ledger.KindRevoke, Start, append([]RecordOption{fields}, opts...)...)
}
