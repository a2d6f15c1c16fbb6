package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multiaddr"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
	core "suyuan/node/protocol"
	"suyuan/node/wire"
)

// A rogue is a bare libp2p host, mostly with the transport key of a member, that
// does whatever a test wants of it.
type rogue struct {
	t      *testing.T
	host   host.Host
	net    *ledger.Network
	number uint32
}

func (c *cluster) rogue(t *testing.T, slug string) *rogue {
	t.Helper()
	m := c.net.Member(slug)
	return newRogue(t, c, m, m.Number)
}

func newRogue(t *testing.T, c *cluster, m *ledgertest.Member, number uint32) *rogue {
	t.Helper()
	g := &gate{}
	all := make(map[peer.ID]uint32)
	for _, n := range c.net.Charter().Nodes {
		id, err := peer.Decode(n.Peer)
		if err != nil {
			t.Fatal(err)
		}
		all[id] = n.Number
	}
	g.set(all)
	h, err := newHost(m.Transport, []string{"/ip4/127.0.0.1/tcp/0"}, g, c.net.Network.ID, 4, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return &rogue{t: t, host: h, net: c.net.Network, number: number}
}

// connect makes the libp2p connection only.
func (g *rogue) connect(n *testNode) error {
	for _, text := range n.Addrs() {
		m, err := multiaddr.NewMultiaddr(text)
		if err != nil {
			g.t.Fatal(err)
		}
		addr, _ := peer.SplitAddr(m)
		g.host.Peerstore().AddAddr(n.host.ID(), addr, peerstore.PermanentAddrTTL)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return g.host.Connect(ctx, peer.AddrInfo{ID: n.host.ID()})
}

// open opens a stream; nothing may take longer than the tests' patience.
func (g *rogue) open(n *testNode, p wire.Protocol) (network.Stream, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := g.host.NewStream(ctx, n.host.ID(), protocol.ID(p.ID(g.net.ID)))
	if err == nil {
		err = s.SetDeadline(time.Now().Add(patience))
	}
	return s, err
}

func (g *rogue) hello() *wire.Hello {
	v := g.net.Newest()
	return &wire.Hello{
		Version: wire.Version, Network: g.net.ID, Number: g.number,
		Charter: v.Charter.Version, CharterHash: v.Hash, Instance: 1,
	}
}

// A line is a rogue's ctl stream.
type line struct {
	stream network.Stream
	in     *wire.Reader
	mu     sync.Mutex
	out    *wire.Writer // guarded by mu
}

// greet opens ctl and says hello; the answer is the node's first frame after
// its own hello.
func (g *rogue) greet(n *testNode, hello *wire.Hello) (*line, wire.Message, error) {
	stream, err := g.open(n, wire.Ctl)
	if err != nil {
		return nil, nil, err
	}
	l := &line{stream: stream, in: wire.Ctl.NewReader(stream), out: wire.Ctl.NewWriter(stream)}
	if err := l.send(hello); err != nil {
		return nil, nil, err
	}
	m, err := l.in.Next()
	if err == nil && m.Type() == wire.TypeHello {
		m, err = l.in.Next()
	}
	if err != nil || m.Type() == wire.TypeBye {
		_ = stream.Reset()
	}
	return l, m, err
}

// admitted opens a session that answers pings until the test ends.
func (g *rogue) admitted(n *testNode) *line {
	g.t.Helper()
	if err := g.connect(n); err != nil {
		g.t.Fatal(err)
	}
	l, m, err := g.greet(n, g.hello())
	if err != nil || m.Type() == wire.TypeBye {
		g.t.Fatalf("not admitted: %v, %v", m, err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			m, err := l.in.Next()
			if err != nil || m.Type() == wire.TypeBye {
				_ = l.stream.Reset()
				return
			}
			if p, ok := m.(*wire.Ping); ok && !p.Answer {
				_ = l.send(&wire.Ping{Token: p.Token, Answer: true})
			}
		}
	})
	g.t.Cleanup(func() {
		_ = l.stream.Reset()
		done.Wait()
	})
	n.await("the rogue's admission", func() bool { return n.sessionOf(g.number) != nil })
	return l
}

func (l *line) send(m wire.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Send(m)
}

// request sends one frame and returns the first of the answer.
func (g *rogue) request(n *testNode, p wire.Protocol, m wire.Message) (wire.Message, error) {
	stream, err := g.open(n, p)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Reset() }()
	if err := p.NewWriter(stream).Send(m); err != nil {
		return nil, err
	}
	return p.NewReader(stream).Next()
}

