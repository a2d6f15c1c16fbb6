package store

import "sync"

// A Rewrite is where an entry stands of which something stored has become another.
type Rewrite struct {
	Chain uint32
	Seq   uint64
}

// rewrites counts the entries of which something stored has become another, and
// remembers the last.
type rewrites struct {
	mu   sync.Mutex // guards what follows
	n    int64
	last []Rewrite // number n-len(last) to n-1
}

func (r *rewrites) note(chain uint32, seqs ...uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, seq := range seqs {
		if len(r.last) == maxRewritten {
			r.last = append(r.last[:0], r.last[maxRewritten/2:]...)
		}
		r.last = append(r.last, Rewrite{chain, seq})
		r.n++
	}
}

func (r *rewrites) count() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// since returns what was rewritten from number from on, and the number to go on
// from; not ok, if that is not remembered any more.
func (r *rewrites) since(from int64) (list []Rewrite, next int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.n - int64(len(r.last))
	if from < first || from > r.n {
		return nil, r.n, false
	}
	return append(list, r.last[from-first:]...), r.n, true
}

// Rewritten is a number that grows after anything stored has become another: the
// sidecar of an entry, because disclosures came late or were erased, or what
// Erasures says of it. Whoever keeps what he has made of entries reads the number
// before he reads these, and need not read them again as long as it stays.
func (s *Store) Rewritten() int64 { return s.rewrites.count() }

// RewrittenSince returns where what was stored has become another after Rewritten
// gave a number, and the number that it would give now; not ok, if that was too much
// to remember. An entry may stand there twice.
func (s *Store) RewrittenSince(from int64) (places []Rewrite, now int64, ok bool) {
	return s.rewrites.since(from)
}
