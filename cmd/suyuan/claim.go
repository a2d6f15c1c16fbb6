package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"suyuan/ledger"
	"suyuan/node"
)

func newClaim(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "claim",
		Short: "Check second codes (暗码), and see what was claimed and paid",
		Long: `Check second codes (暗码), and see what was claimed and paid.

A run that was issued with --second has for each item a code under a coating. The
node that issued it checks it, whichever company's page it is typed in on, and
records its first use; an operator with a grant for claim signs that. Wrong ones
have to wait after five tries.

If the product names a reward trigger, the node tells a receiver of the company's
once that event is final. rewards.toml in the node's directory says where:

  url = "https://erp.lanzhi.example/rewards"   # Standard Webhooks, https
  secret_file = "rewards.secret"               # whsec_ and Base64
  allow_loopback = false                       # true: a receiver on this machine

The file of the secret may have several, one in a line, and is read before each
message, which is signed with each: add the new one, tell the receiver, delete the
old one. A receiver that answers 410 is sent no message again by itself.

The webhook-id is the id of the claim record. A message may come again, after a
crash for example, always with the same id and body: pay once for each id.`,
	}
	cmd.AddCommand(newClaimCheck(e), newClaimList(e), newClaimResend(e))
	return cmd
}

// claimRequest is what POST /api/v1/claims takes.
type claimRequest struct {
	URI   string `json:"uri"`
	Code  string `json:"code"`
	Token string `json:"token,omitempty"`
	Tag   string `json:"tag,omitempty"`
}

// claimAnswer is its answer.
type claimAnswer struct {
	Outcome string     `json:"outcome"`
	At      *time.Time `json:"at,omitempty"`
	Token   string     `json:"token"`
	Zh      string     `json:"zh"`
	En      string     `json:"en"`
}

func newClaimCheck(e *env) *cobra.Command {
	var w where
	var req claimRequest
	cmd := &cobra.Command{
		Use:   "check URI [CODE]",
		Short: "Use the second code of an item, as a consumer does on the page",
		Long: `Use the second code of an item, as a consumer does on the page: the node that
issued the code checks it and records its first use. Without CODE it is read from
stdin, so that it stands in no history of commands. Exit status 3 says that it is
wrong or was used before.

Should no answer come, ask again with the same --claim-token: it is the same claim.`,
		Example: `  suyuan claim check --url https://trace.lanzhi.example HTTPS://LANZHI.EXAMPLE/01/06901234000016/21/… 7K2M9QX4TR`,
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.URI = args[0]
			if len(args) == 2 {
				req.Code = args[1]
			} else {
				line, err := bufio.NewReader(io.LimitReader(e.stdin, 256)).ReadString('\n')
				if err != nil && err != io.EOF {
					return err
				}
				req.Code = strings.TrimSpace(line)
			}
			return w.ask(cmd.Context(), e, func(c *client) error {
				var a claimAnswer
				if err := c.call(cmd.Context(), http.MethodPost, "/api/v1/claims", req, &a); err != nil {
					return err
				}
				return printClaim(e, &a)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Token, "claim-token", "", "the token of a claim whose answer was lost")
	f.StringVar(&req.Tag, "tag", "", "the company's own mark for who claims")
	w.add(cmd)
	return cmd
}

func printClaim(e *env, a *claimAnswer) error {
	if e.json {
		if err := e.printJSON(a); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(e.stdout, "%s\n%s\n", a.Zh, a.En)
	}
	if a.Outcome == "before" || a.Outcome == "wrong" {
		return errBad
	}
	return nil
}

// claimList is one answer of GET /admin/v1/claims.
type claimList struct {
	Claims []node.ClaimedItem `json:"claims"`
	Next   uint64             `json:"next,omitempty"` // the from of the next
}

func newClaimList(e *env) *cobra.Command {
	var pass passphraseFlags
	var state string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the claims that this node recorded, and what became of their rewards",
		Long: `List the claims that this node recorded, and what became of their rewards. Of each
code the first use counts; a later one is shown as "again", with the time of the first.
"taken-back" is a claim that was corrected, "not-counted" one that stands on a chain
which does not check the second codes of its run.`,
		Example: `  suyuan claim list --dir brand
  suyuan claim list --dir brand --state failed --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				list, err := readClaims(cmd.Context(), c, state)
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(map[string]any{"claims": list})
				}
				printClaims(e, list)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only those whose reward is waiting, held, due, delivered, failed or withdrawn")
	pass.add(cmd)
	return cmd
}

func readClaims(ctx context.Context, c *client, state string) ([]node.ClaimedItem, error) {
	all := []node.ClaimedItem{}
	for from := uint64(0); ; {
		var page claimList
		if err := c.call(ctx, http.MethodGet, fmt.Sprintf("/admin/v1/claims?from=%d", from), nil, &page); err != nil {
			return nil, err
		}
		for _, item := range page.Claims {
			if state == "" || item.Reward != nil && string(item.Reward.State) == state {
				all = append(all, item)
			}
		}
		if page.Next == 0 {
			return all, nil
		}
		from = page.Next
	}
}

func printClaims(e *env, list []node.ClaimedItem) {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"claim", "item", "claimed", "use", "by", "reward", "attempts", "next", "why"})
	for _, c := range list {
		row := table.Row{c.Claim, fmt.Sprintf("%s/%d/%d", c.GTIN, c.Run, c.Index), c.ClaimedAt.Local().Format(time.DateTime), useOf(&c), c.Claimant, "", "", "", ""}
		if r := c.Reward; r != nil {
			next := ""
			if !r.Next.IsZero() && r.DoneAt.IsZero() {
				next = r.Next.Local().Format(time.DateTime)
			}
			row[5], row[6], row[7], row[8] = r.State, r.Attempts, next, r.Reason
		}
		t.AppendRow(row)
	}
	fmt.Fprintln(e.stdout, t.Render())
}

// useOf says what a claim counts for, and of a later use when the first was.
func useOf(c *node.ClaimedItem) string {
	if c.FirstAt == nil {
		return string(c.Use)
	}
	return fmt.Sprintf("%s, first %s", c.Use, c.FirstAt.Local().Format(time.DateTime))
}

func newClaimResend(e *env) *cobra.Command {
	var pass passphraseFlags
	cmd := &cobra.Command{
		Use:     "resend CLAIM",
		Short:   "Have a reward that has failed sent again",
		Example: `  suyuan claim resend --dir brand 5f0c…`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				return c.call(cmd.Context(), http.MethodPost, "/admin/v1/claims/"+url.PathEscape(args[0])+"/resend", nil, nil)
			})
		},
	}
	pass.add(cmd)
	return cmd
}

// claims lists claims of the own chain.
func (a *admin) claims(r *http.Request) (any, error) {
	from, err := strconv.ParseUint(r.URL.Query().Get("from"), 10, 64)
	if err != nil {
		return nil, bad{err}
	}
	list, next, err := a.n.Claims(from)
	return claimList{list, next}, err
}

func (a *admin) resendReward(r *http.Request) (any, error) {
	claim, err := ledger.ParseHash(r.PathValue("claim"))
	if err != nil {
		return nil, bad{err}
	}
	return map[string]any{"claim": claim}, a.n.SendAgain(claim)
}
