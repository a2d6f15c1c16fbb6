package stock

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"suyuan/trace"
)

// A Signature names a story: items with one signature have the same trail but
// for who they are.
type Signature [16]byte

// A story is what records say of one item: of it, of the units in which it was,
// of its lots, its run and its product, and of what went into it.
type story struct {
	atlas  *atlas
	item   trace.Item
	things []trace.Item // the item, then units, in the order in which the fold meets them
	said   []saying
	lots   []string
	at     []trace.Position
	made   int
	hash   []byte // what the signature is made of
}

// A saying is a mention of one of the things.
type saying struct {
	*Mention
	thing int
	unit  int // number of the unit for a content, else 0
}

// tell collects the story of an item that is made times removed from the one
// that is counted.
func (a *atlas) tell(item trace.Item, made int) (*story, error) {
	s := &story{}
	if made == 0 {
		s = &a.story // its memory serves one story after the other
	}
	*s = story{atlas: a, item: item, things: append(s.things[:0], item), said: s.said[:0], lots: s.lots[:0], at: s.at[:0], hash: s.hash[:0], made: made}
	if item.Kind == trace.ItemCode || item.Kind == trace.ItemSSCC {
		if err := s.follow(); err != nil {
			return nil, err
		}
		s.write()
		if err := s.sources(); err != nil {
			return nil, err
		}
	}
	return s, s.scope()
}

// follow collects the mentions of the item and of all units that were ever put
// around it, level by level as the fold does.
func (s *story) follow() error {
	done := 0
	for level := 0; done < len(s.things); level++ {
		before := len(s.said)
		for n := done; n < len(s.things); n++ {
			if err := s.listen(n); err != nil {
				return err
			}
		}
		done = len(s.things)
		fresh := s.said[before:]
		slices.SortStableFunc(fresh, func(a, b saying) int {
			return cmp.Or(a.Position.Compare(b.Position), cmp.Compare(a.thing, b.thing), cmp.Compare(a.N, b.N))
		})
		for i := range fresh {
			if err := s.meet(&fresh[i], level < trace.MaxNesting); err != nil {
				return err
			}
		}
	}
	return nil
}

// listen collects the mentions of one thing.
func (s *story) listen(thing int) error {
	i := s.things[thing]
	if i.Kind == trace.ItemSSCC {
		list, err := s.atlas.ofUnit(i)
		for n := range list {
			s.said = append(s.said, saying{Mention: &list[n], thing: thing})
		}
		return err
	}
	sheet, err := s.atlas.sheet(i)
	if err != nil {
		return err
	}
	for _, n := range sheet.cover(sheet.piece(i.Index)) {
		s.said = append(s.said, saying{Mention: &sheet.mentions[n], thing: thing})
	}
	return nil
}

// meet numbers the unit of a saying.
func (s *story) meet(x *saying, further bool) error {
	if !x.contains() {
		return nil
	}
	unit := x.unitOf(s.things[x.thing].Index)
	if x.unit = slices.Index(s.things, unit); x.unit >= 0 {
		return nil
	}
	if x.unit = 0; !further {
		return nil
	}
	if x.unit = len(s.things); x.unit >= maxThings {
		return fmt.Errorf("%s: %w: it was in over %d units", s.item, ErrTooMany, maxThings)
	}
	s.things = append(s.things, unit)
	return nil
}

// write puts the sayings into the hash, in the order of the chains, and of the
// subjects within an event.
func (s *story) write() {
	slices.SortStableFunc(s.said, func(a, b saying) int {
		return cmp.Or(a.Position.Compare(b.Position), cmp.Compare(a.N, b.N), cmp.Compare(a.thing, b.thing))
	})
	for _, x := range s.said {
		s.at = append(s.at, x.Position)
		s.position(x.Position)
		how := byte(x.Role) << 1
		if x.several() {
			how |= 1
		}
		s.hash = append(s.hash, how)
		s.count(x.thing)
		s.count(x.unit)
		if x.Lot != "" && x.thing == 0 && !slices.Contains(s.lots, x.Lot) {
			s.lots = append(s.lots, x.Lot)
		}
	}
}

func (s *story) position(p trace.Position) { s.hash = s.atlas.appendPosition(s.hash, p) }

// appendPosition appends where an event stands, and how often it was rewritten: what
// was made of it before does not hold then.
func (a *atlas) appendPosition(b []byte, p trace.Position) []byte {
	b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, p.Chain), p.Seq)
	if n := a.src.Rewritten(p); n > 0 {
		b = binary.AppendUvarint(append(b, "rewritten"...), n)
	}
	return b
}

func (s *story) count(n int) { s.hash = binary.AppendUvarint(s.hash, uint64(n)) }

func (s *story) text(t string) {
	s.count(len(t))
	s.hash = append(s.hash, t...)
}

// sources adds what each transform makes of the things, and the stories of what
// went into the item.
func (s *story) sources() error {
	for i, x := range s.said {
		if x.Role != Made || i > 0 && s.said[i-1].Position == x.Position && s.said[i-1].thing == x.thing {
			continue
		}
		e, err := s.atlas.event(x.Position)
		if err != nil {
			return err
		}
		for n := range e.Subjects {
			s.transform(&e.Subjects[n], s.things[x.thing])
		}
		if x.thing != 0 || s.made == trace.MaxSourceDepth {
			continue
		}
		for _, source := range e.Sources(s.item) {
			other, err := s.atlas.tell(source, s.made+1)
			if err != nil {
				return err
			}
			s.text(string(other.hash))
			s.at = append(s.at, other.at...)
		}
	}
	return nil
}

// transform notes how a subject of a transform names a thing.
func (s *story) transform(made *trace.Subject, thing trace.Item) {
	if made.Kind != trace.SubjectMade {
		return
	}
	for _, side := range []*trace.Subject{made.Output, made.Input} {
		switch {
		case !side.Moves(thing):
			s.hash = append(s.hash, 0)
		case made.Output.Kind == trace.SubjectRange && made.Output.Range.From < made.Output.Range.To:
			s.hash = append(s.hash, 1)
		default:
			s.hash = append(s.hash, 2)
		}
	}
}

// scope adds what is told of the item's run, lots and product as such.
func (s *story) scope() error {
	i := s.item
	if i.GTIN.IsZero() {
		return nil
	}
	if err := s.hear(trace.Product(i.GTIN)); err != nil {
		return err
	}
	switch i.Kind {
	case trace.ItemCode:
		if err := s.hear(runOf(i)); err != nil {
			return err
		}
	case trace.ItemLot:
		s.lots = append(s.lots, i.Lot)
	}
	slices.Sort(s.lots)
	for _, lot := range s.lots {
		if err := s.hear(trace.Lot(i.GTIN, lot)); err != nil {
			return err
		}
	}
	return nil
}

// hear adds what is told of a product, lot or run as such.
func (s *story) hear(i trace.Item) error {
	t, err := s.atlas.told(i)
	if err != nil {
		return err
	}
	s.hash = append(s.hash, t.sum[:]...)
	s.at = append(s.at, t.at...)
	return nil
}

// signature hashes the story.
func (s *story) signature() Signature {
	sum := sha256.Sum256(s.hash)
	return Signature(sum[:16])
}

// positions returns the positions of all events of the story, each once.
func (s *story) positions() []trace.Position {
	slices.SortFunc(s.at, trace.Position.Compare)
	return slices.Compact(s.at)
}
