package node

import (
	"errors"

	"suyuan/trace"
	"suyuan/trace/index"
)

// A Known is an answer, and with what it was found.
type Known struct {
	*trace.Answer

	node  *Node
	cut   map[uint32]uint64
	item  *resolved
	trail *folded
}

// Links returns the links that the brand has recorded for what the answer is about:
// for the item, for its lot if that is known, and for the product.
func (k *Known) Links() ([]trace.Link, error) {
	r := k.item
	if r.GTIN.IsZero() {
		return nil, nil
	}
	item := r.Item
	if item.Kind == 0 {
		item = trace.Product(r.GTIN) // of a code that is not known the product's
	}
	lot := r.Lot
	if k.Trail != nil && k.Trail.Lot != "" {
		lot = k.Trail.Lot
	}
	charters, err := k.node.chartersWithin(k.cut)
	if err != nil {
		return nil, err
	}
	// A trail that is whole is made of all events that name the item, its lot or its
	// product, and more.
	events := k.trail.events
	if !k.trail.whole {
		if events, err = k.node.linkEvents(r, scopesOf(item, lot), k.cut); err != nil {
			return nil, err
		}
	}
	return trace.Links(charters, events, item, lot), nil
}

// linkEvents reads the events that name one of several things, on the chains of
// who has the GTIN.
func (n *Node) linkEvents(r *resolved, scopes []trace.Item, cut map[uint32]uint64) ([]*trace.Event, error) {
	ours, err := n.authorityCut(r.GTIN, cut)
	if err != nil {
		return nil, err
	}
	var positions []trace.Position
	for _, scope := range scopes {
		list, err := n.index.Naming(scope, ours)
		if err != nil && !errors.Is(err, index.ErrTooMany) {
			return nil, err
		}
		positions = append(positions, list...)
	}
	return n.load(nil, positions)
}

// scopesOf are the things for which an item may have links.
func scopesOf(item trace.Item, lot string) []trace.Item {
	scopes := []trace.Item{trace.Product(item.GTIN)}
	if lot != "" && item.Kind != trace.ItemLot {
		scopes = append(scopes, trace.Lot(item.GTIN, lot))
	}
	if item.Kind != trace.ItemGTIN {
		scopes = append(scopes, item)
	}
	return scopes
}
