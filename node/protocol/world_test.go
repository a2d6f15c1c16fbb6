package protocol_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	oneSeed = flag.Uint64("seed", 0, "run the simulator with this seed only, and show what happens")
	seeds   = flag.Uint64("seeds", 2000, "run the simulator with so many seeds")
)

// TestMain has the collector run rarely: networks are made and dropped by the
// thousand, and each is small.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	m.Run()
}

// A plan is what a seed makes of a run.
type plan struct {
	nodes   int
	liar    string // what node 1 is: "", "twins", "signer", "garbler"; or "thief": the last node has one
	restore string // an old copy of the last node is put back, its guard "kept", "lost" or a "second" one
	trouble trouble
	cuts    int
	chaos   time.Duration
	faults  faults // planted in all honest disks
}

func planOf(rnd *rand.Rand) plan {
	p := plan{
		nodes: 4,
		trouble: trouble{
			loss: rnd.Float64() * 0.05, twice: 0.05, slow: rnd.Float64() * 0.05,
			crash: rnd.Float64() * 0.01, silent: rnd.Float64(),
		},
		cuts:  rnd.IntN(4),
		chaos: time.Duration(10+rnd.IntN(30)) * time.Second,
	}
	if rnd.IntN(5) == 0 {
		p.nodes = 3 + rnd.IntN(5)
	}
	p.liar = [...]string{"", "", "twins", "twins", "signer", "garbler", "thief"}[rnd.IntN(7)]
	p.restore = [...]string{"", "", "kept", "kept", "lost", "second"}[rnd.IntN(6)]
	if p.nodes == 3 {
		p.liar = "" // nothing is safe with three and a liar
	}
	return p
}

// newSim makes the network of a plan; nothing runs yet.
func newSim(seed uint64, p plan) *sim {
	s := &sim{
		seed: seed, rnd: rand.New(rand.NewPCG(seed, 0)), start: time.Unix(1_772_323_200, 0),
		number: make(map[uint32][]*host), side: make(map[*host]int), cut: make(map[[2]uint32]bool),
		trouble: p.trouble, book: newBook(p.nodes),
	}
	for no := uint32(1); no <= uint32(p.nodes); no++ {
		s.add(no, fmt.Sprintf("node %d", no), p)
	}
	liar := s.number[1][0]
	switch p.liar {
	case "twins":
		s.add(1, "its twin", p)
		for _, h := range s.number[1] {
			h.disk.(*modelDisk).twin = true
		}
	case "signer":
		liar.disk.(*modelDisk).faults.signsAnything = true
	case "garbler":
		liar.lie = lie{garbles: 0.3, withholds: 0.3, inflates: 0.2, forgets: 0.2}
	case "thief": // it has the keys of a node that does what it should
		last := uint32(p.nodes)
		s.book.honest[last], s.book.strict[memberName(last)] = false, false
	}
	if p.liar != "" && p.liar != "thief" {
		s.book.honest[1] = p.liar != "twins"
		s.book.strict[memberName(1)] = false
		if p.restore == "second" { // one fault too many for the witness to know
			s.book.strict[memberName(uint32(p.nodes))] = false
		}
		for _, h := range s.number[1] {
			h.honest = false
		}
	}
	for _, h := range s.hosts {
		s.side[h] = s.rnd.IntN(2)
	}
	return s
}

func (s *sim) add(no uint32, name string, p plan) {
	d := newModelDisk(s.book, no, p.nodes)
	d.faults = p.faults
	h := &host{sim: s, no: no, name: name, honest: true, disk: d, pace: 1 + (s.rnd.Float64()-0.5)*0.02}
	s.hosts = append(s.hosts, h)
	s.number[no] = append(s.number[no], h)
}

// live runs a plan: first everything goes wrong, then it heals. It returns what
// must not be, "" if nothing of the kind was seen.
func (s *sim) live(p plan) string {
	s.beginTrouble(p)
	s.run(p.chaos)
	s.heal(p)
	for s.now < p.chaos+2*time.Hour {
		s.run(s.now + 5*time.Second)
		if wrongs := slices.Concat(s.book.wrongs, s.unjust); len(wrongs) > 0 {
			return strings.Join(wrongs, "\n")
		}
		if s.missing() == "" {
			for _, h := range s.right() {
				h.checkBlame()
			}
			return strings.Join(append(s.unjust, s.unequal()...), "\n")
		}
	}
	return s.missing()
}

