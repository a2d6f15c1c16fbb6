package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/node/wire"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
)

// newScratched makes a brand with a run of the toner whose items bear second codes.
func newScratched(t testing.TB, count uint32) *testNode {
	t.Helper()
	n := newBrand(t)
	if _, err := n.IssueRun(context.Background(), IssueRun{GTIN: toner, Count: count, Second: true}, nil); err != nil {
		t.Fatal(err)
	}
	return n
}

// second returns the second code of an item of run 0.
func (n *testNode) second(t testing.TB, g gs1.GTIN, index uint32) string {
	t.Helper()
	of, err := n.Seconds(g, 0)
	if err != nil {
		t.Fatal(err)
	}
	return of(index)
}

// another is a second code that passes its check character and is another item's.
func (n *testNode) another(t testing.TB, i uint32) string { return n.second(t, toner, 1000+i) }

func (n *testNode) claim(t testing.TB, index uint32, second, token string) *Claimed {
	t.Helper()
	c, err := n.Claim(context.Background(), Claim{URI: link(toner, n.serial(t, toner, 0, index)), Second: second, Token: token})
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	return c
}

func wantOutcome(t testing.TB, c *Claimed, want Outcome) {
	t.Helper()
	if c.Outcome != want {
		t.Errorf("the outcome is %s, want %s", c.Outcome, want)
	}
}

// claimsOn counts the claim records of an item on the node's chain.
func (n *testNode) claimsOn(t testing.TB, index uint32) int {
	t.Helper()
	uses, err := n.uses(trace.Code(toner, 0, index))
	if err != nil {
		t.Fatal(err)
	}
	return len(uses)
}

func TestClaimIsFirstOnce(t *testing.T) {
	t.Parallel()
	n := newScratched(t, 2000)
	right := n.second(t, toner, 7)
	wantOutcome(t, n.claim(t, 7, n.another(t, 0), "a"), ClaimWrong)
	first := n.claim(t, 7, strings.ToLower(right[:5])+"-"+right[5:], "a") // as people type
	wantOutcome(t, first, ClaimFirst)
	n.clock.at = n.clock.at.Add(time.Hour)
	wantOutcome(t, n.claim(t, 7, right, "a"), ClaimYours)
	for _, token := range []string{"b", "c", "b"} {
		c := n.claim(t, 7, right, token)
		wantOutcome(t, c, ClaimBefore)
		if !c.At.Equal(first.At) {
			t.Errorf("the first use is said to have been at %s, not %s", c.At, first.At)
		}
	}
	wantOutcome(t, n.claim(t, 7, right, "a"), ClaimYours)
	// One record of the second use makes the finding; a third says nothing new.
	if got := n.claimsOn(t, 7); got != 2 {
		t.Errorf("%d claims are recorded, want 2", got)
	}
	wantOutcome(t, n.claim(t, 8, n.second(t, toner, 8), "a"), ClaimFirst) // another item, the same person
}

func TestClaimRefuses(t *testing.T) {
	t.Parallel()
	n := newScratched(t, 2000)
	n.issue(t, carton, 10)
	serial := n.serial(t, toner, 0, 7)
	right := n.second(t, toner, 7)
	for name, c := range map[string]struct {
		claim Claim
		code  string
	}{
		"a typing error":     {Claim{URI: link(toner, serial), Second: withTypo(right), Token: "t"}, "second-format"},
		"too short":          {Claim{URI: link(toner, serial), Second: right[:9], Token: "t"}, "second-format"},
		"no token":           {Claim{URI: link(toner, serial), Second: right}, "bad-claim"},
		"a long token":       {Claim{URI: link(toner, serial), Second: right, Token: strings.Repeat("t", maxClaimToken+1)}, "bad-claim"},
		"a product":          {Claim{URI: "https://lanzhi.example/01/" + toner.String(), Second: right, Token: "t"}, "not-an-item"},
		"without a coating":  {Claim{URI: link(carton, n.serial(t, carton, 0, 0)), Second: right, Token: "t"}, "no-second-codes"},
		"an unknown run":     {Claim{URI: link(toner, otherRun(t, serial)), Second: right, Token: "t"}, "unknown-code"},
		"an unknown product": {Claim{URI: link(foreign, serial), Second: right, Token: "t"}, "unknown-product"},
	} {
		_, err := n.Claim(context.Background(), c.claim)
		t.Run(name, func(t *testing.T) { wantCode(t, err, c.code) })
	}
	if wait, err := n.claims.wait([16]byte{}, n.clock.at); wait > 0 || err != nil {
		t.Errorf("a code that nobody tried has to wait: %v, %v", wait, err)
	}
}

