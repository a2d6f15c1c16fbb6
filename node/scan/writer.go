package scan

import (
	"errors"
	"time"

	"github.com/dgraph-io/badger/v4"

	"suyuan/trace/scan"
)

// write is the writer's goroutine. It ends when the queue is closed and empty.
func (r *Recorder) write() {
	defer close(r.done)
	tick := time.NewTicker(pruneStep)
	defer tick.Stop()
	var round pruning
	batch := make([]entry, 0, maxBatch)
	for {
		select {
		case e, open := <-r.queue:
			if !open {
				return
			}
			var q *request
			batch, q = r.gather(append(batch[:0], e))
			r.commit(batch)
			if q != nil {
				q.answer <- r.serve(*q)
			}
		case q := <-r.asked:
			q.answer <- r.serve(q)
		case <-tick.C:
			r.pruneOn(&round)
		}
	}
}

// gather waits for company, until the batch is full, somebody asks, or the
// queue is closed.
func (r *Recorder) gather(batch []entry) ([]entry, *request) {
	wait := time.NewTimer(linger)
	defer wait.Stop()
	for len(batch) < maxBatch {
		select {
		case e, open := <-r.queue:
			if !open {
				return batch, nil
			}
			batch = append(batch, e)
		case q := <-r.asked:
			return batch, &q
		case <-wait.C:
			return batch, nil
		}
	}
	return batch, nil
}

// serve answers a request when all that was taken before it is written.
func (r *Recorder) serve(q request) error {
	failed := r.failed.Load()
	for n := len(r.queue); n > 0; {
		batch := make([]entry, 0, min(n, maxBatch))
		for range cap(batch) {
			batch = append(batch, <-r.queue)
		}
		n -= len(batch)
		r.commit(batch)
	}
	if q.prune {
		return r.prune()
	}
	if r.failed.Load() != failed {
		return errors.New("some scans could not be written")
	}
	return nil
}

// commit writes a batch as one transaction. What cannot be written is lost:
// waiting for a disk would only lose what comes later too.
func (r *Recorder) commit(batch []entry) {
	counted, err := r.apply(batch)
	if err != nil {
		r.failed.Add(uint64(len(batch)))
		r.cfg.Log.Error("scans were not written", "n", len(batch), "err", err)
		return
	}
	r.counted.Add(uint64(counted))
	r.repeated.Add(uint64(len(batch) - counted))
}

func (r *Recorder) apply(batch []entry) (counted int, err error) {
	txn := r.db.NewTransaction(true)
	defer func() { txn.Discard() }()
	records := make(map[itemCycle]*scan.Record)
	for _, e := range batch {
		rec, ok := records[e.itemCycle]
		if !ok {
			rec, err = read(txn, e.itemCycle)
			if errors.Is(err, ErrDamaged) {
				// One bad record must not keep the others from being written.
				r.cfg.Log.Error("scans of an item are unreadable and begin anew", "err", err)
				rec, err = new(scan.Record), nil
			}
			if err != nil {
				return 0, err
			}
			rec.Forget(r.oldest())
			records[e.itemCycle] = rec
		}
		if rec.Add(e.scan) {
			counted++
		}
	}
	for id, rec := range records {
		if txn, err = put(r.db, txn, id, rec); err != nil {
			return 0, err
		}
	}
	return counted, txn.Commit()
}

// put writes a record, and begins another transaction when this one is full.
func put(db *badger.DB, txn *badger.Txn, id itemCycle, rec *scan.Record) (*badger.Txn, error) {
	b, err := rec.Encode()
	if err != nil {
		return txn, err
	}
	err = txn.Set(recordKey(id), b)
	if !errors.Is(err, badger.ErrTxnTooBig) {
		return txn, err
	}
	if err := txn.Commit(); err != nil {
		return txn, err
	}
	txn = db.NewTransaction(true)
	return txn, txn.Set(recordKey(id), b)
}

// oldest is the time before which devices are forgotten.
func (r *Recorder) oldest() int64 { return r.cfg.Now().Add(-r.cfg.Retention).UnixMilli() }

// A pruning is where a round of forgetting stands.
type pruning struct {
	next   []byte    // where to go on, nil between rounds
	begun  time.Time // zero before the first
	forgot int
}

// pruneOn takes the next step of a round, so that writing never waits long.
func (r *Recorder) pruneOn(p *pruning) {
	if p.next == nil {
		if now := r.cfg.Now(); p.begun.IsZero() || now.Sub(p.begun) >= pruneEvery {
			*p = pruning{next: []byte{tagRecord}, begun: now}
		} else {
			return
		}
	}
	next, n, err := r.pruneSome(p.next)
	p.next, p.forgot = next, p.forgot+n
	if err != nil {
		r.cfg.Log.Error("devices were not forgotten", "err", err)
	}
	if next == nil && p.forgot > 0 {
		r.cfg.Log.Info("devices forgotten", "n", p.forgot)
	}
}

// prune goes through all records.
func (r *Recorder) prune() error {
	for next := []byte{tagRecord}; next != nil; {
		var err error
		if next, _, err = r.pruneSome(next); err != nil {
			return err
		}
	}
	return nil
}

// pruneSome goes through records from a key on and returns where to go on, nil
// at the end, and how many were changed.
func (r *Recorder) pruneSome(from []byte) (next []byte, changed int, err error) {
	old := make(map[itemCycle]*scan.Record)
	err = r.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: pruneBatch, Prefix: []byte{tagRecord}})
		defer it.Close()
		seen := 0
		for it.Seek(from); it.Valid(); it.Next() {
			if seen++; seen > pruneBatch {
				next = it.Item().KeyCopy(nil)
				return nil
			}
			id, ok := parseRecordKey(it.Item().Key())
			rec, err := decode(it.Item())
			if !ok || err != nil {
				continue // it is said when somebody looks it up
			}
			if rec.Forget(r.oldest()) {
				old[id] = rec
			}
		}
		return nil
	})
	if err != nil || len(old) == 0 {
		return next, 0, err
	}
	txn := r.db.NewTransaction(true)
	defer func() { txn.Discard() }()
	for id, rec := range old {
		if txn, err = put(r.db, txn, id, rec); err != nil {
			return nil, 0, err
		}
	}
	if err := txn.Commit(); err != nil {
		return nil, 0, err
	}
	return next, len(old), nil
}
