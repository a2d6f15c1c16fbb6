package replica

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"

	"suyuan/node/protocol"
	"suyuan/node/wire"
)

func TestExplainNamesTheCause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err            error
		addrs          int
		problem, blame string
	}{
		{errors.New("whatever"), 0, "no address", "through which both are reached"},
		{nil, 1, "", ""},
		{fmt.Errorf("%w: %q", protocol.ErrTurnedAway, "of another network"), 1, "of another network", "charter show"},
		{fmt.Errorf("%w: protocol version 9, not 1", ErrRefused), 1, "protocol version 9", "versions of the program"},
		{fmt.Errorf("connect: %w", &net.DNSError{Name: "wh.example", IsNotFound: true}), 1, "wh.example is not found", "DNS"},
		{fmt.Errorf("open stream: %w", network.ErrResourceLimitExceeded), 1, "too many connections", "wait"},
		{protocol.ErrSilent, 1, "does not answer", "firewall"},
		{fmt.Errorf("%w: %q", protocol.ErrLeft, "shutting down"), 1, "shutting down", "comes back"},
		{errors.New("stream reset"), 1, "the connection broke", "tried again"},
	} {
		problem, advice := explain(c.err, "wh", c.addrs)
		if !strings.Contains(problem, c.problem) || !strings.Contains(advice, c.blame) || (problem == "") != (c.problem == "") {
			t.Errorf("%v with %d addresses: %q, %q", c.err, c.addrs, problem, advice)
		}
	}
}

// TestStatusSaysWhyAPeerIsAway lets a node dial what is not the peer.
func TestStatusSaysWhyAPeerIsAway(t *testing.T) {
	c := newCluster(t, addressed("wh"))
	brand, wh, dist, audit := c.node("lanzhi"), c.node("wh"), c.node("dist"), c.node("audit")
	dist.open().found().start()
	brand.config = func(cfg *Config) {
		at := strings.SplitN(dist.Addrs()[0], "/p2p/", 2)[0]
		cfg.Book = map[uint32][]string{audit.member.Number: {at}}
	}
	brand.open().found().startAlone()
	for _, want := range []struct {
		n       *testNode
		problem string
	}{{wh, "nothing listens"}, {audit, "another key"}, {dist, "no address"}} {
		brand.await(want.problem, func() bool {
			p := brand.peer(want.n.member.Number)
			return !p.Admitted && strings.Contains(p.Problem, want.problem) && p.Advice != ""
		})
	}
	brand.AddAddrs(dist.member.Number, dist.Addrs()...)
	brand.await("a session", func() bool { p := brand.peer(3); return p.Admitted && p.Problem == "" && p.Line != "" })
	brand.await("what dist says that it holds beyond ours", func() bool { // until it says otherwise
		if s := brand.sessionOf(3); s != nil {
			brand.step(protocol.Received{Stream: s.no, Message: &wire.Have{Chains: []wire.Holding{{Chain: 4, Size: 99}}}})
		}
		return brand.peer(3).Ahead[4] == 99
	})
}
