package scan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/dgraph-io/badger/v4"

	"suyuan/trace/scan"
)

// A cursor says how far the counts of another node have been taken over.
type cursor struct {
	journal, after uint64
	items          uint64 // of how many items it has a share here
}

// Cursor returns how far the counts of another node have been taken over.
func (r *Recorder) Cursor(node uint32) (journal, after uint64, err error) {
	r.sending.RLock()
	defer r.sending.RUnlock()
	if r.closed {
		return 0, 0, ErrClosed
	}
	var c cursor
	err = r.db.View(func(txn *badger.Txn) error {
		c, err = readCursor(txn, node)
		return err
	})
	return c.journal, c.after, err
}

func readCursor(txn *badger.Txn, node uint32) (c cursor, err error) {
	item, err := txn.Get(cursorKey(node))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return cursor{}, nil
	}
	if err != nil {
		return cursor{}, err
	}
	err = item.Value(func(b []byte) error {
		if len(b) != 3*8 {
			return fmt.Errorf("%w: cursor of node %d", ErrDamaged, node)
		}
		c = cursor{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])}
		return nil
	})
	return c, err
}

func (c cursor) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, c.journal)
	b = binary.BigEndian.AppendUint64(b, c.after)
	return binary.BigEndian.AppendUint64(b, c.items)
}

// Merge takes over what another node counted, up to a position of its journal.
// All of it is on disk when Merge returns. Of a node that has a share in
// maxShares items, only those items are counted on: changes of others are
// passed over.
func (r *Recorder) Merge(node uint32, journal, next uint64, list []Change) error {
	r.sending.RLock()
	defer r.sending.RUnlock()
	if r.closed {
		return ErrClosed
	}
	r.merging.Lock()
	defer r.merging.Unlock()
	if err := r.merge(node, journal, next, list); err != nil {
		return fmt.Errorf("merge scans of node %d: %w", node, err)
	}
	return nil
}

func (r *Recorder) merge(node uint32, journal, next uint64, list []Change) error {
	txn := r.db.NewTransaction(true)
	defer func() { txn.Discard() }()
	c, err := readCursor(txn, node)
	if err != nil {
		return err
	}
	today := day(r.cfg.Now())
	for _, change := range list {
		id := itemCycle{change.Item, change.Cycle}
		tally, _, err := readTally(txn, id)
		if err != nil && !errors.Is(err, ErrDamaged) {
			return err
		}
		had := len(tally.Shares)
		share := change.Share
		share.Node = node
		tally.Merge([]scan.Share{share})
		if len(tally.Shares) > had {
			if c.items >= r.cfg.maxShares {
				r.overfull.Add(1)
				continue
			}
			c.items++
		}
		if txn, err = r.setTally(txn, id, today, tally); err != nil {
			return err
		}
		r.merged.Add(1)
	}
	c.journal, c.after = journal, next
	if err := txn.Set(cursorKey(node), c.encode()); err != nil {
		return err
	}
	return txn.Commit()
}

// readTally returns what other nodes counted, and the day when that changed
// last. A damaged tally is an empty one: the error says so.
func readTally(txn *badger.Txn, id itemCycle) (t *scan.Tally, changed uint32, err error) {
	t = &scan.Tally{Item: id.item, Cycle: id.cycle}
	item, err := txn.Get(tallyKey(id))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return t, 0, nil
	}
	if err != nil {
		return t, 0, err
	}
	err = item.Value(func(b []byte) error {
		read, day, err := decodeTally(b)
		if err == nil {
			t, changed = read, day
		}
		return err
	})
	return t, changed, err
}

func decodeTally(b []byte) (*scan.Tally, uint32, error) {
	if len(b) < 4 {
		return nil, 0, fmt.Errorf("%w: a tally of %d bytes", ErrDamaged, len(b))
	}
	t, err := scan.DecodeTally(b[4:])
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return t, binary.BigEndian.Uint32(b), nil
}

func (r *Recorder) setTally(txn *badger.Txn, id itemCycle, today uint32, t *scan.Tally) (*badger.Txn, error) {
	b, err := t.Encode()
	if err != nil {
		return txn, err
	}
	return set(r.db, txn, tallyKey(id), append(binary.BigEndian.AppendUint32(nil, today), b...))
}

// Others returns what other nodes counted of an item in a cycle.
func (r *Recorder) Others(item scan.Key, cycle uint16) (t *scan.Tally, err error) {
	r.sending.RLock()
	defer r.sending.RUnlock()
	if r.closed {
		return nil, ErrClosed
	}
	err = r.db.View(func(txn *badger.Txn) error {
		t, _, err = readTally(txn, itemCycle{item, cycle})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look scans of others up: %w", err)
	}
	return t, nil
}

// dropSome goes through tallies from a key on, drops those that have not changed
// within the retention, and returns where to go on, nil at the end.
func (r *Recorder) dropSome(from []byte) (next []byte, dropped int, err error) {
	r.merging.Lock()
	defer r.merging.Unlock()
	oldest := day(r.cfg.Now().Add(-r.cfg.MergedRetention))
	var old []itemCycle
	shares := make(map[uint32]uint64) // per node, how many go
	err = r.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: pruneBatch, Prefix: []byte{tagTally}})
		defer it.Close()
		seen := 0
		for it.Seek(from); it.Valid(); it.Next() {
			if seen++; seen > pruneBatch {
				next = it.Item().KeyCopy(nil)
				return nil
			}
			id, ok := parseItemKey(tagTally, it.Item().Key())
			if !ok {
				continue
			}
			if err := it.Item().Value(func(b []byte) error {
				t, changed, err := decodeTally(b)
				if err != nil || changed >= oldest {
					return nil // what is damaged is said when somebody looks it up
				}
				old = append(old, id)
				for _, s := range t.Shares {
					shares[s.Node]++
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(old) == 0 {
		return next, 0, err
	}
	return next, len(old), r.drop(old, shares)
}

func (r *Recorder) drop(old []itemCycle, shares map[uint32]uint64) error {
	return r.db.Update(func(txn *badger.Txn) error {
		for _, id := range old {
			if err := txn.Delete(tallyKey(id)); err != nil {
				return err
			}
		}
		for node, n := range shares {
			c, err := readCursor(txn, node)
			if err != nil {
				return err
			}
			c.items -= min(n, c.items)
			if err := txn.Set(cursorKey(node), c.encode()); err != nil {
				return err
			}
		}
		return nil
	})
}

// day counts days since 1970 UTC.
func day(t time.Time) uint32 { return uint32(max(t.Unix(), 0) / (24 * 3600)) }
