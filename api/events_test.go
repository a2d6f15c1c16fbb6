package api

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeEvents is chains that grow. It is safe for concurrent use.
type fakeEvents struct {
	mu       sync.Mutex // guards what follows
	sizes    map[uint32]uint64
	watchers map[chan struct{}]bool
	viewers  []Viewer
}

func newFakeEvents() *fakeEvents {
	return &fakeEvents{sizes: map[uint32]uint64{1: 0, 2: 0}, watchers: map[chan struct{}]bool{}}
}

func (f *fakeEvents) grow(chain uint32, n uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sizes[chain] += n
	for ch := range f.watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

func (f *fakeEvents) WatchEvents() (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watchers[ch] = true
	return ch, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.watchers, ch)
	}
}

func (f *fakeEvents) listening() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.watchers)
}

func (f *fakeEvents) EventSizes(bool) (map[uint32]uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.sizes), nil
}

// EventsAfter gives three events at a time; every fourth is of kind pack.
func (f *fakeEvents) EventsAfter(_ context.Context, after map[uint32]uint64, _ bool, v Viewer) (list []Streamed, at map[uint32]uint64, more bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.viewers = append(f.viewers, v)
	at = maps.Clone(after)
	for _, chain := range []uint32{1, 2} {
		for at[chain] < f.sizes[chain] {
			if len(list) == 3 {
				return list, at, true, nil
			}
			at[chain]++
			kind := "ship"
			if at[chain]%4 == 0 {
				kind = "pack"
			}
			list = append(list, Streamed{Kind: kind, At: maps.Clone(at), Data: map[string]string{"event": fmt.Sprint(chain, "/", at[chain]-1)}})
		}
	}
	return list, at, false, nil
}

// serveEvents starts a server on a port of its own.
func serveEvents(t *testing.T, f *fakeEvents, edit func(*Server)) (s *Server, url string, stop func() error) {
	t.Helper()
	s = newTestServer(t, newFakeNode(), func(c *Config) { c.Events = f })
	if edit != nil {
		edit(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	stop = sync.OnceValue(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			return err
		}
		return <-done
	})
	t.Cleanup(func() { _ = stop() })
	return s, "http://" + l.Addr().String() + eventsPath, stop
}

// A reader reads a stream as a browser does.
type reader struct {
	t      *testing.T
	res    *http.Response
	lines  *bufio.Scanner
	lastID string
	beats  int
}

func follow(t *testing.T, url, lastID string) *reader {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer reader")
	req.Header.Set("Accept-Encoding", "gzip")
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != typeEvents || res.Header.Get("Content-Encoding") != "" {
		t.Fatalf("status %d, %v", res.StatusCode, res.Header)
	}
	return &reader{t: t, res: res, lines: bufio.NewScanner(res.Body), lastID: lastID}
}

// next returns the data of the next event, "" at the end of the stream.
func (r *reader) next() string {
	data := ""
	for r.lines.Scan() {
		switch line := r.lines.Text(); {
		case line == "" && data != "":
			return data
		case strings.HasPrefix(line, "id: "):
			r.lastID = line[len("id: "):]
		case strings.HasPrefix(line, "data: "):
			data = line[len("data: "):]
		case strings.HasPrefix(line, ":"):
			if r.beats++; r.beats == 3 {
				return "beats"
			}
		}
	}
	return ""
}

