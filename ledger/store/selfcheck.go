package store

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"suyuan/ledger"
)

// SelfCheck implements [ledger.SelfChecker]: it goes through all keys once and
// reports those that do not belong to what the heads promise, and look-ups that
// lead elsewhere. A wrong look-up would make the store answer a new record with
// the place of another, and never store it.
func (src *Source) SelfCheck(net *ledger.Network, found func(ledger.Problem)) {
	c := &selfCheck{src: src, net: net, found: found, sizes: make(map[uint32]uint64)}
	_, err := inside(src, func() (struct{}, error) { return struct{}{}, c.run() })
	if err != nil {
		c.problem(ledger.CodeUnreadable, "keys", "%v", err)
	}
}

type selfCheck struct {
	src    *Source
	net    *ledger.Network
	found  func(ledger.Problem)
	sizes  map[uint32]uint64 // by chain, as the heads say
	layout bool
}

func (c *selfCheck) problem(code ledger.Code, what, format string, args ...any) {
	c.found(ledger.Problem{What: what, Code: code, Detail: fmt.Sprintf(format, args...)})
}

func (c *selfCheck) atSeq(chain uint32, seq uint64, code ledger.Code, what, format string, args ...any) {
	name := ledger.ChainName(c.net.MemberOf(chain), chain)
	c.found(ledger.Problem{Chain: name, Seq: &seq, What: what, Code: code, Detail: fmt.Sprintf(format, args...)})
}

func (c *selfCheck) run() error {
	for _, n := range c.net.Chains() {
		if state, err := readHead(c.src.view, n); err == nil {
			c.sizes[n] = state.Size
		}
	}
	_, err := callBadger(func() (struct{}, error) {
		return struct{}{}, c.src.view(func(txn *badger.Txn) error {
			it := txn.NewIterator(badger.DefaultIteratorOptions)
			defer it.Close()
			for it.Rewind(); it.Valid(); it.Next() {
				key := it.Item().KeyCopy(nil)
				value, err := it.Item().ValueCopy(nil)
				if err != nil {
					c.problem(ledger.CodeUnreadable, "keys", "key %x: %v", key, err)
					continue
				}
				c.pair(key, value)
			}
			return nil
		})
	})
	if !c.layout {
		c.problem(ledger.CodeHead, "layout", "the layout key is not there")
	}
	return err
}

// pair checks one key with its value.
func (c *selfCheck) pair(key, value []byte) {
	chain, seq, ok := parseSeqKey(key)
	ok = ok && c.net.MemberOf(chain) != ""
	switch prefix := key[0]; {
	case prefix == prefixLayout:
		c.checkLayout(value)
	case prefix == prefixCharter && len(key) == 9:
		c.checkCharter(key, value)
	case prefix == prefixEntry && ok:
		c.checkEntry(chain, seq, value)
	case prefix == prefixSidecar && ok:
		if seq >= c.sizes[chain] {
			c.atSeq(chain, seq, ledger.CodeHead, "sidecar", "it stands beyond the head")
		}
	case prefix == prefixFrontier && ok:
		c.checkFrontier(chain, seq, value)
	case prefix == prefixSeen && len(key) == 17:
		c.checkSeen(key, value)
	case prefix == prefixRecord && len(key) == 33:
		c.checkRecord(ledger.Hash(key[1:]), value)
	case prefix == prefixTile && len(key) == 14:
		c.checkTile(key)
	case bytes.IndexByte([]byte{prefixHead, prefixRights, prefixLatest, prefixFinal, prefixEvidence}, prefix) >= 0 && len(key) == 5:
	case prefix == prefixErased && len(key) == 45:
		chain, seq, _ := parseErasedKey(key)
		at, ok := parseUint64(value)
		if !ok {
			c.atSeq(chain, seq, ledger.CodeForm, "erasure", "the look-up has %d bytes", len(value))
		}
		c.checkErased(chain, seq, at)
	case prefix == prefixErase && ok:
		at := seq
		seq, ok := parseUint64(value)
		if !ok {
			c.atSeq(chain, at, ledger.CodeForm, "erasure", "the look-up has %d bytes", len(value))
		}
		c.checkErased(chain, seq, at)
	case bytes.IndexByte([]byte{prefixLacking, prefixOnItsWay, prefixFiles}, prefix) >= 0 && ok:
		if seq >= c.sizes[chain] {
			c.atSeq(chain, seq, ledger.CodeHead, "erasure", "it stands beyond the head")
		}
	case prefix == prefixConflict && len(key) == 1:
	case prefix == prefixContradict && len(key) == 5:
		c.problem(ledger.CodeCheckpoint, "checkpoint", "a checkpoint under the own log key contradicts the own chain")
	default:
		c.problem(ledger.CodeForm, "keys", "key %x is none of the layout", key)
	}
}

func (c *selfCheck) checkLayout(value []byte) {
	c.layout = true
	version, network, ok := parseLayout(value)
	if !ok || version != layoutVersion || network != c.net.ID {
		c.problem(ledger.CodeHead, "layout", "the layout key says %x", value)
	}
}

