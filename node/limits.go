package node

import "time"

// maxLookUpBytes bounds the entries and subjects that one look-up reads: a trail of
// thirty records that each name twelve thousand ranges. Decoded they are some
// four times as many bytes of memory.
const maxLookUpBytes = 16 << 20

// Limits of claims. A second code is 45 random bits: at one try every lastWait
// somebody who knows one serial needs thirty million years for an even chance. The
// waits are short all the same, because whoever sees the QR code can make the person
// wait who has scratched the coating off.
const (
	// freeTries is how many wrong second codes a code may be tried with before
	// the first wait: people misread, and a typing error that the check character
	// shows is not counted at all.
	freeTries = 5

	// firstWait is the wait after freeTries; it doubles with each further wrong
	// try up to lastWait: as long as somebody stays on the page.
	firstWait = 10 * time.Second
	lastWait  = time.Minute

	// tryMemory is after how long without a wrong try they are forgotten.
	tryMemory = 30 * 24 * time.Hour

	// maxCountedTries ends the counting, far beyond where waits stop growing.
	maxCountedTries = 1 << 16

	// wrongPerSecond and wrongBurst bound wrong tries of all codes together on this
	// node's pages: each leaves a small file. Right ones wait with them while somebody
	// floods these pages, and are not used up.
	wrongPerSecond = 50
	wrongBurst     = 2_000

	// wrongPerSecondEach and wrongBurstEach bound those that each other node passes
	// on. Whoever floods one company's pages, or a company that floods us, holds up the
	// claims that come from there and no others.
	wrongPerSecondEach = 5
	wrongBurstEach     = 500

	// unableWait is after how long somebody is to ask again whose claim could not
	// be checked.
	unableWait = 5 * time.Second

	// claimsRead is after how many entries of the chain what was found of claims is
	// written down while they are read for rewards.
	claimsRead = 1_000

	// claimsListed is how many entries one list of claims looks at: some tens of
	// milliseconds.
	claimsListed = 10_000

	// maxClaimToken bounds a caller's token, of which only a digest is kept.
	maxClaimToken = 128
)

// Limits of counting.
const (
	// maxBookCells bounds the outcomes that are kept from one question to the next,
	// and with it those of one question: some 600 bytes each. Runs whose items were
	// sold one by one have most: ten of them, with a hundred thousand sales each,
	// have room. All that is kept of past cuts has once more as much.
	maxBookCells = 1 << 20

	// maxPastBooks bounds the past cuts that are kept, and maxPastBooksEach those of
	// one who asks: some reports look at the end of this month, the last, and those
	// of the year before.
	maxPastBooks     = 32
	maxPastBooksEach = 4

	// maxAsked bounds the questions of one who asks that are answered at one time: a
	// page with figures asks a handful at once.
	maxAsked = 16

	// turnEvents is how many events are folded before a count makes way for somebody
	// else's, which is some hundred milliseconds. Finding out again where it was
	// costs a part of that.
	turnEvents = 10_000

	// runEvents is as how many folded events it counts to look at a run in which
	// something is new.
	runEvents = 100

	// recountAfter is how long a run whose records cut it into too many pieces is not
	// tried again: finding that out takes seconds.
	recountAfter = 10 * time.Minute

	// maxCatchUp bounds the new entries that are read to see which runs they
	// touch, some 20 µs each; beyond it everything is counted anew.
	maxCatchUp = 100_000

	// countedEvents is how many decoded events are kept while counting, and
	// countedSubjects up to how many subjects such an event may have.
	countedEvents   = 8_192
	countedSubjects = 64

	// maxPapers bounds the shipments and receipts that are kept for comparing them,
	// some 500 bytes each.
	maxPapers = 1 << 17

	// maxRewritten bounds the events of which a book knows that they have become others;
	// beyond it everything is counted anew.
	maxRewritten = 1 << 16

	// maxLotMemo bounds the outcomes of lots, some kilobytes each.
	maxLotMemo = 1 << 15
)

// Limits of answers in EPCIS.
const (
	// maxEPCISLooked bounds the records, and the units of records of many units, that
	// one page looks at: a tenth of a second for small records, of which each takes
	// some microseconds to tens of them, and the same for units.
	maxEPCISLooked = 4_096

	// maxEPCISRead is after how many bytes of records a page ends, however few events
	// it has: one record may have a megabyte, which takes tens of milliseconds.
	maxEPCISRead = 32 << 20

	// maxEPCISPage is after how many bytes of events a page ends; one record may have
	// a megabyte of ranges.
	maxEPCISPage = 4 << 20

	// maxEPCISRecords bounds the records that may tell of the goods of a question, and
	// are sorted for it: 40 bytes are held of each.
	maxEPCISRecords = 20_000

	// maxEPCISSorted bounds the bytes of those that have to be read for that, one at a
	// time: some seconds. Usual records have less than a kilobyte.
	maxEPCISSorted = 128 << 20

	// maxPlacesNamed bounds the places that a refusal names as those of one number:
	// enough to see what is the matter.
	maxPlacesNamed = 8

	// maxCaptures is how many captures are remembered, the newest: weeks of a system
	// that asks after each within the hour.
	maxCaptures = 1_000

	// maxCaptureBytes is how many bytes of captures are remembered, the newest: an
	// answer has some hundred bytes for each event, at most some megabytes. The last
	// one is remembered whatever its size.
	maxCaptureBytes = 256 << 20
)
