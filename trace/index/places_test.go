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

// All places of a member are found, with the last record on each chain, within the cut.
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
		3: {place(3, 0, "brand", "b")},
	} {
		if err := x.Apply(chain, 0, events); err != nil {
			t.Fatal(err)
		}
	}
	at := func(chain uint32, seq uint64) trace.Position { return trace.Position{Chain: chain, Seq: seq} }
	for _, c := range []struct {
		member string
		cut    map[uint32]uint64
		want   []trace.Position
	}{
		{"brand", nil, []trace.Position{at(1, 1), at(1, 3), at(3, 0)}},
		{"brand", map[uint32]uint64{1: 3, 2: 2}, []trace.Position{at(1, 1), at(1, 0)}},
		{"brand", map[uint32]uint64{2: 1}, nil},
		{"wh", nil, []trace.Position{at(2, 1)}},
		{"w", nil, nil},
	} {
		if got, err := x.Places(c.member, c.cut); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s, %v: %v, %v, want %v", c.member, c.cut, got, err, c.want)
		}
	}
	if _, err := x.Places("brand", map[uint32]uint64{1: 9}); !errors.Is(err, index.ErrBehind) {
		t.Errorf("beyond what is applied: %v", err)
	}
}

// A member with more places, or more records of one, than are read costs others
// nothing, and keeps those that come first; so does a file that is named too often.
func TestPlacesOfAFlood(t *testing.T) {
	x, err := index.Open(index.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	flood := make([]*trace.Event, index.MaxScanned+10)
	for i := range flood {
		flood[i] = &trace.Event{Position: trace.Position{Chain: 1, Seq: uint64(i)}, Hash: ledger.Keccak([]byte(fmt.Sprint(i))),
			Kind: ledger.KindPlace, Member: "evil", Fields: trace.Values{"id": fmt.Sprintf("p%05d", i)}}
	}
	quiet := &trace.Event{Position: trace.Position{Chain: 2}, Hash: ledger.Keccak([]byte("quiet")), Kind: ledger.KindPlace, Member: "wh", Fields: trace.Values{"id": "a"}}
	if err := errors.Join(x.Apply(1, 0, flood), x.Apply(2, 0, []*trace.Event{quiet})); err != nil {
		t.Fatal(err)
	}
	if got, err := x.Places("evil", nil); err != nil || len(got) != index.MaxScanned || got[0].Seq != 0 {
		t.Errorf("the flood: %d, %v", len(got), err)
	}
	for i := range flood {
		flood[i] = &trace.Event{Position: trace.Position{Chain: 3, Seq: uint64(i)}, Hash: ledger.Keccak([]byte(fmt.Sprint(3, i))),
			Kind: ledger.KindInspect, Member: "evil", Fields: trace.Values{"documents": []ledger.Hash{{7}}}}
	}
	if err := x.Apply(3, 0, flood); err != nil {
		t.Fatal(err)
	}
	if got, err := x.File(ledger.Hash{7}, nil); !errors.Is(err, index.ErrTooMany) || len(got) != index.MaxScanned {
		t.Errorf("a file named too often: %d, %v", len(got), err)
	}
	if got, err := x.Places("wh", nil); err != nil || len(got) != 1 {
		t.Errorf("beside it: %v, %v", got, err)
	}
}
