package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"suyuan/ledger"
)

// A Head is the stored end of a chain.
type Head struct {
	Size uint64
	Root ledger.Hash
	Time int64 // of the newest entry, ms since 1970 UTC; 0 for an empty chain
}

// A chainLog is one chain in the store.
type chainLog struct {
	number uint32

	erasures atomic.Int64 // erase records, 0 if there is none

	write  sync.Mutex // held by whoever extends the chain or rewrites a sidecar
	edge   edge       // guarded by write
	failed error      // why nothing more is stored, ErrFailed; guarded by write

	head atomic.Pointer[Head]

	mu            sync.Mutex    // guards what follows
	fold          *ledger.Chain // state after the newest entry; cloned, never changed
	latest, final *ledger.Checkpoint
	finalSeen     map[uint32]uint64 // sizes that the entries under final name, by chain
	evidence      *ledger.Evidence
	overruling    *ledger.Checkpoint // newest with a quorum that the entries do not have; see overrule
	parted        bool               // the entries are known to be of another history than overruling; see Parted

	notes sync.Mutex // held while a checkpoint or evidence is stored

	cosign sync.Mutex // held by Cosign; guards closed
	closed uint64     // what the entries before this position name has been checked
}

// An edge is the tiles at the right end of a tree that are not full, by level.
type edge map[uint8]edgeTile

type edgeTile struct {
	index  uint64
	hashes []byte
}

// clone copies the tiles, because a batch that is given up must leave them.
func (e edge) clone() edge {
	c := make(edge, len(e))
	for level, t := range e {
		c[level] = edgeTile{t.index, slices.Clone(t.hashes)}
	}
	return c
}

// loadChain reads the state of a chain and compares the newest entries with it.
func (s *Store) loadChain(number uint32) (*chainLog, error) {
	c := &chainLog{number: number, edge: make(edge)}
	state, rights, err := s.readState(number)
	if err != nil {
		return nil, damaged(s.cfg.Dir, err, "head of chain %d", number)
	}
	if state.Size == 0 {
		c.fold, err = ledger.NewChain(s.Network(), number)
	} else {
		c.fold, err = ledger.RestoreChain(s.Network(), number, state, rights)
	}
	if err != nil {
		return nil, damaged(s.cfg.Dir, err, "head of chain %d", number)
	}
	if err := c.publish(c.fold); err != nil {
		return nil, damaged(s.cfg.Dir, err, "head of chain %d", number)
	}
	if err := s.checkEnd(c); err != nil {
		return nil, damaged(s.cfg.Dir, err, "chain %d", number)
	}
	if err := s.loadEdge(c); err != nil {
		return nil, damaged(s.cfg.Dir, err, "tiles of chain %d", number)
	}
	if err := s.loadNotes(c); err != nil {
		return nil, damaged(s.cfg.Dir, err, "checkpoints of chain %d", number)
	}
	return c, nil
}

// publish makes a folded state the one that readers see.
func (c *chainLog) publish(fold *ledger.Chain) error {
	root, err := fold.Root()
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.fold = fold
	c.mu.Unlock()
	c.head.Store(&Head{Size: fold.Size(), Root: root, Time: fold.Time()})
	return nil
}

// clone returns a copy of the folded state under the newest charters.
func (c *chainLog) clone(net *ledger.Network) *ledger.Chain {
	c.mu.Lock()
	defer c.mu.Unlock()
	fold := c.fold.Clone()
	fold.SetNetwork(net)
	return fold
}

// readState reads what ledger.RestoreChain needs; the zero state if the chain
// has no entries.
func (s *Store) readState(chain uint32) (state ledger.ChainState, rights ledger.Rights, err error) {
	if raw, err := s.get(chainKey(prefixHead, chain)); err == nil {
		if err := ledger.Unmarshal(raw, &state); err != nil {
			return state, rights, err
		}
	} else if !errors.Is(err, ErrNotFound) {
		return state, rights, err
	}
	var grants []ledger.Grant
	if raw, err := s.get(chainKey(prefixRights, chain)); err == nil {
		if err := ledger.Unmarshal(raw, &grants); err != nil {
			return state, rights, err
		}
	} else if !errors.Is(err, ErrNotFound) {
		return state, rights, err
	}
	return state, ledger.RightsOf(grants), nil
}

