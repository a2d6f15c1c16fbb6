package protocol

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"suyuan/node/wire"
)

// An authorship is a desk whose chain grows.
type authorship struct {
	*desk
	n        int
	size     uint64
	proposed map[string]Propose // not answered yet, by member
}

// newAuthorship is node 1 of n with the others connected.
func newAuthorship(t *testing.T, n int) *authorship {
	t.Helper()
	a := &authorship{desk: newDesk(t, n), n: n, proposed: make(map[string]Propose)}
	for i := 2; i <= n; i++ {
		a.admit(uint32(i))
	}
	return a
}

// grows adds an entry.
func (a *authorship) grows() {
	a.size++
	a.stores(1, a.size)
}

// quorums is what n cosigners need.
func (a *authorship) quorums() []Quorum {
	f := (a.n - 1) / 3
	return []Quorum{{Need: (a.n + f + 2) / 2, Voters: a.core.net.Cosigners}}
}

// signs ends a Sign with a checkpoint of everything.
func (a *authorship) signs() {
	a.t.Helper()
	sign := find[Sign](a.desk)
	a.does(Signed{Task: sign.Task, Size: a.size, Note: deskNote(1, a.size), Members: []string{"m1"}, Quorums: a.quorums()})
}

// round lets the chain grow and opens a round.
func (a *authorship) round() uint64 {
	a.t.Helper()
	a.grows()
	a.signs()
	return a.size
}

// wantProposed takes the proposals that are to be made, and looks whether they
// are these.
func (a *authorship) wantProposed(size uint64, members ...string) {
	a.t.Helper()
	var got []string
	for _, x := range a.take() {
		if p, ok := x.(Propose); ok {
			if p.Size != size {
				a.t.Fatalf("proposes size %d, want %d", p.Size, size)
			}
			got = append(got, p.Member)
			a.proposed[fmt.Sprint(p.Member, p.Size)] = p
		} else if keep, ok := x.(Publish); ok {
			a.todo = append(a.todo, keep)
		}
	}
	if !slices.Equal(got, members) {
		a.t.Fatalf("proposes to %v, want %v", got, members)
	}
}

// answers ends a proposal with a cosignature.
func (a *authorship) answers(member string, size uint64) {
	a.t.Helper()
	key := fmt.Sprint(member, size)
	p, ok := a.proposed[key]
	if !ok {
		a.t.Fatalf("%s was not asked about %d", member, size)
	}
	delete(a.proposed, key)
	a.does(Answered{Task: p.Task, Line: []byte(member)})
}

// wantPublished takes a Publish with these lines and ends it.
func (a *authorship) wantPublished(size uint64, lines ...string) {
	a.t.Helper()
	p := find[Publish](a.desk)
	var got []string
	for _, l := range p.Lines {
		got = append(got, string(l))
	}
	if p.Size != size || !slices.Equal(got, lines) {
		a.t.Fatalf("publishes %d with %v, want %d with %v", p.Size, got, size, lines)
	}
	a.does(Published{Task: p.Task, Note: deskNote(1, size), Final: true})
}

func TestAuthorPublishesWithQuorumAndAgainWhenMoreJoin(t *testing.T) {
	a := newAuthorship(t, 4)
	size := a.round()
	a.wantProposed(size, "m2", "m3", "m4")
	a.answers("m3", size)
	none[Publish](a.desk)
	a.answers("m2", size)
	a.wantPublished(size, "m2", "m3")
	a.answers("m4", size)
	none[Publish](a.desk)
	if at := a.core.Wake(); at.After(a.now.Add(joinDelay)) {
		t.Fatalf("wakes at %v", at)
	}
	a.pass(joinDelay)
	a.wantPublished(size, "m4")
	a.pass(time.Hour)
	none[Publish](a.desk)
}

func TestRoundEndsWithQuorumOrTimeout(t *testing.T) {
	a := newAuthorship(t, 4)
	size := a.round()
	a.wantProposed(size, "m2", "m3", "m4")
	a.grows()
	a.pass(time.Second - 1)
	none[Sign](a.desk)
	a.pass(1)
	a.signs()
	a.answers("m2", size)
	a.wantProposed(size+1, "m2")
	a.answers("m2", size+1)
	a.answers("m3", size)
	a.wantPublished(size, "m2", "m3") // of the older round, which the slow one has completed
	a.wantProposed(size+1, "m3")
	a.answers("m3", size+1)
	a.wantPublished(size+1, "m2", "m3")
	a.grows()
	a.pass(10 * time.Millisecond)
	a.signs()
}

// TestMembersCountOnce lets a witness answer twice: only different members make a
// quorum.
func TestMembersCountOnce(t *testing.T) {
	a := newAuthorship(t, 4)
	size := a.round()
	a.wantProposed(size, "m2", "m3", "m4")
	again := a.proposed[fmt.Sprint("m2", size)]
	a.answers("m2", size)
	a.does(Answered{Task: again.Task, Line: []byte("m2 once more")})
	none[Publish](a.desk)
}

func TestOnlyTheNewestOffersStayOpen(t *testing.T) {
	d := newDesk(t, 4)
	a := &authorship{desk: d, n: 4, proposed: make(map[string]Propose)}
	for range 2 * maxOffers {
		a.round()
		a.pass(time.Second)
	}
	if got := len(a.core.rounds.offers); got != maxOffers {
		t.Fatalf("%d offers are open, want %d", got, maxOffers)
	}
	a.admit(4)
	if a.core.rounds.voters["m4"].busy != true {
		t.Fatal("who comes late is not asked")
	}
}

