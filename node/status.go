package node

import (
	"errors"
	"slices"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node/replica"
)

// A Status says what state a node and its network are in.
type Status struct {
	Member  string        `json:"member"`
	Chain   string        `json:"chain"` // as ledger.ChainName shows it
	NameZh  string        `json:"name_zh"`
	NameEn  string        `json:"name_en"`
	Role    ledger.Role   `json:"role"`
	Started time.Time     `json:"started"`
	Network NetworkStatus `json:"network"`
	Signing SigningStatus `json:"signing"`
	Chains  []ChainStatus `json:"chains"`
	Peers   []PeerStatus  `json:"peers"`

	// Rewards counts the rewards in each state, without those of none.
	Rewards map[string]int `json:"rewards,omitempty"`
}

// NetworkStatus says what finality needs. With one fault among three cosigners
// nothing can be both safe and live; then Faulty is 0.
type NetworkStatus struct {
	Name      string      `json:"name"`
	ID        ledger.Hash `json:"id"`
	Charter   uint64      `json:"charter"`            // newest version held
	Conflict  bool        `json:"conflict,omitempty"` // there are two complete charters of one version
	Cosigners int         `json:"cosigners"`          // n
	Faulty    int         `json:"faulty"`             // f: how many may lie
	Quorum    int         `json:"quorum"`             // q
}

// SigningStatus says whether the node writes and signs.
type SigningStatus struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"`
	Advice string `json:"advice,omitempty"` // what to do about it
}

// ChainStatus says how far a chain has come here.
type ChainStatus struct {
	Chain     string      `json:"chain"`
	Member    string      `json:"member"`
	Number    uint32      `json:"number"`
	Size      uint64      `json:"size"`  // entries stored here
	Final     uint64      `json:"final"` // of these, covered by a quorum checkpoint
	Root      ledger.Hash `json:"root"`
	FinalRoot ledger.Hash `json:"final_root"`
	Time      time.Time   `json:"time,omitzero"` // of the newest entry
	Cosigners []string    `json:"cosigners"`     // of the newest quorum checkpoint
	Cosigned  int         `json:"cosigned"`
	Forked    bool        `json:"forked,omitempty"`
	Charter   uint64      `json:"charter"`         // version in force on the chain, 0 for an empty one
	Ended     *uint64     `json:"ended,omitempty"` // size at which a charter ended it
	Peer      string      `json:"peer"`            // own, connected or away
}

// PeerStatus says how another node is reached.
type PeerStatus struct {
	Member  string       `json:"member"`
	Number  uint32       `json:"number"`
	State   string       `json:"state"` // connected or away
	Since   *time.Time   `json:"since,omitempty"`
	Via     replica.Line `json:"via,omitempty"` // quic, tcp or relay
	Address string       `json:"address,omitempty"`
	RTTms   float64      `json:"rtt_ms,omitempty"`
	Behind  uint64       `json:"behind"`           // entries that we hold and it does not, by its own word
	Chains  []PeerChain  `json:"chains,omitempty"` // where it and we differ
	Error   string       `json:"error,omitempty"`  // how the last attempt or session ended
	Problem string       `json:"problem,omitempty"`
	Advice  string       `json:"advice,omitempty"` // what to do about the problem
}

// PeerChain says how far a peer and this node differ on a chain, by the peer's
// own word.
type PeerChain struct {
	Chain  string `json:"chain"`
	Behind uint64 `json:"behind,omitempty"` // entries that the peer lacks
	Ahead  uint64 `json:"ahead,omitempty"`  // entries that we lack
}

// Status describes the node.
func (n *Node) Status() *Status {
	net := n.Network()
	c := net.Newest().Charter
	q, f := ledger.QuorumOf(len(c.Cosigners))
	ok, reason := n.store.SigningState()
	advice := signingAdvice(n.store.SigningError(), n.guardPath())
	s := &Status{
		Member: n.member.Member, Chain: ledger.ChainName(n.member.Member, n.chain),
		NameZh: n.member.NameZh, NameEn: n.member.NameEn, Role: n.member.Role, Started: n.started,
		Network: NetworkStatus{Name: net.Name, ID: net.ID, Charter: c.Version, Cosigners: len(c.Cosigners), Faulty: f, Quorum: q, Conflict: n.store.Conflict() != nil},
		Signing: SigningStatus{OK: ok, Reason: reason, Advice: advice},
		Peers:   n.peers(),
	}
	if n.rewards != nil {
		s.Rewards = make(map[string]int)
		for state, count := range n.rewards.Count() {
			if count > 0 {
				s.Rewards[string(state)] = count
			}
		}
	}
	for _, number := range net.Chains() {
		s.Chains = append(s.Chains, n.chainStatus(net, number, s.Peers))
	}
	return s
}

