package node

import (
	"context"
	"errors"
	"time"

	"suyuan/ledger/store"
)

const (
	// scrubEvery is how long after one reading of the whole store the next begins:
	// a disk that fails shows it within days.
	scrubEvery = 24 * time.Hour

	// scrubAfter lets a node that has just been started come up first. Opening has
	// looked at the ends of all chains.
	scrubAfter = 10 * time.Minute

	// scrubBytesPerSecond leaves a slow disk most of its time: 100 GB take 7 hours.
	scrubBytesPerSecond = 4 << 20
)

// scrub reads the store's tables again and again, slowly, until ctx ends or damage
// is found. The store then signs nothing; why, status and doctor tell.
func (n *Node) scrub(ctx context.Context) error {
	wait := time.NewTimer(scrubAfter)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
		}
		began := time.Now()
		err := n.store.Scrub(ctx, scrubBytesPerSecond)
		switch {
		case ctx.Err() != nil, errors.Is(err, store.ErrDamaged):
			return nil // the store has said so
		case err != nil:
			n.log.Warn("store not checked", "err", err)
		default:
			n.log.Debug("store checked", "dur", time.Since(began))
		}
		wait.Reset(scrubEvery)
	}
}
