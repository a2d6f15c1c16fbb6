package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"suyuan/node"
)

// approved is an element of the answer of POST /admin/v1/approvals.
type approved struct {
	Draft    json.RawMessage `json:"draft"`
	Message  string          `json:"message"`
	Approver string          `json:"approver,omitempty"`
}

func newRecordApprove(e *env) *cobra.Command {
	var pass passphraseFlags
	var file, operator string
	var message bool
	cmd := &cobra.Command{
		Use:   "approve",
		Short: "Approve activations that another operator is going to sign",
		Long: `Approve activations that another operator is going to sign. Codes of products that
name a reward trigger are worth money once they are activated, and two operators
activate them: this signs each draft of a file as the second one and prints it with
the approval. It is of exactly these codes, this lot and this time; drafts without
a time get the present one.

With --message nothing is signed: the text is printed that a key kept elsewhere, in
a wallet or an HSM, signs (EIP-191). The signature, 0x and 130 hex digits, goes into
the draft's field co_approval.`,
		Example: `  suyuan record approve --dir brand --operator wang --file activate.json > approved.json
  suyuan record --dir brand --operator li --file approved.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := readInput(e, file)
			if err != nil {
				return err
			}
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				path := fmt.Sprintf("/admin/v1/approvals?sign=%t&operator=%s", !message, url.QueryEscape(operator))
				var list []approved
				if err := c.call(cmd.Context(), http.MethodPost, path, rawBody{"application/json", raw}, &list); err != nil {
					return err
				}
				return printApproved(e, list, message)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "file", "-", `JSON file with one draft or an array ("-" is stdin)`)
	f.StringVar(&operator, "operator", "", "operator that approves")
	f.BoolVar(&message, "message", false, "print what is to be signed, and sign nothing")
	pass.add(cmd)
	cmd.MarkFlagsOneRequired("operator", "message")
	return cmd
}

// printApproved prints the drafts, as `suyuan record --file` takes them.
func printApproved(e *env, list []approved, message bool) error {
	if message && !e.json {
		for _, a := range list {
			fmt.Fprintf(e.stdout, "%s\n\n%s\n\n", a.Draft, a.Message)
		}
		return nil
	}
	if e.json {
		return e.printJSON(list)
	}
	drafts := make([]json.RawMessage, len(list))
	for i, a := range list {
		drafts[i] = a.Draft
		e.say("approved by %s", a.Approver)
	}
	return e.printJSON(drafts)
}

// approve approves drafts for the command.
func (a *admin) approve(r *http.Request) (any, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxAdminBody))
	if err != nil {
		return nil, err
	}
	drafts, err := splitDrafts(raw)
	if err != nil {
		return nil, err
	}
	sign, err := strconv.ParseBool(r.URL.Query().Get("sign"))
	if err != nil {
		return nil, bad{err}
	}
	list := make([]approved, len(drafts))
	for i, raw := range drafts {
		done, err := a.n.Approve(r.Context(), node.Signer{Operator: r.URL.Query().Get("operator")}, raw, sign)
		if err != nil {
			return nil, err
		}
		list[i] = approved{Draft: done.Draft, Message: done.Message}
		if sign {
			list[i].Approver = done.Approver.String()
		}
	}
	return list, nil
}
