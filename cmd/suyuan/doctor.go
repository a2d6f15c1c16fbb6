package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"suyuan/node"
)

func newDoctor(e *env) *cobra.Command {
	var pass passphraseFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look what is wrong with the node, and say what to do",
		Long: `Look at everything that a node needs: charter, keys, signing guard, disk, ports,
store, peers, finality, forks, clock, index, attachments and tokens. Each thing
that is wrong comes with what to do about it. A node that runs is asked; one that
does not is opened for the moment.

Exit status 3 says that something is bad; notes alone do not.`,
		Example: `  suyuan doctor --dir wh
  suyuan doctor --dir wh --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := e.needDir()
			if err != nil {
				return err
			}
			_, notRunning := socketClient(dir)
			checks := node.ExamineDir(dir, notRunning == nil)
			if node.Accepted(dir) {
				checks = append(checks, examineNode(cmd, e, &pass)...)
			}
			return printChecks(e, checks)
		},
	}
	pass.add(cmd)
	return cmd
}

// examineNode asks the node, or opens it; that this cannot be done is a finding.
func examineNode(cmd *cobra.Command, e *env, pass *passphraseFlags) (checks []node.Check) {
	err := withNode(cmd.Context(), e, pass, func(c *client) error {
		return c.call(cmd.Context(), "GET", "/admin/v1/doctor", nil, &checks)
	})
	if err != nil {
		fix := e.hintFor(err)
		if fix == "" {
			fix = "suyuan verify --dir " + e.dir + " says what is damaged"
		}
		checks = append(checks, node.Check{Name: "node", State: node.Bad, Detail: err.Error(), Fix: fix})
	}
	return checks
}

func (a *admin) doctor(*http.Request) (any, error) { return a.n.Examine(), nil }

// printChecks prints what was found, and ends with errBad if anything is bad.
func printChecks(e *env, checks []node.Check) error {
	bad := 0
	for _, c := range checks {
		if c.State == node.Bad {
			bad++
		}
	}
	if e.json {
		if err := e.printJSON(map[string]any{"checks": checks, "bad": bad}); err != nil {
			return err
		}
	} else {
		for _, c := range checks {
			fmt.Fprintf(e.stdout, "%-4s  %-18s %s\n", strings.ToUpper(c.State), c.Name, c.Detail)
			if c.Fix != "" {
				fmt.Fprintf(e.stdout, "      %-18s → %s\n", "", c.Fix)
			}
		}
	}
	if bad > 0 {
		return errBad
	}
	return nil
}
