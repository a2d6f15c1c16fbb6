package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"suyuan/node"
)

// TestScripts runs testdata/script: one behaviour of the program each, which the
// first line names.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("SUYUAN_PASSPHRASE_FILE", filepath.Join(e.WorkDir, "pw"))
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
			e.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true")
			e.Values[nodesKey{}] = &nodes{byDir: make(map[string]*process)}
			return os.WriteFile(filepath.Join(e.WorkDir, "pw"), []byte("correct horse\n"), 0o600)
		},
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": scriptExits, "freeport": scriptFreePort, "node": scriptNode, "kill9": scriptKill9,
			"stop": scriptStop, "waitready": scriptWaitReady, "http": scriptHTTP, "mode": scriptMode,
			"holds": scriptHolds, "recordid": scriptRecordID,
			"awaitcharter": scriptAwaitCharter, "awaitfinal": scriptAwaitFinal,
		},
	})
}

// nodes are the processes that a script has started, by directory. The script
// ends them, and its cleanup those that are left.
type nodes struct {
	sync.Mutex
	byDir map[string]*process
}

type nodesKey struct{}

// take returns the running node of a directory and forgets it.
func (n *nodes) take(ts *testscript.TestScript, dir string) *process {
	n.Lock()
	defer n.Unlock()
	p := n.byDir[dir]
	if p == nil {
		ts.Fatalf("no node runs in %s", dir)
	}
	delete(n.byDir, dir)
	return p
}

// scriptExits is: exits CODE program [args…]. The program must end with the
// code.
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program [args…]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit status %d, not %s\nstdout: %s\nstderr: %s", code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// scriptFreePort is: freeport NAME… Each variable becomes a port that is free.
func scriptFreePort(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		port, err := findPort()
		ts.Check(err)
		ts.Setenv(name, strconv.Itoa(port))
	}
}

// scriptNode is: node DIR. It starts `suyuan run` there; its messages go to
// DIR.log.
func scriptNode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: node DIR")
	}
	logs, err := os.OpenFile(ts.MkAbs(args[0]+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	ts.Check(err)
	defer logs.Close()
	cmd := exec.Command("suyuan", "run", "--dir", args[0], "--passphrase-file", ts.MkAbs("pw"))
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = ts.MkAbs("."), logs, logs, childAttr()
	p, err := startProcess(cmd)
	ts.Check(err)
	ts.Defer(p.kill)
	running := ts.Value(nodesKey{}).(*nodes)
	running.Lock()
	defer running.Unlock()
	running.byDir[args[0]] = p
}

// scriptKill9 is: kill9 DIR. It kills the node that runs there.
func scriptKill9(ts *testscript.TestScript, _ bool, args []string) {
	ts.Value(nodesKey{}).(*nodes).take(ts, args[0]).kill()
}

// scriptStop is: stop DIR. It interrupts the node that runs there; it must end
// with exit status 0.
func scriptStop(ts *testscript.TestScript, _ bool, args []string) {
	p := ts.Value(nodesKey{}).(*nodes).take(ts, args[0])
	ts.Check(p.interrupt())
}

// scriptWaitReady is: waitready URL.
func scriptWaitReady(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(poll(startWithin, func() string {
		if a, err := send("GET", args[0]+"/readyz", "", nil); err != nil || a.status != http.StatusOK {
			return fmt.Sprintf("%s is not ready: %v", args[0], err)
		}
		return ""
	}))
}

// scriptHTTP is: http STATUS URL FILE. It gets the address, which must answer
// with the status, into a file.
func scriptHTTP(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: http STATUS URL FILE")
	}
	a, err := send("GET", args[1], "", nil)
	ts.Check(err)
	if strconv.Itoa(a.status) != args[0] {
		ts.Fatalf("status %d, not %s: %s", a.status, args[0], a.body)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), a.body, 0o644))
}

// scriptMode is: mode PERM FILE… Nobody else may have more rights to the files.
func scriptMode(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args[1:] {
		fi, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%o", fi.Mode().Perm()); got != strings.TrimPrefix(args[0], "0") {
			ts.Fatalf("%s has mode %s, not %s", name, got, args[0])
		}
	}
}

// scriptAwaitCharter is: awaitcharter DIR VERSION. The running node there must
// come to hold the charter version.
func scriptAwaitCharter(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: awaitcharter DIR VERSION")
	}
	ts.Check(poll(finalWithin, func() string {
		s := scriptStatus(ts, args[0])
		if strconv.FormatUint(s.Network.Charter, 10) != args[1] {
			return fmt.Sprintf("%s holds charter version %d, not %s", args[0], s.Network.Charter, args[1])
		}
		return ""
	}))
}

// scriptAwaitFinal is: awaitfinal DIR CHAIN. Everything that the running node
// there has of the chain must become final.
func scriptAwaitFinal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: awaitfinal DIR CHAIN")
	}
	ts.Check(poll(finalWithin, func() string {
		for _, c := range scriptStatus(ts, args[0]).Chains {
			if c.Chain == args[1] && c.Size > 0 && c.Final == c.Size {
				return ""
			}
		}
		return fmt.Sprintf("at %s the chain %s is not final", args[0], args[1])
	}))
}

func scriptStatus(ts *testscript.TestScript, dir string) (s node.Status) {
	ts.Check(ts.Exec("suyuan", "status", "--dir", dir, "--json"))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &s))
	return s
}