// otherRun makes a serial of ours that names a run which does not exist.
func otherRun(t testing.TB, serial string) string {
	t.Helper()
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	for _, c := range alphabet {
		s := "00Z" + serial[3:19] + string(c)
		if _, err := code.Parse(s); err == nil {
			return s
		}
	}
	t.Fatal("no check character fits")
	return ""
}

// Whatever another company's node sends, it is told no more than a consumer is, and
// nothing is logged as trouble.
func TestClaimsOfOtherNodes(t *testing.T) {
	t.Parallel()
	n := newScratched(t, 2000)
	var logged bytes.Buffer
	n.log = slog.New(slog.NewTextHandler(&logged, nil))
	serial, right := n.serial(t, toner, 0, 7), n.second(t, toner, 7)
	token := ledger.Hash{1}
	for _, tt := range []struct {
		name string
		ask  wire.Claim
		want wire.Outcome
	}{
		{"a GTIN that is none", wire.Claim{GTIN: 1, Serial: serial, Second: right, Token: token}, wire.OutcomeWrong},
		{"a huge GTIN", wire.Claim{GTIN: 1 << 63, Serial: serial, Second: right, Token: token}, wire.OutcomeWrong},
		{"another company's product", wire.Claim{GTIN: foreign.Uint64(), Serial: serial, Second: right, Token: token}, wire.OutcomeAlien},
		{"a serial with a typing error", wire.Claim{GTIN: toner.Uint64(), Serial: withTypo(serial), Second: right, Token: token}, wire.OutcomeWrong},
		{"a serial with a path in it", wire.Claim{GTIN: toner.Uint64(), Serial: "../../10/x?y#z", Second: right, Token: token}, wire.OutcomeWrong},
		{"a run that is not known", wire.Claim{GTIN: toner.Uint64(), Serial: otherRun(t, serial), Second: right, Token: token}, wire.OutcomeAlien},
		{"no second code", wire.Claim{GTIN: toner.Uint64(), Serial: serial, Second: "x", Token: token}, wire.OutcomeWrong},
		{"the right one", wire.Claim{GTIN: toner.Uint64(), Serial: serial, Second: right, Token: token, Tag: "u"}, wire.OutcomeFirst},
		{"the right one again", wire.Claim{GTIN: toner.Uint64(), Serial: serial, Second: right, Token: token}, wire.OutcomeYours},
	} {
		if got := n.answerClaim(context.Background(), 2, &tt.ask); got.Outcome != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got.Outcome, tt.want)
		}
	}
	if logged.Len() > 0 {
		t.Errorf("logged: %s", logged.String())
	}
}

// withTypo changes the last character of a code, which checks the others.
func withTypo(s string) string {
	last := byte('0')
	if s[len(s)-1] == last {
		last = '1'
	}
	return s[:len(s)-1] + string(last)
}

// A code that was never issued is wrong like any other: the claim tells nothing
// that the look-up does not.
func TestClaimOfNoCodeIsWrong(t *testing.T) {
	t.Parallel()
	n := newScratched(t, 2000)
	other := newScratched(t, 10)
	uri := link(toner, other.serial(t, toner, 0, 3))
	c, err := n.Claim(context.Background(), Claim{URI: uri, Second: n.second(t, toner, 3), Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	wantOutcome(t, c, ClaimWrong)
}

// Exactly one of many people who scratch at once is the first.
func TestClaimsAtOnceHaveOneFirst(t *testing.T) {
	t.Parallel()
	n := newScratched(t, 10)
	uri, right := link(toner, n.serial(t, toner, 0, 4)), n.second(t, toner, 4)
	var mu sync.Mutex
	got := map[Outcome]int{}
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			c, err := n.Claim(context.Background(), Claim{URI: uri, Second: right, Token: fmt.Sprint(i)})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got[c.Outcome]++
		})
	}
	all.Wait()
	if got[ClaimFirst] != 1 || got[ClaimBefore] != 63 {
		t.Errorf("the outcomes are %v", got)
	}
	if records := n.claimsOn(t, 4); records != 2 {
		t.Errorf("%d claims are recorded, want 2", records)
	}
}

