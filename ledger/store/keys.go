package store

import (
	"encoding/binary"

	"suyuan/ledger"
)

// The first byte of a key. Prefixes are never reused.
const (
	prefixLayout     = 'v'
	prefixCharter    = 'c'
	prefixEntry      = 'e'
	prefixSidecar    = 's'
	prefixTile       = 't'
	prefixHead       = 'h'
	prefixRights     = 'r'
	prefixRecord     = 'i'
	prefixFrontier   = 'f'
	prefixSeen       = 'g'
	prefixLatest     = 'l'
	prefixFinal      = 'q'
	prefixEvidence   = 'x'
	prefixContradict = 'n'
	prefixConflict   = 'd'
	prefixErased     = 'k' // 'z' had one for each erase record, also for those that said nothing new
	prefixErase      = 'y'
	prefixLacking    = 'm'
	prefixOnItsWay   = 'u'
	prefixFiles      = 'w'
)

// layoutVersion is the number under which the layout of this file is stored.
const layoutVersion = 1

func layoutKey() []byte { return []byte{prefixLayout} }

func charterKey(version uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixCharter}, version)
}

// chainKey is the prefix of all keys of one kind of one chain, and the whole key
// where a chain has one value of that kind.
func chainKey(prefix byte, chain uint32) []byte {
	return binary.BigEndian.AppendUint32(append(make([]byte, 0, 24), prefix), chain)
}

// seqKey is the key of what belongs to one position: entry, sidecar, frontier.
func seqKey(prefix byte, chain uint32, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(chainKey(prefix, chain), seq)
}

// parseSeqKey returns the position in a key that seqKey made.
func parseSeqKey(key []byte) (chain uint32, seq uint64, ok bool) {
	if len(key) != 13 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(key[1:]), binary.BigEndian.Uint64(key[5:]), true
}

// erasedKey is for what was erased of the record at a position: a digest of it, or
// of a file that it names.
func erasedKey(chain uint32, seq uint64, digest ledger.Hash) []byte {
	return append(append(make([]byte, 0, 45), seqKey(prefixErased, chain, seq)...), digest[:]...)
}

// parseErasedKey is for keys of the length that erasedKey makes.
func parseErasedKey(key []byte) (chain uint32, seq uint64, digest ledger.Hash) {
	return binary.BigEndian.Uint32(key[1:]), binary.BigEndian.Uint64(key[5:]), ledger.Hash(key[13:])
}

func tileKey(chain uint32, t ledger.TileID) []byte {
	k := append(chainKey(prefixTile, chain), t.Level)
	return binary.BigEndian.AppendUint64(k, t.Index)
}

// parseTileKey is for keys of the length that tileKey makes.
func parseTileKey(key []byte) (chain uint32, t ledger.TileID) {
	return binary.BigEndian.Uint32(key[1:]), ledger.TileID{Level: key[5], Index: binary.BigEndian.Uint64(key[6:])}
}

func recordKey(id ledger.Hash) []byte { return append([]byte{prefixRecord}, id[:]...) }

// placeValue is the value of a record key.
func placeValue(chain uint32, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(make([]byte, 0, 12), chain), seq)
}

func parsePlace(v []byte) (chain uint32, seq uint64, ok bool) {
	if len(v) != 12 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(v), binary.BigEndian.Uint64(v[4:]), true
}

// seenKey holds the position inverted, so that the newest frontier entry at or
// before a position is the first key found from it on.
func seenKey(chain, about uint32, seq uint64) []byte {
	k := binary.BigEndian.AppendUint32(chainKey(prefixSeen, chain), about)
	return binary.BigEndian.AppendUint64(k, ^seq)
}

// parseSeenKey is for keys of the length that seenKey makes.
func parseSeenKey(key []byte) (chain, about uint32, seq uint64) {
	return binary.BigEndian.Uint32(key[1:]), binary.BigEndian.Uint32(key[5:]), ^binary.BigEndian.Uint64(key[9:])
}

func uint64Value(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func parseUint64(v []byte) (uint64, bool) {
	if len(v) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(v), true
}

// layoutValue is the layout version and the network to which the store belongs.
func layoutValue(network ledger.Hash) []byte {
	return append(binary.BigEndian.AppendUint32(nil, layoutVersion), network[:]...)
}

func parseLayout(v []byte) (version uint32, network ledger.Hash, ok bool) {
	if len(v) != 4+len(network) {
		return 0, network, false
	}
	return binary.BigEndian.Uint32(v), ledger.Hash(v[4:]), true
}
