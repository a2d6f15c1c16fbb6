package api

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
)

// approvingRecords approves what it is given.
type approvingRecords struct{ fakeRecords }

func (approvingRecords) Approve(_ context.Context, caller *Operator, draft json.RawMessage, sign bool) (*Approved, error) {
	if string(draft) == "{}" {
		return nil, NewProblem(http.StatusConflict, "approval-invalid", "it may not")
	}
	a := &Approved{Draft: draft, Message: "Suyuan approval"}
	if sign {
		a.Approver = caller.Member
	}
	return a, nil
}

func TestApproval(t *testing.T) {
	n := newFakeNode()
	s := newTestServer(t, n, func(c *Config) { c.Records = approvingRecords{fakeRecords{n}} })
	const path = "/api/v1/approvals"
	token := []string{"Authorization", "Bearer " + testToken}
	a := decode[Approved](t, ask(t, s, "POST", path, `{"kind":"activate"}`, token...))
	if string(a.Draft) != `{"kind":"activate"}` || a.Message == "" || a.Approver != "wh" {
		t.Errorf("approved: %+v", a)
	}
	if a := decode[Approved](t, ask(t, s, "POST", path+"?sign=false", `{"kind":"activate"}`, token...)); a.Approver != "" {
		t.Errorf("signed although it was not to be: %+v", a)
	}
	checkProblem(t, ask(t, s, "POST", path, `{}`, token...), http.StatusConflict, "approval-invalid")
	checkProblem(t, ask(t, s, "POST", path, `{}`), http.StatusUnauthorized, "token-required")
	checkProblem(t, ask(t, s, "POST", path, `{}`, "Authorization", "Bearer reader"), http.StatusForbidden, "outside-scope")
	checkProblem(t, ask(t, newTestServer(t, n), "POST", path, `{}`, token...), http.StatusNotFound, "not-found")
}
