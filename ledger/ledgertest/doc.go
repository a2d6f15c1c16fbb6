// Package ledgertest makes networks, records and chains for tests of ledger and
// of everything above it.
//
// All keys, salts and nonces derive from a seed, so that a failure repeats and
// golden bytes stay as they are. Nothing here is random, reads a clock, or is
// fit for anything but tests: the private keys can be computed by anyone.
//
//	net := ledgertest.New()                         // four companies, all cosigners
//	b := net.NewChain("lanzhi")                     // charter entry and a grant of every kind
//	b.Append(net.Record("lanzhi", ledger.KindProduct, b.Now(), ledgertest.Fields(map[uint64]any{1: 5})))
//	cp := b.Final()                                 // checkpoint with every witness on it
//
// Functions that return no error panic on a mistake of the test itself, with a
// text that begins with the package name. What a test may want to see refused
// has a form that returns the error ([Builder.Try], [Builder.TryEntry]).
package ledgertest
