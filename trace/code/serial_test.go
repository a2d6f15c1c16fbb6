package code

import (
	"errors"
	"strings"
	"testing"
)

func TestParseReadsWhatPeopleWrite(t *testing.T) {
	want := testRun.Serial(2)
	upper := want.String()
	for _, text := range []string{
		upper,
		strings.ToLower(upper),
		strings.NewReplacer("0", "O", "1", "I").Replace(upper),
		strings.NewReplacer("0", "o", "1", "l").Replace(upper),
		strings.NewReplacer("0", "O", "1", "L").Replace(upper),
		strings.NewReplacer("0", "o", "1", "i").Replace(upper),
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	if !strings.ContainsAny(upper, "01") {
		t.Fatalf("%s shows nothing", upper)
	}
}

func TestParseRefuses(t *testing.T) {
	good := testRun.Serial(0).String()
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"empty":           {"", ErrFormat},
		"too short":       {good[1:], ErrFormat},
		"too long":        {good + "0", ErrFormat},
		"letter U":        {"U" + good[1:], ErrFormat},
		"hyphen":          {good[:4] + "-" + good[5:], ErrFormat},
		"space":           {good[:19] + " ", ErrFormat},
		"two-byte letter": {good[:18] + "é", ErrFormat},
		"zero byte":       {good[:19] + "\x00", ErrFormat},
		"mistyped":        {"3" + good[1:], ErrCheckCharacter},
	} {
		if got, err := Parse(test.text); !errors.Is(err, test.want) || got != (Serial{}) {
			t.Errorf("%s: Parse(%q) = %v, %v, want %v", name, test.text, got, err, test.want)
		}
	}
}

func TestCheckCharacterFindsEveryWrongCharacter(t *testing.T) {
	for index := range uint32(20) {
		good := testRun.Serial(index)
		for i := range good {
			for _, c := range []byte(alphabet) {
				bad := good
				bad[i] = c
				if _, err := Parse(bad.String()); bad != good && !errors.Is(err, ErrCheckCharacter) {
					t.Errorf("Parse(%v) for %v: %v", bad, good, err)
				}
			}
		}
	}
}

func TestCheckCharacterFindsSwaps(t *testing.T) {
	for index := range uint32(200) {
		good := testRun.Serial(index)
		for i := range len(good) - 1 {
			bad := good
			bad[i], bad[i+1] = bad[i+1], bad[i]
			blind := bad == good || strings.Contains("0Z0", string(bad[i:i+2]))
			if _, err := Parse(bad.String()); (err == nil) != blind {
				t.Errorf("Parse(%v) for %v: %v", bad, good, err)
			}
		}
	}
}

func TestRunNumberIsInTheSerial(t *testing.T) {
	run := testRun
	for n := range MaxRunNumber + 1 {
		run.Number = uint16(n)
		if n%257 == 0 || n == MaxRunNumber {
			if got := run.Serial(7).Run(); got != run.Number {
				t.Errorf("run %d is read as %d", n, got)
			}
		}
		var s Serial
		encodeRun(s[:runChars], run.Number)
		if got := s.Run(); got != run.Number {
			t.Fatalf("run %d is read as %d", n, got)
		}
	}
}

func TestNormalize(t *testing.T) {
	for typed, want := range map[string]string{
		"":                           "",
		" o0-iL-u_ ":                 "0011u_",
		"001j 6myv adgt jet7 8gtm":   "001J6MYVADGTJET78GTM",
		"OOIJ-6MYV-ADGT-JET7-8GTM\n": "001J6MYVADGTJET78GTM\n",
	} {
		if got := Normalize(typed); got != want {
			t.Errorf("Normalize(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestSecondCode(t *testing.T) {
	secret := Secret{1}
	good := SecondOf(secret, testRun.GTIN, 1, 5)
	parsed, err := ParseSecond(strings.ToLower(good.String()))
	if err != nil || !parsed.Equal(good) {
		t.Errorf("ParseSecond(%v) = %v, %v", good, parsed, err)
	}
	for name, other := range map[string]Second{
		"index":  SecondOf(secret, testRun.GTIN, 1, 6),
		"run":    SecondOf(secret, testRun.GTIN, 2, 5),
		"gtin":   SecondOf(secret, testRun.GTIN+1, 1, 5),
		"secret": SecondOf(Secret{2}, testRun.GTIN, 1, 5),
	} {
		if other.Equal(good) {
			t.Errorf("another %s gives the same second code", name)
		}
	}
	wrong := good
	wrong[3] = alphabet[(digits[wrong[3]]+1)%32]
	if _, err := ParseSecond(wrong.String()); !errors.Is(err, ErrCheckCharacter) {
		t.Errorf("ParseSecond(%v): %v, want %v", wrong, err, ErrCheckCharacter)
	}
	if _, err := ParseSecond(testRun.Serial(0).String()); !errors.Is(err, ErrFormat) {
		t.Errorf("ParseSecond of a serial: %v, want %v", err, ErrFormat)
	}
}

// FuzzParse holds that a text that parses prints as its canonical form, which
// parses to the same.
func FuzzParse(f *testing.F) {
	f.Add(testRun.Serial(0).String())
	f.Add(strings.ToLower(testRun.Serial(1).String()))
	f.Add(SecondOf(Secret{}, 1, 2, 3).String())
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := Parse(text); err == nil {
			if again, err := Parse(s.String()); err != nil || again != s || Normalize(text) != s.String() {
				t.Errorf("%q parses to %v and then to %v, %v", text, s, again, err)
			}
		}
		if s, err := ParseSecond(text); err == nil {
			if again, err := ParseSecond(s.String()); err != nil || again != s || Normalize(text) != s.String() {
				t.Errorf("%q parses to %v and then to %v, %v", text, s, again, err)
			}
		}
		if once := Normalize(text); Normalize(once) != once {
			t.Errorf("Normalize(%q) = %q, which is not normal", text, once)
		}
	})
}

// FuzzElement holds that the text form of an element is the only one.
func FuzzElement(f *testing.F) {
	f.Add(newElement(Hash{1, 2, 0xAB}, 77).String())
	f.Add(strings.ToUpper(newElement(Hash{0xAB}, 1).String()))
	f.Fuzz(func(t *testing.T, text string) {
		var e Element
		if e.UnmarshalText([]byte(text)) == nil && e.String() != text {
			t.Errorf("%q is read as %v", text, e)
		}
	})
}
