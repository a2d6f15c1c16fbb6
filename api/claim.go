package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"suyuan/api/web"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// Claims checks second codes (暗码): what lies under the coating of an item.
type Claims interface {
	// Claim checks a second code at the node that issued the item's code, and
	// records its first use, durably before it returns. Asking again with the
	// same token does no harm. The second code must not be logged.
	Claim(ctx context.Context, c Claim) (*Claimed, error)
}

// A Claim is a second code that somebody has typed in.
type Claim struct {
	URI    string // the item's link
	Second string // as typed
	Token  string // the same when the caller asks again
	Tag    string // the claimant's mark, or ""
}

// A Claimed is what became of a claim.
type Claimed struct {
	Outcome ClaimOutcome
	At      time.Time     // of the first use, if there was one
	Wait    time.Duration // with ClaimWait: before that nobody may try this code again
}

// A ClaimOutcome says what became of a claim.
type ClaimOutcome string

// The outcomes.
const (
	ClaimFirst  ClaimOutcome = "first"  // the first use
	ClaimYours  ClaimOutcome = "yours"  // the first use was that of the same token
	ClaimBefore ClaimOutcome = "before" // it was used before
	ClaimWrong  ClaimOutcome = "wrong"  // it does not belong to the code
	ClaimWait   ClaimOutcome = "wait"   // never in an answer: a problem with Retry-After
)

// claimRequest is what POST /api/v1/claims takes.
type claimRequest struct {
	URI   string `json:"uri"`
	Code  string `json:"code"`
	Token string `json:"token"` // made here if absent
	Tag   string `json:"tag"`
}

// claimAnswer is its answer.
type claimAnswer struct {
	Outcome ClaimOutcome `json:"outcome"`
	At      *time.Time   `json:"at,omitempty"` // of the first use
	Token   string       `json:"token"`        // to ask again with, should something get lost
	Zh      string       `json:"zh"`
	En      string       `json:"en"`
}

// postClaim answers programs: an app of the brand, or a command.
func (s *Server) postClaim(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, cacheNever)
	req, err := readClaim(c.Body())
	if err != nil {
		return err
	}
	if req.Token == "" {
		req.Token = newClaimToken()
	}
	done, err := s.claim(c, Claim{URI: req.URI, Second: req.Code, Token: req.Token, Tag: req.Tag})
	if err != nil {
		return err
	}
	a := claimAnswer{Outcome: done.Outcome, Token: req.Token}
	if !done.At.IsZero() {
		a.At = &done.At
	}
	words := s.pages.ClaimSentence(string(done.Outcome), done.At)
	a.Zh, a.En = words.Zh, words.En
	return sendJSON(c, a)
}

// readClaim reads the body strictly: a field that is not known may be a misspelt
// token.
func readClaim(body []byte) (*claimRequest, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	var req claimRequest
	err := dec.Decode(&req)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		return nil, NewProblem(http.StatusBadRequest, codeBadJSON, "the body is not {uri, code, token?, tag?}")
	}
	for name, value := range map[string]string{"uri": req.URI, "code": req.Code} {
		if value == "" {
			p := NewProblem(http.StatusBadRequest, codeMissing, "the field "+name+" is missing")
			p.Field = name
			return nil, p
		}
	}
	return &req, nil
}

// claim has a second code checked, within the client's rate. The node knows of
// each code how often it was tried with a wrong one; this keeps one client from
// trying many codes. Callers with a token, such as the server of an app, speak for
// many people.
func (s *Server) claim(c *fiber.Ctx, claim Claim) (*Claimed, error) {
	if s.cfg.Claims == nil {
		return nil, NewProblem(http.StatusNotFound, codeNotFound, "this node checks no second codes")
	}
	op, err := s.caller(c)
	if err != nil {
		return nil, err
	}
	if (op == nil || !op.May(ScopeWrite)) && !s.claims.allow(s.clientOf(c)) {
		return nil, tooMany("too many second codes came from this address")
	}
	done, err := s.cfg.Claims.Claim(c.UserContext(), claim)
	if err != nil || done.Outcome != ClaimWait {
		return done, err
	}
	p := NewProblem(http.StatusTooManyRequests, codeTries, "this code was tried with too many wrong second codes")
	p.retry = done.Wait
	return nil, p
}

func newClaimToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// claimPrefix stands before an item's path on the page where its second code is
// typed in.
const claimPrefix = "/claim"

// claimPath is the path of that page for an answer, or "" if its items bear no
// second codes, as far as this node knows.
func (s *Server) claimPath(link gs1.Link, a *trace.Answer) string {
	if s.cfg.Claims == nil || a.Trail == nil || link.Serial() == "" {
		return ""
	}
	for _, e := range a.Trail.Events {
		if e.Kind == "run" && e.Fields.Bool("second") {
			link.Stem = ""
			return claimPrefix + link.String()
		}
	}
	return ""
}

// getClaim shows the form for a second code. Its token is new each time the form
// is asked for; sending the form twice, or again when no answer came, is one
// claim.
func (s *Server) getClaim(c *fiber.Ctx) error {
	link, err := s.claimedLink(c)
	if err != nil {
		return err
	}
	return s.claimPage(c, &web.Claim{Token: newClaimToken(), Serial: link.Serial()}, link)
}

// postClaimForm answers the form. Whatever goes wrong, what was typed stays in it.
func (s *Server) postClaimForm(c *fiber.Ctx) error {
	link, err := s.claimedLink(c)
	if err != nil {
		return err
	}
	v := &web.Claim{Token: c.FormValue("token"), Serial: link.Serial(), Typed: typed(c.FormValue("code"))}
	if v.Token == "" || len(v.Token) > maxInput {
		v.Token = newClaimToken()
	}
	if v.Typed == "" {
		v.Mistake = "empty"
		c.Status(http.StatusBadRequest)
		return s.claimPage(c, v, link)
	}
	done, err := s.claim(c, Claim{URI: link.String(), Second: v.Typed, Token: v.Token})
	if err != nil {
		p := problemOf(err)
		if p.Code == codeInternal {
			return err
		}
		v.Mistake, v.Wait = p.Code, p.retry
		p.setRetry(c)
		c.Status(p.Status)
		return s.claimPage(c, v, link)
	}
	v.Outcome, v.At = string(done.Outcome), done.At
	return s.claimPage(c, v, link)
}

// claimedLink reads the item that the page's address names.
func (s *Server) claimedLink(c *fiber.Ctx) (gs1.Link, error) {
	c.Set(fiber.HeaderCacheControl, cacheNever) // each form has a token of its own
	link, err := lenient.ParseTarget(requestPath(c)[len(claimPrefix):])
	link.Stem = s.base(c)
	return link, err
}

func (s *Server) claimPage(c *fiber.Ctx, v *web.Claim, link gs1.Link) error {
	c.Vary(fiber.HeaderAcceptLanguage, fiber.HeaderCookie)
	v.Caution = web.Text{Zh: trace.CautionZh, En: trace.CautionEn}
	v.Filings = s.filings()
	link.Stem = ""
	v.Back = link.String()
	var buf bytes.Buffer
	if err := s.pages.Claim(&buf, s.language(c), v); err != nil {
		return err
	}
	return s.sendPage(c, buf.Bytes())
}
