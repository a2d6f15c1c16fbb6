package node

import (
	"context"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/scan"
)

const phoneAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"

func (n *testNode) openScans(t testing.TB, settings string) *Scans {
	t.Helper()
	if settings != "" {
		if err := os.WriteFile(filepath.Join(n.dir, fileScans), []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := n.OpenScans()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// final makes everything stored final.
func (n *testNode) final(t testing.TB) {
	t.Helper()
	n.put(t, n.checkpoint(t))
}

func (n *testNode) mustAnswer(t testing.TB, uri, member string) *trace.Answer {
	t.Helper()
	a, err := n.Answer(context.Background(), uri, member)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// visit loads the page of a link as a phone with an address does.
func (s *Scans) visit(t testing.TB, a *trace.Answer, v Visitor) {
	t.Helper()
	token := s.Token(a)
	if token == "" {
		t.Fatal("the page has no picture")
	}
	if v.Agent == "" {
		v.Agent = phoneAgent
	}
	if v.Proxy == nil {
		v.Proxy = func(string) string { return "" }
	}
	s.Take(token, v)
	if err := s.counter().Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// seen is what is known of the scans of an answer, which stays as it is.
func (s *Scans) seen(a *trace.Answer) *scan.Summary {
	again := *a
	return s.Annotate(context.Background(), &again, "")
}

func addr(n byte) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, n}) }

func TestScansOfIssuedCodesCount(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 10)
	n.mustSubmit(t, activateDraft(0, 9))
	n.final(t)
	s := n.openScans(t, "")
	code := link(toner, n.serial(t, toner, 0, 3))
	a := n.mustAnswer(t, code, "")
	if seen := s.seen(a); seen == nil || seen.Count != 0 || seen.First != nil {
		t.Fatalf("before the first scan: %+v", seen)
	}
	s.visit(t, a, Visitor{Addr: addr(1)})
	s.visit(t, a, Visitor{Addr: addr(1)})
	s.visit(t, a, Visitor{Addr: addr(2)})
	check := func(count uint64) {
		t.Helper()
		seen := s.seen(n.mustAnswer(t, code, ""))
		if seen.Count != count || count > 0 && seen.First == nil {
			t.Errorf("got %+v, want %d scans", seen, count)
		}
	}
	check(2)

	// Another spelling is the same code; another code is another.
	lower := n.mustAnswer(t, strings.ToLower(code), "")
	if seen := s.seen(lower); seen.Count != 2 {
		t.Errorf("in lower case: %+v", seen)
	}
	if seen := s.seen(n.mustAnswer(t, link(toner, n.serial(t, toner, 0, 4)), "")); seen.Count != 0 {
		t.Errorf("another code: %+v", seen)
	}

	// What anybody could think of gets no room on disk.
	for _, uri := range []string{"https://lanzhi.example/01/" + toner.String(), "https://lanzhi.example/01/" + toner.String() + "/10/B1"} {
		other := n.mustAnswer(t, uri, "")
		if seen := s.seen(other); s.Token(other) != "" || seen != nil {
			t.Errorf("%s counts: %+v", uri, seen)
		}
	}
	for _, verdict := range []trace.Verdict{trace.Unknown, trace.NeverIssued} {
		other := *a
		view := *a.Trail
		view.Verdict, other.Trail = verdict, &view
		if s.Token(&other) != "" {
			t.Errorf("a code with the verdict %s counts", verdict)
		}
	}

	// Counts outlive the node.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Token(a) != "" {
		t.Error("what is closed counts")
	}
	s.Take("x", Visitor{})
	n.reopen(t)
	s = n.openScans(t, "")
	check(2)
	s.visit(t, n.mustAnswer(t, code, ""), Visitor{Addr: addr(2)}) // within the window still
	check(2)
	n.clock.at = n.clock.at.Add(scan.Window)
	s.visit(t, n.mustAnswer(t, code, ""), Visitor{Addr: addr(2)})
	check(3)
}

func TestProgramsAndStaffDoNotCount(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 1)
	n.final(t)
	s := n.openScans(t, "staff_header = \"X-Staff\"\nskip_loopback = true\n")
	a := n.mustAnswer(t, link(toner, n.serial(t, toner, 0, 0)), "")
	staff := func(h string) string { return map[string]string{"X-Staff": "1"}[h] }
	s.visit(t, a, Visitor{Addr: addr(1), Agent: "curl/8.5.0"})
	s.visit(t, a, Visitor{Addr: addr(1), Proxy: staff})
	s.visit(t, a, Visitor{Addr: addr(1), Loopback: true})
	s.Take("forged", Visitor{Addr: addr(1), Agent: phoneAgent})
	s.visit(t, a, Visitor{Addr: addr(1)})
	reg := prometheus.NewRegistry()
	if err := reg.Register(s); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "suyuan_scans_total" {
		t.Fatalf("got %v, %v", families, err)
	}
	got := make(map[string]float64)
	for _, m := range families[0].GetMetric() {
		got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
	}
	want := map[string]float64{"bad-token": 1, "counted": 1, "crowded": 0, "dropped": 0, "failed": 0, "merged": 0, "overfull": 0, "program": 1, "repeated": 0, "staff": 2}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestScansWarnAndNeverConvict goes through the life of an item.
