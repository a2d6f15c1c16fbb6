package replica

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"suyuan/node/wire"
)

// announce tells every peer what changed in the store: the own chain at once but
// not more often than Intervals.Have, evidence, and new charters.
func (r *Replica) announce(ctx context.Context, loops *errgroup.Group) error {
	changed, stop := r.cfg.Store.Watch()
	defer stop()
	version := r.cfg.Store.Network().Newest().Charter.Version
	accused := make(map[uint32]bool)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		r.tellOwn()
		r.tellForks(accused)
		if newest := r.cfg.Store.Network().Newest(); newest.Charter.Version != version {
			version = newest.Charter.Version
			if err := r.refresh(ctx, loops); err != nil {
				return err
			}
			r.log.Info("charter adopted", "version", version)
			for _, s := range r.sessions() {
				s.out.sendCharter(&wire.Charter{Version: version, Hash: newest.Hash})
			}
			signal(r.author.wake)
		}
		if !sleep(ctx, r.iv.Have) {
			return nil
		}
	}
}

func (r *Replica) tellOwn() {
	for _, s := range r.sessions() {
		r.tell(s, []uint32{r.cfg.Number}, false)
	}
}

// tellForks sends evidence that is new since the last call to everybody.
func (r *Replica) tellForks(accused map[uint32]bool) {
	for _, chain := range r.chains() {
		if accused[chain] {
			continue
		}
		if e := r.cfg.Store.Evidence(chain); e != nil {
			accused[chain] = true
			for _, s := range r.sessions() {
				s.out.sendAlert(chain, (*wire.Alert)(e))
			}
		}
	}
}

// gossip tells some random peers of other nodes' chains now and then, so that
// what one node has reaches those that its author cannot reach, and everybody
// everything once in a while, so that whatever was missed is repaired.
func (r *Replica) gossip(ctx context.Context) {
	some, all := time.NewTicker(r.iv.Gossip), time.NewTimer(jitter(r.iv.Full))
	defer some.Stop()
	defer all.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-some.C:
			list := r.sessions()
			rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			for _, s := range list[:min(len(list), gossipPeers)] {
				r.tell(s, r.chains(), false)
			}
		case <-all.C:
			for _, s := range r.sessions() {
				r.tell(s, r.chains(), true)
			}
			all.Reset(jitter(r.iv.Full))
		}
	}
}

// jitter varies d by up to a fifth, so that nodes do not fall into step.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// wantCharter notes that a peer has a charter version that we may lack.
func (r *Replica) wantCharter(version uint64) {
	for {
		seen := r.charterSeen.Load()
		if version <= seen || r.charterSeen.CompareAndSwap(seen, version) {
			break
		}
	}
	if r.charterBehind() {
		signal(r.charters)
	}
}

// heardCharter notes what a peer says of its newest charter. One that we hold
// with another body may be proof that there are two.
func (r *Replica) heardCharter(s *session, m *wire.Charter) {
	if v := r.cfg.Store.Network().Version(m.Version); v != nil && v.Hash != m.Hash {
		r.disputed.Store(&dispute{session: s, version: m.Version})
		signal(r.charters)
		return
	}
	r.wantCharter(m.Version)
}

// A dispute is a peer that has another charter of a version than we.
type dispute struct {
	session *session
	version uint64
}

// settleDispute fetches the charter that a peer has instead of ours. If it is complete
// the store keeps both and takes no further one.
func (r *Replica) settleDispute(ctx context.Context) {
	d := r.disputed.Swap(nil)
	if d == nil {
		return
	}
	err := r.takeCharter(ctx, d.session, d.version)
	r.log.Error("a peer has another charter", "version", d.version, "peer", d.session.number, "err", err)
}

// charterBehind reports whether a peer has claimed a charter that we lack.
func (r *Replica) charterBehind() bool {
	return r.charterSeen.Load() > r.cfg.Store.Network().Newest().Charter.Version
}

// followCharters fetches charter versions that peers announce, one after the
// other: each is verified against the one before it.
func (r *Replica) followCharters(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.charters:
		}
		r.settleDispute(ctx)
		for r.charterBehind() && r.nextCharter(ctx) {
		}
	}
}

// nextCharter asks the peers in random order for the next version, and returns
// whether one gave it.
func (r *Replica) nextCharter(ctx context.Context) bool {
	version := r.cfg.Store.Network().Newest().Charter.Version + 1
	list := r.sessions()
	for _, i := range rand.Perm(len(list)) {
		if err := r.takeCharter(ctx, list[i], version); err != nil {
			r.log.Debug("charter not fetched", "version", version, "peer", list[i].number, "err", err)
			continue
		}
		r.wakeFollowers()
		return true
	}
	return false
}

func (r *Replica) takeCharter(ctx context.Context, s *session, version uint64) error {
	free, ok := r.slot(ctx, s)
	if !ok {
		return ctx.Err()
	}
	defer free()
	signed, err := r.fetchCharter(ctx, s, version)
	if err != nil {
		return err
	}
	if err := r.cfg.Store.AdoptCharter(signed); err != nil {
		return fmt.Errorf("adopt version %d: %w", version, err)
	}
	return nil
}

func (r *Replica) wakeFollowers() {
	for _, chain := range slices.Clone(r.chains()) {
		r.wakeFollower(chain)
	}
}
