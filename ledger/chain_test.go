package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// refusal is one attempt on a fresh chain of wh (chain 2) that holds the
// charter entry and a grant of every kind; other is dist's chain.
type refusal struct {
	name string
	try  attempt
	want ledger.Code
}

type attempt = func(net *ledgertest.Net, wh, other *ledgertest.Builder) error

// record tries a record of wh.
func record(kind ledger.Kind, opts ...ledgertest.RecordOption) attempt {
	return func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
		return wh.Try(net.Record("wh", kind, wh.Now(), opts...))
	}
}

func edited(edit func(*ledger.Record)) attempt {
	return record(ledger.KindReceive, ledgertest.Edit(edit))
}

// frontier tries a frontier entry.
func frontier(seen ...ledger.Seen) attempt {
	return func(_ *ledgertest.Net, wh, _ *ledgertest.Builder) error { return tryFrontier(wh, seen...) }
}

func tryFrontier(b *ledgertest.Builder, seen ...ledger.Seen) error {
	return b.TryOpened(must(ledger.FrontierEntry(b.Chain.Prev(), b.Now(), seen)), nil)
}

func tryCharter(b *ledgertest.Builder, version uint64, hash ledger.Hash) error {
	return b.TryOpened(must(ledger.CharterEntry(b.Chain.Prev(), b.Now(), ledger.CharterRef{Version: version, Hash: hash})), nil)
}

func run(t *testing.T, tests []refusal) {
	t.Helper()
	for _, tt := range tests {
		net := ledgertest.New()
		wh, other := net.NewChain("wh"), net.NewChain("dist")
		before := fmt.Sprint(wh.Chain.State())
		err := tt.try(net, wh, other)
		wantCode(t, tt.name, err, tt.want)
		if err != nil && strings.HasPrefix(tt.name, "record: ") && fmt.Sprint(wh.Chain.State()) != before {
			t.Errorf("%s: the refused entry changed the chain", tt.name)
		}
	}
}

func TestChainRefusesRecords(t *testing.T) {
	run(t, []refusal{
		{"record: a good one", record(ledger.KindReceive), ""},
		{"record: of a kind that nobody knows", record(64, ledgertest.Name("customs")), ledger.CodeNoGrant},
		{"record: another network", edited(func(r *ledger.Record) { r.Network = fill(1) }), ledger.CodeNetwork},
		{"record: another chain", edited(func(r *ledger.Record) { r.Chain = 3 }), ledger.CodeChain},
		{"record: another member", edited(func(r *ledger.Record) { r.Member = "dist" }), ledger.CodeChain},
		{"record: another member's chain, all of it", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			return wh.Try(net.Record("dist", ledger.KindReceive, wh.Now()))
		}, ledger.CodeChain},
		{"record: long ago", edited(func(r *ledger.Record) { r.At = 1 }), ""},
		{"record: as far ahead as allowed", edited(func(r *ledger.Record) { r.At = ledgertest.Start + 2000 + ledger.MaxAhead }), ""},
		{"record: too far ahead", edited(func(r *ledger.Record) { r.At = ledgertest.Start + 2000 + ledger.MaxAhead + 1 }), ledger.CodeAhead},
		{"a record twice", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			r, sc := net.Record("wh", ledger.KindReceive, wh.Now())
			wh.Append(r, sc)
			return wh.Try(r, sc)
		}, ledger.CodeDuplicate},
		{"a record before the charter", func(net *ledgertest.Net, _, _ *ledgertest.Builder) error {
			return net.Empty("wh").Try(net.Grant("wh"))
		}, ledger.CodeCharter},
		{"a record before any grant", func(net *ledgertest.Net, _, _ *ledgertest.Builder) error {
			b := net.Empty("wh")
			b.Charter()
			return b.Try(net.Record("wh", ledger.KindReceive, b.Now()))
		}, ledger.CodeNoGrant},
	})
}

