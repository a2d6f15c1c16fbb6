package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"suyuan/trace/epcis"
)

// A document that is too large for one capture is cut between records, keeps its
// head, and loses no event.
func TestSplitDocument(t *testing.T) {
	var events []string
	for i := range 2*pieceEvents + 70 {
		id := fmt.Sprintf(`"eventID":"urn:uuid:%d"`, i)
		if i >= pieceEvents-50 && i < pieceEvents+50 { // parts of one record
			id = fmt.Sprintf(`"eventID":"%s%d"`, "ni:///sha-256;AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE?at=2.7.", i+1)
		}
		events = append(events, fmt.Sprintf(`{"type":"ObjectEvent","n":%d,%s}`, i, id))
	}
	doc := func(list []string) []byte {
		return []byte(`{"type":"EPCISDocument","sender":"urn:x:1","epcisBody":{"eventList":[` + strings.Join(list, ",") + `]}}`)
	}
	pieces, err := splitDocument(doc(events))
	if err != nil || len(pieces) != 3 {
		t.Fatalf("%d pieces, %v", len(pieces), err)
	}
	next := 0
	for i, p := range pieces {
		var got struct {
			Sender string
			Body   struct {
				Events []struct {
					N  int
					ID string `json:"eventID"`
				} `json:"eventList"`
			} `json:"epcisBody"`
		}
		if err := json.Unmarshal(p.doc, &got); err != nil {
			t.Fatal(err)
		}
		list := got.Body.Events
		if p.first != next || got.Sender != "urn:x:1" || len(list) > epcis.MaxEvents {
			t.Errorf("piece %d begins with event %d, has %d, from %q", i, p.first, len(list), got.Sender)
		}
		for _, e := range list {
			if e.N != next {
				t.Fatalf("piece %d has event %d where %d is due", i, e.N, next)
			}
			next++
		}
		if last := list[len(list)-1]; next < len(events) && epcis.BaseID(last.ID) == epcis.BaseID(strings.Split(events[next], `"`)[9]) {
			t.Errorf("piece %d ends within a record", i)
		}
	}
	if next != len(events) {
		t.Errorf("%d of %d events are in pieces", next, len(events))
	}
	for _, whole := range [][]byte{doc(events[:5]), []byte("<xml/>"), nil, []byte(`{"type":"ObjectEvent"}`)} {
		if pieces, err := splitDocument(whole); err != nil || len(pieces) != 1 || string(pieces[0].doc) != string(whole) {
			t.Errorf("%q: %d pieces, %v", whole, len(pieces), err)
		}
	}
}
