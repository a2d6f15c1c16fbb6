//go:build linux

package main_test

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"suyuan/node"
)

// These tests give each node a machine of its own: a network namespace with an
// address in 10.0.0.0/8, joined to the others by veth pairs and a bridge. The
// namespaces have no name; file descriptors of this process hold them, so they
// and all that is in them are gone with the process, however it ends. Nothing is
// made outside of them.

var long = flag.Bool("long", false, "run the tests that take minutes: a node that missed a hundred thousand entries")

// noticeWithin is how long nodes may take to see that a line is dead, to dial
// again and to agree: they give a silent peer up after 25 s, and the side that
// leaves dialling to the other waits 8 s more. The rest is for machines that do
// much else.
const noticeWithin = 3 * time.Minute

// verifiedWithin is how long verifying a whole node may take, of which the largest
// here has a hundred thousand entries.
const verifiedWithin = 10 * time.Minute

// writeEvery is the time between the writes of a test that only has to go on.
const writeEvery = 250 * time.Millisecond

// A netns is a network namespace.
type netns struct {
	t    *testing.T
	file *os.File
}

// needMachines skips a test that may not make network namespaces, but not where
// all tests must run.
func needMachines(t *testing.T) {
	t.Helper()
	var missing []string
	if os.Getuid() != 0 {
		missing = append(missing, "it needs root")
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, "it needs "+tool)
		}
	}
	if len(missing) == 0 {
		if _, err := makeNetns(); err != nil {
			missing = append(missing, fmt.Sprintf("network namespaces: %v", err))
		}
	}
	switch {
	case len(missing) == 0:
	case os.Getenv("CI") == "true" && os.Getuid() == 0:
		t.Fatalf("nodes on machines of their own are NOT tested: %s", strings.Join(missing, ", "))
	default:
		t.Skipf("nodes on machines of their own are NOT tested: %s", strings.Join(missing, ", "))
	}
}

// threadNetns names the network namespace of the calling thread.
const threadNetns = "/proc/thread-self/ns/net"

// makeNetns opens a new network namespace.
func makeNetns() (file *os.File, err error) {
	err = elsewhere(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() (err error) {
		file, err = os.Open(threadNetns)
		return err
	})
	return file, err
}

// elsewhere moves the thread to another network namespace, calls do, and moves
// it back. The thread lives on: the kernel ends nodes with the thread that
// started them, which may be any.
func elsewhere(move, do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := os.Open(threadNetns)
	if err != nil {
		return err
	}
	defer home.Close()
	if err := move(); err != nil {
		return err
	}
	defer func() {
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(fmt.Sprintf("a thread does not find back from its network namespace: %v", err))
		}
	}()
	return do()
}

func newNetns(t *testing.T) *netns {
	t.Helper()
	file, err := makeNetns()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	n := &netns{t, file}
	n.run("ip link set lo up")
	return n
}

// within calls do in the namespace.
func (n *netns) within(do func() error) error {
	return elsewhere(func() error { return unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET) }, do)
}

// run executes commands in the namespace, one a line.
func (n *netns) run(commands string) {
	n.t.Helper()
	for line := range strings.Lines(commands) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		var out []byte
		err := n.within(func() (err error) {
			out, err = exec.Command(words[0], words[1:]...).CombinedOutput()
			return err
		})
		if err != nil {
			n.t.Fatalf("%s: %v: %s", strings.Join(words, " "), err, out)
		}
	}
}

// path names the namespace for commands in others.
func (n *netns) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// A lan is machines on one bridge, which is a namespace too.
type lan struct {
	bridge   *netns
	machines int
}

func newLAN(t *testing.T) *lan {
	t.Helper()
	needMachines(t)
	l := &lan{bridge: newNetns(t)}
	l.bridge.run(`
		ip link add br0 type bridge
		ip link set br0 up`)
	return l
}

// join adds a machine with an address to the bridge.
func (l *lan) join(t *testing.T, cidr string) *netns {
	t.Helper()
	n := newNetns(t)
	l.machines++
	port := fmt.Sprintf("p%d", l.machines)
	l.bridge.run(fmt.Sprintf(`
		ip link add %[1]s type veth peer name eth0 netns %[2]s
		ip link set %[1]s master br0 up`, port, n.path()))
	n.run(fmt.Sprintf(`
		ip addr add %s dev eth0
		ip link set eth0 up`, cidr))
	return n
}

