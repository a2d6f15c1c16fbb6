package gs1

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A GTIN is a verified Global Trade Item Number. It is comparable and
// may be a map key; the zero value stands for no GTIN.
type GTIN struct{ n uint64 }

// ParseGTIN reads a GTIN of 8, 12, 13 or 14 digits.
func ParseGTIN(s string) (GTIN, error) {
	n, err := gtinKind.parse(s)
	if err != nil {
		return GTIN{}, err
	}
	return GTIN{n}, nil
}

// GTINFromUint64 returns the GTIN whose 14 digits, leading zeros left
// out, are the decimal number n.
func GTINFromUint64(n uint64) (GTIN, error) {
	if err := gtinKind.checkNumber(n); err != nil {
		return GTIN{}, err
	}
	return GTIN{n}, nil
}

// String returns the 14 digits.
func (g GTIN) String() string { return gtinKind.format(g.n) }

// Uint64 returns the 14 digits as a number.
func (g GTIN) Uint64() uint64 { return g.n }

// IsZero reports whether g is no GTIN.
func (g GTIN) IsZero() bool { return g.n == 0 }

// MarshalText returns the 14 digits, and nothing for no GTIN.
func (g GTIN) MarshalText() ([]byte, error) { return gtinKind.marshal(g.n), nil }

// UnmarshalText reads what [ParseGTIN] reads, or nothing for no GTIN.
func (g *GTIN) UnmarshalText(b []byte) error { return gtinKind.unmarshal(b, &g.n) }

// An SSCC is a verified Serial Shipping Container Code, the number of a
// logistic unit. It is comparable; the zero value stands for none.
type SSCC struct{ n uint64 }

// ParseSSCC reads an SSCC of 18 digits.
func ParseSSCC(s string) (SSCC, error) {
	n, err := ssccKind.parse(s)
	if err != nil {
		return SSCC{}, err
	}
	return SSCC{n}, nil
}

// SSCCFromUint64 returns the SSCC whose 18 digits, leading zeros left
// out, are the decimal number n.
func SSCCFromUint64(n uint64) (SSCC, error) {
	if err := ssccKind.checkNumber(n); err != nil {
		return SSCC{}, err
	}
	return SSCC{n}, nil
}

// String returns the 18 digits.
func (s SSCC) String() string { return ssccKind.format(s.n) }

// Uint64 returns the 18 digits as a number.
func (s SSCC) Uint64() uint64 { return s.n }

// IsZero reports whether s is no SSCC.
func (s SSCC) IsZero() bool { return s.n == 0 }

// MarshalText returns the 18 digits, and nothing for no SSCC.
func (s SSCC) MarshalText() ([]byte, error) { return ssccKind.marshal(s.n), nil }

// UnmarshalText reads what [ParseSSCC] reads, or nothing for no SSCC.
func (s *SSCC) UnmarshalText(b []byte) error { return ssccKind.unmarshal(b, &s.n) }

// A GLN is a verified Global Location Number, of a place or a party. It
// is comparable; the zero value stands for none.
type GLN struct{ n uint64 }

// ParseGLN reads a GLN of 13 digits.
func ParseGLN(s string) (GLN, error) {
	n, err := glnKind.parse(s)
	if err != nil {
		return GLN{}, err
	}
	return GLN{n}, nil
}

// GLNFromUint64 returns the GLN whose 13 digits, leading zeros left out,
// are the decimal number n.
func GLNFromUint64(n uint64) (GLN, error) {
	if err := glnKind.checkNumber(n); err != nil {
		return GLN{}, err
	}
	return GLN{n}, nil
}

// String returns the 13 digits.
func (g GLN) String() string { return glnKind.format(g.n) }

// Uint64 returns the 13 digits as a number.
func (g GLN) Uint64() uint64 { return g.n }

// IsZero reports whether g is no GLN.
func (g GLN) IsZero() bool { return g.n == 0 }

// MarshalText returns the 13 digits, and nothing for no GLN.
func (g GLN) MarshalText() ([]byte, error) { return glnKind.marshal(g.n), nil }

// UnmarshalText reads what [ParseGLN] reads, or nothing for no GLN.
func (g *GLN) UnmarshalText(b []byte) error { return glnKind.unmarshal(b, &g.n) }

