package replica

import (
	"context"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/multiformats/go-multiaddr"

	"suyuan/ledger"
)

// Reachability says whether other nodes can dial this one.
type Reachability string

// The values of [Reachability]. Auto, which is also the empty string, follows the
// charter: a node to which it gives no address is private.
const (
	Auto    Reachability = "auto"
	Public  Reachability = "public"
	Private Reachability = "private"
)

// Valid reports whether r is one of the three.
func (r Reachability) Valid() bool {
	return r == "" || r == Auto || r == Public || r == Private
}

// private decides for a node of the charter.
func (r Reachability) private(n *ledger.Node) bool {
	switch r {
	case Public:
		return false
	case Private:
		return true
	}
	return len(n.Addrs) == 0
}

// reachable are the host's options for a node that can, or cannot, be dialled.
// Reachability is declared and not probed, because probing needs others and
// believes only in addresses of the public internet.
//
// A node that can be dialled relays for the members of the charter, without a
// limit of time or bytes: a relayed connection carries the same protocols as any
// other, and is bounded by them. A private node lets its peers tell it under
// which address they see it, which hole punching needs.
func reachable(private bool, g *gate, nodes int) []libp2p.Option {
	options := []libp2p.Option{libp2p.EnableRelay(), libp2p.EnableHolePunching()}
	if private {
		return append(options, libp2p.ForceReachabilityPrivate())
	}
	all := 2 * nodes // a node that changes its address counts twice for a while
	return append(options,
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.ForceReachabilityPublic(),
		libp2p.EnableRelayService(
			relay.WithACL(g),
			relay.WithResources(relay.Resources{
				ReservationTTL: reservationTTL, BufferSize: relayBuffer,
				MaxReservations: all, MaxCircuits: all, MaxReservationsPerIP: all, MaxReservationsPerASN: all,
			}),
			relay.WithReservationAddressFilter(func(multiaddr.Multiaddr) bool { return true })))
}

// AllowReserve lets the charter's nodes be reached through this one.
func (g *gate) AllowReserve(id peer.ID, _ multiaddr.Multiaddr) bool { return g.knows(id) }

// AllowConnect lets the charter's nodes reach each other through this one.
func (g *gate) AllowConnect(from peer.ID, _ multiaddr.Multiaddr, to peer.ID) bool {
	return g.knows(from) && g.knows(to)
}

// A reservation is the right to be dialled through a peer. It lasts as long as
// the connection to it, and must be renewed.
type reservation struct {
	session *session
	renew   time.Time
}

// keepRelays holds reservations at up to maxRelays peers that are connected
// directly, and tells everybody which they are.
func (r *Replica) keepRelays(ctx context.Context) {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		again := time.NewTimer(r.reserve(ctx))
		select {
		case <-ctx.Done():
		case <-changed:
		case <-again.C:
		}
		again.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// reserve renews what is due and replaces what is lost. It returns when to look
// again.
func (r *Replica) reserve(ctx context.Context) time.Duration {
	wait := reserveRetry
	held := make(map[uint32]reservation)
	for _, s := range r.relayOrder() {
		if len(held) == maxRelays {
			break
		}
		old, ok := r.relays[s.number]
		if !ok || old.session != s || !time.Now().Before(old.renew) {
			expires, err := r.reserveAt(ctx, s)
			if err != nil {
				r.log.Debug("no reservation", "peer", s.number, "member", s.member, "err", err)
				continue
			}
			old = reservation{session: s, renew: time.Now().Add(time.Until(expires) / 2)}
			r.log.Info("reachable through a relay", "peer", s.number, "member", s.member)
		}
		held[s.number] = old
		wait = min(wait, max(time.Until(old.renew), time.Second))
	}
	r.relays = held
	if r.setCircuits(held) {
		r.tellAddr(ctx)
	}
	return wait
}

// relayOrder lists the sessions on direct connections: those that hold a
// reservation first, so that it is kept, then by number.
func (r *Replica) relayOrder() []*session {
	list := slices.DeleteFunc(r.sessions(), func(s *session) bool { return lineOf(s.stream.Conn().RemoteMultiaddr()) == LineRelay })
	rank := func(s *session) int {
		if old, ok := r.relays[s.number]; ok && old.session == s {
			return int(s.number)
		}
		return int(s.number) + ledger.MaxNodes
	}
	slices.SortFunc(list, func(a, b *session) int { return rank(a) - rank(b) })
	return list
}

// reserveAt asks one peer. A peer that relays for nobody does not know the
// protocol.
func (r *Replica) reserveAt(ctx context.Context, s *session) (expires time.Time, err error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "relays are connected peers"), openTimeout)
	defer cancel()
	got, err := client.Reserve(ctx, r.host, peer.AddrInfo{ID: s.id})
	if err != nil {
		return time.Time{}, err
	}
	return got.Expiration, nil
}

// setCircuits notes through whom we can be dialled, and reports whether that has
// changed.
func (r *Replica) setCircuits(held map[uint32]reservation) bool {
	var list []string
	for _, v := range held {
		list = append(list, circuit(v.session.id))
	}
	slices.Sort(list)
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Equal(r.circuits, list) {
		return false
	}
	r.circuits = list
	return true
}

// circuit is the multiaddress of whoever has a reservation at a relay. It names
// the relay by its key alone: every node of the charter knows where the others
// are.
func circuit(relay peer.ID) string { return "/p2p/" + relay.String() + "/p2p-circuit" }

// circuitsTo are the ways through others to a node that the charter gives no
// address: through peers that we are connected with and that have one.
func (r *Replica) circuitsTo(p *remote) []string {
	c := r.cfg.Store.Network().Newest().Charter
	if n := c.Node(p.number); n == nil || len(n.Addrs) > 0 {
		return nil
	}
	var list []string
	for _, s := range r.sessions() {
		if n := c.Node(s.number); n != nil && len(n.Addrs) > 0 && s.number != p.number && len(list) < maxRelays {
			list = append(list, circuit(s.id))
		}
	}
	return list
}

// usable reports whether an address that p is said to have can be dialled: one
// through a relay needs a relay of the charter that is neither it nor we.
func (r *Replica) usable(p *remote, a multiaddr.Multiaddr) bool {
	text, err := a.ValueForProtocol(multiaddr.P_P2P)
	if lineOf(a) != LineRelay || err != nil {
		return lineOf(a) != LineRelay
	}
	id, err := peer.Decode(text)
	return err == nil && id != r.host.ID() && id != p.id && r.gate.knows(id)
}

// dialsFirst reports whether we dial p at once, and it us only if that has not
// worked for a while: the side to which the charter gives no address does, else
// the one with the lower peer id.
func (r *Replica) dialsFirst(p *remote) bool {
	c := r.cfg.Store.Network().Newest().Charter
	addressed := func(number uint32) bool { n := c.Node(number); return n != nil && len(n.Addrs) > 0 }
	ours, theirs := addressed(r.cfg.Number) && !r.private, addressed(p.number)
	if ours != theirs {
		return theirs
	}
	return r.host.ID() < p.id
}

// A Line is how a connection goes.
type Line string

// The values of [Line].
const (
	LineQUIC  Line = "quic"
	LineTCP   Line = "tcp"
	LineRelay Line = "relay"
)

func lineOf(a multiaddr.Multiaddr) Line {
	line := LineTCP
	for _, c := range a {
		switch c.Protocol().Code {
		case multiaddr.P_CIRCUIT:
			return LineRelay
		case multiaddr.P_QUIC_V1:
			line = LineQUIC
		}
	}
	return line
}
