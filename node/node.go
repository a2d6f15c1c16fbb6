package node

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node/replica"
	"suyuan/node/reward"
	"suyuan/trace/index"
)

// Options say how to open a node.
type Options struct {
	Dir        string
	Passphrase string
	Now        func() time.Time // nil is time.Now
	Log        *slog.Logger     // nil discards
	MinFree    uint64           // bytes of disk that records leave free; 0 is what the store takes
}

// A Node is one running member. Make it with [Open] and end it with
// [Node.Close]. Its methods are safe for concurrent use.
type Node struct {
	dir    string
	config *Config
	member *MemberFile
	chain  uint32       // the chain that it writes
	self   *ledger.Node // what the charter said of it when it was opened
	now    func() time.Time
	log    *slog.Logger

	keys     *Keyring
	tokens   *tokens
	store    *store.Store
	blobs    *store.Blobs
	index    *index.Index
	packs    *packs
	wanted   *wanted
	events   eventCache
	folds    cache[likeKey, *folded]
	lookedUp cache[string, lookedUp]
	claims   *claims
	rewards  *reward.Outbox // nil without rewards.toml
	clocks   *clocks

	scans   atomic.Pointer[Scans] // nil before OpenScans
	seen    whereabouts           // where phones looked codes up
	replica *replica.Replica      // nil unless Run is running
	door    *door                 // of the sequencer's goroutine
	books   *books                // what was counted
	cuts    lastCut
	memo    memo
	started time.Time

	mu        sync.Mutex // guards operators and replica
	operators map[string]*ecdsa.PrivateKey

	indexing sync.Mutex // held by whoever writes the index
	issuing  sync.Mutex // held while a run of codes is issued
	keyed    sync.Mutex // held while drafts with keys are appended
	noted    keyMemory
	adopting sync.Mutex // held while a charter is put in force
	erasing  sync.Mutex // held while erased bytes are removed
}

// ErrNoCharter is returned for a node that has not accepted a charter.
var ErrNoCharter = errors.New("the node has not accepted a charter")

// errLeftOut: the newest charter has no node with this one's number.
var errLeftOut = errors.New("the charter has ended this node's chain")

// ErrRunning is returned for a node that another process has open.
var ErrRunning = errors.New("another process has the node open")

