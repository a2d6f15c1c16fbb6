package node

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
)

// syncAll brings every chain to every node and makes it final there, by three of
// four cosigners.
func syncAll(t *testing.T, nodes []*testNode) {
	t.Helper()
	for _, from := range nodes {
		for _, to := range nodes {
			if from != to {
				move(t, from, to, from.chain)
			}
		}
	}
	for _, from := range nodes {
		others := slices.DeleteFunc(slices.Clone(nodes), func(n *testNode) bool { return n == from })
		cp := from.checkpoint(t, others...)
		for _, to := range nodes {
			to.put(t, cp)
		}
	}
}

// Four companies of which one's clock is an hour off, either way: its entries
// lie outside what the others saw, by more than one of them, and members are
// told. The others' do not, and a clock that is off by seconds is no finding.
func TestClocksOutsideWhatOthersSaw(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		off  time.Duration
		told bool
	}{{"behind", -time.Hour, true}, {"ahead", time.Hour, true}, {"right", 0, false}, {"nearly right", -20 * time.Second, false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			nodes := newNetwork(t, 4)
			now := time.Now().Add(3 * time.Hour) // entry times never go back
			tick := func() {
				now = now.Add(2 * time.Second)
				for _, n := range nodes {
					n.clock.at = now
				}
				nodes[3].clock.at = now.Add(tt.off)
			}
			for _, n := range nodes {
				n.addOperator(t)
			}
			brand, odd := nodes[0], nodes[3]
			pallet := mustSSCC("006901234000000018")
			look := trace.Draft{Kind: "inspect", Fields: fields{"type": "quality", "result": "pass"}, Subjects: []trace.DraftSubject{{SSCC: pallet}}}
			place := trace.Draft{Kind: "place", Fields: fields{"id": "hub", "kind": "warehouse", "country": "CN"}}
			for range 3 { // everybody writes, having seen what the others wrote
				tick()
				syncAll(t, nodes)
				tick()
				for _, n := range nodes[1:3] {
					n.mustSubmit(t, place)
				}
				odd.mustSubmit(t, look)
				brand.mustSubmit(t, look)
			}
			tick()
			syncAll(t, nodes)
			uri := "https://lanzhi.example/00/" + pallet.String()
			check := func(n *testNode) {
				t.Helper()
				a, err := n.Answer(context.Background(), uri, "dist")
				if err != nil {
					t.Fatal(err)
				}
				outside := map[ledger.Hash]bool{}
				for _, f := range a.Trail.Findings {
					if f.Code == trace.ClockOutside {
						outside[f.Records[0]] = true
					}
				}
				told := 0
				for _, e := range a.Trail.Events {
					if outside[e.ID] && e.Party.Member != odd.Member() {
						t.Errorf("%s: the clock of %s is right, and it is told that it is not", n.Member(), e.Party.Member)
					}
					if outside[e.ID] {
						told++
					}
				}
				if (told > 0) != tt.told {
					t.Errorf("%s: %d events of %s are told to be outside", n.Member(), told, odd.Member())
				}
			}
			for _, n := range nodes {
				check(n)
			}
			brand.reopen(t) // from what was kept
			check(brand)
			if err := os.WriteFile(filepath.Join(brand.dir, dirIndex, fileClocks), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
			brand.reopen(t) // and from the frontiers again
			check(brand)
		})
	}
}
