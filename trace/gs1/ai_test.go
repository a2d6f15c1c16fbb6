package gs1

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestTable holds the table to what the other code takes for granted.
func TestTable(t *testing.T) {
	const want = 541
	if len(table) != want {
		t.Errorf("got %d application identifiers, want %d", len(table), want)
	}
	rowCodes := make(map[string]bool)
	for _, r := range append(measures(), rows...) {
		if rowCodes[r.code] {
			t.Errorf("two rows for %s", r.code)
		}
		rowCodes[r.code] = true
	}
	for code, ai := range table {
		if ai.Code != code || ai.Title == "" && code != "8110" && code != "8112" {
			t.Errorf("(%s): got %+v", code, ai)
		}
		for n := 2; n < len(code); n++ {
			if _, ok := table[code[:n]]; ok {
				t.Errorf("(%s) is the beginning of (%s)", code[:n], code)
			}
		}
		checkComponents(t, ai)
		checkRelations(t, ai)
	}
}

// TestTableFingerprint notices any change to the table, also where the
// dictionary is not at hand. A change that is meant is compared with the
// dictionary first, and then the fingerprint is replaced.
func TestTableFingerprint(t *testing.T) {
	const want = "9f75ff0e4c1d182d"
	h := sha256.New()
	for _, code := range slices.Sorted(maps.Keys(table)) {
		ai := table[code]
		fmt.Fprintln(h, ai.Code, ai.Title, ai.Format, ai.Predefined, ai.PrimaryKey, ai.Attribute, ai.needs, ai.excludes, ai.sequences)
	}
	if got := hex.EncodeToString(h.Sum(nil)[:8]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func checkComponents(t *testing.T, ai AI) {
	t.Helper()
	if len(ai.components) == 0 {
		t.Errorf("(%s) has no components", ai.Code)
	}
	optional := false
	for i, c := range ai.components {
		last := i == len(ai.components)-1
		if c.set == nil || c.min < 1 || c.max < c.min || c.max > maxUnknownValue || c.min != c.max && !last {
			t.Errorf("(%s) component %d of %q is malformed: %+v", ai.Code, i, ai.Format, c)
		}
		if optional && !c.optional {
			t.Errorf("(%s) has a part that is needed after one that is not", ai.Code)
		}
		optional = c.optional
		for _, lint := range c.lints {
			if lint == nil {
				t.Errorf("(%s): unknown linter in %q", ai.Code, ai.Format)
			}
		}
	}
}

func checkRelations(t *testing.T, ai AI) {
	t.Helper()
	patterns := ai.excludes
	for _, group := range ai.needs {
		patterns = append(patterns[:len(patterns):len(patterns)], group...)
	}
	for _, p := range patterns {
		found := false
		for code := range table {
			found = found || matches(p, code)
		}
		if !found {
			t.Errorf("(%s) refers to %s, which is no identifier", ai.Code, p)
		}
	}
	if len(ai.sequences) > 0 && !ai.PrimaryKey {
		t.Errorf("(%s) has qualifiers and is no primary key", ai.Code)
	}
	for _, seq := range ai.sequences {
		for _, code := range seq {
			// A path is read from its end up to the first primary key.
			if q, ok := table[code]; !ok || q.PrimaryKey {
				t.Errorf("(%s): %s cannot be a qualifier", ai.Code, code)
			}
		}
	}
	if ai.PrimaryKey && !ai.Attribute {
		t.Errorf("(%s) is a primary key that no link can have as an attribute", ai.Code)
	}
}

// TestPredefinedLengths compares the table with the General
// Specifications' list of element strings with predefined length, which
// gives by the first two digits the length of an element, its identifier
// included. It is the older rule, by which scanners cut.
func TestPredefinedLengths(t *testing.T) {
	predefined := map[string]int{
		"00": 20, "01": 16, "02": 16, "03": 16, "04": 18,
		"11": 8, "12": 8, "13": 8, "14": 8, "15": 8, "16": 8, "17": 8, "18": 8, "19": 8,
		"20": 4, "31": 10, "32": 10, "33": 10, "34": 10, "35": 10, "36": 10, "41": 16,
	}
	for code, ai := range table {
		want, ok := predefined[code[:2]]
		shortest, longest := ai.length()
		if ai.Predefined != ok {
			t.Errorf("(%s): got predefined %t, want %t", code, ai.Predefined, ok)
		}
		if ok && (shortest != longest || len(code)+longest != want) {
			t.Errorf("(%s): got length %d to %d, want %d", code, shortest, longest, want-len(code))
		}
	}
}

func TestLookupAI(t *testing.T) {
	for code, want := range map[string]AI{
		"01":   {Code: "01", Title: "GTIN", Format: "N14,csum,gcppos2", Predefined: true, PrimaryKey: true, Attribute: true},
		"21":   {Code: "21", Title: "SERIAL", Format: "X..20"},
		"10":   {Code: "10", Title: "BATCH/LOT", Format: "X..20", Attribute: true},
		"17":   {Code: "17", Title: "USE BY or EXPIRY", Format: "N6,yymmd0", Predefined: true, Attribute: true},
		"3103": {Code: "3103", Title: "NET WEIGHT (kg)", Format: "N6", Predefined: true, Attribute: true},
		"417":  {Code: "417", Title: "PARTY", Format: "N13,csum,gcppos1", Predefined: true, PrimaryKey: true, Attribute: true},
		"98":   {Code: "98", Title: "INTERNAL", Format: "X..90", Attribute: true},
	} {
		got, ok := LookupAI(code)
		got.components, got.needs, got.excludes, got.sequences = nil, nil, nil, nil
		if !ok || got.Code != want.Code || got.Title != want.Title || got.Format != want.Format ||
			got.Predefined != want.Predefined || got.PrimaryKey != want.PrimaryKey || got.Attribute != want.Attribute {
			t.Errorf("(%s): got %+v, want %+v", code, got, want)
		}
	}
	for _, code := range []string{"", "0", "04", "89", "010", "3106", "3338", "0１", "gtin"} {
		if ai, ok := LookupAI(code); ok {
			t.Errorf("(%s): got %+v, want none", code, ai)
		}
	}
}

func TestElementCheck(t *testing.T) {
	for _, tt := range []struct {
		ai, value string
		code      Code // empty if right
	}{
		{"01", "06901234567892", ""},
		{"01", "6901234567892", GTINLength},
		{"01", "06901234567893", GTINCheckDigit},
		{"01", "0690123456789A", GTINCharacter},
		{"01", "00000000000000", GTINZero},
		{"02", "", GTINLength},
		{"00", "006141411234567890", ""},
		{"00", "006141411234567891", SSCCCheckDigit},
		{"414", "9520123456788", ""},
		{"410", "9520123456789", GLNCheckDigit},
		{"10", "AB-1/2", ""},
		{"10", "", AILength},
		{"10", strings.Repeat("A", 20), ""},
		{"10", strings.Repeat("A", 21), AILength},
		{"10", "A B", AICharacter},
		{"10", "批", AICharacter},
		{"17", "260131", ""},
		{"17", "260100", ""}, // any day of the month
		{"17", "260132", AIValue},
		{"4326", "260100", AIValue},
		{"253", "9526064000028", ""},
		{"253", "9526064000028000001", ""},
		{"253", "9526064000029", AICheckDigit},
		{"422", "156", ""},
		{"422", "157", AIValue},
		{"423", "156840", ""},
		{"423", "15684", AILength},
		{"423", "156840999", AIValue},
		{"7040", "1ABC", ""},
		{"7040", "AABC", AICharacter},
		{"8003", "01234567890128X", ""},
		{"8003", "11234567890128X", AIValue},
		{"8006", "123456789012310102", ""},
		{"8006", "123456789012310201", AIValue},
		{"8008", "26013112", ""},
		{"8008", "2601311230", ""},
		{"8008", "260131123", AILength},
		{"8008", "26013124", AIValue},
		{"8010", "0200-AB", ""},
		{"8010", "0200-ab", AICharacter},
		{"8013", "1987654Ad4X4bL5ttr2310c2K", ""},
		{"8013", "1987654Ad4X4bL5ttr2310c3K", AICheckDigit},
		{"4330", "001500", ""},
		{"4330", "001500-", ""},
		{"4330", "001500+", AIValue},
		{"8030", "c2lnbmF0dXJl", ""},
		{"89", "X", UnknownAI},
		{"", "X", UnknownAI},
		{strings.Repeat("1", 1000), "X", UnknownAI},
	} {
		err := Element{tt.ai, tt.value}.Check()
		if tt.code == "" {
			if err != nil {
				t.Errorf("(%s)%s: got error %v", tt.ai, tt.value, err)
			}
			continue
		}
		checkCode(t, "("+tt.ai+")"+tt.value, err, tt.code)
		if e, ok := err.(*Error); ok && tt.code != UnknownAI && e.AI != tt.ai {
			t.Errorf("(%s)%s: the error names AI %q", tt.ai, tt.value, e.AI)
		}
	}
}

func TestErrorSentences(t *testing.T) {
	_, plain := ParseGTIN("6901234567893")
	inLink := Element{"01", "06901234567893"}.Check()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{plain, "the GTIN 6901234567893 ends in check digit 3 where 2 is right"},
		{inLink, "AI (01): the GTIN 06901234567893 ends in check digit 3 where 2 is right"},
		{Element{"17", "261301"}.Check(), "AI (17): the date 261301 has no month between 01 and 12"},
		{Element{"10", "A\x00"}.Check(), `AI (10): the character '\x00' at position 2 of "A\x00" is not in GS1 character set 82 (ASCII letters, digits and most punctuation)`},
	} {
		if tt.err == nil || tt.err.Error() != tt.want {
			t.Errorf("got  %v\nwant %s", tt.err, tt.want)
		}
	}
}
