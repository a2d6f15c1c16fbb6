package node

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/trace"
)

// newPaying makes a brand whose toner pays a reward to who uses the hidden code
// once it is sold, with a run of second codes.
func newPaying(t testing.TB, trigger string) *testNode {
	t.Helper()
	n := newNetwork(t, 1)[0]
	n.addOperator(t)
	product := productDraft(toner)
	product.Fields["reward_trigger"] = trigger
	n.mustSubmit(t, product)
	if _, err := n.IssueRun(context.Background(), IssueRun{GTIN: toner, Count: 100, Second: true}, nil); err != nil {
		t.Fatal(err)
	}
	return n
}

// addSecond adds another operator who may sign the kinds.
func (n *testNode) addSecond(t testing.TB, name string, kinds ...string) ledger.Address {
	t.Helper()
	a, _, err := n.AddOperator(context.Background(), AddOperator{Name: name, Kinds: kinds, AdminPassphrase: adminPhrase})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// approve has an operator approve a draft.
func (n *testNode) approve(t testing.TB, operator string, d trace.Draft) ([]byte, error) {
	t.Helper()
	a, err := n.Approve(context.Background(), Signer{Operator: operator}, encode(t, d)[0], true)
	if err != nil {
		return nil, err
	}
	return a.Draft, nil
}

func (n *testNode) submitRaw(operator string, raw []byte) error {
	return n.Submit(context.Background(), Signer{Operator: operator}, [][]byte{raw})[0].Err
}

// Codes that are worth money once they are activated are activated by two.
func TestActivationThatPaysNeedsTwo(t *testing.T) {
	t.Parallel()
	n := newPaying(t, trace.TriggerSold)
	wantCode(t, n.submit(t, activateDraft(0, 9))[0].Err, "approval-missing")
	second := n.addSecond(t, "second", "activate")
	raw, err := n.approve(t, "second", activateDraft(0, 9))
	if err != nil {
		t.Fatal(err)
	}
	n.clock.at = n.clock.at.Add(time.Hour) // approved now, signed later
	if err := n.submitRaw("clerk", raw); err != nil {
		t.Fatalf("approved by a second operator: %v", err)
	}
	events, err := n.load(nil, []trace.Position{{Chain: n.chain, Seq: n.store.Size(n.chain) - 1}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := trace.Approver(n.Network().ID, events[0]); err != nil || got != second {
		t.Errorf("the record was approved by %s, %v; want %s", got, err, second)
	}
	if ok, err := n.approvedByTwo(events[0]); !ok || err != nil {
		t.Errorf("who pays sees it approved by two: %t, %v", ok, err)
	}
	wantCode(t, n.submitRaw("clerk", raw), "already-active")
}

func TestApprovalOfTheWrongPersonOrThing(t *testing.T) {
	t.Parallel()
	n := newPaying(t, trace.TriggerActivated)
	n.addSecond(t, "second", "activate")
	n.addSecond(t, "packer", "pack")
	_, err := n.approve(t, "packer", activateDraft(0, 9))
	wantCode(t, err, "approval-invalid")
	_, err = n.approve(t, "nobody", activateDraft(0, 9))
	wantCode(t, err, "unknown-operator")
	_, err = n.approve(t, "second", sellDraft(3))
	wantCode(t, err, "no-approval-needed")

	own, err := n.approve(t, "clerk", activateDraft(0, 9))
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, n.submitRaw("clerk", own), "approval-invalid")

	good, err := n.approve(t, "second", activateDraft(0, 9))
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, n.submitRaw("clerk", []byte(strings.Replace(string(good), `"to":9`, `"to":8`, 1))), "approval-invalid")
	if _, err := n.RevokeOperator(context.Background(), "second", adminPhrase); err != nil {
		t.Fatal(err)
	}
	wantCode(t, n.submitRaw("clerk", good), "approval-invalid") // who approved has left meanwhile
}

// Two keys of one person are not two people.
func TestApprovalBySomebodyElse(t *testing.T) {
	t.Parallel()
	n := newPaying(t, trace.TriggerSold)
	for name, person := range map[string]string{"li-1": "Li", "li-2": "Li", "wang": "Wang"} {
		if _, _, err := n.AddOperator(context.Background(), AddOperator{
			Name: name, Person: person, Kinds: []string{"activate"}, AdminPassphrase: adminPhrase,
		}); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := n.approve(t, "li-2", activateDraft(0, 9))
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, n.submitRaw("li-1", raw), "approval-invalid")
	if err := n.submitRaw("wang", raw); err != nil {
		t.Errorf("approved by somebody else: %v", err)
	}
}

// An operator whose key is kept elsewhere approves without this node.
func TestApprovalFromAWallet(t *testing.T) {
	t.Parallel()
	n := newPaying(t, trace.TriggerShipped)
	key := ledgertest.OperatorKey(t.Name())
	if _, _, err := n.AddOperator(context.Background(), AddOperator{
		Name: "wallet", Address: ledger.AddressOf(key), Kinds: []string{"activate"}, AdminPassphrase: adminPhrase,
	}); err != nil {
		t.Fatal(err)
	}
	a, err := n.Approve(context.Background(), Signer{}, encode(t, activateDraft(0, 9))[0], false)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(a.Message, "Suyuan approval\nnetwork: ") || a.Approver != (ledger.Address{}) {
		t.Errorf("to be signed: %+v", a)
	}
	sig, err := ledger.SignMessage(a.Message, key)
	if err != nil {
		t.Fatal(err)
	}
	var d trace.Draft
	if err := json.Unmarshal(a.Draft, &d); err != nil {
		t.Fatal(err)
	}
	d.Fields["co_approval"] = trace.Approval(sig).String()
	n.mustSubmit(t, d)
}

// Products that pay nothing are activated by one; an approval that is given all the
// same has to be one.
func TestActivationThatPaysNothing(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 100)
	n.mustSubmit(t, activateDraft(0, 9))
	d := activateDraft(10, 19)
	d.Fields["co_approval"] = "Ms Li"
	wantCode(t, n.submit(t, d)[0].Err, "approval-invalid")
}
