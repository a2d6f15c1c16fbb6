package trace

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// A dealer that was appointed by itself has its own territory, not its host's;
// one that was not has that of its host, or of the dealer above it.
func TestDealersTerritories(t *testing.T) {
	appointed := func(w *world, party, parent string, territory ...string) {
		opts := []option{field("party", party), field("gtins", []gs1.GTIN{wine}), field("from", "2026-03-01")}
		if parent != "" {
			opts = append(opts, field("parent", parent))
		}
		if len(territory) > 0 {
			opts = append(opts, field("territory", territory))
		}
		w.do("lanzhi", ledger.KindAppoint, opts...)
	}
	for _, c := range []struct {
		name, seller, region string
		diverted             bool
	}{
		{"the host in its province", "dist", "330200", false},
		{"the host elsewhere", "dist", "440300", true},
		{"a dealer in its city", "dist/b", "330106", false},
		{"a dealer in the rest of the host's province", "dist/b", "330200", true},
		{"a third level within the second's", "dist/c", "330106", false},
		{"a third level in the rest of the province", "dist/c", "330200", true},
		{"a party that nobody appointed", "dist/d", "330200", false},
		{"where it was sold is not known", "dist/b", "", false},
	} {
		w := newWorld(t)
		w.product()
		appointed(w, "dist", "", "330000")
		appointed(w, "dist/b", "dist", "330100")
		appointed(w, "dist/c", "dist/b")
		w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
		s := w.do("lanzhi", ship, about(codes(0, 9)), field("purpose", "sale"), to(c.seller))
		w.do(c.seller, receive, about(codes(0, 9)), refs(s))
		opts := []option{about(codes(5, 5)), field("channel", "store")}
		if c.region != "" {
			opts = append(opts, field("region", c.region))
		}
		w.do(c.seller, sell, opts...)
		_, list := NowOf(w.fold(bottle(5)), time.UnixMilli(w.now))
		got := false
		for _, f := range list {
			got = got || f.Code == Diverted
		}
		if got != c.diverted {
			t.Errorf("%s: diverted %v", c.name, got)
		}
	}
}

// Items of a shipment that turn up outside the dealer's territory are told from a
// number of them on, to the parties, with the records that say so.
func TestScansOutsideATerritory(t *testing.T) {
	w := newWorld(t)
	w.product()
	appoint := func(party string, opts ...option) *Event {
		return w.do("lanzhi", ledger.KindAppoint, append(appointed(party), opts...)...)
	}
	province := appoint("dist", field("territory", []string{"330000"}))
	city := appoint("dist/b", field("parent", "dist"), field("territory", []string{"330100"}))
	appoint("dist/c", field("parent", "dist/b"))
	for _, c := range []struct {
		name string
		to   string
		in   map[string]int // how many items were seen in which region
		want string
		by   *Event
	}{
		{"at home", "dist/b", map[string]int{"330100": 50}, "", nil},
		{"in the province, which may be the city", "dist/b", map[string]int{"330000": 50}, "", nil},
		{"too few to say", "dist/b", map[string]int{"330100": 20, "440100": 2, "US": 2}, "", nil},
		{"nobody knows where", "dist/b", map[string]int{"": 50}, "", nil},
		{"in the next city", "dist/b", map[string]int{"330100": 20, "330200": 5}, "5 of 25 浙江宁波", city},
		{"in several places", "dist/b", map[string]int{"440100": 2, "US": 3, "": 9}, "5 of 5 美国", city},
		{"of a dealer with the territory of the one above", "dist/c", map[string]int{"330200": 6}, "6 of 6 浙江宁波", city},
		{"of the host within its province", "dist", map[string]int{"330200": 6}, "", nil},
		{"of a party that nobody appointed", "dist/d", map[string]int{"440300": 7}, "7 of 7 广东深圳", province},
		{"of one without a territory", "wh", map[string]int{"440100": 50}, "", nil},
	} {
		var seen []Sighting
		for region, n := range c.in {
			seen = append(seen, slices.Repeat([]Sighting{{wine, region}}, n)...)
		}
		s := w.do("lanzhi", ship, about(codes(0, 99)), to(c.to))
		list := ScansOutside(w.charter, s, seen, w.events)
		got := ""
		for _, f := range list {
			got += fmt.Sprintf("%d of %d %s", f.n, f.m, f.where.Zh)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if c.want == "" || len(list) != 1 {
			continue
		}
		if f := list[0]; !slices.Equal(f.Records, []ledger.Hash{s.ID, c.by.ID}) || !slices.Equal(f.Parties, []string{"audit", "dist", "lanzhi"}) || f.Audience != ledger.Parties {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
	w.do("dist", ledger.KindParty, field("slug", "b"), field("kind", "dealer"), field("name", Names{"西湖店", "West Lake"}))
	s := w.do("lanzhi", ship, about(codes(0, 99)), to("dist/b"))
	words := w.fold(bottle(5)).Words(ScansOutside(w.charter, s, slices.Repeat([]Sighting{{wine, "440100"}}, 5), w.events), Viewer{Member: "lanzhi"})
	if len(words) != 1 || words[0].Zh != "兰芷发给西湖店的一批货中，有5件已被查询，其中5件首次查询不在西湖店的授权区域内，最多的在广东广州。" {
		t.Errorf("words %+v", words)
	}
}
