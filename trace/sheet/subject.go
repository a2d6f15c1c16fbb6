package sheet

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
)

// subjectCells are the cells of a row that tell a subject, by column; none of
// them is empty.
type subjectCells map[string]Cell

// misplaced is a fault with the column that it is about.
type misplaced struct {
	key string
	*fault
}

func badSubject(key, zh, en string) *misplaced {
	t := texts[CodeBadSubject]
	return &misplaced{key, &fault{CodeBadSubject, fmt.Sprintf(t[0], zh), fmt.Sprintf(t[1], en)}}
}

func at(key string, f *fault) *misplaced {
	if f == nil {
		return nil
	}
	return &misplaced{key, f}
}

// subjectOf makes the subject that a row tells.
func subjectOf(spec *trace.KindSpec, cells subjectCells) (*trace.DraftSubject, *misplaced) {
	for _, key := range []string{"unit gtin", "unit run", "unit first", "units", "per unit", "except"} {
		if _, ok := cells[key]; ok {
			return patternOf(cells)
		}
	}
	if made, ok := cells["output"]; ok {
		return madeOf(made, cells)
	}
	unitCell, packed := cells["unit"]
	if !packed {
		s, _, fault := itemOf(spec, cells)
		return s, fault
	}
	unit, fault := codeOf("unit", unitCell, gs1.GTIN{})
	if fault != nil {
		return nil, fault
	}
	delete(cells, "unit")
	if len(cells) == 0 {
		if !spec.Allows(trace.SubjectRange) && !spec.Allows(trace.SubjectSSCC) {
			return nil, badSubject("unit", "只填了包装码，没有填写其中的货品", "the unit is given without what is in it")
		}
		return unit, nil
	}
	content, _, fault := itemOf(nil, cells)
	if fault != nil {
		return nil, fault
	}
	return &trace.DraftSubject{Unit: unit, Content: content}, nil
}

// madeOf reads what was made, and of what: the other columns.
func madeOf(made Cell, cells subjectCells) (*trace.DraftSubject, *misplaced) {
	output, fault := codeOf("output", made, gs1.GTIN{})
	if fault != nil {
		return nil, fault
	}
	delete(cells, "output")
	if len(cells) == 0 {
		return nil, badSubject("output", "只填了产出的货品，没有填写所用的货品", "what was made is given without what it was made of")
	}
	input, _, fault := itemOf(nil, cells)
	if fault != nil {
		return nil, fault
	}
	return &trace.DraftSubject{Output: output, Input: input}, nil
}

// itemOf reads the columns of what is not packed. spec nil is the content of a
// unit.
func itemOf(spec *trace.KindSpec, cells subjectCells) (*trace.DraftSubject, trace.SubjectKind, *misplaced) {
	s, kind, key, fault := readItem(cells)
	if fault != nil {
		return nil, 0, fault
	}
	if kind != 0 && (spec != nil && !spec.Allows(kind) || spec == nil && kind == trace.SubjectGTIN) {
		return nil, 0, badSubject(key, "还缺少能确定货品的内容（序列号、起止序号、批号等）", "this alone does not say which goods: a serial, first and last or the like is missing")
	}
	return s, kind, nil
}

// readItem tells the subject, its kind unless a link hides it, and the column
// that says most.
func readItem(cells subjectCells) (*trace.DraftSubject, trace.SubjectKind, string, *misplaced) {
	if c, ok := cells["sscc"]; ok {
		if len(cells) > 1 {
			return nil, 0, "", badSubject("sscc", "一行只能填写一种货品标识", "a row names goods in one way; take another row for other goods")
		}
		u, f := ssccOf(c)
		return &trace.DraftSubject{SSCC: u}, trace.SubjectSSCC, "sscc", at("sscc", f)
	}
	var gtin gs1.GTIN
	if c, ok := cells["gtin"]; ok {
		var f *fault
		if gtin, f = gtinOf(c); f != nil {
			return nil, 0, "", at("gtin", f)
		}
	}
	_, coded := cells["code"]
	_, serial := cells["serial"]
	if coded || serial {
		return readCode(cells, gtin)
	}
	if gtin.IsZero() {
		return nil, 0, "", badSubject(anyKey(cells), "缺少商品条码", "the GTIN is missing")
	}
	return readNumbers(cells, gtin)
}

// anyKey names the first column that is there, to have a place for a fault.
func anyKey(cells subjectCells) string {
	for _, key := range subjectOrder {
		if _, ok := cells[key]; ok {
			return key
		}
	}
	return ""
}

