package replica

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/node/wire"
)

// claim has a code checked. While nodes are finding each other one line may be
// replaced by another, with what was asked on it: that is asked again.
func (n *testNode) claim(chain uint32, c *wire.Claim) (*wire.Claimed, error) {
	for {
		s := n.sessionOf(chain)
		got, err := n.Claim(context.Background(), chain, c)
		if err == nil || s != nil && s == n.sessionOf(chain) {
			return got, err
		}
		n.await("the issuer", func() bool { return n.sessionOf(chain) != nil })
	}
}

// A node that has typed-in codes checked elsewhere gets the issuer's answer, and
// knows when the issuer is not there.
func TestClaimsReachTheIssuer(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	brand, wh := c.node("lanzhi"), c.node("wh")
	var from atomic.Uint32
	brand.config = func(cfg *Config) {
		cfg.Claims = func(_ context.Context, asker uint32, q *wire.Claim) *wire.Claimed {
			from.Store(asker)
			if q.Second != "RIGHT" {
				return &wire.Claimed{Outcome: wire.OutcomeWrong}
			}
			return &wire.Claimed{Outcome: wire.OutcomeFirst, At: 7}
		}
	}
	c.runAll()
	wh.await("the brand", func() bool { return wh.sessionOf(brand.member.Number) != nil })
	claim := &wire.Claim{GTIN: 1, Serial: "S", Second: "RIGHT", Token: ledger.Hash{1}}
	got, err := wh.claim(brand.member.Number, claim)
	if err != nil || got.Outcome != wire.OutcomeFirst || got.At != 7 {
		t.Fatalf("the issuer answers %+v, %v", got, err)
	}
	if from.Load() != wh.member.Number {
		t.Errorf("the issuer was told that node %d asks", from.Load())
	}
	var all sync.WaitGroup // more at once than there may be streams
	for range 10 * peerStreams {
		all.Go(func() {
			if got, err := wh.claim(brand.member.Number, claim); err != nil || got.Outcome != wire.OutcomeFirst {
				t.Errorf("of many at once one is answered %+v, %v", got, err)
			}
		})
	}
	all.Wait()
	claim.Second = "WRONG"
	if got, err := wh.claim(brand.member.Number, claim); err != nil || got.Outcome != wire.OutcomeWrong {
		t.Errorf("the issuer answers %+v, %v", got, err)
	}
	brand.await("the warehouse", func() bool { return brand.sessionOf(wh.member.Number) != nil })
	if got, err := brand.claim(wh.member.Number, claim); err != nil || got.Outcome != wire.OutcomeAlien {
		t.Errorf("a node that checks nothing answers %+v, %v", got, err)
	}
	brand.halt()
	wh.await("the brand's end", func() bool { return wh.sessionOf(brand.member.Number) == nil })
	if _, err := wh.Claim(context.Background(), brand.member.Number, claim); !errors.Is(err, ErrNoHolder) {
		t.Errorf("asked a node that has gone: %v, want ErrNoHolder", err)
	}
}

// A member gone bad cannot have as many codes checked as it likes.
func TestClaimsOfOneNodeAreBounded(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	brand, wh := c.node("lanzhi"), c.node("wh")
	var checked atomic.Uint32
	brand.config = func(cfg *Config) {
		cfg.Claims = func(context.Context, uint32, *wire.Claim) *wire.Claimed {
			checked.Add(1)
			return &wire.Claimed{Outcome: wire.OutcomeWrong}
		}
	}
	brand.open().found().start()
	wh.open().found()
	g := c.rogue(t, "wh")
	g.admitted(brand)
	claim := &wire.Claim{GTIN: 1, Serial: "S", Second: "X", Token: ledger.Hash{1}}
	began := time.Now()
	for range 3 * claimsBurst {
		m, err := g.request(brand, wire.Ask, claim)
		if err != nil {
			continue // over the streams that a peer may open
		}
		if a, ok := m.(*wire.Claimed); ok && a.Outcome == wire.OutcomeUnable {
			if a.Wait == 0 {
				t.Error("told to come again without a time")
			}
			return
		}
	}
	// This machine asks no faster than it may, unless more was checked than that.
	if most := claimsBurst + claimsPerSecond*(time.Since(began).Seconds()+1); float64(checked.Load()) > most {
		t.Errorf("%d codes were checked, of %.0f at most", checked.Load(), most)
	}
}

// Whoever is not admitted has nothing checked.
func TestClaimBeforeHelloIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	brand := c.node("lanzhi")
	brand.config = func(cfg *Config) {
		cfg.Claims = func(context.Context, uint32, *wire.Claim) *wire.Claimed {
			t.Error("a claim without hello was checked")
			return &wire.Claimed{Outcome: wire.OutcomeWrong}
		}
	}
	brand.open().found().start()
	g := c.rogue(t, "wh")
	if err := g.connect(brand); err != nil {
		t.Fatal(err)
	}
	if m, err := g.request(brand, wire.Ask, &wire.Claim{GTIN: 1, Serial: "S", Second: "X", Token: ledger.Hash{1}}); err == nil {
		t.Errorf("answered with %+v", m)
	}
}
