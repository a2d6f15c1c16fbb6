package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLanguagesHaveTheSameKeys holds that no word is missing in a language, and
// that a phrase takes the same values in each.
func TestLanguagesHaveTheSameKeys(t *testing.T) {
	flat := make(map[Lang]map[string]string)
	for _, l := range langs {
		data, err := wordFiles.ReadFile("words/" + l.Short() + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		flat[l] = make(map[string]string)
		flatten(flat[l], "", v)
	}
	zh, en := slices.Sorted(maps.Keys(flat[Zh])), slices.Sorted(maps.Keys(flat[En]))
	for _, k := range zh {
		if _, ok := flat[En][k]; !ok {
			t.Errorf("en lacks %s", k)
		}
		if got, want := holes(flat[En][k]), holes(flat[Zh][k]); !slices.Equal(got, want) {
			t.Errorf("%s: en takes %q, zh %q", k, got, want)
		}
	}
	for _, k := range en {
		if _, ok := flat[Zh][k]; !ok {
			t.Errorf("zh lacks %s", k)
		}
	}
	if len(zh) < 200 {
		t.Errorf("got %d phrases: the files were not read", len(zh))
	}
}

// flatten lists the texts of a JSON value under their paths.
func flatten(out map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			flatten(out, path+"/"+k, e)
		}
	case []any:
		for i, e := range v {
			flatten(out, fmt.Sprintf("%s/%d", path, i), e)
		}
	case string:
		out[path] = v
	}
}

// holes returns the values that a phrase takes.
func holes(phrase string) []string {
	list := regexp.MustCompile(`\{\w+\}`).FindAllString(phrase, -1)
	slices.Sort(list)
	return list
}

func TestWordsAreComplete(t *testing.T) {
	p := newTestPages(t)
	for _, l := range langs {
		w := p.words[l]
		for _, v := range verdicts {
			if w.Verdict[string(v)].Label == "" {
				t.Errorf("%s: no label for verdict %s", l, v)
			}
		}
		for _, level := range []Level{LevelItem, LevelLot, LevelProduct, LevelUnit} {
			if w.Levels[string(level)].Headline == "" {
				t.Errorf("%s: no headline for level %s", l, level)
			}
		}
		for _, s := range []string{"info", "notice", "warning", "critical"} {
			if w.Severity[s] == "" {
				t.Errorf("%s: no word for severity %s", l, s)
			}
		}
		for _, words := range []bool{len(w.Kinds) > 20, w.Kinds[""].Name != "", w.Troubles[""].Headline != "", w.Mistakes[""] != ""} {
			if !words {
				t.Errorf("%s: kinds, troubles or mistakes lack words for what is not listed", l)
			}
		}
		for _, claim := range []string{"正品", "保真", "不可篡改", "genuine", "guarantee", "tamper-proof"} {
			data, err := wordFiles.ReadFile("words/" + l.Short() + ".json")
			if err != nil || bytes.Contains(data, []byte(claim)) {
				t.Errorf("%s: the words claim %q, or %v", l, claim, err)
			}
		}
	}
}

func TestPolicyFitsStyle(t *testing.T) {
	p := newTestPages(t)
	for _, name := range []string{"entry", "typo", "consistent"} {
		var buf bytes.Buffer
		if err := renderFixture(p, &buf, Zh, name); err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllSubmatch(buf.Bytes(), -1)
		if len(m) != 1 {
			t.Fatalf("%s: got %d style sheets, want 1", name, len(m))
		}
		sum := sha256.Sum256(m[0][1])
		if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(p.CSP(), want) {
			t.Errorf("%s: the policy %s lacks %s", name, p.CSP(), want)
		}
		for _, not := range []string{"<script", " style=", "javascript:", "http://", "onclick"} {
			if bytes.Contains(buf.Bytes(), []byte(not)) {
				t.Errorf("%s: the page has %q", name, not)
			}
		}
	}
}

