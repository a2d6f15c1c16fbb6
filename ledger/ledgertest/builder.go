package ledgertest

import (
	"crypto/ed25519"
	"maps"
	"slices"
	"time"

	"suyuan/ledger"
)

// A Builder grows one chain in memory through the same checks as a node. It is
// for one goroutine.
type Builder struct {
	Net    *Net
	Member *Member
	Number uint32
	Chain  *ledger.Chain

	// Entries and Sidecars are the bytes by position; a sidecar is nil where
	// the entry has none.
	Entries  [][]byte
	Sidecars [][]byte

	// Tick is how far time moves with each entry, in ms.
	Tick int64

	log   ed25519.PrivateKey
	now   int64
	ids   map[ledger.Hash]uint64
	tiles map[ledger.TileID][]byte
}

// Empty returns a builder for the still empty chain of a member's first node.
func (n *Net) Empty(member string) *Builder { return n.EmptyChain(n.Member(member).Number) }

// EmptyChain returns a builder for the still empty chain of that number.
func (n *Net) EmptyChain(number uint32) *Builder {
	m, node := n.node(number)
	return &Builder{
		Net: n, Member: m, Number: number, log: node.Log, Tick: 1000, now: Start,
		Chain: must(ledger.NewChain(n.Network, number)),
		ids:   make(map[ledger.Hash]uint64), tiles: make(map[ledger.TileID][]byte),
	}
}

// NewChain returns the chain of a member's first node with two entries: the
// newest charter, and a grant of every kind to the operator.
func (n *Net) NewChain(member string) *Builder {
	b := n.Empty(member)
	b.Charter()
	b.Append(n.Grant(member))
	return b
}

// Now is the time of the next entry, in ms.
func (b *Builder) Now() int64 { return b.now }

// Wait moves time on by ms before the next entry.
func (b *Builder) Wait(ms int64) { b.now += ms }

// Size is the number of entries.
func (b *Builder) Size() uint64 { return b.Chain.Size() }

// Name is how the chain is shown: <member>/<number>.
func (b *Builder) Name() string { return ledger.ChainName(b.Member.Slug, b.Number) }

// Clone returns an independent copy, the beginning of a fork.
func (b *Builder) Clone() *Builder {
	c := *b
	c.Chain = b.Chain.Clone()
	c.Entries, c.Sidecars = slices.Clone(b.Entries), slices.Clone(b.Sidecars)
	c.ids, c.tiles = maps.Clone(b.ids), b.Tiles()
	return &c
}

// At returns a new builder that holds the first size entries.
func (b *Builder) At(size uint64) *Builder {
	c := b.Net.EmptyChain(b.Number)
	c.Tick = b.Tick
	for i, raw := range b.Entries[:size] {
		check(c.TryEntry(raw, b.Sidecars[i]))
	}
	return c
}

// Append adds a record; its sidecar must be complete. It takes what
// [Net.Record] returns and gives the record back.
func (b *Builder) Append(r *ledger.SignedRecord, sc *ledger.Sidecar) *ledger.SignedRecord {
	check(b.Try(r, sc))
	return r
}

// Try is Append for records that may be refused; the chain is unchanged then.
func (b *Builder) Try(r *ledger.SignedRecord, sc *ledger.Sidecar) error {
	o, err := ledger.RecordEntry(b.Chain.Prev(), b.now, r)
	if err != nil {
		return err
	}
	return b.TryOpened(o, sc)
}

// Record appends a record of the member that happens now.
func (b *Builder) Record(kind ledger.Kind, opts ...RecordOption) *ledger.SignedRecord {
	number := func(d *draft) { d.record.Chain = b.Number }
	return b.Append(b.Net.Record(b.Member.Slug, kind, b.now, append([]RecordOption{number}, opts...)...))
}

// Charter adds a charter entry for the newest version of the network, which the
// builder takes over first.
func (b *Builder) Charter() {
	b.Chain.SetNetwork(b.Net.Network)
	v := b.Net.Network.Newest()
	ref := ledger.CharterRef{Version: v.Charter.Version, Hash: v.Hash}
	check(b.TryOpened(must(ledger.CharterEntry(b.Chain.Prev(), b.now, ref)), nil))
}

// See adds a frontier entry that names the present sizes of other chains.
func (b *Builder) See(others ...*Builder) {
	var f ledger.Frontier
	for _, o := range others {
		f = append(f, ledger.Seen{Chain: o.Number, Size: o.Size(), Root: must(o.Chain.Root())})
	}
	slices.SortFunc(f, func(x, y ledger.Seen) int { return int(x.Chain) - int(y.Chain) })
	b.Frontier(f)
}

