package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"suyuan/ledger"
)

func newOperator(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Add the people, devices and systems that sign records",
	}
	cmd.AddCommand(newOperatorAdd(e))
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
