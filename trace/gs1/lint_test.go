package gs1

import (
	"strings"
	"testing"
)

// TestLinters gives each linter values of both sorts, chosen at the
// edges of its rule; good and bad are separated by spaces, and "~"
// stands for the empty value.
func TestLinters(t *testing.T) {
	tests := map[string]struct{ good, bad string }{
		"couponcode": {
			"012345612345611110123 1061414165432131501101201211014092110256100126663101231 01234561234561111012335006064500606 01234561234561111012390000",
			"~ 0 01234561234561111012a 012345612345611110 0123456123456111101230 012345612345611110123101101231123456 01234561234561111012335006064500607 0123456123456111101233201310 01234561234561111012390002",
		},
		"couponposoffer": {
			"001234561234560123456 061234567890121234569123456789012345",
			"~ 201234561234560123456 07 0012345612345601234567 00123456123456012345a",
		},
		"cset39":        {"~ ABC-09#/", "abc A_B A.B Ä"},
		"cset64":        {"~ aZ-_09 12= 1==", "12== 1234= === =23 a+b"},
		"cset82":        {"~ !\"%&'()*+,-./09:;<=>?AZ_az", "# $ @ [ \\ ] ^ ` { | } \x00 \x7f é"},
		"csetnumeric":   {"~ 0 0123456789", "a 1a -1 １"},
		"csum":          {"02345673 1234567890128 00", "~ 0 12345673 1234567890129 a2345673"},
		"csumalpha":     {"22 62185314IvwmYZ 99999zzzzzzzzzzzzzzzzzzT2", "~ 2 62185314IvwmZY 62185314Ivw#YZ"},
		"gcppos1":       {"1234 12345A", "~ 123 123A A1234"},
		"gcppos2":       {"X1234 11234A", "~ 1234 1123A"},
		"hasnondigit":   {"A 1A A1", "~ 1 123"},
		"hh":            {"00 23", "~ 24 1 111 0x"},
		"hhmi":          {"0000 2359", "~ 2400 2360 11 11111 x000"},
		"hyphen":        {"-", "~ X -X"},
		"iban":          {"GB98MIDL07009312345678 FR7630006000011234567890189", "~ GB9 GB99MIDL07009312345678 GB98midl07009312345678 1198MIDL07009312345678 GBXXMIDL07009312345678 " + "GB98" + strings.Repeat("A", 31)},
		"importeridx":   {"- 0 A _ z", "~ AA ! ."},
		"iso3166":       {"156 840 004", "~ 000 999 15 CN"},
		"iso3166999":    {"156 999", "~ 998 9999"},
		"iso3166alpha2": {"CN US", "~ cn ZY C CHN 15"},
		"iso4217":       {"156 840 978 999", "~ 000 001 CNY 97"},
		"iso5218":       {"0 1 2 9", "~ 3 00 M"},
		"latitude":      {"0000000000 1800000000", "~ 1800000001 180000000 -000000001"},
		"longitude":     {"0000000000 3600000000", "~ 3600000001 36000000000"},
		"mediatype":     {"01 10 80 99", "~ 00 11 79 1 001 +1"},
		"mi":            {"00 59", "~ 60 1 x0"},
		"nonzero":       {"1 001 10", "~ 0 000 A"},
		"nozeroprefix":  {"~ 1 10", "0 01 A1"},
		"packagetype":   {"1A PK 8 ZZ 200", "~ 0 pk 1A_"},
		"pcenc":         {"~ ABC %00 a%fFb", "% %f %fg a%g0"},
		"pieceoftotal":  {"11 0103 9999 001003", "~ 1 00 0001 0100 21 1110 5x"},
		"posinseqslash": {"1/1 9/10 998/999", "~ / 1 1/ /1 1/2/3 0/1 01/2 1/02 2/1 10/9 x/y"},
		"ss":            {"00 59", "~ 60 1"},
		"winding":       {"0 1 9", "~ 2 01"},
		"yesno":         {"0 1", "~ 2 00 Y"},
		"yymmd0":        {"260131 260200 240229 000229", "~ 260230 230229 261301 260001 26013 x60131"},
		"yymmdd":        {"260131 240229", "~ 260100 260431 250229 2601311"},
		"yyyymmd0":      {"20260131 20260200 20000229 24000229", "~ 22000229 20261301 2026013"},
		"yyyymmdd":      {"20260131 20240229", "~ 20260100 21000229 202601311"},
		"zero":          {"0 000", "~ 1 01 0x"},
	}
	for name, lint := range linters {
		tt, ok := tests[name]
		if !ok {
			t.Errorf("linter %s has no test", name)
			continue
		}
		for _, v := range strings.Fields(tt.good) {
			if err := lint(strings.Trim(v, "~")); err != nil {
				t.Errorf("%s %q: got %v", name, v, err)
			}
		}
		for _, v := range strings.Fields(tt.bad) {
			if err := lint(strings.Trim(v, "~")); err == nil {
				t.Errorf("%s %q: got no error", name, v)
			} else {
				checkRefusal(t, err)
			}
		}
	}
	if len(tests) != len(linters) {
		t.Errorf("%d tests for %d linters", len(tests), len(linters))
	}
}

func TestCheckPairLength(t *testing.T) {
	longest := strings.Repeat("z", maxCheckPairData)
	if err := lintCheckPair(longest + checkPair(longest)); err != nil {
		t.Errorf("%d characters: %v", len(longest), err)
	}
	checkCode(t, "one more", lintCheckPair("z"+longest+"22"), AILength)
}

// TestCodeLists counts the lists: a lost line would go unnoticed.
func TestCodeLists(t *testing.T) {
	for _, tt := range []struct {
		name  string
		list  map[string]bool
		width int
		want  int
	}{
		{"alpha-2 countries", countries, 2, 249},
		{"numeric countries", countryNumbers, 3, 249},
		{"currencies", currencies, 3, 180},
		{"package types", packageTypes, 0, 431},
	} {
		if len(tt.list) != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, len(tt.list), tt.want)
		}
		for code := range tt.list {
			if tt.width > 0 && len(code) != tt.width {
				t.Errorf("%s: %q has the wrong length", tt.name, code)
			}
		}
	}
}

func FuzzLinters(f *testing.F) {
	for _, s := range []string{"", "0", "012345612345611110123", "GB98MIDL07009312345678", "62185314IvwmYZ", "260131", "%", "1/2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, lint := range linters {
			if err := lint(s); err != nil {
				checkRefusal(t, err)
			}
		}
	})
}
