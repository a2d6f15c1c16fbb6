package trace

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// A Draft is an event as a caller writes it, before it is a record. The package
// comment has the JSON form; [ParseDraft] reads it.
type Draft struct {
	Kind      string         `json:"kind"`
	At        *time.Time     `json:"at,omitempty"`     // when it happened, with its offset from UTC
	AgeMs     *int64         `json:"age_ms,omitempty"` // or how long ago, for devices without a clock
	Zone      string         `json:"zone,omitempty"`   // such as +08:00, where At does not say it
	Party     string         `json:"party,omitempty"`  // slug of the hosted party that acts
	Place     string         `json:"place,omitempty"`  // id of the member's place
	Refs      []ledger.Hash  `json:"refs,omitempty"`   // leaf hashes of earlier entries
	Subjects  []DraftSubject `json:"subjects,omitempty"`
	Fields    map[string]any `json:"fields,omitempty"`
	Documents []ledger.Hash  `json:"documents,omitempty"` // SHA-256 of attachments for members
}

// A DraftSubject is one subject in one of its JSON forms; which one follows
// from the names that are there.
type DraftSubject struct {
	URI     string        `json:"uri,omitempty"` // a code or unit by its link
	SSCC    gs1.SSCC      `json:"sscc,omitzero"`
	GTIN    gs1.GTIN      `json:"gtin,omitzero"` // with lot, or with run, from and to, or alone
	Lot     string        `json:"lot,omitempty"`
	Run     *uint16       `json:"run,omitempty"`
	From    *uint32       `json:"from,omitempty"`
	To      *uint32       `json:"to,omitempty"` // absent: the same as from
	Unit    *DraftSubject `json:"unit,omitempty"`
	Content *DraftSubject `json:"content,omitempty"`
	Pattern *DraftPattern `json:"pattern,omitempty"`
	Output  *DraftSubject `json:"output,omitempty"` // with input
	Input   *DraftSubject `json:"input,omitempty"`
}

// A DraftPattern is the JSON form of a [Pattern].
type DraftPattern struct {
	GTIN      gs1.GTIN    `json:"gtin"`
	Run       uint16      `json:"run"`
	Start     uint32      `json:"start"`
	Per       uint32      `json:"per"`
	UnitGTIN  gs1.GTIN    `json:"unit_gtin"`
	UnitRun   uint16      `json:"unit_run"`
	UnitStart uint32      `json:"unit_start"`
	Count     uint32      `json:"count"`            // units
	Except    [][2]uint32 `json:"except,omitempty"` // ranges of scrapped or missing contents
}

// An Env is what a draft needs to become a record.
type Env struct {
	Network ledger.Hash
	Chain   uint32
	Member  string
	Signer  ledger.Address
	Charter *ledger.Charter // in force on the chain
	Now     time.Time
	Zone    int // minutes east of UTC, where the draft does not say

	// Resolve finds the item that a link names; nil if drafts have no links.
	Resolve func(uri string) (Item, error)
	// Author returns the member that wrote the entry with that leaf hash, or
	// "". With it, the other side of a shipment sees the fields for parties of
	// what refers to the shipment. It may be nil.
	Author func(leaf ledger.Hash) string
	// Record returns the author's own event whose record has that id. With it a
	// correction need not say again what the record is about. It may be nil.
	Record func(id ledger.Hash) (*Event, error)
	// Inside returns the products known to be in a unit, whose brands then see
	// the fields for parties. It may be nil.
	Inside func(unit Item) []gs1.GTIN
	// Rand is the source of salts and nonces; nil is crypto/rand.
	Rand io.Reader
}

