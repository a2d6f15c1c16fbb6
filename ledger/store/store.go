package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"suyuan/ledger"
)

// A Config says how to open a store. Network may be nil if the store holds the
// charters already; Dir, Guard and Own are what a node needs besides.
type Config struct {
	Dir     string          // Badger's directory; "" keeps everything in memory, for tests
	Guard   string          // path of the guard file, outside the node's directory; "" with Dir "" keeps it in memory
	Network *ledger.Network // charters; those that the store lacks are stored
	Own     uint32          // number of the chain that is written here; 0 writes none

	// Admit decides which of the records of a batch the application takes, one
	// error or nil for each; nil takes all. It is called by the sequencer only,
	// before each batch, and again without the refused ones if it refused some:
	// what it says nil to in its last call is what will be stored, at the
	// positions that it was shown. It must not keep anything from one call to the
	// next; Applied says what became of it. Neither may append or extend.
	Admit func(pending []*Pending) []error
	// Applied is called by the sequencer after a batch was stored, before its
	// callers are answered and before the next Admit: n entries from position
	// first on. Entries that arrive through Extend are told by Watch only.
	Applied func(first uint64, n int)

	Now     func() time.Time // nil is time.Now
	Log     *slog.Logger     // nil discards
	MinFree uint64           // bytes of disk kept in reserve; 0 is 1 GiB
	Strict  bool             // for tests: verify the whole store after each write
}

// A Pending is a record that is about to be appended.
type Pending struct {
	Record  *ledger.SignedRecord
	Sidecar *ledger.Sidecar
	Seq     uint64      // where it will stand if admitted
	Time    int64       // entry time, ms since 1970 UTC
	Hash    ledger.Hash // leaf hash of its entry
}

// A Store is an open store. All methods are safe for concurrent use.
type Store struct {
	cfg   Config
	db    *badger.DB
	disk  *disk
	guard *guard
	lock  io.Closer  // held on the guard; nil if nothing is signed here
	seq   *sequencer // nil without an own chain
	watch watchers

	net    atomic.Pointer[ledger.Network]
	adopt  sync.Mutex                           // held while the network grows
	chains atomic.Pointer[map[uint32]*chainLog] // replaced when the network grows

	commitMu sync.Mutex   // held while a transaction is committed
	purging  sync.Mutex   // held by Purge
	erased   atomic.Int64 // counts batches with erase records; see Erased
	rewrites rewrites     // see Rewritten
	dropping atomic.Bool  // sidecars may be on their way; see Purge
	sourceMu sync.Mutex   // held while sidecars are dropped; guards sources
	sources  int          // snapshots that Source gave out
	snap     atomic.Pointer[snapshot]

	signMu    sync.Mutex        // held by Sign
	stateMu   sync.Mutex        // guards what follows
	refusal   error             // why the own chain takes no entries and gets no signatures; nil if it does
	signing   *ledger.Verifiers // what SigningVerifiers returned last, for signingIn
	signingIn ledger.InForce
	damage    error                 // what Scrub has found; nil if nothing
	conflict  *ledger.SignedCharter // a second complete charter of a version held; nil if there is none

	life life
}

// life lets Close wait for the calls that use Badger.
type life struct {
	mu     sync.RWMutex
	closed bool // guarded by mu
	calls  sync.WaitGroup
}

func (l *life) enter() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ErrClosed
	}
	l.calls.Add(1)
	return nil
}

func (l *life) leave() { l.calls.Done() }

// end makes enter fail and waits for the calls that have entered. It returns
// false if the life had ended before.
func (l *life) end() bool {
	l.mu.Lock()
	was := l.closed
	l.closed = true
	l.mu.Unlock()
	l.calls.Wait()
	return !was
}

