package replica

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/x/simlibp2p"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
	"suyuan/node/wire"
)

// These tests have one member of four do its worst, in a bubble: the three honest
// nodes are a quorum, and what they write must go on becoming final as if nothing
// were. One answer to one malformed message is tested in adversary_test.go.

// rogue puts a bare host with the transport key of a member into the ether, on a
// line that a company may have.
func (e *ether) rogue(slug string) *rogue {
	e.t.Helper()
	m := e.cluster.net.Member(slug)
	all := make(map[peer.ID]uint32)
	for _, n := range e.cluster.net.Charter().Nodes {
		id, err := peer.Decode(n.Peer)
		if err != nil {
			e.t.Fatal(err)
		}
		all[id] = n.Number
	}
	g := &gate{}
	g.set(all)
	listen := fmt.Sprintf("/ip4/%s/udp/4001/quic-v1", addressOf(m.Number))
	h, err := newHost(m.Transport, []string{listen}, g, e.cluster.net.Network.ID, len(all), false, e.options(lineOfSpeed(10*simlibp2p.OneMbps))...)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		if err := h.Close(); err != nil {
			e.t.Error(err)
		}
	})
	return &rogue{t: e.t.(*testing.T), host: h, net: e.cluster.net.Network, number: m.Number}
}

// An attack's goroutines must not wait for a mutex that one holds which waits for
// the line: the bubble's clock would stand for ever.

// An attack is what a rogue does to one victim, again and again until ctx ends.
type attack func(ctx context.Context, g *rogue, victim *testNode)

// session opens ctl and gets admitted, nil if it does not. Nothing reads what
// follows.
func (g *rogue) session(n *testNode, hello *wire.Hello) *line {
	l, m, err := g.greet(n, hello)
	if err != nil || m.Type() == wire.TypeBye {
		return nil
	}
	return l
}

// polite is a session that answers pings until end is called; it is nil if the
// node does not admit the rogue.
func (g *rogue) polite(n *testNode) (l *line, end func()) {
	if l = g.session(n, g.hello()); l == nil {
		return nil, func() {}
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			m, err := l.in.Next()
			if err != nil {
				return
			}
			if p, ok := m.(*wire.Ping); ok && !p.Answer {
				_ = l.send(&wire.Ping{Token: p.Token, Answer: true})
			}
		}
	})
	return l, func() {
		_ = l.stream.Reset()
		reading.Wait()
	}
}

// burst opens streams of a protocol until the node takes no more, and does with
// each what it is told.
func (g *rogue) burst(n *testNode, p wire.Protocol, most int, use func(network.Stream)) {
	var all sync.WaitGroup
	for range most {
		s, err := g.open(n, p)
		if err != nil {
			break
		}
		all.Go(func() {
			defer func() { _ = s.Reset() }()
			use(s)
		})
	}
	all.Wait()
}

// drip writes bytes one by one until the other side has enough.
func drip(ctx context.Context, raw []byte) func(network.Stream) {
	return func(s network.Stream) {
		for i := range raw {
			if _, err := s.Write(raw[i : i+1]); err != nil || !sleep(ctx, 3*time.Second) {
				return
			}
		}
	}
}