// beginTrouble plans all that goes wrong until the network heals.
func (s *sim) beginTrouble(p plan) {
	for _, h := range s.hosts {
		s.after(time.Duration(s.rnd.IntN(3000))*time.Millisecond, h.boot)
		s.appendNowAndThen(h, p.chaos)
		s.stumble(h, p.chaos)
	}
	for range p.cuts {
		s.partition(p.chaos)
	}
	if torn := p.torn(); torn > 0 {
		s.swapSides(torn, p.chaos)
	}
	last := s.hosts[p.nodes-1]
	if p.restore != "" || p.liar == "thief" {
		s.putBack(last, p)
	}
}

// torn is the node that is there twice, 0 if none is.
func (p *plan) torn() uint32 {
	switch p.liar {
	case "twins":
		return 1
	case "thief":
		return uint32(p.nodes)
	}
	return 0
}

// rob begins a host with the keys of another and what that has stored, which goes on.
func (s *sim) rob(victim *host, p plan) {
	d := victim.model().copyOf()
	d.saved, d.oaths, d.twin, d.durable = nil, nil, true, func() {}
	guard := *victim.model().guard
	guard.cosigned = maps.Clone(guard.cosigned)
	d.guard = &guard
	thief := &host{sim: s, no: victim.no, name: "the thief", disk: d, pace: 1, verbose: victim.verbose}
	s.hosts = append(s.hosts, thief)
	s.number[victim.no] = append(s.number[victim.no], thief)
	s.tell("%s is robbed", victim.name)
	thief.boot()
	s.appendNowAndThen(thief, p.chaos)
	s.stumble(thief, p.chaos)
}

func (s *sim) appendNowAndThen(h *host, until time.Duration) {
	var next func()
	next = func() {
		if h.up && (h.honest || s.rnd.IntN(2) == 0) {
			h.onDisk(func() {
				if h.disk.Append(s.rnd.Uint64()) {
					h.look()
				}
			})
		}
		if s.now < until {
			s.after(time.Duration(s.rnd.IntN(6000))*time.Millisecond, next)
		}
	}
	s.after(time.Duration(s.rnd.IntN(5000))*time.Millisecond, next)
}

// stumble has a host crash now and then, and brings it back whenever it has.
func (s *sim) stumble(h *host, until time.Duration) {
	var look func()
	look = func() {
		if s.now >= until {
			return
		}
		switch {
		case !h.up && s.rnd.IntN(3) == 0:
			h.boot()
		case h.up && s.chance(s.trouble.crash):
			h.crash()
		}
		s.after(time.Second, look)
	}
	s.after(4*time.Second, look)
}

// partition cuts a random set of nodes off from the others for a while.
func (s *sim) partition(until time.Duration) {
	from := time.Duration(s.rnd.Int64N(int64(until)))
	to := from + time.Duration(s.rnd.Int64N(int64(until)))
	group := s.rnd.IntN(1 << len(s.number))
	s.after(from, func() {
		s.tell("cut: %b", group)
		for a := range uint32(len(s.number)) {
			for b := range a {
				if group>>a&1 != group>>b&1 {
					s.cut[[2]uint32{b + 1, a + 1}] = true
				}
			}
		}
	})
	s.after(to, func() {
		s.tell("the cut has healed")
		clear(s.cut)
	})
}

// swapSides lets hosts talk to the other of two twins from time to time.
func (s *sim) swapSides(torn uint32, until time.Duration) {
	for range s.rnd.IntN(6) {
		h := s.hosts[s.rnd.IntN(len(s.hosts))]
		s.after(time.Duration(s.rnd.Int64N(int64(until))), func() {
			s.side[h] = 1 - s.side[h]
			if e := h.streams[h.sessions[torn]]; h.up && e != nil {
				e.lose(0)
			}
		})
	}
}

// putBack replaces a host's disk by an older copy of it, of which a thief may have one,
// too.
func (s *sim) putBack(h *host, p plan) {
	when := time.Duration(s.rnd.Int64N(int64(p.chaos)))
	s.after(when/2, h.disk.Backup)
	if p.liar == "thief" {
		s.after(when/2, func() { s.rob(h, p) })
	}
	if p.restore == "" {
		return
	}
	s.after(when, func() {
		h.crash()
		s.tell("%s gets an old copy back, guard %s", h.name, p.restore)
		h.disk.PutBack(p.restore)
		if p.liar == "twins" && s.rnd.IntN(2) == 0 {
			s.meetTheOther(h)
		}
	})
}