// Open opens the store in cfg.Dir and makes it if there is none. It reads the
// newest entries of each chain and refuses, with ErrDamaged, what does not fit
// its head. A store that may not sign opens: see [Store.SigningState].
func Open(cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.MinFree == 0 {
		cfg.MinFree = defaultMinFree
	}
	had := hasTables(cfg.Dir)
	db, err := openBadger(cfg.Dir, cfg.Log)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, db: db, disk: newDisk(cfg.Dir, cfg.MinFree)}
	s.snap.Store(newSnapshot(db))
	if err := s.load(had); err != nil {
		s.snap.Load().release()
		return nil, errors.Join(err, db.Close(), s.unlock())
	}
	if cfg.Own != 0 {
		s.seq = newSequencer(s)
		go s.seq.run()
	}
	return s, nil
}

// load reads everything that is kept in memory.
func (s *Store) load(hadTables bool) error {
	if err := s.loadNetwork(hadTables); err != nil {
		return err
	}
	var err error
	if s.conflict, err = readConflict(s.view); err != nil {
		return damaged(s.cfg.Dir, err, "charter conflict")
	}
	chains := make(map[uint32]*chainLog)
	for _, n := range s.Network().Chains() {
		c, err := s.loadChain(n)
		if err != nil {
			return err
		}
		chains[n] = c
	}
	s.chains.Store(&chains)
	if err := s.resumeErasures(chains); err != nil {
		return damaged(s.cfg.Dir, err, "erasures")
	}
	if s.cfg.Own != 0 && chains[s.cfg.Own] == nil {
		return fmt.Errorf("own chain: %w", unknownChain(s.cfg.Own))
	}
	switch {
	case s.cfg.Guard != "":
		if s.lock, err = lockGuard(s.cfg.Guard); err != nil {
			return err
		}
		s.guard = openGuard(s.cfg.Guard)
	case s.cfg.Dir == "":
		s.guard = emptyGuard("")
	default:
		s.guard = &guard{lost: fmt.Errorf("%w: no path is configured", ErrGuardLost)}
	}
	if s.guard.lost == nil && s.cfg.Own != 0 {
		if m, ok := s.guard.ownMark(); ok && m.Chain != s.cfg.Own {
			s.guard.lost = fmt.Errorf("%w: %s is that of chain %d", ErrGuardLost, s.cfg.Guard, m.Chain)
		}
	}
	s.judge()
	return nil
}

// Close waits for running calls and closes the store. A record whose Append has
// not been answered may be stored or not.
func (s *Store) Close() error {
	if s.seq != nil {
		s.seq.close()
	}
	if !s.life.end() {
		return nil
	}
	s.snap.Load().release()
	if err := errors.Join(s.db.Close(), s.unlock()); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// unlock lets another process sign under the guard.
func (s *Store) unlock() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}

// Network returns the charters held.
func (s *Store) Network() *ledger.Network { return s.net.Load() }

// Charters returns the signed charters held, version 1 first.
func (s *Store) Charters() []*ledger.SignedCharter {
	var list []*ledger.SignedCharter
	for _, v := range s.Network().Versions() {
		list = append(list, v.Signed)
	}
	return list
}

// Own is the number of the chain that is written here, 0 for none.
func (s *Store) Own() uint32 { return s.cfg.Own }

// Chains returns the numbers of all chains that the charters name, ascending.
func (s *Store) Chains() []uint32 { return slices.Sorted(maps.Keys(*s.chains.Load())) }

func (s *Store) chain(number uint32) (*chainLog, error) {
	if c := (*s.chains.Load())[number]; c != nil {
		return c, nil
	}
	return nil, unknownChain(number)
}

