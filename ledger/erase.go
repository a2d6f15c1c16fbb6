package ledger

// EraseFields are the public fields of an erase record: everything that a
// replica needs to let bytes go. They stand in the record's own bytes, so that
// nobody who has the entry can be kept from knowing what may be absent. Why it
// was erased is for the application.
//
// An erase record is about one record that stands before it on the same chain.
// Naming any other, or digests that it does not have, erases nothing.
type EraseFields struct {
	Digests []Hash `cbor:"1,keyasint,omitempty"` // of the record's disclosures, ascending
	Record  Hash   `cbor:"3,keyasint"`           // id of the record
	Files   []Hash `cbor:"5,keyasint,omitempty"` // of attachments that the record names, ascending
}

// Erases returns what the record erases, nil if it is of another kind.
func (r *Record) Erases() (*EraseFields, error) {
	if r.Kind != KindErase {
		return nil, nil
	}
	var f EraseFields
	if err := encodedFields(r.Fields, &f); err != nil {
		return nil, because(CodeOf(err), err, "erase")
	}
	if len(f.Digests)+len(f.Files) == 0 {
		return nil, wrong(CodeForm, "an erase record names nothing to erase")
	}
	for _, list := range [][]Hash{f.Digests, f.Files} {
		if err := checkDigests(list); err != nil {
			return nil, because(CodeOf(err), err, "erase")
		}
	}
	return &f, nil
}

// MayErase reports whether a disclosure of the record can be erased: one that it
// has, but none that all nodes share of a kind of this package, because rights
// are folded from these.
func (r *Record) MayErase(digest Hash) bool {
	return containsHash(r.SDX, digest) || r.MayLack() && containsHash(r.SDM, digest)
}

// MayLack reports whether a node may hold the record without all of its shared
// disclosures, because some were erased.
func (r *Record) MayLack() bool { return r.Kind >= KindProduct }

// Without returns s without the disclosures that drop names. The leaves stay.
func (s *Sidecar) Without(drop func(Hash) bool) *Sidecar {
	out := &Sidecar{Leaves: s.Leaves}
	for _, raw := range s.Disclosures {
		if !drop(DisclosureDigest(raw)) {
			out.Disclosures = append(out.Disclosures, raw)
		}
	}
	return out
}
