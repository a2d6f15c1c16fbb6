package epcis

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// An Event is one event as it is written. Extensions are attributes of namespaces
// of their own, with their prefix.
type Event struct {
	Context      []any             `json:"@context,omitempty"`
	Type         string            `json:"type"`
	EventID      string            `json:"eventID,omitempty"`
	EventTime    string            `json:"eventTime"`
	Zone         string            `json:"eventTimeZoneOffset"`
	RecordTime   string            `json:"recordTime,omitempty"`
	Action       string            `json:"action,omitempty"`
	BizStep      string            `json:"bizStep,omitempty"`
	Disposition  string            `json:"disposition,omitempty"`
	EPCs         []string          `json:"epcList,omitempty"`
	Quantities   []Quantity        `json:"quantityList,omitempty"`
	Parent       string            `json:"parentID,omitempty"`
	Children     []string          `json:"childEPCs,omitempty"`
	ChildClasses []Quantity        `json:"childQuantityList,omitempty"`
	Inputs       []string          `json:"inputEPCList,omitempty"`
	InputClasses []Quantity        `json:"inputQuantityList,omitempty"`
	Outputs      []string          `json:"outputEPCList,omitempty"`
	OutClasses   []Quantity        `json:"outputQuantityList,omitempty"`
	ReadPoint    *Location         `json:"readPoint,omitempty"`
	BizLocation  *Location         `json:"bizLocation,omitempty"`
	Transactions []Transaction     `json:"bizTransactionList,omitempty"`
	Sources      []Source          `json:"sourceList,omitempty"`
	Destinations []Destination     `json:"destinationList,omitempty"`
	Certificates []string          `json:"certificationInfo,omitempty"`
	ILMD         map[string]string `json:"ilmd,omitempty"`
	Declaration  *Declaration      `json:"errorDeclaration,omitempty"`

	Extensions map[string]any `json:"-"`
}

// A Quantity is so much of a class of goods; no number says that nobody is told
// how much.
type Quantity struct {
	Class    string `json:"epcClass"`
	Quantity uint64 `json:"quantity,omitempty"`
	Unit     string `json:"uom,omitempty"`

	lot string // of the class, "" if it is a product
}

// A Location is a readPoint or bizLocation.
type Location struct {
	ID string `json:"id"`
}

// A Transaction is a document that the event belongs to.
type Transaction struct {
	Type string `json:"type,omitempty"`
	ID   string `json:"bizTransaction"`
}

// A Source is where goods come from.
type Source struct {
	Type string `json:"type"`
	ID   string `json:"source"`
}

// A Destination is where they go.
type Destination struct {
	Type string `json:"type"`
	ID   string `json:"destination"`
}

// A Declaration says that the event is an error.
type Declaration struct {
	Time       string   `json:"declarationTime"`
	Reason     string   `json:"reason,omitempty"`
	Corrective []string `json:"correctiveEventIDs,omitempty"`

	Extensions map[string]any `json:"-"`
}

// MarshalJSON implements json.Marshaler.
func (e *Event) MarshalJSON() ([]byte, error) {
	type plain Event // without the method
	return extended((*plain)(e), e.Extensions)
}

// MarshalJSON implements json.Marshaler.
func (d *Declaration) MarshalJSON() ([]byte, error) {
	type plain Declaration
	return extended((*plain)(d), d.Extensions)
}

// extended writes an object with further attributes behind its own, in the order
// of their names.
func extended(v any, more map[string]any) ([]byte, error) {
	body, err := encode(v)
	if err != nil || len(more) == 0 {
		return body, err
	}
	body = bytes.TrimSuffix(body, []byte("}"))
	for _, name := range slices.Sorted(maps.Keys(more)) {
		key, err := encode(name)
		if err != nil {
			return nil, err
		}
		value, err := encode(more[name])
		if err != nil {
			return nil, err
		}
		body = append(append(append(append(body, ','), key...), ':'), value...)
	}
	return append(body, '}'), nil
}

// encode writes <, > and & as they are: they stand in addresses.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// A Document is events to be given to somebody.
type Document struct {
	Context []any  `json:"@context"`
	Type    string `json:"type"`
	Version string `json:"schemaVersion"`
	Created string `json:"creationDate"`
	Body    any    `json:"epcisBody"`
}

// NewDocument is an EPCISDocument.
func NewDocument(created time.Time, events []*Event) *Document {
	return &Document{Context(), typeDocument, SchemaVersion, instant(created), eventList(events)}
}

// NewQueryDocument is the answer to a query for events.
func NewQueryDocument(created time.Time, events []*Event) *Document {
	body := map[string]any{"queryResults": map[string]any{"queryName": "SimpleEventQuery", "resultsBody": eventList(events)}}
	return &Document{Context(), typeQueryDocument, SchemaVersion, instant(created), body}
}

const (
	typeDocument      = "EPCISDocument"
	typeQueryDocument = "EPCISQueryDocument"
)

func eventList(events []*Event) any {
	if events == nil {
		events = []*Event{}
	}
	return map[string]any{"eventList": events}
}

const timeForm = "2006-01-02T15:04:05.000Z07:00"

func instant(t time.Time) string { return t.UTC().Format(timeForm) }
