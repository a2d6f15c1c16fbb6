package wire

import "suyuan/ledger"

// What a peer may make us allocate.
const (
	// Version of everything this package describes.
	Version = 1

	// MaxCtl bounds a frame on ctl: an ALERT holds two checkpoint notes, each of
	// which may reach its own limit.
	MaxCtl = 2*ledger.MaxCheckpointBytes + 4<<10

	// MaxFetch bounds a frame on fetch: an ITEM with the largest entry and the
	// largest sidecar, or the largest charter with all its signatures, which
	// take some 100 bytes each.
	MaxFetch = ledger.MaxSidecarBytes + 128<<10

	// MaxCosign bounds a frame on cosign: one checkpoint note.
	MaxCosign = ledger.MaxCheckpointBytes + 4<<10

	// MaxAsk bounds a frame on ask: a claim is a few hundred bytes.
	MaxAsk = 1 << 10

	// MaxSerial, MaxSecond and MaxTag bound the texts of a claim: GS1 allows 20
	// characters for a serial, a second code has 10, and a tag is a mark of the
	// claimant's company.
	MaxSerial = 20
	MaxSecond = 10
	MaxTag    = 64

	// MaxHaves bounds the chains in one HAVE; a node with more sends several.
	MaxHaves = 1_024

	// MaxAddrs and MaxAddrBytes bound what a node may say about where it listens.
	MaxAddrs     = 32
	MaxAddrBytes = 256

	// MaxReason bounds the words of a BYE.
	MaxReason = 256

	// MaxChunk is the payload of one CHUNK: large enough to make framing cheap,
	// small enough that a slow line passes one well within a deadline.
	MaxChunk = 64 << 10

	// MaxProof bounds a consistency proof: two hashes a level at most, and a tree
	// of 2^63 leaves has 63 levels.
	MaxProof = 126

	// MaxRange bounds the entries that one request may ask for: 16 tiles.
	MaxRange = 16 * ledger.TileWidth

	// MaxScans bounds the counts in one SCANS: 1,024 with the longest names stay
	// well below MaxFetch, and are one transaction for who takes them over.
	MaxScans = 1_024

	// MaxCityName bounds the name of a city in one language, in bytes, as package
	// trace/scan does.
	MaxCityName = 128

	// maxLengthBytes is the longest uvarint that can state a length in limits.
	maxLengthBytes = 3
)
