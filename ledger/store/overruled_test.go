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

// A split is a chain of the brand with two histories, of which one has become
// final, and a chain of the warehouse that has named that one.
type split struct {
	net           *ledgertest.Net
	counts, other *ledgertest.Builder
	wh            *ledgertest.Builder
	final         *ledger.Checkpoint
}

// newSplit makes histories that share three entries and go on for some more each.
func newSplit(counts, other int) *split {
	net := ledgertest.New()
	s := &split{net: net, counts: chainOf(net, "lanzhi", 1), wh: chainOf(net, "wh", 1)}
	s.other = s.counts.At(s.counts.Size())
	for range counts {
		s.counts.Record(ledger.KindShip)
	}
	for range other {
		s.other.Record(ledger.KindShip)
	}
	s.final = s.counts.Final()
	s.wh.See(s.counts)
	s.wh.Record(ledger.KindShip)
	return s
}

func (s *split) evidence(t *testing.T) *ledger.Evidence {
	t.Helper()
	longer := s.counts
	if s.other.Size() > longer.Size() {
		longer = s.other
	}
	e, err := ledger.MakeEvidence(s.net.Network, s.counts.Checkpoint(), s.other.Checkpoint(), longer.TileSource())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// accused gives a node the evidence.
func (s *split) accused(t *testing.T, n *node) {
	t.Helper()
	if err := n.PutEvidence(context.Background(), s.evidence(t)); err != nil {
		t.Fatal(err)
	}
}

// TestAWitnessWithTheOtherHistory goes on with the chains that have named the one
// that counts, once there is a proof of the fork and a quorum for what is named.
func TestAWitnessWithTheOtherHistory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		counts, other int
		before        error
	}{
		"as long":   {2, 2, store.ErrConflict},
		"longer":    {2, 4, store.ErrConflict},
		"shorter":   {4, 2, store.ErrBehind},
		"by itself": {4, 0, store.ErrBehind}, // it has none of either
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSplit(c.counts, max(c.other, 1))
			n := onDisk(t, s.net, "audit")
			if c.other > 0 {
				n.hold(t, s.other)
				n.mustCosign(t, s.other.Checkpoint())
			} else {
				n.hold(t, s.counts.At(3))
			}
			n.hold(t, s.wh)
			refused := func(want error, why string) {
				t.Helper()
				if _, err := n.cosign(s.wh.Checkpoint()); !errors.Is(err, want) {
					t.Errorf("%s: %v", why, err)
				}
			}
			refused(c.before, "without anything")
			s.accused(t, n)
			refused(c.before, "with the proof of the fork")
			if err := n.PutCheckpoint(context.Background(), s.counts.Checkpoint()); err == nil {
				t.Error("a checkpoint of another history was stored")
			}
			refused(c.before, "with a checkpoint that few have cosigned")
			if err := n.PutCheckpoint(context.Background(), s.final); err == nil {
				t.Error("a final checkpoint of another history was stored")
			}
			n.mustCosign(t, s.wh.Checkpoint())
			if f := n.Final(1); f != nil {
				t.Errorf("%d entries of the other history are final", f.Size)
			}

			n.reopen(t)
			s.wh.Record(ledger.KindShip)
			n.hold(t, s.wh)
			if err := n.PutCheckpoint(context.Background(), s.final); err == nil {
				t.Error("a final checkpoint of another history was stored")
			}
			n.mustCosign(t, s.wh.Checkpoint())

			s.counts.Record(ledger.KindShip)
			s.wh.See(s.counts)
			n.hold(t, s.wh)
			if _, err := n.cosign(s.wh.Checkpoint()); err == nil {
				t.Error("cosigned what names entries that no quorum has stored")
			}
		})
	}
}

// TestAWitnessWithTheOtherHistoryAndNoProof has been given entries of the other history
// whose checkpoint nobody has any more. A quorum for entries that are not its own says
// enough; a quorum for more than it has does not.
func TestAWitnessWithTheOtherHistoryAndNoProof(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		counts, other int
		want          error
	}{
		"as long": {2, 2, nil},
		"longer":  {2, 4, nil},
		"shorter": {4, 2, store.ErrBehind},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSplit(c.counts, c.other)
			n := onDisk(t, s.net, "audit")
			n.hold(t, s.other)
			n.hold(t, s.wh)
			if _, err := n.cosign(s.wh.Checkpoint()); err == nil {
				t.Error("cosigned without anything")
			}
			if err := n.PutCheckpoint(context.Background(), s.counts.Checkpoint()); err == nil {
				t.Error("a checkpoint of another history was stored")
			}
			if _, err := n.cosign(s.wh.Checkpoint()); err == nil {
				t.Error("cosigned with a checkpoint that few have cosigned")
			}
			if err := n.PutCheckpoint(context.Background(), s.final); err == nil || n.Forked(1) {
				t.Errorf("%v, forked %v", err, n.Forked(1))
			}
			if _, err := n.cosign(s.wh.Checkpoint()); !errors.Is(err, c.want) {
				t.Errorf("with the quorum: %v, want %v", err, c.want)
			}
			if n.Overruled(1) != (c.want == nil) || n.Overruled(2) {
				t.Errorf("overruled: %v, %v", n.Overruled(1), n.Overruled(2))
			}
			n.Parted(s.counts.Checkpoint()) // few have cosigned it
			if n.Overruled(1) != (c.want == nil) {
				t.Error("overruled by few")
			}
			n.Parted(s.final)
			n.mustCosign(t, s.wh.Checkpoint())
			if !n.Overruled(1) || n.Overruled(2) {
				t.Error("not overruled")
			}
		})
	}
}