// attacks are what a member can do with what it has: its own keys.
func attacks(e *ether) map[string]attack {
	big := ledgertest.Disclose(ledger.Members, 1, strings.Repeat("x", 8000))
	own := e.cluster.net.NewChain("dist")
	whole := &wire.GetRange{Chain: 1, To: 300, Size: 300}
	e.node("lanzhi").records(400, big)
	return map[string]attack{
		"reads nothing": func(ctx context.Context, g *rogue, n *testNode) {
			if l := g.session(n, g.hello()); l != nil {
				defer func() { _ = l.stream.Reset() }()
			}
			g.burst(n, wire.Fetch, 10, func(s network.Stream) {
				if wire.Fetch.NewWriter(s).Send(whole) == nil {
					sleep(ctx, 40*time.Second)
				}
			})
		},
		"writes byte by byte": func(ctx context.Context, g *rogue, n *testNode) {
			_, end := g.polite(n)
			defer end()
			g.burst(n, wire.Fetch, 10, drip(ctx, make([]byte, 100)))
			g.burst(n, wire.Cosign, 10, drip(ctx, mustFrame(g.t, wire.Cosign, &wire.Propose{Note: own.Checkpoint().Note})))
		},
		"never says hello": func(ctx context.Context, g *rogue, n *testNode) {
			for _, p := range []wire.Protocol{wire.Ctl, wire.Fetch, wire.Cosign} {
				g.burst(n, p, 20, func(network.Stream) { sleep(ctx, 30*time.Second) })
			}
		},
		"comes back with ever new processes": func(ctx context.Context, g *rogue, n *testNode) {
			for range 20 {
				hello := g.hello()
				hello.Instance = rand.Uint64()
				g.session(n, hello) // the one before it is left as it is
			}
			sleep(ctx, time.Second)
			_ = g.host.Network().ClosePeer(n.host.ID())
		},
		"asks without end": func(ctx context.Context, g *rogue, n *testNode) {
			_, end := g.polite(n)
			defer end()
			var all sync.WaitGroup
			for range 3 { // one less than it may have open
				all.Go(func() {
					for ctx.Err() == nil {
						_, err := g.request(n, wire.Fetch, &wire.GetRange{Chain: 1, From: rand.Uint64N(300), To: 300, Size: 300})
						if err != nil && !sleep(ctx, time.Second) {
							return
						}
					}
				})
			}
			all.Wait()
		},
		"claims what is not there": func(ctx context.Context, g *rogue, n *testNode) {
			l := g.session(n, g.hello()) // what pings it would have to wait for the line
			note := make([]byte, 4000)
			for l != nil && ctx.Err() == nil {
				have := &wire.Have{}
				for chain := range uint32(4) {
					have.Chains = append(have.Chains, wire.Holding{Chain: chain + 1, Size: 1<<60 + rand.Uint64N(1000), Signed: note, Final: note})
				}
				if l.send(have) != nil {
					return
				}
				sleep(ctx, 20*time.Millisecond)
			}
		},
		"sends frames that are too large": func(ctx context.Context, g *rogue, n *testNode) {
			if l := g.session(n, g.hello()); l != nil {
				_, _ = l.stream.Write([]byte{0xff, 0xff, 0xff, 0xff, 0x7f})
			}
			g.burst(n, wire.Fetch, 4, func(s network.Stream) { _, _ = s.Write(make([]byte, 1<<20)) })
			sleep(ctx, time.Second)
		},
		"signs what it keeps to itself": func(ctx context.Context, g *rogue, n *testNode) {
			l, end := g.polite(n)
			defer end()
			mine := own.Clone()
			for l != nil && ctx.Err() == nil {
				mine.Record(ledger.KindPlace)
				note := mine.Checkpoint().Note
				_ = l.send(&wire.Have{Chains: []wire.Holding{{Chain: 3, Size: mine.Size(), Signed: note}}})
				if _, err := g.request(n, wire.Cosign, &wire.Propose{Note: note}); err != nil {
					return
				}
			}
		},
		"moves all the time": func(ctx context.Context, g *rogue, n *testNode) {
			l, end := g.polite(n)
			defer end()
			key := e.cluster.net.Member("dist").Transport
			for seq := uint64(time.Now().UnixMilli()); l != nil && ctx.Err() == nil; seq++ {
				a := &wire.Addr{Number: 3, Seq: seq, Addrs: []string{fmt.Sprintf("/ip4/1.0.1.%d/udp/%d/quic-v1", seq%250, 1+seq%60000)}}
				msg, err := a.Message(g.net.ID)
				if err != nil {
					g.t.Error(err)
					return
				}
				a.Sig = ed25519.Sign(key, msg)
				if l.send(a) != nil {
					return
				}
				sleep(ctx, 20*time.Millisecond)
			}
		},
	}
}

