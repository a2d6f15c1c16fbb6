package api

import (
	"strings"
	"testing"

	"suyuan/trace"
)

// A page strikes out what was taken back, says what counts instead, and shows
// what the item was made of with links as narrow as can be.
func TestPageNamesTheProductsContact(t *testing.T) {
	s, n := newCodeServer(t)
	for verdict, inBanner := range map[trace.Verdict]bool{trace.Consistent: false, trace.Suspicious: true, trace.NeverIssued: true} {
		n.answers[itemPath] = testAnswer{answer: newAnswer(verdict)}
		page := ask(t, s, "GET", itemPath, "", "Accept", "text/html", "Accept-Language", "en").body
		banner, rest, _ := strings.Cut(page, "</section>")
		if strings.Contains(banner, testContact) != inBanner || strings.Contains(rest, testContact) == inBanner {
			t.Errorf("%s: the contact must stand once, in the banner: %t", verdict, inBanner)
		}
	}
}

// TestPageDatesWhatIsMadeOfOthers holds that a set has the day on which it was put
// together, and that what went into it keeps its own.
func TestPageDatesWhatIsMadeOfOthers(t *testing.T) {
	s, n := newCodeServer(t)
	for _, set := range []bool{true, false} {
		a := newAnswer(trace.Consistent)
		a.Trail.Events[0].Kind = "transform"
		if set {
			a.Trail.Sources = []*trace.TrailView{{GTIN: "06901234567878"}}
		}
		n.answers[itemPath] = testAnswer{answer: a}
		page := ask(t, s, "GET", itemPath, "", "Accept", "text/html", "Accept-Language", "en").body
		if strings.Contains(page, "<dt>Produced</dt><dd>3 Oct 2026</dd>") != set {
			t.Errorf("made of others: %t: the page has the wrong day of production", set)
		}
	}
}

func TestPageShowsCorrectionsSourcesAndLinks(t *testing.T) {
	s, n := newCodeServer(t)
	n.links = brandLinks(t)
	a := newAnswer(trace.Consistent)
	wrong, right := &a.Trail.Events[2], a.Trail.Events[3]
	fix := right
	fix.ID, fix.Kind, fix.Fields = right.ID, "correct", trace.Values{"target": wrong.ID, "replacement": right.ID, "reason": "wrong-lot"}
	fix.ID[0] ^= 1
	wrong.Corrected = fix.ID
	a.Trail.Events = append(a.Trail.Events, fix)
	made := a.Trail.Events[0]
	made.Erased = []trace.ErasureView{{Recorded: "2026-11-03T09:00:00Z"}}
	inner := &trace.TrailView{SSCC: "006141411234567890", Events: []trace.EventView{made}}
	a.Trail.Sources = []*trace.TrailView{
		{GTIN: "06901234567885", Lot: "A/1", Product: a.Trail.Product, Custody: &trace.CustodyView{State: trace.Used}, Events: []trace.EventView{made}, Sources: []*trace.TrailView{inner}},
		{GTIN: "06901234567878"},
	}
	n.answers[itemPath] = testAnswer{answer: a}
	page := ask(t, s, "GET", itemPath, "", "Accept", "text/html", "Accept-Language", "en").body
	for _, want := range []string{
		"<del>Received</del>", "does not count. Reason: Wrong lot. What counts is “Sold” of 20 Oct 2026.", "Takes back the record “Received” of 6 Oct 2026",
		`href="` + testBase + `/01/06901234567885/10/A%2F1"`, `href="` + testBase + `/00/006141411234567890"`, `href="` + testBase + `/01/06901234567878"`,
		"erased some of its details on 3 Nov 2026.", "Batch A/1 · Used in making something else",
		`<a href="https://lanzhi.example/use.pdf" rel="noopener noreferrer nofollow">Page use.pdf<span>lanzhi.example</span></a>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Count(page, "<del>") != 1 {
		t.Error("something else is struck out too")
	}
}
