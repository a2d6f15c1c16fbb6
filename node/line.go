package node

import (
	"context"
	"slices"
	"sync"
)

// A line is where people wait for something that one of them has at a time. It
// goes round among those who ask and not among their questions: whoever asks much
// waits behind everybody who asks little. The zero value is a line in which nobody
// waits.
type line struct {
	mu      sync.Mutex // guards what follows
	taken   bool
	asked   map[string]int             // questions under way or waiting, by who asks
	waiting map[string][]chan struct{} // each is closed when its turn has come; the longest waiting first
	round   []string                   // for whom somebody waits, whose turn comes next first
}

// enter counts a question of somebody, and refuses one too many. What it returns
// is called when the question is answered.
func (l *line) enter(who string) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked[who] >= maxAsked {
		return nil, refuse(429, "too-many-questions", "%d of your questions are being answered; ask again when one of them is", maxAsked)
	}
	if l.asked == nil {
		l.asked = make(map[string]int)
	}
	l.asked[who]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.asked[who]--; l.asked[who] == 0 {
			delete(l.asked, who)
		}
	}, nil
}

// take waits for a turn of somebody who has entered, at most until ctx ends. Who
// gets it gives it back with pass.
func (l *line) take(ctx context.Context, who string) error {
	l.mu.Lock()
	if !l.taken {
		l.taken = true
		l.mu.Unlock()
		return nil
	}
	if l.waiting == nil {
		l.waiting = make(map[string][]chan struct{})
	}
	turn := make(chan struct{})
	if len(l.waiting[who]) == 0 {
		l.round = append(l.round, who)
	}
	l.waiting[who] = append(l.waiting[who], turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		if !l.forgo(who, turn) {
			l.pass() // it came just now
		}
		return ctx.Err()
	}
}

// forgo takes somebody out of the line, and reports whether the turn had not come.
func (l *line) forgo(who string, turn chan struct{}) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting[who], turn)
	if i < 0 {
		return false
	}
	l.waiting[who] = slices.Delete(l.waiting[who], i, i+1)
	if len(l.waiting[who]) == 0 {
		delete(l.waiting, who)
		l.round = slices.DeleteFunc(l.round, func(s string) bool { return s == who })
	}
	return true
}

// pass gives the turn to the next in the line.
func (l *line) pass() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.round) == 0 {
		l.taken = false
		return
	}
	who := l.round[0]
	l.round = l.round[1:]
	turn := l.waiting[who][0]
	if l.waiting[who] = l.waiting[who][1:]; len(l.waiting[who]) == 0 {
		delete(l.waiting, who)
	} else {
		l.round = append(l.round, who)
	}
	close(turn)
}

// othersWait reports whether somebody else than who waits.
func (l *line) othersWait(who string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.round, func(s string) bool { return s != who })
}
