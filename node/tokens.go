package node

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"suyuan/ledger"
)

// A Token lets a caller of the API act as an operator. Only the SHA-256 of the
// token itself is stored.
type Token struct {
	Operator string         `json:"operator"`
	Address  ledger.Address `json:"address"`
	Party    string         `json:"party,omitempty"` // the only party to act for, or ""
	Scopes   []string       `json:"scopes"`
	Expires  *time.Time     `json:"expires,omitempty"`
}

// The scopes of tokens.
const (
	ScopeRead  = "read"  // see what members may see
	ScopeWrite = "write" // have records signed by the operator's key
)

// ErrToken is returned for a token that is not known or has expired.
var ErrToken = errors.New("the token is not known or has expired")

// tokenBytes of randomness cannot be guessed, so that SHA-256 needs no salt.
const tokenBytes = 32

// tokens is tokens.json. It is safe for concurrent use.
type tokens struct {
	path string

	mu     sync.Mutex
	byHash map[string]Token // SHA-256 of the token, hex
}

func openTokens(dir string) (*tokens, error) {
	t := &tokens{path: filepath.Join(dir, fileTokens), byHash: make(map[string]Token)}
	err := readJSON(t.path, &t.byHash)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return t, nil
}

// issue makes a token for an operator and returns it; it cannot be shown again.
func (t *tokens) issue(tok Token) (string, error) {
	raw := make([]byte, tokenBytes)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	s := "sy_" + base64.RawURLEncoding.EncodeToString(raw)
	t.mu.Lock()
	defer t.mu.Unlock()
	key := sha256Hex([]byte(s))
	t.byHash[key] = tok
	if err := writeJSON(t.path, t.byHash, 0o600); err != nil {
		delete(t.byHash, key)
		return "", err
	}
	return s, nil
}

// find returns what a token stands for at the given time.
func (t *tokens) find(s string, now time.Time) (Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tok, ok := t.byHash[sha256Hex([]byte(s))]
	if !ok || tok.Expires != nil && now.After(*tok.Expires) {
		return Token{}, ErrToken
	}
	return tok, nil
}

// list returns what all tokens stand for.
func (t *tokens) list() []Token {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []Token
	for _, key := range slices.Sorted(maps.Keys(t.byHash)) {
		list = append(list, t.byHash[key])
	}
	return list
}

// withdraw forgets the tokens of an address and says how many there were.
func (t *tokens) withdraw(a ledger.Address) (n int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := maps.Clone(t.byHash)
	maps.DeleteFunc(left, func(_ string, tok Token) bool { return tok.Address == a })
	if n = len(t.byHash) - len(left); n == 0 {
		return 0, nil
	}
	if err := writeJSON(t.path, left, 0o600); err != nil {
		return 0, err
	}
	t.byHash = left
	return n, nil
}