// signingAdvice says what to do about a node that does not sign.
func signingAdvice(err error, guard string) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, store.ErrEnded):
		return "nothing is lost; if the company goes on, a charter gives its node a new number: suyuan charter propose --dir DIR --from current --rotate log, or --join with the member.json of another node"
	case errors.Is(err, store.ErrForked), errors.Is(err, store.ErrConflict):
		return "find out which machine signed the other history and stop it; then suyuan charter propose --dir DIR --from current --rotate log: a forked chain is never resumed, the node goes on under a new number"
	case errors.Is(err, store.ErrGuardLost):
		return lostGuardAdvice(guard)
	case errors.Is(err, store.ErrBehind):
		return "leave the node running and connected: it fetches its entries back from the others, and then signs again"
	}
	return "run suyuan verify; if what is stored is damaged, put back a copy of the directory, without the guard"
}

func (n *Node) chainStatus(net *ledger.Network, number uint32, peers []PeerStatus) ChainStatus {
	head := n.store.Head(number)
	member := net.MemberOf(number)
	s := ChainStatus{
		Chain: ledger.ChainName(member, number), Member: member, Number: number,
		Size: head.Size, Root: head.Root, Cosigners: []string{}, Forked: n.store.Forked(number), Peer: "away",
	}
	if head.Size > 0 {
		s.Time = time.UnixMilli(head.Time).UTC()
	}
	if cp := n.store.Final(number); cp != nil {
		s.Final, s.FinalRoot, s.Cosigners, s.Cosigned = cp.Size, cp.Root, cp.Cosigners, len(cp.Cosigners)
	}
	if c, err := n.store.Chain(number); err == nil && c.Charter() != nil {
		s.Charter = c.Charter().Charter.Version
	}
	if end := net.Ended(number); end != nil {
		s.Ended = &end.Size
	}
	if number == n.chain {
		s.Peer = "own"
	}
	if i := slices.IndexFunc(peers, func(p PeerStatus) bool { return p.Number == number }); i >= 0 {
		s.Peer = peers[i].State
	}
	return s
}

func (n *Node) peers() []PeerStatus {
	n.mu.Lock()
	r := n.replica
	n.mu.Unlock()
	list := []PeerStatus{}
	if r == nil {
		return list
	}
	net := n.Network()
	for _, p := range r.Peers() {
		s := PeerStatus{
			Member: p.Member, Number: p.Number, State: "away", Via: p.Line, Address: p.Addr,
			RTTms: float64(p.RTT.Microseconds()) / 1000, Problem: p.Problem, Advice: p.Advice,
		}
		if p.Admitted {
			s.State, s.Since = "connected", &p.Since
		}
		if p.LastError != nil {
			s.Error = p.LastError.Error()
		}
		for _, chain := range net.Chains() {
			if behind, ahead := p.Behind[chain], p.Ahead[chain]; behind+ahead > 0 {
				s.Behind += behind
				s.Chains = append(s.Chains, PeerChain{ledger.ChainName(net.MemberOf(chain), chain), behind, ahead})
			}
		}
		list = append(list, s)
	}
	return list
}

// Ready returns why the node cannot answer yet, one sentence each, or nothing.
func (n *Node) Ready() []string {
	var reasons []string
	for _, number := range n.store.Chains() {
		if applied, size := n.index.Applied()[number], n.store.FinalSizes()[number]; applied < size {
			reasons = append(reasons, "the index is still being filled")
			break
		}
	}
	if ok, reason := n.store.SigningState(); !ok {
		reasons = append(reasons, "the node does not sign: "+reason)
	}
	return reasons
}
