package web

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// patience is how long a test waits for the browser. It is far beyond what any needs,
// for machines that do much else.
const patience = 10 * time.Minute

// phone is the viewport in CSS pixels that most visitors have.
const phoneWidth, phoneHeight = 390, 844

// newTestBrowser starts Chromium. It skips where there is none, except in CI.
func newTestBrowser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no chromium found, and CI=true requires the browser tests")
		}
		t.Skip("SKIPPED: no chromium found, so that no page was looked at in a browser")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.WSURLReadTimeout(patience))
	// The browser's directory is not the test's: processes of the browser still write
	// to it when that has ended, and chromedp bears with what then cannot be removed.
	timed, stopTimer := context.WithTimeout(context.Background(), patience)
	t.Cleanup(stopTimer)
	alloc, stopAlloc := chromedp.NewExecAllocator(timed, opts...)
	t.Cleanup(stopAlloc)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(stop)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) })
	return ctx
}

// newTestSite serves the fixtures as /<page>/<lang> under the real policy.
func newTestSite(t *testing.T) *httptest.Server {
	t.Helper()
	pages := newTestPages(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/picture.png" {
			w.Header().Set("Content-Type", "image/png")
			_ = png.Encode(w, testPicture())
			return
		}
		name, short, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		l, ok := parseLang(short)
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", pages.CSP())
		var buf bytes.Buffer
		if err := renderFixture(pages, &buf, l, name); err != nil {
			t.Error(err)
		}
		_, _ = w.Write(buf.Bytes())
	}))
	t.Cleanup(srv.Close)
	return srv
}

// renderFixture writes the fixture page with that name.
func renderFixture(p *Pages, w *bytes.Buffer, l Lang, name string) error {
	switch name {
	case "entry":
		return p.Entry(w, l, &Entry{})
	case "typo":
		return p.Trouble(w, l, &Trouble{Status: 400, Code: "check-character", ID: "7f3a",
			Form: &Entry{GTIN: "06901234567892", Serial: "00A7K3M9QXW2C8RT5Y1M", Field: "serial", Mistake: "check-character"}})
	case "unknown-product":
		return p.Trouble(w, l, &Trouble{Status: 404, Code: "unknown-product", ID: "7f3a", Form: &Entry{GTIN: "06901234567892"}})
	case "internal":
		return p.Trouble(w, l, &Trouble{Status: 500, Code: "internal", ID: "7f3a"})
	case "long":
		return p.Item(w, l, testLong())
	case "kit":
		return p.Item(w, l, testKit())
	case "product":
		item := testItem(None)
		item.Level, item.Serial, item.Lot, item.Custody = LevelProduct, "", "", ""
		item.Events, item.Reports, item.Stored = nil, nil, Stored{}
		return p.Item(w, l, item)
	default:
		return p.Item(w, l, testItem(Verdict(name)))
	}
}

func testPicture() image.Image {
	img := image.NewRGBA(image.Rect(0, 0, 176, 176))
	for y := range 176 {
		for x := range 176 {
			img.Set(x, y, color.RGBA{uint8(30 + y/3), uint8(90 + x/4), 70, 255})
		}
	}
	return img
}

// TestPagesOnPhone looks at every page in both languages, light and dark, as a
// phone shows it. Set SUYUAN_SCREENSHOTS to a directory to keep the pictures.
func TestPagesOnPhone(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: the browser takes some seconds")
	}
	site := newTestSite(t) // first: what ends a browser waits for one that was used
	ctx := newTestBrowser(t)
	names := []string{"entry", "typo", "unknown-product", "internal", "product", "kit", "long"}
	for _, v := range verdicts {
		names = append(names, string(v))
	}
	for _, name := range names {
		for _, l := range langs {
			for _, scheme := range []string{"light", "dark"} {
				if scheme == "dark" && l != Zh {
					continue // colours do not depend on the language
				}
				t.Run(fmt.Sprintf("%s/%s/%s", name, l.Short(), scheme), func(t *testing.T) {
					look(t, ctx, site.URL+"/"+name+"/"+l.Short(), name, l, scheme)
				})
			}
		}
	}
}

