package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// TestKeptViewsHaveTheSameJSON holds that keeping a view changes nothing of what
// is written, escaped or not.
func TestKeptViewsHaveTheSameJSON(t *testing.T) {
	make := func() *TrailView {
		return &TrailView{
			URI: "https://x/01/1?a&b", Events: []EventView{{Kind: "ship", Fields: Values{"to": "a<b>&c", "n": uint64(3)}}},
			Findings: []FindingView{}, AsOf: map[string]uint64{"b/2": 1, "a/1": 2}, Sources: []*TrailView{{URI: "y"}},
		}
	}
	type plain TrailView
	kept := make()
	if err := kept.Keep(); err != nil {
		t.Fatal(err)
	}
	for _, escape := range []bool{true, false} {
		write := func(v any) string {
			var buf bytes.Buffer
			enc := json.NewEncoder(&buf)
			enc.SetEscapeHTML(escape)
			if err := enc.Encode(map[string]any{"trail": v}); err != nil {
				t.Fatal(err)
			}
			return buf.String()
		}
		want := write((*plain)(make()))
		for name, v := range map[string]*TrailView{"kept": kept, "not kept": make()} {
			if got := write(v); got != want {
				t.Errorf("%s, escaped %t:\n%swant\n%s", name, escape, got, want)
			}
		}
	}
	other := make()
	other.URI, other.Serial = "https://x/01/1?c&d", "<1>"
	of, err := kept.Of(other.URI, other.Serial)
	if err != nil || of.kept == nil {
		t.Fatalf("of another: %+v, %v", of, err)
	}
	var got, want bytes.Buffer
	if err := errors.Join(of.WriteJSON(&got), other.WriteJSON(&want)); err != nil || got.String() != want.String() {
		t.Errorf("of another: %s, want %s; %v", &got, &want, err)
	}
	if raw, err := of.MarshalJSON(); err != nil || string(raw) != want.String() {
		t.Errorf("of another: %s, want %s; %v", raw, &want, err)
	}
	if unkept, err := make().Of("u", "s"); err != nil || unkept.kept != nil || unkept.URI != "u" {
		t.Errorf("of another, not kept: %+v, %v", unkept, err)
	}
	copied := *kept
	copied.URI = "other"
	if got, err := json.Marshal(&copied); err != nil || !bytes.Contains(got, []byte(`"uri":"other"`)) {
		t.Errorf("a copy that was changed writes %s, %v", got, err)
	}
	if got, err := json.Marshal(&Answer{}); err != nil || !bytes.Contains(got, []byte(`"trail":null`)) {
		t.Errorf("without a trail: %s, %v", got, err)
	}
}