// behindNAT makes a machine behind a router, which is on the bridge: the machine
// can dial others, and nobody can dial it.
func (l *lan) behindNAT(t *testing.T, routerCIDR string) (router, inside *netns) {
	t.Helper()
	router, inside = l.join(t, routerCIDR), newNetns(t)
	router.run(fmt.Sprintf("ip link add in0 type veth peer name eth0 netns %s", inside.path()))
	router.run(`
		ip addr add 10.88.0.1/24 dev in0
		ip link set in0 up
		nft add table ip nat
		nft add chain ip nat out { type nat hook postrouting priority 100 ; }
		nft add rule ip nat out oifname eth0 masquerade`)
	inside.run(`
		ip addr add 10.88.0.2/24 dev eth0
		ip link set eth0 up
		ip route add default via 10.88.0.1`)
	err := router.within(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) })
	if err != nil {
		t.Fatalf("let the router route: %v", err)
	}
	return router, inside
}

// drop makes the machine drop what comes in from addresses. Dropping what goes
// out would give its programs an error, which no cut line does.
func (n *netns) drop(from ...string) {
	n.t.Helper()
	n.run(fmt.Sprintf(`
		nft add table ip cut
		nft add chain ip cut in { type filter hook input priority 0 ; }
		nft add rule ip cut in ip saddr { %s } drop`, strings.Join(from, " , ")))
}

func (n *netns) heal() { n.t.Helper(); n.run("nft delete table ip cut") }

// addresses are those of the companies' machines.
var addresses = map[string]string{"brand": "10.77.0.1", "wh": "10.77.0.2", "dist": "10.77.0.3", "audit": "10.77.0.4"}

// machines makes one network of four machines.
func machines(t *testing.T) (*network, map[string]*netns) {
	t.Helper()
	l := newLAN(t)
	at := make(map[string]*netns)
	places := make(map[string]place)
	for name, ip := range addresses {
		at[name] = l.join(t, ip+"/24")
		places[name] = place{ip: ip, machine: at[name]}
	}
	n := newNetworkAt(t, places)
	n.start()
	for _, c := range n.all() {
		c.addOperator("place")
	}
	n.waitFinal()
	return n, at
}

// write posts count places, many at a time.
func (c *company) write(prefix string, count int) {
	c.t.Helper()
	const atOnce = 1000
	for from := 0; from < count; from += atOnce {
		var list []string
		for i := from; i < min(from+atOnce, count); i++ {
			list = append(list, placeDraft(fmt.Sprintf("%s%d", prefix, i)))
		}
		c.post("[" + strings.Join(list, ",") + "]")
	}
}

// peer is what the company's node says of another.
func (c *company) peerOf(other *company) node.PeerStatus {
	c.t.Helper()
	for _, p := range c.status().Peers {
		if p.Number == other.chain {
			return p
		}
	}
	c.t.Fatalf("%s does not know %s", c.name, other.name)
	return node.PeerStatus{}
}

// verifyAll stops all nodes and verifies what each has stored.
func (n *network) verifyAll() {
	n.t.Helper()
	each(n.all(), func(c *company) {
		if c.proc != nil {
			c.stop()
		}
	})
	for _, c := range n.all() {
		n.suyuanWithin(verifiedWithin, "verify", "--network", n.id.String(), "--dir", c.dir).done(n.t)
	}
}

// finals notes every checkpoint that any node calls final.
type finals map[string]string // root by chain and size

// look takes down what a node shows, and fails if two nodes ever show two roots
// for one size.
func (f finals) look(c *company) *node.Status {
	c.t.Helper()
	s := c.status()
	for _, at := range s.Chains {
		if at.Forked {
			c.t.Fatalf("%s holds evidence against %s", c.name, at.Chain)
		}
		key, root := fmt.Sprintf("%s at %d", at.Chain, at.Final), at.FinalRoot.String()
		if old, ok := f[key]; ok && old != root {
			c.t.Fatalf("%s has %s final with root %s, another node with %s", c.name, key, root, old)
		}
		f[key] = root
	}
	return s
}

