package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/gofiber/fiber/v2"
)

// Approvals has activations approved by a second operator. A [Config.Records] that
// implements it serves them.
type Approvals interface {
	// Approve signs a draft as the caller, for another operator to post; with
	// sign false it only tells what a key kept elsewhere has to sign.
	Approve(ctx context.Context, caller *Operator, draft json.RawMessage, sign bool) (*Approved, error)
}

// An Approved is a draft with the approval in it.
type Approved struct {
	Draft    json.RawMessage `json:"draft"`
	Message  string          `json:"message"`            // what was signed, or is to be (EIP-191)
	Approver string          `json:"approver,omitempty"` // address of who signed
}

// postApproval approves one draft.
func (s *Server) postApproval(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, cacheNever)
	caller, err := s.operator(c, ScopeWrite)
	if err != nil {
		return err
	}
	approvals, ok := s.cfg.Records.(Approvals)
	if !ok {
		return NewProblem(http.StatusNotFound, codeNotFound, "this node has nothing approved")
	}
	sign := c.QueryBool("sign", true)
	done, err := approvals.Approve(c.UserContext(), caller, c.Body(), sign)
	if err != nil {
		return refusalOf(err)
	}
	return sendJSON(c, done)
}
