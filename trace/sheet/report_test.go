package sheet

import (
	"bytes"
	"strings"
	"testing"
)

// A report holds the bad rows and no others, in the format of the file; read
// again it has the same problems, and put right it has none.
func TestReports(t *testing.T) {
	rows := [][]any{
		{"单号", "SSCC", "渠道", "价格", "订单号"},
		{"D1", exampleSSCC, "store", 88.5, "=1+1"},
		{"D2", 69012340000000023.0, "store", 12, "-7"},
		{"D2", "069012340000000030", "store", 12, "-7"},
		{"D3", "069012340000000047", "A Store", nil, "\"quoted\",\nlines"},
	}
	var csvText strings.Builder
	for _, line := range []string{
		"单号;SSCC;渠道;价格;订单号", "D1;" + exampleSSCC + ";store;88.5;'=1+1", "D2;6.9012340E+16;store;12;'-7",
		"D2;069012340000000030;store;12;'-7", "D3;069012340000000047;A Store;;\"\"\"quoted\"\",\nlines\"",
	} {
		csvText.WriteString(line + "\r\n")
	}
	for format, data := range map[Format][]byte{XLSX: workbook(t, rows, nil), CSV: []byte(csvText.String())} {
		table, err := Read(data, "")
		if err != nil {
			t.Fatal(err)
		}
		r, err := Parse(table, Options{Kind: "sell", Zone: shanghai})
		if err != nil {
			t.Fatal(err)
		}
		code := map[Format]string{XLSX: "numeric-cell", CSV: "ruined-number"}[format]
		if got := faults(r.Problems); got != "B3 "+code+", 4 group-bad, C5 bad-value" {
			t.Fatalf("%s: %s", format, got)
		}
		again := report(t, r, r.Problems)
		if got := faults(again.Problems); got != "B2 "+code+", 3 group-bad, C4 bad-value" || again.table.Format != format || len(again.Records) > 0 {
			t.Errorf("%s again: %s", format, got)
		}
		if format == CSV && again.table.Comma != ';' {
			t.Errorf("the delimiter became %q", again.table.Comma)
		}
		if got := again.table.Rows[0].Cells[5].Text; got != reportHeader || len(again.table.Rows[0].Cells) != 6 {
			t.Errorf("%s: %v", format, again.table.Rows[0])
		}
		if reason := again.table.Rows[1].Cells[5].Text; !strings.Contains(reason, "B3 "+code) || !hasHan(reason) {
			t.Errorf("%s: reason %q", format, reason)
		}
		// A report of the report has one column of reasons.
		third := report(t, again, again.Problems)
		if n := len(third.table.Rows[0].Cells); n != 6 {
			t.Errorf("%s: %d columns", format, n)
		}
		third.table.Rows[1].Cells[1] = Cell{Text: "069012340000000023"}
		third.table.Rows[3].Cells[2] = Cell{Text: "a-store"}
		fixed, err := Parse(third.table, Options{Kind: "sell", Zone: shanghai})
		if err != nil || len(fixed.Problems) > 0 || len(fixed.Records) != 2 {
			t.Fatalf("%s put right: %v %s", format, err, faults(fixed.Problems))
		}
		if got := fixed.Records[1].Draft.Fields["order"]; got != "\"quoted\",\nlines" {
			t.Errorf("%s: order %q", format, got)
		}
		if got := fixed.Records[0].Draft.Fields["order"]; got != "-7" {
			t.Errorf("%s: order %q", format, got)
		}
	}
}

// report writes a report and reads it.
func report(t *testing.T, r *Result, problems []Problem) *Result {
	t.Helper()
	var b bytes.Buffer
	if err := WriteReport(&b, r, problems); err != nil {
		t.Fatal(err)
	}
	table, err := Read(b.Bytes(), "")
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(table, Options{Kind: "sell", Zone: shanghai})
	if err != nil {
		t.Fatal(err)
	}
	return again
}
