package store

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
	"sync"

	"github.com/dgraph-io/badger/v4"

	"suyuan/ledger"
	"suyuan/ledger/store/badgerdb"
)

// A Source gives what a store holds to [ledger.Verify], byte for byte as it
// stands on disk: it trusts nothing that Open would have checked. It reads from
// one snapshot, so that a node can go on writing while it is verified. It
// implements ledger.Source, StateSource, RecordFinder, EvidenceSource and, with
// blobs, AttachmentSource.
type Source struct {
	snap     *snapshot
	life     *life
	blobs    *Blobs
	onItsWay bool         // sidecars may be on their way, because Purge was cut short
	release  func()       // gives the snapshot back, once
	close    func() error // closes what OpenSource opened
}

// Source takes a snapshot of an open store; blobs may be nil. It is read as long
// as the store is open. The caller closes it.
func (s *Store) Source(blobs *Blobs) (*Source, error) {
	if err := s.life.enter(); err != nil {
		return nil, err
	}
	defer s.life.leave()
	s.sourceMu.Lock()
	defer s.sourceMu.Unlock()
	s.sources++
	snap := s.current()
	release := sync.OnceFunc(func() {
		s.sourceMu.Lock()
		defer s.sourceMu.Unlock()
		s.sources--
		snap.release()
	})
	return &Source{snap: snap, life: &s.life, blobs: blobs, onItsWay: s.dropping.Load(), release: release}, nil
}

// view is the viewer of the snapshot.
func (src *Source) view(read func(txn *badger.Txn) error) error { return read(src.snap.txn) }

// OpenSource opens a store's directory for verification only, also one that Open
// refuses as damaged. Only what makes Badger itself give up is an error here. The
// caller closes it.
func OpenSource(dir string, blobs *Blobs, log *slog.Logger) (*Source, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := checkTables(dir); err != nil {
		return nil, err
	}
	opt := badgerOptions(dir, &badgerLog{log: log})
	opt.ReadOnly = true
	open := func() (*badger.DB, error) { return badgerdb.Open(opt) }
	db, err := callBadger(open)
	if err != nil && strings.Contains(err.Error(), badger.ErrTruncateNeeded.Error()) {
		// The store was not closed: its write buffers have to be read back,
		// which Badger does only where it may write. It does not wrap the error
		// that says so.
		opt.ReadOnly = false
		db, err = callBadger(open)
	}
	if err != nil {
		return nil, openError(dir, err)
	}
	snap := newSnapshot(db)
	src := &Source{snap: snap, life: &life{}, blobs: blobs, release: sync.OnceFunc(snap.release), close: db.Close}
	list, err := scan(src.view, []byte{prefixOnItsWay}, []byte{prefixOnItsWay}, 1)
	src.onItsWay = err != nil || len(list) > 0
	return src, nil
}

// Close gives up the snapshot, and closes what OpenSource has opened.
func (src *Source) Close() error {
	if err := src.life.enter(); err != nil {
		return nil // the store is closed, and the snapshot with it
	}
	src.release()
	src.life.leave()
	if src.close == nil || !src.life.end() {
		return nil
	}
	return src.close()
}

// inside runs a read while the store is open.
func inside[T any](src *Source, read func() (T, error)) (v T, err error) {
	if err := src.life.enter(); err != nil {
		return v, err
	}
	defer src.life.leave()
	return read()
}

// Charters implements [ledger.Source].
func (src *Source) Charters() ([]*ledger.SignedCharter, error) {
	return inside(src, func() ([]*ledger.SignedCharter, error) { return readCharters(src.view) })
}

// Chains implements [ledger.Source]: the chains of the charters that have
// anything stored.
func (src *Source) Chains() ([]uint32, error) {
	return inside(src, func() ([]uint32, error) {
		net, err := readNetwork(src.view)
		if err != nil {
			return nil, err
		}
		var list []uint32
		for _, n := range net.Chains() {
			_, headErr := getValue(src.view, chainKey(prefixHead, n))
			entries, err := scan(src.view, chainKey(prefixEntry, n), chainKey(prefixEntry, n), 1)
			if err != nil || headErr == nil || len(entries) > 0 {
				list = append(list, n)
			}
		}
		return list, nil
	})
}

// Size implements [ledger.Source]: what the stored head says. Entries without a
// head are an error.
func (src *Source) Size(chain uint32) (uint64, error) {
	state, err := inside(src, func() (ledger.ChainState, error) { return readHead(src.view, chain) })
	return state.Size, err
}

func readHead(view viewer, chain uint32) (state ledger.ChainState, err error) {
	raw, err := getValue(view, chainKey(prefixHead, chain))
	if err != nil {
		return state, fmt.Errorf("head of chain %d: %w", chain, err)
	}
	return state, ledger.Unmarshal(raw, &state)
}

