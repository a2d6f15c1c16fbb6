package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/proof"
)

// someList makes n foreign serials that nobody can guess, the same ones for one
// seed.
func someList(seed uint64, n int) []string {
	rnd := rand.New(rand.NewPCG(seed, 1))
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("x%013d-%05x", rnd.Uint64N(1e13), rnd.Uint32N(1<<20))
	}
	return list
}

func (n *testNode) adopt(req AdoptRun, serials ...string) (*Run, error) {
	req.Serials = strings.NewReader(strings.Join(serials, "\n"))
	return n.AdoptRun(context.Background(), req, nil)
}

func (n *testNode) mustAdopt(t testing.TB, serials ...string) *Run {
	t.Helper()
	run, err := n.adopt(AdoptRun{GTIN: toner}, serials...)
	if err != nil {
		t.Fatalf("adopt: %v", err)
	}
	return run
}

// An item with a foreign serial is found, followed and proven like one of ours.
func TestForeignSerialHasATrail(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 200) // run 0, so that the list is run 1
	list := someList(1, 300)
	run, err := n.adopt(AdoptRun{GTIN: toner, Source: "the printer before"}, list...)
	if err != nil {
		t.Fatal(err)
	}
	if run.Number != 1 || run.Count != 300 || !run.Foreign || run.Guessable {
		t.Fatalf("adopted %+v", run)
	}
	n.mustSubmit(t, trace.Draft{Kind: "activate", Fields: fields{"lot": "L1"}, Subjects: []trace.DraftSubject{{URI: link(toner, list[7])}}})
	n.put(t, n.checkpoint(t))
	a := n.answer(t, link(toner, list[7]))
	if a.Verdict != trace.Consistent || a.Trail.Serial != list[7] || kindsOf(a.Trail.Events) != "run activate" {
		t.Errorf("verdict %s, serial %s, events %s", a.Verdict, a.Trail.Serial, kindsOf(a.Trail.Events))
	}
	b, err := n.Proof(context.Background(), link(toner, list[7]))
	if err != nil {
		t.Fatal(err)
	}
	res, err := b.Verify(n.Network().ID)
	if err != nil || res.Code != proof.StatusIssued || res.Serial != list[7] {
		t.Errorf("proof: %+v, %v", res, err)
	}
	if got := n.answer(t, link(toner, n.serial(t, toner, 0, 7))); kindsOf(got.Trail.Events) != "run" {
		t.Errorf("a code of ours beside the list: %s", kindsOf(got.Trail.Events))
	}
}

// What is on no list is unknown: another list may have it. Nothing of it can be
// proven, and nobody is accused.
func TestSerialOnNoListIsUnknown(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	list := someList(2, 300)
	n.mustAdopt(t, list...)
	ours := code.Run{GTIN: toner.Uint64(), Number: 0, Count: 1, Secret: code.NewSecret()}.Serial(0).String()
	n.put(t, n.checkpoint(t))
	for name, serial := range map[string]string{
		"like those of the list":           "x0000000000000-00000",
		"other letter case":                strings.ToUpper(list[3]),
		"with the number of the list":      ours,
		"looks like a mistyped one of us":  mistyped(ours),
		"looks like one of a run to come":  strings.Replace(ours, "000", "00Z", 1),
		"looks like nothing that is known": "SN-1",
	} {
		uri := link(toner, serial)
		a, err := n.Answer(context.Background(), uri, "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a.Verdict != trace.Unknown || len(a.Trail.Events) > 0 {
			t.Errorf("%s: verdict %s with %s", name, a.Verdict, kindsOf(a.Trail.Events))
		}
		_, err = n.Proof(context.Background(), uri)
		wantCode(t, err, "nothing-to-prove")
		if _, err := n.resolveItem(context.Background(), uri); err == nil {
			t.Errorf("%s: a record can be about it", name)
		}
	}
}

