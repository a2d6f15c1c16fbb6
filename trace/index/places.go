package index

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// What follows steps from one to the next, so that it has no limits: whoever asks
// ends when it has found what it looks for. What one party records is never in the
// way of what another is looking for.

// File returns the first event, not before a position, that names a file by its
// SHA-256 and concerns a party (<member>/<slug>), within the cut; ok is false if there
// is none. Events for which that party may become known later are found under "". Runs
// that name the file as their pack are not.
func (x *Index) File(digest ledger.Hash, party string, cut map[uint32]uint64, from trace.Position) (pos trace.Position, ok bool, err error) {
	member, slug, _ := strings.Cut(party, "/")
	prefix := filePrefix(digest, member, slug)
	err = x.view(cut, func(r *reader) error {
		pos, ok, err = r.first(prefix, appendSuffix(slices.Clip(prefix), from, 0))
		return err
	})
	if err != nil {
		return pos, false, fmt.Errorf("look up file %v: %w", digest, err)
	}
	return pos, ok, nil
}

// A Named is a place, and the party that has recorded it: "" is the member itself.
type Named struct {
	Slug  string
	Place string // id
}

// Numbered returns the first place after another, those of one Slug together, of which a
// record of a member has a number, within the cut; ok is false if there is none.
// Whether the place's newest record has it still is not said.
func (x *Index) Numbered(g gs1.GLN, member string, cut map[uint32]uint64, after Named) (next Named, ok bool, err error) {
	prefix := numberPrefix(g, member)
	err = x.view(cut, func(r *reader) error {
		next = after
		for {
			r.it.Seek(beyond(namedPrefix(g, member, next)))
			if !r.it.ValidForPrefix(prefix) {
				return nil
			}
			key := r.it.Item().KeyCopy(nil)
			if next, ok = parseNamed(key[len(prefix):]); !ok {
				return fmt.Errorf("%w: key %x", ErrDamaged, key)
			}
			own := key[:len(key)-suffixLen]
			if _, ok, err = r.first(own, own); ok || err != nil {
				return err
			}
		}
	})
	if err != nil {
		return Named{}, false, fmt.Errorf("places of %s with the number %v: %w", member, g, err)
	}
	return next, ok, nil
}

// parseNamed reads what stands behind the member in a key under tagNumber.
func parseNamed(b []byte) (n Named, ok bool) {
	slug, b, ok1 := cutText(b)
	id, b, ok2 := cutText(b)
	return Named{slug, id}, ok1 && ok2 && len(b) == suffixLen
}

// cutText cuts a length and a text of that length off.
func cutText(b []byte) (s string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", nil, false
	}
	return string(b[1 : 1+b[0]]), b[1+b[0]:], true
}

// beyond is a key after all with the prefix that positions follow: no chain has that
// number.
func beyond(prefix []byte) []byte {
	return append(slices.Clip(prefix), 0xff, 0xff, 0xff, 0xff, 0xff)
}

// first returns the first position within the cut of a key with the prefix, from a key
// on.
func (r *reader) first(prefix, from []byte) (pos trace.Position, ok bool, err error) {
	for r.it.Seek(from); r.it.ValidForPrefix(prefix); {
		key := r.it.Item().Key()
		if pos, ok = parseSuffix(key, len(prefix)); !ok {
			return pos, false, fmt.Errorf("%w: key %x", ErrDamaged, key)
		}
		if r.within(pos) {
			return pos, true, nil
		}
		if pos.Chain == math.MaxUint32 {
			break
		}
		// What follows of the chain lies outside too: past it.
		r.it.Seek(binary.BigEndian.AppendUint32(slices.Clip(prefix), pos.Chain+1))
	}
	return trace.Position{}, false, nil
}

// LastOfPlace returns the position of the last record of a member's place on each
// chain that has some, ascending, within the cut.
func (x *Index) LastOfPlace(member, id string, cut map[uint32]uint64) (list []trace.Position, err error) {
	prefix := placePrefix(member, id)
	err = x.view(cut, func(r *reader) error {
		list, err = r.lasts(prefix)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("last records of place %s/%s: %w", member, id, err)
	}
	return list, nil
}

// lasts returns the last position within the cut of each chain, of keys with a prefix.
func (r *reader) lasts(prefix []byte) (list []trace.Position, err error) {
	it := r.txn.NewIterator(badger.IteratorOptions{Reverse: true})
	defer it.Close()
	for it.Seek(beyond(prefix)); it.ValidForPrefix(prefix); {
		pos, ok := parseSuffix(it.Item().Key(), len(prefix))
		if !ok {
			return nil, fmt.Errorf("%w: key %x", ErrDamaged, it.Item().Key())
		}
		chain := binary.BigEndian.AppendUint32(slices.Clip(prefix), pos.Chain) // before all of the chain
		switch size := r.cut[pos.Chain]; {
		case r.within(pos):
			list = append(list, pos)
			it.Seek(chain)
		case size == 0:
			it.Seek(chain)
		default:
			it.Seek(appendSuffix(slices.Clip(prefix), trace.Position{Chain: pos.Chain, Seq: size - 1}, math.MaxUint16))
		}
	}
	slices.Reverse(list)
	return list, nil
}
