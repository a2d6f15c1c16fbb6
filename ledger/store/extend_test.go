package store_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

// itemsOf are the entries of a chain made in memory.
func itemsOf(b *ledgertest.Builder) []store.Item {
	items := make([]store.Item, len(b.Entries))
	for i := range items {
		items[i] = store.Item{Entry: b.Entries[i], Sidecar: b.Sidecars[i]}
	}
	return items
}

// chainOf is a chain of a member with n records, every third with a sidecar.
func chainOf(net *ledgertest.Net, member string, n int) *ledgertest.Builder {
	b := net.NewChain(member)
	for i := range n {
		var opts []ledgertest.RecordOption
		if i%3 == 0 {
			opts = append(opts, ledgertest.Disclose(ledger.Members, 3, "crate"),
				ledgertest.DiscloseTo([]string{"wh"}, 4, "secret"), ledgertest.Subjects([]uint64{5, 1, 2, 3}))
		}
		b.Record(ledger.KindShip, opts...)
	}
	return b
}

func TestExtendStoresWhatWasSent(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b := chainOf(net, "lanzhi", 600)
	n := onDisk(t, net, "wh")
	items := itemsOf(b)
	for at := 0; at < len(items); at += 100 {
		end := min(at+100, len(items))
		from := max(0, at-10) // overlapping what is stored
		if size, err := n.Extend(context.Background(), 1, uint64(from), items[from:end]); err != nil || size != uint64(end) {
			t.Fatalf("extend to %d: %d, %v", end, size, err)
		}
	}
	n.reopen(t)
	root, err := b.Chain.Root()
	if err != nil {
		t.Fatal(err)
	}
	if h := n.Head(1); h.Root != root || h.Size != b.Size() || h.Time != b.Chain.Time() {
		t.Errorf("head %+v", h)
	}
	seq := 0
	for it, err := range n.Entries(1, 0, b.Size()+5) {
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(it.Entry, b.Entries[seq]) || !bytes.Equal(it.Sidecar, b.Sidecars[seq]) {
			t.Fatalf("item %d differs", seq)
		}
		if h, err := n.LeafHash(1, uint64(seq)); err != nil || h != ledger.LeafHash(it.Entry) {
			t.Fatalf("leaf %d: %s, %v", seq, h, err)
		}
		seq++
	}
	if seq != len(items) {
		t.Errorf("%d items", seq)
	}
	for _, size := range []uint64{0, 1, 255, 256, 257, 300, 512, b.Size()} {
		want, err := b.TileSource().RootAt(size)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := n.RootAt(1, size); err != nil || got != want {
			t.Errorf("root at %d: %s, %v, want %s", size, got, err, want)
		}
	}
	if _, err := n.RootAt(1, b.Size()+1); !errors.Is(err, store.ErrBehind) {
		t.Errorf("root beyond the end: %v", err)
	}
	if rep := checkClean(t, n); rep.Chains[0].Sidecars != 200 {
		t.Errorf("report %+v", rep.Chains)
	}
}

func TestExtendKeepsTheGoodPrefix(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b := chainOf(net, "lanzhi", 20)
	other := chainOf(net, "lanzhi", 20)
	for name, c := range map[string]struct {
		spoil func(items []store.Item) // changes item 12
		code  ledger.Code
	}{
		"flipped":          {func(it []store.Item) { it[12].Entry = flip(it[12].Entry, len(it[12].Entry)/2) }, ""},
		"another chain's":  {func(it []store.Item) { it[12].Entry = other.Entries[12] }, ledger.CodePrevious},
		"left out":         {func(it []store.Item) { copy(it[12:], it[13:]) }, ledger.CodePrevious},
		"twice":            {func(it []store.Item) { it[12] = it[11] }, ledger.CodePrevious},
		"no bytes":         {func(it []store.Item) { it[12] = store.Item{} }, ledger.CodeForm},
		"rubbish sidecar":  {func(it []store.Item) { it[12].Sidecar = []byte{0xa0} }, ledger.CodeNotCanonical},
		"foreign sidecar":  {func(it []store.Item) { it[12].Sidecar = b.Sidecars[2] }, ledger.CodeSidecar},
		"sidecar withheld": {func(it []store.Item) { it[11].Sidecar, it[12] = nil, store.Item{} }, ledger.CodeMissing},
	} {
		t.Run(name, func(t *testing.T) {
			n := inMemory(t, net, "wh", func(c *store.Config) { c.Strict = true })
			items := itemsOf(b)
			c.spoil(items)
			want := uint64(12)
			if name == "sidecar withheld" {
				want = 11
			}
			size, err := n.Extend(context.Background(), 1, 0, items)
			var at *store.EntryError
			if !errors.As(err, &at) || at.Seq != want || at.Chain != 1 || c.code != "" && ledger.CodeOf(err) != c.code {
				t.Errorf("error %v (%s)", err, ledger.CodeOf(err))
			}
			if size != want || n.Size(1) != want {
				t.Errorf("size %d, stored %d, want %d", size, n.Size(1), want)
			}
			if size, err := n.Extend(context.Background(), 1, want, itemsOf(b)[want:]); err != nil || size != b.Size() {
				t.Errorf("the rest from an honest peer: %d, %v", size, err)
			}
		})
	}
}

