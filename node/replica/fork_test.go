package replica

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

// These tests put a thief into the network that has all keys of the brand's node
// and a copy of what it had stored, and that writes another history with them.

// provenWithin is how long it may take, on a bubble's clock, until every honest
// node holds the proof of a fork whose two histories have met.
const provenWithin = 5 * time.Second

// rob starts a node with the keys of another and what it has stored so far, at an
// address of its own. The victim goes on. The thief knows how to reach everybody;
// those of whom it wants to be found are told.
func (e *ether) rob(victim *testNode) (thief *testNode) {
	e.t.Helper()
	chain := victim.member.Number
	s, err := store.Open(store.Config{Network: e.cluster.net.Network, Own: chain, MinFree: 1})
	if err != nil {
		e.t.Fatal(err)
	}
	thief = &testNode{c: e.cluster, member: victim.member, store: s, config: func(cfg *Config) {
		cfg.Listen = []string{"/ip4/" + addressOf(thiefs+chain).String() + "/udp/4001/quic-v1"}
		cfg.Intervals = Intervals{}
		cfg.options = e.options(e.line)
	}}
	e.t.Cleanup(func() {
		thief.halt()
		thief.close()
	})
	// A store takes entries of its own chain only if it has lost them.
	if err := s.PutCheckpoint(context.Background(), victim.store.Latest(chain)); !errors.Is(err, store.ErrBehind) {
		e.t.Fatalf("the thief's empty store says %v", err)
	}
	var items []store.Item
	for it, err := range victim.store.Entries(chain, 0, victim.store.Size(chain)) {
		if err != nil {
			e.t.Fatal(err)
		}
		items = append(items, it)
	}
	if _, err := s.Extend(context.Background(), chain, 0, items); err != nil {
		e.t.Fatal(err)
	}
	return thief
}

// thiefs is added to the number of a node to get the address of its thief.
const thiefs = 100

// partWith is part for groups of which one has the thief.
func (e *ether) partWith(thief *testNode, with []*testNode, others ...[]*testNode) {
	e.part(append(others, with)...)
	e.mu.Lock()
	defer e.mu.Unlock()
	number := thiefs + thief.member.Number
	for _, group := range others {
		for _, n := range group {
			e.cut[way{number, n.member.Number}], e.cut[way{n.member.Number, number}] = true, true
		}
	}
}

// meet makes nodes dial each other now, instead of when they would next.
func meet(list ...*testNode) {
	for _, n := range list {
		for _, other := range list {
			if n != other {
				n.AddAddrs(other.member.Number, other.Addrs()...)
			}
		}
	}
}

// provenAt waits for the proof of a fork on all nodes.
func (e *ether) provenAt(chain uint32, nodes ...*testNode) {
	e.t.Helper()
	began := time.Now()
	for _, n := range nodes {
		for !n.store.Forked(chain) {
			if time.Since(began) > provenWithin {
				e.t.Fatalf("%s has no evidence after %v; peers %+v", n.member.Slug, provenWithin, n.Peers())
			}
			time.Sleep(10 * time.Millisecond)
		}
		if accused, err := n.store.Evidence(chain).Open(e.cluster.net.Network); err != nil || accused != chain {
			e.t.Errorf("%s: the evidence is about chain %d: %v", n.member.Slug, accused, err)
		}
	}
	e.t.Logf("proven at all %v after the histories met", time.Since(began).Round(time.Millisecond))
}

// stopped holds that nothing is written to a chain any more, and nothing of it
// becomes final beyond what is.
func (e *ether) stopped(chain uint32, do func(), writers, nodes []*testNode) {
	e.t.Helper()
	for _, n := range writers {
		r, sc := e.cluster.net.Record(n.member.Slug, ledger.KindPlace, ledgertest.Start)
		if _, err := n.store.Append(context.Background(), r, sc); !errors.Is(err, store.ErrNotSigning) || !errors.Is(err, store.ErrForked) {
			e.t.Errorf("the forked chain takes a record: %v", err)
		}
	}
	before := make(map[*testNode]uint64)
	for _, n := range nodes {
		before[n] = n.store.Final(chain).Size
	}
	do()
	for n, size := range before {
		if now := n.store.Final(chain).Size; now != size {
			e.t.Errorf("%s: the forked chain has become final up to %d, from %d", n.member.Slug, now, size)
		}
	}
}

