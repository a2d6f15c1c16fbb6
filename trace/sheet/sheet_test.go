package sheet

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"suyuan/trace"
)

// shanghai is the zone of the tests.
var shanghai = time.FixedZone("", 8*3600)

// parseCSV reads a CSV text that must be readable.
func parseCSV(t testing.TB, kind, text string) *Result {
	t.Helper()
	table, err := Read([]byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(table, Options{Kind: kind, Zone: shanghai})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return r
}

// drafts are the JSON of the records, one a line.
func drafts(r *Result) string {
	var b strings.Builder
	for _, rec := range r.Records {
		fmt.Fprintf(&b, "%s\n", rec.JSON)
	}
	return b.String()
}

// faults are the problems as row or cell and code.
func faults(list []Problem) string {
	var out []string
	for _, p := range list {
		where := p.Cell
		if where == "" {
			where = fmt.Sprint(p.Row)
		}
		out = append(out, where+" "+p.Code)
	}
	return strings.Join(out, ", ")
}

// eachKind calls do for every kind of the table.
func eachKind(t *testing.T, do func(t *testing.T, kind string)) {
	for spec := range trace.Kinds() {
		t.Run(spec.Kind.String(), func(t *testing.T) { do(t, spec.Kind.String()) })
	}
}

// Every template, in both languages and formats, is a file without problems and
// without records; and its example is a record once its mark is taken away. All
// four say the same.
func TestTemplatesRead(t *testing.T) {
	var words []string
	for _, w := range exampleWords {
		if w[0] != w[1] {
			words = append(words, w[0], w[1])
		}
	}
	english := strings.NewReplacer(append(words, "示例", "example")...)
	eachKind(t, func(t *testing.T, kind string) {
		want := ""
		for _, format := range []Format{CSV, XLSX} {
			for _, lang := range []Lang{Zh, En} {
				var b bytes.Buffer
				if err := WriteTemplate(&b, format, kind, lang); err != nil {
					t.Fatal(err)
				}
				table, err := Read(b.Bytes(), "")
				if err != nil {
					t.Fatal(err)
				}
				table.Rows[1].Cells[0] = Cell{}
				r, err := Parse(table, Options{Kind: kind, Zone: shanghai})
				if err != nil {
					t.Fatal(err)
				}
				if len(r.Problems) > 0 || len(r.Records) != 1 {
					t.Fatalf("%s %s: %v", format, lang, r.Problems)
				}
				got := english.Replace(drafts(r))
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("%s %s:\n%s\nnot\n%s", format, lang, got, want)
				}
			}
		}
	})
}
