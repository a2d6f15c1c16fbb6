package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

func checkNotSigning(t *testing.T, n *node, why string) {
	t.Helper()
	ok, reason := n.SigningState()
	if ok || !strings.Contains(reason, why) {
		t.Errorf("signing state %v, %q, want %q", ok, reason, why)
	}
	v := n.Network().Newest().Verifiers
	if _, _, err := n.Sign(context.Background(), v.Origin(n.number()), n.member.Log); !errors.Is(err, store.ErrNotSigning) {
		t.Errorf("sign: %v", err)
	}
	rec, sc := n.record()
	if _, err := n.Append(context.Background(), rec, sc); !errors.Is(err, store.ErrNotSigning) {
		t.Errorf("append: %v", err)
	}
}

func checkSigning(t *testing.T, n *node) {
	t.Helper()
	if ok, reason := n.SigningState(); !ok {
		t.Errorf("not signing: %s", reason)
	}
}

func TestSignOncePerSize(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi")
	v := n.Network().Newest().Verifiers
	if _, _, err := n.Sign(context.Background(), v.Origin(1), n.member.Log); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("empty chain: %v", err)
	}
	n.begin(t)
	cp := n.sign(t)
	if cp.Size != 2 || cp.Root != n.Head(1).Root {
		t.Errorf("checkpoint %+v of head %+v", cp, n.Head(1))
	}
	if again := n.sign(t); !bytes.Equal(again.Note, cp.Note) {
		t.Error("the second note differs")
	}
	if got := n.Latest(1); got == nil || got.Size != 2 {
		t.Errorf("latest %+v", got)
	}
	if _, _, err := n.Sign(context.Background(), v.Origin(2), n.member.Log); err != nil {
		t.Errorf("a note that exists needs no origin: %v", err)
	}
	n.grow(t, 1)
	if _, _, err := n.Sign(context.Background(), v.Origin(2), n.member.Log); err == nil {
		t.Error("signed under a foreign origin")
	}
	n.reopen(t)
	if got := n.Latest(1); got == nil || got.Size != 2 {
		t.Errorf("latest after reopening %+v", got)
	}
	if got := n.sign(t); got.Size != 3 {
		t.Errorf("size %d", got.Size)
	}
}

// copyDir copies the files of one directory.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func TestRestoredBackupDoesNotSignBeforeItReachesTheGuard(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)
	peer := inMemory(t, net, "wh")
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	backup := t.TempDir()
	copyDir(t, n.cfg.Dir, backup)

	n.reopen(t)
	n.grow(t, 5)
	signed := n.sign(t)
	n.grow(t, 2) // never signed: lost for good, and nobody was told more
	peer.fetch(t, n, 1, signed.Size)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	copyDir(t, backup, n.cfg.Dir)

	n.reopen(t)
	checkNotSigning(t, n, "fetched from peers")
	n.fetch(t, peer, 1, 4)
	checkNotSigning(t, n, "fetched from peers")
	n.fetch(t, peer, 1, signed.Size)
	checkSigning(t, n)
	if got := n.sign(t); !bytes.Equal(got.Note, signed.Note) {
		t.Errorf("another checkpoint for size %d", signed.Size)
	}
	n.grow(t, 1)
	if got := n.sign(t); got.Size != signed.Size+1 {
		t.Errorf("size %d", got.Size)
	}
	checkClean(t, n)
}

func TestStoreBeyondItsGuardIsAdopted(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
	n.sign(t)
	n.grow(t, 3)
	n.reopen(t)
	checkSigning(t, n)
	if cp := n.sign(t); cp.Size != 5 {
		t.Errorf("size %d", cp.Size)
	}
}

func TestGuardLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(t *testing.T, path string){
		"missing": func(t *testing.T, path string) { remove(t, path) },
		"damaged": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("suyuan guard 1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"made again": func(t *testing.T, path string) {
			remove(t, path)
			if err := store.CreateGuard(path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
			cp := n.sign(t)
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			lose(t, n.cfg.Guard)
			n.reopen(t)
			checkNotSigning(t, n, "guard lost")
			if name == "made again" {
				return // a witness cannot tell that from its first start
			}
			if _, err := n.cosign(cp); !errors.Is(err, store.ErrNotSigning) {
				t.Errorf("cosign: %v", err)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestGuardOfAnotherHistoryStopsSigning(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)
	other := onDisk(t, net, "lanzhi").begin(t) // the same keys on a second machine
	other.sign(t)
	if err := errors.Join(n.Close(), other.Close()); err != nil {
		t.Fatal(err)
	}
	n.cfg.Guard = other.cfg.Guard
	n.reopen(t)
	checkNotSigning(t, n, "not those that were signed")
}

func TestCheckpointOfLostEntriesStopsSigning(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)
	peer := inMemory(t, net, "wh")
	peer.fetch(t, n, 1, 2)
	// What this machine signed after the backup is known to a peer only; the
	// guard was restored with the store, against the rule.
	old, guard := t.TempDir(), n.cfg.Guard+".old"
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	copyDir(t, n.cfg.Dir, old)
	raw, err := os.ReadFile(n.cfg.Guard)
	if err != nil {
		t.Fatal(err)
	}
	n.reopen(t)
	n.grow(t, 3)
	cp := n.sign(t)
	peer.fetch(t, n, 1, 5)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	copyDir(t, old, n.cfg.Dir)
	if err := os.WriteFile(guard, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	n.cfg.Guard = guard
	n.reopen(t)
	checkSigning(t, n) // nothing here tells
	if err := n.PutCheckpoint(context.Background(), cp); !errors.Is(err, store.ErrBehind) {
		t.Fatalf("put: %v", err)
	}
	checkNotSigning(t, n, "fetched from peers")
	n.reopen(t)
	checkNotSigning(t, n, "fetched from peers")
	n.fetch(t, peer, 1, 5)
	checkSigning(t, n)
}

func TestForeignCheckpointUnderOwnKeyStopsSigning(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)
	n.grow(t, 1)
	b := net.NewChain("lanzhi") // another history under the same key
	err := n.PutCheckpoint(context.Background(), b.Checkpoint())
	if !errors.Is(err, store.ErrConflict) {
		t.Fatalf("put: %v", err)
	}
	checkNotSigning(t, n, "contradicts")
	n.reopen(t)
	checkNotSigning(t, n, "contradicts")
}

func TestTwoOwnCheckpointsAreEvidence(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)
	n.sign(t)
	b := net.NewChain("lanzhi")
	if err := n.PutCheckpoint(context.Background(), b.Checkpoint()); !errors.Is(err, store.ErrForked) || !errors.Is(err, store.ErrConflict) {
		t.Fatalf("put: %v", err)
	}
	if !n.Forked(1) || n.Evidence(1) == nil {
		t.Error("no evidence")
	}
	checkNotSigning(t, n, "two histories")
	n.reopen(t)
	checkNotSigning(t, n, "two histories")
	if _, err := n.Evidence(1).Open(n.Network()); err != nil {
		t.Errorf("stored evidence: %v", err)
	}
	_, problems := n.verify(t)
	if len(problems) != 1 || problems[0].Code != ledger.CodeForked {
		t.Errorf("problems %v", problems)
	}
}

// TestARobbedNodeReportsWhatItHasSigned lets a node hear of a thief's longer history
// before there is a proof of the fork. It writes nothing more, keeps what it has,
// and reports its own last checkpoint when the chain is to be ended.
func TestARobbedNodeReportsWhatItHasSigned(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)
	peer := inMemory(t, net, "wh")
	peer.fetch(t, n, 1, 2)
	b := thiefOf(t, n)
	for range 9 {
		b.Record(ledger.KindShip)
	}
	n.grow(t, 3)
	own := n.sign(t)
	thiefs := b.Checkpoint()

	if err := n.PutCheckpoint(context.Background(), thiefs); !errors.Is(err, store.ErrBehind) {
		t.Fatalf("the thief's checkpoint: %v", err)
	}
	checkNotSigning(t, n, "somebody has signed 11 with its log key")
	if m, ok := n.Due(1); !ok || m.Size != thiefs.Size || m.Root != thiefs.Root {
		t.Errorf("due is %+v", m)
	}
	if _, err := n.Stop(context.Background(), 1); !errors.Is(err, store.ErrBehind) {
		t.Errorf("stop before anybody knows: %v", err)
	}
	n.reopen(t)
	checkNotSigning(t, n, "somebody has signed 11 with its log key")
	if _, err := n.Extend(context.Background(), 1, 2, itemsOf(b)[2:]); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the thief's entries: %v", err)
	}
	if n.Size(1) != own.Size || n.Head(1).Root != own.Root {
		t.Errorf("the own chain has become %+v", n.Head(1))
	}

	e, err := ledger.MakeEvidence(net.Network, own, thiefs, b.TileSource())
	if err != nil {
		t.Fatal(err)
	}
	if err := n.PutEvidence(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	checkNotSigning(t, n, "two histories")
	m, err := n.Stop(context.Background(), 1)
	if err != nil || m.Size != own.Size || m.Root != own.Root {
		t.Errorf("stopped at %+v, %v", m, err)
	}
	n.reopen(t)
	if err := n.StopAt(context.Background(), ledger.Ended{Chain: 1, Size: own.Size, Root: own.Root}); err != nil {
		t.Errorf("stop at the own end: %v", err)
	}
}

