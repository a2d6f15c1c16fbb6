package keeper

import (
	"bytes"
	"context"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
	"suyuan/node/protocol"
)

// A history is one of a chain, with the checkpoints that there are of it: of each size
// one by the author alone, and one with a quorum.
type history struct {
	*ledgertest.Builder
	signed, final map[uint64]*ledger.Checkpoint
}

func newHistory(b *ledgertest.Builder, from *history) *history {
	h := &history{b, make(map[uint64]*ledger.Checkpoint), make(map[uint64]*ledger.Checkpoint)}
	if from != nil {
		maps.Copy(h.signed, from.signed)
		maps.Copy(h.final, from.final)
	}
	return h
}

// grow has the chain go on to a size.
func (h *history) grow(size uint64, with string) {
	for h.Size() < size {
		h.Record(ledger.KindShip, ledgertest.Disclose(ledger.Members, 3, with))
		h.signed[h.Size()], h.final[h.Size()] = h.Checkpoint(), h.Final()
	}
}

// A split is chain 1 with two histories, x and y, and what the node of audit makes of
// them. Both share six entries; x goes on to ten, y to twelve.
type split struct {
	t    *testing.T
	net  *ledgertest.Net
	k    *Keeper
	x, y *history
}

const splitShared, splitX, splitY = 6, 10, 12

func newSplit(t *testing.T) *split {
	t.Helper()
	net := ledgertest.New()
	s := &split{t: t, net: net, x: newHistory(net.NewChain("lanzhi"), nil)}
	s.x.grow(splitShared, "crate")
	s.y = newHistory(s.x.At(splitShared), s.x)
	s.x.grow(splitX, "x")
	s.y.grow(splitY, "y")
	s.k = newKeeper(t, net, "audit")
	return s
}

// gives has a holder of a history answer with the entries that are lacking up to a
// position, proven by a checkpoint; without one by what is due.
func (s *split) gives(b *history, to uint64, cp *ledger.Checkpoint) protocol.Result {
	s.t.Helper()
	return s.givesFrom(b, s.k.Store.Size(1), to, cp)
}

// looksBack has a holder give entries again that are stored.
func (s *split) looksBack(b *history, from, to uint64, cp *ledger.Checkpoint, want protocol.Result) {
	s.t.Helper()
	before := s.k.Store.Head(1)
	if got := s.givesFrom(b, from, to, cp); got != want {
		s.t.Errorf("entries %d to %d again: %v, want %v", from, to, got, want)
	}
	if after := s.k.Store.Head(1); after != before {
		s.t.Errorf("stored %+v, before that %+v", after, before)
	}
}

func (s *split) givesFrom(b *history, from, to uint64, cp *ledger.Checkpoint) protocol.Result {
	s.t.Helper()
	var note []byte
	if cp != nil {
		note = cp.Note
	}
	cp, result, err := s.k.Open(1, note)
	if err != nil {
		s.t.Logf("%v", err)
		return result
	}
	var items []store.Item
	for seq := from; seq < min(to, b.Size()); seq++ {
		items = append(items, store.Item{Entry: b.Entries[seq], Sidecar: b.Sidecars[seq]})
	}
	var proof []ledger.Hash
	if to < cp.Size && cp.Size <= b.Size() {
		if proof, err = b.TileSource().ProveConsistency(cp.Size, to); err != nil {
			s.t.Fatal(err)
		}
	}
	size, result, err := s.k.Extend(context.Background(), cp, from, items, proof)
	if (err == nil) != (result == protocol.Done) || size != s.k.Store.Size(1) {
		s.t.Errorf("%v, %v, %d entries of %d", result, err, size, s.k.Store.Size(1))
	}
	if err != nil {
		s.t.Logf("%v", err)
	}
	return result
}

// wants fails unless a history is taken, or refused, as result says.
func (s *split) wants(b *history, to uint64, cp *ledger.Checkpoint, want protocol.Result) {
	s.t.Helper()
	before := s.k.Store.Size(1)
	if got := s.gives(b, to, cp); got != want {
		s.t.Errorf("entries up to %d: %v, want %v", to, got, want)
	}
	if after := s.k.Store.Size(1); want != protocol.Done && after != before || want == protocol.Done && after != to {
		s.t.Errorf("stored %d, before that %d", after, before)
	}
}

