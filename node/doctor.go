package node

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/store"
)

// A Check is one thing that the doctor has looked at.
type Check struct {
	Name   string `json:"name"`
	State  string `json:"state"` // good, note or bad
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"` // what to do; of a bad one always
}

// The states of a check. A note needs nobody today.
const (
	Good = "good"
	Note = "note"
	Bad  = "bad"
)

// Limits of what is normal.
const (
	// maxSkew is how far an entry of another member may lie ahead of this clock:
	// what the ledger forgives records, MaxAhead, is twice that.
	maxSkew = 5 * time.Minute
	// soonExpires is how long before a token expires somebody is told.
	soonExpires = 14 * 24 * time.Hour
	// lowDisk and fullDisk are free bytes: the store stops at 1 GiB.
	lowDisk, fullDisk = 10 << 30, 1 << 30
	// slowFinality is how long entries may wait for their quorum.
	slowFinality = 10 * time.Minute
)

// checks gathers what the doctor finds.
type checks struct{ list []Check }

func (c *checks) good(name, format string, args ...any) {
	c.list = append(c.list, Check{Name: name, State: Good, Detail: fmt.Sprintf(format, args...)})
}

func (c *checks) note(name, fix, format string, args ...any) {
	c.list = append(c.list, Check{name, Note, fmt.Sprintf(format, args...), fix})
}

func (c *checks) bad(name, fix, format string, args ...any) {
	c.list = append(c.list, Check{name, Bad, fmt.Sprintf(format, args...), fix})
}

// ExamineDir looks at what can be told from the files of a node's directory.
// running says whether a node runs there: then its ports are taken by itself.
func ExamineDir(dir string, running bool) []Check {
	c := &checks{}
	config, err := ReadConfig(dir)
	if err != nil {
		c.bad("configuration", "set it right, or give the directory that suyuan init made with --dir", "%v", err)
		return c.list
	}
	c.good("configuration", "config.toml can be read")
	c.charter(dir)
	c.permissions(dir)
	c.guard(dir, config)
	c.space(dir)
	c.rewards(dir)
	if !running {
		c.port("http port", "tcp", config.HTTP)
		for _, a := range config.P2P {
			if proto, addr, ok := listenAddr(a); ok {
				c.port("p2p port", proto, addr)
			}
		}
	}
	return c.list
}

func (c *checks) charter(dir string) {
	net, err := seedNetwork(dir)
	if errors.Is(err, ErrNoCharter) {
		c.bad("charter", "get charter.json from the company that proposed it and run: suyuan charter accept --dir "+dir+" charter.json", "none has been accepted")
		return
	}
	if err != nil {
		c.bad("charter", "put charter.json (and charters.json) back from a backup, or from another company: they are public", "%v", err)
		return
	}
	m, err := ReadMember(filepath.Join(dir, fileMember))
	if err != nil {
		c.bad("member file", "put member.json back from a backup", "%v", err)
		return
	}
	own, err := ownNodeIn(net, m)
	if err != nil {
		c.bad("charter", "this directory belongs to another network, or its member.json was replaced", "%v", err)
		return
	}
	c.good("charter", "version %d of %s, this node is %s", net.Newest().Charter.Version, net.Name, ledger.ChainName(own.Member, own.Number))
	for _, a := range own.Addrs {
		if strings.Contains(a, "/0.0.0.0/") || strings.Contains(a, "/ip6/::/") {
			c.note("address", "have the next charter name an address under which the others reach it", "the charter names %s, under which nobody can dial this node", a)
		}
	}
}

// permissions holds that nobody else on the machine reads the keys.
func (c *checks) permissions(dir string) {
	secret := []string{dirKeys, dirSecrets, filepath.Join(dirKeys, "node.json"), filepath.Join(dirKeys, "log.json"), filepath.Join(dirKeys, "transport.json")}
	bad := 0
	for _, name := range secret {
		path := filepath.Join(dir, name)
		fi, err := os.Stat(path)
		switch {
		case err != nil:
			c.bad("keys", "put the directory back from a backup, without the guard", "%v", err)
			bad++
		case fi.Mode().Perm()&0o077 != 0:
			c.bad("keys", fmt.Sprintf("chmod go= %s", path), "%s can be read by others (%04o)", path, fi.Mode().Perm())
			bad++
		}
	}
	if _, err := os.ReadFile(filepath.Join(dir, dirKeys, "node.json")); err != nil && bad == 0 {
		c.bad("keys", "run as the user to whom the directory belongs", "%v", err)
		bad++
	}
	if bad == 0 {
		c.good("keys", "they are there and nobody else reads them")
	}
}