// faults returns what a visitor would find wrong with the page, one a line.
const faults = `(() => {
  const out = [];
  if (document.documentElement.scrollWidth > innerWidth) out.push('scrolls sideways: ' + document.documentElement.scrollWidth);
  for (const e of document.querySelectorAll('body *')) {
    const r = e.getBoundingClientRect();
    if (r.width && !e.closest('svg') && r.right > innerWidth + 1) out.push('sticks out: ' + e.tagName + '.' + e.className);
  }
  const lum = c => { const f = c.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126 * f[0] + .7152 * f[1] + .0722 * f[2] };
  const rgb = s => { const m = s.match(/[\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m.slice(0, 3) };
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c) return c } return [255, 255, 255] };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.getClientRects().length || e.closest('svg')) continue;
    const a = lum(rgb(getComputedStyle(e).color)), b = lum(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) out.push('contrast ' + ratio.toFixed(2) + ': ' + walk.currentNode.data.trim().slice(0, 20));
    if (parseFloat(getComputedStyle(e).fontSize) < 14) out.push('small print: ' + walk.currentNode.data.trim().slice(0, 20));
  }
  for (const e of document.querySelectorAll('a,button,summary,input:not([type=hidden])')) {
    const r = e.getBoundingClientRect();
    if (r.width && (r.width < 44 || r.height < 44)) out.push('small for a finger: ' + Math.round(r.width) + '×' + Math.round(r.height) + ' ' + e.tagName + ' ' + e.innerText);
  }
  document.documentElement.style.fontSize = '200%';
  if (document.documentElement.scrollWidth > innerWidth) out.push('scrolls sideways in large print: ' + document.documentElement.scrollWidth);
  document.documentElement.style.fontSize = '';
  for (const i of document.images) if (!i.naturalWidth) out.push('picture missing');
  for (const i of document.querySelectorAll('input')) if (!i.labels.length) out.push('input without label: ' + i.name);
  if (performance.getEntriesByType('resource').some(r => !r.name.startsWith(location.origin))) out.push('loads from elsewhere');
  return out.join('\n');
})()`

func look(t *testing.T, ctx context.Context, url, name string, l Lang, scheme string) {
	t.Helper()
	var found, text string
	var bannerBottom float64
	err := chromedp.Run(ctx,
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.EmulateViewport(phoneWidth, phoneHeight, chromedp.EmulateScale(2)),
		chromedp.Navigate(url),
		chromedp.WaitReady("footer"),
		chromedp.Evaluate(`document.querySelectorAll('details').forEach(d => d.open = true)`, nil),
		chromedp.Evaluate(faults, &found),
		chromedp.Evaluate(`document.body.innerText`, &text),
		chromedp.Evaluate(`document.querySelectorAll('details').forEach(d => d.open = false); (document.querySelector('.banner') || document.querySelector('main')).getBoundingClientRect().bottom`, &bannerBottom),
	)
	if err != nil {
		t.Fatal(err)
	}
	if found != "" {
		t.Errorf("faults of %s:\n%s", url, found)
	}
	if h, ok := headlines[Verdict(name)]; ok {
		// A note stands on a line of its own.
		if squeeze := strings.NewReplacer("\n", "", " ", "").Replace; !strings.Contains(squeeze(text), squeeze(h.In(l))) {
			t.Errorf("the page does not say %q", h.In(l))
		}
		if !strings.Contains(text, caution.In(l)) {
			t.Error("the page does not say the caution")
		}
		if bannerBottom > phoneHeight*3/5 {
			t.Errorf("the verdict ends at %.0f of %d pixels: it must be seen at once", bannerBottom, phoneHeight)
		}
	}
	keepPicture(t, ctx, name+"-"+l.Short()+"-"+scheme)
}

// keepPicture writes what the phone shows first, and the whole page.
func keepPicture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("SUYUAN_SCREENSHOTS")
	if dir == "" {
		return
	}
	var first, whole []byte
	err := chromedp.Run(ctx,
		chromedp.ActionFunc(func(ctx context.Context) (err error) {
			first, err = page.CaptureScreenshot().Do(ctx)
			return err
		}),
		chromedp.FullScreenshot(&whole, 100))
	if err != nil {
		t.Fatal(err)
	}
	for suffix, data := range map[string][]byte{"": first, "-whole": whole} {
		if err := os.WriteFile(filepath.Join(dir, name+suffix+".png"), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
