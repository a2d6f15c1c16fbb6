package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"suyuan/trace/epcis"
)

// EPCIS answers the REST interface of EPCIS 2.0: events of records, and records of
// events.
type EPCIS interface {
	// EPCISEvents answers a query with what the viewer may see, and the token of the
	// next page, "" if this is the last. With serials it tells those of all codes that
	// the node has issued.
	EPCISEvents(ctx context.Context, q *epcis.Query, viewer Viewer, serials bool) (events []*epcis.Event, next string, err error)

	// EPCISEvent returns the event with an id; ok is false if there is none that the
	// viewer may see.
	EPCISEvent(ctx context.Context, id string, viewer Viewer, serials bool) (e *epcis.Event, ok bool, err error)

	// CaptureEPCIS records the events of a document on behalf of the operator, all of
	// them or none. An error is about the document as a whole.
	CaptureEPCIS(ctx context.Context, caller *Operator, doc []byte, opt CaptureOptions) ([]CapturedEvent, error)

	// KeepCapture remembers what put makes of a new id; KeptCapture returns it, nil if
	// there is nothing under the id, or not any more.
	KeepCapture(put func(id string) ([]byte, error)) (id string, err error)
	KeptCapture(id string) ([]byte, error)

	// KeptCaptures yields what is remembered, the newest first: all, or what comes
	// after an id. ok is false if there is nothing under the id.
	KeptCaptures(after string) (list iter.Seq2[[]byte, error], ok bool, err error)
}

// CaptureOptions say how a document is captured.
type CaptureOptions struct {
	Defaults map[string]map[string]any // of fields, by kind and name
	DryRun   bool
	One      bool // refuse a document of several events, and store nothing of it
}

// A CapturedEvent is what became of one event, or of all events of one record.
type CapturedEvent struct {
	Result
	Events  []int  // where they stand in the document, from 0
	EventID string // the event's name in the document, "" without
	Name    string // its name in answers, "" if it is not recorded
	Held    bool   // nothing is wrong with it, but with another
}

const (
	epcisPath = "/epcis"
	typeLD    = "application/ld+json"

	codeNoEPCIS        = "no-epcis"
	codeEPCISVersion   = "epcis-version"
	codeErrorBehaviour = "epcis-error-behaviour"
	codeUnknownEvent   = "unknown-event"
	codeUnknownCapture = "unknown-capture"

	headerBehaviour = "GS1-Capture-Error-Behaviour"
	headerFormat    = "GS1-EPC-Format"
	rollback        = "rollback"
	digitalLink     = "Always_GS1_Digital_Link"
)

// epcisRoutes is the part of the surface that is EPCIS 2.0.
func (s *Server) epcisRoutes() []route {
	get, post := fiber.MethodGet, fiber.MethodPost
	var query []param
	for _, p := range epcis.Parameters() {
		query = append(query, param{p[0], p[1], false})
	}
	capturing := []param{
		{"default", "value of a field that events do not have, such as sell.channel:store; may stand several times", false},
		{"dryRun", "true tells what would be refused for its form, and stores nothing", false},
	}
	both := []string{typeJSON, typeLD}
	answer := func(path, summary string, handler fiber.Handler) route {
		return route{method: get, path: epcisPath + path, summary: summary, query: query, gives: both, token: true, handler: s.epcis(handler)}
	}
	names := func(path, summary string, list []string) route {
		return route{method: get, path: epcisPath + path, summary: summary, gives: both, token: true,
			handler: s.epcis(func(c *fiber.Ctx) error { return s.collection(c, list) })}
	}
	where := func(path, summary, param string) route {
		return answer(path, summary, func(c *fiber.Ctx) error { return s.eventsWhere(c, param) })
	}
	return []route{
		names("", "EPCIS 2.0: what there is", []string{"bizSteps", "capture", "dispositions", "eventTypes", "events"}),
		answer("/events", "EPCIS events of final records, newest first", func(c *fiber.Ctx) error { return s.eventsWhere(c, "") }),
		{method: get, path: epcisPath + "/events/{event}", summary: "The EPCIS event with an eventID", gives: both, token: true, handler: s.epcis(s.getEPCISEvent)},
		{method: post, path: epcisPath + "/events", summary: "Record one EPCIS event", query: capturing, takes: both, gives: both, status: http.StatusCreated, token: true, handler: s.epcis(s.postEPCISEvent)},
		{method: post, path: epcisPath + "/capture", summary: "Record the events of an EPCIS 2.0 document in JSON, all or none; the answer is the state of the job, which is done then",
			query: capturing, takes: both, gives: []string{typeJSON}, status: http.StatusAccepted, token: true, handler: s.epcis(s.postCapture)},
		{method: fiber.MethodOptions, path: epcisPath + "/capture", summary: "Limits of captures, in headers", gives: []string{typeJSON}, status: http.StatusNoContent, handler: s.captureLimits},
		{method: get, path: epcisPath + "/capture", summary: "Captures that are remembered, the newest first, without what became of each event",
			query: []param{{"perPage", "captures in one answer, 30 as without, at most 500", false}, {"nextPageToken", "from the Link header of the answer before", false}},
			gives: []string{typeJSON}, token: true, handler: s.epcis(s.getCaptures)},
		{method: get, path: epcisPath + "/capture/{capture}", summary: "State of a capture, and what became of its events", gives: []string{typeJSON}, token: true, handler: s.epcis(s.getCapture)},
		names("/eventTypes", "Types of events that records become", epcis.EventTypes()),
		names("/bizSteps", "Business steps of events", epcis.BizSteps()),
		names("/dispositions", "Dispositions of events", epcis.Dispositions()),
		where("/eventTypes/{value}/events", "Events of a type", "eventType"),
		where("/epcs/{value}/events", "Events that name goods, by their escaped Digital Link or EPC URN", "MATCH_anyEPC"),
		where("/bizSteps/{value}/events", "Events of a business step", "EQ_bizStep"),
		where("/dispositions/{value}/events", "Events after which goods have a disposition", "EQ_disposition"),
		where("/readPoints/{value}/events", "Events at a place", "EQ_readPoint"),
		where("/bizLocations/{value}/events", "Events after which goods are at a place", "EQ_bizLocation"),
	}
}

