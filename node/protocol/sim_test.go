package protocol_test

import (
	"container/heap"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"suyuan/ledger"
	"suyuan/node/keeper"
	"suyuan/node/protocol"
	"suyuan/node/wire"
)

// A sim is a network of cores in virtual time. Everything that is left to chance
// comes from one seed, so that a run can be repeated.
type sim struct {
	rnd   *rand.Rand
	seed  uint64
	start time.Time
	now   time.Duration
	queue happenings
	count uint64

	hosts   []*host
	number  map[uint32][]*host // by node; two of one number are twins
	side    map[*host]int      // which of two twins a host talks to
	cut     map[[2]uint32]bool // pairs that cannot reach each other
	trouble trouble
	book    *book    // nil with real disks
	unjust  []string // blame that nobody deserves
	story   []string
	steps   int
}

// trouble is how likely what goes wrong is. All zero once the network has healed.
type trouble struct {
	loss   float64 // a message and with it its stream, a request or its answer
	twice  float64 // a request is carried out twice
	slow   float64 // a message takes seconds
	crash  float64 // at each write
	silent float64 // a stream breaks without its ends noticing
}

type happening struct {
	at    time.Duration
	order uint64
	do    func()
}

type happenings []happening

func (q happenings) Len() int { return len(q) }
func (q happenings) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q happenings) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *happenings) Push(x any)   { *q = append(*q, x.(happening)) }
func (q *happenings) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

func (s *sim) after(d time.Duration, do func()) {
	s.count++
	heap.Push(&s.queue, happening{s.now + d, s.count, do})
}

// run lets time pass until t.
func (s *sim) run(t time.Duration) {
	for len(s.queue) > 0 && s.queue[0].at <= t {
		h := heap.Pop(&s.queue).(happening)
		s.now = h.at
		h.do()
		s.steps++
		if s.book != nil && len(s.book.wrongs) > 0 {
			return
		}
	}
	s.now = max(s.now, t)
}

func (s *sim) chance(p float64) bool { return p > 0 && s.rnd.Float64() < p }

// tell writes the story of the run, which is shown when it goes wrong.
func (s *sim) tell(format string, args ...any) {
	const most = 4000
	if len(s.story) == most {
		s.story = slices.Delete(s.story, 0, most/2)
	}
	s.story = append(s.story, fmt.Sprintf("%9.3fs  ", s.now.Seconds())+fmt.Sprintf(format, args...))
}

// latency is how long a message is on its way.
func (s *sim) latency() time.Duration {
	d := time.Duration(1+s.rnd.IntN(40)) * time.Millisecond
	if s.chance(s.trouble.slow) {
		d += time.Duration(s.rnd.IntN(15000)) * time.Millisecond
	}
	return d
}

// A lie is what a dishonest node does with its peers' requests.
type lie struct {
	garbles   float64 // entries
	withholds float64 // entries that it says it has
	inflates  float64 // the sizes that it claims
	forgets   float64 // to pass its notes on
}

// A host is one running node, or one of a dishonest node's two.
type host struct {
	*sim
	no     uint32
	name   string
	honest bool
	lie    lie

	up      bool
	life    int // changes at each start and crash; what belongs to another is over
	core    *protocol.Core
	disk    disk
	pace    float64 // of the clock
	wake    time.Duration
	looking bool // the core will be told what is stored
	told    *protocol.Stored

	streams  map[protocol.Stream]*end
	sessions map[uint32]protocol.Stream
	last     protocol.Stream
	memory   []protocol.Offence

	verbose  bool
	requests uint64
	replies  map[uint64]func(wire.Message)
}

// An end is one side of a ctl stream.
type end struct {
	host   *host
	stream protocol.Stream
	other  *end
	closed bool
	broken bool          // nothing arrives any more
	clear  time.Duration // when what was sent last has arrived
}

func (h *host) clock() time.Time {
	return h.start.Add(time.Duration(float64(h.now) * h.pace))
}

// later does something in this life of the host.
func (h *host) later(d time.Duration, do func()) {
	life := h.life
	h.after(d, func() {
		if h.life == life {
			do()
		}
	})
}

func (h *host) boot() {
	h.up = true
	h.life++
	h.streams, h.sessions = make(map[protocol.Stream]*end), make(map[uint32]protocol.Stream)
	h.replies = make(map[uint64]func(wire.Message))
	h.looking, h.wake = false, -1
	if m, ok := h.disk.(*modelDisk); ok {
		m.Forget()
	}
	h.core = protocol.New(protocol.Config{
		Number: h.no, Member: memberName(h.no), Instance: h.rnd.Uint64(), Seed: h.rnd.Uint64(), Offences: h.memory,
	})
	h.tell("%s starts", h.name)
	h.step(h.network())
	h.told = h.disk.State()
	h.step(h.told)
}

