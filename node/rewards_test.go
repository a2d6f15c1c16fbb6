package node

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/node/reward"
	"suyuan/trace"
)

// withRewards writes settings of rewards for a receiver and opens the node again.
func (n *testNode) withRewards(t testing.TB, url string) {
	t.Helper()
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", 32)))
	for name, text := range map[string]string{
		"hook.secret": secret + "\n",
		fileRewards:   "url = \"" + url + "\"\nsecret_file = \"hook.secret\"\nallow_loopback = true\n",
	} {
		if err := os.WriteFile(filepath.Join(n.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n.reopen(t)
}

// judge says what becomes of the reward for an item's first claim.
func (n *testNode) judge(t testing.TB, index uint32) reward.Judgement {
	t.Helper()
	if err := n.takeClaims(context.Background()); err != nil {
		t.Fatal(err)
	}
	uses, err := n.uses(trace.Code(toner, 0, index))
	if err != nil {
		t.Fatal(err)
	}
	r, err := n.rewards.Get(reward.ID(uses[0].ID))
	if err != nil {
		t.Fatalf("the reward for %d: %v", index, err)
	}
	j, err := n.judgeReward(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (n *testNode) activateByTwo(t testing.TB, from, to uint32) {
	t.Helper()
	raw, err := n.approve(t, "second", activateDraft(from, to))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.submitRaw("clerk", raw); err != nil {
		t.Fatal(err)
	}
}

func dispatchDraft(index uint32) trace.Draft {
	return trace.Draft{Kind: "ship", Subjects: []trace.DraftSubject{codesOf(toner, index, index)}, Fields: fields{"purpose": "sale", "to": "brand"}}
}

// triggers has what makes each trigger happen to item 7.
func triggers() map[string]func(*testing.T, *testNode) {
	return map[string]func(*testing.T, *testNode){
		trace.TriggerActivated: func(t *testing.T, n *testNode) { n.activateByTwo(t, 0, 9) },
		trace.TriggerShipped: func(t *testing.T, n *testNode) {
			n.activateByTwo(t, 0, 9)
			n.mustSubmit(t, trace.Draft{Kind: "party", Fields: fields{"slug": "dealer", "kind": "dealer"}})
			d := dispatchDraft(7)
			d.Fields["to"] = "brand/dealer"
			n.mustSubmit(t, d)
		},
		trace.TriggerSold: func(t *testing.T, n *testNode) {
			n.activateByTwo(t, 0, 9)
			n.mustSubmit(t, sellDraft(7))
			n.mustSubmit(t, trace.Draft{Kind: "return", Subjects: []trace.DraftSubject{codesOf(toner, 7, 7)}, Fields: fields{"condition": "opened", "disposition": "restock"}})
		},
	}
}

// A reward waits for the product's trigger, and for that to be final.
func TestRewardWaitsForItsTrigger(t *testing.T) {
	t.Parallel()
	for trigger, happen := range triggers() {
		t.Run(trigger, func(t *testing.T) {
			t.Parallel()
			n := newPaying(t, trigger)
			n.addSecond(t, "second", "activate")
			n.withRewards(t, "http://127.0.0.1:1/")
			wantOutcome(t, n.claim(t, 7, n.second(t, toner, 7), "t"), ClaimFirst)
			if j := n.judge(t, 7); j.State != reward.Waiting {
				t.Errorf("%s before the claim is final", j.State)
			}
			n.final(t)
			if j := n.judge(t, 7); j.State != reward.Waiting {
				t.Errorf("%s before the trigger", j.State)
			}
			happen(t, n)
			if j := n.judge(t, 7); j.State != reward.Waiting {
				t.Errorf("%s before the trigger is final", j.State)
			}
			n.final(t)
			j := n.judge(t, 7)
			if j.State != reward.Due || j.Record == (reward.ID{}) || j.At.IsZero() || j.Verdict == "" {
				t.Errorf("after the trigger: %+v", j)
			}
		})
	}
}

// Codes that somebody activated alone pay nothing, whatever door let them pass;
// a claim that was taken back pays nothing either.
func TestRewardIsHeldOrWithdrawn(t *testing.T) {
	t.Parallel()
	n := newScratched(t, 100)
	n.mustSubmit(t, activateDraft(0, 9)) // by one, while the product paid nothing
	product := productDraft(toner)
	product.Fields["version"], product.Fields["reward_trigger"] = 2, trace.TriggerActivated
	n.mustSubmit(t, product)
	n.withRewards(t, "http://127.0.0.1:1/")
	wantOutcome(t, n.claim(t, 7, n.second(t, toner, 7), "t"), ClaimFirst)
	n.final(t)
	if j := n.judge(t, 7); j.State != reward.Held || j.Reason == "" {
		t.Errorf("activated by one: %+v", j)
	}
	uses, err := n.uses(trace.Code(toner, 0, 7))
	if err != nil {
		t.Fatal(err)
	}
	r, err := n.rewards.Get(reward.ID(uses[0].ID))
	if err != nil {
		t.Fatal(err)
	}
	n.mustSubmit(t, trace.Draft{Kind: "correct", Fields: fields{"target": uses[0].ID, "reason": "test"}})
	n.final(t)
	if j, err := n.judgeReward(context.Background(), r); err != nil || j.State != reward.Withdrawn {
		t.Errorf("taken back: %+v, %v", j, err)
	}
}

// Once the receiver was told of a claim, taking that back and claiming anew pays
// nothing: one code is paid once.
func TestRewardIsPaidOncePerItem(t *testing.T) {
	t.Parallel()
	told := make(chan struct{}, 10)
	recv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told <- struct{}{} }))
	defer recv.Close()
	n := newPaying(t, trace.TriggerActivated)
	n.addSecond(t, "second", "activate")
	n.activateByTwo(t, 0, 9)
	n.withRewards(t, recv.URL)
	wantOutcome(t, n.claim(t, 7, n.second(t, toner, 7), "a"), ClaimFirst)
	n.final(t)
	n.clock.at = n.clock.at.Add(time.Minute)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { n.runRewards(ctx); close(done) }()
	select {
	case <-told:
	case <-time.After(time.Minute):
		t.Errorf("no message has come; %+v", n.Status().Rewards)
	}
	cancel()
	<-done
	uses, err := n.uses(trace.Code(toner, 0, 7))
	if err != nil {
		t.Fatal(err)
	}
	n.mustSubmit(t, trace.Draft{Kind: "correct", Fields: fields{"target": uses[0].ID, "reason": "test"}})
	wantOutcome(t, n.claim(t, 7, n.second(t, toner, 7), "b"), ClaimFirst)
	n.final(t)
	if j := n.judge(t, 7); j.State != reward.Held || j.Reason == "" {
		t.Errorf("claimed again: %+v", j)
	}
}

// A second use that was recorded before the first was taken back, as one of a test,
// is the first from then on, and is paid for.
func TestRewardForTheClaimThatBecomesTheFirst(t *testing.T) {
	t.Parallel()
	n := newPaying(t, trace.TriggerActivated)
	n.addSecond(t, "second", "activate")
	n.activateByTwo(t, 0, 9)
	n.withRewards(t, "http://127.0.0.1:1/")
	right := n.second(t, toner, 7)
	wantOutcome(t, n.claim(t, 7, right, "test"), ClaimFirst)
	wantOutcome(t, n.claim(t, 7, right, "consumer"), ClaimBefore)
	n.final(t)
	if j := n.judge(t, 7); j.State != reward.Due {
		t.Errorf("the first: %+v", j)
	}
	uses, err := n.uses(trace.Code(toner, 0, 7))
	if err != nil || len(uses) != 2 {
		t.Fatalf("%d uses, %v", len(uses), err)
	}
	n.mustSubmit(t, trace.Draft{Kind: "correct", Fields: fields{"target": uses[0].ID, "reason": "test"}})
	n.final(t)
	if j := n.judge(t, 7); j.State != reward.Due {
		t.Errorf("the second, which is the first now: %+v", j)
	}
	wantOutcome(t, n.claim(t, 7, right, "consumer"), ClaimYours)
	if list, err := n.rewards.List("", nil, 10); err != nil || len(list) != 2 {
		t.Errorf("rewards %+v, %v", list, err)
	}
	// What corrects something else, or the second use, brings nothing.
	n.mustSubmit(t, trace.Draft{Kind: "correct", Fields: fields{"target": uses[1].ID, "reason": "test"}})
	n.final(t)
	if err := n.takeClaims(context.Background()); err != nil {
		t.Fatal(err)
	}
	if list, err := n.rewards.List("", nil, 10); err != nil || len(list) != 2 {
		t.Errorf("rewards %+v, %v", list, err)
	}
}

// Each trigger is told of by one message, the same again after the receiver failed
// and the node was stopped; none comes before the trigger is final.
func TestEachTriggerIsToldOfOnce(t *testing.T) {
	t.Parallel()
	for trigger, happen := range triggers() {
		t.Run(trigger, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			got := make(map[string]int) // by id and body
			came := make(chan struct{}, 10)
			recv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				got[r.Header.Get("webhook-id")+string(body)]++
				if err != nil || len(got) == 1 && got[r.Header.Get("webhook-id")+string(body)] == 1 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				came <- struct{}{}
			}))
			defer recv.Close()
			n := newPaying(t, trigger)
			n.addSecond(t, "second", "activate")
			n.withRewards(t, recv.URL)
			wantOutcome(t, n.claim(t, 7, n.second(t, toner, 7), "a"), ClaimFirst)
			wantOutcome(t, n.claim(t, 7, n.second(t, toner, 7), "b"), ClaimBefore)
			uses, err := n.uses(trace.Code(toner, 0, 7))
			if err != nil {
				t.Fatal(err)
			}
			id := reward.ID(uses[0].ID)
			runUntil := func(what string, done func(*reward.Reward) bool) {
				t.Helper()
				n.clock.at = n.clock.at.Add(time.Hour)
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				ended := make(chan struct{})
				go func() { n.runRewards(ctx); close(ended) }()
				for ctx.Err() == nil {
					if r, err := n.rewards.Get(id); err == nil && done(r) {
						break
					}
					runtime.Gosched()
				}
				if ctx.Err() != nil {
					t.Errorf("never %s: %+v", what, n.Status().Rewards)
				}
				cancel()
				<-ended
			}
			n.final(t)
			runUntil("looked at", func(r *reward.Reward) bool { return r.Next.After(n.clock.at) })
			happen(t, n)
			runUntil("looked at again", func(r *reward.Reward) bool { return r.Next.After(n.clock.at) })
			if len(came) > 0 {
				t.Fatal("a message before the trigger is final")
			}
			n.final(t)
			runUntil("tried", func(r *reward.Reward) bool { return r.Attempts == 1 })
			runUntil("delivered", func(r *reward.Reward) bool { return r.State == reward.Delivered })
			runUntil("over", func(r *reward.Reward) bool { return r.State == reward.Delivered })
			mu.Lock()
			defer mu.Unlock()
			if len(got) != 1 || len(came) != 2 {
				t.Errorf("%d messages, in %d attempts", len(got), len(came))
			}
			for message := range got {
				if !strings.Contains(message, "\"trigger\":\""+trigger+"\"") || !strings.HasPrefix(message, id.String()) {
					t.Errorf("the message is %s", message)
				}
			}
		})
	}
}

