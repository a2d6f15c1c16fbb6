package index

import (
	"encoding/binary"
	"fmt"
	"math"

	"suyuan/trace"
	"suyuan/trace/gs1"
	"suyuan/trace/stock"
)

// Mentions returns how events within the cut name any code of the run of an
// ItemCode, or an ItemSSCC, in no particular order: what package stock counts by.
// It fails with ErrTooMany at [MaxMentions].
func (x *Index) Mentions(i trace.Item, cut map[uint32]uint64) ([]stock.Mention, error) {
	m := mentions{}
	err := x.view(cut, func(r *reader) error {
		m.r = r
		if i.Kind == trace.ItemSSCC {
			return m.scan(ssccPrefix(i.SSCC), m.unit)
		}
		used, err := storedLevels(r.txn, runOf(i))
		if err != nil {
			return err
		}
		for level := range used.each() {
			m.level = level
			if err := m.scan(appendBlockKey(nil, runOf(i), level, 0)[:levelPrefixLen], m.codes); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("mentions of %v: %w", i, err)
	}
	return m.list, nil
}

// mentions is the work on one call.
type mentions struct {
	r     *reader
	level int
	list  []stock.Mention
}

// scan calls f for each key with the prefix that lies within the cut.
func (m *mentions) scan(prefix []byte, f func(key []byte, pos trace.Position, value []byte) error) error {
	it := m.r.it
	for it.Seek(prefix); it.ValidForPrefix(prefix); it.Next() {
		key := it.Item().Key()
		pos, ok := parseSuffix(key, len(key)-suffixLen)
		if len(key) < len(prefix)+suffixLen || !ok {
			return fmt.Errorf("%w: key %x", ErrDamaged, key)
		}
		if !m.r.within(pos) {
			continue
		}
		if err := it.Item().Value(func(v []byte) error { return f(key, pos, v) }); err != nil {
			return err
		}
		if len(m.list) > MaxMentions {
			return fmt.Errorf("%w: over %d", ErrTooMany, MaxMentions)
		}
	}
	return nil
}

func (m *mentions) unit(key []byte, pos trace.Position, value []byte) error {
	k, err := parseMark(value)
	if err != nil {
		return err
	}
	return m.add(key, pos, trace.Span{}, k)
}

// codes takes a range in the first of the blocks in which it stands.
func (m *mentions) codes(key []byte, pos trace.Position, value []byte) error {
	block, _, ok := parseBlockKey(key)
	span, err := parseSpan(value)
	if err != nil || !ok {
		return fmt.Errorf("%w: key %x", ErrDamaged, key)
	}
	if span.From>>m.level != block {
		return nil
	}
	k, err := parseMark(value[spanLen:])
	if err != nil {
		return err
	}
	return m.add(key, pos, span, k)
}

func (r role) asStock() stock.Role {
	switch r {
	case roleContent:
		return stock.Content
	case rolePattern:
		return stock.Packed
	case roleUnit:
		return stock.Filled
	case roleMade:
		return stock.Made
	}
	return stock.About
}

func (m *mentions) add(key []byte, pos trace.Position, span trace.Span, k mark) error {
	n := uint16(key[len(key)-2])<<8 | uint16(key[len(key)-1])
	m.list = append(m.list, stock.Mention{Position: pos, N: n, Role: k.role.asStock(), From: span.From, To: span.To,
		Unit: k.unit, Per: k.per, Lot: k.lot})
	return nil
}

// A Run names a run of codes.
type Run struct {
	GTIN   gs1.GTIN
	Number uint16
}

// Runs returns the runs of which there is a record within the cut, ascending: of
// all products, or of one.
func (x *Index) Runs(product gs1.GTIN, cut map[uint32]uint64) (list []Run, err error) {
	prefix := []byte{tagRun}
	if !product.IsZero() {
		prefix = appendUint48(prefix, product.Uint64())
	}
	err = x.view(cut, func(r *reader) error {
		for r.it.Seek(prefix); r.it.ValidForPrefix(prefix); {
			key := r.it.Item().KeyCopy(nil)
			if len(key) < 1+8+1 {
				return fmt.Errorf("%w: key %x", ErrDamaged, key)
			}
			id, err := parseRun(key[1:9])
			if err != nil {
				return fmt.Errorf("%w: key %x", ErrDamaged, key)
			}
			if r.anyWithin(runRecordPrefix(id)) {
				list = append(list, Run{id.gtin, id.number})
			}
			if id.number == math.MaxUint16 {
				r.it.Seek(appendUint48([]byte{tagRun}, id.gtin.Uint64()+1))
			} else {
				r.it.Seek(appendRun([]byte{tagRun}, runID{id.gtin, id.number + 1}))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	return list, nil
}

// anyWithin reports whether a key with the prefix lies within the cut.
func (r *reader) anyWithin(prefix []byte) bool {
	for r.it.Seek(prefix); r.it.ValidForPrefix(prefix); r.it.Next() {
		if pos, ok := parseSuffix(r.it.Item().Key(), len(prefix)); ok && r.within(pos) {
			return true
		}
	}
	return false
}

// Lots returns the lots that events within the cut name, ascending: of all
// products, or of one. It fails with ErrTooMany at [MaxLots].
func (x *Index) Lots(product gs1.GTIN, cut map[uint32]uint64) (list []trace.Item, err error) {
	prefix := []byte{tagLot}
	if !product.IsZero() {
		prefix = appendUint48(prefix, product.Uint64())
	}
	err = x.view(cut, func(r *reader) error {
		for r.it.Seek(prefix); r.it.ValidForPrefix(prefix); {
			lot, err := parseLotKey(r.it.Item().KeyCopy(nil))
			if err != nil {
				return err
			}
			of := lotPrefix(lot.GTIN, lot.Lot)
			if r.anyWithin(of) {
				list = append(list, lot)
			}
			if len(list) > MaxLots {
				return fmt.Errorf("%w: over %d lots", ErrTooMany, MaxLots)
			}
			r.it.Seek(append(of, 0xff, 0xff, 0xff, 0xff, 0xff)) // past its positions: no chain has that number
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lots: %w", err)
	}
	return list, nil
}

// parseLotKey reads the lot of a key under tagLot.
func parseLotKey(key []byte) (trace.Item, error) {
	damaged := fmt.Errorf("%w: key %x", ErrDamaged, key)
	if len(key) < 1+6+1+suffixLen || len(key) != 1+6+1+int(key[7])+suffixLen {
		return trace.Item{}, damaged
	}
	gtin, err := gs1.GTINFromUint64(uint48(key[1:]))
	if err != nil {
		return trace.Item{}, damaged
	}
	return trace.Lot(gtin, string(key[8:8+key[7]])), nil
}

// Units returns the logistic units that events within the cut name, ascending. It
// fails with ErrTooMany at [MaxListedUnits].
func (x *Index) Units(cut map[uint32]uint64) (list []trace.Item, err error) {
	err = x.view(cut, func(r *reader) error {
		for r.it.Seek([]byte{tagSSCC}); r.it.ValidForPrefix([]byte{tagSSCC}); {
			key := r.it.Item().Key()
			if len(key) != 1+ssccLen+suffixLen {
				return fmt.Errorf("%w: key %x", ErrDamaged, key)
			}
			sscc, err := gs1.SSCCFromUint64(binary.BigEndian.Uint64(key[1:]))
			if err != nil {
				return fmt.Errorf("%w: key %x", ErrDamaged, key)
			}
			of := ssccPrefix(sscc)
			if r.anyWithin(of) {
				list = append(list, trace.Unit(sscc))
			}
			if len(list) > MaxListedUnits {
				return fmt.Errorf("%w: over %d units", ErrTooMany, MaxListedUnits)
			}
			r.it.Seek(append(of, 0xff, 0xff, 0xff, 0xff, 0xff)) // past its positions
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("units: %w", err)
	}
	return list, nil
}