// AdoptCharter stores the next charter version, which must be complete, and
// makes room for its chains. A version that is held is accepted if it is the
// same one. Another complete one of a version that is held is kept as evidence,
// and from then on no charter is adopted any more: ErrCharterConflict.
func (s *Store) AdoptCharter(signed *ledger.SignedCharter) error {
	if err := s.life.enter(); err != nil {
		return err
	}
	defer s.life.leave()
	s.adopt.Lock()
	defer s.adopt.Unlock()
	net := s.Network()
	for _, v := range net.Versions() {
		if v.Hash == signed.Hash() {
			return nil
		}
	}
	if err := s.checkConflict(signed); err != nil {
		return fmt.Errorf("adopt charter: %w", err)
	}
	longer, err := net.Adopt(signed)
	if err != nil {
		return fmt.Errorf("adopt charter: %w", err)
	}
	err = s.update(func(w *writer) error { return w.charter(longer.Newest()) })
	if err != nil {
		return fmt.Errorf("store charter: %w", err)
	}
	return s.useNetwork(longer)
}

// checkConflict keeps a charter that contradicts one held, and refuses any other
// while there is one that does.
func (s *Store) checkConflict(signed *ledger.SignedCharter) error {
	if s.Conflict() != nil {
		return fmt.Errorf("%w: the companies have to settle which one counts before the charter can change", ErrCharterConflict)
	}
	twice, err := s.Network().Conflicts(signed)
	if err != nil || !twice {
		return err
	}
	raw, err := signed.Encode()
	if err != nil {
		return err
	}
	err = s.update(func(w *writer) error {
		w.set([]byte{prefixConflict}, raw)
		return nil
	})
	if err != nil {
		return fmt.Errorf("store charter conflict: %w", err)
	}
	s.stateMu.Lock()
	s.conflict = signed
	s.stateMu.Unlock()
	s.cfg.Log.Error("two complete charters of one version", "hash", signed.Hash())
	s.watch.signal()
	return ErrCharterConflict
}

// Conflict returns a complete charter that contradicts one held, nil if there is
// none. It must not be changed.
func (s *Store) Conflict() *ledger.SignedCharter {
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	return s.conflict
}

// CharterOf returns the complete charter with that hash: a version that is held,
// or the one that contradicts it; nil if there is none. So whoever tells of two
// complete charters of one version can give both.
func (s *Store) CharterOf(hash ledger.Hash) *ledger.SignedCharter {
	for _, v := range s.Network().Versions() {
		if v.Hash == hash {
			return v.Signed
		}
	}
	if c := s.Conflict(); c != nil && c.Hash() == hash {
		return c
	}
	return nil
}

func readConflict(view viewer) (*ledger.SignedCharter, error) {
	raw, err := getValue(view, []byte{prefixConflict})
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ledger.DecodeSignedCharter(raw)
}

// useNetwork puts a longer network in force.
func (s *Store) useNetwork(net *ledger.Network) error {
	s.net.Store(net)
	chains := maps.Clone(*s.chains.Load())
	for _, n := range net.Chains() {
		if c := chains[n]; c != nil {
			c.charge(evidenceOf(net, n))
			continue
		}
		c, err := s.loadChain(n)
		if err != nil {
			return err
		}
		chains[n] = c
	}
	s.chains.Store(&chains)
	if s.guard != nil {
		s.judge()
	}
	s.watch.signal()
	return nil
}

// nodeDir is the directory of the node whose ledger is in dir.
func nodeDir(dir string) string { return filepath.Dir(dir) }

// SigningState reports whether the node appends to its own chain and signs for
// it, and if not, why.
func (s *Store) SigningState() (ok bool, reason string) {
	if err := s.mayWrite(); err != nil {
		return false, err.Error()
	}
	return true, ""
}

// SigningError is [Store.SigningState] for those who decide on the reason: nil,
// or ErrNotSigning with ErrGuardLost, ErrBehind, ErrEnded, ErrForked or another
// cause.
func (s *Store) SigningError() error { return s.mayWrite() }

// mayWrite returns why the own chain takes no entries, nil if it does.
func (s *Store) mayWrite() error {
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	return s.refusal
}

