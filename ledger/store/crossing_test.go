package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

// late is a next charter that changes a setting.
func late(c *ledger.Charter) { c.Settings.LateHours++ }

// leaveOut takes a member out of a charter and ends its chain.
func leaveOut(slug string, end ledger.Ended) func(*ledger.Charter) {
	return func(c *ledger.Charter) {
		c.Members = slices.DeleteFunc(c.Members, func(m ledger.Member) bool { return m.Slug == slug })
		c.Cosigners = slices.DeleteFunc(c.Cosigners, func(w ledger.Cosigner) bool { return w.Member == slug })
		c.Nodes = slices.DeleteFunc(c.Nodes, func(n ledger.Node) bool { return n.Member == slug })
		c.Ended = append(c.Ended, end)
	}
}

func (n *node) adopt(t testing.TB, signed *ledger.SignedCharter) {
	t.Helper()
	if err := n.AdoptCharter(signed); err != nil {
		t.Fatal(err)
	}
}

func (n *node) enforce(t testing.TB) {
	t.Helper()
	v := n.Network().Newest()
	if err := n.AppendCharter(context.Background(), ledger.CharterRef{Version: v.Charter.Version, Hash: v.Hash}); err != nil {
		t.Fatal(err)
	}
}

// The author signs nothing beyond a charter entry before a checkpoint that ends
// with it is final under both charters.
func TestAuthorStopsAtACrossing(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)
	n.grow(t, 2)
	before := n.sign(t)
	n.adopt(t, net.Adopt(late))
	n.enforce(t)
	crossing := n.Size(1)
	n.grow(t, 3)
	for range 2 {
		if cp := n.sign(t); cp.Size != crossing {
			t.Fatalf("signed size %d, want the crossing at %d", cp.Size, crossing)
		}
		n.reopen(t)
	}
	v, err := n.SigningVerifiers()
	if err != nil || v.Charter().Version != 2 || len(v.Witnesses()) != 4 {
		t.Fatalf("verifiers of the crossing: %+v, %v", v, err)
	}
	cp := n.sign(t)
	for _, m := range []string{"wh", "dist"} {
		if cp, err = v.Merge(cp, net.Cosignature(cp, m, ledgertest.Start)); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.PutCheckpoint(context.Background(), cp); err != nil {
		t.Fatal(err)
	}
	if final := n.Final(1); final == nil || final.Size != crossing || final.Version != 2 {
		t.Fatalf("final %+v", final)
	}
	if cp := n.sign(t); cp.Size != n.Size(1) {
		t.Errorf("beyond the crossing size %d is signed, not %d", cp.Size, n.Size(1))
	}
	if before.Size >= crossing {
		t.Fatal("the test signs too late")
	}
	checkClean(t, n)
}

// A witness that holds the next charter cosigns nothing under the old one, and
// nothing beyond a crossing before that is final here.
func TestWitnessAcrossCharters(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b := chainOf(net, "lanzhi", 3)
	n := onDisk(t, net, "wh")
	n.hold(t, b)
	n.mustCosign(t, b.Checkpoint())
	n.adopt(t, net.Adopt(late))
	b.Record(ledger.KindShip)
	old := b.Checkpoint()
	n.hold(t, b)
	if _, err := n.cosign(old); !errors.Is(err, store.ErrOldCharter) {
		t.Errorf("under the old charter: %v", err)
	}
	b.Charter()
	crossing := b.Clone()
	b.Record(ledger.KindShip)
	n.hold(t, b)
	if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrBehind) {
		t.Errorf("beyond a crossing that is not final: %v", err)
	}
	n.mustCosign(t, crossing.Checkpoint())
	if err := n.PutCheckpoint(context.Background(), crossing.Final()); err != nil {
		t.Fatal(err)
	}
	n.mustCosign(t, b.Checkpoint())
	checkClean(t, n)
}

