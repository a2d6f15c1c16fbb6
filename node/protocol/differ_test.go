package protocol_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"suyuan/ledger/ledgertest"
	"suyuan/node/protocol"
)

var differSeeds = flag.Uint64("differseeds", 4, "compare the two disks over so many seeds")

// Two disks in one: whatever is done, is done to the model and to the real store,
// and what both say must be the same. Notes and lines differ in their bytes, so
// that they go in pairs.
type pair struct{ model, real disk }

type pairOf struct{ model, real []byte }

// A differ is a network of such pairs, with node 1 twice: it signs two histories.
type differ struct {
	t     *testing.T
	rnd   *rand.Rand
	disks []pair
	no    []uint32 // by disk
	notes []pairOf
	chain []uint32 // by note
	now   int64
	story []string
}

// TestModelAndStoreDecideAlike does the same at random to the model and to the
// store that nodes use, forks and restored copies among it. What the simulator
// shows with the model then holds for the store.
func TestModelAndStoreDecideAlike(t *testing.T) {
	for seed := uint64(1); seed <= *differSeeds; seed++ {
		if *oneSeed != 0 && seed != *oneSeed {
			continue
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			d := newDiffer(t, seed)
			if seed%2 == 0 {
				d.divide()
			}
			for range 300 {
				d.now += int64(d.rnd.IntN(700))
				for _, p := range d.disks {
					p.model.At(d.now)
					p.real.At(d.now)
				}
				d.step()
				d.compare()
				if t.Failed() {
					t.Fatalf("seed %d, after:\n%s", seed, strings.Join(d.story[max(0, len(d.story)-40):], "\n"))
				}
			}
		})
	}
}

func newDiffer(t *testing.T, seed uint64) *differ {
	d := &differ{t: t, rnd: rand.New(rand.NewPCG(seed, 3)), now: ledgertest.Start}
	book := newBook(4)
	book.honest[1] = false
	net := newRealNet(4, fmt.Sprint("differ ", seed))
	for i, no := range []uint32{1, 1, 2, 3, 4} {
		dir := ""
		if i == 4 {
			dir = t.TempDir()
		}
		m := newModelDisk(book, no, 4)
		m.twin = true // it may know of fewer cosigners than the book
		for range 2 { // a charter entry and a grant, as the real one begins
			book.entries = append(book.entries, entry{record: uint64(no)})
			m.add(m.chains[no], entryID(len(book.entries)-1))
		}
		if i == 1 { // twins begin alike
			m.chains[1] = d.disks[0].model.(*modelDisk).copyOf().chains[1]
		}
		r := newRealDisk(t, net, memberName(no), dir)
		d.disks, d.no = append(d.disks, pair{m, r}), append(d.no, no)
	}
	d.checkTwins()
	d.disks[4].model.Backup()
	d.disks[4].real.Backup()
	return d
}

// checkTwins holds that the twins begin alike.
func (d *differ) checkTwins() {
	first, second := d.disks[0].real.(*realDisk), d.disks[1].real.(*realDisk)
	if a, b := first.Store.Head(1), second.Store.Head(1); a != b {
		d.t.Fatalf("the twins begin with %+v and %+v", a, b)
	}
}

func (d *differ) say(format string, args ...any) {
	d.story = append(d.story, fmt.Sprintf(format, args...))
}

func (d *differ) same(what string, model, real any) {
	if model != real {
		d.t.Errorf("%s: the model says %v, the store %v", what, model, real)
	}
}

func (d *differ) step() {
	i := d.rnd.IntN(len(d.disks))
	p, no := d.disks[i], d.no[i]
	note := func(do func(k int)) {
		if len(d.notes) > 0 {
			do(d.rnd.IntN(len(d.notes)))
		}
	}
	switch d.rnd.IntN(12) {
	case 0, 1:
		d.appends(i)
	case 2, 3:
		d.signs(i)
	case 4, 5, 6:
		note(func(k int) { d.copies(i, d.rnd.IntN(len(d.disks)), k) })
	case 7, 8:
		note(func(k int) { d.keeps(i, k) })
	case 9, 10:
		note(func(k int) {
			if d.chain[k] != no { // nobody asks the own witness
				d.cosigns(i, k)
			}
		})
	case 11:
		if i == 4 && d.rnd.IntN(3) == 0 {
			d.say("disk 4: an old copy is put back")
			p.model.PutBack("kept")
			p.real.PutBack("kept")
		} else if s := p.real.State(); s.Chains[0].Evidence != nil {
			d.judges(i)
		}
	}
}

// divide has one history of chain 1 become final with nodes 2 and 3, which say so on
// their chains, while node 4 has stored some of the other.
func (d *differ) divide() {
	const first, second, two, three, four = 0, 1, 2, 3, 4
	for range 1 + d.rnd.IntN(3) {
		d.appends(first)
	}
	a := d.signs(first)
	for range 1 + d.rnd.IntN(3) {
		d.appends(second)
	}
	b := d.signs(second)
	for _, i := range []int{two, three} {
		d.copiesAll(i, second, b)
		d.cosigns(i, b)
	}
	d.copies(four, first, a)
	d.keeps(four, a)
	for _, i := range []int{two, three} {
		d.keeps(i, b)
		d.appends(i)
		d.copiesAll(four, i, d.signs(i))
	}
	if d.rnd.IntN(2) == 0 {
		d.keeps(four, b)
	}
}

