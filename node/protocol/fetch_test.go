package protocol

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/node/wire"
)

func TestChooseAsksTheAuthorThenOwnThenTheIdle(t *testing.T) {
	author, own, idle, busy := candidate{author: true}, candidate{own: true}, candidate{}, candidate{running: 1}
	for _, c := range []struct {
		name string
		list []candidate
		want int
	}{
		{"nobody", nil, -1},
		{"the author", []candidate{idle, own, author}, 2},
		{"our own member", []candidate{busy, idle, own}, 2},
		{"the idle one", []candidate{busy, idle}, 1},
	} {
		for seed := range uint64(10) {
			if got := choose(c.list, rand.New(rand.NewPCG(seed, 0))); got != c.want {
				t.Errorf("%s: chose %d, want %d", c.name, got, c.want)
			}
		}
	}
}

func TestRangesEndAtTiles(t *testing.T) {
	for _, c := range []struct{ from, size, want uint64 }{
		{0, 10, 10}, {0, 4096, 4096}, {0, 5000, 4096}, {4096, 5000, 5000}, {100, 10_000, 4096}, {300, 10_000, 256 + 4096},
	} {
		got := rangeEnd(c.from, c.size)
		if got != c.want || got-c.from > wire.MaxRange {
			t.Errorf("from %d of %d: to %d, want %d", c.from, c.size, got, c.want)
		}
	}
}

func TestBackoffDoublesToItsMost(t *testing.T) {
	for n, want := range []time.Duration{1, 2, 4, 8, 16} {
		if got := doubled(n, time.Second, MaxRetry); got != want*time.Second {
			t.Errorf("attempt %d waits %v", n, got)
		}
	}
	if got := doubled(1000, time.Second, MaxRetry); got != MaxRetry {
		t.Errorf("waits %v in the end", got)
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		if got := backoff(3, time.Second, MaxRetry, rnd); got < 0 || got > 8*time.Second {
			t.Errorf("full jitter is %v", got)
		}
	}
}

// TestAFetchThatFails asks the author, then another; each result has its wait.
func TestAFetchThatFails(t *testing.T) {
	for _, c := range []struct {
		result Result
		wait   uint32 // ms, with Busy
		want   time.Duration
	}{
		{Invalid, 0, BlockTime}, {Busy, 0, BusyWait}, {Busy, 700, 700 * time.Millisecond},
		{NotHeld, 0, failWait}, {Broken, 0, failWait}, {Trouble, 0, failWait}, {Early, 0, failWait},
	} {
		d := newDesk(t, 3)
		a, b := d.admit(2), d.admit(3)
		d.holds(b, 2, 9)
		f := find[Fetch](d)
		d.holds(a, 2, 9)
		none[Fetch](d) // one request for a chain at a time
		d.does(Ended{Task: f.Task, Result: c.result, Wait: c.wait, Err: errors.New("so")})
		if got := find[Fetch](d); got.Peer != 2 || got.From != 0 || got.To != 9 {
			t.Fatalf("%v: then asks %+v", c.result, got)
		}
		if got := d.core.PassedOver(3, 2).Sub(d.now); got != c.want {
			t.Errorf("%v: passed over for %v, want %v", c.result, got, c.want)
		}
	}
}

// TestALiarGainsNothingByHangingUp lets a liar come back, and this node start
// again.
func TestALiarGainsNothingByHangingUp(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(3)
	d.holds(s, 2, 9)
	f := find[Fetch](d)
	d.does(Ended{Task: f.Task, Result: Invalid, Err: errors.New("garbage")})
	kept := find[Remember](d).Offences
	d.does(Closed{Stream: s})
	s = d.admit(3)
	d.holds(s, 2, 9)
	none[Fetch](d)
	d.pass(BlockTime)
	for range 3 {
		d.says(s, &wire.Ping{})
	}
	d.take()

	raw, err := EncodeOffences(kept)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err = DecodeOffences(raw); err != nil {
		t.Fatal(err)
	}
	d = newDesk(t, 3, kept...)
	s = d.admit(3)
	d.holds(s, 2, 9)
	none[Fetch](d)
	d.holds(s, 3, 9) // about other chains it may still be right
	find[Fetch](d)
}

