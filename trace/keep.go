package trace

import (
	"bytes"
	"encoding/json"
)

// Keep has the view remember its JSON, for one that is given to many. It must not
// be changed any more.
func (v *TrailView) Keep() error {
	raw, err := v.encode()
	if err == nil {
		v.encoded = raw
	}
	return err
}

// MarshalJSON implements json.Marshaler.
func (v *TrailView) MarshalJSON() ([]byte, error) {
	if v.encoded != nil {
		return v.encoded, nil
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