func (c *checks) guard(dir string, config *Config) {
	path := config.Guard
	if net, err := seedNetwork(dir); err == nil {
		if m, err := ReadMember(filepath.Join(dir, fileMember)); err == nil {
			if own, err := ownNodeIn(net, m); err == nil {
				path = m.guardOf(own.LogKey, config.Guard)
			}
		}
	}
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		c.bad("guard", lostGuardAdvice(path), "there is no file %s", path)
	case err != nil:
		c.bad("guard", "make it readable for the node's user", "%v", err)
	case fi.Mode().Perm()&0o022 != 0:
		c.bad("guard", "chmod go-w "+path, "others may write %s", path)
	default:
		c.good("guard", "it is at %s", path)
	}
}

func lostGuardAdvice(path string) string {
	return "if the disk with " + path + " can be had, put back that very file, never a copy from a backup and never an empty one. " +
		"If it is gone: suyuan charter propose --dir DIR --from current --rotate log; the other companies sign and accept that, and this node goes on under a new number"
}

func (c *checks) space(dir string) {
	free, err := store.FreeBytes(dir)
	switch {
	case err != nil:
		c.note("disk", "", "free space is not known: %v", err)
	case free < fullDisk:
		c.bad("disk", "make room: nothing is appended below 1 GiB", "%d MiB are free", free>>20)
	case free < lowDisk:
		c.note("disk", "make room before it is 1 GiB", "%d MiB are free", free>>20)
	default:
		c.good("disk", "%d GiB are free", free>>30)
	}
}

// port looks whether a port can be listened on.
func (c *checks) port(name, proto, addr string) {
	var err error
	if proto == "udp" {
		var p net.PacketConn
		if p, err = net.ListenPacket("udp", addr); err == nil {
			err = p.Close()
		}
	} else {
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil {
			err = l.Close()
		}
	}
	if err != nil {
		c.bad(name, "find out what listens there (ss -lntup), or set another port in config.toml", "%s %s: %v", proto, addr, err)
		return
	}
	c.good(name, "%s %s is free for the node", proto, addr)
}

// listenAddr reads /ip4/A/tcp/P, /ip6/A/tcp/P and the same with udp.
func listenAddr(a string) (proto, addr string, ok bool) {
	p := strings.Split(a, "/")
	if len(p) < 5 || p[1] != "ip4" && p[1] != "ip6" || p[3] != "tcp" && p[3] != "udp" {
		return "", "", false
	}
	return p[3], net.JoinHostPort(p[2], p[4]), true
}

// Examine looks at the state of an open node.
func (n *Node) Examine() []Check {
	c := &checks{}
	n.examineSigning(c)
	n.examineCharter(c)
	n.examineChains(c)
	n.examinePeers(c)
	n.examineClock(c)
	n.examineIndex(c)
	n.examineAttachments(c)
	n.examineTokens(c)
	n.examineClaims(c)
	return c.list
}

func (n *Node) examineSigning(c *checks) {
	err := n.store.SigningError()
	if err == nil {
		c.good("signing", "the node appends to %s and signs for it", ledger.ChainName(n.member.Member, n.chain))
		return
	}
	fix := signingAdvice(err, n.guardPath())
	if own, ownErr := ownNodeIn(n.Network(), n.member); ownErr == nil && own.Number != n.chain {
		fix = fmt.Sprintf("start the node again: it goes on under the number %d", own.Number)
	}
	c.bad("signing", fix, "%v", err)
}

// guardPath is where the guard of the chain that is written lies.
func (n *Node) guardPath() string { return n.member.guardOf(n.self.LogKey, n.config.Guard) }

