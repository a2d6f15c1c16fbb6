package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/crypto"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node"
)

// all measures every row. A row stands on the ones before it: what the processor
// and the disk can do, what the store makes of it, what a whole node does.
func (b *bench) all(ctx context.Context, large bool) error {
	for _, rows := range []func(context.Context) error{b.rawRows, b.storeRows, b.nodeRows} {
		if err := rows(ctx); err != nil {
			return err
		}
	}
	return b.trailRows(ctx, large)
}

// rawRows measures the processor and the disk by themselves.
func (b *bench) rawRows(ctx context.Context) error {
	key, err := crypto.GenerateKey()
	if err != nil {
		return err
	}
	const msg = "Suyuan record\nnetwork: of nobody\nkind: ship\nrecord: of nothing"
	sig, err := ledger.SignMessage(msg, key)
	if err != nil {
		return err
	}
	b.recovers = func(limit time.Duration) (measured, error) { return recoverAll(limit, msg, sig) }
	_, err = b.measure(ctx, "recover", "check signatures on all processors, nothing else", func() (measured, error) { return b.recovers(b.limit) })
	if err != nil {
		return err
	}
	_, err = b.measure(ctx, "fsync", "write 4 KiB and fsync", b.fsyncs)
	return err
}

// recoverAll recovers the signer of one message on all processors.
func recoverAll(limit time.Duration, msg string, sig []byte) (measured, error) {
	workers := runtime.GOMAXPROCS(0)
	counts, errs := make([]int, workers), make([]error, workers)
	var wg sync.WaitGroup
	start, cpu := time.Now(), processorTime()
	for w := range workers {
		wg.Go(func() {
			for time.Since(start) < limit && errs[w] == nil {
				_, errs[w] = ledger.RecoverMessage(msg, sig)
				counts[w]++
			}
		})
	}
	wg.Wait()
	m := measured{took: time.Since(start), cpu: processorTime() - cpu}
	for _, n := range counts {
		m.ops += n
	}
	return m, errors.Join(errs...)
}

func (b *bench) fsyncs() (m measured, err error) {
	f, err := os.Create(filepath.Join(b.dir, "fsync"))
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	block, cpu := make([]byte, 4096), processorTime()
	for start := time.Now(); m.took < b.limit; m.took = time.Since(start) {
		if _, err := f.WriteAt(block, int64(m.ops)*int64(len(block))); err != nil {
			return m, err
		}
		if err := f.Sync(); err != nil {
			return m, err
		}
		m.ops++
	}
	m.cpu = processorTime() - cpu
	return m, nil
}

// benchPart is how many records are made, and then appended, at a time. Making
// and signing them is not measured.
const benchPart = 2048

// storeRows measures the store without a node around it.
func (b *bench) storeRows(ctx context.Context) error {
	w, err := newBenchWorld(ctx, filepath.Join(b.dir, "store"))
	if err != nil {
		return err
	}
	s, err := w.openStore()
	if err != nil {
		return err
	}
	err = b.storeAppends(ctx, w, s)
	return errors.Join(err, s.Close())
}

func (b *bench) storeAppends(ctx context.Context, w *benchWorld, s *store.Store) error {
	appends := func(checked bool) func() (measured, error) {
		return func() (measured, error) {
			return until(ctx, b.limit, func() (measured, error) {
				list, err := w.signAll(benchPart, func(i int) draftOf { return shipDraft(benchRange{w.product, 0, uint32(i), uint32(i)}) })
				if err != nil {
					return measured{}, err
				}
				return callers(len(list), func(i int) error { return appendOne(ctx, s, list[i], checked) })
			})
		}
	}
	row, err := b.measureShare(ctx, "store", "append to the store with 64 callers, signatures not checked", appends(false))
	if err != nil {
		return err
	}
	if fast := b.rows[1].Median >= fastFsync; fast {
		row.aim(row.Median >= targetAppend, "%d/s", targetAppend)
	} else {
		row.Target = fmt.Sprintf("%d/s on a disk with %d fsyncs/s", targetAppend, fastFsync)
	}
	row, err = b.measureShare(ctx, "store-checked", "append to the store with 64 callers, who check signatures", appends(true))
	if err != nil {
		return err
	}
	row.aim(row.OfRecover >= targetOfRecover, "%.1f of raw checks", targetOfRecover)
	return nil
}

