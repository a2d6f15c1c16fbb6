package ledger

import "slices"

// A StopReport says how far the witness of a cosigning member had signed a chain
// when it stopped for good, and how that relates to the end. The member vouches
// for size and root by signing the charter; the rest is proofs, which anybody can
// make who has the leaf hashes of both histories, and anybody can check.
//
// A cosigner that signs the charter and has no report says that the end covers
// whatever its witness has signed, and that it has stopped there.
type StopReport struct {
	Member string `cbor:"1,keyasint" json:"member"`
	Size   uint64 `cbor:"2,keyasint" json:"size"` // last signed; above 0. No proof shows it, the member vouches for it
	Root   Hash   `cbor:"3,keyasint" json:"root"`

	// Shared is how many entries, from the first, the reported history has in
	// common with the one that ends: all of them if the end covers the report.
	Shared     uint64 `cbor:"4,keyasint,omitempty" json:"shared"`
	SharedRoot *Hash  `cbor:"5,keyasint,omitempty" json:"shared_root,omitempty"` // of these; absent if there are none
	InEnd      []Hash `cbor:"6,keyasint,omitempty" json:"in_end,omitempty"`      // they begin the history that ends

	// Where the end does not cover the report:
	Next      *Hash  `cbor:"7,keyasint,omitempty" json:"next,omitempty"`         // root of one entry more in the reported history
	ToNext    []Hash `cbor:"8,keyasint,omitempty" json:"to_next,omitempty"`      // it begins with the shared entries
	InReport  []Hash `cbor:"9,keyasint,omitempty" json:"in_report,omitempty"`    // and the reported history begins with it
	EndNext   *Hash  `cbor:"10,keyasint,omitempty" json:"end_next,omitempty"`    // root of one entry more in the history that ends, another; absent where that has no more
	InEndNext []Hash `cbor:"11,keyasint,omitempty" json:"in_end_next,omitempty"` // the history that ends begins with it
}

// covered reports whether the end covers what the witness had signed.
func (r *StopReport) covered() bool { return r.Shared == r.Size }

// checkForm holds every rule about an end that needs nothing else.
func (e *Ended) checkForm() error {
	if len(e.Reports) > MaxCosigners {
		return wrong(CodeTooLarge, "chain %d ends with over %d reports", e.Chain, MaxCosigners)
	}
	for i := range e.Reports {
		r := &e.Reports[i]
		if err := CheckSlug(r.Member); err != nil {
			return because(CodeCharter, err, "report on chain %d", e.Chain)
		}
		if i > 0 && e.Reports[i-1].Member >= r.Member {
			return wrong(CodeCharter, "the reports on chain %d do not ascend at %q", e.Chain, r.Member)
		}
		if err := r.check(e); err != nil {
			return because(CodeCharter, err, "report of %s on chain %d", r.Member, e.Chain)
		}
	}
	if len(e.Evidence) > 0 {
		if _, err := DecodeEvidence(e.Evidence); err != nil {
			return because(CodeCharter, err, "evidence on chain %d", e.Chain)
		}
	}
	return nil
}

// check verifies the proofs of a report.
func (r *StopReport) check(e *Ended) error {
	for _, proof := range [][]Hash{r.InEnd, r.ToNext, r.InReport, r.InEndNext} {
		if len(proof) > MaxConsistencyProof {
			return wrong(CodeTooLarge, "a consistency proof has at most %d hashes", MaxConsistencyProof)
		}
	}
	switch {
	case r.Size == 0 || r.Shared > min(r.Size, e.Size):
		return wrong(CodeCharter, "%d of %d entries are said to be among the %d of the end", r.Shared, r.Size, e.Size)
	case (r.Shared == 0) != (r.SharedRoot == nil), (r.Next == nil) != r.covered(), (r.EndNext == nil) != (r.covered() || r.Shared == e.Size):
		return wrong(CodeCharter, "a root is missing, or there is one too many")
	}
	shared := Hash{}
	if r.SharedRoot != nil {
		shared = *r.SharedRoot
	}
	if err := begins(e.Size, e.Root, r.Shared, shared, r.InEnd); err != nil {
		return err
	}
	if r.covered() {
		if shared != r.Root || len(r.ToNext)+len(r.InReport)+len(r.InEndNext) > 0 {
			return wrong(CodeCharter, "what is shared is not what is reported")
		}
		return nil
	}
	if err := begins(r.Shared+1, *r.Next, r.Shared, shared, r.ToNext); err != nil {
		return err
	}
	if err := begins(r.Size, r.Root, r.Shared+1, *r.Next, r.InReport); err != nil {
		return err
	}
	if r.EndNext == nil {
		if len(r.InEndNext) > 0 {
			return wrong(CodeCharter, "a proof of nothing")
		}
		return nil
	}
	if *r.EndNext == *r.Next {
		return wrong(CodeCharter, "the histories share more than %d entries", r.Shared)
	}
	return begins(e.Size, e.Root, r.Shared+1, *r.EndNext, r.InEndNext)
}

