package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"suyuan/ledger"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
)

func TestEveryErrorIsAProblem(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	for _, tt := range []struct {
		name, method, target, body string
		headers                    []string
		status                     int
		code                       string
	}{
		{"unknown path", "GET", "/nothing", "", nil, 404, codeNotFound},
		{"unknown path under api", "GET", "/api/v1/nothing", "", nil, 404, codeNotFound},
		{"path for programs asked by a browser", "GET", "/api/v1/nothing", "", []string{"Accept", "text/html"}, 404, codeNotFound},
		{"wrong method", "POST", "/api/v1/chains", "", nil, 405, codeMethod},
		{"wrong method on a page", "DELETE", "/01/06901234567892", "", nil, 405, codeMethod},
		{"unknown method", "BREW", "/", "", nil, 501, codeMethod},
		{"case of the path", "GET", "/API/v1/chains", "", nil, 404, codeNotFound},
		{"missing parameter", "GET", "/api/v1/trail", "", nil, 400, codeMissing},
		{"bad parameter", "GET", "/api/v1/chains?limit=0", "", nil, 400, codeParameter},
		{"no such charter", "GET", "/api/v1/charter?version=9", "", nil, 404, "unknown-charter"},
		{"no token", "POST", "/api/v1/records", `{}`, []string{"Content-Type", "application/json"}, 401, codeNoToken},
		{"wrong token", "GET", "/api/v1/status", "", []string{"Authorization", "Bearer wrong"}, 401, codeBadToken},
		{"other scheme", "GET", "/api/v1/status", "", []string{"Authorization", "Basic eDp5"}, 401, codeBadToken},
		{"no scope", "POST", "/api/v1/records", `{}`, []string{"Content-Type", "application/json", "Authorization", "Bearer reader"}, 403, codeScope},
		{"media type", "POST", "/api/v1/records", `x`, []string{"Content-Type", "text/plain", "Authorization", "Bearer right"}, 415, codeMediaType},
		{"bad id", "GET", "/api/v1/records/xyz", "", nil, 400, codeParameter},
		{"unknown record", "GET", "/api/v1/records/" + strings.Repeat("0", 64), "", nil, 404, "unknown-record"},
		{"unknown document", "GET", documentsPath + strings.Repeat("0", 64), "", nil, 404, "unknown-document"},
		{"unknown chain", "GET", "/log/lanzhi/9/checkpoint", "", nil, 404, codeUnknownChain},
		{"metrics from outside", "GET", "/metrics", "", nil, 403, codeLocalOnly},
		{"malformed code", "GET", "/01/06901234567893", "", nil, 400, "gtin-check-digit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := ask(t, s, tt.method, tt.target, tt.body, tt.headers...)
			checkProblem(t, r, tt.status, tt.code)
			if r.Header.Get("Content-Security-Policy") != apiPolicy || r.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("security headers are missing: %v", r.Header)
			}
			if strings.Contains(r.body, "goroutine") || strings.Contains(r.body, "fasthttp") {
				t.Errorf("the problem shows internals: %s", r.body)
			}
		})
	}
}

func TestMethodNotAllowedListsMethods(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	r := ask(t, s, "PUT", "/api/v1/chains", "")
	for _, m := range []string{"GET", "HEAD", "OPTIONS"} {
		if !strings.Contains(r.Header.Get("Allow"), m) {
			t.Errorf("got Allow %q, want %s in it", r.Header.Get("Allow"), m)
		}
	}
}

func TestPreflight(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	r := ask(t, s, "OPTIONS", "/01/06901234567892", "", "Origin", "https://elsewhere.example", "Access-Control-Request-Method", "GET")
	if r.StatusCode != 204 || r.Header.Get("Access-Control-Allow-Origin") != "*" || r.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("got %d %v", r.StatusCode, r.Header)
	}
	checkProblem(t, ask(t, s, "OPTIONS", "/api/v1/records", ""), 405, codeMethod)
}

type teapot struct{}

