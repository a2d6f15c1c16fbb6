package replica

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/x/rate"
	"github.com/multiformats/go-multiaddr"

	"suyuan/ledger"
	"suyuan/node/wire"
)

// newHost makes the libp2p host: QUIC, TCP and circuits with TLS, nothing that
// talks to peers outside the charter, and no metrics, discovery or ping of its
// own. It listens when it returns.
func newHost(key ed25519.PrivateKey, listen []string, g *gate, network ledger.Hash, nodes int, private bool, further ...libp2p.Option) (host.Host, error) {
	sk, err := crypto.UnmarshalEd25519PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("transport key: %w", err)
	}
	rm, err := resources(network, nodes)
	if err != nil {
		return nil, fmt.Errorf("resource limits: %w", err)
	}
	listening := libp2p.ListenAddrStrings(listen...)
	if len(listen) == 0 {
		listening = libp2p.NoListenAddrs // the library's default is every interface
	}
	h, err := libp2p.New(append(append(reachable(private, g, nodes), further...),
		libp2p.Identity(sk),
		libp2p.UserAgent("suyuan"),
		listening,
		libp2p.Transport(libp2pquic.NewTransport),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(tls.ID, tls.New),
		libp2p.ConnectionGater(g),
		libp2p.ConnectionManager(connmgr.NullConnMgr{}),
		libp2p.ResourceManager(rm),
		libp2p.DisableMetrics(),
		libp2p.Ping(false),
		libp2p.SwarmOpts(swarm.WithDialTimeout(dialTimeout)),
	)...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start libp2p: %w", err), rm.Close())
	}
	return h, nil
}

// CheckListen checks a multiaddress to listen on: a number, and TCP or QUIC.
func CheckListen(text string) error {
	a, err := multiaddr.NewMultiaddr(text)
	if err != nil {
		return err
	}
	var codes []int
	for _, c := range a {
		codes = append(codes, c.Protocol().Code)
	}
	ip := len(codes) > 0 && (codes[0] == multiaddr.P_IP4 || codes[0] == multiaddr.P_IP6)
	if ip && (slices.Equal(codes[1:], []int{multiaddr.P_TCP}) || slices.Equal(codes[1:], []int{multiaddr.P_UDP, multiaddr.P_QUIC_V1})) {
		return nil
	}
	return fmt.Errorf("%q is not like /ip4/0.0.0.0/tcp/4001 or /ip6/::/udp/4001/quic-v1", text)
}

// resources are limits for a network of n nodes, any number of which may stand
// behind one address. The library's defaults allow 8 connections for an IPv4
// address and a new one every 5 s.
func resources(id ledger.Hash, n int) (network.ResourceManager, error) {
	conns, inbound := rcmgr.LimitVal(4*n+128), rcmgr.LimitVal(2*n+64)
	system := rcmgr.ResourceLimits{
		Conns: conns, ConnsInbound: inbound, ConnsOutbound: conns, FD: conns,
		Streams: 64 * conns, StreamsInbound: 64 * conns, StreamsOutbound: 64 * conns,
		Memory: 1 << 30,
	}
	limits := rcmgr.PartialLimitConfig{
		System:    system,
		Transient: rcmgr.ResourceLimits{Conns: inbound, ConnsInbound: inbound, ConnsOutbound: inbound, FD: inbound},
		PeerDefault: rcmgr.ResourceLimits{
			Conns: 6, ConnsInbound: 6, ConnsOutbound: 6, FD: 6,
			// n: at a relay each circuit of a peer is one stream more.
			Streams: 64 + 2*rcmgr.LimitVal(n), StreamsInbound: 32 + rcmgr.LimitVal(n), StreamsOutbound: 32 + rcmgr.LimitVal(n),
			Memory: 64 << 20,
		},
		ProtocolPeer: map[protocol.ID]rcmgr.ResourceLimits{},
	}
	for _, p := range []wire.Protocol{wire.Ctl, wire.Fetch, wire.Cosign, wire.Ask} {
		limits.ProtocolPeer[protocol.ID(p.ID(id))] = rcmgr.ResourceLimits{
			Streams: 2 * peerStreams, StreamsInbound: peerStreams, StreamsOutbound: peerStreams,
		}
	}
	return rcmgr.NewResourceManager(
		rcmgr.NewFixedLimiter(limits.Build(rcmgr.DefaultLimits.AutoScale())),
		rcmgr.WithMetricsDisabled(),
		rcmgr.WithLimitPerSubnet(
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: 4 * n}},
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: 4 * n}}),
		rcmgr.WithConnRateLimiters(&rate.Limiter{
			GlobalLimit: rate.Limit{RPS: 50, Burst: n + 50},
			SubnetRateLimiter: rate.SubnetLimiter{
				IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: rate.Limit{RPS: 5, Burst: n + 50}}},
				IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: rate.Limit{RPS: 5, Burst: n + 50}}},
			},
		}),
	)
}

// A gate lets the peers of the newest charter in and nobody else. It is a
// libp2p connection gater, and says for whom the node relays.
type gate struct {
	allowed atomic.Pointer[map[peer.ID]uint32]
}

func (g *gate) set(peers map[peer.ID]uint32) { g.allowed.Store(&peers) }

func (g *gate) knows(id peer.ID) bool {
	m := g.allowed.Load()
	if m == nil {
		return false
	}
	_, ok := (*m)[id]
	return ok
}

func (g *gate) InterceptPeerDial(id peer.ID) bool { return g.knows(id) }

func (g *gate) InterceptAddrDial(id peer.ID, _ multiaddr.Multiaddr) bool { return g.knows(id) }

// InterceptAccept cannot tell yet who it is.
func (g *gate) InterceptAccept(network.ConnMultiaddrs) bool { return true }

func (g *gate) InterceptSecured(_ network.Direction, id peer.ID, _ network.ConnMultiaddrs) bool {
	return g.knows(id)
}

func (g *gate) InterceptUpgraded(c network.Conn) (bool, control.DisconnectReason) {
	return g.knows(c.RemotePeer()), 0
}
