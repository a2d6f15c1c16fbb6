// Package keeper carries out, on a ledger store and with a node's keys, what the
// protocol asks of its own machine, and says how it went in the protocol's words.
// Begin with [New]. It holds no state that a restart may not lose: that is the
// store's.
package keeper

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node/protocol"
	"suyuan/node/wire"
)

// A Config says for which node. Witness may be nil.
type Config struct {
	Store   *store.Store
	Number  uint32
	Member  string
	Log     ed25519.PrivateKey // signs the own chain's checkpoints
	Witness ed25519.PrivateKey // signs cosignatures
}

// A Keeper is the own machine of one node. Its methods are safe for concurrent
// use.
type Keeper struct {
	Config

	mu      sync.Mutex        // guards what follows
	under   *ledger.Verifiers // for which quorums was made
	quorums []protocol.Quorum
	gaps    map[uint32]gaps
}

// gaps is what a chain of some size lacks.
type gaps struct {
	size uint64
	list []uint64
}

// maxGaps bounds the records whose disclosures are asked for at one time.
const maxGaps = 64

// New returns a keeper.
func New(cfg Config) *Keeper { return &Keeper{Config: cfg, gaps: make(map[uint32]gaps)} }

// State is what is stored.
func (k *Keeper) State() *protocol.Stored {
	s := &protocol.Stored{Waits: k.Store.WitnessWaits()}
	s.Signing, _ = k.Store.SigningState()
	for _, number := range k.Store.Network().Chains() {
		s.Chains = append(s.Chains, k.chain(number))
	}
	return s
}

// chain reads the notes before the size: what they cover is stored by then.
func (k *Keeper) chain(number uint32) protocol.Chain {
	c := protocol.Chain{Number: number, Ended: k.Store.Network().Ended(number) != nil}
	if cp := k.Store.Latest(number); cp != nil {
		c.Latest, c.LatestSize = cp.Note, cp.Size
	}
	if cp := k.Store.Final(number); cp != nil {
		c.Final, c.FinalSize = cp.Note, cp.Size
	}
	if e := k.Store.Evidence(number); e != nil {
		c.Evidence = (*wire.Alert)(e)
	}
	if m, ok := k.Store.Due(number); ok {
		c.Due = m.Size
	}
	c.Size = k.Store.Size(number)
	c.Lacks = k.lacks(number, c.Size)
	return c
}

// lacks reads which records lack disclosures. What a chain lacks changes when it
// grows, or while it lacks something.
func (k *Keeper) lacks(number uint32, size uint64) []uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if g, ok := k.gaps[number]; ok && g.size == size && len(g.list) == 0 {
		return nil
	}
	list, err := k.Store.Lacking(number, maxGaps)
	if err != nil {
		return nil // the store is closing, or damaged and has said so
	}
	g := gaps{size: size}
	for _, l := range list {
		g.list = append(g.list, l.Seq)
	}
	k.gaps[number] = g
	return g.list
}

// News is what differs between two states, nil if nothing does.
func News(before, now *protocol.Stored) *protocol.Stored {
	if before == nil {
		return now
	}
	old := make(map[uint32]*protocol.Chain, len(before.Chains))
	for i := range before.Chains {
		old[before.Chains[i].Number] = &before.Chains[i]
	}
	news := *now
	news.Chains = nil
	for _, c := range now.Chains {
		if o := old[c.Number]; o == nil || !same(o, &c) {
			news.Chains = append(news.Chains, c)
		}
	}
	if news.Chains == nil && now.Signing == before.Signing && now.Waits == before.Waits {
		return nil
	}
	return &news
}

func same(a, b *protocol.Chain) bool {
	return a.Size == b.Size && a.Evidence == b.Evidence && a.Ended == b.Ended && a.Due == b.Due && slices.Equal(a.Lacks, b.Lacks) && bytes.Equal(a.Latest, b.Latest) && bytes.Equal(a.Final, b.Final)
}

// Sign makes the checkpoint of the own chain that is due. One that was signed
// before a restart comes with the cosignatures that it has gathered.
func (k *Keeper) Sign(ctx context.Context) protocol.Signed {
	v := k.verifiers()
	note, _, err := k.Store.Sign(ctx, v.Origin(k.Number), k.Log)
	if err != nil {
		return protocol.Signed{Err: err}
	}
	cp, err := v.Open(note)
	if err != nil {
		return protocol.Signed{Err: err}
	}
	quorums, err := k.quorumsOf(v, cp.Size)
	return protocol.Signed{Err: err, Size: cp.Size, Note: note, Members: cp.Cosigners, Final: cp.Final, Quorums: quorums}
}

