package node

import (
	"errors"
	"fmt"
	"testing"

	"suyuan/trace"
)

// TestMemo holds that a look-up is remembered for one cut, the newest that was
// asked for, and that neither mistakes nor long lists are.
func TestMemo(t *testing.T) {
	t.Parallel()
	var m memo
	type cut = map[uint32]uint64
	old, now, newer := cut{1: 5, 2: 2}, cut{1: 5, 2: 3}, cut{1: 6, 2: 3, 3: 0}
	calls := 0
	find := func(n int, err error) func() ([]trace.Position, error) {
		return func() ([]trace.Position, error) { calls++; return make([]trace.Position, n), err }
	}
	broken := errors.New("broken")
	for i, c := range []struct {
		cut    cut
		name   string
		n      int
		err    error
		called bool
	}{
		{now, "a", 1, nil, true},
		{now, "a", 1, nil, false},
		{now, "none", 0, nil, true},
		{now, "none", 0, nil, false},
		{old, "a", 2, nil, true}, // the past neither has nor takes a place
		{old, "a", 2, nil, true},
		{nil, "a", 3, nil, true},
		{nil, "a", 3, nil, true},
		{now, "a", 1, nil, false},
		{now, "bad", 0, broken, true},
		{now, "bad", 0, broken, true},
		{now, "long", maxMemoList + 1, nil, true},
		{now, "long", maxMemoList + 1, nil, true},
		{newer, "a", 4, nil, true},
		{newer, "a", 4, nil, false},
		{now, "a", 1, nil, true},
	} {
		calls = 0
		list, err := m.positions(c.cut, c.name, find(c.n, c.err))
		if len(list) != c.n || err != c.err || calls > 0 != c.called {
			t.Errorf("%d: %s at %v: %d positions, %v, %d calls", i, c.name, c.cut, len(list), err, calls)
		}
	}
	for i := range 3 * maxMemo {
		if _, err := m.positions(newer, fmt.Sprint(i), find(1, nil)); err != nil || len(m.lists) > maxMemo {
			t.Fatalf("%d lists are remembered, %v", len(m.lists), err)
		}
	}
}
