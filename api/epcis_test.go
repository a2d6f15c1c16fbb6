package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/trace/epcis"
)

// fakeEPCIS notes what it is asked.
type fakeEPCIS struct {
	asked    []string
	next     string
	err      error
	captured []CapturedEvent
	kept     map[string][]byte
	full     error // what keeping says
	serials  bool
}

const fakeEvent = "ni:///sha-256;AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE?at=2.7"

func (f *fakeEPCIS) event() *epcis.Event {
	return &epcis.Event{Type: "ObjectEvent", EventID: fakeEvent, EventTime: "2026-03-01T00:00:00Z", Zone: "+00:00", Action: "OBSERVE", EPCs: []string{"https://id.gs1.org/01/06901234567892/21/A"}}
}

func (f *fakeEPCIS) EPCISEvents(_ context.Context, q *epcis.Query, v Viewer, serials bool) ([]*epcis.Event, string, error) {
	f.asked = append(f.asked, fmt.Sprintf("%s%s %+v", v.Member, v.Party, *q))
	f.serials = f.serials || serials
	return []*epcis.Event{f.event()}, f.next, f.err
}

func (f *fakeEPCIS) EPCISEvent(_ context.Context, id string, v Viewer, _ bool) (*epcis.Event, bool, error) {
	f.asked = append(f.asked, v.Member+" "+id)
	return f.event(), id == fakeEvent, f.err
}

func (f *fakeEPCIS) CaptureEPCIS(_ context.Context, op *Operator, doc []byte, opt CaptureOptions) ([]CapturedEvent, error) {
	f.asked = append(f.asked, fmt.Sprintf("%s %s %v", op.Member, doc, opt))
	return f.captured, f.err
}

func (f *fakeEPCIS) KeepCapture(put func(id string) ([]byte, error)) (string, error) {
	if f.full != nil {
		return "", f.full
	}
	data, err := put("job-1")
	f.kept = map[string][]byte{"job-1": data}
	return "job-1", err
}

func (f *fakeEPCIS) KeptCapture(id string) ([]byte, error) { return f.kept[id], nil }

func (f *fakeEPCIS) KeptCaptures(after string) (iter.Seq2[[]byte, error], bool, error) {
	ids := slices.Sorted(maps.Keys(f.kept))
	at := slices.Index(ids, after)
	return func(yield func([]byte, error) bool) {
		for _, id := range ids[at+1:] {
			if !yield(f.kept[id], nil) {
				return
			}
		}
	}, after == "" || at >= 0, nil
}

func epcisServer(t testing.TB) (*Server, *fakeEPCIS) {
	f := &fakeEPCIS{}
	return newTestServer(t, newFakeNode(), func(c *Config) { c.EPCIS = f }), f
}

const asOperator, asReader = "Bearer " + testToken, "Bearer reader"

