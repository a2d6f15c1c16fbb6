package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

// drafts has one draft per kind with every field, in the order of kinds. Values
// that must not be seen by all hold the name of their audience in capitals.
var drafts = []string{
	`{"kind":"erase","at":"2026-03-01T08:00:00+08:00","fields":{"digests":["` + hash1 + `"],"ground":"members-ground","fields":["note"],"files":["` + hash2 + `"],"note":"own-note","record":"` + hash2 + `"}}`,
	`{"kind":"product","at":"2026-03-01T08:00:00+08:00","fields":{"gtin":"6901234567892","version":2,"applies_from":"2026-04-01","corrects":1,
	  "producer":"lanzhi/factory","issuing_chain":1,"names":{"zh":"兰芷干红","en":"Lanzhi Red"},"origin":{"zh":"宁夏"},"net_content":"750 mL",
	  "shelf_life_days":3650,"licences":["SC11500000000000"],"picture":"` + hash1 + `","scan_threshold":31337,"reward_trigger":"sold","sku":"OWN sku","contact":"400-000-0000"}}`,
	`{"kind":"place","at":"2026-03-01T08:00:00+08:00","fields":{"id":"hz1","kind":"warehouse","country":"CN","region":"330100",
	  "name":{"zh":"MEMBERS 杭州一号","en":"MEMBERS Hangzhou 1"},"gln":"6901234000009","address":"PARTIES 1 Dock Road"}}`,
	`{"kind":"party","at":"2026-03-01T08:00:00+08:00","fields":{"slug":"members-store","kind":"store","name":{"zh":"MEMBERS 一店"},
	  "public_name":{"zh":"一号店","en":"Store One"},"company_id":"PARTIES 91310000","contact":"OWN Ms Li","moved_to":"dist/members-new"}}`,
	`{"kind":"appoint","at":"2026-03-01T08:00:00+08:00","fields":{"party":"dist/members-oem","gtins":["06901234567892","16901234567899"],
	  "kinds":["activate","transform"],"from":"2026-01-01","to":"2026-12-31","level":2,"parent":"dist/parties-parent","territory":["330100","CN-SH"]}}`,
	`{"kind":"run","at":"2026-03-01T08:00:00+08:00","fields":{"gtin":"06901234567892","run":3,"pack":"` + hash1 + `","root":"` + hash2 + `",
	  "guessable":true,"foreign":true,"second":true,"count":10000000,"printer":"PARTIES printer","source":"PARTIES source"}}`,
	`{"kind":"activate","at":"2026-03-01T08:00:00+08:00","place":"hz1","subjects":[{"gtin":"06901234567892","run":3,"from":0,"to":599}],
	  "fields":{"lot":"ITEM-L1","produced":"2026-02-27","expires":"2036-02-27","line":"members-line","co_approval":"MEMBERS approval"}}`,
	`{"kind":"void","at":"2026-03-01T08:00:00+08:00","subjects":[{"gtin":"06901234567892","run":3,"from":7},{"sscc":"069012340000000016"}],
	  "fields":{"reason":"item-misprint","note":"PARTIES note"}}`,
	`{"kind":"pack","age_ms":1000,"subjects":[{"pattern":{"gtin":"06901234567892","run":3,"start":0,"per":6,"unit_gtin":"16901234567899","unit_run":1,
	  "unit_start":0,"count":100,"except":[[13,13]]}},{"unit":{"sscc":"069012340000000016"},"content":{"gtin":"16901234567899","run":1,"from":0,"to":39}}]}`,
	`{"kind":"unpack","at":"2026-03-01T00:00:00Z","zone":"+08:00","subjects":[{"sscc":"069012340000000016"}]}`,
	`{"kind":"transform","at":"2026-03-01T08:00:00+08:00","subjects":[
	  {"output":{"gtin":"16901234567899","run":2,"from":0,"to":9},"input":{"gtin":"06901234567892","run":3,"from":0,"to":59}},
	  {"output":{"gtin":"16901234567899","run":2,"from":0,"to":9},"input":{"gtin":"06901234567892","lot":"L9"}}],
	  "fields":{"type":"kit","lot":"ITEM-K1","produced":"2026-02-28","expires":"2030-02-28","quantity":{"value":31337,"unit":"KGM"}}}`,
	`{"kind":"ship","at":"2026-03-01T08:00:00+08:00","party":"members-store","subjects":[{"sscc":"069012340000000016"},{"gtin":"06901234567892","run":3,"from":0,"to":5}],
	  "fields":{"purpose":"sale","to":"dist/members-new","via":"wh","to_place":"dist/members-hz","lines":[{"gtin":"06901234567892","count":31337}],
	  "delivery_notes":["PARTIES D-1"],"carrier":"PARTIES carrier","waybill":"PARTIES waybill"},"documents":["` + hash2 + `"]}`,
	`{"kind":"receive","at":"2026-03-01T08:00:00+08:00","refs":["` + hash1 + `"],"subjects":[{"sscc":"069012340000000016"}],
	  "fields":{"from":"wh/members-x","lines":[{"gtin":"06901234567892","expected":31337,"counted":6,"damaged":1}],"notes":"PARTIES notes"}}`,
	`{"kind":"cancel","at":"2026-03-01T08:00:00+08:00","refs":["` + hash1 + `"],"subjects":[{"sscc":"069012340000000016"}],"fields":{"reason":"members-reason"}}`,
	`{"kind":"sell","at":"2026-03-01T08:00:00+08:00","subjects":[{"uri":"code 5"},{"uri":"code 6"},{"uri":"code 4"}],
	  "fields":{"channel":"item-store","region":"CN-ZJ","order":"OWN order","price":"OWN 88.00"}}`,
	`{"kind":"return","at":"2026-03-01T08:00:00+08:00","subjects":[{"uri":"code 5"}],
	  "fields":{"condition":"item-opened","disposition":"restock","reason":"PARTIES reason","order":"OWN order"}}`,
	`{"kind":"inspect","at":"2026-03-01T08:00:00+08:00","subjects":[{"gtin":"06901234567892","lot":"L1"},{"gtin":"06901234567892"}],
	  "fields":{"type":"quality","standard":"GB/T 15037","result":"pass","issuer":"SGS","valid_until":"2027-03-01","document":"` + hash1 + `"}}`,
	`{"kind":"hold","at":"2026-03-01T08:00:00+08:00","subjects":[{"sscc":"069012340000000016"},{"gtin":"06901234567892","lot":"L1"}],
	  "fields":{"reason":"item-quality","text":"PARTIES text"}}`,
	`{"kind":"release","at":"2026-03-01T08:00:00+08:00","subjects":[{"gtin":"06901234567892"}],"fields":{"reason":"item-cleared","text":"PARTIES text"}}`,
	`{"kind":"recall","at":"2026-03-01T08:00:00+08:00","subjects":[{"gtin":"06901234567892"}],"fields":{"class":"class-1",` + recallDraft + `}}`,
	`{"kind":"withdraw","at":"2026-03-01T08:00:00+08:00","subjects":[{"gtin":"06901234567892","lot":"L1"},{"gtin":"06901234567892","run":3,"from":0,"to":5}],
	  "fields":{"class":"class-3",` + recallDraft + `}}`,
	`{"kind":"correct","at":"2026-03-01T08:00:00+08:00","subjects":[{"gtin":"06901234567892","run":3,"from":0,"to":599}],
	  "fields":{"target":"` + hash1 + `","replacement":"` + hash2 + `","reason":"item-wrong-lot","text":"PARTIES text"}}`,
	`{"kind":"claim","at":"2026-03-01T08:00:00+08:00","subjects":[{"uri":"code 5"}],"fields":{"opening":"OWN 1234","claimant":"OWN tag","token":"OWN token"}}`,
	`{"kind":"link","at":"2026-03-01T08:00:00+08:00","subjects":[{"gtin":"06901234567892"},{"gtin":"06901234567892","lot":"L1"}],
	  "fields":{"type":"gs1:pip","href":"https://lanzhi.example/wine?x=1","language":"zh","media_type":"text/html","title":{"zh":"产品页"}}}`,
}

