package scan

import (
	"cmp"
	"slices"
)

// A Report adds up the records of one node: where codes are scanned, and which of
// them are most likely to have been copied. Make it with [NewReport].
type Report struct {
	places []PlaceCount
	number map[Place]int // in places, without position
	top    []Suspect     // the most suspicious first
	max    int
}

// A PlaceCount is how many codes were scanned first in a city or country, and how
// often they were scanned, wherever that was: a record knows the place of its
// first scan, and no counts by place.
type PlaceCount struct {
	Place Place
	Codes uint64
	Scans uint64
}

// A Suspect is a code that several devices have scanned.
type Suspect struct {
	Item   Key
	Cycle  uint16
	Record *Record
}

// NewReport makes a report with so many suspects at most.
func NewReport(suspects int) *Report { return &Report{number: make(map[Place]int), max: suspects} }

// Add adds a record, which must not change afterwards.
func (r *Report) Add(item Key, cycle uint16, rec *Record) {
	city := Place{Country: rec.FirstPlace.Country, Zh: rec.FirstPlace.Zh, En: rec.FirstPlace.En}
	n, known := r.number[city]
	if !known {
		n = len(r.places)
		r.number[city] = n
		r.places = append(r.places, PlaceCount{Place: city})
	}
	r.places[n].Codes++
	r.places[n].Scans += rec.Count
	if r.max == 0 || rec.Devices < 2 && rec.Travel == nil {
		return
	}
	s := Suspect{item, cycle, rec}
	at, _ := slices.BinarySearchFunc(r.top, s, compareSuspects)
	if at == r.max {
		return
	}
	if len(r.top) == r.max {
		r.top = r.top[:r.max-1]
	}
	r.top = slices.Insert(r.top, at, s)
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
	return cmp.Or(cmp.Compare(travelled(b), travelled(a)), cmp.Compare(b.Record.Devices, a.Record.Devices),
		cmp.Compare(len(b.Record.Cities), len(a.Record.Cities)), cmp.Compare(b.Record.Count, a.Record.Count),
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

// Suspects returns the most suspicious codes, in order.
func (r *Report) Suspects() []Suspect { return slices.Clone(r.top) }
