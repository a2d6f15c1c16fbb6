package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
)

// twoCompanies returns brand, with the toner and some codes, and dist.
func twoCompanies(t *testing.T, codes uint32) (brand, dist *testNode) {
	t.Helper()
	brand, dist = newBrandAndDist(t)
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
	unit, content := trace.DraftSubject{SSCC: mustSSCC("069012340000000016")}, codesOf(toner, 0, 9)
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

// A member that floods somebody else's codes is left out with what is too much;
// what the others tell stays, with a warning. It is the same however it floods.
func TestAFloodIsNotInTheWayOfReading(t *testing.T) {
	t.Parallel()
	inspect := func(s ...trace.DraftSubject) trace.Draft {
		return trace.Draft{Kind: "inspect", Fields: fields{"type": "quality", "result": "fail"}, Subjects: s}
	}
	unit := func(i uint64) *trace.DraftSubject {
		return &trace.DraftSubject{SSCC: mustSSCC(fmt.Sprintf("06901234000000%04d", i)[:17] + checkDigit(fmt.Sprintf("06901234000000%04d", i)[:17]))}
	}
	var many, nested, overlapping, packed []trace.Draft
	for range trace.MaxEvents + 1 {
		many = append(many, inspect(trace.DraftSubject{GTIN: toner}))
	}
	item := codesOf(toner, 0, 29)
	inside := []trace.DraftSubject{{Unit: unit(10), Content: &item}}
	for i := range uint64(trace.MaxNesting + 1) {
		inside = append(inside, trace.DraftSubject{Unit: unit(10 * (i + 2)), Content: unit(10 * (i + 1))})
	}
	nested = []trace.Draft{{Kind: "pack", Subjects: inside}}
	pattern := func(per, unit uint32) trace.DraftSubject {
		return trace.DraftSubject{Pattern: &trace.DraftPattern{GTIN: toner, Per: per, UnitGTIN: carton, UnitStart: unit, Count: 1}}
	}
	for i := range uint32(index.MaxScanned + 1) {
		overlapping = append(overlapping, trace.Draft{Kind: "pack", Subjects: []trace.DraftSubject{pattern(30+i, 0)}})
	}
	for i := range uint32(index.MaxUnits + 1) {
		packed = append(packed, trace.Draft{Kind: "pack", Subjects: []trace.DraftSubject{pattern(30, i)}})
	}
	for name, tt := range map[string]struct {
		flood   []trace.Draft
		finding bool
	}{
		"many records": {many, true}, "units in units": {nested, false},
		"a code named often": {overlapping, true}, "many units": {packed, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			brand, dist := twoCompanies(t, 30)
			serial := brand.serial(t, toner, 0, 7)
			dist.flood(t, tt.flood)
			settle(t, brand, dist)
			uri := link(toner, serial)
			public, err := brand.Answer(context.Background(), uri, "")
			if err != nil {
				t.Fatal(err)
			}
			a, err := brand.Answer(context.Background(), uri, "brand")
			if err != nil {
				t.Fatal(err)
			}
			told := slices.ContainsFunc(a.Trail.Findings, func(f trace.FindingView) bool { return f.Code == trace.TooLong })
			if told != tt.finding || a.Trail.Product == nil || a.Trail.Custody.State != trace.Active || a.Trail.Lot != "B1" {
				t.Errorf("verdict %s, custody %+v, lot %s, findings %+v", a.Verdict, a.Trail.Custody, a.Trail.Lot, a.Trail.Findings)
			}
			// Dist has never had the item: what it records says nothing about that.
			if public.Verdict != trace.Consistent || len(public.Trail.Findings) > 0 {
				t.Errorf("a stranger's flood shows in the verdict: %s, %+v", public.Verdict, public.Trail.Findings)
			}
		})
	}
}

// Who has had an item hides nothing of what he recorded by recording much more.
func TestAFloodOfOneWhoHadItIsAWarning(t *testing.T) {
	t.Parallel()
	brand, dist := twoCompanies(t, 30)
	brand.mustSubmit(t, sendDraft(0, 29, "dist"))
	move(t, brand, dist, brand.chain)
	var flood []trace.Draft
	for range trace.MaxEvents + 1 {
		flood = append(flood, trace.Draft{Kind: "inspect", Fields: fields{"type": "quality", "result": "pass"}, Subjects: []trace.DraftSubject{{GTIN: toner}}})
	}
	dist.flood(t, append(flood, sellDraft(7)))
	settle(t, brand, dist)
	a, err := brand.Answer(context.Background(), link(toner, brand.serial(t, toner, 0, 7)), "")
	if err != nil {
		t.Fatal(err)
	}
	told := slices.ContainsFunc(a.Trail.Findings, func(f trace.FindingView) bool { return f.Code == trace.TooLong })
	if !told || a.Verdict == trace.Consistent {
		t.Errorf("records were left out and the verdict is %s, findings %+v", a.Verdict, a.Trail.Findings)
	}
}

func checkDigit(digits string) string {
	sum := 0
	for i, c := range digits {
		sum += int(c-'0') * (3 - i%2*2)
	}
	return strconv.Itoa((10 - sum%10) % 10)
}
