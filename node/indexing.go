package node

import (
	"errors"
	"fmt"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/index"
)

// indexChunk bounds how many entries are decoded before they are applied.
const indexChunk = 1024

// indexAll brings the index up to the store for every chain. An index that is
// ahead of the log, because an older log was put back, is dropped and filled
// again.
func (n *Node) indexAll() error {
	n.indexing.Lock()
	defer n.indexing.Unlock()
	for _, chain := range n.store.Chains() {
		if n.index.Applied()[chain] > n.store.Size(chain) {
			n.log.Warn("index is ahead of the log and is rebuilt", "chain", chain)
			if err := n.index.Drop(); err != nil {
				return err
			}
			break
		}
	}
	for _, chain := range n.store.Chains() {
		if err := n.indexChain(chain); err != nil {
			return fmt.Errorf("index chain %d: %w", chain, err)
		}
	}
	return nil
}

// indexChain brings the index up to the store for one chain. The caller holds
// indexing.
func (n *Node) indexChain(chain uint32) error {
	for {
		if more, err := n.indexNext(chain); err != nil || !more {
			return err
		}
	}
}

// indexNext applies some entries of a chain and reports whether there were any.
func (n *Node) indexNext(chain uint32) (bool, error) {
	from, size := n.index.Applied()[chain], n.store.Size(chain)
	if from >= size {
		return false, nil
	}
	// What an entry lacks for now may still come, and would be missed here.
	size, err := n.store.Whole(chain)
	if err != nil || from >= size {
		return false, err
	}
	events, err := n.readEvents(chain, from, min(size, from+indexChunk))
	if err != nil {
		return false, err
	}
	if err := n.index.Apply(chain, from, events); err != nil && !errors.Is(err, index.ErrGap) {
		return false, err
	}
	return true, nil
}

// readEvents decodes the entries of a range; nil stands for an entry that is no
// record, or whose record this version does not know.
func (n *Node) readEvents(chain uint32, from, to uint64) ([]*trace.Event, error) {
	events := make([]*trace.Event, 0, to-from)
	for item, err := range n.store.Entries(chain, from, to) {
		if err != nil {
			return nil, err
		}
		e, err := n.decode(trace.Position{Chain: chain, Seq: from + uint64(len(events))}, item)
		if err != nil {
			return nil, err
		}
		if e != nil && chain != n.chain {
			if err := n.wantAttachments(e); err != nil {
				return nil, err
			}
		}
		events = append(events, e)
	}
	return events, nil
}

// decode reads the event in a stored entry, with what was erased of it, nil if
// there is none. A record that does not decode has no place in any trail; that is
// no error here.
func (n *Node) decode(pos trace.Position, item store.Item) (*trace.Event, error) {
	e, err := n.decodeAlone(pos, item)
	if err != nil {
		return nil, err
	}
	return n.withErasures(e)
}

// decodeAlone is decode without what was erased.
func (n *Node) decodeAlone(pos trace.Position, item store.Item) (*trace.Event, error) {
	e, _, err := n.decodeSized(pos, item)
	return e, err
}

// decodeSized is decode with the bytes of the event's entry and subjects, which
// are the same on every node.
func (n *Node) decodeSized(pos trace.Position, item store.Item) (*trace.Event, int, error) {
	o, err := ledger.ReadEntry(item.Entry)
	if err != nil {
		return nil, 0, fmt.Errorf("entry %d of chain %d: %w", pos.Seq, pos.Chain, err)
	}
	if o.Record == nil {
		return nil, 0, nil
	}
	sc, err := ledger.DecodeSidecar(item.Sidecar)
	if err != nil {
		return nil, 0, fmt.Errorf("sidecar %d of chain %d: %w", pos.Seq, pos.Chain, err)
	}
	e, err := trace.DecodeEvent(pos, o, sc)
	if errors.Is(err, trace.ErrForm) || errors.Is(err, trace.ErrKind) {
		return nil, 0, nil
	}
	size := len(item.Entry)
	for _, leaf := range sc.Leaves {
		size += len(leaf)
	}
	return e, size, err
}
