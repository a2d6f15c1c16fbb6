package web

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// fingerprint is the SHA-256 of what v points to, with all that is below. Two
// values of one type with the same fingerprint say the same.
func fingerprint(v any) [sha256.Size]byte {
	buf := buffers.Get().(*[]byte)
	b := append((*buf)[:0], reflect.TypeOf(v).String()...)
	b = appendValue(b, reflect.ValueOf(v).Elem())
	sum := sha256.Sum256(b)
	*buf = b
	buffers.Put(buf)
	return sum
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

var timeType = reflect.TypeFor[time.Time]()

// appendValue writes a value so that no other of its type is written the same:
// texts and lists behind their length, and pointers behind whether there is
// something. Of a time that is the instant and the offset, as pages show both.
func appendValue(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.String:
		b = binary.AppendUvarint(b, uint64(v.Len()))
		return append(b, v.String()...)
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case reflect.Int:
		return binary.AppendVarint(b, v.Int())
	case reflect.Uint64:
		return binary.AppendUvarint(b, v.Uint())
	case reflect.Slice:
		b = binary.AppendUvarint(b, uint64(v.Len()))
		for i := range v.Len() {
			b = appendValue(b, v.Index(i))
		}
		return b
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 0)
		}
		return appendValue(append(b, 1), v.Elem())
	case reflect.Struct:
		if v.Type() == timeType {
			return appendTime(b, v)
		}
		for i := range v.NumField() {
			b = appendValue(b, v.Field(i))
		}
		return b
	}
	panic(fmt.Sprintf("web: %s in a view", v.Kind())) // TestFingerprint looks at all fields
}

func appendTime(b []byte, v reflect.Value) []byte {
	t := v.Addr().Interface().(*time.Time) // whatever is looked at is behind a pointer
	_, offset := t.Zone()
	b = binary.AppendVarint(b, t.Unix())
	b = binary.AppendVarint(b, int64(t.Nanosecond()))
	return binary.AppendVarint(b, int64(offset))
}
