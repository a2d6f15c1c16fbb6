package replica

import (
	"time"

	"suyuan/node/wire"
)

// Times. Those that an operator or a test may want to change stand in
// [Intervals]; these are part of how nodes treat each other.
const (
	// helloTimeout is how long a connected peer may take to be admitted.
	helloTimeout = 10 * time.Second

	// openTimeout bounds opening a stream, requestTimeout what follows until the
	// first frame of an answer, frameTimeout the time between two frames of a
	// long one: the largest frame in it is some 80 KiB/s.
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

	// joinDelay gathers the cosignatures that come after the quorum, so that
	// they cost one more publication and not one each.
	joinDelay = 200 * time.Millisecond

	// blockTime is how long a holder that sent invalid data for a chain is not
	// asked for that chain.
	blockTime = 10 * time.Minute

	// scansTimeout bounds one request for scans, with what it takes to write them.
	scansTimeout = time.Minute

	// failWait is how long a holder is passed over after a request that failed
	// for other reasons.
	failWait = time.Second
)

// Sizes and counts.
const (
	// maxBatchBytes ends an answer to GET_RANGE after the item that reaches it.
	// It is the store's limit of a batch.
	maxBatchBytes = 4 << 20

	// maxFetches bounds the requests that run at one time, maxFetchesPerPeer
	// those to one peer: enough to hide round trips, few enough that memory
	// stays below maxFetches × (maxBatchBytes + one item).
	maxFetches        = 8
	maxFetchesPerPeer = 2

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

	// requestsPerSecond and requestBurst bound what a peer may ask of us. A witness
	// makes one request per round of the author, and under load a round may
	// follow the other every 10 ms.
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

	// minBytesPerSecond is the slowest that an answer may be taken.
	minBytesPerSecond = 50 << 10

	// maxScanFrames bounds the SCANS of one answer, and maxScanRequests the
	// requests of one round: a round takes over 3,000 new counts for each second
	// of a minute, and no more than some 200,000 from a node that makes them up.
	maxScanFrames   = 8
	maxScanRequests = 25

	// scanBytes is what a count is charged as traffic: some fifty bytes and what
	// reading its record costs.
	scanBytes = 256

	// busyWait is what a peer that is over its share is told to wait.
	busyWait = 200 * time.Millisecond

	// maxOffers bounds the proposals that stay open while no quorum is reached.
	maxOffers = 16

	// gossipPeers is how many random peers hear of other nodes' chains in each
	// round of gossip.
	gossipPeers = 8

	// haveBudget is the payload at which a HAVE is split; a single chain with two
	// full notes still fits a frame.
	haveBudget = wire.MaxCtl / 2

	// maxBlobAnswer bounds the part of an attachment that one request gets: a
	// peer's share of traffic is charged per request.
	maxBlobAnswer = bytesBurst
)

// Intervals are the times that may be changed; zero values mean the defaults.
type Intervals struct {
	Round   time.Duration // least time between two checkpoints of the own chain; 10 ms
	Timeout time.Duration // a round without a quorum is followed by the next after this; 1 s
	Have    time.Duration // least time between two announcements of the own chain to a peer; 100 ms
	Gossip  time.Duration // other nodes' chains to some peers; 5 s
	Full    time.Duration // everything to every peer, ± 20 %; 60 s
	Scans   time.Duration // what peers counted of scans is taken over, ± 20 %; 60 s
	Ping    time.Duration // 10 s
	Dead    time.Duration // a peer that sent nothing for so long is given up; 25 s
	Wait    time.Duration // how long a witness waits for what a proposal covers; 5 s
	Retry   time.Duration // first wait before dialling again; 1 s, doubling to 5 min, full jitter
	Yield   time.Duration // the side with the higher peer id lets the other dial first for so long; 8 s
}

const maxRetry = 5 * time.Minute

func (i Intervals) withDefaults() Intervals {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&i.Round, 10*time.Millisecond)
	set(&i.Timeout, time.Second)
	set(&i.Have, 100*time.Millisecond)
	set(&i.Gossip, 5*time.Second)
	set(&i.Full, time.Minute)
	set(&i.Scans, time.Minute)
	set(&i.Ping, 10*time.Second)
	set(&i.Dead, 25*time.Second)
	set(&i.Wait, 5*time.Second)
	set(&i.Retry, time.Second)
	set(&i.Yield, 8*time.Second)
	return i
}
