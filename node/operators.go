package node

import (
	"context"
	"maps"
	"slices"
	"time"

	"suyuan/ledger"
)

// An OperatorInfo describes somebody who may, or might, sign records of this
// node's chain.
type OperatorInfo struct {
	Name    string         `json:"name,omitempty"` // "" where the key is kept elsewhere
	Address ledger.Address `json:"address"`
	Grants  []GrantInfo    `json:"grants"`
	Tokens  []TokenInfo    `json:"tokens"`
}

// A GrantInfo is one grant of an operator.
type GrantInfo struct {
	Seq     uint64   `json:"seq"` // where the grant record stands
	Kinds   []string `json:"kinds"`
	Party   string   `json:"party,omitempty"`
	Places  []string `json:"places,omitempty"`
	Revoked uint64   `json:"revoked,omitempty"` // where a revoke record ends it
}

// A TokenInfo is one API token of an operator, without the token.
type TokenInfo struct {
	Scopes  []string   `json:"scopes"`
	Expires *time.Time `json:"expires,omitempty"`
}

// Operators describes all operators of this node's chain, those with a key here
// first, by name.
func (n *Node) Operators() ([]OperatorInfo, error) {
	c, err := n.store.Chain(n.chain)
	if err != nil {
		return nil, err
	}
	byAddress := make(map[ledger.Address]*OperatorInfo)
	var order []ledger.Address
	of := func(a ledger.Address) *OperatorInfo {
		if byAddress[a] == nil {
			byAddress[a] = &OperatorInfo{Address: a, Grants: []GrantInfo{}, Tokens: []TokenInfo{}}
			order = append(order, a)
		}
		return byAddress[a]
	}
	n.mu.Lock()
	for _, name := range slices.Sorted(maps.Keys(n.operators)) {
		of(ledger.AddressOf(n.operators[name])).Name = name
	}
	n.mu.Unlock()
	for _, g := range c.Rights().All() {
		info := GrantInfo{Seq: g.Seq, Party: g.Party, Places: g.Places, Revoked: g.Until}
		for _, k := range g.Kinds {
			info.Kinds = append(info.Kinds, k.String())
		}
		o := of(g.Address)
		o.Grants = append(o.Grants, info)
	}
	for _, t := range n.tokens.list() {
		o := of(t.Address)
		o.Tokens = append(o.Tokens, TokenInfo{Scopes: t.Scopes, Expires: t.Expires})
	}
	out := make([]OperatorInfo, len(order))
	for i, a := range order {
		out[i] = *byAddress[a]
	}
	return out, nil
}

// RevokeOperator ends all grants of an operator, named by its name or address,
// with a record that the member's admin key signs, and withdraws its tokens.
// What it signed before stays valid. It returns how many tokens were withdrawn.
func (n *Node) RevokeOperator(ctx context.Context, who, adminPassphrase string) (tokens int, err error) {
	address, err := n.operatorAddress(who)
	if err != nil {
		return 0, err
	}
	admin, err := n.openAdmin(adminPassphrase)
	if err != nil {
		return 0, &Refusal{code: "admin-passphrase", status: 403, text: "the admin key does not open", err: err}
	}
	// The tokens go first: should the record fail, nobody acts meanwhile, and
	// the command can be given again.
	if tokens, err = n.tokens.withdraw(address); err != nil {
		return 0, err
	}
	fields, err := ledger.Marshal(ledger.RevokeFields{Address: address})
	if err != nil {
		return tokens, err
	}
	r := &ledger.Record{
		Kind: ledger.KindRevoke, Network: n.Network().ID, Chain: n.chain, Member: n.member.Member,
		Signer: ledger.AddressOf(admin), At: n.now().UnixMilli(), Nonce: nonce(), Fields: fields,
	}
	signed, err := ledger.SignRecord(r, admin)
	if err != nil {
		return tokens, err
	}
	_, err = n.store.Append(ctx, signed, &ledger.Sidecar{})
	return tokens, storeRefusal(err)
}

func (n *Node) operatorAddress(who string) (ledger.Address, error) {
	n.mu.Lock()
	key := n.operators[who]
	n.mu.Unlock()
	if key != nil {
		return ledger.AddressOf(key), nil
	}
	address, err := ledger.ParseAddress(who)
	if err != nil {
		return address, refuse(404, "unknown-operator", "this node has no operator %q, and it is no address", who)
	}
	return address, nil
}
