package node

import (
	"context"
	"slices"
	"strings"
	"testing"

	"suyuan/trace"
	"suyuan/trace/code"
)

// Links of the item, its lot and its product come from the records of who has the
// GTIN, as soon as they are final, and go when corrected.
func TestLinksOfAnItem(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	n := newBrand(t)
	n.issue(t, toner, 200)
	n.mustSubmit(t, activateDraft(0, 99))
	page := func(kind, path string, subject trace.DraftSubject) trace.Draft {
		return trace.Draft{Kind: "link", Subjects: []trace.DraftSubject{subject}, Fields: fields{"type": kind, "href": "https://lanzhi.example/" + path}}
	}
	product, lot := trace.DraftSubject{GTIN: toner}, trace.DraftSubject{GTIN: toner, Lot: "B1"}
	placed := n.mustSubmit(t, page("gs1:pip", "toner", product), page("gs1:pip", "wrong", product), page("gs1:certificationInfo", "B1", lot), page("gs1:support", "seven", codesOf(toner, 7, 7)))
	n.mustSubmit(t, trace.Draft{Kind: "correct", Subjects: []trace.DraftSubject{product}, Fields: fields{"target": placed[1].ID, "reason": "wrong-code"}})
	n.put(t, n.checkpoint(t))
	var forged string
	for _, s := range (code.Run{GTIN: toner.Uint64(), Count: 1, Secret: code.Secret{42}}).Serials(0, 1) {
		forged = s.String()
	}
	serial := func(i uint32) string { return link(toner, n.serial(t, toner, 0, i)) }
	for _, c := range []struct{ name, uri, want string }{
		{"an item", serial(7), "seven B1 toner"},
		{"the item again", serial(7), "seven B1 toner"},
		{"an item whose lot is not known", serial(150), "toner"},
		{"another item", serial(8), "B1 toner"},
		{"a code that was never issued", link(toner, forged), "toner"},
		{"the product", "https://lanzhi.example/01/" + toner.String(), "toner"},
		{"the lot", "https://lanzhi.example/01/" + toner.String() + "/10/B1", "B1 toner"},
		{"a unit", "https://lanzhi.example/00/069012340000000016", ""},
	} {
		var list []trace.Link
		k, err := n.Know(ctx, c.uri, trace.Viewer{})
		if err == nil {
			list, err = k.Links()
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, l := range list {
			got = append(got, strings.TrimPrefix(l.Href, "https://lanzhi.example/"))
		}
		if want := strings.Fields(c.want); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", c.name, got, want)
		}
	}
	for _, href := range []string{"javascript:alert(1)", "http://lanzhi.example/", "https://127.0.0.1/"} {
		d := page("gs1:pip", "", product)
		d.Fields["href"] = href
		wantCode(t, n.submit(t, d)[0].Err, "bad-field")
	}
}
