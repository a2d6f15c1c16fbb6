package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
)

// Limits of what commands may send over the socket.
const (
	maxAdminBody     = 64 << 20 // JSON of a file of records
	maxAdminDocument = 64 << 20 // one document
)

// adminHandler answers the commands that `suyuan` gives a node on its own
// machine, over its Unix socket: who may open the socket may do what the node
// may do.
func adminHandler(n *node.Node, log *slog.Logger) http.Handler {
	a := &admin{n: n, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /admin/v1/operators", a.answer(a.addOperator))
	mux.HandleFunc("GET /admin/v1/operators", a.answer(func(*http.Request) (any, error) { return a.n.Operators() }))
	mux.HandleFunc("POST /admin/v1/operators/revoke", a.answer(a.revokeOperator))
	mux.HandleFunc("POST /admin/v1/records", a.answer(a.addRecords))
	mux.HandleFunc("POST /admin/v1/erase", a.answer(a.erase))
	mux.HandleFunc("POST /admin/v1/approvals", a.answer(a.approve))
	mux.HandleFunc("GET /admin/v1/claims", a.answer(a.claims))
	mux.HandleFunc("POST /admin/v1/claims/{claim}/resend", a.answer(a.resendReward))
	mux.HandleFunc("POST /admin/v1/imports", a.answer(a.importRecords))
	mux.HandleFunc("POST /admin/v1/captures", a.answer(a.captureEvents))
	mux.HandleFunc("POST /admin/v1/documents", a.answer(a.addDocument))
	mux.HandleFunc("POST /admin/v1/runs", a.issueRun)
	mux.HandleFunc("POST /admin/v1/runs/adopt", a.adoptRun)
	mux.HandleFunc("GET /admin/v1/runs/{gtin}/{run}/codes", a.codes)
	mux.HandleFunc("POST /admin/v1/verify", a.verify)
	mux.HandleFunc("GET /admin/v1/doctor", a.answer(a.doctor))
	mux.HandleFunc("GET /admin/v1/evidence/{chain}", a.answer(a.evidence))
	mux.HandleFunc("GET /admin/v1/orphans", a.answer(func(*http.Request) (any, error) { return a.n.Orphans() }))
	mux.HandleFunc("GET /admin/v1/charters", a.answer(a.charters))
	mux.HandleFunc("POST /admin/v1/charter/propose", a.answer(a.proposeCharter))
	mux.HandleFunc("POST /admin/v1/charter/sign", a.answer(a.signCharter))
	mux.HandleFunc("POST /admin/v1/charter/stop", a.answer(a.stopWitness))
	mux.HandleFunc("POST /admin/v1/charter/accept", a.answer(a.acceptCharter))
	return mux
}

type admin struct {
	n   *node.Node
	log *slog.Logger
}

// answer makes a handler of a function that returns what to answer.
func (a *admin) answer(do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := do(r)
		if err != nil {
			a.refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(v); err != nil {
			a.log.Warn("answer not sent", "err", err)
		}
	}
}

// refuse answers with a problem.
func (a *admin) refuse(w http.ResponseWriter, err error) {
	p := problemOf(err)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		a.log.Warn("answer not sent", "err", err)
	}
}

// problemOf turns an error into what the command shows. Who calls here owns the
// node, so that nothing is held back.
func problemOf(err error) *problem {
	p := &problem{Status: http.StatusInternalServerError, Code: "internal", Detail: err.Error()}
	var coded interface {
		Code() string
		Status() int
	}
	switch {
	case errors.As(err, &coded):
		p.Status, p.Code = coded.Status(), coded.Code()
	case ledger.CodeOf(err) != "":
		p.Status, p.Code = http.StatusUnprocessableEntity, string(ledger.CodeOf(err))
	case gs1.CodeOf(err) != "":
		p.Status, p.Code = http.StatusUnprocessableEntity, string(gs1.CodeOf(err))
	}
	var line *code.ListError
	if errors.As(err, &line) {
		p.Line = line.Line
	}
	return p
}

