package node

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
)

// A Refusal is why the node does not do what it was asked, with a stable code.
type Refusal struct {
	code   string
	status int // of HTTP, for whoever answers over it
	text   string
	err    error
}

func (r *Refusal) Error() string {
	switch {
	case r.err == nil:
		return r.text
	case r.text == "":
		return r.err.Error()
	}
	return r.text + ": " + r.err.Error()
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.err }

// Code is the stable code.
func (r *Refusal) Code() string { return r.code }

// Status is the HTTP status that fits.
func (r *Refusal) Status() int { return r.status }

func refuse(status int, code, format string, args ...any) *Refusal {
	return &Refusal{code: code, status: status, text: fmt.Sprintf(format, args...)}
}

// A Signer says who signs drafts: by address, or, for callers on the node's own
// machine, by the operator's name; with neither, an operator of the node that
// holds a grant for the kind.
type Signer struct {
	Address  ledger.Address
	Operator string
	Party    string // acts for this party of the member where a draft names none
}

// SignedRecord is a record that was signed elsewhere, nothing of it checked yet.
type SignedRecord struct {
	Record, Signature, Sidecar []byte
}

// A Placed is what became of one submitted record.
type Placed struct {
	ID    ledger.Hash
	Hash  ledger.Hash // leaf hash of the entry, which refs of later records name
	Chain uint32
	Seq   uint64
	Final bool
	Again bool // it was stored before
	Err   error
}

// Submit makes records of drafts (see [trace.ParseDraft]), signs them with an
// operator's key and appends them. There is one answer for each draft, in their
// order; one that is refused does not stop the others. An answer without an
// error is durable.
func (n *Node) Submit(ctx context.Context, who Signer, drafts [][]byte) []Placed {
	placed := make([]Placed, len(drafts))
	subs := make([]*store.Submission, len(drafts))
	env, err := n.draftEnv(ctx)
	for i, raw := range drafts {
		if err != nil {
			placed[i].Err = err
			continue
		}
		subs[i], placed[i].Err = n.signDraft(env, who, raw)
	}
	n.append(ctx, subs, placed)
	return placed
}

// SubmitSigned appends records that were signed elsewhere, as Submit does.
func (n *Node) SubmitSigned(ctx context.Context, list []SignedRecord) []Placed {
	placed := make([]Placed, len(list))
	subs := make([]*store.Submission, len(list))
	store.OnAllCores(len(list), func(i int) { subs[i], placed[i].Err = openSigned(&list[i]) })
	n.append(ctx, subs, placed)
	return placed
}

func openSigned(s *SignedRecord) (*store.Submission, error) {
	sc, err := ledger.DecodeSidecar(s.Sidecar)
	if err != nil {
		return nil, err
	}
	rec, err := ledger.OpenRecord(s.Record, s.Signature)
	if err != nil {
		return nil, err
	}
	return &store.Submission{Record: rec, Sidecar: sc}, nil
}

// append gives the store those submissions that are there and fills in what
// became of them.
func (n *Node) append(ctx context.Context, subs []*store.Submission, placed []Placed) {
	var list []store.Submission
	var at []int
	for i, s := range subs {
		if s == nil {
			continue
		}
		list, at = append(list, *s), append(at, i)
		placed[i].ID = s.Record.ID
	}
	if len(list) == 0 {
		return
	}
	for i, r := range n.store.AppendBatch(ctx, list) {
		p := &placed[at[i]]
		p.Err = storeRefusal(r.Err)
		if r.Err == nil {
			n.locate(p, r.Place)
		}
	}
}

// locate fills in where a record stands.
func (n *Node) locate(p *Placed, at store.Place) {
	p.Chain, p.Seq, p.Hash, p.Again = at.Chain, at.Seq, at.Hash, at.Existing
	p.Final = at.Seq < n.store.FinalSizes()[at.Chain]
}

// storeRefusal gives the store's refusals their codes.
func storeRefusal(err error) error {
	switch {
	case errors.Is(err, store.ErrNotSigning):
		return &Refusal{code: "not-signing", status: 503, text: "the node does not write now; run suyuan status", err: err}
	case errors.Is(err, store.ErrFull), errors.Is(err, syscall.ENOSPC):
		return &Refusal{code: "disk-full", status: 507, text: "the node's disk is full", err: err}
	}
	return err
}

// Find returns where a record stands; ok is false if it is not stored here.
func (n *Node) Find(id ledger.Hash) (p Placed, ok bool, err error) {
	chain, seq, ok, err := n.store.Find(id)
	if err != nil || !ok {
		return p, false, err
	}
	hash, err := n.store.LeafHash(chain, seq)
	if err != nil {
		return p, false, err
	}
	p.ID = id
	n.locate(&p, store.Place{Chain: chain, Seq: seq, Hash: hash})
	return p, true, nil
}

