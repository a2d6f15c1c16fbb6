package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// Histories of a forked chain are written as words: a letter for each entry. Two
// words that begin alike share these entries.

func historyOf(word string) ledger.History {
	var leaves []ledger.Hash
	for i := range word {
		leaves = append(leaves, ledger.LeafHash([]byte(word[:i+1])))
	}
	return must(ledger.History{}.Continue(0, leaves))
}

func endAt(word string, reports ...ledger.StopReport) *ledger.Ended {
	e := &ledger.Ended{Chain: 1, Size: uint64(len(word)), Reports: reports}
	if len(word) > 0 {
		e.Root = must(historyOf(word).Source.RootAt(e.Size))
	}
	return e
}

// A voting is what the witnesses of cosigners had signed of a chain of the first of
// them, who is proven to have signed several histories.
type voting struct {
	net      *ledgertest.Net
	members  []string // that report: all cosigners but the author
	reported []string // the word of each; "" had signed nothing
	made     map[[2]string]*ledger.StopReport
}

func newVoting(net *ledgertest.Net) *voting {
	return &voting{net: net, members: net.Cosigners()[1:], made: make(map[[2]string]*ledger.StopReport)}
}

// complete asks whether a charter that ends the chain at a word, signed by all who
// report, is complete.
func (s *voting) complete(t *testing.T, end string) bool {
	t.Helper()
	signed := make(map[string]bool)
	var reports []ledger.StopReport
	for i, m := range s.members {
		signed[m] = true
		word := s.reported[i]
		if word == "" || strings.HasPrefix(end, word) && i%2 == 0 {
			continue // signs without a report: it knows that the end covers it
		}
		key := [2]string{end, word}
		if s.made[key] == nil {
			s.made[key] = must(historyOf(end).Report("", historyOf(word)))
		}
		r := *s.made[key]
		r.Member = m
		reports = append(reports, r)
	}
	err := endAt(end, reports...).Covers(s.net.Charter(), signed, s.net.Cosigners()[0])
	if err != nil && ledger.CodeOf(err) != ledger.CodeCharter {
		t.Fatalf("end %q of %q: %v", end, s.reported, err)
	}
	return err == nil
}

// mayBeFinal is how many cosigners may have signed the checkpoint of a word: its
// author, those whose report begins with it, and as many of the others as may lie.
func (s *voting) mayBeFinal(word string) bool {
	q, f := ledger.QuorumOf(len(s.members) + 1)
	votes := 1
	for _, r := range s.reported {
		if strings.HasPrefix(r, word) {
			votes++
		}
	}
	return votes+min(f-1, len(s.members)+1-votes) >= q
}

// safe is what complete must be: no checkpoint that may be final lies outside.
func (s *voting) safe(end string) bool {
	for _, r := range s.reported {
		for n := 1; n <= len(r); n++ {
			if word := r[:n]; !strings.HasPrefix(end, word) && s.mayBeFinal(word) {
				return false
			}
		}
	}
	return true
}

// check compares complete and safe for every end that might be chosen, and
// returns whether one is complete.
func (s *voting) check(t *testing.T) (ends bool) {
	t.Helper()
	tried := map[string]bool{}
	for _, r := range s.reported {
		for n := 0; n <= len(r); n++ {
			end := r[:n]
			if tried[end] {
				continue
			}
			tried[end] = true
			got, want := s.complete(t, end), s.safe(end)
			if got != want {
				t.Errorf("votes %q, end %q: complete is %t, want %t", s.reported, end, got, want)
			}
			ends = ends || got
		}
	}
	return ends
}

func words(letters string, length int) []string {
	list := []string{""}
	for from := 0; length > 0; length-- {
		to := len(list)
		for _, w := range list[from:to] {
			for _, l := range letters {
				list = append(list, w+string(l))
			}
		}
		from = to
	}
	return list
}

// TestEveryForkOfFourCanBeEnded goes through all ways in which the votes of three
// honest witnesses can split over three histories.
func TestEveryForkOfFourCanBeEnded(t *testing.T) {
	s := newVoting(ledgertest.New())
	list := words("abc", 2)
	deep := words("ab", 3)
	n := 0
	for _, list := range [][]string{list, deep} {
		for _, x := range list {
			for _, y := range list {
				for _, z := range list {
					s.reported = []string{x, y, z}
					n++
					if !s.check(t) {
						t.Errorf("votes %q: no end is complete", s.reported)
					}
				}
			}
		}
	}
	t.Logf("%d splits", n)
}

