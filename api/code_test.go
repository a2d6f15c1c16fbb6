package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/proof"
)

const (
	testGTIN   = "06901234567892"
	testSerial = "0000G40R40M30E209185" // not checked by the fake
)

// testAnswer is what the fake says about a code.
type testAnswer struct {
	answer *trace.Answer
	bundle *proof.Bundle
	err    error
	panics bool
}

// fakeTrails answers by path of the asked link, or for "*" always.
type fakeTrails struct{ n *fakeNode }

func (f fakeTrails) find(uri string, v Viewer) (testAnswer, error) {
	f.n.mu.Lock()
	defer f.n.mu.Unlock()
	f.n.asked = append(f.n.asked, uri+" "+v.Member)
	u, err := url.Parse(uri)
	if err != nil {
		return testAnswer{}, err
	}
	a, ok := f.n.answers["*"]
	if !ok {
		if a, ok = f.n.answers[u.Path]; !ok {
			return a, NewProblem(http.StatusNotFound, "unknown-product", "nobody has registered this product")
		}
	}
	if a.panics {
		panic("test")
	}
	return a, a.err
}

func (f fakeTrails) Answer(_ context.Context, uri string, v Viewer) (*Known, error) {
	a, err := f.find(uri, v)
	return &Known{Answer: a.answer, Links: f.links}, err
}

func (f fakeTrails) Proof(_ context.Context, uri string, v Viewer) (*proof.Bundle, error) {
	a, err := f.find(uri, v)
	return a.bundle, err
}

func (f fakeTrails) links() ([]trace.Link, error) {
	f.n.mu.Lock()
	defer f.n.mu.Unlock()
	return f.n.links, nil
}

// testContact is whom the product's record names.
const testContact = "400-000-0000"

// newAnswer is an answer about an item that was made, shipped, received and sold.
func newAnswer(verdict trace.Verdict) *trace.Answer {
	brand := trace.PartyView{Member: "lanzhi", Zh: "兰芷", En: "Lanzhi"}
	wh := trace.PartyView{Member: "wh", Zh: "东仓", En: "East Warehouse"}
	id := func(n int) ledger.Hash { return ledger.Keccak([]byte{byte(n)}) }
	east := &trace.PlaceView{ID: "wh/east", Kind: "warehouse", Country: "CN", Region: "CN-SH", Zh: "上海", En: "Shanghai"}
	return &trace.Answer{
		URI: "https://id.gs1.org/01/" + testGTIN + "/21/" + testSerial, Verdict: verdict,
		Trail: &trace.TrailView{
			URI: "https://id.gs1.org/01/" + testGTIN + "/21/" + testSerial, GTIN: testGTIN, Serial: testSerial, Lot: "L7", Verdict: verdict,
			Product: &trace.ProductView{GTIN: testGTIN, Version: 1, Brand: brand, Fields: trace.Values{
				"names": trace.Names{Zh: "兰芷花露", En: "Lanzhi Floral Water"}, "net_content": "750 mL", "shelf_life_days": uint64(365),
				"licences": []string{"SC1", "SC2"}, "picture": id(99), "contact": testContact,
			}},
			Custody: &trace.CustodyView{State: trace.Sold, Holder: ""},
			Events: []trace.EventView{
				{ID: id(1), Kind: "activate", At: "2026-10-03T15:40:00.000+08:00", Recorded: "2026-10-03T07:40:01.000Z", Party: brand, Chain: "lanzhi/1", Seq: 5,
					Fields: trace.Values{"lot": "L7", "produced": "2026-10-03", "expires": "2027-10-02"}},
				{ID: id(2), Kind: "inspect", At: "2026-10-04T09:00:00.000+08:00", Party: brand, Chain: "lanzhi/1", Seq: 7,
					Fields: trace.Values{"type": "quality", "result": "pass", "issuer": "省食检所", "document": id(98)}},
				{ID: id(3), Kind: "receive", At: "2026-10-06T14:22:00.000+08:00", Party: wh, Place: east, Chain: "wh/2", Seq: 8, Fields: trace.Values{}},
				{ID: id(4), Kind: "sell", At: "2026-10-20T11:31:00.000+08:00", Party: wh, Place: east, Chain: "wh/2", Seq: 9,
					Fields: trace.Values{"channel": "online", "region": "CN-JS"}},
			},
			Findings: []trace.FindingView{}, AsOf: map[string]uint64{"lanzhi/1": 42, "wh/2": 10}, Rules: 1,
		},
		Pending: []trace.EventView{},
		Assurance: []trace.Assurance{
			{Chain: "lanzhi/1", Size: 42, Cosigned: 4, Of: 4, Quorum: 3},
			{Chain: "wh/2", Size: 10, Cosigned: 3, Of: 4, Quorum: 3},
		},
		Now: trace.Now{Time: "2026-11-21T00:00:00.000Z", Expires: "2027-10-02", Findings: []trace.FindingView{}},
	}
}

