package trace

import (
	"fmt"
	"strings"

	"suyuan/ledger"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
)

// A SubjectKind is the first element of a subject's bytes. Numbers are never
// reused.
type SubjectKind uint8

// The kinds of subject.
const (
	SubjectRange   SubjectKind = 1 // codes of a run
	SubjectSSCC    SubjectKind = 2 // a logistic unit
	SubjectLot     SubjectKind = 3 // a lot of a GTIN
	SubjectContent SubjectKind = 4 // one content of a unit
	SubjectPattern SubjectKind = 5 // many units, each with its contents, by arithmetic
	SubjectGTIN    SubjectKind = 6 // a product as a whole
	SubjectMade    SubjectKind = 7 // what was made of what
)

func (k SubjectKind) String() string {
	switch k {
	case SubjectRange:
		return "range"
	case SubjectSSCC:
		return "sscc"
	case SubjectLot:
		return "lot"
	case SubjectContent:
		return "content"
	case SubjectPattern:
		return "pattern"
	case SubjectGTIN:
		return "gtin"
	case SubjectMade:
		return "made"
	}
	return "unknown"
}

// A Subject is what one leaf of a record says the event is about. Its bytes are
// a CBOR array that begins with its kind; the package comment has the table.
// Which fields are set follows from Kind.
type Subject struct {
	Kind    SubjectKind
	Range   Range    // SubjectRange
	SSCC    gs1.SSCC // SubjectSSCC
	GTIN    gs1.GTIN // SubjectLot, SubjectGTIN
	Lot     string   // SubjectLot
	Unit    *Subject // SubjectContent: an SSCC, or a range of one code
	Content *Subject // SubjectContent: a range, SSCC or lot
	Pattern *Pattern // SubjectPattern
	Output  *Subject // SubjectMade: a range or an SSCC
	Input   *Subject // SubjectMade: a range, SSCC or lot
}

// A Pattern says that unit UnitStart+i of a run of case codes holds the codes
// Start+i·Per to Start+i·Per+Per−1, for i from 0 to Units−1, minus the codes
// in Except. Codes that were scrapped are not skipped: they are exceptions.
type Pattern struct {
	GTIN  gs1.GTIN // of the contents
	Run   uint16
	Start uint32
	Per   uint32

	UnitGTIN  gs1.GTIN
	UnitRun   uint16
	UnitStart uint32
	Units     uint32

	Except []Span // ascending, not touching each other, within the contents
}

// A Span is the indexes From to To, both included.
type Span struct {
	_        struct{} `cbor:",toarray"`
	From, To uint32
}

// Of returns the subject that consists of one item.
func Of(i Item) Subject {
	switch i.Kind {
	case ItemCode:
		return OfRange(Range{i.GTIN, i.Run, i.Index, i.Index})
	case ItemSSCC:
		return Subject{Kind: SubjectSSCC, SSCC: i.SSCC}
	case ItemLot:
		return Subject{Kind: SubjectLot, GTIN: i.GTIN, Lot: i.Lot}
	}
	return Subject{Kind: SubjectGTIN, GTIN: i.GTIN}
}

// OfRange returns the subject that consists of a range of codes.
func OfRange(r Range) Subject { return Subject{Kind: SubjectRange, Range: r} }

// Contents returns the subject that says what is, or was, in a unit.
func Contents(unit Item, content Subject) Subject {
	u := Of(unit)
	return Subject{Kind: SubjectContent, Unit: &u, Content: &content}
}

// Made returns the subject that says what was made of what.
func Made(output, input Subject) Subject {
	return Subject{Kind: SubjectMade, Output: &output, Input: &input}
}

// Range returns all contents of the pattern, exceptions included.
func (p *Pattern) Range() Range {
	return Range{p.GTIN, p.Run, p.Start, p.Start + p.Per*p.Units - 1}
}

// UnitRange returns all units of the pattern.
func (p *Pattern) UnitRange() Range {
	return Range{p.UnitGTIN, p.UnitRun, p.UnitStart, p.UnitStart + p.Units - 1}
}

// UnitOf returns the unit that holds the item, if one does.
func (p *Pattern) UnitOf(i Item) (Item, bool) {
	if !p.Range().Has(i) {
		return Item{}, false
	}
	for _, x := range p.Except {
		if x.From <= i.Index && i.Index <= x.To {
			return Item{}, false
		}
	}
	return Code(p.UnitGTIN, p.UnitRun, p.UnitStart+(i.Index-p.Start)/p.Per), true
}

