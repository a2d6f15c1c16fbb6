package gs1

import (
	"slices"
	"strings"
	"testing"
)

const (
	id     = "/01/06901234567892"
	serial = "0A1B2C3D4E5F6G7H8J9K"
)

func TestParseLink(t *testing.T) {
	gtin := Element{"01", "06901234567892"}
	for _, tt := range []struct {
		name, uri string
		want      Link
		text      string // if it is not written as it was read
	}{
		{"upper case, as in our QR codes", "HTTPS://LANZHI.EXAMPLE" + id + "/21/" + serial,
			Link{"HTTPS://LANZHI.EXAMPLE", gtin, []Element{{"21", serial}}, nil}, ""},
		{"mixed case", "Https://Lanzhi.Example" + id + "/21/aBc",
			Link{"Https://Lanzhi.Example", gtin, []Element{{"21", "aBc"}}, nil}, ""},
		{"key alone", "https://a.example" + id,
			Link{"https://a.example", gtin, nil, nil}, ""},
		{"lot and serial", "https://a.example" + id + "/10/L-1/21/S",
			Link{"https://a.example", gtin, []Element{{"10", "L-1"}, {"21", "S"}}, nil}, ""},
		{"variant, lot and serial", "https://a.example" + id + "/22/V/10/L/21/S",
			Link{"https://a.example", gtin, []Element{{"22", "V"}, {"10", "L"}, {"21", "S"}}, nil}, ""},
		{"third-party serial", "https://a.example" + id + "/235/T",
			Link{"https://a.example", gtin, []Element{{"235", "T"}}, nil}, ""},
		{"stem, port, address", "http://[2001:db8::1]:8080/x/y/01/z" + id,
			Link{"http://[2001:db8::1]:8080/x/y/01/z", gtin, nil, nil}, ""},
		{"the last key counts", "https://a.example/00/006141411234567890" + id,
			Link{"https://a.example/00/006141411234567890", gtin, nil, nil}, ""},
		{"logistic unit", "https://a.example/00/006141411234567890?02=06901234567892&37=25&10=ABC",
			Link{"https://a.example", Element{"00", "006141411234567890"}, nil,
				[]Element{{"02", "06901234567892"}, {"37", "25"}, {"10", "ABC"}}}, ""},
		{"place", "https://a.example/414/9520123456788/254/32a%2Fb",
			Link{"https://a.example", Element{"414", "9520123456788"}, []Element{{"254", "32a/b"}}, nil}, ""},
		{"payment slip", "https://a.example/415/9520123456788/8020/R",
			Link{"https://a.example", Element{"415", "9520123456788"}, []Element{{"8020", "R"}}, nil}, ""},
		{"escapes", "https://a.example" + id + "/21/a%2fb%25%41+?17=260131&99=x%2By%2fz",
			Link{"https://a.example", gtin, []Element{{"21", "a/b%A+"}}, []Element{{"17", "260131"}, {"99", "x+y/z"}}},
			"https://a.example" + id + "/21/a%2Fb%25A%2B?17=260131&99=x%2By%2Fz"},
		{"foreign parameters and fragment", "https://a.example" + id + "?linkType=gs1:pip&&17=260131&utm#x?y/01/z",
			Link{"https://a.example", gtin, nil, []Element{{"17", "260131"}}},
			"https://a.example" + id + "?17=260131"},
	} {
		got, err := ParseLink(tt.uri)
		if err != nil || !sameLink(got, tt.want) {
			t.Errorf("%s: %s: got %+v, %v; want %+v", tt.name, tt.uri, got, err, tt.want)
			continue
		}
		want := tt.text
		if want == "" {
			want = tt.uri
		}
		if got.String() != want {
			t.Errorf("%s: got %s, want %s", tt.name, got, want)
		}
	}
}

func sameLink(a, b Link) bool {
	return a.Stem == b.Stem && a.Key == b.Key &&
		slices.Equal(a.Qualifiers, b.Qualifiers) && slices.Equal(a.Attributes, b.Attributes)
}

