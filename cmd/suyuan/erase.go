package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"suyuan/ledger"
	"suyuan/node"
)

// eraseRequest is what POST /admin/v1/erase takes. It answers a node.Erasing.
type eraseRequest struct {
	Record   ledger.Hash   `json:"record"`
	Fields   []string      `json:"fields,omitempty"`
	Files    []ledger.Hash `json:"files,omitempty"`
	Ground   string        `json:"ground,omitempty"`
	Note     string        `json:"note,omitempty"`
	Operator string        `json:"operator,omitempty"`
	DryRun   bool          `json:"dry_run,omitempty"`
}

func (a *admin) erase(r *http.Request) (any, error) {
	var req eraseRequest
	if err := readJSON(r, &req); err != nil {
		return nil, err
	}
	return a.n.Erase(r.Context(), node.Erase(req))
}

func newErase(e *env) *cobra.Command {
	var pass passphraseFlags
	var req eraseRequest
	var files []string
	var yes bool
	cmd := &cobra.Command{
		Use:   "erase RECORD [FIELD…]",
		Short: "Erase fields and files of an own record, on all nodes",
		Long: `Erase fields of a record of this node, and with --file files that it names, by
their SHA-256. A record is written that names them; this node removes the bytes
from its files at once, the other nodes when they receive the record. With no
FIELD and no --file the command lists what the record has and erases nothing.

Fields on which the trail of goods depends cannot be erased, nor what stands in
the record's own bytes. A file that another record names too stays until that
record's author erases it there. Backups and exports made before, proofs that
somebody has kept, and whatever people have copied are beyond this command.

Trails then show that a field is gone, since when and, to members, on what ground.`,
		Example: `  suyuan erase --dir wh 5f1c…e0
  suyuan erase --dir wh 5f1c…e0 note --ground consent-withdrawn --dry-run
  suyuan erase --dir wh 5f1c…e0 note --ground consent-withdrawn --note "letter of 3 March" --yes`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			record, err := ledger.ParseHash(strings.TrimPrefix(args[0], "0x"))
			if err != nil {
				return misuse{fmt.Errorf("RECORD: %w", err)}
			}
			req.Record, req.Fields = record, args[1:]
			for _, f := range files {
				digest, err := ledger.ParseHash(f)
				if err != nil {
					return misuse{fmt.Errorf("--file: %w", err)}
				}
				req.Files = append(req.Files, digest)
			}
			if len(req.Fields)+len(req.Files) > 0 && req.Ground == "" && !req.DryRun {
				return misused("--ground is needed: a reason code such as consent-withdrawn, purpose-ended or court-order")
			}
			return withNode(cmd.Context(), e, &pass, func(c *client) error { return erase(cmd.Context(), e, c, req, yes) })
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&files, "file", nil, "SHA-256 of a file that the record names (may be given several times)")
	f.StringVar(&req.Ground, "ground", "", "reason code, such as consent-withdrawn, purpose-ended, court-order")
	f.StringVar(&req.Note, "note", "", "for this company's own files")
	f.StringVar(&req.Operator, "operator", "", "operator that signs (default: one with a grant)")
	f.BoolVar(&req.DryRun, "dry-run", false, "show what would go, and erase nothing")
	f.BoolVar(&yes, "yes", false, "do not ask")
	pass.add(cmd)
	return cmd
}

// erase shows what will go, asks, and erases.
func erase(ctx context.Context, e *env, c *client, req eraseRequest, yes bool) error {
	listing := req.DryRun || len(req.Fields)+len(req.Files) == 0
	if !listing && !yes {
		dry := req
		dry.DryRun = true
		var what node.Erasing
		if err := c.call(ctx, "POST", "/admin/v1/erase", dry, &what); err != nil {
			return err
		}
		showErasing(e.stderr, &what)
		ok, err := confirm(e, "Erase this on all nodes? It cannot be taken back. Type yes")
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("nothing was erased")
		}
	}
	var done node.Erasing
	if err := c.call(ctx, "POST", "/admin/v1/erase", req, &done); err != nil {
		return err
	}
	if e.json {
		return e.printJSON(done)
	}
	showErasing(e.stdout, &done)
	switch {
	case done.Erasure == nil:
		e.say("nothing was erased")
	case done.Erasure.Gone:
		fmt.Fprintf(e.stdout, "erased   by record %s, %s/%d; the bytes are gone from this node's files\n", done.Erasure.ID, done.Chain, done.Erasure.Seq)
	default:
		fmt.Fprintf(e.stdout, "erased   by record %s, %s/%d\n", done.Erasure.ID, done.Chain, done.Erasure.Seq)
		e.say("the bytes are still in this node's files, which somebody is reading; the running node removes them afterwards")
	}
	return nil
}

func showErasing(w io.Writer, x *node.Erasing) {
	fmt.Fprintf(w, "record   %s  %s  %s/%d\n", x.Record, x.Kind, x.Chain, x.Seq)
	for _, f := range x.Fields {
		fmt.Fprintf(w, "field    %-16s for %-8s %6d B  %s\n", f.Name, f.Audience, f.Bytes, whyKept(f.Code, f.Why, false))
	}
	for _, f := range x.Files {
		fmt.Fprintf(w, "file     %s  %s  %d B  %s\n", f.Digest, f.Field, f.Bytes, whyKept(f.Code, f.Why, f.Stays))
	}
}

// whyKept says what will become of something that is listed for erasing.
func whyKept(code, why string, stays bool) string {
	switch {
	case code != "":
		return code + ": " + why
	case stays:
		return "stays: another record names it"
	}
	return "erasable"
}

// confirm asks a question on stderr and reads the answer; only "yes" is one.
func confirm(e *env, question string) (bool, error) {
	fmt.Fprintf(e.stderr, "%s: ", question)
	line, err := bufio.NewReader(io.LimitReader(e.stdin, 16)).ReadString('\n')
	if err != nil && err != io.EOF {
		return false, err
	}
	return strings.TrimSpace(line) == "yes", nil
}
