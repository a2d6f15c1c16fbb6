package trace

import (
	"bytes"
	"encoding/hex"
	"testing"

	"suyuan/trace/gs1"
)

var (
	wine  = mustGTIN("06901234567892")
	boxes = mustGTIN("16901234567899")
)

func mustGTIN(s string) gs1.GTIN {
	g, err := gs1.ParseGTIN(s)
	if err != nil {
		panic(err)
	}
	return g
}

func mustSSCC(s string) gs1.SSCC {
	c, err := gs1.ParseSSCC(s)
	if err != nil {
		panic(err)
	}
	return c
}

var pallet = mustSSCC("069012340000000016")

// goldenSubjects pins the bytes of every kind of subject.
var goldenSubjects = []struct {
	name    string
	subject Subject
	hex     string
}{
	{"range", OfRange(Range{wine, 3, 10, 600}),
		"85" + "01" + "1b00000646d1a28ad4" + "03" + "0a" + "190258"},
	{"sscc", Of(Unit(pallet)),
		"82" + "02" + "1b00f52e5b8ad18810"},
	{"lot", Of(Lot(wine, "L1")),
		"83" + "03" + "1b00000646d1a28ad4" + "624c31"},
	{"content", Contents(Unit(pallet), OfRange(Range{wine, 3, 10, 11})),
		"83" + "04" + "8202" + "1b00f52e5b8ad18810" + "8501" + "1b00000646d1a28ad4" + "03" + "0a" + "0b"},
	{"pattern", Subject{Kind: SubjectPattern, Pattern: &Pattern{
		GTIN: wine, Run: 3, Start: 0, Per: 6, UnitGTIN: boxes, UnitRun: 1, UnitStart: 5, Units: 2, Except: []Span{{From: 3, To: 4}}}},
		"8a" + "05" + "1b00000646d1a28ad4" + "03" + "00" + "06" + "1b00000f5f20152adb" + "01" + "05" + "02" + "81820304"},
	{"gtin", Of(Product(wine)),
		"82" + "06" + "1b00000646d1a28ad4"},
	{"made", Made(OfRange(Range{boxes, 1, 0, 1}), OfRange(Range{wine, 3, 0, 11})),
		"83" + "07" + "8501" + "1b00000f5f20152adb" + "01" + "00" + "01" + "8501" + "1b00000646d1a28ad4" + "03" + "00" + "0b"},
}

func TestSubjectBytes(t *testing.T) {
	for _, c := range goldenSubjects {
		t.Run(c.name, func(t *testing.T) {
			raw, err := EncodeSubject(c.subject)
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(raw); got != c.hex {
				t.Errorf("bytes\n got %s\nwant %s", got, c.hex)
			}
			s, err := DecodeSubject(raw)
			if err != nil {
				t.Fatal(err)
			}
			again, err := EncodeSubject(s)
			if err != nil || !bytes.Equal(again, raw) {
				t.Errorf("decoded and encoded again: %x, %v", again, err)
			}
		})
	}
}

func FuzzDecodeSubject(f *testing.F) {
	for _, c := range goldenSubjects {
		raw, err := hex.DecodeString(c.hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := DecodeSubject(raw)
		if err != nil {
			return
		}
		again, err := EncodeSubject(s)
		if err != nil {
			t.Fatalf("decoded %x and cannot encode it: %v", raw, err)
		}
		if !bytes.Equal(again, raw) {
			t.Fatalf("decoded %x and encoded %x", raw, again)
		}
	})
}