func TestParseLinkRefuses(t *testing.T) {
	const a = "https://a.example"
	for _, tt := range []struct {
		uri  string
		want Code
	}{
		{"", NotDigitalLink},
		{"a.example" + id, NotDigitalLink},
		{"ftp://a.example" + id, NotDigitalLink},
		{"https:" + id, NotDigitalLink},
		{"https://" + id, NotDigitalLink},
		{"https://user@a.example" + id, NotDigitalLink},
		{"https://a.example:" + id, NotDigitalLink},
		{"https://a.example:123456" + id, NotDigitalLink},
		{"https://a%2eexample" + id, NotDigitalLink},
		{"https://[::1" + id, NotDigitalLink},
		{"https://[]" + id, NotDigitalLink},
		{"https://a_b.example" + id, NotDigitalLink},
		{"https://" + strings.Repeat("a", 100) + "@b.example" + id, NotDigitalLink},
		{"https://..." + id, NotDigitalLink},
		{a, NotDigitalLink},
		{a + "/", NotDigitalLink},
		{a + "/about/us", NotDigitalLink},
		{a + "/01", NotDigitalLink},
		{a + "/21/abc", NotDigitalLink},
		{a + id + "/", NotDigitalLink},
		{a + id + "/21/A/", NotDigitalLink},
		{a + "?01=06901234567892", NotDigitalLink},
		{a + "/AQnYUc1gmiRwf0cdoQ", NotDigitalLink}, // compressed
		{a + "/gtin/06901234567892", NotDigitalLink},
		{a + "/01/", GTINLength},
		{a + "/01/6901234567892", GTINLength},
		{a + "/01/06901234567893", GTINCheckDigit},
		{a + "/01/0690123456789O", GTINCharacter},
		{a + "/01/00000000000000", GTINZero},
		{a + "/00/006141411234567891", SSCCCheckDigit},
		{a + "/414/9520123456789", GLNCheckDigit},
		{a + id + "/21/", AILength},
		{a + id + "/21/" + strings.Repeat("A", 21), AILength},
		{a + id + "/21/A%20B", AICharacter},
		{a + id + "/21/%E6%89%B9", AICharacter},
		{a + id + "/21/A%00", AICharacter},
		{a + id + "/21/A/10/B", KeyQualifier}, // wrong order
		{a + id + "/21/A/21/A", KeyQualifier},
		{a + id + "/10/A/235/B", KeyQualifier},
		{a + id + "/99/A", KeyQualifier},
		{a + "/00/006141411234567890/10/A", KeyQualifier},
		{a + id + "?10=A", AttributePosition}, // belongs in the path
		{a + id + "?235=A", AttributePosition},
		{a + id + "?8200=http", AttributePosition},
		{a + id + "?01=06901234567892", AIRepeated},
		{a + id + "?99=A&99=A", AIRepeated},
		{a + id + "?89=A", UnknownAI},
		{a + id + "?12345=A", UnknownAI},
		{a + id + "?99=", AILength},
		{a + id + "?99", AILength},
		{a + id + "?17=261301", AIValue},
		{a + id + "?17=26%20131", AICharacter},
		{a + id + "?99=A+B", AICharacter}, // the space that "+" stands for in a query
		{a + id + "/21/批", URICharacter},
		{a + id + "/21/A B", URICharacter},
		{a + id + "/21/A\n", URICharacter},
		{a + id + "?99=<", URICharacter},
		{a + id + "?x=" + strings.Repeat("A", MaxURIBytes), URILength},
	} {
		l, err := ParseLink(tt.uri)
		checkCode(t, cut(tt.uri), err, tt.want)
		if !sameLink(l, Link{}) {
			t.Errorf("%s: got %+v beside the error", cut(tt.uri), l)
		}
	}
}

func TestLongestURI(t *testing.T) {
	uri := "https://a.example" + id + "?x="
	uri += strings.Repeat("A", MaxURIBytes-len(uri))
	if _, err := ParseLink(uri); err != nil {
		t.Errorf("%d bytes: %v", len(uri), err)
	}
}

func TestParserLeniences(t *testing.T) {
	for _, tt := range []struct {
		name   string
		parser Parser
		uri    string
		strict Code // what a strict parser says
		want   string
	}{
		{"words", Parser{ConvenienceNames: true}, "https://a/gtin/06901234567892/lot/L/ser/S", NotDigitalLink,
			"https://a/01/06901234567892/10/L/21/S"},
		{"GTIN-13", Parser{ShortGTIN: true}, "https://a/01/6901234567892/21/S", GTINLength,
			"https://a/01/06901234567892/21/S"},
		{"GTIN-8 as an attribute", Parser{ShortGTIN: true}, "https://a/8004/95201234?01=95050003", GTINLength,
			"https://a/8004/95201234?01=00000095050003"},
		{"unknown attribute", Parser{UnknownAttributes: true}, "https://a" + id + "?99=X&89=A%2FB", UnknownAI,
			"https://a" + id + "?99=X&89=A%2FB"},
	} {
		if _, err := ParseLink(tt.uri); CodeOf(err) != tt.strict {
			t.Errorf("%s: a strict parser says %v, want %s", tt.name, err, tt.strict)
		}
		got, err := tt.parser.Parse(tt.uri)
		if err != nil || got.String() != tt.want {
			t.Errorf("%s: got %s, %v; want %s", tt.name, got, err, tt.want)
		}
	}
	all := Parser{ConvenienceNames: true, ShortGTIN: true, UnknownAttributes: true}
	for uri, want := range map[string]Code{
		"https://a/GTIN/06901234567892":         NotDigitalLink,
		"https://a/01/6901234567893":            GTINCheckDigit,
		"https://a/01/901234567892":             GTINCheckDigit,
		"https://a" + id + "?89=":               AILength,
		"https://a" + id + "?89=A%20B":          AICharacter,
		"https://a" + id + "?89=A&89=A":         AIRepeated,
		"https://a" + id + "?12345=A":           UnknownAI,
		"https://a" + id + "?8=A":               UnknownAI,
		"https://a/ser/S/gtin/06901234567892/x": NotDigitalLink,
	} {
		_, err := all.Parse(uri)
		checkCode(t, uri, err, want)
	}
}