func flip(raw []byte, at int) []byte {
	c := bytes.Clone(raw)
	c[at] ^= 1
	return c
}

func TestExtendRefusesOtherHistoryAndGaps(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b, other := chainOf(net, "lanzhi", 5), chainOf(net, "lanzhi", 9)
	n := inMemory(t, net, "wh")
	if _, err := n.Extend(context.Background(), 1, 3, itemsOf(b)[3:]); !errors.Is(err, store.ErrBehind) {
		t.Errorf("gap: %v", err)
	}
	if _, err := n.Extend(context.Background(), 1, 0, itemsOf(b)); err != nil {
		t.Fatal(err)
	}
	if size, err := n.Extend(context.Background(), 1, 0, itemsOf(other)); !errors.Is(err, store.ErrConflict) || size != b.Size() {
		t.Errorf("other history: %d, %v", size, err)
	}
	if _, err := n.Extend(context.Background(), 9, 0, itemsOf(b)); ledger.CodeOf(err) != ledger.CodeUnknownChain {
		t.Errorf("unknown chain: %v", err)
	}
	own := inMemory(t, net, "lanzhi")
	if _, err := own.Extend(context.Background(), 1, 0, itemsOf(b)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("own chain while signing: %v", err)
	}
}

func TestExtendAcrossACharterVersion(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := inMemory(t, net, "wh")
	b := chainOf(net, "lanzhi", 2)
	next := net.Adopt(nil)
	b.Charter()
	b.Record(ledger.KindShip)
	size, err := n.Extend(context.Background(), 1, 0, itemsOf(b))
	if ledger.CodeOf(err) != ledger.CodeNoCharter || size != 4 {
		t.Fatalf("without the charter: %d, %v", size, err)
	}
	if err := n.AdoptCharter(next); err != nil {
		t.Fatal(err)
	}
	if err := n.AdoptCharter(next); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if size, err := n.Extend(context.Background(), 1, 4, itemsOf(b)[4:]); err != nil || size != b.Size() {
		t.Errorf("with the charter: %d, %v", size, err)
	}
	if got := len(n.Charters()); got != 2 || n.Network().Newest().Charter.Version != 2 {
		t.Errorf("%d charters", got)
	}
	checkClean(t, n)
}

func TestAddDisclosures(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	b := chainOf(net, "lanzhi", 1)
	_, full := b.Opened(2)
	shared, err := full.For("dist", "lanzhi")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := shared.Encode()
	if err != nil {
		t.Fatal(err)
	}
	items := itemsOf(b)
	items[2].Sidecar = raw
	n := inMemory(t, net, "wh", func(c *store.Config) { c.Strict = true })
	if _, err := n.Extend(context.Background(), 1, 0, items); err != nil {
		t.Fatal(err)
	}
	_, foreign := net.Record("lanzhi", ledger.KindShip, ledgertest.Start, ledgertest.Disclose(ledger.Own, 3, "x"))
	if err := n.AddDisclosures(context.Background(), 1, 2, foreign); ledger.CodeOf(err) != ledger.CodeSidecar {
		t.Errorf("foreign disclosure: %v", err)
	}
	if err := n.AddDisclosures(context.Background(), 1, 1, full); ledger.CodeOf(err) != ledger.CodeSidecar {
		t.Errorf("of another entry: %v", err)
	}
	if err := n.AddDisclosures(context.Background(), 1, 99, full); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of no entry: %v", err)
	}
	before := n.Rewritten()
	for range 2 {
		if err := n.AddDisclosures(context.Background(), 1, 2, full); err != nil {
			t.Fatal(err)
		}
		if now := n.Rewritten(); now != before+1 {
			t.Errorf("after the sidecar has grown once: %d, before %d", now, before)
		}
	}
	if got, err := n.Sidecar(1, 2); err != nil || !bytes.Equal(got, b.Sidecars[2]) {
		t.Errorf("sidecar %x, %v, want %x", got, err, b.Sidecars[2])
	}
}
