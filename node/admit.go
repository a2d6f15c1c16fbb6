package node

import (
	"errors"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
)

// admitBatch is the author's door: the sequencer calls it before each batch. It
// refuses records that do not have the form of their kind, whose attachments are
// not stored, or that this member's own records contradict. The events of those
// it takes are kept for appliedBatch, so that nothing is decoded twice.
func (n *Node) admitBatch(pending []*store.Pending) []error {
	errs := make([]error, len(pending))
	n.admitted = n.admitted[:0]
	for i, p := range pending {
		e, err := n.pendingEvent(p)
		if err == nil && e != nil {
			err = n.admitEvent(e)
		}
		if errs[i] = err; err == nil && e != nil {
			n.admitted = append(n.admitted, e)
		}
	}
	return errs
}

// pendingEvent reads the event in a record that is about to be appended; nil
// for the kinds of package ledger.
func (n *Node) pendingEvent(p *store.Pending) (*trace.Event, error) {
	if p.Record.Record.Kind < ledger.KindProduct {
		return nil, nil
	}
	o := &ledger.OpenedEntry{Entry: ledger.Entry{Kind: ledger.EntryRecord, Time: p.Time}, Record: p.Record}
	e, err := trace.CheckEvent(trace.Position{Chain: n.chain, Seq: p.Seq}, o, p.Sidecar)
	if errors.Is(err, trace.ErrKind) {
		return nil, refuse(422, "unknown-kind", "this node does not know records of kind %s", p.Record.Record.KindName())
	}
	return e, fieldRefusal(err)
}

func (n *Node) admitEvent(e *trace.Event) error {
	return n.checkAttachments(e)
}

// appliedBatch puts what was just appended into the index, before the next
// batch is admitted.
func (n *Node) appliedBatch(first uint64, count int) {
	events := make([]*trace.Event, count)
	for _, e := range n.admitted {
		if e.Seq >= first && e.Seq < first+uint64(count) {
			events[e.Seq-first] = e
		}
	}
	n.indexing.Lock()
	err := n.index.Apply(n.chain, first, events)
	n.indexing.Unlock()
	if err != nil {
		// The log is the truth; the index is brought up to it before the node
		// answers again, and at the latest when it is opened.
		n.log.Error("own entries not indexed", "seq", first, "n", count, "err", err)
	}
}
