package epcis

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// noEvent are the kinds of which EPCIS has no event. A new kind has to be put here
// or get a mapping.
var noEvent = []string{"erase", "product", "place", "party", "appoint", "run", "claim", "link"}

func TestEveryKindHasItsPlace(t *testing.T) {
	var without []string
	seen := make(map[string]string)
	for spec := range trace.Kinds() {
		x := spec.EPCIS
		if (x.Type == "") == (x.None == trace.Names{}) {
			t.Errorf("%s: type %q, and no event because %v: it is one of them", spec.Kind, x.Type, x.None)
		}
		if x.None.Zh == "" != (x.None.En == "") {
			t.Errorf("%s: no event because %+v, in one language", spec.Kind, x.None)
		}
		if x.Type == "" {
			without = append(without, spec.Kind.String())
			continue
		}
		if x.Type == trace.EPCISDeclaration {
			continue
		}
		for _, s := range stepsOf(&x) {
			key := strings.Join([]string{x.Type, x.Action, s.Step, s.Disposition}, " ")
			if other := seen[key]; other != "" {
				t.Errorf("%s and %s are both %s: nobody could tell them apart", spec.Kind, other, key)
			}
			seen[key] = spec.Kind.String()
		}
		if f, ok := spec.Field(x.By); x.By != "" && (!ok || f.Type != trace.TypeToken) {
			t.Errorf("%s: steps depend on %q, which is no token of it", spec.Kind, x.By)
		}
	}
	if !slices.Equal(without, noEvent) {
		t.Errorf("no event have %v, want %v", without, noEvent)
	}
}

// world is a network, its codes and places.
type world struct {
	*ledgertest.Net
	tell func(trace.Item) bool // the link of this code may be told
	glns map[string]gs1.GLN
}

func newWorld() *world {
	gln, err := gs1.ParseGLN("6901234000009")
	if err != nil {
		panic(err)
	}
	return &world{Net: ledgertest.New(), tell: func(trace.Item) bool { return false }, glns: map[string]gs1.GLN{"lanzhi/hz1": gln}}
}

// link is a made-up serial: run and index.
func link(i trace.Item) string {
	return canonical(gs1.Element{AI: "01", Value: i.GTIN.String()}, gs1.Element{AI: "21", Value: fmt.Sprintf("%d-%d", i.Run, i.Index)})
}

func (w *world) resolve(uri string) (trace.Item, error) {
	var n uint32
	if _, err := fmt.Sscanf(uri, "code %d", &n); err == nil { // of the vectors
		g, _ := gs1.ParseGTIN("06901234567892")
		return trace.Code(g, 3, n), nil
	}
	l, err := gs1.ParseLink(uri)
	if err != nil {
		return trace.Item{}, err
	}
	g, _ := l.GTIN()
	var run uint16
	if _, err := fmt.Sscanf(l.Serial(), "%d-%d", &run, &n); err != nil {
		return trace.Item{}, errors.New("no such code")
	}
	return trace.Code(g, run, n), nil
}

func (w *world) Links(r trace.Range, most int) []string {
	var list []string
	if r.Count() > 10_000 {
		return nil
	}
	for i := r.From; i <= r.To && len(list) < most; i++ {
		if item := trace.Code(r.GTIN, r.Run, i); w.tell(item) {
			list = append(list, link(item))
		}
	}
	return list
}

func (w *world) GLN(place string) gs1.GLN { return w.glns[place] }

func (w *world) writer() *Writer { return NewWriter(ledgertest.DefaultName, w) }

func (w *world) reader(records ...*Record) *Reader {
	return NewReader(Options{
		Network: ledgertest.DefaultName, Member: "lanzhi", Resolve: w.resolve,
		Place: func(g gs1.GLN) (string, error) {
			for name, x := range w.glns {
				if x == g {
					return name, nil
				}
			}
			return "", nil
		},
		Record: func(id string) (ledger.Hash, error) {
			for _, r := range records {
				if nameOf(r.Event).String() == id {
					return r.Event.ID, nil
				}
			}
			return ledger.Hash{}, nil
		},
	})
}

// event makes the event of a draft.
func (w *world) event(t testing.TB, draft *trace.Draft) *trace.Event {
	t.Helper()
	m := w.Member("lanzhi")
	r, sc, err := draft.Build(trace.Env{
		Network: w.Network.ID, Chain: m.Number, Member: m.Slug, Signer: m.OperatorAddress(), Charter: w.Charter(),
		Now: time.UnixMilli(ledgertest.Start).UTC(), Zone: 480, Resolve: w.resolve,
		Author: func(ledger.Hash) string { return "wh" }, Rand: ledgertest.Random("epcis"),
	})
	if err != nil {
		t.Fatalf("%s: %v", draft.Kind, err)
	}
	signed, err := ledger.SignRecord(r, m.Operator)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ledger.RecordEntry(ledger.Hash{}, ledgertest.Start+5000, signed)
	if err != nil {
		t.Fatal(err)
	}
	e, err := trace.DecodeEvent(trace.Position{Chain: 1, Seq: 7}, o, sc)
	if err != nil {
		t.Fatalf("%s: %v", draft.Kind, err)
	}
	return e
}

// vectors are the drafts of package trace: each kind, with all its fields.
func vectors(t testing.TB) []*trace.Draft {
	t.Helper()
	f, err := os.Open("../testdata/vectors/drafts.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []*trace.Draft
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		d, err := trace.ParseDraft(lines.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, d)
	}
	if len(list) == 0 {
		t.Fatal("no drafts")
	}
	return list
}