// verifiers is what decides about the next checkpoint: the charter in force, or
// that and the one from which the chain is crossing.
func (k *Keeper) verifiers() *ledger.Verifiers {
	v, err := k.Store.SigningVerifiers()
	if err != nil {
		return k.Store.Network().Newest().Verifiers
	}
	return v
}

// quorumsOf says whose cosignatures a checkpoint of the own chain needs: those of
// every charter version that it crosses.
func (k *Keeper) quorumsOf(v *ledger.Verifiers, size uint64) ([]protocol.Quorum, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.under == v {
		return k.quorums, nil
	}
	c, err := k.Store.Chain(k.Number)
	if err != nil {
		return nil, err
	}
	in := c.InForce(size)
	var list []protocol.Quorum
	for version := max(in.To, 1); version >= max(in.From, 1); version-- {
		charter := k.Store.Network().Version(version).Charter
		q := protocol.Quorum{Need: charter.Quorum()}
		for _, w := range charter.Cosigners {
			q.Voters = append(q.Voters, protocol.Voter{Member: w.Member, Node: w.Node})
		}
		list = append(list, q)
	}
	k.under, k.quorums = v, list
	return list, nil
}

// Publish stores a checkpoint of the own chain with further cosignatures, and
// returns it and whether it has its quorum.
func (k *Keeper) Publish(ctx context.Context, note []byte, lines [][]byte) (merged []byte, final bool, err error) {
	cp, err := k.verifiers().Merge(&ledger.Checkpoint{Note: note}, lines...)
	if err != nil {
		return nil, false, err
	}
	return cp.Note, cp.Final, k.Store.PutCheckpoint(ctx, cp)
}

// CheckLine verifies a member's cosignature of a checkpoint of the own chain.
func (k *Keeper) CheckLine(note []byte, member string, line []byte) error {
	_, err := k.verifiers().VerifyCosignature(&ledger.Checkpoint{Note: note}, member, line)
	return err
}

// Open verifies a checkpoint of a chain that a peer has named. Without a note it is
// what entries of the chain have to lead to: see [store.Store.Due].
func (k *Keeper) Open(chain uint32, note []byte) (*ledger.Checkpoint, protocol.Result, error) {
	if note == nil {
		m, ok := k.Store.Due(chain)
		if !ok {
			return nil, protocol.Trouble, fmt.Errorf("chain %d without a checkpoint", chain)
		}
		return &ledger.Checkpoint{Chain: chain, Size: m.Size, Root: m.Root}, protocol.Done, nil
	}
	cp, err := k.Store.Network().OpenCheckpoint(note)
	switch {
	case ledger.CodeOf(err) == ledger.CodeUnknownChain:
		return nil, protocol.Early, err
	case err != nil:
		return nil, protocol.Invalid, err
	case cp.Chain != chain:
		return nil, protocol.Invalid, fmt.Errorf("a checkpoint of chain %d, not %d", cp.Chain, chain)
	}
	return cp, protocol.Done, nil
}

// Keep verifies a checkpoint and stores it.
func (k *Keeper) Keep(ctx context.Context, chain uint32, note []byte) (protocol.Result, error) {
	if k.known(chain, note) {
		return protocol.Done, nil
	}
	cp, result, err := k.Open(chain, note)
	if err != nil {
		return result, err
	}
	return k.put(ctx, cp)
}

// known reports whether a note says nothing new: it is stored, or older than the
// final one and true.
func (k *Keeper) known(chain uint32, note []byte) bool {
	for _, cp := range []*ledger.Checkpoint{k.Store.Latest(chain), k.Store.Final(chain)} {
		if cp != nil && bytes.Equal(cp.Note, note) {
			return true
		}
	}
	_, size, ok := ledger.PeekCheckpoint(note)
	final := k.Store.Final(chain)
	if !ok || final == nil || size >= final.Size {
		return false
	}
	root, err := k.Store.RootAt(chain, size)
	return err == nil && namesRoot(note, root)
}

// namesRoot reports whether the third line of an unverified note is that root.
func namesRoot(note []byte, root ledger.Hash) bool {
	lines := bytes.SplitN(note, []byte("\n"), 4)
	return len(lines) == 4 && string(lines[2]) == base64.StdEncoding.EncodeToString(root[:])
}

