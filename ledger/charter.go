package ledger

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A Role is a member's part in the network.
type Role string

// The roles.
const (
	Brand       Role = "brand"
	Warehouse   Role = "warehouse"
	Distributor Role = "distributor"
	Auditor     Role = "auditor"
)

// Valid reports whether r is one of the four roles.
func (r Role) Valid() bool {
	return r == Brand || r == Warehouse || r == Distributor || r == Auditor
}

// A Charter is the versioned document that says who the network is: members,
// cosigners, nodes, ended chains and settings. Its body is deterministic CBOR
// with the integer keys below; admins of the members sign the body's Keccak-256
// hash (see [SignedCharter]). Slugs, chain numbers and the network name never
// change. The network id is the hash of the body of version 1.
type Charter struct {
	Version   uint64     `cbor:"1,keyasint" json:"version"`
	Name      string     `cbor:"2,keyasint" json:"name"`
	Previous  *Hash      `cbor:"3,keyasint,omitempty" json:"previous,omitempty"` // hash of the body of Version−1
	Members   []Member   `cbor:"4,keyasint" json:"members"`                      // ascending by slug
	Cosigners []Cosigner `cbor:"5,keyasint" json:"cosigners"`                    // ascending by member
	Nodes     []Node     `cbor:"6,keyasint" json:"nodes"`                        // ascending by number
	Ended     []Ended    `cbor:"7,keyasint,omitempty" json:"ended,omitempty"`    // ascending by chain
	Settings  Settings   `cbor:"8,keyasint" json:"settings"`
}

// A Member is a company with a part in the network.
type Member struct {
	Slug     string    `cbor:"1,keyasint" json:"member"`
	NameZh   string    `cbor:"2,keyasint" json:"name_zh"`
	NameEn   string    `cbor:"3,keyasint" json:"name_en"`
	Role     Role      `cbor:"4,keyasint" json:"role"`
	Admins   []Address `cbor:"5,keyasint" json:"admins"`                       // ascending
	Prefixes []string  `cbor:"6,keyasint,omitempty" json:"prefixes,omitempty"` // GS1 company prefixes, ascending
	GTINs    []uint64  `cbor:"7,keyasint,omitempty" json:"gtins,omitempty"`    // single GTINs, ascending
	Revoked  []Address `cbor:"8,keyasint,omitempty" json:"revoked,omitempty"`  // from the charter entry on, ascending
}

// A Cosigner is a member whose witness stores and cosigns all chains.
type Cosigner struct {
	Member string `cbor:"1,keyasint" json:"member"`
	Key    Hash   `cbor:"2,keyasint" json:"key"`  // Ed25519 public key of the witness
	Node   uint32 `cbor:"3,keyasint" json:"node"` // the node that holds it
}

// A Node is a peer of a member. It writes the chain with its number.
type Node struct {
	Number uint32   `cbor:"1,keyasint" json:"number"`
	Member string   `cbor:"2,keyasint" json:"member"`
	LogKey Hash     `cbor:"3,keyasint" json:"log_key"`                   // Ed25519 public key that signs checkpoints
	Peer   string   `cbor:"4,keyasint" json:"peer"`                      // libp2p peer id of the transport key
	Addrs  []string `cbor:"5,keyasint,omitempty" json:"addrs,omitempty"` // multiaddresses
	URL    string   `cbor:"6,keyasint,omitempty" json:"url,omitempty"`   // public base URL
}

// An Ended chain takes no entries beyond Size. Reports are of cosigners of the
// version before whose witnesses had signed what the end does not cover, or what
// they cannot tell; Evidence, if the author signed two histories, is its bytes.
type Ended struct {
	Chain    uint32       `cbor:"1,keyasint" json:"chain"`
	Size     uint64       `cbor:"2,keyasint" json:"size"`
	Root     Hash         `cbor:"3,keyasint" json:"root"`
	Reports  []StopReport `cbor:"4,keyasint,omitempty" json:"reports,omitempty"` // ascending by member
	Evidence []byte       `cbor:"5,keyasint,omitempty" json:"evidence,omitempty"`
}

