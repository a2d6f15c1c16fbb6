package index

import (
	"fmt"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// Run returns the positions of the records of a run, as Gather's cut leaves
// them: one, unless members contradict each other.
func (x *Index) Run(gtin gs1.GTIN, run uint16, cut map[uint32]uint64) ([]trace.Position, error) {
	return x.lookup(runRecordPrefix(runID{gtin, run}), cut, "run %d of %v", run, gtin)
}

// Foreign returns the positions of the records of runs of foreign serials of a
// GTIN. Most GTINs have none, and then it is one seek.
func (x *Index) Foreign(gtin gs1.GTIN, cut map[uint32]uint64) ([]trace.Position, error) {
	return x.lookup(foreignPrefix(gtin), cut, "foreign runs of %v", gtin)
}

// Place returns the positions of the records of a member's place.
func (x *Index) Place(member, id string, cut map[uint32]uint64) ([]trace.Position, error) {
	return x.lookup(placePrefix(member, id), cut, "place %s/%s", member, id)
}

// Party returns the positions of the records of a party that a member hosts.
func (x *Index) Party(member, slug string, cut map[uint32]uint64) ([]trace.Position, error) {
	return x.lookup(partyPrefix(member, slug), cut, "party %s/%s", member, slug)
}

// Entry returns the position of the entry with a leaf hash, if it is one that
// [trace.IndexKeys] keeps for those who refer to it, and within the cut.
func (x *Index) Entry(hash ledger.Hash, cut map[uint32]uint64) (pos trace.Position, ok bool, err error) {
	found, err := x.lookup(entryPrefix(hash), cut, "entry %v", hash)
	if err != nil || len(found) == 0 {
		return trace.Position{}, false, err
	}
	return found[0], true, nil
}

func (x *Index) lookup(prefix []byte, cut map[uint32]uint64, format string, args ...any) ([]trace.Position, error) {
	var found []trace.Position
	err := x.view(cut, func(r *reader) error {
		return r.scan(prefix, func(pos trace.Position, _ []byte) error {
			found = append(found, pos)
			return nil
		})
	})
	if err != nil {
		return found, fmt.Errorf("look up "+format+": %w", append(args, err)...)
	}
	return found, nil
}
