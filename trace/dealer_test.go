package trace

import (
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// A dealer that was appointed by itself has its own territory, not its host's;
// one that was not has that of its host, or of the dealer above it.
func TestDealersTerritories(t *testing.T) {
	appointed := func(w *world, party, parent string, territory ...string) {
		opts := []option{field("party", party), field("gtins", []gs1.GTIN{wine}), field("from", "2026-03-01")}
		if parent != "" {
			opts = append(opts, field("parent", parent))
		}
		if len(territory) > 0 {
			opts = append(opts, field("territory", territory))
		}
		w.do("lanzhi", ledger.KindAppoint, opts...)
	}
	for _, c := range []struct {
		name, seller, region string
		diverted             bool
	}{
		{"the host in its province", "dist", "330200", false},
		{"the host elsewhere", "dist", "440300", true},
		{"a dealer in its city", "dist/b", "330106", false},
		{"a dealer in the rest of the host's province", "dist/b", "330200", true},
		{"a third level within the second's", "dist/c", "330106", false},
		{"a third level in the rest of the province", "dist/c", "330200", true},
		{"a party that nobody appointed", "dist/d", "330200", false},
		{"where it was sold is not known", "dist/b", "", false},
	} {
		w := newWorld(t)
		w.product()
		appointed(w, "dist", "", "330000")
		appointed(w, "dist/b", "dist", "330100")
		appointed(w, "dist/c", "dist/b")
		w.do("lanzhi", activate, about(codes(0, 99)), field("lot", "L1"))
		s := w.do("lanzhi", ship, about(codes(0, 9)), field("purpose", "sale"), to(c.seller))
		w.do(c.seller, receive, about(codes(0, 9)), refs(s))
		opts := []option{about(codes(5, 5)), field("channel", "store")}
		if c.region != "" {
			opts = append(opts, field("region", c.region))
		}
		w.do(c.seller, sell, opts...)
		_, list := NowOf(w.fold(bottle(5)), time.UnixMilli(w.now))
		got := false
		for _, f := range list {
			got = got || f.Code == Diverted
		}
		if got != c.diverted {
			t.Errorf("%s: diverted %v", c.name, got)
		}
	}
}
