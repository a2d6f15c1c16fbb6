package replica

import (
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/x/simlibp2p"
	"github.com/marcopolo/simnet"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// These tests run whole networks, with libp2p, QUIC and Badger, in time of their
// own: a bubble's clock stands while anything in it runs and jumps when all of it
// waits, so that hours pass in seconds, with the intervals that operators have.
// What a test waits for is measured on that clock and does not depend on the
// machine. A goroutine that stays behind fails its bubble.

var (
	long = flag.Bool("long", false, "run simulated networks for days instead of hours")
	seed = flag.Uint64("ether.seed", 0, "seed of the simulated networks; 0 chooses one")
)

// Times on a bubble's clock.
const (
	// soon is within how long everything is final where all lines are open:
	// two round trips and Intervals.Have, with room for lost packets.
	soon = 15 * time.Second

	// heals is within how long everything is final after lines that were cut are
	// open again: a connection that died is noticed, the wait before the next
	// attempt is over, and the node that leaves dialling to the other has waited.
	heals = 25*time.Second + maxRetry + 8*time.Second + soon
)

// An ether carries the packets of a bubble's nodes over lines with latency, loss
// and cuts, which a test may change at any time.
type ether struct {
	*cluster
	net  *simnet.Simnet
	rand *rand.Rand // of the test's own goroutine
	line simnet.NodeBiDiLinkSettings
	keys sync.Mutex // held while the network's keys or charters are used beside a change of them

	mu        sync.Mutex // guards what follows
	dice      *rand.Rand
	delay     time.Duration // of every packet, and up to twice as much
	loss      float64       // share of packets that get lost
	cut       map[way]bool  // where none arrive
	sent      map[uint32]int
	endpoints int // made so far
}

// A way is a direction between two nodes, by number.
type way struct{ from, to uint32 }

// addressOf is where a node of the bubble listens: its number is the last byte.
func addressOf(number uint32) net.IP { return net.IPv4(1, 0, 0, byte(number)).To4() }

func numberAt(a net.Addr) uint32 {
	ip := a.(*net.UDPAddr).IP.To4()
	return uint32(ip[3])
}

// inBubble runs a test with a network of its own in a bubble. The nodes are not
// opened yet. Whatever runs at the end is halted and closed.
func inBubble(t *testing.T, do func(t *testing.T, e *ether), opts ...ledgertest.Option) {
	if testing.Short() { // the race detector takes minutes for virtual hours
		t.Skip("networks in virtual time run without -short only")
	}
	t.Helper()
	from := *seed
	if from == 0 {
		from = rand.Uint64()
	}
	t.Logf("-ether.seed %d (how goroutines run is not repeated)", from)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.UnixMilli(ledgertest.Start))) // bubbles begin in the year 2000
		e := &ether{
			rand: rand.New(rand.NewPCG(from, 1)), dice: rand.New(rand.NewPCG(from, 2)),
			delay: 5 * time.Millisecond, cut: make(map[way]bool), sent: make(map[uint32]int),
			line: lineOfSpeed(100 * simlibp2p.OneMbps),
		}
		e.net = &simnet.Simnet{LatencyFunc: e.latency, Logger: slog.New(slog.DiscardHandler)}
		e.net.Start()
		t.Cleanup(e.net.Close) // after the nodes, whose cleanups follow
		e.cluster = newCluster(t, opts...)
		for _, n := range e.list() {
			e.place(n)
		}
		do(t, e)
	})
}

func lineOfSpeed(bitsPerSecond int) simnet.NodeBiDiLinkSettings {
	way := simnet.LinkSettings{BitsPerSecond: bitsPerSecond}
	return simnet.NodeBiDiLinkSettings{Uplink: way, Downlink: way}
}

// place has a node listen in the ether, with the intervals of operators.
func (e *ether) place(n *testNode) {
	number, further := n.member.Number, n.config
	n.config = func(cfg *Config) {
		cfg.Intervals = Intervals{}
		cfg.Listen = []string{fmt.Sprintf("/ip4/%s/udp/4001/quic-v1", addressOf(number))}
		cfg.options = e.options(e.line)
		if further != nil {
			further(cfg)
		}
	}
}

// options makes a libp2p host send its packets through the ether.
func (e *ether) options(line simnet.NodeBiDiLinkSettings) []libp2p.Option {
	e.mu.Lock()
	e.endpoints++
	e.mu.Unlock()
	return []libp2p.Option{
		libp2p.DisableIdentifyAddressDiscovery(), // it waits for the kernel, at which a bubble's clock stands
		simlibp2p.QUICSimnet(e.net, line),
	}
}

// nowhere is an address that no node has.
var nowhere = &net.UDPAddr{IP: addressOf(0), Port: 1}

