package sheet

import (
	"cmp"
	"fmt"
	"slices"
	"unicode/utf8"
)

// A Problem says what is wrong with a cell or a row. Code is stable.
type Problem struct {
	Row    int    `json:"row"`              // as a spreadsheet shows it
	Cell   string `json:"cell,omitempty"`   // such as C7, if it is about one
	Header string `json:"header,omitempty"` // of the cell's column, as it stands in the file
	Value  string `json:"value,omitempty"`  // of the cell, perhaps cut
	Code   string `json:"code"`
	Zh     string `json:"zh"`
	En     string `json:"en"`
}

func (p Problem) String() string {
	where := p.Cell
	if where == "" {
		where = fmt.Sprintf("row %d", p.Row)
	}
	return fmt.Sprintf("%s: %s (%s)", where, p.En, p.Code)
}

// A FileError says why nothing of a file can be imported. Code is stable.
type FileError struct {
	Code     string
	Zh, En   string
	Problems []Problem // which cells, if it is about cells
	err      error
}

func (e *FileError) Error() string {
	if e.err != nil {
		return e.En + ": " + e.err.Error()
	}
	return e.En
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.err }

// Codes of problems. The codes of package gs1 come through as they are.
const (
	CodeNumericCell   = "numeric-cell"
	CodeRuinedNumber  = "ruined-number"
	CodeDateCell      = "date-cell"
	CodeCellError     = "cell-error"
	CodeCellTooLong   = "cell-too-long"
	CodeBadNumber     = "bad-number"
	CodeBadBool       = "bad-bool"
	CodeBadDate       = "bad-date"
	CodeBadTime       = "bad-time"
	CodeBadZone       = "bad-zone"
	CodeBadHash       = "bad-hash"
	CodeBadValue      = "bad-value"
	CodeBadChoice     = "bad-choice"
	CodeRequired      = "required"
	CodeBadSubject    = "bad-subject"
	CodeNoSubject     = "no-subject"
	CodeGroupDiffers  = "group-differs"
	CodeGroupBad      = "group-bad"
	CodeTooMany       = "too-many"
	CodeRepeated      = "repeated-row"
	CodeUnknownKind   = "unknown-kind"
	CodeUnknownColumn = "unknown-column"
	CodeTwoColumns    = "two-columns"
	CodeNotOfKind     = "not-of-kind"
	CodeBadCSV        = "bad-csv"
	CodeBadField      = "bad-field"

	CodeTooLarge    = "too-large"
	CodeBadFile     = "bad-file"
	CodeOldWorkbook = "old-workbook"
	CodeBadEncoding = "bad-encoding"
	CodeNoSheet     = "no-sheet"
	CodeNoHeader    = "no-header"
	CodeNoRows      = "no-rows"
	CodeNoKind      = "no-kind"
)