func (n *Node) examineCharter(c *checks) {
	if n.witness() != nil && n.store.WitnessWaits() {
		c.note("witness", "have the nodes of all other cosigners connected at one time", "it cosigns nothing before every other cosigner has told what it holds: its guard is a new one")
	}
	if s := n.store.Conflict(); s != nil {
		c.bad("charter conflict", "the companies have to find out who signed both and settle which one counts; until then no charter changes", "there are two complete charters of one version; the other one is %s", s.Hash())
	}
	if m := n.Moved(); m != "" {
		c.bad("restart", "stop and start the node", "%s", m)
	}
	newest := n.Network().Newest().Charter
	if q, f := ledger.QuorumOf(len(newest.Cosigners)); f == 0 {
		c.note("cosigners", "with four companies or more one may lie or be away", "%d of %d cosigners make a record final, and none of them may lie", q, len(newest.Cosigners))
	}
	for _, number := range n.Network().Chains() {
		state, err := n.store.Chain(number)
		if err != nil || state.Charter() == nil || newest.Node(number) == nil {
			continue
		}
		if v := state.Charter().Charter.Version; v < newest.Version {
			name := ledger.ChainName(state.Member, number)
			c.note("charter of "+name, "its node takes the new version over when it is connected; until then nothing new on it becomes final",
				"the chain is on version %d, and %d is held", v, newest.Version)
		}
	}
}

func (n *Node) examineChains(c *checks) {
	net := n.Network()
	forked := false
	for _, number := range net.Chains() {
		name := ledger.ChainName(net.MemberOf(number), number)
		if n.store.Forked(number) {
			forked = true
			fix := "its company has to say what happened; then suyuan charter propose --from current --end " + fmt.Sprint(number)
			if net.Ended(number) != nil {
				c.note("fork", "", "%s has two histories; a charter has ended it", name)
			} else {
				c.bad("fork", fix, "%s has two histories: suyuan charter evidence --dir DIR %d writes the proof", name, number)
			}
		}
		n.examineHistory(c, net, number, name)
	}
	if !forked {
		c.good("forks", "no chain has two histories, as far as is known here")
	}
	n.examineFinality(c)
}

// examineHistory looks whether what is stored of a chain is what counts.
func (n *Node) examineHistory(c *checks, net *ledger.Network, number uint32, name string) {
	anew := "when all of its own records are final, stop the node, move " + filepath.Join(n.dir, dirLedger) + " away, and start it: it fetches everything from the others; keys and guard stay"
	size := n.store.Size(number)
	if end := net.Ended(number); end != nil {
		beyond, same, err := n.store.AtEnd(number)
		switch {
		case err != nil:
			c.bad("end of "+name, "run suyuan verify --dir "+n.dir, "%v", err)
		case !same:
			c.bad("end of "+name, "this node holds the history that does not count: "+anew, "the entries stored up to its end are not those that count")
		case size < end.Size:
			c.note("end of "+name, "leave the node connected to others that have them; if that changes nothing, this node holds the beginning of a history that does not count: "+anew, "%d of the %d entries up to its end are stored", size, end.Size)
		case beyond > 0 && net.MemberOf(number) == n.member.Member:
			c.note("end of "+name, "suyuan charter orphans lists them, for their signers to sign them again", "%d entries lie beyond its end and do not count", beyond)
		}
		return
	}
	if n.store.Overruled(number) {
		c.bad("history of "+name, "keep the node running, its witness goes on with the other chains; after a charter has ended this chain, "+anew, "this node holds another history than the one that became final")
	}
	signed, ok := n.store.Signed(number)
	if !ok || number == n.chain {
		return // the guard is lost, or signing tells
	}
	if signed.Size > size {
		c.note("copy of "+name, "leave the node connected: it fetches what it has cosigned back, and stores nothing else of that chain before, nor cosigns it", "%d of %d entries are stored that the witness has cosigned", size, signed.Size)
		return
	}
	if root, err := n.store.RootAt(number, signed.Size); err == nil && signed.Size > 0 && root != signed.Root {
		c.bad("copy of "+name, anew, "the first %d entries are not those that the witness has cosigned; it cosigns nothing that names them", signed.Size)
	}
}

