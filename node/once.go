package node

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"suyuan/ledger"
	"suyuan/ledger/store"
)

// The journal of keys, imports/journal in the node's directory, is a sequence
// of elements of 64 bytes:
//
//	key        32 bytes, chosen by the caller of [Node.SubmitOnce]
//	record id  32 bytes, of a record that was signed for the key
//
// After the element of a key that is only a name stands one more, whose key tells
// what the draft said too: see [Keyed].
//
// An element is fsynced before its record is appended and is never changed. It
// says nothing about whether the record was stored: that says the store alone,
// which is asked for the id. So there is no moment at which a crash could make
// a key be used twice, and what a crash leaves half written is harmless: a torn
// element is cut off before the next one is appended, and bytes that are no
// element of ours name no record in the store. A key whose records were all
// refused may be used again.
const journalElement = 2 * len(ledger.Hash{})

// A Keyed is a draft with a key of its own, such as a digest of the row of a
// file from which it was made.
type Keyed struct {
	Key   ledger.Hash
	Named bool // the key is a name that somebody chose, and says nothing of the draft
	Draft []byte
}

// whole is the key of a named draft together with what it says: the SHA-256 of a
// prefix, its key and its JSON without white space, keys in order.
func (k Keyed) whole() ledger.Hash {
	said := k.Draft
	var v any
	dec := json.NewDecoder(bytes.NewReader(k.Draft))
	dec.UseNumber()
	if dec.Decode(&v) == nil {
		if again, err := json.Marshal(v); err == nil {
			said = again
		}
	}
	return sha256.Sum256(slices.Concat([]byte("suyuan/named-draft/v1\x00"), k.Key[:], said))
}

// SubmitOnce is [Node.Submit] for callers who may ask again after a crash or by
// mistake: a key gets one record on this node's chain and no more. A draft whose
// key has one already is answered with the place of that record and Again, unless
// the key is a name and the record was made of another draft: that is refused, as
// the second would be lost.
func (n *Node) SubmitOnce(ctx context.Context, who Signer, list []Keyed) []Placed {
	placed := make([]Placed, len(list))
	n.keyed.Lock()
	defer n.keyed.Unlock()
	if err := n.noted.learn(n); err != nil {
		return failAll(placed, fmt.Errorf("read keys: %w", err))
	}
	fresh, err := n.fresh(list, placed)
	if err != nil {
		return failAll(placed, err)
	}
	env, err := n.draftEnv(ctx)
	if err != nil {
		return failAll(placed, err)
	}
	subs := make([]*store.Submission, len(list))
	store.OnAllCores(len(fresh), func(i int) {
		at := fresh[i]
		subs[at], placed[at].Err = n.signDraft(env, who, list[at].Draft)
	})
	if err := ctx.Err(); err != nil {
		return failAll(placed, err)
	}
	if err := n.noteKeys(list, subs); err != nil {
		return failAll(placed, storeRefusal(err))
	}
	// Once the keys are noted, the answer has to be waited for: a record that is
	// still on its way to the store would look like one that was never stored.
	n.append(context.WithoutCancel(ctx), subs, placed)
	answerTwins(list, placed)
	return placed
}