// TestForksOfSeven tries random splits of six honest witnesses. With two liars
// among seven, two histories with three votes each may both be final as far as
// anybody can tell: then, and only then, no end is complete.
func TestForksOfSeven(t *testing.T) {
	s := newVoting(ledgertest.New(ledgertest.WithMembers(7)))
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	list := words("abc", 2)
	for range 1500 {
		s.reported = nil
		for range s.members {
			s.reported = append(s.reported, list[rnd.IntN(len(list))])
		}
		if s.check(t) {
			continue
		}
		if !s.twoMayBeFinal() {
			t.Errorf("seed %d, votes %q: no end is complete", seed, s.reported)
		}
	}
	s.reported = []string{"a", "a", "a", "b", "b", "b"}
	if s.check(t) {
		t.Error("an end is complete that leaves out a history with three votes of seven")
	}
	s.reported = []string{"a", "a", "b", "b", "c", "c"}
	if !s.check(t) {
		t.Error("three histories with two votes each cannot be ended")
	}
}

// twoMayBeFinal reports whether two checkpoints that contradict each other may
// both be final.
func (s *voting) twoMayBeFinal() bool {
	var may []string
	for _, r := range s.reported {
		for n := 1; n <= len(r); n++ {
			if s.mayBeFinal(r[:n]) {
				may = append(may, r[:n])
			}
		}
	}
	for _, a := range may {
		for _, b := range may {
			if !strings.HasPrefix(a, b) && !strings.HasPrefix(b, a) {
				return true
			}
		}
	}
	return false
}

