package api

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// TestLogCanBeReadByOthers reads the whole chain over HTTP as a client of C2SP
// tlog-tiles would, and arrives at the root that the checkpoint signs.
func TestLogCanBeReadByOthers(t *testing.T) {
	n := newFakeNode(ledgertest.WithCharter(func(c *ledger.Charter) { c.Settings.PublicEntries = true }))
	s := newTestServer(t, n)
	r := ask(t, s, "GET", "/log/lanzhi/1/checkpoint", "")
	if r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), typeText) {
		t.Fatalf("got %d %v", r.StatusCode, r.Header)
	}
	cp, err := n.net.Network.Newest().Verifiers.Open([]byte(r.body))
	if err != nil || !cp.Final {
		t.Fatalf("checkpoint: %+v, %v", cp, err)
	}
	tiles := ledger.TileSource(func(tile ledger.TileID, width int) ([]byte, error) {
		path := tlog.Tile{H: ledger.TileHeight, L: int(tile.Level), N: int64(tile.Index), W: width}.Path()
		r := ask(t, s, "GET", "/log/lanzhi/1/"+strings.Replace(path, "tile/8/", "tile/", 1), "")
		if r.StatusCode != 200 || r.Header.Get("Cache-Control") != cacheForever || len(r.body) != width*32 {
			return nil, fmt.Errorf("%s: %d %s, %d bytes", path, r.StatusCode, r.Header.Get("Cache-Control"), len(r.body))
		}
		return []byte(r.body), nil
	})
	root, err := tiles.RootAt(cp.Size)
	if err != nil || root != cp.Root {
		t.Errorf("got root %s, %v; the checkpoint says %s", root, err, cp.Root)
	}
	var entries [][]byte
	for _, path := range []string{"entries/000", "entries/001.p/44"} {
		r := ask(t, s, "GET", "/log/lanzhi/1/tile/"+path, "")
		if r.StatusCode != 200 || r.Header.Get("Cache-Control") != cacheForever {
			t.Fatalf("%s: %d %s", path, r.StatusCode, r.body)
		}
		bundle, err := ledger.SplitBundle([]byte(r.body))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, bundle...)
	}
	if len(entries) != int(cp.Size) {
		t.Fatalf("got %d entries, want %d", len(entries), cp.Size)
	}
	tree := ledger.NewTree()
	for _, e := range entries {
		if err := tree.Append(ledger.LeafHash(e), nil); err != nil {
			t.Fatal(err)
		}
	}
	if root, err := tree.Root(); err != nil || root != cp.Root {
		t.Errorf("entries: got root %s, %v; the checkpoint says %s", root, err, cp.Root)
	}
}

func TestEntriesAreForMembers(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	const path = "/log/lanzhi/1/tile/entries/000"
	checkProblem(t, ask(t, s, "GET", path, ""), 403, codeMembersOnly)
	r := ask(t, s, "GET", path, "", "Authorization", "Bearer reader")
	if r.StatusCode != 200 || r.Header.Get("Cache-Control") != cacheOwn || !strings.Contains(r.Header.Get("Vary"), "Authorization") {
		t.Errorf("got %d %v", r.StatusCode, r.Header)
	}
	if r := ask(t, s, "GET", "/log/lanzhi/1/tile/0/000", ""); r.StatusCode != 200 {
		t.Errorf("hash tiles are public: got %d", r.StatusCode)
	}
}

func TestTileAddresses(t *testing.T) {
	s := newTestServer(t, newFakeNode()) // 300 entries
	for path, status := range map[string]int{
		"0/000":                200,
		"0/001.p/44":           200,
		"0/001.p/1":            200,
		"1/000.p/1":            200,
		"0/001":                404, // not full yet
		"0/001.p/45":           404, // beyond the checkpoint
		"0/002.p/1":            404,
		"1/000.p/2":            404,
		"2/000.p/1":            404,
		"7/000.p/1":            404,
		"8/000":                404, // no such level
		"0/x000/001.p/1":       404, // not canonical
		"0/1":                  404,
		"00/000":               404,
		"-1/000":               404,
		"data/000":             404, // what x/mod calls entries
		"0/000.p/0":            404,
		"0/000.p/256":          404,
		"0/../0/000":           404,
		"x001/x234/067":        404,
		"0/x999/x999/x999/999": 404,
		"":                     404,
	} {
		if r := ask(t, s, "GET", "/log/lanzhi/1/tile/"+path, ""); r.StatusCode != status {
			t.Errorf("%s: got %d, want %d: %s", path, r.StatusCode, status, r.body)
		}
	}
	for _, chain := range []string{"wh/1", "lanzhi/01", "lanzhi/4294967297", "lanzhi/-1", "lanzhi/x", "nobody/1"} {
		checkProblem(t, ask(t, s, "GET", "/log/"+chain+"/checkpoint", ""), 404, codeUnknownChain)
	}
	checkProblem(t, ask(t, s, "GET", "/log/wh/2/checkpoint", ""), 404, "no-checkpoint")
}

func TestTilesAreNotSentTwice(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	for _, path := range []string{"/log/lanzhi/1/checkpoint", "/log/lanzhi/1/tile/0/000", "/api/v1/chains", "/api/v1/charter", "/openapi.json", "/.well-known/gs1resolver"} {
		r := ask(t, s, "GET", path, "")
		tag := r.Header.Get("ETag")
		if tag == "" || r.Header.Get("Cache-Control") == "" {
			t.Errorf("%s: got %d %v", path, r.StatusCode, r.Header)
		}
		for _, sent := range []string{tag, strings.TrimPrefix(tag, "W/"), `"other", ` + tag, "*"} {
			if r := ask(t, s, "GET", path, "", "If-None-Match", sent); r.StatusCode != 304 || r.body != "" {
				t.Errorf("%s with %s: got %d %q", path, sent, r.StatusCode, r.body)
			}
		}
	}
}

// TestCompression holds that what is compressed says so to caches, and that
// hashes and packed files are left alone.
func TestCompression(t *testing.T) {
	s, _ := newCodeServer(t)
	for path, want := range map[string]bool{itemPath: true, "/openapi.json": true, "/log/lanzhi/1/tile/0/000": false} {
		for _, coding := range []string{"gzip", "br"} {
			r := ask(t, s, "GET", path, "", "Accept-Encoding", coding)
			if got := r.Header.Get("Content-Encoding") == coding; got != want {
				t.Errorf("%s with %s: got %q", path, coding, r.Header.Get("Content-Encoding"))
			}
			if vary := strings.Join(r.Header.Values("Vary"), ", "); want && !strings.Contains(vary, "Accept-Encoding") {
				t.Errorf("%s with %s: got Vary %q", path, coding, vary)
			}
		}
	}
}
