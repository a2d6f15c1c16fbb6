package store

import (
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
)

// A snapshot is a read transaction that many readers share. Each commit replaces
// it. Readers that began a transaction of their own would wait for the fsync of
// whatever is being committed at that moment, each time; and they would see
// entries that are not on disk yet.
type snapshot struct {
	txn  *badger.Txn
	refs atomic.Int64 // the store's and those of running reads; 0 is discarded
}

func newSnapshot(db *badger.DB) *snapshot {
	s := &snapshot{txn: db.NewTransaction(false)}
	s.refs.Store(1)
	return s
}

// acquire fails if the snapshot was discarded in the meantime.
func (s *snapshot) acquire() bool {
	for {
		n := s.refs.Load()
		if n == 0 {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *snapshot) release() {
	if s.refs.Add(-1) == 0 {
		s.txn.Discard()
	}
}

// current returns the newest snapshot, for the caller to release.
func (s *Store) current() *snapshot {
	for {
		if snap := s.snap.Load(); snap.acquire() {
			return snap
		}
	}
}

// view runs reads on the newest snapshot. It is a viewer.
func (s *Store) view(read func(txn *badger.Txn) error) error {
	snap := s.current()
	defer snap.release()
	return read(snap.txn)
}
