package protocol_test

import (
	"suyuan/node/protocol"
	"suyuan/node/wire"
)

// A disk is what carries out what a core asks of its own machine: the ledger's
// store and the node's keys. The simulator has two: a model, which is fast, and
// the store that nodes use.
type disk interface {
	// State is what is stored of all chains.
	State() *protocol.Stored
	// Append writes a record to the own chain; false if that may not be written.
	Append(record uint64) bool
	Sign() protocol.Signed
	Publish(note []byte, lines [][]byte) (merged []byte, final bool, err error)
	Keep(chain uint32, note []byte) (protocol.Result, error)
	Cosign(note []byte) protocol.Cosigned
	Judge(alert *wire.Alert) (chain uint32, result protocol.Result, err error)
	Release() error
	// Read gives entries to a peer, with the proof that they belong to what the
	// chain's first size entries make; nil if they are not held.
	Read(chain uint32, from, to, size uint64) *piece
	// Extend checks that proof against a note and stores the entries.
	Extend(chain uint32, from uint64, p *piece, note []byte) (size uint64, result protocol.Result, err error)
	// Disclose adds what is new in the sidecars to entries that are stored.
	Disclose(chain uint32, from uint64, p *piece) (protocol.Result, error)
	// Open verifies a proposal: the chain and size of a note, chain 0 if it is none.
	Open(note []byte) (chain uint32, size uint64)
	// CheckLine verifies a cosignature.
	CheckLine(note []byte, member string, line []byte) bool
	// Backup takes a copy of everything but the guard; PutBack puts it back, with
	// the guard "kept" as it is by then, "lost", or replaced by a "second" one.
	Backup()
	PutBack(guard string)
	// At moves the disk's clock.
	At(ms int64)
}

// A piece is an answer to GET_RANGE.
type piece struct {
	items []item
	proof any // what the disk makes of it
}

type item struct{ entry, sidecar []byte }