// readCode reads the columns code and serial, with the GTIN beside them.
func readCode(cells subjectCells, gtin gs1.GTIN) (*trace.DraftSubject, trace.SubjectKind, string, *misplaced) {
	for _, key := range []string{"run", "first", "last", "lot"} {
		if _, ok := cells[key]; ok {
			return nil, 0, "", badSubject(key, "一行只能填写一种货品标识", "a row names goods in one way; take another row for other goods")
		}
	}
	serial, written := cells["serial"]
	c, coded := cells["code"]
	if !coded {
		s, f := digitsOf(serial)
		if f != nil {
			return nil, 0, "", at("serial", f)
		}
		return bySerial("serial", gtin, s)
	}
	s, fault := codeOf("code", c, gtin)
	if fault != nil {
		return nil, 0, "", fault
	}
	if written {
		if f := sameSerial(s.URI, serial); f != nil {
			return nil, 0, "", f
		}
	}
	kind := trace.SubjectKind(0)
	switch {
	case !s.SSCC.IsZero():
		kind = trace.SubjectSSCC
	case s.Run != nil:
		kind = trace.SubjectRange
	}
	return s, kind, "code", nil
}

func bySerial(key string, gtin gs1.GTIN, serial string) (*trace.DraftSubject, trace.SubjectKind, string, *misplaced) {
	if gtin.IsZero() {
		return nil, 0, "", badSubject(key, "只有序列号，缺少商品条码", "a serial needs its GTIN beside it")
	}
	elements := []gs1.Element{{AI: "01", Value: gtin.String()}, {AI: "21", Value: serial}}
	for _, e := range elements {
		if err := e.Check(); err != nil {
			return nil, 0, "", at(key, checkOf(serial, err))
		}
	}
	return &trace.DraftSubject{URI: gs1.FormatBracketed(elements)}, trace.SubjectRange, key, nil
}

// sameSerial refuses a row whose link and serial tell of two items.
func sameSerial(uri string, c Cell) *misplaced {
	s, f := digitsOf(c)
	if f != nil {
		return at("serial", f)
	}
	link, err := parseLink(uri)
	if uri == "" || err != nil || !strings.EqualFold(link.Serial(), s) {
		return badSubject("serial", "与追溯码中的序列号不一致", "the serial is not that of the code")
	}
	return nil
}

// rangeForm is GTIN/RUN/FROM-TO.
var rangeForm = regexp.MustCompile(`^(\d{8,14})/(\d{1,5})/(\d{1,8})(?:-(\d{1,8}))?$`)

// codeOf reads a cell with a code in any of its forms.
func codeOf(key string, c Cell, gtin gs1.GTIN) (*trace.DraftSubject, *misplaced) {
	s, f := digitsOf(c)
	if f != nil {
		return nil, at(key, f)
	}
	if m := rangeForm.FindStringSubmatch(s); m != nil {
		return rangeOf(key, m)
	}
	if strings.Contains(s, "://") || strings.HasPrefix(s, "(") && !strings.HasPrefix(s, "(00)") {
		link, err := parseLink(s)
		if err != nil {
			return nil, at(key, checkOf(s, err))
		}
		if named, ok := link.GTIN(); ok && !gtin.IsZero() && named != gtin {
			return nil, badSubject("gtin", "与追溯码中的商品条码不一致", "the GTIN is not that of the code")
		}
		return &trace.DraftSubject{URI: s}, nil
	}
	digits := strings.NewReplacer(" ", "", "(00)", "").Replace(s)
	if len(digits) == 20 && strings.HasPrefix(digits, "00") || len(digits) == 18 {
		if u, f := ssccOf(Cell{Text: digits}); f == nil {
			return &trace.DraftSubject{SSCC: u}, nil
		} else if strings.Trim(digits, "0123456789") == "" {
			return nil, at(key, f)
		}
	}
	if gtin.IsZero() {
		return nil, badSubject(key, "不是链接、要素串、SSCC，也没有商品条码", "it is no link, element string, SSCC or GTIN/RUN/FROM-TO, and there is no GTIN beside it")
	}
	subject, _, _, fault := bySerial(key, gtin, s)
	return subject, fault
}

func parseLink(s string) (*gs1.Link, error) {
	if strings.HasPrefix(s, "(") {
		elements, err := gs1.ParseBracketed(s)
		if err != nil {
			return nil, err
		}
		link, err := gs1.NewLink("https://id.gs1.org", elements)
		return &link, err
	}
	link, err := gs1.Parser{ShortGTIN: true}.Parse(s)
	return &link, err
}

func rangeOf(key string, m []string) (*trace.DraftSubject, *misplaced) {
	gtin, err := gs1.ParseGTIN(m[1])
	if err != nil {
		return nil, at(key, checkOf(m[1], err))
	}
	if m[4] == "" {
		m[4] = m[3]
	}
	cells := subjectCells{"run": {Text: m[2]}, "first": {Text: m[3]}, "last": {Text: m[4]}}
	s, _, _, fault := readNumbers(cells, gtin)
	if fault != nil {
		fault.key = key
	}
	return s, fault
}