// Settings of the network.
type Settings struct {
	// PublicEntries lets anyone read entry tiles; otherwise members only.
	PublicEntries bool `cbor:"1,keyasint,omitempty" json:"public_entries,omitempty"`
	// LateHours is the age beyond which a record's lateness is a finding; 0 is none.
	LateHours uint32 `cbor:"2,keyasint,omitempty" json:"late_hours,omitempty"`
	// DefaultMembers are added to the audience of every parties disclosure.
	DefaultMembers []string `cbor:"3,keyasint,omitempty" json:"default_members,omitempty"`
	// Filings are registration numbers that public pages have to show.
	Filings []string `cbor:"4,keyasint,omitempty" json:"filings,omitempty"`
}

// DecodeCharter parses a charter body strictly and checks its form.
func DecodeCharter(body []byte) (*Charter, error) {
	if len(body) > MaxCharterBytes {
		return nil, wrong(CodeTooLarge, "a charter of %d bytes is over the limit of %d", len(body), MaxCharterBytes)
	}
	var c Charter
	if err := Unmarshal(body, &c); err != nil {
		return nil, err
	}
	return &c, c.CheckForm()
}

// Encode returns the charter's body.
func (c *Charter) Encode() ([]byte, error) {
	if err := c.CheckForm(); err != nil {
		return nil, err
	}
	return Marshal(c)
}

// CheckForm holds every rule about a charter that needs nothing but its body.
func (c *Charter) CheckForm() error {
	if c.Version == 0 || (c.Version == 1) != (c.Previous == nil) {
		return wrong(CodeCharter, "version 1, and only version 1, has no previous hash")
	}
	if err := CheckName(c.Name); err != nil {
		return because(CodeCharter, err, "network")
	}
	for _, check := range []func() error{c.checkMembers, c.checkNodes, c.checkCosigners, c.checkEnded, c.checkSettings} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Charter) checkMembers() error {
	if len(c.Members) == 0 || len(c.Members) > MaxMembers {
		return wrong(CodeCharter, "a charter has 1 to %d members", MaxMembers)
	}
	admins := make(map[Address]string) // an address speaks for one company
	for i := range c.Members {
		m := &c.Members[i]
		if err := CheckSlug(m.Slug); err != nil {
			return because(CodeCharter, err, "member")
		}
		for _, a := range m.Admins {
			if other, taken := admins[a]; taken {
				return wrong(CodeCharter, "%s is an admin of %s and of %s", a, other, m.Slug)
			}
			admins[a] = m.Slug
		}
		if i > 0 && c.Members[i-1].Slug >= m.Slug {
			return wrong(CodeCharter, "members do not ascend at %q", m.Slug)
		}
		if err := m.checkForm(); err != nil {
			return because(CodeCharter, err, "member %s", m.Slug)
		}
	}
	return nil
}

func (m *Member) checkForm() error {
	switch {
	case !m.Role.Valid():
		return wrong(CodeCharter, "role %q does not exist", m.Role)
	case m.NameZh == "" || m.NameEn == "":
		return wrong(CodeCharter, "a Chinese and an English name are needed")
	case len(m.NameZh) > MaxText || len(m.NameEn) > MaxText:
		return wrong(CodeCharter, "a name is over %d bytes", MaxText)
	case !shown(m.NameZh) || !shown(m.NameEn):
		return wrong(CodeCharter, "a name has control characters or such that turn the direction of text")
	case len(m.Admins) == 0:
		return wrong(CodeCharter, "an admin address is needed")
	case len(m.Admins) > MaxAddresses || len(m.Revoked) > MaxAddresses:
		return wrong(CodeCharter, "over %d addresses", MaxAddresses)
	case !ascend(m.Admins, compareAddress) || !ascend(m.Revoked, compareAddress):
		return wrong(CodeCharter, "addresses do not ascend")
	case !ascend(m.Prefixes, compareString) || !ascend(m.GTINs, compareUint):
		return wrong(CodeCharter, "prefixes or GTINs do not ascend")
	}
	for _, p := range m.Prefixes {
		if len(p) < 4 || len(p) > 12 || !digits(p) {
			return wrong(CodeCharter, "a GS1 company prefix has 4 to 12 digits: %q", p)
		}
	}
	for _, g := range m.GTINs {
		if g == 0 || g > 99_999_999_999_999 {
			return wrong(CodeCharter, "%d is not a GTIN", g)
		}
	}
	return nil
}

