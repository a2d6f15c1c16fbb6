package replica

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	libprotocol "github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/gologshim"
	"go.uber.org/goleak"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
	"suyuan/node/protocol"
	"suyuan/node/wire"
)

func TestMain(m *testing.M) {
	// quic-go asks for larger buffers than a test machine has, on stderr.
	if err := os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true"); err != nil {
		panic(err)
	}
	gologshim.SetDefaultHandler(slog.DiscardHandler)
	// The benchmarks count bytes with libp2p's counter, whose sweeper never ends.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/libp2p/go-flow-metrics.(*sweeper).run"))
}

// patience is how long a test waits for what must come. It is far beyond what
// any needs, for slow machines.
const patience = 2 * time.Minute

// maxRetry is the longest that nodes wait before they dial again.
const maxRetry = protocol.MaxRetry

// brisk are intervals for tests.
var brisk = Intervals{
	Round: 2 * time.Millisecond, Timeout: 300 * time.Millisecond, Have: 5 * time.Millisecond,
	Gossip: 50 * time.Millisecond, Full: 500 * time.Millisecond, Ping: time.Second, Dead: 5 * time.Second,
	Wait: 5 * time.Second, Fill: 500 * time.Millisecond, Retry: 50 * time.Millisecond, Yield: 200 * time.Millisecond,
}

// A cluster is the nodes of one network, on loopback.
type cluster struct {
	t     testing.TB
	net   *ledgertest.Net
	nodes map[string]*testNode
	base  string // directory of what is on disk; it outlives the nodes
}

// A testNode is one node; it can be stopped and started again.
type testNode struct {
	*Replica
	c      *cluster
	member *ledgertest.Member
	config func(*Config)
	store  *store.Store
	blobs  *store.Blobs
	dir    string // "" keeps the store in memory
	stop   context.CancelFunc
	done   chan error
}

// newCluster makes the stores of all members of a network; nothing runs yet.
func newCluster(t testing.TB, opts ...ledgertest.Option) *cluster {
	t.Helper()
	c := &cluster{t: t, net: ledgertest.New(opts...), nodes: make(map[string]*testNode), base: t.TempDir()}
	for slug := range c.net.Members {
		c.add(slug)
	}
	return c
}

func (c *cluster) add(slug string) *testNode {
	n := &testNode{c: c, member: c.net.Member(slug)}
	c.nodes[slug] = n
	c.t.Cleanup(func() {
		n.halt()
		n.close()
	})
	return n
}

