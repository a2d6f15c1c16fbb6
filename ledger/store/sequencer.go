package store

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"suyuan/ledger"
)

// A Submission is a record to append, with its complete sidecar; nil is an empty
// one. Its signature has been checked: that is what the type says.
type Submission struct {
	Record  *ledger.SignedRecord
	Sidecar *ledger.Sidecar
}

// A Place is where a record stands.
type Place struct {
	Chain    uint32
	Seq      uint64
	Hash     ledger.Hash // leaf hash of its entry
	Existing bool        // it stood there before it was given
}

// A Result answers one submission.
type Result struct {
	Place Place
	Err   error
}

// A ticket is a submission in the queue.
type ticket struct {
	Submission
	raw     []byte             // encoded sidecar
	checked bool               // the sidecar has been held against the record
	charter *ledger.CharterRef // set instead of a record
	result  Result             // written before group is told
	group   *group
	twins   []*ticket // the same record again, in the same batch
	rest    []*ticket // of a whole group, behind its first
}

// bytes is about what the ticket adds to a batch.
func (t *ticket) bytes() int {
	if t.charter != nil {
		return 256
	}
	n := len(t.Record.Raw) + len(t.raw) + 256
	if t.Record.Record.Kind == ledger.KindErase {
		n += 2 * ledger.MaxSidecarBytes // it may write the sidecar of another entry twice
	}
	return n
}

// allBytes is bytes with what stands behind the ticket.
func (t *ticket) allBytes() int {
	n := t.bytes()
	for _, more := range t.rest {
		n += more.bytes()
	}
	return n
}

func (t *ticket) answer(r Result) {
	t.result = r
	if r.Err != nil {
		t.group.broken = true
	}
	t.group.tell()
	for _, twin := range t.twins {
		if r.Err == nil {
			r.Place.Existing = true
		}
		twin.answer(r)
	}
}

// A group is the tickets of one caller.
type group struct {
	left atomic.Int64
	done chan struct{}

	// whole says that all are stored or none. They stand in the queue as one, so
	// that one batch has them all.
	whole  bool
	broken bool // one was refused; the sequencer's
}

func (g *group) tell() {
	if g.left.Add(-1) == 0 {
		close(g.done)
	}
}

// The sequencer is the one writer of the own chain. Callers put tickets into its
// queue and wait; while one batch is being fsynced the next one gathers, so that
// the slower the disk, the larger the batches.
type sequencer struct {
	s       *Store
	queue   chan *ticket
	quit    chan struct{} // closed to stop
	stopped chan struct{} // closed when run has returned
	once    sync.Once

	// Owned by run:
	carry        *ticket // taken from the queue, but too large for its batch
	lastFrontier int64   // entry time of the newest frontier entry
}

func newSequencer(s *Store) *sequencer {
	return &sequencer{
		s: s, queue: make(chan *ticket, queued),
		quit: make(chan struct{}), stopped: make(chan struct{}),
	}
}

// close stops the sequencer after its current batch.
func (q *sequencer) close() {
	q.once.Do(func() { close(q.quit) })
	<-q.stopped
}

// AppendBatch appends records of one caller in their order; see [Store.Append].
// One that is refused does not hold up the others. It returns one result each.
func (s *Store) AppendBatch(ctx context.Context, list []Submission) []Result {
	return s.appendGroup(ctx, &group{done: make(chan struct{})}, list)
}

// AppendAll is [Store.AppendBatch] for records that are stored all together or not
// at all: where one is refused, the others have [ErrNotAlone]. It takes no more
// than a batch holds. Records that are stored already are no obstacle.
func (s *Store) AppendAll(ctx context.Context, list []Submission) []Result {
	if len(list) > MaxTogether {
		return refuseAll(len(list), fmt.Errorf("%w: %d records are over the limit of %d", ErrTogether, len(list), MaxTogether))
	}
	return s.appendGroup(ctx, &group{done: make(chan struct{}), whole: true}, list)
}

func refuseAll(n int, err error) []Result {
	results := make([]Result, n)
	for i := range results {
		results[i].Err = err
	}
	return results
}

func (s *Store) appendGroup(ctx context.Context, g *group, list []Submission) []Result {
	tickets := make([]*ticket, len(list))
	results := make([]Result, len(list))
	valid := 0
	for i, sub := range list {
		t := &ticket{Submission: sub, group: g}
		if t.Sidecar == nil {
			t.Sidecar = &ledger.Sidecar{}
		}
		if err := t.prepare(); err != nil {
			results[i].Err = err
			continue
		}
		tickets[i] = t
		valid++
	}
	if valid == 0 {
		return results
	}
	if g.whole {
		if valid < len(list) {
			return notAlone(results)
		}
		bytes := 0
		for _, t := range tickets {
			bytes += t.bytes()
		}
		if bytes > maxBatchBytes {
			return refuseAll(len(list), fmt.Errorf("%w: %d bytes of records are over the limit of %d", ErrTogether, bytes, maxBatchBytes))
		}
		tickets[0].rest = tickets[1:]
	}
	g.left.Store(int64(valid))
	err := s.submit(ctx, g, tickets)
	for i, t := range tickets {
		switch {
		case t == nil:
		case err != nil:
			results[i].Err = err
		default:
			results[i] = t.result
		}
	}
	return results
}