// texts are what the codes say, in Chinese and English. The arguments of both
// are the same, in the same order.
var texts = map[string][2]string{
	CodeNumericCell:   {"单元格是数字格式，前导零和15位以后的数字会丢失，请改为文本格式重新填写", "the cell is a number, which loses leading zeros and all digits beyond the fifteenth: format it as text and enter it again"},
	CodeRuinedNumber:  {"“%s”已被电子表格改成科学计数法，原来的数字已丢失，请以文本格式重新填写", "%q has been rounded by a spreadsheet: format the column as text and enter the digits again"},
	CodeDateCell:      {"单元格是日期格式，此列需要文本", "the cell is a date, but the column is none: format it as text"},
	CodeCellError:     {"单元格公式出错：%s", "the cell has the error %s"},
	CodeCellTooLong:   {"单元格内容有%d字节，超过上限%d", "the cell has %d bytes, over the limit of %d"},
	CodeBadNumber:     {"需要%[2]d到%[3]d之间的整数，不是“%[1]s”", "a whole number from %[2]d to %[3]d is needed, not %[1]q"},
	CodeBadBool:       {"需要“是”或“否”，不是“%s”", "yes or no is needed, not %q"},
	CodeBadDate:       {"无法确定“%s”是哪一天，请写成 2026-03-01", "%q is no date that can be told for certain: write it as 2026-03-01"},
	CodeBadTime:       {"无法确定“%s”是什么时间，请写成 2026-03-01 08:30", "%q is no time that can be told for certain: write it as 2026-03-01 08:30"},
	CodeBadZone:       {"时区“%s”不正确，请写成 +08:00", "%q is no time zone: write it as +08:00"},
	CodeBadHash:       {"需要64位十六进制的SHA-256摘要，不是“%s”", "a SHA-256 of 64 hex digits is needed, not %q"},
	CodeBadValue:      {"“%s”不符合要求：%s", "%q does not fit: %s"},
	CodeBadChoice:     {"“%s”不在可选值之中：%s", "%q is none of %s"},
	CodeRequired:      {"缺少必填项“%s”", "the required %q is missing"},
	CodeBadSubject:    {"货品标识有误：%s", "the subject does not fit: %s"},
	CodeNoSubject:     {"没有填写货品（追溯码、物流箱码、序号段等）", "the record names no goods: give a code, an SSCC, a range or the like"},
	CodeGroupDiffers:  {"同一单号的各行“%s”不一致：第%d行是“%s”", "rows of one document differ in %q: row %d has %q"},
	CodeGroupBad:      {"同一单号的第%d行有问题，整单未导入", "the record is refused because of its row %d"},
	CodeTooMany:       {"一条记录有%d个%s，超过上限%d", "one record has %d %s, over the limit of %d"},
	CodeRepeated:      {"与第%d行完全相同；如确为两次业务，请用时间或单号区分", "says the same as row %d; if it happened twice, tell the two apart by time or document number"},
	CodeUnknownKind:   {"没有名为“%s”的记录类型", "there is no kind of record %q"},
	CodeUnknownColumn: {"无法识别列“%s”%s", "column %q is not known%s"},
	CodeTwoColumns:    {"列“%s”与%s列重复", "column %q says the same as column %s"},
	CodeNotOfKind:     {"类型“%s”的记录没有列“%s”", "a record of kind %s has no column %q"},
	CodeBadCSV:        {"此行不是正确的CSV：%s", "the row is no CSV: %s"},
	CodeBadField:      {"不符合要求：%s", "%s"},

	CodeTooLarge:    {"文件过大：%d%s，上限为%d", "the file is too large: %d %s, over the limit of %d"},
	CodeBadFile:     {"文件无法读取", "the file cannot be read"},
	CodeOldWorkbook: {"这是旧式 .xls 或加密的工作簿，请另存为不加密的 .xlsx", "this is an old .xls or an encrypted workbook: save it as .xlsx without a password"},
	CodeBadEncoding: {"文件编码不是UTF-8、UTF-16或GB18030", "the file is neither UTF-8 nor UTF-16 nor GB18030"},
	CodeNoSheet:     {"没有名为“%s”的工作表；现有：%s", "there is no sheet %q; there are: %s"},
	CodeNoHeader:    {"前%d行中没有找到表头", "no header row was found in the first %d rows"},
	CodeNoRows:      {"表头下面没有数据", "there are no rows below the header"},
	CodeNoKind:      {"无法确定记录类型：请指定类型，或添加“类型”列", "what kind of records these are is not said: name the kind or add a column kind"},
}

// A fault is a problem whose place is not known yet.
type fault struct {
	code   string
	zh, en string
}

func wrong(code string, args ...any) *fault {
	return &fault{code, fmt.Sprintf(texts[code][0], args...), fmt.Sprintf(texts[code][1], args...)}
}

func fileError(code string, err error, args ...any) *FileError {
	f := wrong(code, args...)
	return &FileError{Code: code, Zh: f.zh, En: f.en, err: err}
}

// shown is what a problem quotes of a cell.
func shown(s string) string {
	n := 0
	for i := range s {
		if n++; n > maxShown {
			return s[:i] + "…"
		}
	}
	if !utf8.ValidString(s) {
		return "?"
	}
	return s
}

// SortProblems puts problems in the order of rows.
func SortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Row, b.Row) })
}

// BadRows is how many rows problems are about.
func BadRows(problems []Problem) int {
	rows := make(map[int]bool)
	for _, p := range problems {
		rows[p.Row] = true
	}
	return len(rows)
}
