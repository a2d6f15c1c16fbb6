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
and every company accepts the complete one. Its hash is the network id.

To change it, a company proposes the next version from the one in force, a
quorum of the cosigning companies signs that, and one node accepts it: the
others learn of it from there. A company that joins accepts a file with all
versions, which "charter show --out" writes.`,
	}
	cmd.AddCommand(newCharterPropose(e), newCharterSign(e), newCharterAccept(e), newCharterShow(e), newCharterDiff(e),
		newCharterStop(e), newCharterEvidence(e), newCharterOrphans(e))
	return cmd
}

func newCharterPropose(e *env) *cobra.Command {
	var out string
	var settings ledger.Settings
	var next nextFlags
	var pass passphraseFlags
	cmd := &cobra.Command{
		Use:   "propose MEMBER.json … | --from current",
		Short: "Make a charter from the companies' member files, or the next version of one",
		Example: `  suyuan charter propose --out charter.json brand.json wh.json dist.json audit.json
  suyuan charter propose --dir brand --from current --join lab.json --out next.json
  suyuan charter propose --dir brand --from current --remove dist --out next.json
  suyuan charter propose --dir wh --from current --rotate log --out next.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if next.from != "" {
				if len(args) > 0 {
					return misused("with --from, member files are given with --join")
				}
				return proposeNext(cmd, e, &next, &pass, out)
			}
			if len(args) == 0 {
				return misused("member files are needed, or --from current")
			}
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
	next.add(cmd)
	pass.add(cmd)
	pass.addAdmin(cmd)
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
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := e.needDir()
			if err != nil {
				return err
			}
			s, err := node.ReadCharter(args[0])
			if err != nil {
				return err
			}
			if node.Accepted(dir) && !isFirst(s) {
				return signNext(cmd, e, &pass, args[0], s)
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

// isFirst reports whether a charter is a version 1, from which a network begins.
func isFirst(s *ledger.SignedCharter) bool {
	c, err := ledger.DecodeCharter(s.Body)
	return err == nil && c.Version == 1
}

func newCharterAccept(e *env) *cobra.Command {
	var pass passphraseFlags
	cmd := &cobra.Command{
		Use:   "accept CHARTER.json",
		Short: "Make a complete charter this node's own",
		Long: `Make a complete charter this node's own: version 1, the version after the one
that the node holds, or a file with all versions. A node that runs takes it over
at once and passes it on.`,
		Example: `  suyuan charter accept --dir wh charter.json
  suyuan charter accept --dir wh next.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := e.needDir()
			if err != nil {
				return err
			}
			list, err := node.ReadCharters(args[0])
			if err != nil {
				return err
			}
			if node.Accepted(dir) && (len(list) > 1 || !isFirst(list[0])) && !knownToNode(dir, list) {
				return acceptNext(cmd, e, &pass, list)
			}
			net, n, err := node.AcceptCharters(dir, list)
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
	pass.add(cmd)
	return cmd
}

func newCharterShow(e *env) *cobra.Command {
	var pass passphraseFlags
	var out string
	cmd := &cobra.Command{
		Use:   "show [CHARTER.json]",
		Short: "Print a charter for people, with who has signed: a file's, or the one that the node in --dir holds",
		Example: `  suyuan charter show next.json
  suyuan charter show --dir wh --out charters.json     all versions, for a company that joins`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return showHeld(cmd, e, &pass, out)
			}
			list, err := node.ReadCharters(args[0])
			if err != nil {
				return err
			}
			return showCharter(e, list[len(list)-1])
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file into which all versions that the node holds are written")
	pass.add(cmd)
	return cmd
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
	for _, end := range c.Ended {
		fmt.Fprintf(e.stdout, "ended    number %-5d at size %d\n", end.Chain, end.Size)
		for _, r := range end.Reports {
			fmt.Fprintf(e.stdout, "         %-12s had signed size %d, %d of it in common with the end\n", r.Member, r.Size, r.Shared)
		}
	}
	return nil
}