// serve answers requests on fetch as the test says.
func (g *rogue) serve(answer func(q *wire.GetRange, out *wire.Writer) error) {
	g.host.SetStreamHandler(protocol.ID(wire.Fetch.ID(g.net.ID)), func(s network.Stream) {
		defer func() { _ = s.Close() }()
		m, err := wire.Fetch.NewReader(s).Next()
		q, ok := m.(*wire.GetRange)
		if err != nil || !ok {
			_ = s.Reset()
			return
		}
		if answer(q, wire.Fetch.NewWriter(s)) != nil {
			_ = s.Reset()
		}
	})
}

// serveChain is an honest holder of a builder's chain, but for what edit does to
// the items.
func serveChain(b *ledgertest.Builder, edit func(seq uint64, it *wire.Item)) func(*wire.GetRange, *wire.Writer) error {
	return func(q *wire.GetRange, out *wire.Writer) error {
		for seq := q.From; seq < q.To; seq++ {
			it := &wire.Item{Entry: b.Entries[seq], Sidecar: b.Sidecars[seq]}
			if edit != nil {
				edit(seq, it)
			}
			if err := out.Write(it); err != nil {
				return err
			}
		}
		end := &wire.End{}
		if q.To < q.Size {
			proof, err := b.TileSource().ProveConsistency(q.Size, q.To)
			if err != nil {
				return err
			}
			end.Proof = proof
		}
		return out.Send(end)
	}
}

func TestStrangersAreCutOff(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh").open().found().start()
	g := newRogue(t, c, c.net.NewMember("stranger", 9), 9)
	if err := g.connect(wh); err == nil { // libp2p may say so before the gate has closed
		if _, _, err := g.greet(wh, g.hello()); err == nil {
			t.Fatal("a stranger has a session")
		}
	}
	wh.await("an end of the connection", func() bool { return len(wh.host.Network().ConnsToPeer(g.host.ID())) == 0 })
}

func TestOtherNetworksAreRefused(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh").open().found().start()
	other := newCluster(t, ledgertest.WithName("other.example"))
	// The keys are the same, so that the gate lets it in; the protocols differ.
	g := other.rogue(t, "dist")
	if err := g.connect(wh); err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.greet(wh, g.hello()); err == nil {
		t.Fatal("another network's protocol is spoken")
	}
	// And were the tags the same, HELLO would tell.
	same := c.rogue(t, "audit")
	if err := same.connect(wh); err != nil {
		t.Fatal(err)
	}
	hello := same.hello()
	hello.Network = other.net.Network.ID
	wantBye(t, same, wh, hello, "network")
}

func wantBye(t *testing.T, g *rogue, n *testNode, hello *wire.Hello, why string) {
	t.Helper()
	_, m, err := g.greet(n, hello)
	bye, ok := m.(*wire.Bye)
	if err != nil || !ok || !strings.Contains(bye.Reason, why) {
		t.Errorf("answered %+v, %v; want a refusal for its %s", m, err, why)
	}
	if n.sessionOf(g.number) != nil {
		t.Error("there is a session")
	}
}

func TestHelloMustFit(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh").open().found().start()
	g := c.rogue(t, "dist")
	if err := g.connect(wh); err != nil {
		t.Fatal(err)
	}
	for why, spoil := range map[string]func(*wire.Hello){
		"version":         func(h *wire.Hello) { h.Version = 2 },
		"charter gives":   func(h *wire.Hello) { h.Number = 1 },
		"charter version": func(h *wire.Hello) { h.CharterHash[0]++ },
	} {
		hello := g.hello()
		spoil(hello)
		wantBye(t, g, wh, hello, why)
	}
	if _, m, err := g.greet(wh, g.hello()); err != nil || m.Type() == wire.TypeBye {
		t.Errorf("a hello that fits is answered %+v, %v", m, err)
	}
}