// epcis wraps a handler: the caller's version is understood, the answer says ours,
// and problems have the types of the standard beside our codes.
func (s *Server) epcis(handler fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		setVersions(c)
		c.Set(fiber.HeaderCacheControl, cacheNever)
		c.Vary(fiber.HeaderAuthorization)
		err := s.understood(c)
		if err == nil {
			err = handler(c)
		}
		if err == nil {
			return nil
		}
		p := s.epcisProblem(c, err)
		if p.Status == http.StatusRequestEntityTooLarge {
			setLimits(c)
		}
		return p
	}
}

// epcisProblem is a refusal; what is about an attribute names it.
func (s *Server) epcisProblem(c *fiber.Ctx, err error) *Problem {
	p := s.refusal(c, err)
	var bad *epcis.Error
	if errors.As(err, &bad) {
		p.Field = bad.Field
	}
	p.Type = "epcisException:" + exceptionOf(p, c.Method() != fiber.MethodPost)
	return p
}

func setVersions(c *fiber.Ctx) {
	for _, name := range []string{"GS1-EPCIS-Version", "GS1-EPCIS-Min", "GS1-EPCIS-Max", "GS1-CBV-Version", "GS1-CBV-Min", "GS1-CBV-Max"} {
		c.Set(name, epcis.SchemaVersion)
	}
	c.Set("GS1-Extensions", strings.TrimSuffix(epcis.Prefix, ":")+"="+epcis.Namespace)
	c.Set(headerFormat, digitalLink)
}

// understood refuses callers that ask for another version, or another spelling of
// identifiers.
func (s *Server) understood(c *fiber.Ctx) error {
	if s.cfg.EPCIS == nil {
		return NewProblem(http.StatusNotFound, codeNoEPCIS, "this node serves no EPCIS")
	}
	for name, fits := range map[string]func(string) bool{
		"GS1-EPCIS-Version": ofVersion2, "GS1-CBV-Version": ofVersion2,
		"GS1-EPCIS-Min": atMost2, "GS1-CBV-Min": atMost2,
		"GS1-EPCIS-Max": func(v string) bool { return !atMost2(v) || ofVersion2(v) },
		headerFormat:    func(v string) bool { return v == digitalLink || v == "No_Preference" },
	} {
		if v := c.Get(name); v != "" && !fits(v) {
			return NewProblem(http.StatusNotAcceptable, codeEPCISVersion, fmt.Sprintf("%s is %q; this speaks EPCIS 2.0 and CBV 2.0 with GS1 Digital Links", name, v))
		}
	}
	return nil
}

func ofVersion2(v string) bool { return v == "2" || strings.HasPrefix(v, "2.0") }