// TestForeignTextIsEscaped puts markup wherever others write text.
func TestForeignTextIsEscaped(t *testing.T) {
	const bad = `<img src=x onerror=alert(1)>"'`
	both := Text{bad, bad}
	v := &Item{
		Level: LevelItem, Serial: bad, Lot: bad, GTIN: bad, Verdict: Consistent, Headline: both, Brand: both, Holder: both, Contact: both,
		Product: &Product{Name: both, Picture: "javascript:alert(1)", Facts: []Fact{{bad, both}}},
		Events:  []Event{{Kind: bad, Party: both, Place: both, PlaceIs: bad, Facts: []Fact{{"lot", both}}}},
		Route:   []Text{both, both}, Links: []Link{{Type: bad, Title: both, URL: "javascript:alert(1)", Host: bad}},
		Sources:  []Source{{Name: both, Lot: bad, GTIN: bad, SSCC: bad, Custody: bad, URL: "javascript:alert(1)", Findings: []Finding{{Severity: "warning", Text: both}}}},
		Findings: []Finding{{Severity: "warning", Text: both}},
		Reports:  []Report{{Type: bad, Issuer: both, URL: "javascript:alert(1)"}},
		Mirrors:  []Mirror{{both, "javascript:alert(1)"}}, Filings: []string{bad}, Host: bad, Network: bad,
	}
	for _, l := range langs {
		var buf bytes.Buffer
		if err := newTestPages(t).Item(&buf, l, v); err != nil {
			t.Fatal(err)
		}
		for _, not := range []string{"<img src=x", "javascript:"} {
			if strings.Contains(buf.String(), not) {
				t.Errorf("the page has %q", not)
			}
		}
	}
}

// TestPagesHaveOneHeading holds that each page has one heading of the first level.
func TestPagesHaveOneHeading(t *testing.T) {
	p := newTestPages(t)
	for _, name := range []string{"entry", "typo", "internal", "product", "kit", "consistent", "never-issued"} {
		var buf bytes.Buffer
		if err := renderFixture(p, &buf, Zh, name); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(buf.String(), "<h1"); n != 1 {
			t.Errorf("%s: %d headings of the first level", name, n)
		}
	}
}

// TestCorrectionsAreSaid holds that a record that was taken back is struck out, with
// why and what counts instead, and that the correction names it.
func TestCorrectionsAreSaid(t *testing.T) {
	for l, want := range map[Lang][]string{
		Zh: {"<del>作废</del>", "提交的公司已更正，不计入结论。原因：扫错了码。以2026年10月6日的“收货”为准。", "撤回2026年10月3日的“作废”的记录"},
		En: {"<del>Voided</del>", "does not count. Reason: Wrong code scanned. What counts is “Received” of 6 Oct 2026.", "Takes back the record “Voided” of 3 Oct 2026"},
	} {
		var buf bytes.Buffer
		if err := newTestPages(t).Item(&buf, l, testKit()); err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if !strings.Contains(buf.String(), text) {
				t.Errorf("%s: the page does not say %s", l, text)
			}
		}
		if got := strings.Count(buf.String(), "<del>"); got != 2 {
			t.Errorf("%s: %d records are struck out, want 2", l, got)
		}
	}
}

// TestSourcesAreShown holds that what an item was made of stands on its page, with
// what that was made of in its turn.
func TestSourcesAreShown(t *testing.T) {
	var buf bytes.Buffer
	if err := newTestPages(t).Item(&buf, En, testKit()); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Reishi Spore Oil Capsules", "Batch S20260918 · Used in making something else", "GTIN 06901234567885", "It was made of these",
		`href="/01/06901234567861/10/S20260918"`, "This lot of tea is being recalled.", "About the product", "Organic certificate", "certificates.lanzhi.example"} {
		if !strings.Contains(buf.String(), text) {
			t.Errorf("the page does not say %s", text)
		}
	}
}