func TestEPCISQuestions(t *testing.T) {
	s, f := epcisServer(t)
	const epc = "https://id.gs1.org/01/06901234567892/21/A,B/C"
	for _, c := range []struct{ target, want string }{
		{"/epcis/events?eventType=ObjectEvent&EQ_bizStep=urn:epcglobal:cbv:bizstep:shipping,receiving&perPage=7", "Types:[ObjectEvent] Actions:[] Steps:[shipping receiving]"},
		{"/epcis/events?MATCH_anyEPC=" + url.QueryEscape(epc), "Things:[" + epc + "]"},
		{"/epcis/epcs/" + url.PathEscape(epc) + "/events", "Things:[" + epc + "]"},
		{"/epcis/epcs/urn:epc:id:sscc:0614141.1234567890/events", "Things:[urn:epc:id:sscc:0614141.1234567890]"},
		{"/epcis/bizSteps/shipping/events?orderDirection=ASC", "Steps:[shipping]"},
		{"/epcis/dispositions/" + url.PathEscape("https://ref.gs1.org/cbv/Disp-in_transit") + "/events", "Dispositions:[in_transit]"},
		{"/epcis/eventTypes/AggregationEvent/events", "Types:[AggregationEvent]"},
		{"/epcis/readPoints/" + url.PathEscape("urn:epc:id:sgln:6901234.00000.0") + "/events", "Places:[https://id.gs1.org/414/6901234000009]"},
	} {
		f.asked = nil
		r := ask(t, s, http.MethodGet, c.target, "", "Authorization", asReader)
		if r.StatusCode != http.StatusOK || len(f.asked) != 1 || !strings.Contains(f.asked[0], c.want) || !strings.HasPrefix(f.asked[0], "wh ") {
			t.Errorf("%s: %d %s, asked %v, want %s", c.target, r.StatusCode, r.body, f.asked, c.want)
		}
		doc := decode[map[string]any](t, r)
		if doc["type"] != "EPCISQueryDocument" || r.Header.Get("GS1-EPCIS-Version") != "2.0" || r.Header.Get("Cache-Control") != cacheNever || r.Header.Get("Link") != "" {
			t.Errorf("%s: %v, headers %v", c.target, doc["type"], r.Header)
		}
	}
	if f.serials {
		t.Error("a token is told all serials")
	}
	r := ask(t, s, http.MethodGet, "/epcis/events/"+url.PathEscape(fakeEvent), "", "Authorization", asReader, "Accept", typeLD)
	if e := decode[map[string]any](t, r); e["eventID"] != fakeEvent || e["@context"] == nil || r.Header.Get("Content-Type") != typeLD {
		t.Errorf("by id: %s, %s", r.body, r.Header.Get("Content-Type"))
	}
	for target, member := range map[string]string{"/epcis/eventTypes": "TransformationEvent", "/epcis/bizSteps": "void_shipping", "/epcis/dispositions": "recalled", "/epcis": "eventTypes"} {
		if r := ask(t, s, http.MethodGet, target, "", "Authorization", asReader); !strings.Contains(r.body, `"`+member+`"`) || !strings.Contains(r.body, "Collection") {
			t.Errorf("%s: %s", target, r.body)
		}
	}
}

// A page tells where the next one is: the same question with its token.
func TestEPCISNextPage(t *testing.T) {
	s, f := epcisServer(t)
	f.next = "1.2.3.4"
	r := ask(t, s, http.MethodGet, "/epcis/events?EQ_bizStep=shipping&nextPageToken=0.0.0.0", "", "Authorization", asReader)
	target, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Link"), "<"), ">")
	f.next, f.asked = "", nil
	r = ask(t, s, http.MethodGet, target, "", "Authorization", asReader)
	if len(f.asked) != 1 || !strings.Contains(f.asked[0], "Token:1.2.3.4") || !strings.Contains(f.asked[0], "Steps:[shipping]") || r.Header.Get("Link") != "" {
		t.Errorf("followed %q: asked %v, link %q", target, f.asked, r.Header.Get("Link"))
	}
}

