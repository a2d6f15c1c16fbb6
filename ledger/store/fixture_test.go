package store_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

// A node is a store of one member with its keys.
type node struct {
	*store.Store
	net    *ledgertest.Net
	member *ledgertest.Member
	cfg    store.Config
}

// clock is a time that only tests move.
type clock struct{ ms atomic.Int64 }

func newClock() *clock { c := &clock{}; c.ms.Store(ledgertest.Start); return c }

func (c *clock) now() time.Time { return time.UnixMilli(c.ms.Load()) }
func (c *clock) wait(ms int64)  { c.ms.Add(ms) }

// inMemory opens an empty store of a member in memory.
func inMemory(t testing.TB, net *ledgertest.Net, member string, edit ...func(*store.Config)) *node {
	t.Helper()
	cfg := store.Config{Network: net.Network, Own: net.Member(member).Number, Now: newClock().now}
	for _, e := range edit {
		e(&cfg)
	}
	return open(t, net, member, cfg)
}

// onDisk opens an empty store of a member in a directory of the test.
func onDisk(t testing.TB, net *ledgertest.Net, member string, edit ...func(*store.Config)) *node {
	t.Helper()
	dir := t.TempDir()
	cfg := store.Config{
		Dir: filepath.Join(dir, "node", "ledger"), Guard: filepath.Join(dir, "state", "guard"),
		Network: net.Network, Own: net.Member(member).Number, Now: newClock().now, MinFree: 1,
	}
	for _, e := range edit {
		e(&cfg)
	}
	if err := store.CreateGuard(cfg.Guard); err != nil {
		t.Fatal(err)
	}
	return open(t, net, member, cfg)
}

func open(t testing.TB, net *ledgertest.Net, member string, cfg store.Config) *node {
	t.Helper()
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatalf("open store of %s: %v", member, err)
	}
	t.Cleanup(func() { s.Close() })
	return &node{Store: s, net: net, member: net.Member(member), cfg: cfg}
}

// reopen closes the store and opens it again.
func (n *node) reopen(t testing.TB) {
	t.Helper()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n.Store = open(t, n.net, n.member.Slug, n.cfg).Store
}

// begin appends the charter entry and a grant of everything to the operator.
func (n *node) begin(t testing.TB) *node {
	t.Helper()
	v := n.Network().Newest()
	if err := n.AppendCharter(context.Background(), ledger.CharterRef{Version: v.Charter.Version, Hash: v.Hash}); err != nil {
		t.Fatal(err)
	}
	rec, sc := n.net.Grant(n.member.Slug)
	mustAppend(t, n, rec, sc)
	return n
}

func (n *node) record(opts ...ledgertest.RecordOption) (*ledger.SignedRecord, *ledger.Sidecar) {
	return n.net.Record(n.member.Slug, ledger.KindShip, ledgertest.Start, opts...)
}

func (n *node) number() uint32 { return n.member.Number }

func mustAppend(t testing.TB, n *node, rec *ledger.SignedRecord, sc *ledger.Sidecar) store.Place {
	t.Helper()
	p, err := n.Append(context.Background(), rec, sc)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return p
}

// grow appends n records and returns them.
func (n *node) grow(t testing.TB, count int, opts ...ledgertest.RecordOption) []*ledger.SignedRecord {
	t.Helper()
	var subs []store.Submission
	var recs []*ledger.SignedRecord
	for range count {
		rec, sc := n.record(opts...)
		subs = append(subs, store.Submission{Record: rec, Sidecar: sc})
		recs = append(recs, rec)
	}
	for i, r := range n.AppendBatch(context.Background(), subs) {
		if r.Err != nil {
			t.Fatalf("append %d of %d: %v", i, count, r.Err)
		}
	}
	return recs
}

// sign signs the own head and opens the checkpoint.
func (n *node) sign(t testing.TB) *ledger.Checkpoint {
	t.Helper()
	v := n.Network().Newest().Verifiers
	note, _, err := n.Sign(context.Background(), v.Origin(n.number()), n.member.Log)
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	cp, err := n.Network().OpenCheckpoint(note)
	if err != nil {
		t.Fatal(err)
	}
	return cp
}

// fetch brings the entries that from has of a chain up to a size.
func (n *node) fetch(t testing.TB, from *node, chain uint32, to uint64) {
	t.Helper()
	var items []store.Item
	at := n.Size(chain)
	for it, err := range from.Entries(chain, at, to) {
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, it)
	}
	if size, err := n.Extend(context.Background(), chain, at, items); err != nil || size != to {
		t.Fatalf("extend chain %d from %d: size %d, want %d: %v", chain, at, size, to, err)
	}
}

func (n *node) cosign(cp *ledger.Checkpoint) ([]byte, error) {
	v := n.Network()
	return n.Cosign(context.Background(), cp, ledger.WitnessName(v.Name, v.ID, n.member.Slug), n.member.Witness)
}

// verify checks the whole store and returns the problems found.
func (n *node) verify(t testing.TB) (*ledger.Report, []ledger.Problem) {
	t.Helper()
	src, err := n.Source(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	return verifySource(t, src)
}

func verifySource(t testing.TB, src *store.Source) (*ledger.Report, []ledger.Problem) {
	t.Helper()
	var problems []ledger.Problem
	rep, err := ledger.Verify(src, ledger.VerifyOptions{Found: func(p ledger.Problem) { problems = append(problems, p) }})
	if err != nil && len(problems) == 0 {
		t.Fatalf("verify: %v", err)
	}
	return rep, problems
}

func checkClean(t testing.TB, n *node) *ledger.Report {
	t.Helper()
	rep, problems := n.verify(t)
	for _, p := range problems {
		t.Errorf("problem: %s", p)
	}
	return rep
}
