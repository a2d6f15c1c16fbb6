package web

import (
	"bytes"
	"strings"
	"testing"
)

// rendered is an item's page, rendered from the beginning to the end without
// anything that is kept or left blank.
func rendered(t testing.TB, p *Pages, l Lang, v *Item) string {
	t.Helper()
	var page bytes.Buffer
	execute := func(name string, data any) {
		if err := p.tmpl.ExecuteTemplate(&page, name, data); err != nil {
			t.Fatal(err)
		}
	}
	whole := newItemPage(p.frame(l), v, timelineOf(v))
	values := ownPage{whole.Words, newOwn(whole)}
	own := 0
	for i, name := range sharedParts {
		execute(name, whole)
		switch {
		case i == eventsAt:
			for _, e := range v.Events {
				execute(partEvent, whole.Step(e))
			}
		case own < len(ownParts):
			execute(ownParts[own], values)
			own++
		}
	}
	return page.String()
}

// awkward names are those that escapers change, that look like something else, or
// that stand elsewhere on the page too.
var awkward = []string{
	"", "0", "1", "00A7K3M9QXW2C8RT5Y1N", "00B1C2D3E4F5G6H7J8K9", "a/b", "50%25", "%2", "2F", "x&amp;y", "<b>", `"'`, "java", "javascript:alert(1)",
	"01", "https", "scan", "class", "span", "é", "序列", "\x00", "\xff", "blank", "blank0", "a b", "-", "a.b-c_d", strings.Repeat("Z", 20), "....................",
}

// awkwardItem is an item with a name wherever names stand.
func awkwardItem(serial, other string) *Item {
	v := testItem(Consistent)
	v.Serial, v.SSCC, v.Lot = serial, other, other
	v.TrailURL, v.ProofURL = "/api/v1/trail?uri=https%3A%2F%2Fx%2F21%2F"+serial, "/api/v1/proof?uri="+serial+"&x="+other
	v.ClaimURL, v.Beacon = "/claim/01/06901234567892/21/"+serial, "/scan/"+other+".png"
	v.Mirrors = []Mirror{{Text{serial, other}, "https://a.example/01/" + serial}, {Text{other, serial}, other + "/" + serial}, {Text{other, other}, serial}}
	v.Chains[0].Name = other
	return v
}

// TestNamesInBlanksStandAsIfRendered holds that pages made of what is kept are those
// made at once, whatever an item is called.
func TestNamesInBlanksStandAsIfRendered(t *testing.T) {
	p := newTestPages(t)
	for i, serial := range awkward {
		for _, other := range []string{serial, awkward[(i+11)%len(awkward)], p.blanks.mark[1:]} {
			v := awkwardItem(serial, other)
			for _, l := range langs {
				if got, want := render(t, p, l, v), rendered(t, p, l, v); got != want {
					t.Fatalf("%q, %q: the page is not the one that is rendered at once:\n%s", serial, other, firstDifference(got, want))
				}
			}
		}
	}
}

func firstDifference(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	return "got  …" + got[max(0, i-80):min(len(got), i+80)] + "…\nwant …" + want[max(0, i-80):min(len(want), i+80)] + "…"
}

// FuzzNamesInBlanks is TestNamesInBlanksStandAsIfRendered for any names.
func FuzzNamesInBlanks(f *testing.F) {
	p := newTestPages(f)
	for i, name := range awkward {
		f.Add(name, awkward[len(awkward)-1-i])
	}
	f.Fuzz(func(t *testing.T, serial, other string) {
		if strings.Contains(serial+other, p.blanks.mark) {
			t.Skip("the mark is not to be guessed")
		}
		v := awkwardItem(serial, other)
		want := rendered(t, p, En, v)
		packed, _ := unpacked(t, p, En, v)
		for _, got := range []string{render(t, p, En, v), packed} {
			if got != want {
				t.Errorf("%q, %q: %s", serial, other, firstDifference(got, want))
			}
		}
	})
}

// TestWhatNobodyElseHasIsLeftBlank holds that items that differ by their names only
// share all that is kept.
func TestWhatNobodyElseHasIsLeftBlank(t *testing.T) {
	p := newTestPages(t)
	item := func(serial, picture string) *Item {
		v := testItem(Consistent)
		uri := "https%3A%2F%2Ftrace.lanzhi.example%2F01%2F06901234567892%2F21%2F" + serial
		v.Serial, v.Beacon, v.ClaimURL = serial, picture, "/claim/01/06901234567892/21/"+serial
		v.TrailURL, v.ProofURL = "/api/v1/trail?uri="+uri, "/api/v1/proof?uri="+uri
		for i := range v.Mirrors {
			v.Mirrors[i].URL += "/21/" + serial
		}
		return v
	}
	render(t, p, Zh, item("00A7K3M9QXW2C8RT5Y1N", "/scan/one.png"))
	kept := p.kept.list.Len()
	page := render(t, p, Zh, item("00B1C2D3E4F5G6H7J8K9", "/scan/other_-.png"))
	if n := p.kept.list.Len(); n != kept {
		t.Errorf("%d parts are kept, before %d", n, kept)
	}
	if strings.Count(page, "00B1C2D3E4F5G6H7J8K9") != 5 || strings.Count(page, "00B1 C2D3 E4F5 G6H7 J8K9") != 1 || strings.Count(page, "/scan/other_-.png") != 1 || strings.Contains(page, "00A7") {
		t.Error("the names of the item are not where they belong")
	}
}
