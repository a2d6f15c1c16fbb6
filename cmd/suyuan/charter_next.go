package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"suyuan/ledger"
	"suyuan/node"
)

// A charterChange is what POST /admin/v1/charter/propose takes: the change, and
// which keys of the node itself to make anew for it.
type charterChange struct {
	node.Change
	RotateOwn       []string `json:"rotate_own,omitempty"`
	AdminPassphrase string   `json:"admin_passphrase,omitempty"`
}

// signRequest is what POST /admin/v1/charter/sign takes.
type signRequest struct {
	Charter         *ledger.SignedCharter `json:"charter"`
	AdminPassphrase string                `json:"admin_passphrase"`
}

// signedAnswer is what it answers.
type signedAnswer struct {
	Charter *ledger.SignedCharter `json:"charter"`
	Changes []string              `json:"changes"`
	Missing string                `json:"missing,omitempty"` // who has to sign yet, in words
}

// charterAnswer is what accepting answers.
type charterAnswer struct {
	Network ledger.Hash `json:"network"`
	Name    string      `json:"name"`
	Version uint64      `json:"version"`
	Chain   string      `json:"chain"`
	Restart string      `json:"restart,omitempty"` // why the node has to be started again
}

func (a *admin) charters(*http.Request) (any, error) { return a.n.Charters(), nil }

func (a *admin) proposeCharter(r *http.Request) (any, error) {
	var req charterChange
	if err := readJSON(r, &req); err != nil {
		return nil, err
	}
	ch := req.Change
	if len(req.RotateOwn) > 0 {
		own, err := a.n.RotateKeys(req.RotateOwn, req.AdminPassphrase)
		if err != nil {
			return nil, err
		}
		ch.Rotate = append(ch.Rotate, own)
	}
	return a.n.ProposeCharter(ch)
}

func (a *admin) signCharter(r *http.Request) (any, error) {
	var req signRequest
	if err := readJSON(r, &req); err != nil {
		return nil, err
	}
	if req.Charter == nil {
		return nil, bad{errors.New("no charter is given")}
	}
	if err := a.n.SignNext(r.Context(), req.Charter, req.AdminPassphrase); err != nil {
		return nil, err
	}
	next, prev, err := a.n.CheckNext(req.Charter)
	if err != nil {
		return nil, err
	}
	missing, err := missingSignatures(req.Charter, prev, next)
	if err == nil && missing == "" {
		if lacks := a.n.Incomplete(req.Charter); lacks != nil {
			missing = "more companies, for now " + lacks.Error()
		}
	}
	return signedAnswer{Charter: req.Charter, Changes: node.DiffCharters(prev, next), Missing: missing}, err
}

// missingSignatures says in words what a charter still needs to be complete.
func missingSignatures(s *ledger.SignedCharter, prev, next *ledger.Charter) (string, error) {
	var parts []string
	for _, side := range []*ledger.Charter{prev, next} {
		signed, err := s.SignedBy(side)
		if err != nil {
			return "", err
		}
		if lack := side.Quorum() - len(signed); lack > 0 {
			parts = append(parts, fmt.Sprintf("%d more cosigning members of version %d", lack, side.Version))
		}
	}
	return strings.Join(parts, ", "), nil
}

func (a *admin) acceptCharter(r *http.Request) (any, error) {
	var list []*ledger.SignedCharter
	if err := readJSON(r, &list); err != nil {
		return nil, err
	}
	if err := a.n.AcceptNext(r.Context(), list); err != nil {
		return nil, err
	}
	net := a.n.Network()
	return charterAnswer{
		Network: net.ID, Name: net.Name, Version: net.Newest().Charter.Version,
		Chain: ledger.ChainName(a.n.Member(), a.n.Chain()), Restart: a.n.Moved(),
	}, nil
}

// nextFlags are the flags with which propose changes the charter in force.
type nextFlags struct {
	from       string
	join       []string
	remove     []string
	end        []string
	stops      []string
	cosigner   []string
	noCosigner []string
	rotate     []string
	revoke     []string
	set        []string
}

