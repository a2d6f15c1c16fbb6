package protocol

import (
	"log/slog"

	"suyuan/ledger"
	"suyuan/node/wire"
)

// An Action is something to do; the types of this file are all there are.
type Action interface{ action() }

// Dial connects to a node and opens ctl; Opened or NotOpened ends it.
type Dial struct{ Peer uint32 }

// Send writes messages to a stream, in order; Sent ends it.
type Send struct {
	Stream   Stream
	Messages []wire.Message
}

// HangUp ends a stream. With a reason, what is being sent is finished, the
// reason said in a BYE, and the peer given a moment to read it; without one the
// stream is cut.
type HangUp struct {
	Stream Stream
	Bye    string
}

// Cut ends all connections with a node that the charter does not have any more,
// by its id.
type Cut struct{ ID string }

// Admit says that a stream is now the session with its peer; requests of the
// peer are served from here on.
type Admit struct {
	Stream Stream
	Peer   uint32
}

// Dismiss says that it is not any more.
type Dismiss struct {
	Stream Stream
	Peer   uint32
}

// Fetch gets the entries of a chain from From to To from a peer, proves that they
// belong to the checkpoint Note, and stores them. Without a note they are proven by
// the root of Chain.Due.
type Fetch struct {
	Task     Task
	Peer     uint32
	Chain    uint32
	From, To uint64
	Note     []byte
}

// Disclose gets the disclosures of entries that are stored, and adds what is new.
type Disclose struct {
	Task     Task
	Peer     uint32
	Chain    uint32
	From, To uint64
	Size     uint64 // up to which the peer holds the chain
}

// Keep verifies a checkpoint that a peer has named and stores it. One of the own
// chain that covers more than is stored stops signing before Keep ends, Behind.
type Keep struct {
	Task  Task
	Peer  uint32 // who said it
	Chain uint32
	Note  []byte
}

// FetchCharter gets a charter version from a peer and adopts it.
type FetchCharter struct {
	Task    Task
	Peer    uint32
	Version uint64
}

// FetchBlob gets an attachment: from the first of the peers, the next where one
// breaks off.
type FetchBlob struct {
	Task   Task
	Digest ledger.Hash
	Peers  []uint32
}

// Attached ends an attempt that a Want asked for.
type Attached struct {
	Attempt uint64
	Err     error
}

// Judge verifies evidence and stores it.
type Judge struct {
	Task  Task
	Peer  uint32
	Alert *wire.Alert
}

// CheckAddress verifies where a node says that it listens and takes it over.
type CheckAddress struct {
	Task      Task
	Statement *wire.Addr
}

// Sign makes the checkpoint of the own chain, as far as it may be signed now.
type Sign struct{ Task Task }

// Propose asks a node for its member's cosignature.
type Propose struct {
	Task   Task
	Peer   uint32
	Member string
	Size   uint64
	Note   []byte
}

// Publish stores a checkpoint of the own chain with the cosignatures gathered.
type Publish struct {
	Task  Task
	Size  uint64
	Note  []byte
	Lines [][]byte
}

// Cosign stores a checkpoint and cosigns it, if what it covers is stored.
type Cosign struct {
	Task Task
	Peer uint32
	Size uint64
	Note []byte
}

// Answer answers a Proposal.
type Answer struct {
	Request uint64
	Message wire.Message // COSIGNED or REFUSED
}

// Release lets the witness cosign again: everything that any other cosigner
// holds is stored.
type Release struct{ Task Task }

// Remember asks for offences to be given to New after a restart. They replace
// what was to be remembered before.
type Remember struct{ Offences []Offence }

// Log is for the operator.
type Log struct {
	Level slog.Level
	Text  string
	Attrs []any
}

func (Dial) action()         {}
func (Send) action()         {}
func (HangUp) action()       {}
func (Cut) action()          {}
func (Admit) action()        {}
func (Dismiss) action()      {}
func (Fetch) action()        {}
func (Disclose) action()     {}
func (Keep) action()         {}
func (FetchCharter) action() {}
func (FetchBlob) action()    {}
func (Attached) action()     {}
func (Judge) action()        {}
func (CheckAddress) action() {}
func (Sign) action()         {}
func (Propose) action()      {}
func (Publish) action()      {}
func (Cosign) action()       {}
func (Answer) action()       {}
func (Release) action()      {}
func (Remember) action()     {}
func (Log) action()          {}