func (c *Charter) checkNodes() error {
	if len(c.Nodes) == 0 || len(c.Nodes) > MaxNodes {
		return wrong(CodeCharter, "a charter has 1 to %d nodes", MaxNodes)
	}
	keys := make(map[Hash]bool)
	peers := make(map[string]bool)
	for i := range c.Nodes {
		n := &c.Nodes[i]
		switch {
		case n.Number == 0 || i > 0 && c.Nodes[i-1].Number >= n.Number:
			return wrong(CodeCharter, "nodes do not ascend at %d", n.Number)
		case c.Member(n.Member) == nil:
			return wrong(CodeCharter, "node %d belongs to no member", n.Number)
		case keys[n.LogKey]:
			return wrong(CodeCharter, "node %d has the log key of another node", n.Number)
		case n.Peer == "" || len(n.Peer) > 128 || peers[n.Peer]:
			return wrong(CodeCharter, "node %d has no peer id of its own", n.Number)
		case len(n.Addrs) > MaxAddresses || len(n.URL) > MaxText:
			return wrong(CodeCharter, "node %d has too many addresses", n.Number)
		}
		keys[n.LogKey], peers[n.Peer] = true, true
	}
	return nil
}

func (c *Charter) checkCosigners() error {
	if len(c.Cosigners) == 0 || len(c.Cosigners) > MaxCosigners {
		return wrong(CodeCharter, "a charter has 1 to %d cosigners", MaxCosigners)
	}
	keys := make(map[Hash]bool) // one key for one purpose: also no log key
	for i := range c.Nodes {
		keys[c.Nodes[i].LogKey] = true
	}
	for i, w := range c.Cosigners {
		if i > 0 && c.Cosigners[i-1].Member >= w.Member {
			return wrong(CodeCharter, "cosigners do not ascend at %q", w.Member)
		}
		n := c.Node(w.Node)
		if n == nil || n.Member != w.Member {
			return wrong(CodeCharter, "the witness of %s is held by no node of its own", w.Member)
		}
		if keys[w.Key] {
			return wrong(CodeCharter, "the witness of %s has no key of its own", w.Member)
		}
		keys[w.Key] = true
	}
	return nil
}