func TestOffencesAddUpAndAreForgiven(t *testing.T) {
	now := time.UnixMilli(1_772_323_200_000)
	b := newBlame(nil)
	for i, want := range []time.Duration{10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440} {
		b.offend(now, 2, 3)
		if got := b.until(now, 2, 3).Sub(now); got != want*time.Minute {
			t.Errorf("offence %d: %v", i+1, got)
		}
	}
	now = now.Add(100 * time.Hour)
	if !b.until(now, 2, 3).IsZero() {
		t.Error("never ends")
	}
	b.offend(now, 2, 3)
	if got := b.until(now, 2, 3).Sub(now); got != BlockTime {
		t.Errorf("after a long time it is %v", got)
	}
	b.forget(2)
	if len(b.list()) != 0 || !b.until(now, 2, 3).IsZero() {
		t.Error("not forgotten")
	}
}

func TestTwoNodesOfOneMemberShareItsRequests(t *testing.T) {
	d := newDesk(t, 6)
	net := d.network(6, 1)
	for i := range net.Nodes {
		net.Nodes[i].Member = "same"
	}
	d.does(net)
	var streams []Stream
	for n := uint32(2); n <= 6; n++ {
		streams = append(streams, d.admit(n))
	}
	for i, s := range streams {
		d.holds(s, uint32(i+2), 5)
	}
	var asked []Fetch
	for range maxFetchesPerMember {
		asked = append(asked, find[Fetch](d))
	}
	none[Fetch](d)
	d.does(Ended{Task: asked[0].Task, Result: Done, Size: 5})
	find[Fetch](d)
	none[Fetch](d)
}

func TestRequestsAreBoundedInAll(t *testing.T) {
	d := newDesk(t, 20)
	for n := uint32(2); n <= 20; n++ {
		d.holds(d.admit(n), n, 5)
	}
	running := d.core.requests.running
	if running != maxFetches {
		t.Fatalf("%d requests at one time", running)
	}
}

// TestNotesGoToTheDiskWhenTheirEntriesAreThere follows a checkpoint that comes
// before its entries.
func TestNotesGoToTheDiskWhenTheirEntriesAreThere(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	d.holds(s, 2, 9)
	f := find[Fetch](d)
	none[Keep](d)
	d.does(Ended{Task: f.Task, Result: Done, Size: 5})
	if f = find[Fetch](d); f.From != 5 {
		t.Fatalf("goes on at %d", f.From)
	}
	d.does(Ended{Task: f.Task, Result: Done, Size: 9})
	k := find[Keep](d)
	if string(k.Note) != string(deskNote(2, 9)) {
		t.Fatalf("keeps %q", k.Note)
	}
	d.does(Ended{Task: k.Task, Result: Done})
	d.stores(2, 9)
	d.holds(s, 2, 9) // the same again
	none[Keep](d)
	none[Fetch](d)
}

// TestEvidenceMayComeLater keeps a note that contradicts what is stored without
// being proof, until another checkpoint makes it proof.
func TestEvidenceMayComeLater(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	d.does(&Stored{Signing: true, Chains: []Chain{{Number: 2, Size: 9}}})
	d.holds(s, 2, 4)
	k := find[Keep](d)
	d.does(Ended{Task: k.Task, Result: Conflict, Err: errors.New("other entries")})
	none[Keep](d)
	d.stores(2, 9)
	again := find[Keep](d)
	if string(again.Note) != string(k.Note) {
		t.Fatalf("tries %q", again.Note)
	}
	d.does(Ended{Task: again.Task, Result: Forked, Err: errors.New("forked")})
	none[Keep](d)
	d.does(&Stored{Signing: true, Chains: []Chain{{Number: 2, Size: 9, Evidence: &wire.Alert{A: []byte("a"), B: []byte("b")}}}})
	send := find[Send](d)
	if send.Messages[0].Type() != wire.TypeAlert {
		t.Fatalf("tells %v", send.Messages)
	}
}

// TestALostEndIsTakenBack goes through what happens to a node whose peers hold
// more of its chain than it does.
func TestALostEndIsTakenBack(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	d.stores(1, 3)
	d.does(Signed{Task: find[Sign](d).Task, Err: errors.New("not now")})
	d.holds(s, 1, 9)
	k := find[Keep](d) // the disk must know first: it stops signing
	none[Fetch](d)
	d.does(Ended{Task: k.Task, Result: Behind, Err: errors.New("3 of 9 entries")})
	none[Fetch](d) // it is written here until the disk says that it is not
	d.does(&Stored{Chains: []Chain{{Number: 1, Size: 3, Due: 9}}})
	f := find[Fetch](d)
	if f.Chain != 1 || f.From != 3 || f.To != 9 || f.Note != nil {
		t.Fatalf("asks %+v", f)
	}
	none[Sign](d)
	d.does(Ended{Task: f.Task, Result: Done, Size: 9})
	d.take()
	d.does(&Stored{Signing: true, Chains: []Chain{{Number: 1, Size: 9}}})
	find[Sign](d)
}

