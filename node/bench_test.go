package node

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"suyuan/ledger/store"
	"suyuan/trace"
)

// BenchmarkSubmitSigned has 64 callers hand in records that were signed
// elsewhere: cases that are activated, and shipped to a dealer.
func BenchmarkSubmitSigned(b *testing.B) {
	n := newBrand(b)
	n.mustSubmit(b, trace.Draft{Kind: "party", Fields: fields{"slug": "dealer", "kind": "dealer"}})
	n.issue(b, toner, 1_000_000)
	key := n.grantKey(b)
	list := make([]SignedRecord, b.N)
	store.OnAllCores(b.N, func(i int) {
		from := uint32(i) / 2 * 24
		d := activateDraft(from, from+23)
		if i%2 == 1 {
			d = trace.Draft{Kind: "ship", Subjects: d.Subjects, Fields: fields{"purpose": "sale", "to": "brand/dealer"}}
		}
		list[i] = n.signed(b, key, d)
	})
	b.ReportAllocs()
	b.ResetTimer()
	// First all activations, then all shipments: callers do not wait for each
	// other.
	for _, kind := range []int{0, 1} {
		var next atomic.Int64
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for i := int(next.Add(2)) - 2 + kind; i < len(list); i = int(next.Add(2)) - 2 + kind {
					if p := n.SubmitSigned(context.Background(), list[i:i+1])[0]; p.Err != nil {
						b.Error(p.Err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