// CheckDigit returns the digit, '0' to '9', to be put after body, which
// must consist of one or more digits.
func CheckDigit(body string) (byte, error) {
	if body == "" {
		return 0, refuse(AILength, "a check digit needs at least one digit before it")
	}
	if i := notDigit(body); i >= 0 {
		return 0, refuse(AICharacter, "%s has something other than a digit at position %d", quote(body), i+1)
	}
	return checkDigit(body), nil
}

// checkDigit is CheckDigit for what is known to be digits.
func checkDigit(body string) byte {
	sum := 0
	for i := range len(body) {
		d := int(body[len(body)-1-i] - '0')
		if i%2 == 0 {
			d *= 3
		}
		sum = (sum + d) % 10 // so that no length overflows
	}
	return '0' + byte((10-sum)%10)
}

// notDigit returns the index of the first octet of s that is no ASCII
// digit, or -1.
func notDigit(s string) int {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// A keyKind is a kind of key that ends in a check digit and fits a
// uint64.
type keyKind struct {
	name    string // in messages
	article string // the name after its article
	prefix  string // of its codes
	lengths []int  // accepted numbers of digits, the last one canonical
}

var (
	gtinKind = keyKind{"GTIN", "a GTIN", "gtin", []int{8, 12, 13, 14}}
	ssccKind = keyKind{"SSCC", "an SSCC", "sscc", []int{18}}
	glnKind  = keyKind{"GLN", "a GLN", "gln", []int{13}}
)

// kindOf returns the kind of key that is the value of an AI.
func kindOf(ai string) (keyKind, bool) {
	switch ai {
	case "01", "02", "03":
		return gtinKind, true
	case "00":
		return ssccKind, true
	case "410", "411", "412", "413", "414", "415", "416", "417":
		return glnKind, true
	}
	return keyKind{}, false
}

func (k keyKind) code(suffix string) Code { return Code(k.prefix + suffix) }

func (k keyKind) width() int { return k.lengths[len(k.lengths)-1] }

// parse returns the number that s spells. Errors are of type *Error,
// and declared as error so that a nil one is nil.
func (k keyKind) parse(s string) (uint64, error) {
	if i := notDigit(s); i >= 0 {
		return 0, refuse(k.code("-character"), "%s has digits only, but %s has something else at position %d", k.article, quote(s), i+1)
	}
	if !slices.Contains(k.lengths, len(s)) {
		return 0, refuse(k.code("-length"), "%s has %s digits, not %d", k.article, k.lengthText(), len(s))
	}
	body, check := s[:len(s)-1], s[len(s)-1]
	if want := checkDigit(body); check != want {
		return 0, refuse(k.code("-check-digit"), "the %s %s ends in check digit %c where %c is right", k.name, s, check, want)
	}
	var n uint64 // at most 18 digits, so it cannot overflow
	for i := range len(s) {
		n = n*10 + uint64(s[i]-'0')
	}
	if n == 0 {
		return 0, refuse(k.code("-zero"), "the number zero is no %s", k.name)
	}
	return n, nil
}

func (k keyKind) checkNumber(n uint64) error {
	s := strconv.FormatUint(n, 10)
	if len(s) > k.width() {
		return refuse(k.code("-length"), "%s has at most %d digits, not %d", k.article, k.width(), len(s))
	}
	_, err := k.parse(k.format(n))
	return err
}

func (k keyKind) format(n uint64) string { return fmt.Sprintf("%0*d", k.width(), n) }

func (k keyKind) marshal(n uint64) []byte {
	if n == 0 {
		return []byte{}
	}
	return []byte(k.format(n))
}

func (k keyKind) unmarshal(b []byte, n *uint64) error {
	if len(b) == 0 {
		*n = 0
		return nil
	}
	v, err := k.parse(string(b))
	if err != nil {
		return err
	}
	*n = v
	return nil
}

// lengthText returns "8, 12, 13 or 14", or the only length.
func (k keyKind) lengthText() string {
	var b strings.Builder
	for i, n := range k.lengths {
		switch {
		case i > 0 && i == len(k.lengths)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}