func (teapot) Error() string { return "short and stout" }
func (teapot) Code() string  { return "teapot" }
func (teapot) Status() int   { return 418 }

func TestProblemOf(t *testing.T) {
	_, badGTIN := gs1.ParseGTIN("6901234567893")
	for _, tt := range []struct {
		err    error
		status int
		code   string
	}{
		{NewProblem(409, "x", ""), 409, "x"},
		{fmt.Errorf("look up: %w", NewProblem(409, "x", "")), 409, "x"},
		{fmt.Errorf("pour: %w", teapot{}), 418, "teapot"},
		{badGTIN, 400, "gtin-check-digit"},
		{fmt.Errorf("parse: %w", code.ErrCheckCharacter), 400, codeCheckChar},
		{code.ErrSerial, 400, codeSerial},
		{context.DeadlineExceeded, 503, codeTimeout},
		{fiber.ErrRequestEntityTooLarge, 413, codeBodyTooLarge},
		{fiber.ErrRequestHeaderFieldsTooLarge, 431, codeHeaders},
		{fiber.ErrRequestTimeout, 408, codeTimeout},
		{fiber.ErrBadRequest, 400, codeBadRequest},
		{fiber.ErrBadGateway, 500, codeInternal},
		{errors.New("disk on fire"), 500, codeInternal},
		{&ledger.Error{Code: ledger.CodeUnreadable, Detail: "sector 7"}, 500, codeInternal},
	} {
		p := problemOf(tt.err)
		if p.Status != tt.status || p.Code != tt.code || p.Title != http.StatusText(tt.status) {
			t.Errorf("%v: got %d %s, want %d %s", tt.err, p.Status, p.Code, tt.status, tt.code)
		}
		if tt.status == 500 && p.Detail != "" {
			t.Errorf("%v: the caller is told %q", tt.err, p.Detail)
		}
	}
}

func TestRefusalOf(t *testing.T) {
	for code, status := range map[ledger.Code]int{
		ledger.CodeNoGrant: 403, ledger.CodeRevoked: 403, ledger.CodeNotAdmin: 403, ledger.CodeDuplicate: 409,
		ledger.CodeTooLarge: 413, ledger.CodeSignature: 422, ledger.CodeAhead: 422, ledger.CodeUnreadable: 500,
	} {
		p := refusalOf(fmt.Errorf("append: %w", &ledger.Error{Code: code, Detail: "no"}))
		if p.Status != status || status != 500 && p.Code != string(code) {
			t.Errorf("%s: got %d %s, want %d", code, p.Status, p.Code, status)
		}
	}
}

// TestOurTroubleIsLogged also holds that the log names neither code nor caller.
func TestOurTroubleIsLogged(t *testing.T) {
	var log bytes.Buffer
	n := newFakeNode()
	n.answers["*"] = testAnswer{err: errors.New("disk on fire")}
	s := newTestServer(t, n, func(cfg *Config) {
		cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	r := ask(t, s, "GET", "/01/06901234567892/21/SECRETSERIAL", "")
	p := checkProblem(t, r, 500, codeInternal)
	if strings.Contains(r.body, "fire") {
		t.Errorf("the caller is told our trouble: %s", r.body)
	}
	for _, want := range []string{"disk on fire", p.Request, "route=/01/*", "status=500"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
	for _, not := range []string{"SECRET", "0.0.0.0"} {
		if strings.Contains(log.String(), not) {
			t.Errorf("the log has %q:\n%s", not, log.String())
		}
	}
}

func TestPanicCostsOneRequest(t *testing.T) {
	n := newFakeNode()
	n.answers["*"] = testAnswer{panics: true}
	s := newTestServer(t, n)
	checkProblem(t, ask(t, s, "GET", "/01/06901234567892", ""), 500, codeInternal)
	if r := ask(t, s, "GET", "/healthz", ""); r.StatusCode != 200 {
		t.Errorf("after a panic: got %d", r.StatusCode)
	}
}
