package ledger

import "slices"

// A Version is one complete charter version with what follows from it.
type Version struct {
	Charter   *Charter
	Hash      Hash // Keccak-256 of the body
	Signed    *SignedCharter
	Verifiers *Verifiers
}

// A Network is the charter versions of one consortium, verified from the first.
// It is immutable: [Network.Adopt] returns a longer one.
type Network struct {
	ID       Hash
	Name     string
	versions []*Version // version i+1 at index i
	all      *Verifiers // the keys of every version
}

// InForce is the charter versions, From to To, whose quorums a checkpoint needs.
// See [Chain.InForce].
type InForce struct{ From, To uint64 }

// Crosses reports whether the quorum of more than one version is needed.
func (f InForce) Crosses() bool { return f.From < f.To }

// NewNetwork verifies a complete version 1.
func NewNetwork(first *SignedCharter) (*Network, error) {
	c, err := first.VerifyFirst()
	if err != nil {
		return nil, err
	}
	n := &Network{ID: first.Hash(), Name: c.Name}
	return n.with(first, c)
}

// Adopt returns the network with the next version, which must be complete.
func (n *Network) Adopt(next *SignedCharter) (*Network, error) {
	newest := n.Newest()
	c, err := n.verifyNext(next, newest)
	if err != nil {
		return nil, err
	}
	return n.with(next, c)
}

func (n *Network) with(signed *SignedCharter, c *Charter) (*Network, error) {
	v, err := NewVerifiers(c, n.ID)
	if err != nil {
		return nil, err
	}
	longer := *n
	longer.versions = append(slices.Clone(n.versions), &Version{Charter: c, Hash: signed.Hash(), Signed: signed, Verifiers: v})
	longer.all = v.crossing(longer.verifiers(1, c.Version-1)...)
	return &longer, nil
}

// verifiers returns the verifiers of the versions from one up to another.
func (n *Network) verifiers(from, to uint64) []*Verifiers {
	var list []*Verifiers
	for _, v := range n.versions[from-1 : to] {
		list = append(list, v.Verifiers)
	}
	return list
}

// Verifiers returns what checks a checkpoint that needs the quorums of these
// versions; all of them must be held.
func (n *Network) Verifiers(in InForce) (*Verifiers, error) {
	if in.From == 0 || in.From > in.To || in.To > uint64(len(n.versions)) {
		return nil, wrong(CodeNoCharter, "charter versions %d to %d are not held", in.From, in.To)
	}
	newest := n.versions[in.To-1].Verifiers
	if !in.Crosses() {
		return newest, nil
	}
	return newest.crossing(n.verifiers(in.From, in.To-1)...), nil
}

// VerifyNetwork verifies a list of charters from version 1 on.
func VerifyNetwork(charters []*SignedCharter) (*Network, error) {
	if len(charters) == 0 {
		return nil, wrong(CodeNoCharter, "there is no charter")
	}
	n, err := NewNetwork(charters[0])
	for _, next := range charters[1:] {
		if err != nil {
			break
		}
		n, err = n.Adopt(next)
	}
	return n, err
}

// Newest is the highest version held.
func (n *Network) Newest() *Version { return n.versions[len(n.versions)-1] }

// Version returns version number v, or nil if it is not held.
func (n *Network) Version(v uint64) *Version {
	if v == 0 || v > uint64(len(n.versions)) {
		return nil
	}
	return n.versions[v-1]
}

// Versions returns all versions held, the first first.
func (n *Network) Versions() []*Version { return slices.Clone(n.versions) }

// lookup returns the version that a charter entry names.
func (n *Network) lookup(ref CharterRef) (*Version, error) {
	v := n.Version(ref.Version)
	if v == nil {
		return nil, wrong(CodeNoCharter, "charter version %d is not held", ref.Version)
	}
	if v.Hash != ref.Hash {
		return nil, wrong(CodeCharter, "charter version %d has the hash %s, not %s", ref.Version, v.Hash, ref.Hash)
	}
	return v, nil
}

