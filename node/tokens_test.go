package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
)

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 1)[0]
	expires := n.clock.at.Add(time.Hour)
	_, token, err := n.AddOperator(context.Background(), AddOperator{
		Name: "clerk", Kinds: []string{"ship"}, Party: "xihu", Scopes: []string{ScopeRead}, Expires: &expires, AdminPassphrase: adminPhrase,
	})
	if err != nil {
		t.Fatal(err)
	}
	n.reopen(t) // tokens outlive the process
	for _, c := range []struct {
		after time.Duration
		err   error
	}{{0, nil}, {time.Hour, nil}, {time.Hour + time.Millisecond, ErrToken}} {
		n.clock.at = expires.Add(c.after - time.Hour)
		tok, err := n.Operator(token)
		if !errors.Is(err, c.err) {
			t.Errorf("after %v: %v, want %v", c.after, err, c.err)
		}
		if err == nil && (tok.Operator != "clerk" || tok.Party != "xihu" || len(tok.Scopes) != 1) {
			t.Errorf("the token stands for %+v", tok)
		}
	}
}

func TestTokensAreStoredAsHashes(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 1)[0]
	token := n.addOperator(t)
	path := filepath.Join(n.dir, fileTokens)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), token) || strings.Contains(string(data), strings.TrimPrefix(token, "sy_")) {
		t.Error("the token stands in the file")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has the mode %v, %v", info.Mode(), err)
	}
	for _, other := range []string{"", "sy_", token[:len(token)-1], token + "A", strings.ToLower(token), sha256Hex([]byte(token))} {
		if _, err := n.Operator(other); !errors.Is(err, ErrToken) {
			t.Errorf("token %q: %v", other, err)
		}
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if opened, err := Open(Options{Dir: n.dir, Passphrase: phrase}); err == nil {
		t.Error("a node opens with half a file of tokens")
		opened.Close()
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	n.open(t)
}

// A token goes with the right of its operator, wherever that was revoked, and so does
// the right to approve what another signs.
func TestTokensGoWithTheRight(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	nodes := newNetwork(t, 2)
	n := nodes[0]
	tokens := make(map[string]string)
	addresses := make(map[string]ledger.Address)
	for _, name := range []string{"stays", "record", "charter"} {
		var err error
		addresses[name], tokens[name], err = n.AddOperator(ctx, AddOperator{Name: name, Kinds: []string{"ship", "activate"}, Scopes: []string{ScopeRead}, AdminPassphrase: adminPhrase})
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(name string, want error) {
		t.Helper()
		if _, err := n.Operator(tokens[name]); !errors.Is(err, want) {
			t.Errorf("the token of %s: %v, want %v", name, err, want)
		}
	}
	for name := range tokens {
		check(name, nil)
	}
	admin, err := OpenAdmin(n.dir, adminPhrase)
	if err != nil {
		t.Fatal(err)
	}
	fields, err := ledger.Marshal(ledger.RevokeFields{Address: addresses["record"]})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := ledger.SignRecord(&ledger.Record{
		Kind: ledger.KindRevoke, Network: n.Network().ID, Chain: n.chain, Member: n.member.Member,
		Signer: ledger.AddressOf(admin), At: n.now().UnixMilli(), Nonce: nonce(), Fields: fields,
	}, admin)
	if err != nil {
		t.Fatal(err)
	}
	sidecar, err := new(ledger.Sidecar).Encode()
	if err != nil {
		t.Fatal(err)
	}
	// As a wallet posts it, without this node's knowing whose tokens to withdraw.
	if p := n.SubmitSigned(ctx, []SignedRecord{{Record: signed.Raw, Signature: signed.Sig, Sidecar: sidecar}})[0]; p.Err != nil {
		t.Fatal(p.Err)
	}
	next := n.propose(t, Change{Revoke: []Revocation{{Member: n.member.Member, Address: addresses["charter"]}}})
	signNext(t, next, nodes...)
	accept(t, next, nodes...)
	check("record", ErrToken)
	check("charter", ErrToken)
	check("stays", nil)
	e := &trace.Event{Kind: ledger.KindActivate, Member: n.member.Member}
	wantCode(t, n.mayApprove(addresses["charter"], e), "approval-invalid")
	wantCode(t, n.mayApprove(addresses["record"], e), "approval-invalid")
	if err := n.mayApprove(addresses["stays"], e); err != nil {
		t.Error(err)
	}
}
