package protocol

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"suyuan/ledger"
	"suyuan/node/wire"
)

// A Config says who the node is.
type Config struct {
	Number    uint32      // the chain written here
	Member    string      // whose node this is
	Network   ledger.Hash // the network id
	Instance  uint64      // random, of this run of the process
	Seed      uint64      // of everything that is left to chance
	Intervals Intervals
	Offences  []Offence // what Remember asked to remember before the restart
}

// A Core is the state of one node's dealings with the others. It is for one
// goroutine.
type Core struct {
	cfg Config
	iv  Intervals
	rnd *rand.Rand

	now   time.Time
	rings time.Time // when there is something to do; zero is never
	out   []Action

	last  Task
	tasks map[Task]func(Event) // how to go on when one ends

	net        *Network
	peers      []*peer // ascending by number
	streams    map[Stream]*session
	admitted   []*session // by number
	outgoing   []*session // whose outbox has news
	chains     []*chain   // ascending by number
	turn       int        // which of them comes first
	ownAddress *wire.Addr // nil: not known yet
	signing    bool
	waits      bool

	blame    *blame
	gossip   gossip
	requests requests
	charters charters
	attach   attachments
	witness  witness
	rounds   rounds
}

// New returns a core that knows nothing yet; see the rules in the package
// comment.
func New(cfg Config) *Core {
	return &Core{
		cfg: cfg, iv: cfg.Intervals.WithDefaults(), rnd: rand.New(rand.NewPCG(cfg.Seed, uint64(cfg.Number))),
		tasks: make(map[Task]func(Event)), net: &Network{}, streams: make(map[Stream]*session),
		blame: newBlame(cfg.Offences), requests: requests{byMember: make(map[string]int)},
		attach:  attachments{shelves: make(map[uint32]*shelf), wanted: make(map[ledger.Hash]*wanted)},
		witness: witness{petitions: make(map[uint32]*petition), pauses: make(map[uint32]time.Time), warnings: pace{every: warnEvery, burst: 1}}, rounds: rounds{voters: make(map[string]*voter)},
	}
}

// Step takes an event that happened by now and returns what to do, in order. Time
// does not go back: an earlier now counts as the latest.
func (c *Core) Step(now time.Time, e Event) []Action {
	if now.After(c.now) {
		c.now = now
	}
	c.out = nil
	if !c.rings.IsZero() && !c.now.Before(c.rings) {
		c.ring()
	}
	c.handle(e)
	c.follow()
	c.rings = c.next()
	return c.out
}

// Wake is when Step has something to do if nothing else happens; zero is never.
func (c *Core) Wake() time.Time { return c.rings }

func (c *Core) handle(e Event) {
	switch e := e.(type) {
	case Tick:
	case *Network:
		c.adopt(e)
	case *Stored:
		c.stored(e)
	case Reached:
		c.reached(e.Peer)
	case Opened:
		c.opened(e)
	case NotOpened:
		c.notOpened(e)
	case Received:
		c.received(e)
	case Sent:
		c.sent(e.Stream)
	case Closed:
		c.closed(e)
	case Proposal:
		c.proposed(e)
	case Address:
		c.moved(e.Statement)
	case Want:
		c.want(e)
	case Ended:
		c.end(e.Task, e)
	case AddressChecked:
		c.end(e.Task, e)
	case Signed:
		c.end(e.Task, e)
	case Answered:
		c.end(e.Task, e)
	case Published:
		c.end(e.Task, e)
	case Cosigned:
		c.end(e.Task, e)
	}
}

// ring does what was to be done by now.
func (c *Core) ring() {
	c.ringLinks()
	c.ringGossip()
	c.ringChains()
	c.ringWitness()
}

// follow does what follows from what has changed, until nothing does.
func (c *Core) follow() {
	c.followCharters()
	c.followChains()
	c.followAttachments()
	c.followWitness()
	c.followRounds()
	c.flush()
}

// next is when to ring.
func (c *Core) next() time.Time {
	var at alarmClock
	c.nextLinks(&at)
	c.nextGossip(&at)
	c.nextChains(&at)
	c.nextCharter(&at)
	c.nextAttachment(&at)
	c.nextWitness(&at)
	c.nextRounds(&at)
	return at.at
}