// A crash after the record and before the answer takes nothing from who claimed,
// and gives nothing to anybody else.
func TestClaimSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	n := newScratched(t, 10)
	right := n.second(t, toner, 4)
	gone, cancel := context.WithCancel(context.Background())
	uri := link(toner, n.serial(t, toner, 0, 4))
	r, err := n.resolve(gone, uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel() // the caller is gone when the record is made
	claim := Claim{URI: uri, Second: right, Token: "mine"}
	q := wireClaim(r, claim)
	if _, err := n.recordUse(gone, r, q); err != nil {
		t.Fatal(err)
	}
	n.reopen(t)
	c, err := n.Claim(context.Background(), claim)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcome(t, c, ClaimYours)
	wantOutcome(t, n.claim(t, 4, right, "somebody else"), ClaimBefore)
}

// Wrong tries have to wait, longer each time, and a restart does not end it.
func TestWrongTriesWait(t *testing.T) {
	t.Parallel()
	n := newScratched(t, 2000)
	right := n.second(t, toner, 7)
	for i := range uint32(freeTries) {
		wantOutcome(t, n.claim(t, 7, n.another(t, i), "a"), ClaimWrong)
	}
	c := n.claim(t, 7, right, "a")
	wantOutcome(t, c, ClaimWait)
	if c.Wait <= 0 || c.Wait > firstWait {
		t.Errorf("told to wait for %s, want up to %s", c.Wait, firstWait)
	}
	n.reopen(t)
	wantOutcome(t, n.claim(t, 7, right, "a"), ClaimWait)
	wantOutcome(t, n.claim(t, 8, n.second(t, toner, 8), "a"), ClaimFirst) // others need not wait
	n.clock.at = n.clock.at.Add(firstWait)
	wantOutcome(t, n.claim(t, 7, n.another(t, 20), "a"), ClaimWrong)
	n.clock.at = n.clock.at.Add(firstWait)
	wantOutcome(t, n.claim(t, 7, right, "a"), ClaimWait) // twice as long now
	n.clock.at = n.clock.at.Add(firstWait)
	wantOutcome(t, n.claim(t, 7, right, "a"), ClaimFirst)
	if count, _, err := n.claims.tries(mustResolve(t, n, 7).Hash); count != 0 || err != nil {
		t.Errorf("%d wrong tries are remembered after a right one, %v", count, err)
	}
}

// Whoever floods the pages of one company, or a company that makes claims up, keeps
// nobody from claiming elsewhere.
func TestFloodHoldsUpItsOwnClaimsOnly(t *testing.T) {
	t.Parallel()
	n := newScratched(t, 2000)
	ask := func(from uint32, index uint32, second string) uint64 {
		t.Helper()
		q := wireClaim(mustResolve(t, n, index), Claim{Second: second, Token: "a"})
		return uint64(n.answerClaim(context.Background(), from, q).Outcome)
	}
	flooded := n.claims.wrong.from(77, false)
	flooded.AllowN(n.now(), wrongBurstEach-3)
	for i := range uint32(3) {
		if got := ask(77, 7, n.another(t, i)); got != uint64(wire.OutcomeWrong) {
			t.Fatalf("wrong try %d: outcome %d", i, got)
		}
	}
	if got := ask(77, 8, n.second(t, toner, 8)); got != uint64(wire.OutcomeUnable) {
		t.Errorf("from where the flood comes: outcome %d", got)
	}
	if got := ask(78, 8, n.second(t, toner, 8)); got != uint64(wire.OutcomeFirst) {
		t.Errorf("from another company: outcome %d", got)
	}
	wantOutcome(t, n.claim(t, 9, n.second(t, toner, 9), "a"), ClaimFirst)
	n.clock.at = n.clock.at.Add(time.Second)
	if got := ask(77, 10, n.second(t, toner, 10)); got != uint64(wire.OutcomeFirst) {
		t.Errorf("when the flood has ebbed: outcome %d", got)
	}
}

func TestWaitsGrow(t *testing.T) {
	t.Parallel()
	var last time.Duration
	for count := uint32(freeTries); count < 200; count++ {
		wait := waitAfter(count)
		if wait < last || wait > lastWait || wait <= 0 {
			t.Fatalf("after %d wrong tries the wait is %s, before it %s", count, wait, last)
		}
		last = wait
	}
	if last != lastWait {
		t.Errorf("the waits end at %s", last)
	}
}

