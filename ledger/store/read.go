package store

import (
	"errors"
	"fmt"
	"iter"

	"github.com/dgraph-io/badger/v4"

	"suyuan/ledger"
)

// get reads one value, a copy. ErrNotFound if the key is absent.
func (s *Store) get(key []byte) ([]byte, error) { return getValue(s.view, key) }

// A viewer runs reads in a transaction: that of badger.DB.View, or a snapshot.
type viewer func(read func(txn *badger.Txn) error) error

func getValue(view viewer, key []byte) ([]byte, error) {
	return callBadger(func() (value []byte, err error) {
		err = view(func(txn *badger.Txn) error {
			value, err = getIn(txn, key)
			return err
		})
		return value, err
	})
}

func getIn(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	v, err := item.ValueCopy(nil)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return v, nil
}

// A pair is one key with its value.
type pair struct{ key, value []byte }

// scan reads up to limit pairs with the prefix, from key start on.
func scan(view viewer, prefix, start []byte, limit int) ([]pair, error) {
	return callBadger(func() (list []pair, err error) {
		opt := badger.DefaultIteratorOptions
		opt.Prefix = prefix
		opt.PrefetchSize = min(limit, page)
		err = view(func(txn *badger.Txn) error {
			it := txn.NewIterator(opt)
			defer it.Close()
			for it.Seek(start); it.Valid() && len(list) < limit; it.Next() {
				v, err := it.Item().ValueCopy(nil)
				if err != nil {
					return fmt.Errorf("read: %w", err)
				}
				list = append(list, pair{it.Item().KeyCopy(nil), v})
			}
			return nil
		})
		return list, err
	})
}

// Size is the number of entries stored of a chain, 0 for one that no charter has.
func (s *Store) Size(chain uint32) uint64 { return s.Head(chain).Size }

// Head is the stored end of a chain, the zero Head for one that no charter has.
func (s *Store) Head(chain uint32) Head {
	c, err := s.chain(chain)
	if err != nil {
		return Head{}
	}
	return *c.head.Load()
}

// Chain returns a copy of a chain's folded state after the newest entry.
func (s *Store) Chain(chain uint32) (*ledger.Chain, error) {
	c, err := s.chain(chain)
	if err != nil {
		return nil, err
	}
	return c.clone(s.Network()), nil
}

// Entry returns the bytes of an entry.
func (s *Store) Entry(chain uint32, seq uint64) ([]byte, error) {
	if err := s.enterAt(chain, seq); err != nil {
		return nil, err
	}
	defer s.life.leave()
	raw, err := s.get(seqKey(prefixEntry, chain, seq))
	if err != nil {
		return nil, s.missing(err, "entry", chain, seq)
	}
	return raw, nil
}

// Sidecar returns the sidecar bytes of an entry, none if it has no sidecar.
func (s *Store) Sidecar(chain uint32, seq uint64) ([]byte, error) {
	if err := s.enterAt(chain, seq); err != nil {
		return nil, err
	}
	defer s.life.leave()
	raw, err := callBadger(func() (raw []byte, err error) {
		err = s.view(func(txn *badger.Txn) error {
			raw, err = s.sidecarIn(txn, chain, seq)
			return err
		})
		return raw, err
	})
	switch {
	case errors.Is(err, ErrNotFound), err == nil && len(raw) == 0:
		return nil, nil
	case err != nil:
		return nil, s.missing(err, "sidecar", chain, seq)
	}
	return raw, nil
}

// enterAt is life.enter for a call about a stored position.
func (s *Store) enterAt(chain uint32, seq uint64) error {
	if seq >= s.Size(chain) {
		return fmt.Errorf("entry %d/%d: %w", chain, seq, ErrNotFound)
	}
	return s.life.enter()
}

// missing makes the error for something that the head promises and that cannot
// be read: a key that is absent is damage then, and never ErrNotFound.
func (s *Store) missing(err error, what string, chain uint32, seq uint64) error {
	if errors.Is(err, ErrNotFound) {
		err = errors.New("it is not there")
	}
	return damaged(s.cfg.Dir, err, "%s %d/%d", what, chain, seq)
}

