package scan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// A report keeps the suspects that sorting all records would put first, and counts
// each scan once by place and once by node.
func TestReport(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	r := NewReport(3, 5)
	var all []Suspect
	codes, scans := uint64(0), uint64(0)
	byNode := make(map[uint32]uint64)
	cities := []Place{{}, {Country: "CN", Zh: "杭州", En: "Hangzhou"}, {Country: "CN", Zh: "杭州", En: "Hangzhou", Located: true, North: 302}, {Country: "SG"}}
	for i := range 300 {
		rec := new(Record)
		tally := new(Tally)
		if rnd.IntN(3) > 0 {
			rec = &Record{First: 5, FirstPlace: cities[rnd.IntN(len(cities))], Count: 1 + rnd.Uint64N(9), Devices: rnd.Uint64N(7), Cities: cities[:rnd.IntN(4)]}
			tally.Merge([]Share{rec.Share(3)})
		}
		if rnd.IntN(100) == 0 {
			rec.Travel = &Travel{}
		}
		devices := rec.Devices
		for _, node := range []uint32{1, 9} {
			if n := rnd.Uint64N(6); n > 0 {
				tally.Merge([]Share{{Node: node, Count: n, First: 1 + rnd.Int64N(9), Place: cities[rnd.IntN(len(cities))]}})
				devices += (n + 1) / 2
			}
		}
		s := Suspect{Key{byte(i), byte(i >> 8)}, uint16(i % 3), rec, tally, devices}
		r.Add(s.Item, s.Cycle, rec, tally)
		if len(tally.Shares) == 0 {
			continue
		}
		codes++
		scans += tally.Count()
		for _, s := range tally.Shares {
			byNode[s.Node] += s.Count
		}
		if devices > 1 || rec.Travel != nil {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, compareSuspects)
	if got := r.Suspects(); fmt.Sprint(got) != fmt.Sprint(all[:5]) {
		t.Errorf("got %v, want %v", got, all[:5])
	}
	places := r.Places()
	for _, p := range places {
		codes -= p.Codes
		scans -= p.Scans
	}
	if len(places) != 3 || codes != 0 || scans != 0 || places[0].Codes < places[1].Codes {
		t.Errorf("places %v leave %d codes and %d scans", places, codes, scans)
	}
	nodes := r.Nodes()
	for _, n := range nodes {
		if n.Scans != byNode[n.Node] {
			t.Errorf("node %d counted %d, is said to have counted %d", n.Node, byNode[n.Node], n.Scans)
		}
	}
	if len(nodes) != 3 || nodes[1].Node != 3 {
		t.Errorf("nodes %v", nodes)
	}
}

// A node that makes up counts for a thousand codes does not drown one that phones
// scanned here and elsewhere.
func TestReportWithALyingNode(t *testing.T) {
	r := NewReport(3, 2)
	for i := range 1000 {
		r.Add(Key{1, byte(i), byte(i >> 8)}, 0, new(Record), &Tally{Shares: []Share{{Node: 7, Count: 1 << 60, First: 1}}})
	}
	rec := &Record{First: 1, Count: 200, Devices: MaxDevices, More: true}
	r.Add(Key{9}, 0, rec, &Tally{Shares: []Share{{Node: 2, Count: 30, First: 1}, rec.Share(3)}})
	if top := r.Suspects(); len(top) != 2 || top[0].Item != (Key{9}) {
		t.Errorf("the most suspicious are %v", top)
	}
}