func atMost2(v string) bool {
	n, err := strconv.ParseFloat(v, 64)
	return err != nil && ofVersion2(v) || err == nil && n <= 2
}

// exceptionOf is the standard's name of a kind of problem (EPCIS 2.0, OpenAPI of the
// REST binding), with a question or with something to be captured.
func exceptionOf(p *Problem, asking bool) string {
	switch {
	case p.Status == http.StatusUnauthorized, p.Status == http.StatusForbidden:
		return "SecurityException"
	case p.Status == http.StatusNotFound:
		return "NoSuchResourceException"
	case p.Status == http.StatusNotAcceptable:
		return "NotAcceptableException"
	case p.Status == http.StatusUnsupportedMediaType:
		return "UnsupportedMediaTypeException"
	case p.Status == http.StatusRequestEntityTooLarge && asking:
		return "QueryTooLargeException"
	case p.Status == http.StatusRequestEntityTooLarge:
		return "CaptureLimitExceededException"
	case p.Status >= http.StatusInternalServerError:
		return "ImplementationException"
	case asking:
		return "QueryParameterException"
	}
	return "ValidationException"
}

// collection answers with names.
func (s *Server) collection(c *fiber.Ctx, names []string) error {
	if _, err := s.operator(c, ScopeRead); err != nil {
		return err
	}
	return sendLD(c, map[string]any{"@context": epcis.ContextURL, "type": "Collection", "member": names})
}

// sendLD sends JSON-LD under the type that the caller knows it by.
func sendLD(c *fiber.Ctx, v any) error {
	if err := sendJSON(c, v); err != nil {
		return err
	}
	if c.Accepts(typeJSON, typeLD) == typeLD {
		c.Set(fiber.HeaderContentType, typeLD)
	}
	return nil
}

// eventsWhere answers a query; param is the parameter whose value stands in the path,
// "" if none does.
func (s *Server) eventsWhere(c *fiber.Ctx, param string) error {
	op, err := s.operator(c, ScopeRead)
	if err != nil {
		return err
	}
	values := make(map[string][]string)
	for k, v := range c.Context().QueryArgs().All() {
		values[string(k)] = append(values[string(k)], string(v))
	}
	if param != "" {
		if _, twice := values[param]; twice {
			return parameterProblem(param, "stands in the path already")
		}
		v, err := inPath(c, "value")
		if err != nil {
			return err
		}
		values[param] = []string{v}
	}
	q, err := epcis.ParseQuery(values)
	if err != nil {
		return err
	}
	events, next, err := s.cfg.EPCIS.EPCISEvents(c.UserContext(), q, viewerOf(op), s.tellsSerials(c, op))
	if err != nil {
		return err
	}
	if next != "" {
		c.Set(fiber.HeaderLink, nextLink(c, next))
	}
	return sendLD(c, epcis.NewQueryDocument(s.cfg.Now(), events))
}

// tellsSerials reports whether the caller may read all serials that the node has
// issued, and print them: only who may open its directory.
func (s *Server) tellsSerials(c *fiber.Ctx, op *Operator) bool {
	return onSocket(c) && op == s.cfg.Local
}

// inPath returns an escaped part of the path.
func inPath(c *fiber.Ctx, name string) (string, error) {
	v, err := url.PathUnescape(c.Params(name))
	if err != nil || v == "" {
		return "", parameterProblem(name, "is not escaped as a part of a path has to be")
	}
	return v, nil
}

func parameterProblem(name, detail string) *Problem {
	p := NewProblem(http.StatusBadRequest, codeParameter, "the parameter "+name+" "+detail)
	p.Field = name
	return p
}

// nextLink is the same question with the token of the next page (RFC 8288).
func nextLink(c *fiber.Ctx, token string) string {
	args := c.Context().QueryArgs()
	args.Set("nextPageToken", token)
	return "<" + string(c.Context().URI().PathOriginal()) + "?" + args.String() + `>; rel="next"`
}

func (s *Server) getEPCISEvent(c *fiber.Ctx) error {
	op, err := s.operator(c, ScopeRead)
	if err != nil {
		return err
	}
	id, err := inPath(c, "event")
	if err != nil {
		return err
	}
	e, ok, err := s.cfg.EPCIS.EPCISEvent(c.UserContext(), id, viewerOf(op), s.tellsSerials(c, op))
	if err != nil {
		return err
	}
	if !ok {
		return NewProblem(http.StatusNotFound, codeUnknownEvent, "this node has no event with this id that you may see")
	}
	e.Context = epcis.Context()
	return sendLD(c, e)
}

