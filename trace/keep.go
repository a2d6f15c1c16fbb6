package trace

import (
	"bytes"
	"encoding/json"
)

// A keptJSON is the JSON of one view. A copy of the view has it too, and may have
// been changed: it is not what that writes.
type keptJSON struct {
	of  *TrailView
	raw []byte
}

// Keep has the view remember its JSON, for one that is given to many. It must not
// be changed any more.
func (v *TrailView) Keep() error {
	raw, err := v.encode()
	if err == nil {
		v.kept = &keptJSON{v, raw}
	}
	return err
}

// MarshalJSON implements json.Marshaler.
func (v *TrailView) MarshalJSON() ([]byte, error) {
	if v.kept != nil && v.kept.of == v {
		return v.kept.raw, nil
	}
	return v.encode()
}

// encode leaves it to whoever encodes what the view stands in whether <, > and &
// are escaped.
func (v *TrailView) encode() ([]byte, error) {
	type plain TrailView // without the method
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode((*plain)(v)); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
