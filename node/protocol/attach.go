package protocol

import (
	"log/slog"
	"slices"
	"time"

	"suyuan/ledger"
)

// attachments are the files that are not held yet. One is fetched at a time.
type attachments struct {
	busy bool
	list []*wanted // in the order in which they were asked for
}

type wanted struct {
	Want
	fails     int
	notBefore time.Time
}

func (a *attachments) find(digest ledger.Hash) *wanted {
	i := slices.IndexFunc(a.list, func(w *wanted) bool { return w.Digest == digest && w.Attempt == 0 })
	if i < 0 {
		return nil
	}
	return a.list[i]
}

func (a *attachments) remove(w *wanted) {
	a.list = slices.DeleteFunc(a.list, func(other *wanted) bool { return other == w })
}

// retry asks again at once: a new peer may have what others had not.
func (a *attachments) retry() {
	for _, w := range a.list {
		w.fails, w.notBefore = 0, time.Time{}
	}
}

func (c *Core) want(w Want) {
	if w.Attempt != 0 || c.attach.find(w.Digest) == nil {
		c.attach.list = append(c.attach.list, &wanted{Want: w})
	}
}

// followAttachments begins with the first that is due.
func (c *Core) followAttachments() {
	if c.attach.busy {
		return
	}
	list := slices.Clone(c.attach.list) // attempts that find nobody leave it
	for _, w := range list {
		if c.now.Before(w.notBefore) {
			continue
		}
		peers := c.holders(w.Chain)
		if len(peers) == 0 {
			c.attached(w, Ended{Result: NotHeld, Err: ErrNoHolder})
			continue
		}
		c.attach.busy = true
		c.do(FetchBlob{Task: c.begin(func(e Event) {
			c.attach.busy = false
			c.attached(w, e.(Ended))
		}), Digest: w.Digest, Peers: peers})
		return
	}
}

// holders are the admitted peers in the order in which they are asked: the author
// of the record first.
func (c *Core) holders(author uint32) []uint32 {
	list := slices.Clone(c.sessions())
	c.rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	var numbers []uint32
	for _, s := range list {
		if s.Number == author {
			numbers = slices.Insert(numbers, 0, s.Number)
		} else {
			numbers = append(numbers, s.Number)
		}
	}
	return numbers
}

func (c *Core) attached(w *wanted, e Ended) {
	if w.Attempt != 0 {
		c.do(Attached{Attempt: w.Attempt, Err: e.Err})
	}
	if w.Attempt != 0 || e.Result == Done {
		c.attach.remove(w)
		return
	}
	w.notBefore = c.now.Add(max(failWait, backoff(w.fails, c.iv.Retry, MaxRetry, c.rnd)))
	w.fails++
	c.log(slog.LevelDebug, "attachment not fetched", "hash", w.Digest, "err", e.Err)
}

func (c *Core) nextAttachment(at *alarmClock) {
	if c.attach.busy {
		return
	}
	for _, w := range c.attach.list {
		at.set(w.notBefore)
	}
}
