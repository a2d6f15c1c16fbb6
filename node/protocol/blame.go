package protocol

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"suyuan/ledger"
)

// blame says which node is not asked for which chain before when. It is kept by
// node, not by session: a liar gains nothing by hanging up, and offences outlive
// a restart.
type blame struct {
	passed   map[about]time.Time // until when; also for reasons that are no offence
	fails    map[about]int       // requests that failed since the last that did not
	offences map[about]*Offence
}

// about is one node's conduct towards one chain; chain 0 stands for charters.
type about struct{ peer, chain uint32 }

// An Offence is that a node sent invalid data: Count times by now, for the last
// time at Last, both less what was forgiven since.
type Offence struct {
	Peer  uint32 `cbor:"1,keyasint"`
	Chain uint32 `cbor:"2,keyasint"`
	Count int    `cbor:"3,keyasint"`
	Last  int64  `cbor:"4,keyasint"` // ms since 1970 UTC
}

func newBlame(list []Offence) *blame {
	b := &blame{passed: make(map[about]time.Time), fails: make(map[about]int), offences: make(map[about]*Offence)}
	for _, o := range list {
		key := about{o.Peer, o.Chain}
		b.offences[key] = &o
		b.passed[key] = o.until()
	}
	return b
}

// until is the time before which a node is not asked, zero if it may be.
func (b *blame) until(now time.Time, peer, chain uint32) time.Time {
	if t := b.passed[about{peer, chain}]; t.After(now) {
		return t
	}
	return time.Time{}
}

// barred reports whether a node's word about a chain is not listened to, because
// what it has sent of that was invalid.
func (b *blame) barred(now time.Time, peer, chain uint32) bool {
	o := b.offences[about{peer, chain}]
	return o != nil && now.Before(o.until())
}

// until is the end of what the last offence has earned.
func (o *Offence) until() time.Time {
	return time.UnixMilli(o.Last).Add(doubled(o.Count-1, BlockTime, maxBlock))
}

// passOver does not ask a node for d. An earlier and longer wait stays.
func (b *blame) passOver(now time.Time, peer, chain uint32, d time.Duration) {
	key := about{peer, chain}
	if t := now.Add(d); t.After(b.passed[key]) {
		b.passed[key] = t
	}
}

// fail passes a node over after a request that failed and was no offence: the
// longer the more of them there were.
func (b *blame) fail(now time.Time, peer, chain uint32) {
	key := about{peer, chain}
	b.passOver(now, peer, chain, doubled(b.fails[key], failWait, maxFailWait))
	b.fails[key] = min(b.fails[key]+1, maxOffences)
}

// doubt passes a node over whose answer does not fit what is stored, for as long as
// if it were to blame: it would give the same again.
func (b *blame) doubt(now time.Time, peer, chain uint32) {
	key := about{peer, chain}
	b.passOver(now, peer, chain, doubled(b.fails[key], BlockTime, maxBlock))
	b.fails[key] = min(b.fails[key]+1, maxOffences)
}

// pardon forgets what nodes did about a chain, and reports whether anything had
// been an offence.
func (b *blame) pardon(chain uint32) bool {
	n := len(b.offences)
	maps.DeleteFunc(b.passed, func(k about, _ time.Time) bool { return k.chain == chain })
	maps.DeleteFunc(b.fails, func(k about, _ int) bool { return k.chain == chain })
	maps.DeleteFunc(b.offences, func(k about, _ *Offence) bool { return k.chain == chain })
	return len(b.offences) < n
}

// done forgets the requests that failed.
func (b *blame) done(peer, chain uint32) { delete(b.fails, about{peer, chain}) }

// offend notes invalid data.
func (b *blame) offend(now time.Time, peer, chain uint32) {
	key := about{peer, chain}
	o := b.offences[key]
	if o == nil {
		o = &Offence{Peer: peer, Chain: chain}
		b.offences[key] = o
	}
	if forgiven := now.Sub(time.UnixMilli(o.Last)) / forgiveTime; forgiven > 0 {
		o.Count = max(o.Count-int(min(forgiven, maxOffences)), 0)
	}
	o.Count = min(o.Count+1, maxOffences)
	o.Last = now.UnixMilli()
	b.passOver(now, peer, chain, doubled(o.Count-1, BlockTime, maxBlock))
}

// forget drops what concerns a node that the charter does not have any more.
func (b *blame) forget(peer uint32) {
	maps.DeleteFunc(b.passed, func(k about, _ time.Time) bool { return k.peer == peer })
	maps.DeleteFunc(b.fails, func(k about, _ int) bool { return k.peer == peer })
	maps.DeleteFunc(b.offences, func(k about, _ *Offence) bool { return k.peer == peer })
}

// list is what is to be remembered, in order.
func (b *blame) list() []Offence {
	var list []Offence
	for _, o := range b.offences {
		list = append(list, *o)
	}
	slices.SortFunc(list, func(x, y Offence) int {
		return cmp.Or(cmp.Compare(x.Peer, y.Peer), cmp.Compare(x.Chain, y.Chain))
	})
	return list
}

// EncodeOffences is the form in which a shell keeps what it was asked to
// remember: a CBOR array of the maps {1: node, 2: chain, 3: count, 4: ms}.
func EncodeOffences(list []Offence) ([]byte, error) { return ledger.Marshal(list) }

// DecodeOffences reads that form strictly.
func DecodeOffences(raw []byte) ([]Offence, error) {
	if len(raw) > maxOffenceBytes {
		return nil, errors.New("offences: too many bytes")
	}
	var list []Offence
	if err := ledger.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	for i, o := range list {
		ascending := i == 0 || cmp.Or(cmp.Compare(list[i-1].Peer, o.Peer), cmp.Compare(list[i-1].Chain, o.Chain)) < 0
		if !ascending || o.Peer == 0 || o.Count < 1 || o.Count > maxOffences || o.Last < 0 {
			return nil, errors.New("offences: a value is outside its limits")
		}
	}
	return list, nil
}
