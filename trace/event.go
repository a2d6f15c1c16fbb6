package trace

import (
	"cmp"
	"fmt"
	"slices"

	"suyuan/ledger"
)

// A Position says where an entry stands.
type Position struct {
	Chain uint32
	Seq   uint64
}

// Compare orders positions by chain, then sequence number.
func (p Position) Compare(o Position) int {
	return cmp.Or(cmp.Compare(p.Chain, o.Chain), cmp.Compare(p.Seq, o.Seq))
}

// An Event is a record of a kind of this package, decoded, with what of its
// sidecar is at hand. Two nodes that hold the same final entries may hold
// different events only in fields of the audiences parties and own.
type Event struct {
	Position
	Hash ledger.Hash // leaf hash of the entry, the name that refs use
	ID   ledger.Hash // id of the record

	Kind     ledger.Kind
	Member   string // slug of the chain's member
	Party    string // slug of the party hosted by Member that acted, or ""
	Place    string // id of the member's place, or ""
	Signer   ledger.Address
	At       int64 // when it happened, ms since 1970 UTC
	Zone     int   // minutes east of UTC where it happened
	Recorded int64 // entry time, ms since 1970 UTC

	Subjects []Subject // in the order of the leaves
	Refs     []ledger.Hash
	Fields   Values

	// Erased is what erase records took out of it. Whoever reads events from
	// storage fills it in.
	Erased []Erasure

	told *teller // nil unless it keeps what was shown of it
}

// Actor names who acted: <member>[/<slug>].
func (e *Event) Actor() string { return join(e.Member, e.Party) }

// PlaceName names where it happened: <member>/<slug>, or "".
func (e *Event) PlaceName() string {
	if e.Place == "" {
		return ""
	}
	return join(e.Member, e.Place)
}

func join(member, slug string) string {
	if slug == "" {
		return member
	}
	return member + "/" + slug
}

// Covers reports whether a subject names the item: itself, as a content, or as
// a unit with contents.
func (e *Event) Covers(i Item) bool {
	for _, s := range e.Subjects {
		if s.Covers(i) {
			return true
		}
	}
	return false
}

// Lot is the lot that the event gives to what it is about, or "".
func (e *Event) Lot() string {
	if e.Kind == ledger.KindActivate || e.Kind == ledger.KindTransform {
		return e.Fields.Text("lot")
	}
	return ""
}

// Overlaps reports whether the event names anything in a range or unit, in any
// way.
func (e *Event) Overlaps(s Subject) bool {
	for i := range e.Subjects {
		for _, named := range e.Subjects[i].simple() {
			if overlap(s, named) {
				return true
			}
		}
	}
	return false
}

// Units returns the units that a pack or unpack event puts the item into or
// takes it out of. Look-ups follow them upwards.
func (e *Event) Units(i Item) []Item {
	var units []Item
	for _, s := range e.Subjects {
		if u, ok := s.UnitOf(i); ok {
			units = append(units, u)
		}
	}
	return units
}

// An Attachment is a file that a record names by its SHA-256.
type Attachment struct {
	Digest   ledger.Hash
	Audience ledger.Audience
	Field    string
}

// Attachments returns the files that the event names and that were not erased, in
// the table's order.
func (e *Event) Attachments() []Attachment {
	return slices.DeleteFunc(e.NamedFiles(), func(a Attachment) bool { return e.erasedFile(a.Digest) })
}

// NamedFiles returns all files that the event names, in the table's order.
func (e *Event) NamedFiles() []Attachment {
	spec, ok := Spec(e.Kind)
	if !ok {
		return nil
	}
	var list []Attachment
	for _, fields := range [][]Field{spec.Fields, common} {
		for _, f := range fields {
			if !f.Attached {
				continue
			}
			// Packs are public as digests; the files are for members.
			audience := f.Audience
			if e.Kind == ledger.KindRun {
				audience = ledger.Members
			}
			switch v := e.Fields[f.Name].(type) {
			case ledger.Hash:
				list = append(list, Attachment{v, audience, f.Name})
			case []ledger.Hash:
				for _, h := range v {
					list = append(list, Attachment{h, audience, f.Name})
				}
			}
		}
	}
	return list
}

