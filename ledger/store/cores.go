package store

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// OnAllCores calls do(0) … do(n-1) on all cores and returns when all have
// returned: signatures are checked so, before they reach the sequencer and when a
// store is verified ([ledger.VerifyOptions]).
func OnAllCores(n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}