func TestEPCISRefusals(t *testing.T) {
	s, f := epcisServer(t)
	f.err = errors.New("the disk is on fire")
	document := []string{"Authorization", asOperator, "Content-Type", typeJSON}
	for _, c := range []struct {
		method, target string
		headers        []string
		status         int
		code, typ      string
	}{
		{"GET", "/epcis/events", nil, 401, codeNoToken, "SecurityException"},
		{"GET", "/epcis/eventTypes", nil, 401, codeNoToken, "SecurityException"},
		{"POST", "/epcis/capture", []string{"Authorization", asReader, "Content-Type", typeJSON}, 403, codeScope, "SecurityException"},
		{"GET", "/epcis/events?EQ_color=red", []string{"Authorization", asReader}, 400, epcis.CodeForm, "QueryParameterException"},
		{"GET", "/epcis/events?perPage=0", []string{"Authorization", asReader}, 400, epcis.CodeForm, "QueryParameterException"},
		{"GET", "/epcis/events?orderBy=eventTime", []string{"Authorization", asReader}, 400, epcis.CodeForm, "QueryParameterException"},
		{"GET", "/epcis/bizSteps/shipping/events?EQ_bizStep=x", []string{"Authorization", asReader}, 400, codeParameter, "QueryParameterException"},
		{"GET", "/epcis/events", []string{"Authorization", asReader, "GS1-EPCIS-Version", "1.2"}, 406, codeEPCISVersion, "NotAcceptableException"},
		{"GET", "/epcis/events", []string{"Authorization", asReader, "GS1-EPCIS-Min", "3.0"}, 406, codeEPCISVersion, "NotAcceptableException"},
		{"GET", "/epcis/events", []string{"Authorization", asReader, "GS1-EPCIS-Max", "1.2"}, 406, codeEPCISVersion, "NotAcceptableException"},
		{"GET", "/epcis/events", []string{"Authorization", asReader, "GS1-EPC-Format", "Always_EPC_URN"}, 406, codeEPCISVersion, "NotAcceptableException"},
		{"GET", "/epcis/events", []string{"Authorization", asReader, "GS1-EPCIS-Min", "1.2", "GS1-EPCIS-Max", "2.1"}, 500, codeInternal, "ImplementationException"},
		{"POST", "/epcis/capture", []string{"Authorization", asOperator, "Content-Type", "application/xml"}, 415, codeMediaType, "UnsupportedMediaTypeException"},
		{"POST", "/epcis/capture", append(document, headerBehaviour, "proceed"), 400, codeErrorBehaviour, "ValidationException"},
		{"POST", "/epcis/capture?default=sell.colour:red", document, 400, epcis.CodeForm, "ValidationException"},
		{"POST", "/epcis/capture?dryRun=perhaps", document, 400, codeParameter, "ValidationException"},
		{"GET", "/epcis/capture/job-9", []string{"Authorization", asReader}, 404, codeUnknownCapture, "NoSuchResourceException"},
	} {
		r := ask(t, s, c.method, c.target, "{}", c.headers...)
		var p Problem
		if err := json.Unmarshal([]byte(r.body), &p); err != nil || r.StatusCode != c.status || p.Code != c.code || p.Type != "epcisException:"+c.typ || r.Header.Get("Content-Type") != typeProblem {
			t.Errorf("%s %s: %d %s, want %d %s %s", c.method, c.target, r.StatusCode, r.body, c.status, c.code, c.typ)
		}
		if strings.Contains(r.body, "fire") {
			t.Errorf("%s %s tells of our trouble: %s", c.method, c.target, r.body)
		}
	}
	f.err = nil
	if r := ask(t, s, "GET", "/epcis/events/urn:uuid:1", "", "Authorization", asReader); r.StatusCode != 404 || !strings.Contains(r.body, codeUnknownEvent) {
		t.Errorf("unknown event: %d %s", r.StatusCode, r.body)
	}
	without := newTestServer(t, newFakeNode())
	if r := ask(t, without, "GET", "/epcis/events", "", "Authorization", asReader); r.StatusCode != 404 || !strings.Contains(r.body, codeNoEPCIS) {
		t.Errorf("without EPCIS: %d %s", r.StatusCode, r.body)
	}
}

