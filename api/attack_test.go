package api

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

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

// Whoever has a whole IPv6 site has as many clients as he likes, and is held to what
// some of them may do.
func TestSitesAreLimited(t *testing.T) {
	now := time.Unix(1, 0)
	l, err := newLimiter(time.Second, 2, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	of := func(site, client int) netip.Prefix {
		return netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x:%x::/64", site, client))
	}
	passed := 0
	for client := range 3 * maxClients {
		if l.allow(of(1, client)) {
			passed++
		}
	}
	if passed != 2*siteShare {
		t.Errorf("%d acts of one site passed, want %d", passed, 2*siteShare)
	}
	if !l.allow(of(2, 1)) {
		t.Error("another site is held up")
	}
	for i := range 4 {
		v4 := netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/32", i))
		passed := 0
		for range 3 {
			if l.allow(v4) {
				passed++
			}
		}
		if passed != 2 {
			t.Errorf("%d acts of %s passed, want its own rate of 2", passed, v4)
		}
	}
	now = now.Add(time.Second)
	if !l.allow(of(1, maxClients*4)) {
		t.Error("a site is held up for longer than its rate")
	}
}