// notAlone refuses what was not refused itself.
func notAlone(results []Result) []Result {
	for i := range results {
		if results[i].Err == nil {
			results[i].Err = ErrNotAlone
		}
	}
	return results
}

// prepare does what needs no state, so that callers do it side by side and not
// the sequencer. Of the kinds of package ledger the chain reads the sidecar
// itself.
func (t *ticket) prepare() (err error) {
	if t.raw, err = t.Sidecar.Encode(); err != nil {
		return err
	}
	r := &t.Record.Record
	if r.Kind < ledger.KindProduct {
		return nil
	}
	t.checked = true
	return t.Sidecar.Check(r, nil)
}

// AppendCharter appends the entry that puts a held charter version in force.
func (s *Store) AppendCharter(ctx context.Context, ref ledger.CharterRef) error {
	g := &group{done: make(chan struct{})}
	g.left.Store(1)
	t := &ticket{charter: &ref, group: g}
	if err := s.submit(ctx, g, []*ticket{t}); err != nil {
		return err
	}
	return t.result.Err
}

// submit queues tickets and waits until all are answered. After an error their
// results must not be read.
func (s *Store) submit(ctx context.Context, g *group, tickets []*ticket) error {
	if s.seq == nil {
		return s.mayWrite()
	}
	if g.whole {
		tickets = tickets[:1]
	}
	for _, t := range tickets {
		if t == nil {
			continue
		}
		select {
		case s.seq.queue <- t:
		case <-ctx.Done():
			return fmt.Errorf("append: %w", ctx.Err())
		case <-s.seq.quit:
			return ErrClosed
		}
	}
	select {
	case <-g.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("append: %w", ctx.Err())
	case <-s.seq.stopped:
	}
	select {
	case <-g.done: // answered by the last batch
		return nil
	default:
		return ErrClosed
	}
}

// run is the sequencer's goroutine; Open starts it and Close waits for it.
func (q *sequencer) run() {
	defer close(q.stopped)
	for {
		t := q.carry
		q.carry = nil
		if t == nil {
			select {
			case <-q.quit:
				return
			case t = <-q.queue:
			}
		}
		q.round(q.gather(t))
		select {
		case <-q.quit:
			return
		default:
		}
	}
}

// gather takes what waits in the queue, up to the limits of a batch.
func (q *sequencer) gather(first *ticket) []*ticket {
	tickets := append([]*ticket{first}, first.rest...)
	bytes := first.allBytes()
	runtime.Gosched()                      // callers who have just been answered come with their next records
	for len(tickets) < maxBatchEntries-1 { // one is left for a frontier entry
		select {
		case t := <-q.queue:
			if bytes += t.allBytes(); bytes > maxBatchBytes || len(tickets)+1+len(t.rest) > maxBatchEntries-1 {
				q.carry = t
				return tickets
			}
			tickets = append(append(tickets, t), t.rest...)
		default:
			return tickets
		}
	}
	return tickets
}

// round stores one batch and answers its tickets.
func (q *sequencer) round(tickets []*ticket) {
	c, err := q.s.chain(q.s.cfg.Own)
	if err != nil {
		answerAll(tickets, err)
		return
	}
	c.write.Lock()
	defer c.write.Unlock()
	if err := cmp.Or(c.failed, q.s.mayWrite()); err != nil {
		answerAll(tickets, err)
		return
	}
	tickets = q.dropKnown(tickets)
	b, placed, tickets := q.build(c, tickets)
	if b == nil {
		answerAll(tickets, nil)
		return
	}
	if err := b.store(); err != nil {
		answerAll(tickets, err)
		return
	}
	if q.s.mayWrite() != nil {
		q.s.judge() // something was learned meanwhile of what has just been stored
	}
	q.stored(b, tickets, placed)
}

// stored answers the tickets of a batch that is on disk.
func (q *sequencer) stored(b *batch, tickets []*ticket, placed []Place) {
	if b.frontier {
		q.lastFrontier = b.fold.Time()
	}
	if q.s.cfg.Applied != nil {
		q.s.cfg.Applied(b.first, b.count())
	}
	for i, t := range tickets {
		t.answer(Result{Place: placed[i]})
	}
}

func answerAll(tickets []*ticket, err error) {
	for _, t := range tickets {
		t.answer(Result{Err: err})
	}
}

