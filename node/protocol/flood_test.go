package protocol

import (
	"fmt"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/node/wire"
)

// These tests have a member's node say and do, as fast as it can, what each time
// costs this node or others more than itself.

func count[A Action](list []Action) (n int) {
	for _, a := range list {
		if _, ok := a.(A); ok {
			n++
		}
	}
	return n
}

// TestReconnectingAgainAndAgain opens streams without end.
func TestReconnectingAgainAndAgain(t *testing.T) {
	d := newDesk(t, 3)
	honest := d.admit(3)
	d.does(Want{Digest: ledger.Hash{1}, Chain: 3})
	d.does(Ended{Task: find[FetchBlob](d).Task, Result: NotHeld})
	const minutes = 10
	for range minutes * 60 {
		for range 10 {
			d.says(d.opens(2, false), d.hello(2))
		}
		d.says(honest, &wire.Ping{})
		d.does(Sent{Stream: honest})
		d.passAlive(time.Second)
	}
	list := d.take()
	if n, most := count[Admit](list), streamBurst+minutes*int(time.Minute/streamEvery); n > most || n < streamBurst {
		t.Errorf("%d sessions, at most %d were to be", n, most)
	}
	if n := len(d.core.streams); n > 3 {
		t.Errorf("%d streams are open", n)
	}
	if n := count[FetchBlob](list); n > 2 {
		t.Errorf("%d requests for a file that nobody has", n)
	}
	d.does(Closed{Stream: d.next})
	d.passAlive(2 * streamEvery)
	d.says(d.opens(2, false), d.hello(2))
	if d.core.sessionOf(2) == nil {
		t.Error("who comes back later is not admitted")
	}
}

// TestStatementsWithoutEnd says every second that it listens elsewhere now. The
// others hear of the last, and seldom of those before.
func TestStatementsWithoutEnd(t *testing.T) {
	d := newDesk(t, 3)
	a, b := d.admit(2), d.admit(3)
	seq, told := uint64(0), 0
	step := func(wait time.Duration) {
		for _, act := range d.take() {
			switch act := act.(type) {
			case CheckAddress:
				d.does(AddressChecked{Task: act.Task, OK: act.Statement.Number == 2})
			case Send:
				for _, m := range act.Messages {
					if said, ok := m.(*wire.Addr); ok && act.Stream == b {
						if told++; said.Number != 2 {
							t.Errorf("passes on %+v", said)
						}
					}
				}
				d.does(Sent{Stream: act.Stream})
			}
		}
		d.passAlive(wait)
	}
	checks := 0
	for range 6000 {
		seq++
		for number := range uint32(2) { // its own, and made up for another
			d.says(a, &wire.Addr{Number: number + 2, Seq: seq, Addrs: []string{fmt.Sprint(seq)}})
		}
		checks += count[CheckAddress](d.todo)
		step(100 * time.Millisecond)
	}
	if most := 10*60 + 2*(statementBurst+3); checks > most {
		t.Errorf("%d signatures are verified, at most %d were to be", checks, most)
	}
	if most := statementBurst + int(10*time.Minute/statementEvery) + 1; told > most || told < statementBurst {
		t.Errorf("%d statements are passed on, at most %d were to be", told, most)
	}
	for range 10 * statementEvery / time.Second {
		step(time.Second)
	}
	if p := d.core.peer(2); p.statement.Seq != seq || !p.told {
		t.Errorf("the last is %d, of %d; passed on %v", p.statement.Seq, seq, p.told)
	}
}

// TestEvidenceWithoutEnd sends evidence that tells nothing new.
func TestEvidenceWithoutEnd(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	known := &wire.Alert{A: deskNote(3, 5), B: deskNote(3, 6)}
	d.does(&Stored{Signing: true, Chains: []Chain{{Number: 3, Size: 9, Evidence: known}}})
	d.take()
	for n := range uint64(1000) {
		d.says(s, &wire.Alert{A: deskNote(3, n+1), B: deskNote(3, 2000)})
	}
	none[Judge](d)
	for range 100 {
		d.says(s, &wire.Alert{A: deskNote(2, 5), B: deskNote(2, 6)})
	}
	judged := 0
	for range 10 {
		for _, a := range d.take() {
			if j, ok := a.(Judge); ok {
				judged++
				d.does(Ended{Task: j.Task, Result: Done})
			}
		}
		d.passAlive(judgeEvery / 2)
	}
	if judged != 5 {
		t.Errorf("%d are judged", judged)
	}
}

// TestNotesThatAreInvalidWithoutEnd names checkpoints that nobody has signed.
func TestNotesThatAreInvalidWithoutEnd(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	d.stores(3, 9)
	d.take()
	kept, remembered := 0, 0
	for n := range uint64(1000) {
		d.says(s, &wire.Have{Chains: []wire.Holding{
			{Chain: 3, Size: 9, Signed: deskNote(3, n%9), Final: deskNote(3, n%8)},
			{Chain: 2, Size: 9, Signed: []byte("nothing")},
		}})
		for _, a := range d.take() {
			switch a := a.(type) {
			case Keep:
				kept++
				d.does(Ended{Task: a.Task, Result: Invalid})
			case Remember:
				remembered++
			}
		}
	}
	if kept > 2 || remembered > 3 {
		t.Errorf("%d notes are verified, and %d times it is written down", kept, remembered)
	}
	d.passAlive(2 * BlockTime)
	d.says(s, &wire.Have{Chains: []wire.Holding{{Chain: 3, Size: 9, Signed: deskNote(3, 5)}}})
	find[Keep](d)
}

// TestChainsThatNobodyKnows speaks of chains that no charter has.
func TestChainsThatNobodyKnows(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	for n := range uint32(100_000) {
		d.says(s, &wire.Have{Chains: []wire.Holding{{Chain: n + 1, Size: 9}}})
	}
	if n := len(d.core.sessionOf(2).theirs); n > maxStrange+3 {
		t.Errorf("%d are remembered", n)
	}
}

// TestContradictionsWithoutEnd has an author sign one history after the other. One
// is looked at each second; the proof is not kept waiting by the rest.
func TestContradictionsWithoutEnd(t *testing.T) {
	for _, result := range []Result{Conflict, Forked} {
		d := newDesk(t, 3)
		s := d.admit(2)
		d.does(&Stored{Signing: true, Chains: []Chain{{Number: 2, Size: 9}}})
		kept := 0
		for range 100 {
			d.says(s, &wire.Have{Chains: []wire.Holding{{Chain: 2, Size: 9, Signed: deskNote(2, 7)}}})
			for _, a := range d.take() {
				if k, ok := a.(Keep); ok {
					kept++
					d.does(Ended{Task: k.Task, Result: result})
				}
			}
			d.now = d.now.Add(keepEvery / 10)
		}
		if kept > 11 || kept < 9 {
			t.Errorf("%s: %d notes are verified in ten seconds", result, kept)
		}
		if result == Conflict {
			d.says(s, &wire.Have{Chains: []wire.Holding{{Chain: 2, Size: 9, Signed: deskNote(2, 7)}}})
			d.does(&Stored{Signing: true, Chains: []Chain{{Number: 2, Size: 9, Latest: deskNote(2, 8), LatestSize: 8}}})
			find[Keep](d)
		}
	}
}