func TestChainRefusesSidecars(t *testing.T) {
	shared := ledgertest.Disclose(ledger.Members, 1, "a")
	own := ledgertest.Disclose(ledger.Own, 2, "b")
	subjects := ledgertest.Subjects(1, 2)
	edit := func(edit func(sc, foreign *ledger.Sidecar)) attempt {
		return func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			_, foreign := net.Record("wh", ledger.KindReceive, wh.Now(), shared, subjects)
			r, sc := net.Record("wh", ledger.KindReceive, wh.Now(), shared, own, subjects)
			edit(sc, foreign)
			return wh.Try(r, sc)
		}
	}
	keep := func(audience ledger.Audience) func(sc, _ *ledger.Sidecar) {
		return func(sc, _ *ledger.Sidecar) {
			sc.Disclosures = slices.DeleteFunc(sc.Disclosures, func(raw []byte) bool {
				return must(ledger.DecodeDisclosure(raw)).Audience != audience
			})
		}
	}
	run(t, []refusal{
		{"record: complete", edit(func(_, _ *ledger.Sidecar) {}), ""},
		{"record: without what only the author holds", edit(keep(ledger.Members)), ""},
		{"record: without what all hold", edit(keep(ledger.Own)), ledger.CodeMissing},
		{"record: without subjects", edit(func(sc, _ *ledger.Sidecar) { sc.Leaves = nil }), ledger.CodeMissing},
		{"record: with fewer subjects", edit(func(sc, _ *ledger.Sidecar) { sc.Leaves = sc.Leaves[:1] }), ledger.CodeSidecar},
		{"record: with foreign subjects", edit(func(sc, f *ledger.Sidecar) { sc.Leaves = f.Leaves }), ledger.CodeSidecar},
		{"record: with foreign disclosures", edit(func(sc, f *ledger.Sidecar) { sc.Disclosures = f.Disclosures }), ledger.CodeSidecar},
		{"record: without a sidecar", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			r, _ := net.Record("wh", ledger.KindReceive, wh.Now(), shared)
			return wh.Try(r, nil)
		}, ledger.CodeMissing},
		{"a sidecar for a frontier", func(net *ledgertest.Net, wh, other *ledgertest.Builder) error {
			o := must(ledger.FrontierEntry(wh.Chain.Prev(), wh.Now(), ledger.Frontier{{Chain: 3, Size: 1, Root: fill(1)}}))
			_, sc := net.Record("wh", ledger.KindReceive, wh.Now(), shared)
			return wh.TryOpened(o, sc)
		}, ledger.CodeSidecar},
	})
}

