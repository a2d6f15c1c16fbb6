package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