// TestALongerEndIsNotedBeforeTheShorterIsBack hears of another own checkpoint while
// entries are fetched back: once they are there the node may write again, and has to
// know by then that they are not all.
func TestALongerEndIsNotedBeforeTheShorterIsBack(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	d.does(&Stored{Chains: []Chain{{Number: 1, Size: 3, Due: 9}}})
	d.holds(s, 1, 9)
	d.does(Ended{Task: find[Keep](d).Task, Result: Behind})
	f := find[Fetch](d)
	d.holds(d.admit(3), 1, 14)
	none[Keep](d) // one thing at a time for a chain
	d.does(Ended{Task: f.Task, Result: Done, Size: 7})
	k := find[Keep](d)
	if string(k.Note) != string(deskNote(1, 14)) {
		t.Fatalf("keeps %q", k.Note)
	}
	none[Fetch](d)
	d.does(Ended{Task: k.Task, Result: Behind})
	if f := find[Fetch](d); f.From != 7 || f.To != 9 {
		t.Fatalf("asks %+v", f)
	}
	none[Keep](d)
}

// TestANoteOfTheOwnChainThatIsNoneIsForgotten blames who has sent it, once.
func TestANoteOfTheOwnChainThatIsNoneIsForgotten(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	d.stores(1, 3)
	d.holds(s, 1, 9)
	d.does(Ended{Task: find[Keep](d).Task, Result: Invalid, Err: errors.New("no signature")})
	if r := find[Remember](d); len(r.Offences) != 1 || r.Offences[0].Count != 1 {
		t.Errorf("blamed: %+v", r.Offences)
	}
	d.holds(s, 1, 9)
	none[Keep](d)
	none[Fetch](d)
}

// TestWhatWasCosignedIsFetchedBack goes through what a witness asks for whose store is
// short of what it has cosigned: what is final first, then what leads there, and
// nothing that somebody else has signed of the chain.
func TestWhatWasCosignedIsFetchedBack(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(3)
	short := Chain{Number: 2, Size: 3, Due: 9}
	d.does(&Stored{Signing: true, Chains: []Chain{short}})
	d.holds(s, 2, 8)
	none[Fetch](d)
	d.says(s, &wire.Have{Chains: []wire.Holding{{Chain: 2, Size: 8, Signed: deskNote(2, 8), Final: deskNote(2, 6)}}})
	f := find[Fetch](d)
	if f.To != 6 || string(f.Note) != string(deskNote(2, 6)) {
		t.Fatalf("asks %+v", f)
	}
	d.does(Ended{Task: f.Task, Result: Done, Size: 6})
	d.does(Ended{Task: find[Keep](d).Task})
	none[Fetch](d)
	d.holds(s, 2, 12)
	f = find[Fetch](d)
	if f.From != 6 || f.To != 9 || f.Note != nil {
		t.Fatalf("asks %+v", f)
	}
	d.does(Ended{Task: f.Task, Result: Forked, Err: errors.New("another history")})
	if got := d.core.PassedOver(3, 2).Sub(d.now); got != BlockTime || len(d.core.blame.offences) > 0 {
		t.Errorf("passed over for %v, %d offences", got, len(d.core.blame.offences))
	}
	d.passAlive(BlockTime)
	f = find[Fetch](d)
	d.does(Ended{Task: f.Task, Result: Done, Size: 9})
	if f = find[Fetch](d); f.To != 12 || f.Note == nil {
		t.Fatalf("then asks %+v", f)
	}
}

// TestTheGuardProvesALostEnd asks for entries that no checkpoint of the holder
// covers.
func TestTheGuardProvesALostEnd(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	d.does(&Stored{Chains: []Chain{{Number: 1, Size: 3, Due: 9}}})
	d.says(s, &wire.Have{Chains: []wire.Holding{{Chain: 1, Size: 8, Signed: deskNote(1, 3)}}})
	k := find[Keep](d)
	d.does(Ended{Task: k.Task, Result: Done})
	none[Fetch](d) // it has not all that was signed, either
	d.says(s, &wire.Have{Chains: []wire.Holding{{Chain: 1, Size: 9}}})
	if f := find[Fetch](d); f.Note != nil || f.From != 3 || f.To != 9 {
		t.Fatalf("asks %+v", f)
	}
}

