package store

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"suyuan/ledger"
)

// A FrontierEntry is a frontier with the position of its entry.
type FrontierEntry struct {
	Seq  uint64
	Seen ledger.Frontier
}

// Frontiers yields the frontier entries of a chain from position from up to, not
// including, to. It ends with the first error.
func (s *Store) Frontiers(chain uint32, from, to uint64) iter.Seq2[FrontierEntry, error] {
	return func(yield func(FrontierEntry, error) bool) {
		for from < to {
			list, next, err := s.frontiers(chain, from, to)
			for _, f := range list {
				if !yield(f, nil) {
					return
				}
			}
			if err != nil {
				yield(FrontierEntry{}, err)
				return
			}
			from = next
		}
	}
}

// frontiers reads a page of frontier entries and where to go on.
func (s *Store) frontiers(chain uint32, from, to uint64) (list []FrontierEntry, next uint64, err error) {
	if err := s.life.enter(); err != nil {
		return nil, 0, err
	}
	defer s.life.leave()
	pairs, err := scan(s.view, chainKey(prefixFrontier, chain), seqKey(prefixFrontier, chain, from), page)
	if err != nil {
		return nil, 0, err
	}
	for _, p := range pairs {
		_, seq, ok := parseSeqKey(p.key)
		if ok && seq >= to {
			return list, to, nil
		}
		f, err := ledger.DecodeFrontier(p.value)
		if err != nil || !ok {
			return list, 0, damaged(s.cfg.Dir, err, "frontier %d/%d", chain, seq)
		}
		list = append(list, FrontierEntry{seq, f})
		next = seq + 1
	}
	if len(pairs) < page {
		next = to
	}
	return list, next, nil
}

// FrontierAt returns the size of chain about that the entry at a position had
// seen: what the newest frontier entry there or before names. 0 is none.
func (s *Store) FrontierAt(chain uint32, seq uint64, about uint32) (uint64, error) {
	if err := s.enterAt(chain, seq); err != nil {
		return 0, err
	}
	defer s.life.leave()
	sizes, err := s.seenBefore(chain, seq+1, []uint32{about})
	return sizes[about], err
}

// seenBefore returns the sizes that the entries before position size name of
// other chains. Chains that they do not name are absent.
func (s *Store) seenBefore(chain uint32, size uint64, about []uint32) (map[uint32]uint64, error) {
	if size == 0 {
		return map[uint32]uint64{}, nil
	}
	return callBadger(func() (map[uint32]uint64, error) {
		sizes := make(map[uint32]uint64)
		err := s.view(func(txn *badger.Txn) error {
			opt := badger.DefaultIteratorOptions
			opt.Prefix = chainKey(prefixSeen, chain)
			opt.PrefetchValues = false
			it := txn.NewIterator(opt)
			defer it.Close()
			for _, a := range about {
				prefix := seenKey(chain, a, 0)[:len(opt.Prefix)+4]
				it.Seek(seenKey(chain, a, size-1))
				if !it.ValidForPrefix(prefix) {
					continue
				}
				v, err := it.Item().ValueCopy(nil)
				if err != nil {
					return fmt.Errorf("read: %w", err)
				}
				n, ok := parseUint64(v)
				if !ok {
					return damaged(s.cfg.Dir, nil, "frontier look-up of chain %d", chain)
				}
				sizes[a] = n
			}
			return nil
		})
		return sizes, err
	})
}

// nextFrontier returns what a frontier entry after fold has to name: the final
// sizes that grew. It must cover whatever the entries that it names cover, so a
// chain is left at its old size while a final entry of it names entries of a
// third chain that are not known to be final here.
//
// A chain with two histories is left at its old size, too, from the evidence on
// until a charter has ended it: somebody may have stored the history that did not
// become final, can never store the other, and so could neither say of what names
// it that all of it is stored, nor show it in a trail. Chains that have named it
// before are then left out as well; they stand where they are until the charter.
//
// Naming less makes no promise weaker. A frontier is a lower bound of what its
// author had seen, and no rule asks for more: it is as if the line to that node had
// been cut. What becomes final stays closed under what it names; what has become
// final of the forked chain stays so, and in all trails; and a trail is a function
// of what the entries name, whatever that is. What is lost is order: until the
// charter, refs and times alone tell what came after an event of the forked chain,
// and no later frontier bounds its entry time.
func (s *Store) nextFrontier(fold *ledger.Chain) ledger.Frontier {
	grown := make(map[uint32]ledger.Seen)
	inner := make(map[uint32]map[uint32]uint64)
	net := s.Network()
	for number, c := range *s.chains.Load() {
		if number == fold.Number {
			continue
		}
		c.mu.Lock()
		final, seen, forked := c.final, c.finalSeen, c.evidence != nil && net.Ended(number) == nil
		c.mu.Unlock()
		old, _ := fold.FrontierOf(number)
		if !forked && final != nil && final.Size > old.Size && len(grown) < ledger.MaxFrontier {
			grown[number] = ledger.Seen{Chain: number, Size: final.Size, Root: final.Root}
			inner[number] = seen
		}
	}
	covered := func(about uint32) uint64 {
		if about == fold.Number {
			return fold.Size()
		}
		if g, ok := grown[about]; ok {
			return g.Size
		}
		old, _ := fold.FrontierOf(about)
		return old.Size
	}
	for again := true; again; {
		again = false
		for number := range grown {
			for about, size := range inner[number] {
				if size > covered(about) {
					delete(grown, number) // others may have relied on it
					again = true
					break
				}
			}
		}
	}
	f := ledger.Frontier(slices.Collect(maps.Values(grown)))
	slices.SortFunc(f, func(a, b ledger.Seen) int { return int(int64(a.Chain) - int64(b.Chain)) })
	return f
}
