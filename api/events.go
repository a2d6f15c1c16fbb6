package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Events knows what has been stored and what has become final, in the order of
// each chain.
type Events interface {
	// WatchEvents returns a channel on which a value stands whenever there may be
	// something new. stop ends it.
	WatchEvents() (changed <-chan struct{}, stop func())

	// EventSizes returns the sizes of all chains, stored or final, by number.
	EventSizes(final bool) (map[uint32]uint64, error)

	// EventsAfter returns the next events beyond some sizes that the viewer may see,
	// up to which sizes it has looked, and whether there is more.
	EventsAfter(ctx context.Context, after map[uint32]uint64, final bool, viewer Viewer) (list []Streamed, at map[uint32]uint64, more bool, err error)
}

// A Streamed event is one record with the sizes up to which a stream has come
// with it.
type Streamed struct {
	Kind string
	At   map[uint32]uint64
	Data any // its JSON form
}

const (
	eventsPath = "/api/v1/events"
	typeEvents = "text/event-stream"

	codeNoEvents = "no-events"
	codeStreams  = "too-many-streams"
)

// streams is who listens. All end with the server.
type streams struct {
	quit chan struct{} // closed when the server stops
	once sync.Once
	mu   sync.Mutex
	open map[string]int // guarded by mu: streams of each caller
	all  int            // guarded by mu
}

func newStreams() *streams { return &streams{quit: make(chan struct{}), open: make(map[string]int)} }

// take makes room for one more stream of a caller.
func (s *streams) take(caller string) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxStreams || s.open[caller] >= maxStreamsEach {
		return nil, NewProblem(http.StatusServiceUnavailable, codeStreams, "too many streams of events are open; close one")
	}
	s.all++
	s.open[caller]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.open[caller]--; s.open[caller] == 0 {
			delete(s.open, caller)
		}
	}, nil
}

// end ends all streams.
func (s *streams) end() { s.once.Do(func() { close(s.quit) }) }

// EndStreams ends the streams of events, which otherwise last as long as their
// readers like: Shutdown would wait for them. Shutdown does it too; whoever stops
// something in front of the server first calls it before.
func (s *Server) EndStreams() { s.streams.end() }

// getEvents answers with a stream of Server-Sent Events (HTML Living Standard,
// section 9.2): one for each record that the caller may see, from the sizes of
// chains that Last-Event-ID or after names, or from now on. Each has as its id
// the sizes up to which the stream has come.
func (s *Server) getEvents(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, cacheNever)
	c.Vary(fiber.HeaderAuthorization)
	op, err := s.operator(c, ScopeRead)
	if err != nil {
		return err
	}
	if s.cfg.Events == nil {
		return NewProblem(http.StatusNotFound, codeNoEvents, "this node streams no events")
	}
	l, err := s.parseListener(c)
	if err != nil {
		return err
	}
	l.viewer, l.conn, l.standing = viewerOf(op), c.Context().Conn(), s.standing(c, op)
	release, err := s.streams.take(op.Member + "/" + op.Party + "/" + op.Address.String())
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, typeEvents)
	c.Set("X-Accel-Buffering", "no") // nginx would keep events back
	if c.Method() == fiber.MethodHead {
		release()
		return nil
	}
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer release()
		l.run(w)
	})
	return nil
}

// A listener is one stream.
type listener struct {
	server *Server
	viewer Viewer
	conn   net.Conn
	final  bool
	kinds  []string // that are wanted; none are all
	at     map[uint32]uint64

	standing func(context.Context) bool // the reader still may read what it reads
}

// standing returns what tells whether a caller is still who it was: streams
// outlive tokens, which expire and are withdrawn.
func (s *Server) standing(c *fiber.Ctx, op *Operator) func(context.Context) bool {
	_, token, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if token == "" { // on the node's own socket
		return func(context.Context) bool { return true }
	}
	token, viewer := strings.Clone(token), viewerOf(op)
	return func(ctx context.Context) bool {
		now, err := s.cfg.Auth.Operator(ctx, token)
		return err == nil && now.May(ScopeRead) && viewerOf(now) == viewer
	}
}

