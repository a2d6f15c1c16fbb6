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
	files, err := filepath.Glob("../*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
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
