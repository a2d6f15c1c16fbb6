package trace

import (
	"bytes"
	"sync/atomic"

	"suyuan/ledger"
)

// A teller keeps with an event what the public is shown of it: of the events of one
// trail most stand in others too, and to put an event into words takes longer than
// all else that is done with it.
type teller struct{ last atomic.Pointer[telling] }

// A telling is an event as somebody is shown it who presents a code.
type telling struct {
	of   wording
	view EventView
	json []byte // of view
}

// A wording is all on which a telling depends.
type wording struct {
	event  *Event
	actor  *ledger.Member // as the charter names it; nil if it does not
	party  *Event         // the record that names the party, or nil
	place  *Event         // the record that names the place, or nil
	undone ledger.Hash    // see EventView.Corrected
}

// Share has the event keep what the public is shown of it. It is for one that is
// kept itself, and that nobody changes; what it keeps takes some KB.
func (e *Event) Share() { e.told = new(teller) }

// tell shows an event to the public, as it was shown before if that is the same.
func (t *Trail) tell(e *Event) EventView {
	now := wording{
		event: e, actor: t.names.member(e.Member), undone: t.corrected[e.ID],
		party: t.names.parties[slugs{e.Member, e.Party}], place: t.names.places[slugs{e.Member, e.Place}],
	}
	if was := e.told.last.Load(); was != nil && was.of == now {
		return was.view
	}
	view := t.show(e, Viewer{Code: true})
	raw, err := encodePlain(&view)
	if err != nil {
		return view // whoever encodes it is told
	}
	is := &telling{now, view, bytes.Clone(raw)} // without what the buffer grew to
	is.view.told = is
	e.told.last.Store(is)
	return is.view
}
