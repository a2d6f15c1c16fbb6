// Package replica keeps a node's copies of all chains complete and gathers
// cosignatures for its own: libp2p underneath, wire messages above. Begin with
// [New] and [Replica.Run].
//
// # How nodes treat each other
//
// Every node holds one ctl session with every other node of the charter. The
// node that cannot be dialled itself dials, else the one with the lower peer id;
// the other does so only if that has not worked for some seconds, because two
// nodes that dial each other end with two connections. A node to which the
// charter gives no address holds reservations at some that have one, says so in
// its signed address statement, and is dialled through these. A peer is connected when libp2p says so and admitted when both
// HELLOs fit; nothing is served before that.
//
// In a session each side tells what it has stored: of its own chain at once, of
// other chains now and then, everything every minute. What is told last replaces
// what was told before. A node that learns of more asks for it, the author
// first, then any holder. Whatever is asked for is proven against a checkpoint
// which the chain's author signed and the holder has named, before the store is
// given it: frontier and charter entries carry no signature of their own, and a
// holder could make some up. So one that sends other bytes is found out at once
// and by name, and is not asked again for some minutes.
//
// The author of a chain proposes its checkpoints to the witnesses in rounds; see
// proposer. A witness asks for what it lacks, waits a while for it, and cosigns
// what its store lets it. The author publishes the checkpoint with its quorum by
// telling what it has stored.
package replica

import (
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"golang.org/x/sync/errgroup"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node/wire"
)

// Errors that callers decide on.
var (
	// ErrRefused: a peer does not fit this network or is not admitted.
	ErrRefused = errors.New("peer refused")
	// ErrNoHolder: no connected peer has what is asked for.
	ErrNoHolder = errors.New("no connected peer has it")
)

// A Config says who the node is and what it works on. All fields without a
// default are needed.
type Config struct {
	Store *store.Store
	Blobs *store.Blobs // nil: attachments are neither served nor fetched
	Scans Scans        // nil: scans are neither told nor asked for

	Claims Claims // nil: the node checks no second codes

	Number    uint32             // the chain written here
	Member    string             // whose node this is
	Transport ed25519.PrivateKey // libp2p identity; the charter has its peer id
	Log       ed25519.PrivateKey // signs the own chain's checkpoints
	Witness   ed25519.PrivateKey // nil unless the charter gives the witness to this node

	Listen []string            // multiaddresses to listen on; none: the node only dials
	Reach  Reachability        // whether others can dial the node
	MDNS   bool                // look for other nodes on the same network segment, and be found there
	Book   map[uint32][]string // further multiaddresses of nodes, beside the charter's

	Logger    *slog.Logger     // nil discards
	Now       func() time.Time // nil is time.Now
	Intervals Intervals

	options []libp2p.Option // further ones, for tests that measure
}

func (c *Config) check() error {
	var errs []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	need(c.Store != nil, "no store")
	need(len(c.Transport) == ed25519.PrivateKeySize, "no transport key")
	need(len(c.Log) == ed25519.PrivateKeySize, "no log key")
	need(c.Reach.Valid(), "reachability %q is none of auto, public, private", c.Reach)
	need(c.Witness == nil || len(c.Witness) == ed25519.PrivateKeySize, "the witness key is none")
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	n := c.Store.Network().Newest().Charter.Node(c.Number)
	if n == nil || n.Member != c.Member {
		return fmt.Errorf("the charter has no node %s", ledger.ChainName(c.Member, c.Number))
	}
	need(n.LogKey == ledger.Hash(c.Log.Public().(ed25519.PublicKey)), "the charter gives node %d another log key", c.Number)
	return errors.Join(errs...)
}

