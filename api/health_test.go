package api

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
)

func TestHealth(t *testing.T) {
	n := newFakeNode()
	s := newTestServer(t, n)
	if r := ask(t, s, "GET", "/readyz", ""); r.StatusCode != 200 || strings.TrimSpace(r.body) != `{"status":"ready"}` {
		t.Errorf("got %d %s", r.StatusCode, r.body)
	}
	n.ready = []string{"the index is being rebuilt", "no peer is connected"}
	r := ask(t, s, "GET", "/readyz", "")
	checkProblem(t, r, 503, codeNotReady)
	if got := decode[struct{ Reasons []string }](t, r).Reasons; len(got) != 2 {
		t.Errorf("got reasons %q", got)
	}
	if r := ask(t, s, "GET", "/healthz", ""); r.StatusCode != 200 {
		t.Errorf("a node that is not ready is alive: got %d", r.StatusCode)
	}
}

func TestStatusKnowsTheViewer(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	for header, want := range map[string]string{"": "", "Bearer reader": "wh", "bearer " + testToken: "wh"} {
		var headers []string
		if header != "" {
			headers = []string{"Authorization", header}
		}
		if got := decode[map[string]string](t, ask(t, s, "GET", "/api/v1/status", "", headers...))["viewer"]; got != want {
			t.Errorf("%q: got viewer %q, want %q", header, got, want)
		}
	}
}

func TestWrongTokensAreLimited(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	for range failureBurst {
		checkProblem(t, ask(t, s, "GET", "/api/v1/status", "", "Authorization", "Bearer wrong"), 401, codeBadToken)
	}
	checkProblem(t, ask(t, s, "GET", "/api/v1/status", "", "Authorization", "Bearer wrong"), 429, codeRate)
	if r := ask(t, s, "GET", "/api/v1/status", ""); r.StatusCode != 200 {
		t.Errorf("without a token: got %d", r.StatusCode)
	}
}

// TestMetrics also holds that no label has a path: it would name codes.
func TestMetrics(t *testing.T) {
	s, _ := newCodeServer(t)
	ask(t, s, "GET", itemPath, "")
	ask(t, s, "GET", "/nothing/"+testSerial, "")
	r := ask(t, s, "GET", "/metrics", "", "Authorization", "Bearer reader")
	if r.StatusCode != 200 || !strings.Contains(r.body, `suyuan_http_requests_total{method="GET",route="/01/*",status="200"} 1`) {
		t.Errorf("got %d %s", r.StatusCode, r.body)
	}
	if !strings.Contains(r.body, `route="",status="404"`) || strings.Contains(r.body, testSerial) {
		t.Errorf("got %s", r.body)
	}
	open := newTestServer(t, newFakeNode(), func(cfg *Config) { cfg.OpenMetrics = true })
	if r := ask(t, open, "GET", "/metrics", ""); r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("pages of other sites may read metrics through a browser on this machine")
	}
	if r := ask(t, open, "GET", "/metrics", ""); r.StatusCode != 200 {
		t.Errorf("open metrics: got %d", r.StatusCode)
	}
}

func TestChains(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	all := decode[chainList](t, ask(t, s, "GET", "/api/v1/chains", ""))
	if len(all.Chains) != 2 || all.Chains[0].Number != 1 || all.Chains[0].Final == nil || all.Chains[1].Final != nil || all.Next != "" {
		t.Errorf("got %+v", all)
	}
	first := decode[chainList](t, ask(t, s, "GET", "/api/v1/chains?limit=1", ""))
	if len(first.Chains) != 1 || first.Next != "1" {
		t.Fatalf("got %+v", first)
	}
	rest := decode[chainList](t, ask(t, s, "GET", "/api/v1/chains?limit=1&after="+first.Next, ""))
	if len(rest.Chains) != 1 || rest.Chains[0].Number != 2 || rest.Next != "" {
		t.Errorf("got %+v", rest)
	}
}

// TestCharterCanBeVerified holds that what is served is the file from which
// anybody can verify the network.
func TestCharterCanBeVerified(t *testing.T) {
	n := newFakeNode()
	s := newTestServer(t, n)
	for _, query := range []string{"", "?version=1"} {
		signed := decode[ledger.SignedCharter](t, ask(t, s, "GET", "/api/v1/charter"+query, ""))
		if net, err := ledger.NewNetwork(&signed); err != nil || net.ID != n.net.Network.ID {
			t.Errorf("got %v", err)
		}
	}
}

func TestDocuments(t *testing.T) {
	n := newFakeNode()
	s := newTestServer(t, n)
	png := "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 2000)
	for _, tt := range []struct{ text, kind, disposition string }{
		{png, "image/png", "inline"},
		{"%PDF-1.7 x", "application/pdf", "inline"},
		{"<html><script>alert(1)</script>", typeBytes, "attachment"},
		{`<svg xmlns="http://www.w3.org/2000/svg" onload="x"/>`, typeBytes, "attachment"},
		{"", typeBytes, "attachment"},
	} {
		digest := ledger.Hash(sha256.Sum256([]byte(tt.text)))
		n.files[digest] = tt.text
		r := ask(t, s, "GET", documentsPath+digest.String(), "")
		if r.StatusCode != 200 || r.body != tt.text || r.Header.Get("Content-Type") != tt.kind ||
			!strings.HasPrefix(r.Header.Get("Content-Disposition"), tt.disposition) || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%.20q: got %d %v", tt.text, r.StatusCode, r.Header)
		}
		if r.Header.Get("Cache-Control") != cacheDay {
			t.Errorf("got caching %q", r.Header.Get("Cache-Control"))
		}
		member := ask(t, s, "GET", documentsPath+digest.String(), "", "Authorization", "Bearer reader")
		if member.Header.Get("Cache-Control") != cacheNever {
			t.Errorf("a member's copy may be cached: %q", member.Header.Get("Cache-Control"))
		}
	}
}

func TestLimiterForgetsAndRefills(t *testing.T) {
	now := time.Unix(0, 0)
	l, err := newLimiter(time.Second, 2, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	client := netip.MustParsePrefix("192.0.2.1/32")
	got := fmt.Sprint(l.allow(client), l.allow(client), l.allow(client), l.spent(client))
	if got != "true true false true" {
		t.Errorf("got %s", got)
	}
	now = now.Add(time.Second)
	if l.spent(client) || !l.allow(client) || l.allow(client) {
		t.Error("one act a second is not allowed, or more")
	}
	if l.spent(netip.MustParsePrefix("192.0.2.2/32")) {
		t.Error("another client is limited")
	}
	for i := range maxClients + 10 {
		l.allow(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32))
	}
	if l.clients.Len() != maxClients {
		t.Errorf("got %d clients, want %d", l.clients.Len(), maxClients)
	}
}

func TestConfigIsChecked(t *testing.T) {
	_, err := New(Config{BaseURL: "trace.example/x"})
	if err == nil {
		t.Fatal("an empty configuration was taken")
	}
	for _, want := range []string{"Trails", "Records", "Logs", "Chains", "Auth", "Health", "trace.example/x"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
}