// open opens the node's store, with a charter entry and a grant if it is new.
func (n *testNode) open() *testNode {
	t := n.c.t
	t.Helper()
	cfg := store.Config{Network: n.c.net.Network, Own: n.member.Number, MinFree: 1}
	if n.dir != "" {
		cfg.Dir, cfg.Guard = filepath.Join(n.dir, "ledger"), filepath.Join(n.dir, "guard")
		if _, err := os.Stat(cfg.Guard); err != nil {
			if err := store.CreateGuard(cfg.Guard); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.store = s
	return n
}

// found writes the charter entry and a grant of everything to the operator.
func (n *testNode) found() *testNode {
	t := n.c.t
	t.Helper()
	v := n.c.net.Network.Newest()
	if err := n.store.AppendCharter(context.Background(), ledger.CharterRef{Version: v.Charter.Version, Hash: v.Hash}); err != nil {
		t.Fatal(err)
	}
	n.append(n.c.net.Grant(n.member.Slug))
	return n
}

func (n *testNode) append(r *ledger.SignedRecord, sc *ledger.Sidecar) store.Place {
	n.c.t.Helper()
	p, err := n.store.Append(context.Background(), r, sc)
	if err != nil {
		n.c.t.Fatal(err)
	}
	return p
}

// records appends n records of some size.
func (n *testNode) records(count int, opts ...ledgertest.RecordOption) {
	n.c.t.Helper()
	var list []store.Submission
	for range count {
		r, sc := n.c.net.Record(n.member.Slug, ledger.KindPlace, ledgertest.Start, opts...)
		list = append(list, store.Submission{Record: r, Sidecar: sc})
	}
	for i, res := range n.store.AppendBatch(context.Background(), list) {
		if res.Err != nil {
			n.c.t.Fatalf("record %d: %v", i, res.Err)
		}
	}
}

// start runs the node's replica and lets all others know its addresses.
func (n *testNode) start() *testNode {
	n.c.t.Helper()
	n.startAlone()
	for _, other := range n.c.nodes {
		if other != n && other.running() {
			other.AddAddrs(n.member.Number, n.Addrs()...)
		}
	}
	return n
}

// startAlone runs the node's replica; it knows the addresses of those that run. Who
// dials it before it serves is cut off, so that this waits until it does.
func (n *testNode) startAlone() *Replica {
	t := n.c.t
	t.Helper()
	cfg := Config{
		Store: n.store, Blobs: n.blobs, Number: n.member.Number, Member: n.member.Slug,
		Transport: n.member.Transport, Log: n.member.Log, Witness: n.member.Witness,
		Listen:    []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"},
		Reach:     Public, // the charter of these tests names no addresses
		Book:      make(map[uint32][]string),
		Intervals: brisk,
	}
	if os.Getenv("SUYUAN_TEST_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("at", n.member.Slug)
	}
	for _, other := range n.c.nodes {
		if other != n && other.running() {
			cfg.Book[other.member.Number] = other.Addrs()
		}
	}
	if n.config != nil {
		n.config(&cfg)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.Replica = r
	ctx, stop := context.WithCancel(context.Background())
	n.stop, n.done = stop, make(chan error, 1)
	go func() { n.done <- r.Run(ctx) }()
	last := libprotocol.ID(wire.Ask.ID(r.network)) // that Run begins to serve
	n.await("its protocols", func() bool { return slices.Contains(r.host.Mux().Protocols(), last) })
	return r
}

// peer is what the node knows of another; nothing before it runs.
func (n *testNode) peer(number uint32) PeerStatus {
	for _, p := range n.Peers() {
		if p.Number == number {
			return p
		}
	}
	return PeerStatus{}
}

func (n *testNode) running() bool { return n.stop != nil }

// halt stops the replica and waits until nothing of it runs.
func (n *testNode) halt() {
	if n.stop == nil {
		return
	}
	n.stop()
	select {
	case err := <-n.done:
		if err != nil {
			n.c.t.Errorf("%s: %v", n.member.Slug, err)
		}
	case <-time.After(patience):
		n.c.t.Errorf("%s does not stop", n.member.Slug)
	}
	n.stop = nil
}

func (n *testNode) close() {
	if n.store == nil {
		return
	}
	if err := n.store.Close(); err != nil {
		n.c.t.Errorf("%s: %v", n.member.Slug, err)
	}
	n.store = nil
}

// runAll opens, founds and starts every node.
func (c *cluster) runAll() *cluster {
	c.t.Helper()
	for _, n := range c.list() {
		n.open().found()
	}
	for _, n := range c.list() {
		n.start()
	}
	return c
}

// list is all nodes by number.
func (c *cluster) list() []*testNode {
	var list []*testNode
	for _, n := range c.nodes {
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b *testNode) int { return int(a.member.Number) - int(b.member.Number) })
	return list
}

func (c *cluster) node(slug string) *testNode { return c.nodes[slug] }

// await waits for a condition, looking whenever the store of a node changes and
// now and then.
func (n *testNode) await(what string, cond func() bool) {
	n.c.t.Helper()
	changed, stop := n.store.Watch()
	defer stop()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-changed:
		case <-tick.C:
		case <-deadline:
			n.c.t.Fatalf("%s: %s has not come; peers: %+v", n.member.Slug, what, n.Peers())
		}
	}
}

// awaitFinal waits until everything that authors have is final at the nodes,
// with the same roots.
func (c *cluster) awaitFinal(nodes []*testNode, authors ...*testNode) {
	c.t.Helper()
	for _, author := range authors {
		head := author.store.Head(author.member.Number)
		for _, n := range nodes {
			n.await("finality of "+author.member.Slug, func() bool {
				cp := n.store.Final(author.member.Number)
				return cp != nil && cp.Size >= head.Size
			})
			root, err := n.store.RootAt(author.member.Number, head.Size)
			if err != nil || root != head.Root {
				c.t.Fatalf("%s has another root of %s at %d: %v", n.member.Slug, author.member.Slug, head.Size, err)
			}
		}
	}
}
