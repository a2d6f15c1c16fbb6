package scan

import (
	"time"

	"suyuan/trace"
)

// A Summary is what the answer's now says about the scans of an item since it
// was sold last.
type Summary struct {
	First       *First     `json:"first"` // null if there was none
	Count       uint64     `json:"count"`
	Devices     uint64     `json:"devices"` // told apart by the node that answers
	MoreDevices bool       `json:"more_devices,omitempty"`
	Cities      []CityView `json:"cities"`          // likewise
	Nodes       []NodeView `json:"nodes,omitempty"` // whose counts these are, ascending by number
}

// A NodeView is what one node counted.
type NodeView struct {
	Chain string    `json:"chain"`
	Count uint64    `json:"count"`
	First time.Time `json:"first,omitzero"` // if what it says of it can be
}

// A First is the first scan.
type First struct {
	At   time.Time `json:"at"`
	City *CityView `json:"city"` // null if it is not known
}

// A CityView names a city, or a country where no more is known.
type CityView struct {
	Country string `json:"country"`
	Zh      string `json:"zh"`
	En      string `json:"en"`
}

// Summarize says what this node remembers and what all nodes counted, with
// times in a zone.
func Summarize(r *Record, all *Tally, zone *time.Location) *Summary {
	s := &Summary{Count: all.Count(), Devices: r.Devices, MoreDevices: r.More, Cities: []CityView{}}
	if f := all.First(); f != nil {
		s.First = &First{At: time.UnixMilli(f.First).In(zone)}
		if !f.Place.IsZero() {
			s.First.City = f.Place.view()
		}
	}
	for _, p := range r.Cities {
		s.Cities = append(s.Cities, *p.view())
	}
	return s
}

// Nodes says which node counted what, so that nobody has to answer for others.
func (t *Tally) Nodes(name func(node uint32) string, zone *time.Location) []NodeView {
	var list []NodeView
	for _, s := range t.Shares {
		v := NodeView{Chain: name(s.Node), Count: min(s.Count, MaxShare)}
		if s.First != 0 {
			v.First = time.UnixMilli(s.First).In(zone)
		}
		list = append(list, v)
	}
	return list
}

func (p Place) view() *CityView {
	n := p.Names()
	return &CityView{p.Country, n.Zh, n.En}
}

// Warn is the verdict that findings of this package make by themselves: a
// warning at worst.
func Warn(list []trace.FindingView) trace.Verdict {
	for _, f := range list {
		if f.Severity == trace.Warning {
			return trace.Warn
		}
	}
	return trace.Consistent
}