// TestDisclosuresAreCompletedByTheAuthor takes entries from another and then asks
// the author for what that one could not see.
func TestDisclosuresAreCompletedByTheAuthor(t *testing.T) {
	d := newDesk(t, 4)
	s := d.admit(3)
	d.holds(s, 2, 9)
	f := find[Fetch](d)
	d.does(Ended{Task: f.Task, Result: Done, Size: 9})
	k := find[Keep](d)
	d.does(Ended{Task: k.Task})
	none[Disclose](d)
	a := d.admit(2)
	d.holds(a, 2, 9)
	d.does(Ended{Task: find[Keep](d).Task})
	ask := find[Disclose](d)
	if ask.Peer != 2 || ask.From != 0 || ask.To != 9 {
		t.Fatalf("asks %+v", ask)
	}
	d.does(Ended{Task: ask.Task, Result: Done, Size: 4})
	if ask = find[Disclose](d); ask.From != 4 {
		t.Fatalf("goes on at %d", ask.From)
	}
	d.does(Ended{Task: ask.Task, Result: Done, Size: 9})
	none[Disclose](d)
	if n := len(d.core.chain(2).spans); n != 0 {
		t.Errorf("%d spans are left", n)
	}
}

// TestOwnDisclosuresAreAskedOfEach has a node that lost its own entries ask each
// other for the whole range, also where one broke off half-way.
func TestOwnDisclosuresAreAskedOfEach(t *testing.T) {
	d := newDesk(t, 4)
	d.does(&Stored{Chains: []Chain{{Number: 1}}})
	d.holds(d.admit(4), 1, 9)
	d.does(Ended{Task: find[Keep](d).Task, Result: Behind})
	d.does(Ended{Task: find[Fetch](d).Task, Result: Done, Size: 9})
	d.does(Ended{Task: find[Keep](d).Task})
	gone := d.admit(2)
	d.holds(gone, 1, 9)
	d.does(Ended{Task: find[Keep](d).Task})
	half := find[Disclose](d)
	d.holds(d.admit(3), 1, 9)
	d.does(Closed{Stream: gone})
	d.does(Ended{Task: half.Task, Result: Done, Size: 4})
	d.does(Ended{Task: find[Keep](d).Task})
	if a := find[Disclose](d); a.Peer != 3 || a.From != 0 || a.To != 9 {
		t.Errorf("asks %+v", a)
	}
}

// TestGapsAreFilledByWhoeverCan asks everybody, the author first, and begins anew
// after a while.
func TestGapsAreFilledByWhoeverCan(t *testing.T) {
	d := newDesk(t, 4)
	for _, n := range []uint32{2, 3, 4} {
		d.says(d.admit(n), &wire.Have{Chains: []wire.Holding{{Chain: 2, Size: 9}}})
	}
	d.does(&Stored{Signing: true, Chains: []Chain{{Number: 2, Size: 9, Lacks: []uint64{3, 6}}}})
	var asked []uint32
	for range 3 {
		a := find[Disclose](d)
		if a.From != 3 || a.To != 7 {
			t.Fatalf("asks %+v", a)
		}
		asked = append(asked, a.Peer)
		d.does(Ended{Task: a.Task, Result: Done, Size: 7})
	}
	if asked[0] != 2 || !slices.Equal(slices.Sorted(slices.Values(asked)), []uint32{2, 3, 4}) {
		t.Errorf("asks %v", asked)
	}
	none[Disclose](d)
	for _, p := range d.core.peers {
		p.session.heard = d.now.Add(d.core.iv.Fill)
	}
	d.pass(d.core.iv.Fill)
	a := find[Disclose](d)
	d.does(&Stored{Signing: true, Chains: []Chain{{Number: 2, Size: 9, Lacks: []uint64{6}}}})
	d.does(Ended{Task: a.Task, Result: Done, Size: 7})
	if a = find[Disclose](d); a.From != 6 {
		t.Fatalf("asks %+v", a)
	}
	d.does(&Stored{Signing: true, Chains: []Chain{{Number: 2, Size: 9}}})
	d.does(Ended{Task: a.Task, Result: Done, Size: 7})
	none[Disclose](d)
}

