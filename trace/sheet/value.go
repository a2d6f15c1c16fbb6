package sheet

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// A reader reads cells of a table.
type reader struct {
	from1904 bool
	zone     *time.Location
}

// scientific is a number of which a spreadsheet has kept the first digits only. It
// always writes the plus; 5E10 may be a lot.
var scientific = regexp.MustCompile(`^\d([.,]\d+)?[eE]\+\d+$`)

// digitsOf reads a cell of a column of codes: nothing that was a number, and
// nothing that has been one. Spaces around and the apostrophe that marks text
// fall away.
func digitsOf(c Cell) (string, *fault) {
	if f := notText(c); f != nil {
		return "", f
	}
	s := strings.TrimFunc(width.Fold.String(c.Text), unicode.IsSpace)
	s = strings.TrimPrefix(s, "'")
	if scientific.MatchString(s) {
		return "", wrong(CodeRuinedNumber, shown(s))
	}
	return s, nil
}

func notText(c Cell) *fault {
	switch c.Kind {
	case Number, Bool:
		return wrong(CodeNumericCell)
	case Date:
		return wrong(CodeDateCell)
	case Error:
		return wrong(CodeCellError, shown(c.Text))
	}
	return nil
}

// textOf reads a cell of a column of free text. A number is taken as its digits
// if the spreadsheet has them all.
func textOf(c Cell) (string, *fault) {
	if c.Kind != Number {
		if f := notText(c); f != nil {
			return "", f
		}
		s := strings.TrimSpace(strings.ReplaceAll(c.Text, "\r\n", "\n"))
		return s, nil
	}
	f, err := strconv.ParseFloat(c.Text, 64)
	if err != nil || math.Abs(f) >= 1e15 {
		return "", wrong(CodeNumericCell)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if len(strings.Trim(strings.Replace(s, ".", "", 1), "-0")) > maxDigits {
		s = strconv.FormatFloat(f, 'g', maxDigits, 64) // 0.1+0.2, as the spreadsheet shows it
	}
	return s, nil
}

// numberOf reads a whole number from lo to hi.
func numberOf(c Cell, lo, hi uint64) (uint64, *fault) {
	if c.Kind == Error || c.Kind == Date || c.Kind == Bool {
		return 0, notText(c)
	}
	s := strings.TrimSpace(width.Fold.String(c.Text))
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "'"), 10, 64)
	if err != nil {
		// A spreadsheet stores 1000000 as 1e6, and people write 1,000,000.
		if grouped.MatchString(s) {
			s = strings.ReplaceAll(s, ",", "")
		}
		f, ferr := strconv.ParseFloat(s, 64)
		if ferr != nil || f < 0 || f > trace.MaxNumber || f != math.Trunc(f) {
			return 0, wrong(CodeBadNumber, shown(c.Text), lo, hi)
		}
		n = uint64(f)
	}
	if n < lo || n > hi {
		return 0, wrong(CodeBadNumber, shown(c.Text), lo, hi)
	}
	return n, nil
}

var grouped = regexp.MustCompile(`^\d{1,3}(,\d{3})+$`)

func boolOf(c Cell) (bool, *fault) {
	if c.Kind == Error || c.Kind == Date {
		return false, notText(c)
	}
	s := strings.ToLower(strings.TrimSpace(width.Fold.String(c.Text)))
	switch {
	case slices.Contains(yesWords, s):
		return true, nil
	case slices.Contains(noWords, s):
		return false, nil
	}
	return false, wrong(CodeBadBool, shown(c.Text))
}

// momentOf reads a date or time.
func (r *reader) momentOf(c Cell, code string) (moment, *fault) {
	if c.Kind == Error || c.Kind == Bool {
		return moment{}, notText(c)
	}
	if c.Kind == Text {
		if m, ok := parseMoment(strings.TrimPrefix(c.Text, "'")); ok {
			return m, nil
		}
	}
	// What was a date in the workbook is a bare number in the CSV made of it.
	if m, ok := serialMoment(strings.TrimSpace(c.Text), r.from1904); ok {
		return m, nil
	}
	return moment{}, wrong(code, shown(c.Text))
}

func (r *reader) dateOf(c Cell) (string, *fault) {
	m, f := r.momentOf(c, CodeBadDate)
	if f == nil && m.clock != 0 {
		f = wrong(CodeBadDate, shown(c.Text))
	}
	if f != nil {
		return "", f
	}
	return m.date(), nil
}

