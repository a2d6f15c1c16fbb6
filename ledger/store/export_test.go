package store

// SetFree makes the store believe that its disk has that many bytes free.
func (s *Store) SetFree(free func() uint64) {
	s.disk.free = func(string) (uint64, error) { return free(), nil }
}

// FailCommits makes every commit that is on disk look as if it had ended in an
// error, so that its outcome is unknown to the caller.
func (s *Store) FailCommits(err error) { s.disk.fail = err }

// SetLimit replaces MaxBlobBytes.
func (b *Blobs) SetLimit(n int64) { b.limit = n }
