package replica

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/node/protocol"
	"suyuan/node/wire"
)

// TestALiarIsRememberedOverARestart has a holder send garbage once, and this node
// start again.
func TestALiarIsRememberedOverARestart(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh")
	memory := filepath.Join(c.base, "peers")
	wh.config = func(cfg *Config) { cfg.Memory = memory }
	wh.open().found().start()
	b := c.net.NewChain("lanzhi")
	for range 5 {
		b.Record(ledger.KindPlace)
	}
	cp := b.Final()
	liar := c.rogue(t, "dist")
	liar.serve(serveChain(b, func(_ uint64, it *wire.Item) { it.Entry = append(it.Entry, 0) }))
	l := liar.admitted(wh)
	if err := l.send(&wire.Have{Chains: []wire.Holding{{Chain: 1, Size: cp.Size, Final: cp.Note}}}); err != nil {
		t.Fatal(err)
	}
	wh.await("that it is written down", func() bool {
		raw, err := os.ReadFile(memory)
		if err != nil {
			return false
		}
		list, err := protocol.DecodeOffences(raw)
		return err == nil && len(list) == 1 && list[0].Peer == 3 && list[0].Chain == 1
	})
	wh.halt()
	wh.start()
	if left := time.Until(wh.passedOver(3, 1)); left < blockTime/2 {
		t.Errorf("after the restart it is passed over for %v", left)
	}
	wh.halt()
	if err := os.WriteFile(memory, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	wh.start() // what cannot be read is forgotten, and no reason not to run
	if !wh.passedOver(3, 1).IsZero() {
		t.Error("garbage is remembered")
	}
}

// TestNodesOfOneMemberShareWhatTheyMayAsk spends the share of a member through one
// of its nodes, which hangs up, and asks through the other.
func TestNodesOfOneMemberShareWhatTheyMayAsk(t *testing.T) {
	c := newCluster(t, ledgertest.WithSecondNode("dist"))
	wh := c.node("wh").open().found().start()
	m := c.net.Member("dist")
	one := newRogue(t, c, m, m.Number)
	line := one.admitted(wh)
	share := wh.shareOf("dist")
	share.requests.SetLimit(0) // as if time stood still
	for i := range requestBurst {
		if m, err := one.request(wh, wire.Fetch, &wire.GetCharter{Version: 1}); err != nil || m.Type() != wire.TypeFullCharter {
			t.Fatalf("request %d is answered %+v, %v", i, m, err)
		}
	}
	_ = line.stream.Reset()
	second := *m
	second.Transport = m.Second.Transport
	other := newRogue(t, c, &second, m.Second.Number)
	other.admitted(wh)
	answer, err := other.request(wh, wire.Fetch, &wire.GetCharter{Version: 1})
	if end, ok := answer.(*wire.End); err != nil || !ok || end.Status != wire.StatusBusy {
		t.Errorf("the other node is answered %+v, %v", answer, err)
	}
}