// checkEnd reads the newest entries and holds them against head and tiles: each
// must hash to what the next one names before it, and to what its tile holds.
func (s *Store) checkEnd(c *chainLog) error {
	size := c.head.Load().Size
	if _, err := s.get(seqKey(prefixEntry, c.number, size)); err == nil {
		return fmt.Errorf("the head has size %d, but there is an entry %d", size, size)
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	want := c.fold.Prev()
	for seq := size; seq > 0 && size-seq < checkedAtOpen; {
		seq--
		raw, err := s.get(seqKey(prefixEntry, c.number, seq))
		if err != nil {
			return fmt.Errorf("entry %d: %w", seq, err)
		}
		leaf, err := s.leaf(c.number, seq)
		if err != nil {
			return fmt.Errorf("hash of entry %d: %w", seq, err)
		}
		if h := ledger.LeafHash(raw); h != want || leaf != want {
			return fmt.Errorf("entry %d has the hash %s, its tile holds %s, what follows it names %s", seq, h, leaf, want)
		}
		e, err := ledger.DecodeEntry(raw)
		if err != nil {
			return fmt.Errorf("entry %d: %w", seq, err)
		}
		want = e.Prev
	}
	root, err := s.tileSource(c.number).RootAt(size)
	if err != nil {
		return err
	}
	if root != c.head.Load().Root {
		return fmt.Errorf("the tiles have the root %s, the head %s", root, c.head.Load().Root)
	}
	return nil
}

// loadEdge reads the tiles that the next entries will add to.
func (s *Store) loadEdge(c *chainLog) error {
	size := c.head.Load().Size
	for level := uint8(0); size > 0; level++ {
		if width := int(size % ledger.TileWidth); width > 0 {
			index := size / ledger.TileWidth
			hashes, err := s.tile(c.number, ledger.TileID{Level: level, Index: index}, width)
			if err != nil {
				return err
			}
			c.edge[level] = edgeTile{index, hashes}
		}
		size /= ledger.TileWidth
	}
	return nil
}

// A batch is entries on their way into one transaction.
type batch struct {
	*writer
	s     *Store
	c     *chainLog
	fold  *ledger.Chain
	edge  edge
	dirty map[ledger.TileID]bool
	ids   map[ledger.Hash]uint64 // records of the batch
	first uint64
	bytes int

	frontier  bool     // it begins with a frontier entry made here
	fetched   bool     // the entries come from elsewhere: what was erased may be absent
	grant     bool     // rights have changed
	erasures  int64    // erase records that name a record
	rewritten []uint64 // what these name
	read      error    // a look-up that failed
}

// begin starts a batch. The caller holds c.write.
func (s *Store) begin(c *chainLog) *batch {
	fold := c.clone(s.Network())
	return &batch{
		writer: &writer{txn: s.db.NewTransaction(true)},
		s:      s, c: c, fold: fold, first: fold.Size(), edge: c.edge.clone(),
		dirty: make(map[ledger.TileID]bool), ids: make(map[ledger.Hash]uint64),
	}
}

func (b *batch) discard() { b.txn.Discard() }

func (b *batch) count() int { return int(b.fold.Size() - b.first) }

// fits reports whether an entry and sidecar of n bytes may join the batch.
func (b *batch) fits(n int) bool {
	return b.count() < maxBatchEntries && b.bytes+n <= maxBatchBytes
}

// stands reports whether a record id stands in the store or in the batch.
func (b *batch) stands(id ledger.Hash) bool {
	if _, ok := b.ids[id]; ok {
		return true
	}
	_, _, ok, err := b.s.find(id)
	if err != nil {
		b.read = err
	}
	return ok
}

// add checks an entry against the folded state and adds it with all that is
// stored for it. sidecar is the encoding of sc; sc is nil where it has been held
// against the record already. After an error of the check the
// batch is as it was; after any other it must be discarded.
func (b *batch) add(o *ledger.OpenedEntry, sc *ledger.Sidecar, sidecar []byte, stands func(ledger.Hash) bool) error {
	var lacking []ledger.Hash
	if b.fetched && o.Record != nil && o.Record.Record.MayLack() {
		var err error
		if lacking, err = sc.Missing(&o.Record.Record); err != nil {
			return err
		}
		sc = nil
	}
	if err := b.fold.Check(o, sc, stands); err != nil {
		return errors.Join(b.read, err)
	}
	seq := b.fold.Size()
	if err := b.fold.Apply(o, sc, b.visit); err != nil {
		b.err = errors.Join(b.err, err)
		return b.err
	}
	chain := b.c.number
	b.set(seqKey(prefixEntry, chain, seq), o.Raw)
	if len(sidecar) > 0 {
		b.set(seqKey(prefixSidecar, chain, seq), sidecar)
	}
	switch {
	case o.Record != nil:
		b.ids[o.Record.ID] = seq
		b.set(recordKey(o.Record.ID), placeValue(chain, seq))
		b.setLacking(seqKey(prefixLacking, chain, seq), lacking)
		b.ownKind(&o.Record.Record, seq)
	case o.Frontier != nil:
		b.set(seqKey(prefixFrontier, chain, seq), o.Entry.Payload)
		for _, seen := range o.Frontier {
			b.set(seenKey(chain, seen.Chain, seq), uint64Value(seen.Size))
		}
	}
	b.bytes += len(o.Raw) + len(sidecar)
	return b.err
}

// ownKind does what the kinds of package ledger bring about.
func (b *batch) ownKind(r *ledger.Record, seq uint64) {
	switch r.Kind {
	case ledger.KindGrant, ledger.KindRevoke:
		b.grant = true
	case ledger.KindErase:
		f, err := r.Erases()
		if err == nil {
			err = b.erase(seq, f)
		}
		b.err = errors.Join(b.err, err)
	}
}

// visit keeps a hash that a new entry completes; see [ledger.Tree.Append].
func (b *batch) visit(id ledger.TileID, at int, h ledger.Hash) {
	t := b.edge[id.Level]
	if at == 0 {
		t = edgeTile{index: id.Index, hashes: make([]byte, 0, ledger.TileWidth*len(h))}
	}
	if t.index != id.Index || len(t.hashes) != at*len(h) {
		b.err = errors.Join(b.err, fmt.Errorf("tile %d/%d has %d hashes before number %d", id.Level, id.Index, len(t.hashes)/len(h), at))
		return
	}
	t.hashes = append(t.hashes, h[:]...)
	b.edge[id.Level] = t
	if at == ledger.TileWidth-1 {
		b.set(tileKey(b.c.number, id), t.hashes)
		delete(b.dirty, id)
		delete(b.edge, id.Level)
	} else {
		b.dirty[id] = true
	}
}

// store commits the batch and makes it visible. With ErrFull the store is as it
// was. The caller holds c.write.
func (b *batch) store() error {
	defer b.discard()
	for id := range b.dirty {
		b.set(tileKey(b.c.number, id), b.edge[id.Level].hashes)
	}
	b.cbor(chainKey(prefixHead, b.c.number), b.fold.State())
	if b.grant {
		b.cbor(chainKey(prefixRights, b.c.number), b.fold.Rights().All())
	}
	if b.err != nil {
		return b.err
	}
	err := b.s.commit(b.writer)
	if errors.Is(err, ErrFull) {
		return err
	}
	if err == nil {
		b.c.edge = b.edge
		b.c.erasures.Add(b.erasures)
		if b.erasures > 0 {
			b.s.erased.Add(1)
		}
		err = b.c.publish(b.fold)
	}
	b.s.rewrites.note(b.c.number, b.rewritten...)
	if err == nil {
		b.s.watch.signal()
		err = b.s.strictCheck()
	}
	if err != nil {
		// The transaction may be on disk or not, and what Badger has in memory may
		// differ from both. Going on would build on a head that may not be there
		// after the next start, so the chain stops here; opening the store again
		// finds out, and callers who ask again get their place.
		b.c.failed = fmt.Errorf("%w: %w", ErrFailed, err)
		b.s.cfg.Log.Error("chain failed", "chain", b.c.number, "n", b.count(), "err", err)
		return b.c.failed
	}
	return nil
}
