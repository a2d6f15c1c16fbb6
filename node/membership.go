package node

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"suyuan/ledger"
	"suyuan/ledger/store"
)

// A Change says what the next charter version changes. Fields left out stay.
type Change struct {
	Join       []*MemberFile `json:"join,omitempty"`        // new members, or further nodes of members
	Remove     []string      `json:"remove,omitempty"`      // members that leave; their chains end
	End        []ChainEnd    `json:"end,omitempty"`         // chains that end
	Stops      []*StopFile   `json:"stops,omitempty"`       // where witnesses have stopped for these
	Cosigner   []string      `json:"cosigner,omitempty"`    // members that become cosigners, with the witness of a file in Join
	NoCosigner []string      `json:"no_cosigner,omitempty"` // members that stop being cosigners
	Rotate     []Rotation    `json:"rotate,omitempty"`
	Revoke     []Revocation  `json:"revoke,omitempty"`

	PublicEntries  *bool     `json:"public_entries,omitempty"`
	LateHours      *uint32   `json:"late_hours,omitempty"`
	DefaultMembers *[]string `json:"default_members,omitempty"`
	Filings        *[]string `json:"filings,omitempty"`
}

// A ChainEnd says where a chain ends; without a size, at its final one.
type ChainEnd struct {
	Chain uint32  `json:"chain"`
	Size  *uint64 `json:"size,omitempty"`
}

// A Rotation gives a node of a member other keys. A new log key takes a new
// number: the chain of the old one ends, at the size that a ChainEnd for it names.
type Rotation struct {
	Chain   uint32          `json:"chain"`
	Log     *ledger.Hash    `json:"log_key,omitempty"`
	Witness *ledger.Hash    `json:"witness,omitempty"`
	Peer    string          `json:"peer,omitempty"`
	Admin   *ledger.Address `json:"admin,omitempty"` // in place of all admins that the member has
}

// A Revocation takes all rights from an address of a member, on all its chains.
type Revocation struct {
	Member  string         `json:"member"`
	Address ledger.Address `json:"address"`
}

// ProposeCharter makes the charter version after the newest. It is not signed.
func (n *Node) ProposeCharter(ch Change) (*ledger.SignedCharter, error) {
	if n.store.Conflict() != nil {
		return nil, refuse(409, "charter-conflict", "there are two complete charters of one version: the companies have to settle which one counts")
	}
	prev := n.Network().Newest()
	c, err := ledger.DecodeCharter(prev.Signed.Body) // a copy
	if err != nil {
		return nil, err
	}
	c.Version, c.Previous = c.Version+1, &prev.Hash
	p := &proposal{Charter: c, next: nextNumber(c), end: func(chain uint32, size *uint64) (ledger.Ended, error) {
		return n.endOf(chain, size, ch.Stops)
	}}
	if err := p.apply(ch); err != nil {
		return nil, &Refusal{code: "bad-change", status: 422, text: "propose charter", err: err}
	}
	if err := n.Network().CheckNext(c); err != nil {
		return nil, err
	}
	body, err := c.Encode()
	if err != nil {
		return nil, err
	}
	return &ledger.SignedCharter{Body: body}, nil
}

func nextNumber(c *ledger.Charter) uint32 {
	highest := uint32(0)
	for i := range c.Nodes {
		highest = max(highest, c.Nodes[i].Number)
	}
	for _, e := range c.Ended {
		highest = max(highest, e.Chain)
	}
	return highest + 1
}

// A proposal is a charter body that is being changed.
type proposal struct {
	*ledger.Charter
	next uint32 // number of the next new node
	end  func(chain uint32, size *uint64) (ledger.Ended, error)
}

