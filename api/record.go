package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"github.com/gofiber/fiber/v2"

	"suyuan/ledger"
)

// Records takes records and knows where they stand.
type Records interface {
	// Submit signs drafts on behalf of the operator and appends them. There is
	// one result for each draft, in their order; one that is refused does not
	// stop the others. A result without an error is durable.
	Submit(ctx context.Context, caller *Operator, drafts []json.RawMessage) []Result

	// SubmitOnce is Submit for callers who may ask again: each key gets one record and
	// no more. A draft whose key has one already is answered with that record's place,
	// and Exists.
	SubmitOnce(ctx context.Context, caller *Operator, keys []ledger.Hash, drafts []json.RawMessage) []Result

	// SubmitSigned appends records that were signed elsewhere, as Submit does.
	SubmitSigned(ctx context.Context, signed []Signed) []Result

	// Find returns where a record stands. ok is false if it is not stored here.
	Find(ctx context.Context, id ledger.Hash) (place Place, ok bool, err error)

	// Show returns the JSON form of what a record says to a viewer, which is that of
	// a stream of events. ok is false if it is not stored here or does not concern
	// the viewer.
	Show(ctx context.Context, id ledger.Hash, viewer Viewer) (record any, ok bool, err error)
}

// Signed is a record signed elsewhere, with its sidecar's bytes. Nothing of it
// is checked yet.
type Signed struct {
	_         struct{} `cbor:",toarray"`
	Record    []byte
	Signature []byte
	Sidecar   []byte
}

// A Place is where a record stands.
type Place struct {
	ID     ledger.Hash `json:"id"`
	State  string      `json:"state"` // StateStored or StateFinal
	Chain  string      `json:"chain"` // <member>/<number>
	Seq    uint64      `json:"seq"`
	Hash   ledger.Hash `json:"hash"`             // leaf hash of its entry, which refs of later records name
	Exists bool        `json:"exists,omitempty"` // it was stored by an earlier request
}

// The states of a record.
const (
	StateStored = "stored" // durable on its author's node
	StateFinal  = "final"  // stored and cosigned by a quorum of companies
)

// A Result is what became of one submitted record: its place or an error.
type Result struct {
	Place
	Err error
}

// A SubmitResult is a Result in an answer: {id, state, chain, seq} or {problem}.
type SubmitResult struct {
	*Place
	Problem *Problem `json:"problem,omitempty"`
}

// A recordAnswer is where a record stands, and what it says to callers with a token:
// the figures and findings name records by their ids.
type recordAnswer struct {
	Place
	Record any `json:"record,omitempty"`
}

// postRecords stores drafts or signed records. It answers 201 if at least one
// was stored, else the status of the first refusal; the list of results is in
// both answers.
func (s *Server) postRecords(c *fiber.Ctx) error {
	kind, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil {
		kind = ""
	}
	var results []Result
	switch kind {
	case typeJSON:
		results, err = s.submitDrafts(c)
	case typeCBOR, "application/cbor-seq":
		results, err = s.submitSigned(c)
	default:
		return NewProblem(http.StatusUnsupportedMediaType, codeMediaType, "records are application/json or application/cbor")
	}
	if err != nil {
		return err
	}
	return s.answerResults(c, results)
}

func (s *Server) submitDrafts(c *fiber.Ctx) ([]Result, error) {
	caller, err := s.operator(c, ScopeWrite)
	if err != nil {
		return nil, err
	}
	drafts, err := splitDrafts(c.Body())
	if err != nil {
		return nil, err
	}
	name := c.Get(headerIdempotencyKey)
	if name == "" {
		return s.cfg.Records.Submit(c.UserContext(), caller, drafts), nil
	}
	if len(name) > maxIdempotencyKey {
		p := NewProblem(http.StatusBadRequest, codeParameter, fmt.Sprintf("the %s has %d bytes, over the limit of %d", headerIdempotencyKey, len(name), maxIdempotencyKey))
		p.Field = headerIdempotencyKey
		return nil, p
	}
	keys := make([]ledger.Hash, len(drafts))
	for i := range keys {
		keys[i] = draftKey(caller.Address, name, i)
	}
	return s.cfg.Records.SubmitOnce(c.UserContext(), caller, keys, drafts), nil
}

// headerIdempotencyKey names what a client says of a request that it may send again,
// having had no answer. Records that are signed elsewhere need none: they are stored
// once, however often they are sent.
const headerIdempotencyKey = "Idempotency-Key"

// draftKey is the key of the i-th draft of a request that an operator has named: the
// SHA-256 of a prefix, address, index and name.
func draftKey(operator ledger.Address, name string, i int) ledger.Hash {
	b := []byte("suyuan/idempotency-key/v1\x00")
	b = append(b, operator[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(i))
	return sha256.Sum256(append(b, name...))
}

// splitDrafts reads one JSON object or an array of them. What is in a draft is
// for the node to judge.
func splitDrafts(body []byte) ([]json.RawMessage, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '[' {
		var one json.RawMessage
		if err := json.Unmarshal(body, &one); err != nil {
			return nil, badJSON(err)
		}
		return []json.RawMessage{one}, checkObject(one, 1)
	}
	var drafts []json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(body))
	_, err := dec.Token() // the bracket
	for err == nil && dec.More() {
		if len(drafts) == maxSubmissions { // the others are not even looked at: there may be millions
			return nil, countProblem(maxSubmissions + 1)
		}
		var one json.RawMessage
		if err = dec.Decode(&one); err != nil {
			break
		}
		drafts = append(drafts, one)
		if err := checkObject(one, len(drafts)); err != nil {
			return nil, err
		}
	}
	if err == nil {
		err = endOfArray(dec)
	}
	if err != nil {
		return nil, badJSON(err)
	}
	if len(drafts) == 0 {
		return nil, countProblem(0)
	}
	return drafts, nil
}

