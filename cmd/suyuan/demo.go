package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

// demoOptions are the flags of `suyuan demo`.
type demoOptions struct {
	dir, host, ready string
	port             int
}

func newDemo(e *env) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run four companies on this machine, with a story in them",
		Long: `Run a brand, a warehouse, a distributor and an auditor on this machine: four
processes of "suyuan run", each with its own keys, ledger, pages and API. Their
records tell of five products from production to sale, and of what can go wrong:
one code for each story.

With --host and the address of this machine on your network, a phone can scan
the code that is printed in the end. Without --dir everything is removed again
when the demo ends; a directory that a demo has filled is taken up where it was.`,
		Example: `  suyuan demo
  suyuan demo --dir /tmp/demo --port 8500 --host 192.168.1.20`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.dir = e.dir
			return runDemo(cmd.Context(), e, o)
		},
	}
	cmd.Flags().IntVar(&o.port, "port", 8500, "HTTP of the four nodes is on this port and the next three, libp2p ten above")
	cmd.Flags().StringVar(&o.host, "host", "127.0.0.1", "address of this machine; it goes into the codes, so that a phone can scan them")
	cmd.Flags().StringVar(&o.ready, "ready", "", "file to write, as JSON, when everything is final")
	return cmd
}

// demoReady is what --ready gets, and demo.json in the directory.
type demoReady struct {
	Network string            `json:"network"` // its id, which verify compares
	Nodes   []demoNode        `json:"nodes"`
	Items   []demoItem        `json:"items"`
	Tokens  map[string]string `json:"tokens"`
}

type demoNode struct {
	Member string `json:"member"`
	Role   string `json:"role"`
	URL    string `json:"url"`
	Dir    string `json:"dir"`
	PID    int    `json:"pid"`
}

// demoItem is an item whose trail tells a story.
type demoItem struct {
	Story   string `json:"story"`
	URI     string `json:"uri"`
	Verdict string `json:"verdict"`
}

func runDemo(ctx context.Context, e *env, o demoOptions) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "suyuan-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	n := newDemoNetwork(e, o)
	state := filepath.Join(o.dir, "demo.json")
	var ready demoReady
	fresh := true
	if raw, err := os.ReadFile(state); err == nil {
		if err := json.Unmarshal(raw, &ready); err != nil {
			return fmt.Errorf("read %s: %w", state, err)
		}
		fresh = false
	} else if err := n.make(); err != nil {
		return withHint(err, "a demo that did not get ready cannot be taken up: remove %s or give another --dir", o.dir)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := n.start(ctx, cancel); err != nil {
		return errors.Join(causeOf(ctx, err), n.stop())
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	if fresh {
		s := &story{n: n, e: e}
		if ready.Items, ready.Tokens, err = s.tell(ctx); err != nil {
			return causeOf(ctx, err)
		}
	}
	if err := n.waitFinal(ctx); err != nil {
		return causeOf(ctx, err)
	}
	ready.Nodes = n.describe()
	id, err := wantedNetwork("", filepath.Join(n.companies[0].dir, "charter.json"))
	if err != nil {
		return err
	}
	ready.Network = id.String()
	// A demo that is taken up may have been changed by whoever tried things.
	if err := checkStories(ctx, n, ready.Items, fresh); err != nil {
		return causeOf(ctx, err)
	}
	for _, path := range []string{state, o.ready} {
		if path == "" {
			continue
		}
		if err := writeReady(path, &ready); err != nil {
			return err
		}
	}
	printDemo(e, &ready, o)
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	e.say("stopping the four nodes …")
	return nil
}

// causeOf prefers why the demo is ending, such as a node that has died, over the
// error that this led to.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// writeReady writes the file so that whoever waits for it never sees half of it.
func writeReady(path string, r *demoReady) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// checkStories holds that all nodes give every item the same trail, byte by
// byte, and, as the story was told, the verdict that it has; else the items get
// the verdicts that they have now.
func checkStories(ctx context.Context, n *demoNetwork, items []demoItem, asTold bool) error {
	for i := range items {
		item := &items[i]
		var first string
		for _, c := range n.companies {
			a, err := c.trail(ctx, item.URI)
			if err != nil {
				return fmt.Errorf("trail of the item %s on %s: %w", item.Story, c.slug, err)
			}
			if !asTold {
				item.Verdict = a.Verdict
			}
			if a.Verdict != item.Verdict {
				return fmt.Errorf("the item %s has the verdict %s on %s, not %s", item.Story, a.Verdict, c.slug, item.Verdict)
			}
			if first == "" {
				first = string(a.Trail)
			}
			if string(a.Trail) != first {
				return fmt.Errorf("the item %s has another trail on %s", item.Story, c.slug)
			}
		}
	}
	return nil
}

func printDemo(e *env, r *demoReady, o demoOptions) {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"company", "role", "pages and API", "directory"})
	for _, n := range r.Nodes {
		t.AppendRow(table.Row{n.Member, n.Role, n.URL, n.Dir})
	}
	fmt.Fprintln(e.stdout, t.Render())
	fmt.Fprintf(e.stdout, "network id  %s\n", r.Network)
	fmt.Fprintf(e.stdout, "passphrase  %s\n\n", filepath.Join(o.dir, "passphrase"))
	for _, i := range r.Items {
		fmt.Fprintf(e.stdout, "%-20s %-13s %s\n", i.Story, i.Verdict, i.URI)
	}
	fmt.Fprintln(e.stdout)
	if len(r.Items) > 0 {
		if err := showQR(e, r.Items[0].URI); err != nil {
			e.say("%v", err)
		}
	}
	if o.host == "127.0.0.1" {
		e.say("for a phone: suyuan demo --host with the address of this machine on your network")
	}
	e.say("running; stop with Ctrl-C")
}
