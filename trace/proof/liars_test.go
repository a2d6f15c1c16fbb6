package proof_test

import (
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/trace"
	"suyuan/trace/proof"
)

// A forgery is a chain as a quorum of liars would sign it: with a record at its
// end that no honest node would have taken.
type forgery struct {
	*world
	chain    uint32
	entries  [][]byte
	sidecars [][]byte
	tiles    map[ledger.TileID][]byte
	cp       *ledger.Checkpoint
}

// collude appends a record to a chain without any check and lets everybody sign
// the result.
func (w *world) collude(b *ledgertest.Builder, r *ledger.SignedRecord, sc *ledger.Sidecar) *forgery {
	last := must(ledger.RecordEntry(b.Chain.Prev(), b.Now(), r))
	f := &forgery{
		world: w, chain: b.Number, tiles: make(map[ledger.TileID][]byte),
		entries: append(b.Entries[:b.Size():b.Size()], last.Raw), sidecars: append(b.Sidecars[:b.Size():b.Size()], must(sc.Encode())),
	}
	tree := ledger.NewTree()
	for _, raw := range f.entries {
		if err := tree.Append(ledger.LeafHash(raw), func(tile ledger.TileID, _ int, h ledger.Hash) {
			f.tiles[tile] = append(f.tiles[tile], h[:]...)
		}); err != nil {
			panic(err)
		}
	}
	v := w.Network.Newest().Verifiers
	note := must(ledger.SignCheckpoint(v.Origin(b.Number), tree.Size(), must(tree.Root()), b.Member.Log))
	f.cp = must(v.Open(note))
	for _, m := range w.Cosigners() {
		f.cp = must(v.Merge(f.cp, w.Cosignature(f.cp, m, b.Now())))
	}
	return f
}

func (f *forgery) Final(chain uint32) *ledger.Checkpoint {
	if chain == f.chain {
		return f.cp
	}
	return f.world.Final(chain)
}

func (f *forgery) TileSource(chain uint32) ledger.TileSource {
	if chain == f.chain {
		return func(tile ledger.TileID, _ int) ([]byte, error) { return f.tiles[tile], nil }
	}
	return f.world.TileSource(chain)
}

func (f *forgery) Entry(chain uint32, seq uint64) ([]byte, error) {
	if chain == f.chain {
		return f.entries[seq], nil
	}
	return f.world.Entry(chain, seq)
}

func (f *forgery) Sidecar(chain uint32, seq uint64) ([]byte, error) {
	if chain == f.chain {
		return f.sidecars[seq], nil
	}
	return f.world.Sidecar(chain, seq)
}

// A quorum of liars can sign a chain that breaks the rules. What a bundle shows
// of the rules still has to hold.
func TestVerifierTrustsNoQuorumAboutRights(t *testing.T) {
	sale := []opt{subjects(bottles(sold, sold)), disclose(ledger.Item, 1, "store")}
	for _, c := range []struct {
		name string
		at   func(w *world) (*ledger.SignedRecord, *ledger.Sidecar)
		code ledger.Code
	}{
		{"an honest record", func(w *world) (*ledger.SignedRecord, *ledger.Sidecar) {
			return w.Record("dist", ledger.KindSell, w.dist.Now(), sale...)
		}, ""},
		{"an operator that the charter has revoked", func(w *world) (*ledger.SignedRecord, *ledger.Sidecar) {
			w.Adopt(func(c *ledger.Charter) {
				c.Member("dist").Revoked = []ledger.Address{w.Member("dist").OperatorAddress()}
			})
			w.dist.Charter()
			return w.Record("dist", ledger.KindSell, w.dist.Now(), sale...)
		}, ledger.CodeRevoked},
		{"a grant for other kinds", func(w *world) (*ledger.SignedRecord, *ledger.Sidecar) {
			key := ledgertest.OperatorKey("clerk")
			w.dist.Append(w.GrantTo("dist", ledger.AddressOf(key), []ledger.Kind{ledger.KindReceive}))
			return w.Record("dist", ledger.KindSell, w.dist.Now(), append(sale, ledgertest.SignedBy(key))...)
		}, ledger.CodeNoGrant},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			r, sc := c.at(w)
			f := w.collude(w.dist, r, sc)
			in := w.input(sold)
			in.Finals = f
			in.Events = append(in.Events, trace.Position{Chain: f.chain, Seq: uint64(len(f.entries) - 1)})
			in.Warrants = anyGrant{w}
			_, err := proof.Build(in)
			if got := ledger.CodeOf(err); got != c.code {
				t.Errorf("code %q, want %q: %v", got, c.code, err)
			}
		})
	}
}