// A GTIN with lists and runs of ours tells typing errors in ours, and proves the
// absence of what claims to be ours.
func TestCodesOfOursBesideLists(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 200)
	n.mustAdopt(t, someList(3, 300)...)
	n.put(t, n.checkpoint(t))
	s := n.serial(t, toner, 0, 7)
	if _, err := n.Answer(context.Background(), link(toner, mistyped(s)), ""); !errors.Is(err, code.ErrCheckCharacter) {
		t.Errorf("mistyped: %v", err)
	}
	forged := code.Run{GTIN: toner.Uint64(), Number: 0, Count: 1, Secret: code.NewSecret()}.Serial(0).String()
	if a := n.answer(t, link(toner, forged)); a.Verdict != trace.NeverIssued {
		t.Errorf("a code that claims to be ours: %s", a.Verdict)
	}
	if a := n.answer(t, link(toner, strings.ToLower(s))); a.Trail.Serial != s || !strings.HasSuffix(a.Trail.URI, "/21/"+s) {
		t.Errorf("a code of ours typed in lower case: %s, %s", a.Trail.Serial, a.Trail.URI)
	}
}

// Who knows some serials of a list that counts up knows all: its codes never get
// more than a warning.
func TestGuessableListIsMarked(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	var counted []string
	for i := range 300 {
		counted = append(counted, fmt.Sprintf("SN%06d", i))
	}
	run := n.mustAdopt(t, counted...)
	forced, err := n.adopt(AdoptRun{GTIN: toner, Guessable: true}, someList(4, 300)...)
	if err != nil || !run.Guessable || !forced.Guessable {
		t.Fatalf("marked %v, on request %v: %v", run.Guessable, forced != nil && forced.Guessable, err)
	}
	n.mustSubmit(t, trace.Draft{Kind: "activate", Fields: fields{"lot": "L1"}, Subjects: []trace.DraftSubject{{URI: link(toner, counted[9])}}})
	n.put(t, n.checkpoint(t))
	a := n.answer(t, link(toner, counted[9]))
	if a.Verdict != trace.Warn || !slices.ContainsFunc(a.Trail.Findings, func(f trace.FindingView) bool { return f.Code == trace.Guessable }) {
		t.Errorf("verdict %s, findings %+v", a.Verdict, a.Trail.Findings)
	}
}

func TestAdoptRefuses(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 200)
	list := someList(5, 300)
	n.mustAdopt(t, list...)
	before := n.store.Size(n.chain)
	for _, c := range []struct {
		name, code string
		serials    []string
	}{
		{"the same list", "list-adopted", list},
		{"a serial of another list", "serial-taken", append(someList(6, 20), list[100])},
		{"a serial of ours", "serial-taken", append(someList(7, 20), n.serial(t, toner, 0, 30))},
		{"a serial twice", "serial-twice", []string{"A-1", "B-2", "A-1"}},
		{"no serial of AI 21", "bad-serial", []string{"A-1", "with space"}},
		{"a gap", "bad-serial", []string{"A-1", "", "B-2"}},
		{"nothing", "bad-count", nil},
	} {
		_, err := n.adopt(AdoptRun{GTIN: toner}, c.serials...)
		if err == nil {
			t.Errorf("%s: adopted", c.name)
			continue
		}
		wantCode(t, err, c.code)
	}
	_, err := n.adopt(AdoptRun{GTIN: foreign}, someList(8, 5)...)
	wantCode(t, err, "not-authority")
	_, err = n.adopt(AdoptRun{GTIN: toner}, append(someList(6, 20), list[100])...)
	if err == nil || !strings.HasPrefix(err.Error(), "line 21: run 1 ") {
		t.Errorf("the refusal does not say where: %v", err)
	}
	if got := n.store.Size(n.chain); got != before {
		t.Errorf("%d entries were written", got-before)
	}
	if left, err := filepath.Glob(filepath.Join(n.dir, "issue-*")); err != nil || len(left) > 0 {
		t.Errorf("scratch directories are left: %v, %v", left, err)
	}
}

