package replica

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
	"suyuan/node/protocol"
	"suyuan/node/wire"
)

func TestEverythingBecomesFinalEverywhere(t *testing.T) {
	c := newCluster(t).runAll()
	c.awaitFinal(c.list(), c.list()...)
	for i := range 4 {
		for _, n := range c.list() {
			n.records(10 * (i + 1))
		}
		c.awaitFinal(c.list(), c.list()...)
	}
	for _, n := range c.list() {
		n.await("a fourth cosigner", func() bool {
			return slices.Equal(n.store.Final(n.member.Number).Cosigners, c.net.Cosigners())
		})
	}
	for _, p := range c.node("wh").Peers() {
		if !p.Admitted || !p.Connected || p.Addr == "" || p.Since.IsZero() {
			t.Errorf("state of a live peer: %+v", p)
		}
	}
}

func TestNodeThatWasDownCatchesUpFromAnyHolder(t *testing.T) {
	c := newCluster(t)
	brand, wh, dist, audit := c.node("lanzhi"), c.node("wh"), c.node("dist"), c.node("audit")
	for _, n := range c.list() {
		n.open().found()
	}
	for _, n := range []*testNode{brand, wh, dist} {
		n.start()
	}
	brand.records(700)
	c.awaitFinal([]*testNode{brand, wh, dist}, brand, wh, dist)
	brand.halt() // the author is gone when audit comes
	audit.start()
	c.awaitFinal([]*testNode{audit}, brand, wh, dist)
	wh.records(3)
	c.awaitFinal([]*testNode{wh, dist, audit}, wh, audit)
	brand.start()
	c.awaitFinal(c.list(), c.list()...)
}

func TestLateJoinerTakesOverThousandsOfEntries(t *testing.T) {
	c := newCluster(t)
	brand, wh, dist, audit := c.node("lanzhi"), c.node("wh"), c.node("dist"), c.node("audit")
	for _, n := range c.list() {
		n.open().found()
	}
	brand.start()
	wh.start()
	dist.start()
	const batch = 500
	for range 5000 / batch {
		brand.records(batch)
	}
	c.awaitFinal([]*testNode{wh, dist}, brand)
	audit.start()
	c.awaitFinal([]*testNode{audit}, brand)
}

func TestTwoOfFourMakeNothingFinal(t *testing.T) {
	c := newCluster(t)
	brand, wh := c.node("lanzhi"), c.node("wh")
	for _, n := range []*testNode{brand, wh} {
		n.open().found().start()
	}
	size := brand.store.Size(1)
	brand.await("a cosignature of wh", func() bool {
		wh.store.Size(1)
		cp := wh.store.Latest(1)
		return cp != nil && cp.Size == size && wh.store.Size(1) == size
	})
	if cp := brand.store.Final(1); cp != nil {
		t.Fatalf("final with %v", cp.Cosigners)
	}
	c.node("dist").open().found().start()
	c.awaitFinal([]*testNode{brand, wh, c.node("dist")}, brand, wh, c.node("dist"))
}

// TestOwnEndIsFetchedBack puts an old copy of a node's directory back, with the
// guard kept, as an operator would after losing a disk.
func TestOwnEndIsFetchedBack(t *testing.T) {
	c := newCluster(t)
	brand := c.node("lanzhi")
	brand.dir = filepath.Join(c.base, "lanzhi")
	for _, n := range c.list() {
		n.open().found().start()
	}
	private := ledgertest.DiscloseTo([]string{"lanzhi", "wh"}, 7, "for the warehouse")
	other := ledgertest.DiscloseTo([]string{"dist", "lanzhi"}, 8, "for the distributor")
	c.awaitFinal(c.list(), brand)
	brand.halt()
	brand.close()
	backup := filepath.Join(c.base, "backup")
	if err := os.CopyFS(filepath.Join(backup, "ledger"), os.DirFS(filepath.Join(brand.dir, "ledger"))); err != nil {
		t.Fatal(err)
	}
	brand.open().start()
	brand.records(300)
	place := brand.append(c.net.Record("lanzhi", ledger.KindShip, ledgertest.Start, private, other))
	c.awaitFinal(c.list(), brand)
	for _, party := range []string{"wh", "dist"} {
		n := c.node(party)
		n.await("what only the author and it may know", func() bool { return len(n.disclosures(1, place.Seq)) == 1 })
	}
	want := brand.store.Head(1)
	brand.halt()
	brand.close()

	if err := os.RemoveAll(filepath.Join(brand.dir, "ledger")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(brand.dir, "ledger"), os.DirFS(filepath.Join(backup, "ledger"))); err != nil {
		t.Fatal(err)
	}
	brand.open()
	if ok, _ := brand.store.SigningState(); ok || brand.store.Size(1) >= want.Size {
		t.Fatalf("the old copy has %d of %d entries, signing %v", brand.store.Size(1), want.Size, ok)
	}
	brand.start()
	brand.await("its own end", func() bool {
		ok, _ := brand.store.SigningState()
		return ok && brand.store.Size(1) >= want.Size
	})
	if root, err := brand.store.RootAt(1, want.Size); err != nil || root != want.Root {
		t.Fatalf("root is %s (%v), want %s", root, err, want.Root)
	}
	brand.await("the disclosures that two others held", func() bool {
		return len(brand.disclosures(1, place.Seq)) == 2
	})
	brand.records(1)
	c.awaitFinal(c.list(), brand)
}