func TestAuthorWaitsAfterARefusal(t *testing.T) {
	a := newAuthorship(t, 2)
	size := a.round()
	wait := 100 * time.Millisecond
	for range 4 {
		p := find[Propose](a.desk)
		a.does(Answered{Task: p.Task, Refused: &wire.Refused{Reason: wire.ReasonForked}})
		a.pass(wait - 1)
		none[Propose](a.desk)
		a.pass(1)
		wait *= 2
	}
	p := find[Propose](a.desk)
	a.does(Answered{Task: p.Task, Refused: &wire.Refused{Reason: wire.ReasonBusy}})
	a.pass(BusyWait)
	p = find[Propose](a.desk)
	a.does(Answered{Task: p.Task})
	a.does(Closed{Stream: a.next})
	a.take()
	a.admitAgain(2)
	if p := find[Propose](a.desk); p.Size != size {
		t.Fatal("a new session is no new chance")
	}
}

// admitAgain is admit without forgetting what is to be done.
func (d *desk) admitAgain(n uint32) {
	s := d.opens(n, true)
	d.says(s, d.hello(n))
}

// TestAWitnessThatKnowsBetter holds that a note of another history of the own
// chain goes to the disk, which stops signing if our key has made it.
func TestAWitnessThatKnowsBetter(t *testing.T) {
	a := newAuthorship(t, 4)
	a.round()
	p := find[Propose](a.desk)
	note := deskNote(1, 1)
	a.does(Answered{Task: p.Task, Refused: &wire.Refused{Reason: wire.ReasonConflict, Note: note}})
	if k := find[Keep](a.desk); k.Chain != 1 || string(k.Note) != string(note) {
		t.Fatalf("keeps %+v", k)
	}
}

// TestWhatTheLedgerDoesNotCount holds that a checkpoint which the ledger does not
// take for final stays open.
func TestWhatTheLedgerDoesNotCount(t *testing.T) {
	a := newAuthorship(t, 4)
	size := a.round()
	a.wantProposed(size, "m2", "m3", "m4")
	a.answers("m2", size)
	a.answers("m3", size)
	p := find[Publish](a.desk)
	a.does(Published{Task: p.Task, Note: deskNote(1, size), Final: false})
	none[Publish](a.desk)
	a.answers("m4", size)
	a.wantPublished(size, "m4")
}

func TestLoneCosignerIsFinalAtOnce(t *testing.T) {
	a := newAuthorship(t, 1)
	size := a.round()
	a.wantPublished(size)
}

// TestANewCharterBeginsAnew holds that offers of another quorum are forgotten.
func TestANewCharterBeginsAnew(t *testing.T) {
	a := newAuthorship(t, 5)
	a.n = 4
	a.core.net.Cosigners = a.core.net.Cosigners[:4]
	size := a.round()
	a.wantProposed(size, "m2", "m3", "m4")
	a.n = 5
	a.does(a.network(5, 2))
	a.grows()
	a.pass(time.Second)
	a.signs()
	a.wantProposed(size+1, "m5") // the others have a proposal to answer
	for _, m := range []string{"m2", "m3", "m4"} {
		a.answers(m, size)
		a.wantProposed(size+1, m)
	}
	none[Publish](a.desk)
}

// TestEveryEntryBecomesFinal plays random networks: witnesses that are slow or
// refuse, under a chain that never stops growing. As long as a quorum answers in
// the end, everything becomes final, and nothing that is published lacks its
// quorum or goes back.
func TestEveryEntryBecomesFinal(t *testing.T) {
	for _, members := range []int{1, 2, 3, 4, 7} {
		t.Run(fmt.Sprint(members), func(t *testing.T) {
			seed := uint64(members) * 7919
			rnd := rand.New(rand.NewPCG(seed, seed))
			t.Logf("seed %d", seed)
			a := newAuthorship(t, members)
			flying := map[string]Propose{}
			lines := make(map[uint64]map[string]bool)
			var final uint64
			step := func(reliable bool) {
				for _, x := range a.take() {
					switch x := x.(type) {
					case Sign:
						a.does(Signed{Task: x.Task, Size: a.size, Note: deskNote(1, a.size), Members: []string{"m1"}, Quorums: a.quorums()})
					case Propose:
						if _, twice := flying[x.Member]; twice {
							t.Fatalf("two proposals to %s at one time", x.Member)
						}
						flying[x.Member] = x
					case Publish:
						if lines[x.Size] == nil {
							lines[x.Size] = map[string]bool{"m1": true}
						}
						for _, l := range x.Lines {
							lines[x.Size][string(l)] = true
						}
						if len(lines[x.Size]) < a.quorums()[0].Need || x.Size < final {
							t.Fatalf("published size %d with %v after %d", x.Size, lines[x.Size], final)
						}
						final = x.Size
						a.does(Published{Task: x.Task, Note: deskNote(1, x.Size), Final: true})
					}
				}
				for _, m := range slices.Sorted(maps.Keys(flying)) {
					p := flying[m]
					switch k := rnd.IntN(4); {
					case k == 0 || reliable:
						delete(flying, m)
						a.does(Answered{Task: p.Task, Line: []byte(m)})
					case k == 1:
						delete(flying, m)
						a.does(Answered{Task: p.Task, Refused: &wire.Refused{Reason: wire.ReasonBehind}})
					}
				}
				for _, p := range a.core.peers {
					if p.session != nil {
						p.session.heard = a.now
					}
				}
				a.pass(time.Duration(rnd.IntN(300)) * time.Millisecond)
			}
			for range 300 {
				a.grows()
				step(false)
			}
			for i := 0; final < a.size; i++ {
				if i == 1000 {
					t.Fatalf("size %d of %d is final", final, a.size)
				}
				step(true)
			}
		})
	}
}
