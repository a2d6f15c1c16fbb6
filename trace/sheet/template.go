package sheet

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"suyuan/trace"
)

// bom begins CSV files, without which Excel takes them for another encoding.
const bom = "\xef\xbb\xbf"

// exampleMark stands in the first cell of the example row, which is a comment
// by it.
var exampleMark = map[Lang]string{Zh: "#示例，导入时跳过", En: "#example, skipped on import"}

// WriteTemplate writes a file for records of a kind that is to be filled in:
// the header, marks of what is required, an example row and, in a workbook, a
// sheet that explains every column and lists to choose from.
func WriteTemplate(w io.Writer, format Format, kind string, lang Lang) error {
	l, ok := kindNamed(kind)
	if !ok {
		return fileError(CodeUnknownKind, nil, shown(kind))
	}
	if format == CSV {
		return l.writeCSV(w, lang)
	}
	return l.writeWorkbook(w, lang)
}

// templateHeader returns the header row: first the column of comments.
func (l *layout) templateHeader(lang Lang) []string {
	row := []string{"#"}
	for _, c := range l.columns {
		h := c.header(lang)
		if c.required() {
			h += "*"
		}
		row = append(row, h)
	}
	return row
}

func (l *layout) writeCSV(w io.Writer, lang Lang) error {
	if _, err := io.WriteString(w, bom); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.WriteAll([][]string{l.templateHeader(lang), l.exampleRow(lang)}); err != nil {
		return fmt.Errorf("write template: %w", err)
	}
	return nil
}

// A book is a workbook that is being written, with its styles.
type book struct {
	*excelize.File
	text, date, instant, header, required, wrap int
}

func newBook() (*book, error) {
	b := &book{File: excelize.NewFile()}
	day, instant := "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
	plain := excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"E8EDF2"}}
	must := excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"FBE5D6"}}
	styles := []struct {
		id    *int
		style excelize.Style
	}{
		{&b.text, excelize.Style{NumFmt: 49}}, // @: as it was typed
		{&b.date, excelize.Style{CustomNumFmt: &day}},
		{&b.instant, excelize.Style{CustomNumFmt: &instant}},
		{&b.header, excelize.Style{Font: &excelize.Font{Bold: true}, Fill: plain, NumFmt: 49}},
		{&b.required, excelize.Style{Font: &excelize.Font{Bold: true}, Fill: must, NumFmt: 49}},
		{&b.wrap, excelize.Style{Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}, NumFmt: 49}},
	}
	for _, s := range styles {
		id, err := b.NewStyle(&s.style)
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		*s.id = id
	}
	return b, nil
}

// finish writes the workbook and closes it.
func (b *book) finish(w io.Writer, err error) error {
	if err == nil {
		_, err = b.WriteTo(w)
	}
	if err = errors.Join(err, b.Close()); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	return nil
}

func (l *layout) writeWorkbook(w io.Writer, lang Lang) error {
	b, err := newBook()
	if err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	name := KindWord(l.spec.Kind, lang)
	err = b.SetSheetName("Sheet1", name)
	if err == nil {
		err = l.fillSheet(b, name, lang)
	}
	if err == nil {
		err = l.fillHelp(b, map[Lang]string{Zh: "说明", En: "Help"}[lang], lang)
	}
	return b.finish(w, err)
}

