package code

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// testRun is the run of the golden values.
var testRun = Run{
	GTIN:   6901234567892,
	Number: 1,
	Count:  1000,
	Secret: Secret{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31},
}

// mustIssue issues a run into a directory of the test and opens its pack.
func mustIssue(t testing.TB, run Run) (Issued, *Pack) {
	t.Helper()
	dir := t.TempDir()
	issued, err := Issue(t.Context(), run, Job{Dir: dir, TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	pack, err := Open(issued.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pack.Close() })
	return issued, pack
}

// mustProver issues a run and opens a prover for it.
func mustProver(t testing.TB, run Run) *Prover {
	t.Helper()
	issued, _ := mustIssue(t, run)
	prover, err := OpenProver(t.Context(), issued.Path, filepath.Join(t.TempDir(), "blocks"), issued.Root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { prover.Close() })
	return prover
}

func TestRunCheck(t *testing.T) {
	for name, change := range map[string]func(*Run){
		"no gtin":          func(r *Run) { r.GTIN = 0 },
		"gtin too long":    func(r *Run) { r.GTIN = maxGTIN + 1 },
		"run too high":     func(r *Run) { r.Number = MaxRunNumber + 1 },
		"no codes":         func(r *Run) { r.Count = 0 },
		"too many codes":   func(r *Run) { r.Count = MaxRunCodes + 1 },
		"all of the above": func(r *Run) { *r = Run{} },
	} {
		run := testRun
		change(&run)
		if err := run.Check(); !errors.Is(err, ErrRun) {
			t.Errorf("%s: Check() = %v, want %v", name, err, ErrRun)
		}
	}
	if err := testRun.Check(); err != nil {
		t.Error(err)
	}
}

func TestSerialsYieldsInOrderAndInRange(t *testing.T) {
	next := uint32(990)
	for index, serial := range testRun.Serials(990, 2000) {
		if index != next || serial != testRun.Serial(index) {
			t.Fatalf("got code %d, %v, want %d, %v", index, serial, next, testRun.Serial(next))
		}
		next++
	}
	if next != testRun.Count {
		t.Errorf("ended at %d, want %d", next, testRun.Count)
	}
	for range testRun.Serials(0, 1000) {
		break // must not go on
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		text := fmt.Sprintf(format, testRun)
		for _, leak := range []string{"04, 5", "4 5", "0405", "0x4", `\x04`} {
			if strings.Contains(text, leak) {
				t.Errorf("%s prints %s", format, text)
			}
		}
	}
}

func TestNewSecretsDiffer(t *testing.T) {
	first, second := NewSecret(), NewSecret()
	if first == second || first == (Secret{}) {
		t.Error("secrets are not random")
	}
}
