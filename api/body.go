package api

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

const codeBodies = "too-many-bodies"

// bodies bounds the memory that the bodies of requests take. fasthttp makes room
// for a body as soon as the header has said how long it will be, before any handler
// runs, and waits for it as long as readTimeout: without a bound some thousand
// connections that send a hundred bytes each take all the memory there is.
//
// Small bodies are let pass. Room for others is taken when the header has been read,
// and given back when the request is answered. Whoever names no right token shares
// the room of one caller with all others who name none.
type bodies struct {
	owner func(authorization string) string // whom a body is counted to
	now   func() time.Time

	mu    sync.Mutex
	rooms map[*fasthttp.RequestHeader]room // of the requests under way
	all   int                              // bytes of all rooms
	each  map[string]int                   // bytes of each owner's
}

// A room is what one body may take. One of no bytes says that there was none.
type room struct {
	owner string
	size  int       // bytes
	until time.Time // when the request has been answered, whatever became of it
}

func newBodies(owner func(authorization string) string, now func() time.Time) *bodies {
	return &bodies{owner: owner, now: now, rooms: make(map[*fasthttp.RequestHeader]room), each: make(map[string]int)}
}

// bodyOwner is whom room for a body is counted to: the operator for whom the token
// stands, or "".
func (s *Server) bodyOwner(authorization string) string {
	token, ok := bearer(authorization)
	if !ok {
		return ""
	}
	op, err := s.cfg.Auth.Operator(context.Background(), token)
	if err != nil {
		return ""
	}
	return op.Member + "/" + op.Party + "/" + op.Address.String()
}

// guard has the bodies of a server's requests bounded. A request for which there is
// no room is answered by busy.
func (b *bodies) guard(server *fasthttp.Server, busy func(*fasthttp.RequestCtx)) {
	answer, fail := server.Handler, server.ErrorHandler
	server.HeaderReceived = b.received
	server.Handler = func(rc *fasthttp.RequestCtx) {
		defer b.leave(&rc.Request.Header)
		answer(rc)
	}
	server.ErrorHandler = func(rc *fasthttp.RequestCtx, err error) {
		if refused := b.leave(&rc.Request.Header); refused && errors.Is(err, fasthttp.ErrBodyTooLarge) {
			busy(rc)
			return
		}
		fail(rc, err)
	}
}

// received says how long the body of a request may be whose header was just read.
func (b *bodies) received(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	size := h.ContentLength()
	if size == -1 { // in chunks, of which nobody knows how many come
		size = maxBodyBytes
	}
	if size <= smallBody || size > maxBodyBytes { // the latter is refused anyhow
		return fasthttp.RequestConfig{}
	}
	if !b.enter(h, size) {
		size = smallBody // chunks may turn out to be few
	}
	return fasthttp.RequestConfig{MaxRequestBodySize: size}
}

// enter makes room for the body of a request and reports whether there is any.
func (b *bodies) enter(h *fasthttp.RequestHeader, size int) bool {
	owner, now := b.owner(string(h.Peek(fiber.HeaderAuthorization))), b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free(h)
	if b.full(owner, size) {
		b.sweep(now)
	}
	fits := !b.full(owner, size)
	if !fits {
		size = 0
	}
	b.rooms[h] = room{owner, size, now.Add(maxRequestTime)}
	b.all += size
	b.each[owner] += size
	return fits
}

func (b *bodies) full(owner string, size int) bool {
	return b.all+size > maxBodies || b.each[owner]+size > maxBodiesEach
}

// sweep gives back the rooms of requests of whose end fasthttp has told nobody: it
// does not where a connection breaks before it was asked to go on.
func (b *bodies) sweep(now time.Time) {
	for h, r := range b.rooms {
		if now.After(r.until) {
			b.free(h)
		}
	}
}

// leave gives the room of a request back, if it has one, and reports whether there
// was none for it.
func (b *bodies) leave(h *fasthttp.RequestHeader) (refused bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.rooms[h]
	b.free(h)
	return ok && r.size == 0
}

func (b *bodies) free(h *fasthttp.RequestHeader) {
	r, ok := b.rooms[h]
	if !ok {
		return
	}
	delete(b.rooms, h)
	b.all -= r.size
	if b.each[r.owner] -= r.size; b.each[r.owner] == 0 {
		delete(b.each, r.owner)
	}
}

// tooManyBodies answers a request for whose body there is no room now.
func tooManyBodies() *Problem {
	return NewProblem(http.StatusServiceUnavailable, codeBodies, "too many large requests are under way; try again in some seconds, or send less in one")
}