// An Item is an entry with its sidecar, as stored and as sent to peers. An entry
// without sidecar has none.
type Item struct {
	Entry   []byte
	Sidecar []byte
}

// Entries yields the entries from position from up to, not including, to, or up
// to the stored size if that is less. It ends with the first error. No lock and
// no transaction is held while an item is being used.
func (s *Store) Entries(chain uint32, from, to uint64) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for to = min(to, s.Size(chain)); from < to; {
			items, err := s.items(chain, from, min(to, from+page))
			for _, it := range items {
				if !yield(it, nil) {
					return
				}
			}
			if err != nil {
				yield(Item{}, err)
				return
			}
			from += uint64(len(items))
		}
	}
}

// items reads a range, or as much of it as a batch holds, or as there is before
// an error.
func (s *Store) items(chain uint32, from, to uint64) ([]Item, error) {
	if err := s.life.enter(); err != nil {
		return nil, err
	}
	defer s.life.leave()
	var items []Item
	_, err := callBadger(func() (struct{}, error) {
		return struct{}{}, s.view(func(txn *badger.Txn) error {
			entries := newCursor(txn, chainKey(prefixEntry, chain))
			defer entries.Close()
			sidecars := newCursor(txn, chainKey(prefixSidecar, chain))
			defer sidecars.Close()
			bytes := 0
			for seq := from; seq < to && bytes < maxBatchBytes; seq++ {
				raw, ok, err := entries.at(seqKey(prefixEntry, chain, seq))
				if err == nil && !ok {
					err = ErrNotFound
				}
				if err != nil {
					return s.missing(err, "entry", chain, seq)
				}
				side, _, err := sidecars.at(seqKey(prefixSidecar, chain, seq))
				if err == nil && s.dropping.Load() {
					if side, err = s.sidecarIn(txn, chain, seq); errors.Is(err, ErrNotFound) {
						err = nil
					}
				}
				if err != nil {
					return s.missing(err, "sidecar", chain, seq)
				}
				items = append(items, Item{Entry: raw, Sidecar: side})
				bytes += len(raw) + len(side)
			}
			return nil
		})
	})
	return items, err
}

// A cursor reads ascending keys of one prefix in one sweep, which is three times
// faster than getting them one by one.
type cursor struct {
	*badger.Iterator
	begun bool
}

func newCursor(txn *badger.Txn, prefix []byte) *cursor {
	opt := badger.DefaultIteratorOptions
	opt.Prefix = prefix
	opt.PrefetchValues = false // sidecars may be large, and few are read
	return &cursor{Iterator: txn.NewIterator(opt)}
}

// at returns a copy of the value of key, which must come after the one before.
func (c *cursor) at(key []byte) (value []byte, ok bool, err error) {
	if !c.begun {
		c.Seek(key)
		c.begun = true
	}
	for c.Valid() && string(c.Item().Key()) < string(key) {
		c.Next()
	}
	if !c.Valid() || string(c.Item().Key()) != string(key) {
		return nil, false, nil
	}
	value, err = c.Item().ValueCopy(nil)
	return value, true, err
}

// scanTo reads the pairs with the prefix whose key lies from start up to, not
// including, end.
func scanTo(view viewer, prefix, start, end []byte) ([]pair, error) {
	return callBadger(func() (list []pair, err error) {
		opt := badger.DefaultIteratorOptions
		opt.Prefix = prefix
		opt.PrefetchValues = false // the end is seen before its value is read
		err = view(func(txn *badger.Txn) error {
			it := txn.NewIterator(opt)
			defer it.Close()
			for it.Seek(start); it.Valid() && string(it.Item().Key()) < string(end); it.Next() {
				v, err := it.Item().ValueCopy(nil)
				if err != nil {
					return fmt.Errorf("read: %w", err)
				}
				list = append(list, pair{it.Item().KeyCopy(nil), v})
			}
			return nil
		})
		return list, err
	})
}

// Tile returns the first width hashes of a tile. ErrNotFound if the tree has not
// that many there.
func (s *Store) Tile(chain uint32, t ledger.TileID, width int) ([]byte, error) {
	if err := s.life.enter(); err != nil {
		return nil, err
	}
	defer s.life.leave()
	return s.tile(chain, t, width)
}

