package node

import (
	"maps"
	"sync"

	"suyuan/trace"
)

const (
	// maxMemo bounds the look-ups that are remembered, and maxMemoList the positions
	// of one: some megabytes, for the products, runs, places and parties of the
	// codes that are asked for just now.
	maxMemo     = 4096
	maxMemoList = 64
)

// A memo remembers small look-ups in the index that most codes of a product share:
// its records, its runs, who had it. What lies within a cut stays the same, so
// that it is right for as long as the cut does. The zero value is empty.
type memo struct {
	mu    sync.Mutex // guards what follows
	cut   map[uint32]uint64
	lists map[string][]trace.Position // shared: nobody changes them
}

// positions returns what find returns for something with that name within a cut.
func (m *memo) positions(cut map[uint32]uint64, name string, find func() ([]trace.Position, error)) ([]trace.Position, error) {
	if list, ok := m.get(cut, name); ok {
		return list, nil
	}
	list, err := find()
	if err == nil && len(list) <= maxMemoList {
		m.put(cut, name, list)
	}
	return list, err
}

// get forgets what an older cut had. An older cut than that of the memo, or none,
// is no reason to.
func (m *memo) get(cut map[uint32]uint64, name string) ([]trace.Position, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if maps.Equal(m.cut, cut) {
		list, ok := m.lists[name]
		return list, ok
	}
	for chain, size := range m.cut {
		if cut[chain] < size {
			return nil, false
		}
	}
	if cut != nil {
		m.cut, m.lists = maps.Clone(cut), make(map[string][]trace.Position)
	}
	return nil, false
}

func (m *memo) put(cut map[uint32]uint64, name string, list []trace.Position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if cut == nil || !maps.Equal(m.cut, cut) {
		return
	}
	if len(m.lists) >= maxMemo {
		clear(m.lists)
	}
	m.lists[name] = list
}

// party is index.Party, remembered.
func (n *Node) party(member, slug string, cut map[uint32]uint64) ([]trace.Position, error) {
	return n.memo.positions(cut, "party "+member+"/"+slug, func() ([]trace.Position, error) { return n.index.Party(member, slug, cut) })
}

// place is index.Place, remembered.
func (n *Node) place(member, id string, cut map[uint32]uint64) ([]trace.Position, error) {
	return n.memo.positions(cut, "place "+member+"/"+id, func() ([]trace.Position, error) { return n.index.Place(member, id, cut) })
}
