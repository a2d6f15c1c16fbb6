package index

import (
	"fmt"

	"suyuan/trace"
)

// Places returns the positions of the records of all places of all members,
// ascending by member and id, as Gather's cut leaves them. Beyond [MaxScanned] of
// them it refuses with ErrTooMany; a network has some hundreds.
func (x *Index) Places(cut map[uint32]uint64) ([]trace.Position, error) {
	var found []trace.Position
	err := x.view(cut, func(r *reader) error {
		prefix := []byte{tagPlace}
		for r.it.Seek(prefix); r.it.ValidForPrefix(prefix); r.it.Next() {
			key := r.it.Item().Key()
			pos, ok := parseSuffix(key, len(key)-suffixLen)
			if !ok {
				return fmt.Errorf("%w: key %x", ErrDamaged, key)
			}
			if !r.within(pos) {
				continue
			}
			if err := r.count(pos.Chain); err != nil {
				return err
			}
			found = append(found, pos)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("places: %w", err)
	}
	return found, nil
}
