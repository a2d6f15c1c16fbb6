package store_test

import (
	"context"
	"errors"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

// hold stores what a builder has of its chain.
func (n *node) hold(t testing.TB, b *ledgertest.Builder) {
	t.Helper()
	at := n.Size(b.Number)
	if size, err := n.Extend(context.Background(), b.Number, at, itemsOf(b)[at:]); err != nil || size != b.Size() {
		t.Fatalf("hold %s: size %d, %v", b.Name(), size, err)
	}
}

func (n *node) mustCosign(t testing.TB, cp *ledger.Checkpoint) {
	t.Helper()
	line, err := n.cosign(cp)
	if err != nil {
		t.Fatal(err)
	}
	v := n.Network().Newest().Verifiers
	merged, err := v.Merge(cp, line)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range merged.Cosigners {
		if m == n.member.Slug {
			return
		}
	}
	t.Errorf("the line does not count for %s: %v", n.member.Slug, merged.Cosigners)
}

func TestCosignWhatIsStored(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b := chainOf(net, "lanzhi", 3)
	n := onDisk(t, net, "wh")
	first := b.Checkpoint()
	if _, err := n.cosign(first); !errors.Is(err, store.ErrBehind) {
		t.Errorf("nothing stored: %v", err)
	}
	n.hold(t, b)
	n.mustCosign(t, first)
	n.mustCosign(t, first) // again
	b.Record(ledger.KindShip)
	n.hold(t, b)
	second := b.Checkpoint()
	n.mustCosign(t, second)
	if _, err := n.cosign(first); !errors.Is(err, store.ErrConflict) {
		t.Errorf("shrinking: %v", err)
	}
	n.reopen(t)
	if _, err := n.cosign(first); !errors.Is(err, store.ErrConflict) {
		t.Errorf("shrinking after reopening: %v", err)
	}
	n.mustCosign(t, second)
}

func TestCosignNeverASecondRoot(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b := chainOf(net, "lanzhi", 3)
	fork := b.At(3)
	fork.Record(ledger.KindShip)
	fork.Record(ledger.KindShip)
	n := onDisk(t, net, "wh")
	n.hold(t, b)
	cp := b.Checkpoint()
	if err := n.PutCheckpoint(context.Background(), cp); err != nil {
		t.Fatal(err)
	}
	n.mustCosign(t, cp)
	_, err := n.cosign(fork.Checkpoint())
	if !errors.Is(err, store.ErrForked) || !errors.Is(err, store.ErrConflict) {
		t.Errorf("second root: %v", err)
	}
	if !n.Forked(1) {
		t.Error("no evidence was kept")
	}
	b.Record(ledger.KindShip)
	n.hold(t, b)
	if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrForked) {
		t.Errorf("on a forked chain: %v", err)
	}

	// A witness that has lost its store and is fed the other history.
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n.cfg.Dir = t.TempDir()
	n.reopen(t)
	n.hold(t, fork)
	if _, err := n.cosign(fork.Checkpoint()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the other history after a loss: %v", err)
	}
}

func TestCosignWaitsForWhatFrontiersName(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	wh := chainOf(net, "wh", 2)
	dist := chainOf(net, "dist", 1)
	dist.See(wh)
	dist.Record(ledger.KindShip)
	b := chainOf(net, "lanzhi", 1)
	b.See(wh, dist)
	b.Record(ledger.KindShip)

	n := onDisk(t, net, "audit")
	n.hold(t, b)
	if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrBehind) {
		t.Errorf("named chains not stored: %v", err)
	}
	n.hold(t, dist)
	if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrBehind) {
		t.Errorf("one named chain not stored: %v", err)
	}
	n.hold(t, wh)
	n.mustCosign(t, b.Checkpoint())

	n.reopen(t)
	wh.Record(ledger.KindShip)
	b.See(wh)
	b.Record(ledger.KindShip)
	n.hold(t, b)
	if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrBehind) {
		t.Errorf("a newer frontier: %v", err)
	}
	n.hold(t, wh)
	n.mustCosign(t, b.Checkpoint())
	if got, err := n.FrontierAt(1, b.Size()-1, 2); err != nil || got != wh.Size() {
		t.Errorf("frontier at the end: %d, %v", got, err)
	}
	if got, err := n.FrontierAt(1, 4, 2); err != nil || got != 4 {
		t.Errorf("frontier at 4: %d, %v", got, err)
	}
	if got, err := n.FrontierAt(1, 2, 2); err != nil || got != 0 {
		t.Errorf("frontier at 2: %d, %v", got, err)
	}
	var seqs []uint64
	for f, err := range n.Frontiers(1, 0, b.Size()) {
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, f.Seq)
	}
	if len(seqs) != 2 || seqs[0] != 3 || seqs[1] != 5 {
		t.Errorf("frontiers at %v", seqs)
	}
}

