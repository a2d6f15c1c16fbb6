package main_test

import (
	"fmt"
	"testing"
	"time"
)

func TestTry(t *testing.T) {
	t0 := time.Now()
	lap := func(s string) { fmt.Println(s, time.Since(t0)); t0 = time.Now() }
	n := newNetwork(t)
	lap("made")
	n.start()
	lap("started")
	n.waitFinal()
	lap("final")
	c := n.first()
	c.addOperator("place")
	lap("op")
	c.post(placeDraft("a1"))
	lap("post")
	n.waitFinal()
	lap("final")
	for i := 0; i < 5; i++ {
		c.kill()
		c.start()
		lap("restart")
	}
	n.waitFinal()
	lap("final")
	c.post(placeDraft("a2"))
	n.waitFinal()
	lap("final")
	for _, c := range n.all() {
		c.stop()
	}
	lap("stop")
	for _, c := range n.all() {
		c.suyuan("verify").done(t)
	}
	lap("verify")
	n.start()
	lap("start")
	n.waitFinal()
	lap("final")
}