// DecodeEvent reads the event in a record entry. Fields that the table does not
// know, that stand elsewhere than it says or whose value does not parse count
// as absent, because a later version may have added them. Errors wrap ErrKind
// or ErrForm: such a record has no place in any trail. Whether it does depends
// only on what every node holds.
func DecodeEvent(pos Position, o *ledger.OpenedEntry, sc *ledger.Sidecar) (*Event, error) {
	if o.Record == nil {
		return nil, malformed("a %s entry has no event", o.Entry.Kind)
	}
	return decodeOnce(pos, o, sc, ledger.Own, func() bool { return lacks(o, sc) })
}

// lacks reports whether disclosures for members are absent: they were erased.
// Where the fold needs one, the event stays without it. Were it dropped, its author
// could have a recall vanish.
func lacks(o *ledger.OpenedEntry, sc *ledger.Sidecar) bool {
	missing, err := sc.Missing(&o.Record.Record)
	return err == nil && len(missing) > 0
}

// DecodeShown reads an event from as much of its sidecar as the audience sees:
// fields of further audiences, and subjects that are not shown, are absent and
// not missed. erased says that others may be absent, too. Otherwise it is as
// DecodeEvent.
func DecodeShown(pos Position, o *ledger.OpenedEntry, sc *ledger.Sidecar, audience ledger.Audience, erased bool) (*Event, error) {
	if o.Record == nil {
		return nil, malformed("a %s entry has no event", o.Entry.Kind)
	}
	return decodeOnce(pos, o, sc, audience, func() bool { return erased })
}

// decodeOnce reads an event that names nothing twice. The author's door refuses
// others itself; here one record must not cost every reader of a trail
// thousands of steps for one code.
func decodeOnce(pos Position, o *ledger.OpenedEntry, sc *ledger.Sidecar, seen ledger.Audience, erased func() bool) (*Event, error) {
	e, _, err := decodeEvent(pos, o, sc, seen, erased)
	if err != nil {
		return nil, err
	}
	return e, e.namedOnce()
}

// CheckEvent reads an event as the author's door does: whatever DecodeEvent
// would pass over is an error that names the field ([*FieldError]). That nothing
// is named twice is for [Admit] to say. The sidecar must be complete.
func CheckEvent(pos Position, o *ledger.OpenedEntry, sc *ledger.Sidecar) (*Event, error) {
	if o.Record == nil {
		return nil, malformed("a %s entry has no event", o.Entry.Kind)
	}
	e, passedOver, err := decodeEvent(pos, o, sc, ledger.Own, func() bool { return false })
	if err != nil {
		return nil, err
	}
	if passedOver != nil {
		return nil, passedOver
	}
	return e, e.checkRequired()
}

// decodeEvent reads an event for which the fields of audiences up to seen are at
// hand, unless they were erased.
func decodeEvent(pos Position, o *ledger.OpenedEntry, sc *ledger.Sidecar, seen ledger.Audience, erased func() bool) (e *Event, passedOver, err error) {
	r := &o.Record.Record
	spec, ok := Spec(r.Kind)
	if !ok {
		return nil, nil, fmt.Errorf("%w: %s", ErrKind, r.KindName())
	}
	e = &Event{
		Position: pos, Hash: o.Hash, ID: o.Record.ID,
		Kind: r.Kind, Member: r.Member, Party: r.Party, Place: r.Place, Signer: r.Signer,
		At: r.At, Zone: r.Zone, Recorded: o.Entry.Time,
		Fields: Values{},
	}
	if sc == nil {
		sc = &ledger.Sidecar{}
	}
	if err := e.decodeSubjects(spec, sc.Leaves); err != nil {
		return nil, nil, err
	}
	d := fieldDecoder{spec: spec, event: e}
	d.record(r.Fields)
	for _, raw := range sc.Disclosures {
		d.disclosure(raw)
	}
	for i := range spec.Fields {
		f := &spec.Fields[i]
		if _, ok := e.Fields[f.Name]; !ok && f.Required && f.Folded && f.Audience <= seen && (f.InRecord || !erased()) {
			return nil, nil, malformed("field %s is missing", f.Name)
		}
	}
	return e, d.passedOver, nil
}

func (e *Event) decodeSubjects(spec *KindSpec, leaves [][]byte) error {
	for i, raw := range leaves {
		l, err := ledger.DecodeLeaf(raw)
		if err != nil {
			return fmt.Errorf("%w: subject %d: %w", ErrForm, i, err)
		}
		s, err := DecodeSubject(l.Subject)
		if err != nil {
			return fmt.Errorf("subject %d: %w", i, err)
		}
		if !spec.Allows(s.Kind) {
			return malformed("subject %d: %s records have no %s subjects", i, spec.Kind, s.Kind)
		}
		e.Subjects = append(e.Subjects, s)
	}
	if len(spec.Subjects) > 0 && len(e.Subjects) == 0 {
		return malformed("a %s record without subjects", spec.Kind)
	}
	if n := count(e.Subjects, SubjectPattern); n > MaxPatterns {
		return malformed("%d patterns are over the limit of %d", n, MaxPatterns)
	}
	return nil
}