// draftEnv is what drafts need to become records of this node.
func (n *Node) draftEnv(ctx context.Context) (trace.Env, error) {
	c, err := n.store.Chain(n.chain)
	if err != nil {
		return trace.Env{}, err
	}
	v := c.Charter()
	if v == nil {
		return trace.Env{}, refuse(503, "not-signing", "the node has not written its charter entry yet")
	}
	now := n.now()
	_, offset := now.Zone()
	return trace.Env{
		Network: n.Network().ID, Chain: n.chain, Member: n.member.Member, Charter: v.Charter, Now: now, Zone: offset / 60,
		Resolve: func(uri string) (trace.Item, error) {
			r, err := n.resolveItem(ctx, uri)
			if err != nil {
				return trace.Item{}, err
			}
			return r.Item, nil
		},
		Author: func(leaf ledger.Hash) string {
			if pos, ok, err := n.index.Entry(leaf, nil); err == nil && ok {
				return n.Network().MemberOf(pos.Chain)
			}
			return ""
		},
		Record: n.ownRecord,
	}, nil
}

// signDraft builds and signs one draft.
func (n *Node) signDraft(env trace.Env, who Signer, raw []byte) (*store.Submission, error) {
	rec, sc, key, err := n.buildDraft(env, who, raw)
	if err != nil {
		return nil, err
	}
	signed, err := ledger.SignRecord(rec, key)
	if err != nil {
		return nil, err
	}
	return &store.Submission{Record: signed, Sidecar: sc}, nil
}

// buildDraft makes the record of a draft and finds the key that is to sign it.
func (n *Node) buildDraft(env trace.Env, who Signer, raw []byte) (*ledger.Record, *ledger.Sidecar, *ecdsa.PrivateKey, error) {
	d, err := trace.ParseDraft(raw)
	if err != nil {
		return nil, nil, nil, fieldRefusal(err)
	}
	key, err := n.signingKey(who, d.Kind)
	if err != nil {
		return nil, nil, nil, err
	}
	env.Signer = ledger.AddressOf(key)
	if d.Party = cmp.Or(d.Party, who.Party); d.Party == "" {
		if d.Party, err = n.onlyParty(env.Signer, d.Kind); err != nil {
			return nil, nil, nil, err
		}
	}
	rec, sc, err := d.Build(env)
	return rec, sc, key, fieldRefusal(err)
}

// onlyParty is the one party for which a signer may sign a kind, or nothing if
// there is not just one: who may act for nobody else need not say for whom.
func (n *Node) onlyParty(signer ledger.Address, kind string) (string, error) {
	c, err := n.store.Chain(n.chain)
	if err != nil {
		return "", err
	}
	k, _ := ledger.KindByName(kind)
	party := ""
	for _, g := range c.Rights().Of(signer) {
		switch {
		case !slices.Contains(g.Kinds, k):
		case g.Party == "", party != "" && party != g.Party:
			return "", nil
		default:
			party = g.Party
		}
	}
	return party, nil
}

// fieldRefusal gives errors about a draft's fields a status. The error itself,
// which names the field, stays within.
func fieldRefusal(err error) error {
	var f *trace.FieldError
	if errors.As(err, &f) {
		return &Refusal{code: f.Code(), status: 422, err: f}
	}
	return err
}

// signingKey finds the key that signs a draft of a kind.
func (n *Node) signingKey(who Signer, kind string) (*ecdsa.PrivateKey, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if who.Operator != "" {
		if key := n.operators[who.Operator]; key != nil {
			return key, nil
		}
		return nil, refuse(404, "unknown-operator", "this node has no operator %q", who.Operator)
	}
	if who.Address != (ledger.Address{}) {
		for _, key := range n.operators {
			if ledger.AddressOf(key) == who.Address {
				return key, nil
			}
		}
		return nil, refuse(403, "no-key", "this node does not hold the key of %s", who.Address)
	}
	c, err := n.store.Chain(n.chain)
	if err != nil {
		return nil, err
	}
	k, _ := ledger.KindByName(kind)
	for _, name := range slices.Sorted(maps.Keys(n.operators)) {
		for _, g := range c.Rights().Of(ledger.AddressOf(n.operators[name])) {
			if slices.Contains(g.Kinds, k) && g.Party == "" && len(g.Places) == 0 {
				return n.operators[name], nil
			}
		}
	}
	return nil, refuse(403, "no-operator", "no operator of this node may sign %s; run suyuan operator add", kind)
}

// AddOperator says whom [Node.AddOperator] adds.
type AddOperator struct {
	Name            string
	Address         ledger.Address // of a key kept elsewhere; zero makes a key here
	Kinds           []string
	Party           string // slug of the only hosted party to act for, or ""
	Places          []string
	Person          string // who it is; for a key kept elsewhere Name if empty
	Scopes          []string
	Expires         *time.Time
	AdminPassphrase string
}

