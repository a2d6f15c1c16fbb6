package store_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

// BenchmarkAppend64 appends from 64 callers to a store on disk. Two raw rates of
// the same machine in the same run stand beside the result: signature checks on
// all cores, and fsyncs of 4 KiB.
func BenchmarkAppend64(b *testing.B) {
	for _, checked := range []bool{true, false} {
		name := "signatures=checked"
		if !checked {
			name = "signatures=given"
		}
		b.Run(name, func(b *testing.B) {
			net, batches := ledgertest.New(), 0
			n := onDisk(b, net, "lanzhi", func(c *store.Config) {
				c.Now = time.Now
				c.Applied = func(uint64, int) { batches++ }
			}).begin(b)
			recs := make([]*ledger.SignedRecord, b.N)
			for i := range recs {
				recs[i], _ = n.record()
			}
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range 64 {
				wg.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						rec := recs[i]
						if checked {
							var err error
							if rec, err = ledger.OpenRecord(rec.Raw, rec.Sig); err != nil {
								b.Error(err)
								return
							}
						}
						if _, err := n.Append(context.Background(), rec, nil); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(b.N)/float64(batches), "records/batch")
			b.ReportMetric(rawRecover(recs[0]), "recovers/s")
			b.ReportMetric(rawFsync(b), "fsyncs/s")
		})
	}
}

// rawRecover is how many signatures per second all cores can check.
func rawRecover(rec *ledger.SignedRecord) float64 {
	var count atomic.Int64
	start := time.Now()
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for time.Since(start) < 300*time.Millisecond {
				_, _ = ledger.OpenRecord(rec.Raw, rec.Sig)
				count.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(count.Load()) / time.Since(start).Seconds()
}

// rawFsync is how often per second 4 KiB can be written and fsynced.
func rawFsync(b *testing.B) float64 {
	f, err := os.Create(filepath.Join(b.TempDir(), "fsync"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	start, count := time.Now(), 0
	buf := make([]byte, 4096)
	for ; time.Since(start) < 300*time.Millisecond; count++ {
		if _, err := f.WriteAt(buf, 0); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(count) / time.Since(start).Seconds()
}

func BenchmarkExtend(b *testing.B) {
	net := ledgertest.New()
	from := inMemory(b, net, "lanzhi").begin(b)
	from.grow(b, 4096)
	var items []store.Item
	for it, err := range from.Entries(1, 0, from.Size(1)) {
		if err != nil {
			b.Fatal(err)
		}
		items = append(items, it)
	}
	b.ResetTimer()
	for range b.N {
		to := onDisk(b, net, "wh")
		for at := 0; at < len(items); at += 256 {
			if _, err := to.Extend(context.Background(), 1, uint64(at), items[at:min(at+256, len(items))]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N*len(items))/b.Elapsed().Seconds(), "entries/s")
}
