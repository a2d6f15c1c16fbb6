package epcis

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// object returns a JSON object of names and values in turn.
func jsonObject(pairs ...any) map[string]any {
	o := make(map[string]any)
	for i := 0; i < len(pairs); i += 2 {
		o[pairs[i].(string)] = pairs[i+1]
	}
	return o
}

// shipping is an event as another system writes it.
func shipping(change ...any) map[string]any {
	e := jsonObject("@context", ContextURL, "type", "ObjectEvent", "action", "OBSERVE", "bizStep", "shipping", "disposition", "in_transit",
		"eventTime", "2026-03-01T08:00:00.5+08:00", "eventTimeZoneOffset", "+08:00", "eventID", "urn:uuid:1", "recordTime", "2026-03-01T00:00:01Z",
		"epcList", []string{"urn:epc:id:sscc:6901234.0000000001", "https://id.gs1.org/01/06901234567892/21/3-5"},
		"destinationList", []any{jsonObject("type", "possessing_party", "destination", "https://lanzhi-test/party/dist")})
	for i := 0; i < len(change); i += 2 {
		if name := change[i].(string); change[i+1] == nil {
			delete(e, name)
		} else {
			e[name] = change[i+1]
		}
	}
	return e
}

func (w *world) read(t testing.TB, e any, defaults ...string) (*trace.Draft, error) {
	t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	reader := w.reader()
	if reader.opt.Defaults, err = ParseDefaults(defaults); err != nil {
		t.Fatal(err)
	}
	items, err := reader.Read(raw)
	if err != nil {
		return nil, err
	}
	return reader.Draft(items[0])
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// An event of another system becomes the draft that somebody would have written.
func TestReadsEventsOfOthers(t *testing.T) {
	w := newWorld()
	lot := func(uom string) []any {
		return []any{jsonObject("epcClass", "urn:epc:class:lgtin:6901234.056789.L%2F1", "quantity", 12, "uom", uom)}
	}
	for _, c := range []struct {
		name  string
		event map[string]any
		want  string
	}{
		{"shipment", shipping(), `{"kind":"ship","at":"2026-03-01T00:00:00.5Z","zone":"+08:00","subjects":[{"sscc":"069012340000000016"},{"uri":"https://id.gs1.org/01/06901234567892/21/3-5"}],"fields":{"purpose":"sale","to":"dist"}}`},
		{"words as URNs and URLs", shipping("bizStep", "urn:epcglobal:cbv:bizstep:shipping", "disposition", "https://ref.gs1.org/cbv/Disp-in_transit"),
			`{"kind":"ship","at":"2026-03-01T00:00:00.5Z","zone":"+08:00","subjects":[{"sscc":"069012340000000016"},{"uri":"https://id.gs1.org/01/06901234567892/21/3-5"}],"fields":{"purpose":"sale","to":"dist"}}`},
		{"places, documents and sides", shipping("readPoint", jsonObject("id", "urn:epc:id:sgln:6901234.00000.0"), "bizLocation", jsonObject("id", "https://id.gs1.org/414/6901234000009"),
			"sourceList", []any{jsonObject("type", "owning_party", "source", "https://lanzhi-test/party/lanzhi"), jsonObject("type", "location", "source", "https://lanzhi-test/loc/lanzhi/hz1")},
			"destinationList", []any{jsonObject("type", "urn:epcglobal:cbv:sdt:owning_party", "destination", "https://lanzhi-test/party/dist"), jsonObject("type", "location", "destination", "https://lanzhi-test/loc/dist/sh")},
			"bizTransactionList", []any{jsonObject("type", "desadv", "bizTransaction", "urn:epcglobal:cbv:bt:0614141073467:1152"), jsonObject("type", "desadv", "bizTransaction", "https://lanzhi-test/bt/D%201"), jsonObject("type", "bol", "bizTransaction", "https://lanzhi-test/bt/W1")}),
			`{"kind":"ship","at":"2026-03-01T00:00:00.5Z","zone":"+08:00","place":"hz1","subjects":[{"sscc":"069012340000000016"},{"uri":"https://id.gs1.org/01/06901234567892/21/3-5"}],"fields":{"delivery_notes":["urn:epcglobal:cbv:bt:0614141073467:1152","D 1"],"purpose":"sale","to":"dist","to_place":"dist/sh","waybill":"W1"}}`},
		{"lot without serials", shipping("epcList", nil, "quantityList", lot("KGM")),
			`{"kind":"ship","at":"2026-03-01T00:00:00.5Z","zone":"+08:00","subjects":[{"gtin":"06901234567892","lot":"L/1"}],"fields":{"purpose":"sale","quantity":{"value":12,"unit":"KGM"},"to":"dist"}}`},
		{"lot without serials, and the extension", shipping("@context", []any{ContextURL, jsonObject("suyuan", Namespace)}, "epcList", nil, "quantityList", lot("KGM"), "suyuan:subjects", []any{jsonObject("gtin", "06901234567892", "lot", "L/1")}),
			`{"kind":"ship","at":"2026-03-01T00:00:00.5Z","zone":"+08:00","subjects":[{"gtin":"06901234567892","lot":"L/1"}],"fields":{"purpose":"sale","quantity":{"value":12,"unit":"KGM"},"to":"dist"}}`},
		{"activation", shipping("action", "ADD", "bizStep", "commissioning", "disposition", nil, "destinationList", nil, "quantityList", nil,
			"epcList", []string{"urn:epc:id:sgtin:6901234.056789.3-5"}, "ilmd", jsonObject("cbvmda:lotNumber", "L1", "urn:epcglobal:cbv:mda:itemExpirationDate", "2030-01-01")),
			`{"kind":"activate","at":"2026-03-01T00:00:00.5Z","zone":"+08:00","subjects":[{"uri":"https://id.gs1.org/01/06901234567892/21/3-5"}],"fields":{"expires":"2030-01-01","lot":"L1"}}`},
		{"examination that failed", shipping("bizStep", "inspecting", "disposition", "non_conformant", "destinationList", nil, "epcList", nil,
			"quantityList", []any{jsonObject("epcClass", "https://id.gs1.org/01/06901234567892")}, "certificationInfo", certificate(ledger.Hash{1})),
			`{"kind":"inspect","at":"2026-03-01T00:00:00.5Z","zone":"+08:00","subjects":[{"gtin":"06901234567892"}],"fields":{"document":"0100000000000000000000000000000000000000000000000000000000000000","result":"fail","type":"quality"}}`},
		{"destruction", shipping("action", "DELETE", "bizStep", "destroying", "disposition", "destroyed", "destinationList", nil, "epcList", []string{"https://id.gs1.org/00/069012340000000016"}),
			`{"kind":"void","at":"2026-03-01T00:00:00.5Z","zone":"+08:00","subjects":[{"sscc":"069012340000000016"}],"fields":{"reason":"destroyed"}}`},
		{"packing", jsonObject("@context", ContextURL, "type", "AggregationEvent", "action", "ADD", "bizStep", "packing", "eventTime", "2026-03-01T00:00:00Z", "eventTimeZoneOffset", "+00:00",
			"parentID", "urn:epc:id:sscc:6901234.0000000001", "childEPCs", []string{"https://example.com/x/01/06901234567892/21/3-5"}, "childQuantityList", []any{jsonObject("epcClass", "https://id.gs1.org/01/06901234567892/10/L9")}),
			`{"kind":"pack","at":"2026-03-01T00:00:00Z","zone":"+00:00","subjects":[{"unit":{"sscc":"069012340000000016"},"content":{"uri":"https://id.gs1.org/01/06901234567892/21/3-5"}},{"unit":{"sscc":"069012340000000016"},"content":{"gtin":"06901234567892","lot":"L9"}}]}`},
		{"emptying", jsonObject("@context", []any{ContextURL}, "type", "AggregationEvent", "action", "DELETE", "bizStep", "unpacking", "eventTime", "2026-03-01T00:00:00Z", "eventTimeZoneOffset", "+00:00",
			"parentID", "https://lanzhi-test/obj/16901234567899/2/7"),
			`{"kind":"unpack","at":"2026-03-01T00:00:00Z","zone":"+00:00","subjects":[{"gtin":"16901234567899","run":2,"from":7,"to":7}]}`},
		{"set of two", jsonObject("@context", ContextURL, "type", "TransformationEvent", "bizStep", "assembling", "eventTime", "2026-03-01T00:00:00Z", "eventTimeZoneOffset", "+00:00",
			"inputEPCList", []string{"https://id.gs1.org/01/06901234567892/21/3-5", "https://id.gs1.org/01/06901234567892/21/3-6"}, "outputEPCList", []string{"https://id.gs1.org/00/069012340000000016"}),
			`{"kind":"transform","at":"2026-03-01T00:00:00Z","zone":"+00:00","subjects":[{"output":{"sscc":"069012340000000016"},"input":{"uri":"https://id.gs1.org/01/06901234567892/21/3-5"}},{"output":{"sscc":"069012340000000016"},"input":{"uri":"https://id.gs1.org/01/06901234567892/21/3-6"}}],"fields":{"type":"kit"}}`},
		{"our namespace under another prefix", shipping("@context", []any{ContextURL, jsonObject("x", Namespace)}, "x:kind", "ship", "x:carrier", "SF", "x:purpose", "return", "urn:suyuan:epcis:party", "lanzhi/shop"),
			`{"kind":"ship","at":"2026-03-01T00:00:00.5Z","zone":"+08:00","party":"shop","subjects":[{"sscc":"069012340000000016"},{"uri":"https://id.gs1.org/01/06901234567892/21/3-5"}],"fields":{"carrier":"SF","purpose":"return","to":"dist"}}`},
	} {
		d, err := w.read(t, c.event, "ship.purpose:sale", "inspect.type:quality", "void.reason:misprint")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// Who acts for one party need not say so, and may name it as the side that it is.
func TestReadsForAParty(t *testing.T) {
	w := newWorld()
	e := shipping("sourceList", []any{jsonObject("type", "possessing_party", "source", "https://lanzhi-test/party/lanzhi/shop")})
	if _, err := w.read(t, e, "ship.purpose:sale"); codeOf(err) != CodeUnmapped {
		t.Errorf("another party of the member: %v", err)
	}
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	reader := w.reader()
	reader.opt.Party, reader.opt.Defaults = "shop", map[string]map[string]any{"ship": {"purpose": "sale"}}
	items, err := reader.Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := reader.Draft(items[0]); err != nil || d.Party != "shop" {
		t.Errorf("got %+v, %v", d, err)
	}
	if items, err = reader.Read([]byte(mustJSON(t, shipping("urn:suyuan:epcis:party", "lanzhi")))); err != nil {
		t.Fatal(err)
	}
	if d, err := reader.Draft(items[0]); codeOf(err) != CodeNotOwn {
		t.Errorf("an event of the member itself: %+v, %v", d, err)
	}
}

func TestRefusesEvents(t *testing.T) {
	w := newWorld()
	exact := []any{jsonObject("gtin", "06901234567892", "run", 3, "from", 0, "to", 5)}
	ours := func(change ...any) map[string]any {
		base := []any{"@context", []any{ContextURL, jsonObject("suyuan", Namespace)}, "epcList", nil, "suyuan:subjects", exact,
			"quantityList", []any{jsonObject("epcClass", "https://id.gs1.org/01/06901234567892", "quantity", 6)}}
		return shipping(append(base, change...)...)
	}
	class := func(uri string, n any) []any { return []any{jsonObject("epcClass", uri, "quantity", n)} }
	for _, c := range []struct {
		name  string
		event any
		code  string
		field string
	}{
		{"no context", shipping("@context", nil), CodeForm, "@context"},
		{"another context", shipping("@context", "https://example.com/context"), CodeForm, "@context"},
		{"context that is a number", shipping("@context", 5), CodeForm, "@context"},
		{"no time", shipping("eventTime", nil), CodeForm, "eventTime"},
		{"no zone", shipping("eventTimeZoneOffset", nil), CodeForm, "eventTimeZoneOffset"},
		{"null", shipping("bizStep", json.RawMessage("null")), CodeForm, "bizStep"},
		{"number for text", shipping("bizStep", 5), CodeForm, "bizStep"},
		{"sensors", shipping("sensorElementList", []any{}), CodeUnmapped, "sensorElementList"},
		{"somebody's extension", shipping("example:myField", "x"), CodeUnmapped, "example:myField"},
		{"extension of ours that is none", ours("suyuan:colour", "red"), CodeUnmapped, "suyuan:colour"},
		{"field of another kind", ours("suyuan:channel", "store"), CodeUnmapped, "suyuan:channel"},
		{"two places", shipping("readPoint", jsonObject("id", "https://lanzhi-test/loc/lanzhi/a"), "bizLocation", jsonObject("id", "https://lanzhi-test/loc/lanzhi/b")), CodeUnmapped, "bizLocation"},
		{"place with more to it", shipping("readPoint", jsonObject("id", "https://lanzhi-test/loc/lanzhi/a", "x:y", 1)), CodeForm, "readPoint"},
		{"another's place", shipping("readPoint", jsonObject("id", "https://lanzhi-test/loc/dist/a")), CodeNotOwn, "readPoint.id"},
		{"place that nobody knows", shipping("readPoint", jsonObject("id", "https://id.gs1.org/414/0614141073467")), CodeID, "readPoint.id"},
		{"another's event", ours("suyuan:party", "dist"), CodeNotOwn, "suyuan:party"},
		{"transaction of another type", shipping("bizTransactionList", []any{jsonObject("type", "inv", "bizTransaction", "urn:x:1")}), CodeUnmapped, "bizTransactionList[0]"},
		{"two waybills", shipping("bizTransactionList", []any{jsonObject("type", "bol", "bizTransaction", "urn:x:1"), jsonObject("type", "bol", "bizTransaction", "urn:x:2")}), CodeUnmapped, "bizTransactionList[1]"},
		{"another owner", shipping("destinationList", []any{jsonObject("type", "possessing_party", "destination", "https://lanzhi-test/party/dist"), jsonObject("type", "owning_party", "destination", "https://lanzhi-test/party/wh")}), CodeUnmapped, "destinationList[1]"},
		{"party that nobody knows", shipping("destinationList", []any{jsonObject("type", "possessing_party", "destination", "urn:epc:id:pgln:0614141.00001")}), CodeID, "destinationList[0]"},
		{"no recipient", shipping("destinationList", nil), CodeMissing, "destinationList possessing_party"},
		{"step that no record is", shipping("bizStep", "loading"), CodeNoKind, "bizStep"},
		{"another type of event", shipping("type", "TransactionEvent"), CodeNoKind, "bizStep"},
		{"step of several kinds", shipping("bizStep", "holding", "disposition", nil), CodeNoKind, "disposition"},
		{"kind that is none", ours("suyuan:kind", "product"), CodeNoKind, "suyuan:kind"},
		{"kind that has no event", ours("suyuan:kind", "product", "type", nil), CodeNoKind, "suyuan:kind"},
		{"kind with another step", ours("suyuan:kind", "receive", "destinationList", nil), CodeDisagrees, "bizStep"},
		{"kind with another action", ours("suyuan:kind", "activate"), CodeDisagrees, "action"},
		{"nothing", shipping("epcList", []string{}), CodeForm, "epcList"},
		{"class among EPCs", shipping("epcList", []string{"https://id.gs1.org/01/06901234567892"}), CodeClass, "epcList[0]"},
		{"EPC among classes", shipping("quantityList", class("https://id.gs1.org/01/06901234567892/21/3-5", 1)), CodeClass, "quantityList[0].epcClass"},
		{"some of a product", shipping("epcList", nil, "quantityList", class("https://id.gs1.org/01/06901234567892", 5)), CodeClass, "quantityList[0]"},
		{"half a lot", shipping("epcList", nil, "quantityList", class("https://id.gs1.org/01/06901234567892/10/L1", 0.5)), CodeForm, "quantityList[0].quantity"},
		{"quantity as text", shipping("epcList", nil, "quantityList", class("https://id.gs1.org/01/06901234567892/10/L1", "five")), CodeForm, "quantityList"},
		{"URN of something else", shipping("epcList", []string{"urn:epc:id:grai:0614141.12345.400"}), CodeID, "epcList[0]"},
		{"wrong check digit", shipping("epcList", []string{"https://id.gs1.org/01/06901234567893/21/1"}), CodeID, "epcList[0]"},
		{"fewer than the extension says", ours("quantityList", class("https://id.gs1.org/01/06901234567892", 5)), CodeDisagrees, "epcList"},
		{"another product than it says", ours("quantityList", class("https://id.gs1.org/01/16901234567899", 6)), CodeDisagrees, "epcList"},
		{"code that it does not have", ours("epcList", []string{"https://id.gs1.org/01/06901234567892/21/3-9"}, "quantityList", class("https://id.gs1.org/01/06901234567892", 5)), CodeDisagrees, "epcList[0]"},
		{"extension that is no subject", ours("suyuan:subjects", []any{jsonObject("run", 1)}), CodeForm, "suyuan:subjects[0]"},
		{"quantity for which the record has no place", ours("action", "OBSERVE", "bizStep", "holding", "disposition", "non_sellable_other", "destinationList", nil, "suyuan:kind", "hold", "suyuan:reason", "quality",
			"suyuan:subjects", []any{jsonObject("gtin", "06901234567892", "lot", "L1")}, "quantityList", []any{jsonObject("epcClass", "https://id.gs1.org/01/06901234567892/10/L1", "quantity", 5, "uom", "KGM")}), CodeUnmapped, "quantityList[0].quantity"},
		{"part of nothing", ours("suyuan:part", jsonObject("number", 2, "of", 2, "first", 1)), CodeParts, "suyuan:part"},
		{"declared an error by nobody's name", shipping("errorDeclaration", jsonObject("declarationTime", "2026-03-01T00:00:00Z")), CodeID, "eventID"},
		{"declaration with sensors", shipping("errorDeclaration", jsonObject("declarationTime", "2026-03-01T00:00:00Z", "x:y", 1)), CodeID, "eventID"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.read(t, c.event, "ship.purpose:sale")
			var bad *Error
			if !errors.As(err, &bad) || bad.Code() != c.code || bad.Field != c.field {
				t.Errorf("got %v (%+v), want %s about %s", err, bad, c.code, c.field)
			}
		})
	}
	if _, err := w.read(t, shipping()); err == nil || !strings.Contains(err.Error(), "ship.purpose") {
		t.Errorf("a required field that the event does not have: %v", err)
	}
}

func TestRefusesDocuments(t *testing.T) {
	doc := func(change string, v any) []byte {
		d := jsonObject("@context", ContextURL, "type", "EPCISDocument", "schemaVersion", "2.0", "creationDate", "2026-03-01T00:00:00Z", "epcisBody", jsonObject("eventList", []any{shipping()}))
		if v == nil {
			delete(d, change)
		} else {
			d[change] = v
		}
		raw, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	deep := strings.Repeat(`{"a":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1)
	many := make([]any, MaxEvents+1)
	for i := range many {
		many[i] = jsonObject()
	}
	for name, raw := range map[string][]byte{
		"nothing": nil, "a number": []byte("5"), "a list": []byte("[]"), "half": []byte(`{"type":"EPCISDocument"`), "XML": []byte("<epcis/>"),
		"twice": []byte(`{"type":"EPCISDocument","type":"EPCISDocument"}`), "two values": []byte(`{} {}`), "no UTF-8": []byte("{\"a\":\"\xff\"}"), "deep": []byte(deep),
		"too long": []byte(`{"a":"` + strings.Repeat("x", MaxDocument) + `"}`), "no context": doc("@context", nil), "of 1.2": doc("schemaVersion", "1.2"), "no version": doc("schemaVersion", nil),
		"no events": doc("epcisBody", jsonObject("eventList", []any{})), "no body": doc("epcisBody", nil), "too many events": doc("epcisBody", jsonObject("eventList", many)),
		"master data": doc("epcisHeader", jsonObject("epcisMasterData", jsonObject())), "extension": doc("example:x", 1),
	} {
		if _, err := newWorld().reader().Read(raw); err == nil {
			t.Errorf("%s: no error", name)
		} else if bad := new(Error); !errors.As(err, &bad) {
			t.Errorf("%s: %v has no code", name, err)
		}
	}
	if _, err := newWorld().reader().Read(doc("epcisBody", jsonObject("eventList", many))); codeOf(err) != CodeTooMany || err.(*Error).Status() != 413 {
		t.Errorf("too many events: %v", err)
	}
	if _, err := newWorld().reader().Read(doc("sender", "urn:x:1")); err != nil {
		t.Errorf("who sent it: %v", err)
	}
}

// The parts of one record are taken together, whatever order they are in, and all of
// them.
func TestParts(t *testing.T) {
	w := newWorld()
	d, err := trace.ParseDraft([]byte(`{"kind":"pack","at":"2026-03-01T08:00:00+08:00","subjects":[
		{"pattern":{"gtin":"06901234567892","run":3,"start":0,"per":6,"unit_gtin":"16901234567899","unit_run":1,"unit_start":0,"count":5,"except":[[0,7],[15,15],[18,23]]}},
		{"unit":{"sscc":"069012340000000016"},"content":{"gtin":"16901234567899","run":1,"from":0,"to":4}},
		{"unit":{"sscc":"069012340000000016"},"content":{"gtin":"16901234567899","run":2,"from":0,"to":4}},
		{"unit":{"gtin":"16901234567899","run":7,"from":0},"content":{"sscc":"069012340000000023"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r := &Record{Event: w.event(t, d), Actor: "lanzhi"}
	events := w.write(r)
	if r.Count() != 7 || len(events) != 5 { // two of five cases are empty
		t.Fatalf("%d parts, %d events", r.Count(), len(events))
	}
	read := func(list []*Event) (*trace.Draft, error) {
		items, err := w.reader().Read(document(t, list))
		if err != nil {
			t.Fatal(err)
		}
		return w.reader().Draft(items[0])
	}
	turned := slices.Clone(events)
	slices.Reverse(turned)
	for name, list := range map[string][]*Event{"in order": events, "turned round": turned} {
		d, err := read(list)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		same(t, name, r.Event, w.event(t, d))
	}
	for i := range events {
		if _, err := read(slices.Delete(slices.Clone(events), i, i+1)); codeOf(err) != CodeParts {
			t.Errorf("without part %d: %v", i, err)
		}
	}
	if _, err := read(append(slices.Clone(events), emptyPart(t, w, r, events))); codeOf(err) != CodeParts {
		t.Errorf("with a part about an empty case: %v", err)
	}
	other := *events[1]
	other.EventTime = "2026-03-01T08:00:01.000+08:00"
	for name, list := range map[string][]*Event{
		"one twice": append(slices.Clone(events), events[2]), "one at another time": {events[0], &other, events[2], events[3], events[4]},
	} {
		if _, err := read(list); codeOf(err) != CodeParts {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// How many parts an event claims costs nothing.
func TestPartsClaimed(t *testing.T) {
	w := newWorld()
	part := func(number, of, first, to int, change ...any) map[string]any {
		base := []any{"@context", []any{ContextURL, jsonObject("suyuan", Namespace)}, "type", "AggregationEvent", "action", "DELETE", "bizStep", "unpacking",
			"eventTime", "2026-03-01T00:00:00Z", "eventTimeZoneOffset", "+00:00", "eventID", "urn:uuid:1", "parentID", fmt.Sprintf("https://lanzhi-test/obj/16901234567899/2/%d", number-first),
			"suyuan:part", jsonObject("number", number, "of", of, "first", first), "suyuan:subjects", []any{jsonObject("gtin", "16901234567899", "run", 2, "from", 0, "to", to)}}
		return jsonObject(append(base, change...)...)
	}
	for _, c := range []struct {
		name  string
		event map[string]any
	}{
		{"more than a run has", part(1, math.MaxInt64, 1, 0)},
		{"the last of many", part(9_999_999, 9_999_999, 9_999_999, 0)},
		{"one of many", part(1, 9_999_999, 1, 0)},
		{"one of a range of many", part(1, 10_000_000, 1, 9_999_999)},
		{"numbers that overflow", part(math.MaxInt64, math.MaxInt64, math.MaxInt64, 0)},
	} {
		if _, err := w.read(t, c.event); codeOf(err) != CodeParts {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Empty units are counted as they are when each is looked at.
func TestFilledUnits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		p := &trace.Pattern{Per: 1 + rng.Uint32N(5), Units: 1 + rng.Uint32N(30), Start: rng.Uint32N(9)}
		for at, end := p.Start+rng.Uint32N(9), p.Start+p.Per*p.Units; at < end; at += 2 + rng.Uint32N(9) {
			to := min(at+rng.Uint32N(20), end-1)
			p.Except = append(p.Except, trace.Span{From: at, To: to})
			at = to
		}
		all := piecesOf([]trace.Subject{{Kind: trace.SubjectPattern, Pattern: p}})
		want := 0
		for n := range all.count {
			if x := all.at(n); !x.empty() {
				want++
			}
		}
		if got := all.filled(); got != want {
			t.Fatalf("%+v: %d, and looking at each %d", p, got, want)
		}
	}
}

// emptyPart makes an event of a case in which nothing was put.
func emptyPart(t *testing.T, w *world, r *Record, events []*Event) *Event {
	t.Helper()
	for n := range r.Count() {
		if w.writer().Event(r, n) != nil {
			continue
		}
		p := mustPiece(r, n)
		for _, e := range events {
			part := e.Extensions[extPart].(partOf)
			if part.First != p.first+1 {
				continue
			}
			made := *e
			made.EventID = EventName{r.Event.Hash, r.Event.Position, n + 1}.String()
			made.Parent, made.Children, made.ChildClasses = w.writer().unit(p.unit), nil, nil
			made.Extensions = maps.Clone(e.Extensions)
			part.Number = n + 1
			made.Extensions[extPart] = part
			return &made
		}
	}
	t.Fatal("no case is empty")
	return nil
}

func codeOf(err error) string {
	var bad *Error
	if errors.As(err, &bad) {
		return bad.Code()
	}
	return ""
}

// The parts about an item are those that name it, found without looking at all, in
// both directions and wherever one begins.
func TestPartsAbout(t *testing.T) {
	w := newWorld()
	for _, r := range w.records(t) {
		if r.Count() < 2 {
			continue
		}
		goods, _ := gs1.ParseGTIN("06901234567892")
		box, _ := gs1.ParseGTIN("16901234567899")
		for _, i := range []trace.Item{trace.Code(goods, 3, 0), trace.Code(goods, 3, 13), trace.Code(goods, 3, 599), trace.Code(box, 1, 0), trace.Code(box, 1, 39), trace.Code(box, 1, 99), trace.Code(box, 9, 1)} {
			wanted := func(s trace.Subject) bool { return s.Covers(i) }
			var named []int
			for part := range r.Count() {
				if e := w.writer().Event(r, part); e != nil && slices.ContainsFunc(mustPiece(r, part).told(), wanted) {
					named = append(named, part)
				}
			}
			all := Pick{To: r.Count(), Wanted: wanted, Items: []trace.Item{i}}
			slow, back := all, all
			slow.Items, back.Back = nil, true
			turned := picked(r, back)
			slices.Reverse(turned)
			for how, got := range map[string][]int{"at once": picked(r, all), "looking at all": picked(r, slow), "backwards": turned} {
				if !slices.Equal(got, named) {
					t.Errorf("%s: %s: %s %v, named by %v", r.Event.Kind, i, how, got, named)
				}
			}
			for at, n := range named {
				after, one := slow, Pick{To: r.Count(), Only: []int{n}}
				if after.From = n + 1; !slices.Equal(picked(r, after), named[at+1:]) || !slices.Equal(picked(r, one), []int{n}) {
					t.Errorf("%s: %s: after %d %v, of it alone %v", r.Event.Kind, i, n, picked(r, after), picked(r, one))
				}
			}
		}
	}
}

func picked(r *Record, p Pick) []int {
	var list []int
	for n, wanted := range r.Parts(p) {
		if wanted {
			list = append(list, n)
		}
	}
	return list
}

// A page of a record of millions of units costs as much as its own units.
func TestPartsOfManyUnits(t *testing.T) {
	w := newWorld()
	d, err := trace.ParseDraft([]byte(`{"kind":"unpack","at":"2026-03-01T08:00:00+08:00","subjects":[{"gtin":"16901234567899","run":2,"from":0,"to":9999999}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r := &Record{Event: w.event(t, d), Actor: "lanzhi"}
	all := func(trace.Subject) bool { return true }
	for _, p := range []Pick{{From: 5_000_000, To: 1 << 40, Wanted: all}, {To: 5_000_001, Back: true}, {To: 1 << 40, Only: []int{5_000_000}}} {
		if cost := testing.AllocsPerRun(1, func() {
			for n := range r.Parts(p) {
				if n != 5_000_000 {
					t.Errorf("%+v: begins with part %d", p, n)
				}
				if e := w.writer().Event(r, n); e == nil || e.Extensions[extPart].(partOf).Number != n+1 {
					t.Errorf("part %d is %+v", n, e)
				}
				break
			}
		}); cost > 1000 {
			t.Errorf("%+v: %.0f allocations", p, cost)
		}
	}
	if e := w.writer().Frame(r); e == nil || e.Parent != "" || e.BizStep != "unpacking" {
		t.Errorf("frame %+v", e)
	}
}

func mustPiece(r *Record, part int) *piece {
	p := r.telling().pieces().at(part)
	return &p
}

func TestEventNames(t *testing.T) {
	n := EventName{Hash: ledger.Keccak([]byte("x")), Position: trace.Position{Chain: 3, Seq: 70}}
	const id = "ni:///sha-256;dSG1wCrU_Sy5uV9axXnjuQ0eJLoq3jTR_3-5aBI8zJk"
	for part, want := range map[int]string{0: "?at=3.70", 4: "?at=3.70.4"} {
		n.Part = part
		text := n.String()
		if !strings.HasPrefix(text, hashStem) || !strings.HasSuffix(text, want) {
			t.Errorf("part %d: %s", part, text)
		}
		if got, ok := ParseEventID(text); !ok || got != n {
			t.Errorf("%s is read as %+v, %v", text, got, ok)
		}
		if BaseID(text) != (EventName{n.Hash, n.Position, 0}).String() {
			t.Errorf("base of %s: %s", text, BaseID(text))
		}
	}
	for _, bad := range []string{"", id, id + "?ver=CBV2.0", id + "?at=3", id + "?at=3.70.0", id + "?at=3.70.4.5", id + "?at=03.70", id + "?at=-1.70", id + "=?at=3.70",
		id + "?at=4294967296.70", "ni:///sha-256;aa49daa1fe0b773e0437e546078dc87de9c864d5b9babe84488f31478887fdf3?ver=CBV2.0", "urn:uuid:1"} {
		if got, ok := ParseEventID(bad); ok {
			t.Errorf("%q is read as %+v", bad, got)
		}
	}
}

func TestURNs(t *testing.T) {
	for urn, want := range map[string]string{
		"urn:epc:id:sgtin:0614141.107346.2017":        "https://id.gs1.org/01/10614141073464/21/2017",
		"urn:epc:id:sgtin:0614141.107346.a%2Fb.c":     "https://id.gs1.org/01/10614141073464/21/a%2Fb.c",
		"urn:epc:class:lgtin:4012345.012345.998877":   "https://id.gs1.org/01/04012345123456/10/998877",
		"urn:epc:idpat:sgtin:0614141.107346.*":        "https://id.gs1.org/01/10614141073464",
		"urn:epc:id:sscc:0614141.1234567890":          "https://id.gs1.org/00/106141412345678908",
		"urn:epc:id:sgln:0614141.07346.0":             "https://id.gs1.org/414/0614141073467",
		"urn:epc:id:sgln:0614141.07346.1234":          "https://id.gs1.org/414/0614141073467/254/1234",
		"urn:epc:id:sgln:061414107346..0":             "https://id.gs1.org/414/0614141073467",
		"urn:epc:id:pgln:0614141.00001":               "https://id.gs1.org/417/0614141000012",
		"https://id.gs1.org/01/10614141073464/21/201": "https://id.gs1.org/01/10614141073464/21/201",
	} {
		link, err := parseKey(urn)
		if err != nil || link.Canonical() != want {
			t.Errorf("%s: %s, %v, want %s", urn, link.Canonical(), err, want)
		}
	}
	for _, bad := range []string{"urn:epc:id:sgtin:0614141.107346", "urn:epc:id:sgtin:0614141..1", "urn:epc:id:sgtin:061414.107346.1", "urn:epc:id:sscc:0614141.12345678901", "urn:epc:id:sscc:0614141.",
		"urn:epc:id:sgtin:0614141.10734x.1", "urn:epc:id:sgtin:0614141.107346.%zz", "urn:epc:idpat:sgtin:0614141.107346.5", "urn:epc:idpat:sgtin:0614141.*.*", "urn:epc:id:sgln:0614141.073460.0", "urn:epc:id:giai:1.2", ""} {
		if link, err := parseKey(bad); err == nil {
			t.Errorf("%q is read as %s", bad, link)
		}
	}
}

func TestTransactionNumbers(t *testing.T) {
	s := newSpace("lanzhi.example")
	for number, want := range map[string]string{
		"DN-2026/17": "https://lanzhi.example/bt/DN-2026%2F17", "送货单 5": "https://lanzhi.example/bt/%E9%80%81%E8%B4%A7%E5%8D%95%205", "DN:5": "https://lanzhi.example/bt/DN:5",
		"urn:epcglobal:cbv:bt:0614141073467:1152": "urn:epcglobal:cbv:bt:0614141073467:1152", "http://transaction.acme.com/po/12345678": "http://transaction.acme.com/po/12345678",
		"https://lanzhi.example/bt/x": "https://lanzhi.example/bt/x", "urn: what": "https://lanzhi.example/bt/urn:%20what",
	} {
		got := s.transaction(number)
		if got != want {
			t.Errorf("%q is written %s, want %s", number, got, want)
		}
		if back, ok := s.parseTransaction(got); (!ok || back != number) && number != "https://lanzhi.example/bt/x" {
			t.Errorf("%s is read %q, %v", got, back, ok)
		}
	}
}

func TestParseQueryRefuses(t *testing.T) {
	for name, values := range map[string][]string{
		"EQ_sensor": {"1"}, "eventCountLimit": {"5"}, "GE_eventTime": {"yesterday"}, "LT_recordTime": {"2026-03-01"}, "perPage": {"0"}, "orderBy": {"color"},
		"EQ_bizStep": make([]string, MaxValues+1), "orderDirection": {"asc"}, "EXISTS_errorDeclaration": {"yes"}, "nextPageToken": {""}, "GE_recordTime": {"2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"},
	} {
		if q, err := ParseQuery(map[string][]string{name: values}); codeOf(err) != CodeForm || err.(*Error).Field != name {
			t.Errorf("%s: %+v, %v", name, q, err)
		}
	}
	if q, err := ParseQuery(map[string][]string{"perPage": {"1000"}}); err != nil || q.PerPage != MaxPerPage {
		t.Errorf("longer pages than there are: %+v, %v", q, err)
	}
	if _, err := ParseQuery(map[string][]string{"MATCH_anyEPC": {"x"}, "MATCH_parentID": {"y"}}); err == nil {
		t.Error("goods in two ways: no error")
	}
	q, err := ParseQuery(map[string][]string{"MATCH_anyEPC": {"https://id.gs1.org/01/06901234567892/21/A,B,urn:epc:id:sscc:0614141.1234567890", "https://x/00/1"}})
	if want := []string{"https://id.gs1.org/01/06901234567892/21/A,B", "urn:epc:id:sscc:0614141.1234567890", "https://x/00/1"}; err != nil || !slices.Equal(q.Things, want) {
		t.Errorf("a list of links: %q, %v", q.Things, err)
	}
	for _, p := range Parameters() {
		if len(p) != 2 || p[0] == "" || p[1] == "" {
			t.Errorf("parameter %q is not described", p)
		}
	}
}

func TestDefaults(t *testing.T) {
	got, err := ParseDefaults([]string{"sell.channel:store", "ship.lines:[]", "recall.scope:{\"en\":\"all\"}", "recall.contact:a:b"})
	want := map[string]map[string]any{"sell": {"channel": "store"}, "ship": {"lines": []any{}}, "recall": {"scope": map[string]any{"en": "all"}, "contact": "a:b"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "sell", "sell:x", "sell.channel", "grant.x:y", "sold.channel:x", "sell.colour:red", "ship.lines:five"} {
		if _, err := ParseDefaults([]string{bad}); codeOf(err) != CodeForm {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// What others have published is read without trouble: each event is a draft or
// refused with a code, and what is not valid is no draft.
func TestPublishedDocuments(t *testing.T) {
	root := outside(t, "epcis/JSON")
	w := newWorld()
	codes := make(map[string]int)
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "Queries") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		items, err := w.reader().Read(raw)
		if err != nil {
			codes[codeOf(err)]++
			return nil
		}
		for _, it := range items {
			_, err := w.reader().Draft(it)
			code := codeOf(err)
			if codes[code]++; code == "" {
				t.Errorf("%s: %v: goods of the standard's examples are no records of ours", path, err)
			}
		}
		return nil
	})
	if err != nil || files < 40 {
		t.Fatalf("%d files, %v", files, err)
	}
	for _, code := range []string{CodeForm, CodeNoKind, CodeID} {
		if codes[code] == 0 {
			t.Errorf("nothing is refused with %s: %v", code, codes)
		}
	}
	t.Log(files, "files:", codes)
}

func FuzzRead(f *testing.F) {
	w := newWorld()
	for _, e := range []map[string]any{shipping(), shipping("errorDeclaration", jsonObject("declarationTime", "2026-03-01T00:00:00Z", "reason", "did_not_occur")),
		shipping("@context", []any{ContextURL, jsonObject("suyuan", Namespace)}, "suyuan:part", jsonObject("number", 1, "of", 2, "first", 1))} {
		raw, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, r := range w.records(f) {
		if events := w.write(r); len(events) > 0 { // with a short context
			events[0].Context = []any{ContextURL, jsonObject("suyuan", Namespace)}
			raw, err := json.Marshal(events[0])
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
	defaults := map[string]map[string]any{"ship": {"purpose": "sale"}}
	f.Fuzz(func(t *testing.T, data []byte) {
		reader := w.reader()
		reader.opt.Defaults = defaults
		items, err := reader.Read(data)
		if err != nil {
			if codeOf(err) == "" {
				t.Fatalf("refused without a code: %v", err)
			}
			return
		}
		seen := make(map[int]bool)
		for _, it := range items {
			for _, at := range it.Events {
				if seen[at] {
					t.Fatalf("event %d is in two items", at)
				}
				seen[at] = true
			}
			d, err := reader.Draft(it)
			again, err2 := reader.Draft(it)
			if fmt.Sprint(err) != fmt.Sprint(err2) {
				t.Fatalf("first %v, then %v", err, err2)
			}
			if err != nil {
				continue
			}
			first, err := json.Marshal(d)
			second, err2 := json.Marshal(again)
			if err != nil || err2 != nil || string(first) != string(second) {
				t.Fatalf("first %s, then %s", first, second)
			}
			if _, err := trace.ParseDraft(first); err != nil && len(first) < 1<<20 {
				t.Fatalf("no draft: %v: %s", err, first)
			}
		}
		if n := len(slices.Collect(maps.Keys(seen))); n == 0 {
			t.Fatal("a document of nothing")
		}
	})
}