// What was final stays so, with those who made it final, when the charter takes
// one of them out; also after a restart.
func TestOldFinalStays(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b := chainOf(net, "lanzhi", 3)
	n := onDisk(t, net, "wh")
	n.hold(t, b)
	if err := n.PutCheckpoint(context.Background(), b.Cosign(b.Checkpoint(), "dist", "audit")); err != nil {
		t.Fatal(err)
	}
	n.adopt(t, net.Adopt(leaveOut("dist", ledger.Ended{Chain: 3})))
	n.reopen(t)
	if cp := n.Final(1); cp == nil || cp.Version != 1 || !slices.Contains(cp.Cosigners, "dist") {
		t.Errorf("final after dist has left: %+v", cp)
	}
	if rep := checkClean(t, n); rep.Chains[0].FinalSize != b.Size() {
		t.Errorf("verified as final: %+v", rep.Chains[0])
	}
}

func TestTwoChartersHaltChanges(t *testing.T) {
	t.Parallel()
	net, other := ledgertest.New(), ledgertest.New()
	n := onDisk(t, net, "wh").begin(t)
	second := other.Adopt(func(c *ledger.Charter) { c.Settings.LateHours = 99 })
	n.adopt(t, net.Adopt(late))
	if err := n.AdoptCharter(second); !errors.Is(err, store.ErrCharterConflict) {
		t.Fatalf("a second version 2: %v", err)
	}
	n.reopen(t)
	if c := n.Conflict(); c == nil || c.Hash() != second.Hash() {
		t.Errorf("kept: %+v", c)
	}
	for _, s := range append(n.Charters(), second) {
		if c := n.CharterOf(s.Hash()); c == nil || c.Hash() != s.Hash() {
			t.Errorf("charter %s: %+v", s.Hash(), c)
		}
	}
	if c := n.CharterOf(ledger.Hash{1}); c != nil {
		t.Errorf("a charter of no hash: %+v", c)
	}
	if err := n.AdoptCharter(net.Adopt(late)); !errors.Is(err, store.ErrCharterConflict) {
		t.Errorf("version 3 after two versions 2: %v", err)
	}
	if _, problems := n.verify(t); len(problems) != 1 || problems[0].Code != ledger.CodeForked {
		t.Errorf("verified: %v", problems)
	}
}

// A checkpoint of a smaller size that contradicts a larger one held is evidence,
// and stops cosigning.
func TestEvidenceOfTwoSizes(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b := chainOf(net, "lanzhi", 3)
	fork := b.Clone()
	b.Record(ledger.KindShip)
	b.Record(ledger.KindShip)
	fork.Record(ledger.KindSell)
	n := onDisk(t, net, "wh")
	n.hold(t, b)
	if err := n.PutCheckpoint(context.Background(), b.Checkpoint()); err != nil {
		t.Fatal(err)
	}
	if err := n.PutCheckpoint(context.Background(), fork.Checkpoint()); !errors.Is(err, store.ErrForked) {
		t.Fatalf("a checkpoint of another history: %v", err)
	}
	n.reopen(t)
	e := n.Evidence(1)
	if e == nil || e.Prefix == nil {
		t.Fatalf("evidence %+v", e)
	}
	if chain, err := e.Open(net.Network); err != nil || chain != 1 {
		t.Errorf("evidence opens as chain %d, %v", chain, err)
	}
	if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrForked) {
		t.Errorf("cosigning a forked chain: %v", err)
	}
}

// Whoever has promised that a chain ends signs nothing beyond, and nobody
// promises an end that does not cover what it has signed.
func TestStopAt(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b := chainOf(net, "lanzhi", 3)
	n := onDisk(t, net, "wh")
	n.hold(t, b)
	n.mustCosign(t, b.Checkpoint())
	end := func(size uint64) ledger.Ended {
		root, err := n.RootAt(1, size)
		if err != nil {
			t.Fatal(err)
		}
		return ledger.Ended{Chain: 1, Size: size, Root: root}
	}
	ctx := context.Background()
	size := b.Size()
	if err := n.StopAt(ctx, end(size-1)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an end below what was cosigned: %v", err)
	}
	if err := n.StopAt(ctx, ledger.Ended{Chain: 1, Size: size, Root: ledger.Hash{1}}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an end of another history: %v", err)
	}
	if err := n.StopAt(ctx, ledger.Ended{Chain: 1, Size: size + 1}); !errors.Is(err, store.ErrBehind) {
		t.Errorf("an end beyond what is stored: %v", err)
	}
	for range 2 {
		if err := n.StopAt(ctx, end(size)); err != nil {
			t.Fatal(err)
		}
		n.reopen(t)
	}
	n.mustCosign(t, b.Checkpoint())
	b.Record(ledger.KindShip)
	n.hold(t, b)
	if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrEnded) {
		t.Errorf("beyond the end: %v", err)
	}
	if m, ok := n.Signed(1); !ok || m.Size != size {
		t.Errorf("signed %+v, %v", m, ok)
	}
}