// A Replica is the replicating part of one node. Its methods are safe for
// concurrent use.
type Replica struct {
	cfg      Config
	iv       Intervals
	log      *slog.Logger
	network  ledger.Hash
	instance uint64
	private  bool // nobody can dial this node; it is reached through relays
	host     host.Host
	gate     *gate
	handlers tasks
	fetching chan struct{} // a token per request of ours under way
	serving  chan struct{} // a token per request being served from the disk
	askers   askers
	author   *author
	charters chan struct{} // holds a token when a peer has a newer charter

	collect chan struct{} // holds a token when attachments are newly wanted

	charterSeen atomic.Uint64 // newest charter version that a peer has claimed
	disputed    atomic.Pointer[dispute]

	relays map[uint32]reservation // owned by keepRelays

	mu        sync.Mutex // guards what follows
	remotes   map[uint32]*remote
	byID      map[peer.ID]*remote
	followers map[uint32]*follower
	wanted    map[ledger.Hash]*want
	changed   chan struct{} // closed and replaced when a session begins or ends
	address   *wire.Addr    // what we last said about ourselves
	circuits  []string      // addresses at relays where we have a reservation
}

// A remote is another node of the newest charter.
type remote struct {
	number uint32
	member string
	id     peer.ID
	kick   chan struct{}      // holds a token when there is a reason to dial now
	cancel context.CancelFunc // ends its keeper

	// Guarded by Replica.mu:
	session *session
	lastErr error
	book    []string   // addresses from Config.Book and AddAddrs
	near    []string   // addresses on the same network segment
	moved   *wire.Addr // the newest it has said of itself
	scans   time.Time  // when to ask next for what it counted
}

// New checks cfg and starts listening. Nothing is dialled, served or signed
// before Run. A Replica that is not going to Run must be closed.
func New(cfg Config) (*Replica, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("replica: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	net := cfg.Store.Network()
	r := &Replica{
		cfg: cfg, iv: cfg.Intervals.withDefaults(), log: cfg.Logger, network: net.ID, gate: &gate{},
		fetching: make(chan struct{}, maxFetches), serving: make(chan struct{}, maxServing()),
		charters: make(chan struct{}, 1), collect: make(chan struct{}, 1), author: newAuthor(),
		remotes: make(map[uint32]*remote), byID: make(map[peer.ID]*remote), followers: make(map[uint32]*follower),
		wanted: make(map[ledger.Hash]*want), changed: make(chan struct{}),
	}
	var random [8]byte
	if _, err := crand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("replica: instance number: %w", err)
	}
	r.instance = binary.BigEndian.Uint64(random[:])
	var err error
	r.private = cfg.Reach.private(net.Newest().Charter.Node(cfg.Number))
	if r.host, err = newHost(cfg.Transport, cfg.Listen, r.gate, r.network, len(net.Newest().Charter.Nodes), r.private, cfg.options...); err != nil {
		return nil, fmt.Errorf("replica: %w", err)
	}
	if want := net.Newest().Charter.Node(cfg.Number).Peer; r.host.ID().String() != want {
		return nil, errors.Join(fmt.Errorf("replica: the charter gives node %d the peer id %s, not %s", cfg.Number, want, r.host.ID()), r.host.Close())
	}
	return r, nil
}

// Close releases what New took. It is for a Replica that never runs; Run closes
// on its own.
func (r *Replica) Close() error { return r.host.Close() }

// Run replicates until ctx ends. When it returns, nothing of the replica is
// running any more; it may be called once.
func (r *Replica) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	loops, ctx := errgroup.WithContext(ctx)
	if err := r.refresh(ctx, loops); err != nil {
		return errors.Join(err, r.host.Close())
	}
	r.serve(ctx, wire.Ctl, r.acceptSession)
	r.serve(ctx, wire.Fetch, r.answerFetch)
	r.serve(ctx, wire.Cosign, r.answerProposal)
	r.serve(ctx, wire.Ask, r.answerAsk)
	loops.Go(func() error { return r.announce(ctx, loops) })
	loops.Go(func() error { r.gossip(ctx); return nil })
	loops.Go(func() error { r.runAuthor(ctx); return nil })
	loops.Go(func() error { r.followCharters(ctx); return nil })
	loops.Go(func() error { r.collectBlobs(ctx); return nil })
	if r.private {
		loops.Go(func() error { r.keepRelays(ctx); return nil })
	}
	if r.cfg.MDNS {
		loops.Go(func() error { r.findNearby(ctx); return nil })
	}

	<-ctx.Done()
	err := r.host.Close() // ends all streams, and with them what waits for them
	r.handlers.wait()
	if runErr := loops.Wait(); runErr != nil {
		return runErr
	}
	if err != nil {
		return fmt.Errorf("replica: close host: %w", err)
	}
	return nil
}