// disclosures are what a node holds of a record.
func (n *testNode) disclosures(chain uint32, seq uint64) []*ledger.Disclosure {
	n.c.t.Helper()
	raw, err := n.store.Sidecar(chain, seq)
	if err != nil {
		n.c.t.Fatal(err)
	}
	sc, err := ledger.DecodeSidecar(raw)
	if err != nil {
		n.c.t.Fatal(err)
	}
	var list []*ledger.Disclosure
	for _, d := range sc.Disclosures {
		open, err := ledger.DecodeDisclosure(d)
		if err != nil {
			n.c.t.Fatal(err)
		}
		list = append(list, open)
	}
	return list
}

// TestDisclosuresReachTheirAudienceOnly follows each audience to every node, on
// the way through the author and through others.
func TestDisclosuresReachTheirAudienceOnly(t *testing.T) {
	c := newCluster(t)
	brand, wh, dist, audit := c.node("lanzhi"), c.node("wh"), c.node("dist"), c.node("audit")
	for _, n := range c.list() {
		n.open().found()
	}
	for _, n := range []*testNode{brand, wh, audit} {
		n.start()
	}
	place := brand.append(c.net.Record("lanzhi", ledger.KindShip, ledgertest.Start,
		ledgertest.Disclose(ledger.Public, 1, "public"), ledgertest.Disclose(ledger.Item, 2, "item"),
		ledgertest.Disclose(ledger.Members, 3, "members"), ledgertest.Disclose(ledger.Own, 4, "own"),
		ledgertest.DiscloseTo([]string{"dist", "lanzhi"}, 5, "dist"), ledgertest.DiscloseTo([]string{"lanzhi", "wh"}, 6, "wh"),
		ledgertest.Subjects(1, 2, 3)))
	c.awaitFinal([]*testNode{wh, audit}, brand)
	brand.halt()
	dist.start() // from wh or audit, which do not hold what is meant for dist
	c.awaitFinal([]*testNode{dist}, brand)
	paths := func(n *testNode) []uint64 {
		var list []uint64
		for _, d := range n.disclosures(place.Chain, place.Seq) {
			list = append(list, d.Path)
		}
		return slices.Sorted(slices.Values(list))
	}
	for _, want := range []struct {
		node  *testNode
		paths []uint64
	}{
		{brand, []uint64{1, 2, 3, 4, 5, 6}}, {wh, []uint64{1, 2, 3, 6}}, {audit, []uint64{1, 2, 3}}, {dist, []uint64{1, 2, 3}},
	} {
		if got := paths(want.node); !slices.Equal(got, want.paths) {
			t.Errorf("%s holds fields %v, want %v", want.node.member.Slug, got, want.paths)
		}
	}
	brand.start()
	dist.await("what is meant for it", func() bool { return slices.Equal(paths(dist), []uint64{1, 2, 3, 5}) })
	if got := paths(audit); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("audit holds %v", got)
	}
}

func TestNothingRunsAfterRun(t *testing.T) {
	before := goleak.IgnoreCurrent()
	c := newCluster(t).runAll()
	c.awaitFinal(c.list(), c.list()...)
	for _, n := range c.list() {
		n.halt()
		n.close()
	}
	goleak.VerifyNone(t, before)
}

