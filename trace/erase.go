package trace

import (
	"fmt"
	"slices"

	"suyuan/ledger"
)

// An Erasure is an erase record about an event: what of it is gone, and why.
type Erasure struct {
	Position               // of the erase record
	Record   ledger.Hash   // id of the erase record
	Recorded int64         // its entry time, ms since 1970 UTC
	Ground   string        // "" where the node does not hold it
	Fields   []string      // names of the fields that the author says are gone; none where that is not held
	Files    []ledger.Hash // SHA-256 of files
}

// ErasureOf reads an erase record.
func ErasureOf(e *Event) Erasure {
	files, _ := e.Fields["files"].([]ledger.Hash)
	return Erasure{
		Position: e.Position, Record: e.ID, Recorded: e.Recorded, Ground: e.Fields.Text("ground"), Fields: e.Fields.Texts("fields"), Files: files,
	}
}

// Stored is what a node stores of a record besides its bytes, for [Admit].
type Stored struct {
	Member string // whose record it is
	Chain  uint32
	Kind   ledger.Kind

	Disclosures map[ledger.Hash]uint64   // numbers of the fields that are stored, by digest
	Files       map[ledger.Hash][]string // names of the fields that name a file
	Erased      map[ledger.Hash]bool     // digests that erase records name, of either
}

// Erasable returns why a field of a kind cannot be erased: the trail depends on
// it, or it stands in the record's bytes. nil if it can.
func Erasable(kind ledger.Kind, field string) error {
	if kind == ledger.KindGrant {
		if field == grantPerson {
			return nil
		}
		return refuse(RefusedNotErasable, "rights depend on %s of a grant.", field)
	}
	spec, ok := Spec(kind)
	if !ok {
		return refuse(RefusedNotErasable, "records of kind %s are not known to this version.", kind)
	}
	f, ok := spec.Field(field)
	switch {
	case !ok:
		return refuse(RefusedNoDisclosure, "a %s record has no field %s.", kind, field)
	case f.Folded:
		return refuse(RefusedNotErasable, "the trail of goods depends on %s of a %s record. Correct the record instead.", field, kind)
	case f.InRecord && !f.Attached:
		return refuse(RefusedNotErasable, "%s of a %s record stands in the record's own bytes, which nothing can change.", field, kind)
	case kind == ledger.KindErase && f.Audience.Shared():
		return refuse(RefusedNotErasable, "%s of an erase record says what was erased.", field)
	}
	return nil
}

const grantPerson = "person"

// FieldName names a field of a kind by its number, "" if the kind has none.
func FieldName(kind ledger.Kind, number uint64) string {
	if kind == ledger.KindGrant {
		return map[uint64]string{ledger.GrantParty: "party", ledger.GrantPlaces: "places", ledger.GrantPerson: grantPerson}[number]
	}
	spec, ok := Spec(kind)
	if !ok {
		return ""
	}
	if f, ok := spec.numbered(number); ok {
		return f.Name
	}
	return ""
}

// erase holds that what is erased is the author's own, is there, and is nothing
// on which trails depend: then all nodes would have to forget at one moment.
func (a *admission) erase() error {
	id := a.event.Fields.Hash("record")
	held, err := a.view.Stored(id)
	if err != nil {
		return err
	}
	switch {
	case held == nil:
		return refuse(RefusedNoRecord, "record: this node has no record %s. Correct the id.", id)
	case held.Member != a.event.Member:
		return refuse(RefusedNotAuthor, "record %s is one of %s, which alone can erase of it.", id, held.Member)
	case held.Chain != a.event.Chain:
		return refuse(RefusedOtherChain, "record %s stands on chain %s. Erase on the node that writes it.", id, ledger.ChainName(held.Member, held.Chain))
	}
	if a.limited {
		target, err := a.view.Record(id)
		if err != nil {
			return fmt.Errorf("look up record %s: %w", id, err)
		}
		if err := a.ownWork(id, target); err != nil {
			return err
		}
	}
	digests, _ := a.event.Fields["digests"].([]ledger.Hash)
	files, _ := a.event.Fields["files"].([]ledger.Hash)
	if len(digests)+len(files) == 0 {
		return badField("fields.digests", "or files is required")
	}
	for _, d := range digests {
		if err := held.mayErase(id, d); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := held.mayEraseFile(id, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stored) mayErase(id, digest ledger.Hash) error {
	number, ok := s.Disclosures[digest]
	switch {
	case s.Erased[digest] && !ok:
		return refuse(RefusedErased, "disclosure %s of record %s is erased already.", digest, id)
	case !ok:
		return refuse(RefusedNoDisclosure, "record %s has no disclosure %s.", id, digest)
	}
	return Erasable(s.Kind, FieldName(s.Kind, number))
}

func (s *Stored) mayEraseFile(id, digest ledger.Hash) error {
	fields, ok := s.Files[digest]
	switch {
	case s.Erased[digest]:
		return refuse(RefusedErased, "file %s of record %s is erased already.", digest, id)
	case !ok:
		return refuse(RefusedNoDisclosure, "record %s names no file %s.", id, digest)
	}
	for _, name := range fields {
		if err := Erasable(s.Kind, name); err != nil {
			return err
		}
	}
	return nil
}

// erasedFile reports whether a file that the event names was erased.
func (e *Event) erasedFile(digest ledger.Hash) bool {
	return slices.ContainsFunc(e.Erased, func(x Erasure) bool { return slices.Contains(x.Files, digest) })
}

// An ErasureView is an erasure as a viewer sees it: members see what and why,
// others only that something they could have seen is gone.
type ErasureView struct {
	Record   ledger.Hash   `json:"record"`   // id of the erase record
	Recorded string        `json:"recorded"` // when, in UTC
	Ground   string        `json:"ground,omitempty"`
	Fields   []string      `json:"fields,omitempty"` // names of fields that are gone
	Files    []ledger.Hash `json:"files,omitempty"`  // SHA-256 of files that are gone
}

// Erasures shows what is gone of an event, without the fields that the viewer
// would not see if they were there.
func (e *Event) Erasures(v Viewer) []ErasureView {
	var list []ErasureView
	for _, x := range e.Erased {
		view := ErasureView{Record: x.Record, Recorded: localTime(x.Recorded, 0), Files: x.Files}
		if v.Member != "" {
			view.Ground = x.Ground
		}
		for _, name := range x.Fields {
			if spec, ok := Spec(e.Kind); ok {
				f, ok := spec.Field(name)
				if ok && (f.Audience <= v.audience() || f.Audience == ledger.Own && v.Member == e.Member) {
					view.Fields = append(view.Fields, name)
				}
			}
		}
		if len(view.Fields)+len(view.Files) > 0 || len(x.Fields) == 0 {
			list = append(list, view)
		}
	}
	return list
}
