package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// The tests run in parallel: they wait for the disk most of the time.

const (
	phrase      = "correct horse"
	adminPhrase = "battery staple"
)

// The products of the tests. Only those of brand's prefix are brand's.
var (
	toner   = mustGTIN("06901234000016")
	carton  = mustGTIN("16901234000013") // the toner's case
	foreign = mustGTIN("06912345000017") // of a company that is no member
)

func mustGTIN(s string) gs1.GTIN {
	g, err := gs1.ParseGTIN(s)
	if err != nil {
		panic(err)
	}
	return g
}

// A clock stands still unless it is moved.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// A testNode is a node on disk.
type testNode struct {
	*Node
	dir     string
	clock   *clock
	minFree uint64 // bytes of disk that it leaves free; 0 is as usual
}

// initMember makes the directory of a member, as `suyuan init` does.
func initMember(t testing.TB, slug string, role ledger.Role, prefixes ...string) (dir string, m *MemberFile) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), slug)
	m, err := Init(InitOptions{
		Dir: dir, Network: "lanzhi.example", Member: slug, Role: role, NameZh: "公司", NameEn: "Company " + slug,
		Prefixes: prefixes, P2P: []string{"/ip4/127.0.0.1/tcp/0"}, Guard: filepath.Join(t.TempDir(), "guard"),
		Passphrase: phrase, AdminPassphrase: adminPhrase, Strength: unstretched, // as good as any here
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir, m
}

// newBrandAndDist is brand, which has recorded a product, and dist, each with an
// operator.
func newBrandAndDist(t testing.TB) (brand, dist *testNode) {
	t.Helper()
	nodes := newNetwork(t, 2)
	brand, dist = nodes[0], nodes[1]
	for _, n := range nodes {
		n.addOperator(t)
	}
	brand.mustSubmit(t, productDraft(toner))
	return brand, dist
}

// newNetwork makes the first of brand, dist, wh and audit under one charter, all
// of them cosigners.
func newNetwork(t testing.TB, members int) []*testNode {
	t.Helper()
	var dirs []string
	var files []*MemberFile
	for i, slug := range []string{"brand", "dist", "wh", "audit"}[:members] {
		var prefixes []string
		role := ledger.Distributor
		if i == 0 {
			role, prefixes = ledger.Brand, []string{"6901234"}
		}
		dir, m := initMember(t, slug, role, prefixes...)
		dirs, files = append(dirs, dir), append(files, m)
	}
	s, err := ProposeCharter(files, ledger.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if err := SignCharter(dir, s, adminPhrase); err != nil {
			t.Fatal(err)
		}
	}
	var nodes []*testNode
	for _, dir := range dirs {
		if _, _, err := AcceptCharter(dir, s); err != nil {
			t.Fatal(err)
		}
		n := &testNode{dir: dir, clock: &clock{time.Now()}}
		n.open(t)
		t.Cleanup(func() { n.Close() })
		nodes = append(nodes, n)
	}
	return nodes
}

// newBrand makes a network of brand alone, with an operator for every kind, the
// toner and its case.
func newBrand(t testing.TB) *testNode {
	t.Helper()
	n := newNetwork(t, 1)[0]
	n.addOperator(t)
	n.mustSubmit(t, productDraft(toner), productDraft(carton))
	return n
}

// open opens the node in its directory.
func (n *testNode) open(t testing.TB) {
	t.Helper()
	opened, err := Open(Options{Dir: n.dir, Passphrase: phrase, Now: n.clock.now, MinFree: n.minFree})
	if err != nil {
		t.Fatalf("open node: %v", err)
	}
	n.Node = opened
}

func (n *testNode) reopen(t testing.TB) {
	t.Helper()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n.open(t)
}

// addOperator adds the operator "clerk", who may sign every kind.
func (n *testNode) addOperator(t testing.TB) string {
	t.Helper()
	_, token, err := n.AddOperator(context.Background(), AddOperator{
		Name: "clerk", Kinds: everyKind(), Scopes: []string{ScopeRead, ScopeWrite}, AdminPassphrase: adminPhrase,
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func everyKind() []string {
	var kinds []string
	for s := range trace.Kinds() {
		kinds = append(kinds, s.Kind.String())
	}
	return kinds
}

// grantKey makes a key outside of the node and grants it every kind.
func (n *testNode) grantKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key := ledgertest.OperatorKey(t.Name())
	_, token, err := n.AddOperator(context.Background(), AddOperator{
		Name: "erp", Address: ledger.AddressOf(key), Kinds: everyKind(), AdminPassphrase: adminPhrase,
	})
	if err != nil || token != "" {
		t.Fatalf("add outside operator: token %q, %v", token, err)
	}
	return key
}

type fields = map[string]any

func productDraft(g gs1.GTIN) trace.Draft {
	return trace.Draft{Kind: "product", Fields: fields{"gtin": g, "version": 1, "names": trace.Names{Zh: "水", En: "Toner"}, "issuing_chain": 1}}
}

func codesOf(g gs1.GTIN, from, to uint32) trace.DraftSubject {
	return trace.DraftSubject{GTIN: g, Run: new(uint16), From: &from, To: &to}
}

func activateDraft(from, to uint32) trace.Draft {
	return trace.Draft{Kind: "activate", Subjects: []trace.DraftSubject{codesOf(toner, from, to)}, Fields: fields{"lot": "B1"}}
}

func sellDraft(index uint32) trace.Draft {
	return trace.Draft{Kind: "sell", Subjects: []trace.DraftSubject{codesOf(toner, index, index)}, Fields: fields{"channel": "store"}}
}

func encode(t testing.TB, drafts ...trace.Draft) [][]byte {
	t.Helper()
	var list [][]byte
	for _, d := range drafts {
		raw, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, raw)
	}
	return list
}

func (n *testNode) submit(t testing.TB, drafts ...trace.Draft) []Placed {
	t.Helper()
	return n.Submit(context.Background(), Signer{}, encode(t, drafts...))
}

func (n *testNode) mustSubmit(t testing.TB, drafts ...trace.Draft) []Placed {
	t.Helper()
	placed := n.submit(t, drafts...)
	for i, p := range placed {
		if p.Err != nil {
			t.Fatalf("draft %d (%s): %v", i, drafts[i].Kind, p.Err)
		}
	}
	return placed
}

// issue issues a run of the toner.
func (n *testNode) issue(t testing.TB, g gs1.GTIN, count uint32) *Run {
	t.Helper()
	run, err := n.IssueRun(context.Background(), IssueRun{GTIN: g, Count: count}, nil)
	if err != nil {
		t.Fatalf("issue %d codes: %v", count, err)
	}
	return run
}

// serial returns one serial of a run that the node issued.
func (n *testNode) serial(t testing.TB, g gs1.GTIN, run uint16, index uint32) string {
	t.Helper()
	serials, _, err := n.Codes(g, run, index, index+1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range serials {
		return s
	}
	t.Fatalf("run %d has no code %d", run, index)
	return ""
}

func link(g gs1.GTIN, serial string) string {
	return fmt.Sprintf("https://lanzhi.example/01/%s/21/%s", g, serial)
}

// checkpoint signs the head of the node's own chain and has the witnesses of
// the given nodes cosign it. It is stored nowhere.
func (n *testNode) checkpoint(t testing.TB, witnesses ...*testNode) *ledger.Checkpoint {
	t.Helper()
	ctx := context.Background()
	net := n.Network()
	v, err := n.store.SigningVerifiers()
	if err != nil {
		t.Fatal(err)
	}
	note, _, err := n.store.Sign(ctx, v.Origin(n.chain), n.ed25519(t, purposeLog, n.self.LogKey.String()))
	if err != nil {
		t.Fatal(err)
	}
	cp, err := v.Open(note)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range witnesses {
		line, err := w.store.Cosign(ctx, cp, ledger.WitnessName(net.Name, net.ID, w.Member()), w.ed25519(t, purposeWitness, w.witness().Key.String()))
		if err != nil {
			t.Fatal(err)
		}
		if cp, err = v.Merge(cp, line); err != nil {
			t.Fatal(err)
		}
	}
	if !cp.Final {
		t.Fatalf("the checkpoint has the cosigners %v and is not final", cp.Cosigners)
	}
	return cp
}

// put stores a checkpoint.
func (n *testNode) put(t testing.TB, cp *ledger.Checkpoint) {
	t.Helper()
	if err := n.store.PutCheckpoint(context.Background(), cp); err != nil {
		t.Fatal(err)
	}
}

func (n *testNode) ed25519(t testing.TB, purpose, public string) ed25519.PrivateKey {
	t.Helper()
	key, err := n.ed25519Key(purpose, public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed makes and signs a record of a draft outside of the node.
func (n *testNode) signed(t testing.TB, key *ecdsa.PrivateKey, d trace.Draft) SignedRecord {
	t.Helper()
	env, err := n.draftEnv(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	env.Signer = ledger.AddressOf(key)
	rec, sc, err := d.Build(env)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ledger.SignRecord(rec, key)
	if err != nil {
		t.Fatal(err)
	}
	side, err := sc.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return SignedRecord{Record: r.Raw, Signature: r.Sig, Sidecar: side}
}

// wantCode checks that an error is a refusal with a stable code.
func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	var coded interface{ Code() string }
	switch {
	case err == nil:
		t.Errorf("no error, want %s", code)
	case errors.As(err, &coded):
		if coded.Code() != code {
			t.Errorf("refused with %s (%v), want %s", coded.Code(), err, code)
		}
	case string(ledger.CodeOf(err)) != code && string(gs1.CodeOf(err)) != code:
		t.Errorf("error %v, want %s", err, code)
	}
}

// move copies the entries of a chain from one node to another, as replication
// would.
func move(t testing.TB, from, to *testNode, chain uint32) {
	t.Helper()
	var items []store.Item
	at := to.store.Size(chain)
	for item, err := range from.store.Entries(chain, at, from.store.Size(chain)) {
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, item)
	}
	if _, err := to.store.Extend(context.Background(), chain, at, items); err != nil {
		t.Fatal(err)
	}
	if err := to.indexAll(); err != nil {
		t.Fatal(err)
	}
}
