package node

import (
	"context"
	"sync"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/trace"
)

func TestSubmitAnswersEachDraftByItself(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 100)
	good := encode(t, activateDraft(0, 9), activateDraft(10, 19))
	placed := n.Submit(context.Background(), Signer{}, [][]byte{
		good[0],
		[]byte(`{"kind":"activate"`),
		[]byte(`{"kind":"teleport"}`),
		[]byte(`{"kind":"activate","age_ms":0,"colour":"red"}`),
		[]byte(`{"kind":"activate","age_ms":0,"subjects":[{"gtin":"06901234000016","run":0,"from":90,"to":100}],"fields":{"lot":"B1"}}`),
		[]byte(`{"kind":"activate","age_ms":0,"subjects":[{"gtin":"06901234000016","run":7,"from":0,"to":1}],"fields":{"lot":"B1"}}`),
		[]byte(`{"kind":"receive","age_ms":0,"party":"nobody","subjects":[{"gtin":"06901234000016","run":0,"from":0,"to":1}]}`),
		good[1],
	})
	for i, want := range []string{"", "bad-field", "no-operator", "bad-field", "outside-run", "unknown-run", "unknown-party", ""} {
		if want != "" {
			wantCode(t, placed[i].Err, want)
			continue
		}
		p := placed[i]
		if p.Err != nil {
			t.Errorf("draft %d: %v", i, p.Err)
			continue
		}
		found, ok, err := n.Find(p.ID)
		if err != nil || !ok || found.Seq != p.Seq || found.Hash != p.Hash || p.Hash == (ledger.Hash{}) {
			t.Errorf("draft %d was answered with %+v, but Find has %+v, %v, %v", i, p, found, ok, err)
		}
	}
	if a, b := placed[0].Seq, placed[7].Seq; b != a+1 {
		t.Errorf("the good drafts stand at %d and %d, not side by side", a, b)
	}
}

// What stands earlier in a batch counts for what stands later in it.
func TestSubmitHoldsABatchAgainstItself(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 100)
	placed := n.submit(t, activateDraft(0, 9), sellDraft(3), sellDraft(3), sellDraft(4), activateDraft(9, 9))
	for i, want := range []string{"", "", "already-sold", "", "already-active"} {
		if want == "" && placed[i].Err != nil {
			t.Errorf("draft %d: %v", i, placed[i].Err)
		}
		if want != "" {
			wantCode(t, placed[i].Err, want)
		}
	}
	wantCode(t, n.submit(t, sellDraft(4))[0].Err, "already-sold") // nor later, from the index
	n.reopen(t)
	wantCode(t, n.submit(t, sellDraft(4))[0].Err, "already-sold") // nor after a restart
}

func TestSubmitSignsOnlyForItsOperators(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 100)
	draft := encode(t, activateDraft(0, 9))
	stranger := ledger.AddressOf(ledgertest.OperatorKey("stranger"))
	for code, who := range map[string]Signer{
		"unknown-operator": {Operator: "nobody"},
		"no-key":           {Address: stranger},
	} {
		wantCode(t, n.Submit(context.Background(), who, draft)[0].Err, code)
	}
	if p := n.Submit(context.Background(), Signer{Operator: "clerk"}, draft)[0]; p.Err != nil {
		t.Errorf("by name: %v", p.Err)
	}
	draft = encode(t, activateDraft(10, 19))
	if p := n.Submit(context.Background(), Signer{Address: ledger.AddressOf(n.operators["clerk"])}, draft)[0]; p.Err != nil {
		t.Errorf("by address: %v", p.Err)
	}
}

func TestAddOperatorRefuses(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 1)[0]
	ok := AddOperator{Name: "clerk", Kinds: []string{"ship"}, Scopes: []string{ScopeRead}, AdminPassphrase: adminPhrase}
	for code, change := range map[string]func(*AddOperator){
		"admin-passphrase":      func(a *AddOperator) { a.AdminPassphrase = phrase },
		"bad-kind":              func(a *AddOperator) { a.Kinds = []string{"grant"} },
		"bad-scope":             func(a *AddOperator) { a.Scopes = []string{"everything"} },
		"bad-operator":          func(a *AddOperator) { a.Name = "Clerk Kent" },
		string(ledger.CodeForm): func(a *AddOperator) { a.Kinds = nil },
	} {
		a := ok
		change(&a)
		_, _, err := n.AddOperator(context.Background(), a)
		wantCode(t, err, code)
	}
	wantCode(t, n.submit(t, activateDraft(0, 1))[0].Err, "no-operator")
	first, token1, err := n.AddOperator(context.Background(), ok)
	if err != nil {
		t.Fatal(err)
	}
	again, token2, err := n.AddOperator(context.Background(), ok)
	if err != nil || again != first || token1 == token2 {
		t.Errorf("the same operator again: %s with token %s, %v; first %s with %s", again, token2, err, first, token1)
	}
}