// TestCutInHalves cuts a network of four into two and two until all have noticed,
// while both sides write. Three of four make a quorum: nothing of that may become
// final before the halves meet again, and then all of it everywhere.
func TestCutInHalves(t *testing.T) {
	t.Parallel()
	n, at := machines(t)
	left, right := []*company{n.brand, n.wh}, []*company{n.dist, n.audit}
	for _, c := range left {
		at[c.name].drop(addresses["dist"], addresses["audit"])
	}
	for _, c := range right {
		at[c.name].drop(addresses["brand"], addresses["wh"])
	}
	// What stood at the cut may have its cosignatures. What comes after cannot.
	seen, before := make(finals), make(map[uint32]uint64)
	for _, c := range n.all() {
		before[c.chain] = seen.look(c).Chains[c.chain-1].Size
	}
	cut := time.Now()
	i := 0
	eventually(t, noticeWithin, func() string {
		due := time.Since(cut) >= time.Duration(i)*writeEvery
		if due {
			i++
		}
		for _, c := range n.all() {
			if due {
				c.write(fmt.Sprintf("cut%d-", i), 5)
			}
			for _, chain := range seen.look(c).Chains {
				if chain.Final > before[chain.Number] {
					t.Fatalf("%s has %s final up to %d with half of the cosigners away; at the cut it had %d entries", c.name, chain.Chain, chain.Final, before[chain.Number])
				}
			}
		}
		for _, pair := range [][2]*company{{n.brand, n.dist}, {n.wh, n.audit}, {n.dist, n.wh}, {n.audit, n.brand}} {
			if p := pair[0].peerOf(pair[1]); p.State != "away" {
				return fmt.Sprintf("%s still believes that %s is there", pair[0].name, pair[1].name)
			}
		}
		return ""
	})
	noticed := time.Since(cut)
	eventually(t, noticeWithin, func() string { // the next attempt tells what is wrong
		if p := n.brand.peerOf(n.dist); p.Problem != "it does not answer" || p.Advice == "" {
			return fmt.Sprintf("brand says of dist: %q, %q (%s)", p.Problem, p.Advice, p.Error)
		}
		return ""
	})
	for _, m := range at {
		m.heal()
	}
	healed := time.Now()
	n.waitFinalWithin(noticeWithin, nil)
	t.Logf("noticed after %v, explained after %v; all final %v after the halves could meet again",
		noticed.Round(time.Second), healed.Sub(cut).Round(time.Second), time.Since(healed).Round(100*time.Millisecond))
	for _, c := range n.all() {
		seen.look(c)
	}
	n.verifyAll()
}

// TestNodeAwayCatchesUp takes one node's line down while the others write
// thousands of entries, and brings it back while they go on.
func TestNodeAwayCatchesUp(t *testing.T) {
	t.Parallel()
	n, at := machines(t)
	entries := 5_000
	if *long {
		entries = 100_000
	}
	at["audit"].run("ip link set eth0 down")
	others := n.others(n.audit)
	n.brand.write("away-brand-", entries/2)
	n.wh.write("away-wh-", entries/2)
	n.waitFinalWithin(noticeWithin, others)
	behind := n.brand.ownSize() + n.wh.ownSize()

	at["audit"].run("ip link set eth0 up")
	back, fetching := time.Now(), time.Time{}
	i := 0
	eventually(t, noticeWithin+time.Duration(entries/500)*time.Second, func() string {
		if time.Since(back) >= time.Duration(i)*writeEvery {
			i++
			n.dist.write(fmt.Sprintf("on%d-", i), 1)
		}
		s := n.audit.status()
		have := s.Chains[n.brand.chain-1].Size + s.Chains[n.wh.chain-1].Size
		if have > behind/10 && fetching.IsZero() {
			fetching = time.Now()
		}
		if have < behind {
			return fmt.Sprintf("audit has %d of %d entries", have, behind)
		}
		return ""
	})
	t.Logf("%d entries caught up %v after the line came back, %v after the first tenth", behind,
		time.Since(back).Round(100*time.Millisecond), time.Since(fetching).Round(100*time.Millisecond))
	n.waitFinalWithin(noticeWithin, nil)
	n.verifyAll()
}

// TestBehindNAT runs one node behind a router that masks it, and that lets it
// reach one member only. Through that member it has sessions with the others:
// its chain becomes final, and it receives theirs.
func TestBehindNAT(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	router, inside := l.behindNAT(t, "10.77.0.9/24")
	router.run(fmt.Sprintf(`
		nft add table ip cut
		nft add chain ip cut through { type filter hook forward priority 0 ; }
		nft add rule ip cut through ip daddr { %s , %s } drop`, addresses["dist"], addresses["audit"]))
	places := map[string]place{"wh": {ip: "10.88.0.2", machine: inside, private: true}}
	for _, name := range []string{"brand", "dist", "audit"} {
		places[name] = place{ip: addresses[name], machine: l.join(t, addresses[name]+"/24")}
	}
	n := newNetworkAt(t, places)
	n.start()
	for _, c := range n.all() {
		c.addOperator("place")
	}
	eventually(t, noticeWithin, func() string {
		for _, c := range []*company{n.dist, n.audit} {
			if p := n.wh.peerOf(c); p.Via != "relay" {
				return fmt.Sprintf("wh reaches %s by %q: %s", c.name, p.Via, p.Problem)
			}
		}
		return ""
	})
	if p := n.wh.peerOf(n.brand); p.Via != "quic" && p.Via != "tcp" {
		t.Errorf("wh reaches the relay by %q", p.Via)
	}
	for _, c := range n.all() {
		c.write("nat-"+c.name, 300)
	}
	n.waitFinalWithin(noticeWithin, nil)
	out := n.wh.suyuan("status").done(t)
	if !strings.Contains(out, "relay") {
		t.Errorf("suyuan status does not show the relay:\n%s", out)
	}
	// Without the relay dist and wh are strangers, and say so.
	n.brand.stop()
	eventually(t, noticeWithin, func() string {
		if p := n.dist.peerOf(n.wh); p.State != "away" || p.Problem == "" || p.Advice == "" {
			return fmt.Sprintf("dist says of wh: %+v", p)
		}
		return ""
	})
	n.brand.start()
	n.wh.write("again", 10)
	n.waitFinalWithin(noticeWithin, nil)
	n.verifyAll()
}

