package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/epcis"
	"suyuan/trace/index"
)

// epcisBrand is a brand with twelve codes in three cases, of which some were
// inspected, sold and stopped; a hold was taken back.
func epcisBrand(t testing.TB) *testNode {
	t.Helper()
	n := newBrand(t)
	n.issue(t, toner, 12)
	n.issue(t, carton, 3)
	gln := "6901234000009"
	n.mustSubmit(t, trace.Draft{Kind: "place", Fields: fields{"id": "hz", "kind": "factory", "country": "CN", "gln": gln, "name": trace.Names{En: "Hangzhou"}}})
	activate := activateDraft(0, 11)
	activate.Place = "hz"
	n.mustSubmit(t, activate,
		trace.Draft{Kind: "activate", Subjects: []trace.DraftSubject{codesOf(carton, 0, 2)}, Fields: fields{"lot": "C1"}},
		trace.Draft{Kind: "pack", Place: "hz", Subjects: []trace.DraftSubject{{Pattern: &trace.DraftPattern{GTIN: toner, Per: 4, UnitGTIN: carton, Count: 3}}}},
		trace.Draft{Kind: "inspect", Subjects: []trace.DraftSubject{{GTIN: toner, Lot: "B1"}}, Fields: fields{"type": "quality", "result": "pass"}},
		trace.Draft{Kind: "sell", Subjects: []trace.DraftSubject{codesOf(toner, 5, 5)}, Fields: fields{"channel": "store", "order": "SO-7"}})
	hold := n.mustSubmit(t, trace.Draft{Kind: "hold", Subjects: []trace.DraftSubject{codesOf(toner, 0, 3)}, Fields: fields{"reason": "quality"}})[0]
	n.mustSubmit(t, trace.Draft{Kind: "correct", Fields: fields{"target": hold.ID, "reason": "wrong-lot"}})
	n.put(t, n.checkpoint(t))
	return n
}

