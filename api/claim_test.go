package api

import (
	"bytes"
	"context"
	"html"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"suyuan/trace"
)

// fakeClaims says what tests set, by the second code.
type fakeClaims struct {
	answers map[string]*Claimed
	errs    map[string]error
	asked   []Claim
}

func (f *fakeClaims) Claim(_ context.Context, c Claim) (*Claimed, error) {
	f.asked = append(f.asked, c)
	return f.answers[c.Second], f.errs[c.Second]
}

var firstUse = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

func newClaimServer(t *testing.T) (*Server, *fakeClaims, *bytes.Buffer) {
	f := &fakeClaims{
		answers: map[string]*Claimed{
			"FIRST": {Outcome: ClaimFirst, At: firstUse}, "YOURS": {Outcome: ClaimYours, At: firstUse},
			"BEFORE": {Outcome: ClaimBefore, At: firstUse}, "WRONG": {Outcome: ClaimWrong}, "WAIT": {Outcome: ClaimWait, Wait: 90500 * time.Millisecond},
		},
		errs: map[string]error{
			"AWAY": NewProblem(http.StatusServiceUnavailable, "issuer-unreachable", "away"),
			"TYPO": NewProblem(http.StatusBadRequest, "second-format", "a typing error"),
		},
	}
	var log bytes.Buffer
	s := newTestServer(t, newFakeNode(), func(c *Config) {
		c.Claims = f
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	return s, f, &log
}

const claimURI = testBase + "/01/" + testGTIN + "/21/" + testSerial

func TestClaimAnswers(t *testing.T) {
	s, f, log := newClaimServer(t)
	for second, want := range map[string]ClaimOutcome{"FIRST": ClaimFirst, "YOURS": ClaimYours, "BEFORE": ClaimBefore, "WRONG": ClaimWrong} {
		r := ask(t, s, "POST", "/api/v1/claims", `{"uri":"`+claimURI+`","code":"`+second+`","token":"mine","tag":"u1"}`)
		a := decode[claimAnswer](t, r)
		if r.StatusCode != http.StatusOK || a.Outcome != want || a.Token != "mine" || a.Zh == "" || a.En == "" {
			t.Errorf("%s: %d %+v", second, r.StatusCode, a)
		}
		if dated := a.At != nil; dated != (want != ClaimWrong) {
			t.Errorf("%s: the time of the first use is %v", second, a.At)
		}
		if strings.Contains(a.Zh+a.En, "{") {
			t.Errorf("%s: %s / %s", second, a.Zh, a.En)
		}
	}
	if c := f.asked[0]; c.URI != claimURI || c.Token != "mine" || c.Tag != "u1" {
		t.Errorf("the node was asked %+v", c)
	}
	a := decode[claimAnswer](t, ask(t, s, "POST", "/api/v1/claims", `{"uri":"`+claimURI+`","code":"FIRST"}`))
	if len(a.Token) < 20 || f.asked[len(f.asked)-1].Token != a.Token {
		t.Errorf("without a token the answer has %q", a.Token)
	}
	for _, secret := range []string{"FIRST", "BEFORE", "mine", testSerial} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%s stands in the log", secret)
		}
	}
}

func TestClaimRefuses(t *testing.T) {
	s, _, _ := newClaimServer(t)
	for name, tt := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"no JSON":         {"x", 400, "bad-json"},
		"an unknown name": {`{"uri":"u","code":"c","tokken":"t"}`, 400, "bad-json"},
		"two objects":     {`{"uri":"u","code":"c"}{}`, 400, "bad-json"},
		"no code":         {`{"uri":"u"}`, 400, "missing-parameter"},
		"no uri":          {`{"code":"c"}`, 400, "missing-parameter"},
		"a typing error":  {`{"uri":"u","code":"TYPO"}`, 400, "second-format"},
		"nobody there":    {`{"uri":"u","code":"AWAY"}`, 503, "issuer-unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			checkProblem(t, ask(t, s, "POST", "/api/v1/claims", tt.body), tt.status, tt.code)
		})
	}
	r := ask(t, s, "POST", "/api/v1/claims", `{"uri":"u","code":"WAIT"}`)
	checkProblem(t, r, 429, "too-many-tries")
	if got := r.Header.Get("Retry-After"); got != "91" {
		t.Errorf("Retry-After is %q, want 91", got)
	}
	checkProblem(t, ask(t, newTestServer(t, newFakeNode()), "POST", "/api/v1/claims", `{"uri":"u","code":"c"}`), 404, "not-found")
}

