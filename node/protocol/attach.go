package protocol

import (
	"container/heap"
	"log/slog"
	"maps"
	"slices"
	"time"

	"suyuan/ledger"
)

// attachments are the files that are not held yet. Of those that the records of one
// chain name, one is fetched at a time, and so of maxAttachments chains: an author
// whose files come slowly, or never, or are many, holds up nobody else's.
type attachments struct {
	shelves map[uint32]*shelf // by chain, while it has any
	wanted  map[ledger.Hash]*wanted
	order   uint64 // of the last that was asked for
	busy    int
}

// A shelf is the files of one chain's records; the first of the queue is to be
// fetched next.
type shelf struct {
	busy  bool
	queue []*wanted
}

type wanted struct {
	Want
	order     uint64
	fails     int
	notBefore time.Time
}

// before reports which of two is fetched first: what somebody waits for, then what
// is due, in the order in which they were asked for.
func (w *wanted) before(other *wanted) bool {
	if a, b := w.Attempt != 0, other.Attempt != 0; a != b {
		return a
	}
	if !w.notBefore.Equal(other.notBefore) {
		return w.notBefore.Before(other.notBefore)
	}
	return w.order < other.order
}

// A shelf is a heap.

func (s *shelf) Len() int           { return len(s.queue) }
func (s *shelf) Less(i, j int) bool { return s.queue[i].before(s.queue[j]) }
func (s *shelf) Swap(i, j int)      { s.queue[i], s.queue[j] = s.queue[j], s.queue[i] }
func (s *shelf) Push(x any)         { s.queue = append(s.queue, x.(*wanted)) }
func (s *shelf) Pop() any {
	last := len(s.queue) - 1
	w := s.queue[last]
	s.queue[last], s.queue = nil, s.queue[:last]
	return w
}

// put adds a file to those of its chain.
func (a *attachments) put(w *wanted) {
	s := a.shelves[w.Chain]
	if s == nil {
		s = &shelf{}
		a.shelves[w.Chain] = s
	}
	heap.Push(s, w)
}

// retry asks again at once: a new peer may have what others had not.
func (a *attachments) retry() {
	for _, s := range a.shelves {
		for _, w := range s.queue {
			w.fails, w.notBefore = 0, time.Time{}
		}
		heap.Init(s)
	}
}

func (c *Core) want(e Want) {
	a := &c.attach
	if e.Attempt == 0 && a.wanted[e.Digest] != nil {
		return
	}
	a.order++
	w := &wanted{Want: e, order: a.order}
	if e.Attempt == 0 {
		a.wanted[e.Digest] = w
	}
	a.put(w)
}

// followAttachments begins with those that are due.
func (c *Core) followAttachments() {
	a := &c.attach
	if len(a.shelves) == 0 {
		return
	}
	chains := slices.Sorted(maps.Keys(a.shelves))
	for i := range chains {
		chain := chains[(i+c.turn)%len(chains)]
		s := a.shelves[chain]
		for !s.busy && a.busy < maxAttachments && s.Len() > 0 && c.mayBegin(s.queue[0]) {
			c.fetchAttachment(s, heap.Pop(s).(*wanted))
		}
		if !s.busy && s.Len() == 0 {
			delete(a.shelves, chain)
		}
	}
}

// mayBegin reports whether a file is due. With nobody there, only those are told who
// wait.
func (c *Core) mayBegin(w *wanted) bool {
	return w.Attempt != 0 || len(c.sessions()) > 0 && !c.now.Before(w.notBefore)
}

// fetchAttachment has a file fetched from all that may have it.
func (c *Core) fetchAttachment(s *shelf, w *wanted) {
	peers := c.holders(w.Chain)
	if len(peers) == 0 {
		c.attached(w, Ended{Result: NotHeld, Err: ErrNoHolder})
		return
	}
	s.busy = true
	c.attach.busy++
	c.do(FetchBlob{Task: c.begin(func(e Event) {
		s.busy = false
		c.attach.busy--
		c.attached(w, e.(Ended))
	}), Digest: w.Digest, Peers: peers})
}

// holders are the admitted peers in the order in which they are asked: the author
// of the record first.
func (c *Core) holders(author uint32) []uint32 {
	list := slices.Clone(c.sessions())
	c.rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	var numbers []uint32
	for _, s := range list {
		if s.Number == author {
			numbers = slices.Insert(numbers, 0, s.Number)
		} else {
			numbers = append(numbers, s.Number)
		}
	}
	return numbers
}

func (c *Core) attached(w *wanted, e Ended) {
	a := &c.attach
	if w.Attempt != 0 {
		c.do(Attached{Attempt: w.Attempt, Err: e.Err})
		return
	}
	if e.Result == Done {
		delete(a.wanted, w.Digest)
		return
	}
	w.notBefore = c.now.Add(max(failWait, backoff(w.fails, c.iv.Retry, MaxRetry, c.rnd)))
	w.fails++
	a.put(w)
	c.log(slog.LevelDebug, "attachment not fetched", "hash", w.Digest, "err", e.Err)
}

func (c *Core) nextAttachment(at *alarmClock) {
	if c.attach.busy == maxAttachments || len(c.sessions()) == 0 {
		return
	}
	for _, s := range c.attach.shelves {
		if !s.busy && s.Len() > 0 {
			at.set(s.queue[0].notBefore)
		}
	}
}
