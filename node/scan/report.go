package scan

import (
	"context"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"suyuan/trace/scan"
)

// Records calls f for each record that this node has made, in the order of items
// and cycles: a couple of seconds for a million. Records that are damaged are
// passed over. It ends with the context's error, or ErrClosed.
func (r *Recorder) Records(ctx context.Context, f func(item scan.Key, cycle uint16, rec *scan.Record)) error {
	r.sending.RLock()
	defer r.sending.RUnlock()
	if r.closed {
		return ErrClosed
	}
	err := r.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: pruneBatch, Prefix: []byte{tagRecord}})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			id, ok := parseItemKey(tagRecord, it.Item().Key())
			s, err := decode(it.Item())
			if ok && err == nil {
				f(id.item, id.cycle, s.rec)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("go through scans: %w", err)
	}
	return nil
}
