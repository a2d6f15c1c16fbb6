package trace

import (
	"slices"

	"suyuan/ledger"
)

// ChecksSeconds reports whether a member's chain checks the second codes of a
// run, so that its claims of them count: the chain that issued the run, and once
// a charter has ended that one, the others of its member, whose node goes on under
// a new number with the same secrets.
func ChecksSeconds(charters []*ledger.Charter, run *Event, member string, chain uint32) bool {
	if run == nil || run.Member != member {
		return false
	}
	return run.Chain == chain || slices.ContainsFunc(charters, func(c *ledger.Charter) bool {
		return slices.ContainsFunc(c.Ended, func(e ledger.Ended) bool { return e.Chain == run.Chain })
	})
}