const itemPath = "/01/" + testGTIN + "/21/" + testSerial

func newCodeServer(t testing.TB) (*Server, *fakeNode) {
	n := newFakeNode()
	n.answers[itemPath] = testAnswer{answer: newAnswer(trace.Consistent)}
	product := newAnswer(trace.Unknown)
	product.Trail.Serial, product.Trail.Events, product.Trail.Custody, product.Assurance = "", nil, nil, nil
	n.answers["/01/"+testGTIN] = testAnswer{answer: product}
	n.answers["/01/"+testGTIN+"/10/L7"] = testAnswer{answer: product}
	n.answers["/00/006141411234567890"] = testAnswer{answer: &trace.Answer{Verdict: trace.Consistent, Trail: &trace.TrailView{SSCC: "006141411234567890"}}}
	never := newAnswer(trace.NeverIssued)
	never.Trail.Events, never.Trail.Custody, never.Assurance = nil, nil, nil
	n.answers["/01/"+testGTIN+"/21/NEVER"] = testAnswer{answer: never, bundle: &proof.Bundle{Code: proof.Code{Absent: &proof.Absence{}}}}
	n.answers["/01/"+testGTIN+"/21/TYPO"] = testAnswer{err: fmt.Errorf("parse serial: %w", code.ErrCheckCharacter)}
	return newTestServer(t, n), n
}

func TestCodeIsPageJSONOrLinkset(t *testing.T) {
	s, _ := newCodeServer(t)
	for _, tt := range []struct {
		name, target, accept string
		want                 string
	}{
		{"a browser", itemPath, "text/html,application/xhtml+xml,*/*;q=0.8", typeHTML},
		{"anybody", itemPath, "*/*", typeHTML},
		{"a program", itemPath, "application/json", typeJSON},
		{"a resolver's client", itemPath, "application/linkset+json", typeLinkset},
		{"linkset before json", itemPath, "application/linkset+json, application/json;q=0.5", typeLinkset},
		{"linkType=all", itemPath + "?linkType=all", "text/html", typeLinkset},
		{"linkType=linkset", itemPath + "?linkType=linkset", "*/*", typeLinkset},
		{"its own link", itemPath + "?linkType=gs1:traceability", "text/html", typeHTML},
		{"default link", itemPath + "?linkType=gs1:defaultLink", "text/html", typeHTML},
		{"a product", "/01/" + testGTIN, "text/html", typeHTML},
		{"a lot", "/01/" + testGTIN + "/10/L7", "text/html", typeHTML},
		{"a unit", "/00/006141411234567890", "text/html", typeHTML},
		{"slash at the end", itemPath + "/", "text/html", typeHTML},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := ask(t, s, "GET", tt.target, "", "Accept", tt.accept)
			if r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), tt.want) {
				t.Fatalf("got %d %s, want %s: %s", r.StatusCode, r.Header.Get("Content-Type"), tt.want, r.body)
			}
			if r.Header.Get("Cache-Control") != cacheNever || !strings.Contains(r.Header.Get("Vary"), "Accept") {
				t.Errorf("got caching %q, vary %q", r.Header.Get("Cache-Control"), r.Header.Get("Vary"))
			}
			if tt.want == typeHTML && !strings.Contains(r.Header.Get("Content-Security-Policy"), "style-src 'sha256-") {
				t.Errorf("got policy %q", r.Header.Get("Content-Security-Policy"))
			}
		})
	}
	checkProblem(t, ask(t, s, "GET", itemPath, "", "Accept", "image/png"), 406, codeNotAcceptable)
	if r := ask(t, s, "HEAD", itemPath, ""); r.StatusCode != 200 || r.body != "" {
		t.Errorf("HEAD: got %d %q", r.StatusCode, r.body)
	}
}