func (p *proposal) apply(ch Change) error {
	for _, slug := range ch.NoCosigner {
		if p.Cosigner(slug) == nil && !joins(ch.Join, slug) {
			return fmt.Errorf("%s is no cosigner", slug)
		}
		p.dropCosigner(slug)
	}
	for _, slug := range ch.Remove {
		if err := p.remove(slug); err != nil {
			return err
		}
	}
	sizes := make(map[uint32]*uint64) // at which chains end whose node goes on under a new number
	for _, e := range ch.End {
		if slices.ContainsFunc(ch.Rotate, func(r Rotation) bool { return r.Chain == e.Chain && r.Log != nil }) {
			sizes[e.Chain] = e.Size
			continue
		}
		if err := p.endChain(e.Chain, e.Size); err != nil {
			return err
		}
	}
	for _, m := range ch.Join {
		if err := p.join(m, slices.Contains(ch.Cosigner, m.Member), slices.Contains(ch.NoCosigner, m.Member)); err != nil {
			return err
		}
	}
	for _, slug := range ch.Cosigner {
		if p.Cosigner(slug) == nil {
			return fmt.Errorf("%s cannot become a cosigner: give the member.json of the node that holds its witness with --join", slug)
		}
	}
	for _, r := range ch.Rotate {
		if err := p.rotate(r, sizes[r.Chain]); err != nil {
			return err
		}
	}
	for _, r := range ch.Revoke {
		m := p.Member(r.Member)
		if m == nil {
			return fmt.Errorf("there is no member %s", r.Member)
		}
		m.Revoked = sorted(append(m.Revoked, r.Address), func(a, b ledger.Address) int { return slices.Compare(a[:], b[:]) })
	}
	p.set(ch)
	slices.SortFunc(p.Members, func(a, b ledger.Member) int { return cmp.Compare(a.Slug, b.Slug) })
	slices.SortFunc(p.Cosigners, func(a, b ledger.Cosigner) int { return cmp.Compare(a.Member, b.Member) })
	slices.SortFunc(p.Nodes, func(a, b ledger.Node) int { return cmp.Compare(a.Number, b.Number) })
	slices.SortFunc(p.Ended, func(a, b ledger.Ended) int { return cmp.Compare(a.Chain, b.Chain) })
	return nil
}

// joins reports whether one of the files is of a member.
func joins(list []*MemberFile, slug string) bool {
	return slices.ContainsFunc(list, func(m *MemberFile) bool { return m.Member == slug })
}

// sorted returns a list in strict order.
func sorted[T comparable](list []T, compare func(a, b T) int) []T {
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}

func (p *proposal) set(ch Change) {
	s := &p.Settings
	if ch.PublicEntries != nil {
		s.PublicEntries = *ch.PublicEntries
	}
	if ch.LateHours != nil {
		s.LateHours = *ch.LateHours
	}
	if ch.DefaultMembers != nil {
		s.DefaultMembers = sorted(slices.Clone(*ch.DefaultMembers), cmp.Compare[string])
	}
	if ch.Filings != nil {
		s.Filings = *ch.Filings
	}
}

func (p *proposal) dropCosigner(member string) {
	p.Cosigners = slices.DeleteFunc(p.Cosigners, func(w ledger.Cosigner) bool { return w.Member == member })
}

// remove takes a member out and ends its chains.
func (p *proposal) remove(slug string) error {
	if p.Member(slug) == nil {
		return fmt.Errorf("there is no member %s", slug)
	}
	p.dropCosigner(slug)
	for _, node := range slices.Clone(p.Nodes) {
		if node.Member == slug {
			if err := p.endChain(node.Number, nil); err != nil {
				return err
			}
		}
	}
	p.Members = slices.DeleteFunc(p.Members, func(m ledger.Member) bool { return m.Slug == slug })
	p.Settings.DefaultMembers = slices.DeleteFunc(p.Settings.DefaultMembers, func(m string) bool { return m == slug })
	return nil
}

// endChain takes a node out and ends its chain.
func (p *proposal) endChain(chain uint32, size *uint64) error {
	node := p.Node(chain)
	if node == nil {
		return fmt.Errorf("no node has the number %d", chain)
	}
	end, err := p.end(chain, size)
	if err != nil {
		return err
	}
	if w := p.Cosigner(node.Member); w != nil && w.Node == chain {
		p.dropCosigner(node.Member)
	}
	p.Nodes = slices.DeleteFunc(p.Nodes, func(n ledger.Node) bool { return n.Number == chain })
	p.Ended = append(p.Ended, end)
	return nil
}

