package sheet

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// reportHeader is the column that a report adds. Read again it is a comment.
const reportHeader = "#问题 problem"

// WriteReport writes the rows that have problems, with a column that says which,
// in the format of their table: to be put right and imported by themselves.
func WriteReport(w io.Writer, r *Result, problems []Problem) error {
	reasons := make(map[int][]string)
	for _, p := range problems {
		where := ""
		if p.Cell != "" {
			where = p.Cell + " "
		}
		reasons[p.Row] = append(reasons[p.Row], fmt.Sprintf("%s%s: %s / %s", where, p.Code, p.Zh, p.En))
	}
	if r.table.Format == CSV {
		return r.reportCSV(w, reasons)
	}
	return r.reportWorkbook(w, reasons)
}

// reported yields the header and the bad rows, without an earlier report's
// column, each with its reasons.
func (r *Result) reported(reasons map[int][]string, yield func(row []Cell, reason string) error) error {
	header := r.rows[r.Header]
	old := -1
	for i, c := range header.Cells {
		if strings.TrimSpace(c.Text) == reportHeader {
			old = i
		}
	}
	width := len(header.Cells)
	for i := range r.table.Rows {
		if row := &r.table.Rows[i]; reasons[row.Number] != nil {
			width = max(width, len(row.Cells))
		}
	}
	cells := func(row *Row) []Cell {
		var list []Cell
		for i := range width {
			if i != old {
				list = append(list, row.cell(i))
			}
		}
		return list
	}
	if err := yield(cells(header), reportHeader); err != nil {
		return err
	}
	for i := range r.table.Rows {
		row := &r.table.Rows[i]
		if row.Number <= r.Header || reasons[row.Number] == nil {
			continue
		}
		if err := yield(cells(row), strings.Join(reasons[row.Number], "\n")); err != nil {
			return err
		}
	}
	return nil
}

func (r *Result) reportCSV(w io.Writer, reasons map[int][]string) error {
	if _, err := io.WriteString(w, bom); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.Comma, out.UseCRLF = r.table.Comma, true
	err := r.reported(reasons, func(row []Cell, reason string) error {
		var line []string
		for _, c := range row {
			line = append(line, guard(c.Text))
		}
		return out.Write(append(line, guard(reason)))
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *Result) reportWorkbook(w io.Writer, reasons map[int][]string) error {
	b, err := newBook()
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if r.table.Date1904 {
		err = b.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &r.table.Date1904})
	}
	if err == nil {
		err = b.SetSheetName("Sheet1", r.table.Sheet)
	}
	if err == nil {
		err = r.fillReport(b, reasons)
	}
	return b.finish(w, err)
}

// value is a cell as the report has it: of the same type as before.
func (b *book) value(c Cell, header bool) excelize.Cell {
	style := b.text
	if header {
		style = b.header
	}
	n, err := strconv.ParseFloat(c.Text, 64)
	switch {
	case c.Kind == Number && err == nil:
		return excelize.Cell{Value: n}
	case c.Kind == Date && err == nil:
		return excelize.Cell{StyleID: b.instant, Value: n}
	case c.Kind == Bool:
		return excelize.Cell{Value: c.Text == "1"}
	}
	return excelize.Cell{StyleID: style, Value: c.Text}
}

func (r *Result) fillReport(b *book, reasons map[int][]string) error {
	out, err := b.NewStreamWriter(r.table.Sheet)
	if err != nil {
		return err
	}
	number := 0
	err = r.reported(reasons, func(row []Cell, reason string) error {
		number++
		var line []any
		for _, c := range row {
			line = append(line, b.value(c, number == 1))
		}
		return out.SetRow("A"+strconv.Itoa(number), append(line, b.value(Cell{Text: reason}, number == 1)))
	})
	if err != nil {
		return err
	}
	return out.Flush()
}