func TestCodeErrors(t *testing.T) {
	s, _ := newCodeServer(t)
	for _, tt := range []struct {
		target string
		status int
		code   string
	}{
		{"/01/06901234567893", 400, "gtin-check-digit"},
		{"/01/0690123456789X", 400, "gtin-character"},
		{"/01/069012345678", 400, "gtin-check-digit"}, // a GTIN-12 with another check digit
		{"/01/1", 400, "gtin-length"},
		{"/01/" + testGTIN + "/21/TYPO", 400, codeCheckChar},
		{"/01/" + testGTIN + "/17/260131", 400, "key-qualifier"},
		{"/01/" + testGTIN + "/21/A/10/B", 400, "key-qualifier"},
		{"/01/" + testGTIN + "/21/" + strings.Repeat("A", 21), 400, "ai-length"},
		{"/01/" + testGTIN + "/21/%00", 400, "ai-character"},
		{"/00/006141411234567891", 400, "sscc-check-digit"},
		{"/01/06901234500004", 404, "unknown-product"},
		{itemPath + "?linkType=gs1:recipeInfo", 404, codeLinkType},
	} {
		r := ask(t, s, "GET", tt.target, "")
		if checkProblem(t, r, tt.status, tt.code); t.Failed() {
			t.Fatalf("at %s", tt.target)
		}
		page := ask(t, s, "GET", tt.target, "", "Accept", "text/html", "Accept-Language", "en")
		if page.StatusCode != tt.status || !strings.Contains(page.body, tt.code) || !strings.Contains(page.body, "<form") {
			t.Errorf("%s: the page has status %d and does not show %s with a form", tt.target, page.StatusCode, tt.code)
		}
	}
}

// TestNeverIssuedIsAnAnswer tells a code that was never issued from a typing
// mistake, in status, code and words.
func TestNeverIssuedIsAnAnswer(t *testing.T) {
	s, _ := newCodeServer(t)
	never := ask(t, s, "GET", "/01/"+testGTIN+"/21/NEVER", "", "Accept", "text/html", "Accept-Language", "zh")
	if never.StatusCode != 200 || !strings.Contains(never.body, "兰芷没有签发过此码") {
		t.Errorf("never issued: got %d %s", never.StatusCode, never.body)
	}
	typo := ask(t, s, "GET", "/01/"+testGTIN+"/21/TYPO", "", "Accept", "text/html", "Accept-Language", "zh")
	if typo.StatusCode != 400 || !strings.Contains(typo.body, "序列号输错了") || strings.Contains(typo.body, "没有签发过此码") {
		t.Errorf("typo: got %d %s", typo.StatusCode, typo.body)
	}
	for _, want := range []string{`value="` + testGTIN + `"`, `value="TYPO"`, `aria-invalid="true"`} {
		if !strings.Contains(typo.body, want) {
			t.Errorf("the form for correcting lacks %s", want)
		}
	}
	linkset := ask(t, s, "GET", "/01/"+testGTIN+"/21/NEVER?linkType=linkset", "")
	if linkset.StatusCode != 200 || !strings.Contains(linkset.body, testBase+"/01/"+testGTIN+`"`) {
		t.Errorf("the linkset of an unknown item lacks its product: %s", linkset.body)
	}
}

