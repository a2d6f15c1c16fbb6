package index

import (
	"encoding/binary"
	"fmt"

	"suyuan/trace"
)

// Apply adds entries of a chain from the position from on: events[i] is the
// event at from+i, nil where the entry is no record or a record that this
// version does not know. What has been applied already is passed over, so that
// calls may be repeated and overlap; entries that leave a hole fail with ErrGap.
//
// The events and the chain's new size become visible together, except that the
// keys of a very large batch may be visible before the size is. Apply returns
// before anything is on the disk.
func (x *Index) Apply(chain uint32, from uint64, events []*trace.Event) error {
	x.use.RLock()
	defer x.use.RUnlock()
	if x.db == nil {
		return ErrClosed
	}
	x.writing.Lock()
	defer x.writing.Unlock()

	have := x.size(chain)
	to := from + uint64(len(events))
	switch {
	case from > have:
		return fmt.Errorf("apply events: chain %d from %d after %d: %w", chain, from, have, ErrGap)
	case to <= have:
		return nil
	}
	if err := x.write(chain, have, events[have-from:]); err != nil {
		clear(x.runs) // may say more than was written
		return fmt.Errorf("apply events: chain %d from %d: %w", chain, have, err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.applied[chain] = to
	return nil
}

func (x *Index) size(chain uint32) uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.applied[chain]
}

func (x *Index) write(chain uint32, from uint64, events []*trace.Event) error {
	w := writer{db: x.db, txn: x.db.NewTransaction(true), runs: x.runs}
	defer func() { w.txn.Discard() }()
	for i, e := range events {
		if e == nil {
			continue
		}
		if want := (trace.Position{Chain: chain, Seq: from + uint64(i)}); e.Position != want {
			return fmt.Errorf("event of position %v stands at %v", e.Position, want)
		}
		if err := w.event(e); err != nil {
			return fmt.Errorf("seq %d: %w", e.Seq, err)
		}
	}
	size := binary.BigEndian.AppendUint64(nil, from+uint64(len(events)))
	if err := w.set(appliedKey(chain), size); err != nil {
		return err
	}
	return w.txn.Commit()
}