// latency is how long a packet is on its way. One that gets lost is sent to
// nowhere.
func (e *ether) latency(p *simnet.Packet) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sent[numberAt(p.From)]++
	if e.cut[way{numberAt(p.From), numberAt(p.To)}] || e.dice.Float64() < e.loss {
		p.To = nowhere
		return 0
	}
	return e.delay + time.Duration(e.dice.Float64()*float64(e.delay))
}

// sentBy counts the packets that a node has sent.
func (e *ether) sentBy(number uint32) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sent[number]
}

// weather sets latency and loss of all lines.
func (e *ether) weather(delay time.Duration, loss float64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.delay, e.loss = delay, loss
}

// part cuts all lines, in both directions, between nodes of different groups.
// Lines within a group are open again.
func (e *ether) part(groups ...[]*testNode) {
	group := make(map[uint32]int)
	for i, list := range groups {
		for _, n := range list {
			group[n.member.Number] = i
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.cut)
	for a, i := range group {
		for b, j := range group {
			if i != j {
				e.cut[way{a, b}] = true
			}
		}
	}
}

// silence cuts one direction only.
func (e *ether) silence(from, to *testNode) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cut[way{from.member.Number, to.member.Number}] = true
}

// heal opens all lines.
func (e *ether) heal() { e.part() }

// goroutines counts those of the process, without the two that simnet keeps for
// each endpoint ever made, until the ether ends.
func (e *ether) goroutines() int {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	return runtime.NumGoroutine() - 2*e.endpoints
}

// within waits for something and fails if it takes longer than it may.
func (e *ether) within(most time.Duration, what string, cond func() bool) time.Duration {
	e.t.Helper()
	const look = 10 * time.Millisecond
	began := time.Now()
	for !cond() {
		if time.Since(began) > most {
			e.t.Fatalf("%s has not come after %v", what, most)
		}
		time.Sleep(look)
	}
	return time.Since(began)
}

// finalWithin waits until everything that nodes have is final at all of them, and
// fails if that takes longer than it may.
func (e *ether) finalWithin(most time.Duration, nodes ...*testNode) time.Duration {
	e.t.Helper()
	const look = 50 * time.Millisecond
	began := time.Now()
	for {
		n, author := e.lagging(nodes)
		if n == nil {
			return time.Since(began)
		}
		if time.Since(began) > most {
			chain := author.member.Number
			e.t.Fatalf("after %v %s has not all %d entries of %s final but %v; peers %+v",
				most, n.member.Slug, author.store.Size(chain), author.member.Slug, n.store.Final(chain), n.Peers())
		}
		time.Sleep(look)
	}
}

// lagging finds a node that has not everything of an author final.
func (e *ether) lagging(nodes []*testNode) (n, author *testNode) {
	e.t.Helper()
	for _, author := range nodes {
		head := author.store.Head(author.member.Number)
		for _, n := range nodes {
			cp := n.store.Final(author.member.Number)
			if cp == nil || cp.Size < head.Size {
				return n, author
			}
			if root, err := n.store.RootAt(author.member.Number, head.Size); err != nil || root != head.Root {
				e.t.Fatalf("%s has another root of %s at %d: %v", n.member.Slug, author.member.Slug, head.Size, err)
			}
		}
	}
	return nil, nil
}

// A ledgerOfFinals notes every checkpoint that a node has ever held as final.
type ledgerOfFinals map[finality]ledger.Hash

type finality struct {
	chain uint32
	size  uint64
}

// look fails if two nodes ever have two roots final for one size, or if a node
// holds evidence against one of these honest authors.
func (f ledgerOfFinals) look(e *ether) {
	e.t.Helper()
	for _, n := range e.list() {
		if n.store == nil {
			continue
		}
		for _, author := range e.list() {
			chain := author.member.Number
			if n.store.Forked(chain) {
				e.t.Fatalf("%s holds evidence against %s", n.member.Slug, author.member.Slug)
			}
			cp := n.store.Final(chain)
			if cp == nil {
				continue
			}
			at := finality{chain, cp.Size}
			if old, ok := f[at]; ok && old != cp.Root {
				e.t.Fatalf("chain %d has two final roots at %d: %s and %s", chain, cp.Size, old, cp.Root)
			}
			f[at] = cp.Root
		}
	}
}

// write appends now and then to the chains of nodes, for a while, and looks at
// what is final after each time.
func (e *ether) write(f ledgerOfFinals, d time.Duration, authors ...*testNode) {
	e.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		authors[e.rand.IntN(len(authors))].records(1 + e.rand.IntN(3))
		f.look(e)
		time.Sleep(time.Duration(e.rand.Int64N(int64(20 * time.Second))))
	}
}