// lotDrafts are about lots without serials: a quantity stands only there.
var lotDrafts = func() []string {
	var list []string
	for kind, fields := range map[string]string{
		"activate": `"lot":"ITEM-L1",`, "void": `"reason":"item-lost",`, "ship": `"purpose":"sale","to":"dist",`, "receive": ``,
		"sell": `"channel":"item-store",`, "return": `"condition":"item-good","disposition":"restock",`,
	} {
		list = append(list, `{"kind":"`+kind+`","at":"2026-03-01T08:00:00+08:00","subjects":[{"gtin":"06901234567892","lot":"L1"}],"fields":{`+fields+
			`"quantity":{"value":31337,"unit":"KGM"}}}`)
	}
	slices.Sort(list)
	return list
}()

func init() { drafts = append(drafts, lotDrafts...) }

// recallDraft is the fields of recalls and withdrawals, but for the class.
const recallDraft = `"scope":{"zh":"部分批次","en":"some lots"},"reason":{"zh":"瓶口有碎屑","en":"chips at the mouth"},
	  "advice":{"zh":"请勿饮用","en":"do not drink it"},"contact":"400-000-0000","lots":["MEMBERS-L7"],"activated_from":"2026-02-01T00:00:00.000Z",
	  "activated_to":"2026-02-28T16:00:00.000Z","line":"members-line"`