func (c *Charter) checkEnded() error {
	if c.Version == 1 && len(c.Ended) > 0 {
		return wrong(CodeCharter, "version 1 ends chain %d, which it never began", c.Ended[0].Chain)
	}
	for i, e := range c.Ended {
		if e.Chain == 0 || i > 0 && c.Ended[i-1].Chain >= e.Chain {
			return wrong(CodeCharter, "ended chains do not ascend at %d", e.Chain)
		}
		if c.Node(e.Chain) != nil {
			return wrong(CodeCharter, "chain %d has ended and still has a node", e.Chain)
		}
		if err := c.Ended[i].checkForm(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Charter) checkSettings() error {
	if !ascend(c.Settings.DefaultMembers, compareString) {
		return wrong(CodeCharter, "default members do not ascend")
	}
	for _, m := range c.Settings.DefaultMembers {
		if c.Member(m) == nil {
			return wrong(CodeCharter, "default member %q is no member", m)
		}
	}
	for _, f := range c.Settings.Filings {
		if len(f) > MaxText {
			return wrong(CodeCharter, "a filing number is over %d bytes", MaxText)
		}
		if !shown(f) {
			return wrong(CodeCharter, "a filing number has control characters or such that turn the direction of text")
		}
	}
	return nil
}

// Member returns the member with that slug, or nil.
func (c *Charter) Member(slug string) *Member {
	for i := range c.Members {
		if c.Members[i].Slug == slug {
			return &c.Members[i]
		}
	}
	return nil
}

// Node returns the node with that number, or nil.
func (c *Charter) Node(number uint32) *Node {
	for i := range c.Nodes {
		if c.Nodes[i].Number == number {
			return &c.Nodes[i]
		}
	}
	return nil
}

// ended returns how a chain ended, or nil if it has not.
func (c *Charter) ended(chain uint32) *Ended {
	for i := range c.Ended {
		if c.Ended[i].Chain == chain {
			return &c.Ended[i]
		}
	}
	return nil
}

// Cosigner returns the cosigner of that member, or nil.
func (c *Charter) Cosigner(member string) *Cosigner {
	for i := range c.Cosigners {
		if c.Cosigners[i].Member == member {
			return &c.Cosigners[i]
		}
	}
	return nil
}

// GTINAuthority returns the member that the charter gives the GTIN (14 digits
// as a number): the one that lists it, else the one with the longest matching
// company prefix; nil if there is none.
func (c *Charter) GTINAuthority(gtin uint64) *Member {
	digits := fmt.Sprintf("%014d", gtin)
	var best *Member
	var longest int
	for i := range c.Members {
		m := &c.Members[i]
		if slices.Contains(m.GTINs, gtin) {
			return m
		}
		for _, p := range m.Prefixes {
			// The first of the 14 digits is the packaging indicator.
			if len(p) > longest && digits[1:1+len(p)] == p {
				best, longest = m, len(p)
			}
		}
	}
	return best
}

// Quorum is the number of different cosigning members that make a checkpoint
// final: ⌈(n+f+1)/2⌉ for n cosigners of which f = ⌊(n−1)/3⌋ may lie.
func (c *Charter) Quorum() int { q, _ := QuorumOf(len(c.Cosigners)); return q }

// QuorumOf returns quorum and tolerated liars for n cosigners.
func QuorumOf(n int) (q, f int) {
	f = (n - 1) / 3
	return (n + f + 2) / 2, f // integer form of ⌈(n+f+1)/2⌉
}

// A CharterSignature is one admin's signature on a charter.
type CharterSignature struct {
	_       struct{}  `cbor:",toarray"`
	Member  string    `json:"member"`
	Address Address   `json:"address"`
	Sig     signature `json:"signature"`
}

// signature is bytes that JSON shows as hex.
type signature []byte

func (s signature) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(s)), nil }

func (s *signature) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*s = b
	return err
}

// A SignedCharter is a charter body with the signatures gathered so far. As a
// file and over HTTP it is the JSON object {charter: hex of the body,
// signatures: [{member, address, signature}], view: the body for people}; the
// view is written and never read.
type SignedCharter struct {
	Body       []byte
	Signatures []CharterSignature
}

type charterJSON struct {
	Charter    signature          `json:"charter"`
	Signatures []CharterSignature `json:"signatures"`
	View       *Charter           `json:"view,omitempty"`
}

// MarshalJSON writes the file form.
func (s *SignedCharter) MarshalJSON() ([]byte, error) {
	c, err := DecodeCharter(s.Body)
	if err != nil {
		return nil, err
	}
	sigs := s.Signatures
	if sigs == nil {
		sigs = []CharterSignature{}
	}
	return json.Marshal(charterJSON{Charter: s.Body, Signatures: sigs, View: c})
}

