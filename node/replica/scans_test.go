package replica

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"suyuan/node/wire"
)

// counts are the scans of one node, in memory: the durable ones are tested where
// they are.
type counts struct {
	mu      sync.Mutex
	journal uint64
	own     []wire.ScanCount
	cursors map[uint32][2]uint64
	theirs  map[uint32]map[[16]byte]wire.ScanCount
	bad     uint32
	lie     func(after uint64) *wire.Scans // what a liar answers instead
}

func newCounts(journal uint64) *counts {
	return &counts{journal: journal, cursors: make(map[uint32][2]uint64), theirs: make(map[uint32]map[[16]byte]wire.ScanCount)}
}

func (c *counts) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range n {
		i := len(c.own)
		c.own = append(c.own, wire.ScanCount{Item: [16]byte{byte(i), byte(i >> 8), byte(i >> 16)}, Count: 1, First: 1000, Country: "CN", Zh: "杭州"})
	}
}

func (c *counts) Changes(journal, after uint64) (*wire.Scans, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lie != nil {
		return c.lie(after), nil
	}
	if journal != c.journal {
		after = 0
	}
	if after >= uint64(len(c.own)) {
		return nil, nil
	}
	list := c.own[after:]
	list = list[:min(len(list), 100)]
	return &wire.Scans{Journal: c.journal, Next: after + uint64(len(list)), Counts: list}, nil
}

func (c *counts) Cursor(node uint32) (journal, after uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cursors[node][0], c.cursors[node][1], nil
}

func (c *counts) Merge(node uint32, s *wire.Scans) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range s.Counts {
		if n.First > 1_000_000 {
			c.bad = node
			return fmt.Errorf("%w: from the future", ErrScans)
		}
	}
	c.cursors[node] = [2]uint64{s.Journal, s.Next}
	if c.theirs[node] == nil {
		c.theirs[node] = make(map[[16]byte]wire.ScanCount)
	}
	for _, n := range s.Counts {
		c.theirs[node][n.Item] = n
	}
	return nil
}

func (c *counts) of(node uint32) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.theirs[node])
}

func withScans(n *testNode, c *counts) {
	n.config = func(cfg *Config) {
		cfg.Scans = c
		cfg.Intervals.Scans = 20 * time.Millisecond
	}
}

func TestScansReachEveryNode(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	all := make(map[string]*counts)
	for i, n := range c.list() {
		all[n.member.Slug] = newCounts(uint64(i + 1))
		withScans(n, all[n.member.Slug])
		n.open().found()
	}
	all["lanzhi"].add(2_500)
	all["wh"].add(3)
	for _, n := range c.list() {
		n.start()
	}
	check := func(brand int) {
		t.Helper()
		for _, n := range c.list() {
			if n.member.Slug == "lanzhi" {
				continue
			}
			mine := all[n.member.Slug]
			n.await("scans of the brand", func() bool { return mine.of(c.node("lanzhi").member.Number) == brand })
			if n.member.Slug != "wh" {
				n.await("scans of the warehouse", func() bool { return mine.of(c.node("wh").member.Number) == 3 })
			}
		}
	}
	check(2_500)
	all["lanzhi"].add(1)
	check(2_501)

	// A node that comes back goes on where it was.
	dist := c.node("dist")
	dist.halt()
	all["lanzhi"].add(10)
	dist.start()
	check(2_511)
}

// TestNodesWithoutScans holds that nodes that count none are no reason to stop
// asking others.
func TestNodesWithoutScans(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	brand := newCounts(9)
	brand.add(5)
	wh := newCounts(8)
	withScans(c.node("lanzhi"), brand)
	withScans(c.node("wh"), wh)
	c.runAll()
	n := c.node("wh")
	n.await("scans of the brand", func() bool { return wh.of(c.node("lanzhi").member.Number) == 5 })
	if got := wh.of(c.node("dist").member.Number); got != 0 {
		t.Errorf("a node without scans has %d", got)
	}
}

// TestLiarsOfScans holds that a node that lies about scans is heard no more for
// a while, and that others are.
func TestLiarsOfScans(t *testing.T) {
	t.Parallel()
	one := wire.ScanCount{Count: 1, First: 1000}
	future := wire.ScanCount{Count: 1, First: 2_000_000}
	for name, lie := range map[string]func(after uint64) *wire.Scans{
		"standing still": func(uint64) *wire.Scans { return &wire.Scans{Journal: 1, Next: 5, Counts: []wire.ScanCount{one}} },
		"going back": func(after uint64) *wire.Scans {
			return &wire.Scans{Journal: 1, Next: max(1, 100-after), Counts: []wire.ScanCount{one}}
		},
		"the future": func(after uint64) *wire.Scans {
			return &wire.Scans{Journal: 1, Next: after + 1, Counts: []wire.ScanCount{future}}
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			liar, brand, wh := newCounts(7), newCounts(9), newCounts(8)
			liar.lie = lie
			brand.add(5)
			for slug, counts := range map[string]*counts{"lanzhi": brand, "dist": liar, "wh": wh} {
				withScans(c.node(slug), counts)
			}
			c.runAll()
			n, number := c.node("wh"), c.node("dist").member.Number
			n.await("scans of the brand", func() bool { return wh.of(c.node("lanzhi").member.Number) == 5 })
			brand.add(5)
			n.await("later ones", func() bool { return wh.of(c.node("lanzhi").member.Number) == 10 })
			if got := wh.of(number); got > maxScanFrames {
				t.Errorf("the liar was believed %d times", got)
			}
		})
	}
}

// TestEndlessScansAreBounded holds that a round takes no more than its share from
// one who makes items up.
func TestEndlessScansAreBounded(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	liar, wh := newCounts(7), newCounts(8)
	liar.lie = func(after uint64) *wire.Scans {
		return &wire.Scans{Journal: 1, Next: after + 1, Counts: []wire.ScanCount{{Item: [16]byte{byte(after), byte(after >> 8)}, Count: 1, First: 1000}}}
	}
	c.node("dist").config = func(cfg *Config) { cfg.Scans = liar }
	c.node("wh").config = func(cfg *Config) { cfg.Scans = wh; cfg.Intervals.Scans = time.Hour }
	// One dials and the other knows no address: no line replaces another.
	for _, slug := range []string{"dist", "wh"} {
		c.node(slug).open().found().startAlone()
	}
	number := c.node("dist").member.Number
	const round = maxScanFrames * maxScanRequests
	c.node("wh").await("a round", func() bool { return wh.of(number) >= round })
	c.node("wh").records(3)
	c.awaitStored(c.node("dist"), c.node("wh"))
	if got := wh.of(number); got > 2*round { // a round that a line has broken begins again
		t.Errorf("took %d over in one round of %d", got, round)
	}
}
