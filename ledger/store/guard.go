package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"suyuan/ledger"
)

// A Mark is a signed size and root of a chain.
type Mark struct {
	Chain uint32
	Size  uint64
	Root  ledger.Hash
}

// A guard is the file that names what was signed; see the package comment. Its
// values only grow, and no size ever gets a second root.
type guard struct {
	path string // "" keeps it in memory, for tests

	mu       sync.Mutex      // guards what follows
	own      *Mark           // nil before the first checkpoint
	claimed  *Mark           // beyond own; nil if no other note under the own key is known
	cosigned map[uint32]Mark // by chain
	stopped  map[uint32]Mark // by chain: nothing beyond is signed any more
	waits    bool            // nothing is cosigned before what was is known again
	lost     error           // why nothing may be signed; nil if the guard is there
	changes  uint64          // counts changes of the values above

	file    sync.Mutex // held while the file is written; guards written
	written uint64     // the value of changes that the file has
}

func emptyGuard(path string) *guard {
	return &guard{path: path, cosigned: make(map[uint32]Mark), stopped: make(map[uint32]Mark)}
}

// CreateGuard makes the empty guard file of a new node. It fails if the file
// exists: a guard is made once, when the log key is made, and never again.
func CreateGuard(path string) error { return createGuard(path, &guard{}) }

// CreateSecondGuard makes the guard file of a node that goes on under a new
// number. What its witness has cosigned stands in the old one, if that was not
// lost: nothing is cosigned before [Store.ReleaseWitness].
func CreateSecondGuard(path string) error { return createGuard(path, &guard{waits: true}) }

func createGuard(path string, g *guard) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create guard: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create guard: %w", err)
	}
	_, err = f.Write(g.encode())
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("create guard: %w", err)
	}
	return nil
}

// openGuard reads a guard file. A file that is missing or damaged gives a lost
// guard, which lets nothing be signed.
func openGuard(path string) *guard {
	g := emptyGuard(path)
	raw, err := readGuardFile(path)
	if err == nil {
		err = g.decode(raw)
	}
	if errors.Is(err, fs.ErrNotExist) {
		g.lost = fmt.Errorf("%w: there is no file %s", ErrGuardLost, path)
	} else if err != nil {
		g.lost = fmt.Errorf("%w: %w", ErrGuardLost, err)
	}
	return g
}

func readGuardFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxGuardBytes))
}

const (
	guardTitle = "suyuan guard 1\n"
	guardWaits = "witness waits\n"
)

func (g *guard) encode() []byte {
	var b bytes.Buffer
	b.WriteString(guardTitle)
	if g.own != nil {
		fmt.Fprintf(&b, "own %d %d %s\n", g.own.Chain, g.own.Size, g.own.Root)
	}
	if g.claimed != nil {
		fmt.Fprintf(&b, "claimed %d %d %s\n", g.claimed.Chain, g.claimed.Size, g.claimed.Root)
	}
	for _, chain := range slices.Sorted(maps.Keys(g.cosigned)) {
		m := g.cosigned[chain]
		fmt.Fprintf(&b, "cosigned %d %d %s\n", m.Chain, m.Size, m.Root)
	}
	for _, chain := range slices.Sorted(maps.Keys(g.stopped)) {
		m := g.stopped[chain]
		fmt.Fprintf(&b, "stopped %d %d %s\n", m.Chain, m.Size, m.Root)
	}
	if g.waits {
		b.WriteString(guardWaits)
	}
	fmt.Fprintf(&b, "sha256 %x\n", sha256.Sum256(b.Bytes()))
	return b.Bytes()
}

// decode accepts exactly what encode writes; the check sum is compared with it.
func (g *guard) decode(raw []byte) error {
	for line := range bytes.Lines(raw) {
		g.waits = g.waits || string(line) == guardWaits
		f := strings.Fields(string(line))
		if len(f) != 4 {
			continue // title and check sum, or what is refused below
		}
		m, err := parseMark(f[1:])
		if err != nil {
			return fmt.Errorf("guard file %s: %w", g.path, err)
		}
		switch f[0] {
		case "own":
			g.own = &m
		case "claimed":
			g.claimed = &m
		case "cosigned":
			g.cosigned[m.Chain] = m
		case "stopped":
			g.stopped[m.Chain] = m
		}
	}
	if !bytes.Equal(g.encode(), raw) {
		return fmt.Errorf("guard file %s is damaged", g.path)
	}
	return nil
}

func parseMark(f []string) (Mark, error) {
	chain, err1 := strconv.ParseUint(f[0], 10, 32)
	size, err2 := strconv.ParseUint(f[1], 10, 64)
	root, err3 := ledger.ParseHash(f[2])
	return Mark{uint32(chain), size, root}, errors.Join(err1, err2, err3)
}

// ownMark is the newest size and root signed for the own chain, if any.
func (g *guard) ownMark() (Mark, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.own == nil {
		return Mark{}, false
	}
	return *g.own, true
}

// claimedMark is what a note under the own key says that is beyond ownMark, if any.
func (g *guard) claimedMark() (Mark, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.claimed == nil {
		return Mark{}, false
	}
	return *g.claimed, true
}

// cosignedMark is the newest size and root cosigned for a chain, if any.
func (g *guard) cosignedMark(chain uint32) (Mark, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m, ok := g.cosigned[chain]
	return m, ok
}

// stoppedAt is where signing for a chain was stopped, if it was.
func (g *guard) stoppedAt(chain uint32) (Mark, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m, ok := g.stopped[chain]
	return m, ok
}

// lostBecause is why the guard lets nothing be signed, nil if it does.
func (g *guard) lostBecause() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lost
}