func (p *Pattern) check() error {
	if p.Per == 0 || p.Units == 0 || uint64(p.Per)*uint64(p.Units) > code.MaxRunCodes {
		return malformed("a pattern of %d units with %d codes each", p.Units, p.Per)
	}
	if uint64(p.Start)+uint64(p.Per)*uint64(p.Units) > code.MaxRunCodes || uint64(p.UnitStart)+uint64(p.Units) > code.MaxRunCodes {
		return malformed("a pattern beyond the %d codes of a run", code.MaxRunCodes)
	}
	contents, units := p.Range(), p.UnitRange()
	if err := contents.check(); err != nil {
		return err
	}
	if err := units.check(); err != nil {
		return err
	}
	if contents.Overlaps(units) {
		return malformed("a pattern whose units are among its contents")
	}
	if len(p.Except) > MaxExceptions {
		return malformed("%d exceptions are over the limit of %d", len(p.Except), MaxExceptions)
	}
	for i, x := range p.Except {
		switch {
		case x.From > x.To || x.From < contents.From || x.To > contents.To:
			return malformed("exception %d to %d is not within the pattern", x.From, x.To)
		case i > 0 && uint64(x.From) <= uint64(p.Except[i-1].To)+1:
			return malformed("exceptions do not ascend, or touch, at %d", x.From)
		}
	}
	return nil
}

// Check reports whether the subject has the form of its kind.
func (s Subject) Check() error {
	switch s.Kind {
	case SubjectRange:
		return s.Range.check()
	case SubjectSSCC:
		if s.SSCC.IsZero() {
			return malformed("an SSCC is missing")
		}
		return nil
	case SubjectLot:
		if err := checkLot(s.Lot); err != nil {
			return err
		}
	case SubjectContent:
		return s.checkContent()
	case SubjectPattern:
		if s.Pattern == nil {
			return malformed("a pattern is missing")
		}
		return s.Pattern.check()
	case SubjectMade:
		return s.checkMade()
	case SubjectGTIN:
	default:
		return malformed("subject kind %d does not exist", s.Kind)
	}
	if s.GTIN.IsZero() {
		return malformed("a GTIN is missing")
	}
	return nil
}

func (s Subject) checkContent() error {
	if s.Unit == nil || s.Content == nil {
		return malformed("a unit or its content is missing")
	}
	if err := s.Unit.Check(); err != nil {
		return fmt.Errorf("unit: %w", err)
	}
	if err := s.Content.Check(); err != nil {
		return fmt.Errorf("content: %w", err)
	}
	unit, ok := s.Unit.item()
	if !ok || unit.Kind != ItemCode && unit.Kind != ItemSSCC {
		return malformed("a unit is an SSCC or one code")
	}
	switch s.Content.Kind {
	case SubjectRange, SubjectSSCC, SubjectLot:
	default:
		return malformed("the content of a unit is a range, an SSCC or a lot")
	}
	if s.Content.names(unit) {
		return malformed("a unit is its own content")
	}
	return nil
}

func (s Subject) checkMade() error {
	if s.Output == nil || s.Input == nil {
		return malformed("an output or its input is missing")
	}
	if err := s.Output.Check(); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	if err := s.Input.Check(); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	switch s.Output.Kind {
	case SubjectRange, SubjectSSCC:
	default:
		return malformed("what is made is a range or an SSCC")
	}
	switch s.Input.Kind {
	case SubjectRange, SubjectSSCC, SubjectLot:
	default:
		return malformed("what is used is a range, an SSCC or a lot")
	}
	if overlap(*s.Output, *s.Input) {
		return malformed("something is made of itself")
	}
	if s.Output.Kind == SubjectRange && s.Input.Kind == SubjectRange {
		out, in := s.Output.Range.Count(), s.Input.Range.Count()
		if out%in != 0 && in%out != 0 {
			return malformed("%d outputs of %d inputs: one is a multiple of the other", out, in)
		}
	}
	return nil
}

// item returns the one thing that a simple subject consists of.
func (s Subject) item() (Item, bool) {
	switch s.Kind {
	case SubjectRange:
		return Code(s.Range.GTIN, s.Range.Run, s.Range.From), s.Range.From == s.Range.To
	case SubjectSSCC:
		return Unit(s.SSCC), true
	case SubjectLot:
		return Lot(s.GTIN, s.Lot), true
	case SubjectGTIN:
		return Product(s.GTIN), true
	}
	return Item{}, false
}

// names reports whether a simple subject (not content or pattern) names the
// item itself.
func (s Subject) names(i Item) bool {
	if s.Kind == SubjectRange {
		return s.Range.Has(i)
	}
	one, ok := s.item()
	return ok && one == i
}

// UnitOf returns the unit of which the subject says that the item is, or was,
// in it.
func (s Subject) UnitOf(i Item) (Item, bool) {
	switch s.Kind {
	case SubjectContent:
		if s.Content.names(i) {
			return s.Unit.item()
		}
	case SubjectPattern:
		return s.Pattern.UnitOf(i)
	}
	return Item{}, false
}