// A reader of the public log has no sidecars and checks the rest.
func TestChainWithoutSidecarsChecksTheLog(t *testing.T) {
	net := ledgertest.New()
	b := net.NewChain("wh")
	b.Record(ledger.KindReceive, ledgertest.Disclose(ledger.Members, 1, "a"), ledgertest.Subjects(1))
	b.Record(ledger.KindReceive)
	c := must(ledger.NewChain(net.Network, b.Number))
	for i, raw := range b.Entries {
		o := must(ledger.OpenEntry(raw))
		wantCode(t, fmt.Sprintf("entry %d", i), c.Check(o, nil, nil), "")
		if err := c.Apply(o, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := must(c.Root()), must(b.Chain.Root()); got != want {
		t.Errorf("root %s, want %s", got, want)
	}
}

func TestChainRefusesSigners(t *testing.T) {
	stranger := ledgertest.OperatorKey("stranger")
	strangerAddress := ledger.AddressOf(stranger)
	bySecond := ledgertest.SignedBy(stranger)
	// granted gives the stranger a grant with limits, then tries a record.
	granted := func(kinds []ledger.Kind, limits []ledgertest.RecordOption, kind ledger.Kind, opts ...ledgertest.RecordOption) attempt {
		return func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			wh.Append(net.GrantTo("wh", strangerAddress, kinds, limits...))
			return wh.Try(net.Record("wh", kind, wh.Now(), append(opts, bySecond)...))
		}
	}
	receive := []ledger.Kind{ledger.KindReceive}
	party := ledgertest.Disclose(ledger.Members, ledger.GrantParty, "store-1")
	places := ledgertest.Disclose(ledger.Members, ledger.GrantPlaces, []string{"dock-1", "dock-2"})
	person := ledgertest.Disclose(ledger.Own, ledger.GrantPerson, "王小明")
	limits := func(l ...ledgertest.RecordOption) []ledgertest.RecordOption { return l }
	forStore, atDock, elsewhere := ledgertest.Party("store-1"), ledgertest.Place("dock-2"), ledgertest.Place("dock-3")

	run(t, []refusal{
		{"record: by a stranger", record(ledger.KindReceive, bySecond), ledger.CodeNoGrant},
		{"record: by an admin without a grant", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			return wh.Try(net.Record("wh", ledger.KindReceive, wh.Now(), ledgertest.SignedBy(net.Member("wh").Admin)))
		}, ledger.CodeNoGrant},
		{"record: by the operator of another member", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			return wh.Try(net.Record("wh", ledger.KindReceive, wh.Now(), ledgertest.SignedBy(net.Member("dist").Operator)))
		}, ledger.CodeNoGrant},

		{"granted, no limit", granted(receive, nil, ledger.KindReceive), ""},
		{"granted, another kind", granted(receive, nil, ledger.KindShip), ledger.CodeNoGrant},
		{"granted a kind that nobody knows", granted([]ledger.Kind{64}, nil, 64, ledgertest.Name("customs")), ""},
		{"granted with a person", granted(receive, limits(person), ledger.KindReceive), ""},
		{"granted for a party, that party", granted(receive, limits(party), ledger.KindReceive, forStore), ""},
		{"granted for a party, the member itself", granted(receive, limits(party), ledger.KindReceive), ledger.CodeGrantLimit},
		{"granted for a party, another one", granted(receive, limits(party), ledger.KindReceive, ledgertest.Party("store-2")), ledger.CodeGrantLimit},
		{"granted for a party, another kind", granted(receive, limits(party), ledger.KindShip, forStore), ledger.CodeNoGrant},
		{"granted at places, one of them", granted(receive, limits(places), ledger.KindReceive, atDock), ""},
		{"granted at places, another one", granted(receive, limits(places), ledger.KindReceive, elsewhere), ledger.CodeGrantLimit},
		{"granted at places, no place", granted(receive, limits(places), ledger.KindReceive), ledger.CodeGrantLimit},
		{"granted for a party at places, both", granted(receive, limits(party, places), ledger.KindReceive, forStore, atDock), ""},
		{"granted for a party at places, the party only", granted(receive, limits(party, places), ledger.KindReceive, forStore, elsewhere), ledger.CodeGrantLimit},
		{"granted for a party at places, the place only", granted(receive, limits(party, places), ledger.KindReceive, atDock), ledger.CodeGrantLimit},
		{"two limited grants do not add up", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			wh.Append(net.GrantTo("wh", strangerAddress, receive, party, ledgertest.Disclose(ledger.Members, ledger.GrantPlaces, []string{"dock-1"})))
			wh.Append(net.GrantTo("wh", strangerAddress, receive, ledgertest.Disclose(ledger.Members, ledger.GrantParty, "store-2"), places))
			return wh.Try(net.Record("wh", ledger.KindReceive, wh.Now(), bySecond, forStore, atDock))
		}, ledger.CodeGrantLimit},
		{"a second grant widens the first", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			wh.Append(net.GrantTo("wh", strangerAddress, receive, party))
			wh.Append(net.GrantTo("wh", strangerAddress, receive))
			return wh.Try(net.Record("wh", ledger.KindReceive, wh.Now(), bySecond))
		}, ""},

		{"revoked", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			wh.Append(net.GrantTo("wh", strangerAddress, receive))
			wh.Append(net.GrantTo("wh", strangerAddress, []ledger.Kind{ledger.KindShip}))
			wh.Append(net.Revoke("wh", strangerAddress))
			return wh.Try(net.Record("wh", ledger.KindShip, wh.Now(), bySecond))
		}, ledger.CodeNoGrant},
		{"revoked, another operator goes on", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			wh.Append(net.GrantTo("wh", strangerAddress, receive))
			wh.Append(net.Revoke("wh", strangerAddress))
			return wh.Try(net.Record("wh", ledger.KindShip, wh.Now()))
		}, ""},
		{"revoked and granted again", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			wh.Append(net.Revoke("wh", strangerAddress))
			return granted(receive, nil, ledger.KindReceive)(net, wh, nil)
		}, ""},
		{"revoked by the charter", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			net.Adopt(func(c *ledger.Charter) { c.Member("wh").Revoked = []ledger.Address{net.Member("wh").OperatorAddress()} })
			wh.Record(ledger.KindReceive) // the charter entry does not stand yet
			wh.Charter()
			return wh.Try(net.Record("wh", ledger.KindReceive, wh.Now()))
		}, ledger.CodeRevoked},
		{"an admin revoked by the charter", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			net.Adopt(func(c *ledger.Charter) { c.Member("wh").Revoked = []ledger.Address{net.Member("wh").AdminAddress()} })
			wh.Charter()
			return wh.Try(net.Revoke("wh", strangerAddress))
		}, ledger.CodeRevoked},

		{"record: a grant by the operator", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			return wh.Try(net.GrantTo("wh", strangerAddress, receive, ledgertest.SignedBy(net.Member("wh").Operator)))
		}, ledger.CodeNotAdmin},
		{"record: a revocation by the operator", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			return wh.Try(net.Revoke("wh", strangerAddress, ledgertest.SignedBy(net.Member("wh").Operator)))
		}, ledger.CodeNotAdmin},
		{"record: a grant by the admin of another member", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			return wh.Try(net.GrantTo("wh", strangerAddress, receive, ledgertest.SignedBy(net.Member("dist").Admin)))
		}, ledger.CodeNotAdmin},
		{"record: a grant for another chain", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			return wh.Try(net.GrantTo("wh", strangerAddress, receive, ledgertest.Edit(func(r *ledger.Record) { r.Chain = 9 })))
		}, ledger.CodeChain},
	})
}

