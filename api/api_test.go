package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/trace"
)

// testBase is the public URL of test servers.
const testBase = "https://trace.lanzhi.example"

// testToken belongs to an operator of the warehouse who may do everything.
const testToken = "right"

// fakeNode is the node behind a test server: real chains of ledgertest, and
// answers that tests set. It is safe for concurrent use.
type fakeNode struct {
	net    *ledgertest.Net
	chain  *ledgertest.Builder
	cp     *ledger.Checkpoint
	ready  []string
	places map[ledger.Hash]Place
	shown  map[ledger.Hash]any // to members
	files  map[ledger.Hash]string

	mu        sync.Mutex // guards what follows
	submitted []string
	refuse    func(n int) error
	asked     []string // uri and viewer of each question
	answers   map[string]testAnswer
	links     []trace.Link // of whatever is asked about
}

func newFakeNode(opts ...ledgertest.Option) *fakeNode {
	n := &fakeNode{net: ledgertest.New(opts...), places: map[ledger.Hash]Place{}, files: map[ledger.Hash]string{}, answers: map[string]testAnswer{}}
	n.chain = n.net.NewChain("lanzhi")
	for n.chain.Size() < 300 {
		n.chain.Append(n.net.Record("lanzhi", ledger.KindProduct, n.chain.Now(), ledgertest.Fields(map[uint64]any{1: n.chain.Size()})))
	}
	n.cp = n.chain.Final()
	return n
}

// fakeLogs has the first entries of one chain.
type fakeLogs struct{ n *fakeNode }

func (l fakeLogs) Checkpoint(_ context.Context, chain uint32) ([]byte, error) {
	if chain != l.n.chain.Number {
		return nil, nil
	}
	return l.n.cp.Note, nil
}

func (l fakeLogs) Tile(_ context.Context, _ uint32, tile ledger.TileID, width int) ([]byte, error) {
	data, err := l.n.chain.TileSource()(tile, width)
	return data[:min(len(data), width*32)], err
}

func (l fakeLogs) Entries(_ context.Context, _ uint32, from uint64, width int) ([][]byte, error) {
	return l.n.chain.Entries[from : from+uint64(width)], nil
}

type fakeChains struct{ n *fakeNode }

func (f fakeChains) Network() *ledger.Network { return f.n.net.Network }

func (f fakeChains) States(context.Context) ([]ChainState, error) {
	root, err := f.n.chain.Chain.Root()
	own := ChainState{Chain: "lanzhi/1", Member: "lanzhi", Number: 1, Size: f.n.chain.Size(), Root: root, Time: time.UnixMilli(f.n.chain.Chain.Time()),
		Final: &Final{Size: f.n.cp.Size, Root: f.n.cp.Root, Cosigners: f.n.cp.Cosigners}, Quorum: 3, Of: 4}
	return []ChainState{{Chain: "wh/2", Member: "wh", Number: 2, Quorum: 3, Of: 4}, own}, err
}

type fakeAuth struct{}

func (fakeAuth) Operator(_ context.Context, token string) (*Operator, error) {
	switch token {
	case testToken:
		return &Operator{Member: "wh", Scopes: []string{ScopeRead, ScopeWrite}}, nil
	case "reader":
		return &Operator{Member: "wh", Scopes: []string{ScopeRead}}, nil
	}
	return nil, ErrBadToken
}

type fakeHealth struct{ n *fakeNode }

func (h fakeHealth) Ready(context.Context) []string { return h.n.ready }

func (h fakeHealth) Status(_ context.Context, v Viewer) (any, error) {
	return map[string]string{"viewer": v.Member}, nil
}

type fakeDocuments struct{ n *fakeNode }

func (d fakeDocuments) Open(_ context.Context, digest ledger.Hash, _ Viewer) (io.ReadCloser, int64, error) {
	text, ok := d.n.files[digest]
	if !ok {
		return nil, 0, ErrNoDocument
	}
	return io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
}

type fakeRecords struct{ n *fakeNode }

func (r fakeRecords) result(what string) Result {
	r.n.mu.Lock()
	defer r.n.mu.Unlock()
	i := len(r.n.submitted)
	r.n.submitted = append(r.n.submitted, what)
	if r.n.refuse != nil {
		if err := r.n.refuse(i); err != nil {
			return Result{Err: err}
		}
	}
	id := ledger.Keccak([]byte(what))
	return Result{Place: Place{ID: id, State: StateStored, Chain: "wh/2", Seq: uint64(i)}}
}

func (r fakeRecords) Submit(_ context.Context, caller *Operator, drafts []json.RawMessage) (out []Result) {
	for _, d := range drafts {
		out = append(out, r.result(caller.Member+" "+string(d)))
	}
	return out
}

func (r fakeRecords) SubmitOnce(_ context.Context, caller *Operator, keys []ledger.Hash, drafts []json.RawMessage) (out []Result) {
	for i, d := range drafts {
		out = append(out, r.result(keys[i].String()+" "+caller.Member+" "+string(d)))
	}
	return out
}

func (r fakeRecords) SubmitSigned(_ context.Context, signed []Signed) (out []Result) {
	for _, s := range signed {
		out = append(out, r.result(string(s.Record)+"|"+string(s.Signature)+"|"+string(s.Sidecar)))
	}
	return out
}

func (r fakeRecords) Find(_ context.Context, id ledger.Hash) (Place, bool, error) {
	p, ok := r.n.places[id]
	return p, ok, nil
}

func (r fakeRecords) Show(_ context.Context, id ledger.Hash, viewer Viewer) (any, bool, error) {
	record, ok := r.n.shown[id]
	return record, ok && viewer.Member != "", nil
}

func newTestServer(t testing.TB, n *fakeNode, edit ...func(*Config)) *Server {
	t.Helper()
	cfg := Config{
		Trails: fakeTrails{n}, Records: fakeRecords{n}, Logs: fakeLogs{n}, Chains: fakeChains{n},
		Auth: fakeAuth{}, Health: fakeHealth{n}, Documents: fakeDocuments{n}, BaseURL: testBase,
	}
	for _, e := range edit {
		e(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A reply is an answer with its body read.
type reply struct {
	*http.Response
	body string
}

// ask sends a request; headers are names and values in turn.
func ask(t testing.TB, s *Server, method, target, body string, headers ...string) reply {
	t.Helper()
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	req.RequestURI = target
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.app.Test(req, 10_000)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res, string(data)}
}

// decode reads a JSON answer.
func decode[T any](t testing.TB, r reply) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("decode %q: %v", r.body, err)
	}
	return v
}

// checkProblem holds an answer against the shape of every error.
func checkProblem(t testing.TB, r reply, status int, code string) *Problem {
	t.Helper()
	if r.StatusCode != status {
		t.Errorf("got status %d, want %d: %s", r.StatusCode, status, r.body)
	}
	if got := r.Header.Get("Content-Type"); got != typeProblem {
		t.Errorf("got content type %q, want %q", got, typeProblem)
	}
	var p Problem
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatalf("decode problem %q: %v", r.body, err)
	}
	if p.Code != code || p.Status != r.StatusCode || p.Type != "about:blank" || p.Title == "" || p.Request == "" {
		t.Errorf("got %+v, want code %q and status %d", p, code, status)
	}
	if cc := r.Header.Get("Cache-Control"); cc != cacheNever {
		t.Errorf("a problem may be cached: %q", cc)
	}
	return &p
}
