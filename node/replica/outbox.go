package replica

import (
	"maps"
	"slices"
	"sync"

	"suyuan/node/wire"
)

// An outbox holds what is still to be told to one peer on ctl. It keeps the
// latest value per subject instead of a queue: a peer that reads slowly misses
// steps and costs memory in the number of chains, never in time.
type outbox struct {
	ready chan struct{} // holds one token when there is something to take

	mu       sync.Mutex // guards what follows
	holdings map[uint32]wire.Holding
	addrs    map[uint32]*wire.Addr
	alerts   map[uint32]*wire.Alert
	charter  *wire.Charter
	ping     *wire.Ping
	pong     *wire.Ping
	bye      *wire.Bye
}

func newOutbox() *outbox {
	return &outbox{
		ready:    make(chan struct{}, 1),
		holdings: make(map[uint32]wire.Holding),
		addrs:    make(map[uint32]*wire.Addr),
		alerts:   make(map[uint32]*wire.Alert),
	}
}

// put changes the outbox and wakes its reader.
func (o *outbox) put(change func()) {
	o.mu.Lock()
	change()
	o.mu.Unlock()
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

func (o *outbox) have(list ...wire.Holding) {
	if len(list) == 0 {
		return
	}
	o.put(func() {
		for _, h := range list {
			o.holdings[h.Chain] = h
		}
	})
}

func (o *outbox) sendAddr(a *wire.Addr)       { o.put(func() { o.addrs[a.Number] = a }) }
func (o *outbox) sendCharter(c *wire.Charter) { o.put(func() { o.charter = c }) }
func (o *outbox) sendPing(token uint64)       { o.put(func() { o.ping = &wire.Ping{Token: token} }) }
func (o *outbox) sendBye(reason string)       { o.put(func() { o.bye = &wire.Bye{Reason: reason} }) }

func (o *outbox) sendPong(token uint64) {
	o.put(func() { o.pong = &wire.Ping{Token: token, Answer: true} })
}

func (o *outbox) sendAlert(chain uint32, a *wire.Alert) { o.put(func() { o.alerts[chain] = a }) }

// take empties the outbox and returns its messages in the order in which they
// are to be sent: what keeps the peer alive and safe first, BYE last.
func (o *outbox) take() []wire.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []wire.Message
	if o.pong != nil {
		out = append(out, o.pong)
	}
	if o.ping != nil {
		out = append(out, o.ping)
	}
	for _, chain := range slices.Sorted(maps.Keys(o.alerts)) {
		out = append(out, o.alerts[chain])
	}
	if o.charter != nil {
		out = append(out, o.charter)
	}
	for _, number := range slices.Sorted(maps.Keys(o.addrs)) {
		out = append(out, o.addrs[number])
	}
	for _, h := range packHoldings(o.holdings) {
		out = append(out, h)
	}
	if o.bye != nil {
		out = append(out, o.bye)
	}
	o.pong, o.ping, o.charter, o.bye = nil, nil, nil, nil
	clear(o.alerts)
	clear(o.addrs)
	clear(o.holdings)
	return out
}

// packHoldings splits holdings into messages that each fit a frame.
func packHoldings(all map[uint32]wire.Holding) []*wire.Have {
	var out []*wire.Have
	room := 0
	for _, chain := range slices.Sorted(maps.Keys(all)) {
		h := all[chain]
		size := len(h.Signed) + len(h.Final) + 32 // 32: keys, lengths and integers
		if len(out) == 0 || size > room || len(out[len(out)-1].Chains) == wire.MaxHaves {
			out = append(out, &wire.Have{})
			room = haveBudget
		}
		last := out[len(out)-1]
		last.Chains = append(last.Chains, h)
		room -= size
	}
	return out
}
