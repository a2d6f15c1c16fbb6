package sheet

import (
	"bytes"
	"errors"
	"strings"
)

// A Format is what kind of file a table comes from.
type Format string

// The formats.
const (
	CSV  Format = "csv"
	XLSX Format = "xlsx"
)

// A CellKind says how a file has a cell. In CSV everything is text.
type CellKind uint8

// The kinds of cell.
const (
	Text   CellKind = iota // also an empty cell
	Number                 // Text is the number as it is stored
	Date                   // a number that is shown as a date or time
	Bool                   // Text is 1 or 0
	Error                  // Text is such as #N/A
)

// A Cell is one cell of a table.
type Cell struct {
	Kind CellKind
	Text string
}

func (c Cell) empty() bool { return c.Kind == Text && strings.TrimSpace(c.Text) == "" }

// A Row is one row of a table that is not empty.
type Row struct {
	Number int // as a spreadsheet shows it, from 1
	Cells  []Cell
	fault  *fault // why the row could not be read
}

// cell returns a cell, an empty one beyond the last.
func (r *Row) cell(column int) Cell {
	if column < 0 || column >= len(r.Cells) {
		return Cell{}
	}
	return r.Cells[column]
}

func (r *Row) empty() bool {
	for _, c := range r.Cells {
		if !c.empty() {
			return false
		}
	}
	return r.fault == nil
}

// A Table is what a file holds.
type Table struct {
	Format   Format
	Encoding string // of a CSV file
	Comma    rune   // of a CSV file
	Sheet    string // of a workbook
	Date1904 bool   // days are counted from 1904, as old Macintosh versions of Excel do
	Rows     []Row
}

// Read reads a CSV file or a workbook. Of a workbook it takes the sheet with
// that name, or the first one. Errors about what is in the file are
// [*FileError].
func Read(data []byte, sheet string) (*Table, error) {
	if len(data) > MaxFileBytes {
		return nil, fileError(CodeTooLarge, nil, len(data), "bytes", MaxFileBytes)
	}
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return readWorkbook(data, sheet)
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return nil, fileError(CodeOldWorkbook, nil)
	case looksLikeMarkup(data):
		// Programs that write a page and call it .xls are many.
		return nil, fileError(CodeBadFile, errors.New("it is HTML or XML, not CSV or .xlsx"))
	}
	return readCSV(data)
}

func looksLikeMarkup(data []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(data[:min(len(data), 512)], []byte("\xef\xbb\xbf"))))
	for _, tag := range []string{"<html", "<!doctype", "<?xml", "<table"} {
		if bytes.HasPrefix(start, []byte(tag)) {
			return true
		}
	}
	return false
}

// add appends a row unless it is empty.
func (t *Table) add(r Row) error {
	if r.empty() {
		return nil
	}
	if len(t.Rows) == maxRows {
		return fileError(CodeTooLarge, nil, maxRows+1, "rows", maxRows)
	}
	if len(r.Cells) > maxColumns {
		return fileError(CodeTooLarge, nil, len(r.Cells), "columns", maxColumns)
	}
	for i, c := range r.Cells {
		if len(c.Text) > maxCell {
			r.Cells[i].Text = ""
			r.fault = wrong(CodeCellTooLong, len(c.Text), maxCell)
		}
	}
	t.Rows = append(t.Rows, r)
	return nil
}

// columnName is the letters of a column, counted from 0.
func columnName(n int) string {
	name := ""
	for n++; n > 0; n = (n - 1) / 26 {
		name = string(rune('A'+(n-1)%26)) + name
	}
	return name
}