// join adds a member with its node, or a node to a member. A new member with a
// witness becomes a cosigner unless told otherwise, one that is there already
// only if told so.
func (p *proposal) join(m *MemberFile, cosigner, noCosigner bool) error {
	if m.Network != p.Name {
		return fmt.Errorf("%s is for network %s, not %s", m.Member, m.Network, p.Name)
	}
	for i := range p.Nodes {
		if p.Nodes[i].LogKey == m.LogKey {
			return fmt.Errorf("the node of %s is in the charter already, as number %d", m.Member, p.Nodes[i].Number)
		}
	}
	if p.Member(m.Member) == nil {
		p.Members = append(p.Members, ledger.Member{
			Slug: m.Member, NameZh: m.NameZh, NameEn: m.NameEn, Role: m.Role, Admins: m.Admins, Prefixes: m.Prefixes, GTINs: m.GTINs,
		})
		cosigner = m.Witness != nil && !noCosigner
	}
	p.Nodes = append(p.Nodes, ledger.Node{
		Number: p.next, Member: m.Member, LogKey: m.LogKey, Peer: m.Peer, Addrs: m.Addrs, URL: m.URL,
	})
	if cosigner {
		if m.Witness == nil {
			return fmt.Errorf("the node of %s has no witness", m.Member)
		}
		p.dropCosigner(m.Member)
		p.Cosigners = append(p.Cosigners, ledger.Cosigner{Member: m.Member, Key: *m.Witness, Node: p.next})
	}
	p.next++
	return nil
}

// rotate gives a node other keys. With a new log key its chain ends at a size, or
// at its final one.
func (p *proposal) rotate(r Rotation, end *uint64) error {
	node := p.Node(r.Chain)
	if node == nil {
		return fmt.Errorf("no node has the number %d", r.Chain)
	}
	w := p.Cosigner(node.Member)
	if r.Witness != nil {
		if w == nil || w.Node != r.Chain {
			return fmt.Errorf("node %d does not hold the witness of %s", r.Chain, node.Member)
		}
		w.Key = *r.Witness
	}
	if r.Peer != "" {
		node.Peer = r.Peer
	}
	if r.Admin != nil {
		p.Member(node.Member).Admins = []ledger.Address{*r.Admin}
	}
	if r.Log == nil {
		return nil
	}
	renewed, witness := *node, w != nil && w.Node == r.Chain
	renewed.Number, renewed.LogKey = p.next, *r.Log
	var key ledger.Hash
	if witness {
		key = w.Key
	}
	if err := p.endChain(r.Chain, end); err != nil {
		return err
	}
	p.Nodes = append(p.Nodes, renewed)
	if witness {
		p.Cosigners = append(p.Cosigners, ledger.Cosigner{Member: renewed.Member, Key: key, Node: p.next})
	}
	p.next++
	return nil
}

// CheckNext holds that a charter is the version after the newest and could become
// complete, and returns it with the newest.
func (n *Node) CheckNext(s *ledger.SignedCharter) (next, prev *ledger.Charter, err error) {
	next, err = ledger.DecodeCharter(s.Body)
	if err != nil {
		return nil, nil, err
	}
	newest := n.Network().Newest()
	if next.Version <= newest.Charter.Version {
		return nil, nil, refuse(409, "old-charter", "charter version %d is held already", newest.Charter.Version)
	}
	return next, newest.Charter, n.Network().CheckNext(next)
}

// Incomplete says what a signed charter still lacks to be the complete version
// after the newest, nil if nothing.
func (n *Node) Incomplete(s *ledger.SignedCharter) error {
	_, err := n.Network().Adopt(s)
	return err
}

