package protocol

import (
	"maps"
	"slices"

	"suyuan/node/wire"
)

// An outbox holds what is still to be told to one peer on ctl. It keeps the
// latest value per subject instead of a queue: a peer that reads slowly misses
// steps and costs memory in the number of chains, never in time.
type outbox struct {
	hello    *wire.Hello
	holdings map[uint32]wire.Holding
	addrs    map[uint32]*wire.Addr
	alerts   map[uint32]*wire.Alert
	charter  *wire.Charter
	ping     *wire.Ping
	pong     *wire.Ping
}

func newOutbox() *outbox {
	return &outbox{
		holdings: make(map[uint32]wire.Holding),
		addrs:    make(map[uint32]*wire.Addr),
		alerts:   make(map[uint32]*wire.Alert),
	}
}

// take empties the outbox and returns its messages in the order in which they
// are to be sent: what keeps the peer safe first. The answer to a PING comes last:
// who has it knows all that there was to tell when the PING came.
func (o *outbox) take() []wire.Message {
	var out []wire.Message
	if o.hello != nil {
		out = append(out, o.hello)
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
	if o.pong != nil {
		out = append(out, o.pong)
	}
	o.hello, o.pong, o.ping, o.charter = nil, nil, nil, nil
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