// endOfArray holds that an array ends, and nothing follows it.
func endOfArray(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the array")
	}
	return nil
}

func checkObject(draft json.RawMessage, number int) error {
	if len(draft) == 0 || draft[0] != '{' {
		return badJSON(fmt.Errorf("record %d is no object", number))
	}
	return nil
}

func badJSON(err error) *Problem {
	var syntax *json.SyntaxError
	detail := strings.TrimPrefix(err.Error(), "json: ")
	if errors.As(err, &syntax) {
		detail += fmt.Sprintf(" (at byte %d)", syntax.Offset)
	}
	return NewProblem(http.StatusBadRequest, codeBadJSON, "records are a JSON object or an array of objects: "+detail)
}

func countProblem(n int) *Problem {
	if n == 0 {
		return NewProblem(http.StatusBadRequest, codeBadRequest, "there is no record in the request")
	}
	return NewProblem(http.StatusRequestEntityTooLarge, codeTooMany, fmt.Sprintf("a request has at most %d records", maxSubmissions))
}

// submitSigned needs no token: each record carries its signature. Who sends bad
// ones again and again has to wait.
func (s *Server) submitSigned(c *fiber.Ctx) ([]Result, error) {
	if s.failures.spent(s.clientOf(c)) {
		return nil, tooMany("too many bad signatures came from this address")
	}
	signed, err := splitSigned(c.Body())
	if err != nil {
		return nil, err
	}
	results := s.cfg.Records.SubmitSigned(c.UserContext(), signed)
	for _, r := range results {
		switch ledger.CodeOf(r.Err) {
		case ledger.CodeSignature, ledger.CodeHighS, ledger.CodeSigner, ledger.CodeNoGrant,
			ledger.CodeNetwork, ledger.CodeChain, ledger.CodeRevoked, ledger.CodeNotAdmin: // well signed, by anybody
			s.failures.allow(s.clientOf(c))
		}
	}
	return results, nil
}

// splitSigned reads a CBOR sequence (RFC 8742) of [record, signature, sidecar],
// each a byte string, the sidecar's perhaps empty, in the deterministic
// encoding.
func splitSigned(body []byte) ([]Signed, error) {
	var list []Signed
	for rest := body; len(rest) > 0; {
		if len(list) == maxSubmissions {
			return nil, countProblem(len(list) + 1)
		}
		var item cbor.RawMessage
		after, err := cbor.UnmarshalFirst(rest, &item)
		if err != nil {
			return nil, badCBOR(len(list), err)
		}
		var one Signed
		if err := ledger.Unmarshal(item, &one); err != nil {
			return nil, badCBOR(len(list), err)
		}
		list, rest = append(list, one), after
	}
	if len(list) == 0 {
		return nil, countProblem(0)
	}
	return list, nil
}

func badCBOR(before int, err error) *Problem {
	return NewProblem(http.StatusBadRequest, codeBadCBOR,
		fmt.Sprintf("item %d of the sequence is not a deterministic CBOR array [record, signature, sidecar] of byte strings: %v", before+1, err))
}

func (s *Server) answerResults(c *fiber.Ctx, results []Result) error {
	out := make([]SubmitResult, len(results))
	var first *Problem
	stored := false
	for i, r := range results {
		if r.Err == nil {
			stored, out[i].Place = true, &r.Place
			continue
		}
		out[i].Problem = s.refusal(c, r.Err)
		if first == nil {
			first = out[i].Problem
		}
	}
	c.Set(fiber.HeaderCacheControl, cacheNever)
	if !stored && first != nil {
		p := *first
		p.Records = out
		return &p
	}
	if len(out) == 1 {
		c.Set(fiber.HeaderLocation, "/api/v1/records/"+out[0].ID.String())
	}
	c.Status(http.StatusCreated)
	return sendJSON(c, fiber.Map{"records": out})
}

// refusal is the problem of one record. Trouble of ours among many results is
// logged here, since the answer as a whole may be a success.
func (s *Server) refusal(c *fiber.Ctx, err error) *Problem {
	p := refusalOf(err)
	if p.Code == codeInternal {
		s.cfg.Log.Error("record not stored", "request", requestID(c), "err", err)
	}
	return p
}

func (s *Server) getRecord(c *fiber.Ctx) error {
	id, err := ledger.ParseHash(strings.TrimPrefix(c.Params("id"), "0x"))
	if err != nil {
		return NewProblem(http.StatusBadRequest, codeParameter, "a record id has 64 hex digits")
	}
	place, ok, err := s.cfg.Records.Find(c.UserContext(), id)
	if err != nil {
		return err
	}
	if !ok {
		return NewProblem(http.StatusNotFound, "unknown-record", "this node stores no record with this id")
	}
	c.Set(fiber.HeaderCacheControl, cacheNever)
	c.Vary(fiber.HeaderAuthorization)
	answer := recordAnswer{Place: place}
	viewer, err := s.viewer(c)
	if err != nil {
		return err
	}
	if viewer != (Viewer{}) {
		if answer.Record, _, err = s.cfg.Records.Show(c.UserContext(), id, viewer); err != nil {
			return err
		}
	}
	return sendJSON(c, answer)
}
