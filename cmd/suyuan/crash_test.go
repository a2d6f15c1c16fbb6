package main_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 0, "seed of the tests that choose at random; 0 takes one from the clock")

// choices is what a test chooses with. The seed is printed, and -seed repeats it.
func choices(t *testing.T) *rand.Rand {
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with -seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}

const (
	crashes      = 50
	shortCrashes = 5
	writers      = 3
)

// TestCrash kills a node again and again while others write to it over HTTP.
// Nothing that was acknowledged may be lost or stand elsewhere afterwards, and
// in the end all companies agree.
func TestCrash(t *testing.T) {
	t.Parallel()
	rnd := choices(t)
	n := newNetwork(t)
	n.start()
	victim := n.first()
	victim.addOperator("place")
	kills := crashes
	if testing.Short() {
		kills = shortCrashes
	}
	w := &writing{t: t, to: victim}
	for range kills {
		known := len(w.acked)
		w.until(func() { killAfter(victim, time.Duration(rnd.IntN(250))*time.Millisecond) })
		victim.launch()
		if rnd.IntN(5) == 0 { // also while it starts
			killAfter(victim, time.Duration(rnd.IntN(150))*time.Millisecond)
			victim.launch()
		}
		victim.waitReady()
		w.check(victim, w.acked[known:])
		w.check(victim, some(rnd, w.acked[:known]))
	}
	t.Logf("%d kills, %d records acknowledged", kills, len(w.acked))

	// The node must find its way back and everything become final everywhere.
	w.until(func() { w.waitFor(10) })
	n.waitFinal()
	for _, c := range n.all() {
		w.check(c, w.acked)
	}
	for _, c := range n.all() {
		c.stop()
		c.suyuan("verify", "--network", n.id.String()).done(t)
	}
}

// some picks a few of many.
func some(rnd *rand.Rand, list []placed) (few []placed) {
	const most = 50
	for range min(most, len(list)) {
		few = append(few, list[rnd.IntN(len(list))])
	}
	return few
}

// killAfter kills a node when some time has passed.
func killAfter(c *company, d time.Duration) {
	<-time.After(d)
	c.kill()
}

// writing is a stream of records to a node by several writers.
type writing struct {
	t  *testing.T
	to *company

	mu    sync.Mutex // guards acked
	acked []placed   // what was answered with 201
	next  atomic.Uint64
}

// until writes until do returns.
func (w *writing) until(do func()) {
	var stop atomic.Bool
	var running sync.WaitGroup
	for range writers {
		running.Go(func() {
			for !stop.Load() && w.write() {
			}
		})
	}
	do()
	stop.Store(true)
	running.Wait()
}

// write posts one to three records and notes those acknowledged. It returns
// false when the node is gone.
func (w *writing) write() bool {
	first := w.next.Add(3)
	body := placeDraft(fmt.Sprintf("p%d", first))
	if first%2 == 0 {
		body = fmt.Sprintf("[%s,%s,%s]", body, placeDraft(fmt.Sprintf("p%d", first+1)), placeDraft(fmt.Sprintf("p%d", first+2)))
	}
	a, err := w.to.try("POST", "/api/v1/records", jsonRequest(body))
	if err != nil {
		return false
	}
	list, err := a.stored()
	if err != nil {
		w.t.Error(err)
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked = append(w.acked, list...)
	return true
}

// waitFor waits until some more records have been acknowledged.
func (w *writing) waitFor(more int) {
	size := func() int { w.mu.Lock(); defer w.mu.Unlock(); return len(w.acked) }
	want := size() + more
	eventually(w.t, startWithin, func() string {
		if size() < want {
			return "nothing is acknowledged"
		}
		return ""
	})
}

// check asks a node for acknowledged records: each must stand where the answer
// said, and no other there.
func (w *writing) check(c *company, list []placed) {
	w.t.Helper()
	at := make(map[string]string)
	for _, want := range list {
		a, err := c.try("GET", "/api/v1/records/"+want.ID, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		var got placed
		if a.status != http.StatusOK || json.Unmarshal(a.body, &got) != nil {
			w.t.Fatalf("%s: record %s at %s/%d was acknowledged and is lost: %d %s", c.name, want.ID, want.Chain, want.Seq, a.status, a.body)
		}
		where := fmt.Sprintf("%s/%d", got.Chain, got.Seq)
		if got.Chain != want.Chain || got.Seq != want.Seq || got.Hash != want.Hash {
			w.t.Fatalf("%s: record %s stands at %s, acknowledged was %s/%d", c.name, want.ID, where, want.Chain, want.Seq)
		}
		if other, taken := at[where]; taken && other != want.ID {
			w.t.Fatalf("%s: records %s and %s both stand at %s", c.name, want.ID, other, where)
		}
		at[where] = want.ID
	}
}
