package replica

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/multiformats/go-multiaddr"

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
	remotes := make([]*remote, 0, len(r.remotes))
	for _, p := range r.remotes {
		remotes = append(remotes, p)
	}
	r.mu.Unlock()
	list := make([]PeerStatus, 0, len(remotes))
	for _, p := range remotes {
		list = append(list, r.peerStatus(p))
	}
	slices.SortFunc(list, func(a, b PeerStatus) int { return cmp.Compare(a.Number, b.Number) })
	return list
}

func (r *Replica) peerStatus(p *remote) PeerStatus {
	st := PeerStatus{
		Number: p.number, Member: p.member,
		Connected: r.host.Network().Connectedness(p.id) == network.Connected,
	}
	r.mu.Lock()
	s := p.session
	st.LastError = p.lastErr
	r.mu.Unlock()
	if s == nil {
		st.Problem, st.Advice = explain(st.LastError, p.member, len(r.addrsOf(p)))
		return st
	}
	st.Admitted, st.Since = true, s.since
	best := r.bestAddr(s)
	st.Addr, st.Line = best.String(), lineOf(best)
	st.Behind, st.Ahead = make(map[uint32]uint64), make(map[uint32]uint64)
	chains := r.chains()
	s.mu.Lock()
	defer s.mu.Unlock()
	st.RTT = s.rtt
	for _, chain := range chains {
		var theirs uint64
		if h := s.theirs[chain]; h != nil {
			theirs = h.size
		}
		switch ours := r.cfg.Store.Size(chain); {
		case theirs > ours:
			st.Ahead[chain] = theirs - ours
		case ours > theirs && chain != p.number:
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
		signal(p.kick)
	} else {
		book := make(map[uint32][]string, len(r.cfg.Book)+1)
		for n, list := range r.cfg.Book {
			book[n] = list
		}
		book[number] = append(slices.Clone(book[number]), addrs...)
		r.cfg.Book = book
	}
}

// keep holds a session with one node for as long as the charter has it.
func (r *Replica) keep(ctx context.Context, p *remote) {
	wait := r.yield(p)
	for attempt := 0; ; attempt++ {
		if !r.waitToDial(ctx, p, wait) {
			return
		}
		began := time.Now()
		err := r.dial(ctx, p)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > r.iv.Dead { // it was a session, not an attempt
			attempt = 0
		}
		r.failed(p, err)
		wait = backoff(attempt, r.iv.Retry, maxRetry, rand.Float64) + r.yield(p)
	}
}

// yield is how long p is left to dial first.
func (r *Replica) yield(p *remote) time.Duration {
	if r.dialsFirst(p) {
		return 0
	}
	return r.iv.Yield
}

// waitToDial waits until there is no session with p, and then for the given
// time or a kick. It returns false when ctx ends.
func (r *Replica) waitToDial(ctx context.Context, p *remote, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	due := false
	for {
		r.mu.Lock()
		s, changed := p.session, r.changed
		r.mu.Unlock()
		if s == nil && due {
			return true
		}
		var over chan struct{}
		if s != nil {
			over, due = s.over, false
		}
		select {
		case <-ctx.Done():
			return false
		case <-over:
			timer.Reset(wait)
		case <-p.kick:
			due = s == nil
		case <-timer.C:
			due = s == nil
		case <-changed:
		}
	}
}

// dial connects to p, opens ctl and runs the session to its end.
func (r *Replica) dial(ctx context.Context, p *remote) error {
	if addrs := r.addrsOf(p); len(addrs) > 0 {
		r.host.Peerstore().AddAddrs(p.id, addrs, peerstore.PermanentAddrTTL)
	}
	if s, ok := r.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(p.id) // ours is better: it has jitter, and knows of changed addresses
	}
	connecting, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := r.host.Connect(connecting, peer.AddrInfo{ID: p.id}); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	stream, err := r.open(ctx, p.id, wire.Ctl)
	if err != nil {
		return err
	}
	return r.talk(ctx, stream, p, true)
}

// open opens a stream on an existing connection.
func (r *Replica) open(ctx context.Context, id peer.ID, p wire.Protocol) (network.Stream, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "streams go to connected peers"), openTimeout)
	defer cancel()
	s, err := r.host.NewStream(ctx, id, protocol.ID(p.ID(r.network)))
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
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