// What an attack may cost its victims.
const (
	// promptly is how long finality may take under an attack: some four round
	// trips and the 100 ms for which announcements are gathered.
	promptly = time.Second

	attackedGoroutines = 250
	attackedBytes      = 96 << 20
)

// TestHostilePeers has a rogue attack three nodes at once. One of them writes a
// record each two seconds; each must be final at all three promptly, with some
// memory and some goroutines more, and none when it is over.
func TestHostilePeers(t *testing.T) {
	lasting := 20 * time.Second
	if *long {
		lasting = time.Hour
	}
	for _, name := range []string{
		"reads nothing", "writes byte by byte", "never says hello", "comes back with ever new processes", "asks without end",
		"claims what is not there", "sends frames that are too large", "signs what it keeps to itself", "moves all the time",
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, e *ether) {
				honest := []*testNode{e.node("lanzhi"), e.node("wh"), e.node("audit")}
				for _, n := range honest {
					n.open().found()
				}
				all := attacks(e)
				for _, n := range honest {
					n.start()
				}
				e.finalWithin(heals, honest...)
				g := e.rogue("dist")
				for _, n := range honest {
					if err := g.connect(n); err != nil {
						t.Fatal(err)
					}
				}
				calm, heap := e.calm(), heapBytes()
				before := e.sentBy(3)
				ctx, stop := context.WithTimeout(t.Context(), lasting)
				defer stop()
				var attackers sync.WaitGroup
				for _, n := range honest {
					attackers.Go(func() {
						for ctx.Err() == nil {
							_ = g.connect(n)
							all[name](ctx, g, n)
							sleep(ctx, 100*time.Millisecond)
						}
					})
				}
				var slowest time.Duration
				var most int
				for ctx.Err() == nil {
					honest[0].records(1)
					slowest = max(slowest, e.finalWithin(promptly, honest...))
					most = max(most, runtime.NumGoroutine())
					sleep(ctx, 2*time.Second)
				}
				bytes := heapBytes()
				stop()
				attackers.Wait()
				t.Logf("%d packets of the rogue; finality within %v; %d goroutines for %d; %.1f MiB for %.1f",
					e.sentBy(3)-before, slowest, most, calm, float64(bytes)/(1<<20), float64(heap)/(1<<20))
				if most > calm+attackedGoroutines {
					t.Errorf("%d goroutines under attack, %d before", most, calm)
				}
				if bytes > heap+attackedBytes {
					t.Errorf("%d bytes under attack, %d before", bytes, heap)
				}
				_ = g.host.Close()
				if after := e.calm(); after > calm {
					t.Errorf("%d goroutines when it was over, %d before", after, calm)
				}
			})
		})
	}
}

// heapBytes is the live memory of the process.
func heapBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// stalledWithin is how long a catch-up may take longer because its first holder
// is hostile: two requests that get no answer in time, and a wait.
const stalledWithin = 2*requestTimeout + frameTimeout + 10*time.Second

// A holder answers one request for entries of a chain that it could serve.
type holder func(ctx context.Context, q *wire.GetRange, items []store.Item, out *wire.Writer) error

// send serves items as asked, with the given END.
func sendItems(out *wire.Writer, items []store.Item, end *wire.End) error {
	for _, it := range items {
		if err := out.Write(&wire.Item{Entry: it.Entry, Sidecar: it.Sidecar}); err != nil {
			return err
		}
	}
	return out.Send(end)
}

var errNoAnswer = errors.New("the holder does not answer")

