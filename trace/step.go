package trace

import "suyuan/ledger"

// A Step is one change of who holds an item, or of its state.
type Step struct {
	Custody
	To    string // the party to which it is on its way, if InTransit
	Event *Event // what made it so, as recorded
}

// stepped notes how custody has become.
func (m *machine) stepped(e *Event) {
	s := Step{Custody: m.custody, Event: e}
	if m.custody.State == InTransit {
		s.To = m.to
	}
	m.steps = append(m.steps, s)
}

// stepsOf returns the steps of a machine with events as they were recorded.
func (f *folder) stepsOf(m *machine) []Step {
	list := make([]Step, len(m.steps))
	for i, s := range m.steps {
		s.Event = f.fixes.shown(s.Event)
		list[i] = s
	}
	return list
}

// Expires is the last day of use (yyyy-mm-dd), as recorded, else production and
// shelf life; "" where neither is known.
func (t *Trail) Expires() string { return t.expires() }

// Counts reports whether an event of the trail counts: it was not corrected, and
// its author had the right to record it.
func (t *Trail) Counts(e *Event) bool { return t.corrected[e.ID].IsZero() && !t.disregarded(e) }

// PartyFindings returns the findings that rest on fields for parties, which not
// every node holds. Some begin to hold later: see [Finding.Due].
func (t *Trail) PartyFindings() []Finding { return append(t.diversions(), t.stock()...) }

// Sources returns the first [MaxSources] things that the event says went into the
// item.
func (e *Event) Sources(i Item) []Item { return e.sources(i) }

// A Speaker puts events and findings of many trails into words.
type Speaker struct{ names *directory }

// NewSpeaker makes a Speaker that knows the names in the charters and in the
// records of parties and places among the events.
func NewSpeaker(charters []*ledger.Charter, events []*Event) *Speaker {
	return &Speaker{newDirectory(charters, events)}
}

// Event shows an event to a viewer.
func (s *Speaker) Event(e *Event, v Viewer) EventView {
	t := Trail{names: s.names}
	return t.View(e, v)
}

// Finding shows a finding to a viewer; not ok, if he may not see it.
func (s *Speaker) Finding(f Finding, v Viewer) (view FindingView, ok bool) {
	t := Trail{names: s.names}
	list := t.Words([]Finding{f}, v)
	if len(list) == 0 {
		return FindingView{}, false
	}
	return list[0], true
}

// Party names a party to a viewer.
func (s *Speaker) Party(name string, v Viewer) PartyView { return s.names.party(name, v) }

// Place names a place to a viewer, nil for "".
func (s *Speaker) Place(name string, v Viewer) *PlaceView { return s.names.place(name, v) }

// For reports whether a viewer is told of the finding.
func (f *Finding) For(v Viewer) bool { return v.sees(f) }

// Names returns the parties of which a finding's sentences tell.
func (f *Finding) Names() []string {
	var list []string
	for _, n := range []string{f.a, f.b} {
		if n != "" {
			list = append(list, n)
		}
	}
	return list
}
