package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	keep "suyuan/node/scan"
	"suyuan/trace"
	"suyuan/trace/scan"
)

// phone is a browser as many have it.
const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.50"

// fakeScans counts in memory what a test server is asked.
type fakeScans struct {
	fakeTrails
	summary *scan.Summary

	mu    sync.Mutex // guards what follows
	taken []string
	last  Visitor
}

func (f *fakeScans) Answer(ctx context.Context, uri string, v Viewer) (*Known, error) {
	k, err := f.fakeTrails.Answer(ctx, uri, v)
	k.Scans = f.summary
	return k, err
}

func (f *fakeScans) Token(a *trace.Answer) string {
	if a.Trail.Serial == "" {
		return ""
	}
	return "token-" + strings.ToLower(a.Trail.Serial[:4])
}

func (f *fakeScans) Take(token string, v Visitor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	place := v.Proxy("X-Place")
	f.taken, f.last = append(f.taken, token+" "+v.Addr.String()+" "+place), v
}

func newScanServer(t testing.TB, edit ...func(*Config)) (*Server, *fakeScans) {
	_, n := newCodeServer(t)
	f := &fakeScans{fakeTrails: fakeTrails{n}}
	s := newTestServer(t, n, append([]func(*Config){func(c *Config) { c.Trails = f }}, edit...)...)
	return s, f
}

var pictureIn = regexp.MustCompile(`<img class="beacon" src="(/scan/[A-Za-z0-9_-]+\.png)" alt="" width="1" height="1">`)

// TestPageCountsByItsPicture holds that a page counts when its picture is
// loaded, and not when it is fetched: neither script nor form is needed.
func TestPageCountsByItsPicture(t *testing.T) {
	s, f := newScanServer(t)
	page := ask(t, s, "GET", itemPath, "", "Accept", "text/html", "User-Agent", phone)
	m := pictureIn.FindStringSubmatch(page.body)
	if m == nil {
		t.Fatalf("the page has no picture: %s", page.body)
	}
	if strings.Contains(page.body, "<script") {
		t.Error("the page has a script")
	}
	if len(f.taken) != 0 {
		t.Error("the page counts without its picture")
	}
	cookies := page.Cookies()
	if len(cookies) != 1 || cookies[0].Name != visitorCookie || len(cookies[0].Value) != 22 || !cookies[0].HttpOnly || !cookies[0].Secure ||
		cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].MaxAge != 365*24*3600 || cookies[0].Path != "/" {
		t.Errorf("got cookies %+v", cookies)
	}
	// A phone shows the page that it kept: the picture is loaded again.
	for range 2 {
		r := ask(t, s, "GET", m[1], "", "User-Agent", phone, "Cookie", visitorCookie+"="+cookies[0].Value,
			"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Dest", "image")
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != typePNG || r.Header.Get("Cache-Control") != cacheNever {
			t.Fatalf("got %d %v", r.StatusCode, r.Header)
		}
		if img, err := png.Decode(strings.NewReader(r.body)); err != nil || img.Bounds().Dx() != 1 {
			t.Fatalf("the picture is none: %v", err)
		}
	}
	if len(f.taken) != 2 || !strings.HasPrefix(f.taken[0], "token-0000 ") || f.last.Cookie != cookies[0].Value || f.last.Agent != phone {
		t.Errorf("taken: %q by %+v", f.taken, f.last)
	}
	// The cookie is not given again.
	again := ask(t, s, "GET", itemPath, "", "Accept", "text/html", "Cookie", visitorCookie+"="+cookies[0].Value)
	if len(again.Cookies()) != 0 {
		t.Errorf("a device with a cookie gets %+v", again.Cookies())
	}
}