func (c *selfCheck) checkCharter(key, value []byte) {
	for _, v := range c.net.Versions() {
		if bytes.Equal(key, charterKey(v.Charter.Version)) {
			return
		}
	}
	c.problem(ledger.CodeCharter, "charter", "key %x holds no version of the network", key)
}

// checkEntry holds that a frontier entry can be looked up.
func (c *selfCheck) checkEntry(chain uint32, seq uint64, raw []byte) {
	if seq >= c.sizes[chain] {
		c.atSeq(chain, seq, ledger.CodeHead, "entry", "it stands beyond the head")
	}
	e, err := ledger.DecodeEntry(raw)
	if err != nil || e.Kind != ledger.EntryFrontier {
		return // what is wrong with an entry is reported elsewhere
	}
	stored, err := getValue(c.src.view, seqKey(prefixFrontier, chain, seq))
	if err != nil || !bytes.Equal(stored, e.Payload) {
		c.atSeq(chain, seq, ledger.CodeFrontier, "frontier look-up", "it is not what the entry says")
	}
	f, err := ledger.DecodeFrontier(e.Payload)
	if err != nil {
		return
	}
	for _, s := range f {
		size, err := getValue(c.src.view, seenKey(chain, s.Chain, seq))
		if err != nil || !bytes.Equal(size, uint64Value(s.Size)) {
			c.atSeq(chain, seq, ledger.CodeFrontier, "frontier look-up", "it does not lead to size %d of chain %d", s.Size, s.Chain)
		}
	}
}

// checkErased holds that a look-up leads from a record to the erase record about
// it.
func (c *selfCheck) checkErased(chain uint32, seq, at uint64) {
	target, err := c.entryAt(chain, seq, ledger.EntryRecord)
	if err != nil {
		c.atSeq(chain, at, ledger.CodeRecordID, "erasure", "entry %d, which it is said to be about, is no record: %v", seq, err)
		return
	}
	e, err := c.entryAt(chain, at, ledger.EntryRecord)
	if err == nil {
		var r *ledger.Record
		if r, err = ledger.DecodeRecord(e.Payload); err == nil {
			f, bad := r.Erases()
			if bad == nil && f != nil && f.Record == ledger.Keccak(target.Payload) {
				return
			}
			err = errors.New("it is not about that record")
		}
	}
	c.atSeq(chain, at, ledger.CodeRecordID, "erasure", "entry %d is said to be erased there: %v", seq, err)
}

// entryAt reads the entry to which a look-up leads.
func (c *selfCheck) entryAt(chain uint32, seq uint64, kind ledger.EntryKind) (*ledger.Entry, error) {
	raw, err := getValue(c.src.view, seqKey(prefixEntry, chain, seq))
	if err != nil {
		return nil, err
	}
	e, err := ledger.DecodeEntry(raw)
	if err != nil {
		return nil, err
	}
	if e.Kind != kind {
		return nil, errors.New("the entry is of another kind")
	}
	return e, nil
}

// checkFrontier holds that a look-up belongs to a frontier entry; that it says
// the same is checked from there.
func (c *selfCheck) checkFrontier(chain uint32, seq uint64, value []byte) {
	if _, err := c.entryAt(chain, seq, ledger.EntryFrontier); err != nil {
		c.atSeq(chain, seq, ledger.CodeFrontier, "frontier look-up", "it belongs to no entry: %v", err)
	}
}

func (c *selfCheck) checkSeen(key, value []byte) {
	chain, about, seq := parseSeenKey(key)
	e, err := c.entryAt(chain, seq, ledger.EntryFrontier)
	if err == nil {
		var f ledger.Frontier
		if f, err = ledger.DecodeFrontier(e.Payload); err == nil {
			for _, s := range f {
				if s.Chain == about {
					return // the size is checked from the entry
				}
			}
			err = errors.New("the entry does not name that chain")
		}
	}
	c.atSeq(chain, seq, ledger.CodeFrontier, "frontier look-up", "it belongs to no entry: %v", err)
}

// checkRecord holds that a look-up by id leads to that record; that each record
// has its look-up is checked by [ledger.Verify].
func (c *selfCheck) checkRecord(id ledger.Hash, value []byte) {
	chain, seq, ok := parsePlace(value)
	if !ok {
		c.problem(ledger.CodeRecordID, "record index", "the place of record %s has %d bytes", id, len(value))
		return
	}
	e, err := c.entryAt(chain, seq, ledger.EntryRecord)
	if err == nil && ledger.Keccak(e.Payload) != id {
		err = errors.New("the entry is another record")
	}
	if err != nil {
		c.atSeq(chain, seq, ledger.CodeRecordID, "record index", "record %s is said to stand there: %v", id, err)
	}
}

// checkTile holds that a tile lies within its tree; what it holds is checked by
// [ledger.Verify].
func (c *selfCheck) checkTile(key []byte) {
	chain, t := parseTileKey(key)
	hashes := uint64(0) // of the tree at the tile's level
	if t.Level < 64/ledger.TileHeight {
		hashes = c.sizes[chain] >> (ledger.TileHeight * uint(t.Level))
	}
	if hashes == 0 || t.Index > (hashes-1)/ledger.TileWidth {
		c.problem(ledger.CodeTree, fmt.Sprintf("tile %d/%d", t.Level, t.Index), "chain %d has no such tile", chain)
	}
}
