package replica

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// authorship is a proposer with the chain and the keys to play its witnesses.
type authorship struct {
	*proposer
	net   *ledgertest.Net
	chain *ledgertest.Builder
	now   time.Time
}

func newAuthorship(members int) *authorship {
	net := ledgertest.New(ledgertest.WithMembers(members))
	chain := net.NewChain("m001")
	return &authorship{
		proposer: newProposer(net.Network.Newest().Verifiers, chain.Number, Intervals{}.withDefaults()),
		net:      net, chain: chain, now: time.UnixMilli(ledgertest.Start),
	}
}

// round lets the chain grow by one entry and opens a round with its head.
func (a *authorship) round() *ledger.Checkpoint {
	a.chain.Record(ledger.KindPlace)
	cp := a.chain.Checkpoint()
	a.open(a.now, cp)
	return cp
}

func (a *authorship) pass(d time.Duration) { a.now = a.now.Add(d) }

func (a *authorship) connect(members ...string) {
	for _, m := range members {
		a.connected(m, true)
	}
}

// sign answers a proposal as the witness would.
func (a *authorship) sign(t *testing.T, cp *ledger.Checkpoint, member string) {
	t.Helper()
	if err := a.cosigned(a.now, member, cp.Size, a.net.Cosignature(cp, member, a.now.UnixMilli())); err != nil {
		t.Fatal(err)
	}
}

func (a *authorship) wantNext(t *testing.T, size uint64, members ...string) {
	t.Helper()
	cp, got := a.next(a.now)
	if !slices.Equal(got, members) || len(got) > 0 && cp.Size != size {
		t.Fatalf("proposes to %v, want size %d to %v", got, size, members)
	}
}

func (a *authorship) wantPublish(t *testing.T, size uint64, cosigners ...string) {
	t.Helper()
	cp := a.publish(a.now)
	if cp == nil || cp.Size != size || !slices.Equal(cp.Cosigners, cosigners) {
		t.Fatalf("publishes %+v, want size %d with %v", cp, size, cosigners)
	}
	if !cp.Final {
		t.Fatal("published without a quorum")
	}
}

func (a *authorship) wantNothing(t *testing.T) {
	t.Helper()
	if cp := a.publish(a.now); cp != nil {
		t.Fatalf("publishes size %d with %v, want nothing", cp.Size, cp.Cosigners)
	}
}

func TestProposerPublishesWithQuorumAndAgainWhenMoreJoin(t *testing.T) {
	a := newAuthorship(4)
	a.connect("m002", "m003", "m004")
	cp := a.round()
	a.wantNext(t, cp.Size, "m002", "m003", "m004")
	a.wantNext(t, 0) // one in flight per witness
	a.sign(t, cp, "m003")
	a.wantNothing(t)
	a.sign(t, cp, "m002")
	a.wantPublish(t, cp.Size, "m001", "m002", "m003")
	a.wantNothing(t)
	a.sign(t, cp, "m004")
	a.wantNothing(t)
	if got := a.wake(); !got.Equal(a.now.Add(joinDelay)) {
		t.Fatalf("wakes at %v", got)
	}
	a.pass(joinDelay)
	a.wantPublish(t, cp.Size, "m001", "m002", "m003", "m004")
	a.wantNothing(t)
}

func TestRoundEndsWithQuorumOrTimeout(t *testing.T) {
	a := newAuthorship(4)
	a.connect("m002", "m003")
	if at, ok := a.roundAt(a.chain.Size()); !ok || !at.IsZero() {
		t.Fatal("the first round is not due at once")
	}
	cp := a.round()
	if _, ok := a.roundAt(cp.Size); ok {
		t.Fatal("a round is due and the chain has not grown")
	}
	if at, _ := a.roundAt(cp.Size + 1); !at.Equal(a.now.Add(time.Second)) {
		t.Fatalf("without a quorum the next round is due at %v", at)
	}
	a.next(a.now)
	a.sign(t, cp, "m002")
	a.sign(t, cp, "m003")
	if at, _ := a.roundAt(cp.Size + 1); !at.Equal(a.now.Add(10 * time.Millisecond)) {
		t.Fatalf("after a quorum the next round is due at %v", at)
	}
}

func TestOlderProposalStaysOpenUntilANewerIsFinal(t *testing.T) {
	a := newAuthorship(4)
	a.connect("m002", "m003", "m004")
	first := a.round()
	a.wantNext(t, first.Size, "m002", "m003", "m004")
	a.sign(t, first, "m002")
	a.pass(time.Second)
	second := a.round()
	a.wantNext(t, second.Size, "m002")
	a.sign(t, first, "m003") // slow, and enough
	a.wantPublish(t, first.Size, "m001", "m002", "m003")
	a.sign(t, second, "m002")
	a.wantNext(t, second.Size, "m003")
	a.sign(t, second, "m003")
	a.wantPublish(t, second.Size, "m001", "m002", "m003")
	a.sign(t, first, "m004") // too late for anything
	a.pass(joinDelay)
	a.wantNothing(t)
	a.wantNext(t, second.Size, "m004")
}

