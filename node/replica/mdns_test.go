package replica

import (
	"slices"
	"testing"
	"time"

	"suyuan/node/wire"
)

const testService = "_suyuan-0123abcd._udp.local."

func TestMDNSMessages(t *testing.T) {
	t.Parallel()
	const id = "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"
	addrs := []string{"/ip4/10.0.0.1/tcp/4001/p2p/" + id, "/ip6/fe80::1/udp/4001/quic-v1/p2p/" + id}
	question, err := encodeQuestion(testService)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := encodeAnswer(testService, id, addrs)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		raw     []byte
		service string
		asked   bool
		addrs   []string
		bad     bool
	}{
		{"question", question, testService, true, nil, false},
		{"question for others", question, "_other._udp.local.", false, nil, false},
		{"answer", answer, testService, false, addrs, false},
		{"answer about others", answer, "_other._udp.local.", false, nil, false},
		{"cut short", answer[:len(answer)-3], testService, false, nil, true},
		{"too long", make([]byte, maxMDNS+1), testService, false, nil, true},
		{"nothing", nil, testService, false, nil, true},
	} {
		asked, got, err := decodeMDNS(c.raw, c.service)
		if asked != c.asked || !slices.Equal(got, c.addrs) || (err != nil) != c.bad {
			t.Errorf("%s: asked %v, addresses %q, %v", c.name, asked, got, err)
		}
	}
	var many []string
	for range 1000 {
		many = append(many, addrs[0])
	}
	if raw, err := encodeAnswer(testService, id, many); err != nil || len(raw) > maxMDNS {
		t.Errorf("an answer of %d bytes, %v", len(raw), err)
	}
	var s segment
	now := time.Unix(1_000_000, 0)
	if !s.mayAnswer(now) || s.mayAnswer(now.Add(time.Second/2)) || !s.mayAnswer(now.Add(time.Second)) {
		t.Error("answers are not a second apart")
	}
}

func FuzzDecodeMDNS(f *testing.F) {
	question, err := encodeQuestion(testService)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := encodeAnswer(testService, "me", []string{"/ip4/10.0.0.1/tcp/1/p2p/me"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(question)
	f.Add(answer)
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, addrs, err := decodeMDNS(raw, testService)
		if err != nil && len(addrs) > 0 {
			t.Errorf("%v, and yet %q", err, addrs)
		}
		for _, a := range addrs {
			if len(a) > wire.MaxAddrBytes {
				t.Errorf("an address of %d bytes", len(a))
			}
		}
	})
}

// TestNodesNearbyAreDialled gives nodes no addresses but what one hears of the
// others.
func TestNodesNearbyAreDialled(t *testing.T) {
	c := newCluster(t)
	for _, n := range c.list() {
		n.config = func(cfg *Config) { cfg.Book = nil }
		n.open().found().startAlone()
	}
	brand, wh := c.node("lanzhi"), c.node("wh")
	brand.await("peers", func() bool { return len(brand.Peers()) == 3 })
	brand.nearby([]string{"/ip4/127.0.0.1/tcp/1", "no address", wh.Addrs()[0]})
	brand.await("wh", func() bool { return brand.sessionOf(2) != nil })
	brand.mu.Lock()
	defer brand.mu.Unlock()
	if p := brand.remotes[3]; len(p.near) > 0 {
		t.Errorf("dist is said to be at %q", p.near)
	}
}
