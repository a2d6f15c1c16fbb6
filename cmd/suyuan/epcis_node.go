package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"

	"suyuan/api"
	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node"
	"suyuan/trace"
	"suyuan/trace/epcis"
)

func readerOf(v api.Viewer, serials bool) node.EPCISReader {
	return node.EPCISReader{Viewer: trace.Viewer{Member: v.Member, Party: v.Party}, Serials: serials}
}

// EPCISEvents implements api.EPCIS.
func (b backend) EPCISEvents(ctx context.Context, q *epcis.Query, v api.Viewer, serials bool) ([]*epcis.Event, string, error) {
	p, err := b.n.EPCISEvents(ctx, q, readerOf(v, serials))
	if err != nil {
		return nil, "", err
	}
	return p.Events, p.Next, nil
}

// EPCISEvent implements api.EPCIS.
func (b backend) EPCISEvent(ctx context.Context, id string, v api.Viewer, serials bool) (*epcis.Event, bool, error) {
	return b.n.EPCISEvent(ctx, id, readerOf(v, serials))
}

// CaptureEPCIS implements api.EPCIS.
func (b backend) CaptureEPCIS(ctx context.Context, caller *api.Operator, doc []byte, opt api.CaptureOptions) ([]api.CapturedEvent, error) {
	who := node.Signer{Address: caller.Address, Party: caller.Party}
	list, err := b.n.Capture(ctx, who, doc, node.CaptureOptions(opt))
	out := make([]api.CapturedEvent, len(list))
	for i, c := range list {
		out[i] = api.CapturedEvent{
			Result: api.Result{Place: b.place(c.Placed), Err: c.Err},
			Events: c.Events, EventID: c.EventID, Name: eventName(c.Placed), Held: errors.Is(c.Err, store.ErrNotAlone),
		}
	}
	return out, err
}

// eventName is how answers call the event of a record, "" if it is not stored.
func eventName(p node.Placed) string {
	if p.Err != nil || p.Hash.IsZero() {
		return ""
	}
	return epcis.EventName{Hash: p.Hash, Position: trace.Position{Chain: p.Chain, Seq: p.Seq}}.String()
}

// KeepCapture implements api.EPCIS.
func (b backend) KeepCapture(put func(id string) ([]byte, error)) (string, error) {
	return b.n.KeepCapture(put)
}

// KeptCapture implements api.EPCIS.
func (b backend) KeptCapture(id string) ([]byte, error) { return b.n.KeptCapture(id) }

// KeptCaptures implements api.EPCIS.
func (b backend) KeptCaptures(after string) (iter.Seq2[[]byte, error], bool, error) {
	return b.n.KeptCaptures(after)
}

// capturedEvent is what became of one event of an import, or of all of one record.
type capturedEvent struct {
	result
	Events  []int  `json:"events"`
	EventID string `json:"event_id,omitempty"`
	Exists  bool   `json:"exists,omitempty"`
	Held    bool   `json:"held,omitempty"` // nothing is wrong with it, but with another
}

// captureEvents is what POST /admin/v1/captures does: the API's capture, signed by
// an operator that is named.
func (a *admin) captureEvents(r *http.Request) (any, error) {
	doc, err := io.ReadAll(io.LimitReader(r.Body, epcis.MaxDocument+1))
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	defaults, err := epcis.ParseDefaults(q["default"])
	if err != nil {
		return nil, err
	}
	list, err := a.n.Capture(r.Context(), node.Signer{Operator: q.Get("operator")}, doc, node.CaptureOptions{Defaults: defaults, DryRun: q.Get("dry_run") == "true"})
	if err != nil {
		return nil, err
	}
	out := make([]capturedEvent, len(list))
	for i, c := range list {
		out[i] = capturedEvent{Events: c.Events, EventID: c.EventID, Exists: c.Again, Held: errors.Is(c.Err, store.ErrNotAlone)}
		switch {
		case c.Err != nil:
			out[i].Problem = captureProblem(c.Err)
		case !c.Hash.IsZero():
			out[i].ID, out[i].Hash, out[i].State, out[i].Seq = c.ID.String(), c.Hash.String(), stateOf(c.Final), c.Seq
			out[i].Chain = ledger.ChainName(a.n.Network().MemberOf(c.Chain), c.Chain)
		}
	}
	return map[string]any{"events": out}, nil
}

// captureProblem is problemOf with the attribute apart.
func captureProblem(err error) *problem {
	p := rowProblem(err)
	var bad *epcis.Error
	if errors.As(err, &bad) {
		p.Field, p.Detail = bad.Field, bad.Detail
	}
	return p
}