// MemberOf returns the member that writes a chain, also one that has ended, in
// the newest version that has its node; "" if no version has.
func (n *Network) MemberOf(chain uint32) string {
	for _, v := range slices.Backward(n.versions) {
		if node := v.Charter.Node(chain); node != nil {
			return node.Member
		}
	}
	return ""
}

// firstWith returns the first version that has a chain's node; MemberOf must
// know the chain.
func (n *Network) firstWith(chain uint32) *Version {
	for _, v := range n.versions {
		if v.Charter.Node(chain) != nil {
			return v
		}
	}
	return nil
}

// Chains returns the numbers of all chains of the newest version, ended ones
// included, ascending.
func (n *Network) Chains() []uint32 {
	c := n.Newest().Charter
	var list []uint32
	for i := range c.Nodes {
		list = append(list, c.Nodes[i].Number)
	}
	for _, e := range c.Ended {
		list = append(list, e.Chain)
	}
	slices.Sort(list)
	return list
}

// Conflicts reports whether s is a complete charter of a version that is held
// with another body: the two are proof that more of the cosigning members than
// may lie have signed both. The error says why s is not complete.
func (n *Network) Conflicts(s *SignedCharter) (bool, error) {
	c, err := DecodeCharter(s.Body)
	if err != nil {
		return false, err
	}
	held := n.Version(c.Version)
	if held == nil || held.Hash == s.Hash() {
		return false, nil
	}
	prev := n.Version(c.Version - 1)
	if prev == nil {
		return false, wrong(CodeNetwork, "the charter is that of network %s, not %s", s.Hash(), n.ID)
	}
	if _, err := n.verifyNext(s, prev); err != nil {
		return false, err
	}
	return true, nil
}

// Ended returns how a chain ended, or nil if it has not.
func (n *Network) Ended(chain uint32) *Ended { return n.Newest().Charter.ended(chain) }

// OpenCheckpoint verifies a checkpoint note where the entries that it covers are
// not at hand, so that nobody can say which charter was in force at its size: it
// counts under the newest version under which it has a quorum. That is enough,
// because the cosigners of one version stop before they begin under the next and
// begin only when the quorums of both have met. Without a quorum it counts under
// the newest version that has the chain's node. Lines of the cosigners of all
// versions are verified, those of strangers ignored.
func (n *Network) OpenCheckpoint(raw []byte) (*Checkpoint, error) {
	opened, chain, err := n.all.open(raw)
	if err != nil {
		return nil, err
	}
	var first *Checkpoint
	for _, v := range slices.Backward(n.versions) {
		if v.Charter.Node(chain) == nil {
			continue
		}
		cp := v.Verifiers.count(raw, opened, chain)
		if first == nil {
			first = cp
		}
		if cp.Final {
			first = cp
			break
		}
	}
	n.cutOff(first)
	return first, nil
}

// OpenCheckpointAt verifies a checkpoint note that needs the quorums of the given
// versions, which are those in force at its size.
func (n *Network) OpenCheckpointAt(raw []byte, in InForce) (*Checkpoint, error) {
	v, err := n.Verifiers(in)
	if err != nil {
		return nil, err
	}
	opened, chain, err := n.all.open(raw)
	if err != nil {
		return nil, err
	}
	if v.charter.Node(chain) == nil {
		return nil, wrong(CodeUnknownChain, "charter version %d has no node %d", in.To, chain)
	}
	cp := v.count(raw, opened, chain)
	n.cutOff(cp)
	return cp, nil
}

// cutOff holds that nothing beyond the size at which a charter ends a chain is
// final.
func (n *Network) cutOff(cp *Checkpoint) {
	if end := n.Ended(cp.Chain); end != nil && cp.Size > end.Size {
		cp.Final = false
	}
}
