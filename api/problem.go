package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
)

// A Problem is an error as callers see it: an RFC 9457 problem details object.
// Code is stable; clients decide by it and by nothing else. What implements the
// interfaces of this package returns a Problem, wrapped or not, or an error with
// the methods Code and Status, for every refusal that is the caller's affair.
// Other errors are ours: they are logged and shown without their text.
type Problem struct {
	Type    string `json:"type"` // "about:blank": what the problem is says Code
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Detail  string `json:"detail,omitempty"`
	Field   string `json:"field,omitempty"`      // the request's field at fault
	Request string `json:"request_id,omitempty"` // what our log calls the request

	// Records is set where a request with several records stored none.
	Records []SubmitResult `json:"records,omitempty"`

	err   error         // the cause, for the log only
	retry time.Duration // when to try again, if that is known
}

// NewProblem returns a problem with a status of HTTP, a stable code and one
// sentence without a final stop.
func NewProblem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Error returns the sentence, or the code if there is none.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Code
}

// setRetry says when the caller may try again.
func (p *Problem) setRetry(c *fiber.Ctx) {
	if p.Status != http.StatusTooManyRequests && p.Status != http.StatusServiceUnavailable {
		return
	}
	wait := cmp.Or(p.retry, usualRetry)
	c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int((wait+time.Second-1)/time.Second)))
}

// Unwrap returns the cause, if there is one.
func (p *Problem) Unwrap() error { return p.err }

// coded is what other packages' refusals look like.
type coded interface {
	error
	Code() string
	Status() int
}

// Codes of this package. Those of gs1, code and ledger come through as they are.
const (
	codeBadRequest    = "bad-request"
	codeNotFound      = "not-found"
	codeMethod        = "method-not-allowed"
	codeBodyTooLarge  = "body-too-large"
	codeHeaders       = "headers-too-large"
	codeMediaType     = "unsupported-media-type"
	codeNotAcceptable = "not-acceptable"
	codeTimeout       = "timeout"
	codeInternal      = "internal"
	codeFraming       = "ambiguous-framing"
	codeEncoding      = "content-encoding"
	codeTries         = "too-many-tries"
	codeRate          = "too-many-requests"
	codeNoToken       = "token-required"
	codeBadToken      = "bad-token"
	codeScope         = "outside-scope"
	codeMembersOnly   = "members-only"
	codeLocalOnly     = "local-only"
	codeBadJSON       = "bad-json"
	codeBadCBOR       = "bad-cbor"
	codeTooMany       = "too-many-records"
	codeMissing       = "missing-parameter"
	codeParameter     = "bad-parameter"
	codeLinkType      = "unknown-link-type"
	codeCheckChar     = "check-character"
	codeSerial        = "serial-format"
	codeNotReady      = "not-ready"
	codeUnknownChain  = "unknown-chain"
)

// problemOf turns any error into what the caller is told.
func problemOf(err error) *Problem {
	var p *Problem
	var c coded
	var f *fiber.Error
	switch {
	case errors.As(err, &p):
		copied := *p
		return &copied
	case errors.As(err, &c):
		p := NewProblem(c.Status(), c.Code(), c.Error())
		p.err = err // the log shows more of what is ours
		return p
	case gs1.CodeOf(err) != "":
		return NewProblem(http.StatusBadRequest, string(gs1.CodeOf(err)), err.Error())
	case errors.Is(err, code.ErrCheckCharacter):
		return NewProblem(http.StatusBadRequest, codeCheckChar, "the serial's check character does not fit: it was mistyped or misread")
	case errors.Is(err, code.ErrFormat), errors.Is(err, code.ErrSerial):
		return NewProblem(http.StatusBadRequest, codeSerial, err.Error())
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return NewProblem(http.StatusServiceUnavailable, codeTimeout, "the answer took too long")
	case errors.As(err, &f):
		return frameworkProblem(f)
	}
	return &Problem{Type: "about:blank", Title: http.StatusText(http.StatusInternalServerError),
		Status: http.StatusInternalServerError, Code: codeInternal, err: err}
}

// frameworkProblem maps what Fiber and fasthttp refuse before a handler runs.
// Their texts name internals and stay out, and so does the path: it holds codes.
func frameworkProblem(f *fiber.Error) *Problem {
	switch f.Code {
	case http.StatusNotFound:
		return NewProblem(f.Code, codeNotFound, "there is nothing under this address")
	case http.StatusMethodNotAllowed:
		return NewProblem(f.Code, codeMethod, "this address does not know the method; the Allow header lists those it knows")
	case http.StatusRequestEntityTooLarge:
		return NewProblem(f.Code, codeBodyTooLarge, "a request body has at most 8 MiB")
	case http.StatusRequestHeaderFieldsTooLarge:
		return NewProblem(f.Code, codeHeaders, "request line and headers have at most 16 KiB")
	case http.StatusRequestTimeout:
		return NewProblem(f.Code, codeTimeout, "the request took too long to arrive")
	}
	if f.Code >= http.StatusInternalServerError {
		p := NewProblem(http.StatusInternalServerError, codeInternal, "")
		p.err = f
		return p
	}
	return NewProblem(f.Code, codeBadRequest, "the request is not well-formed HTTP")
}

// refusalOf turns the reason why a record was not stored into a problem. Unlike
// elsewhere, the codes of ledger and trace are about what the caller sent.
func refusalOf(err error) *Problem {
	p := problemOf(err)
	var field *trace.FieldError
	if errors.As(err, &field) {
		if p.Code == codeInternal {
			p = NewProblem(http.StatusUnprocessableEntity, field.Code(), field.Error())
		}
		p.Field = field.Field
		return p
	}
	var refusal *trace.Refusal
	if p.Code == codeInternal && errors.As(err, &refusal) {
		return NewProblem(http.StatusUnprocessableEntity, refusal.Code(), refusal.Error())
	}
	if p.Code == codeInternal && ledger.CodeOf(err) != "" {
		return ledgerProblem(p, err)
	}
	return p
}

// ledgerProblem gives the ledger's codes a status. Those about our own storage
// stay ours.
func ledgerProblem(ours *Problem, err error) *Problem {
	status := http.StatusUnprocessableEntity
	switch ledger.CodeOf(err) {
	case ledger.CodeNoGrant, ledger.CodeGrantLimit, ledger.CodeNotAdmin, ledger.CodeRevoked, ledger.CodeSigner:
		status = http.StatusForbidden
	case ledger.CodeDuplicate:
		status = http.StatusConflict
	case ledger.CodeTooLarge:
		status = http.StatusRequestEntityTooLarge
	case ledger.CodeHead, ledger.CodeUnreadable, ledger.CodeTree, ledger.CodeRecordID:
		return ours
	}
	return NewProblem(status, string(ledger.CodeOf(err)), err.Error())
}