func TestShortGTINIsRedirected(t *testing.T) {
	s, _ := newCodeServer(t)
	r := ask(t, s, "GET", "/01/6901234567892/21/"+testSerial+"?lang=en", "")
	if want := testBase + itemPath; r.StatusCode != 308 || r.Header.Get("Location") != want {
		t.Errorf("got %d %q, want 308 %q", r.StatusCode, r.Header.Get("Location"), want)
	}
}

func TestLinkTypeIsFollowed(t *testing.T) {
	s, _ := newCodeServer(t)
	for _, linkType := range []string{"gs1:pip", "https://ref.gs1.org/voc/pip"} {
		r := ask(t, s, "GET", itemPath+"?x=1&linkType="+url.QueryEscape(linkType)+"&y=%20", "")
		if want := testBase + "/01/" + testGTIN + "?x=1&y=%20"; r.StatusCode != 307 || r.Header.Get("Location") != want && r.Header.Get("Location") != strings.ReplaceAll(want, "%20", "+") {
			t.Errorf("%s: got %d %q, want 307 %q", linkType, r.StatusCode, r.Header.Get("Location"), want)
		}
	}
}

func TestPageShowsTheAnswer(t *testing.T) {
	s, n := newCodeServer(t)
	r := ask(t, s, "GET", itemPath, "", "Accept", "text/html", "Accept-Language", "zh-CN,zh;q=0.9")
	for _, want := range []string{
		"此码由兰芷签发，流通记录一致", "名单中4家公司有3家已存证", "兰芷花露", "750 mL", "2026年10月3日", "2027年10月2日", "SC1、SC2", "L7",
		documentsPath + ledger.Keccak([]byte{99}).String(), documentsPath + ledger.Keccak([]byte{98}).String(), "质量检验", "合格 · 省食检所",
		"东仓", "上海 仓库", "2026年10月6日 14:22", "网上", "江苏", trace.CautionZh, n.net.Network.ID.String(), "trace.lanzhi.example",
		"0000 G40R 40M3 0E20 9185",
	} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(r.body, "<script") {
		t.Error("the page has a script")
	}
	en := ask(t, s, "GET", itemPath+"?lang=en", "", "Accept", "text/html", "Accept-Language", "zh")
	if !strings.Contains(en.body, "Issued by Lanzhi; the records agree") || !strings.Contains(en.body, "3 of 4 named companies have stored this") {
		t.Error("the English page lacks its verdict")
	}
	cookie := en.Header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "lang=en;") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "secure") {
		t.Errorf("got cookie %q", cookie)
	}
	kept := ask(t, s, "GET", itemPath, "", "Accept", "text/html", "Accept-Language", "zh", "Cookie", "lang=en")
	if !strings.Contains(kept.body, "Issued by Lanzhi") {
		t.Error("the chosen language is not kept")
	}
}

func TestPageMarksWhatWarns(t *testing.T) {
	s, n := newCodeServer(t)
	a := newAnswer(trace.Warn)
	a.Trail.Findings = []trace.FindingView{{Code: "received-not-shipped", Severity: trace.Warning, Zh: "东仓收货，没有发货记录。", En: "No shipment.", Records: []ledger.Hash{a.Trail.Events[2].ID}}}
	a.Pending = []trace.EventView{{ID: ledger.Hash{7}, Kind: "ship", At: "2026-11-20T10:00:00.000+08:00", Party: a.Trail.Events[3].Party}}
	n.answers[itemPath] = testAnswer{answer: a}
	r := ask(t, s, "GET", itemPath, "", "Accept", "text/html")
	for _, want := range []string{"此码由兰芷签发，有一项请留意：<span>东仓收货，没有发货记录</span></h1>", `<li class="marked">`, "等待存证"} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Count(r.body, `class="marked"`) != 1 {
		t.Error("other events are marked too")
	}
}