// begins holds that a tree of size entries begins with the first old of them.
func begins(size uint64, root Hash, old uint64, oldRoot Hash, proof []Hash) error {
	switch {
	case old == 0:
		if len(proof) > 0 {
			return wrong(CodeTree, "nothing needs no proof")
		}
		return nil
	case old == size:
		if root != oldRoot || len(proof) > 0 {
			return wrong(CodeTree, "%d entries have two roots", size)
		}
		return nil
	}
	return VerifyConsistency(proof, size, root, old, oldRoot)
}

// same reports whether an end is as it was.
func (e *Ended) same(old *Ended) bool {
	a, err1 := Marshal(e)
	b, err2 := Marshal(old)
	return err1 == nil && err2 == nil && string(a) == string(b)
}

// checkEnds holds that the ends which s adds to the version before it cover every
// checkpoint that could have reached a quorum, given those who have signed s.
func (n *Network) checkEnds(c, prev *Charter, signed map[string]bool) error {
	for i := range c.Ended {
		e := &c.Ended[i]
		if prev.ended(e.Chain) != nil {
			continue
		}
		forked, err := n.provenFork(e)
		if err != nil {
			return err
		}
		guilty := ""
		if node := prev.Node(e.Chain); forked && node != nil {
			guilty = node.Member
		}
		if err := e.covers(prev, signed, guilty); err != nil {
			return err
		}
	}
	return nil
}

// provenFork reports whether an end carries evidence that the chain's author
// signed two histories.
func (n *Network) provenFork(e *Ended) (bool, error) {
	if len(e.Evidence) == 0 {
		return false, nil
	}
	ev, err := DecodeEvidence(e.Evidence)
	if err != nil {
		return false, err
	}
	chain, err := ev.Open(n)
	if err != nil {
		return false, because(CodeOf(err), err, "evidence on chain %d", e.Chain)
	}
	if chain != e.Chain {
		return false, wrong(CodeCharter, "the evidence on chain %d is that of chain %d", e.Chain, chain)
	}
	return true, nil
}

// covers counts who could have signed a checkpoint that the end does not cover.
//
// The witness of an honest signer has signed nothing but what its report begins
// with, and nothing since. So an honest signer has signed such a checkpoint only
// if its report leaves the history that ends where the checkpoint does: with the
// same entry after the same shared ones. To these come the cosigners who have not
// signed the charter, as many of the other signers as may lie, and an author who
// is proven to have signed two histories; who then is one of those that may lie.
// Less than a quorum is safe.
func (e *Ended) covers(prev *Charter, signed map[string]bool, guilty string) error {
	q, f := QuorumOf(len(prev.Cosigners))
	base := 0 // may have signed anything
	if guilty != "" && prev.Cosigner(guilty) != nil {
		base, f = 1, max(f-1, 0)
	}
	type branch struct {
		shared uint64
		next   Hash
	}
	honest := 0
	branches := map[branch]int{{}: 0} // the empty one: a checkpoint that no report supports
	for _, w := range prev.Cosigners {
		switch {
		case w.Member == guilty:
			continue
		case !signed[w.Member]:
			base++
			continue
		}
		honest++
		if r := e.Report(w.Member); r != nil && !r.covered() {
			branches[branch{r.Shared, *r.Next}]++
		}
	}
	for b, n := range branches {
		if votes := base + n + min(f, honest-n); votes >= q {
			return wrong(CodeCharter,
				"the end of chain %d at size %d may leave out a final checkpoint: beyond %d shared entries %d of %d cosigners could have signed one, and %d make a quorum",
				e.Chain, e.Size, b.shared, votes, len(prev.Cosigners), q)
		}
	}
	return nil
}

// Report returns what a member's witness is said to have signed of the chain, nil
// if there is no report of it.
func (e *Ended) Report(member string) *StopReport {
	i := slices.IndexFunc(e.Reports, func(r StopReport) bool { return r.Member == member })
	if i < 0 {
		return nil
	}
	return &e.Reports[i]
}

