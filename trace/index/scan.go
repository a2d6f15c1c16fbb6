package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/dgraph-io/badger/v4"

	"suyuan/trace"
)

// A reader reads one state of the index for one look-up. Its one iterator serves
// all scans: making one costs as much as several seeks.
type reader struct {
	txn *badger.Txn
	it  *badger.Iterator
	cut map[uint32]uint64

	scanned int            // keys read that lie within cut
	keys    map[uint32]int // of these, by chain
	key     []byte         // scratch for prefixes
}

// view calls f with a reader of the present state. Events outside cut do not
// exist for it: those whose seq is not less than the size that cut gives for
// their chain, 0 for a chain that it does not name. A nil cut leaves out none. A
// cut beyond what has been applied is refused with ErrBehind.
func (x *Index) view(cut map[uint32]uint64, f func(*reader) error) error {
	x.use.RLock()
	defer x.use.RUnlock()
	if x.db == nil {
		return ErrClosed
	}
	if err := x.covers(cut); err != nil {
		return err
	}
	txn := x.db.NewTransaction(false) // sees all that covers has seen
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{}) // no values ahead of need
	defer it.Close()
	return f(&reader{txn: txn, it: it, cut: cut, keys: make(map[uint32]int)})
}

func (x *Index) covers(cut map[uint32]uint64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for chain, size := range cut {
		if have := x.applied[chain]; have < size {
			return fmt.Errorf("%w: %d of %d of chain %d", ErrBehind, have, size, chain)
		}
	}
	return nil
}

func (r *reader) within(pos trace.Position) bool {
	return r.cut == nil || pos.Seq < r.cut[pos.Chain]
}

// scan calls f for each key with the prefix whose position lies within the cut,
// in order. The value is valid during the call only.
func (r *reader) scan(prefix []byte, f func(pos trace.Position, value []byte) error) error {
	outside := 0
	for r.it.Seek(prefix); r.it.ValidForPrefix(prefix); {
		item := r.it.Item()
		pos, ok := parseSuffix(item.Key(), len(prefix))
		if !ok {
			return fmt.Errorf("%w: key %x", ErrDamaged, item.Key())
		}
		if !r.within(pos) {
			if outside++; outside%maxOutside == 0 && pos.Chain < math.MaxUint32 {
				// What follows of the chain lies outside too: past it.
				r.it.Seek(binary.BigEndian.AppendUint32(bytes.Clone(prefix), pos.Chain+1))
			} else {
				r.it.Next()
			}
			continue
		}
		if err := r.count(pos.Chain); err != nil {
			return err
		}
		if err := item.Value(func(v []byte) error { return f(pos, v) }); err != nil {
			return err
		}
		r.it.Next()
	}
	return nil
}

// count holds the limit of keys. Those outside the cut do not count, so that
// every node with the same cut meets the limit at the same key.
func (r *reader) count(chain uint32) error {
	r.keys[chain]++
	if r.scanned++; r.scanned > MaxScanned {
		return fmt.Errorf("%w: %d keys read", ErrTooMany, MaxScanned)
	}
	return nil
}

// scanMarks is scan with the value read as a mark.
func (r *reader) scanMarks(prefix []byte, f func(pos trace.Position, m mark) error) error {
	return r.scan(prefix, func(pos trace.Position, value []byte) error {
		m, err := parseMark(value)
		if err != nil {
			return err
		}
		return f(pos, m)
	})
}

// named calls f for each key under which events name the item itself.
func (r *reader) named(i trace.Item, f func(pos trace.Position, m mark) error) error {
	switch i.Kind {
	case trace.ItemCode:
		return r.scanCode(runOf(i), i.Index, f)
	case trace.ItemSSCC:
		return r.scanMarks(ssccPrefix(i.SSCC), f)
	case trace.ItemLot:
		return r.scanMarks(lotPrefix(i.GTIN, i.Lot), f)
	case trace.ItemGTIN:
		return r.scanMarks(gtinPrefix(i.GTIN), f)
	}
	return nil
}

// scanCode calls f for each range that covers a code. In the mark of a pattern
// the unit is that of the code.
func (r *reader) scanCode(run runID, index uint32, f func(pos trace.Position, m mark) error) error {
	if index > maxIndex {
		return nil
	}
	used, err := storedLevels(r.txn, run)
	if err != nil {
		return err
	}
	for level := range used.each() {
		r.key = appendBlockKey(r.key[:0], run, level, index>>level)
		if err := r.scanBlock(r.key, index, f); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) scanBlock(prefix []byte, index uint32, f func(pos trace.Position, m mark) error) error {
	return r.scan(prefix, func(pos trace.Position, value []byte) error {
		s, err := parseSpan(value)
		if err != nil || index < s.From || index > s.To {
			return err
		}
		m, err := parseMark(value[spanLen:])
		if err != nil {
			return err
		}
		if m.role == rolePattern {
			m.unit.Index += (index - s.From) / m.per
		}
		return f(pos, m)
	})
}

// storedLevels returns the levels that a run has used: none for a run that no
// event is about.
func storedLevels(txn *badger.Txn, run runID) (levels, error) {
	v, err := getUint64(txn, levelsKey(run))
	if err == nil && v>>(maxLevel+1) != 0 {
		err = fmt.Errorf("%w: levels %x", ErrDamaged, v)
	}
	return levels(v), err
}
