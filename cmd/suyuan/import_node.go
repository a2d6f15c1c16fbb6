package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"suyuan/ledger"
	"suyuan/node"
	"suyuan/trace"
	"suyuan/trace/sheet"
)

// importRequest is what POST /admin/v1/imports takes: drafts with the keys by
// which they are recognised when they come again.
type importRequest struct {
	Operator string       `json:"operator,omitempty"`
	DryRun   bool         `json:"dry_run"`
	Records  []keyedDraft `json:"records"`
}

type keyedDraft struct {
	Key   ledger.Hash     `json:"key"`
	Draft json.RawMessage `json:"draft"`
}

// importResult is what became of one of them.
type importResult struct {
	result
	Exists   bool   `json:"exists,omitempty"`   // its key has this record already
	Signer   string `json:"signer,omitempty"`   // of a dry run: the address that would sign
	Operator string `json:"operator,omitempty"` // and the operator's name
	Tried    string `json:"tried,omitempty"`    // and the id of the record that was made for it
}

// postImport gives a batch of records to the node.
func postImport(ctx context.Context, c *client, f *importFlags, records []*sheet.Record) ([]importResult, error) {
	req := importRequest{Operator: f.operator, DryRun: f.dryRun}
	for _, rec := range records {
		req.Records = append(req.Records, keyedDraft{rec.Key, rec.JSON})
	}
	var answer struct {
		Records []importResult `json:"records"`
	}
	if err := c.call(ctx, http.MethodPost, "/admin/v1/imports", req, &answer); err != nil {
		return nil, err
	}
	if len(answer.Records) != len(records) {
		return nil, errors.New("the node answers about other records than were sent")
	}
	return answer.Records, nil
}

// importRecords records drafts, each key once, or says what would become of
// them.
func (a *admin) importRecords(r *http.Request) (any, error) {
	var req importRequest
	if err := readJSON(r, &req); err != nil {
		return nil, err
	}
	list := make([]node.Keyed, len(req.Records))
	for i, k := range req.Records {
		list[i] = node.Keyed{Key: k.Key, Draft: k.Draft}
	}
	who := node.Signer{Operator: req.Operator}
	results := make([]importResult, len(list))
	if req.DryRun {
		for i, p := range a.n.Rehearse(r.Context(), who, list) {
			results[i] = a.imported(p.Placed)
			if p.Err == nil && !p.Again {
				results[i] = importResult{Signer: p.Signer.String(), Operator: p.Operator, Tried: p.ID.String()}
			}
		}
	} else {
		for i, p := range a.n.SubmitOnce(r.Context(), who, list) {
			results[i] = a.imported(p)
		}
	}
	return map[string]any{"records": results}, nil
}

func (a *admin) imported(p node.Placed) importResult {
	if p.Err != nil {
		return importResult{result: result{Problem: rowProblem(p.Err)}}
	}
	return importResult{Exists: p.Again, result: result{
		ID: p.ID.String(), Hash: p.Hash.String(), State: stateOf(p.Final), Seq: p.Seq,
		Chain: ledger.ChainName(a.n.Network().MemberOf(p.Chain), p.Chain),
	}}
}

// rowProblem is problemOf with the field apart, so that its cell can be found.
func rowProblem(err error) *problem {
	p := problemOf(err)
	var field *trace.FieldError
	if errors.As(err, &field) {
		p.Field, p.Detail = field.Field, field.Detail
	}
	return p
}