// renew ends a chain by charter and gives its member a node with a new number,
// log key and transport key. It returns the new node, which is not open yet.
func (e *ether) renew(old *testNode, size uint64, at *testNode) *testNode {
	e.t.Helper()
	chain := old.member.Number
	root, err := at.store.RootAt(chain, size)
	if err != nil {
		e.t.Fatal(err)
	}
	m := *old.member
	m.Number = uint32(len(e.cluster.net.Charter().Nodes)) + 1
	m.Log, m.Transport = ledgertest.NodeKey(m.Slug+" new log"), ledgertest.NodeKey(m.Slug+" new transport")
	signed := e.cluster.net.Adopt(func(c *ledger.Charter) {
		c.Nodes = slices.DeleteFunc(c.Nodes, func(n ledger.Node) bool { return n.Number == chain })
		c.Ended = append(c.Ended, ledger.Ended{Chain: chain, Size: size, Root: root})
		c.Nodes = append(c.Nodes, ledger.Node{
			Number: m.Number, Member: m.Slug, LogKey: ledger.Hash(m.Log[32:]), Peer: ledgertest.PeerID(m.Transport),
		})
		c.Cosigner(m.Slug).Node = m.Number
	})
	if err := at.store.AdoptCharter(signed); err != nil {
		e.t.Fatal(err)
	}
	*old.member = m // from now on its records are for the new chain
	fresh := e.add(m.Slug)
	fresh.dir = filepath.Join(e.base, ledger.ChainName(m.Slug, m.Number))
	if err := store.CreateSecondGuard(filepath.Join(fresh.dir, "guard")); err != nil {
		e.t.Fatal(err) // as a node does that makes a new log key: its witness waits for the others
	}
	e.place(fresh)
	return fresh
}

// emptied takes a node's ledger away and leaves the guard.
func (e *ether) emptied(n *testNode) {
	e.t.Helper()
	n.close()
	if err := os.RemoveAll(filepath.Join(n.dir, "ledger")); err != nil {
		e.t.Fatal(err)
	}
	n.open()
}

// TestForkBeforeFinality has the brand and its thief write while no quorum can
// talk: neither history is final. When the lines are open again, everybody gets
// the proof; the chain stops, the others go on; a charter ends it, and the brand
// writes under a new number.
func TestForkBeforeFinality(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, e *ether) {
		e.runAll()
		brand, wh, dist, audit := e.node("lanzhi"), e.node("wh"), e.node("dist"), e.node("audit")
		e.finalWithin(heals, e.list()...)
		common := brand.store.Size(1)
		thief := e.rob(brand)
		e.partWith(thief, []*testNode{dist}, []*testNode{brand, wh}, []*testNode{audit})
		thief.startAlone()
		brand.records(3)
		thief.records(5)
		dist.AddAddrs(1, thief.Addrs()...)
		for _, pair := range [][2]*testNode{{brand, wh}, {thief, dist}} {
			head := pair[0].store.Head(1)
			e.within(heals, "the history of its side", func() bool { return pair[1].store.Head(1) == head })
		}
		thief.halt() // with its transport key it would be in the brand's way
		e.part([]*testNode{brand, wh, dist}, []*testNode{audit})
		meet(brand, wh, dist)
		e.provenAt(1, brand, wh, dist)
		e.heal() // before that, one history could have become final
		meet(brand, wh, dist, audit)
		e.provenAt(1, brand, wh, dist, audit)
		e.theRestGoesOn(brand, wh, dist, audit)
		if f := wh.store.Final(1); f.Size != common {
			t.Errorf("final up to %d, from %d", f.Size, common)
		}
		e.newNumber(brand, common, wh, dist, audit)
	})
}

// TestForkAfterFinality has the thief contradict what is final: it shows one
// member a checkpoint with another root for a size that all have final.
func TestForkAfterFinality(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, e *ether) {
		e.runAll()
		brand, wh, dist, audit := e.node("lanzhi"), e.node("wh"), e.node("dist"), e.node("audit")
		e.finalWithin(heals, e.list()...)
		thief := e.rob(brand)
		brand.records(20)
		e.finalWithin(soon, e.list()...)
		final := brand.store.Size(1)
		e.partWith(thief, []*testNode{dist}, []*testNode{brand, wh, audit})
		thief.startAlone()
		thief.records(7)
		dist.AddAddrs(1, thief.Addrs()...)
		e.within(heals, "the thief's history", func() bool { return dist.store.Forked(1) })
		thief.halt()
		e.heal()
		meet(brand, wh, dist, audit)
		e.provenAt(1, brand, wh, dist, audit)
		e.theRestGoesOn(brand, wh, dist, audit)
		if f := wh.store.Final(1); f.Size != final {
			t.Errorf("final up to %d, not %d", f.Size, final)
		}
		e.newNumber(brand, final, wh, dist, audit)
	})
}