// Entries implements [ledger.Source].
func (src *Source) Entries(chain uint32, from, to uint64) iter.Seq2[ledger.StoredEntry, error] {
	return func(yield func(ledger.StoredEntry, error) bool) {
		for ; from < to; from += page {
			end := min(to, from+page)
			list, err := inside(src, func() ([]ledger.StoredEntry, error) { return src.readRange(chain, from, end) })
			for _, e := range list {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil && !yield(ledger.StoredEntry{}, err) {
				return
			}
		}
	}
}

// readRange reads a range one by one, so that one unreadable block does not take
// its neighbours with it. What is absent is left out.
func (src *Source) readRange(chain uint32, from, to uint64) (list []ledger.StoredEntry, err error) {
	for seq := from; seq < to; seq++ {
		e := ledger.StoredEntry{Seq: seq}
		var errs [2]error
		e.Raw, errs[0] = getValue(src.view, seqKey(prefixEntry, chain, seq))
		e.Sidecar, errs[1] = src.sidecar(chain, seq)
		for _, one := range errs {
			if one != nil && !errors.Is(one, ErrNotFound) {
				err = errors.Join(err, fmt.Errorf("entry %d: %w", seq, one))
			}
		}
		if errs[0] == nil {
			list = append(list, e)
		}
	}
	return list, err
}

// sidecar reads a sidecar as [Store.Sidecar] does.
func (src *Source) sidecar(chain uint32, seq uint64) ([]byte, error) {
	if src.onItsWay {
		if raw, err := getValue(src.view, seqKey(prefixOnItsWay, chain, seq)); !errors.Is(err, ErrNotFound) {
			return raw, err
		}
	}
	return getValue(src.view, seqKey(prefixSidecar, chain, seq))
}

// Tile implements [ledger.Source].
func (src *Source) Tile(chain uint32, t ledger.TileID, width int) ([]byte, error) {
	return inside(src, func() ([]byte, error) { return getValue(src.view, tileKey(chain, t)) })
}

// Checkpoints implements [ledger.Source].
func (src *Source) Checkpoints(chain uint32) ([][]byte, error) {
	return inside(src, func() (list [][]byte, err error) {
		for _, prefix := range []byte{prefixLatest, prefixFinal} {
			note, err := getValue(src.view, chainKey(prefix, chain))
			if err == nil {
				list = append(list, note)
			} else if !errors.Is(err, ErrNotFound) {
				return list, err
			}
		}
		return list, nil
	})
}

// State implements [ledger.StateSource].
func (src *Source) State(chain uint32) (ledger.ChainState, ledger.Rights, error) {
	state, err := inside(src, func() (ledger.ChainState, error) { return readHead(src.view, chain) })
	if err != nil {
		return state, ledger.Rights{}, err
	}
	rights, err := inside(src, func() (ledger.Rights, error) { return readRights(src.view, chain) })
	return state, rights, err
}

func readRights(view viewer, chain uint32) (ledger.Rights, error) {
	var grants []ledger.Grant
	raw, err := getValue(view, chainKey(prefixRights, chain))
	if err == nil {
		err = ledger.Unmarshal(raw, &grants)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return ledger.Rights{}, fmt.Errorf("rights of chain %d: %w", chain, err)
	}
	return ledger.RightsOf(grants), nil
}

// Find implements [ledger.RecordFinder].
func (src *Source) Find(id ledger.Hash) (chain uint32, seq uint64, ok bool, err error) {
	v, err := inside(src, func() ([]byte, error) { return getValue(src.view, recordKey(id)) })
	if errors.Is(err, ErrNotFound) {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, err
	}
	if chain, seq, ok = parsePlace(v); !ok {
		return 0, 0, false, fmt.Errorf("look-up of record %s has %d bytes", id, len(v))
	}
	return chain, seq, true, nil
}

// Evidence implements [ledger.EvidenceSource].
func (src *Source) Evidence(chain uint32) (*ledger.Evidence, error) {
	return inside(src, func() (*ledger.Evidence, error) { return readEvidence(src.view, chain) })
}

// Conflict implements [ledger.ConflictSource].
func (src *Source) Conflict() (*ledger.SignedCharter, error) {
	return inside(src, func() (*ledger.SignedCharter, error) { return readConflict(src.view) })
}

// Attachments implements [ledger.AttachmentSource].
func (src *Source) Attachments() iter.Seq2[ledger.Attachment, error] {
	return func(yield func(ledger.Attachment, error) bool) {
		if src.blobs == nil {
			return
		}
		digests, err := src.blobs.digests()
		if err != nil {
			yield(ledger.Attachment{}, err)
			return
		}
		for _, digest := range digests {
			_, err := src.blobs.Stat(digest) // it has an audience
			a := ledger.Attachment{Digest: digest, Open: func() (io.ReadCloser, error) { return src.blobs.Open(digest) }}
			if !yield(a, err) {
				return
			}
		}
	}
}

// strictCheck verifies the whole store if Config.Strict asks for it.
func (s *Store) strictCheck() error {
	if !s.cfg.Strict {
		return nil
	}
	src, err := s.Source(nil)
	if err != nil {
		return err
	}
	defer src.Close()
	var found []error
	_, err = ledger.Verify(src, ledger.VerifyOptions{Each: OnAllCores, Found: func(p ledger.Problem) {
		if p.Code != ledger.CodeForked {
			found = append(found, errors.New(p.String()))
		}
	}})
	if err := errors.Join(append(found, err)...); err != nil {
		return fmt.Errorf("strict: %w", err)
	}
	return nil
}
