package reward

import "time"

const (
	// GiveUp is how long after it became due a reward is tried: a receiver that
	// was broken over long holidays still gets what waits. After that somebody
	// has to look, and can have it sent again.
	GiveUp = 14 * 24 * time.Hour

	// attemptTimeout bounds one attempt, as Standard Webhooks advises (15 to 30 s).
	attemptTimeout = 20 * time.Second

	// maxAnswerBytes is what is read of a receiver's answer, of which only the
	// status counts.
	maxAnswerBytes = 4 << 10

	// MaxErrorBytes bounds what is kept of how an attempt ended.
	MaxErrorBytes = 200

	// parallel is how many rewards are worked on at one time: a receiver that
	// hangs holds up that many and no more, and is not overrun when it comes back.
	parallel = 4

	// firstLook is when a reward is first looked at after its claim, lastLook the
	// longest time between two looks.
	firstLook = time.Second
	lastLook  = 6 * time.Hour

	// askAgain is when a reward is looked at again after the node could not say.
	askAgain = time.Minute

	// MinSecret and MaxSecret bound the shared secret, as Standard Webhooks does.
	MinSecret = 24
	MaxSecret = 64

	// MaxSecrets bounds the secrets with which one message is signed: the new one, the
	// old one, and room for somebody who is slow.
	MaxSecrets = 4

	// MaxList bounds the rewards of one list.
	MaxList = 1_000
)

// waits are those after each failed attempt; the last is repeated. A receiver
// that is restarted misses seconds, one that is repaired hours.
var waits = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour,
}