func (s *Store) tile(chain uint32, t ledger.TileID, width int) ([]byte, error) {
	raw, err := s.get(tileKey(chain, t))
	if err != nil {
		return nil, fmt.Errorf("tile %d/%d of chain %d: %w", t.Level, t.Index, chain, err)
	}
	n := width * len(ledger.Hash{})
	if width < 1 || len(raw) < n {
		return nil, fmt.Errorf("tile %d/%d of chain %d with %d hashes: %w", t.Level, t.Index, chain, width, ErrNotFound)
	}
	return raw[:n], nil
}

// TileSource reads the tiles of a chain, for proofs.
func (s *Store) TileSource(chain uint32) ledger.TileSource {
	return func(t ledger.TileID, width int) ([]byte, error) { return s.Tile(chain, t, width) }
}

// tileSource is TileSource for callers within the store's life.
func (s *Store) tileSource(chain uint32) ledger.TileSource {
	return func(t ledger.TileID, width int) ([]byte, error) { return s.tile(chain, t, width) }
}

// LeafHash returns the leaf hash of an entry, from its tile.
func (s *Store) LeafHash(chain uint32, seq uint64) (ledger.Hash, error) {
	if err := s.enterAt(chain, seq); err != nil {
		return ledger.Hash{}, err
	}
	defer s.life.leave()
	h, err := s.leaf(chain, seq)
	if err != nil {
		return h, s.missing(err, "hash of entry", chain, seq)
	}
	return h, nil
}

func (s *Store) leaf(chain uint32, seq uint64) (ledger.Hash, error) {
	width := int(seq%ledger.TileWidth) + 1
	data, err := s.tile(chain, ledger.TileID{Index: seq / ledger.TileWidth}, width)
	if err != nil {
		return ledger.Hash{}, err
	}
	return ledger.Hash(data[len(data)-len(ledger.Hash{}):]), nil
}

// RootAt returns the root over the first size entries of a chain. ErrBehind if
// fewer are stored.
func (s *Store) RootAt(chain uint32, size uint64) (ledger.Hash, error) {
	if err := s.life.enter(); err != nil {
		return ledger.Hash{}, err
	}
	defer s.life.leave()
	return s.rootAt(chain, size)
}

func (s *Store) rootAt(chain uint32, size uint64) (ledger.Hash, error) {
	head := s.Head(chain)
	switch {
	case size > head.Size:
		return ledger.Hash{}, fmt.Errorf("chain %d has %d of %d entries: %w", chain, head.Size, size, ErrBehind)
	case size == head.Size && size > 0:
		return head.Root, nil
	}
	return s.tileSource(chain).RootAt(size)
}

// Find returns where the record with that id stands.
func (s *Store) Find(id ledger.Hash) (chain uint32, seq uint64, ok bool, err error) {
	if err := s.life.enter(); err != nil {
		return 0, 0, false, err
	}
	defer s.life.leave()
	return s.find(id)
}

func (s *Store) find(id ledger.Hash) (chain uint32, seq uint64, ok bool, err error) {
	v, err := s.get(recordKey(id))
	if errors.Is(err, ErrNotFound) {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, err
	}
	if chain, seq, ok = parsePlace(v); !ok {
		return 0, 0, false, damaged(s.cfg.Dir, nil, "look-up of record %s", id)
	}
	if err := s.carries(chain, seq, id); err != nil {
		return 0, 0, false, damaged(s.cfg.Dir, err, "look-up of record %s", id)
	}
	return chain, seq, true, nil
}

// carries holds a look-up against the entry to which it leads: whoever asks for
// a record must never get the place of another.
func (s *Store) carries(chain uint32, seq uint64, id ledger.Hash) error {
	raw, err := s.get(seqKey(prefixEntry, chain, seq))
	if err != nil {
		return fmt.Errorf("entry %d/%d: %w", chain, seq, err)
	}
	e, err := ledger.DecodeEntry(raw)
	if err != nil {
		return fmt.Errorf("entry %d/%d: %w", chain, seq, err)
	}
	if e.Kind != ledger.EntryRecord || ledger.Keccak(e.Payload) != id {
		return fmt.Errorf("entry %d/%d is not that record", chain, seq)
	}
	return nil
}
