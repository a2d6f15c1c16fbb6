package replica

import (
	"slices"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// addressed gives some members an address in the charter, which is one that
// nobody can dial: where nodes listen in a test is known only when they do.
func addressed(slugs ...string) ledgertest.Option {
	return ledgertest.WithCharter(func(c *ledger.Charter) {
		for i := range c.Nodes {
			if slices.Contains(slugs, c.Nodes[i].Member) {
				c.Nodes[i].Addrs = []string{"/ip4/127.0.0.1/tcp/1"}
			}
		}
	})
}

// TestPrivateNodesMeetAtARelay runs two nodes that listen nowhere: what goes
// between them goes through the others.
func TestPrivateNodesMeetAtARelay(t *testing.T) {
	c := newCluster(t, addressed("lanzhi", "audit"))
	wh, dist := c.node("wh"), c.node("dist")
	for _, n := range c.list() {
		n.config = func(cfg *Config) {
			cfg.Reach = Auto
			if n == wh || n == dist {
				cfg.Listen = nil
			}
		}
		n.open().found().start()
	}
	c.awaitFinal(c.list(), c.list()...)
	for _, pair := range [][2]*testNode{{wh, dist}, {dist, wh}} {
		pair[0].await("a session through a relay", func() bool {
			p := pair[0].peer(pair[1].member.Number)
			return p.Admitted && p.Line == LineRelay
		})
	}
	if p := wh.peer(1); p.Line == LineRelay {
		t.Errorf("wh reaches a node that can be dialled through a relay: %+v", p)
	}
	wh.records(300)
	dist.records(300)
	c.awaitFinal(c.list(), wh, dist)
}

// TestOneRelayForAll runs three nodes that listen nowhere around the one that
// does. When that one goes and comes back, they find each other again.
func TestOneRelayForAll(t *testing.T) {
	c := newCluster(t, addressed("lanzhi"))
	for _, n := range c.list() {
		n.config = func(cfg *Config) {
			cfg.Reach = Auto
			if n.member.Slug != "lanzhi" {
				cfg.Listen = nil
			}
		}
		n.open().found().start()
	}
	c.awaitFinal(c.list(), c.list()...)
	brand, wh, dist := c.node("lanzhi"), c.node("wh"), c.node("dist")
	brand.halt()
	dist.await("the loss of wh", func() bool { return !dist.peer(2).Admitted })
	brand.start()
	wh.records(10)
	c.awaitFinal(c.list(), wh)
	dist.await("a session through a relay", func() bool { return dist.peer(2).Line == LineRelay })
	wh.await("an address through the brand", func() bool {
		return slices.Equal(wh.ownAddr().Addrs, []string{circuit(brand.host.ID())})
	})
}

func TestReachability(t *testing.T) {
	with, without := &ledger.Node{Addrs: []string{"/ip4/192.0.2.1/tcp/1"}}, &ledger.Node{}
	for _, c := range []struct {
		reach   Reachability
		node    *ledger.Node
		private bool
	}{
		{"", with, false}, {"", without, true}, {Auto, with, false}, {Auto, without, true},
		{Public, without, false}, {Private, with, true},
	} {
		if got := c.reach.private(c.node); got != c.private {
			t.Errorf("%q with addresses %q: private %v", c.reach, c.node.Addrs, got)
		}
	}
	if Reachability("behind NAT").Valid() {
		t.Error("any word will do")
	}
}

// TestCircuitsAreThroughMembersOnly gives a node addresses through others and
// looks which it would dial.
func TestCircuitsAreThroughMembersOnly(t *testing.T) {
	c := newCluster(t).runAll()
	brand := c.node("lanzhi")
	brand.await("a session", func() bool { return brand.sessionOf(2) != nil })
	p := brand.sessionOf(2).remote
	stranger, err := peer.Decode("12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []struct {
		id   peer.ID
		want bool
	}{{c.node("dist").host.ID(), true}, {stranger, false}, {brand.host.ID(), false}, {p.id, false}} {
		a, err := multiaddr.NewMultiaddr(circuit(at.id))
		if err != nil {
			t.Fatal(err)
		}
		if got := brand.usable(p, a); got != at.want {
			t.Errorf("through %s: %v", at.id, got)
		}
		if got := brand.gate.AllowReserve(at.id, nil); got != (at.id != stranger) {
			t.Errorf("reservation of %s: %v", at.id, got)
		}
		if brand.gate.AllowConnect(at.id, nil, stranger) {
			t.Errorf("%s is relayed to a stranger", at.id)
		}
	}
}

// TestNamesAndIPv6 gives nodes to each other as DNS names and as addresses of
// version 6 of the internet protocol.
func TestNamesAndIPv6(t *testing.T) {
	c := newCluster(t)
	for _, n := range c.list() {
		n.config = func(cfg *Config) {
			cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0"}
			if n.member.Slug == "wh" {
				cfg.Listen = []string{"/ip6/::1/udp/0/quic-v1", "/ip6/::1/tcp/0"}
			}
			for number, list := range cfg.Book {
				for i := range list {
					list[i] = strings.Replace(list[i], "/ip4/127.0.0.1/", "/dns4/localhost/", 1)
				}
				cfg.Book[number] = list
			}
		}
		n.open().found().start()
	}
	c.awaitFinal(c.list(), c.list()...)
}
