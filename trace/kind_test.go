package trace

import (
	"strings"
	"testing"

	"suyuan/ledger"
)

// The rules that every row of the table keeps.
func TestKindTable(t *testing.T) {
	last := ledger.Kind(0)
	for spec := range Kinds() {
		if spec.Kind <= last || spec.Doc == "" || spec.Who == "" {
			t.Errorf("%s: out of order or without words", spec.Kind)
		}
		last = spec.Kind
		numbers, names := map[uint64]bool{}, map[string]bool{}
		for _, f := range append(common[:len(common):len(common)], spec.Fields...) {
			at := spec.Kind.String() + "." + f.Name
			if numbers[f.Number] || names[f.Name] {
				t.Errorf("%s: number %d or name stands twice", at, f.Number)
			}
			numbers[f.Number], names[f.Name] = true, true
			if _, ok := codecs[f.Type]; !ok || f.Doc == "" {
				t.Errorf("%s: no codec for %s, or no words", at, f.Type)
			}
			if f.InRecord && f.Audience != ledger.Public {
				t.Errorf("%s: stands in the record, which the public reads, with audience %s", at, f.Audience)
			}
			if f.Folded && !f.Audience.Shared() {
				t.Errorf("%s: the fold reads what not every node holds", at)
			}
			switch f.Type {
			case TypeText, TypeTexts, TypeNames, TypeLot:
				if f.InRecord {
					t.Errorf("%s: free text cannot be erased from record bytes", at)
				}
			}
		}
	}
}

func TestValueForms(t *testing.T) {
	for _, c := range []struct {
		t         Type
		good, bad []string
	}{
		{TypeUint, []string{`0`, `9007199254740991`}, []string{`-1`, `1.5`, `9007199254740992`, `"1"`}},
		{TypeBool, []string{`true`}, []string{`1`, `null`}},
		{TypeText, []string{`"a\nb"`}, []string{`""`, `"  "`, `"a\u0007"`, `"\u2066a"`}},
		{TypeToken, []string{`"cross-dock"`}, []string{`"A"`, `"-a"`}},
		{TypeLot, []string{`"L/1"`}, []string{`"123456789012345678901"`, `"号"`}},
		{TypeParty, []string{`"dist"`, `"dist/store-1"`}, []string{`"dist/"`, `"a/b/c"`, `""`}},
		{TypePlace, []string{`"wh/hz1"`}, []string{`"wh"`}},
		{TypeCountry, []string{`"CN"`}, []string{`"cn"`, `"CHN"`}},
		{TypeRegion, []string{`"330100"`, `"CN-ZJ"`, `"FR-33"`}, []string{`"33010"`, `"cn-zj"`, `"CN-"`, `"012345"`}},
		{TypeDate, []string{`"2024-02-29"`}, []string{`"2026-02-29"`, `"26-1-1"`, `"1969-12-31"`}},
		{TypeHash, []string{`"` + hash1 + `"`}, []string{`"11"`, `"0000000000000000000000000000000000000000000000000000000000000000"`}},
		{TypeGTIN, []string{`"6901234567892"`}, []string{`"6901234567893"`, `""`, `6901234567892`}},
		{TypeGLN, []string{`"6901234000009"`}, []string{`"6901234000008"`}},
		{TypeNames, []string{`{"zh":"酒"}`}, []string{`{}`, `{"fr":"vin"}`}},
		{TypeTexts, []string{`["a"]`}, []string{`[]`, `[""]`}},
		{TypeCounts, []string{`[{"gtin":"6901234567892","expected":2,"counted":1,"damaged":1}]`}, []string{`[{"gtin":"6901234567892","expected":2,"counted":1,"damaged":2}]`}},
	} {
		for _, s := range c.good {
			v, err := codecs[c.t].parse([]byte(s))
			if err != nil {
				t.Errorf("%s %s: %v", c.t, s, err)
				continue
			}
			raw, err := codecs[c.t].encode(v)
			if err != nil {
				t.Errorf("%s %s: %v", c.t, s, err)
				continue
			}
			again, err := codecs[c.t].decode(raw)
			if err != nil || mustJSON(t, again) != mustJSON(t, v) {
				t.Errorf("%s %s: came back as %v, %v", c.t, s, again, err)
			}
		}
		for _, s := range c.bad {
			if v, err := codecs[c.t].parse([]byte(s)); err == nil {
				t.Errorf("%s %s: read as %v", c.t, s, v)
			}
		}
	}
}

func TestRegionNames(t *testing.T) {
	for _, c := range []struct{ country, region, zh, en string }{
		{"CN", "330106", "浙江杭州", "Hangzhou, Zhejiang"},
		{"CN", "330000", "浙江", "Zhejiang"},
		{"CN", "110105", "北京", "Beijing"},
		{"CN", "CN-ZJ", "浙江", "Zhejiang"},
		{"CN", "", "中国", "China"},
		{"FR", "FR-33", "法国", "France"},
		{"BO", "", "BO", "BO"},
	} {
		if n := RegionName(c.country, c.region); n.Zh != c.zh || n.En != c.en {
			t.Errorf("%s %s: %+v", c.country, c.region, n)
		}
	}
}

// Names of regions lead back to their codes, in either language; what is not known
// is told apart from what is elsewhere.
func TestRegionsByName(t *testing.T) {
	for _, c := range []struct{ country, zh, en, want string }{
		{"CN", "浙江杭州", "", "330100"},
		{"CN", "", "Hangzhou, Zhejiang", "330100"},
		{"CN", "Hangzhou", "Fuzhou, Jiangxi", "361000"}, // there are two Fuzhou
		{"CN", "上海", "Shanghai", "310000"},
		{"CN", "新疆维吾尔自治区石河子", "Shihezi", "650000"},
		{"CN", "杭州湾", "Somewhere, Zhejiang", "330000"},
		{"CN", "中国", "China", ""},
		{"", "", "", ""},
		{"HK", "中国香港", "Hong Kong", "810000"},
		{"FR", "巴黎", "Paris", "FR"},
	} {
		if got := RegionOf(c.country, Names{c.zh, c.en}); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
	for code := range cities {
		if got := RegionOf("CN", RegionName("CN", code+"00")); got != code+"00" {
			t.Errorf("%s is found as %q", code, got)
		}
	}
}

// Every kind is described in both languages, in sentences.
func TestKindTexts(t *testing.T) {
	for s := range Kinds() {
		text := s.Text()
		for _, n := range []Names{text.Doc, text.Who, text.Rule} {
			if n.Zh == "" || n.En == "" {
				t.Errorf("%s: %+v lacks a language", s.Kind, n)
			}
		}
		if !strings.HasSuffix(text.Rule.En, ".") || !strings.HasSuffix(text.Rule.Zh, "。") {
			t.Errorf("%s: %+v is no sentence", s.Kind, text.Rule)
		}
	}
	if len(kindTexts) != len(specs) {
		t.Errorf("%d texts for %d kinds", len(kindTexts), len(specs))
	}
}
