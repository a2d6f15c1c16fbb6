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

// An alarmClock keeps the earliest of several times.
type alarmClock struct{ at time.Time }

// set makes the clock ring at t, if it would not ring before. The zero time is
// never.
func (a *alarmClock) set(t time.Time) {
	if !t.IsZero() && (a.at.IsZero() || t.Before(a.at)) {
		a.at = t
	}
}
