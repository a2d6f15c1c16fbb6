package scan

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"suyuan/trace/scan"
)

// A stored is a record with its place in the journal.
type stored struct {
	seq uint64 // 0 for a record that has not been written
	rec *scan.Record
}

func (s stored) encode() ([]byte, error) {
	b, err := s.rec.Encode()
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(b)), s.seq), b...), nil
}

func decodeStored(b []byte) (s stored, err error) {
	if len(b) < 8 {
		return stored{}, fmt.Errorf("%d bytes", len(b))
	}
	s.seq = binary.BigEndian.Uint64(b)
	s.rec, err = scan.DecodeRecord(b[8:])
	return s, err
}

// openJournal names the journal of a new directory and finds the end of an old
// one's. A change is taken away only for a later one, so that the last position
// always stands there.
func (r *Recorder) openJournal() error {
	err := r.db.Update(func(txn *badger.Txn) error {
		item, err := txn.Get(journalKey())
		if errors.Is(err, badger.ErrKeyNotFound) {
			var id [8]byte
			_, _ = rand.Read(id[:]) // never fails: crypto/rand
			id[7] |= 1              // 0 stands for none
			r.journal = binary.BigEndian.Uint64(id[:])
			return txn.Set(journalKey(), id[:])
		}
		if err != nil {
			return err
		}
		return item.Value(func(b []byte) error {
			if len(b) != 8 {
				return fmt.Errorf("%w: journal %x", ErrDamaged, b)
			}
			r.journal = binary.BigEndian.Uint64(b)
			return nil
		})
	})
	if err != nil {
		return err
	}
	return r.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Reverse: true})
		defer it.Close()
		it.Seek(changeKey(^uint64(0)))
		if it.ValidForPrefix([]byte{tagChange}) {
			seq, ok := parseChangeKey(it.Item().Key())
			if !ok {
				return fmt.Errorf("%w: key %x", ErrDamaged, it.Item().Key())
			}
			r.seq = seq
		}
		return nil
	})
}

// A Change is what this node counted of an item's scans; its share names no
// node.
type Change struct {
	Item  scan.Key
	Cycle uint16
	Share scan.Share
}

// Changes returns what changed after a position of a journal, at most max of
// them, and where to go on. A journal that is not this directory's counts as
// none: everything is given. There may be fewer changes than positions, and
// none with next beyond after.
func (r *Recorder) Changes(journal, after uint64, max int) (own, next uint64, list []Change, err error) {
	r.sending.RLock()
	defer r.sending.RUnlock()
	if r.closed {
		return 0, 0, nil, ErrClosed
	}
	if journal != r.journal {
		after = 0
	}
	next = after
	err = r.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: min(max, 100), Prefix: []byte{tagChange}})
		defer it.Close()
		for it.Seek(changeKey(after + 1)); it.Valid() && len(list) < max; it.Next() {
			c, seq, err := readChange(txn, it.Item())
			if err != nil {
				return err
			}
			next = seq
			if c != nil {
				list = append(list, *c)
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, nil, fmt.Errorf("read changes of scans: %w", err)
	}
	return r.journal, next, list, nil
}

// readChange reads an element of the journal and the record that it names; nil
// if a later element names it too, or it cannot be read.
func readChange(txn *badger.Txn, item *badger.Item) (c *Change, seq uint64, err error) {
	seq, ok := parseChangeKey(item.Key())
	if !ok {
		return nil, 0, fmt.Errorf("%w: key %x", ErrDamaged, item.Key())
	}
	err = item.Value(func(b []byte) error {
		id, ok := parseItemKey(tagRecord, b)
		if !ok {
			return fmt.Errorf("%w: change %d", ErrDamaged, seq)
		}
		s, err := read(txn, id)
		if errors.Is(err, ErrDamaged) {
			return nil // it is said when somebody looks it up
		}
		if err != nil {
			return err
		}
		if s.seq == seq && s.rec.Count > 0 {
			share := s.rec.Share(0)
			c = &Change{Item: id.item, Cycle: id.cycle, Share: share}
		}
		return nil
	})
	return c, seq, err
}

func versionValue() []byte { return binary.BigEndian.AppendUint32(nil, version) }
