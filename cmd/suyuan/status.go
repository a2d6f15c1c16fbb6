package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"suyuan/ledger"
	"suyuan/node"
)

func newStatus(e *env) *cobra.Command {
	var pass passphraseFlags
	var url string
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Say what state the node and its network are in",
		Example: `  suyuan status --dir wh --json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			show := func(c *client) error {
				var raw json.RawMessage
				if err := c.call(cmd.Context(), "GET", "/api/v1/status", nil, &raw); err != nil {
					return err
				}
				if e.json {
					return e.printJSON(raw)
				}
				var s node.Status
				if err := json.Unmarshal(raw, &s); err != nil {
					return fmt.Errorf("read status: %w", err)
				}
				printStatus(e, &s)
				return nil
			}
			if url != "" {
				c, err := urlClient(url, "")
				if err != nil {
					return err
				}
				return show(c)
			}
			return withNode(cmd.Context(), e, &pass, show)
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "ask the node with this base URL instead of the one in --dir")
	pass.add(cmd)
	return cmd
}

func printStatus(e *env, s *node.Status) {
	fmt.Fprintf(e.stdout, "node      %s  %s / %s (%s)\n", s.Chain, s.NameZh, s.NameEn, s.Role)
	fmt.Fprintf(e.stdout, "network   %s  %s\n", s.Network.Name, s.Network.ID)
	fmt.Fprintf(e.stdout, "final     when %d of %d cosigners have stored a record; %d may lie\n", s.Network.Quorum, s.Network.Cosigners, s.Network.Faulty)
	if !s.Signing.OK {
		fmt.Fprintf(e.stdout, "signing   NO: %s\n", strings.TrimPrefix(s.Signing.Reason, "not signing: "))
		fmt.Fprintf(e.stdout, "          %s\n", s.Signing.Advice)
	}
	if s.Network.Conflict {
		fmt.Fprintln(e.stdout, "charter   CONFLICT: there are two complete charters of one version; suyuan charter evidence writes the proof")
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"chain", "stored", "final", "cosigned", "peer"})
	for _, c := range s.Chains {
		t.AppendRow(table.Row{c.Chain, c.Size, c.Final, fmt.Sprintf("%d of %d", c.Cosigned, s.Network.Cosigners), stateOfChain(&c)})
	}
	fmt.Fprintln(e.stdout, t.Render())
	printPeers(e, s.Peers)
	printRewards(e, s.Rewards)
}

// printRewards says what is paid to who used hidden codes, if the node pays.
func printRewards(e *env, counts map[string]int) {
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", state, counts[state]))
	}
	if len(parts) > 0 {
		fmt.Fprintf(e.stdout, "rewards   %s\n", strings.Join(parts, ", "))
	}
	if counts["failed"] > 0 {
		fmt.Fprintln(e.stdout, "          suyuan claim list --state failed shows why; suyuan claim resend sends one again")
	}
}

// stateOfChain is what people have to know of a chain first.
func stateOfChain(c *node.ChainStatus) string {
	switch {
	case c.Ended != nil:
		return fmt.Sprintf("ended at %d", *c.Ended)
	case c.Forked:
		return "FORKED"
	}
	return c.Peer
}

// printPeers says how each other node is reached, or why it is not and what to
// do about it. There are none unless the node runs.
func printPeers(e *env, peers []node.PeerStatus) {
	if len(peers) == 0 {
		return
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"peer", "via", "since", "round trip", "it lacks", "we lack"})
	for _, p := range peers {
		since, trip := "", ""
		if p.Since != nil {
			since = p.Since.Local().Format(time.DateTime)
		}
		if p.RTTms > 0 {
			trip = fmt.Sprintf("%.1f ms", p.RTTms)
		}
		via := string(p.Via)
		if via == "" {
			via = p.State
		}
		t.AppendRow(table.Row{ledger.ChainName(p.Member, p.Number), via, since, trip, lag(p.Chains, false), lag(p.Chains, true)})
	}
	fmt.Fprintln(e.stdout, t.Render())
	for _, p := range peers {
		if p.Problem != "" {
			fmt.Fprintf(e.stdout, "%s  %s: %s\n", ledger.ChainName(p.Member, p.Number), p.Problem, p.Advice)
		}
	}
}

// lag lists the chains on which the peer, or else we, are behind.
func lag(chains []node.PeerChain, ours bool) string {
	var list []string
	for _, c := range chains {
		n := c.Behind
		if ours {
			n = c.Ahead
		}
		if n > 0 {
			list = append(list, fmt.Sprintf("%s %d", c.Chain, n))
		}
	}
	return strings.Join(list, ", ")
}
