package sheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// workbook makes a file with one sheet of rows; change may do more to it.
func workbook(t testing.TB, rows [][]any, change func(*excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(f)
	}
	var b bytes.Buffer
	if _, err := f.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func parseWorkbook(t testing.TB, kind string, data []byte) *Result {
	t.Helper()
	table, err := Read(data, "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(table, Options{Kind: kind, Zone: shanghai})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What a spreadsheet may have ruined is refused with the address of its cell:
// numbers in columns of codes, whatever they look like now.
func TestNumericCellsInCodeColumns(t *testing.T) {
	r := parseWorkbook(t, "activate", workbook(t, [][]any{
		{"商品条码", "发码批次", "起始序号", "结束序号", "批号", "生产日期", "生产线"},
		{exampleGTIN, 0, 0, 9, "L1", "2026-03-01", "line-1"},
		{6901234567892, 0, 10, 19, "L1", 46082, "line-1"},
		{exampleGTIN, "0", "20", 29.0, 20260301, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "line-1"},
		{exampleGTIN, 0, 30.5, 39, "L1", 12.5, 7},
		{"6.90123E+12", 0, 40, 49, "L1", true, "line-1"},
	}, nil))
	want := "A3 numeric-cell, E4 numeric-cell, F5 bad-date, G5 numeric-cell, C5 bad-number, F6 numeric-cell, A6 ruined-number"
	if got := faults(r.Problems); got != want {
		t.Errorf("%s\nnot\n%s", got, want)
	}
	if len(r.Records) != 1 || r.Records[0].Draft.Fields["produced"] != "2026-03-01" {
		t.Errorf("%s", drafts(r))
	}
	if p := r.Problems[0]; p.Header != "商品条码" || p.Value != "6901234567892" {
		t.Errorf("%+v", p)
	}
}

func TestDatesOfWorkbooks(t *testing.T) {
	rows := [][]any{
		{"商品条码", "发码批次", "起始序号", "批号", "生产日期", "时间"},
		{exampleGTIN, 0, 0, "L1", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)},
	}
	want := `"at":"2026-03-01T08:30:00+08:00"`
	for _, from1904 := range []bool{false, true} {
		data := workbook(t, rows, func(f *excelize.File) {
			if err := f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &from1904}); err != nil {
				t.Fatal(err)
			}
			for _, c := range []string{"E2", "F2"} { // written again, as the workbook counts now
				if err := f.SetCellValue("Sheet1", c, map[string]any{"E2": rows[1][4], "F2": rows[1][5]}[c]); err != nil {
					t.Fatal(err)
				}
			}
		})
		r := parseWorkbook(t, "activate", data)
		if got := drafts(r); !strings.Contains(got, want) || !strings.Contains(got, `"produced":"2026-03-01"`) {
			t.Errorf("1904 %v: %s%s", from1904, got, faults(r.Problems))
		}
		if kind := r.table.Rows[1].Cells[4].Kind; kind != Date {
			t.Errorf("the cell of a date is of kind %d", kind)
		}
	}
}

// A date in a column of text would become a number without anybody noticing.
func TestCellsOfTheWrongType(t *testing.T) {
	r := parseWorkbook(t, "void", editSheet(t, workbook(t, [][]any{
		{"SSCC", "原因", "说明"},
		{exampleSSCC, "lost", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)},
		{exampleSSCC, "lost", 12.5},
		{exampleSSCC, "lost", 12345678901234567.0},
		{exampleSSCC, "lost", true},
		{exampleSSCC, "lost", 7},
	}, nil), "<c r=\"C6\"><v>7</v></c>", "<c r=\"C6\" t=\"e\"><v>#N/A</v></c>"))
	if got := faults(r.Problems); got != "C2 date-cell, C4 numeric-cell, C5 numeric-cell, C6 cell-error" {
		t.Error(got)
	}
	if len(r.Records) != 1 || r.Records[0].Draft.Fields["note"] != "12.5" {
		t.Error(drafts(r))
	}
}

// People merge the number of a document over its rows.
func TestMergedCells(t *testing.T) {
	r := parseWorkbook(t, "sell", workbook(t, [][]any{
		{"销售单"},
		{"单号", "SSCC", "渠道"},
		{"D1", exampleSSCC, "store"},
		{nil, "069012340000000023", nil},
		{"D2", "069012340000000030", "store"},
	}, func(f *excelize.File) {
		for _, area := range [][2]string{{"A1", "C1"}, {"A3", "A4"}, {"C3", "C4"}} {
			if err := f.MergeCell("Sheet1", area[0], area[1]); err != nil {
				t.Fatal(err)
			}
		}
	}))
	if len(r.Problems) > 0 || len(r.Records) != 2 || len(r.Records[0].Draft.Subjects) != 2 {
		t.Errorf("%s\n%s", faults(r.Problems), drafts(r))
	}
}

