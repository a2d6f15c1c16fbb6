package ledger

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// A Chain is the folded state of one chain after some number of entries: all
// that is needed to decide whether another entry may follow. Append,
// replication and verification all go through [Chain.Check]; there is no other
// way to extend a chain.
//
// A Chain is a plain value of one goroutine. [Chain.Clone] is cheap, so that a
// batch can be tried on a copy.
type Chain struct {
	Number uint32
	Member string

	net      *Network
	tree     *Tree
	prev     Hash
	time     int64
	after    EntryKind   // kind of the newest entry
	version  *Version    // charter in force; nil before entry 0
	charters []CharterAt // the charter entries, ascending
	pastEnd  bool        // entries beyond the charter's end are checked too; see [Verify]
	rights   Rights
	frontier map[uint32]Seen // newest frontier value per chain
	shared   bool            // frontier is shared with a clone: copy before writing
}

// NewChain returns the empty chain with that number, which a version of the
// network's charter must name.
func NewChain(net *Network, number uint32) (*Chain, error) {
	member := net.MemberOf(number)
	if member == "" {
		return nil, wrong(CodeUnknownChain, "no node has the number %d", number)
	}
	return &Chain{Number: number, Member: member, net: net, tree: NewTree(), frontier: map[uint32]Seen{}}, nil
}

// Size is the number of entries.
func (c *Chain) Size() uint64 { return c.tree.Size() }

// Root is the Merkle root over the entries.
func (c *Chain) Root() (Hash, error) { return c.tree.Root() }

// Prev is the leaf hash of the newest entry, zero for an empty chain.
func (c *Chain) Prev() Hash { return c.prev }

// Time is the newest entry's time in ms, 0 for an empty chain.
func (c *Chain) Time() int64 { return c.time }

// Charter is the charter version in force, nil before entry 0.
func (c *Chain) Charter() *Version { return c.version }

// CharterEntry returns the position of the newest charter entry before position
// seq; ok is false if there is none.
func (c *Chain) CharterEntry(seq uint64) (at uint64, ok bool) {
	i := c.chartersBefore(seq)
	if i == 0 {
		return 0, false
	}
	return c.charters[i-1].Seq, true
}

// chartersBefore counts the charter entries before position seq.
func (c *Chain) chartersBefore(seq uint64) int {
	i, _ := slices.BinarySearchFunc(c.charters, seq, func(at CharterAt, seq uint64) int { return cmp.Compare(at.Seq, seq) })
	return i
}

// InForce returns the charter versions whose quorums a checkpoint of the first
// size entries needs: the version in force there and, where the last of these
// entries is the one that put it in force, every version that it crossed. The
// zero InForce is for a size that covers no charter entry.
func (c *Chain) InForce(size uint64) InForce {
	i := c.chartersBefore(size)
	if i == 0 {
		return InForce{}
	}
	at := c.charters[i-1]
	in := InForce{From: at.Version, To: at.Version}
	if i > 1 && at.Seq == size-1 {
		in.From = c.charters[i-2].Version
	}
	return in
}

// Crossing returns the smallest size, above after, at which a checkpoint crosses
// from one charter version into another, and reports whether there is one. No
// checkpoint beyond such a size is signed before one of exactly that size is
// final.
func (c *Chain) Crossing(after uint64) (size uint64, ok bool) {
	for _, at := range c.charters[c.chartersBefore(after):] {
		if at.Seq > 0 {
			return at.Seq + 1, true
		}
	}
	return 0, false
}

// Rights are the grants so far.
func (c *Chain) Rights() Rights { return c.rights }

// Frontier returns the newest frontier value of every chain, ascending.
func (c *Chain) Frontier() Frontier {
	f := Frontier(slices.Collect(maps.Values(c.frontier)))
	slices.SortFunc(f, func(a, b Seen) int { return cmp.Compare(a.Chain, b.Chain) })
	return f
}

// FrontierOf returns the newest frontier value of one chain.
func (c *Chain) FrontierOf(chain uint32) (Seen, bool) {
	s, ok := c.frontier[chain]
	return s, ok
}

// SetNetwork gives the chain a network with more charter versions.
func (c *Chain) SetNetwork(net *Network) { c.net = net }

// Clone returns an independent copy.
func (c *Chain) Clone() *Chain {
	c.shared = true
	d := *c
	d.tree = c.tree.Clone()
	return &d
}