// fresh fills in the places of drafts whose keys have a record, refuses those whose
// names have one of another draft, and returns the indexes of the others, each key
// once.
func (n *Node) fresh(list []Keyed, placed []Placed) ([]int, error) {
	first := firstOf(list)
	var fresh []int
	for i, k := range list {
		if first[k.Key] == i {
			fresh = append(fresh, i)
		}
	}
	if !n.noted.mayHave(list) {
		answerTwins(list, placed)
		return fresh, nil
	}
	wholes, same := wholesOf(list, fresh), make(map[int]bool)
	err := n.readJournal(func(key, id ledger.Hash) error {
		if i, asked := wholes[key]; asked && placed[i].Again && placed[i].ID == id {
			same[i] = true
		}
		i, asked := first[key]
		if !asked || placed[i].Again {
			return nil
		}
		p, stored, err := n.Find(id)
		if stored {
			p.Again = true
			placed[i] = p
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look keys up: %w", err)
	}
	for _, i := range wholes {
		if p := &placed[i]; p.Again && !same[i] {
			*p = Placed{Err: refuse(422, "key-of-another", "the record %s was made of another draft under this name. Give what is new a name of its own.", p.ID)}
		}
	}
	answerTwins(list, placed)
	return slices.DeleteFunc(fresh, func(i int) bool { return placed[i].Again || placed[i].Err != nil }), nil
}

// wholesOf tells where in a list the named among some drafts stand, by what they say.
func wholesOf(list []Keyed, which []int) map[ledger.Hash]int {
	wholes := make(map[ledger.Hash]int)
	for _, i := range which {
		if list[i].Named {
			wholes[list[i].whole()] = i
		}
	}
	return wholes
}

// firstOf tells where in a list each key stands first.
func firstOf(list []Keyed) map[ledger.Hash]int {
	first := make(map[ledger.Hash]int, len(list))
	for i, k := range list {
		if _, twin := first[k.Key]; !twin {
			first[k.Key] = i
		}
	}
	return first
}

// answerTwins gives a key that stands in the list again the answer of the first.
func answerTwins(list []Keyed, placed []Placed) {
	first := firstOf(list)
	for i, k := range list {
		if at := first[k.Key]; at != i {
			placed[i] = placed[at].twin()
		}
	}
}

// twin is the answer to what stands in a list again.
func (p Placed) twin() Placed {
	p.Again = p.Err == nil && !p.ID.IsZero()
	return p
}

func failAll(placed []Placed, err error) []Placed {
	for i := range placed {
		if !placed[i].Again {
			placed[i] = Placed{Err: err}
		}
	}
	return placed
}

// A keyMemory has the beginnings of all keys in the journal, so that this need not
// be read for keys that are new, as most are: some twenty bytes for each record that
// ever had one. It is learned with the first draft that has a key.
type keyMemory struct {
	mu     sync.RWMutex
	begins map[uint64]struct{} // nil until learned
}

// learn reads the journal, once. The caller holds Node.keyed, so that no key is
// noted meanwhile.
func (m *keyMemory) learn(n *Node) error {
	if m.begins != nil {
		return nil
	}
	begins := make(map[uint64]struct{})
	err := n.readJournal(func(key, _ ledger.Hash) error {
		begins[beginOf(key[:])] = struct{}{}
		return nil
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begins = begins
	return nil
}

// mayHave reports whether the journal may have one of the keys.
func (m *keyMemory) mayHave(list []Keyed) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.begins == nil || slices.ContainsFunc(list, func(k Keyed) bool {
		_, ok := m.begins[beginOf(k.Key[:])]
		return ok
	})
}

// note adds the keys of elements that are going to be written: one too many does no
// harm. The caller holds Node.keyed.
func (m *keyMemory) note(elements []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begins == nil {
		return
	}
	for e := range slices.Chunk(elements, journalElement) {
		m.begins[beginOf(e)] = struct{}{}
	}
}

func beginOf(key []byte) uint64 { return binary.BigEndian.Uint64(key) }

func (n *Node) journalPath() string { return filepath.Join(n.dir, dirImports, fileJournal) }

// readJournal calls visit for every element. It reads 64 bytes for each record
// ever imported, a quarter of a second for a million, and keeps nothing in memory.
func (n *Node) readJournal(visit func(key, id ledger.Hash) error) error {
	f, err := os.Open(n.journalPath())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<18)
	var element [journalElement]byte
	for {
		_, err := io.ReadFull(r, element[:])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(ledger.Hash(element[:32]), ledger.Hash(element[32:])); err != nil {
			return err
		}
	}
}

// noteKeys puts keys and the ids of the records that were signed for them into
// the journal, while there is room for the records too.
func (n *Node) noteKeys(list []Keyed, subs []*store.Submission) (err error) {
	var b bytes.Buffer
	for i, s := range subs {
		if s != nil {
			b.Write(list[i].Key[:])
			b.Write(s.Record.ID[:])
			if list[i].Named {
				whole := list[i].whole()
				b.Write(whole[:])
				b.Write(s.Record.ID[:])
			}
		}
	}
	if b.Len() == 0 {
		return nil
	}
	n.noted.note(b.Bytes())
	defer func() {
		if err != nil {
			err = fmt.Errorf("note keys: %w", err)
		}
	}()
	if err := n.store.Room(); err != nil {
		return err
	}
	path := n.journalPath()
	_, missing := os.Stat(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := appendElements(f, b.Bytes()); err != nil || missing == nil {
		return err
	}
	return errors.Join(syncDir(filepath.Dir(path)), syncDir(n.dir))
}

// appendElements writes after the last whole element and fsyncs.
func appendElements(f *os.File, data []byte) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	end -= end % int64(journalElement)
	if _, err := f.WriteAt(data, end); err != nil {
		return err
	}
	return f.Sync()
}
