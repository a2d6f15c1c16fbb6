package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"suyuan/ledger"
	"suyuan/node"
)

func newInit(e *env) *cobra.Command {
	var o node.InitOptions
	var pass passphraseFlags
	var role string
	var light bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a node's keys, configuration and member file",
		Long: `Make a node's directory: keys, config.toml, member.json and, outside of it, the
signing guard. Send member.json to whoever proposes the charter; there is
nothing secret in it.

The admin key signs charters and grants. It gets the passphrase in
--admin-passphrase-file, or the node's if there is none. Keep a copy of
keys/admin.json and its passphrase somewhere else.`,
		Example: `  suyuan init --dir wh --network lanzhi.example --member wh --role warehouse \
      --name-zh 华东仓 --name-en "East DC" --passphrase-file pw`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := e.needDir()
			if err != nil {
				return err
			}
			o.Dir, o.Role, o.Strength = dir, ledger.Role(role), node.Standard
			if light {
				o.Strength = node.Light
			}
			if o.Passphrase, err = pass.newNode(e); err != nil {
				return err
			}
			o.AdminPassphrase = o.Passphrase
			if pass.adminFile != "" {
				if o.AdminPassphrase, err = pass.admin(e); err != nil {
					return err
				}
			}
			m, err := node.Init(o)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(m)
			}
			printMember(e, dir, m)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Network, "network", "", "name of the network, like a domain")
	f.StringVar(&o.Member, "member", "", "slug of the company: lower-case letters, digits, hyphens")
	f.StringVar(&role, "role", "", "brand, warehouse, distributor or auditor")
	f.StringVar(&o.NameZh, "name-zh", "", "Chinese name of the company")
	f.StringVar(&o.NameEn, "name-en", "", "English name of the company")
	f.StringSliceVar(&o.Prefixes, "prefix", nil, "GS1 company prefix of a brand (may be given several times)")
	f.StringVar(&o.HTTP, "http", "127.0.0.1:8080", "address of pages and API")
	f.StringSliceVar(&o.P2P, "p2p", nil, "multiaddress to listen on for other nodes (default port 4001, QUIC and TCP)")
	f.StringSliceVar(&o.Addrs, "addr", nil, "multiaddress under which others reach this node; the charter names it, so not 0.0.0.0 (default: --p2p)")
	f.BoolVar(&o.Private, "private", false, "others cannot dial this node, as behind NAT: the charter names no address, members that can be dialled relay")
	f.StringVar(&o.URL, "url", "", "public base URL of this node, if it has one")
	f.StringVar(&o.CodeURL, "code-url", "", "base URL of the codes that it issues (default https://<network>)")
	f.StringVar(&o.Guard, "guard", "", "path of the signing guard (default in the user's state directory)")
	f.BoolVar(&o.NoWitness, "no-witness", false, "the company will not cosign other companies' chains")
	f.BoolVar(&light, "light", false, "weak passphrase stretching, for demonstrations and tests only")
	pass.add(cmd)
	pass.addAdmin(cmd)
	for _, name := range []string{"network", "member", "role", "name-zh", "name-en"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic("suyuan: " + err.Error())
		}
	}
	return cmd
}

func printMember(e *env, dir string, m *node.MemberFile) {
	fmt.Fprintf(e.stdout, "member     %s  %s / %s  (%s)\n", m.Member, m.NameZh, m.NameEn, m.Role)
	fmt.Fprintf(e.stdout, "admin      %s\n", m.Admins[0])
	fmt.Fprintf(e.stdout, "log key    %s\n", m.LogKey)
	fmt.Fprintf(e.stdout, "peer       %s\n", m.Peer)
	addrs := strings.Join(m.Addrs, " ")
	if addrs == "" {
		addrs = "none; it is reached through members that can be dialled"
	}
	fmt.Fprintf(e.stdout, "addresses  %s\n", addrs)
	fmt.Fprintf(e.stdout, "directory  %s\n", dir)
	e.say("next: send %s to the company that proposes the charter, which runs", filepath.Join(dir, "member.json"))
	e.say("      suyuan charter propose --out charter.json MEMBER.json …")
}