// TestForbiddenClaims holds that no page promises what nobody can.
func TestForbiddenClaims(t *testing.T) {
	s, n := newCodeServer(t)
	for _, verdict := range []trace.Verdict{trace.Consistent, trace.Warn, trace.Suspicious, trace.Recalled, trace.NeverIssued, trace.Unknown} {
		n.answers[itemPath] = testAnswer{answer: newAnswer(verdict)}
		for _, lang := range []string{"zh", "en"} {
			_, page, _ := strings.Cut(ask(t, s, "GET", itemPath+"?lang="+lang, "", "Accept", "text/html").body, "</style>")
			for _, claim := range []string{"正品", "保真", "不可篡改", "100%", "genuine", "authentic ", "guarantee", "tamper-proof"} {
				if strings.Contains(page, claim) {
					t.Errorf("%s/%s: the page says %q", verdict, lang, claim)
				}
			}
		}
	}
}

func TestTrail(t *testing.T) {
	s, n := newCodeServer(t)
	for _, uri := range []string{
		testBase + itemPath, "HTTPS://TRACE.LANZHI.EXAMPLE" + itemPath, itemPath, "(01)" + testGTIN + "(21)" + testSerial,
	} {
		r := ask(t, s, "GET", "/api/v1/trail?uri="+url.QueryEscape(uri), "")
		a := decode[map[string]any](t, r)
		if r.StatusCode != 200 || a["verdict"] != "consistent" || r.Header.Get("Cache-Control") != cacheNever {
			t.Errorf("%s: got %d %s", uri, r.StatusCode, r.body)
		}
		for _, name := range []string{"uri", "verdict", "trail", "pending", "assurance", "now"} {
			if _, ok := a[name]; !ok {
				t.Errorf("%s: the answer lacks %s", uri, name)
			}
		}
	}
	ask(t, s, "GET", "/api/v1/trail?uri="+url.QueryEscape(itemPath), "", "Authorization", "Bearer reader")
	if last := n.asked[len(n.asked)-1]; last != testBase+itemPath+" wh" {
		t.Errorf("a member's token asks %q", last)
	}
	for uri, want := range map[string]string{
		"https://x.example/01/06901234567893": "gtin-check-digit", "https://x.example/": "not-digital-link",
		"nonsense": "not-digital-link", "(01)": "gtin-length", "https://id.gs1.org/414/9520123456788": codeParameter,
	} {
		if p := checkProblem(t, ask(t, s, "GET", "/api/v1/trail?uri="+url.QueryEscape(uri), ""), 400, want); p.Field != "uri" {
			t.Errorf("%s: got field %q", uri, p.Field)
		}
	}
}

func TestAbsenceProofsAreLimited(t *testing.T) {
	s, n := newCodeServer(t)
	n.answers[itemPath] = testAnswer{bundle: &proof.Bundle{Code: proof.Code{Issued: &proof.Inclusion{}}}}
	absent, issued := "/api/v1/proof?uri=/01/"+testGTIN+"/21/NEVER", "/api/v1/proof?uri="+itemPath
	for i := range absenceBurst {
		if r := ask(t, s, "GET", absent, ""); r.StatusCode != 200 {
			t.Fatalf("proof %d: got %d %s", i, r.StatusCode, r.body)
		}
	}
	r := ask(t, s, "GET", absent, "")
	checkProblem(t, r, 429, codeRate)
	if r.Header.Get("Retry-After") == "" {
		t.Error("Retry-After is missing")
	}
	if r := ask(t, s, "GET", issued, ""); r.StatusCode != 200 {
		t.Errorf("proofs of issued codes are limited too: got %d", r.StatusCode)
	}
	if r := ask(t, s, "GET", absent, "", "Authorization", "Bearer reader"); r.StatusCode != 200 {
		t.Errorf("members are limited: got %d", r.StatusCode)
	}
}

