// Package storetest changes the bytes of a closed store behind its back, so that
// tests can show that the change is found. It knows the key layout that package
// store documents and nothing else of it.
package storetest

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// A Kind is the first byte of a key: what is stored under it.
type Kind byte

// The kinds of key; see package store.
const (
	Layout        Kind = 'v'
	Charter       Kind = 'c'
	Entry         Kind = 'e'
	Sidecar       Kind = 's'
	Tile          Kind = 't'
	Head          Kind = 'h'
	Rights        Kind = 'r'
	Record        Kind = 'i'
	Frontier      Kind = 'f'
	Seen          Kind = 'g'
	Latest        Kind = 'l'
	Final         Kind = 'q'
	Evidence      Kind = 'x'
	Contradiction Kind = 'n'
)

// Kinds are all kinds that a store of a running network holds.
func Kinds() []Kind {
	return []Kind{Layout, Charter, Entry, Sidecar, Tile, Head, Rights, Record, Frontier, Seen, Latest, Final}
}

func (k Kind) String() string { return string(rune(k)) }

// A Pair is one stored key and value.
type Pair struct{ Key, Value []byte }

// Kind is the kind of the pair's key.
func (p Pair) Kind() Kind { return Kind(p.Key[0]) }

// Read returns everything that the store in dir holds, in key order. No process
// may have it open.
func Read(dir string) (pairs []Pair, err error) {
	err = with(dir, func(db *badger.DB) error {
		return db.View(func(txn *badger.Txn) error {
			it := txn.NewIterator(badger.DefaultIteratorOptions)
			defer it.Close()
			for it.Rewind(); it.Valid(); it.Next() {
				v, err := it.Item().ValueCopy(nil)
				if err != nil {
					return err
				}
				pairs = append(pairs, Pair{it.Item().KeyCopy(nil), v})
			}
			return nil
		})
	})
	return pairs, err
}

// Write stores pairs over what is there; a nil value removes the key. No process
// may have the store open.
func Write(dir string, pairs ...Pair) error {
	return with(dir, func(db *badger.DB) error {
		return db.Update(func(txn *badger.Txn) error {
			for _, p := range pairs {
				err := txn.Set(p.Key, p.Value)
				if p.Value == nil {
					err = txn.Delete(p.Key)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func with(dir string, do func(db *badger.DB) error) error {
	db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	return errors.Join(do(db), db.Close())
}
