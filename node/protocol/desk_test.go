package protocol

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/node/wire"
)

// A desk is a core at which a test sits as its shell: it says what happens and
// looks at what is asked for.
type desk struct {
	t    *testing.T
	core *Core
	now  time.Time
	todo []Action // not taken yet, without Log
	next Stream
}

var deskNetwork = ledger.Hash{7}

// newDesk is node 1 of n, each a cosigner, with nobody connected.
func newDesk(t *testing.T, n int, offences ...Offence) *desk {
	t.Helper()
	d := &desk{t: t, now: time.UnixMilli(1_772_323_200_000)}
	d.core = New(Config{Number: 1, Member: "m1", Network: deskNetwork, Instance: 1, Seed: 1, Offences: offences})
	d.does(d.network(n, 1))
	d.does(&Stored{Signing: true})
	return d
}

// network has n nodes and as many charter versions as asked for.
func (d *desk) network(n, versions int) *Network {
	net := &Network{Witness: true}
	for v := range versions {
		net.Hashes = append(net.Hashes, ledger.Hash{byte(v + 1)})
	}
	for i := uint32(1); i <= uint32(n); i++ {
		member := fmt.Sprintf("m%d", i)
		net.Chains = append(net.Chains, i)
		net.Cosigners = append(net.Cosigners, Voter{member, i})
		if i > 1 {
			net.Nodes = append(net.Nodes, Node{Number: i, Member: member, ID: member, First: i%2 == 0, Lower: true})
		}
	}
	return net
}

func (d *desk) does(e Event) {
	for _, a := range d.core.Step(d.now, e) {
		if _, ok := a.(Log); !ok {
			d.todo = append(d.todo, a)
		}
	}
}

func (d *desk) pass(t time.Duration) {
	d.now = d.now.Add(t)
	d.does(Tick{})
}

// passAlive is pass with peers that are heard of.
func (d *desk) passAlive(t time.Duration) {
	for _, s := range d.core.admitted {
		s.heard = d.now.Add(t)
	}
	d.pass(t)
}

// take returns what is to be done and forgets it.
func (d *desk) take() []Action {
	list := d.todo
	d.todo = nil
	return list
}

// find takes the first action of a type out of what is to be done, and fails if
// there is none.
func find[A Action](d *desk) A {
	d.t.Helper()
	for i, a := range d.todo {
		if a, ok := a.(A); ok {
			d.todo = append(d.todo[:i:i], d.todo[i+1:]...)
			return a
		}
	}
	var none A
	d.t.Fatalf("no %T among %s", none, d.list())
	return none
}

// none fails if an action of the type is to be done.
func none[A Action](d *desk) {
	d.t.Helper()
	for _, a := range d.todo {
		if a, ok := a.(A); ok {
			d.t.Fatalf("%T %+v is to be done", a, a)
		}
	}
}

func (d *desk) list() (names []string) {
	for _, a := range d.todo {
		names = append(names, reflect.TypeOf(a).Name())
	}
	return names
}

// hello is what node n says first.
func (d *desk) hello(n uint32) *wire.Hello {
	return &wire.Hello{
		Version: wire.Version, Network: deskNetwork, Number: n,
		Charter: d.core.net.Version(), CharterHash: d.core.net.Hashes[d.core.net.Version()-1], Instance: uint64(n),
	}
}

// opens a stream with node n.
func (d *desk) opens(n uint32, ours bool) Stream {
	d.next++
	d.does(Opened{Stream: d.next, Peer: n, Ours: ours})
	return d.next
}

// admit begins a session with node n, whose outbox is empty afterwards.
func (d *desk) admit(n uint32) Stream {
	d.t.Helper()
	s := d.opens(n, true)
	d.says(s, d.hello(n))
	for range 3 { // HELLO, then what a new peer has to know
		d.does(Sent{Stream: s})
	}
	if d.core.sessionOf(n) == nil {
		d.t.Fatalf("node %d is not admitted: %s", n, d.list())
	}
	d.take()
	return s
}

func (d *desk) says(s Stream, m wire.Message) { d.does(Received{Stream: s, Message: m}) }

// holds lets a node say what it has of a chain, with a checkpoint of that size.
func (d *desk) holds(s Stream, chain uint32, size uint64) {
	d.says(s, &wire.Have{Chains: []wire.Holding{{Chain: chain, Size: size, Signed: deskNote(chain, size)}}})
}

// deskNote is bytes in which the core can read a size, and nothing else.
func deskNote(chain uint32, size uint64) []byte {
	return fmt.Appendf(nil, "chain/%d\n%d\nroot\n", chain, size)
}

// stores lets the disk hold a chain up to a size, with a checkpoint of that size.
func (d *desk) stores(chain uint32, size uint64) {
	d.does(&Stored{Signing: true, Chains: []Chain{{Number: chain, Size: size, Latest: deskNote(chain, size), LatestSize: size}}})
}
