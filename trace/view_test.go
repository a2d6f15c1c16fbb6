package trace

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
)

// sold is the trail of a bottle that goes by pallet from the brand to a
// warehouse, then to a dealer's store, which sells it.
func sold(t testing.TB) *Trail {
	w := newWorld(t)
	w.product()
	place := func(member, id, region, name string) {
		w.do(member, ledger.KindPlace, field("id", id), field("kind", "warehouse"), field("country", "CN"), field("region", region), field("name", Names{Zh: name}))
	}
	place("lanzhi", "yc", "640100", "银川酒厂")
	place("wh", "hz1", "330100", "杭州一号库")
	w.do("dist", ledger.KindParty, field("slug", "store1"), field("name", Names{Zh: "广州一店"}), field("public_name", Names{Zh: "一号店", En: "Store One"}))
	w.do("dist", ledger.KindParty, field("slug", "agent"), field("name", Names{Zh: "老李代理"}))
	in := func(id string) option { return func(e *Event) { e.Place = id } }
	w.do("lanzhi", activate, about(codes(0, 99)), in("yc"), field("lot", "L1"), field("produced", "2026-02-27"), field("line", "line-2"))
	w.do("lanzhi", pack, about(Contents(Unit(pallet), codes(0, 49))), in("yc"))
	s := w.do("lanzhi", ship, about(Of(Unit(pallet))), in("yc"), field("purpose", "transfer"), to("wh"), field("waybill", "SF1"))
	w.do("wh", receive, about(Of(Unit(pallet))), in("hz1"), refs(s), recorded(w.now+80*3_600_000))
	w.do("wh", unpack, about(Of(Unit(pallet))), in("hz1"))
	s = w.do("wh", ship, about(codes(0, 9)), in("hz1"), field("purpose", "sale"), to("dist/agent"))
	w.do("dist/agent", receive, about(codes(0, 9)), refs(s))
	s = w.do("dist/agent", ship, about(codes(0, 9)), field("purpose", "sale"), to("dist/store1"))
	w.do("dist/store1", receive, about(codes(0, 9)), refs(s))
	w.do("dist/store1", sell, about(codes(5, 5)), field("channel", "store"), field("price", "88"))
	return w.fold(bottle(5))
}

// The answer has the names of DESIGN.md section 9 and stays as it is, for each
// who may read it.
func TestTrailJSON(t *testing.T) {
	tr := sold(t)
	for name, v := range map[string]Viewer{"public": {}, "code": {Code: true}, "member": {Member: "wh"}} {
		raw, err := json.MarshalIndent(tr.For(v), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "trail-"+name+".json", append(raw, '\n'))
	}
	var answer map[string]json.RawMessage
	if err := json.Unmarshal([]byte(mustJSON(t, Answer{Trail: tr.For(Viewer{})})), &answer); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(answer)); !slices.Equal(got, []string{"assurance", "now", "pending", "trail", "uri", "verdict"}) {
		t.Errorf("an answer has %v", got)
	}
}

func TestNamesByViewer(t *testing.T) {
	tr := sold(t)
	public, member := tr.For(Viewer{Code: true}), tr.For(Viewer{Member: "wh"})
	find := func(v *TrailView, kind string, n int) EventView {
		for _, e := range v.Events {
			if e.Kind == kind {
				if n--; n < 0 {
					return e
				}
			}
		}
		t.Fatalf("no %s", kind)
		return EventView{}
	}
	for _, c := range []struct {
		name      string
		got, want PartyView
	}{
		{"a store with a public name", find(public, "sell", 0).Party, PartyView{"dist", "store1", "一号店", "Store One"}},
		{"the agent, to the public", find(public, "receive", 1).Party, PartyView{"dist", "", "华南经销", "South Dist"}},
		{"the agent, to members", find(member, "receive", 1).Party, PartyView{"dist", "agent", "老李代理", "老李代理"}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, c.got, c.want)
		}
	}
	if p := find(public, "receive", 0).Place; p.Zh != "浙江杭州" || p.En != "Hangzhou, Zhejiang" || p.ID != "wh/hz1" {
		t.Errorf("place, to the public: %+v", p)
	}
	if p := find(member, "receive", 0).Place; p.Zh != "杭州一号库" {
		t.Errorf("place, to members: %+v", p)
	}
	agent, other := tr.For(Viewer{Party: "dist/agent", Code: true}), tr.For(Viewer{Party: "dist/nobody", Code: true})
	if got := find(agent, "receive", 1).Party; got.Zh != "老李代理" || find(other, "receive", 1).Party.Party != "" {
		t.Errorf("the agent, to itself and to another party of its host: %+v, %+v", got, find(other, "receive", 1).Party)
	}
	if p := find(agent, "ship", 1); p.Fields.Text("to") != "dist/agent" || find(other, "ship", 1).Fields.Text("to") != "" {
		t.Errorf("what was sent to the agent: %v", p.Fields)
	}
	if p := find(agent, "activate", 0); p.Fields.Text("line") != "" || find(member, "activate", 0).Fields.Text("line") == "" {
		t.Error("a party sees what is for members of others' events")
	}
	if p := find(agent, "receive", 0).Place; p.Zh != "浙江杭州" || find(agent, "ship", 1).Place.Zh != "杭州一号库" {
		t.Error("a party sees places of members where nothing concerned it, or not where it was sent goods from")
	}
	if tr.For(Viewer{}).Lot != "" || public.Lot != "L1" {
		t.Error("the lot is for those who present a code")
	}
	late := func(v Viewer) bool {
		return slices.ContainsFunc(tr.For(v).Findings, func(f FindingView) bool { return f.Code == Late })
	}
	if late(Viewer{Code: true}) || !late(Viewer{Member: "wh"}) || !late(Viewer{Member: "lanzhi"}) || late(Viewer{Member: "dist"}) {
		t.Error("lateness is for the parties of the event")
	}
}

