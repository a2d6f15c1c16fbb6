package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace/code"
)

// maxOpenPacks bounds the packs that are kept open: two files each. A resolver
// for one brand has some hundred runs in use at a time.
const maxOpenPacks = 512

// maxBadPacks bounds the packs that are remembered to be bad. Each takes a check
// of a whole pack, so that nobody makes many by chance.
const maxBadPacks = 4_096

// maxDisjoint bounds the pairs of packs that are remembered to have no code in
// common. To compare two again takes a second or two and is needed seldom.
const maxDisjoint = 1 << 16

// packs keeps the packs of runs open for looking codes up. Beside each pack in
// use stands a file of block roots, which can be made again at any time.
type packs struct {
	blobs *store.Blobs
	dir   string // of the block roots

	mu       sync.Mutex
	open     map[packKey]*openPack
	bad      map[packKey]error       // packs that are not what a run record says of them
	disjoint map[[2]ledger.Hash]bool // digests of packs that have no code in common
}

// A packKey is what a run record says of its pack. Anybody may name anybody's
// pack with another root: that must say nothing about the pack itself.
type packKey struct{ digest, root ledger.Hash }

// openPack is a pack that is open, or about to be.
type openPack struct {
	once   sync.Once
	prover *code.Prover
	err    error
}

func newPacks(blobs *store.Blobs, dir string) (*packs, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a place for block roots: %w", err)
	}
	return &packs{blobs: blobs, dir: dir, open: make(map[packKey]*openPack), bad: make(map[packKey]error), disjoint: make(map[[2]ledger.Hash]bool)}, nil
}

// errNoPack says that the pack of a run is not held yet, so that no code of the
// run can be looked up.
var errNoPack = errors.New("the pack of the run has not arrived yet")

// get opens the pack with that digest under the root of its run record. The
// error is errNoPack if it is not held, and wraps code.ErrBadPack if it is not
// the pack of that root.
func (p *packs) get(ctx context.Context, digest, root ledger.Hash) (*code.Prover, error) {
	if !p.blobs.Has(digest) {
		return nil, errNoPack
	}
	key := packKey{digest, root}
	p.mu.Lock()
	if err := p.bad[key]; err != nil {
		p.mu.Unlock()
		return nil, err
	}
	o := p.open[key]
	if o == nil {
		p.makeRoom()
		o = &openPack{}
		p.open[key] = o
	}
	p.mu.Unlock()
	// Opening may take seconds where block roots must be made; only those who
	// ask for this pack wait.
	o.once.Do(func() {
		o.prover, o.err = p.openProver(ctx, digest, root)
	})
	if o.err != nil {
		p.forget(key, o.err)
	}
	return o.prover, o.err
}

func (p *packs) openProver(ctx context.Context, digest, root ledger.Hash) (*code.Prover, error) {
	f, err := p.blobs.Open(digest)
	if err != nil {
		return nil, err
	}
	defer f.Close() // its path is all that is wanted
	return code.OpenProver(ctx, f.Name(), p.blocks(digest), root)
}

// forget drops a pack that did not open, so that it is tried again, unless it
// is bad for good.
func (p *packs) forget(key packKey, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, key)
	if errors.Is(err, code.ErrBadPack) && len(p.bad) < maxBadPacks {
		p.bad[key] = err
	}
}

// knownDisjoint reports whether two packs were found to have no code in common.
func (p *packs) knownDisjoint(pair [2]ledger.Hash) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.disjoint[pair]
}

// noteDisjoint remembers that two packs have no code in common.
func (p *packs) noteDisjoint(pair [2]ledger.Hash) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.disjoint) >= maxDisjoint {
		clear(p.disjoint)
	}
	p.disjoint[pair] = true
}

// makeRoom keeps the number of open packs bounded. A prover that somebody still
// uses must not be closed, so that room is made by letting go of the map entry
// only; the garbage collector closes the files.
func (p *packs) makeRoom() {
	if len(p.open) < maxOpenPacks {
		return
	}
	for key := range p.open {
		delete(p.open, key)
		return
	}
}

// Close closes all packs.
func (p *packs) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for key, o := range p.open {
		if o.prover != nil {
			errs = append(errs, o.prover.Close())
		}
		delete(p.open, key)
	}
	return errors.Join(errs...)
}

// blocks is the path of the block roots of a pack.
func (p *packs) blocks(digest ledger.Hash) string { return filepath.Join(p.dir, digest.String()) }