// ParseDraft reads the JSON of one draft strictly: names that it does not know
// are errors.
func ParseDraft(data []byte) (*Draft, error) {
	if len(data) > maxDraftBytes {
		return nil, badField("draft", "%d bytes are over the limit of %d", len(data), maxDraftBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	dec.UseNumber() // large numbers stay exact
	var d Draft
	if err := dec.Decode(&d); err != nil {
		return nil, badField("draft", "%v", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, badField("draft", "something follows the object")
	}
	return &d, nil
}

// Build makes the record and its sidecar, ready to be signed by env.Signer.
// Errors are [*FieldError] and name the field; others come from env.Rand.
func (d *Draft) Build(env Env) (*ledger.Record, *ledger.Sidecar, error) {
	if env.Rand == nil {
		env.Rand = rand.Reader
	}
	kind, ok := ledger.KindByName(d.Kind)
	spec, known := Spec(kind)
	if !ok || !known {
		return nil, nil, badField("kind", "there is no kind %q", d.Kind)
	}
	r := &ledger.Record{Kind: kind, Network: env.Network, Chain: env.Chain, Member: env.Member, Signer: env.Signer, Party: d.Party, Place: d.Place}
	if err := d.buildEnvelope(r, env); err != nil {
		return nil, nil, err
	}
	values, err := d.values(spec)
	if err != nil {
		return nil, nil, err
	}
	subjects, err := d.subjects(spec, env, values)
	if err != nil {
		return nil, nil, err
	}
	if err := checkQuantities(kind, subjects, values); err != nil {
		return nil, nil, err
	}
	if r.Fields, err = recordFields(spec, values); err != nil {
		return nil, nil, err
	}
	disclosures, err := disclosuresOf(spec, values, d.parties(spec, env, values, subjects))
	if err != nil {
		return nil, nil, err
	}
	sc, err := seal(r, disclosures, subjects, env.Rand)
	return r, sc, err
}

func seal(r *ledger.Record, disclosures []ledger.Disclosure, subjects []Subject, rnd io.Reader) (*ledger.Sidecar, error) {
	if _, err := io.ReadFull(rnd, r.Nonce[:]); err != nil {
		return nil, fmt.Errorf("read nonce: %w", err)
	}
	var leaves [][]byte
	for _, s := range subjects {
		raw, err := EncodeSubject(s)
		if err != nil {
			return nil, badField("subjects", "%v", err)
		}
		leaves = append(leaves, raw)
	}
	sc, err := ledger.Seal(r, disclosures, leaves, rnd)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if _, err := r.Encode(); err != nil {
		return nil, badField("draft", "%v", err)
	}
	if _, err := sc.Encode(); err != nil {
		return nil, badField("draft", "%v", err)
	}
	return sc, nil
}

// buildEnvelope fills time and zone and checks the slugs.
func (d *Draft) buildEnvelope(r *ledger.Record, env Env) error {
	at, zone := env.Now, env.Zone
	switch {
	case d.At != nil && d.AgeMs != nil:
		return badField("age_ms", "stands beside at: one of them tells the time")
	case d.At != nil:
		at = *d.At
		_, seconds := at.Zone()
		zone = seconds / 60
	case d.AgeMs != nil && *d.AgeMs < 0:
		return badField("age_ms", "is negative")
	case d.AgeMs != nil:
		at = at.Add(-time.Duration(*d.AgeMs) * time.Millisecond)
	}
	if d.Zone != "" {
		t, err := time.Parse("-07:00", d.Zone)
		if err != nil {
			return badField("zone", "has the form +08:00, not %q", d.Zone)
		}
		_, seconds := t.Zone()
		zone = seconds / 60
	}
	r.At, r.Zone = at.UnixMilli(), zone
	if r.At <= 0 {
		return badField("at", "is not after 1970")
	}
	for name, slug := range map[string]string{"party": d.Party, "place": d.Place} {
		if slug == "" {
			continue
		}
		if err := ledger.CheckSlug(slug); err != nil {
			return badField(name, "%v", err)
		}
	}
	return nil
}

// values reads the draft's fields as the table says.
func (d *Draft) values(spec *KindSpec) (Values, error) {
	values := make(Values, len(d.Fields))
	for _, name := range slices.Sorted(maps.Keys(d.Fields)) {
		f, ok := spec.Field(name)
		if !ok || f.Number == refsNumber || f.Number == documentsNumber {
			return nil, badField("fields."+name, "is no field of kind %s", spec.Kind)
		}
		raw, err := json.Marshal(d.Fields[name])
		if err != nil {
			return nil, badField("fields."+name, "%v", err)
		}
		if values[name], err = f.parse(raw); err != nil {
			return nil, badField("fields."+name, "%v", err)
		}
	}
	for i := range spec.Fields {
		if _, ok := values[spec.Fields[i].Name]; !ok && spec.Fields[i].Required {
			return nil, badField("fields."+spec.Fields[i].Name, "is required")
		}
	}
	for name, list := range map[string][]ledger.Hash{"refs": d.Refs, "documents": d.Documents} {
		if len(list) > MaxList {
			return nil, badField(name, "has %d elements, over the limit of %d", len(list), MaxList)
		}
		if len(list) > 0 {
			values[name] = list
		}
	}
	return values, nil
}

// recordFields encodes the fields that stand in the record's bytes.
func recordFields(spec *KindSpec, values Values) ([]byte, error) {
	fields := make(map[uint64]rawCBOR)
	for i := range spec.Fields {
		f := &spec.Fields[i]
		v, ok := values[f.Name]
		if !ok || !f.InRecord {
			continue
		}
		raw, err := f.encode(v)
		if err != nil {
			return nil, badField("fields."+f.Name, "%v", err)
		}
		fields[f.Number] = raw
	}
	if len(fields) == 0 {
		return nil, nil
	}
	return ledger.Marshal(fields)
}

// disclosuresOf makes the other fields' disclosures, in the table's order.
func disclosuresOf(spec *KindSpec, values Values, parties []string) ([]ledger.Disclosure, error) {
	var list []ledger.Disclosure
	for _, fields := range [][]Field{spec.Fields, common} {
		for i := range fields {
			f := &fields[i]
			v, ok := values[f.Name]
			if !ok || f.InRecord {
				continue
			}
			raw, err := f.encode(v)
			if err != nil {
				return nil, badField("fields."+f.Name, "%v", err)
			}
			d := ledger.Disclosure{Audience: f.Audience, Path: f.Number, Value: raw}
			if f.Audience == ledger.Parties {
				d.Parties = parties
			}
			list = append(list, d)
		}
	}
	return list, nil
}

// parties lists the members that see the fields for parties: the author, the
// other side, the brands of the goods, the auditors and the network's default
// members.
func (d *Draft) parties(spec *KindSpec, env Env, values Values, subjects []Subject) []string {
	members := map[string]bool{env.Member: true}
	for _, p := range spec.parties(values) {
		members[memberOf(p)] = true
	}
	if env.Author != nil {
		for _, ref := range d.Refs {
			members[env.Author(ref)] = true
		}
	}
	named, _ := values["gtins"].([]gs1.GTIN)
	for _, gtin := range append(append(gtinsOf(subjects, env.Inside), values.GTIN("gtin")), named...) {
		if m := env.Charter.GTINAuthority(gtin.Uint64()); m != nil && !gtin.IsZero() {
			members[m.Slug] = true
		}
	}
	for _, m := range env.Charter.Members {
		if m.Role == ledger.Auditor || slices.Contains(env.Charter.Settings.DefaultMembers, m.Slug) {
			members[m.Slug] = true
		}
	}
	delete(members, "")
	return slices.Sorted(maps.Keys(members))
}

func memberOf(party string) string {
	member, _, _ := strings.Cut(party, "/")
	return member
}

// gtinsOf returns the products that subjects name, and those inside their units.
func gtinsOf(subjects []Subject, inside func(Item) []gs1.GTIN) []gs1.GTIN {
	var list []gs1.GTIN
	for _, s := range subjects {
		switch s.Kind {
		case SubjectRange:
			list = append(list, s.Range.GTIN)
		case SubjectLot, SubjectGTIN:
			list = append(list, s.GTIN)
		case SubjectContent:
			list = append(list, gtinsOf([]Subject{*s.Content}, inside)...)
		case SubjectMade:
			list = append(list, gtinsOf([]Subject{*s.Output, *s.Input}, inside)...)
		case SubjectPattern:
			list = append(list, s.Pattern.GTIN)
		case SubjectSSCC:
			if inside != nil {
				list = append(list, inside(Unit(s.SSCC))...)
			}
		}
	}
	return list
}

// subjects turns the draft's subjects into those of a record: links resolved,
// ranges joined where they touch, none twice.
func (d *Draft) subjects(spec *KindSpec, env Env, values Values) ([]Subject, error) {
	if len(d.Subjects) > ledger.MaxLeaves {
		return nil, badField("subjects", "%d are over the limit of %d", len(d.Subjects), ledger.MaxLeaves)
	}
	var list []Subject
	for i := range d.Subjects {
		name := fmt.Sprintf("subjects[%d]", i)
		s, err := d.Subjects[i].subject(env.Resolve, 0)
		if err == nil {
			err = s.Check()
		}
		if err != nil {
			return nil, badField(name, "%v", err)
		}
		if !spec.Allows(s.Kind) {
			return nil, badField(name, "a record of kind %s has no %s subjects", spec.Kind, s.Kind)
		}
		list = append(list, s)
	}
	if len(list) == 0 && spec.Kind == ledger.KindCorrect && env.Record != nil {
		return correctedSubjects(env, values)
	}
	if len(spec.Subjects) > 0 && len(list) == 0 {
		return nil, badField("subjects", "a record of kind %s is about something", spec.Kind)
	}
	return joined(list)
}

// correctedSubjects returns the subjects of the record that a correction names.
func correctedSubjects(env Env, values Values) ([]Subject, error) {
	target, err := env.Record(values.Hash("target"))
	if err != nil {
		return nil, fmt.Errorf("look up record %s: %w", values.Hash("target"), err)
	}
	if target == nil {
		return nil, badField("fields.target", "there is no own record %s", values.Hash("target"))
	}
	list := target.CorrectedSubjects()
	if len(list) == 0 {
		return nil, badField("fields.target", "a %s record cannot be corrected", target.Kind)
	}
	return list, nil
}

func (s *DraftSubject) subject(resolve func(string) (Item, error), depth int) (Subject, error) {
	switch {
	case s.count() != 1:
		return Subject{}, malformed("one of uri, sscc, gtin, unit with content, pattern, or output with input is needed")
	case depth > 1:
		return Subject{}, malformed("what a unit holds, is made or is used is a range, an SSCC or a lot")
	case s.URI != "":
		return s.resolved(resolve)
	case !s.SSCC.IsZero():
		return Of(Unit(s.SSCC)), nil
	case s.Pattern != nil:
		return s.Pattern.subject(), nil
	case s.Unit != nil && s.Content != nil:
		unit, content, err := both("unit", s.Unit, "content", s.Content, resolve, depth+1)
		return Subject{Kind: SubjectContent, Unit: unit, Content: content}, err
	case s.Output != nil && s.Input != nil:
		output, input, err := both("output", s.Output, "input", s.Input, resolve, depth+1)
		return Subject{Kind: SubjectMade, Output: output, Input: input}, err
	case s.Output != nil || s.Input != nil:
		return Subject{}, malformed("what is made and what is used are named together")
	case s.Unit != nil:
		return Subject{}, malformed("a unit is named without its content")
	case s.Lot != "":
		return Of(Lot(s.GTIN, s.Lot)), nil
	case s.Run != nil && s.From != nil:
		to := s.To
		if to == nil {
			to = s.From
		}
		return OfRange(Range{s.GTIN, *s.Run, *s.From, *to}), nil
	case s.Run != nil || s.From != nil || s.To != nil:
		return Subject{}, malformed("a range has run, from and to")
	}
	return Of(Product(s.GTIN)), nil
}

// both reads the two parts of a subject.
func both(nameA string, a *DraftSubject, nameB string, b *DraftSubject, resolve func(string) (Item, error), depth int) (*Subject, *Subject, error) {
	first, err := a.subject(resolve, depth)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", nameA, err)
	}
	second, err := b.subject(resolve, depth)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", nameB, err)
	}
	return &first, &second, nil
}

// count tells how many of the forms are there.
func (s *DraftSubject) count() int {
	n := 0
	for _, there := range []bool{s.URI != "", !s.SSCC.IsZero(), !s.GTIN.IsZero(), s.Unit != nil || s.Content != nil, s.Pattern != nil, s.Output != nil || s.Input != nil} {
		if there {
			n++
		}
	}
	return n
}

func (s *DraftSubject) resolved(resolve func(string) (Item, error)) (Subject, error) {
	if resolve == nil {
		return Subject{}, malformed("links cannot be resolved here")
	}
	i, err := resolve(s.URI)
	if err != nil {
		return Subject{}, err
	}
	return Of(i), nil
}

func (p *DraftPattern) subject() Subject {
	q := &Pattern{GTIN: p.GTIN, Run: p.Run, Start: p.Start, Per: p.Per,
		UnitGTIN: p.UnitGTIN, UnitRun: p.UnitRun, UnitStart: p.UnitStart, Units: p.Count}
	for _, x := range p.Except {
		q.Except = append(q.Except, Span{From: x[0], To: x[1]})
	}
	return Subject{Kind: SubjectPattern, Pattern: q}
}

// joined merges ranges that touch or overlap, plain ones and those in one unit,
// so that a thousand scans in a row are one leaf.
func joined(list []Subject) ([]Subject, error) {
	type key struct {
		unit Item // zero for plain ranges
		gtin gs1.GTIN
		run  uint16
	}
	ranges := make(map[key][]Range)
	var keys []key
	seen := make(map[string]bool)
	var out []Subject
	for _, s := range list {
		k, r, ok := key{}, s.Range, s.Kind == SubjectRange
		if s.Kind == SubjectContent && s.Content.Kind == SubjectRange {
			k.unit, _ = s.Unit.item()
			r, ok = s.Content.Range, true
		}
		if ok {
			k.gtin, k.run = r.GTIN, r.Run
			if ranges[k] == nil {
				keys = append(keys, k)
			}
			ranges[k] = append(ranges[k], r)
			continue
		}
		raw, err := EncodeSubject(s)
		if err != nil {
			return nil, badField("subjects", "%v", err)
		}
		if !seen[string(raw)] {
			seen[string(raw)] = true
			out = append(out, s)
		}
	}
	for _, k := range keys {
		for _, r := range union(ranges[k]) {
			s := OfRange(r)
			if k.unit.Kind != 0 {
				s = Contents(k.unit, s)
			}
			out = append(out, s)
		}
	}
	return out, nil
}

// union joins ranges of one run.
func union(list []Range) []Range {
	slices.SortFunc(list, compareRange)
	out := list[:1]
	for _, r := range list[1:] {
		last := &out[len(out)-1]
		if r.From <= last.To || r.From == last.To+1 {
			last.To = max(last.To, r.To)
			continue
		}
		out = append(out, r)
	}
	return out
}
