package node

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
)

// twoCompanies returns brand, with the toner and some codes, and dist.
func twoCompanies(t *testing.T, codes uint32) (brand, dist *testNode) {
	t.Helper()
	nodes := newNetwork(t, 2)
	for _, n := range nodes {
		n.addOperator(t)
	}
	brand, dist = nodes[0], nodes[1]
	brand.mustSubmit(t, productDraft(toner))
	brand.issue(t, toner, codes)
	brand.mustSubmit(t, activateDraft(0, codes-1))
	return brand, dist
}

// settle brings dist's chain to brand and makes both chains final there.
func settle(t *testing.T, brand, dist *testNode) {
	t.Helper()
	move(t, brand, dist, brand.chain)
	move(t, dist, brand, dist.chain)
	brand.put(t, brand.checkpoint(t, dist))
	brand.put(t, dist.checkpoint(t, brand))
}

// A pack that one record names with a wrong root is bad for that record only:
// else any member could have any other's codes declared bad.
func TestAPackIsBadForWhoSaysSo(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	run := n.issue(t, toner, 100)
	packs, err := newPacks(n.blobs, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer packs.Close()
	for _, c := range []struct {
		root ledger.Hash
		bad  bool
	}{{ledger.Hash{1}, true}, {run.Root, false}, {ledger.Hash{1}, true}, {run.Root, false}} {
		if _, err := packs.get(context.Background(), run.Pack, c.root); errors.Is(err, code.ErrBadPack) != c.bad || !c.bad && err != nil {
			t.Errorf("under root %v: %v", c.root, err)
		}
	}
}

// What members write about products that are not theirs must be in the way of
// nothing: neither of issuing, recording and proving, nor of looking up.
func TestRecordsOfOthersAreInNobodysWay(t *testing.T) {
	t.Parallel()
	brand, dist := twoCompanies(t, 30)
	serial := brand.serial(t, toner, 0, 7)
	forged := productDraft(toner)
	forged.Fields["version"], forged.Fields["issuing_chain"] = 2, dist.chain
	dist.appendUnadmitted(t, forged)
	settle(t, brand, dist)

	if _, err := brand.Proof(context.Background(), link(toner, serial)); err != nil {
		t.Errorf("no proof beside a foreign product record: %v", err)
	}
	own := productDraft(toner)
	own.Fields["version"] = 2
	if err := brand.submit(t, own)[0].Err; err != nil {
		t.Errorf("version 2 of an own product: %v", err)
	}
}

// A member that floods a product, run or unit of another with records must not
// keep its owner from writing.
func TestAFloodIsNotInTheWayOfWriting(t *testing.T) {
	t.Parallel()
	brand, dist := twoCompanies(t, 30)
	unit, content := trace.DraftSubject{SSCC: mustSSCC("006901234000000018")}, codesOf(toner, 0, 9)
	var flood []trace.Draft
	for range trace.MaxEvents + 1 {
		flood = append(flood, trace.Draft{Kind: "inspect", Fields: fields{"type": "quality", "result": "fail"},
			Subjects: []trace.DraftSubject{{GTIN: toner}, unit}})
	}
	dist.flood(t, flood)
	move(t, dist, brand, dist.chain)

	own := productDraft(toner)
	own.Fields["version"] = 2
	drafts := []trace.Draft{own, {Kind: "pack", Subjects: []trace.DraftSubject{{Unit: &unit, Content: &content}}}}
	for i, p := range brand.submit(t, drafts...) {
		if p.Err != nil {
			t.Errorf("%s: %v", drafts[i].Kind, p.Err)
		}
	}
	if run, err := brand.IssueRun(context.Background(), IssueRun{GTIN: toner, Count: 10}, nil); err != nil || run.Number != 1 {
		t.Errorf("run %+v, %v", run, err)
	}
	if known, err := brand.productKnown(toner, nil); err != nil || !known {
		t.Errorf("the product is known: %v, %v", known, err)
	}
}

func mustSSCC(s string) gs1.SSCC {
	n, err := gs1.ParseSSCC(s)
	if err != nil {
		panic(err)
	}
	return n
}

// flood appends records as a node does that asks nobody.
func (n *testNode) flood(t *testing.T, drafts []trace.Draft) {
	t.Helper()
	list := make([]store.Submission, len(drafts))
	for i, d := range drafts {
		rec := n.signed(t, n.operators["clerk"], d)
		sub, err := openSigned(&rec)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = *sub
	}
	net := n.Network()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(store.Config{Dir: filepath.Join(n.dir, dirLedger), Guard: n.config.Guard, Network: net, Own: n.chain, Now: n.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.AppendBatch(context.Background(), list) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	n.open(t)
}
