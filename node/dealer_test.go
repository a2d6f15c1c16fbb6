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