func TestWhatDoesNotCount(t *testing.T) {
	s, f := newScanServer(t)
	const picture = "/scan/token-0000.png"
	for _, tt := range []struct {
		name    string
		method  string
		headers []string
		counts  bool
	}{
		{"an old browser", "GET", nil, true},
		{"a browser", "GET", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Dest", "image"}, true},
		{"on somebody else's page", "GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "image"}, false},
		{"by its address", "GET", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Dest", "document"}, false},
		{"by a script", "GET", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Dest", "empty"}, false},
		{"before anybody looks", "GET", []string{"Sec-Purpose", "prefetch;prerender"}, false},
		{"the same in an old browser", "GET", []string{"Purpose", "prefetch"}, false},
		{"only asked whether it is there", "HEAD", nil, false},
		{"staff", "GET", []string{"Authorization", "Bearer " + testToken}, false},
		{"a wrong token", "GET", []string{"Authorization", "Bearer wrong"}, false},
	} {
		before := len(f.taken)
		r := ask(t, s, tt.method, picture, "", append(tt.headers, "User-Agent", phone)...)
		if r.StatusCode != 200 {
			t.Errorf("%s: got %d", tt.name, r.StatusCode)
		}
		if got := len(f.taken) > before; got != tt.counts {
			t.Errorf("%s: counts %t, want %t", tt.name, got, tt.counts)
		}
	}
	for _, cookie := range []string{"", "x", strings.Repeat("A", 23), strings.Repeat("=", 22), strings.Repeat("A", 21) + "B"} {
		ask(t, s, "GET", picture, "", "User-Agent", phone, "Cookie", visitorCookie+"="+cookie)
		if f.last.Cookie != "" {
			t.Errorf("the cookie %q is taken", cookie)
		}
	}
}

// TestStaffAndProgramsGetNoPicture holds that who is known as staff leaves no
// trace, and that programs, codes of nobody and nodes without scans have none.
func TestStaffGetNoPicture(t *testing.T) {
	s, _ := newScanServer(t)
	plain, _ := newCodeServer(t)
	for _, tt := range []struct {
		name    string
		s       *Server
		target  string
		headers []string
	}{
		{"staff", s, itemPath, []string{"Accept", "text/html", "Authorization", "Bearer " + testToken}},
		{"a program", s, itemPath, []string{"Accept", "application/json"}},
		{"a product", s, "/01/" + testGTIN, []string{"Accept", "text/html"}},
		{"a node that does not count", plain, itemPath, []string{"Accept", "text/html"}},
	} {
		r := ask(t, tt.s, "GET", tt.target, "", tt.headers...)
		if r.StatusCode != 200 || strings.Contains(r.body, "/scan/") || len(r.Cookies()) != 0 {
			t.Errorf("%s: got %d with %v", tt.name, r.StatusCode, r.Cookies())
		}
	}
	if r := ask(t, plain, "GET", "/scan/x.png", ""); r.StatusCode != 200 || r.body != string(pixel) {
		t.Errorf("a node that does not count answers %d", r.StatusCode)
	}
}

func TestPlaceIsBelievedOfTrustedProxies(t *testing.T) {
	for _, tt := range []struct {
		proxies []netip.Prefix
		want    string
	}{
		{nil, "token-0000 0.0.0.0 "},
		{[]netip.Prefix{netip.MustParsePrefix("0.0.0.0/32")}, "token-0000 203.0.113.9 CN;330100"},
	} {
		s, f := newScanServer(t, func(c *Config) { c.TrustedProxies = tt.proxies })
		ask(t, s, "GET", "/scan/token-0000.png", "", "User-Agent", phone, "X-Forwarded-For", "203.0.113.9", "X-Place", "CN;330100")
		if len(f.taken) != 1 || f.taken[0] != tt.want {
			t.Errorf("proxies %v: got %q, want %q", tt.proxies, f.taken, tt.want)
		}
	}
}

func TestScansAreShown(t *testing.T) {
	s, f := newScanServer(t)
	page := func(lang string) string {
		t.Helper()
		return ask(t, s, "GET", itemPath+"?lang="+lang, "", "Accept", "text/html").body
	}
	if strings.Contains(page("zh"), "查询记录。") {
		t.Error("a node that knows nothing says something")
	}
	f.summary = &scan.Summary{Cities: []scan.CityView{}}
	if !strings.Contains(page("zh"), "此码此前没有查询记录。") || !strings.Contains(page("en"), "No earlier look-up of this code is on record.") {
		t.Error("the page does not say that nobody looked the code up")
	}
	first := time.Date(2026, 11, 3, 1, 30, 0, 0, time.FixedZone("", 8*3600))
	city := scan.CityView{Country: "CN", Zh: "浙江杭州", En: "Hangzhou, Zhejiang"}
	f.summary = &scan.Summary{First: &scan.First{At: first}, Count: 3, Devices: 2, Cities: []scan.CityView{city}}
	if !strings.Contains(page("zh"), "首次查询：2026-11-03；共查询 3 次") {
		t.Error("the page does not say when the code was looked up")
	}
	f.summary.First.City = &city
	if !strings.Contains(page("zh"), "首次查询：2026-11-03，浙江杭州；共查询 3 次") ||
		!strings.Contains(page("en"), "First looked up: 2026-11-03, Hangzhou, Zhejiang; look-ups so far: 3") {
		t.Error("the page does not say where the code was looked up")
	}

	r := ask(t, s, "GET", itemPath, "", "Accept", "application/json")
	v := decode[struct {
		URI string `json:"uri"`
		Now map[string]json.RawMessage
	}](t, r)
	want := `{"first":{"at":"2026-11-03T01:30:00+08:00","city":{"country":"CN","zh":"浙江杭州","en":"Hangzhou, Zhejiang"}},"count":3,"devices":2,"cities":[{"country":"CN","zh":"浙江杭州","en":"Hangzhou, Zhejiang"}]}`
	if string(v.Now["scans"]) != want || v.URI == "" || len(v.Now["findings"]) == 0 {
		t.Errorf("got %s, want now.scans %s", r.body, want)
	}
	if strings.Count(r.body, `"now"`) != 1 {
		t.Error("now stands twice")
	}
	f.summary = nil
	if r := ask(t, s, "GET", itemPath, "", "Accept", "application/json"); r.StatusCode != 200 || strings.Contains(r.body, `"scans"`) {
		t.Errorf("scans that do not count, or cannot be had: %d %s", r.StatusCode, r.body)
	}
}

func TestShutdownClosesWhatOutlivesRequests(t *testing.T) {
	s, _ := newScanServer(t)
	closed := 0
	s.AtShutdown(func() error { closed++; return nil })
	l := fasthttputil.NewInmemoryListener()
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	c := client(l)
	if err := get(c, "/healthz"); err != nil {
		t.Fatal(err)
	}
	c.CloseIdleConnections() // which Shutdown would wait for
	if closed != 0 {
		t.Error("closed too early")
	}
	if err := errors.Join(s.Shutdown(context.Background()), <-done); err != nil {
		t.Fatal(err)
	}
	if closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

// realScans counts with a recorder on disk, each token an item of its own.
type realScans struct {
	fakeTrails
	*keep.Recorder
	secret keep.Secret
}

func (r realScans) Answer(ctx context.Context, uri string, v Viewer) (*Known, error) {
	k, err := r.fakeTrails.Answer(ctx, uri, v)
	if err != nil {
		return nil, err
	}
	rec, err := r.Lookup(scan.Key{}, 0)
	k.Scans = scan.Summarize(rec, new(scan.Tally), time.UTC)
	return k, err
}

func (r realScans) Token(*trace.Answer) string {
	return r.secret.Token(scan.Key{}, 0, time.Now())
}

func (r realScans) Take(token string, v Visitor) {
	item, cycle, err := r.secret.OpenToken(token, time.Now())
	if err == nil {
		r.Recorder.Take(item, cycle, scan.Scan{At: time.Now().UnixMilli(), Device: r.secret.Device(v.Cookie, v.Addr, v.Agent)}, r.secret.Network(v.Addr))
	}
}

// newRealScans makes a server with a recorder on disk and a listener for it.
func newRealScans(t testing.TB) (realScans, *fasthttputil.InmemoryListener) {
	t.Helper()
	rec, err := keep.Open(keep.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	_, n := newCodeServer(t)
	scans := realScans{fakeTrails{n}, rec, keep.NewSecret()}
	t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	})
	return scans, serveInMemory(t, newTestServer(t, n, func(c *Config) { c.Trails = scans }))
}

// serveInMemory serves until the test ends.
func serveInMemory(t testing.TB, s *Server) *fasthttputil.InmemoryListener {
	t.Helper()
	l := fasthttputil.NewInmemoryListener()
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return l
}

// get asks over a connection that is kept; key makes a token of its own item.
func get(c *fasthttp.Client, path string) error {
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.SetRequestURI("http://node" + path)
	req.Header.SetUserAgent(phone)
	req.Header.Set("Accept", "text/html")
	if err := c.Do(req, res); err != nil {
		return err
	}
	if res.StatusCode() != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode())
	}
	return nil
}

func (r realScans) picture(i int) string {
	item := scan.Key([]byte(fmt.Sprintf("%016d", i)))
	return "/scan/" + r.secret.Token(item, 0, time.Now()) + ".png"
}

// TestBurstOfScans sends a burst through HTTP and looks whether all of it was
// written.
func TestBurstOfScans(t *testing.T) {
	scans, l := newRealScans(t)
	const burst, callers = 3_000, 16
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			c := client(l)
			for i := int(next.Add(1)); i <= burst; i = int(next.Add(1)) {
				if err := get(c, scans.picture(i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := scans.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got, want := scans.Stats(), (keep.Stats{Counted: burst}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func client(l *fasthttputil.InmemoryListener) *fasthttp.Client {
	return &fasthttp.Client{Dial: func(string) (conn net.Conn, err error) { return l.Dial() }}
}

// BenchmarkScans measures, through HTTP, pages of a node that does not count,
// pages with the picture's token, and pictures that are written, beside each
// other.
func BenchmarkScans(b *testing.B) {
	scans, counting := newRealScans(b)
	plain, _ := newCodeServer(b)
	var next atomic.Int64
	run := func(b *testing.B, l *fasthttputil.InmemoryListener, path func(i int) string) {
		b.RunParallel(func(pb *testing.PB) {
			c := client(l)
			for pb.Next() {
				if err := get(c, path(int(next.Add(1)))); err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	}
	page := func(int) string { return itemPath }
	silent := serveInMemory(b, plain)
	b.Run("plain page", func(b *testing.B) { run(b, silent, page) })
	b.Run("page", func(b *testing.B) { run(b, counting, page) })
	b.Run("picture", func(b *testing.B) {
		before := scans.Stats()
		run(b, counting, scans.picture)
		if err := scans.Flush(context.Background()); err != nil {
			b.Fatal(err)
		}
		st := scans.Stats()
		b.ReportMetric(float64(st.Counted-before.Counted)/b.Elapsed().Seconds(), "written/s")
		b.ReportMetric(float64(st.Dropped-before.Dropped), "dropped")
	})
}

// browserPatience is how long the test waits for a browser, on machines that do much
// else.
const browserPatience = 5 * time.Minute

// TestBrowserWithoutScriptCounts has a real browser, with scripts switched off,
// load the page twice.
func TestBrowserWithoutScriptCounts(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: the browser takes some seconds")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no chromium found, and CI=true requires the browser tests")
		}
		t.Skip("SKIPPED: no chromium found, so that no page was counted in a browser")
	}
	s, f := newScanServer(t, func(c *Config) { c.BaseURL = "" })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserAgent(phone), chromedp.WSURLReadTimeout(browserPatience))
	timed, stopTimer := context.WithTimeout(context.Background(), browserPatience)
	t.Cleanup(stopTimer)
	alloc, stopAlloc := chromedp.NewExecAllocator(timed, opts...)
	t.Cleanup(stopAlloc)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(stop)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) })

	page := "http://" + l.Addr().String() + itemPath
	for range 2 { // Navigate returns when everything on the page is loaded
		if err := chromedp.Run(ctx, emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(page)); err != nil {
			t.Fatal(err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.taken) != 2 || f.last.Cookie == "" || f.last.Agent != phone {
		t.Errorf("taken %q by %+v", f.taken, f.last)
	}
}