func TestParseTarget(t *testing.T) {
	l, err := Parser{}.ParseTarget("/x" + id + "/21/a%2Fb?17=260131")
	if err != nil || l.Stem != "/x" || l.Serial() != "a/b" || l.String() != "/x"+id+"/21/a%2Fb?17=260131" {
		t.Errorf("got %+v, %v", l, err)
	}
	for target, want := range map[string]Code{
		"":                                NotDigitalLink,
		"01/06901234567892":               NotDigitalLink,
		"/":                               NotDigitalLink,
		"/01/06901234567893":              GTINCheckDigit,
		"https://a" + id:                  NotDigitalLink,
		"/" + strings.Repeat("A", 1<<16):  URILength,
		"/01/06901234567892/21/\xff\xfe":  URICharacter,
		"/01/06901234567892/21/A%0D%0AB:": AICharacter,
	} {
		_, err := Parser{}.ParseTarget(target)
		checkCode(t, cut(target), err, want)
	}
}

func TestLinkAccessors(t *testing.T) {
	for _, tt := range []struct {
		uri                          string
		gtin, sscc, gln, lot, serial string
	}{
		{"/01/06901234567892/10/L/21/S", "06901234567892", "", "", "L", "S"},
		{"/00/006141411234567890?10=L", "", "006141411234567890", "", "", ""},
		{"/414/9520123456788", "", "", "9520123456788", "", ""},
		{"/417/9520123456788", "", "", "9520123456788", "", ""},
		{"/8004/95201234", "", "", "", "", ""},
	} {
		l, err := Parser{}.ParseTarget(tt.uri)
		if err != nil {
			t.Errorf("%s: %v", tt.uri, err)
			continue
		}
		g, isGTIN := l.GTIN()
		s, isSSCC := l.SSCC()
		n, isGLN := l.GLN()
		if isGTIN != (tt.gtin != "") || isGTIN && g.String() != tt.gtin ||
			isSSCC != (tt.sscc != "") || isSSCC && s.String() != tt.sscc ||
			isGLN != (tt.gln != "") || isGLN && n.String() != tt.gln ||
			l.Lot() != tt.lot || l.Serial() != tt.serial {
			t.Errorf("%s: got %v %v %v %q %q", tt.uri, g, s, n, l.Lot(), l.Serial())
		}
	}
	if _, ok := (Link{}).GTIN(); ok || (Link{}).String() != "" {
		t.Error("the zero link says something")
	}
}

func TestCanonical(t *testing.T) {
	const want = "https://id.gs1.org/01/06901234567892/10/L/21/S?17=260131&3103=000195&99=X"
	for _, uri := range []string{
		"https://a.example/x/01/06901234567892/10/L/21/S?99=X&3103=000195&17=260131",
		"HTTP://B.EXAMPLE/01/06901234567892/10/%4c/21/S?17=260131&x=y&99=X&3103=000195#z",
	} {
		l, err := ParseLink(uri)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		before := l.String()
		if got := l.Canonical(); got != want {
			t.Errorf("%s: got %s, want %s", uri, got, want)
		}
		if l.String() != before {
			t.Errorf("%s: Canonical changed the link to %s", uri, l)
		}
	}
}

func TestNewLink(t *testing.T) {
	for _, tt := range []struct{ stem, list, want string }{
		{"HTTPS://LANZHI.EXAMPLE", "(01)06901234567892(21)" + serial, "HTTPS://LANZHI.EXAMPLE" + id + "/21/" + serial},
		{"https://a.example/x/", "(21)S(10)L(01)06901234567892", "https://a.example/x" + id + "/10/L/21/S"},
		{"", "(00)006141411234567890", "/00/006141411234567890"},
		{"http://127.0.0.1:8080", "(01)06901234567892(99)X(17)260131(11)260101", "http://127.0.0.1:8080" + id + "?17=260131&11=260101&99=X"},
		{"https://a", "(01)06901234567892(235)T", "https://a" + id + "/235/T"},
		{"https://a", "(01)06901234567892(21)S(21)S", "https://a" + id + "/21/S"},
		{"https://a", `(01)06901234567892(21)\(/?&=+%`, "https://a" + id + "/21/%28%2F%3F%26%3D%2B%25"},
	} {
		list, err := ParseBracketed(tt.list)
		if err != nil {
			t.Errorf("%s: %v", tt.list, err)
			continue
		}
		given := slices.Clone(list)
		l, err := NewLink(tt.stem, list)
		if err != nil || l.String() != tt.want {
			t.Errorf("%s: got %s, %v; want %s", tt.list, l, err, tt.want)
		}
		if !slices.Equal(list, given) {
			t.Errorf("%s: NewLink changed its argument to %v", tt.list, list)
		}
	}
}