const (
	hash1 = "1111111111111111111111111111111111111111111111111111111111111111"
	hash2 = "2222222222222222222222222222222222222222222222222222222222222222"
)

// newEnv is the environment of lanzhi's node in the test network, with a stream
// of salts that begins anew.
func newEnv(net *ledgertest.Net) Env {
	m := net.Member("lanzhi")
	return Env{
		Network: net.Network.ID, Chain: m.Number, Member: m.Slug, Signer: m.OperatorAddress(), Charter: net.Charter(),
		Now: time.UnixMilli(ledgertest.Start).UTC(), Zone: 480,
		Resolve: func(uri string) (Item, error) {
			var n uint32
			if _, err := fmt.Sscanf(uri, "code %d", &n); err != nil {
				return Item{}, errors.New("no such code")
			}
			return Code(wine, 3, n), nil
		},
		Author: func(ledger.Hash) string { return "wh" },
		Rand:   ledgertest.Random("trace drafts"),
	}
}

// opened builds a draft, signs it and makes its entry.
func opened(t testing.TB, net *ledgertest.Net, draft string) (*ledger.OpenedEntry, *ledger.Sidecar) {
	t.Helper()
	d, err := ParseDraft([]byte(draft))
	if err != nil {
		t.Fatal(err)
	}
	r, sc, err := d.Build(newEnv(net))
	if err != nil {
		t.Fatalf("%s: %v", d.Kind, err)
	}
	signed, err := ledger.SignRecord(r, net.Member("lanzhi").Operator)
	if err != nil {
		t.Fatal(err)
	}
	if err := sc.Check(r, nil); err != nil {
		t.Fatal(err)
	}
	o, err := ledger.RecordEntry(ledger.Hash{}, ledgertest.Start+5000, signed)
	if err != nil {
		t.Fatal(err)
	}
	return o, sc
}

func draftOf(t testing.TB, kind ledger.Kind) string {
	t.Helper()
	for _, d := range drafts {
		if strings.HasPrefix(d, `{"kind":"`+kind.String()+`"`) {
			return d
		}
	}
	t.Fatalf("no draft of kind %s", kind)
	return ""
}

// Every kind has a draft with every field, so that tables over drafts leave
// nothing out.
func TestDraftsAreComplete(t *testing.T) {
	for spec := range Kinds() {
		there := map[string]bool{}
		for _, draft := range drafts {
			d, err := ParseDraft([]byte(draft))
			if err != nil {
				t.Fatal(err)
			}
			for name := range d.Fields {
				there[name] = there[name] || d.Kind == spec.Kind.String()
			}
		}
		for _, f := range spec.Fields {
			if !there[f.Name] {
				t.Errorf("%s: no field %s", spec.Kind, f.Name)
			}
		}
	}
}

