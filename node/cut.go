package node

import (
	"maps"
	"sync"
)

// A lastCut remembers how the newest cut was closed under its frontiers: every
// question starts with that, and every stream of events each time that something
// changes, and it looks at each pair of chains.
type lastCut struct {
	mu     sync.Mutex        // guards what follows
	open   map[uint32]uint64 // as the checkpoints have it
	closed map[uint32]uint64
}

// of returns a copy of the closed cut, nil if it is not the last one.
func (l *lastCut) of(open map[uint32]uint64) map[uint32]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed == nil || !maps.Equal(l.open, open) {
		return nil
	}
	return maps.Clone(l.closed)
}

func (l *lastCut) keep(open, closed map[uint32]uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open, l.closed = open, maps.Clone(closed)
}