// TestOldCopyPutBack restores a node from an old copy of its directory. With the
// guard it takes its own entries back from the others and goes on; without, it
// does not sign, and says what to do.
func TestOldCopyPutBack(t *testing.T) {
	t.Parallel()
	n, _ := machines(t)
	c := n.brand
	c.write("old", 20)
	n.waitFinal()
	c.stop()
	backup := filepath.Join(n.dir, "backup")
	restore := func() {
		t.Helper()
		if err := errors.Join(os.RemoveAll(c.dir), os.CopyFS(c.dir, os.DirFS(backup))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(backup, os.DirFS(c.dir)); err != nil {
		t.Fatal(err)
	}
	c.start()
	c.write("new", 300)
	n.waitFinal()
	seen := make(finals)
	size := seen.look(c).Chains[0].Final
	c.kill()

	restore()
	c.launch()
	eventually(t, noticeWithin, c.notReady)
	eventually(t, noticeWithin, func() string {
		if at := seen.look(c).Chains[0]; at.Final < size {
			return fmt.Sprintf("brand came back with %d final entries of %d", at.Final, size)
		}
		return ""
	})
	c.write("after", 10)
	n.waitFinalWithin(noticeWithin, nil) // it looks for evidence, too

	c.stop()
	restore()
	if err := os.Remove(c.guard); err != nil {
		t.Fatal(err)
	}
	c.launch()
	eventually(t, startWithin, func() string {
		if _, err := c.try("GET", "/readyz", nil); err != nil {
			return err.Error()
		}
		return ""
	})
	// It may fetch back all that it ever wrote: that makes no guard.
	whole := n.wh.status().Chains[0].Size
	eventually(t, noticeWithin, func() string {
		if s := c.status(); s.Chains[0].Size < whole {
			return fmt.Sprintf("brand has %d of its %d entries", s.Chains[0].Size, whole)
		}
		return ""
	})
	s := c.status()
	if s.Signing.OK || !strings.Contains(s.Signing.Reason, "guard") || s.Signing.Advice == "" {
		t.Errorf("without a guard: %+v", s.Signing)
	}
	if out := c.suyuan("status").done(t); !strings.Contains(out, s.Signing.Advice) {
		t.Errorf("suyuan status does not say what to do:\n%s", out)
	}
	a, err := c.try("POST", "/api/v1/records", jsonRequest(placeDraft("never")))
	if err != nil || a.status == http.StatusCreated {
		t.Errorf("a node without its guard took a record: %v, %v", a, err)
	}
	for _, c := range n.all() {
		seen.look(c)
	}
	n.verifyAll()
}

// TestWholeNetworkStops stops all nodes, some by interrupting and some by
// killing them, and starts them again.
func TestWholeNetworkStops(t *testing.T) {
	t.Parallel()
	n, at := machines(t)
	for _, c := range n.all() {
		c.write("before", 200)
	}
	for i, c := range n.all() {
		if i%2 == 0 {
			c.kill()
		} else {
			c.stop()
		}
	}
	for _, m := range at { // the power is off
		m.run("ip link set eth0 down")
	}
	for _, m := range at {
		m.run("ip link set eth0 up")
	}
	list := slices.Clone(n.all())
	slices.Reverse(list)
	for _, c := range list {
		c.launch()
	}
	for _, c := range list {
		c.waitReady()
	}
	n.waitFinalWithin(noticeWithin, nil)
	for _, c := range n.all() {
		c.write("after", 200)
	}
	n.waitFinalWithin(noticeWithin, nil)
	n.verifyAll()
}

// TestFoundNearby gives the nodes of one segment a charter without any address:
// those that want to be found find each other.
func TestFoundNearby(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	places := make(map[string]place)
	for name, ip := range addresses {
		places[name] = place{ip: ip, machine: l.join(t, ip+"/24"), private: true}
	}
	n := newNetworkAt(t, places)
	for _, c := range n.all() {
		path := filepath.Join(c.dir, "config.toml")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		with := strings.Replace(string(raw), "mdns = false", "mdns = true", 1)
		if err := os.WriteFile(path, []byte(with), 0o644); err != nil || with == string(raw) {
			t.Fatalf("config.toml has no mdns: %v", err)
		}
	}
	n.start()
	for _, c := range n.all() {
		c.addOperator("place")
		c.write("near-"+c.name, 10)
	}
	n.waitFinalWithin(noticeWithin, nil)
}
