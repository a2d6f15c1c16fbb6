package ledger_test

import (
	"bytes"
	"fmt"
	"testing"

	"suyuan/ledger"
)

// recordPairs is goldenNamed's record as pairs to put wrong.
func recordPairs() []pair {
	network, signer, nonce := fill(0x11), address(0x22), salt(0x33)
	return []pair{
		field(1, cborUint(64)), field(2, cborBytes(network[:])), field(3, cborUint(300)), field(4, cborText("lanzhi")),
		field(5, cborBytes(signer[:])), field(6, cborUint(1)), field(7, cborUint(480)), field(8, cborBytes(nonce[:])),
		field(15, cborText("customs")),
	}
}

// deep is a fields map in which a value is nested so that the whole record has
// the given depth.
func deep(depth int) []byte {
	value := cborUint(1)
	for range depth - 2 {
		value = cborArray(value)
	}
	return cborMap(field(1, value))
}

func TestDecodeRefusesWhatIsNotDeterministic(t *testing.T) {
	for _, tt := range encodingForms() {
		_, err := ledger.DecodeRecord(tt.raw)
		wantCode(t, tt.name, err, tt.want)
	}
}

// encodingForms is one record in right and wrong CBOR.
func encodingForms() []form {
	base := recordPairs()
	swapped := append([]pair(nil), base...)
	swapped[2], swapped[3] = swapped[3], swapped[2]
	change := func(n uint64, v ...byte) []byte { return cborMap(with(base, field(n, v))...) }
	longKey := append([]pair(nil), base...)
	longKey[0].key = []byte{0x18, 0x01}
	textKey := append([]pair(nil), base...)
	textKey[8].key = cborText("15")
	indefinite := append(append([]byte{0xbf}, cborMap(base...)[1:]...), 0xff)
	network := fill(0x11)

	forms := []form{
		{"the right bytes", cborMap(base...), ""},
		{"keys not sorted", cborMap(swapped...), ledger.CodeNotCanonical},
		{"a key in a longer form", cborMap(longKey...), ledger.CodeNotCanonical},
		{"an integer in two bytes instead of one", change(6, 0x18, 0x01), ledger.CodeNotCanonical},
		{"an integer in three bytes instead of two", change(1, 0x19, 0x00, 0x40), ledger.CodeNotCanonical},
		{"an integer in nine bytes", change(6, 0x1b, 0, 0, 0, 0, 0, 0, 0, 1), ledger.CodeNotCanonical},
		{"a text length in a longer form", change(4, append([]byte{0x78, 6}, "lanzhi"...)...), ledger.CodeNotCanonical},
		{"null for an absent text", change(9, 0xf6), ledger.CodeNotCanonical},
		{"null for an absent hash", change(12, 0xf6), ledger.CodeNotCanonical},
		{"null for an absent list", change(13, 0xf6), ledger.CodeNotCanonical},
		{"null for a network", change(2, 0xf6), ledger.CodeNotCanonical},
		{"undefined for a network", change(2, 0xf7), ledger.CodeNotCanonical},
		{"an empty text that should be absent", change(9, 0x60), ledger.CodeNotCanonical},
		{"an empty list that should be absent", change(13, 0x80), ledger.CodeNotCanonical},
		{"a map of indefinite length", indefinite, ledger.CodeForm},
		{"a text of indefinite length", change(4, append([]byte{0x7f}, append(cborText("lanzhi"), 0xff)...)...), ledger.CodeForm},
		{"bytes of indefinite length", change(2, append([]byte{0x5f}, append(cborBytes(network[:]), 0xff)...)...), ledger.CodeForm},
		{"a key twice", cborMap(append(base, field(15, cborText("customs")))...), ledger.CodeForm},
		{"a key twice with another value", cborMap(append(base, field(15, cborText("harbour")))...), ledger.CodeForm},
		{"a float", change(6, 0xf9, 0x3c, 0x00), ledger.CodeForm},
		{"a tag", change(6, 0xc1, 0x01), ledger.CodeForm},
		{"a tagged map", append([]byte{0xd9, 0xd9, 0xf7}, cborMap(base...)...), ledger.CodeForm},
		{"a bignum", change(6, 0xc2, 0x41, 0x01), ledger.CodeForm},
		{"true for an integer", change(6, 0xf5), ledger.CodeForm},
		{"an unknown key", change(16, 0x01), ledger.CodeForm},
		{"a key of text", cborMap(textKey...), ledger.CodeForm},
		{"a negative key", cborMap(append(base, pair{[]byte{0x20}, cborUint(1)})...), ledger.CodeForm},
		{"bytes behind the map", append(cborMap(base...), 0x00), ledger.CodeForm},
		{"a byte missing", cborMap(base...)[:len(cborMap(base...))-1], ledger.CodeForm},
		{"no bytes", nil, ledger.CodeForm},
		{"an array", cborArray(cborUint(64)), ledger.CodeForm},
		{"a network of 31 bytes", change(2, cborBytes(network[:31])...), ledger.CodeNotCanonical},
		{"a network of 33 bytes", change(2, cborBytes(append(network[:], 0))...), ledger.CodeNotCanonical},
		{"a nonce as an array of numbers", change(8, cborArray(bytes.Split(make([]byte, 16), nil)...)...), ledger.CodeNotCanonical},
		{"a member in bytes", change(4, cborBytes([]byte("lanzhi"))...), ledger.CodeForm},
		{"a member that is no UTF-8", change(4, cborText("lan\xffhi")...), ledger.CodeForm},
		{"a chain over 32 bits", change(3, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0), ledger.CodeForm},
		{"a negative chain", change(3, 0x20), ledger.CodeForm},
		{"a kind over 16 bits", change(1, 0x1a, 0, 1, 0, 64), ledger.CodeForm},
		{"an at over 63 bits", change(6, 0x1b, 0xff, 0, 0, 0, 0, 0, 0, 0), ledger.CodeForm},
		{"fields as deep as allowed", change(11, deep(8)...), ""},
		{"fields too deep", change(11, deep(9)...), ledger.CodeForm},
		{"fields far too deep", change(11, deep(5000)...), ledger.CodeForm},
		{"null as fields", change(11, 0xf6), ledger.CodeForm},
		{"an empty map of fields", change(11, 0xa0), ledger.CodeForm},
		{"an array as fields", change(11, 0x80), ledger.CodeForm},
		{"null within fields", change(11, cborMap(field(1, []byte{0xf6}))...), ledger.CodeForm},
		{"undefined within fields", change(11, cborMap(field(1, []byte{0xf7}))...), ledger.CodeNotCanonical},
		{"a float within fields", change(11, cborMap(field(1, []byte{0xf9, 0x3e, 0x00}))...), ledger.CodeForm},
		{"a simple value within fields", change(11, cborMap(field(1, []byte{0xf0}))...), ledger.CodeForm},
		{"a text key within fields", change(11, cborMap(pair{cborText("a"), cborUint(1)})...), ledger.CodeForm},
		{"a negative key within fields", change(11, cborMap(pair{[]byte{0x20}, cborUint(1)})...), ledger.CodeForm},
		{"a key twice within fields", change(11, cborMap(field(1, cborUint(1)), field(1, cborUint(2)))...), ledger.CodeForm},
		{"keys not sorted within fields", change(11, cborMap(field(2, cborUint(1)), field(1, cborUint(2)))...), ledger.CodeNotCanonical},
		{"a long integer within fields", change(11, cborMap(field(1, []byte{0x18, 0x05}))...), ledger.CodeNotCanonical},
		{"an indefinite list within fields", change(11, cborMap(field(1, []byte{0x9f, 0x01, 0xff}))...), ledger.CodeForm},
		{"an integer beyond 64 bits within fields", change(11, cborMap(field(1, []byte{0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}))...), ledger.CodeForm},
	}
	for key := range uint64(8) {
		missing := form{fmt.Sprintf("key %d missing", key+1), cborMap(without(base, key+1)...), ledger.CodeNotCanonical}
		forms = append(forms, missing)
	}
	return forms
}

