package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"suyuan/ledger"
	"suyuan/node/reward"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// RewardSettings is rewards.toml of a node's directory. Without that file nobody
// is told of claims. Unknown keys are refused.
type RewardSettings struct {
	// URL is told, over https, that somebody is due a reward.
	URL string `toml:"url"`

	// SecretFile is the path of the file with the shared secret, whsec_ and Base64
	// as Standard Webhooks writes it; a relative one is below the node's directory.
	// It may have several, one in a line, and is read before each message: a
	// message is signed with each, until the receiver knows the new one and the line
	// with the old one goes.
	SecretFile string `toml:"secret_file"`

	// AllowLoopback allows a receiver on this machine, also over plain HTTP.
	AllowLoopback bool `toml:"allow_loopback"`
}

// Names below a node's directory.
const (
	fileRewards = "rewards.toml"
	dirRewards  = "rewards"
)

// ReadRewardSettings reads and checks rewards.toml of a node's directory, and the
// secret that it names. It returns nil if there is none.
func ReadRewardSettings(dir string) (*reward.Receiver, error) {
	path := filepath.Join(dir, fileRewards)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open settings of rewards: %w", err)
	}
	defer f.Close()
	var s RewardSettings
	if err := decodeTOML(f, path, &s); err != nil {
		return nil, err
	}
	if s.SecretFile == "" {
		return nil, fmt.Errorf("%s: secret_file: the path of a file with the shared secret is needed", path)
	}
	if !filepath.IsAbs(s.SecretFile) {
		s.SecretFile = filepath.Join(dir, s.SecretFile)
	}
	r := &reward.Receiver{URL: s.URL, Loopback: s.AllowLoopback, Secrets: func() ([][]byte, error) { return readSecrets(s.SecretFile) }}
	if _, err := r.Secrets(); err != nil {
		return nil, fmt.Errorf("%s: secret_file: %w", path, err)
	}
	if err := r.Check(); err != nil {
		return nil, fmt.Errorf("%s: url: %w", path, err)
	}
	return r, nil
}

