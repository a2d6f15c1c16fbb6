package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
)

// post sends records with the token of a writer.
func post(t testing.TB, s *Server, contentType, body string) reply {
	t.Helper()
	return ask(t, s, "POST", "/api/v1/records", body, "Content-Type", contentType, "Authorization", "Bearer "+testToken)
}

func TestPostDrafts(t *testing.T) {
	n := newFakeNode()
	s := newTestServer(t, n)
	one := post(t, s, "application/json; charset=utf-8", ` {"kind":"ship"} `)
	id := ledger.Keccak([]byte(`wh {"kind":"ship"}`)).String()
	if want := `{"records":[{"id":"` + id + `","state":"stored","chain":"wh/2","seq":0,"hash":"` + (ledger.Hash{}).String() + `"}]}`; one.StatusCode != 201 || strings.TrimSpace(one.body) != want {
		t.Errorf("got %d %s, want 201 %s", one.StatusCode, one.body, want)
	}
	if got := one.Header.Get("Location"); got != "/api/v1/records/"+id {
		t.Errorf("got Location %q", got)
	}
	many := post(t, s, "application/json", `[{"kind":"a"},{"kind":"b"}]`)
	if many.StatusCode != 201 || !slices.Equal(n.submitted[1:], []string{`wh {"kind":"a"}`, `wh {"kind":"b"}`}) {
		t.Errorf("got %d %s, submitted %q", many.StatusCode, many.body, n.submitted)
	}
}

// TestPostNamed checks that the name of a request gives each of its drafts one key,
// whoever sends the name again, and that operators do not share names.
func TestPostNamed(t *testing.T) {
	n := newFakeNode()
	s := newTestServer(t, n)
	send := func(name string) []string {
		before := len(n.submitted)
		r := ask(t, s, "POST", "/api/v1/records", `[{"kind":"a"},{"kind":"a"}]`, "Content-Type", "application/json",
			"Authorization", "Bearer "+testToken, "Idempotency-Key", name)
		if r.StatusCode != 201 {
			t.Fatalf("got %d %s", r.StatusCode, r.body)
		}
		return n.submitted[before:]
	}
	first, again, other := send("order 17"), send("order 17"), send("order 18")
	if !slices.Equal(first, again) || first[0] == first[1] || slices.Contains(other, first[0]) || slices.Contains(other, first[1]) {
		t.Errorf("got the keys %q, then %q, and %q for another name", first, again, other)
	}
	if draftKey(ledger.Address{1}, "x", 0) == draftKey(ledger.Address{2}, "x", 0) {
		t.Error("two operators share a key")
	}
	checkProblem(t, ask(t, s, "POST", "/api/v1/records", `{"kind":"a"}`, "Content-Type", "application/json",
		"Authorization", "Bearer "+testToken, "Idempotency-Key", strings.Repeat("x", maxIdempotencyKey+1)), 400, codeParameter)
}

func TestPostRefusals(t *testing.T) {
	n := newFakeNode()
	s := newTestServer(t, n)
	n.refuse = func(i int) error {
		switch i {
		case 1:
			return &ledger.Error{Code: ledger.CodeNoGrant, Detail: "the signer holds no grant"}
		case 2:
			return errors.New("disk on fire")
		case 3, 4:
			return fmt.Errorf("build: %w", &trace.FieldError{Field: "fields.lot", Detail: "is required"})
		}
		return nil
	}
	r := post(t, s, "application/json", `[{"n":0},{"n":1},{"n":2},{"n":3}]`)
	answer := decode[struct{ Records []SubmitResult }](t, r)
	if r.StatusCode != 201 || len(answer.Records) != 4 || answer.Records[0].Place == nil {
		t.Fatalf("got %d %s", r.StatusCode, r.body)
	}
	for i, want := range []string{"no-grant", codeInternal, "bad-field"} {
		if p := answer.Records[i+1].Problem; p == nil || p.Code != want {
			t.Errorf("record %d: got %+v, want %s", i+1, p, want)
		}
	}
	if strings.Contains(r.body, "fire") {
		t.Errorf("the caller is told our trouble: %s", r.body)
	}
	// None stored: the answer is the problem, with the same list.
	p := checkProblem(t, post(t, s, "application/json", `{"n":4}`), 422, "bad-field")
	if p.Field != "fields.lot" || len(p.Records) != 1 || p.Records[0].Problem.Code != "bad-field" {
		t.Errorf("got %+v", p)
	}
}

func TestPostMalformedDrafts(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	for _, tt := range []struct {
		body   string
		status int
		code   string
	}{
		{``, 400, codeBadJSON},
		{`[]`, 400, codeBadRequest},
		{`{"kind":`, 400, codeBadJSON},
		{`{} {}`, 400, codeBadJSON},
		{`null`, 400, codeBadJSON},
		{`[{},null]`, 400, codeBadJSON},
		{`["x"]`, 400, codeBadJSON},
		{`3`, 400, codeBadJSON},
		{`[{}`, 400, codeBadJSON},
		{`[{},]`, 400, codeBadJSON},
		{`[{} {}]`, 400, codeBadJSON},
		{`[{}] []`, 400, codeBadJSON},
		{`[{"a":}]`, 400, codeBadJSON},
		{`[` + strings.Repeat(`{},`, 1<<20) + `0`, 413, codeTooMany}, // nobody looks at more than may be
		{`[` + strings.Repeat(`{},`, maxSubmissions) + `{}]`, 413, codeTooMany},
	} {
		if checkProblem(t, post(t, s, "application/json", tt.body), tt.status, tt.code); t.Failed() {
			t.Fatalf("at %.40q", tt.body)
		}
	}
}

