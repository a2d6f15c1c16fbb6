package main_test

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const claimGTIN = "06901234000016"

// A scratched is an item with a second code.
type scratched struct{ uri, path, second string }

// scratchedItems reads the file for the printer.
func scratchedItems(t *testing.T, path string) []scratched {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\uFEFF")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], ","); got != "serial,uri,index,second" {
		t.Fatalf("the columns are %s", got)
	}
	var list []scratched
	for _, r := range rows[1:] {
		list = append(list, scratched{uri: r[1], path: "/01/" + claimGTIN + "/21/" + r[0], second: r[3]})
	}
	return list
}

// claimed is an answer of POST /api/v1/claims, or a problem.
type claimed struct {
	Outcome string
	At      time.Time
	Code    string // of a problem
}

func (c *company) claim(item scratched, second, token string) (claimed, error) {
	body, err := json.Marshal(map[string]string{"uri": item.uri, "code": second, "token": token, "tag": "u-" + token})
	if err != nil {
		return claimed{}, err
	}
	a, err := sendBy(c.client, "POST", c.url+"/api/v1/claims", "", jsonRequest(string(body)))
	if err != nil {
		return claimed{}, err
	}
	var out claimed
	return out, json.Unmarshal(a.body, &out)
}

func (c *company) mustClaim(item scratched, second, token, want string) claimed {
	c.t.Helper()
	got, err := c.claim(item, second, token)
	if err != nil || got.Outcome+got.Code != want {
		c.t.Errorf("at %s: %+v, %v; want %s", c.name, got, err, want)
	}
	return got
}

// finallyClaim claims with the right code until the company's node has found the
// issuing one again.
func (c *company) finallyClaim(item scratched, token, want string) {
	c.t.Helper()
	eventually(c.t, finalWithin, func() string {
		got, err := c.claim(item, item.second, token)
		lost := want == "first" && got.Outcome == "yours" // the answer to an earlier try
		switch {
		case err == nil && (got.Outcome == want || lost):
			return ""
		case err == nil && got.Outcome != "":
			c.t.Fatalf("at %s: %+v, want %s", c.name, got, want)
		}
		return fmt.Sprintf("at %s: %+v, %v", c.name, got, err)
	})
}

// rewardReceiver counts messages by their id.
type rewardReceiver struct {
	*httptest.Server
	mu  sync.Mutex
	got map[string]int
}

func newRewardReceiver(t *testing.T) *rewardReceiver {
	r := &rewardReceiver{got: make(map[string]int)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got[req.Header.Get("webhook-id")]++
	}))
	t.Cleanup(r.Close)
	return r
}