// Moves reports whether the event is about the item as such: the subject names
// it, or names it as the content of a unit, or as what was made or used.
func (s Subject) Moves(i Item) bool {
	switch s.Kind {
	case SubjectContent, SubjectPattern:
		_, ok := s.UnitOf(i)
		return ok
	case SubjectMade:
		return s.Output.names(i) || s.Input.names(i)
	}
	return s.names(i)
}

// Fills reports whether the subject names the item as a unit with contents.
func (s Subject) Fills(i Item) bool {
	switch s.Kind {
	case SubjectContent:
		return s.Unit.names(i)
	case SubjectPattern:
		return s.Pattern.UnitRange().Has(i)
	}
	return false
}

// Covers reports whether the subject names the item in any way. Items that are
// in a unit are not covered by the unit's subject: what was in it at that point
// is for the fold to say.
func (s Subject) Covers(i Item) bool { return s.Moves(i) || s.Fills(i) }

// String shows the subject to people.
func (s Subject) String() string {
	switch s.Kind {
	case SubjectRange:
		return fmt.Sprintf("%s run %d %d–%d", s.Range.GTIN, s.Range.Run, s.Range.From, s.Range.To)
	case SubjectContent:
		return fmt.Sprintf("%s in %s", s.Content, s.Unit)
	case SubjectPattern:
		return fmt.Sprintf("%s, %d each in %s", OfRange(s.Pattern.Range()), s.Pattern.Per, OfRange(s.Pattern.UnitRange()))
	case SubjectMade:
		return fmt.Sprintf("%s made of %s", s.Output, s.Input)
	}
	i, _ := s.item()
	return i.String()
}

// The CBOR forms, one array per kind.
type (
	wireRange struct {
		_        struct{} `cbor:",toarray"`
		Kind     SubjectKind
		GTIN     uint64
		Run      uint16
		From, To uint32
	}
	wireNumber struct { // SubjectSSCC and SubjectGTIN
		_      struct{} `cbor:",toarray"`
		Kind   SubjectKind
		Number uint64
	}
	wireLot struct {
		_    struct{} `cbor:",toarray"`
		Kind SubjectKind
		GTIN uint64
		Lot  string
	}
	wireContent struct {
		_             struct{} `cbor:",toarray"`
		Kind          SubjectKind
		Unit, Content rawCBOR
	}
	wireMade struct {
		_             struct{} `cbor:",toarray"`
		Kind          SubjectKind
		Output, Input rawCBOR
	}
	wirePattern struct {
		_          struct{} `cbor:",toarray"`
		Kind       SubjectKind
		GTIN       uint64
		Run        uint16
		Start, Per uint32
		UnitGTIN   uint64
		UnitRun    uint16
		UnitStart  uint32
		Units      uint32
		Except     []Span
	}
)

// rawCBOR is one encoded item inside another.
type rawCBOR []byte

// MarshalCBOR gives the bytes as they are.
func (r rawCBOR) MarshalCBOR() ([]byte, error) { return r, nil }

// UnmarshalCBOR keeps the bytes as they are.
func (r *rawCBOR) UnmarshalCBOR(b []byte) error {
	*r = append(rawCBOR(nil), b...)
	return nil
}

// EncodeSubject returns the subject's bytes, or what is wrong with its form.
func EncodeSubject(s Subject) ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	switch s.Kind {
	case SubjectRange:
		r := s.Range
		return ledger.Marshal(wireRange{Kind: s.Kind, GTIN: r.GTIN.Uint64(), Run: r.Run, From: r.From, To: r.To})
	case SubjectSSCC:
		return ledger.Marshal(wireNumber{Kind: s.Kind, Number: s.SSCC.Uint64()})
	case SubjectGTIN:
		return ledger.Marshal(wireNumber{Kind: s.Kind, Number: s.GTIN.Uint64()})
	case SubjectLot:
		return ledger.Marshal(wireLot{Kind: s.Kind, GTIN: s.GTIN.Uint64(), Lot: s.Lot})
	case SubjectContent:
		unit, content, err := encodeBoth(s.Unit, s.Content)
		if err != nil {
			return nil, err
		}
		return ledger.Marshal(wireContent{Kind: s.Kind, Unit: unit, Content: content})
	case SubjectMade:
		output, input, err := encodeBoth(s.Output, s.Input)
		if err != nil {
			return nil, err
		}
		return ledger.Marshal(wireMade{Kind: s.Kind, Output: output, Input: input})
	}
	p := s.Pattern
	except := p.Except
	if except == nil {
		except = []Span{} // an absent list would be null
	}
	return ledger.Marshal(wirePattern{Kind: s.Kind, GTIN: p.GTIN.Uint64(), Run: p.Run, Start: p.Start, Per: p.Per,
		UnitGTIN: p.UnitGTIN.Uint64(), UnitRun: p.UnitRun, UnitStart: p.UnitStart, Units: p.Units, Except: except})
}