// TestCharters follows newer versions, and stops believing who claims what it
// does not give.
func TestCharters(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	d.says(s, &wire.Charter{Version: 3})
	f := find[FetchCharter](d)
	if f.Version != 2 || f.Peer != 2 {
		t.Fatalf("asks %+v", f)
	}
	d.does(d.network(3, 2))
	d.does(Ended{Task: f.Task, Result: Done})
	f = find[FetchCharter](d)
	if f.Version != 3 {
		t.Fatalf("asks %+v", f)
	}
	if !d.core.charterBehind() {
		t.Error("does not know that it is behind")
	}
	d.does(Ended{Task: f.Task, Result: NotHeld, Err: errors.New("it has none")})
	none[FetchCharter](d)
	find[Remember](d)
	if d.core.charterBehind() {
		t.Error("believes a liar")
	}
	other := d.admit(3)
	d.says(other, &wire.Charter{Version: 3})
	if f = find[FetchCharter](d); f.Peer != 3 {
		t.Fatalf("asks %+v", f)
	}
	d.does(d.network(3, 3))
	d.does(Ended{Task: f.Task, Result: Done})
	none[FetchCharter](d)
}

func TestASecondCharterIsFetchedAsProof(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	for range 3 {
		d.says(s, &wire.Charter{Version: 1, Hash: ledger.Hash{99}})
	}
	f := find[FetchCharter](d)
	if f.Version != 1 || f.Peer != 2 {
		t.Fatalf("asks %+v", f)
	}
	none[FetchCharter](d)
	d.does(Ended{Task: f.Task, Result: Trouble, Err: errors.New("two charters")})

	// Whom we do not admit for it is asked as well, again if the line broke.
	for range 2 {
		h := d.hello(3)
		h.CharterHash[0]++
		d.says(d.opens(3, false), h)
		f = find[FetchCharter](d)
		if f.Peer != 3 {
			t.Fatalf("asks %+v", f)
		}
		find[HangUp](d)
		d.does(Ended{Task: f.Task, Result: Broken})
	}

	// And who was admitted with a version that was not held here yet.
	d = newDesk(t, 3)
	s = d.opens(2, false)
	h := d.hello(2)
	h.Charter, h.CharterHash = 2, ledger.Hash{99}
	d.says(s, h)
	f = find[FetchCharter](d)
	d.does(Ended{Task: f.Task, Result: Broken})
	d.does(d.network(3, 2)) // another one of version 2, from somewhere else
	if f = find[FetchCharter](d); f.Version != 2 {
		t.Fatalf("asks %+v", f)
	}
}

// TestNotesThatAreEarly holds that nobody is blamed for what a newer charter may
// explain, and that it is looked at again under that.
func TestNotesThatAreEarly(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(2)
	d.says(s, &wire.Charter{Version: 2})
	charter := find[FetchCharter](d)
	d.stores(2, 9)
	d.holds(s, 2, 5)
	k := find[Keep](d)
	d.does(Ended{Task: k.Task, Result: Invalid, Err: errors.New("unknown key")})
	none[Remember](d)
	none[Keep](d)
	d.does(d.network(3, 2))
	d.does(Ended{Task: charter.Task, Result: Done})
	k = find[Keep](d)
	d.does(Ended{Task: k.Task, Result: Invalid, Err: errors.New("unknown key")})
	find[Remember](d)
}

func TestAttachments(t *testing.T) {
	d := newDesk(t, 3)
	w := Want{Digest: ledger.Hash{1}, Chain: 3}
	d.does(w)
	d.does(w)
	none[FetchBlob](d)
	if n := len(d.core.attach.shelves[3].queue); n != 1 {
		t.Fatalf("%d are wanted", n)
	}
	d.admitAgain(2)
	a := find[FetchBlob](d)
	d.does(Ended{Task: a.Task, Result: NotHeld, Err: ErrNoHolder})
	none[FetchBlob](d)
	d.admitAgain(3) // a new peer may have it: the author, who is asked first
	a = find[FetchBlob](d)
	if len(a.Peers) != 2 || a.Peers[0] != 3 {
		t.Errorf("asks %v", a.Peers)
	}
	d.does(Want{Digest: ledger.Hash{2}, Chain: 3, Attempt: 7})
	none[FetchBlob](d) // one of a chain at a time
	d.does(Ended{Task: a.Task, Result: Done})
	if d.core.Wanted(w.Digest) {
		t.Error("still wanted")
	}
	a = find[FetchBlob](d)
	d.does(Ended{Task: a.Task, Result: NotHeld, Err: ErrNoHolder})
	if got := find[Attached](d); got.Attempt != 7 || !errors.Is(got.Err, ErrNoHolder) {
		t.Errorf("the attempt ends with %+v", got)
	}
}