// TestPartitions cuts a network of four in all ways that matter, for ten minutes
// each, while everybody writes. What a quorum can talk about becomes final
// meanwhile, nothing else does, and everything when the lines are open again.
func TestPartitions(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, e *ether) {
		e.runAll()
		brand, wh, dist, audit := e.node("lanzhi"), e.node("wh"), e.node("dist"), e.node("audit")
		all := e.list()
		seen := make(ledgerOfFinals)
		e.finalWithin(heals, all...)
		for _, p := range []struct {
			name   string
			cut    func()
			quorum []*testNode // who can talk to two others
		}{
			{"halves", func() { e.part([]*testNode{brand, wh}, []*testNode{dist, audit}) }, nil},
			{"one alone", func() { e.part([]*testNode{brand, wh, dist}, []*testNode{audit}) }, []*testNode{brand, wh, dist}},
			{"one line", func() { e.silence(brand, dist); e.silence(dist, brand) }, all},
			{"one direction", func() { e.silence(brand, wh) }, all},
			{"nobody hears the auditor", func() { e.silence(audit, brand); e.silence(audit, wh); e.silence(audit, dist) }, []*testNode{brand, wh, dist}},
			{"everybody alone", func() { e.part([]*testNode{brand}, []*testNode{wh}, []*testNode{dist}, []*testNode{audit}) }, nil},
		} {
			before := make(map[uint32]uint64)
			for _, n := range all {
				before[n.member.Number] = n.store.Size(n.member.Number)
			}
			p.cut()
			e.write(seen, 10*time.Minute, all...)
			if p.quorum != nil {
				e.finalWithin(heals, p.quorum...)
			}
			for _, n := range all {
				for chain, size := range before {
					if cp := n.store.Final(chain); p.quorum == nil && cp.Size > size {
						t.Errorf("%s: %s has chain %d final up to %d, at the cut it had %d entries", p.name, n.member.Slug, chain, cp.Size, size)
					}
				}
			}
			e.heal()
			t.Logf("%-25s all final %v after the lines were open again", p.name, e.finalWithin(heals, all...).Round(time.Millisecond))
			seen.look(e)
		}
	})
}

// TestChurn lets the nodes of a network go and come for hours, by halting and by
// closing the store, while lines break, packets get lost and whoever runs writes.
// In the end everything is final everywhere, and as many goroutines run as in the
// beginning.
func TestChurn(t *testing.T) {
	hours := 1
	if *long {
		hours = 48
	}
	began := runtime.NumGoroutine()
	inBubble(t, func(t *testing.T, e *ether) {
		audit := e.node("audit") // on disk: it closes its store each time
		audit.dir = filepath.Join(e.base, "audit")
		e.runAll()
		all := e.list()
		e.finalWithin(heals, all...)
		calm := e.calm()
		seen := make(ledgerOfFinals)
		stops, cuts := 0, 0
		for end := time.Now().Add(time.Duration(hours) * time.Hour); time.Now().Before(end); {
			n, other := all[e.rand.IntN(len(all))], all[e.rand.IntN(len(all))]
			switch roll := e.rand.IntN(10); {
			case roll < 4 && n.running():
				n.halt()
				if n.dir != "" {
					n.close()
				}
				stops++
			case roll < 5 && n != other:
				e.silence(n, other)
				e.silence(other, n)
				cuts++
			case roll < 6:
				e.heal()
			case roll < 7:
				e.weather(time.Duration(e.rand.Int64N(int64(200*time.Millisecond))), 0.1*e.rand.Float64())
			default:
				for _, n := range all {
					if !n.running() {
						e.back(n)
					}
				}
			}
			var up []*testNode
			for _, n := range all {
				if n.store != nil {
					up = append(up, n)
				}
			}
			e.write(seen, time.Duration(e.rand.Int64N(int64(3*time.Minute))), up...)
		}
		for _, n := range all {
			if !n.running() {
				e.back(n)
			}
		}
		e.heal()
		e.weather(5*time.Millisecond, 0)
		took := e.finalWithin(heals, all...)
		seen.look(e)
		after := e.calm()
		t.Logf("%d nodes halted, %d lines cut in %d h; all final %v after the last came back; %d goroutines before, %d after",
			stops, cuts, hours, took.Round(time.Millisecond), calm, after)
		if after > calm+calm/10 {
			t.Errorf("%d goroutines where there were %d before", after, calm)
		}
	})
	// One that has ended for its bubble may still be on its way out.
	for end := time.Now().Add(patience); runtime.NumGoroutine() > began; runtime.Gosched() {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines after all, %d before:\n%s", runtime.NumGoroutine(), began, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// back starts a node again, with what it has stored.
func (e *ether) back(n *testNode) {
	if n.store == nil {
		n.open()
	}
	n.start()
}

// calm counts goroutines when nothing but keeping up is going on.
func (e *ether) calm() int {
	time.Sleep(3 * time.Minute) // also what waits in the transports has given up
	return e.goroutines()
}
