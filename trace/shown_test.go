package trace

import (
	"maps"
	"slices"
	"testing"

	"suyuan/ledger"
)

// shown is the input that a verifier has who is shown a trail as the public is:
// its events without what is for members, and nobody's frontiers.
func (p *plant) shown(tr *Trail) Input {
	in := p.w.input(tr.Item)
	in.Events = nil
	all := []*Trail{tr}
	for len(all) > 0 {
		t := all[0]
		all = append(all[1:], t.Sources...)
		for _, e := range t.Events {
			if t.disregarded(e) {
				continue
			}
			in.Events = append(in.Events, forPublic(e))
		}
	}
	for _, e := range p.w.events {
		if e.Kind == ledger.KindProduct || e.Kind == ledger.KindRun {
			in.Events = append(in.Events, forPublic(e))
		}
	}
	in.Seen = nil
	in.AsOf = maps.Clone(in.AsOf)
	in.Appointed = func(e *Event) bool {
		return slices.Contains([]ledger.Kind{activate, making, void, inspect, hold}, e.Kind)
	}
	return in
}

func forPublic(e *Event) *Event {
	c := *e
	c.Refs, c.Fields = nil, visible(e, ledger.Item)
	return &c
}

// Whoever is shown a trail's public part, and folds it himself, comes to the
// verdict that the public was told, though he is shown neither whom shipments were
// for nor what their authors had seen. Where somebody lies he may come to a milder
// one, never to a graver. (Without what authors had seen, clocks that are wrong by
// minutes can mislead him; what a bundle does not prove is said in its limits.)
func TestVerifiersComeToTheSameVerdict(t *testing.T) {
	seeds(t, 20, func(t *testing.T, seed uint64) {
		for _, mode := range []string{"late", "prompt", "crime"} {
			p := newPlantOf(t, seed, mode == "late")
			if mode == "crime" {
				if p.commit(crimes[seed%uint64(len(crimes))], 60) == nil {
					continue
				}
			} else {
				p.live(60)
				p.publish()
			}
			if p.blind() {
				continue
			}
			for _, i := range p.things[:plantGoods] {
				told := p.w.fold(i)
				found := Fold(p.shown(told))
				if found.Verdict != told.Verdict && (mode != "crime" || Worse(found.Verdict, told.Verdict) == found.Verdict) {
					t.Errorf("seed %d, %s: %s is %s, and to who verifies it %s: %v\n%s", seed, mode, i, told.Verdict, found.Verdict, codesOf(found), p.story(i, found))
				}
			}
		}
	})
}
