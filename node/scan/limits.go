package scan

import "time"

// Every number that bounds the recorder stands here, with its reason.
const (
	// TokenLifetime is how long a page that was kept may still count.
	TokenLifetime = 24 * time.Hour

	// DefaultRetention is how long devices are remembered, unless told otherwise.
	DefaultRetention = 90 * 24 * time.Hour

	// DefaultMergedRetention is how long what other nodes counted is kept after it
	// changed last: longer than most goods are looked up.
	DefaultMergedRetention = 730 * 24 * time.Hour

	// maxShares bounds the items of which one other node's counts are kept, some
	// 100 bytes each, so that a node that makes items up fills no disk: 2 GB.
	maxShares = 20_000_000

	// queueLen bounds the scans that wait, some 200 bytes each: several seconds of
	// a burst of 3,000 a second, in which a disk may be busy with other things.
	queueLen = 1 << 14

	// maxBatch bounds a transaction: a thousand records of 2 KB are well below
	// what Badger takes at once, and take some 20 ms.
	maxBatch = 1024

	// linger is how long the writer waits for company after a first scan. It
	// bounds the fsyncs, which the ledger's appends share the disk with, to
	// twenty a second.
	linger = 50 * time.Millisecond

	// maxRecent bounds the devices and networks that are remembered in memory as
	// having counted, some 100 bytes each. Who is forgotten is found in the record.
	maxRecent = 1 << 16

	// maxPerNetwork bounds the devices that count for one item from one address
	// (or IPv6 /64) within a window: throwing cookies away makes no new crowd.
	maxPerNetwork = 8

	// A round of forgetting begins pruneEvery. It looks at pruneBatch records each
	// pruneStep: ten million take six hours, and writing waits some milliseconds.
	pruneEvery = 24 * time.Hour
	pruneStep  = time.Second
	pruneBatch = 512

	// maxCookie bounds a cookie and maxAgent a browser's name before hashing;
	// what goes on is cut off.
	maxCookie = 64
	maxAgent  = 512
)