func TestOwnChainEnded(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "dist").begin(t)
	n.grow(t, 2)
	cp := n.sign(t)
	n.grow(t, 1)
	n.adopt(t, net.Adopt(leaveOut("dist", ledger.Ended{Chain: 3, Size: cp.Size, Root: cp.Root})))
	for range 2 {
		rec, sc := n.record()
		if _, err := n.Append(context.Background(), rec, sc); !errors.Is(err, store.ErrEnded) {
			t.Errorf("append to an ended chain: %v", err)
		}
		n.reopen(t)
	}
	if beyond, same, err := n.AtEnd(3); beyond != 1 || !same || err != nil {
		t.Errorf("beyond the end: %d, %v, %v", beyond, same, err)
	}
	checkClean(t, n)
}

// A witness under a second guard cosigns nothing before it is released, and then
// nothing smaller than what is stored.
func TestWitnessWaitsUnderASecondGuard(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b := chainOf(net, "lanzhi", 3)
	old := b.Checkpoint()
	b.Record(ledger.KindShip)
	n := onDisk(t, net, "wh")
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	remove(t, n.cfg.Guard)
	if err := store.CreateSecondGuard(n.cfg.Guard); err != nil {
		t.Fatal(err)
	}
	n.Store = open(t, net, "wh", n.cfg).Store
	n.hold(t, b)
	if err := n.PutCheckpoint(context.Background(), b.Checkpoint()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrNotSigning) || !n.WitnessWaits() {
			t.Errorf("while it waits: %v", err)
		}
		n.reopen(t)
	}
	if err := n.ReleaseWitness(); err != nil {
		t.Fatal(err)
	}
	n.reopen(t)
	if _, err := n.cosign(old); !errors.Is(err, store.ErrConflict) {
		t.Errorf("something smaller: %v", err)
	}
	n.mustCosign(t, b.Checkpoint())
}

// TestStop stops where something was signed, or was not, for good.
func TestStop(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	ctx := context.Background()
	b := chainOf(net, "lanzhi", 3)
	n := onDisk(t, net, "wh")
	n.hold(t, b)
	n.mustCosign(t, b.Checkpoint())
	signed := b.Size()
	root, err := n.RootAt(1, signed)
	if err != nil {
		t.Fatal(err)
	}
	b.Record(ledger.KindShip)
	n.hold(t, b)
	m, err := n.Stop(ctx, 1)
	if err != nil || m != (store.Mark{Chain: 1, Size: signed, Root: root}) {
		t.Fatalf("stopped at %+v, %v", m, err)
	}
	for range 2 {
		if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrEnded) {
			t.Errorf("beyond: %v", err)
		}
		if again, err := n.Stop(ctx, 1); err != nil || again != m {
			t.Errorf("again at %+v, %v", again, err)
		}
		n.reopen(t)
	}
	// A charter may end it further on, but nothing more is signed.
	further := ledger.Ended{Chain: 1, Size: b.Size(), Root: b.Checkpoint().Root}
	if err := n.StopAt(ctx, further); err != nil {
		t.Errorf("an end that covers it: %v", err)
	}
	if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrEnded) {
		t.Errorf("beyond where it had stopped: %v", err)
	}

	// Of a chain of which nothing was signed, whatever the end is.
	if err := n.StopAt(ctx, ledger.Ended{Chain: 3, Size: 7, Root: ledger.Hash{7}}); err != nil {
		t.Errorf("nothing signed: %v", err)
	}
	dist := chainOf(net, "dist", 1)
	n.reopen(t)
	n.hold(t, dist)
	if _, err := n.cosign(dist.Checkpoint()); !errors.Is(err, store.ErrEnded) {
		t.Errorf("after stopping at nothing: %v", err)
	}
}
