package ledgertest

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"fmt"
	"io"
	"slices"
	"sync"

	"suyuan/ledger"
)

// Start is when the tests' time begins: 2026-03-01 08:00:00 in Beijing, in
// milliseconds since 1970 UTC.
const Start int64 = 1_772_323_200_000

// DefaultName is the name of the test network.
const DefaultName = "lanzhi-test"

// A Net is a network with the private keys of all its members.
type Net struct {
	// Network holds every version adopted so far. [Net.Adopt] replaces it.
	Network *ledger.Network
	Members map[string]*Member

	seed string

	mu  sync.Mutex
	rnd io.Reader // salts and nonces; guarded by mu
}

// A Member is a company with its keys. Number, Log and Transport are those of
// its first node, which holds the witness.
type Member struct {
	Slug      string
	Number    uint32
	Admin     *ecdsa.PrivateKey
	Operator  *ecdsa.PrivateKey
	Log       ed25519.PrivateKey
	Witness   ed25519.PrivateKey
	Transport ed25519.PrivateKey

	Second *Node // a second node, which holds no witness; nil without WithSecondNode
}

// A Node is one node's number and keys.
type Node struct {
	Number    uint32
	Log       ed25519.PrivateKey
	Transport ed25519.PrivateKey
}

// PeerID is the libp2p peer id of the member's first node.
func (m *Member) PeerID() string { return PeerID(m.Transport) }

// AdminAddress is the address of the member's admin key.
func (m *Member) AdminAddress() ledger.Address { return ledger.AddressOf(m.Admin) }

// OperatorAddress is the address of the member's operator key.
func (m *Member) OperatorAddress() ledger.Address { return ledger.AddressOf(m.Operator) }

// first is the member's first node in the form of its second.
func (m *Member) first() *Node {
	return &Node{Number: m.Number, Log: m.Log, Transport: m.Transport}
}

// config is what options change before version 1 is signed.
type config struct {
	seed    string
	name    string
	members []ledger.Member
	second  []string
	edit    []func(*ledger.Charter)
}

// An Option changes a network before its first charter is signed.
type Option func(*config)

// WithSeed makes a network of other keys.
func WithSeed(seed string) Option { return func(c *config) { c.seed = seed } }

// WithName sets the network name.
func WithName(name string) Option { return func(c *config) { c.name = name } }

// WithMembers makes a network of n members m001, m002 … instead of the four
// companies, all cosigners; roles go round.
func WithMembers(n int) Option {
	roles := []ledger.Role{ledger.Brand, ledger.Warehouse, ledger.Distributor, ledger.Auditor}
	return func(c *config) {
		c.members = nil
		for i := range n {
			slug := fmt.Sprintf("m%03d", i+1)
			c.members = append(c.members, ledger.Member{
				Slug: slug, NameZh: "公司" + slug, NameEn: "Company " + slug, Role: roles[i%len(roles)],
			})
		}
	}
}

// WithSecondNode gives members a second node each, numbered after all first
// nodes.
func WithSecondNode(slugs ...string) Option {
	return func(c *config) { c.second = append(c.second, slugs...) }
}

// WithCharter changes the charter's body just before it is encoded and signed:
// addresses, settings, cosigners.
func WithCharter(edit func(*ledger.Charter)) Option {
	return func(c *config) { c.edit = append(c.edit, edit) }
}

// fourCompanies is one of each role; chains are numbered in this order.
func fourCompanies() []ledger.Member {
	return []ledger.Member{
		{Slug: "lanzhi", NameZh: "兰芷", NameEn: "Lanzhi", Role: ledger.Brand, Prefixes: []string{"6901234"}},
		{Slug: "wh", NameZh: "东仓", NameEn: "East Warehouse", Role: ledger.Warehouse},
		{Slug: "dist", NameZh: "南通经销", NameEn: "South Distribution", Role: ledger.Distributor},
		{Slug: "audit", NameZh: "衡信审计", NameEn: "Hengxin Audit", Role: ledger.Auditor},
	}
}

// New makes a network: brand lanzhi (chain 1, GS1 prefix 6901234), warehouse wh
// (2), distributor dist (3) and auditor audit (4), every one a cosigner.
func New(opts ...Option) *Net {
	c := config{seed: "default", name: DefaultName, members: fourCompanies()}
	for _, o := range opts {
		o(&c)
	}
	n := &Net{seed: c.seed, Members: make(map[string]*Member), rnd: Random(c.seed + " salts and nonces")}
	body := ledger.Charter{Version: 1, Name: c.name}
	for i, m := range c.members {
		n.NewMember(m.Slug, uint32(i+1))
		n.Join(&body, m)
	}
	for i, slug := range c.second {
		n.addSecond(&body, slug, uint32(len(c.members)+i+1))
	}
	for _, edit := range c.edit {
		edit(&body)
	}
	signed := n.sign(&body, nil)
	n.Network = must(ledger.NewNetwork(signed))
	return n
}

