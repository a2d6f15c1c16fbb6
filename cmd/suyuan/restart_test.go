package main_test

import (
	"fmt"
	"net/http"
	"os"
	"testing"
)

// TestRestartOfAll stops every node and starts them again: nothing is lost, and
// what is written then becomes final.
func TestRestartOfAll(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.start()
	each(n.all(), func(c *company) { c.addOperator("place") })
	var before []placed
	for _, c := range n.all() {
		before = append(before, c.post(placeDraft("before"))...)
	}
	n.waitFinal()
	for _, c := range n.all() {
		c.stop()
	}
	n.start()
	for _, c := range n.all() {
		for _, want := range before {
			var got placed
			c.get("/api/v1/records/"+want.ID, &got)
			if got.State != "final" || got.Chain != want.Chain || got.Seq != want.Seq {
				t.Errorf("%s: after the restart %+v, before %+v", c.name, got, want)
			}
		}
		c.post(placeDraft("after"))
	}
	n.waitFinal()
}

// TestCatchUp keeps one node down while the others write. What they write is
// final without it, and it has everything soon after it is back.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.start()
	away := n.first()
	rest := n.others(away)
	each(rest, func(c *company) { c.addOperator("place") })
	n.waitFinal()
	away.stop()
	each(rest, func(c *company) {
		for i := range 20 {
			c.post(placeDraft(fmt.Sprintf("p%d", i)))
		}
	})
	n.waitFinal(rest...)
	away.start()
	n.waitFinal()
	away.stop()
	away.suyuan("verify").done(t)
}

// TestRestoredBackup puts an old copy of a node's directory back, the guard
// being where it was. The node knows that it has signed more than it has: it
// refuses to write, fetches its own entries from the others, and then goes on
// with the one history that there is.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.start()
	c := n.first()
	c.addOperator("place")
	c.post(placeDraft("old"))
	n.waitFinal()
	c.stop()
	backup := c.dir + ".backup"
	copyTree(t, c.dir, backup)
	c.start()
	var later []placed
	for i := range 10 {
		later = append(later, c.post(placeDraft(fmt.Sprintf("new%d", i)))...)
	}
	n.waitFinal()
	for _, each := range n.all() {
		each.stop()
	}
	if err := os.RemoveAll(c.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(backup, c.dir); err != nil {
		t.Fatal(err)
	}

	c.launch() // with nobody to fetch from
	if refused := c.waitUp(); refused {
		t.Fatal("the node does not start")
	}
	a, err := c.try("POST", "/api/v1/records", jsonRequest(placeDraft("too-early")))
	if err != nil {
		t.Fatal(err)
	}
	a.refused(t, http.StatusServiceUnavailable, "not-signing")
	if c.notReady() == "" {
		t.Error("the node says that it is ready")
	}

	for _, other := range n.others(c) {
		other.start()
	}
	c.waitReady()
	for _, want := range later {
		var got placed
		c.get("/api/v1/records/"+want.ID, &got)
		if got.Seq != want.Seq || got.Hash != want.Hash {
			t.Errorf("record %s has come back at %d, it stood at %d", want.ID, got.Seq, want.Seq)
		}
	}
	c.post(placeDraft("afterwards"))
	n.waitFinal() // and nobody holds evidence
	for _, c := range n.all() {
		c.suyuan("verify").done(t)
	}
}