// fillSheet writes the sheet to be filled in.
func (l *layout) fillSheet(b *book, name string, lang Lang) error {
	header, example := l.templateHeader(lang), l.exampleRow(lang)
	for i := range header {
		col := columnName(i)
		style, head := b.text, b.header
		if i > 0 {
			style = b.styleOf(l.columns[i-1])
			if l.columns[i-1].required() {
				head = b.required
			}
		}
		if err := errors.Join(
			b.SetColStyle(name, col, style),
			b.SetColWidth(name, col, col, 18),
			b.SetCellStr(name, col+"1", header[i]),
			b.SetCellStyle(name, col+"1", col+"1", head),
			b.SetCellStr(name, col+"2", example[i]),
			b.SetCellStyle(name, col+"2", col+"2", b.text),
		); err != nil {
			return err
		}
		if i > 0 {
			if err := b.choose(name, col, l.columns[i-1], lang); err != nil {
				return err
			}
		}
	}
	return b.SetPanes(name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
}

// styleOf is the number format in which a column keeps what is typed into it.
func (b *book) styleOf(c *column) int {
	switch {
	case isTime(c):
		return b.instant
	case c.field != nil && c.field.Type == trace.TypeDate:
		return b.date
	case isNumber(c):
		return 0
	}
	return b.text
}

func isTime(c *column) bool {
	return c.key == "at" || c.field != nil && c.field.Type == trace.TypeTime
}

func isNumber(c *column) bool {
	switch c.key {
	case "run", "first", "last", "unit run", "unit first", "units", "per unit":
		return true
	}
	return c.field != nil && (c.field.Type == trace.TypeUint || c.part == "count" || c.part == "expected" || c.part == "counted" || c.part == "damaged" || c.part == "value")
}

// choose gives a column a list to choose from.
func (b *book) choose(name, col string, c *column, lang Lang) error {
	list := choicesOf(c, lang)
	if list == nil {
		return nil
	}
	v := excelize.NewDataValidation(true)
	v.SetSqref(fmt.Sprintf("%s2:%s%d", col, col, validatedRows))
	err := v.SetDropList(list)
	if errors.Is(err, excelize.ErrDataValidationFormulaLength) {
		return nil // too long for a list within the cell: the help sheet has it
	}
	if err != nil {
		return err
	}
	return b.AddDataValidation(name, v)
}

// choicesOf are the values that a column may have, if they are few.
func choicesOf(c *column, lang Lang) []string {
	if c.field == nil {
		return nil
	}
	var list []string
	for _, choice := range c.field.Choices {
		list = append(list, choiceShown(choice, lang))
	}
	if c.field.Type == trace.TypeBool {
		list = map[Lang][]string{Zh: {"是", "否"}, En: {"yes", "no"}}[lang]
	}
	return list
}

var helpHeader = map[Lang][]string{
	Zh: {"列名", "英文列名", "必填", "类型", "可选值", "说明"},
	En: {"column", "Chinese name", "required", "type", "choices", "meaning"},
}

// about says what records of a kind are about, who signs them and what follows.
func about(spec *trace.KindSpec, lang Lang) string {
	t := spec.Text()
	if lang == Zh {
		return t.Doc.Zh + "。登记方：" + t.Who.Zh + "。" + t.Rule.Zh
	}
	return t.Doc.En + "; signed by " + t.Who.En + ". " + t.Rule.En
}

// fillHelp writes the sheet that explains the columns.
func (l *layout) fillHelp(b *book, name string, lang Lang) error {
	if _, err := b.NewSheet(name); err != nil {
		return err
	}
	rows := [][]string{
		{KindWord(l.spec.Kind, lang), l.spec.Kind.String(), "", "", "", about(l.spec, lang)},
		helpHeader[lang],
	}
	other := map[Lang]Lang{Zh: En, En: Zh}[lang]
	for _, c := range l.columns {
		must := ""
		if c.required() {
			must = map[Lang]string{Zh: "必填", En: "required"}[lang]
		}
		rows = append(rows, []string{c.header(lang), c.header(other), must, typeWord(c, lang), strings.Join(choicesOf(c, lang), ", "), l.docOf(c, lang)})
	}
	for i, row := range rows {
		for j, text := range row {
			cell := fmt.Sprintf("%s%d", columnName(j), i+1)
			style := b.wrap
			if i == 1 {
				style = b.header
			}
			if err := errors.Join(b.SetCellStr(name, cell, text), b.SetCellStyle(name, cell, cell, style)); err != nil {
				return err
			}
		}
	}
	return errors.Join(b.SetColWidth(name, "A", "E", 20), b.SetColWidth(name, "F", "F", 60))
}

// docOf says what a column means.
func (l *layout) docOf(c *column, lang Lang) string {
	if c.field != nil {
		return meaning(l.spec.Kind.String(), c.field, lang)
	}
	return columnDocs[c.key][lang]
}

func typeWord(c *column, lang Lang) string {
	switch {
	case isNumber(c):
		return map[Lang]string{Zh: "数字", En: "number"}[lang]
	case isTime(c):
		return map[Lang]string{Zh: "时间", En: "time"}[lang]
	case c.field != nil && c.field.Type == trace.TypeDate:
		return map[Lang]string{Zh: "日期", En: "date"}[lang]
	case c.field != nil && c.field.Type == trace.TypeBool:
		return map[Lang]string{Zh: "是/否", En: "yes/no"}[lang]
	}
	return map[Lang]string{Zh: "文本", En: "text"}[lang]
}
