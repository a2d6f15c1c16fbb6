package scan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// A report keeps the suspects that sorting all records would put first.
func TestReport(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	r := NewReport(5)
	var all []Suspect
	codes, scans := uint64(0), uint64(0)
	cities := []Place{{}, {Country: "CN", Zh: "杭州", En: "Hangzhou"}, {Country: "CN", Zh: "杭州", En: "Hangzhou", Located: true, North: 302}, {Country: "SG"}}
	for i := range 300 {
		rec := &Record{First: 1, FirstPlace: cities[rnd.IntN(len(cities))], Count: rnd.Uint64N(9), Devices: rnd.Uint64N(7), Cities: cities[:rnd.IntN(4)]}
		if rnd.IntN(100) == 0 {
			rec.Travel = &Travel{}
		}
		s := Suspect{Key{byte(i), byte(i >> 8)}, uint16(i % 3), rec}
		r.Add(s.Item, s.Cycle, rec)
		codes++
		scans += rec.Count
		if rec.Devices > 1 || rec.Travel != nil {
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
}
