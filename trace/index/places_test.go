package index_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/index"
)

// All places of all members are found, with each record of one, within the cut.
func TestPlaces(t *testing.T) {
	x, err := index.Open(index.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	place := func(chain uint32, seq uint64, member, id string) *trace.Event {
		return &trace.Event{Position: trace.Position{Chain: chain, Seq: seq}, Hash: ledger.Keccak([]byte(fmt.Sprint(chain, seq))),
			Kind: ledger.KindPlace, Member: member, Fields: trace.Values{"id": id}}
	}
	for chain, events := range map[uint32][]*trace.Event{
		1: {place(1, 0, "brand", "b"), place(1, 1, "brand", "a"), nil, place(1, 3, "brand", "b")},
		2: {nil, place(2, 1, "wh", "a")},
	} {
		if err := x.Apply(chain, 0, events); err != nil {
			t.Fatal(err)
		}
	}
	at := func(chain uint32, seq uint64) trace.Position { return trace.Position{Chain: chain, Seq: seq} }
	for _, c := range []struct {
		cut  map[uint32]uint64
		want []trace.Position
	}{
		{nil, []trace.Position{at(1, 1), at(1, 0), at(1, 3), at(2, 1)}},
		{map[uint32]uint64{1: 3, 2: 2}, []trace.Position{at(1, 1), at(1, 0), at(2, 1)}},
		{map[uint32]uint64{2: 1}, nil},
	} {
		if got, err := x.Places(c.cut); err != nil || !slices.Equal(got, sortedByName(c.want, got)) || len(got) != len(c.want) {
			t.Errorf("%v: %v, %v, want %v", c.cut, got, err, c.want)
		}
	}
	if _, err := x.Places(map[uint32]uint64{1: 9}); !errors.Is(err, index.ErrBehind) {
		t.Errorf("beyond what is applied: %v", err)
	}
}

// sortedByName returns want in the order of got where they are the same set.
func sortedByName(want, got []trace.Position) []trace.Position {
	for _, p := range got {
		if !slices.Contains(want, p) {
			return want
		}
	}
	return got
}
