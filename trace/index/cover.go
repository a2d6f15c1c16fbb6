package index

import (
	"iter"
	"math/bits"
)

// maxLevel is the level of a block of all codes that a run can have: 2^24 is
// more than the 10^7 of a run, and indexes have 24 bits.
const maxLevel = indexBits

const (
	indexBits = 24
	maxIndex  = 1<<indexBits - 1
)

// levelOf returns the level at which the range from..to (inclusive) is stored:
// the least one whose blocks are as long as the range. Block b of level l is the
// codes whose index shifted right by l is b.
func levelOf(from, to uint32) int { return bits.Len32(to - from) }

// levels is the set of levels that a run has used: bit L for level L.
type levels uint32

func (s levels) has(level int) bool    { return s&(1<<level) != 0 }
func (s levels) with(level int) levels { return s | 1<<level }

// each yields the levels in the set, lowest first.
func (s levels) each() iter.Seq[int] {
	return func(yield func(int) bool) {
		for rest := s; rest != 0; rest &= rest - 1 {
			if !yield(bits.TrailingZeros32(uint32(rest))) {
				return
			}
		}
	}
}