func TestNewNamesEveryMistake(t *testing.T) {
	c := newCluster(t)
	n := c.node("wh").open()
	good := Config{
		Store: n.store, Number: 2, Member: "wh", Transport: n.member.Transport, Log: n.member.Log,
		Listen: []string{"/ip4/127.0.0.1/tcp/0"},
	}
	for name, spoil := range map[string]func(*Config){
		"no store":                func(c *Config) { c.Store = nil },
		"no transport key":        func(c *Config) { c.Transport = nil },
		"a short witness key":     func(c *Config) { c.Witness = ed25519.PrivateKey{1} },
		"another's log key":       func(c *Config) { c.Log = n.c.net.Member("dist").Log },
		"another's transport key": func(c *Config) { c.Transport = n.c.net.Member("dist").Transport },
		"another's number":        func(c *Config) { c.Number = 3 },
		"no such address":         func(c *Config) { c.Listen = []string{"/ip4/127.0.0.1/tcp/x"} },
	} {
		cfg := good
		spoil(&cfg)
		if r, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
			_ = r.Close()
		}
	}
	r, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Addrs()) == 0 {
		t.Error("no address")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCharterSpreadsAndAdmits lets one node learn of a new version, with a fifth
// member: all take it over, the new member comes in, and then one is left out.
func TestCharterSpreadsAndAdmits(t *testing.T) {
	c := newCluster(t).runAll()
	c.awaitFinal(c.list(), c.list()...)
	before := c.list()
	c.net.NewMember("lab", 5)
	signed := c.net.Adopt(func(ch *ledger.Charter) {
		c.net.Join(ch, ledger.Member{Slug: "lab", NameZh: "实验室", NameEn: "Lab", Role: ledger.Auditor})
	})
	if err := c.node("wh").store.AdoptCharter(signed); err != nil {
		t.Fatal(err)
	}
	for _, n := range before {
		n.await("version 2", func() bool { return n.store.Network().Newest().Charter.Version == 2 })
	}
	lab := c.add("lab").open().found().start()
	for _, n := range before {
		n.AddAddrs(5, lab.Addrs()...)
	}
	lab.await("four peers", func() bool { return len(lab.sessions()) == 4 })
	brand := c.node("lanzhi")
	c.awaitStored(lab, brand)

	dist := c.node("dist")
	head := dist.store.Head(3)
	signed = c.net.Adopt(func(ch *ledger.Charter) {
		ch.Members = slices.DeleteFunc(ch.Members, func(m ledger.Member) bool { return m.Slug == "dist" })
		ch.Cosigners = slices.DeleteFunc(ch.Cosigners, func(w ledger.Cosigner) bool { return w.Member == "dist" })
		ch.Nodes = slices.DeleteFunc(ch.Nodes, func(n ledger.Node) bool { return n.Member == "dist" })
		ch.Ended = append(ch.Ended, ledger.Ended{Chain: 3, Size: head.Size, Root: head.Root})
	})
	if err := lab.store.AdoptCharter(signed); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*testNode{brand, c.node("wh"), c.node("audit")} {
		n.await("version 3, without dist", func() bool {
			return n.store.Network().Newest().Charter.Version == 3 && n.sessionOf(3) == nil &&
				len(n.host.Network().ConnsToPeer(dist.host.ID())) == 0
		})
	}
}

// awaitStored waits until n has all that author has.
func (c *cluster) awaitStored(n, author *testNode) {
	c.t.Helper()
	head := author.store.Head(author.member.Number)
	n.await("entries of "+author.member.Slug, func() bool { return n.store.Size(author.member.Number) >= head.Size })
}

// TestAddressesAreLearnedFromOthers gives each node the address of one other
// only; the rest follow from signed statements.
func TestAddressesAreLearnedFromOthers(t *testing.T) {
	c := newCluster(t)
	var before *testNode
	for _, n := range c.list() {
		n.open().found()
		n.config = func(cfg *Config) {
			if before != nil {
				cfg.Book = map[uint32][]string{before.member.Number: before.Addrs()}
			}
		}
		r := n.startAlone()
		if before != nil {
			before.AddAddrs(n.member.Number, r.Addrs()...)
		}
		before = n
	}
	for _, n := range c.list() {
		n.await("all peers", func() bool { return len(n.sessions()) == 3 })
	}
	forged := *c.node("wh").ownAddr()
	forged.Addrs = []string{"/ip4/192.0.2.1/tcp/1"}
	forged.Seq++
	if c.node("dist").takeAddr(&forged) {
		t.Error("a forged statement was taken")
	}
}

// TestGossipReachesWhomTheAuthorCannot cuts the line between two nodes for good:
// what either writes reaches the other through the rest.
func TestGossipReachesWhomTheAuthorCannot(t *testing.T) {
	c := newCluster(t).runAll()
	c.awaitFinal(c.list(), c.list()...)
	brand, dist := c.node("lanzhi"), c.node("dist")
	cut := func(n, other *testNode) {
		rest := maps.Clone(*n.gate.allowed.Load())
		delete(rest, other.host.ID())
		n.gate.set(rest)
		if err := n.host.Network().ClosePeer(other.host.ID()); err != nil {
			t.Fatal(err)
		}
	}
	cut(brand, dist)
	cut(dist, brand)
	dist.await("the cut", func() bool { return dist.sessionOf(1) == nil })
	for range 3 {
		brand.records(20)
		dist.records(20)
		c.awaitFinal(c.list(), brand, dist)
	}
	if dist.sessionOf(1) != nil || brand.sessionOf(3) != nil {
		t.Fatal("the line was not cut")
	}
}

// TestNodeThatOnlyDials has no address of its own, as behind a firewall.
func TestNodeThatOnlyDials(t *testing.T) {
	c := newCluster(t)
	wh := c.node("wh")
	wh.config = func(cfg *Config) { cfg.Listen = nil }
	for _, n := range c.list() {
		n.open().found().start()
	}
	if got := wh.Addrs(); len(got) != 0 {
		t.Fatalf("it listens on %v", got)
	}
	c.awaitFinal(c.list(), c.list()...)
}

func TestBlobsGoToTheirAudience(t *testing.T) {
	c := newCluster(t)
	for _, n := range c.list() {
		var err error
		if n.blobs, err = store.OpenBlobs(filepath.Join(c.base, n.member.Slug, "blobs")); err != nil {
			t.Fatal(err)
		}
	}
	c.runAll()
	brand, wh, dist := c.node("lanzhi"), c.node("wh"), c.node("dist")
	put := func(data []byte, a store.Audience) Attachment {
		digest, err := brand.blobs.Put(context.Background(), bytes.NewReader(data), a)
		if err != nil {
			t.Fatal(err)
		}
		return Attachment{Digest: digest, Audience: a, Chain: 1}
	}
	public := put(bytes.Repeat([]byte("public "), 100_000), store.Audience{Of: ledger.Public})
	empty := put(nil, store.Audience{Of: ledger.Members})
	private := put([]byte("for wh"), store.Audience{Of: ledger.Parties, Parties: []string{"lanzhi", "wh"}})
	wh.Want(public, empty, private)
	for _, a := range []Attachment{public, empty, private} {
		wh.await("attachment", func() bool { return wh.blobs.Has(a.Digest) })
		if info, err := wh.blobs.Stat(a.Digest); err != nil || info.Audience.String() != a.Audience.String() {
			t.Errorf("stored as %+v, %v", info, err)
		}
	}
	brand.halt()
	dist.await("wh", func() bool { return dist.sessionOf(2) != nil })
	if err := dist.FetchBlob(context.Background(), public); err != nil {
		t.Errorf("not taken from another holder: %v", err)
	}
	if err := dist.FetchBlob(context.Background(), private); err == nil || dist.blobs.Has(private.Digest) {
		t.Errorf("dist got what is for wh: %v", err)
	}
	dist.Want(private)
	dist.await("that it is wanted", func() bool {
		dist.mu.Lock()
		defer dist.mu.Unlock()
		return dist.core.Wanted(private.Digest)
	})
}

func TestStatusTellsWhatAPeerLacks(t *testing.T) {
	c := newCluster(t).runAll()
	c.awaitFinal(c.list(), c.list()...)
	brand, wh := c.node("lanzhi"), c.node("wh")
	brand.await("that wh is behind", func() bool { // unless it has just said that it is not
		if s := brand.sessionOf(2); s != nil {
			brand.step(protocol.Received{Stream: s.no, Message: &wire.Have{Chains: []wire.Holding{{Chain: 1, Size: 1}}}})
		}
		return brand.peer(2).Behind[1] == brand.store.Size(1)-1
	})
	wh.halt()
	brand.await("that wh is gone", func() bool {
		p := brand.Peers()[0]
		return p.Number == 2 && !p.Admitted && p.LastError != nil
	})
}