// serve registers the handler of a protocol. A handler ends its stream itself.
func (r *Replica) serve(ctx context.Context, p wire.Protocol, handle func(context.Context, network.Stream)) {
	r.host.SetStreamHandler(protocol.ID(p.ID(r.network)), func(s network.Stream) {
		if !r.handlers.enter() {
			_ = s.Reset()
			return
		}
		defer r.handlers.leave()
		handle(ctx, s)
	})
}

// refresh brings gate, keepers and followers in line with the newest charter.
func (r *Replica) refresh(ctx context.Context, loops *errgroup.Group) error {
	net := r.cfg.Store.Network()
	allowed := make(map[peer.ID]uint32)
	nodes := net.Newest().Charter.Nodes
	for i := range nodes {
		id, err := peer.Decode(nodes[i].Peer)
		if err != nil {
			return fmt.Errorf("replica: peer id of node %d: %w", nodes[i].Number, err)
		}
		allowed[id] = nodes[i].Number
	}
	r.gate.set(allowed)

	r.mu.Lock()
	defer r.mu.Unlock()
	for number, p := range r.remotes {
		if allowed[p.id] != number { // left out, or under another key: open connections end, too
			p.cancel()
			delete(r.remotes, number)
			delete(r.byID, p.id)
			_ = r.host.Network().ClosePeer(p.id)
		}
	}
	for id, number := range allowed {
		if number == r.cfg.Number || r.remotes[number] != nil {
			continue
		}
		keeping, cancel := context.WithCancel(ctx)
		p := &remote{
			number: number, member: net.MemberOf(number), id: id,
			kick: make(chan struct{}, 1), cancel: cancel, book: r.cfg.Book[number],
		}
		r.remotes[number], r.byID[id] = p, p
		loops.Go(func() error { r.keep(keeping, p); return nil })
	}
	for _, chain := range net.Chains() {
		if r.followers[chain] == nil {
			f := &follower{replica: r, chain: chain, wake: make(chan struct{}, 1)}
			r.followers[chain] = f
			loops.Go(func() error { f.run(ctx); return nil })
		}
	}
	return nil
}

func (r *Replica) now() time.Time { return r.cfg.Now() }

// chains are all chains of the newest charter.
func (r *Replica) chains() []uint32 { return r.cfg.Store.Network().Chains() }

// sessions returns the admitted peers.
func (r *Replica) sessions() []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*session, 0, len(r.remotes))
	for _, p := range r.remotes {
		if p.session != nil {
			list = append(list, p.session)
		}
	}
	return list
}

// sessionOf returns the session with a node, or nil.
func (r *Replica) sessionOf(number uint32) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.remotes[number]; p != nil {
		return p.session
	}
	return nil
}

func (r *Replica) wakeFollower(chain uint32) {
	r.mu.Lock()
	f := r.followers[chain]
	r.mu.Unlock()
	if f != nil {
		signal(f.wake)
	}
}

// signal puts a token into a channel of capacity one, if none is there.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// sleep waits for d or until ctx ends, and reports whether d has passed.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// tasks counts goroutines that libp2p starts for us, so that Run can wait for
// them; a WaitGroup alone must not be added to while it is waited for.
type tasks struct {
	mu     sync.Mutex
	closed bool
	group  sync.WaitGroup
}

func (t *tasks) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.group.Add(1)
	return true
}

func (t *tasks) leave() { t.group.Done() }

func (t *tasks) wait() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.group.Wait()
}