func TestGrantForm(t *testing.T) {
	to := address(7)
	fields := func(v any, more ...ledgertest.RecordOption) attempt {
		return record(ledger.KindGrant, append([]ledgertest.RecordOption{ledgertest.Fields(v)}, more...)...)
	}
	kinds := func(list ...ledger.Kind) ledger.GrantFields { return ledger.GrantFields{Address: to, Kinds: list} }
	var many []ledger.Kind
	for i := range ledger.Kind(ledger.MaxGrantKinds + 1) {
		many = append(many, 100+i)
	}
	places := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("p%d", i))
		}
		return list
	}
	good := kinds(ledger.KindShip)
	limit := func(a ledger.Audience, path uint64, v any) attempt {
		return fields(good, ledgertest.Disclose(a, path, v))
	}
	run(t, []refusal{
		{"record: a good grant", fields(good), ""},
		{"record: no fields", record(ledger.KindGrant), ledger.CodeForm},
		{"record: no kinds", fields(kinds()), ledger.CodeForm},
		{"record: kinds not ascending", fields(kinds(ledger.KindShip, ledger.KindPack)), ledger.CodeForm},
		{"record: a kind twice", fields(kinds(ledger.KindShip, ledger.KindShip)), ledger.CodeForm},
		{"record: kind 0", fields(kinds(0, 16)), ledger.CodeForm},
		{"record: granting grant", fields(kinds(ledger.KindGrant)), ledger.CodeForm},
		{"record: granting revoke", fields(kinds(ledger.KindRevoke)), ledger.CodeForm},
		{"record: granting erase", fields(kinds(ledger.KindErase)), ""},
		{"record: as many kinds as allowed", fields(kinds(many[1:]...)), ""},
		{"record: too many kinds", fields(kinds(many...)), ledger.CodeForm},
		{"record: an unknown field", fields(map[uint64]any{1: to[:], 2: []int{16}, 3: 1}), ledger.CodeForm},
		{"record: no address", fields(map[uint64]any{2: []int{16}}), ledger.CodeNotCanonical},
		{"record: an address of 19 bytes", fields(map[uint64]any{1: to[:19], 2: []int{16}}), ledger.CodeNotCanonical},
		{"record: a party", limit(ledger.Members, ledger.GrantParty, "store-1"), ""},
		{"record: a party for the public", limit(ledger.Public, ledger.GrantParty, "store-1"), ledger.CodeForm},
		{"record: a party for the author only", limit(ledger.Own, ledger.GrantParty, "store-1"), ledger.CodeForm},
		{"record: places for the author only", limit(ledger.Own, ledger.GrantPlaces, []string{"a"}), ledger.CodeForm},
		{"record: a party that is no slug", limit(ledger.Members, ledger.GrantParty, "Store"), ledger.CodeForm},
		{"record: an empty party", limit(ledger.Members, ledger.GrantParty, ""), ledger.CodeForm},
		{"record: a party that is a number", limit(ledger.Members, ledger.GrantParty, 1), ledger.CodeForm},
		{"record: no places", limit(ledger.Members, ledger.GrantPlaces, []string{}), ledger.CodeForm},
		{"record: as many places as allowed", limit(ledger.Members, ledger.GrantPlaces, places(ledger.MaxGrantPlaces)), ""},
		{"record: too many places", limit(ledger.Members, ledger.GrantPlaces, places(ledger.MaxGrantPlaces+1)), ledger.CodeForm},
		{"record: a place that is no slug", limit(ledger.Members, ledger.GrantPlaces, []string{"a b"}), ledger.CodeForm},
		{"record: two parties", fields(good, ledgertest.Disclose(ledger.Members, ledger.GrantParty, "a"), ledgertest.Disclose(ledger.Members, ledger.GrantParty, "b")), ledger.CodeForm},
		{"record: places twice", fields(good, ledgertest.Disclose(ledger.Members, ledger.GrantPlaces, []string{"a"}), ledgertest.Disclose(ledger.Members, ledger.GrantPlaces, []string{"b"})), ledger.CodeForm},
		{"record: a shared field that does not exist", limit(ledger.Members, 6, "x"), ledger.CodeForm},
		{"record: a revocation without an address", record(ledger.KindRevoke), ledger.CodeForm},
		{"record: a revocation with an unknown field", record(ledger.KindRevoke, ledgertest.Fields(map[uint64]any{1: to[:], 2: 1})), ledger.CodeForm},
	})
}

