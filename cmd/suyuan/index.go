package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"suyuan/node"
)

func newIndex(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "index",
		Short: "Make the index, which look-ups read, again from the log",
	}
	cmd.AddCommand(newIndexRebuild(e))
	return cmd
}

func newIndexRebuild(e *env) *cobra.Command {
	var pass passphraseFlags
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Throw the index away and make it again",
		Long: `Throw the index away and make it again from the log. Nothing is lost by that: all
that stands in it follows from the log. The node must not run meanwhile. What is
interrupted goes on when the node is started.

It says whether the index is what it was, key by key and value by value. It is
not if the old one was damaged, or made by another version of the program.`,
		Example: `  suyuan index rebuild --dir wh
  suyuan index rebuild --dir wh --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := e.needDir()
			if err != nil {
				return err
			}
			if _, err := socketClient(dir); err == nil {
				return withHint(node.ErrRunning, "stop the node first; it reads the index all the time")
			}
			phrase, err := pass.node(e)
			if err != nil {
				return err
			}
			n, err := node.Open(node.Options{Dir: dir, Passphrase: phrase, Log: e.logger("warn")})
			if err != nil {
				return err
			}
			bars := newBars(e)
			r, err := n.RebuildIndex(cmd.Context(), func(done, total uint64) { bars.set("entries", done, total) })
			bars.wait()
			if err := errors.Join(err, n.Close()); err != nil {
				return err
			}
			return printRebuilt(e, r)
		},
	}
	pass.add(cmd)
	return cmd
}

func printRebuilt(e *env, r *node.Rebuilt) error {
	if e.json {
		return e.printJSON(struct {
			*node.Rebuilt
			Same bool `json:"same"`
		}{r, r.Same()})
	}
	verdict := "the index is what it was"
	if !r.Same() {
		verdict = "the index is not what it was"
	}
	fmt.Fprintf(e.stdout, "entries  %d\nkeys     %d\nsha256   %s\n%s\n", r.Entries, r.Keys, r.After, verdict)
	return nil
}
