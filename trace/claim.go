package trace

import (
	"slices"

	"suyuan/ledger"
)

// ChecksSeconds reports whether a member's chain checks the second codes of a run by
// the charters of the network, oldest first, or did before ([CheckerOf]): claims on
// others count for nothing, whoever in the company has recorded them.
func ChecksSeconds(charters []*ledger.Charter, run *Event, member string, chain uint32) bool {
	if run == nil || run.Member != member {
		return false
	}
	now, before, _ := CheckerOf(charters, run)
	return now == chain || slices.ContainsFunc(before, func(e ledger.Ended) bool { return e.Chain == chain })
}

// CheckerOf returns the chain whose node checks the second codes of a run, by the
// charters of the network, oldest first, and the chains that did before it, with
// how far each counts. It is the chain that issued the run, until a charter ends
// that. Each charter that ends a chain settles who goes on, once and for all: of
// the member's nodes that it names the first that no charter had before, as is
// one that goes on under a new number, or if there is none the first of all. So there is
// one at any time, and a code has one first use: whoever goes on has all that was used
// before when it has those chains. ok is false while the member has no node.
func CheckerOf(charters []*ledger.Charter, run *Event) (chain uint32, before []ledger.Ended, ok bool) {
	chain = run.Chain
	for i, c := range charters {
		end := slices.IndexFunc(c.Ended, func(e ledger.Ended) bool { return e.Chain == chain })
		if end < 0 {
			continue
		}
		if heir := heirIn(c, charters[:i], run.Member); heir != nil {
			before = append(before, c.Ended[end])
			chain = heir.Number
		}
	}
	return chain, before, len(charters) > 0 && charters[len(charters)-1].Node(chain) != nil
}

// heirIn returns the node of a charter that goes on where it ends one of the same
// member, nil if it has none.
func heirIn(c *ledger.Charter, earlier []*ledger.Charter, member string) (heir *ledger.Node) {
	known := func(n *ledger.Node) bool {
		return slices.ContainsFunc(earlier, func(e *ledger.Charter) bool { return e.Node(n.Number) != nil })
	}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if n.Member != member {
			continue
		}
		if heir == nil || known(heir) && !known(n) || known(heir) == known(n) && n.Number < heir.Number {
			heir = n
		}
	}
	return heir
}
