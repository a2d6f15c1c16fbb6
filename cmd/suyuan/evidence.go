package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"suyuan/ledger"
	"suyuan/node"
)

// evidence answers with the proof against the author of a chain, or for chain 0
// with a second complete charter.
func (a *admin) evidence(r *http.Request) (any, error) {
	chain, err := strconv.ParseUint(r.PathValue("chain"), 10, 32)
	if err != nil {
		return nil, bad{fmt.Errorf("%q is no chain number", r.PathValue("chain"))}
	}
	f := a.n.Evidence(uint32(chain))
	if f == nil {
		return nil, bad{errors.New("there is no evidence")}
	}
	return f, nil
}

func newCharterEvidence(e *env) *cobra.Command {
	var pass passphraseFlags
	var out string
	cmd := &cobra.Command{
		Use:   "evidence [CHAIN]",
		Short: "Write the proof that a chain has two histories, or that there are two charters",
		Long: `Write the proof that the author of a chain has signed two histories or, without a
chain, that there are two complete charters of one version. Anybody can check the
file: suyuan verify FILE.`,
		Example: `  suyuan charter evidence --dir wh 3 --out fork.json`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			chain := "0"
			if len(args) > 0 {
				chain = args[0]
			}
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				var raw []byte
				if err := c.call(cmd.Context(), "GET", "/admin/v1/evidence/"+chain, nil, &raw); err != nil {
					return err
				}
				if out == "-" {
					_, err := e.stdout.Write(raw)
					return err
				}
				return os.WriteFile(out, raw, 0o644)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "-", "file to write")
	pass.add(cmd)
	return cmd
}

func newCharterOrphans(e *env) *cobra.Command {
	var pass passphraseFlags
	cmd := &cobra.Command{
		Use:   "orphans",
		Short: "List this company's records beyond the end of a chain, to be signed again",
		Long: `List the records of this company that stand beyond the size at which a charter
has ended their chain. They do not count; what they say has to be signed again, on
another chain of the company.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				var list []node.Orphan
				if err := c.call(cmd.Context(), "GET", "/admin/v1/orphans", nil, &list); err != nil {
					return err
				}
				if e.json {
					return e.printJSON(list)
				}
				t := table.NewWriter()
				t.SetStyle(table.StyleLight)
				t.AppendHeader(table.Row{"chain", "entry", "kind", "happened", "signer", "record"})
				for _, o := range list {
					t.AppendRow(table.Row{o.Chain, o.Seq, o.Kind, o.At.Local().Format("2006-01-02 15:04"), o.Signer, o.ID})
				}
				fmt.Fprintln(e.stdout, t.Render())
				return nil
			})
		},
	}
	pass.add(cmd)
	return cmd
}

// verifyEvidence checks an evidence file and says what it proves.
func verifyEvidence(e *env, f *ledger.EvidenceFile, want ledger.Hash) error {
	net, chain, err := f.Verify()
	if err == nil && !want.IsZero() && net.ID != want {
		err = fmt.Errorf("the evidence is about network %s, not %s", net.ID, want)
	}
	if err != nil {
		return badFile(e, "evidence", err)
	}
	proves := "two complete charters of one version"
	name := ""
	if chain != 0 {
		name = ledger.ChainName(net.MemberOf(chain), chain)
		proves = "the author of " + name + " has signed two histories"
	}
	if e.json {
		return e.printJSON(map[string]any{"evidence": true, "proves": proves, "chain": name, "network": net.ID, "network_compared": !want.IsZero()})
	}
	fmt.Fprintf(e.stdout, "proven: %s\nnetwork %s  %s  %s\n", proves, net.Name, net.ID, compared(net.ID, want))
	return nil
}