// TestEmptyItemRenders holds that nothing that may be absent is needed.
func TestEmptyItemRenders(t *testing.T) {
	p := newTestPages(t)
	for _, level := range []Level{LevelItem, LevelLot, LevelProduct, LevelUnit} {
		for _, v := range append(verdicts, None) {
			for _, l := range langs {
				var buf bytes.Buffer
				if err := p.Item(&buf, l, &Item{Level: level, Verdict: v}); err != nil {
					t.Errorf("%s %q %s: %v", level, v, l, err)
				}
				if !strings.Contains(buf.String(), "<h1>") || strings.Contains(buf.String(), "no value") {
					t.Errorf("%s %q %s: the page is not whole", level, v, l)
				}
			}
		}
	}
}

func TestChoose(t *testing.T) {
	for _, tt := range []struct {
		query, cookie, accept string
		want                  Lang
		chosen                bool
	}{
		{"", "", "", Zh, false},
		{"", "", "zh-CN,zh;q=0.9,en;q=0.8", Zh, false},
		{"", "", "en-US,en;q=0.9", En, false},
		{"", "", "zh-TW", Zh, false},
		{"", "", "fr-FR, en;q=0.5", En, false},
		{"", "", "ja", Zh, false},
		{"", "", ";;;q=x", Zh, false},
		{"", "", strings.Repeat("en,", 5000), Zh, false},
		{"", "en", "zh", En, false},
		{"zh", "en", "en", Zh, true},
		{"en", "", "zh", En, true},
		{"xx", "yy", "en", En, false},
	} {
		if l, chosen := Choose(tt.query, tt.cookie, tt.accept); l != tt.want || chosen != tt.chosen {
			t.Errorf("%q %q %.30q: got %s %t, want %s %t", tt.query, tt.cookie, tt.accept, l, chosen, tt.want, tt.chosen)
		}
	}
}

func TestScansAreSaid(t *testing.T) {
	first := time.Date(2026, 11, 3, 0, 30, 0, 0, time.FixedZone("", 8*3600))
	for _, tt := range []struct {
		scans *Scans
		want  Text
	}{
		{nil, Text{}},
		{&Scans{}, Text{"此码此前没有查询记录。", "No earlier look-up of this code is on record."}},
		{&Scans{First: first, Count: 1}, Text{"首次查询：2026-11-03；共查询 1 次", "First looked up: 2026-11-03; look-ups so far: 1"}},
		{&Scans{First: first, Count: 3, City: Text{Zh: "浙江杭州"}}, Text{"首次查询：2026-11-03，浙江杭州；共查询 3 次", "First looked up: 2026-11-03, 浙江杭州; look-ups so far: 3"}},
	} {
		for _, l := range langs {
			var buf bytes.Buffer
			if err := newTestPages(t).Item(&buf, l, &Item{Level: LevelItem, Verdict: Consistent, Scans: tt.scans}); err != nil {
				t.Fatal(err)
			}
			m := regexp.MustCompile(`<p class="scans">(.*?)</p>`).FindStringSubmatch(buf.String())
			got := ""
			if m != nil {
				got = m[1]
			}
			want := tt.want.Zh
			if l == En {
				want = tt.want.En
			}
			if got != want {
				t.Errorf("%s: got %q, want %q", l, got, want)
			}
		}
	}
}

// TestBannerSaysWhomToAsk holds that a page which sends people to the brand names
// whom to ask at once, and any other page further down.
func TestBannerSaysWhomToAsk(t *testing.T) {
	const contact = "400-000-0000"
	for verdict, inBanner := range map[Verdict]bool{
		None: false, Consistent: false, Recalled: false, Unknown: false, Warning: true, Suspicious: true, NeverIssued: true,
	} {
		var buf bytes.Buffer
		item := &Item{Level: LevelItem, Verdict: verdict, Contact: Text{contact, contact}}
		if err := newTestPages(t).Item(&buf, En, item); err != nil {
			t.Fatal(err)
		}
		banner, rest, _ := strings.Cut(buf.String(), "</section>")
		if strings.Contains(banner, contact) != inBanner || strings.Contains(rest, contact) == inBanner {
			t.Errorf("%q: the contact must stand once, in the banner: %t", verdict, inBanner)
		}
	}
}