func appendOne(ctx context.Context, s *store.Store, r *signed, checked bool) (err error) {
	rec := r.record
	if checked {
		if rec, err = ledger.OpenRecord(rec.Raw, rec.Sig); err != nil {
			return err
		}
	}
	_, err = s.Append(ctx, rec, r.sidecar)
	return err
}

// nodeRows measures a whole node, from the bytes that a caller sends to the
// answer: signature, admission, store and index.
func (b *bench) nodeRows(ctx context.Context) error {
	w, err := newBenchWorld(ctx, filepath.Join(b.dir, "node"))
	if err != nil {
		return err
	}
	n, err := w.open()
	if err != nil {
		return err
	}
	flow := &benchFlow{w: w, n: n}
	row, err := b.measureShare(ctx, "node", "a node takes activations, shipments and receipts from 64 callers", func() (measured, error) {
		return until(ctx, b.limit, func() (measured, error) { return flow.part(ctx) })
	})
	if err != nil {
		return errors.Join(err, n.Close())
	}
	row.aim(row.OfRecover >= targetOfRecover, "%.1f of raw checks", targetOfRecover)
	return n.Close()
}

// The look-ups: among how many items, and how many events of single items.
type lookup struct {
	name          string
	items, events uint32
}

// trailRows measures the answer about a code among more and more items.
func (b *bench) trailRows(ctx context.Context, large bool) error {
	sizes := []lookup{{"10-thousand", 10_000, 10_000}, {"1-million", 1_000_000, 1_000_000}}
	if large {
		sizes = append(sizes, lookup{"10-million", 10_000_000, 1_000_000})
	}
	w, err := newBenchWorld(ctx, filepath.Join(b.dir, "trail"))
	if err != nil {
		return err
	}
	n, err := w.open()
	if err != nil {
		return err
	}
	stop := runAlone(ctx, n)
	if err := b.travelRows(ctx, w, n); err != nil {
		return errors.Join(err, stop(), n.Close())
	}
	var first float64
	for i, s := range sizes {
		var row *benchRow
		if row, err = b.trailRow(ctx, w, n, i, s); err != nil {
			break
		}
		if i == 0 {
			first = row.Median
			continue
		}
		row.aim(row.Median < targetGrowth*first, "under %d times the first", targetGrowth)
	}
	return errors.Join(err, stop(), n.Close())
}

// runAlone runs a node that has no peers, so that what it appends becomes final
// by its own signature. stop ends it.
func runAlone(ctx context.Context, n *node.Node) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	return func() error {
		cancel()
		return <-done
	}
}

func (b *bench) trailRow(ctx context.Context, w *benchWorld, n *node.Node, product int, s lookup) (*benchRow, error) {
	b.e.say("writing the history of %d items, with %d events of single ones …", s.items, s.events)
	stock := &benchStock{w: w, n: n, items: s.items, events: s.events}
	uris, err := stock.fill(ctx, product)
	if err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	what := fmt.Sprintf("look a code up among %d items, %d events of single ones, warm", s.items, s.events)
	return b.lookUps(ctx, n, "trail-"+s.name, what, uris, stockEvents)
}

// lookUps adds a row: the answer about one of some codes, each of whose trails
// has as many events at least.
func (b *bench) lookUps(ctx context.Context, n *node.Node, name, what string, uris []string, events int) (*benchRow, error) {
	for _, uri := range uris[:min(len(uris), stockLooked)] { // warm
		a, err := n.Answer(ctx, uri, "")
		if err != nil {
			return nil, fmt.Errorf("look up %s: %w", uri, err)
		}
		if got := len(a.Trail.Events); got < events {
			return nil, fmt.Errorf("the trail of %s has %d events, not %d", uri, got, events)
		}
	}
	next := 0 // in turn, since the order may be what matters
	row, err := b.measure(ctx, name, what, func() (m measured, err error) {
		cpu := processorTime()
		for start := time.Now(); m.took < b.limit; m.took = time.Since(start) {
			if _, err := n.Answer(ctx, uris[next%len(uris)], ""); err != nil {
				return m, err
			}
			next++
			m.ops++
		}
		m.cpu = processorTime() - cpu
		return m, nil
	})
	if err != nil {
		return nil, err
	}
	row.Unit = "ms"
	for i := range row.Runs {
		row.Runs[i] = 1000 / row.Runs[i]
	}
	row.Median = median(row.Runs)
	return row, nil
}
