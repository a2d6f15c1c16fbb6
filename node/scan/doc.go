// Package scan keeps the scans of a node: it tells devices apart, says where
// they are, and writes down what counts, without making an answer wait. Which
// scans count and what they mean is in package trace/scan. Start with [Open]
// and [Recorder.Take].
//
// # Durability
//
// Take puts a scan into a queue and returns. One goroutine writes: it gathers
// what comes within [linger], and all of it is one fsynced transaction. A scan is
// on disk well within a second; a crash loses those that are not, and nothing
// else. When the queue is full, scans are dropped and counted: see [Stats].
//
// # What is kept of people
//
// Of an address, a cookie and a browser's name a keyed hash of 8 bytes, whose key
// ([Secret]) is the node's alone and lies elsewhere, so that nobody can try all
// addresses against a copy of the directory. It is forgotten after
// [Config.Retention], in a round that takes hours at most; older versions of a
// record leave the disk as Badger compacts it. Counts stay. The place is looked up before the queue, and
// the address goes no further.
//
// # Tokens
//
// The picture on a page has a token as its name, so that nobody counts up a code
// without loading its page. Base64 URL without padding of 34 bytes:
//
//	item     16  key of the item
//	cycle     2  big-endian
//	expiry    4  seconds since 1970, big-endian
//	mac      12  HMAC-SHA256 of the 22 bytes before it
//
// The key of the MAC is made of the node's secret for the UTC day of expiry, so
// that it changes daily: HMAC-SHA256(secret, "suyuan/scan/token/v1" ‖ 4 as u32be
// ‖ days since 1970 as u32be). A token holds for [TokenLifetime], so that pages
// that a phone has kept still count.
//
// # Keys
//
// Integers are big-endian.
//
//	00              version: format (4)
//	01 item cycle   item (16), cycle (2): seq (8) of its last change, then the
//	                record of trace/scan
//	02 seq          the key of the record that changed there
//	03 item cycle   what other nodes counted: day (4) since 1970 when it changed
//	                last, then the tally of trace/scan
//	04 node         how far a node's counts have been taken over: its journal
//	                (8), seq (8), and of how many items it has a share here (8)
//	05              the name of this journal (8), random, not 0
//
// # Other nodes
//
// The journal (02) lists the records in the order of their last change, each
// once. Another node takes over what it has not had yet ([Recorder.Changes],
// [Recorder.Merge]) and notes how far it has come in the transaction of what it
// took. A directory that is lost gets a journal with another name, and is taken
// over from the beginning; what its predecessor counted stays with the others.
// They keep it for as long as they please ([Config.MergedRetention]); what they
// drop comes back when it changes.
//
// # History
//
//   - 2026-11-21: version 1.
package scan
