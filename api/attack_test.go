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

// A packed body is not unpacked: a few kilobytes from anybody became gigabytes of
// memory, once for each time that it was packed.
func TestPackedBodiesAreRefused(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	for _, path := range []string{"/api/v1/claims", "/api/v1/records", "/epcis/capture", "/claim/01/06901234000016/21/A", "/nothing"} {
		for _, encoding := range []string{"gzip", "br", "deflate", "GZIP", "gzip, gzip", "zstd"} {
			r := ask(t, s, "POST", path, "anything", "Content-Type", "application/json", "Content-Encoding", encoding)
			checkProblem(t, r, 415, codeEncoding)
			if got := r.Header.Get("Accept-Encoding"); got != "identity" {
				t.Errorf("%s in %s: the answer accepts %q", path, encoding, got)
			}
		}
	}
	r := ask(t, s, "POST", "/api/v1/records", "{}", "Content-Type", "application/json", "Content-Encoding", "identity", "Authorization", "Bearer "+testToken)
	if r.StatusCode != 201 {
		t.Errorf("a body that says that it is not packed: got %d %s", r.StatusCode, r.body)
	}
}
