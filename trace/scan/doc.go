// Package scan holds the rules about scans: which page loads count, what is
// remembered of them, and what they say about an item. Start with [Record.Add]
// and [Findings].
//
// Scans are no part of a trail. Nobody signs them, nodes do not agree on them,
// and whoever has a code can make some. So they stand beside the trail, in the
// answer's now, and what they show may warn and never convicts: no finding of
// this package is critical.
//
// # What counts
//
// A page that was really loaded, which its picture shows, by a device that is
// no program and not the company's own, once in [Window]. Counts begin anew
// when an item is sold again after a consumer brought it back: see [CycleOf].
//
// # What is remembered
//
// One [Record] for an item in one cycle: the first scan, how many there were,
// on how many devices, in which cities. A device is a keyed hash that only its
// own node can make, and is forgotten after a time ([Record.Forget]). A place
// is a city, its position rounded to a tenth of a degree; there is nothing
// finer to round. Addresses and names of browsers never get here.
//
// # Encoding
//
// Records and tallies are deterministic CBOR arrays, as [ledger.Marshal] writes
// it; what would not be written so is refused. Times are milliseconds since
// 1970 UTC, positions tenths of a degree.
//
//	place   [country, zh, en, located, north, east]
//	seen    [device (8 bytes), last counted]
//	travel  [from, left, to, arrived]
//	record  [1, first, place of the first, count, devices, more devices,
//	         [seen...], [city...], last located scan, its place, [travel], [early...]]
//	share   [node, count, first, place of the first]
//	tally   [1, item (16 bytes), cycle, [share...]]
//
// # Merging
//
// What companies tell each other is the tally of an item: for each node how
// many scans it counted, and its first. Each part only grows, so that tallies
// can be merged in any order and any number of times ([Tally.Merge]). A node
// speaks for itself alone. One that lies about its count adds [MaxShare] at
// most, makes a warning at worst, and is named with what it said. A first scan from
// before the code was issued is passed over ([Tally.Doubt]), and of places only
// those are taken over that [Place.Known] has names for: what stands on a page is
// no other company's text.
package scan