// One client cannot try many codes, whichever they are; the server of an app, which
// speaks for many, has a token.
func TestClaimsOfOneClientAreBounded(t *testing.T) {
	s, _, _ := newClaimServer(t)
	body := `{"uri":"u","code":"WRONG"}`
	for range claimBurst {
		if r := ask(t, s, "POST", "/api/v1/claims", body); r.StatusCode != http.StatusOK {
			t.Fatalf("got %d within the rate", r.StatusCode)
		}
	}
	checkProblem(t, ask(t, s, "POST", "/api/v1/claims", body), 429, "too-many-requests")
	if r := ask(t, s, "POST", "/api/v1/claims", body, "Authorization", "Bearer "+testToken); r.StatusCode != http.StatusOK {
		t.Errorf("a caller with a token got %d", r.StatusCode)
	}
	checkProblem(t, ask(t, s, "POST", "/api/v1/claims", body, "Authorization", "Bearer reader"), 429, "too-many-requests")
}

var hiddenToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

// The form works without JavaScript, in both languages, and keeps what was typed
// when nobody could say.
func TestClaimForm(t *testing.T) {
	s, f, _ := newClaimServer(t)
	path := "/claim/01/" + testGTIN + "/21/" + testSerial
	page := ask(t, s, "GET", path, "", "Accept-Language", "en")
	m := hiddenToken.FindStringSubmatch(page.body)
	if page.StatusCode != http.StatusOK || m == nil || page.Header.Get("Cache-Control") != cacheNever {
		t.Fatalf("got %d %s", page.StatusCode, page.body)
	}
	if again := hiddenToken.FindStringSubmatch(ask(t, s, "GET", path, "").body); again == nil || again[1] == m[1] {
		t.Error("two people have the same token")
	}
	send := func(second, lang string) reply {
		t.Helper()
		return ask(t, s, "POST", path, url.Values{"token": {m[1]}, "code": {second}}.Encode(),
			"Content-Type", "application/x-www-form-urlencoded", "Accept-Language", lang, "Accept", "text/html")
	}
	for _, tt := range []struct {
		second, zh, en string
		status         int
		asks           bool
	}{
		{"FIRST", "这是第一次使用", "this is its first use", 200, false},
		{"YOURS", "已由您登记", "you have used it", 200, false},
		{"BEFORE", "此前已被使用", "was used before", 200, false},
		{"WRONG", "暗码与这个码不符", "does not belong to this item", 200, true},
		{"AWAY", "暂时联系不上发码的公司", "cannot be reached now", 503, true},
		{"TYPO", "至少有一位输错", "At least one character is wrong", 400, true},
		{"WAIT", "请在 2 分钟后再试", "Try again in 2 min", 429, true},
		{"", "请填写", "Please fill this in", 400, true},
	} {
		for lang, want := range map[string]string{"zh": tt.zh, "en": tt.en} {
			r := send(tt.second, lang)
			text := html.UnescapeString(r.body)
			if r.StatusCode != tt.status || !strings.Contains(text, want) {
				t.Errorf("%s %s: got %d, want %d and %q in %s", tt.second, lang, r.StatusCode, tt.status, want, text)
			}
			if asks := strings.Contains(text, `name="code"`); asks != tt.asks {
				t.Errorf("%s: a form is shown: %t", tt.second, asks)
			}
			if tt.asks && (!strings.Contains(text, `name="code" value="`+tt.second+`"`) || !strings.Contains(text, m[1])) {
				t.Errorf("%s: what was typed, or the token, is lost", tt.second)
			}
			if strings.Contains(text, "<script") {
				t.Errorf("%s: the page has a script", tt.second)
			}
		}
		if last := f.asked[len(f.asked)-1]; tt.second != "" && (last.Token != m[1] || last.URI != claimURI) {
			t.Errorf("%s: the node was asked %+v", tt.second, last)
		}
	}
}

// The page of an item leads to the form if, and only if, its run has second codes.
func TestItemPageLeadsToTheClaim(t *testing.T) {
	_, f, _ := newClaimServer(t)
	n := newFakeNode()
	s := newTestServer(t, n, func(c *Config) { c.Claims = f })
	path := "/01/" + testGTIN + "/21/" + testSerial
	for _, second := range []bool{true, false} {
		run := trace.EventView{Kind: "run", Fields: trace.Values{"second": second}, At: "2026-11-01T08:00:00+08:00"}
		n.answers[path] = testAnswer{answer: &trace.Answer{Verdict: trace.Consistent, Trail: &trace.TrailView{Events: []trace.EventView{run}}}}
		r := ask(t, s, "GET", path, "", "Accept", "text/html")
		if got := strings.Contains(r.body, `href="/claim`+path+`"`); got != second {
			t.Errorf("a run with second codes: %t, a link to the form: %t", second, got)
		}
	}
}
