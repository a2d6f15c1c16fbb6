package scan

import (
	"cmp"
	"maps"
	"slices"
)

// A Report adds up what is known of the scans of all items: where codes are
// scanned first, who counted how much, and which codes are most likely to have been
// copied. Make it with [NewReport].
type Report struct {
	own    uint32
	places []PlaceCount
	number map[Place]int // in places, without position
	nodes  map[uint32]*NodeCount
	top    []Suspect // the most suspicious first
	max    int
}

// A PlaceCount is how many codes were scanned first in a city or country, and how
// often they were scanned, wherever that was: of a code the place of the first scan
// is known, and no counts by place.
type PlaceCount struct {
	Place Place
	Codes uint64
	Scans uint64
}

// A NodeCount is how many codes a node saw scanned, and how often.
type NodeCount struct {
	Node  uint32
	Codes uint64
	Scans uint64
}

// A Suspect is a code that several devices seem to have scanned.
type Suspect struct {
	Item   Key
	Cycle  uint16
	Record *Record // of this node
	All    *Tally  // of all nodes

	devices uint64 // about
}

// NewReport makes a report of a node with so many suspects at most.
func NewReport(own uint32, suspects int) *Report {
	return &Report{own: own, number: make(map[Place]int), nodes: make(map[uint32]*NodeCount), max: suspects}
}

// Add adds what this node remembers of an item, the zero Record if nothing, and
// the tally of all nodes, this one's share among them. Neither must change
// afterwards.
func (r *Report) Add(item Key, cycle uint16, rec *Record, all *Tally) {
	first := all.First()
	if first == nil {
		return
	}
	r.addPlace(first.Place, all.Count())
	for _, s := range all.Shares {
		n := r.nodes[s.Node]
		if n == nil {
			n = &NodeCount{Node: s.Node}
			r.nodes[s.Node] = n
		}
		n.Codes++
		n.Scans += min(s.Count, MaxShare)
	}
	s := Suspect{Item: item, Cycle: cycle, Record: rec, All: all, devices: rec.Devices + r.elsewhere(all)}
	if r.max == 0 || s.devices < 2 && rec.Travel == nil {
		return
	}
	at, _ := slices.BinarySearchFunc(r.top, s, compareSuspects)
	if at == r.max {
		return
	}
	if len(r.top) == r.max {
		r.top = r.top[:r.max-1]
	}
	r.top = slices.Insert(r.top, at, s)
}

func (r *Report) addPlace(first Place, scans uint64) {
	city := Place{Country: first.Country, Zh: first.Zh, En: first.En}
	n, known := r.number[city]
	if !known {
		n = len(r.places)
		r.number[city] = n
		r.places = append(r.places, PlaceCount{Place: city})
	}
	r.places[n].Codes++
	r.places[n].Scans += scans
}

// elsewhere is about how many devices scanned an item at other nodes, which tell
// nothing but counts. One owner looks twice, as in [ThresholdsOf]; and no node's
// word is worth more than what a node can tell apart itself, so that one that makes
// up counts does not drown what others saw.
func (r *Report) elsewhere(all *Tally) (devices uint64) {
	for _, s := range all.Shares {
		if s.Node != r.own {
			devices += min((s.Count+1)/2, MaxDevices)
		}
	}
	return devices
}

// compareSuspects puts first what no traveller could have done, then what most
// devices scanned, in most cities, most often.
func compareSuspects(a, b Suspect) int {
	travelled := func(s Suspect) int {
		if s.Record.Travel != nil {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(travelled(b), travelled(a)), cmp.Compare(b.devices, a.devices),
		cmp.Compare(len(b.Record.Cities), len(a.Record.Cities)), cmp.Compare(b.All.Count(), a.All.Count()),
		slices.Compare(a.Item[:], b.Item[:]), cmp.Compare(a.Cycle, b.Cycle))
}

// Places returns the places, those with most codes first.
func (r *Report) Places() []PlaceCount {
	list := slices.Clone(r.places)
	slices.SortFunc(list, func(a, b PlaceCount) int {
		return cmp.Or(cmp.Compare(b.Codes, a.Codes), cmp.Compare(b.Scans, a.Scans), a.Place.compare(b.Place))
	})
	return list
}

// Nodes returns the nodes that counted something, ascending.
func (r *Report) Nodes() []NodeCount {
	var list []NodeCount
	for _, node := range slices.Sorted(maps.Keys(r.nodes)) {
		list = append(list, *r.nodes[node])
	}
	return list
}

// Suspects returns the most suspicious codes, in order.
func (r *Report) Suspects() []Suspect { return slices.Clone(r.top) }