// captureLimits tells what one capture may hold.
func (s *Server) captureLimits(c *fiber.Ctx) error {
	setVersions(c)
	c.Set(fiber.HeaderAllow, "GET, HEAD, POST, OPTIONS")
	c.Set(headerBehaviour, rollback)
	setLimits(c)
	return c.SendStatus(http.StatusNoContent)
}

func setLimits(c *fiber.Ctx) {
	c.Set("GS1-EPCIS-Capture-Limit", strconv.Itoa(epcis.MaxEvents))
	c.Set("GS1-EPCIS-Capture-File-Size-Limit", strconv.Itoa(epcis.MaxDocument))
}

// discover answers OPTIONS for what can be asked: what is spoken here.
func (s *Server) discover(c *fiber.Ctx) error {
	setVersions(c)
	if err := preflight(c); err != nil {
		return err
	}
	if c.Path() == epcisPath+"/events" {
		c.Set(fiber.HeaderAllow, "GET, HEAD, POST, OPTIONS")
	}
	return nil
}

// capture records the events of the body.
func (s *Server) capture(c *fiber.Ctx, opt CaptureOptions) (*Operator, []CapturedEvent, error) {
	op, err := s.operator(c, ScopeWrite)
	if err != nil {
		return nil, nil, err
	}
	kind, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || kind != typeJSON && kind != typeLD {
		return nil, nil, NewProblem(http.StatusUnsupportedMediaType, codeMediaType, "events are EPCIS 2.0 in application/json or application/ld+json; XML is not read")
	}
	for _, asked := range []string{c.Get(headerBehaviour), c.Query(headerBehaviour)} {
		if asked != "" && asked != rollback {
			return nil, nil, NewProblem(http.StatusBadRequest, codeErrorBehaviour, fmt.Sprintf("%s is %q; a document is recorded as a whole or not at all: rollback", headerBehaviour, asked))
		}
	}
	var defaults []string
	for _, v := range c.Context().QueryArgs().PeekMulti("default") {
		defaults = append(defaults, string(v))
	}
	if opt.Defaults, err = epcis.ParseDefaults(defaults); err != nil {
		return nil, nil, err
	}
	switch c.Query("dryRun", "false") {
	case "false":
	case "true":
		opt.DryRun = true
	default:
		return nil, nil, parameterProblem("dryRun", "is true or false")
	}
	list, err := s.cfg.EPCIS.CaptureEPCIS(c.UserContext(), op, c.Body(), opt)
	return op, list, err
}

// postEPCISEvent records one event.
func (s *Server) postEPCISEvent(c *fiber.Ctx) error {
	_, list, err := s.capture(c, CaptureOptions{One: true})
	if err != nil {
		return err
	}
	if list[0].Err != nil {
		return list[0].Err
	}
	if list[0].Name != "" {
		c.Set(fiber.HeaderLocation, epcisPath+"/events/"+url.PathEscape(list[0].Name))
	}
	if c.Status(http.StatusCreated); c.Query("dryRun") == "true" {
		c.Status(http.StatusOK)
	}
	return sendJSON(c, told(&list[0]))
}

// A captureState is how a capture went. It is done when it is answered.
type captureState struct {
	ID        string         `json:"captureID,omitempty"` // "" if it was not remembered
	Created   string         `json:"createdAt"`
	Finished  string         `json:"finishedAt"`
	Running   bool           `json:"running"`
	Success   bool           `json:"success"`
	Behaviour string         `json:"captureErrorBehaviour"`
	DryRun    bool           `json:"dryRun,omitempty"`
	Errors    []captureError `json:"errors"`
}

// A captureJob is the state of a capture, and what became of each event.
type captureJob struct {
	captureState
	Events []captureTold `json:"events"`
}

// A captureError is a problem with some events of a document.
type captureError struct {
	*Problem
	Events []int `json:"events"`
}

// captureTold is what became of some events of a document.
type captureTold struct {
	Events  []int  `json:"events"`
	EventID string `json:"eventID,omitempty"`
	Given   string `json:"givenID,omitempty"` // as the document has it
	*Place
}

func told(e *CapturedEvent) captureTold {
	t := captureTold{Events: e.Events, EventID: e.Name, Given: e.EventID}
	if e.Err == nil && e.Name != "" {
		t.Place = &e.Place
	}
	return t
}