// Whoever signs run records himself is held to the same at the door.
func TestDoorRefusesSharedSerials(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	list := someList(9, 300)
	first := n.mustAdopt(t, list...)
	issued := n.makeList(t, append(someList(10, 5), list[0])...)
	key := n.grantKey(t)
	run := func(number int, pack, root ledger.Hash, count uint32) trace.Draft {
		return trace.Draft{Kind: "run", Fields: fields{"gtin": toner, "run": number, "pack": pack, "root": root, "count": count, "foreign": true}}
	}
	for _, c := range []struct {
		name, code string
		draft      trace.Draft
	}{
		{"shares a serial", "serial-taken", run(1, issued.Digest, issued.Root, issued.Count)},
		{"another's pack", "serial-taken", run(1, first.Pack, first.Root, first.Count)},
		{"not its pack", "bad-pack", run(1, issued.Digest, first.Root, issued.Count)},
	} {
		placed := n.SubmitSigned(context.Background(), []SignedRecord{n.signed(t, key, c.draft)})
		if placed[0].Err == nil {
			t.Errorf("%s: stored", c.name)
			continue
		}
		wantCode(t, placed[0].Err, c.code)
	}
}

// makeList makes the pack of a list among the attachments.
func (n *testNode) makeList(t testing.TB, serials ...string) code.Issued {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	issued, err := code.IssueList(ctx, toner.Uint64(), strings.NewReader(strings.Join(serials, "\n")), code.Job{Dir: dir, TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.keepPack(ctx, &issued); err != nil {
		t.Fatal(err)
	}
	return issued
}

// Two lists with one serial can come about when a pack was not there to be
// compared. The oldest has the item, on every node and whatever stood first in
// the index.
func TestOldestListWins(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	shared := "only-once-9Q7ZB2"
	older := n.makeList(t, append(someList(11, 50), shared)...)
	newer := n.makeList(t, shared, "other-44KX0")
	n.packs.noteDisjoint([2]ledger.Hash{newer.Digest, older.Digest}) // as the door thinks whose pack is missing
	for i, l := range []code.Issued{older, newer} {
		n.mustSubmit(t, trace.Draft{Kind: "run", Fields: fields{"gtin": toner, "run": 1 - i, "pack": ledger.Hash(l.Digest), "root": ledger.Hash(l.Root), "count": l.Count, "foreign": true}})
	}
	r, err := n.resolve(context.Background(), link(toner, shared), nil)
	if err != nil || r.Item != trace.Code(toner, 1, 50) {
		t.Errorf("%s is %v, %v", shared, r.Item, err)
	}
}

// Partners answer for foreign serials once the pack is there, and say before that
// they cannot.
func TestPartnerNeedsThePackOfAList(t *testing.T) {
	t.Parallel()
	nodes := newNetwork(t, 2)
	brand, dist := nodes[0], nodes[1]
	brand.addOperator(t)
	brand.mustSubmit(t, productDraft(toner))
	list := someList(12, 300)
	run := brand.mustAdopt(t, list...)
	move(t, brand, dist, brand.chain)
	_, err := dist.resolve(context.Background(), link(toner, list[5]), nil)
	wantCode(t, err, "not-ready")
	copyBlob(t, brand, dist, run.Pack)
	r, err := dist.resolve(context.Background(), link(toner, list[5]), nil)
	if err != nil || r.Item != trace.Code(toner, 0, 5) {
		t.Errorf("with the pack: %+v, %v", r, err)
	}
}

// copyBlob gives a node an attachment of another, as fetching it would.
func copyBlob(t testing.TB, from, to *testNode, digest ledger.Hash) {
	t.Helper()
	f, err := from.blobs.Open(digest)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := to.blobs.Put(context.Background(), f, store.Audience{Of: ledger.Members}); err != nil {
		t.Fatal(err)
	}
}
