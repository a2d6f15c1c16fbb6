package store

// Every number that bounds work or memory stands here, with its reason.
const (
	// maxBatchBytes and maxBatchEntries bound one transaction: entries and
	// sidecars together. Beyond a few hundred entries the fsync is spread thin
	// enough; more only makes callers wait longer and retries dearer.
	maxBatchBytes   = 4 << 20
	maxBatchEntries = 4096

	// MaxTogether bounds the records that are stored together or not at all: half a
	// batch, so that others are not held up by one caller.
	MaxTogether = maxBatchEntries / 2

	// memTableBytes sizes Badger's write buffer. Badger refuses transactions
	// over 15 % of it: 6 MiB here, where a full batch with its keys, tiles and
	// look-ups needs 5.
	memTableBytes = 40 << 20

	// memTables bounds the write buffers that wait to be written out; a writer
	// that is faster than the disk waits then.
	memTables = 3

	// inlineBytes is the value size from which Badger uses its value log, and
	// the largest that it allows. Values in the LSM tree leave it when they are
	// erased or replaced; the value log would have to be collected first.
	inlineBytes = 1 << 20

	// valueLogBytes sizes the value log's files, which hold next to nothing.
	// Badger maps twice this much, as a sparse file.
	valueLogBytes = 16 << 20

	// blockCacheBytes bounds the cache of uncompressed blocks where no memory
	// limit (GOMEMLIMIT) is set; with one, the cache takes a sixteenth of it.
	blockCacheBytes    = 64 << 20
	minBlockCacheBytes = 4 << 20

	// defaultMinFree is the free space below which nothing is written. Badger
	// writes through mapped files, where a full disk kills the process, and a
	// compaction needs room for copies of what it joins: up to some fifteen
	// write buffers.
	defaultMinFree = 1 << 30

	// minFreeGiven and minFreeFound are the free space below which this node takes no
	// files, from its users and from other nodes: the ledger must go on when files
	// cannot, and other members must not be able to fill this node's disk.
	minFreeGiven = defaultMinFree + MaxBlobBytes
	minFreeFound = 2 * defaultMinFree

	// lookForRoom is how many bytes of a file are written before the disk is looked
	// at again; several may be written at one time.
	lookForRoom = 16 << 20

	// checkedAtOpen is how many of the newest entries of each chain are read and
	// hashed when a store is opened.
	checkedAtOpen = 256

	// purgeAtOnce bounds the sidecars of one step of Purge, during which nobody
	// reads or writes.
	purgeAtOnce = 64

	// maxErasures bounds the erase records that are read with a record. It has some
	// thirty fields and names a handful of files; each is erased once, by its author
	// alone, and what erases nothing is not kept: the list is cut short for no record
	// but one that its author has made of digests to erase one by one.
	maxErasures = 256

	// page is how many entries an iterator reads in one transaction.
	page = 256

	// MaxBlobBytes bounds one attachment: a pack of 10 million codes has
	// 200 MB.
	MaxBlobBytes = 256 << 20

	// maxGuardBytes bounds what is read of a guard file: 2,000 chains of some
	// 100 bytes each.
	maxGuardBytes = 1 << 20

	// queued is how many submissions wait for the sequencer before callers
	// block: one full batch.
	queued = maxBatchEntries

	// maxTableFooter bounds the checksum at the end of a table file, which has
	// some ten bytes.
	maxTableFooter = 256

	// maxRewritten bounds the rewritten entries that are remembered, 16 bytes each:
	// more than come late or are erased between two questions about figures.
	maxRewritten = 16 << 10
)