// acceptSession handles a ctl stream that a peer opened.
func (r *Replica) acceptSession(ctx context.Context, stream network.Stream) {
	r.mu.Lock()
	p := r.byID[stream.Conn().RemotePeer()]
	r.mu.Unlock()
	if p == nil {
		_ = stream.Reset()
		return
	}
	if err := r.talk(ctx, stream, p, false); ctx.Err() == nil {
		r.failed(p, err)
	}
}

func (r *Replica) failed(p *remote, err error) {
	r.mu.Lock()
	p.lastErr = err
	r.mu.Unlock()
	r.log.Debug("session ended", "peer", p.number, "member", p.member, "err", err)
}

// admit makes s the session with its peer. Of two streams that stand at one
// time, both sides keep the one that the lower peer id opened, and the newer of
// two with the same opener. A stream of a new process replaces any of the old
// one's.
func (r *Replica) admit(s *session) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.remotes[s.number] != s.remote {
		return fmt.Errorf("%w: it is not in the charter any more", ErrRefused)
	}
	if old := s.remote.session; old != nil {
		low := r.host.ID() < s.id
		if old.instance == s.instance && old.ours != s.ours && s.ours != low {
			return fmt.Errorf("%w: there is a session already", ErrRefused)
		}
		old.out.sendBye(errReplaced.Error())
	}
	s.remote.session = s
	r.sessionsChanged()
	r.log.Info("peer admitted", "peer", s.number, "member", s.member, "addr", s.stream.Conn().RemoteMultiaddr())
	return nil
}

// dismiss ends a session.
func (r *Replica) dismiss(s *session) {
	close(s.over)
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.remote.session == s {
		s.remote.session = nil
		r.log.Info("peer left", "peer", s.number, "member", s.member)
	}
	r.sessionsChanged()
}

// sessionsChanged wakes who waits for sessions to begin or end. r.mu is held.
func (r *Replica) sessionsChanged() {
	close(r.changed)
	r.changed = make(chan struct{})
	signal(r.author.wake)
}

// admitted returns the session with the peer of a stream. A client may be
// admitted a moment before its server knows: the two HELLOs cross.
func (r *Replica) admitted(ctx context.Context, stream network.Stream) *session {
	ctx, cancel := context.WithTimeout(ctx, admitTimeout)
	defer cancel()
	for {
		r.mu.Lock()
		p, changed := r.byID[stream.Conn().RemotePeer()], r.changed
		var s *session
		if p != nil {
			s = p.session
		}
		r.mu.Unlock()
		if s != nil || p == nil {
			return s
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

var errAddr = errors.New("address statement does not verify")

// moved takes over where a node says it listens, and passes on what is new.
func (r *Replica) moved(a *wire.Addr) {
	r.mu.Lock()
	p := r.remotes[a.Number]
	known := p == nil || p.moved != nil && p.moved.Seq >= a.Seq
	r.mu.Unlock()
	if known {
		return
	}
	if err := r.verifyAddr(p, a); err != nil {
		r.log.Warn("address statement ignored", "peer", a.Number, "err", err)
		return
	}
	r.mu.Lock()
	p.moved = a
	signal(p.kick)
	r.mu.Unlock()
	for _, s := range r.sessions() {
		if s.number != a.Number {
			s.out.sendAddr(a)
		}
	}
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

// tellAddrs queues where we listen and where others said that they do.
func (r *Replica) tellAddrs(s *session) {
	own := r.ownAddr()
	r.mu.Lock()
	defer r.mu.Unlock()
	if own != nil {
		s.out.sendAddr(own)
	}
	for _, p := range r.remotes {
		if p.moved != nil && p.number != s.number {
			s.out.sendAddr(p.moved)
		}
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

// tellEvidence queues all evidence that we hold.
func (r *Replica) tellEvidence(s *session) {
	for _, chain := range r.chains() {
		if e := r.cfg.Store.Evidence(chain); e != nil {
			s.out.sendAlert(chain, (*wire.Alert)(e))
		}
	}
}
