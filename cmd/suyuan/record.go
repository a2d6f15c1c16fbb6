package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"suyuan/ledger"
	"suyuan/trace/sheet"
)

// draft is one record as POST /api/v1/records takes it.
type draft struct {
	Kind      string         `json:"kind"`
	At        string         `json:"at,omitempty"`
	Age       *int64         `json:"age_ms,omitempty"`
	Zone      string         `json:"zone,omitempty"`
	Party     string         `json:"party,omitempty"`
	Place     string         `json:"place,omitempty"`
	Refs      []string       `json:"refs,omitempty"`
	Subjects  []any          `json:"subjects,omitempty"`
	Fields    map[string]any `json:"fields,omitempty"`
	Documents []string       `json:"documents,omitempty"`
}

// result is what became of one draft.
type result struct {
	ID      string   `json:"id,omitempty"`
	Hash    string   `json:"hash,omitempty"`
	State   string   `json:"state,omitempty"`
	Chain   string   `json:"chain,omitempty"`
	Seq     uint64   `json:"seq"`
	Problem *problem `json:"problem,omitempty"`
}

func newRecord(e *env) *cobra.Command {
	var pass passphraseFlags
	var d draft
	var at, file, operator string
	var fields, subjects, attach []string
	cmd := &cobra.Command{
		Use:   "record [KIND]",
		Short: "Write a record, or many from a JSON file",
		Long: `Write a record of the given kind, or, with --file, the JSON object or array of
them that POST /api/v1/records takes. The node signs with the key of --operator.

A subject is one of

  a code's URI, or an element string such as (01)06901234000016(21)...
  (00) and an SSCC
  GTIN/RUN/FROM-TO                codes of a run by their indexes
  GTIN lot LOT                    a lot, of which the field quantity says how much
  GTIN                            a product
  CONTENT in UNIT                 what is packed into a case or pallet
  OUTPUT of INPUT                 what is made of what
  N units of M: GTIN/RUN/FIRST in GTIN/RUN/FIRST
                                  N cases filled one after the other with M each

A field is name=value; a value that is JSON is taken as such. --attach name=FILE
uploads a file and puts its digest into the field.`,
		Example: `  suyuan record ship --dir wh --subject 00106901234000000015 --field purpose=sale --field to=dist
  suyuan record ship --dir wh --subject "06901234000047 lot T26C01" --field purpose=sale --field to=dist --field 'quantity={"value":80,"unit":"KGM"}'
  suyuan record pack --dir wh --subject "06901234000016/0/0-23 in (00)069012340000000016"
  suyuan record --dir wh --file records.json
  suyuan record inspect --dir brand --subject 06901234000016 --field type=quality --field result=pass --attach document=report.pdf`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				if file != "" {
					raw, err := readInput(e, file)
					if err != nil {
						return err
					}
					return postRaw(cmd.Context(), e, c, operator, raw)
				}
				if len(args) == 0 {
					return misused("give a kind or --file")
				}
				d.Kind, d.At = args[0], at
				if at == "" {
					d.Age = new(int64)
				}
				var err error
				if d.Fields, err = parseFields(fields); err != nil {
					return err
				}
				for _, s := range subjects {
					parsed, err := sheet.ParseSubject(s)
					if err != nil {
						return misuse{err}
					}
					d.Subjects = append(d.Subjects, parsed)
				}
				for _, a := range attach {
					name, path, ok := strings.Cut(a, "=")
					if !ok {
						return misused("--attach %q is not name=FILE", a)
					}
					digest, err := uploadFile(cmd.Context(), c, path, audienceOf(d.Kind, name))
					if err != nil {
						return err
					}
					d.Fields[name] = digest
				}
				return postRecords(cmd.Context(), e, c, operator, d)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "file", "", `JSON file with one record or an array ("-" is stdin)`)
	f.StringVar(&at, "at", "", "when it happened, RFC 3339 (default: now)")
	f.StringVar(&d.Party, "party", "", "hosted party that acts")
	f.StringVar(&d.Place, "place", "", "place where it happens")
	f.StringSliceVar(&subjects, "subject", nil, "what it is about (may be given several times)")
	f.StringArrayVar(&fields, "field", nil, "name=value (may be given several times)")
	f.StringArrayVar(&attach, "attach", nil, "name=FILE (may be given several times)")
	f.StringSliceVar(&d.Refs, "ref", nil, "leaf hash of an earlier entry")
	f.StringVar(&operator, "operator", "", "operator that signs (default: one with a grant)")
	pass.add(cmd)
	cmd.AddCommand(newRecordKinds(e), newRecordApprove(e), newRecordShow(e))
	return cmd
}

// parseFields reads name=value pairs.
func parseFields(pairs []string) (map[string]any, error) {
	fields := make(map[string]any)
	for _, p := range pairs {
		name, value, ok := strings.Cut(p, "=")
		if !ok {
			return nil, misused("--field %q is not name=value", p)
		}
		var v any
		dec := json.NewDecoder(bytes.NewReader([]byte(value)))
		dec.UseNumber()
		if strings.ContainsAny(value[:min(1, len(value))], `{["`) && dec.Decode(&v) == nil {
			fields[name] = v
			continue
		}
		fields[name] = value
	}
	return fields, nil
}

// audienceOf is for whom an attachment of a field is.
func audienceOf(kind, field string) string {
	if k, ok := ledger.KindByName(kind); ok && (k == ledger.KindInspect || k == ledger.KindProduct) && field != "documents" {
		return "public"
	}
	return "members"
}

// uploadFile stores a file as an attachment and returns its digest.
func uploadFile(ctx context.Context, c *client, path, audience string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return upload(ctx, c, filepath.Base(path), data, audience)
}

func upload(ctx context.Context, c *client, name string, data []byte, audience string) (string, error) {
	var made struct {
		Digest string `json:"digest"`
	}
	err := c.call(ctx, "POST", "/admin/v1/documents?audience="+url.QueryEscape(audience), rawBody{"application/octet-stream", data}, &made)
	if err != nil {
		return "", fmt.Errorf("upload %s: %w", name, err)
	}
	return made.Digest, nil
}

// postRecords writes drafts and prints what became of them.
func postRecords(ctx context.Context, e *env, c *client, operator string, drafts ...draft) error {
	raw, err := json.Marshal(drafts)
	if err != nil {
		return err
	}
	return postRaw(ctx, e, c, operator, raw)
}

func postRaw(ctx context.Context, e *env, c *client, operator string, raw []byte) error {
	results, err := submit(ctx, c, operator, raw)
	if err != nil {
		return err
	}
	if e.json {
		if err := e.printJSON(map[string]any{"records": results}); err != nil {
			return err
		}
	}
	failed := 0
	for i, r := range results {
		switch {
		case r.Problem != nil:
			failed++
			e.say("record %d: %v", i, r.Problem)
		case !e.json:
			fmt.Fprintf(e.stdout, "%s  %s  %s/%d\n", r.ID, r.State, r.Chain, r.Seq)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d records were refused", failed, len(results))
	}
	return nil
}

// submit posts the JSON of drafts.
func submit(ctx context.Context, c *client, operator string, raw []byte) ([]result, error) {
	path := "/admin/v1/records"
	if operator != "" {
		path += "?operator=" + url.QueryEscape(operator)
	}
	var answer struct {
		Records []result `json:"records"`
	}
	err := c.call(ctx, "POST", path, rawBody{"application/json", raw}, &answer)
	return answer.Records, err
}