// From claim to receiver, through a node that runs: one message for one item,
// however often it is claimed, and the list and the status tell of it.
func TestRewardReachesTheReceiver(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	came := make(chan struct{}, 10)
	recv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		got = append(got, r.Header.Get("webhook-id"))
		mu.Unlock()
		came <- struct{}{}
	}))
	defer recv.Close()
	n := newPaying(t, trace.TriggerActivated)
	n.addSecond(t, "second", "activate")
	n.activateByTwo(t, 0, 9)
	n.withRewards(t, recv.URL)
	right := n.second(t, toner, 7)
	for _, token := range []string{"a", "a", "b", "c"} {
		n.claim(t, 7, right, token)
	}
	n.final(t)
	n.clock.at = n.clock.at.Add(time.Minute)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { n.runRewards(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	select {
	case <-came:
	case <-time.After(time.Minute):
		t.Fatalf("no message has come; %+v", n.Status().Rewards)
	}
	list, next, err := n.Claims(0)
	if err != nil || next != 0 || len(list) != 2 {
		t.Fatalf("claims: %+v, next %d, %v", list, next, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) != 1 || got[0] != list[0].Claim.String() {
		t.Errorf("messages %v, want one for %s", got, list[0].Claim)
	}
	if list[0].Reward == nil || list[1].Reward != nil || list[0].GTIN != toner || list[0].Index != 7 {
		raw, _ := json.Marshal(list)
		t.Errorf("claims are listed as %s", raw)
	}
	if !slices.ContainsFunc(n.Examine(), func(c Check) bool { return c.Name == "rewards" && c.State == Good }) {
		t.Errorf("the doctor says %+v", n.Examine())
	}
	wantCode(t, n.SendAgain(list[0].Claim), "not-failed")
	wantCode(t, n.SendAgain(ledger.Hash{1}), "unknown-reward")
	if c := n.Status().Rewards; c["delivered"]+c["due"] != 1 {
		t.Errorf("the status counts %v", c)
	}
}

func TestRewardSettingsAreChecked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := ReadRewardSettings(dir); r != nil || err != nil {
		t.Errorf("without a file: %v, %v", r, err)
	}
	write("good", "whsec_"+base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", 24))))
	write("short", "whsec_"+base64.StdEncoding.EncodeToString([]byte("s")))
	for text, ok := range map[string]bool{
		"url = \"https://erp.example/hook\"\nsecret_file = \"good\"\n":                           true,
		"url = \"http://127.0.0.1:9/\"\nsecret_file = \"good\"\nallow_loopback = true\n":         true,
		"url = \"http://127.0.0.1:9/\"\nsecret_file = \"good\"\n":                                false,
		"url = \"https://erp.example/hook\"\nsecret_file = \"short\"\n":                          false,
		"url = \"https://erp.example/hook\"\nsecret_file = \"missing\"\n":                        false,
		"url = \"https://erp.example/hook\"\n":                                                   false,
		"secret_file = \"good\"\n":                                                               false,
		"url = \"https://erp.example/hook\"\nsecret_file = \"good\"\nsecrets = \"whsec_xxxx\"\n": false,
	} {
		write(fileRewards, text)
		if _, err := ReadRewardSettings(dir); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
		var c checks
		c.rewards(dir)
		if len(c.list) != 1 || (c.list[0].State == Good) != ok {
			t.Errorf("%s: the doctor says %+v", text, c.list)
		}
	}
}