// TestAClaimIsSettledByItsEntries takes entries back that continue what is stored,
// and goes on after them.
func TestAClaimIsSettledByItsEntries(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n, peer := onDisk(t, net, "lanzhi").begin(t), inMemory(t, net, "wh")
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	old := t.TempDir()
	copyDir(t, n.cfg.Dir, old)
	guard, err := os.ReadFile(n.cfg.Guard)
	if err != nil {
		t.Fatal(err)
	}
	n.reopen(t)
	n.grow(t, 5)
	cp := n.sign(t)
	n.grow(t, 3)
	last := n.sign(t)
	peer.fetch(t, n, 1, last.Size)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	copyDir(t, old, n.cfg.Dir)
	if err := os.WriteFile(n.cfg.Guard, guard, 0o600); err != nil { // against the rule
		t.Fatal(err)
	}
	n.reopen(t)
	checkSigning(t, n) // nothing here tells
	if err := n.PutCheckpoint(context.Background(), cp); !errors.Is(err, store.ErrBehind) {
		t.Fatal(err)
	}
	checkNotSigning(t, n, "fetched from peers")
	n.fetch(t, peer, 1, last.Size) // an answer may go further than the claim
	checkSigning(t, n)
	if err := n.PutCheckpoint(context.Background(), last); err != nil {
		t.Fatal(err)
	}
	n.reopen(t)
	checkSigning(t, n) // the guard covers what is stored
	if got := n.sign(t); got.Size != last.Size || got.Root != last.Root {
		t.Errorf("signs %+v", got)
	}
	n.grow(t, 1)
	if m, ok := n.Signed(1); !ok || m.Size != last.Size {
		t.Errorf("signed %+v", m)
	}
	checkClean(t, n)
}