func TestChainRefusesOrder(t *testing.T) {
	run(t, []refusal{
		{"another previous entry", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			r, sc := net.Record("wh", ledger.KindReceive, wh.Now())
			return wh.TryOpened(must(ledger.RecordEntry(fill(1), wh.Now(), r)), sc)
		}, ledger.CodePrevious},
		{"the same entry again", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			return wh.TryEntry(wh.Entries[1], wh.Sidecars[1])
		}, ledger.CodePrevious},
		{"the entry before the last again", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			return wh.TryEntry(wh.Entries[0], nil)
		}, ledger.CodePrevious},
		{"the same time", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			r, sc := net.Record("wh", ledger.KindReceive, wh.Now())
			return wh.TryOpened(must(ledger.RecordEntry(wh.Chain.Prev(), wh.Chain.Time(), r)), sc)
		}, ""},
		{"a time before", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			r, sc := net.Record("wh", ledger.KindReceive, wh.Now())
			return wh.TryOpened(must(ledger.RecordEntry(wh.Chain.Prev(), wh.Chain.Time()-1, r)), sc)
		}, ledger.CodeTime},
		{"another chain's entry", func(net *ledgertest.Net, wh, other *ledgertest.Builder) error {
			return net.Empty("wh").TryEntry(other.Entries[1], other.Sidecars[1])
		}, ledger.CodePrevious},
	})
}

func TestChainRefusesFrontiers(t *testing.T) {
	at := func(chain uint32, size uint64) ledger.Seen {
		return ledger.Seen{Chain: chain, Size: size, Root: fill(9)}
	}
	then := func(first, second ledger.Seen) attempt {
		return func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			wh.Frontier(ledger.Frontier{first})
			wh.Record(ledger.KindReceive)
			return tryFrontier(wh, second)
		}
	}
	run(t, []refusal{
		{"another chain", frontier(at(3, 1)), ""},
		{"several chains", frontier(at(1, 7), at(3, 1), at(4, 9)), ""},
		{"its own chain", frontier(at(2, 1)), ledger.CodeFrontier},
		{"a chain that nobody writes", frontier(at(5, 1)), ledger.CodeFrontier},
		{"a larger size", then(at(3, 4), at(3, 5)), ""},
		{"the same size", then(at(3, 4), at(3, 4)), ledger.CodeFrontier},
		{"a smaller size", then(at(3, 4), at(3, 3)), ledger.CodeFrontier},
		{"another chain later", then(at(3, 4), at(1, 1)), ""},
		{"two in a row", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			wh.Frontier(ledger.Frontier{at(3, 1)})
			return tryFrontier(wh, at(4, 1))
		}, ledger.CodeFrontier},
		{"before a charter", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			net.Adopt(nil)
			wh.Frontier(ledger.Frontier{at(3, 1)})
			wh.Charter()
			return tryFrontier(wh, at(3, 2))
		}, ""},
		{"as the first entry", func(net *ledgertest.Net, _, _ *ledgertest.Builder) error {
			return tryFrontier(net.Empty("wh"), at(3, 1))
		}, ledger.CodeCharter},
	})
}

