package sheet

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// An example is a record: without its mark it is read without a fault, and built
// as its kind asks, in every language and format. So nobody learns from it what is
// refused.
func TestExamplesAreRecords(t *testing.T) {
	gtin, err := gs1.ParseGTIN(exampleGTIN)
	if err != nil {
		t.Fatal(err)
	}
	env := trace.Env{
		Chain: 1, Member: "brand", Charter: &ledger.Charter{Members: []ledger.Member{{Slug: "brand"}, {Slug: "dist"}}}, Now: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC),
		Record: func(ledger.Hash) (*trace.Event, error) {
			return &trace.Event{Kind: ledger.KindActivate, Subjects: []trace.Subject{trace.Of(trace.Lot(gtin, exampleLot))}}, nil
		},
	}
	eachKind(t, func(t *testing.T, kind string) {
		for _, lang := range []Lang{Zh, En} {
			var b bytes.Buffer
			if err := WriteTemplate(&b, CSV, kind, lang); err != nil {
				t.Fatal(err)
			}
			table, err := Read([]byte(strings.Replace(b.String(), exampleMark[lang], "", 1)), "")
			if err != nil {
				t.Fatal(err)
			}
			r, err := Parse(table, Options{Kind: kind, Zone: shanghai})
			if err != nil || len(r.Problems) > 0 || len(r.Records) != 1 {
				t.Fatalf("%s: %v, %v", lang, r, err)
			}
			d, err := trace.ParseDraft(r.Records[0].JSON)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := d.Build(env); err != nil {
				t.Errorf("%s: %v", lang, err)
			}
		}
	})
}

// Each example is of a field that some kind has.
func TestExamplesHaveFields(t *testing.T) {
	columns := map[string]bool{}
	for _, l := range layouts {
		for _, c := range l.columns {
			if name := strings.TrimPrefix(c.key, "field."); c.field != nil {
				columns[name], columns[l.spec.Kind.String()+"."+name] = true, true
			}
		}
	}
	for key := range exampleWords {
		if !columns[key] {
			t.Errorf("no kind has %s", key)
		}
	}
}
