package trace

import (
	"errors"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

const activation = `{"kind":"activate","at":"2026-03-01T08:00:00+08:00","place":"hz1","refs":["` + hash1 + `"],
  "subjects":[{"gtin":"06901234567892","run":3,"from":0,"to":99},{"gtin":"06901234567892","run":3,"from":200,"to":299}],
  "fields":{"lot":"L1","produced":"2026-02-27","line":"line-2"},"documents":["` + hash2 + `"]}`

// approved makes the record of a draft that a second operator has approved, as it
// stands in an entry.
func approved(t *testing.T, net *ledgertest.Net, raw, signature string) *Event {
	t.Helper()
	d, err := ParseDraft([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if signature != "" {
		d.Fields["co_approval"] = signature
	}
	rec, sc, err := d.Build(newEnv(net))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := ledger.SignRecord(rec, net.Member("lanzhi").Operator)
	if err != nil {
		t.Fatal(err)
	}
	e, err := CheckEvent(Position{Chain: rec.Chain, Seq: 9}, &ledger.OpenedEntry{Entry: ledger.Entry{Kind: ledger.EntryRecord, Time: rec.At}, Record: signed}, sc)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func approve(t *testing.T, net *ledgertest.Net, raw, who string) string {
	t.Helper()
	d, err := ParseDraft([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Event(newEnv(net))
	if err != nil {
		t.Fatal(err)
	}
	message, err := ApprovalMessage(net.Network.ID, e)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := ledger.SignMessage(message, ledgertest.OperatorKey(who))
	if err != nil {
		t.Fatal(err)
	}
	return Approval(sig).String()
}

// What was approved in a draft is what stands in the record, whatever salts and
// nonces the record has.
func TestApprovalIsOfTheEvent(t *testing.T) {
	net := ledgertest.New()
	second := ledger.AddressOf(ledgertest.OperatorKey("second"))
	sig := approve(t, net, activation, "second")
	for range 3 {
		got, err := Approver(net.Network.ID, approved(t, net, activation, sig))
		if err != nil || got != second {
			t.Fatalf("approved by %s, %v; want %s", got, err, second)
		}
	}
}

// An approval of one event is none of another, or of another network.
func TestApprovalIsOfNothingElse(t *testing.T) {
	net := ledgertest.New()
	second := ledger.AddressOf(ledgertest.OperatorKey("second"))
	sig := approve(t, net, activation, "second")
	for _, change := range [][2]string{
		{`"to":99`, `"to":98`}, {`"from":200`, `"from":201`}, {`"run":3,"from":0`, `"run":4,"from":0`}, {`"lot":"L1"`, `"lot":"L2"`},
		{`08:00:00+08:00`, `08:00:01+08:00`}, {`T08:00:00+08:00`, `T09:00:00+09:00`}, {`"place":"hz1",`, ``}, {`"line":"line-2"`, `"line":"line-3"`},
		{`"produced":"2026-02-27",`, ``}, {`"refs":["1111`, `"refs":["2211`}, {`"documents":["2222`, `"documents":["1122`},
		{`"kind":"activate",`, `"kind":"activate","party":"factory",`}, {`"lot":"L1",`, `"lot":"L1","expires":"2030-01-01",`},
	} {
		other := strings.Replace(activation, change[0], change[1], 1)
		if other == activation {
			t.Fatalf("%s is not in the draft", change[0])
		}
		if got, err := Approver(net.Network.ID, approved(t, net, other, sig)); err == nil && got == second {
			t.Errorf("the approval counts for %s", change[1])
		}
	}
	if got, err := Approver(ledger.Hash{1}, approved(t, net, activation, sig)); err == nil && got == second {
		t.Error("the approval counts in another network")
	}
}

func TestApprovalRefuses(t *testing.T) {
	net := ledgertest.New()
	good := approve(t, net, activation, "second")
	own, err := func() (string, error) {
		d, err := ParseDraft([]byte(activation))
		if err != nil {
			return "", err
		}
		e, err := d.Event(newEnv(net))
		if err != nil {
			return "", err
		}
		message, err := ApprovalMessage(net.Network.ID, e)
		if err != nil {
			return "", err
		}
		sig, err := ledger.SignMessage(message, net.Member("lanzhi").Operator)
		return Approval(sig).String(), err
	}()
	if err != nil {
		t.Fatal(err)
	}
	for name, sig := range map[string]string{
		"none": "", "a name": "Ms Li", "short": good[:len(good)-2], "upper case": "0x" + strings.ToUpper(good[2:]), "no 0x": good[2:],
		"a wrong last byte": good[:len(good)-2] + "05", "the signer's own": own,
	} {
		if _, err := Approver(net.Network.ID, approved(t, net, activation, sig)); !errors.Is(err, ErrApproval) {
			t.Errorf("%s: %v, want ErrApproval", name, err)
		}
	}
}

// The message is what a wallet shows: its bytes are fixed.
func TestApprovalMessageIsFixed(t *testing.T) {
	net := ledgertest.New()
	d, err := ParseDraft([]byte(activation))
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Event(newEnv(net))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ApprovalMessage(net.Network.ID, e)
	want := "Suyuan approval\nnetwork: " + net.Network.ID.String() + "\nkind: activate\nevent: 0x" + activationDigest
	if err != nil || got != want {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
}

const activationDigest = "ae66e1228ab0a04e17bcae8d745dfb5614d3c9208f38dade923779808ba3c6ad"

func TestRewardTrigger(t *testing.T) {
	product := func(version uint64, trigger string) *Event {
		return &Event{Kind: ledger.KindProduct, Fields: Values{"version": version, "reward_trigger": trigger}}
	}
	if got := RewardTrigger(nil); got != "" {
		t.Errorf("no product pays on %q", got)
	}
	if got := RewardTrigger([]*Event{product(1, "sold"), product(3, "shipped"), product(2, ""), {Kind: ledger.KindLink}}); got != "shipped" {
		t.Errorf("the newest version's trigger is read as %q", got)
	}
}

func FuzzParseApproval(f *testing.F) {
	f.Add("0x" + strings.Repeat("ab", ledger.SignatureSize))
	f.Add("0x")
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := ParseApproval(text); err == nil && a.String() != text {
			t.Errorf("%q is written as %q", text, a)
		}
	})
}
