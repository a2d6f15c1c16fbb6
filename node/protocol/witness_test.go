package protocol

import (
	"errors"
	"testing"
	"time"

	"suyuan/node/wire"
)

func (d *desk) proposes(request uint64, author uint32, size uint64) {
	d.does(Proposal{Request: request, Peer: author, Chain: author, Size: size, Note: deskNote(author, size)})
}

// wantRefused takes an Answer that refuses.
func (d *desk) wantRefused(request uint64, why wire.Reason) {
	d.t.Helper()
	a := find[Answer](d)
	m, ok := a.Message.(*wire.Refused)
	if a.Request != request || !ok || m.Reason != why {
		d.t.Fatalf("answers %d with %+v, want %d refused as %s", a.Request, a.Message, request, why)
	}
}

func TestWitnessWaitsForWhatAProposalCovers(t *testing.T) {
	d := newDesk(t, 3)
	d.admit(2)
	d.proposes(1, 2, 9)
	none[Cosign](d)
	f := find[Fetch](d) // the proposal says what there is
	if f.Peer != 2 || f.To != 9 {
		t.Fatalf("asks %+v", f)
	}
	d.does(Ended{Task: f.Task, Result: Done, Size: 9})
	d.stores(2, 9)
	c := find[Cosign](d)
	d.does(Cosigned{Task: c.Task, Result: Behind, Size: 9, Err: errors.New("frontier")})
	none[Answer](d)
	d.stores(3, 4)
	c = find[Cosign](d)
	d.does(Cosigned{Task: c.Task, Line: []byte("line")})
	if a := find[Answer](d); a.Request != 1 || string(a.Message.(*wire.Cosigned).Line) != "line" {
		t.Fatalf("answers %+v", a)
	}
}

func TestWitnessSaysThatItIsBehind(t *testing.T) {
	d := newDesk(t, 3)
	d.admit(2)
	d.proposes(1, 2, 9)
	d.pass(5*time.Second - 1)
	none[Answer](d)
	d.pass(1)
	d.wantRefused(1, wire.ReasonBehind)
}

func TestWitnessAnswersTheNewest(t *testing.T) {
	d := newDesk(t, 3)
	d.admit(2)
	d.proposes(1, 2, 9)
	d.proposes(2, 2, 8) // older
	d.wantRefused(2, wire.ReasonBusy)
	d.proposes(3, 2, 12)
	d.wantRefused(1, wire.ReasonBusy)
	d.stores(2, 12)
	find[Cosign](d)
	d.proposes(4, 2, 14) // the disk is at work
	d.wantRefused(4, wire.ReasonBusy)
}

func TestWitnessRefusesWithReasons(t *testing.T) {
	for result, why := range map[Result]wire.Reason{
		Conflict: wire.ReasonConflict, Forked: wire.ReasonForked, Over: wire.ReasonEnded, Old: wire.ReasonCharter,
		Trouble: wire.ReasonBusy, Invalid: wire.ReasonBusy,
	} {
		d := newDesk(t, 3)
		d.admit(2)
		d.stores(2, 9)
		d.proposes(1, 2, 9)
		c := find[Cosign](d)
		d.does(Cosigned{Task: c.Task, Result: result, Err: errors.New("so"), Note: []byte("proof")})
		d.wantRefused(1, why)
	}
}

func TestProposalsThatAreNone(t *testing.T) {
	d := newDesk(t, 3)
	d.proposes(1, 2, 9) // not admitted
	d.wantRefused(1, wire.ReasonBusy)
	d.admit(2)
	d.does(Proposal{Request: 2, Peer: 2, Note: []byte("x")})
	d.wantRefused(2, wire.ReasonInvalid)
	d.does(Proposal{Request: 3, Peer: 2, Chain: 3, Size: 1, Note: deskNote(3, 1)})
	d.wantRefused(3, wire.ReasonInvalid)
	d.does(&Stored{Signing: true, Chains: []Chain{{Number: 2, Size: 9, Evidence: &wire.Alert{}}}})
	d.proposes(4, 2, 9)
	d.wantRefused(4, wire.ReasonForked)
	net := d.network(3, 1)
	net.Witness = false
	d.does(net)
	d.proposes(5, 2, 9)
	d.wantRefused(5, wire.ReasonNoWitness)
}

