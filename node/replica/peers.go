package replica

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	libprotocol "github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/multiformats/go-multiaddr"

	"suyuan/node/protocol"
	"suyuan/node/wire"
)

// A PeerStatus is what the replica knows of another node of the charter.
type PeerStatus struct {
	Number    uint32
	Member    string
	Connected bool // libp2p has a connection
	Admitted  bool // HELLO has passed
	Since     time.Time
	Addr      string // remote multiaddress, "" if not admitted
	Line      Line   // how the best connection goes, "" if not admitted
	RTT       time.Duration
	Behind    map[uint32]uint64 // per chain, entries that we hold and the peer, by its own word, lacks
	Ahead     map[uint32]uint64 // per chain, entries that the peer, by its own word, holds and we lack
	LastError error             // why the last attempt or session ended, nil if it never did
	Problem   string            // what is wrong, in words; "" if admitted or not tried yet
	Advice    string            // what to do about it
}

// Peers returns the state of every other node, ascending by number.
func (r *Replica) Peers() []PeerStatus {
	r.mu.Lock()
	views := r.core.Peers()
	r.mu.Unlock()
	list := make([]PeerStatus, 0, len(views))
	for _, v := range views {
		list = append(list, r.peerStatus(v))
	}
	return list
}

func (r *Replica) peerStatus(v protocol.PeerView) PeerStatus {
	st := PeerStatus{Number: v.Number, Member: v.Member, LastError: v.LastError}
	r.mu.Lock()
	p, s := r.remotes[v.Number], r.streams[v.Stream]
	r.mu.Unlock()
	if p != nil {
		st.Connected = r.host.Network().Connectedness(p.id) == network.Connected
	}
	if s == nil || !v.Admitted {
		addrs := 0
		if p != nil {
			addrs = len(r.addrsOf(p))
		}
		st.Problem, st.Advice = explain(st.LastError, v.Member, addrs)
		return st
	}
	st.Admitted, st.Since, st.RTT = true, v.Since, v.RTT
	best := r.bestAddr(s)
	st.Addr, st.Line = best.String(), lineOf(best)
	st.Behind, st.Ahead = make(map[uint32]uint64), make(map[uint32]uint64)
	for _, chain := range r.cfg.Store.Network().Chains() {
		switch theirs, ours := v.Holds[chain], r.cfg.Store.Size(chain); {
		case theirs > ours:
			st.Ahead[chain] = theirs - ours
		case ours > theirs && chain != v.Number:
			st.Behind[chain] = ours - theirs
		}
	}
	return st
}

// bestAddr is where the session's peer is: on the session's own connection,
// unless that goes through a relay and a direct one has come since, which new
// requests take.
func (r *Replica) bestAddr(s *session) multiaddr.Multiaddr {
	own := s.stream.Conn().RemoteMultiaddr()
	if lineOf(own) != LineRelay {
		return own
	}
	for _, c := range r.host.Network().ConnsToPeer(s.id) {
		if a := c.RemoteMultiaddr(); lineOf(a) != LineRelay {
			return a
		}
	}
	return own
}

// Addrs returns the multiaddresses on which the node listens, with its peer id.
func (r *Replica) Addrs() []string {
	var list []string
	for _, a := range r.host.Addrs() {
		list = append(list, a.String()+"/p2p/"+r.host.ID().String())
	}
	return list
}

// AddAddrs adds multiaddresses at which a node may be reached, and dials it.
func (r *Replica) AddAddrs(number uint32, addrs ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.remotes[number]; p != nil {
		p.book = append(slices.Clone(p.book), addrs...)
		r.tell(protocol.Reached{Peer: number})
	} else {
		book := make(map[uint32][]string, len(r.cfg.Book)+1)
		for n, list := range r.cfg.Book {
			book[n] = list
		}
		book[number] = append(slices.Clone(book[number]), addrs...)
		r.cfg.Book = book
	}
}

// dial connects to a node, opens ctl and carries its messages until it ends.
func (r *Replica) dial(ctx context.Context, a protocol.Dial) {
	r.mu.Lock()
	p := r.remotes[a.Peer]
	r.mu.Unlock()
	stream, err := r.connect(ctx, p)
	if err != nil {
		r.post(ctx, protocol.NotOpened{Peer: a.Peer, Err: err})
		return
	}
	r.converse(ctx, stream, p, true)
}