func (k *Keeper) put(ctx context.Context, cp *ledger.Checkpoint) (protocol.Result, error) {
	err := k.Store.PutCheckpoint(ctx, cp)
	switch {
	case err == nil:
		return protocol.Done, nil
	case errors.Is(err, store.ErrBehind):
		return protocol.Behind, err
	case errors.Is(err, store.ErrForked):
		return protocol.Forked, err
	case errors.Is(err, store.ErrConflict):
		return protocol.Conflict, err
	}
	return protocol.Trouble, err
}

// Extend proves entries that a peer has given against a verified checkpoint, and
// stores them. The author has signed their hashes; sidecars are the holder's, and
// a charter that is not held may only be late.
func (k *Keeper) Extend(ctx context.Context, cp *ledger.Checkpoint, from uint64, items []store.Item, proof []ledger.Hash) (uint64, protocol.Result, error) {
	if err := k.counts(cp); err != nil {
		return k.Store.Size(cp.Chain), protocol.Behind, err
	}
	if result, err := k.Prove(cp, from, items, proof); err != nil {
		if result == protocol.Invalid && cp.Note == nil {
			result = protocol.Forked // the holder has never said that its entries lead there
		}
		return k.Store.Size(cp.Chain), result, err
	}
	size, err := k.Store.Extend(ctx, cp.Chain, from, items)
	var at *store.EntryError
	if errors.As(err, &at) && errors.Is(err, store.ErrConflict) {
		k.Store.Parted(cp)
		return size, protocol.Conflict, err
	}
	switch code := ledger.CodeOf(err); {
	case err == nil:
		return size, protocol.Done, nil
	case code == ledger.CodeSidecar, code == ledger.CodeMissing:
		return size, protocol.Invalid, err
	case code == ledger.CodeNoCharter:
		return size, protocol.Early, err
	}
	return size, protocol.Trouble, fmt.Errorf("store: %w", err)
}

// counts refuses entries that may be of a history that does not count, since what is
// stored is never taken back. What is final counts, and what leads to where a charter
// has ended the chain. Nothing else does
//
//   - of a chain that is proven to have two histories;
//   - of one of which the store is short of what this node has signed or cosigned, as
//     it is after a copy was put back: but for what leads there. To have cosigned is a
//     promise that those entries are stored, which nobody could keep who has stored
//     others; and a witness that is known to hold what it has cosigned, and not to
//     have lost it, is what others' frontiers are weighed by (overruled.go of store).
//
// A final checkpoint goes before that promise: the quorum may have cosigned another
// history than this node, but no two can. The holder of what is refused is not at fault.
func (k *Keeper) counts(cp *ledger.Checkpoint) error {
	due, short := k.Store.Due(cp.Chain)
	ended := k.Store.Network().Ended(cp.Chain) != nil
	switch {
	case cp.Final, short && cp.Size == due.Size && cp.Root == due.Root:
		return nil
	case k.Store.Forked(cp.Chain):
		return fmt.Errorf("the chain is forked, and its checkpoint of size %d is not final", cp.Size)
	case short && !ended:
		return fmt.Errorf("%d entries were signed here, and whether the checkpoint of size %d contains them is not known", due.Size, cp.Size)
	}
	return nil
}

// Prove checks that the stored entries and then items are what the checkpoint's
// tree begins with: their root must be consistent with it, RFC 6962 section
// 2.1.2.
func (k *Keeper) Prove(cp *ledger.Checkpoint, from uint64, items []store.Item, proof []ledger.Hash) (protocol.Result, error) {
	if have := k.Store.Size(cp.Chain); from > have {
		return protocol.Trouble, fmt.Errorf("entries from %d on, with %d stored", from, have)
	}
	state, err := k.Store.TileSource(cp.Chain).StateAt(from)
	if err != nil {
		return protocol.Trouble, fmt.Errorf("read own tree: %w", err)
	}
	tree, err := ledger.RestoreTree(from, state)
	if err != nil {
		return protocol.Trouble, fmt.Errorf("read own tree: %w", err)
	}
	for _, it := range items {
		if err := tree.Append(ledger.LeafHash(it.Entry), nil); err != nil {
			return protocol.Trouble, err
		}
	}
	root, err := tree.Root()
	if err != nil {
		return protocol.Trouble, err
	}
	if tree.Size() == cp.Size {
		if root != cp.Root || len(proof) > 0 {
			return protocol.Invalid, fmt.Errorf("the entries do not lead to the checkpoint of size %d", cp.Size)
		}
		return protocol.Done, nil
	}
	hashes := make(tlog.TreeProof, len(proof))
	for i, h := range proof {
		hashes[i] = tlog.Hash(h)
	}
	err = tlog.CheckTree(hashes, int64(cp.Size), tlog.Hash(cp.Root), int64(tree.Size()), tlog.Hash(root))
	if err != nil {
		return protocol.Invalid, fmt.Errorf("entries %d to %d are not proven by the checkpoint of size %d: %w", from, tree.Size(), cp.Size, err)
	}
	return protocol.Done, nil
}