// NewMember makes the keys of a member that is in no charter yet, or returns
// those that the slug already has.
func (n *Net) NewMember(slug string, number uint32) *Member {
	if m := n.Members[slug]; m != nil {
		return m
	}
	purpose := n.seed + " " + slug
	m := &Member{
		Slug: slug, Number: number,
		Admin: OperatorKey(purpose + " admin"), Operator: OperatorKey(purpose + " operator"),
		Log: NodeKey(purpose + " log"), Witness: NodeKey(purpose + " witness"), Transport: NodeKey(purpose + " transport"),
	}
	n.Members[slug] = m
	return m
}

// Join puts a member into a charter body with its node and as a cosigner, under
// the keys that NewMember made.
func (n *Net) Join(c *ledger.Charter, m ledger.Member) {
	keys := n.Member(m.Slug)
	m.Admins = []ledger.Address{keys.AdminAddress()}
	c.Members = append(c.Members, m)
	c.Cosigners = append(c.Cosigners, ledger.Cosigner{Member: m.Slug, Key: publicHash(keys.Witness), Node: keys.Number})
	addNode(c, m.Slug, keys.first())
	Sort(c)
}

func (n *Net) addSecond(c *ledger.Charter, slug string, number uint32) {
	purpose := n.seed + " " + slug + " second"
	node := &Node{Number: number, Log: NodeKey(purpose + " log"), Transport: NodeKey(purpose + " transport")}
	n.Member(slug).Second = node
	addNode(c, slug, node)
	Sort(c)
}

func addNode(c *ledger.Charter, member string, node *Node) {
	c.Nodes = append(c.Nodes, ledger.Node{
		Number: node.Number, Member: member, LogKey: publicHash(node.Log), Peer: PeerID(node.Transport),
	})
}

// Sort brings the lists of a charter body into the order that its form asks for.
func Sort(c *ledger.Charter) {
	slices.SortFunc(c.Members, func(a, b ledger.Member) int { return cmp.Compare(a.Slug, b.Slug) })
	slices.SortFunc(c.Cosigners, func(a, b ledger.Cosigner) int { return cmp.Compare(a.Member, b.Member) })
	slices.SortFunc(c.Nodes, func(a, b ledger.Node) int { return cmp.Compare(a.Number, b.Number) })
	slices.SortFunc(c.Ended, func(a, b ledger.Ended) int { return cmp.Compare(a.Chain, b.Chain) })
}

// sign encodes a body and signs it with the admins of its members and of prev's.
func (n *Net) sign(c, prev *ledger.Charter) *ledger.SignedCharter {
	s := &ledger.SignedCharter{Body: must(c.Encode())}
	members := slices.Clone(c.Members)
	if prev != nil {
		members = append(members, prev.Members...)
	}
	for i := range members {
		check(s.Sign(members[i].Slug, n.Member(members[i].Slug).Admin))
	}
	return s
}

// Member returns a member's keys, and panics if there is no such member.
func (n *Net) Member(slug string) *Member {
	m := n.Members[slug]
	if m == nil {
		panic("ledgertest: there is no member " + slug)
	}
	return m
}

// Charter is the newest charter.
func (n *Net) Charter() *ledger.Charter { return n.Network.Newest().Charter }

// Signed returns the signed charters from version 1 on.
func (n *Net) Signed() []*ledger.SignedCharter {
	var list []*ledger.SignedCharter
	for _, v := range n.Network.Versions() {
		list = append(list, v.Signed)
	}
	return list
}

// Next returns the body of the version after the newest, changed by edit and
// brought into order.
func (n *Net) Next(edit func(*ledger.Charter)) *ledger.Charter {
	newest := n.Network.Newest()
	c := must(ledger.DecodeCharter(newest.Signed.Body)) // a deep copy
	c.Version++
	c.Previous = &newest.Hash
	if edit != nil {
		edit(c)
	}
	Sort(c)
	return c
}

// Adopt makes the version that Next describes, signed by the admins of all
// members of both versions, and puts it into n.Network.
func (n *Net) Adopt(edit func(*ledger.Charter)) *ledger.SignedCharter {
	s := n.sign(n.Next(edit), n.Charter())
	n.Network = must(n.Network.Adopt(s))
	return s
}

// node returns the keys of the node that writes a chain.
func (n *Net) node(number uint32) (*Member, *Node) {
	for _, m := range n.Members {
		if m.Number == number {
			return m, m.first()
		}
		if m.Second != nil && m.Second.Number == number {
			return m, m.Second
		}
	}
	panic(fmt.Sprintf("ledgertest: there is no chain %d", number))
}

// Quorum returns the first members, in the charter's order, that make a quorum.
func (n *Net) Quorum() []string { return n.Cosigners()[:n.Charter().Quorum()] }

// Cosigners returns the members of all cosigners, ascending.
func (n *Net) Cosigners() []string {
	var list []string
	for _, w := range n.Charter().Cosigners {
		list = append(list, w.Member)
	}
	return list
}

// Read fills p with the next bytes for salts and nonces, so that a Net is the
// random source of [ledger.Seal]. It is safe for concurrent use.
func (n *Net) Read(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rnd.Read(p)
}