func (c *Core) do(a Action) { c.out = append(c.out, a) }

func (c *Core) log(level slog.Level, text string, attrs ...any) {
	c.do(Log{Level: level, Text: text, Attrs: attrs})
}

// begin numbers a task; then is called with the event that ends it.
func (c *Core) begin(then func(Event)) Task {
	c.last++
	c.tasks[c.last] = then
	return c.last
}

// end ends a task. A second end of one is none.
func (c *Core) end(t Task, e Event) {
	if then := c.tasks[t]; then != nil {
		delete(c.tasks, t)
		then(e)
	}
}

// adopt takes over what the charters say by now.
func (c *Core) adopt(n *Network) {
	newer := n.Version() > c.net.Version() && c.net.Version() > 0
	c.net = n
	c.members(n.Nodes)
	for _, number := range n.Chains {
		if c.chain(number) == nil {
			c.chains = append(c.chains, &chain{Chain: Chain{Number: number}})
		}
	}
	slices.SortFunc(c.chains, func(a, b *chain) int { return int(a.Number) - int(b.Number) })
	if newer {
		c.log(slog.LevelInfo, "charter adopted", "version", n.Version())
		c.tellCharter()
		c.retryEarly()
		c.compareCharters()
	}
	c.rounds.stir()
}

// chain is what is known of a chain, nil if no charter has it.
func (c *Core) chain(number uint32) *chain {
	i, ok := slices.BinarySearchFunc(c.chains, number, func(ch *chain, n uint32) int { return int(ch.Number) - int(n) })
	if !ok {
		return nil
	}
	return c.chains[i]
}

// stored takes over what the disk holds by now.
func (c *Core) stored(s *Stored) {
	was := c.signing
	c.signing, c.waits = s.Signing, s.Waits
	if c.signing && !was {
		c.rounds.stir()
	}
	for i := range s.Chains {
		news := &s.Chains[i]
		ch := c.chain(news.Number)
		if ch == nil {
			continue // of a charter whose Network is on its way
		}
		before := ch.Chain
		ch.Chain = *news
		ch.Size = max(ch.Size, before.Size)
		c.grown(ch, &before)
		c.accused(ch, before.Evidence)
		if ch.Ended && !before.Ended {
			c.pardon(ch) // what does not lead to the end may have been taken for what counts
		}
	}
	c.witness.stirred = true
}

// A PeerView is what is known of another node.
type PeerView struct {
	Number    uint32
	Member    string
	Admitted  bool
	Stream    Stream // of the session, if admitted
	Since     time.Time
	RTT       time.Duration     // 0 before the first answer
	Holds     map[uint32]uint64 // entries per chain, by its own word; nil if not admitted
	LastError error             // why the last attempt or session ended, nil if none did
}

// Peers returns all other nodes of the newest charter, ascending by number.
func (c *Core) Peers() []PeerView {
	list := make([]PeerView, 0, len(c.peers))
	for _, p := range c.peers {
		v := PeerView{Number: p.Number, Member: p.Member, LastError: p.lastErr}
		if s := p.session; s != nil {
			v.Admitted, v.Stream, v.Since, v.RTT = true, s.stream, s.since, s.rtt
			v.Holds = make(map[uint32]uint64, len(s.theirs))
			for number, h := range s.theirs {
				v.Holds[number] = h.size
			}
		}
		list = append(list, v)
	}
	return list
}

// PassedOver is when a node may be asked for a chain again, zero if it may be now.
func (c *Core) PassedOver(peer, chain uint32) time.Time { return c.blame.until(c.now, peer, chain) }

// Wanted reports whether an attachment is still to be fetched.
func (c *Core) Wanted(digest ledger.Hash) bool { return c.attach.wanted[digest] != nil }

// hello is what this node says first.
func (c *Core) hello() *wire.Hello {
	return &wire.Hello{
		Version: wire.Version, Network: c.cfg.Network, Number: c.cfg.Number,
		Charter: c.net.Version(), CharterHash: c.net.Hashes[c.net.Version()-1], Instance: c.cfg.Instance,
	}
}
