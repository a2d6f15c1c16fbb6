// Package replica keeps a node's copies of all chains complete and gathers
// cosignatures for its own: libp2p underneath, wire messages above. Begin with
// [New] and [Replica.Run].
//
// # The shell
//
// What is done, and when, package protocol decides: the replica is the shell
// around its core. One goroutine, drive, gives the core every event and carries
// out, or has carried out, what it asks for; each effect that takes time runs in
// a goroutine of its own and ends with an event. The queue of events is bounded:
// while the core has too much to do, nothing more is read from peers.
//
// # How nodes treat each other
//
// Every node holds one ctl session with every other node of the charter. The
// node that cannot be dialled itself dials, else the one with the lower peer id;
// the other does so only if that has not worked for some seconds, because two
// nodes that dial each other end with two connections. A node to which the
// charter gives no address holds reservations at some that have one, says so in
// its signed address statement, and is dialled through these. A peer is connected
// when libp2p says so and admitted when both HELLOs fit; nothing but charters is
// served before that.
//
// Whatever is asked for is proven against a checkpoint which the chain's author
// signed and the holder has named, before the store is given it: frontier and
// charter entries carry no signature of their own, and a holder could make some
// up. So one that sends other bytes is found out at once and by name, and is not
// asked again for some minutes, or longer if it goes on.
package replica

import (
	"cmp"
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libprotocol "github.com/libp2p/go-libp2p/core/protocol"
	"golang.org/x/sync/errgroup"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node/keeper"
	"suyuan/node/protocol"
	"suyuan/node/wire"
)

// Errors that callers decide on.
var (
	// ErrRefused: a peer does not fit this network or is not admitted.
	ErrRefused = protocol.ErrRefused
	// ErrNoHolder: no connected peer has what is asked for.
	ErrNoHolder = protocol.ErrNoHolder
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

	// Memory is a file for what peers have done that a restart must not excuse; ""
	// keeps nothing.
	Memory string

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
	cfg     Config
	iv      Intervals
	log     *slog.Logger
	network ledger.Hash
	private bool // nobody can dial this node; it is reached through relays
	host    host.Host
	gate    *gate
	keeper  *keeper.Keeper
	tasks   tasks
	askers  askers
	serving chan struct{} // a token per request being served from the disk
	aside   chan struct{} // a token per request of ours that the core does not plan

	events chan protocol.Event // for the core; see drive
	nudge  chan struct{}       // holds a token when there is something in outside
	dirty  chan struct{}       // holds a token when the disk may have something new
	memory *memory

	relays map[uint32]reservation // owned by keepRelays

	mu        sync.Mutex // guards what follows
	core      *protocol.Core
	outside   []protocol.Event // what callers of the node ask for
	remotes   map[uint32]*remote
	byID      map[peer.ID]*remote
	streams   map[protocol.Stream]*session
	lastID    uint64 // of streams, proposals and attempts
	proposals map[uint64]chan<- wire.Message
	attempts  map[uint64]waiting
	audiences map[ledger.Hash]Attachment // of what is wanted
	shares    map[string]*share
	changed   chan struct{} // closed and replaced when a session begins or ends
	address   *wire.Addr    // what we last said about ourselves
	circuits  []string      // addresses at relays where we have a reservation
}

// A remote is another node of the newest charter.
type remote struct {
	number uint32
	member string
	id     peer.ID

	// Guarded by Replica.mu:
	session *session           // nil unless admitted
	beside  context.CancelFunc // ends what goes on beside sessions; nil if nothing does
	book    []string           // addresses from Config.Book and AddAddrs
	near    []string           // addresses on the same network segment
	moved   *wire.Addr         // the newest it has said of itself
	scans   time.Time          // when to ask next for what it counted
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
		cfg: cfg, iv: cfg.Intervals.WithDefaults(), log: cfg.Logger, network: net.ID, gate: &gate{},
		keeper: keeper.New(keeper.Config{
			Store: cfg.Store, Number: cfg.Number, Member: cfg.Member, Log: cfg.Log, Witness: cfg.Witness,
		}),
		serving: make(chan struct{}, maxServing(len(net.Newest().Charter.Members))), aside: make(chan struct{}, maxAside),
		events: make(chan protocol.Event, maxEvents), nudge: make(chan struct{}, 1), dirty: make(chan struct{}, 1),
		memory:  newMemory(cfg.Memory),
		remotes: make(map[uint32]*remote), byID: make(map[peer.ID]*remote), streams: make(map[protocol.Stream]*session),
		proposals: make(map[uint64]chan<- wire.Message), attempts: make(map[uint64]waiting),
		audiences: make(map[ledger.Hash]Attachment), shares: make(map[string]*share), changed: make(chan struct{}),
	}
	if err := r.newCore(); err != nil {
		return nil, fmt.Errorf("replica: %w", err)
	}
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

