package node

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
)

// Entry times are what clocks said. A frontier entry that names what another
// chain had written later by its own clock shows two clocks that differ by that
// much, one way or the other. Whose is wrong, several members tell: of those who
// saw an entry, or were seen by it, at most f lie, so that the (f+1)-th bounds
// when it was made.
//
// Clocks nearly always agree, and then nothing need be looked up for a trail.
// So the frontiers are read once, and what is kept is which pairs of chains ever
// disagreed. Only for those are bounds computed.

// savedFrontiers is how many frontier entries are read before what they showed
// is saved: reading as many again takes some hundredths of a second.
const savedFrontiers = 4096

// clocks says which chains' clocks have ever disagreed. It is safe for
// concurrent use.
type clocks struct {
	store *store.Store
	file  string

	mu    sync.Mutex
	read  map[uint32]uint64 // chain to the size up to which its frontiers were read
	apart map[clockPair]bool
	since int // frontier entries read since the last save
}

// A clockPair is a chain whose frontier named entries of another that were later
// by the other's clock.
type clockPair struct{ Saw, Seen uint32 }

// clocksFile is what is kept below the index, and made again where it is lost.
type clocksFile struct {
	Read  map[uint32]uint64 `json:"read"`
	Apart []clockPair       `json:"apart"`
}

// openClocks reads what was kept. A file that cannot be used, or that is ahead of
// the log because an older log was put back, counts for nothing.
func openClocks(s *store.Store, file string) (*clocks, error) {
	c := &clocks{store: s, file: file, read: make(map[uint32]uint64), apart: make(map[clockPair]bool)}
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	var kept clocksFile
	if json.Unmarshal(raw, &kept) != nil {
		return c, nil
	}
	for chain, size := range kept.Read {
		if size > s.Size(chain) {
			return c, nil
		}
	}
	maps.Copy(c.read, kept.Read)
	for _, p := range kept.Apart {
		c.apart[p] = true
	}
	return c, nil
}

// save keeps what was read. The caller holds mu.
func (c *clocks) save() error {
	c.since = 0
	apart := slices.SortedFunc(maps.Keys(c.apart), func(a, b clockPair) int {
		return cmp.Or(cmp.Compare(a.Saw, b.Saw), cmp.Compare(a.Seen, b.Seen))
	})
	return writeJSON(c.file, clocksFile{Read: c.read, Apart: apart}, 0o600)
}

// close saves what was read since the last time.
func (c *clocks) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since == 0 {
		return nil
	}
	return c.save()
}

// readTo reads the frontiers within a cut that were not read yet.
func (c *clocks) readTo(cut map[uint32]uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for chain, size := range cut {
		for f, err := range c.store.Frontiers(chain, c.read[chain], size) {
			if err != nil {
				return err
			}
			if err := c.compare(chain, f, cut); err != nil {
				return err
			}
			c.read[chain] = f.Seq + 1
			if c.since++; c.since >= savedFrontiers {
				if err := c.save(); err != nil {
					return err
				}
			}
		}
		c.read[chain] = max(c.read[chain], size)
	}
	return nil
}

// compare notes of which chains a frontier entry names entries that are later
// than itself. The caller holds mu.
func (c *clocks) compare(chain uint32, f store.FrontierEntry, cut map[uint32]uint64) error {
	made, err := c.entryTime(chain, f.Seq)
	if err != nil {
		return err
	}
	for _, seen := range f.Seen {
		if seen.Size > cut[seen.Chain] {
			continue // a cut is closed: there is no such entry
		}
		newest, err := c.entryTime(seen.Chain, seen.Size-1)
		if err != nil {
			return err
		}
		if newest > made+trace.MaxClockError {
			c.apart[clockPair{chain, seen.Chain}] = true
		}
	}
	return nil
}

func (c *clocks) entryTime(chain uint32, seq uint64) (int64, error) {
	raw, err := c.store.Entry(chain, seq)
	if err != nil {
		return 0, err
	}
	o, err := ledger.ReadEntry(raw)
	if err != nil {
		return 0, fmt.Errorf("entry %d of chain %d: %w", seq, chain, err)
	}
	return o.Entry.Time, nil
}