func TestSheets(t *testing.T) {
	data := workbook(t, [][]any{{"nothing"}}, func(f *excelize.File) {
		if _, err := f.NewSheet("发货"); err != nil {
			t.Fatal(err)
		}
		if err := f.SetSheetRow("发货", "A1", &[]any{"SSCC", "to", "purpose"}); err != nil {
			t.Fatal(err)
		}
		if err := f.SetSheetRow("发货", "A2", &[]any{exampleSSCC, "dist", "调拨"}); err != nil {
			t.Fatal(err)
		}
	})
	table, err := Read(data, "发货")
	if err != nil {
		t.Fatal(err)
	}
	// The sheet's name says the kind.
	if r, err := Parse(table, Options{}); err != nil || len(r.Records) != 1 || r.Records[0].Kind != "ship" {
		t.Error(err)
	}
	var bad *FileError
	if _, err := Read(data, "收货"); !errors.As(err, &bad) || bad.Code != CodeNoSheet || !strings.Contains(bad.En, "Sheet1") {
		t.Error(err)
	}
}

// rezip changes parts of a workbook.
func rezip(t testing.TB, data []byte, change func(name string, content []byte) []byte, method ...uint16) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for _, part := range in.File {
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		w, err := out.CreateHeader(&zip.FileHeader{Name: part.Name, Method: slices.Max(append(method, zip.Store))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(change(part.Name, content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// editSheet replaces text in the XML of the first sheet.
func editSheet(t testing.TB, data []byte, old, new string) []byte {
	t.Helper()
	done := false
	out := rezip(t, data, func(name string, content []byte) []byte {
		if name != "xl/worksheets/sheet1.xml" {
			return content
		}
		done = bytes.Contains(content, []byte(old))
		return bytes.Replace(content, []byte(old), []byte(new), 1)
	})
	if !done {
		t.Fatalf("the sheet has no %s", old)
	}
	return out
}

// No row may get lost because a file is damaged: it is refused as a whole.
func TestBrokenWorkbooks(t *testing.T) {
	good := workbook(t, [][]any{{"SSCC", "渠道"}, {exampleSSCC, "store"}, {"069012340000000023", "store"}}, nil)
	if r := parseWorkbook(t, "sell", good); len(r.Records) != 2 {
		t.Fatal(faults(r.Problems))
	}
	bomb := rezip(t, good, func(name string, content []byte) []byte {
		if name == "xl/worksheets/sheet1.xml" {
			return append(content, bytes.Repeat([]byte(" "), 40<<20)...)
		}
		return content
	}, zip.Deflate)
	// One bit of a code, in a part that is stored as it is.
	flipped := rezip(t, good, func(_ string, content []byte) []byte { return content })
	flipped[bytes.Index(flipped, []byte(exampleSSCC))] ^= 1
	for name, c := range map[string]struct {
		data []byte
		code string
	}{
		"cut short":       {good[:len(good)-30], CodeBadFile},
		"bits flipped":    {flipped, CodeBadFile},
		"a bomb":          {bomb, CodeTooLarge},
		"broken XML":      {editSheet(t, good, "</row><row r=\"3\"", "</ro"), CodeBadFile},
		"XML that ends":   {editSheet(t, good, "</sheetData>", ""), CodeBadFile},
		"a row backwards": {editSheet(t, good, "<row r=\"3\"", "<row r=\"1\""), CodeBadFile},
		"a bad cell":      {editSheet(t, good, "r=\"A3\"", "r=\"3A\""), CodeBadFile},
		"a column beyond": {editSheet(t, good, "r=\"B3\"", "r=\"XFD3\""), CodeTooLarge},
		"no sheet": {rezip(t, good, func(name string, content []byte) []byte {
			return bytes.ReplaceAll(content, []byte("worksheets/sheet1.xml"), []byte("worksheets/sheet9.xml"))
		}), CodeBadFile},
	} {
		table, err := Read(c.data, "")
		var bad *FileError
		if !errors.As(err, &bad) || bad.Code != c.code {
			t.Errorf("%s: %v %+v", name, err, table)
		}
	}
}

// The name of a file says nothing.
func TestCSVNamedXLSX(t *testing.T) {
	if table, err := Read([]byte(places), ""); err != nil || table.Format != CSV {
		t.Error(err)
	}
}

// FuzzWorkbook changes the XML of a sheet; see checkAny.
func FuzzWorkbook(f *testing.F) {
	plain := workbook(f, [][]any{{"SSCC", "渠道"}, {exampleSSCC, "store"}}, nil)
	f.Add(`<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>SSCC</t></is></c></row></sheetData></worksheet>`)
	f.Add(`<worksheet><sheetData><row><c t="str"><v>SSCC</v></c></row><row r="9"><c s="1"><v>1e3</v></c></row></sheetData><mergeCells><mergeCell ref="A1:B9"/></mergeCells></worksheet>`)
	f.Fuzz(func(t *testing.T, sheet string) {
		data := rezip(t, plain, func(name string, content []byte) []byte {
			if name == "xl/worksheets/sheet1.xml" {
				return []byte(sheet)
			}
			return content
		})
		checkAny(t, data, "sell")
	})
}
