package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"suyuan/ledger"
)

// An Operator is who a bearer token stands for.
type Operator struct {
	Member  string // slug of the member; this node's, as tokens are its own
	Party   string // slug of the only party to act for, or empty
	Address ledger.Address
	Scopes  []string
}

// The scopes of a token.
const (
	ScopeRead  = "read"  // see what the member may see
	ScopeWrite = "write" // post records, signed by the node with the operator's key
)

// May reports whether the operator's token has the scope.
func (o *Operator) May(scope string) bool { return slices.Contains(o.Scopes, scope) }

// ErrBadToken says that a token is not known, has expired or was withdrawn.
var ErrBadToken = errors.New("bad token")

// Auth knows the tokens.
type Auth interface {
	// Operator returns whom the token stands for. The error wraps ErrBadToken if
	// nobody. It takes the same time for every wrong token.
	Operator(ctx context.Context, token string) (*Operator, error)
}

// A Viewer is on whose behalf something is read. The zero value is the public.
type Viewer struct {
	Member string // slug, or empty

	// Party is <member>/<slug> if the reader may act for one hosted party only.
	// Member is empty then, so that what is for members stays theirs.
	Party string
}

// caller returns who calls, or nil if the request names nobody. A token that is
// named must be right, also where none is needed: a wrong one silently read as
// the public would hide the mistake.
func (s *Server) caller(c *fiber.Ctx) (*Operator, error) {
	header := c.Get(fiber.HeaderAuthorization)
	if header == "" {
		if onSocket(c) {
			return s.cfg.Local, nil
		}
		return nil, nil
	}
	token, ok := bearer(header)
	if !ok {
		return nil, s.unauthorized(c, "the Authorization header must be Bearer and a token")
	}
	op, err := s.cfg.Auth.Operator(c.UserContext(), token)
	if errors.Is(err, ErrBadToken) {
		return nil, s.unauthorized(c, "the token is not known, has expired or was withdrawn")
	}
	return op, err
}

// bearer returns the token of an Authorization header.
func bearer(header string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(header, " ")
	return token, strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= maxTokenBytes
}

// unauthorized counts a failure. Only wrong tokens are held up: behind a proxy or
// a company's router strangers have the address of those with a right one.
func (s *Server) unauthorized(c *fiber.Ctx, detail string) error {
	if !s.failures.allow(s.clientOf(c)) {
		return tooMany("too many wrong tokens came from this address")
	}
	return NewProblem(http.StatusUnauthorized, codeBadToken, detail)
}

// operator returns the caller, who must hold the scope.
func (s *Server) operator(c *fiber.Ctx, scope string) (*Operator, error) {
	op, err := s.caller(c)
	switch {
	case err != nil:
		return nil, err
	case op == nil:
		return nil, NewProblem(http.StatusUnauthorized, codeNoToken, "this needs a bearer token of an operator")
	case !op.May(scope):
		return nil, NewProblem(http.StatusForbidden, codeScope, "the token does not have the scope "+scope)
	}
	return op, nil
}

// viewer returns on whose behalf the request reads.
func (s *Server) viewer(c *fiber.Ctx) (Viewer, error) {
	op, err := s.caller(c)
	if err != nil || op == nil || !op.May(ScopeRead) {
		return Viewer{}, err
	}
	if op.Party != "" {
		return Viewer{Party: op.Member + "/" + op.Party}, nil
	}
	return Viewer{Member: op.Member}, nil
}

func tooMany(detail string) *Problem {
	return NewProblem(http.StatusTooManyRequests, codeRate, detail)
}