// The second code stands in what the issuing node alone keeps: not in the record,
// not in what members hold of its sidecar, not in the log.
func TestSecondCodeStaysAtHome(t *testing.T) {
	t.Parallel()
	n := newScratched(t, 2000)
	var logged bytes.Buffer
	n.log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	right, wrong := n.second(t, toner, 7), n.another(t, 0)
	wantOutcome(t, n.claim(t, 7, wrong, "my token"), ClaimWrong)
	wantOutcome(t, n.claim(t, 7, right, "my token"), ClaimFirst)
	raw, err := n.store.Entry(n.chain, n.store.Size(n.chain)-1)
	if err != nil {
		t.Fatal(err)
	}
	side, err := n.store.Sidecar(n.chain, n.store.Size(n.chain)-1)
	if err != nil || !bytes.Contains(side, []byte(right)) {
		t.Fatalf("the last entry is not the claim: %v", err)
	}
	sc, err := ledger.DecodeSidecar(side)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := sc.For("wh", n.Member())
	if err != nil {
		t.Fatal(err)
	}
	shown, err := theirs.Encode()
	if err != nil {
		t.Fatal(err)
	}
	n.put(t, n.checkpoint(t))
	answer, err := n.Answer(context.Background(), link(toner, n.serial(t, toner, 0, 7)), "")
	if err != nil {
		t.Fatal(err)
	}
	page, err := json.Marshal(answer)
	if err != nil || !bytes.Contains(page, []byte(`"claim"`)) {
		t.Fatalf("the answer does not tell of the claim: %s, %v", page, err)
	}
	for what, text := range map[string]string{"record": string(raw), "sidecar of another member": string(shown), "log": logged.String(), "answer": string(page)} {
		for _, secret := range []string{right, wrong, "my token"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s stands in the %s", secret, what)
			}
		}
	}
}

// A claim that was taken back, say of a test, was none.
func TestCorrectedClaimDoesNotCount(t *testing.T) {
	t.Parallel()
	n := newScratched(t, 10)
	right := n.second(t, toner, 7)
	wantOutcome(t, n.claim(t, 7, right, "test"), ClaimFirst)
	uses, err := n.uses(trace.Code(toner, 0, 7))
	if err != nil {
		t.Fatal(err)
	}
	n.mustSubmit(t, trace.Draft{Kind: "correct", Fields: fields{"target": uses[0].ID, "reason": "test"}})
	first := n.claim(t, 7, right, "consumer")
	wantOutcome(t, first, ClaimFirst)
	n.clock.at = n.clock.at.Add(time.Hour)
	wantOutcome(t, n.claim(t, 7, right, "another"), ClaimBefore)

	// The list says which is which.
	list, _, err := n.Claims(0)
	if err != nil || len(list) != 3 {
		t.Fatalf("claims: %+v, %v", list, err)
	}
	for i, want := range []Use{UseTakenBack, UseFirst, UseAgain} {
		c := list[i]
		if c.Use != want || (c.FirstAt != nil) != (want == UseAgain) || c.FirstAt != nil && !c.FirstAt.Equal(first.At) {
			t.Errorf("claim %d: %s, first %v, want %s", i, c.Use, c.FirstAt, want)
		}
	}
}