func TestChainRefusesCharters(t *testing.T) {
	run(t, []refusal{
		{"the version in force again", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			return tryCharter(wh, 1, net.Network.ID)
		}, ledger.CodeCharter},
		{"a version that is not held", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			return tryCharter(wh, 2, fill(1))
		}, ledger.CodeNoCharter},
		{"another charter of the version", func(net *ledgertest.Net, _, _ *ledgertest.Builder) error {
			return tryCharter(net.Empty("wh"), 1, fill(1))
		}, ledger.CodeCharter},
		{"the next version", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			net.Adopt(nil)
			wh.Charter()
			return nil
		}, ""},
		{"a version back", func(net *ledgertest.Net, wh, _ *ledgertest.Builder) error {
			net.Adopt(nil)
			wh.Charter()
			return tryCharter(wh, 1, net.Network.ID)
		}, ledger.CodeCharter},
		{"beginning with a later version", func(net *ledgertest.Net, _, _ *ledgertest.Builder) error {
			net.Adopt(nil)
			b := net.Empty("wh")
			b.Charter()
			b.Append(net.Grant("wh"))
			return b.Try(net.Record("wh", ledger.KindReceive, b.Now()))
		}, ""},
		{"a version without the node", func(net *ledgertest.Net, _, other *ledgertest.Builder) error {
			early := net.Network
			end(net, other)
			b := net.Empty("dist")
			b.Chain.SetNetwork(early)
			v := net.Network.Newest()
			b.Chain.SetNetwork(net.Network)
			return tryCharter(b, 2, v.Hash)
		}, ledger.CodeUnknownChain},
	})
}

// end ends a builder's chain at its present size and takes its member out of
// the cosigners.
func end(net *ledgertest.Net, b *ledgertest.Builder) {
	root := must(b.Chain.Root())
	net.Adopt(func(c *ledger.Charter) {
		c.Nodes = slices.DeleteFunc(c.Nodes, func(n ledger.Node) bool { return n.Number == b.Number })
		c.Cosigners = slices.DeleteFunc(c.Cosigners, func(w ledger.Cosigner) bool { return w.Node == b.Number })
		c.Ended = append(c.Ended, ledger.Ended{Chain: b.Number, Size: b.Size(), Root: root})
	})
}

func TestEndedChainTakesNothingMore(t *testing.T) {
	net := ledgertest.New()
	b := net.NewChain("dist")
	longer := b.Clone()
	end(net, b)
	b.Chain.SetNetwork(net.Network)
	wantCode(t, "a record beyond the end", b.Try(net.Record("dist", ledger.KindSell, b.Now())), ledger.CodeChain)
	wantCode(t, "a frontier beyond the end", tryFrontier(b, ledger.Seen{Chain: 1, Size: 1}), ledger.CodeChain)

	// What stands before the end is still good, also for who begins now.
	again := net.Empty("dist")
	for i, raw := range longer.Entries {
		wantCode(t, fmt.Sprintf("entry %d before the end", i), again.TryEntry(raw, longer.Sidecars[i]), "")
	}
	// A frontier may still name it.
	wh := net.NewChain("wh")
	wh.See(b)
}

func TestNewChainRefusesUnknownNumbers(t *testing.T) {
	net := ledgertest.New().Network
	for _, n := range []uint32{0, 5, 1 << 31} {
		_, err := ledger.NewChain(net, n)
		wantCode(t, fmt.Sprintf("chain %d", n), err, ledger.CodeUnknownChain)
	}
}

