package protocol

import "errors"

// Errors that callers decide on. [PeerView.LastError] wraps one of them where the
// core ended a session, or learned why the peer did.
var (
	// ErrRefused: a peer does not fit this network or is not admitted.
	ErrRefused = errors.New("peer refused")
	// ErrTurnedAway: the peer says in its BYE why it does not admit us.
	ErrTurnedAway = errors.New("refused by peer")
	// ErrLeft: the peer ended the session and says why.
	ErrLeft = errors.New("closed by peer")
	// ErrSilent: nothing was heard of the peer for too long.
	ErrSilent = errors.New("nothing heard for too long")
	// ErrReplaced: another stream of the same peer took the session's place.
	ErrReplaced = errors.New("replaced by another stream")
	// ErrNoHolder: no connected peer has what is asked for.
	ErrNoHolder = errors.New("no connected peer has it")
	// ErrProtocol: the peer said what does not belong where it said it.
	ErrProtocol = errors.New("out of order")
)
