// Package ledger defines every byte of a Suyuan network that is hashed or
// signed, and decides what may follow what. It does no input or output, starts
// no goroutine and reads no clock: package store keeps what is defined here,
// package node/replica carries it, package trace gives it meaning.
//
// # Words
//
//	network      one consortium; its id is the hash of its first charter
//	member       a company with a part in the network
//	party        a member, or somebody it hosts, that can hold goods
//	node         a running peer of a member; it writes exactly one chain
//	operator     a person, device or system whose secp256k1 key signs records
//	charter      the versioned, threshold-signed document of members, nodes,
//	             keys and cosigners
//	chain        one node's append-only log; shown as <member>/<number>
//	entry        one element of a chain: record, frontier or charter entry
//	record       what an operator signed: one business event
//	subject      what an event is about; one salted leaf each
//	disclosure   a salted field of a record kept beside the log
//	sidecar      the disclosures and subjects of one record
//	checkpoint   a chain's size and root, signed with its log key
//	cosignature  another member's signature on a checkpoint, given after
//	             storing all of it
//	quorum       enough cosigning members: any two quorums share an honest one
//	final        covered by a checkpoint with a quorum
//	frontier     the final sizes of other chains that a chain had seen
//	crossing     a checkpoint whose last entry puts another charter in force
//	evidence     two checkpoints of one chain that cannot both be true
//
// # What to read first
//
// record.go, disclosure.go, subject.go and sidecar.go say what an operator
// signs; entry.go how it stands on a chain; chain.go, with rights.go, what may
// stand next; tree.go how a chain is a Merkle tree; charter.go and network.go
// who belongs; checkpoint.go what is final; evidence.go what proves a fork; proof.go what somebody outside can
// check; verify.go how everything is checked again from its bytes. limits.go
// has every bound and errors.go every way to be wrong. erase.go is how bytes are
// taken back, ending.go how a chain with two histories is ended.
//
// # Encoding
//
// All that is hashed or signed, but checkpoints, is CBOR in the core
// deterministic encoding of RFC 8949, section 4.2.1: shortest integers and
// lengths, definite lengths, map keys ascending by their bytes, no key twice.
// Used are unsigned and negative integers, byte strings, text strings in UTF-8,
// arrays, maps, true and false; never floats, null, undefined, other simple
// values or tags. Map keys are unsigned integers. Nesting is at most 8. An
// empty optional field is absent. A reader refuses unknown keys, and whatever
// it would not write in the same bytes again.
//
// Below, "map" and "array" are CBOR; optional keys are marked ?; h32 is a byte
// string of 32 bytes, address one of 20, salt one of 16. Times are milliseconds
// since 1970 UTC, above 0 and before the year 10000. A slug is 1 to 32 of a-z,
// 0-9 and inner hyphens; a network name is slugs joined by dots, 64 bytes at
// most. A list marked ascending is strictly so: integers by value, slugs, texts
// and hashes by bytes.
//
// # Keys and signatures
//
// Hashes are SHA-256, or Keccak-256 as in Ethereum where it says so. An address
// is the last 20 bytes of the Keccak-256 of a public key's 64 bytes.
//
// Operators and admins sign an EIP-191 personal message, that is the Keccak-256
// of 0x19, "Ethereum Signed Message:", LF, the message's length in decimal, and
// the message. The signature is 65 bytes r ‖ s ‖ v, v 27 or 28, s at most half
// the order of secp256k1. The messages are these lines, LF between them and
// none at the end; hex is lower case:
//
//	Suyuan record                         Suyuan charter
//	network: <network id, hex>            network: <network name>
//	kind: <kind name>                     version: <n, decimal>
//	record: 0x<record id>                 charter: 0x<Keccak-256 of the body>
//
// # Record
//
// A map of at most 60,000 bytes. The record id is its Keccak-256.
//
//	1   kind       integer, 1 to 65535
//	2   network    h32, the network id
//	3   chain      integer from 1, below 2^32: the chain on which it may stand
//	4   member     slug of the chain's member
//	5   signer     address
//	6   at         when it happened, ms
//	7   zone       minutes east of UTC where it happened, -720 to 840
//	8   nonce      salt
//	9 ? party      slug of the hosted party that acts; absent: the member itself
//	10? place      slug of the member's place
//	11? fields     map of the kind's public fields by number, not empty
//	12? subjects   h32, RFC 6962 root over the bytes of the subject leaves
//	13? sdm        ascending array of h32, at most 512: digests of disclosures
//	               with the audiences public, item and members
//	14? sdx        the same for the audiences parties and own
//	15? name       slug that names a kind which the table below has not
//
// Kinds 1 to 15 are this package's, those from 16 are the application's. The
// table is closed: a kind added later carries its name in every record, so that
// readers who do not know the kind can check its signature. A record of a kind
// in the table has no name, any other has one, and not one of the table.
//
//	1  grant      16 product   20 run        25 transform   30 return    35 withdraw
//	2  revoke     17 place     21 activate   26 ship        31 inspect   36 correct
//	3  erase      18 party     22 void       27 receive     32 hold      37 claim
//	              19 appoint   23 pack       28 cancel      33 release   38 link
//	                           24 unpack     29 sell        34 recall
//
// The fields of the kinds of this package:
//
//	grant    1 address, 2 ascending array of 1 to 64 kinds (not grant, not revoke)
//	revoke   1 address
//	erase    1? ascending array of h32: digests of disclosures, 3 h32: record id,
//	         5? ascending array of h32: digests of attachments; 1 or 5 is there
//
// A grant may have three disclosures, each at most once: path 3, a slug, the
// only party for which the operator may act, and path 4, an array of 1 to 256
// slugs, the only places, both with the audience members; path 5, a text for
// the author only that says who it is.
//
// # Disclosure, subject leaf, sidecar
//
// A disclosure is the array [salt, audience, path, value]. The audience is 1
// public (anyone), 2 item (members, and whoever presents a code that the record
// covers), 3 members, 5 own (the author's member); or, for parties (4), the
// ascending array of the slugs of one member or more. Path is the field's
// number, value any item. Its digest is the SHA-256 of its bytes.
//
// A subject leaf is the array [salt, subject], subject any item that the
// application defines. The leaves of a record ascend by the bytes of their
// subjects; at most 32,768.
//
// A sidecar is a map of less than 1 MiB; an empty one is no bytes:
//
//	1 ? array of byte strings: disclosures, ascending by digest
//	2 ? array of byte strings: all subject leaves
//
// Each disclosure must be in the digest list of its audience. Shared ones (sdm)
// must be there, the others only with those who may see them; those that were
// erased with nobody.
//
// # Erasure
//
// An erase record names a record that stands before it on the same chain, by id,
// and digests. Nodes forget the disclosures of that record with these digests,
// but not the shared ones of grant and erase records, and, once no other record
// names them, the attachments. A node that fetches the record later, from
// somebody who has forgotten, stores it without them, and goes on asking others
// until it has the erase record too. A witness cosigns a size when for every
// shared disclosure that it lacks an erase record stands below that size. Bytes
// that the application still reads are kept; see package store.
//
// # Entry
//
// A map of at most 65,535 bytes. Its hash is the RFC 6962 leaf hash,
// SHA-256(0x00 ‖ entry); inner nodes are SHA-256(0x01 ‖ left ‖ right).
//
//	1   kind        1 record, 2 frontier, 3 charter
//	2   prev        h32, hash of the entry before; zeros for the first
//	3   time        clock of the node, ms
//	4   payload     byte string, see below
//	5 ? signature   65 bytes; for a record and only there
//
//	record     the record's bytes
//	frontier   array of 1 to 1,300 arrays [chain, size, root], chain and size
//	           integers from 1, root h32, ascending by chain
//	charter    map {1: version from 1, 2: h32 hash of the charter's body}
//
// An entry bundle (C2SP tlog-tiles) is up to 256 entries, each after its length
// in two bytes, big-endian. Hash tiles are those of tlog-tiles: up to 256 hashes
// of 32 bytes, level 0 the entry hashes, each level above the roots of full
// tiles below.
//
// # What may stand next on a chain
//
// [Chain.Check] decides; it needs the entries before, the charters, and of the
// sidecars only those of grants. Entry 0 is a charter entry. An entry names the
// one before as prev and its time is not earlier. It stands below the size at
// which a charter ends the chain.
//
// A charter entry names a complete charter that is held, has the chain's node
// and is of a higher version than the one in force.
//
// A frontier entry does not follow another one. It names chains that some
// charter has, not its own, each with a size above the one that the chain named
// last. The root must be that chain's at that size, and what the named entries
// have seen must be covered too: that takes all chains, see [Verify]. An author
// puts one only directly before a record or charter entry and at most one a
// second.
//
// A record has the network's id, the chain's number and member, and happened at
// most ten minutes after the entry's time. Its signer is not revoked by the
// charter in force. For grant and revoke it is an admin of the member in that
// charter; for every other kind one grant, standing before on this chain and
// ended by no revoke record since, must give the signer the kind, and be for no
// party or the record's, at no place or the record's. A record id stands once
// on a chain. Kinds that this package does not know pass all the same.
//
// # Charter
//
// The body is a map of at most 1 MiB; its hash is its Keccak-256, and that of
// version 1 is the network id.
//
//	1   version     integer from 1
//	2   name        network name
//	3 ? previous    h32, hash of the version before; absent in version 1 only
//	4   members     array, ascending by slug, 1 to 1,000 maps:
//	                1 slug   2 Chinese name   3 English name, texts not empty and
//	                without control and bidirectional formatting characters
//	                4 role: "brand", "warehouse", "distributor" or "auditor"
//	                5 admins, ascending array of 1 to 256 addresses, each of one
//	                member only
//	                6? GS1 company prefixes, ascending texts of 4 to 12 digits
//	                7? single GTINs, ascending integers of up to 14 digits
//	                8? revoked addresses, ascending
//	5   cosigners   array, ascending by member, 1 to 64 maps:
//	                1 member   2 h32 Ed25519 key of its witness
//	                3 number of the member's node that holds the witness
//	6   nodes       array, ascending by number, 1 to 2,000 maps:
//	                1 number, from 1   2 member   3 h32 Ed25519 log key
//	                4 libp2p peer id, text   5? addresses, texts   6? URL, text
//	7 ? ended       array, ascending by chain, of maps: 1 chain  2 size  3 h32 root
//	                4? reports, array ascending by member, see below
//	                5? evidence against the chain's author, as a byte string
//	8   settings    map: 1? true if entry tiles are public   2? hours after which
//	                lateness is a finding   3? members added to every parties
//	                audience, ascending   4? filing numbers, texts
//
// No Ed25519 key and no peer id stands twice. A signed charter is the array
// [body as a byte string, array of [member, address, signature]]; as a file it
// is JSON with the body in hex. Every signature must be a valid one of an admin.
//
// Version 1 is complete when every member has signed with one admin, and ends
// no chain. Version n+1 is complete when it has the name and names the hash of
// version n; is signed by a quorum of the cosigning members of n, with admins
// of n, and by a quorum of those of n+1, with admins of n+1; keeps a quorum of
// n's cosigners with their witness keys; lists the chain of every node left out
// as ended, leaves ends as they were, and ends nothing else; and keeps member
// and log key of every number. A new number is above all before and has a log
// key of its own.
//
// # Ends
//
// A cosigner of version n that signs version n+1, where that ends a chain, says
// that its witness has stopped for the chain, durably, and that the end covers
// whatever it had signed there; or the end has a report of it:
//
//	1   member
//	2   size   3 h32 root   what the witness had signed last, size from 1
//	4 ? number of entries that this history shares with the one that ends
//	5 ? h32    their root; absent if there are none
//	6 ? array of h32: consistency proof from them to the end
//
// and, where these are fewer than size (the end does not cover the report),
//
//	7   h32    root of one entry more of the reported history
//	8 ? proof from the shared entries to it       9 ? proof from it to size
//	10? h32    root of one entry more of the history that ends, another than 7;
//	           absent if that has no more   11? proof from it to the end
//
// A proof is an array of hashes, RFC 6962, 2.1.2, and absent where there is
// nothing to prove: from no entries, or from so many to as many.
//
// Version n+1 is complete only if no end can leave out a checkpoint that has
// reached a quorum of n. For each pair of 4 and 7 in reports of those who have
// signed, and for none, these could have signed one: they who have that pair; the
// cosigners who have not signed; as many of the other signers as may be faulty,
// f of n; and if evidence proves that the chain's author signed two histories, the
// author too, whose own signature counts for nothing, and one less than f. Less
// than a quorum of n must be left.
//
// With four cosigners and a guilty author every fork can be ended. With seven,
// two histories with three votes each may both be final as far as anybody can
// tell, and no end is complete.
//
// # Quorum
//
// Of n cosigners f = ⌊(n−1)/3⌋ may be faulty and q = ⌈(n+f+1)/2⌉ make a quorum:
// two quorums share at least f+1 members, and n−f can make one. With n = 3, f is
// 0: nothing is both safe and live with one faulty company of three.
//
// # Checkpoint and cosignature
//
// A checkpoint is a C2SP tlog-checkpoint: the lines origin, size in decimal and
// root in base64, each with LF; an empty line; signature lines "— <key name>
// <base64>". There are no extension lines, and every line has its one canonical
// form. Origin and name of the log key are
//
//	<network name>/<first 8 hex digits of the network id>/<member>/<number>
//
// The log signature is that of signed notes for Ed25519 (type 01): key id, 4
// bytes, SHA-256(name ‖ LF ‖ 01 ‖ public key), then 64 bytes over the text. A
// cosignature (C2SP tlog-cosignature, type 04) has the key name without the
// number and is key id with 04, 8 bytes of seconds since 1970, big-endian, and
// 64 bytes over "cosignature/v1", LF, "time <seconds>", LF and the text.
//
// Who counts is decided under one charter: members of the cosigners with a valid
// cosignature of the key that it names, each once; and the author's own member by
// its log signature, if the chain's node is the one that holds the witness. A
// line of a known key that does not verify makes the checkpoint bad; lines of
// unknown keys do not count.
//
// A checkpoint is final with a quorum of the version in force at its size: that
// of the newest charter entry which it covers. Where that entry is its last one
// it crosses from one version into another and needs a quorum of the version in
// force before, of every one skipped, and of the new one. Authors sign nothing
// beyond such a size before it is final, and witnesses cosign nothing beyond it
// before they hold a final checkpoint of that size or more; once a witness holds
// version n+1 it cosigns nothing on a chain still on n. So two quorums of
// different versions cannot speak for two histories. Nothing beyond the size at
// which a charter ends a chain is final.
//
// # Evidence
//
// A map that proves that the author of a chain signed two histories:
//
//	1   checkpoint note      2   checkpoint note
//	3 ? h32   4 ? array of h32
//
// Either the notes have one size and two roots, or the first has the smaller
// size; then 3 is the root of so many entries of the second one's tree, another
// than the first note's, and 4 the consistency proof (RFC 6962, 2.1.2) of that.
// As a file it is JSON with the charters: {charters, fork: {a, b, prefix, proof}},
// notes in base64, hashes in hex; or {charters, charter}, where charter is
// complete and contradicts one of the charters: two complete versions of one
// number halt all charter changes.
//
// # Proofs
//
// An [EntryProof] is an entry, a C2SP tlog-proof of its place under a quorum
// checkpoint, and as much of the sidecar as the reader may see: disclosures, and
// one subject leaf with its RFC 6962 audit path under the record's subjects
// root.
//
// # Stored forms
//
// A [ChainState] and the [Grant]s are what a chain goes on from after a restart;
// they are no part of what is signed and can be computed again. As CBOR:
//
//	state   1 size   2 prev   3 time   4 kind of the newest entry   5 version in
//	        force   6 array of h32, roots of the full subtrees from the largest
//	        7? frontier   8? array of [position, version], the charter entries
//	grant   1 position   2 address   3 kinds   4? party   5? places
//	        6? position of the revoke record that ended it
//
// # Vectors
//
// testdata/vectors holds right and wrong bytes of each format for other
// implementations, with the code of each refusal; vectors_test.go explains the
// files.
//
// # Sources
//
//   - RFC 8949 (CBOR), RFC 6962 sections 2.1 to 2.1.2 (Merkle trees and proofs),
//     RFC 8032 (Ed25519), RFC 9901 (SD-JWT, the idea of salted disclosures)
//   - EIP-191 (signed data), EIP-2 (low s), SEC 2 (secp256k1)
//   - C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-proof
//   - The Update Framework, for charters that sign their successors
//   - Guerraoui and others, "The consensus number of a cryptocurrency", 2019, and
//     FastPay, 2020, for why no order between chains is needed
package ledger
