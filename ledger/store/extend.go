package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"suyuan/ledger"
)

// Extend stores entries of a chain that came from elsewhere, the first of them at
// position from. Signatures are checked on all cores, then each entry against the
// folded state. Entries that are stored already are compared and passed over. The
// good prefix is stored; the error, an [EntryError], says which entry was refused
// and why. It returns the size that the chain has now.
//
// Records may lack shared disclosures, which may have been erased: see Lacking.
//
// The caller has proven the entries against a checkpoint that the author signed:
// the time of an entry, frontiers and charter entries bear no other signature,
// and what is stored is never taken back.
//
// The own chain is written by the sequencer alone, except while the store is
// short of its guard: then Extend brings back what was lost.
func (s *Store) Extend(ctx context.Context, chain uint32, from uint64, items []Item) (size uint64, err error) {
	if err := s.life.enter(); err != nil {
		return 0, err
	}
	defer s.life.leave()
	c, err := s.chain(chain)
	if err != nil {
		return 0, err
	}
	opened := openItems(ctx, items)
	if err := ctx.Err(); err != nil {
		return c.head.Load().Size, fmt.Errorf("extend chain %d: %w", chain, err)
	}
	c.write.Lock()
	defer c.write.Unlock()
	err = s.extend(c, from, items, opened)
	if chain == s.cfg.Own {
		s.judge()
	}
	return c.head.Load().Size, err
}

// An openedItem is an item whose form and signature have been checked.
type openedItem struct {
	entry   *ledger.OpenedEntry
	sidecar *ledger.Sidecar
	err     error
}

func openItems(ctx context.Context, items []Item) []openedItem {
	opened := make([]openedItem, len(items))
	OnAllCores(len(items), func(i int) {
		o := &opened[i]
		if o.err = ctx.Err(); o.err != nil {
			return
		}
		if o.entry, o.err = ledger.OpenEntry(items[i].Entry); o.err != nil {
			return
		}
		o.sidecar, o.err = ledger.DecodeSidecar(items[i].Sidecar)
	})
	return opened
}

func (s *Store) extend(c *chainLog, from uint64, items []Item, opened []openedItem) error {
	if c.number == s.cfg.Own && s.mayWrite() == nil {
		return fmt.Errorf("chain %d is written here: %w", c.number, ErrConflict)
	}
	if c.failed != nil {
		return c.failed
	}
	size := c.head.Load().Size
	if from > size {
		return fmt.Errorf("chain %d has %d entries, not %d: %w", c.number, size, from, ErrBehind)
	}
	if err := s.compare(c, from, items); err != nil {
		return err
	}
	next := int(min(size-from, uint64(len(items))))
	for next < len(items) {
		n, err := s.extendBatch(c, items[next:], opened[next:])
		if err != nil {
			return err
		}
		next += n
	}
	return nil
}

// compare holds the items that are stored already against what is stored.
func (s *Store) compare(c *chainLog, from uint64, items []Item) error {
	size := c.head.Load().Size
	for i := range items {
		seq := from + uint64(i)
		if seq >= size {
			return nil
		}
		have, err := s.leaf(c.number, seq)
		if err != nil {
			return s.missing(err, "hash of entry", c.number, seq)
		}
		if ledger.LeafHash(items[i].Entry) != have {
			return &EntryError{c.number, seq, fmt.Errorf("%w: another entry is stored there", ErrConflict)}
		}
	}
	return nil
}

// extendBatch stores what of the items fits into one transaction, at least one.
func (s *Store) extendBatch(c *chainLog, items []Item, opened []openedItem) (n int, err error) {
	b := s.begin(c)
	b.fetched = true
	var refused error
	for n < len(items) && (n == 0 || b.fits(len(items[n].Entry)+len(items[n].Sidecar)+b.eraseBytes(opened[n].entry))) {
		o := opened[n]
		err := o.err
		if err == nil {
			err = b.add(o.entry, o.sidecar, items[n].Sidecar, b.stands)
		}
		if b.err != nil {
			b.discard()
			return 0, b.err
		}
		if err != nil {
			refused = &EntryError{c.number, b.fold.Size(), err}
			break
		}
		n++
	}
	if n == 0 {
		b.discard()
		return 0, refused
	}
	if err := b.store(); err != nil {
		return 0, fmt.Errorf("extend chain %d: %w", c.number, err)
	}
	return n, refused
}

// AddDisclosures adds disclosures to the stored sidecar of an entry: those that
// the node may see and lacks. Each must be the record's; what was erased is left
// out.
func (s *Store) AddDisclosures(ctx context.Context, chain uint32, seq uint64, more *ledger.Sidecar) error {
	if err := s.enterAt(chain, seq); err != nil {
		return err
	}
	defer s.life.leave()
	c, err := s.chain(chain)
	if err != nil {
		return err
	}
	c.write.Lock()
	defer c.write.Unlock()
	items, err := s.items(chain, seq, seq+1)
	if err != nil {
		return err
	}
	erased, err := s.erasedBy(chain, seq)
	if err != nil {
		return err
	}
	merged, lacking, err := s.mergeSidecar(items[0], more, erased)
	if err != nil {
		return &EntryError{chain, seq, err}
	}
	if string(merged) == string(items[0].Sidecar) {
		return nil
	}
	err = s.update(func(w *writer) error { return w.merged(chain, seq, merged, lacking) })
	s.rewrites.note(chain, seq)
	if err != nil {
		return fmt.Errorf("store sidecar: %w", err)
	}
	s.watch.signal()
	return s.strictCheck()
}

// mergeSidecar checks further disclosures and returns the sidecar with them, and
// what it lacks still.
func (s *Store) mergeSidecar(it Item, more *ledger.Sidecar, erased map[ledger.Hash]uint64) (merged []byte, lacking []ledger.Hash, err error) {
	r, err := recordOf(it.Entry)
	if err != nil {
		return nil, nil, err
	}
	sc, err := ledger.DecodeSidecar(it.Sidecar)
	if err != nil {
		return nil, nil, err
	}
	isErased := func(d ledger.Hash) bool { _, ok := erased[d]; return ok && r.MayErase(d) }
	all := sc.Merge(more).Without(isErased)
	if lacking, err = all.Missing(r); err != nil {
		return nil, nil, err
	}
	lacking = slices.DeleteFunc(lacking, isErased)
	if len(lacking) > 0 && !r.MayLack() {
		return nil, nil, all.Check(r, nil)
	}
	merged, err = all.Encode()
	return merged, lacking, err
}

// merged writes a sidecar that has got more.
func (w *writer) merged(chain uint32, seq uint64, sidecar []byte, lacking []ledger.Hash) error {
	w.set(seqKey(prefixSidecar, chain, seq), sidecar)
	onItsWay := seqKey(prefixOnItsWay, chain, seq)
	if _, err := getIn(w.txn, onItsWay); err == nil {
		w.set(onItsWay, sidecar)
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	w.remove(seqKey(prefixLacking, chain, seq))
	w.setLacking(seqKey(prefixLacking, chain, seq), lacking)
	return w.err
}
