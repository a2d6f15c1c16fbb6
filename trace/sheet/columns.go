package sheet

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/width"

	"suyuan/ledger"
	"suyuan/trace"
)

// A Lang is the language of headers and texts.
type Lang string

// The languages.
const (
	Zh Lang = "zh"
	En Lang = "en"
)

// A column is one column that a kind may have.
type column struct {
	key    string       // of columnWords, or field.name and a part
	field  *trace.Field // nil if it is none
	part   string       // of a field with several columns
	zh, en string       // headers
	names  []string     // all names, normalised
}

func (c *column) header(l Lang) string {
	if l == Zh {
		return c.zh
	}
	return c.en
}

func (c *column) required() bool { return c.field != nil && c.field.Required }

// A layout is the columns of a kind. It is never changed.
type layout struct {
	spec    *trace.KindSpec
	columns []*column
	byName  map[string]*column
	byKey   map[string]*column
}

// layouts are those of all kinds, by kind.
var layouts = func() map[ledger.Kind]*layout {
	m := make(map[ledger.Kind]*layout)
	for spec := range trace.Kinds() {
		m[spec.Kind] = newLayout(spec)
	}
	return m
}()

// partsOf are the columns that a field of a type needs; none is one column.
func partsOf(t trace.Type) []string {
	switch t {
	case trace.TypeNames:
		return []string{"zh", "en"}
	case trace.TypeLines:
		return []string{"gtin", "count"}
	case trace.TypeCounts:
		return []string{"gtin", "expected", "counted", "damaged"}
	case trace.TypeQuantity:
		return []string{"value", "unit"}
	}
	return nil
}

// envelope lists the columns of every kind that stand before the fields.
var envelope = []string{"group", "at", "zone", "party", "place"}

// subjectColumns lists the columns that a kind of subject needs.
var subjectColumns = map[trace.SubjectKind][]string{
	trace.SubjectRange:   {"code", "serial", "gtin", "run", "first", "last"},
	trace.SubjectSSCC:    {"sscc"},
	trace.SubjectLot:     {"gtin", "lot"},
	trace.SubjectGTIN:    {"gtin"},
	trace.SubjectContent: {"unit", "code", "serial", "gtin", "run", "first", "last", "sscc", "lot"},
	trace.SubjectMade:    {"output", "code", "serial", "gtin", "run", "first", "last", "sscc", "lot"},
	trace.SubjectPattern: {"gtin", "run", "first", "unit gtin", "unit run", "unit first", "units", "per unit", "except"},
}

// subjectOrder is the order in which the columns of subjects stand.
var subjectOrder = []string{"output", "unit", "code", "serial", "sscc", "gtin", "lot", "run", "first", "last",
	"per unit", "unit gtin", "unit run", "unit first", "units", "except"}

func newLayout(spec *trace.KindSpec) *layout {
	l := &layout{spec: spec, byName: make(map[string]*column), byKey: make(map[string]*column)}
	fields := fieldColumns(spec)
	// Fields have the first claim to a name: what they are called is the
	// table's, columns of our own can have another.
	for _, c := range fields {
		l.claim(c, c.zh, c.en)
	}
	for _, key := range envelope {
		l.columns = append(l.columns, l.own(key))
	}
	needed := make(map[string]bool)
	for _, s := range spec.Subjects {
		for _, key := range subjectColumns[s] {
			needed[key] = true
		}
	}
	for _, key := range subjectOrder {
		if needed[key] {
			l.columns = append(l.columns, l.own(key))
		}
	}
	l.columns = append(l.columns, fields...)
	for _, key := range []string{"refs", "documents"} {
		c := l.own(key)
		c.field, _ = spec.Field(key)
		l.columns = append(l.columns, c)
	}
	l.byKey["kind"] = l.own("kind")
	l.addSynonyms()
	return l
}

// fieldColumns makes the columns of a kind's fields.
func fieldColumns(spec *trace.KindSpec) []*column {
	var list []*column
	for i := range spec.Fields {
		f := &spec.Fields[i]
		zh, en := fieldNames(spec, f)
		parts := partsOf(f.Type)
		if parts == nil {
			list = append(list, &column{key: "field." + f.Name, field: f, zh: zh[0], en: en[0]})
		}
		for _, part := range parts {
			list = append(list, &column{
				key: "field." + f.Name + "." + part, field: f, part: part,
				zh: zh[0] + partWords[part][0], en: en[0] + "_" + part,
			})
		}
	}
	return list
}

// fieldNames returns the names of a field, the header first. A field that has
// no Chinese name yet goes by its English one.
func fieldNames(spec *trace.KindSpec, f *trace.Field) (zh, en []string) {
	en = append([]string{f.Name}, fieldSynonyms[f.Name]...)
	zh = fieldWords[spec.Kind.String()+"."+f.Name]
	if zh == nil {
		zh = fieldWords[f.Name]
	}
	if zh == nil {
		zh = []string{f.Name}
	}
	return zh, en
}

// own makes a column that is no field: its headers are the first words that
// are free.
func (l *layout) own(key string) *column {
	c := &column{key: key}
	for i, list := range columnWords[key] {
		word := list[len(list)-1]
		for _, w := range list {
			if l.byName[normal(w)] == nil {
				word = w
				break
			}
		}
		if i == 0 {
			c.zh = word
		} else {
			c.en = word
		}
	}
	l.claim(c, c.zh, c.en)
	return c
}