func (r *Replica) connect(ctx context.Context, p *remote) (network.Stream, error) {
	if p == nil {
		return nil, fmt.Errorf("%w: it is not in the charter any more", ErrRefused)
	}
	if addrs := r.addrsOf(p); len(addrs) > 0 {
		r.host.Peerstore().AddAddrs(p.id, addrs, peerstore.PermanentAddrTTL)
	}
	if s, ok := r.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(p.id) // ours is better: it has jitter, and knows of changed addresses
	}
	connecting, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := r.host.Connect(connecting, peer.AddrInfo{ID: p.id}); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return r.open(ctx, p.id, wire.Ctl)
}

// open opens a stream on an existing connection.
func (r *Replica) open(ctx context.Context, id peer.ID, p wire.Protocol) (network.Stream, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "streams go to connected peers"), openTimeout)
	defer cancel()
	s, err := r.host.NewStream(ctx, id, libprotocol.ID(p.ID(r.network)))
	if err != nil {
		return nil, fmt.Errorf("open stream: %w: %w", errLine, err)
	}
	return s, nil
}

// addrsOf returns all addresses that the charter, the configuration and the
// node itself give for it.
func (r *Replica) addrsOf(p *remote) []multiaddr.Multiaddr {
	texts := r.circuitsTo(p)
	if n := r.cfg.Store.Network().Newest().Charter.Node(p.number); n != nil {
		texts = append(texts, n.Addrs...)
	}
	r.mu.Lock()
	texts = append(texts, p.book...)
	texts = append(texts, p.near...)
	if p.moved != nil {
		texts = append(texts, p.moved.Addrs...)
	}
	r.mu.Unlock()
	var addrs []multiaddr.Multiaddr
	for _, text := range texts {
		m, err := multiaddr.NewMultiaddr(text)
		if err != nil {
			r.log.Debug("address ignored", "peer", p.number, "err", err)
			continue
		}
		transport, id := peer.SplitAddr(m)
		if transport != nil && (id == "" || id == p.id) && r.usable(p, transport) {
			addrs = append(addrs, transport)
		}
	}
	return addrs
}

var errAddr = errors.New("address statement does not verify")

// takeAddr verifies where a node says that it listens and takes it over.
func (r *Replica) takeAddr(a *wire.Addr) bool {
	r.mu.Lock()
	p := r.remotes[a.Number]
	r.mu.Unlock()
	if p == nil {
		return false
	}
	if err := r.verifyAddr(p, a); err != nil {
		r.log.Debug("address statement ignored", "peer", a.Number, "err", err)
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.moved == nil || p.moved.Seq < a.Seq {
		p.moved = a
	}
	return true
}

func (r *Replica) verifyAddr(p *remote, a *wire.Addr) error {
	key, err := p.id.ExtractPublicKey()
	if err != nil {
		return fmt.Errorf("%w: %w", errAddr, err)
	}
	msg, err := a.Message(r.network)
	if err != nil {
		return fmt.Errorf("%w: %w", errAddr, err)
	}
	if ok, err := key.Verify(msg, a.Sig); err != nil || !ok {
		return errAddr
	}
	return nil
}

// watchAddrs tells the core where this node listens, whenever that changes, until
// ctx ends.
func (r *Replica) watchAddrs(ctx context.Context) error {
	moved, err := r.host.EventBus().Subscribe(new(event.EvtLocalAddressesUpdated))
	if err != nil {
		return fmt.Errorf("replica: watch addresses: %w", err)
	}
	defer moved.Close()
	for {
		r.tellAddr(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-moved.Out():
		}
	}
}

// tellAddr gives our newest statement to the core.
func (r *Replica) tellAddr(ctx context.Context) {
	if own := r.ownAddr(); own != nil {
		r.post(ctx, protocol.Address{Statement: own})
	}
}

// ownAddr returns our signed statement, a new one if the addresses changed.
func (r *Replica) ownAddr() *wire.Addr {
	var addrs []string
	for _, a := range r.host.Addrs() {
		if text := a.String(); len(text) <= wire.MaxAddrBytes && len(addrs) < wire.MaxAddrs {
			addrs = append(addrs, text)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	addrs = append(addrs[:min(len(addrs), wire.MaxAddrs-len(r.circuits))], r.circuits...)
	slices.Sort(addrs)
	if r.address != nil && slices.Equal(r.address.Addrs, addrs) {
		return r.address
	}
	a := &wire.Addr{Number: r.cfg.Number, Seq: uint64(max(r.now().UnixMilli(), 1)), Addrs: addrs}
	msg, err := a.Message(r.network)
	if err != nil {
		r.log.Error("address statement not made", "err", err)
		return nil
	}
	a.Sig = ed25519.Sign(r.cfg.Transport, msg)
	r.address = a
	return a
}