func (h *host) network() *protocol.Network {
	n := &protocol.Network{Hashes: []ledger.Hash{{1}}, Witness: true}
	for no := uint32(1); no <= uint32(len(h.number)); no++ {
		n.Chains = append(n.Chains, no)
		n.Cosigners = append(n.Cosigners, protocol.Voter{Member: memberName(no), Node: no})
		if no != h.no {
			n.Nodes = append(n.Nodes, protocol.Node{Number: no, Member: memberName(no), ID: memberName(no), First: h.no < no, Lower: h.no < no})
		}
	}
	return n
}

// crash ends the host's life. What is not on disk is gone.
func (h *host) crash() {
	if !h.up {
		return
	}
	h.tell("%s crashes", h.name)
	h.up = false
	h.life++
	for _, id := range sortedStreams(h.streams) {
		h.streams[id].lose(h.trouble.silent)
	}
}

func sortedStreams(m map[protocol.Stream]*end) []protocol.Stream {
	var list []protocol.Stream
	for id := range m {
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}

// step gives the core an event and carries out what it asks for.
func (h *host) step(e protocol.Event) {
	for _, a := range h.core.Step(h.clock(), e) {
		h.perform(a)
	}
	h.setAlarm()
}

// setAlarm has the core woken when it wants.
func (h *host) setAlarm() {
	at := h.core.Wake()
	if at.IsZero() {
		return
	}
	wait := max(time.Duration(float64(at.Sub(h.clock()))/h.pace)+1, 1)
	if h.wake >= h.now && h.wake <= h.now+wait {
		return
	}
	h.wake = h.now + wait
	h.later(wait, func() {
		if h.wake == h.now {
			h.wake = -1
			h.step(protocol.Tick{})
		}
	})
}

// look tells the core soon what is stored.
func (h *host) look() {
	if h.looking || !h.up {
		return
	}
	h.looking = true
	h.later(time.Duration(h.rnd.IntN(3))*time.Millisecond, func() {
		h.looking = false
		now := h.disk.State()
		news := keeper.News(h.told, now)
		if h.told = now; news != nil {
			h.step(news)
		}
	})
}

// A crashed host has died within a write.
type crashed struct{ host *host }

// onDisk runs what writes, and reports whether the host has survived it.
func (h *host) onDisk(do func()) (alive bool) {
	h.disk.At(h.clock().UnixMilli())
	if m, ok := h.disk.(*modelDisk); ok {
		m.durable = func() {
			if h.honest && h.chance(h.trouble.crash) {
				panic(crashed{h})
			}
		}
	}
	defer func() {
		if r := recover(); r != nil {
			if c, ok := r.(crashed); !ok || c.host != h {
				panic(r)
			}
			h.crash()
			alive = false
		}
	}()
	do()
	return true
}

// effect runs what concerns the disk, some time from now, and gives its outcome to
// the core some time after that.
func (h *host) effect(do func() protocol.Event) {
	h.later(time.Duration(h.rnd.IntN(4000))*time.Microsecond, func() {
		var e protocol.Event
		if h.onDisk(func() { e = do() }) {
			h.look()
			h.later(time.Duration(h.rnd.IntN(1000))*time.Microsecond, func() { h.step(e) })
		}
	})
}

func (h *host) perform(a protocol.Action) {
	switch a := a.(type) {
	case protocol.Dial:
		h.dial(a.Peer)
	case protocol.Send:
		e := h.streams[a.Stream]
		for _, m := range a.Messages {
			e.send(m)
		}
		h.later(h.latency(), func() { h.step(protocol.Sent{Stream: a.Stream}) })
	case protocol.HangUp:
		h.hangUp(a)
	case protocol.Admit:
		h.sessions[a.Peer] = a.Stream
	case protocol.Dismiss:
		if h.sessions[a.Peer] == a.Stream {
			delete(h.sessions, a.Peer)
		}
	case protocol.Fetch:
		h.fetch(a)
	case protocol.Disclose:
		h.disclose(a)
	case protocol.Keep:
		h.effect(func() protocol.Event {
			r, err := h.disk.Keep(a.Chain, a.Note)
			return protocol.Ended{Task: a.Task, Result: r, Err: err}
		})
	case protocol.Judge:
		h.effect(func() protocol.Event {
			chain, r, err := h.disk.Judge(a.Alert)
			return protocol.Ended{Task: a.Task, Result: r, Err: err, Chain: chain}
		})
	case protocol.Sign:
		h.effect(func() protocol.Event {
			e := h.disk.Sign()
			e.Task = a.Task
			return e
		})
	case protocol.Publish:
		h.effect(func() protocol.Event {
			note, final, err := h.disk.Publish(a.Note, a.Lines)
			return protocol.Published{Task: a.Task, Err: err, Note: note, Final: final}
		})
	case protocol.Cosign:
		h.effect(func() protocol.Event {
			e := h.disk.Cosign(a.Note)
			e.Task = a.Task
			return e
		})
	case protocol.Release:
		h.effect(func() protocol.Event {
			if err := h.disk.Release(); err != nil {
				return protocol.Ended{Task: a.Task, Result: protocol.Trouble, Err: err}
			}
			return protocol.Ended{Task: a.Task}
		})
	case protocol.Propose:
		h.propose(a)
	case protocol.Answer:
		if reply := h.replies[a.Request]; reply != nil {
			delete(h.replies, a.Request)
			reply(a.Message)
		}
	case protocol.Remember:
		h.memory = a.Offences
		h.checkBlame()
	case protocol.Log:
		if a.Level > slog.LevelDebug || h.verbose {
			h.tell("%s: %s %v", h.name, a.Text, a.Attrs)
		}
	default:
		panic(fmt.Sprintf("sim: action %T", a))
	}
}

// checkBlame holds that honest nodes blame only liars. Who has stored one history
// of a fork cannot tell who holds the other from one who garbles, before it is
// proven.
func (h *host) checkBlame() {
	for _, o := range h.memory {
		suspect := len(h.number[o.Chain]) > 1 && h.told.Chains[o.Chain-1].Evidence == nil
		if h.honest && h.number[o.Peer][0].honest && !suspect {
			h.unjust = append(h.unjust, fmt.Sprintf("%s blames node %d for chain %d", h.name, o.Peer, o.Chain))
		}
	}
}

// apart reports whether two nodes cannot reach each other.
func (s *sim) apart(a, b uint32) bool { return s.cut[[2]uint32{min(a, b), max(a, b)}] }

// route is who answers for a node: of twins, the one on the host's side.
func (h *host) route(no uint32) *host {
	list := h.number[no]
	return list[h.side[h]%len(list)]
}

func (h *host) dial(no uint32) {
	h.later(h.latency(), func() {
		to := h.route(no)
		if !to.up || h.apart(h.no, no) || h.chance(h.trouble.loss) {
			h.later(time.Duration(h.rnd.IntN(8000))*time.Millisecond, func() {
				h.step(protocol.NotOpened{Peer: no, Err: errModel})
			})
			return
		}
		h.last++
		to.last++
		ours, theirs := &end{host: h, stream: h.last}, &end{host: to, stream: to.last}
		ours.other, theirs.other = theirs, ours
		h.streams[h.last], to.streams[to.last] = ours, theirs
		theirs.opens(h.no, false)
		ours.opens(no, true)
	})
}

// opens tells one end that there is a stream.
func (e *end) opens(peer uint32, ours bool) {
	d := e.host.latency()
	e.clear = e.host.now + d
	e.host.later(d, func() { e.host.step(protocol.Opened{Stream: e.stream, Peer: peer, Ours: ours}) })
}

// send delivers a message to the other side, after those before it. A message
// that is lost breaks the stream.
func (e *end) send(m wire.Message) {
	h := e.host
	m = h.lieAbout(m)
	if m == nil {
		return
	}
	to := e.other
	if e.closed || e.broken || to.closed {
		return
	}
	if h.apart(h.no, to.host.no) || h.chance(h.trouble.loss) {
		e.lose(h.trouble.silent)
		return
	}
	to.clear = max(to.clear+1, h.now+h.latency())
	to.host.later(to.clear-h.now, func() {
		if !to.closed && !to.broken {
			to.host.step(protocol.Received{Stream: to.stream, Message: m})
		}
	})
}

// lose breaks a stream. Its ends may not notice.
func (e *end) lose(silent float64) {
	e.broken, e.other.broken = true, true
	if e.host.chance(silent) {
		return
	}
	e.shut(errModel)
	e.other.shut(errModel)
}

// shut tells one end, some time from now, that the stream is over.
func (e *end) shut(err error) {
	h := e.host
	if e.closed || !h.up {
		return
	}
	e.closed = true
	e.clear = max(e.clear+1, h.now+h.latency())
	h.later(e.clear-h.now, func() {
		delete(h.streams, e.stream)
		h.step(protocol.Closed{Stream: e.stream, Err: err})
	})
}

func (h *host) hangUp(a protocol.HangUp) {
	e := h.streams[a.Stream]
	if e == nil || e.closed {
		return
	}
	if a.Bye != "" {
		e.send(&wire.Bye{Reason: a.Bye})
	}
	e.shut(errModel)
	if !e.broken {
		e.other.shut(errModel)
	}
}

// request carries something to another node and back. answer gets nil if it, or
// what came of it, was lost.
func (h *host) request(no uint32, serve func(at *host, reply func(any)), answer func(any)) {
	answered, life := false, h.life
	once := func(x any) {
		if !answered && h.life == life {
			answered = true
			answer(x)
		}
	}
	e := h.streams[h.sessions[no]]
	if e == nil {
		h.later(0, func() { once(nil) })
		return
	}
	h.later(10*time.Second+time.Duration(h.rnd.IntN(5000))*time.Millisecond, func() { once(nil) })
	to := e.other.host
	lost := func() bool { return h.apart(h.no, to.no) || h.chance(h.trouble.loss) || !to.up }
	times := 1
	if h.chance(h.trouble.twice) {
		times = 2
	}
	for range times {
		if lost() {
			continue
		}
		theirs := to.life
		to.later(h.latency(), func() {
			if _, ok := to.sessions[h.no]; !ok {
				h.later(h.latency(), func() { once(nil) })
				return
			}
			serve(to, func(x any) {
				if to.life == theirs && !lost() {
					h.later(h.latency(), func() { once(x) })
				}
			})
		})
	}
}

func (h *host) fetch(a protocol.Fetch) {
	due := h.disk.State().Chains[a.Chain-1].Due
	h.request(a.Peer, func(at *host, reply func(any)) {
		_, size, ok := ledger.PeekCheckpoint(a.Note)
		if !ok {
			size = due
		}
		switch {
		case at.chance(at.lie.withholds):
			reply(protocol.NotHeld)
		case at.chance(at.trouble.loss):
			reply(protocol.Busy)
		default:
			if p := at.disk.Read(a.Chain, a.From, min(a.To, a.From+1+uint64(at.rnd.IntN(8))), size); p != nil {
				at.garble(p)
				reply(p)
			} else {
				reply(protocol.NotHeld)
			}
		}
	}, func(answer any) {
		switch answer := answer.(type) {
		case *piece:
			h.effect(func() protocol.Event {
				size, r, err := h.disk.Extend(a.Chain, a.From, answer, a.Note)
				return protocol.Ended{Task: a.Task, Result: r, Err: err, Size: size}
			})
		case protocol.Result:
			h.step(protocol.Ended{Task: a.Task, Result: answer})
		default:
			h.step(protocol.Ended{Task: a.Task, Result: protocol.Broken})
		}
	})
}

// garble spoils an answer if the host is one to do so.
func (h *host) garble(p *piece) {
	if len(p.items) == 0 || !h.chance(h.lie.garbles) {
		return
	}
	if it := &p.items[h.rnd.IntN(len(p.items))]; h.chance(0.5) {
		it.entry = []byte("0")
	} else {
		it.sidecar = nil
	}
}

func (h *host) disclose(a protocol.Disclose) {
	h.request(a.Peer, func(at *host, reply func(any)) {
		if p := at.disk.Read(a.Chain, a.From, a.To, a.Size); p != nil && !at.chance(at.lie.withholds) {
			reply(p)
		} else {
			reply(nil)
		}
	}, func(answer any) {
		p, ok := answer.(*piece)
		if !ok {
			h.step(protocol.Ended{Task: a.Task, Result: protocol.Broken})
			return
		}
		h.effect(func() protocol.Event {
			r, err := h.disk.Disclose(a.Chain, a.From, p)
			return protocol.Ended{Task: a.Task, Result: r, Err: err, Size: a.From + uint64(len(p.items))}
		})
	})
}

// lieAbout is what a dishonest host says instead of what its core wants to say.
func (h *host) lieAbout(m wire.Message) wire.Message {
	have, ok := m.(*wire.Have)
	if !ok || h.lie == (lie{}) {
		return m
	}
	said := &wire.Have{}
	for _, c := range have.Chains {
		if h.chance(h.lie.inflates) {
			c.Size += uint64(h.rnd.IntN(1000))
			if h.chance(0.5) {
				c.Signed = fmt.Appendf(nil, "sim/%d\n%d\nffff\n", c.Chain, c.Size)
			}
		}
		if h.chance(h.lie.forgets) {
			c.Signed, c.Final = nil, nil
		}
		said.Chains = append(said.Chains, c)
	}
	return said
}

func (h *host) propose(a protocol.Propose) {
	h.request(a.Peer, func(at *host, reply func(any)) {
		chain, size := at.disk.Open(a.Note)
		at.requests++
		at.replies[at.requests] = func(m wire.Message) { reply(m) }
		at.step(protocol.Proposal{Request: at.requests, Peer: h.no, Chain: chain, Size: size, Note: a.Note})
	}, func(answer any) {
		e := protocol.Answered{Task: a.Task, Err: errModel}
		switch m := answer.(type) {
		case *wire.Cosigned:
			if h.disk.CheckLine(a.Note, a.Member, m.Line) {
				e = protocol.Answered{Task: a.Task, Line: m.Line}
			}
		case *wire.Refused:
			e = protocol.Answered{Task: a.Task, Refused: m}
		}
		h.step(e)
	})
}
