package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// These tests copy a company's whole node, with its keys and its guard, and let
// both write: what happens when a machine is cloned or robbed. Nothing can keep
// the two from signing two histories; everybody must know soon, and the company
// must be able to go on.

// provenWithin is how long it may take until whoever runs holds the proof of a
// fork: seconds, and before that the time in which nodes that have just been
// started find each other, all on a machine that does much else.
const provenWithin = 90 * time.Second

// steal copies the node of a company that does not run. The copy listens on ports
// of its own.
func (c *company) steal() *company {
	c.t.Helper()
	dir := filepath.Join(c.net.dir, "stolen-"+c.name)
	copyTree(c.t, c.dir, dir)
	thief := &company{
		t: c.t, net: c.net, name: "thief", chain: c.chain, dir: dir, guard: dir + ".guard", logs: dir + ".log",
		peer: c.peer, token: c.token, client: browser,
	}
	guard, err := os.ReadFile(c.guard)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(thief.guard, guard, 0o600); err != nil {
		c.t.Fatal(err)
	}
	path := filepath.Join(dir, "config.toml")
	raw, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	http, p2p := thief.listen()
	thief.url = "http://" + http
	settings := strings.NewReplacer(strings.TrimPrefix(c.url, "http://"), http, c.member().Addrs[0], p2p[0], c.guard, thief.guard).Replace(string(raw))
	if err := os.WriteFile(path, []byte(settings), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return thief
}

// holds waits until the company's node has so many entries of a chain.
func (c *company) holds(chain uint32, size uint64) {
	c.t.Helper()
	eventually(c.t, finalWithin, func() string {
		if have := c.status().Chains[chain-1].Size; have < size {
			return fmt.Sprintf("%s has %d of %d entries of chain %d", c.name, have, size, chain)
		}
		return ""
	})
}

// proven waits until all of these nodes hold the proof against a chain.
func proven(chain uint32, list ...*company) {
	list[0].t.Helper()
	eventually(list[0].t, provenWithin, func() string {
		for _, c := range list {
			if !c.status().Chains[chain-1].Forked {
				return c.name + " has no evidence"
			}
		}
		return ""
	})
}

// accused holds that the brand writes nothing more, that the others go on without
// it, and that anybody can check the proof.
func (n *network) accused() {
	n.t.Helper()
	a, err := n.brand.try("POST", "/api/v1/records", jsonRequest(placeDraft("never")))
	if err != nil {
		n.t.Fatal(err)
	}
	a.refused(n.t, http.StatusServiceUnavailable, "not-signing")
	before := n.wh.status().Chains[0].Final
	others := n.others(n.brand)
	for _, c := range others {
		c.write("goes-on", 5)
	}
	eventually(n.t, finalWithin, func() string {
		for _, c := range others {
			s := c.status()
			for _, author := range others {
				if at := s.Chains[author.chain-1]; at.Final != author.ownSize() {
					return fmt.Sprintf("%s has %s final up to %d, its author wrote %d entries", c.name, at.Chain, at.Final, author.ownSize())
				}
			}
		}
		return ""
	})
	if now := n.wh.status().Chains[0].Final; now != before {
		n.t.Errorf("the forked chain has become final up to %d, from %d", now, before)
	}
	if out := n.wh.suyuan("doctor").ended(n.t, exitBad); !strings.Contains(out, "two histories") {
		n.t.Errorf("doctor says nothing of the fork:\n%s", out)
	}
	if out := n.wh.suyuan("findings", "--only", "code=chain-forked", "--json").done(n.t); strings.Count(out, `"code": "chain-forked"`)+strings.Count(out, `"code":"chain-forked"`) != 1 {
		n.t.Errorf("the findings say nothing of the fork:\n%s", out)
	}
	proof := filepath.Join(n.dir, "fork.json")
	n.wh.suyuan("charter", "evidence", "1", "--out", proof).done(n.t)
	if out := n.suyuan("verify", "--network", n.id.String(), proof).done(n.t); !strings.Contains(out, "has signed two histories") {
		n.t.Errorf("the proof is taken for something else:\n%s", out)
	}
}

// newNumber has the companies sign a charter that ends the brand's chain and
// gives it a new number, and starts the brand's node under it.
func (n *network) newNumber(signers []*company, change ...string) {
	n.t.Helper()
	next := filepath.Join(n.dir, "next.json")
	n.brand.suyuan(append([]string{"charter", "propose", "--from", "current", "--rotate", "log", "--out", next}, change...)...).done(n.t)
	for _, c := range signers {
		c.suyuan("charter", "sign", next).done(n.t)
	}
	n.wh.suyuan("charter", "accept", next).done(n.t)
	n.brand.suyuan("charter", "accept", next).done(n.t)
	for _, c := range n.others(n.brand) {
		eventually(n.t, finalWithin, func() string {
			if at := c.status().Chains[c.chain-1]; at.Charter != 2 {
				return fmt.Sprintf("%s is on charter version %d", c.name, at.Charter)
			}
			return ""
		})
	}
	n.brand.stop()
	n.brand.start()
	n.brand.chain = 5
	n.brand.addOperator("place")
	for _, c := range n.all() {
		c.write("afterwards", 5)
	}
	n.allFinal()
}

// stopFiles has companies stop their witnesses for a chain, and returns the files
// that say what they signed last.
func (n *network) stopFiles(chain uint32, list []*company) string {
	n.t.Helper()
	var files []string
	for _, c := range list {
		file := filepath.Join(n.dir, "stop-"+c.name+".json")
		c.suyuan("charter", "stop", strconv.Itoa(int(chain)), "--out", file, "--yes").done(n.t)
		files = append(files, file)
	}
	return strings.Join(files, ",")
}

// allFinal waits until what each company has written under the number that it has
// now is final everywhere. Chain 1 holds evidence for ever.
func (n *network) allFinal() {
	n.t.Helper()
	eventually(n.t, finalWithin, func() string {
		for _, c := range n.all() {
			s := c.status()
			for _, author := range n.all() {
				own := author.status().Chains[author.chain-1]
				if at := s.Chains[author.chain-1]; at.Final != own.Size || at.FinalRoot != own.Root {
					return fmt.Sprintf("%s has %s final up to %d, its author wrote %d entries", c.name, at.Chain, at.Final, own.Size)
				}
			}
		}
		return ""
	})
}

// robbed is a network whose brand has been robbed: both it and the thief can go on
// from what is final.
func robbed(t *testing.T) (n *network, thief *company) {
	t.Helper()
	n = newNetwork(t)
	n.start()
	each(n.all(), func(c *company) { c.addOperator("place") })
	n.brand.write("before", 5)
	n.waitFinal()
	n.brand.stop()
	thief = n.brand.steal()
	n.brand.start()
	n.waitFinal()
	return n, thief
}

// TestForkAfterFinality has the thief write what contradicts entries that are
// final.
func TestForkAfterFinality(t *testing.T) {
	t.Parallel()
	n, thief := robbed(t)
	n.brand.write("true", 20)
	n.waitFinal()
	for _, c := range n.all() {
		c.stop()
	}
	thief.start() // it finds nobody who would tell it what it lacks
	thief.write("false", 7)
	thief.stop()
	others := n.others(n.brand)
	for _, c := range others {
		c.start()
	}
	thief.launch()
	proven(1, others...)
	thief.stop()
	n.brand.launch()
	n.brand.waitUp()
	proven(1, n.all()...)
	n.accused()
	n.newNumber([]*company{n.brand, n.wh, n.audit})
	n.verifySettled()
}

// TestForkBeforeFinality has the brand and the thief each write while only one
// other company runs. Neither history is final. The companies let the brand's
// own count; who has taken the other one begins anew.
func TestForkBeforeFinality(t *testing.T) {
	t.Parallel()
	n, thief := robbed(t)
	n.dist.stop()
	n.audit.stop()
	n.brand.write("true", 3)
	whole := n.brand.ownSize()
	n.wh.holds(1, whole)
	n.brand.stop()
	n.wh.stop()

	n.dist.start()
	thief.start()
	thief.write("false", 7)
	n.dist.holds(1, thief.ownSize())
	thief.stop()

	n.wh.start()
	proven(1, n.wh, n.dist)
	n.dist.stop()
	n.brand.launch()
	n.brand.waitUp()
	n.audit.start()
	proven(1, n.brand, n.wh, n.audit)
	n.dist.start()
	n.accused()
	// Audit may have had the proof before the history: it fetches that once a charter
	// says that it counts. All say what they have signed.
	signers := []*company{n.brand, n.wh, n.audit}
	n.newNumber(signers, "--end", fmt.Sprintf("1=%d", whole), "--stop", n.stopFiles(1, signers))
	n.audit.holds(1, whole)
	if out := n.dist.suyuan("doctor").ended(t, exitBad); !strings.Contains(out, "history that does not count") {
		t.Errorf("dist does not know that it holds the thief's history:\n%s", out)
	}
	n.dist.stop()
	if err := os.RemoveAll(filepath.Join(n.dist.dir, "ledger")); err != nil {
		t.Fatal(err)
	}
	n.dist.start()
	n.dist.holds(1, whole)
	n.dist.write("again", 3)
	n.allFinal()
	n.verifySettled()
}

// verifySettled stops all nodes and verifies what each has stored: the charter has
// ended the chain, and nothing is wrong any more.
func (n *network) verifySettled() {
	n.t.Helper()
	each(n.all(), func(c *company) { c.stop() })
	for _, c := range n.all() {
		c.suyuan("verify", "--network", n.id.String()).done(n.t)
	}
}
