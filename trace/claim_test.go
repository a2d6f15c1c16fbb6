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
		{"another of its member, the first ended", "lanzhi", 9, true, nil},
		{"another member's, the first ended", "dist", 2, true, []string{NotAuthority}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.product()
			w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "B1"))
			e := w.do("lanzhi", claim, about(codes(5, 5)))
			e.Member, e.Chain = tt.member, tt.chain
			w.size[tt.chain] = max(w.size[tt.chain], e.Seq+1)
			if tt.ended {
				w.charter.Ended = []ledger.Ended{{Chain: 3}}
			}
			if got := codesOf(w.fold(bottle(5))); !slices.Equal(got, tt.want) {
				t.Errorf("findings %v, want %v", got, tt.want)
			}
		})
	}
}
