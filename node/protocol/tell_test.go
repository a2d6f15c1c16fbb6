package protocol

import (
	"fmt"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/node/wire"
)

func TestOutboxKeepsTheLatestValue(t *testing.T) {
	o := newOutbox()
	for size := range uint64(1000) {
		o.holdings[1], o.holdings[2] = wire.Holding{Chain: 1, Size: size}, wire.Holding{Chain: 2, Size: 2 * size}
		o.ping, o.pong = &wire.Ping{Token: size}, &wire.Ping{Token: size, Answer: true}
	}
	o.alerts[3] = &wire.Alert{A: []byte("a"), B: []byte("b")}
	got := o.take()
	if len(got) != 4 || got[0].(*wire.Ping).Token != 999 || got[1].Type() != wire.TypeAlert {
		t.Fatalf("got %d messages: %v", len(got), got)
	}
	have := got[2].(*wire.Have).Chains
	if len(have) != 2 || have[0].Size != 999 || have[1].Size != 1998 {
		t.Fatalf("got %+v", have)
	}
	if last := got[3].(*wire.Ping); !last.Answer {
		t.Fatal("the answer to a ping does not come last")
	}
	if again := o.take(); len(again) != 0 {
		t.Fatalf("took %v again", again)
	}
}

// TestHoldingsAreSplitIntoFrames holds that every HAVE that an outbox makes can
// be sent, however many chains there are and however large their notes.
func TestHoldingsAreSplitIntoFrames(t *testing.T) {
	for _, note := range []int{0, 250, ledger.MaxCheckpointBytes} {
		for _, chains := range []int{1, 2, 200, wire.MaxHaves + 1} {
			t.Run(fmt.Sprintf("%d bytes of %d chains", note, chains), func(t *testing.T) {
				all := make(map[uint32]wire.Holding)
				for i := range chains {
					n := uint32(i + 1)
					all[n] = wire.Holding{Chain: n, Size: 1 << 60, Signed: make([]byte, note), Final: make([]byte, note)}
				}
				seen := 0
				for _, h := range packHoldings(all) {
					if _, err := wire.Ctl.Append(nil, h); err != nil {
						t.Fatal(err)
					}
					seen += len(h.Chains)
				}
				if seen != chains {
					t.Fatalf("%d chains, want %d", seen, chains)
				}
			})
		}
	}
}

// told is what a Send says of chains.
func told(d *desk) map[uint32]uint64 {
	sizes := make(map[uint32]uint64)
	for _, a := range d.take() {
		send, ok := a.(Send)
		if !ok {
			continue
		}
		for _, m := range send.Messages {
			if have, ok := m.(*wire.Have); ok {
				for _, h := range have.Chains {
					sizes[h.Chain] = h.Size
				}
			}
		}
	}
	return sizes
}

func TestTheOwnChainIsToldSoonAndToAll(t *testing.T) {
	d := newDesk(t, 3)
	a, b := d.admit(2), d.admit(3)
	d.stores(1, 5)
	d.pass(0)
	if got := told(d); got[1] != 5 {
		t.Fatalf("tells %v", got)
	}
	// While the streams are busy the newest value replaces what waits.
	for size := uint64(6); size < 20; size++ {
		d.stores(1, size)
		d.pass(100 * time.Millisecond)
	}
	if got := told(d); len(got) != 0 {
		t.Fatalf("tells %v to who has not taken the last", got)
	}
	d.does(Sent{Stream: a})
	if got := told(d); got[1] != 19 {
		t.Fatalf("tells %v", got)
	}
	d.does(Sent{Stream: a})
	d.does(Sent{Stream: b})
	d.take()
	d.pass(100 * time.Millisecond)
	d.stores(1, 20)
	d.pass(0)
	d.stores(1, 21)
	if got := told(d); got[1] != 20 {
		t.Fatalf("tells %v", got)
	}
	d.does(Sent{Stream: a})
	d.pass(99 * time.Millisecond)
	if got := told(d); len(got) != 0 {
		t.Fatalf("tells %v before its time", got)
	}
}

// Blame is kept for chains that there are: of others a peer can name any number.
func TestNoBlameForChainsThatAreNone(t *testing.T) {
	d := newDesk(t, 4)
	s := d.admit(2)
	var list []wire.Holding
	for chain := uint32(3); chain < 100; chain++ {
		list = append(list, wire.Holding{Chain: chain, Size: 1, Signed: []byte("none")})
	}
	d.says(s, &wire.Have{Chains: list})
	if got := d.core.blame.list(); len(got) != 2 || got[0].Chain != 3 || got[1].Chain != 4 {
		t.Errorf("blamed for %+v", got)
	}
}

func TestGossipTellsWhatAPeerLacks(t *testing.T) {
	d := newDesk(t, 4)
	s := d.admit(2)
	d.holds(s, 3, 10)
	d.stores(3, 7) // older than what the peer has
	d.stores(4, 9)
	d.take()
	d.pass(5 * time.Second)
	for _, h := range find[Send](d).Messages[0].(*wire.Have).Chains {
		if notes := len(h.Signed)+len(h.Final) > 0; notes != (h.Chain == 4) {
			t.Fatalf("tells %+v", h)
		}
	}
	d.does(Sent{Stream: s})
	d.take()
	d.pass(5 * time.Second)
	if got := told(d); len(got) != 0 {
		t.Fatalf("tells %v twice", got)
	}
	d.says(s, &wire.Ping{})
	d.does(Sent{Stream: s})
	d.says(s, &wire.Ping{})
	for range 4 {
		d.pass(16 * time.Second)
		d.says(s, &wire.Ping{})
		d.does(Sent{Stream: s})
	}
	if got := told(d); got[3] != 7 || got[4] != 9 {
		t.Fatalf("tells %v in the end", got)
	}
}

func TestStatementsAreCheckedOnceAndPassedOn(t *testing.T) {
	d := newDesk(t, 5)
	a, b, other := d.admit(2), d.admit(3), d.admit(5)
	d.does(NotOpened{Peer: 4})
	say := func(s Stream, seq uint64) { d.says(s, &wire.Addr{Number: 4, Seq: seq, Addrs: []string{"x"}}) }
	say(a, 5)
	check := find[CheckAddress](d)
	say(b, 5)
	say(a, 4)
	d.does(AddressChecked{Task: check.Task, OK: true})
	if a := find[Dial](d); a.Peer != 4 {
		t.Errorf("dials %d", a.Peer)
	}
	send := find[Send](d)
	if send.Stream != other || send.Messages[0].(*wire.Addr).Seq != 5 {
		t.Errorf("passes on %+v", send)
	}
	check = find[CheckAddress](d) // what another has said of the same meanwhile
	d.does(AddressChecked{Task: check.Task, OK: true})
	none[Send](d)
	say(b, 5)
	say(a, 5)
	none[CheckAddress](d)
	say(b, 6)
	check = find[CheckAddress](d)
	d.does(AddressChecked{Task: check.Task, OK: false})
	if got := d.core.peer(4).statement.Seq; got != 5 {
		t.Errorf("a false statement was taken: %d", got)
	}
}
