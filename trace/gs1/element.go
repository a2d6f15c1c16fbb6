package gs1

import "strings"

// gs is the control character that stands for FNC1 within data.
const gs = "\x1d"

// symbologies are the identifiers (ISO/IEC 15424) that scanners put in
// front of GS1 data: GS1-128, GS1 DataBar and composite, GS1 DataMatrix,
// GS1 QR Code, GS1 DotCode.
var symbologies = []string{"]C1", "]e0", "]d2", "]Q3", "]J1"}

// An Element is a value with the application identifier that says what
// it means.
type Element struct {
	AI    string
	Value string
}

// Check returns an [*Error] unless the AI exists and the value has its
// format, check digits included.
func (e Element) Check() error {
	ai, ok := LookupAI(e.AI)
	if !ok {
		return refuse(UnknownAI, "there is no application identifier (%s)", cut(e.AI))
	}
	if kind, ok := kindOf(e.AI); ok {
		return e.checkKey(kind)
	}
	if err := ai.check(e.Value); err != nil {
		err.AI = e.AI
		return err
	}
	return nil
}

// checkKey checks a value that is a key with a type of its own. Unlike
// text, an element has the key in its full length.
func (e Element) checkKey(kind keyKind) error {
	if len(e.Value) != kind.width() {
		err := refuse(kind.code("-length"), "%s has %d digits here, not %d", kind.article, kind.width(), len(e.Value))
		err.AI = e.AI
		return err
	}
	_, err := kind.parse(e.Value)
	return withAI(e.AI, err)
}

// String returns the element as in a bracketed element string.
func (e Element) String() string {
	return "(" + e.AI + ")" + strings.ReplaceAll(e.Value, "(", `\(`)
}

// ParseBracketed reads an element string such as "(01)...(21)...". Each
// element is checked; whether they may stand together is for [Check].
func ParseBracketed(s string) ([]Element, error) {
	if err := checkElementsLength(s); err != nil {
		return nil, err
	}
	var list []Element
	for rest := s; rest != "" || list == nil; {
		code, tail, ok := cutBrackets(rest)
		if !ok {
			return nil, refuse(ElementSyntax, "%s does not begin with an application identifier in brackets", quote(rest))
		}
		var e Element
		e.AI = code
		e.Value, rest = cutBracketedValue(tail)
		if err := e.Check(); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// FormatBracketed writes what [ParseBracketed] reads.
func FormatBracketed(list []Element) string {
	var b strings.Builder
	for _, e := range list {
		b.WriteString(e.String())
	}
	return b.String()
}

// ParseFNC1 reads an element string as a scanner sends it. Each element
// is checked; whether they may stand together is for [Check].
func ParseFNC1(s string) ([]Element, error) {
	if err := checkElementsLength(s); err != nil {
		return nil, err
	}
	rest := s
	for _, id := range symbologies {
		rest = strings.TrimPrefix(rest, id)
	}
	rest = strings.TrimPrefix(rest, gs)
	var list []Element
	for rest != "" || list == nil {
		ai, ok := prefixAI(rest)
		if !ok {
			return nil, refuse(UnknownAI, "%s does not begin with an application identifier", quote(rest))
		}
		e := Element{AI: ai.Code}
		e.Value, rest = cutFNC1Value(ai, rest[len(ai.Code):])
		if err := e.Check(); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// FormatFNC1 writes what [ParseFNC1] reads, without symbology identifier
// or leading FNC1.
func FormatFNC1(list []Element) string {
	var b strings.Builder
	for i, e := range list {
		b.WriteString(e.AI)
		b.WriteString(e.Value)
		if ai, _ := LookupAI(e.AI); !ai.Predefined && i < len(list)-1 {
			b.WriteString(gs)
		}
	}
	return b.String()
}

func checkElementsLength(s string) error {
	if len(s) > MaxElementBytes {
		return refuse(ElementsLength, "an element string of %d bytes is longer than the %d we read", len(s), MaxElementBytes)
	}
	return nil
}

// cutBrackets splits "(21)ABC" into "21" and "ABC".
func cutBrackets(s string) (code, tail string, ok bool) {
	tail, ok = strings.CutPrefix(s, "(")
	if !ok {
		return "", "", false
	}
	code, tail, ok = strings.Cut(tail, ")")
	return code, tail, ok && code != "" && notDigit(code) < 0
}

// cutBracketedValue takes the value up to the next bracket that is not
// data.
func cutBracketedValue(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '(' {
			return b.String(), s[i:]
		}
		if strings.HasPrefix(s[i:], `\(`) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// cutFNC1Value takes the value of ai and the FNC1 after it.
func cutFNC1Value(ai AI, s string) (value, rest string) {
	value, rest, _ = strings.Cut(s, gs)
	if _, longest := ai.length(); ai.Predefined && len(value) > longest {
		return s[:longest], s[longest:]
	}
	return value, rest
}

// withAI names the AI in a refusal.
func withAI(ai string, err error) error {
	if e, ok := err.(*Error); ok {
		e.AI = ai
	}
	return err
}

// cut shortens foreign text that needs no quotes.
func cut(s string) string {
	if len(s) > maxQuoted {
		return s[:maxQuoted] + "…"
	}
	return s
}