func (r *reader) timeOf(c Cell, zone *time.Location) (time.Time, *fault) {
	m, f := r.momentOf(c, CodeBadTime)
	if f != nil {
		return time.Time{}, f
	}
	if zone == nil {
		zone = r.zone
	}
	return m.in(zone), nil
}

// checkOf makes a fault of an error of the packages that know codes.
func checkOf(text string, err error) *fault {
	if err == nil {
		return nil
	}
	f := wrong(CodeBadValue, shown(text), err)
	if code := gs1.CodeOf(err); code != "" {
		f.code = string(code)
		if zh, ok := numberZh[code]; ok {
			f.zh = fmt.Sprintf(texts[CodeBadValue][0], shown(text), zh)
		}
	}
	return f
}

// numberZh says in Chinese what is wrong with a number of GS1.
var numberZh = map[gs1.Code]string{
	gs1.GTINLength: "商品条码应为 8、12、13 或 14 位数字", gs1.GTINCharacter: "商品条码只能有数字", gs1.GTINCheckDigit: "商品条码的校验位不符，至少有一位录错", gs1.GTINZero: "商品条码不能全为零",
	gs1.SSCCLength: "物流单元码应为 18 位数字", gs1.SSCCCharacter: "物流单元码只能有数字", gs1.SSCCCheckDigit: "物流单元码的校验位不符，至少有一位录错", gs1.SSCCZero: "物流单元码不能全为零",
	gs1.GLNLength: "位置码应为 13 位数字", gs1.GLNCharacter: "位置码只能有数字", gs1.GLNCheckDigit: "位置码的校验位不符，至少有一位录错", gs1.GLNZero: "位置码不能全为零",
	gs1.NotDigitalLink: "不是追溯码的链接、要素串或序号段",
}

// idFault makes a fault of a cell that should have the id of a place, of a party or
// the like; people enter the name instead.
func idFault(text string, err error) *fault {
	if err == nil {
		return nil
	}
	return &fault{CodeBadValue,
		fmt.Sprintf("“%s”不是编号；编号只有小写字母、数字和中间的连字符，请填编号，不要填名称", shown(text)),
		fmt.Sprintf("%q is no id: enter the id, of lower-case letters, digits and inner hyphens, not the name", shown(text))}
}

func gtinOf(c Cell) (gs1.GTIN, *fault) {
	s, f := digitsOf(c)
	if f != nil {
		return gs1.GTIN{}, f
	}
	s = strings.NewReplacer(" ", "", "-", "", "(01)", "").Replace(s)
	g, err := gs1.ParseGTIN(s)
	return g, checkOf(s, err)
}

func ssccOf(c Cell) (gs1.SSCC, *fault) {
	s, f := digitsOf(c)
	if f != nil {
		return gs1.SSCC{}, f
	}
	s = strings.NewReplacer(" ", "", "-", "", "(00)", "").Replace(s)
	if len(s) == 20 && strings.HasPrefix(s, "00") {
		s = s[2:]
	}
	u, err := gs1.ParseSSCC(s)
	return u, checkOf(s, err)
}

func hashOf(text string) (ledger.Hash, *fault) {
	h, err := ledger.ParseHash(strings.TrimPrefix(strings.ToLower(text), "0x"))
	if err != nil || h.IsZero() {
		return h, wrong(CodeBadHash, shown(text))
	}
	return h, nil
}