// randomEntry adds some entry that the rules allow.
func randomEntry(rnd *rand.Rand, net *ledgertest.Net, b *ledgertest.Builder, others []*ledgertest.Builder) {
	operator := net.Member(b.Member.Slug).OperatorAddress()
	switch n := rnd.IntN(10); {
	case n < 5:
		b.Record(ledger.KindReceive, ledgertest.Disclose(ledger.Members, rnd.Uint64N(30), rnd.Int64()), ledgertest.Subjects(rnd.Uint32(), -1))
	case n < 7:
		b.Append(net.GrantTo(b.Member.Slug, address(byte(rnd.Uint32())), []ledger.Kind{ledger.KindShip}, ledgertest.Disclose(ledger.Members, ledger.GrantParty, "p")))
	case n < 8:
		b.Append(net.Revoke(b.Member.Slug, address(byte(rnd.Uint32()))))
	case n < 9 && b.Chain.Charter().Charter.Version < net.Charter().Version:
		b.Charter()
	default:
		o := others[rnd.IntN(len(others))]
		if seen, _ := b.Chain.FrontierOf(o.Number); o.Size() > seen.Size {
			b.See(o)
		}
		b.Record(ledger.KindShip)
	}
	if grants := b.Chain.Rights().Of(operator); len(grants) == 0 {
		b.Append(net.Grant(b.Member.Slug))
	}
}

// Whatever the entries, a chain restored from its state goes on to the same
// root, a clone stays what it was, and the state has one encoding.
func TestChainGoesOnFromItsState(t *testing.T) {
	for seed := range 8 {
		name := fmt.Sprintf("%s %d", t.Name(), seed)
		rnd := ledgertest.Rand(name)
		net := ledgertest.New(ledgertest.WithSeed(name))
		builders := []*ledgertest.Builder{net.NewChain("lanzhi"), net.NewChain("wh"), net.NewChain("dist")}
		b, others := builders[0], builders[1:]
		for step := range 60 {
			if rnd.IntN(20) == 0 {
				net.Adopt(nil)
			}
			randomEntry(rnd, net, others[rnd.IntN(2)], []*ledgertest.Builder{b})

			restored := restore(t, net, b.Chain)
			clone := b.Chain.Clone()
			frozen := encodeState(clone)
			size := b.Size()
			randomEntry(rnd, net, b, others)
			for seq := size; seq < b.Size(); seq++ {
				o, sc := b.Opened(seq)
				restored.SetNetwork(net.Network)
				if err := restored.Check(o, sc, nil); err != nil {
					t.Fatalf("%s, step %d: the restored chain refuses entry %d: %v", name, step, seq, err)
				}
				if err := restored.Apply(o, sc, nil); err != nil {
					t.Fatal(err)
				}
			}
			if got, want := encodeState(restored), encodeState(b.Chain); got != want {
				t.Fatalf("%s, step %d: the restored chain went on to\n%s\nwant\n%s", name, step, got, want)
			}
			if got := encodeState(clone); got != frozen {
				t.Fatalf("%s, step %d: the clone changed with its original", name, step)
			}
		}
	}
}

// restore stores and restores a chain through its bytes.
func restore(t *testing.T, net *ledgertest.Net, c *ledger.Chain) *ledger.Chain {
	t.Helper()
	var state ledger.ChainState
	if err := ledger.Unmarshal(must(ledger.Marshal(c.State())), &state); err != nil {
		t.Fatal(err)
	}
	var grants []ledger.Grant
	if err := ledger.Unmarshal(must(ledger.Marshal(c.Rights().All())), &grants); err != nil {
		t.Fatal(err)
	}
	restored, err := ledger.RestoreChain(net.Network, c.Number, state, ledger.RightsOf(grants))
	if err != nil {
		t.Fatal(err)
	}
	return restored
}

func encodeState(c *ledger.Chain) string {
	return fmt.Sprintf("%x %x %s", must(ledger.Marshal(c.State())), must(ledger.Marshal(c.Rights().All())), must(c.Root()))
}

func TestCloneIsIndependent(t *testing.T) {
	net := ledgertest.New()
	wh, dist, audit := net.NewChain("wh"), net.NewChain("dist"), net.NewChain("audit")
	before := encodeState(wh.Chain)
	a, b := wh.Clone(), wh.Clone()
	a.See(dist)
	a.Record(ledger.KindReceive)
	a.Append(net.Revoke("wh", net.Member("wh").OperatorAddress()))
	b.See(audit)
	if got := encodeState(wh.Chain); got != before {
		t.Error("the chain changed with its clone")
	}
	if got := b.Chain.Frontier(); len(got) != 1 || got[0].Chain != audit.Number {
		t.Errorf("one clone sees the frontier of the other: %v", got)
	}
	wh.See(dist, audit)
	if got := b.Chain.Frontier(); len(got) != 1 {
		t.Errorf("a clone sees the frontier of its original: %v", got)
	}
	wh.Record(ledger.KindReceive)
}