func TestEPCISCapture(t *testing.T) {
	s, f := epcisServer(t)
	place := Place{ID: ledger.Keccak([]byte("x")), State: StateStored, Chain: "wh/2", Seq: 7}
	f.captured = []CapturedEvent{
		{Result: Result{Place: place}, Events: []int{0, 1}, EventID: "urn:uuid:1", Name: fakeEvent},
	}
	headers := []string{"Authorization", asOperator, "Content-Type", typeLD + "; charset=utf-8", headerBehaviour, rollback}
	r := ask(t, s, "POST", "/epcis/capture?default=sell.channel:store&default=product.scan_threshold:5", "{the document}", headers...)
	if r.StatusCode != http.StatusAccepted || r.Header.Get("Location") != "/epcis/capture/job-1" || f.asked[0] != "wh {the document} {map[product:map[scan_threshold:5] sell:map[channel:store]] false false}" {
		t.Errorf("%d %s %s, asked %v", r.StatusCode, r.Header.Get("Location"), r.body, f.asked)
	}
	again := ask(t, s, "GET", "/epcis/capture/job-1", "", "Authorization", asReader)
	if again.body != r.body {
		t.Errorf("the job says %s, and later %s", r.body, again.body)
	}
	job := decode[captureJob](t, r)
	if !job.Success || job.Running || job.ID != "job-1" || len(job.Errors) != 0 || job.Events[0].EventID != fakeEvent || job.Events[0].Given != "urn:uuid:1" || job.Events[0].Place.Seq != 7 {
		t.Errorf("job %+v", job)
	}

	reader := epcis.NewReader(epcis.Options{Network: "x", Member: "wh"})
	_, bad := reader.Read([]byte("{"))
	f.captured = []CapturedEvent{{Result: Result{Err: errors.New("not alone")}, Events: []int{0}, Held: true}, {Result: Result{Err: bad}, Events: []int{1}}}
	job = decode[captureJob](t, ask(t, s, "POST", "/epcis/capture", "{}", headers...))
	if job.Success || len(job.Errors) != 1 || job.Errors[0].Code != epcis.CodeForm || job.Errors[0].Events[0] != 1 || len(job.Events) != 2 || job.Events[0].Place != nil {
		t.Errorf("refused: %+v", job)
	}

	f.captured = []CapturedEvent{{Result: Result{Place: place}, Events: []int{0}, Name: fakeEvent}}
	r = ask(t, s, "POST", "/epcis/events", "{}", headers...)
	if r.StatusCode != http.StatusCreated || r.Header.Get("Location") != "/epcis/events/"+url.PathEscape(fakeEvent) {
		t.Errorf("one event: %d %v %s", r.StatusCode, r.Header.Get("Location"), r.body)
	}
	if asked := f.asked[len(f.asked)-1]; asked != "wh {} {map[] false true}" {
		t.Errorf("one event is asked for as %s", asked)
	}
	if r = ask(t, s, "POST", "/epcis/events?dryRun=true", "{}", headers...); r.StatusCode != http.StatusOK {
		t.Errorf("dry run of one event: %d %s", r.StatusCode, r.body)
	}
	f.captured = []CapturedEvent{{Result: Result{Err: bad}, Events: []int{0}}}
	if r = ask(t, s, "POST", "/epcis/events", "{}", headers...); r.StatusCode != http.StatusBadRequest || !strings.Contains(r.body, epcis.CodeForm) {
		t.Errorf("one bad event: %d %s", r.StatusCode, r.body)
	}
	r = ask(t, s, "OPTIONS", "/epcis/capture", "")
	if r.StatusCode != http.StatusNoContent || r.Header.Get(headerBehaviour) != rollback || r.Header.Get("GS1-EPCIS-Capture-Limit") != "2000" {
		t.Errorf("limits: %d %v", r.StatusCode, r.Header)
	}
}

// What was recorded is told, also where it cannot be noted for whoever asks later.
func TestEPCISCaptureOnAFullDisk(t *testing.T) {
	s, f := epcisServer(t)
	f.captured, f.full = []CapturedEvent{{Events: []int{0}, Name: fakeEvent}}, errors.New("the disk is full")
	r := ask(t, s, http.MethodPost, "/epcis/capture", "{}", "Authorization", asOperator, "Content-Type", typeJSON)
	job := decode[map[string]any](t, r)
	if r.StatusCode != http.StatusAccepted || job["success"] != true || job["captureID"] != nil || r.Header.Get("Location") != "" {
		t.Errorf("%d, location %q: %s", r.StatusCode, r.Header.Get("Location"), r.body)
	}
}

