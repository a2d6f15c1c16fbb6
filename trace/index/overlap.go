package index

import (
	"fmt"

	"suyuan/trace"
)

// A Cursor says where the next page of Overlapping begins. The zero Cursor is
// the beginning, and what comes with the last page.
type Cursor struct {
	level int
	key   string // first key not yet read
}

// Done reports whether there are no more pages, for a cursor that came with one.
func (c Cursor) Done() bool { return c.key == "" }

// Overlapping returns a page of the events that name a code of a range in any
// way, as Gather's cut leaves them, and where the next page begins. Positions
// ascend within a page. An event with several ranges may stand on more than one
// page, and a page may be empty without being the last. Units are not followed.
func (x *Index) Overlapping(rng trace.Range, cut map[uint32]uint64, from Cursor) (page []trace.Position, next Cursor, err error) {
	p := overlap{rng: rng, found: make(map[trace.Position]struct{})}
	err = x.view(cut, func(r *reader) error {
		p.r = r
		return p.levels(from)
	})
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("events of %v: %w", trace.OfRange(rng), err)
	}
	return sorted(p.found), p.next, nil
}

// An overlap is the work on one page.
type overlap struct {
	r     *reader
	rng   trace.Range
	found map[trace.Position]struct{}
	read  int    // keys
	next  Cursor // set when the page is full
}

// levels reads the blocks of the range at each level. They are neighbours, so
// that a level is one scan.
func (p *overlap) levels(from Cursor) error {
	if p.rng.From > maxIndex {
		return nil
	}
	run := runID{p.rng.GTIN, p.rng.Run}
	used, err := storedLevels(p.r.txn, run)
	if err != nil {
		return err
	}
	for level := range used.each() {
		if level < from.level {
			continue // read on an earlier page
		}
		start := appendBlockKey(nil, run, level, p.rng.From>>level)
		if level == from.level && !from.Done() {
			start = []byte(from.key)
		}
		if err := p.level(level, start); err != nil || !p.next.Done() {
			return err
		}
	}
	return nil
}

func (p *overlap) level(level int, start []byte) error {
	prefix := start[:levelPrefixLen]
	for p.r.it.Seek(start); p.r.it.ValidForPrefix(prefix); p.r.it.Next() {
		item := p.r.it.Item()
		block, pos, ok := parseBlockKey(item.Key())
		if !ok {
			return fmt.Errorf("%w: key %x", ErrDamaged, item.Key())
		}
		if block > p.rng.To>>level {
			return nil
		}
		if len(p.found) == MaxPage || p.read == MaxScanned {
			p.next = Cursor{level, string(item.Key())}
			return nil
		}
		p.read++
		if !p.r.within(pos) {
			continue
		}
		if err := item.Value(func(v []byte) error { return p.take(pos, v, level, block) }); err != nil {
			return err
		}
	}
	return nil
}

// take takes the event if its range overlaps ours, in the first block in which
// it does.
func (p *overlap) take(pos trace.Position, value []byte, level int, block uint32) error {
	s, err := parseSpan(value)
	if err != nil {
		return err
	}
	first := max(s.From, p.rng.From)
	if first <= min(s.To, p.rng.To) && first>>level == block {
		p.found[pos] = struct{}{}
	}
	return nil
}
