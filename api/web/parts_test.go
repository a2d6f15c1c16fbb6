package web

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// render returns an item's page.
func render(t *testing.T, p *Pages, l Lang, v *Item) string {
	t.Helper()
	var buf bytes.Buffer
	if err := p.Item(&buf, l, v); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// sibling is an item with the history of another.
func sibling(v *Item) *Item {
	s := *v
	s.Serial, s.SSCC, s.ClaimURL, s.Beacon = "00B1C2D3E4F5G6H7J8K9", "106901234500000015", "/claim/01/sibling", "/scan/sibling.png"
	s.Scans = &Scans{Count: 77, First: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), City: Text{"广东深圳", "Shenzhen"}}
	s.TrailURL, s.ProofURL = "/api/v1/trail?uri=sibling", "/api/v1/proof?uri=sibling"
	s.Mirrors = []Mirror{{Text{"甲", "A"}, "https://a.example/01/sibling"}}
	s.Chains = []Chain{{Name: "sibling/9", Size: 9, Stored: Stored{1, 4}}}
	if n := len(v.Events); n > 0 {
		sold := v.Events[n-1]
		sold.Kind, sold.At, sold.Party = "sell", sold.At.Add(77*time.Minute), Text{"同胞店", "The sibling shop"}
		s.Events = append(v.Events[:n-1:n-1], sold)
	}
	return &s
}

// TestKeptPagesAreThoseMadeAfresh shows items and others with the same history in
// turn, in both languages, and holds that each page is the one of a server that
// has just started.
func TestKeptPagesAreThoseMadeAfresh(t *testing.T) {
	p := newTestPages(t)
	var items []*Item
	for _, v := range verdicts {
		items = append(items, testItem(v), sibling(testItem(v)))
	}
	kit, product := testKit(), testItem(None)
	product.Level, product.Serial, product.Lot = LevelProduct, "", ""
	other := *product
	other.Filings = []string{"沪ICP备00000000号"}
	items = append(items, kit, sibling(kit), product, &other)
	for range 2 {
		for _, l := range langs {
			for _, v := range items {
				if got, want := render(t, p, l, v), render(t, newTestPages(t), l, v); got != want {
					t.Fatalf("%s %s %s: the kept page differs from a fresh one", l, v.Verdict, v.Level)
				}
			}
		}
	}
	// Siblings share; the products have a form each, with its own filings.
	histories := 0
	for _, v := range p.kept.list.Values() {
		if len(v) == len(sharedParts) {
			histories++
		}
	}
	if want := len(langs) * (len(verdicts) + 1 + 2); histories != want {
		t.Errorf("%d histories are kept, want %d", histories, want)
	}
}

// TestNothingOfOneItemIsOnThePageOfAnother holds that shared parts have none of
// what is an item's own.
func TestNothingOfOneItemIsOnThePageOfAnother(t *testing.T) {
	p := newTestPages(t)
	first := sibling(testItem(Consistent))
	s, err := p.sharedOf(En, first.shared(), timelineOf(first))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range sharedParts {
		if len(s[i]) != 1 {
			t.Fatalf("%s, which is shared, has a blank", name)
		}
		for _, own := range []string{first.Serial, "00B1 C2D3", first.SSCC, "sibling", "10:08", "Shenzhen", "77"} {
			if strings.Contains(string(s[i][0].text), own) {
				t.Errorf("%s, which is shared, has %q", name, own)
			}
		}
	}
}