func TestRestoreChainRefusesWhatDoesNotFit(t *testing.T) {
	net := ledgertest.New()
	net.Adopt(join(net))
	b := net.NewChain("wh")
	good := b.Chain.State()
	tests := []struct {
		name   string
		number uint32
		edit   func(*ledger.ChainState)
		want   ledger.Code
	}{
		{"as it is", 2, func(*ledger.ChainState) {}, ""},
		{"an unknown chain", 9, func(*ledger.ChainState) {}, ledger.CodeUnknownChain},
		{"a hash missing", 2, func(s *ledger.ChainState) { s.Size = 3 }, ledger.CodeTree},
		{"a hash too many", 2, func(s *ledger.ChainState) { s.Tree = append(s.Tree, fill(1)) }, ledger.CodeTree},
		{"an unknown charter", 2, func(s *ledger.ChainState) { s.Version = 3 }, ledger.CodeNoCharter},
		{"a charter without its node", 5, func(s *ledger.ChainState) { s.Version = 1 }, ledger.CodeUnknownChain},
		{"no charter", 2, func(s *ledger.ChainState) { s.Version = 0 }, ledger.CodeNoCharter},
	}
	for _, tt := range tests {
		s := good
		s.Tree = slices.Clone(good.Tree)
		tt.edit(&s)
		_, err := ledger.RestoreChain(net.Network, tt.number, s, b.Chain.Rights())
		wantCode(t, tt.name, err, tt.want)
	}
}

func TestRightsInOrderOfTheirEntries(t *testing.T) {
	net := ledgertest.New()
	b := net.NewChain("wh")
	for i := range byte(5) {
		b.Append(net.GrantTo("wh", address(9-i), []ledger.Kind{ledger.KindShip}))
	}
	all := b.Chain.Rights().All()
	for i, g := range all {
		if g.Seq != uint64(i+1) {
			t.Errorf("grant %d stands at %d", i, g.Seq)
		}
	}
	if again := ledger.RightsOf(all).All(); !reflect.DeepEqual(again, all) {
		t.Errorf("rights rebuilt: %v, want %v", again, all)
	}
}

// What was signed under a grant stays provable after it was revoked.
func TestRightsKeepWhatWasRevoked(t *testing.T) {
	net := ledgertest.New()
	a := address(7)
	b := net.NewChain("wh")
	b.Append(net.GrantTo("wh", a, []ledger.Kind{ledger.KindShip})) // 2
	b.Append(net.Revoke("wh", a))                                  // 3
	b.Append(net.Revoke("wh", a))                                  // 4, of nothing
	b.Append(net.GrantTo("wh", a, []ledger.Kind{ledger.KindPack})) // 5
	rights := b.Chain.Rights()
	if of := rights.Of(a); len(of) != 1 || of[0].Seq != 5 {
		t.Errorf("in force: %v, want the grant at 5", of)
	}
	for seq, want := range map[uint64][]uint64{1: nil, 2: nil, 3: {2}, 4: nil, 5: nil, 6: {5}} {
		var got []uint64
		for _, g := range rights.At(a, seq) {
			got = append(got, g.Seq)
		}
		if !slices.Equal(got, want) {
			t.Errorf("in force at %d: grants at %v, want %v", seq, got, want)
		}
	}
	if all := rights.All(); len(all) != 3 || all[1].Until != 3 || all[2].Until != 0 {
		t.Errorf("all grants: %v", all)
	}
}

func TestCharterEntries(t *testing.T) {
	net := ledgertest.New()
	b := net.NewChain("wh")
	net.Adopt(nil)
	b.Charter() // 2
	b.Record(ledger.KindReceive)
	for seq, want := range map[uint64]int{0: -1, 1: 0, 2: 0, 3: 2, 4: 2, 1 << 40: 2} {
		at, ok := b.Chain.CharterEntry(seq)
		if ok != (want >= 0) || ok && at != uint64(want) {
			t.Errorf("charter entry before %d: %d, %v, want %d", seq, at, ok, want)
		}
	}
}
