package ledgertest_test

import (
	"bytes"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

func TestStartIsEightInBeijing(t *testing.T) {
	got := time.UnixMilli(ledgertest.Start).In(time.FixedZone("Beijing", 8*3600)).Format(time.DateTime)
	if want := "2026-03-01 08:00:00"; got != want {
		t.Errorf("Start is %s in Beijing, want %s", got, want)
	}
}

// The keys must never change: golden bytes elsewhere hang on them.
func TestKeysStay(t *testing.T) {
	net := ledgertest.New()
	m := net.Member("lanzhi")
	if got, want := m.OperatorAddress().String(), "0xea0e60d8d631fde851ddedccd98d7e6345ba757e"; got != want {
		t.Errorf("operator of lanzhi: %s, want %s", got, want)
	}
	if got, want := m.PeerID(), "12D3KooWRwkPkuxESe4wLSH12DtEveVeu5opb2tfnQFvWQEyMT3y"; got != want {
		t.Errorf("peer id of lanzhi: %s, want %s", got, want)
	}
	if got, want := net.Network.ID.String(), "e1a73fcc7ae3140c230f549f21e9bb367f4d2a6db6f10478a093bf4aa77111e4"; got != want {
		t.Errorf("network id: %s, want %s", got, want)
	}
}

func TestEqualSeedsMakeEqualChains(t *testing.T) {
	grow := func() *ledgertest.Builder {
		b := ledgertest.New().NewChain("wh")
		b.Record(ledger.KindReceive, ledgertest.Subjects([]any{2, uint64(369012340000000018)}),
			ledgertest.Disclose(ledger.Members, 1, "from"), ledgertest.DiscloseTo([]string{"lanzhi", "audit"}, 2, []string{"三箱"}))
		return b
	}
	a, b := grow(), grow()
	for i := range a.Entries {
		if !bytes.Equal(a.Entries[i], b.Entries[i]) || !bytes.Equal(a.Sidecars[i], b.Sidecars[i]) {
			t.Errorf("entry %d or its sidecar differs between two chains of one seed", i)
		}
	}
	other := ledgertest.New(ledgertest.WithSeed("other"))
	if other.Network.ID == a.Net.Network.ID {
		t.Error("two seeds make one network")
	}
}

func TestNetworksOfAllSizesReachFinality(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 7, 64} {
		net := ledgertest.New(ledgertest.WithMembers(n))
		cp := net.NewChain("m001").Final()
		if !cp.Final || len(cp.Cosigners) != n {
			t.Errorf("%d members: final %v, cosigners %v", n, cp.Final, cp.Cosigners)
		}
	}
}

func TestSecondNodeWritesItsOwnChain(t *testing.T) {
	net := ledgertest.New(ledgertest.WithSecondNode("wh"))
	wh := net.Member("wh")
	b := net.EmptyChain(wh.Second.Number)
	b.Charter()
	b.Append(net.GrantTo("wh", wh.OperatorAddress(), nil, ledgertest.OnSecond(wh)))
	b.Record(ledger.KindReceive)
	if got := b.Checkpoint(); got.Chain != 5 || got.Size != 3 || len(got.Cosigners) != 0 {
		t.Errorf("checkpoint of the second node: chain %d, size %d, cosigners %v", got.Chain, got.Size, got.Cosigners)
	}
}

func TestAdoptTakesAMemberIn(t *testing.T) {
	net := ledgertest.New()
	b := net.NewChain("lanzhi")
	net.NewMember("store", 5)
	net.Adopt(func(c *ledger.Charter) {
		net.Join(c, ledger.Member{Slug: "store", NameZh: "门店", NameEn: "Store", Role: ledger.Distributor})
	})
	b.Charter()
	s := net.NewChain("store")
	s.See(b)
	s.Record(ledger.KindReceive)
	if cp := s.Final(); len(cp.Cosigners) != 5 {
		t.Errorf("cosigners after joining: %v", cp.Cosigners)
	}
}

func TestAtAndCloneAreIndependent(t *testing.T) {
	net := ledgertest.New()
	b := net.NewChain("dist")
	for range 5 {
		b.Record(ledger.KindSell)
	}
	root := b.Checkpoint().Root
	fork := b.Clone()
	fork.Record(ledger.KindReturn)
	early := b.At(3)
	early.Record(ledger.KindReturn)
	if got := b.Checkpoint(); got.Root != root || got.Size != 7 {
		t.Errorf("the chain has changed with its copies: size %d", got.Size)
	}
	if early.Size() != 4 || fork.Size() != 8 {
		t.Errorf("copies have sizes %d and %d, want 4 and 8", early.Size(), fork.Size())
	}
}
