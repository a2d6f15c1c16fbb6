package sheet

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"suyuan/trace"
)

func hasHan(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// Every kind and every field of the table has Chinese words; whoever adds one to
// the table adds its word here.
func TestEveryFieldHasWords(t *testing.T) {
	for spec := range trace.Kinds() {
		if kindWords[spec.Kind.String()] == "" {
			t.Errorf("kind %s has no Chinese word in kindWords", spec.Kind)
		}
		for i := range spec.Fields {
			f := &spec.Fields[i]
			if zh, _ := fieldNames(spec, f); !hasHan(zh[0]) {
				t.Errorf("%s.%s has no Chinese word in fieldWords", spec.Kind, f.Name)
			}
			if meaning(spec.Kind.String(), f, Zh) == "" {
				t.Errorf("%s.%s has no Chinese sentence in fieldMeanings", spec.Kind, f.Name)
			}
			for _, part := range partsOf(f.Type) {
				if partWords[part] == nil {
					t.Errorf("part %s of %s.%s has no word in partWords", part, spec.Kind, f.Name)
				}
			}
		}
	}
}

// No two columns of a kind have the same header, in either language, and every
// header leads to its own column.
func TestHeadersDoNotCollide(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		l, _ := kindNamed(kind)
		seen := make(map[string]string)
		for _, c := range append(slices.Clone(l.columns), l.byKey["kind"]) {
			for _, h := range []string{c.zh, c.en} {
				n := normal(h)
				if before, ok := seen[n]; ok && before != c.key {
					t.Errorf("%q is the header of %s and of %s", h, before, c.key)
				}
				seen[n] = c.key
				if l.byName[n] != c {
					t.Errorf("%q does not lead to %s", h, c.key)
				}
			}
			if c.field == nil && c.key != "kind" && columnDocs[c.key][Zh] == "" {
				t.Errorf("column %s is not explained in columnDocs", c.key)
			}
		}
	})
}

// A choice is told by its word alone.
func TestChoicesDoNotCollide(t *testing.T) {
	for spec := range trace.Kinds() {
		for i := range spec.Fields {
			f := &spec.Fields[i]
			for _, choice := range f.Choices {
				for _, l := range []Lang{Zh, En} {
					if got, ok := choiceOf(f, choiceShown(choice, l)); !ok || got != choice {
						t.Errorf("%s.%s: %q is read as %q", spec.Kind, f.Name, choiceShown(choice, l), got)
					}
				}
			}
		}
	}
}

// Both languages of a problem take the same arguments.
func TestTextsTakeTheSameArguments(t *testing.T) {
	verb := regexp.MustCompile(`%(\[\d\])?[a-z]`)
	for code, pair := range texts {
		if len(verb.FindAllString(pair[0], -1)) != len(verb.FindAllString(pair[1], -1)) || pair[0] == "" || pair[1] == "" {
			t.Errorf("%s: %q and %q", code, pair[0], pair[1])
		}
	}
}

func TestHeadersAreForgiving(t *testing.T) {
	l, _ := kindNamed("发货")
	for header, key := range map[string]string{
		"To*": "field.to", "TO_PLACE": "field.to_place", "to place (required)": "field.to_place", " 收货方（必填）": "field.to",
		"Ｓ．Ｓ．Ｃ．Ｃ": "sscc", "运 单 号": "field.waybill", "last": "last", "From": "first", "明细 条码": "field.lines.gtin",
		"document": "group", "document no.": "group",
	} {
		if c := l.byName[normal(header)]; c == nil || c.key != key {
			t.Errorf("%q leads to %v, not %s", header, c, key)
		}
	}
	inspect, _ := kindNamed("inspect")
	if c := inspect.byName["document"]; c.key != "field.document" {
		t.Errorf("document of an inspection is %s", c.key)
	}
}
