package trace

import (
	"slices"
	"strings"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// A KeyKind tells what an index [Key] leads from.
type KeyKind uint8

// The kinds of key.
const (
	KeyRange   KeyKind = 1  // Range: codes of a run
	KeySSCC    KeyKind = 2  // SSCC
	KeyLot     KeyKind = 3  // GTIN and Lot
	KeyGTIN    KeyKind = 4  // GTIN: product records, and inspections of the product
	KeyRun     KeyKind = 5  // GTIN and Run: run records
	KeyPlace   KeyKind = 6  // Member and Slug: place records
	KeyParty   KeyKind = 7  // Member and Slug: party records
	KeyEntry   KeyKind = 8  // Hash: entries that refs name
	KeyForeign KeyKind = 9  // GTIN: records of runs of foreign serials
	KeyFile    KeyKind = 10 // Hash, Member and Slug: events that name a file, packs aside, for a hosted party that they concern
	KeyNumber  KeyKind = 11 // GLN, Member, Slug and Place: place records with a number, by who acts
)

// A Role tells how the event is about a KeyRange or KeySSCC.
type Role uint8

// The roles.
const (
	RoleThing   Role = 1 // named by itself
	RoleContent Role = 2 // named as content: follow [Event.Units] upwards from here
	RoleUnit    Role = 3 // named as a unit with contents: of no interest to those looking upwards
)

// A Key is one look-up key of an event.
type Key struct {
	Kind   KeyKind
	Role   Role // KeyRange, KeySSCC, KeyLot
	Range  Range
	SSCC   gs1.SSCC
	GTIN   gs1.GTIN
	Lot    string
	Run    uint16
	Member string
	Slug   string // KeyFile: "" with no Member stands for any party; KeyNumber: "" is the member itself
	Hash   ledger.Hash
	GLN    gs1.GLN
	Place  string // id
}

// IndexKeys returns the keys under which an index keeps the event's position.
func IndexKeys(e *Event) []Key {
	keys := e.keys()
	for _, a := range e.NamedFiles() {
		if a.Field != fieldPack {
			keys = append(keys, e.fileKeys(a.Digest)...)
		}
	}
	return distinct(keys)
}

// fieldPack is the field of a run that names its pack, which is looked up by run.
const fieldPack = "pack"

// fileKeys returns the keys of a file that the event names: one for each hosted party
// that it concerns as [Viewer.Concerns] has it. Whom an appointment names beside the
// party may become known later, so that it has a key for any.
func (e *Event) fileKeys(digest ledger.Hash) []Key {
	if e.Kind == ledger.KindAppoint {
		return []Key{{Kind: KeyFile, Hash: digest}}
	}
	var keys []Key
	for _, p := range append(e.parties(), e.Actor()) {
		if member, slug, hosted := strings.Cut(p, "/"); hosted {
			keys = append(keys, Key{Kind: KeyFile, Hash: digest, Member: member, Slug: slug})
		}
	}
	return keys
}

// keys returns the keys of what the event is about.
// Ranges of a pattern are its whole contents and all its units; exceptions are
// for the reader of the event to see.
func (e *Event) keys() []Key {
	switch e.Kind {
	case ledger.KindProduct:
		return []Key{{Kind: KeyGTIN, GTIN: e.Fields.GTIN("gtin")}}
	case ledger.KindAppoint:
		var keys []Key
		gtins, _ := e.Fields["gtins"].([]gs1.GTIN)
		for _, g := range gtins {
			keys = append(keys, Key{Kind: KeyGTIN, GTIN: g})
		}
		return keys
	case ledger.KindRun:
		keys := []Key{{Kind: KeyRun, GTIN: e.Fields.GTIN("gtin"), Run: uint16(e.Fields.Uint("run"))}}
		if e.Fields.Bool("foreign") {
			// A foreign serial does not say its run: each of these is looked at.
			keys = append(keys, Key{Kind: KeyForeign, GTIN: e.Fields.GTIN("gtin")})
		}
		return keys
	case ledger.KindPlace:
		keys := []Key{{Kind: KeyPlace, Member: e.Member, Slug: e.Fields.Text("id")}}
		if g, ok := e.Fields["gln"].(gs1.GLN); ok {
			keys = append(keys, Key{Kind: KeyNumber, GLN: g, Member: e.Member, Slug: e.Party, Place: e.Fields.Text("id")})
		}
		return keys
	case ledger.KindParty:
		return []Key{{Kind: KeyParty, Member: e.Member, Slug: e.Fields.Text("slug")}}
	}
	var keys []Key
	for i := range e.Subjects {
		keys = append(keys, e.Subjects[i].keys(RoleThing)...)
	}
	if e.Kind == ledger.KindShip {
		// What receipts and cancellations name. The other kinds are named too
		// seldom to be worth a key each.
		keys = append(keys, Key{Kind: KeyEntry, Hash: e.Hash})
	}
	return keys
}

// distinct drops keys that stand twice: a hundred contents of one unit name it
// a hundred times. It keeps the order.
func distinct(keys []Key) []Key {
	seen := make(map[Key]bool, len(keys))
	return slices.DeleteFunc(keys, func(k Key) bool {
		before := seen[k]
		seen[k] = true
		return before
	})
}

func (s *Subject) keys(role Role) []Key {
	switch s.Kind {
	case SubjectRange:
		return []Key{{Kind: KeyRange, Role: role, Range: s.Range}}
	case SubjectSSCC:
		return []Key{{Kind: KeySSCC, Role: role, SSCC: s.SSCC}}
	case SubjectLot:
		return []Key{{Kind: KeyLot, Role: role, GTIN: s.GTIN, Lot: s.Lot}}
	case SubjectGTIN:
		return []Key{{Kind: KeyGTIN, GTIN: s.GTIN}}
	case SubjectContent:
		return append(s.Content.keys(RoleContent), s.Unit.keys(RoleUnit)...)
	case SubjectMade:
		return append(s.Output.keys(RoleThing), s.Input.keys(RoleThing)...)
	}
	return []Key{
		{Kind: KeyRange, Role: RoleContent, Range: s.Pattern.Range()},
		{Kind: KeyRange, Role: RoleUnit, Range: s.Pattern.UnitRange()},
	}
}
