package code

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
)

const secondLen = 10

// A Second is a second code (暗码), hidden on the item until it is used. It is
// short enough to be typed: its check character keeps typing errors from
// being counted as guesses.
type Second [secondLen]byte

// SecondOf returns the second code of the code with the given index. Its
// secret must not be the run's secret.
func SecondOf(secret Secret, gtin uint64, run uint16, index uint32) Second {
	input := macInput(secondPrefix, gtin, run)
	binary.BigEndian.PutUint64(input[len(input)-8:], uint64(index))
	mac := hmac.New(sha256.New, secret[:])
	mac.Write(input)

	var s Second
	encodeBits(s[:secondLen-1], mac.Sum(nil))
	s[secondLen-1] = checkCharacter(s[:secondLen-1])
	return s
}

// ParseSecond reads a second code as [Parse] reads a serial, with the same
// errors.
func ParseSecond(text string) (Second, error) {
	var s Second
	if err := parseChecked(s[:], text); err != nil {
		return Second{}, err
	}
	return s, nil
}

// String returns the 10 characters.
func (s Second) String() string { return string(s[:]) }

// Equal compares in a time that does not tell how much of a guess is right.
func (s Second) Equal(other Second) bool {
	return subtle.ConstantTimeCompare(s[:], other[:]) == 1
}
