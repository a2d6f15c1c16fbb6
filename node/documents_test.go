package node

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
)

// A dealer with nothing but a token reads the files of the records that name it,
// and no others; and it gets at none by naming it itself.
func TestDocumentsOfADealer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	n := newBrand(t)
	run := n.issue(t, toner, 200)
	for _, slug := range []string{"shop", "other"} {
		n.mustSubmit(t, trace.Draft{Kind: "party", Fields: fields{"slug": slug, "kind": "dealer"}})
	}
	n.mustSubmit(t, activateDraft(0, 99))
	upload := func(text, audience string) ledger.Hash {
		t.Helper()
		a, err := store.ParseAudience(audience)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := n.AddDocument(ctx, strings.NewReader(text), a)
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	ship := func(index uint32, to string, documents ...ledger.Hash) trace.Draft {
		d := sendDraft(index, index, to)
		d.Documents = documents
		return d
	}
	note, theirs, inside := upload("delivery note", "members"), upload("another's note", "members"), upload("calculation", "own")
	contract, nobodys := upload("contract", "parties brand"), upload("never named", "members")
	open := upload("open", "public")
	n.mustSubmit(t, ship(0, "brand/shop", note, inside, contract), ship(1, "brand/other", theirs))

	_, token, err := n.AddOperator(ctx, AddOperator{Name: "phone", Kinds: []string{"receive", "sell"}, Party: "shop", Scopes: []string{ScopeRead, ScopeWrite}, AdminPassphrase: adminPhrase})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := n.Operator(token)
	if err != nil {
		t.Fatal(err)
	}
	receive := func(documents ...ledger.Hash) error {
		d := trace.Draft{Kind: "receive", Subjects: []trace.DraftSubject{codesOf(toner, 0, 0)}, Documents: documents}
		return n.Submit(ctx, Signer{Address: tok.Address}, encode(t, d))[0].Err
	}
	for _, digest := range []ledger.Hash{theirs, nobodys, inside, run.Pack} {
		wantCode(t, receive(digest), string(ledger.CodeMissingAttach))
	}
	if err := receive(note, open); err != nil {
		t.Errorf("with what it may read: %v", err)
	}

	shop, other := trace.Viewer{Party: "brand/shop"}, trace.Viewer{Party: "brand/other"}
	for _, c := range []struct {
		what   string
		digest ledger.Hash
		who    map[trace.Viewer]bool
	}{
		{"its delivery note", note, map[trace.Viewer]bool{{}: false, shop: true, other: false, {Member: "brand"}: true, {Member: "dist"}: true, {Party: "dist/shop"}: false}},
		{"another's", theirs, map[trace.Viewer]bool{{}: false, shop: false, other: true, {Member: "brand"}: true}},
		{"a contract for some members, its host among them", contract, map[trace.Viewer]bool{{}: false, shop: true, other: false, {Member: "brand"}: true, {Member: "dist"}: false}},
		{"what its host keeps to itself", inside, map[trace.Viewer]bool{{}: false, shop: false, {Member: "brand"}: true, {Member: "dist"}: false}},
		{"what no record names", nobodys, map[trace.Viewer]bool{{}: false, shop: false, {Member: "brand"}: true}},
		{"the pack", run.Pack, map[trace.Viewer]bool{{}: false, shop: false, {Member: "brand"}: true}},
		{"what is public", open, map[trace.Viewer]bool{{}: true, shop: true, other: true, {Member: "dist"}: true}},
	} {
		for viewer, want := range c.who {
			f, _, err := n.Document(c.digest, viewer)
			if err == nil {
				f.Close()
			}
			if (err == nil) != want || err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s for %+v: %v", c.what, viewer, err)
			}
		}
	}
}

// However often a file is named for others before, it opens to whom it is named for
// last.
func TestDocumentsNamedOften(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	for _, slug := range []string{"shop", "other"} {
		n.mustSubmit(t, trace.Draft{Kind: "party", Fields: fields{"slug": slug, "kind": "dealer"}})
	}
	digest, err := n.AddDocument(context.Background(), strings.NewReader("certificate"), store.Audience{Of: ledger.Members})
	if err != nil {
		t.Fatal(err)
	}
	inspection := trace.Draft{Kind: "inspect", Party: "other", Documents: []ledger.Hash{digest}, Subjects: []trace.DraftSubject{{GTIN: toner, Lot: "B1"}}, Fields: fields{"type": "visual", "result": "pass"}}
	n.mustSubmit(t, slices.Repeat([]trace.Draft{inspection}, 20)...)
	inspection.Party = "shop"
	n.mustSubmit(t, inspection)
	f, _, err := n.Document(digest, trace.Viewer{Party: "brand/shop"})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// A digest is no secret: the events of a member that may not read a file open it to
// nobody.
func TestDocumentsAreOpenedByWhoMayRead(t *testing.T) {
	t.Parallel()
	brand, dist := twoCompanies(t, 30)
	brand.mustSubmit(t, trace.Draft{Kind: "party", Fields: fields{"slug": "shop", "kind": "dealer"}})
	digests := make(map[string]ledger.Hash)
	for _, audience := range []string{"parties brand", "parties brand dist", "members"} {
		a, err := store.ParseAudience(audience)
		if err != nil {
			t.Fatal(err)
		}
		if digests[audience], err = brand.AddDocument(context.Background(), strings.NewReader(audience), a); err != nil {
			t.Fatal(err)
		}
		if _, err := dist.AddDocument(context.Background(), strings.NewReader(audience), store.Audience{Of: ledger.Members}); err != nil {
			t.Fatal(err)
		}
	}
	draft := trace.Draft{Kind: "ship", Subjects: []trace.DraftSubject{codesOf(toner, 0, 0)}, Fields: fields{"purpose": "sale", "to": "brand/shop"}}
	for _, digest := range digests {
		draft.Documents = append(draft.Documents, digest)
	}
	dist.flood(t, []trace.Draft{draft})
	settle(t, brand, dist)
	for audience, digest := range digests {
		f, _, err := brand.Document(digest, trace.Viewer{Party: "brand/shop"})
		if err == nil {
			f.Close()
		}
		if want := audience != "parties brand"; (err == nil) != want || err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", audience, err)
		}
	}
}