// UnmarshalJSON reads the file form and checks the body's form, not the
// signatures.
func (s *SignedCharter) UnmarshalJSON(data []byte) error {
	var j charterJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return because(CodeCharter, err, "read charter")
	}
	if _, err := DecodeCharter(j.Charter); err != nil {
		return err
	}
	if len(j.Signatures) > MaxCharterSignatures {
		return wrong(CodeTooLarge, "a charter has at most %d signatures", MaxCharterSignatures)
	}
	s.Body, s.Signatures = j.Charter, j.Signatures
	return nil
}

// wireCharter is the stored and sent form: CBOR [body, signatures].
type wireCharter struct {
	_          struct{} `cbor:",toarray"`
	Body       []byte
	Signatures []CharterSignature
}

// Encode returns the charter with its signatures as deterministic CBOR: the
// array [body, [[member, address, signature]…]], the form that nodes store and
// send.
func (s *SignedCharter) Encode() ([]byte, error) {
	return Marshal(wireCharter{Body: s.Body, Signatures: s.Signatures})
}

// DecodeSignedCharter parses what Encode gives and checks the body's form, not
// the signatures.
func DecodeSignedCharter(raw []byte) (*SignedCharter, error) {
	if len(raw) > MaxSignedCharterBytes {
		return nil, wrong(CodeTooLarge, "a signed charter of %d bytes is over the limit of %d", len(raw), MaxSignedCharterBytes)
	}
	var w wireCharter
	if err := Unmarshal(raw, &w); err != nil {
		return nil, err
	}
	if _, err := DecodeCharter(w.Body); err != nil {
		return nil, err
	}
	if len(w.Signatures) > MaxCharterSignatures {
		return nil, wrong(CodeTooLarge, "a charter has at most %d signatures", MaxCharterSignatures)
	}
	return &SignedCharter{Body: w.Body, Signatures: w.Signatures}, nil
}

// Hash is the Keccak-256 of the body.
func (s *SignedCharter) Hash() Hash { return Keccak(s.Body) }

func charterMessage(c *Charter, hash Hash) string {
	return fmt.Sprintf("Suyuan charter\nnetwork: %s\nversion: %d\ncharter: 0x%s", c.Name, c.Version, hash)
}

// Sign adds the signature of an admin of the given member. Signing twice with
// one key changes nothing.
func (s *SignedCharter) Sign(member string, key *ecdsa.PrivateKey) error {
	c, err := DecodeCharter(s.Body)
	if err != nil {
		return err
	}
	addr := AddressOf(key)
	for _, have := range s.Signatures {
		if have.Member == member && have.Address == addr {
			return nil
		}
	}
	sig, err := SignMessage(charterMessage(c, s.Hash()), key)
	if err != nil {
		return err
	}
	s.Signatures = append(s.Signatures, CharterSignature{Member: member, Address: addr, Sig: sig})
	slices.SortFunc(s.Signatures, func(a, b CharterSignature) int {
		if d := compareString(a.Member, b.Member); d != 0 {
			return d
		}
		return compareAddress(a.Address, b.Address)
	})
	return nil
}

// signers returns the members of list with a valid signature of an admin of
// theirs. A signature that does not verify is an error, whoever made it.
func (s *SignedCharter) signers(c *Charter, list []Member) (map[string]bool, error) {
	if len(s.Signatures) > MaxCharterSignatures {
		return nil, wrong(CodeTooLarge, "a charter has at most %d signatures", MaxCharterSignatures)
	}
	msg := charterMessage(c, s.Hash())
	signed := make(map[string]bool)
	for _, sig := range s.Signatures {
		addr, err := RecoverMessage(msg, sig.Sig)
		if err != nil {
			return nil, because(CodeOf(err), err, "charter signature of %s", sig.Member)
		}
		if addr != sig.Address {
			return nil, wrong(CodeSigner, "the charter signature of %s is another key's", sig.Member)
		}
		for i := range list {
			if list[i].Slug == sig.Member && slices.Contains(list[i].Admins, addr) {
				signed[sig.Member] = true
			}
		}
	}
	return signed, nil
}

