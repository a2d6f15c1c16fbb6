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
	records := make(map[itemCycle]stored)
	for _, e := range batch {
		s, ok := records[e.itemCycle]
		if !ok {
			s, err = read(txn, e.itemCycle)
			if errors.Is(err, ErrDamaged) {
				// One bad record must not keep the others from being written.
				r.cfg.Log.Error("scans of an item are unreadable and begin anew", "err", err)
				s, err = stored{rec: new(scan.Record)}, nil
			}
			if err != nil {
				return 0, err
			}
			s.rec.Forget(r.oldest())
			records[e.itemCycle] = s
		}
		if s.rec.Add(e.scan) {
			counted++
		}
	}
	for id, s := range records {
		if txn, err = r.change(txn, id, s); err != nil {
			return 0, err
		}
	}
	return counted, txn.Commit()
}

// change writes a record that counted more, at a new place in the journal. Where
// a crash parts the three writes, the journal names the record once too often,
// which only costs telling it twice.
func (r *Recorder) change(txn *badger.Txn, id itemCycle, s stored) (*badger.Txn, error) {
	old := s.seq
	r.seq++
	s.seq = r.seq
	txn, err := set(r.db, txn, changeKey(s.seq), recordKey(id))
	if err != nil {
		return txn, err
	}
	if txn, err = put(r.db, txn, id, s); err != nil || old == 0 {
		return txn, err
	}
	return del(r.db, txn, changeKey(old))
}

// put writes a record at its place.
func put(db *badger.DB, txn *badger.Txn, id itemCycle, s stored) (*badger.Txn, error) {
	b, err := s.encode()
	if err != nil {
		return txn, err
	}
	return set(db, txn, recordKey(id), b)
}

func set(db *badger.DB, txn *badger.Txn, key, value []byte) (*badger.Txn, error) {
	return within(db, txn, func(txn *badger.Txn) error { return txn.Set(key, value) })
}

func del(db *badger.DB, txn *badger.Txn, key []byte) (*badger.Txn, error) {
	return within(db, txn, func(txn *badger.Txn) error { return txn.Delete(key) })
}

// within does something in a transaction, in another one when this one is full.
func within(db *badger.DB, txn *badger.Txn, do func(*badger.Txn) error) (*badger.Txn, error) {
	err := do(txn)
	if !errors.Is(err, badger.ErrTxnTooBig) {
		return txn, err
	}
	if err := txn.Commit(); err != nil {
		return txn, err
	}
	txn = db.NewTransaction(true)
	return txn, do(txn)
}

// oldest is the time before which devices are forgotten.
func (r *Recorder) oldest() int64 { return r.cfg.Now().Add(-r.cfg.Retention).UnixMilli() }

// A pruning is where a round of forgetting stands: first it goes through the
// records for devices, then through what other nodes counted.
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
	next, n, err := r.step(p.next)
	p.next, p.forgot = next, p.forgot+n
	if err != nil {
		r.cfg.Log.Error("scans were not forgotten", "err", err)
	}
	if next == nil && p.forgot > 0 {
		r.cfg.Log.Info("scans forgotten", "n", p.forgot)
	}
}

// prune goes through everything.
func (r *Recorder) prune() error {
	for next := []byte{tagRecord}; next != nil; {
		var err error
		if next, _, err = r.step(next); err != nil {
			return err
		}
	}
	return nil
}

// step takes one step of a round from a key on.
func (r *Recorder) step(from []byte) (next []byte, changed int, err error) {
	if from[0] == tagTally {
		return r.dropSome(from)
	}
	if next, changed, err = r.pruneSome(from); next == nil && err == nil {
		next = []byte{tagTally}
	}
	return next, changed, err
}

// pruneSome goes through records from a key on and returns where to go on, nil
// at the end, and how many were changed.
func (r *Recorder) pruneSome(from []byte) (next []byte, changed int, err error) {
	old := make(map[itemCycle]stored)
	err = r.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: pruneBatch, Prefix: []byte{tagRecord}})
		defer it.Close()
		seen := 0
		for it.Seek(from); it.Valid(); it.Next() {
			if seen++; seen > pruneBatch {
				next = it.Item().KeyCopy(nil)
				return nil
			}
			id, ok := parseItemKey(tagRecord, it.Item().Key())
			s, err := decode(it.Item())
			if !ok || err != nil {
				continue // it is said when somebody looks it up
			}
			if s.rec.Forget(r.oldest()) {
				old[id] = s
			}
		}
		return nil
	})
	if err != nil || len(old) == 0 {
		return next, 0, err
	}
	txn := r.db.NewTransaction(true)
	defer func() { txn.Discard() }()
	for id, s := range old {
		if txn, err = put(r.db, txn, id, s); err != nil {
			return nil, 0, err
		}
	}
	if err := txn.Commit(); err != nil {
		return nil, 0, err
	}
	return next, len(old), nil
}