func TestProposerSkipsToTheNewest(t *testing.T) {
	a := newAuthorship(4)
	for range 2 * maxOffers {
		a.round()
		a.pass(time.Second)
	}
	if len(a.offers) != maxOffers {
		t.Fatalf("%d offers are open, want %d", len(a.offers), maxOffers)
	}
	a.connect("m004")
	a.wantNext(t, a.chain.Size(), "m004")
}

func TestProposerWaitsAfterARefusal(t *testing.T) {
	a := newAuthorship(4)
	a.connect("m002")
	cp := a.round()
	wait := 100 * time.Millisecond
	for range 4 {
		a.wantNext(t, cp.Size, "m002")
		a.failed(a.now, "m002", 0)
		a.wantNext(t, 0)
		if got := a.wake(); !got.Equal(a.now.Add(wait)) {
			t.Fatalf("asks again after %v, want %v", got.Sub(a.now), wait)
		}
		a.pass(wait)
		wait *= 2
	}
	a.wantNext(t, cp.Size, "m002")
	a.failed(a.now, "m002", 0)
	a.connected("m002", false)
	a.wantNext(t, 0)
	a.connected("m002", true) // a new session is a new chance
	a.wantNext(t, cp.Size, "m002")
}

func TestProposerRefusesForeignLines(t *testing.T) {
	a := newAuthorship(4)
	a.connect("m002", "m003")
	cp := a.round()
	other := a.chain.Clone()
	other.Record(ledger.KindPlace)
	for name, line := range map[string][]byte{
		"another member's":     a.net.Cosignature(cp, "m003", 1),
		"another checkpoint's": a.net.Cosignature(other.Checkpoint(), "m002", 1),
		"garbage":              []byte("— x y\n"),
		"two lines":            slices.Concat(a.net.Cosignature(cp, "m002", 1), a.net.Cosignature(cp, "m003", 1)),
	} {
		if err := a.cosigned(a.now, "m002", cp.Size, line); err == nil {
			t.Errorf("%s line is taken", name)
		}
	}
	if got := a.newest().Cosigners; !slices.Equal(got, []string{"m001"}) {
		t.Fatalf("cosigners are %v", got)
	}
}

func TestLoneCosignerIsFinalAtOnce(t *testing.T) {
	a := newAuthorship(1)
	cp := a.round()
	a.wantPublish(t, cp.Size, "m001")
}

// TestEveryEntryBecomesFinal plays random networks: witnesses that are slow,
// refuse, vanish and come back, under a chain that never stops growing. As long
// as a quorum answers in the end, everything becomes final, and nothing that is
// published lacks its quorum or goes back.
func TestEveryEntryBecomesFinal(t *testing.T) {
	for _, members := range []int{1, 2, 3, 4, 7} {
		t.Run(fmt.Sprint(members), func(t *testing.T) {
			seed := uint64(members) * 7919
			rnd := rand.New(rand.NewPCG(seed, seed))
			t.Logf("seed %d", seed)
			a := newAuthorship(members)
			flying := map[string]*ledger.Checkpoint{}
			var final uint64
			step := func(reliable bool) {
				for m := range a.witnesses {
					if rnd.IntN(10) == 0 || reliable {
						a.connected(m, reliable || rnd.IntN(2) == 0)
					}
				}
				if at, ok := a.roundAt(a.chain.Size()); ok && !a.now.Before(at) {
					a.open(a.now, a.chain.Checkpoint())
				}
				cp, to := a.next(a.now)
				for _, m := range to {
					if flying[m] != nil {
						t.Fatalf("two proposals to %s at one time", m)
					}
					flying[m] = cp
				}
				for _, m := range slices.Sorted(maps.Keys(flying)) {
					switch k := rnd.IntN(4); {
					case k == 0 || reliable:
						a.sign(t, flying[m], m)
						delete(flying, m)
					case k == 1:
						a.failed(a.now, m, 0)
						delete(flying, m)
					}
				}
				if p := a.publish(a.now); p != nil {
					if !p.Final || p.Size < final {
						t.Fatalf("published size %d, final %v, after %d", p.Size, p.Final, final)
					}
					final = p.Size
				}
				a.pass(time.Duration(rnd.IntN(300)) * time.Millisecond)
			}
			for range 300 {
				a.chain.Record(ledger.KindPlace)
				step(false)
			}
			for i := 0; final < a.chain.Size(); i++ {
				if i == 300 {
					t.Fatalf("size %d of %d is final", final, a.chain.Size())
				}
				step(true)
			}
		})
	}
}