// TestConnectedIsNotAdmitted asks for data with a member's key and no HELLO.
func TestConnectedIsNotAdmitted(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh").open().found().start()
	g := c.rogue(t, "dist")
	if err := g.connect(wh); err != nil {
		t.Fatal(err)
	}
	if m, err := g.request(wh, wire.Fetch, &wire.GetRange{Chain: 2, To: 1, Size: 1}); err == nil {
		t.Errorf("fetch answers %+v", m)
	}
	if m, err := g.request(wh, wire.Cosign, &wire.Propose{Note: []byte("x")}); err == nil {
		t.Errorf("cosign answers %+v", m)
	}
}

func TestBadFramesEndTheSession(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh").open().found().start()
	for name, raw := range map[string][]byte{
		"over the limit": {0xff, 0xff, 0x7f},
		"of fetch":       {2, byte(wire.TypeItem), 0xa0},
		"not canonical":  {5, byte(wire.TypePing), 0xa1, 0x01, 0x18, 0x01},
		"a second hello": mustFrame(t, wire.Ctl, &wire.Hello{Version: 1, Number: 3, Charter: 1}),
		"false evidence": mustFrame(t, wire.Ctl, &wire.Alert{A: []byte("a"), B: []byte("b")}),
	} {
		t.Run(name, func(t *testing.T) {
			g := c.rogue(t, "dist")
			l := g.admitted(wh)
			s := wh.sessionOf(3)
			if _, err := l.stream.Write(raw); err != nil {
				t.Fatal(err)
			}
			select {
			case <-s.over:
			case <-time.After(patience):
				t.Fatal("the session goes on")
			}
		})
	}
}

func mustFrame(t *testing.T, p wire.Protocol, m wire.Message) []byte {
	t.Helper()
	raw, err := p.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestHolderCannotSlipEntriesIn lets a member that is not the author offer its
// own entries. A frontier entry bears no signature: nothing but the author's
// checkpoint tells that it is not of the chain.
func TestHolderCannotSlipEntriesIn(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(b *ledgertest.Builder) func(uint64, *wire.Item)
	}{
		{"a frontier entry of its own", func(b *ledgertest.Builder) func(uint64, *wire.Item) {
			fake := b.At(b.Size() - 1)
			fake.Frontier(ledger.Frontier{{Chain: 3, Size: 1, Root: ledger.LeafHash(nil)}})
			return func(seq uint64, it *wire.Item) {
				if seq == b.Size()-1 {
					it.Entry, it.Sidecar = fake.Entries[seq], nil
				}
			}
		}},
		{"an entry with a changed byte", func(b *ledgertest.Builder) func(uint64, *wire.Item) {
			return func(seq uint64, it *wire.Item) {
				it.Entry = slices.Clone(it.Entry)
				it.Entry[len(it.Entry)-1] ^= 1
			}
		}},
		{"no sidecar", func(b *ledgertest.Builder) func(uint64, *wire.Item) {
			return func(_ uint64, it *wire.Item) { it.Sidecar = nil }
		}},
		{"too many entries", func(b *ledgertest.Builder) func(uint64, *wire.Item) { return nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := newCluster(t)
			wh := cl.node("wh").open().found().start()
			b := cl.net.NewChain("lanzhi")
			for range 10 {
				b.Record(ledger.KindPlace, ledgertest.Disclose(ledger.Members, 1, "x"))
			}
			cp := b.Final()
			liar := cl.rogue(t, "dist")
			answer := serveChain(b, c.spoil(b))
			if c.name == "too many entries" {
				honest := answer
				answer = func(q *wire.GetRange, out *wire.Writer) error {
					for range q.To - q.From {
						if err := out.Write(&wire.Item{Entry: b.Entries[0]}); err != nil {
							return err
						}
					}
					return honest(q, out)
				}
			}
			liar.serve(answer)
			l := liar.admitted(wh)
			if err := l.send(&wire.Have{Chains: []wire.Holding{{Chain: 1, Size: cp.Size, Final: cp.Note}}}); err != nil {
				t.Fatal(err)
			}
			if c.name == "no sidecar" { // which may be no lie: the author may have erased what is lacking
				wh.await("the entries", func() bool { return wh.store.Size(1) == cp.Size })
			} else {
				wh.await("that the liar is passed over", func() bool { return time.Until(wh.passedOver(3, 1)) > blockTime/2 })
			}
			// What an honest node sends is taken all the same, and nothing else is there.
			honest := cl.rogue(t, "audit")
			honest.serve(serveChain(b, nil))
			l = honest.admitted(wh)
			if err := l.send(&wire.Have{Chains: []wire.Holding{{Chain: 1, Size: cp.Size, Final: cp.Note}}}); err != nil {
				t.Fatal(err)
			}
			wh.await("finality", func() bool { f := wh.store.Final(1); return f != nil && f.Size == cp.Size })
			if root, err := wh.store.RootAt(1, cp.Size); err != nil || root != cp.Root {
				t.Fatalf("root %s, %v", root, err)
			}
			wh.await("all disclosures", func() bool {
				whole, err := wh.store.Whole(1)
				return err == nil && whole == cp.Size
			})
		})
	}
}