// Open opens the directory of a node that has accepted a charter. The node then
// answers and appends; it talks to others only in [Node.Run].
func Open(o Options) (*Node, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	n := &Node{dir: o.Dir, now: o.Now, log: o.Log, door: newDoor(), books: newBooks(), started: o.Now()}
	n.claims = newClaims(filepath.Join(n.dir, dirClaims))
	net, err := n.readFiles(o.Passphrase)
	if err != nil {
		return nil, err
	}
	if err := n.openStores(net, o.MinFree); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// readFiles reads configuration, charter and keys.
func (n *Node) readFiles(passphrase string) (*ledger.Network, error) {
	var err error
	if n.config, err = ReadConfig(n.dir); err != nil {
		return nil, err
	}
	if n.member, err = ReadMember(filepath.Join(n.dir, fileMember)); err != nil {
		return nil, err
	}
	net, err := seedNetwork(n.dir)
	if err != nil {
		return nil, err
	}
	if n.self, err = ownNodeIn(net, n.member); err != nil {
		return nil, err
	}
	n.chain = n.self.Number
	if n.keys, err = OpenKeyring(n.dir, passphrase); err != nil {
		return nil, err
	}
	if n.operators, err = n.keys.Operators(); err != nil {
		return nil, err
	}
	n.tokens, err = openTokens(n.dir)
	return net, err
}

// openStores opens store, index and attachments and brings the index up to the
// store. A new chain gets its charter entry here.
func (n *Node) openStores(net *ledger.Network, minFree uint64) error {
	var err error
	// The index comes first: its lock shows that no other process has the node
	// open, whose uploads opening the attachments would take away.
	n.index, err = index.Open(index.Config{Dir: filepath.Join(n.dir, dirIndex, dirEvents), Log: n.log})
	if errors.Is(err, index.ErrInUse) {
		return ErrRunning
	}
	if err != nil {
		return err
	}
	if n.blobs, err = store.OpenBlobs(filepath.Join(n.dir, dirBlobs)); err != nil {
		return err
	}
	if n.packs, err = newPacks(n.blobs, filepath.Join(n.dir, dirIndex, dirRoots)); err != nil {
		return err
	}
	if n.wanted, err = openWanted(filepath.Join(n.dir, dirIndex, dirWanted)); err != nil {
		return err
	}
	n.store, err = store.Open(store.Config{
		Dir: filepath.Join(n.dir, dirLedger), Guard: n.member.guardOf(n.self.LogKey, n.config.Guard), Network: net, Own: n.chain,
		Admit: n.admitBatch, Applied: n.appliedBatch, Now: n.now, Log: n.log, MinFree: minFree,
	})
	if err != nil {
		return err
	}
	if n.clocks, err = openClocks(n.store, filepath.Join(n.dir, dirIndex, fileClocks)); err != nil {
		return err
	}
	if ok, _ := n.store.SigningState(); ok && n.store.Size(n.chain) == 0 {
		v := n.store.Network().Newest()
		if err := n.store.AppendCharter(context.Background(), ledger.CharterRef{Version: v.Charter.Version, Hash: v.Hash}); err != nil {
			return fmt.Errorf("write charter entry: %w", err)
		}
	}
	if err := n.takeOver(context.Background()); err != nil {
		return err
	}
	if err := n.indexAll(); err != nil {
		return err
	}
	return n.openRewards()
}

// Close ends the node. It must not be called while Run is running.
func (n *Node) Close() error {
	var errs []error
	if n.clocks != nil {
		errs = append(errs, n.clocks.close())
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	if n.index != nil {
		errs = append(errs, n.index.Close())
	}
	if n.packs != nil {
		errs = append(errs, n.packs.Close())
	}
	if n.rewards != nil {
		errs = append(errs, n.rewards.Close())
	}
	return errors.Join(errs...)
}

// Run replicates with the other nodes until ctx ends. When it returns nothing
// of it is running any more.
func (n *Node) Run(ctx context.Context) error {
	r, err := n.newReplica()
	if errors.Is(err, errLeftOut) {
		n.log.Error("the charter has ended this node's chain: it answers from what it has stored, and takes part no more")
		<-ctx.Done()
		return nil
	}
	if err != nil {
		return err
	}
	n.setReplica(r)
	defer n.setReplica(nil)
	changed, stop := n.store.Watch()
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.Run(ctx) })
	g.Go(func() error { return n.follow(ctx, changed) })
	g.Go(func() error { return n.fetchAttachments(ctx, r) })
	g.Go(func() error { return n.forgetErased(ctx) })
	g.Go(func() error { return n.scrub(ctx) })
	g.Go(func() error { n.claims.sweep(ctx, n.now); return nil })
	g.Go(func() error { n.runRewards(ctx); return nil })
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (n *Node) newReplica() (*replica.Replica, error) {
	self := n.Network().Newest().Charter.Node(n.chain)
	if self == nil {
		return nil, errLeftOut
	}
	logKey, err := n.ed25519Key(purposeLog, self.LogKey.String())
	if err != nil {
		return nil, err
	}
	transport, err := n.ed25519Key(purposeTransport, self.Peer)
	if err != nil {
		return nil, err
	}
	c := replica.Config{
		Store: n.store, Blobs: n.blobs, Number: n.chain, Member: n.member.Member,
		Transport: transport, Log: logKey, Listen: n.config.P2P, Reach: n.config.Reachability, MDNS: n.config.MDNS,
		Claims: n.answerClaim,
		Scans:  scanExchange{n}, Logger: n.log, Now: n.now, Memory: filepath.Join(n.dir, filePeers),
	}
	if w := n.witness(); w != nil {
		if c.Witness, err = n.ed25519Key(purposeWitness, w.Key.String()); err != nil {
			return nil, err
		}
	}
	return replica.New(c)
}

// witness is what the newest charter that has this member as a cosigner says of
// its witness, nil if another node holds it.
func (n *Node) witness() *ledger.Cosigner {
	for _, v := range slices.Backward(n.Network().Versions()) {
		if w := v.Charter.Cosigner(n.member.Member); w != nil {
			if w.Node == n.chain {
				return w
			}
			return nil
		}
	}
	return nil
}

func (n *Node) setReplica(r *replica.Replica) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.replica = r
}

// follow brings the index up to the store whenever the store changes.
func (n *Node) follow(ctx context.Context, changed <-chan struct{}) error {
	moved := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			if err := n.indexAll(); err != nil {
				return err
			}
			if err := n.takeOver(ctx); err != nil && ctx.Err() == nil {
				n.log.Error("charter not put in force", "err", err)
			}
			if m := n.Moved(); m != moved {
				moved = m
				n.log.Warn("start the node again", "why", moved)
			}
		}
	}
}

// Network returns the charters in force.
func (n *Node) Network() *ledger.Network { return n.store.Network() }

// Config returns the node's settings.
func (n *Node) Config() Config { return *n.config }

// Member returns the slug of the node's member.
func (n *Node) Member() string { return n.member.Member }

// Chain returns the number of the chain that the node writes.
func (n *Node) Chain() uint32 { return n.chain }
