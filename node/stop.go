package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"suyuan/ledger"
	"suyuan/ledger/store"
)

// maxStopLeaves bounds the leaf hashes in a stop file, some 70 bytes of JSON each:
// histories part after the last final checkpoint, which is seldom a thousand
// entries back.
const maxStopLeaves = 1 << 17

// A StopFile says where a member's witness has stopped for a chain, with the leaf
// hashes since the newest final checkpoint: from these whoever proposes the end
// makes the member's report.
type StopFile struct {
	Network ledger.Hash   `json:"network"`
	Chain   uint32        `json:"chain"`
	Member  string        `json:"member"`
	Size    uint64        `json:"size"` // last signed; 0 is nothing
	Root    ledger.Hash   `json:"root"`
	From    uint64        `json:"from"`      // entries before the first of Leaves
	Begins  ledger.Hash   `json:"from_root"` // their root
	Leaves  []ledger.Hash `json:"leaves"`
}

// StopWitness stops the member's witness for a chain, durably and for good, and
// says where. It is for a chain that is to be ended and of which the members have
// not all signed the same history; nothing takes it back.
func (n *Node) StopWitness(ctx context.Context, chain uint32) (*StopFile, error) {
	net := n.Network()
	if w := net.Newest().Charter.Cosigner(n.member.Member); w == nil || w.Node != n.chain {
		return nil, refuse(409, "no-witness", "this node does not hold the witness of %s", n.member.Member)
	}
	if net.MemberOf(chain) == "" {
		return nil, refuse(404, string(ledger.CodeUnknownChain), "no charter has a chain %d", chain)
	}
	if net.Ended(chain) != nil {
		return nil, refuse(409, "ended", "chain %d has ended", chain)
	}
	m, err := n.store.Stop(ctx, chain)
	if err != nil {
		return nil, cannotStop(err)
	}
	f := &StopFile{Network: net.ID, Chain: chain, Member: n.member.Member, Size: m.Size, Root: m.Root, Leaves: []ledger.Hash{}}
	if cp := n.store.Final(chain); cp != nil && cp.Size <= m.Size {
		f.From = cp.Size
	}
	if m.Size-f.From > maxStopLeaves {
		f.From = m.Size - maxStopLeaves
	}
	if f.Begins, err = n.store.RootAt(chain, f.From); err != nil {
		return nil, cannotStop(err)
	}
	for seq := f.From; seq < m.Size; seq++ {
		leaf, err := n.store.LeafHash(chain, seq)
		if err != nil {
			return nil, cannotStop(err)
		}
		f.Leaves = append(f.Leaves, leaf)
	}
	return f, nil
}

func cannotStop(err error) error {
	return &Refusal{code: "cannot-stop", status: 409, text: "this node cannot say what its witness has signed", err: err}
}

// ReadStopFile reads a stop file.
func ReadStopFile(path string) (*StopFile, error) {
	var f StopFile
	if err := readJSON(path, &f); err != nil {
		return nil, fmt.Errorf("stop file: %w", err)
	}
	return &f, nil
}

// WriteStopFile writes a stop file.
func WriteStopFile(path string, f *StopFile) error { return writeJSON(path, f, 0o644) }

// history is what the file says of a chain of which own is the history here.
func (f *StopFile) history(net *ledger.Network, own ledger.History) (ledger.History, error) {
	if f.Network != net.ID {
		return ledger.History{}, fmt.Errorf("the stop file of %s is for another network", f.Member)
	}
	if f.From > own.Size || f.Size != f.From+uint64(len(f.Leaves)) {
		return ledger.History{}, fmt.Errorf("the stop file of %s begins at %d and has %d hashes up to %d, of a chain with %d entries here", f.Member, f.From, len(f.Leaves), f.Size, own.Size)
	}
	if f.From > 0 {
		root, err := own.Source.RootAt(f.From)
		if err != nil {
			return ledger.History{}, err
		}
		if root != f.Begins {
			return ledger.History{}, fmt.Errorf("the stop file of %s has another history before entry %d, where its hashes begin", f.Member, f.From)
		}
	}
	h, err := own.Continue(f.From, f.Leaves)
	if err != nil {
		return h, err
	}
	if root, err := h.Source.RootAt(h.Size); f.Size > 0 && (err != nil || root != f.Root) {
		return h, errors.Join(fmt.Errorf("the hashes in the stop file of %s do not lead to the root that it names", f.Member), err)
	}
	return h, nil
}

// endOf names the end of a chain at a size of the history stored here, with the
// reports of those who have stopped. Without a size it is the final one, or, with
// reports, what covers the most of them.
func (n *Node) endOf(chain uint32, size *uint64, stops []*StopFile) (ledger.Ended, error) {
	end := ledger.Ended{Chain: chain}
	own := ledger.History{Size: n.store.Size(chain), Source: n.store.TileSource(chain)}
	theirs := make(map[string]ledger.History)
	for _, f := range stops {
		if f.Chain != chain || f.Size == 0 {
			continue // who has signed nothing needs no report
		}
		h, err := f.history(n.Network(), own)
		if err != nil {
			return end, err
		}
		theirs[f.Member] = h
	}
	if cp := n.store.Final(chain); cp != nil {
		end.Size = cp.Size
	}
	for _, h := range theirs {
		shared, err := own.Shared(h)
		if err != nil {
			return end, err
		}
		end.Size = max(end.Size, shared)
	}
	if size != nil {
		end.Size = *size
	}
	root, err := n.store.RootAt(chain, end.Size)
	if err != nil {
		return end, fmt.Errorf("end of chain %d at size %d: %w", chain, end.Size, err)
	}
	end.Root = root
	ending := ledger.History{Size: end.Size, Source: own.Source}
	for member, h := range theirs {
		r, err := ending.Report(member, h)
		if err != nil {
			return end, fmt.Errorf("report of %s on chain %d: %w", member, chain, err)
		}
		end.Reports = append(end.Reports, *r)
	}
	end.Reports = sortedBy(end.Reports, func(r ledger.StopReport) string { return r.Member })
	if e := n.store.Evidence(chain); e != nil && len(end.Reports) > 0 {
		end.Evidence, err = e.Encode()
	}
	return end, err
}

func sortedBy[T any](list []T, key func(T) string) []T {
	slices.SortFunc(list, func(a, b T) int {
		switch x, y := key(a), key(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return list
}

// stopAt makes the promise of a signer of the charter that has the end: that its
// witness signs nothing beyond, and that the report of it, or without one the end,
// says the truth.
func (n *Node) stopAt(ctx context.Context, e ledger.Ended) error {
	if r := e.Report(n.member.Member); r != nil {
		m, err := n.store.Stop(ctx, e.Chain)
		if err != nil {
			return cannotStop(err)
		}
		if m.Size != r.Size || m.Root != r.Root {
			return refuse(409, "wrong-report", "the charter says that the witness of %s had signed size %d of chain %d; it had signed size %d, with the root %s", n.member.Member, r.Size, e.Chain, m.Size, m.Root)
		}
		return nil
	}
	err := n.store.StopAt(ctx, e)
	switch {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrBehind):
		return &Refusal{
			code: "end-too-early", status: 409,
			text: fmt.Sprintf("the end does not cover what this company has signed, or that cannot be told here; write a stop file with `suyuan charter stop %d` and have the end proposed with it", e.Chain),
			err:  err,
		}
	case err != nil:
		return &Refusal{code: "cannot-stop", status: 409, text: "this node cannot promise to sign nothing beyond the end", err: err}
	}
	return nil
}
