package node

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"suyuan/ledger"
)

// wantCheck holds that the doctor found a state, and that a bad one says what to
// do.
func wantCheck(t testing.TB, checks []Check, name, state string) {
	t.Helper()
	for _, c := range checks {
		if c.State == Bad && c.Fix == "" {
			t.Errorf("%s is bad and nothing is said about what to do: %s", c.Name, c.Detail)
		}
	}
	i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		t.Errorf("nothing is said of %q", name)
	} else if checks[i].State != state {
		t.Errorf("%s is %s, not %s: %s", name, checks[i].State, state, checks[i].Detail)
	}
}

func TestDoctorOfFiles(t *testing.T) {
	dir, _ := initMember(t, "lab", ledger.Auditor)
	wantCheck(t, ExamineDir(dir, false), "charter", Bad) // none accepted

	n := newNetwork(t, 2)[0]
	for _, name := range []string{"configuration", "charter", "keys", "guard", "p2p port"} {
		wantCheck(t, ExamineDir(n.dir, false), name, Good)
	}
	if err := os.Chmod(filepath.Join(n.dir, "keys", "log.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	mustRemove(t, n.config.Guard)
	checks := ExamineDir(n.dir, true)
	wantCheck(t, checks, "keys", Bad)
	wantCheck(t, checks, "guard", Bad)
	if err := os.WriteFile(filepath.Join(n.dir, "config.toml"), []byte("colour = 'red'\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, ExamineDir(n.dir, false), "configuration", Bad)
}

func TestDoctorOfANode(t *testing.T) {
	nodes := newNetwork(t, 2)
	brand, dist := nodes[0], nodes[1]
	soon := brand.now().Add(time.Hour)
	if _, _, err := brand.AddOperator(context.Background(), AddOperator{
		Name: "clerk", Kinds: everyKind(), Scopes: []string{ScopeRead}, Expires: &soon, AdminPassphrase: adminPhrase,
	}); err != nil {
		t.Fatal(err)
	}
	checks := brand.Examine()
	for name, state := range map[string]string{
		"signing": Good, "forks": Good, "clock": Good, "index": Good, "attachments": Good, "finality": Good,
		"token of clerk": Note, "cosigners": Note, "peers": Note,
	} {
		wantCheck(t, checks, name, state)
	}

	// An hour later nothing has become final; and the other's clock is ahead.
	dist.clock.at = dist.clock.at.Add(3 * time.Hour)
	dist.addOperator(t)
	move(t, dist, brand, 2)
	brand.clock.at = brand.clock.at.Add(time.Hour)
	checks = brand.Examine()
	wantCheck(t, checks, "finality", Bad)
	wantCheck(t, checks, "clock", Note)

	mustRemove(t, brand.config.Guard)
	brand.reopen(t)
	wantCheck(t, brand.Examine(), "signing", Bad)
}

// A fork is shown with a file that proves it to anybody.
func TestDoctorAndEvidenceOfAFork(t *testing.T) {
	nodes := newNetwork(t, 2)
	brand, dist := nodes[0], nodes[1]
	key := dist.ed25519(t, purposeLog, dist.self.LogKey.String())
	origin := dist.Network().Newest().Verifiers.Origin(2)
	e := &ledger.Evidence{}
	for i, into := range []*[]byte{&e.A, &e.B} {
		note, err := ledger.SignCheckpoint(origin, 9, ledger.Hash{byte(i)}, key)
		if err != nil {
			t.Fatal(err)
		}
		*into = note
	}
	if err := brand.store.PutEvidence(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, brand.Examine(), "fork", Bad)
	raw, err := json.Marshal(brand.Evidence(2))
	if err != nil {
		t.Fatal(err)
	}
	f, ok, err := ledger.ReadEvidenceFile(raw)
	if err != nil || !ok {
		t.Fatalf("%v, %v", ok, err)
	}
	if _, chain, err := f.Verify(); err != nil || chain != 2 {
		t.Errorf("chain %d, %v", chain, err)
	}
	if brand.Evidence(1) != nil || brand.Evidence(0) != nil {
		t.Error("evidence against nobody")
	}
}

// Records beyond the end of a chain are listed for their signers.
func TestOrphans(t *testing.T) {
	nodes := newNetwork(t, 4)
	brand, dist, wh, audit := nodes[0], nodes[1], nodes[2], nodes[3]
	dist.addOperator(t)
	for _, n := range []*testNode{brand, wh, audit} {
		move(t, dist, n, 2)
	}
	cp := dist.checkpoint(t, brand, wh, audit)
	for _, n := range nodes {
		n.put(t, cp)
	}
	dist.mustSubmit(t, sellDraft(1)) // never leaves the node
	s := brand.propose(t, Change{Remove: []string{"dist"}})
	signNext(t, s, brand, wh, audit)
	accept(t, s, nodes...)
	list, err := dist.Orphans()
	if err != nil || len(list) != 1 || list[0].Kind != "sell" || list[0].Chain != "dist/2" {
		t.Errorf("orphans %+v, %v", list, err)
	}
	if list, err := brand.Orphans(); err != nil || len(list) != 0 {
		t.Errorf("orphans of another company: %+v, %v", list, err)
	}
	checks := dist.Examine()
	wantCheck(t, checks, "end of dist/2", Note)
	wantCheck(t, checks, "signing", Bad)
	wantCheck(t, checks, "restart", Bad)
}