// meetTheOther has a host hear for a while of nobody but the other of two twins than it
// talked to before.
func (s *sim) meetTheOther(h *host) {
	s.side[h] = 1 - s.side[h]
	for no := range uint32(len(s.number)) {
		if no+1 != 1 && no+1 != h.no {
			s.cut[[2]uint32{min(no+1, h.no), max(no+1, h.no)}] = true
		}
	}
	s.after(time.Duration(s.rnd.IntN(15000))*time.Millisecond, func() { clear(s.cut) })
}

// heal ends all trouble. Who was down comes back, but for some of the dishonest.
func (s *sim) heal(p plan) {
	s.tell("everything heals")
	s.trouble = trouble{}
	clear(s.cut)
	quiet := p.torn() > 0 && s.rnd.IntN(2) == 0
	for _, h := range s.hosts {
		switch {
		case quiet && !h.honest:
			h.crash()
		case !h.up:
			h.boot()
		}
	}
	for _, h := range s.hosts {
		for _, id := range sortedStreams(h.streams) {
			if e := h.streams[id]; e.broken {
				e.shut(errModel)
			}
		}
	}
}

func (h *host) model() *modelDisk { return h.disk.(*modelDisk) }

// right are the hosts that do what they should, and can.
func (s *sim) right() (list []*host) {
	for _, h := range s.hosts {
		if h.honest {
			list = append(list, h)
		}
	}
	return list
}

// wedged reports whether an honest node has stored entries of a forked chain that
// are not those which became final. It cannot give them up; what it cosigns and has
// final of the honest nodes' chains is the same nonetheless.
func (s *sim) wedged() bool {
	for _, h := range s.right() {
		for no, ch := range h.model().chains {
			for _, f := range s.book.finals[no] {
				if !s.book.agree(f, ch.mark()) {
					return true
				}
			}
		}
	}
	return false
}

// alive reports whether honest witnesses make a quorum.
func (s *sim) alive() bool {
	n := 0
	for _, h := range s.right() {
		if g := h.model().guard; !g.lost && !g.waits {
			n++
		}
	}
	return n >= s.book.quorum
}

// missing is what has not come yet, "" if nothing.
func (s *sim) missing() string {
	right := s.right()
	for _, h := range right {
		for no, ch := range h.model().chains {
			for _, other := range right {
				if (ch.evidence == nil) != (other.model().chains[no].evidence == nil) {
					return fmt.Sprintf("%s and %s: evidence against %d", h.name, other.name, no)
				}
			}
		}
	}
	if all := !slices.ContainsFunc(s.hosts, func(h *host) bool { return !h.honest || h.model().guard.lost }); all {
		for _, h := range right {
			if h.model().guard.waits {
				return fmt.Sprintf("%s: its witness, which waits", h.name)
			}
		}
	}
	if !s.alive() {
		return ""
	}
	for _, author := range right {
		d := author.model()
		own := d.chains[author.no]
		if d.refusal() != nil {
			if author.alone() && !d.guard.lost && !d.guard.second && s.held(author.no, d.guard.owed()) {
				return fmt.Sprintf("%s does not sign (%v), and what it lacks is there", author.name, d.refusal())
			}
			continue
		}
		if slices.ContainsFunc(right, func(h *host) bool { return !s.book.agree(own.mark(), h.model().chains[author.no].mark()) }) {
			continue // somebody holds what a thief has written, and nobody has the proof
		}
		for _, h := range right {
			if f := h.model().chains[author.no].final; len(own.entries) > 0 && (f == nil || f.mark != own.mark()) {
				return fmt.Sprintf("%s: finality of chain %d at %d", h.name, author.no, len(own.entries))
			}
		}
	}
	for no := range s.number {
		for _, h := range right[1:] {
			a, b := right[0].model().chains[no], h.model().chains[no]
			if s.book.honest[no] && finalMark(a) != finalMark(b) {
				return fmt.Sprintf("%s and %s: one final prefix of chain %d", right[0].name, h.name, no)
			}
		}
	}
	return ""
}

func finalMark(c *modelChain) mark {
	if c.final == nil {
		return mark{}
	}
	return c.final.mark
}

// alone reports whether nobody else has a host's keys.
func (h *host) alone() bool { return len(h.number[h.no]) == 1 }

