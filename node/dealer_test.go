package node

import (
	"context"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
)

// A dealer with nothing but a token receives, sells and ships what is its own,
// without saying who it is each time, and reads what concerns it.
func TestHostedDealer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	n := newBrand(t)
	n.issue(t, toner, 200)
	n.mustSubmit(t,
		trace.Draft{Kind: "party", Fields: fields{"slug": "shop", "kind": "dealer", "name": trace.Names{Zh: "湖边小店"}}},
		activateDraft(0, 99),
		trace.Draft{Kind: "ship", Subjects: []trace.DraftSubject{codesOf(toner, 0, 9)}, Fields: fields{"purpose": "sale", "to": "brand/shop"}})
	address, token, err := n.AddOperator(ctx, AddOperator{Name: "phone", Kinds: []string{"receive", "ship", "sell"}, Party: "shop", Scopes: []string{ScopeRead, ScopeWrite}, AdminPassphrase: adminPhrase})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := n.Operator(token)
	if err != nil || tok.Party != "shop" || tok.Address != address {
		t.Fatalf("token %+v, %v", tok, err)
	}
	dealer := Signer{Address: tok.Address}
	receive := trace.Draft{Kind: "receive", Subjects: []trace.DraftSubject{codesOf(toner, 0, 9)}}
	other := sellDraft(7)
	other.Party = "elsewhere"
	for _, c := range []struct {
		name, code string
		draft      trace.Draft
	}{
		{"what it was sent", "", receive},
		{"what it has", "", sellDraft(7)},
		{"what its host has", "not-holder", sellDraft(50)},
		{"in another's name", string(ledger.CodeGrantLimit), other},
		{"what it may not sign", string(ledger.CodeNoGrant), trace.Draft{Kind: "void", Subjects: []trace.DraftSubject{codesOf(toner, 5, 5)}, Fields: fields{"reason": "lost"}}},
	} {
		placed := n.Submit(ctx, dealer, encode(t, c.draft))
		if c.code == "" {
			if placed[0].Err != nil {
				t.Errorf("%s: %v", c.name, placed[0].Err)
			}
			continue
		}
		if placed[0].Err == nil {
			t.Errorf("%s: stored", c.name)
			continue
		}
		wantCode(t, placed[0].Err, c.code)
	}
	n.put(t, n.checkpoint(t))
	uri := link(toner, n.serial(t, toner, 0, 7))
	for _, c := range []struct {
		name, ship, sell string // what the shipment says it was sent to, and who is said to have sold
		viewer           trace.Viewer
	}{
		{"the dealer, before anybody else asks", "brand/shop", "brand/shop", trace.Viewer{Party: "brand/shop"}},
		{"the public", "", "brand", trace.Viewer{}},
		{"the dealer", "brand/shop", "brand/shop", trace.Viewer{Party: "brand/shop"}},
		{"another dealer", "", "brand", trace.Viewer{Party: "brand/other"}},
		{"members", "brand/shop", "brand/shop", trace.Viewer{Member: "brand"}},
		{"the public, after them", "", "brand", trace.Viewer{}},
	} {
		a, err := n.AnswerTo(ctx, uri, c.viewer)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range a.Trail.Events {
			who := e.Party.Member
			if e.Party.Party != "" {
				who += "/" + e.Party.Party
			}
			if e.Kind == "ship" && e.Fields.Text("to") != c.ship || e.Kind == "sell" && who != c.sell {
				t.Errorf("%s is shown %s by %s to %q", c.name, e.Kind, who, e.Fields.Text("to"))
			}
		}
	}
}

// granted is the record by which an operator of the node may sign.
func (n *testNode) granted(t testing.TB, to ledger.Address) Placed {
	t.Helper()
	c, err := n.store.Chain(n.chain)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := n.store.Entry(n.chain, c.Rights().Of(to)[0].Seq)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ledger.OpenEntry(raw)
	if err != nil {
		t.Fatal(err)
	}
	return Placed{ID: o.Record.ID}
}

