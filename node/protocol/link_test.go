package protocol

import (
	"errors"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/node/wire"
)

func TestOneSideDialsFirst(t *testing.T) {
	d := newDesk(t, 3)
	d.pass(0)
	if a := find[Dial](d); a.Peer != 2 {
		t.Fatalf("dials %d first", a.Peer)
	}
	none[Dial](d) // node 3 is left to dial us
	d.pass(8 * time.Second)
	if a := find[Dial](d); a.Peer != 3 {
		t.Fatalf("dials %d after the wait", a.Peer)
	}
}

func TestDiallingAgainWaitsLongerEachTime(t *testing.T) {
	d := newDesk(t, 2)
	d.pass(0)
	var total time.Duration
	for range 40 {
		find[Dial](d)
		d.does(NotOpened{Peer: 2, Err: errors.New("nobody there")})
		none[Dial](d)
		wait := d.core.peer(2).due.Sub(d.now)
		if wait < 0 || wait > MaxRetry {
			t.Fatalf("waits %v", wait)
		}
		total += wait
		d.pass(wait)
	}
	if total < 20*time.Minute {
		t.Errorf("40 attempts within %v", total)
	}
	d.does(NotOpened{Peer: 2, Err: errors.New("nobody there")})
	d.take()
	d.does(Reached{Peer: 2}) // a new address is a new chance
	find[Dial](d)
	d.does(Reached{Peer: 2}) // and one that comes meanwhile, too
	none[Dial](d)
	d.does(NotOpened{Peer: 2, Err: errors.New("nobody there")})
	find[Dial](d)
}

func TestHelloMustFit(t *testing.T) {
	for why, spoil := range map[string]func(*wire.Hello){
		"version":         func(h *wire.Hello) { h.Version++ },
		"network":         func(h *wire.Hello) { h.Network = ledger.Hash{8} },
		"charter gives":   func(h *wire.Hello) { h.Number = 3 },
		"charter version": func(h *wire.Hello) { h.CharterHash[0]++ },
	} {
		d := newDesk(t, 3)
		s := d.opens(2, false)
		h := d.hello(2)
		spoil(h)
		d.says(s, h)
		if a := find[HangUp](d); a.Stream != s || !strings.Contains(a.Bye, why) {
			t.Errorf("%s: hangs up with %q", why, a.Bye)
		}
		none[Admit](d)
		if err := d.core.Peers()[0].LastError; !errors.Is(err, ErrRefused) {
			t.Errorf("%s: the status says %v", why, err)
		}
	}
}

func TestNothingIsHeardBeforeHello(t *testing.T) {
	d := newDesk(t, 2)
	s := d.opens(2, false)
	d.says(s, &wire.Ping{Token: 1})
	find[HangUp](d)
	s = d.admit(2)
	d.says(s, d.hello(2)) // nor a second one
	find[HangUp](d)
	find[Dismiss](d)
}

func TestWhoSaysNothingIsGivenUp(t *testing.T) {
	d := newDesk(t, 2)
	s := d.opens(2, false)
	d.take()
	d.pass(helloTimeout)
	if a := find[HangUp](d); a.Stream != s {
		t.Fatalf("hangs up %d", a.Stream)
	}
	s = d.admit(2)
	d.pass(20 * time.Second)
	d.says(s, &wire.Ping{Token: 9})
	d.pass(20 * time.Second)
	none[HangUp](d)
	d.pass(5 * time.Second)
	find[HangUp](d)
	if err := d.core.Peers()[0].LastError; !errors.Is(err, ErrSilent) {
		t.Errorf("the status says %v", err)
	}
}

// TestOfTwoStreamsBothSidesKeepOne goes through all pairs of streams: this node
// has the lower id, so the one that it opened stays.
func TestOfTwoStreamsBothSidesKeepOne(t *testing.T) {
	for _, c := range []struct {
		first, second bool // opened by us
		newProcess    bool
		keepsSecond   bool
	}{
		{true, false, false, false}, {false, true, false, true},
		{true, true, false, true}, {false, false, false, true},
		{true, false, true, true},
	} {
		d := newDesk(t, 2)
		a := d.opens(2, c.first)
		d.says(a, d.hello(2))
		b := d.opens(2, c.second)
		h := d.hello(2)
		if c.newProcess {
			h.Instance++
		}
		d.says(b, h)
		stays, goes := a, b
		if c.keepsSecond {
			stays, goes = b, a
		}
		if got := d.core.sessionOf(2).stream; got != stays {
			t.Errorf("%+v: stream %d stays", c, got)
		}
		if got := find[HangUp](d); got.Stream != goes || got.Bye == "" {
			t.Errorf("%+v: hangs up %+v", c, got)
		}
	}
}

func TestWhoLeavesTheCharterIsCutOff(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	d.core.blame.offend(d.now, 2, 1)
	net := d.network(3, 2)
	net.Nodes = net.Nodes[1:]
	d.does(net)
	if a := find[HangUp](d); a.Stream != s {
		t.Errorf("hangs up %d", a.Stream)
	}
	if a := find[Cut](d); a.ID != "m2" {
		t.Errorf("cuts %q", a.ID)
	}
	if len(d.core.Peers()) != 1 || len(d.core.blame.list()) != 0 {
		t.Error("something of it is left")
	}
	d.does(Closed{Stream: s})
	d.opens(2, false)
	find[HangUp](d) // a connection that was under way
	net = d.network(3, 3)
	net.Nodes[0].ID = "another key"
	d.does(net)
	d.pass(0)
	if a := find[Dial](d); a.Peer != 2 {
		t.Errorf("dials %d", a.Peer)
	}
}

func TestPingMeasuresTheRoundTrip(t *testing.T) {
	d := newDesk(t, 2)
	s := d.opens(2, true)
	d.says(s, d.hello(2))
	d.does(Sent{Stream: s})
	var token uint64
	for _, a := range d.take() {
		if send, ok := a.(Send); ok {
			for _, m := range send.Messages {
				if p, ok := m.(*wire.Ping); ok {
					token = p.Token
				}
			}
		}
	}
	d.now = d.now.Add(30 * time.Millisecond)
	d.says(s, &wire.Ping{Token: token, Answer: true})
	if got := d.core.Peers()[0].RTT; got != 30*time.Millisecond {
		t.Errorf("round trip is %v", got)
	}
	d.now = d.now.Add(time.Second)
	d.says(s, &wire.Ping{Token: token, Answer: true})
	if got := d.core.Peers()[0].RTT; got != 30*time.Millisecond {
		t.Errorf("a second answer makes it %v", got)
	}
}
