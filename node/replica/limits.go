package replica

import (
	"time"

	"suyuan/node/protocol"
)

// Times. Those that an operator or a test may want to change stand in
// [Intervals]; those that belong to how nodes treat each other, in package
// protocol.
const (
	// openTimeout bounds opening a stream, requestTimeout what follows until the
	// first bytes of an answer, frameTimeout the time in which nothing more of it
	// comes, or in which one message on ctl is sent.
	openTimeout    = 5 * time.Second
	requestTimeout = 10 * time.Second
	frameTimeout   = 15 * time.Second

	// dialTimeout bounds one attempt to connect.
	dialTimeout = 8 * time.Second

	// admitTimeout is how long a request may wait for its peer's admission, whose
	// HELLO may still be on its way.
	admitTimeout = time.Second

	// closeTimeout bounds how long a finished stream may wait for the other
	// side's end.
	closeTimeout = 2 * time.Second

	// reservationTTL is how long a relay may be used without asking again, and
	// reserveRetry how soon a private node looks for relays that it lacks.
	reservationTTL = time.Hour
	reserveRetry   = 30 * time.Second

	// nearbyEvery is the time between two questions who is on the same network.
	nearbyEvery = time.Minute

	// blockTime is how long a node that sent impossible scans is not asked for them.
	blockTime = protocol.BlockTime

	// scansTimeout bounds one request for scans, with what it takes to write them.
	scansTimeout = time.Minute

	// scansRetry is how soon a round is tried again that a broken line has ended.
	scansRetry = 5 * time.Second
)

// Sizes and counts.
const (
	// maxBatchBytes ends an answer to GET_RANGE after the item that reaches it.
	// It is the store's limit of a batch.
	maxBatchBytes = 4 << 20

	// maxEvents bounds the events that wait for the core. It is a few of each peer
	// of a large network; beyond it readers wait.
	maxEvents = 256

	// maxAside bounds our requests beside those that the core plans.
	maxAside = 2

	// memberServing bounds the requests of one member that are served from the disk
	// at one time. It is below maxServing on any machine: who reads answers slowly,
	// or not at all, must leave room for others.
	memberServing = 2

	// mostServing bounds what maxServing makes of the number of members: each
	// request holds up to a batch in memory.
	mostServing = 64

	// peerStreams bounds the streams of one protocol that a peer may have open:
	// twice its requests under way, or a session and those it replaces.
	peerStreams = 4

	// maxRelays is at how many peers a private node can be dialled: some may go
	// away, and all are tried by each dialler.
	maxRelays = 4

	// relayBuffer is what a relay reads at one time, for each direction of a
	// circuit.
	relayBuffer = 32 << 10

	// maxMDNS bounds a datagram of multicast DNS, RFC 6762 section 17.
	maxMDNS = 9000

	// requestsPerSecond and requestBurst bound what a member may ask of us, and what
	// it may propose: up to 65 signatures are verified before a proposal is
	// considered. A witness makes one request per round of the author, and under
	// load a round may follow the other every 10 ms.
	requestsPerSecond = 150
	requestBurst      = 300

	// claimsPerSecond and claimsBurst bound the second codes that a node may have
	// checked here: a nation's consumers behind one page, and few enough that
	// a member gone bad does not keep the disk busy with wrong ones.
	claimsPerSecond = 50
	claimsBurst     = 200

	// maxAsksPerPeer bounds the claims that are asked of a node at one time; others
	// wait. It is half of peerStreams, since a stream that is closed here may
	// still be open there.
	maxAsksPerPeer = peerStreams / 2

	// bytesPerSecond and bytesBurst bound what it may have from us.
	bytesPerSecond = 16 << 20
	bytesBurst     = 4 * maxBatchBytes

	// minBytesPerSecond is the slowest that an answer may be taken, or come. One of a
	// single entry or a charter cannot be asked for in pieces and may be as slow as
	// minWholeBytesPerSecond: the largest takes five minutes then.
	minBytesPerSecond      = 50 << 10
	minWholeBytesPerSecond = 4 << 10

	// maxScanFrames bounds the SCANS of one answer, and maxScanRequests the
	// requests of one round: a round takes over 3,000 new counts for each second
	// of a minute, and no more than some 200,000 from a node that makes them up.
	maxScanFrames   = 8
	maxScanRequests = 25

	// scanBytes is what a count is charged as traffic: some fifty bytes and what
	// reading its record costs.
	scanBytes = 256

	// busyWait is what a peer that is over its share is told to wait.
	busyWait = protocol.BusyWait

	// maxBlobAnswer bounds the part of an attachment that one request gets: a
	// peer's share of traffic is charged per request.
	maxBlobAnswer = bytesBurst
)

// Intervals are the times that may be changed; zero values mean the defaults.
type Intervals = protocol.Intervals