// newCore makes the core; chance comes from the machine here and from seeds in the
// core's tests.
func (r *Replica) newCore() error {
	var random [16]byte
	if _, err := crand.Read(random[:]); err != nil {
		return fmt.Errorf("instance number: %w", err)
	}
	offences, err := r.memory.read()
	if err != nil {
		r.log.Warn("what peers have done is forgotten", "err", err)
	}
	r.core = protocol.New(protocol.Config{
		Number: r.cfg.Number, Member: r.cfg.Member, Network: r.network,
		Instance: binary.BigEndian.Uint64(random[:]), Seed: binary.BigEndian.Uint64(random[8:]),
		Intervals: r.iv, Offences: offences,
	})
	return nil
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
	if err := r.refresh(); err != nil {
		return errors.Join(err, r.host.Close())
	}
	loops.Go(func() error { r.drive(ctx); return nil })
	loops.Go(func() error { return r.watch(ctx) })
	r.serve(ctx, wire.Ctl, r.acceptStream)
	r.serve(ctx, wire.Fetch, r.answerFetch)
	r.serve(ctx, wire.Cosign, r.answerProposal)
	r.serve(ctx, wire.Ask, r.answerAsk)
	loops.Go(func() error { return r.watchAddrs(ctx) })
	loops.Go(func() error { r.memory.keep(ctx, r.log); return nil })
	if r.private {
		loops.Go(func() error { r.keepRelays(ctx); return nil })
	}
	if r.cfg.MDNS {
		loops.Go(func() error { r.findNearby(ctx); return nil })
	}

	<-ctx.Done()
	err := r.host.Close() // ends all streams, and with them what waits for them
	r.tasks.wait()
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
	r.host.SetStreamHandler(libprotocol.ID(p.ID(r.network)), func(s network.Stream) {
		if !r.tasks.enter() {
			_ = s.Reset()
			return
		}
		defer r.tasks.leave()
		handle(ctx, s)
	})
}

// refresh brings the gate and the peers' addresses in line with the newest
// charter.
func (r *Replica) refresh() error {
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
		if allowed[p.id] != number { // left out, or under another key
			delete(r.remotes, number)
			delete(r.byID, p.id)
		}
	}
	for id, number := range allowed {
		if number != r.cfg.Number && r.remotes[number] == nil {
			p := &remote{number: number, member: net.MemberOf(number), id: id, book: r.cfg.Book[number]}
			r.remotes[number], r.byID[id] = p, p
		}
	}
	return nil
}

// charters is what the core has to know of the charters held.
func (r *Replica) charters() *protocol.Network {
	net := r.cfg.Store.Network()
	n := &protocol.Network{Chains: net.Chains(), Witness: r.keeper.IsWitness(), Ended: net.Ended(r.cfg.Number) != nil}
	for _, v := range net.Versions() {
		n.Hashes = append(n.Hashes, v.Hash)
	}
	for _, w := range net.Newest().Charter.Cosigners {
		n.Cosigners = append(n.Cosigners, protocol.Voter{Member: w.Member, Node: w.Node})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.remotes {
		n.Nodes = append(n.Nodes, protocol.Node{
			Number: p.number, Member: p.member, ID: p.id.String(), First: r.dialsFirst(p), Lower: r.host.ID() < p.id,
		})
	}
	slices.SortFunc(n.Nodes, func(a, b protocol.Node) int { return cmp.Compare(a.Number, b.Number) })
	return n
}

func (r *Replica) now() time.Time { return r.cfg.Now() }

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

// jitter varies d by up to a fifth, so that nodes do not fall into step.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}