// A reader that loses its connection in the middle goes on where it was: it
// misses nothing and gets nothing twice, whatever came in between.
func TestEventsGoOnAfterABreak(t *testing.T) {
	f := newFakeEvents()
	f.grow(1, 2) // before anybody listened
	_, url, stop := serveEvents(t, f, nil)
	r := follow(t, url, "")
	f.grow(1, 5)
	f.grow(2, 4)
	var got []string
	for range 4 {
		got = append(got, r.next())
	}
	r.res.Body.Close() // in the middle of a batch
	f.grow(1, 1)
	r = follow(t, url, r.lastID)
	f.grow(2, 1)
	for range 7 {
		got = append(got, r.next())
	}
	slices.Sort(got)
	var want []string
	for _, e := range []string{"1/2", "1/3", "1/4", "1/5", "1/6", "1/7", "2/0", "2/1", "2/2", "2/3", "2/4"} {
		want = append(want, fmt.Sprintf(`{"event":"%s"}`, e))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if r.lastID != "1:8,2:5" {
		t.Errorf("the last id is %q", r.lastID)
	}
	if f.viewers[0] != (Viewer{Member: "wh"}) {
		t.Errorf("asked on behalf of %+v", f.viewers[0])
	}
	if err := stop(); err != nil {
		t.Errorf("shut down with a reader: %v", err)
	}
	if r.next() != "" {
		t.Error("the stream goes on after the server's end")
	}
	if n := f.listening(); n != 0 {
		t.Errorf("%d streams still watch", n)
	}
}

// Streams say that they are there, and how far they have come, while nothing
// happens; a filter by kind does not hold that up.
func TestEventsBeat(t *testing.T) {
	f := newFakeEvents()
	_, url, _ := serveEvents(t, f, func(s *Server) { s.heartbeat = 5 * time.Millisecond })
	r := follow(t, url+"?state=stored&kind=pack", "")
	f.grow(2, 5)
	if got := r.next(); got != "beats" && got != `{"event":"2/3"}` {
		t.Fatalf("got %q", got)
	}
	for r.lastID != "2:5" {
		if r.next(); r.lines.Err() != nil {
			t.Fatal(r.lines.Err())
		}
		r.beats = 0
	}
}

// withdrawnAuth knows tokens until they are withdrawn.
type withdrawnAuth struct {
	fakeAuth
	withdrawn atomic.Bool
}

func (a *withdrawnAuth) Operator(ctx context.Context, token string) (*Operator, error) {
	if a.withdrawn.Load() {
		return nil, ErrBadToken
	}
	return a.fakeAuth.Operator(ctx, token)
}

// A stream ends with the token for which it was opened: what comes after that is
// not for its reader.
func TestEventsEndWithTheToken(t *testing.T) {
	f, auth := newFakeEvents(), &withdrawnAuth{}
	_, url, _ := serveEvents(t, f, func(s *Server) { s.cfg.Auth = auth })
	r := follow(t, url+"?state=stored", "")
	f.grow(2, 1)
	if got := r.next(); got != `{"event":"2/0"}` {
		t.Fatalf("got %q", got)
	}
	auth.withdrawn.Store(true)
	f.grow(2, 1)
	if got := r.next(); got != "" {
		t.Errorf("got %q without a token", got)
	}
}

func TestEventsRefused(t *testing.T) {
	f := newFakeEvents()
	s := newTestServer(t, newFakeNode(), func(c *Config) { c.Events = f })
	right := []string{"Authorization", "Bearer reader"}
	checkProblem(t, ask(t, s, "GET", eventsPath, ""), http.StatusUnauthorized, codeNoToken)
	checkProblem(t, ask(t, s, "GET", eventsPath+"?state=new", "", right...), http.StatusBadRequest, codeParameter)
	checkProblem(t, ask(t, s, "GET", eventsPath+"?since=1", "", right...), http.StatusBadRequest, codeParameter)
	for _, id := range []string{"1", "1:x", "x:1", "1:2,", "-1:2", "1:2;3:4"} {
		checkProblem(t, ask(t, s, "GET", eventsPath, "", append(right, "Last-Event-ID", id)...), http.StatusBadRequest, codeParameter)
	}
	for range maxStreamsEach {
		if _, err := s.streams.take("wh//" + (&Operator{}).Address.String()); err != nil {
			t.Fatal(err)
		}
	}
	checkProblem(t, ask(t, s, "GET", eventsPath, "", right...), http.StatusServiceUnavailable, codeStreams)
	none := newTestServer(t, newFakeNode())
	checkProblem(t, ask(t, none, "GET", eventsPath, "", right...), http.StatusNotFound, codeNoEvents)
}

// FuzzEventID holds that an id is written as it was read, up to order and zeros.
func FuzzEventID(f *testing.F) {
	for _, id := range []string{"", "1:2", "1:2,3:4", "4294967295:18446744073709551615", "1:0", "2:1,1:2"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		at, err := parseEventID(id)
		if err != nil {
			return
		}
		maps.DeleteFunc(at, func(_ uint32, size uint64) bool { return size == 0 })
		if written := eventID(at); written != "" {
			again, err := parseEventID(written)
			if err != nil || !maps.Equal(again, at) {
				t.Fatalf("%q is read as %v, written %q, read as %v, %v", id, at, written, again, err)
			}
		}
	})
}
