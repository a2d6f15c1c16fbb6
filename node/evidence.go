package node

import (
	"time"

	"suyuan/ledger"
)

// Evidence returns the proof that the author of a chain signed two histories,
// with the charters, or for chain 0 that there are two complete charters of one
// version; nil if there is none.
func (n *Node) Evidence(chain uint32) *ledger.EvidenceFile {
	f := &ledger.EvidenceFile{Charters: n.store.Charters()}
	if chain == 0 {
		if f.Charter = n.store.Conflict(); f.Charter == nil {
			return nil
		}
		return f
	}
	if f.Fork = n.store.Evidence(chain); f.Fork == nil {
		return nil
	}
	return f
}

// An Orphan is a record of this member that stands beyond the end of its chain
// and does not count. Its signer signs it again, on another chain.
type Orphan struct {
	Chain  string         `json:"chain"`
	Seq    uint64         `json:"position"`
	ID     ledger.Hash    `json:"id"`
	Kind   string         `json:"kind"`
	At     time.Time      `json:"at"`
	Signer ledger.Address `json:"signer"`
}

// Orphans lists the records of this member that stand beyond an end.
func (n *Node) Orphans() ([]Orphan, error) {
	list := []Orphan{}
	net := n.Network()
	for _, end := range net.Newest().Charter.Ended {
		if net.MemberOf(end.Chain) != n.member.Member {
			continue
		}
		seq := end.Size
		for item, err := range n.store.Entries(end.Chain, end.Size, n.store.Size(end.Chain)) {
			if err != nil {
				return list, err
			}
			o, err := ledger.ReadEntry(item.Entry)
			if err != nil {
				return list, err
			}
			if o.Record != nil {
				r := &o.Record.Record
				list = append(list, Orphan{
					Chain: ledger.ChainName(n.member.Member, end.Chain), Seq: seq, ID: o.Record.ID,
					Kind: r.KindName(), At: time.UnixMilli(r.At).UTC(), Signer: r.Signer,
				})
			}
			seq++
		}
	}
	return list, nil
}
