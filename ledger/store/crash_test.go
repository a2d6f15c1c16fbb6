package store_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

// childVar makes the test binary the process that the crash test kills.
const childVar = "SUYUAN_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVar); dir != "" {
		if err := appendUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func crashConfig(dir string, net *ledgertest.Net) store.Config {
	return store.Config{Dir: dir + "/ledger", Guard: dir + "/guard", Network: net.Network, Own: 1, MinFree: 1}
}

// appendUntilKilled appends from several goroutines and signs now and then. It
// writes a line for each answer that it gets.
func appendUntilKilled(dir string) error {
	net := ledgertest.New()
	s, err := store.Open(crashConfig(dir, net))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	tell := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	failed := make(chan error)
	for range 8 {
		go func() {
			for {
				rec, sc := net.Record("lanzhi", ledger.KindShip, ledgertest.Start,
					ledgertest.Edit(func(r *ledger.Record) { rand.Read(r.Nonce[:]) }))
				p, err := s.Append(context.Background(), rec, sc)
				if err != nil {
					failed <- err
					return
				}
				tell("stored %d %s", p.Seq, rec.ID)
			}
		}()
	}
	go func() {
		for {
			_, size, err := s.Sign(context.Background(), net.Network.Newest().Verifiers.Origin(1), net.Member("lanzhi").Log)
			if err != nil {
				failed <- err
				return
			}
			root, err := s.RootAt(1, size)
			if err != nil {
				failed <- err
				return
			}
			tell("signed %d %s", size, root)
		}
	}()
	return <-failed
}

// TestKilledStoreKeepsWhatItAnswered kills a process that appends and signs, as
// hard as can be, several times over one store. All that was answered is there
// afterwards, at its place, and nothing was signed that the store contradicts.
func TestKilledStoreKeepsWhatItAnswered(t *testing.T) {
	t.Parallel()
	net, dir := ledgertest.New(), t.TempDir()
	cfg := crashConfig(dir, net)
	if err := store.CreateGuard(cfg.Guard); err != nil {
		t.Fatal(err)
	}
	open(t, net, "lanzhi", cfg).begin(t).Close()
	stored := make(map[uint64]string)
	signed := make(map[uint64]string)
	for round := range 5 {
		killAfter(t, dir, 40+60*round, stored, signed)
		n := open(t, net, "lanzhi", cfg)
		checkSigning(t, n)
		for seq, id := range stored {
			raw, err := n.Entry(1, seq)
			if err != nil {
				t.Fatalf("round %d: entry %d of %d was answered: %v", round, seq, n.Size(1), err)
			}
			if o, err := ledger.OpenEntry(raw); err != nil || o.Record.ID.String() != id {
				t.Errorf("round %d: entry %d is not record %s: %v", round, seq, id, err)
			}
		}
		for size, want := range signed {
			if root, err := n.RootAt(1, size); err != nil || root.String() != want {
				t.Errorf("round %d: root at %d is %s, %v; signed was %s", round, size, root, err, want)
			}
		}
		checkClean(t, n)
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d records answered, %d checkpoints signed", len(stored), len(signed))
}

// killAfter runs the child until it has answered n records, kills it and reads
// what else it had said.
func killAfter(t *testing.T, dir string, n int, stored, signed map[uint64]string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // only that it ends
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answered := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var what, hash string
		var number uint64
		if _, err := fmt.Sscan(lines.Text(), &what, &number, &hash); err != nil || len(hash) != 64 {
			break // cut short by the kill
		}
		if what == "signed" {
			signed[number] = hash
			continue
		}
		stored[number] = hash
		if answered++; answered == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if answered < n {
		t.Fatalf("the child answered %d of %d records", answered, n)
	}
}