// The bytes of a record of every kind are pinned: a line of kind, record and
// sidecar in hex. Another implementation that reads the same drafts with the
// same salts writes the same.
func TestRecordBytes(t *testing.T) {
	var got bytes.Buffer
	got.WriteString("# kind, record bytes and sidecar bytes of the drafts in drafts.jsonl, in hex\n")
	var lines bytes.Buffer
	net := ledgertest.New()
	for _, draft := range drafts {
		o, sc := opened(t, net, draft)
		sidecar, err := sc.Encode()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%s %x %x\n", o.Record.Record.Kind, o.Record.Raw, sidecar)
		if err := json.Compact(&lines, []byte(draft)); err != nil {
			t.Fatal(err)
		}
		lines.WriteByte('\n')
	}
	golden(t, "vectors/drafts.jsonl", lines.Bytes())
	golden(t, "vectors/records.txt", got.Bytes())
	golden(t, "table.txt", []byte(Table()))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	g, w := bufio.NewScanner(bytes.NewReader(got)), bufio.NewScanner(bytes.NewReader(want))
	for _, s := range []*bufio.Scanner{g, w} {
		s.Buffer(nil, 1<<20)
	}
	for n := 1; g.Scan() || w.Scan(); n++ {
		if w.Scan(); g.Text() != w.Text() {
			t.Fatalf("%s differs from line %d on\n got %s\nwant %s", name, n, g.Text(), w.Text())
		}
	}
	t.Fatalf("%s differs", name)
}

// What a draft says comes back from the record's bytes.
func TestDraftToEvent(t *testing.T) {
	net := ledgertest.New()
	for _, draft := range drafts {
		o, sc := opened(t, net, draft)
		pos := Position{Chain: 1, Seq: 7}
		e, err := CheckEvent(pos, o, sc)
		if err != nil {
			t.Errorf("%s: %v", draft, err)
			continue
		}
		again, err := DecodeEvent(pos, o, sc)
		if err != nil || !reflect.DeepEqual(e, again) {
			t.Errorf("%s: the strict and the lenient reading differ: %v", e.Kind, err)
		}
		d, err := ParseDraft([]byte(draft))
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Documents) > 0 {
			d.Fields["documents"] = d.Documents
		}
		if d.Fields == nil {
			d.Fields = map[string]any{}
		}
		if e.Kind == ledger.KindProduct {
			d.Fields["gtin"] = "06901234567892" // from 13 digits
		}
		var plain map[string]any // so that both have their names in one order
		if err := json.Unmarshal([]byte(mustJSON(t, e.Fields)), &plain); err != nil {
			t.Fatal(err)
		}
		if got, want := mustJSON(t, plain), mustJSON(t, d.Fields); got != want {
			t.Errorf("%s: fields\n got %s\nwant %s", e.Kind, got, want)
		}
		if e.Party != d.Party || e.Place != d.Place || !slices.Equal(e.Refs, d.Refs) || e.Zone != 480 || e.Recorded != ledgertest.Start+5000 {
			t.Errorf("%s: envelope %+v", e.Kind, e)
		}
		if e.Kind == ledger.KindSell && e.Subjects[0].Kind == SubjectRange && !reflect.DeepEqual(e.Subjects, []Subject{OfRange(Range{wine, 3, 4, 6})}) {
			t.Errorf("scans in a row are not joined: %v", e.Subjects)
		}
		if e.Kind == ledger.KindPack && e.At != ledgertest.Start-1000 {
			t.Errorf("age_ms is not counted back from now: %d", e.At)
		}
	}
}

// The fields for parties go to both sides, the brand, the auditors, and nobody
// else.
func TestPartiesAudience(t *testing.T) {
	net := ledgertest.New(ledgertest.WithCharter(func(c *ledger.Charter) {
		for i := range c.Members { // another company has the GTIN
			c.Members[i].Prefixes = nil
		}
	}))
	for kind, want := range map[ledger.Kind][]string{
		ledger.KindShip:    {"audit", "dist", "lanzhi", "wh"}, // to, via
		ledger.KindReceive: {"audit", "lanzhi", "wh"},
		ledger.KindPlace:   {"audit", "lanzhi"},
	} {
		_, sc := opened(t, net, draftOf(t, kind))
		n := 0
		for _, raw := range sc.Disclosures {
			d, err := ledger.DecodeDisclosure(raw)
			if err != nil {
				t.Fatal(err)
			}
			if d.Audience == ledger.Parties {
				n++
				if !slices.Equal(d.Parties, want) {
					t.Errorf("%s: parties %v, want %v", kind, d.Parties, want)
				}
			}
		}
		if n == 0 {
			t.Errorf("%s: no field for parties", kind)
		}
	}
}

