package replica

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/node/wire"
)

func TestOutboxKeepsTheLatestValue(t *testing.T) {
	o := newOutbox()
	for size := range uint64(1000) {
		o.have(wire.Holding{Chain: 1, Size: size}, wire.Holding{Chain: 2, Size: 2 * size})
		o.sendPing(size)
	}
	o.sendAlert(3, &wire.Alert{A: []byte("a"), B: []byte("b")})
	if len(o.ready) != 1 {
		t.Fatal("no token for the writer")
	}
	got := o.take()
	if len(got) != 3 || got[0].(*wire.Ping).Token != 999 || got[1].Type() != wire.TypeAlert {
		t.Fatalf("got %d messages: %v", len(got), got)
	}
	have := got[2].(*wire.Have).Chains
	if len(have) != 2 || have[0].Size != 999 || have[1].Size != 1998 {
		t.Fatalf("got %+v", have)
	}
	if again := o.take(); len(again) != 0 {
		t.Fatalf("took %v again", again)
	}
}

// TestHoldingsAreSplitIntoFrames holds that every HAVE that an outbox makes can
// be sent, however many chains there are and however large their notes.
func TestHoldingsAreSplitIntoFrames(t *testing.T) {
	for _, note := range []int{0, 250, ledger.MaxCheckpointBytes} {
		for _, chains := range []int{1, 2, 200, wire.MaxHaves + 1} {
			t.Run(fmt.Sprintf("%d bytes of %d chains", note, chains), func(t *testing.T) {
				all := make(map[uint32]wire.Holding)
				for i := range chains {
					n := uint32(i + 1)
					all[n] = wire.Holding{Chain: n, Size: 1 << 60, Signed: make([]byte, note), Final: make([]byte, note)}
				}
				seen := 0
				for _, h := range packHoldings(all) {
					if _, err := wire.Ctl.Append(nil, h); err != nil {
						t.Fatal(err)
					}
					seen += len(h.Chains)
				}
				if seen != chains {
					t.Fatalf("%d chains, want %d", seen, chains)
				}
			})
		}
	}
}

func TestChooseAsksTheAuthorThenOwnThenTheIdle(t *testing.T) {
	author := candidate{member: "brand", author: true, size: 10}
	own := candidate{member: "wh", size: 10}
	idle, busy := candidate{member: "dist", size: 10}, candidate{member: "audit", size: 10, running: 1}
	full := candidate{member: "brand", author: true, size: 10, running: maxFetchesPerPeer}
	short := candidate{member: "brand", author: true, size: 5}
	for _, c := range []struct {
		name string
		list []candidate
		want int
	}{
		{"nobody", nil, -1},
		{"the author", []candidate{idle, own, author}, 2},
		{"our own member", []candidate{busy, idle, own}, 2},
		{"the idle one", []candidate{busy, idle}, 1},
		{"not one with all its requests under way", []candidate{full, busy}, 1},
		{"not one that has no more than we", []candidate{short}, -1},
	} {
		for seed := range uint64(10) {
			if got := choose(c.list, 5, "wh", rand.New(rand.NewPCG(seed, 0))); got != c.want {
				t.Errorf("%s: chose %d, want %d", c.name, got, c.want)
			}
		}
	}
}

func TestRangesEndAtTiles(t *testing.T) {
	for _, c := range []struct{ from, size, want uint64 }{
		{0, 10, 10}, {0, 4096, 4096}, {0, 5000, 4096}, {4096, 5000, 5000}, {100, 10_000, 4096}, {300, 10_000, 256 + 4096},
	} {
		got := rangeEnd(c.from, c.size)
		if got != c.want || got-c.from > wire.MaxRange {
			t.Errorf("from %d of %d: to %d, want %d", c.from, c.size, got, c.want)
		}
	}
}

func TestBackoffDoublesToItsMost(t *testing.T) {
	most := func() float64 { return 1 }
	for n, want := range []time.Duration{1, 2, 4, 8, 16} {
		if got := backoff(n, time.Second, maxRetry, most); got != want*time.Second {
			t.Errorf("attempt %d waits %v", n, got)
		}
	}
	if got := backoff(1000, time.Second, maxRetry, most); got != maxRetry {
		t.Errorf("waits %v in the end", got)
	}
	if got := backoff(3, time.Second, maxRetry, func() float64 { return 0 }); got != 0 {
		t.Errorf("no jitter: %v", got)
	}
}

func TestNamesRoot(t *testing.T) {
	root := ledger.LeafHash([]byte("x"))
	note, err := ledger.SignCheckpoint("origin.example/1", 7, root, ledgertest.NodeKey("names root"))
	if err != nil {
		t.Fatal(err)
	}
	if !namesRoot(note, root) || namesRoot(note, ledger.Hash{}) || namesRoot([]byte("a\nb\n"), root) {
		t.Fatal("the root of a note is not read")
	}
}
