package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// patience is how long a test waits for what must come. It is far beyond what any
// needs, for machines that do much else.
const patience = time.Minute

// serve starts a server on a listener and returns after the test only when it
// has stopped.
func serve(t *testing.T, s *Server, l net.Listener) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shut down: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestAmbiguousRequestsAreRefused sends what proxies and servers have disagreed
// about: each must be answered 400 and the connection closed, so that nothing
// that follows in the same bytes is taken for a request.
func TestAmbiguousRequestsAreRefused(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	l := listen(t, "tcp", "127.0.0.1:0")
	serve(t, s, l)
	const host = "Host: x\r\n"
	for _, tt := range []struct{ name, head string }{
		{"two lengths", "POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 40\r\n\r\nabc"},
		{"length and chunked", "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"chunked and length", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
		{"length and chunked, other case", "POST / HTTP/1.1\r\n" + host + "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"line feed in a chunk extension", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\nab\r\n0\r\n\r\n"},
		{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"no host", "GET / HTTP/1.1\r\n\r\n"},
		{"two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"},
		{"hexadecimal prefix of a chunk", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n"},
		{"unknown coding", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
		{"space before the colon", "GET / HTTP/1.1\r\n" + host + "Content-Length : 3\r\n\r\nabc"},
		{"negative length", "POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n"},
		{"length with a sign", "POST / HTTP/1.1\r\n" + host + "Content-Length: +3\r\n\r\nabc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			statuses := exchange(t, l.Addr().String(), tt.head+"GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n")
			if len(statuses) != 1 || statuses[0] != 400 {
				t.Errorf("got %v, want one answer 400 and the end of the connection", statuses)
			}
		})
	}
	if got := exchange(t, l.Addr().String(), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); fmt.Sprint(got) != "[200 200]" {
		t.Errorf("two honest requests: got %v, want [200 200]", got)
	}
}

// exchange sends raw bytes and returns the statuses of all answers until the
// server closes the connection.
func exchange(t *testing.T, addr, raw string) (statuses []int) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return statuses
		}
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode >= 400 && res.Header.Get("Content-Type") != typeProblem {
			t.Errorf("answer %d is no problem: %s %q", res.StatusCode, res.Header.Get("Content-Type"), body)
		}
		statuses = append(statuses, res.StatusCode)
	}
}

func TestBodyLimit(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	l := listen(t, "tcp", "127.0.0.1:0")
	serve(t, s, l)
	head := fmt.Sprintf("POST /api/v1/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", maxBodyBytes+1)
	if got := exchange(t, l.Addr().String(), head); len(got) != 1 || got[0] != 413 {
		t.Errorf("got %v, want [413]", got)
	}
	long := "GET /" + strings.Repeat("a", readBufferBytes) + " HTTP/1.1\r\nHost: x\r\n\r\n"
	if got := exchange(t, l.Addr().String(), long); len(got) != 1 || got[0] != 431 {
		t.Errorf("got %v, want [431]", got)
	}
}

// TestSocketCallersAreLocal holds that the node's own user needs no token, and
// everybody else does.
func TestSocketCallersAreLocal(t *testing.T) {
	s := newTestServer(t, newFakeNode(), func(cfg *Config) { cfg.Local = &Operator{Member: "wh", Scopes: []string{ScopeRead}} })
	path := filepath.Join(t.TempDir(), "node.sock")
	socket, tcp := listen(t, "unix", path), listen(t, "tcp", "127.0.0.1:0")
	served := make(chan error, 1)
	t.Cleanup(func() { <-served }) // after the shutdown, which ends both
	serve(t, s, socket)
	go func() { served <- s.Serve(tcp) }()
	for _, l := range []net.Listener{socket, tcp} {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, l.Addr().Network(), l.Addr().String())
		}}}
		want := map[string]string{"unix": `{"viewer":"wh"}`, "tcp": `{"viewer":""}`}[l.Addr().Network()]
		res, err := client.Get("http://node/api/v1/status")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || strings.TrimSpace(string(body)) != want {
			t.Errorf("%s: got %d %q %v, want %s", l.Addr().Network(), res.StatusCode, body, err, want)
		}
	}
}

// TestForwardedAddresses holds whom rates are counted for.
func TestForwardedAddresses(t *testing.T) {
	s := newTestServer(t, newFakeNode(), func(cfg *Config) {
		cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
		cfg.BaseURL = ""
	})
	bare := newTestServer(t, newFakeNode())
	for _, tt := range []struct {
		s         *Server
		conn      string
		forwarded string
		want      string
		local     bool
	}{
		{s, "127.0.0.1:5", "", "127.0.0.1/32", true},
		{s, "127.0.0.1:5", "192.0.2.7", "192.0.2.7/32", false},
		{s, "127.0.0.1:5", "198.51.100.1, 192.0.2.7, 10.1.1.1", "192.0.2.7/32", false},
		{s, "127.0.0.1:5", "2001:db8:1:2:3::4", "2001:db8:1:2::/64", false},
		{s, "127.0.0.1:5", "nonsense", "127.0.0.1/32", false},
		{s, "192.0.2.1:5", "203.0.113.9", "192.0.2.1/32", false}, // not a trusted proxy
		{bare, "127.0.0.1:5", "203.0.113.9", "127.0.0.1/32", false},
		{bare, "[::1]:5", "", "::/64", true},
		{bare, "[::ffff:192.0.2.1]:5", "", "192.0.2.1/32", false},
	} {
		conn, err := net.ResolveTCPAddr("tcp", tt.conn)
		if err != nil {
			t.Fatal(err)
		}
		var rc fasthttp.RequestCtx
		rc.Init(&fasthttp.Request{}, conn, nil)
		if tt.forwarded != "" {
			rc.Request.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		c := tt.s.app.AcquireCtx(&rc)
		if got := tt.s.clientOf(c).String(); got != tt.want || tt.s.local(c) != tt.local {
			t.Errorf("%s for %q: got %s, local %t; want %s, %t", tt.conn, tt.forwarded, got, tt.s.local(c), tt.want, tt.local)
		}
		tt.s.app.ReleaseCtx(c)
	}
}
