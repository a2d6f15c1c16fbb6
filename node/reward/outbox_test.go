package reward

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// patience is how long a test waits for what must come, on machines that do much
// else.
const patience = time.Minute

var secret = bytes.Repeat([]byte{7}, 32)

func fixed() ([][]byte, error) { return [][]byte{secret}, nil }

// A clock stands still unless it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// A receiver checks signatures and answers as the test says.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []delivery
	answer func(n int, w http.ResponseWriter) // n counts from 1
	came   chan struct{}
}

type delivery struct{ id, body string }

func newReceiver(t *testing.T, answer func(n int, w http.ResponseWriter)) *receiver {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook("whsec_" + base64.StdEncoding.EncodeToString(secret))
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{answer: answer, came: make(chan struct{}, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err == nil {
			err = hook.VerifyIgnoringTimestamp(body, req.Header) // test clocks are moved
		}
		if err != nil {
			t.Errorf("the message does not verify: %v", err)
		}
		r.mu.Lock()
		r.got = append(r.got, delivery{req.Header.Get("webhook-id"), string(body)})
		n := len(r.got)
		r.mu.Unlock()
		r.came <- struct{}{}
		r.answer(n, w)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) deliveries() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]delivery(nil), r.got...)
}

func (r *receiver) await(t *testing.T, n int) []delivery {
	t.Helper()
	deadline := time.After(patience)
	for len(r.deliveries()) < n {
		select {
		case <-r.came:
		case <-deadline:
			t.Fatalf("%d deliveries have come, not %d", len(r.deliveries()), n)
		}
	}
	return r.deliveries()
}

func sample(b byte, at time.Time) Reward {
	return Reward{Claim: ID{b}, URI: "https://x.example/01/1/21/S", GTIN: "1", Serial: "S", Claimant: "u1", ClaimedAt: at.Add(-time.Hour), Trigger: "sold"}
}

// due says at once that a reward is due.
func due(context.Context, *Reward) (Judgement, error) {
	return Judgement{State: Due, Record: ID{0xee}, At: time.Unix(1000, 0).UTC(), Verdict: "consistent"}, nil
}

func open(t *testing.T, cfg Config) *Outbox {
	t.Helper()
	o, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// run runs an outbox until the test or stop ends it.
func run(t *testing.T, o *Outbox) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
			if err := o.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func (o *Outbox) await(t *testing.T, id ID, want State) Reward {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		list, err := o.List("", nil, MaxList)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			if r.Claim == id && r.State == want {
				return r
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v, want %s", list, want)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestRewardIsDeliveredOnce(t *testing.T) {
	t.Parallel()
	now := &clock{at: time.Now()}
	recv := newReceiver(t, func(int, http.ResponseWriter) {})
	o := open(t, Config{Receiver: Receiver{URL: recv.URL, Secrets: fixed, Loopback: true}, Judge: due, Now: now.now})
	run(t, o)
	for range 3 { // the chain may be read again after a crash
		if err := o.Add(1, 7, []Reward{sample(1, now.at)}); err != nil {
			t.Fatal(err)
		}
	}
	o.await(t, ID{1}, Delivered)
	now.move(365 * 24 * time.Hour)
	o.Wake()
	if err := o.Add(1, 8, []Reward{sample(1, now.now()), sample(2, now.now())}); err != nil {
		t.Fatal(err)
	}
	o.await(t, ID{2}, Delivered)
	got := recv.deliveries()
	if len(got) != 2 || got[0].id != (ID{1}).String() || got[1].id != (ID{2}).String() {
		t.Errorf("delivered: %v", got)
	}
	var m struct {
		Type string
		Data map[string]string
	}
	if err := json.Unmarshal([]byte(got[0].body), &m); err != nil {
		t.Fatal(err)
	}
	if m.Type != "reward.due" || m.Data["claim"] != got[0].id || m.Data["claimant"] != "u1" || m.Data["trigger"] != "sold" || m.Data["record"][:2] != "ee" {
		t.Errorf("the message is %s", got[0].body)
	}
	if read, err := o.Read(2); read != 0 || err != nil {
		t.Errorf("of another chain %d entries are read, %v", read, err)
	}
	if read, err := o.Read(1); read != 8 || err != nil {
		t.Errorf("read up to %d, %v", read, err)
	}
	if c := o.Count(); c[Delivered] != 2 || c[Waiting]+c[Due] != 0 {
		t.Errorf("counts are %v", c)
	}
}

// impatient gives a request up, as if its time were over, when the receiver hangs.
// Where something is only slow it is the machine, and that is borne with.
type impatient struct {
	http.RoundTripper
	hangs <-chan struct{}
}

func (i *impatient) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-i.hangs:
			cancel()
		case <-over:
		}
	}()
	res, err := i.RoundTripper.RoundTrip(req.WithContext(ctx))
	if ctx.Err() != nil && req.Context().Err() == nil {
		return nil, os.ErrDeadlineExceeded
	}
	return res, err
}