// passedOver is when a node may be asked for a chain again.
func (n *testNode) passedOver(peer, chain uint32) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.core.PassedOver(peer, chain)
}

func TestProofOfAPieceIsChecked(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh").open().found().start()
	b := c.net.NewChain("lanzhi")
	for range 600 {
		b.Record(ledger.KindPlace)
	}
	cp := b.Final()
	items := func(from, to uint64) (list []store.Item) {
		for seq := from; seq < to; seq++ {
			list = append(list, store.Item{Entry: b.Entries[seq], Sidecar: b.Sidecars[seq]})
		}
		return list
	}
	proof := func(at uint64) []ledger.Hash {
		p, err := b.TileSource().ProveConsistency(cp.Size, at)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	forged := proof(256)
	forged[0][0]++
	wrongRoot := *cp
	wrongRoot.Root[0]++
	for _, tc := range []struct {
		name  string
		cp    *ledger.Checkpoint
		items []store.Item
		proof []ledger.Hash
		ok    bool
	}{
		{"a piece", cp, items(0, 256), proof(256), true},
		{"an odd piece", cp, items(0, 301), proof(301), true},
		{"all", cp, items(0, cp.Size), nil, true},
		{"all, with a proof", cp, items(0, cp.Size), proof(256), false},
		{"a piece without proof", cp, items(0, 256), nil, false},
		{"the proof of another piece", cp, items(0, 256), proof(257), false},
		{"a changed proof", cp, items(0, 256), forged, false},
		{"other entries", cp, items(1, 257), proof(256), false},
		{"another root", &wrongRoot, items(0, cp.Size), nil, false},
	} {
		result, err := wh.keeper.Prove(tc.cp, 0, tc.items, tc.proof)
		if (err == nil) != tc.ok || err != nil && result != core.Invalid {
			t.Errorf("%s: %v, %v", tc.name, result, err)
		}
	}
}

// TestWitnessNeverCosignsASecondRoot plays an author with two histories. The
// witness signs the first it sees, proves the fork and tells everybody.
func TestWitnessNeverCosignsASecondRoot(t *testing.T) {
	c := newCluster(t)
	wh, dist := c.node("wh").open().found().start(), c.node("dist").open().found().start()
	wh.await("dist", func() bool { return wh.sessionOf(3) != nil })
	left := c.net.NewChain("lanzhi")
	right := left.Clone()
	left.Record(ledger.KindPlace)
	right.Record(ledger.KindPlace)
	author := c.rogue(t, "lanzhi")
	author.serve(serveChain(left, nil))
	author.admitted(wh)

	m, err := author.request(wh, wire.Cosign, &wire.Propose{Note: left.Checkpoint().Note})
	signed, ok := m.(*wire.Cosigned)
	if err != nil || !ok {
		t.Fatalf("the first history: %+v, %v", m, err)
	}
	if _, err := c.net.Network.Newest().Verifiers.VerifyCosignature(left.Checkpoint(), "wh", signed.Line); err != nil {
		t.Fatal(err)
	}
	if held := wh.store.Latest(1); held == nil || held.Root != left.Checkpoint().Root {
		t.Fatal("it has cosigned and not kept what the author signed")
	}
	for _, fork := range []*ledgertest.Builder{right, right} {
		m, err = author.request(wh, wire.Cosign, &wire.Propose{Note: fork.Checkpoint().Note})
		refused, ok := m.(*wire.Refused)
		if err != nil || !ok || refused.Reason != wire.ReasonConflict && refused.Reason != wire.ReasonForked {
			t.Fatalf("the second history: %+v, %v", m, err)
		}
		if refused.Reason == wire.ReasonConflict && string(refused.Note) != string(wh.store.Latest(1).Note) {
			t.Errorf("the refusal's proof is %q", refused.Note)
		}
	}
	left.Record(ledger.KindPlace) // the first history, going on
	m, err = author.request(wh, wire.Cosign, &wire.Propose{Note: left.Checkpoint().Note})
	if refused, ok := m.(*wire.Refused); err != nil || !ok || refused.Reason != wire.ReasonForked {
		t.Fatalf("after the proof of the fork: %+v, %v", m, err)
	}
	for _, n := range []*testNode{wh, dist} {
		n.await("the evidence", func() bool { return n.store.Forked(1) })
		if _, err := n.store.Evidence(1).Open(c.net.Network); err != nil {
			t.Error(err)
		}
	}
	audit := c.node("audit").open().found().start()
	audit.await("the evidence, later", func() bool { return audit.store.Forked(1) })
}

func TestProposalsAreTheAuthorsOnly(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh")
	wh.config = func(cfg *Config) { cfg.Intervals.Wait = 20 * time.Millisecond }
	wh.open().found().start()
	brand := c.net.NewChain("lanzhi")
	foreign := c.rogue(t, "dist")
	foreign.admitted(wh)
	for name, note := range map[string][]byte{
		"another's checkpoint": brand.Checkpoint().Note,
		"no checkpoint":        []byte("x"),
	} {
		m, err := foreign.request(wh, wire.Cosign, &wire.Propose{Note: note})
		if refused, ok := m.(*wire.Refused); err != nil || !ok || refused.Reason != wire.ReasonInvalid {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	m, err := foreign.request(wh, wire.Cosign, &wire.Propose{Note: c.net.NewChain("dist").Checkpoint().Note})
	if refused, ok := m.(*wire.Refused); err != nil || !ok || refused.Reason != wire.ReasonBehind {
		t.Errorf("entries that nobody gives: %+v, %v", m, err)
	}
}

func TestNodeWithoutWitnessCosignsNothing(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh")
	wh.config = func(cfg *Config) { cfg.Witness = nil }
	wh.open().found().start()
	g := c.rogue(t, "lanzhi")
	g.admitted(wh)
	m, err := g.request(wh, wire.Cosign, &wire.Propose{Note: c.net.NewChain("lanzhi").Checkpoint().Note})
	if refused, ok := m.(*wire.Refused); err != nil || !ok || refused.Reason != wire.ReasonNoWitness {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestGreedyPeerIsToldToWait asks for more than the share of a peer, of which
// others take no notice.
func TestGreedyPeerIsToldToWait(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh").open().found().start()
	g := c.rogue(t, "dist")
	g.admitted(wh)
	wh.shareOf("dist").requests.SetLimit(0) // as if time stood still
	for i := range requestBurst + 1 {
		m, err := g.request(wh, wire.Fetch, &wire.GetCharter{Version: 1})
		if err != nil {
			t.Fatal(err)
		}
		end, ok := m.(*wire.End)
		if busy := ok && end.Status == wire.StatusBusy && end.Wait > 0; busy != (i == requestBurst) {
			t.Fatalf("request %d is answered %+v", i, m)
		}
	}
	other := c.rogue(t, "audit")
	other.admitted(wh)
	if m, err := other.request(wh, wire.Fetch, &wire.GetCharter{Version: 1}); err != nil || m.Type() != wire.TypeFullCharter {
		t.Fatalf("another peer is answered %+v, %v", m, err)
	}
}

// TestProposalsWithoutEnd proposes more than the share of a member.
func TestProposalsWithoutEnd(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh").open().found().start()
	g := c.rogue(t, "dist")
	g.admitted(wh)
	limit := wh.shareOf("dist").proposals
	limit.SetLimit(0) // as if time stood still
	limit.SetBurst(5)
	for i := range 7 {
		m, err := g.request(wh, wire.Cosign, &wire.Propose{Note: []byte("nothing")})
		refused, ok := m.(*wire.Refused)
		if err != nil || !ok {
			t.Fatalf("proposal %d is answered %+v, %v", i, m, err)
		}
		if busy := refused.Reason == wire.ReasonBusy; busy != (i >= 5) {
			t.Errorf("proposal %d is refused as %s", i, refused.Reason)
		}
	}
}

// TestWhatIsReadCountsToo asks for records of which most is for the author alone: the
// answer ends where as much has been read as one may have.
func TestWhatIsReadCountsToo(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh").open().found()
	const large = 900_000
	wh.records(10, ledgertest.Disclose(ledger.Own, 1, strings.Repeat("x", large)))
	wh.start()
	size := wh.store.Size(2)
	wh.await("a checkpoint", func() bool { cp := wh.store.Latest(2); return cp != nil && cp.Size == size })
	g := c.rogue(t, "dist")
	g.admitted(wh)
	wh.shareOf("dist").traffic.SetLimit(0) // as if time stood still
	for _, only := range []bool{false, true} {
		n := g.items(wh, &wire.GetRange{Chain: 2, From: 0, To: size, Size: size, Disclosures: only})
		if most := 3 + maxBatchBytes/large; n > most || n < 3 {
			t.Errorf("an answer has %d entries, at most %d were to be read", n, most)
		}
	}
	wh.await("that what was read is counted", func() bool {
		return wh.shareOf("dist").traffic.Tokens() <= bytesBurst-maxBatchBytes
	})
}

// items counts what an answer has.
func (g *rogue) items(n *testNode, q *wire.GetRange) (count int) {
	g.t.Helper()
	stream, err := g.open(n, wire.Fetch)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = stream.Reset() }()
	if err := wire.Fetch.NewWriter(stream).Send(q); err != nil {
		g.t.Fatal(err)
	}
	for in := wire.Fetch.NewReader(stream); ; count++ {
		m, err := in.Next()
		if err != nil {
			g.t.Fatal(err)
		}
		if end, ok := m.(*wire.End); ok {
			if end.Status != wire.StatusOK {
				g.t.Fatalf("the answer ends %s", end.Status)
			}
			return count
		}
	}
}

func TestRequestsThatMakeNoSense(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh").open().found().start()
	g := c.rogue(t, "dist")
	g.admitted(wh)
	for _, tc := range []struct {
		m    wire.Message
		want wire.Status
	}{
		{&wire.GetRange{Chain: 2, From: 0, To: 100, Size: 100}, wire.StatusNotFound},
		{&wire.GetRange{Chain: 99, From: 0, To: 1, Size: 1}, wire.StatusNotFound},
		{&wire.GetCharter{Version: 2}, wire.StatusNotFound},
		{&wire.GetBlob{}, wire.StatusNotFound},
		{&wire.End{}, wire.StatusRefused},
	} {
		m, err := g.request(wh, wire.Fetch, tc.m)
		if end, ok := m.(*wire.End); err != nil || !ok || end.Status != tc.want {
			t.Errorf("%T is answered %+v, %v; want %v", tc.m, m, err, tc.want)
		}
	}
}

func TestSilentPeerIsGivenUp(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh")
	wh.config = func(cfg *Config) {
		cfg.Intervals.Ping, cfg.Intervals.Dead = 20*time.Millisecond, 200*time.Millisecond
		cfg.Intervals.Retry = time.Hour // the next attempt would have an error of its own
	}
	wh.open().found().start()
	g := c.rogue(t, "dist")
	if err := g.connect(wh); err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.greet(wh, g.hello()); err != nil {
		t.Fatal(err)
	}
	wh.await("the end of patience", func() bool {
		i := slices.IndexFunc(wh.Peers(), func(p PeerStatus) bool { return p.Number == 3 })
		return errors.Is(wh.Peers()[i].LastError, core.ErrSilent)
	})
}

// TestSecondStreamOfOnePeer holds that both sides agree on the session to keep.
func TestSecondStreamOfOnePeer(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh").open().found().start()
	g := c.rogue(t, "dist")
	g.admitted(wh)
	first := wh.sessionOf(3)
	l, m, err := g.greet(wh, g.hello())
	if err != nil || m.Type() == wire.TypeBye {
		t.Fatalf("the newer of two streams is answered %+v, %v", m, err)
	}
	defer func() { _ = l.stream.Reset() }()
	select {
	case <-first.over:
	case <-time.After(patience):
		t.Fatal("the older session goes on")
	}
	wh.await("the newer session", func() bool { s := wh.sessionOf(3); return s != nil && s != first })
	hello := g.hello()
	hello.Instance++ // the process was started again
	again, m, err := g.greet(wh, hello)
	if err != nil || m.Type() == wire.TypeBye {
		t.Fatalf("a new process is answered %+v, %v", m, err)
	}
	_ = again.stream.Reset()
}

// TestBrokenOffAttachmentGoesOnElsewhere takes the beginning from one holder and
// the rest from another; then from one that gives other bytes.
func TestBrokenOffAttachmentGoesOnElsewhere(t *testing.T) {
	for _, lies := range []bool{false, true} {
		t.Run(fmt.Sprintf("lies %v", lies), func(t *testing.T) {
			c := newCluster(t)
			wh, audit := c.node("wh"), c.node("audit")
			for _, n := range []*testNode{wh, audit} {
				blobs, err := store.OpenBlobs(c.base + "/" + n.member.Slug)
				if err != nil {
					t.Fatal(err)
				}
				n.blobs = blobs
				n.open().found().start()
			}
			data := strings.Repeat("0123456789abcdef", 20_000)
			members := store.Audience{Of: ledger.Members}
			digest, err := audit.blobs.Put(context.Background(), strings.NewReader(data), members)
			if err != nil {
				t.Fatal(err)
			}
			wh.await("audit", func() bool { return wh.sessionOf(4) != nil })
			bad := c.rogue(t, "lanzhi")
			asked := make(chan uint64, 100)
			bad.host.SetStreamHandler(protocol.ID(wire.Fetch.ID(bad.net.ID)), func(s network.Stream) {
				defer func() { _ = s.Reset() }()
				m, err := wire.Fetch.NewReader(s).Next()
				q, ok := m.(*wire.GetBlob)
				if err != nil || !ok {
					return
				}
				asked <- q.Offset
				out := wire.Fetch.NewWriter(s)
				_ = out.Write(&wire.Blob{Size: uint64(len(data))})
				chunk := []byte(data[:wire.MaxChunk])
				if lies {
					chunk[0] = 'x'
				}
				_ = out.Send(&wire.Chunk{Data: chunk})
				_ = s.CloseWrite()
				_, _ = io.Copy(io.Discard, s)
			})
			bad.admitted(wh)
			if err := wh.FetchBlob(context.Background(), Attachment{Digest: digest, Audience: members, Chain: 1}); err != nil {
				t.Fatal(err)
			}
			if len(asked) == 0 {
				t.Fatal("the author was not asked first")
			}
			if info, err := wh.blobs.Stat(digest); err != nil || info.Size != int64(len(data)) {
				t.Fatalf("stored %+v, %v", info, err)
			}
		})
	}
}
