package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary a `suyuan` on the PATH of what the tests start:
// every node and command in them is a process of its own. The tests themselves
// stand in package main_test and see nothing of the program but what anybody
// does.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"suyuan": main})
}