// SignNext adds the signature of the member's admin to the version after the
// newest. It refuses a charter that names other keys than this node's for this
// node, and a second one of a version that it has signed. Where the charter ends
// a chain, this node first stops, for good, to sign anything beyond; it refuses
// an end that does not cover what it has signed.
func (n *Node) SignNext(ctx context.Context, s *ledger.SignedCharter, adminPassphrase string) error {
	next, prev, err := n.CheckNext(s)
	if err != nil {
		return err
	}
	if err := n.checkOwnKeys(next); err != nil {
		return err
	}
	admins, err := openAdmins(n.dir, adminPassphrase)
	if err != nil {
		return &Refusal{code: "admin-passphrase", status: 403, text: "the admin key does not open", err: err}
	}
	if err := n.stopFor(ctx, next, prev); err != nil {
		return err
	}
	if err := n.promise(next.Version, s.Hash()); err != nil {
		return err
	}
	signed := false
	for _, key := range admins {
		for _, side := range []*ledger.Charter{prev, next} {
			m := side.Member(n.member.Member)
			if m != nil && slices.Contains(m.Admins, ledger.AddressOf(key)) {
				signed = true
				if err := s.Sign(n.member.Member, key); err != nil {
					return err
				}
			}
		}
	}
	if !signed {
		return refuse(422, "not-admin", "no admin key of this node is an admin of %s in either version", n.member.Member)
	}
	return nil
}

// checkOwnKeys refuses a charter that gives this node keys that it does not hold.
func (n *Node) checkOwnKeys(c *ledger.Charter) error {
	for i := range c.Nodes {
		node := &c.Nodes[i]
		if node.Number != n.chain && !n.member.holds(purposeLog, node.LogKey.String()) {
			continue
		}
		if !n.member.holds(purposeLog, node.LogKey.String()) || !n.member.holds(purposeTransport, node.Peer) {
			return refuse(422, "foreign-keys", "the charter gives node %d keys that are not this node's", node.Number)
		}
		if w := c.Cosigner(n.member.Member); w != nil && w.Node == node.Number && !n.member.holds(purposeWitness, w.Key.String()) {
			return refuse(422, "foreign-keys", "the charter gives the witness of %s a key that is not this node's", n.member.Member)
		}
	}
	return nil
}