// readSecrets reads the file with the shared secrets.
func readSecrets(path string) ([][]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list, err := reward.ParseSecrets(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// openRewards opens what rewards are kept in, if the node has settings for them.
func (n *Node) openRewards() error {
	r, err := ReadRewardSettings(n.dir)
	if err != nil || r == nil {
		return err
	}
	n.rewards, err = reward.Open(reward.Config{
		Dir: filepath.Join(n.dir, dirRewards), Receiver: *r, Judge: n.judgeReward, Now: n.now, Log: n.log,
	})
	return err
}

// runRewards takes over claims as they are recorded, and delivers, until ctx ends.
// Trouble with rewards does not end a node that stores and signs.
func (n *Node) runRewards(ctx context.Context) {
	if n.rewards == nil {
		return
	}
	changed, stop := n.store.Watch()
	defer stop()
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		if err := n.rewards.Run(ctx); err != nil {
			n.log.Error("rewards are not delivered any more", "err", err)
		}
	})
	for {
		if err := n.takeClaims(ctx); err != nil && ctx.Err() == nil {
			n.log.Error("claims not read for rewards", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// takeClaims reads the own chain on from where it was read last and adds a reward
// for each first claim of an item whose product pays one, and for each that has
// become the first because those before it were taken back. Reading again what was
// read changes nothing.
func (n *Node) takeClaims(ctx context.Context) error {
	from, err := n.rewards.Read(n.chain)
	if err != nil {
		return err
	}
	size := n.store.Size(n.chain)
	for from < size && ctx.Err() == nil {
		to := min(size, from+claimsRead)
		var list []reward.Reward
		for seq := from; seq < to; seq++ {
			r, err := n.rewardOf(seq)
			if err != nil {
				return fmt.Errorf("claim at %d: %w", seq, err)
			}
			if r != nil {
				list = append(list, *r)
			}
		}
		if err := n.rewards.Add(n.chain, to, list); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// rewardOf returns the reward that the record at a position of the own chain gives
// rise to: a claim, if it is the first of its item, or what takes one back, for the
// claim that is the first now. It is nil if there is none, or for a product that
// pays nothing.
func (n *Node) rewardOf(seq uint64) (*reward.Reward, error) {
	e, err := n.event(trace.Position{Chain: n.chain, Seq: seq})
	if err != nil || e == nil {
		return nil, err
	}
	claim := e
	if e.Kind == ledger.KindCorrect {
		if claim, err = n.recorded(e.Fields.Hash("target")); err != nil {
			return nil, err
		}
	}
	if !isClaim(claim) {
		return nil, nil
	}
	s := claim.Subjects[0].Range
	uses, err := n.uses(trace.Code(s.GTIN, s.Run, s.From))
	if err != nil || len(uses) == 0 || claim == e && uses[0].ID != e.ID {
		return nil, err
	}
	return n.rewardFor(uses[0])
}

// recorded returns the event of a record, nil if it is not here or none.
func (n *Node) recorded(id ledger.Hash) (*trace.Event, error) {
	chain, seq, ok, err := n.store.Find(id)
	if err != nil || !ok {
		return nil, err
	}
	return n.event(trace.Position{Chain: chain, Seq: seq})
}

// isClaim reports whether an event, which may be nil, is a claim as this node makes
// them.
func isClaim(e *trace.Event) bool {
	return e != nil && e.Kind == ledger.KindClaim && len(e.Subjects) == 1 && e.Subjects[0].Kind == trace.SubjectRange
}

// rewardFor returns the reward for a claim, nil if its product pays none.
func (n *Node) rewardFor(e *trace.Event) (*reward.Reward, error) {
	s := e.Subjects[0].Range
	products, err := n.products(s.GTIN, nil)
	if err != nil {
		return nil, err
	}
	trigger := trace.RewardTrigger(products)
	if trigger == "" {
		return nil, nil
	}
	serials, uri, err := n.Codes(s.GTIN, s.Run, s.From, s.From+1)
	if err != nil {
		return nil, err
	}
	r := &reward.Reward{
		Claim: reward.ID(e.ID), GTIN: s.GTIN.String(), Claimant: e.Fields.Text("claimant"),
		ClaimedAt: time.UnixMilli(e.At).UTC(), Trigger: trigger,
	}
	for _, serial := range serials {
		r.Serial, r.URI = serial, uri(serial)
	}
	return r, nil
}

// judgeReward says whether a reward is due: its claim and the event that the
// product names are final, the claim has not been taken back, no other claim of
// the item was paid, and the item was activated by two.
func (n *Node) judgeReward(ctx context.Context, w *reward.Reward) (reward.Judgement, error) {
	cut, err := n.finalCut()
	if err != nil {
		return reward.Judgement{}, err
	}
	chain, seq, ok, err := n.store.Find(ledger.Hash(w.Claim))
	if err != nil || !ok || seq >= cut[chain] {
		return reward.Judgement{State: reward.Waiting}, err
	}
	r, err := n.resolve(ctx, w.URI, cut)
	if err != nil {
		return reward.Judgement{}, err
	}
	if r.Item.Kind == 0 {
		return reward.Judgement{}, fmt.Errorf("code %s of GTIN %s is not known", r.Serial, r.GTIN)
	}
	uses, takenBack, err := n.allUses(r.Item)
	if err != nil {
		return reward.Judgement{}, err
	}
	if !slices.ContainsFunc(uses, func(e *trace.Event) bool { return e.ID == ledger.Hash(w.Claim) }) {
		return reward.Judgement{State: reward.Withdrawn, Reason: "the claim was taken back"}, nil
	}
	if sent, err := n.sentFor(takenBack); err != nil || sent {
		return reward.Judgement{State: reward.Held, Reason: "the receiver was told of another claim of the item, which was taken back after that"}, err
	}
	t, err := n.fold(r, cut)
	if err != nil {
		return reward.Judgement{}, err
	}
	return n.judgeTrail(w, t)
}

// sentFor reports whether the receiver may have been told of a reward for one of
// some claims: taking a claim back takes no money back, and whoever may correct
// records must not have one code paid again and again.
func (n *Node) sentFor(claims []*trace.Event) (bool, error) {
	for _, e := range claims {
		r, err := n.rewards.Get(reward.ID(e.ID))
		if errors.Is(err, reward.ErrNotFound) {
			continue
		}
		if err != nil || !r.DueAt.IsZero() {
			return err == nil, err
		}
	}
	return false, nil
}

func (n *Node) judgeTrail(w *reward.Reward, t *trace.Trail) (reward.Judgement, error) {
	e := triggered(t, w.Trigger)
	if e == nil || t.Active == nil {
		return reward.Judgement{State: reward.Waiting}, nil
	}
	two, err := n.approvedByTwo(t.Active)
	if err != nil {
		return reward.Judgement{}, err
	}
	if !two {
		return reward.Judgement{State: reward.Held, Reason: "the item was not activated by two operators: correct the activation and record it anew"}, nil
	}
	return reward.Judgement{State: reward.Due, Record: reward.ID(e.ID), At: time.UnixMilli(e.At).UTC(), Verdict: string(t.Verdict)}, nil
}

// triggered returns the event of a trail by which the trigger has come, nil if it
// has not. It counts also if the item went on since, to another dealer or back
// from a consumer.
func triggered(t *trace.Trail, trigger string) *trace.Event {
	if trigger == trace.TriggerActivated {
		return t.Active
	}
	for _, s := range t.Steps {
		if trigger == trace.TriggerShipped && s.State == trace.InTransit || trigger == trace.TriggerSold && s.State == trace.Sold {
			return s.Event
		}
	}
	return nil
}

// A ClaimedItem is a claim that stands on the own chain.
type ClaimedItem struct {
	Claim     ledger.Hash    `json:"claim"` // id of the record
	Seq       uint64         `json:"seq"`
	GTIN      gs1.GTIN       `json:"gtin"`
	Run       uint16         `json:"run"`
	Index     uint32         `json:"index"`
	ClaimedAt time.Time      `json:"claimed_at"`
	Use       Use            `json:"use"`
	FirstAt   *time.Time     `json:"first_at,omitempty"` // with UseAgain: when the first use was
	Claimant  string         `json:"claimant,omitempty"`
	Reward    *reward.Reward `json:"reward,omitempty"` // nil if none is paid, or the claim is not the first
}

// A Use says what a claim counts for. Names are stable.
type Use string

// The uses.
const (
	UseFirst     Use = "first"       // the first use of the second code
	UseAgain     Use = "again"       // a later one
	UseTakenBack Use = "taken-back"  // it was corrected, and counts for nothing
	UseNone      Use = "not-counted" // its chain does not check the second codes of the run
)

// Claims returns claims that stand on the own chain from a position on, in its
// order, and the position to go on from, 0 at the end. It looks at a bounded part
// of the chain, so that a list may be empty and not the last.
func (n *Node) Claims(from uint64) (list []ClaimedItem, next uint64, err error) {
	size := n.store.Size(n.chain)
	to := min(size, from+claimsListed)
	list = []ClaimedItem{}
	for seq := from; seq < to; seq++ {
		e, err := n.event(trace.Position{Chain: n.chain, Seq: seq})
		if err != nil {
			return nil, 0, err
		}
		if !isClaim(e) {
			continue
		}
		c, err := n.claimedItem(e)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, c)
	}
	if to < size {
		next = to
	}
	return list, next, nil
}

func (n *Node) claimedItem(e *trace.Event) (ClaimedItem, error) {
	s := e.Subjects[0].Range
	c := ClaimedItem{
		Claim: e.ID, Seq: e.Seq, GTIN: s.GTIN, Run: s.Run, Index: s.From,
		ClaimedAt: time.UnixMilli(e.At).UTC(), Claimant: e.Fields.Text("claimant"),
	}
	if err := n.addUse(&c); err != nil || n.rewards == nil {
		return c, err
	}
	r, err := n.rewards.Get(reward.ID(e.ID))
	if errors.Is(err, reward.ErrNotFound) {
		return c, nil
	}
	c.Reward = r
	return c, err
}

// addUse adds to a claim what it counts for.
func (n *Node) addUse(c *ClaimedItem) error {
	uses, takenBack, err := n.allUses(trace.Code(c.GTIN, c.Run, c.Index))
	if err != nil {
		return err
	}
	is := func(e *trace.Event) bool { return e.ID == c.Claim }
	switch at := slices.IndexFunc(uses, is); {
	case at == 0:
		c.Use = UseFirst
	case at > 0:
		first := time.UnixMilli(uses[0].At).UTC()
		c.Use, c.FirstAt = UseAgain, &first
	case slices.ContainsFunc(takenBack, is):
		c.Use = UseTakenBack
	default:
		c.Use = UseNone
	}
	return nil
}

// SendAgain has a reward that has failed sent anew.
func (n *Node) SendAgain(claim ledger.Hash) error {
	if n.rewards == nil {
		return refuse(404, "no-rewards", "this node has no %s", fileRewards)
	}
	err := n.rewards.Again(reward.ID(claim))
	switch {
	case errors.Is(err, reward.ErrNotFound):
		return refuse(404, "unknown-reward", "no reward is kept for claim %s", claim)
	case errors.Is(err, reward.ErrNotFailed):
		return refuse(409, "not-failed", "the reward for claim %s has not failed; what is due is sent again by itself", claim)
	}
	return err
}
