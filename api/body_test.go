package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// announce opens a connection that says that a body of so many bytes will come, and
// sends none.
func announce(t *testing.T, addr, headers string, size int) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "POST /nothing HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n", headers, size); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// answerTo reads the next answer on a connection.
func answerTo(t *testing.T, conn net.Conn) reply {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res, string(body)}
}

// held is how many bytes strangers have room for.
func (b *bodies) held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.each[""]
}

// TestAnnouncedBodiesAreBounded has strangers announce bodies until there is no room,
// in which only callers with a token and small requests get through, and sees that
// all of it comes back.
func TestAnnouncedBodiesAreBounded(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	l := listen(t, "tcp", "127.0.0.1:0")
	serve(t, s, l)
	addr := l.Addr().String()
	var open []*net.TCPConn
	for range maxBodiesEach / maxBodyBytes {
		conn := announce(t, addr, "Expect: 100-continue\r\n", maxBodyBytes)
		if r := answerTo(t, conn); r.StatusCode != http.StatusContinue { // the header has been read
			t.Fatalf("got %d", r.StatusCode)
		}
		open = append(open, conn)
	}
	if got := s.bodies.held(); got != maxBodiesEach {
		t.Fatalf("strangers have room for %d bytes, want %d", got, maxBodiesEach)
	}

	// Of a body that is refused nothing is sent: the connection would be reset.
	post := func(size int, headers string, refused bool) int {
		t.Helper()
		body := strings.Repeat(" ", size-2) + "{}"
		if refused {
			body = ""
		}
		got := exchange(t, addr, "POST /api/v1/records HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"+headers+
			fmt.Sprintf("Content-Length: %d\r\n\r\n", size)+body)
		if len(got) != 1 {
			t.Fatalf("got %d answers", len(got))
		}
		return got[0]
	}
	token := "Authorization: Bearer " + testToken + "\r\n"
	for _, tt := range []struct {
		name    string
		size    int
		headers string
		want    int
	}{
		{"a stranger's large body", smallBody + 1, "", http.StatusServiceUnavailable},
		{"one with a wrong token", smallBody + 1, "Authorization: Bearer wrong\r\n", http.StatusServiceUnavailable},
		{"a stranger's small body", smallBody, "", http.StatusUnauthorized},
		{"an operator's large body", maxBodyBytes, token, http.StatusCreated},
	} {
		if got := post(tt.size, tt.headers, tt.want == http.StatusServiceUnavailable); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
	for i, conn := range open {
		want := http.StatusBadRequest
		if i%2 == 0 {
			want = http.StatusNotFound
			if _, err := conn.Write(make([]byte, maxBodyBytes)); err != nil {
				t.Fatal(err)
			}
		} else if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if r := answerTo(t, conn); r.StatusCode != want {
			t.Errorf("connection %d: got %d, want %d", i, r.StatusCode, want)
		}
	}
	if got := s.bodies.held(); got != 0 {
		t.Errorf("when all have ended strangers have room for %d bytes", got)
	}
	if got := post(smallBody+1, "", false); got != http.StatusUnauthorized {
		t.Errorf("when there is room again: got %d, want 401", got)
	}
}

// TestBusyAnswersSayWhen holds that whoever finds no room is told when to come back.
func TestBusyAnswersSayWhen(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	s.bodies.all = maxBodies
	l := listen(t, "tcp", "127.0.0.1:0")
	serve(t, s, l)
	r := answerTo(t, announce(t, l.Addr().String(), "Authorization: Bearer "+testToken+"\r\n", smallBody+1))
	checkProblem(t, r, 503, codeBodies)
	if r.Header.Get("Retry-After") == "" {
		t.Error("the answer does not say when to try again")
	}
}

// TestChunkedBodies sends bodies whose length nobody knows before they end.
func TestChunkedBodies(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	l := listen(t, "tcp", "127.0.0.1:0")
	serve(t, s, l)
	for _, size := range []int{10, smallBody, 4 * smallBody} {
		// A reader of no known length is sent in chunks.
		body := io.MultiReader(strings.NewReader("{}"), strings.NewReader(strings.Repeat(" ", size-2)))
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+l.Addr().String()+"/api/v1/records", body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+testToken)
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 201 {
			t.Errorf("%d bytes in chunks: got %d, want 201", size, res.StatusCode)
		}
	}
	s.bodies.mu.Lock()
	defer s.bodies.mu.Unlock()
	if s.bodies.all != 0 || len(s.bodies.rooms) != 0 {
		t.Errorf("%d bytes of %d requests are still counted", s.bodies.all, len(s.bodies.rooms))
	}
}

// TestRoomsModel has requests come and go at random, some without a word, and holds
// the sums against what is under way.
func TestRoomsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	now := time.Unix(0, 0)
	b := newBodies(func(a string) string { return a }, func() time.Time { return now })
	headers := make([]fasthttp.RequestHeader, 64)
	for step := range 10_000 {
		now = now.Add(time.Duration(rng.IntN(20)) * time.Second)
		h := &headers[rng.IntN(len(headers))]
		if rng.IntN(3) == 0 {
			b.leave(h)
		} else {
			h.Set(fiber.HeaderAuthorization, string(rune('a'+rng.IntN(6))))
			h.SetContentLength(rng.IntN(maxBodyBytes + 2))
			b.received(h)
		}
		all, each := 0, make(map[string]int)
		for _, r := range b.rooms {
			all, each[r.owner] = all+r.size, each[r.owner]+r.size
		}
		if all != b.all || all > maxBodies {
			t.Fatalf("step %d: %d bytes are counted and %d held", step, b.all, all)
		}
		for owner, n := range each {
			if n != b.each[owner] || n > maxBodiesEach {
				t.Fatalf("step %d: of %s %d bytes are counted and %d held", step, owner, b.each[owner], n)
			}
		}
	}
	now = now.Add(2 * maxRequestTime)
	b.sweep(now)
	if b.all != 0 || len(b.rooms) != 0 || len(b.each) != 0 {
		t.Errorf("after all have ended %d bytes are counted, in %d rooms of %d owners", b.all, len(b.rooms), len(b.each))
	}
}
