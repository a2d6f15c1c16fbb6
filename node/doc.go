// Package node is one running member: its directory, its keys, its store, its
// index and its peers, tied together. Start with [Init], which makes a node's
// directory, [Open], which opens it, and [Node.Run], which talks to the other
// nodes until its context ends.
//
// A node's directory holds
//
//	config.toml    settings; see [Config]
//	member.json    what the company tells the others about itself; see [MemberFile]
//	charter.json   the accepted charter; view is for people and never read
//	keys/          key files, mode 0700; see [Keyring]
//	rewards.toml   who is told that a reward is due, if any; see [RewardSettings]
//	secrets/       secrets of runs of codes and second codes, mode 0700
//	tokens.json    SHA-256 of API tokens, with the operator each stands for
//	ledger/        the store: the truth (package ledger/store)
//	blobs/         attachments, named by SHA-256
//	claims/        wrong tries of second codes
//	rewards/       rewards that wait or are delivered (package node/reward)
//	imports/       which rows of files have been recorded; see [Node.SubmitOnce]
//	index/         look-ups, rebuilt from the store whenever it is missing
//	node.sock      where a running node takes commands; LOCK is Badger's own
//
// The signing guard lies outside, so that no copy of the directory carries it.
//
// The package knows nothing of HTTP. It answers with values of packages ledger
// and trace, and package api asks it through interfaces of its own.
package node
