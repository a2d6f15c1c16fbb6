package scan

import (
	"bytes"
	"context"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"suyuan/trace/scan"
)

// All calls f for each item and cycle of which something is known, in their order:
// with the record that this node made, the zero Record if none, and with what other
// nodes counted. It takes a couple of seconds for a million. What is damaged is
// passed over. All ends with the context's error, or ErrClosed.
func (r *Recorder) All(ctx context.Context, f func(rec *scan.Record, others *scan.Tally)) error {
	r.sending.RLock()
	defer r.sending.RUnlock()
	if r.closed {
		return ErrClosed
	}
	err := r.db.View(func(txn *badger.Txn) error {
		records, tallies := newWalk(txn, tagRecord), newWalk(txn, tagTally)
		defer records.Close()
		defer tallies.Close()
		for records.Valid() || tallies.Valid() {
			if err := ctx.Err(); err != nil {
				return err
			}
			rec, others := new(scan.Record), new(scan.Tally)
			order := compareWalks(records, tallies)
			if order <= 0 {
				if s, err := decode(records.Item()); err == nil {
					rec = s.rec
				}
			}
			if order >= 0 {
				others = tallyAt(tallies)
			}
			if id, ok := idAt(records, tallies, order); ok {
				others.Item, others.Cycle = id.item, id.cycle
				f(rec, others)
			}
			if order <= 0 {
				records.Next()
			}
			if order >= 0 {
				tallies.Next()
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("go through scans: %w", err)
	}
	return nil
}

// newWalk goes through the keys with a tag, in the order of items and cycles.
func newWalk(txn *badger.Txn, tag byte) *badger.Iterator {
	it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: pruneBatch, Prefix: []byte{tag}})
	it.Rewind()
	return it
}

// compareWalks says which of two walks, of which one is not at its end, stands at
// the smaller item.
func compareWalks(a, b *badger.Iterator) int {
	switch {
	case !b.Valid():
		return -1
	case !a.Valid():
		return 1
	}
	return bytes.Compare(a.Item().Key()[1:], b.Item().Key()[1:])
}

// idAt is the item at which the walk stands that comes first.
func idAt(records, tallies *badger.Iterator, order int) (itemCycle, bool) {
	if order <= 0 {
		return parseItemKey(tagRecord, records.Item().Key())
	}
	return parseItemKey(tagTally, tallies.Item().Key())
}

// tallyAt reads the tally at which a walk stands, an empty one if it is damaged.
func tallyAt(it *badger.Iterator) *scan.Tally {
	t := new(scan.Tally)
	_ = it.Item().Value(func(b []byte) error {
		if read, _, err := decodeTally(b); err == nil {
			t = read
		}
		return nil
	})
	return t
}