// AddDisclosures adds to a stored entry what of a peer's sidecar is new.
func (k *Keeper) AddDisclosures(ctx context.Context, chain uint32, seq uint64, raw []byte) (protocol.Result, error) {
	if len(raw) == 0 {
		return protocol.Done, nil
	}
	sc, err := ledger.DecodeSidecar(raw)
	if err != nil {
		return protocol.Invalid, fmt.Errorf("sidecar: %w", err)
	}
	have, err := k.Store.Sidecar(chain, seq)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return protocol.Trouble, err
	}
	held, err := ledger.DecodeSidecar(have)
	if err != nil {
		return protocol.Trouble, err
	}
	if len(held.Merge(sc).Disclosures) == len(held.Disclosures) {
		return protocol.Done, nil
	}
	err = k.Store.AddDisclosures(ctx, chain, seq, sc)
	switch code := ledger.CodeOf(err); {
	case err == nil:
		return protocol.Done, nil
	case code == ledger.CodeSidecar:
		return protocol.Invalid, err
	}
	return protocol.Trouble, err
}

// IsWitness reports whether a charter version has given the witness its key. Also
// a member that is no cosigner any more is asked: a chain that crosses into the
// newer charter needs the quorum of the older one too.
func (k *Keeper) IsWitness() bool {
	if k.Witness == nil {
		return false
	}
	key := ledger.Hash(k.Witness.Public().(ed25519.PublicKey))
	return slices.ContainsFunc(k.Store.Network().Versions(), func(v *ledger.Version) bool {
		w := v.Charter.Cosigner(k.Member)
		return w != nil && w.Key == key
	})
}

// Cosign makes the cosignature of a checkpoint, if everything that it covers is
// stored. The author's checkpoint is kept before: should the author ever sign
// another history of that size, the two notes are the proof.
func (k *Keeper) Cosign(ctx context.Context, note []byte) protocol.Cosigned {
	net := k.Store.Network()
	cp, err := net.OpenCheckpoint(note)
	if err != nil {
		return protocol.Cosigned{Result: protocol.Invalid, Err: err}
	}
	var line []byte
	if err = k.Store.PutCheckpoint(ctx, cp); err == nil {
		line, err = k.Store.Cosign(ctx, cp, ledger.WitnessName(net.Name, net.ID, k.Member), k.Witness)
	}
	e := protocol.Cosigned{Err: err, Line: line, Size: k.Store.Size(cp.Chain)}
	switch {
	case err == nil:
	case errors.Is(err, store.ErrConflict):
		e.Result, e.Note = protocol.Conflict, k.contradicting(cp)
	case errors.Is(err, store.ErrForked):
		e.Result = protocol.Forked
	case errors.Is(err, store.ErrEnded):
		e.Result = protocol.Over
	case errors.Is(err, store.ErrOldCharter):
		e.Result = protocol.Old
	case errors.Is(err, store.ErrBehind):
		e.Result = protocol.Behind
	default:
		e.Result = protocol.Trouble
	}
	return e
}

// contradicting returns a checkpoint note that cannot be true if cp is, if one is
// held.
func (k *Keeper) contradicting(cp *ledger.Checkpoint) []byte {
	for _, held := range []*ledger.Checkpoint{k.Store.Latest(cp.Chain), k.Store.Final(cp.Chain)} {
		if held != nil && held.Size == cp.Size && held.Root != cp.Root {
			return held.Note
		}
	}
	return nil
}

// Judge verifies evidence and stores it; fresh is false if there was some already.
func (k *Keeper) Judge(ctx context.Context, a *wire.Alert) (chain uint32, fresh bool, result protocol.Result, err error) {
	e := (*ledger.Evidence)(a)
	chain, err = e.Open(k.Store.Network())
	switch {
	case ledger.CodeOf(err) == ledger.CodeUnknownChain:
		return 0, false, protocol.Early, err
	case err != nil:
		return 0, false, protocol.Invalid, err
	case k.Store.Forked(chain):
		return chain, false, protocol.Done, nil
	}
	if err := k.Store.PutEvidence(ctx, e); err != nil {
		return chain, false, protocol.Trouble, err
	}
	return chain, true, protocol.Done, nil
}
