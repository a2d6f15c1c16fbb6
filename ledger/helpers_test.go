package ledger_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"suyuan/ledger"
)

// unhex reads hex with a comment after // on any line and spaces anywhere.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(line, "//")
		digits.WriteString(strings.Join(strings.Fields(code), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatalf("bad hex in a test: %v", err)
	}
	return b
}

// wantBytes compares bytes and shows where they part.
func wantBytes(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	t.Errorf("%s differs at byte %d\n got %x\nwant %x", what, at, got, want)
}

// wantCode compares the code of an error; "" wants no error.
func wantCode(t testing.TB, what string, err error, want ledger.Code) {
	t.Helper()
	switch got := ledger.CodeOf(err); {
	case want == "" && err != nil:
		t.Errorf("%s: %v (%s), want no error", what, err, got)
	case want != "" && err == nil:
		t.Errorf("%s: no error, want %s", what, want)
	case got != want:
		t.Errorf("%s: code %s (%v), want %s", what, got, err, want)
	}
}

// form is bytes with the code that they are refused with, "" if they are good.
// The tables of forms are also the test vectors.
type form struct {
	name string
	raw  []byte
	want ledger.Code
}

// fill returns a hash of one byte repeated.
func fill(b byte) (h ledger.Hash) {
	for i := range h {
		h[i] = b
	}
	return h
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pair is one key and value of a CBOR map, encoded.
type pair struct{ key, value []byte }

// cborMap joins pairs in the order given, right or wrong.
func cborMap(pairs ...pair) []byte {
	out := cborHead(5, uint64(len(pairs)))
	for _, p := range pairs {
		out = append(append(out, p.key...), p.value...)
	}
	return out
}

// cborArray joins encoded items.
func cborArray(items ...[]byte) []byte {
	return append(cborHead(4, uint64(len(items))), bytes.Join(items, nil)...)
}

// cborHead is the shortest head of a major type with its argument.
func cborHead(major byte, n uint64) []byte {
	switch m := major << 5; {
	case n < 24:
		return []byte{m | byte(n)}
	case n < 1<<8:
		return []byte{m | 24, byte(n)}
	case n < 1<<16:
		return []byte{m | 25, byte(n >> 8), byte(n)}
	default:
		return []byte{m | 26, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	}
}

func cborUint(n uint64) []byte      { return cborHead(0, n) }
func cborBytes(b []byte) []byte     { return append(cborHead(2, uint64(len(b))), b...) }
func cborText(s string) []byte      { return append(cborHead(3, uint64(len(s))), s...) }
func field(n uint64, v []byte) pair { return pair{cborUint(n), v} }

// with returns the pairs with the values of some keys replaced, or added where
// the key belongs.
func with(pairs []pair, changed ...pair) []pair {
	out := append([]pair(nil), pairs...)
next:
	for _, c := range changed {
		for i := range out {
			if bytes.Equal(out[i].key, c.key) {
				out[i] = c
				continue next
			}
		}
		at := 0
		for at < len(out) && bytes.Compare(out[at].key, c.key) < 0 {
			at++
		}
		out = append(out[:at], append([]pair{c}, out[at:]...)...)
	}
	return out
}

// without returns the pairs but those of a key.
func without(pairs []pair, key uint64) []pair {
	var out []pair
	for _, p := range pairs {
		if !bytes.Equal(p.key, cborUint(key)) {
			out = append(out, p)
		}
	}
	return out
}
