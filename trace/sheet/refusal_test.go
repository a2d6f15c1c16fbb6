package sheet

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// Whatever code the author's door refuses with has a Chinese sentence.
func TestRefusalsInChinese(t *testing.T) {
	file, err := goparser.ParseFile(token.NewFileSet(), "../admit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Refused") {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		n++
		f := refusal(code, "the facts.")
		if !strings.ContainsFunc(strings.TrimPrefix(f.zh, "不符合要求"), func(r rune) bool { return unicode.Is(unicode.Han, r) }) || !strings.Contains(f.zh, "the facts.") {
			t.Errorf("%s: %q", code, f.zh)
		}
		if f.code != code || f.en != "the facts." {
			t.Errorf("%s: %+v", code, f)
		}
		return true
	})
	if n < 30 {
		t.Errorf("%d codes were found: the test looks in the wrong place", n)
	}
}

// A refusal that names no field is shown where its words lead: at the row and in the
// column that have the code, unit or name.
func TestPlacesOfRefusals(t *testing.T) {
	r := parseCSV(t, "ship", "单号,时间,GTIN,发码批次,起始序号,结束序号,SSCC,收货方,用途,地点\n"+
		"D1,2026-03-01 8:00,06901234567892,3,10,20,,dist,sale,dc\n"+
		"D1,,06901234567892,3,30,40,,,,\n"+
		"D1,,,,,,069012340000000016,,,\n")
	for _, c := range []struct{ code, detail, want string }{
		{"not-holder", "06901234567892 run 3 index 33: by your records, wh does not hold it.", "E3"},
		{"not-holder", "06901234567892 run 3 index 15: by your records, wh does not hold it.", "E2"},
		{"void", "sscc 069012340000000016: the code is void by your records.", "G4"},
		{"already-sold", "06901234567892 run 4 index 15: it was sold by your records.", "E2"}, // in a unit: the first row stands for all
		{"outside-run", "run 3 of product 06901234567892 has the codes 0 to 19, and 20 is not among them.", "F2"},
		{"at-in-future", "the event is said to happen at 2026-11-22T10:00:00Z, the entry is of 2026-11-22T08:00:00Z: at most 10 min ahead is recorded", "B2"},
		{"unknown-party", `dist: "dist" is no member of the network.`, "H2"},
		{"unknown-party", `wh has no party "shop".`, "2"},
		{"unknown-place", `wh has no place "dc".`, "J2"},
		{"no-grant", "nobody holds a grant", "2"},
	} {
		got, _, _ := strings.Cut(faults(r.Refused(r.Records[0], c.code, "", c.detail)), ",")
		if got != c.want+" "+c.code {
			t.Errorf("%s %q: at %s, want %s", c.code, c.detail, got, c.want)
		}
	}
}

// What is wrong with a field is told in Chinese alone where its words are known.
func TestFieldFaultsInChinese(t *testing.T) {
	if f := refusal(CodeBadField, "is for a lot without serials"); f.zh != "数量只用于无序列号的批次" || f.en != "is for a lot without serials" {
		t.Errorf("%+v", f)
	}
	if f := refusal(CodeBadField, "names version 5, which comes after this one"); f.zh != "不符合要求：names version 5, which comes after this one" {
		t.Errorf("%+v", f)
	}
}

// The words of the table are those that package trace uses: a word that it changed
// would be told in English.
func TestFieldWordsAreInUse(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../*.go", "../code/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatal(found, err)
		}
		files = append(files, found...)
	}
	used := make(map[string]bool)
	for _, path := range files {
		file, err := goparser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if lit, ok := node.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					used[s] = true
				}
			}
			return true
		})
	}
	for words := range fieldZh {
		if !used[words] {
			t.Errorf("nobody says %q", words)
		}
	}
}