func count(subjects []Subject, kind SubjectKind) (n int) {
	for i := range subjects {
		if subjects[i].Kind == kind {
			n++
		}
	}
	return n
}

// namedOnce holds that no code or unit is named twice, as such, as content or,
// for codes, as what was used. Several things may be made of one pallet.
func (e *Event) namedOnce() error {
	var ranges []Range
	units := make(map[Item]bool)
	for i := range e.Subjects {
		first := e.Subjects[i].simple()[0]
		switch {
		case first.Kind == SubjectRange:
			ranges = append(ranges, first.Range)
		case first.Kind == SubjectSSCC && e.Subjects[i].Kind != SubjectMade:
			unit := Unit(first.SSCC)
			if units[unit] {
				return malformed("%s is named twice", unit)
			}
			units[unit] = true
		}
	}
	slices.SortFunc(ranges, compareRange)
	for i := 1; i < len(ranges); i++ {
		if ranges[i-1].Overlaps(ranges[i]) {
			return malformed("code %d of run %d of %s is named twice", ranges[i].From, ranges[i].Run, ranges[i].GTIN)
		}
	}
	return nil
}

func (e *Event) checkRequired() error {
	spec, _ := Spec(e.Kind)
	for i := range spec.Fields {
		if _, ok := e.Fields[spec.Fields[i].Name]; !ok && spec.Fields[i].Required {
			return badField(spec.Fields[i].Name, "is required")
		}
	}
	return checkQuantities(e.Kind, e.Subjects, e.Fields)
}

// A fieldDecoder fills an event's fields and remembers the first that it had to
// pass over.
type fieldDecoder struct {
	spec       *KindSpec
	event      *Event
	passedOver error
}

func (d *fieldDecoder) pass(name, format string, args ...any) {
	if d.passedOver == nil {
		d.passedOver = badField(name, format, args...)
	}
}

// record reads the public fields that stand in the record's bytes.
func (d *fieldDecoder) record(raw []byte) {
	if len(raw) == 0 {
		return
	}
	var fields map[uint64]rawCBOR
	if err := unmarshal(raw, &fields); err != nil {
		d.pass("fields", "%v", err)
		return
	}
	for number, value := range fields {
		f, ok := d.spec.numbered(number)
		if !ok || !f.InRecord {
			d.pass(fmt.Sprint(number), "does not stand in the record of kind %s", d.spec.Kind)
			continue
		}
		d.set(f, value)
	}
}

func (d *fieldDecoder) disclosure(raw []byte) {
	x, err := ledger.DecodeDisclosure(raw)
	if err != nil {
		d.pass("disclosure", "%v", err)
		return
	}
	f, ok := d.spec.numbered(x.Path)
	switch {
	case !ok || f.InRecord:
		d.pass(fmt.Sprint(x.Path), "is no disclosure of kind %s", d.spec.Kind)
	case f.Audience != x.Audience:
		d.pass(f.Name, "has the audience %s, not %s", f.Audience, x.Audience)
	default:
		d.set(f, x.Value)
	}
}

func (d *fieldDecoder) set(f *Field, raw []byte) {
	v, err := f.decode(raw)
	if err != nil {
		d.pass(f.Name, "%v", err)
		return
	}
	if _, twice := d.event.Fields[f.Name]; twice {
		// The first in the order of digests counts, on every node alike.
		d.pass(f.Name, "stands twice")
		return
	}
	if f.Number == refsNumber {
		d.event.Refs, _ = v.([]ledger.Hash)
		return
	}
	d.event.Fields[f.Name] = v
}

// A FieldError says what is wrong with one field or part of a draft or record.
type FieldError struct {
	Field  string // its JSON name, or the part: at, subjects[3]
	Detail string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Detail }

// Code is the stable code of all field errors.
func (e *FieldError) Code() string { return "bad-field" }

// Unwrap makes a FieldError an ErrForm.
func (e *FieldError) Unwrap() error { return ErrForm }

func badField(name, format string, args ...any) *FieldError {
	return &FieldError{Field: name, Detail: fmt.Sprintf(format, args...)}
}