// TestEndsWithoutProofOfGuilt is about charters whose signers are not everybody.
func TestEndsWithoutProofOfGuilt(t *testing.T) {
	net := ledgertest.New()
	report := func(end, member, word string) ledger.StopReport {
		r := must(historyOf(end).Report(member, historyOf(word)))
		return *r
	}
	for _, tt := range []struct {
		name    string
		signers string
		reports map[string]string
		guilty  string
		want    bool
	}{
		{"three who are covered", "wh dist audit", nil, "", true},
		{"three, one beyond the end", "wh dist audit", map[string]string{"wh": "xab"}, "", false},
		{"three, one beyond the end, author guilty", "wh dist audit", map[string]string{"wh": "xab"}, "lanzhi", true},
		{"four, one beyond the end", "lanzhi wh dist audit", map[string]string{"wh": "xab"}, "", true},
		{"four, one on another history", "lanzhi wh dist audit", map[string]string{"wh": "y"}, "", true},
		{"four, two on another history", "lanzhi wh dist audit", map[string]string{"wh": "y", "dist": "yz"}, "", false},
		{"four, two on two other histories", "lanzhi wh dist audit", map[string]string{"wh": "y", "dist": "z"}, "", true},
		{"a report of one who has not signed", "lanzhi dist audit", map[string]string{"wh": "y"}, "", true},
		{"a report of a covered one", "wh dist audit", map[string]string{"wh": "x"}, "", true},
	} {
		signed := map[string]bool{}
		for _, m := range strings.Fields(tt.signers) {
			signed[m] = true
		}
		end := endAt("xa")
		for _, m := range []string{"audit", "dist", "lanzhi", "wh"} {
			if word, ok := tt.reports[m]; ok {
				end.Reports = append(end.Reports, report("xa", m, word))
			}
		}
		if err := end.Covers(net.Charter(), signed, tt.guilty); (err == nil) != tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestReportsAreChecked spoils every part of reports.
func TestReportsAreChecked(t *testing.T) {
	net := ledgertest.New()
	for _, words := range [][2]string{{"xxxxxabcd", "xxxxxefgh"}, {"xxxxx", "xxxxxefgh"}, {"xxxxxabcd", "xxxxx"}, {"abc", "xyz"}, {"xxxxxabcd", "xxxxxe"}} {
		ending, theirs := historyOf(words[0]), historyOf(words[1])
		fresh := func() *ledger.Ended { return endAt(words[0], *must(ending.Report("wh", theirs))) }
		all := map[string]bool{"lanzhi": true, "wh": true, "dist": true, "audit": true}
		if err := fresh().Covers(net.Charter(), all, ""); err != nil {
			t.Errorf("%q: %v", words, err)
		}
		other := fill(9)
		for name, spoil := range map[string]func(r *ledger.StopReport){
			"size 0":      func(r *ledger.StopReport) { r.Size = 0 },
			"root":        func(r *ledger.StopReport) { r.Root = other },
			"more shared": func(r *ledger.StopReport) { r.Shared++ },
			"less shared": func(r *ledger.StopReport) { r.Shared-- },
			"shared root": func(r *ledger.StopReport) { r.SharedRoot = &other },
			"next":        func(r *ledger.StopReport) { r.Next = &other },
			"end next":    func(r *ledger.StopReport) { r.EndNext = &other },
			"same next":   func(r *ledger.StopReport) { r.EndNext = r.Next; r.Size++ },
			"in end":      func(r *ledger.StopReport) { r.InEnd = append(r.InEnd, other) },
			"to next":     func(r *ledger.StopReport) { r.ToNext = append(r.ToNext, other) },
			"in report":   func(r *ledger.StopReport) { r.InReport = append(r.InReport, other) },
			"in end next": func(r *ledger.StopReport) { r.InEndNext = append(r.InEndNext, other) },
			"member":      func(r *ledger.StopReport) { r.Member = "W H" },
		} {
			e := fresh()
			spoil(&e.Reports[0])
			if err := e.Covers(net.Charter(), all, ""); err == nil {
				t.Errorf("%q: %s passes", words, name)
			}
		}
		twice := fresh()
		twice.Reports = append(twice.Reports, twice.Reports[0])
		if err := twice.Covers(net.Charter(), all, ""); err == nil {
			t.Errorf("%q: two reports of one member pass", words)
		}
	}
}

// endFork ends the chain of dist, of which three witnesses had signed three
// histories, at the first.
func endFork(net *ledgertest.Net) (branches []*ledgertest.Builder, end func(*ledger.Evidence) func(*ledger.Charter)) {
	trunk := net.NewChain("dist")
	trunk.Record(ledger.KindShip)
	for range 3 {
		b := trunk.At(trunk.Size())
		b.Record(ledger.KindShip)
		b.Record(ledger.KindShip)
		branches = append(branches, b)
	}
	history := func(b *ledgertest.Builder) ledger.History {
		return ledger.History{Size: b.Size(), Source: b.TileSource()}
	}
	return branches, func(ev *ledger.Evidence) func(*ledger.Charter) {
		return func(c *ledger.Charter) {
			leaveNode(c, trunk.Number)
			e := ledger.Ended{Chain: trunk.Number, Size: branches[0].Size(), Root: must(branches[0].Chain.Root())}
			for i, m := range []string{"lanzhi", "wh"} {
				e.Reports = append(e.Reports, *must(history(branches[0]).Report(m, history(branches[i+1]))))
			}
			if ev != nil {
				e.Evidence = must(ev.Encode())
			}
			c.Ended = append(c.Ended, e)
		}
	}
}

func forkEvidence(net *ledgertest.Net, branches []*ledgertest.Builder) *ledger.Evidence {
	return must(ledger.MakeEvidence(net.Network, branches[0].Checkpoint(), branches[1].Checkpoint(), branches[0].TileSource()))
}

// TestCharterEndsAFork signs a charter that ends a chain of which three witnesses
// had signed three histories.
func TestCharterEndsAFork(t *testing.T) {
	net := ledgertest.New()
	branches, end := endFork(net)
	trunk, evidence := branches[0], forkEvidence(net, branches)
	for _, tt := range []struct {
		name     string
		evidence *ledger.Evidence
		want     ledger.Code
	}{
		{"without evidence", nil, ledger.CodeCharter},
		{"with evidence of nothing", &ledger.Evidence{A: branches[0].Checkpoint().Note, B: branches[0].Checkpoint().Note}, ledger.CodeForm},
		{"with evidence", evidence, ""},
	} {
		next := net.Next(end(tt.evidence))
		everybody := tt.want
		if tt.evidence == nil {
			everybody = "" // with dist's signature too it would be complete
		}
		wantCode(t, tt.name+", before it is signed", net.Network.CheckNext(next), everybody)
		s := signedBy(net, next, "lanzhi", "wh", "audit")
		longer, err := net.Network.Adopt(s)
		wantCode(t, tt.name, err, tt.want)
		if tt.want != "" {
			continue
		}
		decoded := must(ledger.DecodeCharter(s.Body))
		if got := fmt.Sprintf("%s %t", decoded.Ended[0].Reports[1].Member, len(decoded.Ended[0].Evidence) > 0); got != "wh true" {
			t.Errorf("decoded %s", got)
		}
		if longer.Ended(trunk.Number).Size != branches[0].Size() {
			t.Error("the chain has not ended there")
		}
		// A later version keeps the end as it is.
		net.Network = longer
		kept := signedBy(net, net.Next(nil), "audit", "lanzhi", "wh")
		if _, err := longer.Adopt(kept); err != nil {
			t.Errorf("the version after it: %v", err)
		}
		changed := signedBy(net, net.Next(func(c *ledger.Charter) { c.Ended[0].Reports = nil }), "audit", "lanzhi", "wh")
		_, err = longer.Adopt(changed)
		wantCode(t, "reports taken out", err, ledger.CodeCharter)
	}
}
