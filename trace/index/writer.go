package index

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"suyuan/ledger"
	"suyuan/trace"
)

// A writer puts keys into a transaction, and begins the next one when that is
// full. Keys are the same each time that an event is applied, so that a part
// that was written before a crash does no harm.
type writer struct {
	db   *badger.DB
	txn  *badger.Txn
	runs map[runID]levels

	pos trace.Position // of the event being written
	n   int            // its keys so far
}

// event writes the keys of one event.
func (w *writer) event(e *trace.Event) error {
	w.pos, w.n = e.Position, 0
	thing := mark{role: roleAbout}
	if lot := e.Lot(); lot != "" {
		thing = mark{role: roleLot, lot: lot}
	}
	for _, k := range trace.IndexKeys(e) {
		var err error
		switch k.Role {
		case trace.RoleContent: // written below, with the unit
		case trace.RoleUnit:
			err = w.putKey(k, mark{role: roleUnit})
		default:
			err = w.putKey(k, markOf(e, k, thing))
		}
		if err != nil {
			return err
		}
	}
	for i := range e.Subjects {
		if err := w.contents(&e.Subjects[i]); err != nil {
			return err
		}
	}
	return nil
}

// markOf returns the mark of a key of an event that says thing of what it is
// about.
func markOf(e *trace.Event, k trace.Key, thing mark) mark {
	if e.Kind == ledger.KindTransform && (k.Kind == trace.KeyRange || k.Kind == trace.KeySSCC) {
		return mark{role: roleMade, lot: thing.lot}
	}
	return thing
}

// contents writes what a subject says to be in a unit, with the unit.
func (w *writer) contents(s *trace.Subject) error {
	switch s.Kind {
	case trace.SubjectContent:
		return w.putSubject(s.Content, mark{role: roleContent, unit: unitItem(s.Unit)})
	case trace.SubjectPattern:
		p := s.Pattern
		first := trace.Code(p.UnitGTIN, p.UnitRun, p.UnitStart)
		return w.putRange(p.Range(), mark{role: rolePattern, unit: first, per: p.Per})
	}
	return nil
}

// unitItem returns the unit of a content subject: one code, or an SSCC.
func unitItem(s *trace.Subject) trace.Item {
	if s.Kind == trace.SubjectSSCC {
		return trace.Unit(s.SSCC)
	}
	return trace.Code(s.Range.GTIN, s.Range.Run, s.Range.From)
}

func (w *writer) putSubject(s *trace.Subject, m mark) error {
	switch s.Kind {
	case trace.SubjectRange:
		return w.putRange(s.Range, m)
	case trace.SubjectSSCC:
		return w.put(ssccPrefix(s.SSCC), m)
	case trace.SubjectLot:
		return w.put(lotPrefix(s.GTIN, s.Lot), m)
	}
	return nil
}

func (w *writer) putKey(k trace.Key, m mark) error {
	switch k.Kind {
	case trace.KeyRange:
		return w.putRange(k.Range, m)
	case trace.KeySSCC:
		return w.put(ssccPrefix(k.SSCC), m)
	case trace.KeyLot:
		return w.put(lotPrefix(k.GTIN, k.Lot), m)
	case trace.KeyGTIN:
		return w.put(gtinPrefix(k.GTIN), m)
	case trace.KeyRun:
		return w.put(runRecordPrefix(runID{k.GTIN, k.Run}), m)
	case trace.KeyPlace:
		return w.put(placePrefix(k.Member, k.Slug), m)
	case trace.KeyParty:
		return w.put(partyPrefix(k.Member, k.Slug), m)
	case trace.KeyEntry:
		return w.put(entryPrefix(k.Hash), m)
	case trace.KeyForeign:
		return w.put(foreignPrefix(k.GTIN), m)
	case trace.KeyFile:
		return w.put(filePrefix(k.Hash, k.Member, k.Slug), m)
	case trace.KeyNumber:
		return w.put(namedPrefix(k.GLN, k.Member, Named{k.Slug, k.Place}), m)
	}
	return fmt.Errorf("key kind %d is not known", k.Kind)
}

func (w *writer) set(key, value []byte) error {
	err := w.txn.Set(key, value)
	if !errors.Is(err, badger.ErrTxnTooBig) {
		return err
	}
	if err := w.txn.Commit(); err != nil {
		return err
	}
	w.txn = w.db.NewTransaction(true)
	return w.txn.Set(key, value)
}

// put writes a mark under a prefix.
func (w *writer) put(prefix []byte, m mark) error {
	n, err := w.next()
	if err != nil {
		return err
	}
	return w.set(appendSuffix(prefix, w.pos, n), appendMark(nil, m))
}

// putRange writes a range with a mark, and the level if it is new in the run.
func (w *writer) putRange(r trace.Range, m mark) error {
	if r.From > r.To || r.To > maxIndex {
		return fmt.Errorf("range from %d to %d", r.From, r.To)
	}
	run, level := runID{r.GTIN, r.Run}, levelOf(r.From, r.To)
	if err := w.useLevel(run, level); err != nil {
		return err
	}
	n, err := w.next()
	if err != nil {
		return err
	}
	value := appendRangeValue(nil, r.From, r.To, m)
	for block := r.From >> level; block <= r.To>>level; block++ {
		key := appendBlockKey(make([]byte, 0, blockKeyLen+suffixLen), run, level, block)
		if err := w.set(appendSuffix(key, w.pos, n), value); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) next() (uint16, error) {
	n := w.n
	if n >= maxKeysPerEvent {
		return 0, fmt.Errorf("more than %d subjects", maxKeysPerEvent)
	}
	w.n++
	return uint16(n), nil
}

func (w *writer) useLevel(run runID, level int) error {
	used, known := w.runs[run]
	if !known {
		var err error
		if used, err = storedLevels(w.txn, run); err != nil {
			return err
		}
	}
	if !known && len(w.runs) >= maxCachedLevels {
		clear(w.runs)
	}
	if !used.has(level) {
		used = used.with(level)
		if err := w.set(levelsKey(run), binary.BigEndian.AppendUint64(nil, uint64(used))); err != nil {
			return err
		}
	}
	w.runs[run] = used
	return nil
}
