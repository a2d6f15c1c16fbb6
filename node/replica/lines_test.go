package replica

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

// TestPoorLines has every twentieth packet get lost and a round trip take half a
// second: finality takes a few round trips, and no more.
func TestPoorLines(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, e *ether) {
		e.runAll()
		e.finalWithin(heals, e.list()...)
		e.weather(170*time.Millisecond, 0.05)
		var took []time.Duration
		for range 60 {
			e.list()[e.rand.IntN(4)].records(1 + e.rand.IntN(20))
			took = append(took, e.finalWithin(soon, e.list()...))
			time.Sleep(5 * time.Second)
		}
		slices.Sort(took)
		t.Logf("final after %v in the middle, %v at most", took[len(took)/2], took[len(took)-1])
		if took[len(took)/2] > 3*time.Second {
			t.Errorf("half of the records took more than %v", took[len(took)/2])
		}
	})
}

// TestNarrowLine has one node come back after thousands of entries on a line of a
// megabit a second, hardly faster than what a node sends at least to one that
// may only pretend to read, and on one of a quarter of that. It catches up at the
// speed of its line, and what the others write becomes final as promptly as ever.
func TestNarrowLine(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{1_000_000, 256_000} {
		t.Run(fmt.Sprint(bits), func(t *testing.T) { catchUpOverLine(t, bits) })
	}
}

func catchUpOverLine(t *testing.T, narrow int) {
	inBubble(t, func(t *testing.T, e *ether) {
		audit := e.node("audit")
		placed := audit.config
		audit.config = func(cfg *Config) {
			placed(cfg)
			cfg.options = e.options(lineOfSpeed(narrow))
		}
		e.runAll()
		e.finalWithin(heals, e.list()...)
		audit.halt()
		others := []*testNode{e.node("lanzhi"), e.node("wh"), e.node("dist")}
		sizes := 0
		for range 6 {
			others[0].records(500)
			e.finalWithin(soon, others...)
		}
		for it, err := range others[0].store.Entries(1, 0, others[0].store.Size(1)) {
			if err != nil {
				t.Fatal(err)
			}
			sizes += len(it.Entry) + len(it.Sidecar)
		}
		audit.start()
		began, slowest := time.Now(), time.Duration(0)
		whole := others[0].store.Size(1)
		for audit.store.Size(1) < whole {
			others[1].records(1)
			slowest = max(slowest, e.finalWithin(soon, others...))
			if time.Since(began) > time.Hour {
				t.Fatalf("audit has %d of %d entries after an hour; peers %+v", audit.store.Size(1), whole, audit.Peers())
			}
			time.Sleep(2 * time.Second)
		}
		took := time.Since(began)
		t.Logf("%d KiB caught up in %v; the others' records were final within %v", sizes>>10, took, slowest)
		if slowest > promptly {
			t.Errorf("the others waited %v", slowest)
		}
		if least := time.Duration(float64(8*sizes)/float64(narrow)) * time.Second; took > heals+4*least {
			t.Errorf("the line needs %v", least)
		}
		e.finalWithin(heals, e.list()...)
	})
}

// TestGapsOnANarrowLine has a node that was given entries without what all members
// may see of them. On a line of a quarter of a megabit a second, all that it lacks
// takes longer than a holder gives for an answer: it asks for less and has it soon.
func TestGapsOnANarrowLine(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, e *ether) {
		const narrow, count, size = 256_000, 40, 60_000
		brand, audit := e.node("lanzhi"), e.node("audit")
		placed := audit.config
		audit.config = func(cfg *Config) {
			placed(cfg)
			cfg.options = e.options(lineOfSpeed(narrow))
		}
		for _, n := range []*testNode{brand, audit} {
			n.open().found()
		}
		brand.records(count, ledgertest.Disclose(ledger.Members, 1, strings.Repeat("x", size)))
		var items []store.Item
		for it, err := range brand.store.Entries(1, 0, brand.store.Size(1)) {
			if err != nil {
				t.Fatal(err)
			}
			if it.Sidecar != nil && len(items) >= 2 { // after charter and grant
				it.Sidecar = nil
			}
			items = append(items, it)
		}
		if _, err := audit.store.Extend(context.Background(), 1, 0, items); err != nil {
			t.Fatal(err)
		}
		lacking := func() int {
			list, err := audit.store.Lacking(1, 2*count)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		if n := lacking(); n != count {
			t.Fatalf("%d records lack something", n)
		}
		brand.start()
		audit.start()
		least := time.Duration(8*count*size/narrow) * time.Second
		took := e.within(heals+4*least, "what it lacks", func() bool { return lacking() == 0 })
		t.Logf("%v; the line needs %v", took.Round(time.Second), least)
	})
}

// TestLargeThingsOnAVeryNarrowLine has what cannot be cut to pieces come over 128
// kbit/s, and a file that takes longer than an answer may: an entry with a sidecar
// of nearly the largest size, and two megabytes of an attachment.
func TestLargeThingsOnAVeryNarrowLine(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, e *ether) {
		const narrow, sidecar, file = 128_000, 900_000, 2_000_000
		brand, audit := e.node("lanzhi"), e.node("audit")
		placed := audit.config
		audit.config = func(cfg *Config) {
			placed(cfg)
			cfg.options = e.options(lineOfSpeed(narrow))
		}
		for _, n := range []*testNode{brand, audit} {
			var err error
			if n.blobs, err = store.OpenBlobs(filepath.Join(e.base, n.member.Slug, "blobs")); err != nil {
				t.Fatal(err)
			}
			n.open().found()
		}
		brand.records(1, ledgertest.Disclose(ledger.Members, 1, strings.Repeat("x", sidecar)))
		brand.records(200)
		brand.start()
		audit.start()
		least := func(bytes int) time.Duration { return time.Duration(8*bytes/narrow) * time.Second }
		took := e.within(heals+8*least(sidecar), "the brand's chain", func() bool { return audit.store.Head(1) == brand.store.Head(1) })
		t.Logf("the chain: %v; the line needs %v", took.Round(time.Second), least(sidecar))

		members := store.Audience{Of: ledger.Members}
		digest, err := brand.blobs.Put(context.Background(), bytes.NewReader(make([]byte, file)), members)
		if err != nil {
			t.Fatal(err)
		}
		audit.Want(Attachment{Digest: digest, Audience: members, Chain: 1})
		took = e.within(heals+4*least(file), "the file", func() bool { return audit.blobs.Has(digest) })
		t.Logf("the file: %v; the line needs %v", took.Round(time.Second), least(file))
	})
}
