package sheet

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

// TestMain has rapid make fewer checks for each kind than it would; its flag
// asks for more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "15"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// dump writes down what a workbook holds: cells with their number formats and
// those of their columns, and drop-down lists. Of the sheet that explains, it
// has all but the words of the table of kinds, which have their own file.
func dump(t *testing.T, data []byte) string {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b strings.Builder
	for n, name := range f.GetSheetList() {
		fmt.Fprintf(&b, "sheet %s\n", name)
		rows, err := f.GetRows(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			for j, text := range row {
				if n > 0 && (i == 0 || j == len(row)-1 && i > 1) {
					continue
				}
				cell := fmt.Sprintf("%s%d", columnName(j), i+1)
				style, err := f.GetCellStyle(name, cell)
				if err != nil {
					t.Fatal(err)
				}
				column, err := f.GetColStyle(name, columnName(j))
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "  %s style %d column %d  %s\n", cell, style, column, text)
			}
		}
		lists, err := f.GetDataValidations(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range lists {
			fmt.Fprintf(&b, "  list %s  %s\n", v.Sqref, v.Formula1)
		}
	}
	return b.String()
}

// TestTemplateGolden pins templates: a header that changes makes files that
// people have strange to their program. Run with -update after a wanted change.
func TestTemplateGolden(t *testing.T) {
	for _, kind := range []string{"place"} {
		for _, lang := range []Lang{Zh, En} {
			for _, format := range []Format{CSV, XLSX} {
				var b bytes.Buffer
				if err := WriteTemplate(&b, format, kind, lang); err != nil {
					t.Fatal(err)
				}
				got, path := b.String(), filepath.Join("testdata", fmt.Sprintf("template-%s-%s.csv", kind, lang))
				if format == XLSX {
					got, path = dump(t, b.Bytes()), filepath.Join("testdata", fmt.Sprintf("template-%s-%s.txt", kind, lang))
				}
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("%s is now\n%s", path, got)
				}
			}
		}
	}
}

func TestTemplateOfNoKind(t *testing.T) {
	if err := WriteTemplate(&bytes.Buffer{}, CSV, "teleport", Zh); err == nil {
		t.Error("a template of no kind was written")
	}
}