func (s *split) evidence() *ledger.Evidence {
	s.t.Helper()
	e, err := ledger.MakeEvidence(s.net.Network, s.x.Checkpoint(), s.y.Checkpoint(), s.y.TileSource())
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func (s *split) proof() {
	s.t.Helper()
	if err := s.k.Store.PutEvidence(context.Background(), s.evidence()); err != nil {
		s.t.Fatal(err)
	}
}

// ends has a charter end the chain where a history has a size, with the evidence in it
// or not.
func (s *split) ends(b *history, size uint64, evidence bool) {
	s.t.Helper()
	root, err := b.TileSource().RootAt(size)
	if err != nil {
		s.t.Fatal(err)
	}
	end := ledger.Ended{Chain: 1, Size: size, Root: root}
	if evidence {
		if end.Evidence, err = s.evidence().Encode(); err != nil {
			s.t.Fatal(err)
		}
	}
	charter := s.net.Adopt(func(c *ledger.Charter) {
		c.Nodes = slices.DeleteFunc(c.Nodes, func(n ledger.Node) bool { return n.Number == 1 })
		c.Cosigners = slices.DeleteFunc(c.Cosigners, func(w ledger.Cosigner) bool { return w.Node == 1 })
		c.Ended = append(c.Ended, end)
	})
	if err := s.k.Store.AdoptCharter(charter); err != nil {
		s.t.Fatal(err)
	}
}

// TestWhatCountsOfAChain gives a node pieces of two histories of a chain, and the proof
// of the fork and the charter that ends the chain, in every order. What does not count
// is not stored; what counts is, whoever holds it and in whatever pieces.
func TestWhatCountsOfAChain(t *testing.T) {
	t.Parallel()
	const done, behind, forked, invalid, trouble = protocol.Done, protocol.Behind, protocol.Forked, protocol.Invalid, protocol.Trouble
	for name, play := range map[string]func(s *split){
		"no fork": func(s *split) {
			s.wants(s.x, 8, s.x.signed[9], done)
			s.wants(s.x, 10, s.x.signed[10], done)
			s.wants(s.x, 10, nil, trouble) // nothing is due
		},
		"history before proof": func(s *split) {
			s.wants(s.y, 8, s.y.signed[8], done)
			s.wants(s.x, 10, s.x.final[10], invalid) // nobody can tell yet who is right
			if s.k.Store.Overruled(1) {
				s.t.Error("it has been shown nothing")
			}
			s.looksBack(s.x, 4, 5, s.x.final[10], done)
			s.looksBack(s.y, 4, 7, s.x.final[10], invalid)
			s.looksBack(s.x, 4, 7, s.x.final[10], protocol.Conflict) // without any proof of the fork
			if !s.k.Store.Overruled(1) {
				s.t.Error("it has been shown which history a quorum has")
			}
			s.proof()
			s.wants(s.x, 10, s.x.final[10], invalid)
			s.wants(s.y, 12, s.y.signed[12], behind)
			s.ends(s.x, 10, true)
			s.wants(s.x, 10, nil, forked) // it has to begin anew
			s.wants(s.y, 10, nil, forked)
			s.wants(s.y, 12, s.y.signed[12], behind)
		},
		"as much history before proof": func(s *split) {
			s.wants(s.y, 10, s.y.signed[10], done)
			s.proof()
			s.ends(s.x, 10, true)
			s.wants(s.x, 10, nil, forked)
			if _, same, err := s.k.Store.AtEnd(1); same || err != nil {
				s.t.Errorf("it takes what it holds for what counts, %v", err)
			}
		},
		"the right history before proof": func(s *split) {
			s.wants(s.x, 8, s.x.signed[9], done)
			s.proof()
			s.wants(s.x, 9, s.x.signed[9], behind)
			s.wants(s.x, 9, s.x.final[9], done)
			s.wants(s.x, 10, s.x.signed[10], behind)
			s.ends(s.x, 10, false)
			s.wants(s.x, 10, nil, done)
		},
		"proof before history": func(s *split) {
			s.proof()
			s.wants(s.x, splitShared, s.x.signed[10], behind) // of the shared beginning, too
			s.wants(s.y, splitShared, s.y.signed[12], behind)
			s.wants(s.x, 7, s.x.final[9], done)
			s.wants(s.y, 9, s.x.final[9], invalid)
			s.wants(s.x, 9, s.x.final[9], done)
		},
		"the end before proof and history": func(s *split) {
			s.ends(s.x, 9, true) // beyond whatever is final
			if !s.k.Store.Forked(1) {
				s.t.Error("the proof in the charter is not known")
			}
			s.wants(s.y, 3, s.y.signed[12], behind)
			s.wants(s.y, 9, nil, forked)
			s.wants(s.y, 3, nil, forked)
			for to := uint64(1); to <= 9; to++ { // a narrow line
				s.wants(s.x, to, nil, done)
			}
			s.wants(s.x, 10, nil, forked)
			s.wants(s.x, 10, s.x.signed[10], behind)
			if beyond, same, err := s.k.Store.AtEnd(1); beyond > 0 || !same || err != nil {
				s.t.Errorf("%d beyond the end, the same %v, %v", beyond, same, err)
			}
		},
		"the end before history, after proof": func(s *split) {
			s.proof()
			s.ends(s.x, 9, false)
			s.wants(s.y, 9, s.y.signed[9], behind)
			s.wants(s.x, 4, s.x.signed[10], behind) // it may lead there; there is a better proof
			s.wants(s.x, 4, nil, done)
			s.wants(s.x, 9, s.x.signed[9], done) // a checkpoint of the end
		},
		"the end within the shared beginning": func(s *split) {
			s.wants(s.y, 11, s.y.signed[11], done)
			s.proof()
			s.ends(s.x, 4, false)
			beyond, same, err := s.k.Store.AtEnd(1)
			if beyond != 7 || !same || err != nil {
				s.t.Errorf("%d beyond the end, the same %v, %v", beyond, same, err)
			}
			s.wants(s.y, 12, s.y.final[12], behind) // nothing comes after the end, final or not
		},
		"final on the side that ends": func(s *split) {
			s.proof()
			s.wants(s.x, 8, s.x.final[8], done)
			s.ends(s.x, 10, true)
			s.wants(s.y, 10, nil, forked)
			s.wants(s.x, 10, nil, done)
		},
		"final on the side that does not end": func(s *split) {
			s.ends(s.x, 8, true)
			s.wants(s.y, 10, s.y.final[10], behind) // nothing beyond an end is final
			s.wants(s.x, 8, nil, done)
		},
		"an end without a fork": func(s *split) {
			s.ends(s.x, 9, false)
			s.wants(s.x, 5, s.x.signed[8], done) // of whoever has less than the whole
			s.wants(s.y, 8, s.x.signed[8], invalid)
			s.wants(s.x, 9, nil, done)
		},
		"an end at nothing": func(s *split) {
			s.ends(s.x, 0, true)
			s.wants(s.x, 2, s.x.signed[10], behind)
			s.wants(s.x, 0, nil, done)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSplit(t)
			s.t = t
			play(s)
		})
	}
}