func (n *testNode) epcis(t testing.TB, reader EPCISReader, params ...string) *EPCISPage {
	t.Helper()
	values := make(map[string][]string)
	for i := 0; i < len(params); i += 2 {
		values[params[i]] = append(values[params[i]], params[i+1])
	}
	q, err := epcis.ParseQuery(values)
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.EPCISEvents(context.Background(), q, reader)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func steps(events []*epcis.Event) string {
	var list []string
	for _, e := range events {
		s := e.BizStep
		if e.Declaration != nil {
			s = "error:" + s
		}
		list = append(list, s)
	}
	return strings.Join(list, " ")
}

var member = EPCISReader{Viewer: trace.Viewer{Member: "brand"}}

func TestEPCISQueries(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	code := link(toner, n.serial(t, toner, 0, 5))
	box := link(carton, n.serial(t, carton, 0, 1))
	for _, c := range []struct {
		name   string
		params []string
		want   string
	}{
		{"all, newest first", nil, "error:holding holding retail_selling inspecting packing packing packing commissioning commissioning"},
		{"oldest first", []string{"orderDirection", "ASC"}, "commissioning commissioning packing packing packing inspecting retail_selling holding error:holding"},
		{"type", []string{"eventType", "AggregationEvent"}, "packing packing packing"},
		{"types", []string{"eventType", "AggregationEvent,TransformationEvent"}, "packing packing packing"},
		{"action", []string{"EQ_action", "ADD", "eventType", "ObjectEvent"}, "commissioning commissioning"},
		{"step as a URN", []string{"EQ_bizStep", "urn:epcglobal:cbv:bizstep:retail_selling"}, "retail_selling"},
		{"disposition", []string{"EQ_disposition", "conformant"}, "inspecting"},
		{"code", []string{"MATCH_anyEPC", code}, "retail_selling packing commissioning"},
		{"code by event time", []string{"MATCH_anyEPC", code, "orderBy", "eventTime", "orderDirection", "ASC"}, "commissioning packing retail_selling"},
		{"case", []string{"MATCH_anyEPC", box}, "packing commissioning"},
		{"case as a parent", []string{"MATCH_parentID", box}, "packing"},
		{"case as goods", []string{"MATCH_epc", box}, "commissioning"},
		{"lot", []string{"MATCH_anyEPCClass", "https://id.gs1.org/01/06901234000016/10/B1"}, "error:holding holding retail_selling inspecting packing packing packing commissioning"},
		{"lot as a URN", []string{"MATCH_anyEPCClass", "urn:epc:class:lgtin:6901234.000001.B1"}, "error:holding holding retail_selling inspecting packing packing packing commissioning"},
		{"other lot", []string{"MATCH_anyEPCClass", "https://id.gs1.org/01/06901234000016/10/B2"}, ""},
		{"product", []string{"MATCH_anyEPCClass", "https://id.gs1.org/01/16901234000013"}, "packing packing packing commissioning"},
		{"product of nobody", []string{"MATCH_anyEPC", "https://id.gs1.org/01/06912345000017/21/1"}, ""},
		{"place by its GLN", []string{"EQ_readPoint", "urn:epc:id:sgln:6901234.00000.0"}, "packing packing packing commissioning"},
		{"errors", []string{"EXISTS_errorDeclaration", "true"}, "error:holding"},
		{"no errors", []string{"EXISTS_errorDeclaration", "false", "EQ_bizStep", "holding"}, "holding"},
		{"before anything", []string{"LT_recordTime", "2020-01-01T00:00:00Z"}, ""},
		{"after everything", []string{"GE_eventTime", "2999-01-01T00:00:00Z"}, ""},
	} {
		p := n.epcis(t, member, c.params...)
		if got := steps(p.Events); got != c.want || p.Next != "" {
			t.Errorf("%s: got %q, next %q, want %q", c.name, got, p.Next, c.want)
		}
	}
	if _, err := n.EPCISEvents(context.Background(), &epcis.Query{Things: []string{link(toner, "NO")}, PerPage: 5}, member); err == nil {
		t.Error("a serial that is none: no error")
	}
}

// Pages follow each other without gaps and repetitions, also inside a record of many
// events, in both directions and for goods.
func TestEPCISPages(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	for _, params := range [][]string{
		nil, {"orderDirection", "ASC"}, {"MATCH_anyEPCClass", "https://id.gs1.org/01/06901234000016"},
		{"MATCH_anyEPCClass", "https://id.gs1.org/01/06901234000016", "orderBy", "eventTime", "orderDirection", "ASC"},
	} {
		whole := n.epcis(t, member, params...)
		for size := 1; size <= len(whole.Events)+1; size++ {
			var got []*epcis.Event
			token := ""
			for range len(whole.Events) + 1 {
				with := append(slices.Clone(params), "perPage", fmt.Sprint(size))
				if token != "" {
					with = append(with, "nextPageToken", token)
				}
				p := n.epcis(t, member, with...)
				if len(p.Events) > size {
					t.Fatalf("%v: %d events on a page of %d", params, len(p.Events), size)
				}
				got = append(got, p.Events...)
				if token = p.Next; token == "" {
					break
				}
			}
			if a, b := mustJSON(t, got), mustJSON(t, whole.Events); a != b {
				t.Fatalf("%v: pages of %d give %s, want %s", params, size, steps(got), steps(whole.Events))
			}
		}
	}
}

// A page ends in the midst of a record of many units where few of them are asked for.
func TestEPCISLooksAtFewUnits(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	const units, few = maxEPCISLooked + 20, 3
	n.issue(t, toner, units)
	n.issue(t, carton, units)
	others := activateDraft(few, units-1)
	others.Fields["lot"] = "B2"
	n.mustSubmit(t, activateDraft(0, few-1), others,
		trace.Draft{Kind: "activate", Subjects: []trace.DraftSubject{codesOf(carton, 0, units-1)}, Fields: fields{"lot": "C1"}},
		trace.Draft{Kind: "pack", Subjects: []trace.DraftSubject{{Pattern: &trace.DraftPattern{GTIN: toner, Per: 1, UnitGTIN: carton, Count: units}}}})
	n.put(t, n.checkpoint(t))
	params := []string{"MATCH_anyEPCClass", "https://id.gs1.org/01/06901234000016/10/B1"}
	first := n.epcis(t, member, params...)
	if len(first.Events) != 0 || first.Next == "" {
		t.Fatalf("first page: %s, next %q", steps(first.Events), first.Next)
	}
	second := n.epcis(t, member, append(params, "nextPageToken", first.Next)...)
	if got := steps(second.Events); got != "packing packing packing commissioning" || second.Next != "" {
		t.Errorf("second page: %s, next %q", got, second.Next)
	}
	id := second.Events[0].EventID
	if p := n.epcis(t, member, "EQ_eventID", id); len(p.Events) != 1 || p.Events[0].EventID != id || p.Next != "" {
		t.Errorf("by its id: %+v", p)
	}
}

// What is read before there is a page has a limit.
func TestEPCISReadsSoMuch(t *testing.T) {
	w := &epcisWork{ctx: context.Background()}
	if err := w.sort(maxEPCISSorted, theseGoods); err != nil {
		t.Error(err)
	}
	wantCode(t, w.sort(1, theseGoods), "too-many-events")
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Serials are told to who names them and to the node's owner, and to nobody else.
func TestEPCISTellsSerials(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	five := n.serial(t, toner, 0, 5)
	count := func(p *EPCISPage) int { return strings.Count(mustJSON(t, p.Events), "/21/") }
	if p := n.epcis(t, member); count(p) != 0 {
		t.Errorf("a member was told %d serials", count(p))
	}
	p := n.epcis(t, member, "MATCH_anyEPC", link(toner, five))
	if text := mustJSON(t, p.Events); count(p) != 3 || strings.Count(text, five) != 3 {
		t.Errorf("who names one serial was told %d: %s", count(p), text)
	}
	// 12 of the activation, 3 cases there and 3 as parents, 12 in them, 1 sold, 4 held twice
	if p := n.epcis(t, EPCISReader{Viewer: member.Viewer, Serials: true}); count(p) != 12+3+3+12+1+4+4 {
		t.Errorf("the node's owner was told %d serials", count(p))
	}
	public := EPCISReader{Viewer: trace.Viewer{Party: "brand/dealer"}}
	if p := n.epcis(t, public); len(p.Events) != 0 {
		t.Errorf("who acts for a dealer sees what does not concern it: %s", steps(p.Events))
	}
}

func TestEPCISEventByID(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	for _, e := range n.epcis(t, member).Events {
		if e.Declaration != nil {
			continue // has the id of what it takes back
		}
		got, ok, err := n.EPCISEvent(context.Background(), e.EventID, member)
		if err != nil || !ok || mustJSON(t, got) != mustJSON(t, e) {
			t.Errorf("%s: %v, %v\n got %s\nwant %s", e.EventID, ok, err, mustJSON(t, got), mustJSON(t, e))
		}
		if p := n.epcis(t, member, "EQ_eventID", e.EventID); len(p.Events) != 1 {
			t.Errorf("%s: %d events have it", e.EventID, len(p.Events))
		}
		for _, other := range []string{strings.Replace(e.EventID, "?at=1.", "?at=1.9", 1), strings.Replace(e.EventID, "?at=1", "?at=7", 1), e.EventID + ".99", "urn:uuid:nothing"} {
			if _, ok, err := n.EPCISEvent(context.Background(), other, member); ok || err != nil {
				t.Errorf("%s: %v, %v", other, ok, err)
			}
		}
	}
}

func doc(t testing.TB, events ...any) []byte {
	t.Helper()
	return []byte(mustJSON(t, map[string]any{
		"@context": []any{epcis.ContextURL, map[string]string{"suyuan": epcis.Namespace}},
		"type":     "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T00:00:00Z",
		"epcisBody": map[string]any{"eventList": events},
	}))
}

// sold is an event as another system writes it.
func sold(id string, epcs ...string) map[string]any {
	e := map[string]any{
		"type": "ObjectEvent", "action": "OBSERVE", "bizStep": "retail_selling", "disposition": "retail_sold",
		"eventTime": "2026-03-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00", "epcList": epcs,
	}
	if id != "" {
		e["eventID"] = id
	}
	return e
}

var inStore = CaptureOptions{Defaults: map[string]map[string]any{"sell": {"channel": "store"}}}

func (n *testNode) capture(t testing.TB, doc []byte, opt CaptureOptions) []Captured {
	t.Helper()
	out, err := n.Capture(context.Background(), Signer{}, doc, opt)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCaptureRecordsOnce(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	one, two := link(toner, n.serial(t, toner, 0, 1)), link(toner, n.serial(t, toner, 0, 2))
	events := doc(t, sold("urn:uuid:1", one), sold("", two), sold("urn:uuid:1", one), sold("", two))
	before := n.store.Size(n.chain)
	first := n.capture(t, events, inStore)
	for i, c := range first {
		if c.Err != nil || c.Again != (i >= 2) || c.ID != first[i%2].ID || c.Seq != first[i%2].Seq {
			t.Errorf("item %d: %+v", i, c)
		}
	}
	if size := n.store.Size(n.chain); size != before+2 {
		t.Errorf("the chain grew from %d to %d", before, size)
	}
	n.reopen(t)
	for i, c := range n.capture(t, events, inStore) {
		if c.Err != nil || !c.Again || c.ID != first[i].ID || c.Seq != first[i].Seq {
			t.Errorf("again, item %d: %+v", i, c)
		}
	}
	e, ok, err := n.EPCISEvent(context.Background(), "urn:uuid:1", member)
	if err != nil || !ok || e.Extensions["suyuan:state"] != "stored" {
		t.Errorf("by the id that it had: %v, %v, %v", e, ok, err)
	}
}

// Where one event is refused nothing is stored; what is wrong is said of that one.
func TestCaptureAllOrNone(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	one, two := link(toner, n.serial(t, toner, 0, 1)), link(toner, n.serial(t, toner, 0, 2))
	strange := sold("urn:uuid:2", two)
	strange["sensorElementList"] = []any{}
	for _, c := range []struct {
		name string
		bad  map[string]any
		code string
	}{
		{"attribute without a place", strange, epcis.CodeUnmapped},
		{"goods that are not held", sold("urn:uuid:3", link(toner, n.serial(t, toner, 0, 5))), ""}, // sold already
		{"serial with a typing error", sold("urn:uuid:4", link(toner, "000ZZZZZZZZZZZZZZZZZ")), ""},
	} {
		before := n.store.Size(n.chain)
		out := n.capture(t, doc(t, sold("urn:uuid:9", one), c.bad), inStore)
		if !errors.Is(out[0].Err, store.ErrNotAlone) || out[1].Err == nil || errors.Is(out[1].Err, store.ErrNotAlone) {
			t.Errorf("%s: %v and %v", c.name, out[0].Err, out[1].Err)
		}
		if c.code != "" {
			wantCode(t, out[1].Err, c.code)
		}
		if size := n.store.Size(n.chain); size != before {
			t.Errorf("%s: the chain grew from %d to %d", c.name, before, size)
		}
	}
	if out := n.capture(t, doc(t, sold("urn:uuid:9", one)), CaptureOptions{Defaults: inStore.Defaults, DryRun: true}); out[0].Err != nil || out[0].Seq != 0 {
		t.Errorf("dry run: %+v", out[0])
	}
	if out := n.capture(t, doc(t, sold("urn:uuid:9", one)), inStore); out[0].Err != nil || out[0].Again {
		t.Errorf("after refusals: %+v", out[0])
	}
	before, single := n.store.Size(n.chain), inStore
	single.One = true
	_, err := n.Capture(context.Background(), Signer{}, doc(t, sold("urn:uuid:10", two), sold("urn:uuid:11", two)), single)
	wantCode(t, err, CodeOneEvent)
	if size := n.store.Size(n.chain); size != before {
		t.Errorf("several where one was asked for: the chain grew from %d to %d", before, size)
	}
	_, err = n.Capture(context.Background(), Signer{}, []byte(`{"type":"EPCISDocument"}`), inStore)
	wantCode(t, err, epcis.CodeForm)
}

// While the disk is full nothing is captured and nothing forgotten; the same document
// is captured once there is room again.
func TestCaptureOnAFullDisk(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	events := doc(t, sold("urn:uuid:1", link(toner, n.serial(t, toner, 0, 1))))
	row := []Keyed{{Key: ledger.Hash{1}, Draft: encode(t, sellDraft(2))[0]}}
	keep := func() error {
		_, err := n.KeepCapture(func(string) ([]byte, error) { return []byte("a job"), nil })
		return err
	}
	before := n.store.Size(n.chain)
	n.minFree = math.MaxUint64
	n.reopen(t)
	_, err := n.Capture(context.Background(), Signer{}, events, inStore)
	wantCode(t, err, "disk-full")
	wantCode(t, keep(), "disk-full")
	wantCode(t, n.SubmitOnce(context.Background(), Signer{}, row)[0].Err, "disk-full")
	if _, err := os.Stat(n.journalPath()); err == nil || n.store.Size(n.chain) != before {
		t.Errorf("something was written: %v, %d entries", err, n.store.Size(n.chain))
	}
	n.minFree = 1
	n.reopen(t)
	if out := n.capture(t, events, inStore); out[0].Err != nil || out[0].Again {
		t.Errorf("with room: %+v", out[0])
	}
	if placed := n.SubmitOnce(context.Background(), Signer{}, row)[0]; placed.Err != nil || placed.Again {
		t.Errorf("with room: %+v", placed)
	}
	if err := keep(); err != nil {
		t.Error(err)
	}
}

// An error is declared of an event of the same document, of one captured before, and
// of one of ours; what corrects it stands before it.
func TestCaptureCorrects(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	one, two := link(toner, n.serial(t, toner, 0, 1)), link(toner, n.serial(t, toner, 0, 2))
	declared := func(e map[string]any, by ...string) map[string]any {
		e["errorDeclaration"] = map[string]any{"declarationTime": "2026-03-02T08:00:00+08:00", "reason": "incorrect_data", "correctiveEventIDs": by}
		return e
	}
	n.capture(t, doc(t, sold("urn:uuid:wrong", one)), inStore)
	out := n.capture(t, doc(t, sold("urn:uuid:right", two), declared(sold("urn:uuid:wrong", one), "urn:uuid:right")), inStore)
	for i, c := range out {
		if c.Err != nil {
			t.Fatalf("item %d: %v", i, c.Err)
		}
	}
	e, err := n.event(trace.Position{Chain: n.chain, Seq: out[1].Seq})
	if err != nil || e.Kind != ledger.KindCorrect || e.Fields.Hash("replacement") != out[0].ID || e.Fields.Text("reason") != "incorrect-data" || e.Zone != 480 {
		t.Errorf("recorded %+v, %v", e, err)
	}
	out = n.capture(t, doc(t, declared(sold("urn:uuid:unheard-of", one))), inStore)
	wantCode(t, out[0].Err, epcis.CodeID)
}

// What one network exports another records alike; what is here already is not
// recorded again.
func TestCaptureOfAnExport(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	events := n.epcis(t, member, "orderDirection", "ASC", "perPage", "500").Events
	raw := []byte(mustJSON(t, epcis.NewDocument(n.clock.now(), events)))
	before := n.store.Size(n.chain)
	for i, c := range n.capture(t, raw, CaptureOptions{}) {
		if c.Err != nil || !c.Again {
			t.Errorf("at home, item %d: %+v", i, c)
		}
	}
	if size := n.store.Size(n.chain); size != before {
		t.Errorf("at home the chain grew from %d to %d", before, size)
	}

	other := newBrand(t)
	other.issue(t, toner, 12)
	other.issue(t, carton, 3)
	other.mustSubmit(t, trace.Draft{Kind: "place", Fields: fields{"id": "hangzhou", "kind": "factory", "country": "CN", "gln": "6901234000009"}})
	for i, c := range other.capture(t, raw, CaptureOptions{}) {
		if c.Err != nil {
			t.Errorf("elsewhere, item %d: %v", i, c.Err)
		}
	}
	other.put(t, other.checkpoint(t))
	told := func(events []*epcis.Event) string {
		for _, e := range events {
			e.EventID, e.RecordTime = "", ""
			for _, name := range []string{"suyuan:record", "suyuan:seq", "suyuan:chain"} {
				delete(e.Extensions, name)
				if e.Declaration != nil {
					delete(e.Declaration.Extensions, name)
				}
			}
		}
		return mustJSON(t, events)
	}
	if a, b := told(other.epcis(t, member, "orderDirection", "ASC").Events), told(events); a != b {
		t.Errorf("elsewhere\n got %s\nwant %s", a, b)
	}
}

func TestCapturesAreRemembered(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 1)[0]
	var ids []string
	for i := range 3 {
		id, err := n.KeepCapture(func(id string) ([]byte, error) { return []byte(fmt.Sprint(i, id)), nil })
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	n.reopen(t)
	for i, id := range ids {
		if data, err := n.KeptCapture(id); err != nil || string(data) != fmt.Sprint(i, id) {
			t.Errorf("%s: %q, %v", id, data, err)
		}
	}
	list := func(after string) (got []string, known bool) {
		jobs, known, err := n.KeptCaptures(after)
		if err != nil {
			t.Fatal(err)
		}
		if known {
			for data, err := range jobs {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(data))
			}
		}
		return got, known
	}
	all, _ := list("")
	if len(all) != len(ids) {
		t.Fatalf("listed: %q", all)
	}
	for i, job := range all {
		rest, known := list(job[1:])
		if !known || !slices.Equal(rest, all[i+1:]) {
			t.Errorf("after %s: %q, %t", job, rest, known)
		}
	}
	if _, known := list("0b9b2f6c-3a63-4c0e-8f0c-6f2f1f6f2f11"); known {
		t.Error("an unknown capture is known")
	}
	for _, id := range []string{"", "..", "../journal", strings.ToUpper(ids[0]), "0b9b2f6c-3a63-4c0e-8f0c-6f2f1f6f2f11"} {
		if data, err := n.KeptCapture(id); data != nil || err != nil {
			t.Errorf("%q: %q, %v", id, data, err)
		}
	}
}

// What an event shows is what the reader may see of its record: who acts for one
// party sees of the events that name it what members see, and of others nothing; the
// company sees what its node holds.
func TestEPCISAudiences(t *testing.T) {
	t.Parallel()
	nodes := newNetwork(t, 2)
	n, dist := nodes[0], nodes[1]
	n.addOperator(t)
	n.mustSubmit(t, productDraft(toner), productDraft(carton))
	n.issue(t, toner, 12)
	n.mustSubmit(t, trace.Draft{Kind: "party", Fields: fields{"slug": "dealer", "kind": "dealer", "name": trace.Names{En: "Dealer"}}},
		trace.Draft{Kind: "party", Fields: fields{"slug": "rival", "kind": "dealer"}}, activateDraft(0, 11))
	ship := func(to, mark string, from uint32) trace.Draft {
		return trace.Draft{Kind: "ship", Subjects: []trace.DraftSubject{codesOf(toner, from, from+1)}, Fields: fields{
			"purpose": "sale", "to": to, "via": "brand/rival", "delivery_notes": []string{"PARTIES-" + mark}, "carrier": "PARTIES-" + mark}}
	}
	n.mustSubmit(t, ship("dist", "a", 0), ship("brand/dealer", "b", 2),
		trace.Draft{Kind: "sell", Subjects: []trace.DraftSubject{codesOf(toner, 6, 6)}, Fields: fields{"channel": "store", "order": "OWN-c", "price": "OWN-c"}})
	move(t, n, dist, n.chain)
	n.put(t, n.checkpoint(t, dist))
	for _, c := range []struct {
		name   string
		reader EPCISReader
		want   string // marks in the answer
		steps  string
	}{
		{"company", member, "OWN-c PARTIES-a PARTIES-b", "retail_selling shipping shipping commissioning"},
		{"dealer", EPCISReader{Viewer: trace.Viewer{Party: "brand/dealer"}}, "", "shipping"},
		{"stranger", EPCISReader{Viewer: trace.Viewer{Party: "brand/shop"}}, "", ""},
		{"nobody", EPCISReader{}, "", ""},
	} {
		p := n.epcis(t, c.reader)
		text := mustJSON(t, p.Events)
		var marks []string
		for _, m := range []string{"OWN-c", "PARTIES-a", "PARTIES-b"} {
			if strings.Contains(text, m) {
				marks = append(marks, m)
			}
		}
		if got := strings.Join(marks, " "); got != c.want || steps(p.Events) != c.steps {
			t.Errorf("%s: sees %q and %q, want %q and %q", c.name, got, steps(p.Events), c.want, c.steps)
		}
		for _, e := range n.epcis(t, member).Events {
			_, ok, err := n.EPCISEvent(context.Background(), e.EventID, c.reader)
			if err != nil || ok != slices.ContainsFunc(p.Events, func(x *epcis.Event) bool { return x.EventID == e.EventID }) {
				t.Errorf("%s: by id %s: %v, %v", c.name, e.BizStep, ok, err)
			}
		}
	}
}

// A place is found by its number, the own one first; what several have is not guessed.
func TestCaptureFindsPlaces(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	place := func(id, gln string) trace.Draft {
		return trace.Draft{Kind: "place", Fields: fields{"id": id, "kind": "store", "country": "CN", "gln": gln}}
	}
	n.mustSubmit(t, place("sh", "6901234000016"), place("moved", "6901234000023"), place("moved", "6901234000030"))
	one := link(toner, n.serial(t, toner, 0, 1))
	at := func(gln string) Captured {
		e := sold("urn:uuid:"+gln, one)
		e["readPoint"] = map[string]string{"id": "https://id.gs1.org/414/" + gln}
		return n.capture(t, doc(t, e), CaptureOptions{Defaults: inStore.Defaults, DryRun: true})[0]
	}
	for gln, code := range map[string]string{"6901234000009": "", "6901234000016": "", "6901234000030": "", "6901234000023": epcis.CodeID, "6901234000047": epcis.CodeID} {
		if c := at(gln); code == "" && c.Err != nil || code != "" && c.Err == nil {
			t.Errorf("%s: %v", gln, c.Err)
		} else if code != "" {
			wantCode(t, c.Err, code)
		}
	}
	n.mustSubmit(t, place("sh2", "6901234000016"))
	wantCode(t, at("6901234000016").Err, "ambiguous-place")
}

// A lot, or a product, of which more records tell by name than a look-up takes in is
// told as other things are.
func TestEPCISAboutTooMuch(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	var drafts []trace.Draft
	for range index.MaxPositions + 1 {
		drafts = append(drafts, trace.Draft{Kind: "inspect", Subjects: []trace.DraftSubject{{GTIN: toner, Lot: "B1"}}, Fields: fields{"type": "visual", "result": "pass"}})
	}
	n.mustSubmit(t, drafts...)
	n.put(t, n.checkpoint(t))
	q, err := epcis.ParseQuery(map[string][]string{"MATCH_anyEPCClass": {"https://id.gs1.org/01/" + toner.String() + "/10/B1"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.EPCISEvents(t.Context(), q, member)
	wantCode(t, err, "too-many-events")
}
