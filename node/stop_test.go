package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/store"
)

// branch lets a copy of a node, guard included, write and sign a history of its
// own, and returns its entries from position from on with the checkpoint.
func (n *testNode) branch(t *testing.T, from uint64, operators int) ([]store.Item, []byte) {
	t.Helper()
	guard := n.member.guardOf(n.self.LogKey, n.config.Guard)
	before, err := os.ReadFile(guard)
	if err != nil {
		t.Fatal(err)
	}
	twin := &testNode{dir: filepath.Join(t.TempDir(), "twin"), clock: n.clock}
	if err := os.CopyFS(twin.dir, os.DirFS(n.dir)); err != nil {
		t.Fatal(err)
	}
	twin.open(t)
	for range operators {
		twin.addOperator(t)
	}
	key, err := twin.ed25519Key(purposeLog, twin.self.LogKey.String())
	if err != nil {
		t.Fatal(err)
	}
	note, size, err := twin.store.Sign(context.Background(), twin.Network().Newest().Verifiers.Origin(twin.chain), key)
	if err != nil {
		t.Fatal(err)
	}
	var items []store.Item
	for it, err := range twin.store.Entries(twin.chain, from, size) {
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, it)
	}
	if err := twin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(guard, before, 0o600); err != nil {
		t.Fatal(err)
	}
	return items, note
}

// cosign stores entries of another chain and has the witness sign a checkpoint.
func (n *testNode) cosign(t *testing.T, chain uint32, from uint64, items []store.Item, note []byte) {
	t.Helper()
	ctx := context.Background()
	if _, err := n.store.Extend(ctx, chain, from, items); err != nil {
		t.Fatal(err)
	}
	net := n.Network()
	cp, err := net.OpenCheckpoint(note)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.store.PutCheckpoint(ctx, cp); err != nil {
		t.Fatal(err)
	}
	key, err := n.ed25519Key(purposeWitness, n.witness().Key.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.store.Cosign(ctx, cp, ledger.WitnessName(net.Name, net.ID, n.Member()), key); err != nil {
		t.Fatal(err)
	}
}

// TestEndAForkOfThree has dist sign three histories, one for each of the other
// companies, which then end its chain.
func TestEndAForkOfThree(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	nodes := newNetwork(t, 4)
	brand, dist, wh, audit := nodes[0], nodes[1], nodes[2], nodes[3]
	others := []*testNode{brand, wh, audit}
	if err := dist.Close(); err != nil {
		t.Fatal(err)
	}
	var notes [][]byte
	for i, n := range others {
		items, note := dist.branch(t, 0, i+1)
		n.cosign(t, 2, 0, items, note)
		notes = append(notes, note)
	}
	// The notes get around: who has the longest history makes the proof.
	cp, err := audit.Network().OpenCheckpoint(notes[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.store.PutCheckpoint(ctx, cp); !errors.Is(err, store.ErrForked) {
		t.Fatalf("a checkpoint of another history: %v", err)
	}
	if err := brand.store.PutEvidence(ctx, audit.store.Evidence(2)); err != nil {
		t.Fatal(err)
	}

	// Without reports only those who have the history that ends can sign.
	plain := brand.propose(t, Change{Remove: []string{"dist"}})
	wantCode(t, wh.SignNext(ctx, plain, adminPhrase), "end-too-early")

	var stops []*StopFile
	for _, n := range others {
		f, err := n.StopWitness(ctx, 2)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "stop.json")
		if err := WriteStopFile(path, f); err != nil {
			t.Fatal(err)
		}
		if f, err = ReadStopFile(path); err != nil {
			t.Fatal(err)
		}
		stops = append(stops, f)
	}
	own := stops[0].Size
	s := brand.propose(t, Change{End: []ChainEnd{{Chain: 2, Size: &own}}, Stops: stops})
	lying := brand.propose(t, Change{End: []ChainEnd{{Chain: 2, Size: &own}}, Stops: stops[:2]})
	wantCode(t, audit.SignNext(ctx, lying, adminPhrase), "end-too-early")
	signNext(t, s, brand, wh)
	if err := brand.Incomplete(s); ledger.CodeOf(err) != ledger.CodeCharter {
		t.Errorf("with two signatures of three: %v", err)
	}
	signNext(t, s, audit)
	accept(t, s, others...)
	for _, n := range others {
		n.reopen(t)
		if end := n.Network().Ended(2); end == nil || end.Size != own || len(end.Reports) != 3 {
			t.Errorf("%s: ended %+v", n.Member(), end)
		}
		if v := n.inForce(t); v != 2 {
			t.Errorf("%s: version %d is in force", n.Member(), v)
		}
	}
}

func TestStopFilesAreChecked(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	nodes := newNetwork(t, 2)
	brand, dist := nodes[0], nodes[1]
	if err := dist.Close(); err != nil {
		t.Fatal(err)
	}
	items, note := dist.branch(t, 0, 2)
	brand.cosign(t, 2, 0, items, note)
	_, err := brand.StopWitness(ctx, 9)
	wantCode(t, err, "unknown-chain")
	f, err := brand.StopWitness(ctx, 2)
	if err != nil || f.Size != 3 || len(f.Leaves) != 3 {
		t.Fatalf("stop file %+v, %v", f, err)
	}
	for name, spoil := range map[string]func(f *StopFile){
		"network": func(f *StopFile) { f.Network = ledger.Hash{1} },
		"root":    func(f *StopFile) { f.Root = ledger.Hash{1} },
		"leaves":  func(f *StopFile) { f.Leaves = f.Leaves[1:] },
		"leaf":    func(f *StopFile) { f.Leaves = append([]ledger.Hash{{1}}, f.Leaves[1:]...) },
		"from":    func(f *StopFile) { f.From, f.Leaves = 9, nil },
	} {
		bad := *f
		spoil(&bad)
		_, err := brand.ProposeCharter(Change{End: []ChainEnd{{Chain: 2}}, Stops: []*StopFile{&bad}})
		if err == nil {
			t.Errorf("%s: a spoiled stop file passes", name)
		}
	}
}