func TestWarningsSayWhatToDo(t *testing.T) {
	p := newTestPages(t)
	for _, code := range []string{"void", "not-active", "claimed-twice"} {
		for _, l := range langs {
			var buf bytes.Buffer
			finding := Finding{Code: code, Severity: "warning", Text: Text{"事实", "a fact"}}
			if err := p.Item(&buf, l, &Item{Level: LevelItem, Verdict: Warning, Findings: []Finding{finding}}); err != nil {
				t.Fatal(err)
			}
			advice := p.words[l].Advice[code]
			if banner, _, _ := strings.Cut(buf.String(), "</section>"); advice == "" || !strings.Contains(banner, advice) {
				t.Errorf("%s: %s: no advice in the banner", l, code)
			}
		}
	}
}

func TestTimesAreLocal(t *testing.T) {
	at := time.Date(2026, 10, 3, 15, 4, 5, 0, time.FixedZone("", 8*3600))
	if got := instant(Zh, at) + " " + zone(at); got != "2026年10月3日 15:04 UTC+8" {
		t.Errorf("got %s", got)
	}
	if got := instant(En, at); got != "3 Oct 2026, 15:04" {
		t.Errorf("got %s", got)
	}
	for seconds, want := range map[int]string{0: "UTC", -3*3600 - 1800: "UTC−3:30", 5*3600 + 45*60: "UTC+5:45"} {
		if got := zone(at.In(time.FixedZone("", seconds))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	item := testItem(Consistent)
	abroad := item.Events[2]
	abroad.At = abroad.At.In(time.FixedZone("", 0))
	item.Events[2] = abroad
	var buf bytes.Buffer
	if err := newTestPages(t).Item(&buf, Zh, item); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(buf.String(), "(UTC&#43;8)"); got != len(item.Events)-1 || !strings.Contains(buf.String(), "(UTC)") {
		t.Errorf("of %d events in two zones %d show theirs", len(item.Events), got)
	}
}

// TestClockOfNoPlace checks that a record without a place, made by a machine whose
// clock is set to UTC, is shown at the time of the places around it.
func TestClockOfNoPlace(t *testing.T) {
	item := testItem(Consistent)
	last := item.Events[len(item.Events)-1]
	item.Events[0].At = item.Events[0].At.UTC()
	item.Events = append(item.Events, Event{Kind: "claim", At: last.At.Add(time.Hour).UTC(), Party: brand})
	var buf bytes.Buffer
	if err := newTestPages(t).Item(&buf, Zh, item); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2026年10月20日 12:31", "2026年10月2日 09:12", "均为当地时间（UTC&#43;8）"} {
		if !strings.Contains(buf.String(), want) {
			t.Errorf("the page does not say %s", want)
		}
	}
	if strings.Contains(buf.String(), "(UTC") {
		t.Error("times say their zones although all places share one")
	}
}

// TestHeadlineEndsLines checks that a Chinese headline without a comma may be
// broken after the brand's name, and says the same when it is.
func TestHeadlineEndsLines(t *testing.T) {
	for _, c := range []struct {
		verdict Verdict
		lang    Lang
		want    string
	}{
		{NeverIssued, Zh, "岚芝堂|没有签发过此码"},
		{NeverIssued, En, "Lanzhi has never issued this code"},
		{Consistent, Zh, "此码由岚芝堂签发，流通记录一致"},
		{Recalled, Zh, "该产品正在召回，请停止使用"},
	} {
		p := newTestPages(t)
		item := testItem(c.verdict)
		page := newItemPage(p.frame(c.lang), item, timelineOf(item))
		if got := strings.Join(page.LeadWords(), "|"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.verdict, got, c.want)
		}
	}
}
