package replica

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

// enforce writes the charter entry of the newest version, as a node does when it
// has taken the version over.
func (n *testNode) enforce() {
	n.c.t.Helper()
	n.await("the newest charter", func() bool {
		return n.store.Network().Newest().Charter.Version == n.c.net.Charter().Version
	})
	v := n.store.Network().Newest()
	if err := n.store.AppendCharter(context.Background(), ledger.CharterRef{Version: v.Charter.Version, Hash: v.Hash}); err != nil {
		n.c.t.Fatal(err)
	}
}

// TestFinalityAcrossCharters changes the charter of a network under load twice:
// a member joins as cosigner, and another leaves. Everything becomes final, under
// the charters in force, also what was written while nodes were on different
// versions.
func TestFinalityAcrossCharters(t *testing.T) {
	c := newCluster(t).runAll()
	four := c.list()
	for _, n := range four {
		n.records(3)
	}
	c.awaitFinal(four, four...)

	c.net.NewMember("lab", 5)
	signed := c.net.Adopt(func(ch *ledger.Charter) {
		c.net.Join(ch, ledger.Member{Slug: "lab", NameZh: "实验室", NameEn: "Lab", Role: ledger.Auditor})
	})
	if err := c.node("wh").store.AdoptCharter(signed); err != nil {
		t.Fatal(err)
	}
	for _, n := range four {
		n.records(2) // some under version 1 still
		n.enforce()
		n.records(2)
	}
	lab := c.add("lab").open().found().start()
	for _, n := range four {
		n.AddAddrs(5, lab.Addrs()...)
	}
	five := c.list()
	c.awaitFinal(five, five...)
	for _, n := range five {
		for _, author := range five {
			if cp := n.store.Final(author.member.Number); cp.Version != 2 {
				t.Errorf("%s has a checkpoint of %s final under version %d", n.member.Slug, author.member.Slug, cp.Version)
			}
		}
	}

	dist := c.node("dist")
	head := dist.store.Head(3)
	signed = c.net.Adopt(func(ch *ledger.Charter) {
		ch.Members = slices.DeleteFunc(ch.Members, func(m ledger.Member) bool { return m.Slug == "dist" })
		ch.Cosigners = slices.DeleteFunc(ch.Cosigners, func(w ledger.Cosigner) bool { return w.Member == "dist" })
		ch.Nodes = slices.DeleteFunc(ch.Nodes, func(n ledger.Node) bool { return n.Member == "dist" })
		ch.Ended = append(ch.Ended, ledger.Ended{Chain: 3, Size: head.Size, Root: head.Root})
	})
	if err := lab.store.AdoptCharter(signed); err != nil {
		t.Fatal(err)
	}
	left := slices.DeleteFunc(five, func(n *testNode) bool { return n == dist })
	for _, n := range left {
		n.enforce()
		n.records(2)
	}
	c.awaitFinal(left, left...)
	for _, n := range left {
		if cp := n.store.Final(3); cp == nil || cp.Size != head.Size {
			t.Errorf("%s: the chain of dist is final up to %+v, not %d", n.member.Slug, cp, head.Size)
		}
		if n.sessionOf(3) != nil {
			t.Errorf("%s still has a session with dist", n.member.Slug)
		}
	}
}

// TestTwoChartersBecomeKnown gives two nodes two complete versions 2: both nodes
// keep the proof, and nobody takes a further version over.
func TestTwoChartersBecomeKnown(t *testing.T) {
	c := newCluster(t).runAll()
	brand, wh := c.node("lanzhi"), c.node("wh")
	brand.await("peers", func() bool { return len(brand.sessions()) == 3 && len(wh.sessions()) == 3 })
	other := ledgertest.New()
	second := other.Adopt(func(ch *ledger.Charter) { ch.Settings.LateHours = 7 })
	first := c.net.Adopt(func(ch *ledger.Charter) { ch.Settings.LateHours = 8 })
	if err := brand.store.AdoptCharter(first); err != nil {
		t.Fatal(err)
	}
	if err := wh.store.AdoptCharter(second); err != nil && wh.store.Conflict() == nil {
		t.Fatal(err)
	}
	for _, n := range []*testNode{brand, wh} {
		n.await("the proof of two charters", func() bool { return n.store.Conflict() != nil })
	}
}

// TestTwoChartersMeetAtHello starts nodes that hold two complete versions 2 from
// the beginning, so that none of one ever admits one of the other, and others
// that hold version 1: all four learn that there are two.
func TestTwoChartersMeetAtHello(t *testing.T) {
	c := newCluster(t)
	other := ledgertest.New()
	second := other.Adopt(func(ch *ledger.Charter) { ch.Settings.LateHours = 7 })
	for _, n := range c.list() {
		n.open().found()
	}
	first := c.net.Adopt(func(ch *ledger.Charter) { ch.Settings.LateHours = 8 })
	if err := c.node("lanzhi").store.AdoptCharter(first); err != nil {
		t.Fatal(err)
	}
	if err := c.node("wh").store.AdoptCharter(second); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.list() {
		n.start()
	}
	for _, n := range c.list() {
		n.await("the proof of two charters", func() bool { return n.store.Conflict() != nil })
	}
}

// TestWitnessOfASecondGuard lets a node begin with a guard that does not name what
// its witness has cosigned. It waits for every other cosigner, not for some.
func TestWitnessOfASecondGuard(t *testing.T) {
	c := newCluster(t)
	wh, audit := c.node("wh"), c.node("audit")
	wh.dir = filepath.Join(c.base, "wh")
	if err := store.CreateSecondGuard(filepath.Join(wh.dir, "guard")); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.list() {
		n.open().found()
		if n != audit {
			n.start()
		}
	}
	brand := c.node("lanzhi")
	brand.await("peers", func() bool { return len(brand.sessions()) == 2 })
	wh.await("what the others have", func() bool { return wh.store.Size(1) == brand.store.Size(1) && wh.store.Size(3) > 0 })
	if !wh.store.WitnessWaits() {
		t.Error("the witness does not wait for audit")
	}
	audit.start()
	c.awaitFinal(c.list(), c.list()...)
	brand.records(2)
	wh.await("the witness", func() bool {
		cp := brand.store.Final(1)
		return !wh.store.WitnessWaits() && cp != nil && slices.Contains(cp.Cosigners, "wh")
	})
}
