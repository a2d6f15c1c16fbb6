package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/dgraph-io/badger/v4"
)

// Digest is a hash over all keys and values in the order of the keys, each with
// its length before it, and how many keys there are. Indexes of the same entries
// have the same.
func (x *Index) Digest(ctx context.Context) (sum [sha256.Size]byte, keys uint64, err error) {
	x.use.RLock()
	defer x.use.RUnlock()
	if x.db == nil {
		return sum, 0, ErrClosed
	}
	h := sha256.New()
	part := func(b []byte) {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	err = x.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: 256})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if keys++; keys%4096 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			part(it.Item().Key())
			if err := it.Item().Value(func(b []byte) error { part(b); return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	return [sha256.Size]byte(h.Sum(nil)), keys, err
}
