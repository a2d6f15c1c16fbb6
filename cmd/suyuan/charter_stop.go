package main

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"suyuan/node"
)

// stopRequest is what POST /admin/v1/charter/stop takes. It answers a
// node.StopFile.
type stopRequest struct {
	Chain uint32 `json:"chain"`
}

func (a *admin) stopWitness(r *http.Request) (any, error) {
	var req stopRequest
	if err := readJSON(r, &req); err != nil {
		return nil, err
	}
	return a.n.StopWitness(r.Context(), req.Chain)
}

func newCharterStop(e *env) *cobra.Command {
	var pass passphraseFlags
	var out string
	var yes bool
	cmd := &cobra.Command{
		Use:   "stop CHAIN",
		Short: "Stop this company's witness for a chain for good, and say what it signed last",
		Long: `Stop this company's witness for a chain, and write a file that says what it signed
last. It is for a chain whose author signed several histories, when the companies
have not all signed the same one: so that they can end it at a place which leaves
out nothing that may be final. Nothing takes it back.

Every company that holds a witness writes such a file. One that has the history
which is to count proposes the end with all of them; then all sign.

  suyuan charter stop --dir wh 3 --out stop-wh.json            each company
  suyuan charter propose --dir brand --from current --end 3 --stop stop-wh.json,stop-audit.json --out next.json
  suyuan charter sign --dir wh next.json                       each company

Ending a chain that has one history needs none of this: whoever signs that charter
stops at its end.`,
		Example: `  suyuan charter stop --dir wh 3 --out stop-wh.json --yes`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			chain, err := strconv.ParseUint(args[0], 10, 32)
			if err != nil {
				return misused("%q is no chain number", args[0])
			}
			if !yes {
				ok, err := confirm(e, fmt.Sprintf("The witness of this company will never sign anything of chain %d again. Type yes", chain))
				if err != nil {
					return err
				}
				if !ok {
					return fmt.Errorf("nothing was stopped")
				}
			}
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				var f node.StopFile
				if err := c.call(cmd.Context(), "POST", "/admin/v1/charter/stop", stopRequest{uint32(chain)}, &f); err != nil {
					return err
				}
				if err := node.WriteStopFile(out, &f); err != nil {
					return err
				}
				if e.json {
					return e.printJSON(map[string]any{"chain": f.Chain, "member": f.Member, "size": f.Size, "root": f.Root})
				}
				fmt.Fprintf(e.stdout, "stopped  chain %d\nsigned   size %d\nroot     %s\n", f.Chain, f.Size, f.Root)
				e.say("next: give %s to the company that proposes the end: suyuan charter propose --from current --end %d --stop FILES", out, f.Chain)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "stop.json", "file to write")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	pass.add(cmd)
	return cmd
}
