package api

import (
	"testing"

	"suyuan/ledger"
)

// A stranger behind the same proxy or router must not lock out those with a
// right token, neither with wrong ones nor with bad signatures.
func TestARightTokenIsNotHeldUpByStrangers(t *testing.T) {
	n := newFakeNode()
	s := newTestServer(t, n)
	for range failureBurst + 1 {
		ask(t, s, "GET", "/api/v1/status", "", "Authorization", "Bearer wrong")
	}
	checkProblem(t, ask(t, s, "GET", "/api/v1/status", "", "Authorization", "Bearer wrong"), 429, codeRate)
	if r := ask(t, s, "GET", "/api/v1/status", "", "Authorization", "Bearer "+testToken); r.StatusCode != 200 {
		t.Errorf("with a right token: got %d", r.StatusCode)
	}
}

// Records that anybody can sign well, such as those for another network, cost a
// check of their signature and count too.
func TestForeignRecordsAreLimited(t *testing.T) {
	for _, code := range []ledger.Code{ledger.CodeNetwork, ledger.CodeChain, ledger.CodeRevoked, ledger.CodeNotAdmin} {
		n := newFakeNode()
		s := newTestServer(t, n)
		n.refuse = func(int) error { return &ledger.Error{Code: code, Detail: "no"} }
		body := mustEncode(t, Signed{Record: []byte("r"), Signature: []byte("s"), Sidecar: []byte{}})
		for range failureBurst {
			ask(t, s, "POST", "/api/v1/records", body, "Content-Type", "application/cbor")
		}
		checkProblem(t, ask(t, s, "POST", "/api/v1/records", body, "Content-Type", "application/cbor"), 429, codeRate)
	}
}
