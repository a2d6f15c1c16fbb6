package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/epcis"
	"suyuan/trace/gs1"
)

// captureAs captures as who acts for one party of the member.
func (n *testNode) captureAs(t testing.TB, token string, party string, doc []byte, opt CaptureOptions) []Captured {
	t.Helper()
	op, err := n.Operator(token)
	if err != nil {
		t.Fatal(err)
	}
	out, err := n.Capture(context.Background(), Signer{Address: op.Address, Party: party}, doc, opt)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// dealer adds a party and who acts for it.
func (n *testNode) dealer(t testing.TB, slug string) (token string) {
	t.Helper()
	n.mustSubmit(t, trace.Draft{Kind: "party", Fields: fields{"slug": slug, "kind": "dealer"}})
	_, token, err := n.AddOperator(context.Background(), AddOperator{
		Name: slug, Kinds: []string{"receive", "sell"}, Party: slug, Scopes: []string{ScopeRead, ScopeWrite}, AdminPassphrase: adminPhrase,
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// What one party has captured under an eventID takes it from nobody else, and nobody
// is answered with another's record.
func TestCaptureIDsBelongToTheirAuthors(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	shop, other := n.dealer(t, "shop"), n.dealer(t, "other")
	n.mustSubmit(t, sendDraft(1, 1, "brand/shop"), sendDraft(2, 2, "brand/other"))
	received := func(index uint32) map[string]any {
		e := sold("urn:uuid:7", link(toner, n.serial(t, toner, 0, index)))
		e["bizStep"], e["disposition"] = "receiving", "in_progress"
		return e
	}
	ofShop, ofOther, ofBrand := doc(t, received(1)), doc(t, received(2)), doc(t, sold("urn:uuid:7", link(toner, n.serial(t, toner, 0, 3))))
	ids := make(map[ledger.Hash]bool)
	for _, c := range []struct {
		viewer trace.Viewer
		send   func() []Captured
	}{
		{trace.Viewer{Party: "brand/shop"}, func() []Captured { return n.captureAs(t, shop, "shop", ofShop, CaptureOptions{}) }},
		{trace.Viewer{Party: "brand/other"}, func() []Captured { return n.captureAs(t, other, "", ofOther, CaptureOptions{}) }},
		{trace.Viewer{Member: "brand"}, func() []Captured { return n.capture(t, ofBrand, inStore) }},
	} {
		first := c.send()[0]
		if first.Err != nil || first.Again || ids[first.ID] {
			t.Fatalf("%+v: %+v", c.viewer, first)
		}
		ids[first.ID] = true
		if again := c.send()[0]; again.Err != nil || !again.Again || again.ID != first.ID {
			t.Errorf("%+v, again: %+v", c.viewer, again)
		}
		if id, err := n.captured("urn:uuid:7", c.viewer); err != nil || id != first.ID {
			t.Errorf("%+v reads %s, %v, want %s", c.viewer, id, err, first.ID)
		}
	}
	// Our own name of a record that does not concern the dealer.
	e := n.epcis(t, member, "EQ_bizStep", "retail_selling").Events[0]
	wantCode(t, n.captureAs(t, shop, "shop", doc(t, sold(e.EventID, link(toner, n.serial(t, toner, 0, 5)))), inStore)[0].Err, "event-of-another")
}

// A member that records a place with another's number gets nothing of what is for the
// other, and stops nobody.
func TestCaptureHeedsThePrefixesOfTheCharter(t *testing.T) {
	t.Parallel()
	nodes := newNetwork(t, 3)
	n, evil := nodes[1], nodes[2]
	n.addOperator(t)
	evil.addOperator(t)
	place := func(id, gln string) trace.Draft {
		return trace.Draft{Kind: "place", Fields: fields{"id": id, "kind": "store", "country": "CN", "gln": gln}}
	}
	const ofBrand, ofNobody, mine = "6901234000009", "6909999000005", "6908888000003"
	evil.mustSubmit(t, place("a", ofBrand), place("b", ofNobody), place("c", mine))
	n.mustSubmit(t, place("hz", mine))
	finish(t, evil, n)
	c := &capture{node: n.Node, ctx: context.Background(), party: "dist", places: map[numberedBy][]string{}}
	for _, x := range []struct{ gln, party, place, code string }{
		{ofBrand, "brand", "", ""}, {ofNobody, "", "", "unproven-gln"}, {mine, "dist", "dist/hz", ""},
	} {
		var g gs1.GLN
		if err := g.UnmarshalText([]byte(x.gln)); err != nil {
			t.Fatal(err)
		}
		party, err := c.partyOf(g)
		at, err2 := c.place(g)
		if party != x.party || at != x.place {
			t.Errorf("%s: %q and %q, want %q and %q", x.gln, party, at, x.party, x.place)
		}
		for _, err := range []error{err, err2} {
			if x.code != "" {
				wantCode(t, err, x.code)
			} else if err != nil {
				t.Errorf("%s: %v", x.gln, err)
			}
		}
	}
}

// A dealer that records many places, with a number of its own or of others,
// takes nobody else's place away.
func TestCaptureFindsPlacesBesideAFlood(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	const mine, shops = "6901234000016", "6901234000023"
	place := func(party, id, gln string) trace.Draft {
		return trace.Draft{Kind: "place", Party: party, Fields: fields{"id": id, "kind": "store", "country": "CN", "gln": gln}}
	}
	for _, slug := range []string{"flood", "shop"} {
		n.mustSubmit(t, trace.Draft{Kind: "party", Fields: fields{"slug": slug, "kind": "dealer"}})
	}
	var drafts []trace.Draft
	for i := range 2 * maxPlacesNamed {
		drafts = append(drafts, place("flood", fmt.Sprintf("a%05d", i), mine))
	}
	n.mustSubmit(t, drafts...)
	n.mustSubmit(t, place("", "zz", mine), place("shop", "zzz", shops))
	for _, x := range []struct{ party, gln, place, code string }{
		{"brand", mine, "brand/zz", ""}, {"brand/shop", mine, "brand/zz", ""}, {"brand/flood", mine, "", "ambiguous-place"},
		{"brand", shops, "brand/zzz", ""}, {"brand/shop", shops, "brand/zzz", ""},
	} {
		var g gs1.GLN
		if err := g.UnmarshalText([]byte(x.gln)); err != nil {
			t.Fatal(err)
		}
		c := &capture{node: n.Node, ctx: context.Background(), party: x.party, places: map[numberedBy][]string{}}
		at, err := c.place(g)
		if at != x.place {
			t.Errorf("%s, %s: %q, want %q (%v)", x.party, x.gln, at, x.place, err)
		}
		if x.code != "" {
			wantCode(t, err, x.code)
		}
		if who, err := c.partyOf(g); x.gln == mine && (who != "brand" || err != nil) {
			t.Errorf("%s: party %q, %v", x.party, who, err)
		}
	}
}

// Items that had no key before their turn are no twins of each other.
func TestCaptureKeysLateItemsApart(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	r := epcis.NewReader(epcis.Options{Network: "lanzhi.example", Member: "brand", Defaults: inStore.Defaults})
	items, err := r.Read(doc(t, sold("", link(toner, n.serial(t, toner, 0, 1))), sold("", link(toner, n.serial(t, toner, 0, 2)))))
	if err != nil {
		t.Fatal(err)
	}
	env, err := n.draftEnv(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c := &capture{node: n.Node, ctx: context.Background(), party: "brand", env: env, reader: r, known: map[ledger.Hash]Placed{},
		keys: make([]ledger.Hash, 2), first: map[ledger.Hash]int{}, ids: map[string]ledger.Hash{}}
	out, err := c.all(items, false)
	if err != nil || out[0].Err != nil || out[1].Err != nil || out[0].Again || out[1].Again || out[0].ID == out[1].ID {
		t.Errorf("%+v, %v", out, err)
	}
	for i, again := range n.capture(t, doc(t, sold("", link(toner, n.serial(t, toner, 0, 1))), sold("", link(toner, n.serial(t, toner, 0, 2)))), inStore) {
		if again.Err != nil || !again.Again || again.ID != out[i].ID {
			t.Errorf("again, item %d: %+v", i, again)
		}
	}
}

func TestCaptureHeedsItsContext(t *testing.T) {
	t.Parallel()
	n := epcisBrand(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	before := n.store.Size(n.chain)
	if _, err := n.Capture(ctx, Signer{}, doc(t, sold("urn:uuid:1", link(toner, n.serial(t, toner, 0, 1)))), inStore); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if n.store.Size(n.chain) != before {
		t.Error("something was recorded")
	}
}

// The newest files stay, within both limits; the last one in any case.
func TestForgetOldest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		most  int
		bytes int64
		want  string
	}{{10, 100, "abcd"}, {2, 100, "cd"}, {10, 25, "cd"}, {10, 5, "d"}} {
		dir := t.TempDir()
		for i, name := range strings.Split("abcd", "") {
			path := filepath.Join(dir, name)
			at := time.Unix(int64(1_700_000_000+i), 0)
			if err := errors.Join(os.WriteFile(path, make([]byte, 10), 0o600), os.Chtimes(path, at, at)); err != nil {
				t.Fatal(err)
			}
		}
		if err := forgetOldest(dir, c.most, c.bytes); err != nil {
			t.Fatal(err)
		}
		list, err := os.ReadDir(dir)
		got := ""
		for _, f := range list {
			got += f.Name()
		}
		if err != nil || got != c.want {
			t.Errorf("%d files, %d bytes: %q is left, %v, want %q", c.most, c.bytes, got, err, c.want)
		}
	}
}