// TestWitnessOfASecondGuard holds that a witness which does not know what it has
// cosigned asks everybody first, and hears everybody out.
func TestWitnessOfASecondGuard(t *testing.T) {
	d := newDesk(t, 3)
	waits := func(chains ...Chain) { d.does(&Stored{Signing: true, Waits: true, Chains: chains}) }
	waits(Chain{Number: 2, Size: 9, Latest: deskNote(2, 9), LatestSize: 9})
	a := d.admit(2)
	d.holds(a, 2, 9)
	d.says(a, &wire.Ping{Token: 1, Answer: true})
	d.take()
	d.proposes(1, 2, 9)
	d.wantRefused(1, wire.ReasonBehind) // node 3 has told nothing
	b := d.admit(3)
	d.holds(b, 3, 4)
	d.proposes(2, 2, 9)
	d.wantRefused(2, wire.ReasonBehind) // it may have more to tell
	d.says(b, &wire.Ping{Token: 1, Answer: true})
	d.proposes(3, 2, 9)
	d.wantRefused(3, wire.ReasonBehind) // what it has told is not stored
	waits(Chain{Number: 3, Size: 4, Latest: deskNote(3, 4), LatestSize: 4})
	d.proposes(4, 2, 9)
	none[Cosign](d)
	d.does(Ended{Task: find[Release](d).Task, Result: Done})
	c := find[Cosign](d)
	d.does(Cosigned{Task: c.Task, Line: []byte("line")})
	if got := find[Answer](d); got.Request != 4 {
		t.Fatalf("answers %+v", got)
	}
}

func TestFalseEvidenceEndsTheSession(t *testing.T) {
	d := newDesk(t, 3)
	a, b := d.admit(2), d.admit(3)
	d.says(a, &wire.Alert{A: []byte("a"), B: []byte("b")})
	j := find[Judge](d)
	d.does(Ended{Task: j.Task, Result: Done, Chain: 3})
	for range 3 * maxAlerts {
		d.says(b, &wire.Alert{A: []byte("x"), B: []byte("y")})
	}
	j = find[Judge](d)
	none[Judge](d) // one at a time
	d.does(Ended{Task: j.Task, Result: Invalid, Err: errors.New("false")})
	if h := find[HangUp](d); h.Stream != b {
		t.Fatalf("hangs up %+v", h)
	}
	none[Judge](d)
}

// TestWitnessSparesItsDisk considers nothing of an author for a while after a
// proposal that contradicts what is stored, and rests as long as it has read for
// one whose time has not come.
func TestWitnessSparesItsDisk(t *testing.T) {
	d := newDesk(t, 3)
	d.admit(2)
	d.stores(2, 9)
	d.proposes(1, 2, 9)
	c := find[Cosign](d)
	d.passAlive(time.Second)
	d.does(Cosigned{Task: c.Task, Result: Behind})
	d.stores(3, 4)
	d.stores(3, 5)
	none[Cosign](d)
	d.passAlive(time.Second - 1)
	none[Cosign](d)
	d.passAlive(1)
	c = find[Cosign](d)
	d.does(Cosigned{Task: c.Task, Result: Conflict})
	d.wantRefused(1, wire.ReasonConflict)
	for range 100 {
		d.proposes(2, 2, 9)
		d.wantRefused(2, wire.ReasonBusy)
	}
	none[Cosign](d)
	d.passAlive(refusedPause)
	d.proposes(3, 2, 9)
	find[Cosign](d)
	if at := d.core.Wake(); !at.After(d.now) {
		t.Errorf("wants to be woken %v ago", d.now.Sub(at))
	}
}
