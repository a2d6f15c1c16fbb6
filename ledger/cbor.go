package ledger

import (
	"bytes"

	"github.com/fxamacker/cbor/v2"
)

// All bytes that we hash or sign are core deterministic CBOR, RFC 8949 section
// 4.2.1. Decoding goes into typed fields, then the value is encoded again and
// compared, because a decoder's options alone let unsorted keys, longer integer
// forms and null for an absent field pass.
var (
	encMode = must(encOptions().EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   maxDepth,
		MaxArrayElements:  MaxLeaves,
		MaxMapPairs:       1024,
		UTF8:              cbor.UTF8RejectInvalid,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

// encOptions has no null: a nil list or byte string is an empty one, so that
// null, which decodes to nil, does not encode to itself and is refused.
func encOptions() cbor.EncOptions {
	opt := cbor.CoreDetEncOptions()
	opt.NilContainers = cbor.NilContainerAsEmpty
	return opt
}

// must is for package variables whose arguments are constants.
func must[T any](v T, err error) T {
	if err != nil {
		panic("ledger: " + err.Error())
	}
	return v
}

// Marshal encodes v as deterministic CBOR.
func Marshal(v any) ([]byte, error) {
	b, err := encMode.Marshal(v)
	if err != nil {
		return nil, because(CodeForm, err, "encode")
	}
	return b, nil
}

// Unmarshal decodes exactly what Marshal would have written for the decoded
// value and refuses everything else. v points to a struct, array or basic type
// with typed fields; a field of raw CBOR is checked with [CheckValue].
func Unmarshal(data []byte, v any) error {
	if err := decMode.Unmarshal(data, v); err != nil {
		return because(CodeForm, err, "decode")
	}
	again, err := encMode.Marshal(v)
	if err != nil {
		return because(CodeForm, err, "encode again")
	}
	if !bytes.Equal(again, data) {
		return wrong(CodeNotCanonical, "the bytes are not the deterministic encoding of what they say")
	}
	return nil
}

// CheckValue reports whether raw is one deterministic CBOR item made of
// integers, byte and text strings, booleans, arrays and maps with integer keys.
// There are no floats, no null and no tags in anything that we hash.
func CheckValue(raw []byte) error {
	var v any
	if err := Unmarshal(raw, &v); err != nil {
		return err
	}
	return checkPlain(v)
}

func checkPlain(v any) error {
	switch v := v.(type) {
	case uint64, int64, string, []byte, bool:
		return nil
	case []any:
		for _, e := range v {
			if err := checkPlain(e); err != nil {
				return err
			}
		}
		return nil
	case map[any]any:
		for k, e := range v {
			if _, ok := k.(uint64); !ok {
				return wrong(CodeForm, "a map key is not an unsigned integer")
			}
			if err := checkPlain(e); err != nil {
				return err
			}
		}
		return nil
	}
	return wrong(CodeForm, "a value of type %T is not allowed", v)
}