func mustEncode(t testing.TB, v any) string {
	t.Helper()
	b, err := ledger.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPostSigned(t *testing.T) {
	n := newFakeNode()
	s := newTestServer(t, n)
	body := mustEncode(t, Signed{Record: []byte("r1"), Signature: []byte("s1"), Sidecar: []byte{}}) +
		mustEncode(t, Signed{Record: []byte("r2"), Signature: []byte("s2"), Sidecar: []byte("c2")})
	r := ask(t, s, "POST", "/api/v1/records", body, "Content-Type", "application/cbor") // no token
	if r.StatusCode != 201 || !slices.Equal(n.submitted, []string{"r1|s1|", "r2|s2|c2"}) {
		t.Errorf("got %d %s, submitted %q", r.StatusCode, r.body, n.submitted)
	}
	for name, bad := range map[string]string{
		"cut off":        body[:len(body)-1],
		"no array":       "\x43abc",
		"two elements":   "\x82\x41a\x41b",
		"text":           "\x83\x61a\x41b\x41c",
		"null":           "\x83\x41a\x41b\xf6",
		"long length":    "\x83\x58\x01a\x41b\x41c",
		"indefinite":     "\x9f\x41a\x41b\x41c\xff",
		"something more": body + "\x00",
	} {
		if checkProblem(t, ask(t, s, "POST", "/api/v1/records", bad, "Content-Type", "application/cbor"), 400, codeBadCBOR); t.Failed() {
			t.Fatal("at", name)
		}
	}
	checkProblem(t, ask(t, s, "POST", "/api/v1/records", "", "Content-Type", "application/cbor"), 400, codeBadRequest)
}

// TestBadSignaturesAreLimited holds that only those count, and that others from
// the same address can still post with a token.
func TestBadSignaturesAreLimited(t *testing.T) {
	n := newFakeNode()
	s := newTestServer(t, n)
	n.refuse = func(int) error { return &ledger.Error{Code: ledger.CodeSignature, Detail: "no"} }
	body := mustEncode(t, Signed{Record: []byte("r"), Signature: []byte("s"), Sidecar: []byte{}})
	for range failureBurst {
		checkProblem(t, ask(t, s, "POST", "/api/v1/records", body, "Content-Type", "application/cbor"), 422, "bad-signature")
	}
	checkProblem(t, ask(t, s, "POST", "/api/v1/records", body, "Content-Type", "application/cbor"), 429, codeRate)
}

func TestGetRecord(t *testing.T) {
	n := newFakeNode()
	id := ledger.Keccak([]byte("x"))
	n.places[id] = Place{ID: id, State: StateFinal, Chain: "wh/2", Seq: 7}
	s := newTestServer(t, n)
	for _, prefix := range []string{"", "0x"} {
		r := ask(t, s, "GET", "/api/v1/records/"+prefix+id.String(), "")
		if want := `{"id":"` + id.String() + `","state":"final","chain":"wh/2","seq":7,"hash":"` + (ledger.Hash{}).String() + `"}`; r.StatusCode != 200 || strings.TrimSpace(r.body) != want {
			t.Errorf("got %d %s, want %s", r.StatusCode, r.body, want)
		}
	}
}

// TestGetRecordShown checks that callers with a token are told what a record says,
// and that nobody else is.
func TestGetRecordShown(t *testing.T) {
	n := newFakeNode()
	id, hidden := ledger.Keccak([]byte("x")), ledger.Keccak([]byte("y"))
	n.places[id], n.places[hidden] = Place{ID: id, State: StateFinal}, Place{ID: hidden, State: StateFinal}
	n.shown = map[ledger.Hash]any{id: map[string]any{"kind": "ship"}}
	s := newTestServer(t, n)
	reader := []string{"Authorization", "Bearer reader"}
	for _, c := range []struct {
		id    ledger.Hash
		token []string
		shown bool
	}{{id, reader, true}, {id, nil, false}, {hidden, reader, false}} {
		r := ask(t, s, "GET", "/api/v1/records/"+c.id.String(), "", c.token...)
		if r.StatusCode != 200 || strings.Contains(r.body, `"record":{"kind":"ship"}`) != c.shown || !c.shown && strings.Contains(r.body, "record") {
			t.Errorf("to %v: got %d %s", c.token, r.StatusCode, r.body)
		}
	}
	checkProblem(t, ask(t, s, "GET", "/api/v1/records/"+id.String(), "", "Authorization", "Bearer nobody"), 401, codeBadToken)
}

func FuzzSplitSigned(f *testing.F) {
	f.Add([]byte("\x83\x41a\x41b\x40"))
	f.Add([]byte("\x83\x41a\x41b\x40\x83\x40\x40\x40"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := splitSigned(data)
		if err != nil {
			return
		}
		var again []byte
		for _, one := range list {
			again = append(again, mustEncode(t, one)...)
		}
		if string(again) != string(data) {
			t.Errorf("%x was read and is written as %x", data, again)
		}
	})
}

func FuzzSplitDrafts(f *testing.F) {
	f.Add([]byte(`{"kind":"ship"}`))
	f.Add([]byte(`[{},{"a":[1]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		drafts, err := splitDrafts(data)
		if err != nil {
			return
		}
		for _, d := range drafts {
			if len(d) < 2 || d[0] != '{' || d[len(d)-1] != '}' {
				t.Errorf("%q gives the draft %q", data, d)
			}
		}
	})
}
