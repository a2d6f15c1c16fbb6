package code

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"iter"
	"strconv"
)

const (
	serialPrefix = "suyuan/serial/v1"
	secondPrefix = "suyuan/second/v1"

	gtinLen = 14
)

// A Secret makes the codes of one run, or its second codes, never both. Who
// knows it can print every code of the run.
type Secret [32]byte

// NewSecret returns a secret from the system's random source.
func NewSecret() Secret {
	var s Secret
	rand.Read(s[:]) // never fails, see its documentation
	return s
}

// Format keeps secrets out of logs and error texts, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[secret]") }

// A Run is what a run of codes is made from.
type Run struct {
	GTIN   uint64 // the number that the 14 digits write
	Number uint16 // of this GTIN, at most [MaxRunNumber], never used twice
	Count  uint32 // codes, 1 to [MaxRunCodes]
	Secret Secret
}

// Check returns an error wrapping [ErrRun] if a field is out of its range.
func (r Run) Check() error {
	switch {
	case r.GTIN == 0 || r.GTIN > maxGTIN:
		return fmt.Errorf("%w: GTIN %d does not have 14 digits", ErrRun, r.GTIN)
	case r.Number > MaxRunNumber:
		return fmt.Errorf("%w: run number %d is over %d", ErrRun, r.Number, MaxRunNumber)
	case r.Count == 0 || r.Count > MaxRunCodes:
		return fmt.Errorf("%w: %d codes, must be 1 to %d", ErrRun, r.Count, MaxRunCodes)
	}
	return nil
}

// Serial returns the serial with the given index. The run must pass Check and
// index be under Count for the result to mean anything.
func (r Run) Serial(index uint32) Serial { return newSerialMaker(r).serial(index) }

// Serials yields the codes with index from to to-1 in order, for printing.
// Nothing may leave the node before the run's record is stored.
func (r Run) Serials(from, to uint32) iter.Seq2[uint32, Serial] {
	return func(yield func(uint32, Serial) bool) {
		maker := newSerialMaker(r)
		for index := from; index < min(to, r.Count); index++ {
			if !yield(index, maker.serial(index)) {
				return
			}
		}
	}
}

// A serialMaker makes the serials of one run without allocating for each. It
// must not be used concurrently.
type serialMaker struct {
	run   uint16
	mac   hash.Hash
	input []byte // all that is hashed, index last
	sum   []byte
}

func newSerialMaker(r Run) *serialMaker {
	return &serialMaker{
		run:   r.Number,
		mac:   hmac.New(sha256.New, r.Secret[:]),
		input: macInput(serialPrefix, r.GTIN, r.Number),
		sum:   make([]byte, 0, sha256.Size),
	}
}

func (m *serialMaker) serial(index uint32) Serial {
	binary.BigEndian.PutUint64(m.input[len(m.input)-8:], uint64(index))
	m.mac.Reset()
	m.mac.Write(m.input)
	m.sum = m.mac.Sum(m.sum[:0])

	var s Serial
	encodeRun(s[:runChars], m.run)
	encodeBits(s[runChars:serialLen-1], m.sum)
	s[serialLen-1] = checkCharacter(s[:serialLen-1])
	return s
}

// macInput is prefix ‖ GTIN-14 ‖ run u16be ‖ room for index u64be.
func macInput(prefix string, gtin uint64, run uint16) []byte {
	in := append([]byte(nil), prefix...)
	in = appendGTIN(in, gtin)
	in = binary.BigEndian.AppendUint16(in, run)
	return append(in, make([]byte, 8)...)
}

// appendGTIN appends the 14 digits of gtin.
func appendGTIN(dst []byte, gtin uint64) []byte {
	var buf [20]byte
	text := strconv.AppendUint(buf[:0], gtin, 10)
	for range gtinLen - len(text) {
		dst = append(dst, '0')
	}
	return append(dst, text...)
}
