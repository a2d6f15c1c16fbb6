package gs1

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// keyTest holds a kind of key to the promises that all kinds share.
type keyTest struct {
	name   string
	parse  func(string) (string, uint64, error)
	number func(uint64) (string, error)
	good   map[string]string // text to canonical text
	bad    map[string]Code
	badNum map[uint64]Code
}

var keyTests = []keyTest{
	{
		name: "GTIN",
		parse: func(s string) (string, uint64, error) {
			g, err := ParseGTIN(s)
			return g.String(), g.Uint64(), err
		},
		number: func(n uint64) (string, error) {
			g, err := GTINFromUint64(n)
			return g.String(), err
		},
		good: map[string]string{
			"06901234567892": "06901234567892",
			"6901234567892":  "06901234567892",
			"614141000036":   "00614141000036",
			"95050003":       "00000095050003",
			"16901234567899": "16901234567899",
		},
		bad: map[string]Code{
			"":                GTINLength,
			"6":               GTINLength,
			"690123456789":    GTINCheckDigit,
			"6901234567893":   GTINCheckDigit,
			"06901234567890":  GTINCheckDigit,
			"006901234567892": GTINLength,
			"690123456789X":   GTINCharacter,
			" 6901234567892":  GTINCharacter,
			"６９０１２３４５６７８９２": GTINCharacter, // full-width digits
			"+6901234567892": GTINCharacter,
			"00000000":       GTINZero,
			"00000000000000": GTINZero,
		},
		badNum: map[uint64]Code{
			0:               GTINZero,
			6901234567893:   GTINCheckDigit,
			100000000000007: GTINLength,
			1<<64 - 1:       GTINLength,
		},
	},
	{
		name: "SSCC",
		parse: func(s string) (string, uint64, error) {
			v, err := ParseSSCC(s)
			return v.String(), v.Uint64(), err
		},
		number: func(n uint64) (string, error) {
			v, err := SSCCFromUint64(n)
			return v.String(), err
		},
		good: map[string]string{
			"006141411234567890": "006141411234567890",
			"952012345678912345": "952012345678912345",
		},
		bad: map[string]Code{
			"06141411234567890":   SSCCLength,
			"006141411234567891":  SSCCCheckDigit,
			"0061414112345678900": SSCCLength,
			"00614141123456789O":  SSCCCharacter,
			"000000000000000000":  SSCCZero,
		},
		badNum: map[uint64]Code{
			0:                   SSCCZero,
			6141411234567891:    SSCCCheckDigit,
			1000000000000000000: SSCCLength,
		},
	},
	{
		name: "GLN",
		parse: func(s string) (string, uint64, error) {
			v, err := ParseGLN(s)
			return v.String(), v.Uint64(), err
		},
		number: func(n uint64) (string, error) {
			v, err := GLNFromUint64(n)
			return v.String(), err
		},
		good: map[string]string{
			"9520123456788": "9520123456788",
			"0614141000012": "0614141000012",
		},
		bad: map[string]Code{
			"09520123456788": GLNLength,
			"9520123456789":  GLNCheckDigit,
			"952012345678X":  GLNCharacter,
			"0000000000000":  GLNZero,
		},
		badNum: map[uint64]Code{
			0:              GLNZero,
			9520123456789:  GLNCheckDigit,
			95201234567881: GLNLength,
		},
	},
}

func TestKeys(t *testing.T) {
	for _, k := range keyTests {
		t.Run(k.name, func(t *testing.T) {
			for in, want := range k.good {
				got, n, err := k.parse(in)
				if err != nil || got != want {
					t.Errorf("parse %q: got %q, %v; want %q", in, got, err, want)
				}
				if back, err := k.number(n); err != nil || back != want {
					t.Errorf("number %d of %q: got %q, %v; want %q", n, in, back, err, want)
				}
			}
			for in, want := range k.bad {
				_, n, err := k.parse(in)
				checkCode(t, "parse "+in, err, want)
				if n != 0 {
					t.Errorf("parse %q: got number %d beside the error", in, n)
				}
			}
			for in, want := range k.badNum {
				_, err := k.number(in)
				checkCode(t, "number", err, want)
			}
		})
	}
}