// theRestGoesOn holds that the forked chain has stopped, and that the chains of the others go on.
func (e *ether) theRestGoesOn(brand *testNode, others ...*testNode) {
	e.t.Helper()
	e.stopped(1, func() {
		for _, n := range others {
			n.records(4)
		}
		e.t.Logf("the rest is final %v later", e.finalWithin(heals, others...))
		time.Sleep(10 * time.Minute)
	}, []*testNode{brand}, others)
}

// newNumber ends the brand's chain and has it go on under a new number.
func (e *ether) newNumber(brand *testNode, size uint64, others ...*testNode) {
	e.t.Helper()
	brand.halt()
	fresh := e.renew(brand, size, others[0])
	for _, n := range others {
		n.enforce()
	}
	fresh.open().found().start()
	fresh.records(10)
	others[1].records(2)
	e.finalWithin(heals, append(others, fresh)...)
	for _, n := range others {
		if f := n.store.Final(1); f.Size != size {
			e.t.Errorf("%s has the ended chain final up to %d, not %d", n.member.Slug, f.Size, size)
		}
	}
}

// TestForkWhoseOtherSideIsFinal has the thief win: while the brand talks to one
// member only, its own history becomes final with the two others. There is one
// final history all the same, and the rest goes on with the vote of who holds the
// other one. The chain ends there by charter; who holds the
// other history begins anew from the copies of the rest, keeps its guard, and
// has everything final again.
func TestForkWhoseOtherSideIsFinal(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, e *ether) {
		brand, wh, dist, audit := e.node("lanzhi"), e.node("wh"), e.node("dist"), e.node("audit")
		wh.dir = filepath.Join(e.base, "wh")
		e.runAll()
		e.finalWithin(heals, e.list()...)
		thief := e.rob(brand)
		e.partWith(thief, []*testNode{dist, audit}, []*testNode{brand, wh})
		thief.startAlone()
		brand.records(3)
		thief.records(5)
		for _, n := range []*testNode{dist, audit} {
			n.AddAddrs(1, thief.Addrs()...)
		}
		head := thief.store.Head(1)
		e.within(heals, "finality of the thief's history", func() bool {
			cp := dist.store.Final(1)
			return cp != nil && cp.Size >= 7 && cp.Size == head.Size
		})
		time.Sleep(2 * ledger.FrontierInterval * time.Millisecond)
		for _, n := range []*testNode{dist, audit} {
			n.records(2) // they say that they have seen the thief's
			if size, err := n.store.FrontierAt(n.member.Number, n.store.Size(n.member.Number)-1, 1); err != nil || size != head.Size {
				t.Errorf("%s has seen %d entries of %d, %v", n.member.Slug, size, head.Size, err)
			}
		}
		thief.halt()
		e.heal()
		meet(brand, wh, dist, audit)
		e.provenAt(1, brand, wh, dist, audit)
		for _, n := range []*testNode{brand, wh} {
			if cp := n.store.Final(1); cp.Size >= head.Size {
				t.Errorf("%s has %d entries of the other history final", n.member.Slug, cp.Size)
			}
		}
		e.theRestGoesOn(brand, wh, dist, audit) // needs wh, which cannot store what the others name
		// However much the thief has signed, the brand reports what it has itself.
		own := brand.store.Latest(1)
		if m, err := brand.store.Stop(context.Background(), 1); err != nil || m.Size != own.Size || m.Root != own.Root || own.Size != brand.store.Size(1) {
			t.Errorf("the brand has %d entries and stops at %+v, %v", brand.store.Size(1), m, err)
		}

		brand.halt()
		fresh := e.renew(brand, head.Size, dist)
		e.within(heals, "the charter", func() bool { return wh.store.Network().Newest().Charter.Version == 2 })
		if _, same, err := wh.store.AtEnd(1); same || err != nil {
			t.Errorf("wh does not know that it holds the wrong history: %v", err)
		}
		wh.halt()
		e.emptied(wh)
		wh.start()
		e.within(heals, "its own chain", func() bool { ok, _ := wh.store.SigningState(); return ok && wh.store.Size(2) > 0 })
		for _, n := range []*testNode{wh, dist, audit} {
			n.enforce()
		}
		fresh.open().found().start()
		for _, n := range []*testNode{wh, dist, audit, fresh} {
			n.records(3)
		}
		e.finalWithin(heals, wh, dist, audit, fresh)
		for _, n := range []*testNode{wh, dist, audit, fresh} {
			if root, err := n.store.RootAt(1, head.Size); err != nil || root != head.Root {
				t.Errorf("%s: the ended chain has the root %s, %v", n.member.Slug, root, err)
			}
		}
	})
}
