// Package index finds the events of an item: look-ups over the events of all
// chains, in a Badger directory of its own. Nothing in it is true by itself.
// It holds positions in chains, and what is needed to find further positions;
// it can be deleted at any time and is filled again from the log. Start with
// [Open], [Index.Apply] and [Index.Gather].
//
// # Ranges
//
// Most subjects are ranges of the codes of a run. A range of n codes is stored
// at the level L that is the least with n <= 2^L, once for each aligned block of
// 2^L codes that it touches: these are one or two. The event of one item has one
// key, at level 0; that of a run of ten million codes has one, at level 24. To
// find the events of code i, the block i>>L is scanned for each level that the
// run has ever used (a bitmap says which), and ranges beside i are passed over:
// of ranges that do not overlap each other, at most three touch a block.
//
// The exact decomposition of a range into aligned blocks would have nothing to
// pass over, but takes up to 46 keys, two to six for a case of 24, at up to five
// levels. Random keys are what bounds the append path, and each level that a run
// uses is one seek more in every look-up.
//
// # Units
//
// The key of a content in a unit carries the unit, and the key of a pattern
// carries its arithmetic, so that the units above an item are found without
// reading the log. Exceptions of a pattern are not kept here: a look-up may give
// events that turn out not to concern the item, never too few.
//
// # Keys
//
// Integers are big-endian. A position is chain (4 bytes) and seq (8); n (2) is
// the number of the key among those of the event. A GTIN has 6 bytes, a run
// number 2, an index in a run 3. A text stands behind its length (1 byte).
//
//	00                                          version: format 5 (4), rules of the fold (4)
//	01 chain                                    entries applied (8)
//	10 gtin run 00                              levels used: bit L for level L (8)
//	10 gtin run 01 position n                   run record: mark
//	10 gtin run 02 level(1) block(3) position n range: from (3), to (3), mark
//	11 sscc(8) position n                       logistic unit: mark
//	12 gtin lot position n                      lot: mark
//	13 gtin position n                          product as a whole: mark
//	14 member id position n                     place: mark
//	15 member slug position n                   party: mark
//	16 leaf hash(32) position n                 entry that refs name: mark
//	17 gtin position n                          run of foreign serials: mark
//	19 sha-256(32) member slug position n       file that an event names, and a hosted party
//	                                            that the event concerns, both "" for any: mark
//	1a gln(6) member slug id position n         number of a place, who recorded it (slug "" for
//	                                            the member itself), and the place: mark
//
// A mark says in which way the subject is the event's; see the constants at
// [role]:
//
//	01                                          the event is about it
//	02 unit                                     it is, or was, content of unit
//	03 per(3) gtin run start(3)                 pattern: code from+i is content of unit code start+i/per
//	04                                          it is a unit, and the event tells of its content
//	05 lot (to the end)                         the event says that it is of this lot
//	06 lot (to the end), or nothing             it was made, or used, by a transform
//
//	unit: 01 gtin run index(3)                  a code of a run of case codes
//	      02 sscc(8)
//
// # Crashes
//
// Apply does not wait for the disk. After a crash of the process nothing is
// missing that Applied counts. After a crash of the machine something could be,
// in the middle, and Open then begins with an empty index. The directory is
// marked as a cache, and Open empties no directory that is not.
package index
