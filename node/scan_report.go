package node

import (
	"context"
	"errors"
	"slices"
	"time"

	keep "suyuan/node/scan"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
	"suyuan/trace/scan"
)

// A ScanReport is what this node and others counted of scans: where codes were
// scanned first, and the codes that are most likely to have been copied.
type ScanReport struct {
	Nodes  []ScanNode    `json:"nodes"`  // whose counts these are, ascending by number
	Places []ScanPlace   `json:"places"` // those with most codes first
	Codes  []ScanSuspect `json:"codes"`  // the most suspicious first
}

// A ScanNode is what one node counted.
type ScanNode struct {
	Chain  string `json:"chain"` // <member>/<number>
	Member string `json:"member"`
	Own    bool   `json:"own"` // the node that answers
	Codes  uint64 `json:"codes"`
	Scans  uint64 `json:"scans"`
}

// A ScanPlace is a city, or a country where no more is known; all empty where
// nothing is.
type ScanPlace struct {
	Country string `json:"country"`
	Zh      string `json:"zh"`
	En      string `json:"en"`
	Codes   uint64 `json:"codes"` // scanned first there
	Scans   uint64 `json:"scans"` // of these codes, wherever
}

// A ScanSuspect is a code that several devices seem to have scanned since it was
// sold last. A warning, and no proof: goods are given away and shown around.
type ScanSuspect struct {
	GTIN  string    `json:"gtin,omitempty"` // empty if no pack here has the code
	Run   uint16    `json:"run"`
	Index uint32    `json:"index"`
	URI   string    `json:"uri,omitempty"` // on the node that issued the code
	Count uint64    `json:"count"`         // of all nodes
	First time.Time `json:"first"`         // likewise

	// What only the node that answers can know, of its own pages.
	Devices uint64 `json:"devices"`
	Cities  int    `json:"cities"`
	Travel  bool   `json:"travel"` // two scans were too far apart for the time between them

	Nodes []scan.NodeView `json:"nodes"` // who counted what
}

// Report adds up the scans that this node and others counted, or only nodes of some
// members. It reads all of them: a couple of seconds for a million codes.
func (s *Scans) Report(ctx context.Context, suspects int, members []string) (*ScanReport, error) {
	out := &ScanReport{Nodes: []ScanNode{}, Places: []ScanPlace{}, Codes: []ScanSuspect{}}
	c := s.counter()
	if c == nil {
		return out, nil
	}
	r := scan.NewReport(s.node.chain, suspects)
	own := s.wanted(members, s.node.chain)
	err := c.All(ctx, func(rec *scan.Record, all *scan.Tally) {
		all.Only(func(node uint32) bool { return s.counts(node) && s.wanted(members, node) })
		if !own {
			rec = new(scan.Record)
		}
		if rec.Count > 0 {
			all.Merge([]scan.Share{rec.Share(s.node.chain)})
		}
		r.Add(all.Item, all.Cycle, rec, all)
	})
	if err != nil && !errors.Is(err, keep.ErrClosed) {
		return nil, err
	}
	for _, n := range r.Nodes() {
		out.Nodes = append(out.Nodes, ScanNode{s.chainName(n.Node), s.node.Network().MemberOf(n.Node), n.Node == s.node.chain, n.Codes, n.Scans})
	}
	for _, p := range r.Places() {
		names := p.Place.Names()
		out.Places = append(out.Places, ScanPlace{p.Place.Country, names.Zh, names.En, p.Codes, p.Scans})
	}
	out.Codes, err = s.suspects(ctx, r.Suspects())
	return out, err
}

// wanted reports whether a node is one of those members', or any node if no member
// is named.
func (s *Scans) wanted(members []string, node uint32) bool {
	return len(members) == 0 || slices.Contains(members, s.node.Network().MemberOf(node))
}

// suspects names codes as far as the packs are here.
func (s *Scans) suspects(ctx context.Context, list []scan.Suspect) ([]ScanSuspect, error) {
	rows := []ScanSuspect{}
	if len(list) == 0 {
		return rows, nil
	}
	runs, err := s.node.index.Runs(gs1.GTIN{}, nil)
	if err != nil {
		return nil, err
	}
	for _, x := range list {
		row := ScanSuspect{
			Count: x.All.Count(), First: time.UnixMilli(x.All.First().First).UTC(), Devices: x.Record.Devices, Cities: len(x.Record.Cities),
			Travel: x.Record.Travel != nil, Nodes: x.All.Nodes(s.chainName, time.UTC),
		}
		if err := s.node.nameSuspect(ctx, &row, code.Hash(x.Item), runs); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// nameSuspect finds the code with a hash in the packs that are here.
func (n *Node) nameSuspect(ctx context.Context, row *ScanSuspect, hash code.Hash, runs []index.Run) error {
	for _, run := range runs {
		record, err := n.runOf(run.GTIN, run.Number, nil)
		if err != nil {
			return err
		}
		if record == nil {
			continue
		}
		prover, err := n.packs.get(ctx, record.Fields.Hash("pack"), record.Fields.Hash("root"))
		if err != nil {
			continue // not here, or bad: its codes cannot be named
		}
		at, found, err := prover.Pack().Lookup(hash)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		row.GTIN, row.Run, row.Index = run.GTIN.String(), run.Number, at
		codes, uri, err := n.Codes(run.GTIN, run.Number, at, at+1)
		if err != nil {
			return nil // another node issued it, and it alone knows serials
		}
		for _, serial := range codes {
			row.URI = uri(serial)
		}
		return nil
	}
	return nil
}