// claim gives names to a column that no other has.
func (l *layout) claim(c *column, names ...string) {
	l.byKey[c.key] = c
	for _, name := range names {
		if n := normal(name); l.byName[n] == nil {
			l.byName[n] = c
			c.names = append(c.names, n)
		}
	}
}

// addSynonyms gives out what names are left.
func (l *layout) addSynonyms() {
	for _, c := range l.columns {
		if c.field == nil || columnWords[c.key][0] != nil {
			l.claim(c, columnWords[c.key][0]...)
			l.claim(c, columnWords[c.key][1]...)
			continue
		}
		zh, en := fieldNames(l.spec, c.field)
		for _, name := range zh {
			l.claim(c, withPart(name, c.part, true))
		}
		for _, name := range en {
			l.claim(c, withPart(name, c.part, false))
		}
	}
	l.claim(l.byKey["kind"], columnWords["kind"][0]...)
	l.claim(l.byKey["kind"], columnWords["kind"][1]...)
}

func withPart(name, part string, zh bool) string {
	switch {
	case part == "":
		return name
	case zh:
		return name + partWords[part][0]
	}
	return name + "_" + part
}

// headerNoise are the characters of a header that say nothing.
var headerNoise = strings.NewReplacer(" ", "", "\u00a0", "", "\u3000", "", "_", "", "-", "", ".", "", "*", "", "(", "", ")", "", "[", "", "]", "",
	":", "", "/", "", "\n", "", "\r", "", "\t", "")

// headerHints are what people put behind the name of a column.
var headerHints = []string{"必填", "选填", "required", "optional"}

// normal is what a header is compared by.
func normal(s string) string {
	n := headerNoise.Replace(strings.ToLower(width.Fold.String(s)))
	for _, hint := range headerHints {
		if cut := strings.TrimSuffix(n, hint); cut != "" {
			n = cut
		}
	}
	return n
}

// kindNamed returns the kind with that English or Chinese name.
func kindNamed(s string) (*layout, bool) {
	n := normal(s)
	for _, l := range layouts {
		name := l.spec.Kind.String()
		if n == name || n == normal(kindWords[name]) && n != "" {
			return l, true
		}
	}
	return nil, false
}

// anyNamed reports whether a column of some kind has the name.
func anyNamed(name string) bool {
	for _, l := range layouts {
		if l.byName[name] != nil {
			return true
		}
	}
	return false
}

// nearest returns the name of a column most like a header that is not known,
// or "".
func nearest(header string, l *layout) string {
	want := []rune(normal(header))
	best, least := "", len(want)/2+1
	for _, c := range l.columns {
		for _, h := range []string{c.zh, c.en} {
			if d := distance(want, []rune(normal(h))); d < least {
				best, least = h, d
			}
		}
	}
	return best
}

// distance is the edit distance of Levenshtein.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before := row[0]
		row[0] = i + 1
		for j := range b {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// KindWord is what a kind is called in a language.
func KindWord(kind ledger.Kind, l Lang) string {
	if w := kindWords[kind.String()]; l == Zh && w != "" {
		return w
	}
	return kind.String()
}

// FieldWord is what a field of a kind is called in a language.
func FieldWord(spec *trace.KindSpec, f *trace.Field, l Lang) string {
	zh, en := fieldNames(spec, f)
	if l == Zh {
		return zh[0]
	}
	return en[0]
}

// choiceShown is how a choice is written in a language.
func choiceShown(choice string, l Lang) string {
	if w := choiceWords[choice]; l == Zh && w != "" {
		return w
	}
	return choice
}

// tokenShown is how a usual value of a field is written in a language.
func tokenShown(f *trace.Field, token string, l Lang) string {
	for _, w := range tokenWords[f.Name] {
		if w.token == token && l == Zh && f.Type == trace.TypeToken {
			return w.words[0]
		}
	}
	return token
}

// tokenIn reads a value of a field whose values are open: a code, or the name of a
// usual one.
func tokenIn(f *trace.Field, text string) (string, *fault) {
	n := normal(text)
	for _, w := range tokenWords[f.Name] {
		if slices.ContainsFunc(w.words, func(word string) bool { return normal(word) == n }) {
			return w.token, nil
		}
	}
	fault := idFault(text, ledger.CheckSlug(text))
	if usual := tokenWords[f.Name]; fault != nil && len(usual) > 0 {
		var zh, en []string
		for _, w := range usual {
			zh, en = append(zh, w.words[0]), append(en, w.token)
		}
		fault.zh += "；常用的有：" + strings.Join(zh, "、")
		fault.en += "; usual are " + strings.Join(en, ", ")
	}
	return text, fault
}

// choiceOf returns the choice that a cell names.
func choiceOf(f *trace.Field, text string) (string, bool) {
	n := normal(text)
	i := slices.IndexFunc(f.Choices, func(c string) bool {
		return n == normal(c) || n == normal(choiceWords[c]) && n != ""
	})
	if i < 0 {
		return "", false
	}
	return f.Choices[i], true
}

// noChoice is the fault of a cell that names none of a field's choices.
func noChoice(f *trace.Field, text string) *fault {
	t := texts[CodeBadChoice]
	var zh []string
	for _, choice := range f.Choices {
		zh = append(zh, choiceShown(choice, Zh))
	}
	return &fault{CodeBadChoice, fmt.Sprintf(t[0], shown(text), strings.Join(zh, "、")), fmt.Sprintf(t[1], shown(text), strings.Join(f.Choices, ", "))}
}
