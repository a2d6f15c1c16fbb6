package gs1

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The tests in this file hold the package to vectors and to the
// dictionary that GS1 publishes, where these are present. They are not
// part of the project; what must hold without them is tested elsewhere.

// vectorPath returns the path of a file among the outside test data, or
// skips the test.
func vectorPath(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("SUYUAN_TEST_DATA")
	if root == "" {
		root = filepath.Join(filepath.Dir(moduleRoot(t)), "shared", "data")
	}
	path := filepath.Join(root, "gs1-syntax", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("outside test data absent, set SUYUAN_TEST_DATA to its folder: %v", err)
	}
	return path
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = parent
	}
}

// loadVectors reads a file of vectors and fails if it holds none.
func loadVectors[T any](t *testing.T, name string) []T {
	t.Helper()
	b, err := os.ReadFile(vectorPath(t, name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []T }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(file.Cases) == 0 {
		t.Fatalf("%s: no cases", name)
	}
	return file.Cases
}

// latin1 undoes the spelling of raw octets as runes in the vectors.
func latin1(s string) string {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

func TestVectorsEscape(t *testing.T) {
	type vector struct{ In, Path, Query string }
	for _, v := range loadVectors[vector](t, "dl_escape.json") {
		if got := escape(v.In, false); got != v.Path {
			t.Errorf("escape(%q) in a path: got %q, want %q", v.In, got, v.Path)
		}
		if got := escape(v.In, true); got != v.Query {
			t.Errorf("escape(%q) in a query: got %q, want %q", v.In, got, v.Query)
		}
	}
	for _, v := range loadVectors[vector](t, "dl_unescape.json") {
		if got, want := unescape(v.In, false), latin1(v.Path); got != want {
			t.Errorf("unescape(%q) in a path: got %q, want %q", v.In, got, want)
		}
		if got, want := unescape(v.In, true), latin1(v.Query); got != want {
			t.Errorf("unescape(%q) in a query: got %q, want %q", v.In, got, want)
		}
	}
}

// linkExceptions are the URIs about which we differ from the vectors on
// purpose, with the code that we refuse them with, or "" if we accept.
var linkExceptions = map[string]struct {
	code   Code
	reason string
}{
	"HtTp://a/b/00/006141411234567890": {"", "RFC 3986 3.1: schemes are compared without case, and telephones capitalise what is typed"},
}

func TestVectorsParseLink(t *testing.T) {
	type vector struct {
		Line               int
		OK                 bool
		URI, AI            string
		Alphas             bool
		ZeroSuppressedGTIN bool
		UnknownAIs         bool
	}
	used := make(map[string]bool)
	for _, v := range loadVectors[vector](t, "dl_parse.json") {
		p := Parser{ConvenienceNames: v.Alphas, ShortGTIN: v.ZeroSuppressedGTIN, UnknownAttributes: v.UnknownAIs}
		l, err := p.Parse(v.URI)
		if x, ok := linkExceptions[v.URI]; ok {
			used[v.URI] = true
			if CodeOf(err) != x.code {
				t.Errorf("line %d: %q: got error %v, want code %q: %s", v.Line, v.URI, err, x.code, x.reason)
			}
			continue
		}
		if (err == nil) != v.OK {
			t.Errorf("line %d: %q: got error %v, want ok %t", v.Line, v.URI, err, v.OK)
			continue
		}
		if err != nil {
			checkRefusal(t, err)
			continue
		}
		if got := "^" + strings.ReplaceAll(FormatFNC1(l.Elements()), gs, "^"); got != v.AI {
			t.Errorf("line %d: %q: got %q, want %q", v.Line, v.URI, got, v.AI)
		}
	}
	if len(used) != len(linkExceptions) {
		t.Errorf("%d of %d exceptions were met", len(used), len(linkExceptions))
	}
}

func TestVectorsNewLink(t *testing.T) {
	type vector struct {
		Line          int
		OK            bool
		Stem, AI, URI string
	}
	for _, v := range loadVectors[vector](t, "dl_generate.json") {
		stem := v.Stem
		if stem == "" {
			stem = canonicalStem
		}
		var l Link
		list, err := ParseBracketed(v.AI)
		if err == nil {
			l, err = NewLink(stem, list)
		}
		if (err == nil) != v.OK {
			t.Errorf("line %d: %s: got error %v, want ok %t", v.Line, v.AI, err, v.OK)
			continue
		}
		if err == nil && l.String() != v.URI {
			t.Errorf("line %d: %s: got %q, want %q", v.Line, v.AI, l, v.URI)
		}
	}
}

func TestVectorsBracketed(t *testing.T) {
	type vector struct {
		Line int
		Args []string // ok, bracketed, FNC1 form with ^ for FNC1
	}
	for _, v := range loadVectors[vector](t, "parseAIdata.json") {
		list, err := ParseBracketed(v.Args[1])
		if ok, _ := strconv.ParseBool(v.Args[0]); (err == nil) != ok {
			t.Errorf("line %d: %q: got error %v, want ok %t", v.Line, v.Args[1], err, ok)
			continue
		}
		if err != nil {
			checkRefusal(t, err)
			continue
		}
		if got := "^" + strings.ReplaceAll(FormatFNC1(list), gs, "^"); got != v.Args[2] {
			t.Errorf("line %d: %q: got %q, want %q", v.Line, v.Args[1], got, v.Args[2])
		}
		if got := FormatBracketed(list); got != v.Args[1] {
			t.Errorf("line %d: got %q, want %q", v.Line, got, v.Args[1])
		}
	}
}

// ruleCodes are the refusals that the vectors for a rule are met with.
// The vectors try a rule by itself; [Check] applies all of them.
var ruleCodes = map[string]Code{
	"validateAIrepeats":                   AIRepeated,
	"validateAImutex":                     AIConflict,
	"validateAIrequisites":                AIMissing,
	"validateDigSigRequiresSerialisedKey": AIMissing,
}

func TestVectorsCheck(t *testing.T) {
	type vector struct {
		Line int
		Args []string // ok, rule, bracketed
	}
	for _, v := range loadVectors[vector](t, "validateAIs.json") {
		rule := v.Args[1]
		list, err := ParseBracketed(v.Args[2])
		if err == nil {
			err = Check(list)
		}
		if ok, _ := strconv.ParseBool(v.Args[0]); (err == nil) != ok {
			t.Errorf("line %d: %s: %s: got error %v, want ok %t", v.Line, rule, v.Args[2], err, ok)
			continue
		}
		// Some vectors use identifiers that nobody has defined, which the
		// engine that they come from can be told to let pass.
		if err != nil && !errors.Is(err, ruleCodes[rule]) && !errors.Is(err, UnknownAI) {
			t.Errorf("line %d: %s: %s: refused for another reason, %v", v.Line, rule, v.Args[2], err)
		}
	}
}

// linterExceptions are the cases that need the list of company prefixes
// that GS1 has given out, which we do not carry; the vectors run them
// against a made-up one.
var linterExceptions = []string{"GS1_LINTER_INVALID_GCP_PREFIX", "GS1_LINTER_GCP_DATASOURCE_OFFLINE"}

func TestVectorsLinters(t *testing.T) {
	b, err := os.ReadFile(vectorPath(t, "linters.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Linters map[string][]struct {
			Line int
			OK   bool
			Data string
			Err  string
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Linters) == 0 {
		t.Fatal("no linters")
	}
	for name, vectors := range file.Linters {
		lint, ok := linters[name]
		if !ok {
			t.Errorf("there is no linter %s", name)
			continue
		}
		for _, v := range vectors {
			if slices.Contains(linterExceptions, v.Err) {
				continue
			}
			err := lint(latin1(v.Data))
			if (err == nil) != v.OK {
				t.Errorf("%s line %d: %q: got %v, want ok %t %s", name, v.Line, v.Data, err, v.OK, v.Err)
			}
			if err != nil {
				checkRefusal(t, err)
			}
		}
	}
}

// TestDictionary compares our table with the GS1 Barcode Syntax
// Dictionary, line by line.
func TestDictionary(t *testing.T) {
	f, err := os.Open(vectorPath(t, "gs1-syntax-dictionary.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := make(map[string]bool)
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line, title, _ := strings.Cut(sc.Text(), "#")
		if line == "" {
			continue
		}
		want, first, last := parseDictionaryLine(t, line, strings.TrimSpace(title))
		for n := atoi(first); n <= atoi(last); n++ {
			code := strings.Repeat("0", len(first)-len(strconv.Itoa(n))) + strconv.Itoa(n)
			seen[code] = true
			compareAI(t, table[code], want.describe(code))
		}
	}
	if len(seen) != len(table) {
		t.Errorf("the dictionary has %d identifiers, our table has %d", len(seen), len(table))
	}
}

func parseDictionaryLine(t *testing.T, line, title string) (r row, first, last string) {
	t.Helper()
	words := strings.Fields(line)
	first, last, ranged := strings.Cut(words[0], "-")
	if !ranged {
		last = first
	}
	r.title = title
	var format []string
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		switch {
		case strings.Trim(w, "*?") == "":
			if strings.Contains(w, "*") {
				r.flags |= fixed
			}
			if strings.Contains(w, "?") {
				r.flags |= attr
			}
		case name == "req":
			r.needs = value
		case name == "ex":
			r.excludes = value
		case name == "dlpkey":
			r.flags |= key
			r.qualifiers = value
		case strings.ContainsAny(w[:1], "NXYZ["):
			format = append(format, w)
		default:
			t.Fatalf("dictionary: unknown word %q in %q", w, line)
		}
	}
	r.format = strings.Join(format, " ")
	return r, first, last
}

func compareAI(t *testing.T, got, want AI) {
	t.Helper()
	same := got.Code == want.Code && got.Title == want.Title && got.Format == want.Format &&
		got.Predefined == want.Predefined && got.PrimaryKey == want.PrimaryKey && got.Attribute == want.Attribute &&
		slices.Equal(got.excludes, want.excludes) &&
		slices.EqualFunc(got.needs, want.needs, slices.Equal) &&
		slices.EqualFunc(got.sequences, want.sequences, slices.Equal)
	if !same {
		t.Errorf("AI (%s): got %+v, want %+v", want.Code, got, want)
	}
}

// checkRefusal checks what every refusal promises.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%T is not an *Error: %v", err, err)
		return
	}
	if e.Code == "" || e.Detail == "" || strings.HasSuffix(e.Detail, ".") || len(e.Error()) > 400 {
		t.Errorf("bad refusal %+v", e)
	}
	if CodeOf(err) != e.Code {
		t.Errorf("CodeOf(%v) = %q, want %q", err, CodeOf(err), e.Code)
	}
}
