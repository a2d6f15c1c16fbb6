package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"suyuan/ledger"
	"suyuan/node"
)

func newOperator(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Add, list and revoke the people, devices and systems that sign records",
	}
	cmd.AddCommand(newOperatorAdd(e), newOperatorList(e), newOperatorRevoke(e))
	return cmd
}

// addOperator is what POST /admin/v1/operators takes.
type addOperator struct {
	Name            string         `json:"name"`
	Address         ledger.Address `json:"address,omitzero"` // of a key kept elsewhere
	Kinds           []string       `json:"kinds"`
	Party           string         `json:"party,omitempty"`
	Places          []string       `json:"places,omitempty"`
	Person          string         `json:"person,omitempty"`
	Scopes          []string       `json:"scopes,omitempty"`
	Expires         *time.Time     `json:"expires,omitempty"`
	AdminPassphrase string         `json:"admin_passphrase"`
}

// newToken is what it answers.
type newToken struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Token   string `json:"token,omitempty"` // none for a key kept elsewhere
}

func newOperatorAdd(e *env) *cobra.Command {
	var pass passphraseFlags
	var add addOperator
	var days int
	var address string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make an operator: a key, a grant on the node's chain, and an API token",
		Long: `Make an operator of the node: a key that the node keeps, a grant for some kinds
of records on the node's chain, signed with the admin key, and a token with
which the operator's device or system calls the API. The token is printed once.

With --address the key is kept elsewhere, in a wallet, an HSM or an ERP system,
which signs its records itself: the operator gets a grant and nothing else.`,
		Example: `  suyuan operator add --dir wh clerk --kinds receive,ship,unpack
  suyuan operator add --dir dist xihu --kinds receive,sell --party xihu
  suyuan operator add --dir wh erp --kinds ship --address 0x52908400098527886e0f7030069857d2e4169ee7`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			add.Name = args[0]
			if address != "" {
				a, err := ledger.ParseAddress(address)
				if err != nil {
					return misuse{fmt.Errorf("--address: %w", err)}
				}
				if add.Address = a; a == (ledger.Address{}) {
					return misused("--address: no key has the address %s", a)
				}
			}
			phrase, err := pass.admin(e)
			if err != nil {
				return err
			}
			add.AdminPassphrase = phrase
			if days > 0 {
				at := time.Now().AddDate(0, 0, days)
				add.Expires = &at
			}
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				var made newToken
				if err := c.call(cmd.Context(), "POST", "/admin/v1/operators", add, &made); err != nil {
					return err
				}
				if e.json {
					return e.printJSON(made)
				}
				fmt.Fprintf(e.stdout, "operator  %s\naddress   %s\n", made.Name, made.Address)
				if made.Token == "" {
					return nil
				}
				fmt.Fprintf(e.stdout, "token     %s\n", made.Token)
				e.say("the token is not shown again: put it into the operator's device now")
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&add.Kinds, "kinds", nil, "kinds of records that it may sign")
	f.StringVar(&address, "address", "", "address of a key that is kept elsewhere")
	f.StringVar(&add.Party, "party", "", "slug of the only hosted party for which it may act")
	f.StringSliceVar(&add.Places, "place", nil, "the only places at which it may act")
	f.StringVar(&add.Person, "person", "", "who it is; nobody but this company sees it")
	f.StringSliceVar(&add.Scopes, "scopes", []string{"read", "write"}, "what the token is good for")
	f.IntVar(&days, "days", 0, "days until the token expires (0: never)")
	cmd.MarkFlagsMutuallyExclusive("address", "scopes")
	cmd.MarkFlagsMutuallyExclusive("address", "days")
	pass.add(cmd)
	pass.addAdmin(cmd)
	if err := cmd.MarkFlagRequired("kinds"); err != nil {
		panic("suyuan: " + err.Error())
	}
	return cmd
}

func newOperatorList(e *env) *cobra.Command {
	var pass passphraseFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the operators with their grants and tokens",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				var list []node.OperatorInfo
				if err := c.call(cmd.Context(), "GET", "/admin/v1/operators", nil, &list); err != nil {
					return err
				}
				if e.json {
					return e.printJSON(list)
				}
				printOperators(e, list)
				return nil
			})
		},
	}
	pass.add(cmd)
	return cmd
}

func printOperators(e *env, list []node.OperatorInfo) {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"name", "address", "may sign", "limited to", "tokens"})
	for _, o := range list {
		var kinds, limits []string
		for _, g := range o.Grants {
			if g.Revoked > 0 {
				continue
			}
			kinds = append(kinds, g.Kinds...)
			limits = append(limits, g.Places...)
			if g.Party != "" {
				limits = append(limits, g.Party)
			}
		}
		if len(kinds) == 0 {
			kinds = []string{"nothing"}
		}
		t.AppendRow(table.Row{o.Name, o.Address, strings.Join(kinds, " "), strings.Join(limits, " "), len(o.Tokens)})
	}
	fmt.Fprintln(e.stdout, t.Render())
}

// revokeOperator is what POST /admin/v1/operators/revoke takes.
type revokeOperator struct {
	Operator        string `json:"operator"` // name or address
	AdminPassphrase string `json:"admin_passphrase"`
}

func newOperatorRevoke(e *env) *cobra.Command {
	var pass passphraseFlags
	cmd := &cobra.Command{
		Use:   "revoke NAME|ADDRESS",
		Short: "End all grants of an operator and withdraw its tokens",
		Long: `End all grants of an operator on the node's chain, with a record signed by the
admin key, and withdraw its API tokens. What it signed before stays valid.`,
		Example: `  suyuan operator revoke --dir wh clerk`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			phrase, err := pass.admin(e)
			if err != nil {
				return err
			}
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				var done map[string]any
				if err := c.call(cmd.Context(), "POST", "/admin/v1/operators/revoke", revokeOperator{args[0], phrase}, &done); err != nil {
					return err
				}
				if e.json {
					return e.printJSON(done)
				}
				fmt.Fprintf(e.stdout, "%s may not sign any more; %v tokens withdrawn\n", args[0], done["tokens"])
				return nil
			})
		},
	}
	pass.add(cmd)
	pass.addAdmin(cmd)
	return cmd
}
