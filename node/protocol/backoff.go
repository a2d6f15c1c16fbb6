package protocol

import (
	"math/rand/v2"
	"time"
)

// backoff returns the wait before attempt n+1: a random part of a time that
// doubles from first to most ("full jitter"), so that nodes which lost each
// other at one moment do not come back at one moment.
func backoff(n int, first, most time.Duration, rnd *rand.Rand) time.Duration {
	return time.Duration(rnd.Float64() * float64(doubled(n, first, most)))
}

// doubled is first doubled n times, at most most.
func doubled(n int, first, most time.Duration) time.Duration {
	if n < 20 && first<<n < most {
		return first << n
	}
	return most
}

// jitter varies d by up to a fifth, so that nodes do not fall into step.
func jitter(d time.Duration, rnd *rand.Rand) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rnd.Float64()))
}

// A pace lets something happen in bursts, and in the long run no more often than it
// should.
type pace struct {
	every time.Duration
	burst int
	spent time.Time // when nothing of the burst is owed any more
}

// take reports whether it may happen now, and counts it.
func (p *pace) take(now time.Time) bool {
	if now.Before(p.next()) {
		return false
	}
	p.spent = later(p.spent, now).Add(p.every)
	return true
}

// next is when it may happen again.
func (p *pace) next() time.Time {
	return p.spent.Add(-time.Duration(p.burst-1) * p.every)
}

// An alarmClock keeps the earliest of several times.
type alarmClock struct{ at time.Time }

// set makes the clock ring at t, if it would not ring before. The zero time is
// never.
func (a *alarmClock) set(t time.Time) {
	if !t.IsZero() && (a.at.IsZero() || t.Before(a.at)) {
		a.at = t
	}
}
