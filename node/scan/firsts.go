package scan

import (
	"context"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"suyuan/trace/scan"
)

// Firsts calls f for each code and cycle with what this node counted, as a share of
// node own, and with what each other node did: so with when and where the code was
// first looked up. The order is none to rely on. It costs and ends as
// [Recorder.Records].
func (r *Recorder) Firsts(ctx context.Context, own uint32, f func(item scan.Key, cycle uint16, s scan.Share)) error {
	err := r.Records(ctx, func(item scan.Key, cycle uint16, rec *scan.Record) { f(item, cycle, rec.Share(own)) })
	if err != nil {
		return err
	}
	r.sending.RLock()
	defer r.sending.RUnlock()
	if r.closed {
		return ErrClosed
	}
	err = r.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: pruneBatch, Prefix: []byte{tagTally}})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			id, ok := parseItemKey(tagTally, it.Item().Key())
			if !ok {
				continue
			}
			if err := it.Item().Value(func(b []byte) error {
				t, _, err := decodeTally(b)
				if err != nil {
					return nil // what is damaged is said when somebody looks it up
				}
				for _, s := range t.Shares {
					f(id.item, id.cycle, s)
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("go through scans of others: %w", err)
	}
	return nil
}