// restored is a node whose store is short of what it has signed or cosigned of chain 1:
// of three entries, the guard being at eight of history x.
func restored(t *testing.T, member string) *split {
	t.Helper()
	s := newSplit(t)
	m := s.net.Member(member)
	dir := t.TempDir()
	cfg := store.Config{
		Dir: filepath.Join(dir, "first"), Guard: filepath.Join(dir, "guard"), Network: s.net.Network, Own: m.Number, MinFree: 1,
	}
	if err := store.CreateGuard(cfg.Guard); err != nil {
		t.Fatal(err)
	}
	open := func() {
		st, err := store.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s.k = New(Config{Store: st, Number: m.Number, Member: member, Log: m.Log, Witness: m.Witness})
	}
	open()
	if m.Number == 1 {
		s.loses(s.x.signed[8]) // it takes back what it has signed
	}
	s.wants(s.x, 8, s.x.signed[8], protocol.Done)
	if m.Number == 1 {
		note := s.k.Sign(context.Background())
		if note.Err != nil || note.Size != 8 {
			t.Fatalf("signed %+v", note)
		}
	} else if c := s.k.Cosign(context.Background(), s.x.signed[8].Note); c.Err != nil {
		t.Fatal(c.Err)
	}
	if err := s.k.Store.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.Dir = filepath.Join(dir, "second")
	open()
	t.Cleanup(func() {
		if err := s.k.Store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// loses has the store learn of a checkpoint under its own key that it is short of.
func (s *split) loses(cp *ledger.Checkpoint) {
	s.t.Helper()
	if result, err := s.k.Keep(context.Background(), 1, cp.Note); result != protocol.Behind {
		s.t.Fatalf("a checkpoint of what is lost: %v, %v", result, err)
	}
}

// TestWhatWasSignedCounts has nodes whose store is short of what their guard names be
// given another history before anybody has the proof. They take what they have signed
// back, or what a quorum has; so a witness does not come to hold what it has not
// cosigned, nor an author what it has not signed.
func TestWhatWasSignedCounts(t *testing.T) {
	t.Parallel()
	const done, behind, forked = protocol.Done, protocol.Behind, protocol.Forked
	for _, member := range []string{"lanzhi", "audit"} {
		for name, play := range map[string]func(s *split){
			"another history": func(s *split) {
				s.wants(s.y, 12, s.y.signed[12], behind)
				s.wants(s.y, 3, s.y.signed[12], behind) // not even what both share: nobody has shown that
				s.wants(s.y, 8, nil, forked)
				s.wants(s.x, 10, s.x.signed[10], behind) // it may contain what was signed
				s.wants(s.x, 4, nil, done)
				s.wants(s.y, 8, nil, forked)
				s.wants(s.x, 8, nil, done)
			},
			"what is final, of what was signed": func(s *split) {
				s.wants(s.x, 7, s.x.final[7], done)
				s.wants(s.x, 8, s.x.signed[8], done)
			},
			"what is final, of what was not": func(s *split) {
				s.wants(s.y, 9, s.y.final[9], done) // it cannot be left out
				if s.k.Number == 1 && s.k.Store.SigningError() == nil {
					s.t.Error("the author signs what is not its own")
				}
				if c := s.k.Cosign(context.Background(), s.y.signed[10].Note); c.Err == nil {
					s.t.Error("it cosigns a second history")
				}
			},
			"after the proof": func(s *split) {
				s.proof()
				s.wants(s.y, 9, s.y.signed[9], behind)
				s.wants(s.x, 8, nil, done) // its report needs them
				s.wants(s.x, 10, s.x.signed[10], behind)
				s.wants(s.x, 10, s.x.final[10], done)
			},
			"after the end of the other": func(s *split) {
				s.ends(s.y, 11, true)
				s.wants(s.x, 8, s.x.signed[8], behind)
				s.wants(s.x, 11, nil, forked)
				s.wants(s.y, 11, nil, done)
			},
		} {
			t.Run(member+": "+name, func(t *testing.T) {
				t.Parallel()
				s := restored(t, member)
				s.t = t
				play(s)
			})
		}
	}
}

// TestDisclosuresOfAnotherHistory gives the holder of one history what belongs to
// records of the other: it fits nothing, and nothing is kept of it.
func TestDisclosuresOfAnotherHistory(t *testing.T) {
	t.Parallel()
	s := newSplit(t)
	s.wants(s.y, 12, s.y.signed[12], protocol.Done)
	gives := func(seq uint64, from *history, want protocol.Result) {
		t.Helper()
		before, err := s.k.Store.Sidecar(1, seq)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.k.AddDisclosures(context.Background(), 1, seq, from.Sidecars[seq]); got != want {
			t.Errorf("of entry %d: %v, %v, want %v", seq, got, err, want)
		}
		if after, err := s.k.Store.Sidecar(1, seq); err != nil || !bytes.Equal(after, before) {
			t.Errorf("entry %d has other disclosures than before, %v", seq, err)
		}
	}
	gives(3, s.x, protocol.Done) // of what both share
	gives(8, s.x, protocol.Invalid)
	gives(8, s.y, protocol.Done)
	s.proof()
	s.ends(s.x, 10, false)
	gives(8, s.x, protocol.Invalid)
	if lacks := s.k.State().Chains[0].Lacks; len(lacks) > 0 {
		t.Errorf("it lacks disclosures of %d", lacks)
	}
}
