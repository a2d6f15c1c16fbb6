// Package store keeps the truth of a node: its own chain and verified copies of
// all others, with everything needed to prove them, in one Badger directory.
// Begin with [Open] and [Store.Append].
//
// # Promises
//
// An append is answered after it has been fsynced. A batch is one transaction:
// its entries, sidecars, tiles, look-ups, folded state and head are all there
// after a crash or none is. The same record is stored once, however often and
// from however many goroutines it is given. Nothing enters that [ledger.Chain]
// has not checked, whether it was appended here or fetched from a peer.
//
// No signature leaves before the guard names it. The guard is a small file
// outside the node's directory and its backups, with the size and root of the
// own chain and of the latest cosigned checkpoint of every chain, fsynced before
// each signature. A store that is short of its guard, because a backup was put
// back or because Badger dropped the tail of a damaged file (which it does
// without an error), signs nothing and appends nothing until it has fetched the
// missing entries from its peers; a missing or damaged guard is a lost one, and
// a node that has lost it never signs for its chain again.
//
// # Reading and writing
//
// The own chain has one writer, the sequencer: it takes what waits in its queue,
// asks the application (Config.Admit), stores it in one transaction and answers
// all callers. While that is being fsynced the next batch gathers. Copies of
// other chains are extended by [Store.Extend], one writer per chain. Readers
// share a snapshot that each commit replaces: they never wait for an fsync, and
// never see what is not on disk yet.
//
// A commit that ends in an error has an unknown outcome. The chain takes nothing
// more (ErrFailed) until the store has been opened again, which finds out.
//
// What Badger does with damaged files is not enough for a ledger: it leaves out a
// table whose check sum is wrong, takes a block that it cannot read for absent
// keys, and cuts off a write buffer at the first bad byte. So [Open] checks the
// tables first, takes any error that Badger logs while it opens for damage, and
// holds the newest entries of each chain against its head; the guard notices a
// loss at the end of the own chain; and a key that the head promises is never
// "not found" but ErrDamaged. [Store.Scrub] reads all blocks while the store is
// open. [Source] gives everything to [ledger.Verify].
//
// # Keys
//
// Integers are big-endian, so that keys sort by position. chain is a uint32,
// seq (a position), size and version are uint64. Prefixes are never reused.
//
//	'v'                              layout version uint32, network id [32]
//	'c' version                      signed charter: CBOR [body, [signature…]]
//	'e' chain seq                    entry bytes
//	's' chain seq                    sidecar bytes; no key where an entry has none
//	't' chain level[1] index[8]      hashes of one tile, 32 bytes each, 1 to 256
//	'h' chain                        head: ledger.ChainState
//	'r' chain                        grants in force: CBOR array of ledger.Grant
//	'i' record id [32]               chain, seq of the record
//	'f' chain seq                    frontier bytes of the frontier entry there
//	'g' chain about[4] ^seq          size that the frontier entry at seq names of
//	                                 chain about; the position is inverted
//	'l' chain                        newest checkpoint note signed by the author
//	'q' chain                        newest checkpoint note with a quorum
//	'x' chain                        evidence of a fork: ledger.Evidence
//	'd'                              a second complete charter of a version
//	                                 held, in the form of 'c'
//	'n' chain                        a note under the own log key that the own
//	                                 chain contradicts; stops signing
//	'k' chain seq digest             the erase record that was the first to erase
//	                                 that of the record at seq: its seq
//	'y' chain at                     seq of the record that the erase record there
//	                                 names, if it erases something
//	'm' chain seq                    digests of the shared disclosures that the
//	                                 sidecar there lacks and no erase record names
//	'u' chain seq                    sidecar after an erasure, as long as bytes of
//	                                 the one before may be on the disk
//	'w' chain at                     the erase record there names attachments that
//	                                 have not been looked after; no value
//
// For example, the entry at position 258 of chain 3 has the key
// 65 00000003 0000000000000102.
//
// # Erasure
//
// An erase record takes effect in the transaction that stores it: the sidecar
// of the record that it names is written anew without the disclosures. That holds
// for all that a member's record may name, whatever it means: were some kept by
// those who have them, nodes would differ for ever. [Store.Purge] then removes
// the old bytes from the files. For that Badger drops the key 's' chain seq with all its
// versions from buffers and tables, and the sidecar is written back from 'u';
// after a crash in between it is read from there.
//
// A record that comes from elsewhere may lack shared disclosures: they were
// erased, and the erase record stands further on. Until it is stored too, or the
// disclosures have come from another node, the record is in [Store.Lacking];
// what is behind it is not [Store.Whole], and nothing that covers it is cosigned.
//
// # Guard file
//
// Lines of text, LF after each, the last line being the SHA-256 of all before it:
//
//	suyuan guard 1
//	own <chain> <size> <root, hex>            absent before the first checkpoint
//	claimed <chain> <size> <root, hex>        signed with the own log key, and not
//	                                          stored here; see below
//	cosigned <chain> <size> <root, hex>       ascending by chain
//	stopped <chain> <size> <root, hex>        ascending by chain; see StopAt
//	witness waits                             see CreateSecondGuard
//	sha256 <hex>
//
// # A checkpoint under the own key that is not stored here
//
// Either this machine has signed it, and directory and guard are old copies; or
// another machine has the key. Nobody can tell the two apart by the note alone,
// so the store does what is right in both cases. It appends and signs nothing from
// then on, also after a restart, because the guard has the note as claimed; and it
// says so. If the entries come from peers and continue what is stored, and the own
// mark with it, the claim becomes the own mark, and the node goes on. If another
// machine has signed them while this one went on, they do not fit: some peer has one
// history and this node's checkpoint of the other, and its proof ends the question.
//
// The own mark does not move before that: not by signing either, which may have
// begun before the note came. It is what this machine is known to have
// signed and what it reports when a charter ends the chain; whoever has stolen a
// key must not be able to have it report more. What is stored is not touched
// either: the records that do not count in the end are listed, for their signers to
// sign again under the new number.
//
// One who has the key and the newest copy, and writes while this node writes
// nothing, continues this node's chain. That is no fork, and the entries are taken
// over as if they had been lost here: they are signed with the keys of operators
// who may write on this chain, or are frontiers and charter entries. Then the next
// entry of either is the fork.
//
// # Blobs
//
// Attachments are files named by their SHA-256; see [Blobs].
package store