// judge decides anew whether the own chain may be written and signed.
func (s *Store) judge() {
	s.settle()
	err := s.judgement()
	s.stateMu.Lock()
	was := s.refusal
	s.refusal = err
	s.stateMu.Unlock()
	switch {
	case s.cfg.Own == 0: // as configured
	case err != nil && (was == nil || was.Error() != err.Error()):
		s.cfg.Log.Error("not signing", "err", err)
	case err == nil && was != nil:
		s.cfg.Log.Info("signing again")
	}
}

func (s *Store) judgement() error {
	if s.cfg.Own == 0 {
		return fmt.Errorf("%w: no chain is written here", ErrNotSigning)
	}
	if err := s.guard.lostBecause(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotSigning, err)
	}
	if err := s.Damage(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotSigning, err)
	}
	c, err := s.chain(s.cfg.Own)
	if err != nil {
		return err
	}
	if end := s.Network().Ended(s.cfg.Own); end != nil {
		return fmt.Errorf("%w: %w: charter version %d has ended the own chain at size %d", ErrNotSigning, ErrEnded, s.Network().Newest().Charter.Version, end.Size)
	}
	if stop, ok := s.guard.stoppedAt(s.cfg.Own); ok {
		return fmt.Errorf("%w: %w: this member has signed a charter that ends the own chain at size %d", ErrNotSigning, ErrEnded, stop.Size)
	}
	if s.Forked(s.cfg.Own) {
		return fmt.Errorf("%w: %w: there is evidence that the own chain has two histories", ErrNotSigning, ErrForked)
	}
	if note, err := s.contradiction(); err != nil || note != nil {
		return errors.Join(fmt.Errorf("%w: %w: a checkpoint under the own log key contradicts the own chain", ErrNotSigning, ErrConflict), err)
	}
	head := c.head.Load()
	claimed, open := s.guard.claimedMark()
	if open && head.Size < claimed.Size {
		return fmt.Errorf("%w: %w: the store has %d entries of the own chain, and somebody has signed %d with its log key: this node, if what is stored is an old copy; the others are fetched from peers", ErrNotSigning, ErrBehind, head.Size, claimed.Size)
	}
	if err := s.judgeOwnMark(c, head.Size); err != nil {
		return err
	}
	if open { // settle would have closed it, did it fit
		return fmt.Errorf("%w: %w: somebody has signed another history of the first %d entries of the own chain with its log key", ErrNotSigning, ErrConflict, claimed.Size)
	}
	return nil
}

// judgeOwnMark holds the own chain against what this machine is known to have
// signed of it.
func (s *Store) judgeOwnMark(c *chainLog, size uint64) error {
	m, ok := s.guard.ownMark()
	if cp := s.Latest(c.number); cp != nil && (!ok || cp.Size > m.Size) {
		// The guard is on disk before a checkpoint is stored.
		return fmt.Errorf("%w: %w: it is older than the newest stored checkpoint, of size %d", ErrNotSigning, ErrGuardLost, cp.Size)
	}
	if !ok {
		return nil
	}
	if size < m.Size {
		return fmt.Errorf("%w: %w: the store has %d entries of the own chain and %d were signed; the others are fetched from peers", ErrNotSigning, ErrBehind, size, m.Size)
	}
	root, err := s.RootAt(m.Chain, m.Size)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotSigning, err)
	}
	if root != m.Root {
		return fmt.Errorf("%w: the first %d entries of the own chain are not those that were signed; put back a copy of the directory that has them, never the guard", ErrNotSigning, m.Size)
	}
	return nil
}

// Append appends a record to the own chain and returns its place when it is on
// disk. A record that stands on the chain already gets its first place, with
// Existing set. Errors: ErrNotSigning, ErrFull, ErrClosed, ErrFailed, what Admit
// said, or a [ledger.Error] that says why the record may not stand there. When
// ctx ends first, the record may be stored or not; giving it again tells.
func (s *Store) Append(ctx context.Context, rec *ledger.SignedRecord, sc *ledger.Sidecar) (Place, error) {
	r := s.AppendBatch(ctx, []Submission{{rec, sc}})[0]
	return r.Place, r.Err
}