// anyGrant names the newest grant of the chain, whether or not it fits.
type anyGrant struct{ *world }

func (a anyGrant) GrantEntry(chain uint32, _ ledger.Address, _ ledger.Kind, seq uint64) (uint64, bool, error) {
	seq = min(seq, a.builder(chain).Size())
	for i := int(seq) - 1; i >= 0; i-- {
		if o, _ := a.builder(chain).Opened(uint64(i)); o.Record != nil && o.Record.Record.Kind == ledger.KindGrant {
			return uint64(i), true, nil
		}
	}
	return 0, false, nil
}

// CharterEntry looks below the forged entry.
func (a anyGrant) CharterEntry(chain uint32, seq uint64) (uint64, bool, error) {
	return a.world.CharterEntry(chain, min(seq, a.builder(chain).Size()))
}

func TestGrantByOneWhoIsNoAdminIsRefused(t *testing.T) {
	w := newWorld(t)
	key := ledgertest.OperatorKey("impostor")
	record, sc := w.GrantTo("dist", ledger.AddressOf(key), nil, ledgertest.SignedBy(key))
	f := w.collude(w.dist, record, sc)
	b := build(t, w.input(moving))
	grant := must(ledger.ProveEntry(f.TileSource(f.chain), f.cp, uint64(len(f.entries)-1), f.entries[len(f.entries)-1], nil, -1))
	charter := must(ledger.ProveEntry(f.TileSource(f.chain), f.cp, 0, f.entries[0], nil, -1))
	b.Entries = append(b.Entries, *charter, *grant)
	if _, err := b.Verify(w.Network.ID); ledger.CodeOf(err) != ledger.CodeNotAdmin {
		t.Errorf("%v", err)
	}
}

func TestEntriesBeyondTheEndOfAChainAreRefused(t *testing.T) {
	for _, cut := range []uint64{0, 1} {
		w := newWorld(t)
		for _, b := range []*ledgertest.Builder{w.brand, w.wh, w.dist} {
			w.Final(b.Number) // signed by all four, before one of them leaves
		}
		size := w.dist.Size() - cut
		w.Adopt(func(c *ledger.Charter) {
			c.Ended = []ledger.Ended{{Chain: w.dist.Number, Size: size, Root: must(w.dist.TileSource().RootAt(size))}}
			c.Nodes = append(c.Nodes[:2:2], c.Nodes[3:]...)
			var left []ledger.Cosigner
			for _, x := range c.Cosigners {
				if x.Member != "dist" {
					left = append(left, x)
				}
			}
			c.Cosigners = left
		})
		b, err := proof.Build(w.input(sold))
		if cut > 0 {
			if ledger.CodeOf(err) != ledger.CodeCheckpoint {
				t.Errorf("%d entries beyond the end: %v", cut, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.Verify(w.Network.ID)
		if err != nil {
			t.Fatal(err)
		}
		if last := r.Limits[len(r.Limits)-1]; !strings.Contains(last, "fewer than four cosigners") {
			t.Errorf("with three cosigners the last limit is %q", last)
		}
		for _, e := range r.Events {
			if len(e.Cosigners) != 4 || e.Of != 4 { // under the charter in force then
				t.Errorf("chain %d: cosigned by %v of %d", e.Chain, e.Cosigners, e.Of)
			}
		}
	}
}

// A chain that is on version 1 is final with three of four cosigners. That two of
// them would do under version 2, which it has never entered, does not help.
func TestQuorumOfACharterNotEnteredIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, b := range []*ledgertest.Builder{w.brand, w.wh, w.dist} {
		w.Final(b.Number)
	}
	w.Adopt(func(c *ledger.Charter) { // dist goes on writing and cosigns no more
		c.Cosigners = slices.DeleteFunc(c.Cosigners, func(x ledger.Cosigner) bool { return x.Member == "dist" })
	})
	b := build(t, w.input(sold))
	for i := range b.Entries {
		var kept []string
		for line := range strings.Lines(b.Entries[i].Proof) {
			if !strings.Contains(line, "/dist ") && !strings.Contains(line, "/audit ") {
				kept = append(kept, line)
			}
		}
		b.Entries[i].Proof = strings.Join(kept, "")
	}
	if _, err := b.Verify(w.Network.ID); ledger.CodeOf(err) != ledger.CodeQuorum {
		t.Errorf("%v", err)
	}
}