// checkStrangers holds that every signature is an admin's of one of the
// versions: a changed signature must not pass as one that does not count.
func (s *SignedCharter) checkStrangers(versions ...*Charter) error {
	for _, sig := range s.Signatures {
		admin := false
		for _, c := range versions {
			m := c.Member(sig.Member)
			admin = admin || m != nil && slices.Contains(m.Admins, sig.Address)
		}
		if !admin {
			return wrong(CodeNotAdmin, "the charter is signed by %s, which is no admin of %s", sig.Address, sig.Member)
		}
	}
	return nil
}

// Missing returns the members whose signature version 1 still needs.
func (s *SignedCharter) Missing() ([]string, error) {
	c, err := DecodeCharter(s.Body)
	if err != nil {
		return nil, err
	}
	signed, err := s.signers(c, c.Members)
	if err != nil {
		return nil, err
	}
	var missing []string
	for i := range c.Members {
		if !signed[c.Members[i].Slug] {
			missing = append(missing, c.Members[i].Slug)
		}
	}
	return missing, nil
}

// VerifyFirst checks that s is a complete version 1 and returns the charter.
// The network id is s.Hash().
func (s *SignedCharter) VerifyFirst() (*Charter, error) {
	c, err := DecodeCharter(s.Body)
	if err != nil {
		return nil, err
	}
	if c.Version != 1 {
		return nil, wrong(CodeCharter, "a network begins with version 1, not %d", c.Version)
	}
	if err := s.checkStrangers(c); err != nil {
		return nil, err
	}
	missing, err := s.Missing()
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, wrong(CodeCharter, "the charter is not signed by %v", missing)
	}
	return c, nil
}

// VerifyNext checks that s is a complete version that follows prev and returns
// the charter: signed by a quorum of prev's cosigning members and one of its
// own, keeping at least a quorum of prev's cosigners with their witness keys,
// ending the chain of every node left out and changing no number. That its ends
// cover whatever may be final is for [Network.Adopt] to say.
func (s *SignedCharter) VerifyNext(prev *Charter, prevHash Hash) (*Charter, error) {
	c, err := DecodeCharter(s.Body)
	if err != nil {
		return nil, err
	}
	if err := c.checkSuccession(prev, prevHash); err != nil {
		return nil, err
	}
	if err := s.checkStrangers(prev, c); err != nil {
		return nil, err
	}
	for _, side := range []*Charter{prev, c} {
		if err := s.checkCosigned(c, side); err != nil {
			return nil, err
		}
	}
	return c, c.checkContinuity(prev)
}

// CheckFollows holds every rule about the version after prev but that it must be
// signed, so that nobody is asked to sign what cannot become complete.
func (c *Charter) CheckFollows(prev *Charter, prevHash Hash) error {
	if err := c.CheckForm(); err != nil {
		return err
	}
	if err := c.checkSuccession(prev, prevHash); err != nil {
		return err
	}
	return c.checkContinuity(prev)
}

func (c *Charter) checkSuccession(prev *Charter, prevHash Hash) error {
	if c.Version != prev.Version+1 || c.Previous == nil || *c.Previous != prevHash || c.Name != prev.Name {
		return wrong(CodeCharter, "version %d does not follow version %d", c.Version, prev.Version)
	}
	return nil
}

// checkContinuity holds that a quorum of prev's cosigners stays with its witness
// keys, and what checkKept says.
func (c *Charter) checkContinuity(prev *Charter) error {
	kept := 0
	for _, w := range prev.Cosigners {
		if n := c.Cosigner(w.Member); n != nil && n.Key == w.Key {
			kept++
		}
	}
	if kept < prev.Quorum() {
		return wrong(CodeCharter, "version %d keeps %d cosigners of version %d, fewer than its quorum of %d",
			c.Version, kept, prev.Version, prev.Quorum())
	}
	return c.checkKept(prev)
}