// A company whose node has lost its guard goes on under a new number, and goes on
// checking the second codes that it issued before.
func TestClaimsUnderANewNumber(t *testing.T) {
	t.Parallel()
	nodes := newNetwork(t, 4)
	brand, dist, wh, audit := nodes[0], nodes[1], nodes[2], nodes[3]
	brand.addOperator(t)
	brand.mustSubmit(t, productDraft(toner))
	if _, err := brand.IssueRun(context.Background(), IssueRun{GTIN: toner, Count: 10, Second: true}, nil); err != nil {
		t.Fatal(err)
	}
	right := brand.second(t, toner, 4)
	wantOutcome(t, brand.claim(t, 4, right, "before"), ClaimFirst)
	for _, n := range []*testNode{dist, wh, audit} {
		move(t, brand, n, brand.chain)
	}
	cp := brand.checkpoint(t, dist, wh, audit)
	for _, n := range nodes {
		n.put(t, cp)
	}
	mustRemove(t, brand.config.Guard)
	brand.reopen(t)
	r, err := brand.RotateKeys([]string{"log"}, adminPhrase)
	if err != nil {
		t.Fatal(err)
	}
	s := brand.propose(t, Change{Rotate: []Rotation{r}})
	signNext(t, s, dist, wh, audit)
	accept(t, s, nodes...)
	brand.reopen(t)
	brand.addOperator(t)
	if brand.Chain() != 5 {
		t.Fatalf("the brand writes chain %d", brand.Chain())
	}
	wantOutcome(t, brand.claim(t, 4, right, "before"), ClaimYours)
	wantOutcome(t, brand.claim(t, 4, right, "after"), ClaimBefore)
	wantOutcome(t, brand.claim(t, 5, brand.second(t, toner, 5), "after"), ClaimFirst)
	wantOutcome(t, brand.claim(t, 5, brand.second(t, toner, 5), "again"), ClaimBefore)
	run := mustResolve(t, brand, 4).Run
	if got, _, ok := dist.checker(run); !ok || got != 5 {
		t.Errorf("others ask the node of chain %d", got)
	}

	// Of two nodes of the company with the secrets one answers, whatever is here.
	brand.chain = 6
	if brand.checksSeconds(run) {
		t.Error("another node of the company checks them too")
	}
	brand.chain = 5

	// A claim by hand on the chain of another of its nodes counts for nothing.
	turn := brand.turnsOf(run)
	for at, want := range map[trace.Position]int{{Chain: 1, Seq: 3}: 0, {Chain: 5, Seq: 3}: 1, {Chain: 6, Seq: 3}: -1, {Chain: 1, Seq: 1 << 40}: -1} {
		if got := turn(&trace.Event{Position: at}); got != want {
			t.Errorf("a claim at %v is on chain %d of those that check, want %d", at, got, want)
		}
	}

	// Whoever goes on says nothing before it has all that was used before.
	if err := brand.hasEarlierUses(run); err != nil {
		t.Errorf("with the whole chain: %v", err)
	}
	if err := brand.index.Drop(); err != nil {
		t.Fatal(err)
	}
	if err := brand.hasEarlierUses(run); err != nil {
		t.Errorf("with the whole chain, which is not indexed yet: %v", err)
	}
	end := brand.Network().Ended(1)
	end.Size++
	if err := brand.hasEarlierUses(run); err == nil {
		t.Error("without the last entry of the chain it would say which use is the first")
	}
	wantCode(t, claimOf(brand, 6, brand.second(t, toner, 6)), "claims-not-possible")
	end.Size--

	secret := filepath.Join(brand.dir, secondName(toner, 0))
	check := func(want string) {
		t.Helper()
		if !slices.ContainsFunc(brand.Examine(), func(c Check) bool { return c.Name == "second codes" && c.State == want }) {
			t.Errorf("the doctor says %+v", brand.Examine())
		}
	}
	check(Good)
	mustRemove(t, secret)
	check(Bad)
}

// claimOf is the refusal of a claim.
func claimOf(n *testNode, index uint32, second string) error {
	serials, _, err := n.Codes(toner, 0, index, index+1)
	if err != nil {
		return err
	}
	for _, s := range serials {
		_, err = n.Claim(context.Background(), Claim{URI: link(toner, s), Second: second, Token: "t"})
	}
	return err
}

// Without an operator who may sign claims nobody is told anything but to come
// again, and nothing is used up.
func TestClaimNeedsAnOperator(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 1)[0]
	kinds := []string{"product", "run"}
	if _, _, err := n.AddOperator(context.Background(), AddOperator{Name: "clerk", Kinds: kinds, AdminPassphrase: adminPhrase}); err != nil {
		t.Fatal(err)
	}
	n.mustSubmit(t, productDraft(toner))
	if _, err := n.IssueRun(context.Background(), IssueRun{GTIN: toner, Count: 10, Second: true}, nil); err != nil {
		t.Fatal(err)
	}
	claim := Claim{URI: link(toner, n.serial(t, toner, 0, 7)), Second: n.second(t, toner, 7), Token: "t"}
	_, err := n.Claim(context.Background(), claim)
	wantCode(t, err, "claims-not-possible")
	if !slices.ContainsFunc(n.Examine(), func(c Check) bool { return c.Name == "second codes" && c.State == Bad && c.Fix != "" }) {
		t.Errorf("the doctor says %+v", n.Examine())
	}
	n.addOperator(t)
	wantOutcome(t, n.claim(t, 7, claim.Second, "t"), ClaimFirst)
}

func TestSecondsAreOfRunsThatHaveThem(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 10)
	_, err := n.Seconds(toner, 0)
	wantCode(t, err, "no-second-codes")
	_, err = n.Seconds(toner, 1)
	wantCode(t, err, "unknown-run")
}

func mustResolve(t testing.TB, n *testNode, index uint32) *resolved {
	t.Helper()
	r, err := n.resolve(context.Background(), link(toner, n.serial(t, toner, 0, index)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