// bad is an error in a request.
type bad struct{ error }

// Code is the stable code.
func (bad) Code() string { return "bad-request" }

// Status is the HTTP status.
func (bad) Status() int { return http.StatusBadRequest }

func readJSON(r *http.Request, v any) error {
	dec := json.NewDecoder(io.LimitReader(r.Body, maxAdminBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return bad{fmt.Errorf("read request: %w", err)}
	}
	return nil
}

func (a *admin) addOperator(r *http.Request) (any, error) {
	var req addOperator
	if err := readJSON(r, &req); err != nil {
		return nil, err
	}
	address, token, err := a.n.AddOperator(r.Context(), node.AddOperator{
		Name: req.Name, Address: req.Address, Kinds: req.Kinds, Party: req.Party, Places: req.Places, Person: req.Person,
		Scopes: req.Scopes, Expires: req.Expires, AdminPassphrase: req.AdminPassphrase,
	})
	if err != nil {
		return nil, err
	}
	return newToken{Name: req.Name, Address: address.String(), Token: token}, nil
}

func (a *admin) revokeOperator(r *http.Request) (any, error) {
	var req revokeOperator
	if err := readJSON(r, &req); err != nil {
		return nil, err
	}
	tokens, err := a.n.RevokeOperator(r.Context(), req.Operator, req.AdminPassphrase)
	if err != nil {
		return nil, err
	}
	return map[string]any{"operator": req.Operator, "tokens": tokens}, nil
}

func (a *admin) addRecords(r *http.Request) (any, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxAdminBody))
	if err != nil {
		return nil, err
	}
	drafts, err := splitDrafts(raw)
	if err != nil {
		return nil, err
	}
	placed := a.n.Submit(r.Context(), node.Signer{Operator: r.URL.Query().Get("operator")}, drafts)
	results := make([]result, len(placed))
	for i, p := range placed {
		if p.Err != nil {
			results[i].Problem = problemOf(p.Err)
			continue
		}
		results[i] = result{
			ID: p.ID.String(), Hash: p.Hash.String(), State: stateOf(p.Final), Seq: p.Seq,
			Chain: ledger.ChainName(a.n.Network().MemberOf(p.Chain), p.Chain),
		}
	}
	return map[string]any{"records": results}, nil
}

// stateOf is how the API calls how far a record has come.
func stateOf(final bool) string {
	if final {
		return "final"
	}
	return "stored"
}

// splitDrafts reads one draft or an array of them.
func splitDrafts(raw []byte) ([][]byte, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		var one json.RawMessage
		if err := json.Unmarshal(raw, &one); err != nil {
			return nil, bad{fmt.Errorf("the request is no JSON object or array: %w", err)}
		}
		list = []json.RawMessage{one}
	}
	drafts := make([][]byte, len(list))
	for i := range list {
		drafts[i] = list[i]
	}
	return drafts, nil
}

func (a *admin) addDocument(r *http.Request) (any, error) {
	audience, err := store.ParseAudience(r.URL.Query().Get("audience"))
	if err != nil {
		return nil, bad{err}
	}
	digest, err := a.n.AddDocument(r.Context(), http.MaxBytesReader(nil, r.Body, maxAdminDocument), audience)
	if err != nil {
		return nil, err
	}
	return map[string]any{"digest": digest}, nil
}

// issueRun streams progress and then the run, one JSON value a line.
func (a *admin) issueRun(w http.ResponseWriter, r *http.Request) {
	var req issueRun
	if err := readJSON(r, &req); err != nil {
		a.refuse(w, err)
		return
	}
	gtin, err := gs1.ParseGTIN(req.GTIN)
	if err != nil {
		a.refuse(w, err)
		return
	}
	var at time.Time
	if req.At != "" {
		if at, err = time.Parse(time.RFC3339, req.At); err != nil {
			a.refuse(w, bad{err})
			return
		}
	}
	lines := newLines(w)
	run, err := a.n.IssueRun(r.Context(), node.IssueRun{
		GTIN: gtin, Count: req.Count, Second: req.Second, Printer: req.Printer, At: at, Signer: node.Signer{Operator: req.Operator},
	}, func(done, total uint64) { lines.progress(runLine{Done: done, Total: total}) })
	if err != nil {
		lines.send(runLine{Problem: problemOf(err)})
		return
	}
	lines.send(runLine{Run: describeRun(run)})
}