// keptJob is a job with whose it is.
type keptJob struct {
	Party string          `json:"party,omitempty"` // the only party that the operator acts for
	Job   json.RawMessage `json:"job"`
}

// postCapture records the events of a document.
func (s *Server) postCapture(c *fiber.Ctx) error {
	created := s.cfg.Now()
	op, list, err := s.capture(c, CaptureOptions{})
	if err != nil {
		return err
	}
	job := captureJob{Events: []captureTold{}, captureState: captureState{Created: created.UTC().Format(time.RFC3339Nano),
		Success: true, Behaviour: rollback, DryRun: c.Query("dryRun") == "true", Errors: []captureError{}}}
	for i := range list {
		job.Events = append(job.Events, told(&list[i]))
		if list[i].Err == nil {
			continue
		}
		job.Success = false
		if !list[i].Held {
			job.Errors = append(job.Errors, captureError{s.epcisProblem(c, list[i].Err), list[i].Events})
		}
	}
	job.Finished = s.cfg.Now().UTC().Format(time.RFC3339Nano)
	if err := s.keep(&job, op); err != nil {
		// What was recorded is, and the answer says so; it cannot be asked for again.
		s.cfg.Log.WarnContext(c.UserContext(), "capture not remembered", "request", requestID(c), "err", err)
	} else {
		c.Set(fiber.HeaderLocation, epcisPath+"/capture/"+job.ID)
	}
	c.Set(headerBehaviour, rollback)
	c.Status(http.StatusAccepted)
	return sendJSON(c, job)
}

// keep has a job remembered, and gives it its id.
func (s *Server) keep(job *captureJob, op *Operator) error {
	id, err := s.cfg.EPCIS.KeepCapture(func(id string) ([]byte, error) {
		kept := *job
		kept.ID = id
		raw, err := encodeJSON(kept)
		if err != nil {
			return nil, err
		}
		return encodeJSON(keptJob{op.Party, raw})
	})
	if err == nil {
		job.ID = id
	}
	return err
}

// capturer is who may ask what became of captures: also who may only send them.
func (s *Server) capturer(c *fiber.Ctx) (*Operator, error) {
	op, err := s.caller(c)
	if err == nil && (op == nil || !slices.Contains(op.Scopes, ScopeWrite)) {
		op, err = s.operator(c, ScopeRead)
	}
	return op, err
}

// sees reports whether a job is an operator's to see.
func (k *keptJob) sees(op *Operator) bool { return op.Party == "" || op.Party == k.Party }

// getCaptures lists jobs. The token of a page is the last of them.
func (s *Server) getCaptures(c *fiber.Ctx) error {
	op, err := s.capturer(c)
	if err != nil {
		return err
	}
	most, err := number(c, "perPage", epcis.DefaultPerPage, 1, math.MaxInt32)
	if err != nil {
		return err
	}
	most = min(most, epcis.MaxPerPage)
	kept, ok, err := s.cfg.EPCIS.KeptCaptures(c.Query("nextPageToken"))
	if err != nil {
		return err
	}
	if !ok {
		return parameterProblem("nextPageToken", "names no capture that is remembered")
	}
	jobs := []captureState{}
	for raw, err := range kept {
		var k keptJob
		var job captureState
		if err = cmp.Or(err, c.UserContext().Err()); err == nil {
			err = json.Unmarshal(raw, &k)
		}
		if err != nil {
			return fmt.Errorf("read capture: %w", err)
		}
		if !k.sees(op) {
			continue
		}
		if uint64(len(jobs)) == most {
			c.Set(fiber.HeaderLink, nextLink(c, jobs[len(jobs)-1].ID))
			break
		}
		if err := json.Unmarshal(k.Job, &job); err != nil {
			return fmt.Errorf("read capture: %w", err)
		}
		jobs = append(jobs, job)
	}
	return sendJSON(c, jobs)
}

func (s *Server) getCapture(c *fiber.Ctx) error {
	op, err := s.capturer(c)
	if err != nil {
		return err
	}
	raw, err := s.cfg.EPCIS.KeptCapture(c.Params("capture"))
	if err != nil {
		return err
	}
	var kept keptJob
	if raw != nil {
		if err := json.Unmarshal(raw, &kept); err != nil {
			return fmt.Errorf("read capture: %w", err)
		}
	}
	if raw == nil || !kept.sees(op) {
		return NewProblem(http.StatusNotFound, codeUnknownCapture, "this node remembers no capture with this id")
	}
	c.Set(headerBehaviour, rollback)
	return sendJSON(c, kept.Job)
}
