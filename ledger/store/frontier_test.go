package store_test

import (
	"context"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

// frontierEntries are the positions and contents of a chain's frontier entries.
func frontierEntries(t *testing.T, n *node) map[uint64]map[uint32]uint64 {
	t.Helper()
	all := make(map[uint64]map[uint32]uint64)
	for f, err := range n.Frontiers(n.number(), 0, n.Size(n.number())) {
		if err != nil {
			t.Fatal(err)
		}
		all[f.Seq] = make(map[uint32]uint64)
		for _, s := range f.Seen {
			all[f.Seq][s.Chain] = s.Size
		}
	}
	return all
}

func TestFrontierStandsBeforeARecordAtMostOnceASecond(t *testing.T) {
	t.Parallel()
	net, clock := ledgertest.New(), newClock()
	n := inMemory(t, net, "lanzhi", func(c *store.Config) { c.Now, c.Strict = clock.now, true }).begin(t)
	wh := chainOf(net, "wh", 2)
	final := func() {
		t.Helper()
		n.hold(t, wh)
		if err := n.PutCheckpoint(context.Background(), wh.Final()); err != nil {
			t.Fatal(err)
		}
	}
	n.grow(t, 1)
	final()
	if n.Size(1) != 3 {
		t.Fatal("a frontier stands alone")
	}
	clock.wait(ledger.FrontierInterval)
	n.grow(t, 2) // 3 frontier, 4, 5
	wh.Record(ledger.KindShip)
	final()
	n.grow(t, 1) // 6: too early for another
	clock.wait(ledger.FrontierInterval)
	wrong, sc := net.Record("wh", ledger.KindShip, ledgertest.Start)
	if _, err := n.Append(context.Background(), wrong, sc); err == nil {
		t.Fatal("a foreign record was appended")
	}
	if n.Size(1) != 7 {
		t.Fatal("a refused record left a frontier")
	}
	n.grow(t, 1) // 7 frontier, 8
	clock.wait(ledger.FrontierInterval)
	n.grow(t, 1) // nothing new to name
	got := frontierEntries(t, n)
	if len(got) != 2 || got[3][2] != 4 || got[7][2] != 5 || n.Size(1) != 10 {
		t.Errorf("frontiers %v, size %d", got, n.Size(1))
	}
	if p := mustAppend(t, n, n.grow(t, 1)[0], nil); p.Seq != 10 || !p.Existing {
		t.Errorf("place %+v", p)
	}
}

func TestFrontierCoversWhatItNames(t *testing.T) {
	t.Parallel()
	net, clock := ledgertest.New(), newClock()
	n := inMemory(t, net, "lanzhi", func(c *store.Config) { c.Now, c.Strict = clock.now, true }).begin(t)
	wh := chainOf(net, "wh", 2)
	dist := chainOf(net, "dist", 1)
	dist.See(wh)
	dist.Record(ledger.KindShip)
	audit := chainOf(net, "audit", 1)
	audit.See(wh, dist)
	audit.Record(ledger.KindShip)
	for _, b := range []*ledgertest.Builder{wh, dist, audit} {
		n.hold(t, b)
	}
	put := func(b *ledgertest.Builder) {
		t.Helper()
		if err := n.PutCheckpoint(context.Background(), b.Final()); err != nil {
			t.Fatal(err)
		}
	}
	step := func() {
		clock.wait(ledger.FrontierInterval)
		n.grow(t, 1)
	}
	put(audit)
	put(dist)
	step() // both name wh, whose final checkpoint is not here
	if got := frontierEntries(t, n); len(got) != 0 {
		t.Errorf("frontiers %v", got)
	}
	put(wh)
	step()
	got := frontierEntries(t, n)
	if len(got) != 1 || len(got[3]) != 3 {
		t.Errorf("frontiers %v", got)
	}
}