// holders are what a member can do that has said that it holds a chain.
var holders = map[string]holder{
	"has nothing after all": func(_ context.Context, _ *wire.GetRange, _ []store.Item, out *wire.Writer) error {
		return out.Send(&wire.End{Status: wire.StatusNotFound})
	},
	"is busy for ever": func(_ context.Context, _ *wire.GetRange, _ []store.Item, out *wire.Writer) error {
		return out.Send(&wire.End{Status: wire.StatusBusy, Wait: 1<<32 - 1})
	},
	"says nothing": func(ctx context.Context, _ *wire.GetRange, _ []store.Item, _ *wire.Writer) error {
		sleep(ctx, time.Hour)
		return errNoAnswer
	},
	"hangs up": func(context.Context, *wire.GetRange, []store.Item, *wire.Writer) error { return errNoAnswer },
	"gives an entry each ten seconds": func(ctx context.Context, _ *wire.GetRange, items []store.Item, out *wire.Writer) error {
		for _, it := range items {
			if err := out.Send(&wire.Item{Entry: it.Entry, Sidecar: it.Sidecar}); err != nil {
				return err
			}
			if !sleep(ctx, 10*time.Second) {
				return ctx.Err()
			}
		}
		return out.Send(&wire.End{})
	},
	"ends early": func(_ context.Context, _ *wire.GetRange, items []store.Item, out *wire.Writer) error {
		return sendItems(out, items[:len(items)/2], &wire.End{})
	},
	"begins where it likes": func(_ context.Context, _ *wire.GetRange, items []store.Item, out *wire.Writer) error {
		return sendItems(out, items[1:], &wire.End{})
	},
	"gives no sidecars": func(_ context.Context, _ *wire.GetRange, items []store.Item, out *wire.Writer) error {
		for i := range items {
			items[i].Sidecar = nil
		}
		return sendItems(out, items, &wire.End{})
	},
	"forges its proofs": func(_ context.Context, q *wire.GetRange, items []store.Item, out *wire.Writer) error {
		return sendItems(out, items, &wire.End{Proof: []ledger.Hash{{1}, {2}}})
	},
}

// TestHostileHolders has a node come late, the author be away, and at first only
// a rogue that could serve the chain. Once an honest holder is there, the node
// takes everything from that one, and what it writes itself becomes final.
func TestHostileHolders(t *testing.T) {
	t.Parallel()
	for name, behave := range holders {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, e *ether) {
				brand, wh, audit := e.node("lanzhi"), e.node("wh"), e.node("audit")
				for _, n := range []*testNode{brand, wh, audit} {
					n.open().found()
				}
				brand.start()
				wh.start()
				brand.records(300, ledgertest.Disclose(ledger.Members, 1, "what everybody may see"))
				e.within(heals, "the brand's chain", func() bool { return wh.store.Head(1) == brand.store.Head(1) })
				cp := brand.store.Latest(1)
				if cp.Size != brand.store.Size(1) {
					t.Fatalf("signed up to %d", cp.Size)
				}
				brand.halt()

				ctx, stop := context.WithCancel(t.Context())
				var serving sync.WaitGroup
				defer serving.Wait()
				defer stop()
				g := e.rogue("dist")
				g.serve(func(q *wire.GetRange, out *wire.Writer) error {
					serving.Add(1)
					defer serving.Done()
					var items []store.Item
					for it, err := range wh.store.Entries(q.Chain, q.From, q.To) {
						if err != nil {
							return err
						}
						items = append(items, it)
					}
					return behave(ctx, q, items, out)
				})
				e.part([]*testNode{audit}, []*testNode{wh})
				audit.start()
				if err := g.connect(audit); err != nil {
					t.Fatal(err)
				}
				l, end := g.polite(audit)
				defer end()
				e.within(heals, "the rogue's session", func() bool { return audit.peer(3).Admitted })
				if err := l.send(&wire.Have{Chains: []wire.Holding{{Chain: 1, Size: cp.Size, Signed: cp.Note}}}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second) // the rogue is being asked
				e.heal()
				meet(wh, audit)
				took := e.within(stalledWithin, "the chain", func() bool { return audit.store.Size(1) == cp.Size })
				t.Logf("caught up %v after an honest holder came", took)
				if root, err := audit.store.RootAt(1, cp.Size); err != nil || root != cp.Root {
					t.Errorf("root %s, %v", root, err)
				}
				brand.start()
				audit.records(3)
				e.finalWithin(heals, brand, wh, audit) // audit has cosigned: it takes three
				if lacks, err := audit.store.Lacking(1, 1); err != nil || len(lacks) > 0 {
					t.Errorf("disclosures have not come: %+v, %v", lacks, err)
				}
				want, err := wh.store.Sidecar(1, cp.Size-1)
				if got, err2 := audit.store.Sidecar(1, cp.Size-1); err != nil || err2 != nil || !bytes.Equal(got, want) {
					t.Errorf("a sidecar of %d bytes, the author's has %d: %v, %v", len(got), len(want), err, err2)
				}
			})
		})
	}
}

