package store

import "sync"

// watchers tells subscribers that something changed. A signal stands for any
// number of changes: a slow subscriber misses none and holds nobody up.
type watchers struct {
	mu  sync.Mutex
	all map[chan struct{}]struct{} // guarded by mu
}

// Watch returns a channel on which a value stands whenever something has been
// stored since the last one was taken: entries, checkpoints, charters or
// evidence. stop ends it; the channel is not closed.
func (s *Store) Watch() (changed <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	if s.watch.all == nil {
		s.watch.all = make(map[chan struct{}]struct{})
	}
	s.watch.all[ch] = struct{}{}
	return ch, func() {
		s.watch.mu.Lock()
		defer s.watch.mu.Unlock()
		delete(s.watch.all, ch)
	}
}

func (w *watchers) signal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.all {
		select {
		case ch <- struct{}{}:
		default: // a signal is waiting already
		}
	}
}