// held reports whether an honest node has a chain up to a mark.
func (s *sim) held(no uint32, m mark) bool {
	return slices.ContainsFunc(s.right(), func(h *host) bool {
		ch := h.model().chains[no]
		return ch.mark().size >= m.size && ch.roots[m.size] == m.root
	})
}

// unequal is how the final prefixes of honest nodes, or what they make of them,
// differ; nothing if they do not.
func (s *sim) unequal() (list []string) {
	trails := make(map[string]string)
	for _, h := range s.right() {
		sizes := make(map[uint32]uint64)
		for no, ch := range h.model().chains {
			sizes[no] = finalMark(ch).size
			for _, f := range s.book.finals[no] {
				if !s.book.agree(f, finalMark(ch)) && ch.final != nil {
					list = append(list, fmt.Sprintf("%s holds another final prefix of chain %d", h.name, no))
				}
			}
		}
		key := fmt.Sprint(sizes)
		t := h.trail(sizes)
		if other, ok := trails[key]; ok && other != t {
			list = append(list, fmt.Sprintf("%s makes another trail of the same prefixes:\n%s\n%s", h.name, t, other))
		}
		trails[key] = t
	}
	return list
}

// trail folds final prefixes: their records in causal order, each after what its
// chain had seen, ties by chain and position.
func (h *host) trail(sizes map[uint32]uint64) string {
	done := make(map[uint32]uint64)
	var b strings.Builder
	for again := true; again; {
		again = false
		for _, no := range slices.Sorted(maps.Keys(sizes)) {
			for done[no] < sizes[no] {
				e := h.book.entries[h.model().chains[no].entries[done[no]]]
				if slices.ContainsFunc(e.seen, func(s seen) bool { return done[s.chain] < s.size }) {
					break
				}
				fmt.Fprintf(&b, "%d/%d:%x ", no, done[no], e.record)
				done[no]++
				again = true
			}
		}
	}
	if !maps.Equal(done, sizes) {
		fmt.Fprintf(&b, "not closed: %v of %v", done, sizes)
	}
	return b.String()
}

// A verdict is what became of the runs of a test.
type verdict struct {
	runs, wedged, dead, steps atomic.Int64
	slowest                   atomic.Int64 // virtual time from healing to the end
}

// try runs one seed.
func (v *verdict) try(seed uint64, change func(*plan)) (s *sim, wrong string) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	p := planOf(rnd)
	if change != nil {
		change(&p)
	}
	s = newSim(seed, p)
	for _, h := range s.hosts {
		h.verbose = *oneSeed != 0
	}
	s.tell("%+v", p)
	wrong = s.live(p)
	v.runs.Add(1)
	v.steps.Add(int64(s.steps))
	for took := int64(s.now - p.chaos); ; {
		if old := v.slowest.Load(); took <= old || v.slowest.CompareAndSwap(old, took) {
			break
		}
	}
	if s.wedged() {
		v.wedged.Add(1)
	}
	if !s.alive() {
		v.dead.Add(1)
	}
	return s, wrong
}

// TestNetworksHoldTheirPromises runs networks of cores through all that may go
// wrong, and looks at what has to hold nonetheless: honest nodes hold the same
// final prefixes and make the same trails of them; whatever honest nodes appended
// becomes final once a quorum can talk; no two final checkpoints contradict each
// other; no honest node signs two histories or cosigns what it does not hold.
func TestNetworksHoldTheirPromises(t *testing.T) {
	if *oneSeed != 0 {
		s, wrong := new(verdict).try(*oneSeed, nil)
		t.Log("\n" + strings.Join(s.story, "\n"))
		if wrong != "" {
			t.Fatal(wrong)
		}
		return
	}
	n := *seeds
	if testing.Short() {
		n = min(n, 300)
	}
	var v verdict
	var next atomic.Uint64
	var workers sync.WaitGroup
	began := time.Now()
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed := next.Add(1); seed <= n && !t.Failed(); seed = next.Add(1) {
				if s, wrong := v.try(seed, nil); wrong != "" {
					t.Errorf("seed %d: %s\nrun it again with -seed %d; the end of it:\n%s", seed, wrong, seed,
						strings.Join(s.story[max(0, len(s.story)-30):], "\n"))
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d networks, %d steps, %v; in %d no quorum of honest witnesses was left, in %d a node held a fork that did not become final; everything was well %v after the trouble had ended, at the latest",
		v.runs.Load(), v.steps.Load(), time.Since(began).Round(time.Millisecond), v.dead.Load(), v.wedged.Load(), time.Duration(v.slowest.Load()))
}
