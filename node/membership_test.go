package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
)

func mustRemove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// sign has nodes sign a charter.
func signNext(t testing.TB, s *ledger.SignedCharter, nodes ...*testNode) {
	t.Helper()
	for _, n := range nodes {
		if err := n.SignNext(context.Background(), s, adminPhrase); err != nil {
			t.Fatalf("%s: %v", n.Member(), err)
		}
	}
}

func accept(t testing.TB, s *ledger.SignedCharter, nodes ...*testNode) {
	t.Helper()
	for _, n := range nodes {
		if err := n.AcceptNext(context.Background(), []*ledger.SignedCharter{s}); err != nil {
			t.Fatalf("%s: %v", n.Member(), err)
		}
	}
}

func (n *testNode) propose(t testing.TB, ch Change) *ledger.SignedCharter {
	t.Helper()
	s, err := n.ProposeCharter(ch)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (n *testNode) inForce(t testing.TB) uint64 {
	t.Helper()
	c, err := n.store.Chain(n.chain)
	if err != nil {
		t.Fatal(err)
	}
	return c.Charter().Charter.Version
}

func TestSettingsAndSecondNode(t *testing.T) {
	nodes := newNetwork(t, 2)
	brand, dist := nodes[0], nodes[1]
	_, second := initMember(t, "dist", ledger.Distributor)
	hours := uint32(48)
	s := brand.propose(t, Change{Join: []*MemberFile{second}, LateHours: &hours})
	signNext(t, s, brand)
	if err := brand.AcceptNext(context.Background(), []*ledger.SignedCharter{s}); ledger.CodeOf(err) != ledger.CodeCharter {
		t.Fatalf("accepted with one signature of two: %v", err)
	}
	signNext(t, s, dist)
	accept(t, s, brand, dist)
	accept(t, s, dist) // again
	for _, n := range nodes {
		if v := n.inForce(t); v != 2 {
			t.Errorf("%s: version %d is in force", n.Member(), v)
		}
		n.reopen(t)
		c := n.Network().Newest().Charter
		if c.Settings.LateHours != 48 || len(c.Nodes) != 3 || c.Node(3).Member != "dist" || c.Cosigner("dist").Node != 2 {
			t.Errorf("%s: charter %+v", n.Member(), c)
		}
		if v := n.inForce(t); v != 2 || n.store.Size(n.chain) > 4 {
			t.Errorf("%s after reopening: version %d, size %d", n.Member(), v, n.store.Size(n.chain))
		}
	}
}

// A member that joins gets the charters as a file and begins under the last.
func TestMemberJoins(t *testing.T) {
	nodes := newNetwork(t, 2)
	brand, dist := nodes[0], nodes[1]
	dir, m := initMember(t, "lab", ledger.Auditor)
	s := brand.propose(t, Change{Join: []*MemberFile{m}})
	if c, _ := ledger.DecodeCharter(s.Body); c.Cosigner("lab") == nil || c.Cosigner("lab").Node != 3 {
		t.Fatal("the new member is no cosigner")
	}
	signNext(t, s, brand, dist)
	accept(t, s, brand, dist)
	path := filepath.Join(t.TempDir(), "charters.json")
	if err := WriteCharters(path, brand.Charters()); err != nil {
		t.Fatal(err)
	}
	list, err := ReadCharters(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, own, err := AcceptCharters(dir, list); err != nil || own.Number != 3 {
		t.Fatalf("accepted as %+v, %v", own, err)
	}
	lab, err := Open(Options{Dir: dir, Passphrase: phrase, Now: brand.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab.Close() })
	c, err := lab.store.Chain(3)
	if err != nil || lab.Chain() != 3 || c.Charter().Charter.Version != 2 {
		t.Errorf("the new node writes chain %d under %+v, %v", lab.Chain(), c.Charter(), err)
	}
}

// A charter that ends a chain is signed only by who has signed nothing beyond.
func TestEndsAreHeldAgainstWhatWasSigned(t *testing.T) {
	nodes := newNetwork(t, 4)
	brand, dist := nodes[0], nodes[1]
	for _, n := range nodes[2:] {
		move(t, dist, n, 2)
	}
	move(t, dist, brand, 2)
	dist.addOperator(t)
	move(t, dist, brand, 2)
	dist.sign(t, brand)
	early := uint64(1)
	s := brand.propose(t, Change{End: []ChainEnd{{Chain: 2, Size: &early}}})
	err := brand.SignNext(context.Background(), s, adminPhrase)
	wantCode(t, err, "end-too-early")
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("%v", err)
	}
}

func TestNobodySignsTwoChartersOfOneVersion(t *testing.T) {
	brand := newNetwork(t, 2)[0]
	one, two := uint32(1), uint32(2)
	signNext(t, brand.propose(t, Change{LateHours: &one}), brand)
	wantCode(t, brand.SignNext(context.Background(), brand.propose(t, Change{LateHours: &two}), adminPhrase), "signed-another")
}

func TestForeignKeysAreNotSigned(t *testing.T) {
	nodes := newNetwork(t, 2)
	key := ledger.Hash{7}
	s := nodes[0].propose(t, Change{Rotate: []Rotation{{Chain: 1, Peer: "12D3KooWRwkPkuxESe4wLSH12DtEveVeu5opb2tfnQFvWQEyMT3y"}}})
	wantCode(t, nodes[0].SignNext(context.Background(), s, adminPhrase), "foreign-keys")
	if _, err := nodes[0].ProposeCharter(Change{Rotate: []Rotation{{Chain: 2, Witness: &key}}}); err == nil {
		t.Error("with two cosigners both must stay, and one is proposed with another key")
	}
}

// The way out when the guard is lost: the chain ends at its final size, and the
// node goes on under a new number with a new log key.
func TestNewNumberAfterALostGuard(t *testing.T) {
	nodes := newNetwork(t, 2)
	brand, dist := nodes[0], nodes[1]
	move(t, dist, brand, 2)
	cp := dist.checkpoint(t, brand)
	dist.put(t, cp)
	brand.put(t, cp)
	mustRemove(t, dist.config.Guard)
	dist.reopen(t)
	if ok, _ := dist.store.SigningState(); ok {
		t.Fatal("signing without a guard")
	}
	r, err := dist.RotateKeys([]string{"log"}, adminPhrase)
	if err != nil {
		t.Fatal(err)
	}
	again, err := dist.RotateKeys([]string{"log"}, adminPhrase)
	if err != nil || *again.Log != *r.Log {
		t.Errorf("rotating twice makes two keys: %v, %v, %v", r.Log, again.Log, err)
	}
	// Of two cosigners both must sign; who has lost the guard cannot promise.
	s := dist.propose(t, Change{Rotate: []Rotation{r}})
	wantCode(t, dist.SignNext(context.Background(), s, adminPhrase), "cannot-stop")
	signNext(t, s, brand)
}

// The same with four companies, of which three sign, and the node writing under
// its new number.
func TestNodeWritesUnderItsNewNumber(t *testing.T) {
	nodes := newNetwork(t, 4)
	brand, dist, wh, audit := nodes[0], nodes[1], nodes[2], nodes[3]
	dist.addOperator(t)
	for _, n := range nodes {
		if n != dist {
			move(t, dist, n, dist.chain)
		}
	}
	cp := dist.checkpoint(t, brand, wh, audit)
	for _, n := range nodes {
		n.put(t, cp)
	}
	mustRemove(t, dist.config.Guard)
	dist.reopen(t)
	r, err := dist.RotateKeys([]string{"log"}, adminPhrase)
	if err != nil {
		t.Fatal(err)
	}
	s := dist.propose(t, Change{Rotate: []Rotation{r}})
	signNext(t, s, brand, wh, audit)
	accept(t, s, nodes...)
	if dist.Moved() == "" {
		t.Error("the node does not say that it has to be started again")
	}
	for range 2 {
		dist.reopen(t)
		if ok, reason := dist.store.SigningState(); dist.Chain() != 5 || !ok || dist.inForce(t) != 2 {
			t.Fatalf("chain %d, signing %v: %s", dist.Chain(), ok, reason)
		}
	}
	dist.addOperator(t)
	dist.mustSubmit(t, trace.Draft{Kind: "place", Fields: fields{"id": "hub", "kind": "warehouse", "country": "CN"}})
	if end := dist.Network().Ended(2); end == nil || end.Size != cp.Size {
		t.Errorf("the old chain ends at %+v", end)
	}
	for _, n := range nodes {
		if n != dist {
			move(t, dist, n, 5)
		}
	}
	if !dist.store.WitnessWaits() {
		t.Error("the witness cosigns though nobody knows what it has cosigned")
	}
	fresh := dist.checkpoint(t, brand, wh, audit)
	brand.put(t, fresh)
	if f := brand.store.Final(5); f == nil || f.Version != 2 || !slices.Contains(f.Cosigners, "dist") {
		t.Errorf("final under the new number: %+v", f)
	}
}

func TestRotateOtherKeys(t *testing.T) {
	nodes := newNetwork(t, 4)
	dist := nodes[1]
	old := dist.self.Peer
	r, err := dist.RotateKeys([]string{"transport", "admin", "witness"}, adminPhrase)
	if err != nil {
		t.Fatal(err)
	}
	s := nodes[0].propose(t, Change{Rotate: []Rotation{r}})
	signNext(t, s, nodes...)
	accept(t, s, nodes...)
	dist.reopen(t)
	if dist.self.Peer == old || dist.witness().Key != *r.Witness {
		t.Errorf("keys after the rotation: %+v", dist.self)
	}
	admin, err := dist.openAdmin(adminPhrase)
	if err != nil || ledger.AddressOf(admin) != *r.Admin {
		t.Errorf("admin in force: %v", err)
	}
	dist.addOperator(t)
	if rep, err := dist.newReplica(); err != nil {
		t.Error(err)
	} else if err := rep.Close(); err != nil {
		t.Error(err)
	}
}

// sign has the node sign its head and witnesses cosign it, quorum or not.
func (n *testNode) sign(t testing.TB, witnesses ...*testNode) {
	t.Helper()
	v, err := n.store.SigningVerifiers()
	if err != nil {
		t.Fatal(err)
	}
	note, _, err := n.store.Sign(context.Background(), v.Origin(n.chain), n.ed25519(t, purposeLog, n.self.LogKey.String()))
	if err != nil {
		t.Fatal(err)
	}
	cp, err := v.Open(note)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range witnesses {
		key := w.ed25519(t, purposeWitness, w.witness().Key.String())
		if _, err := w.store.Cosign(context.Background(), cp, ledger.WitnessName(n.Network().Name, n.Network().ID, w.Member()), key); err != nil {
			t.Fatal(err)
		}
	}
}