func (s *Server) parseListener(c *fiber.Ctx) (*listener, error) {
	r := reading{c: c, known: []string{"state", "kind", "after"}}
	l := &listener{server: s, kinds: r.all("kind"), final: true}
	switch state := c.Query("state", "final"); state {
	case "final":
	case "stored":
		l.final = false
	default:
		r.wrong("state", "the parameter state must be final or stored")
	}
	after := c.Get("Last-Event-ID", c.Query("after"))
	if err := r.end(); err != nil {
		return nil, err
	}
	var err error
	if after == "" {
		l.at, err = s.cfg.Events.EventSizes(l.final)
	} else if l.at, err = parseEventID(after); err != nil {
		p := NewProblem(http.StatusBadRequest, codeParameter, err.Error())
		p.Field = "after"
		return nil, p
	}
	return l, err
}

// An event id is chain:size of each chain with entries, with commas between,
// ascending: 1:44,2:120.
func eventID(at map[uint32]uint64) string {
	var b []byte
	for _, chain := range slices.Sorted(maps.Keys(at)) {
		if at[chain] == 0 {
			continue
		}
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(chain), 10)
		b = append(b, ':')
		b = strconv.AppendUint(b, at[chain], 10)
	}
	return string(b)
}

func parseEventID(id string) (map[uint32]uint64, error) {
	at := make(map[uint32]uint64)
	for part := range strings.SplitSeq(id, ",") {
		number, size, _ := strings.Cut(part, ":")
		chain, err := strconv.ParseUint(number, 10, 32)
		n, err2 := strconv.ParseUint(size, 10, 64)
		if err != nil || err2 != nil || len(at) >= maxPage {
			return nil, fmt.Errorf("the id of an event is chains with their sizes: 1:44,2:120")
		}
		at[uint32(chain)] = n
	}
	return at, nil
}

// run writes events until the reader goes, who is noticed to have gone at the
// next write, or may not read any more, or the server stops.
func (l *listener) run(w *bufio.Writer) {
	changed, stop := l.server.cfg.Events.WatchEvents()
	defer stop()
	beat := time.NewTicker(l.server.heartbeat)
	defer beat.Stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // a look-up under way ends with the server
		select {
		case <-l.server.streams.quit:
			cancel()
		case <-ctx.Done():
		}
	}()
	if l.write(w, fmt.Sprintf("retry: %d\n\n", eventsRetry.Milliseconds())) != nil {
		return
	}
	for {
		if err := l.catchUp(ctx, w); err != nil {
			if ctx.Err() == nil {
				l.server.cfg.Log.Debug("stream of events ended", "err", err)
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-beat.C:
			// An event without data only moves the reader's Last-Event-ID.
			if l.write(w, ": "+l.server.cfg.Now().UTC().Format(time.RFC3339)+"\nid: "+eventID(l.at)+"\n\n") != nil {
				return
			}
		}
	}
}

// catchUp writes all events that are there.
func (l *listener) catchUp(ctx context.Context, w *bufio.Writer) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !l.standing(ctx) {
			return ErrBadToken
		}
		list, at, more, err := l.server.cfg.Events.EventsAfter(ctx, l.at, l.final, l.viewer)
		if err != nil {
			return err
		}
		var b strings.Builder
		for _, e := range list {
			if len(l.kinds) > 0 && !slices.Contains(l.kinds, e.Kind) {
				continue
			}
			data, err := json.Marshal(e.Data)
			if err != nil {
				return fmt.Errorf("encode event: %w", err)
			}
			fmt.Fprintf(&b, "id: %s\nevent: record\ndata: %s\n\n", eventID(e.At), data)
		}
		if l.at = at; b.Len() > 0 {
			if err := l.write(w, b.String()); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// write sends text at once. The server's deadline for an answer would end every
// stream: each write gets its own, so that only a reader that takes nothing is
// let go.
func (l *listener) write(w *bufio.Writer, text string) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := w.WriteString(text); err != nil {
		return err
	}
	return w.Flush()
}