// pairs returns the chains that saw entries of a chain from its future, and those
// whose entries it saw from its own, ascending.
func (c *clocks) pairs(chain uint32) (saw, seen []uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := range c.apart {
		if p.Seen == chain {
			saw = append(saw, p.Saw)
		}
		if p.Saw == chain {
			seen = append(seen, p.Seen)
		}
	}
	slices.Sort(saw)
	slices.Sort(seen)
	return saw, seen
}

// A bracketing computes bounds of entry times within a cut.
type bracketing struct {
	clocks *clocks
	net    *ledger.Network
	cut    map[uint32]uint64
	liars  int // members that may lie
}

// brackets returns [trace.Input.Bracket] for a cut: bounds only for entries of
// chains whose clock disagreed with others', since all others are within theirs.
// errs takes what could not be read.
func (n *Node) brackets(cut map[uint32]uint64, charters []*ledger.Charter, errs *error) (func(trace.Position) (int64, int64), error) {
	if err := n.clocks.readTo(cut); err != nil {
		return nil, fmt.Errorf("compare clocks: %w", err)
	}
	_, liars := ledger.QuorumOf(len(charters[len(charters)-1].Cosigners))
	b := bracketing{n.clocks, n.Network(), cut, liars}
	return func(pos trace.Position) (notBefore, notAfter int64) {
		saw, seen := n.clocks.pairs(pos.Chain)
		notBefore, err := b.notBefore(pos, seen)
		if err == nil {
			notAfter, err = b.notAfter(pos, saw)
		}
		if err != nil {
			*errs = fmt.Errorf("bracket of entry %d of chain %d: %w", pos.Seq, pos.Chain, err)
		}
		return notBefore, notAfter
	}, nil
}

// notBefore is the (f+1)-th latest, over members, of the newest entry times that
// the frontier at a position covers; 0 without so many.
func (b *bracketing) notBefore(pos trace.Position, chains []uint32) (int64, error) {
	newest := make(map[string]int64)
	for _, chain := range chains {
		member := b.net.MemberOf(chain)
		if member == b.net.MemberOf(pos.Chain) {
			continue
		}
		size, err := b.clocks.store.FrontierAt(pos.Chain, pos.Seq, chain)
		if err != nil {
			return 0, err
		}
		if size == 0 {
			continue
		}
		at, err := b.clocks.entryTime(chain, size-1)
		if err != nil {
			return 0, err
		}
		newest[member] = max(newest[member], at)
	}
	times := slices.Sorted(maps.Values(newest))
	if len(times) <= b.liars {
		return 0, nil
	}
	return times[len(times)-1-b.liars], nil
}

// notAfter is the (f+1)-th earliest, over other members, of the times of their
// frontier entries that cover a position; 0 without so many.
func (b *bracketing) notAfter(pos trace.Position, chains []uint32) (int64, error) {
	earliest := make(map[string]int64)
	for _, chain := range chains {
		member := b.net.MemberOf(chain)
		if member == b.net.MemberOf(pos.Chain) {
			continue
		}
		at, ok, err := b.firstCovering(chain, pos)
		if err != nil {
			return 0, err
		}
		if before, some := earliest[member]; ok && (!some || at < before) {
			earliest[member] = at
		}
	}
	times := slices.Sorted(maps.Values(earliest))
	if len(times) <= b.liars {
		return 0, nil
	}
	return times[b.liars], nil
}

// firstCovering returns the time of a chain's first frontier entry within the cut
// that covers a position. What the entries had seen grows with their position.
func (b *bracketing) firstCovering(chain uint32, pos trace.Position) (at int64, ok bool, err error) {
	low, high := uint64(0), b.cut[chain] // the entry is at low or beyond, below high
	for low < high {
		mid := low + (high-low)/2
		seen, err := b.clocks.store.FrontierAt(chain, mid, pos.Chain)
		if err != nil {
			return 0, false, err
		}
		if seen > pos.Seq {
			high = mid
		} else {
			low = mid + 1
		}
	}
	if low == b.cut[chain] {
		return 0, false, nil
	}
	at, err = b.clocks.entryTime(chain, low)
	return at, err == nil, err
}