// A receiver that fails, hangs or sends elsewhere gets the same message again.
func TestRewardIsTriedAgain(t *testing.T) {
	t.Parallel()
	now := &clock{at: time.Now()}
	elsewhere := newReceiver(t, func(int, http.ResponseWriter) {})
	hang, hangs := make(chan struct{}), make(chan struct{}, 1)
	defer close(hang)
	recv := newReceiver(t, func(n int, w http.ResponseWriter) {
		switch n {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
		case 2:
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		case 3:
			hangs <- struct{}{}
			<-hang
		}
	})
	o := open(t, Config{Receiver: Receiver{URL: recv.URL, Secrets: fixed, Loopback: true}, Judge: due, Now: now.now})
	o.sender.http.Transport = &impatient{o.sender.http.Transport, hangs}
	run(t, o)
	if err := o.Add(1, 1, []Reward{sample(1, now.at)}); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 4; n++ {
		recv.await(t, n)
		if n < 4 {
			deadline := time.Now().Add(patience)
			for o.await(t, ID{1}, Due).Attempts < n && time.Now().Before(deadline) {
				time.Sleep(time.Millisecond)
			}
			now.move(waits[n-1])
			o.Wake()
		}
	}
	r := o.await(t, ID{1}, Delivered)
	if r.Attempts != 4 || r.Reason != "" || r.Body != nil || r.Claimant != "" {
		t.Errorf("after delivery it is kept as %+v", r)
	}
	for _, d := range recv.deliveries() {
		if d != recv.deliveries()[0] {
			t.Errorf("a message is repeated as %v", d)
		}
	}
	if len(elsewhere.deliveries()) > 0 {
		t.Error("a redirect was followed")
	}
}

func TestRewardFailsInTheEnd(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := sample(1, now)
	if err := r.judged(Judgement{State: Due}, now); err != nil {
		t.Fatal(err)
	}
	at := now
	for n := 0; r.State == Due; n++ {
		if n > 100 {
			t.Fatal("there is no end")
		}
		at = r.Next
		r.attempted(errors.New(strings.Repeat("x", 1000)), at)
	}
	if r.State != Failed || at.Sub(now) > GiveUp || at.Sub(now) < GiveUp-24*time.Hour || len(r.Reason) > MaxErrorBytes {
		t.Errorf("%s after %s and %d attempts", r.State, at.Sub(now), r.Attempts)
	}
	r.again(at)
	if r.State != Due || r.Attempts != 0 || len(r.Body) == 0 {
		t.Errorf("sent anew: %+v", r)
	}
}

// What is not due yet is asked about less and less often; what is taken back is
// not sent.
func TestJudgements(t *testing.T) {
	t.Parallel()
	now := &clock{at: time.Now()}
	recv := newReceiver(t, func(int, http.ResponseWriter) {})
	var mu sync.Mutex
	say := map[ID]Judgement{{1}: {State: Waiting}, {2}: {State: Withdrawn}, {3}: {State: Held, Reason: "alone"}}
	judge := func(_ context.Context, r *Reward) (Judgement, error) {
		mu.Lock()
		defer mu.Unlock()
		if r.Claim == (ID{4}) {
			return Judgement{}, errors.New("not now")
		}
		return say[r.Claim], nil
	}
	o := open(t, Config{Receiver: Receiver{URL: recv.URL, Secrets: fixed, Loopback: true}, Judge: judge, Now: now.now})
	run(t, o)
	if err := o.Add(1, 1, []Reward{sample(1, now.at), sample(2, now.at), sample(3, now.at), sample(4, now.at)}); err != nil {
		t.Fatal(err)
	}
	o.await(t, ID{2}, Withdrawn)
	if r := o.await(t, ID{3}, Held); r.Reason != "alone" {
		t.Errorf("held because %q", r.Reason)
	}
	waiting := o.await(t, ID{1}, Waiting)
	for waiting.Next.Before(now.now()) {
		waiting = o.await(t, ID{1}, Waiting)
	}
	if wait := waiting.Next.Sub(now.now()); wait < 5*time.Minute || wait > 7*time.Minute { // a tenth of an hour
		t.Errorf("looked at again after %s", wait)
	}
	mu.Lock()
	say[ID{1}], _ = due(context.Background(), nil)
	mu.Unlock()
	now.move(time.Hour)
	o.Wake()
	o.await(t, ID{1}, Delivered)
	if err := o.Again(ID{1}); !errors.Is(err, ErrNotFailed) {
		t.Errorf("a delivered reward sent anew: %v", err)
	}
	if err := o.Again(ID{9}); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown reward sent anew: %v", err)
	}
	if list, err := o.List(Held, nil, 10); err != nil || len(list) != 1 {
		t.Errorf("held: %v, %v", list, err)
	}
	if list, err := o.List("", &ID{2}, 1); err != nil || len(list) != 1 || list[0].Claim != (ID{3}) {
		t.Errorf("after 2: %v, %v", list, err)
	}
}

func TestReceiverIsChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url      string
		loopback bool
		ok       bool
	}{
		{"https://erp.example/hook", false, true},
		{"https://10.1.2.3/hook", false, true},
		{"http://erp.example/hook", false, false},
		{"http://erp.example/hook", true, false},
		{"http://127.0.0.1:80/", false, false},
		{"http://127.0.0.1:80/", true, true},
		{"https://localhost/", false, false},
		{"http://[::1]:80/", true, true},
		{"https://user:pass@erp.example/", false, false},
		{"ftp://erp.example/", false, false},
		{"https:///x", false, false},
		{"", false, false},
	} {
		err := (&Receiver{URL: tt.url, Secrets: fixed, Loopback: tt.loopback}).Check()
		if (err == nil) != tt.ok {
			t.Errorf("%q with loopback %t: %v", tt.url, tt.loopback, err)
		}
	}
	for address, ok := range map[string]bool{
		"127.0.0.1:443": false, "[::1]:443": false, "[::ffff:127.0.0.1]:443": false, "169.254.169.254:443": false, "[fe80::1]:443": false,
		"0.0.0.0:443": false, "224.0.0.1:443": false, "192.0.2.1:443": true, "10.0.0.1:443": true, "[2001:db8::1]:443": true,
	} {
		if err := mayDial(address, false); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := mayDial("127.0.0.1:1", true); err != nil {
		t.Errorf("loopback that is allowed: %v", err)
	}
}

func TestParseSecrets(t *testing.T) {
	t.Parallel()
	good, older := written(secret), written(bytes.Repeat([]byte{8}, 24))
	if got, err := ParseSecrets(good + "\n"); err != nil || len(got) != 1 || !bytes.Equal(got[0], secret) {
		t.Errorf("got %x, %v", got, err)
	}
	if got, err := ParseSecrets(good + "\r\n" + older + "\n"); err != nil || len(got) != 2 || !bytes.Equal(got[0], secret) {
		t.Errorf("got %x, %v", got, err)
	}
	for _, bad := range []string{"", "whsec_", written(secret[:8]), "whsec_!" + good[7:], good + "\nwhsec_", strings.Repeat(good+"\n", MaxSecrets+1)} {
		if _, err := ParseSecrets(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// written is a secret as Standard Webhooks writes it.
func written(secret []byte) string { return "whsec_" + base64.StdEncoding.EncodeToString(secret) }

// A secret is changed while messages go on: with both in the file a message
// verifies under each, by the library that receivers use, and then under the new one
// only. A file that cannot be read loses nothing.
func TestSecretIsChanged(t *testing.T) {
	t.Parallel()
	older := bytes.Repeat([]byte{9}, 24)
	var headers []http.Header
	var bodies [][]byte
	var mu sync.Mutex
	recv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		mu.Lock()
		defer mu.Unlock()
		headers, bodies = append(headers, req.Header.Clone()), append(bodies, body)
	}))
	defer recv.Close()
	now := &clock{at: time.Now()}
	var list [][]byte // nil: the file is missing
	secrets := func() ([][]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		if list == nil {
			return nil, errors.New("no file")
		}
		return list, nil
	}
	o := open(t, Config{Receiver: Receiver{URL: recv.URL, Secrets: secrets, Loopback: true}, Judge: due, Now: now.now})
	run(t, o)
	steps := [][][]byte{{older}, {secret, older}, {secret}}
	if err := o.Add(1, 1, []Reward{sample(0, now.at)}); err != nil {
		t.Fatal(err)
	}
	for o.await(t, ID{0}, Due).Attempts < 1 {
	}
	for i, step := range steps {
		mu.Lock()
		list = step
		mu.Unlock()
		now.move(waits[0])
		o.Wake()
		if err := o.Add(1, 1, []Reward{sample(byte(i), now.now())}); err != nil {
			t.Fatal(err)
		}
		o.await(t, ID{byte(i)}, Delivered)
	}
	for i, step := range steps {
		for _, key := range [][]byte{secret, older} {
			hook, err := standardwebhooks.NewWebhook(written(key))
			if err != nil {
				t.Fatal(err)
			}
			err = hook.VerifyIgnoringTimestamp(bodies[i], headers[i])
			if known := bytes.Equal(step[0], key) || len(step) > 1; (err == nil) != known {
				t.Errorf("message %d under %x…: %v", i, key[:1], err)
			}
			bodies[i][0] ^= 1
			if hook.VerifyIgnoringTimestamp(bodies[i], headers[i]) == nil {
				t.Error("a changed message verifies")
			}
			bodies[i][0] ^= 1
		}
	}
}

