package node

import (
	"context"
	"fmt"

	"suyuan/ledger"
	"suyuan/ledger/store"
)

// A Rehearsed is what would become of a draft.
type Rehearsed struct {
	Placed                  // where its key's record stands, if Again; else the id has been made for the rehearsal
	Signer   ledger.Address // who would sign it
	Operator string         // the name of that operator
}

// rehearsedFrom is where rehearsed records stand on the own chain: beyond all that
// is written to it meanwhile.
const rehearsedFrom = 1 << 48

// A rehearsal does with records what appending does, on a copy of the own chain of
// which nothing is stored.
type rehearsal struct {
	n       *Node
	chain   *ledger.Chain
	charter *ledger.Charter
	door    *door
}

// Rehearse tells what SubmitOnce would do with the drafts, and stores nothing. Each
// is signed and held against the records stored now and the drafts before it that
// would be stored; what others write meanwhile may change the outcome.
func (n *Node) Rehearse(ctx context.Context, who Signer, list []Keyed) []Rehearsed {
	placed := make([]Placed, len(list))
	out := make([]Rehearsed, len(list))
	fresh, err := n.fresh(list, placed)
	if err == nil {
		err = n.rehearse(ctx, who, list, fresh, out)
	}
	first := firstOf(list)
	for i, k := range list {
		switch at := first[k.Key]; {
		case err != nil:
			out[i] = Rehearsed{Placed: Placed{Err: err}}
		case placed[i].Again, placed[i].Err != nil: // as fresh has found
			out[i].Placed = placed[i]
		default:
			out[i] = out[at]
		}
	}
	return out
}

// rehearse tries the drafts whose keys have no record yet.
func (n *Node) rehearse(ctx context.Context, who Signer, list []Keyed, fresh []int, out []Rehearsed) error {
	env, err := n.draftEnv(ctx)
	if err != nil {
		return err
	}
	subs := make([]*store.Submission, len(list))
	store.OnAllCores(len(fresh), func(i int) {
		at := fresh[i]
		subs[at], out[at].Err = n.signDraft(env, who, list[at].Draft)
	})
	chain, err := n.store.Chain(n.chain)
	if err != nil {
		return err
	}
	r := &rehearsal{n: n, chain: chain, charter: env.Charter, door: newDoor()}
	names := n.operatorNames()
	for _, at := range fresh {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s := subs[at]; s != nil {
			signer := s.Record.Record.Signer
			out[at].Signer, out[at].Operator = signer, names[signer]
			out[at].ID, out[at].Err = s.Record.ID, r.try(s)
		}
	}
	return nil
}

// try admits a record and moves the copy of the chain past it.
func (r *rehearsal) try(s *store.Submission) error {
	now := max(r.n.now().UnixMilli(), r.chain.Time())
	o, err := ledger.RecordEntry(r.chain.Prev(), now, s.Record)
	if err != nil {
		return err
	}
	if err := r.chain.Check(o, s.Sidecar, nil); err != nil {
		return err
	}
	if _, err := s.Sidecar.Encode(); err != nil { // it may be too large
		return err
	}
	p := &store.Pending{Record: s.Record, Sidecar: s.Sidecar, Seq: rehearsedFrom + r.chain.Size(), Time: now, Hash: o.Hash}
	if err := r.n.admitPending(p, r.charter, r.door); err != nil {
		return err
	}
	if err := r.chain.Apply(o, s.Sidecar, nil); err != nil {
		return fmt.Errorf("move past a rehearsed record: %w", err)
	}
	return nil
}

// operatorNames are the names under which the node keeps keys.
func (n *Node) operatorNames() map[ledger.Address]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	names := make(map[ledger.Address]string, len(n.operators))
	for name, key := range n.operators {
		names[ledger.AddressOf(key)] = name
	}
	return names
}