// copiesAll fetches all that a note covers.
func (d *differ) copiesAll(i, from, k int) {
	_, size := d.disks[i].real.Open(d.notes[k].real)
	for d.disks[i].real.State().Chains[d.chain[k]-1].Size < size && !d.t.Failed() {
		d.copies(i, from, k)
	}
}

func (d *differ) appends(i int) {
	a, b := d.disks[i].model.Append(d.rnd.Uint64()), d.disks[i].real.Append(0)
	d.say("disk %d appends: %v", i, b)
	d.same("append", a, b)
}

// signs returns the number of the note, −1 if there is none.
func (d *differ) signs(i int) int {
	a, b := d.disks[i].model.Sign(), d.disks[i].real.Sign()
	d.say("disk %d signs: %d, %v", i, b.Size, b.Err)
	d.same("sign", a.Err == nil, b.Err == nil)
	d.same("signed size", a.Size, b.Size)
	d.same("final", a.Final, b.Final)
	if a.Err != nil || b.Err != nil {
		return -1
	}
	d.notes, d.chain = append(d.notes, pairOf{a.Note, b.Note}), append(d.chain, d.no[i])
	return len(d.notes) - 1
}

func (d *differ) keeps(i, k int) {
	a, _ := d.disks[i].model.Keep(d.chain[k], d.notes[k].model)
	b, err := d.disks[i].real.Keep(d.chain[k], d.notes[k].real)
	d.say("disk %d keeps note %d of chain %d: %v, %v", i, k, d.chain[k], b, err)
	d.same("keep", a, b)
}

// copies fetches entries of a chain from another disk, proven by one of the notes.
func (d *differ) copies(i, from, k int) {
	chain, note := d.chain[k], d.notes[k]
	_, size := d.disks[i].real.Open(note.real)
	at := d.disks[i].real.State().Chains[chain-1].Size
	if d.rnd.IntN(4) == 0 {
		at = d.rnd.Uint64N(at + 1) // looks back
	}
	if at >= size {
		return
	}
	to := at + 1 + uint64(d.rnd.Int64N(int64(size-at)))
	a, b := d.disks[from].model.Read(chain, at, to, size), d.disks[from].real.Read(chain, at, to, size)
	d.same("read", a == nil, b == nil)
	if a == nil || b == nil {
		return
	}
	n, x, _ := d.disks[i].model.Extend(chain, at, a, note.model)
	m, y, err := d.disks[i].real.Extend(chain, at, b, note.real)
	d.say("disk %d fetches %d to %d of chain %d from %d under note %d: %v, %v", i, at, to, chain, from, k, y, err)
	d.same("extend", x, y)
	d.same("extended size", n, m)
}

// cosigns has a witness cosign a note, and the author publish it.
func (d *differ) cosigns(i, k int) {
	note := d.notes[k]
	a, b := d.disks[i].model.Cosign(note.model), d.disks[i].real.Cosign(note.real)
	d.say("disk %d cosigns note %d of chain %d: %v, %v", i, k, d.chain[k], b.Result, b.Err)
	d.same("cosign", a.Result, b.Result)
	if a.Line == nil || b.Line == nil {
		return
	}
	for j, p := range d.disks {
		if d.no[j] != d.chain[k] {
			continue
		}
		x, final, err1 := p.model.Publish(note.model, [][]byte{a.Line})
		y, really, err2 := p.real.Publish(note.real, [][]byte{b.Line})
		d.say("disk %d publishes: final %v, %v", j, really, err2)
		d.same("publish", err1 == nil, err2 == nil)
		d.same("published final", final, really)
		if err1 == nil && err2 == nil {
			note = pairOf{x, y}
			d.notes[k] = note
		}
	}
}

// judges passes evidence on.
func (d *differ) judges(from int) {
	to := d.rnd.IntN(len(d.disks))
	a, b := d.disks[from].model.State().Chains[0].Evidence, d.disks[from].real.State().Chains[0].Evidence
	_, x, _ := d.disks[to].model.Judge(a)
	_, y, err := d.disks[to].real.Judge(b)
	d.say("disk %d judges what disk %d has: %v, %v", to, from, y, err)
	d.same("judge", x, y)
}

// compare holds the two states of every disk against each other.
func (d *differ) compare() {
	for i, p := range d.disks {
		a, b := p.model.State(), p.real.State()
		d.same(fmt.Sprintf("disk %d: signing", i), a.Signing, b.Signing)
		for n := range a.Chains {
			x, y := a.Chains[n], b.Chains[n]
			d.same(fmt.Sprintf("disk %d: chain %d", i, n+1), summary(x), summary(y))
		}
	}
}

func summary(c protocol.Chain) string {
	return fmt.Sprintf("%d entries, signed %d, final %d, due %d, forked %v", c.Size, c.LatestSize, c.FinalSize, c.Due, c.Evidence != nil)
}