// thiefOf is another machine with the log key of a node and a copy of its chain.
func thiefOf(t *testing.T, n *node) *ledgertest.Builder {
	t.Helper()
	b := n.net.EmptyChain(n.number())
	for it, err := range n.Entries(n.number(), 0, n.Size(n.number())) {
		if err != nil {
			t.Fatal(err)
		}
		if err := b.TryEntry(it.Entry, it.Sidecar); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// A turn is a context that has something happen when Sign looks at it: between
// seeing that the node may sign, and what.
type turn struct {
	context.Context
	do func()
}

func (c turn) Err() error {
	c.do()
	return c.Context.Err()
}

// TestAClaimIsNotLostToASignature lets a node hear of a thief's checkpoint while a
// longer one of its own is being signed: whichever comes first, it stops at once and
// not when its peers have made the proof.
func TestAClaimIsNotLostToASignature(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, interleave := range map[string]func(t *testing.T, n *node, thiefs *ledger.Checkpoint, grow func()){
		"heard before the guard is raised": func(t *testing.T, n *node, thiefs *ledger.Checkpoint, grow func()) {
			// may it sign? · the thief's is longer than the chain: claimed · the chain grows · the guard
			_, _, err := n.Sign(turn{ctx, grow}, n.Network().Newest().Verifiers.Origin(1), n.member.Log)
			if !errors.Is(err, store.ErrNotSigning) {
				t.Errorf("sign: %v", err)
			}
			if m, ok := n.Signed(1); !ok || m.Size > 2 {
				t.Errorf("signed %+v", m)
			}
		},
		"looked at before the guard is raised": func(t *testing.T, n *node, thiefs *ledger.Checkpoint, _ func()) {
			// the thief's is longer than the chain · the chain grows · the guard · claimed
			n.grow(t, 20)
			n.sign(t)
			if err := n.FoundBehind(thiefs); !errors.Is(err, store.ErrForked) {
				t.Errorf("the thief's checkpoint: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n *node
			var thiefs, comes *ledger.Checkpoint // comes: while the next batch is being made
			n = onDisk(t, ledgertest.New(), "lanzhi", func(cfg *store.Config) {
				cfg.Admit = func(pending []*store.Pending) []error {
					if comes != nil {
						if err := n.PutCheckpoint(ctx, comes); !errors.Is(err, store.ErrBehind) {
							t.Errorf("the thief's checkpoint: %v", err)
						}
						comes = nil
					}
					return make([]error, len(pending))
				}
			}).begin(t)
			n.sign(t)
			b := thiefOf(t, n)
			for range 9 {
				b.Record(ledger.KindShip)
			}
			thiefs = b.Checkpoint()
			interleave(t, n, thiefs, func() {
				comes = thiefs
				n.grow(t, 20)
			})
			if err := n.SigningError(); !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrForked) {
				t.Errorf("signing: %v", err)
			}
			n.reopen(t)
			if n.SigningError() == nil {
				t.Error("signs again")
			}
		})
	}
}

// TestAClaimIsNotSettledOverOwnSignatures puts an old copy back while a thief has gone
// on from it: what the thief has signed may be a continuation of the copy, but not of
// what this machine is known to have signed.
func TestAClaimIsNotSettledOverOwnSignatures(t *testing.T) {
	t.Parallel()
	ctx, net := context.Background(), ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)
	b := thiefOf(t, n)
	for range 9 {
		b.Record(ledger.KindShip)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	old := t.TempDir()
	copyDir(t, n.cfg.Dir, old)
	n.reopen(t)
	n.grow(t, 3)
	own := n.sign(t)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	copyDir(t, old, n.cfg.Dir)
	n.reopen(t)
	if err := n.PutCheckpoint(ctx, b.Checkpoint()); !errors.Is(err, store.ErrBehind) {
		t.Fatal(err)
	}
	if _, err := n.Extend(ctx, 1, 0, itemsOf(b)); err != nil { // whoever proves entries does not let it come to this
		t.Fatal(err)
	}
	for range 2 {
		checkNotSigning(t, n, "not those that were signed")
		if m, ok := n.Signed(1); !ok || m.Size != own.Size || m.Root != own.Root {
			t.Errorf("signed %+v", m)
		}
		n.reopen(t)
	}
}