// Check reports whether o, with its sidecar, may be the next entry. seen says
// whether a record id stands on the chain already; sc must be complete (every
// shared disclosure and all subjects) or nil, which checks the log bytes alone:
// a public reader's view, in which limits of grants are not known.
func (c *Chain) Check(o *OpenedEntry, sc *Sidecar, seen func(id Hash) bool) error {
	if o.Entry.Prev != c.prev {
		return wrong(CodePrevious, "the entry follows %s, but the newest entry is %s", o.Entry.Prev, c.prev)
	}
	if o.Entry.Time < c.time {
		return wrong(CodeTime, "entry time goes back by %d ms", c.time-o.Entry.Time)
	}
	if err := c.checkNotEnded(); err != nil {
		return err
	}
	if c.version == nil && o.Entry.Kind != EntryCharter {
		return wrong(CodeCharter, "entry 0 is a charter entry")
	}
	if c.after == EntryFrontier && o.Entry.Kind == EntryFrontier {
		return wrong(CodeFrontier, "a frontier entry stands directly before a record or charter entry")
	}
	if o.Entry.Kind != EntryRecord && !sc.Empty() {
		return wrong(CodeSidecar, "only a record has a sidecar")
	}
	switch o.Entry.Kind {
	case EntryCharter:
		return c.checkCharter(o.Charter)
	case EntryFrontier:
		return c.checkFrontier(o.Frontier)
	}
	return c.checkRecord(o, sc, seen)
}

func (c *Chain) checkNotEnded() error {
	for _, e := range c.net.Newest().Charter.Ended {
		if e.Chain == c.Number && c.Size() >= e.Size && !c.pastEnd {
			return wrong(CodeChain, "the charter ended the chain at size %d", e.Size)
		}
	}
	return nil
}

func (c *Chain) checkCharter(ref *CharterRef) error {
	v, err := c.net.lookup(*ref)
	if err != nil {
		return err
	}
	if c.version != nil && ref.Version <= c.version.Charter.Version {
		return wrong(CodeCharter, "version %d does not come after version %d", ref.Version, c.version.Charter.Version)
	}
	if n := v.Charter.Node(c.Number); n == nil || n.Member != c.Member {
		return wrong(CodeUnknownChain, "charter version %d has no node %s", ref.Version, ChainName(c.Member, c.Number))
	}
	return nil
}

func (c *Chain) checkFrontier(f Frontier) error {
	for _, s := range f {
		switch {
		case s.Chain == c.Number:
			return wrong(CodeFrontier, "a frontier names its own chain")
		case c.net.MemberOf(s.Chain) == "":
			return wrong(CodeFrontier, "a frontier names chain %d, which no charter has", s.Chain)
		case s.Size <= c.frontier[s.Chain].Size:
			return wrong(CodeFrontier, "a frontier names size %d of chain %d after size %d", s.Size, s.Chain, c.frontier[s.Chain].Size)
		}
	}
	return nil
}