func TestEntryForm(t *testing.T) {
	s, _ := newCodeServer(t)
	for _, tt := range []struct {
		name, query string
		status      int
		want        string // Location, or something on the page
	}{
		{"empty", "", 200, "<form"},
		{"nothing typed", "gtin=&serial=&link=", 400, "请填写"},
		{"GTIN-13 and serial", "gtin=6901234567892&serial=NEVER", 303, "/01/" + testGTIN + "/21/NEVER"},
		{"spaces and hyphens", "gtin=6901+2345-67892&serial=0000+g4or-40m3+0e20+9185", 303, "/01/" + testGTIN + "/21/0000G40R40M30E209185"},
		{"foreign serial keeps its letters", "gtin=6901234567892&serial=aB-l0O", 303, "/01/" + testGTIN + "/21/aB-l0O"},
		{"serial with a slash", "gtin=6901234567892&serial=a/b", 303, "/01/" + testGTIN + "/21/a%2Fb"},
		{"only the product", "gtin=" + testGTIN, 303, "/01/" + testGTIN},
		{"wrong check digit", "gtin=6901234567893&serial=X", 400, "至少有一位数字输错"},
		{"wrong length", "gtin=123", 400, "应为 8、12、13 或 14 位数字"},
		{"only a serial", "serial=ABC", 400, `name="serial" value="ABC"`},
		{"pasted link", "link=" + url.QueryEscape("HTTPS://OTHER.EXAMPLE"+itemPath), 303, itemPath},
		{"pasted element string", "link=" + url.QueryEscape("(01)"+testGTIN+"(21)NEVER"), 303, "/01/" + testGTIN + "/21/NEVER"},
		{"pasted nonsense", "link=hello", 400, "不是商品码的网址"},
		{"script", "gtin=" + url.QueryEscape(`"><script>alert(1)</script>`), 400, "&lt;script&gt;"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := ask(t, s, "GET", "/?"+tt.query, "", "Accept", "text/html")
			got := r.body
			if tt.status == 303 {
				got = r.Header.Get("Location")
				if got != tt.want {
					t.Errorf("got Location %q, want %q", got, tt.want)
				}
			}
			if r.StatusCode != tt.status || !strings.Contains(got, tt.want) {
				t.Errorf("got %d, want %d and %q in %s", r.StatusCode, tt.status, tt.want, got)
			}
		})
	}
}

func TestLinkHeaderNamesTheLinkset(t *testing.T) {
	s, _ := newCodeServer(t)
	r := ask(t, s, "GET", itemPath, "", "Accept", "text/html")
	if want := testBase + itemPath + "?linkType=linkset"; !strings.Contains(r.Header.Get("Link"), want) {
		t.Errorf("got Link %q, want %q in it", r.Header.Get("Link"), want)
	}
}

// TestStringsOutliveHandlers holds that what was read from one request does not
// change with the next ones.
func TestStringsOutliveHandlers(t *testing.T) {
	s, n := newCodeServer(t)
	n.answers["*"] = testAnswer{answer: newAnswer(trace.Consistent)}
	var want []string
	for i := range 50 {
		serial := fmt.Sprintf("S%03d%s", i, strings.Repeat(string(rune('A'+i%26)), i%15))
		ask(t, s, "GET", "/01/"+testGTIN+"/21/"+serial, "", "Accept", "application/json")
		want = append(want, testBase+"/01/"+testGTIN+"/21/"+serial+" ")
	}
	if !slices.Equal(n.asked, want) {
		t.Errorf("got %q", n.asked)
	}
}

func TestLinksOfEveryKey(t *testing.T) {
	for _, uri := range []string{"https://x.example" + itemPath, "https://x.example/00/006141411234567890"} {
		l, err := gs1.ParseLink(uri)
		if err != nil {
			t.Fatal(err)
		}
		set := directoryOf(l, "", nil).targets
		if len(set[linkDefault]) != 1 {
			t.Errorf("%s: got %d default links, want 1", uri, len(set[linkDefault]))
		}
		if !slices.ContainsFunc(set[linkTraceability], func(x target) bool { return x.Href == set[linkDefault][0].Href }) {
			t.Errorf("%s: the default link is not listed under a descriptive type", uri)
		}
	}
}