// The operator of a hosted party writes nothing about what others of its member have
// recorded or hold, whatever kinds it may sign.
func TestHostedDealerKeepsToItsOwn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	n := newBrand(t)
	n.issue(t, toner, 200)
	place := func(id, region string) trace.Draft {
		return trace.Draft{Kind: "place", Fields: fields{"id": id, "kind": "store", "country": "CN", "region": region, "name": trace.Names{Zh: "门店"}}}
	}
	party := func(slug string) trace.Draft {
		return trace.Draft{Kind: "party", Fields: fields{"slug": slug, "kind": "dealer", "name": trace.Names{Zh: "小店"}}}
	}
	correct := func(what Placed, subjects ...trace.DraftSubject) trace.Draft {
		return trace.Draft{Kind: "correct", Subjects: subjects, Fields: fields{"target": what.ID.String(), "reason": "error"}}
	}
	subjects := func(from, to uint32) trace.DraftSubject { return codesOf(toner, from, to) }
	stored := n.mustSubmit(t, party("shop"), party("rival"), place("main", "330100"), activateDraft(0, 99),
		trace.Draft{Kind: "ship", Subjects: []trace.DraftSubject{subjects(0, 9)}, Fields: fields{"purpose": "sale", "to": "brand/shop", "waybill": "SF1"}})
	ship := stored[4]
	_, token, err := n.AddOperator(ctx, AddOperator{Name: "phone", Kinds: []string{"receive", "sell", "void", "hold", "inspect", "place", "party", "correct", "erase"}, Party: "shop", Scopes: []string{ScopeWrite}, AdminPassphrase: adminPhrase})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := n.Operator(token)
	if err != nil {
		t.Fatal(err)
	}
	dealer := Signer{Address: tok.Address}
	try := func(name, code string, d trace.Draft) Placed {
		t.Helper()
		p := n.Submit(ctx, dealer, encode(t, d))[0]
		switch {
		case code == "" && p.Err != nil:
			t.Errorf("%s: %v", name, p.Err)
		case code != "" && p.Err == nil:
			t.Errorf("%s: stored", name)
		case code != "":
			wantCode(t, p.Err, code)
		}
		return p
	}
	receipt := try("its receipt", "", trace.Draft{Kind: "receive", Subjects: []trace.DraftSubject{subjects(0, 9)}})
	sale := try("its sale", "", sellDraft(7))
	try("its place", "", place("corner", "330100"))
	try("its place anew", "", place("corner", "330200"))
	try("itself", "", party("shop"))
	try("its own goods on hold", "", trace.Draft{Kind: "hold", Subjects: []trace.DraftSubject{subjects(5, 5)}, Fields: fields{"reason": "quality"}})
	try("its own goods void", "", trace.Draft{Kind: "void", Subjects: []trace.DraftSubject{subjects(6, 6)}, Fields: fields{"reason": "damaged"}})
	try("its own sale corrected", "", correct(sale, subjects(7, 7)))

	try("its host's place", "not-author", place("main", "440100"))
	try("another dealer", "not-author", party("rival"))
	try("its host's shipment corrected", "not-author", correct(ship, subjects(0, 9)))
	try("its host's goods void", "not-holder", trace.Draft{Kind: "void", Subjects: []trace.DraftSubject{subjects(50, 50)}, Fields: fields{"reason": "damaged"}})
	try("its host's goods on hold", "not-holder", trace.Draft{Kind: "hold", Subjects: []trace.DraftSubject{subjects(50, 50)}, Fields: fields{"reason": "quality"}})
	erase := func(what Placed) trace.Draft {
		return trace.Draft{Kind: "erase", Fields: fields{"record": what.ID.String(), "digests": []ledger.Hash{{1}}, "ground": "request"}}
	}
	try("its host's shipment erased", "not-author", erase(ship))
	try("a grant erased", "not-author", erase(n.granted(t, tok.Address)))
	try("of its receipt what is not there", "unknown-disclosure", erase(receipt))
}