// SignedBy returns the cosigning members of a version who have signed s with an
// admin of that version, ascending. A signature that does not verify is an error.
func (s *SignedCharter) SignedBy(side *Charter) ([]string, error) {
	c, err := DecodeCharter(s.Body)
	if err != nil {
		return nil, err
	}
	signed, err := s.signers(c, side.Members)
	if err != nil {
		return nil, err
	}
	list := []string{}
	for _, w := range side.Cosigners {
		if signed[w.Member] {
			list = append(list, w.Member)
		}
	}
	return list, nil
}

func (s *SignedCharter) checkCosigned(c, side *Charter) error {
	signed, err := s.signers(c, side.Members)
	if err != nil {
		return err
	}
	n := 0
	for _, w := range side.Cosigners {
		if signed[w.Member] {
			n++
		}
	}
	if n < side.Quorum() {
		return wrong(CodeCharter, "version %d is signed by %d cosigners of version %d, fewer than its quorum of %d",
			c.Version, n, side.Version, side.Quorum())
	}
	return nil
}

// checkKept holds that a number stands for one member and one log key for ever,
// that nodes left out are ended and that ended chains stay as they are.
func (c *Charter) checkKept(prev *Charter) error {
	for i := range prev.Nodes {
		old := &prev.Nodes[i]
		n := c.Node(old.Number)
		switch {
		case n == nil && c.ended(old.Number) == nil:
			return wrong(CodeCharter, "node %d is left out and its chain is not ended", old.Number)
		case n != nil && n.Member != old.Member:
			return wrong(CodeCharter, "node %d changes its member", old.Number)
		case n != nil && n.LogKey != old.LogKey:
			return wrong(CodeCharter, "node %d changes its log key", old.Number)
		}
	}
	for _, e := range prev.Ended {
		if kept := c.ended(e.Chain); kept == nil || !kept.same(&e) {
			return wrong(CodeCharter, "the end of chain %d is changed", e.Chain)
		}
	}
	for _, e := range c.Ended {
		if prev.Node(e.Chain) == nil && prev.ended(e.Chain) == nil {
			return wrong(CodeCharter, "chain %d is ended and never had a node", e.Chain)
		}
	}
	return c.checkNewNumbers(prev)
}

// checkNewNumbers holds that a number new in c was never used and comes with a
// log key that prev's nodes do not have.
func (c *Charter) checkNewNumbers(prev *Charter) error {
	highest := uint32(0)
	keys := make(map[Hash]bool, len(prev.Nodes))
	for i := range prev.Nodes {
		highest = max(highest, prev.Nodes[i].Number)
		keys[prev.Nodes[i].LogKey] = true
	}
	for _, e := range prev.Ended {
		highest = max(highest, e.Chain)
	}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		switch {
		case prev.Node(n.Number) != nil:
		case n.Number <= highest:
			return wrong(CodeCharter, "number %d was used before", n.Number)
		case keys[n.LogKey]:
			return wrong(CodeCharter, "node %d has a log key that was used before", n.Number)
		}
	}
	return nil
}

// shown reports whether pages and terminals show a text as it is: control
// characters and those that turn the direction of text could make two companies
// look alike to whoever signs.
func shown(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return false
		}
	}
	return true
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func compareAddress(a, b Address) int { return bytes.Compare(a[:], b[:]) }
func compareString(a, b string) int   { return strings.Compare(a, b) }
func compareUint(a, b uint64) int     { return cmp.Compare(a, b) }

// ascend reports whether list is strictly ascending.
func ascend[T any](list []T, compare func(a, b T) int) bool {
	for i := 1; i < len(list); i++ {
		if compare(list[i-1], list[i]) >= 0 {
			return false
		}
	}
	return true
}
