package node

import (
	"context"
	"errors"
	"slices"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/proof"
)

// Proof makes the bundle with which a verifier can check what Answer says to
// the public about a code. Errors are those of Answer; a code of a run that is
// not known cannot be proven anything about.
func (n *Node) Proof(ctx context.Context, uri string) (*proof.Bundle, error) {
	cut, err := n.finalCut()
	if err != nil {
		return nil, err
	}
	r, err := n.resolve(ctx, uri, cut)
	if err != nil {
		return nil, err
	}
	if r.Prover == nil {
		return nil, refuse(404, "nothing-to-prove", "there is a proof for codes of known runs only")
	}
	in := proof.Input{URI: r.URI, Network: n.Network(), Item: r.Item, Finals: finals{n.store}, Warrants: warrants{n.store}}
	if in.Code, err = n.codeProof(r); err != nil {
		return nil, err
	}
	t, err := n.fold(r, cut)
	if err != nil {
		return nil, err
	}
	if in.Events, err = n.proven(t, cut); err != nil {
		return nil, err
	}
	return proof.Build(in)
}

// codeProof proves that the code is, or is not, among those of its run.
func (n *Node) codeProof(r *resolved) (proof.Code, error) {
	if r.neverIssued() {
		p, err := r.Prover.ProveAbsence(r.Hash)
		return proof.NeverIssued(p), err
	}
	p, err := r.Prover.ProveInclusion(r.Hash)
	return proof.Issued(p), err
}

// proven returns where the records stand that a trail is made of: its events,
// all versions of the product, the run, the same of what went into the item, and
// the places where all this happened.
func (n *Node) proven(t *trace.Trail, cut map[uint32]uint64) ([]trace.Position, error) {
	events, err := n.provenOf(t, cut)
	if err != nil {
		return nil, err
	}
	list, err := n.places(events, cut)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		list = append(list, e.Position)
		if len(e.Erasures(trace.Viewer{Code: true})) == 0 {
			continue // nothing that a proof would show
		}
		for _, x := range e.Erased {
			if x.Seq < cut[x.Chain] {
				list = append(list, x.Position)
			}
		}
	}
	slices.SortFunc(list, trace.Position.Compare)
	return slices.Compact(list), nil
}

// provenOf is proven without the places.
func (n *Node) provenOf(t *trace.Trail, cut map[uint32]uint64) ([]*trace.Event, error) {
	events := t.Public()
	if t.Run != nil {
		events = append(events, t.Run)
	}
	if !t.Item.GTIN.IsZero() {
		products, err := n.products(t.Item.GTIN, cut)
		if err != nil {
			return nil, err
		}
		events = append(events, products...)
	}
	for _, source := range t.Sources {
		more, err := n.provenOf(source, cut)
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	return events, nil
}

// finals reads the store for package proof.
type finals struct{ *store.Store }

// Sidecar returns the bytes of a sidecar; none are no error.
func (f finals) Sidecar(chain uint32, seq uint64) ([]byte, error) {
	raw, err := f.Store.Sidecar(chain, seq)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return raw, err
}

// warrants finds charter and grant entries in the folded state of chains.
type warrants struct{ store *store.Store }

// CharterEntry implements proof.Warrants.
func (w warrants) CharterEntry(chain uint32, seq uint64) (uint64, bool, error) {
	c, err := w.store.Chain(chain)
	if err != nil {
		return 0, false, err
	}
	at, ok := c.CharterEntry(seq)
	return at, ok, nil
}

// GrantEntry implements proof.Warrants.
func (w warrants) GrantEntry(chain uint32, signer ledger.Address, kind ledger.Kind, seq uint64) (uint64, bool, error) {
	c, err := w.store.Chain(chain)
	if err != nil {
		return 0, false, err
	}
	for _, g := range c.Rights().At(signer, seq) {
		if slices.Contains(g.Kinds, kind) {
			return g.Seq, true, nil
		}
	}
	return 0, false, nil
}
