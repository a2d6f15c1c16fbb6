package api

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"suyuan/trace"
)

// TestPagesArePackedOnce holds that a page is packed in a way that the caller takes,
// once, and says the same.
func TestPagesArePackedOnce(t *testing.T) {
	s, _ := newCodeServer(t)
	plain := ask(t, s, "GET", itemPath, "", "Accept", "text/html")
	for _, tt := range []struct{ accepts, coding string }{
		{"", ""}, {"identity", ""}, {"gzip", "gzip"}, {"gzip, deflate, br", "gzip"}, {"gzip;q=0.5", "gzip"}, {"br", "br"}, {"GZIP", ""}, {"*", ""}, {"br, gzip;q=0", "br"},
	} {
		for range 3 { // parts are packed when they are asked for again
			r := ask(t, s, "GET", itemPath, "", "Accept", "text/html", "Accept-Encoding", tt.accepts)
			vary := strings.Join(r.Header.Values("Vary"), ", ")
			if r.StatusCode != http.StatusOK || r.Header.Get("Content-Encoding") != tt.coding || strings.Count(vary, "Accept-Encoding") != 1 {
				t.Fatalf("%q: %d, packed by %q, vary %s", tt.accepts, r.StatusCode, r.Header.Get("Content-Encoding"), vary)
			}
			if got := unpack(t, r); got != plain.body {
				t.Fatalf("%q: another page:\n%s", tt.accepts, got)
			}
		}
	}
	head := ask(t, s, "HEAD", itemPath, "", "Accept", "text/html", "Accept-Encoding", "gzip")
	if head.StatusCode != http.StatusOK || head.body != "" || head.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
	}
}

func unpack(t *testing.T, r reply) string {
	t.Helper()
	switch r.Header.Get("Content-Encoding") {
	case "gzip":
		in, err := gzip.NewReader(strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		return string(page)
	case "br":
		page, err := fasthttp.AppendUnbrotliBytes(nil, []byte(r.body))
		if err != nil {
			t.Fatal(err)
		}
		return string(page)
	}
	return r.body
}

// TestARecallIsOnThePageAtOnce holds that no page that is kept outlives what it says,
// packed or not.
func TestARecallIsOnThePageAtOnce(t *testing.T) {
	s, n := newCodeServer(t)
	for i, verdict := range []trace.Verdict{trace.Consistent, trace.Consistent, trace.Recalled, trace.Consistent, trace.Suspicious, trace.Recalled} {
		n.answers[itemPath] = testAnswer{answer: newAnswer(verdict)}
		for _, coding := range []string{"", "gzip"} {
			r := ask(t, s, "GET", itemPath, "", "Accept", "text/html", "Accept-Encoding", coding)
			if page := unpack(t, r); !strings.Contains(page, `<section class="banner `+string(verdict)+`"`) {
				t.Errorf("%d: the page does not say %s", i, verdict)
			}
		}
	}
}