// checkCode checks that err is a well-formed refusal with that code.
func checkCode(t *testing.T, what string, err error, want Code) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: got no error, want %s", what, want)
		return
	}
	checkRefusal(t, err)
	if !errors.Is(err, want) {
		t.Errorf("%s: got %s (%v), want %s", what, CodeOf(err), err, want)
	}
}

// TestCheckDigitCatchesTypos changes one digit of a right number, which
// must never leave it right.
func TestCheckDigitCatchesTypos(t *testing.T) {
	const seed = 20260101
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		body := make([]byte, 1+r.IntN(20))
		for i := range body {
			body[i] = '0' + byte(r.IntN(10))
		}
		c, err := CheckDigit(string(body))
		if err != nil {
			t.Fatalf("seed %d: CheckDigit(%s): %v", seed, body, err)
		}
		whole := append(body, c)
		if err := lintCheckDigit(string(whole)); err != nil {
			t.Fatalf("seed %d: %s: %v", seed, whole, err)
		}
		i := r.IntN(len(whole))
		whole[i] = '0' + (whole[i]-'0'+byte(1+r.IntN(9)))%10
		if err := lintCheckDigit(string(whole)); err == nil {
			t.Fatalf("seed %d: %s passes with digit %d changed", seed, whole, i)
		}
	}
}

func TestCheckDigitRefuses(t *testing.T) {
	for in, want := range map[string]Code{"": AILength, "12a": AICharacter, "-1": AICharacter} {
		_, err := CheckDigit(in)
		checkCode(t, in, err, want)
	}
}

func TestKeysAsText(t *testing.T) {
	type doc struct {
		G GTIN
		S SSCC
		L GLN
		M map[GTIN]int
	}
	g, _ := ParseGTIN("6901234567892")
	s, _ := ParseSSCC("006141411234567890")
	l, _ := ParseGLN("9520123456788")
	for _, tt := range []struct {
		name, text string
		value      doc
	}{
		{"full", `{"G":"06901234567892","S":"006141411234567890","L":"9520123456788","M":{"06901234567892":1}}`, doc{g, s, l, map[GTIN]int{g: 1}}},
		{"none", `{"G":"","S":"","L":"","M":null}`, doc{}},
	} {
		b, err := json.Marshal(tt.value)
		if err != nil || string(b) != tt.text {
			t.Errorf("%s: got %s, %v; want %s", tt.name, b, err, tt.text)
		}
		got := doc{G: g, S: s, L: l}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got.G != tt.value.G || got.S != tt.value.S || got.L != tt.value.L || got.M[g] != tt.value.M[g] {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.value)
		}
		if got.G.IsZero() != (tt.name == "none") || got.S.IsZero() != got.G.IsZero() || got.L.IsZero() != got.G.IsZero() {
			t.Errorf("%s: IsZero is wrong for %+v", tt.name, got)
		}
	}
	for _, text := range []string{`{"G":"6901234567893"}`, `{"S":"1"}`, `{"L":"1"}`} {
		if err := json.Unmarshal([]byte(text), new(doc)); err == nil {
			t.Errorf("%s: got no error", text)
		}
	}
}

func fuzzKey(f *testing.F, k keyTest) {
	for in := range k.good {
		f.Add(in)
	}
	for in := range k.bad {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		text, n, err := k.parse(in)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if !strings.HasSuffix(text, in) || strings.Trim(strings.TrimSuffix(text, in), "0") != "" {
			t.Errorf("%q became %q", in, text)
		}
		if again, m, err := k.parse(text); err != nil || again != text || m != n {
			t.Errorf("%q: parsed again %q, %d, %v", text, again, m, err)
		}
		if back, err := k.number(n); err != nil || back != text {
			t.Errorf("number %d: got %q, %v; want %q", n, back, err, text)
		}
	})
}

func FuzzParseGTIN(f *testing.F) { fuzzKey(f, keyTests[0]) }
func FuzzParseSSCC(f *testing.F) { fuzzKey(f, keyTests[1]) }
func FuzzParseGLN(f *testing.F)  { fuzzKey(f, keyTests[2]) }
