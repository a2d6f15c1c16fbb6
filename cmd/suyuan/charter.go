package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"suyuan/ledger"
	"suyuan/node"
)

func newCharter(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "charter",
		Short: "Propose, sign, accept and show the charter of a network",
		Long: `The charter says who the network is: members, cosigners, nodes and settings.
One company proposes it from everybody's member.json, every company signs it,
and every company accepts the complete one. Its hash is the network id.`,
	}
	cmd.AddCommand(newCharterPropose(e), newCharterSign(e), newCharterAccept(e), newCharterShow(e))
	return cmd
}

func newCharterPropose(e *env) *cobra.Command {
	var out string
	var settings ledger.Settings
	cmd := &cobra.Command{
		Use:     "propose MEMBER.json …",
		Short:   "Make a charter from the companies' member files",
		Example: `  suyuan charter propose --out charter.json brand.json wh.json dist.json audit.json`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			var files []*node.MemberFile
			for _, path := range args {
				m, err := node.ReadMember(path)
				if err != nil {
					return err
				}
				files = append(files, m)
			}
			s, err := node.ProposeCharter(files, settings)
			if err != nil {
				return err
			}
			if err := node.WriteCharter(out, s); err != nil {
				return err
			}
			e.say("next: every company looks at it and signs it: suyuan charter sign --dir DIR %s", out)
			return showCharter(e, s)
		},
	}
	cmd.Flags().StringVar(&out, "out", "charter.json", "file to write")
	cmd.Flags().BoolVar(&settings.PublicEntries, "public-entries", false, "let anyone read the entries, not members only")
	cmd.Flags().StringSliceVar(&settings.DefaultMembers, "default-member", nil, "member that sees every disclosure made to parties")
	cmd.Flags().StringSliceVar(&settings.Filings, "filing", nil, "registration number that public pages show")
	cmd.Flags().Uint32Var(&settings.LateHours, "late-hours", 0, "lateness of a record that is a finding, in hours (0: none)")
	return cmd
}

func newCharterSign(e *env) *cobra.Command {
	var pass passphraseFlags
	cmd := &cobra.Command{
		Use:     "sign CHARTER.json",
		Short:   "Sign a charter with the admin key, into the same file",
		Example: `  suyuan charter sign --dir wh charter.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := e.needDir()
			if err != nil {
				return err
			}
			s, err := node.ReadCharter(args[0])
			if err != nil {
				return err
			}
			phrase, err := pass.admin(e)
			if err != nil {
				return err
			}
			if err := node.SignCharter(dir, s, phrase); err != nil {
				return err
			}
			if err := node.WriteCharter(args[0], s); err != nil {
				return err
			}
			missing, err := s.Missing()
			if err != nil {
				return err
			}
			if len(missing) > 0 {
				e.say("next: still to sign: %v", missing)
			} else {
				e.say("next: all have signed; every company runs: suyuan charter accept --dir DIR %s", args[0])
			}
			return nil
		},
	}
	pass.add(cmd)
	pass.addAdmin(cmd)
	return cmd
}

func newCharterAccept(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "accept CHARTER.json",
		Short:   "Make a complete charter this node's own",
		Example: `  suyuan charter accept --dir wh charter.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := e.needDir()
			if err != nil {
				return err
			}
			s, err := node.ReadCharter(args[0])
			if err != nil {
				return err
			}
			net, n, err := node.AcceptCharter(dir, s)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"network": net.ID, "name": net.Name, "chain": ledger.ChainName(n.Member, n.Number)})
			}
			fmt.Fprintf(e.stdout, "network    %s\nid         %s\nchain      %s\n", net.Name, net.ID, ledger.ChainName(n.Member, n.Number))
			e.say("next: publish the network id where your customers can find it, then: suyuan run --dir %s", dir)
			return nil
		},
	}
}

func newCharterShow(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "show CHARTER.json",
		Short: "Print a charter for people, with who has signed",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := node.ReadCharter(args[0])
			if err != nil {
				return err
			}
			return showCharter(e, s)
		},
	}
}

func showCharter(e *env, s *ledger.SignedCharter) error {
	if e.json {
		return e.printJSON(s)
	}
	c, err := ledger.DecodeCharter(s.Body)
	if err != nil {
		return err
	}
	signed := make(map[string]bool)
	for _, sig := range s.Signatures {
		signed[sig.Member] = true
	}
	q, f := ledger.QuorumOf(len(c.Cosigners))
	fmt.Fprintf(e.stdout, "network  %s, charter version %d\nhash     %s\n", c.Name, c.Version, s.Hash())
	fmt.Fprintf(e.stdout, "final    when %d of %d cosigners have stored a record; %d of them may lie\n", q, len(c.Cosigners), f)
	for _, n := range c.Nodes {
		m := c.Member(n.Member)
		mark := "not signed"
		if signed[m.Slug] {
			mark = "signed"
		}
		fmt.Fprintf(e.stdout, "node     %-12s %s  %s / %s  %s\n", ledger.ChainName(n.Member, n.Number), mark, m.NameZh, m.NameEn, m.Role)
	}
	return nil
}
