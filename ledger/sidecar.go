package ledger

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
)

// A Sidecar holds what belongs to one record and is kept beside it: its
// disclosures, in the order of their digests, and its subject leaves. Its bytes
// are the CBOR map {1: [disclosure bytes], 2: [leaf bytes]}, absent keys for
// empty lists.
//
// The subject leaves are always complete. Disclosures may be absent: those that
// the holder's member may not see, and those that were erased.
type Sidecar struct {
	Disclosures [][]byte `cbor:"1,keyasint,omitempty"`
	Leaves      [][]byte `cbor:"2,keyasint,omitempty"`
}

// Empty reports whether there is nothing in the sidecar. A nil sidecar is empty.
func (s *Sidecar) Empty() bool {
	return s == nil || len(s.Disclosures) == 0 && len(s.Leaves) == 0
}

// Encode returns the sidecar's bytes; an empty sidecar has none.
func (s *Sidecar) Encode() ([]byte, error) {
	if s.Empty() {
		return nil, nil
	}
	b, err := Marshal(s)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxSidecarBytes {
		return nil, wrong(CodeTooLarge, "a sidecar of %d bytes is over the limit of %d", len(b), MaxSidecarBytes)
	}
	return b, nil
}

// DecodeSidecar parses sidecar bytes strictly. No bytes are an empty sidecar.
func DecodeSidecar(raw []byte) (*Sidecar, error) {
	if len(raw) == 0 {
		return &Sidecar{}, nil
	}
	if len(raw) > MaxSidecarBytes {
		return nil, wrong(CodeTooLarge, "a sidecar of %d bytes is over the limit of %d", len(raw), MaxSidecarBytes)
	}
	var s Sidecar
	if err := Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	if s.Empty() {
		return nil, wrong(CodeNotCanonical, "an empty sidecar has no bytes")
	}
	return &s, nil
}

// Check holds s against the record it belongs to: every disclosure must be well
// formed, named by the digest list of its audience and in digest order, and the
// leaves must hash to the record's root. It fails with CodeMissing if a shared
// disclosure that the record names is absent, unless erased says it may be.
func (s *Sidecar) Check(r *Record, erased func(Hash) bool) error {
	missing, err := s.Missing(r)
	if err != nil {
		return err
	}
	for _, d := range missing {
		if erased == nil || !erased(d) {
			return wrong(CodeMissing, "disclosure %s is absent", d)
		}
	}
	return nil
}

// Missing is Check for a sidecar from which shared disclosures may be absent: it
// returns their digests, ascending.
func (s *Sidecar) Missing(r *Record) ([]Hash, error) {
	if s == nil {
		s = &Sidecar{}
	}
	if err := s.checkSubjects(r); err != nil {
		return nil, err
	}
	held, err := s.checkDisclosures(r)
	if err != nil {
		return nil, err
	}
	var missing []Hash
	for _, d := range r.SDM {
		if !held[d] {
			missing = append(missing, d)
		}
	}
	return missing, nil
}

func (s *Sidecar) checkSubjects(r *Record) error {
	if r.Subjects == nil {
		if len(s.Leaves) > 0 {
			return wrong(CodeSidecar, "subjects for a record that has none")
		}
		return nil
	}
	if len(s.Leaves) == 0 {
		return wrong(CodeMissing, "the subjects are absent")
	}
	if err := checkLeaves(s.Leaves); err != nil {
		return because(CodeSidecar, err, "subjects")
	}
	root, err := SubjectsRoot(s.Leaves)
	if err != nil {
		return err
	}
	if root != *r.Subjects {
		return wrong(CodeSidecar, "the subjects do not hash to the record's root")
	}
	return nil
}

func (s *Sidecar) checkDisclosures(r *Record) (held map[Hash]bool, err error) {
	held = make(map[Hash]bool, len(s.Disclosures))
	var before Hash
	for i, raw := range s.Disclosures {
		digest := DisclosureDigest(raw)
		if i > 0 && bytes.Compare(before[:], digest[:]) >= 0 {
			return nil, wrong(CodeSidecar, "disclosures do not ascend by digest")
		}
		before = digest
		d, err := DecodeDisclosure(raw)
		if err != nil {
			return nil, because(CodeSidecar, err, "disclosure %d", i)
		}
		list := r.SDX
		if d.Audience.Shared() {
			list = r.SDM
		}
		if !containsHash(list, digest) {
			return nil, wrong(CodeSidecar, "disclosure %s is not the record's", digest)
		}
		held[digest] = true
	}
	return held, nil
}