// What is marked for members, parties or the author is in no answer to those
// who may not see it; what is for them is.
func TestAudiences(t *testing.T) {
	marks := map[ledger.Audience][]string{
		ledger.Item:    {"ITEM", "item-", "10000000"},
		ledger.Members: {"MEMBERS", "members-", "31337", "6901234000009"},
		ledger.Parties: {"PARTIES", "parties-", "31337"},
		ledger.Own:     {"OWN"},
	}
	net := ledgertest.New()
	for _, draft := range drafts {
		o, sc := opened(t, net, draft)
		e, err := DecodeEvent(Position{Chain: 1, Seq: 7}, o, sc)
		if err != nil {
			t.Fatal(err)
		}
		tr := Fold(Input{Item: Code(wine, 3, 5), Events: []*Event{e}, AsOf: map[uint32]uint64{1: 8}, Charters: []*ledger.Charter{net.Charter()}})
		for _, v := range []Viewer{{}, {Code: true}, {Member: "dist"}} {
			shown := mustJSON(t, tr.View(e, v)) + mustJSON(t, tr.For(v))
			for a := v.audience() + 1; a <= ledger.Own; a++ {
				for _, mark := range marks[a] {
					if mark == "31337" && e.Kind == ledger.KindProduct && v.Member != "" {
						continue // its scan threshold is for members
					}
					if strings.Contains(shown, mark) {
						t.Errorf("%s: %+v sees %s: %s", e.Kind, v, mark, shown)
					}
				}
			}
			spec, _ := Spec(e.Kind)
			for _, f := range append(common[1:len(common):len(common)], spec.Fields...) {
				_, there := e.Fields[f.Name]
				if _, ok := tr.View(e, v).Fields[f.Name]; ok != (there && f.Audience <= v.audience()) {
					t.Errorf("%s: %+v sees %s: %v", e.Kind, v, f.Name, ok)
				}
			}
		}
	}
}

func TestDraftMistakes(t *testing.T) {
	const good = `{"kind":"sell","at":"2026-03-01T08:00:00+08:00","subjects":[{"gtin":"06901234567892","run":3,"from":0}],"fields":{"channel":"store"}}`
	for _, c := range []struct{ name, old, new, field string }{
		{"unknown name", `"kind"`, `"kin":1,"kind"`, "draft"},
		{"more after it", `}}`, `}} 1`, "draft"},
		{"unknown kind", `"sell"`, `"sold"`, "kind"},
		{"ledger's kind", `"sell"`, `"grant"`, "kind"},
		{"two times", `"at"`, `"age_ms":5,"at"`, "age_ms"},
		{"before 1970", `2026-`, `1926-`, "at"},
		{"negative age", `"at":"2026-03-01T08:00:00+08:00"`, `"age_ms":-1`, "age_ms"},
		{"bad zone", `"at"`, `"zone":"Beijing","at"`, "zone"},
		{"bad place", `"at"`, `"place":"A B","at"`, "place"},
		{"unknown field", `"channel"`, `"buyer":"x","channel"`, "fields.buyer"},
		{"refs as a field", `"channel"`, `"refs":["` + hash1 + `"],"channel"`, "fields.refs"},
		{"missing field", `"channel":"store"`, ``, "fields.channel"},
		{"null", `"store"`, `null`, "fields.channel"},
		{"wrong type", `"store"`, `5`, "fields.channel"},
		{"not a token", `"store"`, `"In store"`, "fields.channel"},
		{"not a region", `"channel"`, `"region":"Zhejiang","channel"`, "fields.region"},
		{"text that turns", `"channel"`, `"order":"\u202e1","channel"`, "fields.order"},
		{"no subjects", `[{"gtin":"06901234567892","run":3,"from":0}]`, `[]`, "subjects"},
		{"product sold", `,"run":3,"from":0`, ``, "subjects[0]"},
		{"lot sold without saying how much", `"run":3,"from":0`, `"lot":"L1"`, "fields.quantity"},
		{"so much of a code", `"channel"`, `"quantity":{"value":5,"unit":"KGM"},"channel"`, "fields.quantity"},
		{"a lot among others", `[{`, `[{"gtin":"06901234567892","lot":"L1"},{`, "subjects"},
		{"three sets of four", `{"gtin":"06901234567892","run":3,"from":0}`,
			`{"output":{"gtin":"06901234567892","run":3,"from":0,"to":2},"input":{"gtin":"06901234567892","run":4,"from":0,"to":3}}`, "subjects[0]"},
		{"made of nothing", `{"gtin":"06901234567892","run":3,"from":0}`, `{"output":{"gtin":"06901234567892","run":3,"from":0}}`, "subjects[0]"},
		{"half a range", `,"from":0`, ``, "subjects[0]"},
		{"range turned round", `"from":0`, `"from":5,"to":3`, "subjects[0]"},
		{"beyond a run", `"from":0`, `"from":10000000`, "subjects[0]"},
		{"two forms", `"run":3`, `"sscc":"069012340000000016","run":3`, "subjects[0]"},
		{"check digit", `06901234567892`, `06901234567893`, "draft"},
		{"link that leads nowhere", `{"gtin":"06901234567892","run":3,"from":0}`, `{"uri":"x"}`, "subjects[0]"},
		{"content in content", `{"gtin":"06901234567892","run":3,"from":0}`,
			`{"unit":{"sscc":"069012340000000016"},"content":{"unit":{"sscc":"069012340000000016"},"content":{"gtin":"06901234567892","lot":"L1"}}}`, "subjects[0]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(good, c.old) {
				t.Fatalf("the draft has no %s", c.old)
			}
			d, err := ParseDraft([]byte(strings.Replace(good, c.old, c.new, 1)))
			if err == nil {
				_, _, err = d.Build(newEnv(ledgertest.New()))
			}
			var f *FieldError
			if !errors.As(err, &f) || f.Field != c.field {
				t.Errorf("got %v, want an error about %s", err, c.field)
			}
		})
	}
}

