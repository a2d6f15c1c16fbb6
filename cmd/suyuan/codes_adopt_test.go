package main

import (
	"strings"
	"testing"

	"suyuan/trace/gs1"
	"suyuan/trace/sheet"
)

// Serials come out of tables as spreadsheets have them, or not at all: a serial
// that was changed on its way would stand for no label.
func TestSerialsOfTables(t *testing.T) {
	gtin, err := gs1.ParseGTIN("06901234000016")
	if err != nil {
		t.Fatal(err)
	}
	text := func(cells ...string) sheet.Row {
		var r sheet.Row
		for _, c := range cells {
			r.Cells = append(r.Cells, sheet.Cell{Text: c})
		}
		return r
	}
	number := func(s string) sheet.Row { return sheet.Row{Cells: []sheet.Cell{{Kind: sheet.Number, Text: s}}} }
	for _, c := range []struct {
		name, column string
		rows         []sheet.Row
		want         string // serials, or
		wrong        string
	}{
		{"one column", "", []sheet.Row{text("A1"), text("B2")}, "A1 B2", ""},
		{"a known header", "", []sheet.Row{text("箱", "序列号"), text("1", "A1")}, "A1", ""},
		{"a header that is named", "MARK", []sheet.Row{text("no", "Mark "), text("1", "A1")}, "A1", ""},
		{"a header that is not there", "mark", []sheet.Row{text("no", "code")}, "", "no column"},
		{"several columns", "", []sheet.Row{text("1", "A1")}, "", "--column"},
		{"links and element strings", "", []sheet.Row{text("uri"), text("https://x.example/01/6901234000016/21/a%2Fb"), text("(01)06901234000016(21)C3")}, "a/b C3", ""},
		{"another product's link", "", []sheet.Row{text("uri"), text("https://x.example/01/06901234000023/21/A1")}, "", "row 2"},
		{"a link without a serial", "", []sheet.Row{text("uri"), text("https://x.example/01/06901234000016")}, "", "row 2"},
		{"numbers as numbers", "", []sheet.Row{number("100045"), number("100046")}, "100045 100046", ""},
		{"numbers that lost digits", "", []sheet.Row{number("1234567890123456")}, "", "format the column as text"},
		{"numbers in powers of ten", "", []sheet.Row{number("1.2E+16")}, "", "format the column as text"},
		{"dates", "", []sheet.Row{{Cells: []sheet.Cell{{Kind: sheet.Date, Text: "45000"}}}}, "", "format the column as text"},
		{"no serial of AI 21", "", []sheet.Row{text("with space")}, "", "row 1"},
		{"too long", "", []sheet.Row{text(strings.Repeat("A", 21))}, "", "row 1"},
		{"a row without a serial", "", []sheet.Row{text("serial", "x"), text("", "1")}, "", "row 2: there is no serial"},
		{"only a header", "", []sheet.Row{text("serial")}, "", "below the header"},
		{"nothing", "", nil, "", "no row"},
	} {
		for i := range c.rows {
			c.rows[i].Number = i + 1
		}
		serials, rows, err := serialsOf(&sheet.Table{Rows: c.rows}, gtin, c.column)
		switch {
		case c.wrong == "" && (err != nil || strings.Join(serials, " ") != c.want || len(rows) != len(serials)):
			t.Errorf("%s: %q, rows %v, %v", c.name, serials, rows, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: %v, want %q", c.name, err, c.wrong)
		}
	}
}