// Whoever sends or asks for too much is told so by the standard's words, and what a
// document may have.
func TestEPCISTooMuch(t *testing.T) {
	s, f := epcisServer(t)
	f.err = NewProblem(http.StatusRequestEntityTooLarge, "too-many-events", "too much")
	r := ask(t, s, "GET", "/epcis/events", "", "Authorization", asReader)
	if p := decode[Problem](t, r); p.Type != "epcisException:QueryTooLargeException" {
		t.Errorf("a question: %s", r.body)
	}
	r = ask(t, s, "POST", "/epcis/capture", "{}", "Authorization", asOperator, "Content-Type", typeJSON)
	if p := decode[Problem](t, r); p.Type != "epcisException:CaptureLimitExceededException" || r.Header.Get("GS1-EPCIS-Capture-Limit") != "2000" {
		t.Errorf("a document: %s, %v", r.body, r.Header)
	}
}

// What is spoken here can be asked of every address, without a token.
func TestEPCISDiscovery(t *testing.T) {
	s, _ := epcisServer(t)
	for target, allow := range map[string]string{
		"/epcis": "GET, HEAD, OPTIONS", "/epcis/events": "GET, HEAD, POST, OPTIONS", "/epcis/capture": "GET, HEAD, POST, OPTIONS",
		"/epcis/capture/job-1": "GET, HEAD, OPTIONS", "/epcis/bizSteps/shipping/events": "GET, HEAD, OPTIONS",
	} {
		r := ask(t, s, "OPTIONS", target, "")
		if r.StatusCode != http.StatusNoContent || r.Header.Get("Allow") != allow || r.Header.Get("GS1-EPCIS-Min") != "2.0" || r.Header.Get(headerFormat) != digitalLink {
			t.Errorf("%s: %d, %v", target, r.StatusCode, r.Header)
		}
	}
}

// Captures are listed in pages, to who acts for one party only its own.
func TestEPCISCaptureList(t *testing.T) {
	f := &fakeEPCIS{kept: map[string][]byte{}}
	s := newTestServer(t, newFakeNode(), func(c *Config) { c.EPCIS, c.Auth = f, dealerAuth{} })
	for i, party := range []string{"", "shop", "", "other", "shop"} {
		id := fmt.Sprintf("job-%d", i)
		f.kept[id] = fmt.Appendf(nil, `{"party":%q,"job":{"captureID":%q,"createdAt":"2026-03-01T00:00:00Z","success":true,"errors":[],"events":[{"events":[0]}]}}`, party, id)
	}
	for token, want := range map[string]string{"reader": "job-0 job-1|job-2 job-3|job-4", "dealer": "job-1 job-4"} {
		var pages []string
		for target := "/epcis/capture?perPage=2"; target != ""; {
			r := ask(t, s, "GET", target, "", "Authorization", "Bearer "+token)
			var ids []string
			for _, job := range decode[[]captureState](t, r) {
				ids = append(ids, job.ID)
			}
			pages = append(pages, strings.Join(ids, " "))
			target, _, _ = strings.Cut(strings.TrimPrefix(r.Header.Get("Link"), "<"), ">")
			if strings.Contains(r.body, `"events"`) || len(pages) > 3 {
				t.Fatalf("%s: %s", token, r.body)
			}
		}
		if got := strings.Join(pages, "|"); got != want {
			t.Errorf("%s: %s, want %s", token, got, want)
		}
	}
	for target, status := range map[string]int{"/epcis/capture?nextPageToken=job-9": 400, "/epcis/capture?perPage=0": 400, "/epcis/capture?perPage=9999": 200} {
		if r := ask(t, s, "GET", target, "", "Authorization", asReader); r.StatusCode != status {
			t.Errorf("%s: %d %s", target, r.StatusCode, r.body)
		}
	}
	if r := ask(t, s, "GET", "/epcis/capture", ""); r.StatusCode != 401 {
		t.Errorf("without a token: %d", r.StatusCode)
	}
}
