package node

import "time"

// maxLookUpBytes bounds the entries and subjects that one look-up reads: a trail of
// thirty records that each name twelve thousand ranges. Decoded they are some
// four times as many bytes of memory.
const maxLookUpBytes = 16 << 20

// Limits of claims. A second code is 45 random bits: at one try every lastWait
// somebody who knows one serial needs a thousand million years for an even
// chance. The waits are short all the same, because whoever sees the QR code can
// make the person wait who has scratched the coating off.
const (
	// freeTries is how many wrong second codes a code may be tried with before
	// the first wait: people misread, and a typing error that the check character
	// shows is not counted at all.
	freeTries = 5

	// firstWait is the wait after freeTries; it doubles with each further wrong
	// try up to lastWait.
	firstWait = 30 * time.Second
	lastWait  = 15 * time.Minute

	// tryMemory is after how long without a wrong try they are forgotten.
	tryMemory = 30 * 24 * time.Hour

	// maxCountedTries ends the counting, far beyond where waits stop growing.
	maxCountedTries = 1 << 16

	// wrongPerSecond and wrongBurst bound wrong tries of all codes together: each
	// leaves a small file. Right ones wait with them while somebody floods the
	// node, and are not used up.
	wrongPerSecond = 50
	wrongBurst     = 2_000

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