func TestScansWarnAndNeverConvict(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	product := productDraft(toner)
	product.Fields["version"], product.Fields["scan_threshold"] = 2, 4
	n.mustSubmit(t, product)
	n.issue(t, toner, 10)
	n.mustSubmit(t, activateDraft(0, 9), sellDraft(0), sellDraft(1))
	n.final(t)
	s := n.openScans(t, `place_header = "X-Place"`)
	n.clock.at = n.clock.at.Add(24 * time.Hour)
	code := link(toner, n.serial(t, toner, 0, 0))
	answer := func() (*trace.Answer, []string) {
		t.Helper()
		a := n.mustAnswer(t, code, "")
		s.Annotate(context.Background(), a, "")
		var codes []string
		for _, f := range a.Now.Findings {
			codes = append(codes, f.Code)
		}
		return a, codes
	}
	in := func(place string) func(string) string { return func(string) string { return place } }
	for i, step := range []struct {
		after    time.Duration
		place    string
		verdict  trace.Verdict
		findings string
	}{
		{0, "CN;330100;30.3,120.2", trace.Consistent, ""},
		{time.Hour, "CN;310000;31.2,121.5", trace.Consistent, ""},
		{time.Hour, "CN;650100;43.8,87.6", trace.Warn, "impossible-travel,many-devices"},
		{time.Hour, "", trace.Warn, "impossible-travel,many-devices,many-scans"},
	} {
		n.clock.at = n.clock.at.Add(step.after)
		s.visit(t, n.mustAnswer(t, code, ""), Visitor{Addr: addr(byte(i)), Proxy: in(step.place)})
		a, codes := answer()
		if a.Verdict != step.verdict || strings.Join(codes, ",") != step.findings || a.Trail.Verdict != trace.Consistent {
			t.Fatalf("after scan %d: %s (trail %s) with %v, want %s with %s", i+1, a.Verdict, a.Trail.Verdict, codes, step.verdict, step.findings)
		}
	}
	if seen := s.seen(n.mustAnswer(t, code, "")); seen.Count != 4 || len(seen.Cities) != 3 || seen.First.City.Zh != "浙江杭州" {
		t.Errorf("got %+v", seen)
	}

	// It comes back and is sold again: counts begin anew.
	n.mustSubmit(t, trace.Draft{Kind: "return", Subjects: []trace.DraftSubject{codesOf(toner, 0, 0)}, Fields: fields{"condition": "unopened", "disposition": "restock"}})
	n.mustSubmit(t, sellDraft(0))
	n.final(t)
	a, codes := answer()
	if seen := s.seen(a); seen.Count != 0 || len(codes) != 0 {
		t.Errorf("after the return: %+v with %v", seen, codes)
	}
}

// TestScansAtTheBrand holds scans against what the records say of that time.
func TestScansAtTheBrand(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 10)
	made := n.mustSubmit(t, activateDraft(0, 9))[0]
	n.final(t)
	s := n.openScans(t, "")
	n.clock.at = n.clock.at.Add(24 * time.Hour)
	code := link(toner, n.serial(t, toner, 0, 0))
	s.visit(t, n.mustAnswer(t, code, ""), Visitor{Addr: addr(1)})
	s.visit(t, n.mustAnswer(t, code, ""), Visitor{Addr: addr(2)})
	for _, member := range []string{"", "brand"} {
		a := n.mustAnswer(t, code, member)
		s.Annotate(context.Background(), a, member)
		if !slices.ContainsFunc(a.Now.Findings, func(f trace.FindingView) bool {
			return f.Code == scan.ScannedInWarehouse && slices.Equal(f.Records, []ledger.Hash{made.ID})
		}) || a.Verdict != trace.Warn {
			t.Errorf("for %q: %s with %+v", member, a.Verdict, a.Now.Findings)
		}
	}
	// The sale was a day ago, and is recorded now.
	at := n.clock.at.Add(-20 * time.Hour)
	sale := sellDraft(0)
	sale.At = &at
	n.mustSubmit(t, sale)
	n.final(t)
	a := n.mustAnswer(t, code, "")
	s.Annotate(context.Background(), a, "")
	if len(a.Now.Findings) != 0 || a.Verdict != trace.Consistent {
		t.Errorf("after the late record: %s with %+v", a.Verdict, a.Now.Findings)
	}
}

func TestScansCannotSpoilAnswers(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 1)
	n.final(t)
	a := n.mustAnswer(t, link(toner, n.serial(t, toner, 0, 0)), "")
	if err := os.WriteFile(filepath.Join(n.dir, dirScans), []byte("no directory"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := n.openScans(t, "")
	s.Annotate(context.Background(), a, "")
	seen := s.seen(a)
	if s.Token(a) != "" || seen != nil {
		t.Errorf("got %+v", seen)
	}
	s.Take("x", Visitor{})
}

func TestScanSettings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                 "",
		"off = true\nretention_days = 30":  "",
		"retention_day = 30":               "unknown key",
		"retention_days = -1":              "retention_days",
		"merged_retention_days = -1":       "merged_retention_days",
		"alone = true":                     "",
		"retention_days = \"x\"":           "retention_days",
		"place_file = \"/does/not/exist\"": "",
	} {
		dir := t.TempDir()
		if text != "" {
			if err := os.WriteFile(filepath.Join(dir, fileScans), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := ReadScanSettings(dir)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	n := newNetwork(t, 1)[0]
	if err := os.WriteFile(filepath.Join(n.dir, fileScans), []byte(`place_file = "/does/not/exist"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := n.OpenScans(); err == nil {
		t.Error("a file of places that is not there is no mistake")
	}
}
