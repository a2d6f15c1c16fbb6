package node

import (
	"context"
	"errors"
	"time"

	keep "suyuan/node/scan"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
	"suyuan/trace/scan"
)

// A ScanReport is what this node counted of scans: where codes were scanned first,
// and the codes that are most likely to have been copied.
type ScanReport struct {
	Places []ScanPlace   `json:"places"` // those with most codes first
	Codes  []ScanSuspect `json:"codes"`  // the most suspicious first
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

// A ScanSuspect is a code that several devices have scanned since it was sold
// last. A warning, and no proof: goods are given away and shown around.
type ScanSuspect struct {
	GTIN    string    `json:"gtin,omitempty"` // empty if no pack here has the code
	Run     uint16    `json:"run"`
	Index   uint32    `json:"index"`
	URI     string    `json:"uri,omitempty"` // on the node that issued the code
	Count   uint64    `json:"count"`
	Devices uint64    `json:"devices"`
	Cities  int       `json:"cities"`
	Travel  bool      `json:"travel"` // two scans were too far apart for the time between them
	First   time.Time `json:"first"`
}

// Report adds up the scans of this node. It reads all of them: a couple of seconds
// for a million codes.
func (s *Scans) Report(ctx context.Context, suspects int) (*ScanReport, error) {
	out := &ScanReport{Places: []ScanPlace{}, Codes: []ScanSuspect{}}
	c := s.counter()
	if c == nil {
		return out, nil
	}
	r := scan.NewReport(suspects)
	if err := c.Records(ctx, r.Add); err != nil && !errors.Is(err, keep.ErrClosed) {
		return nil, err
	}
	for _, p := range r.Places() {
		names := p.Place.Names()
		out.Places = append(out.Places, ScanPlace{p.Place.Country, names.Zh, names.En, p.Codes, p.Scans})
	}
	if len(r.Suspects()) == 0 {
		return out, nil
	}
	runs, err := s.node.index.Runs(gs1.GTIN{}, nil)
	if err != nil {
		return nil, err
	}
	for _, x := range r.Suspects() {
		row := ScanSuspect{Count: x.Record.Count, Devices: x.Record.Devices, Cities: len(x.Record.Cities),
			Travel: x.Record.Travel != nil, First: time.UnixMilli(x.Record.First).UTC()}
		if err := s.node.nameSuspect(ctx, &row, code.Hash(x.Item), runs); err != nil {
			return nil, err
		}
		out.Codes = append(out.Codes, row)
	}
	return out, nil
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