// instant is a time in ms since 1970 as people read it.
func instant(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

func (c *Chain) checkRecord(o *OpenedEntry, sc *Sidecar, seen func(Hash) bool) error {
	r := &o.Record.Record
	switch {
	case r.Network != c.net.ID:
		return wrong(CodeNetwork, "the record is for network %s", r.Network)
	case r.Chain != c.Number || r.Member != c.Member:
		return wrong(CodeChain, "the record is for chain %s, not %s", ChainName(r.Member, r.Chain), ChainName(c.Member, c.Number))
	case r.At > o.Entry.Time+MaxAhead:
		return wrong(CodeAhead, "the event is said to happen at %s, the entry is of %s: at most %d min ahead is recorded", instant(r.At), instant(o.Entry.Time), MaxAhead/60_000)
	}
	if err := c.checkSigner(r); err != nil {
		return err
	}
	if sc != nil {
		if err := sc.Check(r, nil); err != nil {
			return err
		}
	}
	if err := checkOwnKind(r, sc, c.Size()); err != nil {
		return err
	}
	if seen != nil && seen(o.Record.ID) {
		return wrong(CodeDuplicate, "record %s stands on the chain already", o.Record.ID)
	}
	return nil
}

func (c *Chain) checkSigner(r *Record) error {
	m := c.version.Charter.Member(c.Member)
	if slices.Contains(m.Revoked, r.Signer) {
		return wrong(CodeRevoked, "the charter has revoked %s", r.Signer)
	}
	if r.Kind.byAdmin() {
		if !slices.Contains(m.Admins, r.Signer) {
			return wrong(CodeNotAdmin, "%s is no admin of %s", r.Signer, c.Member)
		}
		return nil
	}
	return c.rights.check(r)
}

// checkOwnKind checks the fields of the kinds that belong to this package.
func checkOwnKind(r *Record, sc *Sidecar, seq uint64) error {
	switch r.Kind {
	case KindGrant:
		if err := checkGrantAudience(sc); err != nil {
			return err
		}
		_, err := readGrant(r, sc, seq)
		return err
	case KindRevoke:
		var f RevokeFields
		return encodedFields(r.Fields, &f)
	case KindErase:
		_, err := r.Erases()
		return err
	}
	return nil
}

// Apply moves the state past o, which Check must have passed in this state.
// visit is that of [Tree.Append].
func (c *Chain) Apply(o *OpenedEntry, sc *Sidecar, visit func(tile TileID, at int, h Hash)) error {
	seq := c.Size()
	if err := c.tree.Append(o.Hash, visit); err != nil {
		return err
	}
	c.prev, c.time, c.after = o.Hash, o.Entry.Time, o.Entry.Kind
	switch o.Entry.Kind {
	case EntryCharter:
		v, err := c.net.lookup(*o.Charter)
		if err != nil {
			return err
		}
		c.version = v
		c.charters = append(slices.Clone(c.charters), CharterAt{Seq: seq, Version: v.Charter.Version})
	case EntryFrontier:
		if c.shared {
			c.frontier, c.shared = maps.Clone(c.frontier), false
		}
		for _, s := range o.Frontier {
			c.frontier[s.Chain] = s
		}
	case EntryRecord:
		return c.applyRecord(&o.Record.Record, sc, seq)
	}
	return nil
}

func (c *Chain) applyRecord(r *Record, sc *Sidecar, seq uint64) error {
	switch r.Kind {
	case KindGrant:
		g, err := readGrant(r, sc, seq)
		if err != nil {
			return err
		}
		c.rights = c.rights.with(g)
	case KindRevoke:
		var f RevokeFields
		if err := encodedFields(r.Fields, &f); err != nil {
			return err
		}
		c.rights = c.rights.until(f.Address, seq)
	}
	return nil
}

// ChainState is the stored form of a Chain, without its rights, which change
// seldom and are stored apart. Its bytes are deterministic CBOR.
type ChainState struct {
	Size     uint64      `cbor:"1,keyasint"`
	Prev     Hash        `cbor:"2,keyasint"`
	Time     int64       `cbor:"3,keyasint"`
	After    EntryKind   `cbor:"4,keyasint"`
	Version  uint64      `cbor:"5,keyasint"`
	Tree     []Hash      `cbor:"6,keyasint"`
	Frontier []Seen      `cbor:"7,keyasint,omitempty"`
	Charters []CharterAt `cbor:"8,keyasint,omitempty"`
}

// A CharterAt says that the charter entry at a position puts a version in force.
type CharterAt struct {
	_       struct{} `cbor:",toarray"`
	Seq     uint64
	Version uint64
}

// State returns what [RestoreChain] needs besides the rights.
func (c *Chain) State() ChainState {
	s := ChainState{Size: c.Size(), Prev: c.prev, Time: c.time, After: c.after, Tree: c.tree.State(), Frontier: c.Frontier(), Charters: c.charters}
	if c.version != nil {
		s.Version = c.version.Charter.Version
	}
	return s
}

// RestoreChain returns the chain that State and Rights describe.
func RestoreChain(net *Network, number uint32, s ChainState, rights Rights) (*Chain, error) {
	c, err := NewChain(net, number)
	if err != nil {
		return nil, err
	}
	if c.tree, err = RestoreTree(s.Size, s.Tree); err != nil {
		return nil, err
	}
	if s.Size > 0 {
		if c.version = net.Version(s.Version); c.version == nil {
			return nil, wrong(CodeNoCharter, "charter version %d is not held", s.Version)
		}
		if c.version.Charter.Node(number) == nil {
			return nil, wrong(CodeUnknownChain, "charter version %d has no node %d", s.Version, number)
		}
	}
	c.prev, c.time, c.after, c.rights, c.charters = s.Prev, s.Time, s.After, rights, s.Charters
	for _, f := range s.Frontier {
		c.frontier[f.Chain] = f
	}
	return c, nil
}
