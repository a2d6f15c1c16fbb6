package protocol

import (
	"time"

	"suyuan/node/wire"
)

// Times. Those that an operator or a test may want to change stand in
// [Intervals]; these are part of how nodes treat each other.
const (
	// helloTimeout is how long a connected peer may take to be admitted.
	helloTimeout = 10 * time.Second

	// MaxRetry bounds the wait between two attempts at the same thing.
	MaxRetry = 5 * time.Minute

	// joinDelay gathers the cosignatures that come after the quorum, so that
	// they cost one more publication and not one each.
	joinDelay = 200 * time.Millisecond

	// maxRetryProposal bounds the wait before a witness that refuses is asked
	// again: it may be waiting for something that comes any moment.
	maxRetryProposal = 30 * time.Second

	// BlockTime is how long a node that sent invalid data for a chain is not
	// asked for that chain; it doubles with each further offence up to maxBlock.
	// One offence is forgiven every forgiveTime, so that a fault that was repaired
	// does not stick.
	BlockTime   = 10 * time.Minute
	maxBlock    = 24 * time.Hour
	forgiveTime = time.Hour

	// maxFailWait bounds the wait that doubles from failWait with each request to one
	// holder about one chain that failed after the other.
	maxFailWait = time.Minute

	// failWait is how long a holder is passed over after a request that failed
	// for other reasons.
	failWait = time.Second

	// BusyWait is what a peer that is over its share is told to wait, and the
	// least that we wait when told so.
	BusyWait = 200 * time.Millisecond
)

// Sizes and counts.
const (
	// maxFetches bounds the requests that run at one time, maxFetchesPerMember
	// those to the nodes of one member: enough to hide round trips, few enough
	// that memory stays below maxFetches batches of the store.
	maxFetches          = 8
	maxFetchesPerMember = 2

	// maxAttachments bounds the files that are fetched at one time, each of another
	// chain: they are long, and go to the disk piece by piece.
	maxAttachments = 8

	// maxOffers bounds the proposals that stay open while no quorum is reached.
	maxOffers = 16

	// gossipPeers is how many random peers hear of other nodes' chains in each
	// round of gossip.
	gossipPeers = 8

	// haveBudget is the payload at which a HAVE is split; a single chain with two
	// full notes still fits a frame.
	haveBudget = wire.MaxCtl / 2

	// streamEvery and streamBurst bound the streams that a peer may open. Each
	// session begins with all that there is to tell, and two lines in the log. A
	// peer on a bad line comes back some three times a minute.
	streamEvery = 5 * time.Second
	streamBurst = 20

	// statementEvery and statementBurst bound what is passed on of where a node
	// says that it listens: each goes to everybody, who dials it. Nodes find out
	// their addresses in a few steps when they start.
	statementEvery = 30 * time.Second
	statementBurst = 8

	// checkEvery bounds the signatures of such statements that one session has us
	// verify, beside those of all nodes once, and judgeEvery its evidence that
	// tells nothing new.
	checkEvery = time.Second
	judgeEvery = time.Second

	// refusedPause is how soon an author is listened to again whose frontiers
	// contradict what is stored: to find that out costs reading, and the log a
	// line. Authors wait longer by themselves.
	refusedPause = time.Second

	// warnEvery is the least time between two lines in the log about what a member's
	// node can do as often as it likes, and keepEvery between two checkpoints of a
	// chain that are verified although one before contradicts what is stored.
	warnEvery = time.Minute
	keepEvery = time.Second

	// maxStrange bounds the chains about which a peer may speak that no charter
	// held here has: some more than a charter adds.
	maxStrange = 64

	// maxAlerts bounds the evidence of one peer that waits to be checked: what is
	// over it is told again in the peer's next session.
	maxAlerts = 16

	// slowAnswer is from when on a request that broke may have asked for too much;
	// those that break sooner break with the session. A holder waits 10 s before
	// it cuts the first bytes of an answer.
	slowAnswer = 5 * time.Second

	// widenAfter is how many answers have to pass before one of twice the size is
	// asked for: each that does not pass costs its time.
	widenAfter = 8

	// maxOffences bounds how much of one node's misbehaviour is counted; beyond it
	// the wait has reached maxBlock.
	maxOffences = 16

	// maxOffenceBytes bounds what is remembered of them: some 20 bytes for each
	// node and chain, of which a charter has no more than ledger.MaxNodes.
	maxOffenceBytes = 4 << 20
)

// Intervals are the times that may be changed; zero values mean the defaults.
type Intervals struct {
	Round   time.Duration // least time between two checkpoints of the own chain; 10 ms
	Timeout time.Duration // a round without a quorum is followed by the next after this; 1 s
	Have    time.Duration // least time between two announcements of the own chain; 100 ms
	Gossip  time.Duration // other nodes' chains to some peers; 5 s
	Full    time.Duration // everything to every peer, ± 20 %; 60 s
	Ping    time.Duration // 10 s
	Dead    time.Duration // a peer that sent nothing for so long is given up; 25 s
	Wait    time.Duration // how long a witness waits for what a proposal covers; 5 s
	Fill    time.Duration // everybody is asked once more for disclosures that nobody had; 30 s
	Retry   time.Duration // first wait before dialling again; 1 s, doubling to MaxRetry, full jitter
	Yield   time.Duration // the side that dials second lets the other dial for so long; 8 s
	Scans   time.Duration // what peers counted of scans is taken over, ± 20 %; 60 s; the shell's
}

// WithDefaults fills in what is not set.
func (i Intervals) WithDefaults() Intervals {
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
	set(&i.Ping, 10*time.Second)
	set(&i.Dead, 25*time.Second)
	set(&i.Wait, 5*time.Second)
	set(&i.Fill, 30*time.Second)
	set(&i.Retry, time.Second)
	set(&i.Yield, 8*time.Second)
	set(&i.Scans, time.Minute)
	return i
}
