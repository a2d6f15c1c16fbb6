// Package wire is the language that nodes speak with each other: framing,
// messages and their limits. It knows nothing of libp2p, sockets or disks. Start
// with [Writer] and [Reader].
//
// # Protocols
//
// There are four, each a libp2p protocol of its own. <tag> is the first 8 hex
// digits of the network id, so that nodes of different networks find no common
// protocol; the 1 is the version of everything on this page.
//
//	/suyuan/<tag>/ctl/1      one long-lived stream per pair of nodes
//	/suyuan/<tag>/fetch/1    one stream per request
//	/suyuan/<tag>/cosign/1   one stream per proposal
//	/suyuan/<tag>/ask/1      one stream per claim
//
// # Frames
//
// A stream carries frames in both directions:
//
//	length  uvarint, shortest form, 1 to the protocol's limit: bytes that follow
//	type    1 byte, a [Type]
//	body    length−1 bytes
//
// The length is checked before anything is allocated. The limits are [MaxCtl],
// [MaxFetch], [MaxCosign] and [MaxAsk]. A frame of a type that does not belong to its
// protocol ends the stream.
//
// A body is one deterministic CBOR map with the integer keys given below,
// strict in both directions (see ledger.Unmarshal): keys of empty optional values
// are absent, unknown keys are refused. Only the body of CHUNK is no CBOR but
// the bytes themselves.
//
// # ctl
//
//	1 HELLO    {1: protocol version, 2: network id, 3: chain number of the sender,
//	           4: newest charter version held, 5: its hash, 6: instance}
//	           First frame of either side, within 10 s. Until both have passed,
//	           the peers are connected and not admitted. The instance is a random
//	           number of the running process: a new one means that the old
//	           process, and its streams, are gone.
//	2 HAVE     {1: [{1: chain, 2: size, 3: signed, 4: final}]}
//	           What the sender has stored, for one or more chains. size is the
//	           number of stored entries, a claim; signed is the newest checkpoint
//	           note of the chain's author that covers no more than that, final the
//	           newest with a quorum. Either may be absent; signed is absent if
//	           final is as new. Later values replace earlier ones.
//	3 ADDR     {1: chain number, 2: seq, 3: [multiaddress], 4: signature}
//	           Where a node listens now, signed with its transport key (see
//	           [Addr.Message]), so that others may pass it on. The higher seq wins.
//	4 CHARTER  {1: version, 2: hash}
//	           The sender now holds this version; get it with GET_CHARTER.
//	5 ALERT    {1: note, 2: note, 3: root, 4: [hash…]}
//	           Evidence, see ledger.Evidence: two checkpoints of one chain that
//	           cannot both be true; 3 and 4 only if they have different sizes.
//	6 PING     {1: token, 2: answer}
//	           Each side sends one every 10 s with answer absent; the other sends
//	           the token back with answer true, after everything that it had to
//	           tell when the PING came. Who hears nothing for 25 s is dead.
//	7 BYE      {1: reason}
//	           The sender closes the stream, and why, in words.
//
// # fetch
//
// The client sends one request; the server answers with frames and END.
//
//	16 GET_RANGE    {1: chain, 2: from, 3: to, 4: size, 5: disclosures only}
//	                Entries from ≤ seq < to, in order, and proof that they belong
//	                to the author's checkpoint of the given size ≥ to.
//	17 ITEM         {1: entry, 2: sidecar}
//	                The sidecar holds what the asking member may see. The server may
//	                stop early; what it sent is a prefix. With "disclosures only"
//	                (for entries that the client has stored) the entry is absent and
//	                a sidecar without disclosures may be.
//	18 GET_CHARTER  {1: version}
//	19 FULL_CHARTER {1: body, 2: [[member, address, signature]]}
//	20 GET_BLOB     {1: SHA-256, 2: offset}
//	21 BLOB         {1: size of the whole attachment}, then
//	22 CHUNK        raw bytes from offset on, at most 64 KiB a frame. END may come
//	                before the size is reached: ask again with a new offset.
//	26 GET_SCANS    {1: journal, 2: after}
//	                What the answering node itself counted of scans that changed
//	                after a position of its journal; both absent at first.
//	27 SCANS        {1: journal, 2: next, 3: [[item, cycle, count, first,
//	                country, zh, en]…]}
//	                The item is the 16-byte hash of its code, first the time of its
//	                first scan in ms, the rest names the city of that. Counts only
//	                grow and first scans only move back, within a journal: taking
//	                some over twice, or in another order, makes no difference. A
//	                journal other than asked for begins anew. END may come before
//	                the end is reached: ask again after next, until there is none.
//	31 END          {1: status, 2: wait in ms, 3: [proof hash]}
//	                Status 0 OK, 1 NOT_FOUND (also for what the asking member may
//	                not see), 2 BUSY: ask again after wait, 3 REFUSED: the request
//	                makes no sense. The proof is the RFC 6962 consistency proof from
//	                the end of the items sent to size; absent if the items reach it.
//
// # cosign
//
//	32 PROPOSE      {1: checkpoint note}
//	                From the chain's author to a witness.
//	33 COSIGNED     {1: cosignature line}
//	34 REFUSED      {1: reason, 2: checkpoint note, 3: size}
//	                Reason 1 BEHIND: the witness has not stored all that the
//	                checkpoint covers, only size entries; 2 CONFLICT: it holds
//	                another history, the note is its proof, if it has one; 3 FORKED:
//	                evidence is known, no more cosignatures on that chain; 4 NO_WITNESS:
//	                the node holds no witness key; 5 INVALID: the proposal does not
//	                verify; 6 BUSY; 7 CHARTER: the chain is on an older charter
//	                than the witness; 8 ENDED: the chain ends before that size.
//
// # ask
//
//	48 CLAIM        {1: GTIN, 2: serial, 3: second code, 4: token, 5: tag}
//	                To the node that issued the code. The GTIN is the number that
//	                its 14 digits write; the token is a digest, the same when
//	                somebody asks again whose answer was lost; the tag is a mark
//	                of the claimant's company, and may be absent.
//	49 CLAIMED      {1: outcome, 2: time, 3: wait in ms}
//	                Outcome 1 FIRST: the use is recorded; 2 YOURS: it was recorded
//	                for this token; 3 BEFORE: for another one; 4 WRONG; 5 WAIT: too
//	                many wrong ones; 6 NONE: the run has no second codes; 7 UNABLE:
//	                not now; 8 ALIEN: another node issued it. The time is that of
//	                the first use, ms since 1970 UTC, with 1, 2 and 3; the wait
//	                stands with 5 and 7.
//
// # History
//
//   - 2026-11-21: version 1.
package wire