// records are the vectors as records; corrections take back the last ship record.
func (w *world) records(t testing.TB) []*Record {
	t.Helper()
	var list []*Record
	var target *Record
	for _, d := range vectors(t) {
		if d.Kind == "correct" {
			d.Subjects = nil
			for _, s := range target.Event.Subjects {
				d.Subjects = append(d.Subjects, s.Draft())
			}
			d.Fields["target"], d.Fields["replacement"] = target.Event.ID, target.Event.ID
		}
		e := w.event(t, d)
		r := &Record{Event: e, Actor: e.Actor(), Chain: "lanzhi/1", State: "final"}
		if e.Kind == ledger.KindCorrect {
			r.Target, r.With = target, target.Event
		}
		if e.Kind == ledger.KindShip {
			target = r
		}
		list = append(list, r)
	}
	return list
}

func (w *world) write(r *Record) []*Event {
	var list []*Event
	for part := range r.Count() {
		if e := w.writer().Event(r, part); e != nil {
			list = append(list, e)
		}
	}
	return list
}

func document(t testing.TB, events []*Event) []byte {
	t.Helper()
	raw, err := json.MarshalIndent(NewDocument(time.UnixMilli(ledgertest.Start), events), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// What a record says, it says again after it was an EPCIS event: whether no code is
// told by its name, all are, or one of them.
func TestRoundTrip(t *testing.T) {
	w := newWorld()
	records := w.records(t)
	kinds := make(map[ledger.Kind]bool)
	for name, tell := range map[string]func(trace.Item) bool{
		"no code":   func(trace.Item) bool { return false },
		"all codes": func(trace.Item) bool { return true },
		"one code":  func(i trace.Item) bool { return i.Index == 5 },
	} {
		w.tell = tell
		for _, r := range records {
			events := w.write(r)
			if r.Count() == 0 {
				continue
			}
			kinds[r.Event.Kind] = true
			raw := document(t, events)
			reader := w.reader(records...)
			items, err := reader.Read(raw)
			if err != nil || len(items) != 1 || len(items[0].Events) != len(events) {
				t.Fatalf("%s, %s: %d items, %v\n%s", name, r.Event.Kind, len(items), err, raw)
			}
			d, err := reader.Draft(items[0])
			if err != nil {
				t.Errorf("%s, %s: %v\n%s", name, r.Event.Kind, err, raw[:min(len(raw), 4000)])
				continue
			}
			if r.Event.Kind == ledger.KindCorrect { // it is about what its target is about
				for _, s := range r.Event.Subjects {
					d.Subjects = append(d.Subjects, s.Draft())
				}
			}
			same(t, name, r.Event, w.event(t, d))
		}
	}
	for spec := range trace.Kinds() {
		if kinds[spec.Kind] == slices.Contains(noEvent, spec.Kind.String()) {
			t.Errorf("%s: went there and back %v", spec.Kind, kinds[spec.Kind])
		}
	}
}

// same compares what two events say.
func same(t *testing.T, name string, want, got *trace.Event) {
	t.Helper()
	plain := func(e *trace.Event) trace.Event {
		x := *e
		x.ID, x.Hash = ledger.Hash{}, ledger.Hash{}
		x.Subjects = slices.SortedFunc(slices.Values(e.Subjects), func(a, b trace.Subject) int { return strings.Compare(a.String(), b.String()) })
		return x
	}
	if a, b := plain(want), plain(got); !reflect.DeepEqual(a, b) {
		t.Errorf("%s, %s:\n got %+v\nwant %+v", name, want.Kind, b, a)
	}
}

// outside returns a file of the test data that others have published, "" if there
// is none.
func outside(t testing.TB, name string) string {
	t.Helper()
	base := os.Getenv("SUYUAN_TEST_DATA")
	for dir := "."; base == ""; dir = filepath.Join(dir, "..") {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			base = filepath.Join(dir, "..", "shared", "data")
		}
	}
	path := filepath.Join(base, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("there is no outside test data at %s", base)
	}
	return path
}

// schema compiles the standard's JSON schema, which uses look-ahead.
func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	path := outside(t, "epcis/epcis-json-schema.json")
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseRegexpEngine(func(s string) (jsonschema.Regexp, error) {
		re, err := regexp2.Compile(s, regexp2.ECMAScript)
		return ahead{re}, err
	})
	s, err := c.Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type ahead struct{ *regexp2.Regexp }

func (a ahead) MatchString(s string) bool {
	ok, err := a.Regexp.MatchString(s)
	return ok && err == nil
}

// Every event that we write is what the standard's schema says, in each of the
// documents in which it stands.
func TestWrittenEventsFitTheSchema(t *testing.T) {
	s := schema(t)
	w := newWorld()
	check := func(name string, v any) {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(value); err != nil {
			t.Errorf("%s: %v\n%s", name, err, raw[:min(len(raw), 3000)])
		}
	}
	for _, all := range []bool{false, true} {
		w.tell = func(trace.Item) bool { return all }
		for _, r := range w.records(t) {
			events := w.write(r)
			name := r.Event.Kind.String()
			check(name, NewDocument(time.UnixMilli(ledgertest.Start), events))
			check(name, NewQueryDocument(time.UnixMilli(ledgertest.Start), events))
			if len(events) > 0 {
				events[0].Context = Context()
				check(name, events[0])
			}
		}
	}
}
