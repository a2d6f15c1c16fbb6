package keeper

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
	"suyuan/node/protocol"
)

func TestNamesRoot(t *testing.T) {
	root := ledger.LeafHash([]byte("x"))
	note, err := ledger.SignCheckpoint("origin.example/1", 7, root, ledgertest.NodeKey("names root"))
	if err != nil {
		t.Fatal(err)
	}
	if !namesRoot(note, root) || namesRoot(note, ledger.Hash{}) || namesRoot([]byte("a\nb\n"), root) {
		t.Fatal("the root of a note is not read")
	}
}

func TestNewsIsWhatChanged(t *testing.T) {
	chain := func(n uint32, size uint64) protocol.Chain { return protocol.Chain{Number: n, Size: size} }
	before := &protocol.Stored{Signing: true, Chains: []protocol.Chain{chain(1, 5), chain(2, 7)}}
	for name, c := range map[string]struct {
		now    protocol.Stored
		chains []uint32
		none   bool
	}{
		"nothing":         {protocol.Stored{Signing: true, Chains: []protocol.Chain{chain(1, 5), chain(2, 7)}}, nil, true},
		"a chain":         {protocol.Stored{Signing: true, Chains: []protocol.Chain{chain(1, 5), chain(2, 8)}}, []uint32{2}, false},
		"a further chain": {protocol.Stored{Signing: true, Chains: []protocol.Chain{chain(1, 5), chain(2, 7), chain(3, 0)}}, []uint32{3}, false},
		"a right":         {protocol.Stored{Chains: []protocol.Chain{chain(1, 5), chain(2, 7)}}, nil, false},
		"what is due":     {protocol.Stored{Signing: true, Chains: []protocol.Chain{chain(1, 5), {Number: 2, Size: 7, Due: 9}}}, []uint32{2}, false},
	} {
		news := News(before, &c.now)
		if (news == nil) != c.none {
			t.Errorf("%s: news is %+v", name, news)
			continue
		}
		var got []uint32
		if news != nil {
			for _, ch := range news.Chains {
				got = append(got, ch.Number)
			}
		}
		if !slices.Equal(got, c.chains) {
			t.Errorf("%s: of chains %v, want %v", name, got, c.chains)
		}
	}
	if got := News(nil, before); got != before {
		t.Error("the first news is not everything")
	}
}

// newKeeper is a node with a store in memory that holds what a chain begins with.
func newKeeper(t *testing.T, net *ledgertest.Net, slug string) *Keeper {
	t.Helper()
	m := net.Member(slug)
	s, err := store.Open(store.Config{Network: net.Network, Own: m.Number, MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	v := net.Network.Newest()
	if err := s.AppendCharter(context.Background(), ledger.CharterRef{Version: v.Charter.Version, Hash: v.Hash}); err != nil {
		t.Fatal(err)
	}
	return New(Config{Store: s, Number: m.Number, Member: slug, Log: m.Log, Witness: m.Witness})
}

// TestLinesAreVerified holds that no line becomes part of a checkpoint which its
// member's witness has not made for that checkpoint.
func TestLinesAreVerified(t *testing.T) {
	net := ledgertest.New()
	k := newKeeper(t, net, "lanzhi")
	signed := k.Sign(context.Background())
	if signed.Err != nil {
		t.Fatal(signed.Err)
	}
	cp, err := net.Network.OpenCheckpoint(signed.Note)
	if err != nil {
		t.Fatal(err)
	}
	other := net.NewChain("lanzhi").Checkpoint()
	for name, line := range map[string][]byte{
		"another member's":     net.Cosignature(cp, "dist", 1),
		"another checkpoint's": net.Cosignature(other, "wh", 1),
		"garbage":              []byte("— x y\n"),
		"two lines":            slices.Concat(net.Cosignature(cp, "wh", 1), net.Cosignature(cp, "dist", 1)),
	} {
		if err := k.CheckLine(signed.Note, "wh", line); err == nil {
			t.Errorf("%s line is taken", name)
		}
	}
	wh, dist := net.Cosignature(cp, "wh", 1), net.Cosignature(cp, "dist", 1)
	if err := k.CheckLine(signed.Note, "wh", wh); err != nil {
		t.Error(err)
	}
	if _, final, err := k.Publish(context.Background(), signed.Note, [][]byte{wh}); err != nil || final {
		t.Errorf("two of four: final %v, %v", final, err)
	}
	note, final, err := k.Publish(context.Background(), signed.Note, [][]byte{wh, dist})
	if err != nil || !final {
		t.Errorf("three of four: final %v, %v", final, err)
	}
	if held := k.State().Chains[0]; !bytes.Equal(held.Final, note) || held.FinalSize != signed.Size {
		t.Errorf("stored %+v", held)
	}
	if got, err := k.Keep(context.Background(), 1, note); got != protocol.Done || err != nil {
		t.Errorf("what is known: %v, %v", got, err)
	}
	if got, _ := k.Keep(context.Background(), 2, note); got != protocol.Invalid {
		t.Errorf("a checkpoint of another chain: %v", got)
	}
}

func TestQuorumsAreThoseOfTheCharter(t *testing.T) {
	net := ledgertest.New()
	k := newKeeper(t, net, "lanzhi")
	signed := k.Sign(context.Background())
	if len(signed.Quorums) != 1 || signed.Quorums[0].Need != 3 || len(signed.Quorums[0].Voters) != 4 {
		t.Fatalf("needs %+v", signed.Quorums)
	}
	if !slices.Equal(signed.Members, []string{"lanzhi"}) || signed.Final {
		t.Fatalf("begins with %v", signed.Members)
	}
}
