package sheet

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// A written value is a cell and what it has to be read as.
type written struct {
	cell string
	want any
}

// slug, digest and the like draw what columns of codes hold.
var (
	slugs   = rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?`)
	phrases = rapid.StringMatching(`[=+@'"一-龥a-zA-Z0-9€𠮷][ ,"'一-龥a-zA-Z0-9.]{0,12}[一-龥a-z0-9]`)
	lots    = rapid.StringMatching(`[A-Z0-9][A-Z0-9/_.-]{0,10}`)
)

func drawHash(t *rapid.T) ledger.Hash {
	return ledger.Hash(rapid.SliceOfN(rapid.ByteRange(1, 255), 32, 32).Draw(t, "hash"))
}

func drawGTIN(t *rapid.T) gs1.GTIN {
	body := fmt.Sprintf("0690%09d", rapid.IntRange(0, 999_999_999).Draw(t, "gtin"))
	digit, err := gs1.CheckDigit(body)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gs1.ParseGTIN(body + string(digit))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// drawDate writes a date in one of its forms.
func drawDate(t *rapid.T) written {
	d := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 3000).Draw(t, "day"))
	form := rapid.SampledFrom([]string{"2006-01-02", "2006/1/2", "2006.01.02", "20060102", "2006年1月2日", "2006-01-02 00:00:00"}).Draw(t, "form")
	return written{d.Format(form), d.Format(time.DateOnly)}
}

func drawTime(t *rapid.T) (string, time.Time) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, shanghai).Add(time.Duration(rapid.IntRange(0, 1e8).Draw(t, "second")) * time.Second)
	form := rapid.SampledFrom([]string{"2006-01-02 15:04:05", "2006/1/2 15:04:05", "2006年1月2日15时04分05秒", time.RFC3339, "20060102150405"}).Draw(t, "form")
	return at.Format(form), at
}

// drawField draws a value of a field of one column.
func drawField(t *rapid.T, f *trace.Field, lang Lang) written {
	list := func(draw func() string) written {
		var all []string
		for range rapid.IntRange(1, 3).Draw(t, "n") {
			if s := draw(); !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
		return written{strings.Join(all, "; "), all}
	}
	if len(f.Choices) > 0 && f.Type == trace.TypeTokens {
		w := list(func() string { return rapid.SampledFrom(f.Choices).Draw(t, f.Name) })
		for _, c := range f.Choices {
			w.cell = strings.ReplaceAll("; "+w.cell+";", "; "+c+";", "; "+choiceShown(c, lang)+";")
		}
		return w
	}
	if len(f.Choices) > 0 {
		c := rapid.SampledFrom(f.Choices).Draw(t, f.Name)
		return written{choiceShown(c, lang), c}
	}
	switch f.Type {
	case trace.TypeUint:
		hi := f.Max
		if hi == 0 {
			hi = trace.MaxNumber
		}
		n := rapid.Uint64Range(f.Min, hi).Draw(t, f.Name)
		return written{fmt.Sprint(n), n}
	case trace.TypeBool:
		b := rapid.Bool().Draw(t, f.Name)
		return written{map[bool]string{true: "是", false: "no"}[b], b}
	case trace.TypeDate:
		return drawDate(t)
	case trace.TypeTime:
		cell, at := drawTime(t)
		return written{cell, trace.Instant(at.UnixMilli())}
	case trace.TypeText:
		s := phrases.Draw(t, f.Name)
		return written{s, s}
	case trace.TypeTexts:
		return list(func() string { return strings.TrimSpace(phrases.Draw(t, f.Name)) })
	case trace.TypeLot:
		s := lots.Draw(t, f.Name)
		return written{s, s}
	case trace.TypeLots:
		return list(func() string { return lots.Draw(t, f.Name) })
	case trace.TypeParty, trace.TypePlace:
		s := slugs.Draw(t, "member") + "/" + slugs.Draw(t, f.Name)
		return written{s, s}
	case trace.TypeHash:
		h := drawHash(t)
		return written{h.String(), h}
	case trace.TypeGTIN:
		g := drawGTIN(t)
		return written{strings.TrimPrefix(g.String(), "0"), g}
	case trace.TypeGLN:
		g, err := gs1.ParseGLN(exampleGLN)
		if err != nil {
			t.Fatal(err)
		}
		return written{exampleGLN, g}
	case trace.TypeSlug, trace.TypeToken:
		s := slugs.Draw(t, f.Name)
		return written{s, s}
	case trace.TypeTokens:
		return list(func() string { return slugs.Draw(t, f.Name) })
	}
	// What is left has examples that are written as they are read.
	s := exampleOf(f, lang)
	v, fault := (&reader{}).value(f, Cell{Text: s}, nil)
	if fault != nil {
		t.Fatalf("%s: %s", f.Name, fault.en)
	}
	return written{s, v}
}

// drawRecord draws a record and the cells, by column, of the row that says it.
func drawRecord(t *rapid.T, l *layout, lang Lang) (map[string]string, *trace.Draft) {
	cells := make(map[string]string)
	d := &trace.Draft{Kind: l.spec.Kind.String(), Fields: make(map[string]any)}
	var at time.Time
	cells["at"], at = drawTime(t)
	d.At = &at
	if rapid.Bool().Draw(t, "place") {
		d.Place = slugs.Draw(t, "place")
		cells["place"] = d.Place
	}
	if rapid.Bool().Draw(t, "refs") {
		d.Refs = []ledger.Hash{drawHash(t), drawHash(t)}
		cells["refs"] = d.Refs[0].String() + " " + d.Refs[1].String()
	}
	for i := range l.spec.Fields {
		f := &l.spec.Fields[i]
		if !f.Required && rapid.Bool().Draw(t, "absent") {
			continue
		}
		key := "field." + f.Name
		switch f.Type {
		case trace.TypeNames:
			n := trace.Names{Zh: phrases.Draw(t, "zh"), En: phrases.Draw(t, "en")}
			cells[key+".zh"], cells[key+".en"], d.Fields[f.Name] = n.Zh, n.En, n
		case trace.TypeLines:
			line := trace.Line{GTIN: drawGTIN(t), Count: rapid.Uint64Max(1e9).Draw(t, "count")}
			cells[key+".gtin"], cells[key+".count"], d.Fields[f.Name] = line.GTIN.String(), fmt.Sprint(line.Count), []trace.Line{line}
		case trace.TypeCounts:
			c := trace.Count{GTIN: drawGTIN(t), Expected: rapid.Uint64Max(1e9).Draw(t, "expected"), Counted: rapid.Uint64Max(1e9).Draw(t, "counted")}
			c.Damaged = rapid.Uint64Max(c.Counted).Draw(t, "damaged")
			cells[key+".gtin"], d.Fields[f.Name] = c.GTIN.String(), []trace.Count{c}
			cells[key+".expected"], cells[key+".counted"], cells[key+".damaged"] = fmt.Sprint(c.Expected), fmt.Sprint(c.Counted), fmt.Sprint(c.Damaged)
		case trace.TypeQuantity:
			q := trace.Quantity{Value: rapid.Uint64Max(1e9).Draw(t, "value"), Unit: "KGM"}
			cells[key+".value"], cells[key+".unit"], d.Fields[f.Name] = fmt.Sprint(q.Value), "kgm", q
		default:
			w := drawField(t, f, lang)
			cells[key], d.Fields[f.Name] = w.cell, w.want
		}
	}
	drawSubject(t, l.spec, cells, d)
	return cells, d
}

func drawSubject(t *rapid.T, spec *trace.KindSpec, cells map[string]string, d *trace.Draft) {
	if len(spec.Subjects) == 0 {
		return
	}
	g := drawGTIN(t)
	run, from := rapid.Uint16Max(32767).Draw(t, "run"), rapid.Uint32Max(1e6).Draw(t, "first")
	to := from + rapid.Uint32Max(1e6).Draw(t, "more")
	codes := trace.DraftSubject{GTIN: g, Run: &run, From: &from, To: &to}
	sscc, err := gs1.ParseSSCC(exampleSSCC)
	if err != nil {
		t.Fatal(err)
	}
	fill := func() {
		cells["gtin"], cells["run"], cells["first"], cells["last"] = g.String(), fmt.Sprint(run), fmt.Sprint(from), fmt.Sprint(to)
	}
	var s trace.DraftSubject
	switch rapid.SampledFrom(spec.Subjects).Draw(t, "subject") {
	case trace.SubjectRange:
		fill()
		s = codes
	case trace.SubjectSSCC:
		cells["sscc"] = exampleSSCC
		s = trace.DraftSubject{SSCC: sscc}
	case trace.SubjectLot:
		cells["gtin"], cells["lot"] = g.String(), "L1"
		s = trace.DraftSubject{GTIN: g, Lot: "L1"}
	case trace.SubjectGTIN:
		cells["gtin"] = g.String()
		s = trace.DraftSubject{GTIN: g}
	case trace.SubjectContent:
		fill()
		cells["unit"] = exampleSSCC
		s = trace.DraftSubject{Unit: &trace.DraftSubject{SSCC: sscc}, Content: &codes}
	case trace.SubjectMade:
		fill()
		one := uint16(1)
		zero, last := uint32(0), uint32(23)
		gtin, _ := gs1.ParseGTIN(exampleGTIN)
		cells["output"] = exampleGTIN + "/1/0-23"
		s = trace.DraftSubject{Output: &trace.DraftSubject{GTIN: gtin, Run: &one, From: &zero, To: &last}, Input: &codes}
	case trace.SubjectPattern:
		cells["gtin"], cells["run"], cells["first"], cells["per unit"] = g.String(), fmt.Sprint(run), fmt.Sprint(from), "6"
		cells["unit gtin"], cells["unit run"], cells["unit first"], cells["units"], cells["except"] = exampleGTIN, "1", "0", "10", "13-14; 20"
		unit, _ := gs1.ParseGTIN(exampleGTIN)
		s = trace.DraftSubject{Pattern: &trace.DraftPattern{GTIN: g, Run: run, Start: from, Per: 6, UnitGTIN: unit, UnitRun: 1, Count: 10, Except: [][2]uint32{{13, 14}, {20, 20}}}}
	default:
		t.Skip("a subject that this test does not know")
	}
	d.Subjects = []trace.DraftSubject{s}
}

// fillTemplate writes rows into a template as somebody would.
func fillTemplate(t *rapid.T, l *layout, format Format, lang Lang, rows []map[string]string) []byte {
	var b bytes.Buffer
	if err := WriteTemplate(&b, format, l.spec.Kind.String(), lang); err != nil {
		t.Fatal(err)
	}
	line := func(cells map[string]string) []string {
		out := []string{""}
		for _, c := range l.columns {
			out = append(out, cells[c.key])
		}
		return out
	}
	if format == CSV {
		w := csv.NewWriter(&b)
		for _, row := range rows {
			cells := line(row)
			for i := range cells {
				cells[i] = guard(cells[i])
			}
			if err := w.Write(cells); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush()
		return b.Bytes()
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		for j, text := range line(row) {
			if text == "" {
				continue
			}
			if err := f.SetCellStr(f.GetSheetName(0), fmt.Sprintf("%s%d", columnName(j), i+3), text); err != nil {
				t.Fatal(err)
			}
		}
	}
	var out bytes.Buffer
	if _, err := f.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Whatever is written into a template is read as what it says, for every kind,
// format and language.
func TestFilledTemplates(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		l, _ := kindNamed(kind)
		rapid.Check(t, func(t *rapid.T) {
			lang := rapid.SampledFrom([]Lang{Zh, En}).Draw(t, "lang")
			format := rapid.SampledFrom([]Format{CSV, CSV, CSV, CSV, CSV, CSV, CSV, CSV, CSV, CSV, CSV, XLSX}).Draw(t, "format")
			var rows []map[string]string
			var want []string
			for range rapid.IntRange(1, 3).Draw(t, "rows") {
				cells, d := drawRecord(t, l, lang)
				raw, err := json.Marshal(d)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(want, string(raw)) { // the same twice is refused
					rows, want = append(rows, cells), append(want, string(raw))
				}
			}
			table, err := Read(fillTemplate(t, l, format, lang, rows), "")
			if err != nil {
				t.Fatal(err)
			}
			r, err := Parse(table, Options{Kind: kind, Zone: shanghai})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Problems) > 0 {
				t.Fatalf("%v in %v", r.Problems, rows)
			}
			for i, rec := range r.Records {
				if i >= len(want) || string(rec.JSON) != want[i] {
					t.Fatalf("row %d:\n%s\nnot\n%s", i, rec.JSON, want[i])
				}
			}
			if len(r.Records) != len(want) || r.Comments != 1 {
				t.Fatalf("%d records of %d", len(r.Records), len(want))
			}
		})
	})
}
