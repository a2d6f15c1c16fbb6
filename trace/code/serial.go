package code

import "errors"

const (
	serialLen = 20
	runChars  = 3
)

// A Serial is a serial of ours in the form in which it is printed. The zero
// value is not valid.
type Serial [serialLen]byte

// Parse reads a serial in any letter case, O as 0, I and L as 1. The error is
// [ErrFormat] if the text is not of our making and [ErrCheckCharacter] if it
// was mistyped. That a serial parses does not mean that it was issued.
func Parse(text string) (Serial, error) {
	var s Serial
	if err := parseChecked(s[:], text); err != nil {
		return Serial{}, err
	}
	return s, nil
}

// String returns the 20 characters.
func (s Serial) String() string { return string(s[:]) }

// Run returns the number of the run, among those of the GTIN, that the serial
// claims to be from.
func (s Serial) Run() uint16 {
	var n uint16
	for _, c := range s[:runChars] {
		n = n<<5 | uint16(digits[c]&31)
	}
	return n
}

// RunNumber reads the run number at the beginning of a text that has the form of
// a serial of ours, whatever its check character; ok is false if it has not.
func RunNumber(text string) (n uint16, ok bool) {
	var s Serial
	if err := parseChecked(s[:], text); errors.Is(err, ErrFormat) {
		return 0, false
	}
	return s.Run(), true
}

// encodeRun writes a run number as three characters.
func encodeRun(dst []byte, n uint16) {
	for i := runChars - 1; i >= 0; i-- {
		dst[i] = alphabet[n&31]
		n >>= 5
	}
}
