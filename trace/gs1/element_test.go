package gs1

import (
	"slices"
	"strings"
	"testing"
)

// elementStrings are lists in both spellings.
var elementStrings = []struct{ name, bracketed, fnc1 string }{
	{"one predefined", "(01)06901234567892", "0106901234567892"},
	{"one that varies", "(10)AB1", "10AB1"},
	{"predefined first", "(01)06901234567892(10)AB1", "010690123456789210AB1"},
	{"separated", "(10)AB1(21)xyz(17)260131", "10AB1\x1d21xyz\x1d17260131"},
	{"fixed, not predefined", "(402)12345678901234560(10)A", "40212345678901234560\x1d10A"},
	{"four digits", "(3103)000195(3922)0299(17)201225", "310300019539220299\x1d17201225"},
	{"brackets in data", `(10)A\(21)B(21)\(\(`, "10A(21)B\x1d21(("},
	{"digits like an identifier", "(21)0117(00)006141411234567890", "210117\x1d00006141411234567890"},
}

func TestElementStrings(t *testing.T) {
	for _, tt := range elementStrings {
		list, err := ParseBracketed(tt.bracketed)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := FormatBracketed(list); got != tt.bracketed {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.bracketed)
		}
		if got := FormatFNC1(list); got != tt.fnc1 {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.fnc1)
		}
		for _, prefix := range []string{"", gs, "]C1", "]d2", "]Q3" + gs, "]e0", "]J1"} {
			got, err := ParseFNC1(prefix + tt.fnc1)
			if err != nil || !slices.Equal(got, list) {
				t.Errorf("%s: parse %q: got %v, %v; want %v", tt.name, prefix+tt.fnc1, got, err, list)
			}
		}
	}
}

func TestParseFNC1Tolerates(t *testing.T) {
	want := []Element{{"01", "06901234567892"}, {"10", "AB1"}}
	for _, s := range []string{
		"0106901234567892\x1d10AB1",     // FNC1 after a predefined length
		"0106901234567892\x1d10AB1\x1d", // and at the end
		"010690123456789210AB1\x1d",
	} {
		got, err := ParseFNC1(s)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v, %v; want %v", s, got, err, want)
		}
	}
}

func TestElementStringsRefused(t *testing.T) {
	for _, tt := range []struct {
		parse func(string) ([]Element, error)
		in    string
		want  Code
	}{
		{ParseBracketed, "", ElementSyntax},
		{ParseBracketed, "01", ElementSyntax},
		{ParseBracketed, "()1", ElementSyntax},
		{ParseBracketed, "(1", ElementSyntax},
		{ParseBracketed, "(ab)1", ElementSyntax},
		{ParseBracketed, "x(01)06901234567892", ElementSyntax},
		{ParseBracketed, "(89)1", UnknownAI},
		{ParseBracketed, "(10)", AILength},
		{ParseBracketed, "(10)A(10)", AILength},
		{ParseBracketed, `(10)A\B`, AICharacter},
		{ParseBracketed, "(01)6901234567892", GTINLength},
		{ParseBracketed, "(10)" + strings.Repeat("A", MaxElementBytes), ElementsLength},
		{ParseFNC1, "", UnknownAI},
		{ParseFNC1, "]d2", UnknownAI},
		{ParseFNC1, "]d1010690123456789", UnknownAI}, // not a GS1 symbology
		{ParseFNC1, "8912", UnknownAI},
		{ParseFNC1, "0106901234567892\x1d\x1d10A", UnknownAI},
		{ParseFNC1, "010690123456789", GTINLength},
		{ParseFNC1, "0106901234567\x1d89210A", GTINLength},
		{ParseFNC1, "10", AILength},
		{ParseFNC1, "10A\x1d10", AILength},
		{ParseFNC1, "10" + strings.Repeat("A", 21), AILength},
		{ParseFNC1, strings.Repeat("1", MaxElementBytes+1), ElementsLength},
	} {
		list, err := tt.parse(tt.in)
		checkCode(t, cut(tt.in), err, tt.want)
		if list != nil {
			t.Errorf("%q: got %v beside the error", cut(tt.in), list)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		list string
		want Code // empty if right
	}{
		{"(01)06901234567892(10)LOT(21)SER(17)260131", ""},
		{"(21)SER(01)06901234567892", ""},
		{"(01)06901234567892(01)06901234567892", ""},
		{"(400)A(400)B", AIRepeated},
		{"(21)SER", AIMissing},
		{"(250)X(01)06901234567892", AIMissing},
		{"(250)X(01)06901234567892(21)Y", ""},
		{"(01)06901234567892(02)06901234567892(37)1", AIConflict},
		{"(00)006141411234567890(02)06901234567892(37)12", ""},
		{"(02)06901234567892(37)12", AIMissing},
		{"(01)06901234567892(3100)000100(3103)000100", AIConflict},
		{"(01)06901234567892(3925)12599(3105)654321", ""},
		{"(01)06901234567892(3925)12599", AIMissing},
		{"(8030)c2ln(253)1234567890128", AIMissing},
		{"(8030)c2ln(253)1234567890128X", ""},
	} {
		list, err := ParseBracketed(tt.list)
		if err != nil {
			t.Errorf("%s: %v", tt.list, err)
			continue
		}
		err = Check(list)
		if tt.want != "" {
			checkCode(t, tt.list, err, tt.want)
		} else if err != nil {
			t.Errorf("%s: %v", tt.list, err)
		}
	}
	checkCode(t, "a wrong element", Check([]Element{{"01", "1"}}), GTINLength)
}

func TestCheckSentence(t *testing.T) {
	err := Check([]Element{{"250", "X"}})
	const want = "AI (250): it needs (01) with (21), or (03) with (21), or (8006) with (21) beside it"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func FuzzParseBracketed(f *testing.F) {
	for _, tt := range elementStrings {
		f.Add(tt.bracketed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := ParseBracketed(s)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if got := FormatBracketed(list); got != s {
			t.Errorf("%q was written as %q", s, got)
		}
		checkFNC1RoundTrip(t, list)
	})
}

func FuzzParseFNC1(f *testing.F) {
	for _, tt := range elementStrings {
		f.Add(tt.fnc1)
		f.Add("]d2" + gs + tt.fnc1 + gs)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := ParseFNC1(s)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		checkFNC1RoundTrip(t, list)
		if again, err := ParseBracketed(FormatBracketed(list)); err != nil && len(FormatBracketed(list)) <= MaxElementBytes || err == nil && !slices.Equal(again, list) {
			t.Errorf("%q: bracketed and parsed again: %v, %v", s, again, err)
		}
	})
}

func checkFNC1RoundTrip(t *testing.T, list []Element) {
	t.Helper()
	if err := Check(list); err != nil {
		checkRefusal(t, err)
	}
	text := FormatFNC1(list)
	if again, err := ParseFNC1(text); err != nil || !slices.Equal(again, list) {
		t.Errorf("%v became %q and then %v, %v", list, text, again, err)
	}
}
