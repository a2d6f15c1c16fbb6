package node

import (
	"net/url"
	"os"
	"path/filepath"

	"suyuan/node/reward"
	"suyuan/trace/gs1"
)

// rewards looks at the settings of rewards, with which a node does not start if
// they are wrong.
func (c *checks) rewards(dir string) {
	r, err := ReadRewardSettings(dir)
	switch {
	case err != nil:
		c.bad("rewards.toml", "set it right; suyuan claim --help shows an example", "%v", err)
	case r != nil:
		u, _ := url.Parse(r.URL) // checked; what follows the host people use for keys
		c.good("rewards.toml", "rewards go to %s", u.Host)
	}
}

// examineClaims looks at whether second codes can be checked and what is owed for
// them, if this node has issued any or goes on for one that did.
func (n *Node) examineClaims(c *checks) {
	mine, lacking, others, err := n.secondRuns()
	switch {
	case err != nil:
		c.bad("second codes", "suyuan index rebuild --dir "+n.dir, "%v", err)
		return
	case mine+others == 0:
		return
	case lacking > 0:
		c.bad("second codes", "put secrets/ of the node that issued them back from a backup into "+filepath.Join(n.dir, dirSecrets), "of %d runs whose second codes this node checks the secrets of %d are missing: nobody's is checked", mine, lacking)
	case mine == 0:
		c.note("second codes", "", "secrets of %d runs are here whose second codes another node of the company checks", others)
	default:
		c.secondsSigned(n, mine)
	}
	if n.rewards == nil {
		return
	}
	counts := n.rewards.Count()
	open := counts[reward.Waiting] + counts[reward.Due]
	switch {
	case counts[reward.Failed] > 0:
		c.bad("rewards", "find out why with suyuan claim list --dir "+n.dir+" --state failed, and send each again with suyuan claim resend", "the receiver has not taken %d", counts[reward.Failed])
	case counts[reward.Held] > 0:
		c.note("rewards", "suyuan claim list --dir "+n.dir+" --state held says why", "%d are held, %d wait or are being sent", counts[reward.Held], open)
	default:
		c.good("rewards", "%d wait or are being sent, %d are delivered", open, counts[reward.Delivered])
	}
}

// secondsSigned looks at whether somebody may sign claims.
func (c *checks) secondsSigned(n *Node, runs int) {
	if _, err := n.signingKey(Signer{}, "claim"); err != nil {
		c.bad("second codes", "suyuan operator add --dir "+n.dir+" claims --kinds claim", "%d runs have second codes, and no operator may sign their first use: nobody's is checked", runs)
		return
	}
	c.good("second codes", "those of %d runs are checked here", runs)
}

// secondRuns counts the runs whose second codes this node checks, those of them
// whose secret is not here, and those whose secret is here though another checks
// them.
func (n *Node) secondRuns() (mine, lacking, others int, err error) {
	runs, err := n.index.Runs(gs1.GTIN{}, nil)
	if err != nil {
		return 0, 0, 0, err
	}
	for _, r := range runs {
		run, err := n.runOf(r.GTIN, r.Number, nil)
		if err != nil {
			return 0, 0, 0, err
		}
		if run == nil || run.Member != n.member.Member || !run.Fields.Bool("second") {
			continue
		}
		_, err = os.Stat(filepath.Join(n.dir, secondName(r.GTIN, r.Number)))
		switch here := err == nil; {
		case n.checksSeconds(run):
			mine++
			if !here {
				lacking++
			}
		case here:
			others++
		}
	}
	return mine, lacking, others, nil
}