// TestAttachmentsOfOneAuthorHoldUpNobodyElses has an author name thousands of files
// that come slowly or never.
func TestAttachmentsOfOneAuthorHoldUpNobodyElses(t *testing.T) {
	d := newDesk(t, 4)
	for n := range uint32(3) {
		d.admit(n + 2)
	}
	digest := func(n int) (h ledger.Hash) {
		binary.BigEndian.PutUint64(h[:], uint64(n))
		return h
	}
	for n := range 5000 {
		d.does(Want{Digest: digest(n), Chain: 2})
	}
	slow := find[FetchBlob](d)
	none[FetchBlob](d)
	d.does(Want{Digest: digest(6000), Chain: 3})
	d.does(Want{Digest: digest(6001), Chain: 3})
	d.does(Want{Digest: digest(6002), Chain: 4})
	for _, want := range []int{6000, 6001, 6002} {
		i := slices.IndexFunc(d.todo, func(a Action) bool { b, ok := a.(FetchBlob); return ok && b.Digest == digest(want) })
		if i < 0 {
			t.Fatalf("file %d is not asked for: %s", want, d.list())
		}
		d.does(Ended{Task: d.todo[i].(FetchBlob).Task, Result: Done})
	}
	d.take()
	d.does(Ended{Task: slow.Task, Result: Broken})
	if b := find[FetchBlob](d); b.Digest != digest(1) {
		t.Errorf("then asks for %v", b.Digest)
	}
	if !d.core.Wanted(slow.Digest) || d.core.Wanted(digest(6000)) {
		t.Error("what has failed is not wanted any more, or what has come still is")
	}
}

// FuzzDecodeOffences holds that the form is strict.
func FuzzDecodeOffences(f *testing.F) {
	raw, err := EncodeOffences([]Offence{{Peer: 1, Chain: 2, Count: 3, Last: 4}, {Peer: 1, Chain: 3, Count: 1, Last: 5}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := DecodeOffences(raw)
		if err != nil {
			return
		}
		again, err := EncodeOffences(list)
		if err != nil || string(again) != string(raw) {
			t.Fatalf("%x became %x, %v", raw, again, err)
		}
		newBlame(list)
	})
}

// TestAskingForLessOnANarrowLine halves what was asked for when that took too long
// to come, and not when the line just broke; and asks for more again, in time.
func TestAskingForLessOnANarrowLine(t *testing.T) {
	for name, c := range map[string]struct {
		state Chain
		ask   func(d *desk) (task Task, n uint64)
	}{
		"entries": {Chain{Number: 2}, func(d *desk) (Task, uint64) {
			f := find[Fetch](d)
			return f.Task, f.To - f.From
		}},
		"disclosures": {Chain{Number: 2, Size: 1000, Lacks: everyOne(1000)}, func(d *desk) (Task, uint64) {
			a := find[Disclose](d)
			return a.Task, a.To - a.From
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, 2)
			s := d.admit(2)
			d.does(&Stored{Signing: true, Chains: []Chain{c.state}})
			d.holds(s, 2, 1000)
			if c.state.Size > 0 {
				d.does(Ended{Task: find[Keep](d).Task})
			}
			fails := func(after time.Duration, want uint64) {
				t.Helper()
				task, n := c.ask(d)
				if n != want {
					t.Fatalf("asks for %d, want %d", n, want)
				}
				d.passAlive(after)
				d.does(Ended{Task: task, Result: Broken})
				d.passAlive(maxFailWait)
			}
			fails(slowAnswer-1, 1000)
			fails(slowAnswer, 1000)
			fails(slowAnswer, 256) // the next power of two below a half
			fails(slowAnswer, 128)
			for n, most := uint64(0), uint64(64); n < 64*widenAfter; n += most {
				task, got := c.ask(d)
				if got != most {
					t.Fatalf("asks for %d, want %d", got, most)
				}
				if c.state.Size > 0 {
					d.does(&Stored{Signing: true, Chains: []Chain{{Number: 2, Size: 1000, Lacks: everyOne(1000)[n+most:]}}})
				}
				d.does(Ended{Task: task, Result: Done, Size: n + most})
			}
			if _, n := c.ask(d); n != 128 {
				t.Errorf("after %d answers asks for %d", widenAfter, n)
			}
		})
	}
}