func (f *nextFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.from, "from", "", `"current": change the charter that the node in --dir holds`)
	fl.StringSliceVar(&f.join, "join", nil, "member file of a company that joins, or of a further node of a member")
	fl.StringSliceVar(&f.remove, "remove", nil, "member that leaves; its chains end at their final size")
	fl.StringSliceVar(&f.end, "end", nil, "chain that ends, NUMBER or NUMBER=SIZE (default: its final size)")
	fl.StringSliceVar(&f.stops, "stop", nil, "file that \"charter stop\" wrote: what a company's witness had signed of a chain that ends")
	fl.StringSliceVar(&f.cosigner, "cosigner", nil, "member that becomes a cosigner, with the witness in its --join file")
	fl.StringSliceVar(&f.noCosigner, "no-cosigner", nil, "member that stops cosigning")
	fl.StringSliceVar(&f.rotate, "rotate", nil, "make new keys for this node: witness, admin, transport, or log, which takes a new number")
	fl.StringSliceVar(&f.revoke, "revoke", nil, "address that loses all rights, MEMBER=0x…")
	fl.StringArrayVar(&f.set, "set", nil, "setting: late-hours=N, public-entries=true|false, default-members=A,B, filings=A,B")
}

// change reads the flags.
func (f *nextFlags) change() (charterChange, error) {
	c := charterChange{RotateOwn: f.rotate}
	c.Remove, c.Cosigner, c.NoCosigner = f.remove, f.cosigner, f.noCosigner
	for _, path := range f.join {
		m, err := node.ReadMember(path)
		if err != nil {
			return c, err
		}
		c.Join = append(c.Join, m)
	}
	for _, text := range f.end {
		number, size, sized := strings.Cut(text, "=")
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return c, misused("--end: %q is no chain number", number)
		}
		end := node.ChainEnd{Chain: uint32(n)}
		if sized {
			at, err := strconv.ParseUint(size, 10, 64)
			if err != nil {
				return c, misused("--end: %q is no size", size)
			}
			end.Size = &at
		}
		c.End = append(c.End, end)
	}
	for _, path := range f.stops {
		stop, err := node.ReadStopFile(path)
		if err != nil {
			return c, err
		}
		c.Stops = append(c.Stops, stop)
	}
	for _, text := range f.revoke {
		member, address, _ := strings.Cut(text, "=")
		a, err := ledger.ParseAddress(address)
		if err != nil {
			return c, misuse{fmt.Errorf("--revoke: %w", err)}
		}
		c.Revoke = append(c.Revoke, node.Revocation{Member: member, Address: a})
	}
	for _, text := range f.set {
		if err := setSetting(&c.Change, text); err != nil {
			return c, err
		}
	}
	return c, nil
}

func setSetting(c *node.Change, text string) error {
	name, value, _ := strings.Cut(text, "=")
	var list []string
	if value != "" {
		list = strings.Split(value, ",")
	}
	switch name {
	case "late-hours":
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return misused("--set late-hours: %q is no number of hours", value)
		}
		hours := uint32(n)
		c.LateHours = &hours
	case "public-entries":
		yes, err := strconv.ParseBool(value)
		if err != nil {
			return misused("--set public-entries: %q is neither true nor false", value)
		}
		c.PublicEntries = &yes
	case "default-members":
		c.DefaultMembers = &list
	case "filings":
		c.Filings = &list
	default:
		return misused("--set: there is no setting %q", name)
	}
	return nil
}

// proposeNext makes the version after the one that the node holds.
func proposeNext(cmd *cobra.Command, e *env, f *nextFlags, pass *passphraseFlags, out string) error {
	if f.from != "current" {
		return misused(`--from: only "current" is known`)
	}
	change, err := f.change()
	if err != nil {
		return err
	}
	if len(change.RotateOwn) > 0 {
		if change.AdminPassphrase, err = pass.admin(e); err != nil {
			return err
		}
	}
	return withNode(cmd.Context(), e, pass, func(c *client) error {
		var s ledger.SignedCharter
		if err := c.call(cmd.Context(), "POST", "/admin/v1/charter/propose", change, &s); err != nil {
			return err
		}
		if err := node.WriteCharter(out, &s); err != nil {
			return err
		}
		e.say("next: enough companies look at it and sign it: suyuan charter sign --dir DIR %s", out)
		return showChange(cmd, e, c, &s)
	})
}

// showChange prints what a charter changes of the one that a node holds.
func showChange(cmd *cobra.Command, e *env, c *client, s *ledger.SignedCharter) error {
	if e.json {
		return e.printJSON(s)
	}
	var held []*ledger.SignedCharter
	if err := c.call(cmd.Context(), "GET", "/admin/v1/charters", nil, &held); err != nil {
		return err
	}
	return printDiff(e, held[len(held)-1], s)
}