// listOf splits a cell with several texts.
func listOf(s string) []string {
	var list []string
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == '；' || r == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// value reads a cell of a field of one column. A list comes as a slice, which
// those of other rows are added to. zone is that of times, nil for the file's.
func (r *reader) value(f *trace.Field, c Cell, zone *time.Location) (any, *fault) {
	if len(f.Choices) > 0 {
		return choiceIn(f, c)
	}
	switch f.Type {
	case trace.TypeUint:
		hi := f.Max
		if hi == 0 {
			hi = trace.MaxNumber
		}
		return result(numberOf(c, f.Min, hi))
	case trace.TypeBool:
		return result(boolOf(c))
	case trace.TypeDate:
		return result(r.dateOf(c))
	case trace.TypeTime:
		at, f := r.timeOf(c, zone)
		return trace.Instant(at.UnixMilli()), f
	case trace.TypeGTIN:
		return result(gtinOf(c))
	case trace.TypeRegion:
		if c.Kind == Number && len(c.Text) == 6 {
			c.Kind = Text // six digits, the first never 0: nothing can be lost
		}
	case trace.TypeText:
		s, f := textOf(c)
		if f == nil {
			f = plainText(s)
		}
		return s, f
	case trace.TypeTexts:
		s, f := textOf(c)
		if f == nil {
			f = plainText(s)
		}
		return listOf(s), f
	}
	s, fault := digitsOf(c)
	if fault != nil {
		return nil, fault
	}
	switch element := elementOf[f.Type]; {
	case f.Type == trace.TypeGTINs:
		return gtinsOf(s)
	case f.Type == trace.TypeToken:
		return result(tokenIn(f, s))
	case element != "":
		return codesOf(element, s)
	}
	return codeValue(f.Type, s)
}

// elementOf is the type of the elements of a list of codes.
var elementOf = map[trace.Type]trace.Type{
	trace.TypeTokens: trace.TypeToken, trace.TypeLots: trace.TypeLot, trace.TypeRegions: trace.TypeRegion,
}

func codesOf(element trace.Type, s string) (any, *fault) {
	var list []string
	for _, part := range listOf(s) {
		v, f := codeValue(element, part)
		if f != nil {
			return nil, f
		}
		text, _ := v.(string)
		list = append(list, text)
	}
	return list, nil
}

func gtinsOf(s string) (any, *fault) {
	var list []gs1.GTIN
	for _, part := range listOf(s) {
		g, f := gtinOf(Cell{Text: part})
		if f != nil {
			return nil, f
		}
		list = append(list, g)
	}
	return list, nil
}

func result[T any](v T, f *fault) (any, *fault) { return v, f }

// choiceIn reads a choice, or the choices of a list.
func choiceIn(f *trace.Field, c Cell) (any, *fault) {
	text, fault := textOf(c)
	if fault != nil {
		return nil, fault
	}
	names := []string{text}
	if elementOf[f.Type] != "" {
		names = listOf(text)
	}
	var list []string
	for _, name := range names {
		choice, ok := choiceOf(f, name)
		if !ok {
			return nil, noChoice(f, name)
		}
		list = append(list, choice)
	}
	if elementOf[f.Type] != "" {
		return list, nil
	}
	return list[0], nil
}

// plainText refuses early what a record cannot hold.
func plainText(s string) *fault {
	if len(s) > trace.MaxText {
		return wrong(CodeCellTooLong, len(s), trace.MaxText)
	}
	for _, c := range s {
		if c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c)) {
			return wrong(CodeBadValue, shown(s), fmt.Sprintf("U+%04X", c))
		}
	}
	return nil
}

// codeValue reads a field that holds a code of some kind.
func codeValue(t trace.Type, s string) (any, *fault) {
	switch t {
	case trace.TypeHash:
		return result(hashOf(s))
	case trace.TypeHashes:
		return result(hashesOf(s))
	case trace.TypeGLN:
		g, err := gs1.ParseGLN(strings.NewReplacer(" ", "", "-", "").Replace(s))
		return g, checkOf(s, err)
	case trace.TypeToken, trace.TypeSlug:
		return s, idFault(s, ledger.CheckSlug(s))
	case trace.TypeParty:
		return s, idFault(s, trace.CheckParty(s))
	case trace.TypePlace:
		return s, idFault(s, trace.CheckPlace(s))
	case trace.TypeCountry:
		if code, ok := countryCodes[normal(s)]; ok {
			return code, nil
		}
		return strings.ToUpper(s), nil
	case trace.TypeRegion:
		return strings.ToUpper(s), nil
	case trace.TypeLot:
		return s, checkOf(s, gs1.Element{AI: "10", Value: s}.Check())
	}
	// A type that came later: its JSON, or text. The node knows whether it fits.
	if (strings.HasPrefix(s, "[") || strings.HasPrefix(s, "{")) && json.Valid([]byte(s)) {
		var v any
		dec := json.NewDecoder(strings.NewReader(s))
		dec.UseNumber()
		if err := dec.Decode(&v); err == nil {
			return v, nil
		}
	}
	return s, nil
}

// countryCodes are the codes of countries by their names in both languages, as
// far as package trace names them.
var countryCodes = func() map[string]string {
	m := make(map[string]string)
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			n := trace.RegionName(code, "")
			if n.Zh != code {
				m[normal(n.Zh)], m[normal(n.En)] = code, code
			}
		}
	}
	return m
}()

func hashesOf(s string) ([]ledger.Hash, *fault) {
	var list []ledger.Hash
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == ';' || r == ',' }) {
		h, f := hashOf(part)
		if f != nil {
			return nil, f
		}
		list = append(list, h)
	}
	return list, nil
}
