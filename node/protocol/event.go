package protocol

import (
	"suyuan/ledger"
	"suyuan/node/wire"
)

// An Event is something that happened; the types of this file are all there are.
// What an event points to must not be changed any more.
type Event interface{ event() }

// A Stream names one ctl stream. The shell numbers them; none twice.
type Stream uint64

// A Task names an action under way. The core numbers them; none twice.
type Task uint64

// Tick says that time has passed.
type Tick struct{}

// Network is what the charters held say. It comes first of all, and again when
// another version has been adopted.
type Network struct {
	Hashes    []ledger.Hash // of the charter versions held, version 1 first
	Nodes     []Node        // all others of the newest, ascending
	Chains    []uint32      // all that any version has, ascending
	Cosigners []Voter       // of the newest
	Witness   bool          // this node holds a witness key that a version names
	Ended     bool          // the own chain takes no entries any more
}

// Version is the newest charter version held.
func (n *Network) Version() uint64 { return uint64(len(n.Hashes)) }

// A Node is another node of the newest charter.
type Node struct {
	Number uint32
	Member string
	ID     string // what its transport key makes; a new one is another node
	First  bool   // this node dials it at once, and not only when it does not
	Lower  bool   // this node has the lower peer id of the two
}

// A Voter is a cosigning member and the node that holds its witness.
type Voter struct {
	Member string
	Node   uint32
}

// Stored is what the disk holds: of the named chains, and of the node's rights.
type Stored struct {
	Chains  []Chain
	Signing bool // the node may append to its chain and sign for it
	Waits   bool // the witness cosigns nothing before what it has cosigned is known again
}

// A Chain is what is stored of one.
type Chain struct {
	Number     uint32
	Size       uint64
	Latest     []byte // newest checkpoint that the author signed; nil if there is none
	LatestSize uint64
	Final      []byte // newest with a quorum; nil if there is none
	FinalSize  uint64
	Evidence   *wire.Alert // against the author; nil if there is none
	Ended      bool        // a charter has ended it
	Due        uint64      // entries of which the root is known without a checkpoint: to the end, or of what was signed here and is not stored; 0: none
	Lacks      []uint64    // the first records that lack disclosures which all members may see
}

// Reached says that there is a reason to dial a node now: a new address.
type Reached struct{ Peer uint32 }

// Opened says that there is a ctl stream with a node.
type Opened struct {
	Stream Stream
	Peer   uint32
	Ours   bool // we opened it; ends the Dial
}

// NotOpened ends a Dial that led to nothing.
type NotOpened struct {
	Peer uint32
	Err  error
}

// Received is one message of a stream.
type Received struct {
	Stream  Stream
	Message wire.Message
}

// Sent ends a Send: the stream takes more.
type Sent struct{ Stream Stream }

// Closed is the last event of a stream.
type Closed struct {
	Stream Stream
	Err    error
}

// Proposal is a request of an author for a cosignature. The shell has verified
// that the note is a checkpoint signed by the author of Chain, or says that it is
// not by leaving Chain 0.
type Proposal struct {
	Request uint64 // named again by Answer
	Peer    uint32
	Chain   uint32
	Size    uint64
	Note    []byte
}

// Address is what this node says of where it listens, signed.
type Address struct{ Statement *wire.Addr }

// Want asks for an attachment until it is held. Attempt asks once, now; it is
// then ended by an Attached action.
type Want struct {
	Digest  ledger.Hash
	Chain   uint32 // where the record stands that names it
	Attempt uint64 // 0: until it is held
}

// A Result says how a task ended.
type Result uint8

// The results.
const (
	Done     Result = iota // it is done
	Invalid                // the peer, and nobody else, is to blame
	Busy                   // the peer asks to be asked later
	NotHeld                // the peer does not have it
	Broken                 // the line broke, or the answer did not come in time
	Behind                 // more has to be stored first
	Conflict               // it contradicts what is stored, and that cannot be proven yet
	Forked                 // it contradicts what is stored: there is evidence
	Early                  // it rests on a charter that is not held yet
	Old                    // its chain has to take over the newest charter first
	Over                   // its chain has ended before
	Trouble                // the disk failed, or something that nobody expects
)

func (r Result) String() string {
	return [...]string{"done", "invalid", "busy", "not held", "broken", "behind", "conflict", "forked", "early", "old charter", "ended", "trouble"}[r]
}

// Ended ends a Fetch, Disclose, Keep, FetchCharter, FetchBlob, Judge or Release.
type Ended struct {
	Task   Task
	Result Result
	Err    error  // nil if Done
	Size   uint64 // Fetch: entries of the chain that are stored now; Disclose: where the answer ended
	Wait   uint32 // Busy: ms that the peer asked for
	Chain  uint32 // Judge: whom the evidence is against, 0 if that was known
}

// AddressChecked ends a CheckAddress.
type AddressChecked struct {
	Task Task
	OK   bool
}

// Signed ends a Sign.
type Signed struct {
	Task    Task
	Err     error
	Size    uint64
	Note    []byte
	Members []string // who has cosigned it before a restart, the author's own member if that counts
	Final   bool
	Quorums []Quorum // what it needs; the same value until that changes
}

// A Quorum is how many of whom have to cosign.
type Quorum struct {
	Need   int
	Voters []Voter
}

// Answered ends a Propose. The shell has verified the line.
type Answered struct {
	Task    Task
	Line    []byte        // nil unless cosigned
	Refused *wire.Refused // nil unless refused
	Err     error         // neither
}

// Published ends a Publish.
type Published struct {
	Task  Task
	Err   error
	Note  []byte // with the lines
	Final bool   // the ledger counts a quorum
}

// Cosigned ends a Cosign.
type Cosigned struct {
	Task   Task
	Result Result
	Err    error
	Line   []byte // if Done
	Note   []byte // Conflict, Forked: what proves it, if there is something
	Size   uint64 // Behind: entries stored
}

func (Tick) event()           {}
func (*Network) event()       {}
func (*Stored) event()        {}
func (Reached) event()        {}
func (Opened) event()         {}
func (NotOpened) event()      {}
func (Received) event()       {}
func (Sent) event()           {}
func (Closed) event()         {}
func (Proposal) event()       {}
func (Address) event()        {}
func (Want) event()           {}
func (Ended) event()          {}
func (AddressChecked) event() {}
func (Signed) event()         {}
func (Answered) event()       {}
func (Published) event()      {}
func (Cosigned) event()       {}
