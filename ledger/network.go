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
}

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
	c, err := next.VerifyNext(newest.Charter, newest.Hash)
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
	return &longer, nil
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

// OpenCheckpoint verifies a checkpoint note under the newest charter version
// that has its chain's node; see [Verifiers.Open].
func (n *Network) OpenCheckpoint(raw []byte) (*Checkpoint, error) {
	var first error
	for _, v := range slices.Backward(n.versions) {
		cp, err := v.Verifiers.Open(raw)
		if err == nil {
			return cp, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}
