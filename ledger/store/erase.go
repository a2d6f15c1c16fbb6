package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"suyuan/ledger"
)

// An Erasure is an erase record and what it is about.
type Erasure struct {
	Chain  uint32
	At     uint64 // position of the erase record
	Seq    uint64 // position of the record that it names
	Fields ledger.EraseFields
}

// erase applies an erase record of the batch. One that names no record before it
// on its chain erases nothing, nor does one that names what was erased before or
// never was there.
func (b *batch) erase(at uint64, f *ledger.EraseFields) error {
	seq, ok, err := b.eraseTarget(f.Record)
	if err != nil || !ok {
		return err
	}
	chain := b.c.number
	raw, err := getIn(b.txn, seqKey(prefixEntry, chain, seq))
	if err != nil {
		return b.s.missing(err, "entry", chain, seq)
	}
	rec, err := recordOf(raw)
	if err != nil {
		return err
	}
	digests, err := b.notErased(at, seq, f.Digests, rec.MayErase)
	if err != nil {
		return err
	}
	side, err := b.s.sidecarIn(b.txn, chain, seq)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return b.s.missing(err, "sidecar", chain, seq)
	}
	files, err := b.notErased(at, seq, f.Files, func(d ledger.Hash) bool { return bytes.Contains(raw, d[:]) || bytes.Contains(side, d[:]) })
	if err != nil || len(digests)+len(files) == 0 {
		return err
	}
	b.set(seqKey(prefixErase, chain, at), uint64Value(seq))
	if len(files) > 0 {
		b.set(seqKey(prefixFiles, chain, at), nil)
	}
	b.erasures++
	b.rewritten = append(b.rewritten, seq)
	named := func(d ledger.Hash) bool { return slices.Contains(digests, d) }
	if err := b.dropFrom(seq, rec, named); err != nil {
		return err
	}
	return b.noLongerLacking(seq, named)
}

// notErased returns those of some digests that the record at a position has and
// that no erase record named before, and notes that one does now. So what an
// author erases again and again takes no room and is not read with the record.
func (b *batch) notErased(at, seq uint64, digests []ledger.Hash, has func(ledger.Hash) bool) (list []ledger.Hash, err error) {
	for _, d := range digests {
		if !has(d) {
			continue
		}
		key := erasedKey(b.c.number, seq, d)
		switch _, err := getIn(b.txn, key); {
		case err == nil:
			continue
		case !errors.Is(err, ErrNotFound):
			return nil, err
		}
		b.set(key, uint64Value(at))
		list = append(list, d)
	}
	return list, b.err
}

// eraseTarget finds the record that an erase record names.
func (b *batch) eraseTarget(id ledger.Hash) (seq uint64, ok bool, err error) {
	if seq, ok := b.ids[id]; ok {
		return seq, true, nil
	}
	chain, seq, ok, err := b.s.find(id)
	return seq, ok && chain == b.c.number, err
}

func recordOf(entry []byte) (*ledger.Record, error) {
	e, err := ledger.DecodeEntry(entry)
	if err != nil {
		return nil, err
	}
	if e.Kind != ledger.EntryRecord {
		return nil, &ledger.Error{Code: ledger.CodeSidecar, Detail: "only a record has a sidecar"}
	}
	return ledger.DecodeRecord(e.Payload)
}

// dropFrom writes the sidecar of an entry without what is erased.
func (b *batch) dropFrom(seq uint64, rec *ledger.Record, erased func(ledger.Hash) bool) error {
	raw, err := b.s.sidecarIn(b.txn, b.c.number, seq)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return b.s.missing(err, "sidecar", b.c.number, seq)
	}
	sc, err := ledger.DecodeSidecar(raw)
	if err != nil {
		return err
	}
	less, err := sc.Without(erased).Encode()
	if err != nil || len(less) == len(raw) {
		return err
	}
	b.set(seqKey(prefixSidecar, b.c.number, seq), less) // also if it is empty: Purge drops only keys that are there
	b.set(seqKey(prefixOnItsWay, b.c.number, seq), less)
	b.bytes += 2 * len(less)
	return b.err
}

// noLongerLacking takes digests out of those for which the node goes on asking.
func (b *batch) noLongerLacking(seq uint64, erased func(ledger.Hash) bool) error {
	key := seqKey(prefixLacking, b.c.number, seq)
	raw, err := getIn(b.txn, key)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	b.remove(key)
	b.setLacking(key, slices.DeleteFunc(parseHashes(raw), erased))
	return b.err
}