// examineFinality looks whether the own chain becomes final, and who is missing.
func (n *Node) examineFinality(c *checks) {
	head, final := n.store.Head(n.chain), uint64(0)
	if cp := n.store.Final(n.chain); cp != nil {
		final = cp.Size
	}
	waiting := n.now().Sub(time.UnixMilli(head.Time))
	if final >= head.Size || waiting < slowFinality || n.Network().Ended(n.chain) != nil {
		c.good("finality", "%d of %d entries of the own chain are final", final, head.Size)
		return
	}
	var away []string
	peers := n.peers()
	charter := n.Network().Newest().Charter
	for _, w := range charter.Cosigners {
		i := slices.IndexFunc(peers, func(p PeerStatus) bool { return p.Number == w.Node })
		if w.Node != n.chain && (i < 0 || peers[i].State != "connected") {
			away = append(away, w.Member)
		}
	}
	c.bad("finality", "have the nodes that are away started: "+strings.Join(away, ", "),
		"%d entries wait for their quorum of %d, the newest for %s", head.Size-final, charter.Quorum(), waiting.Round(time.Second))
}

func (n *Node) examinePeers(c *checks) {
	peers := n.peers()
	n.mu.Lock()
	running := n.replica != nil
	n.mu.Unlock()
	if !running {
		c.note("peers", "suyuan run --dir "+n.dir, "the node is not running")
		return
	}
	connected := 0
	for _, p := range peers {
		if p.State == "connected" {
			connected++
			continue
		}
		why, fix := p.Problem, p.Advice
		if why == "" {
			why, fix = "it is away", "ask "+p.Member+" whether its node runs"
		}
		c.note("peer "+ledger.ChainName(p.Member, p.Number), fix, "%s", why)
	}
	if connected == 0 && len(peers) > 0 {
		c.bad("peers", "look at network, firewall and the addresses in the charter", "none of %d nodes is connected", len(peers))
		return
	}
	c.good("peers", "%d of %d nodes are connected", connected, len(peers))
}

// examineClock compares the clock with the entries of other members: one that
// lies ahead of it says that one of the two is wrong.
func (n *Node) examineClock(c *checks) {
	now, ahead := n.now(), map[string]time.Duration{}
	for _, number := range n.Network().Chains() {
		member := n.Network().MemberOf(number)
		if d := time.UnixMilli(n.store.Head(number).Time).Sub(now); d > maxSkew && member != n.member.Member {
			ahead[member] = max(ahead[member], d)
		}
	}
	switch {
	case len(ahead) == 0:
		c.good("clock", "no entry of another member lies ahead of it")
	case len(ahead) == 1:
		for member, d := range ahead {
			c.note("clock", "ask "+member+" to set its clock; if this one is wrong, set it", "an entry of %s lies %s ahead of this clock", member, d.Round(time.Second))
		}
	default:
		c.bad("clock", "set this machine's clock (timedatectl)", "entries of %d members lie ahead of it", len(ahead))
	}
}

func (n *Node) examineIndex(c *checks) {
	applied := n.index.Applied()
	for _, number := range n.store.Chains() {
		if have, size := applied[number], n.store.Size(number); have < size {
			c.note("index", "wait; if it stays so, stop the node and remove "+filepath.Join(n.dir, dirIndex, dirEvents)+", it is filled anew", "%d of %d entries of chain %d are in it", have, size, number)
			return
		}
	}
	c.good("index", "everything stored can be looked up")
}

func (n *Node) examineAttachments(c *checks) {
	lacking := 0
	for _, a := range n.wanted.all() {
		if !n.blobs.Has(a.Digest) {
			lacking++
		}
	}
	if lacking > 0 {
		c.note("attachments", "they are fetched when a node that has them is connected", "%d documents or packs are still to be fetched", lacking)
		return
	}
	c.good("attachments", "none is missing")
}

func (n *Node) examineTokens(c *checks) {
	now := n.now()
	found := false
	for _, t := range n.tokens.list() {
		if t.Expires == nil || t.Expires.Sub(now) > soonExpires {
			continue
		}
		found = true
		if t.Expires.Before(now) {
			c.note("token of "+t.Operator, "suyuan operator add --dir "+n.dir+" "+t.Operator+" makes another one", "it expired on %s", t.Expires.Format(time.DateOnly))
		} else {
			c.note("token of "+t.Operator, "suyuan operator add --dir "+n.dir+" "+t.Operator+" makes another one", "it expires on %s", t.Expires.Format(time.DateOnly))
		}
	}
	if !found {
		c.good("tokens", "none expires within %d days", int(soonExpires/(24*time.Hour)))
	}
}
