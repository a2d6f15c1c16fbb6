package replica

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// BenchmarkAppendToFinal measures, for four nodes on one disk, the time from
// Append to a stored quorum checkpoint at the author, with one record at a time.
// Signing the record is not counted.
func BenchmarkAppendToFinal(b *testing.B) {
	c := newCluster(b)
	for _, n := range c.list() {
		n.dir = filepath.Join(c.base, n.member.Slug)
		n.config = func(cfg *Config) { cfg.Intervals = Intervals{} }
		n.open().found().start()
	}
	c.awaitFinal(c.list(), c.list()...)
	brand := c.node("lanzhi")
	changed, stop := brand.store.Watch()
	defer stop()
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		r, sc := c.net.Record("lanzhi", ledger.KindPlace, ledgertest.Start)
		b.StartTimer()
		began := time.Now()
		place := brand.append(r, sc)
		for cp := brand.store.Final(1); cp == nil || cp.Size <= place.Seq; cp = brand.store.Final(1) {
			<-changed
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
}

// BenchmarkThroughput measures records that become final on all of four nodes,
// one of which writes in batches.
func BenchmarkThroughput(b *testing.B) {
	c := newCluster(b)
	for _, n := range c.list() {
		n.dir = filepath.Join(c.base, n.member.Slug)
		n.config = func(cfg *Config) { cfg.Intervals = Intervals{} }
		n.open().found().start()
	}
	c.awaitFinal(c.list(), c.list()...)
	brand := c.node("lanzhi")
	const batch = 500
	for b.Loop() {
		brand.records(batch)
		c.awaitFinal(c.list(), brand)
	}
	b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "records/s")
}