// TestWrongFrontiers has an author name what is not there of a chain that is
// final: another root, or entries that nobody has. Nobody cosigns that; the
// others go on.
func TestWrongFrontiers(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*ledger.Seen){
		"another root":       func(s *ledger.Seen) { s.Root[0]++ },
		"more than there is": func(s *ledger.Seen) { s.Size += 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, e *ether) {
				honest := []*testNode{e.node("lanzhi"), e.node("wh"), e.node("audit")}
				for _, n := range honest {
					n.open().found()
				}
				for _, n := range honest {
					n.start()
				}
				e.finalWithin(heals, honest...)
				head := honest[0].store.Head(1)
				seen := ledger.Seen{Chain: 1, Size: head.Size, Root: head.Root}
				spoil(&seen)
				b := e.cluster.net.NewChain("dist")
				good := b.Size()
				b.Frontier(ledger.Frontier{seen})
				b.Record(ledger.KindPlace)
				g := e.rogue("dist")
				g.serve(serveChain(b, nil))
				for _, n := range honest {
					if err := g.connect(n); err != nil {
						t.Fatal(err)
					}
					_, end := g.polite(n)
					defer end()
					e.within(soon, "the rogue's session", func() bool { return n.peer(3).Admitted })
				}
				var asked sync.WaitGroup
				for _, n := range honest {
					asked.Go(func() {
						m, err := g.request(n, wire.Cosign, &wire.Propose{Note: b.Checkpoint().Note})
						if refused, ok := m.(*wire.Refused); err != nil || !ok {
							t.Errorf("%s answers %+v, %v", n.member.Slug, m, err)
						} else {
							t.Logf("%s refuses: %s", n.member.Slug, refused.Reason)
						}
					})
				}
				asked.Wait()
				for _, n := range honest {
					n.records(3)
				}
				e.finalWithin(soon, honest...)
				for _, n := range honest {
					if cp := n.store.Final(3); cp != nil && cp.Size > good {
						t.Errorf("%s has a wrong frontier final", n.member.Slug)
					}
				}
			})
		})
	}
}

// TestClocksHoursApart has the clocks of two nodes go hours before and behind.
// Entry times differ accordingly, which is for findings; finality does not.
func TestClocksHoursApart(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, e *ether) {
		time.Sleep(8 * time.Hour) // what the records say has happened, also by the slowest clock
		for slug, off := range map[string]time.Duration{"wh": 5 * time.Hour, "dist": -7 * time.Hour} {
			n := e.node(slug)
			clock := func() time.Time { return time.Now().Add(off) }
			place := n.config
			n.config = func(cfg *Config) { place(cfg); cfg.Now = clock }
			s, err := store.Open(store.Config{Network: e.cluster.net.Network, Own: n.member.Number, MinFree: 1, Now: clock})
			if err != nil {
				t.Fatal(err)
			}
			n.store = s
			n.found()
		}
		e.node("lanzhi").open().found()
		e.node("audit").open().found()
		for _, n := range e.list() {
			n.start()
		}
		e.finalWithin(heals, e.list()...)
		for range 5 {
			for _, n := range e.list() {
				n.records(2)
			}
			e.finalWithin(promptly, e.list()...)
			time.Sleep(2 * time.Minute)
		}
		wh := e.node("wh") // its address statements are hours ahead; it moves
		wh.halt()
		wh.start()
		wh.records(1)
		e.finalWithin(heals, e.list()...)
	})
}
