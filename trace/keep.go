package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// A keptJSON is the JSON of one view: what differs between items whose trails say
// the same, and the rest. A copy of the view has it too, and may have been changed:
// it is not what that writes.
type keptJSON struct {
	of         *TrailView
	head, tail []byte
}

// A viewHead is what a view's JSON begins with.
type viewHead struct {
	URI    string `json:"uri"`
	GTIN   string `json:"gtin"`
	Serial string `json:"serial"`
}

// head returns the beginning of the view's JSON, up to the comma after the serial.
func (v *TrailView) head() ([]byte, error) {
	raw, err := encodePlain(viewHead{v.URI, v.GTIN, v.Serial})
	if err != nil {
		return nil, err
	}
	raw[len(raw)-1] = ','
	return raw, nil
}

// Keep has the view remember its JSON, for one that is given to many. It must not
// be changed any more.
func (v *TrailView) Keep() error {
	raw, err := v.encode()
	if err != nil {
		return err
	}
	head, err := v.head()
	if err != nil {
		return err
	}
	v.kept = &keptJSON{v, head, raw[len(head):]}
	return nil
}

// Of returns the view of the trail of another code that says the same: see
// [Trail.Of]. It shares what it does not change, the rest of the JSON too if that
// is kept, and must not be changed either.
func (v *TrailView) Of(uri, serial string) (*TrailView, error) {
	of := *v
	of.URI, of.Serial, of.kept = uri, serial, nil
	if v.kept == nil || v.kept.of != v {
		return &of, nil
	}
	head, err := of.head()
	of.kept = &keptJSON{&of, head, v.kept.tail}
	return &of, err
}

// WriteJSON writes what MarshalJSON returns. What is kept is not copied before.
func (v *TrailView) WriteJSON(w io.Writer) error {
	if v.kept != nil && v.kept.of == v {
		return writeAll(w, v.kept.head, v.kept.tail)
	}
	parts, err := v.parts()
	if err != nil {
		return err
	}
	return writeAll(w, parts...)
}

func writeAll(w io.Writer, parts ...[]byte) error {
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// MarshalJSON implements json.Marshaler.
func (v *TrailView) MarshalJSON() ([]byte, error) {
	if v.kept != nil && v.kept.of == v {
		return slices.Concat(v.kept.head, v.kept.tail), nil
	}
	return v.encode()
}

func (v *TrailView) encode() ([]byte, error) {
	parts, err := v.parts()
	return slices.Concat(parts...), err
}

// noEvents is how a view without events begins to tell of them. No string in JSON
// holds these bytes: its quotation marks are escaped.
var noEvents = []byte(`"events":null`)

// parts encodes the view in pieces. Events of which the JSON is kept are not encoded
// again, and most of it is events.
func (v *TrailView) parts() ([][]byte, error) {
	type plain TrailView // without the method
	around := plain(*v)
	if !slices.ContainsFunc(v.Events, func(e EventView) bool { return e.told != nil }) {
		raw, err := encodePlain(&around)
		return [][]byte{raw}, err
	}
	around.Events = nil
	raw, err := encodePlain(&around)
	if err != nil {
		return nil, err
	}
	before, after, ok := bytes.Cut(raw, noEvents)
	if !ok {
		return nil, errors.New("there is no place for the events")
	}
	parts := append(make([][]byte, 0, 2*len(v.Events)+4), before, noEvents[:len(noEvents)-len("null")])
	mark := []byte("[")
	for i := range v.Events {
		one, err := v.Events[i].encode()
		if err != nil {
			return nil, err
		}
		parts = append(parts, mark, one)
		mark = []byte(",")
	}
	return append(parts, []byte("]"), after), nil
}

func (v *EventView) encode() ([]byte, error) {
	if v.told != nil {
		return v.told.json, nil
	}
	return encodePlain(v)
}

// encodePlain leaves it to whoever encodes what v stands in whether <, > and &
// are escaped.
func encodePlain(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