// Frontier adds a frontier entry.
func (b *Builder) Frontier(f ledger.Frontier) {
	check(b.TryOpened(must(ledger.FrontierEntry(b.Chain.Prev(), b.now, f)), nil))
}

// TryEntry adds foreign entry and sidecar bytes as replication would.
func (b *Builder) TryEntry(raw, sidecar []byte) error {
	o, err := ledger.OpenEntry(raw)
	if err != nil {
		return err
	}
	sc, err := ledger.DecodeSidecar(sidecar)
	if err != nil {
		return err
	}
	return b.TryOpened(o, sc)
}

// TryOpened checks an entry and adds it.
func (b *Builder) TryOpened(o *ledger.OpenedEntry, sc *ledger.Sidecar) error {
	if o.Record != nil && sc == nil {
		sc = &ledger.Sidecar{}
	}
	if err := b.Chain.Check(o, sc, b.has); err != nil {
		return err
	}
	side, err := sc.Encode()
	if err != nil {
		return err
	}
	if o.Record != nil {
		b.ids[o.Record.ID] = b.Size()
	}
	b.Entries, b.Sidecars = append(b.Entries, o.Raw), append(b.Sidecars, side)
	b.now = max(b.now, o.Entry.Time) + b.Tick
	return b.Chain.Apply(o, sc, b.keep)
}

// has reports whether a record id stands on the chain.
func (b *Builder) has(id ledger.Hash) bool { _, ok := b.ids[id]; return ok }

// keep stores one hash of a tile. Hashes of a tile come in order.
func (b *Builder) keep(tile ledger.TileID, at int, h ledger.Hash) {
	if len(b.tiles[tile]) != at*len(h) {
		panic("ledgertest: a tile's hashes do not come in order")
	}
	b.tiles[tile] = append(b.tiles[tile], h[:]...)
}

// TileSource reads the chain's tiles. A tile that does not exist reads as empty.
func (b *Builder) TileSource() ledger.TileSource {
	return func(tile ledger.TileID, width int) ([]byte, error) { return b.tiles[tile], nil }
}

// Tiles returns a copy of the chain's tiles.
func (b *Builder) Tiles() map[ledger.TileID][]byte {
	tiles := make(map[ledger.TileID][]byte, len(b.tiles))
	for id, t := range b.tiles {
		tiles[id] = slices.Clone(t)
	}
	return tiles
}

// Opened returns an entry and its sidecar, decoded.
func (b *Builder) Opened(seq uint64) (*ledger.OpenedEntry, *ledger.Sidecar) {
	return must(ledger.OpenEntry(b.Entries[seq])), must(ledger.DecodeSidecar(b.Sidecars[seq]))
}

// verifiers are those of the charter in force at the chain's end.
func (b *Builder) verifiers() *ledger.Verifiers {
	if v := b.Chain.Charter(); v != nil {
		return v.Verifiers
	}
	return b.Net.Network.Newest().Verifiers
}

// Checkpoint signs the chain's size and root with its log key.
func (b *Builder) Checkpoint() *ledger.Checkpoint {
	v := b.verifiers()
	raw := must(ledger.SignCheckpoint(v.Origin(b.Number), b.Size(), must(b.Chain.Root()), b.log))
	return must(v.Open(raw))
}

// Cosign adds the cosignatures of members to a checkpoint, at the time of the
// chain's next entry.
func (b *Builder) Cosign(cp *ledger.Checkpoint, members ...string) *ledger.Checkpoint {
	var lines [][]byte
	for _, m := range members {
		lines = append(lines, b.Net.Cosignature(cp, m, b.now))
	}
	return must(b.verifiers().Merge(cp, lines...))
}

// Final returns a checkpoint of the present size with a cosignature of every
// cosigner.
func (b *Builder) Final() *ledger.Checkpoint {
	return b.Cosign(b.Checkpoint(), b.Net.Cosigners()...)
}

// Cosignature makes the line that a member's witness adds to a checkpoint at a
// time in ms.
func (n *Net) Cosignature(cp *ledger.Checkpoint, member string, at int64) []byte {
	name := ledger.WitnessName(n.Network.Name, n.Network.ID, member)
	return must(ledger.Cosign(cp, name, n.Member(member).Witness, time.UnixMilli(at)))
}