// Second codes in a network of four processes: used at any company's page, first
// once, checked by the issuing node alone, and paid for after two operators have
// activated the codes, also if the node is killed meanwhile.
func TestSecondCodesInANetwork(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	recv := newRewardReceiver(t)
	for name, text := range map[string]string{
		"hook.secret":  "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("s"), 32)),
		"rewards.toml": fmt.Sprintf("url = %q\nsecret_file = \"hook.secret\"\nallow_loopback = true\n", recv.URL),
	} {
		if err := os.WriteFile(filepath.Join(n.brand.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n.start()
	n.brand.addOperator("product", "run", "activate", "claim")
	n.brand.suyuan("operator", "add", "second", "--kinds", "activate").done(t)
	n.brand.suyuan("product", "add", "--gtin", claimGTIN, "--name-zh", "精华水", "--name-en", "Toner", "--reward-trigger", "activated").done(t)
	n.brand.suyuan("codes", "issue", "--gtin", claimGTIN, "--count", "40", "--second", "--out", filepath.Join(n.dir, "print")).done(t)
	items := scratchedItems(t, filepath.Join(n.dir, "print", "codes-"+claimGTIN+"-0.csv"))

	// Two people activate.
	draft := fmt.Sprintf(`{"kind":"activate","subjects":[{"gtin":%q,"run":0,"from":0,"to":39}],"fields":{"lot":"B1"}}`, claimGTIN)
	path := filepath.Join(n.dir, "activate.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(draft)
	if o := n.brand.suyuan("record", "--operator", "ops", "--file", path); o.code != exitFailed || !strings.Contains(o.stderr, "approval-missing") {
		t.Errorf("activated by one: exit %d, %s", o.code, o.stderr)
	}
	write(n.brand.suyuan("record", "approve", "--operator", "second", "--file", path).done(t))
	n.brand.suyuan("record", "--operator", "ops", "--file", path).done(t)
	n.waitFinal()
	for _, c := range n.all() { // the file of the run's codes comes after its record
		eventually(t, finalWithin, func() string {
			a, err := c.try("GET", "/api/v1/trail?uri="+url.QueryEscape(items[0].uri), nil)
			if err != nil || a.status != 200 {
				return fmt.Sprintf("%s cannot answer for %s yet: %v", c.name, items[0].uri, err)
			}
			return ""
		})
	}

	// Many people type in the same code at four companies' pages at once.
	var mu sync.Mutex
	outcomes := map[string]int{}
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			got, err := n.all()[i%4].claim(items[0], items[0].second, fmt.Sprintf("person-%d", i))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes[got.Outcome+got.Code]++
		})
	}
	all.Wait()
	if outcomes["first"] != 1 || outcomes["before"] != 31 {
		t.Errorf("32 people at once: %v", outcomes)
	}

	// The issuing node is away: nothing is used up, and it is found out later.
	n.dist.mustClaim(items[1], items[2].second, "me", "wrong")
	n.brand.kill()
	n.dist.mustClaim(items[1], items[1].second, "me", "issuer-unreachable")
	n.brand.start()
	n.dist.finallyClaim(items[1], "me", "first")
	n.wh.finallyClaim(items[1], "me", "yours")
	n.audit.finallyClaim(items[1], "somebody", "before")

	// On a page, without JavaScript.
	n.waitFinal()
	page, err := sendBy(n.wh.client, "GET", n.wh.url+items[3].path, "", nil)
	if err != nil || page.status != http.StatusOK {
		t.Fatalf("%v, %v", page, err)
	}
	form := claimForm(t, n.wh, items[3])
	if got := form("7K2M9"); !strings.Contains(got, `value="7K2M9"`) {
		t.Error("what was typed is lost")
	}
	if got := form(items[3].second); !strings.Contains(got, "这是第一次使用") {
		t.Errorf("the page says %s", got)
	}
	if got := form(items[3].second); !strings.Contains(got, "已由您登记") {
		t.Errorf("sent again the page says %s", got)
	}
	if o := n.dist.suyuan("claim", "check", items[3].uri, items[3].second); o.code != exitBad || !strings.Contains(o.stdout, "此前已被使用") {
		t.Errorf("claim check: exit %d, %s%s", o.code, o.stdout, o.stderr)
	}

	// Everybody learns of the second use of the first item, and nobody the code.
	n.waitFinal()
	for _, c := range n.all() {
		var a struct {
			Trail struct {
				Verdict  string
				Findings []struct{ Code string }
			}
		}
		c.get("/api/v1/trail?uri="+url.QueryEscape(items[0].uri), &a)
		if len(a.Trail.Findings) == 0 || a.Trail.Findings[0].Code != "claimed-twice" || a.Trail.Verdict != "warning" {
			t.Errorf("%s shows %+v", c.name, a)
		}
	}
	paid(t, n, recv)
	n.checkSecondsStayAtHome(items[:4])
}

// claimForm opens the form of an item and returns what sends it.
func claimForm(t *testing.T, c *company, item scratched) func(second string) string {
	t.Helper()
	page, err := sendBy(c.client, "GET", c.url+"/claim"+item.path, "", nil)
	if err != nil || page.status != http.StatusOK {
		t.Fatalf("the form: %v, %v", page, err)
	}
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindSubmatch(page.body)
	if token == nil {
		t.Fatalf("the form has no token: %s", page.body)
	}
	return func(second string) string {
		t.Helper()
		body := url.Values{"token": {string(token[1])}, "code": {second}}.Encode()
		a, err := sendBy(c.client, "POST", c.url+"/claim"+item.path, "", &request{"application/x-www-form-urlencoded", body})
		if err != nil {
			t.Fatal(err)
		}
		return string(a.body)
	}
}

// paid waits until each first claim is paid, through a kill, and holds that the
// list tells of it.
func paid(t *testing.T, n *network, recv *rewardReceiver) {
	t.Helper()
	n.brand.kill()
	n.brand.start()
	var list struct {
		Claims []struct {
			Claim  string
			Reward *struct {
				State    string
				Claimant string
			}
		}
	}
	eventually(t, finalWithin, func() string {
		if err := json.Unmarshal([]byte(n.brand.suyuan("claim", "list", "--json").done(t)), &list); err != nil {
			t.Fatal(err)
		}
		delivered := 0
		for _, c := range list.Claims {
			if c.Reward != nil && c.Reward.State == "delivered" {
				delivered++
			}
		}
		if delivered < 3 {
			return fmt.Sprintf("%d rewards are delivered of %+v", delivered, list)
		}
		return ""
	})
	recv.mu.Lock()
	defer recv.mu.Unlock()
	if len(recv.got) != 3 {
		t.Errorf("messages for %v, want three claims", recv.got)
	}
	for _, c := range list.Claims {
		if (c.Reward != nil) != (recv.got[c.Claim] > 0) {
			t.Errorf("claim %s: %+v, %d messages", c.Claim, c.Reward, recv.got[c.Claim])
		}
	}
	if s := n.brand.suyuan("status").done(t); !strings.Contains(s, "rewards   delivered 3") {
		t.Errorf("the status does not tell of rewards: %s", s)
	}
}

// checkSecondsStayAtHome looks for second codes in all that other companies have
// on their disks, and in every log.
func (n *network) checkSecondsStayAtHome(items []scratched) {
	t := n.t
	t.Helper()
	for _, c := range n.all() {
		c.stop()
	}
	look := func(path string) error {
		raw, err := os.ReadFile(path)
		for _, item := range items {
			if bytes.Contains(raw, []byte(item.second)) {
				t.Errorf("a second code stands in %s", path)
			}
		}
		return err
	}
	for _, c := range n.all() {
		if err := look(c.logs); err != nil {
			t.Error(err)
		}
		if c == n.brand {
			continue
		}
		err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			return look(path)
		})
		if err != nil {
			t.Error(err)
		}
	}
}