// What a rogue member records without any right is not shown to the public.
func TestDisregardedEvents(t *testing.T) {
	w := newWorld(t)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	w.do("dist", void, about(codes(0, 99)), field("reason", "counterfeit"))
	tr := w.fold(bottle(5))
	if got := len(tr.For(Viewer{Code: true}).Events); got != 2 {
		t.Errorf("the public sees %d events, want run and activation", got)
	}
	if got := len(tr.For(Viewer{Member: "wh"}).Events); got != 3 {
		t.Errorf("members see %d events, want all", got)
	}
}

func TestClockOutsideBracket(t *testing.T) {
	w := newWorld(t)
	w.product()
	e := w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	in := w.input(bottle(5))
	for _, c := range []struct {
		notBefore, notAfter int64
		want                []string
	}{{0, 0, nil}, {e.Recorded, e.Recorded, nil}, {e.Recorded + MaxClockError, 0, nil}, {0, e.Recorded - MaxClockError, nil},
		{e.Recorded + MaxClockError + 1, 0, []string{ClockOutside}}, {0, e.Recorded - MaxClockError - 1, []string{ClockOutside}}} {
		in.Bracket = func(p Position) (int64, int64) {
			if p == e.Position {
				return c.notBefore, c.notAfter
			}
			return 0, 0
		}
		if got := codesOf(Fold(in)); !slices.Equal(got, c.want) {
			t.Errorf("%+v: findings %v", c, got)
		}
	}
}

func TestIndexKeys(t *testing.T) {
	w := newWorld(t)
	w.product()
	keys := func(kind ledger.Kind, opts ...option) []Key { return IndexKeys(w.do("wh", kind, opts...)) }
	box := Range{boxes, 1, 0, 9}
	for _, c := range []struct {
		name      string
		got, want []Key
	}{
		{"product", IndexKeys(w.events[0]), []Key{{Kind: KeyGTIN, GTIN: wine}}},
		{"run", IndexKeys(w.events[1]), []Key{{Kind: KeyRun, GTIN: wine, Run: 1}}},
		{"place", keys(ledger.KindPlace, field("id", "hz1")), []Key{{Kind: KeyPlace, Member: "wh", Slug: "hz1"}}},
		{"party", keys(ledger.KindParty, field("slug", "s")), []Key{{Kind: KeyParty, Member: "wh", Slug: "s"}}},
		{"range", keys(receive, about(codes(3, 5))), []Key{{Kind: KeyRange, Role: RoleThing, Range: Range{wine, 1, 3, 5}}}},
		{"lot", keys(inspect, about(Of(Lot(wine, "L1")))), []Key{{Kind: KeyLot, Role: RoleThing, GTIN: wine, Lot: "L1"}}},
		{"one unit, two contents", keys(pack, about(Contents(Unit(pallet), codes(1, 1)), Contents(Unit(pallet), codes(3, 3)))), []Key{
			{Kind: KeyRange, Role: RoleContent, Range: Range{wine, 1, 1, 1}},
			{Kind: KeySSCC, Role: RoleUnit, SSCC: pallet},
			{Kind: KeyRange, Role: RoleContent, Range: Range{wine, 1, 3, 3}}}},
		{"pattern", keys(pack, about(cases(0, 10, 10))), []Key{
			{Kind: KeyRange, Role: RoleContent, Range: Range{wine, 1, 0, 99}},
			{Kind: KeyRange, Role: RoleUnit, Range: box}}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, c.got, c.want)
		}
	}
	e := w.do("wh", ship, about(Of(Unit(pallet))), to("dist"))
	if got := IndexKeys(e); got[len(got)-1] != (Key{Kind: KeyEntry, Hash: e.Hash}) {
		t.Errorf("a shipment cannot be found by its hash: %+v", got)
	}
}

// The package comment's example is what the code writes.
func TestDocExample(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := EncodeSubject(OfRange(Range{wine, 3, 10, 600}))
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(doc), "For example")
	example, _, _ = strings.Cut(example, "# Fields")
	var got []byte
	for _, line := range strings.Split(example, "\n")[1:] {
		for _, word := range strings.Fields(line) {
			b, err := hex.DecodeString(word)
			if err != nil {
				break // the explanation begins
			}
			got = append(got, b...)
		}
	}
	if !bytes.Equal(got, raw) {
		t.Errorf("the comment shows %x, the code writes %x", got, raw)
	}
}

// Fifty events, all in order.
func BenchmarkFold(b *testing.B) {
	w := newWorld(b)
	w.product()
	w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
	holders := []string{"lanzhi", "wh", "dist"}
	for i := range 24 {
		from, next := holders[i%3], holders[(i+1)%3]
		s := w.do(from, ship, about(codes(0, 99)), to(next))
		w.do(next, receive, about(codes(0, 99)), refs(s))
		w.sees(next)
	}
	in := w.input(bottle(5))
	for b.Loop() {
		Fold(in).For(Viewer{Code: true})
	}
}
