// Package reward tells a receiver of the company's own, over HTTP, that somebody
// who used a hidden code is due a reward: once the event that the product names
// has become final. Start with [Open], [Outbox.Add] and [Outbox.Run].
//
// # What is promised
//
// A reward is added in one fsynced transaction with the position up to which the
// chain was read, so that none is forgotten and none added twice. When it is due
// its message is fixed, and sent until the receiver answers with a status of
// 200 to 299, or 410 (Gone: it wants no more), or for [GiveUp]. HTTP cannot do better than at least once: an answer
// that is lost, or a crash after it, has the message sent again. Its webhook-id is
// the id of the claim record and its body is the same byte by byte, by which the
// receiver knows it again and pays once.
//
// Once it is delivered the message is forgotten, and with it who claimed: that
// stands in the claim record, where it can be erased.
//
// # Message
//
// A POST as Standard Webhooks 1.0 has it (https://www.standardwebhooks.com), with
// the headers webhook-id, webhook-timestamp (of this attempt, in seconds) and
// webhook-signature (v1, HMAC-SHA256 with the shared secret, once for each secret
// with a space between while a new one replaces an old one), and as body
//
//	{"type": "reward.due", "timestamp": when it became due,
//	 "data": {"claim": id of the claim record, hex,
//	          "uri", "gtin", "serial": of the item,
//	          "claimant": the mark given with the claim, if any,
//	          "claimed_at": when the hidden code was used,
//	          "trigger": activated, shipped or sold,
//	          "record": id of the record that was waited for, hex,
//	          "triggered_at": when that happened,
//	          "verdict": of the item's trail when it became due}}
//
// No redirect is followed: a signed message goes where the company said, or
// nowhere. Only https is spoken, and the connection refused to this machine and to
// link-local addresses, where clouds keep their secrets, unless loopback is
// allowed, for a receiver beside the node.
//
// # Waiting
//
// Whether a reward is due is asked after [firstLook], and then whenever a tenth of
// its age has passed, at most every [lastLook]: most claims are of things sold
// before, and those that wait for months cost next to nothing.
//
// # Keys
//
// The directory is one of Badger, with every write fsynced.
//
//	00              format, u32be
//	01 claim        JSON of a [Reward], by the id of the claim record (32)
//	02 time claim   nothing: when the reward is to be looked at next, ms since 1970
//	                UTC, u64be; there is one for each reward that is not done
//	03 chain        entries of the chain (u32be) that have been read, u64be: a node
//	                that goes on under a new number begins another chain
package reward