// What the table does not have is passed over in what others wrote, and refused
// in what is to be written.
func TestForeignFields(t *testing.T) {
	net := ledgertest.New()
	pos := Position{Chain: 1, Seq: 7}
	leaf := func(s Subject) [][]byte {
		raw, err := EncodeSubject(s)
		if err != nil {
			t.Fatal(err)
		}
		return [][]byte{raw}
	}
	text := func(s string) []byte { raw, _ := ledger.Marshal(s); return raw }
	for _, c := range []struct {
		name        string
		kind        ledger.Kind
		fields      map[uint64]any
		disclosures []ledger.Disclosure
		subjects    [][]byte
		lenient     string // the fields that are read, or
		broken      bool   // no event at all
	}{
		{name: "a field of a later version", kind: ledger.KindSell, subjects: leaf(codes(0, 1)),
			disclosures: []ledger.Disclosure{{Audience: itm, Path: 1, Value: text("store")}, {Audience: mem, Path: 77, Value: text("x")}}, lenient: `{"channel":"store"}`},
		{name: "a wider audience than the table's", kind: ledger.KindSell, subjects: leaf(codes(0, 1)),
			disclosures: []ledger.Disclosure{{Audience: itm, Path: 1, Value: text("store")}, {Audience: pub, Path: 3, Value: text("order 7")}}, lenient: `{"channel":"store"}`},
		{name: "a narrower audience than the table's", kind: ledger.KindSell, subjects: leaf(codes(0, 1)),
			disclosures: []ledger.Disclosure{{Audience: own, Path: 1, Value: text("store")}}, lenient: `{}`},
		{name: "a disclosure in the record", kind: ledger.KindSell, subjects: leaf(codes(0, 1)), fields: map[uint64]any{1: "store"}, lenient: `{}`},
		{name: "a value of another type", kind: ledger.KindSell, subjects: leaf(codes(0, 1)),
			disclosures: []ledger.Disclosure{{Audience: itm, Path: 1, Value: []byte{5}}}, lenient: `{}`},
		{name: "the fold needs it", kind: ledger.KindActivate, subjects: leaf(codes(0, 1)), broken: true},
		{name: "no subjects", kind: ledger.KindSell, disclosures: []ledger.Disclosure{{Audience: itm, Path: 1, Value: text("store")}}, broken: true},
		{name: "a subject that the kind does not have", kind: ledger.KindSell, subjects: leaf(Of(Product(wine))),
			disclosures: []ledger.Disclosure{{Audience: itm, Path: 1, Value: text("store")}}, broken: true},
		{name: "no subject of ours", kind: ledger.KindSell, subjects: [][]byte{{0x81, 0x18, 0x63}}, broken: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := net.Member("lanzhi")
			r := &ledger.Record{Kind: c.kind, Network: net.Network.ID, Chain: 1, Member: "lanzhi", Signer: m.OperatorAddress(), At: day0}
			if c.fields != nil {
				raw, err := ledger.Marshal(c.fields)
				if err != nil {
					t.Fatal(err)
				}
				r.Fields = raw
			}
			sc, err := ledger.Seal(r, c.disclosures, c.subjects, net)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := ledger.SignRecord(r, m.Operator)
			if err != nil {
				t.Fatal(err)
			}
			o, err := ledger.RecordEntry(ledger.Hash{}, day0, signed)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := CheckEvent(pos, o, sc); !errors.Is(err, ErrForm) {
				t.Errorf("strict reading: %v", err)
			}
			e, err := DecodeEvent(pos, o, sc)
			if c.broken {
				if !errors.Is(err, ErrForm) {
					t.Errorf("got %v, %v", e, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := mustJSON(t, e.Fields); got != c.lenient {
				t.Errorf("fields %s, want %s", got, c.lenient)
			}
		})
	}
}

// A kind that this version does not know has no event.
func TestUnknownKind(t *testing.T) {
	net := ledgertest.New()
	r, sc := net.Record("lanzhi", 900, day0, ledgertest.Name("later"))
	o, err := ledger.RecordEntry(ledger.Hash{}, day0, r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeEvent(Position{}, o, sc); !errors.Is(err, ErrKind) {
		t.Errorf("got %v, want ErrKind", err)
	}
}

func FuzzDecodeEvent(f *testing.F) {
	net := ledgertest.New()
	for _, draft := range drafts {
		o, sc := opened(f, net, draft)
		raw, err := sc.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(o.Record.Record.Kind), []byte(o.Record.Record.Fields), raw)
	}
	f.Fuzz(func(t *testing.T, kind uint16, fields, sidecar []byte) {
		sc, err := ledger.DecodeSidecar(sidecar)
		if err != nil {
			return
		}
		r := ledger.Record{Kind: ledger.Kind(kind), Member: "lanzhi", Fields: fields}
		o := &ledger.OpenedEntry{Entry: ledger.Entry{Kind: ledger.EntryRecord}, Record: &ledger.SignedRecord{Record: r}}
		e, err := DecodeEvent(Position{}, o, sc)
		if err != nil {
			return
		}
		spec, _ := Spec(e.Kind)
		for name, v := range e.Fields {
			field, ok := spec.Field(name)
			if !ok {
				t.Fatalf("field %s is not in the table", name)
			}
			raw, err := field.encode(v)
			if err != nil {
				t.Fatalf("field %s: %v", name, err)
			}
			if again, err := field.decode(raw); err != nil || !reflect.DeepEqual(again, v) {
				t.Fatalf("field %s: %v became %v, %v", name, v, again, err)
			}
		}
		if _, err := json.Marshal(e.Fields); err != nil {
			t.Fatal(err)
		}
		IndexKeys(e)
	})
}

func FuzzParseDraft(f *testing.F) {
	for _, draft := range drafts {
		f.Add([]byte(draft))
	}
	net := ledgertest.New()
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ParseDraft(data)
		if err != nil {
			return
		}
		env := newEnv(net)
		r, sc, err := d.Build(env)
		if err != nil {
			return
		}
		if err := sc.Check(r, nil); err != nil {
			t.Fatalf("built %s: %v", data, err)
		}
		o := &ledger.OpenedEntry{Entry: ledger.Entry{Kind: ledger.EntryRecord}, Record: &ledger.SignedRecord{Record: *r}}
		if _, err := CheckEvent(Position{}, o, sc); err != nil {
			t.Fatalf("built %s and cannot read it: %v", data, err)
		}
	})
}