func TestNewLinkRefuses(t *testing.T) {
	gtin := Element{"01", "06901234567892"}
	for _, tt := range []struct {
		name, stem string
		list       []Element
		want       Code
	}{
		{"nothing", "https://a", nil, NotDigitalLink},
		{"no key", "https://a", []Element{{"21", "S"}}, NotDigitalLink},
		{"wrong key", "https://a", []Element{{"01", "06901234567893"}}, GTINCheckDigit},
		{"no such identifier", "https://a", []Element{gtin, {"89", "X"}}, UnknownAI},
		{"two serials", "https://a", []Element{gtin, {"21", "S"}, {"21", "T"}}, AIRepeated},
		{"two values", "https://a", []Element{gtin, {"99", "S"}, {"99", "T"}}, AIRepeated},
		{"two sequences", "https://a", []Element{gtin, {"235", "T"}, {"10", "L"}}, AttributePosition},
		{"not for links", "https://a", []Element{gtin, {"8200", "http"}}, AttributePosition},
		{"no scheme", "a.example", []Element{gtin}, NotDigitalLink},
		{"query in the stem", "https://a/?x=y", []Element{gtin}, NotDigitalLink},
		{"fragment in the stem", "https://a/#", []Element{gtin}, NotDigitalLink},
		{"space in the stem", "https://a b", []Element{gtin}, URICharacter},
		{"too long", "https://a/" + strings.Repeat("x", MaxURIBytes-20), []Element{gtin}, URILength},
	} {
		l, err := NewLink(tt.stem, tt.list)
		checkCode(t, tt.name, err, tt.want)
		if !sameLink(l, Link{}) {
			t.Errorf("%s: got %+v beside the error", tt.name, l)
		}
	}
}

func FuzzParseLink(f *testing.F) {
	for _, uri := range []string{
		"HTTPS://LANZHI.EXAMPLE" + id + "/21/" + serial,
		"https://a.example" + id + "/22/V/10/L%2F/21/S?17=260131&99=x%2By#f",
		"https://a.example/x/00/006141411234567890?02=06901234567892&37=25",
		"http://[::1]:80/gtin/6901234567892/ser/%41?89=x&y",
		"https://a/414/9520123456788/254/a%",
	} {
		f.Add(uri, true)
		f.Add(uri, false)
	}
	f.Fuzz(func(t *testing.T, uri string, lenient bool) {
		p := Parser{lenient, lenient, lenient}
		l, err := p.Parse(uri)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		// Escaping can lengthen what an unescaped URI spelled.
		text := l.String()
		if len(text) > MaxURIBytes {
			return
		}
		again, err := p.Parse(text)
		if err != nil || !sameLink(again, l) || again.String() != text {
			t.Errorf("%q became %q and then %+v, %v; want %+v", uri, text, again, err, l)
		}
		if c, err := p.Parse(l.Canonical()); err == nil && c.Canonical() != l.Canonical() {
			t.Errorf("%q: canonical %q and then %q", uri, l.Canonical(), c.Canonical())
		}
		if lenient {
			return
		}
		made, err := NewLink(l.Stem, l.Elements())
		if err != nil || made.Canonical() != l.Canonical() {
			t.Errorf("%q: made from its elements: %s, %v", uri, made, err)
		}
	})
}

func FuzzParseTarget(f *testing.F) {
	f.Add(id + "/21/" + serial)
	f.Add("/x" + id + "?17=260131")
	f.Fuzz(func(t *testing.T, target string) {
		l, err := Parser{}.ParseTarget(target)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		text := l.String()
		if len(text) > MaxURIBytes {
			return
		}
		if again, err := (Parser{}).ParseTarget(text); err != nil || !sameLink(again, l) {
			t.Errorf("%q became %q and then %+v, %v; want %+v", target, text, again, err, l)
		}
	})
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "a b+c%41", "\x00\xff/", "%", "%4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, query := range []bool{false, true} {
			if got := unescape(escape(s, query), query); got != s {
				t.Errorf("%q became %q and then %q", s, escape(s, query), got)
			}
			if n := len(unescape(s, query)); n > len(s) {
				t.Errorf("unescaping %q made it longer, %d", s, n)
			}
		}
	})
}
