package trace

import (
	"slices"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// correctable reports whether records of a kind can be corrected. Codes that
// were issued stay issued, and whoever relied on a place, a party or a
// correction can only be told anew.
func correctable(kind ledger.Kind) bool {
	switch kind {
	case ledger.KindRun, ledger.KindPlace, ledger.KindParty, ledger.KindCorrect:
		return false
	}
	return kind >= ledger.KindProduct
}

// CorrectedSubjects returns what a correction of the event is about: the same
// things, so that it is found wherever the event is.
func (e *Event) CorrectedSubjects() []Subject {
	switch e.Kind {
	case ledger.KindProduct:
		return []Subject{Of(Product(e.Fields.GTIN("gtin")))}
	case ledger.KindAppoint:
		var list []Subject
		gtins, _ := e.Fields["gtins"].([]gs1.GTIN)
		for _, g := range gtins {
			list = append(list, Of(Product(g)))
		}
		return list
	}
	return e.Subjects
}

// A correction is one event that its author has taken back.
type correction struct {
	target *Event
	by     *Event // the correct event that counts
	with   *Event // what stands in its place, or nil
}

// corrections is what corrections make of some events.
type corrections struct {
	all      []*Event                    // all corrections that are looked at, as they were recorded
	counting []*Event                    // the events that were not corrected, and what stands in for the others
	of       map[ledger.Hash]*correction // by id of the target
	upheld   map[ledger.Hash]*Event      // by id of a shipment that stands though its sender took it back: the receipt
	invalid  []*Event                    // corrections by others than the author, or of what cannot be
	real     map[*Event]*Event           // what a stand-in stands for
	replaced map[ledger.Hash]ledger.Hash // leaf hash of a target to that of its replacement
}

// applyCorrections sorts events into those that count and those that were taken
// back. Of several corrections of one event the first that names a replacement
// counts, and without any the first. Only relevant events are looked at, so that
// nothing depends on what else is at hand.
func applyCorrections(events []*Event, relevant func(*Event) bool) *corrections {
	c := findCorrections(events, relevant)
	c.count(events)
	return c
}

// findCorrections is applyCorrections before it is said what counts.
func findCorrections(events []*Event, relevant func(*Event) bool) *corrections {
	c := &corrections{of: map[ledger.Hash]*correction{}, real: map[*Event]*Event{}, replaced: map[ledger.Hash]ledger.Hash{}}
	byID := make(map[ledger.Hash]*Event, len(events))
	var list []*Event
	for _, e := range events {
		byID[e.ID] = e
		if e.Kind == ledger.KindCorrect && relevant(e) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, earlier)
	c.all = list
	for _, e := range list {
		target := byID[e.Fields.Hash("target")]
		switch {
		case target == nil || !relevant(target):
		case target.Member != e.Member || !correctable(target.Kind):
			c.invalid = append(c.invalid, e)
		case c.of[target.ID] == nil:
			c.of[target.ID] = &correction{target: target, by: e}
		}
	}
	c.findReplacements(list, byID)
	return c
}

// findReplacements takes the first replacement that is named for each target.
func (c *corrections) findReplacements(list []*Event, byID map[ledger.Hash]*Event) {
	taken := make(map[ledger.Hash]bool)
	for _, e := range list {
		x, id := c.of[e.Fields.Hash("target")], e.Fields.Hash("replacement")
		with := byID[id]
		if x == nil || x.with != nil || with == nil || with == x.target || taken[id] ||
			e.Member != x.target.Member || with.Member != e.Member || with.Kind != x.target.Kind {
			continue
		}
		taken[id] = true
		x.by, x.with = e, with
	}
}

// count lists what counts. A replacement that was corrected in its turn gives
// its place to what replaces it.
func (c *corrections) count(events []*Event) {
	standing := make(map[ledger.Hash]bool)
	for _, x := range c.of {
		if x.with != nil {
			standing[x.with.ID] = true
		}
	}
	for _, e := range events {
		switch {
		case e.Kind == ledger.KindCorrect, standing[e.ID]:
		case c.of[e.ID] == nil:
			c.counting = append(c.counting, e)
		default:
			if with := c.last(e); with != nil {
				c.counting = append(c.counting, c.standIn(e, with))
			}
		}
	}
}

// last follows replacements to the one that counts; nil if it was taken back
// without another.
func (c *corrections) last(e *Event) *Event {
	for range c.of {
		x := c.of[e.ID]
		if x == nil {
			return e
		}
		if x.with == nil {
			return nil
		}
		e = x.with
	}
	if c.of[e.ID] != nil {
		return nil // replacements in a circle
	}
	return e
}

// standIn returns the event with the place of another. What can only have
// happened after the other was recorded has the other's time too.
func (c *corrections) standIn(place, event *Event) *Event {
	e := *event
	e.Position, e.Recorded = place.Position, place.Recorded
	if e.At > place.Recorded {
		e.At, e.Zone = place.At, place.Zone
	}
	c.real[&e] = event
	c.replaced[place.Hash] = event.Hash
	return &e
}

// shown returns the event as it was recorded.
func (c *corrections) shown(e *Event) *Event {
	if r, ok := c.real[e]; ok {
		return r
	}
	return e
}

// relevant reports whether an event is about the item, a unit that ever held it,
// one of its lots or its product: what an index gives for the item.
func (f *folder) relevant(things *sieve) func(*Event) bool {
	item := f.in.Item
	lots := []string{item.Lot}
	for _, e := range f.events {
		if e.Lot() != "" && e.Covers(item) {
			lots = append(lots, e.Lot())
		}
	}
	return func(e *Event) bool {
		return slices.ContainsFunc(e.CorrectedSubjects(), func(s Subject) bool {
			switch s.Kind {
			case SubjectGTIN:
				return s.GTIN == item.GTIN
			case SubjectLot:
				return s.GTIN == item.GTIN && slices.Contains(lots, s.Lot)
			}
			return s.Fills(item) || slices.ContainsFunc(things.named(nil, &s), func(at int) bool { return s.Moves(things.things[at]) })
		})
	}
}