func containsHash(sorted []Hash, h Hash) bool {
	_, ok := slices.BinarySearchFunc(sorted, h, func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })
	return ok
}

// For returns the part of s that the given member may hold, for a record on a
// chain of author. The disclosures must be well formed.
func (s *Sidecar) For(member, author string) (*Sidecar, error) {
	return s.filter(func(d *Disclosure) bool { return d.VisibleTo(member, author) })
}

// Audience returns the part of s with disclosures of audience up to a.
func (s *Sidecar) Audience(a Audience) (*Sidecar, error) {
	return s.filter(func(d *Disclosure) bool { return d.Audience <= a })
}

func (s *Sidecar) filter(keep func(*Disclosure) bool) (*Sidecar, error) {
	if s.Empty() {
		return &Sidecar{}, nil
	}
	out := &Sidecar{Leaves: s.Leaves}
	for i, raw := range s.Disclosures {
		d, err := DecodeDisclosure(raw)
		if err != nil {
			return nil, fmt.Errorf("disclosure %d: %w", i, err)
		}
		if keep(d) {
			out.Disclosures = append(out.Disclosures, raw)
		}
	}
	return out, nil
}

// Merge returns a sidecar with the disclosures of both and s's leaves, or t's
// where s has none.
func (s *Sidecar) Merge(t *Sidecar) *Sidecar {
	out := &Sidecar{Leaves: s.Leaves}
	if len(out.Leaves) == 0 {
		out.Leaves = t.Leaves
	}
	byDigest := make(map[Hash][]byte)
	var digests []Hash
	for _, raw := range slices.Concat(s.Disclosures, t.Disclosures) {
		d := DisclosureDigest(raw)
		if _, ok := byDigest[d]; !ok {
			byDigest[d] = raw
			digests = append(digests, d)
		}
	}
	sortHashes(digests)
	for _, d := range digests {
		out.Disclosures = append(out.Disclosures, byDigest[d])
	}
	return out
}

// Seal salts disclosures and subjects, puts their digests and root into r and
// returns the sidecar: the last step before a record is signed. Each subject is
// one CBOR item; they are sorted here. rnd is crypto/rand.Reader, or a fixed
// stream in tests.
func Seal(r *Record, disclosures []Disclosure, subjects [][]byte, rnd io.Reader) (*Sidecar, error) {
	if rnd == nil {
		rnd = rand.Reader
	}
	s := &Sidecar{}
	if err := s.sealDisclosures(r, disclosures, rnd); err != nil {
		return nil, err
	}
	if err := s.sealSubjects(r, subjects, rnd); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Sidecar) sealDisclosures(r *Record, disclosures []Disclosure, rnd io.Reader) error {
	r.SDM, r.SDX = nil, nil
	byDigest := make(map[Hash][]byte, len(disclosures))
	var all []Hash
	for _, d := range disclosures {
		if _, err := io.ReadFull(rnd, d.Salt[:]); err != nil {
			return fmt.Errorf("read salt: %w", err)
		}
		raw, err := d.Encode()
		if err != nil {
			return err
		}
		digest := DisclosureDigest(raw)
		byDigest[digest] = raw
		all = append(all, digest)
		if d.Audience.Shared() {
			r.SDM = append(r.SDM, digest)
		} else {
			r.SDX = append(r.SDX, digest)
		}
	}
	sortHashes(r.SDM)
	sortHashes(r.SDX)
	sortHashes(all)
	for _, digest := range all {
		s.Disclosures = append(s.Disclosures, byDigest[digest])
	}
	return nil
}

func (s *Sidecar) sealSubjects(r *Record, subjects [][]byte, rnd io.Reader) error {
	r.Subjects = nil
	if len(subjects) == 0 {
		return nil
	}
	subjects = slices.Clone(subjects)
	slices.SortFunc(subjects, bytes.Compare)
	for _, sub := range subjects {
		l := Leaf{Subject: sub}
		if _, err := io.ReadFull(rnd, l.Salt[:]); err != nil {
			return fmt.Errorf("read salt: %w", err)
		}
		raw, err := l.Encode()
		if err != nil {
			return err
		}
		s.Leaves = append(s.Leaves, raw)
	}
	if err := checkLeaves(s.Leaves); err != nil {
		return err
	}
	root, err := SubjectsRoot(s.Leaves)
	if err != nil {
		return err
	}
	r.Subjects = &root
	return nil
}