// A receiver that wants no more messages gets this one no more, and somebody has to
// look; then it is sent anew.
func TestReceiverIsGone(t *testing.T) {
	t.Parallel()
	now := &clock{at: time.Now()}
	recv := newReceiver(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			w.WriteHeader(http.StatusGone)
		}
	})
	o := open(t, Config{Receiver: Receiver{URL: recv.URL, Secrets: fixed, Loopback: true}, Judge: due, Now: now.now})
	run(t, o)
	if err := o.Add(1, 1, []Reward{sample(1, now.at)}); err != nil {
		t.Fatal(err)
	}
	if r := o.await(t, ID{1}, Failed); r.Attempts != 1 || !strings.Contains(r.Reason, "410") || r.DoneAt.IsZero() {
		t.Errorf("it is kept as %+v", r)
	}
	if err := o.Again(ID{1}); err != nil {
		t.Fatal(err)
	}
	o.await(t, ID{1}, Delivered)
	if got := recv.deliveries(); len(got) != 2 || got[0] != got[1] {
		t.Errorf("deliveries %v", got)
	}
}

// childDir names the directory of an outbox that this program is to run, as a
// child that the test kills.
const childDir = "SUYUAN_TEST_REWARD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir, os.Getenv(childDir+"_URL"))
		return
	}
	os.Exit(m.Run())
}

func child(dir, url string) {
	o, err := Open(Config{Dir: dir, Receiver: Receiver{URL: url, Secrets: fixed, Loopback: true}, Judge: due})
	if err == nil {
		err = o.Add(1, 1, []Reward{sample(1, time.Unix(10_000, 0))})
	}
	if err == nil {
		err = o.Run(context.Background())
	}
	panic(err)
}

// A node that is killed between the receiver's answer and its own note of it sends
// the same message again, and after that note never.
func TestRewardSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	answers := make(chan struct{})
	recv := newReceiver(t, func(n int, _ http.ResponseWriter) {
		if n == 1 {
			<-answers // the message is taken, and the answer comes too late
		}
	})
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir, childDir+"_URL="+recv.URL)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	kill := func(cmd *exec.Cmd) {
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
	}
	first := start()
	recv.await(t, 1)
	kill(first)
	close(answers)
	second := start()
	got := recv.await(t, 2)
	if got[0] != got[1] {
		t.Errorf("the message was %v, and after the kill %v", got[0], got[1])
	}
	// It is delivered when the child has noted so, which its directory shows
	// once it is gone. A child that was killed before it did delivers again, and the
	// next has twice the time.
	for came, wait := 2, 20*time.Millisecond; ; came, wait = came+1, 2*wait {
		recv.await(t, came)
		time.Sleep(wait)
		kill(second)
		o := open(t, Config{Dir: dir, Receiver: Receiver{URL: recv.URL, Secrets: fixed, Loopback: true}, Judge: due})
		done := o.Count()[Delivered] == 1
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		if done {
			break
		}
		second = start()
	}
	before := len(recv.deliveries())
	o := open(t, Config{Dir: dir, Receiver: Receiver{URL: recv.URL, Secrets: fixed, Loopback: true}, Judge: due})
	run(t, o)
	if err := o.Add(1, 2, []Reward{sample(1, time.Now()), sample(2, time.Now())}); err != nil {
		t.Fatal(err)
	}
	o.await(t, ID{2}, Delivered)
	if after := recv.deliveries(); len(after) != before+1 {
		t.Errorf("after it was noted %d messages came, want 1", len(after)-before)
	}
}

func TestKeys(t *testing.T) {
	at := time.UnixMilli(0x0102030405060708)
	key := orderKey(at, ID{0xaa})
	if want := append([]byte{2, 1, 2, 3, 4, 5, 6, 7, 8, 0xaa}, make([]byte, 31)...); !bytes.Equal(key, want) {
		t.Errorf("order key %x, want %x", key, want)
	}
	if got, id, ok := parseOrderKey(key); !ok || !got.Equal(at) || id != (ID{0xaa}) {
		t.Errorf("parsed as %s, %s, %t", got, id, ok)
	}
	for _, bad := range [][]byte{nil, key[:40], append([]byte{1}, key[1:]...), append(key, 0)} {
		if _, _, ok := parseOrderKey(bad); ok {
			t.Errorf("%x is taken", bad)
		}
	}
	if key := readKey(7); !bytes.Equal(key, []byte{3, 0, 0, 0, 7}) {
		t.Errorf("read key %x", key)
	}
	if key := rewardKey(ID{0xbb}); len(key) != 33 || key[0] != 1 || key[1] != 0xbb {
		t.Errorf("reward key %x", key)
	}
}