func encodeBoth(a, b *Subject) (first, second rawCBOR, err error) {
	if first, err = EncodeSubject(*a); err != nil {
		return nil, nil, err
	}
	second, err = EncodeSubject(*b)
	return first, second, err
}

// DecodeSubject parses subject bytes strictly. Its errors wrap ErrForm.
func DecodeSubject(raw []byte) (Subject, error) {
	s, err := decodeSubject(raw, false)
	if err != nil {
		return Subject{}, err
	}
	return s, s.Check()
}

// decodeSubject parses the form; inner subjects may not have inner ones.
func decodeSubject(raw []byte, inner bool) (Subject, error) {
	// CBOR: an array head of less than 24 elements, then a number below 24.
	if len(raw) < 2 || raw[0]>>5 != 4 || raw[1] > 23 {
		return Subject{}, malformed("a subject is an array that begins with its kind")
	}
	s := Subject{Kind: SubjectKind(raw[1])}
	var err error
	switch {
	case s.Kind == SubjectRange:
		err = s.decodeRange(raw)
	case s.Kind == SubjectSSCC || s.Kind == SubjectGTIN:
		err = s.decodeNumber(raw)
	case s.Kind == SubjectLot:
		err = s.decodeLot(raw)
	case s.Kind == SubjectContent && !inner:
		err = s.decodeContent(raw)
	case s.Kind == SubjectPattern && !inner:
		err = s.decodePattern(raw)
	case s.Kind == SubjectMade && !inner:
		err = s.decodeMade(raw)
	default:
		err = malformed("subject kind %d does not exist, or not here", s.Kind)
	}
	return s, err
}

func (s *Subject) decodeRange(raw []byte) error {
	var w wireRange
	if err := unmarshal(raw, &w); err != nil {
		return err
	}
	gtin, err := gtinOf(w.GTIN)
	s.Range = Range{gtin, w.Run, w.From, w.To}
	return err
}

func (s *Subject) decodeNumber(raw []byte) error {
	var w wireNumber
	err := unmarshal(raw, &w)
	if err != nil {
		return err
	}
	if s.Kind == SubjectGTIN {
		s.GTIN, err = gtinOf(w.Number)
		return err
	}
	if s.SSCC, err = gs1.SSCCFromUint64(w.Number); err != nil {
		return malformed("sscc %d: %v", w.Number, err)
	}
	return nil
}

func (s *Subject) decodeLot(raw []byte) error {
	var w wireLot
	err := unmarshal(raw, &w)
	if err != nil {
		return err
	}
	s.Lot = w.Lot
	s.GTIN, err = gtinOf(w.GTIN)
	return err
}

func (s *Subject) decodeContent(raw []byte) (err error) {
	var w wireContent
	if err := unmarshal(raw, &w); err != nil {
		return err
	}
	s.Unit, s.Content, err = decodeBoth("unit", w.Unit, "content", w.Content)
	return err
}

func (s *Subject) decodeMade(raw []byte) (err error) {
	var w wireMade
	if err := unmarshal(raw, &w); err != nil {
		return err
	}
	s.Output, s.Input, err = decodeBoth("output", w.Output, "input", w.Input)
	return err
}

func decodeBoth(nameA string, a rawCBOR, nameB string, b rawCBOR) (*Subject, *Subject, error) {
	first, err := decodeSubject(a, true)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", nameA, err)
	}
	second, err := decodeSubject(b, true)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", nameB, err)
	}
	return &first, &second, nil
}

func (s *Subject) decodePattern(raw []byte) error {
	var w wirePattern
	if err := unmarshal(raw, &w); err != nil {
		return err
	}
	gtin, err := gtinOf(w.GTIN)
	if err != nil {
		return err
	}
	unitGTIN, err := gtinOf(w.UnitGTIN)
	if err != nil {
		return err
	}
	s.Pattern = &Pattern{gtin, w.Run, w.Start, w.Per, unitGTIN, w.UnitRun, w.UnitStart, w.Units, w.Except}
	if len(w.Except) == 0 {
		s.Pattern.Except = nil
	}
	return nil
}

// unmarshal decodes strictly and marks errors with ErrForm.
func unmarshal(raw []byte, v any) error {
	if err := ledger.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%w: %w", ErrForm, err)
	}
	return nil
}

func gtinOf(n uint64) (gs1.GTIN, error) {
	g, err := gs1.GTINFromUint64(n)
	if err != nil {
		return g, malformed("gtin %d: %v", n, err)
	}
	return g, nil
}

// checkLot holds the rules of AI 10, GS1 General Specifications 3.4.1.
func checkLot(lot string) error {
	if err := (gs1.Element{AI: "10", Value: lot}).Check(); err != nil {
		return malformed("lot %q: %v", strings.ToValidUTF8(lot, "?"), err)
	}
	return nil
}
