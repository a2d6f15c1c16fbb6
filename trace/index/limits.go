package index

import "suyuan/trace"

// Every number that bounds a look-up or a write stands here, with its reason.
// Anybody in the network can write events about any item, so that nothing about
// an item bounds what a look-up meets.
const (
	// MaxPositions bounds the events of one look-up: as many as one trail folds.
	MaxPositions = trace.MaxEvents

	// MaxScanned bounds the keys that one look-up, or one page, reads: up to
	// three neighbours for each range that covers the item, and as much again.
	MaxScanned = 8 * MaxPositions

	// maxSheds bounds how often a look-up is run again because of a limit. One
	// chain that floods an item takes one or two; each time a quarter goes.
	maxSheds = 32

	// maxOutside is how many keys outside the cut are passed one by one: going on
	// costs a tenth of a seek.
	maxOutside = 16

	// MaxUnits bounds the units that one look-up follows. An item has been in
	// some dozens; [trace.MaxNesting] bounds how far up they are followed.
	MaxUnits = 1_024

	// MaxPage bounds the positions that Overlapping returns at once.
	MaxPage = 4_096

	// MaxMentions bounds what Mentions returns: twenty times the records of a run
	// of which a hundred thousand codes are sold one by one.
	MaxMentions = 4 << 20

	// MaxLots bounds what Lots returns: a hundred products with a lot each day of
	// two years. Anybody can name lots that do not exist.
	MaxLots = 1 << 16

	// MaxListedUnits bounds what Units returns: the pallets of some years. A network
	// that labels each case with an SSCC has more; they are not counted one by one.
	MaxListedUnits = 1 << 20

	// maxText bounds a lot, slug or id in a key, whose length has one byte. Lots
	// have 20 characters (AI 10), slugs 32.
	maxText = 255

	// maxKeysPerEvent bounds what one event adds: its number has two bytes. A
	// record has up to 32,768 subjects, a subject at most two keys; the
	// two blocks of a range have the same number.
	maxKeysPerEvent = 1 << 16

	// maxCachedLevels bounds the writer's memory of which levels runs use; at 24
	// bytes a run some 2 MB. It is emptied when full.
	maxCachedLevels = 1 << 16
)