// setLacking keeps what an entry lacks; no key where it lacks nothing.
func (w *writer) setLacking(key []byte, digests []ledger.Hash) {
	if len(digests) > 0 {
		w.set(key, hashesValue(digests))
	}
}

// eraseBytes is about what an erase record adds to a batch besides its entry: a
// sidecar may have to be written twice.
func (b *batch) eraseBytes(o *ledger.OpenedEntry) int {
	if o == nil || o.Record == nil || o.Record.Record.Kind != ledger.KindErase {
		return 0
	}
	f, err := o.Record.Record.Erases()
	if err != nil {
		return 0
	}
	seq, ok, err := b.eraseTarget(f.Record)
	if err != nil || !ok {
		return 0
	}
	raw, err := b.s.sidecarIn(b.txn, b.c.number, seq)
	if err != nil {
		return 0
	}
	return 2 * len(raw)
}

// Erasures returns the erase records that have erased something of the record at a
// position, in their order; what erases the same again is none of them.
func (s *Store) Erasures(chain uint32, seq uint64) ([]Erasure, error) {
	c, err := s.chain(chain)
	if err != nil {
		return nil, err
	}
	if c.erasures.Load() == 0 {
		return nil, nil
	}
	if err := s.life.enter(); err != nil {
		return nil, err
	}
	defer s.life.leave()
	erased, err := s.erasedBy(chain, seq)
	if err != nil {
		return nil, err
	}
	at := slices.Compact(slices.Sorted(maps.Values(erased)))
	at = at[:min(len(at), maxErasures)]
	list := make([]Erasure, len(at))
	for i := range at {
		if list[i], err = s.erasure(chain, at[i], seq); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// erasure reads an erase record.
func (s *Store) erasure(chain uint32, at, seq uint64) (Erasure, error) {
	e := Erasure{Chain: chain, At: at, Seq: seq}
	raw, err := s.get(seqKey(prefixEntry, chain, at))
	if err != nil {
		return e, s.missing(err, "entry", chain, at)
	}
	rec, err := recordOf(raw)
	if err != nil {
		return e, err
	}
	f, err := rec.Erases()
	if err != nil || f == nil {
		return e, damaged(s.cfg.Dir, err, "look-up of erase record %d/%d", chain, at)
	}
	e.Fields = *f
	return e, nil
}

// erasedBy returns where each digest of the record at a position was erased first,
// and each of a file that it names.
func (s *Store) erasedBy(chain uint32, seq uint64) (map[ledger.Hash]uint64, error) {
	prefix := seqKey(prefixErased, chain, seq)
	pairs, err := scan(s.view, prefix, prefix, math.MaxInt)
	if err != nil {
		return nil, err
	}
	erased := make(map[ledger.Hash]uint64, len(pairs))
	for _, p := range pairs {
		at, ok := parseUint64(p.value)
		if !ok || len(p.key) != 45 {
			return nil, damaged(s.cfg.Dir, nil, "key %x", p.key)
		}
		_, _, digest := parseErasedKey(p.key)
		erased[digest] = at
	}
	return erased, nil
}

// A Lack is a record whose sidecar lacks shared disclosures that no erase record
// stored here names: they are withheld, or erased further on.
type Lack struct {
	Seq     uint64
	Digests []ledger.Hash
}

// Lacking returns up to limit records of a chain that lack shared disclosures,
// the first first. Others may have them: see [Store.AddDisclosures].
func (s *Store) Lacking(chain uint32, limit int) ([]Lack, error) {
	if err := s.life.enter(); err != nil {
		return nil, err
	}
	defer s.life.leave()
	return s.lacking(chain, limit)
}

func (s *Store) lacking(chain uint32, limit int) ([]Lack, error) {
	prefix := chainKey(prefixLacking, chain)
	pairs, err := scan(s.view, prefix, prefix, limit)
	list := make([]Lack, len(pairs))
	for i, p := range pairs {
		_, seq, ok := parseSeqKey(p.key)
		if !ok {
			return nil, damaged(s.cfg.Dir, nil, "key %x", p.key)
		}
		list[i] = Lack{Seq: seq, Digests: parseHashes(p.value)}
	}
	return list, err
}

// Whole returns how many entries of a chain, from the first, have every shared
// disclosure that was not erased. Applications read no further: what is lacking
// may still come.
func (s *Store) Whole(chain uint32) (uint64, error) {
	size := s.Size(chain) // before what is lacking, so that it only errs downwards
	list, err := s.Lacking(chain, 1)
	if err != nil || len(list) == 0 {
		return size, err
	}
	return min(size, list[0].Seq), nil
}

// checkWhole holds that of the first size entries of a chain every shared
// disclosure is here or erased within the size.
func (s *Store) checkWhole(chain uint32, size uint64) error {
	lacking, err := s.lacking(chain, 1)
	if err != nil {
		return err
	}
	if len(lacking) > 0 && lacking[0].Seq < size {
		return fmt.Errorf("entry %d/%d lacks a shared disclosure that is not erased: %w", chain, lacking[0].Seq, ErrBehind)
	}
	// What is erased beyond the size is gone here, and would have to be there.
	later, err := scanTo(s.view, chainKey(prefixErase, chain), seqKey(prefixErase, chain, size), seqKey(prefixErase, chain, math.MaxUint64))
	if err != nil {
		return err
	}
	seen := make(map[uint64]bool) // an author may erase of one record a thousand times
	for _, p := range later {
		seq, ok := parseUint64(p.value)
		if !ok {
			return damaged(s.cfg.Dir, nil, "key %x", p.key)
		}
		if seq >= size || seen[seq] {
			continue
		}
		seen[seq] = true
		if err := s.checkErasedWithin(chain, seq, size); err != nil {
			return err
		}
	}
	return nil
}

// checkErasedWithin holds that whatever an entry lacks is erased within a size.
func (s *Store) checkErasedWithin(chain uint32, seq, size uint64) error {
	items, err := s.items(chain, seq, seq+1)
	if err != nil {
		return err
	}
	rec, err := recordOf(items[0].Entry)
	if err != nil {
		return err
	}
	sc, err := ledger.DecodeSidecar(items[0].Sidecar)
	if err != nil {
		return err
	}
	erased, err := s.erasedBy(chain, seq)
	if err != nil {
		return err
	}
	err = sc.Check(rec, func(d ledger.Hash) bool {
		at, ok := erased[d]
		return ok && at < size
	})
	if err != nil {
		return fmt.Errorf("entry %d/%d is erased beyond that size: %w: %w", chain, seq, ErrBehind, err)
	}
	return nil
}

// FilesToErase returns the erase records that name attachments and have not been
// looked after: see [Store.FilesErased].
func (s *Store) FilesToErase() ([]Erasure, error) {
	if err := s.life.enter(); err != nil {
		return nil, err
	}
	defer s.life.leave()
	pairs, err := scan(s.view, []byte{prefixFiles}, []byte{prefixFiles}, math.MaxInt)
	if err != nil {
		return nil, err
	}
	list := make([]Erasure, len(pairs))
	for i, p := range pairs {
		chain, at, ok := parseSeqKey(p.key)
		if !ok {
			return nil, damaged(s.cfg.Dir, nil, "key %x", p.key)
		}
		raw, err := s.get(seqKey(prefixErase, chain, at))
		if err != nil {
			return nil, s.missing(err, "look-up of erase record", chain, at)
		}
		seq, _ := parseUint64(raw)
		if list[i], err = s.erasure(chain, at, seq); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// FilesErased notes that the attachments which an erase record names are gone, or
// stay because other records name them.
func (s *Store) FilesErased(e Erasure) error {
	if err := s.life.enter(); err != nil {
		return err
	}
	defer s.life.leave()
	return s.update(func(w *writer) error {
		w.remove(seqKey(prefixFiles, e.Chain, e.At))
		return nil
	})
}

// Erased is a number that grows whenever there may be something to do for Purge
// and in FilesToErase.
func (s *Store) Erased() int64 { return s.erased.Load() }

// Purge removes from the files the bytes that erase records took out of sidecars,
// and returns how many sidecars it has done. Readers and writers wait while it
// works on a chain: a second or so where the store is large. ErrBusy says that a
// [Source] is open, which may still read the old bytes; ask again later.
//
// What a file system or a disk keeps of deleted files, and copies made before,
// are beyond it.
func (s *Store) Purge(ctx context.Context) (done int, err error) {
	if err := s.life.enter(); err != nil {
		return 0, err
	}
	defer s.life.leave()
	s.purging.Lock()
	defer s.purging.Unlock()
	for _, number := range s.Chains() {
		for {
			if err := ctx.Err(); err != nil {
				return done, err
			}
			n, err := s.purgeSome(number)
			if done += n; err != nil {
				return done, fmt.Errorf("purge chain %d: %w", number, err)
			}
			if n == 0 {
				break
			}
		}
	}
	s.dropping.Store(false)
	return done, nil
}

// purgeSome does some sidecars of a chain. s.purging is held.
func (s *Store) purgeSome(number uint32) (int, error) {
	c, err := s.chain(number)
	if err != nil {
		return 0, err
	}
	c.write.Lock() // nobody else writes sidecars of the chain
	defer c.write.Unlock()
	prefix := chainKey(prefixOnItsWay, number)
	list, err := scan(s.view, prefix, prefix, purgeAtOnce)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	list = list[:oneTransaction(list)]
	s.sourceMu.Lock() // so that no source is given out meanwhile
	defer s.sourceMu.Unlock()
	if s.sources > 0 {
		return 0, ErrBusy
	}
	if err := s.disk.room(); err != nil {
		return 0, err
	}
	if err := s.dropSidecars(list); err != nil {
		return 0, err
	}
	return len(list), s.writeBack(list)
}

// oneTransaction is how many of the pairs, at least one, are written in one.
func oneTransaction(list []pair) int {
	bytes := 0
	for i, p := range list {
		if bytes += len(p.value); i > 0 && bytes > maxBatchBytes {
			return i
		}
	}
	return len(list)
}

// dropSidecars has Badger drop the keys of sidecars with all their versions.
func (s *Store) dropSidecars(list []pair) error {
	if s.cfg.Dir == "" {
		return nil
	}
	var keys [][]byte
	for _, p := range list {
		keys = append(keys, append([]byte{prefixSidecar}, p.key[1:]...))
	}
	s.commitMu.Lock() // Badger refuses writes meanwhile
	defer s.commitMu.Unlock()
	s.dropping.Store(true)
	if err := s.db.DropPrefix(keys...); err != nil {
		return fmt.Errorf("drop sidecars: %w", err)
	}
	return s.disk.syncNames()
}

// writeBack gives dropped sidecars back.
func (s *Store) writeBack(list []pair) error {
	return s.update(func(w *writer) error {
		for _, p := range list {
			key := append([]byte{prefixSidecar}, p.key[1:]...)
			if len(p.value) == 0 {
				w.remove(key)
			} else {
				w.set(key, p.value)
			}
			w.remove(p.key)
		}
		return nil
	})
}

// sidecarIn reads a sidecar. While Purge works, or if it was cut short by a crash,
// it may be on its way: its key is absent then, or even has the old value again.
func (s *Store) sidecarIn(txn *badger.Txn, chain uint32, seq uint64) ([]byte, error) {
	if s.dropping.Load() {
		if raw, err := getIn(txn, seqKey(prefixOnItsWay, chain, seq)); !errors.Is(err, ErrNotFound) {
			return raw, err
		}
	}
	return getIn(txn, seqKey(prefixSidecar, chain, seq))
}

// resumeErasures finds out after opening whether sidecars are on their way, and
// counts the erase records of each chain.
func (s *Store) resumeErasures(chains map[uint32]*chainLog) error {
	list, err := scan(s.view, []byte{prefixOnItsWay}, []byte{prefixOnItsWay}, 1)
	if err != nil {
		return err
	}
	s.dropping.Store(len(list) > 0)
	s.erased.Store(1) // whatever was left undone
	for number, c := range chains {
		prefix := chainKey(prefixErase, number)
		some, err := scan(s.view, prefix, prefix, 1)
		if err != nil {
			return err
		}
		c.erasures.Store(int64(len(some)))
	}
	return nil
}

func hashesValue(list []ledger.Hash) []byte {
	var b []byte
	for i := range list {
		b = append(b, list[i][:]...)
	}
	return b
}

func parseHashes(raw []byte) []ledger.Hash {
	var list []ledger.Hash
	for h := range slices.Chunk(raw, len(ledger.Hash{})) {
		list = append(list, ledger.Hash(h[:len(h):len(h)]))
	}
	return list
}
