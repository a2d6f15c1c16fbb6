package replica

import (
	"testing"
)

func TestEverythingBecomesFinalEverywhere(t *testing.T) {
	c := newCluster(t).runAll()
	c.awaitFinal(c.list(), c.list()...)
	for i := range 5 {
		for _, n := range c.list() {
			n.records(10 * (i + 1))
		}
		c.awaitFinal(c.list(), c.list()...)
	}
}