// lines writes JSON values, one a line.
type lines struct {
	enc  *json.Encoder
	last time.Time
	now  func() time.Time
}

func newLines(w http.ResponseWriter) *lines {
	w.Header().Set("Content-Type", "application/x-ndjson")
	return &lines{enc: json.NewEncoder(w), now: time.Now}
}

// progressEvery is how often progress is told: for people, and few bytes.
const progressEvery = 100 * time.Millisecond

func (l *lines) progress(v any) {
	if now := l.now(); now.Sub(l.last) >= progressEvery {
		l.last = now
		l.send(v)
	}
}

func (l *lines) send(v any) {
	// A caller who has gone away is noticed by its context.
	_ = l.enc.Encode(v)
}

// codes streams the codes of a run.
func (a *admin) codes(w http.ResponseWriter, r *http.Request) {
	gtin, err := gs1.ParseGTIN(r.PathValue("gtin"))
	if err != nil {
		a.refuse(w, err)
		return
	}
	var numbers [3]uint64
	for i, text := range []string{r.PathValue("run"), r.URL.Query().Get("from"), r.URL.Query().Get("to")} {
		bits := 32
		if i == 0 {
			bits = 16
		}
		if numbers[i], err = strconv.ParseUint(text, 10, bits); err != nil {
			a.refuse(w, bad{err})
			return
		}
	}
	serials, uri, err := a.n.Codes(gtin, uint16(numbers[0]), uint32(numbers[1]), uint32(numbers[2]))
	if err != nil {
		a.refuse(w, err)
		return
	}
	second := func(uint32) string { return "" }
	if r.URL.Query().Get("second") == "true" {
		if second, err = a.n.Seconds(gtin, uint16(numbers[0])); err != nil {
			a.refuse(w, err)
			return
		}
	}
	lines := newLines(w)
	for index, serial := range serials {
		if r.Context().Err() != nil {
			return
		}
		lines.send(codeLine{Index: index, Serial: serial, URI: uri(serial), Second: second(index)})
	}
}

// verifyRequest is what POST /admin/v1/verify takes.
type verifyRequest struct {
	Network ledger.Hash `json:"network"` // zero is not compared
}

// verifyLine is one line of its answer: progress, a problem, or the report.
type verifyLine struct {
	Chain   string          `json:"chain,omitempty"`
	Done    uint64          `json:"done,omitempty"`
	Total   uint64          `json:"total,omitempty"`
	Found   *ledger.Problem `json:"found,omitempty"`
	Report  *ledger.Report  `json:"report,omitempty"`
	Problem *problem        `json:"problem,omitempty"`
}

// verify checks everything that the running node stores.
func (a *admin) verify(w http.ResponseWriter, r *http.Request) {
	var req verifyRequest
	if err := readJSON(r, &req); err != nil {
		a.refuse(w, err)
		return
	}
	src, err := a.n.Source()
	if err != nil {
		a.refuse(w, err)
		return
	}
	defer src.Close()
	lines := newLines(w)
	report, err := ledger.Verify(src, ledger.VerifyOptions{
		Network: req.Network, Each: store.OnAllCores,
		Found: func(p ledger.Problem) { lines.send(verifyLine{Found: &p}) },
		Progress: func(chain string, done, total uint64) {
			lines.progress(verifyLine{Chain: chain, Done: done, Total: total})
		},
	})
	if err != nil {
		lines.send(verifyLine{Problem: problemOf(err)})
		return
	}
	lines.send(verifyLine{Report: report})
}
