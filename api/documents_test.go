package api

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"suyuan/ledger"
)

// viewedDocuments tells as whom each document was asked for, and has it for some.
type viewedDocuments struct {
	asked []Viewer
	allow Viewer
}

func (d *viewedDocuments) Open(_ context.Context, _ ledger.Hash, v Viewer) (io.ReadCloser, int64, error) {
	d.asked = append(d.asked, v)
	if v != d.allow {
		return nil, 0, ErrNoDocument
	}
	return io.NopCloser(strings.NewReader("note")), 4, nil
}

// Each caller asks for documents as who he is: a member, one party, or nobody; and
// what is for one caller is kept by no cache.
func TestDocumentsAreAskedForAsTheCaller(t *testing.T) {
	target := documentsPath + ledger.Hash{1}.String()
	for name, c := range map[string]struct {
		caller []string
		want   Viewer
		cache  string
	}{
		"the public":                 {nil, Viewer{}, cacheDay},
		"a member":                   {[]string{"Authorization", "Bearer reader"}, Viewer{Member: "wh"}, cacheNever},
		"a dealer":                   {[]string{"Authorization", "Bearer dealer"}, Viewer{Party: "wh/shop"}, cacheNever},
		"a token that only writes":   {[]string{"Authorization", "Bearer writer"}, Viewer{}, cacheDay},
		"a dealer's that only write": {[]string{"Authorization", "Bearer dealer-writer"}, Viewer{}, cacheDay},
	} {
		t.Run(name, func(t *testing.T) {
			for _, allow := range []Viewer{{}, {Member: "wh"}, {Party: "wh/shop"}, {Party: "wh/other"}, {Member: "dist"}} {
				d := &viewedDocuments{allow: allow}
				s := newTestServer(t, newFakeNode(), func(c *Config) { c.Documents, c.Auth = d, writerAuth{} })
				r := ask(t, s, "GET", target, "", c.caller...)
				if len(d.asked) != 1 || d.asked[0] != c.want {
					t.Fatalf("asked as %+v, want %+v", d.asked, c.want)
				}
				if allow != c.want {
					checkProblem(t, r, http.StatusNotFound, "unknown-document")
					continue
				}
				if r.StatusCode != http.StatusOK || r.body != "note" || r.Header.Get("Cache-Control") != c.cache || !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") {
					t.Errorf("%d %q %v", r.StatusCode, r.body, r.Header)
				}
			}
		})
	}
	d := &viewedDocuments{}
	s := newTestServer(t, newFakeNode(), func(c *Config) { c.Documents = d })
	checkProblem(t, ask(t, s, "GET", target, "", "Authorization", "Bearer wrong"), http.StatusUnauthorized, codeBadToken)
	if len(d.asked) > 0 {
		t.Error("a wrong token asks as somebody")
	}
}

// writerAuth knows tokens that may write and not read, beside the usual ones.
type writerAuth struct{ dealerAuth }

func (a writerAuth) Operator(ctx context.Context, token string) (*Operator, error) {
	switch token {
	case "writer":
		return &Operator{Member: "wh", Scopes: []string{ScopeWrite}}, nil
	case "dealer-writer":
		return &Operator{Member: "wh", Party: "shop", Scopes: []string{ScopeWrite}}, nil
	}
	return a.dealerAuth.Operator(ctx, token)
}