func everyOne(n uint64) (list []uint64) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// TestGapsAreFilledInPieces goes on with a node where its answer has ended, and
// keeps what others have answered.
func TestGapsAreFilledInPieces(t *testing.T) {
	d := newDesk(t, 4)
	for _, n := range []uint32{2, 3} {
		d.says(d.admit(n), &wire.Have{Chains: []wire.Holding{{Chain: 2, Size: 9000}}})
	}
	lacks := func(list ...uint64) {
		d.does(&Stored{Signing: true, Chains: []Chain{{Number: 2, Size: 9000, Lacks: list}}})
	}
	want := func(peer uint32, from, to uint64) Task {
		t.Helper()
		a := find[Disclose](d)
		if a.Peer != peer || a.From != from || a.To != to || a.Size != to {
			t.Fatalf("asks %+v", a)
		}
		return a.Task
	}
	lacks(3, 100, 5000)
	task := want(2, 3, 101)
	lacks(100, 5000)
	d.does(Ended{Task: task, Result: Done, Size: 50}) // as far as an answer goes
	d.does(Ended{Task: want(2, 100, 101), Result: Done, Size: 101})
	d.does(Ended{Task: want(2, 5000, 5001), Result: NotHeld})
	d.does(Ended{Task: want(3, 100, 101), Result: Done, Size: 101})
	d.does(Ended{Task: want(3, 5000, 5001), Result: Done, Size: 5001})
	none[Disclose](d)
	lacks(100, 5000, 8000)
	d.does(Ended{Task: want(3, 8000, 8001), Result: Done, Size: 8001})
	none[Disclose](d)
	d.passAlive(d.core.iv.Fill)
	want(2, 100, 101)
}

// TestOfAForkedChainOnlyWhatCounts fetches what is final, and after a charter has
// ended the chain what leads to the end, of whoever has that much, and nothing more.
func TestOfAForkedChainOnlyWhatCounts(t *testing.T) {
	d := newDesk(t, 3)
	s := d.admit(3)
	forked := Chain{Number: 2, Size: 5, Evidence: &wire.Alert{}}
	d.does(&Stored{Signing: true, Chains: []Chain{forked}})
	d.holds(s, 2, 9)
	none[Fetch](d)
	d.says(s, &wire.Have{Chains: []wire.Holding{{Chain: 2, Size: 9, Signed: deskNote(2, 9), Final: deskNote(2, 7)}}})
	k := find[Keep](d) // the witness has to know
	if string(k.Note) != string(deskNote(2, 7)) {
		t.Fatalf("keeps %q", k.Note)
	}
	d.does(Ended{Task: k.Task, Result: Behind})
	f := find[Fetch](d)
	if f.From != 5 || f.To != 7 {
		t.Fatalf("asks %+v", f)
	}
	d.does(Ended{Task: f.Task, Result: Invalid}) // another history
	none[Keep](d)
	if got := d.core.PassedOver(3, 2).Sub(d.now); got != BlockTime || len(d.core.blame.offences) > 0 {
		t.Errorf("passed over for %v, %d offences", got, len(d.core.blame.offences))
	}
	forked.Ended, forked.Due = true, 8
	d.does(&Stored{Signing: true, Chains: []Chain{forked}})
	f = find[Fetch](d) // the charter has said what counts: nobody is passed over
	if f.To != 8 || f.Note != nil {
		t.Errorf("after the end asks %+v", f)
	}
	d.does(Ended{Task: f.Task, Result: Done, Size: 8})
	none[Fetch](d) // what is beyond does not count
	forked.Size = 8
	d.does(&Stored{Signing: true, Chains: []Chain{forked}})
	none[Fetch](d)
}