// TestFingerprint changes all that pages depend on, one thing at a time, and holds
// that each has another fingerprint.
func TestFingerprint(t *testing.T) {
	for _, key := range []any{&historyKey{Item: new(Item)}, &eventsKey{}, &ownKey{Own: new(own)}} {
		seen := map[[32]byte]string{fingerprint(key): "nothing"}
		note := func(name string) {
			sum := fingerprint(key)
			if other, ok := seen[sum]; ok {
				t.Errorf("%s has the fingerprint of %s", name, other)
			}
			seen[sum] = name
		}
		change(reflect.ValueOf(key).Elem(), "", 0, note)
		if len(seen) < 10 {
			t.Errorf("only %d fields of %T were changed", len(seen), key)
		}
	}
	sum := func(e Event) [32]byte { return fingerprint(&eventsKey{Events: []Event{e}}) }
	east, west := time.Unix(0, 0).In(time.FixedZone("", 3600)), time.Unix(0, 0).In(time.FixedZone("", -3600))
	for _, pair := range [][2]Event{
		{{Kind: "ab", PlaceIs: "c"}, {Kind: "a", PlaceIs: "bc"}},
		{{At: east}, {At: west}},
		{{Facts: []Fact{{Key: "a"}, {Key: "b"}}}, {Facts: []Fact{{Key: "ab"}, {}}}},
	} {
		if sum(pair[0]) == sum(pair[1]) {
			t.Errorf("%v and %v have the same fingerprint", pair[0], pair[1])
		}
	}
}

// change gives each field below v another value, calls note and takes it back.
func change(v reflect.Value, name string, depth int, note func(name string)) {
	if depth > 7 {
		return // sources of sources of sources
	}
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	defer v.Set(old)
	switch {
	case v.Type() == timeType:
		v.Set(reflect.ValueOf(time.Unix(1, 2)))
		note(name)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			change(v.Field(i), name+"."+v.Type().Field(i).Name, depth+1, note)
		}
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
			note(name)
		}
		change(v.Elem(), name, depth+1, note)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		note(name)
		change(v.Index(0), name+"[0]", depth+1, note)
	case v.Kind() == reflect.String:
		v.SetString("x")
		note(name)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
		note(name)
	case v.CanInt():
		v.SetInt(7)
		note(name)
	case v.CanUint():
		v.SetUint(7)
		note(name)
	}
}

// TestKeptPartsAreBounded asks for many histories at the same time and holds the
// bound, and that what was kept is still right.
func TestKeptPartsAreBounded(t *testing.T) {
	const seed = 7
	p := newTestPages(t)
	var err error
	if p.kept, err = newKeeper(5 << 20); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range uint64(4) {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, g))
			for range 200 {
				v := testItem(Consistent)
				v.Lot = fmt.Sprintf("lot-%d-", rnd.IntN(500))
				var buf bytes.Buffer
				if err := p.Item(&buf, En, v); err != nil || !strings.Contains(buf.String(), v.Lot) {
					t.Errorf("seed %d: %s: the page is not its own, %v", seed, v.Lot, err)
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, s := range p.kept.list.Values() {
		sum += s.size()
	}
	if sum != p.kept.size || sum > p.kept.most || p.kept.list.Len() < 100 {
		t.Errorf("%d histories have %d bytes, %d are counted, at most %d may be", p.kept.list.Len(), sum, p.kept.size, p.kept.most)
	}
	large := testItem(Consistent)
	large.Lot = strings.Repeat("x", 5<<20)
	if err := p.Item(io.Discard, En, large); err != nil || p.kept.size != sum {
		t.Errorf("a page that is larger than all that is kept: %d bytes are kept, %v", p.kept.size, err)
	}
}

// BenchmarkItem renders the page of one item after the other, with one history,
// with one that differs by the last event, and with one each.
func BenchmarkItem(b *testing.B) {
	for _, c := range []struct {
		name   string
		differ func(v *Item, i int)
	}{
		{"shared", func(*Item, int) {}},
		{"sold", func(v *Item, i int) { v.Events[len(v.Events)-1].Party.Zh = fmt.Sprint(i) }},
		{"fresh", func(v *Item, i int) {
			v.Lot = fmt.Sprint(i)
			for j := range v.Events {
				v.Events[j].Party.Zh = fmt.Sprint(i)
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := newTestPages(b)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				v := testItem(Consistent)
				c.differ(v, i)
				if err := p.Item(io.Discard, Zh, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
