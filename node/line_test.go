package node

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

// The turn goes round among those who ask: somebody with many questions has one of
// them answered, and then everybody else.
func TestLineGoesRoundAmongThoseWhoAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line
		if err := l.take(t.Context(), "greedy"); err != nil {
			t.Fatal(err)
		}
		if l.othersWait("greedy") {
			t.Error("nobody waits, and others are said to")
		}
		var got []string // by whoever has the turn
		for _, who := range []string{"greedy", "greedy", "greedy", "clerk", "clerk", "dealer"} {
			go func() {
				if err := l.take(context.Background(), who); err != nil {
					t.Error(err)
				}
				got = append(got, who)
				l.pass()
			}()
			synctest.Wait() // it stands in the line
		}
		if !l.othersWait("greedy") {
			t.Error("others wait, and nobody is said to")
		}
		l.pass()
		synctest.Wait()
		if want := []string{"greedy", "clerk", "dealer", "greedy", "clerk", "greedy"}; !slices.Equal(got, want) {
			t.Errorf("the turn went to %v, want %v", got, want)
		}
		if l.taken || len(l.waiting) > 0 || len(l.round) > 0 {
			t.Errorf("left behind: %+v", &l)
		}
	})
}

// Who gives up is no more in the line, and a turn that comes at that moment goes on.
func TestLineForgetsWhoGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line
		if err := l.take(t.Context(), "greedy"); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			ctx, cancel := context.WithCancel(context.Background())
			gone := make(chan error)
			go func() {
				err := l.take(ctx, "hasty")
				if err == nil {
					l.pass()
				}
				gone <- err
			}()
			synctest.Wait()
			go cancel()
			go l.pass()
			if err := <-gone; err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			synctest.Wait()
			if l.taken || len(l.waiting) > 0 || len(l.round) > 0 {
				t.Fatalf("left behind: %+v", &l)
			}
			if err := l.take(t.Context(), "greedy"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// One who asks can have so many questions in the line, whatever others have.
func TestLineBoundsQuestions(t *testing.T) {
	var l line
	var leave func()
	for range maxAsked {
		var err error
		if leave, err = l.enter("greedy"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := l.enter("greedy")
	wantCode(t, err, "too-many-questions")
	if _, err := l.enter("clerk"); err != nil {
		t.Errorf("somebody else is refused: %v", err)
	}
	leave()
	if _, err := l.enter("greedy"); err != nil {
		t.Errorf("after one was answered: %v", err)
	}
}

// A turn ends when others wait and it has had its time, and never before it got on.
func TestTurnMakesWayForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line
		if err := l.take(t.Context(), "greedy"); err != nil {
			t.Fatal(err)
		}
		wait := func(who string) {
			go func() {
				if l.take(context.Background(), who) == nil {
					l.pass()
				}
			}()
			synctest.Wait()
		}
		mine := &turn{who: "greedy", line: &l, left: 10}
		for i, step := range []struct {
			do   func()
			want error
		}{
			{func() { mine.left = -1 }, nil},                 // nobody waits
			{func() { wait("greedy") }, nil},                 // nobody else
			{func() { wait("clerk") }, nil},                  // it has counted nothing yet
			{func() { mine.left = 10; mine.spent(9) }, nil},  // it has time left
			{func() { mine.spent(1) }, errTurnOver},          //
			{func() { mine.who = "everybody" }, errTurnOver}, //
		} {
			step.do()
			if err := mine.over(); !errors.Is(err, step.want) {
				t.Errorf("step %d: %v, want %v", i, err, step.want)
			}
		}
		l.pass()
	})
}
