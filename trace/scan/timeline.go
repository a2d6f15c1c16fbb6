package scan

import (
	"math"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
)

// A Timeline is what a trail says about where an item was when, as far as
// scans are held against it.
type Timeline struct {
	Issued    int64          // when the record of the code's run was made, 0 if it is not there
	Activated int64          // when the code was put to use, 0 if it is not on record
	Record    ledger.Hash    // of that
	Inside    []Span         // when brand or warehouse had it, in order
	Zone      *time.Location // in which times are told

	cycle uint16
}

// A Span is a time during which somebody had the item.
type Span struct {
	From, To int64 // ms since 1970 UTC, To excluded; math.MaxInt64 if it has not ended
	Holder   trace.PartyView
	Record   ledger.Hash // that says so
}

// CycleOf says how often the item has come back from a consumer: how many
// returns follow a sale. Counts of scans are kept for each cycle by itself.
func CycleOf(t *trace.TrailView) uint16 { return TimelineOf(t, nil).cycle }

// TimelineOf reads a trail as a member sees it: to others a hosted dealer may
// stand under the name of its host. role gives a member's role.
//
// Inside is only what is at rest with a brand or warehouse itself. What is on
// its way may have arrived already, and what a hosted party holds may be in a
// shop.
func TimelineOf(t *trace.TrailView, role func(member string) ledger.Role) Timeline {
	l := Timeline{Zone: time.UTC}
	sold, void := false, disregarded(t)
	for _, e := range t.Events {
		at, err := time.Parse(time.RFC3339, e.At)
		if err != nil || !e.Corrected.IsZero() || void[e.ID] {
			continue
		}
		l.Zone = at.Location()
		switch e.Kind {
		case ledger.KindRun.String():
			l.issue(&e)
		case ledger.KindActivate.String():
			if l.Activated == 0 {
				l.Activated, l.Record = at.UnixMilli(), e.ID
			}
			l.arrive(&e, at, role)
		case ledger.KindReceive.String():
			l.arrive(&e, at, role)
		case ledger.KindReturn.String():
			if sold {
				l.cycle++
			}
			sold = false
			l.arrive(&e, at, role)
		case ledger.KindSell.String():
			sold = true
			l.leave(at)
		case ledger.KindShip.String(), ledger.KindVoid.String(), ledger.KindTransform.String():
			l.leave(at)
		}
	}
	return l
}

// issue notes when a run was recorded, the first if there are several.
func (l *Timeline) issue(e *trace.EventView) {
	at, err := time.Parse(time.RFC3339, e.Recorded)
	if err == nil && (l.Issued == 0 || at.UnixMilli() < l.Issued) {
		l.Issued = at.UnixMilli()
	}
}

// disregarded returns the records of those without the right to make them.
func disregarded(t *trace.TrailView) map[ledger.Hash]bool {
	ids := make(map[ledger.Hash]bool)
	for _, f := range t.Findings {
		if f.Code == trace.NotAuthority && len(f.Records) > 0 {
			ids[f.Records[0]] = true
		}
	}
	return ids
}

// leave ends the span under way, if there is one.
func (l *Timeline) leave(at time.Time) {
	if n := len(l.Inside); n > 0 && l.Inside[n-1].To == math.MaxInt64 {
		l.Inside[n-1].To = at.UnixMilli()
	}
}

func (l *Timeline) arrive(e *trace.EventView, at time.Time, role func(member string) ledger.Role) {
	l.leave(at)
	p := e.Party
	if role == nil || p.Party != "" {
		return
	}
	if r := role(p.Member); r == ledger.Brand || r == ledger.Warehouse {
		l.Inside = append(l.Inside, Span{at.UnixMilli(), math.MaxInt64, p, e.ID})
	}
}

// inside returns the span in which a moment lies, and some time around it.
func (l *Timeline) inside(at int64) *Span {
	for i := range l.Inside {
		s := &l.Inside[i]
		if s.From <= at-slack.Milliseconds() && (s.To == math.MaxInt64 || at+slack.Milliseconds() < s.To) {
			return s
		}
	}
	return nil
}