// CheckNext holds every rule about the version after the newest but that it must
// be signed: c could become complete if everybody signs.
func (n *Network) CheckNext(c *Charter) error {
	newest := n.Newest()
	if err := c.CheckFollows(newest.Charter, newest.Hash); err != nil {
		return err
	}
	all := make(map[string]bool)
	for _, w := range newest.Charter.Cosigners {
		all[w.Member] = true
	}
	return n.checkEnds(c, newest.Charter, all)
}

// verifyNext checks that s is a complete version after prev.
func (n *Network) verifyNext(s *SignedCharter, prev *Version) (*Charter, error) {
	c, err := s.VerifyNext(prev.Charter, prev.Hash)
	if err != nil {
		return nil, err
	}
	signed, err := s.signers(c, prev.Charter.Members)
	if err != nil {
		return nil, err
	}
	return c, n.checkEnds(c, prev.Charter, signed)
}

// A History is what somebody stored of a chain, as far as its tree goes.
type History struct {
	Size   uint64
	Source TileSource
}

// Report makes the report of a member whose witness had signed the first size
// entries of its history: in relation to an end at a size of the history that
// ends.
func (ending History) Report(member string, theirs History) (*StopReport, error) {
	root, err := theirs.Source.RootAt(theirs.Size)
	if err != nil {
		return nil, err
	}
	r := &StopReport{Member: member, Size: theirs.Size, Root: root}
	if r.Shared, err = ending.Shared(theirs); err != nil {
		return nil, err
	}
	if r.Shared > 0 {
		if r.SharedRoot, r.InEnd, err = ending.prefix(r.Shared); err != nil {
			return nil, err
		}
	}
	if r.covered() {
		return r, nil
	}
	if r.Next, r.InReport, err = theirs.prefix(r.Shared + 1); err != nil {
		return nil, err
	}
	if r.Shared > 0 {
		if r.ToNext, err = theirs.Source.ProveConsistency(r.Shared+1, r.Shared); err != nil {
			return nil, err
		}
	}
	if r.Shared < ending.Size {
		r.EndNext, r.InEndNext, err = ending.prefix(r.Shared + 1)
	}
	return r, err
}

// Shared returns how many entries, from the first, two histories have in common:
// roots of prefixes tell, and once they differ they do so for ever.
func (h History) Shared(other History) (uint64, error) {
	low, high := uint64(0), min(h.Size, other.Size)
	for mid := high; low < high; mid = low + (high-low+1)/2 {
		a, err := h.Source.RootAt(mid)
		if err != nil {
			return 0, err
		}
		b, err := other.Source.RootAt(mid)
		if err != nil {
			return 0, err
		}
		if a == b {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low, nil
}

// prefix returns the root of the first n entries and the proof that the history
// begins with them.
func (h History) prefix(n uint64) (*Hash, []Hash, error) {
	root, err := h.Source.RootAt(n)
	if err != nil || n == h.Size {
		return &root, nil, err
	}
	proof, err := h.Source.ProveConsistency(h.Size, n)
	return &root, proof, err
}

// Continue returns the history that has the first entries of h and then other
// leaves: a branch.
func (h History) Continue(entries uint64, leaves []Hash) (History, error) {
	state, err := h.Source.StateAt(entries)
	if err != nil {
		return History{}, err
	}
	tree, err := RestoreTree(entries, state)
	if err != nil {
		return History{}, err
	}
	type place struct {
		tile TileID
		at   int
	}
	more := make(map[place]Hash)
	for _, leaf := range leaves {
		if err := tree.Append(leaf, func(t TileID, at int, x Hash) { more[place{t, at}] = x }); err != nil {
			return History{}, err
		}
	}
	source := func(t TileID, width int) ([]byte, error) {
		ours := entries >> (TileHeight * uint(t.Level)) // hashes of that level over the first entries
		first := t.Index * TileWidth
		n := 0
		var data []byte
		if ours > first {
			n = int(min(ours-first, uint64(width)))
			have, err := h.Source(t, n)
			if err != nil {
				return nil, err
			}
			data = slices.Clone(have[:n*len(Hash{})])
		}
		for ; n < width; n++ {
			x, ok := more[place{t, n}]
			if !ok {
				return nil, wrong(CodeTree, "tile %d/%d has no hash %d", t.Level, t.Index, n)
			}
			data = append(data, x[:]...)
		}
		return data, nil
	}
	return History{Size: tree.Size(), Source: source}, nil
}
