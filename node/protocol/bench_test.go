package protocol

import (
	"testing"
	"time"

	"suyuan/node/wire"
)

// BenchmarkStep measures one step of a node among 200, all connected: that of an
// announcement of a peer's own chain, which is the commonest.
func BenchmarkStep(b *testing.B) {
	const nodes = 200
	d := &desk{now: time.UnixMilli(1_772_323_200_000)}
	d.core = New(Config{Number: 1, Member: "m1", Network: deskNetwork, Instance: 1, Seed: 1})
	d.does(d.network(nodes, 1))
	d.does(&Stored{Signing: true})
	var streams []Stream
	for n := uint32(2); n <= nodes; n++ {
		s := d.opens(n, true)
		d.says(s, d.hello(n))
		streams = append(streams, s)
	}
	size := uint64(0)
	for b.Loop() {
		i := int(size) % len(streams)
		n := uint32(i + 2)
		size++
		d.says(streams[i], &wire.Have{Chains: []wire.Holding{{Chain: n, Size: size, Signed: deskNote(n, size)}}})
		for _, a := range d.take() {
			switch a := a.(type) {
			case Fetch:
				d.does(Ended{Task: a.Task, Result: Done, Size: a.To})
			case Keep:
				d.does(Ended{Task: a.Task, Result: Done})
			case Send:
				d.does(Sent{Stream: a.Stream})
			}
		}
	}
}
