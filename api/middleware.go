package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/compress"
	"github.com/valyala/fasthttp"
)

// apiPolicy is the Content-Security-Policy of everything that is no page.
const apiPolicy = "default-src 'none'; frame-ancestors 'none'"

// refuseAmbiguous answers, before Fiber, what Fiber would answer as plain text
// or not refuse: unknown methods; requests that give their length twice, as
// Content-Length and as Transfer-Encoding (RFC 9112 section 6.1: a sign of
// request smuggling), which fasthttp lets pass; and packed bodies, which Fiber
// unpacks whatever their size: some kilobytes would become gigabytes.
func (s *Server) refuseAmbiguous(app *fiber.App, next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(rc *fasthttp.RequestCtx) {
		var p *Problem
		switch {
		case framedTwice(rc.Request.Header.RawHeaders()):
			p = NewProblem(http.StatusBadRequest, codeFraming, "Content-Length and Transfer-Encoding exclude each other")
		case packed(&rc.Request.Header):
			rc.Response.Header.Set(fiber.HeaderAcceptEncoding, "identity") // RFC 9110 section 12.5.3
			p = NewProblem(http.StatusUnsupportedMediaType, codeEncoding, "the body of a request is sent as it is, without Content-Encoding")
		case !knownMethod(string(rc.Method())):
			p = NewProblem(http.StatusNotImplemented, codeMethod, "this server does not know the method")
		default:
			next(rc)
			return
		}
		s.refuse(app, rc, p)
	}
}

// refuse answers, before Fiber, with a problem.
func (s *Server) refuse(app *fiber.App, rc *fasthttp.RequestCtx, p *Problem) {
	c := app.AcquireCtx(rc)
	defer app.ReleaseCtx(c)
	rc.SetConnectionClose()
	if err := s.answerError(c, p); err != nil {
		rc.SetStatusCode(http.StatusInternalServerError)
	}
}

func knownMethod(m string) bool {
	for _, known := range fiber.DefaultMethods {
		if m == known {
			return true
		}
	}
	return false
}

// packed reports whether the body of a request is to be unpacked before it is read.
func packed(h *fasthttp.RequestHeader) bool {
	return slices.ContainsFunc(h.PeekAll(fiber.HeaderContentEncoding), func(v []byte) bool { return !bytes.EqualFold(v, []byte("identity")) })
}

// framedTwice reports whether raw header lines have both fields.
func framedTwice(raw []byte) bool {
	var length, encoding bool
	for line := range bytes.Lines(raw) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		name = bytes.TrimSpace(name)
		length = length || bytes.EqualFold(name, []byte("Content-Length"))
		encoding = encoding || bytes.EqualFold(name, []byte("Transfer-Encoding"))
	}
	return length && encoding
}

// observe gives the request an id and, when it is answered, counts and logs it:
// by route, never by path, which holds codes, and without the caller's address.
func (s *Server) observe(c *fiber.Ctx) error {
	start := s.cfg.Now()
	requestID(c)
	s.secure(c)
	if err := c.Next(); err != nil {
		if err := s.answerError(c, err); err != nil {
			return err
		}
	}
	dur := s.cfg.Now().Sub(start)
	pattern, status := routeName(c), c.Response().StatusCode()
	s.measures.observe(c.Method(), pattern, status, dur)
	s.cfg.Log.Debug("request answered", "request", requestID(c), "method", c.Method(), "route", pattern,
		"status", status, "n", sizeOf(c.Response()), "dur", dur)
	return nil
}

// sizeOf is the length of an answer, 0 for one that is still being written:
// asking for its body would wait for its end.
func sizeOf(r *fasthttp.Response) int {
	if r.IsBodyStream() {
		return 0
	}
	return len(r.Body())
}

// routeName is the pattern of the route that answered, "" if none did.
func routeName(c *fiber.Ctx) string {
	if path := c.Route().Path; path != "/" || c.Path() == "/" {
		return path
	}
	return ""
}

const requestKey = "request"

// requestID returns the request's id and gives it one if need be. Ids are ours:
// one that the caller chose could be made to stand in our log.
func requestID(c *fiber.Ctx) string {
	if id, ok := c.Locals(requestKey).(string); ok {
		return id
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	id := hex.EncodeToString(b[:])
	c.Locals(requestKey, id)
	c.Set(fiber.HeaderXRequestID, id)
	return id
}

// secure sets the headers of every answer. Pages replace the policy by theirs.
func (s *Server) secure(c *fiber.Ctx) {
	c.Set(fiber.HeaderContentSecurityPolicy, apiPolicy)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	// The address holds the code; no other site is to learn it.
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderPermissionsPolicy, "camera=(), geolocation=(), microphone=()")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if s.scheme(c) == "https" {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	if c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead {
		// A verifier on another origin reads what anybody may read. No cookie
		// of ours gives any right.
		c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	}
}

// preflight answers OPTIONS for everything that can be read.
func preflight(c *fiber.Ctx) error {
	c.Set(fiber.HeaderAllow, "GET, HEAD, OPTIONS")
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	c.Set(fiber.HeaderAccessControlAllowMethods, "GET, HEAD")
	c.Set(fiber.HeaderAccessControlAllowHeaders, "Accept, Accept-Language")
	c.Set(fiber.HeaderAccessControlMaxAge, "86400")
	return c.SendStatus(http.StatusNoContent)
}

// recoverPanic turns a panic into an error of ours. It costs one request.
func (s *Server) recoverPanic(c *fiber.Ctx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return c.Next()
}

// deadline bounds the work of a handler; neither Fiber nor fasthttp does.
func (s *Server) deadline(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	defer untilGone(c, ctx, cancel)()
	c.SetUserContext(ctx)
	return c.Next()
}

// compress packs answers, except tiles, which are hashes, and documents, which
// are packed already.
func (s *Server) compress() fiber.Handler {
	return compress.New(compress.Config{
		Level: compress.LevelBestSpeed,
		Next: func(c *fiber.Ctx) bool {
			return strings.HasPrefix(c.Path(), "/log/") || strings.HasPrefix(c.Path(), documentsPath) || c.Path() == eventsPath
		},
	})
}

// logTrouble logs what is ours: an error if nobody had foreseen it, else a
// warning that the node said it could not answer.
func (s *Server) logTrouble(c *fiber.Ctx, p *Problem, err error) {
	if cause := errors.Unwrap(p); cause != nil {
		err = cause
	}
	level := slog.LevelWarn
	if p.Code == codeInternal {
		level = slog.LevelError
	}
	s.cfg.Log.Log(c.UserContext(), level, "request failed", "request", p.Request, "route", routeName(c), "code", p.Code, "err", err)
}

// answerError is the one place where an error becomes an answer.
func (s *Server) answerError(c *fiber.Ctx, err error) error {
	p := problemOf(err)
	p.Request = requestID(c)
	if p.Status >= http.StatusInternalServerError {
		s.logTrouble(c, p, err)
	}
	// What was set for an answer that did not come about.
	for _, h := range []string{fiber.HeaderETag, fiber.HeaderContentDisposition, fiber.HeaderContentEncoding, fiber.HeaderLocation} {
		c.Response().Header.Del(h)
	}
	s.secure(c)
	c.Set(fiber.HeaderCacheControl, "no-store")
	if p.Status == http.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="suyuan"`)
	}
	p.setRetry(c)
	c.Status(p.Status)
	if wantsPage(c) {
		return s.troublePage(c, p)
	}
	if err := sendJSON(c, p); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/problem+json")
	return nil
}
