package replica

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/metrics"
	"golang.org/x/sync/errgroup"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// unhurried opens every node of a network on disk, with the intervals that
// operators have, and waits until what they begin with is final.
func unhurried(b *testing.B, opts ...ledgertest.Option) *cluster {
	b.Helper()
	c := newCluster(b, opts...)
	for _, n := range c.list() {
		n.dir = filepath.Join(c.base, n.member.Slug)
		n.config = func(cfg *Config) { cfg.Intervals = Intervals{} }
		n.open().found().start()
	}
	c.awaitFinal(c.list(), c.list()...)
	return c
}

// BenchmarkAppendToFinal measures, for nodes on one disk, the time from Append to
// a stored quorum checkpoint at the author, with one record at a time: while
// nothing else goes on, and while another node writes half of what the network
// takes. Signing the record is not counted.
func BenchmarkAppendToFinal(b *testing.B) {
	for _, nodes := range []int{4, 10} {
		for _, half := range []bool{false, true} {
			b.Run(fmt.Sprintf("nodes=%d/half-load=%v", nodes, half), func(b *testing.B) { appendToFinal(b, nodes, half) })
		}
	}
}

func appendToFinal(b *testing.B, nodes int, half bool) {
	c := unhurried(b, ledgertest.WithMembers(nodes))
	author := c.list()[0]
	if half {
		defer loadHalf(c, c.list()[1])()
	}
	changed, stop := author.store.Watch()
	defer stop()
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		r, sc := c.net.Record(author.member.Slug, ledger.KindPlace, ledgertest.Start)
		b.StartTimer()
		began := time.Now()
		place := author.append(r, sc)
		for cp := author.store.Final(1); cp == nil || cp.Size <= place.Seq; cp = author.store.Final(1) {
			<-changed
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
}

// loadHalf measures how many records a second of one writer become final on all
// nodes, and has it write half of that in batches of twenty milliseconds until
// the returned function is called. Making and signing the records is part of both.
func loadHalf(c *cluster, writer *testNode) (stop func()) {
	const count, batch, each = 4000, 500, 20 * time.Millisecond
	began := time.Now()
	for range count / batch {
		writer.records(batch)
	}
	c.awaitFinal(c.list(), writer)
	perBatch := max(1, int(count/time.Since(began).Seconds()/2*each.Seconds()))
	done := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		tick := time.NewTicker(each)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				writer.records(perBatch)
			}
		}
	})
	return func() {
		close(done)
		writing.Wait()
	}
}

// BenchmarkCatchUp measures how fast a node that joins late takes over a chain
// from three that have it, beside the rate at which this machine checks a
// record's signature on all cores, which nothing can exceed.
func BenchmarkCatchUp(b *testing.B) {
	const entries, batch = 10_000, 500
	var caughtUp, checked time.Duration
	for b.Loop() {
		b.StopTimer()
		c := newCluster(b)
		list := c.list()
		for _, n := range list {
			n.dir = filepath.Join(c.base, n.member.Slug)
			n.config = func(cfg *Config) { cfg.Intervals = Intervals{} }
			n.open().found()
		}
		for _, n := range list[:3] {
			n.start()
		}
		for range entries / batch {
			list[0].records(batch)
		}
		c.awaitFinal(list[:3], list[0])
		checked += checkSignatures(b, list[0], entries)
		late := list[3]
		b.StartTimer()
		late.start()
		late.await("a session", func() bool { return late.sessionOf(1) != nil })
		began := time.Now()
		c.awaitFinal([]*testNode{late}, list[0])
		caughtUp += time.Since(began)
		b.StopTimer()
		for _, n := range list {
			n.halt()
			n.close()
		}
		b.StartTimer()
	}
	total := float64(entries * b.N)
	b.ReportMetric(total/caughtUp.Seconds(), "entries/s")
	b.ReportMetric(total/checked.Seconds(), "signatures/s")
}

// checkSignatures opens as many entries as asked for on all cores, as a store
// does with what comes from peers.
func checkSignatures(b *testing.B, n *testNode, count int) time.Duration {
	b.Helper()
	var raw [][]byte
	for it, err := range n.store.Entries(n.member.Number, 2, 2+uint64(count)) { // behind charter and grant
		if err != nil {
			b.Fatal(err)
		}
		raw = append(raw, it.Entry)
	}
	began := time.Now()
	var all errgroup.Group
	for part := range slices.Chunk(raw, 1+len(raw)/runtime.GOMAXPROCS(0)) {
		all.Go(func() error {
			for _, entry := range part {
				if _, err := ledger.OpenEntry(entry); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

// BenchmarkBytesPerEntry measures what all four nodes together send on streams
// until entries of one are final at all, for entries that come one by one and in
// batches. Encryption and packet headers come on top.
func BenchmarkBytesPerEntry(b *testing.B) {
	for _, batch := range []int{1, 500} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) { bytesPerEntry(b, batch) })
	}
}

func bytesPerEntry(b *testing.B, batch int) {
	counter := metrics.NewBandwidthCounter()
	c := newCluster(b)
	for _, n := range c.list() {
		n.config = func(cfg *Config) {
			cfg.Intervals, cfg.options = Intervals{}, []libp2p.Option{libp2p.BandwidthReporter(counter)}
		}
		n.open().found().start()
	}
	c.awaitFinal(c.list(), c.list()...)
	author := c.list()[0]
	before, size := counter.GetBandwidthTotals().TotalOut, author.store.Size(1)
	for b.Loop() {
		author.records(batch)
		c.awaitFinal(c.list(), author)
	}
	sent := counter.GetBandwidthTotals().TotalOut - before
	var stored int
	for it, err := range author.store.Entries(1, size, author.store.Size(1)) {
		if err != nil {
			b.Fatal(err)
		}
		stored += len(it.Entry) + len(it.Sidecar)
	}
	b.ReportMetric(float64(sent)/float64(batch*b.N), "sent-B/entry")
	b.ReportMetric(float64(stored)/float64(batch*b.N), "stored-B/entry")
}

// BenchmarkPeers measures what each end of a session costs in a mesh of fifty
// nodes in one process, once all have met.
func BenchmarkPeers(b *testing.B) {
	const nodes = 50
	var memory, goroutines float64
	for b.Loop() {
		c := newCluster(b, ledgertest.WithMembers(nodes))
		list := c.list()
		for _, n := range list {
			n.config = func(cfg *Config) { cfg.Intervals = Intervals{} }
			n.open()
		}
		memory0, goroutines0 := footprint()
		for _, n := range list {
			n.start()
		}
		for _, n := range list {
			n.await("all peers", func() bool { return len(n.sessions()) == nodes-1 })
		}
		memory1, goroutines1 := footprint()
		memory += memory1 - memory0
		goroutines += goroutines1 - goroutines0
		for _, n := range list {
			n.halt()
			n.close()
		}
	}
	ends := float64(b.N * nodes * (nodes - 1))
	b.ReportMetric(memory/ends/1024, "KiB/peer")
	b.ReportMetric(goroutines/ends, "goroutines/peer")
}

// footprint is the live memory of the process, with stacks, and its goroutines.
func footprint() (bytes, goroutines float64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse), float64(runtime.NumGoroutine())
}

// BenchmarkThroughput measures records that become final on all of four nodes,
// one of which writes in batches.
func BenchmarkThroughput(b *testing.B) {
	c := unhurried(b)
	brand := c.node("lanzhi")
	const batch = 500
	for b.Loop() {
		brand.records(batch)
		c.awaitFinal(c.list(), brand)
	}
	b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "records/s")
}
