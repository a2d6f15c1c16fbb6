package ledger

// Every number that bounds foreign data stands here, with its reason.
const (
	// MaxRecordBytes bounds the bytes that an operator signs. An entry adds at
	// most 200 bytes around them and must stay below MaxEntryBytes.
	MaxRecordBytes = 60_000

	// MaxEntryBytes is what the 16-bit length of a C2SP tlog-tiles entry
	// bundle can say.
	MaxEntryBytes = 65_535

	// MaxSidecarBytes keeps one entry with its sidecar far below the 4 MiB of
	// a batch, so that a batch always holds several, and below 1 MiB: the store
	// keeps smaller values where they can be removed for good.
	MaxSidecarBytes = 1<<20 - 1

	// MaxCharterBytes bounds a charter body: 200 members with two nodes each
	// need about 150 kB.
	MaxCharterBytes = 1 << 20

	// MaxCharterSignatures: one per member of two versions and some spare.
	MaxCharterSignatures = 512

	// MaxSignedCharterBytes leaves twice the 125 bytes that a signature needs.
	MaxSignedCharterBytes = MaxCharterBytes + 256*MaxCharterSignatures

	// MaxCheckpointBytes bounds a checkpoint note. 65 signature lines of about
	// 190 bytes and three text lines fit three times over.
	MaxCheckpointBytes = 32 << 10

	// MaxCosigners stays below the 100 signature lines that
	// golang.org/x/mod/sumdb/note accepts.
	MaxCosigners = 64

	// MaxMembers and MaxNodes bound the loops over a charter.
	MaxMembers = 1_000
	MaxNodes   = 2_000

	// MaxAddresses bounds the admin, revoked and network addresses of one
	// member or node.
	MaxAddresses = 256

	// MaxDigests bounds each digest list of a record. 60,000 bytes would hold
	// some 1,700; no kind of record has more than about thirty fields.
	MaxDigests = 512

	// MaxLeaves bounds the subject leaves of one record: what fits in a sidecar.
	MaxLeaves = 32_768

	// MaxGrantKinds and MaxGrantPlaces bound what one grant may list.
	MaxGrantKinds  = 64
	MaxGrantPlaces = 256

	// MaxFrontier bounds the chains that one frontier entry names: at 49 bytes
	// for the largest numbers an entry holds 1,336 of them. What more chains
	// have grown waits for the next frontier entry.
	MaxFrontier = 1_300

	// MaxSlug bounds a slug, MaxName a network name (a DNS name has 253, and
	// an origin line has to stay readable), MaxText any other text.
	MaxSlug = 32
	MaxName = 64
	MaxText = 4_096

	// maxTime bounds every time, in milliseconds since 1970: the last of the year
	// 9999. RFC 3339 has no form for later ones, so that one entry of a member with
	// its clock there would leave nobody able to show the chain.
	maxTime = 253_402_300_799_999

	// MaxAhead is how far the time at which an event is said to have happened
	// may lie after the time of its entry, in milliseconds: clocks of hand-held
	// devices are seldom right to the minute.
	MaxAhead = 10 * 60 * 1000

	// FrontierInterval is the least time between two frontier entries of one
	// chain, in milliseconds. It is the author's conduct, not checked by others.
	FrontierInterval = 1000

	// TileHeight is fixed by C2SP tlog-tiles.
	TileHeight = 8
	// TileWidth is the number of hashes in a full tile.
	TileWidth = 1 << TileHeight

	// maxTreeSize bounds the sizes that foreign proofs, frontiers and checkpoints
	// may name before x/mod computes with them: it counts a tree's hashes in an
	// int64 and indexes out of range beyond. At a million entries a second a
	// chain would take nine years to get there.
	maxTreeSize = 1 << 48

	// MaxConsistencyProof: two hashes for each level of the largest tree, and one.
	MaxConsistencyProof = 2*48 + 1

	maxDepth = 8 // nesting of any CBOR item: the deepest of ours has five levels
)