func TestSubmitSignedTakesARecordOnce(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 100)
	rec := n.signed(t, n.grantKey(t), activateDraft(0, 9))
	var wg sync.WaitGroup
	placed := make([]Placed, 16)
	for i := range placed {
		wg.Go(func() { placed[i] = n.SubmitSigned(context.Background(), []SignedRecord{rec, rec})[i%2] })
	}
	wg.Wait()
	size := n.store.Size(n.chain)
	later := n.SubmitSigned(context.Background(), []SignedRecord{rec})[0]
	if !later.Again || n.store.Size(n.chain) != size {
		t.Errorf("given once more it is %+v, and the chain has %d entries instead of %d", later, n.store.Size(n.chain), size)
	}
	fresh := 0
	for _, p := range placed {
		if p.Err != nil || p.Seq != later.Seq || p.ID != later.ID {
			t.Errorf("placed %+v, want position %d", p, later.Seq)
		}
		if !p.Again {
			fresh++
		}
	}
	if fresh > 1 {
		t.Errorf("%d callers were told that their record is new", fresh)
	}
}

func TestSubmitSignedRefuses(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 100)
	key := n.grantKey(t)
	good := n.signed(t, key, activateDraft(0, 9))
	edited := func(edit func(*ledger.Record)) SignedRecord {
		r, err := ledger.DecodeRecord(good.Record)
		if err != nil {
			t.Fatal(err)
		}
		edit(r)
		s, err := ledger.SignRecord(r, key)
		if err != nil {
			t.Fatal(err)
		}
		return SignedRecord{Record: s.Raw, Signature: s.Sig, Sidecar: good.Sidecar}
	}
	badSignature := SignedRecord{good.Record, append([]byte{good.Signature[0] ^ 1}, good.Signature[1:]...), good.Sidecar}
	for name, c := range map[string]struct {
		rec  SignedRecord
		code ledger.Code
	}{
		"other network":   {edited(func(r *ledger.Record) { r.Network[0] ^= 1 }), ledger.CodeNetwork},
		"other chain":     {edited(func(r *ledger.Record) { r.Chain = 2 }), ledger.CodeChain},
		"future":          {edited(func(r *ledger.Record) { r.At += ledger.MaxAhead + 60_000 }), ledger.CodeAhead},
		"no sidecar":      {SignedRecord{good.Record, good.Signature, nil}, ledger.CodeMissing},
		"broken sidecar":  {SignedRecord{good.Record, good.Signature, []byte{0xa0}}, ledger.CodeNotCanonical},
		"other signature": {badSignature, ""},
		"no grant":        {n.signed(t, ledgertest.OperatorKey("stranger"), activateDraft(0, 9)), ledger.CodeNoGrant},
	} {
		err := n.SubmitSigned(context.Background(), []SignedRecord{c.rec})[0].Err
		if err == nil || c.code != "" && ledger.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if p := n.SubmitSigned(context.Background(), []SignedRecord{good})[0]; p.Err != nil {
		t.Errorf("the good one: %v", p.Err)
	}
}

// Many records of one batch about one run are held against each other without
// looking at all of them.
func TestSubmitLargeBatch(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 100_000)
	const count = 2_000
	var drafts []trace.Draft
	for i := range uint32(count) {
		drafts = append(drafts, activateDraft(i*24, i*24+23))
	}
	drafts = append(drafts, activateDraft(0, 0))
	placed := n.submit(t, drafts...)
	for i, p := range placed[:count] {
		if p.Err != nil {
			t.Fatalf("draft %d: %v", i, p.Err)
		}
	}
	wantCode(t, placed[count].Err, "already-active")
}
