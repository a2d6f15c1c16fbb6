package store

import "suyuan/ledger"

// SetFree makes the store believe that its disk has that many bytes free.
func (s *Store) SetFree(free func() uint64) {
	s.disk.free = func(string) (uint64, error) { return free(), nil }
}

// FailCommits makes every commit that is on disk look as if it had ended in an
// error, so that its outcome is unknown to the caller.
func (s *Store) FailCommits(err error) { s.disk.fail = err }

// SetBlobsFree makes a folder of blobs believe that its disk has that many bytes free.
func (b *Blobs) SetBlobsFree(free func() uint64) {
	for _, d := range []*disk{b.given, b.found} {
		d.free = func(string) (uint64, error) { return free(), nil }
	}
}

// SetLimit replaces MaxBlobBytes.
func (b *Blobs) SetLimit(n int64) { b.limit = n }

// DropOnly does the first half of Purge, as if the process had been killed then.
func (s *Store) DropOnly() error {
	for _, number := range s.Chains() {
		prefix := chainKey(prefixOnItsWay, number)
		list, err := scan(s.view, prefix, prefix, purgeAtOnce)
		if err != nil {
			return err
		}
		if err := s.dropSidecars(list); err != nil {
			return err
		}
	}
	return nil
}

// Flatten moves all tables to one level.
func (s *Store) Flatten() error { return s.db.Flatten(1) }

// Closed is the position up to which what a chain names has been checked.
func (s *Store) Closed(number uint32) uint64 {
	c := (*s.chains.Load())[number]
	c.cosign.Lock()
	defer c.cosign.Unlock()
	return c.closed
}

// FoundBehind goes on as [Store.PutCheckpoint] does for somebody who has looked when the
// own chain was shorter than the checkpoint.
func (s *Store) FoundBehind(cp *ledger.Checkpoint) error {
	c, err := s.chain(cp.Chain)
	if err != nil {
		return err
	}
	return s.noteLost(c, cp, ErrBehind)
}