// raiseOwn notes, durably, what is about to be signed for the own chain. While there
// is a claim it is refused: whether the entries that are about to be signed contain
// what is claimed, a guard cannot tell; see settle.
func (g *guard) raiseOwn(m Mark) error {
	return g.raise(func() (bool, error) {
		if err := g.checkStopped(m); err != nil {
			return false, err
		}
		if g.claimed != nil {
			return false, fmt.Errorf("%w: somebody has signed size %d with the own log key, and whether size %d contains that is not known yet", ErrNotSigning, g.claimed.Size, m.Size)
		}
		if g.own == nil {
			g.own = &m
			return true, nil
		}
		grown, err := follows(*g.own, m)
		if grown {
			g.own = &m
		}
		return grown, err
	})
}

// claim notes, durably, what somebody has signed with the own log key and is not
// stored here. It does nothing where the own mark is as far already: then that much
// is, or was, stored here, and the caller has to compare.
func (g *guard) claim(m Mark) error {
	return g.raise(func() (bool, error) {
		if g.own != nil && m.Size <= g.own.Size || g.claimed != nil && m.Size <= g.claimed.Size {
			return false, nil // nothing is signed before more has come back
		}
		g.claimed = &m
		return true, nil
	})
}

// settle makes a claim the own mark. The caller has seen that the stored entries
// contain both what is claimed and the own mark.
func (g *guard) settle(m Mark) error {
	return g.raise(func() (bool, error) {
		if err := g.checkStopped(m); err != nil {
			return false, err
		}
		if g.claimed == nil || *g.claimed != m {
			return false, nil // another has come meanwhile
		}
		g.own, g.claimed = &m, nil
		return true, nil
	})
}

// raiseCosigned notes, durably, what is about to be cosigned.
func (g *guard) raiseCosigned(m Mark) error {
	return g.raise(func() (bool, error) {
		if err := g.checkStopped(m); err != nil {
			return false, err
		}
		if g.waits {
			return false, errWitnessWaits
		}
		grown, err := follows(g.cosigned[m.Chain], m)
		if grown {
			g.cosigned[m.Chain] = m
		}
		return grown, err
	})
}

// checkStopped refuses what lies beyond the point at which signing for a chain was
// stopped. g.mu is held.
func (g *guard) checkStopped(m Mark) error {
	if stop, ok := g.stopped[m.Chain]; ok && m.Size > stop.Size {
		return fmt.Errorf("%w: signing for chain %d was stopped at size %d", ErrEnded, m.Chain, stop.Size)
	}
	return nil
}

// stop notes, durably, that nothing of a chain beyond m will be signed. It is
// refused if something has been signed that m does not cover.
func (g *guard) stop(m Mark) error {
	return g.raise(func() (bool, error) {
		signed := []Mark{g.cosigned[m.Chain]}
		if g.own != nil && g.own.Chain == m.Chain {
			signed = append(signed, *g.own)
		}
		for _, s := range signed {
			if s.Size > m.Size || s.Size == m.Size && s.Root != m.Root {
				return false, fmt.Errorf("%w: size %d of chain %d has been signed here, and the end at size %d does not cover it", ErrConflict, s.Size, m.Chain, m.Size)
			}
		}
		old, ok := g.stopped[m.Chain]
		if ok && old.Size < m.Size {
			return false, nil // stopped before that already
		}
		g.stopped[m.Chain] = m
		return !ok || old != m, nil
	})
}

var errWitnessWaits = fmt.Errorf("%w: what this witness has cosigned is not known; it waits until every other cosigner has told what it holds", ErrNotSigning)

// release lets a witness cosign again, on top of marks.
func (g *guard) release(marks []Mark) error {
	return g.raise(func() (bool, error) {
		for _, m := range marks {
			if _, err := follows(g.cosigned[m.Chain], m); err != nil {
				return false, err
			}
		}
		for _, m := range marks {
			g.cosigned[m.Chain] = m
		}
		g.waits = false
		return true, nil
	})
}

// witnessWaits reports whether nothing may be cosigned yet.
func (g *guard) witnessWaits() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waits
}

// follows holds the rule of the guard: sizes never shrink and no size has two
// roots.
func follows(old, m Mark) (grown bool, err error) {
	switch {
	case m.Chain != old.Chain && old.Chain != 0:
		return false, fmt.Errorf("%w: the guard is that of chain %d, not %d", ErrConflict, old.Chain, m.Chain)
	case m.Size < old.Size:
		return false, fmt.Errorf("%w: size %d of chain %d was signed before size %d", ErrConflict, old.Size, m.Chain, m.Size)
	case m.Size == old.Size && m.Root != old.Root:
		return false, fmt.Errorf("%w: another root was signed for size %d of chain %d", ErrConflict, m.Size, m.Chain)
	}
	return m.Size > old.Size, nil
}

// raise applies change and returns when the file has it. Callers that come while
// the file is being written share the next write.
//
// If writing fails, the values stay raised in memory although nothing was signed
// with them: that is the safe side, for they are roots of stored trees.
func (g *guard) raise(change func() (grown bool, err error)) error {
	g.mu.Lock()
	if g.lost != nil {
		g.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrNotSigning, g.lost)
	}
	grown, err := change()
	if grown {
		g.changes++
	}
	mine := g.changes
	g.mu.Unlock()
	if err != nil || g.path == "" {
		return err
	}

	g.file.Lock()
	defer g.file.Unlock()
	if g.written >= mine {
		return nil
	}
	g.mu.Lock()
	data, upTo := g.encode(), g.changes
	g.mu.Unlock()
	if err := replaceFile(g.path, data); err != nil {
		return fmt.Errorf("%w: write guard: %w", ErrNotSigning, err)
	}
	g.written = upTo
	return nil
}
