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

// What the help says of a field whose values are open, for example, can be entered
// as it stands there, and so can the word that stands in templates.
func TestUsualValuesAreRead(t *testing.T) {
	read := func(kind string, f *trace.Field, word, want string) {
		t.Helper()
		if got, fault := tokenIn(f, word); fault != nil || want != "" && got != want {
			t.Errorf("%s.%s: %q is read as %q (%v), want %q", kind, f.Name, word, got, fault, want)
		}
	}
	for spec := range trace.Kinds() {
		for i := range spec.Fields {
			f := &spec.Fields[i]
			if f.Type != trace.TypeToken || len(f.Choices) > 0 {
				continue
			}
			if examples, ok := strings.CutPrefix(meaning(spec.Kind.String(), f, Zh), "例如"); ok {
				for word := range strings.SplitSeq(examples, "、") {
					read(spec.Kind.String(), f, word, "")
				}
			}
			for _, w := range tokenWords[f.Name] {
				read(spec.Kind.String(), f, w.token, w.token)
				for _, word := range w.words {
					read(spec.Kind.String(), f, " "+word+"\u3000", w.token)
				}
			}
		}
	}
	f := &trace.Field{Name: "channel", Type: trace.TypeToken}
	_, fault := tokenIn(f, "不知道")
	if fault == nil || fault.code != CodeBadValue || !strings.Contains(fault.zh, "门店、网上") || !strings.Contains(fault.en, "store, online") {
		t.Errorf("got %+v", fault)
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