// AddOperator makes the key of an operator, appends a grant for it that the
// member's admin key signs, and returns its address and API token. An operator
// whose key is kept elsewhere, in a wallet, an HSM or an ERP system, gets the
// grant only: it signs its records itself, and the token would let this node
// sign for it.
func (n *Node) AddOperator(ctx context.Context, add AddOperator) (ledger.Address, string, error) {
	admin, err := n.openAdmin(add.AdminPassphrase)
	if err != nil {
		return ledger.Address{}, "", &Refusal{code: "admin-passphrase", status: 403, text: "the admin key does not open", err: err}
	}
	kinds, err := grantKinds(add.Kinds)
	if err != nil {
		return ledger.Address{}, "", err
	}
	for _, s := range add.Scopes {
		if s != ScopeRead && s != ScopeWrite {
			return ledger.Address{}, "", refuse(422, "bad-scope", "scope %q is neither %s nor %s", s, ScopeRead, ScopeWrite)
		}
	}
	if add.Address != (ledger.Address{}) {
		add.Person = cmp.Or(add.Person, add.Name)
		return add.Address, "", n.grant(ctx, admin, add.Address, kinds, add)
	}
	key, err := n.operatorKey(add.Name)
	if err != nil {
		return ledger.Address{}, "", &Refusal{code: "bad-operator", status: 422, text: "make operator", err: err}
	}
	address := ledger.AddressOf(key)
	if err := n.grant(ctx, admin, address, kinds, add); err != nil {
		return address, "", err
	}
	token, err := n.tokens.issue(Token{Operator: add.Name, Address: address, Party: add.Party, Scopes: add.Scopes, Expires: add.Expires})
	return address, token, err
}

// operatorKey returns the key of an operator of this node and makes it if there
// is none.
func (n *Node) operatorKey(name string) (*ecdsa.PrivateKey, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if key := n.operators[name]; key != nil {
		return key, nil
	}
	key, err := n.keys.NewOperator(name)
	if err == nil {
		n.operators[name] = key
	}
	return key, err
}

func grantKinds(names []string) ([]ledger.Kind, error) {
	var kinds []ledger.Kind
	for _, name := range names {
		k, ok := ledger.KindByName(name)
		if !ok || k == ledger.KindGrant || k == ledger.KindRevoke {
			return nil, refuse(422, "bad-kind", "kind %q does not exist or cannot be granted", name)
		}
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), nil
}

// grant appends a grant record to the own chain.
func (n *Node) grant(ctx context.Context, admin *ecdsa.PrivateKey, to ledger.Address, kinds []ledger.Kind, add AddOperator) error {
	fields, err := ledger.Marshal(ledger.GrantFields{Address: to, Kinds: kinds})
	if err != nil {
		return err
	}
	r := &ledger.Record{
		Kind: ledger.KindGrant, Network: n.Network().ID, Chain: n.chain, Member: n.member.Member,
		Signer: ledger.AddressOf(admin), At: n.now().UnixMilli(), Nonce: nonce(), Fields: fields,
	}
	var limits []ledger.Disclosure
	for _, l := range []struct {
		there    bool
		audience ledger.Audience
		path     uint64
		value    any
	}{
		{add.Party != "", ledger.Members, ledger.GrantParty, add.Party},
		{len(add.Places) > 0, ledger.Members, ledger.GrantPlaces, add.Places},
		{add.Person != "", ledger.Own, ledger.GrantPerson, add.Person},
	} {
		if !l.there {
			continue
		}
		value, err := ledger.Marshal(l.value)
		if err != nil {
			return err
		}
		limits = append(limits, ledger.Disclosure{Audience: l.audience, Path: l.path, Value: value})
	}
	sc, err := ledger.Seal(r, limits, nil, nil)
	if err != nil {
		return err
	}
	signed, err := ledger.SignRecord(r, admin)
	if err != nil {
		return err
	}
	_, err = n.store.Append(ctx, signed, sc)
	return storeRefusal(err)
}

// Operator returns what a token stands for, or ErrToken. A token goes with the right
// of its operator, wherever that was revoked: on this node, by a record from
// elsewhere, or by the charter.
func (n *Node) Operator(token string) (Token, error) {
	t, err := n.tokens.find(token, n.now())
	if err != nil {
		return Token{}, err
	}
	gone, err := n.revoked(t.Address)
	if err == nil && gone {
		err = ErrToken
	}
	if err != nil {
		return Token{}, err
	}
	return t, nil
}

// revoked reports whether an address may not sign any more on the own chain. One that
// has never been granted anything there, as when the node goes on under a new number,
// was not revoked.
func (n *Node) revoked(a ledger.Address) (bool, error) {
	c, err := n.store.Chain(n.chain)
	if err != nil {
		return false, err
	}
	granted := c.Rights().Granted(a)
	return len(granted) > 0 && len(c.Rights().Of(a)) == 0 || n.revokedByCharter(a), nil
}

// revokedByCharter reports whether the newest charter has revoked an address of this
// member.
func (n *Node) revokedByCharter(a ledger.Address) bool {
	m := n.Network().Newest().Charter.Member(n.member.Member)
	return m != nil && slices.Contains(m.Revoked, a)
}