// Null decodes to a nil list, which must not be encoded as null again.
func TestDecodersRefuseNullLists(t *testing.T) {
	null := []byte{0xf6}
	hash := cborBytes(make([]byte, 32))
	tests := []struct {
		name   string
		decode func([]byte) error
		raw    []byte
	}{
		{"payload of an entry", second(ledger.DecodeEntry), cborMap(field(1, cborUint(2)), field(2, hash), field(3, cborUint(1)), field(4, null))},
		{"disclosure in a sidecar", second(ledger.DecodeSidecar), cborMap(field(1, cborArray(null)))},
		{"leaf in a sidecar", second(ledger.DecodeSidecar), cborMap(field(2, cborArray(null)))},
		{"frontier", second(ledger.DecodeFrontier), null},
		{"sidecar", second(ledger.DecodeSidecar), null},
		{"signatures of a charter", second(ledger.DecodeSignedCharter), cborArray(cborBytes(unhex(t, goldenCharterBytes)), null)},
		{"audience", second(ledger.DecodeDisclosure), cborArray(cborBytes(make([]byte, 16)), null, cborUint(1), cborUint(1))},
		{"value", second(ledger.DecodeDisclosure), cborArray(cborBytes(make([]byte, 16)), cborUint(1), cborUint(1), null)},
		{"subject", second(ledger.DecodeLeaf), cborArray(cborBytes(make([]byte, 16)), null)},
	}
	for _, tt := range tests {
		if err := tt.decode(tt.raw); err == nil {
			t.Errorf("null as %s is accepted", tt.name)
		}
	}
}

// second keeps the error of a decoder.
func second[T any](decode func([]byte) (T, error)) func([]byte) error {
	return func(raw []byte) error { _, err := decode(raw); return err }
}

func TestCheckValue(t *testing.T) {
	for text, ok := range map[string]bool{
		"00": true, "1bffffffffffffffff": true, "20": true, "3b7fffffffffffffff": true, "40": true, "6161": true,
		"f4": true, "f5": true, "80": true, "a0": true, "a10101": true, "8201820203": true,
		"f6": false, "f7": false, "f90000": false, "fb3ff199999999999a": false, "c101": false, "e0": false,
		"a1616101": false, "a12001": false, "a1410101": false, "1800": false, "0000": false, "": false, "5f4100ff": false,
		"8181818181818101": true, "818181818181818101": true, "81818181818181818101": false,
	} {
		if err := ledger.CheckValue(unhex(t, text)); (err == nil) != ok {
			t.Errorf("CheckValue(%s): %v", text, err)
		}
	}
}