func TestCosignRefusesFalseFrontiers(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	wh := chainOf(net, "wh", 2)
	dist := chainOf(net, "dist", 1)
	dist.See(wh)
	dist.Record(ledger.KindShip)
	for name, frontier := range map[string]func(b *ledgertest.Builder){
		"wrong root":  func(b *ledgertest.Builder) { b.Frontier(ledger.Frontier{{Chain: 2, Size: 2, Root: ledger.Hash{1}}}) },
		"not covered": func(b *ledgertest.Builder) { b.See(dist) }, // and not wh, which dist names
	} {
		t.Run(name, func(t *testing.T) {
			b := chainOf(net, "lanzhi", 1)
			frontier(b)
			b.Record(ledger.KindShip)
			n := inMemory(t, net, "audit")
			n.hold(t, wh)
			n.hold(t, dist)
			n.hold(t, b)
			if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrConflict) {
				t.Errorf("cosign: %v", err)
			}
			if _, problems := n.verify(t); len(problems) == 0 {
				t.Error("verification finds nothing")
			}
		})
	}
}

func TestFinalCheckpoints(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b := chainOf(net, "lanzhi", 3)
	n := onDisk(t, net, "wh")
	put := func(cp *ledger.Checkpoint) {
		t.Helper()
		if err := n.PutCheckpoint(context.Background(), cp); err != nil {
			t.Fatal(err)
		}
	}
	changed, stop := n.Watch()
	defer stop()
	final := b.Cosign(b.Checkpoint(), "wh", "dist")
	if err := n.PutCheckpoint(context.Background(), final); !errors.Is(err, store.ErrBehind) {
		t.Errorf("before its entries: %v", err)
	}
	n.hold(t, b)
	put(b.Checkpoint())
	if n.Final(1) != nil || len(n.FinalSizes()) != 0 {
		t.Error("final without a quorum")
	}
	put(final)
	more := b.Cosign(final, "audit")
	put(more)
	put(final) // fewer cosigners of the same size
	if got := n.Final(1); got == nil || len(got.Cosigners) != 4 {
		t.Errorf("final %+v", got)
	}
	b.Record(ledger.KindShip)
	n.hold(t, b)
	put(b.Checkpoint())
	put(final) // older
	if l, f := n.Latest(1).Size, n.FinalSizes()[1]; l != 6 || f != 5 {
		t.Errorf("latest %d, final %d", l, f)
	}
	select {
	case <-changed:
	default:
		t.Error("no signal")
	}
	n.reopen(t)
	if l, f := n.Latest(1).Size, n.FinalSizes()[1]; l != 6 || f != 5 || len(n.Final(1).Cosigners) != 4 {
		t.Errorf("after reopening: latest %d, final %d", l, f)
	}
	checkClean(t, n)
}

// TestWhatWasCheckedIsNotCheckedAgain has an author propose again and again what
// cannot be cosigned: what is right up to there is read once.
func TestWhatWasCheckedIsNotCheckedAgain(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	wh, b := chainOf(net, "wh", 1), chainOf(net, "lanzhi", 1)
	n := inMemory(t, net, "audit")
	for range 5 {
		wh.Record(ledger.KindShip)
		b.See(wh)
		b.Record(ledger.KindShip)
	}
	right := b.Size()
	n.hold(t, wh)
	b.Frontier(ledger.Frontier{{Chain: 2, Size: wh.Size() + 1, Root: ledger.Hash{1}}})
	b.Record(ledger.KindShip)
	n.hold(t, b)
	if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrBehind) {
		t.Fatal(err)
	}
	if got := n.Closed(1); got != right-1 { // the last frontier is followed by a record
		t.Errorf("checked up to %d, want %d", got, right-1)
	}
	wh.Record(ledger.KindShip)
	n.hold(t, wh)
	if _, err := n.cosign(b.Checkpoint()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a root that is none: %v", err)
	}
}
