package node

import (
	"net/url"
	"path/filepath"

	"suyuan/node/reward"
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
// them, if this node has issued any.
func (n *Node) examineClaims(c *checks) {
	issued, err := filepath.Glob(filepath.Join(n.dir, dirSecrets, "second-*.json"))
	if err != nil || len(issued) == 0 {
		return
	}
	if _, err := n.signingKey(Signer{}, "claim"); err != nil {
		c.bad("second codes", "suyuan operator add --dir "+n.dir+" claims --kinds claim", "%d runs have second codes, and no operator may sign their first use: nobody's is checked", len(issued))
	} else {
		c.good("second codes", "those of %d runs are checked here", len(issued))
	}
	if n.rewards == nil {
		return
	}
	counts := n.rewards.Count()
	open := counts[reward.Waiting] + counts[reward.Due]
	switch {
	case counts[reward.Failed] > 0:
		c.bad("rewards", "find out why with suyuan claim list --dir "+n.dir+" --state failed, and send each again with suyuan claim resend", "the receiver has not taken %d for two weeks", counts[reward.Failed])
	case counts[reward.Held] > 0:
		c.note("rewards", "suyuan claim list --dir "+n.dir+" --state held says why", "%d are held, %d wait or are being sent", counts[reward.Held], open)
	default:
		c.good("rewards", "%d wait or are being sent, %d are delivered", open, counts[reward.Delivered])
	}
}