// dropKnown answers the records that stand on the chain already and joins those
// that are given twice.
func (q *sequencer) dropKnown(tickets []*ticket) []*ticket {
	first := make(map[ledger.Hash]*ticket, len(tickets))
	rest := tickets[:0]
	for _, t := range tickets {
		if t.charter != nil {
			rest = append(rest, t)
			continue
		}
		if f := first[t.Record.ID]; f != nil {
			f.twins = append(f.twins, t)
			continue
		}
		chain, seq, ok, err := q.s.find(t.Record.ID)
		switch {
		case err != nil:
			t.answer(Result{Err: err})
		case ok:
			hash, err := q.s.leaf(chain, seq)
			t.answer(Result{Place: Place{Chain: chain, Seq: seq, Hash: hash, Existing: true}, Err: err})
		default:
			first[t.Record.ID] = t
			rest = append(rest, t)
		}
	}
	return rest
}

// build makes the batch of the tickets that may be stored and answers the
// others. It repeats itself without those that Admit refuses, because refusing
// one moves the others and may take from them what they relied on. It returns a
// nil batch if nothing is left, and the tickets not answered yet.
func (q *sequencer) build(c *chainLog, tickets []*ticket) (*batch, []Place, []*ticket) {
	for len(tickets) > 0 {
		b, placed, passed, err := q.fill(c, tickets)
		if err != nil {
			b.discard()
			answerAll(passed, err)
			return nil, nil, nil
		}
		if len(passed) == 0 {
			b.discard()
			return nil, nil, nil
		}
		admitted := keepWhole(q.admit(b, placed, passed))
		if len(admitted) == len(passed) {
			return b, placed, passed
		}
		b.discard()
		tickets = admitted
	}
	return nil, nil, nil
}

// keepWhole answers those of whose whole group another was refused, and returns the
// others.
func keepWhole(tickets []*ticket) []*ticket {
	var rest []*ticket
	for _, t := range tickets {
		if t.group.whole && t.group.broken {
			t.answer(Result{Err: ErrNotAlone})
			continue
		}
		rest = append(rest, t)
	}
	return rest
}

// fill checks each ticket after those before it and answers the refused ones. An
// error is the storage's; the tickets it returns are not answered.
func (q *sequencer) fill(c *chainLog, tickets []*ticket) (b *batch, placed []Place, passed []*ticket, err error) {
	b = q.s.begin(c)
	now := max(q.s.cfg.Now().UnixMilli(), b.fold.Time())
	if err := q.addFrontier(b, now); err != nil {
		return b, nil, tickets, err
	}
	inBatch := func(id ledger.Hash) bool { _, ok := b.ids[id]; return ok } // dropKnown has asked the store
	for i, t := range tickets {
		o, err := t.entry(b.fold.Prev(), now)
		if err == nil {
			err = b.add(o, t.unchecked(), t.raw, inBatch)
		}
		if b.err != nil {
			return b, nil, append(passed, tickets[i:]...), b.err
		}
		if err != nil {
			t.answer(Result{Err: err})
			continue
		}
		placed = append(placed, Place{Chain: c.number, Seq: b.fold.Size() - 1, Hash: o.Hash})
		passed = append(passed, t)
	}
	return b, placed, passed, nil
}

// unchecked is the sidecar if the chain is still to check it.
func (t *ticket) unchecked() *ledger.Sidecar {
	if t.checked {
		return nil
	}
	return t.Sidecar
}

func (t *ticket) entry(prev ledger.Hash, now int64) (*ledger.OpenedEntry, error) {
	if t.charter != nil {
		return ledger.CharterEntry(prev, now, *t.charter)
	}
	return ledger.RecordEntry(prev, now, t.Record)
}

// addFrontier adds a frontier entry if one is due. The chain is not at its
// beginning then; what follows in the batch is a record or charter entry.
func (q *sequencer) addFrontier(b *batch, now int64) error {
	if b.first == 0 || now-q.lastFrontier < ledger.FrontierInterval {
		return nil
	}
	f := q.s.nextFrontier(b.fold)
	if len(f) == 0 {
		return nil
	}
	o, err := ledger.FrontierEntry(b.fold.Prev(), now, f)
	if err != nil {
		return err
	}
	b.frontier = true
	return b.add(o, nil, nil, nil)
}

// admit asks the application about the records of a batch and answers those that
// it refuses.
func (q *sequencer) admit(b *batch, placed []Place, tickets []*ticket) []*ticket {
	if q.s.cfg.Admit == nil {
		return tickets
	}
	var pending []*Pending
	var asked []*ticket
	var rest []*ticket
	for i, t := range tickets {
		if t.charter != nil {
			continue
		}
		pending = append(pending, &Pending{Record: t.Record, Sidecar: t.Sidecar, Seq: placed[i].Seq, Hash: placed[i].Hash, Time: b.fold.Time()})
		asked = append(asked, t)
	}
	if len(pending) == 0 {
		return tickets
	}
	errs := q.s.cfg.Admit(pending)
	refused := make(map[*ticket]bool)
	for i, t := range asked {
		if i < len(errs) && errs[i] != nil {
			refused[t] = true
			t.answer(Result{Err: errs[i]})
		}
	}
	for _, t := range tickets {
		if !refused[t] {
			rest = append(rest, t)
		}
	}
	return rest
}
