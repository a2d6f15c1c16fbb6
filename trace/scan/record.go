package scan

import (
	"errors"
	"fmt"
	"slices"

	"suyuan/ledger"
)

// A Key names an item among those with codes: the hash of its code in a pack.
type Key [16]byte

// A Device names a device on one node, for as long as the node remembers it: a
// truncated keyed hash.
type Device [8]byte

// A Scan is a page about an item that a device loaded.
type Scan struct {
	At     int64 // ms since 1970 UTC
	Device Device
	Place  Place
}

// A Record is what is remembered of the scans of an item in one cycle. The zero
// value is of an item that nobody has scanned.
type Record struct {
	First      int64 // when it was scanned first, 0 for never
	FirstPlace Place
	Count      uint64 // scans
	Devices    uint64 // devices that were told apart
	More       bool   // there were further devices
	Cities     []Place
	Travel     *Travel // the first that no traveller could have made
	Early      []int64 // when the first scans were, ascending

	seen      []seen // devices, the one that counted last at the end
	last      int64  // the last scan whose place has a position, 0 for none
	lastPlace Place
}

// A Travel is two scans with too little time between them for the way.
type Travel struct {
	_       struct{} `cbor:",toarray"`
	From    Place
	Left    int64
	To      Place
	Arrived int64
}

// Kilometres is the distance.
func (t *Travel) Kilometres() int { return int(t.From.kilometres(t.To)) }

type seen struct {
	_       struct{} `cbor:",toarray"`
	Device  Device
	Counted int64
}

// Add takes a scan down and reports whether it counts: not if the device had
// one less than Window before. Beyond MaxDevices a record cannot tell devices
// apart; whoever adds scans then has to know which of them are repeated.
func (r *Record) Add(s Scan) bool {
	i := slices.IndexFunc(r.seen, func(d seen) bool { return d.Device == s.Device })
	switch {
	case i >= 0:
		if s.At-r.seen[i].Counted < Window.Milliseconds() {
			return false
		}
		r.seen = slices.Delete(r.seen, i, i+1)
		r.seen = append(r.seen, seen{Device: s.Device, Counted: s.At})
	case len(r.seen) < MaxDevices:
		r.seen = append(r.seen, seen{Device: s.Device, Counted: s.At})
		r.Devices++
	default:
		r.More = true
	}
	r.Count++
	if r.First == 0 || s.At < r.First {
		r.First, r.FirstPlace = s.At, s.Place
	}
	r.addTime(s.At)
	r.addPlace(s)
	return true
}

// addTime keeps the earliest times.
func (r *Record) addTime(at int64) {
	i, _ := slices.BinarySearch(r.Early, at)
	r.Early = slices.Insert(r.Early, i, at)
	r.Early = r.Early[:min(len(r.Early), maxEarly)]
}

func (r *Record) addPlace(s Scan) {
	if s.Place.IsZero() {
		return
	}
	if len(r.Cities) < MaxCities && !slices.ContainsFunc(r.Cities, s.Place.same) {
		r.Cities = append(r.Cities, s.Place)
	}
	if !s.Place.Located {
		return
	}
	if t := (Travel{From: r.lastPlace, Left: r.last, To: s.Place, Arrived: s.At}); r.last != 0 && r.Travel == nil && t.impossible() {
		r.Travel = &t
	}
	if s.At >= r.last {
		r.last, r.lastPlace = s.At, s.Place
	}
}

// impossible reports whether no traveller gets that far in that time.
func (t *Travel) impossible() bool {
	way := t.From.kilometres(t.To)
	hours := float64(max(t.Arrived-t.Left, t.Left-t.Arrived)) / 3.6e6
	return way >= minJump && way > hours*maxSpeed
}

// Forget drops the devices that did not count after a time, and reports whether
// there were any. Counts stay: a device that comes back is a further one.
func (r *Record) Forget(before int64) bool {
	n := len(r.seen)
	r.seen = slices.DeleteFunc(r.seen, func(d seen) bool { return d.Counted < before })
	return len(r.seen) < n
}

// Share is what the record says to other companies.
func (r *Record) Share(node uint32) Share {
	return Share{Node: node, Count: r.Count, First: r.First, Place: r.FirstPlace}
}

// recordVersion stands first in each encoded record.
const recordVersion = 1

type wireRecord struct {
	_          struct{} `cbor:",toarray"`
	Version    uint64
	First      int64
	FirstPlace Place
	Count      uint64
	Devices    uint64
	More       bool
	Seen       []seen
	Cities     []Place
	Last       int64
	LastPlace  Place
	Travel     []Travel
	Early      []int64
}

// ErrMalformed is wrapped by every error about bytes.
var ErrMalformed = errors.New("malformed scans")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Encode writes the record.
func (r *Record) Encode() ([]byte, error) {
	w := wireRecord{
		Version: recordVersion, First: r.First, FirstPlace: r.FirstPlace, Count: r.Count, Devices: r.Devices, More: r.More,
		Seen: r.seen, Cities: r.Cities, Last: r.last, LastPlace: r.lastPlace, Early: r.Early,
	}
	if r.Travel != nil {
		w.Travel = []Travel{*r.Travel}
	}
	return ledger.Marshal(&w)
}

// DecodeRecord reads what Encode wrote. Its error wraps ErrMalformed.
func DecodeRecord(data []byte) (*Record, error) {
	if len(data) > maxEncoded {
		return nil, malformed("%d bytes", len(data))
	}
	var w wireRecord
	if err := ledger.Unmarshal(data, &w); err != nil {
		return nil, malformed("record: %v", err)
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	r := &Record{
		First: w.First, FirstPlace: w.FirstPlace, Count: w.Count, Devices: w.Devices, More: w.More,
		seen: w.Seen, Cities: w.Cities, last: w.Last, lastPlace: w.LastPlace, Early: w.Early,
	}
	if len(w.Travel) > 0 {
		r.Travel = &w.Travel[0]
	}
	return r, nil
}

func (w *wireRecord) check() error {
	places := append([]Place{w.FirstPlace, w.LastPlace}, w.Cities...)
	for _, t := range w.Travel {
		places = append(places, t.From, t.To)
	}
	switch {
	case w.Version != recordVersion:
		return malformed("record of version %d", w.Version)
	case len(w.Seen) > MaxDevices, len(w.Cities) > MaxCities, len(w.Travel) > 1, len(w.Early) > maxEarly:
		return malformed("record with too many parts")
	case uint64(len(w.Seen)) > w.Devices, w.Devices > w.Count, uint64(len(w.Early)) > w.Count:
		return malformed("record whose counts do not fit")
	case !slices.IsSorted(w.Early):
		return malformed("record with times out of order")
	case slices.ContainsFunc(places, func(p Place) bool { return !p.sound() }):
		return malformed("record with a place that is none")
	}
	return nil
}
