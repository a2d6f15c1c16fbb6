package trace

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"suyuan/ledger"
)

// An Approval is the signature by which a second operator approves an event that
// the first one signs as a record: the field co_approval of an activation holds
// 0x and its 65 bytes in hex. Codes of products that name a reward trigger are
// worth money once they are activated, and nobody is to make them so alone.
//
// What is signed is the event itself and not the record, which holds the
// approval: the EIP-191 personal message of these lines, LF between, none at the
// end, so that any wallet can approve:
//
//	Suyuan approval
//	network: <network id, hex>
//	kind: <kind name>
//	event: 0x<keccak256 of the event's bytes>
//
// The event's bytes are the deterministic CBOR array [chain, member, party, place,
// at, zone, subjects, refs, fields]: party and place are "" if there is none,
// subjects are those of [EncodeSubject], ascending, refs as they stand, fields
// the map of all others by number with the values of their disclosures. So the
// approval is of these codes with this lot at this time, and of nothing else; that
// the same event could be recorded twice with it is no loss, since codes are
// activated once.
type Approval [ledger.SignatureSize]byte

// ErrApproval is wrapped where an event's approval does not count.
var ErrApproval = errors.New("the approval does not count")

// String is the value of the field co_approval.
func (a Approval) String() string { return "0x" + hex.EncodeToString(a[:]) }

// ParseApproval reads what String writes.
func ParseApproval(text string) (a Approval, err error) {
	digits, ok := strings.CutPrefix(text, "0x")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != len(a) || digits != hex.EncodeToString(raw) {
		return a, fmt.Errorf("%w: it is not 0x and 65 bytes in lower-case hex", ErrApproval)
	}
	copy(a[:], raw)
	return a, nil
}

// approvalField is the field that holds the approval.
const approvalField = "co_approval"

// ApprovalMessage returns the text that who approves an event signs.
func ApprovalMessage(network ledger.Hash, e *Event) (string, error) {
	raw, err := e.approvedBytes()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Suyuan approval\nnetwork: %s\nkind: %s\nevent: 0x%s", network, e.Kind, ledger.Keccak(raw)), nil
}

// Approver returns the address of who approved an event. Whether that is somebody
// who may is for the caller to say. The error wraps ErrApproval if the event has no
// approval, one that does not verify, or its own signer's.
func Approver(network ledger.Hash, e *Event) (ledger.Address, error) {
	text := e.Fields.Text(approvalField)
	if text == "" {
		return ledger.Address{}, fmt.Errorf("%w: there is none", ErrApproval)
	}
	a, err := ParseApproval(text)
	if err != nil {
		return ledger.Address{}, err
	}
	message, err := ApprovalMessage(network, e)
	if err != nil {
		return ledger.Address{}, err
	}
	address, err := ledger.RecoverMessage(message, a[:])
	switch {
	case err != nil:
		return ledger.Address{}, fmt.Errorf("%w: %w", ErrApproval, err)
	case address == e.Signer:
		return ledger.Address{}, fmt.Errorf("%w: it is of %s, who signed the record", ErrApproval, address)
	}
	return address, nil
}

// approvedBytes are the bytes whose digest is approved.
func (e *Event) approvedBytes() ([]byte, error) {
	spec, ok := Spec(e.Kind)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrKind, e.Kind)
	}
	subjects := make([]rawCBOR, len(e.Subjects))
	for i, s := range e.Subjects {
		raw, err := EncodeSubject(s)
		if err != nil {
			return nil, err
		}
		subjects[i] = raw
	}
	slices.SortFunc(subjects, func(a, b rawCBOR) int { return bytes.Compare(a, b) })
	fields := make(map[uint64]rawCBOR)
	for name, value := range e.Fields {
		f, ok := spec.Field(name)
		if !ok || name == approvalField || f.Number == refsNumber {
			continue
		}
		raw, err := f.encode(value)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", name, err)
		}
		fields[f.Number] = raw
	}
	refs := append([]ledger.Hash{}, e.Refs...)
	return ledger.Marshal([]any{e.Chain, e.Member, e.Party, e.Place, e.At, e.Zone, subjects, refs, fields})
}

// Event returns the event that a draft's record will tell of, as far as that can
// be told before it is made: without ids and hashes. Errors are those of Build.
func (d *Draft) Event(env Env) (*Event, error) {
	kind, ok := ledger.KindByName(d.Kind)
	spec, known := Spec(kind)
	if !ok || !known {
		return nil, badField("kind", "there is no kind %q", d.Kind)
	}
	r := &ledger.Record{Kind: kind, Party: d.Party, Place: d.Place}
	if err := d.buildEnvelope(r, env); err != nil {
		return nil, err
	}
	values, err := d.values(spec)
	if err != nil {
		return nil, err
	}
	subjects, err := d.subjects(spec, env, values)
	if err != nil {
		return nil, err
	}
	return &Event{
		Position: Position{Chain: env.Chain}, Kind: kind, Member: env.Member, Party: d.Party, Place: d.Place, Signer: env.Signer,
		At: r.At, Zone: r.Zone, Subjects: subjects, Refs: d.Refs, Fields: values,
	}, nil
}

// RewardTrigger returns the event that makes a reward due for who uses the hidden
// code of a product, by its newest version among the product records; "" if it
// pays none.
func RewardTrigger(products []*Event) string {
	var newest *Event
	for _, p := range products {
		if p.Kind == ledger.KindProduct && (newest == nil || p.Fields.Uint("version") > newest.Fields.Uint("version")) {
			newest = p
		}
	}
	if newest == nil {
		return ""
	}
	return newest.Fields.Text("reward_trigger")
}
