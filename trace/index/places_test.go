package index_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
)

func openIndex(t *testing.T) *index.Index {
	t.Helper()
	x, err := index.Open(index.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// at is an event of a kind; parties and places are as in a record of who acts.
func at(chain uint32, seq uint64, kind ledger.Kind, actor [2]string, fields trace.Values) *trace.Event {
	return &trace.Event{Position: trace.Position{Chain: chain, Seq: seq}, Hash: ledger.Keccak([]byte(fmt.Sprint(chain, seq))),
		Kind: kind, Member: actor[0], Party: actor[1], Fields: fields}
}

func pos(chain uint32, seq uint64) trace.Position { return trace.Position{Chain: chain, Seq: seq} }

func TestLastOfPlace(t *testing.T) {
	x := openIndex(t)
	place := func(chain uint32, seq uint64, member, id string) *trace.Event {
		return at(chain, seq, ledger.KindPlace, [2]string{member}, trace.Values{"id": id})
	}
	for chain, events := range map[uint32][]*trace.Event{
		0: {place(0, 0, "brand", "b"), place(0, 1, "brand", "bb")},
		1: {place(1, 0, "brand", "b"), place(1, 1, "brand", "a"), nil, place(1, 3, "brand", "b")},
		2: {nil, place(2, 1, "wh", "a")},
		3: {place(3, 0, "brand", "b")},
	} {
		if err := x.Apply(chain, 0, events); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		member, id string
		cut        map[uint32]uint64
		want       []trace.Position
	}{
		{"brand", "b", nil, []trace.Position{pos(0, 0), pos(1, 3), pos(3, 0)}},
		{"brand", "b", map[uint32]uint64{1: 3, 2: 2}, []trace.Position{pos(1, 0)}},
		{"brand", "b", map[uint32]uint64{0: 2, 3: 1}, []trace.Position{pos(0, 0), pos(3, 0)}},
		{"brand", "b", map[uint32]uint64{2: 1}, nil},
		{"brand", "a", nil, []trace.Position{pos(1, 1)}},
		{"wh", "a", map[uint32]uint64{2: 1}, nil},
		{"w", "a", nil, nil},
	} {
		if got, err := x.LastOfPlace(c.member, c.id, c.cut); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s/%s, %v: %v, %v, want %v", c.member, c.id, c.cut, got, err, c.want)
		}
	}
	if _, err := x.LastOfPlace("brand", "b", map[uint32]uint64{1: 9}); !errors.Is(err, index.ErrBehind) {
		t.Errorf("beyond what is applied: %v", err)
	}
}

// Places with a number are found by who has recorded them, each once.
func TestNumbered(t *testing.T) {
	x := openIndex(t)
	gln := func(n uint64) gs1.GLN {
		g, err := gs1.GLNFromUint64(n)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	g, other := gln(6901234000009), gln(6901234000016)
	place := func(chain uint32, seq uint64, actor [2]string, id string, g gs1.GLN) *trace.Event {
		return at(chain, seq, ledger.KindPlace, actor, trace.Values{"id": id, "gln": g})
	}
	brand, shop, wh := [2]string{"brand"}, [2]string{"brand", "shop"}, [2]string{"wh"}
	if err := errors.Join(
		x.Apply(1, 0, []*trace.Event{place(1, 0, shop, "s1", g), place(1, 1, brand, "b", g), place(1, 2, brand, "b", g), place(1, 3, shop, "s2", other), place(1, 4, brand, "c", g)}),
		x.Apply(2, 0, []*trace.Event{place(2, 0, wh, "b", g)}),
		x.Apply(3, 0, []*trace.Event{place(3, 0, brand, "b", g), place(3, 1, shop, "s3", g)}),
	); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		member string
		g      gs1.GLN
		cut    map[uint32]uint64
		after  index.Named
		want   []index.Named
	}{
		{"all", "brand", g, nil, index.Named{}, []index.Named{{"", "b"}, {"", "c"}, {"shop", "s1"}, {"shop", "s3"}}},
		{"from the shop on", "brand", g, nil, index.Named{Slug: "shop"}, []index.Named{{"shop", "s1"}, {"shop", "s3"}}},
		{"within a cut", "brand", g, map[uint32]uint64{1: 1, 3: 1}, index.Named{}, []index.Named{{"", "b"}, {"shop", "s1"}}},
		{"another number", "brand", other, nil, index.Named{}, []index.Named{{"shop", "s2"}}},
		{"another member", "wh", g, nil, index.Named{}, []index.Named{{"", "b"}}},
		{"nobody", "w", g, nil, index.Named{}, nil},
	} {
		var got []index.Named
		for next := c.after; ; {
			n, ok, err := x.Numbered(c.g, c.member, c.cut, next)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			got, next = append(got, n), n
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A file is found for the parties that an event concerns, and for them alone.
func TestFile(t *testing.T) {
	x := openIndex(t)
	file := ledger.Hash{7}
	naming := func(chain uint32, seq uint64, kind ledger.Kind, actor [2]string, fields trace.Values) *trace.Event {
		fields["documents"] = []ledger.Hash{file, file}
		return at(chain, seq, kind, actor, fields)
	}
	brand, shop := [2]string{"brand"}, [2]string{"brand", "shop"}
	if err := errors.Join(
		x.Apply(1, 0, []*trace.Event{
			naming(1, 0, ledger.KindShip, brand, trace.Values{"to": "brand/shop", "via": "wh/truck"}),
			naming(1, 1, ledger.KindInspect, shop, trace.Values{}), naming(1, 2, ledger.KindInspect, brand, trace.Values{}),
			naming(1, 3, ledger.KindAppoint, brand, trace.Values{"party": "brand/shop"}),
		}),
		x.Apply(2, 0, []*trace.Event{naming(2, 0, ledger.KindShip, shop, trace.Values{"to": "brand/shop"})}),
	); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		party string
		cut   map[uint32]uint64
		want  []trace.Position
	}{
		{"brand/shop", nil, []trace.Position{pos(1, 0), pos(1, 1), pos(2, 0)}},
		{"brand/shop", map[uint32]uint64{1: 1, 2: 1}, []trace.Position{pos(1, 0), pos(2, 0)}},
		{"brand/shop", map[uint32]uint64{2: 1}, []trace.Position{pos(2, 0)}},
		{"wh/truck", nil, []trace.Position{pos(1, 0)}},
		{"wh/shop", nil, nil},
		{"brand", nil, nil},
		{"", nil, []trace.Position{pos(1, 3)}},
	} {
		var got []trace.Position
		for from := (trace.Position{}); ; from.Seq++ {
			p, ok, err := x.File(file, c.party, c.cut, from)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			got, from = append(got, p), p
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q, %v: %v, want %v", c.party, c.cut, got, c.want)
		}
	}
}

// However many places others record with a number, and however often others name a
// file, what comes after is found.
func TestFoundBesideAFlood(t *testing.T) {
	x := openIndex(t)
	g, err := gs1.GLNFromUint64(6901234000009)
	if err != nil {
		t.Fatal(err)
	}
	file := ledger.Hash{7}
	place := func(slug, id string, seq uint64) *trace.Event {
		return at(1, seq, ledger.KindPlace, [2]string{"brand", slug}, trace.Values{"id": id, "gln": g})
	}
	inspect := func(slug string, seq uint64) *trace.Event {
		return at(2, seq, ledger.KindInspect, [2]string{"brand", slug}, trace.Values{"documents": []ledger.Hash{file}})
	}
	var places, inspections []*trace.Event
	for i := range uint64(index.MaxScanned + 1) {
		places = append(places, place("flood", fmt.Sprintf("p%05d", i), i))
		inspections = append(inspections, inspect("flood", i))
	}
	last := uint64(len(places))
	for _, id := range []string{"p00000", "zz"} { // again, and by another
		places = append(places, place("flood", id, uint64(len(places))))
	}
	places = append(places, place("dealer", "zzz", last+2))
	inspections = append(inspections, inspect("dealer", last))
	if err := errors.Join(x.Apply(1, 0, places), x.Apply(2, 0, inspections)); err != nil {
		t.Fatal(err)
	}
	if n, ok, err := x.Numbered(g, "brand", nil, index.Named{Slug: "dealer"}); !ok || err != nil || n != (index.Named{Slug: "dealer", Place: "zzz"}) {
		t.Errorf("the dealer's place: %v, %t, %v", n, ok, err)
	}
	if n, ok, err := x.Numbered(g, "brand", nil, index.Named{Slug: "flood", Place: fmt.Sprintf("p%05d", index.MaxScanned)}); !ok || err != nil || n.Slug != "dealer" {
		t.Errorf("after the flood: %v, %t, %v", n, ok, err)
	}
	if list, err := x.LastOfPlace("brand", "p00000", nil); err != nil || !slices.Equal(list, []trace.Position{pos(1, last)}) {
		t.Errorf("the last of a place: %v, %v", list, err)
	}
	if p, ok, err := x.File(file, "brand/dealer", nil, trace.Position{}); !ok || err != nil || p != pos(2, last) {
		t.Errorf("the dealer's file: %v, %t, %v", p, ok, err)
	}
}
