package code

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

const (
	codePrefix = "suyuan/code/v1"

	hashLen    = 16
	elementLen = hashLen + 4
)

// A Hash stands for a code in packs and proofs.
type Hash [hashLen]byte

// HashOf returns the hash of a code. For serials of ours pass what
// [Serial.String] returns, for foreign ones the exact serial.
func HashOf(gtin uint64, serial string) Hash {
	var buf [len(codePrefix) + gtinLen + 2*serialLen]byte
	input := append(buf[:0], codePrefix...)
	input = appendGTIN(input, gtin)
	input = append(input, serial...)
	sum := sha256.Sum256(input)
	return Hash(sum[:hashLen])
}

// Compare orders hashes as packs do.
func (h Hash) Compare(other Hash) int { return bytes.Compare(h[:], other[:]) }

// String returns 32 characters of lower-case hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// An Element is one code in a pack: its hash and its index in the run.
type Element [elementLen]byte

func newElement(h Hash, index uint32) (e Element) {
	copy(e[:], h[:])
	binary.BigEndian.PutUint32(e[hashLen:], index)
	return e
}

// Hash returns the hash of the code.
func (e Element) Hash() Hash { return Hash(e[:hashLen]) }

// Index returns the index of the code in its run.
func (e Element) Index() uint32 { return binary.BigEndian.Uint32(e[hashLen:]) }

// String returns 40 characters of lower-case hex.
func (e Element) String() string { return hex.EncodeToString(e[:]) }

// MarshalText returns what String does.
func (e Element) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, e[:]), nil }

// UnmarshalText reads 40 characters of lower-case hex.
func (e *Element) UnmarshalText(text []byte) error {
	var read Element
	if len(text) != hex.EncodedLen(elementLen) {
		return fmt.Errorf("pack element has %d characters, want %d", len(text), hex.EncodedLen(elementLen))
	}
	if _, err := hex.Decode(read[:], text); err != nil {
		return fmt.Errorf("pack element: %w", err)
	}
	if read.String() != string(text) {
		return fmt.Errorf("pack element is not in lower-case hex")
	}
	*e = read
	return nil
}