// readNumbers reads a lot, a range or a GTIN by itself.
func readNumbers(cells subjectCells, gtin gs1.GTIN) (*trace.DraftSubject, trace.SubjectKind, string, *misplaced) {
	lot, hasLot := cells["lot"]
	_, hasRun := cells["run"]
	_, hasFirst := cells["first"]
	_, hasLast := cells["last"]
	switch {
	case hasLot && (hasRun || hasFirst || hasLast):
		return nil, 0, "", badSubject("lot", "一行只能填写一种货品标识", "a row names goods in one way; take another row for other goods")
	case hasLot:
		text, f := digitsOf(lot)
		if f == nil {
			f = checkOf(text, gs1.Element{AI: "10", Value: text}.Check())
		}
		return &trace.DraftSubject{GTIN: gtin, Lot: text}, trace.SubjectLot, "lot", at("lot", f)
	case !hasRun && !hasFirst && !hasLast:
		return &trace.DraftSubject{GTIN: gtin}, trace.SubjectGTIN, "gtin", nil
	case !hasRun || !hasFirst:
		return nil, 0, "", badSubject(anyKey(cells), "序号段需要发码批次和起始序号", "a range needs run and first")
	}
	run, first, fault := runAndFirst(cells, "run", "first")
	if fault != nil {
		return nil, 0, "", fault
	}
	last := first
	if hasLast {
		n, f := numberOf(cells["last"], uint64(first), code.MaxRunCodes-1)
		if f != nil {
			return nil, 0, "", at("last", f)
		}
		last = uint32(n)
	}
	return &trace.DraftSubject{GTIN: gtin, Run: &run, From: &first, To: &last}, trace.SubjectRange, "first", nil
}

func runAndFirst(cells subjectCells, runKey, firstKey string) (uint16, uint32, *misplaced) {
	run, f := numberOf(cells[runKey], 0, code.MaxRunNumber)
	if f != nil {
		return 0, 0, at(runKey, f)
	}
	first, f := numberOf(cells[firstKey], 0, code.MaxRunCodes-1)
	return uint16(run), uint32(first), at(firstKey, f)
}

// patternOf reads the columns of a pattern.
func patternOf(cells subjectCells) (*trace.DraftSubject, *misplaced) {
	for _, key := range []string{"gtin", "run", "first", "per unit", "unit gtin", "unit run", "unit first", "units"} {
		if _, ok := cells[key]; !ok {
			word := columnWords[key]
			return nil, badSubject(anyKey(cells), "按规律装箱还缺少“"+word[0][0]+"”", "a pattern of units needs the column "+word[1][0]+" too")
		}
	}
	for key := range cells {
		switch key {
		case "gtin", "run", "first", "per unit", "unit gtin", "unit run", "unit first", "units", "except":
		default:
			return nil, badSubject(key, "一行只能填写一种货品标识", "a row names goods in one way; take another row for other goods")
		}
	}
	var p trace.DraftPattern
	var f *fault
	var wrongAt *misplaced
	if p.GTIN, f = gtinOf(cells["gtin"]); f != nil {
		return nil, at("gtin", f)
	}
	if p.UnitGTIN, f = gtinOf(cells["unit gtin"]); f != nil {
		return nil, at("unit gtin", f)
	}
	if p.Run, p.Start, wrongAt = runAndFirst(cells, "run", "first"); wrongAt != nil {
		return nil, wrongAt
	}
	if p.UnitRun, p.UnitStart, wrongAt = runAndFirst(cells, "unit run", "unit first"); wrongAt != nil {
		return nil, wrongAt
	}
	for key, to := range map[string]*uint32{"per unit": &p.Per, "units": &p.Count} {
		n, f := numberOf(cells[key], 1, code.MaxRunCodes)
		if f != nil {
			return nil, at(key, f)
		}
		*to = uint32(n)
	}
	if c, ok := cells["except"]; ok {
		if p.Except, f = spansOf(c); f != nil {
			return nil, at("except", f)
		}
	}
	return &trace.DraftSubject{Pattern: &p}, nil
}

// spanForm is one index, or two with a hyphen between.
var spanForm = regexp.MustCompile(`^(\d{1,8})(?:\s*[-~]\s*(\d{1,8}))?$`)

// spansOf reads a list such as "13-14; 20".
func spansOf(c Cell) ([][2]uint32, *fault) {
	s, f := textOf(c)
	if f != nil {
		return nil, f
	}
	var list [][2]uint32
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(";；,，、\n", r) }) {
		m := spanForm.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return nil, wrong(CodeBadValue, shown(s), "13-14; 20")
		}
		if m[2] == "" {
			m[2] = m[1]
		}
		from, _ := strconv.ParseUint(m[1], 10, 32) // eight digits at most
		to, _ := strconv.ParseUint(m[2], 10, 32)
		list = append(list, [2]uint32{uint32(from), uint32(to)})
	}
	return list, nil
}
