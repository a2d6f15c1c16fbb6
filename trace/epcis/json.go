package epcis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"
)

// wellFormed holds what encoding/json lets pass: nesting is bounded, no object
// names something twice, text is UTF-8, and nothing follows the value.
func wellFormed(data []byte) error {
	if len(data) > MaxDocument {
		return refuse(CodeForm, "", "%d bytes are over the limit of %d", len(data), MaxDocument)
	}
	if !utf8.Valid(data) {
		return refuse(CodeForm, "", "the text is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := skipValue(dec, 0); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return refuse(CodeForm, "", "something follows the JSON value")
	}
	return nil
}

// skipValue reads one value.
func skipValue(dec *json.Decoder, depth int) error {
	t, err := dec.Token()
	if err != nil {
		return refuse(CodeForm, "", "no JSON at byte %d: %v", dec.InputOffset(), err)
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return refuse(CodeForm, "", "values are nested deeper than %d", maxDepth)
	}
	names := make(map[string]bool)
	for dec.More() {
		if open == '{' {
			t, err := dec.Token()
			if err != nil {
				return refuse(CodeForm, "", "no JSON at byte %d: %v", dec.InputOffset(), err)
			}
			name, _ := t.(string)
			if names[name] {
				return refuse(CodeForm, name, "is named twice in one object")
			}
			names[name] = true
		}
		if err := skipValue(dec, depth+1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return refuse(CodeForm, "", "no JSON at byte %d: %v", dec.InputOffset(), err)
	}
	return nil
}

// An object hands out the attributes of a JSON object and knows which were never
// asked for.
type object struct {
	path string // "" or "errorDeclaration."
	have map[string]json.RawMessage
}

func newObject(path string, raw []byte) (*object, error) {
	var have map[string]json.RawMessage
	if err := json.Unmarshal(raw, &have); err != nil || have == nil {
		return nil, refuse(CodeForm, path, "is no object")
	}
	if path != "" {
		path += "."
	}
	return &object{path, have}, nil
}

// clone returns an object of which other attributes may be taken.
func (o *object) clone() *object { return &object{o.path, maps.Clone(o.have)} }

// take reads an attribute into v, strictly; ok is false if it is not there.
func (o *object) take(name string, v any) (ok bool, err error) {
	raw, ok := o.have[name]
	if !ok {
		return false, nil
	}
	delete(o.have, name)
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return false, refuse(CodeForm, o.path+name, "%v", err)
	}
	if string(raw) == "null" {
		return false, refuse(CodeForm, o.path+name, "is null")
	}
	return true, nil
}

// text takes an attribute that is text, "" if it is not there.
func (o *object) text(name string) (string, error) {
	var s string
	_, err := o.take(name, &s)
	return s, err
}

// left returns the names of what was not taken, ascending.
func (o *object) left() []string {
	list := slices.Sorted(maps.Keys(o.have))
	for i := range list {
		list[i] = o.path + list[i]
	}
	return list
}

// unmapped is the error about attributes for which records have no place.
func unmapped(names []string) *Error {
	more := ""
	if len(names) > maxNamed {
		more = fmt.Sprintf(" and %d more", len(names)-maxNamed)
		names = names[:maxNamed]
	}
	return refuse(CodeUnmapped, names[0], "a record has no place for %q%s; leave out what is not to be recorded", names, more)
}
