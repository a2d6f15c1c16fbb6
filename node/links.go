package node

import (
	"context"
	"errors"

	"suyuan/trace"
	"suyuan/trace/index"
)

// Links returns the links that the brand has recorded for what a link names:
// for the item, for its lot if the caller knows it, and for the product. Errors
// are those of resolve.
func (n *Node) Links(ctx context.Context, uri, lot string) ([]trace.Link, error) {
	cut, err := n.finalCut()
	if err != nil {
		return nil, err
	}
	r, err := n.resolve(ctx, uri, cut)
	if err != nil || r.GTIN.IsZero() {
		return nil, err
	}
	ours, err := n.authorityCut(r.GTIN, cut)
	if err != nil {
		return nil, err
	}
	item := r.Item
	if item.Kind == 0 {
		item = trace.Product(r.GTIN) // of a code that is not known the product's
	}
	var positions []trace.Position
	for _, scope := range scopesOf(item, lot) {
		list, err := n.index.Naming(scope, ours)
		if err != nil && !errors.Is(err, index.ErrTooMany) {
			return nil, err
		}
		positions = append(positions, list...)
	}
	events, err := n.load(nil, positions)
	if err != nil {
		return nil, err
	}
	charters, err := n.chartersWithin(cut)
	if err != nil {
		return nil, err
	}
	return trace.Links(charters, events, item, lot), nil
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