// stopFor makes the promises of whoever signs a charter that ends chains. The
// node that holds the member's witness makes them.
func (n *Node) stopFor(ctx context.Context, next, prev *ledger.Charter) error {
	var ends []ledger.Ended
	for _, e := range next.Ended {
		if !slices.ContainsFunc(prev.Ended, func(old ledger.Ended) bool { return old.Chain == e.Chain }) {
			ends = append(ends, e)
		}
	}
	if len(ends) == 0 {
		return nil
	}
	w := prev.Cosigner(n.member.Member)
	if w == nil {
		return nil // what it signs does not count
	}
	if w.Node != n.chain {
		return refuse(409, "no-witness", "the charter ends a chain: sign it on the node that holds the witness of %s, number %d", n.member.Member, w.Node)
	}
	for _, e := range ends {
		if err := n.stopAt(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// promise keeps, durably, which charter of a version was signed here, so that no
// admin signs two of one version.
func (n *Node) promise(version uint64, hash ledger.Hash) error {
	path := filepath.Join(n.dir, fileSigned)
	signed := make(map[uint64]ledger.Hash)
	if err := readJSON(path, &signed); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if old, ok := signed[version]; ok && old != hash {
		return refuse(409, "signed-another", "another charter version %d was signed here, %s: two complete ones would halt the network (if that one was given up for good, remove %s)", version, old, path)
	}
	signed[version] = hash
	return writeJSON(path, signed, 0o600)
}

// AcceptNext adopts complete charters, those that are held already among them,
// and writes the charter entry.
func (n *Node) AcceptNext(ctx context.Context, list []*ledger.SignedCharter) error {
	for _, s := range list {
		if err := n.store.AdoptCharter(s); err != nil {
			if errors.Is(err, store.ErrCharterConflict) {
				return &Refusal{code: "charter-conflict", status: 409, text: "accept charter", err: err}
			}
			return err
		}
	}
	return n.takeOver(ctx)
}

// takeOver brings files and own chain in line with the newest charter held: a
// charter entry puts it in force.
func (n *Node) takeOver(ctx context.Context) error {
	n.adopting.Lock()
	defer n.adopting.Unlock()
	net := n.Network()
	if err := n.keepCharters(net); err != nil {
		return err
	}
	newest := net.Newest()
	if newest.Charter.Node(n.chain) == nil {
		return nil // the chain has ended
	}
	if ok, _ := n.store.SigningState(); !ok {
		return nil
	}
	c, err := n.store.Chain(n.chain)
	if err != nil {
		return err
	}
	if v := c.Charter(); v != nil && v.Charter.Version >= newest.Charter.Version {
		return nil
	}
	if err := n.store.AppendCharter(ctx, ledger.CharterRef{Version: newest.Charter.Version, Hash: newest.Hash}); err != nil {
		return fmt.Errorf("write charter entry: %w", err)
	}
	n.log.Info("charter in force", "version", newest.Charter.Version)
	return nil
}

// keepCharters writes charters.json when there is more than the first version:
// from it the node knows its number when it starts.
func (n *Node) keepCharters(net *ledger.Network) error {
	if len(net.Versions()) == 1 {
		return nil
	}
	path := filepath.Join(n.dir, fileCharters)
	if have, err := ReadCharters(path); err == nil && len(have) == len(net.Versions()) {
		return nil
	}
	return WriteCharters(path, n.store.Charters())
}

// Charters returns the signed charters held, version 1 first.
func (n *Node) Charters() []*ledger.SignedCharter { return n.store.Charters() }

// Moved says what the newest charter changes about this node itself that takes
// effect when it is started again, "" for nothing.
func (n *Node) Moved() string {
	net := n.Network()
	own, err := ownNodeIn(net, n.member)
	if err != nil {
		return ""
	}
	switch {
	case net.Ended(n.chain) != nil && own.Number == n.chain:
		return "the charter has ended this node's chain"
	case own.Number != n.chain:
		return fmt.Sprintf("the charter gives this node the number %d", own.Number)
	case own.Peer != n.self.Peer:
		return "the charter gives this node another transport key"
	}
	return ""
}

// ReadCharters reads a file with one charter or, as a JSON array, with all
// versions from the first on.
func ReadCharters(path string) ([]*ledger.SignedCharter, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("charter file: %w", err)
	}
	var list []*ledger.SignedCharter
	if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
		return list, nil
	}
	var one ledger.SignedCharter
	if err := json.Unmarshal(raw, &one); err != nil {
		return nil, fmt.Errorf("charter file: read %s: %w", path, err)
	}
	return []*ledger.SignedCharter{&one}, nil
}

// WriteCharters writes all versions of a charter from the first on.
func WriteCharters(path string, list []*ledger.SignedCharter) error {
	return writeJSON(path, list, 0o644)
}

// HeldCharters reads the charters that the node in dir has accepted, version 1
// first: its store may hold one more when the node was killed.
func HeldCharters(dir string) ([]*ledger.SignedCharter, error) {
	for _, name := range []string{fileCharters, fileCharter} {
		list, err := ReadCharters(filepath.Join(dir, name))
		if !errors.Is(err, os.ErrNotExist) {
			return list, err
		}
	}
	return nil, ErrNoCharter
}

func seedNetwork(dir string) (*ledger.Network, error) {
	list, err := HeldCharters(dir)
	if err != nil {
		return nil, err
	}
	return ledger.VerifyNetwork(list)
}

// ownNodeIn finds the node of m in the newest charter that has it, and holds its
// keys against m. After a rotation of the log key the number is another one.
func ownNodeIn(net *ledger.Network, m *MemberFile) (*ledger.Node, error) {
	if net.Name != m.Network {
		return nil, fmt.Errorf("the charter is for network %s, this node for %s", net.Name, m.Network)
	}
	for _, v := range slices.Backward(net.Versions()) {
		for i := range v.Charter.Nodes {
			node := &v.Charter.Nodes[i]
			if node.Member != m.Member || !m.holds(purposeLog, node.LogKey.String()) {
				continue
			}
			if !m.holds(purposeTransport, node.Peer) {
				return nil, errors.New("the charter names another transport key for this node")
			}
			w := v.Charter.Cosigner(m.Member)
			if w != nil && w.Node == node.Number && !m.holds(purposeWitness, w.Key.String()) {
				return nil, errors.New("the charter names another witness key for this member")
			}
			return node, nil
		}
	}
	return nil, fmt.Errorf("the charter has no node of %s with this node's log key", m.Member)
}
