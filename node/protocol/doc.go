// Package protocol decides everything that a node does towards other nodes, and
// does none of it: it has no socket, no disk, no clock, no goroutine and no key.
// Begin with [New] and [Core.Step].
//
// A [Core] is a state machine. Its owner, the shell, tells it what happened, one
// [Event] at a time, and what time it is; it answers with [Action] values, which
// the shell carries out and whose outcome it reports as further events:
//
//	          events                        actions
//	network ───────────▶ ┌──────┐ ────────────────────▶ network
//	disk    ───────────▶ │ Core │ ────────────────────▶ disk, keys
//	clock   ───────────▶ └──────┘ ◀─── what became of them ───┘
//
// The same events at the same times, with the same seed, give the same actions.
// So a network of cores can be run in a simulator, through losses, crashes and
// lies, and a run that goes wrong can be run again.
//
// # Rules for a shell
//
//   - It gives [Network] before anything else, and [Stored] with everything that
//     is stored; later only what changed, as often as it likes.
//   - It calls Step when [Core.Wake] is due, with [Tick] if nothing else happens.
//   - An action that names a [Task] is ended by exactly one event that names it.
//     Actions without one are orders: their outcome shows by itself.
//   - A stream, whoever opened it, begins with [Opened] and ends with one
//     [Closed], also after [HangUp]. Messages of one stream come in order.
//   - There is at most one [Send] under way on a stream; [Sent] says that it is
//     done. What comes to be said meanwhile waits in the core, newest value only,
//     so that a peer that reads slowly costs memory in the number of chains and
//     never in time.
//   - Notes are bytes to the core. It reads the size that they claim, and of
//     evidence the chain, and nothing else; whoever stores, cosigns or relies on
//     one verifies it first and says [Invalid] if it is not what it seems. So a
//     lie costs the liar its standing and us one request, and nothing is verified
//     that nobody uses.
//   - The shell carries out whatever it is asked for at once. What a peer can have
//     it asked for as often as it likes has its pace in the core: see limits.go.
//
// # Parts
//
// Each file is one part with its own state:
//
//	link      whom to dial and when, admission, which of two streams stays, pings
//	tell      what each peer has been told and what it lacks
//	fetch     which entries and disclosures to ask whom for
//	charter   the same for charters, and for a second one of a version
//	attach    the same for files that records name
//	blame     who is passed over for how long; it outlives sessions and restarts
//	rounds    proposing the own chain's checkpoints and gathering cosignatures
//	witness   when to answer whose proposal
//	alarm     evidence: two checkpoints that cannot both be true
package protocol
