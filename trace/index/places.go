package index

import (
	"bytes"
	"fmt"

	"suyuan/trace"
)

// Places returns the position of the last record of each place of a member on each
// chain that has some, ascending by id, as Gather's cut leaves them. It never
// refuses: of a member with more than [MaxScanned] of them, or with more than
// [MaxPlaceKeys] records, it returns those that come first. What one member records
// costs no other member its places.
func (x *Index) Places(member string, cut map[uint32]uint64) ([]trace.Position, error) {
	var found []trace.Position
	err := x.view(cut, func(r *reader) error {
		var last []byte // the place and chain of the last found
		prefix := appendText([]byte{tagPlace}, member)
		read := 0
		for r.it.Seek(prefix); r.it.ValidForPrefix(prefix) && read < MaxPlaceKeys; r.it.Next() {
			read++
			key := r.it.Item().Key()
			pos, ok := parseSuffix(key, len(key)-suffixLen)
			if !ok {
				return fmt.Errorf("%w: key %x", ErrDamaged, key)
			}
			if !r.within(pos) {
				continue
			}
			here := key[:len(key)-suffixLen+chainLen]
			if bytes.Equal(here, last) {
				found[len(found)-1] = pos
				continue
			}
			if len(found) == MaxScanned {
				return nil
			}
			last, found = append(last[:0], here...), append(found, pos)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("places of %s: %w", member, err)
	}
	return found, nil
}

// chainLen is the length of the chain at the start of a key's suffix.
const chainLen = 4
