package trace

import (
	"slices"
	"testing"

	"suyuan/ledger"
)

// The second codes of a chain that has ended are checked by the chain with which
// its member goes on, and by nobody else.
func TestClaimsAfterAChainHasEnded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		member string
		chain  uint32
		ended  bool
		want   []string // findings
	}{
		{"the chain that issued", "lanzhi", 3, false, nil},
		{"another of its member", "lanzhi", 9, false, []string{NotAuthority}},
		{"the one that goes on, the first ended", "lanzhi", 9, true, nil},
		{"a third one of its member, the first ended", "lanzhi", 8, true, []string{NotAuthority}},
		{"another member's, the first ended", "dist", 2, true, []string{NotAuthority}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.product()
			w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "B1"))
			e := w.do("lanzhi", claim, about(codes(5, 5)))
			e.Member, e.Chain = tt.member, tt.chain
			w.size[tt.chain] = max(w.size[tt.chain], e.Seq+1)
			in := w.input(bottle(5))
			if tt.ended {
				next := *w.charter
				next.Version, next.Ended = 2, []ledger.Ended{{Chain: 3, Size: 9}}
				next.Nodes = append(slices.DeleteFunc(slices.Clone(next.Nodes), func(n ledger.Node) bool { return n.Number == 3 }),
					ledger.Node{Number: 9, Member: "lanzhi"}, ledger.Node{Number: 11, Member: "lanzhi"})
				in.Charters = append(in.Charters, &next)
			}
			if got := codesOf(Fold(in)); !slices.Equal(got, tt.want) {
				t.Errorf("findings %v, want %v", got, tt.want)
			}
		})
	}
}

// Once a charter has ended the chain that issued a run, the door takes claims on the
// one chain that goes on, not on that of another node of the company.
func TestDoorTakesClaimsOfTheChecker(t *testing.T) {
	for _, tt := range []struct {
		chain uint32
		ended bool
		want  string
	}{
		{3, false, ""},
		{9, false, RefusedNotIssuer},
		{9, true, ""},
		{11, true, RefusedNotIssuer},
		{3, true, RefusedNotIssuer},
	} {
		w := newWorld(t)
		w.charter.Nodes = append(w.charter.Nodes, ledger.Node{Number: 9, Member: "lanzhi"}, ledger.Node{Number: 11, Member: "lanzhi"})
		if tt.ended {
			w.charter.Ended = []ledger.Ended{{Chain: 3, Size: 9}}
			w.charter.Nodes = slices.DeleteFunc(w.charter.Nodes, func(n ledger.Node) bool { return n.Number == 3 })
		}
		w.product()
		w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "B1"))
		err := w.try("lanzhi", claim, about(codes(5, 5)), func(e *Event) { e.Chain = tt.chain })
		if r, _ := AsRefusal(err); (r == nil) != (tt.want == "") || r != nil && r.Reason != tt.want {
			t.Errorf("on chain %d, the first ended %t: %v, want %q", tt.chain, tt.ended, err, tt.want)
		}
	}
}

// Of all nodes of a company one checks the second codes of a run, at any time, and
// those before it are known with their ends.
func TestOneChainChecksSecondCodes(t *testing.T) {
	charter := func(ended []uint32, nodes ...uint32) *ledger.Charter {
		c := &ledger.Charter{Nodes: []ledger.Node{{Member: "dist", Number: 2}}}
		for _, n := range nodes {
			c.Nodes = append(c.Nodes, ledger.Node{Member: "lanzhi", Number: n})
		}
		for _, chain := range ended {
			c.Ended = append(c.Ended, ledger.Ended{Chain: chain, Size: 100 * uint64(chain)})
		}
		return c
	}
	run := &Event{Member: "lanzhi", Position: Position{Chain: 3}}
	for _, tt := range []struct {
		name     string
		charters []*ledger.Charter
		want     uint32
		before   []uint32
		nobody   bool
	}{
		{"who issued it", []*ledger.Charter{charter(nil, 3, 1)}, 3, nil, false},
		{"who issued it, whatever is new", []*ledger.Charter{charter(nil, 3), charter(nil, 3, 7)}, 3, nil, false},
		{"the node under a new number", []*ledger.Charter{charter(nil, 1, 3), charter([]uint32{3}, 1, 7)}, 7, []uint32{3}, false},
		{"one of two that are new", []*ledger.Charter{charter(nil, 1, 3), charter([]uint32{3}, 8, 7, 1)}, 7, []uint32{3}, false},
		{"one of two that were there", []*ledger.Charter{charter(nil, 1, 3, 4), charter([]uint32{3}, 4, 1)}, 1, []uint32{3}, false},
		{"and it stays the one", []*ledger.Charter{charter(nil, 4, 3), charter([]uint32{3}, 4), charter([]uint32{3}, 4, 5), charter([]uint32{3}, 1, 4, 5)}, 4, []uint32{3}, false},
		{"until it ends itself", []*ledger.Charter{charter(nil, 4, 3), charter([]uint32{3}, 4, 5), charter([]uint32{3, 5}, 4, 6)}, 6, []uint32{3, 5}, false},
		{"the company has no node", []*ledger.Charter{charter(nil, 3), charter([]uint32{3})}, 3, nil, true},
		{"and one again", []*ledger.Charter{charter(nil, 3), charter([]uint32{3}), charter([]uint32{3}, 9)}, 9, []uint32{3}, false},
		{"the heir has no heir yet", []*ledger.Charter{charter(nil, 3), charter([]uint32{3}, 9), charter([]uint32{3, 9})}, 9, []uint32{3}, true},
	} {
		got, before, ok := CheckerOf(tt.charters, run)
		var chains []uint32
		for _, e := range before {
			chains = append(chains, e.Chain)
			if e.Size != 100*uint64(e.Chain) {
				t.Errorf("%s: chain %d is said to end at %d", tt.name, e.Chain, e.Size)
			}
		}
		if got != tt.want || ok == tt.nobody || !slices.Equal(chains, tt.before) {
			t.Errorf("%s: chain %d (%t) after %v", tt.name, got, ok, chains)
		}
	}
}
