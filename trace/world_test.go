package trace

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// day0 is when the tests' time begins: 2026-03-01 08:00 in Beijing.
const day0 = int64(1_772_323_200_000)

// testCharter is four companies, of which lanzhi has the test GTINs.
func testCharter() *ledger.Charter {
	c := &ledger.Charter{Version: 1, Name: "lanzhi.example", Settings: ledger.Settings{LateHours: 48}}
	for i, m := range []ledger.Member{
		{Slug: "audit", NameZh: "正审", NameEn: "Audit", Role: ledger.Auditor},
		{Slug: "dist", NameZh: "华南经销", NameEn: "South Dist", Role: ledger.Distributor},
		{Slug: "lanzhi", NameZh: "兰芷", NameEn: "Lanzhi", Role: ledger.Brand, Prefixes: []string{"6901234"}},
		{Slug: "wh", NameZh: "华东仓", NameEn: "East DC", Role: ledger.Warehouse},
	} {
		c.Members = append(c.Members, m)
		c.Nodes = append(c.Nodes, ledger.Node{Number: uint32(i + 1), Member: m.Slug})
	}
	return c
}

var chainOf = map[string]uint32{"audit": 1, "dist": 2, "lanzhi": 3, "wh": 4, "rival": 5, "oem": 6, "shop": 7}

// A world is some members' chains, made of events without any bytes.
type world struct {
	t       testing.TB
	charter *ledger.Charter
	now     int64
	events  []*Event
	size    map[uint32]uint64
	seen    map[uint32]map[uint32]uint64   // newest frontier per chain
	seenAt  map[Position]map[uint32]uint64 // frontier of each entry
}

func newWorld(t testing.TB) *world {
	return &world{t: t, charter: testCharter(), now: day0, size: map[uint32]uint64{},
		seen: map[uint32]map[uint32]uint64{}, seenAt: map[Position]map[uint32]uint64{}}
}

// an event option.
type option func(*Event)

func at(ms int64) option       { return func(e *Event) { e.At = ms } }
func recorded(ms int64) option { return func(e *Event) { e.Recorded = ms } }
func refs(list ...*Event) option {
	return func(e *Event) {
		for _, r := range list {
			e.Refs = append(e.Refs, r.Hash)
		}
	}
}
func about(list ...Subject) option {
	return func(e *Event) { e.Subjects = append(e.Subjects, list...) }
}
func field(name string, v any) option {
	return func(e *Event) { e.Fields[name] = v }
}

// appointed is the fields of an appointment for the wine from 2026 on.
func appointed(party string) []option {
	return []option{field("party", party), field("gtins", []gs1.GTIN{wine}), field("from", "2026-01-01")}
}
func target(e *Event) option      { return field("target", e.ID) }
func replacement(e *Event) option { return field("replacement", e.ID) }
func to(party string) option      { return field("to", party) }

// do appends an event of a party (<member>[/<slug>]) to its member's chain, an
// hour after the one before.
func (w *world) do(party string, kind ledger.Kind, opts ...option) *Event {
	w.now += 3_600_000
	member := memberOf(party)
	e := &Event{Kind: kind, Member: member, At: w.now, Zone: 480, Recorded: w.now, Fields: Values{}}
	if party != member {
		e.Party = party[len(member)+1:]
	}
	e.Chain = chainOf[member]
	e.Seq = w.size[e.Chain]
	w.size[e.Chain]++
	e.Hash = sha256.Sum256(fmt.Append(nil, "entry", e.Chain, e.Seq))
	e.ID = sha256.Sum256(fmt.Append(nil, "record", e.Chain, e.Seq))
	for _, o := range opts {
		o(e)
	}
	w.seenAt[e.Position] = maps.Clone(w.seen[e.Chain])
	w.events = append(w.events, e)
	return e
}

// sees lets a member's chain see all of the others'.
func (w *world) sees(member string) { w.seen[chainOf[member]] = maps.Clone(w.size) }

// product records the wine and a run of a hundred codes.
func (w *world) product() *Event {
	w.do("lanzhi", ledger.KindProduct, field("gtin", wine), field("version", uint64(1)), field("issuing_chain", uint64(3)),
		field("names", Names{"兰芷干红", "Lanzhi Red"}), field("shelf_life_days", uint64(30)))
	return w.do("lanzhi", ledger.KindRun, field("gtin", wine), field("run", uint64(1)), field("count", uint64(100)))
}

// through sends the codes to a party and back, so that it is no stranger to them.
func (w *world) through(party string) {
	all := about(codes(0, 99))
	s := w.do("lanzhi", ship, all, to(party))
	w.do(party, receive, all, refs(s))
	s = w.do(party, ship, all, to("lanzhi"))
	w.do("lanzhi", receive, all, refs(s))
}

func codes(from, to uint32) Subject { return OfRange(Range{wine, 1, from, to}) }

func (w *world) input(item Item) Input {
	return Input{Item: item, URI: "https://id.gs1.org/01/06901234567892/21/TEST", Serial: "TEST", Events: w.events, AsOf: maps.Clone(w.size),
		Charters: []*ledger.Charter{w.charter},
		Seen:     func(p Position, chain uint32) uint64 { return w.seenAt[p][chain] }}
}

func (w *world) fold(item Item) *Trail { return Fold(w.input(item)) }

func bottle(index uint32) Item { return Code(wine, 1, index) }

func codesOf(t *Trail) []string {
	var list []string
	for _, f := range t.Findings {
		list = append(list, f.Code)
	}
	slices.Sort(list)
	return list
}

func (w *world) check(item Item, verdict Verdict, state State, holder string, findings ...string) *Trail {
	w.t.Helper()
	t := w.fold(item)
	slices.Sort(findings)
	if got := codesOf(t); !slices.Equal(got, findings) {
		w.t.Errorf("%s: findings %q, want %q", item, got, findings)
	}
	if t.Verdict != verdict || t.Custody != (Custody{state, holder}) {
		w.t.Errorf("%s: %s, %v, want %s, %v", item, t.Verdict, t.Custody, verdict, Custody{state, holder})
	}
	return t
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func mustTime(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
