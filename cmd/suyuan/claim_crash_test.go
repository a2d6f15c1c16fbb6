package main_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// The node that checks second codes is killed again and again while people claim.
// Nobody who was told to be the first is told otherwise later, and of those who
// were told nothing one is the first where nobody was.
func TestClaimsWhileTheNodeIsKilled(t *testing.T) {
	t.Parallel()
	const each, people, kills = 12, 3, 2 // items in each round
	n := newNetwork(t)
	c := n.brand
	c.start()
	c.addOperator("product", "run", "claim")
	c.suyuan("product", "add", "--gtin", claimGTIN, "--name-zh", "精华水", "--name-en", "Toner").done(t)
	c.suyuan("codes", "issue", "--gtin", claimGTIN, "--count", fmt.Sprint(each*kills), "--second", "--out", filepath.Join(n.dir, "print")).done(t)
	list := scratchedItems(t, filepath.Join(n.dir, "print", "codes-"+claimGTIN+"-0.csv"))

	var mu sync.Mutex
	told := make(map[string]string) // the outcome by item and person
	everybody := func(from, to int, final bool) {
		var all sync.WaitGroup
		for i := from; i < to; i++ {
			for p := range people {
				all.Go(func() {
					who := fmt.Sprintf("%d-%d", i, p)
					got := c.claimAsApp(list[i], who)
					mu.Lock()
					defer mu.Unlock()
					before := told[who]
					switch {
					case got == "":
						if final {
							t.Errorf("%s is told nothing", who)
						}
						return
					case before == "first" && got != "yours", before == "yours" && got != "yours", before == "before" && got != "before":
						t.Errorf("%s was told %s and then %s", who, before, got)
					}
					told[who] = got
				})
			}
		}
		all.Wait()
	}
	for round := range kills {
		before := c.ownSize()
		var all sync.WaitGroup
		all.Go(func() { everybody(0, (round+1)*each, false) })
		eventually(t, startWithin, func() string { // some are recorded, others not
			if size := c.ownSize(); size <= before {
				return fmt.Sprintf("%d entries", size)
			}
			return ""
		})
		c.kill()
		all.Wait()
		c.start()
	}
	everybody(0, len(list), true)
	for i := range list {
		owners := 0
		for p := range people {
			if o := told[fmt.Sprintf("%d-%d", i, p)]; o == "first" || o == "yours" {
				owners++
			}
		}
		if owners != 1 {
			t.Errorf("item %d has %d first users", i, owners)
		}
	}
}

// claimAsApp claims as the server of the company's app, which speaks for many. It
// returns "" if the node says nothing.
func (c *company) claimAsApp(item scratched, token string) string {
	body, err := json.Marshal(map[string]string{"uri": item.uri, "code": item.second, "token": token})
	if err != nil {
		return ""
	}
	a, err := c.try("POST", "/api/v1/claims", jsonRequest(string(body)))
	if err != nil || a.status != 200 {
		return ""
	}
	var out claimed
	if json.Unmarshal(a.body, &out) != nil {
		return ""
	}
	return out.Outcome
}