func printDiff(e *env, from, to *ledger.SignedCharter) error {
	a, err := ledger.DecodeCharter(from.Body)
	if err != nil {
		return err
	}
	b, err := ledger.DecodeCharter(to.Body)
	if err != nil {
		return err
	}
	lines := node.DiffCharters(a, b)
	if e.json {
		return e.printJSON(map[string]any{"from": a.Version, "to": b.Version, "changes": lines})
	}
	fmt.Fprintf(e.stdout, "version %d → %d\n", a.Version, b.Version)
	for _, l := range lines {
		fmt.Fprintf(e.stdout, "  %s\n", l)
	}
	return nil
}

func newCharterDiff(e *env) *cobra.Command {
	var pass passphraseFlags
	cmd := &cobra.Command{
		Use:   "diff FILE [FILE|current]",
		Short: "Say what one charter changes of another, or of the one that the node holds",
		Example: `  suyuan charter diff --dir wh next.json current
  suyuan charter diff charter.json next.json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			files := make([]*ledger.SignedCharter, 0, 2)
			for _, path := range args {
				if path == "current" {
					continue
				}
				list, err := node.ReadCharters(path)
				if err != nil {
					return err
				}
				files = append(files, list[len(list)-1])
			}
			switch len(files) {
			case 0:
				return misused("a charter file is needed")
			case 2:
				return printDiff(e, files[0], files[1])
			}
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				var held []*ledger.SignedCharter
				if err := c.call(cmd.Context(), "GET", "/admin/v1/charters", nil, &held); err != nil {
					return err
				}
				return printDiff(e, held[len(held)-1], files[0])
			})
		},
	}
	pass.add(cmd)
	return cmd
}

// signNext signs the version after the one that the node holds.
func signNext(cmd *cobra.Command, e *env, pass *passphraseFlags, path string, s *ledger.SignedCharter) error {
	phrase, err := pass.admin(e)
	if err != nil {
		return err
	}
	return withNode(cmd.Context(), e, pass, func(c *client) error {
		var a signedAnswer
		if err := c.call(cmd.Context(), "POST", "/admin/v1/charter/sign", signRequest{Charter: s, AdminPassphrase: phrase}, &a); err != nil {
			return err
		}
		if err := node.WriteCharter(path, a.Charter); err != nil {
			return err
		}
		if e.json {
			return e.printJSON(a)
		}
		fmt.Fprintln(e.stdout, "signed:")
		for _, l := range a.Changes {
			fmt.Fprintf(e.stdout, "  %s\n", l)
		}
		if a.Missing != "" {
			e.say("next: still to sign: %s", a.Missing)
		} else {
			e.say("next: it is complete; one company runs: suyuan charter accept --dir DIR %s (the others get it from that node; one that leaves or gets another number or transport key is cut off, and accepts it too)", path)
		}
		return nil
	})
}

// acceptNext gives complete charters to a node that holds one already.
func acceptNext(cmd *cobra.Command, e *env, pass *passphraseFlags, list []*ledger.SignedCharter) error {
	return withNode(cmd.Context(), e, pass, func(c *client) error {
		var a charterAnswer
		if err := c.call(cmd.Context(), "POST", "/admin/v1/charter/accept", list, &a); err != nil {
			return err
		}
		if e.json {
			return e.printJSON(a)
		}
		fmt.Fprintf(e.stdout, "network    %s\nid         %s\nversion    %d\nchain      %s\n", a.Name, a.Network, a.Version, a.Chain)
		if a.Restart != "" {
			e.say("next: start the node again: %s", a.Restart)
		}
		return nil
	})
}

// showHeld prints the charters that a node holds, and writes them to a file if
// asked to.
func showHeld(cmd *cobra.Command, e *env, pass *passphraseFlags, out string) error {
	return withNode(cmd.Context(), e, pass, func(c *client) error {
		var held []*ledger.SignedCharter
		if err := c.call(cmd.Context(), "GET", "/admin/v1/charters", nil, &held); err != nil {
			return err
		}
		if out != "" {
			if err := node.WriteCharters(out, held); err != nil {
				return err
			}
			e.say("all %d versions are in %s: a company that joins runs suyuan charter accept --dir DIR %s", len(held), out, out)
		}
		return showCharter(e, held[len(held)-1])
	})
}

// knownToNode reports whether the node in dir has accepted exactly these charters
// as files: accepting them again needs no passphrase.
func knownToNode(dir string, list []*ledger.SignedCharter) bool {
	held, err := node.HeldCharters(dir)
	if err != nil || len(held) < len(list) {
		return false
	}
	for i, s := range list {
		if s.Hash() != held[i].Hash() {
			return false
		}
	}
	return true
}