// TestOfAForkedChainOnlyWhatCountsIsFilled asks nobody for the disclosures of entries
// that others may have not, or have others in place of.
func TestOfAForkedChainOnlyWhatCountsIsFilled(t *testing.T) {
	d := newDesk(t, 3)
	d.says(d.admit(3), &wire.Have{Chains: []wire.Holding{{Chain: 2, Size: 9}}})
	forked := Chain{Number: 2, Size: 9, Evidence: &wire.Alert{}, FinalSize: 5, Lacks: []uint64{3, 6, 8}}
	ask := func(from, to uint64) Task {
		t.Helper()
		d.does(&Stored{Signing: true, Chains: []Chain{forked}})
		a := find[Disclose](d)
		if a.From != from || a.To != to {
			t.Fatalf("asks %+v", a)
		}
		return a.Task
	}
	d.does(Ended{Task: ask(3, 4), Result: Done, Size: 4})
	none[Disclose](d)
	forked.Lacks = []uint64{6, 8}
	forked.Ended, forked.Due = true, 7
	d.does(Ended{Task: ask(6, 7), Result: Done, Size: 7})
	none[Disclose](d)
}

// TestOfAForkedChainOnlyWhatCountsIsDisclosed is the same for those that only parties
// may see.
func TestOfAForkedChainOnlyWhatCountsIsDisclosed(t *testing.T) {
	d := newDesk(t, 3)
	d.holds(d.admit(3), 2, 9)
	d.does(Ended{Task: find[Fetch](d).Task, Result: Done, Size: 9})
	d.does(Ended{Task: find[Keep](d).Task})
	forked := Chain{Number: 2, Size: 9, Evidence: &wire.Alert{}}
	d.does(&Stored{Signing: true, Chains: []Chain{forked}})
	d.says(d.admit(2), &wire.Have{Chains: []wire.Holding{{Chain: 2, Size: 9}}})
	none[Disclose](d)
	forked.Ended, forked.Due = true, 7
	d.does(&Stored{Signing: true, Chains: []Chain{forked}})
	a := find[Disclose](d)
	if a.From != 0 || a.To != 7 {
		t.Fatalf("asks %+v", a)
	}
	d.does(Ended{Task: a.Task, Result: Done, Size: 7})
	none[Disclose](d)
}

// TestALookBackTellsWhoIsWrong gets something under a final checkpoint that does not
// continue what is stored, and holds what is stored against what the peer has of that.
func TestALookBackTellsWhoIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		results  []Result // of the looks back
		offences int
	}{
		"another history is stored":     {[]Result{Conflict}, 0},
		"further on":                    {[]Result{Done, Conflict}, 0},
		"what it gave was wrong":        {[]Result{Done, Done}, 1},
		"what it gives is wrong again":  {[]Result{Invalid}, 1},
		"the line broke":                {[]Result{Broken}, 0},
		"the rest was wrong, or broken": {[]Result{Done, Broken}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, 3)
			s := d.admit(3)
			d.does(&Stored{Signing: true, Chains: []Chain{{Number: 2, Size: 5000, Final: deskNote(2, 40), FinalSize: 40}}})
			d.says(s, &wire.Have{Chains: []wire.Holding{{Chain: 2, Size: 9000, Final: deskNote(2, 9000)}}})
			d.does(Ended{Task: find[Fetch](d).Task, Result: Invalid, Err: errors.New("does not continue")})
			from := uint64(40)
			for _, r := range c.results {
				f := find[Fetch](d)
				if f.From != from || f.To != rangeEnd(from, 5000) || string(f.Note) != string(deskNote(2, 9000)) {
					t.Fatalf("looks back at %+v", f)
				}
				d.does(Ended{Task: f.Task, Result: r, Err: errors.New("so"), Size: 5000})
				from = f.To
			}
			none[Fetch](d)
			if n := len(d.core.blame.offences); n != c.offences || d.core.PassedOver(3, 2).IsZero() {
				t.Errorf("%d offences, passed over until %v", n, d.core.PassedOver(3, 2))
			}
		})
	}
}

// TestAForkIsNobodysFaultButTheAuthors forgets what holders of another history were
// blamed for when the fork is proven.
func TestAForkIsNobodysFaultButTheAuthors(t *testing.T) {
	d := newDesk(t, 3)
	d.holds(d.admit(3), 2, 9)
	d.does(Ended{Task: find[Fetch](d).Task, Result: Invalid})
	find[Remember](d)
	d.does(&Stored{Signing: true, Chains: []Chain{{Number: 2, Evidence: &wire.Alert{}}}})
	if r := find[Remember](d); len(r.Offences) > 0 || !d.core.PassedOver(3, 2).IsZero() {
		t.Errorf("still blamed: %+v", r.Offences)
	}
}
