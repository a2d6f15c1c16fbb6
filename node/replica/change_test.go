package replica

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// A kept proof is what somebody may have taken away of one entry: nothing of it
// is asked for again.
type keptProof struct {
	name string
	seq  uint64
	leaf ledger.Hash
	path []ledger.Hash
	note []byte // a final checkpoint
}

// keepProof proves the newest final entry of an author's chain.
func (n *testNode) keepProof(name string, author *testNode) keptProof {
	n.c.t.Helper()
	chain := author.member.Number
	cp := n.store.Final(chain)
	p := keptProof{name: name + " of " + author.member.Slug, seq: cp.Size - 1, note: cp.Note}
	var err error
	if p.leaf, err = n.store.LeafHash(chain, p.seq); err != nil {
		n.c.t.Fatal(err)
	}
	if p.path, err = n.store.TileSource(chain).ProveEntry(cp.Size, p.seq); err != nil {
		n.c.t.Fatal(err)
	}
	return p
}

// check verifies the proof with nothing but the charters: it is final as far as
// one can tell from the note, and by the charter that was in force.
func (p *keptProof) check(t testing.TB, net *ledger.Network, version uint64) {
	t.Helper()
	newest, err := net.OpenCheckpoint(p.note)
	if err != nil || !newest.Final {
		t.Errorf("%s: %+v, %v", p.name, newest, err)
		return
	}
	cp, err := net.OpenCheckpointAt(p.note, ledger.InForce{From: version, To: version})
	if err != nil || !cp.Final || len(cp.Cosigners) < net.Version(version).Charter.Quorum() {
		t.Errorf("%s under version %d: %+v, %v", p.name, version, cp, err)
		return
	}
	if err := ledger.VerifyEntry(p.path, cp.Size, cp.Root, p.seq, p.leaf); err != nil {
		t.Errorf("%s: %v", p.name, err)
	}
}

// writers append to the chains of nodes, about once a second each, until stop is
// called, which returns how many records there were.
func (e *ether) writers(nodes ...*testNode) (stop func() int) {
	ctx, cancel := context.WithCancel(e.t.Context())
	var all sync.WaitGroup
	count := make([]int, len(nodes))
	for i, n := range nodes {
		all.Go(func() {
			for wait := 500 * time.Millisecond; sleep(ctx, wait); wait = time.Duration(500+i*200) * time.Millisecond {
				e.keys.Lock()
				r, sc := e.cluster.net.Record(n.member.Slug, ledger.KindPlace, ledgertest.Start)
				e.keys.Unlock()
				if _, err := n.store.Append(context.Background(), r, sc); err != nil {
					e.t.Errorf("%s does not go on writing: %v", n.member.Slug, err)
					return
				}
				count[i]++
			}
		})
	}
	return func() (sum int) {
		cancel()
		all.Wait()
		for _, n := range count {
			sum += n
		}
		return sum
	}
}

// adopt makes the next charter while writers use the keys.
func (e *ether) adopt(edit func(*ledger.Charter)) *ledger.SignedCharter {
	e.keys.Lock()
	defer e.keys.Unlock()
	return e.cluster.net.Adopt(edit)
}

// takeOver gives one node a charter and waits until all have put it in force,
// while they go on writing.
func (e *ether) takeOver(signed *ledger.SignedCharter, nodes ...*testNode) {
	e.t.Helper()
	if err := nodes[len(nodes)-1].store.AdoptCharter(signed); err != nil {
		e.t.Fatal(err)
	}
	for _, n := range nodes {
		e.within(soon, "the charter", func() bool { return n.store.Network().Newest().Hash == signed.Hash() })
		n.enforce()
		time.Sleep(2 * time.Second) // the others write under the older one meanwhile
	}
}

// TestFourFiveFourCosigners changes the charter from four to five cosigners and
// back while everybody writes. Everything becomes final, and what was proven at
// any time verifies at any later time, with the charters alone.
func TestFourFiveFourCosigners(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, e *ether) {
		e.runAll()
		four := e.list()
		brand, audit := e.node("lanzhi"), e.node("audit")
		e.finalWithin(heals, four...)
		proofs := make(map[uint64][]keptProof)
		keep := func(version uint64, from *testNode, authors ...*testNode) {
			for _, author := range authors {
				proofs[version] = append(proofs[version], from.keepProof("the newest", author))
			}
		}
		written := 0
		stop := e.writers(four...)
		time.Sleep(5 * time.Second)
		keep(1, audit, four...)

		signed := e.adopt(func(c *ledger.Charter) {
			e.cluster.net.NewMember("lab", 5)
			e.cluster.net.Join(c, ledger.Member{Slug: "lab", NameZh: "实验室", NameEn: "Lab", Role: ledger.Auditor})
		})
		e.takeOver(signed, four...)
		lab := e.add("lab")
		e.place(lab)
		lab.open().found().start()
		five := e.list()
		stopLab := e.writers(lab)
		time.Sleep(5 * time.Second)
		written += stop() + stopLab()
		e.finalWithin(heals, five...)
		keep(2, lab, five...)

		stop = e.writers(five...)
		signed = e.adopt(func(c *ledger.Charter) {
			c.Cosigners = slices.DeleteFunc(c.Cosigners, func(w ledger.Cosigner) bool { return w.Member == "lab" })
		})
		e.takeOver(signed, five...)
		time.Sleep(5 * time.Second)
		written += stop()
		e.finalWithin(heals, five...)
		keep(3, brand, five...)

		fresh, err := ledger.VerifyNetwork(e.cluster.net.Signed())
		if err != nil {
			t.Fatal(err)
		}
		for version, list := range proofs {
			for _, p := range list {
				p.check(t, fresh, version)
				p.check(t, lab.store.Network(), version)
			}
		}
		// Whoever has only the first charter still verifies what was proven under it.
		first, err := ledger.VerifyNetwork(e.cluster.net.Signed()[:1])
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range proofs[1] {
			p.check(t, first, 1)
		}
		for _, p := range proofs[3] {
			if cp, err := fresh.OpenCheckpoint(p.note); err == nil && slices.Contains(cp.Cosigners, "lab") {
				t.Errorf("%s: lab counts, which is no cosigner any more", p.name)
			}
		}
		t.Logf("%d records while the charter changed twice", written)
	})
}
