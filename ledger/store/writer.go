package store

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"suyuan/ledger"
)

// A writer gathers the keys of one transaction.
type writer struct {
	txn   *badger.Txn
	large bool // a value goes to the value log
	err   error
}

// set adds a key. Neither slice may be changed before the commit.
func (w *writer) set(key, value []byte) {
	if w.err != nil {
		return
	}
	if len(value) >= inlineBytes {
		w.large = true
	}
	if err := w.txn.Set(key, value); err != nil {
		w.err = fmt.Errorf("write: %w", err)
	}
}

// remove deletes a key.
func (w *writer) remove(key []byte) {
	if w.err != nil {
		return
	}
	if err := w.txn.Delete(key); err != nil {
		w.err = fmt.Errorf("write: %w", err)
	}
}

// cbor adds a key whose value is the encoding of v.
func (w *writer) cbor(key []byte, v any) {
	b, err := ledger.Marshal(v)
	if err != nil {
		w.err = errors.Join(w.err, err)
		return
	}
	w.set(key, b)
}

// storedCharter is the stored form of a signed charter.
type storedCharter struct {
	_          struct{} `cbor:",toarray"`
	Body       []byte
	Signatures []ledger.CharterSignature
}

func (w *writer) charter(v *ledger.Version) error {
	w.cbor(charterKey(v.Charter.Version), storedCharter{Body: v.Signed.Body, Signatures: v.Signed.Signatures})
	return w.err
}

// update runs one fsynced transaction that does not extend a chain.
func (s *Store) update(fill func(w *writer) error) error {
	w := &writer{txn: s.db.NewTransaction(true)}
	defer w.txn.Discard()
	if err := fill(w); err != nil {
		return err
	}
	if w.err != nil {
		return w.err
	}
	return s.commit(w)
}

// commit writes a transaction and returns when it is on disk. With ErrFull
// nothing was written; after any other error the outcome is unknown.
//
// One commit runs at a time. Badger writes and fsyncs transactions one after the
// other anyway, and so the new snapshot for readers has nothing to wait for.
func (s *Store) commit(w *writer) error {
	if err := s.disk.room(); err != nil {
		return err
	}
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	if err := w.txn.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if w.large {
		// With SyncWrites Badger fsyncs its value log too, but only logs the
		// error; this one is returned.
		if err := s.db.Sync(); err != nil {
			return fmt.Errorf("sync: %w", err)
		}
	}
	if err := s.disk.syncNames(); err != nil {
		return err
	}
	s.snap.Swap(newSnapshot(s.db)).release()
	return nil
}