// TestWhoHasCosignedWhatCountsPassesOverNothing is for stores of before: a witness that
// had lost what it cosigned could be given another history, longer than that. It is
// one of the quorum, and begins anew.
func TestWhoHasCosignedWhatCountsPassesOverNothing(t *testing.T) {
	t.Parallel()
	s := newSplit(2, 4)
	n := onDisk(t, s.net, "audit")
	n.hold(t, s.counts)
	n.mustCosign(t, s.counts.Checkpoint())
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n.cfg.Dir = t.TempDir()
	n.reopen(t)
	n.hold(t, s.other)
	n.hold(t, s.wh)
	s.accused(t, n)
	if err := n.PutCheckpoint(context.Background(), s.final); err == nil {
		t.Error("a checkpoint of another history was stored")
	}
	if _, err := n.cosign(s.wh.Checkpoint()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("cosign what names what it has lost: %v", err)
	}
}

// TestWhoHoldsWhatCountsPassesOverNothing is what a quorum rests on: whoever has
// stored what became final holds everything against it.
func TestWhoHoldsWhatCountsPassesOverNothing(t *testing.T) {
	t.Parallel()
	s := newSplit(4, 2)
	n := onDisk(t, s.net, "audit")
	n.hold(t, s.counts)
	n.mustCosign(t, s.counts.Checkpoint())
	if err := n.PutCheckpoint(context.Background(), s.final); err != nil {
		t.Fatal(err)
	}
	s.accused(t, n)
	n.hold(t, s.wh)
	n.mustCosign(t, s.wh.Checkpoint())
	liar := chainOf(s.net, "dist", 1)
	liar.See(s.other) // of a size that is final, with another root
	liar.Record(ledger.KindShip)
	n.hold(t, liar)
	if _, err := n.cosign(liar.Checkpoint()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("cosign what names the other history: %v", err)
	}

	// A copy put back, from before: until it has its entries again, it cannot say
	// which of the two it had cosigned.
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n.cfg.Dir = t.TempDir()
	n.reopen(t)
	s.accused(t, n)
	if err := n.PutCheckpoint(context.Background(), s.final); !errors.Is(err, store.ErrBehind) {
		t.Fatalf("the final checkpoint without its entries: %v", err)
	}
	n.hold(t, liar)
	if _, err := n.cosign(liar.Checkpoint()); !errors.Is(err, store.ErrBehind) {
		t.Errorf("cosign before what was lost is back: %v", err)
	}
	n.hold(t, s.counts)
	if _, err := n.cosign(liar.Checkpoint()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("cosign what names the other history: %v", err)
	}
}

// TestFrontiersLeaveForkedChainsAlone has an author learn of a fork: it names
// nothing more of that chain, nor what names it, before a charter has ended it.
func TestFrontiersLeaveForkedChainsAlone(t *testing.T) {
	t.Parallel()
	s, clock := newSplit(4, 2), newClock()
	dist := chainOf(s.net, "dist", 2)
	n := inMemory(t, s.net, "audit", func(c *store.Config) { c.Now = clock.now }).begin(t)
	for _, b := range []*ledgertest.Builder{s.counts, s.wh, dist} {
		n.hold(t, b)
		if err := n.PutCheckpoint(context.Background(), b.Final()); err != nil {
			t.Fatal(err)
		}
	}
	s.accused(t, n)
	step := func() (named []uint32) {
		t.Helper()
		clock.wait(ledger.FrontierInterval)
		before := n.Size(n.number())
		n.grow(t, 1)
		for f, err := range n.Frontiers(n.number(), before, n.Size(n.number())) {
			if err != nil {
				t.Fatal(err)
			}
			for _, seen := range f.Seen {
				named = append(named, seen.Chain)
			}
		}
		return named
	}
	if got := step(); !slices.Equal(got, []uint32{3}) {
		t.Errorf("with the evidence, chains %d are named", got)
	}
	end := ledger.Ended{Chain: 1, Size: s.final.Size, Root: s.final.Root}
	signed := s.net.Adopt(func(c *ledger.Charter) {
		c.Nodes = slices.DeleteFunc(c.Nodes, func(n ledger.Node) bool { return n.Number == 1 })
		c.Cosigners = slices.DeleteFunc(c.Cosigners, func(w ledger.Cosigner) bool { return w.Node == 1 })
		c.Ended = append(c.Ended, end)
	})
	if err := n.AdoptCharter(signed); err != nil {
		t.Fatal(err)
	}
	if got := step(); !slices.Equal(got, []uint32{1, 2}) {
		t.Errorf("after the charter, chains %d are named", got)
	}
}
